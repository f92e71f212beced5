// Layers of images and series against their definitions as nested loops: convolutions and their adjoints, by weights of
// their own and by weights of each example; windows; norms over images.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

enum { MOST = 400 };

// What a text makes of an image [h, w, c], or of a series where h is 0: [out_h, out_w, out].
typedef struct {
  const char *text;
  int h, w, c, out_h, out_w, out;
  int taps, stride, before_y, before_x, dilation, groups;
  bool back;
  int live;  // of a masked one: so many taps, row by row
} Case;

// clang-format off
static const Case cases[] = {
    {"conv(4, 3)", 5, 4, 2, 5, 4, 4, 3, 1, 1, 1, 1, 1, false, 0},
    {"conv(3, 4)", 5, 4, 1, 5, 4, 3, 4, 1, 1, 1, 1, 1, false, 0},
    {"conv(4, 4, stride: 2)", 6, 7, 2, 3, 4, 4, 4, 2, 1, 1, 1, 1, false, 0},
    {"conv(4, 2, stride: 3)", 5, 7, 2, 2, 3, 4, 2, 3, 0, 0, 1, 1, false, 0},
    {"conv(4, 3, padding: none)", 5, 4, 2, 3, 2, 4, 3, 1, 0, 0, 1, 1, false, 0},
    {"conv(4, 3, padding: 2, stride: 2)", 5, 4, 2, 4, 3, 4, 3, 2, 2, 2, 1, 1, false, 0},
    {"conv(6, 3, groups: 2, dilation: 2)", 5, 4, 4, 5, 4, 6, 3, 1, 2, 2, 2, 2, false, 0},
    {"conv(4, 3, groups: 4)", 5, 4, 4, 5, 4, 4, 3, 1, 1, 1, 1, 4, false, 0},
    {"conv_transpose(3, 4, stride: 2)", 3, 4, 2, 6, 8, 3, 4, 2, 1, 1, 1, 1, true, 0},
    {"conv_transpose(3, 3, stride: 2)", 3, 4, 2, 6, 8, 3, 3, 2, 0, 0, 1, 1, true, 0},
    {"conv_transpose(2, 3, stride: 2, padding: none)", 3, 4, 2, 7, 9, 2, 3, 2, 0, 0, 1, 1, true, 0},
    {"conv_transpose(2, 3, stride: 2, padding: 1)", 3, 4, 2, 5, 7, 2, 3, 2, 1, 1, 1, 1, true, 0},
    {"conv_transpose(4, 3, groups: 2, dilation: 2)", 3, 4, 2, 3, 4, 4, 3, 1, 2, 2, 2, 2, true, 0},
    {"conv_masked(4, taps_before(3, own: 1), 5)", 5, 4, 2, 5, 4, 4, 3, 1, 1, 1, 1, 1, false, 5},
    {"conv_masked(3, taps_before(5), 12, dilation: 2)", 6, 7, 1, 6, 7, 3, 5, 1, 4, 4, 2, 1, false, 12},
    {"conv_masked(3, taps_before(4, own: 1), 6)", 5, 4, 2, 5, 4, 3, 4, 1, 1, 1, 1, 1, false, 6},
    {"conv_masked(4, rows_before(3), 6)", 5, 4, 2, 5, 4, 4, 3, 1, 1, 1, 1, 1, false, 6},
    {"conv1d(3, 3)", 0, 7, 2, 0, 7, 3, 3, 1, 0, 1, 1, 1, false, 0},
    {"conv1d(3, 3, padding: causal, dilation: 2)", 0, 7, 2, 0, 7, 3, 3, 1, 0, 4, 2, 1, false, 0},
    {"conv1d_transpose(2, 4, stride: 2)", 0, 5, 3, 0, 10, 2, 4, 2, 0, 1, 1, 1, true, 0},
};
// clang-format on

