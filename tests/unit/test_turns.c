// How a training is put together: turns with a cadence and a condition, phases, and where runs go on. Models whose
// outcome is known in closed form, trained by sessions in a folder of their own.
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

#include "formats/npy.h"
#include "sessions.h"

static Plan *plan_of(const char *text) { return page_open(arena, text, 0)->plan; }

static const float *tensor(int run, const char *name) {
  return tensor_of(run, "weights.safetensors", name);
}

static int64_t steps_of(int run) {
  return meta(run, "weights.safetensors", "step");
}

// A measure of the last line of metrics.jsonl, which is of the test split.
static double measured(int run, const char *name) {
  Bytes file = file_read(arena, path_of(run, "metrics.jsonl"), 1 << 20, "");
  const char *text = arena_slice(arena, (const char *)file.data, file.size - 1), *line = strrchr(text, '\n') + 1;
  const char *at = strstr(line, arena_format(arena, "\"%s\":", name));
  assert_non_null(at);
  return strtod(at + strlen(name) + 3, NULL);
}

// ---- cadences and conditions

// The turns that a block is given in `steps` steps: each moves a weight by 1.
typedef struct {
  const char *block;
  int64_t (*turns)(int64_t steps);
} Case;

static int64_t fourths(int64_t n) { return n / 4; }
static int64_t all(int64_t n) { return n; }
static int64_t none(int64_t n) { return 0 * n; }
static int64_t ten(int64_t n) { return n < 10 ? n : 10; }
static int64_t sixths(int64_t n) { return n / 6; }
static int64_t thirds_from_5(int64_t n) { return n / 3 - (n < 3 ? 0 : 1); }
static int64_t thrice(int64_t n) { return 3 * (n / 2); }
static int64_t late_fourths(int64_t n) { return n < 8 ? 0 : n / 4 - 1; }
static int64_t odd_ones(int64_t n) { return (n + 1) / 2; }

// All in one round, between lines that move in every step. In a block UP stands for its line.
static const Case cases[] = {{"every 4 { UP }", fourths},
                             {"every 1 { UP }", all},
                             {"every 100 { UP }", none},
                             {"when step < 10 { UP }", ten},
                             {"when step { UP } when step == 0 { UP }", all},
                             {"when -1 { UP }", all},
                             {"when 0 { UP }", none},
                             {"when 1 < 2 { when step < 10 { UP } }", ten},
                             {"when step < 10 { when 0 < 1 { every 1 { UP } } }", ten},
                             {"every 2 { every 3 { UP } }", sixths},
                             {"every 6 { every 2 { UP } }", sixths},
                             {"when step > 4 { every 3 { UP } }", thirds_from_5},
                             {"every 3 { when step > 4 { UP } }", thirds_from_5},
                             {"repeat 3 { every 2 { UP } }", thrice},
                             {"every 2 { repeat 3 { UP } }", thrice},
                             {"every 4 { when epoch >= 0 { when step >= 4 { UP } } }", late_fourths},
                             {"when step - 2 * floor(step / 2) == 0 { UP }", odd_ones},
                             {"UP", all}};
enum { CASES = sizeof cases / sizeof *cases };

static void blocks_are_taken_when_they_are_due(void **state) {
  (void)state;
  static const int64_t steps[] = {1, 3, 4, 10, 25};
  Text text = text_new(arena), lines = text_new(arena);
  for (int i = 0; i < CASES; i++) {
    const char *at = cases[i].block;
    text_add(&text, "parameter b%d = 0  objective up%d { maximize b%d }\n", i, i, i);
    for (const char *up = strstr(at, "UP"); up; at = up + 2, up = strstr(at, "UP"))
      text_add(&lines, "%.*smaximize up%d over b%d with sgd(1)", (int)(up - at), at, i, i);
    text_add(&lines, "%s\n", at);
  }
  Plan *plan = plan_of(arena_format(arena, "%strain { %s batch 1 }", text.data, lines.data));
  for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
    int run = train(plan, steps[k]);
    for (int i = 0; i < CASES; i++)
      page_near(cases[i].block, arena_format(arena, "in %lld steps", (long long)steps[k]),
                (double)*tensor(run, arena_format(arena, "b%d", i)), (double)cases[i].turns(steps[k]), 0);
  }
}

