// The functions the compiler knows itself: the elementwise operations of the table, shapes, and what no library
// text can say. Everything else is written in the language (grammar/std). Part of the elaborator.
#include "elaborate/elaborate_builtin.h"

#include <string.h>

// The shape of a tensor or a list, wherever it is from: a weight's initial value may speak of the sizes of its inputs.
static bool shape_known(Elab *e, const Call *call, Shape *s) {
  Value v = call->arg[0];
  if (v.kind == V_LIST && list_shape(&v, s)) return true;
  if (v.kind != V_TENSOR) v = to_tensor(e, v);
  *s = event_shape(&v);
  return v.kind != V_ERROR;
}

static Value size(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Shape s;
  if (!shape_known(e, call, &s)) return value_error();
  if (call->n == 1 || call->arg[1].kind == V_NONE) return value_number((double)shape_count(s));
  if (s.rank == 0) return value_number(1);
  int64_t axis = axis_of(e, call, call->arg[1], s.rank, 0);
  return axis < 0 ? value_error() : value_number((double)s.dim[axis]);
}

static Value rank(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Shape s;
  return shape_known(e, call, &s) ? value_number(s.rank) : value_error();
}

static Value reduce(Elab *e, const Call *call, Op op, const Value *keyword) {
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Shape s = event_shape(&v), kept = s;
  unsigned axes = (1u << s.rank) - 1;
  if (keyword[0].kind != V_NONE) {
    int64_t axis = axis_of(e, call, keyword[0], s.rank, 0);
    if (axis < 0) return value_error();
    axes = 1u << axis;
  }
  Value out = reduce_events(e, op, v, axes);
  if (op == OP_SUM) out.terms = v.terms;
  if (keyword[1].kind != V_NUMBER || keyword[1].number == 0) return out;
  for (int i = 0; i < s.rank; i++)
    if (axes >> i & 1) kept.dim[i] = 1;
  Value same = reshape_event(e, out, kept);
  same.terms = out.terms;
  return same;
}

static Value sum(Elab *e, const Call *call, Value *keyword) { return reduce(e, call, OP_SUM, keyword); }

static Value maximum(Elab *e, const Call *call, Value *keyword) { return reduce(e, call, OP_MAXIMUM, keyword); }

// Of distributions, that whose density is in proportion to the product of theirs.
static Value product_of_all(Elab *e, const Call *call, const Value *keyword) {
  Value v = call->arg[0];
  for (int i = 0; i < 2; i++)
    if (keyword[i].kind != V_NONE) return complain(e, E0223, call->span, "product", i ? "keep" : "axis"), value_error();
  for (int i = 0; i < call->n; i++)
    if (call->arg[i].kind != V_DIST) return complain(e, E0407, call->span, value_text(e, call->arg[i])), value_error();
  for (int i = 1; i < call->n && v.kind == V_DIST; i++) v = product_of(e, v, call->arg[i], call->span);
  return v;
}

// Halves are multiplied by one another, so that the gradient by each number is the product of the others, also where
// one is 0.
static Value product(Elab *e, const Call *call, Value *keyword) {
  for (int i = 0; i < call->n; i++)
    if (call->arg[i].kind == V_DIST) return product_of_all(e, call, keyword);
  if (call->n > 1) return complain(e, E0231, call->span, "product", "1 argument", call->n), value_error();
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Shape s = event_shape(&v), kept = s;
  int64_t axis = 0, count = shape_count(s), inner = 1;
  bool whole_event = keyword[0].kind == V_NONE;
  if (!whole_event && (axis = axis_of(e, call, keyword[0], s.rank, 0)) < 0) return value_error();
  for (int i = (int)axis + 1; i < s.rank && !whole_event; i++) inner *= s.dim[i];
  if (!whole_event) count = s.dim[axis];
  int64_t outer = shape_count(v.node->shape) / (count * inner);
  Node *n = node_reshape(e->graph, v.node, shape_of(3, (int64_t[]){outer, count, inner}));
  for (; count > 1; count -= count / 2) {
    Shape half = shape_of(3, (int64_t[]){outer, count / 2, inner}), rest = half;
    Node *a = node_slice(e->graph, n, (int64_t[]){0, 0, 0}, half);
    Node *b = node_slice(e->graph, n, (int64_t[]){0, count / 2, 0}, half), *both = node_binary(e->graph, OP_MUL, a, b);
    rest.dim[1] = count % 2;
    if (rest.dim[1]) b = node_slice(e->graph, n, (int64_t[]){0, count - 1, 0}, rest);
    n = rest.dim[1] ? node_concat(e->graph, 1, 2, (Node *[]){both, b}) : both;
  }
  for (int i = 0; i < s.rank; i++)
    if (whole_event || i == axis) kept.dim[i] = 1;
  Value out = value_tensor(node_reshape(e->graph, n, physical_shape(e, v.plates, kept)), v.plates);
  if (keyword[1].kind == V_NUMBER && keyword[1].number != 0) return out;
  for (int i = (int)axis; i + 1 < s.rank; i++) kept.dim[i] = s.dim[i + 1];
  kept.rank = whole_event ? 0 : s.rank - 1;
  return reshape_event(e, out, kept);
}

