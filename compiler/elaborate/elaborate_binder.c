// Aggregates and their binders: mean(5) { ... }, sum(i in 0 .. n) { ... }, array(u in table) { ... },
// mean(y ~ c(y | x)) { ... }, logmeanexp(other in batch) { ... }. Part of the elaborator.
//
// A binder opens a plate. The block is evaluated once with it, and the function of the aggregate's name is applied
// along this plate alone, to one vector for each place of the block's value. Draws in the block are independent at each
// place; but what runs over the batch is no place of its own: it is another example, and the block sees what that one
// has.
#include "elaborate/elaborate.h"
#include "text/vocabulary.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MAX_VALUES = 1 << 20 };  // that are enumerated

// An aggregate being evaluated.
typedef struct {
  Scope *scope;
  const Ast *ast;
  bool draws, batch;   // a count of draws; over the examples of the batch
  int64_t places;      // at once
  Value *source;       // of each binder: its first axis runs along the places; of the batch NONE
  Value dist;          // of a binder `y ~ ...`
  int64_t all;         // places in all turns
  Drawn *values;       // what binders run over, if it is known how likely each is: an array
  const Terms *terms;  // of the whole, once it is known
} Aggregate;

// ---- what binders run over

bool eval_run(Elab *e, Scope *scope, const Ast *binder, int64_t *n, Value *v) {
  const Ast *over = binder->a;
  *v = eval(e, scope, over);
  if (v->kind == V_ERROR) return false;
  bool range = v->kind == V_LIST && v->items == 2 && over->kind == AST_BINARY && !strcmp(over->text, "..");
  if (range && v->item[0].kind == V_NUMBER && v->item[1].kind == V_NUMBER) {
    double lo = v->item[0].number, hi = v->item[1].number;
    if (floor(lo) != lo || floor(hi) != hi || hi <= lo || hi - lo > MAX_LOOP_TURNS)
      return complain(e, E0747, over->span, lo, hi, MAX_LOOP_TURNS), false;
    *n = (int64_t)(hi - lo);
    Value index = value_tensor(node_iota(e->graph, 0, shape_of(1, n)), 0);
    *v = apply2(e, OP_ADD, over->span, index, value_number(lo));
    v->classes = lo >= 0 ? (int)hi : 0;  // such a number is a label
    return true;
  }
  *v = to_tensor(e, *v);
  if (v->kind == V_ERROR) return false;
  if (!event_rank(v)) return complain(e, E0748, over->span), false;
  *n = event_shape(v).dim[0];
  return true;
}

static bool names_batch(const Elab *e, const Scope *scope, const Ast *binder) {
  const Ast *over = binder->a;
  return !strcmp(binder->text, "in") && over->kind == AST_NAME && !strcmp(over->name, "batch") &&
         !find_binding(scope, "batch") && !find_decl(e, "batch") && find_column(e, "batch") < 0;
}

// The places are the examples of the batch, if the text has a batch.
static bool run_over_batch(Elab *e, Aggregate *a, const Ast *binder, int64_t *n) {
  const char *where = e->optimizing >= 0        ? "an optimizer"
                      : e->drawing.in_data      ? "the making of data"
                      : e->plates & PLATE_BATCH ? NULL
                                                : "a first value";
  if (where) return complain(e, E0705, binder->span, binder->name, where), false;
  if (a->batch) return complain(e, E0707, binder->span), false;
  a->batch = true;
  *n = e->plate[0];
  return true;
}

int64_t support_members(const Support *s) { return s->kind == SUPPORT_CLASS ? (int64_t)s->hi + 1 : s->members; }

Value members_of(Elab *e, const Support *s) {
  int64_t k = support_members(s);
  if (s->kind == SUPPORT_CLASS) return value_tensor(node_iota(e->graph, 0, shape_of(1, &k)), 0);
  Value list = {.kind = V_LIST, .items = s->members, .item = NEW_ARRAY(e->arena, Value, s->members + 1)};
  for (int i = 0; i < list.items; i++) list.item[i] = value_number(s->member[i]);
  return to_tensor(e, list);
}

