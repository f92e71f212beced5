// Values that are seen in part, observed(x, m): densities against sums over what is seen in double precision, draws and
// means of the rest against what Bayes' rule says of it.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

enum { ROWS = 200, N = 4, K = 3 };
static const double PI = 3.14159265358979323846;
// The components of a mixture: centre, scale, weight.
static const double M[K][N] = {{1, -1, 0.5, 2}, {-2, 0.5, 1, -1}, {0.25, 2, -1.5, 0}};
static const double S[K][N] = {{0.5, 1, 2, 0.25}, {1, 0.75, 0.5, 1.5}, {1.25, 1, 0.5, 0.75}};
static const double W[K] = {0.2, 0.3, 0.5};

#define TABLES                                                               \
  "data x[4], m[4] in {0, 1} from npy(\"x\", \"m\")\n"                       \
  "let c = [[1, -1, 0.5, 2], [-2, 0.5, 1, -1], [0.25, 2, -1.5, 0]]\n"        \
  "let s = [[0.5, 1, 2, 0.25], [1, 0.75, 0.5, 1.5], [1.25, 1, 0.5, 0.75]]\n" \
  "let w = [0.2, 0.3, 0.5]\n"

static double log_normal(double x, double m, double s) {
  return -(x - m) * (x - m) / (2 * s * s) - log(s) - log(2 * PI) / 2;
}

// A mask of each example's own; every one of the 16 is there.
static void fill(Page *p, int rows) {
  float *x = page_column(p, "x"), *m = page_column(p, "m");
  for (int i = 0; i < rows * N; i++) x[i] = (float)(2 * sin(0.37 * i) + 0.5 * cos(1.7 * i));
  for (int i = 0; i < rows * N; i++) m[i] = (float)(i / N >> i % N & 1);
}

// log p(what is seen, k) for each component.
static void joint_logs(const float *x, const float *m, double *out) {
  for (int k = 0; k < K; k++) {
    out[k] = log(W[k]);
    for (int j = 0; j < N; j++)
      if (m[j] != 0) out[k] += log_normal((double)x[j], M[k][j], S[k][j]);
  }
}

static double log_sum_exp(int n, const double *v) {
  double top = v[0], sum = 0;
  for (int i = 1; i < n; i++) top = fmax(top, v[i]);
  for (int i = 0; i < n; i++) sum += exp(v[i] - top);
  return top + log(sum);
}

static void posterior(const float *x, const float *m, double *share) {
  double logs[K], all;
  joint_logs(x, m, logs);
  all = log_sum_exp(K, logs);
  for (int k = 0; k < K; k++) share[k] = exp(logs[k] - all);
}

