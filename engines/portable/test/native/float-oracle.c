/*
 * The host's own floating point, for comparison: executes one x87 or SSE instruction per record with a
 * given control word and operands. Records on standard input, answers on standard output, both of 40
 * bytes: { u32 operation, u32 control, u8 a[16], u8 b[16] } and { u32 status, u32 flags, u8 r0[16], u8 r1[16] }.
 * Destinations start as 0xcc bytes, so that "nothing stored" shows. Operation numbers: float-oracle.ts.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

struct request {
  uint32_t operation;
  uint32_t control;
  uint8_t a[16];
  uint8_t b[16];
};

struct answer {
  uint32_t status;
  uint32_t flags;
  uint8_t r0[16];
  uint8_t r1[16];
};

/* What FNSAVE writes in 32-bit and 64-bit code. */
struct __attribute__((packed)) saved_state {
  uint32_t control, status, tag, pointers[4];
  uint8_t registers[8][10];
};

static sigjmp_buf fault_exit;
static volatile uint32_t fault_mxcsr;

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  fault_mxcsr = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
  siglongjmp(fault_exit, 1);
}

#define ONE_REGISTER(number, text)                                                                        \
  case number:                                                                                            \
    __asm__ volatile("fninit\n\tfldt %[a]\n\tfldcw %[cw]\n\t" text "\n\tfnsave %[state]"                  \
                     : [state] "=m"(state)                                                                \
                     : [a] "m"(q->a), [cw] "m"(cw));                                                      \
    break;
#define TWO_REGISTERS(number, text)                                                                       \
  case number:                                                                                            \
    __asm__ volatile("fninit\n\tfldt %[b]\n\tfldt %[a]\n\tfldcw %[cw]\n\t" text "\n\tfnsave %[state]"     \
                     : [state] "=m"(state)                                                                \
                     : [a] "m"(q->a), [b] "m"(q->b), [cw] "m"(cw));                                       \
    break;
#define NO_REGISTER(number, text)                                                                         \
  case number:                                                                                            \
    __asm__ volatile("fninit\n\tfldcw %[cw]\n\t" text "\n\tfnsave %[state]"                               \
                     : [state] "=m"(state)                                                                \
                     : [a] "m"(q->a), [cw] "m"(cw));                                                      \
    break;
#define TO_MEMORY(number, text)                                                                           \
  case number:                                                                                            \
    __asm__ volatile("fninit\n\tfldt %[a]\n\tfldcw %[cw]\n\t" text "\n\tfnsave %[state]"                  \
                     : [state] "=m"(state), [out] "+m"(memory)                                            \
                     : [a] "m"(q->a), [cw] "m"(cw));                                                      \
    to_memory = 1;                                                                                        \
    break;

