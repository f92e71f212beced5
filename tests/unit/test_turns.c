// How a training is put together: turns with a cadence and a condition, phases, and where runs go on. Models whose
// outcome is known in closed form, trained by sessions in a folder of their own under /tmp.
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

#include "file.h"
#include "safetensors.h"
#include "session.h"
#include "std_page.h"

static char folder[64] = "/tmp/gmc_turns_XXXXXX";
static int runs;
static Arena *arena;  // of a test

static const char *path_of(int run, const char *file) { return arena_format(arena, "%s/%d/%s", folder, run, file); }

static Plan *plan_of(const char *text) { return page_open(arena, text, 0)->plan; }

// A session of run `run`, up to `steps` in all. Returns its exit code.
static int session(const Plan *plan, int run, bool resume, int64_t steps, int threads) {
  Session s = {.open = exec_open,
               .folder = path_of(run, ""),
               .quiet = true,
               .steps = steps,
               .threads = threads,
               .resume = resume,
               .resume_by = "resume"};
  Arena *volatile a = arena_open(NULL);
  volatile int code = -1;
  if (ARENA_TRY(a) == 0)
    code = session_train(a, plan, &s);
  else
    code = a->code;
  arena_close(a);
  return code;
}

// A new run; its number.
static int train(const Plan *plan, int64_t steps) {
  assert_int_equal(session(plan, ++runs, false, steps, 1), EXIT_DONE);
  return runs;
}

static const float *tensor(int run, const char *name) {
  const TensorView *view = safetensors_find(safetensors_read(arena, path_of(run, "weights.safetensors")), name);
  assert_non_null(view);
  return view->value;
}

static int64_t steps_of(int run) {
  return atoll(safetensors_meta(safetensors_read(arena, path_of(run, "weights.safetensors")), "step"));
}

static void same_file(int a, int b, const char *name) {
  Bytes one = file_read(arena, path_of(a, name), 1 << 20, ""), two = file_read(arena, path_of(b, name), 1 << 20, "");
  assert_int_equal(one.size, two.size);
  assert_memory_equal(one.data, two.data, one.size);
}

static bool says(int run, const char *text) {
  Bytes file = file_read(arena, path_of(run, "metrics.jsonl"), 1 << 20, "");
  bool said = memmem(file.data, file.size, text, strlen(text)) != NULL;
  if (!said) print_error("%s is not in\n%.*s\n", text, (int)file.size, (const char *)file.data);
  return said;
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
  assert_int_equal(session(plan, run, true, 0, 1), EXIT_DONE);  // it is over
  assert_int_equal(steps_of(run), 25);
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
    "  when step > 5 { minimize fit over f with sgd(1e-2, momentum: 0.9) }\n"
    "  batch 10, epochs 5, until step >= 18\n"  // in the middle of an epoch of 5 steps
    "} then {\n"
    "  every 2 { minimize fit over f with adam(1e-2) }\n"
    "  batch 20, epochs 3\n"  // of 5 steps
    "} then {\n"
    "  when epoch > 8 { maximize elbo over p with adam(1e-2) }   minimize fit over f with adam(1e-3)\n"
    "  batch 10, until step >= 62\n"
    "}\n";

static void same_run(int a, int b) {
  same_file(a, b, "weights.safetensors");
  same_file(a, b, "metrics.jsonl");
  same_file(a, b, "metrics.csv");
}

// Stopped after its steps and gone on with, at once to the end and from each to the next, on one to three threads. All
// of its steps if PLACES says so, and otherwise those at the borders.
static void a_run_goes_on_from_anywhere(void **state) {
  (void)state;
  static const int64_t some[] = {1, 17, 18, 19, 23, 33, 34, 61};
  Plan *plan = plan_of(places);
  bool every = getenv("PLACES") != NULL;
  int whole = train(plan, 0), stepwise = ++runs, n = every ? 62 : (int)(sizeof some / sizeof *some);
  assert_int_equal(steps_of(whole), 62);
  for (int i = 0; i < n; i++) {
    int64_t steps = every ? i + 1 : some[i];
    int run = train(plan, steps);
    assert_int_equal(session(plan, run, true, 0, 1 + i % 3), EXIT_DONE);
    same_run(whole, run);
    assert_int_equal(session(plan, stepwise, i > 0, steps, 1 + i % 2), EXIT_DONE);
  }
  assert_int_equal(session(plan, stepwise, true, 0, 1), EXIT_DONE);
  same_run(whole, stepwise);
}

static int open_arena(void **state) {
  (void)state;
  arena = arena_open(NULL);
  return 0;
}

static int close_arena(void **state) {
  (void)state;
  arena_close(arena);
  return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(blocks_are_taken_when_they_are_due), TEST(lines_that_wait_are_told),
                                     TEST(phases_follow_one_another), TEST(a_later_phase_leaves_the_others_alone),
                                     TEST(a_run_goes_on_from_anywhere)};
  if (!mkdtemp(folder)) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command) || failed;
}