// Adds every term y * d of the sum whose derivatives they are: `in` leads to `out` by w, forwards or back.
static void add_terms(const Case *c, const float *in, const float *w, double *out) {
  int h = c->h ? c->h : 1, out_h = c->h ? c->out_h : 1, taps_y = c->h ? c->taps : 1;
  int small_h = c->back ? h : out_h, small_w = c->back ? c->w : c->out_w, high = c->back ? out_h : h;
  int wide = c->back ? c->out_w : c->w, channels = c->back ? c->out : c->c, filters = c->back ? c->c : c->out;
  int each = channels / c->groups, stride_y = c->h ? c->stride : 1;
  for (int i = 0; i < small_h * small_w * filters; i++)
    for (int t = 0; t < taps_y * c->taps * each; t++) {
      int o = i % filters, place = i / filters, tap = t / each;
      if (c->live && tap >= c->live) continue;
      int y = place / small_w * stride_y + tap / c->taps * c->dilation - c->before_y;
      int x = place % small_w * c->stride + tap % c->taps * c->dilation - c->before_x;
      if (y < 0 || y >= high || x < 0 || x >= wide) continue;
      int big = (y * wide + x) * channels + o / (filters / c->groups) * each + t % each;
      out[c->back ? big : i] += (double)in[c->back ? i : big] * (double)w[t * filters + o];
    }
}

static int inputs(const Case *c) { return (c->h ? c->h : 1) * c->w * c->c; }

static int outputs(const Case *c) { return (c->h ? c->out_h : 1) * c->out_w * c->out; }

static const char *shape(Arena *a, int h, int w, int c) {
  return h ? arena_format(a, "%d, %d, %d", h, w, c) : arena_format(a, "%d, %d", w, c);
}

// Each example picks one output of the same input.
static void fill(Page *page, int in, int out) {
  for (int i = 0; i < out; i++) {
    for (int k = 0; k < in; k++) page_column(page, "x")[i * in + k] = (float)sin(1 + 3 * k);
    for (int k = 0; k < out; k++) page_column(page, "probe")[i * out + k] = k == i;
  }
}

static void check_values(Page *page, const char *name, int n, const double *want) {
  page_test(page);
  for (int i = 0; i < n; i++)
    page_near(arena_format(page->arena, "output %d", i), name, (double)page_metric(page, "y")[i], want[i], 2e-6);
}

static void layers(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const Case *c = &cases[k];
    Arena *a = arena_open(NULL);
    int in = inputs(c), out = outputs(c);
    Page *page =
        page_format(a, out,
                    "model l  data x[%d], probe[%d] from npy(\"\", \"\")\n"
                    "net f(v | x) { v = reshape(x, %s) |> %s }\nmetric y = sum(reshape(probe, %s) * f(x))\n",
                    in, out, shape(a, c->h, c->w, c->c), c->text, shape(a, c->h ? c->out_h : 0, c->out_w, c->out));
    const char *block = arena_format(a, "f/%.*s_1", (int)strcspn(c->text, "("), c->text);
    const float *w = page_tensor(page, arena_format(a, "%s/W", block));
    const float *b = page_tensor(page, arena_format(a, "%s/b", block));
    double want[MOST] = {0};
    fill(page, in, out);
    for (int i = 0; i < out; i++) want[i] = (double)b[i % c->out];
    add_terms(c, page_column(page, "x"), w, want);
    check_values(page, c->text, out, want);
    arena_close(a);
  }
}

