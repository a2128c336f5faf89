// Threads on several vCPUs that would lose something if one atomic operation were not atomic: counters, locks, a queue, sleeping
// until woken; and that would see old pages or old code if another processor were not told. Every round checks its sums.
//   atomics SECONDS [THREADS]      prints one line for each kind; exit code 1 when a sum is wrong

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 32
#define TIMES 4000
#define PLACES 16

static int threads;
/** In every second round each thread stays on a processor of its own. */
static int is_pinned;

static _Atomic uint64_t added, swapped, compared, bits;
static _Alignas(16) uint64_t pair[2];
static uint64_t plain;
static atomic_int spinlock;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int whose;
static pthread_barrier_t barrier;
static volatile int *page;
static volatile unsigned char *code;

struct place {
  _Atomic uint64_t sequence;
  uint64_t value;
};
static struct place ring[PLACES];
static _Atomic uint64_t head, tail, taken_sum, taken_count;

static void add_pair(void) {
  uint64_t low = pair[0], high = pair[1];
  unsigned char done;
  do {
    uint64_t new_low = low + 1, new_high = high + 3;
    __asm__ volatile("lock cmpxchg16b %1; sete %0"
                     : "=q"(done), "+m"(pair), "+a"(low), "+d"(high)
                     : "b"(new_low), "c"(new_high)
                     : "memory", "cc");
  } while (!done);
}

static void *count(void *arg) {
  int id = (int)(intptr_t)arg;
  for (int i = 0; i < TIMES; i++) {
    atomic_fetch_add(&added, 1);
    uint64_t seen = atomic_load(&compared);
    while (!atomic_compare_exchange_weak(&compared, &seen, seen + 2))
      ;
    atomic_fetch_add(&swapped, atomic_exchange(&swapped, 0) + 1);
    atomic_fetch_xor(&bits, 1ull << id);
    add_pair();
  }
  return NULL;
}

static void *spin(void *arg) {
  (void)arg;
  for (int i = 0; i < TIMES; i++) {
    while (atomic_exchange_explicit(&spinlock, 1, memory_order_acquire))
      __asm__ volatile("pause");
    plain++;
    atomic_store_explicit(&spinlock, 0, memory_order_release);
  }
  return NULL;
}

/** A lock whose holder may lose its turn while the others do not even PAUSE. */
static void *spin_hard(void *arg) {
  (void)arg;
  for (int i = 0; i < TIMES; i++) {
    while (atomic_exchange_explicit(&spinlock, 1, memory_order_acquire))
      ;
    plain++;
    atomic_store_explicit(&spinlock, 0, memory_order_release);
  }
  return NULL;
}

