// Numbers lie as the products that read them want them: matrix by matrix.
//
// A stack of matrices that is cut out of numbers laid out example by example, one row here and one there, is read at a
// fraction of the speed. What is computed place by place can as well be laid out in the order of the stack. Such values
// become views of ones in that order, and what is computed of these, or added up, follows them. Only orders that leave
// the last axis alone count, for rows stay whole; but what triangles are multiplied by lies in any order that they
// want.
#include "graph/half.h"
#include "graph/passes.h"

typedef struct {
  int axis[MAX_RANK];  // place i of the one is place axis[i] of the other
} Order;

static bool keeps_rows(const Node *n) {
  int last = n->shape.rank - 1;
  return n->op == OP_PERMUTE && last > 1 && n->attr.a[last] == last;
}

static Order order_of(const Node *n) {
  Order o = {{0}};
  for (int i = 0; i < n->shape.rank; i++) o.axis[i] = (int)n->attr.a[i];
  return o;
}

static Order order_back(const Order *o, int rank) {
  Order back = {{0}};
  for (int i = 0; i < rank; i++) back.axis[o->axis[i]] = i;
  return back;
}

// Which nodes of the new graph are followed in what order: any, or only one that keeps rows.
typedef enum { FOLLOW_NONE, FOLLOW_ROWS, FOLLOW_ANY } Follow;
typedef struct {
  Follow *in;
  int room;
} Laid;

static void lay(Laid *laid, const Node *n, Follow in) {
  if (n->id < laid->room) laid->in[n->id] = in;
}

static bool by_triangle(const Node *n) {
  bool flip = n->attr.flag & 1;
  return n->op == OP_MATMUL && !(n->attr.flag & 2) && (is_triangle(n->in[0], flip) || is_triangle(n->in[0], !flip));
}

static Follow follow_of(const Laid *laid, const Node *n) {
  if (n->op == OP_MATMUL) return by_triangle(n) ? FOLLOW_ANY : FOLLOW_ROWS;
  return n->id < laid->room ? laid->in[n->id] : FOLLOW_NONE;
}

// The order in which a product wants each value that is computed place by place; the others have no node.
static const Node **find_wanted(Arena *a, const GraphProgram *p, const bool *live) {
  const Node **wanted = NEW_ARRAY(a, const Node *, p->graph->count + 1);
  for (int id = 0; id < p->graph->count; id++) {
    const Node *n = p->graph->node[id];
    bool triangle = live[id] && by_triangle(n);
    for (int i = 0; live[id] && n->op == OP_MATMUL && i < 2; i++) {
      const Node *view = n->in[i], *of = view->op == OP_PERMUTE ? view->in[0] : NULL;
      if (!of || op_class(of->op) != ELEMENTWISE || (wanted[of->id] && !keeps_rows(wanted[of->id]))) continue;
      if (keeps_rows(view) || (triangle && i == 1)) wanted[of->id] = view;
    }
  }
  return wanted;
}

// Is this a view, in another order, of a product or of what was laid out here?
static bool follows(const Node *n, const Laid *laid) {
  Follow in = n->op == OP_PERMUTE ? follow_of(laid, n->in[0]) : FOLLOW_NONE;
  return in == FOLLOW_ANY || (in == FOLLOW_ROWS && keeps_rows(n));
}

// x in the order o, before what it repeats is repeated.
static Node *ordered(Graph *g, Node *x, const Order *o, const Shape *shape) {
  if (x->op != OP_BROADCAST) return node_permute(g, x, o->axis);
  return node_broadcast(g, node_permute(g, x->in[0], o->axis), *shape);
}

// old in the order o, as a view in its own.
static Node *place_by_place(Graph *g, const Node *old, Node **in, const Order *o, Laid *laid) {
  int rank = old->shape.rank;
  Order back = order_back(o, rank);
  Node *moved[4];
  Shape shape = {.rank = rank};
  for (int i = 0; i < rank; i++) shape.dim[i] = old->shape.dim[o->axis[i]];
  for (int i = 0; i < old->arity; i++) moved[i] = ordered(g, in[i], o, &shape);
  Node *n = graph_node(g, old->op, old->arity, moved, &old->attr, &shape);
  lay(laid, n, o->axis[rank - 1] == rank - 1 ? FOLLOW_ROWS : FOLLOW_ANY);
  return node_permute(g, n, back.axis);
}

// What is added up of a view is added up of what it is a view of; the axes that are left are moved. `said`: they may
// not.
static Node *reduced(Graph *g, const Node *old, const Node *view, Laid *laid, bool said) {
  Order o = order_of(view), left = {{0}};
  uint32_t axes = 0, kept = 0;
  for (int i = 0; i < view->shape.rank; i++) *(old->attr.axes >> i & 1 ? &axes : &kept) |= 1u << o.axis[i];
  int n = 0;
  for (int i = 0; i < view->shape.rank; i++)
    if (!(old->attr.axes >> i & 1)) left.axis[n++] = __builtin_popcount(kept & ((1u << o.axis[i]) - 1));
  for (int i = 0; said && i < n; i++)
    if (left.axis[i] != i) return NULL;
  Node *sum = node_reduce(g, old->op, view->in[0], axes);
  lay(laid, sum, follow_of(laid, view->in[0]));
  return n ? node_permute(g, sum, left.axis) : sum;
}

static Node *laid_out(Graph *g, const Node *old, Node **in, const Node *wanted, Laid *laid, bool said) {
  Order o;
  if ((old->op == OP_SUM || old->op == OP_MAXIMUM) && follows(in[0], laid)) {
    Node *n = reduced(g, old, in[0], laid, said);
    if (n) return n;
  }
  if (said) return rewrite_same(g, old, in);
  if (op_class(old->op) == ELEMENTWISE && wanted) return o = order_of(wanted), place_by_place(g, old, in, &o, laid);
  for (int i = 0; op_class(old->op) == ELEMENTWISE && i < old->arity; i++) {
    if (!follows(in[i], laid)) continue;
    Order view = order_of(in[i]);
    o = order_back(&view, old->shape.rank);
    return place_by_place(g, old, in, &o, laid);
  }
  return rewrite_same(g, old, in);
}

typedef struct {
  const Node **wanted;
  bool *said;  // what a program gives is in its own order
  Laid laid;
} Layouts;

static Node *layout_node(void *layouts, Graph *g, const Node *old, Node **in) {
  Layouts *l = layouts;
  return laid_out(g, old, in, l->wanted[old->id], &l->laid, l->said[old->id]);
}

void pass_layout(Arena *a, GraphProgram *p) {
  enum { MADE = 8 };  // nodes that stand for one, nearly always
  int nodes = p->graph->count + 1;
  Layouts l = {
      .wanted = find_wanted(a, p, live_nodes(a, p)), .said = NEW_ARRAY(a, bool, nodes), .laid.room = MADE * nodes};
  l.laid.in = NEW_ARRAY(a, Follow, l.laid.room);
  for (int i = 0; i < p->outputs; i++) l.said[p->output[i].value->id] = true;
  for (int i = 0; i < p->assigns; i++) l.said[p->assign[i].value->id] = true;
  rewrite_by(a, p, layout_node, &l);
}
