// Formulas: what a kernel's result is, in the names of the page. They stand in dumps, in reports of NaN and in comments
// of emitted code.
//
// Values that no kernel stores are spelled out; what grows too long ends in dots.
#include <string.h>

#include "plan/planner.h"

enum { MAX_LENGTH = 110, MAX_DEPTH = 8 };

typedef struct {
  const Layout *l;
  Text text;
} Writer;

static const char *infix(Op op) {
  switch (op) {
    case OP_ADD: return " + ";
    case OP_SUB: return " - ";
    case OP_MUL: return " * ";
    case OP_DIV: return " / ";
    case OP_POW: return "^";
    case OP_LESS: return " < ";
    case OP_EQUAL: return " == ";
    case OP_MATMUL: return " @ ";
    default: return NULL;
  }
}

static bool is_full(const Writer *w) { return w->text.length > MAX_LENGTH; }

static void write_value(Writer *w, const Node *n, int depth);

static void write_infix(Writer *w, const Node *n, const char *sign, int depth) {
  const char *close[] = {n->attr.flag & 1 ? "'" : "", n->attr.flag & 2 ? "'" : ""};
  if (depth) text_add(&w->text, "(");
  write_value(w, n->in[0], depth + 1);
  text_add(&w->text, "%s%s", n->op == OP_MATMUL ? close[0] : "", sign);
  write_value(w, n->in[1], depth + 1);
  text_add(&w->text, "%s%s", n->op == OP_MATMUL ? close[1] : "", depth ? ")" : "");
}

static void write_formula(Writer *w, const Node *n, int depth) {
  if (n->op == OP_RESULT) {
    text_add(&w->text, "%lld turns of a loop", (long long)n->in[0]->attr.loop->times);
    return;
  }
  const char *sign = infix(n->op);
  if (sign) {
    write_infix(w, n, sign, depth);
    return;
  }
  text_add(&w->text, "%s(", op_name(n->op));
  for (int i = 0; i < n->arity && !is_full(w); i++) {
    text_add(&w->text, i ? ", " : "");
    write_value(w, n->in[i], depth + 1);
  }
  text_add(&w->text, ")");
}

// A part of a value: q_heads[:, 16:32].
static void write_slice(Writer *w, const Node *n, int depth) {
  const Shape *whole = &n->in[0]->shape;
  write_value(w, n->in[0], depth);
  text_add(&w->text, "[");
  for (int i = 0; i < whole->rank; i++) {
    long long from = n->attr.a[i], to = from + n->shape.dim[i];
    bool all = n->shape.dim[i] == whole->dim[i];
    text_add(&w->text, "%s%s", i ? ", " : "", all ? ":" : arena_format(w->text.arena, "%lld:%lld", from, to));
  }
  text_add(&w->text, "]");
}

static void write_view(Writer *w, const Node *n, int depth) {
  if (n->op == OP_SLICE)
    write_slice(w, n, depth);
  else if (op_class(n->op) == MOVEMENT && n->arity == 1)
    write_value(w, n->in[0], depth);
  else
    text_add(&w->text, "%s(...)", op_name(n->op));
}

static void write_name(Writer *w, const Node *n, int depth) {
  const char *own = w->l->name[n->id] ? w->l->name[n->id] : node_name_text(w->text.arena, w->l->program->graph, n);
  if (n->op == OP_CONST && n->name)
    text_add(&w->text, strchr(n->name->word, ' ') ? "(%s)" : "%s", n->name->word);
  else if (n->op == OP_CONST)
    text_add(&w->text, "%.6g", n->attr.value);
  else if (own)
    text_add(&w->text, "%s", own);
  else
    write_view(w, n, depth);
}

static void write_value(Writer *w, const Node *n, int depth) {
  const Fusion *f = w->l->fusion;
  n = f->base[n->id];
  while (n->op == OP_BROADCAST) n = f->base[n->in[0]->id];
  bool inside = op_class(n->op) == ELEMENTWISE && !f->stored[n->id];
  if (is_full(w)) return;
  if (inside && depth < MAX_DEPTH) {
    write_formula(w, n, depth);
  } else {
    write_name(w, n, depth);
  }
}

static const char *finish(Writer *w) {
  for (char *c = w->text.data; *c; c++) {
    if ((unsigned char)*c < ' ') *c = ' ';  // names of outputs are expressions as written, line breaks included
  }
  if (w->text.length <= MAX_LENGTH) return w->text.data;
  return arena_format(w->l->arena, "%.*s ...", MAX_LENGTH, w->text.data);
}

const char *formula_of(const Layout *l, const Node *n) {
  Writer w = {.l = l, .text = text_new(l->arena)};
  write_formula(&w, n, 0);
  return finish(&w);
}

const char *name_of(const Layout *l, const Node *n) {
  Writer w = {.l = l, .text = text_new(l->arena)};
  write_value(&w, n, MAX_DEPTH);
  return finish(&w);
}
