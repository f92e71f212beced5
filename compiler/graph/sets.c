// Which set of data a value is of: whose examples count where it is measured.
#include "graph/graph.h"

static unsigned own_sets(const Graph *g, const Node *n) {
  if (n->op == OP_INPUT && is_of_examples(g->input[n->attr.id].kind)) return 1u << g->input[n->attr.id].set;
  bool of_example = n->op == OP_RANDOM && n->attr.flag % RANDOM_ADDRESSES == RANDOM_EXAMPLE;
  return of_example ? 1u << n->attr.flag / RANDOM_ADDRESSES : 0;
}

int graph_set(const Graph *g, const Node *y) {
  Arena *scratch = arena_open(g->arena);
  unsigned *sets = NEW_ARRAY(scratch, unsigned, y->id + 1);
  for (int id = 0; id <= y->id; id++) {
    const Node *n = g->node[id];
    sets[id] = own_sets(g, n);
    for (int i = 0; i < n->arity; i++) sets[id] |= sets[n->in[i]->id];
  }
  unsigned all = sets[y->id];
  arena_close(scratch);
  return all ? __builtin_ctz(all) : 0;
}
