// The check of a finished plan: what the executor and the emitter take for granted.
//
// Independent of the planner's own structures: it reads the plan as they do. Every offset lies within the program's
// memory, every kernel has pieces and sizes that fit, values of a region are defined before they are used.
#include "planner.h"

typedef struct {
  Arena *arena;
  const PlanProgram *program;
  const Kernel *kernel;
} Check;

static _Noreturn void bad(const Check *c, const char *what) {
  fail(c->arena, EXIT_SOFTWARE, "plan: %s: %s: %s", c->program->name, c->kernel ? c->kernel->label : "", what);
}

static void check_span(const Check *c, int64_t low, int64_t high) {
  if (low < 0 || high >= c->program->end) bad(c, "outside of the memory");
}

static void check_view(const Check *c, const View *v) {
  const Region *r = &c->kernel->region;
  int64_t low, high;
  view_extent(v, r->rank, r->dim, &low, &high);
  check_span(c, low, high);
}

static void check_region(const Check *c) {
  const Region *r = &c->kernel->region;
  int values = r->loads + r->constants;
  if (r->rank < 1 || r->rank > MAX_RANK || r->reduce >= r->rank || r->stores < 1) bad(c, "malformed region");
  for (int i = 0; i < r->rank; i++) {
    if (r->dim[i] < 1) bad(c, "an empty axis");
  }
  for (int i = 0; i < r->loads; i++) check_view(c, &r->load[i]);
  for (int i = 0; i < r->instrs; i++, values++) {
    for (int k = 0; k < 3; k++) {
      if (r->instr[i].in[k] < 0 || r->instr[i].in[k] >= values) bad(c, "a value is used before it is computed");
    }
    if (r->instr[i].tile < 0 || r->instr[i].tile >= r->tiles) bad(c, "no such tile");
  }
  for (int i = 0; i < r->stores; i++) {
    const Store *s = &r->store[i];
    bool reduces = s->kind != STORE_ALL;
    if (s->value < 0 || s->value >= values) bad(c, "a stored value does not exist");
    if (reduces && (r->reduce < 0 || s->view.stride[r->reduce] != 0)) bad(c, "a reduction does not vanish");
    check_view(c, &s->view);
  }
}

static void check_matrix(const Check *c, int64_t at, int64_t rows, int64_t columns, int64_t ld, int64_t step) {
  if (ld < columns) bad(c, "a leading dimension does not fit");
  check_span(c, at, at + (c->kernel->gemm.batch - 1) * step + (rows - 1) * ld + columns - 1);
}

static void check_gemm(const Check *c) {
  const Gemm *g = &c->kernel->gemm;
  int64_t size[] = {g->m, g->n, g->batch};
  if (g->batch < 1 || g->cut < 0 || g->cut > 2 || c->kernel->pieces > size[g->cut]) bad(c, "malformed product");
  check_matrix(c, g->a, g->transpose_a ? g->k : g->m, g->transpose_a ? g->m : g->k, g->lda, g->step_a);
  check_matrix(c, g->b, g->transpose_b ? g->n : g->k, g->transpose_b ? g->k : g->n, g->ldb, g->step_b);
  check_matrix(c, g->c, g->m, g->n, g->ldc, g->step_c);
}

static void check_rows(const Check *c, int64_t at, int64_t count) {
  if (count < 1) bad(c, "nothing to do");
  check_span(c, at, at + count - 1);
}

static void check_indexed(const Check *c, int64_t at, int64_t index, int64_t out, int64_t in_rows, int64_t out_rows,
                          int64_t indices, int64_t width) {
  check_rows(c, at, in_rows * width);
  check_rows(c, index, indices);
  check_rows(c, out, out_rows * width);
}

static void check_kernel(const Check *c) {
  const Kernel *k = c->kernel;
  const Gather *g = &k->gather;
  const Scatter *s = &k->scatter;
  if (k->pieces < 1) bad(c, "no pieces");
  switch (k->kind) {
    case KERNEL_REGION: check_region(c); break;
    case KERNEL_GEMM: check_gemm(c); break;
    case KERNEL_RANDOM: check_rows(c, k->random.at, k->random.rows * k->random.count); break;
    case KERNEL_GATHER: check_indexed(c, g->table, g->index, g->out, g->rows, g->indices, g->indices, g->width); break;
    case KERNEL_SCATTER:
      check_indexed(c, s->values, s->index, s->out, s->indices, s->rows, s->indices, s->width);
      break;
    case KERNEL_CUMSUM:
      check_rows(c, k->cumsum.in, k->cumsum.outer * k->cumsum.length * k->cumsum.inner);
      check_rows(c, k->cumsum.out, k->cumsum.outer * k->cumsum.length * k->cumsum.inner);
      break;
    case KERNEL_IOTA: check_rows(c, k->iota.at, k->iota.outer * k->iota.length * k->iota.inner); break;
  }
}

void plan_verify(Arena *a, const Plan *plan) {
  for (int i = 0; i < plan->programs; i++) {
    const PlanProgram *p = &plan->program[i];
    Check c = {a, p, NULL};
    if (p->end > plan->peak || plan->persistent > p->end) bad(&c, "more memory than the plan has");
    for (int k = 0; k < p->feeds; k++) {
      check_rows(&c, p->feed[k].at, p->feed[k].kind == FEED_COLUMN ? p->feed[k].count * p->batch : 1);
    }
    for (int k = 0; k < p->outputs; k++) {
      check_rows(&c, p->output[k].at, p->output[k].per_example ? p->output[k].count * p->batch : p->output[k].count);
    }
    for (int k = 0; k < p->kernels; k++) {
      c.kernel = &p->kernel[k];
      check_kernel(&c);
    }
  }
}