#define UP "maximize up over b with sgd(1)"

static const char counters[] =
    "model turns  parameter a = 0, b = 0, c = 0\n"
    "objective first { maximize a }  objective up { maximize b }  objective last { maximize c }\n";

// What a line did is told: how often it learnt, and no number where it did not.
static void lines_that_wait_are_told(void **state) {
  (void)state;
  Plan *plan =
      plan_of(arena_format(arena,
                           "%sdata x[2] from toy.eight(examples: 50)\n"
                           "train { maximize first over a with sgd(1)  when epoch == 1 { every 2 { " UP " } }\n"
                           "        batch 10, epochs 3 }",
                           counters));
  int run = train(plan, 0);
  assert_true(says(run, "\"epoch\":1,\"split\":\"train\",\"first\":2,\"learnt\":{\"up\":0}}\n"));
  assert_true(says(run, "\"epoch\":2,\"split\":\"train\",\"first\":7,\"up\":1,\"learnt\":{\"up\":3}}\n"));
  assert_true(says(run, "\"epoch\":3,\"split\":\"train\",\"first\":12,\"learnt\":{\"up\":0}}\n"));
  Bytes csv = file_read(arena, path_of(run, "metrics.csv"), 1 << 20, "");
  assert_non_null(memmem(csv.data, csv.size, "\n5,1,train,2,\n", 14));
}

// ---- conditions on measures

// A number that grows by 1 a step from 5 on, as the objective of a line before it moves.
static const char growing[] =
    "data x from toy.line(examples: 40)\n"
    "parameter a = 5, b = 0\n"
    "objective first { maximize a + 0 * x }  objective up { maximize b }\n"
    "metric twice = 2 * first\n"
    "let slow = recent(twice) < 16, off = 3\n";

// How often r < limit, where r begins as 5 and takes in a tenth of what comes.
static int64_t below(double limit, int64_t steps) {
  int64_t n = 0;
  double r = 5;
  for (int64_t i = 0; i < steps; i++) {
    r = i ? 0.9 * r + 0.1 * (double)(5 + i) : r;
    n += r < limit;
  }
  return n;
}

static void a_running_mean_is_asked_before_anyone_moves(void **state) {
  (void)state;
  Plan *plan = plan_of(arena_format(arena,
                                    "%strain { maximize first over a with sgd(1)  "
                                    "when recent(first) < 7.3 { " UP " }  when slow { " UP " }\n"
                                    "batch 10, epochs 9 }",
                                    growing));
  for (int64_t steps = 1; steps <= 31; steps += 6) {
    int run = train(plan, steps);
    double r = 5;
    for (int64_t i = 1; i < steps; i++) r = 0.9 * r + 0.1 * (double)(5 + i);
    page_near("running mean", "recent(first)", (double)*tensor(run, "train/recent/first"), r, 1e-6);
    page_near("turns", "recent(first) < 7.3 and recent(twice) < 16", (double)*tensor(run, "b"),
              (double)(below(7.3, steps) + below(8, steps)), 0);
  }
}

// A phase's running means are its own.
static void until_ends_a_phase_by_a_running_mean(void **state) {
  (void)state;
  Plan *plan =
      plan_of(arena_format(arena,
                           "%strain { maximize first over a with sgd(1)  batch 10, until recent(first) >= 9 }\n"
                           "then { maximize first over a with sgd(1)  batch 10, epochs 99, until recent(first) > 20 }",
                           growing));
  int run = train(plan, 0);
  int64_t first = below(9, 1000), all = first;
  for (double r = (double)(5 + first); r <= 20; all++) r = 0.9 * r + 0.1 * (double)(5 + all + 1);
  page_near("steps", "of both phases", (double)steps_of(run), (double)all, 0);
}