// The first of the places that reach the maximum; no gradient flows.
static Value place_of_greatest(Elab *e, const Call *call, Value v, Value keyword) {
  Span where = call->span;
  Shape s = event_shape(&v), top = s, along = {.rank = s.rank};
  if (!s.rank) return complain(e, E0303, where, "a scalar"), value_error();
  int64_t axis = axis_of(e, call, keyword, s.rank, s.rank - 1);
  if (axis < 0) return value_error();
  v.node = node_unary(e->graph, OP_STOP, v.node);
  for (int i = 0; i < s.rank; i++) along.dim[i] = i == axis ? s.dim[axis] : 1;
  top.dim[axis] = 1;
  Value last = value_number((double)s.dim[axis] - 1);
  Value greatest = reshape_event(e, reduce_events(e, OP_MAXIMUM, v, 1u << axis), top);
  Value from_end = apply2(e, OP_SUB, where, last, value_tensor(node_iota(e->graph, (int)axis, along), 0));
  Value reached = apply2(e, OP_MUL, where, apply2(e, OP_EQUAL, where, v, greatest), from_end);
  if (reached.kind == V_ERROR) return reached;
  Value place = apply2(e, OP_SUB, where, last, reduce_events(e, OP_MAXIMUM, reached, 1u << axis));
  place.classes = (int)s.dim[axis];
  return place;
}

static Value argmax(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 0);
  return v.kind == V_ERROR ? v : place_of_greatest(e, call, v, keyword[0]);
}

static Value argmin(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 0);
  return v.kind == V_ERROR ? v : place_of_greatest(e, call, apply1(e, OP_NEG, call->span, v), keyword[0]);
}

static Value classes(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  int n = call->arg[0].classes;
  return n ? value_number(n) : (complain(e, E0332, call->span, value_text(e, call->arg[0])), value_error());
}

static Value cumsum(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  int r = event_rank(&v);
  if (!r) return complain(e, E0303, call->span, "a scalar"), value_error();
  int64_t axis = axis_of(e, call, keyword[0], r, r - 1);
  if (axis < 0) return value_error();
  return value_tensor(node_cumsum(e->graph, v.node, v.node->shape.rank - r + (int)axis, false), v.plates);
}

static Value onehot(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Value weights = weights_of(e, &v);
  if (weights.kind == V_TENSOR && (call->n == 1 || call->arg[1].number == v.classes)) return weights;
  int64_t n = call->n > 1 ? count_of(e, call, call->arg[1], 1e6) : call->arg[0].classes;
  if (!n && call->n == 1) complain(e, E0316, call->span);
  if (!n) return value_error();
  Shape s = event_shape(&v), wide = s, single = s;
  if (s.rank + 1 + __builtin_popcount(v.plates) > MAX_RANK)
    return complain(e, E0304, call->span, MAX_RANK), value_error();
  wide.dim[wide.rank++] = n;
  single.dim[single.rank++] = 1;
  Shape physical = physical_shape(e, v.plates, wide);
  Node *labels = node_reshape(e->graph, v.node, physical_shape(e, v.plates, single));
  labels = node_broadcast(e->graph, labels, physical);
  Shape flat = physical;  // one row of indices, repeated by broadcasting
  for (int i = 0; i < flat.rank - 1; i++) flat.dim[i] = 1;
  Node *index = node_broadcast(e->graph, node_iota(e->graph, flat.rank - 1, flat), physical);
  Node *equal = node_binary(e->graph, OP_EQUAL, labels, index);
  bool label = v.classes || call->arg[0].classes || is_integral(v.node);
  if (label && v.node->lo >= 0 && v.node->hi <= (double)n - 1) assert_library_fact(e, equal, "simplex");
  return value_tensor(equal, v.plates);
}

