// The rules of apart.h, one for each kind of operation.
#include "graph/apart.h"

int64_t count_before(const Shape *s, int axis) {
  int64_t n = 1;
  for (int i = 0; i < axis; i++) n *= s->dim[i];
  return n;
}

bool blocks_find(const Shape *s, int64_t blocks, int64_t batch, Blocks *b) {
  int64_t before = 1;
  for (int i = 0; i < s->rank; before *= s->dim[i++]) {
    if (before * s->dim[i] <= blocks) continue;
    if (blocks % before != 0 || s->dim[i] % (blocks / before * batch) != 0) return false;
    *b = (Blocks){i, blocks / before, s->dim[i] / (blocks / before) / batch};
    return true;
  }
  return false;
}

// What joins values element by element.
static int64_t joined(int count, const int64_t *in) {
  int64_t all = BLOCKS_NONE;
  for (int i = 0; i < count; i++) {
    if (in[i] == BLOCKS_NONE) continue;
    if (all != BLOCKS_NONE && all != in[i]) return BLOCKS_MEET;
    all = in[i];
  }
  return all;
}

// A movement or a reduction of one input, which has its blocks along b->axis.
static int64_t moved(const Node *n, const Blocks *b, int64_t batch) {
  const Shape *from = &n->in[0]->shape;
  int64_t over = b->over, block = batch * b->inner;
  int axis = b->axis, to = axis;
  switch (n->op) {
    case OP_PERMUTE:
      for (int i = 0; i < n->shape.rank; i++)
        if (n->attr.a[i] == axis) to = i;
      break;
    case OP_BROADCAST: break;
    case OP_SLICE:
    case OP_PAD:
      if (n->shape.dim[axis] == from->dim[axis]) break;
      if (n->attr.a[axis] % block != 0 || n->shape.dim[axis] % block != 0) return BLOCKS_MEET;
      over = n->shape.dim[axis] / block;
      break;
    case OP_CUMSUM:
      if (n->attr.a[0] == axis) return BLOCKS_MEET;
      break;
    case OP_SUM:
    case OP_MAXIMUM:
      if (n->attr.axes >> axis & 1) return BLOCKS_MEET;
      for (int i = 0; i < axis; i++) to -= (int)(n->attr.axes >> i & 1);
      break;
    default: return BLOCKS_MEET;
  }
  return count_before(&n->shape, to) * over;
}

// Side by side along another axis, or whole blocks after blocks.
static int64_t strung(const Node *n, const int64_t *in, int64_t batch) {
  int along = (int)n->attr.a[0];
  Blocks all = {.axis = -1}, b;
  for (int i = 0; i < n->arity; i++) {
    if (in[i] == BLOCKS_NONE) continue;
    if (!blocks_find(&n->in[i]->shape, in[i], batch, &b)) return BLOCKS_MEET;
    bool alike =
        all.axis < 0 || (b.axis == all.axis && b.inner == all.inner && (b.axis == along || b.over == all.over));
    if (!alike) return BLOCKS_MEET;
    all = b;
  }
  int64_t size = n->shape.dim[along], block = batch * all.inner;
  if (all.axis != along) return count_before(&n->shape, all.axis) * all.over;
  for (int i = 0; i < n->arity; i++)
    if (n->in[i]->shape.dim[along] % block != 0) return BLOCKS_MEET;
  return count_before(&n->shape, along) * (size / block);
}

// Rows of a table that is the same for all, or the same rows of every example's.
static int64_t gathered(const Node *n, const int64_t *in, int64_t batch) {
  Blocks b;
  if (in[0] == BLOCKS_NONE) return in[1];
  if (in[1] != BLOCKS_NONE || !blocks_find(&n->in[0]->shape, in[0], batch, &b) || b.axis == 0) return BLOCKS_MEET;
  return count_before(&n->shape, n->in[1]->shape.rank + b.axis - 1) * b.over;
}

