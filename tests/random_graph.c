// Grows a graph by picking operations and inputs at random, coercing the inputs to shapes that fit.
//
// Invariant: every value in the pool is within +-BOUND (tamed by tanh where its bounds do not say so); a value marked
// exact is the same in single and double precision, and only such values are compared, rounded down or used as indices.
#include "random_graph.h"
#include "graph/graph_rules.h"

#include <math.h>

#include "random_bits.h"

enum { POOL = 64, CLASSES = 5, MOST_ELEMENTS = 400 };
static const double BOUND = 3;

typedef struct {
  Graph *g;
  uint64_t state;
  int64_t batch;
  Node *pool[POOL];
  bool exact[POOL];
  int pools;
} Maker;

// A call has at most one argument that draws or builds: the order of two would be the C compiler's choice.
static int64_t below(Maker *m, int64_t n) { return (int64_t)(random_bits(&m->state) % (uint64_t)n); }

static Node *number(Maker *m, double value, const Node *like) { return node_const(m->g, value, like->shape); }
static Node *unary(Maker *m, Op op, Node *a) { return node_unary(m->g, op, a); }
static Node *binary(Maker *m, Op op, Node *a, Node *b) { return node_binary(m->g, op, a, b); }

// ---- inputs that fit

static Node *tame(Maker *m, Node *n) { return n->lo >= -BOUND && n->hi <= BOUND ? n : unary(m, OP_TANH, n); }

static void keep(Maker *m, Node *n, bool exact) {
  if (shape_count(n->shape) > MOST_ELEMENTS) return;
  int at = m->pools < POOL ? m->pools++ : (int)below(m, POOL);
  m->pool[at] = exact ? n : tame(m, n);
  m->exact[at] = exact;
}

static Node *pick(Maker *m, bool *exact) {
  int at = (int)below(m, m->pools);
  if (exact) *exact = m->exact[at];
  return m->pool[at];
}

static Node *pick_exact(Maker *m) {
  bool exact;
  for (;;) {
    Node *n = pick(m, &exact);
    if (exact) return n;
  }
}

static Node *pick_ranked(Maker *m, bool *exact) {
  for (;;) {
    Node *n = pick(m, exact);
    if (n->shape.rank > 0) return n;
  }
}

// n with another shape of the same rank: axes of size 1 repeated, others cut or padded.
static Node *fit_axes(Maker *m, Node *n, Shape to) {
  int64_t zero[MAX_RANK] = {0}, after[MAX_RANK];
  Shape cut = to;
  for (int i = 0; i < to.rank; i++) cut.dim[i] = n->shape.dim[i] < to.dim[i] ? n->shape.dim[i] : to.dim[i];
  n = node_slice(m->g, n, zero, cut);
  for (int i = 0; i < to.rank; i++) {
    after[i] = cut.dim[i] == 1 ? 0 : to.dim[i] - cut.dim[i];
  }
  n = node_pad(m->g, n, zero, after);
  return node_broadcast(m->g, n, to);
}

static Shape with_rank(Shape s, int rank) {
  while (s.rank > rank) {
    s.dim[s.rank - 2] *= s.dim[s.rank - 1];
    s.dim[--s.rank] = 0;
  }
  while (s.rank < rank) s.dim[s.rank++] = 1;
  return s;
}

// n made to have the shape `to`; exact values stay exact.
static Node *fit(Maker *m, Node *n, Shape to) {
  if (to.rank == 0 && n->shape.rank > 0) {
    int64_t zero[MAX_RANK] = {0};
    n = node_slice(m->g, n, zero, shape_of(n->shape.rank, (int64_t[]){1, 1, 1, 1, 1, 1}));
    return node_reshape(m->g, n, to);
  }
  return fit_axes(m, node_reshape(m->g, n, with_rank(n->shape, to.rank)), to);
}

// ---- operations

// |n| + least: positive, for operations with a domain
static Node *positive(Maker *m, Node *n, double least) {
  Node *size = unary(m, OP_ABS, n);
  return binary(m, OP_ADD, size, number(m, least, n));
}

