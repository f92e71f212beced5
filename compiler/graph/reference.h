// The oracle: a plain evaluator of graphs in double precision, written for clearness. What the compiler tries out it tries
// here, and the tests hold everything else against it.
//
// Shares nothing with the fast path but the names of the operations, so that an error in one shows against the other.
#ifndef GMC_REFERENCE_H
#define GMC_REFERENCE_H

#include "graph/graph.h"

typedef struct {
  const double *const *tensor;  // values of each persistent tensor, row-major
  const double *const *input;   // and of each input of the graph
  // The element-th number of a row of an OP_RANDOM; in a loop also beyond the row. NULL: reference_random.
  double (*random)(void *self, const Node *n, int64_t row, int64_t element);
  void *self;
  const double *const *column;  // the training data's, example after example
  // Inside of loops: the numbers of the turns, from the innermost.
  int depth;
  int64_t turn[MAX_RANK];
} ReferenceInputs;

// The values of a node, row-major, in memory of the arena.
double *reference_eval(Arena *a, const Graph *g, const ReferenceInputs *in, const Node *wanted);
// The same for n nodes, evaluating what they share once.
void reference_eval_many(Arena *a, const Graph *g, const ReferenceInputs *in, int n, Node *const *wanted,
                         double **into);

// A number on (0, 1) that depends on the node's stream, the row and the element only.
double reference_random(void *self, const Node *n, int64_t row, int64_t element);

#endif
