// Floating point as a C program meets it: SSE doubles and floats, x87 long doubles, conversions, rounding, the math
// library, denormals, infinities. Prints bit patterns; debian.guest.test.ts has what a real processor prints.
#include <math.h>
#include <stdint.h>
#include <stdio.h>

static void show(const char *name, const void *value, int bytes) {
  const unsigned char *byte = value;
  printf("%s ", name);
  while (bytes-- > 0) printf("%02x", byte[bytes]);
  printf("\n");
}

static void sums(void) {
  volatile double step = 1.0;
  double narrow = 0;
  long double wide = 0;
  for (int i = 1; i < 2000; i++) {
    narrow += sin(i * step) / i;
    wide += sinl(i * (long double)step) / i + 1.0L / i / i;
  }
  show("double sum", &narrow, 8);
  show("long double sum", &wide, 10);
  printf("printed %.17g %.21Lg\n", narrow, wide);
}

static void functions(void) {
  // Volatile, or the compiler knows the results.
  volatile long double x = 2.5L, y = 7.7L;
  volatile double a = 2.5, b = 7.7;
  long double wide = powl(x, 1.75L) + expl(x) + logl(y) + atan2l(x, y) + sqrtl(y) + fmodl(1e18L, y) + cbrtl(y) + tanhl(x);
  double narrow = pow(a, 1.75) + exp(a) + log(b) + atan2(a, b) + sqrt(b) + fmod(1e18, b) + cbrt(b) + tanh(a);
  show("double functions", &narrow, 8);
  show("long double functions", &wide, 10);
}

static void rounding(void) {
  printf("rounded");
  for (int i = 0; i < 12; i++) {
    volatile long double value = i * 1.37L - 8.09L;
    printf(" %lld,%ld,%.0Lf,%.0Lf,%.0Lf", llrintl(value), lround((double)value), floorl(value), ceill(value),
           truncl(value));
  }
  printf("\n");
}

static void conversions(void) {
  volatile uint64_t large = 0xfedcba9876543210;
  volatile long double huge = 1.2345e19L;
  volatile float single = 1;
  for (int i = 0; i < 1000; i++) single = single * 1.0013f + 0.1f;
  double narrow = large;
  long double wide = large;
  show("float loop", (const void *)&single, 4);
  show("uint64 as double", &narrow, 8);
  show("uint64 as long double", &wide, 10);
  printf("long double as uint64 %llu\n", (unsigned long long)huge);
}

static void extremes(void) {
  volatile double denormal = 5e-324;
  volatile double infinite = 1e308;
  volatile long double tiny = 1e-4950L;
  denormal *= 3;
  infinite *= 10;
  double half = denormal / 2;
  double nan = infinite - infinite;
  show("denormal", &half, 8);
  printf("infinity %d nan %d tiny %.3Lg\n", isinf(infinite) != 0, isnan(nan) != 0, tiny);
}

int main(void) {
  sums();
  functions();
  rounding();
  conversions();
  extremes();
  return 0;
}
