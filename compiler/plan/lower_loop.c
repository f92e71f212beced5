// Lowering of loops: the body becomes a list of kernels, whose operands say how far they move on in every turn.
//
// The body is laid out as a program of its own, at the time when the step of its loop is made: carried values are its
// tensors, what it stacks are its outputs. What it works with and nobody else reads lies in one buffer of the program
// around it; all else lies outside, in the buffers of the loop's inputs and results.
// Invariant: a carried value has two buffers over one memory, its start, which the loop reads, and its end, which the
// loop writes; or, where it is wanted as it is in every turn, a place for each, and every turn reads one and writes the
// next.
#include "plan/planner.h"

// What a buffer of the body is outside.
typedef struct {
  int buffer;      // of the program around, or -1: a part of the working memory
  int64_t offset;  // in it
  int64_t step;    // from turn to turn
} Outside;

typedef struct {
  Layout *l, *body;
  Node *node;
  const GraphLoop *loop;
  Node **result;     // live results, by number
  const int *turns;  // of each input: the buffer of a carried value turn by turn, or -1
  const bool *own;   // of each stacked value: it lies in such a buffer, where the turns write it
  Outside *outside;  // of each buffer of the body
  int64_t fixed;     // where the next buffer that lies outside seems to lie while the body is placed
  Operand *operand;  // of the loop itself
  int *buffer;
  int operands;
  Step *step;
} Lowering;

// ---- carried values turn by turn

// The live results, by number.
static Node **find_results(const Layout *l, const Node *n) {
  const Graph *g = l->program->graph;
  const GraphLoop *loop = n->attr.loop;
  Node **result = NEW_ARRAY(l->scratch, Node *, loop->inputs + loop->stacked + 1);
  for (int id = n->id + 1; id < g->count; id++) {
    Node *r = g->node[id];
    if (r->op == OP_RESULT && r->in[0] == n && l->fusion->live[id]) result[r->attr.id] = r;
  }
  return result;
}

// Is stacked value k what carried value i is before each turn, or after it?
static bool shows(const GraphLoop *l, int k, int i, bool after) {
  const Node *each = l->each[k];
  return after ? each == l->next[i] : each->op == OP_INPUT && each->attr.id == i;
}

// Before turn t a value is what it is after the turn that comes before: where it is wanted so, both lie in one buffer
// of one place more than there are turns, in order.
static int turns_of(Layout *l, const Node *n, int i, Node *const *result) {
  const GraphLoop *loop = n->attr.loop;
  Shape one = n->in[i]->shape;
  int64_t count = shape_count(one);
  int whole = -1;
  if (!loop->next[i] || loop->next[i]->op == OP_INPUT || (result[i] && l->target[result[i]->id])) return -1;
  for (int k = 0; k < loop->stacked; k++) {
    Node *r = result[loop->inputs + k];
    bool after = shows(loop, k, i, true);
    if (!r || l->target[r->id] || (!after && !shows(loop, k, i, false))) continue;
    Shape all = r->shape;
    all.dim[0]++;
    if (whole < 0) whole = place_rows(l, all, loop->body->input[i].name).buffer;
    if (after) l->buffer[whole].name = l->name[r->id];
    add_target(l, r, place_within(l, r->shape, l->name[r->id], whole, after != loop->reversed ? count : 0));
  }
  if (whole >= 0 && result[i]) {
    int64_t last = loop->reversed ? 0 : loop->times * count;
    add_target(l, result[i], place_within(l, one, l->name[result[i]->id], whole, last));
  }
  return whole;
}

void store_turns(Layout *l, Node *n) {
  const GraphLoop *loop = n->attr.loop;
  Node **result = find_results(l, n);
  l->turns[n->id] = NEW_ARRAY(l->scratch, int, loop->inputs + 1);
  for (int i = 0; i < loop->inputs; i++)
    l->turns[n->id][i] = loop->kind[i] == OPERAND_CARRIED ? turns_of(l, n, i, result) : -1;
}

// ---- the body as a program

static Node *carried_as_tensor(Graph *to, const GraphLoop *l, const Node *old, Node **in) {
  bool carried = old->op == OP_INPUT && l->kind[old->attr.id] == OPERAND_CARRIED;
  return carried ? node_weight(to, old->attr.id) : rewrite_same(to, old, in);
}

// Carried input i is tensor i.
static Graph *body_tensors(Arena *a, const GraphLoop *l, const GraphProgram *p) {
  Graph *to = rewrite_begin(a, p);
  to->sources = p->graph->sources;
  to->tensors = l->inputs;
  to->tensor = NEW_ARRAY(a, TensorInfo, l->inputs + 1);
  for (int i = 0; i < l->inputs; i++) {
    const InputInfo *in = &l->body->input[i];
    to->tensor[i] = (TensorInfo){
        .name = in->name, .owner = "", .kind = TENSOR_STATE, .shape = in->shape, .lo = in->lo, .hi = in->hi};
    to->tensor[i].span.file = -1;
  }
  return to;
}

