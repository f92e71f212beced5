// Reverse-mode differentiation, graph to graph: one rule for each entry of the gradient column of ops.def.
//
// A rule gives one input's share of the adjoint: the gradient with respect to input i of the sum over the elements of
// adjoint * node, in operations of the table only, so that gradients can be differentiated again.
// Invariant: adjoints are added in descending order of their users, whatever the order of wrt; nothing is built for
// nodes that lead to no wrt. In a call at most one argument builds nodes: the order of two would be the C compiler's
// choice, and with it the text of the graph.
#include "graph/graph_rules.h"
#include "graph/names.h"

#include <math.h>

// Adjoint of in[i] of node n whose own adjoint is d, or NULL for zero.
typedef Node *GradientRule(Graph *g, Node *n, Node *d, int i);

static Node *constant(Graph *g, double value, const Node *like) { return node_const(g, value, like->shape); }
static Node *add(Graph *g, Node *a, Node *b) { return node_binary(g, OP_ADD, a, b); }
static Node *sub(Graph *g, Node *a, Node *b) { return node_binary(g, OP_SUB, a, b); }
static Node *mul(Graph *g, Node *a, Node *b) { return node_binary(g, OP_MUL, a, b); }
static Node *divide(Graph *g, Node *a, Node *b) { return node_binary(g, OP_DIV, a, b); }
static Node *less(Graph *g, Node *a, Node *b) { return node_binary(g, OP_LESS, a, b); }
static Node *scaled(Graph *g, Node *a, double by) { return mul(g, a, constant(g, by, a)); }

static Node *gradient_none(Graph *g, Node *n, Node *d, int i) {
  (void)g, (void)n, (void)d, (void)i;
  return NULL;
}

// ---- elementwise, one input: out = n, a = in[0]

static Node *gradient_neg(Graph *g, Node *n, Node *d, int i) {
  (void)n, (void)i;
  return node_unary(g, OP_NEG, d);
}

static Node *gradient_abs(Graph *g, Node *n, Node *d, int i) { return mul(g, d, node_unary(g, OP_SIGN, n->in[i])); }

static Node *gradient_exp(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return mul(g, d, n);
}

static Node *gradient_log(Graph *g, Node *n, Node *d, int i) { return divide(g, d, n->in[i]); }

static Node *gradient_log1p(Graph *g, Node *n, Node *d, int i) {
  return divide(g, d, add(g, n->in[i], constant(g, 1, n)));
}

static Node *gradient_expm1(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return mul(g, d, add(g, n, constant(g, 1, n)));
}

static Node *gradient_sqrt(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return divide(g, scaled(g, d, 0.5), n);
}

static Node *gradient_sin(Graph *g, Node *n, Node *d, int i) { return mul(g, d, node_unary(g, OP_COS, n->in[i])); }

static Node *gradient_cos(Graph *g, Node *n, Node *d, int i) {
  return node_unary(g, OP_NEG, mul(g, d, node_unary(g, OP_SIN, n->in[i])));
}

static Node *gradient_tanh(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  Node *square = mul(g, n, n);
  return mul(g, d, sub(g, constant(g, 1, n), square));
}

// 2 / sqrt(pi) * exp(-a^2)
static Node *gradient_erf(Graph *g, Node *n, Node *d, int i) {
  Node *a = n->in[i];
  Node *bell = node_unary(g, OP_EXP, node_unary(g, OP_NEG, mul(g, a, a)));
  return mul(g, d, scaled(g, bell, M_2_SQRTPI));
}

// sqrt(pi) / 2 * exp(out^2)
static Node *gradient_erfinv(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return mul(g, d, scaled(g, node_unary(g, OP_EXP, mul(g, n, n)), 1 / M_2_SQRTPI));
}

// sqrt(2 pi) * exp(out^2 / 2)
static Node *gradient_normal_quantile(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  Node *curve = node_unary(g, OP_EXP, scaled(g, mul(g, n, n), 0.5));
  return mul(g, d, scaled(g, curve, 2 * M_SQRT2 / M_2_SQRTPI));
}

static Node *gradient_atan(Graph *g, Node *n, Node *d, int i) {
  Node *a = n->in[i], *square = mul(g, a, a);
  return divide(g, d, add(g, square, constant(g, 1, n)));
}

