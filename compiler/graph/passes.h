// Passes: rewrites of a graph program before it is laid out. Each takes a program and leaves an equal one that is
// cheaper or simpler to lower. passes.c holds the ordered table.
#ifndef GMC_PASSES_H
#define GMC_PASSES_H

#include "graph/names.h"

typedef void Pass(Arena *a, GraphProgram *p);

void pass_dead(Arena *a, GraphProgram *p);    // only what outputs and assignments need
void pass_loops(Arena *a, GraphProgram *p);   // of loops only what hangs on their turns; the passes on their bodies
void pass_narrow(Arena *a, GraphProgram *p);  // compute before repeating
void pass_select(Arena *a, GraphProgram *p);  // sums of complementary choices
void pass_solve(Arena *a, GraphProgram *p);   // solutions for many columns
void pass_layout(Arena *a, GraphProgram *p);  // numbers in the order of the products that read them
void pass_join(Arena *a, GraphProgram *p);    // matrix products that share an operand, or are added
void pass_cut(Arena *a, GraphProgram *p);     // slices of what is computed value by value
void pass_shards(Arena *a, GraphProgram *p);  // what is added up over the batch, shard by shard
void pass_reduce(Arena *a, GraphProgram *p);  // each reduction over one run of axes, in parts if it is long
void pass_move(Arena *a, GraphProgram *p);    // only movements that have kernels

// The program after all passes, in a graph of its own; p stays as it was.
GraphProgram *run_passes(Arena *a, const GraphProgram *p);
// The same after those that are run on the body of a loop as soon as it is made; the rest have their turn with the
// graph around it.
GraphProgram *run_early_passes(Arena *a, const GraphProgram *p);
// The body of a loop as p, a program made of it, has it after its passes.
void loop_take(GraphLoop *l, const GraphProgram *p);

// Reduces axes of x as kernels do it, by the operation of `old` and for it. What is cut into parts, for it is long, is
// decided for one of the `shards` that follow each other along `axis`, which is kept.
Node *reduce_axes(Graph *g, const Node *old, Node *x, uint32_t axes, int axis, int64_t shards);

Attr attr_with_axis(const Node *n);  // that of the same operation where everything has one more axis in front

// A rule makes, in the new graph g, the node that stands for `old`, given its new inputs.
typedef Node *RewriteRule(Graph *g, const Node *old, Node **in);
// Rebuilds the live part of p by the rule, in id order. Simplification and sharing happen again on the way.
void rewrite(Arena *a, GraphProgram *p, RewriteRule *rule);
// The same by a rule with a state. NULL is for what nothing reads but the rule.
typedef Node *RewriteStep(void *state, Graph *g, const Node *old, Node **in);
void rewrite_by(Arena *a, GraphProgram *p, RewriteStep *step, void *state);
void graph_stand(Graph *g, const Node *old);  // the nodes created next stand for it: of its place and its section
Node *rewrite_same(Graph *g, const Node *old, Node **in);  // the rule that changes nothing
// What rewrite() is made of, for passes with an order of their own: an empty graph with p's tables, and p's outputs and
// assignments taken over to it; map gives each old node's new one.
Graph *rewrite_begin(Arena *a, const GraphProgram *p);
void rewrite_end(GraphProgram *p, Graph *to, Node *const *map);
// How often each node is read by live nodes, outputs and assignments.
int *node_uses(Arena *a, const GraphProgram *p);
// For every node whether outputs or assignments need it.
bool *live_nodes(Arena *a, const GraphProgram *p);

#endif
