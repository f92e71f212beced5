// Convolutions; see conv.h.
//
// All three are made of tiles, some rows x some vectors of elements that stay in registers while the terms go by:
// places of y x its channels, or for the adjoint by w, taps and channels of x x channels of y. What the rows multiply
// is read where it lies, in an image that has zeros around it; there the terms of a tile are a box of three axes. What
// stands in vectors is packed, so that the terms of a tile follow each other. The adjoint by x is a convolution of d
// for each phase of the stride: the places of x whose distance is a multiple of it see the same taps.
#include "engine/conv.h"

#include <stdbool.h>
#include <string.h>

#include "engine/vectors.h"

#if VECTOR_REGISTERS == 32
#define CONV_ROWS 14
#else
#define CONV_ROWS 6
#endif

enum {
  CONV_VECTORS = 2,
  CONV_COLUMNS = CONV_VECTORS * VECTOR_FLOATS,
  CONV_TERMS = 2048,  // of packed weights at once
  CONV_BANDS = 64,
  CONV_AHEAD = 12  // terms for which factors are asked for in time
};

static int64_t conv_least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t conv_most(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t conv_parts(int64_t n, int64_t part) { return (n + part - 1) / part; }

// ---- tiles

typedef enum {
  CONV_BEGIN,
  CONV_GO_ON,
  CONV_ADD
} ConvStore;  // c is what is summed; its chain goes on; the sum is added

// rows x vectors of c. The rows lie `lda` floats apart in a, of which the terms are a box of three axes; in b a term's
// vectors follow those of the one before.
typedef struct {
  const float *a, *b;
  int64_t lda, count[3], step[3];
  float *c;
  int64_t ldc;
  ConvStore store;
} ConvTile;

// The elements of a tile are variables of their own, which every compiler keeps in registers. `rows` and `vectors` are
// known where the function is used, and what they exclude vanishes. Each pointer serves four rows.
#define CONV_EACH(M) \
  M(0, p0[0])        \
  M(1, p0[lda])      \
  M(2, p0[2 * lda])  \
  M(3, p0[lda3])     \
  M(4, p1[0])        \
  M(5, p1[lda])      \
  M(6, p1[2 * lda])  \
  M(7, p1[lda3])     \
  M(8, p2[0])        \
  M(9, p2[lda])      \
  M(10, p2[2 * lda]) \
  M(11, p2[lda3])    \
  M(12, p3[0])       \
  M(13, p3[lda])

#define CONV_ROW_BEGIN(r, factor)                                            \
  VECTOR sum_##r##_0 = vector_zero(), sum_##r##_1 = sum_##r##_0;             \
  if (rows > r && t->store == CONV_GO_ON) {                                  \
    sum_##r##_0 = vector_load(c + r * ldc);                                  \
    if (vectors > 1) sum_##r##_1 = vector_load(c + r * ldc + VECTOR_FLOATS); \
  }

#define CONV_ROW_TERM(r, factor)                                   \
  if (rows > r) {                                                  \
    VECTOR x = vector_all(factor);                                 \
    sum_##r##_0 = vector_fma(x, y0, sum_##r##_0);                  \
    if (vectors > 1) sum_##r##_1 = vector_fma(x, y1, sum_##r##_1); \
  }

#define CONV_ROW_STORE(r, factor)                                                    \
  if (rows > r) {                                                                    \
    conv_store(c + r * ldc, sum_##r##_0, t->store);                                  \
    if (vectors > 1) conv_store(c + r * ldc + VECTOR_FLOATS, sum_##r##_1, t->store); \
  }

static VECTOR_INLINE void conv_store(float *c, VECTOR sum, ConvStore store) {
  vector_store(c, store == CONV_ADD ? vector_add(vector_load(c), sum) : sum);
}

static VECTOR_INLINE void conv_tile_sized(const ConvTile *t, int rows, int vectors) {
  int64_t lda = t->lda, lda3 = 3 * lda, ldc = t->ldc, step = t->step[2];
  const float *b = t->b, *plane = t->a;
  float *c = t->c;
  CONV_EACH(CONV_ROW_BEGIN)
  for (int64_t i = 0; i < t->count[0]; i++, plane += t->step[0]) {
    const float *line = plane;
    for (int64_t j = 0; j < t->count[1]; j++, line += t->step[1]) {
      const float *p0 = line, *p1 = rows > 4 ? p0 + 4 * lda : p0, *p2 = rows > 8 ? p1 + 4 * lda : p0;
      const float *p3 = rows > 12 ? p2 + 4 * lda : p0;
      for (int64_t k = 0; k < t->count[2]; k++) {
        VECTOR y0 = vector_load(b), y1 = y0;
        if (vectors > 1) y1 = vector_load(b + VECTOR_FLOATS);
        vector_fetch(b + CONV_AHEAD * CONV_COLUMNS, 0);
        if (vectors > 1) vector_fetch(b + CONV_AHEAD * CONV_COLUMNS + VECTOR_FLOATS, 0);
        CONV_EACH(CONV_ROW_TERM)
        p0 += step, p1 += step, p2 += step, p3 += step, b += CONV_COLUMNS;
      }
    }
  }
  CONV_EACH(CONV_ROW_STORE)
}

#define CONV_CASES(rows)                                  \
  case 2 * rows + 1: conv_tile_sized(t, rows, 1); return; \
  case 2 * rows + 2: conv_tile_sized(t, rows, 2); return;

static VECTOR_TARGET void conv_tile_whole(const ConvTile *t, int rows, int vectors) {
  switch (2 * rows + vectors) {
    CONV_CASES(1)
    CONV_CASES(2)
    CONV_CASES(3)
    CONV_CASES(4)
    CONV_CASES(5)
    CONV_CASES(6)
#if CONV_ROWS > 6
    CONV_CASES(7)
    CONV_CASES(8)
    CONV_CASES(9)
    CONV_CASES(10)
    CONV_CASES(11)
    CONV_CASES(12)
    CONV_CASES(13)
    CONV_CASES(14)
#endif
  }
}

// The same for any number of columns: where they are no whole vectors, in a place of its own.
static void conv_tile(const ConvTile *t, int rows, int64_t columns) {
  _Alignas(64) float part[CONV_ROWS * CONV_COLUMNS];
  ConvTile whole = *t;
  int vectors = (int)conv_parts(columns, VECTOR_FLOATS);
  if (columns % VECTOR_FLOATS == 0) {
    conv_tile_whole(t, rows, vectors);
    return;
  }
  whole.c = part, whole.ldc = CONV_COLUMNS;
  for (int r = 0; r < rows && t->store != CONV_BEGIN; r++)
    for (int64_t k = 0; k < CONV_COLUMNS; k++) part[r * CONV_COLUMNS + k] = k < columns ? t->c[r * t->ldc + k] : 0.0f;
  conv_tile_whole(&whole, rows, vectors);
  for (int r = 0; r < rows; r++) memcpy(t->c + r * t->ldc, part + r * CONV_COLUMNS, (size_t)columns * sizeof *part);
}

// ---- one pass: what is read of a source, and where it goes

// Along one axis: output i, of those that read alike, is place out_first + i * out_step; by tap k it reads the source's
// place first + i * step + k * tap_step; the weights have that tap at weight_first + k * weight_step.
typedef struct {
  int64_t outputs, out_first, out_step, out_size, size, first, step, taps, tap_step, weight_first, weight_step;
} ConvAxis;

typedef struct {
  ConvAxis y, x;
  int64_t groups, terms, columns;         // of a tap in a group, and of the output's channels in one
  int64_t source_channels, out_channels;  // of all groups
  int64_t taps_x, channels, filters;      // of the weights
  int64_t weight_term, weight_column;     // steps in them
  const float *source, *weights;
  float *out;
} ConvPass;

static int64_t conv_extent(const ConvAxis *a, int64_t outputs) {
  return (outputs - 1) * a->step + (a->taps - 1) * a->tap_step + 1;
}

// Do all outputs read inside of the image?
static bool conv_inside(const ConvAxis *a) { return a->first >= 0 && a->first + conv_extent(a, a->outputs) <= a->size; }

static ConvAxis conv_axis(int64_t size, int64_t out_size, int64_t taps, int64_t stride, int64_t pad, int64_t dilation) {
  return (ConvAxis){out_size, 0, 1, out_size, size, -pad, stride, taps, dilation, 0, 1};
}

static int64_t conv_divisor(int64_t a, int64_t b) { return b ? conv_divisor(b, a % b) : a; }

// The places of x that see the taps k with k * dilation = phase modulo the stride, from the last tap to the first.
static ConvAxis conv_phase(int64_t size, int64_t out_size, int64_t taps, int64_t stride, int64_t pad, int64_t dilation,
                           int64_t phase) {
  int64_t first = ((phase - pad) % stride + stride) % stride, every = stride / conv_divisor(stride, dilation), tap = 0;
  while (tap < every && tap * dilation % stride != phase) tap++;
  ConvAxis a = {.out_first = first, .out_step = stride, .out_size = size, .size = out_size, .step = 1};
  a.outputs = first < size ? (size - first - 1) / stride + 1 : 0;
  a.taps = tap < every && tap < taps ? (taps - 1 - tap) / every + 1 : 0;
  a.weight_first = tap + (a.taps - 1) * every, a.weight_step = -every;
  a.tap_step = every * dilation / stride;
  a.first = (first + pad - phase) / stride - (a.weight_first * dilation - phase) / stride;
  return a;
}

static ConvPass conv_forward(const ConvSizes *s, const float *x, const float *w, float *y) {
  return (ConvPass){.y = conv_axis(s->height, s->out_height, s->taps_y, s->stride_y, s->pad_y, s->dilation_y),
                    .x = conv_axis(s->width, s->out_width, s->taps_x, s->stride_x, s->pad_x, s->dilation_x),
                    .groups = s->groups,
                    .terms = s->channels / s->groups,
                    .columns = s->filters / s->groups,
                    .source_channels = s->channels,
                    .out_channels = s->filters,
                    .taps_x = s->taps_x,
                    .channels = s->channels / s->groups,
                    .filters = s->filters,
                    .weight_term = s->filters,
                    .weight_column = 1,
                    .source = x,
                    .weights = w,
                    .out = y};
}

static ConvPass conv_backward(const ConvSizes *s, const float *d, const float *w, float *x, int64_t phase_y,
                              int64_t phase_x) {
  ConvPass p = conv_forward(s, d, w, x);
  p.y = conv_phase(s->height, s->out_height, s->taps_y, s->stride_y, s->pad_y, s->dilation_y, phase_y);
  p.x = conv_phase(s->width, s->out_width, s->taps_x, s->stride_x, s->pad_x, s->dilation_x, phase_x);
  p.terms = s->filters / s->groups, p.columns = s->channels / s->groups;
  p.source_channels = s->filters, p.out_channels = s->channels;
  p.weight_term = 1, p.weight_column = s->filters;
  return p;
}

static float *conv_out(const ConvPass *p, int64_t image, int64_t y, int64_t x) {
  int64_t row = image * p->y.out_size + p->y.out_first + y * p->y.out_step;
  return p->out + (row * p->x.out_size + p->x.out_first + x * p->x.out_step) * p->out_channels;
}

// ---- the source, with what is 0 around it

// Some rows x columns of outputs of one image; `source` is what the first one reads by the first tap.
typedef struct {
  int64_t image, y, rows, x, columns;
  const float *source;
  int64_t row;  // floats from one row of the source to the next
} ConvBand;

// How many rows and columns of outputs a band may have: no columns where not even one fits.
static void conv_band_sizes(const ConvPass *p, int64_t *rows, int64_t *columns) {
  int64_t wide = conv_extent(&p->x, p->x.outputs) * p->source_channels, high = conv_extent(&p->y, 1);
  *columns = p->x.outputs;
  *rows = (CONV_FLOATS / wide - high) / p->y.step + 1;
  if (high * wide <= CONV_FLOATS) return;
  int64_t places = CONV_FLOATS / p->source_channels / high, least = conv_extent(&p->x, 1);
  *rows = 1;
  *columns = places < least ? 0 : (places - least) / p->x.step + 1;
}

static int64_t conv_band_floats(const ConvPass *p, const ConvBand *b) {
  return conv_extent(&p->y, b->rows) * conv_extent(&p->x, b->columns) * p->source_channels;
}

static void conv_copy_row(const ConvPass *p, float *restrict to, const float *restrict image, int64_t y, int64_t x,
                          int64_t places) {
  int64_t n = p->source_channels, left = conv_least(places, conv_most(0, -x)),
          right = conv_least(places, p->x.size - x);
  bool inside = y >= 0 && y < p->y.size && right > left;
  if (!inside) left = right = places;
  memset(to, 0, (size_t)(left * n) * sizeof *to);
  if (!inside) return;
  memcpy(to + left * n, image + (y * p->x.size + x + left) * n, (size_t)((right - left) * n) * sizeof *to);
  memset(to + right * n, 0, (size_t)((places - right) * n) * sizeof *to);
}

// Makes the source of a band ready, at `to` if it must be copied. Returns how many floats of it were taken.
static int64_t conv_band_ready(const ConvPass *p, ConvBand *b, float *to) {
  const float *image = p->source + b->image * p->y.size * p->x.size * p->source_channels;
  int64_t y = p->y.first + b->y * p->y.step, x = p->x.first + b->x * p->x.step;
  int64_t rows = conv_extent(&p->y, b->rows), places = conv_extent(&p->x, b->columns);
  b->row = p->x.size * p->source_channels;
  b->source = image + y * b->row + x * p->source_channels;
  if (conv_inside(&p->y) && conv_inside(&p->x)) return 0;
  b->row = places * p->source_channels;
  b->source = to;
  for (int64_t r = 0; r < rows; r++) conv_copy_row(p, to + r * b->row, image, y + r, x, places);
  return rows * b->row;
}

// ---- packed weights

// A part of the terms: some taps along y, some along x, some channels. The terms before it are done.
typedef struct {
  int64_t y, taps_y, x, taps_x, channel, channels;
} ConvBox;

// The box after this one, as large as CONV_TERMS allows; false after the last.
static bool conv_box_next(const ConvPass *p, ConvBox *b) {
  b->channel += b->channels;
  if (b->channel == p->terms || !b->channels) b->channel = 0, b->x += b->taps_x;
  if (b->x == p->x.taps || !b->channels) b->x = 0, b->y += b->taps_y;
  if (b->y == p->y.taps) return false;
  int64_t line = p->x.taps * p->terms;
  b->channels = conv_least(CONV_TERMS, p->terms - b->channel);
  b->taps_x = b->channels < p->terms ? 1 : conv_least(p->x.taps - b->x, CONV_TERMS / p->terms);
  b->taps_y = b->channels < p->terms || b->taps_x < p->x.taps ? 1 : conv_least(p->y.taps - b->y, CONV_TERMS / line);
  return true;
}

// terms x columns of one tap, one after another, CONV_COLUMNS floats apart; columns up to the end of a vector are 0.
static void conv_pack_tap(const ConvPass *p, float *restrict to, const float *restrict from, int64_t terms,
                          int64_t columns) {
  int64_t end = conv_parts(columns, VECTOR_FLOATS) * VECTOR_FLOATS;
  for (int64_t t = 0; t < terms && p->weight_column == 1; t++, from += p->weight_term) {
    for (int64_t c = 0; c < columns; c++) to[t * CONV_COLUMNS + c] = from[c];
    for (int64_t c = columns; c < end; c++) to[t * CONV_COLUMNS + c] = 0.0f;
  }
  if (p->weight_column == 1) return;
  vector_pack_across(to, CONV_COLUMNS, from, p->weight_column, columns, terms);
}

static void conv_pack(const ConvPass *p, const ConvBox *b, int64_t group, int64_t column, int64_t columns, float *to) {
  int64_t tap_floats = p->channels * p->filters;
  int64_t of_group = group * p->filters / p->groups;
  for (int64_t i = b->y; i < b->y + b->taps_y; i++)
    for (int64_t j = b->x; j < b->x + b->taps_x; j++) {
      int64_t tap = (p->y.weight_first + i * p->y.weight_step) * p->taps_x + p->x.weight_first + j * p->x.weight_step;
      const float *from = p->weights + tap * tap_floats + of_group + b->channel * p->weight_term;
      conv_pack_tap(p, to, from + column * p->weight_column, b->channels, columns);
      to += b->channels * CONV_COLUMNS;
    }
}

// ---- outputs

// Some output channels of a band, for the packed terms of a box.
static void conv_band_columns(const ConvPass *p, const ConvBand *b, const ConvBox *box, int64_t group, int64_t column,
                              int64_t columns, const float *panel) {
  int64_t n = p->source_channels, tiles = conv_parts(b->columns, CONV_ROWS);
  bool joined = p->groups == 1 && p->x.tap_step == 1 && box->channels == p->terms;
  bool first = box->y == 0 && box->x == 0 && box->channel == 0;
  ConvTile t = {.b = panel,
                .lda = p->x.step * n,
                .count = {box->taps_y, joined ? 1 : box->taps_x, joined ? box->taps_x * n : box->channels},
                .step = {p->y.tap_step * b->row, p->x.tap_step * n, 1},
                .ldc = p->x.out_step * p->out_channels,
                .store = first ? CONV_BEGIN : CONV_GO_ON};
  const float *corner = b->source + box->y * t.step[0] + box->x * t.step[1] + box->channel + group * p->terms;
  for (int64_t y = 0; y < b->rows; y++)
    for (int64_t i = 0; i < tiles; i++) {
      int64_t x = b->columns * i / tiles, end = b->columns * (i + 1) / tiles;
      t.a = corner + y * p->y.step * b->row + x * t.lda;
      t.c = conv_out(p, b->image, b->y + y, b->x + x) + group * p->columns + column;
      conv_tile(&t, (int)(end - x), columns);
    }
}

static void conv_bands(const ConvPass *p, const ConvBand *band, int bands) {
  _Alignas(64) float panel[(CONV_TERMS + CONV_AHEAD) * CONV_COLUMNS];
  for (int64_t group = 0; group < p->groups; group++)
    for (ConvBox box = {0}; conv_box_next(p, &box);)
      for (int64_t column = 0; column < p->columns; column += CONV_COLUMNS) {
        int64_t columns = conv_least(CONV_COLUMNS, p->columns - column);
        conv_pack(p, &box, group, column, columns, panel);
        for (int i = 0; i < bands; i++) conv_band_columns(p, &band[i], &box, group, column, columns, panel);
      }
}

// ---- the same by its definition: where there are no vectors, no taps, or no room for a window

static float conv_element(const ConvPass *p, int64_t image, int64_t y, int64_t x, int64_t group, int64_t column) {
  float sum = 0.0f;
  for (int64_t i = 0; i < p->y.taps; i++)
    for (int64_t j = 0; j < p->x.taps; j++) {
      int64_t from_y = p->y.first + y * p->y.step + i * p->y.tap_step;
      int64_t from_x = p->x.first + x * p->x.step + j * p->x.tap_step;
      bool inside = from_y >= 0 && from_y < p->y.size && from_x >= 0 && from_x < p->x.size;
      const float *a = p->source + ((image * p->y.size + from_y) * p->x.size + from_x) * p->source_channels;
      int64_t tap = (p->y.weight_first + i * p->y.weight_step) * p->taps_x + p->x.weight_first + j * p->x.weight_step;
      const float *w = p->weights + tap * p->channels * p->filters + group * p->filters / p->groups;
      for (int64_t t = 0; t < p->terms; t++)
        sum = m_fma(inside ? a[group * p->terms + t] : 0.0f, w[t * p->weight_term + column * p->weight_column], sum);
    }
  return sum;
}

static void conv_plain(const ConvPass *p, int64_t image, int64_t begin, int64_t end) {
  for (int64_t y = begin; y < end; y++)
    for (int64_t x = 0; x < p->x.outputs; x++) {
      float *out = conv_out(p, image, y, x);
      for (int64_t c = 0; c < p->out_channels; c++)
        out[c] = conv_element(p, image, y, x, c / p->columns, c % p->columns);
    }
}

// ---- rows of all images

// The outputs that read alike, of an image's rows from `begin` to `end`.
static void conv_rows_of(const ConvAxis *a, int64_t begin, int64_t end, int64_t *first, int64_t *last) {
  *first = conv_parts(conv_most(0, begin - a->out_first), a->out_step);
  *last = conv_least(a->outputs, conv_parts(conv_most(0, end - a->out_first), a->out_step));
}

static void conv_pass(const ConvPass *p, int64_t begin, int64_t end) {
  _Alignas(64) float source[CONV_FLOATS];
  ConvBand band[CONV_BANDS];
  int64_t most_rows = 0, most_columns = 0, used = 0, first, last;
  int bands = 0;
  if (p->y.outputs < 1 || p->x.outputs < 1) return;
  if (vector_exists() && p->y.taps > 0 && p->x.taps > 0) conv_band_sizes(p, &most_rows, &most_columns);
  for (int64_t image = begin / p->y.out_size; image * p->y.out_size < end; image++) {
    conv_rows_of(&p->y, begin - image * p->y.out_size, end - image * p->y.out_size, &first, &last);
    if (!most_columns) conv_plain(p, image, first, last);
    for (int64_t y = first; most_columns && y < last; y += most_rows)
      for (int64_t x = 0; x < p->x.outputs; x += most_columns) {
        ConvBand b = {image, y, conv_least(most_rows, last - y), x, conv_least(most_columns, p->x.outputs - x),
                      NULL,  0};
        if (bands == CONV_BANDS || used + conv_band_floats(p, &b) > CONV_FLOATS) {
          conv_bands(p, band, bands);
          bands = 0, used = 0;
        }
        used += conv_band_ready(p, &b, source + used);
        band[bands++] = b;
      }
  }
  if (bands) conv_bands(p, band, bands);
}

void convolve(const ConvSizes *s, const float *x, const float *w, float *y, int64_t begin, int64_t end) {
  const ConvPass p = conv_forward(s, x, w, y);
  conv_pass(&p, begin, end);
}

void convolve_back(const ConvSizes *s, const float *d, const float *w, float *x, int64_t begin, int64_t end) {
  for (int64_t i = 0; i < s->stride_y; i++)
    for (int64_t j = 0; j < s->stride_x; j++) {
      const ConvPass p = conv_backward(s, d, w, x, i, j);
      conv_pass(&p, begin, end);
    }
}

// ---- the adjoint by w

// Places of y that are summed at once: of some images a band each, which lie `step` floats apart.
typedef struct {
  ConvBand band;
  int64_t images, step;
} ConvChunk;

// The sizes of a chunk depend on those of the images alone, for they are part of the arithmetic.
static ConvChunk conv_chunk_sizes(const ConvPass *p, int64_t batch) {
  ConvChunk c = {.images = 1};
  conv_band_sizes(p, &c.band.rows, &c.band.columns);
  c.band.columns = conv_least(CONV_PLACES, conv_most(1, c.band.columns));
  c.band.rows = conv_least(p->y.outputs, conv_least(c.band.rows, conv_most(1, CONV_PLACES / c.band.columns)));
  if (c.band.rows < p->y.outputs || c.band.columns < p->x.outputs) return c;
  int64_t images = conv_least(CONV_FLOATS / conv_band_floats(p, &c.band), CONV_PLACES / c.band.rows / c.band.columns);
  c.images = conv_least(batch, conv_most(1, images));
  return c;
}

static const float *conv_place(const ConvPass *p, const float *d, const ConvBand *b, int64_t image, int64_t y,
                               int64_t x) {
  return d + (((b->image + image) * p->y.outputs + b->y + y) * p->x.outputs + b->x + x) * p->filters;
}

static void conv_pack_places(const ConvPass *p, const float *d, const ConvChunk *c, int64_t column, int64_t columns,
                             float *to) {
  for (int64_t i = 0; i < c->images; i++)
    for (int64_t y = 0; y < c->band.rows; y++)
      for (int64_t x = 0; x < c->band.columns; x++, to += CONV_COLUMNS) {
        const float *from = conv_place(p, d, &c->band, i, y, x) + column;
        for (int64_t k = 0; k < CONV_COLUMNS; k++) to[k] = k < columns ? from[k] : 0.0f;
      }
}

// Some terms of one tap, or of a line of taps where they follow each other in the source.
static void conv_weight_terms(const ConvPass *p, const ConvChunk *c, const float *places, const float *corner, float *w,
                              int64_t terms, int64_t columns) {
  int64_t tiles = conv_parts(terms, CONV_ROWS);
  ConvTile t = {.b = places,
                .lda = 1,
                .count = {c->images, c->band.rows, c->band.columns},
                .step = {c->step, p->y.step * c->band.row, p->x.step * p->source_channels},
                .ldc = p->filters,
                .store = c->band.image || c->band.y || c->band.x ? CONV_ADD : CONV_BEGIN};
  for (int64_t i = 0; i < tiles; i++) {
    int64_t first = terms * i / tiles, end = terms * (i + 1) / tiles;
    t.a = corner + first;
    t.c = w + first * p->filters;
    conv_tile(&t, (int)(end - first), columns);
  }
}

static void conv_weight_chunk(const ConvPass *p, const ConvChunk *c, const float *d, float *w, int64_t begin,
                              int64_t end) {
  _Alignas(64) float places[(CONV_PLACES + CONV_AHEAD) * CONV_COLUMNS];
  bool joined = p->groups == 1 && p->x.tap_step == 1;
  int64_t line = joined ? p->x.taps * p->terms : p->terms, lines = joined ? 1 : p->x.taps;
  for (int64_t group = 0; group < p->groups; group++)
    for (int64_t column = 0; column < p->columns; column += CONV_COLUMNS) {
      int64_t columns = conv_least(CONV_COLUMNS, p->columns - column), at = group * p->columns + column;
      conv_pack_places(p, d, c, at, columns, places);
      for (int64_t i = begin / line; i * line < end; i++) {
        int64_t first = conv_most(begin, i * line), last = conv_least(end, (i + 1) * line);
        const float *corner = c->band.source + i / lines * p->y.tap_step * c->band.row +
                              i % lines * p->x.tap_step * p->source_channels + group * p->terms + first - i * line;
        conv_weight_terms(p, c, places, corner, w + first * p->filters + at, last - first, columns);
      }
    }
}

static float conv_weight_sum(const ConvPass *p, const ConvChunk *c, const float *d, int64_t term, int64_t filter) {
  int64_t tap = term / p->terms, channel = filter / p->columns * p->terms + term % p->terms;
  float sum = 0.0f;
  for (int64_t i = 0; i < c->images; i++)
    for (int64_t y = 0; y < c->band.rows; y++)
      for (int64_t x = 0; x < c->band.columns; x++) {
        int64_t from_y = p->y.first + (c->band.y + y) * p->y.step + tap / p->x.taps * p->y.tap_step;
        int64_t from_x = p->x.first + (c->band.x + x) * p->x.step + tap % p->x.taps * p->x.tap_step;
        bool inside = from_y >= 0 && from_y < p->y.size && from_x >= 0 && from_x < p->x.size;
        int64_t place = ((c->band.image + i) * p->y.size + from_y) * p->x.size + from_x;
        float a = inside ? p->source[place * p->source_channels + channel] : 0.0f;
        sum = m_fma(a, conv_place(p, d, &c->band, i, y, x)[filter], sum);
      }
  return sum;
}

static void conv_weight_plain(const ConvPass *p, const ConvChunk *c, const float *d, float *w, int64_t begin,
                              int64_t end) {
  bool first = !c->band.image && !c->band.y && !c->band.x;
  for (int64_t term = begin; term < end; term++)
    for (int64_t k = 0; k < p->filters; k++) {
      float sum = conv_weight_sum(p, c, d, term, k), *to = &w[term * p->filters + k];
      *to = first ? sum : *to + sum;
    }
}

static void conv_weight_part(const ConvPass *p, ConvChunk c, const float *d, float *w, int64_t begin, int64_t end) {
  _Alignas(64) float source[CONV_FLOATS];
  if (!vector_exists() || conv_band_floats(p, &c.band) > CONV_FLOATS) {
    conv_weight_plain(p, &c, d, w, begin, end);
    return;
  }
  ConvBand first = c.band, next;
  int64_t used = 0;
  for (int64_t i = 0; i < c.images; i++) {
    next = c.band;
    next.image += i;
    used += conv_band_ready(p, &next, source + used);
    if (i == 0) first = next;
  }
  c.band = first;
  c.step = used ? used / c.images : p->y.size * first.row;
  conv_weight_chunk(p, &c, d, w, begin, end);
}

void convolve_weights(const ConvSizes *s, const float *x, const float *d, float *w, int64_t begin, int64_t end) {
  const ConvPass p = conv_forward(s, x, NULL, NULL);
  const ConvChunk most = conv_chunk_sizes(&p, s->batch);
  for (int64_t image = 0; image < s->batch; image += most.images)
    for (int64_t y = 0; y < p.y.outputs; y += most.band.rows)
      for (int64_t at = 0; at < p.x.outputs; at += most.band.columns) {
        ConvChunk c = {{image, y, conv_least(most.band.rows, p.y.outputs - y), at, 0, NULL, 0},
                       conv_least(most.images, s->batch - image),
                       0};
        c.band.columns = conv_least(most.band.columns, p.x.outputs - at);
        conv_weight_part(&p, c, d, w, begin, end);
      }
}
