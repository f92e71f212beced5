// Optimisers: values that a line names after `with`, applied to each weight that it moves; averages, which follow the
// weights of networks; and what both keep beside the weights. Part of the elaborator.
//
// What is kept has a path of its own: KEEPER/WEIGHT/STATE, where the keeper is the line, or the `let` that names the
// optimiser, or the average, whose own tensors are KEEPER/WEIGHT. Lines that name the same let find the same tensors,
// and so share them.
#include <string.h>

#include "elaborate/elaborate.h"
#include "text/vocabulary.h"

// --- optimisers as values

Value optimizer_value(Elab *e, const Decl *d, const Call *call) {
  Optimizer *o = NEW(e->arena, Optimizer);
  *o = (Optimizer){.decl = d, .call = *call};
  return (Value){.kind = V_OPTIMIZER, .optimizer = o, .span = call->span};
}

// `adam` alone is adam().
static Value applied(Elab *e, Value v) {
  bool bare = v.kind == V_CALLABLE && v.decl && v.decl->ast->kind == AST_OPTIMIZER;
  return bare ? optimizer_value(e, v.decl, &(Call){.span = v.span}) : v;
}

Value optimizer_named(Elab *e, const Decl *let, Value v) {
  v = applied(e, v);
  if (v.kind != V_OPTIMIZER || v.optimizer->shared) return v;
  Optimizer *o = NEW(e->arena, Optimizer);
  *o = *v.optimizer;
  o->shared = let->name;
  v.optimizer = o;
  return v;
}

void check_optimizer(Elab *e, Value v) {
  if (v.kind == V_OPTIMIZER) bind_formals(e, v.optimizer->decl->ast, &v.optimizer->call);
}

const char *shared_optimizer(const Elab *e, const Ast *with) {
  const char *name = NULL;
  for (int i = 0; i < e->decls && with && with->kind == AST_NAME; i++) {  // a let may stand for another
    const Decl *d = find_decl(e, with->name);
    if (!d || d->ast->kind != AST_LET) break;
    name = d->name;
    with = d->ast->a;
  }
  return name;
}

// What stands after `with`; NULL after reporting.
static const Optimizer *optimizer_of(Elab *e, const Ast *with) {
  const Ast *callee = with->kind == AST_CALL ? with->a : with;
  const Decl *d = callee->kind == AST_NAME ? find_decl(e, callee->name) : NULL;
  AstKind kind = d ? d->ast->kind : AST_COUNT;
  bool may = callee->kind != AST_NAME || kind == AST_OPTIMIZER || kind == AST_LET || kind == AST_FUNCTION;
  Value v = may ? applied(e, eval(e, scope_for(e, e->train), with)) : (Value){.kind = V_NONE};
  if (v.kind == V_OPTIMIZER) return v.optimizer;
  if (v.kind == V_ERROR) return NULL;
  const WordEntry *word = callee->kind == AST_NAME ? word_find(callee->name) : NULL;
  complain(e, E0206, with->span, "optimizer", callee->kind == AST_NAME ? callee->name : "this");
  if (word) report_help(e->sources, "%s", word->help);
  return NULL;
}

// --- what they keep

const char *slot_path(Elab *e, const char *state) {
  return arena_format(e->arena, "%s/%s/%s", e->keeper, e->model->tensor[e->optimizing].name, state);
}

// The number of the update being made, from 1. What several lines share is counted where they meet: for each tensor,
// which not all of them may move. The name is none that a state can have.
Value update_count(Elab *e) {
  if (!e->counts) return value_tensor(feed_node(e, INPUT_UPDATE), 0);
  if (e->update) return value_tensor(e->update, 0);
  Outside o = leave_loops(e);
  const TensorInfo *w = &e->model->tensor[e->optimizing];
  int t = tensor_declare(e, slot_path(e, "update.count"), w->owner, TENSOR_SLOT, (Shape){0}, w->span, (TensorStart){0});
  e->update = node_binary(e->graph, OP_ADD, tensor_value(e, t), node_const(e->graph, 1, (Shape){0}));
  tensor_assign(e, t, e->update);
  enter_loops(e, o);
  return value_tensor(e->update, 0);
}

