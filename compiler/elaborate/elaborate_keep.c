// What a run keeps beside its last weights: the best epoch's, by a measure of the held-out data, and the best of
// several starts. Part of the elaborator; the test program is there already.
#include <string.h>

#include "elaborate/elaborate.h"

static MeasurePlace find_measure_in(const Elab *e, const char *name, PlanSeldom in) {
  int list[] = {in.program, in.after ? in.after : -1};
  MeasurePlace at = {.every = in.every};
  for (int k = 0; k < 2 && in.program >= 0 && list[k] >= 0; k++) {
    at.program = &e->model->program[list[k]].graph;
    at.test = &e->model->program[in.program].graph;
    for (int i = 0; i < at.program->outputs; i++) {
      at.output = &at.program->output[i];
      if (!at.output->total && !strcmp(at.output->name, name)) return at;
    }
  }
  return (MeasurePlace){0};
}

MeasurePlace find_measure(const Elab *e, const char *name) {
  const Model *m = e->model;
  MeasurePlace at = find_measure_in(e, name, (PlanSeldom){1, m->test, m->test_after});
  for (int i = 0; i < m->seldoms && !at.output; i++) at = find_measure_in(e, name, m->seldom[i]);
  return at;
}

const Ast *line_of(const Elab *e, const char *name) {
  for (int i = 0; i < e->model->lines; i++)
    if (!strcmp(e->model->objective[i], name)) return e->step[i];
  return NULL;
}

// `best(m)`, `best(-m)`: the name of the measure; NULL after reporting. *minus: the sign stands there.
static const Ast *kept_by(Elab *e, const Ast *call, bool *minus) {
  const Ast *by = call->kind == AST_CALL && !call->c ? call->b : NULL;
  if (by && !by->next && !by->name && call->a->kind == AST_NAME && !strcmp(call->a->name, "best")) {
    by = by->kind == AST_ARGUMENT ? by->a : by;
    *minus = by->kind == AST_UNARY && by->text[0] == '-';
    if (*minus) by = by->a;
    if (by->kind == AST_NAME) return by;
  }
  complain(e, E0544, call->span);
  return NULL;
}

// What of a measure's text grows with the steps: a let, or the word itself.
static const char *growing(const Elab *e, const Ast *body, const char *word) {
  for (int i = 0; i < e->decls; i++) {
    const Decl *d = e->decl[i];
    if (d->ast->kind == AST_LET && mentions(body, d->name) && mentions(d->ast->a, word)) return d->name;
  }
  return word;
}

// What a value depends on that grows with the steps, or NULL; also through the sums that its program is fed.
static const InputInfo *grows_by(Graph *g, const Node *value, const GraphProgram *test) {
  for (int i = 0; i < g->inputs; i++) {
    const InputInfo *in = &g->input[i];
    if (!graph_depends(g, value, node_input(g, i))) continue;
    if (in->kind == INPUT_STEP || in->kind == INPUT_EPOCH) return in;
    if (in->kind == INPUT_TOTAL && g != test->graph) in = grows_by(test->graph, test->output[in->index].value, test);
    if (in != &g->input[i] && in) return in;
  }
  return NULL;
}

// Of an objective as its line says; of a metric as what it is to the log density of the data says, whatever the sign, and
// else the smallest, or the largest of what has a sign.
static bool largest_is_best(const Elab *e, const Ast *by, const Ast *line, bool minus) {
  int better = line ? 0 : find_measured(e, by->name)->better;
  return line ? !line->flag : better ? better > 0 : minus;
}

// A measure that hangs on the step or the epoch has its best where its schedule says.
static bool is_eased(Elab *e, const MeasurePlace *at, const Ast *by, const Ast *line) {
  const Decl *d = find_decl(e, line ? line->name : arena_format(e->arena, "metric %s", by->name));
  const InputInfo *by_what = grows_by(at->program->graph, at->output->value, at->test);
  if (!by_what) return false;
  const char *what = d ? growing(e, d->ast->c, by_what->name) : by_what->name;
  complain(e, E0767, by->span, by->name, what);
  report_help(e->sources, "keep by a metric without `%s`", what);
  return true;
}

static void keep_best(Elab *e, const Ast *by_what) {
  bool minus = false;
  const Ast *by = kept_by(e, by_what, &minus), *line = by ? line_of(e, by->name) : NULL;
  if (!by) return;
  MeasurePlace at = find_measure(e, by->name);
  if (e->model->test < 0)
    complain(e, E0545, by_what->span, by->name);
  else if (!at.output)
    complain(e, E0206, by->span, "measure", by->name);
  else if (line && minus)
    complain(e, E0546, by->span, by->name, line->flag ? "minimized" : "maximized", line->flag ? "smallest" : "largest");
  else if (!is_eased(e, &at, by, line))
    e->model->keep.measure = at.output->name, e->model->keep.largest = largest_is_best(e, by, line, minus);
  if (!e->model->keep.measure) return;
  const char *seldom = arena_format(e->arena, ", of those that %lld divides", (long long)at.every);
  finding(e, "line", by_what->span, "keep best(%s): the weights of the epoch where %s is %s on the held-out data%s",
          by->name, by->name, e->model->keep.largest ? "largest" : "smallest", at.every > 1 ? seldom : "");
}

static void keep_epochs(Elab *e, const Ast *every) {
  int64_t n = (int64_t)whole_number(e, every, "keep every", 0, 1, 1e9);
  e->model->keep.every = n;
  finding(e, "line", every->span, "keep every %lld: the weights after each epoch that %lld divides", (long long)n,
          (long long)n);
}

void elaborate_keep(Elab *e) {
  const Ast *keep = phase_setting(e->train, "keep"), *every = phase_setting(e->train, "keep every");
  const Ast *restarts = phase_setting(e->train, "restarts");
  if (keep) keep_best(e, keep);
  if (every) keep_epochs(e, every);
  if (!restarts) return;
  e->model->restarts = (int)whole_number(e, restarts, "restarts", 1, 1, MAX_RESTARTS);
  if (!keep) complain(e, E0547, restarts->span);
  if (every) complain(e, E0548, every->span);
  finding(e, "line", restarts->span, "restarts %d: as many runs, from starts and draws of their own; the best is kept",
          e->model->restarts);
}
