// Supports: where values may lie, and whether they do. Part of the elaborator.
#include "elaborate/elaborate.h"
#include "text/vocabulary.h"

#include <math.h>
#include <string.h>

// The hull of the elements; `ordered` for an interval, whose ends stand in order.
static bool bounds(Elab *e, Scope *scope, const Ast *list, bool ordered, Support *s) {
  s->lo = INFINITY;
  s->hi = -INFINITY;
  double *member = NEW_ARRAY(e->arena, double, ast_length(list) + 1);
  int n = 0;
  for (const Ast *a = list; a; a = a->next) {
    Value v = eval(e, scope, a);
    if (v.kind == V_ERROR) return false;
    if (v.kind != V_NUMBER && v.kind != V_TENSOR)
      return complain(e, E0305, a->span, "a bound", value_text(e, v)), false;
    double lo = v.kind == V_NUMBER ? v.number : v.node->lo, hi = v.kind == V_NUMBER ? v.number : v.node->hi;
    s->computed = s->computed || v.kind == V_TENSOR;
    member[n++] = lo;
    if (!ordered || a == list) s->lo = fmin(s->lo, lo), s->sure_lo = hi;
    if (!ordered || a != list) s->hi = fmax(s->hi, hi), s->sure_hi = lo;
  }
  if (!ordered && !s->computed) s->member = member, s->members = n;
  return true;
}

static bool eval_interval(Elab *e, Scope *scope, const Ast *ast, Support *s) {
  s->kind = SUPPORT_INTERVAL;
  if (ast->kind != AST_LIST || ast_length(ast->a) != 2) return complain(e, E0408, ast->span), false;
  if (!bounds(e, scope, ast->a, true, s)) return false;
  if (s->lo < s->hi) return true;
  return complain(e, E0409, ast->span, s->lo, s->hi), false;
}

const Ast *member_of(const Ast *decl, const char *name) {
  for (const Ast *m = decl->c; m; m = m->next)
    if (m->kind == AST_MEMBER && !strcmp(m->name, name)) return m;
  return NULL;
}

void check_members(Elab *e, const Ast *decl) {
  enum { OTHERS = -1 };  // the parameters of another one of its kind
  static const struct Member {
    const char *name;
    int arguments;
  } of_distribution[] = {{"sample", 0}, {"log", 1},  {"mean", 0},    {"entropy", 0}, {"quantile", 1}, {"domain", 0},
                         {"fit", 1},    {"born", 1}, {"penalty", 0}, {"mixture", 0}, {"=", 0},        {"product", OTHERS}},
    of_support[] = {{"of", 1}, {"to", 1}, {"bounds", 0}, {"domain", 0}, {"start", 0}};
  bool support = decl->kind == AST_SUPPORT;
  const struct Member *known = support ? of_support : of_distribution;
  int n = support ? sizeof of_support / sizeof *known : sizeof of_distribution / sizeof *known;
  const char *names[sizeof of_distribution / sizeof *of_distribution];
  for (int i = 0; i < n; i++) names[i] = known[i].name;
  for (const Ast *m = decl->c; m; m = m->next) {
    int k = 0;
    while (k < n && strcmp(known[k].name, m->name)) k++;
    const char *near = k == n ? nearest_name(m->name, n, names) : NULL, *wrong = NULL;
    if (k == n)
      wrong = "is no part of one";
    else if (member_of(decl, m->name) != m)
      wrong = "stands there twice";
    else if (known[k].arguments == OTHERS)
      wrong = ast_length(m->a) != ast_length(decl->a) ? "takes the parameters of another one, as many as it has" : NULL;
    else if (ast_length(m->a) != known[k].arguments)
      wrong = known[k].arguments ? "takes one value, in brackets" : "takes no value";
    if (!wrong) continue;
    complain(e, E0423, m->span, ast_kind_name(decl->kind), decl->name, m->name, wrong);
    if (near && *near) report_help(e->sources, "did you mean `%s`?", near);
  }
}

