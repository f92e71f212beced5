// The gradient of each place's own value, where what it is taken by is the same for all places: a loop with a turn for
// each place.
//
// The gradient is taken once, for a seed that stands for the adjoint of y. It is linear in the seed, so that what hangs
// on it is the body of the loop, in which the seed is 1 at the turn's place and 0 elsewhere; all else it reads.
#include "graph/graph_rules.h"

// 1 at the place of this turn.
static Node *turn_seed(Graph *g, GraphLoop *l, Shape shape) {
  Shape places = shape_of(1, &l->times), column = {.rank = shape.rank, .dim = {l->times}};
  for (int i = 1; i < column.rank; i++) column.dim[i] = 1;
  Node *turn = loop_input(l, OPERAND_SLICED, node_iota(g, 0, places), "place");
  turn = node_broadcast(l->body, node_reshape(l->body, turn, shape_of(1, (int64_t[]){1})), places);
  Node *mine = node_binary(l->body, OP_EQUAL, node_iota(l->body, 0, places), turn);
  return node_broadcast(l->body, node_reshape(l->body, mine, column), shape);
}

typedef struct {
  Arena *arena;
  GraphLoop *loop;
  bool *hangs;  // of the nodes of the graph: on the seed
  Node **copy;  // in the body
} Move;

static Node *moved(Move *m, Node *n) {
  if (m->copy[n->id]) return m->copy[n->id];
  bool plain = n->op == OP_CONST || n->op == OP_IOTA;
  if (!m->hangs[n->id] && !plain) return m->copy[n->id] = loop_input(m->loop, OPERAND_FIXED, n, op_name(n->op));
  Node **in = NEW_ARRAY(m->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) in[i] = moved(m, n->in[i]);
  m->loop->body->span = n->span;
  return m->copy[n->id] = graph_node(m->loop->body, n->op, n->arity, in, &n->attr, &n->shape);
}

// In order, so that what a node reads is there before it.
static Node *move_gradient(Graph *g, GraphLoop *l, Node *seed, Node *gradient) {
  Arena *scratch = arena_open(g->arena);
  int count = gradient->id + 1;
  Move m = {scratch, l, NEW_ARRAY(scratch, bool, count), NEW_ARRAY(scratch, Node *, count)};
  bool *needed = NEW_ARRAY(scratch, bool, count);
  needed[gradient->id] = m.hangs[seed->id] = true;
  for (int id = count; id--;)
    for (int i = 0; needed[id] && i < g->node[id]->arity; i++) needed[g->node[id]->in[i]->id] = true;
  m.copy[seed->id] = turn_seed(g, l, seed->shape);
  for (int id = seed->id + 1; id < count; id++) {
    Node *n = g->node[id];
    for (int i = 0; i < n->arity; i++) m.hangs[id] = m.hangs[id] || m.hangs[n->in[i]->id];
    if (m.hangs[id] && needed[id]) moved(&m, n);
  }
  Node *body = moved(&m, gradient);
  arena_close(scratch);
  return body;
}

Node *graph_gradient_each(Graph *g, Node *y, Node *from) {
  Node *seed = node_random(g, 0x5eed, RANDOM_ONCE, y->shape), *gradient = NULL;  // it stays out of what is computed
  graph_gradient(g, node_binary(g, OP_MUL, y, seed), 1, &from, &gradient, NULL);
  if (!gradient) return NULL;
  GraphLoop *l = loop_new(g->arena, y->shape.dim[0], false);
  l->body->sources = g->sources;
  Node *each = move_gradient(g, l, seed, gradient);
  int result = loop_stack(l, each);
  return node_result(g, node_loop(g, l), result);
}
