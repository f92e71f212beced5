// What a run keeps: averages of its weights, its best epoch, and the best of several starts. Models whose outcome is
// known, trained by sessions in a folder of their own under /tmp; stopped anywhere, they come to the same files.
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

enum { EXAMPLES = 40 };  // 36 to train on

// The plan of a text whose data are a column x of 0 .. EXAMPLES - 1.
static Plan *plan_of(const char *text) {
  return page_format(arena, 0, "model k  data x from npy(\"%s/x.npy\")\n%s", folder, text)->plan;
}

static double number(int run, const char *file, const char *tensor) { return (double)*tensor_of(run, file, tensor); }

// ---- the best epoch

// Descent on w^2 / 2 from 40 at a rate of 0.1: w is 40 0.9^k after k steps, of which 9 are an epoch, and nearest to 1
// after the fourth, at 0.9008.
static const char falling[] =
    "parameter w = 40\nobjective height { minimize square(w) / 2 + 0 * x }\nmetric far = abs(w - 1) + 0 * x\n"
    "metric near = -abs(w - 1) + 0 * x\n";

static void check_best(const char *keep, int epoch) {
  Plan *plan = plan_of(
      arena_format(arena, "%strain { minimize height over w with sgd(0.1)  batch 4, epochs 7  %s }", falling, keep));
  int run = train(plan, 0);
  double w = 40 * pow(0.9, 9 * epoch);
  page_near("w", keep, number(run, "best.safetensors", "w"), w, 1e-5);
  assert_int_equal(meta(run, "best.safetensors", "epoch"), epoch);
  assert_int_equal(meta(run, "best.safetensors", "step"), 9 * epoch);
  assert_true(fabs(number(run, "weights.safetensors", "w") - 40 * pow(0.9, 63)) < 1e-5);
  assert_true(says(run, arena_format(arena, "\"epoch\":%d,\"split\":\"test\"", epoch)));
}

static void the_best_epoch_is_kept(void **state) {
  (void)state;
  check_best("keep best(far)", 4);
  check_best("keep best(-far)", 1);
  check_best("keep best(-near)", 4);
  check_best("keep best(near)", 1);
  check_best("keep best(height)", 7);
}

// What a metric is to the log density of the data says which of its values is the best, whatever the sign. After 9 k
// steps w is 400 0.9^(9 k): 155, 60, 23.3, 9.0, ..., and the mean of the examples held out, as of all, lies nearest to
// the third.
static void a_likelihood_has_a_direction(void **state) {
  (void)state;
  static const char *const keep[] = {"likely", "-likely", "unlikely", "-unlikely"};
  static const char *const before[] = {"best(likely) < -1e30", "best(-likely) > 1e30", "best(unlikely) > 1e30",
                                       "best(-unlikely) < -1e30"};
  for (int i = 0; i < 4; i++) {
    Plan *plan = plan_of(
        arena_format(arena,
                     "parameter w = 400, b = 0  decoder p(x) { x ~ normal(w, 1) }\nobjective height { minimize "
                     "square(w) / 2 + 0 * x }\n"
                     "objective up { maximize b + 0 * x }\nmetric likely = log p(x)  metric unlikely = -log p(x)\n"
                     "train { minimize height over w with sgd(0.1)  when %s { maximize up over b with sgd(1) }\n"
                     "  batch 4, epochs 7, keep best(%s) }",
                     before[i], keep[i]));
    int run = train(plan, 0);
    assert_int_equal(meta(run, "best.safetensors", "epoch"), 3);
    page_near("turns", before[i], number(run, "weights.safetensors", "b"), 9, 0);  // all of the first epoch, none later
  }
}

// At a rate of 0.1 w shrinks by 0.9 a step; at 3, from step 30 on, in the fourth epoch, each step makes it -2 times as
// large. The depth, which is maximized, is largest after the third epoch.
static void an_objective_has_a_direction(void **state) {
  (void)state;
  Plan *plan = plan_of(
      "parameter w = 1\nobjective depth { maximize -square(w) / 2 + 0 * x }\n"
      "train { maximize depth over w with sgd(if step < 30 then 0.1 else 3)  batch 4, epochs 6  keep best(depth) }");
  int run = train(plan, 0);
  assert_int_equal(meta(run, "best.safetensors", "epoch"), 3);
  assert_true(fabs(number(run, "best.safetensors", "w") - pow(0.9, 27)) < 1e-6);
  assert_true(fabs(number(run, "weights.safetensors", "w") - pow(0.9, 30) * pow(-2, 24)) < 1);
}

