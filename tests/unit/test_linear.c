// Models in which all is normal and what latents make is affine in them: likelihoods, posteriors, draws. Against the
// joint covariance of all variables, conditioned in double precision; and a few numbers by
// scipy.stats.multivariate_normal.
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

enum { BATCH = 40, MOST = 12 };
static const double PI = 3.14159265358979323846;

// ---- jointly normal numbers

typedef struct {
  int n;
  double mean[MOST], cov[MOST][MOST];
} Joint;

// One more: a sum of those that there are, a constant, and noise of that deviation.
static void add(Joint *j, const double *by, double constant, double deviation) {
  int n = j->n++;
  j->mean[n] = constant;
  for (int i = 0; i < n; i++) j->mean[n] += by[i] * j->mean[i];
  for (int i = 0; i < n; i++) {
    j->cov[n][i] = 0;
    for (int k = 0; k < n; k++) j->cov[n][i] += by[k] * j->cov[k][i];
  }
  j->cov[n][n] = deviation * deviation;
  for (int i = 0; i < n; i++) j->cov[n][n] += by[i] * j->cov[n][i], j->cov[i][n] = j->cov[n][i];
}

// Those from `first` on, less their means, by the factor of their covariance; the log density of them is returned.
static double whiten(const Joint *j, int first, int n, const double *x, double *root, double *white) {
  double log_density = 0;
  for (int i = 0; i < n; i++) {
    for (int k = 0; k <= i; k++) {
      double sum = j->cov[first + i][first + k];
      for (int l = 0; l < k; l++) sum -= root[i * n + l] * root[k * n + l];
      root[i * n + k] = i == k ? sqrt(sum) : sum / root[k * n + k];
    }
    double left = x[i] - j->mean[first + i];
    for (int l = 0; l < i; l++) left -= root[i * n + l] * white[l];
    white[i] = left / root[i * n + i];
    log_density -= white[i] * white[i] / 2 + log(root[i * n + i]) + log(2 * PI) / 2;
  }
  return log_density;
}

static double log_of(const Joint *j, int first, int n, const double *x) {
  double root[MOST * MOST], white[MOST];
  return whiten(j, first, n, x, root, white);
}

// The first ones, given those from `first` on.
static Joint given(const Joint *j, int first, int n, const double *x) {
  double root[MOST * MOST], white[MOST], by[MOST][MOST];
  Joint out = {.n = first};
  whiten(j, first, n, x, root, white);
  for (int i = 0; i < first; i++) {
    out.mean[i] = j->mean[i];
    for (int k = 0; k < n; k++) {
      double sum = j->cov[i][first + k];
      for (int l = 0; l < k; l++) sum -= root[k * n + l] * by[i][l];
      by[i][k] = sum / root[k * n + k];
      out.mean[i] += by[i][k] * white[k];
    }
    for (int k = 0; k <= i; k++) {
      out.cov[i][k] = j->cov[i][k];
      for (int l = 0; l < n; l++) out.cov[i][k] -= by[i][l] * by[k][l];
      out.cov[k][i] = out.cov[i][k];
    }
  }
  return out;
}

static double entropy_of(const Joint *j, int n) {
  double at = log_of(j, 0, n, j->mean);
  return n / 2.0 - at;
}

// ---- pages

static void fill(Page *p, const char *column, int count, double turn, double size) {
  float *x = page_column(p, column);
  for (int i = 0; i < BATCH * count; i++) x[i] = (float)(size * sin(turn * i + turn));
}

static void near(const Page *p, const char *name, int example, double want) {
  page_near(name, "of an example", (double)page_metric(p, name)[example], want, 1e-5);
}

static void point(const Page *p, const char *column, int example, int n, double *into) {
  for (int i = 0; i < n; i++) into[i] = (double)page_column((Page *)p, column)[example * n + i];
}

static const double loading[3][2] = {{1, -0.5}, {0.3, 0.8}, {-1.2, 0.4}}, middle[3] = {0.5, -1, 2};

