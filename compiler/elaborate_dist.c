// Distributions: supports, densities, draws, divergences. Part of the elaborator.
//
// What a distribution is, is known here; no particular one is. A distribution of the library gives formulas for one
// value (or for the last axes, `on real[n]`); over a larger event it stands for independent values with the parameters
// at each place, so its log density is the sum over the event.
#include "elaborate.h"
#include "vocabulary.h"

#include <math.h>
#include <string.h>

// --- supports

// The hull of the elements; `ordered` for an interval, whose ends stand in order.
static bool bounds(Elab *e, Scope *scope, const Ast *list, bool ordered, Support *s) {
  s->lo = INFINITY;
  s->hi = -INFINITY;
  for (const Ast *a = list; a; a = a->next) {
    Value v = eval(e, scope, a);
    if (v.kind == V_ERROR) return false;
    if (v.kind != V_NUMBER && v.kind != V_TENSOR)
      return complain(e, E0305, a->span, "a bound", value_text(e, v)), false;
    double lo = v.kind == V_NUMBER ? v.number : v.node->lo, hi = v.kind == V_NUMBER ? v.number : v.node->hi;
    s->computed = s->computed || v.kind == V_TENSOR;
    if (!ordered || a == list) s->lo = fmin(s->lo, lo), s->sure_lo = hi;
    if (!ordered || a != list) s->hi = fmax(s->hi, hi), s->sure_hi = lo;
  }
  return true;
}

bool eval_support(Elab *e, Scope *scope, const Ast *ast, Support *s) {
  *s = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  if (ast->kind == AST_LIST) {
    s->kind = SUPPORT_INTERVAL;
    if (ast_length(ast->a) != 2) return complain(e, E0408, ast->span), false;
    if (!bounds(e, scope, ast->a, true, s)) return false;
    if (s->lo < s->hi) return true;
    return complain(e, E0409, ast->span, s->lo, s->hi), false;
  }
  if (ast->kind == AST_SET) {
    s->kind = SUPPORT_SET;
    return bounds(e, scope, ast->a, false, s);
  }
  const Ast *head = ast->kind == AST_CALL || ast->kind == AST_INDEX ? ast->a : ast;
  const char *name = head->kind == AST_NAME ? head->name : "";
  if (ast->kind == AST_CALL && !strcmp(name, "class") && ast_length(ast->b) == 1) {
    double n = eval_number(e, scope, ast->b->kind == AST_ARGUMENT ? ast->b->a : ast->b, "a number of classes");
    if (isnan(n)) return false;
    if (n < 1 || n > 1e6 || floor(n) != n) return complain(e, E0306, ast->span, n), false;
    *s = (Support){.kind = SUPPORT_CLASS, .lo = 0, .hi = n - 1};
    return true;
  }
  if (ast->kind == AST_INDEX) {
    Shape dims;
    if (!eval_dims(e, scope, ast->b, &dims)) return false;
    s->rank = dims.rank;
    memcpy(s->dim, dims.dim, sizeof s->dim);
  }
  if (!strcmp(name, "real")) return true;
  if (!strcmp(name, "positive")) {
    s->kind = SUPPORT_INTERVAL, s->lo = 0;
    return true;
  }
  if (!strcmp(name, "simplex")) {
    s->kind = SUPPORT_SIMPLEX, s->lo = 0, s->hi = 1;
    return true;
  }
  const WordEntry *word = word_find(name);
  if (word && word->kind == LATER)
    report_later(e->sources, user_span(e, ast->span), arena_format(e->arena, "the support `%s`", name), word->help);
  else
    complain(e, E0410, ast->span, expression_text(e, ast));
  return false;
}

