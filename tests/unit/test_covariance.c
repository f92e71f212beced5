// Normal distributions of vectors: densities, entropies and divergences against determinants and inverses by cofactors
// in double precision, draws against the covariance; supports: parameters begin where they are told, and stay there.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

enum { MANY = 4000, N = 3 };
static const double PI = 3.14159265358979323846;

typedef struct {
  double m[N], cov[N][N];
} Normal;

// By cofactors, of a symmetric matrix.
static double determinant(double a[N][N]) {
  double sum = 0;
  for (int k = 0; k < N; k++) {
    int i = (k + 1) % N, j = (k + 2) % N;
    sum += a[0][k] * (a[1][i] * a[2][j] - a[1][j] * a[2][i]);
  }
  return sum;
}

static void invert(double a[N][N], double out[N][N]) {
  double d = determinant(a);
  for (int r = 0; r < N; r++)
    for (int c = 0; c < N; c++) {
      int r1 = (r + 1) % N, r2 = (r + 2) % N, c1 = (c + 1) % N, c2 = (c + 2) % N;
      out[c][r] = (a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1]) / d;
    }
}

static double form(double a[N][N], const double *x) {
  double sum = 0;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++) sum += x[i] * a[i][k] * x[k];
  return sum;
}

static double log_density(Normal *f, const double *x) {
  double inverse[N][N], d[N];
  invert(f->cov, inverse);
  for (int i = 0; i < N; i++) d[i] = x[i] - f->m[i];
  return -(form(inverse, d) + log(determinant(f->cov)) + N * log(2 * PI)) / 2;
}

static double entropy(Normal *f) { return (log(determinant(f->cov)) + N * (1 + log(2 * PI))) / 2; }

static double divergence(Normal *f, Normal *g) {
  double inverse[N][N], d[N], trace = 0;
  invert(g->cov, inverse);
  for (int i = 0; i < N; i++) d[i] = f->m[i] - g->m[i];
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++) trace += inverse[i][k] * f->cov[k][i];
  return (trace - N + form(inverse, d) + log(determinant(g->cov) / determinant(f->cov))) / 2;
}

// The numbers that an example is given, and the lower triangle that cholesky_of makes of six of them.
static double given(int example, int k) { return sin(1.3 * example + 0.7 * k) + 0.4 * cos(0.31 * example * (k + 1)); }

static void fill(Page *p, const char *column, int n, int offset, int rows) {
  for (int i = 0; i < rows; i++)
    for (int k = 0; k < n; k++) page_column(p, column)[i * n + k] = (float)given(i, offset + k);
}

// With mean m and factor cholesky_of(r), whose rows are multiplied by `scale` where it is not NULL.
static Normal normal_of(const float *m, const float *r, const double *scale) {
  Normal f = {.m = {(double)m[0], (double)m[1], (double)m[2]}};
  double l[N][N] = {0};
  for (int i = 0, at = 0; i < N; i++)
    for (int k = 0; k <= i; k++, at++)
      l[i][k] = (k == i ? log1p(exp((double)r[at])) : (double)r[at]) * (scale ? scale[i] : 1);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++)
      for (int j = 0; j < N; j++) f.cov[i][k] += l[i][j] * l[k][j];
  return f;
}

static Normal diagonal_of(const float *m, const float *t) {
  Normal f = {.m = {(double)m[0], (double)m[1], (double)m[2]}};
  for (int i = 0; i < N; i++) f.cov[i][i] = exp(2 * (double)t[i]);
  return f;
}

static const char by_hand[] =
    "data x[3], m[3], n[3], r[6], t[6] from npy(\"x\", \"m\", \"n\", \"r\", \"t\")\n"
    "function cov(r) on spd = cholesky_of(r) @ transpose(cholesky_of(r))\n"
    "decoder f(v | m, r) { v ~ normal(m, factor: cholesky_of(r)) }\n"
    "decoder g(v | m, r) { v ~ normal(m, cov: cov(r)) }\n"
    "decoder d(v | m, r) { v ~ normal(m, exp(r[.. 3])) }\n"
    "decoder s(v | m, r, t) { v ~ normal(m, exp(t[.. 3]), factor: cholesky_of(r)) }\n"
    "decoder c(w | m, n, r, t) { w ~ normal([m, n], cov: [cov(r), cov(t)]) }\n"
    "decoder e(w | m, n) { w ~ normal([m, n], factor: [[2, 0, 0], [1, 1, 0], [0, 1, 3]]) }\n"
    "prior v[3] ~ normal(0, cov: [[2, 1, 0], [1, 2, 0], [0, 0, 1]])\n"
    "metric lf = log f(x | m, r)   metric lg = log g(x | n, t)   metric ls = log s(x | m, r, t)\n"
    "metric lp { v = x  log prior(v) }   metric hp = entropy(prior(v)) + 0 * x[0]\n"
    "metric hf = entropy(f(v | m, r))   metric hs = entropy(s(v | m, r, t))\n"
    "metric fg = kl(f(v | m, r) || g(v | n, t))   metric fd = kl(f(v | m, r) || d(v | n, t))\n"
    "metric df = kl(d(v | n, t) || f(v | m, r))   metric sp = kl(s(v | m, r, t) || prior(v))\n"
    "metric lc = log c([x, m] | m, n, r, t)   metric each_c = sum((each log c([x, m] | m, n, r, t)) * [1, 10])\n"
    "metric hc = entropy(c(w | m, n, r, t))   metric ce = kl(c(w | m, n, r, t) || e(w | m, n))\n"
    "metric each_ce = sum((each kl(c(w | m, n, r, t) || e(w | m, n))) * [1, 10])\n"
    "metric mean_s = (mean s(v | m, r, t))[1]\n";

