// Convolutions; see conv.h.
//
// All three are made of tiles, some rows x some vectors of elements that stay in registers while the terms go by:
// places of y x its channels, or for the adjoint by w, taps and channels of x x channels of y. What the rows multiply
// is read where it lies, in an image that has zeros around it; a list says where the terms of a tile are there. What
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

// rows x vectors of c, half of the rows, or one more, from `a` on and the others from `other_a` on, `lda` floats apart;
// likewise those of c. Term k of a row is `at[k]` floats further; in b a term's vectors follow those of the one before.
typedef struct {
  const float *a, *other_a, *b;
  const int64_t *at;
  int64_t lda, terms;
  float *c, *other_c;
  int64_t ldc;
  ConvStore store;
} ConvTile;

// The elements of a tile are variables of their own, which every compiler keeps in registers. `rows` and `vectors` are
// known where the function is used, and what they exclude vanishes. Each pointer serves four rows.
#define CONV_EACH(M)            \
  M(0, 0, p0[0], c)             \
  M(1, 1, p0[lda], c)           \
  M(2, 2, p0[2 * lda], c)       \
  M(3, 3, p0[lda3], c)          \
  M(4, 4, p1[0], c)             \
  M(5, 5, p1[lda], c)           \
  M(6, 6, p1[2 * lda], c)       \
  M(7, 0, p2[0], other_c)       \
  M(8, 1, p2[lda], other_c)     \
  M(9, 2, p2[2 * lda], other_c) \
  M(10, 3, p2[lda3], other_c)   \
  M(11, 4, p3[0], other_c)      \
  M(12, 5, p3[lda], other_c)    \
  M(13, 6, p3[2 * lda], other_c)

#define CONV_HAS(r, i) ((r) < 7 ? (i) < (rows + 1) / 2 : (i) < rows / 2)

#define CONV_ROW_BEGIN(r, i, factor, to)                                      \
  VECTOR sum_##r##_0 = vector_zero(), sum_##r##_1 = sum_##r##_0;              \
  if (CONV_HAS(r, i)) {                                                       \
    vector_fetch(to + i * ldc, 1);                                            \
    if (vectors > 1) vector_fetch(to + i * ldc + VECTOR_FLOATS, 1);           \
  }                                                                           \
  if (CONV_HAS(r, i) && t->store == CONV_GO_ON) {                             \
    sum_##r##_0 = vector_load(to + i * ldc);                                  \
    if (vectors > 1) sum_##r##_1 = vector_load(to + i * ldc + VECTOR_FLOATS); \
  }

#define CONV_ROW_TERM(r, i, factor, to)                            \
  if (CONV_HAS(r, i)) {                                            \
    VECTOR x = vector_all(factor);                                 \
    sum_##r##_0 = vector_fma(x, y0, sum_##r##_0);                  \
    if (vectors > 1) sum_##r##_1 = vector_fma(x, y1, sum_##r##_1); \
  }

