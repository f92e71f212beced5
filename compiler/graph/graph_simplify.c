// Simplifies a node at birth: constants are folded, identities vanish, movements of movements become one.
//
// Works on a draft that graph_node has checked, and looks at its inputs only, which are simple already.
// Invariant: the result has the draft's shape, and equals it in real arithmetic wherever the draft is finite. Rounding
// may only get better. What is given up: 0 * x and 0 / x are 0 even where x is infinite or NaN (gradients are full of
// such zeros), the sign of a zero, and a NaN may be lost by a comparison that the bounds have already decided.
// No rule looks past a point (graph_point).
#include "graph/graph_rules.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/maths.h"

// What kernels make of a number: those nearer to 0 than a normal float count as 0.
static float flushed(double x) { return fabs(x) < (double)FLT_MIN ? copysignf(0, (float)x) : (float)x; }

// Value of an elementwise operation on constants, by the very expression that the kernels use.
static float fold(Op op, const float *in) {
  float a = in[0], b = in[1], c = in[2];
  // clang-format off
  switch (op) {
#define FOLD_SOURCE(expression) 0
#define FOLD_ELEMENTWISE(expression) (expression)
#define FOLD_MOVEMENT(expression) 0
#define FOLD_REDUCTION(expression) 0
#define FOLD_CONTRACTION(expression) 0
#define FOLD_MARK(expression) 0
#define FOLD_CONTROL(expression) 0
#define OP(ID, name, arity, class, expression, ...) \
  case OP_##ID: return FOLD_##class(expression);
#include "core/ops.def"
    case OP_COUNT: break;
  }
  // clang-format on
  return 0;
}

double graph_fold(Op op, const double *in) {
  return (double)flushed((double)fold(op, (float[]){flushed(in[0]), flushed(in[1]), flushed(in[2])}));
}

static Node *fold_constants(Graph *g, const Node *n) {
  double value[3] = {0, 0, 0};
  bool once = n->op == OP_MUL && node_is(n->in[0], 1);
  if (once && n->in[1]->op == OP_CONST) return n->in[1];  // with the page's words for it
  for (int i = 0; i < n->arity; i++) {
    if (n->in[i]->op != OP_CONST) return NULL;
    value[i] = n->in[i]->attr.value;
  }
  return node_const(g, graph_fold(n->op, value), n->shape);
}

static bool is_const(const Node *n) { return n->op == OP_CONST; }

// Constants stand second; otherwise the older input first, so that a + b and b + a are one node.
static void order_inputs(Node *n, bool by_age) {
  Node *a = n->in[0], *b = n->in[1];
  bool swap = is_const(a) ? !is_const(b) : !is_const(b) && by_age && a->id > b->id;
  if (swap) n->in[0] = b, n->in[1] = a;
}

// ---- arithmetic

// pad(x) + pad(y) where x and y lie side by side along the one axis in which the pads differ: pad(concat(x, y)). The
// gradient of slices is a sum of pads; this keeps it from taking time square in their number.
static Node *join_pads(Graph *g, Node *x, Node *y) {
  int axis = -1;
  for (int i = 0; i < x->shape.rank; i++) {
    if (x->attr.a[i] == y->attr.a[i] && x->attr.b[i] == y->attr.b[i]) continue;
    if (axis >= 0) return NULL;
    axis = i;
  }
  if (axis < 0) return NULL;
  if (x->attr.a[axis] > y->attr.a[axis]) {
    Node *z = x;
    x = y, y = z;
  }
  if (y->attr.a[axis] != x->attr.a[axis] + x->in[0]->shape.dim[axis]) return NULL;
  Attr attr = x->attr;
  attr.b[axis] = y->attr.b[axis];
  Node *joined = node_concat(g, axis, 2, (Node *[]){x->in[0], y->in[0]});
  return node_pad(g, joined, attr.a, attr.b);
}

// c x + c x is (2 c) x, to the last bit unless c x is too small for a number.
static Node *twice(Graph *g, Node *product) {
  double factor = 2 * product->in[1]->attr.value;
  if (isfinite(product->in[1]->attr.value) && !isfinite((float)factor)) return NULL;
  return node_binary(g, OP_MUL, product->in[0], node_const(g, factor, product->shape));
}

