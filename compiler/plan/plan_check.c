// The check of a finished plan: what the executor and the emitter take for granted.
//
// Independent of the planner's own structures: it reads the plan as they do. Every offset lies within the program's
// memory, every kernel has pieces and sizes that fit, values of a region are defined before they are used, each line of
// a round is done before the next begins.
#include <string.h>

#include "plan/planner.h"

typedef struct {
  Arena *arena;
  const Plan *plan;
  const PlanProgram *program;
  const Kernel *kernel;
  int64_t times[MAX_LOOPS];  // turns of the loops around the kernel
} Check;

static _Noreturn void bad(const Check *c, const char *what) {
  fail(c->arena, EXIT_SOFTWARE, "plan: %s: %s: %s", c->program->name, c->kernel ? kernel_text(c->arena, c->kernel) : "",
       what);
}

static void check_span(const Check *c, int64_t low, int64_t high) {
  if (low < 0 || high >= c->program->end) bad(c, "outside of the memory");
}

static void check_operand(const Check *c, const Operand *o) {
  int64_t low, high;
  if (o->rank < 0 || o->rank > MAX_RANK) bad(c, "a malformed operand");
  for (int i = 0; i < o->rank; i++) {
    if (o->dim[i] < 1) bad(c, "an empty axis");
    if (o->write && o->dim[i] > 1 && o->view.stride[i] == 0) bad(c, "a result is written over itself");
  }
  view_extent(&o->view, o->rank, o->dim, &low, &high);
  for (int i = 0; i < MAX_LOOPS; i++) {
    if (o->step[i] && c->times[i] == 0) bad(c, "an operand moves on with no loop");
    if (o->step[i] < 0) bad(c, "an operand moves backwards");
    high += o->step[i] * (c->times[i] ? c->times[i] - 1 : 0);
  }
  check_span(c, low, high);
}

// The operands must be those of the space, with one element along the reduced axis where a store reduces.
static void check_spaces(const Check *c) {
  const Region *r = &c->kernel->region;
  for (int i = 0; i < r->loads + r->stores; i++) {
    const Operand *o = &c->kernel->operand[i];
    bool reduces = i >= r->loads && r->store[i - r->loads].kind != STORE_ALL;
    if (o->write != (i >= r->loads) || o->rank != r->rank) bad(c, "an operand is not of its region");
    for (int k = 0; k < r->rank; k++) {
      if (o->dim[k] != (reduces && k == r->reduce ? 1 : r->dim[k])) bad(c, "an operand does not fit its region");
      if (reduces && k == r->reduce && o->view.stride[k] != 0) bad(c, "a reduction does not vanish");
    }
  }
}

static void region_check(const Check *c) {
  const Region *r = &c->kernel->region;
  int values = r->loads + r->constants;
  if (r->rank < 1 || r->rank > MAX_RANK || r->reduce >= r->rank || r->stores < 1) bad(c, "malformed region");
  if (c->kernel->operands != r->loads + r->stores) bad(c, "a region with other operands");
  check_spaces(c);
  for (int i = 0; i < r->instrs; i++, values++) {
    for (int k = 0; k < 3; k++) {
      if (r->instr[i].in[k] < 0 || r->instr[i].in[k] >= values) bad(c, "a value is used before it is computed");
    }
    if (r->instr[i].tile < 0 || r->instr[i].tile >= r->tiles) bad(c, "no such tile");
  }
  for (int i = 0; i < r->stores; i++) {
    if (r->store[i].value < 0 || r->store[i].value >= values) bad(c, "a stored value does not exist");
    if (r->store[i].kind != STORE_ALL && r->reduce < 0) bad(c, "a store reduces along no axis");
  }
}

// The operands must be what the row makes of the numbers.
static void check_row(const Check *c) {
  const Kernel *k = c->kernel;
  const KernelRow *row = &kernel_row[k->kind];
  Operand *want = NEW_ARRAY(c->arena, Operand, row->operands);
  if (k->operands != row->operands) bad(c, "other operands than the kernel has");
  row->place(k->number, want);
  for (int i = 0; i < k->operands; i++) {
    const Operand *o = &k->operand[i];
    want[i].view.at = o->view.at;
    bool alike = o->write == want[i].write && view_equal(&o->view, &want[i].view) &&
                 shape_equal(shape_of(o->rank, o->dim), shape_of(want[i].rank, want[i].dim));
    if (!alike) bad(c, "an operand does not fit the kernel's numbers");
  }
  if (k->pieces > row->sizes(k->number).cut) bad(c, "more pieces than there is to cut");
}

