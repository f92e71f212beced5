// Which products are known by half; see half.h.
#include "graph/half.h"

#include "graph/view.h"

static const Node *owner_of(const Node *n) {
  while (is_view(n->op)) n = n->in[0];
  return n;
}

// Where the elements of n lie, of which `owner` lies at `at`. False when no strides express it.
static bool find_view(const Node *n, const Node *owner, const View *at, View *out) {
  View in;
  if (n == owner) return *out = *at, true;
  if (!find_view(n->in[0], owner, at, &in)) return false;
  if (n->op == OP_RESHAPE) return view_reshape(&in, n->in[0]->shape, n->shape, out);
  return *out = view_move(&in, n), true;
}

static bool view_in_owner(const Node *n, View *out) {
  const Node *owner = owner_of(n);
  View rows = view_rows(owner->shape);
  return find_view(n, owner, &rows, out);
}

// ---- triangles

// What counts places along rows, and the same along columns: 1 on the diagonal.
static bool is_identity(const Node *n) {
  View a, b;
  int column = n->shape.rank - 1, row = column - 1;
  const Node *count = owner_of(n->in[0]);
  if (count->op != OP_IOTA || count != owner_of(n->in[1])) return false;
  if (shape_count(count->shape) != count->shape.dim[count->attr.a[0]]) return false;
  if (!view_in_owner(n->in[0], &a) || !view_in_owner(n->in[1], &b) || a.at != b.at) return false;
  return a.stride[row] == b.stride[column] && a.stride[column] == b.stride[row] && !a.stride[row] != !a.stride[column];
}

static bool makes_triangle(const Node *n, bool upper) {
  if (n->op == OP_CHOLESKY) return !upper;
  if (n->op == OP_SOLVE) return (n->attr.flag & 1) == upper && is_triangle(n->in[1], upper);
  return n->op == OP_EQUAL && is_identity(n);
}

bool is_triangle(const Node *n, bool upper) {
  const Node *owner = owner_of(n);
  int column = n->shape.rank - 1, row = column - 1;
  if (n->shape.rank < 2 || owner->shape.rank < 2) return false;
  int64_t size = n->shape.dim[column];
  const int64_t *own = owner->shape.dim + owner->shape.rank - 2;
  View v;
  if (size < 2 || n->shape.dim[row] != size || own[0] != size || own[1] != size || !view_in_owner(n, &v)) return false;
  bool turned = v.stride[row] == 1 && v.stride[column] == size;
  bool plain = v.stride[row] == size && v.stride[column] == 1;
  return (plain && makes_triangle(owner, upper)) || (turned && makes_triangle(owner, !upper));
}

// ---- symmetric products

// Where a factor of a product has its terms, and where its rows, or columns: of the elements that lie at v.
typedef struct {
  int64_t at, matrix, line, term;
} Lines;

static Lines lines_of(const View *v, int rank, bool term_first) {
  int last = rank - 1, term = term_first ? last - 1 : last;
  return (Lines){v->at, rank > 2 ? v->stride[0] : 0, v->stride[2 * last - 1 - term], v->stride[term]};
}

static bool same_lines(Lines a, Lines b) {
  return a.at == b.at && a.matrix == b.matrix && a.line == b.line && a.term == b.term;
}

typedef struct {
  const Node *node;
  bool term_first;
} Factor;

// The lines of what `n` shows when its owner shows `of`, a value of the owner's shape.
static bool find_lines(Factor f, const Node *of, Lines *out) {
  View own, v;
  const Node *owner = owner_of(f.node);
  if (!view_in_owner(of, &own) || !find_view(f.node, owner, &own, &v)) return false;
  *out = lines_of(&v, f.node->shape.rank, f.term_first);
  return true;
}

// Does x show the same as f, or the same times weights that all its lines share?
static bool is_weighed(Factor x, Factor f) {
  Lines want, have, weight;
  const Node *of = owner_of(x.node), *owner = owner_of(f.node);
  if (!find_lines(f, owner, &want)) return false;
  if (of == owner) return find_lines(x, of, &have) && same_lines(have, want);
  for (int i = 0; of->op == OP_MUL && i < 2; i++) {
    if (owner_of(of->in[i]) != owner || !find_lines(x, of->in[i], &have) || !same_lines(have, want)) continue;
    return find_lines(x, of->in[1 - i], &weight) && weight.line == 0;
  }
  return false;
}

bool product_is_symmetric(const Node *n) {
  int rank = n->shape.rank;
  Factor left = {n->in[0], n->attr.flag & 1}, right = {n->in[1], !(n->attr.flag & 2)};
  bool square = n->op == OP_MATMUL && rank >= 2 && n->shape.dim[rank - 1] == n->shape.dim[rank - 2];
  return square && (is_weighed(left, right) || is_weighed(right, left));
}
