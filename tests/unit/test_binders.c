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

static double own_slopes(int b) {
  double s = 0;
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < D; k++) s += 4 * i * i * x[b][k] * x[b][k];
  return s;
}

static double slopes_of_pairs(int b) {
  double s = 0;
  for (int o = 0; o < B; o++)
    for (int k = 0; k < D; k++) s += (k + 1) * -2 * (x[b][k] - x[o][k]) * exp(-squared_distance(b, o)) / B;
  return s;
}

// Of u . x^2 by each row u itself, and by x.
static double slopes_of_rows(int b) {
  double s = 0;
  for (int r = 0; r < ROWS; r++)
    for (int k = 0; k < D; k++) s += x[b][k] * x[b][k] * (k + 1) + pow(2 * table[r * D + k] * x[b][k], 2);
  return s;
}

static double mixed_slopes(int b) {
  double s = 0;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 2; j++)
      for (int k = 0; k < D; k++) s += pow((i + 2 * j) * cos(x[b][k]), 2);
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
    {"sum(i in 0 .. 4) { sum(square(grad(i * sum(x * x), x))) }", own_slopes},
    {"sum([1, 2, 3] * mean(o in batch) { grad(exp(-sum(square(x - stop(o.x)))), x) })", slopes_of_pairs},
    {"sum(u in table) { y = sum(u * x * x)  sum([1, 2, 3] * grad(y, u)) + sum(square(grad(y, x))) }", slopes_of_rows},
    {"sum(i in 0 .. 3) { sum(j in 0 .. 2) { sum(square(grad((i + 2 * j) * sum(sin(x)), x))) } }", mixed_slopes},
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

// ---- what models are made of: each measure by sums over the batch, and its gradient by differences of these sums

enum { HIDDEN = 4, N = B };

// Weights, [inputs][outputs] and [outputs], of a layer.
typedef struct {
  double W[D][HIDDEN], b[HIDDEN];
} Layer;

static Layer layer_of(Page *p, const char *net) {
  Layer l;
  const double *W = tensor_in_double(p, arena_format(p->arena, "%s/dense_1/W", net), D * HIDDEN);
  const double *b = tensor_in_double(p, arena_format(p->arena, "%s/dense_1/b", net), HIDDEN);
  memcpy(l.W, W, sizeof l.W);
  memcpy(l.b, b, sizeof l.b);
  return l;
}

static double unit(const Layer *l, int b, int k) {
  double a = l->b[k];
  for (int i = 0; i < D; i++) a += x[b][i] * l->W[i][k];
  return a;
}

// The squared slopes of all units by all inputs, for h = sigmoid(x W + b) (Rifai et al. 2011).
static double contraction(const Layer *l) {
  double s = 0;
  for (int b = 0; b < N; b++)
    for (int k = 0; k < HIDDEN; k++) {
      double h = 1 / (1 + exp(-unit(l, b, k))), slope = h * (1 - h);
      for (int i = 0; i < D; i++) s += slope * slope * l->W[i][k] * l->W[i][k] / N;
    }
  return s;
}

// The expectation of (y - x_0)^3 over classes with logits x W + b.
static double class_latent(const Layer *l) {
  double s = 0;
  for (int b = 0; b < N; b++) {
    double v[HIDDEN];
    for (int k = 0; k < HIDDEN; k++) v[k] = unit(l, b, k);
    for (int k = 0; k < HIDDEN; k++) s += exp(v[k] - logsumexp(HIDDEN, v)) * pow(k - x[b][0], 3) / N;
  }
  return s;
}

// log p(x) with the class summed out: of normal(y, 1) for x_1.
static double class_evidence(const Layer *l) {
  double s = 0;
  for (int b = 0; b < N; b++) {
    double v[HIDDEN], joint[HIDDEN];
    for (int k = 0; k < HIDDEN; k++) v[k] = unit(l, b, k);
    for (int k = 0; k < HIDDEN; k++) joint[k] = v[k] - logsumexp(HIDDEN, v) + normal_log(x[b][1], k, 1);
    s += logsumexp(HIDDEN, joint) / N;
  }
  return s;
}

// log q(z) of the batch, q(z | x) = normal(x W + b, 1) at z = 3 (x_0, x_1, x_2, x_0); and the sum of log q(z_j).
static double total_correlation(const Layer *l, bool joint) {
  double s = 0;
  for (int b = 0; b < N; b++) {
    double each[HIDDEN][N], whole[N] = {0};
    for (int o = 0; o < N; o++)
      for (int k = 0; k < HIDDEN; k++) whole[o] += each[k][o] = normal_log(3 * x[b][k % D], unit(l, o, k), 1);
    s += joint ? logmeanexp(N, whole) / N : 0;
    for (int k = 0; k < HIDDEN && !joint; k++) s += logmeanexp(N, each[k]) / N;
  }
  return s;
}

