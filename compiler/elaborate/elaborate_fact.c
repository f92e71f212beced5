// What is known of values beyond their bounds: that numbers add up to 1. Part of the elaborator.
//
// A fact belongs to a node. Some follow from how the node is made; others are taken at their word, where a function, a
// parameter, a column or a distribution declares that its values lie on the simplex. Sound for what follows, not
// complete.
#include "elaborate/elaborate.h"
#include "graph/number.h"

#include <math.h>

enum { DEPTH = 24, CONSTANTS = 4096 };
static const double ROUNDING = 1e-5;

void assert_simplex(Elab *e, const Node *n) {
  Fact *f = NEW(e->arena, Fact);
  *f = (Fact){n, e->simplex};
  e->simplex = f;
}

static int64_t last_dim(const Node *n) { return n->shape.rank ? n->shape.dim[n->shape.rank - 1] : 1; }

// --- constants: the element at a place of a small one, NAN where it is none

static double constant_at(const Node *n, int64_t place, int depth);

static double broadcast_at(const Node *n, int64_t place, int depth) {
  const Shape *from = &n->in[0]->shape;
  int64_t at = 0, stride = 1;
  for (int i = n->shape.rank; i--;) {
    int64_t k = place % n->shape.dim[i];
    place /= n->shape.dim[i];
    if (from->dim[i] > 1) at += k * stride;
    stride *= from->dim[i];
  }
  return constant_at(n->in[0], at, depth);
}

static double concat_at(const Node *n, int64_t place, int depth) {
  int axis = (int)n->attr.a[0];
  int64_t inner = 1;
  for (int i = axis + 1; i < n->shape.rank; i++) inner *= n->shape.dim[i];
  int64_t k = place / inner % n->shape.dim[axis], outer = place / inner / n->shape.dim[axis];
  for (int i = 0; i < n->arity; i++) {
    int64_t own = n->in[i]->shape.dim[axis];
    if (k < own) return constant_at(n->in[i], (outer * own + k) * inner + place % inner, depth);
    k -= own;
  }
  return NAN;
}

static double constant_at(const Node *n, int64_t place, int depth) {
  if (!depth--) return NAN;
  if (n->op == OP_CONST) return n->attr.value;
  if (n->op == OP_RESHAPE) return constant_at(n->in[0], place, depth);
  if (n->op == OP_BROADCAST) return broadcast_at(n, place, depth);
  if (n->op == OP_CONCAT) return concat_at(n, place, depth);
  if (op_class(n->op) != ELEMENTWISE) return NAN;
  double x[3] = {0};
  for (int i = 0; i < n->arity; i++) x[i] = constant_at(n->in[i], place, depth);
  return number_fold(n->op, x);
}

static bool constants_add_up(const Node *n) {
  int64_t count = shape_count(n->shape), row = last_dim(n);
  if (count > CONSTANTS || n->lo < 0) return false;
  for (int64_t i = 0; i < count; i += row) {
    double sum = 0;
    for (int64_t k = 0; k < row; k++) sum += constant_at(n, i + k, DEPTH);
    if (!(fabs(sum - 1) <= ROUNDING)) return false;  // NAN: not constant
  }
  return true;
}

// --- how a node is made

static const Node *without_reshapes(const Node *n) {
  while (n->op == OP_RESHAPE) n = n->in[0];
  return n;
}

// a / b, where b is the sum of a along the last axis, repeated along it.
static bool divided_by_its_sum(const Node *n) {
  const Node *a = n->in[0], *b = n->in[1];
  if (n->op != OP_DIV || a->lo < 0 || b->op != OP_BROADCAST || last_dim(b->in[0]) != 1) return false;
  const Node *sum = without_reshapes(b->in[0]);
  if (sum->op != OP_SUM || !a->shape.rank) return false;
  const Node *of = without_reshapes(sum->in[0]);
  return of == without_reshapes(a) && last_dim(sum->in[0]) == last_dim(a) &&
         sum->attr.axes == 1u << (sum->in[0]->shape.rank - 1);
}

// [p, 1 - p] in either order, p in [0, 1].
static bool is_pair(const Node *n) {
  if (n->op != OP_CONCAT || n->arity != 2 || n->attr.a[0] != n->shape.rank - 1 || last_dim(n) != 2) return false;
  const Node *first = without_reshapes(n->in[0]), *second = without_reshapes(n->in[1]);
  for (int i = 0; i < 2; i++) {
    const Node *p = i ? second : first, *rest = i ? first : second;
    bool one = rest->op == OP_SUB && rest->in[0]->op == OP_CONST && rest->in[0]->attr.value == 1;
    if (one && without_reshapes(rest->in[1]) == p && p->lo >= 0 && p->hi <= 1) return true;
  }
  return false;
}

