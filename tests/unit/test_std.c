// The distributions and divergences of the standard library, against formulas and integrals of the test's own.
//
// Each case is a small page of the language: its columns are fed with the points of a grid and with parameters, its
// metrics are a density, a draw, a mean, an entropy, a divergence. Nothing is looked at but the numbers that come out.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_numbers.h"
#include "std_page.h"

enum { MANY = 100000 };  // samples, and cells of a grid
static const double PI = 3.14159265358979323846;
// Of 1000 samples that follow their density one has sqrt(n) * KS above this; the seeds are fixed.
static const double KS_LIMIT = 1.95;

// ---- distributions of one number

typedef double LogDensity(double x, const double *p);

static double log_uniform(double x, const double *p) { return (void)x, -log(p[1] - p[0]); }
static double log_normal(double x, const double *p) {
  return -0.5 * (x - p[0]) * (x - p[0]) / (p[1] * p[1]) - log(p[1] * sqrt(2 * PI));
}
static double log_laplace(double x, const double *p) { return -fabs(x - p[0]) / p[1] - log(2 * p[1]); }
static double log_logistic(double x, const double *p) {
  double t = fabs(x - p[0]) / p[1];
  return -t - 2 * log(1 + exp(-t)) - log(p[1]);
}
static double log_student(double x, const double *p) {
  double t = (x - p[1]) / p[2];
  return lgamma((p[0] + 1) / 2) - lgamma(p[0] / 2) - 0.5 * log(p[0] * PI) - log(p[2]) -
         (p[0] + 1) / 2 * log(1 + t * t / p[0]);
}
static double log_exponential(double x, const double *p) { return log(p[0]) - p[0] * x; }
static double log_cauchy(double x, const double *p) {
  double t = (x - p[0]) / p[1];
  return -log(PI * p[1]) - log(1 + t * t);
}
static double log_two_normals(double x, const double *p) {
  double left[] = {-p[0], p[1]}, right[] = {p[0], p[1]}, l = log_normal(x, left), r = log_normal(x, right);
  return fmax(l, r) + log(1 + exp(-fabs(l - r))) - log(2);
}

typedef struct {
  const char *text;  // with parameters a, b, c
  LogDensity *log;
  GridKind kind;
  int centre, scale;  // which parameters say where the grid is; -1: 0 and 1
  bool mean, entropy;
  const char *domain;  // of the point
  double parameter[3][3];
} Line;

static const Line lines[] = {
    {"normal(a, b)", log_normal, LINE, 0, 1, true, true, "", {{0, 1}, {-3, 0.2}, {5, 20}}},
    {"uniform(low: a, high: b)",
     log_uniform,
     INTERVAL,
     0,
     1,
     true,
     true,
     "in [-50, 50]",
     {{0, 1}, {-3, 0.2}, {-5, 20}}},
    {"laplace(a, b)", log_laplace, LINE, 0, 1, true, true, "", {{0, 1}, {-3, 0.2}, {5, 20}}},
    {"logistic(a, b)", log_logistic, LINE, 0, 1, true, true, "", {{0, 1}, {-3, 0.2}, {5, 20}}},
    {"student_t(a, b, c)", log_student, LINE, 1, 2, true, false, "", {{3, 0, 1}, {1.5, -3, 0.2}, {30, 5, 20}}},
    {"exponential(a)", log_exponential, HALF, -1, -1, true, true, "in positive", {{1}, {0.05}, {30}}},
    {"cauchy(a, b)", log_cauchy, LINE, 0, 1, false, true, "", {{0, 1}, {-3, 0.2}, {5, 20}}},
    {"mixture over k in 0 .. 2 { normal((2 * k - 1) * a, b) }",
     log_two_normals,
     LINE,
     -1,
     1,
     false,
     false,
     "",
     {{0, 1}, {2, 0.3}, {1, 1}}},
};

static Grid line_grid(Arena *a, const Line *l, const double *p) {
  double centre = l->centre < 0 ? 0 : p[l->centre], scale = l->scale < 0 ? 1 : p[l->scale];
  if (l->kind == INTERVAL) scale -= centre;
  if (l->kind == HALF) scale = 1 / p[0];
  return grid_new(a, l->kind, centre, scale, MANY);
}