bool is_square(Elab *e, const Value *v, Shape s) {
  bool square = s.rank >= 2 && s.dim[s.rank - 2] == s.dim[s.rank - 1];
  if (!square) complain(e, E0317, v->span, "a square matrix", shape_text(e->arena, s));
  return square;
}

// The matrices [n, m] of a tensor one behind another, whichever axes they stand behind.
static Node *stack_of(Elab *e, const Value *v, int64_t n, int64_t m) {
  return node_reshape(e->graph, v->node, shape_of(3, (int64_t[]){shape_count(v->node->shape) / (n * m), n, m}));
}

static Value cholesky(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR || !is_square(e, &v, event_shape(&v))) return value_error();
  int64_t n = v.node->shape.dim[v.node->shape.rank - 1];
  Node *factor = node_unary(e->graph, OP_CHOLESKY, stack_of(e, &v, n, n));
  return value_tensor(node_reshape(e->graph, factor, v.node->shape), v.plates);
}

// The axes of some plates behind all others, or from there back to their places.
static Node *plates_behind(Elab *e, Node *n, unsigned plates, unsigned moved, bool back) {
  int order[MAX_RANK], from[MAX_RANK], axis = 0, k = 0;
  bool behind[MAX_RANK] = {0};
  for (int p = 0; p < MAX_PLATES; p++)
    if (plates >> p & 1) behind[axis++] = moved >> p & 1;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < n->shape.rank; i++)
      if (behind[i] == pass) order[k++] = i;
  for (int i = 0; i < k; i++) from[order[i]] = i;
  return node_permute(e->graph, n, back ? from : order);
}

// x of l x = b. What l is the same for, such as all examples, are further columns of b.
static Value solve_for(Elab *e, Value l, Value b, bool transposed) {
  Shape s = event_shape(&l), t = event_shape(&b);
  unsigned apart = b.plates & ~l.plates, plates = l.plates | b.plates;
  l = widen(e, l, l.plates, s);
  b = widen(e, b, plates, t);
  if (l.kind == V_ERROR || b.kind == V_ERROR) return value_error();
  int64_t n = s.dim[s.rank - 1], matrices = shape_count(l.node->shape) / (n * n);
  Node *right = plates_behind(e, b.node, plates, apart, false);
  Shape moved = right->shape, columns = shape_of(3, (int64_t[]){matrices, n, shape_count(moved) / (matrices * n)});
  Node *x = node_solve(e->graph, stack_of(e, &l, n, n), node_reshape(e->graph, right, columns), transposed);
  x = plates_behind(e, node_reshape(e->graph, x, moved), plates, apart, true);
  return value_tensor(x, plates);
}

// l[..., n, n] with b[..., n, m], or with a vector b[..., n] for each matrix.
static Value solve(Elab *e, const Call *call, Value *keyword) {
  Value l = as_tensor(e, call, 0), b = as_tensor(e, call, 1);
  if (l.kind == V_ERROR || b.kind == V_ERROR || !is_square(e, &l, event_shape(&l))) return value_error();
  Shape s = event_shape(&l), t = event_shape(&b);
  bool fits = t.rank == s.rank || t.rank == s.rank - 1;
  for (int i = 0; fits && i < s.rank - 1; i++) fits = t.dim[i] == s.dim[i];
  if (!fits) {
    complain(e, E0301, call->span, shape_text(e->arena, s), shape_text(e->arena, t), "solve");
    return value_error();
  }
  int64_t transposed = whole(e, call, keyword[0], 0, 1, 0);
  return transposed < 0 ? value_error() : solve_for(e, l, b, transposed == 1);
}

static Value constant(Elab *e, const Call *call, double x) {
  Shape s = event_shape(&call->arg[0]);
  if (call->n == 1 && s.rank) return value_tensor(node_const(e->graph, x, s), 0);
  return sizes(e, call, 0, &s) ? value_tensor(node_const(e->graph, x, s), 0) : value_error();
}

static Value zeros(Elab *e, const Call *call, Value *keyword) { return (void)keyword, constant(e, call, 0); }

static Value ones(Elab *e, const Call *call, Value *keyword) { return (void)keyword, constant(e, call, 1); }

static Value iota(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  int64_t n = count_of(e, call, call->arg[0], 16777216);
  return !n ? value_error() : value_tensor(node_iota(e->graph, 0, shape_of(1, &n)), 0);
}

