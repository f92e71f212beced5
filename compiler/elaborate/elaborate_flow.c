// Flows: distributions that are sent through bijectors, normal(0, 1) |> coupling(64). Part of the elaborator.
//
// A draw is forward of a draw. The log density at a point y is log base(x) - log |det dy/dx| where forward(x) = y: if y
// is a draw of this very distribution, x is remembered; else x = inverse(y). A bijector speaks of the last axes of the
// event, those it names in brackets, or of one number; over a larger event there are independent copies, which share
// its weights.
#include "elaborate/elaborate.h"

#include <float.h>
#include <math.h>
#include <string.h>

// ---- declarations

Decl *find_bijector(const Elab *e, const char *name, Span where) {
  return find_decl_at(e, arena_format(e->arena, "bijector %s", name), where);
}

const Ast *bijector_member(const Ast *bijector, const char *name) {
  for (const Ast *m = bijector->c->a; m; m = m->next)
    if (m->kind == AST_MEMBER && !strcmp(m->name, name)) return m;
  return NULL;
}

void check_bijector(Elab *e, const Ast *ast) {
  static const char *const needed[] = {"forward", "logdet"};
  for (const Ast *m = ast->c->a; m; m = m->next) {
    if (m->kind != AST_MEMBER) continue;
    int most = !strcmp(m->name, "logdet") ? 2 : !strcmp(m->name, "forward") || !strcmp(m->name, "inverse") ? 1 : 0;
    if (!most)
      complain(e, E0750, m->span, ast->name, arena_format(e->arena, "`%s` is no part of one", m->name));
    else if (bijector_member(ast, m->name) != m)
      complain(e, E0750, m->span, ast->name, arena_format(e->arena, "a second `%s`", m->name));
    else if (ast_length(m->a) > most)
      complain(e, E0750, m->span, ast->name,
               arena_format(e->arena, "`%s` takes %s", m->name, most == 2 ? "x, or x and y" : "one value"));
  }
  for (int i = 0; i < 2; i++)
    if (!bijector_member(ast, needed[i]))
      complain(e, E0750, ast->span, ast->name, arena_format(e->arena, "it has no `%s`", needed[i]));
}

// ---- the map itself

static int map_rank(const Dist *d) { return ast_length(d->decl->b); }

// The flow as one over the axes alone that its bijector speaks of.
static Dist map_of(const Dist *d) {
  Dist map = *d;
  map.own = map_rank(d);
  return map;
}

static void other_shape(Elab *e, const Dist *d) {
  Text sizes = text_new(e->arena);
  for (const Ast *n = d->decl->b; n; n = n->next)
    text_add(&sizes, "%s%s", sizes.length ? ", " : "", expression_text(e, n));
  complain(e, E0757, d->span, d->decl->name, sizes.data, shape_text(e->arena, d->event));
}

// The sizes that the brackets name.
static bool bind_sizes(Elab *e, const Dist *d, Scope *scope, Shape own) {
  int i = 0;
  for (const Ast *n = d->decl->b; n; n = n->next, i++) {
    Value size = value_number((double)own.dim[i]);
    bool bound = n->kind != AST_NAME || find_binding(scope, n->name);
    if (!bound) bind_name(e, scope, n->name, size);
    double wanted = bound ? eval_number(e, scope, n, "a size") : size.number;
    if (isnan(wanted)) return false;
    if (wanted == size.number) continue;
    return other_shape(e, d), false;
  }
  return true;
}

static void declare_members(Elab *e, Scope *scope, const Ast *bijector) {
  for (const Ast *m = bijector->c->a; m; m = m->next) {
    if (m->kind == AST_WEIGHT) declare_weights(e, scope, m);
    if (m->kind == AST_NET) declare_network(e, scope, m);
  }
}

// A member of the bijector of one copy, at n values.
static Value eval_member(Elab *e, const Dist *one, const Ast *member, Shape own, int n, const Value *at, Span where) {
  const Ast *bijector = one->decl;
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0226, where, bijector->name), value_error();
  Frame *f = push_frame(e, bijector, user_span(e, where));
  f->path = one->path;
  f->owner = one->owner;
  if (one->path) f->scope->word = strrchr(one->path, '/') + 1;
  Scope *scope = scope_new(e, one->scope);
  Value v = value_error();
  e->depth++;
  if (bind_sizes(e, one, scope, own)) {
    declare_members(e, scope, bijector);
    scope = scope_new(e, scope);
    int i = 0;
    for (const Ast *a = member->a; a && i < n; a = a->next) bind_name(e, scope, a->name, at[i++]);
    int randoms = e->randoms;
    v = eval_body(e, scope, member->c);
    if (e->randoms > randoms) complain(e, E0756, member->span, member->name, bijector->name), v = value_error();
  }
  e->depth--;
  pop_frame(e);
  return v;
}

