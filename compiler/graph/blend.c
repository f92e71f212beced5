// Sums that are a mean of two values by shares that add up to 1: a + m (b - a), and m a + (1 - m) b, with m in [0, 1].
// Interval arithmetic alone does not see that they lie between both, as mixed pictures and what a mask pastes do.
#include "graph/graph_rules.h"
#include "graph/view.h"

// A node that another is made of, and the movements on the way down to it, through operations place by place.
enum { MOVES = 12 };
typedef struct {
  const Node *node, *move[MOVES];
  int moves;
} Way;

// From an operand of what `from` has come to, on to what is moved there.
static Way down(const Way *from, const Node *operand) {
  Way w = *from;
  for (; operand->op == OP_STOP || (is_view(operand->op) && w.moves < MOVES); operand = operand->in[0])
    if (operand->op != OP_STOP) w.move[w.moves++] = operand;
  w.node = operand;
  return w;
}

// Where the numbers at the top of the way lie in its node. False where no strides say it.
static bool lift(const Way *w, View *v) {
  *v = view_rows(w->node->shape);
  for (int i = w->moves; i--;) {
    const Node *m = w->move[i];
    View out = m->op == OP_RESHAPE ? (View){0} : view_move(v, m);
    if (m->op == OP_RESHAPE && !view_reshape(v, m->in[0]->shape, m->shape, &out)) return false;
    *v = out;
  }
  return true;
}

static bool same_numbers(const Way *a, const Way *b) {
  View v, w;
  return a->node == b->node && lift(a, &v) && lift(b, &w) && view_equal(&v, &w);
}

static bool is_share(const Node *n) { return n->lo >= 0 && n->hi <= 1; }

// sum = a + m (b - a)
static bool moves_towards(const Way *first, const Way *product, const Node **to) {
  for (int i = 0; i < 2; i++) {
    Way difference = down(product, product->node->in[i]);
    if (difference.node->op != OP_SUB || !is_share(product->node->in[1 - i])) continue;
    Way from = down(&difference, difference.node->in[1]);
    *to = difference.node->in[0];
    if (same_numbers(first, &from)) return true;
  }
  return false;
}

// sum = m a + (1 - m) b
static bool shares_out(const Way *first, const Way *second, const Node **a, const Node **b) {
  for (int k = 0; k < 4; k++) {
    const Node *m = first->node->in[k % 2];
    Way share = down(first, m), rest = down(second, second->node->in[k / 2]);
    *a = first->node->in[1 - k % 2], *b = second->node->in[1 - k / 2];
    if (!is_share(m) || rest.node->op != OP_SUB) continue;
    Way one = down(&rest, rest.node->in[0]), less = down(&rest, rest.node->in[1]);
    if (one.node->op == OP_CONST && one.node->attr.value == 1 && same_numbers(&share, &less)) return true;
  }
  return false;
}

bool graph_blend(const Node *sum, const Node **a, const Node **b) {
  for (int i = 0; i < 2; i++) {
    Way top = {0}, first = down(&top, sum->in[i]), second = down(&top, sum->in[1 - i]);
    *a = sum->in[i];
    if (second.node->op != OP_MUL) continue;
    if (moves_towards(&first, &second, b)) return true;
    if (first.node->op == OP_MUL && shares_out(&first, &second, a, b)) return true;
  }
  return false;
}
