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
      "mixture(k in 0 .. 8) { normal(centre(k), 0.01) }",
      "mixture(k in 0 .. 8, c in table) { normal((c + centre(k)) / 2, 0.01) }",
      "mixture(k ~ categorical(ones(8) / 8)) { normal(table[k], 0.01) }",
      "mixture(b ~ bernoulli(0.5)) { mixture(k ~ categorical(ones(4) / 4)) { normal(centre(4 * b + k), 0.01) } }",
      "weighed(ones(8) / 8, table)",
  };
  for (size_t way = 0; way < sizeof prior / sizeof *prior; way++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, MANY,
                          CENTRE
                          "distribution ring(n) on real[2] { mixture over k in 0 .. n { spot(centre(k)) } }\n"
                          "let table = array(k in 0 .. 8) { centre(k) }\n"
                          "distribution weighed(w[k] on simplex, m[k, n]) on real[n] {\n"
                          "  mixture(j ~ categorical(w)) { normal(m[j], 0.01) }\n"
                          "}\n"
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

static double cdf_normal(double x, double m, double s) { return erfc((m - x) / (s * sqrt(2))) / 2; }

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Kolmogorov and Smirnov's distance of MANY draws from a mixture of n normals, times sqrt(MANY): one in 1000 exceeds
// 1.95.
static void check_draws(const char *what, const float *draw, int n, const double *w, const double *m, const double *s) {
  static double x[MANY];
  double far = 0;
  for (int i = 0; i < MANY; i++) x[i] = (double)draw[i];
  qsort(x, MANY, sizeof *x, ascending);
  for (int i = 0; i < MANY; i++) {
    double f = 0;
    for (int k = 0; k < n; k++) f += w[k] * cdf_normal(x[i], m[k], s[k]);
    far = fmax(far, fmax(fabs(f - (double)i / MANY), fabs(f - (double)(i + 1) / MANY)));
  }
  page_check(far * sqrt(MANY) < 1.95, "distance of draws", what, far * sqrt(MANY), 1.95);
}

static double log_sum_exp(int n, const double *x) { return log_mean_exp(n, x) + log(n); }

// Weights, by a distribution of labels and of 0 and 1; the mean.
static void test_weights(void **state) {
  (void)state;
  static const double w[] = {0.1, 0.25, 0.65}, m[] = {-1, 0.5, 2}, s[] = {0.5, 1, 0.3};
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x, y[3, 2], h[3] from npy(\"x\", \"y\", \"h\")\n"
                      "let m = [-1, 0.5, 2],  s = [0.5, 1, 0.3]\n"
                      "prior z ~ mixture(k ~ categorical([0.1, 0.25, 0.65])) { normal(m[k], s[k]) }\n"
                      "prior t ~ mixture(k ~ bernoulli(0.25)) { normal(3 * k, 1 + k) }\n"
                      "prior v[3, 2] ~ mixture(k ~ categorical([0.1, 0.25, 0.65])) { normal([m[k], -m[k]], s[k]) }\n"
                      "net c(z | h) { z ~ mixture(k ~ categorical(logits: h)) { normal(m[k], s[k]) } }\n"
                      "metric weighed { z = x  log prior(z) }\n"
                      "metric coin { t = x  log prior(t) }\n"
                      "metric copies { v = y  log prior(v) }\n"
                      "metric given { z = x  log c(z | h) }\n"
                      "metric first = grad(log c(x | h), h)[0]\n"
                      "metric middle = mean prior(z)\n"
                      "metric drawn { z ~ prior(z)  z }\n"
                      "metric drawn_t { t ~ prior(t)  t }\n"
                      "metric drawn_v { v ~ prior(v)  v[2, 1] }\n",
                      MANY);
  fill(p, "x", 1);
  fill(p, "y", 6);
  fill(p, "h", 3);
  page_test(p);
  for (int i = 0; i < 200; i++) {
    double x = (double)page_column(p, "x")[i], term[3], given[3], h[3], copies = 0;
    const float *y = page_column(p, "y") + (ptrdiff_t)6 * i;
    for (int k = 0; k < 3; k++) {
      h[k] = (double)page_column(p, "h")[3 * i + k];
      term[k] = log(w[k]) + log_normal(x, m[k], s[k]);
    }
    for (int k = 0; k < 3; k++) given[k] = h[k] - log_sum_exp(3, h) + log_normal(x, m[k], s[k]);
    for (int c = 0; c < 3; c++) {
      double two[3];
      for (int k = 0; k < 3; k++)
        two[k] = log(w[k]) + log_normal((double)y[2 * c], m[k], s[k]) + log_normal((double)y[2 * c + 1], -m[k], s[k]);
      copies += log_sum_exp(3, two);
    }
    double coin[2] = {log(0.75) + log_normal(x, 0, 1), log(0.25) + log_normal(x, 3, 2)};
    page_near("density", "weighed", (double)page_metric(p, "weighed")[i], log_sum_exp(3, term), 1e-5);
    page_near("density", "coin", (double)page_metric(p, "coin")[i], log_sum_exp(2, coin), 1e-5);
    page_near("density", "copies", (double)page_metric(p, "copies")[i], copies, 1e-5);
    page_near("density", "given", (double)page_metric(p, "given")[i], log_sum_exp(3, given), 1e-5);
    double share = exp(given[0] - log_sum_exp(3, given)) - exp(h[0] - log_sum_exp(3, h));
    page_near("gradient", "by the first weight", (double)page_metric(p, "first")[i], share, 1e-5);
  }
  page_near("mean", "weighed", (double)page_metric(p, "middle")[0], 0.1 * -1 + 0.25 * 0.5 + 0.65 * 2, 1e-6);
  static const double minus[] = {1, -0.5, -2};
  check_draws("weighed", page_metric(p, "drawn"), 3, w, m, s);
  check_draws("of a coin", page_metric(p, "drawn_t"), 2, (double[]){0.75, 0.25}, (double[]){0, 3}, (double[]){1, 2});
  check_draws("of one copy", page_metric(p, "drawn_v"), 3, w, minus, s);
  arena_close(a);
}

// Components for the parts of a table, that each example may have for itself; two tables run together.
static void test_parts_of_tables(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[2], y[3, 2], m[3, 2] from npy(\"x\", \"y\", \"m\")\n"
                      "let at = [[-1, 0], [2, 1], [0, 3]],  wide = [[0.5, 1], [1, 2], [0.25, 0.5]]\n"
                      "prior v[3, 2] ~ mixture(c in at, s in wide) { normal(c, s) }\n"
                      "net own(z | m) { z ~ mixture(c in m) { normal(c, 0.3) } }\n"
                      "metric density { v = y  log prior(v) }\n"
                      "metric given { z = x  log own(z | m) }\n"
                      "metric middle { sum([1, 10] * mean own(z | m)) }\n"
                      "metric both { sum([1, 10] * (mean prior(v))[2]) }\n"
                      "metric drawn { v ~ prior(v)  v[1, 1] }\n"
                      "metric near { z ~ own(z | m)  min(min(away(z, m[0]), away(z, m[1])), away(z, m[2])) }\n"
                      "metric first { z ~ own(z | m)  away(z, m[0]) < min(away(z, m[1]), away(z, m[2])) }\n"
                      "function away(a, b) = maximum(abs(a - b))\n",
                      MANY);
  static const double at[3][2] = {{-1, 0}, {2, 1}, {0, 3}}, wide[3][2] = {{0.5, 1}, {1, 2}, {0.25, 0.5}};
  fill(p, "x", 2);
  fill(p, "y", 6);
  float *m = page_column(p, "m");
  for (int i = 0; i < 6 * MANY; i++) m[i] = (float)(10 * (i % 6) + sin(i));
  page_test(p);
  for (int i = 0; i < 200; i++) {
    const float *x = page_column(p, "x") + (ptrdiff_t)2 * i, *y = page_column(p, "y") + (ptrdiff_t)6 * i;
    double density = 0, own[3], middle = 0;
    for (int c = 0; c < 3; c++) {
      double term[3] = {0};
      for (int k = 0; k < 3; k++)
        for (int j = 0; j < 2; j++) term[k] += log_normal((double)y[2 * c + j], at[k][j], wide[k][j]);
      density += log_mean_exp(3, term);
      own[c] = 0;
      for (int j = 0; j < 2; j++) {
        own[c] += log_normal((double)x[j], (double)m[6 * i + 2 * c + j], 0.3);
        middle += (j ? 10 : 1) * (double)m[6 * i + 2 * c + j] / 3;
      }
    }
    page_near("density", "of tables", (double)page_metric(p, "density")[i], density, 1e-5);
    page_near("density", "of an example's table", (double)page_metric(p, "given")[i], log_mean_exp(3, own), 1e-5);
    page_near("mean", "of an example's table", (double)page_metric(p, "middle")[i], middle, 1e-5);
  }
  page_near("mean", "of tables", (double)page_metric(p, "both")[0], 1.0 / 3 + 40.0 / 3, 1e-5);
  for (int i = 0; i < MANY; i++) {
    double far = (double)page_metric(p, "near")[i];
    page_check(far < 1.8, "distance", "a row of its example", far, 0);
  }
  page_near("share", "the first row", page_average(p, "first"), 1.0 / 3, 0.015);
  check_draws("of tables", page_metric(p, "drawn"), 3, (double[]){1.0 / 3, 1.0 / 3, 1.0 / 3}, (double[]){0, 1, 3},
              (double[]){1, 2, 0.5});
  arena_close(a);
}

// The components of a learned prior: what a network of one hidden layer makes of three inputs.
typedef struct {
  const float *pseudo, *w, *b, *mean_w, *mean_b, *log_w, *log_b;
} Vamp;

enum { INPUTS = 3, HIDDEN = 4 };

static void vamp_component(const Vamp *v, int k, double *m, double *s) {
  double h[HIDDEN];
  for (int j = 0; j < HIDDEN; j++) {
    h[j] = (double)v->b[j];
    for (int i = 0; i < INPUTS; i++) h[j] += (double)v->pseudo[INPUTS * k + i] * (double)v->w[HIDDEN * i + j];
    h[j] = tanh(h[j]);
  }
  for (int c = 0; c < 2; c++) {
    m[c] = (double)v->mean_b[c], s[c] = (double)v->log_b[c];
    for (int j = 0; j < HIDDEN; j++) {
      m[c] += h[j] * (double)v->mean_w[2 * j + c];
      s[c] += h[j] * (double)v->log_w[2 * j + c];
    }
    s[c] = exp(s[c]);
  }
}

static double vamp_log(const Vamp *v, const float *z) {
  double term[3];
  for (int k = 0; k < 3; k++) {
    double m[2], s[2];
    vamp_component(v, k, m, s);
    term[k] = log_normal((double)z[0], m[0], s[0]) + log_normal((double)z[1], m[1], s[1]);
  }
  return log_mean_exp(3, term);
}

// Tomczak and Welling 2018: the prior is what the encoder makes of inputs that are learned.
static void test_vamp_prior(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[3] from npy(\"x\")\n"
                      "parameter pseudo[3, 3] ~ normal(0, 2)\n"
                      "prior z[2] ~ mixture(u in pseudo) { q(z | u) }\n"
                      "encoder q(z | x) {\n"
                      "  h = x |> dense(4) |> tanh\n"
                      "  z ~ normal(dense(h, 2), exp(dense(h, 2)))\n"
                      "}\n"
                      "objective fit { z = x[0 .. 2]  maximize log prior(z) }\n"
                      "objective bound { z ~ q(z | x)  maximize -kl(q(z | x) || prior(z)) }\n"
                      "metric density { z = x[0 .. 2]  log prior(z) }\n"
                      "metric one { z ~ prior(z)  z[0] }  metric two { z ~ prior(z)  z[1] }\n"
                      "metric at_draw { z ~ q(z | x)  kl(q(z | x) || prior(z)) - log q(z | x) + log prior(z) }\n"
                      "train { maximize fit over pseudo with sgd(1)  maximize bound over q with sgd(1) }\n",
                      MANY);
  fill(p, "x", 3);
  page_test(p);
  Vamp v = {page_tensor(p, "pseudo"),      page_tensor(p, "q/dense_1/W"), page_tensor(p, "q/dense_1/b"),
            page_tensor(p, "q/dense_2/W"), page_tensor(p, "q/dense_2/b"), page_tensor(p, "q/dense_3/W"),
            page_tensor(p, "q/dense_3/b")};
  double m[2][3], s[2][3], w[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
  for (int k = 0; k < 3; k++) {
    double at[2], wide[2];
    vamp_component(&v, k, at, wide);
    for (int c = 0; c < 2; c++) m[c][k] = at[c], s[c][k] = wide[c];
  }
  for (int i = 0; i < 200; i++) {
    const float *x = page_column(p, "x") + (ptrdiff_t)3 * i;
    page_near("density", "of the prior", (double)page_metric(p, "density")[i], vamp_log(&v, x), 1e-5);
    page_near("divergence", "at the draw", (double)page_metric(p, "at_draw")[i], 0, 1e-5);
  }
  check_draws("the first of two", page_metric(p, "one"), 3, w, m[0], s[0]);
  check_draws("the second of two", page_metric(p, "two"), 3, w, m[1], s[1]);
  float before[9], *pseudo = page_tensor(p, "pseudo");
  double slope[9] = {0};
  memcpy(before, pseudo, sizeof before);
  for (int k = 0; k < 9; k++)
    for (int side = -1; side <= 1; side += 2) {
      pseudo[k] = before[k] + (float)side * 0.0078125f;
      for (int i = 0; i < MANY; i++)
        slope[k] += side * vamp_log(&v, page_column(p, "x") + (ptrdiff_t)3 * i) / (2 * 0.0078125 * MANY);
      pseudo[k] = before[k];
    }
  page_train(p);
  for (int k = 0; k < 9; k++)
    page_near("gradient", "by an invented input", (double)pseudo[k] - (double)before[k], slope[k], 1e-3);
  arena_close(a);
}

// Layers in a component have one set of weights for all of them, and the same whenever the mixture is asked; those
// behind it have others.
static void test_layers(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x, y from npy(\"x\", \"y\")\n"
                      "decoder p(x, y | h) {\n"
                      "  x ~ mixture(k ~ categorical(logits: dense(h, 3))) { normal(sum(dense(h, 1)) + 2 * k, 0.5) }\n"
                      "  y ~ normal(sum(dense(h, 1)), 1)\n"
                      "}\n"
                      "objective o { h = [y, x]   maximize log p(x: x | h) }\n"
                      "train { maximize o over p with sgd(0.1) }\n"
                      "metric density { h = [y, x]  log p(x: x | h) }\n"
                      "metric again { h = [y, x]  0 * (draw p(x: x | h)) + log p(x: x | h) }\n"
                      "metric middle { h = [y, x]  mean p(x: x | h) }\n"
                      "metric behind { h = [y, x]  mean p(y: y | h) }\n",
                      MANY);
  fill(p, "x", 1);
  fill(p, "y", 1);
  page_test(p);
  const float *w = page_tensor(p, "p/dense_1/W"), *b = page_tensor(p, "p/dense_1/b"),
              *v = page_tensor(p, "p/dense_2/W"), *c = page_tensor(p, "p/dense_2/b"),
              *u = page_tensor(p, "p/dense_3/W"), *d = page_tensor(p, "p/dense_3/b");
  for (int i = 0; i < 100; i++) {
    double x = (double)page_column(p, "x")[i], y = (double)page_column(p, "y")[i], part = 0, all = 0, mean = 0;
    double m = y * (double)v[0] + x * (double)v[1] + (double)c[0];
    for (int k = 0; k < 3; k++) {
      double share = exp(y * (double)w[k] + x * (double)w[3 + k] + (double)b[k]);
      all += share, mean += share * (m + 2 * k), part += share * exp(log_normal(x, m + 2 * k, 0.5));
    }
    page_near("density", "with layers", (double)page_metric(p, "density")[i], log(part / all), 1e-5);
    page_near("density", "after a draw", (double)page_metric(p, "again")[i], log(part / all), 1e-5);
    page_near("mean", "with layers", (double)page_metric(p, "middle")[i], mean / all, 1e-5);
    page_near("mean", "behind it", (double)page_metric(p, "behind")[i],
              y * (double)u[0] + x * (double)u[1] + (double)d[0], 1e-5);
  }
  page_train(p);
  assert_true(page_tensor(p, "p/dense_2/b")[0] != 0);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_density_is_joint),  cmocka_unit_test(test_draws_have_one_component),
      cmocka_unit_test(test_copies_of_vectors), cmocka_unit_test(test_copies_with_parameters),
      cmocka_unit_test(test_weights),           cmocka_unit_test(test_parts_of_tables),
      cmocka_unit_test(test_vamp_prior),        cmocka_unit_test(test_layers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