// The result as a tensor of the shape that it must have.
static Value kept_shape(Elab *e, const Dist *d, const Ast *member, Value v, Shape wanted) {
  bool logdet = !strcmp(member->name, "logdet");
  if (v.kind == V_ERROR) return v;
  Shape s;
  if (list_shape(&v, &s) && (shape_equal(s, wanted) || (logdet && !s.rank))) return to_tensor(e, v);
  const char *must = logdet ? "one number" : arena_format(e->arena, "of %s", shape_text(e->arena, wanted));
  return complain(e, E0752, member->span, member->name, d->decl->name, value_text(e, v), must), value_error();
}

Value map_member(Elab *e, const Dist *d, const char *name, const Value *at, Span where) {
  const Ast *member = bijector_member(d->decl, name);
  if (!member) return (Value){.kind = V_NONE};
  Dist map = map_of(d);
  const Dist *one = &map;
  Shape own = own_event(&map), outer = outer_event(&map);
  Value given[2];
  int plate = -1, n = ast_length(member->a);
  if (outer.rank && !(one = open_copies(e, &map, &plate, where))) return value_error();
  for (int i = 0; i < n; i++) given[i] = plate < 0 ? at[i] : event_to_plate(e, at[i], outer, plate);
  Value v = eval_member(e, one, member, own, n, given, where);
  v = kept_shape(e, d, member, v, !strcmp(name, "logdet") ? (Shape){0} : own);
  return plate < 0 ? v : close_copies(e, outer, v, plate);
}

// ---- making one

bool is_flow_call(const Elab *e, const Scope *scope, const Ast *callee, const Call *call) {
  bool sent = call->n && !call->name[0] && call->arg[0].kind == V_DIST && !find_binding(scope, callee->name);
  return sent && find_bijector(e, callee->name, callee->span);
}

// A value of which nothing is known but where it lies.
static Value some_value(Elab *e, const Support *s, Shape event) {
  uint32_t stream = path_hash(arena_format(e->arena, "some value from %a to %a", s->lo, s->hi));
  Node *n = node_random(e->graph, stream, RANDOM_ONCE, event);
  n->lo = s->lo, n->hi = s->hi;
  return value_tensor(n, 0);
}

// An end of an image: 0 where it comes as near as numbers can, as that of exp.
static double end_of(double x) { return fabs(x) < (double)FLT_MIN ? 0 : x; }

// Where the images of the base's values lie, and that they have its shape.
static bool settle_flow(Elab *e, Dist *d, Span where) {
  int rank = map_rank(d);
  if (d->event.rank < rank) return other_shape(e, d), false;
  Value base = shape_distribution(e, (Value){.kind = V_DIST, .dist = (Dist *)d->base}, d->event, where);
  if (base.kind == V_ERROR) return false;
  d->base = base.dist;
  d->own = rank > d->base->own ? rank : d->base->own;
  Value x = some_value(e, &d->base->support, d->event);
  Value y = map_member(e, d, "forward", &x, where);
  if (y.kind == V_ERROR) {
    if (!rank)
      report_help(e->sources, "without brackets it maps each number by itself: `bijector %s[n]` maps vectors",
                  d->decl->name);
    return false;
  }
  const char *path = d->path ? arena_format(e->arena, "%s/", d->path) : "";
  for (int t = 0; t < e->tensors && d->path && !d->owns; t++)
    d->owns = !strncmp(e->model->tensor[t].name, path, strlen(path));
  double lo = end_of(y.node->lo), hi = end_of(y.node->hi);
  bool real = lo == -INFINITY && hi == INFINITY;
  d->support = (Support){.kind = real ? SUPPORT_REAL : SUPPORT_INTERVAL, .lo = lo, .hi = hi};
  d->domain = d->support;
  remember_bijector(e, d);
  return true;
}