static const char *const plain =
    "data x[3], y from npy(\"x\", \"y\")\n"
    "parameter W[3, 2] = [[1, -0.5], [0.3, 0.8], [-1.2, 0.4]], mu[3] = [0.5, -1, 2]\n"
    "prior z[2] ~ normal([0.2, -0.1], [1, 0.5])\n"
    "decoder p(x | z) { x ~ normal(W @ z + mu, [0.5, 0.6, 0.7]) }\n"
    "encoder q(z | x) { z ~ normal(x[.. 2], factor: [[0.5, 0], [0.2, 0.7]]) }\n"
    "objective likelihood { maximize log p(x) }\n"
    "train { maximize likelihood over W, mu with sgd(1) }\n"
    "metric a = log p(x)  metric m0 = (mean p(z | x))[0]  metric m1 = (mean p(z | x))[1]\n"
    "metric spread = entropy(p(z | x)) + 0 * y  metric at = log p(z: [0.3, y] | x: x + 0)\n"
    "metric told { z ~ q(z | x)  kl(q(z | x) || p(z | x)) }\n"
    "metric bound = mean(2000) { z ~ q(z | x)  log p(x, z) - log q(z | x) }\n"
    "metric bayes { z = x[.. 2]  log p(z | x) + log p(x) - log p(x, z) }\n"
    "metric drawn { z ~ p(z | x)  z[0] - (mean p(z | x))[0] }\n"
    "metric square_drawn { z ~ p(z | x)  square(z[0] - (mean p(z | x))[0]) }\n"
    "metric of_x { x ~ p(x)  x[0] }  metric mean_of_x = (mean p(x))[2] + 0 * y  metric slope = grad(log p(x), x)[1]\n";

static Joint plain_joint(void) {
  static const double sd[] = {0.5, 0.6, 0.7};
  Joint j = {0};
  add(&j, NULL, 0.2, 1);
  add(&j, (double[]){0}, -0.1, 0.5);
  for (int i = 0; i < 3; i++) add(&j, (double[MOST]){loading[i][0], loading[i][1]}, middle[i], sd[i]);
  return j;
}

static void test_one_latent(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a, plain, BATCH);
  fill(p, "x", 3, 0.37, 2);
  fill(p, "y", 1, 1.9, 1);
  memcpy(page_column(p, "x"), (float[]){0, 0, 0, 1, 2, -1, 30, -20, 5}, 9 * sizeof(float));
  page_test(p);
  for (int i = 0; i < 3; i++) near(p, "a", i, (double[]){-7.14336985, -12.84978612, -1296.76811632}[i]);  // by scipy
  Joint j = plain_joint();
  double drawn = 0, square = 0;
  for (int i = 0; i < BATCH; i++) {
    double x[3], y, up[3], down[3];
    point(p, "x", i, 3, x);
    point(p, "y", i, 1, &y);
    double log_p = log_of(&j, 2, 3, x);
    Joint z = given(&j, 2, 3, x);
    near(p, "a", i, log_p);
    near(p, "m0", i, z.mean[0]);
    near(p, "m1", i, z.mean[1]);
    near(p, "spread", i, entropy_of(&z, 2));
    near(p, "at", i, log_of(&z, 0, 2, (double[]){0.3, y}));
    near(p, "bayes", i, 0);
    memcpy(up, x, sizeof x), memcpy(down, x, sizeof x);
    up[1] += 1e-5, down[1] -= 1e-5;
    page_near("slope", "of an example", (double)page_metric(p, "slope")[i],
              (log_of(&j, 2, 3, up) - log_of(&j, 2, 3, down)) / 2e-5, 1e-4);
    near(p, "mean_of_x", i, j.mean[4]);
    // log p = bound + divergence; the bound's draws have an error of about 0.05
    double gap = log_p - (double)page_metric(p, "bound")[i];
    page_near("gap", "of an example", (double)page_metric(p, "told")[i], gap, 0.15);
    drawn += (double)page_metric(p, "drawn")[i] / BATCH;
    square += (double)page_metric(p, "square_drawn")[i] / BATCH;
  }
  Joint z = given(&j, 2, 3, (double[]){0, 0, 0});
  page_near("mean", "of draws", drawn, 0, 4 * sqrt(z.cov[0][0] / BATCH));
  page_near("variance", "of draws", square / z.cov[0][0], 1, 4 * sqrt(2.0 / BATCH));
  arena_close(a);
}

