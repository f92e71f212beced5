// Movements as kernels do them: padding is joining with zeros, and an index is computed along its own axis only.
#include "graph/passes.h"

// Zeros of n's shape, but `size` of them along the axis.
static Node *zeros_along(Graph *g, const Node *n, int axis, int64_t size) {
  Shape s = n->shape;
  s.dim[axis] = size;
  return node_const(g, 0, s);
}

static Node *pad_by_concat(Graph *g, const Node *old, Node *x) {
  for (int axis = old->shape.rank - 1; axis >= 0; axis--) {
    Node *piece[3];
    int n = 0;
    if (old->attr.a[axis]) piece[n++] = zeros_along(g, x, axis, old->attr.a[axis]);
    piece[n++] = x;
    if (old->attr.b[axis]) piece[n++] = zeros_along(g, x, axis, old->attr.b[axis]);
    x = node_concat(g, axis, n, piece);
  }
  return x;
}

static Node *thin_iota(Graph *g, const Node *old) {
  int axis = (int)old->attr.a[0];
  Shape thin = {.rank = old->shape.rank};
  for (int i = 0; i < thin.rank; i++) thin.dim[i] = i == axis ? old->shape.dim[i] : 1;
  return node_broadcast(g, node_iota(g, axis, thin), old->shape);
}

static Node *move(Graph *g, const Node *old, Node **in) {
  if (old->op == OP_PAD) return pad_by_concat(g, old, in[0]);
  return old->op == OP_IOTA ? thin_iota(g, old) : rewrite_same(g, old, in);
}

void pass_move(Arena *a, GraphProgram *p) { rewrite(a, p, move); }