// All values of a discrete distribution, one behind another: [k^c, event] for an event of c numbers.
static Value all_values(Elab *e, const Dist *d, int64_t n, int64_t k) {
  int64_t c = shape_count(d->event);
  Value place = value_tensor(node_iota(e->graph, 0, shape_of(1, &n)), 0);
  if (c == 1 && d->support.kind == SUPPORT_CLASS)
    return reshape_event(e, place, d->event.rank ? shape_of(2, (int64_t[]){n, 1}) : shape_of(1, &n));
  Value power = {.kind = V_LIST, .items = (int)c, .item = NEW_ARRAY(e->arena, Value, c)};
  for (int64_t i = c; i--;) power.item[i] = value_number(pow((double)k, (double)(c - 1 - i)));
  Value digit = reshape_event(e, place, shape_of(2, (int64_t[]){n, 1}));
  power = reshape_event(e, power, shape_of(2, (int64_t[]){1, c}));
  digit = apply1(e, OP_FLOOR, d->span, apply2(e, OP_DIV, d->span, digit, power));
  Value whole = apply1(e, OP_FLOOR, d->span, apply2(e, OP_DIV, d->span, digit, value_number((double)k)));
  digit = apply2(e, OP_SUB, d->span, digit, apply2(e, OP_MUL, d->span, whole, value_number((double)k)));
  Value v = value_tensor(node_gather(e->graph, members_of(e, &d->support).node, digit.node), 0);
  Shape s = {.rank = 1, .dim = {n}};
  for (int i = 0; i < d->event.rank; i++) s.dim[s.rank++] = d->event.dim[i];
  return reshape_event(e, v, s);
}

bool values_of(Elab *e, const Dist *d, const char *name, Span where, int64_t *n, Value *v) {
  double k = (double)support_members(&d->support);
  if (!support_discrete(&d->support) || k == 0) return complain(e, E0702, where, name, d->kind->name(d)), false;
  const char *variable = arena_format(e->arena, "%s%s : %s", name, d->event.rank ? shape_text(e->arena, d->event) : "",
                                      support_text(e, &d->support));
  double count = pow(k, (double)shape_count(d->event));
  if (count > MAX_VALUES) {
    complain(e, E0703, where, k, (long long)shape_count(d->event), variable);
    return false;
  }
  *n = (int64_t)count;
  *v = all_values(e, d, *n, (int64_t)k);
  if (v->kind != V_ERROR) v->classes = d->classes;
  finding(e, "sum", where, "%s: all %lld values, each with its probability", variable, (long long)*n);
  return v->kind != V_ERROR;
}

bool eval_values(Elab *e, Scope *scope, const Ast *binder, int64_t *n, Value *v, Value *dist) {
  *dist = eval(e, scope, binder->a);
  Shape dims;
  if (dist->kind == V_ERROR || !eval_dims(e, scope, binder->b, &dims)) return false;
  if (dist->kind != V_DIST) return complain(e, E0407, binder->a->span, value_text(e, *dist)), false;
  if (binder->b) *dist = shape_distribution(e, *dist, dims, binder->span);
  return dist->kind == V_DIST && values_of(e, dist->dist, binder->name, binder->span, n, v);
}

// Binders run together, and have as many places each.
static bool eval_sources(Elab *e, Aggregate *a) {
  a->source = NEW_ARRAY(e->arena, Value, ast_length(a->ast->a) + 1);
  int i = 0;
  for (const Ast *b = a->ast->a; b; b = b->next, i++) {
    int64_t n = 0;
    a->source[i] = (Value){.kind = V_NONE};
    bool good = b->text[0] == '~'             ? eval_values(e, a->scope, b, &n, &a->source[i], &a->dist)
                : names_batch(e, a->scope, b) ? run_over_batch(e, a, b, &n)
                                              : eval_run(e, a->scope, b, &n, &a->source[i]);
    if (!good) return false;
    if (a->places && n != a->places) return complain(e, E0741, b->span, (long long)a->places, (long long)n), false;
    a->places = n;
    if (a->dist.kind == V_DIST && a->ast->a->next) return complain(e, E0708, b->span), false;
  }
  return true;
}

