// Distributions: densities, draws, divergences. Part of the elaborator.
//
// What a distribution is, is known here; no particular one is, and no kind of them: that is a row of functions
// (DistKind). Each describes one value, or the last axes of the event, which belong together; over a larger event a
// distribution stands for independent copies, so its log density is the sum over the event.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

const char *dist_name(const Dist *d) { return d->label ? d->label : d->kind->name(d); }

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
  if (d->kind->settle && !d->kind->settle(e, copy, where)) return value_error();
  dist.dist = copy;
  return dist;
}

// What nobody has declared another event for draws the one it has.
Value settled(Elab *e, Value dist, Span where) {
  bool open = dist.kind == V_DIST && dist.dist->kind->settle && !dist.dist->shaped;
  return open ? shape_distribution(e, dist, dist.dist->event, where) : dist;
}

Shape outer_event(const Dist *d) {
  Shape s = d->event;
  for (int i = 0; i < d->own && s.rank; i++) s.dim[--s.rank] = 0;
  return s;
}

Shape own_event(const Dist *d) {
  Shape own = {0};
  for (int i = outer_event(d).rank; i < d->event.rank; i++) own.dim[own.rank++] = d->event.dim[i];
  return own;
}

// --- independent copies: a formula that speaks of one value, as x[0] of a vector does, is evaluated with the copies on
// a plate of their own

int open_plate(Elab *e, int64_t n, Span where) {
  if (e->plate_count == MAX_PLATES) return complain(e, E0311, where), -1;
  e->plate[e->plate_count] = n;
  return e->plate_count++;
}

static bool has_copies(const Dist *d) { return outer_event(d).rank > 0 && d->kind->is_apart(d); }

// Does a parameter without axes of its own say a number at each place of the event? A formula of vectors sees it whole,
// unless the distribution is one of numbers too, `on if ... then real[n] else real`.
static bool is_by_place(const Dist *d) {
  return !d->own || (d->decl->kind == AST_DISTRIBUTION && d->decl->b->kind == AST_IF);
}

// The distribution of one copy, with the copies `outer` on an open plate; NULL after reporting. A parameter that
// differs from copy to copy does so over the plate.
static Dist *spread_copies(Elab *e, const Dist *d, Shape outer, int plate, Span where) {
  Dist *one = NEW(e->arena, Dist);
  *one = *d;
  one->event = (Shape){0};
  for (int i = outer.rank; i < d->event.rank; i++) one->event.dim[one->event.rank++] = d->event.dim[i];
  one->scope = scope_new(e, d->scope);
  if (d->given) one->point = point_of_copies(e, d, d->point, plate);
  one->param = NEW_ARRAY(e->arena, Value, d->params + 1);
  int k = 0;
  for (const Ast *f = d->formals; f; f = f->next, k++) {
    Value v = one->param[k] = find_binding(d->scope, f->name)->value;
    Shape s = event_shape(&v), wide = outer;
    int own = ast_length(f->c);
    if (v.kind != V_TENSOR || s.rank == own || (!own && !is_by_place(d))) continue;
    Shape last = s;
    if (!own) last = d->event, own = one->event.rank;
    if (outer.rank + own > MAX_RANK) return complain(e, E0304, where, MAX_RANK), NULL;
    for (int i = last.rank - own; i < last.rank; i++) wide.dim[wide.rank++] = last.dim[i];
    v = widen(e, v, v.plates, wide);
    if (v.kind == V_ERROR) return NULL;
    v = event_to_plate(e, v, outer, plate);
    one->param[k] = v;
    bind_name(e, one->scope, f->name, v);
    one->plates |= plate_bit(plate);
  }
  return one;
}

Dist *open_copies(Elab *e, const Dist *d, int *plate, Span where) {
  Shape outer = outer_event(d);
  if ((*plate = open_plate(e, shape_count(outer), where)) < 0) return NULL;
  Dist *one = spread_copies(e, d, outer, *plate, where);
  if (!one) e->plate_count--;
  return one;
}

static unsigned plates_of(const Value *v) { return v->kind == V_TENSOR ? v->plates : 0; }

