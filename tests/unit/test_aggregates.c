// Aggregates: mean(k) and logmeanexp(k) of a block, against integrals over its k independent draws.
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

enum { EXAMPLES = 8192, GRID = 60, DRAWS = 3 };

static const double x = 0.8, q_mean = 0.3, q_scale = 0.6;  // of z ~ q, and the example's value

static double normal_log(double at, double mean, double scale) {
  double u = (at - mean) / scale;
  return -u * u / 2 - log(scale) - log(2 * acos(-1)) / 2;
}

// Of one draw: log p(x | z) + log prior(z) - log q(z).
static double weight_log(double z) {
  return normal_log(x, 2 * z, 1) + normal_log(z, 0, 1) - normal_log(z, q_mean, q_scale);
}

// The expectation of log((exp w_1 + ... + exp w_k) / k) over k draws, by the trapezoidal rule, which for integrands
// like these converges beyond any power of the step.
static double expected_bound(int k) {
  double z[GRID], mass[GRID], total = 0;
  for (int i = 0; i < GRID; i++) {
    double u = -7 + 14.0 * i / (GRID - 1);
    z[i] = q_mean + q_scale * u;
    mass[i] = exp(normal_log(u, 0, 1)) * 14 / (GRID - 1);
  }
  int cells = (int)pow(GRID, k);
  for (int cell = 0; cell < cells; cell++) {
    double sum = 0, share = 1;
    for (int i = 0, rest = cell; i < k; i++, rest /= GRID) {
      sum += exp(weight_log(z[rest % GRID]));
      share *= mass[rest % GRID];
    }
    total += share * log(sum / k);
  }
  return total;
}

static Page *page_of(Arena *a) {
  return page_format(a, EXAMPLES,
                     "data x from npy(\"x\")  prior z ~ normal(0, 1)\n"
                     "encoder q(z | x) { z ~ normal(%g + 0 * x, %g) }\n"
                     "decoder p(x | z) { x ~ normal(2 * z, 1) }\n"
                     "function w(x, z) = log p(x | z) + log prior(z) - log q(z | x)\n"
                     "metric b1 { z ~ q(z | x)  w(x, z) }\n"
                     "metric b2 = logmeanexp(2) { z ~ q(z | x)  w(x, z) }\n"
                     "metric b3 = logmeanexp(3) { z ~ q(z | x)  w(x, z) }\n"
                     "metric shared { z ~ q(z | x)  logmeanexp(3) { w(x, z) } }\n"
                     "metric m1 = mean(1) { z ~ q(z | x)  z }\n"
                     "metric m5 = mean(5) { z ~ q(z | x)  z }\n"
                     "metric nested = mean(5) { z ~ q(z | x)  u = mean(4) { v ~ normal(0, 1)  v }  z + u }\n",
                     q_mean, q_scale);
}

static void moments(Page *p, const char *metric, double *mean, double *variance) {
  const float *value = page_metric(p, metric);
  *mean = *variance = 0;
  for (int i = 0; i < EXAMPLES; i++) *mean += (double)value[i] / EXAMPLES;
  for (int i = 0; i < EXAMPLES; i++) *variance += pow((double)value[i] - *mean, 2) / (EXAMPLES - 1);
}

// Within what one in 1000 seeds exceeds.
static void near_in_mean(Page *p, const char *metric, double want) {
  double mean, variance;
  moments(p, metric, &mean, &variance);
  double error = sqrt(variance / EXAMPLES);
  page_check(fabs(mean - want) < 3.3 * error, "mean of", metric, mean, want);
}

static void bounds_are_the_integrals(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_of(a);
  page_fill(p, "x", x);
  page_test(p);
  near_in_mean(p, "b1", expected_bound(1));
  near_in_mean(p, "b2", expected_bound(2));
  near_in_mean(p, "b3", expected_bound(DRAWS));
  near_in_mean(p, "shared", expected_bound(1));  // one draw, three times
  double exact = normal_log(x, 0, sqrt(5));      // x = 2 z + noise
  page_check(expected_bound(1) < expected_bound(2) && expected_bound(2) < expected_bound(3), "bounds", "grow", 0, 0);
  page_check(expected_bound(DRAWS) < exact, "bound", "below log p(x)", expected_bound(DRAWS), exact);
  arena_close(a);
}

static void draws_of_a_mean_are_independent(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_of(a);
  page_fill(p, "x", x);
  page_test(p);
  const struct {
    const char *metric;
    double variance;
  } cases[] = {{"m1", q_scale * q_scale}, {"m5", q_scale * q_scale / 5}, {"nested", (q_scale * q_scale + 0.25) / 5}};
  for (int i = 0; i < 3; i++) {
    double mean, variance;
    moments(p, cases[i].metric, &mean, &variance);
    near_in_mean(p, cases[i].metric, q_mean);
    double error = sqrt(2.0 / (EXAMPLES - 1));  // of a variance, relative, for normal values
    page_check(fabs(variance / cases[i].variance - 1) < 3.3 * error, "variance of", cases[i].metric, variance,
               cases[i].variance);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_are_the_integrals),
                                     cmocka_unit_test(draws_of_a_mean_are_independent)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
