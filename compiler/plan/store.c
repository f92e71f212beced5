// Where values lie: every stored value gets a buffer, or a place in somebody else's.
//
// Stands after fusion, before kernels are made. An optimiser's new weight is stored over the old one, a piece of a
// concat into its slice of the whole; where that cannot be, the value gets a buffer and is copied later.
// Invariant: a tensor's value before the program and its value after are two buffers over the same memory, of which
// the second begins no earlier than the first ends.
#include "plan/planner.h"

static int buffer_new(Layout *l, Shape s, const char *name) {
  GROW(l->scratch, l->buffer, l->buffers, &l->buffer_room);
  l->buffer[l->buffers] =
      (Buffer){.name = name, .shape = s, .count = shape_count(s), .tensor = -1, .input = -1, .over = -1, .within = -1};
  return l->buffers++;
}

int buffer_whole(const Layout *l, int buffer) {
  while (l->buffer[buffer].within >= 0) buffer = l->buffer[buffer].within;
  return buffer;
}

Place place_rows(Layout *l, Shape s, const char *name) { return (Place){buffer_new(l, s, name), view_rows(s)}; }

Place place_within(Layout *l, Shape s, const char *name, int whole, int64_t at) {
  Place p = place_rows(l, s, name);
  l->buffer[p.buffer].within = whole;
  p.view.at = at;
  return p;
}

void add_target(Layout *l, const Node *n, Place to) {
  Target *t = NEW(l->scratch, Target), **end = &l->target[n->id];
  while (*end) end = &(*end)->next;
  *t = (Target){.place = to};
  *end = t;
}

static void copy_later(Layout *l, Node *from, Place to) {
  Copy *c = NEW(l->scratch, Copy);
  *c = (Copy){from, to, l->copies};
  l->copies = c;
}

// ---- places of nodes

static int tensor_buffer(Layout *l, int tensor) {
  if (l->tensor[tensor] < 0) {
    const TensorInfo *t = &l->program->graph->tensor[tensor];
    l->tensor[tensor] = buffer_new(l, t->shape, t->name);
    l->buffer[l->tensor[tensor]].tensor = tensor;
  }
  return l->tensor[tensor];
}

static int input_buffer(Layout *l, int input) {
  if (l->input[input] < 0) {
    const InputInfo *in = &l->program->graph->input[input];
    l->input[input] = buffer_new(l, in->shape, in->name);
    l->buffer[l->input[input]].input = input;
  }
  return l->input[input];
}

static Place constant_place(Layout *l, Node *n) {
  Place to = place_rows(l, n->shape, "constant");
  lower_copy(l, n, to);
  return to;
}

static Place find_place(Layout *l, Node *n) {
  if (n->op == OP_WEIGHT) return (Place){tensor_buffer(l, n->attr.id), view_rows(n->shape)};
  if (n->op == OP_INPUT) return (Place){input_buffer(l, n->attr.id), view_rows(n->shape)};
  if (n->op == OP_CONST) return constant_place(l, n);
  if (l->target[n->id]) return l->target[n->id]->place;
  if (op_class(n->op) != MOVEMENT || n->op == OP_CONCAT || n->op == OP_GATHER || n->op == OP_SCATTER) {
    fail(l->arena, EXIT_SOFTWARE, "planner: %s has no place", op_name(n->op));
  }
  Place from = place_of(l, n->in[0]), to = {.buffer = from.buffer};
  if (n->op != OP_RESHAPE) {
    to.view = view_move(&from.view, n);
  } else if (!view_reshape(&from.view, n->in[0]->shape, n->shape, &to.view)) {
    to = rows_of(l, n->in[0]);
    to.view = view_rows(n->shape);
  }
  return to;
}

Place place_of(Layout *l, Node *n) {
  if (l->place[n->id].buffer < 0) l->place[n->id] = find_place(l, n);
  return l->place[n->id];
}

Place rows_of(Layout *l, Node *n) {
  Place p = place_of(l, n);
  if (view_is_rows(&p.view, n->shape)) return p;
  if (l->rows[n->id].buffer < 0) {
    l->rows[n->id] = place_rows(l, n->shape, arena_format(l->arena, "%s_rows", name_of(l, n)));
    lower_copy(l, n, l->rows[n->id]);
  }
  return l->rows[n->id];
}

// ---- new values of tensors

// A group that reads a tensor's old value; flat: element by element, in order.
typedef struct Read {
  int group;
  bool flat;
  struct Read *next;
} Read;

// What group g reads when it reads `in`, itself or to compute it.
static void note_read(Layout *l, Read **reads, int g, const Node *in) {
  const Fusion *f = l->fusion;
  const Node *b = f->base[in->id], *owner = f->owner[in->id];
  bool computed = op_class(b->op) == ELEMENTWISE && !f->stored[b->id] && group_of(f, b) != g;
  for (int i = 0; computed && i < b->arity; i++) note_read(l, reads, g, b->in[i]);
  if (owner->op != OP_WEIGHT) return;
  Read *r = NEW(l->scratch, Read);
  *r = (Read){g, b == owner, reads[owner->attr.id]};
  reads[owner->attr.id] = r;
}

