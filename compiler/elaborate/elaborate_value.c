// Tensors of the language: implicit axes, broadcasting, arithmetic. Part of the elaborator.
//
// Two tensors meet when, after the plates, their event shapes are equal, or one is a scalar, or the shorter shape is
// the end of the longer one, or ranks are equal and sizes differ only by 1s. Anything else is a mistake, not a guess.
#include "elaborate/elaborate.h"
#include "graph/number.h"

#include <math.h>
#include <string.h>

Value value_error(void) { return (Value){.kind = V_ERROR}; }

// The sign of a NaN is the processor's choice, and would be printed.
Value value_number(double x) { return (Value){.kind = V_NUMBER, .number = isnan(x) ? (double)NAN : x}; }

Value value_tensor(Node *n, unsigned plates) { return (Value){.kind = V_TENSOR, .node = n, .plates = plates}; }

static int plates_in(unsigned mask) { return __builtin_popcount(mask); }

static bool has_node(const Value *v) { return v->kind == V_TENSOR || v->kind == V_OBSERVED; }

int event_rank(const Value *v) { return has_node(v) ? v->node->shape.rank - plates_in(v->plates) : 0; }

Shape event_shape(const Value *v) {
  Shape s = {0};
  if (!has_node(v)) return s;
  int skip = plates_in(v->plates);
  s.rank = v->node->shape.rank - skip;
  for (int i = 0; i < s.rank; i++) s.dim[i] = v->node->shape.dim[i + skip];
  return s;
}

Shape physical_shape(const Elab *e, unsigned plates, Shape event) {
  Shape s = {0};
  for (int p = 0; p < MAX_PLATES; p++)
    if (plates >> p & 1) s.dim[s.rank++] = e->plate[p];
  for (int i = 0; i < event.rank; i++) s.dim[s.rank++] = event.dim[i];
  return s;
}

const char *value_text(Elab *e, Value v) {
  switch (v.kind) {
    case V_NUMBER: return isnan(v.number) ? "not a number" : arena_format(e->arena, "the number %g", v.number);
    case V_TEXT: return "a text";
    case V_TENSOR: {
      Shape s = event_shape(&v);
      return s.rank ? arena_format(e->arena, "a tensor of shape %s", shape_text(e->arena, s)) : "a scalar";
    }
    case V_OBSERVED: return "a value that is seen in part";
    case V_LIST: return "a list";
    case V_DIST: return "a distribution";
    case V_CALLABLE: return v.decl && v.decl->ast->kind == AST_OPTIMIZER ? "an optimizer" : "a function";
    case V_OPTIMIZER: return "an optimizer";
    case V_SOURCE: return "a source of data";
    case V_NONE: return "none";
    case V_ERROR: break;
  }
  return "a mistaken value";
}

bool same_value(const Value *a, const Value *b) {
  bool same = a->kind == b->kind && a->number == b->number && a->node == b->node && a->plates == b->plates &&
              a->dist == b->dist && a->decl == b->decl && a->source == b->source && a->items == b->items;
  if (a->text != b->text) same = same && a->text && b->text && !strcmp(a->text, b->text);
  for (int i = 0; same && i < a->items; i++) same = same_value(&a->item[i], &b->item[i]);
  return same;
}

bool list_shape(const Value *list, Shape *s) {
  *s = (Shape){0};
  if (list->kind != V_LIST) return *s = event_shape(list), list->kind == V_NUMBER || list->kind == V_TENSOR;
  for (int i = 0; i < list->items; i++) {
    Shape item, merged;
    if (!list_shape(&list->item[i], &item)) return false;
    if (i && (item.rank != s->rank || !broadcast_shapes(*s, item, &merged))) return false;
    *s = i ? merged : item;
  }
  if (!list->items || s->rank == MAX_RANK) return false;
  memmove(s->dim + 1, s->dim, sizeof s->dim[0] * (size_t)s->rank++);
  s->dim[0] = list->items;
  return true;
}