// The weight shrinks by 0.9 a step, of which there are four an epoch: what is measured at the end of epoch e is
// 8 * 0.9^(4 e), and the change after it known.
static void until_ends_a_phase_by_the_change_of_an_epoch(void **state) {
  (void)state;
  Plan *plan = plan_of(
      "data x from toy.line(examples: 41)\n"
      "parameter w = 8\n"
      "objective half { minimize square(w) / 2 }\n"
      "metric size = w + 0 * x\n"
      "train { minimize half over w with sgd(0.1)  batch 10, until change(size) < 0.01 }");
  int run = train(plan, 0), epochs = 2;
  while (8 * pow(0.9, 4 * (epochs - 1)) - 8 * pow(0.9, 4 * epochs) >= 0.01) epochs++;
  page_near("steps", "until change(size) < 0.01", (double)steps_of(run), 4 * epochs, 0);
  page_near("kept", "change(size)", (double)*tensor(run, "train/change/size"),
            8 * pow(0.9, 4 * (epochs - 1)) - 8 * pow(0.9, 4 * epochs), 1e-5);
  page_near("kept", "passes", (double)*tensor(run, "train/passes"), epochs, 0);
}

// The distance of a to 8 falls to 0 in three steps and rises then; its best at the end of an epoch is that of the
// first.
static void the_best_is_that_of_an_epochs_end(void **state) {
  (void)state;
  Plan *plan = plan_of(arena_format(arena,
                                    "%smetric off = abs(first - 8)  metric near = -abs(first - 8)\n"
                                    "train { maximize first over a with sgd(1)  batch 10\n"
                                    "  when recent(off) < best(off) { " UP " }\n"
                                    "  when best(off) == best(-near) { " UP " }\n"
                                    "  when best(first) < 14 { " UP " }\n"
                                    "  until recent(off) > best(off) + 4.2, epochs 99 }",
                                    growing));
  int run = train(plan, 0);
  double off = 3, best = INFINITY;
  int64_t steps = 0, turns = 0;  // of four an epoch
  for (;; steps++) {
    double m = fabs((double)(5 + steps) - 8);
    off = steps ? 0.9 * off + 0.1 * m : m;
    if (off > best + 4.2) break;
    turns += (off < best) + 1 + (steps < 12);  // best(first) is 9, 13, 17, ...; before the first epoch -infinity
    if (steps % 4 == 3) best = fmin(best, fabs((double)(5 + steps + 1) - 8));
  }
  page_near("steps", "until recent(off) > best(off) + 4.2", (double)steps_of(run), (double)steps, 0);
  page_near("turns", "of the three blocks", (double)*tensor(run, "b"), (double)turns, 0);
}

// ---- sums over a split

enum { TRAIN = 43, TEST = 23 };

// Columns of numbers in a file, of sizes that lose digits when they are added up in single precision.
static float *numbers(int n, const char *file) {
  float *x = NEW_ARRAY(arena, float, 2 * n);
  for (int i = 0; i < 2 * n; i++) x[i] = (float)(i % 7 == 0 ? 1e6 + i : 1.0 / (i + 1));
  npy_write(arena, arena_format(arena, "%s/%s", folder, file), 2, (const int64_t[]){n, 2}, x);
  return x;
}

static void totals_are_sums_over_the_split(void **state) {
  (void)state;
  float *train_x = numbers(TRAIN, "train.npy"), *test_x = numbers(TEST, "test.npy");
  Plan *plan = plan_of(
      arena_format(arena,
                   "data x[2] from npy(\"%s/train.npy\", test: \"%s/test.npy\")\n"
                   "parameter w = 2\n"
                   "objective fit { minimize w * x[0] }\n"
                   "metric all = total(x[0])  metric n = total(1)  metric per = total(fit) / total(1)\n"
                   "metric largest = max(total(x)[0], total(x)[1])  metric weights = total(w) + w\n"
                   "metric root { unused = x[1]   exp(log(total(square(x[1]))) / 2) }\n"
                   "train { minimize fit over w with sgd(0)  batch 10, epochs 2, until change(fit) + change(all) < 0 }",
                   folder, folder));
  int run = train(plan, 0);
  double sum[2] = {0}, square = 0, trained = 0;
  for (int i = 0; i < TEST; i++) {
    for (int k = 0; k < 2; k++) sum[k] += (double)test_x[2 * i + k];
    square += (double)(test_x[2 * i + 1] * test_x[2 * i + 1]);
  }
  for (int i = 0; i < TRAIN; i++) trained += (double)(2 * train_x[2 * i]);
  page_near("total", "of a column", measured(run, "all"), (double)(float)sum[0], 0);
  page_near("total", "of 1", measured(run, "n"), TEST, 0);
  page_near("total", "of an objective, each", measured(run, "per"), 2 * sum[0] / TEST, 1e-7);
  page_near("total", "of vectors", measured(run, "largest"), fmax(sum[0], sum[1]), 1e-7);
  page_near("total", "of what is the same for all", measured(run, "weights"), 2 * TEST + 2, 0);
  page_near("total", "in a formula", measured(run, "root"), sqrt(square), 1e-5);
  double kept = (double)*tensor(run, "train/sum/fit") + (double)*tensor(run, "train/rest/fit");
  page_near("the training data's", "to more than single precision", kept, trained, 1e-13);
}

