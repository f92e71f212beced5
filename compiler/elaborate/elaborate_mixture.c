// Mixtures: mixture(k in 0 .. n) { ... }, mixture(u in table) { ... }, mixture(k ~ categorical(w)) { ... }. Part of the
// elaborator.
//
// Densities have all components on a plate, draws the one that was drawn. A mixture is joint over the event of its
// component as it is written; a larger event stands for independent copies.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// What the components differ by.
typedef struct {
  int64_t n;
  Value *table;   // what each is given under the name of each binder, along the first axis
  Value weights;  // the distribution of the values of the one binder; NONE: all are as likely
} Components;

// Binders run together, and have as many places each.
static bool eval_components(Elab *e, const Dist *d, Components *c) {
  *c = (Components){.table = NEW_ARRAY(e->arena, Value, ast_length(d->decl->a)), .weights = {.kind = V_NONE}};
  int i = 0;
  for (const Ast *b = d->decl->a; b; b = b->next, i++) {
    int64_t n = 0;
    bool weighed = b->text[0] == '~';
    if (weighed && d->decl->a->next) return complain(e, E0708, b->span), false;
    if (weighed ? !eval_values(e, d->scope, b, &n, &c->table[i], &c->weights)
                : !eval_run(e, d->scope, b, &n, &c->table[i]))
      return false;
    if (i && n != c->n) return complain(e, E0741, b->span, (long long)c->n, (long long)n), false;
    c->n = n;
  }
  return true;
}

// The component that is given this under the names of the binders.
static Value component(Elab *e, const Dist *d, const Components *c, const Value *given) {
  Scope *scope = scope_new(e, d->scope);
  int i = 0;
  for (const Ast *b = d->decl->a; b; b = b->next, i++) {
    if (!fresh_name(e, scope, b->name, b->span)) return value_error();
    Value v = given[i];
    v.classes = c->table[i].classes;
    v.span = b->span;
    bind_name(e, scope, b->name, v);
  }
  Value v = eval_body(e, scope, d->decl->c);
  if (v.kind == V_DIST || v.kind == V_ERROR) return v;
  return complain(e, E0407, d->decl->span, value_text(e, v)), value_error();
}

// The text around the mixture as it was when that was written: the blocks in it, applied again, have the same weights.
static Frame *frame_here(const Elab *e) {
  Frame *first = NULL, **link = &first;
  for (const Frame *f = e->frame; f; f = f->up) {
    *link = NEW(e->arena, Frame);
    **link = *f;
    Binding **end = &(*link)->counts;
    for (const Binding *b = f->counts; b; b = b->next, end = &(*end)->next) {
      *end = NEW(e->arena, Binding);
      **end = *b;
    }
    if (f->ast->kind != AST_FUNCTION || f->ast->flag) break;  // a function is no level of its own
    link = &(*link)->up;
  }
  return first;
}

// Between the two, that text is evaluated again.
static Frame *enter_mixture(Elab *e, const Dist *d) {
  Frame *around = e->frame;
  if (!d->frame) return around;
  e->frame = d->frame;
  e->frame = frame_here(e);
  return around;
}

static Value leave_mixture(Elab *e, Frame *around, Value v) {
  e->frame = around;
  return v;
}

// All of them over a newly opened plate, with the logs of their probabilities; those are NONE where all are as likely.
static Value open_components(Elab *e, const Dist *d, int *plate, Value *log_weight) {
  Components c;
  if (!eval_components(e, d, &c) || (*plate = open_plate(e, c.n, d->decl->span)) < 0) return value_error();
  int binders = ast_length(d->decl->a);
  Value *given = NEW_ARRAY(e->arena, Value, binders);
  for (int i = 0; i < binders; i++) given[i] = event_to_plate(e, c.table[i], shape_of(1, &c.n), *plate);
  *log_weight = c.weights;
  if (c.weights.kind == V_DIST) *log_weight = log_density(e, c.weights, given[0], WHOLE, d->span);
  Value v = log_weight->kind == V_ERROR ? *log_weight : component(e, d, &c, given);
  if (v.kind == V_ERROR) e->plate_count--;
  return v;
}