static Node *simplify_add(Graph *g, Node *n) {
  order_inputs(n, true);
  Node *a = n->in[0], *b = n->in[1];
  if (node_is(b, 0)) return a;
  if (b->op == OP_NEG) return node_binary(g, OP_SUB, a, b->in[0]);
  if (a->op == OP_NEG) return node_binary(g, OP_SUB, b, a->in[0]);
  if (a == b && a->op == OP_MUL && is_const(a->in[1])) return twice(g, a);
  return a->op == OP_PAD && b->op == OP_PAD ? join_pads(g, a, b) : NULL;
}

// For sure a number everywhere: what the bounds say where a value is one is not enough.
static bool is_finite(const Node *n, int depth) {
  bool source = n->op == OP_CONST || n->op == OP_IOTA || n->op == OP_RANDOM,
       whole = n->op != OP_LOOP && n->op != OP_RESULT;
  if (!isfinite(n->lo) || !isfinite(n->hi) || !depth || !whole || (!source && !n->arity)) return false;
  if (n->op == OP_LESS || n->op == OP_EQUAL) return true;
  for (int i = 0; i < n->arity; i++)
    if (!is_finite(n->in[i], depth - 1)) return false;
  return true;
}

static Node *simplify_sub(Graph *g, Node *n) {
  Node *a = n->in[0], *b = n->in[1];
  if (a == b && is_finite(a, 6)) return node_const(g, 0, n->shape);
  if (node_is(b, 0)) return a;
  if (node_is(a, 0)) return node_unary(g, OP_NEG, b);
  if (node_is(a, 1) && b->op == OP_SIGMOID) return node_unary(g, OP_SIGMOID, node_unary(g, OP_NEG, b->in[0]));
  return b->op == OP_NEG ? node_binary(g, OP_ADD, a, b->in[0]) : NULL;
}

static Node *simplify_neg(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (a->op == OP_NEG) return a->in[0];
  if (a->op == OP_SUB) return node_binary(g, OP_SUB, a->in[1], a->in[0]);
  if (a->op != OP_MUL || !is_const(a->in[1])) return NULL;
  return node_binary(g, OP_MUL, a->in[0], node_const(g, -a->in[1]->attr.value, n->shape));
}

static Node *simplify_mul(Graph *g, Node *n) {
  order_inputs(n, true);
  Node *a = n->in[0], *b = n->in[1];
  if (node_is(b, 0)) return b;
  if (node_is(b, 1)) return a;
  if (node_is(b, -1)) return node_unary(g, OP_NEG, a);
  if (a->op != OP_NEG) return NULL;
  if (is_const(b)) return node_binary(g, OP_MUL, a->in[0], node_const(g, -b->attr.value, n->shape));
  return b->op == OP_NEG ? node_binary(g, OP_MUL, a->in[0], b->in[0]) : NULL;
}

static Node *simplify_div(Graph *g, Node *n) {
  Node *a = n->in[0], *b = n->in[1];
  if (node_is(a, 0)) return a;
  if (!is_const(b)) return NULL;
  int exponent;
  double value = b->attr.value;
  bool exact = fabs(frexp(value, &exponent)) == 0.5 && exponent > -120 && exponent < 120;  // a power of two
  return exact ? node_binary(g, OP_MUL, a, node_const(g, 1 / value, n->shape)) : NULL;
}

// Small powers by multiplication: exact for negative x too, and much cheaper.
static Node *simplify_pow(Graph *g, Node *n) {
  Node *a = n->in[0], *b = n->in[1];
  if (!is_const(b)) return NULL;
  double p = b->attr.value;
  if (p == 0) return node_const(g, 1, n->shape);
  if (p == 1) return a;
  if (p == 0.5) return node_unary(g, OP_SQRT, a);
  if (p == -0.5 || p == -1 || p == -2) {
    Node *positive = node_binary(g, OP_POW, a, node_const(g, -p, n->shape));
    return node_binary(g, OP_DIV, node_const(g, 1, n->shape), positive);
  }
  if (p != 2 && p != 3 && p != 4) return NULL;
  Node *square = node_binary(g, OP_MUL, a, a);
  return p == 2 ? square : node_binary(g, OP_MUL, square, p == 3 ? a : square);
}