// A measure that is not finite ends the run, also where it is infinite in the better direction, and so do weights that
// are not; what was the best before is in the folder.
static void what_is_not_finite_is_never_the_best(void **state) {
  (void)state;
  static const char *const fails[] = {"metric m = w + (if w > 10 then -1 / 0 else 0) + 0 * x",
                                      "metric m = w + (if w > 10 then 0 / 0 else 0) + 0 * x"};
  for (int i = 0; i < 2; i++) {
    Plan *plan = plan_of(arena_format(arena,
                                      "parameter w = 0\nobjective o { minimize -w + 0 * x }\n%s\n"
                                      "train { minimize o over w with sgd(0.25)  batch 4, epochs 9  keep best(m) }",
                                      fails[i]));
    assert_int_equal(session(plan, ++runs, false, 0, 0, 1), EXIT_NUMBERS);  // w is 2.25 after each epoch, 11.25 after 5
    assert_int_equal(meta(runs, "best.safetensors", "epoch"), 1);
  }
  Plan *plan = plan_of(
      "parameter w = 3\nobjective o { minimize square(w) + 0 * x }\nmetric m = 5 - min(w, 4) + 0 * x\n"
      "train { minimize o over w with sgd(if epoch < 2 then 0 else 1e30)  batch 4, epochs 9  keep best(-m) }");
  assert_int_equal(session(plan, ++runs, false, 0, 0, 1), EXIT_NUMBERS);
  assert_int_equal(meta(runs, "best.safetensors", "epoch"), 1);
  assert_true(number(runs, "best.safetensors", "w") == 3);
}

// ---- averages

// What is measured reads the average, and what decides how training goes on the weight itself: w falls by 1/4 a step,
// its running mean m is below -2 before a known one, and the average has hardly moved.
static void conditions_ask_the_weights(void **state) {
  (void)state;
  Plan *plan = plan_of(
      "parameter w = 0\nobjective o { minimize w + 0 * x }\nmetric low = w + 0 * x\n"
      "train { minimize o over w with sgd(0.25)  average ema(w, 0.9999)  batch 4, epochs 9, until recent(low) < -2 }");
  int run = train(plan, 0), steps = 0;
  for (double mean = 0; mean >= -2; mean = 0.9 * mean + 0.1 * -0.25 * steps) steps++;
  assert_int_equal(meta(run, "weights.safetensors", "step"), steps);
  assert_true(fabs(number(run, "weights.safetensors", "w") + 0.25 * steps) < 1e-5);
  double lag = steps - 0.9999 * (1 - pow(0.9999, steps)) / 0.0001;
  page_near("ema/w", "ema", number(run, "weights.safetensors", "ema/w"), -0.25 * lag, 1e-5);
  assert_true(says(run, "\"low\":-0.0"));
}

// ---- starts

// Valleys at -1 of height -5/12 and at 2 of height -8/3, and a ridge at 0 between them: where a run ends is where it
// began.
static const char valleys[] =
    "parameter w ~ normal(0, 1)\n"
    "objective height { minimize square(square(w)) / 4 - w ^ 3 / 3 - square(w) + 0 * x }\n"
    "train { minimize height over w with sgd(0.05)  batch 4, epochs 9  keep best(height), restarts 5 }";

static void the_best_start_is_kept(void **state) {
  (void)state;
  int run = train(plan_of(valleys), 0), right = 0;
  Bytes file = file_read(arena, path_of(run, "metrics.jsonl"), 1 << 20, "");
  const char *line = (const char *)file.data, *text = "\"split\":\"start\",\"height\":";
  double least = INFINITY;
  int starts = 0;
  for (; (line = strstr(line, text)); line++, starts++) {
    double height = strtod(line + strlen(text), NULL);
    right += fabs(height + 8.0 / 3) < 0.01;
    assert_true(fabs(height + 8.0 / 3) < 0.01 || fabs(height + 5.0 / 12) < 0.01);
    least = fmin(least, height);
  }
  assert_int_equal(starts, 5);
  assert_in_range(right, 1, 4);  // both ends were reached
  assert_true(fabs(number(run, "best.safetensors", "w") - 2) < 1e-3 && least < -2.66);
}

// The first start is the run without any.
static void the_first_start_is_the_run(void **state) {
  (void)state;
  const char *end = strstr(valleys, ", restarts 5");
  int several = train(plan_of(valleys), 81);
  int one = train(plan_of(arena_format(arena, "%.*s }", (int)(end - valleys), valleys)), 0);
  assert_true(number(several, "weights.safetensors", "w") == number(one, "weights.safetensors", "w"));
}