// The norm of the norms of all gradients of the line: like theirs, it cannot overflow on the way.
Value gradient_norm(Elab *e) {
  if (e->gradient_norm) return value_tensor(e->gradient_norm, 0);
  Outside o = leave_loops(e);
  Node **part = NEW_ARRAY(e->arena, Node *, e->gradients + 1);
  int parts = 0;
  for (int i = 0; i < e->gradients; i++) {
    if (!e->gradient_of[i]) continue;
    Value gradient = value_tensor(e->gradient_of[i], 0);
    Value norm = call_library(e, "norm", e->gradient_of[i]->span, 1, &gradient);
    node_name_part(e->graph, norm.node, gradient.node, "norm");
    part[parts++] = node_reshape(e->graph, norm.node, shape_of(1, (int64_t[]){1}));
  }
  Value all = value_tensor(node_concat(e->graph, 0, parts, part), 0);
  Value norm = call_library(e, "norm", all.node->span, 1, &all);
  name_application(e, "gradient_norm", &norm);
  e->gradient_norm = norm.node;
  enter_loops(e, o);
  return value_tensor(e->gradient_norm, 0);
}

// --- a line's weights

// Evaluates the text of an optimiser or an average beside tensor t, in a scope that holds its arguments. `noise` heads
// the names of its random numbers.
static void run_beside(Elab *e, const Decl *d, Scope *scope, int t, const char *noise, Span where) {
  Span outer = e->graph->span;
  e->optimizing = t;
  e->update = NULL;
  bind_name(e, scope, "value", value_tensor(tensor_value(e, t), 0));
  push_frame(e, d->ast, where)->scope->word = e->keeper;
  e->graph->span = where;
  e->plates = 0;  // it moves a weight, which all examples share
  e->drawing = (Drawing){.path = arena_format(e->arena, "%s/%s", noise, e->model->tensor[t].name)};
  eval_body(e, scope, d->ast->c);
  e->plates = PLATE_BATCH;
  e->graph->span = outer;
  pop_frame(e);
  e->optimizing = -1;
}

void move_weights(Elab *e, const Ast *with, int n, const int *tensor, Node *const *gradient) {
  const Optimizer *o = optimizer_of(e, with);
  if (!o) return;
  e->gradient_norm = NULL;
  e->gradients = n;
  e->gradient_of = gradient;
  const char *line = arena_format(e->arena, "line_%d", e->line + 1);
  e->keeper = o->shared ? o->shared : line;
  e->counts = o->shared != NULL;
  for (int i = 0; i < n; i++) {
    if (!gradient[i]) continue;
    Scope *scope = bind_formals(e, o->decl->ast, &o->call);
    if (!scope) break;
    bind_name(e, scope, "gradient", value_tensor(gradient[i], 0));
    run_beside(e, o->decl, scope, tensor[i], line, with->span);
    if (diagnostics_errors(e->sources)) break;  // one weight tells it all
  }
}

// --- averages

// An average as the train block asks for it.
typedef struct {
  const Decl *decl;
  const Ast *setting;
  Call call;
} Averaging;

static bool is_owner(const Elab *e, const Ast *argument) {
  const Ast *name = argument->kind == AST_ARGUMENT && !argument->name ? argument->a : NULL;
  const Decl *d = name && name->kind == AST_NAME ? find_decl(e, name->name) : NULL;
  return d && (d->ast->kind == AST_NET || d->ast->kind == AST_PARAMETER);
}