static Node *simplify_extremum(Node *n) {
  order_inputs(n, false);
  Node *a = n->in[0], *b = n->in[1];
  Node *larger = n->op == OP_MAX ? a : b, *smaller = n->op == OP_MAX ? b : a;
  if (a == b || larger->lo >= smaller->hi) return a;
  return smaller->lo >= larger->hi ? b : NULL;
}

static Node *simplify_less(Graph *g, Node *n) {
  const Node *a = n->in[0], *b = n->in[1];
  if (a->hi < b->lo) return node_const(g, 1, n->shape);
  return a->lo >= b->hi ? node_const(g, 0, n->shape) : NULL;
}

// log(sigmoid(x)) = -softplus(-x) and log1p(-sigmoid(x)) = -softplus(x): exact where sigmoid(x) is nearly 0 or 1. Also
// where a constant stands instead of the sigmoid in some places, as guards put it there.
static Node *log_of_sigmoid(Graph *g, Op op, Node *a) {
  if (a->point) return NULL;
  if (a->op == OP_SELECT && is_const(a->in[1])) {
    Node *other = log_of_sigmoid(g, op, a->in[2]);
    return other ? node_select(g, a->in[0], node_unary(g, op, a->in[1]), other) : NULL;
  }
  const Node *s = op == OP_LOG ? a : a->op == OP_NEG ? a->in[0] : NULL;
  if (!s || s->op != OP_SIGMOID || s->point) return NULL;
  Node *x = op == OP_LOG ? node_unary(g, OP_NEG, s->in[0]) : s->in[0];
  return node_unary(g, OP_NEG, node_unary(g, OP_SOFTPLUS, x));
}

static Node *simplify_unary(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (n->op == OP_LOG && a->op == OP_EXP) return a->in[0];
  if (n->op == OP_LOG || n->op == OP_LOG1P) return log_of_sigmoid(g, n->op, a);
  if (n->op == OP_EXP && a->op == OP_LOG && a->in[0]->lo >= 0) return a->in[0];
  if (n->op != OP_ABS) return NULL;
  if (a->op == OP_NEG) return node_unary(g, OP_ABS, a->in[0]);
  if (a->lo >= 0) return a;
  return a->hi <= 0 ? node_unary(g, OP_NEG, a) : NULL;
}

static Node *simplify_select(Node *n) {
  Node *c = n->in[0];
  if (n->in[1] == n->in[2]) return n->in[1];
  if (is_const(c)) return n->in[c->attr.value != 0 ? 1 : 2];
  for (int i = 1; i <= 2; i++) {  // the same choice twice
    Node *in = n->in[i];
    if (in->op == OP_SELECT && in->in[0] == c) n->in[i] = in->in[i];
  }
  return n->in[1] == n->in[2] ? n->in[1] : NULL;
}

// ---- movement

static Node *simplify_reshape(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (shape_equal(a->shape, n->shape)) return a;
  if (is_const(a)) return node_const_like(g, a, n->shape);
  return a->op == OP_RESHAPE ? node_reshape(g, a->in[0], n->shape) : NULL;
}

bool permute_keeps_order(const Node *n) {
  int64_t last = -1;
  for (int i = 0; i < n->shape.rank; i++) {
    if (n->shape.dim[i] == 1) continue;
    if (n->attr.a[i] < last) return false;
    last = n->attr.a[i];
  }
  return true;
}

static Node *simplify_permute(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (is_const(a)) return node_const_like(g, a, n->shape);
  if (permute_keeps_order(n)) return node_reshape(g, a, n->shape);
  if (a->op != OP_PERMUTE) return NULL;
  int axis[MAX_RANK];
  for (int i = 0; i < n->shape.rank; i++) axis[i] = (int)a->attr.a[n->attr.a[i]];
  return node_permute(g, a->in[0], axis);
}

