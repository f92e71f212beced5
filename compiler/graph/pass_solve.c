// Solutions for many columns become products: of a triangular matrix that many share the inverse is computed once, and
// a product runs several times as fast as a solution, of which each row waits for those before it.
//
// The columns are mostly examples, which lie one behind the other: so it is their rows that are multiplied, by the
// inverse transposed, and the result is a view. Of a stack of large matrices the columns themselves are multiplied, by
// half of each inverse, the triangle that is not 0; pass_layout.c sees to it that they lie so. A triangular inverse
// loses no more than the solution does where the matrix is a factor that is worth solving by (N. Higham, "Accuracy and
// stability of numerical algorithms", 14.2).
#include "graph/passes.h"

enum { LEAST_SIZE = 8, LEAST_HALVED = 16, LEAST_COLUMNS = 4 };  // columns: for each row of the matrix

static Node *identity_like(Graph *g, const Node *l) {
  int64_t n = l->shape.dim[l->shape.rank - 1];
  Node *row = node_reshape(g, node_iota(g, 0, shape_of(1, &n)), shape_of(3, (int64_t[]){1, 1, n}));
  Node *column = node_reshape(g, node_iota(g, 0, shape_of(1, &n)), shape_of(3, (int64_t[]){1, n, 1}));
  return node_binary(g, OP_EQUAL, node_broadcast(g, row, l->shape), node_broadcast(g, column, l->shape));
}

static Node *by_inverse(Graph *g, const Node *old, Node **in) {
  int64_t n = old->shape.rank == 3 ? old->shape.dim[1] : 0;
  bool many = n >= LEAST_SIZE && old->shape.dim[2] >= LEAST_COLUMNS * n;
  if (old->op != OP_SOLVE || !many) return rewrite_same(g, old, in);
  Node *l = in[0]->op == OP_BROADCAST ? in[0]->in[0] : in[0];  // inverted once, though all read it
  Node *inverse = node_broadcast(g, node_solve(g, l, identity_like(g, l), false), in[0]->shape);
  if (old->shape.dim[0] > 1 && n >= LEAST_HALVED) return node_matmul(g, inverse, in[1], old->attr.flag, false);
  Node *rows = node_permute(g, in[1], (int[]){0, 2, 1});
  return node_permute(g, node_matmul(g, rows, inverse, false, !old->attr.flag), (int[]){0, 2, 1});
}

void pass_solve(Arena *a, GraphProgram *p) { rewrite(a, p, by_inverse); }
