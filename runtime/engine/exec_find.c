// Finds the kernel whose results stopped being finite; see exec.h.
#include <math.h>

#include "engine/exec.h"
#include "engine/loop.h"

static int64_t operand_count(const Operand *o) {
  int64_t n = 1;
  for (int i = 0; i < o->rank; i++) n *= o->dim[i];
  return n;
}

// Offset of the n-th element, row-major, from where the operand begins.
static int64_t operand_at(const Operand *o, int64_t n) {
  int64_t at = 0;
  for (int i = o->rank - 1; i >= 0; n /= o->dim[i--]) at += n % o->dim[i] * o->view.stride[i];
  return at;
}

typedef struct {
  Run *run;
  NotFinite *nan, *infinity;
  int64_t order;
  int64_t turn;  // of the innermost loop, or -1
  int found;     // as exec_find returns it
} Finder;

// Looks at one result, where it lies in the present turn.
static void look(Finder *f, const Kernel *k, const Operand *o, const float *begin) {
  int64_t count = operand_count(o);
  for (int64_t i = 0; i < count && !(f->found & 1); i++) {
    float x = begin[operand_at(o, i)];
    if (isfinite(x)) continue;
    NotFinite here = {k, o, f->order, f->turn, begin + operand_at(o, i) - f->run->memory, i, x};
    if (isnan(x)) {
      *f->nan = here;
      f->found |= 1;
    } else if (!(f->found & 2)) {
      *f->infinity = here;
      f->found |= 2;
    }
  }
}

// Runs a kernel, or those of a loop turn by turn, and looks at what they have written.
static void run_and_look(Finder *f, KernelRun *call) {
  const Kernel *k = call->kernel;
  const KernelLoop *l = &k->loop;
  KernelRun *body = call->ready;
  if (k->kind != KERNEL_LOOP) {
    kernel_run(call, f->run);
    f->order++;
    for (int n = 0; n < k->operands; n++)
      if (k->operand[n].write) look(f, k, &k->operand[n], call->at[n]);
    return;
  }
  int64_t outer = f->turn;
  for (int64_t i = 0; i < l->times && !(f->found & 1); i++) {
    f->turn = f->run->at_turn[l->depth] = loop_turn(l, i);
    for (int n = 0; n < l->kernels && !(f->found & 1); n++) run_and_look(f, &body[n]);
  }
  f->run->at_turn[l->depth] = 0;
  f->turn = outer;
}

int exec_find(Run *run, int program, NotFinite *nan, NotFinite *infinity) {
  const PlanProgram *p = &run->plan->program[program];
  Finder f = {.run = run, .turn = -1, .nan = nan, .infinity = infinity};
  for (int i = 0; i < p->kernels && !(f.found & 1); i++) run_and_look(&f, exec_call(run, program, i));
  return f.found;
}

// Is an exponential among what makes a region's value?
static bool takes_exp(Arena *a, const Region *r, int value) {
  int first = r->loads + r->constants, last = value - first;
  bool *made = NEW_ARRAY(a, bool, r->instrs + 1), takes = false;
  if (last >= 0) made[last] = true;
  for (int i = last; i >= 0; i--) {
    if (!made[i]) continue;
    takes = takes || r->instr[i].op == SCALAR_EXP;
    for (int k = 0; k < scalar_row[r->instr[i].op].arity; k++)
      if (r->instr[i].in[k] >= first) made[r->instr[i].in[k] - first] = true;
  }
  return takes;
}

static bool is_of_exp(Arena *a, const NotFinite *x) {
  const Kernel *k = x->kernel;
  return k->kind == KERNEL_REGION &&
         takes_exp(a, &k->region, k->region.store[x->operand - k->operand - k->region.loads].value);
}

static const char *place_text(Arena *a, const NotFinite *x) {
  const Kernel *k = x->kernel;
  const Operand *o = x->operand;
  const char *name = o->name ? o->name : "a value without a name";
  const char *text = o->formula ? arena_format(a, "%s = %s", name, o->formula) : name;
  const char *file = k->file ? arena_format(a, "%s:%d: ", printable(a, k->file), k->line) : "";
  const char *turn = x->turn < 0 ? "" : arena_format(a, " of turn %lld", (long long)x->turn);
  return arena_format(a, "%s%s: element %lld%s%s is %s", file, printable(a, text), (long long)x->element, turn,
                      is_of_exp(a, x) ? ", for which an exp(...) is taken," : "",
                      isnan(x->value) ? "nan"
                      : x->value > 0  ? "inf"
                                      : "-inf");
}

const char *exec_find_nan(Run *run, int program) {
  NotFinite nan, infinity;
  int found = exec_find(run, program, &nan, &infinity);
  if (!found) return NULL;
  const char *first = found & 2 ? place_text(run->arena, &infinity) : NULL;
  if (!(found & 1)) return first;
  const char *text = place_text(run->arena, &nan);
  bool before = first && infinity.order < nan.order;
  return before ? arena_format(run->arena, "%s (the first infinity: %s)", text, first) : text;
}
