// em: parameters moved by the rules that stand beside distributions, after each pass over the examples. Part of the
// elaborator.
//
// Two programs. The first runs on batches and evaluates log p of the data, by factors (elaborate_chain.c). Whatever
// log density is met on the way, at an example and at values of latents that are summed out, counts there by the slope
// of log p by it: the posterior probability of these values. What the rule `fit` of its distribution adds up, total(e),
// is a sum so weighed, added over all batches in double precision. The second program is fed the sums, and evaluates
// the rules for the parameters' new values. A parameter of the model stands in a distribution as itself if no number is
// changed on the way there: repeated, moved and picked by places that do not depend on data. That way, taken backwards,
// adds up what numbers share. Invariant: both programs meet the same densities, and the same totals, in the same order.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// A log density that log p is made of.
typedef struct Density {
  const Dist *dist;
  Value point;
  Value value;   // of each example and of values of latents
  Node *weight;  // the slope of log p by it; NULL: none
  int64_t plate[MAX_PLATES];
  int plates;
  const Decl *
      *fitted;  // of each parameter of the distribution, that of the model which it is and the rule moves; or NULL
  struct Density *next;
} Density;

// What a rule has made of a parameter of its distribution: its change; or where it begins anew.
typedef struct Made {
  const char *name;
  Value value;
  struct Made *next;
} Made;

typedef struct Em {
  const Ast *step;
  double floor;  // what the phase adds to squared scales
  bool alone;    // nothing else moves in the phase, and all by rules: log p may not fall
  Density *met, **end;
  Density *now;  // whose rule is being evaluated, or NULL
  int moving;    // the parameter that the arrow being evaluated moves, or -1
  Value count;   // total(1)
  Value dead;    // at which values of the latents that is less than one example; NONE: there are no latents
  bool bearing;  // arrows say how what is dead begins anew
  Made *moved, *born;
  Value reborn;   // how many are dead
  Value slack;    // by how much log p may fall, for what the floor costs
  bool own_rule;  // a rule of the page moves something
} Em;

bool is_em(const Ast *item) { return item->kind == AST_STEP && item->text; }

bool has_em(const Ast *phase) {
  for (const Ast *i = phase->a; i; i = i->next)
    if (is_em(i)) return true;
  return false;
}

Span em_span(const Elab *e) { return e->em->step->span; }

// ---- log p of the data

static bool makes_data(const Elab *e, const Decl *model) {
  for (; model; model = model->factor)
    for (const Ast *o = model->ast->a; o; o = o->next)
      if (find_column(e, o->name) >= 0 && draws_output(model, o->name)) return true;
  return false;
}

static bool stands_over(const Ast *step, const char *name) {
  for (const Ast *o = step->b; o; o = o->next)
    if (!strcmp(o->name, name)) return true;
  return false;
}

// The model whose likelihood is maximized: the one that makes data; of several the one that is named. NULL after
// reporting.
static Decl *model_of(Elab *e, const Ast *step) {
  Decl *made = NULL, *named = NULL;
  int makers = 0;
  for (int i = 0; i < e->decls; i++) {
    Decl *d = e->decl[i];
    if (d->library || d->ast->kind != AST_NET || find_decl(e, d->name) != d || !makes_data(e, d)) continue;
    made = d;
    makers++;
    if (stands_over(step, d->name)) named = d;
  }
  if (makers == 1 || named) return named ? named : made;
  complain(e, E0769, step->span, makers ? "several models make data" : "no network makes a column of the data");
  report_help(e->sources, "%s",
              makers ? "name the one that is meant after `over`" : "decoder p(x | k) { x ~ ... }, of data x");
  return NULL;
}

// log p(x, y), as if it were written.
static const Ast *likelihood_text(Elab *e, const Ast *step) {
  Decl *model = model_of(e, step);
  if (!model) return NULL;
  Text t = text_new(e->arena);
  text_add(&t, "log %s(", model->name);
  const char *comma = "";
  for (const Decl *f = model; f; f = f->factor)
    for (const Ast *o = f->ast->a; o; o = o->next)
      if (find_column(e, o->name) >= 0 && draws_output(f, o->name)) text_add(&t, "%s%s", comma, o->name), comma = ", ";
  text_add(&t, ")");
  return parse_expression(e->arena, e->sources, sources_made(e->sources, "what `em` maximizes", t.data));
}

Value em_likelihood(Elab *e, const Ast *step) {
  if (!e->likelihood) e->likelihood = likelihood_text(e, step);
  if (!e->likelihood) return value_error();
  Value v = eval(e, scope_for(e, e->train), e->likelihood);
  Value of_each = v.kind == V_ERROR ? v : widen(e, v, PLATE_BATCH, (Shape){0});
  of_each.terms = v.terms;
  return of_each;
}

// ---- the densities met