// The product of two sigmoids rather than s (1 - s), which is 0 where s is nearly 1.
static Node *sigmoid_slope(Graph *g, Node *a) {
  Node *s = node_unary(g, OP_SIGMOID, a);
  return mul(g, s, node_unary(g, OP_SIGMOID, node_unary(g, OP_NEG, a)));
}

static Node *gradient_sigmoid(Graph *g, Node *n, Node *d, int i) { return mul(g, d, sigmoid_slope(g, n->in[i])); }

static Node *gradient_softplus(Graph *g, Node *n, Node *d, int i) {
  return mul(g, d, node_unary(g, OP_SIGMOID, n->in[i]));
}

// exp(-a^2 / 2) / sqrt(2 pi)
static Node *gradient_normal_cdf(Graph *g, Node *n, Node *d, int i) {
  Node *a = n->in[i], *bell = node_unary(g, OP_EXP, scaled(g, mul(g, a, a), -0.5));
  return mul(g, d, scaled(g, bell, M_2_SQRTPI * M_SQRT1_2 / 2));
}

static Node *gradient_expm1mx(Graph *g, Node *n, Node *d, int i) {
  return mul(g, d, node_unary(g, OP_EXPM1, n->in[i]));
}

static Node *gradient_lgamma(Graph *g, Node *n, Node *d, int i) {
  return mul(g, d, node_unary(g, OP_DIGAMMA, n->in[i]));
}

static Node *gradient_digamma(Graph *g, Node *n, Node *d, int i) {
  return mul(g, d, node_unary(g, OP_TRIGAMMA, n->in[i]));
}

static Node *gradient_missing(Graph *g, Node *n, Node *d, int i) {
  (void)d, (void)i;
  fail(g->arena, EXIT_DATA, "this model needs the derivative of %s (the third one of lgamma), which gmc does not have",
       op_name(n->op));
}

// ---- elementwise, more inputs

static Node *gradient_add(Graph *g, Node *n, Node *d, int i) {
  (void)g, (void)n, (void)i;
  return d;
}

static Node *gradient_sub(Graph *g, Node *n, Node *d, int i) {
  (void)n;
  return i == 0 ? d : node_unary(g, OP_NEG, d);
}

static Node *gradient_mul(Graph *g, Node *n, Node *d, int i) { return mul(g, d, n->in[1 - i]); }

// a / b: d / b, and -(d / b) * (a / b)
static Node *gradient_div(Graph *g, Node *n, Node *d, int i) {
  Node *share = divide(g, d, n->in[1]);
  return i == 0 ? share : node_unary(g, OP_NEG, mul(g, share, n));
}

// a^b: b * a^(b-1), and a^b * log(a); the latter is taken as 0 where a is not positive, and never computes log(0).
static Node *gradient_pow(Graph *g, Node *n, Node *d, int i) {
  Node *a = n->in[0], *b = n->in[1];
  if (i == 0) return mul(g, d, mul(g, b, node_binary(g, OP_POW, a, sub(g, b, constant(g, 1, n)))));
  Node *zero = constant(g, 0, n), *positive = less(g, zero, a);
  Node *log_a = node_unary(g, OP_LOG, node_select(g, positive, a, constant(g, 1, n)));
  return node_select(g, positive, mul(g, d, mul(g, n, log_a)), zero);
}

// a - b k: 1, and -k for the whole number k = floor(a / b), which is (a - out) / b but for roundings.
static Node *gradient_mod(Graph *g, Node *n, Node *d, int i) {
  if (i == 0) return d;
  Node *ratio = divide(g, sub(g, n->in[0], n), n->in[1]);
  Node *k = node_unary(g, OP_FLOOR, add(g, ratio, constant(g, 0.5, n)));
  return node_unary(g, OP_NEG, mul(g, d, k));
}

// a log(a / b) - a + b: log(a / b), and (b - a) / b
static Node *gradient_kl_div(Graph *g, Node *n, Node *d, int i) {
  Node *a = n->in[0], *b = n->in[1];
  Node *slope = i == 0 ? node_unary(g, OP_LOG, divide(g, a, b)) : divide(g, sub(g, b, a), b);
  return mul(g, d, slope);
}

// a b - softplus(b): b, and a - sigmoid(b)
static Node *gradient_log_bernoulli(Graph *g, Node *n, Node *d, int i) {
  return mul(g, d, i == 0 ? n->in[1] : node_binary(g, OP_RESIDUAL, n->in[0], n->in[1]));
}