// What a mask leaves of the first 63 taps is all that is multiplied; weights that may be anything are.
static void live_taps(void **state) {
  (void)state;
  static const struct {
    const char *layer;
    int taps;
  } of[] = {{"conv(4, 7)", 49},        {"conv_before(4, 7)", 24},  {"conv_upto(4, 7)", 25}, {"conv_before(4, 1)", 1},
            {"conv_before(4, 8)", 28}, {"spectral_conv(4, 3)", 9}, {"masked_by(x)", 9}};
  for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(
        a, 2,
        "model l  data x[6, 6, 3] from npy(\"\")\n"
        "block masked_by(h, x) { weight W[3, 3, 3, 4] = 1   convolve(h, W * (sum(x) < 0), padding: same) }\n"
        "net f(v | x) { v = x |> %s }\nmetric y = sum(f(x))\n",
        of[k].layer);
    double flops = page->plan->program[page->plan->test].flops;
    if (strstr(of[k].layer, "spectral")) flops -= 3 * 2 * 27 * 4;  // its turn of power iteration
    page_near("flops", of[k].layer, flops, 2.0 * 2 * 36 * 3 * 4 * of[k].taps, 0);
    arena_close(a);
  }
}

// Weights that are data: every example is convolved by its own.
static void own_weights(void **state) {
  (void)state;
  static const Case forth = {"convolve", 5, 4, 4, 3, 2, 6, 3, 2, 1, 1, 1, 2, false, 0};
  static const Case back = {"convolve_back", 3, 2, 6, 5, 3, 4, 3, 2, 1, 1, 1, 2, true, 0};
  for (int k = 0; k < 2; k++) {
    const Case *c = k ? &back : &forth;
    Arena *a = arena_open(NULL);
    int in = inputs(c), out = outputs(c), weights = 9 * 2 * 6;
    Page *page =
        page_format(a, out,
                    "model l  data x[%d], probe[%d], w[%d] from npy(\"\", \"\", \"\")\n"
                    "metric y = sum(reshape(probe, %s) * %s(reshape(x, %s), reshape(w, 3, 3, 2, 6), stride: 2,"
                    " padding: 1, groups: 2))\n",
                    in, out, weights, shape(a, c->out_h, c->out_w, c->out), c->text, shape(a, c->h, c->w, c->c));
    double want[MOST] = {0};
    fill(page, in, out);
    for (int i = 0; i < out; i++) {
      double all[MOST] = {0};
      float *w = page_column(page, "w") + i * weights;
      for (int t = 0; t < weights; t++) w[t] = (float)cos(i + 2 * t);
      add_terms(c, page_column(page, "x"), w, all);
      want[i] = all[i];
    }
    check_values(page, c->text, out, want);
    arena_close(a);
  }
}

// Channels in groups, over all places of one example; of as many groups as channels they are those of instance_norm.
static void norms(void **state) {
  (void)state;
  enum { PLACES = 6, CHANNELS = 4 };
  for (int groups = 1; groups <= CHANNELS; groups *= 2) {
    Arena *a = arena_open(NULL);
    const char *text = groups < CHANNELS ? arena_format(a, "group_norm(%d)", groups) : "instance_norm";
    Page *page = page_format(a, PLACES * CHANNELS,
                             "model l  data x[24], probe[24] from npy(\"\", \"\")\n"
                             "net f(v | x) { v = reshape(x, 3, 2, 4) |> %s }\n"
                             "metric y = sum(reshape(probe, 3, 2, 4) * f(x))\n",
                             text);
    int each = CHANNELS / groups, n = PLACES * each;
    double want[PLACES * CHANNELS];
    fill(page, PLACES * CHANNELS, PLACES * CHANNELS);
    const float *x = page_column(page, "x");
    for (int c = 0; c < CHANNELS; c++) {
      double sum = 0, square = 0;
      int first = c / each * each;
      for (int i = 0; i < n; i++) sum += (double)x[i / each * CHANNELS + first + i % each];
      for (int i = 0; i < n; i++) square += pow((double)x[i / each * CHANNELS + first + i % each] - sum / n, 2);
      for (int i = 0; i < PLACES; i++)
        want[i * CHANNELS + c] = ((double)x[i * CHANNELS + c] - sum / n) / sqrt(square / n + 1e-5);
    }
    check_values(page, text, PLACES * CHANNELS, want);
    arena_close(a);
  }
}

