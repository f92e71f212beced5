// Matrix products against their definition in gemm.h, to the bit: all transposes, sizes around those of tiles, blocks
// and sums, rows that lie apart, pieces; on vectors of AVX-512, of AVX2, of one number and without.
#include "engine/gemm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exact_numbers.h"

typedef void Gemm(bool, bool, int64_t, int64_t, int64_t, const float *, int64_t, const float *, int64_t, float *,
                  int64_t);
Gemm gemm_avx2, gemm_portable, gemm_plain;
typedef void Half(GemmHalf, int64_t, bool, bool, int64_t, int64_t, int64_t, const float *, int64_t, const float *,
                  int64_t, float *, int64_t);
Half gemm_half_avx2, gemm_half_portable, gemm_half_plain;
bool gemm_avx2_knows_processor(void), gemm_portable_knows_processor(void), gemm_plain_knows_processor(void);

static float element(bool transpose, const float *x, int64_t ld, int64_t row, int64_t column) {
  return transpose ? x[column * ld + row] : x[row * ld + column];
}

// The definition: sums of fused terms that begin with +0, added up every GEMM_TERMS terms; of a triangle, terms of the
// row's group of rows.
static float half_by_definition(GemmHalf half, bool ta, bool tb, const float *a, int64_t lda, const float *b,
                                int64_t ldb, int64_t k, int64_t row, int64_t column) {
  float all = 0, sum = 0;
  int64_t group = row - row % GEMM_ROWS;
  for (int64_t p = 0; p < k; p++) {
    bool left_out = half == GEMM_LOWER ? p >= group + GEMM_ROWS : half == GEMM_UPPER && p < group;
    if (p % GEMM_TERMS == 0) sum = 0;
    if (!left_out) sum = fmaf(element(ta, a, lda, row, p), element(tb, b, ldb, p, column), sum);
    if (p % GEMM_TERMS == GEMM_TERMS - 1 || p == k - 1) all = p < GEMM_TERMS ? sum : all + sum;
  }
  return all;
}

static float by_definition(bool ta, bool tb, const float *a, int64_t lda, const float *b, int64_t ldb, int64_t k,
                           int64_t row, int64_t column) {
  return half_by_definition(GEMM_WHOLE, ta, tb, a, lda, b, ldb, k, row, column);
}

static bool same_bits(float x, float y) { return memcmp(&x, &y, sizeof x) == 0; }

static void check(Gemm *multiply, bool ta, bool tb, int64_t m, int64_t n, int64_t k, int64_t apart) {
  int64_t lda = (ta ? m : k) + apart, ldb = (tb ? k : n) + apart, ldc = n + apart;
  float *a = numbers((ta ? k : m) * lda), *b = numbers((tb ? n : k) * ldb), *c = numbers(m * ldc), *before = c;
  c = malloc((size_t)(m * ldc) * sizeof *c);
  memcpy(c, before, (size_t)(m * ldc) * sizeof *c);
  multiply(ta, tb, m, n, k, a, lda, b, ldb, c, ldc);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < ldc; j++) {
      float expected = j < n ? by_definition(ta, tb, a, lda, b, ldb, k, i, j) : before[i * ldc + j];
      if (!same_bits(c[i * ldc + j], expected))
        fail_msg("%lld x %lld x %lld, transposed %d %d, element %lld, %lld: %a, not %a", (long long)m, (long long)n,
                 (long long)k, ta, tb, (long long)i, (long long)j, (double)c[i * ldc + j], (double)expected);
    }
  free(a), free(b), free(c), free(before);
}

static void check_all(Gemm *multiply) {
  static const int64_t edge[] = {1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 47, 48, 49, 64, 97};
  enum { EDGES = sizeof edge / sizeof *edge };
  for (int i = 0; i < EDGES; i++)
    for (int j = 0; j < EDGES; j++)
      check(multiply, (i + j) & 1, (i + j) & 2, edge[i], edge[j], 1 + below(40), below(3));
  for (int i = 0; i < 300; i++)
    check(multiply, below(2), below(2), 1 + below(60), 1 + below(120), 1 + below(70), below(4) ? 0 : below(20));
  for (int transposes = 0; transposes < 4; transposes++) {
    bool ta = transposes & 1, tb = transposes & 2;
    check(multiply, ta, tb, 5, 50, 2 * GEMM_TERMS + 3, 0);  // several sums
    check(multiply, ta, tb, 3, 20, GEMM_TERMS, 0);
    check(multiply, ta, tb, 290, 33, 257, 1);  // several blocks of rows
    check(multiply, ta, tb, 2100, 49, 3, 0);
    check(multiply, ta, tb, 140, 256, 12, 0);  // rows that lie a power of two apart
    check(multiply, ta, tb, 600, 3, 20, 0);    // few columns
    check(multiply, ta, tb, 600, 1, GEMM_TERMS + 1, 2);
    check(multiply, ta, tb, 33, 300, GEMM_TERMS + 9, 1);  // few rows
  }
}

