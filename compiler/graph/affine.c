// Values that are affine in another one: a constant and a linear map of it, by the operations that make them.
//
// What is proved is proved for every number of the other value: an operation that is affine only where a bound holds
// counts as one that is not.
#include "graph/graph.h"

// Is the node affine in its inputs that hang on the value, each of which is?
static bool keeps_affine(const Node *n, const bool *hangs) {
  int count = 0;
  for (int i = 0; i < n->arity; i++) count += hangs[n->in[i]->id];
  switch (n->op) {
    case OP_NEG:
    case OP_ADD:
    case OP_SUB:
    case OP_RESHAPE:
    case OP_PERMUTE:
    case OP_BROADCAST:
    case OP_SLICE:
    case OP_PAD:
    case OP_CONCAT:
    case OP_SUM:
    case OP_CUMSUM:
    case OP_STOP: return true;
    case OP_MUL:
    case OP_MATMUL:
    case OP_CONV:
    case OP_CONV_INPUT:
    case OP_CONV_WEIGHT: return count == 1;
    case OP_DIV:
    case OP_GATHER:
    case OP_SCATTER: return !hangs[n->in[1]->id];
    case OP_SOLVE:
    case OP_SELECT: return !hangs[n->in[0]->id];
    default: return false;
  }
}

const Node *graph_not_affine(Graph *g, const Node *y, const Node *at) {
  Arena *scratch = arena_open(g->arena);
  int last = y->id > at->id ? y->id : at->id;
  bool *hangs = NEW_ARRAY(scratch, bool, last + 1), *needed = NEW_ARRAY(scratch, bool, last + 1);
  needed[y->id] = hangs[at->id] = true;
  for (int id = y->id; id >= 0; id--)
    for (int i = 0; needed[id] && i < g->node[id]->arity; i++) needed[g->node[id]->in[i]->id] = true;
  const Node *found = NULL;
  for (int id = at->id + 1; id <= y->id && !found; id++) {
    const Node *n = g->node[id];
    for (int i = 0; i < n->arity; i++) hangs[id] = hangs[id] || hangs[n->in[i]->id];
    if (hangs[id] && needed[id] && !keeps_affine(n, hangs)) found = n;
  }
  arena_close(scratch);
  return found;
}

Node *graph_linear_part(Graph *g, Node *y, const Node *at, Node *by) {
  Arena *scratch = arena_open(g->arena);
  int last = y->id;
  Node **part = NEW_ARRAY(scratch, Node *, last + 1);  // what the nodes that hang on `at` become
  if (at->id <= last) part[at->id] = by;
  for (int id = at->id + 1; id <= last; id++) {
    const Node *n = g->node[id];
    bool hangs = false, adds = n->op == OP_ADD || n->op == OP_SUB || n->op == OP_CONCAT || n->op == OP_SELECT;
    for (int i = 0; i < n->arity; i++) hangs = hangs || part[n->in[i]->id];
    if (!hangs) continue;
    Node **in = NEW_ARRAY(scratch, Node *, n->arity);
    for (int i = 0; i < n->arity; i++) {
      bool condition = n->op == OP_SELECT && i == 0;
      in[i] = part[n->in[i]->id];
      if (!in[i]) in[i] = adds && !condition ? node_const(g, 0, n->in[i]->shape) : n->in[i];
    }
    part[id] = graph_node(g, n->op, n->arity, in, &n->attr, &n->shape);
  }
  Node *linear = part[last] ? part[last] : node_const(g, 0, y->shape);
  arena_close(scratch);
  return linear;
}
