// Binders: what aggregates give over ranges, elements, values, and the other examples of a batch, against the same sums
// written out in double precision.
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

enum { B = 6, D = 3, ROWS = 5, CLASSES = 4 };

static double x[B][D];

static void fill(Page *p) {
  for (int b = 0; b < B; b++)
    for (int i = 0; i < D; i++) {
      float value = (float)sin(1 + 2.3 * b + 1.1 * i);
      x[b][i] = (double)value;
      page_column(p, "x")[D * b + i] = value;
    }
}

static const double *tensor_in_double(Page *p, const char *name, int n) {
  double *t = NEW_ARRAY(p->arena, double, n);
  for (int i = 0; i < n; i++) t[i] = (double)page_tensor(p, name)[i];
  return t;
}

static double normal_log(double at, double mean, double scale) {
  double u = (at - mean) / scale;
  return -u * u / 2 - log(scale) - log(2 * acos(-1)) / 2;
}

static double logsumexp(int n, const double *v) {
  double most = v[0], sum = 0;
  for (int i = 0; i < n; i++) most = fmax(most, v[i]);
  for (int i = 0; i < n; i++) sum += exp(v[i] - most);
  return most + log(sum);
}

static double logmeanexp(int n, const double *v) { return logsumexp(n, v) - log(n); }

static double total(int b) { return x[b][0] + x[b][1] + x[b][2]; }

static double squared_distance(int a, int b) {
  double s = 0;
  for (int i = 0; i < D; i++) s += (x[a][i] - x[b][i]) * (x[a][i] - x[b][i]);
  return s;
}

// ---- each kind of binder, on numbers that are easily written out

static const double *table, *bias;  // [ROWS][D]; of the classes

static double ranges(int b) {
  double s = 0;
  for (int i = 2; i < 7; i++) s += i * total(b);
  return s;
}

static double rows(int b) {
  double v[ROWS];
  for (int r = 0; r < ROWS; r++) {
    v[r] = 0;
    for (int i = 0; i < D; i++) v[r] += table[r * D + i] * x[b][i];
  }
  return logmeanexp(ROWS, v);
}

// The vector's means over rows, weighed by 1, 2, 3.
static double vector_of_rows(int b) {
  double s = 0;
  for (int i = 0; i < D; i++)
    for (int r = 0; r < ROWS; r++) s += (i + 1) * fabs(table[r * D + i] - x[b][i]) / ROWS;
  return s;
}

static double own_elements(int b) { return x[b][0] * exp(x[b][0]) + x[b][1] * exp(x[b][1]) + x[b][2] * exp(x[b][2]); }

static double chosen(int b) { return (1 + 2 + 4.5) / 3 * total(b); }

static double pairs(int b) {
  double s = 0;
  for (int r = 0; r < ROWS; r++) s += r * table[r * D] * x[b][0];
  return s;
}

static double array_in_order(int b) {
  double s = 0;
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < D; k++) s += (i * D + k) * x[b][k] * i;
  return s;
}

static double two_stacks(int b) {
  double s = 0;
  for (int i = 0; i < 4; i++) s += i * i * total(b) + (i + 1) * x[b][i % D];
  return s;
}

static double nested(int b) {
  double outer[ROWS];
  for (int r = 0; r < ROWS; r++) {
    double s = 0;
    for (int i = 0; i < 3; i++) s += (i + 1) * table[r * D + 1] * total(b);
    outer[r] = s / 3;
  }
  return logsumexp(ROWS, outer);
}

static double probability(int b, int y) {
  double v[CLASSES];
  for (int k = 0; k < CLASSES; k++) v[k] = bias[k] + k * total(b) / 4;
  return exp(v[y] - logsumexp(CLASSES, v));
}

static double expected(int b) {
  double s = 0;
  for (int y = 0; y < CLASSES; y++) s += probability(b, y) * (y * y + x[b][0]);
  return s;
}

static double log_expected(int b) {
  double s = 0;
  for (int y = 0; y < CLASSES; y++) s += probability(b, y) * exp(y * total(b));
  return log(s);
}

static double expected_vector(int b) {
  double s = 0;
  for (int y = 0; y < CLASSES; y++)
    for (int i = 0; i < D; i++) s += (i + 1) * probability(b, y) * cos(y * x[b][i]);
  return s;
}

// Of three independent coins with p = sigmoid(x).
static double coins(int b) {
  double s = 0;
  for (int k = 0; k < 8; k++) {
    int bit[D] = {k >> 2 & 1, k >> 1 & 1, k & 1};
    double p = 1;
    for (int i = 0; i < D; i++) p *= bit[i] ? 1 / (1 + exp(-x[b][i])) : 1 / (1 + exp(x[b][i]));
    s += p * (bit[0] + 2 * bit[1]) * (1 + bit[2]);
  }
  return s;
}

static double signs(int b) { return 0.3 * cos(x[b][0] + 1) + 0.7 * cos(x[b][0] - 1); }

static double others(int b) {
  double s = 0;
  for (int o = 0; o < B; o++) s += o == b ? 0 : exp(-squared_distance(b, o));
  return s;
}

static double aggregate_density(int b) {
  double v[B];
  for (int o = 0; o < B; o++) {
    v[o] = 0;
    for (int i = 0; i < D; i++) v[o] += normal_log(x[b][i], 2 * x[o][i], exp(x[o][i]));
  }
  return logmeanexp(B, v);
}