static const Ast *rule_of(const Dist *d) { return member_of(d->decl, "fit"); }

void em_met(Elab *e, const Dist *d, Value point, Value v) {
  Em *em = e->em;
  if (!em || em->now || d->kind != &formula_kind || !member_of(d->decl, "log") || v.kind != V_TENSOR) return;
  for (const Density *m = em->met; m; m = m->next)
    if (m->value.node == v.node) return;
  Density *m = NEW(e->arena, Density);
  *m = (Density){.dist = d, .point = point, .value = v, .plates = e->plate_count};
  memcpy(m->plate, e->plate, sizeof m->plate);
  m->fitted = NEW_ARRAY(e->arena, const Decl *, d->params + 1);
  *em->end = m;
  em->end = &m->next;
}

// ---- the way from a parameter of the model to one of a distribution

static bool is_fixed(const Node *n, int depth) {
  if (!depth || n->op == OP_INPUT || n->op == OP_WEIGHT || n->op == OP_RANDOM || n->op == OP_RESULT) return false;
  for (int i = 0; i < n->arity; i++)
    if (!is_fixed(n->in[i], depth - 1)) return false;
  return true;
}

// Is every number of n one of `from`, which one being fixed?
static bool is_moved_only(const Node *n, const Node *from) {
  enum { DEEP = 12 };
  while (n != from) {
    bool moves = n->op == OP_RESHAPE || n->op == OP_PERMUTE || n->op == OP_BROADCAST || n->op == OP_SLICE ||
                 (n->op == OP_GATHER && is_fixed(n->in[1], DEEP));
    if (!moves) return false;
    n = n->in[0];
  }
  return true;
}

// Does it stand once at each place, the places of a table picked in their order?
static bool is_reordered(const Node *n, const Node *from) {
  for (; n != from; n = n->in[0]) {
    const Node *at = n->op == OP_GATHER ? n->in[1] : NULL;
    while (at && at->op == OP_RESHAPE) at = at->in[0];
    if (at && (at->op != OP_IOTA || shape_count(at->shape) != n->in[0]->shape.dim[0] || at->shape.rank != 1))
      return false;
    if (shape_count(n->shape) != shape_count(n->in[0]->shape)) return false;
  }
  return true;
}

// The same way from other numbers of from's shape.
static Node *along(Graph *g, const Node *n, const Node *from, Node *to) {
  if (n == from) return to;
  Node *in[2] = {along(g, n->in[0], from, to), n->arity > 1 ? n->in[1] : NULL};
  return graph_node(g, n->op, n->arity, in, &n->attr, &n->shape);
}

// The way backwards: at each number of `from` the sum of s over the places of n, of equal shape, that it stands at.
static Node *gathered(Graph *g, Node *n, Node *from, Node *s) {
  Node *y = node_binary(g, OP_MUL, n, node_unary(g, OP_STOP, s)), *out = NULL;
  if (y->shape.rank) y = node_reduce(g, OP_SUM, y, (1u << y->shape.rank) - 1);
  graph_gradient(g, y, 1, &from, &out, NULL);
  return out ? out : node_const(g, 0, from->shape);
}

static Value parameter_of(Elab *e, const Decl *d) {
  Ast name = {.kind = AST_NAME, .name = d->name, .span = d->ast->span};
  return to_tensor(e, lookup(e, scope_for(e, e->train), &name));
}

// ---- what a rule says

static bool has_arrow(const Ast *rule, const char *name) {
  for (const Ast *s = rule ? rule->c->a : NULL; s; s = s->next)
    if (s->kind == AST_UPDATE && !strcmp(s->name, name)) return true;
  return false;
}

// The plates of the sums of a density: those of its latents.
static unsigned latent_plates(const Density *d) { return d->value.plates & ~(unsigned)PLATE_BATCH; }

// Of products of two vectors, each number of one with each of the other, as outer(a, b) makes them: the two, or false.
static bool is_outer(const Node *n, Node **a, Node **b) {
  int rank = n->shape.rank;
  if (n->op != OP_MUL || rank < 3 || n->in[0]->op != OP_BROADCAST || n->in[1]->op != OP_BROADCAST) return false;
  *a = n->in[0]->in[0];
  *b = n->in[1]->in[0];
  for (int i = 0; i < rank; i++)
    if ((*a)->shape.dim[i] != (i == rank - 1 ? 1 : n->shape.dim[i]) ||
        (*b)->shape.dim[i] != (i == rank - 2 ? 1 : n->shape.dim[i]))
      return false;
  return true;
}

// [batch, places, numbers] as [places, batch, numbers].
static Node *by_place(Graph *g, Node *n, int64_t batch, int64_t places) {
  Node *flat = node_reshape(g, n, shape_of(3, (int64_t[]){batch, places, shape_count(n->shape) / batch / places}));
  return node_permute(g, flat, (int[]){1, 0, 2});
}

