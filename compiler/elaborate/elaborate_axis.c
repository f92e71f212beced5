// What the rows and columns of a grid stand for: `rows y in 0 .. 10`, and their labels. Part of the elaborator.
//
// A label is what the text itself says of a row: the value of the binder there; without one, of the largest expression
// that speaks of `row` and is a number known beforehand, under the name of the argument or input that it is given as.
// Labels are looked for in a graph of their own, once the show's program is done: they change nothing of it.
#include "elaborate/elaborate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/reference.h"

enum { MOST_PLACES = 100 };

const Ast *axis_setting(const Ast *body, const char *setting) {
  for (const Ast *s = body->a; s; s = s->next)
    if (s->kind == AST_SETTING && !strcmp(s->name, setting)) return s;
  return NULL;
}

static const Ast *binder_of(const Ast *setting) {
  return setting && setting->a->kind == AST_BINDER ? setting->a : NULL;
}

// `in {"plain", "mirrored"}`
static bool in_words(const Ast *binder) { return binder->a->kind == AST_LIST && binder->a->a->kind == AST_STRING; }

static bool counts_words(Elab *e, const Ast *binder, int64_t *n) {
  for (const Ast *w = binder->a->a; w; w = w->next) {
    if (w->kind != AST_STRING) return complain(e, E0649, w->span), false;
    *n += 1;
  }
  return true;
}

int64_t axis_length(Elab *e, const Ast *show, const char *setting, int64_t absent) {
  const Ast *s = axis_setting(show->c, setting), *binder = binder_of(s);
  int64_t n = 0;
  Value v;
  if (!binder) return whole_setting(e, show->c, setting, absent, MOST_PLACES);
  begin_program(e, 1, false);
  bool good = in_words(binder) ? counts_words(e, binder, &n) : eval_run(e, scope_for(e, show), binder, &n, &v);
  if (!good) return e->unfinished = true, absent;
  if (n > MOST_PLACES) return complain(e, E0614, s->span, setting, (long long)MOST_PLACES, (double)n), absent;
  return n;
}

void axis_bind(Elab *e, Scope *scope, const Ast *setting) {
  const Ast *binder = binder_of(setting);
  if (!binder) return;
  const char *axis = !strcmp(setting->name, "rows") ? "row" : "column";
  Value place = show_place(e, axis), v;
  int64_t n = 0;
  if (in_words(binder)) {
    v = place;
  } else if (!eval_run(e, scope, binder, &n, &v)) {
    return;
  } else if (binder->a->kind == AST_BINARY && !strcmp(binder->a->text, "..")) {
    int classes = v.classes;
    v = apply2(e, OP_ADD, binder->span, place, value_number(eval_number(e, scope, binder->a->a, "a range")));
    v.classes = classes;
  } else {
    Ast at = {.kind = AST_NAME, .name = axis, .span = binder->span};
    Ast part = {.kind = AST_INDEX, .a = binder->a, .b = &at, .span = binder->span};
    v = eval(e, scope, &part);
  }
  if (fresh_name(e, scope, binder->name, binder->span)) bind_name(e, scope, binder->name, v);
}

// ---- labels

typedef struct {
  Elab *e;
  Scope *scope;
  const Ast *body;
  const char *axis;  // `row` or `column`
  int64_t n, step;   // places, and how far they are apart among the numbers of a value
  PlanAxis *to;
} Labels;

// Does a value hang on nothing but numbers of the page?
static bool known_beforehand(const Node *n, bool *seen) {
  if (seen[n->id]) return true;
  seen[n->id] = true;
  if (n->op == OP_INPUT || n->op == OP_WEIGHT || n->op == OP_RANDOM || n->op == OP_RESULT) return false;
  for (int i = 0; i < n->arity; i++)
    if (!known_beforehand(n->in[i], seen)) return false;
  return true;
}

// The numbers of a value, all it has; NULL where they are not known.
static const double *known_numbers(Elab *e, const Value *v, int64_t *count) {
  if (v->kind != V_TENSOR || !known_beforehand(v->node, NEW_ARRAY(e->arena, bool, e->graph->count))) return NULL;
  *count = shape_count(v->node->shape);
  return reference_eval(e->arena, e->graph, &(ReferenceInputs){0}, v->node);
}

