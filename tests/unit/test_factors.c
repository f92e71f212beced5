// Several networks of one name, the factors of a model: joint densities by the chain rule, marginals, posteriors.
// Against sums in double precision.
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

enum { BATCH = 2000 };
static const double PI = 3.14159265358979323846;

static double log_normal(double x, double m, double s) {
  return -(x - m) * (x - m) / (2 * s * s) - log(s) - log(2 * PI) / 2;
}

static double log_sum_exp(int n, const double *x) {
  double top = x[0], sum = 0;
  for (int i = 1; i < n; i++) top = fmax(top, x[i]);
  for (int i = 0; i < n; i++) sum += exp(x[i] - top);
  return top + log(sum);
}

static void fill(Page *p, const char *column, int count, double turn, double size) {
  float *x = page_column(p, column);
  for (int i = 0; i < BATCH * count; i++) x[i] = (float)(size * sin(turn * i + turn));
}

static void near(const Page *p, const char *name, int example, double want) {
  page_near("example", name, (double)page_metric(p, name)[example], want, 1e-5);
}

static void test_joint(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x, a, b from npy(\"x\", \"a\", \"b\")\n"
                      "prior u ~ normal(0, 2), v ~ laplace(1, 1)\n"
                      "decoder p(z | u) { weight w[1] = 0.5  z ~ normal(w[0] * u, 1) }\n"
                      "decoder p(x | z, v) { weight w[1] = 2  x ~ normal(w[0] * z + v, 0.5) }\n"
                      "net two(s, t | u) { s ~ normal(u, 1)  t ~ normal(-u, 3) }\n"
                      "objective o { z = a  u = b  v = 1  maximize log p(x, z, u, v) }\n"
                      "train { maximize o over p with sgd(1) }\n"
                      "metric joint { z = a  u = b  v = a - b  log p(x, z, u, v) }\n"
                      "metric order { z = a  u = b  v = a - b  log p(u, x, v, z) }\n"
                      "metric said { log p(x: a, z: b, u: x, v: a) }\n"
                      "metric part { z = a  u = b  log p(z, u) }\n"
                      "metric one { z = a  v = b  log p(x | z, v) }\n"
                      "metric other { w = a  u = b  log p(w | u) + log p(z: x | u) }\n"
                      "metric priors { u = a  v = b  log prior(u, v) }\n"
                      "metric first { s = a  u = b  log two(s | u) }\n"
                      "metric second { u = b  log two(t: x | u) }\n"
                      "metric third { s = a  t = x  u = b  log two(t, s | u) }\n"
                      "metric drawn { u ~ prior(u)  w ~ p(z | u)  square(w) }\n",
                      BATCH);
  fill(p, "x", 1, 0.37, 3);
  fill(p, "a", 1, 1.9, 2);
  fill(p, "b", 1, 0.7, 2);
  page_test(p);
  for (int i = 0; i < 100; i++) {
    double x = (double)page_column(p, "x")[i], z = (double)page_column(p, "a")[i], u = (double)page_column(p, "b")[i];
    double v = z - u, part = log_normal(z, 0.5 * u, 1) + log_normal(u, 0, 2);
    double joint = part + log_normal(x, 2 * z + v, 0.5) - fabs(v - 1) - log(2);
    near(p, "joint", i, joint);
    near(p, "order", i, joint);
    near(p, "said", i,
         log_normal(z, 2 * u + z, 0.5) + log_normal(u, 0.5 * x, 1) + log_normal(x, 0, 2) - fabs(z - 1) - log(2));
    near(p, "part", i, part);
    near(p, "one", i, log_normal(x, 2 * z + u, 0.5));
    near(p, "other", i, log_normal(z, 0.5 * u, 1) + log_normal(x, 0.5 * u, 1));
    near(p, "priors", i, log_normal(z, 0, 2) - fabs(u - 1) - log(2));
    near(p, "first", i, log_normal(z, u, 1));
    near(p, "second", i, log_normal(x, -u, 3));
    near(p, "third", i, log_normal(z, u, 1) + log_normal(x, -u, 3));
  }
  page_near("variance", "drawn", page_average(p, "drawn"), 0.25 * 4 + 1, 0.1);
  double slope_x = 0, slope_z = 0;
  for (int i = 0; i < BATCH; i++) {
    double x = (double)page_column(p, "x")[i], z = (double)page_column(p, "a")[i], u = (double)page_column(p, "b")[i];
    slope_x += (x - 2 * z - 1) / 0.25 * z / BATCH;
    slope_z += (z - 0.5 * u) * u / BATCH;
  }
  page_train(p);
  page_near("weight", "p.x.w", (double)page_tensor(p, "p.x/w")[0], 2 + slope_x, 1e-4);
  page_near("weight", "p.z.w", (double)page_tensor(p, "p.z/w")[0], 0.5 + slope_z, 1e-4);
  arena_close(a);
}

