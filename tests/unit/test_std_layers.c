// The functions and layers of the standard library, their gradients, and how weights begin.
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

// ---- functions of one number: value and slope

static double relu(double x) { return fmax(x, 0); }
static double leaky_relu(double x) { return x > 0 ? x : 0.2 * x; }
static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double log_sigmoid(double x) { return -softplus(-x); }
static double silu(double x) { return x * sigmoid(x); }
static double elu(double x) { return x > 0 ? x : exp(x) - 1; }
static double gelu(double x) { return x * erfc(-x / sqrt(2)) / 2; }
static double soft_clip(double x) { return 8 * tanh(x / 8); }
static double square(double x) { return x * x; }

static const struct {
  const char *name;
  double (*f)(double);
} functions[] = {{"relu", relu},     {"leaky_relu", leaky_relu},   {"sigmoid", sigmoid}, {"softplus", softplus},
                 {"silu", silu},     {"log_sigmoid", log_sigmoid}, {"elu", elu},         {"gelu", gelu},
                 {"square", square}, {"soft_clip", soft_clip}};

static const double points[] = {-1e4, -300, -88, -20, -5, -1.3, -0.2, -1e-3, 1e-3, 0.4, 2, 9, 30, 100, 1e4};
enum { POINTS = sizeof points / sizeof *points };

static void activations(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    Arena *a = arena_open(NULL);
    const char *name = functions[i].name;
    Page *page = page_format(
        a, POINTS, "model f  data x from npy(\"\")  metric y = %s(x)  metric slope = grad(%s(x), x)\n", name, name);
    for (int k = 0; k < POINTS; k++) page_column(page, "x")[k] = (float)points[k];
    page_test(page);
    for (int k = 0; k < POINTS; k++) {
      double x = (double)(float)points[k], h = 1e-5 * (1 + fabs(x)), y = functions[i].f(x);
      double slope = (functions[i].f(x + h) - functions[i].f(x - h)) / (2 * h);
      if (fabs(x) < 2 * h) slope = functions[i].f(x > 0 ? 1 : -1) - functions[i].f(0);
      const char *at = arena_format(a, "%s(%g)", name, x);
      page_near("value", at, (double)page_metric(page, "y")[k], y, 2e-6);
      if (fabs(x) > 0.01) page_near("slope", at, (double)page_metric(page, "slope")[k], slope, 1e-4);
      assert_true(isfinite(page_metric(page, "slope")[k]));
    }
    arena_close(a);
  }
}

// ---- functions of a vector

enum { WIDTH = 4, CASES = 5 };
static const double vectors[CASES][WIDTH] = {
    {0, 0, 0, 0}, {1, -2, 0.5, 3}, {1e4, -1e4, 0, 9999}, {-1e4, -1e4, -1e4, -9999}, {88, 89, -300, 1e4}};

static double exact_logsumexp(const double *x) {
  double top = x[0], sum = 0;
  for (int i = 1; i < WIDTH; i++) top = fmax(top, x[i]);
  for (int i = 0; i < WIDTH; i++) sum += exp(x[i] - top);
  return top + log(sum);
}

static void softmaxes(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page =
      page_open(a,
                "model s  data x[4], one[4] from npy(\"\", \"\")\n"
                "metric total = logsumexp(x)  metric middle = logmeanexp(x)\n"
                "metric share = sum(one * softmax(x))  metric log_share = sum(one * log_softmax(x))\n"
                "metric d_total = sum(one * grad(logsumexp(x), x))\n"
                "metric d_share = grad(softmax(x)[0], x)[1]  metric length = norm(x) metric across = dot(x, one)\n"
                "metric usual = average(x)\n",
                CASES * WIDTH);
  for (int i = 0; i < CASES * WIDTH; i++) {
    for (int k = 0; k < WIDTH; k++) {
      page_column(page, "x")[WIDTH * i + k] = (float)vectors[i / WIDTH][k];
      page_column(page, "one")[WIDTH * i + k] = k == i % WIDTH;
    }
  }
  page_test(page);
  for (int i = 0; i < CASES * WIDTH; i++) {
    const double *x = vectors[i / WIDTH];
    const char *name = arena_format(a, "vector %d, place %d", i / WIDTH, i % WIDTH);
    double total = exact_logsumexp(x), share = exp(x[i % WIDTH] - total), length = 0, sum = 0;
    for (int k = 0; k < WIDTH; k++) length += x[k] * x[k], sum += x[k];
    page_near("logsumexp", name, (double)page_metric(page, "total")[i], total, 1e-6);
    page_near("logmeanexp", name, (double)page_metric(page, "middle")[i], total - log(WIDTH), 1e-6);
    page_near("softmax", name, (double)page_metric(page, "share")[i], share, 1e-6);
    page_near("log_softmax", name, (double)page_metric(page, "log_share")[i], x[i % WIDTH] - total, 1e-6);
    page_near("gradient of logsumexp", name, (double)page_metric(page, "d_total")[i], share, 1e-6);
    page_near("gradient of softmax", name, (double)page_metric(page, "d_share")[i], -exp(x[0] + x[1] - 2 * total),
              1e-6);
    page_near("norm", name, (double)page_metric(page, "length")[i], sqrt(length), 1e-6);
    page_near("dot", name, (double)page_metric(page, "across")[i], x[i % WIDTH], 1e-6);
    page_near("average", name, (double)page_metric(page, "usual")[i], sum / WIDTH, 1e-6);
  }
  arena_close(a);
}

