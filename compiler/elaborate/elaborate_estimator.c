// Draws whose gradient is estimated: `z ~ q(z | x) by gumbel(heat)`. Part of the elaborator.
//
// Weights of all values stand for a draw, or give it their gradient. The draw of a class is then a label, beside which
// the weights are kept: whoever makes a one-hot vector of the label, or takes a place by it, gets the weights. A
// surrogate is kept until the objective is known, and added where the gradient is taken. A draw by enumeration is no
// draw: what follows it is the block of a mean over all values.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// A label for which weights stand, as a tensor with one more axis.
typedef struct Weights {
  const Node *label;
  Value value;   // the weights
  bool relaxed;  // nothing but them is to be made of the label
  const char *name;
  Span where;
  struct Weights *next;
} Weights;

// A draw that a surrogate is to be added for.
typedef struct Scored {
  const Node *node;  // the value drawn, through which no gradient flows
  const Ast *estimator, *member;
  Scope *scope;  // its arguments
  Value dist, value;
  int plate_count;  // those that were open
  int64_t plate[MAX_PLATES];
  const char *said;
  Span where;
  struct Scored *next;
} Scored;

// ---- declarations

void check_estimator(Elab *e, const Ast *ast) {
  static const struct {
    const char *name;
    int arguments;
  } part[] = {{"weights", 1}, {"slopes", 1}, {"surrogate", 3}};
  int parts = 0;
  for (const Ast *m = ast->c->a; m; m = m->next) {
    int wanted = 0;
    for (int i = 0; i < 3; i++)
      if (m->kind == AST_MEMBER && !strcmp(m->name, part[i].name)) wanted = part[i].arguments;
    if (!wanted)
      complain(e, E0802, m->span, ast->name, arena_format(e->arena, "`%s` is no part of one", m->name));
    else if (ast_length(m->a) != wanted)
      complain(e, E0802, m->span, ast->name,
               arena_format(e->arena, "`%s` takes %s", m->name, wanted == 1 ? "d" : "value, d and z"));
    else if (parts++)
      complain(e, E0802, m->span, ast->name, "it is one of weights(d), slopes(d) and surrogate(value, d, z)");
  }
  if (!ast->c->a)
    complain(e, E0802, ast->span, ast->name, "it says neither weights(d), slopes(d) nor surrogate(value, d, z)");
}

// The name after `by`, or NULL.
static const char *named(const Ast *by) {
  const Ast *name = by->kind == AST_CALL ? by->a : by;
  return name->kind == AST_NAME ? name->name : NULL;
}

Decl *find_estimator(const Elab *e, const Ast *by) {
  const char *name = named(by);
  return name ? find_decl_at(e, arena_format(e->arena, "estimator %s", name), by->span) : NULL;
}

bool by_enumeration(const Elab *e, const Ast *by) {
  const char *name = by && by->kind == AST_NAME ? by->name : NULL;
  return name && !strcmp(name, "enumeration") && !find_estimator(e, by);
}

void unknown_estimator(Elab *e, const Ast *by) {
  Text t = text_new(e->arena);
  for (int i = 0; i < e->decls; i++)
    if (e->decl[i]->ast->kind == AST_ESTIMATOR) text_add(&t, "%s, ", e->decl[i]->ast->name);
  complain(e, E0801, by->span, expression_text(e, by), t.data);
}

// ---- weights

// The weights that stand for a label, seen from where it is used; NONE if there are none.
Value weights_of(const Elab *e, const Value *label) {
  const Node *n = label->kind == V_TENSOR ? label->node : NULL;
  for (const Build *b = e->build; n && b; b = b->up)
    if (graph_owns(b->loop->body, n) && n->op == OP_INPUT && b->loop->kind[n->attr.id] == OPERAND_FIXED)
      n = b->loop->outside[n->attr.id];
  for (const Weights *w = n ? e->weights : NULL; w; w = w->next) {
    if (w->label != n) continue;
    Value v = w->value;
    v.plates = label->plates;
    return v;
  }
  return (Value){.kind = V_NONE};
}

Value weighed_places(Elab *e, Value v, int axis, Value weights, Span where) {
  Shape s = event_shape(&v), t = event_shape(&weights), table = {0}, places = {0}, cut = v.node->shape;
  int64_t size = t.dim[t.rank - 1], start[MAX_RANK] = {0};
  int skip = v.node->shape.rank - s.rank, places_rank = t.rank - 1;
  if (size > s.dim[axis]) return complain(e, E0309, where, value_text(e, weights)), value_error();
  cut.dim[skip + axis] = size;
  v = value_tensor(node_slice(e->graph, v.node, start, cut), v.plates);
  table.rank = places.rank = s.rank + places_rank;
  for (int i = 0; i < table.rank; i++) {
    bool before = i < axis, place = !before && i < axis + places_rank, along = i == axis + places_rank;
    table.dim[i] = place ? 1 : along ? size : s.dim[before ? i : i - places_rank];
    places.dim[i] = place ? t.dim[i - axis] : along ? size : 1;
  }
  Value all = apply2(e, OP_MUL, where, reshape_event(e, weights, places), reshape_event(e, v, table));
  return all.kind == V_ERROR ? all : reduce_events(e, OP_SUM, all, 1u << (axis + places_rank));
}

