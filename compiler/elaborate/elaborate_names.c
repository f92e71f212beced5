// The names in texts that nothing has applied: functions, blocks, distributions, rules, optimisers and sources whose
// arguments are not known, and the sides of choices that were not taken. Part of the elaborator.
//
// A walk over the tree with a scope of its own, in which a name has no value: what it finds is what eval() would say of
// names, and no more than that.
#include "elaborate/elaborate.h"

#include <string.h>

static void walk_one(Elab *e, Scope *scope, const Ast *ast);
static void walk(Elab *e, Scope *scope, const Ast *list);
static void walk_body(Elab *e, Scope *scope, const Ast *body);

static void define(Elab *e, Scope *scope, const char *name, Span where) {
  if (fresh_name(e, scope, name, where)) bind_name(e, scope, name, (Value){.kind = V_ERROR, .span = where});
}

static void walk_name(Elab *e, Scope *scope, const Ast *name) {
  bool show_word = scope->of && scope->of->kind == AST_SHOW && !strcmp(name->name, "density");
  if (find_binding(scope, name->name) || show_word) return;
  const char *dot = strchr(name->name, '.');
  if (dot && find_binding(scope, arena_slice(e->arena, name->name, (size_t)(dot - name->name)))) {
    walk_name(e, scope, &(Ast){.kind = AST_NAME, .name = dot + 1, .span = name->span});
    return;
  }
  if (find_column(e, name->name) >= 0) {
    if (!scope->sees_data) not_seen(e, scope, name->name, name->span);
    return;
  }
  const Decl *d = find_decl_at(e, name->name, name->span);
  bool in_fit = scope->of && scope->of->kind == AST_DISTRIBUTION && is_fit_word(name->name);
  if (!d && (is_word(scope, name->name) || is_builtin(name->name) || is_measure_word(name->name) || in_fit)) return;
  if (!d) d = find_metric(e, name->name, name->span);
  bool measure = d && (d->ast->kind == AST_OBJECTIVE || d->ast->kind == AST_METRIC);
  if (measure && !scope->sees_data) not_seen(e, scope, name->name, name->span);
  if (!d) unknown_name(e, scope, name->name, name->span);
}

static bool is_named(const Ast *list, const char *name) {
  for (; list; list = list->next)
    if (!strcmp(list->name, name)) return true;
  return false;
}

// What stands before the bar of a network: its outputs, and those of the other factors, need no value, and neither does
// what has a posterior by them.
static void walk_outputs(Elab *e, Scope *scope, Decl *model, const Ast *call) {
  for (const Ast *a = call->b; a; a = a->next) {
    const Ast *value = a->kind == AST_ARGUMENT ? a->a : a;
    bool free = value->kind == AST_NAME && (find_factor(model, value->name) || is_posterior(e, model, call));
    if (!free) walk_one(e, scope, value);
  }
}

static void walk_keywords(Elab *e, const char *name, const Ast *formals, const Ast *args) {
  for (const Ast *a = args; a; a = a->next)
    if (a->kind == AST_ARGUMENT && a->name && !is_named(formals, a->name))
      unknown_keyword(e, name, formals, a->span, a->name);
}

static void walk_call(Elab *e, Scope *scope, const Ast *call) {
  const char *name = call->a->name;
  bool local = call->a->kind != AST_NAME || find_binding(scope, name);
  if (!local && !strcmp(name, "prior")) {
    for (const Ast *a = call->b; a; a = a->next) {
      const Ast *of = a->kind == AST_ARGUMENT ? a->a : a;
      if (of->kind == AST_INDEX) walk(e, scope, of->b), of = of->a;
      bool known = of->kind == AST_NAME && find_decl(e, arena_format(e->arena, "prior %s", of->name));
      if (of->kind == AST_NAME && !known) complain(e, E0416, call->span, of->name);
    }
    return;
  }
  Decl *own = local ? find_network(e, scope, name, call->a->span) : NULL, *d = local ? own : find_decl_at(e, name, call->a->span);
  bool net = d && d->ast->kind == AST_NET;
  bool output = !local && !d && find_output(e, scope, name, call->a->span, &(int){0});
  if (!net && !output && (strcmp(name, "kl") != 0 || !(call->flag & 2))) walk_name(e, scope, call->a);
  if (net && (call->flag & 1 || !d->ast->b || is_density_call(e, d, call))) {
    walk_outputs(e, scope, d, call);
    bool of_model = is_posterior(e, d, call) || is_density_call(e, d, call);  // what is given may be an output
    if (!d->factor && !of_model) walk_keywords(e, name, d->ast->b, call->c);
  } else {
    if (net && !d->factor) walk_keywords(e, name, d->ast->b, call->b);
    if (d && (d->ast->kind == AST_FUNCTION || d->ast->kind == AST_DISTRIBUTION || d->ast->kind == AST_OBJECTIVE))
      walk_keywords(e, name, d->ast->a, call->b);
    walk(e, scope, call->b);
  }
  walk(e, scope, call->c);
}

