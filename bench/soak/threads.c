/* Threads that meet at one counter, one lock, one stack and one pair of condition variables: the sums must be exact. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 6, ROUNDS = 20000, ITEMS = 3000 };
static atomic_uint_fast64_t counter, exchanged;
static atomic_flag spin = ATOMIC_FLAG_INIT;
static uint64_t spun, locked;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static unsigned long seed;

struct node { struct node *next; uint64_t value; };
static _Atomic(struct node *) top;

static void *hammer(void *number) {
  uint64_t own = (uint64_t)(uintptr_t)number;
  for (uint64_t i = 0; i < ROUNDS; i++) {
    atomic_fetch_add(&counter, own + seed % 7);
    uint_fast64_t seen = atomic_load(&exchanged);
    while (!atomic_compare_exchange_weak(&exchanged, &seen, seen + i)) {}
    if (i % 4 == 0) {
      while (atomic_flag_test_and_set(&spin)) sched_yield();
      spun += i ^ own;
      atomic_flag_clear(&spin);
    }
    if (i % 8 == 0) {
      pthread_mutex_lock(&mutex);
      locked += i;
      pthread_mutex_unlock(&mutex);
    }
    if (i % 16 == 0) {
      struct node *node = malloc(sizeof *node);
      node->value = i + own;
      node->next = atomic_load(&top);
      while (!atomic_compare_exchange_weak(&top, &node->next, node)) {}
    }
  }
  return NULL;
}

static uint64_t queue[16];
static unsigned head, tail;
static uint64_t taken_sum, taken_count;

static void *produce(void *number) {
  for (uint64_t i = 0; i < ITEMS; i++) {
    pthread_mutex_lock(&mutex);
    while (head - tail == 16) pthread_cond_wait(&emptied, &mutex);
    queue[head++ % 16] = i * (uint64_t)(uintptr_t)number + seed;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void *consume(void *unused) {
  (void)unused;
  for (uint64_t i = 0; i < ITEMS; i++) {
    pthread_mutex_lock(&mutex);
    while (head == tail) pthread_cond_wait(&filled, &mutex);
    taken_sum += queue[tail++ % 16];
    taken_count++;
    pthread_cond_signal(&emptied);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void run(void *(*first)(void *), void *(*second)(void *)) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, i % 2 ? first : second, (void *)(i + 1)) != 0) exit(1);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

int main(int count, char **words) {
  seed = strtoul(count > 1 ? words[1] : "1", NULL, 10);
  run(hammer, hammer);
  uint64_t on_stack = 0, nodes = 0;
  for (struct node *node = top; node != NULL; node = node->next) on_stack += node->value, nodes++;
  printf("%llu %llu %llu %llu %llu %llu\n", (unsigned long long)counter, (unsigned long long)exchanged, (unsigned long long)spun,
         (unsigned long long)locked, (unsigned long long)on_stack, (unsigned long long)nodes);
  run(produce, consume);
  printf("%llu %llu\n", (unsigned long long)taken_sum, (unsigned long long)taken_count);
  return 0;
}
