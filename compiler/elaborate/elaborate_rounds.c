// Warnings about lines of a round that undo one another. Part of the elaborator.
//
// A network that two lines move is asked for something by each. What, is read from the graph: the slope of a line's
// objective by the network's output, where that output has some value and nothing else is known. It serves a density at
// 0 or 1, a critic's plain number, a hinge and a square alike.
#include <math.h>
#include <string.h>

#include "elaborate/elaborate.h"

static const double probes[] = {-2, -0.5, 0.5, 2};  // values of an output at which slopes are looked at
enum { PROBES = sizeof probes / sizeof *probes };

// An output of a network that a line moves, for inputs that another network made or that are data.
typedef struct Judgement {
  int line;
  const Ast *step;
  const char *judge;  // the network
  const char *maker;  // of its input; NULL: data
  int output;
  Node *goal, *score;  // the objective; the output, or a parameter of its distribution
  Graph *graph;        // NULL once the slopes are known
  int slope[PROBES];   // 1: the line wants the output larger, -1: smaller, 0: it cannot be told
  struct Judgement *next;
} Judgement;

// ---- factors

static bool moves(const Ast *step, const char *name) {
  for (const Ast *o = step->b; o; o = o->next)
    if (!strcmp(o->name, name)) return true;
  return false;
}

// Lines of the phase that the present one is of.
static int lines_that_move(const Elab *e, const char *name) {
  int n = 0;
  for (int i = 0; i < e->model->lines; i++) n += e->phase_of[i] == e->phase_of[e->line] && moves(e->step[i], name);
  return n;
}

// The number that multiplies the whole objective, as the text has it; 1 if there is none.
static double factor_of(const Terms *t) {
  double factor = t && t->n ? fabs(t->of[0].lo) : 1;
  for (int i = 0; t && i < t->n; i++)
    if (t->of[i].lo != t->of[i].hi || fabs(t->of[i].lo) != factor) return 1;
  return factor;
}

// Does another line move something of this one's by an optimiser that they share? Then a factor says how much this
// line weighs in it.
static bool weighs(const Elab *e, const Ast *step) {
  const char *own = shared_optimizer(e, step->c);
  for (int i = 0; i < e->model->lines && own; i++) {
    const char *other = e->step[i] == step ? NULL : shared_optimizer(e, e->step[i]->c);
    if (!other || strcmp(own, other) != 0) continue;
    for (const Ast *o = step->b; o; o = o->next)
      if (moves(e->step[i], o->name)) return true;
  }
  return false;
}

void judge_factor(Elab *e, const Ast *step, Value objective, int n, const int *tensor, Node *const *gradient) {
  double factor = factor_of(objective.terms);
  const Ast *shared = step->b;
  while (shared && lines_that_move(e, shared->name) < 2) shared = shared->next;
  if (factor == 1 || !shared || weighs(e, step) || diagnostics_errors(e->sources)) return;
  e->graph->tensor = e->model->tensor;
  e->graph->tensors = e->tensors;
  if (!graph_scale_free(e->graph, n, gradient, tensor, e->assigns, e->assign)) return;
  if (!warn_once(e, W0765, step->c->span, factor, step->name, expression_text(e, step->c), shared->name)) return;
  report_note(e->sources, user_span(e, objective.span), "the factor %g", factor);
  report_help(
      e->sources, "%s",
      "the rate is what weighs this line against the others; or let them share an optimizer: let d = adam(...)");
}

// ---- who made what

static const char *owner_of(const Elab *e, const Node *n) {
  for (int t = 0; t < e->current_room && t < e->tensors; t++)
    if (e->current[t] == n) return e->model->tensor[t].owner;
  return NULL;
}

const char *hangs_on(Elab *e, int n, Node *const *value, const char *judge) {
  int last = 0;
  for (int i = 0; i < n; i++) last = value[i]->id > last ? value[i]->id : last;
  Arena *scratch = arena_open(e->arena);
  bool *needed = NEW_ARRAY(scratch, bool, last + 1);
  for (int i = 0; i < n; i++) needed[value[i]->id] = true;
  const char *maker = NULL;
  for (int id = last; id >= 0 && !maker; id--) {
    const Node *node = e->graph->node[id];
    if (!needed[id]) continue;
    const char *owner = node->op == OP_WEIGHT || node->op == OP_STOP ? owner_of(e, node) : NULL;
    if (owner && strcmp(owner, judge) != 0) maker = owner;
    for (int i = 0; i < node->arity && !owner; i++) needed[node->in[i]->id] = true;
  }
  arena_close(scratch);
  return maker;
}

