// Matrix products.
//
// An element of the product depends on its row and its column alone: whoever computes it, in whatever piece, on
// whatever machine, it has the same bits. Its terms are added in order of k by fused multiply-adds that begin with +0,
// and every GEMM_TERMS terms such a sum is added to what there is so far.
#ifndef GMC_GEMM_H
#define GMC_GEMM_H

#include <stdbool.h>
#include <stdint.h>

enum { GEMM_TERMS = 512, GEMM_ROWS = 8 };

// What half of a product is enough: all of it; where op(a) is a lower triangle, 0 above its diagonal, or an upper one,
// the terms that are not 0; where the product is symmetric, what lies on its diagonal and below, from where it goes
// above.
typedef enum { GEMM_WHOLE, GEMM_LOWER, GEMM_UPPER, GEMM_MIRRORED } GemmHalf;

// c (m x n) = op(a) (m x k) * op(b) (k x n), row-major, the first elements of neighbouring rows lda, ldb and ldc floats
// apart; op transposes where it is asked to. k is at least 1; c overlaps neither a nor b.
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
          const float *b, int64_t ldb, float *c, int64_t ldc);

// The same by the half that is enough. These are rows of a product from `row` on, a multiple of GEMM_ROWS: c is the
// place of its element (row, 0), and those that a mirrored one writes above the diagonal may lie in rows before.
void gemm_half(GemmHalf half, int64_t row, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
               const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc);

// Are there vectors on this processor that it was written for? Without them it is slow.
bool gemm_knows_processor(void);

#endif
