// The pool's threads; see pool.h.
//
// Every thread has a share of consecutive pieces, the same in every call, so that it finds its data in its cache;
// whoever has finished takes pieces of the others, so that a thread which is not running holds up nobody. A share is
// one word: the number of the call, the end of the share and its next piece. A piece is taken by exchanging that word,
// which fails if the call is over; so a late thread can touch nothing of the next call, and no call waits for a thread
// to wake up. Workers wait by spinning for a while, then sleep. Kernels follow each other within microseconds during
// training.
#include "core/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "core/helper.h"

enum { POOL_MOST_THREADS = 64, POOL_MOST_PIECES = 0xffff, POOL_SPIN_NANOSECONDS = 50000, POOL_SPINS = 64 };

typedef struct {
  _Alignas(64) atomic_uint_least64_t word;  // call << 32 | end << 16 | next
} PoolShare;

typedef struct {
  Pool *pool;
  int index;
  pthread_t thread;
} PoolWorker;

struct Pool {
  PoolShare share[POOL_MOST_THREADS];
  _Alignas(64) atomic_uint call;  // changes when there is work
  atomic_uint_least64_t left;     // pieces not yet done
  void (*_Atomic fn)(void *, int, int);
  void *_Atomic arg;
  atomic_int pieces;
  atomic_int sleepers;
  atomic_bool stop;
  int threads;
  uint64_t arithmetic;  // of the opening thread, as it was
  PoolWorker worker[POOL_MOST_THREADS];
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

static void pool_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  sched_yield();
#endif
}

// Does what is left of one thread's share of a call.
static void pool_take(Pool *pool, int thread, uint32_t call) {
  atomic_uint_least64_t *word = &pool->share[thread].word;
  void (*fn)(void *, int, int) = atomic_load_explicit(&pool->fn, memory_order_relaxed);
  void *arg = atomic_load_explicit(&pool->arg, memory_order_relaxed);
  int pieces = atomic_load_explicit(&pool->pieces, memory_order_relaxed);
  uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
  while (seen >> 32 == call && (seen & 0xffff) < (seen >> 16 & 0xffff)) {
    if (!atomic_compare_exchange_weak_explicit(word, &seen, seen + 1, memory_order_acq_rel, memory_order_acquire))
      continue;
    fn(arg, (int)(seen & 0xffff), pieces);
    atomic_fetch_sub_explicit(&pool->left, 1, memory_order_acq_rel);
    seen++;
  }
}

// The thread's own share, then those of the others.
static void pool_work(Pool *pool, int thread, uint32_t call) {
  for (int i = 0; i < pool->threads; i++) pool_take(pool, (thread + i) % pool->threads, call);
}

static int64_t pool_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Spins until there is another call than the last one, for as long as that may be worth it.
static bool pool_spin(Pool *pool, uint32_t last) {
  int64_t begin = pool_now();
  do {
    for (int i = 0; i < POOL_SPINS; i++) {
      if (atomic_load_explicit(&pool->call, memory_order_acquire) != last) return true;
      pool_pause();
    }
    sched_yield();
  } while (pool_now() - begin < POOL_SPIN_NANOSECONDS);
  return false;
}

static void pool_sleep(Pool *pool, uint32_t last) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  while (atomic_load(&pool->call) == last) pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

static void *pool_worker(void *worker) {
  Pool *pool = ((PoolWorker *)worker)->pool;
  int index = ((PoolWorker *)worker)->index;
  for (uint32_t last = 0;;) {
    if (!pool_spin(pool, last)) pool_sleep(pool, last);
    last = atomic_load_explicit(&pool->call, memory_order_acquire);
    if (atomic_load(&pool->stop)) return NULL;
    pool_work(pool, index, last);
  }
}

