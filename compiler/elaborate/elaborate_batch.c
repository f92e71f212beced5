// Other examples of the batch: what one of them is to another, and neighbours. Part of the elaborator.
//
// A block over the batch opens a plate as long as plate 0. A value of another example is the example's own value with
// that plate in place of plate 0: the very node, if no plate stands between the two.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

Value rename_plate(Elab *e, Value v, int from, int to) {
  if (v.kind == V_LIST || v.kind == V_OBSERVED) {
    Value parts = v;
    parts.item = NEW_ARRAY(e->arena, Value, v.items + 1);
    for (int i = 0; i < v.items; i++) parts.item[i] = rename_plate(e, v.item[i], from, to);
    if (v.kind == V_LIST) return parts;
    Value whole = rename_plate(e, whole_value(v), from, to);
    parts.node = whole.node;
    parts.plates = whole.plates;
    return whole.kind == V_ERROR ? whole : parts;
  }
  if (v.kind == V_DIST) {
    v.dist = rename_distribution(e, v.dist, from, to);
    return v;
  }
  if (v.kind != V_TENSOR || !(v.plates & plate_bit(from))) return v;
  unsigned plates = (v.plates & ~plate_bit(from)) | plate_bit(to);
  int before = __builtin_popcount(v.plates & (plate_bit(from) - 1)), rank = v.node->shape.rank, axis[MAX_RANK], n = 0;
  int after = __builtin_popcount(plates & (plate_bit(to) - 1));
  for (int i = 0; i < rank; i++)
    if (i != before) axis[n++] = i;
  memmove(axis + after + 1, axis + after, sizeof *axis * (size_t)(rank - 1 - after));
  axis[after] = before;
  if (before != after) {
    v = to_tensor(e, v);
    if (v.kind == V_ERROR) return v;
    v.node = node_permute(e->graph, v.node, axis);
  }
  v.plates = plates;
  v.terms = NULL;
  return v;
}

// The values that a text sees, up to those of the file. A distribution may be bound in the very scope that its text sees.
static Scope *rename_scope(Elab *e, Scope *scope, int from, int to) {
  if (!scope || scope == e->global) return scope;
  for (const Renaming *r = e->renaming; r; r = r->around)
    if (r->scope == scope) return r->copy;
  Scope *copy = NEW(e->arena, Scope);
  Renaming here = {scope, copy, e->renaming};
  e->renaming = &here;
  *copy = *scope;
  copy->up = rename_scope(e, scope->up, from, to);
  Binding **link = &copy->first;
  for (const Binding *b = scope->first; b; b = b->next) {
    *link = NEW(e->arena, Binding);
    **link = (Binding){b->name, rename_plate(e, b->value, from, to), NULL, b->tensor};
    link = &(*link)->next;
  }
  e->renaming = here.around;
  return copy;
}

Dist *rename_distribution(Elab *e, const Dist *d, int from, int to) {
  Dist *copy = NEW(e->arena, Dist);
  *copy = *d;
  copy->scope = rename_scope(e, d->scope, from, to);
  copy->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  for (int i = 0; i < d->params; i++) copy->param[i] = rename_plate(e, d->param[i], from, to);
  if (d->has_point) copy->point = rename_plate(e, d->point, from, to);
  if (d->base) copy->base = rename_distribution(e, d->base, from, to);
  if (d->kind == &arranged_kind) copy->component = rename_distribution(e, d->component, from, to);
  if (d->alias) copy->alias = rename_distribution(e, d->alias, from, to);
  if (d->chain) copy->chain = rename_chain(e, d->chain, from, to);
  if (d->ordered) copy->ordered = rename_ordered(e, d->ordered, from, to);
  if (d->plates & plate_bit(from)) copy->plates = (d->plates & ~plate_bit(from)) | plate_bit(to);
  return copy;
}

// Does it differ between examples?
static bool has_batch(const Value *v) {
  if (v->kind == V_DIST) return v->dist->plates & PLATE_BATCH;
  bool has = (v->kind == V_TENSOR || v->kind == V_OBSERVED) && v->plates & PLATE_BATCH;
  for (int i = 0; i < v->items; i++) has = has || has_batch(&v->item[i]);
  return has;
}

