// Threads for single pieces of work; see helper.h.
#include "core/helper.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// Bytes: worth a thread; put there at most, as the memory may have been promised by a damaged file; put there at once,
// while other calls of the system may have to wait; a large page.
enum { HELPER_LEAST = 8 << 20, HELPER_MOST = 64 << 20, HELPER_PORTION = 1 << 20, HELPER_LARGE = 2 << 20 };

struct Helper {
  Arena *arena;
  void (*work)(void *);
  void *what;
  pthread_t thread;
  struct Cleanup *waiting;
};

static void *helper_run(void *helper) {
  const Helper *h = helper;
  h->work(h->what);
  return NULL;
}

static void helper_wait(void *helper) { pthread_join(((Helper *)helper)->thread, NULL); }

// Away from the calling thread's processor: left alone, Linux may have the two take turns there for milliseconds.
static void helper_away(pthread_t thread) {
#if defined(CPU_COUNT)
  cpu_set_t others;
  int mine = sched_getcpu();
  if (mine < 0 || sched_getaffinity(0, sizeof others, &others) != 0 || CPU_COUNT(&others) < 2) return;
  CPU_CLR((size_t)mine, &others);
  pthread_setaffinity_np(thread, sizeof others, &others);
#else
  (void)thread;
#endif
}

bool helper_thread(pthread_t *thread, size_t stack, void *(*work)(void *), void *what) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  bool made =
      pthread_attr_setstacksize(&attributes, stack) == 0 && pthread_create(thread, &attributes, work, what) == 0;
  pthread_attr_destroy(&attributes);
  return made;
}

typedef struct {
  int (*work)(void *);
  void *what;
  int result;
} HelperMain;

static void *helper_run_main(void *all) {
  HelperMain *h = all;
  h->result = h->work(h->what);
  return NULL;
}

int helper_main(int (*work)(void *), void *what) {
  HelperMain h = {work, what, 0};
  pthread_t thread;
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= HELPER_MAIN_STACK) return work(what);
  if (!helper_thread(&thread, HELPER_MAIN_STACK, helper_run_main, &h)) return work(what);
  pthread_join(thread, NULL);
  return h.result;
}

Helper *helper_begin(Arena *a, void (*work)(void *), void *what) {
  Helper *h = NEW(a, Helper);
  *h = (Helper){.arena = a, .work = work, .what = what};
  if (!helper_thread(&h->thread, HELPER_STACK, helper_run, h)) return NULL;
  helper_away(h->thread);
  h->waiting = arena_cleanup(a, helper_wait, h);
  return h;
}

void helper_end(Helper *h) { arena_release(h->arena, h->waiting); }

typedef struct {
  uint8_t *at;
  size_t size;
} HelperPages;

static void helper_put_pages(void *pages) {
#if defined(MADV_POPULATE_WRITE)
  const HelperPages *p = pages;
  size_t before = (uintptr_t)p->at % (size_t)sysconf(_SC_PAGESIZE), size = p->size + before;
  for (size_t done = 0; done < size; done += HELPER_PORTION) {
    size_t portion = size - done < HELPER_PORTION ? size - done : HELPER_PORTION;
    if (madvise(p->at - before + done, portion, MADV_POPULATE_WRITE) != 0) return;
  }
#else
  (void)pages;
#endif
}

// A step of training walks through all of its memory, and pages of 4 KiB then cost it up to a tenth of its time.
static void helper_large_pages(uint8_t *at, size_t size) {
#if defined(MADV_HUGEPAGE)
  size_t before = (HELPER_LARGE - (uintptr_t)at % HELPER_LARGE) % HELPER_LARGE;
  if (size >= before + HELPER_LARGE) madvise(at + before, (size - before) / HELPER_LARGE * HELPER_LARGE, MADV_HUGEPAGE);
#else
  (void)at, (void)size;
#endif
}

Helper *helper_pages(Arena *a, void *at, size_t size) {
  helper_large_pages(at, size);
  if (size < HELPER_LEAST) return NULL;
  HelperPages *p = NEW(a, HelperPages);
  *p = (HelperPages){at, size < HELPER_MOST ? size : HELPER_MOST};
  return helper_begin(a, helper_put_pages, p);
}