// The same, weighed: [places, batch, numbers].
static Node *weighed_by_place(Elab *e, const Density *d, Node *n) {
  Graph *g = e->graph;
  int64_t batch = e->plate[0], places = shape_count(d->weight->shape) / batch;
  Node *w = by_place(g, d->weight, batch, places), *x = by_place(g, n, batch, places);
  return node_binary(g, OP_MUL, node_broadcast(g, w, x->shape), x);
}

// The weighed sum of such products over the batch: a product of matrices for each place.
static Node *outer_sum(Elab *e, const Density *d, Node *a, Node *b) {
  Node *left = weighed_by_place(e, d, a);
  return node_matmul(e->graph, left, by_place(e->graph, b, left->shape.dim[1], left->shape.dim[0]), true, false);
}

enum { ROWS_APART = 8 };  // numbers of a place from which its examples are laid out one behind the other

// The sum over the batch of v, weighed by what the density counts at each example and value of the latents.
static Value weighed_sum(Elab *e, const Density *d, Value v) {
  Value w = value_tensor(d->weight, d->value.plates);
  Shape event = event_shape(&v);
  if (!(w.plates & PLATE_BATCH)) return apply2(e, OP_MUL, v.span, w, v);  // the slope has added the batch up
  if (v.plates == PLATE_BATCH) {                                          // one product of all examples
    int64_t n = e->plate[0], places = shape_count(w.node->shape) / n, numbers = shape_count(event);
    Node *weights = node_reshape(e->graph, w.node, shape_of(2, (int64_t[]){n, places}));
    Node *values = node_reshape(e->graph, v.node, shape_of(2, (int64_t[]){n, numbers}));
    Node *sum = node_matmul(e->graph, weights, values, true, false);
    return value_tensor(node_reshape(e->graph, sum, physical_shape(e, latent_plates(d), event)), latent_plates(d));
  }
  Node *a, *b, *sums = NULL;
  if (v.plates == w.plates && is_outer(v.node, &a, &b)) sums = outer_sum(e, d, a, b);
  if (v.plates == w.plates && !sums && shape_count(event) >= ROWS_APART)
    sums = node_reduce(e->graph, OP_SUM, weighed_by_place(e, d, v.node), 2);
  if (sums)
    return value_tensor(node_reshape(e->graph, sums, physical_shape(e, latent_plates(d), event)), latent_plates(d));
  if (v.plates & PLATE_BATCH) w = apply2(e, OP_MUL, v.span, w, v);
  Value sum = value_tensor(node_reduce(e->graph, OP_SUM, w.node, 1), w.plates & ~(unsigned)PLATE_BATCH);
  return v.plates & PLATE_BATCH ? sum : apply2(e, OP_MUL, v.span, sum, v);
}

// The sum of v over the examples, weighed by what the density counts there. Of a density of latents alone, what is dead
// counts as one example.
static Value sum_of_all(Elab *e, Value v, const char *name) {
  const Density *d = e->em->now;
  Totals *t = e->totals;
  if (t->after) {
    Value sum = total_next(e, latent_plates(d));
    bool floors = e->em->dead.kind == V_TENSOR && !(d->value.plates & PLATE_BATCH) && sum.kind == V_TENSOR;
    return floors ? to_tensor(e, apply(e, OP_SELECT, v.span, 3, (Value[]){e->em->dead, v, sum})) : sum;
  }
  v = weighed_sum(e, d, v);
  if (v.kind == V_ERROR) return v;
  return total_first(e, widen(e, v, latent_plates(d), event_shape(&v)), name);
}

// The same of those that are known: where an example has a hole it counts for nothing.
static Value fit_total(Elab *e, Value v, const char *name) {
  const Density *d = e->em->now;
  if (d->point.kind == V_OBSERVED && !e->totals->after)
    v = to_tensor(e, where_seen(e, d->dist, v, d->point, e->em->step->span));
  return v.kind == V_ERROR ? v : sum_of_all(e, v, name);
}

static Value eval_total_of(Elab *e, Scope *scope, const Ast *call) {
  if (call->b && call->b->name) return complain(e, E0223, call->b->span, "total", call->b->name), value_error();
  if (ast_length(call->b) != 1)
    return complain(e, E0231, call->span, "total", arguments_text(e, 1, 1), ast_length(call->b)), value_error();
  Value v = to_tensor(e, eval(e, scope, call->b->a));
  if (v.kind == V_ERROR) return v;
  if (!e->totals->after && hangs_on_sum(e, v, call, "total(e)")) return value_error();
  return fit_total(e, v, expression_text(e, call));
}

// What the arrow moves: the parameter of the distribution as it stands at all places of the sums, and what it is.
typedef struct {
  Value wide;
  Node *from;
} Target;