Value close_copies(Elab *e, Shape outer, Value v, int plate) {
  if (v.kind != V_ERROR) v = plate_to_outer(e, v, outer, plate);
  e->plate_count--;
  return v;
}

// --- points at which they are asked

// Is what a kind is asked of a joint distribution, of which a part is seen, more than it knows?
static bool knows_too_little(Elab *e, const Dist *d, const Value *point, const char *what, Span where) {
  if (!shows_part(d, point) || d->kind->knows(d, what)) return false;
  complain(e, E0724, where, d->kind->name(d), shape_text(e->arena, d->ordered ? d->event : own_event(d)));
  report_note(e->sources, user_span(e, d->span), "the distribution");
  return true;
}

// Can a distribution be asked at the point? Both are brought to one shape.
static bool fit_point(Elab *e, Value *dist, Value *point, Span where) {
  const Dist *d = dist->dist;
  *point = to_point(e, *point, where);
  if (point->kind == V_ERROR) return false;
  if (!lies_within(e, point, &d->domain)) {
    double lo = point->kind == V_NUMBER ? point->number : point->node->lo;
    double hi = point->kind == V_NUMBER ? point->number : point->node->hi;
    complain(e, E0402, where, dist_name(dist->dist), support_text(e, &d->domain), lo, hi);
    report_note(e->sources, user_span(e, d->span), "the distribution");
    bool counts = support_counts(&d->domain);
    if (counts || d->domain.hi < INFINITY)
      report_help(e->sources, "declare the data `in %s`, or choose another distribution",
                  counts ? "counts" : support_text(e, &d->domain));
    return false;
  }
  Shape at = event_shape(point), merged;
  if (point->kind == V_NUMBER || shape_equal(at, d->event)) return true;
  if (!broadcast_shapes(d->event, at, &merged) || !shape_equal(merged, d->shaped ? d->event : at)) {
    complain(e, E0319, where, shape_text(e->arena, at), dist_name(dist->dist), shape_text(e->arena, d->event));
    report_note(e->sources, user_span(e, d->span), "the distribution");
    return false;
  }
  *dist = shape_distribution(e, *dist, merged, where);
  if (dist->kind == V_ERROR) return false;
  *point = widen_point(e, *point, point->plates, merged);
  return point->kind != V_ERROR;
}

// What is drawn, or whose mean is taken, where the point shows a part of it.
static bool fit_given(Elab *e, Value *dist, Span where) {
  if (!dist->dist->given) return true;
  Value point = dist->dist->point;
  if (!fit_point(e, dist, &point, where) || knows_too_little(e, dist->dist, &point, "rest", where)) return false;
  const char *how = !shows_part(dist->dist, &point) ? "independent of what is seen"
                    : dist->dist->ordered           ? "given what is seen, place by place"
                                                    : "given what is seen, by Bayes' rule";
  finding(e, "observed", where, "%s: what is seen, and the rest, %s", expression_text(e, &(Ast){.span = where}), how);
  *dist = with_point(e, *dist, point);
  return true;
}

// --- draws

Value held_still(Elab *e, const Dist *d, Value v) {
  if (d->held && v.kind == V_TENSOR) v.node = node_unary(e->graph, OP_STOP, v.node);
  return v;
}

static const char *draw_name(Elab *e, const char *variable) {
  Binding *b = e->draw_counts;
  while (b && strcmp(b->name, variable)) b = b->next;
  if (!b) {
    b = NEW(e->arena, Binding);
    *b = (Binding){variable, value_number(0), e->draw_counts, 0};
    e->draw_counts = b;
  }
  b->value.number += 1;
  return arena_format(e->arena, "draw %s %d", variable, (int)b->value.number);
}

// Does a text draw, itself or in a function that it speaks of? Each of these is looked at once.
static bool text_draws(Elab *e, const Ast *ast) {
  for (; ast; ast = ast->next) {
    if (ast->kind == AST_DRAW || (ast->kind == AST_PREFIX && !strcmp(ast->text, "draw"))) return true;
    Decl *d = ast->kind == AST_NAME ? find_decl_at(e, ast->name, ast->span) : NULL;
    bool calls =
        d && d->ast->kind == AST_FUNCTION && d->walk != e->walks && (d->walk = e->walks, text_draws(e, d->ast->c));
    if (calls || text_draws(e, ast->a) || text_draws(e, ast->b) || text_draws(e, ast->c)) return true;
  }
  return false;
}

