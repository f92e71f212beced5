// Expressions, statements, and calls of functions and blocks. Part of the elaborator.
//
// A body is evaluated where it is applied, in a scope of its own: names are bound once, except that a state's new
// value replaces the old for what follows. After a report evaluation goes on with an error value, which every
// operation passes on in silence, so that one mistake gives one message.
#include "elaborate/elaborate.h"
#include "text/vocabulary.h"

#include <math.h>
#include <string.h>

Scope *scope_new(Elab *e, Scope *up) {
  Scope *s = NEW(e->arena, Scope);
  if (up) *s = (Scope){.up = up, .of = up->of, .sees_data = up->sees_data};
  return s;
}

Scope *scope_for(Elab *e, const Ast *declaration) {
  AstKind kind = declaration->kind;
  Scope *s = scope_new(e, e->global);
  s->of = declaration;
  s->sees_data = kind == AST_OBJECTIVE || kind == AST_METRIC || kind == AST_SHOW || kind == AST_TRAIN ||
                 kind == AST_PARAMETER ||
                 kind == AST_LET;  // a let that holds data is refused where it is used and they are not seen
  return s;
}

Binding *own_binding(const Scope *scope, const char *name) {
  Binding *b = scope->first;
  while (b && !same_name(b->name, name)) b = b->next;
  return b;
}

Binding *find_binding(const Scope *scope, const char *name) {
  Binding *b = NULL;
  for (; scope && !b; scope = scope->up) b = own_binding(scope, name);
  return b;
}

void bind_name(Elab *e, Scope *scope, const char *name, Value v) {
  Binding *b = NEW(e->arena, Binding);
  *b = (Binding){name, as_point(e, scope, name, v), scope->first, 0};
  scope->first = b;
}

const char *expression_text(Elab *e, const Ast *ast) { return span_text(e->arena, e->sources, ast->span); }

Frame *push_frame(Elab *e, const Ast *ast, Span call) {
  Frame *f = NEW(e->arena, Frame);
  *f = (Frame){.up = e->frame, .ast = ast, .call = call, .outer = names_here(e)};
  if (e->frame) f->path = e->frame->path, f->owner = e->frame->owner;
  bool function = ast->kind == AST_FUNCTION && !ast->flag;
  if (!function) f->scope = open_names(e, ast->name, ast->kind != AST_NET);
  return e->frame = f;
}

void pop_frame(Elab *e) {
  close_names(e, e->frame->outer);
  e->frame = e->frame->up;
}

double eval_number(Elab *e, Scope *scope, const Ast *ast, const char *what) {
  Value v = eval(e, scope, ast);
  if (v.kind == V_NUMBER && !isnan(v.number)) return v.number;
  if (v.kind != V_ERROR) complain(e, E0305, ast->span, what, value_text(e, v));
  return NAN;
}

bool eval_dims(Elab *e, Scope *scope, const Ast *dims, Shape *out) {
  *out = (Shape){0};
  double total = 1;
  for (const Ast *d = dims; d; d = d->next) {
    double n = eval_number(e, scope, d, "a size");
    if (isnan(n)) return false;
    total *= n;
    if (n < 1 || floor(n) != n) return complain(e, E0306, d->span, n), false;
    if (total > 2147483647.0) return complain(e, E0323, d->span, total), false;
    if (out->rank == MAX_RANK) return complain(e, E0304, d->span, MAX_RANK), false;
    out->dim[out->rank++] = (int64_t)n;
  }
  return true;
}

// --- calls

bool eval_arguments(Elab *e, Scope *scope, const Ast *args, Call *call) {
  bool good = true;
  for (const Ast *a = args; a; a = a->next) {
    if (call->n == MAX_ARGS) return complain(e, E0221, a->span, MAX_ARGS), false;
    const Ast *value = a->kind == AST_ARGUMENT ? a->a : a;
    Value v = eval(e, scope, value);
    good = good && v.kind != V_ERROR;
    v.span = value->span;
    v.example = NULL;  // a text sees of another example what it is given
    name_keyword(e, a, &v);
    call->arg[call->n] = v;
    call->ast[call->n] = value;
    call->name[call->n++] = a->kind == AST_ARGUMENT ? a->name : NULL;
  }
  return good;
}

static const Ast *find_formal(const Ast *formals, const char *name) {
  for (const Ast *f = formals; f; f = f->next)
    if (!strcmp(f->name, name)) return f;
  return NULL;
}

