// Which draws are the same draw and which are not, and of what shape: small pages of the language against moments,
// integrals and sums of the test's own. Seeds are fixed; limits are those that one in 1000 exceeds, or wider.
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

enum { MANY = 20000 };
static const double PI = 3.14159265358979323846;

static Arena *arena(void **state) { return *state; }

static int make_arena(void **state) { return *state = arena_open(NULL), 0; }
static int free_arena(void **state) { return arena_close(*state), 0; }

static double mean_of(int64_t n, const float *x, int64_t stride) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i * stride];
  return sum / (double)n;
}

// Of n pairs, a[i stride] with b[i stride].
static double correlation(int64_t n, const float *a, const float *b, int64_t stride) {
  double ma = mean_of(n, a, stride), mb = mean_of(n, b, stride), aa = 0, bb = 0, ab = 0;
  for (int64_t i = 0; i < n; i++) {
    double u = (double)a[i * stride] - ma, v = (double)b[i * stride] - mb;
    aa += u * u, bb += v * v, ab += u * v;
  }
  return ab / sqrt(aa * bb);
}

// A correlation of independent numbers is normal with scale 1 / sqrt(n).
static void check_independent(const char *what, int64_t n, const float *a, const float *b, int64_t stride) {
  double r = correlation(n, a, b, stride);
  page_check(fabs(r) * sqrt((double)n) < 3.3, "correlation", what, r, 0);
}

// ---- divergences by Monte Carlo

// E log N(v; m, s) - log T(v; df) for v of N(m, s), by the trapezoid rule.
static double kl_normal_student(double m, double s, double df) {
  double sum = 0, step = 1e-3, c = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df * PI) / 2;
  for (double t = -10; t <= 10; t += step) {
    double v = m + s * t, log_f = -t * t / 2 - log(s) - log(2 * PI) / 2, log_g = c - (df + 1) / 2 * log1p(v * v / df);
    sum += exp(-t * t / 2) / sqrt(2 * PI) * (log_f - log_g) * step;
  }
  return sum;
}

static void test_kl_is_at_a_draw_of_its_own(void **state) {
  Page *p = page_open(
      arena(state),
      "data x from npy(\"x\")\n"
      "prior z ~ student_t(3)\n"
      "encoder q(z | x) { z ~ normal(3 + x, 0.5) }\n"
      "metric by_prior { z ~ prior(z)  kl(q(z | x) || prior(z)) }\n"
      "metric by_other { z ~ q(z | x + 5)  kl(q(z | x) || prior(z)) }\n"
      "metric at_draw { z ~ q(z | x)  kl(q(z | x) || prior(z)) - log q(z | x) + log prior(z) }\n"
      "metric at_number { z = 0  kl(q(z | x) || prior(z)) }\n"
      "metric alone = kl(q(z | x) || prior(z))\n"
      "metric once { z ~ q(z | x)  square(kl(q(z | x) || prior(z)) - mean(100) { kl(q(z | x) || prior(z)) }) }\n",
      MANY);
  page_fill(p, "x", 0);
  page_test(p);
  double want = kl_normal_student(3, 0.5, 3), variance = 0;
  static const char *const name[] = {"by_prior", "by_other", "at_number", "alone"};
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    const float *v = page_metric(p, name[i]);
    double mean = page_average(p, name[i]), square = 0;
    for (int64_t k = 0; k < MANY; k++) square += ((double)v[k] - want) * ((double)v[k] - want) / MANY;
    page_check(fabs(mean - want) < 3.3 * sqrt(square / MANY), "divergence", name[i], mean, want);
    variance = square;
  }
  // where z was drawn from q itself, it is that draw
  for (int64_t k = 0; k < MANY; k++) page_near("difference", "at_draw", (double)page_metric(p, "at_draw")[k], 0, 1e-5);
  // in an aggregate the hundred are a hundred draws: the mean of squares is (1 + 1/100) of the variance
  page_near("spread", "once", page_average(p, "once") / variance, 1.01, 0.1);
}

// ---- aggregates

