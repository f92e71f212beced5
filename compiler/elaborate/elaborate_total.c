// Sums over all examples of a split, and what conditions measure. Part of the elaborator.
//
// A text that holds total(e) is evaluated for two programs. In the first, which runs on batches, e is a further output,
// which the training loop adds up over the split; in the second, which runs once, total(e) is the sum that it is fed.
// gathered(e, n) is in the same way e of the first n examples.
// Invariant: both evaluations meet the same totals in the same order.
#include "elaborate/elaborate.h"

#include <float.h>
#include <math.h>
#include <string.h>

// ---- outputs of a program that are still being found

void add_output(Elab *e, Outputs *to, Output output) {
  GROW(e->arena, to->of, to->n, &to->room);
  to->of[to->n++] = output;
}

// ---- total(e)

// The sum that a program is fed.
static Node *sum_node(Elab *e, InputKind kind, int index, Shape shape, double lo, double hi) {
  static const char *const name[] = {[INPUT_TOTAL] = "total", [INPUT_REST] = "rest"};
  Graph *g = e->graph;
  for (int i = 0; i < g->inputs; i++)
    if (g->input[i].kind == kind && g->input[i].index == index) return node_input(g, i);
  InputInfo *grown = NEW_ARRAY(e->arena, InputInfo, g->inputs + 1 + most_inputs(e));
  if (g->inputs) memcpy(grown, g->input, (size_t)g->inputs * sizeof *grown);
  g->input = grown;
  g->input[g->inputs] = (InputInfo){kind, index, name[kind], shape, lo, hi, 0};
  return node_input(g, g->inputs++);
}

// Sums are over the examples of the first set of data; false after reporting that v is of another.
static bool is_of_first_set(Elab *e, Value v, const char *what, Span where) {
  int set = graph_set(e->graph, v.node);
  if (!set) return true;
  complain(e, E0686, where, what, e->column[e->set[set].first].name);
  return false;
}

// The output of the first program that v is, a further one if there is none yet.
static int total_output(Elab *e, Value v, int64_t gathered, const char *name) {
  Outputs *all = e->totals->outputs;
  bool per_example = v.plates & PLATE_BATCH;
  for (int i = 0; i < all->n; i++)
    if (all->of[i].total && all->of[i].value == v.node && all->of[i].per_example == per_example &&
        all->of[i].gathered == gathered)
      return i;
  add_output(e, all,
             (Output){.name = name, .value = v.node, .per_example = per_example, .total = true, .gathered = gathered});
  return all->n - 1;
}

static void add_sum(Elab *e, int output, Shape shape, double lo, double hi) {
  Totals *t = e->totals;
  GROW(e->arena, t->sum, t->n, &t->room);
  t->sum[t->n++] = (Sum){output, shape, lo, hi, false};
}

// v is a value of each example; false after reporting that it is not its own.
bool is_own(Elab *e, Value v, const char *what, Span where) {
  if (!graph_coupled(e->graph, v.node, e->plate[0])) return true;
  complain(e, E0533, where, what);
  return false;
}

static Value sum_value(Elab *e, const Sum *s, InputKind kind) {
  Value v = value_tensor(sum_node(e, kind, s->output, s->shape, s->lo, s->hi), 0);
  if (s->spoken) note_spoken(e, &v);
  return v;
}

Value total_first(Elab *e, Value v, const char *name) {
  Outputs *all = e->totals->outputs;
  int output = 0;
  while (output < all->n && (all->of[output].value != v.node || !all->of[output].summed)) output++;
  if (output == all->n) add_output(e, all, (Output){.name = name, .value = v.node, .total = true, .summed = true});
  double lo = v.node->lo >= 0 ? 0 : -INFINITY, hi = v.node->hi <= 0 ? 0 : INFINITY;
  add_sum(e, output, v.node->shape, lo, hi);
  Value sum = sum_value(e, &e->totals->sum[e->totals->n - 1], INPUT_TOTAL);
  sum.plates = v.plates;
  return sum;
}