static Node *gradient_residual(Graph *g, Node *n, Node *d, int i) {
  return i == 0 ? d : node_unary(g, OP_NEG, mul(g, d, sigmoid_slope(g, n->in[1])));
}

// Where the inputs are equal each takes half, so that the derivative at a kink is the mean of those beside it: 1/2 for
// max(x, 0) at 0, as 0 for abs.
static Node *extremum_share(Graph *g, Node *n, Node *d, Node *lower, Node *higher) {
  Node *tie = node_binary(g, OP_EQUAL, n->in[0], n->in[1]);
  return node_select(g, less(g, lower, higher), constant(g, 0, n), node_select(g, tie, scaled(g, d, 0.5), d));
}

static Node *gradient_max(Graph *g, Node *n, Node *d, int i) { return extremum_share(g, n, d, n->in[i], n->in[1 - i]); }

static Node *gradient_min(Graph *g, Node *n, Node *d, int i) { return extremum_share(g, n, d, n->in[1 - i], n->in[i]); }

static Node *gradient_select(Graph *g, Node *n, Node *d, int i) {
  Node *c = n->in[0], *zero = constant(g, 0, n);
  return i == 1 ? node_select(g, c, d, zero) : node_select(g, c, zero, d);
}

// ---- movement

static Node *gradient_reshape(Graph *g, Node *n, Node *d, int i) { return node_reshape(g, d, n->in[i]->shape); }

static Node *gradient_permute(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  int axis[MAX_RANK] = {0};
  for (int k = 0; k < n->shape.rank; k++) axis[n->attr.a[k]] = k;
  return node_permute(g, d, axis);
}

static Node *gradient_broadcast(Graph *g, Node *n, Node *d, int i) {
  const Shape *in = &n->in[i]->shape;
  uint32_t repeated = 0;
  for (int k = 0; k < in->rank; k++) {
    if (in->dim[k] != n->shape.dim[k]) repeated |= 1u << k;
  }
  return node_reshape(g, node_reduce(g, OP_SUM, d, repeated), *in);
}

static Node *gradient_slice(Graph *g, Node *n, Node *d, int i) {
  int64_t after[MAX_RANK];
  for (int k = 0; k < n->shape.rank; k++) after[k] = n->in[i]->shape.dim[k] - n->shape.dim[k] - n->attr.a[k];
  return node_pad(g, d, n->attr.a, after);
}

static Node *gradient_pad(Graph *g, Node *n, Node *d, int i) { return node_slice(g, d, n->attr.a, n->in[i]->shape); }

static Node *gradient_concat(Graph *g, Node *n, Node *d, int i) {
  int64_t start[MAX_RANK] = {0}, axis = n->attr.a[0];
  for (int k = 0; k < i; k++) start[axis] += n->in[k]->shape.dim[axis];
  return node_slice(g, d, start, n->in[i]->shape);
}

static Node *gradient_gather(Graph *g, Node *n, Node *d, int i) {
  return node_scatter(g, d, n->in[1], n->in[i]->shape.dim[0]);
}

static Node *gradient_scatter(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return node_gather(g, d, n->in[1]);
}

// ---- reductions: a value of the reduced tensor, at every place it came from
static Node *spread(Graph *g, const Node *n, Node *reduced) {
  Shape in = n->in[0]->shape;
  return node_broadcast(g, node_reshape(g, reduced, shape_with_ones(in, n->attr.axes)), in);
}

static Node *gradient_sum(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return spread(g, n, d);
}

// Shared equally by the places that reach the maximum.
static Node *gradient_maximum(Graph *g, Node *n, Node *d, int i) {
  Node *reached = node_binary(g, OP_EQUAL, n->in[i], spread(g, n, n));
  Node *ties = node_reduce(g, OP_SUM, reached, n->attr.axes);
  return mul(g, spread(g, n, divide(g, d, ties)), reached);
}

static Node *gradient_cumsum(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  return node_cumsum(g, d, (int)n->attr.a[0], !n->attr.flag);
}

// ---- contractions

// C = A' B' where ' is the node's own transposition: dA' = dC B'^T and dB' = A'^T dC.
// The adjoint of a transposed input is the transpose of that, which is written by the flags.
static Node *gradient_matmul(Graph *g, Node *n, Node *d, int i) {
  Node *a = n->in[0], *b = n->in[1];
  bool ta = n->attr.flag & 1, tb = n->attr.flag & 2;
  if (i == 0) return ta ? node_matmul(g, b, d, tb, true) : node_matmul(g, d, b, false, !tb);
  return tb ? node_matmul(g, d, a, true, ta) : node_matmul(g, a, d, !ta, false);
}

