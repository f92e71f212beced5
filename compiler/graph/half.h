// Products of which a half is enough: triangles, which are 0 on one side of their diagonal, and products that are
// symmetric, such as sums of weighted outer products. Seen in what computes them, through whatever views; asked by
// pass_layout.c and, of every product, by lower.c.
#ifndef GMC_HALF_H
#define GMC_HALF_H

#include "graph/graph.h"

// Are the matrices in the last two axes of n lower triangles; `upper`: upper ones?
bool is_triangle(const Node *n, bool upper);

// Is the MATMUL n equal to its transpose: x' @ x, where one of them may be multiplied by a weight for each of its
// terms?
bool product_is_symmetric(const Node *n);

#endif