// Announces a call. The order of the two atomics, and that of pool_sleep, leave no sleeper behind.
static uint32_t pool_announce(Pool *pool) {
  uint32_t call = atomic_fetch_add(&pool->call, 1) + 1;
  if (atomic_load(&pool->sleepers) > 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
  return call;
}

void pool_run(Pool *pool, void (*fn)(void *arg, int piece, int pieces), void *arg, int pieces) {
  if (!pool || pool->threads == 1 || pieces <= 1 || pieces > POOL_MOST_PIECES) {
    if (pieces > 0) fn(arg, 0, 1);
    return;
  }
  uint64_t call = (uint32_t)(atomic_load_explicit(&pool->call, memory_order_relaxed) + 1);
  atomic_store_explicit(&pool->fn, fn, memory_order_relaxed);
  atomic_store_explicit(&pool->arg, arg, memory_order_relaxed);
  atomic_store_explicit(&pool->pieces, pieces, memory_order_relaxed);
  atomic_store_explicit(&pool->left, (uint64_t)pieces, memory_order_relaxed);
  for (int i = 0; i < pool->threads; i++) {
    uint64_t begin = (uint64_t)(pieces * i / pool->threads), end = (uint64_t)(pieces * (i + 1) / pool->threads);
    atomic_store_explicit(&pool->share[i].word, call << 32 | end << 16 | begin, memory_order_release);
  }
  pool_work(pool, 0, pool_announce(pool));
  for (int spins = 0; atomic_load_explicit(&pool->left, memory_order_acquire) > 0; spins++) {
    if (spins < 1000)
      pool_pause();
    else
      sched_yield();
  }
}

void pool_run_apart(Pool *pool, void (*fn)(void *arg, int piece, int pieces), void *arg, int pieces) {
  bool alone = !pool || pool->threads == 1 || pieces > POOL_MOST_PIECES;
  if (!alone) pool_run(pool, fn, arg, pieces);
  for (int i = 0; alone && i < pieces; i++) fn(arg, i, pieces);
}

// How this thread computes; new threads begin with what the one that starts them has.
static uint64_t pool_arithmetic(void) {
#if defined(__SSE__)
  return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__) && defined(__GNUC__)
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control;
#else
  return 0;
#endif
}

static void pool_set_arithmetic(uint64_t control) {
#if defined(__SSE__)
  __builtin_ia32_ldmxcsr((unsigned)control);
#elif defined(__aarch64__) && defined(__GNUC__)
  __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
  (void)control;
#endif
}

// From now on numbers below the least normal one count as 0, as operands and as results. Moments of weights whose
// gradient stays 0 decay into them and never out of them, and a processor may take 100 cycles over each.
static void pool_flush_subnormals(void) {
#if defined(__SSE__)
  enum { FLUSH = 0x8000 | 0x0040 };  // results, operands
#else
  enum { FLUSH = 1 << 24 };
#endif
  pool_set_arithmetic(pool_arithmetic() | FLUSH);
}

static void pool_close(void *p) {
  Pool *pool = p;
  atomic_store(&pool->stop, true);
  pool_announce(pool);
  for (int i = 1; i < pool->threads; i++) pthread_join(pool->worker[i].thread, NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  pool_set_arithmetic(pool->arithmetic);
}

// When there is a thread for every processor, every worker gets one of its own, other than that of the opening thread.
// Left alone, Linux wakes a sleeper where its waker runs, and the two take turns there for milliseconds.
static void pool_spread(const Pool *pool) {
#if defined(CPU_COUNT)
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) != pool->threads) return;
  size_t mine = (size_t)sched_getcpu();
  int i = 1;
  for (size_t cpu = 0; cpu < CPU_SETSIZE && i < pool->threads; cpu++) {
    if (!CPU_ISSET(cpu, &all) || cpu == mine) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pool->worker[i++].thread, sizeof one, &one);
  }
#else
  (void)pool;
#endif
}

static int pool_processors(void) {
#if defined(CPU_COUNT)
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) == 0) return CPU_COUNT(&all);
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

// Starts the workers, with all signals blocked: those are for the thread that opened the pool.
static void pool_start(Pool *pool, int threads) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 1; i < threads; i++) {
    pool->worker[i] = (PoolWorker){.pool = pool, .index = i};
    if (!helper_thread(&pool->worker[i].thread, HELPER_STACK, pool_worker, &pool->worker[i])) break;
    pool->threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

Pool *pool_open(Arena *a, int threads) {
  if (threads <= 0) threads = pool_processors();
  Pool *pool = NEW(a, Pool);
  pool->threads = 1;
  pool->arithmetic = pool_arithmetic();
  pool_flush_subnormals();
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  arena_cleanup(a, pool_close, pool);
  pool_start(pool, threads < POOL_MOST_THREADS ? threads : POOL_MOST_THREADS);
  pool_spread(pool);
  return pool;
}

int pool_threads(const Pool *pool) { return pool->threads; }