Value total_fed(Elab *e, int output, bool rest) {
  return value_tensor(sum_node(e, rest ? INPUT_REST : INPUT_TOTAL, output, (Shape){0}, -INFINITY, INFINITY), 0);
}

Value value_gathered(Elab *e, int output, const Output *o) {
  Shape s = o->value->shape;
  s.dim[0] = o->gathered;
  return value_tensor(sum_node(e, INPUT_TOTAL, output, s, o->value->lo, o->value->hi), 0);
}

Value total_next(Elab *e, unsigned plates) {
  Totals *t = e->totals;
  if (t->next == t->n) return value_error();
  Value sum = sum_value(e, &t->sum[t->next++], INPUT_TOTAL);
  sum.plates = plates;
  return sum;
}

// Of how many examples a call gathers; 0: it adds up; -1 after reporting.
static int64_t gathered_count(Elab *e, Scope *scope, const Ast *call) {
  bool gathers = !strcmp(call->a->name, "gathered");
  const Ast *arg = call->b, *count = gathers && arg ? arg->next : NULL;
  int wanted = gathers ? 2 : 1, given = ast_length(arg);
  const Ast *named = arg && arg->name ? arg : count && count->name ? count : NULL;
  if (named) return complain(e, E0223, named->span, call->a->name, named->name), -1;
  if (given != wanted || call->c) {
    complain(e, E0231, call->span, call->a->name, arguments_text(e, wanted, wanted), given);
    return -1;
  }
  if (!gathers) return 0;
  double n = eval_number(e, scope, count->a, "n");
  if (isnan(n)) return -1;
  if (n >= 1 && n <= MAX_BATCH && floor(n) == n) return (int64_t)n;
  complain(e, E0313, count->a->span, arena_format(e->arena, "%g", n), 1.0, (double)MAX_BATCH);
  return -1;
}

// What the first program's output is, in the second.
static void add_told(Elab *e, Value v, int64_t gathered, const char *name) {
  Shape s = event_shape(&v);
  double lo = v.node->lo, hi = v.node->hi;
  if (gathered) {
    s.rank++;
    memmove(s.dim + 1, s.dim, (size_t)(s.rank - 1) * sizeof *s.dim);
    s.dim[0] = gathered;
  } else {
    lo = lo >= 0 ? 0 : -INFINITY, hi = hi <= 0 ? 0 : INFINITY;
  }
  add_sum(e, total_output(e, v, gathered, name), s, lo, hi);
  e->totals->sum[e->totals->n - 1].spoken = was_spoken(e, &v);
}

bool hangs_on_sum(Elab *e, Value v, const Ast *call, const char *form) {
  Graph *g = e->graph;
  bool found = false;
  for (int i = 0; i < g->inputs && !found; i++)
    found = g->input[i].kind == INPUT_TOTAL && graph_depends(g, v.node, node_input(g, i));
  if (found) complain(e, E0532, call->span, form, "to what each example says by itself: e hangs on no other sum");
  return found;
}

// total(e) and gathered(e, n).
static Value eval_total(Elab *e, Scope *scope, const Ast *call) {
  Totals *t = e->totals;
  bool here = t && !t->inside && !e->build && (e->plates == PLATE_BATCH || e->started);
  int64_t gathered = gathered_count(e, scope, call);
  if (gathered < 0) return value_error();
  if (!here) {
    complain(e, E0532, call->span, gathered ? "gathered(e, n)" : "total(e)",
             "in a metric, outside of aggregates, loops and other totals");
    return value_error();
  }
  if (t->after) return t->next < t->n ? sum_value(e, &t->sum[t->next++], INPUT_TOTAL) : value_error();
  t->inside = true;
  Value v = to_tensor(e, eval(e, scope, call->b->a));
  t->inside = false;
  const char *what = expression_text(e, call->b->a);
  Span where = call->b->a->span;
  if (v.kind == V_ERROR) return v;
  if (hangs_on_sum(e, v, call, gathered ? "gathered(e, n)" : "total(e)")) return value_error();
  if (!is_own(e, v, what, where) || !is_of_first_set(e, v, what, where)) return value_error();
  if (gathered && event_shape(&v).rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), value_error();
  add_told(e, v, gathered, expression_text(e, call));
  return sum_value(e, &t->sum[t->n - 1], INPUT_TOTAL);
}