// By halves, in pieces of rows. Nothing asks whether a triangle is one, nor whether a product is symmetric: what is
// left out shows.
static void check_half(Half *multiply, GemmHalf half, bool ta, bool tb, int64_t m, int64_t n, int64_t k, int64_t cut) {
  int64_t lda = ta ? m : k, ldb = tb ? k : n, ldc = n + 3;
  float *a = numbers(m * k), *b = numbers(k * n), *c = calloc((size_t)(m * ldc), sizeof *c);
  for (int64_t row = 0; row < m; row += cut)
    multiply(half, row, ta, tb, m - row < cut ? m - row : cut, n, k, a + (ta ? row : row * lda), lda, b, ldb,
             c + row * ldc, ldc);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      bool above = half == GEMM_MIRRORED && j > i;
      float expected = half_by_definition(half, ta, tb, a, lda, b, ldb, k, above ? j : i, above ? i : j);
      if (!same_bits(c[i * ldc + j], expected))
        fail_msg("half %d of %lld x %lld x %lld, transposed %d %d, element %lld, %lld: %a, not %a", (int)half,
                 (long long)m, (long long)n, (long long)k, ta, tb, (long long)i, (long long)j, (double)c[i * ldc + j],
                 (double)expected);
    }
  free(a), free(b), free(c);
}

static void check_halves(Half *multiply) {
  for (int i = 0; i < 400; i++) {
    bool ta = i & 1, tb = i & 2;
    int64_t m = 1 + below(70), n = 1 + below(120), cut = below(2) ? m : 16;
    check_half(multiply, GEMM_LOWER, ta, tb, m, n, m, cut);
    check_half(multiply, GEMM_UPPER, ta, tb, m, n, m, cut);
    check_half(multiply, GEMM_MIRRORED, ta, tb, m, m, 1 + below(90), cut);
  }
  for (int half = GEMM_LOWER; half <= GEMM_MIRRORED; half++)  // several sums, and blocks of rows
    check_half(multiply, (GemmHalf)half, half == GEMM_UPPER, false, GEMM_TERMS + 20,
               half == GEMM_MIRRORED ? GEMM_TERMS + 20 : 33, GEMM_TERMS + 20, 96);
}

static void halves(void **state) {
  (void)state;
  check_halves(gemm_half);
  check_halves(gemm_half_avx2);
  check_halves(gemm_half_portable);
  check_halves(gemm_half_plain);
}

static void native(void **state) {
  (void)state;
  check_all(gemm);
}

static void avx2(void **state) {
  (void)state;
  check_all(gemm_avx2);
}

static void portable(void **state) {
  (void)state;
  check_all(gemm_portable);
}

static void plain(void **state) {
  (void)state;
  check_all(gemm_plain);
}

// Infinities and NaN go where they belong and nowhere else.
static void not_finite(void **state) {
  (void)state;
  enum { N = 21, K = 10 };
  float *a = numbers(N * K), *b = numbers(K * N), c[N * N];
  a[4 * K + 2] = INFINITY;
  b[3 * N + 20] = NAN;
  gemm(false, false, N, N, K, a, K, b, N, c, N);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) assert_int_equal(isfinite(c[i * N + j]) != 0, i != 4 && j != 20);
  free(a), free(b);
}

// The vectors that there are decide who makes the products where nobody says.
static void known(void **state) {
  (void)state;
  assert_false(gemm_portable_knows_processor());
  assert_false(gemm_plain_knows_processor());
#if defined(__x86_64__)
  assert_int_equal(gemm_avx2_knows_processor(), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(native), cmocka_unit_test(avx2),   cmocka_unit_test(portable),
                                     cmocka_unit_test(plain),  cmocka_unit_test(halves), cmocka_unit_test(not_finite),
                                     cmocka_unit_test(known)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