static GraphProgram *body_program(Arena *a, const GraphLoop *l, const bool *own) {
  GraphProgram *p = loop_program(a, l);
  Graph *from = l->body, *to = body_tensors(a, l, p);
  bool *live = live_nodes(a, p);
  Node **map = NEW_ARRAY(a, Node *, from->count + 1);
  for (int id = 0; id < from->count; id++) {
    if (!live[id]) continue;
    Node **in = NEW_ARRAY(a, Node *, from->node[id]->arity + 1);
    for (int i = 0; i < from->node[id]->arity; i++) in[i] = map[from->node[id]->in[i]->id];
    node_made_for(to, from->node[id]);
    map[id] = carried_as_tensor(to, l, from->node[id], in);
    node_named_as(map[id], from->node[id]);
  }
  *p = (GraphProgram){.name = "body", .graph = to};
  p->output = NEW_ARRAY(a, Output, l->stacked + 1);
  p->assign = NEW_ARRAY(a, Assign, l->inputs + 1);
  for (int k = 0; k < l->stacked; k++)
    if (!own[k]) p->output[p->outputs++] = (Output){.name = "each", .value = map[l->each[k]->id]};
  for (int i = 0; i < l->inputs; i++) {
    if (!l->next[i]) continue;
    Node *target = node_weight(to, i), *value = map[l->next[i]->id];
    if (value != target) p->assign[p->assigns++] = (Assign){target, value};
  }
  return p;
}

// ---- what lies outside

static Operand *add_operand(Lowering *w, int buffer, const View *view, Shape s, bool write) {
  Operand *o = &w->operand[w->operands];
  w->buffer[w->operands++] = buffer;
  *o = (Operand){.view = *view, .rank = s.rank, .write = write};
  for (int i = 0; i < s.rank; i++) o->dim[i] = s.dim[i];
  return o;
}

static void add_result(Lowering *w, Node *result) {
  Place p = place_of(w->l, result);
  add_operand(w, p.buffer, &p.view, result->shape, true)->formula = formula_of(w->l, result);
}

// A buffer of the body lies in the place from now on.
static void set_outside(Lowering *w, int buffer, const Place *p, int64_t step) {
  w->outside[buffer] = (Outside){p->buffer, p->view.at, step};
  w->body->buffer[buffer].fixed = true;
  w->body->buffer[buffer].at = w->fixed;
}

static void end_outside(Lowering *w, int64_t count) { w->fixed += (count + ALIGN - 1) / ALIGN * ALIGN; }

static void place_start(Lowering *w, int i, Place start) {
  lower_copy(w->l, w->node->in[i], start);
  add_operand(w, start.buffer, &start.view, w->node->in[i]->shape, false);
}

// Its start is copied to where the first turn reads it, and every turn writes it where the next one does.
static void place_turns(Lowering *w, int i, int whole) {
  Layout *l = w->l;
  Shape s = w->node->in[i]->shape;
  int64_t count = shape_count(s), first = w->loop->reversed ? w->loop->times * count : 0;
  place_start(w, i, place_within(l, s, arena_format(l->arena, "%s_start", l->buffer[whole].name), whole, first));
  if (w->result[i]) add_result(w, w->result[i]);
  Place before = {whole, view_rows(s)}, after = before;
  *(w->loop->reversed ? &before.view.at : &after.view.at) = count;
  for (int b = 0; b < w->body->buffers; b++)
    if (w->body->buffer[b].tensor == i) set_outside(w, b, w->body->buffer[b].over < 0 ? &before : &after, count);
  end_outside(w, count);
}

// Its start is copied into a buffer of its own, which the value then takes over from turn to turn.
static void place_carried(Lowering *w, int i) {
  Layout *l = w->l;
  Node *in = w->node->in[i];
  const char *name = w->loop->body->input[i].name;
  Place start = place_rows(l, in->shape, arena_format(l->arena, "%s_start", name));
  place_start(w, i, start);
  Place end = w->result[i] ? place_of(l, w->result[i]) : place_rows(l, in->shape, name);
  l->buffer[end.buffer].over = start.buffer;
  l->buffer[end.buffer].carried = true;
  if (w->result[i])
    add_result(w, w->result[i]);
  else
    add_operand(w, end.buffer, &end.view, in->shape, true);
  for (int b = 0; b < w->body->buffers; b++)
    if (w->body->buffer[b].tensor == i) set_outside(w, b, &end, 0);
  end_outside(w, shape_count(in->shape));
}

static void place_input(Lowering *w, int i) {
  Node *in = w->node->in[i];
  bool sliced = w->loop->kind[i] == OPERAND_SLICED;
  int64_t count = shape_count(w->loop->body->input[i].shape);
  Place p = rows_of(w->l, in);
  add_operand(w, p.buffer, &p.view, in->shape, false);
  set_outside(w, w->body->input[i], &p, sliced ? count : 0);
  end_outside(w, count);
}