static Value all_components(Elab *e, const Dist *d, int *plate, Value *log_weight) {
  Frame *around = enter_mixture(e, d);
  return leave_mixture(e, around, open_components(e, d, plate, log_weight));
}

Value make_mixture(Elab *e, Scope *scope, const Ast *ast) {
  Dist *d = NEW(e->arena, Dist);
  *d = (Dist){.kind = &mixture_kind, .decl = ast, .scope = scope, .span = ast->span};
  int plate = -1;
  Frame *frame = e->frame ? frame_here(e) : NULL;
  Value weight, c = all_components(e, d, &plate, &weight);
  if (c.kind == V_ERROR) return c;
  e->plate_count--;
  d->frame = frame;
  d->component = c.dist;
  d->chances = weight;
  d->event = c.dist->event;
  d->own = d->event.rank;
  d->shaped = c.dist->shaped;
  d->support = c.dist->support;
  d->domain = c.dist->domain;
  d->classes = c.dist->classes;
  d->plates = (c.dist->plates | (weight.kind == V_TENSOR ? weight.plates : 0)) & ~plate_bit(plate);
  return (Value){.kind = V_DIST, .dist = d, .span = ast->span};
}

// ---- what is asked of them

static const char *mixture_name(const Dist *d) { return (void)d, "mixture"; }

static bool mixture_is_apart(const Dist *d) { return (void)d, true; }

// It is known by its text and what that was written among.
static bool mixture_is_same(const Dist *a, const Dist *b) { return a->scope == b->scope; }

static bool mixture_knows(const Dist *d, const char *what) {
  static const char *const always[] = {"log", "sample", "part", "rest"};
  return name_in(what, 4, always) || (!strcmp(what, "mean") && d->component->kind->knows(d->component, what));
}

// The log density of each component, with its weight, along a last axis; of those that are as likely, the density.
static Value joint_logs(Elab *e, const Dist *d, Value point, Span where, bool *weighed) {
  int plate = 0;
  Value weight, c = all_components(e, d, &plate, &weight);
  if (c.kind == V_ERROR) return c;
  c = shape_distribution(e, c, d->event, where);
  Value v = c.kind == V_ERROR ? c : log_terms(e, c.dist, point, where);
  v = sum_over_event(e, c.dist, v, 0);
  if (v.kind != V_ERROR) em_met(e, c.dist, point, v);
  *weighed = weight.kind != V_NONE;
  if (v.kind != V_ERROR && *weighed) v = apply2(e, OP_ADD, where, v, weight);
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  e->plate_count--;
  return v;
}

// Is the component to be drawn, or averaged over, by what is seen of the point?
static bool has_posterior(const Dist *d) { return d->given && shows_part(d, &d->point); }

// What the component that is drawn is given: each is as likely, or as its weight says, or by Bayes' rule.
static bool draw_component(Elab *e, const Dist *d, const Components *c, Value *given) {
  Value k;
  bool posterior = has_posterior(d), weighed = c->weights.kind == V_DIST;
  if (posterior) {
    k = sample_place(e, joint_logs(e, d, d->point, d->span, &weighed), d->span);
  } else if (weighed) {
    given[0] = sample_value(e, c->weights.dist);
    if (given[0].kind != V_ERROR) given[0].node = node_unary(e->graph, OP_DISCRETE, given[0].node);
    return given[0].kind != V_ERROR;
  } else {
    Value u = call_library(e, "random", d->span, 0, NULL);
    k = apply1(e, OP_FLOOR, d->span, apply2(e, OP_MUL, d->span, u, value_number((double)c->n)));
  }
  for (int i = 0; i < ast_length(d->decl->a); i++) {
    given[i] = k.kind == V_ERROR ? k : pick_places(e, c->table[i], 0, k, d->span);
    if (given[i].kind == V_ERROR) return false;
  }
  return true;
}

