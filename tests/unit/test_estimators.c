// Gradients through draws, by the estimators of the library and by a page's own: sums over all values and integrals in
// double precision, and what PyTorch 2 gives for the same noise. Seeds are fixed; limits are those that one in 1000
// exceeds, or wider.
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

enum { MANY = 20000, N = 3 };

// The page of one objective, maximised over its parameters by steps of their gradients.
static Page *page_of(Arena *a, int64_t batch, const char *over, const char *objective) {
  return page_format(a, batch,
                     "data x from npy(\"x\")\n"
                     "parameter l[3] = [0.3, -0.7, 1.1], f[3] = [1, -2, 0.5], m = 0.5\n"
                     "parameter T[3, 2] = [[1, -2], [0.5, 3], [-1.5, 0.25]]\n"
                     "estimator noisy(noise, heat > 0) { weights(d) = softmax((log_chances(d) + noise) / heat) }\n"
                     "estimator noisy_label(noise, heat > 0) { slopes(d) = softmax((log_chances(d) + noise) / heat) }\n"
                     "function kept(k) = k\n"
                     "net inner(v | k) { v = onehot(k, 3) @ T }\n"
                     "objective o { %s }\n"
                     "metric other = x + sum(f) + m + sum(T) + sum(inner(1))\n"
                     "train { maximize o over %s with sgd(1) }\n",
                     objective, over);
}

static const double l[N] = {0.3, -0.7, 1.1}, f[N] = {1, -2, 0.5};

static void chances(double p[N]) {
  double sum = exp(l[0]) + exp(l[1]) + exp(l[2]);
  for (int j = 0; j < N; j++) p[j] = exp(l[j]) / sum;
}

static double slope(int k, int j, const double p[N]) { return (k == j) - p[j]; }  // of log p[k] by l[j]

// How far a step has moved a parameter.
static double moved(Page *p, const char *name, int at, double from) { return (double)page_tensor(p, name)[at] - from; }

// A mean of `n` draws, whose square has this mean.
static void check_mean(const char *which, int j, double got, double want, double square, double n) {
  char name[80];
  snprintf(name, sizeof name, "%s, %d", which, j);
  page_near("gradient", name, got, want, 3.3 * sqrt((square - want * want) / n) / (1 + fabs(want)) + 1e-6);
}

static void test_all_values_are_exact(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  double p[N], value = 0;
  chances(p);
  for (int k = 0; k < N; k++) value += p[k] * f[k] * f[k];
  static const char *const said[] = {
      "k ~ categorical(logits: l) by enumeration   maximize f[k] * f[k] + 0 * x",
      "k ~ categorical(logits: l) by enumeration   g = f[k]   maximize sum(onehot(k) * f) * g + 0 * x",
      "part = mean(3) { k ~ categorical(logits: l) by enumeration\n f[k] * f[k] }   maximize part + 0 * x"};
  for (int i = 0; i < 3; i++) {
    Page *page = page_of(a, 4, "l, f", said[i]);
    page_fill(page, "x", 0);
    page_train(page);
    for (int j = 0; j < N; j++) {
      page_near("slope by a logit", said[i], moved(page, "l", j, l[j]), p[j] * (f[j] * f[j] - value), 1e-6);
      page_near("slope by what is taken", said[i], moved(page, "f", j, f[j]), 2 * p[j] * f[j], 1e-6);
    }
    assert_true(page_explains(page, "k by enumeration: its gradient is exact"));
  }
  arena_close(a);
}

static void test_the_score_is_unbiased(void **state) {
  (void)state;
  double p[N];
  chances(p);
  for (int baseline = 0; baseline <= 3; baseline += 3) {
    Arena *a = arena_open(NULL);
    Page *page = page_of(
        a, MANY, "l, f",
        arena_format(a, "k ~ categorical(logits: l) by score(baseline: %d)   maximize f[k] * f[k] + 0 * x", baseline));
    page_fill(page, "x", 0);
    page_train(page);
    for (int j = 0; j < N; j++) {
      double want = 0, square = 0, path = 0, paths = 0;
      for (int k = 0; k < N; k++) {
        double s = (f[k] * f[k] - baseline) * slope(k, j, p), t = k == j ? 2 * f[k] : 0;
        want += p[k] * s, square += p[k] * s * s, path += p[k] * t, paths += p[k] * t * t;
      }
      check_mean("of one draw", j, moved(page, "l", j, l[j]), want, square, MANY);
      check_mean("beside the score", j, moved(page, "f", j, f[j]), path, paths, MANY);
    }
    assert_true(page_explains(page, "its gradient is unbiased"));
    arena_close(a);
  }
}

