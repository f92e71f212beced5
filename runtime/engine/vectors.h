// The vectors of the machine, for products and convolutions: how many floats one has, how many registers hold them, and
// what is done with them.
#ifndef GMC_VECTORS_H
#define GMC_VECTORS_H

#include "core/maths.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_TARGET
#define VECTOR              __m512
#define VECTOR_FLOATS       16
#define VECTOR_REGISTERS    32
#define vector_zero()       _mm512_setzero_ps()
#define vector_all(x)       _mm512_set1_ps(x)
#define vector_load(p)      _mm512_loadu_ps(p)
#define vector_store(p, v)  _mm512_storeu_ps(p, v)
#define vector_add(a, b)    _mm512_add_ps(a, b)
#define vector_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vector_exists()     true
#elif defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define VECTOR_TARGET       __attribute__((target("avx2,fma")))
#define VECTOR              __m256
#define VECTOR_FLOATS       8
#define VECTOR_REGISTERS    16
#define vector_zero()       _mm256_setzero_ps()
#define vector_all(x)       _mm256_set1_ps(x)
#define vector_load(p)      _mm256_loadu_ps(p)
#define vector_store(p, v)  _mm256_storeu_ps(p, v)
#define vector_add(a, b)    _mm256_add_ps(a, b)
#define vector_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vector_exists()     (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#define VECTOR_TARGET
#define VECTOR              float32x4_t
#define VECTOR_FLOATS       4
#define VECTOR_REGISTERS    32
#define vector_zero()       vdupq_n_f32(0)
#define vector_all(x)       vdupq_n_f32(x)
#define vector_load(p)      vld1q_f32(p)
#define vector_store(p, v)  vst1q_f32(p, v)
#define vector_add(a, b)    vaddq_f32(a, b)
#define vector_fma(a, b, c) vfmaq_f32(c, a, b)
#define vector_exists()     true
#else
#define VECTOR_TARGET
#define VECTOR              float
#define VECTOR_FLOATS       1
#define VECTOR_REGISTERS    16
#define vector_zero()       0.0f
#define vector_all(x)       (x)
#define vector_load(p)      (*(p))
#define vector_store(p, v)  (*(p) = (v))
#define vector_add(a, b)    ((a) + (b))
#define vector_fma(a, b, c) m_fma(a, b, c)
#define vector_exists()     true
#endif

#if defined(__GNUC__)
#define VECTOR_INLINE          VECTOR_TARGET __attribute__((always_inline)) inline
#define VECTOR_APART           VECTOR_TARGET __attribute__((noinline))  // so that all registers are for its loop
#define vector_fetch(p, write) __builtin_prefetch(p, write)
#else
#define VECTOR_INLINE inline
#define VECTOR_APART
#define vector_fetch(p, write) (void)(p)
#endif

enum { VECTOR_LINE = 16 };  // floats of a line of the caches

#if defined(__x86_64__) && defined(__GNUC__)
#define VECTOR_BLOCK 8

// Transposes VECTOR_BLOCK x VECTOR_BLOCK elements: pairs of rows that lie four apart share a register, then neighbours
// are interleaved.
static VECTOR_TARGET inline void vector_transpose(float *out, int64_t width, const float *in, int64_t ld) {
  __m256 row[4], pair[4];
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < 4; i++)
      row[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(in + i * ld + 4 * half)),
                                    _mm_loadu_ps(in + (i + 4) * ld + 4 * half), 1);
    pair[0] = _mm256_unpacklo_ps(row[0], row[1]);
    pair[1] = _mm256_unpackhi_ps(row[0], row[1]);
    pair[2] = _mm256_unpacklo_ps(row[2], row[3]);
    pair[3] = _mm256_unpackhi_ps(row[2], row[3]);
    _mm256_storeu_ps(out, _mm256_shuffle_ps(pair[0], pair[2], 0x44));
    _mm256_storeu_ps(out + width, _mm256_shuffle_ps(pair[0], pair[2], 0xee));
    _mm256_storeu_ps(out + 2 * width, _mm256_shuffle_ps(pair[1], pair[3], 0x44));
    _mm256_storeu_ps(out + 3 * width, _mm256_shuffle_ps(pair[1], pair[3], 0xee));
    out += 4 * width;
  }
}
#else
#define VECTOR_BLOCK 4

static inline void vector_transpose(float *out, int64_t width, const float *in, int64_t ld) {
  for (int i = 0; i < VECTOR_BLOCK; i++)
    for (int j = 0; j < VECTOR_BLOCK; j++) out[i * width + j] = in[j * ld + i];
}
#endif

// out[p * width + r] = in[r * ld + p] for the first `rows` of `width`. Those up to the end of a vector are 0.
static inline void vector_pack_across(float *restrict out, int64_t width, const float *restrict in, int64_t ld,
                                      int64_t rows, int64_t terms) {
  int64_t r = 0, end = (rows + VECTOR_FLOATS - 1) / VECTOR_FLOATS * VECTOR_FLOATS;
  for (; r + VECTOR_BLOCK <= rows; r += VECTOR_BLOCK) {
    int64_t p = 0;
    for (; p + VECTOR_BLOCK <= terms; p += VECTOR_BLOCK) {
      for (int64_t i = r; i < r + VECTOR_BLOCK && p % VECTOR_LINE == 0; i++)
        vector_fetch(in + i * ld + p + 2 * VECTOR_LINE, 0);
      vector_transpose(out + p * width + r, width, in + r * ld + p, ld);
    }
    for (; p < terms; p++)
      for (int64_t i = r; i < r + VECTOR_BLOCK; i++) out[p * width + i] = in[i * ld + p];
  }
  for (int64_t p = 0; p < terms && r < end && r < width; p++)
    for (int64_t i = r; i < end && i < width; i++) out[p * width + i] = i < rows ? in[i * ld + p] : 0.0f;
}

#endif
