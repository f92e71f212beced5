// Numbers lie as the products that read them want them: matrix by matrix.
//
// A stack of matrices that is cut out of numbers laid out example by example, one row here and one there, is read at a
// fraction of the speed. What is computed place by place can as well be laid out in the order of the stack. Such values
// become views of ones in that order, and what is computed of these, or added up, follows them. Only orders that leave
// the last axis alone count: rows stay whole.
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

// Which nodes of the new graph were laid out here.
typedef struct {
  bool *is;
  int room;
} Laid;

static void lay(Laid *laid, const Node *n) {
  if (n->id < laid->room) laid->is[n->id] = true;
}

// The order in which a product wants each value that is computed place by place; the others have no node.
static const Node **find_wanted(Arena *a, const GraphProgram *p, const bool *live) {
  const Node **wanted = NEW_ARRAY(a, const Node *, p->graph->count + 1);
  for (int id = 0; id < p->graph->count; id++) {
    const Node *n = p->graph->node[id];
    for (int i = 0; live[id] && n->op == OP_MATMUL && i < 2; i++) {
      const Node *view = n->in[i];
      if (keeps_rows(view) && op_class(view->in[0]->op) == ELEMENTWISE) wanted[view->in[0]->id] = view;
    }
  }
  return wanted;
}

// Is this a view, in another order, of a product or of what was laid out here?
static bool follows(const Node *n, const Laid *laid) {
  int of = keeps_rows(n) ? n->in[0]->id : 0;
  return keeps_rows(n) && (n->in[0]->op == OP_MATMUL || (of < laid->room && laid->is[of]));
}

// old in the order o, as a view in its own.
static Node *place_by_place(Graph *g, const Node *old, Node **in, const Order *o, Laid *laid) {
  int rank = old->shape.rank;
  Order back = order_back(o, rank);
  Node *moved[4];
  Shape shape = {.rank = rank};
  for (int i = 0; i < rank; i++) shape.dim[i] = old->shape.dim[o->axis[i]];
  for (int i = 0; i < old->arity; i++) moved[i] = node_permute(g, in[i], o->axis);
  Node *n = graph_node(g, old->op, old->arity, moved, &old->attr, &shape);
  lay(laid, n);
  return node_permute(g, n, back.axis);
}

// What is added up of a view is added up of what it is a view of; the axes that are left are moved.
static Node *reduced(Graph *g, const Node *old, const Node *view, Laid *laid) {
  Order o = order_of(view), left = {{0}};
  uint32_t axes = 0, kept = 0;
  for (int i = 0; i < view->shape.rank; i++) *(old->attr.axes >> i & 1 ? &axes : &kept) |= 1u << o.axis[i];
  int n = 0;
  for (int i = 0; i < view->shape.rank; i++)
    if (!(old->attr.axes >> i & 1)) left.axis[n++] = __builtin_popcount(kept & ((1u << o.axis[i]) - 1));
  Node *sum = node_reduce(g, old->op, view->in[0], axes);
  lay(laid, sum);
  return n ? node_permute(g, sum, left.axis) : sum;
}

static Node *laid_out(Graph *g, const Node *old, Node **in, const Node *wanted, Laid *laid) {
  Order o;
  if (op_class(old->op) == ELEMENTWISE && wanted) return o = order_of(wanted), place_by_place(g, old, in, &o, laid);
  for (int i = 0; op_class(old->op) == ELEMENTWISE && i < old->arity; i++) {
    if (!follows(in[i], laid)) continue;
    Order view = order_of(in[i]);
    o = order_back(&view, old->shape.rank);
    return place_by_place(g, old, in, &o, laid);
  }
  if ((old->op == OP_SUM || old->op == OP_MAXIMUM) && follows(in[0], laid)) return reduced(g, old, in[0], laid);
  return rewrite_same(g, old, in);
}

typedef struct {
  const Node **wanted;
  bool *said;  // what a program gives is in its own order
  Laid laid;
} Layouts;

static Node *layout_node(void *layouts, Graph *g, const Node *old, Node **in) {
  Layouts *l = layouts;
  return l->said[old->id] ? rewrite_same(g, old, in) : laid_out(g, old, in, l->wanted[old->id], &l->laid);
}

void pass_layout(Arena *a, GraphProgram *p) {
  enum { MADE = 8 };  // nodes that stand for one, nearly always
  int nodes = p->graph->count + 1;
  Layouts l = {
      .wanted = find_wanted(a, p, live_nodes(a, p)), .said = NEW_ARRAY(a, bool, nodes), .laid.room = MADE * nodes};
  l.laid.is = NEW_ARRAY(a, bool, l.laid.room);
  for (int i = 0; i < p->outputs; i++) l.said[p->output[i].value->id] = true;
  for (int i = 0; i < p->assigns; i++) l.said[p->assign[i].value->id] = true;
  rewrite_by(a, p, layout_node, &l);
}
