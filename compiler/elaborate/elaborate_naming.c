// The names that values are given as the page is evaluated (names.h). Part of the elaborator.
#include "elaborate/elaborate.h"

#include <string.h>

NameScope *open_names(Elab *e, const char *word, bool hidden) {
  NameScope *s = NEW(e->arena, NameScope);
  *s = (NameScope){.word = word, .hidden = hidden, .up = names_here(e)};
  if (e->graph) e->graph->scope = s;
  return s;
}

const NameScope *names_here(const Elab *e) { return e->graph ? e->graph->scope : NULL; }

void close_names(Elab *e, const NameScope *outer) {
  if (e->graph) e->graph->scope = outer;
}

bool on_page(const Elab *e, const Ast *ast) { return !sources_text(e->sources, ast->span.file)->library; }

static void give_name(Elab *e, const Value *v, Name name) {
  if (v->kind == V_TENSOR && e->graph) node_name(e->graph, v->node, name);
}

void name_bound(Elab *e, const Ast *where, const char *word, const Value *v) {
  give_name(e, v, (Name){.rank = on_page(e, where) ? NAME_GIVEN : NAME_LIBRARY, .scope = names_here(e), .word = word});
}

void name_formal(const Ast *declaration, const Ast *formal, Value *v) {
  if (declaration->kind == AST_OPTIMIZER && v->kind == V_NUMBER && !v->said) v->said = formal->name;
}

void name_declared(Elab *e, const Ast *declaration, Value *v) {
  if (v->kind == V_NUMBER) v->said = declaration->name;
  NameRank rank = on_page(e, declaration) ? NAME_GIVEN : NAME_LIBRARY;
  give_name(e, v, (Name){.rank = rank, .word = declaration->name});
}

void name_keyword(Elab *e, const Ast *argument, const Value *v) {
  if (argument->kind == AST_ARGUMENT && argument->name && on_page(e, argument))
    give_name(e, v, (Name){.rank = NAME_KEYWORD, .scope = names_here(e), .word = argument->name});
}

void name_application(Elab *e, const char *word, const Value *v) {
  give_name(e, v, (Name){.rank = NAME_CALL, .scope = names_here(e), .word = word});
}

void name_called(Elab *e, const Ast *ast, const Value *v) {
  const Ast *callee = ast->kind == AST_PIPE ? ast->b : ast;
  if (callee->kind == AST_CALL) callee = callee->a;
  const char *word = callee->kind == AST_AGGREGATE || callee->kind == AST_LOOP ? callee->text : NULL;
  if (callee != ast && callee->kind == AST_NAME) word = callee->name;
  if (word && on_page(e, ast)) name_application(e, word, v);
}

void name_drawn(Elab *e, const NameScope *variable, const Value *v) {
  give_name(e, v, (Name){.rank = NAME_DRAWN, .scope = variable});
}

void name_parameters(Elab *e, const NameScope *variable, const Dist *d) {
  for (; d; d = d->base) {
    int i = 0;
    for (const Ast *f = d->formals; f; f = f->next, i++)
      give_name(e, &d->param[i], (Name){.rank = NAME_FORMAL, .scope = variable, .word = f->name});
  }
}

void name_density(Elab *e, const Dist *d, const Value *v) {
  const NameScope *scope = d->names ? d->names : names_here(e);
  const char *variable = d->variable ? d->variable : d->kind->name(d);
  give_name(e, v, (Name){.rank = NAME_CALL, .log = true, .scope = scope, .word = d->names ? NULL : variable});
}

const char *argument_word(const Elab *e, const Value *v) {
  const Node *n = v->node;
  if (n->op == OP_WEIGHT || n->op == OP_INPUT) return node_name_text(e->arena, e->graph, n);
  if (!n->name) return op_name(n->op);
  const NameScope *s = scope_told(n->name->scope);
  return s ? s->word : n->name->word;
}

// ---- what is said for numbers

static const char *said_or_digits(const Elab *e, const Value *v, bool alone) {
  if (!v->said) return arena_format(e->arena, "%.6g", v->number);
  return alone || !strchr(v->said, ' ') ? v->said : arena_format(e->arena, "(%s)", v->said);
}

const char *words_for(const Elab *e, Op op, int n, const Value *args) {
  enum { LONGEST = 40 };
  bool any = false;
  for (int i = 0; i < n; i++) any = any || args[i].said;
  if (!any) return NULL;
  Text t = text_new(e->arena);
  const char *sign = op_sign(op);
  if (op == OP_NEG) {
    text_add(&t, "-%s", said_or_digits(e, &args[0], false));
  } else if (n == 2 && strchr("+-*/^<=", *sign)) {
    text_add(&t, "%s %s %s", said_or_digits(e, &args[0], false), sign, said_or_digits(e, &args[1], false));
  } else {
    text_add(&t, "%s(", op_name(op));
    for (int i = 0; i < n; i++) text_add(&t, "%s%s", i ? ", " : "", said_or_digits(e, &args[i], true));
    text_add(&t, ")");
  }
  return t.length <= LONGEST ? t.data : NULL;
}
