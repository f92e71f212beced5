// Autoregressive networks: each place of what they explain is given those before it. Part of the elaborator.
//
// In the body of `decoder p(x) autoregressive { ... }` x is the value that is explained. That no place sees itself or
// one that comes after it is proved by what the operations compute (latest.c): the body is evaluated once beside the
// program, for two examples, with a density whose point is another value than the body's x. So log p(x) is exact, and a
// draw is made place by place: in each turn all places are drawn from what the body makes of x so far, and the turn's
// own place is kept. Random numbers have the same addresses in every turn, those that one parallel draw would have.
//
// `net gate(m, s | y) autoregressive { ... }` makes values instead: each place of m and of s of the places of y before
// it, and of whatever stands around the network. That is looked at where it is applied.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

struct Ordered {
  Decl *net;
  int n;
  Value *input;  // beside x
};

// What a network makes of inputs of some shapes, proved to keep the order; or NULL where it does not.
typedef struct Proof {
  bool either, training;  // of training and of measuring, or of one
  int n;
  Shape *shape;
  int *classes;
  const Dist *made;  // nodes of it belong to no program
  struct Proof *next;
} Proof;

static const Ast *output_of(const Decl *net) { return net->ast->a; }

bool explains_itself(const Ast *net) {
  if (!net->flag) return false;
  for (const Ast *s = net->c->a; s && net->b; s = s->next) {
    for (const Ast *v = s->kind == AST_DRAW ? s->a : NULL; v; v = v->next)
      if (place_of_name(net->a, v->name) >= 0) return true;
    if (net->a->next || s->kind != AST_ASSIGN) continue;
    if (mentions(s->b, net->a->name)) return true;
    if (place_of_name(s->a, net->a->name) >= 0) return false;
  }
  return !net->b || !net->a->next;
}

// ---- the order

static bool over_rows(const Decl *net) { return net->ast->flag == 2; }
static bool over_channels(const Decl *net) { return net->ast->flag == 3; }

// How many places there are, and the number of each by its place in the event without the axes that are joint.
static int64_t places_of(const Decl *net, Shape outer) {
  if (!outer.rank) return 1;
  return over_rows(net) ? outer.dim[0] : over_channels(net) ? outer.dim[outer.rank - 1] : shape_count(outer);
}

static int64_t place_of(const Decl *net, Shape outer, int64_t at) {
  if (!outer.rank) return 0;
  if (over_channels(net)) return at % outer.dim[outer.rank - 1];
  return over_rows(net) ? at / (shape_count(outer) / outer.dim[0]) : at;
}

// The same as a tensor of the event's shape.
static Node *place_node(Elab *e, const Decl *net, Shape outer, Shape event) {
  if (over_rows(net) && outer.rank) return node_iota(e->graph, 0, event);
  if (over_channels(net) && outer.rank) return node_iota(e->graph, outer.rank - 1, event);
  Shape ones = outer;
  for (int i = outer.rank; i < event.rank; i++) ones.dim[ones.rank++] = 1;
  Node *flat = node_iota(e->graph, 0, shape_of(1, (int64_t[]){shape_count(outer)}));
  return node_broadcast(e->graph, node_reshape(e->graph, flat, ones), event);
}

// x[3, 4] of the name x; x[3] where rows are the places, x[.., 3] where channels are.
static const char *place_of_text(Elab *e, const Decl *net, const char *name, Shape outer, int64_t place) {
  Text t = text_new(e->arena);
  text_add(&t, "%s", name);
  if (!outer.rank) return t.data;
  if (over_rows(net)) return text_add(&t, "[%lld]", (long long)place), t.data;
  if (over_channels(net)) {
    for (int i = 0; i < outer.rank - 1; i++) text_add(&t, "%s..", i ? ", " : "[");
    return text_add(&t, "%s%lld]", outer.rank > 1 ? ", " : "[", (long long)place), t.data;
  }
  int64_t below = shape_count(outer);
  for (int i = 0; i < outer.rank; i++) {
    below /= outer.dim[i];
    text_add(&t, "%s%lld", i ? ", " : "[", (long long)(place / below));
    place %= below;
  }
  return text_add(&t, "]"), t.data;
}

