// What a value hangs on: columns of the data, draws, numbers without a name. Part of the elaborator.
//
// A draw and a column stand for themselves: what they were made of is not looked at. Inside of a loop what its body
// reads is followed to the graph around it.
#include "elaborate/elaborate.h"

typedef struct {
  const Graph *graph;
  const Build *build;  // the loop whose body it is, or NULL
  bool *needed;
  const Drawn **drawn;  // of each node that is a draw
  int last;             // the last one needed, or -1
} Level;

typedef struct {
  Elab *e;
  Level level[MAX_LOOPS + 1];
  int levels;
  Reach *reach;
} Walk;

static void found(Reach *r, FromKind kind, const Node *node, const Drawn *drawn) {
  if (drawn && drawn->stands_for) drawn = drawn->stands_for, node = drawn->node;
  for (int i = 0; i < r->n; i++)
    if (r->of[i].node == node) return;
  if (r->n == MAX_FROM) {
    r->hidden = true;
    return;
  }
  r->of[r->n++] = (struct From){kind, node, drawn};
}

void reach_join(Reach *into, const Reach *other) {
  into->hidden = into->hidden || other->hidden;
  for (int i = 0; i < other->n; i++) found(into, other->of[i].kind, other->of[i].node, other->of[i].drawn);
}

static void need(Walk *w, const Node *n) {
  for (int i = 0; i < w->levels; i++) {
    Level *l = &w->level[i];
    if (!graph_owns(l->graph, n)) continue;
    l->needed[n->id] = true;
    if (n->id > l->last) l->last = n->id;
    return;
  }
  w->reach->hidden = true;
}

static void add_level(Walk *w, Arena *scratch, const Graph *g, const Build *b) {
  Level *l = &w->level[w->levels++];
  *l = (Level){.graph = g, .build = b, .last = -1};
  l->needed = NEW_ARRAY(scratch, bool, g->count + 1);
  l->drawn = NEW_ARRAY(scratch, const Drawn *, g->count + 1);
  for (const Drawn *d = w->e->drawn; d; d = d->next)
    if (graph_owns(g, d->node) && !l->drawn[d->node->id]) l->drawn[d->node->id] = d;
}

// Values that a block runs over belong to the block that is open; two of one node cannot be told apart.
static void add_enumerated(Walk *w, const Drawn *enumerated) {
  for (const Drawn *d = enumerated; d; d = d->next) {
    for (const Drawn *o = d->next; o; o = o->next)
      if (o->node == d->node) w->reach->hidden = true;
    for (int i = 0; i < w->levels; i++)
      if (graph_owns(w->level[i].graph, d->node)) w->level[i].drawn[d->node->id] = d;
  }
}

static bool is_column(const Elab *e, const Node *n) {
  for (int i = 0; i < e->columns; i++)
    if (e->column_value[i].kind == V_TENSOR && e->column_value[i].node == n) return true;
  return false;
}

// What the body of a loop reads is that of the graph around; what is carried changes from turn to turn.
static void visit_input(Walk *w, const Level *l, const Node *n) {
  const InputKind kind = l->graph->input[n->attr.id].kind;
  if (l->build) {
    w->reach->hidden = w->reach->hidden || l->build->loop->kind[n->attr.id] == OPERAND_CARRIED;
    need(w, l->build->loop->outside[n->attr.id]);
  } else if (kind == INPUT_COLUMN) {
    found(w->reach, FROM_COLUMN, n, NULL);
  } else if (kind == INPUT_TOTAL || kind == INPUT_REST) {
    w->reach->hidden = true;
  }
}

static void visit(Walk *w, const Level *l, const Node *n) {
  if (l->drawn[n->id]) {
    found(w->reach, FROM_DRAW, n, l->drawn[n->id]);
    return;
  }
  if (is_column(w->e, n)) {
    found(w->reach, FROM_COLUMN, n, NULL);
    return;
  }
  if (n->op == OP_INPUT) visit_input(w, l, n);
  if (n->op == OP_RANDOM || n->op == OP_LOOP) found(w->reach, FROM_NOISE, n, NULL);
  for (int i = 0; i < n->arity; i++) need(w, n->in[i]);
}

void reach_value(Elab *e, const Value *v, const Drawn *enumerated, Reach *r) {
  for (int i = 0; v->kind == V_LIST && i < v->items; i++) reach_value(e, &v->item[i], enumerated, r);
  if (v->kind == V_DIST) reach_parts(e, v->dist, enumerated, r);
  if (v->kind != V_TENSOR) return;
  Arena *scratch = arena_open(e->arena);
  Walk *w = NEW(scratch, Walk);
  *w = (Walk){.e = e, .reach = r};
  add_level(w, scratch, e->graph, e->build);
  for (const Build *b = e->build; b; b = b->up) add_level(w, scratch, b->around, b->up);
  add_enumerated(w, enumerated);
  need(w, v->node);
  for (int i = 0; i < w->levels; i++)
    for (int id = w->level[i].last; id >= 0; id--)
      if (w->level[i].needed[id]) visit(w, &w->level[i], w->level[i].graph->node[id]);
  arena_close(scratch);
}

typedef struct {
  Elab *e;
  const Drawn *enumerated;
  Reach *reach;
} Parts;

static void reach_part(void *to, const Value *v, const Dist *of) {
  Parts *p = to;
  if (!of) reach_value(p->e, v, p->enumerated, p->reach);
}

void reach_parts(Elab *e, const Dist *d, const Drawn *enumerated, Reach *r) {
  d->kind->parts(d, reach_part, &(Parts){e, enumerated, r});
}

// ---- the values themselves

static const Drawn *draw_of_node(const Drawn *list, const Node *n, unsigned plates) {
  while (list && !(list->node == n && list->plates == plates)) list = list->next;
  return list;
}

static bool is_drawn(const Elab *e, const Drawn *enumerated, const Node *n) {
  for (const Drawn *list = e->drawn; list; list = list->next)
    if (list->node == n) return true;
  for (; enumerated; enumerated = enumerated->next)
    if (enumerated->node == n) return true;
  return false;
}

// Through what leaves all numbers as they are, and in their order, and out of the loops that read it.
const Node *plain_node(const Elab *e, const Node *n, const Drawn *enumerated) {
  for (;;) {
    if (is_drawn(e, enumerated, n) || is_column(e, n)) return n;
    const Build *b = e->build;
    while (b && !graph_owns(b->loop->body, n)) b = b->up;
    if (n->op == OP_STOP || n->op == OP_RESHAPE || (n->op == OP_PERMUTE && permute_keeps_order(n)))
      n = n->in[0];
    else if (b && n->op == OP_INPUT && b->loop->kind[n->attr.id] == OPERAND_FIXED)
      n = b->loop->outside[n->attr.id];
    else
      return n;
  }
}

const Drawn *draw_at(const Elab *e, const Value *v, const Drawn *enumerated) {
  if (v->kind != V_TENSOR) return NULL;
  const Node *n = plain_node(e, v->node, enumerated);
  const Drawn *d = draw_of_node(enumerated, n, v->plates);
  if (!d) d = draw_of_node(e->drawn, n, v->plates);
  return d && d->stands_for ? d->stands_for : d;
}