static double joint_density(const Layer *l) { return total_correlation(l, true); }
static double apart_densities(const Layer *l) { return total_correlation(l, false); }

// The kernel distance without bias (Gretton et al. 2012) between the units and 2 (x_0, x_1, x_2, x_0).
static double kernel(int n, const double *a, const double *b) {
  double d = 0;
  for (int i = 0; i < n; i++) d += (a[i] - b[i]) * (a[i] - b[i]);
  return 8 / (8 + d);
}

static double discrepancy(const Layer *l) {
  double a[N][HIDDEN], b[N][HIDDEN], s = 0;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < HIDDEN; k++) a[i][k] = unit(l, i, k), b[i][k] = 2 * x[i][k % D];
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      if (i != j) s += (kernel(HIDDEN, a[i], a[j]) + kernel(HIDDEN, b[i], b[j])) / (N * (N - 1));
      s -= 2 * kernel(HIDDEN, a[i], b[j]) / (N * N);
    }
  return s;
}

// The mean over all pairs of (u_i - u_j)^2, which is twice the variance of u.
static double twice_variance(const Layer *l) {
  double mean = 0, square = 0;
  for (int b = 0; b < N; b++) mean += unit(l, b, 0) / N, square += unit(l, b, 0) * unit(l, b, 0) / N;
  return 2 * (square - mean * mean);
}

// The density of z = 3 (x_0, x_1, x_2, x_0) under the mean of q(z | u) over the rows u of a table, the data as it
// happens (Tomczak and Welling 2018).
static double rows_as_prior(const Layer *l) { return joint_density(l); }

// The products of the slopes of all units by x_0 and x_1, for h = tanh(x W + b).
static double second_slopes(const Layer *l) {
  double s = 0;
  for (int b = 0; b < N; b++)
    for (int k = 0; k < HIDDEN; k++) {
      double t = tanh(unit(l, b, k)), slope = 1 - t * t;
      s += slope * slope * l->W[0][k] * l->W[1][k] / N;
    }
  return s;
}

static double relativistic(const Layer *l) {
  double mean = 0, s = 0;
  for (int b = 0; b < N; b++) mean += unit(l, b, 1) / N;
  for (int b = 0; b < N; b++) s += -log1p(exp(mean - unit(l, b, 0))) / N;
  return s;
}

static const struct {
  const char *name, *text;
  double (*value)(const Layer *);
} models[] = {
    {"contraction", "h = sigmoid(E(x))  minimize sum(i in 0 .. 4) { sum(square(grad(h[i], x))) }", contraction},
    {"contraction by parts", "h = sigmoid(E(x))  minimize sum(v in h) { sum(square(grad(v, x))) }", contraction},
    {"contraction, stacked", "h = sigmoid(E(x))  minimize sum(square(array(v in h) { grad(v, x) }))", contraction},
    {"slopes", "h = tanh(E(x))  minimize sum(i in 0 .. 4) { g = grad(h[i], x)  g[0] * g[1] }", second_slopes},
    {"class latent", "minimize mean(y ~ categorical(logits: E(x))) { (y - x[0])^3 }", class_latent},
    {"class evidence", "minimize logmeanexp(y ~ categorical(logits: E(x))) { log given_class(x[1] | y) }", class_evidence},
    {"joint density", "minimize logmeanexp(other in batch) { log q(z(x) | other.x) }", joint_density},
    {"densities apart", "minimize sum(logmeanexp(other in batch) { each log q(z(x) | other.x) })", apart_densities},
    {"kernel distance",
     "a = E(x)  b = 2 * z(x) / 3\n"
     "  own = sum(o in batch) { if o == self then 0 else near(a, o.a) + near(b, o.b) } / (batch_size - 1)\n"
     "  minimize own - 2 * mean(o in batch) { near(a, o.b) }",
     discrepancy},
    {"pairs", "u = E(x)[0]  minimize mean(o in batch) { square(u - o.u) }", twice_variance},
    {"pairs of two", "u = E(x)[0]  minimize mean(a in batch) { mean(b in batch) { square(a.u - b.u) } }", twice_variance},
    {"rows", "t = array(o in batch) { o.x }  minimize logmeanexp(u in t) { log q(z(x) | u) }", rows_as_prior},
    {"relativistic", "a = E(x)[0]  b = E(x)[1]  minimize log_sigmoid(a - mean(o in batch) { o.b })", relativistic},
};
enum { MODELS = sizeof models / sizeof *models };