void check_relaxed(Elab *e) {
  for (const Weights *w = e->weights; w; w = w->next) {
    if (!w->relaxed || !graph_owns(e->graph, w->label)) continue;
    const Node *user = NULL;
    for (int i = 0; i < e->graph->count && !user; i++)
      for (int k = 0; k < e->graph->node[i]->arity; k++)
        if (e->graph->node[i]->in[k] == w->label) user = e->graph->node[i];
    if (!user) continue;
    complain(e, E0804, w->where, w->name, w->name, w->name);
    if (user->span.file >= 0) report_note(e->sources, user_span(e, user->span), "it is used here");
  }
}

// ---- the draw

static Value evaluate(Elab *e, const Ast *estimator, Scope *arguments, const Ast *member, int n, const Value *given,
                      Span where) {
  push_frame(e, estimator, user_span(e, where));
  Scope *scope = scope_new(e, arguments);
  const Ast *a = member->a;
  for (int i = 0; i < n; i++, a = a->next) bind_name(e, scope, a->name, given[i]);
  e->depth++;
  Value v = e->depth > MAX_CALL_DEPTH ? (complain(e, E0226, where, estimator->name), value_error())
                                      : eval_body(e, scope, member->c);
  e->depth--;
  pop_frame(e);
  return v;
}

static int64_t count_values(const Dist *d) {
  return support_discrete(&d->support) && !d->own && !d->given ? support_members(&d->support) : 0;
}

Value call_log_chances(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value d = call->arg[0], v;
  int64_t n;
  if (d.kind == V_DIST) d = settled(e, d, call->span);
  if (d.kind != V_DIST)
    return d.kind == V_ERROR ? d : (complain(e, E0407, call->span, value_text(e, d)), value_error());
  if (!count_values(d.dist)) return complain(e, E0803, call->span, d.dist->kind->name(d.dist)), value_error();
  n = count_values(d.dist);
  v = members_of(e, &d.dist->support);
  int plate = open_plate(e, n, call->span);
  if (plate < 0) return value_error();
  v = event_to_plate(e, v, shape_of(1, &n), plate);
  v = widen(e, v, v.plates, d.dist->event);
  if (v.kind != V_ERROR) v = log_density(e, d, v, d.dist->event.rank ? EACH : WHOLE, call->span);
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  e->plate_count--;
  v.terms = NULL;
  return v;
}

// The label of the greatest weight; of a relaxed draw, whose label nobody may use, what tells it from other labels.
static Value label_of(Elab *e, Value w, bool relaxed, Span where) {
  Shape s = event_shape(&w), last = w.node->shape;
  Call call = {.span = where, .n = 2, .arg = {w, value_number(-1)}, .name = {NULL, "axis"}};
  Value label;
  if (relaxed) {
    last.dim[last.rank - 1] = 1;
    label = value_tensor(node_slice(e->graph, w.node, (int64_t[MAX_RANK]){0}, last), w.plates);
    s.rank--;
    label = reshape_event(e, label, s);
  } else {
    label = call_builtin(e, "argmax", &call);
  }
  if (label.kind != V_ERROR) label.node = node_unary(e->graph, OP_DISCRETE, label.node);
  return label;
}

// A one-hot vector with the slopes of the weights.
static Value with_slopes(Elab *e, Value label, Value w, Span where) {
  Shape s = event_shape(&w);
  Value hard = call_library(e, "onehot", where, 2, (Value[]){label, value_number((double)s.dim[s.rank - 1])});
  if (hard.kind == V_ERROR) return hard;
  hard.node = node_unary(e->graph, OP_STOP, hard.node);
  Value still = value_tensor(node_unary(e->graph, OP_STOP, w.node), w.plates);
  return apply2(e, OP_ADD, where, hard, apply2(e, OP_SUB, where, w, still));
}

// What the weights stand for: a label beside them, or the sum of the numbers that they weigh.
static Value stand_in(Elab *e, const Dist *d, Value w, bool relaxed, const char *variable, Span where) {
  Value label = label_of(e, w, relaxed, where);
  if (label.kind != V_ERROR && !relaxed) w = with_slopes(e, label, w, where);
  if (label.kind == V_ERROR || w.kind == V_ERROR) return value_error();
  if (d->support.kind == SUPPORT_CLASS) {
    Weights *kept = NEW(e->arena, Weights);
    *kept = (Weights){label.node, w, relaxed, variable, where, e->weights};
    e->weights = kept;
    return label;
  }
  w = apply2(e, OP_MUL, where, w, members_of(e, &d->support));
  Value v = w.kind == V_ERROR ? w : reduce_events(e, OP_SUM, w, 1u << (event_rank(&w) - 1));
  if (v.kind == V_ERROR) return v;
  v.node->lo = fmax(v.node->lo, d->support.lo), v.node->hi = fmin(v.node->hi, d->support.hi);
  return v;
}

