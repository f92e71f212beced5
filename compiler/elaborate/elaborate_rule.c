// Rules about a pair of distributions, x ~ f(z) and z ~ g: what x is where z is summed out, marginal(...), and what z
// is once x is known, posterior(...). Part of the elaborator.
//
// A rule is for a parameter of f that is affine in z, A z + b. That it is, is proved on the graph: f is evaluated at a
// free value of z for each example, and what is made of it may be nothing but sums and products with what does not hang
// on it. A is what becomes of the unit vectors, over a plate, without the constant; b and all else is f at 0. Rules
// speak of vectors: x and z are laid out flat before one is applied, and what it gives is laid back.
#include "elaborate/elaborate.h"

#include <string.h>

// ---- distributions of vectors whose numbers lie in another shape

static const Ast arrangement = {.kind = AST_CALL};  // no rule is about it

static const char *arranged_name(const Dist *d) { return d->component->kind->name(d->component); }

static bool arranged_is_apart(const Dist *d) { return (void)d, true; }

static bool arranged_is_same(const Dist *a, const Dist *b) { return same_distribution(a->component, b->component); }

static bool arranged_knows(const Dist *d, const char *what) {
  bool part = !strcmp(what, "part") || !strcmp(what, "rest");
  return !part && d->component->kind->knows(d->component, what);
}

static Value arranged(Elab *e, Value v, Shape event) { return v.kind == V_ERROR ? v : reshape_event(e, v, event); }

static Value arranged_sample(Elab *e, const Dist *one) {
  return arranged(e, one->component->kind->sample(e, one->component), one->event);
}

static Value arranged_log(Elab *e, const Dist *one, Value point, Span where) {
  point = arranged(e, widen(e, point, point.kind == V_TENSOR ? point.plates : 0, one->event), one->component->event);
  return point.kind == V_ERROR ? point : one->component->kind->log(e, one->component, point, where);
}

static Value arranged_member(Elab *e, const Dist *one, const char *what) {
  Value v = one->component->kind->member(e, one->component, what);
  if (v.kind == V_ERROR || !strcmp(what, "entropy")) return v;
  return arranged(e, widen(e, v, v.kind == V_TENSOR ? v.plates : 0, one->component->event), one->event);
}

static void arranged_explain(Elab *e, const Dist *d) { d->component->kind->explain(e, d->component); }

static void arranged_parts(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to) {
  d->component->kind->parts(d->component, part, to);
}

const DistKind arranged_kind = {arranged_name, arranged_is_apart, arranged_is_same, arranged_knows, arranged_sample,
                                arranged_log,  arranged_member,   arranged_explain, NULL,           arranged_parts};

// Each number of one of these has parameters of its own, which move as the numbers do.
static bool is_of_numbers(const Dist *d) {
  return d->kind == &formula_kind && !d->own && !member_of(d->decl, "mixture");
}

static const Dist *move_parameters(Elab *e, const Dist *d, Shape event) {
  Dist *moved = NEW(e->arena, Dist);
  *moved = *d;
  moved->event = event;
  moved->shaped = true;
  moved->alias = NULL;
  moved->scope = scope_new(e, d->scope);
  moved->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  int i = 0;
  for (const Ast *f = d->formals; f; f = f->next, i++) {
    Value v = d->param[i];
    Shape s = event_shape(&v), from = d->event, to = event;
    int own = ast_length(f->c);
    if (v.kind == V_TENSOR && s.rank > own) {
      for (int k = s.rank - own; k < s.rank; k++) from.dim[from.rank++] = to.dim[to.rank++] = s.dim[k];
      v = arranged(e, widen(e, v, v.plates, from), to);
      if (v.kind == V_ERROR) return NULL;
    }
    moved->param[i] = v;
    bind_name(e, moved->scope, f->name, v);
  }
  return moved;
}

const Dist *flat_distribution(Elab *e, const Dist *d) {
  int64_t n = shape_count(d->event);
  if (d->kind == &arranged_kind && shape_equal(own_event(d), d->event)) {
    Dist *held = NEW(e->arena, Dist);
    *held = *d->component;
    held->held = d->held;
    return held;
  }
  return is_of_numbers(d) ? move_parameters(e, d, shape_of(1, &n)) : d;
}

