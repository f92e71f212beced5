// Compute before repeating: an elementwise operation on repeated values is done once on the values and its result
// repeated, so that per-step scalars (1 - beta^t) and per-example factors are not computed for every element.
#include "graph/passes.h"
#include "graph/view.h"

// Below this gain the repeated operation stays in the region it is part of: a kernel of its own costs more.
enum { WORTH = 4, WORTH_INVERSE = 16 };

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

// The value before it was repeated, without axes of size 1: so that equal scalars are one, whatever they are repeated
// to.
static Node *narrow_input(Graph *g, Node *in, Shape s) {
  if (in->op == OP_CONST) return node_const_like(g, in, shape_without_ones(s));
  return node_reshape(g, node_broadcast(g, in->in[0], s), shape_without_ones(s));
}

static bool is_repeated(const Node *n, int64_t times) {
  return n->op == OP_BROADCAST && shape_count(n->in[0]->shape) <= shape_count(n->shape) / times;
}

// x / repeated value: one division for each value, not for each element.
static Node *multiply_by_inverse(Graph *g, Node *x, Node *divisor) {
  Shape s = divisor->in[0]->shape, core = shape_without_ones(s);
  Node *inverse = node_binary(g, OP_DIV, node_const(g, 1, core), node_reshape(g, divisor->in[0], core));
  return node_binary(g, OP_MUL, x, node_broadcast(g, node_reshape(g, inverse, s), x->shape));
}

static Node *narrow(Graph *g, const Node *old, Node **in) {
  if (op_class(old->op) != ELEMENTWISE) return rewrite_same(g, old, in);
  Shape s = narrow_shape(old, in);
  if (shape_count(s) > shape_count(old->shape) / WORTH) {
    bool division = old->op == OP_DIV && is_repeated(in[1], WORTH_INVERSE);
    return division ? multiply_by_inverse(g, in[0], in[1]) : rewrite_same(g, old, in);
  }
  for (int k = 0; k < old->arity; k++) in[k] = narrow_input(g, in[k], s);
  return node_broadcast(g, node_reshape(g, rewrite_same(g, old, in), s), old->shape);
}

void pass_narrow(Arena *a, GraphProgram *p) { rewrite(a, p, narrow); }
