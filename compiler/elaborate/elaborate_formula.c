// Distributions of the library: a declaration's formulas for one value, or for the last axes, `on real[n]`, with the
// parameters at each place. Part of the elaborator.
#include "elaborate/elaborate.h"

#include <string.h>

static bool is_numeric(const Value *v) { return v->kind == V_NUMBER || v->kind == V_TENSOR || v->kind == V_LIST; }

// The sizes that a parameter's own axes have are given their names, `p[n]`; false after reporting that they do not fit.
static bool bind_own_sizes(Elab *e, const Dist *d, const Ast *formal, const Value *v) {
  Shape s = event_shape(v);
  int own = ast_length(formal->c), k = s.rank - own;
  for (const Ast *n = formal->c; n; n = n->next, k++) {
    const Binding *b = n->kind == AST_NAME ? find_binding(d->scope, n->name) : NULL;
    if (n->kind == AST_NAME && !b) bind_name(e, d->scope, n->name, value_number((double)s.dim[k]));
    if (!b || b->value.kind != V_NUMBER || b->value.number == (double)s.dim[k]) continue;
    complain(e, E0419, v->span, formal->name, d->decl->name, shape_text(e->arena, s), n->name, b->value.number);
    return false;
  }
  return true;
}

static bool join_shape(Elab *e, const Dist *d, Shape *event, Shape s) {
  Shape merged;
  for (int z = s.rank; z < MAX_RANK; z++) s.dim[z] = 0;
  if (!broadcast_shapes(*event, s, &merged)) {
    complain(e, E0301, d->span, shape_text(e->arena, *event), shape_text(e->arena, s), d->decl->name);
    return false;
  }
  *event = merged;
  return true;
}

bool join_parameters(Elab *e, Dist *d, const char *name, bool vectors, Shape *places) {
  int i = 0;
  for (const Ast *f = d->formals; f; f = f->next, i++) {
    Binding *b = find_binding(d->scope, f->name);
    if (is_numeric(&b->value) && b->value.kind != V_NUMBER) b->value = to_tensor(e, b->value);
    if (b->value.kind == V_ERROR) return false;
    d->param[i] = b->value;
    int own = ast_length(f->c);
    if (b->value.kind != V_TENSOR && (b->value.kind != V_NUMBER || !own)) continue;
    Shape s = event_shape(&b->value);
    d->plates |= b->value.plates;
    if (vectors && !own) continue;  // the formula sees it whole
    if (s.rank < own) return complain(e, E0411, b->value.span, f->name, name, own, shape_text(e->arena, s)), false;
    if (!bind_own_sizes(e, d, f, &b->value)) return false;
    s.rank -= own;
    if (!join_shape(e, d, own ? &d->event : places, s)) return false;
  }
  return true;
}

// distribution log_normal(m, s) = normal(m, s) |> exp_map: that distribution, under this name.
static Value make_alias(Elab *e, const Decl *decl, const Call *call) {
  const Ast *ast = decl->ast;
  Scope *scope = bind_formals(e, ast, call);
  Value v = scope ? eval_body(e, scope, ast->c->c) : value_error();
  if (v.kind == V_ERROR) return v;
  if (v.kind != V_DIST) return complain(e, E0407, ast->c->span, value_text(e, v)), value_error();
  Dist *d = NEW(e->arena, Dist), *alias = NEW(e->arena, Dist);
  *alias = (Dist){.decl = ast, .params = ast_length(ast->a), .alias = v.dist->alias};
  alias->param = NEW_ARRAY(e->arena, Value, alias->params + 1);
  int i = 0;
  for (const Ast *f = ast->a; f; f = f->next) alias->param[i++] = find_binding(scope, f->name)->value;
  *d = *v.dist;
  d->alias = alias;
  d->label = ast->name;
  d->span = call->span;
  return (Value){.kind = V_DIST, .dist = d, .span = call->span};
}

// The event: of a distribution of single numbers as all parameters say; of one of vectors the independent copies that
// vector parameters say, and then the vector.
static bool join_event(Elab *e, Dist *d, Shape places) {
  d->own = d->support.rank;
  if (d->event.rank + d->own > MAX_RANK) return complain(e, E0304, d->span, MAX_RANK), false;
  for (int i = 0; i < d->own; i++) d->event.dim[d->event.rank++] = d->support.dim[i];
  return join_shape(e, d, &d->event, places);
}