// Statistics of the batch and of all places, one for each channel.
static void batch_norm(void **state) {
  (void)state;
  enum { EXAMPLES = 8, PLACES = 6, CHANNELS = 3, ALL = PLACES * CHANNELS };
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, 0,
                           "model l  data x[%d], pick[%d] from npy(\"\", \"\")\n"
                           "net f(v | x) { v = reshape(x, 3, 2, 3) |> batch_norm }\n"
                           "objective o { minimize sum(reshape(pick, 3, 2, 3) * f(x)) }\n"
                           "train { minimize o over f with sgd(0)  batch %d }\n",
                           ALL, ALL, EXAMPLES);
  float *x = page_column(page, "x");
  for (int i = 0; i < EXAMPLES * ALL; i++) x[i] = (float)(sin(5 * i) + i % CHANNELS);
  for (int i = 0; i < EXAMPLES * ALL; i++) page_column(page, "pick")[i] = i % ALL == i / ALL;
  int program = page->plan->turn[0].program;
  page_run(page, program, PURPOSE_TRAIN);
  for (int i = 0; i < EXAMPLES; i++) {
    double sum = 0, square = 0, n = EXAMPLES * PLACES;
    int c = i % CHANNELS;
    for (int k = 0; k < EXAMPLES * PLACES; k++) sum += (double)x[k * CHANNELS + c];
    for (int k = 0; k < EXAMPLES * PLACES; k++) square += pow((double)x[k * CHANNELS + c] - sum / n, 2);
    double want = ((double)x[i * ALL + i] - sum / n) / sqrt(square / n + 1e-5);
    page_near("channel", "batch_norm", (double)page_output(page, program, "o")[i], want, 1e-5);
  }
  arena_close(a);
}

// The weights by their largest singular value: of diagonal ones the power iteration is known, from (1, 1) on.
static void spectral(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page =
      page_open(a,
                "model l  data x[2], pick[2] from npy(\"\", \"\")\n"
                "net f(v | x) { v = spectral_dense(x, 2) - linear(x, 2) }\n"
                "objective o { minimize sum(pick * f(x)) }\ntrain { minimize o over f with sgd(0)  batch 2 }\n",
                0);
  float *w = page_tensor(page, "f/spectral_dense_1/W"),
        *u = page_tensor(page, "f/spectral_dense_1/spectral_1/direction");
  for (int i = 0; i < 4; i++) w[i] = i == 0 ? 3 : i == 3 ? -2 : 0, page_tensor(page, "f/linear_1/W")[i] = 0;
  for (int i = 0; i < 4; i++) page_column(page, "x")[i] = page_column(page, "pick")[i] = i == 0 || i == 3;
  for (int i = 0; i < 2; i++) page_tensor(page, "f/spectral_dense_1/b")[i] = 0;
  double x = 1, y = 1;
  for (int turn = 0; turn < 12; turn++) {
    double left = hypot(3 * x, 2 * y), u_x = 3 * x / left, u_y = -2 * y / left, right = hypot(3 * u_x, 2 * u_y);
    x = 3 * u_x / right, y = -2 * u_y / right;
    double sigma = 3 * u_x * x - 2 * u_y * y;
    page_train(page);
    const float *o = page_output(page, page->plan->turn[0].program, "o");
    page_near("first", "spectral_dense", (double)o[0], 3 / sigma, 1e-6);
    page_near("second", "spectral_dense", (double)o[1], -2 / sigma, 1e-6);
    page_near("direction", "spectral_dense", (double)u[1], y, 1e-6);
  }
  page_near("at last", "spectral_dense", (double)page_output(page, page->plan->turn[0].program, "o")[0], 1, 1e-4);
  arena_close(a);
}

