// Functions that move numbers to other places and leave them as they are. Part of the elaborator.
#include "elaborate/elaborate_builtin.h"

#include <string.h>

enum { MAX_PARTS = 64 };

// The axes of the event in another order: axis i of the result is order[i] of v.
static Value permuted(Elab *e, Value v, const int *order) {
  int r = event_rank(&v), skip = v.node->shape.rank - r, axis[MAX_RANK];
  for (int i = 0; i < v.node->shape.rank; i++) axis[i] = i < skip ? i : skip + order[i - skip];
  return value_tensor(node_permute(e->graph, v.node, axis), v.plates);
}

// The axis a keyword names of a tensor that has one, the last if it is absent; false after reporting.
static bool find_axis(Elab *e, const Call *call, const Value *v, Value keyword, int64_t *axis) {
  int r = event_rank(v);
  if (!r) return complain(e, E0303, call->span, "a scalar"), false;
  *axis = axis_of(e, call, keyword, r, r - 1);
  return *axis >= 0;
}

static bool has_room(Elab *e, const Call *call, int64_t count, int64_t times) {
  double total = (double)count * (double)times;
  return total <= 2147483647.0 || (complain(e, E0323, call->span, total), false);
}

static Value flatten(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  return reshape_event(e, v, shape_of(1, (int64_t[]){shape_count(event_shape(&v))}));
}

static Value reshape(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  Shape s;
  if (v.kind == V_ERROR || !sizes(e, call, 1, &s)) return value_error();
  if (shape_count(s) != shape_count(event_shape(&v))) {
    complain(e, E0314, call->span, shape_text(e->arena, event_shape(&v)), (long long)shape_count(event_shape(&v)),
             shape_text(e->arena, s), (long long)shape_count(s));
    help_layers(e, v.node, s);
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

// The sizes of the parts of an axis: a number of equal ones, or a list that adds up to it. Returns how many there are,
// 0 after reporting.
static int part_sizes(Elab *e, const Call *call, Shape s, int64_t axis, int64_t *part) {
  const Value *wanted = &call->arg[0];
  int64_t sum = 0, n = 0;
  if (wanted->kind != V_LIST) {
    n = count_of(e, call, *wanted, MAX_PARTS);
    if (n && s.dim[axis] % n) return complain(e, E0315, call->span, shape_text(e->arena, s), (int)n), 0;
    for (int i = 0; i < n; i++) part[i] = s.dim[axis] / n;
    return (int)n;
  }
  if (wanted->items > MAX_PARTS) return complain(e, E0221, call->span, MAX_PARTS), 0;
  for (; n < wanted->items; n++) {
    part[n] = count_of(e, call, wanted->item[n], (double)s.dim[axis]);
    if (!part[n]) return 0;
    sum += part[n];
  }
  if (sum != s.dim[axis]) return complain(e, E0328, call->span, (long long)sum, (long long)s.dim[axis]), 0;
  return (int)n;
}

static Value split(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 1);
  int64_t axis, part[MAX_PARTS], start[MAX_RANK] = {0};
  if (v.kind == V_ERROR || !find_axis(e, call, &v, keyword[0], &axis)) return value_error();
  Shape s = event_shape(&v);
  int n = part_sizes(e, call, s, axis, part), skip = v.node->shape.rank - s.rank;
  if (!n) return value_error();
  Value list = {.kind = V_LIST, .items = n, .item = NEW_ARRAY(e->arena, Value, n)};
  list.apart = call->arg[0].kind == V_LIST;
  for (int i = 0; i < n; i++) {
    s.dim[axis] = part[i];
    list.item[i] = value_tensor(node_slice(e->graph, v.node, start, physical_shape(e, v.plates, s)), v.plates);
    start[skip + axis] += part[i];
  }
  return list;
}

// A further axis of size 1, to set a tensor against a longer one.
static Value expand(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Shape s = event_shape(&v);
  int64_t axis = axis_of(e, call, keyword[0], s.rank + 1, s.rank);
  if (axis < 0) return value_error();
  if (s.rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), value_error();
  memmove(s.dim + axis + 1, s.dim + axis, sizeof s.dim[0] * (size_t)(s.rank++ - axis));
  s.dim[axis] = 1;
  return reshape_event(e, v, s);
}

// A list, stacked along another axis than the first.
static Value stack(Elab *e, const Call *call, Value *keyword) {
  Value list = {.kind = V_LIST, .items = call->n, .item = NEW_ARRAY(e->arena, Value, call->n), .span = call->span};
  for (int i = 0; i < call->n; i++) list.item[i] = call->arg[i];
  Value v = to_tensor(e, list);
  if (v.kind == V_ERROR) return v;
  int order[MAX_RANK], n = 0, r = event_rank(&v);
  int64_t axis = axis_of(e, call, keyword[0], r, 0);
  if (axis < 0) return value_error();
  for (int i = 0; i < r; i++) order[i] = i == axis ? 0 : ++n;
  return permuted(e, v, order);
}

// The last two axes change places.
static Value transpose(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  int r = event_rank(&v), order[MAX_RANK];
  if (r < 2) return complain(e, E0317, call->span, "a matrix", shape_text(e->arena, event_shape(&v))), value_error();
  for (int i = 0; i < r; i++) order[i] = i;
  order[r - 1] = r - 2;
  order[r - 2] = r - 1;
  return permuted(e, v, order);
}

static Value permute(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  int r = event_rank(&v), order[MAX_RANK];
  unsigned seen = 0;
  for (int i = 1; i < call->n; i++) {
    int64_t axis = axis_of(e, call, call->arg[i], r, 0);
    if (axis < 0) return value_error();
    order[i - 1] = (int)axis;
    seen |= 1u << axis;
  }
  if (call->n - 1 != r || seen != (1u << r) - 1)
    return complain(e, E0331, call->span, shape_text(e->arena, event_shape(&v)), r), value_error();
  return permuted(e, v, order);
}

static Value reverse(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 0);
  int64_t axis;
  if (v.kind == V_ERROR || !find_axis(e, call, &v, keyword[0], &axis)) return value_error();
  int64_t n = event_shape(&v).dim[axis];
  Value place = value_tensor(node_iota(e->graph, 0, shape_of(1, &n)), 0);
  place = apply2(e, OP_SUB, call->span, value_number((double)n - 1), place);
  return pick_places(e, v, (int)axis, place, call->span);
}