// Several latents, one made of another, two of one thing, what is given, pictures, numbers, correlated noise, more
// latents than data, mixtures.
static const char *const several =
    "data x[3], y[2], c from npy(\"x\", \"y\", \"c\")\n"
    "let W = [[1, -0.5], [0.3, 0.8], [-1.2, 0.4]],  root = [[0.8, 0, 0], [0.3, 0.5, 0], [-0.2, 0.1, 0.9]]\n"
    "prior u ~ normal(0.5, 2), z[2] ~ normal(0, cov: [[1, 0.3], [0.3, 0.5]]), k : class(3) ~ categorical([0.2, 0.3, "
    "0.5])\n"
    "prior b[2, 2] ~ normal(0.1, 0.8), w[5] ~ normal(0, 1)\n"
    "decoder full(x | z) { x ~ normal(z @ transpose(W), factor: root) }\n"
    "decoder two(x | z, u) { x ~ normal(z @ transpose(W) + u, 0.5) }\n"
    "decoder deep(v | u) { v ~ normal([u, 1 - u], 0.4) }\n"
    "decoder deep(x | v) { x ~ normal(v @ transpose(W), 0.5) }\n"
    "decoder deep(y | v, u) { y ~ normal(v + 0.1 * u, 0.3) }\n"
    "decoder cond(x | z, c) { x ~ normal(c * (z @ transpose(W)) + c, exp(c)) }\n"
    "decoder picture(y | b) { y ~ normal(reshape(b, 4)[.. 2] + [sum(b), 0], 0.5) }\n"
    "decoder number(c | u) { c ~ normal(-3 * u + 1, 0.5) }\n"
    "decoder many(x | w) { x ~ normal(w[.. 3] - w[2 ..] / 2, 0.3) }\n"
    "decoder mixed(x | z, k) { x ~ normal((k - 1) * (z @ transpose(W)) + k, 0.5 + k) }\n"
    "encoder q(u | c) { u ~ normal(c, 0.5) }\n"
    "encoder e(b | y) { b ~ normal(sum(y), 0.5) }\n"
    "metric full = log full(x)  metric full_mean = (mean full(z | x))[1]  metric full_spread = entropy(full(z | x)) + "
    "0 * c\n"
    "metric two = log two(x)  metric two_z = (mean two(z | x))[0]  metric two_u = mean two(u | x)\n"
    "metric deep = log deep(x)  metric both = log deep(x, y)  metric deep_u = mean deep(u | x)\n"
    "metric joint { v = y  log deep(v, x) }  metric deep_both = entropy(deep(u | x, y)) + 0 * c\n"
    "metric cond = log cond(x | c)  metric cond_z = (mean cond(z | x, c))[0]\n"
    "metric picture = log picture(y)  metric picture_b = (mean picture(b | y))[1, 0]\n"
    "metric picture_kl = kl(e(b | y) || picture(b | y))\n"
    "metric number = log number(c)  metric number_u = mean number(u | c)  metric number_kl = kl(q(u | c) || number(u | "
    "c))\n"
    "metric many = log many(x)  metric many_w = (mean many(w | x))[4]\n"
    "metric mixed = log mixed(x)  metric label = log mixed(k: 2 | x)  metric mixed_mean = (mean mixed(x))[0] + 0 * c\n";

static void add_all(Joint *j, int z, double scale, double shift, const double *of_u, double sd) {
  for (int i = 0; i < 3; i++) {
    double by[MOST] = {0};
    by[z] = scale * loading[i][0], by[z + 1] = scale * loading[i][1];
    if (of_u) by[0] = *of_u;
    add(j, by, shift, sd);
  }
}

// z with covariance [[1, 0.3], [0.3, 0.5]], behind what there is.
static void add_z(Joint *j) {
  double by[MOST] = {0};
  add(j, by, 0, 1);
  by[j->n - 1] = 0.3;
  add(j, by, 0, sqrt(0.5 - 0.09));
}

static double kl_of(int n, const double *m, double s, const Joint *z) {
  double root[MOST * MOST], white[MOST];
  double sum = -whiten(z, 0, n, m, root, white) - n * (log(2 * PI) + 2 * log(s) + 1) / 2;
  for (int i = 0; i < n; i++) {  // half the trace of the inverse covariance, times s^2
    double unit[MOST];
    memcpy(unit, z->mean, sizeof unit);
    unit[i] += 1;
    whiten(z, 0, n, unit, root, white);
    for (int k = 0; k < n; k++) sum += s * s * white[k] * white[k] / 2;
  }
  return sum;
}

static void check_full(Page *p, int i, const double *x) {
  static const double root[3][3] = {{0.8, 0, 0}, {0.3, 0.5, 0}, {-0.2, 0.1, 0.9}};
  Joint j = {0};
  add_z(&j);
  for (int k = 0; k < 3; k++) add(&j, (double[MOST]){0}, 0, 1);
  for (int k = 0; k < 3; k++) {
    double by[MOST] = {loading[k][0], loading[k][1], root[k][0], root[k][1], root[k][2]};
    add(&j, by, 0, 0);
  }
  Joint z = given(&j, 5, 3, x);
  near(p, "full", i, log_of(&j, 5, 3, x));
  near(p, "full_mean", i, z.mean[1]);
  near(p, "full_spread", i, entropy_of(&z, 2));
}