static double marginal_densities(int b) {
  double s = 0;
  for (int i = 0; i < D; i++) {
    double v[B];
    for (int o = 0; o < B; o++) v[o] = normal_log(x[b][i], 2 * x[o][i], exp(x[o][i]));
    s += logmeanexp(B, v);
  }
  return s;
}

static double triples(int b) {
  double s = 0;
  for (int o = 0; o < B; o++)
    for (int t = 0; t < B; t++) s += x[b][0] * x[o][1] * x[t][2] * (o < t);
  return s;
}

static double farthest(int b) {
  double most = 0;
  for (int o = 0; o < B; o++) most = fmax(most, squared_distance(b, o));
  return most;
}

static int after(int b, double i) { return (int)(b + floor(i) - B * floor((b + floor(i)) / B)); }

static double next(int b) { return x[b][0] * x[after(b, 1)][1] + x[after(b, -2)][2] + x[after(b, 2 * B)][0]; }

static double one_each(int b) {
  double s = 0;
  for (int i = 0; i < D; i++) s += (i + 1) * x[after(b, 9 * x[b][i])][i] * x[after(b, i - 7)][i];
  return s;
}

static double one_for_all(int b) { return x[after(b, 4 * total(b))][0] - 2 * x[after(b, 4 * total(b))][2]; }

static double across_others(int b) {
  double s = 0;
  for (int o = 0; o < B; o++) s += x[b][0] * (3 * x[after(o, 1)][1] + x[after(o, 1)][0]) / (B - 1);
  return s;
}

static const struct {
  const char *text;
  double (*want)(int example);
} cases[] = {
    {"sum(i in 2 .. 7) { i * sum(x) }", ranges},
    {"logmeanexp(u in table) { sum(u * x) }", rows},
    {"sum([1, 2, 3] * mean(u in table) { abs(u - x) })", vector_of_rows},
    {"sum(v in x) { v * exp(v) }", own_elements},
    {"mean(i in {1, 2, 4.5}) { i * sum(x) }", chosen},
    {"sum(u in table, i in 0 .. 5) { i * u[0] * x[0] }", pairs},
    {"sum(flatten(array(i in 0 .. 4) { x * i }) * iota(12))", array_in_order},
    {"w2(x)", two_stacks},
    {"logsumexp(u in table) { mean(i in 0 .. 3) { (i + 1) * u[1] * sum(x) } }", nested},
    {"mean(y ~ c(y | x)) { y * y + x[0] }", expected},
    {"logmeanexp(y ~ c(y | x)) { y * sum(x) }", log_expected},
    {"sum([1, 2, 3] * mean(y ~ c(y | x)) { cos(y * x) })", expected_vector},
    {"mean(k ~ bernoulli(logits: x)) { (k[0] + 2 * k[1]) * (1 + k[2]) }", coins},
    {"mean(s ~ sign_of(0.7)) { cos(x[0] - s) }", signs},
    {"sum(other in batch) { if other == self then 0 else exp(-sum(square(x - other.x))) }", others},
    {"logmeanexp(other in batch) { log q(x | other.x) }", aggregate_density},
    {"sum(logmeanexp(other in batch) { -square((x - 2 * other.x) / exp(other.x)) / 2 - other.x - log(2 * pi) / 2 })",
     marginal_densities},
    {"sum(a in batch) { sum(b in batch) { x[0] * a.x[1] * b.x[2] * (a < b) } }", triples},
    {"x[0] * neighbour(x, 1)[1] + neighbour(x[2], -2) + neighbour(x, 12)[0]", next},
    {"sum([1, 2, 3] * neighbour(x, 9 * x) * neighbour(x, iota(3) - 7))", one_each},
    {"sum([1, 0, -2] * neighbour(x, 4 * sum(x)))", one_for_all},
    {"wheel(x)", across_others},
    {"max(o in batch) { sum(square(o.x - x)) }", farthest},
};
enum { CASES = sizeof cases / sizeof *cases };

static void sums_are_those_written_out(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Text t = text_new(a);
  text_add(&t, "%s",
           "data x[3] from npy(\"x\")\n"
           "parameter table[5, 3] ~ normal(0, 1)  parameter bias[4] ~ normal(0, 1)\n"
           "net c(y | x) { y ~ categorical(logits: bias + iota(4) * sum(x) / 4) }\n"
           "net q(z | x) { z ~ normal(2 * x, exp(x)) }\n"
           "distribution sign_of(p) on {-1, 1} { log(s) = log(if s > 0 then p else 1 - p) }\n"
           "function wheel(x) { n = neighbour(x, 1)   sum(o in batch) { x[0] * sum([1, 3, 0] * o.n) } / (batch_size - 1) }\n"
           "function w2(x) { a, b = array(i in 0 .. 4, v in concat(x, [x[0]])) { i * x, v }\n"
           "  sum(a * expand(iota(4))) + sum((iota(4) + 1) * b) }\n");
  for (int i = 0; i < CASES; i++) text_add(&t, "metric m%d = %s\n", i, cases[i].text);
  Page *p = page_open(a, t.data, B);
  fill(p);
  table = tensor_in_double(p, "table", ROWS * D);
  bias = tensor_in_double(p, "bias", CLASSES);
  page_test(p);
  for (int i = 0; i < CASES; i++)
    for (int b = 0; b < B; b++)
      page_near("value", cases[i].text, (double)page_metric(p, arena_format(a, "m%d", i))[b], cases[i].want(b), 2e-6);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_those_written_out)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