static void near_at(Page *p, const char *metric, int i, double want) {
  page_near(metric, "a normal of vectors", (double)page_metric(p, metric)[i], want, 2e-5);
}

static void densities(void **state) {
  (void)state;
  enum { ROWS = 50 };
  Arena *a = arena_open(NULL);
  Page *p = page_open(a, by_hand, ROWS);
  fill(p, "x", 3, 0, ROWS), fill(p, "m", 3, 10, ROWS), fill(p, "n", 3, 20, ROWS);
  fill(p, "r", 6, 30, ROWS), fill(p, "t", 6, 40, ROWS);
  page_test(p);
  for (int i = 0; i < ROWS; i++) {
    const float *x = page_column(p, "x") + 3 * i, *m = page_column(p, "m") + 3 * i, *n = page_column(p, "n") + 3 * i;
    const float *r = page_column(p, "r") + 6 * i, *t = page_column(p, "t") + 6 * i;
    double at[] = {(double)x[0], (double)x[1], (double)x[2]}, at_m[] = {(double)m[0], (double)m[1], (double)m[2]};
    double scale[] = {exp((double)t[0]), exp((double)t[1]), exp((double)t[2])};
    Normal f = normal_of(m, r, NULL), g = normal_of(n, t, NULL), d = diagonal_of(n, t), s = normal_of(m, r, scale);
    Normal prior = {.cov = {{2, 1, 0}, {1, 2, 0}, {0, 0, 1}}};
    Normal e1 = {.cov = {{4, 2, 0}, {2, 2, 1}, {0, 1, 10}}}, e2 = e1;
    memcpy(e1.m, f.m, sizeof e1.m), memcpy(e2.m, g.m, sizeof e2.m);
    near_at(p, "lf", i, log_density(&f, at));
    near_at(p, "lg", i, log_density(&g, at));
    near_at(p, "ls", i, log_density(&s, at));
    near_at(p, "lp", i, log_density(&prior, at));
    near_at(p, "hf", i, entropy(&f));
    near_at(p, "hs", i, entropy(&s));
    near_at(p, "hp", i, entropy(&prior));
    near_at(p, "fg", i, divergence(&f, &g));
    near_at(p, "fd", i, divergence(&f, &d));
    near_at(p, "df", i, divergence(&d, &f));
    near_at(p, "sp", i, divergence(&s, &prior));
    near_at(p, "lc", i, log_density(&f, at) + log_density(&g, at_m));
    near_at(p, "each_c", i, log_density(&f, at) + 10 * log_density(&g, at_m));
    near_at(p, "hc", i, entropy(&f) + entropy(&g));
    near_at(p, "ce", i, divergence(&f, &e1) + divergence(&g, &e2));
    near_at(p, "each_ce", i, divergence(&f, &e1) + 10 * divergence(&g, &e2));
    near_at(p, "mean_s", i, f.m[1]);
  }
  page_check(page_explains(p, "KL(normal || normal): closed form"), "fg", "closed form", 0, 1);
  arena_close(a);
}