// What stands behind a pipe: a bijector is called by no other way that is known without its distribution.
static void walk_stage(Elab *e, Scope *scope, const Ast *stage) {
  const Ast *callee = stage->kind == AST_CALL ? stage->a : stage;
  bool named = callee->kind == AST_NAME && !find_binding(scope, callee->name);
  const Decl *bijector = named ? find_bijector(e, callee->name, callee->span) : NULL;
  if (!bijector) {
    walk_one(e, scope, stage);
    return;
  }
  const Ast *arguments = stage->kind == AST_CALL ? stage->b : NULL;
  if (!find_decl_at(e, callee->name, callee->span) && !is_builtin(callee->name))
    walk_keywords(e, callee->name, bijector->ast->a, arguments);
  walk(e, scope, arguments);
}

static void walk_mixture(Elab *e, Scope *scope, const Ast *mixture) {
  Scope *inner = scope_new(e, scope);
  for (const Ast *b = mixture->a; b; b = b->next) walk(e, scope, b->a), walk(e, scope, b->b);
  for (const Ast *b = mixture->a; b; b = b->next) define(e, inner, b->name, b->span);
  walk_body(e, inner, mixture->c);
}

// A loop, or an aggregate.
static void walk_bound(Elab *e, Scope *scope, const Ast *block) {
  Scope *inner = scope_new(e, scope);
  for (const Ast *b = block->a; b; b = b->next) {
    bool batch = b->kind == AST_BINDER && b->a->kind == AST_NAME && !strcmp(b->a->name, "batch");
    if (b->kind == AST_BINDER) walk(e, scope, b->b);
    if (batch)
      bind_name(e, inner, "self", value_error());
    else
      walk(e, scope, b->kind == AST_BINDER ? b->a : b);
  }
  for (const Ast *b = block->a; b; b = b->next)
    if (b->kind == AST_BINDER) define(e, inner, b->name, b->span);
  walk_body(e, inner, block->c);
}

static void walk_one(Elab *e, Scope *scope, const Ast *ast) {
  switch (ast->kind) {
    case AST_NAME: walk_name(e, scope, ast); return;
    case AST_CALL: walk_call(e, scope, ast); return;
    case AST_MIXTURE: walk_mixture(e, scope, ast); return;
    case AST_PIPE: walk_one(e, scope, ast->a), walk_stage(e, scope, ast->b); return;
    case AST_LOOP: walk_bound(e, scope, ast); return;
    case AST_AGGREGATE: {
      const Ast name = {.kind = AST_NAME, .name = ast->text, .span = ast->span};
      if (strcmp(ast->text, "mean") != 0 && strcmp(ast->text, "array") != 0) walk_name(e, scope, &name);
      walk_bound(e, scope, ast);
      return;
    }
    default:
      walk(e, scope, ast->a);
      walk(e, scope, ast->b);
      walk(e, scope, ast->c);
  }
}

static void walk(Elab *e, Scope *scope, const Ast *list) {
  for (; list; list = list->next) walk_one(e, scope, list);
}

// The numbers in a support; its name was looked at when it was parsed, or is looked at where it is applied.
static void walk_support(Elab *e, Scope *scope, const Ast *support) {
  if (!support) return;
  if (support->kind == AST_IF) {
    walk(e, scope, support->a);
    walk_support(e, scope, support->b);
    walk_support(e, scope, support->c);
    return;
  }
  walk(e, scope, support->kind == AST_LIST || support->kind == AST_SET ? support->a : support->b);
}

