// Randomly generated programs: to hold passes, the executor and the emitter against the reference evaluator.
#ifndef GMC_RANDOM_GRAPH_H
#define GMC_RANDOM_GRAPH_H

#include "graph/reference.h"

// A program over every kind of operation: some outputs, a loss, its gradients as outputs, and a step of gradient
// descent as assignments. The same seed gives the same program. Values stay within some hundreds; operations with jumps
// are applied to values without rounding only, so that single and double precision take the same branch.
GraphProgram *random_graph(Arena *a, uint64_t seed);

// Values for its tensors and inputs, all of them exactly floats; labels are whole numbers. `random` is left NULL.
ReferenceInputs random_graph_inputs(Arena *a, const Graph *g, uint64_t seed);

#endif