static Value stack_list(Elab *e, Value list) {
  Shape event = {0};
  unsigned plates = 0;
  Value *item = NEW_ARRAY(e->arena, Value, list.items);
  for (int i = 0; i < list.items; i++) {
    item[i] = to_tensor(e, list.item[i]);
    if (item[i].kind == V_ERROR) return value_error();
    Shape merged, s = event_shape(&item[i]);
    if (i && (s.rank != event.rank || !broadcast_shapes(event, s, &merged))) {
      complain(e, E0302, list.item[i].span, shape_text(e->arena, s), shape_text(e->arena, event));
      return value_error();
    }
    event = i ? merged : s;
    plates |= item[i].plates;
  }
  if (event.rank + 1 + plates_in(plates) > MAX_RANK) return complain(e, E0304, list.span, MAX_RANK), value_error();
  Shape single = event;
  memmove(single.dim + 1, single.dim, sizeof single.dim[0] * (size_t)event.rank);
  single.dim[0] = 1;
  single.rank++;
  Node **part = NEW_ARRAY(e->arena, Node *, list.items);
  for (int i = 0; i < list.items; i++) {
    Value wide = widen(e, item[i], plates, event);
    if (wide.kind == V_ERROR) return wide;
    part[i] = node_reshape(e->graph, wide.node, physical_shape(e, plates, single));
  }
  Value v = value_tensor(node_concat(e->graph, plates_in(plates), list.items, part), plates);
  v.span = list.span;
  return v;
}

Value to_tensor(Elab *e, Value v) {
  switch (v.kind) {
    case V_TENSOR:
      return belongs_here(e, &v) ? v : (complain(e, E0310, v.span), value_error());
    case V_ERROR: return v;
    case V_NUMBER: {
      Value t = value_tensor(node_const_said(e->graph, v.number, (Shape){0}, v.said), 0);
      t.span = v.span;
      t.classes = v.classes;
      return t;
    }
    case V_LIST:
      if (v.items) return stack_list(e, v);
      break;
    default: break;
  }
  if (v.kind == V_OBSERVED) return refuse_observed(e, &v), value_error();
  complain(e, E0303, v.span, value_text(e, v));
  return value_error();
}

bool broadcast_shapes(Shape s, Shape t, Shape *out) {
  if (s.rank < t.rank) {
    Shape swap = s;
    s = t;
    t = swap;
  }
  *out = s;
  for (int i = 0; i < t.rank; i++) {
    int64_t *big = &out->dim[i + s.rank - t.rank], small = t.dim[i];
    if (*big == small) continue;
    if (s.rank != t.rank || (*big != 1 && small != 1)) return false;
    if (*big == 1) *big = small;
  }
  return true;
}

Value widen(Elab *e, Value v, unsigned plates, Shape event) {
  v = to_tensor(e, v);
  if (v.kind == V_ERROR) return v;
  Shape own = event_shape(&v), from = {0}, merged;
  if (plates_in(plates) + event.rank > MAX_RANK) return complain(e, E0304, v.span, MAX_RANK), value_error();
  if (v.plates & ~plates) return complain(e, E0325, v.span), value_error();
  if (!broadcast_shapes(event, own, &merged) || !shape_equal(merged, event))
    return complain(e, E0324, v.span, shape_text(e->arena, own), shape_text(e->arena, event)), value_error();
  for (int p = 0; p < MAX_PLATES; p++)
    if (plates >> p & 1) from.dim[from.rank++] = v.plates >> p & 1 ? e->plate[p] : 1;
  for (int i = 0; i < event.rank; i++) {
    int k = i - (event.rank - own.rank);
    from.dim[from.rank++] = k < 0 ? 1 : own.dim[k];
  }
  Node *n = node_reshape(e->graph, v.node, from);
  Value wide = value_tensor(node_broadcast(e->graph, n, physical_shape(e, plates, event)), plates);
  wide.span = v.span;
  wide.classes = v.classes;
  return wide;
}