// Into rows of every example's own table.
static int64_t scattered(const Node *n, const int64_t *in, int64_t batch) {
  Blocks b;
  int rank = n->in[1]->shape.rank;
  if (in[1] != BLOCKS_NONE || !blocks_find(&n->in[0]->shape, in[0], batch, &b) || b.axis < rank) return BLOCKS_MEET;
  return count_before(&n->shape, b.axis - rank + 1) * b.over;
}

// Of stacks of matrices, of which each example has its own; otherwise of rows of the left factor or columns of the
// right one, where the other factor is the same for all.
static int64_t multiplied(const Node *n, const int64_t *in, int64_t batch) {
  int rank = n->shape.rank, row = rank - 2, column = rank - 1;
  Blocks b[2];
  for (int i = 0; i < 2; i++) {
    b[i].axis = -1;
    if (in[i] != BLOCKS_NONE && !blocks_find(&n->in[i]->shape, in[i], batch, &b[i])) return BLOCKS_MEET;
  }
  bool stacked[2] = {rank == 3 && b[0].axis == 0, rank == 3 && b[1].axis == 0};
  if (stacked[0] && stacked[1]) return b[0].over == b[1].over && b[0].inner == b[1].inner ? b[0].over : BLOCKS_MEET;
  if (b[0].axis >= 0 && b[1].axis >= 0) return BLOCKS_MEET;
  if (stacked[0] || stacked[1]) return b[stacked[1]].over;
  bool solved = n->op == OP_SOLVE, flip_a = !solved && n->attr.flag & 1, flip_b = !solved && n->attr.flag & 2;
  if (!solved && b[0].axis == (flip_a ? column : row)) return count_before(&n->shape, row) * b[0].over;
  if (b[1].axis == (flip_b ? row : column)) return count_before(&n->shape, column) * b[1].over;
  return BLOCKS_MEET;
}

// Of images, where the weights are the same for all; or of channels that are in groups of their own.
static int64_t convolved(const Node *n, const int64_t *in, int64_t batch) {
  Blocks b[2];
  int found = 0;
  for (int i = 0; i < 2; i++)
    if (in[i] != BLOCKS_NONE && !blocks_find(&n->in[i]->shape, in[i], batch, &b[found++])) return BLOCKS_MEET;
  if (found == 1 && in[1] == BLOCKS_NONE && n->op != OP_CONV_WEIGHT && b[0].axis == 0) return b[0].over;
  bool grouped = found == 2 && b[0].axis == 3 && b[1].axis == 3 && b[0].over == b[1].over;
  if (!grouped || n->attr.a[4] % (b[0].over * batch) != 0) return BLOCKS_MEET;
  return count_before(&n->shape, 3) * b[0].over;
}

int64_t blocks_of(const Node *n, const int64_t *in, int64_t batch) {
  int64_t all = joined(n->arity, in);
  Blocks b;
  bool none = true;
  for (int i = 0; i < n->arity; i++) none = none && in[i] == BLOCKS_NONE;
  if (none) return BLOCKS_NONE;
  if (op_class(n->op) == ELEMENTWISE || op_class(n->op) == MARK || n->op == OP_RESHAPE) return all;
  switch (n->op) {
    case OP_CONCAT: return strung(n, in, batch);
    case OP_GATHER: return gathered(n, in, batch);
    case OP_SCATTER: return scattered(n, in, batch);
    case OP_MATMUL:
    case OP_SOLVE: return multiplied(n, in, batch);
    case OP_CONV:
    case OP_CONV_INPUT:
    case OP_CONV_WEIGHT: return convolved(n, in, batch);
    case OP_CHOLESKY:
      return blocks_find(&n->in[0]->shape, in[0], batch, &b) && n->shape.rank == 3 && b.axis == 0 ? all : BLOCKS_MEET;
    case OP_NEAREST: return blocks_find(&n->in[0]->shape, in[0], batch, &b) && b.axis == 0 ? all : BLOCKS_MEET;
    default: return blocks_find(&n->in[0]->shape, in[0], batch, &b) ? moved(n, &b, batch) : BLOCKS_MEET;
  }
}