Value example_value(Elab *e, const Scope *scope, const Ast *name) {
  const char *dot = strchr(name->name, '.');
  if (!dot) return (Value){.kind = V_NONE};
  const Binding *b = find_binding(scope, arena_slice(e->arena, name->name, (size_t)(dot - name->name)));
  if (!b || b->value.kind != V_TENSOR || !b->value.example) return (Value){.kind = V_NONE};
  Ast own = *name;
  own.name = dot + 1;
  Value v = lookup(e, b->value.example, &own);
  if (v.kind == V_ERROR) {
    if (find_binding(scope, own.name) && !find_binding(b->value.example, own.name))
      report_help(e->sources, "`%s` belongs to this block: give it a value above it", own.name);
    return v;
  }
  if (!has_batch(&v)) return complain(e, E0704, name->span, name->name, own.name), value_error();
  return rename_plate(e, v, 0, __builtin_ctz(b->value.plates));
}

// The places of one batch, n of them, in a circle from number i on: a whole number, or one for each example.
static Value place_after(Elab *e, Value i, int64_t n, Span where) {
  Value self = value_tensor(node_iota(e->graph, 0, shape_of(1, &n)), PLATE_BATCH);
  Shape event = event_shape(&i);
  Shape ones = {.rank = event.rank};
  for (int k = 0; k < ones.rank; k++) ones.dim[k] = 1;
  Value at = apply2(e, OP_ADD, where, reshape_event(e, self, ones), apply1(e, OP_FLOOR, where, i));
  return apply2(e, OP_MOD, where, at, value_number((double)n));
}

// A number of its own for each number of v: v is one long table.
static Value gather_each(Elab *e, Value v, Value i, Span where) {
  Shape event = event_shape(&v);
  i = widen(e, i, v.plates | i.plates, event);
  if (i.kind != V_ERROR) v = widen(e, v, i.plates, event);
  if (i.kind == V_ERROR || v.kind == V_ERROR) return value_error();
  int64_t all = shape_count(v.node->shape), own = all / e->plate[0];
  if (all > 1 << 24) return complain(e, E0709, where, (long long)all), value_error();
  Value at = place_after(e, i, e->plate[0], where);
  if (at.kind == V_ERROR) return at;
  Node *column = node_iota(e->graph, 0, shape_of(1, &own));
  Shape row = v.node->shape;
  row.dim[0] = 1;
  column = node_broadcast(e->graph, node_reshape(e->graph, column, row), v.node->shape);
  Node *index = node_binary(e->graph, OP_MUL, at.node, node_const(e->graph, (double)own, v.node->shape));
  index = node_binary(e->graph, OP_ADD, index, column);
  Node *table = node_reshape(e->graph, v.node, shape_of(1, &all));
  return value_tensor(node_gather(e->graph, table, index), v.plates);
}

Value call_neighbour(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = to_tensor(e, call->arg[0]), i = call->arg[1];
  if (i.kind != V_NUMBER) i = to_tensor(e, i);
  if (v.kind == V_ERROR || i.kind == V_ERROR) return value_error();
  const char *text = expression_text(e, &(Ast){.span = call->arg[0].span});
  if (!has_batch(&v))
    return complain(e, E0704, call->span, expression_text(e, &(Ast){.span = call->span}), text), value_error();
  int64_t n = e->plate[0];
  int classes = v.classes;
  if (i.kind == V_NUMBER) {
    if (!(floor(i.number) == i.number && fabs(i.number) < 1e15))
      return complain(e, E0710, call->arg[1].span, i.number), value_error();
    int64_t first = (int64_t)(i.number - (double)n * floor(i.number / (double)n)), start[MAX_RANK] = {first};
    Shape head = v.node->shape, tail = v.node->shape;
    head.dim[0] = n - first, tail.dim[0] = first;
    Node *part[2] = {node_slice(e->graph, v.node, start, head)};
    if (first) part[1] = node_slice(e->graph, v.node, (int64_t[MAX_RANK]){0}, tail);
    v = value_tensor(node_concat(e->graph, 0, first ? 2 : 1, part), v.plates);
  } else if (event_rank(&i) || (i.plates & ~(unsigned)PLATE_BATCH)) {
    v = gather_each(e, v, i, call->span);
  } else {
    Value at = place_after(e, i, n, call->span);
    v = at.kind == V_ERROR ? at : value_tensor(node_gather(e->graph, v.node, at.node), v.plates);
  }
  v.classes = classes;
  return v;
}