static void test_aggregates_draw_afresh(void **state) {
  Page *p = page_open(
      arena(state),
      "data x[2] from npy(\"x\")\n"
      "net f(v | u) { e ~ normal(0, 1)  v = e + 0 * sum(u) }\n"
      "net g(v | u) { v = gaussian() + 0 * sum(u) }\n"
      "let noise = gaussian()\n"
      "metric once = square(f(x))\n"
      "metric inside { a = f(x)  b = g(x)  square(mean(100) { f(x) }) + square(mean(100) { g(x) }) + 0 * a * b }\n"
      "metric nested = square(mean(20) { mean(5) { f(x) } })\n"
      "metric lets { a = noise  square(mean(100) { noise }) + 0 * a }\n"
      "metric two { a = mean(4) { f(x) }  b = mean(9) { f(x) }  a * b }\n",
      MANY);
  page_fill(p, "x", 1);
  page_test(p);
  page_near("square", "once", page_average(p, "once"), 1, 0.05);
  page_near("squares", "inside", page_average(p, "inside"), 0.02, 1e-3);
  page_near("square", "nested", page_average(p, "nested"), 0.01, 1e-3);
  page_near("square", "lets", page_average(p, "lets"), 0.01, 1e-3);
  page_near("product", "two", page_average(p, "two"), 0, 0.02);
}

// ---- objectives as values

// 256 draws of two numbers, made in turns within the objective, and the same draws as one array.
static void test_an_objective_is_a_value(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "prior z[2] ~ normal(0, 1)\n"
                      "objective score(k, scale: 1) {\n"
                      "  maximize logmeanexp(k) { z ~ prior(z)   0 - sum(square(scale * z - x)) }\n"
                      "}\n"
                      "objective loss { minimize square(score(256)) }\n"
                      "metric turns = -score(256)\n"
                      "metric keyword = score(scale: 2, k: 256)\n"
                      "metric piece { z[256, 2] ~ normal(0, 1)   logmeanexp(-sum(square(z - x), axis: -1)) }\n"
                      "metric double { z[256, 2] ~ normal(0, 1)   logmeanexp(-sum(square(2 * z - x), axis: -1)) }\n"
                      "metric once = score(256) - score(k: 256) + score(3) - score(3, 1)\n"
                      "metric others = square(score(3) - score(4))\n"
                      "metric inner = loss - square(turns_of(score(256)))\n"
                      "metric drawn = square(mean(1) { score(3) } - score(3))\n"
                      "metric looped = square(sum(scan(v in x) { 256 |> score }) - 2 * score(256))\n"
                      "function turns_of(v) = v\n",
                      8);
  for (int i = 0; i < 16; i++) page_column(p, "x")[i] = 0.3f * (float)(i - 8);
  page_test(p);
  for (int i = 0; i < 8; i++) {
    page_check(page_metric(p, "piece")[i] < 0, "value", "piece", (double)page_metric(p, "piece")[i], -1);
    page_near("value", "turns", -(double)page_metric(p, "turns")[i], (double)page_metric(p, "piece")[i], 1e-6);
    page_near("value", "keyword", (double)page_metric(p, "keyword")[i], (double)page_metric(p, "double")[i], 1e-6);
    page_near("difference", "once", (double)page_metric(p, "once")[i], 0, 0);
    page_near("difference", "inner", (double)page_metric(p, "inner")[i], 0, 0);
    page_check(page_metric(p, "others")[i] > 0, "difference", "others", 0, 1);
    page_check(page_metric(p, "drawn")[i] > 0, "difference", "drawn", 0, 1);
    page_check(page_metric(p, "looped")[i] > 0, "difference", "looped", 0, 1);
  }
}

// ---- places of a prior

static void test_a_place_of_a_prior(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "prior z[3] ~ normal([0, 5, 1], 2)\nprior k[2] ~ categorical(logits: [[0, 1, 2], [9, 0, 0]])\n"
                      "metric density { z = [x[0], x[1], 3]   log prior(z[-2]) + log prior(z[[0, 2]]) - log prior(z) }\n"
                      "metric second { z ~ prior(z[1])   z }\n"
                      "metric first { k ~ prior(k[1])   k }\n"
                      "metric middle = quantile(prior(z), 0.5)[1] + quantile(prior(z[2]), 0.5)\n",
                      MANY);
  page_fill(p, "x", 0.7);
  page_test(p);
  for (int i = 0; i < 8; i++) page_near("difference", "density", (double)page_metric(p, "density")[i], 0, 1e-6);
  page_near("mean", "second", page_average(p, "second"), 5, 0.05);
  page_near("mean", "first", page_average(p, "first"), 0, 0.01);
  page_near("quantile", "middle", (double)page_metric(p, "middle")[0], 6, 1e-6);
}

