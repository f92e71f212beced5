// Sums of complementary choices: select(c, x, 0) + select(c, 0, y) is select(c, x, y). The gradient of max is full of
// them.
#include "graph/passes.h"

// A choice of which one side is 0, and the factor it is multiplied by.
typedef struct {
  Node *condition, *value, *factor;
  bool when;  // the value stands where the condition holds
} Choice;

static bool is_zero(const Node *n) { return n->op == OP_CONST && n->attr.value == 0; }

static bool find_choice(Node *n, Choice *c) {
  c->factor = NULL;
  if (n->op == OP_MUL && n->in[1]->op == OP_CONST) {
    c->factor = n->in[1];
    n = n->in[0];
  }
  if (n->op != OP_SELECT || is_zero(n->in[1]) == is_zero(n->in[2])) return false;
  c->condition = n->in[0];
  c->when = is_zero(n->in[2]);
  c->value = c->when ? n->in[1] : n->in[2];
  return true;
}

static Node *scaled(Graph *g, const Choice *c) {
  return c->factor ? node_binary(g, OP_MUL, c->value, c->factor) : c->value;
}

static Node *merge_choices(Graph *g, const Node *old, Node **in) {
  Choice x, y;
  bool fit = old->op == OP_ADD && find_choice(in[0], &x) && find_choice(in[1], &y);
  if (!fit || x.condition != y.condition || x.when == y.when) return rewrite_same(g, old, in);
  const Choice *yes = x.when ? &x : &y, *no = x.when ? &y : &x;
  return node_select(g, x.condition, scaled(g, yes), scaled(g, no));
}

void pass_select(Arena *a, GraphProgram *p) { rewrite(a, p, merge_choices); }