// ---- the block

static Scope *bind_places(Elab *e, const Aggregate *a, int plate) {
  Scope *inner = scope_new(e, a->scope);
  Shape places = shape_of(1, &e->plate[plate]);
  int i = 0;
  for (const Ast *b = a->draws ? NULL : a->ast->a; b; b = b->next, i++) {
    Value v = a->source[i];
    if (!fresh_name(e, inner, b->name, b->span)) return NULL;
    if (v.kind == V_NONE) {
      v = value_tensor(node_iota(e->graph, 0, places), plate_bit(plate));
      v.example = a->scope;
      Value self = value_tensor(node_iota(e->graph, 0, places), PLATE_BATCH);
      if (!find_binding(a->scope, "self")) bind_name(e, inner, "self", self);
    } else {
      int classes = v.classes;
      v = event_to_plate(e, v, places, plate);
      v.classes = classes;
    }
    v.span = b->span;
    if (a->values) a->values[i].node = v.node, a->values[i].plates = v.plates;
    bind_name(e, inner, b->name, v);
  }
  return inner;
}

// What a block runs over is like a draw of which all values are taken: of a distribution, or of what no data are in.
static Drawn *values_drawn(Elab *e, const Aggregate *a) {
  Reach r = {0};
  int n = ast_length(a->ast->a);
  if (a->draws || a->batch) return NULL;
  for (int i = 0; a->dist.kind != V_DIST && i < n; i++) reach_value(e, &a->source[i], e->enumerated, &r);
  if (r.n || r.hidden) return NULL;
  Drawn *d = NEW_ARRAY(e->arena, Drawn, n);
  for (int i = 0; i < n; i++) {
    d[i] = (Drawn){.context = e->context, .all = true, .where = a->ast->span, .enumerated = e->enumerated};
    d[i].dist = a->dist.kind == V_DIST ? a->dist.dist : NULL;
    d[i].next = i + 1 < n ? &d[i + 1] : (Drawn *)e->enumerated;
  }
  return d;
}

// What the aggregate of the block's value is the sum of.
static const Terms *aggregate_terms(Elab *e, const Aggregate *a, Value v, int plate) {
  const char *f = a->ast->text;
  bool mean = !strcmp(f, "mean"), log_mean = !strcmp(f, "logmeanexp"), sum = a->draws && !strcmp(f, "sum");
  Block b = {v, plate, a->draws ? (double)a->all : 0, log_mean, a->places < a->all};
  if (!v.terms || (log_mean && event_rank(&v) && !a->batch)) return NULL;
  if (a->batch) return mean || log_mean ? batch_terms(e, &b) : NULL;
  if (!(mean || log_mean || sum) || !(a->draws || a->values)) return NULL;
  const Terms *t = log_mean || (b.in_turns && !event_rank(&v)) ? block_terms(e, &b) : b.in_turns ? NULL : v.terms;
  return t && sum ? scale_terms(e, t, (double)a->all, (double)a->all) : t;
}

// An infinite value of a place that has no probability counts for nothing, as in an integral: it becomes 0.
static Value reached(Elab *e, Span where, Value v, Value probability) {
  v = to_tensor(e, v);
  if (isfinite(v.node->lo) && isfinite(v.node->hi)) return v;
  Value least = value_number(-FLT_MAX), most = value_number(FLT_MAX), none = value_number(0);
  Value beyond = apply2(e, OP_ADD, where, apply2(e, OP_LESS, where, v, least), apply2(e, OP_LESS, where, most, v));
  Value lost = apply2(e, OP_MUL, where, apply2(e, OP_EQUAL, where, probability, none), beyond);
  return apply(e, OP_SELECT, where, 3, (Value[]){lost, none, v});
}