static void walk_net(Elab *e, Scope *scope, const Ast *net) {
  if (explains_itself(net)) define(e, scope, net->a->name, net->a->span), scope = scope_new(e, scope);
  for (const Ast *in = net->b; in; in = in->next) define(e, scope, in->name, in->span);
  walk_body(e, scope, net->c);
  for (const Ast *out = net->a; out; out = out->next)
    if (!own_binding(scope, out->name)) complain(e, E0515, out->span, net->name, out->name);
}

// A body's own.
static void walk_network(Elab *e, Scope *scope, const Ast *net) {
  walk_net(e, scope_new(e, scope), net);
  if (net->c->b) complain(e, E0514, net->c->b->span, net->name);
  if (!fresh_name(e, scope, net->name, net->span)) return;
  Decl *d = NEW(e->arena, Decl);
  *d = (Decl){.name = net->name, .ast = net};
  bind_name(e, scope, net->name, (Value){.kind = V_CALLABLE, .decl = d, .span = net->span});
}

// What stands behind `by`.
static void walk_estimator_call(Elab *e, Scope *scope, const Ast *by) {
  const Decl *d = find_estimator(e, by);
  const Ast *arguments = by->kind == AST_CALL ? by->b : NULL;
  if (!d && !by_enumeration(e, by)) unknown_estimator(e, by);
  for (const Ast *a = arguments; a; a = a->next) walk_one(e, scope, a->kind == AST_ARGUMENT ? a->a : a);
  if (d) walk_keywords(e, d->ast->name, d->ast->a, arguments);
}

static void walk_statement(Elab *e, Scope *scope, const Ast *s) {
  Scope *inner = scope_new(e, scope);
  switch (s->kind) {
    case AST_ASSIGN:
      walk(e, scope, s->b);
      for (const Ast *n = s->a; n; n = n->next) define(e, scope, n->name, n->span);
      return;
    case AST_DRAW:
      walk(e, scope, s->b);
      if (s->c) walk_estimator_call(e, scope, s->c);
      for (const Ast *n = s->a; n; n = n->next) {
        walk(e, scope, n->a);
        define(e, scope, n->name, n->span);
      }
      return;
    case AST_WEIGHT:
    case AST_STATE:
      walk(e, scope, s->a);
      walk_support(e, scope, s->c);
      walk(e, scope, s->b);
      define(e, scope, s->name, s->span);
      return;
    case AST_NET: walk_network(e, scope, s); return;
    case AST_UPDATE:
      if (!find_binding(scope, s->name)) complain(e, E0511, s->span, s->name);
      walk(e, scope, s->b);
      return;
    case AST_SETTING:
      if (s->a->kind != AST_BINDER) break;
      walk_one(e, scope, s->a->a);
      define(e, scope, s->a->name, s->a->span);
      return;
    case AST_PLOT:
      if (s->name && !s->b) return;
      if (s->name) define(e, inner, s->name, s->span);
      walk(e, scope, s->b);
      walk(e, inner, s->a);
      return;
    default: break;
  }
  walk(e, scope, s->a);
}

static void walk_body(Elab *e, Scope *scope, const Ast *body) {
  for (const Ast *s = body->a; s; s = s->next) walk_statement(e, scope, s);
  if (body->b) walk_one(e, scope, body->b);
}

static void walk_formals(Elab *e, Scope *scope, const Ast *formals) {
  for (const Ast *f = formals; f; f = f->next) {
    for (const Ast *n = f->c; n; n = n->next)
      if (n->kind == AST_NAME && !find_binding(scope, n->name)) define(e, scope, n->name, n->span);
    if (f->a) walk_one(e, scope, f->a);
    if (f->text && !strcmp(f->text, "in"))
      walk_support(e, scope, f->b);
    else if (f->b)
      walk_one(e, scope, f->b);
    define(e, scope, f->name, f->span);
  }
}