static bool find_target(Elab *e, Shape event, Target *t) {
  const Density *d = e->em->now;
  Value v = d->dist->param[e->em->moving], own = parameter_of(e, d->fitted[e->em->moving]);
  Shape at = event_shape(&v), merged;
  if (own.kind == V_ERROR || !broadcast_shapes(event, at, &merged)) {
    complain(e, E0301, e->em->step->span, shape_text(e->arena, event), shape_text(e->arena, at), "fit");
    return false;
  }
  t->wide = widen(e, v, latent_plates(d), merged);
  t->from = own.node;
  return t->wide.kind != V_ERROR;
}

// share(s, n): s and n, each added up over the places that share a number of the parameter, and divided.
static Value eval_share(Elab *e, Scope *scope, const Ast *call) {
  Call of = {.span = call->span};
  Target t;
  if (!eval_arguments(e, scope, call->b, &of)) return value_error();
  if (of.n != 2) return complain(e, E0231, call->span, "share", arguments_text(e, 2, 2), of.n), value_error();
  if (e->em->moving < 0) {
    complain(e, E0532, call->span, "share(s, n)", "to the right of an arrow of `fit`");
    return value_error();
  }
  Value s = to_tensor(e, of.arg[0]), n = to_tensor(e, of.arg[1]);
  Shape event;
  if (s.kind == V_ERROR || n.kind == V_ERROR) return value_error();
  if (!broadcast_shapes(event_shape(&s), event_shape(&n), &event) || !find_target(e, event, &t)) return value_error();
  Shape full = event_shape(&t.wide);
  s = widen(e, s, t.wide.plates, full);
  n = widen(e, n, t.wide.plates, full);
  if (s.kind == V_ERROR || n.kind == V_ERROR) return value_error();
  Value sum = value_tensor(gathered(e->graph, t.wide.node, t.from, s.node), 0);
  Value count = value_tensor(gathered(e->graph, t.wide.node, t.from, n.node), 0);
  count = apply2(e, OP_MAX, call->span, count, value_number(1e-30));
  Value each = apply2(e, OP_DIV, call->span, sum, count);
  return value_tensor(along(e->graph, t.wide.node, t.from, each.node), t.wide.plates);
}

static Value eval_moved(Elab *e, const Ast *call) {
  const Ast *name = call->b && !call->b->next && !call->b->name ? call->b->a : NULL;
  if (!name || name->kind != AST_NAME)
    return complain(e, E0231, call->span, "moved", "1 argument, a name", ast_length(call->b)), value_error();
  for (const Made *m = e->em->moved; m; m = m->next)
    if (!strcmp(m->name, name->name)) return m->value;
  return value_number(0);
}

static const char *const fit_words[] = {"total", "share", "moved"};

bool is_fit_word(const char *name) { return name_in(name, sizeof fit_words / sizeof *fit_words, fit_words); }

bool in_fit(const Elab *e) { return e->em && e->em->now; }

Value eval_fit_word(Elab *e, Scope *scope, const Ast *call) {
  switch (call->a->name[0]) {
    case 't': return eval_total_of(e, scope, call);
    case 's': return eval_share(e, scope, call);
    default: return eval_moved(e, call);
  }
}

// ---- new values

// Each number of the parameter becomes the mean of what is said at the places that share it, weighed by total(1). Where
// nothing counts it stays.
static Node *mean_of_places(Elab *e, const Target *t, Value v, Span where) {
  Value n = widen(e, e->em->count, t->wide.plates, event_shape(&t->wide));
  Graph *g = e->graph;
  if (shape_count(t->wide.node->shape) == shape_count(t->from->shape) && is_reordered(t->wide.node, t->from))
    return gathered(g, t->wide.node, t->from, v.node);
  Node *sum = gathered(g, t->wide.node, t->from, apply2(e, OP_MUL, where, v, n).node);
  Value count = value_tensor(gathered(g, t->wide.node, t->from, n.node), 0), none = value_number(0);
  Value some = apply2(e, OP_LESS, where, none, count);
  Value mean = apply2(e, OP_DIV, where, value_tensor(sum, 0), apply2(e, OP_MAX, where, count, value_number(1e-30)));
  return to_tensor(e, apply(e, OP_SELECT, where, 3, (Value[]){some, mean, value_tensor(t->from, 0)})).node;
}

static void assign_parameter(Elab *e, const Decl *d, Node *value, Span where) {
  int t = tensor_find(e, d->name);
  const Support s = e->start[t].support;
  Value v = value_tensor(value, 0);
  v = free_start(e, &s, d->name, held_within(e, &s, v, where), where);
  if (v.kind != V_ERROR) tensor_assign(e, t, v.node);
}