const char *support_text(Elab *e, const Support *s) {
  switch (s->kind) {
    case SUPPORT_REAL: return "the real line";
    case SUPPORT_SIMPLEX: return "the simplex";
    case SUPPORT_CLASS: return arena_format(e->arena, "class(%g)", s->hi + 1);
    case SUPPORT_SET: return arena_format(e->arena, "{%g, %g}", s->lo, s->hi);
    case SUPPORT_INTERVAL: break;
  }
  if (s->computed) return arena_format(e->arena, "an interval that is computed, somewhere in [%g, %g]", s->lo, s->hi);
  if (s->hi == INFINITY) return s->lo == 0 ? "the positive numbers" : arena_format(e->arena, "[%g, infinity)", s->lo);
  return arena_format(e->arena, "[%g, %g]", s->lo, s->hi);
}

bool support_discrete(const Support *s) { return s->kind == SUPPORT_SET || s->kind == SUPPORT_CLASS; }

bool support_within(const Support *inner, const Support *outer) {
  if (support_discrete(outer) && !support_discrete(inner)) return false;
  if (outer->computed) return inner->lo >= outer->sure_lo && inner->hi <= outer->sure_hi;
  return inner->lo >= outer->lo && inner->hi <= outer->hi;
}

bool point_within(const Value *v, const Support *s) {
  double lo = v->kind == V_NUMBER ? v->number : v->node->lo, hi = v->kind == V_NUMBER ? v->number : v->node->hi;
  if (s->kind == SUPPORT_REAL) return true;
  bool whole = v->kind == V_NUMBER ? floor(v->number) == v->number : v->classes || is_integral(v->node);
  return lo >= s->lo && hi <= s->hi && (!support_discrete(s) || whole);
}

// --- making distributions

static const Ast *find_member(const Ast *decl, const char *name) {
  for (const Ast *m = decl->c; m; m = m->next)
    if (m->kind == AST_MEMBER && !strcmp(m->name, name)) return m;
  return NULL;
}

bool dist_has_member(const Value *dist, const char *member) {
  return dist->dist->decl->kind == AST_DISTRIBUTION && find_member(dist->dist->decl, member);
}

static bool is_numeric(const Value *v) { return v->kind == V_NUMBER || v->kind == V_TENSOR || v->kind == V_LIST; }

// The parameters' common shape, without the trailing axes that a vector parameter (`p[n]`) has of its own.
static bool join_parameters(Elab *e, Dist *d, const char *name) {
  bool vector = d->decl->b->kind == AST_INDEX;
  int i = 0;
  for (const Ast *f = d->decl->a; f; f = f->next, i++) {
    Binding *b = find_binding(d->scope, f->name);
    if (is_numeric(&b->value) && b->value.kind != V_NUMBER) b->value = to_tensor(e, b->value);
    if (b->value.kind == V_ERROR) return false;
    d->param[i] = b->value;
    int own = ast_length(f->c);
    if (b->value.kind != V_TENSOR && (b->value.kind != V_NUMBER || !own)) continue;
    Shape s = event_shape(&b->value), merged;
    d->plates |= b->value.plates;
    if (vector && !own) continue;  // the formula sees it whole
    if (s.rank < own) return complain(e, E0411, b->value.span, f->name, name, own, shape_text(e->arena, s)), false;
    s.rank -= own;
    int k = 0;
    for (const Ast *n = f->c; n; n = n->next)
      if (n->kind == AST_NAME) bind(e, d->scope, n->name, value_number((double)s.dim[s.rank + k++]));
    for (int z = s.rank; z < MAX_RANK; z++) s.dim[z] = 0;
    if (!broadcast_shapes(d->event, s, &merged)) {
      complain(e, E0301, d->span, shape_text(e->arena, d->event), shape_text(e->arena, s), name);
      return false;
    }
    d->event = merged;
  }
  return true;
}

