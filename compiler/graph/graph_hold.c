// A value whose gradient flows into one point of it alone: the log density of a distribution that is held still.
#include "graph/graph.h"

Node *graph_mark(Graph *g, Node *point) {
  return graph_node(g, OP_STOP, 1, &point, &(Attr){.id = g->count}, NULL);  // a number that no other mark has
}

static Node *still(Graph *g, Node *n) { return node_unary(g, OP_STOP, n); }

Node *graph_hold(Graph *g, Node *y, const Node *mark, Node *point) {
  if (mark == point) return still(g, y);
  Arena *scratch = arena_open(g->arena);
  int last = y->id;
  Node **moved = NEW_ARRAY(scratch, Node *, last + 1);  // what the nodes that hang on the mark become
  bool hangs = last >= mark->id;
  if (hangs) moved[mark->id] = point;
  for (int id = hangs ? mark->id + 1 : last; id <= last; id++) {
    const Node *n = g->node[id];
    bool on_mark = false;
    for (int i = 0; i < n->arity; i++) on_mark = on_mark || moved[n->in[i]->id];
    if (!on_mark) continue;
    Node **in = NEW_ARRAY(scratch, Node *, n->arity);
    for (int i = 0; i < n->arity; i++) in[i] = moved[n->in[i]->id] ? moved[n->in[i]->id] : still(g, n->in[i]);
    moved[id] = graph_node(g, n->op, n->arity, in, &n->attr, &n->shape);
  }
  Node *held = moved[last] ? moved[last] : still(g, y);
  arena_close(scratch);
  return held;
}
