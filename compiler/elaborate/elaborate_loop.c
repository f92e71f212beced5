// Loops of the language, scan and fold: a body is evaluated once, into a graph of its own. Part of the elaborator.
//
// While a loop is being built, e->graph is its body. Values of the graphs around it are read by it as fixed inputs,
// which to_tensor sees to; columns of the data, weights and parameters always belong to the program's own graph.
// A carried value has the plates of all that it becomes: where the body shows that it needs more than it began with, it
// is evaluated again.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// ---- the graph a value belongs to

Graph *program_graph(const Elab *e) {
  const Build *b = e->build;
  while (b && b->up) b = b->up;
  return b ? b->around : e->graph;
}

Outside leave_loops(Elab *e) {
  Outside o = {e->graph, e->build};
  e->graph = program_graph(e);
  e->build = NULL;
  return o;
}

void enter_loops(Elab *e, Outside o) {
  e->graph = o.graph;
  e->build = o.build;
}

// The value as the body of b reads it: an input for each loop between, made once.
static Node *capture(Build *b, Node *n) {
  if (graph_owns(b->loop->body, n)) return n;
  if (b->up) n = capture(b->up, n);
  for (int i = 0; i < b->loop->inputs; i++)
    if (b->loop->outside[i] == n && b->loop->kind[i] == OPERAND_FIXED) return node_input(b->loop->body, i);
  return loop_input(b->loop, OPERAND_FIXED, n, node_called(b->loop->body->arena, b->around, n));
}

bool belongs_here(Elab *e, Value *v) {
  if (graph_owns(e->graph, v->node)) return true;
  bool around = false;
  for (const Build *b = e->build; b; b = b->up) around = around || graph_owns(b->around, v->node);
  if (around) v->node = capture(e->build, v->node);
  return around;
}

bool is_around(const Elab *e, const Graph *g) {
  bool around = g == e->graph;
  for (const Build *b = e->build; b; b = b->up) around = around || g == b->around;
  return around;
}

int loops_around(const Elab *e) {
  int depth = 0;
  for (const Build *b = e->build; b; b = b->up) depth++;
  return depth;
}

void set_random_steps(const Elab *e, Attr *attr, int64_t count) {
  const Build *b = e->build;
  for (int i = 0; b; b = b->up, i++) {
    attr->a[i] = b->ordered ? 0 : count;
    count *= b->ordered ? 1 : b->loop->times;
  }
}

// ---- what runs along the turns, and what is carried

typedef struct {
  Elab *e;
  const Ast *ast;
  Scope *outer, *inner;
  Build build;
  int64_t times;
  unsigned plates;  // of what is carried
  Value *source;    // of each binder
  bool lost;        // what is carried does not keep what is known of its start
} Looping;

static bool eval_source(Looping *w, const Ast *binder, Value *v) {
  int64_t n;
  if (!eval_run(w->e, w->outer, binder, &n, v)) return false;
  if (w->times && n != w->times) return complain(w->e, E0741, binder->span, (long long)w->times, (long long)n), false;
  w->times = n;
  w->plates |= v->plates;
  return true;
}

static bool eval_binders(Looping *w) {
  Elab *e = w->e;
  w->source = NEW_ARRAY(e->arena, Value, ast_length(w->ast->a) + 1);
  int i = 0;
  for (const Ast *b = w->ast->a; b; b = b->next, i++) {
    if (!strcmp(b->text, "in")) {
      if (!eval_source(w, b, &w->source[i])) return false;
      continue;
    }
    w->source[i] = to_tensor(e, eval(e, w->outer, b->a));
    if (w->source[i].kind == V_ERROR) return false;
    w->plates |= w->source[i].plates;
  }
  if (!w->times) return complain(e, E0749, w->ast->span, w->ast->text), false;
  return true;
}

// The first axis of the event goes in front of the plates.
static Node *turns_first(Elab *e, const Value *v) {
  int skip = v->node->shape.rank - event_rank(v), axis[MAX_RANK];
  for (int i = 0; i < v->node->shape.rank; i++) axis[i] = i <= skip ? i - 1 : i;
  axis[0] = skip;
  return node_permute(e->graph, v->node, axis);
}

static bool bind_one(Looping *w, const Ast *b, Value v) {
  Elab *e = w->e;
  GraphLoop *l = w->build.loop;
  for (const Binding *old = w->inner->first; old; old = old->next)
    if (!strcmp(old->name, b->name)) return complain(e, E0204, b->span, b->name), false;
  Value in;
  if (!strcmp(b->text, "in")) {
    in = value_tensor(loop_input(l, OPERAND_SLICED, turns_first(e, &v), b->name), v.plates);
  } else {
    v = widen(e, v, w->plates, event_shape(&v));
    if (v.kind == V_ERROR) return false;
    in = value_tensor(loop_input(l, OPERAND_CARRIED, v.node, b->name), w->plates);
    Carried *c = NEW(e->arena, Carried);
    *c = (Carried){b->name, in.node->attr.id, event_shape(&v), w->build.carried};
    w->build.carried = c;
    l->next[c->input] = in.node;
    if (!w->lost) hand_on_facts(e, &v, -1, in.node);  // for now: a turn is to keep it
  }
  in.classes = v.classes;
  in.span = b->span;
  bind_name(e, w->inner, b->name, in);
  return true;
}

