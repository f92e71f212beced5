// What expressions ask of distributions: log f, mean f, draw f, each log f, kl(f || g). Part of the elaborator.
#include "elaborate/elaborate.h"

#include <string.h>

// A density that nothing is asked at: p(x | z) where x has no value, or is data that this text does not see.
static void no_point(Elab *e, const Scope *scope, const Ast *ast, const Ast *density) {
  for (const Ast *a = density->kind == AST_CALL ? density->b : NULL; a && !scope->sees_data; a = a->next) {
    const Ast *name = a->kind == AST_ARGUMENT ? a->a : a;
    if (name->kind == AST_NAME && !find_binding(scope, name->name) && find_column(e, name->name) >= 0) {
      not_seen(e, scope, name->name, name->span);
      return;
    }
  }
  complain(e, E0406, ast->span, expression_text(e, density));
  if (density->kind == AST_CALL && !(density->flag & 1) && strcmp(density->a->name, "prior") != 0)
    report_help(e->sources, "write log p(x | z), of an output that has a value here");
}

bool is_divergence_call(const Ast *ast) {
  return ast->kind == AST_CALL && ast->flag & 2 && ast->a->kind == AST_NAME && !strcmp(ast->a->name, "kl");
}

bool is_joint(const Value *v) {
  bool joint = v->kind == V_LIST && v->items > 0;
  for (int i = 0; joint && i < v->items; i++) joint = v->item[i].kind == V_DIST;
  return joint;
}

static Value density_value(Elab *e, const Scope *scope, const Ast *ast, Value v, Extent extent) {
  if (!v.dist->has_point) return no_point(e, scope, ast, ast->a), value_error();
  Value density = log_density(e, v, v.dist->point, extent, ast->span);
  name_density(e, v.dist, &density);
  return density;
}

static Value prefix_value(Elab *e, const Scope *scope, const Ast *ast, Value v) {
  if (!strcmp(ast->text, "log"))
    return v.kind == V_DIST ? density_value(e, scope, ast, v, WHOLE) : apply1(e, OP_LOG, ast->span, v);
  if (!strcmp(ast->text, "mean")) {
    if (v.kind == V_DIST) return dist_member(e, v, "mean", WHOLE, ast->span);
    return call_library(e, "average", ast->span, 1, &v);
  }
  if (v.kind != V_DIST) return complain(e, E0407, ast->span, value_text(e, v)), value_error();
  return draw(e, v, v.dist->variable ? v.dist->variable : "draw", NULL, ast->span);
}

// Of two joints of independent variables, one after another: each of the first with that of its name in the second.
static const Value *partner_of(const Value *of, const Value *g) {
  const char *name = of->dist->variable;
  for (int i = 0; i < g->items; i++)
    if (name && g->item[i].dist->variable && !strcmp(name, g->item[i].dist->variable)) return &g->item[i];
  return NULL;
}

static Value as_joint(Elab *e, Value v) {
  if (v.kind != V_DIST) return v;
  Value list = {.kind = V_LIST, .items = 1, .item = NEW(e->arena, Value), .span = v.span};
  list.item[0] = v;
  return list;
}

static Value joint_divergence(Elab *e, Value f, Value g, Extent extent, Span where) {
  Value list = {.kind = V_LIST, .items = f.items, .item = NEW_ARRAY(e->arena, Value, f.items), .span = where};
  Value sum = value_number(0);
  if (!is_joint(&f) || !is_joint(&g)) return complain(e, E0405, where), value_error();
  for (int i = 0; i < f.items; i++) {
    const Value *other = partner_of(&f.item[i], &g);
    if (f.items != g.items || !other) return complain(e, E0420, where), value_error();
    Value v = kl_divergence(e, f.item[i], *other, extent, where);
    if (v.kind == V_ERROR) return v;
    list.item[i] = v;
    if (extent == WHOLE) sum = apply2(e, OP_ADD, where, sum, v);
  }
  return extent == EACH ? list : sum;
}

Value eval_divergence(Elab *e, Scope *scope, const Ast *call, Extent extent) {
  Call of = {.span = call->span};
  bool good = eval_arguments(e, scope, call->b, &of);
  good = eval_arguments(e, scope, call->c, &of) && good;
  if (!good) return value_error();
  if (of.n != 2) return complain(e, E0405, call->span), value_error();
  if (is_joint(&of.arg[0]) || is_joint(&of.arg[1]))
    return joint_divergence(e, as_joint(e, of.arg[0]), as_joint(e, of.arg[1]), extent, call->span);
  return kl_divergence(e, of.arg[0], of.arg[1], extent, call->span);
}

static bool is_entropy(const Elab *e, const Scope *scope, const Ast *ast) {
  const char *name = ast->kind == AST_CALL && ast->a->kind == AST_NAME ? ast->a->name : "";
  bool own = find_binding(scope, name) || find_decl(e, name);
  return !strcmp(name, "entropy") && !own && ast_length(ast->b) == 1 && !ast->b->name && !ast->c;
}

static Value each_value(Elab *e, Scope *scope, const Ast *of, Value v) {
  if (v.kind != V_DIST) return complain(e, E0720, of->span, expression_text(e, of)), value_error();
  if (of->kind == AST_CALL) return dist_member(e, v, "entropy", EACH, of->span);
  return density_value(e, scope, of, v, EACH);
}

// The terms of a log density, a divergence or an entropy, before they are added over the event.
static Value eval_each(Elab *e, Scope *scope, const Ast *of) {
  if (is_divergence_call(of)) return eval_divergence(e, scope, of, EACH);
  bool density = of->kind == AST_PREFIX && !strcmp(of->text, "log");
  if (!density && !is_entropy(e, scope, of)) return complain(e, E0720, of->span, expression_text(e, of)), value_error();
  const Ast *asked = density ? of->a : of->b->a;
  Value v = eval(e, scope, asked);
  if (v.kind == V_ERROR) return v;
  v.span = asked->span;
  if (!is_joint(&v)) return each_value(e, scope, of, v);
  Value list = v;
  list.item = NEW_ARRAY(e->arena, Value, v.items);
  for (int i = 0; i < v.items; i++) {
    list.item[i] = each_value(e, scope, of, v.item[i]);
    if (list.item[i].kind == V_ERROR) return value_error();
  }
  return list;
}

// The outputs of a network are independent given its inputs: their joint log density is the sum, a draw or the means a
// list.
Value eval_prefix(Elab *e, Scope *scope, const Ast *ast) {
  if (!strcmp(ast->text, "each")) return eval_each(e, scope, ast->a);
  Value v = eval(e, scope, ast->a);
  if (v.kind == V_ERROR) return v;
  v.span = ast->a->span;
  if (!is_joint(&v)) return prefix_value(e, scope, ast, v);
  Value list = v, sum = value_number(0);
  list.item = NEW_ARRAY(e->arena, Value, v.items);
  for (int i = 0; i < v.items; i++) {
    list.item[i] = prefix_value(e, scope, ast, v.item[i]);
    if (list.item[i].kind == V_ERROR) return value_error();
    if (!strcmp(ast->text, "log")) sum = apply2(e, OP_ADD, ast->span, sum, list.item[i]);
  }
  return strcmp(ast->text, "log") ? list : sum;
}
