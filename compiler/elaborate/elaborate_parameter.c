// Parameters, bare tensors, and weights. One on a support is a map of numbers that are free, `of`, and begins where `to`, its
// inverse, takes its start. Part of the elaborator.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// An interval is the library's support of that name, between its ends.
static bool interval_maps(Elab *e, Scope *scope, Support *s, const Ast *ends, Span where) {
  Call call = {.span = where, .n = 2};
  for (int i = 0; i < 2; i++, ends = ends->next) {
    call.arg[i] = eval(e, scope, ends);
    if (call.arg[i].kind == V_TENSOR) return complain(e, E0513, where, support_text(e, s)), false;
  }
  s->decl = library_support(e, "interval");
  s->scope = bind_formals(e, s->decl->ast, &call);
  return s->scope != NULL;
}

bool held_support(Elab *e, Scope *scope, const Ast *on, Support *s) {
  *s = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  if (!on) return true;
  if (!eval_support(e, scope, on, s)) return false;
  if (s->kind == SUPPORT_INTERVAL && !s->decl && !interval_maps(e, scope, s, on->a, on->span)) return false;
  bool held = s->kind != SUPPORT_REAL || s->decl;
  if (held && !(s->decl && member_of(s->decl->ast, "of") && member_of(s->decl->ast, "to")))
    return complain(e, E0513, on->span, support_text(e, s)), false;
  return true;
}

// The sizes that the support names, in the scope of its maps; false after reporting.
static bool bind_sizes(Elab *e, const Support *s, Scope *scope, Shape value, const char *name, Span where) {
  Shape own = {.rank = s->axes};
  bool fits = value.rank >= s->axes;
  int i = 0;
  for (const Ast *n = s->decl->ast->b; n && fits; n = n->next, i++) {
    own.dim[i] = value.dim[value.rank - s->axes + i];
    Binding *b = find_binding(scope, n->name);
    if (b) fits = b->value.number == (double)own.dim[i];
    if (!b) bind_name(e, scope, n->name, value_number((double)own.dim[i]));
  }
  if (fits) return true;
  const Ast *last = s->decl->ast->b;
  while (last->next) last = last->next;
  Span written = {last->span.file, s->decl->ast->b->span.begin, last->span.end};
  const char *dims = span_text(e->arena, e->sources, written);
  complain(e, E0737, where, name, s->decl->ast->name, dims, shape_text(e->arena, value));
  return false;
}

// One of the maps, `of` or `to`, of a tensor; where its values are vectors or matrices of several, one at a time.
static Value apply_map(Elab *e, const Support *s, const char *map, Value v, const char *name, Span where) {
  const Ast *member = member_of(s->decl->ast, map);
  Shape whole = event_shape(&v), outer = whole, own = {0};
  Scope *scope = scope_new(e, s->scope);
  if (s->axes && !bind_sizes(e, s, scope, whole, name, where)) return value_error();
  if (!s->axes) own = whole, outer.rank = 0;
  for (int i = whole.rank - s->axes; s->axes && i < whole.rank; i++) own.dim[own.rank++] = whole.dim[i], outer.rank--;
  int plate = outer.rank ? open_plate(e, shape_count(outer), where) : 0;
  if (plate < 0) return value_error();
  if (outer.rank) v = event_to_plate(e, v, outer, plate);
  bind_name(e, scope, member->a ? member->a->name : "", v);
  push_frame(e, s->decl->ast, where);
  Value out = to_tensor(e, eval_body(e, scope, member->c));
  pop_frame(e);
  bool kept = out.kind != V_ERROR && shape_equal(event_shape(&out), own);
  if (out.kind != V_ERROR && !kept)
    complain(e, E0738, member->span, map, s->decl->ast->name, shape_text(e->arena, own),
             shape_text(e->arena, event_shape(&out)));
  if (!kept) out = value_error();
  if (kept && outer.rank) out = plate_to_outer(e, out, outer, plate);
  if (outer.rank) e->plate_count--;
  return out;
}