void unknown_keyword(Elab *e, const char *name, const Ast *formals, Span where, const char *keyword) {
  const char *known[MAX_ARGS];
  int n = 0;
  for (const Ast *f = formals; f && n < MAX_ARGS; f = f->next) known[n++] = f->name;
  complain(e, E0223, where, name, keyword);
  const WordEntry *word = word_find(keyword);
  const char *near = nearest_name(keyword, n, known);
  if (word && word->kind == ELSEWHERE)
    report_help(e->sources, "%s", word->help);
  else if (near)
    report_help(e->sources, "did you mean `%s`?", near);
}

// Does v satisfy `formal op bound`? Unknown counts as no.
static bool constraint_holds(const char *op, double lo, double hi, double bound) {
  if (!strcmp(op, ">")) return lo > bound;
  if (!strcmp(op, ">=")) return lo >= bound;
  if (!strcmp(op, "<")) return hi < bound;
  return hi <= bound;
}

static const char MEANT_LOGITS[] = "did you mean `logits:`? or ";

static bool has_logits(const Ast *formal) { return formal->next && !strcmp(formal->next->name, "logits"); }

// `p[n] on simplex`, `cov[n, n] on spd`.
static bool check_fact(Elab *e, const char *name, const Ast *formal, const Support *s, Value v) {
  if (v.kind == V_ERROR || has_fact(e, &v, s)) return v.kind != V_ERROR;
  FactWords words = fact_words(e, s);
  bool outside = constants_outside(v.node, s);
  if (is_library_support(s, "simplex"))
    complain(e, E0732, v.span, formal->name, name);
  else
    complain(e, E0733, v.span, formal->name, name, words.demand, outside ? "these do not" : "this is not known to");
  if (words.mend) report_help(e->sources, "%s%s", has_logits(formal) ? MEANT_LOGITS : "", words.mend);
  return false;
}

// `p in [0, 1]`
static bool check_support(Elab *e, const char *name, const Ast *formal, Scope *scope, const Value *v) {
  Support s;
  if (!eval_support(e, scope, formal->b, &s)) return false;
  if (s.kind == SUPPORT_DECLARED) return check_fact(e, name, formal, &s, to_tensor(e, *v));
  bool logits = has_logits(formal);
  if (lies_within(e, v, &s)) return true;
  const char *wrap = s.lo == 0 && s.hi == 1 ? "sigmoid" : s.hi == INFINITY ? "softplus" : NULL;
  complain(e, E0731, v->span, formal->name, name, support_text(e, &s), v->kind == V_NUMBER ? v->number : v->node->lo,
           v->kind == V_NUMBER ? v->number : v->node->hi);
  if (v->kind == V_TENSOR && wrap) report_help(e->sources, "%swrap it in %s(...)", logits ? MEANT_LOGITS : "", wrap);
  return false;
}

static double least(const Value *v) { return v->kind == V_NUMBER ? v->number : v->node->lo; }
static double most(const Value *v) { return v->kind == V_NUMBER ? v->number : v->node->hi; }

// `high > low`, where the bound is a value of its own.
static bool check_order(Elab *e, const char *name, const Ast *formal, const Value *v, const Value *bound) {
  bool above = formal->text[0] == '>';
  if (above ? is_greater(v, bound) : is_greater(bound, v)) return true;
  if (formal->text[1] && (above ? least(v) >= most(bound) : most(v) <= least(bound))) return true;
  const char *other = expression_text(e, formal->b);
  complain(e, E0736, v->span, formal->name, name, formal->text, other, least(v), most(v), other, least(bound),
           most(bound));
  report_help(e->sources, "write the one as the other %s something positive: exp(...) or softplus(...)",
              above ? "plus" : "minus");
  return false;
}

static bool check_constraint(Elab *e, const char *name, const Ast *formal, Scope *scope, Value *v) {
  Shape s;
  if (!formal->text || !list_shape(v, &s)) return true;
  if (v->kind == V_LIST) *v = to_tensor(e, *v);
  if (!strcmp(formal->text, "in")) return check_support(e, name, formal, scope, v);
  Value bound = eval(e, scope, formal->b);
  if (bound.kind == V_LIST || bound.kind == V_TENSOR) bound = to_tensor(e, bound);
  if (bound.kind == V_TENSOR) return check_order(e, name, formal, v, &bound);
  if (bound.kind != V_NUMBER && bound.kind != V_ERROR)
    complain(e, E0305, formal->b->span, "a bound", value_text(e, bound));
  if (bound.kind != V_NUMBER) return false;
  if (constraint_holds(formal->text, least(v), most(v), bound.number)) return true;
  if (bound_by_numbers(e, v) && constraint_holds(formal->text, least(v), most(v), bound.number)) return true;
  complain(e, E0401, v->span, formal->name, name, formal->text, bound.number, least(v), most(v));
  if (v->kind == V_TENSOR && formal->text[0] == '>' && bound.number == 0)
    report_help(e->sources, "wrap it in `exp(...)` or `softplus(...)`");
  return false;
}

