// Mixtures: joint over the event of their component, independent copies over the axes beyond. Densities against sums in
// double precision, draws against the counts and distances that follow from the text.
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

enum { MANY = 8000 };
static const double PI = 3.14159265358979323846;

static double log_normal(double x, double m, double s) {
  return -(x - m) * (x - m) / (2 * s * s) - log(s) - log(2 * PI) / 2;
}

static double log_mean_exp(int n, const double *x) {
  double top = x[0], sum = 0;
  for (int i = 1; i < n; i++) top = fmax(top, x[i]);
  for (int i = 0; i < n; i++) sum += exp(x[i] - top);
  return top + log(sum / n);
}

// A ring of eight normals of scale s around the circle of radius 2.
static double log_ring(const float *x, double s) {
  double term[8];
  for (int k = 0; k < 8; k++)
    term[k] =
        log_normal((double)x[0], 2 * cos(2 * PI * k / 8), s) + log_normal((double)x[1], 2 * sin(2 * PI * k / 8), s);
  return log_mean_exp(8, term);
}

#define CENTRE "function centre(k) = [2 * cos(2 * pi * k / 8), 2 * sin(2 * pi * k / 8)]\n"

static void fill(Page *p, const char *column, int n) {
  float *x = page_column(p, column);
  for (int i = 0; i < MANY * n; i++) x[i] = (float)(3 * sin(0.37 * i) + 0.5 * cos(1.7 * i));
}

static void test_density_is_joint(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(
      a,
      CENTRE
      "data x[2], y[3, 2] from npy(\"x\", \"y\")\n"
      "prior z[2] ~ mixture over k in 0 .. 8 { normal(centre(k), 0.4) }\n"
      "prior w[3, 2] ~ mixture over k in 0 .. 8 { normal(centre(k), 0.4) }\n"
      "prior v[3, 2] ~ mixture over k in 0 .. 3 { normal(2 * k - 2, 0.5) }\n"
      "prior u[3, 2] ~ mixture over k in 0 .. 3 { normal([[2 * k - 2]], 0.5) }\n"
      "prior t[2] ~ mixture over j in 0 .. 2 { mixture over k in 0 .. 4 { normal(centre(4 * j + k), 0.4) } }\n"
      "metric one { z = x  log prior(z) }\n"
      "metric three { w = y  log prior(w) }\n"
      "metric numbers { v = y  log prior(v) }\n"
      "metric row { u = y  log prior(u) }\n"
      "metric nested { t = x  log prior(t) }\n"
      "metric often { z = x  mean(3) { log prior(z) } }\n",
      MANY);
  fill(p, "x", 2);
  fill(p, "y", 6);
  page_test(p);
  assert_true(page_explains(p, "one component for all of [2], [3] independent ones"));
  assert_true(page_explains(p, "one component for each number, [3, 2] independent ones"));
  for (int i = 0; i < 200; i++) {
    const float *x = page_column(p, "x") + (ptrdiff_t)2 * i, *y = page_column(p, "y") + (ptrdiff_t)6 * i;
    double three = 0, numbers = 0, whole[3] = {0};
    for (int c = 0; c < 3; c++) three += log_ring(y + (ptrdiff_t)2 * c, 0.4);
    for (int c = 0; c < 6; c++) {
      double term[3];
      for (int k = 0; k < 3; k++) term[k] = log_normal((double)y[c], 2 * k - 2, 0.5), whole[k] += term[k];
      numbers += log_mean_exp(3, term);
    }
    page_near("density", "one", (double)page_metric(p, "one")[i], log_ring(x, 0.4), 1e-5);
    page_near("density", "three", (double)page_metric(p, "three")[i], three, 1e-5);
    page_near("density", "numbers", (double)page_metric(p, "numbers")[i], numbers, 1e-5);
    page_near("density", "row", (double)page_metric(p, "row")[i], log_mean_exp(3, whole), 1e-5);
    page_near("density", "nested", (double)page_metric(p, "nested")[i], log_ring(x, 0.4), 1e-5);
    page_near("density", "often", (double)page_metric(p, "often")[i], log_ring(x, 0.4), 1e-5);
  }
  arena_close(a);
}

// Which of the eight centres the point is at; fails where it is at none.
static int at_centre(const float *x) {
  int k = (int)lround(atan2((double)x[1], (double)x[0]) / (2 * PI / 8));
  k = (k + 8) % 8;
  double d = hypot((double)x[0] - 2 * cos(2 * PI * k / 8), (double)x[1] - 2 * sin(2 * PI * k / 8));
  page_check(d < 0.06, "distance", "a centre", d, 0);  // scale 0.01
  return k;
}