static Page *page_of_model(Arena *a, int i) {
  return page_format(a, B,
                     "data x[3] from npy(\"x\")\n"
                     "net E(h | x) { h = x |> dense(4) }\n"
                     "net q(z | x) { z ~ normal(E(x), 1) }\n"
                     "net given_class(v | y) { v ~ normal(y, 1) }\n"
                     "function z(x) = 3 * concat(x, [x[0]])\n"
                     "function near(a, b) = 8 / (8 + sum(square(a - b)))\n"
                     "objective o { %s }\n"
                     "metric value = o\n"
                     "train { minimize o over E with sgd(1)  batch %d, epochs 1 }\n",
                     models[i].text, B);
}

// The weights that a step of gradient descent at rate 1 leaves.
static void model_is_right(Arena *a, int i) {
  Page *p = page_of_model(a, i);
  fill(p);
  Layer before = layer_of(p, "E");
  page_test(p);
  const PlanProgram *test = &p->plan->program[p->plan->test];
  const float *value = page_metric(p, "value");
  double got = 0;
  for (int b = 0; b < B; b++) got += (double)value[test->output[test->outputs - 1].per_example ? b : 0] / B;
  page_near("value", models[i].name, got, models[i].value(&before), 2e-6);
  page_train(p);
  Layer after = layer_of(p, "E");
  double *from = &before.W[0][0], *to = &after.W[0][0];  // W and then b
  for (int k = 0; k < D * HIDDEN + HIDDEN; k++) {
    const double h = 1e-5, at = from[k];
    from[k] = at + h;
    double up = models[i].value(&before);
    from[k] = at - h;
    double down = models[i].value(&before);
    from[k] = at;
    page_near("gradient", models[i].name, at - to[k], (up - down) / (2 * h), 1e-5);
  }
}

static void models_are_their_sums(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    Arena *a = arena_open(NULL);
    model_is_right(a, i);
    arena_close(a);
  }
}

// A value that cannot be adds nothing, however infinite what it would add is; one that can be adds it. The slopes by
// the probability are those of sums of finite values.
static void what_cannot_be_adds_nothing(void **state) {
  (void)state;
  static const double at[] = {0, 0.25, 1};
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x in [0, 1], c[3] on simplex from npy(\"x\", \"c\")\n"
                      "metric of_log = mean(k ~ bernoulli(x)) { log(k) }\n"
                      "metric of_class = mean(y ~ categorical(c)) { if y == 1 then infinity else -y }\n"
                      "metric of_logits = mean(y ~ categorical(logits: [0, 1000 * x])) { -1 / (y > 0) }\n"
                      "metric second = mean(k ~ bernoulli(x)) { [5, log(1 - k)] }[1]\n"
                      "metric slope = grad(mean(y ~ categorical(c)) { if y == 1 then infinity else 1 }, c)[0]\n"
                      "metric slope_of_class = sum([1, 10, 100] * grad(mean(y ~ categorical(c)) { 3 + 2 * y }, c))\n",
                      3);
  for (int i = 0; i < 3; i++) {
    page_column(p, "x")[i] = page_column(p, "c")[3 * i + 1] = (float)at[i];
    page_column(p, "c")[3 * i] = (float)(1 - at[i]);
  }
  page_test(p);
  for (int i = 0; i < 3; i++) {
    const char *which = arena_format(a, "at %g", at[i]);
    page_check(page_metric(p, "of_log")[i] == (i < 2 ? -INFINITY : 0), "of_log", which,
               (double)page_metric(p, "of_log")[i], i < 2 ? -INFINITY : 0);
    page_check(page_metric(p, "of_class")[i] == (i > 0 ? INFINITY : 0), "of_class", which,
               (double)page_metric(p, "of_class")[i], i > 0 ? INFINITY : 0);
    page_check(page_metric(p, "second")[i] == (i > 0 ? -INFINITY : 0), "second", which,
               (double)page_metric(p, "second")[i], i > 0 ? -INFINITY : 0);
    page_check(page_metric(p, "of_logits")[i] == (i < 1 ? -INFINITY : -1), "of_logits", which,
               (double)page_metric(p, "of_logits")[i], i < 1 ? -INFINITY : -1);
    if (i == 0) page_near("slope", which, (double)page_metric(p, "slope")[i], 1, 1e-6);
    page_near("slope_of_class", which, (double)page_metric(p, "slope_of_class")[i], 753, 1e-4);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_cannot_be_adds_nothing),
                                     cmocka_unit_test(sums_are_those_written_out),
                                     cmocka_unit_test(models_are_their_sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