Scope *bind_formals(Elab *e, const Ast *declaration, const Call *call) {
  const Ast *formals = declaration->a, *next = formals;
  bool block = declaration->kind == AST_FUNCTION && declaration->flag;
  const char *name = declaration->name, *what = block ? "block" : ast_kind_name(declaration->kind);
  Scope *scope = scope_for(e, declaration);
  bool good = true;
  for (int i = 0; i < call->n; i++) {
    const Ast *f = call->name[i] ? find_formal(formals, call->name[i]) : next;
    if (call->name[i] && !f) {
      unknown_keyword(e, name, formals, call->arg[i].span, call->name[i]);
      return NULL;
    }
    if (!f) return complain(e, E0222, call->arg[i].span, what, name, ast_length(formals)), NULL;
    if (own_binding(scope, f->name)) return complain(e, E0224, call->arg[i].span, f->name, name), NULL;
    if (!call->name[i]) next = f->next;
    good = good && call->arg[i].kind != V_ERROR;
    Value v = call->arg[i];
    name_formal(declaration, f, &v);
    bind_name(e, scope, f->name, v);
  }
  for (const Ast *f = formals; f && good; f = f->next) {
    Binding *b = own_binding(scope, f->name);
    if (!b && !f->a) return complain(e, E0225, call->span, what, name, f->name), NULL;
    if (!b) {
      Value v = eval(e, scope, f->a);
      if (v.kind == V_ERROR) return NULL;
      v.span = call->span;
      name_formal(declaration, f, &v);
      bind_name(e, scope, f->name, v);
      b = scope->first;
    }
    good = check_constraint(e, name, f, scope, &b->value);
  }
  return good ? scope : NULL;
}

const char *block_path(Elab *e, const char *name) {
  Frame *f = e->frame;
  while (f->ast->kind == AST_FUNCTION && !f->ast->flag) f = f->up;  // a function is no level of its own
  Binding *b = f->counts;
  while (b && strcmp(b->name, name)) b = b->next;
  if (!b) {
    b = NEW(e->arena, Binding);
    *b = (Binding){name, value_number(0), f->counts, 0};
    f->counts = b;
  }
  b->value.number += 1;
  return arena_format(e->arena, "%s/%s_%d", f->path, name, (int)b->value.number);
}

Value call_function(Elab *e, const Decl *d, const Call *call) {
  const Ast *ast = d->ast;
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0226, call->span, d->name), value_error();
  Scope *scope = bind_formals(e, ast, call);
  if (!scope) return value_error();
  const char *path = ast->flag && e->frame && e->frame->path ? block_path(e, d->name) : NULL;
  Frame *f = push_frame(e, ast, call->span);
  if (path) f->path = path, f->scope->word = strrchr(path, '/') + 1;
  e->depth++;
  Value v = eval_body(e, scope, ast->c);
  e->depth--;
  pop_frame(e);
  if (path) name_application(e, f->scope->word, &v);
  if (v.kind == V_NONE) return complain(e, E0227, call->span, d->name), value_error();
  Support result;
  if (ast->b && eval_support(e, scope, ast->b, &result) && !assert_support(e, &v, &result)) {
    complain(e, E0735, call->span, d->name, support_text(e, &result), v.node->lo, v.node->hi);
    return value_error();
  }
  v.span = call->span;
  return v;
}