static Node *simplify_broadcast(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (shape_equal(a->shape, n->shape)) return a;
  if (is_const(a)) return node_const_like(g, a, n->shape);
  return a->op == OP_BROADCAST ? node_broadcast(g, a->in[0], n->shape) : NULL;
}

// The slice [from, from + shape) of a concat, when it lies within one of the joined tensors.
static Node *slice_of_concat(Graph *g, const Node *n) {
  const Node *a = n->in[0];
  int64_t axis = a->attr.a[0], at = 0, start[MAX_RANK];
  memcpy(start, n->attr.a, sizeof start);
  for (int i = 0; i < a->arity; at += a->in[i++]->shape.dim[axis]) {
    start[axis] = n->attr.a[axis] - at;
    if (start[axis] < 0) return NULL;
    if (start[axis] + n->shape.dim[axis] <= a->in[i]->shape.dim[axis]) return node_slice(g, a->in[i], start, n->shape);
  }
  return NULL;
}

static Node *simplify_slice(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (shape_equal(a->shape, n->shape)) return a;
  if (is_const(a)) return node_const_like(g, a, n->shape);
  if (a->op == OP_CONCAT) return slice_of_concat(g, n);
  if (a->op != OP_SLICE && a->op != OP_PAD) return NULL;
  int64_t start[MAX_RANK];
  for (int i = 0; i < n->shape.rank; i++) {
    start[i] = n->attr.a[i] + (a->op == OP_SLICE ? a->attr.a[i] : -a->attr.a[i]);
    if (start[i] < 0 || start[i] + n->shape.dim[i] > a->in[0]->shape.dim[i]) return NULL;
  }
  return node_slice(g, a->in[0], start, n->shape);
}

static Node *simplify_pad(Graph *g, Node *n) {
  Node *a = n->in[0];
  if (shape_equal(a->shape, n->shape)) return a;
  if (node_is(a, 0)) return node_const(g, 0, n->shape);
  if (a->op != OP_PAD) return NULL;
  Attr sum = n->attr;
  for (int i = 0; i < n->shape.rank; i++) {
    sum.a[i] += a->attr.a[i];
    sum.b[i] += a->attr.b[i];
  }
  return node_pad(g, a->in[0], sum.a, sum.b);
}

enum { LONG_CONCAT = 4096 };  // a tensor joined to itself again and again would have as many inputs as elements

static bool same_concat(const Node *n, const Node *in) { return in->op == OP_CONCAT && in->attr.a[0] == n->attr.a[0]; }

static Node *simplify_concat(Graph *g, Node *n) {
  int total = 0;
  bool alike = is_const(n->in[0]);
  for (int i = 0; i < n->arity; i++) {
    total += same_concat(n, n->in[i]) ? n->in[i]->arity : 1;
    alike = alike && node_is(n->in[i], n->in[0]->attr.value);
  }
  if (n->arity == 1) return n->in[0];
  if (alike) return node_const_like(g, n->in[0], n->shape);
  if (total == n->arity || total > LONG_CONCAT) return NULL;
  Node **flat = NEW_ARRAY(g->arena, Node *, total);
  int k = 0;
  for (int i = 0; i < n->arity; i++) {
    bool inner = same_concat(n, n->in[i]);
    for (int j = 0; inner && j < n->in[i]->arity; j++) flat[k++] = n->in[i]->in[j];
    if (!inner) flat[k++] = n->in[i];
  }
  return node_concat(g, (int)n->attr.a[0], total, flat);
}

// ---- reductions

// Reducing an axis along which a broadcast repeats its values: sum is a product, maximum nothing.
static Node *reduce_broadcast(Graph *g, Node *n) {
  Node *a = n->in[0];
  Shape narrow = a->shape;
  double times = 1;
  for (int i = 0; i < narrow.rank; i++) {
    if (!(n->attr.axes >> i & 1) || a->in[0]->shape.dim[i] != 1) continue;
    times *= (double)narrow.dim[i];
    narrow.dim[i] = 1;
  }
  if (shape_equal(narrow, a->shape)) return NULL;
  Node *once = node_reduce(g, n->op, node_broadcast(g, a->in[0], narrow), n->attr.axes);
  return n->op == OP_SUM ? node_binary(g, OP_MUL, once, node_const(g, times, n->shape)) : once;
}