static const char *place_text(Elab *e, const Decl *net, Shape outer, int64_t place) {
  return place_of_text(e, net, output_of(net)->name, outer, place);
}

// ---- the proof

// An evaluation beside the program, which leaves the program as it was.
typedef struct {
  Elab elab;
  Decl *decl;
} Beside;

static Beside step_beside(Elab *e, int inputs) {
  Beside b = {.elab = *e, .decl = NEW_ARRAY(e->arena, Decl, e->decls + 1)};
  for (int i = 0; i < e->decls; i++) b.decl[i] = *e->decl[i];
  begin_program(e, 2, e->training);
  e->graph->input = NEW_ARRAY(e->arena, InputInfo, most_inputs(e) + inputs);
  e->graph->span = b.elab.graph->span;
  e->build = NULL;
  e->started = NULL;
  e->frame = b.elab.frame;
  return b;
}

static void step_back(Elab *e, const Beside *b) {
  Elab beside = *e;
  *e = b->elab;
  for (int i = 0; i < e->decls; i++) {
    bool used = e->decl[i]->used;
    struct Proof *proofs = e->decl[i]->proofs;
    *e->decl[i] = b->decl[i];
    e->decl[i]->used = used;
    e->decl[i]->proofs = proofs;
  }
  e->tensors = beside.tensors, e->tensor_room = beside.tensor_room, e->start = beside.start;
  e->said = beside.said, e->judged = beside.judged, e->choices = beside.choices;
  e->programs = beside.programs, e->contexts = beside.contexts;
  e->work = beside.work, e->complaints = beside.complaints;
}

static Value free_value(Elab *e, const char *name, Shape event, int classes, double lo, double hi) {
  Graph *g = e->graph;
  Shape s = physical_shape(e, PLATE_BATCH, event);
  g->input[g->inputs] = (InputInfo){INPUT_OPERAND, g->inputs, name, s, lo, hi, 0};
  Value v = value_tensor(node_input(g, g->inputs++), PLATE_BATCH);
  v.classes = classes;
  return v;
}

// Its shape and where it may lie: as declared, or as the body's `x[5] ~ ...` says.
static bool explained(Elab *e, const Decl *net, Shape *shape, Support *support, int *classes) {
  const char *name = output_of(net)->name;
  if (variable_of(e, name, shape, support, classes)) return true;
  *support = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  *classes = 0;
  for (const Ast *s = net->ast->c->a; s; s = s->next)
    for (const Ast *v = s->kind == AST_DRAW ? s->a : NULL; v; v = v->next)
      if (!strcmp(v->name, name) && v->kind == AST_VARIABLE && v->a) return eval_dims(e, e->global, v->a, shape);
  complain(e, E0783, output_of(net)->span, net->name, name);
  report_help(e->sources, "write its shape in the body: `%s[5] ~ ...`", name);
  return false;
}

// x → masked, model.gm:9 → relu, :9: what has a name on the way.
static const char *way_text(Elab *e, const char *name, int n, const Node *const *way) {
  enum { LONGEST = 12 };
  Text t = text_new(e->arena);
  const char *last = "", *file = "";
  int told = 0, line = 0;
  text_add(&t, "%s", name);
  for (int i = n - 1; i >= 0; i--) {
    const Node *at = way[i];
    const Name *called = at->name && at->name->rank > NAME_LIBRARY ? at->name : NULL;
    const char *word = called && !called->word && called->scope ? called->scope->word : called ? called->word : NULL;
    if (!word || at->span.file < 0) continue;
    int here = span_line(e->sources, at->span);
    if (!strcmp(word, last) && here == line) continue;
    const char *in = sources_text(e->sources, at->span.file)->name;
    if (told++ < LONGEST) text_add(&t, " -> %s, %s:%d", word, strcmp(in, file) ? in : "", here);
    last = word, file = in, line = here;
  }
  if (told > LONGEST) text_add(&t, " -> ...");
  return t.data;
}