Value make_distribution(Elab *e, const Decl *decl, const Call *call) {
  const Ast *ast = decl->ast;
  Dist *d = NEW(e->arena, Dist);
  *d = (Dist){.decl = ast, .span = call->span, .params = ast_length(ast->a)};
  d->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  d->scope = bind_formals(e, ast, call);
  if (!d->scope || !join_parameters(e, d, decl->name)) return value_error();
  if (!eval_support(e, d->scope, ast->b, &d->support)) return value_error();
  d->domain = d->support;
  const Ast *domain = find_member(ast, "domain");
  if (domain && !eval_support(e, d->scope, domain->c->b, &d->domain)) return value_error();
  d->own = d->support.rank;
  if (d->event.rank + d->own > MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), value_error();
  for (int i = 0; i < d->own; i++) d->event.dim[d->event.rank++] = d->support.dim[i];
  d->shaped = d->event.rank > 0;
  if (d->support.kind == SUPPORT_CLASS) d->classes = (int)d->support.hi + 1;
  return (Value){.kind = V_DIST, .dist = d, .span = call->span};
}

static const char *name_of(const Dist *d) { return d->decl->kind == AST_DISTRIBUTION ? d->decl->name : "mixture"; }
static const char *dist_name(const Value *v) { return name_of(v->dist); }

Value shape_distribution(Elab *e, Value dist, Shape event, Span where) {
  Dist *d = dist.dist;
  Shape merged;
  if (!broadcast_shapes(event, d->event, &merged) || !shape_equal(merged, event)) {
    complain(e, E0318, where, shape_text(e->arena, d->event), shape_text(e->arena, event));
    report_note(e->sources, user_span(e, d->span), "the distribution");
    return value_error();
  }
  Dist *copy = NEW(e->arena, Dist);
  *copy = *d;
  copy->event = event;
  copy->shaped = true;
  dist.dist = copy;
  return dist;
}

// The shape of one value's place in the event: the event without the axes over which it is joint.
static Shape outer_event(const Dist *d) {
  Shape s = d->event;
  for (int i = 0; i < d->own && s.rank; i++) s.dim[--s.rank] = 0;
  return s;
}

// --- independent copies: a formula that speaks of one value, as x[0] of a vector does, is evaluated with the copies on
// a plate of their own

static int open_plate(Elab *e, int64_t n, Span where) {
  if (e->plate_count == MAX_PLATES) return complain(e, E0311, where), -1;
  e->plate[e->plate_count] = n;
  return e->plate_count++;
}

static bool has_copies(const Dist *d) {
  bool mixture = d->decl->kind == AST_MIXTURE || find_member(d->decl, "mixture");
  return outer_event(d).rank > 0 && (d->own || mixture);
}

// The distribution of one copy, over a newly opened plate; NULL after reporting. A parameter that differs from copy to
// copy does so over the plate.
static Dist *open_copies(Elab *e, const Dist *d, int *plate, Span where) {
  Shape outer = outer_event(d);
  if ((*plate = open_plate(e, shape_count(outer), where)) < 0) return NULL;
  Dist *one = NEW(e->arena, Dist);
  *one = *d;
  one->event = (Shape){0};
  for (int i = outer.rank; i < d->event.rank; i++) one->event.dim[one->event.rank++] = d->event.dim[i];
  if (d->decl->kind == AST_MIXTURE) return one;  // its component has no axes but its own
  one->scope = scope_new(e, d->scope);
  for (const Ast *f = d->decl->a; f; f = f->next) {
    Value v = find_binding(d->scope, f->name)->value;
    Shape s = event_shape(&v), wide = outer;
    int own = ast_length(f->c);
    if (v.kind != V_TENSOR || s.rank == own || (d->own && !own)) continue;
    if (outer.rank + own > MAX_RANK) return complain(e, E0304, where, MAX_RANK), e->plate_count--, NULL;
    for (int i = s.rank - own; i < s.rank; i++) wide.dim[wide.rank++] = s.dim[i];
    v = widen(e, v, v.plates, wide);
    if (v.kind == V_ERROR) return e->plate_count--, NULL;
    bind(e, one->scope, f->name, event_to_plate(e, v, outer, *plate));
    one->plates |= 1u << *plate;
  }
  return one;
}

