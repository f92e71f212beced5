// Runs programs kernel after kernel; see exec.h.
//
// Every kernel is handed to the pool in the pieces that the plan has cut. A piece of a matrix product is one call of
// the BLAS, done by one thread, because the bits of a product depend on its shape and on the threads that share it.
// Invariant: what a kernel writes depends on the plan, the memory and the run's random address; not on the threads.
#include "exec.h"

#include <cblas.h>
#include <limits.h>
#include <string.h>

#include "kernels.h"
#include "pool.h"
#include "region.h"

struct Exec {
  RegionCode ***region;  // of each program, of each kernel that is a region
  bool **whole;          // of each program, whether a product's pieces are done in one call
};

typedef struct {
  Run *run;
  const Kernel *kernel;
  const RegionCode *region;
} KernelCall;

typedef struct {
  int64_t begin, end;
} Range;

// The part of a size that a piece does.
static Range part_of(int64_t size, int piece, int pieces) {
  return (Range){size * piece / pieces, size * (piece + 1) / pieces};
}

static Range range_of(int64_t size, const Kernel *k, int piece) { return part_of(size, piece, k->pieces); }

// ---- kernels

static void gemm_run(const Gemm *g, float *memory, int piece, int pieces) {
  Range batch = {0, g->batch}, rows = {0, g->m}, columns = {0, g->n};
  if (g->cut == 2) {
    batch = part_of(g->batch, piece, pieces);
  } else {
    Range *cut = g->cut == 0 ? &rows : &columns;
    *cut = (Range){gemm_piece(cut->end, piece, pieces), gemm_piece(cut->end, piece + 1, pieces)};
  }
  if (rows.begin == rows.end || columns.begin == columns.end) return;
  const float *a = memory + g->a + (g->transpose_a ? rows.begin : rows.begin * g->lda);
  const float *b = memory + g->b + (g->transpose_b ? columns.begin * g->ldb : columns.begin);
  float *c = memory + g->c + rows.begin * g->ldc + columns.begin;
  for (int64_t i = batch.begin; i < batch.end; i++)
    cblas_sgemm(CblasRowMajor, g->transpose_a ? CblasTrans : CblasNoTrans, g->transpose_b ? CblasTrans : CblasNoTrans,
                (int)(rows.end - rows.begin), (int)(columns.end - columns.begin), (int)g->k, 1.0f, a + i * g->step_a,
                (int)g->lda, b + i * g->step_b, (int)g->ldb, 0.0f, c + i * g->step_c, (int)g->ldc);
}

static void gather_run(const Gather *g, float *memory, const Kernel *k, int piece) {
  Range some = range_of(g->indices, k, piece);
  for (int64_t i = some.begin; i < some.end; i++) {
    const float *row = memory + g->table + index_row(memory[g->index + i], g->rows) * g->width;
    float *out = memory + g->out + i * g->width;
    for (int64_t r = 0; r < g->width; r++) out[r] = row[r];
  }
}

static void scatter_run(const Scatter *s, float *memory, const Kernel *k, int piece) {
  Range some = range_of(s->width, k, piece);
  for (int64_t i = 0; i < s->rows; i++)
    for (int64_t r = some.begin; r < some.end; r++) memory[s->out + i * s->width + r] = 0.0f;
  for (int64_t i = 0; i < s->indices; i++) {
    float *out = memory + s->out + index_row(memory[s->index + i], s->rows) * s->width;
    const float *value = memory + s->values + i * s->width;
    for (int64_t r = some.begin; r < some.end; r++) out[r] += value[r];
  }
}

static void cumsum_run(const Cumsum *c, float *memory, const Kernel *k, int piece) {
  Range some = range_of(c->outer, k, piece);
  for (int64_t i = some.begin * c->inner; i < some.end * c->inner; i++) {
    int64_t line = i / c->inner * c->length * c->inner + i % c->inner;
    cumsum_line(memory + c->out + line, memory + c->in + line, c->length, c->inner, c->from_end);
  }
}

static void iota_run(const Iota *t, float *memory, const Kernel *k, int piece) {
  Range some = range_of(t->outer, k, piece);
  float *out = memory + t->at + some.begin * t->length * t->inner;
  for (int64_t o = some.begin; o < some.end; o++)
    for (int64_t i = 0; i < t->length; i++)
      for (int64_t r = 0; r < t->inner; r++) *out++ = (float)i;
}

static void random_run(const Random *r, Run *run, const Kernel *k, int piece) {
  Range some = range_of(r->rows, k, piece);
  random_rows(run, r->address, r->stream, run->memory + r->at, r->count, some.begin, some.end);
}