// Of a distribution, or those of a network's outputs: its parameters are constants.
static Value hold(Elab *e, Value v) {
  if (v.kind == V_LIST) {
    Value list = v;
    list.item = NEW_ARRAY(e->arena, Value, v.items);
    for (int i = 0; i < v.items; i++) list.item[i] = hold(e, v.item[i]);
    return list;
  }
  Dist *still = NEW(e->arena, Dist);
  *still = *v.dist;
  still->held = true;
  v.dist = still;
  return v;
}

static Value stop(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  if (call->arg[0].kind == V_DIST || is_joint(&call->arg[0])) return hold(e, call->arg[0]);
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Value still = value_tensor(node_unary(e->graph, OP_STOP, v.node), v.plates);
  still.terms = v.terms;
  return still;
}

// A tensor with a last axis, for whose places the batch is looked at; an error after reporting.
static Value with_places(Elab *e, const Call *call) {
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR || event_rank(&v) > 0) return v;
  return complain(e, E0303, call->span, "a scalar"), value_error();
}

static double numbers_per_place(const Node *n) {
  return (double)(shape_count(n->shape) / n->shape.dim[n->shape.rank - 1]);
}

// Mean over all examples of the batch and over all axes but the last: one number a feature.
static Value batch_mean(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = with_places(e, call);
  if (v.kind == V_ERROR) return v;
  int r = v.node->shape.rank;
  Node *total = r > 1 ? node_reduce(e->graph, OP_SUM, v.node, (1u << (r - 1)) - 1) : v.node;
  return apply2(e, OP_DIV, call->span, value_tensor(total, 0), value_number(numbers_per_place(v.node)));
}

// Who counts them in a line of training wants to know how they spread, which one number does not tell.
static Value batch_count(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = with_places(e, call);
  if (v.kind == V_ERROR) return v;
  double n = numbers_per_place(v.node);
  if (n == 1 && e->training) {
    complain(e, W0502, call->span);
    report_help(e->sources,
                "train with a larger batch, or use `layer_norm`, whose statistics are those of one example");
  }
  return value_number(n);
}

static Node *random_node(Elab *e, const char *path, int address, Shape s) {
  Attr attr = {.id = (int32_t)path_hash(path), .flag = address};
  int64_t rows = address == RANDOM_ONCE || s.rank == 0 ? 1 : s.dim[0];
  set_random_steps(e, &attr, shape_count(s) / rows);
  return graph_node(e->graph, OP_RANDOM, 0, NULL, &attr, &s);
}

// Uniform numbers on (0, 1): in a distribution of the shape that is drawn, `random(x)` of the shape of x.
static Value random_numbers(Elab *e, const Call *call, Value *keyword) {
  unsigned plates = e->drawing.active ? e->drawing.plates : e->plates;
  Shape event = e->drawing.active ? e->drawing.event : (Shape){0};
  if (call->n) {
    Value like = as_tensor(e, call, 0);
    if (like.kind == V_ERROR) return like;
    event = event_shape(&like);
    plates |= like.plates;
  }
  if (event.rank + __builtin_popcount(plates) > MAX_RANK)
    return complain(e, E0304, call->span, MAX_RANK), value_error();
  bool fresh = keyword[0].kind == V_NUMBER && keyword[0].number != 0;
  int of_example = RANDOM_EXAMPLE + e->drawing.set * RANDOM_ADDRESSES;
  int address = !(plates & PLATE_BATCH) ? RANDOM_ONCE : e->drawing.in_data && !fresh ? of_example : RANDOM_STEP;
  e->randoms++;
  const char *path = e->drawing.path ? e->drawing.path : e->frame && e->frame->path ? e->frame->path : "free";
  const char *noise = e->drawing.active ? "" : e->noise;
  path = arena_format(e->arena, "%s%s%s#%d", noise, *noise ? "/" : "", path, e->drawing.count++);
  Shape s = physical_shape(e, plates, event);
  if (address == RANDOM_ONCE && e->training) {  // the same for all examples, but fresh at every step
    Shape row = s;
    if (row.rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), value_error();
    memmove(row.dim + 1, row.dim, sizeof row.dim[0] * (size_t)row.rank++);
    row.dim[0] = 1;
    return value_tensor(node_reshape(e->graph, random_node(e, path, RANDOM_STEP, row), s), plates);
  }
  return value_tensor(random_node(e, path, address, s), plates);
}

static Value given(Elab *e, const Call *call, Value *keyword) {
  (void)e, (void)keyword;
  return value_number(call->arg[0].kind != V_NONE);
}

