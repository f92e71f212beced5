// Indices: places, ranges, and places that are computed, of each axis of a tensor. Part of the elaborator.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// What an index takes of its axis: a range of places; and where `one` holds, that axis vanishes.
typedef struct {
  int64_t lo, hi;
  bool one;
  bool computed;  // the places are `at`, and the range is all of the axis
  Value at;
  Span span;
} Index;

Value range_value(Elab *e, Value lo, Value hi) {
  Value v = {.kind = V_LIST, .items = 2, .item = NEW_ARRAY(e->arena, Value, 2), .text = ".."};
  v.item[0] = lo;
  v.item[1] = hi;
  return v;
}

static bool is_range(const Value *v) { return v->kind == V_LIST && v->text; }

// A place from 0 to `most`, counted from the end if it is negative; -1 if there is none such.
static int64_t place_of(double x, int64_t size, int64_t most) {
  if (x < 0) x += (double)size;
  return floor(x) == x && x >= 0 && x <= (double)most ? (int64_t)x : -1;
}

static bool outside(Elab *e, Span where, const char *what, int64_t size) {
  return complain(e, E0307, where, what, (long long)size), false;
}

static bool number_index(Elab *e, double x, int64_t size, Index *out) {
  out->lo = place_of(x, size, size - 1);
  out->hi = out->lo + 1;
  out->one = true;
  return out->lo >= 0 || outside(e, out->span, arena_format(e->arena, "index %g", x), size);
}

static bool range_index(Elab *e, const double *from, const double *to, int64_t size, Index *out) {
  out->lo = from ? place_of(*from, size, size) : 0;
  out->hi = to ? place_of(*to, size, size) : size;
  if (out->lo >= 0 && out->lo < out->hi) return true;
  const char *first = from ? arena_format(e->arena, "%g ", *from) : "",
             *last = to ? arena_format(e->arena, " %g", *to) : "";
  return outside(e, out->span, arena_format(e->arena, "the range %s..%s", first, last), size);
}

// `lo ..`, `.. hi`, `..`
static bool open_range(Elab *e, Scope *scope, const Ast *ast, int64_t size, Index *out) {
  double lo = ast->a ? eval_number(e, scope, ast->a, "an index") : 0;
  double hi = ast->b ? eval_number(e, scope, ast->b, "an index") : 0;
  if (isnan(lo) || isnan(hi)) return false;
  return range_index(e, ast->a ? &lo : NULL, ast->b ? &hi : NULL, size, out);
}

// [0, -1]: each number is a place, counted from the end if it is negative. False after reporting one that is none.
static bool count_places(Elab *e, Value *list, int64_t size) {
  Value *item = NEW_ARRAY(e->arena, Value, list->items);
  for (int i = 0; i < list->items; i++) {
    Index one = {.span = list->item[i].span};
    item[i] = list->item[i];
    if (item[i].kind == V_LIST && !count_places(e, &item[i], size)) return false;
    if (item[i].kind != V_NUMBER) continue;
    if (!number_index(e, item[i].number, size, &one)) return false;
    item[i] = value_number((double)one.lo);
  }
  list->item = item;
  return true;
}

static bool eval_one(Elab *e, Scope *scope, const Ast *ast, int64_t size, Index *out) {
  *out = (Index){.span = ast->span, .hi = size};
  if (ast->kind == AST_RANGE) return open_range(e, scope, ast, size, out);
  Value at = eval(e, scope, ast);
  if (at.kind == V_ERROR) return false;
  if (at.kind == V_NUMBER) return number_index(e, at.number, size, out);
  if (is_range(&at) && at.item[0].kind == V_NUMBER && at.item[1].kind == V_NUMBER)
    return range_index(e, &at.item[0].number, &at.item[1].number, size, out);
  if (is_range(&at) || (at.kind != V_TENSOR && at.kind != V_LIST))
    return complain(e, E0309, ast->span, value_text(e, at)), false;
  out->computed = true;
  if (at.classes > size) {
    outside(e, ast->span, arena_format(e->arena, "places up to %d", at.classes - 1), size);
    report_help(e->sources, "within(%s, 0, %lld) keeps them on it", expression_text(e, ast), (long long)size - 1);
    return false;
  }
  if (at.kind == V_LIST && !count_places(e, &at, size)) return false;
  out->at = to_tensor(e, at);
  return out->at.kind != V_ERROR;
}

// ---- computed places

// Rows of a table that the places have no plate in common with: all that is not along the axis is one row.
static Value fetch(Elab *e, Value v, int axis, Value at) {
  int skip = v.node->shape.rank - event_rank(&v), order[MAX_RANK] = {skip + axis}, n = 1;
  for (int i = 0; i < v.node->shape.rank; i++)
    if (i != skip + axis) order[n++] = i;
  Node *rows = node_gather(e->graph, node_permute(e->graph, v.node, order), at.node);
  int outer = at.node->shape.rank - event_rank(&at), inner = at.node->shape.rank, places = outer;
  int of_places = 0, of_rows = inner;
  n = 0;
  for (int p = 0; p < MAX_PLATES; p++) {
    if (at.plates >> p & 1) order[n++] = of_places++;
    if (v.plates >> p & 1) order[n++] = of_rows++;
  }
  for (int i = 0; i < axis; i++) order[n++] = of_rows++;
  while (places < inner) order[n++] = places++;
  while (of_rows < rows->shape.rank) order[n++] = of_rows++;
  return value_tensor(node_permute(e->graph, rows, order), v.plates | at.plates);
}

