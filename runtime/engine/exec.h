// The executor: walks the kernels of a plan's programs. One of the two readers of kernels; the other is the emitter.
#ifndef GMC_EXEC_H
#define GMC_EXEC_H

#include "engine/kernel.h"
#include "core/run.h"

typedef struct Exec Exec;

// Makes all programs of run->plan ready for `threads` threads (0: as many as there are processors) on run->memory, and
// sets run->execute, run->pool and run->exec. Fails with EXIT_SOFTWARE if a kernel cannot be run.
void exec_open(Run *run, int threads);

// Runs one program once. Allocates nothing.
void exec_program(Run *run, int program);
KernelRun *exec_call(const Run *run, int program, int kernel);  // one of its kernels, for kernel_run

// A number that is no longer finite.
typedef struct {
  const Kernel *kernel;
  const Operand *operand;
  int64_t order;    // how many kernels had run before
  int64_t turn;     // of the innermost loop around the kernel, from 0; or -1
  int64_t at;       // where in memory
  int64_t element;  // of that result of the kernel, in row-major order
  float value;
} NotFinite;

// Runs a program for a whole batch, looking at what every kernel has written. Stops at the first kernel that made a NaN and describes it
// in *nan; the first infinity met until then goes to *infinity. Returns which there were: bit 0 NaN, bit 1 infinity. An
// infinity alone may be legitimate: the log-density of what is impossible, to be masked later.
int exec_find(Run *run, int program, NotFinite *nan, NotFinite *infinity);

// The same as text: where the first NaN is, or else the first infinity, such as
// "x.gm:12: q_h = log(p): element 17 is nan"; NULL if all is finite.
const char *exec_find_nan(Run *run, int program);

#endif