// The value at all places of the sums; where the latents' values are dead, how they begin anew: as `born` says, or as
// the others are in the mean.
static Value revived(Elab *e, const Target *t, const char *name, Value v, Span where) {
  const Em *em = e->em;
  const Made *b = em->born;
  Shape event = event_shape(&t->wide);
  while (b && strcmp(b->name, name)) b = b->next;
  if (em->dead.kind != V_TENSOR || !(em->now->value.plates & PLATE_BATCH)) return v;
  Value anew = b ? widen(e, b->value, v.plates, event) : value_error();
  if (!b) {
    Value n = widen(e, em->count, v.plates, event), sum = apply2(e, OP_MUL, where, v, n);
    uint32_t all = (1u << __builtin_popcount(v.plates)) - 1;
    sum = value_tensor(node_reduce(e->graph, OP_SUM, sum.node, all), 0);
    n = value_tensor(node_reduce(e->graph, OP_SUM, n.node, all), 0);
    anew = apply2(e, OP_DIV, where, sum, apply2(e, OP_MAX, where, n, value_number(1e-30)));
  }
  return to_tensor(e, apply(e, OP_SELECT, where, 3, (Value[]){em->dead, anew, v}));
}

static void add_made(Elab *e, Made **list, const char *name, Value v) {
  Made *m = NEW(e->arena, Made);
  *m = (Made){.name = name, .value = v, .next = *list};
  *list = m;
}

// The parameter at `place` of the distribution becomes v.
static void move_parameter(Elab *e, int place, Value v, Span where) {
  Em *em = e->em;
  const Density *d = em->now;
  const char *name = name_at(d->dist->formals, place);
  Target t;
  if (!find_target(e, event_shape(&v), &t)) return;
  v = widen(e, v, t.wide.plates, event_shape(&t.wide));
  if (v.kind != V_ERROR) v = revived(e, &t, name, v, where);
  if (v.kind == V_ERROR) return;
  Value old = d->dist->param[place];
  Node *to = mean_of_places(e, &t, v, where);
  Value moved = value_tensor(along(e->graph, old.node, t.from, to), old.plates);
  add_made(e, &em->moved, name, apply2(e, OP_SUB, where, moved, old));
  if (e->totals->after) assign_parameter(e, d->fitted[place], to, where);
}

bool fit_arrow(Elab *e, Scope *scope, const Ast *s) {
  Em *em = e->em;
  if (!in_fit(e)) return false;
  int place = place_of_name(em->now->dist->formals, s->name);
  if (place < 0) return complain(e, E0511, s->span, s->name), true;
  if (!em->now->fitted[place]) return true;
  em->moving = place;
  Value v = eval(e, scope, s->b);
  if (v.kind == V_NONE) complain(e, E0770, em->step->span, em->now->fitted[place]->name), v = value_error();
  v = to_tensor(e, v);
  if (v.kind != V_ERROR && em->bearing)
    add_made(e, &em->born, s->name, v);
  else if (v.kind != V_ERROR)
    move_parameter(e, place, v, s->span);
  em->moving = -1;
  return true;
}

// ---- what is dead, and what the floor costs

// The examples that are explained worst, one for each value of the latents that is dead, in their order: x of them.
static Value worst_points(Elab *e, const Density *d) {
  Shape places = physical_shape(e, latent_plates(d), (Shape){0});
  Value flat = value_tensor(node_reshape(e->graph, e->em->dead.node, shape_of(1, (int64_t[]){shape_count(places)})), 0);
  Value rank = value_tensor(node_cumsum(e->graph, flat.node, 0, false), 0);
  Span where = e->em->step->span;
  rank = apply2(e, OP_SUB, where, rank, value_number(1));
  rank =
      apply2(e, OP_MIN, where, apply2(e, OP_MAX, where, rank, value_number(0)), value_number((double)e->plate[0] - 1));
  Value x = d->point;
  Node *picked = node_gather(e->graph, x.node, rank.node);
  Value v = value_tensor(node_reshape(e->graph, picked, physical_shape(e, latent_plates(d), event_shape(&x))),
                         latent_plates(d));
  v.classes = x.classes;
  return v;
}

static bool has_latents(const Density *d) {
  return latent_plates(d) && d->value.plates & PLATE_BATCH && d->point.kind == V_TENSOR &&
         d->point.plates == PLATE_BATCH;
}

static void find_dead(Elab *e, const Density *d, Value examples) {
  Em *em = e->em;
  Span where = em->step->span;
  em->dead.kind = V_NONE;
  if (!latent_plates(d)) return;
  Value dead = to_tensor(e, apply2(e, OP_LESS, where, examples, value_number(1)));
  if (!(d->value.plates & PLATE_BATCH)) em->count = apply2(e, OP_MAX, where, em->count, value_number(1));
  if (d->value.plates & PLATE_BATCH && !has_latents(d)) return;
  em->dead = widen(e, dead, latent_plates(d), (Shape){0});
  if (em->reborn.kind == V_NONE && has_latents(d)) {
    uint32_t all = (1u << em->dead.node->shape.rank) - 1;
    em->reborn = value_tensor(node_reduce(e->graph, OP_SUM, em->dead.node, all), 0);
  }
}