static void *lock(void *arg) {
  (void)arg;
  for (int i = 0; i < TIMES; i++) {
    pthread_mutex_lock(&mutex);
    plain++;
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

/** A bounded queue for any number of writers and readers: a place is free or full by its sequence number. */
static void put(uint64_t value) {
  uint64_t at = atomic_load(&head);
  for (;;) {
    struct place *place = &ring[at % PLACES];
    uint64_t sequence = atomic_load(&place->sequence);
    if (sequence == at && atomic_compare_exchange_weak(&head, &at, at + 1)) {
      place->value = value;
      atomic_store(&place->sequence, at + 1);
      return;
    }
    if (sequence < at) sched_yield();
    at = atomic_load(&head);
  }
}

static uint64_t take(void) {
  uint64_t at = atomic_load(&tail);
  for (;;) {
    struct place *place = &ring[at % PLACES];
    uint64_t sequence = atomic_load(&place->sequence);
    if (sequence == at + 1 && atomic_compare_exchange_weak(&tail, &at, at + 1)) {
      uint64_t value = place->value;
      atomic_store(&place->sequence, at + PLACES);
      return value;
    }
    if (sequence < at + 1) sched_yield();
    at = atomic_load(&tail);
  }
}

static void *queue(void *arg) {
  int id = (int)(intptr_t)arg;
  for (int i = 1; i <= TIMES; i++) {
    if (id % 2 == 0) {
      put(i);
    } else {
      atomic_fetch_add(&taken_sum, take());
      atomic_fetch_add(&taken_count, 1);
    }
  }
  return NULL;
}

static void *pass(void *arg) {
  int id = (int)(intptr_t)arg;
  for (int i = 0; i < TIMES / 40; i++) {
    pthread_mutex_lock(&mutex);
    while (whose != id) pthread_cond_wait(&changed, &mutex);
    whose = (whose + 1) % threads;
    plain++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

/** One thread puts another page in the place of one, or other code into it; all must see it behind the barrier. */
static void *remap(void *arg) {
  int id = (int)(intptr_t)arg;
  for (int i = 1; i <= TIMES / 40; i++) {
    if (id == i % threads) {
      mmap((void *)page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      *page = i;
      code[0] = 0xb8;
      memcpy((void *)(code + 1), &i, 4);
      code[5] = 0xc3;
    }
    pthread_barrier_wait(&barrier);
    if (*page == i) atomic_fetch_add(&added, 1);
    if (((int (*)(void))code)() == i) atomic_fetch_add(&compared, 1);
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

struct start {
  void *(*work)(void *);
  int id;
};

static void *begin(void *arg) {
  struct start *start = arg;
  if (is_pinned) {
    cpu_set_t where;
    CPU_ZERO(&where);
    CPU_SET(start->id % sysconf(_SC_NPROCESSORS_ONLN), &where);
    if (sched_setaffinity(0, sizeof where, &where) != 0) exit(2);
  }
  return start->work((void *)(intptr_t)start->id);
}

static void on_all(void *(*work)(void *)) {
  pthread_t started[MAX_THREADS];
  struct start starts[MAX_THREADS];
  for (int id = 0; id < threads; id++) {
    starts[id] = (struct start){work, id};
    if (pthread_create(&started[id], NULL, begin, &starts[id]) != 0) exit(2);
  }
  for (int id = 0; id < threads; id++) pthread_join(started[id], NULL);
}

static int failures;

static void expect(const char *what, uint64_t found, uint64_t expected) {
  if (found == expected) return;
  printf("%s: %llu instead of %llu\n", what, (unsigned long long)found, (unsigned long long)expected);
  failures++;
}

static void counters(void) {
  added = swapped = compared = bits = 0;
  pair[0] = pair[1] = 0;
  on_all(count);
  uint64_t all = (uint64_t)threads * TIMES;
  expect("fetch and add", added, all);
  expect("compare and exchange", compared, 2 * all);
  expect("exchange", swapped, all);
  expect("exclusive or", bits, 0);
  expect("compare and exchange 16 bytes, low", pair[0], all);
  expect("compare and exchange 16 bytes, high", pair[1], 3 * all);
}

static void locked(const char *what, void *(*work)(void *), int times) {
  plain = 0;
  on_all(work);
  expect(what, plain, (uint64_t)threads * times);
}

static void queues(void) {
  head = tail = taken_sum = taken_count = 0;
  for (int i = 0; i < PLACES; i++) ring[i].sequence = i;
  on_all(queue);
  uint64_t readers = threads / 2;
  expect("taken", taken_count, readers * TIMES);
  expect("sum of what was taken", taken_sum, readers * TIMES * (TIMES + 1) / 2);
}

static void mappings(void) {
  added = compared = 0;
  pthread_barrier_init(&barrier, NULL, threads);
  on_all(remap);
  pthread_barrier_destroy(&barrier);
  expect("pages seen", added, (uint64_t)threads * (TIMES / 40));
  expect("code seen", compared, (uint64_t)threads * (TIMES / 40));
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  double end = now() + (argc > 1 ? atof(argv[1]) : 1);
  threads = argc > 2 ? atoi(argv[2]) : 4;
  if (threads < 2 || threads > MAX_THREADS || threads % 2 != 0) return 2;
  int anyone = MAP_PRIVATE | MAP_ANONYMOUS;
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, anyone, -1, 0);
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, anyone, -1, 0);
  if (page == MAP_FAILED || code == MAP_FAILED) return 2;
  int rounds = 0;
  do {
    whose = 0;
    is_pinned = rounds % 2;
    counters();
    locked("spinlock with PAUSE", spin, TIMES);
    locked("spinlock without PAUSE", spin_hard, TIMES);
    locked("mutex", lock, TIMES);
    locked("condition", pass, TIMES / 40);
    queues();
    mappings();
    rounds++;
  } while (now() < end && failures == 0);
  printf("%d threads on %ld processors, %d failures\n", threads, sysconf(_SC_NPROCESSORS_ONLN), failures);
  fprintf(stderr, "%d rounds\n", rounds);
  return failures != 0;
}