static int run_x87(const struct request *q, struct answer *r) {
  struct saved_state state;
  uint8_t memory[16];
  uint16_t cw = (uint16_t)q->control;
  int to_memory = 0;
  memset(memory, 0xcc, sizeof memory);
  switch (q->operation) {
    TWO_REGISTERS(0, "fadd %%st(1), %%st")
    TWO_REGISTERS(1, "fsub %%st(1), %%st")
    TWO_REGISTERS(2, "fmul %%st(1), %%st")
    TWO_REGISTERS(3, "fdiv %%st(1), %%st")
    ONE_REGISTER(4, "fsqrt")
    TWO_REGISTERS(5, "fcom %%st(1)")
    TWO_REGISTERS(6, "fucom %%st(1)")
    ONE_REGISTER(7, "frndint")
    TWO_REGISTERS(8, "fscale")
    TWO_REGISTERS(9, "fprem")
    TWO_REGISTERS(10, "fprem1")
    ONE_REGISTER(11, "fxtract")
    ONE_REGISTER(12, "fxam")
    NO_REGISTER(13, "filds %[a]")
    NO_REGISTER(14, "fildl %[a]")
    NO_REGISTER(15, "fildll %[a]")
    TO_MEMORY(16, "fistps %[out]")
    TO_MEMORY(17, "fistpl %[out]")
    TO_MEMORY(18, "fistpll %[out]")
    TO_MEMORY(19, "fisttps %[out]")
    TO_MEMORY(20, "fisttpl %[out]")
    TO_MEMORY(21, "fisttpll %[out]")
    NO_REGISTER(22, "flds %[a]")
    NO_REGISTER(23, "fldl %[a]")
    TO_MEMORY(24, "fstps %[out]")
    TO_MEMORY(25, "fstpl %[out]")
    NO_REGISTER(26, "fbld %[a]")
    TO_MEMORY(27, "fbstp %[out]")
    NO_REGISTER(28, "fld1")
    NO_REGISTER(29, "fldl2t")
    NO_REGISTER(30, "fldl2e")
    NO_REGISTER(31, "fldpi")
    NO_REGISTER(32, "fldlg2")
    NO_REGISTER(33, "fldln2")
    NO_REGISTER(34, "fldz")
    TWO_REGISTERS(35, "fadds %[b]")
    TWO_REGISTERS(36, "faddl %[b]")
    TWO_REGISTERS(37, "fmuls %[b]")
    TWO_REGISTERS(38, "fdivl %[b]")
    TWO_REGISTERS(39, "fsubrl %[b]")
    TWO_REGISTERS(40, "fcoms %[b]")
    ONE_REGISTER(41, "fsin")
    ONE_REGISTER(42, "fcos")
    ONE_REGISTER(43, "fsincos")
    ONE_REGISTER(44, "fptan")
    TWO_REGISTERS(45, "fpatan")
    ONE_REGISTER(46, "f2xm1")
    TWO_REGISTERS(47, "fyl2x")
    TWO_REGISTERS(48, "fyl2xp1")
    default:
      return 0;
  }
  r->status = state.status & 0xffff;
  r->flags = state.tag & 0xffff;
  memcpy(r->r0, state.registers[0], 10);
  memcpy(r->r1, state.registers[1], 10);
  if (to_memory) memcpy(r->r0, memory, sizeof memory);
  return 1;
}

/* The first operand, which is the destination, starts in xmm0 for arithmetic and as 0xcc for conversions. */
#define SSE(number, text)                                                                                 \
  case number:                                                                                            \
    __asm__ volatile("movdqu %[a], %%xmm0\n\tmovdqu %[b], %%xmm1\n\tmov $0xcccccccccccccccc, %%rax\n\t"  \
                     "ldmxcsr %[control]\n\t" text "\n\tstmxcsr %[after]\n\tpushfq\n\tpop %%rcx\n\t"        \
                     "ldmxcsr %[usual]\n\tmovdqu %%xmm0, %[r0]\n\tmov %%rax, %[r1]\n\tmov %%ecx, %[flags]" \
                     : [r0] "=m"(r->r0), [r1] "=m"(r->r1), [after] "=m"(r->status), [flags] "=m"(r->flags) \
                     : [a] "m"(q->a), [b] "m"(q->b), [control] "m"(q->control), [usual] "m"(usual)        \
                     : "rax", "rcx", "xmm0", "xmm1", "cc", "memory");                                     \
    break;