static void test_draws_have_one_component(void **state) {
  (void)state;
  static const char *const prior[] = {
      "mixture over k in 0 .. 8 { normal(centre(k), 0.01) }",
      "mixture over j in 0 .. 2 { mixture over k in 0 .. 4 { normal(centre(4 * j + k), 0.01) } }",
      "ring(8)",
      "mixture over k in 0 .. 8 { spot(centre(k)) }",
  };
  for (size_t way = 0; way < sizeof prior / sizeof *prior; way++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, MANY,
                          CENTRE
                          "distribution ring(n) on real[2] { mixture over k in 0 .. n { spot(centre(k)) } }\n"
                          "distribution spot(at) on real[2] {\n"
                          "  sample = [at[0] + 0.01 * gaussian(), at[1] + 0.01 * gaussian()]\n"
                          "  log(x) = -sum(square((x - at) / 0.01)) / 2 - log(2 * pi * 0.01 * 0.01)\n"
                          "}\n"
                          "prior w[2, 2] ~ %s\n"
                          "show s { w ~ prior(w)  rows 80  columns 100  grid w / 3 }\n"
                          "metric density { w ~ prior(w)  log prior(w) }\n",
                          prior[way]);
    int show = p->plan->show[0].program;
    page_run(p, show, PURPOSE_SHOW);
    const float *w = page_output(p, show, "w / 3");
    int count[8][8] = {{0}};
    for (int i = 0; i < MANY; i++) {
      float x[4];
      for (int c = 0; c < 4; c++) x[c] = 3 * w[4 * i + c];
      count[at_centre(x)][at_centre(x + 2)]++;
    }
    double chi = 0, want = MANY / 64.0;
    for (int k = 0; k < 64; k++) chi += (count[k / 8][k % 8] - want) * (count[k / 8][k % 8] - want) / want;
    page_check(chi < 103.4, "chi square of 63 degrees", prior[way], chi, 103.4);  // both copies, and their independence
    arena_close(a);
  }
}

// A distribution of vectors over several of them: its formula speaks of one.
static void test_copies_of_vectors(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(
      a,
      "data x[3, 2], m[3, 2] from npy(\"x\", \"m\")\n"
      "distribution tilted(at[n], turn) on real[n] {\n"
      "  sample = at + [u, v - turn * u] where u = gaussian(), v = gaussian()\n"
      "  log(x) = -(square(x[0] - at[0]) + square(x[1] - at[1] + turn * (x[0] - at[0]))) / 2 - log(2 * pi)\n"
      "  mean = at\n"
      "  entropy = 1 + log(2 * pi)\n"
      "}\n"
      "net p(v | m) { v ~ tilted(m, 0.7) }\n"
      "metric density = log p(x | m)\n"
      "metric middle = sum(mean p(v | m))\n"
      "metric spread = entropy(p(v | m))\n"
      "metric cross { v ~ p(v | m)  e = v - m,  (e[0, 0] * e[0, 1] + e[1, 0] * e[1, 1] + e[2, 0] * e[2, 1]) / 3 }\n"
      "metric apart { v ~ p(v | m)  e = v - m   e[0, 0] * e[1, 0] + e[1, 0] * e[2, 1] + e[2, 1] * e[0, 1] }\n",
      MANY);
  fill(p, "x", 6);
  fill(p, "m", 6);
  for (int i = 0; i < 6 * MANY; i++) page_column(p, "m")[i] *= -0.5f;
  page_test(p);
  for (int i = 0; i < 100; i++) {
    const float *x = page_column(p, "x") + (ptrdiff_t)6 * i, *m = page_column(p, "m") + (ptrdiff_t)6 * i;
    double want = 0, middle = 0;
    for (int c = 0; c < 3; c++) {
      double u = (double)x[2 * c] - (double)m[2 * c], v = (double)x[2 * c + 1] - (double)m[2 * c + 1];
      want += log_normal(u, 0, 1) + log_normal(v + 0.7 * u, 0, 1);
      middle += (double)m[2 * c] + (double)m[2 * c + 1];
    }
    page_near("density", "tilted", (double)page_metric(p, "density")[i], want, 1e-5);
    page_near("mean", "tilted", (double)page_metric(p, "middle")[i], middle, 1e-5);
    page_near("entropy", "tilted", (double)page_metric(p, "spread")[i], 3 * (1 + log(2 * PI)), 1e-6);
  }
  page_near("covariance", "within a copy", page_average(p, "cross"), -0.7, 0.04);
  page_near("covariance", "between copies", page_average(p, "apart"), 0, 0.08);
  arena_close(a);
}

// A mixture on the line whose parameter differs from place to place.
static void test_copies_with_parameters(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[4], m[4] from npy(\"x\", \"m\")\n"
                      "distribution pair(m) on real { mixture over k in 0 .. 2 { normal(sum([m, 2 * k * m]), 0.5) } }\n"
                      "net p(v | m) { v ~ pair(m) }\n"
                      "metric density = log p(x | m)\n"
                      "metric nearest { v ~ p(v | m)  maximum(min(abs(v - m), abs(v - 3 * m))) }\n"
                      "metric halves { v ~ p(v | m)  mean(abs(v - m) < abs(v - 3 * m)) }\n",
                      MANY);
  fill(p, "x", 4);
  float *m = page_column(p, "m");
  for (int i = 0; i < 4 * MANY; i++) m[i] = (float)(10 * (i % 4 + 1));
  page_test(p);
  for (int i = 0; i < 100; i++) {
    double want = 0;
    for (int c = 0; c < 4; c++) {
      double x = (double)page_column(p, "x")[4 * i + c];
      want += log_mean_exp(2, (double[]){log_normal(x, 10 * (c + 1), 0.5), log_normal(x, 30 * (c + 1), 0.5)});
    }
    page_near("density", "pair", (double)page_metric(p, "density")[i], want, 1e-5);
  }
  for (int i = 0; i < MANY; i++) {
    double far = (double)page_metric(p, "nearest")[i];
    page_check(far < 3, "distance", "a component of its place", far, 0);
  }
  page_near("share", "the first component", page_average(p, "halves"), 0.5, 0.01);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_density_is_joint),
      cmocka_unit_test(test_draws_have_one_component),
      cmocka_unit_test(test_copies_of_vectors),
      cmocka_unit_test(test_copies_with_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