// Of independent places those that are seen count, also where the others have no density or are absurd.
static void test_independent_places(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      TABLES
                      "decoder p(x | u) { x ~ normal(c[0] + u, s[0]) }\n"
                      "metric whole = log p(observed(x, 1) | 0)\n"
                      "metric none = log p(observed(x, 0) | 0)\n"
                      "metric own = log p(observed(x, m) | 0)\n"
                      "metric terms = sum(iota(4) * each log p(observed(x, m) | 0))\n"
                      "metric fixed = log p(observed(x, [1, 0, 0, 1]) | 0)\n"
                      "metric both = log p(observed(observed(x, m), [1, 0, 0, 1]) | 0)\n"
                      "metric held = log stop(p(observed(x, m) | 0))\n"
                      "metric absurd { far = x + 1e30 * (1 - m)  log p(observed(far, m) | 0) }\n"
                      "metric draws = mean(4) { log p(observed(x, m) | 0) }\n"
                      "metric slopes = sum(abs(grad(log p(observed(x, m) | 0), x)) * (1 - m))\n"
                      "metric slope = grad(log p(observed(x, m) | 0), x)[1]\n"
                      "metric mean_of_rest = sum(iota(4) * mean p(observed(x, m) | 1))\n"
                      "metric seen = sum(m * abs(draw p(observed(x, m) | 0) - x))\n"
                      "metric rest = sum((1 - m) * square((draw p(observed(x, m) | 0) - c[0]) / s[0]))\n"
                      "metric left = sum(1 - m)\n"
                      "metric turns = fold(i in 0 .. 3, t = 0) { t <- t + log p(observed(x, m) | 0)  t }\n"
                      "metric other_one = mean(other in batch) { log p(x: observed(other.x, other.m) | 0) }\n",
                      ROWS);
  fill(p, ROWS);
  page_test(p);
  double rest = 0, left = 0, mean = 0;
  for (int i = 0; i < ROWS; i++) {
    const float *x = page_column(p, "x") + (ptrdiff_t)N * i, *m = page_column(p, "m") + (ptrdiff_t)N * i;
    double term[N], own = 0, whole = 0, terms = 0, means = 0;
    for (int j = 0; j < N; j++) {
      term[j] = log_normal((double)x[j], M[0][j], S[0][j]);
      whole += term[j];
      own += m[j] != 0 ? term[j] : 0;
      terms += m[j] != 0 ? j * term[j] : 0;
      means += j * (m[j] != 0 ? (double)x[j] : M[0][j] + 1);
    }
    bool first = m[0] != 0, last = m[3] != 0;
    double slope = m[1] != 0 ? -((double)x[1] - M[0][1]) / (S[0][1] * S[0][1]) : 0;
    page_near("density", "whole", (double)page_metric(p, "whole")[i], whole, 1e-5);
    page_near("density", "none", (double)page_metric(p, "none")[i], 0, 0);
    page_near("density", "own", (double)page_metric(p, "own")[i], own, 1e-5);
    page_near("density", "terms", (double)page_metric(p, "terms")[i], terms, 1e-5);
    page_near("density", "fixed", (double)page_metric(p, "fixed")[i], term[0] + term[3], 1e-5);
    page_near("density", "both", (double)page_metric(p, "both")[i], first * term[0] + last * term[3], 1e-5);
    page_near("density", "held", (double)page_metric(p, "held")[i], own, 1e-5);
    page_near("density", "absurd", (double)page_metric(p, "absurd")[i], own, 1e-5);
    page_near("density", "draws", (double)page_metric(p, "draws")[i], own, 1e-5);
    page_near("density", "turns", (double)page_metric(p, "turns")[i], 3 * own, 1e-5);
    page_near("slope", "unseen", (double)page_metric(p, "slopes")[i], 0, 0);
    page_near("slope", "seen", (double)page_metric(p, "slope")[i], slope, 1e-5);
    page_near("mean", "rest", (double)page_metric(p, "mean_of_rest")[i], means, 1e-5);
    page_near("draw", "seen", (double)page_metric(p, "seen")[i], 0, 0);
    rest += (double)page_metric(p, "rest")[i], left += (double)page_metric(p, "left")[i];
    mean += own / ROWS;
  }
  page_near("density", "another example's", (double)page_metric(p, "other_one")[0], mean, 1e-5);
  page_near("draw", "spread of the rest", rest / left, 1, 0.2);  // chi square of 400: four deviations
  assert_true(page_explains(p, "log p(observed(x, m) | 0): of what is seen alone"));
  assert_true(page_explains(p, "mean p(observed(x, m) | 1): what is seen, and the rest, independent of what is seen"));
  arena_close(a);
}