// The bounds that a parameter's constraint asks for.
static Page *line_page(Arena *a, const Line *l) {
  bool between = l->kind == INTERVAL, first = strstr(l->text, "student_t") || l->kind == HALF;
  return page_format(a, MANY,
                     "model line\n"
                     "data t %s, a %s, b %s, c in [0.01, 50] from npy(\"t\", \"a\", \"b\", \"c\")\n"
                     "decoder p(v | a, b, c) { v ~ %s }\n"
                     "metric density = log p(t | a, b, c)\n"
                     "metric sample = draw p(v | a, b, c)\n"
                     "metric middle = %s\n"
                     "metric spread = entropy(p(v | a, b, c))\n",
                     l->domain,
                     between ? "in [-50, 0]"
                     : first ? "in [0.01, 50]"
                             : "",
                     between ? "in [0.1, 50]"
                     : first ? ""
                             : "in [0.01, 50]",
                     l->text, l->mean ? "mean p(v | a, b, c)" : "0 * a");
}

static void check_line(Page *page, const Line *l, const double *p, const char *name) {
  Grid g = line_grid(page->arena, l, p);
  memcpy(page_column(page, "t"), g.x, (size_t)MANY * sizeof(float));
  page_fill(page, "a", p[0]), page_fill(page, "b", p[1]), page_fill(page, "c", p[2]);
  page_test(page);
  const float *density = page_metric(page, "density");
  double total = 0, mean = 0, entropy = 0;
  for (int64_t i = 0; i < MANY; i++) {
    double f = (double)density[i], share = exp(f) * g.width[i];
    page_near("log density", name, f, l->log((double)g.x[i], p), 1e-5);
    total += share;
    mean += share * (double)g.x[i];
    entropy -= share > 0 ? share * f : 0;
  }
  page_near("integral", name, total, 1, 2e-4);
  float *sample = NEW_ARRAY(page->arena, float, MANY);
  memcpy(sample, page_metric(page, "sample"), (size_t)MANY * sizeof *sample);
  double ks = ks_statistic(g, density, sample, MANY) * sqrt(MANY);
  page_check(ks < KS_LIMIT, "Kolmogorov-Smirnov", name, ks, KS_LIMIT);
  double tail = p[0] == 1.5 && l->log == log_student ? 0.02 : 1e-3;  // where the integral itself converges slowly
  if (l->mean) page_near("mean", name, (double)page_metric(page, "middle")[0], mean, tail);
  if (l->entropy)
    page_near("entropy", name, (double)page_metric(page, "spread")[0], entropy, 1e-3);
  else
    page_near("estimated entropy", name, page_average(page, "spread"), entropy, 0.01);
}

static void numbers_of_the_line(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    Arena *a = arena_open(NULL);
    Page *page = line_page(a, &lines[i]);
    for (int k = 0; k < 3; k++) {
      page->run.seed = (uint32_t)(10 * i) + (uint32_t)k + 1;
      check_line(page, &lines[i], lines[i].parameter[k], arena_format(a, "%s, parameters %d", lines[i].text, k));
    }
    arena_close(a);
  }
}

// ---- discrete distributions

// Draws of `outcomes` values against their densities at points 0, 1, ...; both are metrics of the page that has just
// run.
static void check_counts(Page *page, const char *name, int outcomes) {
  double *count = NEW_ARRAY(page->arena, double, outcomes), *expected = NEW_ARRAY(page->arena, double, outcomes);
  const float *density = page_metric(page, "density"), *sample = page_metric(page, "sample");
  double total = 0;
  for (int k = 0; k < outcomes; k++) total += exp((double)density[k]), expected[k] = exp((double)density[k]) * MANY;
  page_near("sum of the density", name, total, 1, 1e-5);
  for (int64_t i = 0; i < MANY; i++) {
    page_check(sample[i] >= 0 && sample[i] < (float)outcomes && sample[i] == floorf(sample[i]), "a draw", name,
               (double)sample[i], 0);
    count[(int)sample[i]]++;
  }
  int freedom;
  double chi = chi_square(outcomes, count, expected, &freedom);
  page_check(chi <= chi_square_limit(freedom), "chi square", name, chi, chi_square_limit(freedom));
}