// The whole value stands before the scores of both draws.
static void test_the_score_of_several_draws(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_of(a, MANY, "l", "maximize logmeanexp(2) { k ~ categorical(logits: l) by score   f[k] + 0 * x }");
  double p[N];
  chances(p);
  page_fill(page, "x", 0);
  page_train(page);
  for (int j = 0; j < N; j++) {
    double want = 0, square = 0;
    for (int k = 0; k < N; k++)
      for (int i = 0; i < N; i++) {
        double s = log((exp(f[k]) + exp(f[i])) / 2) * (slope(k, j, p) + slope(i, j, p));
        want += p[k] * p[i] * s, square += p[k] * p[i] * s * s;
      }
    check_mean("of two draws", j, moved(page, "l", j, l[j]), want, square, MANY);
  }
  arena_close(a);
}

// Where examples meet, the draw of one moves the value of another: the mean of f[k] f[next k] is the mean's square.
static void test_the_score_where_examples_meet(void **state) {
  (void)state;
  enum { STEPS = 4000 };
  Arena *a = arena_open(NULL);
  Page *page = page_of(a, 3, "l, f",
                       "k ~ categorical(logits: l) by score(baseline: 1)   maximize f[k] * f[neighbour(k, 1)] + 0 * x");
  double p[N], m = 0, sum[N] = {0}, squares[N] = {0};
  chances(p);
  for (int k = 0; k < N; k++) m += p[k] * f[k];
  page_fill(page, "x", 0);
  for (int step = 0; step < STEPS; step++) {
    for (int j = 0; j < N; j++) page_tensor(page, "l")[j] = (float)l[j], page_tensor(page, "f")[j] = (float)f[j];
    page->run.step = (uint32_t)step;
    page_train(page);
    for (int j = 0; j < N; j++) {
      double s = moved(page, "l", j, l[j]);
      sum[j] += s / STEPS, squares[j] += s * s / STEPS;
    }
  }
  for (int j = 0; j < N; j++) check_mean("of neighbours", j, sum[j], 2 * m * p[j] * (f[j] - m), squares[j], STEPS);
  arena_close(a);
}

// Of a normal z the score is (z - m): the mean of z^2 (z - m) is 2 m, and the path gives nothing more.
static void test_the_score_of_a_continuous_draw(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_of(a, MANY, "m", "z ~ normal(m, 1) by score   maximize square(z) + 0 * x");
  page_fill(page, "x", 0);
  page_train(page);
  double m = 0.5, square = 0, step = 1e-3;
  for (double t = -12; t < 12; t += step)
    square += exp(-t * t / 2) / 2.50662827463100050 * step * pow(m + t, 4) * t * t;
  check_mean("of a normal", 0, moved(page, "m", 0, m), 2 * m, square, MANY);
  arena_close(a);
}

// The mean over logistic noise of a function of z = sigmoid((m + noise) / heat) and of the label m + noise > 0, and of
// its square.
static void over_noise(double m, double heat, bool hard, double *mean, double *square) {
  double step = 1e-4;
  *mean = *square = 0;
  for (double u = step / 2; u < 1; u += step) {
    double noise = log(u / (1 - u)), z = 1 / (1 + exp(-(m + noise) / heat)), at = hard ? m + noise > 0 : z;
    double s = 3 * (at - 0.4) * (at - 0.4) * z * (1 - z) / heat;
    *mean += s * step, *square += s * s * step;
  }
}

static void test_relaxed_bits(void **state) {
  (void)state;
  static const double heat[] = {0.7, 2};
  for (int hard = 0; hard < 2; hard++)
    for (int h = 0; h < 2; h++) {
      Arena *a = arena_open(NULL);
      const char *by = hard ? "straight_through" : "gumbel";
      Page *page =
          page_of(a, MANY, "m",
                  arena_format(a, "b ~ bernoulli(logits: m) by %s(%g)   g = b - 0.4   maximize g * g * g + 0 * x", by,
                               heat[h]));
      double want, square;
      page_fill(page, "x", 0);
      page_train(page);
      over_noise(0.5, heat[h], hard, &want, &square);
      check_mean(by, h, moved(page, "m", 0, 0.5), want, square, MANY);
      assert_true(page_explains(
          page, hard ? "drawn as it is; its gradient is biased" : "its value and its gradient are biased"));
      arena_close(a);
    }
}

