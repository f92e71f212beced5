// Compute before repeating: an elementwise operation on repeated values is done once on the values and its result
// repeated, so that per-step scalars (1 - beta^t) and per-example factors are not computed for every element.
#include "passes.h"

// Below this gain the repeated operation stays in the region it is part of: a kernel of its own costs more.
enum { WORTH = 4 };

static Shape narrow_shape(const Node *old, Node **in) {
  Shape s = {.rank = old->shape.rank};
  for (int i = 0; i < s.rank; i++) {
    s.dim[i] = 1;
    for (int k = 0; k < old->arity; k++) {
      const Node *from = in[k]->op == OP_BROADCAST ? in[k]->in[0] : in[k];
      if (from->op != OP_CONST && from->shape.dim[i] > s.dim[i]) s.dim[i] = from->shape.dim[i];
    }
  }
  return s;
}

static Node *narrow_input(Graph *g, Node *in, Shape s) {
  return in->op == OP_CONST ? node_const(g, in->attr.value, s) : node_broadcast(g, in->in[0], s);
}

static Node *narrow(Graph *g, const Node *old, Node **in) {
  if (op_class(old->op) != ELEMENTWISE) return rewrite_same(g, old, in);
  Shape s = narrow_shape(old, in);
  if (shape_count(s) > shape_count(old->shape) / WORTH) return rewrite_same(g, old, in);
  for (int k = 0; k < old->arity; k++) in[k] = narrow_input(g, in[k], s);
  return node_broadcast(g, rewrite_same(g, old, in), old->shape);
}

void pass_narrow(Arena *a, GraphProgram *p) { rewrite(a, p, narrow); }