// Vectors whose squares are too large or too small for a float, and the one without a direction; the slope is that of a
// penalty on the norm, which needs the gradient's gradient to be finite too.
static void norms(void **state) {
  (void)state;
  static const double vector[][3] = {{3e38 / 4, 1e38, 0}, {-3e25, 4e25, 1}, {3e-30, 4e-30, 0},
                                     {3e-38, 0, 0},       {0, 0, 0},        {0, -5e-20, 12e-20}};
  enum { NORMS = sizeof vector / sizeof *vector };
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model n  data x[3], one[3] from npy(\"\", \"\")  metric length = norm(x)\n"
                         "metric slope = sum(one * grad(norm(x), x))\n"
                         "metric again = sum(one * grad(square(norm(grad(sum(square(x)), x)) - 1), x))\n",
                         3 * NORMS);
  for (int i = 0; i < 9 * NORMS; i++) {
    page_column(page, "x")[i] = (float)vector[i / 9][i % 3];
    page_column(page, "one")[i] = i % 3 == i / 3 % 3;
  }
  page_test(page);
  for (int i = 0; i < 3 * NORMS; i++) {
    const double *x = vector[i / 3], length = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
    const char *name = arena_format(a, "norm, vector %d, place %d", i / 3, i % 3);
    double got = (double)page_metric(page, "length")[i], slope = length > 0 ? x[i % 3] / length : 0;
    page_check(fabs(got - length) <= 3e-7 * length, "length", name, got, length);
    page_near("slope", name, (double)page_metric(page, "slope")[i], slope, 3e-7);
    if (length < 1e3)
      page_near("of a penalty", name, (double)page_metric(page, "again")[i], 4 * (2 * length - 1) * slope, 1e-6);
  }
  arena_close(a);
}

// Between two unit vectors the walk turns evenly: its angle from the first is t times the whole.
static void walks(void **state) {
  (void)state;
  enum { STEPS = 11 };
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model w  data a[3], b[3], t from npy(\"\", \"\", \"\")\n"
                         "metric x = slerp(a, b, t)[0]  metric y = slerp(a, b, t)[1]  metric z = slerp(a, b, t)[2]\n",
                         STEPS);
  static const double pairs[][6] = {
      {1, 0, 0, 0, 1, 0}, {1, 0, 0, 0.6, 0.8, 0}, {0, 0, 1, 0.6, 0, -0.8}, {2, 0, 0, 2, 0, 0}, {0, 3, 0, 0, 0, 3}};
  for (int p = 0; p < 5; p++) {
    for (int i = 0; i < STEPS; i++) {
      for (int k = 0; k < 3; k++) page_column(page, "a")[3 * i + k] = (float)pairs[p][k];
      for (int k = 0; k < 3; k++) page_column(page, "b")[3 * i + k] = (float)pairs[p][3 + k];
      page_column(page, "t")[i] = (float)i / (STEPS - 1);
    }
    page_test(page);
    double length = sqrt(square(pairs[p][0]) + square(pairs[p][1]) + square(pairs[p][2])), along = 0;
    for (int k = 0; k < 3; k++) along += pairs[p][k] * pairs[p][3 + k] / (length * length);
    for (int i = 0; i < STEPS; i++) {
      double x = (double)page_metric(page, "x")[i], y = (double)page_metric(page, "y")[i],
             z = (double)page_metric(page, "z")[i];
      double dot = (x * pairs[p][0] + y * pairs[p][1] + z * pairs[p][2]) / (length * length),
             t = (double)i / (STEPS - 1);
      const char *name = arena_format(a, "slerp, pair %d at %g", p, t);
      page_near("length", name, sqrt(x * x + y * y + z * z), length, 1e-5);
      page_near("cosine", name, dot, cos(t * acos(along)), 1e-5);
    }
  }
  arena_close(a);
}