// One that a text declares: what its numbers lie between, and its arguments for its maps.
static bool eval_declared(Elab *e, Scope *scope, const Decl *decl, const Ast *ast, Support *s) {
  Call call = {.span = ast->span};
  const Ast *between = member_of(decl->ast, "bounds");
  if (ast->kind == AST_CALL && !eval_arguments(e, scope, ast->b, &call)) return false;
  s->decl = decl;
  s->scope = bind_formals(e, decl->ast, &call);
  s->axes = ast_length(decl->ast->b);
  if (!s->scope) return false;
  if (between && !between->c->b) return complain(e, E0408, between->span), false;
  if (between && !eval_interval(e, s->scope, between->c->b, s)) return false;
  if (s->axes) s->kind = SUPPORT_DECLARED;
  return true;
}

bool eval_support(Elab *e, Scope *scope, const Ast *ast, Support *s) {
  *s = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  if (ast->kind == AST_LIST) return eval_interval(e, scope, ast, s);
  if (ast->kind == AST_SET) {
    s->kind = SUPPORT_SET;
    return bounds(e, scope, ast->a, false, s);
  }
  if (ast->kind == AST_IF) {
    double holds = eval_number(e, scope, ast->a, "a condition of a support");
    return !isnan(holds) && eval_support(e, scope, holds != 0 ? ast->b : ast->c, s);
  }
  const Ast *head = ast->kind == AST_CALL || ast->kind == AST_INDEX ? ast->a : ast;
  const char *name = head->kind == AST_NAME ? head->name : "";
  if (ast->kind == AST_CALL && !strcmp(name, "class") && ast_length(ast->b) == 1) {
    double n = eval_number(e, scope, ast->b->kind == AST_ARGUMENT ? ast->b->a : ast->b, "a number of classes");
    if (isnan(n)) return false;
    if (n < 1 || n > 1e6 || floor(n) != n) return complain(e, E0306, ast->span, n), false;
    *s = (Support){.kind = SUPPORT_CLASS, .lo = 0, .hi = n - 1};
    return true;
  }
  if (ast->kind == AST_INDEX) {
    Shape dims;
    if (!eval_dims(e, scope, ast->b, &dims)) return false;
    s->rank = dims.rank;
    memcpy(s->dim, dims.dim, sizeof s->dim);
  }
  if (!strcmp(name, "real")) return true;
  if (!strcmp(name, "binary")) {
    static const double bits[] = {0, 1};
    s->kind = SUPPORT_SET, s->lo = 0, s->hi = 1, s->member = bits, s->members = 2;
    return true;
  }
  if (!strcmp(name, "counts")) {
    s->kind = SUPPORT_SET, s->lo = 0;
    return true;
  }
  const Decl *decl = find_decl_at(e, arena_format(e->arena, "support %s", name), ast->span);
  if (decl) return eval_declared(e, scope, decl, ast, s);
  const WordEntry *word = word_find(name);
  if (word && word->kind == LATER)
    report_later(e->sources, user_span(e, ast->span), arena_format(e->arena, "the support `%s`", name), word->help);
  else
    complain(e, E0410, ast->span, expression_text(e, ast));
  return false;
}

bool is_library_support(const Support *s, const char *name) {
  return s->decl && s->decl->library && !strcmp(s->decl->ast->name, name);
}

// {-1, 1}; of many members the first two and the last.
static const char *set_text(Elab *e, const Support *s) {
  enum { MANY = 8 };
  Text t = text_new(e->arena);
  if (support_counts(s)) return "the counts 0, 1, 2, ...";
  if (!s->members) return arena_format(e->arena, "a set that is computed, somewhere in [%g, %g]", s->lo, s->hi);
  for (int i = 0; i < s->members; i++) {
    bool left_out = s->members > MANY && i >= 2 && i + 1 < s->members;
    if (!left_out || i == 2) text_add(&t, "%s%s", i ? ", " : "{", left_out ? "..." : "");
    if (!left_out) text_add(&t, "%g", s->member[i]);
  }
  text_add(&t, "}");
  return t.data;
}