typedef struct {
  const Decl *net;
  const Dist *made;
  Shape outer;
  const Node *x, *terms;
  int32_t *place;  // of each number of x
} Order;

static void refuse(Elab *e, const Order *o, int64_t at, int32_t latest) {
  int64_t place = place_of(o->net, o->outer, at), places = places_of(o->net, o->outer);
  const char *what = latest == place ? "itself"
                     : latest < places
                         ? arena_format(e->arena, "`%s`, which comes after it", place_text(e, o->net, o->outer, latest))
                         : "other examples of its batch";
  const Node **way = NEW_ARRAY(e->arena, const Node *, o->terms->id + 1);
  int n = graph_way(e->arena, e->graph, o->terms, at, o->x, o->place, way);
  complain(e, E0781, o->net->ast->span, place_text(e, o->net, o->outer, place), o->net->name, what);
  if (o->made->own)
    report_note(e->sources, user_span(e, o->made->span), "joint over %s: all numbers of it are one place",
                shape_text(e->arena, own_event(o->made)));
  report_help(e->sources, "the way: %s", way_text(e, output_of(o->net)->name, n, way));
}

// Does the log density of each place, at a point that is not x, keep to the places of x before it?
static bool keeps_order(Elab *e, const Decl *net, const Dist *made, const Node *x, Value terms) {
  Order o = {.net = net, .made = made, .outer = outer_event(made), .x = x};
  terms = widen(e, to_tensor(e, terms), PLATE_BATCH, o.outer);
  if (terms.kind == V_ERROR) return false;
  int64_t numbers = shape_count(made->event), count = shape_count(o.outer), own = numbers / count;
  int64_t places = places_of(net, o.outer);
  o.terms = terms.node;
  o.place = NEW_ARRAY(e->arena, int32_t, 2 * numbers);
  for (int64_t i = 0; i < numbers; i++) {
    o.place[i] = (int32_t)place_of(net, o.outer, i / own);
    o.place[numbers + i] = (int32_t)places;  // of another example: after all of one's own
  }
  const int32_t *latest = graph_latest(e->arena, e->graph, o.terms, x, o.place);
  for (int64_t i = 0; i < count; i++)
    if (latest[i] >= place_of(net, o.outer, i)) return refuse(e, &o, i, latest[i]), false;
  return true;
}

static const Dist *prove(Elab *e, Decl *net, int n, const Value *input, Span where) {
  Value v[MAX_ARGS];
  Shape shape;
  Support support;
  int classes;
  if (!explained(e, net, &shape, &support, &classes)) return NULL;
  for (int i = 0; i < n; i++) {
    const Node *like = input[i].node;
    v[i] = free_value(e, name_at(net->ast->b, i), event_shape(&input[i]), input[i].classes, like->lo, like->hi);
  }
  const char *name = output_of(net)->name;
  Value x = v[n] = free_value(e, name, shape, classes, support.lo, support.hi);
  Value point = free_value(e, "point", shape, classes, support.lo, support.hi);
  Value made = apply_to_values(e, net, n + 1, v, where);
  if (made.kind == V_ERROR) return NULL;
  if (made.kind != V_DIST) return complain(e, E0418, where, net->name, name), NULL;
  if (!point_within(&point, &made.dist->domain)) {
    complain(e, E0402, where, made.dist->kind->name(made.dist), support_text(e, &made.dist->domain), support.lo,
             support.hi);
    return NULL;
  }
  Value terms = log_terms(e, made.dist, point, where);
  if (terms.kind == V_ERROR) return NULL;
  return keeps_order(e, net, made.dist, x.node, terms) ? made.dist : NULL;
}

// ---- values made in an order

// A network of values has been looked at: what it makes of an input of this shape.
typedef struct Looked {
  const Ast *net;
  const char *path;
  bool training;
  Shape shape;
  struct Looked *next;
} Looked;

static bool looked_at(const Elab *e, const Decl *net, Shape shape) {
  for (const Looked *k = e->looked; k; k = k->next)
    if (k->net == net->ast && !strcmp(k->path, net->path) && k->training == e->training && shape_equal(k->shape, shape))
      return true;
  return false;
}

