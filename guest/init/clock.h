/* Time for deadlines: milliseconds of the monotonic clock. */
#ifndef HEARTH_CLOCK_H
#define HEARTH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* What is left until `end_ms`, as poll takes it: 0 when it has passed. */
static inline int ms_until(int64_t end_ms) {
  int64_t left = end_ms - now_ms();
  return left > 0 ? (int)left : 0;
}

#endif