// Each place has what stood in the one before it. Before the first stands 0, or of a class a label of its own.
static Value before(Elab *e, const Call *call, Value *keyword) {
  Value v = as_tensor(e, call, 0);
  if (v.kind == V_ERROR) return v;
  Shape s = event_shape(&v), flat = shape_of(1, (int64_t[]){shape_count(s)});
  bool along = keyword[0].kind != V_NONE;
  int64_t axis = 0;
  if (along && !find_axis(e, call, &v, keyword[0], &axis)) return value_error();
  if (!along) v = reshape_event(e, v, flat);
  int at = v.node->shape.rank - event_rank(&v) + (int)axis, classes = call->arg[0].classes, n = 1;
  Shape first = v.node->shape, rest = first;
  first.dim[at] = 1;
  Node *part[2] = {node_const(e->graph, classes, first)};
  if (--rest.dim[at]) part[n++] = node_slice(e->graph, v.node, (int64_t[MAX_RANK]){0}, rest);
  v = reshape_event(e, value_tensor(node_concat(e->graph, at, n, part), v.plates), s);
  v.classes = classes ? classes + 1 : 0;
  return v;
}

// `times` copies of blocks of an axis, one behind another: of each place, or of the whole.
static Value copies(Elab *e, const Call *call, Value keyword, bool whole_axis) {
  Value v = as_tensor(e, call, 0);
  int64_t axis, times = count_of(e, call, call->arg[1], 2147483647), inner = 1;
  if (v.kind == V_ERROR || !times || !find_axis(e, call, &v, keyword, &axis)) return value_error();
  Shape s = event_shape(&v);
  if (!has_room(e, call, shape_count(s), times)) return value_error();
  for (int i = (int)axis + !whole_axis; i < s.rank; i++) inner *= s.dim[i];
  int64_t outer = shape_count(v.node->shape) / inner;
  Node *blocks = node_reshape(e->graph, v.node, shape_of(3, (int64_t[]){outer, 1, inner}));
  blocks = node_broadcast(e->graph, blocks, shape_of(3, (int64_t[]){outer, times, inner}));
  s.dim[axis] *= times;
  return value_tensor(node_reshape(e->graph, blocks, physical_shape(e, v.plates, s)), v.plates);
}