static void test_an_application_is_the_same_outside_and_inside(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "prior z[2] ~ normal(0, 1)\n"
                      "net f(v | u) { v = mean(2) { random() } + 0 * sum(u) }\n"
                      "decoder p(x | z) { x ~ normal(f(z), 1) }\n"
                      "metric m { z ~ prior(z)  mean(3) { f(z) } * f(x) + 0 * log p(x | z) }\n"
                      "metric same { z ~ prior(z)  square(f(z) - f(z)) }\n",
                      MANY);
  page_fill(p, "x", 0);
  page_test(p);
  page_near("product", "m", page_average(p, "m"), 0.25, 0.005);
  page_near("difference", "same", page_average(p, "same"), 0, 0);
}

// ---- the lines of a round

static void test_lines_have_their_own_noise(void **state) {
  Page *p = page_open(
      arena(state),
      "data x[2] from npy(\"x\")\n"
      "parameter c[2] = 1, d[2] = 1\n"
      "objective a { z ~ normal(0, 1)  maximize sum(c * gaussian(x)) + 1e3 * z }\n"
      "objective b { z ~ normal(0, 1)  maximize sum(d * gaussian(x)) + 1e3 * z }\n"
      "train { maximize a over c with sgd(0)  maximize b over d with sgd(0)  maximize a over c with sgd(0) }\n",
      MANY);
  page_train(p);
  int program = p->plan->turn[0].program;
  const float *a = page_output(p, program, "a"), *b = page_output(p, program, "b"),
              *again = page_output(p, program, "a_2");
  // a draw with a name is the same in all lines, a nameless one is each line's own
  page_check(correlation(MANY, a, b, 1) > 0.999, "correlation", "the named draws", correlation(MANY, a, b, 1), 1);
  float *u = NEW_ARRAY(arena(state), float, MANY), *v = NEW_ARRAY(arena(state), float, MANY);
  for (int k = 0; k < MANY; k++) u[k] = a[k] - b[k], v[k] = again[k] - b[k];
  double r = correlation(MANY, u, v, 1);  // (a - b) and (a' - b) share b alone
  page_near("correlation", "nameless draws", r, 0.5, 0.02);
}

static void test_an_optimiser_may_draw(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "optimizer langevin(lr) { value <- value - lr * gradient + gaussian(value) }\n"
                      "parameter c[1000] = 0, d[1000] = 0\n"
                      "objective a { minimize sum(c) + sum(x) }\n"
                      "objective b { minimize sum(d) + sum(x) }\n"
                      "train { minimize a over c with langevin(0)  minimize b over d with langevin(0) }\n",
                      4);
  float first[1000], second[1000];
  page_train(p);
  memcpy(first, page_tensor(p, "c"), sizeof first);
  check_independent("two lines", 1000, first, page_tensor(p, "d"), 1);
  page_near("mean", "the noise", mean_of(1000, first, 1), 0, 0.11);
  p->run.step = 1;
  page_train(p);
  for (int i = 0; i < 1000; i++) second[i] = page_tensor(p, "c")[i] - first[i];
  check_independent("two steps", 1000, first, second, 1);
  check_independent("neighbours", 999, first, first + 1, 1);
}

// ---- shapes and addresses

static void test_shapes_of_nameless_draws(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "function pair(u) = [u[0], u[1]]\n"
                      "metric one { e = 0 * x + gaussian()  square(e[0] - e[1]) }\n"
                      "metric each { e = gaussian(x)  square(e[0] - e[1]) / 2 }\n"
                      "metric both { e = gaussian(x)  e[0] * e[1] }\n"
                      "metric apart { a = gaussian()  b = gaussian()  a * b }\n"
                      "metric flat { e = random(x)  mean(e) }\n",
                      MANY);
  page_fill(p, "x", 0);
  page_test(p);
  page_near("one number", "gaussian()", page_average(p, "one"), 0, 0);
  page_near("variance", "gaussian(x)", page_average(p, "each"), 1, 0.03);
  page_near("product", "gaussian(x)", page_average(p, "both"), 0, 0.025);
  page_near("product", "gaussian() twice", page_average(p, "apart"), 0, 0.025);
  page_near("mean", "random(x)", page_average(p, "flat"), 0.5, 0.005);
  check_independent("metrics", MANY, page_metric(p, "both"), page_metric(p, "apart"), 1);
}

