// Reductions as kernels do them: over one run of neighbouring axes, seen as the middle of [outer, length, inner].
//
// A reduction over several runs becomes several, the last run first, where elements are neighbours in memory. A long
// one becomes two, so that its parts can be computed side by side: only what is before the reduced axis can be divided
// without breaking up rows. (Rounding then grows with the root of the length, too.)
#include "graph/passes.h"

enum {
  LONG = 32768,  // elements from which a reduction is worth cutting
  WAYS = 16,     // enough to be computed side by side
  PART = 8192,   // elements of a part, at least
  FEWEST = 4     // parts that are worth a second reduction
};

static int64_t product(const Shape *s, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; i++) n *= s->dim[i];
  return n;
}

// The number of equal parts to cut a reduction into; 1: leave it whole. One row of a total may have more parts, for a
// part of it is only a row of the next.
static int64_t part_count(int64_t outer, int64_t length, int64_t inner) {
  int64_t elements = outer * length * inner, most = inner == 1 ? 4 * WAYS : WAYS / outer;
  if (outer >= WAYS || elements < LONG) return 1;
  if (most > elements / PART) most = elements / PART;
  while (most > 1 && length % most != 0) most--;
  return most < FEWEST || length / most < 2 ? 1 : most;
}

// Reduces axes first .. last-1 of x, which are not `axis`; before it or after it lie the blocks of a shard.
static Node *reduce_run(Graph *g, const Node *old, Node *x, int first, int last, int axis, int64_t shards) {
  Op op = old->op;
  const Shape *s = &x->shape;
  int64_t outer = product(s, 0, first), length = product(s, first, last), inner = product(s, last, s->rank);
  bool before = axis < first;
  int64_t parts = part_count(before ? outer / shards : outer, length, before ? inner : inner / shards);
  uint32_t axes = (1u << last) - (1u << first);
  if (parts == 1) return node_reduce(g, op, x, axes);
  Node *cut = node_reshape(g, x, shape_of(4, (int64_t[]){outer, parts, length / parts, inner}));
  Node *part = node_reduce(g, op, cut, 4), *whole = node_reduce(g, op, part, 2);
  node_name_part(g, part, old, "parts");
  Shape kept = {.rank = s->rank - (last - first)};
  for (int i = 0; i < kept.rank; i++) kept.dim[i] = s->dim[i < first ? i : i + last - first];
  return node_reshape(g, whole, kept);
}

Node *reduce_axes(Graph *g, const Node *old, Node *x, uint32_t axes, int axis, int64_t shards) {
  for (int last = x->shape.rank; last > 0; last--) {
    if (!(axes >> (last - 1) & 1)) continue;
    int first = last - 1;
    while (first > 0 && axes >> (first - 1) & 1) first--;
    x = reduce_run(g, old, x, first, last, axis, shards);
    if (axis > first) axis -= last - first;
    last = first + 1;
  }
  return x;
}

static Node *reduce_runs(Graph *g, const Node *old, Node **in) {
  if (op_class(old->op) != REDUCTION || old->op == OP_CUMSUM) return rewrite_same(g, old, in);
  return reduce_axes(g, old, in[0], old->attr.axes, -1, 1);
}

// A batch in shards has been reduced by its pass.
void pass_reduce(Arena *a, GraphProgram *p) {
  if (p->shards < 2) rewrite(a, p, reduce_runs);
}