static void grow_unary(Maker *m, Op op) {
  Node *n = pick(m, NULL);
  switch (op) {
    case OP_SIGN:
    case OP_FLOOR: {
      Node *e = pick_exact(m);
      double scale = e->lo >= -BOUND && e->hi <= BOUND ? 4 : 0.25;
      keep(m, unary(m, op, binary(m, OP_MUL, e, number(m, scale, e))), true);
      return;
    }
    case OP_DIGAMMA:  // their gradients go further than the set of operations
    case OP_TRIGAMMA: keep(m, unary(m, op, unary(m, OP_STOP, positive(m, n, 0.5))), false); return;
    case OP_LOG:
    case OP_LOG1P:
    case OP_SQRT:
    case OP_LGAMMA: keep(m, unary(m, op, positive(m, n, 0.5)), false); return;
    case OP_NORMAL_QUANTILE: keep(m, unary(m, op, unary(m, OP_NORMAL_CDF, unary(m, OP_TANH, n))), false); return;
    case OP_ERFINV: keep(m, unary(m, op, binary(m, OP_MUL, number(m, 0.9, n), unary(m, OP_TANH, n))), false); return;
    default: keep(m, unary(m, op, tame(m, n)), false);
  }
}

static void grow_binary(Maker *m, Op op) {
  Node *a = pick(m, NULL), *b = fit(m, pick(m, NULL), a->shape);
  if (op == OP_LESS || op == OP_EQUAL) {
    a = pick_exact(m), b = fit(m, pick_exact(m), a->shape);
    keep(m, binary(m, op, a, b), true);
  } else if (op == OP_MOD) {
    a = pick_exact(m);
    keep(m, binary(m, op, a, number(m, 1.5, a)), true);
  } else if (op == OP_POW) {
    a = positive(m, tame(m, a), 0.5);
    keep(m, binary(m, op, a, tame(m, b)), false);
  } else if (op == OP_KL_DIV) {
    keep(m, binary(m, op, positive(m, a, 0.5), positive(m, b, 0.5)), false);
  } else if (op == OP_LOG_BERNOULLI) {
    keep(m, binary(m, op, unary(m, OP_SIGMOID, a), tame(m, b)), false);
  } else if (op == OP_DIV) {
    keep(m, binary(m, op, a, positive(m, b, 0.5)), false);
  } else {
    keep(m, binary(m, op, a, below(m, 4) ? b : number(m, 0.5, a)), false);
  }
}

static void grow_select(Maker *m) {
  Node *a = pick(m, NULL), *b = fit(m, pick(m, NULL), a->shape);
  Node *c = fit(m, pick_exact(m), a->shape);
  keep(m, node_select(m->g, binary(m, OP_LESS, number(m, 0.3, c), c), a, b), false);
}

static void grow_reshape(Maker *m, Node *n, bool exact) {
  keep(m, node_reshape(m->g, n, with_rank(n->shape, (int)(1 + below(m, 4)))), exact);
}

static void grow_permute(Maker *m, Node *n, bool exact) {
  int axis[MAX_RANK] = {0, 1, 2, 3, 4, 5};
  for (int i = n->shape.rank - 1; i > 0; i--) {
    int k = (int)below(m, i + 1), swap = axis[i];
    axis[i] = axis[k];
    axis[k] = swap;
  }
  keep(m, node_permute(m->g, n, axis), exact);
}

static void grow_broadcast(Maker *m, Node *n, bool exact) {
  Shape to = n->shape;
  for (int i = 0; i < to.rank; i++) {
    if (to.dim[i] == 1) to.dim[i] = 1 + below(m, 4);
  }
  keep(m, node_broadcast(m->g, n, to), exact);
}

static void grow_slice_or_pad(Maker *m, Op op, Node *n, bool exact) {
  int64_t before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
  Shape to = n->shape;
  for (int i = 0; i < to.rank; i++) {
    before[i] = below(m, op == OP_PAD ? 3 : to.dim[i]);
    after[i] = below(m, op == OP_PAD ? 3 : to.dim[i] - before[i]);
    to.dim[i] -= before[i] + after[i];
  }
  keep(m, op == OP_PAD ? node_pad(m->g, n, before, after) : node_slice(m->g, n, before, to), exact);
}

