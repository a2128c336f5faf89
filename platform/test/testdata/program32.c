// A 32-bit program without a library: system calls by INT 80h, the x87, 64-bit arithmetic in register pairs.
static int call(int number, int a, int b, int c) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}

static void print(unsigned long long value) {
  char text[18];
  for (int i = 0; i < 17; i++) text[16 - i] = "0123456789abcdef"[value >> 4 * i & 15];
  text[17] = '\n';
  text[0] = sizeof(void *) == 4 ? 'i' : 'x';
  call(4, 1, (int)text, 18);
}

void _start(void) {
  unsigned long long state = 1;
  long double sum = 0;
  for (int i = 1; i <= 1000; i++) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    sum += (long double)(state >> 11) / i;
  }
  print(state);
  print((unsigned long long)sum);
  call(1, 0, 0, 0);
  __builtin_unreachable();
}
