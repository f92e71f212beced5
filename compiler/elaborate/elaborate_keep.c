// What a run keeps beside its last weights: the best epoch's, by a measure of the held-out data, and the best of
// several starts. Part of the elaborator; the test program is there already.
#include <string.h>

#include "elaborate/elaborate.h"

// *program: the one that measures it.
static const Output *find_measure(const Elab *e, const char *name, const GraphProgram **program) {
  const Model *m = e->model;
  int list[] = {m->test, m->test_after ? m->test_after : -1};
  for (int k = 0; k < 2; k++) {
    if (list[k] < 0) continue;
    *program = &m->program[list[k]].graph;
    for (int i = 0; i < (*program)->outputs; i++)
      if (!(*program)->output[i].total && !strcmp((*program)->output[i].name, name)) return &(*program)->output[i];
  }
  return NULL;
}

// The line whose objective is measured under this name, or NULL: it is a metric.
static const Ast *line_of(const Elab *e, const char *name) {
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
static const InputInfo *grows_by(const Elab *e, Graph *g, const Node *value) {
  const GraphProgram *test = &e->model->program[e->model->test].graph;
  for (int i = 0; i < g->inputs; i++) {
    const InputInfo *in = &g->input[i];
    if (!graph_depends(g, value, node_input(g, i))) continue;
    if (in->kind == INPUT_STEP || in->kind == INPUT_EPOCH) return in;
    if (in->kind == INPUT_TOTAL && g != test->graph) in = grows_by(e, test->graph, test->output[in->index].value);
    if (in != &g->input[i] && in) return in;
  }
  return NULL;
}

// A measure that hangs on the step or the epoch has its best where its schedule says.
static bool is_eased(Elab *e, Graph *g, const Output *measure, const Ast *by, const Ast *line) {
  const Decl *d = find_decl(e, line ? line->name : arena_format(e->arena, "metric %s", by->name));
  const InputInfo *by_what = grows_by(e, g, measure->value);
  if (!by_what) return false;
  const char *what = d ? growing(e, d->ast->c, by_what->name) : by_what->name;
  complain(e, E0767, by->span, by->name, what);
  report_help(e->sources, "keep by a metric without `%s`", what);
  return true;
}

static void keep_best(Elab *e, const Ast *by_what) {
  bool minus = false;
  const Ast *by = kept_by(e, by_what, &minus), *line = by ? line_of(e, by->name) : NULL;
  const GraphProgram *program = NULL;
  const Output *measure = by ? find_measure(e, by->name, &program) : NULL;
  if (!by) return;
  if (e->model->test < 0)
    complain(e, E0545, by_what->span);
  else if (!measure)
    complain(e, E0206, by->span, "measure", by->name);
  else if (line && minus)
    complain(e, E0546, by->span, by->name, line->flag ? "minimized" : "maximized", line->flag ? "smallest" : "largest");
  else if (!is_eased(e, program->graph, measure, by, line))
    e->model->keep.measure = measure->name, e->model->keep.largest = line ? !line->flag : minus;
  if (e->model->keep.measure)
    finding(e, "line", by_what->span, "keep best(%s): the weights of the epoch where %s is %s on the held-out data",
            by->name, by->name, e->model->keep.largest ? "largest" : "smallest");
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