// The places of the value, those of all but its first part by its plates after all others.
static int32_t *places_by_part(Elab *e, const Decl *net, const Node *x, Shape event) {
  int64_t n = shape_count(event), all = shape_count(x->shape), places = places_of(net, event);
  int32_t *place = NEW_ARRAY(e->arena, int32_t, all);
  for (int64_t i = 0; i < all; i++) place[i] = (int32_t)(i < n ? place_of(net, event, i) : places);
  return place;
}

static bool output_keeps_order(Elab *e, const Decl *net, const char *name, const Value *made, const Value *of) {
  Shape event = event_shape(of), own = made->kind == V_TENSOR ? event_shape(made) : (Shape){0};
  if (own.rank < event.rank || memcmp(own.dim, event.dim, (size_t)event.rank * sizeof *own.dim) != 0) {
    complain(e, E0788, made->span, name, value_text(e, *made), net->ast->b->name, shape_text(e->arena, event));
    return false;
  }
  const int32_t *place = places_by_part(e, net, of->node, event);
  const int32_t *latest = graph_latest(e->arena, e->graph, made->node, of->node, place);
  int64_t n = shape_count(own), inner = n / shape_count(event);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = place_of(net, event, i / inner);
    if (latest[i] < at) continue;
    const Node **way = NEW_ARRAY(e->arena, const Node *, made->node->id + 1);
    int steps = graph_way(e->arena, e->graph, made->node, i, of->node, place, way);
    const char *from = net->ast->b->name;
    const char *what = latest[i] < places_of(net, event) ? arena_format(e->arena, "`%s`, which does not come before it",
                                                                        place_of_text(e, net, from, event, latest[i]))
                                                         : "other examples of its batch";
    complain(e, E0781, net->ast->span, place_of_text(e, net, name, event, at), net->name, what);
    report_help(e->sources, "the way: %s", way_text(e, from, steps, way));
    return false;
  }
  return true;
}

// What the network makes of a value like this one of which nothing is known: what the value was made of would be seen
// past it where rules simplify.
static Value made_of_any(Elab *e, Decl *net, int n, const Value *input, Value *any, Span where) {
  Value v[MAX_ARGS];
  const Node *like = input[0].node;
  memcpy(v, input, (size_t)n * sizeof *v);
  v[0].node = node_random(e->graph, path_hash("an input in order"), RANDOM_ONCE, like->shape);
  v[0].node->lo = like->lo, v[0].node->hi = like->hi;
  *any = v[0];
  net->being_proved = true;
  Value made = expand_net(e, net, n, v, where);
  net->being_proved = false;
  return made;
}

bool keeps_places(Elab *e, Decl *net, int n, const Value *input, Span where) {
  Shape event = event_shape(&input[0]);
  if (net->being_proved || (n == 1 && looked_at(e, net, event))) return true;  // with others it hangs on what these are
  Value any, made = made_of_any(e, net, n, input, &any, where);
  const Ast *out = net->ast->a;
  for (int i = 0; out; i++, out = out->next) {
    const Value *v = made.kind == V_LIST ? &made.item[i] : &made;
    if (v->kind == V_ERROR || !output_keeps_order(e, net, out->name, v, &any)) return false;
  }
  Looked *k = NEW(e->arena, Looked);
  *k = (Looked){net->ast, net->path, e->training, event, e->looked};
  e->looked = k;
  finding(e, "order", net->ast->span,
          "%s: each place of what it makes is made of those of %s before it, of %lld; proved", net->name,
          net->ast->b->name, (long long)places_of(net, event));
  return true;
}

static bool same_inputs(const Elab *e, const Proof *p, int n, const Value *input) {
  bool same = (p->either || p->training == e->training) && p->n == n;
  for (int i = 0; same && i < n; i++)
    same = shape_equal(p->shape[i], event_shape(&input[i])) && p->classes[i] == input[i].classes;
  return same;
}