// A formula that works place by place makes random numbers for all places at once; what it draws from others, it draws
// for one.
static bool draws_for_one(Elab *e, const Dist *d) {
  const Ast *sample = d->kind == &formula_kind ? member_of(d->decl, "sample") : NULL;
  e->walks++;
  return outer_event(d).rank && sample && text_draws(e, sample->c);
}

// A draw of the distribution's whole event, in the draw that is being made.
Value sample_value(Elab *e, const Dist *d) {
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0226, d->span, dist_name(d)), value_error();
  Drawing outer = e->drawing;
  int plate = -1;
  const Dist *one = has_copies(d) || draws_for_one(e, d) ? open_copies(e, d, &plate, d->span) : d;
  if (!one) return value_error();
  e->drawing.event = plate < 0 ? outer_event(d) : (Shape){0};
  e->drawing.plates |= one->plates | (plate < 0 ? 0 : plate_bit(plate));
  e->depth++;
  Value v = one->kind->sample(e, one);
  e->depth--;
  if (v.kind != V_ERROR)
    v = widen(e, v, v.kind == V_TENSOR ? v.plates | e->drawing.plates : e->drawing.plates, one->event);
  if (plate >= 0) v = close_copies(e, outer_event(d), v, plate);
  v = completed(e, d, held_still(e, d, v));
  outer.count = e->drawing.count;
  e->drawing = outer;
  return v;
}

void remember_draw(Elab *e, const Node *node, const Dist *from, Value base, Span where) {
  Drawn *drawn = NEW(e->arena, Drawn);
  *drawn = (Drawn){.node = node, .dist = from, .base = base, .context = e->context, .where = where, .next = e->drawn};
  drawn->enumerated = e->enumerated;
  e->drawn = drawn;
}

// A draw of counts is a whole number from 0 on, also where that is not known of the formula that makes it.
static Value counted(Elab *e, const Dist *d, Value v) {
  if (!support_counts(&d->support) || point_within(&v, &d->support)) return v;
  v.node = node_unary(e->graph, OP_FLOOR, v.node);
  v.node = node_binary(e->graph, OP_MAX, v.node, node_const(e->graph, d->support.lo, v.node->shape));
  return v;
}

void remember_stand_in(Elab *e, Value v, Value weights, const Dist *from, bool relaxed, Span where) {
  remember_draw(e, v.node, from, (Value){.kind = V_NONE}, where);
  Drawn *drawn = e->drawn;
  drawn->plates = v.plates;
  drawn->relaxed = relaxed;
  if (weights.kind == V_NONE) return;
  remember_draw(e, weights.node, from, (Value){.kind = V_NONE}, where);
  e->drawn->plates = weights.plates;
  e->drawn->stands_for = drawn;
}

// The plates over which draws of it are made afresh. Of what all examples share there is one; in a show, where an
// example is a cell or a point of the picture, each has its own, and in one of curves each curve.
unsigned draw_plates(const Elab *e, const Dist *d) {
  if (!d->shared) return e->plates;
  if (!e->in_show) return e->plates & ~(unsigned)PLATE_BATCH;
  return e->curves ? (e->plates & ~(unsigned)PLATE_BATCH) | PLATE_CURVES : e->plates;
}

// A sample may itself be written with draws.
Drawing begin_drawing(Elab *e, const Dist *d, const char *variable) {
  Drawing saved = e->drawing;
  e->drawing.active = true;
  e->drawing.plates = d->plates | draw_plates(e, d) | (d->given ? d->point.plates | d->point.item->plates : 0);
  if (saved.active) e->drawing.plates |= saved.plates;
  if (!saved.active) e->drawing.path = draw_name(e, variable), e->drawing.count = 0;
  return saved;
}