static double logit(double p) { return log(p) - log(1 - p); }

static double times_log(double x, double y) { return x > 0 ? x * log(y) : 0; }

static double log_bernoulli(double x, double p) { return times_log(x, p) + times_log(1 - x, 1 - p); }

static void check_bernoulli(Page *page, bool logits, double p, const char *name) {
  float *t = page_column(page, "t");
  for (int i = 0; i < MANY; i++) t[i] = i < 2 ? (float)i : (float)i / (MANY - 1);  // 0, 1, and grey levels
  page_fill(page, "a", logits ? logit(p) : p);
  page_test(page);
  double given = logits ? p : (double)page_column(page, "a")[0];
  for (int i = 0; i < MANY; i++)
    page_near("log density", name, (double)page_metric(page, "density")[i], log_bernoulli((double)t[i], given), 1e-5);
  check_counts(page, name, 2);
  double entropy = 0;
  for (int x = 0; x < 2; x++) entropy -= times_log(x ? given : 1 - given, x ? given : 1 - given);
  page_near("mean", name, (double)page_metric(page, "middle")[0], given, 1e-6);
  page_near("entropy", name, (double)page_metric(page, "spread")[0], entropy, 1e-5);
}

static void bernoulli(void **state) {
  (void)state;
  static const double chance[] = {0.5, 0.1, 0.93, 1e-4, 0, 1};
  for (int logits = 0; logits < 2; logits++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(a, MANY,
                             "model b  data t in [0, 1], a %s from npy(\"t\", \"a\")\n"
                             "decoder p(v | a) { v ~ bernoulli(%s: a) }\n"
                             "metric density = log p(t | a)  metric sample = draw p(v | a)\n"
                             "metric middle = mean p(v | a)  metric spread = entropy(p(v | a))\n",
                             logits ? "" : "in [0, 1]", logits ? "logits" : "p");
    for (int i = 0; i < (logits ? 4 : 6); i++) {
      page->run.seed = (uint32_t)i + 1;
      check_bernoulli(page, logits, chance[i], arena_format(a, "bernoulli by %d, %g", logits, chance[i]));
    }
    arena_close(a);
  }
}

// The density by lgamma; draws on both sides of the rate at which their method changes.
static void poisson(void **state) {
  (void)state;
  static const double rate[] = {1e-3, 0.7, 4, 9.99, 10, 37.5, 900};
  enum { OUTCOMES = 2000 };
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, MANY,
                           "model c  data t in counts, a in [1e-5, 1e6] from npy(\"t\", \"a\")\n"
                           "decoder p(v | a) { v ~ poisson(a) }\n"
                           "metric density = log p(t | a)  metric sample = draw p(v | a)\n"
                           "metric middle = mean p(v | a)\n"
                           "prior w ~ poisson(3)  metric of_draw { w ~ prior(w)  log prior(w) }\n");  // it is a count
  for (int i = 0; i < (int)(sizeof rate / sizeof *rate); i++) {
    const char *name = arena_format(a, "poisson of %g", rate[i]);
    for (int j = 0; j < MANY; j++) page_column(page, "t")[j] = (float)(j % OUTCOMES);
    page_fill(page, "a", rate[i]);
    page->run.seed = (uint32_t)i + 1;
    page_test(page);
    double given = (double)page_column(page, "a")[0];
    for (int k = 0; k < OUTCOMES; k++)
      page_near("log density", name, (double)page_metric(page, "density")[k], k * log(given) - given - lgamma(k + 1),
                1e-5);
    check_counts(page, name, OUTCOMES);
    page_near("mean", name, (double)page_metric(page, "middle")[0], given, 1e-6);
    page_check(isfinite(page_metric(page, "of_draw")[0]), "density of a draw", name, 0, 0);
  }
  arena_close(a);
}