static const Dist *proved(Elab *e, Decl *net, int n, const Value *input, Span where) {
  for (const Proof *p = net->proofs; p; p = p->next)
    if (same_inputs(e, p, n, input)) return p->made;
  if (net->being_proved) return complain(e, E0226, where, net->name), NULL;
  Beside b = step_beside(e, n + 2);
  int errors = diagnostics_errors(e->sources);
  net->being_proved = true;
  const Dist *made = prove(e, net, n, input, where);
  net->being_proved = false;
  if (diagnostics_errors(e->sources) > errors) made = NULL;
  bool either = e->modes == b.elab.modes;
  step_back(e, &b);
  Proof *p = NEW(e->arena, Proof);
  *p = (Proof){.either = either, .training = e->training, .n = n, .made = made, .next = net->proofs};
  p->shape = NEW_ARRAY(e->arena, Shape, n + 1);
  p->classes = NEW_ARRAY(e->arena, int, n + 1);
  for (int i = 0; i < n; i++) p->shape[i] = event_shape(&input[i]), p->classes[i] = input[i].classes;
  net->proofs = p;
  return made;
}

// ---- the distribution

Value apply_ordered(Elab *e, Decl *net, int n, const Value *input, Span where) {
  if (n == MAX_ARGS) return complain(e, E0221, where, MAX_ARGS), value_error();
  if (output_of(net)->next) return complain(e, E0784, net->ast->span, net->name), value_error();
  const Dist *made = proved(e, net, n, input, where);
  if (!made) return value_error();
  Ordered *o = NEW(e->arena, Ordered);
  *o = (Ordered){.net = net, .n = n, .input = NEW_ARRAY(e->arena, Value, n + 1)};
  Dist *d = NEW(e->arena, Dist);
  *d = (Dist){.kind = &ordered_kind,
              .decl = net->ast,
              .ordered = o,
              .shaped = true,
              .event = made->event,
              .own = made->own,
              .variable = output_of(net)->name,
              .net = net->ast,
              .support = made->support,
              .domain = made->domain,
              .classes = made->classes,
              .span = where};
  for (int i = 0; i < n; i++) o->input[i] = input[i], d->plates |= input[i].plates;
  return (Value){.kind = V_DIST, .dist = d, .span = where};
}

Ordered *rename_ordered(Elab *e, const Ordered *o, int from, int to) {
  Ordered *copy = NEW(e->arena, Ordered);
  *copy = *o;
  copy->input = NEW_ARRAY(e->arena, Value, o->n + 1);
  for (int i = 0; i < o->n; i++) copy->input[i] = rename_plate(e, o->input[i], from, to);
  return copy;
}

// What the body makes of x: the distribution of each place given those before it.
static Value given_before(Elab *e, const Dist *d, Value x) {
  const Ordered *o = d->ordered;
  Value v[MAX_ARGS];
  for (int i = 0; i < o->n; i++) {  // as the present graph reads them
    v[i] = to_tensor(e, o->input[i]);
    v[i].classes = o->input[i].classes;
    if (v[i].kind == V_ERROR) return v[i];
  }
  x.classes = d->classes;
  v[o->n] = x;
  return apply_to_values(e, o->net, o->n + 1, v, d->span);
}

// ---- what is seen in part

static const Node *without_stop(const Node *n) {
  while (n->op == OP_STOP) n = n->in[0];
  return n;
}

// A mask as it is outside of the loops that read it and leave it as it is, and the graph that holds it.
static const Node *mask_of(const Elab *e, const Value *point, const Graph **g) {
  const Node *n = without_stop(point->item->node);
  *g = e->graph;
  for (const Build *b = e->build; b; *g = b->around, b = b->up) {
    bool here = n->id < (*g)->count && (*g)->node[n->id] == n;
    if (here && (n->op != OP_INPUT || b->loop->kind[n->attr.id] == OPERAND_CARRIED)) break;
    if (here) n = without_stop(b->loop->outside[n->attr.id]);
  }
  return n;
}

// Is it what is known of lines of a text, whose holes are behind their ends?
static bool is_of_lines(const Elab *e, const Node *mask, const Graph *g) {
  return mask->op == OP_INPUT && g->input[mask->attr.id].kind == INPUT_KNOWN &&
         e->set[g->input[mask->attr.id].set].source->format == DATA_TEXT;
}

