// Labels: what a kernel computes, as a formula. They stand in dumps, in reports of NaN and in comments of emitted code.
//
// Weights and inputs have their names, other values are t<id>, where id is the node's number after the passes. Values
// that the kernel does not store are spelled out; what grows too long ends in dots.
#include <string.h>

#include "planner.h"

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

static void write_name(Writer *w, const Node *n) {
  const GraphProgram *p = w->l->program;
  if (n->op == OP_WEIGHT) {
    text_add(&w->text, "%s", p->graph->tensor[n->attr.id].name);
  } else if (n->op == OP_INPUT) {
    text_add(&w->text, "%s", p->graph->input[n->attr.id].name);
  } else if (n->op == OP_CONST) {
    text_add(&w->text, "%.6g", n->attr.value);
  } else {
    text_add(&w->text, "t%d", n->id);
  }
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
    write_name(w, n);
  }
}

// The name of what a result is stored as: the tensor it replaces, the output it is, or its number.
static void write_result(Writer *w, const Node *n) {
  const GraphProgram *p = w->l->program;
  const Fusion *f = w->l->fusion;
  for (int i = 0; i < p->assigns; i++) {
    if (f->base[p->assign[i].value->id] != n) continue;
    text_add(&w->text, "%s", p->graph->tensor[p->assign[i].target->attr.id].name);
    return;
  }
  for (int i = 0; i < p->outputs; i++) {
    if (f->base[p->output[i].value->id] != n) continue;
    text_add(&w->text, "%s", p->output[i].name);
    return;
  }
  text_add(&w->text, "t%d", n->id);
}

const char *label_of(const Layout *l, Node *const *result, int results) {
  Writer w = {.l = l, .text = text_new(l->arena)};
  for (int i = 0; i < results && !is_full(&w); i++) {
    const Node *n = result[i];
    text_add(&w.text, i ? "; " : "");
    write_result(&w, n);
    text_add(&w.text, " = ");
    bool source = op_class(n->op) == SOURCE && n->op != OP_RANDOM && n->op != OP_IOTA;
    if (source)
      write_name(&w, n);
    else
      write_formula(&w, n, 0);
  }
  for (char *c = w.text.data; *c; c++) {
    if ((unsigned char)*c < ' ') *c = ' ';  // names of outputs are expressions as written, line breaks included
  }
  if (w.text.length <= MAX_LENGTH) return w.text.data;
  return arena_format(l->arena, "%.*s ...", MAX_LENGTH, w.text.data);
}