// What the floor takes off log p: `penalty` of the distribution, of its parameters as they were, or as they have
// become.
static Value penalty(Elab *e, const Density *d, const Ast *member, bool become) {
  Scope *scope = scope_new(e, formula_scope(e, d->dist));
  Span where = e->em->step->span;
  bind_name(e, scope, "least", value_number(e->em->floor));
  for (const Made *m = become ? e->em->moved : NULL; m; m = m->next) {
    Value old = find_binding(scope, m->name)->value;
    bind_name(e, scope, m->name, apply2(e, OP_ADD, where, old, m->value));
  }
  Value v = to_tensor(e, eval_body(e, scope, member->c));
  if (v.kind != V_ERROR) v = widen(e, v, latent_plates(d), outer_event(d->dist));
  if (v.kind != V_ERROR) v = apply2(e, OP_MUL, where, v, e->em->count);
  if (v.kind != V_ERROR && v.node->shape.rank)
    v = value_tensor(node_reduce(e->graph, OP_SUM, v.node, (1u << v.node->shape.rank) - 1), 0);
  return v;
}

static void add_slack(Elab *e, const Density *d) {
  Em *em = e->em;
  const Ast *member = member_of(d->dist->decl, "penalty");
  if (!member || !em->floor || !e->totals->after || !em->alone) return;
  Value before = penalty(e, d, member, false), after = penalty(e, d, member, true);
  if (before.kind == V_ERROR || after.kind == V_ERROR) return;
  Value less = apply2(e, OP_SUB, em->step->span, before, after);
  em->slack = apply2(e, OP_ADD, em->step->span, em->slack, less);
}

// ---- the rule of a density

static void eval_rule(Elab *e, const Density *d, const Ast *member, Value x) {
  if (!member) return;
  Scope *scope = scope_new(e, formula_scope(e, d->dist));
  bind_name(e, scope, "least", value_number(e->em->floor));
  if (member->a) bind_name(e, scope, member->a->name, x);
  push_frame(e, d->dist->decl, e->em->step->span);
  eval_body(e, scope, member->c);
  pop_frame(e);
}

// Evaluates it, if a parameter is moved by it.
static void fit_density(Elab *e, Density *d) {
  Em *em = e->em;
  bool any = false;
  for (int i = 0; i < d->dist->params; i++) any = any || d->fitted[i];
  if (!any) return;
  int64_t plate[MAX_PLATES];
  int plates = e->plate_count;
  memcpy(plate, e->plate, sizeof plate);
  memcpy(e->plate + 1, d->plate + 1, sizeof plate - sizeof *plate);
  e->plate_count = d->plates;
  em->now = d;
  em->moving = -1;
  em->moved = em->born = NULL;
  em->dead.kind = V_NONE;
  Value one = to_tensor(e, value_number(1)), all = sum_of_all(e, one, "total(1)");
  em->count = d->point.kind == V_OBSERVED ? fit_total(e, one, "what is known of them") : all;
  find_dead(e, d, all);
  if (em->dead.kind == V_TENSOR && has_latents(d)) {
    em->bearing = true;
    eval_rule(e, d, member_of(d->dist->decl, "born"), worst_points(e, d));
    em->bearing = false;
  }
  eval_rule(e, d, rule_of(d->dist), whole_value(d->point));
  add_slack(e, d);
  em->own_rule = em->own_rule || on_page(e, rule_of(d->dist));
  em->now = NULL;
  memcpy(e->plate, plate, sizeof plate);
  e->plate_count = plates;
}

// ---- the two programs

// Of a distribution of vectors: is the vector shared by values of the latents that have matrices of their own?
static bool is_shared_alone(const Dist *d, int formal) {
  const Ast *f = d->formals;
  for (int i = 0; i < d->params; i++, f = f->next)
    if (f->c && d->own && d->param[i].kind == V_TENSOR && d->param[i].plates & ~d->param[formal].plates)
      return i != formal;
  return false;
}

// The parameter stands in one distribution alone, as itself, and the rule of that moves it. Says why not.
static bool find_closed(Elab *e, const Decl *p, Density **at, int *formal) {
  Value own = parameter_of(e, p);
  int uses = 0;
  bool closed = false;
  for (Density *d = e->em->met; d && own.kind != V_ERROR; d = d->next)
    for (int i = 0; i < d->dist->params; i++) {
      const Value *v = &d->dist->param[i];
      if (v->kind != V_TENSOR || !graph_depends(e->graph, v->node, own.node)) continue;
      uses++;
      *at = d;
      *formal = i;
      const char *name = name_at(d->dist->formals, i);
      closed = is_moved_only(v->node, own.node) && has_arrow(rule_of(d->dist), name) && !is_shared_alone(d->dist, i) &&
               !(d->dist->own && outer_event(d->dist).rank);
    }
  return uses == 1 && closed;
}