Value make_flow(Elab *e, const Decl *bijector, const Call *call) {
  const Ast *ast = bijector->ast;
  const Dist *base = call->arg[0].dist;
  Call rest = {.span = call->span, .n = call->n - 1};
  memcpy(rest.arg, call->arg + 1, sizeof rest.arg - sizeof *rest.arg);
  memcpy(rest.name, call->name + 1, sizeof rest.name - sizeof *rest.name);
  memcpy(rest.ast, call->ast + 1, sizeof rest.ast - sizeof *rest.ast);
  if (base->support.kind != SUPPORT_REAL && base->support.kind != SUPPORT_INTERVAL)
    return complain(e, E0755, call->span, dist_name(base), support_text(e, &base->support)), value_error();
  Dist *d = NEW(e->arena, Dist);
  *d = (Dist){.kind = &flow_kind, .decl = ast, .formals = ast->a, .params = ast_length(ast->a), .base = base};
  d->span = call->span;
  d->label = arena_format(e->arena, "%s |> %s", dist_name(base), ast->name);
  d->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  d->plates = base->plates;
  if (e->frame && e->frame->path) d->path = block_path(e, ast->name), d->owner = e->frame->owner;
  d->scope = bind_formals(e, ast, &rest);
  if (!d->scope || !join_parameters(e, d, ast->name, ast->b != NULL, &d->event)) return value_error();
  Shape event = d->event;
  if (ast->b) {
    d->event = base->event;
  } else if (!broadcast_shapes(base->event, event, &d->event)) {
    complain(e, E0301, call->span, shape_text(e->arena, base->event), shape_text(e->arena, event), ast->name);
    return value_error();
  }
  d->shaped = base->shaped || d->event.rank;
  d->support = d->domain = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  bool vectors = false;  // an event that is not yet known may be what they need
  for (const Dist *of = d; of; of = of->base) vectors = vectors || (of->kind == &flow_kind && of->decl->b);
  if ((d->shaped || !vectors) && !settle_flow(e, d, call->span)) return value_error();
  return (Value){.kind = V_DIST, .dist = d, .span = call->span};
}

// ---- what is asked of them

static const char *flow_name(const Dist *d) { return d->label; }

// Its base draws the copies, and the map opens them itself.
static bool flow_is_apart(const Dist *d) { return (void)d, false; }

bool same_map(const Dist *a, const Dist *b) {
  bool same = a->decl == b->decl && a->owns == b->owns && (!a->owns || !strcmp(a->path, b->path));
  for (int i = 0; same && i < a->params; i++) same = same_value(&a->param[i], &b->param[i]);
  return same;
}

static bool flow_is_same(const Dist *a, const Dist *b) { return same_map(a, b) && same_distribution(a->base, b->base); }

static bool flow_knows(const Dist *d, const char *what) {
  return (!strcmp(what, "log") || !strcmp(what, "sample")) && d->base->kind->knows(d->base, what);
}

static Value flow_sample(Elab *e, const Dist *d) {
  Value x = sample_value(e, d->base);
  if (x.kind == V_ERROR) return x;
  Value y = map_member(e, d, "forward", &x, d->span);
  if (y.kind != V_ERROR) remember_draw(e, y.node, d, x, d->span);
  return y;
}

// What y came from, by memory or by the inverse.
static Value flow_base(Elab *e, const Dist *d, Value y, Span where) {
  for (const Drawn *of = e->drawn; of; of = of->next)
    if (of->node == y.node && of->base.kind != V_NONE && same_distribution(of->dist, d)) return of->base;
  Value x = map_member(e, d, "inverse", &y, where);
  if (x.kind != V_NONE) return x;
  const char *asked = expression_text(e, &(Ast){.span = where});
  complain(e, E0751, where, d->decl->name, strncmp(asked, "log ", 4) ? "its density" : asked);
  report_note(e->sources, user_span(e, d->span), "sent through it here");
  return value_error();
}

static Value flow_log(Elab *e, const Dist *d, Value point, Span where) {
  point = widen(e, point, point.kind == V_TENSOR ? point.plates : 0, d->event);
  Value x = point.kind == V_ERROR ? point : flow_base(e, d, point, where);
  if (x.kind == V_ERROR) return x;
  Dist map = map_of(d);
  Shape outer = outer_event(d);
  Value base = log_terms(e, d->base, x, where);
  Value stretched = map_member(e, d, "logdet", (Value[]){x, point}, where);
  base = gather_terms(e, base, outer_event(d->base), outer, EACH, d->plates);
  stretched = gather_terms(e, stretched, outer_event(&map), outer, EACH, d->plates);
  return base.kind == V_ERROR || stretched.kind == V_ERROR ? value_error() : apply2(e, OP_SUB, where, base, stretched);
}

static void flow_explain(Elab *e, const Dist *d) {
  const Dist *one_way = d;
  while (one_way && (one_way->kind != &flow_kind || bijector_member(one_way->decl, "inverse"))) one_way = one_way->base;
  finding(e, "flow", d->span,
          one_way ? "%s: its density is known at its own draws, for `%s` has no inverse"
                  : "%s: its density is known everywhere, at its own draws without an inverse",
          d->label, one_way ? one_way->decl->name : "");
}

static void flow_parts(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to) {
  for (int i = 0; i < d->params; i++) part(to, &d->param[i], NULL);
  d->base->kind->parts(d->base, part, to);
}

const DistKind flow_kind = {flow_name, flow_is_apart, flow_is_same, flow_knows,  flow_sample,
                            flow_log,  NULL,          flow_explain, settle_flow, flow_parts};
