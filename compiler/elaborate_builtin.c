// The functions the compiler knows itself: the elementwise operations of the table, shapes, and what no library
// text can say. Everything else is written in the language (grammar/std). Part of the elaborator.
#include "elaborate.h"

#include <math.h>
#include <string.h>

typedef struct {
  const char *name;
  int least, most;                                         // positional arguments
  const char *keyword[3];                                  // accepted keywords
  Value (*fn)(Elab *e, const Call *call, Value *keyword);  // keyword[i].kind is NONE when absent
  const char *form, *what;                                 // for `gmc explain`
} Builtin;

static Value as_tensor(Elab *e, const Call *call, int i) { return to_tensor(e, call->arg[i]); }

// The shape of a tensor or a list, wherever it is from: a weight's initial value may speak of the sizes of its inputs.
static bool shape_known(Elab *e, const Call *call, Shape *s) {
  Value v = call->arg[0];
  if (v.kind == V_LIST && list_shape(&v, s)) return true;
  if (v.kind != V_TENSOR) v = to_tensor(e, v);
  *s = event_shape(&v);
  return v.kind != V_ERROR;
}

// A keyword's whole number in [lo, hi], `absent` if not given; -1 after reporting.
static int64_t whole(Elab *e, const Call *call, Value v, double lo, double hi, int64_t absent) {
  if (v.kind == V_NONE) return absent;
  if (v.kind == V_NUMBER && floor(v.number) == v.number && v.number >= lo && v.number <= hi) return (int64_t)v.number;
  const char *said = v.kind == V_NUMBER ? arena_format(e->arena, "%g", v.number) : value_text(e, v);
  if (v.kind != V_ERROR) complain(e, E0313, call->span, said, lo, hi);
  return INT64_MIN;
}

// An argument's whole number from 1 on; 0 after reporting.
static int64_t count_of(Elab *e, const Call *call, Value v, double most) {
  if (v.kind == V_NONE) return complain(e, E0313, call->span, "none", 1.0, most), 0;
  int64_t n = whole(e, call, v, 1, most, 0);
  if (n < 1 && v.kind == V_NUMBER && v.number == -1)
    report_help(e->sources, "no size is found out here: write it, for instance as size(x) / 28");
  return n < 1 ? 0 : n;
}

static int64_t axis_of(Elab *e, const Call *call, Value v, int rank, int64_t absent) {
  int64_t axis = whole(e, call, v, -rank, rank - 1, absent);
  return axis < 0 && axis >= -rank ? axis + rank : axis;
}

static Value flatten(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  return reshape_event(e, v, shape_of(1, (int64_t[]){shape_count(event_shape(&v))}));
}

// The sizes that the arguments from `first` on give; false after reporting.
static bool sizes(Elab *e, const Call *call, int first, Shape *s) {
  int64_t most = 2147483647;  // of elements
  *s = (Shape){0};
  for (int i = first; i < call->n; i++) {
    int64_t n = count_of(e, call, call->arg[i], (double)most);
    if (!n) return false;
    if (s->rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), false;
    s->dim[s->rank++] = n;
    most /= n;
  }
  return true;
}

static Value reshape(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  Shape s;
  if (v.kind == V_ERROR || !sizes(e, call, 1, &s)) return value_error();
  if (shape_count(s) != shape_count(event_shape(&v))) {
    complain(e, E0314, call->span, shape_text(e->arena, event_shape(&v)), (long long)shape_count(event_shape(&v)),
             shape_text(e->arena, s), (long long)shape_count(s));
    return value_error();
  }
  return reshape_event(e, v, s);
}

static Value concat(Elab *e, const Call *call, Value *keyword) {
  Value part[MAX_ARGS];
  Node *node[MAX_ARGS];
  unsigned plates = 0;
  for (int i = 0; i < call->n; i++) {
    part[i] = as_tensor(e, call, i);
    if (part[i].kind == V_ERROR) return part[i];
    if (event_rank(&part[i]) == 0) part[i] = reshape_event(e, part[i], shape_of(1, (int64_t[]){1}));
    plates |= part[i].plates;
  }
  Shape first = event_shape(&part[0]);
  int64_t axis = axis_of(e, call, keyword[0], first.rank, first.rank - 1);
  if (axis < 0) return value_error();
  int at = 0;
  for (int i = 0; i < call->n; i++) {
    Shape s = event_shape(&part[i]), t = s;
    if (s.rank == first.rank) t.dim[axis] = first.dim[axis];
    if (!shape_equal(t, first)) {
      complain(e, E0301, call->span, shape_text(e->arena, first), shape_text(e->arena, s), "concat");
      report_note(e->sources, user_span(e, call->arg[0].span), "this is %s", shape_text(e->arena, first));
      report_note(e->sources, user_span(e, call->arg[i].span), "this is %s", shape_text(e->arena, s));
      return value_error();
    }
    Value wide = widen(e, part[i], plates, s);
    if (wide.kind == V_ERROR) return wide;
    node[i] = wide.node;
    at = wide.node->shape.rank - first.rank + (int)axis;
  }
  return value_tensor(node_concat(e->graph, at, call->n, node), plates);
}

