// Densities, divergences and entropies before they are added up, and those of distributions that are held still. Values
// and gradients against formulas in double precision.
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

enum { BATCH = 60 };
static const double PI = 3.14159265358979323846;

static double log_normal(double x, double m, double s) {
  return -(x - m) * (x - m) / (2 * s * s) - log(s) - log(2 * PI) / 2;
}

static double kl_normal(double m, double s, double n, double t) {
  return log(t / s) + (s * s + (m - n) * (m - n)) / (2 * t * t) - 0.5;
}

static void fill(Page *p, const char *column, int count, double turn, double size) {
  float *x = page_column(p, column);
  for (int i = 0; i < BATCH * count; i++) x[i] = (float)(size * sin(turn * i + turn));
}

static double metric(const Page *p, const char *name, int example) { return (double)page_metric(p, name)[example]; }

static void near(const Page *p, const char *name, int example, double want) {
  page_near("example", name, metric(p, name, example), want, 1e-5);
}

// Free bits: what a latent costs below 0.1 nats is not felt.
static void test_terms(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data m[4], s[4], x[4] from npy(\"m\", \"s\", \"x\")\n"
                      "net q(z | m, s) { z ~ normal(m, exp(s)) }\n"
                      "net b(v | m) { v ~ bernoulli(logits: m) }\n"
                      "net two(v, w | m) { v ~ normal(m, 1)  w ~ laplace(m[0], 2) }\n"
                      "prior z[4] ~ normal(0.5, 2)\n"
                      "let bits = sum(max(0.1, each kl(q(z | m, s) || prior(z))))\n"
                      "metric free = bits\n"
                      "metric free_m = sum([1, 10, 100, 1000] * grad(bits, m))\n"
                      "metric free_s = sum([1, 10, 100, 1000] * grad(bits, s))\n"
                      "metric density = sum([1, 10, 100, 1000] * each log q(x | m, s))\n"
                      "metric density_m = sum([1, 10, 100, 1000] * grad(sum(square(each log q(x | m, s))), m))\n"
                      "metric spread = sum([1, 10, 100, 1000] * each entropy(b(v | m)))\n"
                      "metric joint { f, g = each log two(x, m | m)  sum([1, 10, 100, 1000] * f) + g[2] }\n",
                      BATCH);
  fill(p, "m", 4, 0.37, 2);
  fill(p, "s", 4, 1.9, 1);
  fill(p, "x", 4, 0.7, 3);
  page_test(p);
  bool below = false, above = false;
  for (int i = 0; i < BATCH; i++) {
    double free = 0, free_m = 0, free_s = 0, density = 0, density_m = 0, spread = 0, joint = 0, weight = 1;
    for (int k = 0; k < 4; k++, weight *= 10) {
      double m = (double)page_column(p, "m")[4 * i + k], s = exp((double)page_column(p, "s")[4 * i + k]);
      double x = (double)page_column(p, "x")[4 * i + k], kl = kl_normal(m, s, 0.5, 2), l = log_normal(x, m, s);
      double p1 = 1 / (1 + exp(-m));
      below = below || kl < 0.1, above = above || kl > 0.1;
      free += fmax(0.1, kl);
      free_m += kl > 0.1 ? weight * (m - 0.5) / 4 : 0;
      free_s += kl > 0.1 ? weight * (s * s / 4 - 1) : 0;
      density += weight * l;
      density_m += weight * 2 * l * (x - m) / (s * s);
      spread -= weight * (p1 * log(p1) + (1 - p1) * log1p(-p1));
      joint += weight * log_normal(x, m, 1);
    }
    const float *m = page_column(p, "m") + (ptrdiff_t)4 * i;
    joint -= fabs((double)m[2] - (double)m[0]) / 2 + log(4);
    near(p, "free", i, free);
    near(p, "free_m", i, free_m);
    near(p, "free_s", i, free_s);
    near(p, "density", i, density);
    near(p, "density_m", i, density_m);
    near(p, "spread", i, spread);
    near(p, "joint", i, joint);
  }
  assert_true(below && above);
  arena_close(a);
}

static double log_pair(const double *w) {
  double a = log_normal(w[0], -1, 1) + log_normal(w[1], 2, 1), b = log_normal(w[0], 1, 1) + log_normal(w[1], -2, 1);
  return fmax(a, b) + log((1 + exp(-fabs(a - b))) / 2);
}

