// Products and factorisations by OpenBLAS: against the same in double precision, and the same bits for any threads,
// wherever the plan cuts; the kernels that fit the processor.
#include "engine/blas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/compilation.h"
#include "engine/kernel.h"
#include "core/pool.h"

#undef fail

enum { ROOM = 1 << 18 };

static uint32_t chance = 1;

static int below(int n) {
  chance = chance * 1664525u + 1013904223u;
  return (int)((uint64_t)(chance >> 8) * (uint64_t)n >> 24);
}

// A kernel of one row of kernels.def, run by OpenBLAS in so many pieces on so many threads.
static float *run_kernel(Arena *a, KernelKind kind, const int64_t *at, const int64_t *number, int pieces, int threads,
                         const float *memory) {
  Run *run = NEW(a, Run);
  *run = (Run){.arena = a, .memory = NEW_ARRAY(a, float, ROOM), .pool = pool_open(a, threads)};
  blas_serve(run);
  memcpy(run->memory, memory, ROOM * sizeof(float));
  Kernel *k = NEW(a, Kernel);
  *k = kernel_new(a, kind, at, number);
  k->pieces = pieces;
  k->by_blas = true;
  KernelRun call = kernel_ready(a, k);
  kernel_run(&call, run);
  return run->memory;
}

static float *random_memory(Arena *a) {
  float *memory = NEW_ARRAY(a, float, ROOM);
  for (int i = 0; i < ROOM; i++) memory[i] = (float)(below(2001) - 1000) * 1.0123457e-3f;
  return memory;
}

// ---- products

static double element(const float *x, bool transpose, int64_t ld, int64_t row, int64_t column) {
  return (double)(transpose ? x[column * ld + row] : x[row * ld + column]);
}

enum { A = 0, B = 80000, C = 160000 };

static void check_product(const float *memory, const Matmul *g) {
  for (int64_t q = 0; q < g->batch; q++)
    for (int64_t i = 0; i < g->m; i++)
      for (int64_t j = 0; j < g->n; j++) {
        double sum = 0, size = 0;
        for (int64_t p = 0; p < g->k; p++) {
          double x = element(memory + A + q * g->step_a, g->transpose_a, g->lda, i, p) *
                     element(memory + B + q * g->step_b, g->transpose_b, g->ldb, p, j);
          sum += x, size += fabs(x);
        }
        double error = fabs((double)memory[C + q * g->step_c + i * g->ldc + j] - sum);
        assert_true(error <= 1e-6 * (size + 1e-30));
      }
}

static void check_cut(Matmul g, int pieces) {
  Arena *a = arena_open(NULL);
  const float *memory = random_memory(a), *first = NULL;
  g.lda = g.transpose_a ? g.m : g.k, g.ldb = g.transpose_b ? g.k : g.n, g.ldc = g.n;
  g.step_a = g.m * g.k, g.step_b = g.k * g.n, g.step_c = g.m * g.n;
  const int64_t at[] = {A, B, C};
  const int64_t number[] = {g.batch,  g.m,      g.n, g.k, g.transpose_a, g.transpose_b, g.lda, g.ldb, g.ldc, g.step_a,
                            g.step_b, g.step_c, 0,   0,   g.cut};
  for (int threads = 1; threads <= 3; threads++) {
    const float *after = run_kernel(a, KERNEL_MATMUL, at, number, pieces, threads, memory);
    if (!first) check_product(first = after, &g);
    assert_memory_equal(after, first, ROOM * sizeof(float));
  }
  arena_close(a);
}

static void products(void **state) {
  (void)state;
  for (int transposes = 0; transposes < 4; transposes++) {
    bool ta = transposes & 1, tb = transposes & 2;
    check_cut((Matmul){.batch = 1, .m = 200, .n = 150, .k = 129, .transpose_a = ta, .transpose_b = tb, .cut = CUT_ROWS},
              6);
    check_cut(
        (Matmul){.batch = 1, .m = 75, .n = 300, .k = 64, .transpose_a = ta, .transpose_b = tb, .cut = CUT_COLUMNS}, 4);
    check_cut((Matmul){.batch = 18, .m = 20, .n = 33, .k = 17, .transpose_a = ta, .transpose_b = tb, .cut = CUT_BATCH},
              6);
    check_cut((Matmul){.batch = 2, .m = 130, .n = 1, .k = 100, .transpose_a = ta, .transpose_b = tb, .cut = CUT_ROWS},
              2);
  }
}

// ---- triangles

