// Finds the kernel whose results stopped being finite; see exec.h.
#include <math.h>

#include "exec.h"

// The elements that a kernel writes in one place.
typedef struct {
  int rank;
  int64_t dim[MAX_RANK];
  View view;
} Written;

static Written written_row(int64_t at, int64_t count) {
  return (Written){.rank = 1, .dim = {count}, .view = {.at = at, .stride = {1}}};
}

static Written written_store(const Region *r, const Store *s) {
  Written w = {.rank = r->rank, .view = s->view};
  for (int i = 0; i < r->rank; i++) w.dim[i] = i == r->reduce && s->kind != STORE_ALL ? 1 : r->dim[i];
  return w;
}

// The n-th of a kernel's results.
static Written kernel_written(const Kernel *k, int n) {
  const Gemm *g = &k->gemm;
  switch (k->kind) {
    case KERNEL_REGION: return written_store(&k->region, &k->region.store[n]);
    case KERNEL_GEMM: return (Written){3, {g->batch, g->m, g->n}, {g->c, {g->step_c, g->ldc, 1}}};
    case KERNEL_RANDOM: return written_row(k->random.at, k->random.rows * k->random.count);
    case KERNEL_GATHER: return written_row(k->gather.out, k->gather.indices * k->gather.width);
    case KERNEL_SCATTER: return written_row(k->scatter.out, k->scatter.rows * k->scatter.width);
    case KERNEL_CUMSUM: return written_row(k->cumsum.out, k->cumsum.outer * k->cumsum.length * k->cumsum.inner);
    case KERNEL_IOTA: return written_row(k->iota.at, k->iota.outer * k->iota.length * k->iota.inner);
  }
  return (Written){.rank = 0};
}

static int64_t written_count(const Written *w) {
  int64_t n = 1;
  for (int i = 0; i < w->rank; i++) n *= w->dim[i];
  return n;
}

// Memory offset of the n-th element, row-major.
static int64_t written_at(const Written *w, int64_t n) {
  int64_t at = w->view.at;
  for (int i = w->rank - 1; i >= 0; i--) {
    int64_t size = w->dim[i] > 1 ? w->dim[i] : 1;
    at += n % size * w->view.stride[i];
    n /= size;
  }
  return at;
}

// Looks at one result. Bits of `found` are as in exec_find.
static int look(const float *memory, const Written *w, int kernel, NotFinite *nan, NotFinite *infinity, int found) {
  int64_t count = written_count(w);
  for (int64_t i = 0; i < count && !(found & 1); i++) {
    int64_t at = written_at(w, i);
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
    int results = k->kind == KERNEL_REGION ? k->region.stores : 1;
    for (int n = 0; n < results; n++) {
      Written w = kernel_written(k, n);
      found = look(run->memory, &w, i, nan, infinity, found);
    }
  }
  return found;
}

static const char *place_text(Arena *a, const Kernel *k, const NotFinite *x) {
  const char *label = k->label ? printable(a, k->label) : "a value without a name";
  const char *file = k->file ? arena_format(a, "%s:%d: ", printable(a, k->file), k->line) : "";
  return arena_format(a, "%s%s: element %lld is %s", file, label, (long long)x->element,
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
