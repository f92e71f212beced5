// Runs programs kernel after kernel; see exec.h.
//
// Every kernel is handed to the pool in the pieces that the plan has cut.
// Invariant: what a kernel writes depends on the plan, the memory and the run's random address; not on the threads.
#include "engine/exec.h"

#include "engine/blas.h"
#include "core/pool.h"

struct Exec {
  KernelRun **call;  // of each program, of each kernel
};

KernelRun *exec_call(const Run *run, int program, int kernel) { return &run->exec->call[program][kernel]; }

void exec_program(Run *run, int program) {
  const PlanProgram *p = &run->plan->program[program];
  for (int i = run->again ? p->still : 0; i < p->kernels; i++) kernel_run(exec_call(run, program, i), run);
}

void exec_open(Run *run, int threads) {
  const Plan *plan = run->plan;
  run->pool = pool_open(run->arena, threads);
  if (plan->products == PRODUCTS_OPENBLAS) blas_serve(run);
  run->exec = NEW(run->arena, Exec);
  run->exec->call = NEW_ARRAY(run->arena, KernelRun *, plan->programs);
  for (int i = 0; i < plan->programs; i++) {
    const PlanProgram *p = &plan->program[i];
    run->exec->call[i] = NEW_ARRAY(run->arena, KernelRun, p->kernels);
    for (int k = 0; k < p->kernels; k++) run->exec->call[i][k] = kernel_ready(run->arena, &p->kernel[k]);
  }
  run->execute = exec_program;
}
