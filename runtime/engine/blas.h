// OpenBLAS, for runs that ask for it: matrix products, and factorisations of large matrices, in place of our own.
//
// What it computes depends on its version, on its kernels for the processor and on the shape of what it is handed, but
// not on the threads: it is handed the pieces that the plan has cut, each by the one thread that does it.
#ifndef GMC_BLAS_H
#define GMC_BLAS_H

#include "engine/kernel_pieces.h"

typedef struct Blas {
  void (*sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                const float *b, int ldb, float beta, float *c, int ldc);
  void (*strsm)(int order, int side, int triangle, int transpose, int diagonal, int m, int n, float alpha,
                const float *a, int lda, float *b, int ldb);
  void (*spotrf)(const char *triangle, const int *n, float *a, const int *lda, int *info);
  char *(*config)(void), *(*core)(void);
} Blas;

// Loads the library, for as long as the process lives. Its kernels are chosen by OPENBLAS_CORETYPE, or without that by
// what the processor has. Fails with EXIT_MACHINE if there is no such library, with EXIT_MEMORY if there is no room for
// what it reserves for so many threads: without that it waits for ever.
Blas *blas_open(Arena *a, int threads);

// Its version and the processor that its kernels are for: "openblas 0.3.21 SkylakeX".
const char *blas_about(Arena *a, const Blas *blas);

// For a run, whose pool has been opened.
void blas_serve(Run *run);

// As the functions of kernel_pieces.h without _blas, to other roundings.
void matmul_blas(const Blas *blas, const Matmul *p, int64_t begin, int64_t end);
void cholesky_blas(const Blas *blas, const Cholesky *p, int64_t begin, int64_t end);
void solve_blas(const Blas *blas, const Solve *p, int64_t begin, int64_t end);

#endif
