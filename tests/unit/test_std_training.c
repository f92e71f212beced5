// The optimisers and schedules of the standard library, against the published formulas in double precision.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

enum { WEIGHTS = 5, STEPS = 25 };

// ---- optimisers, on the bowl sum(curve * (w - aim)^2) / 2 of two tensors, w[4] and s

static const double curve[WEIGHTS] = {1, 2, 0.5, 10, 3}, aim[WEIGHTS] = {1, -2, 3, 0.5, -1};

typedef struct {
  double value, first, second;  // the weight, and what its optimiser remembers
} Weight;

// One update of a weight; step counts from 1.
typedef void Update(Weight *w, double g, int step);

static void sgd(Weight *w, double g, int step) {
  (void)step;
  w->value -= 0.05 * g;
}

static void sgd_momentum(Weight *w, double g, int step) {
  (void)step;
  w->first = 0.9 * w->first + g;
  w->value -= 0.02 * w->first;
}

static void rmsprop(Weight *w, double g, int step) {
  (void)step;
  w->first = 0.9 * w->first + 0.1 * g * g;
  w->value -= 0.03 * g / (sqrt(w->first) + 1e-8);
}

// Its weights are kept in [-0.4, 0.3].
static void rmsprop_kept(Weight *w, double g, int step) {
  rmsprop(w, g, step);
  w->value = fmin(fmax(w->value, -0.4), 0.3);
}

static double adam_direction(Weight *w, double g, int step, double beta1, double beta2, double epsilon) {
  w->first = beta1 * w->first + (1 - beta1) * g;
  w->second = beta2 * w->second + (1 - beta2) * g * g;
  double first = w->first / (1 - pow(beta1, step)), second = w->second / (1 - pow(beta2, step));
  return first / (sqrt(second) + epsilon);
}

static void adam(Weight *w, double g, int step) { w->value -= 0.05 * adam_direction(w, g, step, 0.9, 0.999, 1e-8); }

static void adam_kept(Weight *w, double g, int step) {
  adam(w, g, step);
  w->value = fmin(fmax(w->value, -0.4), 0.3);
}

static void adam_other(Weight *w, double g, int step) { w->value -= 0.1 * adam_direction(w, g, step, 0.5, 0.9, 1e-2); }

static void adamw(Weight *w, double g, int step) {
  double direction = adam_direction(w, g, step, 0.9, 0.999, 1e-8);
  w->value -= 0.05 * direction + 0.05 * 0.1 * w->value;
}

// The rate rises over the first ten steps.
static void sgd_warm(Weight *w, double g, int step) { w->value -= 0.05 * fmin(step / 10.0, 1) * g; }

static const struct {
  const char *text;
  Update *update;
  double clip;  // 0: none
} optimizers[] = {
    {"sgd(0.05)", sgd, 0},
    {"sgd(0.05, clip: 3)", sgd, 3},
    {"sgd(lr: 0.02, momentum: 0.9)", sgd_momentum, 0},
    {"sgd(lr: 0.02, momentum: 0.9, clip: 3)", sgd_momentum, 3},
    {"rmsprop(0.03, decay: 0.9)", rmsprop, 0},
    {"rmsprop(0.03, decay: 0.9, clip: 3)", rmsprop, 3},
    {"rmsprop(0.03, decay: 0.9, keep: [-0.4, 0.3])", rmsprop_kept, 0},
    {"adam(0.05)", adam, 0},
    {"adam(0.05, keep: [-0.4, 0.3])", adam_kept, 0},
    {"adam(0.05, clip: 3)", adam, 3},
    {"adam(0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-2)", adam_other, 0},
    {"adamw(0.05, decay: 0.1)", adamw, 0},
    {"adamw(0.05, decay: 0.1, clip: 3)", adamw, 3},
    {"sgd(warm_up(0.05, 10))", sgd_warm, 0},
};