static void add_judgement(Elab *e, Judgement j, Node *score) {
  Judgement *kept = NEW(e->arena, Judgement);
  *kept = j;
  kept->score = score;
  kept->graph = e->graph;
  kept->next = e->judged;
  e->judged = kept;
}

static void judge_output(Elab *e, Judgement j, const Value *out) {
  if (out->kind == V_TENSOR) add_judgement(e, j, out->node);
  for (int i = 0; out->kind == V_DIST && i < out->dist->params; i++)
    if (out->dist->param[i].kind == V_TENSOR) add_judgement(e, j, out->dist->param[i].node);
}

void judge_line(Elab *e, const Ast *step, Value objective) {
  for (const Application *a = e->applications; a; a = a->next) {
    const char *name = a->net->name;
    if (a->net->around || !moves(step, name) || lines_that_move(e, name) < 2 || a->result.kind == V_ERROR) continue;
    Judgement j = {.line = e->line, .step = step, .judge = name, .goal = objective.node};
    j.maker = hangs_on(e, ast_length(a->net->ast->b), a->argument, name);
    bool list = a->result.kind == V_LIST;
    for (j.output = 0; j.output < (list ? a->result.items : 1); j.output++)
      judge_output(e, j, list ? &a->result.item[j.output] : &a->result);
  }
}

// ---- what they ask for

static void probe_slopes(Elab *e, const Ast *step, Node *goal, Node *score, int *wanted) {
  Node *slope = NULL;
  graph_gradient(e->graph, goal, 1, &score, &slope, NULL);
  for (int i = 0; slope && i < PROBES; i++) {
    double lo, hi;
    graph_range_at(e->graph, slope, score, probes[i], &lo, &hi);
    int up = lo > 0 ? 1 : hi < 0 ? -1 : 0;
    wanted[i] = step->flag ? -up : up;
  }
}

void judge_program(Elab *e) {
  for (Judgement *j = e->judged; j && j->graph; j = j->next) {
    probe_slopes(e, j->step, j->goal, j->score, j->slope);
    j->graph = NULL;
  }
}

int wanted_apart(Elab *e, const Ast *step, Node *goal, Node *first, Node *second) {
  int a[PROBES] = {0}, b[PROBES] = {0}, up = 0, down = 0;
  probe_slopes(e, step, goal, first, a);
  probe_slopes(e, step, goal, second, b);
  for (int i = 0; i < PROBES; i++) {
    up += a[i] > 0 && b[i] < 0;
    down += a[i] < 0 && b[i] > 0;
  }
  return up && !down ? 1 : down && !up ? -1 : 0;
}

// Of the values at which both lines are sure: -1 if they want the opposite at one, 1 if always the same; 0 if there is
// none.
static int compare(const Judgement *a, const Judgement *b) {
  int same = 0, opposite = 0;
  for (int i = 0; i < PROBES; i++) {
    same += a->slope[i] * b->slope[i] > 0;
    opposite += a->slope[i] * b->slope[i] < 0;
  }
  return opposite ? -1 : same ? 1 : 0;
}

// Does the line say of another's work what a line that moves the judge says of data?
static bool calls_it_real(const Elab *e, const Judgement *made) {
  for (const Judgement *j = e->judged; j; j = j->next)
    if (e->phase_of[j->line] == e->phase_of[made->line] && !j->maker && !strcmp(j->judge, made->judge) &&
        j->output == made->output && compare(j, made) > 0)
      return true;
  return false;
}

static void warn_unfrozen(Elab *e, const Judgement *a, const Judgement *b) {
  const Ast *own = b->step->b;
  while (strcmp(own->name, b->judge) != 0) own = own->next;
  Text rest = text_new(e->arena);
  for (const Ast *o = b->step->b; o; o = o->next)
    if (o != own) text_add(&rest, "%s%s", rest.length ? ", " : "", o->name);
  if (warn_once(e, W0766, own->span, b->step->name, b->judge, b->maker, a->step->name, b->judge))
    report_help(e->sources, "over %s", rest.length ? rest.data : b->maker);
}

void judge_round(Elab *e) {
  for (const Judgement *b = e->judged; b; b = b->next)
    for (const Judgement *a = e->judged; a && b->maker; a = a->next) {
      bool met = a->line != b->line && e->phase_of[a->line] == e->phase_of[b->line] && a->maker &&
                 !strcmp(a->judge, b->judge) && !strcmp(a->maker, b->maker) && a->output == b->output;
      if (met && compare(a, b) < 0 && calls_it_real(e, b)) warn_unfrozen(e, a, b);
    }
}