// Which parameters the rules move; how many. The others need an optimiser, and are listed.
static int find_fitted(Elab *e, const Ast *step, const Ast **others) {
  int fitted = 0;
  Ast *first = NULL, **end = &first;
  for (const Ast *o = step->b; o; o = o->next) {
    const Decl *p = find_decl(e, o->name);
    Density *d = NULL;
    int i = 0;
    if (p->ast->kind != AST_PARAMETER || !find_closed(e, p, &d, &i)) {
      if (!step->c) complain(e, E0770, o->span, o->name);
      finding(e, "line", o->span, "   %s: by gradient", o->name);
      Ast *other = NEW(e->arena, Ast);
      *other = *o;
      other->next = NULL;
      *end = other;
      end = &other->next;
      continue;
    }
    fitted++;
    const Ast *rule = rule_of(d->dist);
    d->fitted[i] = p;
    finding(e, "line", o->span, "   %s: closed form, `%s` of %s, %s:%d", o->name, name_at(d->dist->formals, i),
            d->dist->decl->name, sources_text(e->sources, rule->span.file)->name, span_line(e->sources, rule->span));
  }
  *others = first;
  if (step->c && !*others) complain(e, E0553, step->c->span);
  return fitted;
}

// Does a line of training stand among the items?
static bool has_lines(const Ast *items) {
  for (; items; items = items->next)
    if (items->kind == AST_STEP || is_block(items)) return true;
  return false;
}

static bool meet_densities(Elab *e, Em *em, Value *likelihood) {
  em->met = NULL;
  em->end = &em->met;
  em->now = NULL;
  e->em = em;
  *likelihood = em_likelihood(e, em->step);
  return likelihood->kind != V_ERROR;
}

// How much each density counts for log p of the examples that are there.
static void weigh_densities(Elab *e, Em *em, Value likelihood, Outputs *out) {
  Span where = em->step->span;
  Value place = value_tensor(node_iota(e->graph, 0, shape_of(1, &e->plate[0])), PLATE_BATCH);
  Value there = apply2(e, OP_LESS, where, place, value_tensor(feed_node(e, INPUT_ROWS), 0));
  Value v = to_tensor(e, apply(e, OP_SELECT, where, 3, (Value[]){there, likelihood, value_number(0)}));
  Node *sum = node_reduce(e->graph, OP_SUM, v.node, 1);
  add_output(e, out, (Output){.name = e->model->objective[e->line], .value = sum, .total = true, .summed = true});
  add_output(e, out,
             (Output){.name = "log p", .value = likelihood.node, .per_example = true, .total = true, .least = true});
  int n = 0;
  for (const Density *d = em->met; d; d = d->next) n++;
  Node **by = NEW_ARRAY(e->arena, Node *, n + 1), **slope = NEW_ARRAY(e->arena, Node *, n + 1);
  n = 0;
  for (const Density *d = em->met; d; d = d->next) by[n++] = d->value.node;
  e->graph->section.phase = PHASE_BACKWARD;
  graph_gradient(e->graph, sum, n, by, slope, NULL);
  n = 0;
  for (Density *d = em->met; d; d = d->next, n++)
    d->weight = slope[n] ? slope[n] : node_const(e->graph, 0, d->value.node->shape);
}

// ---- does log p fall?

static int kept_number(Elab *e, const char *what) {
  const char *path = arena_format(e->arena, "line_%d/%s", e->line + 1, what);
  return tensor_declare(e, path, "train", TENSOR_SLOT, (Shape){0}, e->em->step->span, (TensorStart){0});
}

static Value kept(Elab *e, const char *what) { return value_tensor(tensor_value(e, kept_number(e, what)), 0); }

static void keep(Elab *e, const char *what, Value v) { tensor_assign(e, kept_number(e, what), to_tensor(e, v).node); }

