// The order of the steps: by section, and within a section depth first from what the program is for, so that a value is
// made shortly before it is used.
//
// Stands between lowering and placement. A step comes after all that write what it reads; a step that takes over the
// memory of a tensor's old value comes after all that read the old value. A step that must wait for one of a later
// section belongs to that section. Outputs first, then the tensors in order of assignment.
#include "plan/planner.h"

typedef struct Link {
  int step;
  struct Link *next;
} Link;

typedef struct {
  Layout *l;
  Link **writers, **readers;  // of each buffer, by step number before ordering; writers of a piece write the whole
  Link **needs;               // of each step: what must run first
  Link **before;              // of these, those that have not been looked at
  char *state;                // 0 unseen, 1 waiting for others, 2 placed
  Step **order;
  int count;
} Sorting;

static void link_step(Layout *l, Link **list, int step) {
  Link *k = NEW(l->scratch, Link);
  *k = (Link){step, *list};
  *list = k;
}

static void find_users(Sorting *s) {
  for (int i = s->l->steps - 1; i >= 0; i--) {
    const Step *step = s->l->step[i];
    for (int k = 0; k < step->kernel.operands; k++) {
      int b = step->buffer[k];
      if (!step->kernel.operand[k].write) link_step(s->l, &s->readers[b], i);
      for (; step->kernel.operand[k].write && b >= 0; b = s->l->buffer[b].within) link_step(s->l, &s->writers[b], i);
    }
  }
}

static void find_needs(Sorting *s, int i) {
  const Step *step = s->l->step[i];
  for (int k = step->kernel.operands - 1; k >= 0; k--) {
    int over = s->l->buffer[step->buffer[k]].over;
    const Link *old = over >= 0 ? s->readers[over] : NULL;
    const Link *need = step->kernel.operand[k].write ? old : s->writers[step->buffer[k]];
    for (; need; need = need->next) {
      if (need->step != i) link_step(s->l, &s->needs[i], need->step);
    }
  }
  s->before[i] = s->needs[i];
}

// Of no earlier a section than the steps that it needs, which have theirs.
static void set_section(Sorting *s, int i) {
  Section *own = &s->l->step[i]->kernel.section;
  for (const Link *need = s->needs[i]; need; need = need->next)
    if (section_order(*own, s->l->step[need->step]->kernel.section) < 0) *own = s->l->step[need->step]->kernel.section;
}

// Puts a step into the order after all that it needs; with a stack of its own, for programs may be deep.
static void visit(Sorting *s, int *stack, int root) {
  int depth = 0;
  if (s->state[root] == 0) stack[depth++] = root;
  while (depth) {
    int i = stack[depth - 1];
    s->state[i] = 1;
    Link *need = s->before[i];
    while (need && s->state[need->step] == 2) need = need->next;
    s->before[i] = need;
    if (!need) {
      s->state[i] = 2;
      s->order[s->count++] = s->l->step[i];
      set_section(s, i);
      depth--;
    } else if (s->state[need->step] == 1) {
      fail(s->l->arena, EXIT_SOFTWARE, "planner: steps need each other in a circle: %s",
           kernel_text(s->l->arena, &s->l->step[i]->kernel));
    } else {
      stack[depth++] = need->step;
    }
  }
}

// Is what the buffer holds the same for all batches of a pass? `still`: of the steps that come before.
static bool buffer_stands(const Sorting *s, int buffer) {
  const Buffer *b = &s->l->buffer[buffer];
  if (b->input >= 0) return false;
  for (const Link *w = s->writers[buffer]; w; w = w->next)
    if (!s->l->step[w->step]->still) return false;
  return true;
}

// Marks the steps of a pass that read nothing of its examples and draw nothing.
static void find_still(Sorting *s) {
  for (int b = 0; b < s->l->buffers; b++)
    if (s->l->buffer[b].over >= 0) return;  // something moves
  for (int i = 0; i < s->count; i++) {
    Step *step = s->order[i];
    bool stands = !kernel_row[step->kernel.kind].with_run && step->kernel.kind != KERNEL_LOOP;
    for (int k = 0; k < step->kernel.operands && stands; k++)
      stands = step->kernel.operand[k].write || buffer_stands(s, step->buffer[k]);
    step->still = stands;
    s->l->still += stands;
  }
}

// The first section after that of `last` (NULL: the first of all) in which there are steps, or NULL.
static const Section *next_section(const Sorting *s, const Section *last) {
  const Section *next = NULL;
  for (int i = 0; i < s->count; i++) {
    const Section *own = &s->order[i]->kernel.section;
    if ((!last || section_order(*last, *own) < 0) && (!next || section_order(*own, *next) < 0)) next = own;
  }
  return next;
}

// What stands still, and then the order by section; steps of one section stay as they are.
static Step **by_section(const Sorting *s) {
  Step **order = NEW_ARRAY(s->l->scratch, Step *, s->count + 1);
  int n = 0;
  for (int i = 0; i < s->count; i++)
    if (s->order[i]->still) order[n++] = s->order[i];
  for (const Section *now = next_section(s, NULL); now; now = next_section(s, now))
    for (int i = 0; i < s->count; i++)
      if (!s->order[i]->still && section_order(s->order[i]->kernel.section, *now) == 0) order[n++] = s->order[i];
  return order;
}

void schedule(Layout *l) {
  Arena *a = l->scratch;
  Sorting s = {.l = l,
               .writers = NEW_ARRAY(a, Link *, l->buffers + 1),
               .readers = NEW_ARRAY(a, Link *, l->buffers + 1),
               .needs = NEW_ARRAY(a, Link *, l->steps + 1),
               .before = NEW_ARRAY(a, Link *, l->steps + 1),
               .state = NEW_ARRAY(a, char, l->steps + 1),
               .order = NEW_ARRAY(a, Step *, l->steps + 1)};
  int *stack = NEW_ARRAY(a, int, l->steps + 1);
  find_users(&s);
  for (int i = 0; i < l->steps; i++) find_needs(&s, i);
  for (int i = 0; i < l->program->outputs; i++) {
    for (const Link *w = s.writers[l->output[i].buffer]; w; w = w->next) visit(&s, stack, w->step);
  }
  for (int b = 0; b < l->buffers; b++) {
    for (const Link *w = l->buffer[b].over >= 0 ? s.writers[b] : NULL; w; w = w->next) visit(&s, stack, w->step);
  }
  for (int i = 0; i < l->steps; i++) visit(&s, stack, i);
  if (l->passes) find_still(&s);
  l->step = by_section(&s);
}