#define CONV_ROW_STORE(r, i, factor, to)                                              \
  if (CONV_HAS(r, i)) {                                                               \
    conv_store(to + i * ldc, sum_##r##_0, t->store);                                  \
    if (vectors > 1) conv_store(to + i * ldc + VECTOR_FLOATS, sum_##r##_1, t->store); \
  }

static VECTOR_INLINE void conv_store(float *c, VECTOR sum, ConvStore store) {
  vector_store(c, store == CONV_ADD ? vector_add(vector_load(c), sum) : sum);
}

static VECTOR_INLINE void conv_tile_sized(const ConvTile *t, int rows, int vectors) {
  int64_t lda = t->lda, lda3 = 3 * lda, ldc = t->ldc, other = t->other_a - t->a;
  const float *b = t->b;
  float *c = t->c, *other_c = t->other_c;
  CONV_EACH(CONV_ROW_BEGIN)
  for (int64_t k = 0; k < t->terms; k++, b += CONV_COLUMNS) {
    const float *p0 = t->a + t->at[k], *p1 = rows > 8 ? p0 + 4 * lda : p0, *p2 = rows > 1 ? p0 + other : p0;
    const float *p3 = rows > 9 ? p2 + 4 * lda : p0;
    VECTOR y0 = vector_load(b), y1 = y0;
    if (vectors > 1) y1 = vector_load(b + VECTOR_FLOATS);
    if (vectors > 1) vector_fetch(b + CONV_AHEAD * CONV_COLUMNS, 0);
    if (vectors > 1) vector_fetch(b + CONV_AHEAD * CONV_COLUMNS + VECTOR_FLOATS, 0);
    CONV_EACH(CONV_ROW_TERM)
  }
  CONV_EACH(CONV_ROW_STORE)
}

#define CONV_CASES(rows)                                  \
  case 2 * rows + 1: conv_tile_sized(t, rows, 1); return; \
  case 2 * rows + 2: conv_tile_sized(t, rows, 2); return;

static VECTOR_APART void conv_tile_whole(const ConvTile *t, int rows, int vectors) {
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

// Some columns of the rows of c beside one another, as `part` has them, CONV_COLUMNS apart; or back.
static void conv_tile_part(const ConvTile *t, int rows, int64_t columns, float *part, bool back) {
  for (int r = 0; r < rows; r++) {
    int half = (rows + 1) / 2;
    float *c = r < half ? t->c + r * t->ldc : t->other_c + (r - half) * t->ldc, *own = part + r * CONV_COLUMNS;
    for (int64_t k = 0; k < CONV_COLUMNS && !back; k++) own[k] = k < columns ? c[k] : 0.0f;
    if (back) memcpy(c, own, (size_t)columns * sizeof *c);
  }
}

// The same for any number of columns: where they are no whole vectors, in a place of its own.
static void conv_tile(const ConvTile *t, int rows, int64_t columns) {
  _Alignas(64) float part[CONV_ROWS * CONV_COLUMNS];
  int vectors = (int)conv_parts(columns, VECTOR_FLOATS);
  if (columns % VECTOR_FLOATS == 0) {
    conv_tile_whole(t, rows, vectors);
    return;
  }
  ConvTile whole = *t;
  whole.c = part, whole.other_c = part + (rows + 1) / 2 * CONV_COLUMNS, whole.ldc = CONV_COLUMNS;
  if (t->store != CONV_BEGIN) conv_tile_part(t, rows, columns, part, false);
  conv_tile_whole(&whole, rows, vectors);
  conv_tile_part(t, rows, columns, part, true);
}

// Of a tile whose rows all follow each other.
static void conv_tile_spread(ConvTile *t, int rows) {
  t->other_a = t->a + (rows + 1) / 2 * t->lda;
  t->other_c = t->c + (rows + 1) / 2 * t->ldc;
}

static void conv_tile_even(ConvTile *t, int rows, int64_t columns) {
  conv_tile_spread(t, rows);
  conv_tile(t, rows, columns);
}

// ---- one pass: what is read of a source, and where it goes

// Along one axis: output i, of those that read alike, is place out_first + i * out_step; by tap k it reads the source's
// place first + i * step + k * tap_step; the weights have that tap at weight_first + k * weight_step.
typedef struct {
  int64_t outputs, out_first, out_step, out_size, size, first, step, taps, tap_step, weight_first, weight_step;
} ConvAxis;

typedef struct {
  ConvAxis y, x;
  int64_t groups, terms, columns;             // of a tap in a group, and of the output's channels in one
  int64_t source_channels, out_channels;      // of all groups
  int64_t taps_y, taps_x, channels, filters;  // of the weights
  int64_t weight_term, weight_column;         // steps in them
  int64_t dead;                               // of the weights' taps
  bool few;                                   // of channels to compute: see conv.h
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

// So few channels that vectors are better filled by taps: what each place of the source gives to all of them is found
// first. There must be room for that of the source's rows that one row of outputs reads.
static bool conv_few(const ConvSizes *s, int64_t columns, int64_t terms, int64_t rows, int64_t width) {
  return columns <= CONV_FEW && terms >= CONV_FEW && rows * width * s->taps_y * s->taps_x * columns <= CONV_FLOATS;
}

static ConvPass conv_forward(const ConvSizes *s, const float *x, const float *w, float *y) {
  return (ConvPass){.y = conv_axis(s->height, s->out_height, s->taps_y, s->stride_y, s->pad_y, s->dilation_y),
                    .x = conv_axis(s->width, s->out_width, s->taps_x, s->stride_x, s->pad_x, s->dilation_x),
                    .groups = s->groups,
                    .terms = s->channels / s->groups,
                    .columns = s->filters / s->groups,
                    .source_channels = s->channels,
                    .out_channels = s->filters,
                    .taps_y = s->taps_y,
                    .taps_x = s->taps_x,
                    .channels = s->channels / s->groups,
                    .filters = s->filters,
                    .weight_term = s->filters,
                    .weight_column = 1,
                    .dead = s->dead,
                    .few = conv_few(s, s->filters / s->groups, s->channels / s->groups,
                                    (s->taps_y - 1) * s->dilation_y + 1, s->width),
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
  p.few = conv_few(s, p.columns, p.terms, (s->taps_y - 1) * s->dilation_y / s->stride_y + 2, s->out_width);
  return p;
}

// The tap of the weights that tap (i, j) of the pass is.
static int64_t conv_tap_number(const ConvPass *p, int64_t i, int64_t j) {
  return (p->y.weight_first + i * p->y.weight_step) * p->taps_x + p->x.weight_first + j * p->x.weight_step;
}

static bool conv_dead(const ConvPass *p, int64_t i, int64_t j) {
  int64_t tap = conv_tap_number(p, i, j);
  return tap < CONV_MASKED && p->dead >> tap & 1;
}

// The first tap that lives, from there on, row by row; false where there is none.
static bool conv_live(const ConvPass *p, int64_t *i, int64_t *j) {
  for (; *i < p->y.taps; ++*i, *j = 0)
    for (; *j < p->x.taps; ++*j)
      if (!conv_dead(p, *i, *j)) return true;
  return false;
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

// A part of the terms: of taps from (y, x) on, as many as live and have room, some channels. The terms before it are
// done.
typedef struct {
  int64_t y, x, taps, channel, channels;
  bool first;
} ConvBox;

// The box after this one, as large as CONV_TERMS allows; false after the last.
static bool conv_box_next(const ConvPass *p, ConvBox *b) {
  b->first = !b->channels;
  b->channel += b->channels;
  if (b->channel == p->terms || b->first) {
    b->channel = 0;
    for (int64_t i = 0; i < b->taps; i++) b->x += conv_live(p, &b->y, &b->x);
    if (!conv_live(p, &b->y, &b->x)) return false;
  }
  b->channels = conv_least(CONV_TERMS, p->terms - b->channel);
  int64_t y = b->y, x = b->x, most = b->channels < p->terms ? 1 : CONV_TERMS / p->terms;
  for (b->taps = 0; b->taps < most && conv_live(p, &y, &x); x++) b->taps++;
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

// The weights of a tap of the pass, for a group.
static const float *conv_tap(const ConvPass *p, int64_t i, int64_t j, int64_t group) {
  return p->weights + conv_tap_number(p, i, j) * p->channels * p->filters + group * p->filters / p->groups;
}

static void conv_pack(const ConvPass *p, const ConvBox *b, int64_t group, int64_t column, int64_t columns, float *to) {
  int64_t y = b->y, x = b->x;
  for (int64_t i = 0; i < b->taps && conv_live(p, &y, &x); i++, x++, to += b->channels * CONV_COLUMNS) {
    const float *from = conv_tap(p, y, x, group) + b->channel * p->weight_term;
    conv_pack_tap(p, to, from + column * p->weight_column, b->channels, columns);
  }
}

// Where the terms of a box are in a source whose rows are so many floats apart. Returns how many they are.
static int64_t conv_term_places(const ConvPass *p, const ConvBox *b, int64_t group, int64_t row, int64_t *at) {
  int64_t y = b->y, x = b->x, terms = 0;
  for (int64_t i = 0; i < b->taps && conv_live(p, &y, &x); i++, x++) {
    int64_t first = y * p->y.tap_step * row + x * p->x.tap_step * p->source_channels + group * p->terms + b->channel;
    for (int64_t c = 0; c < b->channels; c++) at[terms++] = first + c;
  }
  return terms;
}

// ---- outputs

// Rows of outputs that are too short to fill a tile wait for others like them.
typedef struct {
  ConvTile tile;
  int64_t columns, waiting;
} ConvRows;

// All columns of some rows, CONV_COLUMNS at a time, while what they multiply is near and what they write lies together.
static void conv_rows_tile(const ConvRows *r, int rows) {
  ConvTile t = r->tile;
  for (int64_t done = 0; done < r->columns; done += CONV_COLUMNS) {
    conv_tile(&t, rows, conv_least(CONV_COLUMNS, r->columns - done));
    t.b += t.terms * CONV_COLUMNS, t.c += CONV_COLUMNS, t.other_c += CONV_COLUMNS;
  }
}

static void conv_rows_end(ConvRows *r) {
  if (r->waiting) {
    conv_tile_spread(&r->tile, (int)r->waiting);
    conv_rows_tile(r, (int)r->waiting);
  }
  r->waiting = 0;
}

static void conv_row(ConvRows *r, const float *a, float *c, int64_t length) {
  if (r->waiting == length) {
    r->tile.other_a = a, r->tile.other_c = c;
    conv_rows_tile(r, (int)(2 * length));
    r->waiting = 0;
    return;
  }
  conv_rows_end(r);
  r->tile.a = a, r->tile.c = c, r->waiting = length;
  if (length > CONV_ROWS / 2) conv_rows_end(r);
}

// Some output channels of bands, for the packed terms of a box.
static void conv_columns(const ConvPass *p, const ConvBand *band, int bands, const ConvBox *box, int64_t column,
                         int64_t columns, int64_t group, const float *panel) {
  int64_t at[CONV_TERMS], row = -1;
  ConvRows r = {.columns = columns};
  r.tile = (ConvTile){.b = panel,
                      .at = at,
                      .lda = p->x.step * p->source_channels,
                      .ldc = p->x.out_step * p->out_channels,
                      .store = box->first ? CONV_BEGIN : CONV_GO_ON};
  for (int i = 0; i < bands; i++) {
    const ConvBand *b = &band[i];
    int64_t tiles = conv_parts(b->columns, CONV_ROWS);
    if (b->row != row) {
      conv_rows_end(&r);
      r.tile.terms = conv_term_places(p, box, group, b->row, at);
    }
    row = b->row;
    for (int64_t y = 0; y < b->rows; y++)
      for (int64_t k = 0; k < tiles; k++) {
        int64_t x = b->columns * k / tiles, end = b->columns * (k + 1) / tiles;
        conv_row(&r, b->source + y * p->y.step * row + x * r.tile.lda,
                 conv_out(p, b->image, b->y + y, b->x + x) + group * p->columns + column, end - x);
      }
  }
  conv_rows_end(&r);
}

static void conv_bands_by_tiles(const ConvPass *p, const ConvBand *band, int bands) {
  _Alignas(64) float panel[(CONV_TERMS + CONV_AHEAD) * CONV_COLUMNS];
  for (int64_t group = 0; group < p->groups; group++)
    for (ConvBox box = {0}; conv_box_next(p, &box);)
      for (int64_t column = 0, columns; column < p->columns; column += columns) {
        int64_t terms = box.taps * box.channels;
        columns = conv_least(CONV_TERMS / terms * CONV_COLUMNS, p->columns - column);
        for (int64_t i = 0; i < columns; i += CONV_COLUMNS)
          conv_pack(p, &box, group, column + i, conv_least(CONV_COLUMNS, columns - i), panel + i * terms);
        conv_columns(p, band, bands, &box, column, columns, group, panel);
      }
}

// ---- groups of one channel that give one: vectors hold channels, each with its own weights

static bool conv_alone(const ConvPass *p) {
  return p->groups > 1 && p->terms == 1 && p->columns == 1 && p->y.taps * p->x.taps <= CONV_TERMS;
}

// The channels of one place of the output from its window in the source.
static VECTOR_TARGET void conv_alone_place(int64_t channels, int64_t taps, const float *a, const int64_t *at,
                                           const float *const *w, float *out) {
  int64_t c = 0;
  for (; c + VECTOR_FLOATS <= channels; c += VECTOR_FLOATS) {
    VECTOR sum = vector_zero();
    for (int64_t k = 0; k < taps; k++) sum = vector_fma(vector_load(a + at[k] + c), vector_load(w[k] + c), sum);
    vector_store(out + c, sum);
  }
  for (; c < channels; c++) {
    float sum = 0.0f;
    for (int64_t k = 0; k < taps; k++) sum = m_fma(a[at[k] + c], w[k][c], sum);
    out[c] = sum;
  }
}

static void conv_alone_band(const ConvPass *p, const ConvBand *b) {
  int64_t at[CONV_TERMS], i = 0, j = 0, taps = 0;
  const float *w[CONV_TERMS];
  for (; conv_live(p, &i, &j); j++, taps++) {
    at[taps] = i * p->y.tap_step * b->row + j * p->x.tap_step * p->source_channels;
    w[taps] = conv_tap(p, i, j, 0);
  }
  for (int64_t y = 0; y < b->rows; y++)
    for (int64_t x = 0; x < b->columns; x++)
      conv_alone_place(p->groups, taps, b->source + y * p->y.step * b->row + x * p->x.step * p->source_channels, at, w,
                       conv_out(p, b->image, b->y + y, b->x + x));
}

static void conv_bands(const ConvPass *p, const ConvBand *band, int bands) {
  if (!conv_alone(p)) conv_bands_by_tiles(p, band, bands);
  for (int i = 0; i < bands && conv_alone(p); i++) conv_alone_band(p, &band[i]);
}

// ---- the same by its definition: where there are no vectors, no taps, or no room for a window

static float conv_element(const ConvPass *p, int64_t image, int64_t y, int64_t x, int64_t group, int64_t column) {
  float all = 0.0f, sum = 0.0f;
  for (int64_t i = 0; i < p->y.taps; i++)
    for (int64_t j = 0; j < p->x.taps; j++) {
      int64_t from_y = p->y.first + y * p->y.step + i * p->y.tap_step;
      int64_t from_x = p->x.first + x * p->x.step + j * p->x.tap_step;
      bool inside = from_y >= 0 && from_y < p->y.size && from_x >= 0 && from_x < p->x.size;
      const float *a = p->source + ((image * p->y.size + from_y) * p->x.size + from_x) * p->source_channels;
      const float *w = conv_tap(p, i, j, group);
      if (conv_dead(p, i, j) || (p->few && !inside)) continue;
      for (int64_t t = 0; t < p->terms; t++)
        sum = m_fma(inside ? a[group * p->terms + t] : 0.0f, w[t * p->weight_term + column * p->weight_column], sum);
      if (p->few) all += sum, sum = 0.0f;
    }
  return p->few ? all : sum;
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
  if (vector_exists() && conv_live(p, &(int64_t){0}, &(int64_t){0})) conv_band_sizes(p, &most_rows, &most_columns);
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
        conv_band_ready(p, &b, source + used);
        used += conv_band_floats(p, &b);
        band[bands++] = b;
      }
  }
  if (bands) conv_bands(p, band, bands);
}

// ---- few channels

// What the places of some rows of the source give to each tap and channel of a group: [rows][width][taps * columns].
typedef struct {
  int64_t first, rows, wide;
  float *at;
} ConvGiven;

// The weights of terms x (tap, column), from column `first` on.
static void conv_pack_taps(const ConvPass *p, int64_t group, int64_t first, int64_t columns, float *to) {
  int64_t end = conv_parts(columns, VECTOR_FLOATS) * VECTOR_FLOATS;
  for (int64_t k = 0; k < end; k++) {
    int64_t tap = (first + k) / p->columns, column = (first + k) % p->columns;
    const float *from = p->weights + tap * p->channels * p->filters + group * p->filters / p->groups;
    for (int64_t t = 0; t < p->terms; t++)
      to[t * CONV_COLUMNS + k] = k < columns ? from[t * p->weight_term + column * p->weight_column] : 0.0f;
  }
}

static void conv_give(const ConvPass *p, int64_t image, int64_t group, const ConvGiven *g) {
  _Alignas(64) float panel[(CONV_TERMS + CONV_AHEAD) * CONV_COLUMNS];
  int64_t at[CONV_TERMS];
  for (int64_t i = 0; i < CONV_TERMS; i++) at[i] = i;
  int64_t places = g->rows * p->x.size, tiles = conv_parts(places, CONV_ROWS);
  const float *source = p->source + (image * p->y.size + g->first) * p->x.size * p->source_channels + group * p->terms;
  for (int64_t term = 0; term < p->terms; term += CONV_TERMS) {
    ConvPass part = *p;
    part.terms = conv_least(CONV_TERMS, p->terms - term);
    part.weights = p->weights + term * p->weight_term;
    for (int64_t column = 0; column < g->wide; column += CONV_COLUMNS) {
      int64_t columns = conv_least(CONV_COLUMNS, g->wide - column);
      conv_pack_taps(&part, group, column, columns, panel);
      for (int64_t i = 0; i < tiles; i++) {
        int64_t first = places * i / tiles, end = places * (i + 1) / tiles;
        ConvTile t = {.a = source + first * p->source_channels + term,
                      .b = panel,
                      .at = at,
                      .lda = p->source_channels,
                      .terms = part.terms,
                      .c = g->at + first * g->wide + column,
                      .ldc = g->wide,
                      .store = term ? CONV_GO_ON : CONV_BEGIN};
        conv_tile_even(&t, (int)(end - first), columns);
      }
    }
  }
}

// One row of outputs, of what was given: tap by tap, for those that read it inside of the image.
static void conv_take(const ConvPass *p, int64_t image, int64_t y, int64_t group, const ConvGiven *g) {
  float *out = conv_out(p, image, y, 0) + group * p->columns;
  int64_t step = p->x.out_step * p->out_channels, i = 0, j = 0;
  for (int64_t x = 0; x < p->x.outputs; x++)
    for (int64_t c = 0; c < p->columns; c++) out[x * step + c] = 0.0f;
  for (; conv_live(p, &i, &j); j++) {
    int64_t row = p->y.first + y * p->y.step + i * p->y.tap_step, first = p->x.first + j * p->x.tap_step;
    if (row < 0 || row >= p->y.size) continue;
    int64_t x = conv_parts(conv_most(0, -first), p->x.step), wide = p->x.step * g->wide;
    int64_t end = conv_least(p->x.outputs, conv_parts(conv_most(0, p->x.size - first), p->x.step));
    const float *from =
        g->at + ((row - g->first) * p->x.size + first) * g->wide + conv_tap_number(p, i, j) * p->columns;
    for (; x < end; x++)
      for (int64_t c = 0; c < p->columns; c++) out[x * step + c] += from[x * wide + c];
  }
}

// A convolution or its adjoint by x, which is one pass for each phase.
typedef struct {
  const ConvSizes *sizes;
  const float *in, *w;
  float *out;
  bool back;
} ConvWhole;

static int64_t conv_passes(const ConvWhole *c) { return c->back ? c->sizes->stride_y * c->sizes->stride_x : 1; }

static ConvPass conv_part(const ConvWhole *c, int64_t k) {
  if (!c->back) return conv_forward(c->sizes, c->in, c->w, c->out);
  return conv_backward(c->sizes, c->in, c->w, c->out, k / c->sizes->stride_x, k % c->sizes->stride_x);
}

// The rows of the source that the rows of an image from `begin` to `end` read, in all phases.
static ConvGiven conv_source_rows(const ConvWhole *c, int64_t begin, int64_t end) {
  int64_t low = INT64_MAX, high = 0, size = 0, first, last;
  for (int64_t k = 0; k < conv_passes(c); k++) {
    const ConvPass p = conv_part(c, k);
    conv_rows_of(&p.y, begin, end, &first, &last);
    size = p.y.size;
    if (last <= first) continue;
    low = conv_least(low, p.y.first + first * p.y.step);
    high = conv_most(high, p.y.first + (last - 1) * p.y.step + (p.y.taps - 1) * p.y.tap_step + 1);
  }
  low = conv_least(conv_most(low, 0), size), high = conv_least(high, size);
  return (ConvGiven){.first = low, .rows = conv_most(0, high - low)};
}

static void conv_few_rows(const ConvWhole *c, int64_t image, int64_t begin, int64_t end, ConvGiven g) {
  const ConvPass any = conv_part(c, 0);
  int64_t first, last;
  for (int64_t group = 0; group < any.groups; group++) {
    conv_give(&any, image, group, &g);
    for (int64_t k = 0; k < conv_passes(c); k++) {
      const ConvPass p = conv_part(c, k);
      conv_rows_of(&p.y, begin, end, &first, &last);
      for (int64_t y = first; y < last; y++) conv_take(&p, image, y, group, &g);
    }
  }
}

static void conv_by_taps(const ConvWhole *c, int64_t begin, int64_t end) {
  _Alignas(64) float given[CONV_FLOATS];
  const ConvPass p = conv_part(c, 0);
  int64_t high = p.y.out_size;
  for (int64_t row = begin, next; row < end; row = next) {
    int64_t image = row / high, y = row - image * high, rows = conv_least(end - image * high, high) - y;
    ConvGiven g = conv_source_rows(c, y, y + rows);
    for (g.wide = p.taps_y * p.taps_x * p.columns; g.rows * p.x.size * g.wide > CONV_FLOATS;) {
      int64_t wide = g.wide;
      rows = conv_parts(rows, 2);
      g = conv_source_rows(c, y, y + rows), g.wide = wide;
    }
    g.at = given;
    conv_few_rows(c, image, y, y + rows, g);
    next = row + rows;
  }
}

// ---- both

static void conv_whole(const ConvWhole *c, int64_t begin, int64_t end) {
  ConvPass p = conv_part(c, 0);
  if (p.few && vector_exists()) {
    conv_by_taps(c, begin, end);
    return;
  }
  for (int64_t k = 0; k < conv_passes(c); k++) {
    p = conv_part(c, k);
    conv_pass(&p, begin, end);
  }
}

void convolve(const ConvSizes *s, const float *x, const float *w, float *y, int64_t begin, int64_t end) {
  conv_whole(&(ConvWhole){s, x, w, y, false}, begin, end);
}

void convolve_back(const ConvSizes *s, const float *d, const float *w, float *x, int64_t begin, int64_t end) {
  conv_whole(&(ConvWhole){s, d, w, x, true}, begin, end);
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

// Where the places of a chunk are in its source. Returns how many they are.
static int64_t conv_chunk_places(const ConvPass *p, const ConvChunk *c, int64_t *at) {
  int64_t n = 0;
  for (int64_t i = 0; i < c->images; i++)
    for (int64_t y = 0; y < c->band.rows; y++)
      for (int64_t x = 0; x < c->band.columns; x++)
        at[n++] = i * c->step + y * p->y.step * c->band.row + x * p->x.step * p->source_channels;
  return n;
}

// Some terms of one tap, or of a line of taps where they follow each other in the source. `t` has their places.
static void conv_weight_terms(ConvTile t, int64_t terms, int64_t columns) {
  const float *a = t.a;
  float *c = t.c;
  int64_t tiles = conv_parts(terms, CONV_ROWS);
  for (int64_t i = 0; i < tiles; i++) {
    int64_t first = terms * i / tiles, end = terms * (i + 1) / tiles;
    t.a = a + first;
    t.c = c + first * t.ldc;
    conv_tile_even(&t, (int)(end - first), columns);
  }
}

// A line of taps that live side by side, or one tap: it begins at tap (y, x), and its terms at `live` among those that
// live; the adjoint gives w's terms from `at` on.
typedef struct {
  int64_t y, x, taps, live, at;
} ConvLine;

static bool conv_line_next(const ConvPass *p, ConvLine *l) {
  bool joined = p->groups == 1 && p->x.tap_step == 1;
  l->live += l->taps * p->terms, l->x += l->taps;
  if (!conv_live(p, &l->y, &l->x)) return false;
  for (l->taps = 1; joined && l->x + l->taps < p->x.taps && !conv_dead(p, l->y, l->x + l->taps);) l->taps++;
  l->at = conv_tap_number(p, l->y, l->x) * p->terms;
  return true;
}

// What the first place of a chunk reads by the first tap of a line.
static const float *conv_line_source(const ConvPass *p, const ConvChunk *c, const ConvLine *l) {
  return c->band.source + l->y * p->y.tap_step * c->band.row + l->x * p->x.tap_step * p->source_channels;
}

// Some vectors of one tap's weights where each channel is alone, of a tile whose b is the adjoint where it lies: its
// places in a chunk follow each other.
static VECTOR_INLINE void conv_alone_sums(const ConvTile *t, int64_t c, int vectors) {
  VECTOR sum[4];
  const float *d = t->b + c;
  for (int v = 0; v < vectors; v++) sum[v] = vector_zero();
  for (int64_t k = 0; k < t->terms; k++, d += t->ldc)
    for (int v = 0; v < vectors; v++)
      sum[v] =
          vector_fma(vector_load(t->a + t->at[k] + c + v * VECTOR_FLOATS), vector_load(d + v * VECTOR_FLOATS), sum[v]);
  for (int v = 0; v < vectors; v++) conv_store(t->c + c + v * VECTOR_FLOATS, sum[v], t->store);
}

static VECTOR_TARGET void conv_alone_weights(const ConvTile *t) {
  int64_t c = 0;
  for (; c + 4 * VECTOR_FLOATS <= t->ldc; c += 4 * VECTOR_FLOATS) conv_alone_sums(t, c, 4);
  for (; c + VECTOR_FLOATS <= t->ldc; c += VECTOR_FLOATS) conv_alone_sums(t, c, 1);
  for (; c < t->ldc; c++) {
    float sum = 0.0f;
    for (int64_t k = 0; k < t->terms; k++) sum = m_fma(t->a[t->at[k] + c], t->b[k * t->ldc + c], sum);
    t->c[c] = t->store == CONV_ADD ? t->c[c] + sum : sum;
  }
}

// By tiles, for the terms from `begin` to `end`; `t` has the places of the chunk.
static void conv_weight_tiles(const ConvPass *p, const ConvChunk *c, ConvTile t, const float *d, float *w,
                              int64_t begin, int64_t end) {
  _Alignas(64) float places[(CONV_PLACES + CONV_AHEAD) * CONV_COLUMNS];
  t.b = places;
  for (int64_t group = 0; group < p->groups; group++)
    for (int64_t column = 0; column < p->columns; column += CONV_COLUMNS) {
      int64_t columns = conv_least(CONV_COLUMNS, p->columns - column), filter = group * p->columns + column;
      conv_pack_places(p, d, c, filter, columns, places);
      for (ConvLine l = {0}; conv_line_next(p, &l);) {
        int64_t first = conv_most(begin, l.live) - l.live, last = conv_least(end - l.live, l.taps * p->terms);
        t.a = conv_line_source(p, c, &l) + group * p->terms + first;
        t.c = w + (l.at + first) * p->filters + filter;
        if (first < last) conv_weight_terms(t, last - first, columns);
      }
    }
}

static void conv_weight_chunk(const ConvPass *p, const ConvChunk *c, const float *d, float *w, int64_t begin,
                              int64_t end) {
  int64_t at[CONV_PLACES];
  ConvTile t = {.b = conv_place(p, d, &c->band, 0, 0, 0),
                .at = at,
                .lda = 1,
                .terms = conv_chunk_places(p, c, at),
                .ldc = p->filters,
                .store = c->band.image || c->band.y || c->band.x ? CONV_ADD : CONV_BEGIN};
  if (!conv_alone(p)) conv_weight_tiles(p, c, t, d, w, begin, end);
  for (ConvLine l = {0}; conv_alone(p) && conv_line_next(p, &l);) {
    t.a = conv_line_source(p, c, &l);
    t.c = w + l.at * p->filters;
    if (begin <= l.live && l.live < end) conv_alone_weights(&t);
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
  for (ConvLine l = {0}; conv_line_next(p, &l);)
    for (int64_t i = conv_most(begin - l.live, 0); i < conv_least(end - l.live, l.taps * p->terms); i++)
      for (int64_t k = 0; k < p->filters; k++) {
        float sum = conv_weight_sum(p, c, d, l.at + i, k), *to = &w[(l.at + i) * p->filters + k];
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
  int64_t tap = p.terms * p.filters;
  for (int64_t i = 0; i < s->taps_y * s->taps_x && begin == 0; i++)
    if (conv_dead(&p, 0, i)) memset(w + i * tap, 0, (size_t)tap * sizeof *w);
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