// The density by lgamma; draws on both sides of where their method changes, and of one half.
static void binomial(void **state) {
  (void)state;
  static const struct {
    int count;
    double p;
  } c[] = {{0, 0.4}, {5, 0}, {5, 1}, {7, 0.3}, {50, 0.99}, {19, 0.5}, {21, 0.5}, {60, 0.2}, {1500, 0.004}, {1500, 0.7}};
  enum { OUTCOMES = 2000 };
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, MANY,
                           "model c  data t in counts, n in counts, a in [0, 1] from npy(\"t\", \"n\", \"a\")\n"
                           "decoder p(v | n, a) { v ~ binomial(n, a) }\n"
                           "metric density = log p(t | n, a)  metric sample = draw p(v | n, a)\n");
  for (int i = 0; i < (int)(sizeof c / sizeof *c); i++) {
    const char *name = arena_format(a, "binomial of %d, %g", c[i].count, c[i].p);
    for (int j = 0; j < MANY; j++) page_column(page, "t")[j] = (float)(j % OUTCOMES);
    page_fill(page, "n", c[i].count);
    page_fill(page, "a", c[i].p);
    page->run.seed = (uint32_t)i + 1;
    page_test(page);
    double p = (double)page_column(page, "a")[0];
    for (int k = 0, n = c[i].count; k <= n; k++)
      page_near("log density", name, (double)page_metric(page, "density")[k],
                lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + times_log(k, p) + times_log(n - k, 1 - p), 1e-5);
    check_counts(page, name, OUTCOMES);
  }
  arena_close(a);
}

// All ways to share out seven among three, and how often one of twelve comes.
static void multinomial(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, MANY,
                           "model c  data t[3] in counts, a[3] from npy(\"t\", \"a\")\n"
                           "decoder p(v | a) { v ~ multinomial(7, logits: a) }\n"
                           "decoder q(v | a) { v ~ multinomial(7, softmax(a)) }\n"
                           "metric density = log p(t | a)  metric again = log q(t | a)\n"
                           "metric sample { w ~ p(v | a)   8 * w[0] + w[1] + 1000 * (sum(w) - 7) }\n");
  for (int i = 0; i < MANY; i++) {
    int first = i / 8 % 8, second = i % 8, third = 7 - first - second;
    for (int k = 0; k < 3; k++) {
      page_column(page, "t")[3 * i + k] = (float)(k == 0 ? first : k == 1 ? second : third < 0 ? 9 : third);
      page_column(page, "a")[3 * i + k] = (float)(k * 0.7);
    }
  }
  page_test(page);
  check_counts(page, "seven among three", 64);
  for (int i = 0; i < 64; i++)
    if (i / 8 + i % 8 <= 7)
      page_near("log density", "by shares", (double)page_metric(page, "again")[i],
                (double)page_metric(page, "density")[i], 2e-6);
  page = page_format(a, MANY,
                     "model d  data t in counts, u[12] from npy(\"t\", \"u\")\n"
                     "decoder p(v | u) { v ~ multinomial(300, logits: u) }\n"
                     "decoder b(w | u) { w ~ binomial(300, softmax(u)[9]) }\n"
                     "metric density = log b(t | u)  metric sample { v ~ p(v | u)   v[9] }\n");
  for (int i = 0; i < MANY; i++) page_column(page, "t")[i] = (float)(i % 301);
  for (int i = 0; i < 12 * MANY; i++) page_column(page, "u")[i] = (float)(i % 12 == 9 ? 2 : i % 12 * 0.1);
  page_test(page);
  check_counts(page, "one of twelve", 301);
  arena_close(a);
}