Value make_distribution(Elab *e, const Decl *decl, const Call *call) {
  const Ast *ast = decl->ast;
  if (!ast->b) return make_alias(e, decl, call);
  Dist *d = NEW(e->arena, Dist);
  Shape places = {0};
  *d = (Dist){.kind = &formula_kind, .decl = ast, .formals = ast->a, .params = ast_length(ast->a), .span = call->span};
  d->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  d->scope = bind_formals(e, ast, call);
  if (!d->scope || !join_parameters(e, d, decl->name, ast->b->kind == AST_INDEX, &places)) return value_error();
  if (!eval_support(e, d->scope, ast->b, &d->support)) return value_error();
  d->domain = d->support;
  const Ast *domain = member_of(ast, "domain");
  if (domain && !eval_support(e, d->scope, domain->c->b, &d->domain)) return value_error();
  if (!join_event(e, d, places)) return value_error();
  d->shaped = d->event.rank > 0;
  if (d->support.kind == SUPPORT_CLASS) d->classes = (int)d->support.hi + 1;
  return (Value){.kind = V_DIST, .dist = d, .span = call->span};
}

Value call_distribution(Elab *e, const char *name, const Call *call) {
  const Decl *d = find_decl(e, name);
  while (d && (!d->library || strcmp(d->name, name))) d = d->next;
  if (!d) fail(e->arena, EXIT_SOFTWARE, "the standard library has no `%s`", name);
  return make_distribution(e, d, call);
}

// --- what is asked of them

// `distribution flower(n) on real[2] { mixture over k in 0 .. n { ... } }` is its mixture, with its parameters in
// scope.
static const Dist *written_mixture(Elab *e, const Dist *d) {
  const Ast *m = member_of(d->decl, "mixture");
  if (!m) return NULL;
  Dist *mixture = NEW(e->arena, Dist);
  *mixture = *d;
  mixture->kind = &mixture_kind;
  mixture->decl = m->c->b;
  mixture->formals = NULL;
  mixture->params = 0;
  return mixture;
}

static const char *formula_name(const Dist *d) { return d->decl->name; }

// A formula of one number works place by place.
static bool formula_is_apart(const Dist *d) { return d->own || member_of(d->decl, "mixture"); }

static bool formula_is_same(const Dist *a, const Dist *b) {
  for (int i = 0; i < a->params; i++)
    if (!same_value(&a->param[i], &b->param[i])) return false;
  return true;
}

static bool formula_knows(const Dist *d, const char *what) {
  static const char *const of_mixture[] = {"log", "sample", "part", "rest"};
  return member_of(d->decl, what) || (name_in(what, 4, of_mixture) && member_of(d->decl, "mixture"));
}

// The parameters as the formula sees them: where one has axes of its own, those of the event it lacks stand before them
// with size 1.
Scope *formula_scope(Elab *e, const Dist *one) {
  Scope *scope = scope_new(e, one->scope);
  for (const Ast *f = one->own ? NULL : one->formals; f; f = f->next) {
    Value v = find_binding(one->scope, f->name)->value;
    Shape s = event_shape(&v), wide = {.rank = one->event.rank + ast_length(f->c)};
    int missing = wide.rank - s.rank;
    if (v.kind != V_TENSOR || !f->c || missing <= 0 || wide.rank > MAX_RANK) continue;
    for (int i = 0; i < wide.rank; i++) wide.dim[i] = i < missing ? 1 : s.dim[i - missing];
    int classes = v.classes;
    v = reshape_event(e, v, wide);
    v.classes = classes;
    bind_name(e, scope, f->name, v);
  }
  return scope;
}

static Value formula_sample(Elab *e, const Dist *one) {
  const Dist *mixture = written_mixture(e, one);
  if (mixture) return mixture->kind->sample(e, mixture);
  const Ast *m = member_of(one->decl, "sample");
  if (!m) return complain(e, E0413, one->span, one->decl->name), value_error();
  Value v = eval_body(e, formula_scope(e, one), m->c);
  if (v.kind == V_DIST) v = shape_distribution(e, v, one->event, one->span);
  return v.kind == V_DIST ? sample_value(e, v.dist) : v;
}

static Value formula_log(Elab *e, const Dist *one, Value point, Span where) {
  const Dist *mixture = written_mixture(e, one);
  if (mixture) return mixture->kind->log(e, mixture, point, where);
  const Ast *m = member_of(one->decl, "log");
  if (!m || !m->a) return complain(e, E0414, where, one->decl->name), value_error();
  Scope *scope = formula_scope(e, one);
  bind_name(e, scope, m->a->name, point);
  return eval_body(e, scope, m->c);
}