// Draws of vectors, and of two of them side by side: their moments, each within what one in 1000 exceeds, of 17.
static void draws(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(
      a,
      "data x from npy(\"x\")\n"
      "prior v[3] ~ normal([1, 2, 3], 2, cov: [[2, 1, 0], [1, 2, -1], [0, -1, 1]])\n"
      "prior w[2, 3] ~ normal([[0, 0, 0], [5, 5, 5]], factor: [[1, 0, 0], [2, 1, 0], [0, -1, 0.5]])\n"
      "prior u[3] ~ low_rank_normal([1, 2, 3], [[1, 0], [0.5, 1], [-2, 3]], [0.5, 1, 2])\n"
      "metric u11 { u ~ prior(u)  cross(u - [1, 2, 3], 1, 1) }  metric u12 { u ~ prior(u)  cross(u - [1, 2, 3], 1, 2) "
      "}\n"
      "metric u02 { u ~ prior(u)  cross(u - [1, 2, 3], 0, 2) }  metric u2 { u ~ prior(u)  u[2] - 3 }\n"
      "function cross(d, i, k) = d[i] * d[k]\n"
      "metric m { v ~ prior(v)  v[1] - 2 }   metric n { w ~ prior(w)  w[1, 1] - 5 }\n"
      "metric v00 { v ~ prior(v)  cross(v - [1, 2, 3], 0, 0) }  metric v11 { v ~ prior(v)  cross(v - [1, 2, 3], 1, 1) "
      "}\n"
      "metric v01 { v ~ prior(v)  cross(v - [1, 2, 3], 0, 1) }  metric v02 { v ~ prior(v)  cross(v - [1, 2, 3], 0, 2) "
      "}\n"
      "metric v12 { v ~ prior(v)  cross(v - [1, 2, 3], 1, 2) }\n"
      "metric w00 { w ~ prior(w)  cross(w[1] - 5, 0, 0) }  metric w01 { w ~ prior(w)  cross(w[1] - 5, 0, 1) }\n"
      "metric w12 { w ~ prior(w)  cross(w[1] - 5, 1, 2) }  metric w22 { w ~ prior(w)  cross(w[0], 2, 2) }\n"
      "metric apart { w ~ prior(w)  w[0, 1] * (w[1, 1] - 5) }  metric other { w ~ prior(w)  w[0, 0] * (w[1, 1] - 5) "
      "}\n",
      MANY);
  static const struct {
    const char *metric;
    double want, variance;  // of one example
  } moments[] = {{"m", 0, 8},
                 {"n", 0, 5},
                 {"v00", 8, 128},
                 {"v11", 8, 128},
                 {"v01", 4, 64 + 16},
                 {"v02", 0, 8 * 4},
                 {"v12", -4, 32 + 16},
                 {"w00", 1, 2},
                 {"w01", 2, 5 + 4},
                 {"w12", -1, 6.25 + 1},
                 {"w22", 1.25, 3.125},
                 {"apart", 0, 25},
                 {"u11", 2.25, 2 * 2.25 * 2.25},
                 {"u12", 2, 2.25 * 17 + 4},
                 {"u02", -2, 1.25 * 17 + 4},
                 {"u2", 0, 17},
                 {"other", 0, 5}};
  page_test(p);
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    double got = page_average(p, moments[i].metric);
    page_check(fabs(got - moments[i].want) < 3.3 * sqrt(moments[i].variance / MANY), "moment", moments[i].metric, got,
               moments[i].want);
  }
  arena_close(a);
}

// The free numbers of a parameter begin so that it begins at what is written.
static void starts(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(
      a,
      "support circle[n] { of(u) = 3 * u / norm(u)   to(v) = v   start = gaussian() }\n"
      "support odd { of(u) = u * square(u)   to(v) = sign(v) * exp(log(abs(v)) / 3) }\n"
      "data x from npy(\"x\")\n"
      "parameter a[2, 3, 3] on spd = [[2, 1, 0], [1, 3, -1], [0, -1, 2]], b[2, 2] on cholesky = [[2, 0], [-3, 0.1]]\n"
      "parameter c[2, 3] on ordered = [-1, 0.5, 7], d[3] on sphere = [2, 2, 1], e[2, 2] on simplex = [1, 3]\n"
      "parameter f in [2, infinity] = 2.5, g in [-infinity, -1] = -4, h in [0, 10] = 9, i on positive = 0.3\n"
      "parameter j[5, 2] on circle, k on odd = 2, l on interval(0, 4) = 1, m[4, 3] on sphere, o[2, 2] on spd\n"
      "metric a1 = a[1, 1, 1]  metric a2 = a[0, 1, 2]  metric b1 = b[1, 0]  metric b2 = b[1, 1]  metric b3 = b[0, 1]\n"
      "metric c1 = c[1, 0]  metric c2 = c[0, 1]  metric c3 = c[1, 2]  metric d1 = d[1]  metric d2 = d[2]  metric e1 = "
      "e[1, 1]\n"
      "metric f1 = f  metric g1 = g  metric h1 = h  metric i1 = i  metric k1 = k  metric l1 = l\n"
      "metric j1 = norm(j[3])  metric j2 = sum(square(j[0] - j[1])) > 1e-6  metric m1 = norm(m[2])  metric o1 = o[0, "
      "0]  metric o2 = o[1, 0]\n",
      1);
  static const struct {
    const char *metric;
    double want;
  } begins[] = {{"a1", 3},      {"a2", -1},   {"b1", -3},
                {"b2", 0.1},    {"b3", 0},    {"c1", -1},
                {"c2", 0.5},    {"c3", 7},    {"d1", 2. / 3},
                {"d2", 1. / 3}, {"e1", 0.75}, {"f1", 2.5},
                {"g1", -4},     {"h1", 9},    {"i1", 0.3},
                {"k1", 2},      {"l1", 1},    {"j1", 3},
                {"j2", 1},      {"m1", 1},    {"o1", 0.480453013918201424667},
                {"o2", 0}};
  page_test(p);
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
    page_near("start", begins[i].metric, (double)*page_metric(p, begins[i].metric), begins[i].want, 2e-6);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(densities),
      cmocka_unit_test(draws),
      cmocka_unit_test(starts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
