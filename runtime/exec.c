// Runs programs kernel after kernel; see exec.h.
//
// Every kernel is handed to the pool in the pieces that the plan has cut.
// Invariant: what a kernel writes depends on the plan, the memory and the run's random address; not on the threads.
#include "exec.h"

#include "gemm.h"
#include "kernels.h"
#include "pool.h"
#include "region.h"

struct Exec {
  RegionCode ***region;  // of each program, of each kernel that is a region
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

// ---- kernels

static void gemm_run(const Gemm *g, float *memory, int piece, int pieces) {
  Range batch = {0, g->batch}, rows = {0, g->m}, columns = {0, g->n};
  if (g->cut == 2) {
    batch = part_of(g->batch, piece, pieces);
  } else {
    Range *cut = g->cut == 0 ? &rows : &columns;
    *cut = (Range){gemm_piece(cut->end, piece, pieces), gemm_piece(cut->end, piece + 1, pieces)};
  }
  const float *a = memory + g->a + (g->transpose_a ? rows.begin : rows.begin * g->lda);
  const float *b = memory + g->b + (g->transpose_b ? columns.begin * g->ldb : columns.begin);
  float *c = memory + g->c + rows.begin * g->ldc + columns.begin;
  for (int64_t i = batch.begin; i < batch.end; i++)
    gemm(g->transpose_a, g->transpose_b, rows.end - rows.begin, columns.end - columns.begin, g->k, a + i * g->step_a,
         g->lda, b + i * g->step_b, g->ldb, c + i * g->step_c, g->ldc);
}

static void gather_run(const Gather *g, float *memory, int piece, int pieces) {
  Range some = part_of(g->indices, piece, pieces);
  for (int64_t i = some.begin; i < some.end; i++) {
    const float *row = memory + g->table + index_row(memory[g->index + i], g->rows) * g->width;
    float *out = memory + g->out + i * g->width;
    for (int64_t r = 0; r < g->width; r++) out[r] = row[r];
  }
}

static void scatter_run(const Scatter *s, float *memory, int piece, int pieces) {
  Range some = part_of(s->width, piece, pieces);
  for (int64_t i = 0; i < s->rows; i++)
    for (int64_t r = some.begin; r < some.end; r++) memory[s->out + i * s->width + r] = 0.0f;
  for (int64_t i = 0; i < s->indices; i++) {
    float *out = memory + s->out + index_row(memory[s->index + i], s->rows) * s->width;
    const float *value = memory + s->values + i * s->width;
    for (int64_t r = some.begin; r < some.end; r++) out[r] += value[r];
  }
}

static void cumsum_run(const Cumsum *c, float *memory, int piece, int pieces) {
  Range some = part_of(c->outer, piece, pieces);
  for (int64_t i = some.begin * c->inner; i < some.end * c->inner; i++) {
    int64_t line = i / c->inner * c->length * c->inner + i % c->inner;
    cumsum_line(memory + c->out + line, memory + c->in + line, c->length, c->inner, c->from_end);
  }
}

static void iota_run(const Iota *t, float *memory, int piece, int pieces) {
  Range some = part_of(t->outer, piece, pieces);
  float *out = memory + t->at + some.begin * t->length * t->inner;
  for (int64_t o = some.begin; o < some.end; o++)
    for (int64_t i = 0; i < t->length; i++)
      for (int64_t r = 0; r < t->inner; r++) *out++ = (float)i;
}

static void random_run(const Random *r, Run *run, int piece, int pieces) {
  Range some = part_of(r->rows, piece, pieces);
  random_rows(run, r->address, r->stream, run->memory + r->at, r->count, some.begin, some.end);
}

static void kernel_run(void *call, int piece, int pieces) {
  const KernelCall *c = call;
  const Kernel *k = c->kernel;
  float *memory = c->run->memory;
  switch (k->kind) {
    case KERNEL_REGION: region_run(c->region, memory, piece, pieces); break;
    case KERNEL_GEMM: gemm_run(&k->gemm, memory, piece, pieces); break;
    case KERNEL_RANDOM: random_run(&k->random, c->run, piece, pieces); break;
    case KERNEL_GATHER: gather_run(&k->gather, memory, piece, pieces); break;
    case KERNEL_SCATTER: scatter_run(&k->scatter, memory, piece, pieces); break;
    case KERNEL_CUMSUM: cumsum_run(&k->cumsum, memory, piece, pieces); break;
    case KERNEL_IOTA: iota_run(&k->iota, memory, piece, pieces); break;
  }
}

// ---- programs

void exec_kernel(Run *run, int program, int kernel) {
  const Kernel *k = &run->plan->program[program].kernel[kernel];
  KernelCall call = {run, k, run->exec->region[program][kernel]};
  pool_run(run->pool, kernel_run, &call, k->pieces);
}

void exec_program(Run *run, int program) {
  for (int i = 0; i < run->plan->program[program].kernels; i++) exec_kernel(run, program, i);
}

// ---- opening

void exec_open(Run *run, int threads) {
  const Plan *plan = run->plan;
  run->pool = pool_open(run->arena, threads);
  run->exec = NEW(run->arena, Exec);
  run->exec->region = NEW_ARRAY(run->arena, RegionCode **, plan->programs);
  for (int i = 0; i < plan->programs; i++) {
    const PlanProgram *p = &plan->program[i];
    run->exec->region[i] = NEW_ARRAY(run->arena, RegionCode *, p->kernels);
    for (int k = 0; k < p->kernels; k++) {
      const Kernel *kernel = &p->kernel[k];
      if (kernel->kind == KERNEL_REGION)
        run->exec->region[i][k] = region_prepare(run->arena, &kernel->region, kernel->pieces);
    }
  }
  run->execute = exec_program;
}
