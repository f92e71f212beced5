// Where the examples of a batch meet: which values of a graph are those of one example, and which mix several.
//
// The batch is the outermost axis wherever it is present: a tensor that differs between examples holds one block of
// elements for each, in order, whether the batch is an axis of its own or the outer part of one. An operation that
// keeps to these blocks leaves the examples apart; one that adds along the outermost axis, or changes its order, mixes
// them; a loop is not looked into, and mixes what differs between examples. No name is asked for: a mean over the batch
// is known by what it does.
#include "graph_rules.h"

typedef enum { SAME, APART, MIXED } Meeting;  // for all examples; each its own; made of several

static Meeting worst(const Node *n, const Meeting *in) {
  Meeting m = SAME;
  for (int i = 0; i < n->arity; i++) m = in[i] > m ? in[i] : m;
  return m;
}

// Is the outermost axis of the result that of the first input, whole and in its order?
static bool keeps_outermost(const Node *n) {
  const Shape *from = &n->in[0]->shape;
  switch (n->op) {
    case OP_RESHAPE: return true;
    case OP_PERMUTE: return n->attr.a[0] == 0;
    case OP_BROADCAST:
    case OP_SLICE:
    case OP_PAD: return n->shape.dim[0] == from->dim[0];
    case OP_CONCAT:
    case OP_CUMSUM: return n->attr.a[0] != 0;
    case OP_SUM:
    case OP_MAXIMUM: return !(n->attr.axes & 1);
    default: return false;
  }
}

// What the node is, given that of its inputs.
static Meeting meeting(const Node *n, const Meeting *in) {
  Meeting all = worst(n, in);
  if (all != APART) return all;
  switch (op_class(n->op)) {
    case ELEMENTWISE:
    case MARK: return APART;
    case CONTRACTION:  // a batch of products, or rows against one matrix
      return n->shape.rank == 3 || (in[1] == SAME && !(n->attr.flag & 1)) ? APART : MIXED;
    default: break;
  }
  if (n->op == OP_GATHER) return in[0] == SAME ? APART : MIXED;
  return keeps_outermost(n) ? APART : MIXED;
}

// A value that the program does not compute.
static Meeting source(const Graph *g, const Node *n, int64_t batch) {
  if (n->op == OP_INPUT) return g->input[n->attr.id].kind == INPUT_COLUMN ? APART : SAME;
  bool drawn = n->op == OP_RANDOM && n->attr.flag != RANDOM_ONCE && n->shape.rank && n->shape.dim[0] == batch;
  return drawn ? APART : SAME;
}

const Node *graph_coupled(Graph *g, const Node *y, const Node *from, int64_t batch) {
  if (batch == 1) return NULL;
  Arena *scratch = arena_open(g->arena);
  Meeting *met = NEW_ARRAY(scratch, Meeting, y->id + 1), *in = NULL;
  const Node **place = NEW_ARRAY(scratch, const Node *, y->id + 1);
  int room = 0;
  for (int id = 0; id <= y->id; id++) {
    const Node *n = g->node[id];
    if (n->arity > room) in = NEW_ARRAY(scratch, Meeting, room = 2 * n->arity);
    for (int i = 0; i < n->arity; i++) in[i] = from && !graph_carries(n, i) ? SAME : met[n->in[i]->id];
    met[id] = n == from ? APART : n->arity ? meeting(n, in) : from ? SAME : source(g, n, batch);
    if (met[id] != MIXED) continue;
    place[id] = n;
    for (int i = n->arity; i--;)
      if (in[i] == MIXED) place[id] = place[n->in[i]->id];
  }
  const Node *found = place[y->id];
  arena_close(scratch);
  return found;
}
