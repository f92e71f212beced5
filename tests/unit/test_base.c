// Arenas and failure. Includes base.c itself with a calloc that fails when it is told to, and whose memory is aligned to 8
// and not to 16, as on some machines of 32 bits.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

static long calls_left = -1;  // calls of calloc that still succeed; -1: all
static long blocks_held;      // by arenas

static void *counted_calloc(size_t n, size_t size) {
  if (calls_left == 0) return NULL;
  if (calls_left > 0) calls_left--;
  char *p = size ? calloc(n + 8 / size + 1, size) : NULL;
  if (p) blocks_held++;
  return p ? p + 8 : NULL;
}

static void counted_free(void *p) {
  if (!p) return;
  blocks_held--;
  free((char *)p - 8);
}

#define CALLOC_ALIGN 8
#define calloc       counted_calloc
#define free         counted_free
#include "core/base.c"
#undef calloc
#undef free

// Runs fn in a child process with stderr in text; returns its exit code.
static int in_child(void (*fn)(void), char *text, size_t room) {
  int end[2];
  assert_int_equal(pipe(end), 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(end[1], STDERR_FILENO);
    fn();
    _exit(0);
  }
  close(end[1]);
  size_t length = 0;
  for (ssize_t n; (n = read(end[0], text + length, room - 1 - length)) > 0;) length += (size_t)n;
  text[length] = '\0';
  close(end[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Silences stderr while fn runs.
static void quietly(void (*fn)(void)) {
  int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDERR_FILENO);
  fn();
  dup2(kept, STDERR_FILENO);
  close(nowhere);
  close(kept);
}

static void alignment_and_zeroes(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  static const size_t sizes[] = {0, 1, 3, 15, 16, 17, 100, 4095, 4096, 4097, 10000, 8000, 1 << 20, 5 << 20, 7};
  char *object[sizeof sizes / sizeof *sizes];
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *p = object[i] = arena_alloc(a, sizes[i], 1);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % (sizes[i] >= 4096 ? 64 : 16), 0);
    for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(p[j], 0);
    memset(p, (int)i + 1, sizes[i]);
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(object[i][j], i + 1);
  arena_close(a);
  assert_int_equal(blocks_held, 0);
}

static void large_pages(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *p = arena_alloc(a, LARGE, 1);
#ifndef ARENA_EACH
  assert_int_equal((uintptr_t)p % LARGE_ALIGN, 0);
#endif
  p[0] = p[LARGE - 1] = 1;
  arena_close(a);
  assert_int_equal(blocks_held, 0);
}

static void many_small_objects(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  enum { N = 20000 };
  int **all = NEW_ARRAY(a, int *, N);
  for (int i = 0; i < N; i++) {
    all[i] = NEW_ARRAY(a, int, 1 + i % 30);
    for (int j = 0; j <= i % 30; j++) all[i][j] = i;
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i % 30; j++) assert_int_equal(all[i][j], i);
  arena_close(a);
  assert_int_equal(blocks_held, 0);
}

static void note(void *what) {
  char **end = what;
  *(*end)++ = '+';
}

static void children_and_cleanups(void **state) {
  (void)state;
  char buffer[16] = "", *end = buffer;
  Arena *a = arena_open(NULL);
  Arena *child = arena_open(a), *other = arena_open(a), *grandchild = arena_open(child);
  arena_cleanup(a, note, &end);
  struct Cleanup *early = arena_cleanup(child, note, &end);
  arena_cleanup(grandchild, note, &end);
  arena_cleanup(other, note, &end);
  arena_release(child, early);
  assert_string_equal(buffer, "+");
  arena_close(other);
  assert_string_equal(buffer, "++");
  arena_close(a);
  assert_string_equal(buffer, "++++");
  assert_int_equal(blocks_held, 0);
  arena_close(NULL);
}

static void texts(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Text t = text_new(a);
  assert_string_equal(t.data, "");
  char expected[6000] = "";
  for (int i = 0; i < 500; i++) {
    text_add(&t, "%d,", i);
    sprintf(expected + strlen(expected), "%d,", i);
  }
  text_append(&t, "end", 3);
  text_append(&t, NULL, 0);
  strcat(expected, "end");
  assert_string_equal(t.data, expected);
  assert_int_equal(t.length, strlen(expected));
  assert_string_equal(arena_copy(a, "abc"), "abc");
  assert_string_equal(arena_slice(a, "abc", 2), "ab");
  assert_string_equal(arena_format(a, "%s-%05d", "x", 42), "x-00042");
  assert_string_equal(printable(a, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                      "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  assert_string_equal(printable(a, "a\033[31m\n\x7f%n"), "a\\x1b[31m\\x0a\\x7f%n");
  assert_string_equal(printable(a, "\xc2\x9b\xff\xc3"), "\\xc2\\x9b\\xff\\xc3");
  assert_string_equal(printable(a, "\xc0\x80\xed\xa0\x80\xf5"), "\\xc0\\x80\\xed\\xa0\\x80\\xf5");
  arena_close(a);
  assert_int_equal(blocks_held, 0);
}

// Something of everything, in two arenas.
static void use_arenas(Arena *a, void *end) {
  Arena *child = arena_open(a);
  arena_cleanup(child, note, end);
  Text t = text_new(child);
  for (int i = 0; i < 300; i++) text_add(&t, "line %d\n", i);
  NEW_ARRAY(child, double, 3000);
  for (int i = 0; i < 40; i++) NEW_ARRAY(a, char, 1000);
  printable(child, t.data);
}

// The exit code with which fn fails in arena a, 0 if it does not.
static int attempt(Arena *a, void (*fn)(Arena *, void *), void *what) {
  if (ARENA_TRY(a) != 0) return a->code;
  fn(a, what);
  return 0;
}

// Lets the n-th allocation fail; returns whether there were that many.
static bool fail_at_call(long n) {
  char buffer[4] = "", *end = buffer;
  calls_left = n;
  Arena *a = arena_open(NULL);
  int code = a ? attempt(a, use_arenas, &end) : EXIT_MEMORY;
  arena_close(a);
  assert_int_equal(blocks_held, 0);
  assert_true(code == EXIT_MEMORY || (code == 0 && end == buffer + 1));
  return code != 0;
}

static void fail_at_every_call(void) {
  long n = 0;
  while (fail_at_call(n)) n++;
  assert_true(n > 10);
  calls_left = -1;
}

static void failing_allocations(void **state) {
  (void)state;
  quietly(fail_at_every_call);
}

static void allocate_much(Arena *a, void *size) {
  const size_t *s = size;
  arena_alloc(a, s[0], s[1]);
}

static void absurd_sizes(void) {
  static size_t size[][2] = {{SIZE_MAX, 2}, {SIZE_MAX / 2, 3}, {1, SIZE_MAX - 8}, {SIZE_MAX, SIZE_MAX}};
  for (int i = 0; i < 4; i++) {
    Arena *a = arena_open(NULL);
    assert_int_equal(attempt(a, allocate_much, size[i]), EXIT_MEMORY);
    arena_close(a);
  }
  assert_int_equal(blocks_held, 0);
}

static void refused_sizes(void **state) {
  (void)state;
  quietly(absurd_sizes);
}

static void fail_without_escape(void) {
  Arena *a = arena_open(arena_open(NULL));
  fail(a, EXIT_CONFIG, "no %s at %d", "escape", 7);
}

static void fail_to_grandparent(void) {
  Arena *a = arena_open(NULL), *child = arena_open(arena_open(a));
  if (ARENA_TRY(a) == 0) fail(child, EXIT_LOCKED, "up and out");
  int code = a->code;
  arena_close(a);
  _exit(blocks_held == 0 ? code : 1);
}

static void fail_to_nearest(void) {
  Arena *a = arena_open(NULL), *child = arena_open(a);
  if (ARENA_TRY(a) != 0) _exit(1);
  if (ARENA_TRY(child) == 0) fail(child, EXIT_IO, "near");
  _exit(a->code == 0 && child->code == EXIT_IO ? EXIT_IO : 2);
}

static void fail_silently(void) {
  Arena *a = arena_open(NULL), *child = arena_open(a);
  a->silent = true;
  if (ARENA_TRY(a) == 0) fail(child, EXIT_DATA, "not to be told");
  _exit(a->code);
}

static void failures(void **state) {
  (void)state;
  char text[200];
  assert_int_equal(in_child(fail_without_escape, text, sizeof text), EXIT_CONFIG);
  assert_string_equal(text, "gmc: no escape at 7\n");
  assert_int_equal(in_child(fail_to_grandparent, text, sizeof text), EXIT_LOCKED);
  assert_string_equal(text, "gmc: up and out\n");
  assert_int_equal(in_child(fail_to_nearest, text, sizeof text), EXIT_IO);
  assert_string_equal(text, "gmc: near\n");
  assert_int_equal(in_child(fail_silently, text, sizeof text), EXIT_DATA);
  assert_string_equal(text, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alignment_and_zeroes),
      cmocka_unit_test(large_pages),
      cmocka_unit_test(many_small_objects),
      cmocka_unit_test(children_and_cleanups),
      cmocka_unit_test(texts),
      cmocka_unit_test(failing_allocations),
      cmocka_unit_test(refused_sizes),
      cmocka_unit_test(failures),
  };
  return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
