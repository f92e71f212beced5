// The moving line on a terminal of any width: it never wraps, at whatever width it begins and however that changes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail  // ours is the one of base.h

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "train/progress.h"

static const char *const names[] = {"evidence_lower_bound", "reconstruction", "another_objective_with_a_long_name"};
static Line lines[3];

// Room for the longest line on a terminal as wide as can be said.
static char said[4096];

// What a step says on a terminal of so many columns: the text between the return and the clearing of the rest.
static const char *step(int terminal, Progress *p, const Training *t, int columns) {
  struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
  assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
  p->told = -1e9;
  progress_step(p, t);
  ssize_t n = read(terminal, said, sizeof said - 1);
  assert_true(n > 0);
  said[n] = '\0';
  assert_int_equal(said[0], '\r');
  char *end = strstr(said, "\033[K");
  assert_non_null(end);
  assert_string_equal(end, "\033[K");
  *end = '\0';
  return said + 1;
}

static void moving_line_fits(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Plan plan = {.lines = 3};
  Session s = {.quiet = false};
  Training t = {
      .plan = &plan, .session = &s, .step = 12345, .epoch_steps = 100, .last_step = 4000000000, .line = lines};
  for (int i = 0; i < 3; i++)
    lines[i] = (Line){.name = names[i], .sum = -123456.789 * (i + 1), .values = 3, .round = t.step};
  int terminal, own, kept = dup(STDERR_FILENO);
  assert_int_equal(openpty(&terminal, &own, NULL, NULL, NULL), 0);
  dup2(own, STDERR_FILENO);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  Progress *p = progress_open(a, &s);
  bool moving = p->moving;
  const char *whole = arena_copy(a, step(terminal, p, &t, 500));
  int wraps = 0, short_of = 0;
  for (int i = 1; i <= 500; i++) {
    int columns = i % 2 ? i : 501 - i;  // wider and narrower in turns
    size_t length = strlen(step(terminal, p, &t, columns)), fits = (size_t)columns - 1;
    wraps += length > fits;
    short_of += length < fits && length < strlen(whole);
  }
  size_t at_80 = strlen(step(terminal, p, &t, 80)), unknown = strlen(step(terminal, p, &t, 0));
  dup2(kept, STDERR_FILENO);
  assert_true(moving);
  assert_int_equal(wraps, 0);
  assert_int_equal(short_of, 0);
  assert_int_equal(at_80, 79);
  assert_int_equal(unknown, 79);
  assert_non_null(strstr(whole, "evidence_lower_bound -41152.3  reconstruction"));
  assert_non_null(strstr(whole, " left"));
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(moving_line_fits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