// A value made of sums: nothing of single examples is beside them.
bool is_of_sums(Elab *e, Value v, Span where) {
  if (!v.plates && !graph_coupled(e->graph, v.node, e->plate[0])) return true;
  complain(e, E0325, where);
  report_help(e->sources, "%s",
              "what stands beside total(...) is one number too: of the examples, only sums are known there");
  return false;
}

// ---- what conditions measure

// A measure that is taken on all training data at the end of every epoch.
typedef struct Wanted {
  Decl *decl;
  Span where;
  bool best, minus, least;  // its best value is asked for; that of its negative; and it is the smallest
  bool sums;                // it is made of totals of its own
  Ast *worst;               // a number: what any value is better than
  struct Wanted *next;
} Wanted;

typedef struct Asked {
  const char *path;  // of the tensors
  bool open;         // they are being evaluated
  Wanted *wanted;
} Asked;

static int kept_from(Elab *e, const char *what, const char *of, Span where, const Ast *start) {
  const char *path = arena_format(e->arena, "%s/%s%s%s", e->asked->path, what, *of ? "/" : "", of);
  return tensor_declare(e, path, "train", TENSOR_SLOT, (Shape){0}, where,
                        (TensorStart){.init = start, .scope = e->global});
}

static int kept(Elab *e, const char *what, const char *of, Span where) { return kept_from(e, what, of, where, NULL); }

static Value kept_value(Elab *e, const char *what, const char *of, Span where) {
  return value_tensor(tensor_value(e, kept(e, what, of, where)), 0);
}

static void keep_value(Elab *e, const char *what, const char *of, Span where, Value v) {
  tensor_assign(e, kept(e, what, of, where), v.node);
}

static Value choose(Elab *e, Span where, Value c, Value a, Value b) {
  return to_tensor(e, apply(e, OP_SELECT, where, 3, (Value[]){c, a, b}));
}

// What stands in the brackets of recent(m), change(m), best(m); NULL after reporting.
static Decl *measure_named(Elab *e, const Ast *call, bool *minus) {
  const char *word = call->a->name;
  const Ast *m = call->b && !call->b->next && !call->c && !call->b->name ? call->b->a : NULL;
  *minus = m && m->kind == AST_UNARY && m->text[0] == '-' && !strcmp(word, "best");
  if (*minus) m = m->a;
  if (!m || m->kind != AST_NAME) return complain(e, E0534, call->span, word), NULL;
  Decl *d = find_measured(e, m->name);
  bool objective = d && d->ast->kind == AST_OBJECTIVE;
  if (!objective && !(d && d->ast->kind == AST_METRIC)) return complain(e, E0206, m->span, "measure", m->name), NULL;
  if (*minus && objective) return complain(e, E0534, call->span, word), NULL;
  if (d->ast->a && !objective && d->ast->a->number > 1) {
    complain(e, E0768, m->span, m->name, (long long)d->ast->a->number, expression_text(e, call));
    return NULL;
  }
  return d;
}

// The running mean over the batches. It begins as the first one's, whatever the tensor has been.
static Value recent_value(Elab *e, Decl *d, Span where) {
  const char *name = d->ast->name;
  int t = kept(e, "recent", name, where);
  for (int i = 0; i < e->assigns; i++)
    if (e->assign[i].target->attr.id == t) return value_tensor(tensor_value(e, t), 0);
  Value m = measure_value(e, d, where);
  if (m.kind == V_ERROR) return m;
  m = batch_average(e, m, where);
  Value old = apply2(e, OP_MUL, where, kept_value(e, "recent", name, where), value_number(0.9));
  Value mixed = apply2(e, OP_ADD, where, old, apply2(e, OP_MUL, where, m, value_number(0.1)));
  keep_value(e, "recent", name, where, choose(e, where, kept_value(e, "begun", "", where), mixed, m));
  finding(e, "line", where, "recent(%s): before each step 0.9 of what it was, and 0.1 of %s on the step's batch", name,
          name);
  return value_tensor(tensor_value(e, t), 0);
}