static Read **tensor_reads(Layout *l) {
  const Graph *g = l->program->graph;
  Read **reads = NEW_ARRAY(l->scratch, Read *, g->tensors + 1);
  for (int id = 0; id < g->count; id++) {
    const Node *n = g->node[id];
    int group = l->fusion->live[id] ? group_of(l->fusion, n) : -1;
    for (int i = 0; group >= 0 && i < n->arity; i++) note_read(l, reads, group, n->in[i]);
  }
  return reads;
}

// Whether the kernel that computes b can store it over the tensor: all others that read the old value come before, none
// of them in a later line, and it reads the old value itself only element by element, where it writes.
static bool can_replace(Layout *l, const Node *b, const Read *reads) {
  Fusion *f = l->fusion;
  int g = group_of(f, b);
  if (g < 0 || f->group[g].kind == GROUP_JOIN || b->op == OP_RESULT) return false;
  bool region = f->group[g].kind == GROUP_REGION;
  if (!region && l->target[b->id]) return false;
  for (const Read *r = reads; r; r = r->next) {
    if (r->group == g && !(region && r->flat && op_class(b->op) == ELEMENTWISE)) return false;
    if (f->group[r->group].section.line > f->group[g].section.line) return false;
    if (!fuse_order(f, r->group, g)) return false;
  }
  return true;
}

static void place_assignment(Layout *l, const Assign *s, const Read *reads) {
  Node *b = l->fusion->base[s->value->id];
  int old = tensor_buffer(l, s->target->attr.id);
  Place to = place_rows(l, s->target->shape, l->program->graph->tensor[s->target->attr.id].name);
  Buffer *new = &l->buffer[to.buffer];
  new->tensor = s->target->attr.id, new->over = old, new->keep = true;
  if (can_replace(l, b, reads)) {
    to.view = view_rows(b->shape);
    add_target(l, b, to);
  } else {
    copy_later(l, s->value, to);
  }
}

// ---- pieces of concats

// Whether the store of b at the view keeps the reduced run of axes of its region one axis.
static bool keeps_run(const Group *g, const Node *b, const View *v) {
  View in_space;
  if (!g->length || op_class(b->op) != ELEMENTWISE) return true;
  if (!view_reshape(v, b->shape, g->space, &in_space)) return false;
  int64_t inner = g->space.rank ? g->space.dim[g->space.rank - 1] : 1;
  for (int i = g->space.rank - 2; i >= 0; inner *= g->space.dim[i--]) {
    bool inside = inner > g->inner && inner < g->inner * g->length;
    if (inside && !view_joins(&in_space, &g->space, i)) return false;
  }
  return true;
}

static bool can_store_piece(const Layout *l, const Node *b, const View *v) {
  int g = group_of(l->fusion, b);
  if (g < 0) return false;
  const Group *group = &l->fusion->group[g];
  if (group->kind == GROUP_REGION) return keeps_run(group, b, v);
  if (l->target[b->id]) return false;
  const KernelRow *row = kernel_of(b->op);
  if (row && row->strided) return b->shape.dim[b->shape.rank - 1] == 1 || v->stride[b->shape.rank - 1] == 1;
  return b->op == OP_CONCAT;
}

// A piece is a buffer of its own, so that it can be read before the others are there.
static int piece_buffer(Layout *l, const Node *in, int whole) {
  int b = buffer_new(l, in->shape, l->buffer[whole].name);
  l->buffer[b].within = whole;
  return b;
}

static void place_concat(Layout *l, Node *n) {
  if (!l->target[n->id]) add_target(l, n, place_rows(l, n->shape, l->name[n->id]));
  int axis = (int)n->attr.a[0];
  Place whole = l->target[n->id]->place, piece = whole;
  for (int i = 0; i < n->arity; i++) {
    Node *in = n->in[i], *b = l->fusion->base[in->id];
    piece.buffer = piece_buffer(l, in, whole.buffer);
    Place to = piece;
    if (in->shape.dim[axis] == 1) piece.view.stride[axis] = 0;
    if (view_reshape(&piece.view, in->shape, b->shape, &to.view) && can_store_piece(l, b, &to.view)) {
      add_target(l, b, to);
      l->buffer[to.buffer].name = l->name[b->id];
    } else {
      copy_later(l, in, piece);
    }
    piece.view = (View){.at = piece.view.at + in->shape.dim[axis] * whole.view.stride[axis]};
    for (int k = 0; k < MAX_RANK; k++) piece.view.stride[k] = whole.view.stride[k];
  }
}

void store_values(Layout *l) {
  const GraphProgram *p = l->program;
  const Graph *g = p->graph;
  Read **reads = tensor_reads(l);
  for (int i = 0; i < p->assigns; i++) place_assignment(l, &p->assign[i], reads[p->assign[i].target->attr.id]);
  for (int id = g->count - 1; id >= 0; id--) {
    if (l->fusion->live[id] && g->node[id]->op == OP_CONCAT) place_concat(l, g->node[id]);
  }
  for (int id = 0; id < g->count; id++) {
    Node *n = g->node[id];
    if (l->fusion->live[id] && n->op == OP_LOOP) store_turns(l, n);
    if (l->fusion->stored[id] && !l->target[id]) add_target(l, n, place_rows(l, n->shape, l->name[id]));
  }
}