static void grow_concat(Maker *m, Node *n, bool exact) {
  bool other_exact;
  Node *other = fit(m, pick(m, &other_exact), n->shape);
  Node *in[3] = {n, other, n};
  int axis = (int)below(m, n->shape.rank);
  keep(m, node_concat(m->g, axis, (int)(2 + below(m, 2)), in), exact && other_exact);
}

// Some fall outside the table.
static Node *index_of(Maker *m, int64_t length) {
  Node *e = fit(m, pick_exact(m), shape_of(1, &length));
  return binary(m, OP_MUL, e, number(m, 4, e));
}

static void grow_movement(Maker *m, Op op) {
  bool exact;
  Node *n = pick_ranked(m, &exact);
  switch (op) {
    case OP_RESHAPE: grow_reshape(m, n, exact); break;
    case OP_PERMUTE: grow_permute(m, n, exact); break;
    case OP_BROADCAST: grow_broadcast(m, n, exact); break;
    case OP_SLICE:
    case OP_PAD: grow_slice_or_pad(m, op, n, exact); break;
    case OP_CONCAT: grow_concat(m, n, exact); break;
    case OP_GATHER: keep(m, node_gather(m->g, n, index_of(m, 1 + below(m, 6))), exact); break;
    default: {
      Node *index = index_of(m, n->shape.dim[0]);
      keep(m, node_scatter(m->g, n, index, 1 + below(m, 6)), false);
    }
  }
}

static void grow_reduction(Maker *m, Op op) {
  bool exact;
  Node *n = pick_ranked(m, &exact);
  uint32_t axes = (uint32_t)below(m, (1 << n->shape.rank) - 1) + 1;
  if (op == OP_CUMSUM) {
    int axis = (int)below(m, n->shape.rank);
    keep(m, node_cumsum(m->g, n, axis, below(m, 2)), false);
  } else if (op == OP_MAXIMUM) {
    keep(m, node_reduce(m->g, op, n, axes), exact);
  } else {
    Node *sum = node_reduce(m->g, op, n, axes);
    double count = (double)(shape_count(n->shape) / shape_count(sum->shape));
    keep(m, binary(m, OP_DIV, sum, number(m, sqrt(count), sum)), false);
  }
}

static void grow_matmul(Maker *m) {
  Node *a = pick(m, NULL);
  int rank = (int)(2 + below(m, 2));
  a = node_reshape(m->g, a, with_rank(a->shape, rank));
  bool ta = below(m, 2), tb = below(m, 2);
  int64_t inner = a->shape.dim[rank - (ta ? 2 : 1)], columns = 1 + below(m, 6);
  Shape s = a->shape;
  s.dim[rank - 2] = tb ? columns : inner;
  s.dim[rank - 1] = tb ? inner : columns;
  keep(m, node_matmul(m->g, a, fit(m, pick(m, NULL), s), ta, tb), false);
}

// The factor of a a' + 1, or a system with it.
static void grow_triangle(Maker *m, Op op) {
  int64_t n = 1 + below(m, 5);
  Shape square = shape_of(2, (int64_t[]){n, n});
  Node *a = fit(m, pick(m, NULL), square), *row = node_iota(m->g, 0, square);
  Node *one = binary(m, OP_EQUAL, row, node_iota(m->g, 1, square));
  Node *l = unary(m, OP_CHOLESKY, binary(m, OP_ADD, node_matmul(m->g, a, a, false, true), one));
  Shape right = shape_of(2, (int64_t[]){n, 1 + below(m, 6)});
  keep(m, op == OP_CHOLESKY ? l : node_solve(m->g, l, fit(m, pick(m, NULL), right), below(m, 2)), false);
}