// A label and a bit that are summed out, one made of the other, of a variable of two numbers; and of two variables.
static void test_marginals(void **state) {
  (void)state;
  static const double w[] = {0.2, 0.3, 0.5}, m[3][2] = {{-1, 0}, {2, 1}, {0, 3}}, on[] = {0.1, 0.6, 0.9};
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[2], y from npy(\"x\", \"y\")\n"
                      "prior k : class(3) ~ categorical([0.2, 0.3, 0.5])\n"
                      "let m = [[-1, 0], [2, 1], [0, 3]],  chance = [0.1, 0.6, 0.9]\n"
                      "decoder p(b | k) { b ~ bernoulli(chance[k]) }\n"
                      "decoder p(x | k, b) { x ~ normal(m[k], 1 + b) }\n"
                      "decoder p(y | k) { y ~ normal(m[k, 0], 0.5) }\n"
                      "metric marginal = log p(x)\n"
                      "metric by_label { k = 1 + 0 * y  log p(x, k) }\n"
                      "metric by_bit { b = 1  log p(x, b) }\n"
                      "metric both = log p(x, y)\n"
                      "metric label = log p(k: 1 | x)\n"
                      "metric label_of_both = log p(k: 2 | x, y)\n"
                      "metric label_by_bit { b = 1  log p(k: 0 | x, b) }\n"
                      "metric cost = kl(p(k | x) || prior(k))\n"
                      "metric spread = entropy(p(k | x, y))\n"
                      "metric slope = grad(log p(x), x)[1]\n"
                      "metric expected_slope = grad(mean(k ~ stop(p(k | x))) { log p(x, k) }, x)[1]\n"
                      "metric in_turns = sum(scan(i in 0 .. 3) { log p(x: x + 0 * i) })\n"
                      "metric drawn { x ~ p(x)  x[1] }\n"
                      "metric picked { k ~ p(k | y)  k == 1 }  metric expected = exp(log p(k: 1 | y))\n"
                      "metric again { k ~ p(k | x)  log p(k | x) + log p(x) - log p(x, k) }\n",
                      BATCH);
  fill(p, "x", 2, 0.37, 3);
  fill(p, "y", 1, 1.9, 2);
  page_test(p);
  for (int i = 0; i < 100; i++) {
    const float *x = page_column(p, "x") + (ptrdiff_t)2 * i;
    double y = (double)page_column(p, "y")[i], term[3][2], sum[3], with_y[3], bit[3], slope = 0, cost = 0, spread = 0;
    for (int k = 0; k < 3; k++) {
      for (int b = 0; b < 2; b++)
        term[k][b] = log(w[k]) + log(b ? on[k] : 1 - on[k]) + log_normal((double)x[0], m[k][0], 1 + b) +
                     log_normal((double)x[1], m[k][1], 1 + b);
      sum[k] = log_sum_exp(2, term[k]);
      with_y[k] = sum[k] + log_normal(y, m[k][0], 0.5);
      bit[k] = term[k][1];
    }
    double all = log_sum_exp(3, sum), all_y = log_sum_exp(3, with_y);
    for (int k = 0; k < 3; k++) {
      for (int b = 0; b < 2; b++) slope -= exp(term[k][b] - all) * ((double)x[1] - m[k][1]) / ((1 + b) * (1 + b));
      cost += exp(sum[k] - all) * (sum[k] - all - log(w[k]));
      spread -= exp(with_y[k] - all_y) * (with_y[k] - all_y);
    }
    near(p, "marginal", i, all);
    near(p, "by_label", i, sum[1]);
    near(p, "by_bit", i, log_sum_exp(3, bit));
    near(p, "both", i, all_y);
    near(p, "label", i, sum[1] - all);
    near(p, "label_of_both", i, with_y[2] - all_y);
    near(p, "label_by_bit", i, bit[0] - log_sum_exp(3, bit));
    near(p, "cost", i, cost);
    near(p, "spread", i, spread);
    near(p, "slope", i, slope);
    near(p, "expected_slope", i, slope);  // Fisher's identity
    near(p, "in_turns", i, 3 * all);
    near(p, "again", i, 0);
  }
  double mean = 0, square = 0, want = 0.3 * 1 + 0.5 * 3, second = 0;
  for (int k = 0; k < 3; k++) second += w[k] * (m[k][1] * m[k][1] + 1 + 3 * on[k]);
  for (int i = 0; i < BATCH; i++) {
    double x = (double)page_metric(p, "drawn")[i];
    mean += x / BATCH, square += x * x / BATCH;
  }
  page_near("mean", "of draws", mean, want, 0.1);
  page_near("second moment", "of draws", square, second, 0.15);
  page_near("share", "of draws of the posterior", page_average(p, "picked"), page_average(p, "expected"), 0.02);
  arena_close(a);
}