static Value close_copies(Elab *e, const Dist *d, Value v, int plate) {
  if (v.kind != V_ERROR) v = plate_to_outer(e, v, outer_event(d), plate);
  e->plate_count--;
  return v;
}

// --- mixtures: the component is evaluated over a plate of all k for densities, at a drawn k for draws

// `distribution flower(n) on real[2] { mixture over k in 0 .. n { ... } }` is its mixture, with its parameters in
// scope.
static const Dist *as_mixture(Elab *e, const Dist *d) {
  if (d->decl->kind == AST_MIXTURE) return d;
  const Ast *m = find_member(d->decl, "mixture");
  if (!m) return NULL;
  Dist *mixture = NEW(e->arena, Dist);
  *mixture = *d;
  mixture->decl = m->c->b;
  return mixture;
}

static double mixture_range(Elab *e, const Dist *d, double *from) {
  *from = eval_number(e, d->scope, d->decl->a, "a bound of the mixture");
  double to = eval_number(e, d->scope, d->decl->b, "a bound of the mixture");
  if (isnan(*from) || isnan(to)) return NAN;
  if (floor(*from) == *from && floor(to) == to && to > *from && to - *from <= 1e6) return to - *from;
  return complain(e, E0412, d->decl->span, *from, to), NAN;
}

static Value component(Elab *e, const Dist *d, Value k) {
  Scope *scope = scope_new(e, d->scope);
  bind(e, scope, d->decl->name, k);
  Value v = eval_body(e, scope, d->decl->c);
  if (v.kind == V_DIST || v.kind == V_ERROR) return v;
  return complain(e, E0407, d->decl->span, value_text(e, v)), value_error();
}

static Value all_components(Elab *e, const Dist *d, int *plate) {
  double from, n = mixture_range(e, d, &from);
  if (isnan(n) || (*plate = open_plate(e, (int64_t)n, d->decl->span)) < 0) return value_error();
  Value k = value_tensor(node_iota(e->graph, 0, shape_of(1, &e->plate[*plate])), 1u << *plate);
  Value v = component(e, d, apply2(e, OP_ADD, d->decl->span, k, value_number(from)));
  if (v.kind == V_ERROR) e->plate_count--;
  return v;
}

Value make_mixture(Elab *e, Scope *scope, const Ast *ast) {
  Dist *d = NEW(e->arena, Dist);
  *d = (Dist){.decl = ast, .scope = scope, .span = ast->span};
  int plate = -1;
  Value c = all_components(e, d, &plate);
  if (c.kind == V_ERROR || plate < 0) return c;
  e->plate_count--;
  d->event = c.dist->event;
  d->own = d->event.rank;
  d->shaped = c.dist->shaped;
  d->support = c.dist->support;
  d->domain = c.dist->domain;
  d->classes = c.dist->classes;
  d->plates = c.dist->plates & ~(1u << plate);
  return (Value){.kind = V_DIST, .dist = d, .span = ast->span};
}

// What `explain` says of a mixture: over what it is joint, and how many of it there are.
static void explain_copies(Elab *e, const Dist *d) {
  d = as_mixture(e, d);
  if (!d) return;
  Shape outer = outer_event(d), own = {0};
  for (int i = outer.rank; i < d->event.rank; i++) own.dim[own.rank++] = d->event.dim[i];
  const char *what = own.rank ? arena_format(e->arena, "one component for all of %s", shape_text(e->arena, own))
                              : "one component for each number";
  const char *copies = outer.rank ? arena_format(e->arena, ", %s independent ones", shape_text(e->arena, outer)) : "";
  finding(e, "mixture", d->span, "mixture over %s: %s%s", d->decl->name, what, copies);
}

// --- draws

static const char *draw_name(Elab *e, const char *variable) {
  Binding *b = e->draw_counts;
  while (b && strcmp(b->name, variable)) b = b->next;
  if (!b) {
    b = NEW(e->arena, Binding);
    *b = (Binding){variable, value_number(0), e->draw_counts};
    e->draw_counts = b;
  }
  b->value.number += 1;
  return arena_format(e->arena, "draw %s %d", variable, (int)b->value.number);
}