// Is what the point shows told apart by a mask that is known, and does it come before all that it hides? Then the
// density of what is seen has a term for each of its places, and the rest is drawn place by place as ever.
static bool shows_the_first(Elab *e, const Dist *d, const Value *point, Span where) {
  const Graph *g;
  const Node *mask = mask_of(e, point, &g);
  if (is_of_lines(e, mask, g)) return true;
  const float *known = graph_known(e->arena, g, mask);
  const Decl *net = d->ordered->net;
  Shape outer = outer_event(d), m = mask->shape;
  if (!known) return complain(e, E0786, where, output_of(net)->name), false;
  int64_t numbers = shape_count(d->event), own = numbers / shape_count(outer), last = -1, hidden = INT64_MAX;
  for (int64_t i = 0; i < numbers * (shape_count(m) / shape_count(event_shape(point->item))); i++) {
    int64_t at = 0, step = 1, rest = i % numbers, place = place_of(net, outer, rest / own);
    for (int k = 1; k <= event_rank(point->item); rest /= d->event.dim[d->event.rank - k], k++) {
      int64_t dim = m.dim[m.rank - k];
      at += dim > 1 ? rest % dim * step : 0, step *= dim;
    }
    bool seen = known[i / numbers * step + at] != 0;
    if (seen && place > last) last = place;
    if (!seen && place < hidden) hidden = place;
  }
  if (last < hidden || (last == hidden && !own_event(d).rank)) return true;
  complain(e, E0787, where, place_text(e, net, outer, last), place_text(e, net, outer, hidden));
  return false;
}

static const char *ordered_name(const Dist *d) { return d->ordered->net->name; }

static bool ordered_is_apart(const Dist *d) { return (void)d, false; }

static bool ordered_is_same(const Dist *a, const Dist *b) {
  bool same = a->ordered->net == b->ordered->net;
  for (int i = 0; same && i < a->ordered->n; i++) same = same_value(&a->ordered->input[i], &b->ordered->input[i]);
  return same;
}

static bool ordered_knows(const Dist *d, const char *what) {
  static const char *const knows[] = {"log", "sample", "part", "rest"};
  return (void)d, name_in(what, 4, knows);
}

static Value ordered_log(Elab *e, const Dist *d, Value point, Span where) {
  Value x = to_point(e, point, where);
  x = x.kind == V_ERROR ? x : widen_point(e, x, x.plates, d->event);
  if (x.kind == V_ERROR || (x.kind == V_OBSERVED && !shows_the_first(e, d, &point, where))) return value_error();
  Value made = given_before(e, d, whole_value(x));
  return made.kind == V_ERROR ? made : log_terms(e, made.dist, x, where);
}

// Some value where draws may lie, for places that are not drawn yet.
static double anywhere(const Support *s) {
  if (s->kind == SUPPORT_SET && s->members) return s->member[0];
  if (s->kind == SUPPORT_REAL || s->kind == SUPPORT_CLASS) return 0;
  if (s->lo == -INFINITY) return s->hi == INFINITY ? 0 : s->hi - 1;
  return s->hi == INFINITY ? s->lo + 1 : (s->lo + s->hi) / 2;
}

// All places drawn from what x is so far, or as they are seen.
static Value draw_all(Elab *e, const Dist *d, Value x) {
  Value made = given_before(e, d, x);
  Value v = made.kind == V_ERROR ? made : completed(e, d, sample_value(e, made.dist));
  return v.kind == V_ERROR ? v : widen(e, to_tensor(e, v), x.plates, d->event);
}

// Of these the turn's own is kept.
static Node *keep_place(Elab *e, const Dist *d, Value v, Value x, Node *turn) {
  Value place = value_tensor(place_node(e, d->ordered->net, outer_event(d), d->event), 0);
  Value now = apply2(e, OP_EQUAL, d->span, place, value_tensor(turn, 0));
  now = widen(e, now, x.plates, d->event);
  return now.kind == V_ERROR ? NULL : node_select(e->graph, now.node, v.node, x.node);
}