// The average that follows tensor t.
static int declare_shadow(Elab *e, const Averaging *a, int t) {
  Ast *start = NEW(e->arena, Ast);
  *start = (Ast){.kind = AST_NAME, .name = "value", .span = a->decl->ast->span};
  const TensorInfo w = e->model->tensor[t];
  const char *path = arena_format(e->arena, "%s/%s", a->decl->name, w.name);
  int shadow = tensor_declare(e, path, w.owner, TENSOR_AVERAGE, w.shape, a->setting->span,
                              (TensorStart){.init = start, .scope = e->global, .beside = t + 1});
  e->model->tensor[t].average = shadow + 1;
  return shadow;
}

static bool is_assigned(const Elab *e, int t) {
  for (int i = 0; i < e->assigns; i++)
    if (e->assign[i].target->attr.id == t) return true;
  return false;
}

static void follow_tensor(Elab *e, const Averaging *a, int t) {
  int errors = diagnostics_errors(e->sources);
  Scope *scope = bind_formals(e, a->decl->ast, &a->call);
  if (!scope) return;
  e->keeper = a->decl->name;
  e->counts = true;
  e->shadow = declare_shadow(e, a, t);
  bind_name(e, scope, "shadow", value_tensor(tensor_value(e, e->shadow), 0));
  run_beside(e, a->decl, scope, t, a->decl->name, a->setting->span);
  if (!is_assigned(e, e->shadow) && diagnostics_errors(e->sources) == errors)
    complain(e, E0543, a->decl->ast->span, a->decl->name);
  e->shadow = -1;
}

// All weights of a network that some line moves.
static void follow_network(Elab *e, const Averaging *a, const Ast *name) {
  int tensors = 0, known = e->tensors, errors = diagnostics_errors(e->sources);
  int64_t numbers = 0;
  bool moved = false;
  for (int i = 0; i < e->model->lines; i++)
    for (const Ast *o = e->step[i]->b; o; o = o->next) moved = moved || !strcmp(o->name, name->name);
  if (!moved) return complain(e, E0542, name->span, name->name);
  for (int t = 0; t < known && diagnostics_errors(e->sources) == errors; t++) {  // one weight tells it all
    const TensorInfo *w = &e->model->tensor[t];
    if (w->kind != TENSOR_WEIGHT || strcmp(w->owner, name->name) != 0) continue;
    if (w->average) return complain(e, E0541, name->span, name->name);
    tensors++;
    numbers += shape_count(w->shape);
    follow_tensor(e, a, t);
  }
  finding(e, "line", name->span,
          "average %s: %d tensors of %s, %lld numbers, read in their place where nothing is trained",
          expression_text(e, a->setting->a), tensors, name->name, (long long)numbers);
}

static void elaborate_average(Elab *e, const Ast *setting) {
  const Ast *call = setting->a, *rest = call->kind == AST_CALL ? call->b : NULL;
  const Decl *d = call->kind == AST_CALL ? find_decl(e, call->a->name) : NULL;
  Averaging a = {.decl = d, .setting = setting, .call = {.span = call->span}};
  if (d && d->ast->kind == AST_AVERAGE && rest && is_owner(e, rest)) {
    while (rest && is_owner(e, rest)) rest = rest->next;
    if (!eval_arguments(e, scope_for(e, e->train), rest, &a.call)) return;
    for (const Ast *n = call->b; n != rest; n = n->next) follow_network(e, &a, n->a);
  } else if (call->kind == AST_CALL && (!d || d->ast->kind != AST_AVERAGE)) {
    complain(e, E0206, call->span, "average", call->a->name);
  } else {
    complain(e, E0540, call->span);
  }
}

void elaborate_averages(Elab *e) {
  int wanted = 0;
  for (const Ast *i = e->train ? e->train->a : NULL; i; i = i->next) {
    if (i->kind != AST_SETTING || strcmp(i->name, "average") != 0) continue;
    if (!wanted++) begin_program(e, 1, true), begin_draws(e, "averages");
    elaborate_average(e, i);
  }
  if (!wanted || diagnostics_errors(e->sources)) return;
  add_last_turn(e, (PlanTurn){.program = end_program(e, "averages", 1, NULL, 0)});
}
