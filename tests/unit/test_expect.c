// What a run is expected to measure: models whose outcome is known, trained by sessions in a folder of their own under
// /tmp. Figures, what becomes of them at which epoch, and the same of a run that was stopped anywhere.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "sessions.h"

enum { EXAMPLES = 40 };  // 36 to train on, 9 steps an epoch

// Descent on w^2 / 2 from 40 at a rate of 0.1: w is 40 0.9^k after k steps.
static const char falling[] =
    "parameter w = 40\nobjective height { minimize square(w) / 2 + 0 * x }\nmetric far = abs(w - 1) + 0 * x\n"
    "metric seen every 3 = w + 0 * x\n";

static double w_after(int epochs) { return 40 * pow(0.9, 9 * epochs); }

static Plan *plan_of(const char *settings, const char *expect) {
  return page_format(arena, 0,
                     "model k  data x from npy(\"%s/x.npy\")\n%strain { minimize height over w with sgd(0.1)  batch 4, "
                     "%s }\n%s",
                     folder, falling, settings, expect)
      ->plan;
}

typedef struct {
  int outcome, epoch;  // 0: of an expectation that stays open
  double figure;
} Known;

static void check(const Plan *plan, int64_t epochs, int n, const Known *known) {
  Expected told[8] = {{0}};
  assert_int_equal(plan->expects, n);
  expected = told;
  assert_int_equal(session(plan, ++runs, false, 0, epochs, 1), EXIT_DONE);
  expected = NULL;
  for (int i = 0; i < n; i++) {
    assert_int_equal(told[i].outcome, known[i].outcome);
    assert_int_equal(told[i].epoch, known[i].epoch);
    assert_true(fabs(told[i].figure - known[i].figure) <= 1e-5 * fabs(known[i].figure));
  }
}

static void an_epoch_has_its_figure(void **state) {
  (void)state;
  Plan *plan = plan_of("epochs 7",
                       "expect far <= 5.1 after 2 epochs  expect far <= 5.0 after 2 epochs\n"
                       "expect far >= 5.1 after 2 epochs  expect far >= 5.0 after 2 epochs\n"
                       "expect seen <= 3 after 3 epochs   expect seen >= 0.06\nexpect height <= 0.01");
  double far = w_after(2) - 1, last = w_after(7);
  assert_true(far > 5.0 && far < 5.1 && last < 0.06 && last > 0.05);
  check(plan, 0, 7,
        (Known[]){{EXPECTED_MET, 2, far},
                  {EXPECTED_MISSED, 2, far},
                  {EXPECTED_MISSED, 2, far},
                  {EXPECTED_MET, 2, far},
                  {EXPECTED_MET, 3, w_after(3)},
                  {EXPECTED_MISSED, 7, last},
                  {EXPECTED_MET, 7, last * last / 2}});
}

// Fewer epochs than the text says: what was to be after more is open.
static void a_shorter_run_leaves_open_what_it_has_not_reached(void **state) {
  (void)state;
  Plan *plan =
      plan_of("epochs 7", "expect far <= 0.9 after 6 epochs  expect far <= 6\nexpect seen >= 100 after 3 epochs");
  check(
      plan, 2, 3,
      (Known[]){{EXPECTED_OPEN, 2, w_after(2) - 1}, {EXPECTED_MET, 2, w_after(2) - 1}, {EXPECTED_OPEN, 2, w_after(2)}});
}

// `far` is smallest after the fourth epoch, at 0.9008; `height` falls to the end.
static void the_end_is_the_best_epoch(void **state) {
  (void)state;
  Plan *plan = plan_of("epochs 6, keep best(far)", "expect far <= 0.1  expect height <= 0.01  expect seen >= 0.1");
  double best = w_after(4);
  check(plan, 0, 3,
        (Known[]){{EXPECTED_MET, 4, 1 - best}, {EXPECTED_MISSED, 4, best * best / 2}, {EXPECTED_MET, 6, w_after(6)}});
}

// A condition ends the training in the third epoch: its figure counts for those to come.
static void a_condition_ends_it_sooner(void **state) {
  (void)state;
  Plan *plan =
      plan_of("epochs 9, until step > 20", "expect far <= 3.5 after 9 epochs  expect far <= 5.1 after 2 epochs");
  check(plan, 0, 2, (Known[]){{EXPECTED_MET, 3, 40 * pow(0.9, 21) - 1}, {EXPECTED_MET, 2, w_after(2) - 1}});
}

static const char *expected_of(int run) {
  Bytes file = file_read(arena, path_of(run, "run.json"), 1 << 20, "");
  const char *text = strstr(arena_slice(arena, (const char *)file.data, file.size), "\"expected\"");
  assert_non_null(text);
  return text;
}

// Stopped after every few steps, a run ends with the same figures, and says them in the same words.
static void a_run_that_was_stopped_has_the_same_figures(void **state) {
  (void)state;
  Plan *plan = plan_of("epochs 5, keep best(-far)",
                       "expect far <= 20 after 1 epoch  expect seen <= 3 after 3 epochs\nexpect far <= 20");
  int whole = train(plan, 0), stopped = train(plan, 1);
  for (int step = 8; step < 50; step += 7)
    assert_int_equal(session(plan, stopped, true, step < 45 ? step : 0, 0, 1), EXIT_DONE);
  const char *a = expected_of(whole), *b = expected_of(stopped);
  assert_string_equal(a, b);
  assert_non_null(strstr(a, "\"after\": 1, \"figure\": 14.4"));
  assert_non_null(strstr(a, "\"met\": true"));
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(an_epoch_has_its_figure),
                                     TEST(a_shorter_run_leaves_open_what_it_has_not_reached),
                                     TEST(the_end_is_the_best_epoch), TEST(a_condition_ends_it_sooner),
                                     TEST(a_run_that_was_stopped_has_the_same_figures)};
  if (scratch_make(folder) != 0) return 1;
  write_numbers(EXAMPLES);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return !folder_remove() || failed;
}