void end_drawing(Elab *e, Drawing outer) {
  int count = e->drawing.count;
  e->drawing = outer;
  if (outer.active) e->drawing.count = count;
}

Value draw(Elab *e, Value dist, const char *variable, const Shape *declared, Span where) {
  dist = declared ? shape_distribution(e, dist, *declared, where) : settled(e, dist, where);
  if (dist.kind == V_ERROR || !fit_given(e, &dist, where)) return value_error();
  Dist *d = dist.dist;
  Drawing saved = begin_drawing(e, d, variable);
  d->kind->explain(e, d);
  const NameScope *outer = names_here(e), *names = open_names(e, variable, false);
  name_parameters(e, names, d);
  Value v = sample_value(e, d);
  close_names(e, outer);
  end_drawing(e, saved);
  if (v.kind == V_ERROR) return v;
  v = counted(e, d, v);
  if (support_discrete(&d->support)) v.node = node_unary(e->graph, OP_DISCRETE, v.node);
  if (d->support.kind == SUPPORT_DECLARED) assert_fact(e, v.node, d->support.decl);
  v.classes = d->classes;
  v.span = where;
  name_drawn(e, names, &v);
  if (d->given) return v;  // no draw of the distribution as it is
  remember_draw(e, v.node, d, (Value){.kind = V_NONE}, where);
  e->drawn->plates = v.plates;
  return v;
}

bool same_distribution(const Dist *a, const Dist *b) {
  return a->decl == b->decl && shape_equal(a->event, b->event) && a->kind->is_same(a, b);
}

// Was the value drawn from this distribution, afresh for each draw of the aggregate around it?
static bool drawn_from(const Elab *e, const Value *v, const Dist *d) {
  if (v->kind != V_TENSOR || draw_plates(e, d) & ~v->plates) return false;
  for (const Drawn *of = e->drawn; of; of = of->next)
    if (of->node == v->node && same_distribution(of->dist, d)) return true;
  return false;
}

// --- densities

static Value free_terms(Elab *e, const Dist *d, Value point, Span where) {
  if (!has_copies(d)) return d->kind->log(e, d, point, where);
  int plate;
  const Dist *one = open_copies(e, d, &plate, where);
  if (!one) return value_error();
  Value v = point_of_copies(e, d, point, plate);
  if (v.kind != V_ERROR) v = one->kind->log(e, one, v, where);
  if (v.kind != V_ERROR) v = widen(e, v, v.kind == V_TENSOR ? v.plates : 0, (Shape){0});
  return close_copies(e, outer_event(d), v, plate);
}

// Of a distribution that is held still: what the density hangs on beside the point is a constant. A mark that nothing
// else stands behind tells which it is.
static Value held_terms(Elab *e, const Dist *d, Value point, Span where) {
  if (!d->held || point.kind == V_ERROR) return free_terms(e, d, point, where);
  Value mark = point.kind == V_OBSERVED ? point : to_tensor(e, point);
  Node *at = mark.node;
  mark.node = graph_mark(e->graph, at);
  mark.classes = point.classes;
  Value v = free_terms(e, d, mark, where);
  if (v.kind == V_TENSOR) v.node = graph_hold(e->graph, v.node, mark.node, at);
  return v;
}

Value log_terms(Elab *e, const Dist *d, Value point, Span where) {
  if (point.kind != V_OBSERVED) return held_terms(e, d, point, where);
  if (knows_too_little(e, d, &point, "part", where)) return value_error();
  if (shows_part(d, &point)) return held_terms(e, d, point, where);
  return where_seen(e, d, held_terms(e, d, whole_value(point), where), point, where);
}

Value gather_terms(Elab *e, Value v, Shape from, Shape outer, Extent extent, unsigned plates) {
  if (v.kind == V_ERROR) return v;
  int kept = extent == EACH ? outer.rank : 0;
  v = widen(e, v, v.kind == V_TENSOR ? v.plates : plates, from);
  return reduce_events(e, OP_SUM, v, ((1u << from.rank) - 1) & ~((1u << kept) - 1));
}