static Value split(Elab *e, const Call *call, Value *keyword) {
  int64_t n = count_of(e, call, call->arg[0], 64);
  Value v = as_tensor(e, call, 1);
  if (!n || v.kind == V_ERROR) return value_error();
  Shape s = event_shape(&v);
  int64_t axis = s.rank ? axis_of(e, call, keyword[0], s.rank, s.rank - 1) : -1;
  if (s.rank && axis < 0) return value_error();
  if (!s.rank || s.dim[axis] % n) {
    complain(e, E0315, call->span, shape_text(e->arena, s), (int)n);
    return value_error();
  }
  Value list = {.kind = V_LIST, .items = (int)n, .item = NEW_ARRAY(e->arena, Value, n)};
  int skip = v.node->shape.rank - s.rank;
  s.dim[axis] /= n;
  for (int i = 0; i < n; i++) {
    int64_t start[MAX_RANK] = {0};
    start[skip + axis] = i * s.dim[axis];
    list.item[i] = value_tensor(node_slice(e->graph, v.node, start, physical_shape(e, v.plates, s)), v.plates);
  }
  return list;
}

static Value size(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Shape s;
  if (!shape_known(e, call, &s)) return value_error();
  if (call->n == 1) return value_number((double)shape_count(s));
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
  if (keyword[1].kind != V_NUMBER || keyword[1].number == 0) return out;
  for (int i = 0; i < s.rank; i++)
    if (axes >> i & 1) kept.dim[i] = 1;
  return reshape_event(e, out, kept);
}

static Value sum(Elab *e, const Call *call, Value *keyword) { return reduce(e, call, OP_SUM, keyword); }

static Value maximum(Elab *e, const Call *call, Value *keyword) { return reduce(e, call, OP_MAXIMUM, keyword); }

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
  if (label && v.node->lo >= 0 && v.node->hi <= (double)n - 1) assert_simplex(e, equal);
  return value_tensor(equal, v.plates);
}

// A last axis of size 1, to set a vector against a longer axis.
static Value expand(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Shape s = event_shape(&v);
  if (s.rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), value_error();
  s.dim[s.rank++] = 1;
  return reshape_event(e, v, s);
}

static Value transpose(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  int r = event_rank(&v), n = v.node->shape.rank, order[MAX_RANK];
  if (r != 2) return complain(e, E0317, call->span, "a matrix", shape_text(e->arena, event_shape(&v))), value_error();
  for (int i = 0; i < n; i++) order[i] = i;
  order[n - 1] = n - 2;
  order[n - 2] = n - 1;
  return value_tensor(node_permute(e->graph, v.node, order), v.plates);
}

