// OpenBLAS, loaded by those who ask for it; see blas.h.
//
// Invariant: it never starts a thread of its own, so that who calls it and how many there are leaves no trace in bits.
#include "engine/blas.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/pool.h"

// As the library's header has them.
enum {
  BLAS_ROWS = 101,
  BLAS_PLAIN = 111,
  BLAS_TRANSPOSED = 112,
  BLAS_LOWER = 122,
  BLAS_NOT_UNIT = 131,
  BLAS_LEFT = 141
};

// From so many rows on a matrix is large: below, our own functions are about as fast, or faster.
enum { BLAS_LARGE = 32 };

// Bytes that the library reserves for a thread, at its first call there; and what it takes itself.
static const size_t blas_reserves = 128 << 20, blas_itself = 64 << 20;

// Some versions do not know newer processors and fall back to kernels that are four times slower than the right ones.
static const char *blas_core(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (wide) return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return NULL;
}

static void blas_check_room(Arena *a, int threads) {
  size_t size = blas_itself + (size_t)threads * blas_reserves;
  void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    fail(a, EXIT_MEMORY,
         "OpenBLAS reserves %zu MiB of addresses for %d threads, and there is no room for them; ask for "
         "fewer threads, or for products: own",
         size >> 20, threads);
  munmap(room, size);
}

static void blas_find(Arena *a, void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  if (!found) fail(a, EXIT_MACHINE, "libopenblas.so.0 has no %s; install libopenblas0, or ask for products: own", name);
  memcpy(function, &found, sizeof found);
}

Blas *blas_open(Arena *a, int threads) {
  Blas *blas = NEW(a, Blas);
  void (*set_threads)(int);
  const char *fit = blas_core();
  blas_check_room(a, threads);
  if (fit) setenv("OPENBLAS_CORETYPE", fit, 0);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(a, EXIT_MACHINE,
         "products: openblas needs OpenBLAS, which cannot be loaded (%s); install libopenblas0, or ask "
         "for products: own",
         dlerror());
  blas_find(a, library, "cblas_sgemm", &blas->sgemm);
  blas_find(a, library, "cblas_strsm", &blas->strsm);
  blas_find(a, library, "spotrf_", &blas->spotrf);
  blas_find(a, library, "openblas_get_config", &blas->config);
  blas_find(a, library, "openblas_get_corename", &blas->core);
  blas_find(a, library, "openblas_set_num_threads", &set_threads);
  set_threads(1);
  return blas;
}

// Its own description begins "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH".
const char *blas_about(Arena *a, const Blas *blas) {
  const char *config = blas->config(), *space = strchr(config, ' '), *version = space ? space + 1 : config;
  return arena_format(a, "openblas %.*s %s", (int)strcspn(version, " "), version, blas->core());
}

void blas_serve(Run *run) {
  run->blas = blas_open(run->arena, pool_threads(run->pool));
  run->products = blas_about(run->arena, run->blas);
}

// ---- products

static int blas_transpose(int64_t transpose) { return transpose ? BLAS_TRANSPOSED : BLAS_PLAIN; }

// The library counts by int.
static bool blas_counts(const Matmul *p) {
  const int64_t number[] = {p->m, p->n, p->k, p->lda, p->ldb, p->ldc};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++)
    if (number[i] > INT_MAX) return false;
  return true;
}

void matmul_blas(const Blas *blas, const Matmul *whole, int64_t begin, int64_t end) {
  const Matmul p = matmul_part(whole, begin, end);
  if (p.m < 1 || p.n < 1) return;
  if (!blas_counts(&p)) {
    matmul_piece(whole, begin, end);
    return;
  }
  for (int64_t i = 0; i < p.batch; i++)
    blas->sgemm(BLAS_ROWS, blas_transpose(p.transpose_a), blas_transpose(p.transpose_b), (int)p.m, (int)p.n, (int)p.k,
                1.0f, p.a + i * p.step_a, (int)p.lda, p.b + i * p.step_b, (int)p.ldb, 0.0f, p.c + i * p.step_c,
                (int)p.ldc);
}

// ---- triangles

static bool blas_large(int64_t n) { return n >= BLAS_LARGE && n <= INT_MAX; }

// The lower triangle, row by row, is an upper one in the library's eyes: L L' = U' U. Answers whether it is a factor,
// positive on the diagonal.
static bool blas_cholesky(const Blas *blas, const float *a, float *out, int64_t n) {
  int size = (int)n, stopped = 0;
  memcpy(out, a, (size_t)(n * n) * sizeof *out);
  blas->spotrf("U", &size, out, &size, &stopped);
  for (int64_t i = 0; i < n; i++) {
    if (!(out[i * n + i] > 0.0f)) return false;
    for (int64_t j = i + 1; j < n; j++) out[i * n + j] = 0.0f;
  }
  return stopped == 0;
}

// Where a matrix has no factor, our own function says from which column on.
void cholesky_blas(const Blas *blas, const Cholesky *p, int64_t begin, int64_t end) {
  if (!blas_large(p->n)) {
    cholesky_piece(p, begin, end);
    return;
  }
  for (int64_t i = begin; i < end; i++)
    if (!blas_cholesky(blas, p->a + i * p->step, p->out + i * p->n * p->n, p->n)) cholesky_piece(p, i, i + 1);
}

void solve_blas(const Blas *blas, const Solve *p, int64_t begin, int64_t end) {
  if (!blas_large(p->n) || p->m > INT_MAX) {
    solve_piece(p, begin, end);
    return;
  }
  for (SolvePart s; begin < end; begin += s.columns) {
    s = solve_part(p, begin, end);
    for (int64_t i = 0; i < p->n; i++) memcpy(s.out + i * p->m, s.b + i * p->m, (size_t)s.columns * sizeof *s.out);
    blas->strsm(BLAS_ROWS, BLAS_LEFT, BLAS_LOWER, blas_transpose(p->transposed), BLAS_NOT_UNIT, (int)p->n,
                (int)s.columns, 1.0f, s.l, (int)p->n, s.out, (int)p->m);
  }
}