static void test_stages_draw_once_for_each_example(void **state) {
  Page *p = page_open(arena(state),
                      "function noisy(x) = x + gaussian(x)\n"
                      "function shaken(x) = x + gaussian()\n"
                      "data x[2] from npy(\"x\") |> noisy |> shaken\n"
                      "metric left = x[0]\n"
                      "metric right = x[1]\n",
                      MANY);
  page_fill(p, "x", 0);
  page_test(p);
  float *left = NEW_ARRAY(arena(state), float, MANY);
  memcpy(left, page_metric(p, "left"), MANY * sizeof *left);
  double r = correlation(MANY, left, page_metric(p, "right"), 1);
  page_near("correlation", "two places of an example", r, 0.5, 0.02);  // one number of two is shared
  p->run.step = 7;
  page_test(p);
  assert_memory_equal(left, page_metric(p, "left"), MANY * sizeof *left);
}

static void test_initial_values_draw_at_each_place(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "parameter c[1000] = gaussian(), d[1000] = random() - 0.5\n"
                      "metric m = sum(c) + sum(d) + sum(x)\n"
                      "objective o { minimize sum(c) + sum(d) + sum(x) }\n"
                      "train { minimize o over c, d with sgd(0) }\n",
                      4);
  page_near("mean", "gaussian()", mean_of(1000, page_tensor(p, "c"), 1), 0, 0.11);
  check_independent("neighbours", 999, page_tensor(p, "c"), page_tensor(p, "c") + 1, 1);
  check_independent("two tensors", 1000, page_tensor(p, "c"), page_tensor(p, "d"), 1);
}

// ---- networks with several outputs

static double log_normal(double x, double m, double s) {
  return -(x - m) * (x - m) / (2 * s * s) - log(s) - log(2 * PI) / 2;
}

// What a distribution's own sample draws by name, it draws for each place, copy and turn of an aggregate.
static void test_a_sample_draws_for_each_place(void **state) {
  static const char *const draw[] = {
      "z[3] ~ named(0)", "z[3] ~ named(zeros(3))", "z[3] ~ called(0)", "z[3] ~ asked(0)",
      "z[3] ~ other(0)", "z[3] ~ nested(0)",       "z[3] ~ mixed(0)",  "v[3, 2] ~ vectors([0, 0])   z = v[.., 1]",
      "z[3] ~ twelve(0)"};
  for (size_t i = 0; i < sizeof draw / sizeof *draw; i++) {
    Page *p = page_format(
        arena(state), MANY,
        "data x from npy(\"x\")\n"
        "function noise() { u ~ uniform(0, 1)   u }\n"
        "distribution named(m) on real { sample { u ~ uniform(0, 1)   m + u }   log(x) = 0 * x }\n"
        "distribution called(m) on real { sample = m + noise()   log(x) = 0 * x }\n"
        "distribution asked(m) on real { sample = m + draw uniform(0, 1)   log(x) = 0 * x }\n"
        "distribution other(m) on real { sample = uniform(m, m + 1)   log(x) = 0 * x }\n"
        "distribution nested(m) on real { sample { u ~ named(m)   u }   log(x) = 0 * x }\n"
        "distribution mixed(m) on real { mixture(k in 0 .. 1) { named(m + k) } }\n"
        "distribution vectors(m[2]) on real[2] { sample { u ~ uniform(0, 1)   m + u }   log(x) = 0 * sum(x) }\n"
        "distribution twelve(m) on real { sample = m + 0.5 + (sum(12) { random() } - 6) / sqrt(12)   log(x) = 0 * x }\n"
        "metric mean { %s   sqrt(12) * (z[0] - 0.5) }\n"
        "metric variance { %s   12 * square(z[0] - 0.5) - 1 }\n"
        "metric product { %s   12 * (z[0] - 0.5) * (z[1] + z[2] - 1) / sqrt(2) }\n"
        "metric within { v[3, 2] ~ vectors([0, 0])   norm(v[.., 0] - v[.., 1]) }\n",
        draw[i], draw[i], draw[i]);
    page_fill(p, "x", 0);
    page_test(p);
    // of scale 1, but for the variance, whose scale is sqrt(2) at most
    page_near("mean", draw[i], page_average(p, "mean"), 0, 3.3 / sqrt(MANY));
    page_near("variance", draw[i], page_average(p, "variance"), 0, 3.3 * sqrt(2) / sqrt(MANY));
    page_near("product", draw[i], page_average(p, "product"), 0, 3.3 / sqrt(MANY));
    page_near("difference", "of the numbers of a vector", page_average(p, "within"), 0, 0);
  }
}

