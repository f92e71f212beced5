// Networks as distributions: p(x | z), the outputs of one network given its inputs. Part of the elaborator.
//
// Networks of one name with different outputs are the factors of one model. Which of them a call means is told by the
// outputs that it names, and by what it is given.
#include "elaborate/elaborate.h"

#include <string.h>

// ---- which of the factors

const char *named_in(const Ast *arg) {
  if (arg->kind == AST_ARGUMENT && arg->name) return arg->name;
  const Ast *value = arg->kind == AST_ARGUMENT ? arg->a : arg;
  bool observed = value->kind == AST_CALL && value->a->kind == AST_NAME && !strcmp(value->a->name, "observed");
  if (observed && value->b) return named_in(value->b);
  return value->kind == AST_NAME ? value->name : NULL;
}

Decl *find_factor(Decl *d, const char *output) {
  while (d && place_of_name(d->ast->a, output) < 0) d = d->factor;
  return d;
}

bool takes_input(const Decl *d, const char *input) {
  for (; d; d = d->factor)
    if (place_of_name(d->ast->b, input) >= 0) return true;
  return false;
}

// Has the factor what the call names of the model?
static bool has_outputs(Decl *model, const Decl *f, const Ast *args) {
  for (const Ast *a = args; a; a = a->next) {
    const char *name = named_in(a);
    if (name && find_factor(model, name) && place_of_name(f->ast->a, name) < 0) return false;
  }
  return ast_length(args) <= ast_length(f->ast->a);
}

static bool has_inputs(const Decl *model, const Decl *f, const Ast *args) {
  for (const Ast *a = args; a; a = a->next) {
    const char *name = named_in(a);
    if (name && takes_input(model, name) && place_of_name(f->ast->b, name) < 0) return false;
  }
  return ast_length(args) == ast_length(f->ast->b);
}

// The one factor that the call fits; NULL after reporting.
static Decl *pick_factor(Elab *e, Decl *model, const Ast *call) {
  if (!model->factor) return model;
  bool bar = call->flag & 1;
  Decl *by_output = NULL, *by_both = NULL;
  int outputs = 0, both = 0;
  for (Decl *f = model; f; f = f->factor) {
    if (bar && !has_outputs(model, f, call->b)) continue;
    by_output = f, outputs++;
    if (!has_inputs(model, f, bar ? call->c : call->b)) continue;
    by_both = f, both++;
  }
  if (both == 1) return by_both;
  if (outputs == 1) return by_output;
  complain(e, E0717, call->span, model->name, expression_text(e, call));
  for (const Decl *f = model; f; f = f->factor)
    report_note(e->sources, f->ast->span, "this one makes `%s`", f->ast->a->name);
  report_help(e->sources, "name the output: %s(%s: value | ...)", model->name, model->ast->a->name);
  return NULL;
}

// ---- its inputs and outputs

static bool gather_inputs(Elab *e, const Decl *d, const Call *call, Value *input) {
  int wanted = ast_length(d->ast->b), position = 0;
  for (int i = 0; i < wanted; i++) input[i] = (Value){.kind = V_NONE};
  for (int i = 0; i < call->n; i++) {
    bool is_name = call->ast[i]->kind == AST_NAME;
    int k = call->name[i] ? place_of_name(d->ast->b, call->name[i])
            : is_name     ? place_of_name(d->ast->b, call->ast[i]->name)
                          : -1;
    if (call->name[i] && k < 0) return complain(e, E0223, call->arg[i].span, d->name, call->name[i]), false;
    if (k < 0) {
      while (position < wanted && input[position].kind != V_NONE) position++;
      k = position;
    }
    if (k >= wanted || input[k].kind != V_NONE) return complain(e, E0516, call->span, d->name, wanted, call->n), false;
    input[k] = call->arg[i];
  }
  for (int i = 0; i < wanted; i++)
    if (input[i].kind == V_NONE) return complain(e, E0518, call->span, d->name, name_at(d->ast->b, i)), false;
  return true;
}

// Which output each argument before the bar speaks of: that of its keyword or name, else the next. Others than these
// are left out, for they integrate to one.
static bool place_outputs(Elab *e, const Decl *d, const Ast *call, int *place) {
  const Ast *outputs = d->ast->a;
  bool taken[MAX_ARGS] = {0};
  int i = 0, next = 0;
  for (const Ast *a = call->b; a; a = a->next, i++) {
    const char *name = named_in(a);
    place[i] = name ? place_of_name(outputs, name) : -1;
    if (a->kind == AST_ARGUMENT && a->name && place[i] < 0)
      return unknown_keyword(e, d->name, outputs, a->span, a->name), false;
    while (place[i] < 0 && taken[next]) next++;
    if (place[i] < 0) place[i] = next;
    if (place[i] >= ast_length(outputs) || taken[place[i]]) {
      complain(e, E0519, call->span, d->name, ast_length(outputs), ast_length(call->b));
      return false;
    }
    taken[place[i]] = true;
  }
  return true;
}