Value call_value(Elab *e, Value callee, const Call *call) {
  if (callee.kind == V_ERROR) return callee;
  if (callee.kind == V_DIST && call->n == 1 && !call->name[0]) return with_point(e, callee, call->arg[0]);
  if (callee.kind != V_CALLABLE) return complain(e, E0220, call->span, value_text(e, callee)), value_error();
  if (!callee.decl) return call_builtin(e, callee.text, call);
  switch (callee.decl->ast->kind) {
    case AST_FUNCTION: return call_function(e, callee.decl, call);
    case AST_DISTRIBUTION: return make_distribution(e, callee.decl, call);
    case AST_OPTIMIZER: return optimizer_value(e, callee.decl, call);
    case AST_SOURCE: {
      const Ast *ast = callee.decl->ast;
      Scope *scope = bind_formals(e, ast, call);
      if (!scope) return value_error();
      if (!find_formal(ast->a, "examples")) return eval_body(e, scope, ast->c);
      DataSource *s = NEW(e->arena, DataSource);
      double n = find_binding(scope, "examples")->value.number;
      if (!(n >= 2 && n <= 16777216 && floor(n) == n)) return complain(e, E0601, call->span, n), value_error();
      *s = (DataSource){.format = DATA_GENERATED, .generator = callee.decl, .scope = scope, .examples = (int64_t)n};
      return (Value){.kind = V_SOURCE, .source = s, .span = call->span};
    }
    default: break;
  }
  complain(e, E0220, call->span, ast_kind_name(callee.decl->ast->kind));
  return value_error();
}

static Value call_own(Elab *e, const char *name, const Call *call) {
  if (is_builtin(name)) return call_builtin(e, name, call);
  const Decl *d = find_decl(e, name);
  while (d && (!d->library || strcmp(d->name, name))) d = d->next;
  if (!d) fail(e->arena, EXIT_SOFTWARE, "the standard library has no `%s`", name);
  return call_function(e, d, call);
}

Value call_library(Elab *e, const char *name, Span where, int n, const Value *args) {
  Call call = {.span = where, .n = n};
  for (int i = 0; i < n; i++) call.arg[i] = args[i];
  return call_own(e, name, &call);
}

// prior(z), or of some of its places, prior(z[0]), or of several variables, which are independent: prior(w, v).
static Value eval_prior(Elab *e, Scope *scope, const Ast *ast) {
  Value list = {.kind = V_LIST, .item = NEW_ARRAY(e->arena, Value, ast_length(ast->b) + 1), .span = ast->span};
  for (const Ast *a = ast->b; a; a = a->next) {
    const Ast *of = a->kind == AST_ARGUMENT && !a->name ? a->a : a, *variable = of->kind == AST_INDEX ? of->a : of;
    if (variable->kind != AST_NAME || ast->c) return complain(e, E0404, ast->span), value_error();
    Value prior = prior_of(e, variable->name, ast->span);
    if (prior.kind == V_DIST && variable != of) prior = index_distribution(e, scope, prior, of->b, ast->span);
    Binding *point = find_binding(scope, variable->name);
    if (prior.kind != V_DIST) return value_error();
    if (point) prior = with_point(e, prior, variable == of ? point->value : eval_index(e, scope, of));
    list.item[list.items++] = prior;
  }
  if (!list.items) return complain(e, E0404, ast->span), value_error();
  return list.items == 1 ? list.item[0] : list;
}

// `prior(z)`, `kl(f || g)`, networks and distributions given as p(x | z), functions, and values that are functions.
static Value eval_call(Elab *e, Scope *scope, const Ast *ast) {
  const char *name = ast->a->name;
  if (ast->a->kind != AST_NAME) return complain(e, E0220, ast->a->span, "this"), value_error();
  Binding *local = find_binding(scope, name);
  if (!local && !strcmp(name, "prior")) return eval_prior(e, scope, ast);
  Decl *net = find_network(e, scope, name, ast->a->span);
  if (net) return apply_net(e, scope, net, ast);
  Decl *d = local ? NULL : find_decl_at(e, name, ast->a->span);
  if (!local && !d && is_fit_word(name) && in_fit(e)) return eval_fit_word(e, scope, ast);
  if (!local && !d && is_measure_word(name)) return eval_measure_word(e, scope, ast);
  int output = 0;
  net = local || d ? NULL : find_output(e, scope, name, ast->a->span, &output);
  if (net) return apply_output(e, scope, net, output, ast);
  if (is_divergence_call(ast)) return eval_divergence(e, scope, ast, WHOLE);
  if (ast->flag & 1 && strcmp(name, "kl")) return complain(e, E0228, ast->span, name), value_error();
  Call call = {.span = ast->span};
  bool good = eval_arguments(e, scope, ast->b, &call);
  if (d && d->ast->kind == AST_OBJECTIVE) return good ? apply_objective(e, scope, d, &call) : value_error();
  if (good && is_flow_call(e, scope, ast->a, &call)) return make_flow(e, find_bijector(e, name, ast->a->span), &call);
  Value callee = lookup(e, scope, ast->a);
  if (!good || callee.kind == V_ERROR) return value_error();
  if (callee.kind == V_CALLABLE && !callee.decl) return call_builtin(e, callee.text, &call);
  return call_value(e, callee, &call);
}