static Node *transposed(Graph *g, Node *a) {
  int axis[MAX_RANK], rank = a->shape.rank;
  for (int i = 0; i < rank; i++) axis[i] = i;
  axis[rank - 2] = rank - 1;
  axis[rank - 1] = rank - 2;
  return node_permute(g, a, axis);
}

// The lower triangle of square matrices, its diagonal times `diagonal`.
static Node *lower(Graph *g, Node *a, double diagonal) {
  int rank = a->shape.rank;
  int64_t n = a->shape.dim[rank - 1], dim[] = {1, n, n};
  Shape square = shape_of(2, dim + 1);
  Node *row = node_iota(g, 0, square), *column = node_iota(g, 1, square);
  Node *below = less(g, column, row), *on = node_binary(g, OP_EQUAL, column, row);
  Node *part = node_reshape(g, add(g, below, scaled(g, on, diagonal)), shape_of(rank, dim + 3 - rank));
  return mul(g, a, node_broadcast(g, part, a->shape));
}

// With S = L^-T lower(L' dL) L^-1, diagonals halved, the adjoint of a symmetric matrix is (S + S') / 2; here all of it
// falls to the lower triangle, which is what is read (Murray, Differentiation of the Cholesky decomposition, 2016).
static Node *gradient_cholesky(Graph *g, Node *n, Node *d, int i) {
  (void)i;
  Node *middle = lower(g, node_matmul(g, n, d, true, false), 0.5);
  Node *left = node_solve(g, n, middle, true);
  Node *s = node_solve(g, n, transposed(g, left), true);
  return lower(g, add(g, s, transposed(g, s)), 0.5);
}

// X = L'^-1 B, where ' is the node's own transposition: dB = (L'^T)^-1 dX, and dL' = -dB X^T in the lower triangle.
static Node *gradient_solve(Graph *g, Node *n, Node *d, int i) {
  bool turned = n->attr.flag & 1;
  Node *share = node_solve(g, n->in[0], d, !turned);
  if (i == 1) return share;
  Node *product = turned ? node_matmul(g, n, share, false, true) : node_matmul(g, share, n, false, true);
  return node_unary(g, OP_NEG, lower(g, product, 1));
}

// The three are the partial derivatives of one sum, of y * d by d, by x and by w, which is linear in each of them.
static Node *gradient_conv(Graph *g, Node *n, Node *d, int i) {
  if (i == 0) return node_conv_input(g, d, n->in[1], &n->attr, n->in[0]->shape);
  return node_conv_weight(g, n->in[0], d, &n->attr, n->in[1]->shape);
}

static Node *gradient_conv_input(Graph *g, Node *n, Node *x, int i) {
  if (i == 0) return node_conv(g, x, n->in[1], &n->attr);
  return node_conv_weight(g, x, n->in[0], &n->attr, n->in[1]->shape);
}

static Node *gradient_conv_weight(Graph *g, Node *n, Node *w, int i) {
  if (i == 0) return node_conv_input(g, n->in[1], w, &n->attr, n->in[0]->shape);
  return node_conv(g, n->in[0], w, &n->attr);
}

// The loop itself passes the adjoints of all its results on (pass_loop).
static Node *gradient_result(Graph *g, Node *n, Node *d, int i) { return gradient_none(g, n, d, i); }

// No gradient flows; graph_gradient tells the caller when one should have.
static Node *gradient_discrete(Graph *g, Node *n, Node *d, int i) { return gradient_none(g, n, d, i); }

static GradientRule *const gradient_rule[] = {
#define OP(ID, name, arity, class, expression, shape, gradient, range) gradient_##gradient,
#include "core/ops.def"
};

bool graph_carries(const Node *n, int i) {
  if (n->op == OP_LOOP) return true;
  if (gradient_rule[n->op] == gradient_none) return false;
  if (n->op == OP_SELECT) return i != 0;
  return n->op != OP_GATHER && n->op != OP_SCATTER ? true : i == 0;
}

// How a node depends on the wrt by differentiable paths: freely, or through a discrete draw.
enum { FREELY = 1, DISCRETELY = 2 };