static Wanted *want(Elab *e, Decl *d, bool best, bool minus, Span where) {
  for (Wanted *w = e->asked->wanted; w; w = w->next)
    if (w->decl == d && w->best == best && w->minus == minus) return w;
  Wanted *w = NEW(e->arena, Wanted);
  *w = (Wanted){.decl = d, .where = where, .best = best, .minus = minus, .next = e->asked->wanted};
  return e->asked->wanted = w;
}

static const char *best_name(const Wanted *w) { return w->minus ? "best_minus" : "best"; }

static void set_direction(Wanted *w, bool least) {
  w->least = least;
  w->worst->number = least ? (double)FLT_MAX : -(double)FLT_MAX;
}

// It begins as what anything is better than: of a metric that is known once it has been evaluated (sum_up).
static Value best_value(Elab *e, Decl *d, bool minus, Span where) {
  Wanted *w = want(e, d, true, minus, where);
  if (!w->worst) {
    w->worst = NEW(e->arena, Ast);
    *w->worst = (Ast){.kind = AST_NUMBER, .span = where};
    set_direction(w, d->ast->kind == AST_METRIC || minimizes(d));
  }
  return value_tensor(tensor_value(e, kept_from(e, best_name(w), d->ast->name, where, w->worst)), 0);
}

// Infinite until there are two epochs to compare.
static Value change_value(Elab *e, Decl *d, Span where) {
  want(e, d, false, false, where);
  Value v = kept_value(e, "change", d->ast->name, where);
  Value before = apply2(e, OP_LESS, where, kept_value(e, "passes", "", where), value_number(2));
  return choose(e, where, before, value_number(INFINITY), v);
}

static const char *const measure_words[] = {"recent", "change", "best", "total", "gathered"};
enum { MEASURE_WORDS = sizeof measure_words / sizeof *measure_words };

bool is_measure_word(const char *name) { return name_in(name, MEASURE_WORDS, measure_words); }

bool mentions_measure_word(const Ast *ast) {
  for (int i = 0; i < MEASURE_WORDS; i++)
    if (mentions(ast, measure_words[i])) return true;
  return false;
}

Value eval_measure_word(Elab *e, Scope *scope, const Ast *call) {
  bool minus;
  const char *word = call->a->name;
  if (!strcmp(word, "total") || !strcmp(word, "gathered")) return eval_total(e, scope, call);
  if (!e->asked || !e->asked->open) {
    complain(e, E0532, call->span, arena_format(e->arena, "%s(m)", word),
             "in a condition: `when c { ... }`, `until c`");
    return value_error();
  }
  Decl *d = measure_named(e, call, &minus);
  if (!d) return value_error();
  if (!strcmp(word, "recent")) return recent_value(e, d, call->span);
  return !strcmp(word, "best") ? best_value(e, d, minus, call->span) : change_value(e, d, call->span);
}

void begin_asking(Elab *e, int phase) {
  e->asked = NEW(e->arena, Asked);
  e->asked->open = true;
  e->asked->path = phase ? arena_format(e->arena, "train_%d", phase + 1) : "train";
}

void end_asking(Elab *e, Span where) {
  const char *path = arena_format(e->arena, "%s/begun", e->asked->path);
  e->asked->open = false;
  if (tensor_find(e, path) >= 0) keep_value(e, "begun", "", where, to_tensor(e, value_number(1)));
}

// ---- the pass at the end of an epoch

