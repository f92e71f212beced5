// The small kernels and parts of kernels that the executor and emitted programs share, so that they agree to the last
// bit.
#ifndef GMC_KERNELS_H
#define GMC_KERNELS_H

#include "kernel.h"
#include "run.h"

// Sums and maxima in 16 lanes: element j goes to lane j % 16, in order of j; then the lanes are joined by halves.
enum { LANES = 16 };
void lanes_zero(float *lane);
void lanes_low(float *lane);
void lanes_add(float *lane, const float *x, int64_t n);  // n elements, the first for lane 0
void lanes_maximum(float *lane, const float *x, int64_t n);
float lanes_sum(const float *lane);
float lanes_largest(const float *lane);

// The row of a table that an index means: rounded down, and the nearest there is. NaN means row 0.
int64_t index_row(float index, int64_t rows);

// Uniform numbers for the rows from begin to end of out[row][count].
void random_rows(const Run *run, RandomAddress address, uint32_t stream, float *out, int64_t count, int64_t begin,
                 int64_t end);

// Running sums along one line: out[i * stride] = sum of in[k * stride] for k <= i, or for k >= i from the end.
void cumsum_line(float *out, const float *in, int64_t length, int64_t stride, bool from_end);

#endif