// ---- layers: what a net made of one of them gives, seen through a probe that picks one of its outputs

enum { BATCH = 64 };

static Page *layer_page(Arena *a, const char *layer) {
  return page_format(a, 0,
                     "model l  data x[4], probe[4] from npy(\"\", \"\")  net f(v | x) { v = %s }\n"
                     "metric seen = sum(probe * f(x))  objective o { minimize sum(probe * f(x)) }\n"
                     "train { minimize o over f with sgd(0)  batch 64 }\n",
                     layer);
}

static void fill_layer(Page *page) {
  for (int i = 0; i < BATCH * WIDTH; i++) page_column(page, "x")[i] = (float)(3 * sin(i) + i % WIDTH);
}

// Outputs [BATCH][WIDTH] of the layer, in training or when measured.
static void layer_values(Page *page, bool training, double *out) {
  for (int k = 0; k < WIDTH; k++) {
    for (int i = 0; i < BATCH * WIDTH; i++) page_column(page, "probe")[i] = i % WIDTH == k;
    int program = training ? page->plan->turn[0].program : page->plan->test;
    page_run(page, program, training ? PURPOSE_TRAIN : PURPOSE_TEST);
    for (int i = 0; i < BATCH; i++) out[WIDTH * i + k] = (double)page_output(page, program, training ? "o" : "seen")[i];
  }
}

static void layer_norm(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = layer_page(a, "layer_norm(x)");
  double out[BATCH * WIDTH];
  fill_layer(page);
  for (int k = 0; k < WIDTH; k++) {
    page_near("first gain", "layer_norm", (double)page_tensor(page, "f/layer_norm_1/gain")[k], 1, 0);
    page_near("first bias", "layer_norm", (double)page_tensor(page, "f/layer_norm_1/bias")[k], 0, 0);
    page_tensor(page, "f/layer_norm_1/gain")[k] = (float)(1 + k);
    page_tensor(page, "f/layer_norm_1/bias")[k] = (float)(0.5 - k);
  }
  for (int training = 0; training < 2; training++) {
    layer_values(page, training, out);
    for (int i = 0; i < BATCH; i++) {
      const float *x = page_column(page, "x") + WIDTH * i;
      double mean = 0, variance = 0;
      for (int k = 0; k < WIDTH; k++) mean += (double)x[k] / WIDTH;
      for (int k = 0; k < WIDTH; k++) variance += square((double)x[k] - mean) / WIDTH;
      for (int k = 0; k < WIDTH; k++) {
        double want = ((double)x[k] - mean) / sqrt(variance + 1e-5) * (1 + k) + 0.5 - k;
        page_near("value", "layer_norm", out[WIDTH * i + k], want, 1e-5);
      }
    }
  }
  arena_close(a);
}

static void batch_norm(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = layer_page(a, "batch_norm(x)");
  double out[BATCH * WIDTH], mean[WIDTH] = {0}, variance[WIDTH] = {0};
  fill_layer(page);
  const float *x = page_column(page, "x");
  for (int i = 0; i < BATCH * WIDTH; i++) mean[i % WIDTH] += (double)x[i] / BATCH;
  for (int i = 0; i < BATCH * WIDTH; i++) variance[i % WIDTH] += square((double)x[i] - mean[i % WIDTH]) / BATCH;
  float *gain = page_tensor(page, "f/batch_norm_1/gain"), *bias = page_tensor(page, "f/batch_norm_1/bias");
  for (int k = 0; k < WIDTH; k++) gain[k] = (float)(2 - k), bias[k] = (float)k;
  layer_values(page, true, out);  // WIDTH updates of the running statistics
  for (int i = 0; i < BATCH * WIDTH; i++) {
    int k = i % WIDTH;
    page_near("value in training", "batch_norm", out[i],
              ((double)x[i] - mean[k]) / sqrt(variance[k] + 1e-5) * (2 - k) + k, 1e-5);
  }
  const float *running_mean = page_tensor(page, "f/batch_norm_1/running_mean");
  const float *running_variance = page_tensor(page, "f/batch_norm_1/running_variance");
  double kept = pow(0.9, WIDTH);
  for (int k = 0; k < WIDTH; k++) {
    page_near("running mean", "batch_norm", (double)running_mean[k], (1 - kept) * mean[k], 1e-5);
    page_near("running variance", "batch_norm", (double)running_variance[k],
              kept + (1 - kept) * variance[k] * BATCH / (BATCH - 1), 1e-5);
  }
  layer_values(page, false, out);  // which measuring uses, and leaves alone
  for (int i = 0; i < BATCH * WIDTH; i++) {
    int k = i % WIDTH;
    double want = ((double)x[i] - (1 - kept) * mean[k]) /
                      sqrt(kept + (1 - kept) * variance[k] * BATCH / (BATCH - 1) + 1e-5) * (2 - k) +
                  k;
    page_near("value when measured", "batch_norm", out[i], want, 1e-5);
    page_near("running mean after measuring", "batch_norm", (double)running_mean[k], (1 - kept) * mean[k], 1e-5);
  }
  arena_close(a);
}