// A step of the formulas. Returns whether the gradient was clipped.
static bool formulas(Weight *w, Update *update, double clip, int step) {
  double g[WEIGHTS], norm = 0;
  for (int i = 0; i < WEIGHTS; i++) {
    g[i] = curve[i] * (w[i].value - aim[i]);
    norm += g[i] * g[i];
  }
  double scale = clip > 0 ? fmin(1, clip / sqrt(norm)) : 1;
  for (int i = 0; i < WEIGHTS; i++) update(&w[i], scale * g[i], step);
  return scale < 1;
}

static Page *bowl(Arena *a, const char *optimizer, bool ascend) {
  const char *sign = ascend ? "-" : "", *verb = ascend ? "maximize" : "minimize";
  return page_format(
      a, 0,
      "model bowl\n"
      "parameter w[4] = 0, s = 0\n"
      "objective height { %s %s(sum([1, 2, 0.5, 10] * square(w - [1, -2, 3, 0.5]) / 2) + 3 * square(s + 1) / 2) }\n"
      "train { %s height over w, s with %s  batch 1, epochs 1 }\n",
      verb, sign, verb, optimizer);
}

static void check_optimizer(const char *text, Update *update, double clip, bool ascend) {
  Arena *a = arena_open(NULL);
  Page *page = bowl(a, text, ascend);
  Weight w[WEIGHTS] = {{0}};
  int clipped = 0;
  for (int step = 1; step <= STEPS; step++) {
    double height = 0;
    for (int i = 0; i < WEIGHTS; i++) height += curve[i] * (w[i].value - aim[i]) * (w[i].value - aim[i]) / 2;
    page->run.step = (uint32_t)step - 1;
    page->updates = step;
    page_train(page);
    double got = (double)*page_output(page, page->plan->turn[0].program, "height");
    page_near("objective", text, got, ascend ? -height : height, 1e-4);
    clipped += formulas(w, update, clip, step);
    for (int i = 0; i < WEIGHTS; i++) {
      double now = (double)(i < 4 ? page_tensor(page, "w")[i] : *page_tensor(page, "s"));
      page_near(arena_format(a, "weight %d at step %d", i, step), text, now, w[i].value, 2e-5);
    }
  }
  if (clip > 0) assert_true(clipped > 0);  // the case is about it
  arena_close(a);
}

static void optimisers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
    check_optimizer(optimizers[i].text, optimizers[i].update, optimizers[i].clip, false);
    check_optimizer(optimizers[i].text, optimizers[i].update, optimizers[i].clip, true);
  }
}

// Gradients whose squares are too large or too small for a float are clipped to the right length and direction.
static void clipping_of_any_size(void **state) {
  (void)state;
  static const double size[] = {1e-25, 1e-12, 1, 1e12, 1e25, 1e37};
  for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(a, 0,
                             "model c  parameter w[2] = 0, s = 0\n"
                             "objective slope { minimize %g * (2 * w[0] - 3 * w[1] + 6 * s) }\n"
                             "train { minimize slope over w, s with sgd(1, clip: 0.5)  batch 1, epochs 1 }\n",
                             size[i]);
    page_train(page);
    double norm = 7 * size[i], moved = norm * fmin(1, 0.5 / (norm + 1e-6));
    const float *w = page_tensor(page, "w");
    const char *name = arena_format(a, "a clipped gradient of %g", norm);
    page_check(fabs((double)w[0] + moved * 2 / 7) <= 1e-6 * moved, "w[0]", name, (double)w[0], -moved * 2 / 7);
    page_check(fabs((double)w[1] - moved * 3 / 7) <= 1e-6 * moved, "w[1]", name, (double)w[1], moved * 3 / 7);
    double s = (double)*page_tensor(page, "s");
    page_check(fabs(s + moved * 6 / 7) <= 1e-6 * moved, "s", name, s, -moved * 6 / 7);
    arena_close(a);
  }
}

