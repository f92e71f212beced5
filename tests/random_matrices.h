// Random programs over a few small matrices, for the planner: what random_graph seldom makes.
#ifndef GMC_RANDOM_MATRICES_H
#define GMC_RANDOM_MATRICES_H

#include "graph/graph.h"

// Products that share operands or are added, concats, slices and transposes of what is used elsewhere too, and
// assignments of whatever fits: of one weight to another, of a turned weight to itself, of values that old values are
// still needed after. The same seed gives the same program.
GraphProgram *random_matrices(Arena *a, uint64_t seed);

#endif