static Value one_of(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  int place = 0;
  for (int i = 0; i < call->n; i++) {
    if (call->arg[i].kind == V_NONE) continue;
    if (place) {
      complain(e, E0422, call->span, expression_text(e, call->ast[place - 1]), expression_text(e, call->ast[i]));
      return value_error();
    }
    place = i + 1;
  }
  return value_number(place);
}

static Value entropy(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  if (call->arg[0].kind == V_DIST) return dist_member(e, call->arg[0], "entropy", WHOLE, call->span);
  return complain(e, E0407, call->span, value_text(e, call->arg[0])), value_error();
}

static Value quantile(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  if (call->arg[0].kind == V_DIST) return quantile_of(e, call->arg[0], call->arg[1], call->span);
  return complain(e, E0407, call->span, value_text(e, call->arg[0])), value_error();
}

static const Builtin builtins[] = {
    {"size",
     1,
     2,
     {0},
     size,
     "size(x), size(x, axis)",
     "How many numbers x has, or its size along an axis, -1 for the last: known when the model is compiled."},
    {"rank", 1, 1, {0}, rank, "rank(x)", "How many axes x has: known when the model is compiled."},
    {"sum",
     1,
     1,
     {"axis", "keep"},
     sum,
     "sum(x, axis: none, keep: false)",
     "The sum over all axes of one example, or over one; `keep: true` leaves that axis with size 1."},
    {"maximum",
     1,
     1,
     {"axis", "keep"},
     maximum,
     "maximum(x, axis: none, keep: false)",
     "The greatest number over all axes of one example, or over one; `keep: true` leaves that axis with size 1."},
    {"product",
     1,
     MAX_ARGS,
     {"axis", "keep"},
     product,
     "product(x, axis: none, keep: false)",
     "The product over all axes of one example, or over one; `keep: true` leaves that axis with size 1. Of distributions of "
     "one kind, product(f, g), that whose density is in proportion to the product of theirs."},
    {"argmax",
     1,
     1,
     {"axis"},
     argmax,
     "argmax(x, axis: -1)",
     "The place of the greatest number along an axis, which vanishes, the first of several: a label of class(n). No "
     "gradient flows through it."},
    {"argmin",
     1,
     1,
     {"axis"},
     argmin,
     "argmin(x, axis: -1)",
     "The place of the least number along an axis, which vanishes, the first of several: a label of class(n). No "
     "gradient flows through it."},
    {"classes",
     1,
     1,
     {0},
     classes,
     "classes(y)",
     "How many values a label has, n of class(n): known when the model is compiled."},
    {"cumsum",
     1,
     1,
     {"axis"},
     cumsum,
     "cumsum(x, axis: -1)",
     "Sums of x up to and with each place along an axis; the shape of x."},
    {"log_chances",
     1,
     1,
     {0},
     call_log_chances,
     "log_chances(d)",
     "The log probabilities of all values of a distribution of a class or a set, along a last axis: of z[3] : class(10) "
     "they are [3, 10]."},
    {"onehot",
     1,
     2,
     {0},
     onehot,
     "onehot(y, n)",
     "1 at the place of the label y, else 0, along a new last axis of size n; of a class(n), n may be left out."},
    {"cholesky",
     1,
     1,
     {0},
     cholesky,
     "cholesky(a)",
     "The lower triangular l with l @ transpose(l) = a, for a[n, n] symmetric and positive definite, of which the "
     "lower "
     "triangle is read; NaN where it is not positive definite. a[k, n, n] are k such matrices."},
    {"solve",
     2,
     2,
     {"transposed"},
     solve,
     "solve(l, b, transposed: false)",
     "The x with l @ x = b, or transpose(l) @ x = b, for l[n, n] lower triangular, of which that triangle is read, and "
     "b[n] or b[n, m]; for l[k, n, n] and b[k, n] or b[k, n, m] likewise."},
    {"convolve",
     2,
     2,
     {"stride", "padding", "groups", "dilation"},
     call_convolve,
     "convolve(x, w, stride: 1, padding: none, groups: 1, dilation: 1)",
     "The convolution of an image x[h, w, in], or [h, w] of one channel, by w[taps, taps, in / groups, out]; of a series "
     "x[t, in] or [t] by w[taps, in / groups, out]. Stride and dilation are whole numbers, or one for each axis; the "
     "padding is a number of zeros at either end, or a function of places, taps and stride such as `same`, which gives "
     "it."},
    {"convolve_back",
     2,
     2,
     {"stride", "padding", "groups", "dilation"},
     call_convolve_back,
     "convolve_back(y, w, stride: 1, padding: none, groups: 1, dilation: 1)",
     "The adjoint of `convolve` by w with these settings: y[i, j, out], of the shape that it gives, leads back to "
     "[h, w, in], the smallest that does, or stride times as large where the padding is a function."},
    {"zeros",
     1,
     MAX_RANK,
     {0},
     zeros,
     "zeros(n, m, ...), zeros(x)",
     "A tensor [n, m, ...], or of the shape of x, of 0."},
    {"ones", 1, MAX_RANK, {0}, ones, "ones(n, m, ...), ones(x)", "A tensor [n, m, ...], or of the shape of x, of 1."},
    {"iota", 1, 1, {0}, iota, "iota(n)", "0, 1, ..., n - 1: [n]."},
    {"nearest",
     2,
     2,
     {"place"},
     call_nearest,
     "nearest(s, x, place: 1)",
     "In place of s the training example of the column x that is nearest to it by squared differences, as its file has "
     "it; with place: 2 the one that is second nearest, up to 16. x is a column of numbers from files, and s has its "
     "shape. In objectives, metrics and shows. No gradient flows through it."},
    {"sample",
     2,
     2,
     {0},
     call_sample,
     "sample(x, n)",
     "In the start of a parameter: x of n examples of the training data, in an order of chance: [n, ...]. If there are fewer, they come "
     "again."},
    {"stop", 1, 1, {0}, stop, "stop(x)", "x, through which no gradient flows. Of a distribution, stop(q(z | x)): its parameters are held still, the point is not."},
    {"grad",
     2,
     2,
     {0},
     call_grad,
     "grad(y, x)",
     "The gradient of the scalar y by x, of the shape of x; it may be differentiated again. In a block y is the value at one "
     "place."},
    {"batch_mean",
     1,
     1,
     {0},
     batch_mean,
     "batch_mean(x)",
     "The mean over the batch and all axes but the last: [size(x, -1)]."},
    {"batch_count",
     1,
     1,
     {0},
     batch_count,
     "batch_count(x)",
     "How many numbers batch_mean(x) takes the mean of at each place of the last axis: a number."},
    {"neighbour",
     2,
     2,
     {0},
     call_neighbour,
     "neighbour(v, i)",
     "v of the example i places further on in the batch, which begins anew after its last; i is one number, or one for each "
     "number of v."},
    {"random",
     0,
     1,
     {"fresh"},
     random_numbers,
     "random(), random(x, fresh: false)",
     "Numbers uniform on (0, 1), independent at every place: at each place of what is drawn, or of the shape of x. In "
     "data they are fixed for an example; `fresh: true` draws them anew at every step."},
    {"given",
     1,
     1,
     {0},
     given,
     "given(a)",
     "1 if the argument was given, 0 if it is none: known when the model is compiled."},
    {"one_of",
     2,
     MAX_ARGS,
     {0},
     one_of,
     "one_of(a, b, ...)",
     "Which argument was given, counted from 1, of those that say the same in several ways; 0 if all are none, and two are "
     "refused: known when the model is compiled."},
    {"entropy",
     1,
     1,
     {0},
     entropy,
     "entropy(q(z | x))",
     "The entropy of a distribution in nats, a sum over the whole event, where the distribution has one."},
    {"quantile",
     2,
     2,
     {0},
     quantile,
     "quantile(prior(z), u)",
     "What a number of the distribution is below with probability u, at each place, of distributions whose places are "
     "independent; prior(z[0]) is that of one place."},
    {"observed",
     2,
     2,
     {0},
     call_observed,
     "observed(x, m)",
     "x where m is not 0, as the point of a distribution: log p(observed(x, m) | z) is the density of what is seen "
     "alone; draw and mean p(observed(x, m) | z) are x where it is seen, and the rest given that."},
    {"known",
     1,
     1,
     {0},
     call_known,
     "known(x)",
     "1 where x has a value, 0 where it has a hole: of a column that is `missing`, or of observed(x, m)."},
    {"filled",
     2,
     2,
     {0},
     call_filled,
     "filled(x, v)",
     "x with v in its holes: of a column that is `missing`, or of observed(x, m)."},
    {"standardize",
     1,
     1,
     {0},
     call_standardize,
     "standardize(x)",
     "A stage of data: less the mean and by the deviation of what is known of each place in the training split, kept with the "
     "weights. `gmc sample` gives what it draws in the units of the files."},
};
enum { BUILTINS = sizeof builtins / sizeof *builtins };

