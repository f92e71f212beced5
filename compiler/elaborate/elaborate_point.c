// Points that gradients are taken by. Part of the elaborator.
//
// grad(y, x) follows y back to x. The graph simplifies what it is given, so that what is computed of x may be a node
// that is computed of what x was computed of: flatten(x), where x itself was reshaped, or -x, where x is -u. So what a
// text differentiates by is marked when it gets its name, before anything is computed of it: graph_point.
#include "elaborate/elaborate.h"

#include <string.h>

// A name of a text by which a gradient is taken there, or in what it is handed to.
typedef struct Point {
  const char *name;
  struct Point *next;
} Point;

// Those of one text. `outside`: of a formal, where what is differentiated is a formal too: it was computed elsewhere.
typedef struct Points {
  const Ast *text;
  Point *first;
  bool outside;
  struct Points *next;
} Points;

typedef struct {
  Elab *e;
  Points *points;
  bool more;  // something was found since the text was last read from its beginning
} Reader;

static bool is_point(const Points *p, const char *name) {
  const Point *of = p->first;
  while (of && strcmp(of->name, name)) of = of->next;
  return of;
}

static const Points *points_of(Elab *e, const Ast *text);

static void add_point(Reader *r, const Ast *name) {
  if (name->kind != AST_NAME || is_point(r->points, name->name)) return;
  Point *p = NEW(r->e->arena, Point);
  *p = (Point){name->name, r->points->first};
  r->points->first = p;
  r->more = true;
}

static const Ast *formals_of(const Ast *text) {
  if (text->kind == AST_NET) return text->b;
  return text->kind == AST_FUNCTION || text->kind == AST_OBJECTIVE ? text->a : NULL;
}

static bool is_formal(const Ast *text, const Ast *name) {
  return name->kind == AST_NAME && place_of_name(formals_of(text), name->name) >= 0;
}

// A call, whose first argument may stand before a pipe.
static void read_call(Reader *r, const Ast *callee, const Ast *piped, const Ast *arguments) {
  if (callee->kind != AST_NAME) return;
  const Decl *d = find_decl_at(r->e, callee->name, callee->span);
  bool grad = !d && !strcmp(callee->name, "grad");
  bool text = d && (d->ast->kind == AST_FUNCTION || d->ast->kind == AST_OBJECTIVE || d->ast->kind == AST_NET);
  if (!grad && !text) return;
  const Points *of = text ? points_of(r->e, d->ast) : NULL;
  const Ast *a = piped ? piped : arguments;
  for (int i = 0; a; i++) {
    const Ast *value = a->kind == AST_ARGUMENT ? a->a : a;
    const char *formal = text ? a->kind == AST_ARGUMENT && a->name ? a->name : name_at(formals_of(d->ast), i) : "";
    if (grad && i == 0 && is_formal(r->points->text, value)) r->points->outside = true;
    if (grad ? i == 1 : is_point(of, formal)) add_point(r, value);
    a = a == piped ? arguments : a->next;
  }
}

static void read_text(Reader *r, const Ast *list) {
  for (; list; list = list->next) {
    bool renamed = list->kind == AST_ASSIGN && !list->a->next && is_point(r->points, list->a->name);
    if (renamed) add_point(r, list->b);
    if (list->kind == AST_CALL) read_call(r, list->a, NULL, list->b ? list->b : list->c);
    if (list->kind == AST_PIPE && list->b->kind == AST_NAME) read_call(r, list->b, list->a, NULL);
    if (list->kind == AST_PIPE && list->b->kind == AST_CALL) read_call(r, list->b->a, list->a, list->b->b);
    read_text(r, list->a);
    read_text(r, list->b);
    read_text(r, list->c);
  }
}

static const Points *points_of(Elab *e, const Ast *text) {
  for (Points *p = e->points; p; p = p->next)
    if (p->text == text) return p;
  Points *p = NEW(e->arena, Points);
  *p = (Points){.text = text, .next = e->points};
  e->points = p;  // before it is read: it may call itself
  Reader r = {.e = e, .points = p};
  do {
    r.more = false;
    read_text(&r, text->c ? text->c : text->a);
  } while (r.more);
  return p;
}

static bool of_graph(const Graph *g, const Node *n) { return n->id < g->count && g->node[n->id] == n; }

// What is remembered of a node is true of its double.
static void pass_on(Elab *e, const Node *from, const Node *to) {
  for (Drawn *d = e->drawn; d; d = d->next)
    if (d->node == from) d->node = to;
  for (Fact *f = e->facts; f; f = f->next)
    if (f->node == from) f->node = to;
}

Value as_point(Elab *e, const Scope *scope, const char *name, Value v) {
  if (v.kind != V_TENSOR || !e->graph || !scope->of || !of_graph(e->graph, v.node)) return v;
  const Points *p = points_of(e, scope->of);
  if (!is_point(p, name) || (p->outside && place_of_name(formals_of(scope->of), name) >= 0)) return v;
  const Node *plain = v.node;
  v.node = graph_point(e->graph, v.node);
  if (v.node != plain) pass_on(e, plain, v.node);
  return v;
}