// Of a table of each example's own: [before, size, after] against [before, places, size, after], of which one place of
// the axis counts. No example sees another's.
static Value choose(Elab *e, Value v, int axis, Value at, Span where) {
  Shape s = event_shape(&v), t = event_shape(&at), table = {0}, places = {0}, along = {0};
  int64_t size = s.dim[axis];
  table.rank = places.rank = along.rank = s.rank + t.rank;
  for (int i = 0; i < table.rank; i++) {
    bool before = i < axis, place = !before && i < axis + t.rank;
    table.dim[i] = place ? 1 : s.dim[before ? i : i - t.rank];
    places.dim[i] = place ? t.dim[i - axis] : 1;
    along.dim[i] = i == axis + t.rank ? size : 1;
  }
  if (!is_integral(at.node)) at = apply1(e, OP_FLOOR, where, at);
  if (at.node->lo < 0) at = apply2(e, OP_MAX, where, at, value_number(0));
  if (at.node->hi > (double)size - 1) at = apply2(e, OP_MIN, where, at, value_number((double)size - 1));
  Value index = value_tensor(node_iota(e->graph, axis + t.rank, along), 0);
  Value here = apply2(e, OP_EQUAL, where, reshape_event(e, at, places), index);
  Value all = apply(e, OP_SELECT, where, 3, (Value[]){here, reshape_event(e, v, table), value_number(0)});
  Value one = all.kind == V_ERROR ? all : reduce_events(e, OP_SUM, all, 1u << (axis + t.rank));
  if (one.kind == V_ERROR) return one;
  one.node->lo = fmax(one.node->lo, v.node->lo);
  one.node->hi = fmin(one.node->hi, v.node->hi);
  return one;
}

Value pick_places(Elab *e, Value v, int axis, Value at, Span where) {
  Value weights = weights_of(e, &at);
  if (weights.kind == V_TENSOR) return weighed_places(e, v, axis, weights, where);
  bool shared = v.plates & at.plates;
  int rank = event_rank(&v) + event_rank(&at) - !shared, plates = __builtin_popcount(v.plates | at.plates);
  if (rank + plates > MAX_RANK) return complain(e, E0304, where, MAX_RANK), value_error();
  Value out = shared ? choose(e, v, axis, at, where) : fetch(e, v, axis, at);
  if (out.kind != V_ERROR) hand_on_facts(e, &v, axis, out.node);
  return out;
}

// ---- the whole

// An item of a list that is no tensor: of the distributions of a network, or of values of unlike shapes.
static Value list_item(Elab *e, Scope *scope, const Ast *ast, const Value *list) {
  if (ast->b->next) return complain(e, E0308, ast->b->next->span, "a list"), value_error();
  double x = eval_number(e, scope, ast->b, "an index");
  Index index = {.span = ast->b->span};
  if (isnan(x) || !number_index(e, x, list->items, &index)) return value_error();
  return list->item[index.lo];
}

static Value take(Elab *e, Value v, const Index *index, int n) {
  Shape s = event_shape(&v), cut = s, kept = {0};
  int64_t start[MAX_RANK] = {0};
  int skip = v.node->shape.rank - s.rank;
  for (int i = 0; i < s.rank; i++) {
    if (i < n) start[skip + i] = index[i].lo, cut.dim[i] = index[i].hi - index[i].lo;
    if (i >= n || !index[i].one) kept.dim[kept.rank++] = cut.dim[i];
  }
  Value out = value_tensor(node_slice(e->graph, v.node, start, physical_shape(e, v.plates, cut)), v.plates);
  out = reshape_event(e, out, kept);
  for (int i = n, axis = kept.rank - (s.rank - n); i-- > 0 && out.kind != V_ERROR;) {
    axis -= !index[i].one;
    if (index[i].computed) out = pick_places(e, out, axis, index[i].at, index[i].span);
  }
  out.classes = v.classes;
  return out;
}

Value index_value(Elab *e, Scope *scope, Value v, const Ast *indices) {
  Shape s = event_shape(&v);
  Index index[MAX_RANK];
  int n = 0, many = 0;
  for (const Ast *i = indices; i; i = i->next, n++) {
    if (n == s.rank) return complain(e, E0308, i->span, shape_text(e->arena, s)), value_error();
    if (!eval_one(e, scope, i, s.dim[n], &index[n])) return value_error();
    if (index[n].computed && event_rank(&index[n].at) && many++) {
      complain(e, E0327, i->span);
      report_help(e->sources, "take them one after another, and say of which axis: x[i][.., j]");
      return value_error();
    }
  }
  return take(e, v, index, n);
}

// a[i, j]: a number picks one place of an axis, `lo .. hi` a range; a label or another tensor the places it holds.
Value eval_index(Elab *e, Scope *scope, const Ast *ast) {
  Value v = eval(e, scope, ast->a);
  Shape numbers;
  if (v.kind == V_LIST && (v.apart || !list_shape(&v, &numbers))) return list_item(e, scope, ast, &v);
  v = to_tensor(e, v);
  if (v.kind != V_ERROR) v = index_value(e, scope, v, ast->b);
  v.span = ast->span;
  return v;
}