static const Description readers[] = {
    {"idx", "idx(\"images.gz\", \"labels.gz\", test: [\"ti.gz\", \"tl.gz\"], holdout: 0.1, grey: false)",
     "Arrays in the IDX format, gzipped or not: a file for each column. Without test files `holdout` of the examples "
     "are "
     "held out. grey: true says that pixels are levels of grey."},
    {"npy", "npy(\"x.npy\", \"y.npy\", test: [...], holdout: 0.1)",
     "Arrays of NumPy, gzipped or not: a file for each column. Without test files `holdout` of the examples are held "
     "out."},
    {"npz", "npz(\"data.npz\", test: \"more.npz\", columns: [\"a\", \"b\"], test_columns: [...], holdout: 0.1)",
     "A file of several NumPy arrays: each column is the one of its name, or of the name in `columns`; of the test "
     "file "
     "the one in `test_columns`."},
    {"csv", "csv(\"table.csv\", test: \"more.csv\", columns: [...], header: true, separator: \";\", holdout: 0.1)",
     "A table, an example a line. A header's names say which column is which; `columns` chooses others, by name or "
     "place. "
     "Without a test file `holdout` of the rows are held out."},
    {"images", "images(\"faces\", test: \"more\", holdout: 0.1)",
     "A folder of PNG and JPEG files, those of its subfolders too: a picture is a column of [height, width], or of "
     "[height, width, 3] in colour, and a label, `y : class(n)`, its subfolder. Pictures are cut to the column's "
     "proportions and brought to its size."},
    {"cifar10", "cifar10(\"cifar-10-batches-bin\")",
     "The folder of the binary version of CIFAR-10: pictures of [32, 32, 3], and labels of class(10)."},
    {"text", "text(\"book.txt\", test: \"more.txt\", lines: true, holdout: 0.1)",
     "A text in UTF-8, whose characters are labels: windows of as many as the column holds, x[100] : class(65), one after "
     "another; or a line an example, with its end, and holes behind it, x[16] : class(27) missing. The run's folder keeps "
     "the alphabet."},
};
enum { READERS = sizeof readers / sizeof *readers };