static void categorical(void **state) {
  (void)state;
  static const double chance[][4] = {{0.25, 0.25, 0.25, 0.25}, {0.7, 0.2, 0.0999, 0.0001}, {0, 1, 0, 0}};
  for (int logits = 0; logits < 2; logits++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(a, MANY,
                             "model c  data t : class(4), a[4] %s from npy(\"t\", \"a\")\n"
                             "decoder p(v | a) { v ~ categorical(%s: a) }\n"
                             "metric density = log p(t | a)  metric sample = draw p(v | a)\n"
                             "metric spread = entropy(p(v | a))  metric third = (mean p(v | a))[2]\n",
                             logits ? "" : "on simplex", logits ? "logits" : "p");
    for (int i = 0; i < (logits ? 2 : 3); i++) {
      const char *name = arena_format(a, "categorical by %d, case %d", logits, i);
      double entropy = 0;
      for (int k = 0; k < 4; k++) entropy -= chance[i][k] > 0 ? chance[i][k] * log(chance[i][k]) : 0;
      for (int j = 0; j < MANY; j++) {
        page_column(page, "t")[j] = (float)(j % 4);
        for (int k = 0; k < 4; k++)
          page_column(page, "a")[4 * j + k] = (float)(logits ? log(chance[i][k]) + 3 : chance[i][k]);
      }
      page->run.seed = (uint32_t)i + 1;
      page_test(page);
      for (int k = 0; k < 4; k++) {
        page_near("log density", name, (double)page_metric(page, "density")[k], log(chance[i][k]), 1e-5);
      }
      check_counts(page, name, 4);
      page_near("entropy", name, (double)page_metric(page, "spread")[0], entropy, 1e-5);
      page_near("the mean of its onehot", name, (double)page_metric(page, "third")[0], chance[i][2], 1e-6);
    }
    arena_close(a);
  }
}

// Three labels at once, each with logits of its own: 27 outcomes, whose densities multiply.
static void categorical_vector(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model c  data t[3] in class(3), u[3, 3] from npy(\"t\", \"u\")\n"
                         "decoder p(v | u) { v ~ categorical(logits: u) }\n"
                         "metric density = log p(t | u)  metric spread = entropy(p(v | u))\n"
                         "metric sample { w ~ p(v | u)   9 * w[0] + 3 * w[1] + w[2] }\n"
                         "metric middle = (mean p(v | u))[1][2]\n"
                         "metric open = (mean p(observed(t, [1, 0, 1]) | u))[1][2]\n"
                         "metric seen = sum((mean p(observed(t, [1, 0, 1]) | u))[0] * iota(3))\n",
                         MANY);
  for (int i = 0; i < MANY; i++) {
    for (int k = 0; k < 3; k++) page_column(page, "t")[3 * i + k] = (float)(i / (k == 0 ? 9 : k == 1 ? 3 : 1) % 3);
    for (int k = 0; k < 9; k++) page_column(page, "u")[9 * i + k] = (float)((k * 7 % 5) * 0.4);
  }
  page_test(page);
  check_counts(page, "a vector of labels", 27);
  double entropy = 0;
  for (int k = 0; k < 27; k++)
    entropy -= exp((double)page_metric(page, "density")[k]) * (double)page_metric(page, "density")[k];
  page_near("entropy", "a vector of labels", (double)page_metric(page, "spread")[0], entropy, 1e-5);
  double middle = 1 / (1 + exp(0.4) + exp(1.2));
  page_near("the mean of its onehots", "the second label", (double)page_metric(page, "middle")[0], middle, 1e-6);
  page_near("the mean of its onehots", "one that is not seen", (double)page_metric(page, "open")[0], middle, 1e-6);
  for (int i = 0; i < 27; i++)
    page_near("the mean of its onehots", "one that is seen", (double)page_metric(page, "seen")[i], i / 9, 0);
  arena_close(a);
}

// ---- distributions of vectors