static void dropout(void **state) {
  (void)state;
  enum { EXAMPLES = 400, NUMBERS = 250 };
  Arena *a = arena_open(NULL);
  Page *page = page_open(
      a,
      "model d  data x[250], probe[250] from npy(\"\", \"\")  net f(v | x) { v = dropout(x + shift(x), rate: 0.3) }\n"
      "block shift(x) { weight b = 0  b }\n"
      "metric seen = sum(dropped(x) - x)  net dropped(v | x) { v = dropout(x, rate: 0.3) }\n"
      "objective o { minimize sum(probe * f(x)) }  objective all { minimize sum(f(x)) }\n"
      "train { minimize o over f with sgd(0)  minimize all over f with sgd(0)  batch 400 }\n",
      0);
  page_fill(page, "x", 2);
  page_fill(page, "probe", 0);
  for (int i = 0; i < EXAMPLES; i++) page_column(page, "probe")[NUMBERS * i + i % NUMBERS] = 1;
  int zeros = 0, again = 0;
  page_train(page);
  float first[EXAMPLES];
  memcpy(first, page_output(page, page->plan->turn[0].program, "o"), sizeof first);
  const float *all = page_output(page, page->plan->turn[0].program, "all");
  double mean = 0, n = (double)EXAMPLES * NUMBERS;
  for (int i = 0; i < EXAMPLES; i++) {
    page_check(first[i] == 0 || fabsf(first[i] - 2 / 0.7f) < 1e-6f, "a value", "dropout", (double)first[i], 2 / 0.7);
    zeros += first[i] == 0;
    mean += (double)all[i] / n;
  }
  page_check(fabs(mean - 2) < 4 * 2 * sqrt(0.3 / 0.7 / n), "mean", "dropout", mean, 2);
  page_check(abs(zeros - 120) < 4 * 9.2, "dropped of 400", "dropout", zeros, 120);  // deviation sqrt(400 * 0.3 * 0.7)
  page->run.step = 1;
  page_train(page);
  for (int i = 0; i < EXAMPLES; i++) again += page_output(page, page->plan->turn[0].program, "o")[i] == first[i];
  page_check(abs(again - 232) < 4 * 10, "the same at another step, of 400", "dropout", again, 232);  // 0.3^2 + 0.7^2
  page_test(page);
  for (int i = 0; i < EXAMPLES; i++)
    page_near("change when measured", "dropout", (double)page_metric(page, "seen")[i], 0, 0);
  arena_close(a);
}

// ---- how weights begin

static void check_beginning(Page *page, const char *tensor, double deviation, double bound) {
  const float *w = page_tensor(page, tensor);
  int64_t n = 0;
  for (int i = 0; i < page->plan->tensors; i++)
    if (page_tensor(page, page->plan->tensor[i].name) == w) n = page->plan->tensor[i].count;
  double mean = 0, variance = 0, most = 0;
  for (int64_t i = 0; i < n; i++) mean += (double)w[i] / (double)n, most = fmax(most, fabs((double)w[i]));
  for (int64_t i = 0; i < n; i++) variance += square((double)w[i] - mean) / (double)n;
  page_check(fabs(mean) < 4 * deviation / sqrt((double)n), "mean", tensor, mean, 0);
  page_near("deviation", tensor, sqrt(variance), deviation, 0.02 * deviation / (1 + deviation) + 2 / (double)n);
  if (bound > 0) page_check(most <= bound && most > bound * (1 - 20 / (double)n), "largest", tensor, most, bound);
}