static void walk_members(Elab *e, Scope *scope, const Ast *members) {
  for (const Ast *m = members; m; m = m->next) {
    if (m->kind != AST_MEMBER) continue;
    Scope *inner = scope_new(e, scope);
    for (const Ast *a = m->a; a; a = a->next) define(e, inner, a->name, a->span);
    if (!strcmp(m->name, "fit") || !strcmp(m->name, "penalty")) bind_name(e, inner, "least", (Value){.kind = V_ERROR});
    if (!strcmp(m->name, "domain") || !strcmp(m->name, "bounds"))
      walk_support(e, inner, m->c->b);
    else
      walk_body(e, inner, m->c);
  }
}

// A bijector, or an estimator.
static void walk_bijector(Elab *e, Scope *scope, const Ast *bijector) {
  for (const Ast *n = bijector->b; n; n = n->next)
    if (n->kind == AST_NAME && !find_binding(scope, n->name)) define(e, scope, n->name, n->span);
  walk_formals(e, scope, bijector->a);
  for (const Ast *m = bijector->c->a; m; m = m->next)
    if (m->kind != AST_MEMBER) walk_statement(e, scope, m);
  for (const Ast *m = bijector->c->a; m; m = m->next) {
    if (m->kind != AST_MEMBER) continue;
    Scope *inner = scope_new(e, scope);
    for (const Ast *a = m->a; a; a = a->next) define(e, inner, a->name, a->span);
    walk_body(e, inner, m->c);
  }
}

// The names that an argument of a pattern gives: of a parameter, or of the two parts of one that is affine, A @ z + b.
static void define_bound(Elab *e, Scope *scope, const Ast *bound) {
  if (bound->kind == AST_BINARY) {
    define(e, scope, bound->a->a->name, bound->a->a->span);
    bound = bound->b;
  }
  define(e, scope, bound->name, bound->span);
}

// The two distributions of a rule, whose parameters it names.
static void walk_pattern(Elab *e, Scope *scope, const Ast *pattern) {
  const Decl *d = find_decl_at(e, pattern->a->name, pattern->span);
  bool known = d && d->ast->kind == AST_DISTRIBUTION;
  int wanted = known ? ast_length(d->ast->a) : 0, given = ast_length(pattern->b);
  if (!known) complain(e, E0206, pattern->span, "distribution", pattern->a->name);
  if (known && given > wanted) complain(e, E0222, pattern->span, "distribution", pattern->a->name, wanted);
  for (const Ast *a = pattern->b; a; a = a->next) define_bound(e, scope, a->kind == AST_ARGUMENT ? a->a : a);
}

void check_names(Elab *e, const Ast *ast) {
  Scope *scope = scope_for(e, ast);
  switch (ast->kind) {
    case AST_NET: walk_net(e, scope, ast); return;
    case AST_RULE:
      define(e, scope, ast->text, ast->span);
      // fall through
    case AST_KL:
      walk_pattern(e, scope, ast->a);
      walk_pattern(e, scope, ast->b);
      walk_body(e, scope, ast->c);
      return;
    case AST_DISTRIBUTION:
      walk_formals(e, scope, ast->a);
      walk_support(e, scope, ast->b);
      walk_members(e, scope, ast->c);
      return;
    case AST_BIJECTOR:
    case AST_ESTIMATOR: walk_bijector(e, scope, ast); return;
    case AST_SUPPORT:
      for (const Ast *n = ast->b; n; n = n->next)
        if (n->kind == AST_NAME && !find_binding(scope, n->name)) define(e, scope, n->name, n->span);
      walk_formals(e, scope, ast->a);
      walk_members(e, scope, ast->c);
      return;
    case AST_OPTIMIZER:
    case AST_AVERAGE:
      define(e, scope, "value", ast->span);
      define(e, scope, ast->kind == AST_AVERAGE ? "shadow" : "gradient", ast->span);
      walk_formals(e, scope, ast->a);
      walk_body(e, scope, ast->c);
      return;
    case AST_FUNCTION:
    case AST_SOURCE:
    case AST_OBJECTIVE:
      walk_formals(e, scope, ast->a);
      if (ast->kind == AST_FUNCTION) walk_support(e, scope, ast->b);
      walk_body(e, scope, ast->c);
      return;
    case AST_METRIC:
    case AST_SHOW: walk_body(e, scope, ast->c); return;
    default: return;
  }
}
