// The cases of op_cases.c as one program, to be planned, run and emitted.
#ifndef GMC_OP_PROGRAM_H
#define GMC_OP_PROGRAM_H

#include "core/run.h"
#include "graph/graph.h"

// An output for each row, whose inputs are tensors, and for each input that a gradient flows to one that is the
// gradient of the sum of the squares. Sets *tensor to the tensors' values.
GraphProgram *op_program(Arena *a, const double *const **tensor);

// The training data that it looks in.
Data op_training(Arena *a);

#endif