// Of two digits or more: as many as it takes to tell numbers apart.
static const char *number_text(Arena *a, double v, int digits) {
  if (fabs(v) < 1e-9) v = 0;
  return floor(v) == v && fabs(v) < 1e6 ? arena_format(a, "%.0f", v) : arena_format(a, "%.*g", digits, v);
}

// A label for each place, if the numbers tell any two apart.
static bool label_numbers(const Labels *l, const char *name, const Value *value) {
  int64_t count = 0;
  const double *x = known_numbers(l->e, value, &count);
  if (!x || count != l->n * l->step) return false;
  const char **text = NEW_ARRAY(l->e->arena, const char *, l->n);
  bool differ = false, alike = true;
  for (int digits = 2; alike && digits <= 6; digits++) {
    alike = false;
    for (int64_t i = 0; i < l->n; i++) {
      text[i] = number_text(l->e->arena, x[i * l->step], digits);
      differ = differ || x[i * l->step] != x[0];
      alike = alike || (i > 0 && x[i * l->step] != x[(i - 1) * l->step] && !strcmp(text[i], text[i - 1]));
    }
  }
  if (!differ) return false;
  l->to->name = name;
  l->to->text = text;
  int column = name ? find_column(l->e, name) : -1;
  if (column >= 0 && l->e->column[column].classes) l->to->words = column + 1;
  return true;
}

// Does an expression speak of nothing that the show's body gives a name?
static bool is_free(const Labels *l, const Ast *ast) {
  if (!ast) return true;
  if (ast->kind == AST_CALL && ast->a->kind == AST_NAME && !strcmp(ast->a->name, "prior")) return true;
  if (ast->kind == AST_PREFIX && !strcmp(ast->text, "draw")) return false;
  if (ast->kind == AST_NAME) {
    if (find_column(l->e, ast->name) >= 0) return false;
    for (const Ast *s = l->body->a; s; s = s->next)
      for (const Ast *n = s->kind == AST_ASSIGN || s->kind == AST_DRAW ? s->a : NULL; n; n = n->next)
        if (!strcmp(n->name, ast->name)) return false;
  }
  const Ast *part[] = {ast->a, ast->b, ast->c};
  for (int i = 0; i < 3; i++)
    for (const Ast *a = part[i]; a; a = a->next)
      if (!is_free(l, a)) return false;
  return true;
}

static bool speaks_of(const Ast *ast, const char *name) {
  Ast alone = *ast;
  alone.next = NULL;
  return mentions(&alone, name);
}

static bool label_here(const Labels *l, const Ast *ast, const char *name) {
  int complaints = l->e->complaints;
  const char *other = !strcmp(l->axis, "row") ? "column" : "row";
  const Decl *d = ast->kind == AST_CALL && ast->a->kind == AST_NAME ? find_decl_at(l->e, ast->a->name, ast->span) : NULL;
  if (speaks_of(ast, other) || !is_free(l, ast) || (d && d->ast->kind == AST_NET)) return false;
  Value v = eval(l->e, l->scope, ast);
  if (v.kind != V_TENSOR || l->e->complaints != complaints || shape_count(event_shape(&v)) != 1) return false;
  return label_numbers(l, name, &v);
}

static bool label_by(const Labels *l, const Ast *ast, const char *name);

// The arguments of a call, under the names that the callee has for them.
static bool label_arguments(const Labels *l, const Ast *arguments, const Ast *formals) {
  const Ast *formal = formals;
  for (const Ast *a = arguments; a; a = a->next) {
    bool argument = a->kind == AST_ARGUMENT;
    const char *name = argument && a->name ? a->name : formal ? formal->name : NULL;
    if (label_by(l, argument ? a->a : a, name)) return true;
    if (formal) formal = formal->next;
  }
  return false;
}

static bool label_call(const Labels *l, const Ast *call) {
  const Decl *d = call->a->kind == AST_NAME ? find_decl_at(l->e, call->a->name, call->a->span) : NULL;
  bool net = d && d->ast->kind == AST_NET;
  const Ast *formals = net ? d->ast->b : d ? d->ast->a : NULL;
  bool applied = net && call->flag != 1;  // G(z), with nothing behind a bar
  return label_arguments(l, call->b, net && !applied ? NULL : formals) || label_arguments(l, call->c, formals);
}

