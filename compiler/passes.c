// The passes in order, and the rebuilding that they share.
//
// Stands between the elaborator's graph and fusion. A pass never changes a graph: it rebuilds it. A program's last
// assignment to a tensor is the only one that counts, so the others are dropped first.
#include "passes.h"

bool *live_nodes(Arena *a, const GraphProgram *p) {
  Graph *g = p->graph;
  bool *live = NEW_ARRAY(a, bool, g->count + 1);
  for (int i = 0; i < p->outputs; i++) live[p->output[i].value->id] = true;
  for (int i = 0; i < p->assigns; i++) live[p->assign[i].value->id] = true;
  for (int id = g->count - 1; id >= 0; id--) {
    const Node *n = g->node[id];
    for (int i = 0; live[id] && i < n->arity; i++) live[n->in[i]->id] = true;
  }
  return live;
}

int *node_uses(Arena *a, const GraphProgram *p) {
  bool *live = live_nodes(a, p);
  int *uses = NEW_ARRAY(a, int, p->graph->count + 1);
  for (int id = 0; id < p->graph->count; id++) {
    const Node *n = p->graph->node[id];
    for (int i = 0; live[id] && i < n->arity; i++) uses[n->in[i]->id]++;
  }
  for (int i = 0; i < p->outputs; i++) uses[p->output[i].value->id]++;
  for (int i = 0; i < p->assigns; i++) uses[p->assign[i].value->id]++;
  return uses;
}

Node *rewrite_same(Graph *g, const Node *old, Node **in) {
  bool free_shape =
      op_class(old->op) == SOURCE || old->op == OP_RESHAPE || old->op == OP_BROADCAST || old->op == OP_SLICE;
  return graph_node(g, old->op, old->arity, in, &old->attr, free_shape ? &old->shape : NULL);
}

void graph_stand(Graph *g, const Node *old) {
  node_made_for(g, old);
  g->section = old->section;
}

Graph *rewrite_begin(Arena *a, const GraphProgram *p) {
  Graph *to = graph_new(a);
  to->tensor = p->graph->tensor, to->tensors = p->graph->tensors;
  to->input = p->graph->input, to->inputs = p->graph->inputs;
  return to;
}

void rewrite_end(GraphProgram *p, Graph *to, Node *const *map) {
  for (int i = 0; i < p->outputs; i++) p->output[i].value = map[p->output[i].value->id];
  for (int i = 0; i < p->assigns; i++) {
    p->assign[i].target = node_weight(to, p->assign[i].target->attr.id);
    p->assign[i].value = map[p->assign[i].value->id];
  }
  p->graph = to;
}

void rewrite(Arena *a, GraphProgram *p, RewriteRule *rule) {
  Graph *from = p->graph, *to = rewrite_begin(a, p);
  bool *live = live_nodes(a, p);
  Node **map = NEW_ARRAY(a, Node *, from->count + 1);
  for (int id = 0; id < from->count; id++) {
    if (!live[id]) continue;
    const Node *old = from->node[id];
    Node **in = NEW_ARRAY(a, Node *, old->arity + 1);
    for (int i = 0; i < old->arity; i++) in[i] = map[old->in[i]->id];
    graph_stand(to, old);
    map[id] = rule(to, old, in);
    node_named_as(map[id], old);
  }
  rewrite_end(p, to, map);
}

void pass_dead(Arena *a, GraphProgram *p) { rewrite(a, p, rewrite_same); }

static Node *without_mark(Graph *g, const Node *old, Node **in) {
  return op_class(old->op) == MARK ? in[0] : rewrite_same(g, old, in);
}

static void pass_marks(Arena *a, GraphProgram *p) { rewrite(a, p, without_mark); }

static const struct {
  const char *name;
  Pass *run;
  const char *reason;
} pass_table[] = {
    {"marks", pass_marks, "gradients are taken, so stop and discrete only hide equal nodes from each other"},
    {"loops", pass_loops, "before all that looks at values, for some of a loop's are computed outside after it"},
    {"narrow", pass_narrow, "before reductions are cut: a sum of a repeated value vanishes"},
    {"select", pass_select, "anywhere before fusion; here it shortens what the next passes look at"},
    {"join", pass_join, "after narrow and select, which leave fewer sums; before move, whose zeros it would join"},
    {"reduce", pass_reduce, "after narrow, which removes reductions; before move, for it makes reshapes only"},
    {"move", pass_move, "last: it spells padding out in pieces which the rules above would not recognise"},
    {"dead", pass_dead, "after all: the rules leave nodes behind that nobody reads"},
};

// A copy whose arrays may be changed, with one assignment for each tensor.
static GraphProgram *program_copy(Arena *a, const GraphProgram *p) {
  GraphProgram *copy = NEW(a, GraphProgram);
  *copy = *p;
  copy->output = NEW_ARRAY(a, Output, p->outputs + 1);
  for (int i = 0; i < p->outputs; i++) copy->output[i] = p->output[i];
  copy->assign = NEW_ARRAY(a, Assign, p->assigns + 1);
  copy->assigns = 0;
  int *last = NEW_ARRAY(a, int, p->graph->tensors + 1);
  for (int i = 0; i < p->assigns; i++) last[p->assign[i].target->attr.id] = i;
  for (int i = 0; i < p->assigns; i++) {
    const Assign *s = &p->assign[i];
    if (last[s->target->attr.id] == i && s->value != s->target) copy->assign[copy->assigns++] = *s;
  }
  return copy;
}

GraphProgram *run_passes(Arena *a, const GraphProgram *p) {
  GraphProgram *out = program_copy(a, p);
  for (size_t i = 0; i < sizeof pass_table / sizeof *pass_table; i++) {
    pass_table[i].run(a, out);
    graph_verify(out);
  }
  return out;
}
