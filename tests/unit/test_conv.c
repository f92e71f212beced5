// Convolutions and their adjoints against their definitions in conv.h, to the bit: strides, dilations, groups, zeros
// around the image, sizes around those of tiles, boxes of weights and bands of images, pieces; on vectors of AVX-512,
// of AVX2, of one number and without.
#include "engine/conv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exact_numbers.h"

typedef void Convolve(const ConvSizes *, const float *, const float *, float *, int64_t, int64_t);
Convolve convolve_avx2, convolve_back_avx2, convolve_weights_avx2;
Convolve convolve_plain, convolve_back_plain, convolve_weights_plain;
Convolve convolve_portable, convolve_back_portable, convolve_weights_portable;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// ---- the definitions, element by element

static bool is_dead(const ConvSizes *s, int64_t tap) { return tap < CONV_MASKED && s->dead >> tap & 1; }

// Has each tap a chain of its own, of so many channels given and taken?
static bool by_taps(const ConvSizes *s, int64_t given, int64_t taken, int64_t rows, int64_t width) {
  return given <= CONV_FEW && taken >= CONV_FEW && rows * width * s->taps_y * s->taps_x * given <= CONV_FLOATS;
}

static float y_by_definition(const ConvSizes *s, const float *x, const float *w, int64_t e) {
  int64_t o = e % s->filters, j = e / s->filters % s->out_width, i = e / s->filters / s->out_width % s->out_height;
  int64_t b = e / s->filters / s->out_width / s->out_height, in_group = s->channels / s->groups;
  bool few = by_taps(s, s->filters / s->groups, in_group, (s->taps_y - 1) * s->dilation_y + 1, s->width);
  float sum = 0, all = 0;
  for (int64_t t = 0; t < s->taps_y * s->taps_x * in_group; t++) {
    int64_t c = t % in_group, p = t / in_group / s->taps_x, q = t / in_group % s->taps_x;
    if (is_dead(s, t / in_group)) continue;
    int64_t h = i * s->stride_y + p * s->dilation_y - s->pad_y, v = j * s->stride_x + q * s->dilation_x - s->pad_x;
    bool inside = h >= 0 && h < s->height && v >= 0 && v < s->width;
    int64_t channel = o / (s->filters / s->groups) * in_group + c;
    float a = inside ? x[((b * s->height + h) * s->width + v) * s->channels + channel] : 0.0f;
    sum = fmaf(a, w[t * s->filters + o], few && c == 0 ? 0.0f : sum);
    if (few && inside && c == in_group - 1) all += sum;
  }
  return few ? all : sum;
}

// The place of d that place x reads by tap k; false if there is none, as for any other tap of that phase.
static bool place_of(int64_t x, int64_t k, int64_t stride, int64_t pad, int64_t dilation, int64_t *place) {
  int64_t from = x + pad - k * dilation;
  *place = from < 0 ? -1 : from / stride;
  return ((from % stride) + stride) % stride == 0;
}

static float x_by_definition(const ConvSizes *s, const float *d, const float *w, int64_t e) {
  int64_t c = e % s->channels, v = e / s->channels % s->width, h = e / s->channels / s->width % s->height;
  int64_t b = e / s->channels / s->width / s->height, in_group = s->channels / s->groups;
  int64_t out_group = s->filters / s->groups, i, j;
  int64_t rows = (s->taps_y - 1) * s->dilation_y / s->stride_y + 2;
  bool few = by_taps(s, in_group, out_group, rows, s->out_width);
  float sum = 0, all = 0;
  for (int64_t p = s->taps_y - 1; p >= 0; p--)
    for (int64_t q = s->taps_x - 1; q >= 0; q--) {
      if (is_dead(s, p * s->taps_x + q)) continue;
      if (!place_of(h, p, s->stride_y, s->pad_y, s->dilation_y, &i)) continue;
      if (!place_of(v, q, s->stride_x, s->pad_x, s->dilation_x, &j)) continue;
      bool inside = i >= 0 && i < s->out_height && j >= 0 && j < s->out_width;
      if (few) sum = 0;
      for (int64_t k = 0; k < out_group; k++) {
        int64_t o = c / in_group * out_group + k;
        float a = inside ? d[((b * s->out_height + i) * s->out_width + j) * s->filters + o] : 0.0f;
        sum = fmaf(a, w[((p * s->taps_x + q) * in_group + c % in_group) * s->filters + o], sum);
      }
      if (few && inside) all += sum;
    }
  return few ? all : sum;
}