// sum((w @ T - [0.3, -0.1])^2) for w = softmax((log_softmax(l) + [0.2, 2.5, -0.4]) / 0.7), and for the one-hot vector
// of its greatest with the slopes of w: torch.autograd in double precision.
static void test_the_same_noise_in_pytorch(void **state) {
  (void)state;
  static const struct {
    const char *by;
    double of_l[N], of_T[6];
  } row[] = {{"noisy",
              {-2.7763361533660973, 4.3543014191163625, -1.577965265750265},
              {-0.010854324940759368, 0.4827715326548383, -0.06952639535545707, 3.0923493288539796,
               -0.014443982593725473, 0.6424299670841448}},
             {"noisy_label", {-4.015420714315193, 6.540814658590591, -2.5253939442753977}, {0, 0, 0.4, 6.2, 0, 0}}};
  static const char *const taken[] = {"onehot(k) @ T", "T[k]", "inner(k)", "onehot(kept(k)) @ T",
                                      "transpose(T)[.., k]"};
  static const double T[] = {1, -2, 0.5, 3, -1.5, 0.25};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    for (size_t k = 0; k < sizeof taken / sizeof *taken; k++) {
      Arena *a = arena_open(NULL);
      Page *page = page_of(a, 2, "l, T",
                           arena_format(a,
                                        "k ~ categorical(logits: l) by %s([0.2, 2.5, -0.4], 0.7)\n v = %s\n"
                                        "maximize -sum(square(v - [0.3, -0.1])) + 0 * x",
                                        row[i].by, taken[k]));
      page_fill(page, "x", 0);
      page_train(page);
      for (int j = 0; j < N; j++) page_near(row[i].by, taken[k], -moved(page, "l", j, l[j]), row[i].of_l[j], 2e-6);
      for (int j = 0; j < 6; j++)
        page_near(row[i].by, "by the table", -moved(page, "T", j, T[j]), row[i].of_T[j], 2e-6);
      arena_close(a);
    }
}

static void test_labels_are_drawn_as_they_are(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  double p[N];
  chances(p);
  Page *page =
      page_open(a,
                "data x from npy(\"x\")\n"
                "parameter l[3] = [0.3, -0.7, 1.1]\n"
                "metric first { z[2] ~ categorical(logits: l) by straight_through(1)   onehot(z)[1][0] + 0 * x }\n"
                "metric whole { z[2] ~ categorical(logits: l) by straight_through(1)   sum(square(onehot(z))) }\n"
                "metric soft { z[2] ~ categorical(logits: l) by gumbel(1)   sum(onehot(z)) }\n"
                "metric density { k ~ categorical(logits: l) by straight_through(1)   d = categorical(logits: l)   log "
                "d(k) + 0 * x }\n",
                MANY);
  page_fill(page, "x", 0);
  page_test(page);
  page_near("share", "of a label", page_average(page, "first"), p[0],
            3.3 * sqrt(p[0] * (1 - p[0]) / MANY) / (1 + p[0]));
  page_near("square", "of one-hot vectors", page_average(page, "whole"), 2, 0);
  page_near("sum", "of weights", page_average(page, "soft"), 2, 1e-6);
  double entropy = 0, square = 0;
  for (int j = 0; j < N; j++) entropy += p[j] * log(p[j]), square += p[j] * log(p[j]) * log(p[j]);
  check_mean("log density", 0, page_average(page, "density"), entropy, square, MANY);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_values_are_exact),           cmocka_unit_test(test_the_score_is_unbiased),
      cmocka_unit_test(test_the_score_of_several_draws),     cmocka_unit_test(test_the_score_where_examples_meet),
      cmocka_unit_test(test_the_score_of_a_continuous_draw), cmocka_unit_test(test_relaxed_bits),
      cmocka_unit_test(test_the_same_noise_in_pytorch),      cmocka_unit_test(test_labels_are_drawn_as_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
