// Kernels made ready and run, one alone or, in a loop, several in every turn; see kernel.h.
//
// A loop is run by the thread that runs the program: the pool is handed its kernels one after another, in each turn.
#include "engine/loop.h"

#include "core/pool.h"

static void kernel_piece(void *call, int piece, int pieces) {
  const KernelRun *c = call;
  kernel_row[c->kernel->kind].piece(c, piece, pieces);
}

static float *operand_begin(const Run *run, const Operand *o) {
  int64_t at = o->view.at;
  for (int i = 0; i < MAX_LOOPS; i++) at += run->at_turn[i] * o->step[i];
  return run->memory + at;
}

// How much of the leading axis is to be done for the run's examples.
static void set_lead(KernelRun *c, const Run *run) {
  const Kernel *k = c->kernel;
  if (!k->per_example) return;
  c->lead = run->rows ? k->per_example * run->rows : c->whole;
  if (c->counts >= 0) c->number[c->counts] = c->lead;
}

void kernel_run(KernelRun *c, Run *run) {
  c->run = run;
  set_lead(c, run);
  for (int i = 0; i < c->kernel->operands; i++) c->at[i] = operand_begin(run, &c->kernel->operand[i]);
  (c->kernel->by_blas ? pool_run_apart : pool_run)(run->pool, kernel_piece, c, c->kernel->pieces);
}

KernelRun kernel_ready(Arena *a, const Kernel *k) {
  const KernelRow *row = &kernel_row[k->kind];
  KernelRun c = {.kernel = k, .at = NEW_ARRAY(a, float *, k->operands), .ready = row->ready ? row->ready(a, k) : NULL};
  c.number = NEW_ARRAY(a, int64_t, row->numbers + 1);
  for (int i = 0; i < row->numbers; i++) c.number[i] = k->number[i];
  c.counts = row->numbers ? kernel_lead(row, k->number) : -1;
  c.lead = c.whole = kernel_blocks(k);
  return c;
}

void *loop_ready(Arena *a, const Kernel *k) {
  KernelRun *call = NEW_ARRAY(a, KernelRun, k->loop.kernels);
  for (int i = 0; i < k->loop.kernels; i++) call[i] = kernel_ready(a, &k->loop.kernel[i]);
  return call;
}

int64_t loop_turn(const KernelLoop *l, int64_t i) { return l->reversed ? l->times - 1 - i : i; }

void loop_piece(const KernelRun *call, int piece, int pieces) {
  (void)piece, (void)pieces;
  const KernelLoop *l = &call->kernel->loop;
  KernelRun *body = call->ready;
  for (int64_t i = 0; i < l->times; i++) {
    call->run->at_turn[l->depth] = loop_turn(l, i);
    for (int k = 0; k < l->kernels; k++) kernel_run(&body[k], call->run);
  }
  call->run->at_turn[l->depth] = 0;
}