// A square matrix, or some behind outer axes. Complains of anything else.
static bool is_square(Elab *e, const Value *v, Shape s) {
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

// Of rows one longer than they are, the first elements.
static Value diagonal(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  Shape s = event_shape(&v);
  if (v.kind == V_ERROR || !is_square(e, &v, s)) return value_error();
  int64_t n = s.dim[s.rank - 1], count = shape_count(v.node->shape) / (n * n);
  Node *flat = node_reshape(e->graph, v.node, shape_of(2, (int64_t[]){count, n * n}));
  Node *longer = node_pad(e->graph, flat, (int64_t[]){0, 0}, (int64_t[]){0, n});
  longer = node_reshape(e->graph, longer, shape_of(3, (int64_t[]){count, n, n + 1}));
  Node *first = node_slice(e->graph, longer, (int64_t[]){0, 0, 0}, shape_of(3, (int64_t[]){count, n, 1}));
  s.dim[--s.rank] = 0;
  return value_tensor(node_reshape(e->graph, first, physical_shape(e, v.plates, s)), v.plates);
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
  int64_t n = s.dim[s.rank - 1], m = t.rank == s.rank ? t.dim[t.rank - 1] : 1;
  l = widen(e, l, l.plates | b.plates, s);
  b = widen(e, b, l.plates | b.plates, t);
  if (l.kind == V_ERROR || b.kind == V_ERROR) return value_error();
  int64_t transposed = whole(e, call, keyword[0], 0, 1, 0);
  if (transposed < 0) return value_error();
  Node *x = node_solve(e->graph, stack_of(e, &l, n, n), stack_of(e, &b, n, m), transposed == 1);
  return value_tensor(node_reshape(e->graph, x, b.node->shape), b.plates);
}

static Value constant(Elab *e, const Call *call, double x) {
  Shape s;
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
  return value_tensor(node_unary(e->graph, OP_STOP, v.node), v.plates);
}

static const char *argument_text(Elab *e, const Call *call, int i) {
  return call->ast[i] ? expression_text(e, call->ast[i]) : i ? "x" : "y";
}

// The gradient of each example's y by x: y summed over the batch, in which examples must not meet.
static Value grad(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value y = as_tensor(e, call, 0), x = as_tensor(e, call, 1);
  if (y.kind == V_ERROR || x.kind == V_ERROR) return value_error();
  if (event_rank(&y)) return complain(e, E0505, call->span, shape_text(e->arena, event_shape(&y))), value_error();
  const Node *meet = x.plates & PLATE_BATCH ? graph_coupled(e->graph, y.node, x.node, e->plate[0]) : NULL;
  if (meet) {
    complain(e, E0701, call->span, argument_text(e, call, 0), argument_text(e, call, 1));
    report_note(e->sources, user_span(e, meet->span), "they meet here");
    report_help(
        e->sources,
        "`layer_norm` in place of `batch_norm` keeps to each example; `stop(...)` holds what comes of the batch still");
    return value_error();
  }
  Node *into = NULL, *blocked = NULL;
  graph_gradient(e->graph, y.node, 1, &x.node, &into, &blocked);
  if (!into) return complain(e, E0506, call->span), value_error();
  return value_tensor(into, x.plates);
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

static Node *random_node(Elab *e, const char *path, RandomAddress address, Shape s) {
  Attr attr = {.id = (int32_t)path_hash(path), .flag = (int32_t)address};
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
  RandomAddress address = !(plates & PLATE_BATCH) ? RANDOM_ONCE : e->drawing.in_data && !fresh ? RANDOM_EXAMPLE : RANDOM_STEP;
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

static Value entropy(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  if (call->arg[0].kind == V_DIST) return dist_member(e, call->arg[0], "entropy", WHOLE, call->span);
  return complain(e, E0407, call->span, value_text(e, call->arg[0])), value_error();
}

static const Builtin builtins[] = {
    {"flatten", 1, 1, {0}, flatten, "flatten(x)", "All numbers of x, the last axis running fastest: [size(x)]."},
    {"reshape",
     2,
     MAX_RANK + 1,
     {0},
     reshape,
     "reshape(x, n, m, ...)",
     "The numbers of x in another shape [n, m, ...] of as many, the last axis running fastest."},
    {"concat",
     1,
     MAX_ARGS,
     {"axis"},
     concat,
     "concat(a, b, ..., axis: -1)",
     "Tensors one after another along an axis; their other axes are equal. A scalar counts as [1]."},
    {"split",
     2,
     2,
     {"axis"},
     split,
     "split(n, x, axis: -1)",
     "n equal parts along an axis, as a list: `m, s = split(2, dense(h, 8))`."},
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
    {"cumsum",
     1,
     1,
     {"axis"},
     cumsum,
     "cumsum(x, axis: -1)",
     "Sums of x up to and with each place along an axis; the shape of x."},
    {"onehot",
     1,
     2,
     {0},
     onehot,
     "onehot(y, n)",
     "1 at the place of the label y, else 0, along a new last axis of size n; of a class(n), n may be left out."},
    {"expand", 1, 1, {0}, expand, "expand(x)", "x with a last axis of size 1, to set it against a longer one."},
    {"cholesky",
     1,
     1,
     {0},
     cholesky,
     "cholesky(a)",
     "The lower triangular l with l @ transpose(l) = a, for a[n, n] symmetric and positive definite, of which the "
     "lower "
     "triangle is read; NaN where it is not positive definite. a[k, n, n] are k such matrices."},
    {"diagonal",
     1,
     1,
     {0},
     diagonal,
     "diagonal(a)",
     "The diagonal [n] of a square matrix [n, n], or [k, n] of those of a[k, n, n]."},
    {"solve",
     2,
     2,
     {"transposed"},
     solve,
     "solve(l, b, transposed: false)",
     "The x with l @ x = b, or transpose(l) @ x = b, for l[n, n] lower triangular, of which that triangle is read, and "
     "b[n] or b[n, m]; for l[k, n, n] and b[k, n] or b[k, n, m] likewise."},
    {"transpose", 1, 1, {0}, transpose, "transpose(x)", "Rows become columns: [n, m] gives [m, n]."},
    {"zeros", 1, MAX_RANK, {0}, zeros, "zeros(n, m, ...)", "A tensor [n, m, ...] of 0."},
    {"ones", 1, MAX_RANK, {0}, ones, "ones(n, m, ...)", "A tensor [n, m, ...] of 1."},
    {"iota", 1, 1, {0}, iota, "iota(n)", "0, 1, ..., n - 1: [n]."},
    {"stop", 1, 1, {0}, stop, "stop(x)", "x, through which no gradient flows. Of a distribution, stop(q(z | x)): its parameters are held still, the point is not."},
    {"grad",
     2,
     2,
     {0},
     grad,
     "grad(y, x)",
     "The gradient of the scalar y by x, of the shape of x; it may be differentiated again."},
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
    {"entropy",
     1,
     1,
     {0},
     entropy,
     "entropy(q(z | x))",
     "The entropy of a distribution in nats, a sum over the whole event, where the distribution has one."},
    {"standardize",
     1,
     1,
     {0},
     call_standardize,
     "standardize(x)",
     "A stage of data: less the mean and by the deviation of each place over the training split, which are kept with the "
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
    [OP_SIGMOID] = "1 / (1 + exp(-a)), the inverse of logits: between 0 and 1.",
    [OP_SOFTPLUS] = "log(1 + exp(a)): positive, and near a where a is large.",
    [OP_NORMAL_CDF] = "The probability that a standard normal number is below a.",
    [OP_EXPM1MX] = "exp(a) - 1 - a, exact for small a.",
    [OP_LGAMMA] = "log of the gamma function, of a > 0.",
    [OP_DIGAMMA] = "The derivative of lgamma.",
    [OP_TRIGAMMA] = "The derivative of digamma.",
    [OP_KL_DIV] =
        "a log(a / b) - a + b, of a >= 0 and b >= 0, exact where a and b are close: a divergence is a sum of such "
        "terms.",
    [OP_LOG_BERNOULLI] = "a b - softplus(b), exact where it is small: the log probability of a, 0 or 1, by logits b.",
    [OP_RESIDUAL] = "a - sigmoid(b), exact where it is small.",
    [OP_MAX] = "The greater of two, value by value.",
    [OP_MIN] = "The smaller of two, value by value.",
};

static const Builtin *find_builtin(const char *name) {
  for (int i = 0; i < BUILTINS; i++)
    if (!strcmp(builtins[i].name, name)) return &builtins[i];
  return NULL;
}

static bool is_reader(const char *name) {
  for (int i = 0; i < READERS; i++)
    if (!strcmp(readers[i].name, name)) return true;
  return false;
}

// An elementwise operation is a function of its name, unless it is written with a sign of its own.
static Op elementwise(const char *name) {
  for (Op op = 0; op < OP_COUNT; op++)
    if (op_class(op) == ELEMENTWISE && !strcmp(op_name(op), name) && !strcmp(op_sign(op), name)) return op;
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
  const char **name = NEW_ARRAY(a, const char *, BUILTINS + READERS + OP_COUNT);
  *n = 0;
  for (int i = 0; i < BUILTINS; i++) name[(*n)++] = builtins[i].name;
  for (int i = 0; i < READERS; i++) name[(*n)++] = readers[i].name;
  for (Op op = 0; op < OP_COUNT; op++)
    if (elementwise(op_name(op)) == op) name[(*n)++] = op_name(op);
  return name;
}

static Value call_operation(Elab *e, Op op, const Call *call) {
  for (int i = 0; i < call->n; i++) {
    if (call->arg[i].kind == V_ERROR) return value_error();
    if (call->name[i]) return complain(e, E0223, call->arg[i].span, op_name(op), call->name[i]), value_error();
  }
  if (call->n == op_arity(op)) return apply(e, op, call->span, call->n, call->arg);
  complain(e, E0231, call->span, op_name(op), op_arity(op), op_arity(op), call->n);
  return value_error();
}

Value call_builtin(Elab *e, const char *name, const Call *call) {
  if (is_reader(name)) return call_reader(e, name, call);
  if (elementwise(name) != OP_COUNT) return call_operation(e, elementwise(name), call);
  const Builtin *b = find_builtin(name);
  Value keyword[3] = {{.kind = V_NONE}, {.kind = V_NONE}, {.kind = V_NONE}};
  Call positional = {.span = call->span};
  for (int i = 0; i < call->n; i++) {
    if (call->arg[i].kind == V_ERROR) return value_error();
    int k = 0;
    while (call->name[i] && k < 3 && b->keyword[k] && strcmp(b->keyword[k], call->name[i])) k++;
    if (call->name[i] && (k == 3 || !b->keyword[k]))
      return complain(e, E0223, call->arg[i].span, name, call->name[i]), value_error();
    if (call->name[i]) {
      keyword[k] = call->arg[i];
    } else {
      positional.ast[positional.n] = call->ast[i];
      positional.arg[positional.n++] = call->arg[i];
    }
  }
  if (positional.n < b->least || positional.n > b->most) {
    complain(e, E0231, call->span, name, b->least, b->most, positional.n);
    return value_error();
  }
  Value v = b->fn(e, &positional, keyword);
  v.span = call->span;
  return v;
}