Value value_in_call(Elab *e, Scope *scope, const Ast *arg, const char *of) {
  const Ast *value = arg->kind == AST_ARGUMENT ? arg->a : arg;
  bool column = scope->sees_data && value->kind == AST_NAME && find_column(e, value->name) >= 0;
  bool known = value->kind != AST_NAME || find_binding(scope, value->name) || column;
  return known || strcmp(value->name, of) ? eval(e, scope, value) : (Value){.kind = V_NONE};
}

Value with_point(Elab *e, Value dist, Value point) {
  Dist *copy = NEW(e->arena, Dist);
  *copy = *dist.dist;
  copy->has_point = point.kind != V_NONE;
  copy->point = point;
  copy->given = point.kind == V_OBSERVED && !point.text;
  dist.dist = copy;
  return dist;
}

// p(x | z): the distribution of x, at the point x if that name or expression has a value.
static Value at_point(Elab *e, Scope *scope, const Decl *d, Value out, const Ast *arg, int place) {
  if (out.kind != V_DIST) {
    const char *name = name_at(d->ast->a, place);
    complain(e, E0418, arg->span, d->name, name);
    report_help(e->sources, "write `%s` with `~` and a distribution to give it a density", name);
    return value_error();
  }
  Value point = value_in_call(e, scope, arg, name_at(d->ast->a, place));
  return point.kind == V_ERROR ? point : with_point(e, out, point);
}

Value apply_net(Elab *e, Scope *scope, Decl *d, const Ast *ast) {
  if (is_density_call(e, d, ast)) return joint_density(e, scope, d, ast);
  if (is_posterior(e, d, ast)) return posterior(e, scope, d, ast);
  d = pick_factor(e, d, ast);
  if (!d) return value_error();
  Call call = {.span = ast->span};
  Value input[MAX_ARGS] = {{0}};
  int place[MAX_ARGS];
  bool bar = ast->flag & 1, no_inputs = !d->ast->b;
  const Ast *outputs = bar || no_inputs ? ast->b : NULL;
  if (!eval_arguments(e, scope, bar ? ast->c : no_inputs ? NULL : ast->b, &call)) return value_error();
  if (ast_length(outputs) > MAX_ARGS) return complain(e, E0221, ast->span, MAX_ARGS), value_error();
  if ((outputs && !place_outputs(e, d, ast, place)) || !gather_inputs(e, d, &call, input)) return value_error();
  Value out = apply_net_values(e, d, ast_length(d->ast->b), input, ast->span);
  if (out.kind == V_ERROR || !outputs) return out;
  Value list = {.kind = V_LIST, .items = ast_length(outputs), .item = NEW_ARRAY(e->arena, Value, ast_length(outputs))};
  int i = 0;
  for (const Ast *at = outputs; at; at = at->next, i++) {
    Value one = out.kind == V_LIST ? out.item[place[i]] : out;
    list.item[i] = at_point(e, scope, d, one, at, place[i]);
    if (list.item[i].kind == V_ERROR) return value_error();
  }
  return list.items == 1 ? list.item[0] : list;
}

// ---- one output of several, by its name: D.f(x)

Decl *find_network(const Elab *e, const Scope *scope, const char *name, Span where) {
  const Binding *own = find_binding(scope, name);
  Decl *d = !own ? find_decl_at(e, name, where) : own->value.kind == V_CALLABLE ? own->value.decl : NULL;
  return d && d->ast->kind == AST_NET ? d : NULL;
}

Decl *find_output(Elab *e, const Scope *scope, const char *name, Span where, int *place) {
  const char *dot = strrchr(name, '.');
  Decl *d = dot ? find_network(e, scope, arena_slice(e->arena, name, (size_t)(dot - name)), where) : NULL;
  for (; d; d = d->factor) {
    *place = 0;
    for (const Ast *o = d->ast->a; o; o = o->next, ++*place)
      if (!strcmp(o->name, dot + 1)) return d;
  }
  return NULL;
}

Value apply_output(Elab *e, Scope *scope, Decl *d, int place, const Ast *ast) {
  Call call = {.span = ast->span};
  Value input[MAX_ARGS] = {{0}};
  if (ast->flag) return complain(e, E0228, ast->span, ast->a->name), value_error();
  if (!eval_arguments(e, scope, ast->b, &call) || !gather_inputs(e, d, &call, input)) return value_error();
  Value out = apply_net_values(e, d, ast_length(d->ast->b), input, ast->span);
  return out.kind == V_LIST && d->ast->a->next ? out.item[place] : out;
}
