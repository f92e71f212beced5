// Optimisers: values that a line names after `with`, applied to each weight that it moves, and what they keep beside
// the weights. Part of the elaborator.
//
// What is kept has a path of its own: KEEPER/WEIGHT/STATE, where the keeper is the line, or the `let` that names the
// optimiser. Lines that name the same let find the same tensors, and so share them.
#include <string.h>

#include "elaborate.h"
#include "vocabulary.h"

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
  for (int i = 0; i < e->decls && with->kind == AST_NAME; i++) {  // a let may stand for another
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
    part[parts++] = node_reshape(e->graph, norm.node, shape_of(1, (int64_t[]){1}));
  }
  Value all = value_tensor(node_concat(e->graph, 0, parts, part), 0);
  e->gradient_norm = call_library(e, "norm", all.node->span, 1, &all).node;
  enter_loops(e, o);
  return value_tensor(e->gradient_norm, 0);
}

// --- a line's weights

// Evaluates the text of an optimiser beside tensor t, in a scope that holds its arguments.
static void run_optimizer(Elab *e, const Decl *d, Scope *scope, int t, Span where) {
  Span outer = e->graph->span;
  e->optimizing = t;
  e->update = NULL;
  bind(e, scope, "value", value_tensor(tensor_value(e, t), 0));
  push_frame(e, d->ast, where);
  e->graph->span = where;
  e->plates = 0;  // it moves a weight, which all examples share
  e->drawing = (Drawing){.path = arena_format(e->arena, "line_%d/%s", e->line + 1, e->model->tensor[t].name)};
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
  e->keeper = o->shared ? o->shared : arena_format(e->arena, "line_%d", e->line + 1);
  e->counts = o->shared != NULL;
  for (int i = 0; i < n; i++) {
    if (!gradient[i]) continue;
    Scope *scope = bind_formals(e, o->decl->ast, &o->call);
    if (!scope) break;
    bind(e, scope, "gradient", value_tensor(gradient[i], 0));
    run_optimizer(e, o->decl, scope, tensor[i], with->span);
    if (diagnostics_errors(e->sources)) break;  // one weight tells it all
  }
}