// Adam's corrections of bias at the first update and after millions of them, where 1 - 0.999^t is near 0 and near 1.
static void corrections_of_bias(void **state) {
  (void)state;
  static const int64_t update[] = {1, 2, 10, 1000, 100000, 10000000};
  static const char *const optimizer[] = {"adam(1, epsilon: 0)", "adamw(1, epsilon: 0, decay: 0)",
                                          "adam(1, beta1: 0, epsilon: 0)", "adam(1, beta2: 0.99999, epsilon: 0)"};
  static const double beta[][2] = {{0.9, 0.999}, {0.9, 0.999}, {0, 0.999}, {0.9, 0.99999}};
  for (int o = 0; o < 4; o++) {
    for (size_t i = 0; i < sizeof update / sizeof *update; i++) {
      Arena *a = arena_open(NULL);
      Page *page = page_format(a, 0,
                               "model b  parameter w = 0\n"
                               "objective slope { minimize 3 * w }\n"
                               "train { minimize slope over w with %s  batch 1, epochs 1 }\n",
                               optimizer[o]);
      page->updates = update[i];
      page_train(page);  // from states of 0: m = (1 - beta1) g, v = (1 - beta2) g^2
      double t = (double)update[i], first = (1 - beta[o][0]) / (1 - pow(beta[o][0], t));
      double second = (1 - beta[o][1]) / -expm1(t * log(beta[o][1])), want = -first / sqrt(second);
      double got = (double)*page_tensor(page, "w");
      const char *name = arena_format(a, "%s at update %g", optimizer[o], t);
      page_check(fabs(got - want) <= 5e-7 * fabs(want), "the step", name, got, want);
      arena_close(a);
    }
  }
}

// Gradients of a batch are those of the mean over its examples.
static void the_mean_over_the_batch(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page =
      page_open(a,
                "model m  data x from npy(\"\")  parameter w = 2\n"
                "objective o { minimize square(x - w) }  train { minimize o over w with sgd(0.1)  batch 50 }\n",
                0);
  double sum = 0;
  for (int i = 0; i < 50; i++) page_column(page, "x")[i] = (float)i, sum += i;
  page_train(page);
  page_near("the weight", "a batch", (double)*page_tensor(page, "w"), 2 - 0.1 * 2 * (2 - sum / 50), 1e-6);
  for (int i = 0; i < 50; i++)
    page_near("an example", "a batch", (double)page_output(page, page->plan->turn[0].program, "o")[i],
              (i - 2) * (i - 2), 1e-6);
  arena_close(a);
}

// ---- objectives whose gradients are at a kink or an end where training begins

// A scale held on the positive numbers finds the root of the mean square, from wherever it begins.
static void a_positive_parameter(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model p  data x from npy(\"x\")  parameter s on positive\n"
                         "decoder p(x | u) { x ~ normal(0 * u, s) }\n"
                         "objective o { maximize log p(x | x) }\n"
                         "metric scale = s\n"
                         "train { maximize o over s with adam(0.05)  batch 40, epochs 1 }\n",
                         0);
  double mean = 0;
  for (int i = 0; i < 40; i++) page_column(page, "x")[i] = (float)(i % 7 - 2.5), mean += pow(i % 7 - 2.5, 2) / 40;
  for (page->updates = 1; page->updates <= 600; page->updates++) page_train(page);
  page_test(page);
  page_near("the scale", "a positive parameter", (double)*page_metric(page, "scale"), sqrt(mean), 1e-3);
  arena_close(a);
}

static void expect_finite(const Page *page, const char *what) {
  for (int64_t i = 0; i < page->plan->persistent; i++)
    page_check(isfinite(page->run.memory[i]), "a tensor", what, (double)page->run.memory[i], 0);
}

