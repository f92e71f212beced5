// Names of values; see names.h.
#include "graph/names.h"

#include <string.h>

const NameScope *scope_told(const NameScope *s) {
  while (s && s->hidden) s = s->up;
  return s;
}

bool node_has_own_name(const Node *n) { return n->op == OP_CONST || n->op == OP_WEIGHT || n->op == OP_INPUT; }

void node_name(Graph *g, Node *n, Name name) {
  if (node_has_own_name(n) || (n->name && n->name->rank >= name.rank)) return;
  Name *own = NEW(g->arena, Name);
  *own = name;
  n->name = own;
}

void node_said(Graph *g, Node *constant, const char *words) {
  Name *name = NEW(g->arena, Name);
  *name = (Name){.rank = NAME_GIVEN, .word = words};
  constant->name = name;
}

bool said_alike(const Name *x, const Name *y) { return x && y ? !strcmp(x->word, y->word) : x == y; }

void node_made_for(Graph *to, const Node *old) {
  to->span = old->span;
  to->scope = old->scope;
  to->said = old->op == OP_CONST && old->name ? old->name->word : NULL;
}

void node_named_as(Node *new, const Node *old) {
  bool better = old->name && (!new->name || new->name->rank < old->name->rank);
  if (better && !node_has_own_name(new)) new->name = old->name;
}

void node_name_part(Graph *g, Node *part, const Node *whole, const char *what) {
  const Name *of = whole->name;
  if (!of) return;
  const char *word = of->word ? arena_format(g->arena, "%s_%s", of->word, what) : what;
  node_name(g, part, (Name){NAME_PART, of->gradients, of->log, of->scope, word});
}

// ---- joined values

// What a name ends in: W of q/dense_1/W.
static const char *last_part(const char *word) {
  const char *slash = strrchr(word, '/');
  return slash ? slash + 1 : word;
}

// A name, or what stands for one: of a tensor, an input, a value without one the block that it is made in.
static Name name_or_own(const Graph *g, const Node *n) {
  if (n->op == OP_WEIGHT) return (Name){.rank = NAME_GRADIENT, .scope = n->scope, .word = g->tensor[n->attr.id].name};
  if (n->op == OP_INPUT) return (Name){.rank = NAME_PART, .word = g->input[n->attr.id].name};
  if (n->name) {
    Name name = *n->name;
    if (!name.scope) name.scope = n->scope;
    return name;
  }
  bool block = n->scope && n->scope->hidden && scope_told(n->scope);
  return (Name){.rank = NAME_PART, .scope = n->scope, .word = block ? n->scope->word : NULL};
}

// The innermost told scope that holds both; of two applications of a network, the network.
static const NameScope *common_scope(Arena *a, const NameScope *s, const NameScope *t) {
  s = scope_told(s), t = scope_told(t);
  for (const NameScope *x = s; x; x = scope_told(x->up))
    for (const NameScope *y = t; y; y = scope_told(y->up)) {
      if (x == y) return x;
      if (!x->network || !y->network || strcmp(x->word, y->word)) continue;
      NameScope *both = NEW(a, NameScope);
      *both = (NameScope){.word = x->word, .network = true, .up = x->up};
      return both;
    }
  return NULL;
}

void node_name_joined(Graph *g, Node *joined, int n, Node *const *of, const NameScope *around, const char *what) {
  Name all = name_or_own(g, of[0]);
  bool one_word = all.word, one_end = all.rank == NAME_GRADIENT, one_order = true;
  for (int i = 1; i < n; i++) {
    Name name = name_or_own(g, of[i]);
    one_word = one_word && name.word && !strcmp(name.word, all.word);
    one_end = one_end && name.rank == NAME_GRADIENT && !strcmp(last_part(name.word), last_part(all.word));
    one_order = one_order && name.gradients == all.gradients;
    all.scope = common_scope(g->arena, all.scope, name.scope);
  }
  all.rank = NAME_CALL;
  if (!all.scope) all.scope = around;
  if (!one_order) all.gradients = 0;
  if (!one_word) all.word = one_end ? arena_format(g->arena, "%s_%s", what, last_part(all.word)) : what;
  node_name(g, joined, all);
}

// ---- gradients

void node_name_gradient(Graph *g, Node *gradient, const Node *of) {
  Name name = {.rank = NAME_PART, .scope = of->scope, .word = op_name(of->op)};
  if (of->op == OP_WEIGHT)
    name = (Name){.rank = NAME_GRADIENT, .word = g->tensor[of->attr.id].name};
  else if (of->op == OP_INPUT)
    name = (Name){.rank = NAME_GIVEN, .word = g->input[of->attr.id].name};
  else if (of->name)
    name = *of->name;
  name.gradients++;
  node_name(g, gradient, name);
}

// ---- results of loops

void node_name_result(Graph *g, Node *result) {
  if (result->op != OP_RESULT) return;  // it was simplified
  const GraphLoop *l = result->in[0]->attr.loop;
  int k = result->attr.id;
  const Node *value = k < l->inputs ? l->next[k] : l->each[k - l->inputs];
  if (value->op == OP_INPUT)
    node_name(g, result,
              (Name){.rank = NAME_PART, .scope = result->scope, .word = l->body->input[value->attr.id].name});
  if (!value->name) return;
  Name name = *value->name;
  if (name.rank > NAME_LIBRARY) name.rank = NAME_LIBRARY;
  node_name(g, result, name);
}

// ---- text

const char *name_text(Arena *a, const Name *name, const char *scope) {
  Text t = text_new(a);
  for (int i = 0; i < name->gradients; i++) text_add(&t, "d_");
  const char *word = name->word ? name->word : "";
  text_add(&t, "%s%s%s%s", name->log ? "log_" : "", scope, *scope && *word ? "_" : "", word);
  return t.data;
}

const char *node_name_text(Arena *a, const Graph *g, const Node *n) {
  if (n->op == OP_WEIGHT) return g->tensor[n->attr.id].name;
  if (n->op == OP_INPUT) return g->input[n->attr.id].name;
  if (!n->name) return NULL;
  const NameScope *s = scope_told(n->name->scope);
  return name_text(a, n->name, s ? s->word : "");
}

const char *node_word(Arena *a, const Graph *g, const Node *n) {
  if (node_has_own_name(n))  // a copy: the body of a loop may not last
    return n->op == OP_CONST ? NULL : arena_format(a, "%s", last_part(node_name_text(a, g, n)));
  if (!n->name || n->name->rank == NAME_PART) return NULL;
  Name name = *n->name;
  const NameScope *s = scope_told(name.scope);
  name.word = name.word ? last_part(name.word) : s ? s->word : "";
  return name_text(a, &name, "");
}

const char *node_called(Arena *a, const Graph *g, const Node *n) {
  const char *name = node_name_text(a, g, n);
  if (name) return name;
  bool block = n->scope && n->scope->hidden && scope_told(n->scope);
  return block ? arena_format(a, "%s_%s", n->scope->word, op_name(n->op)) : op_name(n->op);
}