// Two labels at once: the nine values of a vector.
static void test_a_vector_of_labels(void **state) {
  (void)state;
  static const double w[] = {0.2, 0.3, 0.5};
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x from npy(\"x\")\n"
                      "prior l[2] : class(3) ~ categorical([0.2, 0.3, 0.5])\n"
                      "decoder p(x | l) { x ~ normal(l[0] - 2 * l[1], 0.5) }\n"
                      "metric whole = log p(x)\n"
                      "metric drawn { l ~ prior(l),  (l[0] == 2) * (l[1] == 0) }\n"
                      "metric spread = entropy(prior(l))\n",
                      BATCH);
  fill(p, "x", 1, 0.37, 5);
  page_test(p);
  for (int i = 0; i < 100; i++) {
    double term[9];
    for (int k = 0; k < 9; k++)
      term[k] = log(w[k / 3]) + log(w[k % 3]) + log_normal((double)page_column(p, "x")[i], k / 3 - 2 * (k % 3), 0.5);
    near(p, "whole", i, log_sum_exp(9, term));
  }
  page_near("share", "of a pair", page_average(p, "drawn"), 0.5 * 0.2, 0.02);
  near(p, "spread", 0, -2 * (0.2 * log(0.2) + 0.3 * log(0.3) + 0.5 * log(0.5)));
  arena_close(a);
}

// A bit has a bernoulli posterior.
static void test_posterior_of_a_bit(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x from npy(\"x\")\n"
                      "prior b ~ bernoulli(0.25)\n"
                      "decoder p(x | b) { x ~ normal(2 * b, 1) }\n"
                      "metric share = mean p(b | x)\n"
                      "metric whole = log p(x)\n",
                      BATCH);
  fill(p, "x", 1, 0.37, 3);
  page_test(p);
  for (int i = 0; i < 100; i++) {
    double x = (double)page_column(p, "x")[i];
    double term[] = {log(0.75) + log_normal(x, 0, 1), log(0.25) + log_normal(x, 2, 1)};
    near(p, "share", i, exp(term[1] - log_sum_exp(2, term)));
    near(p, "whole", i, log_sum_exp(2, term));
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_joint),
      cmocka_unit_test(test_marginals),
      cmocka_unit_test(test_a_vector_of_labels),
      cmocka_unit_test(test_posterior_of_a_bit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