static void mark_paths(const Graph *g, int last, int n, Node *const *wrt, uint8_t *path) {
  for (int i = 0; i < n; i++) {
    if (wrt[i]->id <= last) path[wrt[i]->id] = FREELY;
  }
  for (int id = 0; id <= last; id++) {
    const Node *node = g->node[id];
    for (int i = 0; i < node->arity; i++) {
      uint8_t in = graph_carries(node, i) ? path[node->in[i]->id] : 0;
      path[id] |= node->op == OP_DISCRETE && in ? DISCRETELY : in;
    }
  }
}

// The first discrete draw between y and the wrt, or NULL.
static Node *find_blocked(const Graph *g, int last, const uint8_t *path, bool *reached) {
  Node *first = NULL;
  reached[last] = true;
  for (int id = last; id >= 0; id--) {
    Node *node = g->node[id];
    if (!reached[id] || !path[id]) continue;
    for (int i = 0; i < node->arity; i++) {
      if (!graph_carries(node, i) || !path[node->in[i]->id]) continue;
      reached[node->in[i]->id] = true;
      if (node->op == OP_DISCRETE) first = node;
    }
  }
  return first;
}

static void add_share(Graph *g, Node **adjoint, const Node *to, Node *share) {
  Node **at = &adjoint[to->id];
  if (share) *at = *at ? add(g, *at, share) : share;
}

static void pass_adjoint(Graph *g, Node *n, Node **adjoint, const uint8_t *path) {
  for (int i = 0; i < n->arity; i++) {
    if (!graph_carries(n, i) || !(path[n->in[i]->id] & FREELY)) continue;
    add_share(g, adjoint, n->in[i], gradient_rule[n->op](g, n, adjoint[n->id], i));
  }
}

// A loop, all of whose results (up to node `last`) have their adjoints.
static void pass_loop(Graph *g, Node *n, int last, Node **adjoint, const uint8_t *path, Node **blocked) {
  const GraphLoop *l = n->attr.loop;
  int results = l->inputs + l->stacked;
  Arena *scratch = arena_open(g->arena);
  Node **of = NEW_ARRAY(scratch, Node *, results + 1), **share = NEW_ARRAY(scratch, Node *, n->arity + 1);
  bool *wanted = NEW_ARRAY(scratch, bool, n->arity + 1), any = false;
  for (int id = n->id + 1; id <= last; id++) {
    const Node *r = g->node[id];
    if (r->op != OP_RESULT || r->in[0] != n || !adjoint[id]) continue;
    of[r->attr.id] = adjoint[id];
    any = true;
  }
  for (int i = 0; i < n->arity; i++) wanted[i] = path[n->in[i]->id] & FREELY;
  if (any) gradient_loop(g, n, of, wanted, share, blocked);
  for (int i = 0; any && i < n->arity; i++) add_share(g, adjoint, n->in[i], share[i]);
  arena_close(scratch);
}

void graph_gradient(Graph *g, Node *y, int n, Node *const *wrt, Node **into, Node **blocked) {
  Arena *scratch = arena_open(g->arena);
  uint8_t *path = NEW_ARRAY(scratch, uint8_t, y->id + 1);
  Node **adjoint = NEW_ARRAY(scratch, Node *, y->id + 1);
  mark_paths(g, y->id, n, wrt, path);
  if (blocked) *blocked = find_blocked(g, y->id, path, NEW_ARRAY(scratch, bool, y->id + 1));
  if (path[y->id] & FREELY) adjoint[y->id] = constant(g, 1, y);
  Span span = g->span;
  const NameScope *names = g->scope;
  int first = g->count;
  for (int id = y->id; id >= 0; id--) {
    node_made_for(g, g->node[id]);  // a gradient belongs to the line whose gradient it is
    if (adjoint[id] && adjoint[id]->id >= first) node_name_gradient(g, adjoint[id], g->node[id]);
    if (g->node[id]->op == OP_LOOP && path[id] & FREELY) pass_loop(g, g->node[id], y->id, adjoint, path, blocked);
    if (adjoint[id]) pass_adjoint(g, g->node[id], adjoint, path);
  }
  g->span = span;
  g->scope = names;
  g->said = NULL;
  for (int i = 0; i < n; i++) into[i] = wrt[i]->id <= y->id ? adjoint[wrt[i]->id] : NULL;
  arena_close(scratch);
}
