// Runs programs kernel after kernel; see exec.h.
//
// Every kernel is handed to the pool in the pieces that the plan has cut.
// Invariant: what a kernel writes depends on the plan, the memory and the run's random address; not on the threads.
#include "exec.h"

#include "pool.h"

struct Exec {
  KernelRun **call;  // of each program, of each kernel
};

static void kernel_piece(void *call, int piece, int pieces) {
  const KernelRun *c = call;
  kernel_row[c->kernel->kind].piece(c, piece, pieces);
}

void exec_kernel(Run *run, int program, int kernel) {
  KernelRun *c = &run->exec->call[program][kernel];
  for (int i = 0; i < c->kernel->operands; i++) c->at[i] = run->memory + c->kernel->operand[i].view.at;
  pool_run(run->pool, kernel_piece, c, c->kernel->pieces);
}

void exec_program(Run *run, int program) {
  for (int i = 0; i < run->plan->program[program].kernels; i++) exec_kernel(run, program, i);
}

static KernelRun kernel_ready(const Run *run, const Kernel *k) {
  const KernelRow *row = &kernel_row[k->kind];
  return (KernelRun){run, k, NEW_ARRAY(run->arena, float *, k->operands),
                     row->ready ? row->ready(run->arena, k) : NULL};
}

void exec_open(Run *run, int threads) {
  const Plan *plan = run->plan;
  run->pool = pool_open(run->arena, threads);
  run->exec = NEW(run->arena, Exec);
  run->exec->call = NEW_ARRAY(run->arena, KernelRun *, plan->programs);
  for (int i = 0; i < plan->programs; i++) {
    const PlanProgram *p = &plan->program[i];
    run->exec->call[i] = NEW_ARRAY(run->arena, KernelRun, p->kernels);
    for (int k = 0; k < p->kernels; k++) run->exec->call[i][k] = kernel_ready(run, &p->kernel[k]);
  }
  run->execute = exec_program;
}