static bool all_numbers(int n, const Value *args) {
  for (int i = 0; i < n; i++)
    if (args[i].kind != V_NUMBER) return false;
  return true;
}

const char *op_sign(Op op) {
  switch (op) {
    case OP_ADD: return "+";
    case OP_NEG: return "-";
    case OP_SUB: return "-";
    case OP_MUL: return "*";
    case OP_DIV: return "/";
    case OP_POW: return "^";
    case OP_LESS: return "<";
    case OP_EQUAL: return "==";
    case OP_SELECT: return "if";
    default: return op_name(op);
  }
}

// Two shapes that would fit if the shorter one had its axes elsewhere: with those of size 1 behind or in front of them.
static void help_shapes(Elab *e, const Value *a, const Value *b) {
  Shape s = event_shape(a), t = event_shape(b), merged;
  const Value *shorter = s.rank < t.rank ? a : b;
  Shape longer = s.rank < t.rank ? t : s, first = event_shape(shorter), last = first;
  Span where = user_span(e, shorter->span);
  bool written = where.file == shorter->span.file && where.begin == shorter->span.begin;
  if (longer.rank != first.rank + 1 || !written) return;
  memmove(first.dim + 1, first.dim, sizeof first.dim[0] * (size_t)first.rank++);
  first.dim[0] = last.dim[last.rank++] = 1;
  bool in_front = broadcast_shapes(first, longer, &merged), behind = broadcast_shapes(last, longer, &merged);
  const char *text = span_text(e->arena, e->sources, where);
  const char *row = shape_text(e->arena, first), *column = shape_text(e->arena, last);
  if (in_front && behind)
    report_help(e->sources, "expand(%s, axis: 0) makes it %s, and expand(%s) %s", text, row, text, column);
  else if (in_front)
    report_help(e->sources, "expand(%s, axis: 0) makes it %s", text, row);
  else if (behind)
    report_help(e->sources, "expand(%s) makes it %s", text, column);
}

Value apply(Elab *e, Op op, Span where, int n, const Value *args) {
  Value v[3], as[3];
  unsigned plates = 0;
  Shape event = {0};
  if (all_numbers(n, args)) {
    double x[3] = {0};
    for (int i = 0; i < n; i++) x[i] = args[i].number;
    Value folded = value_number(number_fold(op, x));
    folded.span = where;
    folded.said = words_for(e, op, n, args);
    return folded;
  }
  for (int i = 0; i < n; i++) {
    v[i] = to_tensor(e, args[i]);
    if (v[i].kind == V_ERROR) return v[i];
    as[i] = args[i].kind == V_NUMBER ? args[i] : v[i];
    plates |= v[i].plates;
    Shape merged;
    if (!broadcast_shapes(event, event_shape(&v[i]), &merged)) {
      complain(e, E0301, where, shape_text(e->arena, event), shape_text(e->arena, event_shape(&v[i])), op_sign(op));
      report_note(e->sources, user_span(e, args[0].span), "this is %s", shape_text(e->arena, event_shape(&v[0])));
      report_note(e->sources, user_span(e, args[i].span), "this is %s", shape_text(e->arena, event_shape(&v[i])));
      if (n == 2) help_shapes(e, &args[0], &args[1]);
      return value_error();
    }
    event = merged;
  }
  Node *in[3];
  for (int i = 0; i < n; i++) {
    Value wide = widen(e, v[i], plates, event);
    if (wide.kind == V_ERROR) return wide;
    in[i] = wide.node;
  }
  Value out = value_tensor(graph_node(e->graph, op, n, in, NULL, NULL), plates);
  out.span = where;
  out.terms = combine_terms(e, op, out, n, as);
  return out;
}

Value apply1(Elab *e, Op op, Span where, Value a) { return apply(e, op, where, 1, &a); }

Value apply2(Elab *e, Op op, Span where, Value a, Value b) { return apply(e, op, where, 2, (Value[]){a, b}); }

