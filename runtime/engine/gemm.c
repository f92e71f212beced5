// Matrix products; see gemm.h.
//
// The product is made of tiles, TILE_ROWS x TILE_COLUMNS elements that stay in registers while the terms go by. For
// that the columns of b are packed into panels in which the TILE_COLUMNS factors of a term follow each other, one panel
// at a time, which all tiles of a block of rows then use. Rows of a are read where they lie, unless a is transposed or
// its rows would fall on each other in the caches: then they are packed likewise, for a block that the second cache
// holds. After K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
#include "engine/gemm.h"

#include <string.h>

#include "core/maths.h"
#include "engine/vectors.h"

// Registers allow for tiles of 8 x 3 vectors where there are 32, otherwise 4 x 3.
#if VECTOR_REGISTERS == 32
#define TILE_ROWS 8
#else
#define TILE_ROWS 4
#endif

enum {
  TILE_VECTORS = 3,
  TILE_COLUMNS = TILE_VECTORS * VECTOR_FLOATS,
  BLOCK_FLOATS = 1 << 17,  // of the packed rows of a: half of what the second cache holds
  FEW_ROWS = 128,          // so few that the columns of b are read where they lie,
  FEWEST_ROWS = 64,        // and so few that they are even where rows of b are SAME_PLACE apart:
  SAME_PLACE = 1024,       // rows so many floats apart fall on each other in the caches
  AHEAD = 8,               // terms for which factors are asked for in time: a set of the nearest cache holds 8 to 12
  NARROW = 16,             // products with fewer columns are made transposed,
  NARROW_ROWS = 64         // and those with at most so many rows and a transposed b
};

// ---- packing

// out[p * width + c] = in[p * ld + c] for the first `columns` of `width`, the others 0.
static void pack_along(float *restrict out, int64_t width, const float *restrict in, int64_t ld, int64_t columns,
                       int64_t terms) {
  for (int64_t p = 0; p < terms; p++, in += ld, out += width) {
    for (int64_t c = 0; c < columns; c += VECTOR_LINE) vector_fetch(in + AHEAD * ld + c, 0);
    if (columns < width) {
      for (int64_t c = 0; c < width; c++) out[c] = c < columns ? in[c] : 0.0f;
    } else if (width == TILE_COLUMNS) {
      memcpy(out, in, TILE_COLUMNS * sizeof *out);
    } else {
      memcpy(out, in, TILE_ROWS * sizeof *out);
    }
  }
}

// ---- tiles

// rows x columns of c, for terms whose factors lie in rows of a, lda floats apart, or in a panel of it, and, step_b
// floats apart, in b.
typedef struct {
  const float *a, *b;
  int64_t lda, step_b, terms;
  float *c;
  int64_t ldc;
  bool first;  // nothing was added to c so far
} Tile;

// The elements of a tile are variables of their own, which every compiler keeps in registers. `rows`, `vectors` and
// `packed` are known where the function is used, and what they exclude vanishes.
// With each row comes its factor where rows are read in place; `middle` is the fifth of them, so that few registers
// hold all addresses.
#define EACH_ROW(M)      \
  M(0, a[0]);            \
  M(1, a[lda]);          \
  M(2, a[2 * lda]);      \
  M(3, a[lda3]);         \
  M(4, middle[0]);       \
  M(5, middle[lda]);     \
  M(6, middle[2 * lda]); \
  M(7, middle[lda3])

#define ROW_BEGIN(r, factor)                                                                \
  VECTOR sum_##r##_0 = vector_zero(), sum_##r##_1 = sum_##r##_0, sum_##r##_2 = sum_##r##_0; \
  if (rows > r) {                                                                           \
    vector_fetch(c + r * ldc, 1);                                                           \
    if (vectors > 1) vector_fetch(c + r * ldc + VECTOR_FLOATS, 1);                          \
    if (vectors > 2) vector_fetch(c + r * ldc + 2 * VECTOR_FLOATS, 1);                      \
  }

#define ROW_TERM(r, factor)                                        \
  if (rows > r) {                                                  \
    VECTOR x = vector_all(packed ? a[r] : factor);                 \
    sum_##r##_0 = vector_fma(x, y0, sum_##r##_0);                  \
    if (vectors > 1) sum_##r##_1 = vector_fma(x, y1, sum_##r##_1); \
    if (vectors > 2) sum_##r##_2 = vector_fma(x, y2, sum_##r##_2); \
  }

