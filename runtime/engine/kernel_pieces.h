// The C of kernels and of parts of them, for the executor and emitted programs alike, so that they agree to the last
// bit.
#ifndef GMC_KERNEL_PIECES_H
#define GMC_KERNEL_PIECES_H

#include "core/run.h"

// Sums and maxima in 16 lanes: element j goes to lane j % 16, in order of j; then the lanes are joined by halves.
enum { LANES = 16 };
void lanes_zero(float *lane);
void lanes_low(float *lane);
void lanes_add(float *lane, const float *x, int64_t n);  // n elements, the first for lane 0
void lanes_maximum(float *lane, const float *x, int64_t n);
float lanes_sum(const float *lane);
float lanes_largest(const float *lane);

// Where a piece of a kernel begins, whose pieces divide `size` at multiples of `grain`; piece `pieces` begins at the
// end.
int64_t piece_begin(int64_t size, int64_t grain, int piece, int pieces);

// What kernels are handed, each with the function that does its part from `begin` to `end` of what pieces divide. The
// fields are the operands and numbers of kernels.def; what is said of sizes and strides stands there.

// c[i] = op(a[i]) * op(b[i]) for every i of the batch, matrices with leading dimensions; never accumulates. Pieces
// divide rows or columns of c, in whole tiles, or the batch.
enum { CUT_ROWS, CUT_COLUMNS, CUT_BATCH };
typedef struct {
  const float *a, *b;
  float *c;
  int64_t batch, m, n, k, transpose_a, transpose_b;
  int64_t lda, ldb, ldc, step_a, step_b, step_c;  // from row to row; from one matrix of the batch to the next
  int64_t half, row;                              // a GemmHalf; which row of the whole c begins at, for those alike
  int64_t cut;
} Matmul;
void matmul_piece(const Matmul *p, int64_t begin, int64_t end);
Matmul matmul_part(const Matmul *p, int64_t begin, int64_t end);  // a product that does all of a piece

// Uniform numbers on (0, 1), row by row; `address` is a RandomAddress. For RANDOM_ONCE there is one row. In a turn of a
// loop they are those that come step_0 times its number later in the row, likewise for the loops within.
typedef struct {
  float *out;
  int64_t rows, count, stream, address;
  int64_t step_0, step_1, step_2, step_3;
} Random;
void random_piece(const Run *run, const Random *p, int64_t begin, int64_t end);

// out[i][r] = table[index[i]][r]
typedef struct {
  const float *table, *index;
  float *out;
  int64_t rows, indices, width;
} Gather;
void gather_piece(const Gather *p, int64_t begin, int64_t end);

// out[index[i]][r] += values[i][r], out first zeroed; in order of i.
typedef struct {
  const float *values, *index;
  float *out;
  int64_t rows, indices, width;
} Scatter;
void scatter_piece(const Scatter *p, int64_t begin, int64_t end);

// Running sums along the middle axis: out[i] = sum of in[k] for k <= i, or for k >= i from the end.
typedef struct {
  const float *in;
  float *out;
  int64_t outer, length, inner, from_end;
} Cumsum;
void cumsum_piece(const Cumsum *p, int64_t begin, int64_t end);

// The index along the middle axis: out[o][i][r] = i.
typedef struct {
  float *out;
  int64_t outer, length, inner;
} Iota;
void iota_piece(const Iota *p, int64_t begin, int64_t end);

// out[i] is the lower triangular L with L L' = a[i], of which the lower triangle is read: 0 above the diagonal, and NaN
// from the first column on that shows a[i] not to be positive definite.
typedef struct {
  const float *a;
  float *out;
  int64_t batch, n, step;  // from one matrix of the batch to the next
} Cholesky;
void cholesky_piece(const Cholesky *p, int64_t begin, int64_t end);

// out[i] solves l[i] out[i] = b[i], or l[i]' out[i] = b[i] if transposed, by the lower triangle of l[i]. Pieces divide
// the columns of all b.
typedef struct {
  const float *l, *b;
  float *out;
  int64_t batch, n, m, step, transposed;
} Solve;
void solve_piece(const Solve *p, int64_t begin, int64_t end);

// Of a piece, the columns that belong to the system which it begins in; those of b and out lie p->m floats from row to
// row.
typedef struct {
  const float *l, *b;
  float *out;
  int64_t columns;
} SolvePart;
SolvePart solve_part(const Solve *p, int64_t begin, int64_t end);

// In place of each row of s the example of a column of the training data that lies nearest to it, or as the place-th
// of them, from 1: the first of equals, and the furthest where there are fewer. See nearest.c.
typedef struct {
  const float *s, *examples;
  float *out;
  int64_t rows, count, column, place;
} Nearest;
void nearest_piece(const Run *run, const Nearest *p, int64_t begin, int64_t end);

// Convolutions (see conv.h) and their adjoints: y by rows of all images, x likewise, and w by taps and channels.
typedef struct {
  const float *x, *w;
  float *y;
  int64_t batch, height, width, channels, out_height, out_width, filters, taps_y, taps_x;
  int64_t stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, groups, dead;
} Conv;
void conv_piece(const Conv *p, int64_t begin, int64_t end);

typedef struct {
  const float *d, *w;
  float *x;
  int64_t batch, height, width, channels, out_height, out_width, filters, taps_y, taps_x;
  int64_t stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, groups, dead;
} ConvInput;
void conv_input_piece(const ConvInput *p, int64_t begin, int64_t end);

typedef struct {
  const float *x, *d;
  float *w;
  int64_t batch, height, width, channels, out_height, out_width, filters, taps_y, taps_x;
  int64_t stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, groups, dead;
} ConvWeight;
void conv_weight_piece(const ConvWeight *p, int64_t begin, int64_t end);

// The row of a table that an index means: rounded down, and the nearest there is. NaN means row 0.
int64_t index_row(float index, int64_t rows);

#endif