Value reduce_events(Elab *e, Op op, Value v, unsigned event_axes) {
  v = to_tensor(e, v);
  if (v.kind == V_ERROR || !event_axes) return v;
  Value out = value_tensor(node_reduce(e->graph, op, v.node, event_axes << plates_in(v.plates)), v.plates);
  out.span = v.span;
  return out;
}

Value plate_to_event(Elab *e, Value v, int plate) {
  Shape event = event_shape(&v);
  v = widen(e, v, v.plates | 1u << plate, event);
  if (v.kind == V_ERROR) return v;
  int axis = plates_in(v.plates & ((1u << plate) - 1)), rank = v.node->shape.rank, order[MAX_RANK], n = 0;
  for (int i = 0; i < rank; i++)
    if (i != axis) order[n++] = i;
  order[n] = axis;
  Value out = value_tensor(node_permute(e->graph, v.node, order), v.plates & ~(1u << plate));
  out.span = v.span;
  return out;
}

Value event_to_plate(Elab *e, Value v, Shape outer, int plate) {
  Shape event = event_shape(&v), inner = {0};
  for (int i = outer.rank; i < event.rank; i++) inner.dim[inner.rank++] = event.dim[i];
  unsigned plates = v.plates | 1u << plate;
  Value out = value_tensor(node_reshape(e->graph, v.node, physical_shape(e, plates, inner)), plates);
  out.span = v.span;
  return out;
}

Value plate_to_outer(Elab *e, Value v, Shape outer, int plate) {
  Shape inner = event_shape(&v), event = outer;
  v = widen(e, v, v.plates | 1u << plate, inner);
  if (v.kind == V_ERROR) return v;
  unsigned plates = v.plates & ~(1u << plate);
  if (outer.rank + inner.rank + plates_in(plates) > MAX_RANK)
    return complain(e, E0304, v.span, MAX_RANK), value_error();
  for (int i = 0; i < inner.rank; i++) event.dim[event.rank++] = inner.dim[i];
  Value out = value_tensor(node_reshape(e->graph, v.node, physical_shape(e, plates, event)), plates);
  out.span = v.span;
  return out;
}

Value reshape_event(Elab *e, Value v, Shape event) {
  v = to_tensor(e, v);
  if (v.kind == V_ERROR) return v;
  if (plates_in(v.plates) + event.rank > MAX_RANK) return complain(e, E0304, v.span, MAX_RANK), value_error();
  Value out = value_tensor(node_reshape(e->graph, v.node, physical_shape(e, v.plates, event)), v.plates);
  out.span = v.span;
  out.classes = v.classes;
  return out;
}

// Whole numbers only? Sound, not complete; walks no deeper than `depth`.
static bool integral(const Node *n, int depth) {
  if (!depth) return false;
  switch (n->op) {
    case OP_CONST: return floor(n->attr.value) == n->attr.value;
    case OP_SIGN:
    case OP_FLOOR:
    case OP_IOTA:
    case OP_LESS:
    case OP_EQUAL: return true;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_MAX:
    case OP_MIN:
    case OP_MOD:
    case OP_NEG:
    case OP_ABS:
    case OP_RESHAPE:
    case OP_PERMUTE:
    case OP_BROADCAST:
    case OP_SLICE:
    case OP_PAD:
    case OP_CONCAT:
    case OP_SUM:
    case OP_MAXIMUM:
    case OP_CUMSUM:
    case OP_STOP:
    case OP_DISCRETE:
      for (int i = 0; i < n->arity; i++)
        if (!integral(n->in[i], depth - 1)) return false;
      return true;
    case OP_INPUT: return n->from && integral(n->from, depth - 1);
    case OP_RESULT: return integral(loop_value(n), depth - 1);
    case OP_SELECT: return integral(n->in[1], depth - 1) && integral(n->in[2], depth - 1);
    case OP_GATHER: return integral(n->in[0], depth - 1);
    default: return false;
  }
}

bool is_integral(const Node *n) { return integral(n, 24); }