// The outputs that a measure is made of, in the first program: its own totals, if it has any; else its sum, and how
// many examples there are.
static bool sum_up(Elab *e, Wanted *w) {
  Span where = w->where;
  int before = e->totals->n;
  Value v = measure_value(e, w->decl, where), one = to_tensor(e, value_number(1));
  if (v.kind == V_ERROR) return false;
  Claim c = claim_about(e, v);
  if (w->best && w->decl->ast->kind == AST_METRIC && better_by(&c)) set_direction(w, (better_by(&c) < 0) != w->minus);
  w->sums = e->totals->n > before;
  if (w->sums) return true;
  if (!is_own(e, v, w->decl->ast->name, where) || !is_of_first_set(e, v, w->decl->ast->name, where)) return false;
  add_sum(e, total_output(e, v, 0, w->decl->ast->name), (Shape){0}, -INFINITY, INFINITY);
  add_sum(e, total_output(e, one, 0, "1"), (Shape){0}, 1, INFINITY);
  return true;
}

// Between two sums in double precision, of which each was fed in two parts.
static Value change_of(Elab *e, Span where, const char *name, Value sum, Value rest) {
  Value whole = apply2(e, OP_SUB, where, sum, kept_value(e, "sum", name, where));
  Value part = apply2(e, OP_SUB, where, rest, kept_value(e, "rest", name, where));
  keep_value(e, "sum", name, where, sum);
  keep_value(e, "rest", name, where, rest);
  return apply1(e, OP_ABS, where, apply2(e, OP_ADD, where, whole, part));
}

// The measure, and what is kept of it, in the second program.
static bool keep_measure(Elab *e, const Wanted *w) {
  Totals *t = e->totals;
  Span where = w->where;
  const char *name = w->decl->ast->name;
  Value sum, count = value_number(1), rest = to_tensor(e, value_number(0));
  if (w->sums) {
    sum = measure_value(e, w->decl, where);
    if (sum.kind == V_ERROR || !is_of_sums(e, sum, where)) return false;
  } else {
    sum = sum_value(e, &t->sum[t->next], INPUT_TOTAL);
    rest = sum_value(e, &t->sum[t->next], INPUT_REST);
    count = sum_value(e, &t->sum[t->next + 1], INPUT_TOTAL);
    t->next += 2;
  }
  if (!w->best) {
    Value change = apply2(e, OP_DIV, where, change_of(e, where, name, sum, rest), count);
    keep_value(e, "change", name, where, change);
    return true;
  }
  Value m = apply2(e, OP_DIV, where, sum, count);
  if (w->minus) m = apply1(e, OP_NEG, where, m);
  Value before = kept_value(e, best_name(w), name, where);
  keep_value(e, best_name(w), name, where, apply2(e, w->least ? OP_MIN : OP_MAX, where, before, m));
  return true;
}

PlanTurn elaborate_pass(Elab *e, const Ast *phase, int64_t batch) {
  Outputs out = {0};
  Totals totals = {.outputs = &out};
  PlanTurn turn = {.every = EACH_EPOCH};
  bool good = true;
  if (!e->asked->wanted) return turn;
  e->totals = &totals;
  begin_program(e, batch, false);
  for (Wanted *w = e->asked->wanted; w; w = w->next) good = sum_up(e, w) && good;
  if (good) {
    turn.program = end_program(e, phase_name(e, "pass"), batch, out.of, out.n);
    totals.after = true;
    begin_program(e, batch, false);
    for (const Wanted *w = e->asked->wanted; w; w = w->next) good = keep_measure(e, w) && good;
    Value passes = kept_value(e, "passes", "", phase->span);
    keep_value(e, "passes", "", phase->span, apply2(e, OP_ADD, phase->span, passes, value_number(1)));
    turn.after = end_program(e, phase_name(e, "after the pass"), batch, NULL, 0);
  }
  for (const Wanted *w = e->asked->wanted; w && good; w = w->next)
    finding(e, "line", phase->span, "%s(%s%s): measured on all training data at the end of every epoch",
            w->best ? "best" : "change", w->minus ? "-" : "", w->decl->ast->name);
  e->totals = NULL;
  return turn;
}