static bool on_simplex(const Elab *e, const Node *n, int depth) {
  if (!depth-- || !n->shape.rank) return false;
  for (const Fact *f = e->simplex; f; f = f->next)
    if (f->node == n) return true;
  bool kept = n->arity && n->in[0]->shape.rank && last_dim(n) == last_dim(n->in[0]);  // the last axis, by a movement
  switch (n->op) {
    case OP_STOP:
    case OP_DISCRETE:
    case OP_RESHAPE:
    case OP_BROADCAST:
    case OP_SLICE: return kept && on_simplex(e, n->in[0], depth);
    case OP_GATHER: return n->in[0]->shape.rank > 1 && kept && on_simplex(e, n->in[0], depth);
    case OP_PERMUTE: return n->attr.a[n->shape.rank - 1] == n->shape.rank - 1 && on_simplex(e, n->in[0], depth);
    case OP_MATMUL: return !n->attr.flag && on_simplex(e, n->in[0], depth) && on_simplex(e, n->in[1], depth);
    case OP_DIV: return divided_by_its_sum(n);
    case OP_CONCAT:
      if (n->attr.a[0] == n->shape.rank - 1) return is_pair(n);
      for (int i = 0; i < n->arity; i++)
        if (!on_simplex(e, n->in[i], depth)) return false;
      return true;
    default: return false;
  }
}

// What the rows add up to, where nothing in them is negative: of constants, of what lies on the simplex, and of their
// sums and multiples. NAN if it is not known.
static double row_sum(const Elab *e, const Node *n, int depth) {
  if (!depth--) return NAN;
  if (on_simplex(e, n, DEPTH)) return 1;
  if (n->lo < 0) return NAN;
  bool moved = n->op == OP_RESHAPE || n->op == OP_BROADCAST || n->op == OP_STOP;
  if (moved && n->in[0]->shape.rank && last_dim(n) == last_dim(n->in[0])) return row_sum(e, n->in[0], depth);
  if (n->op == OP_CONST) return n->attr.value * (double)last_dim(n);
  if (n->op == OP_ADD) return row_sum(e, n->in[0], depth) + row_sum(e, n->in[1], depth);
  if (n->op != OP_MUL && n->op != OP_DIV) return NAN;
  bool second = n->in[1]->op == OP_CONST, first = n->op == OP_MUL && n->in[0]->op == OP_CONST;
  if (!second && !first) return NAN;
  double by = n->in[second]->attr.value, sum = row_sum(e, n->in[!second], depth);
  return n->op == OP_MUL ? by * sum : sum / by;
}

bool is_simplex(const Elab *e, const Value *v) {
  return event_rank(v) && (fabs(row_sum(e, v->node, DEPTH) - 1) <= ROUNDING || constants_add_up(v->node));
}

// --- order

static const Node *without_movement(const Node *n) {
  while (n->op == OP_RESHAPE || n->op == OP_BROADCAST) n = n->in[0];
  return n;
}

// The node that n is more than, when it is a sum with something positive; otherwise NULL. `rest` is what it is more by.
static const Node *less_by_positive(const Node *n, const Node **rest) {
  if (n->op != OP_ADD) return NULL;
  for (int i = 0; i < 2; i++) {
    *rest = without_movement(n->in[i]);
    if (n->in[i]->lo > 0) return without_movement(n->in[1 - i]);
  }
  return NULL;
}

// Is a > b for sure: by their bounds, as b + positive, or as a - positive, on either side of the same middle?
bool is_greater(const Value *a, const Value *b) {
  double lo = a->kind == V_NUMBER ? a->number : a->node->lo, hi = b->kind == V_NUMBER ? b->number : b->node->hi;
  if (lo > hi) return true;
  if (a->kind != V_TENSOR || b->kind != V_TENSOR) return false;
  const Node *high = without_movement(a->node), *low = without_movement(b->node), *rest = NULL;
  const Node *base = less_by_positive(high, &rest);
  if (base == low) return true;
  if (low->op != OP_SUB || low->in[1]->lo <= 0) return false;
  const Node *middle = without_movement(low->in[0]);
  return middle == high || middle == base;
}

// --- facts that a text declares

bool assert_support(Elab *e, Value *v, const Support *s) {
  Shape numbers;
  if (!list_shape(v, &numbers) || s->kind == SUPPORT_REAL) return true;
  *v = to_tensor(e, *v);
  if (v->kind == V_ERROR) return true;
  if (v->node->lo > s->hi || v->node->hi < s->lo) return false;
  if (s->kind == SUPPORT_SIMPLEX) assert_simplex(e, v->node);
  if (s->computed) return true;
  v->node->lo = fmax(v->node->lo, s->lo);
  v->node->hi = fmin(v->node->hi, s->hi);
  return true;
}