// How many images, rows and columns of y are summed at once.
static void chunk_of(const ConvSizes *s, int64_t *images, int64_t *rows, int64_t *columns) {
  int64_t high = (s->taps_y - 1) * s->dilation_y + 1, wide = (s->taps_x - 1) * s->dilation_x + 1;
  int64_t all = ((s->out_width - 1) * s->stride_x + wide) * s->channels;
  *images = 1;
  *columns = s->out_width;
  if (high * all > CONV_FLOATS) *columns = most(1, (CONV_FLOATS / s->channels / high - wide) / s->stride_x + 1);
  *columns = least(*columns, CONV_PLACES);
  *rows = high * all > CONV_FLOATS ? 1 : (CONV_FLOATS / all - high) / s->stride_y + 1;
  *rows = least(least(*rows, s->out_height), most(1, CONV_PLACES / *columns));
  if (*rows < s->out_height || *columns < s->out_width) return;
  int64_t floats = ((s->out_height - 1) * s->stride_y + high) * all;
  *images = most(1, least(CONV_FLOATS / floats, CONV_PLACES / *rows / *columns));
}

static float w_by_definition(const ConvSizes *s, const float *x, const float *d, int64_t e) {
  int64_t o = e % s->filters, in_group = s->channels / s->groups, t = e / s->filters;
  int64_t c = o / (s->filters / s->groups) * in_group + t % in_group;
  int64_t p = t / in_group / s->taps_x, q = t / in_group % s->taps_x, images, rows, columns;
  float all = 0;
  if (is_dead(s, t / in_group)) return 0;
  chunk_of(s, &images, &rows, &columns);
  for (int64_t b = 0; b < s->batch; b += images)
    for (int64_t i = 0; i < s->out_height; i += rows)
      for (int64_t j = 0; j < s->out_width; j += columns) {
        float sum = 0;
        for (int64_t b1 = b; b1 < least(s->batch, b + images); b1++)
          for (int64_t i1 = i; i1 < least(s->out_height, i + rows); i1++)
            for (int64_t j1 = j; j1 < least(s->out_width, j + columns); j1++) {
              int64_t h = i1 * s->stride_y + p * s->dilation_y - s->pad_y;
              int64_t v = j1 * s->stride_x + q * s->dilation_x - s->pad_x;
              bool inside = h >= 0 && h < s->height && v >= 0 && v < s->width;
              float a = inside ? x[((b1 * s->height + h) * s->width + v) * s->channels + c] : 0.0f;
              sum = fmaf(a, d[((b1 * s->out_height + i1) * s->out_width + j1) * s->filters + o], sum);
            }
        all = b || i || j ? all + sum : sum;
      }
  return all;
}

// ---- the functions

typedef float Definition(const ConvSizes *s, const float *a, const float *b, int64_t element);

static void check_element(const char *what, const ConvSizes *s, int64_t e, float is, float expected) {
  if (memcmp(&is, &expected, sizeof expected))
    fail_msg("%s of [%lld, %lld, %lld, %lld] by [%lld, %lld, ., %lld] without %llx, element %lld: %a, not %a", what,
             (long long)s->batch, (long long)s->height, (long long)s->width, (long long)s->channels,
             (long long)s->taps_y, (long long)s->taps_x, (long long)s->filters, (unsigned long long)s->dead,
             (long long)e, (double)is, (double)expected);
}

// In two pieces, of `cuts` in all; nothing behind what is written changes.
static void check_one(const char *what, Convolve *convolve_it, Definition *define, const ConvSizes *s, const float *a,
                      const float *b, int64_t cuts, int64_t count) {
  float *out = numbers(count + 1), behind = out[count];
  int64_t cut = below((int)cuts + 1);
  convolve_it(s, a, b, out, 0, cut);
  convolve_it(s, a, b, out, cut, cuts);
  for (int64_t e = 0; e < count; e++) check_element(what, s, e, out[e], define(s, a, b, e));
  assert_true(out[count] == behind);
  free(out);
}

static void check(Convolve *const of[3], const ConvSizes *s) {
  int64_t terms = s->taps_y * s->taps_x * s->channels / s->groups;
  float *x = numbers(s->batch * s->height * s->width * s->channels), *w = numbers(terms * s->filters);
  float *d = numbers(s->batch * s->out_height * s->out_width * s->filters);
  int64_t rows = s->batch * s->height, out_rows = s->batch * s->out_height, live = s->taps_y * s->taps_x;
  for (int64_t tap = 0; tap < s->taps_y * s->taps_x; tap++) live -= is_dead(s, tap);
  check_one("y", of[0], y_by_definition, s, x, w, out_rows, out_rows * s->out_width * s->filters);
  check_one("x", of[1], x_by_definition, s, d, w, rows, rows * s->width * s->channels);
  check_one("w", of[2], w_by_definition, s, x, d, live * s->channels / s->groups, terms * s->filters);
  free(x), free(w), free(d);
}