// A convolution or one of its adjoints, of whatever shapes fit.
static void grow_conv(Maker *m, Op op) {
  int64_t groups = 1 + below(m, 2);
  Shape x = shape_of(4, (int64_t[]){1 + below(m, 3), 1 + below(m, 6), 1 + below(m, 8), groups * (1 + below(m, 3))});
  Shape w = shape_of(4, (int64_t[]){1 + below(m, 3), 1 + below(m, 4), x.dim[3] / groups, groups * (1 + below(m, 3))});
  Attr attr = {.a = {0, 0, 0, 0, groups}};
  for (int i = 0; i < 4; i++) attr.a[i] = 1 + below(m, 3), attr.b[i] = below(m, 3);
  if (below(m, 3) == 0) x.dim[0] = m->batch;
  if (below(m, 2)) attr.a[5] = below(m, (1 << w.dim[0] * w.dim[1]) - 1);
  Shape y = x;
  for (int i = 0; i < 2; i++) {
    const int64_t *zeros = attr.b + 2 * i;
    y.dim[i + 1] = conv_places(x.dim[i + 1], w.dim[i], attr.a[i], attr.a[i + 2], zeros[0], zeros[1]);
    if (y.dim[i + 1] == 0) return;
  }
  y.dim[3] = w.dim[3];
  Node *a = fit(m, pick(m, NULL), op == OP_CONV_INPUT ? y : x),
       *b = fit(m, pick(m, NULL), op == OP_CONV_WEIGHT ? y : w);
  if (op == OP_CONV) keep(m, node_conv(m->g, a, b, &attr), false);
  if (op == OP_CONV_INPUT) keep(m, node_conv_input(m->g, a, b, &attr, x), false);
  if (op == OP_CONV_WEIGHT) keep(m, node_conv_weight(m->g, a, b, &attr, w), false);
}

static void grow_source(Maker *m, Op op) {
  Shape s = shape_of(2, (int64_t[]){m->batch, 1 + below(m, 5)});
  switch (op) {
    case OP_CONST: keep(m, node_const(m->g, 0.25 * (double)below(m, 8), s), true); break;
    case OP_WEIGHT: keep(m, node_weight(m->g, (int)below(m, m->g->tensors)), true); break;
    case OP_INPUT: keep(m, node_input(m->g, (int)below(m, m->g->inputs)), true); break;
    case OP_IOTA: keep(m, node_iota(m->g, (int)below(m, 2), s), true); break;
    default: {
      RandomAddress address = (RandomAddress)below(m, RANDOM_ONCE + 1);
      keep(m, node_random(m->g, (uint32_t)below(m, 3), address, s), true);
    }
  }
}

// A value of the shape of h made of some of those in `part`.
static Node *grow_in_body(Maker *m, Graph *body, Node *const *part, int parts, Node *h) {
  Node *x = part[below(m, parts)], *y = part[below(m, parts)];
  uint32_t last = 1u << (h->shape.rank - 1);
  if (h->shape.rank == 2 && below(m, 3) == 0) {  // x (y' z)
    Node *square = node_matmul(body, y, part[below(m, parts)], true, false);
    return node_unary(body, OP_TANH, node_matmul(body, x, square, false, below(m, 2)));
  }
  if (below(m, 8) == 0) return node_unary(body, OP_STOP, x);
  switch (below(m, 6)) {
    case 0: return node_unary(body, OP_TANH, node_binary(body, OP_MUL, x, y));
    case 1: return node_unary(body, OP_SIN, node_binary(body, OP_ADD, x, y));
    case 2: return node_unary(body, OP_TANH, node_binary(body, OP_SUB, x, y));
    case 3: return node_binary(body, OP_MAX, x, y);
    case 4: {
      Node *sum = node_reduce(body, OP_SUM, x, last);
      Node *one = node_reshape(body, node_unary(body, OP_SIN, sum), shape_with_ones(h->shape, last));
      return node_broadcast(body, one, h->shape);
    }
    default: {
      Attr attr = {.a = {shape_count(h->shape) / h->shape.dim[0]}, .id = 5, .flag = RANDOM_STEP};
      return graph_node(body, OP_RANDOM, 0, NULL, &attr, &h->shape);
    }
  }
}