// Over a vector a distribution stands for independent values.
static void vectors(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model v  data t[3], a[3], b[3] in [0.01, 50] from npy(\"t\", \"a\", \"b\")\n"
                         "decoder p(v | a, b) { v ~ laplace(a, b) }\n"
                         "metric density = log p(t | a, b)  metric spread = entropy(p(v | a, b))\n"
                         "metric m1 = (mean p(v | a, b))[1]\n"
                         "metric v0 { v ~ p(v | a, b)  v[0] }  metric v2 { v ~ p(v | a, b)  v[2] }\n",
                         MANY);
  double p[3][2] = {{0, 1}, {-2, 3}, {5, 0.5}}, density = 0, entropy = 0, together = 0;
  for (int k = 0; k < 3; k++) {
    for (int i = 0; i < MANY; i++) {
      page_column(page, "t")[3 * i + k] = (float)k;
      page_column(page, "a")[3 * i + k] = (float)p[k][0];
      page_column(page, "b")[3 * i + k] = (float)p[k][1];
    }
    density += log_laplace(k, p[k]);
    entropy += 1 + log(2 * p[k][1]);
  }
  page_test(page);
  page_near("log density", "a vector", (double)page_metric(page, "density")[7], density, 1e-5);
  page_near("entropy", "a vector", (double)page_metric(page, "spread")[7], entropy, 1e-5);
  page_near("mean", "a vector", (double)page_metric(page, "m1")[7], -2, 1e-6);
  for (int i = 0; i < MANY; i++)
    together += ((double)page_metric(page, "v0")[i]) * ((double)page_metric(page, "v2")[i] - 5) / MANY;
  page_check(fabs(together) < 4 * 0.5 * 2 / sqrt(MANY), "covariance", "a vector", together,
             0);  // deviations 1.41 and 0.71
  arena_close(a);
}

// The plane in squares: a distribution's density summed over each, against how many draws fall into it.
enum { SIDE = 480, COARSE = 40 };
static const double REACH = 2.4;

static void flower(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model f  use \"models/flower.gm\"  data t[2] from npy(\"t\")  prior z[2] ~ flower(6)\n"
                         "metric density { z = t  log prior(z) }\n"
                         "metric x { z ~ prior(z)  z[0] }  metric y { z ~ prior(z)  z[1] }\n",
                         SIDE * SIDE);
  double step = 2 * REACH / SIDE, total = 0, *expected = NEW_ARRAY(a, double, COARSE *COARSE),
         *count = NEW_ARRAY(a, double, COARSE *COARSE);
  for (int i = 0; i < SIDE * SIDE; i++) {
    page_column(page, "t")[2 * i] = (float)((i % SIDE + 0.5) * step - REACH);
    page_column(page, "t")[2 * i + 1] = (float)((i / SIDE + 0.5) * step - REACH);
  }
  page_test(page);
  for (int i = 0; i < SIDE * SIDE; i++) {
    double share = exp((double)page_metric(page, "density")[i]) * step * step;
    total += share;
    expected[i / SIDE * COARSE / SIDE * COARSE + i % SIDE * COARSE / SIDE] += share * SIDE * SIDE;
    double x = ((double)page_metric(page, "x")[i] + REACH) / (2 * REACH) * COARSE;
    double y = ((double)page_metric(page, "y")[i] + REACH) / (2 * REACH) * COARSE;
    if (x >= 0 && y >= 0 && x < COARSE && y < COARSE) count[(int)y * COARSE + (int)x]++;
  }
  page_near("integral", "flower", total, 1, 1e-4);
  int freedom;
  double chi = chi_square(COARSE * COARSE, count, expected, &freedom);
  page_check(freedom > 150 && chi <= chi_square_limit(freedom), "chi square", "flower", chi, chi_square_limit(freedom));
  arena_close(a);
}

// ---- divergences

typedef struct {
  const char *f, *g;  // f with parameters a, b; g with c, d
  const char *a, *b, *c, *d, *domain;
  GridKind kind;
  bool closed;  // a rule fits
  double parameter[4][4];
} Divergence;

