// Mixtures: the component is evaluated over a plate of all k for densities, at a drawn k for draws. Part of the
// elaborator.
//
// A mixture is joint over the event of its component as it is written; a larger event stands for independent copies.
#include "elaborate.h"

#include <math.h>
#include <string.h>

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
  Value k = value_tensor(node_iota(e->graph, 0, shape_of(1, &e->plate[*plate])), plate_bit(*plate));
  Value v = component(e, d, apply2(e, OP_ADD, d->decl->span, k, value_number(from)));
  if (v.kind == V_ERROR) e->plate_count--;
  return v;
}

Value make_mixture(Elab *e, Scope *scope, const Ast *ast) {
  Dist *d = NEW(e->arena, Dist);
  *d = (Dist){.kind = &mixture_kind, .decl = ast, .scope = scope, .span = ast->span};
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
  d->plates = c.dist->plates & ~plate_bit(plate);
  return (Value){.kind = V_DIST, .dist = d, .span = ast->span};
}

// Over what it is joint, and how many of it there are.
static void mixture_explain(Elab *e, const Dist *d) {
  Shape outer = outer_event(d), own = own_event(d);
  const char *what = own.rank ? arena_format(e->arena, "one component for all of %s", shape_text(e->arena, own))
                              : "one component for each number";
  const char *copies = outer.rank ? arena_format(e->arena, ", %s independent ones", shape_text(e->arena, outer)) : "";
  finding(e, "mixture", d->span, "mixture over %s: %s%s", d->decl->name, what, copies);
}

// A component is drawn, and then from it.
static Value mixture_sample(Elab *e, const Dist *d) {
  double from, n = mixture_range(e, d, &from);
  if (isnan(n)) return value_error();
  e->drawing.event = (Shape){0};
  Value u = call_library(e, "random", d->span, 0, NULL);
  Value k = apply1(e, OP_FLOOR, d->span, apply2(e, OP_MUL, d->span, u, value_number(n)));
  Value c = component(e, d, apply2(e, OP_ADD, d->span, k, value_number(from)));
  if (c.kind != V_ERROR) c = shape_distribution(e, c, d->event, d->span);
  return c.kind == V_ERROR ? c : sample_value(e, c.dist);
}

// The log of the mean density of all components.
static Value mixture_log(Elab *e, const Dist *d, Value point, Span where) {
  int plate = 0;
  Value c = all_components(e, d, &plate);
  if (c.kind == V_ERROR) return c;
  c = shape_distribution(e, c, d->event, where);
  Value v = c.kind == V_ERROR ? c : log_terms(e, c.dist, point, where);
  v = sum_over_event(e, c.dist, v, 0);
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  e->plate_count--;
  return v.kind == V_ERROR ? v : call_library(e, "logmeanexp", where, 1, &v);
}

static const char *mixture_name(const Dist *d) { return (void)d, "mixture"; }

static bool mixture_is_apart(const Dist *d) { return (void)d, true; }

// It is known by its text and what that was written among.
static bool mixture_is_same(const Dist *a, const Dist *b) { return a->scope == b->scope; }

static bool mixture_knows(const Dist *d, const char *what) {
  return (void)d, !strcmp(what, "log") || !strcmp(what, "sample");
}

const DistKind mixture_kind = {
    mixture_name, mixture_is_apart, mixture_is_same, mixture_knows, mixture_sample, mixture_log, NULL, mixture_explain};