// A loop that carries two values, of which one may be handed to the other, over slices of a third and a fixed one.
static void grow_loop(Maker *m) {
  Node *h = pick_ranked(m, NULL), *part[12];
  Shape s = h->shape, many = {.rank = s.rank + 1};
  if (s.rank + 1 > MAX_RANK || shape_count(s) > 60) return;
  int64_t times = 1 + below(m, 4);
  for (int i = 0; i < s.rank; i++) many.dim[i + 1] = s.dim[i];
  many.dim[0] = times;
  GraphLoop *l = loop_new(m->g->arena, times, below(m, 2));
  Node *other = fit(m, pick(m, NULL), s), *slices = fit(m, pick(m, NULL), many), *fixed = fit(m, pick(m, NULL), s);
  part[0] = loop_input(l, OPERAND_CARRIED, h, "h");
  part[1] = loop_input(l, OPERAND_CARRIED, other, "other");
  part[2] = loop_input(l, OPERAND_SLICED, slices, "x");
  part[3] = loop_input(l, OPERAND_FIXED, fixed, "w");
  int parts = 4;
  for (int64_t n = 1 + below(m, 6); n > 0; n--, parts++) part[parts] = grow_in_body(m, l->body, part, parts, part[0]);
  l->next[0] = part[parts - 1];
  l->next[1] = part[below(m, parts)];
  int each = loop_stack(l, part[below(m, parts)]), again = loop_stack(l, part[below(m, parts)]);
  Node *loop = node_loop(m->g, l);
  keep(m, node_result(m->g, loop, 0), false);
  keep(m, node_result(m->g, loop, each), false);
  if (below(m, 2)) keep(m, node_result(m->g, loop, 1), false);
  if (below(m, 2)) keep(m, node_result(m->g, loop, again), false);
}

static void grow(Maker *m) {
  Op op = (Op)below(m, OP_RESULT);
  switch (op_class(op)) {
    case SOURCE: grow_source(m, op); break;
    case MOVEMENT: grow_movement(m, op); break;
    case REDUCTION: grow_reduction(m, op); break;
    case CONTRACTION:
      if (op == OP_MATMUL)
        grow_matmul(m);
      else if (op == OP_CHOLESKY || op == OP_SOLVE)
        grow_triangle(m, op);
      else if (op != OP_NEAREST)  // which needs data
        grow_conv(m, op);
      break;
    case CONTROL: grow_loop(m); break;
    case MARK: {
      bool exact;
      Node *n = pick(m, &exact);
      keep(m, unary(m, op, n), exact);
      break;
    }
    case ELEMENTWISE:
      switch (op_arity(op)) {
        case 1: grow_unary(m, op); break;
        case 2: grow_binary(m, op); break;
        default: grow_select(m);
      }
  }
}

// ---- the program

static void declare(Maker *m) {
  Graph *g = m->g;
  g->tensors = 3;
  g->tensor = NEW_ARRAY(g->arena, TensorInfo, g->tensors);
  for (int i = 0; i < g->tensors; i++) {
    int64_t rows = 1 + below(m, 6), columns = 1 + below(m, 6);
    Shape s = shape_of(i == 2 ? 1 : 2, (int64_t[]){rows, columns});
    g->tensor[i] =
        (TensorInfo){.name = arena_format(g->arena, "net/w%d", i), .owner = "net", .shape = s, .lo = -1, .hi = 1};
    g->tensor[i].span.file = -1;
  }
  g->inputs = 3;
  g->input = NEW_ARRAY(g->arena, InputInfo, g->inputs);
  Shape x = shape_of(2, (int64_t[]){m->batch, 1 + below(m, 7)}), label = shape_of(1, &m->batch);
  g->input[0] = (InputInfo){.kind = INPUT_COLUMN, .index = 0, .name = "x", .shape = x, .lo = 0, .hi = 1};
  g->input[1] = (InputInfo){.kind = INPUT_COLUMN, .index = 1, .name = "y", .shape = label, .lo = 0, .hi = CLASSES - 1};
  g->input[2] = (InputInfo){.kind = INPUT_STEP, .name = "step", .lo = 0, .hi = INFINITY};
  for (int i = 0; i < g->tensors; i++) keep(m, node_weight(g, i), true);
  for (int i = 0; i < 2; i++) keep(m, node_input(g, i), true);
}