Value held_value(Elab *e, int t, const Support *s, const char *name, Span where) {
  Value v = value_tensor(tensor_value(e, t), 0);
  v.span = where;
  if (!s->decl) return v;
  e->model->tensor[t].support = support_text(e, s);
  v = apply_map(e, s, "of", v, name, where);
  if (v.kind != V_ERROR && !assert_support(e, &v, s)) {
    complain(e, E0735, where, s->decl->ast->name, support_text(e, s), v.node->lo, v.node->hi);
    return value_error();
  }
  v.span = where;
  return v;
}

Value parameter_value(Elab *e, const Decl *d) {
  const Ast *ast = d->ast;
  Shape shape;
  Support support;
  if (!eval_dims(e, e->global, ast->a, &shape) || !held_support(e, e->global, ast->b, &support)) return value_error();
  TensorStart start = {.init = ast->c, .scope = scope_for(e, ast), .drawn = ast->flag != 0, .support = support};
  int t = tensor_declare(e, d->name, d->name, TENSOR_WEIGHT, shape, ast->span, start);
  return t < 0 ? value_error() : held_value(e, t, &support, d->name, ast->span);
}

// Is the start where `to` is defined: in the support's `domain`, or else on the support itself?
static bool start_within(Elab *e, const Support *s, const char *name, const Value *v, Span where) {
  const Ast *domain = member_of(s->decl->ast, "domain");
  Support wide = *s;
  if (domain && !eval_support(e, s->scope, domain->c->b, &wide)) return false;
  double lo = v->node->lo, hi = v->node->hi;
  bool outside = lo < wide.lo || hi > wide.hi || hi <= wide.lo || lo >= wide.hi;
  if (outside) return complain(e, E0734, where, name, support_text(e, s), lo, hi), false;
  if (s->kind != SUPPORT_DECLARED || domain || !constants_outside(v->node, s)) return true;
  return complain(e, E0739, where, name, support_text(e, s)), false;
}

Value free_start(Elab *e, const Support *s, const char *name, Value v, Span where) {
  if (!s->decl) return v;
  return start_within(e, s, name, &v, where) ? apply_map(e, s, "to", v, name, where) : value_error();
}

Value held_within(Elab *e, const Support *s, Value v, Span where) {
  float lo = (float)s->lo, hi = (float)s->hi;
  if (lo < s->lo || s->lo == 0) lo = nextafterf(fmaxf(lo, 1e-30f), INFINITY);
  if (hi > s->hi) hi = nextafterf(hi, -INFINITY);
  if (s->lo != -INFINITY) v = apply2(e, OP_MAX, where, v, value_number(lo));
  if (s->hi != INFINITY) v = apply2(e, OP_MIN, where, v, value_number(hi));
  return v;
}

// 1 where v lies within the support's bounds. The ends of an interval count, but 0 is not positive.
static Value within_bounds(Elab *e, const Support *s, Value v, Span where) {
  bool interval = s->lo != -INFINITY && s->hi != INFINITY;
  Value one = value_number(1), lo = value_number(s->lo), hi = value_number(s->hi);
  Value outside = apply2(e, OP_ADD, where, apply2(e, OP_LESS, where, v, lo), apply2(e, OP_LESS, where, hi, v));
  if (interval) return apply2(e, OP_SUB, where, one, outside);
  if (s->lo != -INFINITY) return apply2(e, OP_LESS, where, lo, v);
  return s->hi != INFINITY ? apply2(e, OP_LESS, where, v, hi) : one;
}

Value free_numbers(Elab *e, int t, Value v, Value *back) {
  const Support *s = &e->start[t].support;
  const char *name = e->model->tensor[t].name;
  Span where = e->model->tensor[t].span;
  Value free = apply_map(e, s, "to", held_within(e, s, v, where), name, where);
  *back = free.kind == V_ERROR ? free : apply_map(e, s, "of", free, name, where);
  if (back->kind == V_ERROR) return value_error();
  *back = apply(e, OP_SELECT, where, 3, (Value[]){within_bounds(e, s, v, where), *back, value_number(1e38)});
  *back = widen(e, *back, 0, event_shape(&v));
  return free;
}

Value free_beginning(Elab *e, const Support *s) {
  const Ast *begins = s->decl ? member_of(s->decl->ast, "start") : NULL;
  return begins ? eval_body(e, s->scope, begins->c) : value_number(0);
}