// The turns of a loop convolve as they do written out, and move weights alike, though what they read of slices and what
// they add to gradients is computed for all turns in one.
static void turns(void **state) {
  (void)state;
  enum { EXAMPLES = 2, PIXELS = 48, K = 18, L = 36 };
  static const char *const way[] = {
      "v = fold(r in reshape(x, 3, 4, 4), h = zeros(4, 4, 2)) { h <- turn(r, h, K, L)   h }",
      "v = turn(reshape(x, 3, 4, 4)[2], turn(reshape(x, 3, 4, 4)[1], turn(reshape(x, 3, 4, 4)[0], zeros(4, 4, 2), K, "
      "L),"
      " K, L), K, L)"};
  Arena *a = arena_open(NULL);
  Page *page[2];
  for (int i = 0; i < 2; i++) {
    page[i] =
        page_format(a, 0,
                    "model l  data x[%d] from npy(\"\")\n"
                    "function turn(r, h, K, L) = tanh(convolve(r, K, padding: same) + convolve(h, L, padding: same))\n"
                    "net f(v | x) { weight K[3, 3, 1, 2] = 1   weight L[3, 3, 2, 2] = 1   %s }\n"
                    "objective o { minimize sum(exp(f(x))) }\ntrain { minimize o over f with sgd(0.1)  batch %d }\n",
                    PIXELS, way[i], EXAMPLES);
    for (int e = 0; e < EXAMPLES * PIXELS; e++) page_column(page[i], "x")[e] = (float)sin(1.7 * e);
    for (int e = 0; e < K; e++) page_tensor(page[i], "f/K")[e] = (float)cos(2.3 * e) / 2;
    for (int e = 0; e < L; e++) page_tensor(page[i], "f/L")[e] = (float)cos(3.1 * e + 1) / 2;
    page_train(page[i]);
  }
  for (int e = 0; e < K; e++)
    page_near("K", way[0], (double)page_tensor(page[0], "f/K")[e], (double)page_tensor(page[1], "f/K")[e], 2e-6);
  for (int e = 0; e < L; e++)
    page_near("L", way[0], (double)page_tensor(page[0], "f/L")[e], (double)page_tensor(page[1], "f/L")[e], 2e-6);
  arena_close(a);
}

// Pictures of the examples that follow are further channels, and the label tells all of them.
static void test_stacked(void **state) {
  (void)state;
  enum { ROWS = 4 };
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[2, 3] in [0, 1], y : class(10) from npy(\"x\", \"y\")\n"
                      "metric kind = stacked(y)\n"
                      "metric pair = stacked(y, 2)\n"
                      "metric third = stacked(x, 3)[1, 2, 2]\n"
                      "metric own = stacked(x, 3)[0, 1, 0]\n"
                      "metric alone = stacked(x, 1)[0, 1, 0]\n",
                      ROWS);
  static const int label[ROWS] = {3, 0, 9, 5};
  for (int i = 0; i < ROWS; i++) {
    page_column(p, "y")[i] = (float)label[i];
    for (int k = 0; k < 6; k++) page_column(p, "x")[6 * i + k] = (float)(i * 8 + k) / 64;
  }
  page_test(p);
  for (int i = 0; i < ROWS; i++) {
    int next = label[(i + 1) % ROWS], after = label[(i + 2) % ROWS];
    page_near("label of three", "stacked", (double)page_metric(p, "kind")[i], 100 * label[i] + 10 * next + after, 0);
    page_near("label of two", "stacked", (double)page_metric(p, "pair")[i], 10 * label[i] + next, 0);
    page_near("third channel", "stacked", (double)page_metric(p, "third")[i], ((i + 2) % ROWS * 8 + 5) / 64.0, 0);
    page_near("alone", "stacked", (double)page_metric(p, "alone")[i], (i * 8 + 1) / 64.0, 0);
    page_near("own channel", "stacked", (double)page_metric(p, "own")[i], (i * 8 + 1) / 64.0, 0);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_stacked), cmocka_unit_test(layers),
                                     cmocka_unit_test(live_taps),    cmocka_unit_test(own_weights),
                                     cmocka_unit_test(norms),        cmocka_unit_test(batch_norm),
                                     cmocka_unit_test(spectral),     cmocka_unit_test(turns)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
