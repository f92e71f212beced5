// Finds the kernel whose results stopped being finite; see exec.h.
#include <math.h>

#include "exec.h"

static int64_t operand_count(const Operand *o) {
  int64_t n = 1;
  for (int i = 0; i < o->rank; i++) n *= o->dim[i];
  return n;
}

// Memory offset of the n-th element, row-major.
static int64_t operand_at(const Operand *o, int64_t n) {
  int64_t at = o->view.at;
  for (int i = o->rank - 1; i >= 0; n /= o->dim[i--]) at += n % o->dim[i] * o->view.stride[i];
  return at;
}

// Looks at one result. Bits of `found` are as in exec_find.
static int look(const float *memory, const Operand *o, int kernel, NotFinite *nan, NotFinite *infinity, int found) {
  int64_t count = operand_count(o);
  for (int64_t i = 0; i < count && !(found & 1); i++) {
    int64_t at = operand_at(o, i);
    float x = memory[at];
    if (isfinite(x)) continue;
    NotFinite here = {kernel, at, i, x};
    if (isnan(x)) {
      *nan = here;
      found |= 1;
    } else if (!(found & 2)) {
      *infinity = here;
      found |= 2;
    }
  }
  return found;
}

int exec_find(Run *run, int program, NotFinite *nan, NotFinite *infinity) {
  const PlanProgram *p = &run->plan->program[program];
  int found = 0;
  for (int i = 0; i < p->kernels && !(found & 1); i++) {
    const Kernel *k = &p->kernel[i];
    exec_kernel(run, program, i);
    for (int n = 0; n < k->operands; n++) {
      if (k->operand[n].write) found = look(run->memory, &k->operand[n], i, nan, infinity, found);
    }
  }
  return found;
}

// Is an exponential among what the kernel computes?
static bool takes_exp(const Kernel *k) {
  for (int i = 0; k->kind == KERNEL_REGION && i < k->region.instrs; i++)
    if (k->region.instr[i].op == SCALAR_EXP) return true;
  return false;
}

static const char *place_text(Arena *a, const Kernel *k, const NotFinite *x) {
  const char *label = k->label ? printable(a, k->label) : "a value without a name";
  const char *file = k->file ? arena_format(a, "%s:%d: ", printable(a, k->file), k->line) : "";
  return arena_format(a, "%s%s: element %lld%s is %s", file, label, (long long)x->element,
                      takes_exp(k) ? ", for which an exp(...) is taken," : "",
                      isnan(x->value) ? "nan"
                      : x->value > 0  ? "inf"
                                      : "-inf");
}

const char *exec_find_nan(Run *run, int program) {
  NotFinite nan, infinity;
  int found = exec_find(run, program, &nan, &infinity);
  const Kernel *kernel = run->plan->program[program].kernel;
  if (!found) return NULL;
  const char *first = found & 2 ? place_text(run->arena, &kernel[infinity.kernel], &infinity) : NULL;
  if (!(found & 1)) return first;
  const char *text = place_text(run->arena, &kernel[nan.kernel], &nan);
  bool before = first && infinity.kernel < nan.kernel;
  return before ? arena_format(run->arena, "%s (the first infinity: %s)", text, first) : text;
}