Value sum_over_event(Elab *e, const Dist *d, Value v, unsigned plates) {
  return gather_terms(e, v, outer_event(d), (Shape){0}, WHOLE, plates);
}

// Has it terms to be kept apart, one at each place of `outer`? An event that is one number has one.
static bool check_each(Elab *e, const Dist *d, Shape outer, Span where) {
  if (outer.rank || !d->event.rank) return true;
  complain(e, E0721, where, dist_name(d), d->variable ? d->variable : shape_text(e->arena, d->event));
  report_note(e->sources, user_span(e, d->span), "the distribution");
  return false;
}

Value log_density(Elab *e, Value dist, Value point, Extent extent, Span where) {
  if (!fit_point(e, &dist, &point, where)) return value_error();
  if (point.kind == V_OBSERVED)
    finding(e, "observed", where, "%s: of what is seen alone", expression_text(e, &(Ast){.span = where}));
  dist = settled(e, dist, where);
  if (dist.kind == V_ERROR) return dist;
  dist.dist->kind->explain(e, dist.dist);
  Shape outer = outer_event(dist.dist);
  if (extent == EACH && !check_each(e, dist.dist, outer, where)) return value_error();
  const char *variable = dist.dist->variable;
  const NameScope *around = names_here(e);
  open_names(e, variable ? variable : dist_name(dist.dist), !variable);
  Value terms = log_terms(e, dist.dist, point, where);
  close_names(e, around);
  Value v = gather_terms(e, terms, outer, outer, extent, 0);
  v.span = where;
  if (extent == WHOLE) em_met(e, dist.dist, point, v);
  return density_term(e, v, dist.dist, point);
}

// Of a class it is the mean of its onehot, the chance of each, along a last axis.
static Shape mean_event(const Dist *d) {
  Shape s = d->event;
  if (d->classes) s.dim[s.rank++] = d->classes;
  return s;
}

Value dist_member(Elab *e, Value dist, const char *member, Extent extent, Span where) {
  if (!fit_given(e, &dist, where)) return value_error();
  Dist *d = dist.dist;
  bool is_entropy = !strcmp(member, "entropy"), known = d->kind->knows(d, member);
  Shape outer = outer_event(d);
  if (d->given && is_entropy) return complain(e, E0725, where, "an entropy"), value_error();
  if (extent == EACH && !check_each(e, d, outer, where)) return value_error();
  if (!known && is_entropy) {
    Value x = draw(e, dist, d->variable ? d->variable : "entropy", NULL, where);
    finding(e, "entropy", where, "entropy of %s: one draw, -log of its density (Monte Carlo)", dist_name(dist.dist));
    if (x.kind == V_ERROR) return x;
    Value v = apply1(e, OP_NEG, where, log_density(e, dist, x, extent, where));
    return entropy_term(e, v, d);
  }
  if (!known) return complain(e, E0415, where, dist_name(dist.dist), member), value_error();
  int plate = -1;
  const Dist *one = has_copies(d) ? open_copies(e, d, &plate, where) : d;
  if (!one) return value_error();
  Value v = one->kind->member(e, one, member);
  if (plate >= 0) {
    unsigned plates = v.kind == V_TENSOR ? v.plates : d->plates;
    v = v.kind == V_ERROR ? v : widen(e, v, plates, is_entropy ? (Shape){0} : mean_event(one));
    v = close_copies(e, outer_event(d), v, plate);
  }
  v = held_still(e, d, v);
  if (v.kind == V_ERROR) return v;
  if (is_entropy) return entropy_term(e, gather_terms(e, v, outer, outer, extent, d->plates), d);
  v = to_tensor(e, v);
  v = v.kind == V_ERROR ? v : widen(e, v, v.plates | d->plates, mean_event(d));
  v.classes = 0;
  return completed(e, d, v);
}

// --- divergences

// The distribution, or one that is defined to be it, whose declaration the pattern names; NULL if none is.
static const Dist *pattern_of(const Elab *e, const Ast *pattern, const Dist *d) {
  const Decl *named = find_decl_at(e, pattern->a->name, pattern->span);
  while (d && !(named && named->ast == d->decl)) d = d->alias;
  return d;
}