static Value drawn_by_weights(Elab *e, const Decl *by, Scope *scope, const Ast *member, Value dist,
                              const char *variable, Span where) {
  const Dist *d = dist.dist;
  int64_t n = count_values(d);
  Shape wanted = d->event;
  bool relaxed = !strcmp(member->name, "weights");
  if (!n) return complain(e, E0803, where, d->kind->name(d)), value_error();
  if (wanted.rank == MAX_RANK) return complain(e, E0304, where, MAX_RANK), value_error();
  wanted.dim[wanted.rank++] = n;
  Drawing outer = begin_drawing(e, d, variable);
  unsigned plates = e->drawing.plates;
  Value w = to_tensor(e, evaluate(e, by->ast, scope, member, 1, &dist, where));
  end_drawing(e, outer);
  Shape own = event_shape(&w);
  if (w.kind == V_ERROR) return w;
  if (!shape_equal(own, wanted)) {
    const char *given = shape_text(e->arena, own), *shape = shape_text(e->arena, wanted);
    complain(e, E0802, where, by->ast->name,
             arena_format(e->arena, "`%s` gives %s, and must give %s", member->name, given, shape));
    return value_error();
  }
  w = widen(e, w, w.plates | plates, wanted);
  Value v = w.kind == V_ERROR ? w : stand_in(e, d, w, relaxed, variable, where);
  if (v.kind == V_ERROR) return v;
  v.classes = d->classes, v.span = where;
  remember_stand_in(e, v, weights_of(e, &v), d, relaxed, where);
  return v;
}

static Value drawn_for_surrogate(Elab *e, const Ast *estimator, Scope *scope, Value dist, const char *variable,
                                 const char *said, Span where) {
  Value v = draw(e, dist, variable, NULL, where);
  if (v.kind == V_ERROR) return v;
  v.node = node_unary(e->graph, OP_STOP, v.node);
  if (!dist.dist->given) e->drawn->node = v.node;
  if (!e->training) return v;
  if (e->build) return complain(e, E0805, where, said), value_error();
  Scored *s = NEW(e->arena, Scored);
  *s = (Scored){
      .node = v.node, .estimator = estimator, .member = estimator->c->a, .scope = scope, .dist = dist, .value = v};
  s->said = said, s->where = where;
  s->plate_count = e->plate_count;
  memcpy(s->plate, e->plate, sizeof s->plate);
  s->next = e->scored;
  e->scored = s;
  return v;
}

Value draw_by(Elab *e, Scope *around, Value dist, const char *variable, const Shape *declared, const Ast *by,
              Span where) {
  Decl *estimator = find_estimator(e, by);
  if (!estimator) return unknown_estimator(e, by), value_error();
  Call call = {.span = by->span};
  if (by->kind == AST_CALL && !eval_arguments(e, around, by->b, &call)) return value_error();
  Scope *scope = bind_formals(e, estimator->ast, &call);
  dist = declared ? shape_distribution(e, dist, *declared, where) : settled(e, dist, where);
  const Ast *member = estimator->ast->c->a;
  if (!scope || dist.kind == V_ERROR || !member) return value_error();
  const char *said = arena_format(e->arena, "%s by %s", variable, expression_text(e, by));
  if (!strcmp(member->name, "surrogate"))
    return drawn_for_surrogate(e, estimator->ast, scope, dist, variable, said, where);
  finding(e, "estimator", where, "%s: %s", said,
          !strcmp(member->name, "weights") ? "relaxed; its value and its gradient are biased"
                                           : "drawn as it is; its gradient is biased");
  return drawn_by_weights(e, estimator, scope, member, dist, variable, where);
}

// ---- surrogates

// Which of the nodes does the value hang on, so that a gradient may flow?
static bool *steering(Arena *a, const Graph *g, const Node *value) {
  bool *hangs = NEW_ARRAY(a, bool, g->count);
  hangs[value->id] = true;
  for (int id = value->id; id >= 0; id--) {
    const Node *n = g->node[id];
    for (int i = 0; hangs[id] && n->op != OP_STOP && i < n->arity; i++) hangs[n->in[i]->id] = true;
  }
  return hangs;
}

static const Node *unmoved(const Node *n) {
  while (n->op == OP_BROADCAST || n->op == OP_RESHAPE) n = n->in[0];
  return n;
}