// A label of an example, known or not; copies of a vector, of which each is seen whole or not at all.
static void test_whole_copies(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data y : class(3), x[3, 2], k in {0, 1}, m[3] in {0, 1} from npz(\"all\")\n"
                      "distribution pair(scale > 0) on real[2] {\n"
                      "  sample = [scale * gaussian(), scale * gaussian()]\n"
                      "  log(v) = -(square(v[0]) + square(v[1])) / (2 * square(scale)) - log(2 * pi * square(scale))\n"
                      "}\n"
                      "net c(y | u) { y ~ categorical([0.5, 0.25 + 0 * u, 0.25 - 0 * u]) }\n"
                      "net p(x | u) { x[3, 2] ~ pair(2 + 0 * u) }\n"
                      "metric label = log c(observed(y, k) | 0)\n"
                      "metric guess = draw c(observed(y, k) | 0)\n"
                      "metric pairs = log p(observed(x, expand(m)) | 0)\n"
                      "metric all = log p(observed(x, k) | 0)\n"
                      "metric kept = sum(expand(m) * abs(draw p(observed(x, expand(m)) | 0) - x))\n",
                      ROWS);
  float *y = page_column(p, "y"), *x = page_column(p, "x"), *k = page_column(p, "k"), *m = page_column(p, "m");
  for (int i = 0; i < ROWS; i++) y[i] = (float)(i % 3), k[i] = (float)(i / 2 % 2);
  for (int i = 0; i < 3 * ROWS; i++) m[i] = (float)(i % 5 % 2);
  for (int i = 0; i < 6 * ROWS; i++) x[i] = (float)sin(i);
  page_test(p);
  int moved = 0;
  for (int i = 0; i < ROWS; i++) {
    double pairs = 0, all = 0;
    for (int j = 0; j < 3; j++) {
      const float *v = x + 6 * i + 2 * j;
      double one = log_normal((double)v[0], 0, 2) + log_normal((double)v[1], 0, 2);
      all += k[i] != 0 ? one : 0;
      pairs += m[3 * i + j] != 0 ? one : 0;
    }
    float guess = page_metric(p, "guess")[i];
    page_near("label", "density", (double)page_metric(p, "label")[i], k[i] != 0 ? log(i % 3 ? 0.25 : 0.5) : 0, 1e-6);
    page_check(k[i] == 0 || guess == y[i], "label", "kept", (double)guess, (double)y[i]);
    moved += guess != y[i];
    page_near("copies", "density", (double)page_metric(p, "pairs")[i], pairs, 1e-5);
    page_near("copies", "all or none", (double)page_metric(p, "all")[i], all, 1e-5);
    page_near("copies", "kept", (double)page_metric(p, "kept")[i], 0, 0);
  }
  assert_in_range(moved, 40, 90);  // 100 labels are drawn, of which 5 in 8 miss: 62, deviation 5
  arena_close(a);
}

// The same distribution as a mixture, as a prior of a mixture, and as a marginal of a label and of two labels.
static const char *const ways[] = {
    "net p(x | u) { x ~ mixture(k ~ categorical(w)) { normal(c[k] + 0 * u, s[k]) } }\n"
    "function at(x, m) = log p(observed(x, m) | 0)\n"
    "function guess(x, m) = mean p(observed(x, m) | 0)\n"
    "function drawn(x, m) = draw p(observed(x, m) | 0)\n",
    "distribution three(w[n] on simplex, c[n, d], s[n, d]) on real[d] { mixture(k ~ categorical(w)) { normal(c[k], "
    "s[k]) } }\n"
    "net p(x | u) { x ~ three(w, c + 0 * u, s) }\n"
    "function at(x, m) = log p(observed(x, m) | 0)\n"
    "function guess(x, m) = draw p(observed(x, m) | 0)\n"
    "function drawn(x, m) = draw p(observed(x, m) | 0)\n",
    "net p(x | u) {\n"  // all as likely: each ten times, by a list
    "  x ~ mixture(k in [0, 0, 1, 1, 1, 2, 2, 2, 2, 2], i in 0 .. 10) { normal(c[k] + 0 * u, s[k]) }\n"
    "}\n"
    "function at(x, m) = log p(observed(x, m) | 0)\n"
    "function guess(x, m) = mean p(observed(x, m) | 0)\n"
    "function drawn(x, m) = draw p(observed(x, m) | 0)\n",
    "prior k : class(3) ~ categorical(w)\n"
    "net p(x | k) { x ~ normal(c[k], s[k]) }\n"
    "function at(x, m) = log p(observed(x, m))\n"
    "function guess(x, m) = mean p(observed(x, m))\n"
    "function drawn(x, m) = draw p(observed(x, m))\n",
    "prior j : class(2) ~ categorical([0.5, 0.5])\n"
    "net p(k | j) { k ~ categorical([[0.4, 0.6, 0], [0, 0, 1]][j]) }\n"
    "net p(x | k) { x ~ normal(c[k], s[k]) }\n"
    "function at(x, m) = log p(x: observed(x, m))\n"
    "function guess(x, m) = mean p(observed(x, m))\n"
    "function drawn(x, m) = draw p(observed(x, m))\n",
};