// ---- phases

static void phases_follow_one_another(void **state) {
  (void)state;
  Plan *plan = plan_of(arena_format(arena,
                                    "%sdata x[2] from toy.eight(examples: 60)\n"
                                    "train { maximize first over a with sgd(1)  until step >= 7  batch 10, epochs 9 }\n"
                                    "then  { every 2 { " UP " }  batch 20, epochs 2 }\n"
                                    "then  { maximize last over c with sgd(1)   until epoch >= 6 }\n",
                                    counters));
  int run = train(plan, 0);  // 7 steps of 6 an epoch, 6 of 3 an epoch, and from epoch 5 on to the end of the sixth
  assert_int_equal(steps_of(run), 7 + 6 + 12);
  assert_true(*tensor(run, "a") == 7 && *tensor(run, "b") == 3 && *tensor(run, "c") == 12);
  assert_true(says(run, "{\"step\":7,\"epoch\":2,\"split\":\"train\",\"first\":6}\n"));
  assert_true(says(run, "{\"step\":10,\"epoch\":3,\"split\":\"train\",\"up\":0,\"learnt\":{\"up\":1}}\n"));
  assert_true(says(run, "{\"step\":25,\"epoch\":6,\"split\":\"train\",\"last\":8.5}\n"));
  assert_int_equal(session(plan, run, true, 0, 0, 1), EXIT_DONE);  // it is over
  assert_int_equal(steps_of(run), 25);
}

// An average is kept in all phases, once a step.
static void an_average_follows_through_all_phases(void **state) {
  (void)state;
  Plan *plan =
      plan_of(arena_format(arena,
                           "%strain { maximize first over a with sgd(1)  average ema(a, 0.5), average ema(b, 0.5)\n"
                           "        batch 1, until step >= 4 }\n"
                           "then { repeat 2 { every 2 { " UP " } }  batch 1, until step >= 11 }",
                           counters));
  int run = train(plan, 0);
  double a = 0, b = 0, follows_a = 0, follows_b = 0;
  for (int i = 0; i < 11; i++) {
    if (i < 4) a++;
    if (i >= 4 && (i - 4) % 2 == 1) b += 2;
    follows_a = 0.5 * follows_a + 0.5 * a;
    follows_b = 0.5 * follows_b + 0.5 * b;
  }
  page_near("average", "of a", (double)*tensor(run, "ema/a"), follows_a, 0);
  page_near("average", "of b", (double)*tensor(run, "ema/b"), follows_b, 0);
}

// What a phase does not move stands still to the bit, though its own optimiser would go on by momentum.
static void a_later_phase_leaves_the_others_alone(void **state) {
  (void)state;
  static const char text[] =
      "data x[2] from toy.moons(examples: 100)\n"
      "prior z[2] ~ normal(0, 1)\n"
      "encoder q(z | x) { z ~ normal(dense(x, 2), exp(dense(x, 2))) }\n"
      "decoder p(x | z) { x ~ normal(z |> dense(8) |> tanh |> dense(2), 0.3) }\n"
      "net f(y | z) { y = dense(z, 1) |> sum }\n"
      "objective elbo { z ~ q(z | x)  maximize log p(x | z) - kl(q(z | x) || prior(z)) }\n"
      "objective fit { z ~ q(z | x)  minimize square(f(z) - 1) }\n"
      "train { maximize elbo over q, p with adam(1e-2)  batch 10, epochs 2 }\n"
      "then { minimize fit over f with adam(1e-2)  batch 10, epochs 2 }\n";
  Plan *plan = plan_of(text);
  int whole = train(plan, 0), half = train(plan, 20);  // 10 steps an epoch
  const TensorView *moved = NULL;
  Safetensors *one = safetensors_read(arena, path_of(half, "weights.safetensors"));
  Safetensors *two = safetensors_read(arena, path_of(whole, "weights.safetensors"));
  for (int i = 0; i < safetensors_count(one); i++) {
    const TensorView *t = safetensors_at(one, i), *u = safetensors_find(two, t->name);
    bool own = strncmp(t->name, "f/", 2) == 0 || strncmp(t->name, "line_2/", 7) == 0;
    bool same = memcmp(t->value, u->value, (size_t)t->count * sizeof(float)) == 0;
    if (own && !same) moved = u;
    if (!own && !same) print_error("%s has moved\n", t->name);
    assert_true(own || same);
  }
  assert_non_null(moved);
}