static void check_kernel(const Check *c);

static void loop_check(const Check *c) {
  const KernelLoop *l = &c->kernel->loop;
  if (l->times < 1 || l->depth < 0 || l->depth >= MAX_LOOPS || c->times[l->depth]) bad(c, "malformed loop");
  if (c->kernel->pieces != 1) bad(c, "a loop in pieces");
  Check inner = *c;
  inner.times[l->depth] = l->times;
  for (int i = 0; i < l->kernels; i++) {
    inner.kernel = &l->kernel[i];
    check_kernel(&inner);
  }
}

// What is done by example must have all examples side by side along its leading axis.
static void check_examples(const Check *c) {
  const Kernel *k = c->kernel;
  if (k->per_example == 0) return;
  if (k->per_example * c->program->batch != kernel_blocks(k)) bad(c, "other examples than the batch has");
  if (k->kind == KERNEL_REGION && k->region.reduce == 0) bad(c, "examples are added up one by one");
}

// The code must say of the kernel what it computes, which operands may begin at one place, and no fewer pieces and
// rows.
static void check_code(const Check *c) {
  const Kernel *k = c->kernel;
  if (k->kind == KERNEL_LOOP) return;
  if (k->code < 0 || k->code >= c->plan->codes) bad(c, "no such code");
  const Code *code = &c->plan->code[k->code];
  if (!code_alike(c->arena, k, code->kernel)) bad(c, "another code than it computes");
  if (k->pieces > code->pieces || kernel_blocks(k) > kernel_blocks(code->kernel)) bad(c, "larger than its code");
  for (int i = 0; i < k->operands; i++)
    for (int j = 0; j < k->operands; j++) {
      const Operand *x = &k->operand[i], *y = &k->operand[j];
      bool meet = x->view.at == y->view.at && memcmp(x->step, y->step, sizeof x->step) == 0;
      Meet said = (Meet)code->meeting[i * k->operands + j];
      if (said == (meet ? MEET_NEVER : MEET_ALWAYS)) bad(c, "operands meet otherwise than the code says");
    }
}

static void check_kernel(const Check *c) {
  static void (*const check[])(const Check *) = {
#define MACHINE(ID, name, ...) name##_check,
#define KERNEL(...)            check_row,
#include "engine/kernels.def"
  };
  if (c->kernel->pieces < 1) bad(c, "no pieces");
  check_examples(c);
  check[c->kernel->kind](c);
  check_code(c);
  for (int i = 0; i < c->kernel->operands; i++) check_operand(c, &c->kernel->operand[i]);
}

static void check_rows(const Check *c, int64_t at, int64_t count) {
  if (count < 1) bad(c, "nothing to do");
  check_span(c, at, at + count - 1);
}

void plan_verify(Arena *a, const Plan *plan) {
  for (int i = 0; i < plan->programs; i++) {
    const PlanProgram *p = &plan->program[i];
    Check c = {.arena = a, .plan = plan, .program = p};
    if (p->end > plan->peak || plan->persistent > p->end) bad(&c, "more memory than the plan has");
    for (int k = 0; k < p->feeds; k++) {
      check_rows(&c, p->feed[k].at, p->feed[k].count * (feed_is_of_examples(&p->feed[k]) ? p->batch : 1));
    }
    for (int k = 0; k < p->outputs; k++) {
      check_rows(&c, p->output[k].at, p->output[k].per_example ? p->output[k].count * p->batch : p->output[k].count);
    }
    for (int k = 0; k < p->kernels; k++) {
      c.kernel = &p->kernel[k];
      if (k && section_order(c.kernel->section, p->kernel[k - 1].section) < 0)
        bad(&c, "after a later part of the round");
      check_kernel(&c);
    }
  }
}