static int run_sse(const struct request *q, struct answer *r) {
  static const uint32_t usual = 0x1f80;
  if (sigsetjmp(fault_exit, 1)) {
    __asm__ volatile("ldmxcsr %0" : : "m"(usual));
    memset(r->r0, 0xcc, sizeof r->r0);
    memset(r->r1, 0xcc, sizeof r->r1);
    r->status = fault_mxcsr;
    r->flags = 0;
    return 1;
  }
  switch (q->operation) {
    SSE(100, "addss %%xmm1, %%xmm0")
    SSE(101, "subss %%xmm1, %%xmm0")
    SSE(102, "mulss %%xmm1, %%xmm0")
    SSE(103, "divss %%xmm1, %%xmm0")
    SSE(104, "sqrtss %%xmm1, %%xmm0")
    SSE(105, "minss %%xmm1, %%xmm0")
    SSE(106, "maxss %%xmm1, %%xmm0")
    SSE(107, "ucomiss %%xmm1, %%xmm0")
    SSE(108, "comiss %%xmm1, %%xmm0")
    SSE(109, "cvtss2sd %%xmm1, %%xmm0")
    SSE(110, "cvtss2si %%xmm1, %%eax")
    SSE(111, "cvttss2si %%xmm1, %%eax")
    SSE(112, "cvtss2si %%xmm1, %%rax")
    SSE(113, "cvttss2si %%xmm1, %%rax")
    SSE(114, "cvtsi2ssl %[b], %%xmm0")
    SSE(115, "cvtsi2ssq %[b], %%xmm0")
    SSE(116, ".byte 0x66,0x0f,0x3a,0x0a,0xc1,0x00")
    SSE(117, ".byte 0x66,0x0f,0x3a,0x0a,0xc1,0x01")
    SSE(118, ".byte 0x66,0x0f,0x3a,0x0a,0xc1,0x02")
    SSE(119, ".byte 0x66,0x0f,0x3a,0x0a,0xc1,0x03")
    SSE(120, ".byte 0x66,0x0f,0x3a,0x0a,0xc1,0x04")
    SSE(121, ".byte 0x66,0x0f,0x3a,0x0a,0xc1,0x0c")
    SSE(122, "cmpss $0, %%xmm1, %%xmm0")
    SSE(123, "cmpss $1, %%xmm1, %%xmm0")
    SSE(124, "cmpss $2, %%xmm1, %%xmm0")
    SSE(125, "cmpss $3, %%xmm1, %%xmm0")
    SSE(126, "cmpss $4, %%xmm1, %%xmm0")
    SSE(127, "cmpss $5, %%xmm1, %%xmm0")
    SSE(128, "cmpss $6, %%xmm1, %%xmm0")
    SSE(129, "cmpss $7, %%xmm1, %%xmm0")
    SSE(130, "mulps %%xmm1, %%xmm0")
    SSE(200, "addsd %%xmm1, %%xmm0")
    SSE(201, "subsd %%xmm1, %%xmm0")
    SSE(202, "mulsd %%xmm1, %%xmm0")
    SSE(203, "divsd %%xmm1, %%xmm0")
    SSE(204, "sqrtsd %%xmm1, %%xmm0")
    SSE(205, "minsd %%xmm1, %%xmm0")
    SSE(206, "maxsd %%xmm1, %%xmm0")
    SSE(207, "ucomisd %%xmm1, %%xmm0")
    SSE(208, "comisd %%xmm1, %%xmm0")
    SSE(209, "cvtsd2ss %%xmm1, %%xmm0")
    SSE(210, "cvtsd2si %%xmm1, %%eax")
    SSE(211, "cvttsd2si %%xmm1, %%eax")
    SSE(212, "cvtsd2si %%xmm1, %%rax")
    SSE(213, "cvttsd2si %%xmm1, %%rax")
    SSE(214, "cvtsi2sdl %[b], %%xmm0")
    SSE(215, "cvtsi2sdq %[b], %%xmm0")
    SSE(216, ".byte 0x66,0x0f,0x3a,0x0b,0xc1,0x00")
    SSE(217, ".byte 0x66,0x0f,0x3a,0x0b,0xc1,0x01")
    SSE(218, ".byte 0x66,0x0f,0x3a,0x0b,0xc1,0x02")
    SSE(219, ".byte 0x66,0x0f,0x3a,0x0b,0xc1,0x03")
    SSE(220, ".byte 0x66,0x0f,0x3a,0x0b,0xc1,0x04")
    SSE(221, ".byte 0x66,0x0f,0x3a,0x0b,0xc1,0x0c")
    SSE(222, "cmpsd $0, %%xmm1, %%xmm0")
    SSE(223, "cmpsd $1, %%xmm1, %%xmm0")
    SSE(224, "cmpsd $2, %%xmm1, %%xmm0")
    SSE(225, "cmpsd $3, %%xmm1, %%xmm0")
    SSE(226, "cmpsd $4, %%xmm1, %%xmm0")
    SSE(227, "cmpsd $5, %%xmm1, %%xmm0")
    SSE(228, "cmpsd $6, %%xmm1, %%xmm0")
    SSE(229, "cmpsd $7, %%xmm1, %%xmm0")
    SSE(230, "mulpd %%xmm1, %%xmm0")
    default:
      return 0;
  }
  return 1;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  static struct request requests[256];
  static struct answer answers[256];
  size_t count;
  sigaction(SIGFPE, &action, NULL);
  while ((count = fread(requests, sizeof requests[0], 256, stdin)) > 0) {
    for (size_t i = 0; i < count; i++) {
      memset(&answers[i], 0xcc, sizeof answers[i]);
      int known = requests[i].operation < 100 ? run_x87(&requests[i], &answers[i])
                                              : run_sse(&requests[i], &answers[i]);
      if (!known) return 2;
    }
    if (fwrite(answers, sizeof answers[0], count, stdout) != count) return 3;
  }
  return 0;
}