// Multiplied by the probability of its place; or, on a scale of logarithms, plus that one's.
static Value weighed(Elab *e, const Aggregate *a, const Scope *inner, Value v) {
  Value weight = log_density(e, a->dist, find_binding(inner, a->ast->a->name)->value, WHOLE, a->ast->a->span);
  if (weight.kind == V_ERROR) return weight;
  weight.terms = NULL;
  if (strcmp(a->ast->text, "mean") != 0) return apply2(e, OP_ADD, a->ast->span, v, weight);
  if (weight.kind == V_TENSOR && weight.node->op == OP_LOG)  // of the probability itself: its slope is known at 0 too
    weight = value_tensor(weight.node->in[0], weight.plates);
  else
    weight = apply1(e, OP_EXP, a->ast->span, weight);
  return apply2(e, OP_MUL, a->ast->span, reached(e, a->ast->span, v, weight), weight);
}

static Value block_value(Elab *e, Aggregate *a, int plate) {
  const Drawn *around = e->enumerated;
  a->values = values_drawn(e, a);
  Scope *inner = bind_places(e, a, plate);
  if (!inner) return value_error();
  if (a->values) e->enumerated = a->values;
  Value v = eval_body(e, inner, a->ast->c);
  e->enumerated = around;
  if (v.kind == V_NONE) return complain(e, E0227, a->ast->span, a->ast->text), value_error();
  if (v.kind == V_ERROR) return v;
  bool several = v.kind == V_LIST && v.apart;
  Value list = several ? v : (Value){.kind = V_LIST, .items = 1, .item = &v}, out = list;
  out.item = NEW_ARRAY(e->arena, Value, list.items);
  for (int i = 0; i < list.items; i++) {
    Value one = to_tensor(e, list.item[i]);
    if (one.kind == V_ERROR) return one;
    a->terms = aggregate_terms(e, a, one, plate);
    if (a->dist.kind == V_DIST) one = weighed(e, a, inner, one);
    if (one.kind != V_ERROR) one = plate_to_outer(e, one, shape_of(1, &e->plate[plate]), plate);
    if (one.kind == V_ERROR) return one;
    out.item[i] = one;
  }
  return several ? out : out.item[0];
}

// The block's value at so many places, along its first axis.
static Value eval_places(Elab *e, void *aggregate) {
  Aggregate *a = aggregate;
  int plate = open_plate(e, a->places, a->ast->span), context = e->context;
  if (plate < 0) return value_error();
  unsigned outer = e->plates, others = e->others, drawn = e->drawing.plates;
  if (a->batch)
    e->others |= plate_bit(plate);
  else
    e->plates |= plate_bit(plate), e->drawing.plates |= plate_bit(plate), e->context = ++e->contexts;
  Value v = block_value(e, a, plate);
  e->context = context;
  e->plates = outer;
  e->drawing.plates = drawn;
  e->others = others;
  e->plate_count--;
  return v;
}

// ---- the function along the places

static Value call_named(Elab *e, const Aggregate *a, Value v) {
  static const char *const renamed[][2] = {{"mean", "average"}, {"max", "maximum"}, {"min", "minimum"}};
  Ast name = {.kind = AST_NAME, .name = a->ast->text, .span = a->ast->span};
  v.span = a->ast->span;
  if (a->dist.kind == V_DIST) name.name = strcmp(name.name, "mean") ? "logsumexp" : "sum";
  if (!strcmp(name.name, "mean")) return call_library(e, "average", name.span, 1, &v);
  for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
    if (!strcmp(name.name, renamed[i][0])) name.name = renamed[i][1];
  return call_value(e, lookup(e, a->scope, &name), &(Call){.span = name.span, .n = 1, .arg = {v}});
}