// The operations of the table that are functions of their name.
static const char *const operation_what[OP_COUNT] = {
    [OP_ABS] = "The absolute value.",
    [OP_SIGN] = "1 of what is positive, -1 of what is negative, 0 of 0.",
    [OP_FLOOR] = "The greatest whole number that is not above a.",
    [OP_EXP] = "e to the power of a.",
    [OP_LOG] = "The natural logarithm, of a > 0.",
    [OP_LOG1P] = "log(1 + a), exact for small a.",
    [OP_EXPM1] = "exp(a) - 1, exact for small a.",
    [OP_SQRT] = "The square root, of a >= 0.",
    [OP_SIN] = "The sine of an angle in radians.",
    [OP_COS] = "The cosine of an angle in radians.",
    [OP_TANH] = "The hyperbolic tangent.",
    [OP_ERF] = "The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to a.",
    [OP_ERFINV] = "The number whose error function is a, of -1 < a < 1.",
    [OP_ATAN] = "The angle in radians between -pi/2 and pi/2 whose tangent is a.",
    [OP_SIGMOID] = "1 / (1 + exp(-a)), the inverse of logits: between 0 and 1.",
    [OP_SOFTPLUS] = "log(1 + exp(a)): positive, and near a where a is large.",
    [OP_NORMAL_CDF] = "The probability that a standard normal number is below a.",
    [OP_NORMAL_QUANTILE] = "The number that a standard normal one is below with probability a, of 0 < a < 1.",
    [OP_EXPM1MX] = "exp(a) - 1 - a, exact for small a.",
    [OP_LGAMMA] = "log |gamma(a)|; infinite at 0, -1, -2, ...",
    [OP_DIGAMMA] = "The derivative of lgamma.",
    [OP_TRIGAMMA] = "The derivative of digamma.",
    [OP_KL_DIV] =
        "a log(a / b) - a + b, of a >= 0 and b >= 0, exact where a and b are close: a divergence is a sum of such "
        "terms.",
    [OP_LOG_BERNOULLI] = "a b - softplus(b), exact where it is small: the log probability of a, 0 or 1, by logits b.",
    [OP_RESIDUAL] = "a - sigmoid(b), exact where it is small.",
    [OP_MOD] = "What a is above the greatest multiple of b below it, a - b floor(a / b): of the sign of b.",
    [OP_MAX] = "The greater of two, value by value.",
    [OP_MIN] = "The smaller of two, value by value.",
};