// Gulrajani et al. 2017, with a critic that is 0 everywhere, so that the gradient whose norm is penalised is, too.
static void a_penalty_on_a_zero_critic(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model w  data x[2] from npy(\"x\")  prior z[2] ~ normal(0, 1)\n"
                         "block zero(x, units) { weight W[size(x, -1), units] = 0   x @ W }\n"
                         "net D(v | x) { v = sum(x |> dense(4) |> tanh |> zero(1)) }\n"
                         "objective critic { z ~ prior(z)  u = x + random() * (z - x)\n"
                         "  maximize D(x) - D(z) - 10 * square(norm(grad(D(u), u)) - 1) }\n"
                         "train { maximize critic over D with adam(1e-3)  batch 4, epochs 1 }\n",
                         0);
  for (int i = 0; i < 8; i++) page_column(page, "x")[i] = (float)(i % 3);
  for (page->updates = 1; page->updates <= 20; page->updates++) page_train(page);
  expect_finite(page, "a critic");
  assert_true(*page_tensor(page, "D/zero_1/W") != 0);
  arena_close(a);
}

// Outside of the ends that training moves the density is 0, and no gradient says where to go.
static void a_density_outside(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model u  data x from npy(\"x\")  parameter a, b on positive\n"
                         "decoder p(x | u) { x ~ uniform(a - b, a + b) }\n"
                         "objective o { maximize log p(x | x) }\n"
                         "train { maximize o over a, b with adam(1e-2)  batch 2, epochs 1 }\n",
                         0);
  page_column(page, "x")[0] = 0.1f, page_column(page, "x")[1] = 1e6f;
  page_train(page);
  const float *density = page_output(page, page->plan->turn[0].program, "o");
  page_near("within", "a uniform density", (double)density[0], -log(2 * log(2)), 1e-6);
  assert_true(density[1] == -INFINITY);
  expect_finite(page, "a uniform density");
  arena_close(a);
}

// ---- schedules

static double at_step(Page *page, const char *metric, int step) {
  page->run.step = (uint32_t)step;
  page->epoch = step / 10;
  page_test(page);
  return (double)*page_metric(page, metric);
}

static void schedules(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model s  data x from npy(\"\")\n"
                         "let beta = min(1, epoch / 5)\n"
                         "metric fixed = constant(0.3) + 0 * x  metric stairs = step_decay(0.3, 20, factor: 0.5)\n"
                         "metric wave = cosine(0.3, 60, floor_rate: 0.01)  metric rise = warm_up(0.3, 25)\n"
                         "metric tenth = step_decay(0.3, 20)  metric full = cosine(0.3, 60)  metric weight = beta\n",
                         1);
  const double pi = acos(-1);
  for (int step = 0; step < 100; step++) {
    double turn = (1 + cos(pi * fmin(step / 60.0, 1))) / 2;
    const char *when = arena_format(a, "step %d", step);
    page_near("constant", when, at_step(page, "fixed", step), 0.3, 1e-6);
    page_near("step_decay", when, at_step(page, "stairs", step), 0.3 * pow(0.5, step / 20), 1e-6);
    page_near("step_decay", when, at_step(page, "tenth", step), 0.3 * pow(0.1, step / 20), 1e-6);
    page_near("cosine", when, at_step(page, "wave", step), 0.01 + 0.29 * turn, 1e-6);
    page_near("cosine", when, at_step(page, "full", step), 0.3 * turn, 1e-6);
    page_near("warm_up", when, at_step(page, "rise", step), 0.3 * fmin((step + 1) / 25.0, 1), 1e-6);
    page_near("let", when, at_step(page, "weight", step), fmin(1, step / 10 / 5.0), 1e-6);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(optimisers),           cmocka_unit_test(clipping_of_any_size),
      cmocka_unit_test(corrections_of_bias),  cmocka_unit_test(the_mean_over_the_batch),
      cmocka_unit_test(a_positive_parameter), cmocka_unit_test(a_penalty_on_a_zero_critic),
      cmocka_unit_test(a_density_outside),    cmocka_unit_test(schedules),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