// ---- going on

static const char places[] =
    "data x[2] from toy.moons(examples: 100)\n"
    "prior z[2] ~ normal(0, 1)\n"
    "encoder q(z | x) { z ~ normal(dense(x, 2), exp(dense(x, 2))) }\n"
    "decoder p(x | z) { x ~ normal(z |> dense(8) |> tanh |> batch_norm |> dense(2), 0.3) }\n"
    "net f(y | z) { y = dense(z, 1) |> sum }\n"
    "objective elbo { z ~ q(z | x)  maximize log p(x | z) - kl(q(z | x) || prior(z)) }\n"
    "objective fit { z ~ q(z | x)  minimize square(f(z) - sum(x)) }\n"
    "train {\n"
    "  maximize elbo over q, p with adam(1e-2)\n"
    "  repeat 2 { every 3 { minimize fit over f with adam(1e-2) } }\n"
    "  when recent(fit) < 3 { minimize fit over f with sgd(1e-2, momentum: 0.9) }\n"
    "  batch 10, epochs 5, until step >= 18\n"  // in the middle of an epoch of 5 steps
    "} then {\n"
    "  every 2 { minimize fit over f with adam(1e-2) }\n"
    "  when change(elbo) < 1 { when recent(elbo) < best(elbo) + 5 { maximize elbo over p with adam(1e-2) } }\n"
    "  batch 20, epochs 3\n"  // of 5 steps
    "} then {\n"
    "  when epoch > 8 { maximize elbo over p with adam(1e-2) }   minimize fit over f with adam(1e-3)\n"
    "  batch 10, until step >= 62\n"
    "}\n";

// Stopped after its steps and gone on with, at once to the end and from each to the next, on one to three threads. All
// of its steps if FULL is set, and otherwise those at the borders.
static void a_run_goes_on_from_anywhere(void **state) {
  (void)state;
  static const int64_t some[] = {1, 17, 18, 19, 23, 33, 34, 61};
  Plan *plan = plan_of(places);
  bool every = getenv("FULL") != NULL;
  int whole = train(plan, 0), stepwise = ++runs, n = every ? 62 : (int)(sizeof some / sizeof *some);
  assert_int_equal(steps_of(whole), 62);
  for (int i = 0; i < n; i++) {
    int64_t steps = every ? i + 1 : some[i];
    int run = train(plan, steps);
    assert_int_equal(session(plan, run, true, 0, 0, 1 + i % 3), EXIT_DONE);
    same_run(whole, run);
    assert_int_equal(session(plan, stepwise, i > 0, steps, 0, 1 + i % 2), EXIT_DONE);
  }
  assert_int_equal(session(plan, stepwise, true, 0, 0, 1), EXIT_DONE);
  same_run(whole, stepwise);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(blocks_are_taken_when_they_are_due),
                                     TEST(lines_that_wait_are_told),
                                     TEST(a_running_mean_is_asked_before_anyone_moves),
                                     TEST(until_ends_a_phase_by_a_running_mean),
                                     TEST(until_ends_a_phase_by_the_change_of_an_epoch),
                                     TEST(the_best_is_that_of_an_epochs_end),
                                     TEST(totals_are_sums_over_the_split),
                                     TEST(phases_follow_one_another),
                                     TEST(a_later_phase_leaves_the_others_alone),
                                     TEST(an_average_follows_through_all_phases),
                                     TEST(a_run_goes_on_from_anywhere)};
  if (scratch_make(folder) != 0) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return !folder_remove() || failed;
}