static Value eval_pipe(Elab *e, Scope *scope, const Ast *ast) {
  Value first = eval(e, scope, ast->a);
  if (first.kind == V_ERROR) return first;
  first.span = ast->a->span;
  const Ast *right = ast->b, *callee = right->kind == AST_CALL ? right->a : right;
  Call call = {.span = ast->span, .n = 1, .arg = {first}, .ast = {ast->a}};
  if (right->kind == AST_CALL && !eval_arguments(e, scope, right->b, &call)) return value_error();
  Decl *net = find_network(e, scope, callee->name, callee->span);
  if (net && net->factor) return complain(e, E0717, ast->span, net->name, expression_text(e, right)), value_error();
  if (net) return apply_net_values(e, net, call.n, call.arg, ast->span);
  Decl *d = find_binding(scope, callee->name) ? NULL : find_decl_at(e, callee->name, callee->span);
  if (d && d->ast->kind == AST_OBJECTIVE) return apply_objective(e, scope, d, &call);
  if (is_flow_call(e, scope, callee, &call)) return make_flow(e, find_bijector(e, callee->name, callee->span), &call);
  Value f = lookup(e, scope, callee);
  return call_value(e, f, &call);
}

// --- operators

static const struct {
  const char *text;
  Op op;
  bool swapped, negated;
} operators[] = {{"+", OP_ADD, 0, 0},   {"-", OP_SUB, 0, 0},    {"*", OP_MUL, 0, 0},   {"/", OP_DIV, 0, 0},
                 {"^", OP_POW, 0, 0},   {"<", OP_LESS, 0, 0},   {">", OP_LESS, 1, 0},  {"<=", OP_LESS, 1, 1},
                 {">=", OP_LESS, 0, 1}, {"==", OP_EQUAL, 0, 0}, {"!=", OP_EQUAL, 0, 1}};

static Value join_text(Elab *e, Value a, Value b) {
  Value v = {.kind = V_TEXT, .span = a.span};
  v.text = arena_format(e->arena, "%s%s", a.text, b.text);
  return v;
}

// Matrices of equal outer axes, each with its own: [k, n, m] with [k, m, l].
static Value matmul_stacks(Elab *e, Value a, Value b) {
  Shape s = event_shape(&a), t = event_shape(&b), out = s;
  unsigned plates = a.plates | b.plates;
  int64_t n = s.dim[s.rank - 2], m = s.dim[s.rank - 1], l = t.dim[t.rank - 1];
  Value left = widen(e, a, plates, s), right = widen(e, b, plates, t);
  if (left.kind == V_ERROR || right.kind == V_ERROR) return value_error();
  int64_t count = shape_count(left.node->shape) / (n * m);
  out.dim[s.rank - 1] = l;
  Node *matrices = node_reshape(e->graph, left.node, shape_of(3, (int64_t[]){count, n, m}));
  Node *others = node_reshape(e->graph, right.node, shape_of(3, (int64_t[]){count, m, l}));
  Node *product = node_matmul(e->graph, matrices, others, false, false);
  return value_tensor(node_reshape(e->graph, product, physical_shape(e, plates, out)), plates);
}

// Rows of the left one, behind any axes, with a matrix or a vector; or as many matrices on both sides.
static bool matmul_fits(Shape s, Shape t) {
  bool stacks = t.rank > 2 && s.rank == t.rank;
  for (int i = 0; i < t.rank - 2; i++) stacks = stacks && s.dim[i] == t.dim[i];
  if (!s.rank || !t.rank || (t.rank > 2 && !stacks) || (t.rank == 1 && s.rank > 2)) return false;
  return s.dim[s.rank - 1] == t.dim[t.rank > 1 ? t.rank - 2 : 0];
}