// By how much log p has fallen since the pass before, beyond what the floor may cost and rounding; else 0. What begins
// anew may cost more.
static Value fall(Elab *e) {
  const Em *em = e->em;
  Span where = em->step->span;
  Value sum = total_fed(e, 0, false), rest = total_fed(e, 0, true), none = value_number(0);
  Value whole = apply2(e, OP_SUB, where, sum, kept(e, "sum")), part = apply2(e, OP_SUB, where, rest, kept(e, "rest"));
  Value change = apply2(e, OP_ADD, where, whole, part);
  Value rounding = apply2(e, OP_MUL, where, apply1(e, OP_ABS, where, sum), value_number(1e-6));
  Value examples = value_tensor(feed_node(e, INPUT_EXAMPLES), 0);
  rounding = apply2(e, OP_ADD, where, rounding, apply2(e, OP_MUL, where, examples, value_number(1e-6)));
  Value may = apply2(e, OP_ADD, where, apply2(e, OP_MAX, where, kept(e, "slack"), none), rounding);
  Value fell = apply2(e, OP_LESS, where, apply2(e, OP_ADD, where, change, may), none);
  Value known = apply2(e, OP_LESS, where, none, kept(e, "comparable"));
  Value by = apply2(e, OP_DIV, where, apply1(e, OP_NEG, where, change), examples);
  by = apply(e, OP_SELECT, where, 3, (Value[]){apply2(e, OP_MUL, where, fell, known), by, none});
  keep(e, "sum", sum);
  keep(e, "rest", rest);
  keep(e, "slack", em->slack);
  keep(e, "comparable", em->reborn.kind == V_NONE ? value_number(1) : apply2(e, OP_EQUAL, where, em->reborn, none));
  return to_tensor(e, by);
}

// What of a rule is to be said after a pass.
static void say_of_pass(Elab *e, Em *em, Outputs *out, PlanTurn *turn) {
  if (em->reborn.kind == V_TENSOR) {
    add_output(e, out, (Output){.name = "begun anew", .value = em->reborn.node});
    turn->reborn = out->n;
  }
  if (!em->alone) return;
  add_output(e, out, (Output){.name = "log p has fallen", .value = fall(e).node});
  turn->fell = out->n;
  turn->own_rule = em->own_rule;
}

// How many values of latents there are at most, of which as many may begin anew.
static int64_t most_places(const Em *em) {
  int64_t most = 1;
  for (const Density *d = em->met; d; d = d->next) {
    int64_t places = 1;
    for (int p = 1; p < d->plates; p++)
      if (d->value.plates >> p & 1) places *= d->plate[p];
    if (places > most) most = places;
  }
  return most < LEAST ? most : LEAST;
}

// The second program: what the sums make of the parameters. Its batch are the examples that are explained worst.
static int elaborate_maximum(Elab *e, Em *em, const char *name, PlanTurn *turn) {
  const Density *before = em->met;
  Outputs out = {0};
  Value likelihood;
  int64_t batch = most_places(em);
  e->totals->after = true;
  begin_program(e, batch, true);
  e->graph->section = (Section){e->line, PHASE_UPDATE};
  em->reborn.kind = V_NONE;
  em->slack = value_number(0);
  if (!meet_densities(e, em, &likelihood)) return 0;
  for (Density *d = em->met; d && before; d = d->next, before = before->next) d->fitted = before->fitted;
  for (Density *d = em->met; d; d = d->next) fit_density(e, d);
  if (!diagnostics_errors(e->sources)) say_of_pass(e, em, &out, turn);
  int program = end_program(e, name, batch, out.of, out.n);
  e->model->program[program].graph.shards = 1;
  return program;
}

PlanTurn elaborate_em(Elab *e, const Ast *step, const Ast *phase, int64_t batch, const Ast **others) {
  Outputs out = {0};
  Totals totals = {.outputs = &out};
  Em em = {.step = step, .moving = -1, .dead = {.kind = V_NONE}, .reborn = {.kind = V_NONE}};
  Value likelihood;
  PlanTurn turn = {.every = EACH_EPOCH, .first_line = e->line, .lines = 1};
  const Ast *floor = phase_setting(phase, "floor");
  em.floor = floor ? eval_number(e, e->global, floor, "floor") : 0;
  if (em.floor < 0) complain(e, E0556, floor->span, em.floor);
  if (e->sets > 1) complain(e, E0687, step->span, e->sets);
  e->totals = &totals;
  begin_program(e, batch, true);
  begin_draws(e, e->line ? e->model->objective[e->line] : "");
  e->graph->section = (Section){e->line, PHASE_FORWARD};
  finding(e, "line", step->span, "%d. %s", e->line + 1, expression_text(e, step));
  bool good = meet_densities(e, &em, &likelihood) && is_own(e, likelihood, "em", step->span);
  if (good) weigh_densities(e, &em, likelihood, &out);
  int fitted = good ? find_fitted(e, step, others) : 0;
  em.alone = !*others && phase->a == step && !has_lines(step->next);
  for (Density *d = em.met; d && fitted; d = d->next) fit_density(e, d);
  if (!diagnostics_errors(e->sources) && fitted) {
    const char *name = arena_format(e->arena, "em, line %d", e->line + 1);
    turn.program = end_program(e, name, batch, out.of, out.n);
    turn.after = elaborate_maximum(e, &em, arena_format(e->arena, "after %s", name), &turn);
  }
  e->unfinished |= !good || diagnostics_errors(e->sources);
  e->totals = NULL;
  e->em = NULL;
  return turn;
}