static Value sample_value(Elab *e, const Dist *d);

// A component is drawn, and then from it.
static Value sample_mixture(Elab *e, const Dist *d) {
  double from, n = mixture_range(e, d, &from);
  if (isnan(n)) return value_error();
  e->drawing.event = (Shape){0};
  Value u = call_library(e, "random", d->span, 0, NULL);
  Value k = apply1(e, OP_FLOOR, d->span, apply2(e, OP_MUL, d->span, u, value_number(n)));
  Value c = component(e, d, apply2(e, OP_ADD, d->span, k, value_number(from)));
  if (c.kind != V_ERROR) c = shape_distribution(e, c, d->event, d->span);
  return c.kind == V_ERROR ? c : sample_value(e, c.dist);
}

static Value sample_formula(Elab *e, const Dist *d) {
  const Dist *mixture = as_mixture(e, d);
  if (mixture) return sample_mixture(e, mixture);
  const Ast *m = find_member(d->decl, "sample");
  if (!m) return complain(e, E0413, d->span, d->decl->name), value_error();
  Value v = eval_body(e, scope_new(e, d->scope), m->c);
  return v.kind == V_DIST ? sample_value(e, v.dist) : v;
}

// A draw of the distribution's whole event, in the draw that is being made.
static Value sample_value(Elab *e, const Dist *d) {
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0226, d->span, name_of(d)), value_error();
  Drawing outer = e->drawing;
  int plate = -1;
  const Dist *one = has_copies(d) ? open_copies(e, d, &plate, d->span) : d;
  if (!one) return value_error();
  e->drawing.event = plate < 0 ? outer_event(d) : (Shape){0};
  e->drawing.plates |= one->plates | (plate < 0 ? 0 : 1u << plate);
  e->depth++;
  Value v = sample_formula(e, one);
  e->depth--;
  if (v.kind != V_ERROR)
    v = widen(e, v, v.kind == V_TENSOR ? v.plates | e->drawing.plates : e->drawing.plates, one->event);
  if (plate >= 0) v = close_copies(e, d, v, plate);
  outer.count = e->drawing.count;
  e->drawing = outer;
  return v;
}

Value draw(Elab *e, Value dist, const char *variable, const Shape *declared, Span where) {
  if (declared) dist = shape_distribution(e, dist, *declared, where);
  if (dist.kind == V_ERROR) return dist;
  Dist *d = dist.dist;
  Drawing saved = e->drawing;  // a sample may itself be written with draws
  e->drawing.active = true;
  e->drawing.plates = d->plates | e->plates;
  if (!saved.active) e->drawing.path = draw_name(e, variable), e->drawing.count = 0;
  explain_copies(e, d);
  Value v = sample_value(e, d);
  int count = e->drawing.count;
  e->drawing = saved;
  if (saved.active) e->drawing.count = count;
  if (v.kind == V_ERROR) return v;
  if (support_discrete(&d->support)) v.node = node_unary(e->graph, OP_DISCRETE, v.node);
  if (d->support.kind == SUPPORT_SIMPLEX) assert_simplex(e, v.node);
  v.classes = d->classes;
  v.span = where;
  Drawn *drawn = NEW(e->arena, Drawn);
  *drawn = (Drawn){v.node, d, where, e->drawn};
  e->drawn = drawn;
  return v;
}

static bool same_value(const Value *a, const Value *b) {
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case V_NONE: return true;
    case V_NUMBER: return a->number == b->number;
    case V_TEXT: return !strcmp(a->text, b->text);
    case V_TENSOR: return a->node == b->node && a->plates == b->plates;
    case V_CALLABLE: return a->decl == b->decl && a->text == b->text;
    default: return false;
  }
}