// A component is drawn, and then from it.
static Value draw_mixture(Elab *e, const Dist *d) {
  Components c;
  if (!eval_components(e, d, &c)) return value_error();
  e->drawing.event = (Shape){0};
  Value *given = NEW_ARRAY(e->arena, Value, ast_length(d->decl->a));
  if (!draw_component(e, d, &c, given)) return value_error();
  Value one = component(e, d, &c, given);
  if (one.kind != V_ERROR) one = shape_distribution(e, one, d->event, d->span);
  return one.kind == V_ERROR ? one : sample_value(e, one.dist);
}

static Value mixture_sample(Elab *e, const Dist *d) {
  Frame *around = enter_mixture(e, d);
  return leave_mixture(e, around, draw_mixture(e, d));
}

// The log of the mean density of all components.
static Value mixture_log(Elab *e, const Dist *d, Value point, Span where) {
  bool weighed = false;
  Value v = joint_logs(e, d, point, where, &weighed);
  return v.kind == V_ERROR ? v : call_library(e, weighed ? "logsumexp" : "logmeanexp", where, 1, &v);
}

// The mean of the components' means, by their weights or by what is seen.
static Value mixture_member(Elab *e, const Dist *d, const char *what) {
  int plate = 0;
  bool posterior = has_posterior(d), weighed = false;
  Value shares = posterior ? joint_logs(e, d, d->point, d->span, &weighed) : (Value){.kind = V_NONE};
  Value weight, c = all_components(e, d, &plate, &weight);
  if (c.kind == V_ERROR) return c;
  c = shape_distribution(e, c, d->event, d->span);
  Value v = c.kind == V_ERROR ? c : dist_member(e, c, what, WHOLE, d->span);
  double lo = v.kind == V_ERROR ? 0 : v.node->lo, hi = v.kind == V_ERROR ? 0 : v.node->hi;
  weighed = weight.kind != V_NONE && !posterior;
  if (v.kind != V_ERROR && weighed) v = apply2(e, OP_MUL, d->span, v, apply1(e, OP_EXP, d->span, weight));
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  double n = v.kind == V_ERROR ? 0 : (double)e->plate[plate];
  e->plate_count--;
  if (v.kind == V_ERROR || shares.kind == V_ERROR) return value_error();
  if (posterior) return mean_by_shares(e, v, shares, d->span);
  v = reduce_events(e, OP_SUM, v, 1u << (event_rank(&v) - 1));
  if (!weighed) v = apply2(e, OP_DIV, d->span, v, value_number(n));
  return limit_mean(e, v, lo, hi, d->span);
}

// Over what it is joint, and how many of it there are.
static void mixture_explain(Elab *e, const Dist *d) {
  Shape outer = outer_event(d), own = own_event(d);
  const char *what = own.rank ? arena_format(e->arena, "one component for all of %s", shape_text(e->arena, own))
                              : "one component for each number";
  const char *copies = outer.rank ? arena_format(e->arena, ", %s independent ones", shape_text(e->arena, outer)) : "";
  Text names = text_new(e->arena);
  for (const Ast *b = d->decl->a; b; b = b->next) text_add(&names, "%s%s", names.length ? ", " : "", b->name);
  finding(e, "mixture", d->span, "mixture over %s: %s%s", names.data, what, copies);
}

static void mixture_parts(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to) {
  d->component->kind->parts(d->component, part, to);
  part(to, &d->chances, NULL);
}

const DistKind mixture_kind = {mixture_name, mixture_is_apart, mixture_is_same, mixture_knows, mixture_sample,
                               mixture_log,  mixture_member,   mixture_explain, NULL,          mixture_parts};