static Value matmul(Elab *e, Value a, Value b, Span where) {
  a = to_tensor(e, a);
  b = to_tensor(e, b);
  if (a.kind == V_ERROR || b.kind == V_ERROR) return value_error();
  Shape s = event_shape(&a), t = event_shape(&b);
  if (!matmul_fits(s, t)) {
    complain(e, E0301, where, shape_text(e->arena, s), shape_text(e->arena, t), "@");
    return value_error();
  }
  if (t.rank > 2) return matmul_stacks(e, a, b);
  int64_t k = t.dim[0], n = t.rank == 2 ? t.dim[1] : 1;
  Shape out = s;
  out.dim[s.rank - 1] = n;
  if (t.rank == 1) out.rank--;
  if (!b.plates) {  // one matrix for all examples: rows of all of them make one product
    int64_t rows = shape_count(a.node->shape) / k;
    Node *left = node_reshape(e->graph, a.node, shape_of(2, (int64_t[]){rows, k}));
    Node *right = node_reshape(e->graph, b.node, shape_of(2, (int64_t[]){k, n}));
    Node *product = node_matmul(e->graph, left, right, false, false);
    return value_tensor(node_reshape(e->graph, product, physical_shape(e, a.plates, out)), a.plates);
  }
  unsigned plates = a.plates | b.plates;
  int64_t rows = shape_count(s) / k, batch = shape_count(physical_shape(e, plates, (Shape){0}));
  Value wide_a = widen(e, a, plates, s), wide_b = widen(e, b, plates, t);
  if (wide_a.kind == V_ERROR || wide_b.kind == V_ERROR) return value_error();
  Node *left = node_reshape(e->graph, wide_a.node, shape_of(3, (int64_t[]){batch, rows, k}));
  Node *right = node_reshape(e->graph, wide_b.node, shape_of(3, (int64_t[]){batch, k, n}));
  Node *product = node_matmul(e->graph, left, right, false, false);
  return value_tensor(node_reshape(e->graph, product, physical_shape(e, plates, out)), plates);
}

static Value eval_binary(Elab *e, Scope *scope, const Ast *ast) {
  Value a = eval(e, scope, ast->a), b = eval(e, scope, ast->b);
  if (a.kind == V_ERROR || b.kind == V_ERROR) return value_error();
  a.span = ast->a->span;
  b.span = ast->b->span;
  if (!strcmp(ast->text, "@")) return matmul(e, a, b, ast->span);
  if (!strcmp(ast->text, "..")) return range_value(e, a, b);
  if (!strcmp(ast->text, "+") && a.kind == V_TEXT && b.kind == V_TEXT) return join_text(e, a, b);
  if (!strcmp(ast->text, "==") && (a.kind == V_TEXT || b.kind == V_TEXT))
    return value_number(a.kind == b.kind && !strcmp(a.text, b.text));
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
    if (!strcmp(operators[i].text, ast->text)) {
      Value v = operators[i].swapped ? apply2(e, operators[i].op, ast->span, b, a)
                                     : apply2(e, operators[i].op, ast->span, a, b);
      return operators[i].negated ? apply2(e, OP_SUB, ast->span, value_number(1), v) : v;
    }
  fail(e->arena, EXIT_SOFTWARE, "no operator %s", ast->text);
}

static Value eval_if(Elab *e, Scope *scope, const Ast *ast) {
  Value c = eval(e, scope, ast->a);
  if (c.kind == V_ERROR) return c;
  if (c.kind == V_NUMBER) {
    choice_made(e, ast, c.number != 0);
    return eval(e, scope, c.number != 0 ? ast->b : ast->c);
  }
  Value args[3] = {c, eval(e, scope, ast->b), eval(e, scope, ast->c)};
  if (args[1].kind == V_ERROR || args[2].kind == V_ERROR) return value_error();
  return apply(e, OP_SELECT, ast->span, 3, args);
}

static Value eval_list(Elab *e, Scope *scope, const Ast *ast) {
  Value v = {.kind = V_LIST, .span = ast->span, .items = ast_length(ast->a), .apart = ast->flag};
  v.item = NEW_ARRAY(e->arena, Value, v.items + 1);
  int i = 0;
  for (const Ast *a = ast->a; a; a = a->next) {
    v.item[i] = eval(e, scope, a);
    if (v.item[i].kind == V_ERROR) return value_error();
    v.item[i++].span = a->span;
  }
  return v;
}

// mean(x, axis: 0)
static Value eval_mean(Elab *e, Scope *scope, const Ast *ast) {
  Call call = {.span = ast->span, .n = 1, .arg = {eval(e, scope, ast->a)}, .ast = {ast->a}};
  bool good = eval_arguments(e, scope, ast->b, &call);
  return good && call.arg[0].kind != V_ERROR ? call_own(e, "average", &call) : value_error();
}