static const Divergence divergences[] = {
    {"normal(a, b)",
     "normal(c, d)",
     "",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     LINE,
     true,
     {{0, 1, 0, 1}, {1, 0.5, -2, 3}, {-4, 2, 3, 0.7}, {0, 0.05, 0, 1}}},
    {"laplace(a, b)",
     "laplace(c, d)",
     "",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     LINE,
     true,
     {{0, 1, 0, 1}, {1, 0.5, -2, 3}, {-4, 2, 3, 0.7}, {0, 0.05, 0, 1}}},
    {"normal(a, b)",
     "laplace(c, d)",
     "",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     LINE,
     true,
     {{0, 1, 0, 1}, {1, 2, 0.3, 1.5}, {-4, 2, 3, 0.7}, {0.3, 0.05, 0, 1}}},
    {"exponential(a)",
     "exponential(c)",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     "in positive",
     HALF,
     true,
     {{1, 0, 1, 0}, {0.3, 0, 2, 0}, {5, 0, 0.4, 0}, {2, 0, 2.5, 0}}},
    {"uniform(a, b)",
     "uniform(c, d)",
     "in [0, 1]",
     "in [2, 3]",
     "in [-5, 0]",
     "in [3, 9]",
     "in [0, 3]",
     INTERVAL,
     true,
     {{0, 3, 0, 3}, {1, 2, -4, 5}, {0.5, 2.5, -0.1, 3.3}, {0, 2, -5, 9}}},
    {"uniform(a, b)",
     "normal(c, d)",
     "in [-5, 1]",
     "in [2, 9]",
     "",
     "in [0.01, 50]",
     "in [-5, 9]",
     INTERVAL,
     true,
     {{0, 3, 0, 1}, {1, 2, -4, 5}, {-4, 2.5, 1, 0.3}, {0, 2, 1, 1}}},
    // no rule: one draw, averaged here over many
    {"laplace(a, b)",
     "normal(c, d)",
     "",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     LINE,
     false,
     {{0, 1, 0, 1}, {1, 0.5, -2, 3}, {-1, 2, 1, 3}, {0, 0.05, 0, 1}}},
    {"normal(a, b)",
     "mixture over k in 0 .. 3 { normal(c + k, d) }",
     "",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     LINE,
     false,
     {{0, 1, 0, 1}, {1, 0.5, -2, 3}, {-1, 2, 1, 3}, {0, 0.05, 0, 1}}},
    {"normal(a, b)",
     "student_t(3, c, d)",
     "",
     "in [0.01, 50]",
     "",
     "in [0.01, 50]",
     "",
     LINE,
     false,
     {{0, 1, 0, 1}, {1, 0.5, -2, 3}, {-1, 2, 1, 3}, {0, 0.05, 0, 1}}},
};

static Page *divergence_page(Arena *a, const Divergence *d) {
  return page_format(a, MANY,
                     "model d  data t %s, a %s, b %s, c %s, d %s from npy(\"\", \"\", \"\", \"\", \"\")\n"
                     "decoder f(v | a, b) { v ~ %s }  decoder g(v | c, d) { v ~ %s }\n"
                     "metric log_f = log f(t | a, b)  metric log_g = log g(t | c, d)\n"
                     "metric divergence = kl(f(v | a, b) || g(v | c, d))\n",
                     d->domain, d->a, d->b, d->c, d->d, d->f, d->g);
}

static void check_divergence(Page *page, const Divergence *d, const double *p, const char *name) {
  double centre = d->kind == HALF ? 0 : p[0], scale = d->kind == HALF ? 1 / p[0] : d->kind == LINE ? p[1] : p[1] - p[0];
  Grid g = grid_new(page->arena, d->kind, centre, scale, MANY);
  memcpy(page_column(page, "t"), g.x, (size_t)MANY * sizeof(float));
  page_fill(page, "a", p[0]), page_fill(page, "b", p[1]), page_fill(page, "c", p[2]), page_fill(page, "d", p[3]);
  page_test(page);
  double want = 0, deviation = 0;
  for (int i = 0; i < MANY; i++) {
    double f = (double)page_metric(page, "log_f")[i], share = exp(f) * g.width[i];
    if (share > 0) want += share * (f - (double)page_metric(page, "log_g")[i]);
  }
  double got = page_average(page, "divergence");
  for (int i = 0; i < MANY; i++) deviation += pow((double)page_metric(page, "divergence")[i] - got, 2) / MANY;
  if (d->closed)
    page_check(sqrt(deviation) < 1e-5 * (1 + fabs(got)), "spread", name, sqrt(deviation), 0);
  else
    deviation = 4 * sqrt(deviation / MANY);
  page_check(fabs(got - want) < 3e-4 * (1 + fabs(want)) + (d->closed ? 0 : deviation), "divergence", name, got, want);
}