static Node *simplify_reduce(Graph *g, Node *n) {
  Node *a = n->in[0];
  int64_t times = shape_count(a->shape) / shape_count(n->shape);
  if (is_const(a)) return node_const(g, a->attr.value * (n->op == OP_SUM ? (double)times : 1), n->shape);
  if (times == 1) return node_reshape(g, a, n->shape);
  return a->op == OP_BROADCAST ? reduce_broadcast(g, n) : NULL;
}

static Node *simplify_mark(Node *n) {
  Node *a = n->in[0];
  return is_const(a) || a->op == n->op ? a : NULL;
}

// What does not depend on the turns' work: a value that is carried unchanged, parts of an input stacked again, a
// constant.
static Node *simplify_result(Graph *g, const Node *n) {
  const Node *loop = n->in[0];
  const GraphLoop *l = loop->attr.loop;
  int k = n->attr.id;
  Node *value = k < l->inputs ? l->next[k] : l->each[k - l->inputs];
  if (is_const(value)) return node_const_like(g, value, n->shape);
  if (value->op != OP_INPUT) return NULL;
  int i = value->attr.id;
  bool same = k < l->inputs ? i == k || l->kind[i] == OPERAND_FIXED : l->kind[i] == OPERAND_SLICED;
  return same ? loop->in[i] : NULL;
}

// The first rows in their order are a part of the table.
static Node *simplify_gather(Graph *g, Node *n) {
  const Node *table = n->in[0], *index = n->in[1];
  if (is_const(table)) return node_const_like(g, table, n->shape);
  bool first = index->op == OP_IOTA && index->shape.rank == 1 && index->shape.dim[0] <= table->shape.dim[0];
  return first ? node_slice(g, n->in[0], (int64_t[MAX_RANK]){0}, n->shape) : NULL;
}

static Node *simplify_elementwise(Graph *g, Node *n) {
  switch (n->op) {
    case OP_NEG: return simplify_neg(g, n);
    case OP_ADD: return simplify_add(g, n);
    case OP_SUB: return simplify_sub(g, n);
    case OP_MUL: return simplify_mul(g, n);
    case OP_DIV: return simplify_div(g, n);
    case OP_POW: return simplify_pow(g, n);
    case OP_MAX:
    case OP_MIN: return simplify_extremum(n);
    case OP_LESS: return simplify_less(g, n);
    case OP_EQUAL: order_inputs(n, true); return NULL;
    case OP_SELECT: return simplify_select(n);
    default: return n->arity == 1 ? simplify_unary(g, n) : NULL;
  }
}

Node *graph_simplify(Graph *g, Node *n) {
  Node *folded = op_class(n->op) == ELEMENTWISE ? fold_constants(g, n) : NULL;
  if (folded) return folded;
  for (int i = 0; i < n->arity; i++)
    if (n->in[i]->point) return NULL;
  switch (n->op) {
    case OP_IOTA: return n->shape.dim[n->attr.a[0]] == 1 ? node_const(g, 0, n->shape) : NULL;
    case OP_RESHAPE: return simplify_reshape(g, n);
    case OP_PERMUTE: return simplify_permute(g, n);
    case OP_BROADCAST: return simplify_broadcast(g, n);
    case OP_SLICE: return simplify_slice(g, n);
    case OP_PAD: return simplify_pad(g, n);
    case OP_CONCAT: return simplify_concat(g, n);
    case OP_GATHER: return simplify_gather(g, n);
    case OP_SCATTER: return node_is(n->in[0], 0) ? node_const(g, 0, n->shape) : NULL;
    case OP_SUM:
    case OP_MAXIMUM: return simplify_reduce(g, n);
    case OP_CUMSUM: return node_is(n->in[0], 0) || n->shape.dim[n->attr.a[0]] == 1 ? n->in[0] : NULL;
    case OP_STOP:
    case OP_DISCRETE: return simplify_mark(n);
    case OP_RESULT: return simplify_result(g, n);
    default: return op_class(n->op) == ELEMENTWISE ? simplify_elementwise(g, n) : NULL;
  }
}