// `output`: the body's, or -1 where its kernels need not know.
static void place_stacked(Lowering *w, int k, int output) {
  Node *result = w->result[w->loop->inputs + k];
  if (!result) return;
  add_result(w, result);
  if (output < 0) return;
  Place p = place_of(w->l, result);
  int64_t count = shape_count(w->loop->each[k]->shape);
  set_outside(w, w->body->output[output].buffer, &p, count);
  end_outside(w, count);
}

static void place_outside(Lowering *w) {
  const GraphLoop *l = w->loop;
  for (int b = 0; b < w->body->buffers; b++) w->outside[b].buffer = -1;
  for (int i = 0; i < l->inputs; i++) {
    if (l->kind[i] == OPERAND_CARRIED && w->turns[i] >= 0)
      place_turns(w, i, w->turns[i]);
    else if (l->kind[i] == OPERAND_CARRIED)
      place_carried(w, i);
    else if (w->body->input[i] >= 0)
      place_input(w, i);
  }
  for (int k = 0, outputs = 0; k < l->stacked; k++) place_stacked(w, k, w->own[k] ? -1 : outputs++);
}

// ---- the kernels

static void place_inside(Lowering *w, Operand *o, int buffer, int work) {
  const Outside *out = &w->outside[buffer_whole(w->body, buffer)];
  Inner *in = NEW(w->l->scratch, Inner);
  *in = (Inner){o, out->buffer < 0 ? work : out->buffer, out->buffer < 0, w->step->inner};
  w->step->inner = in;
  o->view.at += out->offset;
  o->step[w->l->depth] = out->step;
}

// Offsets within the working memory, or within the places outside.
static int64_t place_body(Lowering *w) {
  Layout *b = w->body;
  int64_t end = place_buffers(b, 0);
  for (int i = 0; i < b->buffers; i++)
    if (b->buffer[buffer_whole(b, i)].fixed) b->buffer[i].at = 0;
  place_operands(b);
  return end;
}

static void finish(Lowering *w) {
  Layout *l = w->l, *b = w->body;
  int work = -1;
  int64_t end = place_body(w);
  if (end) {
    Place p = place_rows(l, shape_of(1, &end), "turn");
    work = p.buffer;
    add_operand(w, work, &p.view, shape_of(1, &end), true);
  }
  Kernel *list = NEW_ARRAY(l->arena, Kernel, b->steps + 1);
  step_kernel(l, w->step,
              (Kernel){.kind = KERNEL_LOOP,
                       .pieces = 1,
                       .operand = w->operand,
                       .operands = w->operands,
                       .loop = {w->loop->times, w->loop->reversed, l->depth, list, b->steps}},
              w->buffer);
  for (int i = 0; i < b->steps; i++) {
    const Step *s = b->step[i];
    list[i] = s->kernel;
    for (int k = 0; k < s->kernel.operands; k++) place_inside(w, &s->kernel.operand[k], s->buffer[k], work);
    for (const Inner *in = s->inner; in; in = in->next) place_inside(w, in->operand, in->buffer, work);
  }
}

static bool lies_by_turns(const Lowering *w, Node *result) {
  int whole = result ? w->l->buffer[place_of(w->l, result).buffer].within : -1;
  for (int i = 0; whole >= 0 && i < w->loop->inputs; i++)
    if (w->turns[i] == whole) return true;
  return false;
}

void lower_loop(Layout *l, Node *n) {
  const GraphLoop *loop = n->attr.loop;
  if (l->depth == MAX_LOOPS) fail(l->arena, EXIT_SOFTWARE, "planner: more than %d loops in one another", MAX_LOOPS);
  int most = loop->inputs + loop->stacked, results = 0;
  Node **list = NEW_ARRAY(l->scratch, Node *, most + 1);
  bool *own = NEW_ARRAY(l->scratch, bool, loop->stacked + 1);
  Lowering w = {.l = l, .node = n, .loop = loop, .result = find_results(l, n), .turns = l->turns[n->id], .own = own};
  for (int k = 0; k < most; k++)
    if (w.result[k]) list[results++] = w.result[k];
  for (int k = 0; k < loop->stacked; k++) own[k] = lies_by_turns(&w, w.result[loop->inputs + k]);
  w.operand = NEW_ARRAY(l->arena, Operand, 2 * most + 1);
  w.buffer = NEW_ARRAY(l->scratch, int, 2 * most + 1);
  GraphProgram *body = body_program(l->scratch, loop, own);
  Examples examples = l->examples;
  const int64_t *read = graph_loop_blocks(l->scratch, n, examples.batch, examples.blocks);
  examples.blocks = graph_blocks(l->scratch, body->graph, examples.batch, loop->inputs, read);
  w.body = lower(l->arena, l->scratch, l->sources, body, examples, l->depth + 1);
  w.outside = NEW_ARRAY(l->scratch, Outside, w.body->buffers + 1);
  w.fixed = (int64_t)1 << 40;  // beyond all working memory
  schedule(w.body);
  place_outside(&w);
  w.step = step_new(l, list, results);
  finish(&w);
}
