// Arithmetic of the numbers that the language knows when a model is compiled.
#ifndef GMC_NUMBER_H
#define GMC_NUMBER_H

#include "graph/graph.h"

// The value of an elementwise operation of ops.def at in[0 .. arity - 1], in double precision; unused entries are 0.
double number_fold(Op op, const double *in);

#endif