// The mean over the pool's last values, and for some seeds the square of a gradient of that.
static Node *make_loss(Maker *m) {
  Node *loss = node_const(m->g, 0, (Shape){0}), *slope;
  for (int i = m->pools > 8 ? m->pools - 8 : 0; i < m->pools; i++) {
    Node *n = m->pool[i];
    Node *sum = node_reduce(m->g, OP_SUM, n, (1u << n->shape.rank) - 1);
    loss = binary(m, OP_ADD, loss, binary(m, OP_DIV, sum, number(m, (double)shape_count(n->shape), sum)));
  }
  if (below(m, 2)) return loss;
  Node *w = node_weight(m->g, 0);
  graph_gradient(m->g, loss, 1, &w, &slope, NULL);
  if (!slope) return loss;
  return binary(m, OP_ADD, loss, node_reduce(m->g, OP_SUM, binary(m, OP_MUL, slope, slope), 3));
}

static void add_output(GraphProgram *p, const char *name, Node *n, int64_t batch) {
  bool per_example = n->shape.rank > 0 && n->shape.dim[0] == batch;
  p->output[p->outputs++] = (Output){.name = name, .value = n, .per_example = per_example};
}

GraphProgram *random_graph(Arena *a, uint64_t seed) {
  Maker m = {.g = graph_new(a), .state = seed};
  GraphProgram *p = NEW(a, GraphProgram);
  *p = (GraphProgram){.name = "random", .graph = m.g};
  p->output = NEW_ARRAY(a, Output, 16);
  p->assign = NEW_ARRAY(a, Assign, 3);
  m.batch = 1 + below(&m, 6);
  declare(&m);
  for (int64_t steps = 8 + below(&m, 40); steps > 0; steps--) grow(&m);
  Node *loss = make_loss(&m), *weight[3], *gradient[3];
  add_output(p, "loss", loss, 0);
  for (int i = 0; i < 3; i++) add_output(p, arena_format(a, "value%d", i), pick(&m, NULL), m.batch);
  for (int i = 0; i < 3; i++) weight[i] = node_weight(m.g, i);
  graph_gradient(m.g, loss, 3, weight, gradient, NULL);
  for (int i = 0; i < 3; i++) {
    if (!gradient[i]) continue;
    add_output(p, arena_format(a, "gradient%d", i), gradient[i], 0);
    Node *step = binary(&m, OP_MUL, gradient[i], number(&m, 0.125, gradient[i]));
    p->assign[p->assigns++] = (Assign){.target = weight[i], .value = binary(&m, OP_SUB, weight[i], step)};
  }
  return p;
}

// ---- its inputs

static double *draw(Arena *a, Shape s, double lo, double hi, bool whole, uint64_t *state) {
  double *value = NEW_ARRAY(a, double, shape_count(s));
  for (int64_t e = 0; e < shape_count(s); e++) {
    double u = (double)(random_bits(state) >> 40) / (double)(1 << 24);
    value[e] = whole ? floor(lo + u * (hi - lo + 1)) : (double)(float)(lo + u * (hi - lo));
  }
  return value;
}

ReferenceInputs random_graph_inputs(Arena *a, const Graph *g, uint64_t seed) {
  const double **tensor = NEW_ARRAY(a, const double *, g->tensors + 1);
  const double **input = NEW_ARRAY(a, const double *, g->inputs + 1);
  uint64_t state = ~seed;
  for (int i = 0; i < g->tensors; i++) {
    tensor[i] = draw(a, g->tensor[i].shape, g->tensor[i].lo, g->tensor[i].hi, false, &state);
  }
  for (int i = 0; i < g->inputs; i++) {
    const InputInfo *in = &g->input[i];
    bool whole = in->kind != INPUT_COLUMN || in->hi > 1;
    input[i] = draw(a, in->shape, in->lo, fmin(in->hi, CLASSES - 1), whole, &state);
  }
  return (ReferenceInputs){.tensor = tensor, .input = input};
}