// `a |> f(b)`, where what comes first is given to the callee's first argument.
static bool label_pipe(const Labels *l, const Ast *pipe) {
  if (label_by(l, pipe->a, NULL)) return true;
  const Ast *call = pipe->b->kind == AST_CALL ? pipe->b : NULL;
  const Decl *d = call && call->a->kind == AST_NAME ? find_decl_at(l->e, call->a->name, call->a->span) : NULL;
  const Ast *formals = d && d->ast->kind != AST_NET ? d->ast->a : NULL;
  return call && label_arguments(l, call->b, formals ? formals->next : NULL);
}

// The largest expression in `ast` that a label can be made of; `name`: what it is given as, or NULL.
static bool label_by(const Labels *l, const Ast *ast, const char *name) {
  static const char *const comparisons[] = {"<", "<=", ">", ">=", "==", "!="};
  if (!ast || !speaks_of(ast, l->axis)) return false;
  if (ast->kind == AST_BINARY && name_in(ast->text, 6, comparisons)) return false;
  switch (ast->kind) {
    case AST_NAME: return label_here(l, ast, name);
    case AST_CALL: return label_here(l, ast, name) || label_call(l, ast);
    case AST_IF: return label_by(l, ast->b, name) || label_by(l, ast->c, name);
    case AST_PIPE: return label_pipe(l, ast);
    case AST_LIST: {
      int i = 0;
      for (const Ast *a = ast->a; a; a = a->next, i++)
        if (label_by(l, a, name ? arena_format(l->e->arena, "%s[%d]", name, i) : NULL)) return true;
      return false;
    }
    case AST_UNARY:
    case AST_BINARY:
    case AST_PREFIX:
    case AST_INDEX:
      if (label_here(l, ast, name)) return true;
      for (const Ast *a = ast->a; a; a = a->next)
        if (label_by(l, a, NULL)) return true;
      for (const Ast *a = ast->b; a; a = a->next)
        if (label_by(l, a, NULL)) return true;
      return false;
    default: return false;
  }
}

// What a binder runs over, place by place.
static void label_binder(const Labels *l, const Ast *binder) {
  Elab *e = l->e;
  const char **text = NEW_ARRAY(e->arena, const char *, l->n);
  int64_t n = 0, i = 0;
  Value v;
  l->to->name = binder->name;
  l->to->text = text;
  if (in_words(binder)) {
    l->to->name = NULL;
    for (const Ast *w = binder->a->a; w; w = w->next) text[i++] = w->name;
    return;
  }
  if (!eval_run(e, l->scope, binder, &n, &v)) return;
  Labels each = *l;
  each.step = 1;
  if (label_numbers(&each, binder->name, &v)) return;
  for (; i < l->n; i++) text[i] = arena_format(e->arena, "%lld", (long long)i);
}

static void label_axis(Elab *e, const Ast *show, const char *setting, const char *axis, int64_t n, int64_t step, PlanAxis *to) {
  Labels l = {e, scope_for(e, show), show->c, axis, n, step, to};
  const Ast *binder = binder_of(axis_setting(show->c, setting));
  if (binder) {
    label_binder(&l, binder);
    return;
  }
  for (const Ast *s = show->c->a; s; s = s->next) {
    if (s->kind == AST_SETTING) continue;
    const char *name = s->kind == AST_ASSIGN && !s->a->next ? s->a->name : NULL;
    for (const Ast *x = s->kind == AST_ASSIGN || s->kind == AST_DRAW ? s->b : s->a; x; x = x->next)
      if (label_by(&l, x, name)) return;
  }
}

void label_axes(Elab *e, const Ast *show, PlanShow *to) {
  begin_program(e, e->across ? e->rows : e->rows * e->cols, false);
  if (e->across) e->plate[e->plate_count++] = e->cols;
  e->in_show = true;
  label_axis(e, show, "rows", "row", e->rows, e->across ? 1 : e->cols, &to->down);
  if (e->across) label_axis(e, show, "columns", "column", e->cols, 1, &to->along);
  e->in_show = false;
}