// A mixture is known by its text and what it was written among, any other distribution by its parameters.
bool same_distribution(const Dist *a, const Dist *b) {
  if (a->decl != b->decl || !shape_equal(a->event, b->event)) return false;
  if (a->decl->kind == AST_MIXTURE) return a->scope == b->scope;
  for (int i = 0; i < a->params; i++)
    if (!same_value(&a->param[i], &b->param[i])) return false;
  return true;
}

// Was the value drawn from this distribution, afresh for each draw of the aggregate around it?
static bool drawn_from(const Elab *e, const Value *v, const Dist *d) {
  if (v->kind != V_TENSOR || e->plates & ~v->plates) return false;
  for (const Drawn *of = e->drawn; of; of = of->next)
    if (of->node == v->node && same_distribution(of->dist, d)) return true;
  return false;
}

// --- densities

static Value log_terms(Elab *e, const Dist *d, Value point, Span where);

// The log of the mean density of all components, each taken over the axes over which the mixture is joint.
static Value mixture_terms(Elab *e, const Dist *d, Value point, Span where) {
  int plate = 0;
  Value c = all_components(e, d, &plate);
  if (c.kind == V_ERROR) return c;
  Shape outer = outer_event(d), terms = {0};
  c = shape_distribution(e, c, d->event, where);
  Value v = c.kind == V_ERROR ? c : log_terms(e, c.dist, point, where);
  if (v.kind != V_ERROR) {
    terms = outer_event(c.dist);
    v = widen(e, v, v.kind == V_TENSOR ? v.plates : 0, terms);
  }
  if (v.kind != V_ERROR) v = reduce_events(e, OP_SUM, v, ((1u << terms.rank) - 1) & ~((1u << outer.rank) - 1));
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  e->plate_count--;
  return v.kind == V_ERROR ? v : call_library(e, "logmeanexp", where, 1, &v);
}

static Value log_formula(Elab *e, const Dist *d, Value point, Span where) {
  const Dist *mixture = as_mixture(e, d);
  if (mixture) return mixture_terms(e, mixture, point, where);
  const Ast *m = find_member(d->decl, "log");
  if (!m || !m->a) return complain(e, E0414, where, d->decl->name), value_error();
  Scope *scope = scope_new(e, d->scope);
  bind(e, scope, m->a->name, point);
  return eval_body(e, scope, m->c);
}

// The log density of each independent copy, before they are added up.
static Value log_terms(Elab *e, const Dist *d, Value point, Span where) {
  if (!has_copies(d) || d->decl->kind == AST_MIXTURE) return log_formula(e, d, point, where);
  int plate;
  const Dist *one = open_copies(e, d, &plate, where);
  if (!one) return value_error();
  point = widen(e, point, point.kind == V_TENSOR ? point.plates : 0, d->event);
  Value v = point.kind == V_ERROR ? point : log_formula(e, one, event_to_plate(e, point, outer_event(d), plate), where);
  if (v.kind != V_ERROR) v = widen(e, v, v.kind == V_TENSOR ? v.plates : 0, (Shape){0});
  return close_copies(e, d, v, plate);
}

static Value sum_over_event(Elab *e, const Dist *d, Value v, unsigned plates) {
  if (v.kind == V_ERROR) return v;
  Shape outer = outer_event(d);
  v = widen(e, v, v.kind == V_TENSOR ? v.plates : plates, outer);
  return reduce_events(e, OP_SUM, v, (1u << outer.rank) - 1);
}

