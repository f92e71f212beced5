// Cut before computing: of an elementwise result that is read in slices alone, of no more elements than it has, each is
// computed where it is read. So the gates of a recurrent net, cut from one sum, are never stored as that sum.
#include "graph/passes.h"

typedef struct {
  Node **map;
  const bool *is_cut;
  Node **made;      // of each node that is cut: its part
  const Node **at;  // the slice that this is for
} Cuts;

// Node n's elements at the slice that `cut` is of an equal shape: its operation on the slices of its inputs.
static Node *part(const Cuts *c, Graph *g, const Node *n, const Node *cut) {
  if (n->op == OP_CONST) return node_const_like(g, n, cut->shape);
  if (!c->is_cut[n->id]) return node_slice(g, c->map[n->id], cut->attr.a, cut->shape);
  if (c->at[n->id] == cut) return c->made[n->id];
  Node **in = NEW_ARRAY(g->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) in[i] = part(c, g, n->in[i], cut);
  graph_stand(g, n);
  Node *made = graph_node(g, n->op, n->arity, in, &n->attr, &cut->shape);
  node_named_as(made, n);
  c->at[n->id] = cut;
  return c->made[n->id] = made;
}

// How many elements of each node are read by slices and by what is cut itself: of a node that is cut no more than it
// has.
static bool *find_cuts(Arena *a, const GraphProgram *p) {
  const Graph *g = p->graph;
  bool *live = live_nodes(a, p), *is_cut = NEW_ARRAY(a, bool, g->count + 1);
  int *uses = node_uses(a, p), *by_slices = NEW_ARRAY(a, int, g->count + 1);
  int64_t *read = NEW_ARRAY(a, int64_t, g->count + 1);
  for (int id = g->count - 1; id >= 0; id--) {
    const Node *n = g->node[id];
    is_cut[id] =
        live[id] && op_class(n->op) == ELEMENTWISE && uses[id] == by_slices[id] && read[id] <= shape_count(n->shape);
    bool cuts = is_cut[id] || (live[id] && n->op == OP_SLICE);
    for (int i = 0; cuts && i < n->arity; i++)
      by_slices[n->in[i]->id]++, read[n->in[i]->id] += is_cut[id] ? read[id] : shape_count(n->shape);
  }
  return is_cut;
}

void pass_cut(Arena *a, GraphProgram *p) {
  Graph *from = p->graph, *to = rewrite_begin(a, p);
  bool *live = live_nodes(a, p);
  int nodes = from->count + 1;
  Cuts c = {.map = NEW_ARRAY(a, Node *, nodes),
            .is_cut = find_cuts(a, p),
            .made = NEW_ARRAY(a, Node *, nodes),
            .at = NEW_ARRAY(a, const Node *, nodes)};
  for (int id = 0; id < from->count; id++) {
    const Node *old = from->node[id];
    if (!live[id] || c.is_cut[id]) continue;
    Node **in = NEW_ARRAY(a, Node *, old->arity + 1);
    for (int i = 0; i < old->arity; i++) in[i] = c.map[old->in[i]->id];
    graph_stand(to, old);
    c.map[id] = old->op == OP_SLICE ? part(&c, to, old->in[0], old) : rewrite_same(to, old, in);
    node_named_as(c.map[id], old);
  }
  rewrite_end(p, to, c.map);
}