static bool open_body(Looping *w) {
  Elab *e = w->e;
  if (loops_around(e) == MAX_LOOPS) return complain(e, E0746, w->ast->span, MAX_LOOPS), false;
  w->build = (Build){.around = e->graph, .plates = w->plates, .frame = e->frame, .up = e->build};
  w->build.loop = loop_new(e->arena, w->times, false);
  w->build.loop->body->sources = e->sources;
  w->build.loop->body->span = e->graph->span;
  w->build.loop->body->scope = e->graph->scope;
  w->inner = scope_new(e, w->outer);
  int i = 0;
  for (const Ast *b = w->ast->a; b; b = b->next, i++) {
    const Value *v = &w->source[i];
    if (v->node->shape.rank + 1 > MAX_RANK) return complain(e, E0304, b->span, MAX_RANK), false;
    if (!bind_one(w, b, *v)) return false;
  }
  return true;
}

bool update_carried(Elab *e, Scope *scope, const Ast *s) {
  Carried *c = e->build && e->build->frame == e->frame ? e->build->carried : NULL;
  while (c && strcmp(c->name, s->name)) c = c->next;
  if (!c) return false;
  Value v = to_tensor(e, eval(e, scope, s->b));
  if (v.kind == V_ERROR) return true;
  Shape shape = event_shape(&v), merged;
  if (!broadcast_shapes(c->shape, shape, &merged) || !shape_equal(merged, c->shape)) {
    complain(e, E0743, s->span, s->name, shape_text(e->arena, c->shape), shape_text(e->arena, shape));
    return true;
  }
  Binding *old = find_binding(scope, s->name);
  int classes = v.classes;
  e->build->missing |= v.plates & ~e->build->plates;
  v = widen(e, v, e->build->plates | v.plates, c->shape);
  if (v.kind == V_ERROR) return true;
  v.classes = classes;
  name_bound(e, s, s->name, &v);
  e->build->loop->next[c->input] = v.node;
  if (old) old->value = v;
  return true;
}

// ---- what comes out

// Stacked along a first axis of the event; or, of a fold, as the last turn has it.
static Value result_of(Elab *e, Build *b, Node *loop, int number, unsigned plates, bool stacked) {
  Node *n = node_result(b->around, loop, number);
  if (stacked) {
    int skip = __builtin_popcount(plates), axis[MAX_RANK];
    for (int i = 0; i < n->shape.rank; i++) axis[i] = i < skip ? i + 1 : i;
    axis[skip] = 0;
    n = node_permute(e->graph, n, axis);
  }
  return value_tensor(n, plates);
}

// A value that is wanted of the last turn only is carried, though no turn reads it.
static int last_of(Looping *w, Value v) {
  GraphLoop *l = w->build.loop;
  for (int i = 0; i < l->inputs; i++)
    if (l->next[i] == v.node) return i;
  Node *start = node_const(w->build.around, 0, v.node->shape);
  int i = loop_input(l, OPERAND_CARRIED, start, "last")->attr.id;
  l->next[i] = v.node;
  return i;
}

// Does what a turn gives hang on the turn before?
static bool hangs_on_turns(const Looping *w, int n, const Value *item) {
  Graph *body = w->build.loop->body;
  for (const Carried *c = w->build.carried; c; c = c->next)
    for (int i = 0; i < n; i++)
      if (graph_depends(body, item[i].node, node_input(body, c->input))) return true;
  return false;
}

static Value close_body(Looping *w, Value v) {
  Elab *e = w->e;
  bool stacked = !strcmp(w->ast->text, "scan");
  bool several = v.kind == V_LIST && (v.apart || !list_shape(&v, &(Shape){0}));
  int n = several ? v.items : 1, number[MAX_ARGS];
  Value item[MAX_ARGS];
  if (n > MAX_ARGS) return complain(e, E0221, w->ast->span, MAX_ARGS), value_error();
  for (int i = 0; i < n; i++) {
    item[i] = to_tensor(e, several ? v.item[i] : v);
    if (item[i].kind == V_ERROR) return value_error();
    if (stacked && item[i].node->shape.rank == MAX_RANK)
      return complain(e, E0304, w->ast->span, MAX_RANK), value_error();
  }
  bool apart = !diagnostics_errors(e->sources) && !hangs_on_turns(w, n, item);
  if (apart) warn_once(e, W0744, w->ast->span, w->ast->text);
  for (int i = 0; i < n && !stacked; i++) number[i] = last_of(w, item[i]);
  for (int i = 0; i < n && stacked; i++) number[i] = loop_stack(w->build.loop, item[i].node);
  e->graph = w->build.around;
  Node *loop = node_loop(e->graph, w->build.loop);
  Value list = {.kind = V_LIST, .items = n, .item = NEW_ARRAY(e->arena, Value, n), .apart = v.apart};
  for (int i = 0; i < n; i++) {
    list.item[i] = result_of(e, &w->build, loop, number[i], item[i].plates, stacked);
    list.item[i].classes = item[i].classes;
    list.item[i].span = w->ast->span;
  }
  return n == 1 ? list.item[0] : list;
}