static Value laid_back(Elab *e, Value v, Shape event) {
  const Dist *d = v.dist;
  if (v.kind != V_DIST || shape_equal(d->event, event)) return v;
  if (is_of_numbers(d)) {
    v.dist = (Dist *)move_parameters(e, d, event);
    return v.dist ? v : value_error();
  }
  Dist *copy = NEW(e->arena, Dist);
  *copy = (Dist){.kind = &arranged_kind,
                 .decl = &arrangement,
                 .component = d,
                 .shaped = true,
                 .event = event,
                 .own = event.rank,
                 .plates = d->plates,
                 .support = {.kind = SUPPORT_REAL, .lo = d->support.lo, .hi = d->support.hi},
                 .domain = {.kind = SUPPORT_REAL, .lo = d->domain.lo, .hi = d->domain.hi},
                 .span = d->span};
  v.dist = copy;
  return v;
}

// ---- what is affine

static Node *free_values(Elab *e, Shape s) {
  static const uint32_t stream = 0xaff1e;
  Node *u = node_random(e->graph, stream + (uint32_t)e->frees++, RANDOM_ONCE, s);
  return node_unary(e->graph, OP_NORMAL_QUANTILE, u);  // anywhere on the line; it stays out of what is computed
}

// A row for each number of a value of that shape: 1 there, and 0 elsewhere.
static Node *unit_vectors(Elab *e, int64_t k, Shape s) {
  Shape square = shape_of(2, (int64_t[]){k, k});
  Node *row = node_iota(e->graph, 0, square), *column = node_iota(e->graph, 1, square);
  return node_reshape(e->graph, node_binary(e->graph, OP_EQUAL, row, column), s);
}

// The matrix of the parameter, [n, k], whose n numbers hang on the value `at` of a plate.
static Value matrix_of(Elab *e, Value v, const Node *at, int plate) {
  Shape s = physical_shape(e, plate_bit(plate), (Shape){0});
  Value linear = value_tensor(graph_linear_part(e->graph, v.node, at, unit_vectors(e, s.dim[0], at->shape)), v.plates);
  linear.span = v.span;
  return plate_to_event(e, linear, plate);
}

static const char *formal_name(const Dist *d, int i) { return name_at(d->formals, i); }

static void stand(Affine *a, const char *why, const Node *at) {
  a->why = why;
  if (at) a->where = at->span;
}

// Which parameter of f hangs on z, that it is affine in it, and that each example hangs on its own z alone.
static void look_at(Elab *e, const Dist *f, const Node *at, Affine *a) {
  for (int i = 0; i < f->params && !a->why; i++) {
    Value v = f->param[i];
    if (v.kind != V_TENSOR || v.node->id < at->id || !graph_depends(e->graph, v.node, at)) continue;
    const char *name = formal_name(f, i), *of = dist_name(f);
    const Node *stops = graph_not_affine(e->graph, v.node, at);
    const Node *meet = stops ? NULL : graph_parts_meet(e->graph, v.node, at, v.plates & PLATE_BATCH ? 1 : 0);
    if (stops)
      stand(a,
            arena_format(e->arena, "here, at `%s`, `%s` of `%s` stops being affine in `%s`", op_name(stops->op), name,
                         of, a->z),
            stops);
    else if (meet)
      stand(a, arena_format(e->arena, "here examples meet, so that `%s` hangs on `%s` of others", name, a->z), meet);
    else if (a->place >= 0)
      stand(a, arena_format(e->arena, "`%s` and `%s` of `%s` hang on `%s`", formal_name(f, a->place), name, of, a->z),
            NULL);
    else
      a->place = i;
  }
}

// The distribution at a free value of z for each of the places, laid out flat.
static const Dist *at_free(Elab *e, Given given, void *what, unsigned plates, Shape z, const Node **at) {
  Node *n = free_values(e, physical_shape(e, plates, z));
  *at = n;
  Value f = given(e, what, value_tensor(n, plates));
  return f.kind == V_DIST ? flat_distribution(e, f.dist) : NULL;
}