static void initialisers(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model i  data x[300] from npy(\"\")\n"
                         "net f(v | x) { v = x |> dense(500) |> dense(400, init: glorot) |> dense(300, init: he) |> "
                         "linear(200, init: small)\n"
                         "                    |> linear(100) }\n"
                         "objective o { minimize sum(f(x)) }  train { minimize o over f with sgd(0)  batch 2 }\n",
                         0);
  double glorot = sqrt(6.0 / 900);
  check_beginning(page, "f/dense_1/W", 1 / sqrt(300) / sqrt(3), 1 / sqrt(300));
  check_beginning(page, "f/dense_1/b", 1 / sqrt(300) / sqrt(3), 1 / sqrt(300));
  check_beginning(page, "f/dense_2/W", glorot / sqrt(3), glorot);
  check_beginning(page, "f/dense_3/W", sqrt(2.0 / 400), 0);
  check_beginning(page, "f/linear_1/W", 0.02, 0);
  check_beginning(page, "f/linear_2/W", 1 / sqrt(200) / sqrt(3), 1 / sqrt(200));
  float first[100], *w = page_tensor(page, "f/dense_1/W");
  memcpy(first, w, sizeof first);
  page_init(page);
  assert_memory_equal(first, w, sizeof first);
  page->run.seed = 2;
  page_init(page);
  int same = 0;
  for (int i = 0; i < 100; i++) same += first[i] == w[i];
  assert_in_range(same, 0, 2);
  arena_close(a);
}

// ---- matrices

// A = L L' with L = [2; 1 3; -1 2 2]: the determinant is 144, and the inverse has the cofactors
// [65; -28 32; 30 -24 36] over that. For the second example A is four times as large and b twice.
static void matrices(void **state) {
  (void)state;
  static const struct {
    const char *expression;
    double want[2];
  } lines[] = {
      {"logdet(a)", {4.969813299576001, 9.128696382935673}},  // log 144 + 3 log 4
      {"logdet([a, 4 * a])[1]", {9.128696382935673, 13.287579466295345}},
      {"sum(diagonal(a))", {23, 92}},
      {"sum(grad(dot(diagonal(a), b), a)[1])", {2, 4}},
      {"sum(diagonal([a, a])[1])", {23, 92}},                    //
      {"sum(cholesky(a))", {9, 18}},                             // 2 + 1 + 3 - 1 + 2 + 2
      {"sum(cholesky(a)[0])", {2, 4}},                           // above the diagonal are zeros
      {"sum(square(solve(cholesky(a), b)))", {2.0625, 2.0625}},  // b' A^-1 b = 297 / 144
      {"dot(b, solve(cholesky(a), solve(cholesky(a), b), transposed: true))", {2.0625, 2.0625}},
      {"sum(solve(cholesky(a), expand(b)))", {2.25, 2.25}},                  // 1/2, 1/2, 5/4
      {"sum(solve(cholesky([a, 4 * a]), [b, b]))", {3.375, 3.375}},          // and half of it
      {"sum(solve(cholesky([[4, 0], [2, 10]]), b[0 .. 2]))", {1, 2}},        // one matrix for all examples
      {"sum(grad(logdet(a), a))", {0.6180555555555556, 0.1545138888888889}}  // all of A^-1: 89 / 144
  };
  static const float matrix[9] = {4, 7, 7, 2, 10, 7, -2, 5, 9};  // what is above the diagonal is not read
  enum { LINES = sizeof lines / sizeof *lines };
  Arena *a = arena_open(NULL);
  Text t = text_new(a);
  text_add(&t, "model m  data a[3, 3], b[3] from npy(\"\", \"\")\n");
  for (int i = 0; i < LINES; i++) text_add(&t, "metric y%d = %s\n", i, lines[i].expression);
  Page *page = page_open(a, t.data, 2);
  for (int k = 0; k < 9; k++) page_column(page, "a")[k] = matrix[k], page_column(page, "a")[9 + k] = 4 * matrix[k];
  for (int k = 0; k < 3; k++)
    page_column(page, "b")[k] = (float)k + 1, page_column(page, "b")[3 + k] = 2 * (float)k + 2;
  page_test(page);
  for (int i = 0; i < LINES; i++)
    for (int k = 0; k < 2; k++)
      page_near("value", lines[i].expression, (double)page_metric(page, arena_format(a, "y%d", i))[k], lines[i].want[k],
                2e-6);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(activations), cmocka_unit_test(softmaxes),    cmocka_unit_test(norms),
      cmocka_unit_test(matrices),
      cmocka_unit_test(walks),       cmocka_unit_test(layer_norm),   cmocka_unit_test(batch_norm),
      cmocka_unit_test(dropout),     cmocka_unit_test(initialisers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