// Applied to one vector for each place of what stands behind the first axis.
static Value along_places(Elab *e, const Aggregate *a, Value v) {
  Shape s = event_shape(&v), rest = {0};
  if (s.rank == 1) return call_named(e, a, v);
  for (int i = 1; i < s.rank; i++) rest.dim[rest.rank++] = s.dim[i];
  int skip = v.node->shape.rank - s.rank, axis[MAX_RANK];
  for (int i = 0; i < v.node->shape.rank; i++) axis[i] = i < skip ? i : i + 1;
  axis[skip + s.rank - 1] = skip;
  int plate = open_plate(e, shape_count(rest), a->ast->span);
  if (plate < 0) return value_error();
  v = event_to_plate(e, value_tensor(node_permute(e->graph, v.node, axis), v.plates), rest, plate);
  v = call_named(e, a, v);
  if (v.kind != V_ERROR) v = to_tensor(e, v);
  if (v.kind != V_ERROR) v = plate_to_outer(e, v, rest, plate);
  e->plate_count--;
  return v;
}

// ---- many draws at once

// Many draws are made some at a time, in the turns of a loop, so that memory does not grow with their number. What is
// drawn is the same.
static int64_t draws_at_once(const Elab *e, int64_t k) {
  enum { MOST = 128 };
  if (k <= MOST || loops_around(e) == MAX_LOOPS) return k;
  for (int64_t n = MOST; n >= MOST / 4; n--)
    if (k % n == 0) return n;
  return k;
}

// ---- the whole

static bool eval_count(Elab *e, Aggregate *a) {
  double k = eval_number(e, a->scope, a->ast->a, "a number of draws");
  if (isnan(k)) return false;
  if (k < 1 || k > 1e6 || floor(k) != k) return complain(e, E0306, a->ast->a->span, k), false;
  a->draws = true;
  a->places = (int64_t)k;
  return true;
}

static Value finish(Elab *e, const Aggregate *a, Value v, const Terms *terms) {
  if (!strcmp(a->ast->text, "array")) return v;
  Value out = along_places(e, a, v);
  if (out.kind != V_TENSOR) return out;
  if (!strcmp(a->ast->text, "mean") && a->dist.kind != V_DIST) hand_on_to_mean(e, &v, out.node);
  out.terms = terms;
  return out;
}

Value eval_aggregate(Elab *e, Scope *scope, const Ast *ast) {
  Aggregate a = {.scope = scope, .ast = ast};
  const char *name = ast->text;
  if (!(ast->a->kind == AST_BINDER ? eval_sources(e, &a) : eval_count(e, &a))) return value_error();
  if (a.dist.kind == V_DIST && strcmp(name, "mean") && strcmp(name, "logmeanexp"))
    return complain(e, E0706, ast->span, name), value_error();
  double around = e->draws > 1 ? e->draws : 1, all = around * (double)a.places;
  if (all > MAX_DRAWS) return complain(e, E0326, ast->span, all, MAX_DRAWS), value_error();
  int64_t places = a.places, at_once = a.draws ? draws_at_once(e, places) : places;
  if (at_once < places)
    finding(e, "turns", ast->span, "%s: %lld draws in %lld turns of %lld", name, (long long)places,
            (long long)(places / at_once), (long long)at_once);
  e->draws = all;
  a.all = places, a.places = at_once;
  Value v = at_once == places ? eval_places(e, &a) : eval_in_turns(e, places / at_once, eval_places, &a);
  e->draws = around;
  if (v.kind == V_ERROR) return v;
  if (!(v.kind == V_LIST && v.apart)) return finish(e, &a, v, a.terms);
  for (int i = 0; i < v.items; i++) {
    v.item[i] = finish(e, &a, v.item[i], NULL);
    if (v.item[i].kind == V_ERROR) return value_error();
  }
  return v;
}
