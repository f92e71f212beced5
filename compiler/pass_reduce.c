// Reductions as kernels do them: over one run of neighbouring axes, seen as the middle of [outer, length, inner].
//
// A reduction over several runs becomes several, the last run first, where elements are neighbours in memory. A long
// one with few results becomes two, so that its parts can be computed side by side (and rounding grows with the root
// of the length). Results are computed side by side as whole rows, or 16 at a time where the reduction is over an
// earlier axis.
#include "passes.h"

enum {
  LONG = 65536,  // elements from which a reduction is worth cutting
  WAYS = 16,     // below which it cannot be cut into enough pieces otherwise
  PARTS = 64     // at most
};

static int64_t product(const Shape *s, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; i++) n *= s->dim[i];
  return n;
}

// The largest number of equal parts up to PARTS.
static int64_t part_count(int64_t length) {
  for (int64_t parts = PARTS; parts > 1; parts--) {
    if (length % parts == 0) return parts;
  }
  return 1;
}

// Reduces axes first .. last-1 of x.
static Node *reduce_run(Graph *g, Op op, Node *x, int first, int last) {
  const Shape *s = &x->shape;
  int64_t outer = product(s, 0, first), length = product(s, first, last), inner = product(s, last, s->rank);
  int64_t ways = inner == 1 ? outer : outer * inner / 16;
  int64_t parts = ways < WAYS && outer * length * inner >= LONG ? part_count(length) : 1;
  uint32_t axes = (1u << last) - (1u << first);
  if (parts == 1 || length / parts < 2) return node_reduce(g, op, x, axes);
  Node *cut = node_reshape(g, x, shape_of(4, (int64_t[]){outer, parts, length / parts, inner}));
  Node *whole = node_reduce(g, op, node_reduce(g, op, cut, 4), 2);
  Shape kept = {.rank = s->rank - (last - first)};
  for (int i = 0; i < kept.rank; i++) kept.dim[i] = s->dim[i < first ? i : i + last - first];
  return node_reshape(g, whole, kept);
}

static Node *reduce_runs(Graph *g, const Node *old, Node **in) {
  if (op_class(old->op) != REDUCTION || old->op == OP_CUMSUM) return rewrite_same(g, old, in);
  Node *x = in[0];
  uint32_t axes = old->attr.axes;
  for (int last = x->shape.rank; last > 0; last--) {
    if (!(axes >> (last - 1) & 1)) continue;
    int first = last - 1;
    while (first > 0 && axes >> (first - 1) & 1) first--;
    x = reduce_run(g, old->op, x, first, last);
    last = first + 1;
  }
  return x;
}

void pass_reduce(Arena *a, GraphProgram *p) { rewrite(a, p, reduce_runs); }