static void test_several_outputs_are_a_joint_density(void **state) {
  Page *p = page_open(arena(state),
                      "data a, b[2], y : class(2) from npy(\"a\", \"b\", \"y\")\n"
                      "net p(a, b, y | z) { a ~ normal(z, 2)  b ~ normal(-z, 0.5)  y ~ bernoulli(logits: z) }\n"
                      "metric joint = log p(a, b, y | 0.5)\n"
                      "metric moments { u, v[2], w ~ p(a, b, y | 0.5)  u * u + sum(v) + w }\n"
                      "metric means { m, n, o = mean p(a, b, y | 0.5)  m + sum(n) + o }\n"
                      "metric draws { u, v, w = draw p(a, b, y | 0.5)  square(v[0] - v[1]) + 0 * u * w }\n",
                      MANY);
  for (int64_t i = 0; i < MANY; i++) {
    page_column(p, "a")[i] = (float)(i % 7);
    page_column(p, "b")[2 * i] = 0.25f, page_column(p, "b")[2 * i + 1] = -1;
    page_column(p, "y")[i] = (float)(i % 2);
  }
  page_test(p);
  double one = 1 / (1 + exp(-0.5));
  for (int64_t i = 0; i < 14; i++) {
    double want = log_normal((double)(i % 7), 0.5, 2) + log_normal(0.25, -0.5, 0.5) + log_normal(-1, -0.5, 0.5) +
                  log(i % 2 ? one : 1 - one);
    page_near("density", "joint", (double)page_metric(p, "joint")[i], want, 1e-6);
  }
  page_near("mean", "moments", page_average(p, "moments"), 4.25 - 1 + one, 0.15);
  page_near("mean", "means", (double)page_metric(p, "means")[0], 0.5 - 1 + one, 1e-6);
  page_near("variance", "draws", page_average(p, "draws"), 0.5, 0.02);
}

static void test_a_list_of_numbers_is_a_vector(void **state) {
  Page *p = page_open(arena(state),
                      "data a, b from npy(\"a\", \"b\")\n"
                      "net f(v | a, b) { v = [a, b] |> dense(3) |> sum }\n"
                      "net g(v | u) { v = dense(u, 3) |> sum }\n"
                      "function second(u) = u[1] + size(u) + rank(u)\n"
                      "metric by_list = f(a, b)\n"
                      "metric by_vector = g([a, b])\n"
                      "metric item = second([a, b])\n"
                      "metric picked = [3, 5, 7][1] + sum([a, b, 1][0 .. 2]) + norm([3, 4])\n"
                      "metric drawn = sum(draw normal([a, b], [1e-6, 1e-6]))\n",
                      2);
  page_column(p, "a")[0] = page_column(p, "a")[1] = 2;
  page_column(p, "b")[0] = page_column(p, "b")[1] = 10;
  page_test(p);
  static const char *const net[] = {"f", "g"}, *const metric[] = {"by_list", "by_vector"};
  for (int k = 0; k < 2; k++) {
    const float *w = page_tensor(p, arena_format(p->arena, "%s/dense_1/W", net[k]));
    const float *c = page_tensor(p, arena_format(p->arena, "%s/dense_1/b", net[k]));
    double want = 0;
    for (int i = 0; i < 3; i++) want += 2 * (double)w[i] + 10 * (double)w[3 + i] + (double)c[i];
    page_near("value", metric[k], (double)page_metric(p, metric[k])[1], want, 1e-5);
  }
  page_near("value", "item", (double)page_metric(p, "item")[0], 10 + 2 + 1, 0);
  page_near("value", "picked", (double)page_metric(p, "picked")[0], 5 + 12 + 5, 1e-6);
  page_near("value", "drawn", (double)page_metric(p, "drawn")[0], 12, 1e-5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_kl_is_at_a_draw_of_its_own, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_aggregates_draw_afresh, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_a_place_of_a_prior, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_an_objective_is_a_value, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_an_application_is_the_same_outside_and_inside, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_lines_have_their_own_noise, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_an_optimiser_may_draw, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_shapes_of_nameless_draws, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_stages_draw_once_for_each_example, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_initial_values_draw_at_each_place, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_a_sample_draws_for_each_place, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_several_outputs_are_a_joint_density, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_a_list_of_numbers_is_a_vector, make_arena, free_arena),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