Value log_density(Elab *e, Value dist, Value point, Span where) {
  Dist *d = dist.dist;
  if (point.kind == V_LIST || point.kind == V_TENSOR) point = to_tensor(e, point);
  if (point.kind == V_ERROR) return point;
  if (point.kind != V_NUMBER && point.kind != V_TENSOR)
    return complain(e, E0303, where, value_text(e, point)), value_error();
  if (!point_within(&point, &d->domain)) {
    double lo = point.kind == V_NUMBER ? point.number : point.node->lo;
    double hi = point.kind == V_NUMBER ? point.number : point.node->hi;
    complain(e, E0402, where, dist_name(&dist), support_text(e, &d->domain), lo, hi);
    report_note(e->sources, user_span(e, d->span), "the distribution");
    if (d->domain.hi < INFINITY)
      report_help(e->sources, "declare the data `in %s`, or choose another distribution", support_text(e, &d->domain));
    return value_error();
  }
  Shape at = event_shape(&point), merged;
  if (point.kind == V_TENSOR && !shape_equal(at, d->event)) {
    if (!broadcast_shapes(d->event, at, &merged) || !shape_equal(merged, d->shaped ? d->event : at)) {
      complain(e, E0319, where, shape_text(e->arena, at), dist_name(&dist), shape_text(e->arena, d->event));
      report_note(e->sources, user_span(e, d->span), "the distribution");
      return value_error();
    }
    dist = shape_distribution(e, dist, merged, where);
    if (dist.kind == V_ERROR) return dist;
    point = widen(e, point, point.plates, merged);
  }
  explain_copies(e, dist.dist);
  Value v = sum_over_event(e, dist.dist, log_terms(e, dist.dist, point, where), 0);
  v.span = where;
  return density_term(e, v, dist.dist, point);
}

Value dist_member(Elab *e, Value dist, const char *member, Span where) {
  Dist *d = dist.dist;
  const Ast *m = d->decl->kind == AST_DISTRIBUTION ? find_member(d->decl, member) : NULL;
  bool is_entropy = !strcmp(member, "entropy");
  if (!m && is_entropy) {
    Value x = draw(e, dist, d->variable ? d->variable : "entropy", NULL, where);
    finding(e, "entropy", where, "entropy of %s: one draw, -log of its density (Monte Carlo)", dist_name(&dist));
    if (x.kind == V_ERROR) return x;
    Value v = apply1(e, OP_NEG, where, log_density(e, dist, x, where));
    v.terms = NULL;  // it is an entropy, not the density of a draw
    return v;
  }
  if (!m) return complain(e, E0415, where, dist_name(&dist), member), value_error();
  int plate = -1;
  const Dist *one = has_copies(d) ? open_copies(e, d, &plate, where) : d;
  if (!one) return value_error();
  Value v = eval_body(e, scope_new(e, one->scope), m->c);
  if (plate >= 0) {
    unsigned plates = v.kind == V_TENSOR ? v.plates : d->plates;
    v = v.kind == V_ERROR ? v : widen(e, v, plates, is_entropy ? (Shape){0} : one->event);
    v = close_copies(e, d, v, plate);
  }
  if (v.kind == V_ERROR) return v;
  if (is_entropy) return sum_over_event(e, d, v, d->plates);
  v = to_tensor(e, v);
  v = v.kind == V_ERROR ? v : widen(e, v, v.plates | d->plates, d->event);
  v.classes = d->classes;
  return v;
}

// --- divergences

static bool pattern_fits(const Elab *e, const Ast *pattern, const Dist *d) {
  const Decl *named = find_decl_at(e, pattern->a->name, pattern->span);
  return named && named->ast == d->decl;
}

static void bind_pattern(Elab *e, Scope *scope, const Ast *pattern, const Dist *d) {
  int i = 0;
  for (const Ast *a = pattern->b; a && i < d->params; a = a->next, i++)
    bind(e, scope, a->kind == AST_ARGUMENT ? a->a->name : a->name, d->param[i]);
}

static const Ast *find_rule(Elab *e, const Dist *f, const Dist *g) {
  for (int i = e->decls; i--;) {  // later rules, the user's own, come first
    const Ast *a = e->decl[i]->ast;
    if (a->kind == AST_KL && pattern_fits(e, a->a, f) && pattern_fits(e, a->b, g)) return a;
  }
  return NULL;
}