static void check_two(Page *p, int i, const double *x) {
  Joint j = {0};
  add(&j, NULL, 0.5, 2);
  add_z(&j);
  add_all(&j, 1, 1, 0, (double[]){1}, 0.5);
  Joint z = given(&j, 3, 3, x);
  near(p, "two", i, log_of(&j, 3, 3, x));
  near(p, "two_z", i, z.mean[1]);
  near(p, "two_u", i, z.mean[0]);
}

static void check_deep(Page *p, int i, const double *x, const double *y) {
  Joint j = {0}, both, seen;
  add(&j, NULL, 0.5, 2);
  add(&j, (double[MOST]){1}, 0, 0.4);
  add(&j, (double[MOST]){-1}, 1, 0.4);
  both = j;
  add_all(&j, 1, 1, 0, NULL, 0.5);
  near(p, "deep", i, log_of(&j, 3, 3, x));
  near(p, "deep_u", i, given(&j, 3, 3, x).mean[0]);
  double v_x[5] = {y[0], y[1], x[0], x[1], x[2]}, x_y[5] = {x[0], x[1], x[2], y[0], y[1]};
  near(p, "joint", i, log_of(&j, 1, 5, v_x));
  add_all(&both, 1, 1, 0, NULL, 0.5);
  add(&both, (double[MOST]){0.1, 1, 0}, 0, 0.3);
  add(&both, (double[MOST]){0.1, 0, 1}, 0, 0.3);
  near(p, "both", i, log_of(&both, 3, 5, x_y));
  seen = given(&both, 3, 5, x_y);
  near(p, "deep_both", i, entropy_of(&seen, 1));
}

static void check_cond(Page *p, int i, const double *x, double c) {
  Joint j = {0};
  add_z(&j);
  add_all(&j, 0, c, c, NULL, exp(c));
  near(p, "cond", i, log_of(&j, 2, 3, x));
  near(p, "cond_z", i, given(&j, 2, 3, x).mean[0]);
}

static void check_shapes(Page *p, int i, const double *y, double c) {
  Joint j = {0}, u = {0};
  for (int k = 0; k < 4; k++) add(&j, (double[MOST]){0}, 0.1, 0.8);
  add(&j, (double[MOST]){2, 1, 1, 1}, 0, 0.5);
  add(&j, (double[MOST]){0, 1, 0, 0}, 0, 0.5);
  double s = y[0] + y[1];
  Joint b = given(&j, 4, 2, y);
  near(p, "picture", i, log_of(&j, 4, 2, y));
  near(p, "picture_b", i, b.mean[2]);
  near(p, "picture_kl", i, kl_of(4, (double[]){s, s, s, s}, 0.5, &b));
  add(&u, NULL, 0.5, 2);
  add(&u, (double[MOST]){-3}, 1, 0.5);
  Joint z = given(&u, 1, 1, &c);
  near(p, "number", i, log_of(&u, 1, 1, &c));
  near(p, "number_u", i, z.mean[0]);
  near(p, "number_kl", i, kl_of(1, &c, 0.5, &z));
}

static void check_many(Page *p, int i, const double *x) {
  Joint j = {0};
  for (int k = 0; k < 5; k++) add(&j, (double[MOST]){0}, 0, 1);
  for (int k = 0; k < 3; k++) {
    double by[MOST] = {0};
    by[k] += 1, by[k + 2] -= 0.5;
    add(&j, by, 0, 0.3);
  }
  near(p, "many", i, log_of(&j, 5, 3, x));
  near(p, "many_w", i, given(&j, 5, 3, x).mean[4]);
}

static void check_mixed(Page *p, int i, const double *x) {
  static const double share[] = {0.2, 0.3, 0.5};
  double term[3], sum = 0;
  for (int k = 0; k < 3; k++) {
    Joint j = {0};
    add_z(&j);
    add_all(&j, 0, k - 1, k, NULL, 0.5 + k);
    term[k] = log(share[k]) + log_of(&j, 2, 3, x);
    sum += exp(term[k]);
  }
  near(p, "mixed", i, log(sum));
  near(p, "label", i, term[2] - log(sum));
  near(p, "mixed_mean", i, 0.3 * 1 + 0.5 * 2);
}

