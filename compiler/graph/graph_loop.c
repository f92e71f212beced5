// Loops: bodies under construction, and when two loops are one. See graph.h for what a loop is.
//
// A body is finished when its node is made, but for one thing: further values of it may be stacked later, which is how
// a gradient gets at what the turns have computed. Only the body as it was then makes two loops equal.
#include <math.h>
#include <string.h>

#include "graph/graph_rules.h"
#include "graph/names.h"

GraphLoop *loop_new(Arena *a, int64_t times, bool reversed) {
  GraphLoop *l = NEW(a, GraphLoop);
  *l = (GraphLoop){.body = graph_new(a), .times = times, .reversed = reversed};
  return l;
}

static void grow_inputs(GraphLoop *l) {
  Arena *a = l->body->arena;
  int room[3] = {l->room, l->room, l->room};
  GROW(a, l->kind, l->inputs, &room[0]);
  GROW(a, l->outside, l->inputs, &room[1]);
  GROW(a, l->next, l->inputs, &room[2]);
  GROW(a, l->body->input, l->inputs, &l->room);
}

// In the arena of the body, wherever the name came from.
static const char *own_name(const GraphLoop *l, const char *name) {
  const char *own = name;
  for (int k = 2;; k++) {
    int i = 0;
    while (i < l->inputs && strcmp(l->body->input[i].name, own)) i++;
    if (i == l->inputs) return arena_copy(l->body->arena, own);
    own = arena_format(l->body->arena, "%s_%d", name, k);
  }
}

Node *loop_operand(GraphLoop *l, OperandKind kind, const char *name, Shape shape, double lo, double hi) {
  grow_inputs(l);
  int i = l->inputs;
  l->kind[i] = kind;
  l->body->input[i] = (InputInfo){INPUT_OPERAND, i, own_name(l, name), shape, lo, hi, 0};
  l->body->inputs = ++l->inputs;
  return node_input(l->body, i);
}

Node *loop_input(GraphLoop *l, OperandKind kind, Node *outside, const char *name) {
  Shape s = outside->shape;
  bool carried = kind == OPERAND_CARRIED;  // nothing is known of what the turns make of it
  if (kind == OPERAND_SLICED) {
    if (!s.rank) fail(l->body->arena, EXIT_SOFTWARE, "graph: a scalar has no turns");
    s = shape_of(s.rank - 1, s.dim + 1);
  }
  Node *read = loop_operand(l, kind, name, s, carried ? -INFINITY : outside->lo, carried ? INFINITY : outside->hi);
  l->outside[read->attr.id] = outside;
  if (!carried) read->from = outside;
  return read;
}

int loop_stack(GraphLoop *l, Node *value) {
  for (int k = 0; k < l->stacked; k++) {
    if (l->each[k] == value) return l->inputs + k;
  }
  GROW(l->body->arena, l->each, l->stacked, &l->stack_room);
  l->each[l->stacked] = value;
  return l->inputs + l->stacked++;
}

const Node *loop_value(const Node *result) {
  const GraphLoop *l = result->in[0]->attr.loop;
  int k = result->attr.id;
  return k < l->inputs ? l->next[k] : l->each[k - l->inputs];
}

Node *node_loop(Graph *g, GraphLoop *l) {
  l->own_nodes = l->body->count;
  l->own_stacked = l->stacked;
  return graph_node(g, OP_LOOP, l->inputs, l->outside, &(Attr){.loop = l}, NULL);
}

Node *node_result(Graph *g, Node *loop, int result) {
  Node *n = graph_node(g, OP_RESULT, 1, &loop, &(Attr){.id = result}, NULL);
  node_name_result(g, n);
  return n;
}

GraphProgram *loop_program(Arena *a, const GraphLoop *l) {
  GraphProgram *p = NEW(a, GraphProgram);
  *p = (GraphProgram){.name = "body", .graph = l->body, .output = NEW_ARRAY(a, Output, l->inputs + l->stacked + 1)};
  for (int i = 0; i < l->inputs; i++)
    if (l->next[i]) p->output[p->outputs++] = (Output){.name = l->body->input[i].name, .value = l->next[i]};
  for (int k = 0; k < l->stacked; k++) p->output[p->outputs++] = (Output){.name = "each", .value = l->each[k]};
  return p;
}

// Bodies are compared node by node: equal texts make equal nodes in the same order.
static bool body_equal(const Graph *x, const Graph *y, int nodes) {
  for (int id = 0; id < nodes; id++) {
    const Node *m = x->node[id], *n = y->node[id];
    if (!node_alike(m, n)) return false;
    for (int i = 0; i < m->arity; i++) {
      if (m->in[i]->id != n->in[i]->id) return false;
    }
  }
  return true;
}

bool loop_equal(const GraphLoop *x, const GraphLoop *y) {
  if (x->times != y->times || x->reversed != y->reversed || x->inputs != y->inputs) return false;
  if (x->own_nodes != y->own_nodes || x->own_stacked != y->own_stacked) return false;
  for (int i = 0; i < x->inputs; i++) {
    if (x->kind[i] != y->kind[i]) return false;
    if (x->kind[i] == OPERAND_CARRIED && x->next[i]->id != y->next[i]->id) return false;
  }
  for (int k = 0; k < x->own_stacked; k++) {
    if (x->each[k]->id != y->each[k]->id) return false;
  }
  return body_equal(x->body, y->body, x->own_nodes);
}