Value kl_divergence(Elab *e, Value f, Value g, Span where) {
  if (f.kind != V_DIST || g.kind != V_DIST) return complain(e, E0405, where), value_error();
  if (!support_within(&f.dist->support, &g.dist->support)) {
    complain(e, E0403, where, dist_name(&f), support_text(e, &f.dist->support), dist_name(&g),
             support_text(e, &g.dist->support));
    report_note(e->sources, user_span(e, f.dist->span), "this lies on %s", support_text(e, &f.dist->support));
    report_note(e->sources, user_span(e, g.dist->span), "this lies on %s", support_text(e, &g.dist->support));
    return value_error();
  }
  if (!g.dist->shaped)
    g = shape_distribution(e, g, f.dist->event, where);
  else if (!f.dist->shaped)
    f = shape_distribution(e, f, g.dist->event, where);
  if (f.kind == V_ERROR || g.kind == V_ERROR) return value_error();
  if (!shape_equal(f.dist->event, g.dist->event)) {
    complain(e, E0320, where, shape_text(e->arena, f.dist->event), shape_text(e->arena, g.dist->event));
    report_note(e->sources, user_span(e, f.dist->span), "this draws %s", shape_text(e->arena, f.dist->event));
    report_note(e->sources, user_span(e, g.dist->span), "this draws %s", shape_text(e->arena, g.dist->event));
    return value_error();
  }
  const Ast *rule = find_rule(e, f.dist, g.dist);
  if (rule) {
    Scope *scope = scope_for(e, rule);
    bind_pattern(e, scope, rule->a, f.dist);
    bind_pattern(e, scope, rule->b, g.dist);
    finding(e, "kl", where, "KL(%s || %s): closed form, %s:%d:\n    %s", dist_name(&f), dist_name(&g),
            sources_text(e->sources, rule->span.file)->name, span_line(e->sources, rule->span),
            expression_text(e, rule));
    Value v = eval_body(e, scope, rule->c);
    return kl_term(e, sum_over_event(e, f.dist, v, f.dist->plates), f.dist, g.dist, where);
  }
  finding(e, "kl", where, "KL(%s || %s): no closed form is known; Monte Carlo, log f(z) - log g(z) at one draw of f",
          dist_name(&f), dist_name(&g));
  bool own = f.dist->has_point && drawn_from(e, &f.dist->point, f.dist);
  Value z = own ? f.dist->point : draw(e, f, f.dist->variable ? f.dist->variable : "kl", NULL, where);
  if (z.kind == V_ERROR) return z;
  Value lf = log_density(e, f, z, where), lg = log_density(e, g, z, where);
  if (lf.kind == V_ERROR || lg.kind == V_ERROR) return value_error();
  return kl_term(e, apply2(e, OP_SUB, where, lf, lg), f.dist, g.dist, where);
}

Value prior_of(Elab *e, const char *variable, Span where) {
  const Decl *d = find_decl(e, arena_format(e->arena, "prior %s", variable));
  if (!d) return complain(e, E0416, where, variable), value_error();
  const Ast *v = d->ast->a;
  Value dist = eval(e, scope_for(e, d->ast), d->ast->b);
  if (dist.kind == V_ERROR) return dist;
  if (dist.kind != V_DIST) return complain(e, E0407, d->ast->b->span, value_text(e, dist)), value_error();
  Shape dims;
  if (v->a && !eval_dims(e, e->global, v->a, &dims)) return value_error();
  dist = v->a ? shape_distribution(e, dist, dims, v->span) : dist;
  if (dist.kind == V_ERROR) return dist;
  Support declared;
  if (v->b && !eval_support(e, e->global, v->b, &declared)) return value_error();
  if (v->b && !support_within(&dist.dist->support, &declared)) {
    complain(e, E0417, v->b->span, support_text(e, &dist.dist->support), variable, support_text(e, &declared));
    return value_error();
  }
  Dist *copy = NEW(e->arena, Dist);
  *copy = *dist.dist;
  copy->variable = variable;
  copy->shaped = true;
  dist.dist = copy;
  return dist;
}