static Value eval_kind(Elab *e, Scope *scope, const Ast *ast) {
  switch (ast->kind) {
    case AST_NUMBER: return value_number(ast->number);
    case AST_STRING: return (Value){.kind = V_TEXT, .text = ast->name};
    case AST_NAME: return lookup(e, scope, ast);
    case AST_LIST: return eval_list(e, scope, ast);
    case AST_UNARY: {
      Value v = eval(e, scope, ast->a);
      if (v.kind == V_ERROR) return v;
      return ast->text[0] == '-' ? apply1(e, OP_NEG, ast->span, v) : apply2(e, OP_EQUAL, ast->span, v, value_number(0));
    }
    case AST_BINARY: return eval_binary(e, scope, ast);
    case AST_PIPE: return eval_pipe(e, scope, ast);
    case AST_IF: return eval_if(e, scope, ast);
    case AST_CALL: return eval_call(e, scope, ast);
    case AST_INDEX: return eval_index(e, scope, ast);
    case AST_RANGE: return complain(e, E0329, ast->span), value_error();
    case AST_PREFIX: return ast->b ? eval_mean(e, scope, ast) : eval_prefix(e, scope, ast);
    case AST_AGGREGATE: return eval_aggregate(e, scope, ast);
    case AST_LOOP: return eval_loop(e, scope, ast);
    case AST_MIXTURE: return make_mixture(e, scope, ast);
    case AST_ERROR: return value_error();
    default: break;
  }
  fail(e->arena, EXIT_SOFTWARE, "a %s is no expression", ast_kind_name(ast->kind));
}

// Bodies are expanded where they are applied, so a short text can ask for anything.
static bool too_much(Elab *e, const Ast *ast) {
  if (e->complaints >= MAX_COMPLAINTS) return true;
  if (e->work == MAX_WORK) complain(e, E0232, ast->span, MAX_WORK);
  if (e->work++ >= MAX_WORK) return true;
  if (e->nesting < MAX_NESTING) return false;
  complain(e, E0233, ast->span, MAX_NESTING);
  return true;
}

Value eval(Elab *e, Scope *scope, const Ast *ast) {
  if (too_much(e, ast)) return value_error();
  e->nesting++;
  Span outer = e->graph ? e->graph->span : (Span){-1, 0, 0};
  if (e->graph && !sources_text(e->sources, ast->span.file)->library) e->graph->span = ast->span;
  Value v = eval_kind(e, scope, ast);
  v.span = ast->span;
  name_called(e, ast, &v);
  if (e->graph) e->graph->span = outer;
  e->nesting--;
  return v;
}

// --- statements

bool fresh_name(Elab *e, Scope *scope, const char *name, Span where) {
  const Binding *b = own_binding(scope, name);
  if (!b) return true;
  complain(e, E0204, where, name);
  if (b->value.span.end) report_note(e->sources, user_span(e, b->value.span), "first given here");
  return false;
}

static void run_assign(Elab *e, Scope *scope, const Ast *s) {
  int names = ast_length(s->a);
  e->giving = s;
  Value v = eval(e, scope, s->b);
  if (v.kind == V_NONE) complain(e, E0230, s->b->span), v = value_error();
  if (names > 1 && v.kind != V_ERROR && (v.kind != V_LIST || v.items != names)) {
    complain(e, E0205, s->span, names, value_text(e, v));
    v = value_error();
  }
  int i = 0;
  for (const Ast *n = s->a; n; n = n->next, i++) {
    Value part = names == 1 || v.kind == V_ERROR ? v : v.item[i];
    name_bound(e, n, n->name, &part);
    if (fresh_name(e, scope, n->name, n->span)) bind_name(e, scope, n->name, part);
  }
}

// In the body of a network its outputs stay distributions: it is the one who applies it that draws.
static bool is_output(const Elab *e, const char *name) {
  if (!e->frame || e->frame->ast->kind != AST_NET) return false;
  for (const Ast *o = e->frame->ast->a; o; o = o->next)
    if (!strcmp(o->name, name)) return true;
  return false;
}

// A draw that has the name of a shared latent, of a distribution that is no network's.
static bool called_shared(Elab *e, Value *dist, const char *name) {
  Dist *copy = NEW(e->arena, Dist);
  *copy = *dist->dist;
  dist->dist = copy;
  return share_draw(e, copy, name, dist->span);
}

