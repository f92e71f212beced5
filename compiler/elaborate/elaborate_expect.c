// What a run is expected to measure: `expect nll <= 86 after 400 epochs`. Part of the elaborator; the test programs are
// there already.
#include <math.h>
#include <string.h>

#include "elaborate/elaborate.h"

// The epochs that the text itself asks for, whatever the command line says; 0: as many as it takes.
static int64_t written_epochs(const Model *m) {
  int64_t all = 0;
  for (int i = 0; i < m->phases; i++) {
    if (!m->phase[i].epochs) return 0;
    all += m->phase[i].epochs;
  }
  return all;
}

// The epoch to be measured after; 0: the last. False after reporting.
static bool expected_epoch(Elab *e, const Ast *expect, const MeasurePlace *at, int64_t *epoch) {
  const char *name = expect->a->a->name;
  int64_t last = written_epochs(e->model);
  *epoch = expect->b ? (int64_t)whole_number(e, expect->b, "after", 0, 1, 1e9) : 0;
  if (!expect->b) return true;
  if (!*epoch) return false;
  if (last && *epoch > last)
    return complain(e, E0550, expect->b->span, (long long)last, name, (long long)*epoch), false;
  if (*epoch % at->every && *epoch != last)
    return complain(e, E0551, expect->b->span, name, (long long)at->every, (long long)*epoch), false;
  return true;
}

static bool is_expectation(const Ast *what) {
  bool compares = what->kind == AST_BINARY && (!strcmp(what->text, "<=") || !strcmp(what->text, ">="));
  return compares && what->a->kind == AST_NAME;
}

static void elaborate_expectation(Elab *e, const Ast *expect, PlanExpect *into) {
  const Ast *what = expect->a, *name = what->a;
  if (!is_expectation(what)) {
    complain(e, E0549, what->span);
    return;
  }
  double bound = eval_number(e, e->global, what->b, "what is expected");
  MeasurePlace at = find_measure(e, name->name);
  if (isnan(bound)) return;
  if (!isfinite(bound))
    complain(e, E0549, what->span);
  else if (e->model->test < 0)
    complain(e, E0545, name->span, name->name);
  else if (!at.output)
    complain(e, E0206, name->span, "measure", name->name);
  else if (expected_epoch(e, expect, &at, &into->epoch))
    into->measure = at.output->name, into->at_least = what->text[0] == '>', into->bound = bound;
  if (into->measure)
    finding(e, "measure", expect->span, "expected: %s", expression_text(e, expect) + strlen("expect "));
}

// What the command line makes of the model that its text does not say: a param, a prior, other data; or NULL.
static const char *said_otherwise(Elab *e) {
  const Overrides *o = e->overrides;
  for (int i = 0; i < o->params; i++) {
    const Decl *d = find_decl(e, o->param[i].name);
    if (!d || d->ast->kind != AST_PARAM) continue;
    Value written = eval(e, e->global, d->ast->a);
    Value now = eval(e, e->global, &(Ast){.kind = AST_NAME, .name = d->name, .span = d->ast->span});
    bool text = written.kind == V_TEXT && now.kind == V_TEXT && !strcmp(written.text, now.text);
    bool number = written.kind == V_NUMBER && now.kind == V_NUMBER && written.number == now.number;
    if (!text && !number)
      return arena_format(e->arena, "%s = %s", o->param[i].name, o->param[i].text);
  }
  if (o->priors) return o->prior[0].text;
  return o->data ? arena_format(e->arena, "data from %s", o->data->text) : NULL;
}

void elaborate_expectations(Elab *e) {
  Model *m = e->model;
  m->expect = NEW_ARRAY(e->arena, PlanExpect, e->decls + 1);
  for (int i = 0; i < e->decls; i++)
    if (e->decl[i]->ast->kind == AST_EXPECT) elaborate_expectation(e, e->decl[i]->ast, &m->expect[m->expects++]);
  const char *instead = m->expects ? said_otherwise(e) : NULL;
  for (int i = 0; i < m->expects; i++) m->expect[i].instead = instead;
}