// Does it speak of the distribution? One that says something by a parameter that may be none, and that the pattern
// leaves out, is another.
static bool pattern_fits(const Elab *e, const Ast *pattern, const Dist *d) {
  const Dist *of = pattern_of(e, pattern, d);
  int i = 0, bound = ast_length(pattern->b);
  for (const Ast *f = of ? of->decl->a : NULL; f; f = f->next, i++) {
    bool optional = f->a && f->a->kind == AST_NAME && !strcmp(f->a->name, "none");
    if (i >= bound && optional && of->param[i].kind != V_NONE) return false;
  }
  return of != NULL;
}

void bind_pattern(Elab *e, Scope *scope, const Ast *pattern, const Dist *d) {
  const Dist *of = pattern_of(e, pattern, d);
  int i = 0;
  for (const Ast *a = pattern->b; a && i < of->params; a = a->next, i++) {
    const Ast *bound = a->kind == AST_ARGUMENT ? a->a : a;
    if (bound->kind == AST_NAME) bind_name(e, scope, bound->name, held_still(e, d, of->param[i]));
  }
}

// The last that fits: the user's own before the library's, and the library's rules for less before those for more.
const Ast *find_rule(const Elab *e, const char *head, const Dist *f, const Dist *g) {
  for (int i = e->decls; i--;) {  // later rules, the user's own, come first
    const Ast *a = e->decl[i]->ast;
    bool of_head = a->kind == AST_RULE ? !strcmp(a->name, head) : a->kind == AST_KL && !strcmp("kl", head);
    if (of_head && pattern_fits(e, a->a, f) && pattern_fits(e, a->b, g)) return a;
  }
  return NULL;
}

// The axes over which neither is joint; events are equal.
static Shape common_outer(const Dist *f, const Dist *g) { return outer_event(f->own > g->own ? f : g); }

// By a rule's formula, which gives a term at each place over which neither is joint; where one is, of a copy at a time.
static Value kl_by_rule(Elab *e, const Ast *rule, const Dist *f, const Dist *g, Extent extent, Span where) {
  Scope *scope = scope_for(e, rule);
  Shape outer = common_outer(f, g);
  int plate = outer.rank && outer.rank < f->event.rank ? open_plate(e, shape_count(outer), where) : -1;
  const Dist *one = plate < 0 ? f : spread_copies(e, f, outer, plate, where);
  const Dist *other = plate < 0 ? g : spread_copies(e, g, outer, plate, where);
  if (!one || !other) return e->plate_count--, value_error();
  bind_pattern(e, scope, rule->a, one);
  bind_pattern(e, scope, rule->b, other);
  finding(e, "kl", where, "KL(%s || %s): closed form, %s:%d:\n    %s", dist_name(f), dist_name(g),
          sources_text(e->sources, rule->span.file)->name, span_line(e->sources, rule->span), expression_text(e, rule));
  Value v = eval_body(e, scope, rule->c);
  if (plate >= 0) v = close_copies(e, outer, v.kind == V_ERROR ? v : widen(e, v, plates_of(&v), (Shape){0}), plate);
  return gather_terms(e, v, outer, outer, extent, f->plates);
}

// log f(z) - log g(z) at one draw of f.
static Value kl_by_draw(Elab *e, Value f, Value g, Extent extent, Value *at, Span where) {
  finding(e, "kl", where, "KL(%s || %s): no closed form is known; Monte Carlo, log f(z) - log g(z) at one draw of f",
          dist_name(f.dist), dist_name(g.dist));
  bool own = f.dist->has_point && drawn_from(e, &f.dist->point, f.dist);
  Value z = own ? f.dist->point : draw(e, f, f.dist->variable ? f.dist->variable : "kl", NULL, where);
  *at = z;
  z = held_still(e, f.dist, z);
  if (z.kind == V_ERROR) return z;
  Value lf = log_density(e, f, z, extent, where), lg = log_density(e, g, z, extent, where);
  if (lf.kind == V_ERROR || lg.kind == V_ERROR) return value_error();
  if (extent == EACH) {
    Shape outer = common_outer(f.dist, g.dist);
    lf = gather_terms(e, lf, outer_event(f.dist), outer, extent, 0);
    lg = gather_terms(e, lg, outer_event(g.dist), outer, extent, 0);
  }
  return apply2(e, OP_SUB, where, lf, lg);
}