static void test_what_is_mixed(void **state) {
  (void)state;
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, ROWS,
                          TABLES
                          "%s"
                          "metric seen = at(x, m)\n"
                          "metric fixed = at(x, [0, 1, 1, 0])\n"
                          "metric first = guess(x, m)[0]\n"
                          "metric kept = sum(m * abs(drawn(x, m) - x))\n",
                          ways[way]);
    fill(p, ROWS);
    page_test(p);
    const float fixed[N] = {0, 1, 1, 0};
    for (int i = 0; i < ROWS; i++) {
      const float *x = page_column(p, "x") + (ptrdiff_t)N * i, *m = page_column(p, "m") + (ptrdiff_t)N * i;
      double logs[K], share[K], mean = 0;
      joint_logs(x, m, logs);
      page_near("density", ways[way], (double)page_metric(p, "seen")[i], log_sum_exp(K, logs), 1e-5);
      joint_logs(x, fixed, logs);
      page_near("density", ways[way], (double)page_metric(p, "fixed")[i], log_sum_exp(K, logs), 1e-5);
      posterior(x, m, share);
      for (int k = 0; k < K; k++) mean += share[k] * M[k][0];
      if (m[0] != 0) mean = (double)x[0];
      if (way != 1) page_near("mean", ways[way], (double)page_metric(p, "first")[i], mean, 1e-5);
      page_near("draw", ways[way], (double)page_metric(p, "kept")[i], 0, 0);
    }
    arena_close(a);
  }
}

// What is drawn goes by the posterior of the component, and the places of one draw go together: the first two moments
// of the rest, and the product of two of its places.
static void test_draws_of_the_rest(void **state) {
  enum { DRAWS = 40000 };
  (void)state;
  const float x[N] = {0.5F, 0, -0.25F, 0}, m[N] = {1, 0, 1, 0};
  double share[K], mean = 0, square = 0, both = 0;
  posterior(x, m, share);
  for (int k = 0; k < K; k++) {
    mean += share[k] * M[k][1];
    square += share[k] * (M[k][1] * M[k][1] + S[k][1] * S[k][1]);
    both += share[k] * M[k][1] * M[k][3];
  }
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, DRAWS,
                          TABLES
                          "%s"
                          "metric first { v = drawn(x, m)  v[1] }\n"
                          "metric squared { v = drawn(x, m)  square(v[1]) }\n"
                          "metric product { v = drawn(x, m)  v[1] * v[3] }\n",
                          ways[way]);
    for (int i = 0; i < DRAWS * N; i++) page_column(p, "x")[i] = x[i % N], page_column(p, "m")[i] = m[i % N];
    page_test(p);
    double error = 4 / sqrt(DRAWS);  // four deviations of a number whose own is 1 to 2.5
    page_near("mean of draws", ways[way], page_average(p, "first"), mean, error);
    page_near("square of draws", ways[way], page_average(p, "squared"), square, 2.5 * error);
    page_near("product of two places", ways[way], page_average(p, "product"), both, 2.5 * error);
    arena_close(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_independent_places),
      cmocka_unit_test(test_whole_copies),
      cmocka_unit_test(test_what_is_mixed),
      cmocka_unit_test(test_draws_of_the_rest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