// Diagonally dominant, and of course symmetric.
static void make_positive(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) x[i * n + j] = x[j * n + i] = i == j ? (float)n : x[i * n + j];
}

static void check_factor(const float *l, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t k = 0; k <= j && k <= i; k++) sum += (double)l[i * n + k] * (double)l[j * n + k];
      if (j <= i) assert_true(fabs(sum - (double)x[i * n + j]) < 1e-5 * (double)n);
      if (j > i) assert_true(l[i * n + j] == 0.0f);
    }
}

static void factors(void **state) {
  (void)state;
  for (int64_t n = 31; n <= 100; n += 23) {
    Arena *a = arena_open(NULL);
    float *memory = random_memory(a);
    const float *first = NULL;
    for (int i = 0; i < 5; i++) make_positive(memory + i * n * n, n);
    const int64_t at[] = {0, 5 * n * n}, number[] = {5, n, n * n};
    for (int threads = 1; threads <= 3; threads++) {
      const float *after = run_kernel(a, KERNEL_CHOLESKY, at, number, 5, threads, memory);
      if (!first) first = after;
      assert_memory_equal(after, first, ROOM * sizeof(float));
    }
    for (int i = 0; i < 5; i++) check_factor(first + (5 + i) * n * n, memory + i * n * n, n);
    arena_close(a);
  }
}

// Not positive definite from a column on, or a NaN: what our own function says, to the bit.
static void no_factors(void **state) {
  (void)state;
  enum { N = 90 };
  for (int what = 0; what < 3; what++)
    for (int place = 0; place < N; place += 29) {
      Arena *a = arena_open(NULL);
      float *memory = random_memory(a);
      make_positive(memory, N);
      memory[place * N + (what == 2 ? place / 2 : place)] = what == 0 ? -1.0f : NAN;
      const int64_t at[] = {0, N * N}, number[] = {1, N, N * N};
      const float *after = run_kernel(a, KERNEL_CHOLESKY, at, number, 1, 1, memory);
      cholesky_piece(&(Cholesky){memory, memory + N * N, 1, N, N * N}, 0, 1);
      for (int i = 0; i < N * N; i++) assert_int_equal(isnan(after[N * N + i]), isnan(memory[N * N + i]));
      assert_true(isnan(after[N * N + place * N + place]));
      arena_close(a);
    }
}

static void solutions(void **state) {
  (void)state;
  enum { N = 60, M = 13, BATCH = 3 };
  for (int transposed = 0; transposed < 2; transposed++) {
    Arena *a = arena_open(NULL);
    float *memory = random_memory(a);
    const float *first = NULL;
    for (int i = 0; i < BATCH; i++)
      for (int k = 0; k < N; k++) memory[i * N * N + k * N + k] = 12.0f;
    const int64_t b = BATCH * N * N, x = b + BATCH * N * M, at[] = {0, b, x};
    const int64_t number[] = {BATCH, N, M, N * N, transposed};
    for (int threads = 1; threads <= 3; threads++) {
      const float *after = run_kernel(a, KERNEL_SOLVE, at, number, 4, threads, memory);
      if (!first) first = after;
      assert_memory_equal(after, first, ROOM * sizeof(float));
    }
    for (int q = 0; q < BATCH; q++)
      for (int i = 0; i < N; i++)
        for (int c = 0; c < M; c++) {
          double sum = 0;
          for (int k = 0; k < N; k++)
            if (transposed ? k >= i : k <= i)
              sum += element(memory + q * N * N, transposed, N, i, k) * (double)first[x + (q * N + k) * M + c];
          assert_true(fabs(sum - (double)memory[b + (q * N + i) * M + c]) < 1e-5);
        }
    arena_close(a);
  }
}

// ---- who makes them

static void processor(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *about = blas_about(a, blas_open(a, 2)), *said = getenv("OPENBLAS_CORETYPE");
  assert_true(strncmp(about, "openblas ", 9) == 0);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) assert_null(strstr(about, "Prescott"));
  if (said) assert_non_null(strstr(about, said));
#endif
  assert_int_equal(compile_products(NULL, true), PRODUCTS_OWN);
  assert_int_equal(compile_products("auto", true), PRODUCTS_OWN);
  assert_int_equal(compile_products("auto", false), PRODUCTS_OPENBLAS);
  assert_int_equal(compile_products("own", false), PRODUCTS_OWN);
  assert_int_equal(compile_products("openblas", true), PRODUCTS_OPENBLAS);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(products), cmocka_unit_test(factors),
                                     cmocka_unit_test(no_factors), cmocka_unit_test(solutions),
                                     cmocka_unit_test(processor)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