// Where one is of vectors laid out in another shape, both are laid out flat. False after reporting.
static bool lay_flat(Elab *e, const Dist **f, const Dist **g) {
  if ((*f)->kind != &arranged_kind && (*g)->kind != &arranged_kind) return true;
  *f = flat_distribution(e, *f), *g = *f ? flat_distribution(e, *g) : NULL;
  return *g != NULL;
}

// A divergence does not change when both distributions are sent through one map: is it of their bases, in closed form?
static const Ast *rule_of_bases(Elab *e, const Dist **f, const Dist **g) {
  const Ast *rule = find_rule(e, "kl", *f, *g);
  while (!rule && (*f)->base && (*g)->base && same_map(*f, *g) && !(*f)->held && !(*g)->held) {
    *f = (*f)->base, *g = (*g)->base;
    rule = find_rule(e, "kl", *f, *g);
  }
  return rule;
}

Value kl_divergence(Elab *e, Value f, Value g, Extent extent, Span where) {
  if (f.kind != V_DIST || g.kind != V_DIST) return complain(e, E0405, where), value_error();
  if (f.dist->given || g.dist->given) return complain(e, E0725, where, "a divergence"), value_error();
  if (!support_within(&f.dist->support, &g.dist->support)) {
    complain(e, E0403, where, dist_name(f.dist), support_text(e, &f.dist->support), dist_name(g.dist),
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
  const Dist *joint = f.dist->own > g.dist->own ? f.dist : g.dist;
  if (extent == EACH && !check_each(e, joint, outer_event(joint), where)) return value_error();
  const Dist *of_f = f.dist, *of_g = g.dist;
  if (!lay_flat(e, &of_f, &of_g)) return value_error();
  const Ast *rule = rule_of_bases(e, &of_f, &of_g);
  Value z, v = rule ? kl_by_rule(e, rule, of_f, of_g, extent, where) : kl_by_draw(e, f, g, extent, &z, where);
  return v.kind == V_ERROR ? v : kl_term(e, v, f.dist, g.dist, rule ? NULL : &z, where);
}

bool is_shared(const Elab *e, const char *variable) {
  const Decl *d = find_decl(e, arena_format(e->arena, "prior %s", variable));
  return d && d->ast->flag;
}

bool share_draw(Elab *e, Dist *d, const char *variable, Span where) {
  if (!is_shared(e, variable)) return true;
  d->shared = true;
  if (!(d->plates & PLATE_BATCH)) return true;
  complain(e, E0793, where, variable, variable);
  report_note(e->sources, find_decl(e, arena_format(e->arena, "prior %s", variable))->ast->span, "it is shared here");
  return false;
}

Value prior_of(Elab *e, const char *variable, Span where) {
  const Decl *d = find_decl(e, arena_format(e->arena, "prior %s", variable));
  if (!d) return complain(e, E0416, where, variable), value_error();
  const Ast *v = d->ast->a;
  Frame *f = push_frame(e, d->ast, where);  // what it owns are the weights of `prior`
  f->path = arena_format(e->arena, "prior.%s", variable);
  f->owner = "prior";
  Value dist = eval(e, scope_for(e, d->ast), d->ast->b);
  pop_frame(e);
  if (dist.kind == V_ERROR) return dist;
  if (dist.kind != V_DIST) return complain(e, E0407, d->ast->b->span, value_text(e, dist)), value_error();
  Shape dims;
  if (v->a && !eval_dims(e, e->global, v->a, &dims)) return value_error();
  dist = shape_distribution(e, dist, v->a ? dims : dist.dist->event, v->span);
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
  copy->shared = d->ast->flag;
  if (copy->shared) finding(e, "shared", d->ast->span, "%s: one draw, which all examples share", variable);
  dist.dist = copy;
  return dist;
}
