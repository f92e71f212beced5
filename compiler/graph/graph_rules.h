// What graph.c asks of the files that hold the rules of ops.def. Private to the graph's own files.
#ifndef GMC_GRAPH_RULES_H
#define GMC_GRAPH_RULES_H

#include "graph/graph.h"

// Checks the inputs and attributes of a node, whose shape is the one given by the caller or rank 0, and leaves the
// shape it must have in *shape. Returns what is wrong, or NULL. (graph_shape.c)
const char *graph_shape(const Graph *g, const Node *n, Shape *shape);
extern const char graph_too_large[];  // the one thing it finds wrong that is the user's doing

// The simpler node that stands for the draft n (complete but for its id and bounds), or NULL. May put the inputs of a
// commutative operation in order. (graph_simplify.c)
Node *graph_simplify(Graph *g, Node *n);

// An elementwise operation at in[0 .. 2], in single precision as kernels compute it; unused entries are 0.
double graph_fold(Op op, const double *in);

// Sets the node's bounds from those of its inputs. (range.c)
void graph_range(const Graph *g, Node *n);
// Is the sum, an OP_ADD, a mean of values of *a and *b, by shares in [0, 1]? (blend.c)
bool graph_blend(const Node *sum, const Node **a, const Node **b);

// Whether values flow from input i into the node, and gradients back; not only choices (a condition, an index), or
// what has no slope. (gradient.c)
bool graph_carries(const Node *n, int i);

// Whether the two do the same to inputs of the same shapes.
bool node_alike(const Node *x, const Node *y);
bool loop_equal(const GraphLoop *x, const GraphLoop *y);  // likewise (graph_loop.c)

// The adjoints of a loop's inputs, from those of its results by number, NULL where there is none. `wanted`: for each
// input whether its adjoint is asked for; share[i] becomes NULL where it is zero. (gradient_loop.c)
void gradient_loop(Graph *g, Node *loop, Node *const *adjoint, const bool *wanted, Node **share, Node **blocked);

// In memory a tensor holds n rows, `inner` numbers at a time: the one axis that they run along, and how many numbers of
// it lie in a row one after another; -1: there is none. (by_rows.c)
int graph_row_axis(Shape s, int64_t n, int64_t inner, int64_t *beside);

// Of some nodes that hold n rows, each `inner` numbers at a time, those that are `kept` are read anyhow, along one
// axis. Does every row of these, and of y, hang on no row of them that comes after it? (latest.c)
bool graph_rows_in_order(Arena *a, const Graph *g, const Node *y, int64_t n, const int64_t *inner, const bool *kept);

// The shape of a with the axes in the mask set to 1.
Shape shape_with_ones(Shape a, uint32_t axes);

static inline bool node_is(const Node *n, double value) { return n->op == OP_CONST && n->attr.value == value; }

#endif
