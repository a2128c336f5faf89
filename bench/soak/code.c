/*
 * Machine code made at run time, called until it is hot, then changed: in place, through a second mapping of the same
 * memory, over a page's edge, by its own instructions, and after its pages were given to something else.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t function(uint64_t);
static uint64_t state;

static uint64_t next_random(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}

static uint8_t *put(uint8_t *at, const char *bytes, int count) {
  memcpy(at, bytes, count);
  return at + count;
}

/* mov rax, rdi; then a loop of ECX rounds of `operations`, the first of them an addition; ret. */
static void make(uint8_t *at, int rounds, int operations) {
  at = put(at, "\x48\x89\xf8\xb9", 4);
  memcpy(at, &rounds, 4);
  at += 4;
  uint8_t *loop = at;
  for (int i = 0; i < operations; i++) {
    uint32_t value = (uint32_t)next_random();
    switch (i == 0 ? 0 : next_random() % 5) {
      case 0: at = put(at, "\x48\x05", 2); break; /* add rax, imm32 */
      case 1: at = put(at, "\x48\x35", 2); break; /* xor rax, imm32 */
      case 2: at = put(at, "\x48\x2d", 2); break; /* sub rax, imm32 */
      case 3: at = put(at, "\x48\x69\xc0", 3), value |= 1; break; /* imul rax, rax, imm32 */
      default: at = put(at, "\x48\xc1\xc8\x07\x48\x05", 6); break; /* ror rax, 7; add rax, imm32 */
    }
    memcpy(at, &value, 4);
    at += 4;
  }
  at = put(at, "\xff\xc9\x0f\x85", 4); /* dec ecx; jnz loop */
  int32_t distance = (int32_t)(loop - (at + 4));
  memcpy(at, &distance, 4);
  at += 4;
  *at = 0xc3;
}

static uint64_t call(uint8_t *code, uint64_t value) { return ((function *)code)(value); }

int main(int count, char **words) {
  state = strtoull(count > 1 ? words[1] : "1", NULL, 10) * 2654435761u + 88172645463325252u;
  const int pages = 16, bytes = pages * 4096;
  int file = memfd_create("code", 0);
  if (ftruncate(file, bytes) != 0) return 1;
  uint8_t *written = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  uint8_t *run = mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  uint8_t *both = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t sum = 0;

  for (int round = 0; round < 40; round++) { /* through another mapping */
    int offset = next_random() % (bytes - 600);
    make(written + offset, 200, 1 + next_random() % 30);
    for (int i = 0; i < 30; i++) sum = call(run + offset, sum + i);
  }
  printf("aliased %016llx\n", (unsigned long long)sum);

  for (int round = 0; round < 40; round++) { /* in place, often over an edge of pages */
    int offset = 4096 * (1 + next_random() % (pages - 1)) - next_random() % 300;
    make(both + offset, 100, 10 + next_random() % 20);
    for (int i = 0; i < 20; i++) sum = call(both + offset, sum ^ i);
  }
  printf("in place %016llx\n", (unsigned long long)sum);

  make(both, 50, 3); /* one immediate after the other, between two calls */
  for (int i = 0; i < 20000; i++) {
    both[12] = (uint8_t)i;
    sum = call(both, sum + 1);
  }
  printf("one byte %016llx\n", (unsigned long long)sum);

  /* mov eax, 0; a loop that adds 1 to the immediate of its own `add eax, imm32`: inc dword [rip + x]; add eax, imm32; dec edi; jnz */
  uint8_t *own = both + 8192 - 9; /* its instructions lie on two pages */
  memcpy(own, "\x31\xc0\xff\x05\x01\x00\x00\x00\x05\x00\x00\x00\x00\xff\xcf\x75\xf1\xc3", 18);
  for (int i = 1; i < 300; i += 7) {
    memset(own + 9, 0, 4);
    sum = sum * 31 + call(own, i);
  }
  printf("by itself %016llx\n", (unsigned long long)sum);

  for (int round = 0; round < 60; round++) { /* the same place, other pages */
    uint8_t *fresh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    make(fresh + 100, 60, 1 + round % 20);
    mprotect(fresh, 8192, PROT_READ | PROT_EXEC);
    for (int i = 0; i < 20; i++) sum = call(fresh + 100, sum - i);
    munmap(fresh, 8192);
  }
  printf("other pages %016llx\n", (unsigned long long)sum);
  return 0;
}