static void divergences_of_numbers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof divergences / sizeof *divergences; i++) {
    const Divergence *d = &divergences[i];
    Arena *a = arena_open(NULL);
    Page *page = divergence_page(a, d);
    const char *name = arena_format(a, "%s || %s", d->f, d->g);
    page_check(page_explains(page, "closed form, std/divergences.gm") == d->closed, "rule", name, 0, d->closed);
    page_check(page_explains(page, "Monte Carlo") != d->closed, "estimate", name, d->closed, 0);
    for (int k = 0; k < 4; k++) check_divergence(page, d, d->parameter[k], arena_format(a, "%s, case %d", name, k));
    arena_close(a);
  }
}

// Both parameterisations of f and of g, as sums over the outcomes. A vector of `outcomes` chances for each.
static void check_discrete(const char *family, int outcomes, const double *f, const double *g) {
  for (int way = 0; way < 4; way++) {
    Arena *a = arena_open(NULL);
    const char *name = arena_format(a, "%s, parameterised as %d", family, way);
    bool is_bernoulli = outcomes == 2;
    const char *dims = is_bernoulli ? "" : arena_format(a, "[%d]", outcomes);
    const char *held = is_bernoulli ? "in [0, 1]" : "on simplex";
    Page *page = page_format(a, 8,
                             "model d  data a%s %s, c%s %s from npy(\"\", \"\")\n"
                             "decoder f(v | a) { v ~ %s(%s: a) }  decoder g(v | c) { v ~ %s(%s: c) }\n"
                             "metric divergence = kl(f(v | a) || g(v | c))\n",
                             dims, way & 1 ? "" : held, dims, way & 2 ? "" : held, family, way & 1 ? "logits" : "p",
                             family, way & 2 ? "logits" : "p");
    assert_true(page_explains(page, "closed form"));
    int n = is_bernoulli ? 1 : outcomes;
    for (int i = 0; i < 8 * n; i++) {
      double p = f[is_bernoulli ? 1 : i % n], q = g[is_bernoulli ? 1 : i % n];
      page_column(page, "a")[i] = (float)(!(way & 1) ? p : is_bernoulli ? logit(p) : log(p) - 2);
      page_column(page, "c")[i] = (float)(!(way & 2) ? q : is_bernoulli ? logit(q) : log(q) + 1);
    }
    page_test(page);
    double want = 0;
    for (int k = 0; k < outcomes; k++) want += f[k] > 0 ? f[k] * log(f[k] / g[k]) : 0;
    for (int i = 0; i < 8; i++) page_near("divergence", name, (double)page_metric(page, "divergence")[i], want, 1e-5);
    arena_close(a);
  }
}

static void divergences_of_labels(void **state) {
  (void)state;
  static const double f[][2] = {{0.5, 0.5}, {0.1, 0.9}, {0.999, 0.001}}, g[][2] = {{0.5, 0.5}, {0.7, 0.3}, {0.2, 0.8}};
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 3; k++) check_discrete("bernoulli", 2, f[i], g[k]);
  }
  static const double u[][4] = {{0.25, 0.25, 0.25, 0.25}, {0.7, 0.2, 0.09, 0.01}};
  static const double v[][4] = {{0.1, 0.2, 0.3, 0.4}, {0.01, 0.01, 0.01, 0.97}};
  for (int i = 0; i < 2; i++) {
    for (int k = 0; k < 2; k++) check_discrete("categorical", 4, u[i], v[k]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_of_the_line),
      cmocka_unit_test(bernoulli),
      cmocka_unit_test(poisson),
      cmocka_unit_test(binomial),
      cmocka_unit_test(multinomial),
      cmocka_unit_test(categorical),
      cmocka_unit_test(categorical_vector),
      cmocka_unit_test(vectors),
      cmocka_unit_test(flower),
      cmocka_unit_test(divergences_of_numbers),
      cmocka_unit_test(divergences_of_labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
