/*
 * The host's CPU as the oracle for user-mode instructions: reads records from standard input, runs the code of each
 * with the state in it, and writes the records back with the state after. x86-64 Linux only; record layout: ../oracle.ts.
 *
 * State goes in and out through signal frames: the handler that catches the end of one record (int3 behind the code, or
 * a fault) stores the interrupted registers and edits the same frame into the state of the next one. So every register
 * that a frame holds can be set, and a fault is reported with its vector, error code and address.
 * Code runs in two pages at CODE_PAGES full of int3, from an offset that the record names. Its memory is two pages at
 * DATA_PAGES with nothing around them; the 256 bytes around their common border are in the record, the rest stays zero.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#define CODE_PAGES 0x25555000ul
#define DATA_PAGES 0x10000000ul
#define PAGE 0x1000ul
#define WINDOW 256ul
#define TIME_LIMIT_US 100000
#define COMPATIBILITY 32
/* Linux's selectors of user segments. */
#define USER_CODE_32 0x23ul
#define USER_CODE_64 0x33ul
#define USER_DATA 0x2bul
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002

/*
 * General registers in the order of their numbers. On the way in, `rip` and `cr2` hold the bases of FS and GS, `error`
 * the code's offset in its pages, and a `vector` of COMPATIBILITY runs it in a 32-bit code segment. On the way out,
 * `code_length` holds CS.
 */
struct record {
  uint64_t gpr[16];
  uint64_t rip, rflags, cr2;
  uint32_t vector, error, signal, code_length;
  uint8_t code[1112];
  uint8_t fxsave[512];
  uint8_t window[WINDOW];
};
_Static_assert(sizeof(struct record) == 2048, "records are 2 KiB");

#define BATCH 64
static struct record records[BATCH];
static unsigned long filled, position;
static int started;

static const int ORDER[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* No libc here: the code under test may have changed the thread pointer. */
static long system_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static __attribute__((noreturn)) void stop(long status) {
  for (;;) system_call(SYS_exit_group, status, 0, 0);
}

static uint8_t *window(void) { return (uint8_t *)(DATA_PAGES + PAGE - WINDOW / 2); }

static void write_all(const uint8_t *from, unsigned long length) {
  while (length != 0) {
    long written = system_call(SYS_write, 1, (long)from, (long)length);
    if (written <= 0) stop(3);
    from += written;
    length -= (unsigned long)written;
  }
}

/* Writes the finished batch and reads the next one; the program ends with its input. */
static void refill(void) {
  unsigned long bytes = 0;
  write_all((const uint8_t *)records, filled * sizeof records[0]);
  do {
    long got = system_call(SYS_read, 0, (long)((uint8_t *)records + bytes), (long)(sizeof records - bytes));
    if (got < 0) stop(2);
    if (got == 0) break;
    bytes += (unsigned long)got;
  } while (bytes % sizeof records[0] != 0);
  filled = bytes / sizeof records[0];
  position = 0;
  if (filled == 0) stop(0);
}

static void save(struct record *r, const ucontext_t *context, int number, const uint8_t *fpu) {
  const greg_t *regs = context->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) r->gpr[i] = (uint64_t)regs[ORDER[i]];
  r->rip = (uint64_t)regs[REG_RIP];
  r->rflags = (uint64_t)regs[REG_EFL];
  r->cr2 = (uint64_t)regs[REG_CR2];
  r->vector = (uint32_t)regs[REG_TRAPNO];
  r->error = (uint32_t)regs[REG_ERR];
  r->signal = (uint32_t)number;
  r->code_length = (uint32_t)(regs[REG_CSGSFS] & 0xffff);
  memcpy(r->fxsave, fpu, sizeof r->fxsave);
  memcpy(r->window, window(), WINDOW);
  memset((void *)CODE_PAGES, 0xcc, 2 * PAGE);
}

static void load(const struct record *r, ucontext_t *context, uint8_t *fpu) {
  greg_t *regs = context->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) regs[ORDER[i]] = (greg_t)r->gpr[i];
  regs[REG_RIP] = (greg_t)(CODE_PAGES + r->error);
  regs[REG_EFL] = (greg_t)r->rflags;
  /* CS, GS, FS and SS in one word; the kernel takes CS and SS from it. */
  regs[REG_CSGSFS] = (greg_t)((r->vector == COMPATIBILITY ? USER_CODE_32 : USER_CODE_64) | USER_DATA << 48);
  /* Bytes 464 to 511 belong to the kernel's frame; the header behind says which parts are not in their initial state. */
  memcpy(fpu, r->fxsave, 464);
  *(uint64_t *)(fpu + 512) |= 3;
  memset((void *)DATA_PAGES, 0, 2 * PAGE);
  memcpy(window(), r->window, WINDOW);
  if (r->code_length > sizeof r->code || r->error + r->code_length > 2 * PAGE) stop(4);
  memcpy((void *)(CODE_PAGES + r->error), r->code, r->code_length);
}

/* The code may have changed any of them, and null selectors are what a 64-bit process has in FS and GS. */
static void load_segments(const struct record *r) {
  __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %1, %%fs\n\tmov %1, %%gs" : : "r"(USER_DATA), "r"(0ul));
  system_call(SYS_arch_prctl, ARCH_SET_FS, (long)r->rip, 0);
  system_call(SYS_arch_prctl, ARCH_SET_GS, (long)r->cr2, 0);
}

static void on_signal(int number, siginfo_t *info, void *opaque) {
  static const struct itimerval limit = {.it_value = {.tv_usec = TIME_LIMIT_US}};
  ucontext_t *context = opaque;
  uint8_t *fpu = (uint8_t *)context->uc_mcontext.fpregs;
  (void)info;
  /* The kernel leaves AC, NT and ID as they were, this code reads unaligned, and the next record inherits NT and ID. */
  __asm__ volatile("pushfq\n\tandq $-0x244001, (%%rsp)\n\tpopfq" : : : "cc", "memory");
  if (started) save(&records[position++], context, number, fpu);
  started = 1;
  if (position == filled) refill();
  load(&records[position], context, fpu);
  load_segments(&records[position]);
  system_call(SYS_setitimer, ITIMER_VIRTUAL, (long)&limit, 0);
}

int main(void) {
  static uint8_t stack[1 << 16];
  static const int SIGNALS[] = {SIGTRAP, SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGVTALRM};
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  void *code = mmap((void *)CODE_PAGES, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
  void *data = mmap((void *)DATA_PAGES, 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (code != (void *)CODE_PAGES || data != (void *)DATA_PAGES || sigaltstack(&alternate, NULL) != 0) return 1;
  memset(code, 0xcc, 2 * PAGE);
  sigfillset(&action.sa_mask);
  for (unsigned i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++) sigaction(SIGNALS[i], &action, NULL);
  raise(SIGTRAP);
  return 5;
}