#define ROW_STORE(r, factor)                                                            \
  if (rows > r) {                                                                       \
    sum_store(c + r * ldc, sum_##r##_0, t->first);                                      \
    if (vectors > 1) sum_store(c + r * ldc + VECTOR_FLOATS, sum_##r##_1, t->first);     \
    if (vectors > 2) sum_store(c + r * ldc + 2 * VECTOR_FLOATS, sum_##r##_2, t->first); \
  }

static VECTOR_INLINE void sum_store(float *c, VECTOR sum, bool first) {
  vector_store(c, first ? sum : vector_add(vector_load(c), sum));
}

static VECTOR_INLINE void tile_product(const Tile *t, int rows, int vectors, bool packed) {
  int64_t lda = t->lda, lda3 = 3 * lda, ldc = t->ldc, step_a = packed ? TILE_ROWS : 1;
  const float *a = t->a, *middle = rows > 4 ? a + 4 * lda : a, *b = t->b;
  float *c = t->c;
  EACH_ROW(ROW_BEGIN);
  for (int64_t p = 0; p < t->terms; p++, a += step_a, middle += step_a, b += t->step_b) {
    const float *ahead = b + AHEAD * t->step_b;
    VECTOR y0 = vector_load(b), y1 = y0, y2 = y0;
    vector_fetch(ahead, 0);
    if (vectors > 1) vector_fetch(ahead + VECTOR_FLOATS, 0);
    if (vectors > 2) vector_fetch(ahead + 2 * VECTOR_FLOATS, 0);
    if (vectors > 1) y1 = vector_load(b + VECTOR_FLOATS);
    if (vectors > 2) y2 = vector_load(b + 2 * VECTOR_FLOATS);
    EACH_ROW(ROW_TERM);
  }
  EACH_ROW(ROW_STORE);
}

#define TILE_CASES(rows)                                       \
  case 4 * rows + 1: tile_product(t, rows, 1, packed); return; \
  case 4 * rows + 2: tile_product(t, rows, 2, packed); return; \
  case 4 * rows + 3: tile_product(t, rows, 3, packed); return;

static VECTOR_INLINE void tile_sized(const Tile *t, int rows, int vectors, bool packed) {
  switch (4 * rows + vectors) {
    TILE_CASES(1)
    TILE_CASES(2)
    TILE_CASES(3)
    TILE_CASES(4)
#if TILE_ROWS > 4
    TILE_CASES(5)
    TILE_CASES(6)
    TILE_CASES(7)
    TILE_CASES(8)
#endif
  }
}

static VECTOR_APART void tile_packed(const Tile *t, int rows, int vectors) { tile_sized(t, rows, vectors, true); }

static VECTOR_APART void tile_in_place(const Tile *t, int rows, int vectors) { tile_sized(t, rows, vectors, false); }

static void tile_whole(const Tile *t, int rows, int vectors) {
  if (t->lda)
    tile_in_place(t, rows, vectors);
  else
    tile_packed(t, rows, vectors);
}

// ---- blocks

typedef struct {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const float *a, *b;
  int64_t lda, ldb;
  float *c;
  int64_t ldc;
  bool turned;  // what is computed goes to c transposed
  GemmHalf half;
  int64_t row0;  // of the product that these are rows of
} Product;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Of `terms` terms from `term` on, those of a row: the first of them, and their number.
static int64_t terms_of(const Product *g, int64_t row, int64_t term, int64_t *terms) {
  int64_t group = (g->row0 + row) / GEMM_ROWS * GEMM_ROWS, end = term + *terms, first = term;
  if (g->half == GEMM_LOWER) end = most(term, least(end, group + GEMM_ROWS));
  if (g->half == GEMM_UPPER) first = least(end, most(term, group));
  *terms = end - first;
  return first;
}

// Of `columns` columns from `column` on, how many of a row.
static int64_t columns_of(const Product *g, int64_t row, int64_t column, int64_t columns) {
  return g->half == GEMM_MIRRORED ? most(0, least(columns, g->row0 + row + 1 - column)) : columns;
}

// c = sum, or c + sum, where `sum` was computed in a place of its own.
static VECTOR_INLINE void add_sums(const float *sum, int64_t ld, int rows, int columns, float *c, int64_t ldc,
                                   bool first) {
  for (int i = 0; i < rows; i++, sum += ld, c += ldc)
    for (int j = 0; j < columns; j++) c[j] = first ? sum[j] : c[j] + sum[j];
}

// The same for a tile and its place in a transposed c.
static VECTOR_TARGET void add_turned(const float *sum, int rows, int columns, float *c, int64_t ldc, bool first) {
  float block[VECTOR_BLOCK * VECTOR_BLOCK];
  for (int i = 0; i < rows; i += VECTOR_BLOCK)
    for (int j = 0; j < columns; j += VECTOR_BLOCK) {
      vector_transpose(block, VECTOR_BLOCK, sum + i * TILE_COLUMNS + j, TILE_COLUMNS);
      int width = rows - i < VECTOR_BLOCK ? rows - i : VECTOR_BLOCK,
          height = columns - j < VECTOR_BLOCK ? columns - j : VECTOR_BLOCK;
      if (width == VECTOR_BLOCK && height == VECTOR_BLOCK)
        add_sums(block, VECTOR_BLOCK, VECTOR_BLOCK, VECTOR_BLOCK, c + j * ldc + i, ldc, first);
      else
        add_sums(block, VECTOR_BLOCK, height, width, c + j * ldc + i, ldc, first);
    }
}

// A tile of the product, whose factors are known.
static VECTOR_TARGET void product_tile(const Product *g, Tile t, int64_t row, int64_t column, int rows, int columns,
                                       bool first) {
  _Alignas(64) float sum[(TILE_ROWS > VECTOR_BLOCK ? TILE_ROWS : VECTOR_BLOCK) * TILE_COLUMNS + VECTOR_BLOCK];
  bool whole = !g->turned && columns % VECTOR_FLOATS == 0 && columns_of(g, row, column, columns) == columns;
  float *c = g->turned ? g->c + column * g->ldc + row : g->c + row * g->ldc + column;
  t.c = whole ? c : sum;
  t.ldc = whole ? g->ldc : TILE_COLUMNS;
  t.first = !whole || first;
  tile_whole(&t, rows, (columns + VECTOR_FLOATS - 1) / VECTOR_FLOATS);
  if (g->turned)
    add_turned(sum, rows, columns, c, g->ldc, first);
  else if (!whole)
    for (int i = 0; i < rows; i++)
      add_sums(sum + i * TILE_COLUMNS, TILE_COLUMNS, 1, (int)columns_of(g, row + i, column, columns), c + i * g->ldc,
               g->ldc, first);
}

// Some rows of the product, for `terms` terms from `term`.
static void product_block(const Product *g, int64_t row, int64_t rows, int64_t term, int64_t terms) {
  _Alignas(64) float panel_a[BLOCK_FLOATS], panel_b[TILE_COLUMNS * GEMM_TERMS];
  bool in_place = !g->transpose_a && g->lda % SAME_PLACE;
  for (int64_t r = 0; r < rows && !in_place; r += TILE_ROWS) {
    int64_t height = least(rows - r, TILE_ROWS);
    if (g->transpose_a)
      pack_along(panel_a + r * terms, TILE_ROWS, g->a + term * g->lda + row + r, g->lda, height, terms);
    else
      vector_pack_across(panel_a + r * terms, TILE_ROWS, g->a + (row + r) * g->lda + term, g->lda, height, terms);
  }
  for (int64_t column = 0; column < g->n; column += TILE_COLUMNS) {
    int64_t width = least(g->n - column, TILE_COLUMNS);
    Tile t = {.lda = in_place ? g->lda : 0, .b = panel_b, .step_b = TILE_COLUMNS, .terms = terms};
    if (g->transpose_b) {
      vector_pack_across(panel_b, TILE_COLUMNS, g->b + column * g->ldb + term, g->ldb, width, terms);
    } else if (rows <= (g->ldb % SAME_PLACE ? FEW_ROWS : FEWEST_ROWS) && width % VECTOR_FLOATS == 0) {
      t.b = g->b + term * g->ldb + column;
      t.step_b = g->ldb;
    } else {
      pack_along(panel_b, TILE_COLUMNS, g->b + term * g->ldb + column, g->ldb, width, terms);
    }
    for (int64_t r = 0; r < rows; r += TILE_ROWS) {
      int64_t height = least(rows - r, TILE_ROWS), columns = columns_of(g, row + r + height - 1, column, width);
      Tile tile = t;
      int64_t skipped = terms_of(g, row + r, term, &tile.terms) - term;
      tile.a = in_place ? g->a + (row + r) * g->lda + term + skipped : panel_a + r * terms + skipped * TILE_ROWS;
      tile.b += skipped * t.step_b;
      if (columns) product_tile(g, tile, row + r, column, (int)height, (int)columns, term == 0);
    }
  }
}

// All of the product, in blocks of rows of about the same size.
static void product_blocks(const Product *g) {
  for (int64_t term = 0; term < g->k; term += GEMM_TERMS) {
    int64_t terms = least(g->k - term, GEMM_TERMS), fit = BLOCK_FLOATS / terms / TILE_ROWS * TILE_ROWS;
    int64_t blocks = (g->m + fit - 1) / fit, rows = (g->m + blocks - 1) / blocks;
    rows = (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    for (int64_t row = 0; row < g->m; row += rows) product_block(g, row, least(g->m - row, rows), term, terms);
  }
}

// Few columns are few rows of the transposed product, in which vectors find enough to do. Where a transposed b is
// multiplied by few rows only, to pack it would take about as long, and in the transposed product it is read in place.
static bool product_turns(const Product *g) {
  if (g->half != GEMM_WHOLE) return false;
  bool packs = g->transpose_b && !g->transpose_a && g->m >= NARROW && g->m <= NARROW_ROWS && g->ldb % SAME_PLACE;
  return g->n < NARROW ? g->n < g->m : packs && g->n > g->m;
}

static Product product_turned(const Product *g) {
  return (Product){.transpose_a = !g->transpose_b,
                   .transpose_b = !g->transpose_a,
                   .m = g->n,
                   .n = g->m,
                   .k = g->k,
                   .a = g->b,
                   .b = g->a,
                   .lda = g->ldb,
                   .ldb = g->lda,
                   .c = g->c,
                   .ldc = g->ldc,
                   .turned = true};
}

// ---- the same without vectors, for machines that lack them

static void product_plain(const Product *g) {
  for (int64_t i = 0; i < g->m; i++)
    for (int64_t j = 0; j < columns_of(g, i, 0, g->n); j++) {
      float all = 0;
      for (int64_t term = 0; term < g->k; term += GEMM_TERMS) {
        int64_t terms = least(g->k - term, GEMM_TERMS), first = terms_of(g, i, term, &terms);
        float sum = 0;
        for (int64_t p = first; p < first + terms; p++)
          sum = m_fma(g->transpose_a ? g->a[p * g->lda + i] : g->a[i * g->lda + p],
                      g->transpose_b ? g->b[j * g->ldb + p] : g->b[p * g->ldb + j], sum);
        all = term ? all + sum : sum;
      }
      g->c[g->turned ? j * g->ldc + i : i * g->ldc + j] = all;
    }
}

bool gemm_knows_processor(void) { return VECTOR_FLOATS > 1 && vector_exists(); }

// What lies below the diagonal goes above it too.
static void mirror(const Product *g) {
  for (int64_t i = 0; i < g->m; i++)
    for (int64_t j = 0; j < least(g->n, g->row0 + i); j++)
      g->c[(j - g->row0) * g->ldc + g->row0 + i] = g->c[i * g->ldc + j];
}

void gemm_half(GemmHalf half, int64_t row, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
               const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc) {
  Product g = {transpose_a, transpose_b, m, n, k, a, b, lda, ldb, c, ldc, false, half, row};
  if (m < 1 || n < 1) return;
  if (product_turns(&g)) g = product_turned(&g);
  if (vector_exists())
    product_blocks(&g);
  else
    product_plain(&g);
  if (half == GEMM_MIRRORED) mirror(&g);
}

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
          const float *b, int64_t ldb, float *c, int64_t ldc) {
  gemm_half(GEMM_WHOLE, 0, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc);
}