// stop(value - what was known before the draw) * log d(z), whose mean is the gradient of the mean of the value.
static bool is_unbiased(const Node *surrogate, const Node *value, const Node *density) {
  for (int i = 0; surrogate->op == OP_MUL && i < 2; i++) {
    const Node *weight = unmoved(surrogate->in[1 - i]);
    if (unmoved(surrogate->in[i]) != unmoved(density) || weight->op != OP_STOP) continue;
    const Node *of = unmoved(weight->in[0]);
    return of == unmoved(value) || (of->op == OP_SUB && unmoved(of->in[0]) == unmoved(value));
  }
  return false;
}

// Where examples meet, what is drawn for one of them moves the value of all.
static Value surrogate_of(Elab *e, const Scored *s, Value objective) {
  bool each = objective.plates && s->value.plates & PLATE_BATCH,
       all = each && graph_values_meet(e->graph, objective.node, s->node);
  Value value = objective;
  value.terms = NULL;
  if (all) value = value_tensor(node_reduce(e->graph, OP_SUM, objective.node, 1), 0);
  Value density = log_density(e, s->dist, s->value, WHOLE, s->where);
  Value v = evaluate(e, s->estimator, s->scope, s->member, 3, (Value[]){value, s->dist, s->value}, s->where);
  v = v.kind == V_ERROR ? v : to_tensor(e, v);
  if (v.kind == V_ERROR || density.kind == V_ERROR) return value_error();
  if (event_rank(&v)) return complain(e, E0504, s->where, shape_text(e->arena, event_shape(&v))), value_error();
  finding(e, "estimator", s->where, "%s: %s", s->said,
          is_unbiased(v.node, value.node, density.node) ? "its gradient is unbiased"
                                                        : "its gradient is not known to be unbiased");
  for (int p = e->plate_count - 1; p >= 0; p--)
    if (v.plates & plate_bit(p) && (p || !objective.plates)) v = plate_to_event(e, v, p);
  return event_rank(&v) ? reduce_events(e, OP_SUM, v, (1u << event_rank(&v)) - 1) : v;
}

Value with_surrogates(Elab *e, Value objective) {
  Value sum = objective;
  const Graph *g = e->graph;
  Arena *scratch = arena_open(e->arena);
  const bool *hangs = steering(scratch, g, objective.node);
  int count = e->plate_count;
  int64_t plate[MAX_PLATES];
  memcpy(plate, e->plate, sizeof plate);
  for (const Scored *s = e->scored; s && sum.kind != V_ERROR; s = s->next) {
    if (!graph_owns(g, s->node) || s->node->id > objective.node->id || !hangs[s->node->id]) continue;
    e->plate_count = s->plate_count;
    memcpy(e->plate, s->plate, sizeof plate);
    Value more = surrogate_of(e, s, objective);
    sum = more.kind == V_ERROR ? more : apply2(e, OP_ADD, s->where, sum, more);
    e->plate_count = count;
    memcpy(e->plate, plate, sizeof plate);
  }
  arena_close(scratch);
  return sum;
}

// ---- all values

// The statements up to the objective, each anew, since they stand in another list.
static Ast *statements_before(Elab *e, const Ast *from, const Ast *end) {
  Ast *first = NULL, **last = &first;
  for (const Ast *s = from; s != end; s = s->next) {
    *last = NEW(e->arena, Ast);
    **last = *s;
    (*last)->next = NULL;
    last = &(*last)->next;
  }
  return first;
}

const Ast *enumerated_rest(Elab *e, const Ast *statement, const Ast *body) {
  const Ast *goal = statement->next;
  while (goal && goal->kind != AST_MAXIMIZE && goal->kind != AST_MINIMIZE) goal = goal->next;
  finding(e, "estimator", statement->span, "%s by enumeration: its gradient is exact", statement->a->name);
  const Ast *result = body->b ? body->b : goal ? goal->a : NULL;
  if (!result || statement->a->next || (body->b && goal) || (goal && goal->next)) {
    complain(e, E0806, statement->span);
    return NULL;
  }
  Ast *node = NEW_ARRAY(e->arena, Ast, 4);
  Ast *binder = &node[0], *block = &node[1], *mean = &node[2], *whole = &node[3];
  *binder = (Ast){.kind = AST_BINDER, .span = statement->span, .name = statement->a->name, .text = "~"};
  binder->a = statement->b, binder->b = statement->a->kind == AST_VARIABLE ? statement->a->a : NULL;
  *block = (Ast){
      .kind = AST_BODY, .span = result->span, .a = statements_before(e, statement->next, goal), .b = (Ast *)result};
  *mean = (Ast){.kind = AST_AGGREGATE, .span = statement->span, .text = "mean", .a = binder, .c = block};
  if (body->b) return mean;
  *whole = *goal;
  whole->a = mean;
  return whole;
}