const char *support_text(Elab *e, const Support *s) {
  switch (s->kind) {
    case SUPPORT_REAL: return "the real line";
    case SUPPORT_DECLARED: return fact_words(e, s).place;
    case SUPPORT_CLASS: return arena_format(e->arena, "class(%g)", s->hi + 1);
    case SUPPORT_SET: return set_text(e, s);
    case SUPPORT_INTERVAL: break;
  }
  if (s->computed) return arena_format(e->arena, "an interval that is computed, somewhere in [%g, %g]", s->lo, s->hi);
  if (s->hi == INFINITY) return s->lo == 0 ? "the positive numbers" : arena_format(e->arena, "[%g, infinity)", s->lo);
  return arena_format(e->arena, "[%g, %g]", s->lo, s->hi);
}

bool support_counts(const Support *s) { return s->kind == SUPPORT_SET && !s->members && !s->computed; }

bool support_discrete(const Support *s) { return s->kind == SUPPORT_SET || s->kind == SUPPORT_CLASS; }

// Does x lie there? In a set whose members are not known, a whole number between the least and the greatest.
static bool support_holds(const Support *s, double x) {
  bool found = s->members == 0 && floor(x) == x;
  for (int i = 0; i < s->members; i++) found = found || s->member[i] == x;
  return x >= s->lo && x <= s->hi && (found || !support_discrete(s));
}

bool support_within(const Support *inner, const Support *outer) {
  bool within = true;
  if (support_discrete(outer) && !support_discrete(inner)) return false;
  if (outer->kind == SUPPORT_DECLARED) return inner->kind == SUPPORT_DECLARED && inner->decl == outer->decl;
  for (int i = 0; i < inner->members; i++) within = within && support_holds(outer, inner->member[i]);
  for (double k = 0; inner->kind == SUPPORT_CLASS && k <= inner->hi; k++) within = within && support_holds(outer, k);
  if (!within) return false;
  if (outer->computed) return inner->lo >= outer->sure_lo && inner->hi <= outer->sure_hi;
  return inner->lo >= outer->lo && inner->hi <= outer->hi;
}

bool bound_by_numbers(const Elab *e, const Value *v) {
  if (v->kind != V_TENSOR || !graph_owns(e->graph, v->node)) return false;
  const float *number = graph_known(e->arena, e->graph, v->node);
  int64_t count = shape_count(v->node->shape);
  double lo = INFINITY, hi = -INFINITY;
  if (!number) return false;
  for (int64_t i = 0; i < count; i++) {
    if (isnan(number[i])) return false;
    lo = fmin(lo, (double)number[i]), hi = fmax(hi, (double)number[i]);
  }
  bool tighter = lo > v->node->lo || hi < v->node->hi;
  if (tighter) v->node->lo = fmax(lo, v->node->lo), v->node->hi = fmin(hi, v->node->hi);
  return tighter;
}

bool point_within(const Value *v, const Support *s) {
  double lo = v->kind == V_NUMBER ? v->number : v->node->lo, hi = v->kind == V_NUMBER ? v->number : v->node->hi;
  if (s->kind == SUPPORT_REAL) return true;
  if (lo == hi || v->kind == V_NUMBER) return support_holds(s, lo);  // NaN lies in none
  bool whole = v->classes || is_integral(v->node), labels = true;
  for (double k = 0; k < v->classes; k++) labels = labels && support_holds(s, k);
  return lo >= s->lo && hi <= s->hi && labels && (!support_discrete(s) || whole);
}

bool lies_within(const Elab *e, const Value *v, const Support *s) {
  return point_within(v, s) || (bound_by_numbers(e, v) && point_within(v, s));
}