static const Builtin *find_builtin(const char *name) {
  for (int i = 0; i < BUILTINS; i++)
    if (same_name(builtins[i].name, name)) return &builtins[i];
  for (int i = 0; i < movements_count; i++)
    if (same_name(movements[i].name, name)) return &movements[i];
  return NULL;
}

static bool is_reader(const char *name) {
  for (int i = 0; i < READERS; i++)
    if (same_name(readers[i].name, name)) return true;
  return false;
}

// An elementwise operation is a function of its name, unless it is written with a sign of its own.
static Op elementwise(const char *name) {
  for (Op op = 0; op < OP_COUNT; op++)
    if (op_class(op) == ELEMENTWISE && same_name(op_name(op), name) && same_name(op_sign(op), name)) return op;
  return OP_COUNT;
}

Description builtin_describe(Arena *a, const char *name) {
  const Builtin *b = find_builtin(name);
  if (b) return (Description){b->name, b->form, b->what};
  for (int i = 0; i < READERS; i++)
    if (!strcmp(readers[i].name, name)) return readers[i];
  Op op = elementwise(name);
  if (op == OP_COUNT) return (Description){0};
  const char *arguments = op_arity(op) == 1 ? "a" : op_arity(op) == 2 ? "a, b" : "a, b, c";
  return (Description){op_name(op), arena_format(a, "%s(%s)", op_name(op), arguments), operation_what[op]};
}

bool is_builtin(const char *name) { return find_builtin(name) || is_reader(name) || elementwise(name) != OP_COUNT; }

const char *const *builtin_names(Arena *a, int *n) {
  const char **name = NEW_ARRAY(a, const char *, BUILTINS + movements_count + READERS + OP_COUNT);
  *n = 0;
  for (int i = 0; i < BUILTINS; i++) name[(*n)++] = builtins[i].name;
  for (int i = 0; i < movements_count; i++) name[(*n)++] = movements[i].name;
  for (int i = 0; i < READERS; i++) name[(*n)++] = readers[i].name;
  for (Op op = 0; op < OP_COUNT; op++)
    if (elementwise(op_name(op)) == op) name[(*n)++] = op_name(op);
  return name;
}

const char *arguments_text(Elab *e, int least, int most) {
  if (least < most) return arena_format(e->arena, "%d to %d arguments", least, most);
  return arena_format(e->arena, most == 1 ? "%d argument" : "%d arguments", most);
}

static Value call_operation(Elab *e, Op op, const Call *call) {
  for (int i = 0; i < call->n; i++) {
    if (call->arg[i].kind == V_ERROR) return value_error();
    if (call->name[i]) return complain(e, E0223, call->arg[i].span, op_name(op), call->name[i]), value_error();
  }
  if (call->n == op_arity(op)) return apply(e, op, call->span, call->n, call->arg);
  complain(e, E0231, call->span, op_name(op), arguments_text(e, op_arity(op), op_arity(op)), call->n);
  return value_error();
}

Value call_builtin(Elab *e, const char *name, const Call *call) {
  if (is_reader(name)) return call_reader(e, name, call);
  if (elementwise(name) != OP_COUNT) return call_operation(e, elementwise(name), call);
  const Builtin *b = find_builtin(name);
  Value keyword[4] = {{.kind = V_NONE}, {.kind = V_NONE}, {.kind = V_NONE}, {.kind = V_NONE}};
  Call positional = {.span = call->span};
  for (int i = 0; i < call->n; i++) {
    if (call->arg[i].kind == V_ERROR) return value_error();
    int k = 0;
    while (call->name[i] && k < 4 && b->keyword[k] && strcmp(b->keyword[k], call->name[i])) k++;
    if (call->name[i] && (k == 4 || !b->keyword[k]))
      return complain(e, E0223, call->arg[i].span, name, call->name[i]), value_error();
    if (call->name[i]) {
      keyword[k] = call->arg[i];
    } else {
      positional.ast[positional.n] = call->ast[i];
      positional.arg[positional.n++] = call->arg[i];
    }
  }
  if (positional.n < b->least || positional.n > b->most) {
    complain(e, E0231, call->span, name, arguments_text(e, b->least, b->most), positional.n);
    return value_error();
  }
  Value v = b->fn(e, &positional, keyword);
  v.span = call->span;
  return v;
}