static void test_several(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a, several, BATCH);
  fill(p, "x", 3, 0.37, 2);
  fill(p, "y", 2, 1.9, 1);
  fill(p, "c", 1, 0.7, 1);
  page_test(p);
  for (int i = 0; i < BATCH; i++) {
    double x[3], y[2], c;
    point(p, "x", i, 3, x);
    point(p, "y", i, 2, y);
    point(p, "c", i, 1, &c);
    check_full(p, i, x);
    check_two(p, i, x);
    check_deep(p, i, x, y);
    check_cond(p, i, x, c);
    check_shapes(p, i, y, c);
    check_many(p, i, x);
    check_mixed(p, i, x);
  }
  arena_close(a);
}

// Bounds and estimates of a likelihood that is known: within their errors of it, and the bound is it where the encoder
// is the posterior, which here is one matrix times x and one factor.
static const char *const bounds =
    "data x[3] from npy(\"x\")\n"
    "let W = [[1, -0.5], [0.3, 0.8], [-1.2, 0.4]],  mu = [0.5, -1, 2]\n"
    "prior z[2] ~ normal(0, 1)\n"
    "decoder p(x | z) { x ~ normal(W @ z + mu, 0.6) }\n"
    "encoder q(z | x) { weight l[3] = [0.2, 0.1, 0.2]  z ~ normal((x[.. 2] - mu[.. 2]) / 2, factor: cholesky_of(l)) }\n"
    "let m = transpose(W) @ W / 0.36 + identity(2)\n"
    "encoder own(z | x) {\n"
    "  r = cholesky(m)\n"
    "  z ~ normal(solve(r, solve(r, (x - mu) @ W / 0.36), transposed: true), factor: causes_factor(W, 0.6 * ones(3)))\n"
    "}\n"
    "function first(z, x) = log prior(z)\n"
    "function last(z, x) = log p(x, z)\n"
    "metric exact = log p(x)\n"
    "metric elbo = mean(4000) { z ~ q(z | x)  log p(x | z) - kl(q(z | x) || prior(z)) }\n"
    "metric told = log p(x) - kl(q(z | x) || p(z | x))\n"
    "metric iwae = logmeanexp(5000) { z ~ q(z | x)  log p(x, z) - log q(z | x) }\n"
    "metric ais = logmeanexp(64) { z ~ prior(z)  annealed(z, x, first, last, turns: 60, size: 0.3) }\n"
    "metric every_draw { z ~ own(z | x)  log p(x, z) - log own(z | x) }\n"
    "metric zero = kl(own(z | x) || p(z | x))\n"
    "metric own_elbo = mean(4000) { z ~ own(z | x)  log p(x | z) - kl(own(z | x) || prior(z)) }\n";

static void test_bounds(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a, bounds, BATCH);
  fill(p, "x", 3, 0.37, 1.5);
  page_test(p);
  double ais = 0, iwae = 0;
  for (int i = 0; i < BATCH; i++) {
    Joint j = {0};
    double x[3], exact;
    point(p, "x", i, 3, x);
    add(&j, NULL, 0, 1);
    add(&j, (double[MOST]){0}, 0, 1);
    for (int k = 0; k < 3; k++) add(&j, (double[MOST]){loading[k][0], loading[k][1]}, middle[k], 0.6);
    exact = log_of(&j, 2, 3, x);
    near(p, "exact", i, exact);
    page_near("every_draw", "of an example", (double)page_metric(p, "every_draw")[i], exact, 1e-5);
    page_check(fabs((double)page_metric(p, "zero")[i]) < 1e-5, "divergence", "of the posterior from itself",
               (double)page_metric(p, "zero")[i], 0);
    page_near("own_elbo", "of an example", (double)page_metric(p, "own_elbo")[i], exact, 0.05);
    page_near("elbo", "of an example", (double)page_metric(p, "elbo")[i], (double)page_metric(p, "told")[i], 0.05);
    page_check((double)page_metric(p, "told")[i] < exact, "bound", "of an example", (double)page_metric(p, "told")[i],
               exact);
    iwae += ((double)page_metric(p, "iwae")[i] - exact) / BATCH,
        ais += ((double)page_metric(p, "ais")[i] - exact) / BATCH;
    page_near("iwae", "of an example", (double)page_metric(p, "iwae")[i], exact, 0.2);
    page_near("ais", "of an example", (double)page_metric(p, "ais")[i], exact, 0.2);
  }
  page_near("iwae less the likelihood", "over the examples", iwae, 0, 0.02);
  page_near("ais less the likelihood", "over the examples", ais, 0, 0.03);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_latent), cmocka_unit_test(test_several),
                                     cmocka_unit_test(test_bounds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