// Of distributions that are joint over some of the axes there is a term for each copy; of two of them, for each copy of
// the one that has fewer. Without a closed form each is a difference of densities at the draw.
static void test_terms_of_copies(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data m[3, 2] from npy(\"m\")\n"
                      "net q(w | m) { w ~ normal(m, 0.5) }\n"
                      "net l(w | m) { w ~ laplace(m, 0.5) }\n"
                      "prior w[3, 2] ~ mixture over k in 0 .. 2 { normal([2 * k - 1, 2 - 4 * k], 1) }\n"
                      "metric density { w = m  sum([1, 10, 100] * each log prior(w)) }\n"
                      "metric whole { w ~ q(w | m)  kl(q(w | m) || prior(w)) - sum(each kl(q(w | m) || prior(w))) }\n"
                      "metric other { w ~ l(w | m)  sum(each kl(l(w | m) || q(w | m)) -\n"
                      "               (each log l(w | m) - each log q(w | m))) }\n"
                      "metric first { w ~ q(w | m)  w[0, 0] }  metric second { w ~ q(w | m)  w[0, 1] }\n"
                      "metric third { w ~ q(w | m)  t = each kl(q(w | m) || prior(w))  t[0] }\n",
                      BATCH);
  fill(p, "m", 6, 0.53, 2);
  page_test(p);
  for (int i = 0; i < BATCH; i++) {
    const float *m = page_column(p, "m") + (ptrdiff_t)6 * i;
    double density = 0, weight = 1;
    for (int c = 0; c < 3; c++, weight *= 10)
      density += weight * log_pair((double[]){(double)m[2 * c], (double)m[2 * c + 1]});
    double w[2] = {metric(p, "first", i), metric(p, "second", i)};
    double third = log_normal(w[0], (double)m[0], 0.5) + log_normal(w[1], (double)m[1], 0.5) - log_pair(w);
    near(p, "density", i, density);
    near(p, "whole", i, 0);
    near(p, "other", i, 0);
    near(p, "third", i, third);
  }
  arena_close(a);
}

// stop(f): the gradient flows into the point, and not into what f is made of, though that hang on the point too.
static void test_held_still(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(
      a,
      "data m, s, x from npy(\"m\", \"s\", \"x\")\n"
      "net q(z | m, s) { z ~ normal(m, exp(s)) }\n"
      "net b(z | m) { z ~ mixture over k in 0 .. 2 { normal(m + 2 * k, 1) } }\n"
      "net both(z, v | m) { z ~ normal(m, 1)  v ~ normal(m, 1) }\n"
      "metric drawn { z ~ q(z | m, s)  z }\n"
      "metric value { z ~ q(z | m, s)  log stop(q(z | m, s)) - log q(z | m, s) }\n"
      "metric along { z ~ q(z | m, s)  grad(log stop(q(z | m, s)), m) }\n"
      "metric scale { z ~ q(z | m, s)  grad(log stop(q(z | m, s)), s) }\n"
      "metric mixed { z = x * m  grad(log stop(b(z | m)), m) }\n"
      "metric through { z = 3 * m  grad(log stop(q(z | tanh(z), s)), m) }\n"
      "metric second { z = 3 * m  grad(grad(log stop(q(z | m, s)), m), m) }\n"
      "metric left = grad(kl(stop(q(z | m, s)) || normal(2 * m, 3)), m)\n"
      "metric right = grad(kl(normal(2 * m, 3) || stop(q(z | m, s))), m)\n"
      "metric inner = grad(m * m + entropy(stop(q(z | m, s))) + mean stop(q(z | m, s)) + draw stop(q(z | m, s)), m)\n"
      "metric carlo { z ~ q(z | m, s)  grad(kl(stop(q(z | m, s)) || laplace(m + 20, 5)), m) }\n"
      "metric several { z = 3 * m  v = m  grad(log stop(both(z, v | m)), m) }\n"
      "metric terms { z = 3 * m  grad(each log stop(q(z | m, s)), m) }\n"
      "metric fixed = grad(m + log stop(q(2 | m, s)), m)\n"
      "metric drawn_mixture = grad(m + draw stop(b(z | m)), m)\n",
      BATCH);
  fill(p, "m", 1, 0.37, 1.5);
  fill(p, "s", 1, 1.9, 1);
  fill(p, "x", 1, 0.7, 3);
  page_test(p);
  for (int i = 0; i < BATCH; i++) {
    double m = (double)page_column(p, "m")[i], s = exp((double)page_column(p, "s")[i]);
    double x = (double)page_column(p, "x")[i], z = metric(p, "drawn", i), pull = -(z - m) / (s * s);
    double u = x * m, w = 1 / (1 + exp(-(2 * (u - m) - 2)));  // the second component's share at u
    near(p, "value", i, 0);
    near(p, "along", i, pull);
    near(p, "scale", i, pull * (z - m));
    near(p, "mixed", i, -x * ((1 - w) * (u - m) + w * (u - m - 2)));
    near(p, "through", i, -3 * (3 * m - tanh(3 * m)) / (s * s));
    near(p, "second", i, -9 / (s * s));
    near(p, "left", i, 2 * (2 * m - m) / 9);
    near(p, "right", i, 2 * (2 * m - m) / (s * s));
    near(p, "inner", i, 2 * m);
    near(p, "carlo", i, 1.0 / 5);  // the middle of g moves away from the draw, which stays
    near(p, "several", i, -3 * (3 * m - m));
    near(p, "terms", i, -3 * (3 * m - m) / (s * s));
    near(p, "fixed", i, 1);
    near(p, "drawn_mixture", i, 1);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_terms),
      cmocka_unit_test(test_terms_of_copies),
      cmocka_unit_test(test_held_still),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