static int64_t places(int64_t size, int64_t taps, int64_t stride, int64_t dilation, int64_t pad, int64_t after) {
  int64_t room = size + pad + after - (taps - 1) * dilation - 1;
  return room < 0 ? 0 : room / stride + 1;
}

// Of windows of up to CONV_MASKED taps: none; those after a place, as a mask of what comes before has it; or any, but
// for one.
static int64_t any_dead(const ConvSizes *s) {
  int64_t taps = s->taps_y * s->taps_x, all = ((int64_t)1 << taps) - 1, kept = below((int)taps);
  switch (below(3)) {
    case 0: return 0;
    case 1: return all & ~(((int64_t)2 << kept) - 1);
    default: return all & ~((int64_t)1 << kept) & below(1 << 20);
  }
}

static ConvSizes any_sizes(void) {
  ConvSizes s = {.batch = 1 + below(3), .height = 1 + below(9), .width = 1 + below(18)};
  s.groups = below(3) ? 1 : 1 + below(3);
  s.channels = s.groups * (1 + below(9)), s.filters = s.groups * (1 + below(below(4) ? 9 : 40));
  if (!below(8)) s.channels = s.filters = s.groups = 2 + below(90);
  s.taps_y = 1 + below(4), s.taps_x = 1 + below(5);
  s.stride_y = 1 + below(3), s.stride_x = 1 + below(3);
  s.dilation_y = 1 + below(3), s.dilation_x = below(2) ? 1 : 1 + below(3);
  s.pad_y = below(4), s.pad_x = below(4);
  s.out_height = places(s.height, s.taps_y, s.stride_y, s.dilation_y, s.pad_y, below(4));
  s.out_width = places(s.width, s.taps_x, s.stride_x, s.dilation_x, s.pad_x, below(4));
  s.dead = any_dead(&s);
  return s;
}

static void check_all(Convolve *const of[3]) {
  static const ConvSizes large[] = {
      {2, 3, 4, 700, 3, 4, 3, 3, 1, 1, 1, 1, 0, 1, 1, 1, 0},      // weights of a line in several boxes
      {1, 1, 3, 2100, 1, 3, 2, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0},     // and of a tap
      {40, 12, 12, 3, 12, 12, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},   // several sums of whole images
      {1, 70, 90, 1, 70, 90, 1, 2, 2, 1, 1, 0, 0, 1, 1, 1, 0},    // of rows
      {70, 4, 4, 2, 2, 2, 2, 4, 4, 2, 2, 1, 1, 1, 1, 1, 0},       // more bands than are held at once
      {1, 3, 40, 1200, 3, 40, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},   // rows that are too long to be held
      {1, 3, 3, 3000, 1, 1, 1, 7, 7, 1, 1, 2, 2, 1, 1, 1, 0},     // and a window
      {1, 300, 40, 1, 300, 40, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},  // what is given in several parts
      {1, 5, 6, 2300, 5, 6, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},     // and of terms in several
      {1, 3, 1100, 1, 3, 1100, 1, 1, 2, 1, 1, 0, 0, 1, 1, 1, 0},
      {3, 9, 9, 70, 9, 9, 5, 7, 7, 1, 1, 3, 3, 1, 1, 1, 0x1fffffe000000},  // a mask of a box and a row
      {2, 9, 9, 3, 9, 9, 40, 8, 8, 1, 1, 3, 3, 1, 1, 1, 0},                // more taps than can be left out
  };
  for (int i = 0; i < 400; i++) {
    const ConvSizes s = any_sizes();
    if (s.out_height > 0 && s.out_width > 0) check(of, &s);
  }
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) check(of, &large[i]);
}

static void native(void **state) {
  (void)state;
  check_all((Convolve *[]){convolve, convolve_back, convolve_weights});
}

static void avx2(void **state) {
  (void)state;
  check_all((Convolve *[]){convolve_avx2, convolve_back_avx2, convolve_weights_avx2});
}

static void portable(void **state) {
  (void)state;
  check_all((Convolve *[]){convolve_portable, convolve_back_portable, convolve_weights_portable});
}

static void plain(void **state) {
  (void)state;
  check_all((Convolve *[]){convolve_plain, convolve_back_plain, convolve_weights_plain});
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(native), cmocka_unit_test(avx2), cmocka_unit_test(portable),
                                     cmocka_unit_test(plain)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