// Are they all 0, 1 or -1?
static bool are_signs(const Support *s) {
  bool signs = s->kind == SUPPORT_CLASS || (s->kind == SUPPORT_SET && s->members);
  for (int i = 0; i < s->members; i++) signs = signs && s->member[i] == round(s->member[i]);
  return signs && s->lo >= -1 && s->hi <= 1;
}

// The draw as a loop over rows, from the finest on: each place one, or the places along some of the first axes.
static Node *by_rows(Elab *e, const Dist *d, const GraphLoop *l, const Node *x, const Node *drawn) {
  const Decl *net = d->ordered->net;
  Shape outer = outer_event(d);
  int64_t numbers = shape_count(d->event), places = shape_count(outer), rows = places, n = places_of(net, outer);
  if (over_channels(net)) return graph_draw_by_rows(e->graph, l, x, drawn, n, 1, numbers / places, false);
  if (over_rows(net)) return graph_draw_by_rows(e->graph, l, x, drawn, n, 1, numbers / n, false);
  bool signs = are_signs(&d->support);
  Node *all = NULL;
  for (int i = outer.rank - 1; i >= 0 && !all; rows /= outer.dim[i--])
    all = graph_draw_by_rows(e->graph, l, x, drawn, rows, places / rows, numbers / rows, signs);
  return all;
}

static Value ordered_sample(Elab *e, const Dist *d) {
  int64_t places = places_of(d->ordered->net, outer_event(d));
  unsigned plates = e->drawing.plates | d->plates;
  if (loops_around(e) == MAX_LOOPS) return complain(e, E0746, d->span, MAX_LOOPS), value_error();
  if (d->given && shows_part(d, &d->point) && !shows_the_first(e, d, &d->point, d->span)) return value_error();
  Node *start = node_const(e->graph, anywhere(&d->support), physical_shape(e, plates, d->event));
  Node *turns = node_iota(e->graph, 0, shape_of(1, &places));
  Build b = {.around = e->graph,
             .up = e->build,
             .frame = e->frame,
             .loop = loop_new(e->arena, places, false),
             .ordered = true};
  Graph *body = b.loop->body;
  body->sources = e->sources, body->span = e->graph->span, body->scope = e->graph->scope;
  Value x = value_tensor(loop_input(b.loop, OPERAND_CARRIED, start, d->variable), plates);
  Node *turn = loop_input(b.loop, OPERAND_SLICED, turns, "place");
  int context = e->context;
  e->graph = body, e->build = &b, e->context = ++e->contexts;
  x.node->lo = d->support.lo, x.node->hi = d->support.hi;
  Value drawn = draw_all(e, d, x);
  Node *next = drawn.kind == V_ERROR ? NULL : keep_place(e, d, drawn, x, turn);
  e->graph = b.around, e->build = b.up, e->context = context;
  if (!next) return value_error();
  Node *all = by_rows(e, d, b.loop, x.node, drawn.node);
  if (!all) {
    b.loop->next[x.node->attr.id] = next;
    all = node_result(e->graph, node_loop(e->graph, b.loop), x.node->attr.id);
  }
  all->lo = d->support.lo, all->hi = d->support.hi;
  return value_tensor(all, plates);
}

static void ordered_explain(Elab *e, const Dist *d) {
  const Decl *net = d->ordered->net;
  Shape outer = outer_event(d);
  const char *place = over_rows(net) ? "row" : over_channels(net) ? "channel" : "place";
  finding(e, "order", net->ast->span, "%s: each %s of %s is given those before it, of %lld; proved", net->name, place,
          output_of(net)->name, (long long)places_of(net, outer));
}

static void ordered_parts(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to) {
  for (int i = 0; i < d->ordered->n; i++) part(to, &d->ordered->input[i], NULL);
}

const DistKind ordered_kind = {
    ordered_name, ordered_is_apart, ordered_is_same, ordered_knows, ordered_sample, ordered_log, NULL, ordered_explain,
    NULL,         ordered_parts};