static Value tile(Elab *e, const Call *call, Value *keyword) { return copies(e, call, keyword[0], true); }

static Value repeated(Elab *e, const Call *call, Value *keyword) { return copies(e, call, keyword[0], false); }

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

// The other way round: of rows one longer than they are, the first elements, and 0 behind them.
static Value diagonal_matrix(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = as_tensor(e, call, 0);
  int64_t axis;
  if (v.kind == V_ERROR || !find_axis(e, call, &v, (Value){.kind = V_NONE}, &axis)) return value_error();
  Shape s = event_shape(&v);
  int64_t n = s.dim[axis], count = shape_count(v.node->shape) / n;
  if (!has_room(e, call, shape_count(s), n)) return value_error();
  if (v.node->shape.rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), value_error();
  Node *first = node_reshape(e->graph, v.node, shape_of(3, (int64_t[]){count, n, 1}));
  Node *longer = node_pad(e->graph, first, (int64_t[]){0, 0, 0}, (int64_t[]){0, 0, n});
  Node *flat = node_reshape(e->graph, longer, shape_of(2, (int64_t[]){count, n * (n + 1)}));
  flat = node_slice(e->graph, flat, (int64_t[]){0, 0}, shape_of(2, (int64_t[]){count, n * n}));
  s.dim[s.rank++] = n;
  Node *matrix = node_reshape(e->graph, flat, physical_shape(e, v.plates, s));
  if (v.node->lo > 0) assert_library_fact(e, matrix, "spd"), assert_library_fact(e, matrix, "cholesky");
  return value_tensor(matrix, v.plates);
}

const Builtin movements[] = {
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
    {"stack",
     1,
     MAX_ARGS,
     {"axis"},
     stack,
     "stack(a, b, ..., axis: 0)",
     "Tensors of one shape along a new axis; without `axis` the list [a, b, ...] is the same."},
    {"split",
     2,
     2,
     {"axis"},
     split,
     "split(n, x, axis: -1)",
     "n equal parts along an axis, as a list: `m, s = split(2, dense(h, 8))`. A list of sizes in place of n gives "
     "parts "
     "of these: `a, b = split([2, 6], h)`."},
    {"expand",
     1,
     1,
     {"axis"},
     expand,
     "expand(x, axis: -1)",
     "x with a further axis of size 1, the last or the one named, to set it against a longer one."},
    {"transpose",
     1,
     1,
     {0},
     transpose,
     "transpose(x)",
     "Rows become columns: [n, m] gives [m, n], and [k, n, m] gives [k, m, n]."},
    {"permute",
     2,
     MAX_RANK + 1,
     {0},
     permute,
     "permute(x, i, j, ...)",
     "x with its axes in another order: the first is axis i of x, the second axis j."},
    {"reverse",
     1,
     1,
     {"axis"},
     reverse,
     "reverse(x, axis: -1)",
     "x with the places of an axis from the last to the first."},
    {"before",
     1,
     1,
     {"axis"},
     before,
     "before(x), before(x, axis: 0)",
     "x moved on by one place, the last axis running fastest, or along an axis: each place has what stood before it, the "
     "first 0. Of a class with n labels the first has label n, one of its own: class(n + 1)."},
    {"tile",
     2,
     2,
     {"axis"},
     tile,
     "tile(x, n, axis: -1)",
     "n copies of x one after another along an axis: [1, 2] gives [1, 2, 1, 2]."},
    {"repeated",
     2,
     2,
     {"axis"},
     repeated,
     "repeated(x, n, axis: -1)",
     "Each place of an axis n times: [1, 2] gives [1, 1, 2, 2]."},
    {"diagonal",
     1,
     1,
     {0},
     diagonal,
     "diagonal(a)",
     "The diagonal [n] of a square matrix [n, n], or [k, n] of those of a[k, n, n]."},
    {"diagonal_matrix",
     1,
     1,
     {0},
     diagonal_matrix,
     "diagonal_matrix(v)",
     "The square matrix [n, n] with v[n] on its diagonal and 0 elsewhere, or [k, n, n] with those of v[k, n]."},
};

const int movements_count = sizeof movements / sizeof *movements;
