// The passes in order, and the rebuilding that they share.
//
// Stands between the elaborator's graph and fusion. A pass never changes a graph: it rebuilds it. A program's last
// assignment to a tensor is the only one that counts, so the others are dropped first.
#include "graph/passes.h"

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
  return graph_node(g, old->op, old->arity, in, &old->attr, &old->shape);
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

void rewrite_by(Arena *a, GraphProgram *p, RewriteStep *step, void *state) {
  Graph *from = p->graph, *to = rewrite_begin(a, p);
  bool *live = live_nodes(a, p);
  Node **map = NEW_ARRAY(a, Node *, from->count + 1);
  for (int id = 0; id < from->count; id++) {
    if (!live[id]) continue;
    const Node *old = from->node[id];
    Node **in = NEW_ARRAY(a, Node *, old->arity + 1);
    for (int i = 0; i < old->arity; i++) in[i] = map[old->in[i]->id];
    graph_stand(to, old);
    map[id] = step(state, to, old, in);
    if (map[id]) node_named_as(map[id], old);
  }
  rewrite_end(p, to, map);
}

static Node *by_rule(void *rule, Graph *g, const Node *old, Node **in) { return (*(RewriteRule **)rule)(g, old, in); }

void rewrite(Arena *a, GraphProgram *p, RewriteRule *rule) { rewrite_by(a, p, by_rule, &rule); }

void pass_dead(Arena *a, GraphProgram *p) { rewrite(a, p, rewrite_same); }

static Node *without_mark(Graph *g, const Node *old, Node **in) {
  return op_class(old->op) == MARK ? in[0] : rewrite_same(g, old, in);
}

static void pass_marks(Arena *a, GraphProgram *p) { rewrite(a, p, without_mark); }

static void pass_bodies(Arena *a, GraphProgram *p);

// Of a loop's body: when it is made; with the graph around it, those that a batch in shards has had inside of bodies
// too; after them.
typedef enum { EARLY, REDUCING, LATE } Stage;

static const struct {
  const char *name;
  Pass *run;
  Stage stage;
  const char *reason;
} pass_table[] = {
    {"marks", pass_marks, EARLY, "gradients are taken, so stop and discrete only hide equal nodes from each other"},
    {"loops", pass_loops, EARLY, "before all that looks at values, for some of a loop's are computed outside after it"},
    {"narrow", pass_narrow, EARLY, "before reductions are cut: a sum of a repeated value vanishes"},
    {"select", pass_select, EARLY, "anywhere before fusion; here it shortens what the next passes look at"},
    {"solve", pass_solve, EARLY, "before join, for it makes products; their operands are views that later passes fold"},
    {"layout", pass_layout, EARLY, "after solve, whose products it looks at"},
    {"join", pass_join, EARLY,
     "after narrow and select, which leave fewer sums; before move, whose zeros it would join"},
    {"cut", pass_cut, EARLY, "after join, whose products are cut apart again; before reductions, which look at what is computed"},
    {"shards", pass_shards, REDUCING,
     "after join, so that a shard is joined as it would be alone; with its reductions"},
    {"reduce", pass_reduce, REDUCING,
     "after narrow, which removes reductions; before move, for it makes reshapes only"},
    {"move", pass_move, LATE, "last: it spells padding out in pieces which the rules above would not recognise"},
    {"dead", pass_dead, LATE, "after all: the rules leave nodes behind that nobody reads"},
    {"bodies", pass_bodies, LATE, "anywhere after shards, which looks into them: what is late for them too"},
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

static void run_stage(Arena *a, GraphProgram *p, Stage stage) {
  for (size_t i = 0; i < sizeof pass_table / sizeof *pass_table; i++) {
    if (pass_table[i].stage != stage) continue;
    pass_table[i].run(a, p);
    graph_verify(p);
  }
}

// A loop's own body is left as it is: this is another loop.
static Node *late_loop(Arena *a, Graph *to, const GraphProgram *p, const Node *old, Node *const *in) {
  const GraphLoop *l = old->attr.loop;
  GraphLoop *late = NEW(a, GraphLoop);
  GraphProgram *body = program_copy(a, loop_program(a, l));
  if (p->shards < 2) run_stage(a, body, REDUCING);
  body->shards = p->shards;
  run_stage(a, body, LATE);
  *late = *l;
  late->outside = NEW_ARRAY(a, Node *, l->inputs + 1);
  late->next = NEW_ARRAY(a, Node *, l->inputs + 1);
  late->each = NEW_ARRAY(a, Node *, l->stacked + 1);
  for (int i = 0; i < l->inputs; i++) late->outside[i] = in[i], late->next[i] = l->next[i];
  loop_take(late, body);
  return node_loop(to, late);
}

typedef struct {
  Arena *arena;
  const GraphProgram *program;
} Late;

static Node *late_node(void *late, Graph *g, const Node *old, Node **in) {
  const Late *l = late;
  return old->op == OP_LOOP ? late_loop(l->arena, g, l->program, old, in) : rewrite_same(g, old, in);
}

static void pass_bodies(Arena *a, GraphProgram *p) { rewrite_by(a, p, late_node, &(Late){a, p}); }

GraphProgram *run_early_passes(Arena *a, const GraphProgram *p) {
  GraphProgram *out = program_copy(a, p);
  run_stage(a, out, EARLY);
  return out;
}

GraphProgram *run_passes(Arena *a, const GraphProgram *p) {
  GraphProgram *out = run_early_passes(a, p);
  run_stage(a, out, REDUCING);
  run_stage(a, out, LATE);
  return out;
}