// ---- counts, which an evaluation that is thrown away must leave as they were

typedef struct Counts {
  Binding **list;  // the numbers are kept in the bindings themselves
  Binding *first, *saved;
  struct Counts *next;
} Counts;

static Counts *save_counts(Elab *e, Binding **list, Counts *next) {
  Counts *c = NEW(e->arena, Counts);
  *c = (Counts){list, *list, NULL, next};
  for (const Binding *b = *list; b; b = b->next) {
    Binding *copy = NEW(e->arena, Binding);
    *copy = (Binding){b->name, b->value, c->saved, b->tensor};
    c->saved = copy;
  }
  return c;
}

static void restore_counts(const Counts *c) {
  for (; c; c = c->next) {
    *c->list = c->first;
    for (const Binding *s = c->saved; s; s = s->next)
      find_binding(&(Scope){.first = c->first}, s->name)->value = s->value;
  }
}

// By induction: what was known of each start, and taken to be of every turn, is known of what a turn makes of it.
static bool facts_are_kept(const Looping *w) {
  const GraphLoop *l = w->build.loop;
  for (const Carried *c = w->build.carried; c; c = c->next) {
    Value next = value_tensor(l->next[c->input], w->plates);
    if (!has_facts_of(w->e, &next, node_input(l->body, c->input))) return false;
  }
  return true;
}

static Value eval_once(Looping *w) {
  Elab *e = w->e;
  int context = e->context;
  if (!open_body(w)) return value_error();
  e->graph = w->build.loop->body;
  e->build = &w->build;
  e->context = ++e->contexts;  // draws are made afresh
  Value v = eval_body(e, w->inner, w->ast->c);
  if (v.kind == V_NONE) complain(e, E0227, w->ast->span, w->ast->text);
  if (v.kind == V_DIST) complain(e, E0303, w->ast->span, value_text(e, v));
  bool good = v.kind != V_ERROR && v.kind != V_NONE && v.kind != V_DIST && !w->build.missing;
  bool lost = good && !facts_are_kept(w);
  w->lost = w->lost || lost;
  v = good && !lost ? close_body(w, v) : value_error();
  e->context = context;
  e->graph = w->build.around;
  e->build = w->build.up;
  return v;
}

Value eval_loop(Elab *e, Scope *scope, const Ast *ast) {
  Looping w = {.e = e, .ast = ast, .outer = scope};
  if (!eval_binders(&w)) return value_error();
  Counts *counts = save_counts(e, &e->draw_counts, NULL);
  for (Frame *f = e->frame; f; f = f->up) counts = save_counts(e, &f->counts, counts);
  for (;;) {
    Drawing drawing = e->drawing;
    int errors = diagnostics_errors(e->sources);
    bool lost = w.lost;
    Value v = eval_once(&w);
    if ((!w.build.missing && w.lost == lost) || diagnostics_errors(e->sources) > errors) return v;
    w.plates |= w.build.missing;
    restore_counts(counts);
    e->drawing = drawing;
  }
}

Value eval_in_turns(Elab *e, int64_t turns, Value (*part)(Elab *e, void *what), void *what) {
  Build b = {.around = e->graph, .up = e->build, .loop = loop_new(e->arena, turns, false)};
  b.loop->body->sources = e->sources;
  b.loop->body->span = e->graph->span;
  b.loop->body->scope = e->graph->scope;
  e->graph = b.loop->body;
  e->build = &b;
  Value v = part(e, what), *item = v.kind == V_LIST ? v.item : &v;
  e->graph = b.around;
  e->build = b.up;
  if (v.kind == V_ERROR) return v;
  int n = v.kind == V_LIST ? v.items : 1;
  for (int i = 0; i < n; i++) {
    if (item[i].node->shape.rank == MAX_RANK) return complain(e, E0304, item[i].span, MAX_RANK), value_error();
    loop_stack(b.loop, item[i].node);
  }
  Node *loop = node_loop(e->graph, b.loop);
  for (int i = 0; i < n; i++) {
    Value all = result_of(e, &b, loop, loop_stack(b.loop, item[i].node), item[i].plates, true);
    Shape s = event_shape(&all), joined = {.rank = s.rank - 1, .dim = {s.dim[0] * s.dim[1]}};
    for (int k = 2; k < s.rank; k++) joined.dim[k - 1] = s.dim[k];
    item[i] = reshape_event(e, all, joined);
  }
  return v;
}