// One number for each of a vector, which hang on z: their matrix. False after reporting.
static bool find_matrix(Elab *e, Given given, void *what, Shape z, Affine *a) {
  int plate = open_plate(e, shape_count(z), a->where);
  if (plate < 0) return false;
  const Node *at;
  Shape merged;
  const Dist *f = at_free(e, given, what, plate_bit(plate), z, &at);
  Value v = f ? f->param[a->place] : value_error();
  bool vector =
      f && f->event.rank == 1 && broadcast_shapes(f->event, event_shape(&v), &merged) && shape_equal(merged, f->event);
  a->matrix = vector ? matrix_of(e, widen(e, v, v.plates, f->event), at, plate) : (Value){.kind = V_NONE};
  e->plate_count--;
  return f && a->matrix.kind != V_ERROR;
}

bool find_affine(Elab *e, Given given, void *what, Shape z, const char *name, Span where, Affine *a) {
  *a = (Affine){.place = -1, .z = name, .where = where};
  int moves = e->moves;
  const Node *at;
  const Dist *free = at_free(e, given, what, PLATE_BATCH, z, &at);
  if (!free) return false;
  if (e->moves != moves)
    stand(a, arena_format(e->arena, "a state changes by `%s` here", name), NULL);
  else
    look_at(e, free, at, a);
  if (a->place >= 0 && !a->why && !find_matrix(e, given, what, z, a)) return false;
  Value f = given(e, what, value_tensor(node_const(e->graph, 0, z), 0));
  if (f.kind != V_DIST) return false;
  a->at_zero = f;
  a->event = f.dist->event;
  a->f = flat_distribution(e, f.dist);
  return a->f != NULL;
}

// ---- the rules

static const Ast *affine_argument(const Ast *pattern, int *place) {
  const Ast *a = pattern->b;
  for (*place = 0; a->a->kind != AST_BINARY; a = a->next) ++*place;
  return a->a;
}

static bool bind_affine(Elab *e, Scope *scope, const Ast *pattern, const Affine *a) {
  int place;
  const Ast *sum = affine_argument(pattern, &place);
  Value b = widen(e, a->f->param[place], a->f->plates, a->f->event);
  bind_name(e, scope, sum->a->a->name, a->matrix);
  bind_name(e, scope, sum->b->name, b);
  return b.kind != V_ERROR;
}

// The rule about the two; NULL, and why not is told, if there is none.
static const Ast *rule_about(Elab *e, const char *head, Affine *a, const Dist *g) {
  const Dist *several = a->f->own && a->f->event.rank > 1 ? a->f : g->own && g->event.rank > 1 ? g : NULL;
  int place = -1;
  if (several && !a->why)
    a->why = arena_format(e->arena, "no rule is about several vectors, as `%s` is here", dist_name(several));
  const Ast *rule = a->why ? NULL : find_rule(e, head, a->f, g);
  if (rule) affine_argument(rule->a, &place);
  if (a->why || (place == a->place && a->matrix.kind != V_NONE)) return rule;
  const char *f = dist_name(a->f);
  a->why = rule ? arena_format(e->arena, "`%s` of `%s` hangs on `%s`", formal_name(a->f, a->place), f, a->z)
                : arena_format(e->arena, "no rule is about `%s`, made of `%s`", f, dist_name(g));
  return NULL;
}

Value apply_rule(Elab *e, const char *head, Affine *a, const Dist *z, const Value *x, Span where) {
  const Dist *g = flat_distribution(e, z);
  if (!g) return value_error();
  const Ast *rule = rule_about(e, head, a, g);
  if (!rule) return (Value){.kind = V_NONE};
  Scope *scope = scope_for(e, rule);
  bind_pattern(e, scope, rule->a, a->f);
  bind_pattern(e, scope, rule->b, g);
  if (!bind_affine(e, scope, rule->a, a)) return value_error();
  if (x)
    bind_name(e, scope, rule->text, arranged(e, widen(e, *x, x->kind == V_TENSOR ? x->plates : 0, a->event), a->f->event));
  Value v = eval_body(e, scope, rule->c);
  if (v.kind == V_ERROR) return v;
  if (v.kind != V_DIST) return complain(e, E0407, rule->c->span, value_text(e, v)), value_error();
  finding(e, "rule", where, "%s: `%s` %s by a rule, as %s, %s:%d", expression_text(e, &(Ast){.span = where}), a->z,
          x ? "is known" : "is summed out", dist_name(v.dist), sources_text(e->sources, rule->span.file)->name,
          span_line(e->sources, rule->span));
  return laid_back(e, v, x ? z->event : a->event);
}
