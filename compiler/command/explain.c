// `gmc explain`: what was derived from a model, as text. Reads the elaborated model and its plan; decides nothing.
#include "command/explain.h"

#include <string.h>

#include "engine/blas.h"
#include "engine/kernel.h"
#include "elaborate/elaborate.h"

static void heading(Text *t, const char *name) { text_add(t, "\n%s\n", name); }

static const char *shape_of_column(Arena *a, const PlanColumn *c) {
  if (c->principal) return shape_text(a, shape_of(1, &c->principal));
  return c->classes ? arena_format(a, ": class(%d)", c->classes) : shape_text(a, shape_of(c->rank, c->dim));
}

static void explain_data(Text *t, const Model *m) {
  if (m->sets) heading(t, "data");
  for (const PlanSet *set = m->set; set < m->set + m->sets; set++) {
    for (int i = 0; i < set->columns; i++)
      text_add(t, "  %-10s %s\n", set->column[i].name, shape_of_column(t->arena, &set->column[i]));
    text_add(t, "  from %s\n", set->data.clause);
    if (set->data.format == DATA_GENERATED)
      text_add(t, "  %lld examples to train on, %lld to test on, generated\n", (long long)set->data.generated_train,
               (long long)set->data.generated_test);
  }
}

static void explain_objectives(Text *t, const Model *m) {
  const Elab *e = m->elab;
  heading(t, "objectives");
  for (int i = 0; i < m->lines; i++) {
    const Decl *d = find_decl(e, e->step[i]->name);
    bool seen = false;
    for (int k = 0; k < i; k++) seen = seen || !strcmp(e->step[k]->name, e->step[i]->name);
    const Ast *said = is_em(e->step[i]) ? e->likelihood : d->ast;
    if (!seen) text_add(t, "  %s%s\n", is_em(e->step[i]) ? "em maximizes " : "", expression_text(m->elab, said));
  }
  for (int i = 0; i < m->findings; i++) {
    const Finding *f = &m->finding[i];
    if (strcmp(f->topic, "line")) text_add(t, "  line %d: %s\n", span_line(e->sources, f->span), f->text);
  }
}

static void explain_training(Text *t, const Model *m) {
  heading(t, m->phases > 1 ? "training" : "a round of training");
  for (int i = 0; i < m->findings; i++)
    if (!strcmp(m->finding[i].topic, "line")) text_add(t, "  %s\n", m->finding[i].text);
  if (m->phases == 1 && m->turns > 1) text_add(t, "  %d turns a round\n", m->turns);
  text_add(t, "  batch %lld, ", (long long)m->batch);
  if (m->epochs) text_add(t, "%lld epochs, ", (long long)m->epochs);
  text_add(t, "seed %u\n", m->seed);
  if (m->shards > 1)
    text_add(t, "  %lld shards: the gradient of each is made by itself, and they are added in a tree\n",
             (long long)m->shards);
}

static void explain_tensors(Text *t, const Model *m) {
  int64_t numbers[4] = {0};
  heading(t, "tensors");
  for (int i = 0; i < m->tensors; i++) {
    const TensorInfo *info = &m->tensor[i];
    numbers[info->kind] += shape_count(info->shape);
    if (info->kind != TENSOR_SLOT)
      text_add(t, "  %-28s %-16s %10lld%s\n", info->name, shape_text(t->arena, info->shape),
               (long long)shape_count(info->shape),
               info->kind == TENSOR_STATE     ? "  state"
               : info->kind == TENSOR_AVERAGE ? "  average"
                                              : "");
  }
  text_add(t, "  %lld weights, %lld states, %lld numbers kept by optimisers\n", (long long)numbers[TENSOR_WEIGHT],
           (long long)numbers[TENSOR_STATE], (long long)numbers[TENSOR_SLOT]);
}

static const char *bytes_text(Arena *a, int64_t floats) {
  return arena_format(a, "%.2f MiB", (double)floats * 4 / 1048576);
}

static void mark_codes(const Kernel *kernel, int kernels, bool *marked) {
  for (int i = 0; i < kernels; i++) {
    if (kernel[i].kind == KERNEL_LOOP)
      mark_codes(kernel[i].loop.kernel, kernel[i].loop.kernels, marked);
    else
      marked[kernel[i].code] = true;
  }
}

static int count_codes(const Plan *p, const bool *marked, const bool *also) {
  int n = 0;
  for (int i = 0; i < p->codes; i++) n += marked[i] && (!also || also[i]);
  return n;
}

// What the training programs compute, by code.
static bool *trained_codes(Arena *a, const Plan *p) {
  bool *trained = NEW_ARRAY(a, bool, p->codes + 1);
  for (int i = 0; i < p->turns; i++) {
    const PlanProgram *q = &p->program[p->turn[i].program];
    mark_codes(q->kernel, q->kernels, trained);
  }
  return trained;
}

// What a step takes, where everything that waits for a condition is done.
static void explain_step(Text *t, const Plan *p, int i) {
  const PlanPhase *phase = &p->phase[i];
  double step = phase->conditions < 0 ? 0 : p->program[phase->conditions].flops;
  bool waits = false;
  for (const PlanTurn *turn = p->turn + phase->first_turn; turn < p->turn + phase->first_turn + phase->turns; turn++) {
    if (!turn->after) step += p->program[turn->program].flops / (double)(turn->every > 1 ? turn->every : 1);
    waits = waits || turn->when;
  }
  text_add(t, "  one step%s: %.1f Mflop in matrix products%s\n",
           p->phases > 1 ? arena_format(t->arena, " of phase %d", i + 1) : "", step / 1e6, waits ? " at most" : "");
}

static void explain_plan(Text *t, const Plan *p) {
  const bool *trained = trained_codes(t->arena, p);
  heading(t, "programs");
  text_add(t, "  %-24s %8s %8s %8s %8s %14s %12s\n", "", "batch", "kernels", "codes", "trained", "Mflop",
           "temporaries");
  for (int i = 0; i < p->programs; i++) {
    const PlanProgram *q = &p->program[i];
    bool *own = NEW_ARRAY(t->arena, bool, p->codes + 1);
    mark_codes(q->kernel, q->kernels, own);
    text_add(t, "  %-24s %8lld %8d %8d %8d %14.1f %12s\n", q->name, (long long)q->batch, q->kernels,
             count_codes(p, own, NULL), count_codes(p, own, trained), q->flops / 1e6,
             bytes_text(t->arena, q->end - p->persistent));
  }
  text_add(t, "  kernels of one code do the same elsewhere; %d codes in all; trained: those that training has too\n",
           p->codes);
  for (int i = 0; i < p->phases; i++) explain_step(t, p, i);
  text_add(t, "  products: %s\n",
           p->products == PRODUCTS_OPENBLAS ? blas_about(t->arena, blas_open(t->arena, 1)) : "own");
  heading(t, "memory");
  text_add(t, "  weights, states, optimisers %12s\n", bytes_text(t->arena, p->persistent));
  text_add(t, "  largest program             %12s\n", bytes_text(t->arena, p->peak - p->persistent));
  int64_t best = p->keep.measure ? p->persistent : 0;
  if (best) text_add(t, "  the best epoch's            %12s\n", bytes_text(t->arena, best));
  text_add(t, "  allocated for the run       %12s, the data not counted\n", bytes_text(t->arena, p->peak + best));
}

void explain_model(Text *t, const Model *m, const Plan *p) {
  text_add(t, "model %s (%s)\n", m->name, printable(t->arena, m->source));
  explain_data(t, m);
  explain_objectives(t, m);
  explain_training(t, m);
  explain_tensors(t, m);
  explain_plan(t, p);
}