static void kernel_run(void *call, int piece) {
  const KernelCall *c = call;
  const Kernel *k = c->kernel;
  float *memory = c->run->memory;
  switch (k->kind) {
    case KERNEL_REGION: region_run(c->region, memory, piece); break;
    case KERNEL_GEMM: gemm_run(&k->gemm, memory, piece, k->pieces); break;
    case KERNEL_RANDOM: random_run(&k->random, c->run, k, piece); break;
    case KERNEL_GATHER: gather_run(&k->gather, memory, k, piece); break;
    case KERNEL_SCATTER: scatter_run(&k->scatter, memory, k, piece); break;
    case KERNEL_CUMSUM: cumsum_run(&k->cumsum, memory, k, piece); break;
    case KERNEL_IOTA: iota_run(&k->iota, memory, k, piece); break;
  }
}

// ---- programs

void exec_kernel(Run *run, int program, int kernel) {
  const Kernel *k = &run->plan->program[program].kernel[kernel];
  if (run->exec->whole[program][kernel]) {
    gemm_run(&k->gemm, run->memory, 0, 1);
    return;
  }
  KernelCall call = {run, k, run->exec->region[program][kernel]};
  pool_run(run->pool, kernel_run, &call, k->pieces);
}

void exec_program(Run *run, int program) {
  for (int i = 0; i < run->plan->program[program].kernels; i++) exec_kernel(run, program, i);
}

// ---- opening

// The BLAS counts in int.
static void check_gemm(Run *run, const Gemm *g) {
  const int64_t size[] = {g->m, g->n, g->k, g->lda, g->ldb, g->ldc};
  for (size_t i = 0; i < sizeof size / sizeof *size; i++)
    if (size[i] < 1 || size[i] > INT_MAX)
      fail(run->arena, EXIT_SOFTWARE, "a matrix product of size %lld", (long long)size[i]);
}

// ---- products in one call

static void fill_numbers(float *x, int64_t n) {
  uint32_t state = 1;
  for (int64_t i = 0; i < n; i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float)(int32_t)state * 0x1p-31f;
  }
}

// Does this BLAS give the product the same bits whole as in its pieces? It does where its kernels add up the elements
// of the result in an order that the other rows and columns do not change; then numbers of any value show it, and a
// difference would show in them.
static bool same_whole(Arena *parent, const Gemm *of, int pieces) {
  Arena *a = arena_open(parent);
  Gemm g = *of;
  int64_t size_a = (g.transpose_a ? g.k : g.m) * g.lda, size_b = (g.transpose_b ? g.n : g.k) * g.ldb,
          size_c = g.m * g.n;
  float *memory = NEW_ARRAY(a, float, size_a + size_b + 2 * size_c);
  fill_numbers(memory, size_a + size_b);
  g.a = 0, g.b = size_a, g.c = size_a + size_b, g.ldc = g.n;
  for (int piece = 0; piece < pieces; piece++) gemm_run(&g, memory, piece, pieces);
  g.c += size_c;
  gemm_run(&g, memory, 0, 1);
  bool same = memcmp(memory + g.c - size_c, memory + g.c, (size_t)size_c * sizeof *memory) == 0;
  arena_close(a);
  return same;
}

// A thread that is alone does a product of the training in one call where that changes no bit: pieces cost a few
// hundredths of its speed.
static void find_whole(Run *run, int program) {
  const PlanProgram *p = &run->plan->program[program];
  for (int i = 0; i < p->kernels; i++) {
    const Kernel *k = &p->kernel[i];
    if (k->kind == KERNEL_GEMM && k->pieces > 1 && k->gemm.batch == 1)
      run->exec->whole[program][i] = same_whole(run->arena, &k->gemm, k->pieces);
  }
}

static bool prepare_program(Run *run, const PlanProgram *p, RegionCode **region) {
  bool multiplies = false;
  for (int i = 0; i < p->kernels; i++) {
    const Kernel *k = &p->kernel[i];
    if (k->kind == KERNEL_REGION) region[i] = region_prepare(run->arena, &k->region, k->pieces);
    if (k->kind == KERNEL_GEMM) check_gemm(run, &k->gemm);
    multiplies = multiplies || k->kind == KERNEL_GEMM;
  }
  return multiplies;
}

static bool trains(const Plan *plan, int program) {
  for (int i = 0; i < plan->turns; i++)
    if (plan->turn[i].program == program) return true;
  return false;
}

void exec_open(Run *run, int threads) {
  const Plan *plan = run->plan;
  bool multiplies = false;
  run->pool = pool_open(run->arena, threads);
  run->exec = NEW(run->arena, Exec);
  run->exec->region = NEW_ARRAY(run->arena, RegionCode **, plan->programs);
  run->exec->whole = NEW_ARRAY(run->arena, bool *, plan->programs);
  for (int i = 0; i < plan->programs; i++) {
    const PlanProgram *p = &plan->program[i];
    run->exec->region[i] = NEW_ARRAY(run->arena, RegionCode *, p->kernels);
    run->exec->whole[i] = NEW_ARRAY(run->arena, bool, p->kernels);
    multiplies |= prepare_program(run, p, run->exec->region[i]);
  }
  if (multiplies) blas_prepare(run);
  for (int i = 0; i < plan->programs && multiplies && pool_threads(run->pool) == 1; i++)
    if (trains(plan, i)) find_whole(run, i);
  run->execute = exec_program;
}