// ---- stops

static const char places[] =
    "prior z ~ normal(0, 1)\n"
    "encoder q(z | x) { z ~ normal(sum(dense([x / 40], 1)), 1) }\n"
    "decoder p(x | z) { x ~ normal(40 * sum(dense([z], 1)), 10) }\n"
    "let rule = adam(0.02)\n"
    "objective elbo { z ~ q(z | x)  maximize log p(x | z) - kl(q(z | x) || prior(z)) }\n"
    "objective narrow { minimize 0.1 * square(mean q(z | x)) }\n"
    "metric off = square(x - mean p(x | z: mean q(z | x)))\n"
    "train {\n"
    "  maximize elbo over q, p with rule\n"
    "  every 2 { minimize narrow over q with rule }\n"
    "  average ema(q, 0.9), average running_mean(p, first: 1)\n"
    "  batch 4, epochs 2, keep best(off), restarts 2\n"
    "} then {\n"
    "  minimize narrow over q with rule\n"
    "  batch 12, until step >= 24\n"
    "}\n";

// Stopped after its steps and gone on with, to the end and from each to the next, on one to three threads. All of its
// steps if FULL is set, and otherwise those at the borders of epochs, phases and starts.
static void a_run_goes_on_from_anywhere(void **state) {
  (void)state;
  static const int64_t some[] = {1, 9, 10, 18, 19, 24, 25, 33, 42, 43, 47, 48};
  Plan *plan = plan_of(places);
  bool every = getenv("FULL") != NULL;
  int whole = train(plan, 0), stepwise = ++runs, n = every ? 2 * 24 : (int)(sizeof some / sizeof *some);
  assert_true(says(whole, "\"split\":\"start\"") && says(whole, "\"best\":1"));
  for (int i = 0; i < n; i++) {
    int64_t steps = every ? i + 1 : some[i];
    int run = train(plan, steps);
    assert_int_equal(session(plan, run, true, 0, 0, 1 + i % 3), EXIT_DONE);
    same_run(whole, run);
    assert_int_equal(session(plan, stepwise, i > 0, steps, 0, 1 + i % 2), EXIT_DONE);
  }
  assert_int_equal(session(plan, stepwise, true, 0, 0, 1), EXIT_DONE);
  same_run(whole, stepwise);
  assert_int_equal(session(plan, stepwise, true, 0, 0, 1), EXIT_DONE);  // with nothing left to do
  same_run(whole, stepwise);
}

// Each start ends by a condition of its own: here where the height no longer changes, in whichever valley.
static void starts_end_by_a_condition(void **state) {
  (void)state;
  const char *end = strstr(valleys, "epochs 9");
  Plan *plan = plan_of(arena_format(arena, "%.*suntil change(height) < 1e-6%s", (int)(end - valleys), valleys,
                                    end + strlen("epochs 9")));
  int whole = train(plan, 0);
  Bytes file = file_read(arena, path_of(whole, "metrics.jsonl"), 1 << 20, "");
  int starts = 0;
  for (const char *line = (const char *)file.data; (line = strstr(line, "\"split\":\"start\"")); line++) starts++;
  assert_int_equal(starts, 5);
  double w = number(whole, "weights.safetensors", "w");
  assert_true(fabs(w - 2) < 2e-3 || fabs(w + 1) < 2e-3);
  assert_true(fabs(number(whole, "best.safetensors", "w") - 2) < 2e-3);
  for (int64_t steps = 7; steps < 300; steps += 41) {
    int run = train(plan, steps);
    assert_int_equal(session(plan, run, true, 0, 0, 2), EXIT_DONE);
    same_run(whole, run);
  }
}

// Starts that are over were as long as they were.
static void starts_are_of_one_length(void **state) {
  (void)state;
  Plan *plan = plan_of(valleys);
  int run = train(plan, 60);
  assert_int_equal(session(plan, run, true, 0, 10, 1), EXIT_DATA);
  assert_int_equal(session(plan, run, true, 0, 9, 1), EXIT_DONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_best_epoch_is_kept),       TEST(a_likelihood_has_a_direction),
      TEST(an_objective_has_a_direction), TEST(what_is_not_finite_is_never_the_best),
      TEST(conditions_ask_the_weights),   TEST(the_best_start_is_kept),
      TEST(the_first_start_is_the_run),   TEST(a_run_goes_on_from_anywhere),
      TEST(starts_are_of_one_length),     TEST(starts_end_by_a_condition),
  };
  if (scratch_make(folder) != 0) return 1;
  write_numbers(EXAMPLES);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return !folder_remove() || failed;
}