static Value formula_member(Elab *e, const Dist *one, const char *member) {
  return eval_body(e, formula_scope(e, one), member_of(one->decl, member)->c);
}

static void formula_explain(Elab *e, const Dist *d) {
  const Dist *mixture = written_mixture(e, d);
  if (mixture) mixture->kind->explain(e, mixture);
}

static void formula_parts(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to) {
  for (int i = 0; i < d->params; i++) part(to, &d->param[i], NULL);
}

const DistKind formula_kind = {formula_name, formula_is_apart, formula_is_same, formula_knows, formula_sample,
                               formula_log,  formula_member,   formula_explain, NULL,
                               formula_parts};

// --- parts of them

Value quantile_of(Elab *e, Value dist, Value u, Span where) {
  const Dist *d = dist.dist;
  const Ast *m = d->kind == &formula_kind && !d->own ? member_of(d->decl, "quantile") : NULL;
  if (!m || !m->a) return complain(e, E0415, where, d->kind->name(d), "quantile"), value_error();
  Scope *scope = scope_new(e, d->scope);
  bind_name(e, scope, m->a->name, u);
  Value v = to_tensor(e, eval_body(e, scope, m->c));
  Shape merged;
  if (v.kind == V_ERROR || !d->shaped) return v;
  if (broadcast_shapes(event_shape(&v), d->event, &merged)) return widen(e, v, v.plates, merged);
  const char *of = shape_text(e->arena, event_shape(&v)), *event = shape_text(e->arena, d->event);
  return complain(e, E0301, where, event, of, "quantile"), value_error();
}

Value product_of(Elab *e, Value f, Value g, Span where) {
  const Dist *a = f.dist, *b = g.dist;
  bool alike = a->kind == &formula_kind && b->kind == &formula_kind && a->decl == b->decl;
  const Ast *m = alike ? member_of(a->decl, "product") : NULL;
  bool single = !(a->own && outer_event(a).rank) && !(b->own && outer_event(b).rank) && !a->given && !b->given;
  if (!m || !single) {
    complain(e, E0424, where, dist_name(a), dist_name(b));
    report_help(e->sources, !alike ? "both are to be of one kind"
                            : m    ? "of one vector each, and of the whole of it"
                                   : "`product(...)` in the braces of one of your own says it");
    return value_error();
  }
  Scope *scope = scope_new(e, a->scope);
  int i = 0;
  for (const Ast *p = a->formals; p; p = p->next, i++) bind_name(e, scope, p->name, held_still(e, a, a->param[i]));
  i = 0;
  for (const Ast *p = m->a; p; p = p->next, i++) bind_name(e, scope, p->name, held_still(e, b, b->param[i]));
  Value v = eval_body(e, scope, m->c);
  if (v.kind == V_ERROR) return v;
  if (v.kind != V_DIST) {
    complain(e, E0423, m->span, "distribution", a->decl->name, "product", "gives no distribution");
    return value_error();
  }
  finding(e, "product", where, "the density in proportion to the product of both, by `product` of %s", a->decl->name);
  v.span = where;
  return v;
}

Value index_distribution(Elab *e, Scope *scope, Value dist, const Ast *indices, Span where) {
  const Dist *d = dist.dist;
  if (d->kind != &formula_kind || formula_is_apart(d))
    return complain(e, E0415, where, d->kind->name(d), "distribution of one place"), value_error();
  Dist *part = NEW(e->arena, Dist);
  *part = *d;
  part->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  part->scope = scope_new(e, d->scope);
  Value places = index_value(e, scope, value_tensor(node_const(e->graph, 0, d->event), 0), indices);
  if (places.kind == V_ERROR) return places;
  part->event = event_shape(&places);
  int i = 0;
  for (const Ast *f = d->formals; f; f = f->next, i++) {
    Value v = d->param[i];
    Shape whole = d->event, s = event_shape(&v);
    for (int own = ast_length(f->c); own && v.kind == V_TENSOR; own--) whole.dim[whole.rank++] = s.dim[s.rank - own];
    if (v.kind == V_TENSOR) v = widen(e, v, v.plates, whole);
    if (v.kind == V_TENSOR) v = index_value(e, scope, v, indices);
    if (v.kind == V_ERROR) return v;
    part->param[i] = v;
    bind_name(e, part->scope, f->name, v);
  }
  return (Value){.kind = V_DIST, .dist = part, .span = where};
}