static void run_draw(Elab *e, Scope *scope, const Ast *s) {
  e->giving = s;
  Value all = eval(e, scope, s->b);
  bool joint = is_joint(&all);
  if (joint && all.items != ast_length(s->a)) {
    complain(e, E0205, s->span, ast_length(s->a), arena_format(e->arena, "%d distributions", all.items));
    all = value_error();
  }
  int i = 0;
  for (const Ast *n = s->a; n; n = n->next) {
    Shape declared;
    Value v = value_error(), dist = joint && all.kind != V_ERROR ? all.item[i++] : all;
    bool has_dims = n->kind == AST_VARIABLE && n->a != NULL;
    bool good = dist.kind == V_DIST && (!has_dims || eval_dims(e, scope, n->a, &declared));
    bool output = good && is_output(e, n->name);
    if (good && !dist.dist->variable && scope->sees_data) good = called_shared(e, &dist, n->name);
    if (output && s->c)
      complain(e, E0807, s->c->span, n->name);
    else if (output)
      v = has_dims ? shape_distribution(e, dist, declared, s->span) : dist;
    else if (good && s->c)
      v = draw_by(e, scope, dist, n->name, has_dims ? &declared : NULL, s->c, s->span);
    else if (good)
      v = draw(e, dist, n->name, has_dims ? &declared : NULL, s->span);
    else if (dist.kind != V_ERROR && dist.kind != V_DIST)
      complain(e, E0407, s->b->span, value_text(e, dist));
    if (fresh_name(e, scope, n->name, n->span)) bind_name(e, scope, n->name, v);
  }
}

static void run_objective(Elab *e, Scope *scope, const Ast *s) {
  Value v = eval(e, scope, s->a);
  Pursuit *p = &e->pursuit;
  bool inside = e->frame && e->frame->ast->kind == AST_OBJECTIVE && e->build == p->around;
  if (!inside) {
    complain(e, E0501, s->span);
    return;
  }
  if (p->given) complain(e, E0502, s->span);
  p->given = true;
  p->minimized = s->kind == AST_MINIMIZE;
  if (v.kind == V_DIST) complain(e, E0503, s->a->span), v = value_error();
  p->value = v.kind == V_ERROR ? v : to_tensor(e, v);
  if (p->value.kind == V_TENSOR && event_rank(&p->value)) {
    complain(e, E0504, s->a->span, shape_text(e->arena, event_shape(&p->value)));
    report_help(e->sources, "an objective is one number for each example: use `sum(...)` or `mean(...)`");
    p->value = value_error();
  }
  p->value.span = s->a->span;
}

// A body from a draw by enumeration on. False after reporting: then the names drawn have no values.
static bool eval_enumerated(Elab *e, Scope *scope, const Ast *s, const Ast *body, Value *result) {
  const Ast *rest = enumerated_rest(e, s, body);
  for (const Ast *n = s->a; n && !rest; n = n->next) bind_name(e, scope, n->name, value_error());
  *result = (Value){.kind = V_NONE};
  if (rest && rest->kind == AST_AGGREGATE)
    *result = eval(e, scope, rest);
  else if (rest)
    run_objective(e, scope, rest);
  return rest != NULL;
}

Value eval_body(Elab *e, Scope *scope, const Ast *body) {
  Span outer = e->graph ? e->graph->span : (Span){-1, 0, 0};
  Value result;
  for (const Ast *s = body->a; s; s = s->next) {
    if (e->graph && !sources_text(e->sources, s->span.file)->library) e->graph->span = s->span;
    switch (s->kind) {
      case AST_ASSIGN: run_assign(e, scope, s); break;
      case AST_DRAW:
        if (!by_enumeration(e, s->c))
          run_draw(e, scope, s);
        else if (eval_enumerated(e, scope, s, body, &result))
          return result;
        break;
      case AST_UPDATE: update_state(e, scope, s); break;
      case AST_WEIGHT:
      case AST_STATE: declare_weights(e, scope, s); break;
      case AST_NET: declare_network(e, scope, s); break;
      case AST_MAXIMIZE:
      case AST_MINIMIZE: run_objective(e, scope, s); break;
      case AST_GRID:
      case AST_PRINT:
      case AST_PLOT:
        if (!e->in_show || e->build) complain(e, E0602, s->span, ast_kind_name(s->kind));
        break;
      case AST_SETTING:
        if (!e->in_show || e->build)
          unknown_setting(e, s, 0, NULL);
        else
          axis_bind(e, scope, s);
        break;
      case AST_ERROR: break;
      default: fail(e->arena, EXIT_SOFTWARE, "a %s is no statement", ast_kind_name(s->kind));
    }
  }
  if (e->graph) e->graph->span = outer;
  return body->b ? eval(e, scope, body->b) : (Value){.kind = V_NONE};
}
