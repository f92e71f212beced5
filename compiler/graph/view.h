// Views: where the elements of a tensor lie in a buffer, and how movements change that without moving anything.
#ifndef GMC_VIEW_H
#define GMC_VIEW_H

#include "engine/kernel.h"
#include "graph/graph.h"

// Does the operation only say where values lie, so that what it makes may be a view?
static inline bool is_view(Op op) {
  return op == OP_RESHAPE || op == OP_PERMUTE || op == OP_BROADCAST || op == OP_SLICE;
}

// Row after row from offset 0. Strides of axes of size 1 are always 0, so that equal views compare equal.
View view_rows(Shape s);
// True when the elements lie row after row without a gap (from any offset).
bool view_is_rows(const View *v, Shape s);
bool view_equal(const View *v, const View *w);
// The same elements in the same order under another shape. False when no strides express it.
bool view_reshape(const View *v, Shape from, Shape to, View *out);
// The place of each element of n, a PERMUTE, BROADCAST or SLICE of something that lies at v.
View view_move(const View *v, const Node *n);
// Lowest and highest offset touched.
void view_extent(const View *v, int rank, const int64_t *dim, int64_t *low, int64_t *high);
// Axis i and i + 1 of the space can be one axis.
bool view_joins(const View *v, const Shape *space, int i);

// The coarsest shape, without axes of size 1, of which both shapes are joinings of neighbouring axes.
// False when there is none or it has too many axes.
bool shape_refine(Shape a, Shape b, Shape *out);
Shape shape_without_ones(Shape s);

#endif
