// One table of cases for all operations: it drives the tests of shapes, values and gradients.
#ifndef GMC_OP_CASES_H
#define GMC_OP_CASES_H

#include "graph/graph.h"

typedef struct {
  Op op;
  Attr attr;
  Shape given;  // the shape asked for, where the operation needs one
  int arity;
  Shape in[3];  // shapes and values of the inputs; of the tensor or input itself for WEIGHT and INPUT
  double value[3][16];
  Shape out;
  double expect[24];
  const char *flow;  // a letter for each input: d if a gradient flows to it, - if not
  int derivatives;   // how many the operation has; after them comes `missing`
} OpCase;

extern const OpCase op_cases[];
extern const int op_case_count;

// The column of the training data that OP_NEAREST looks in: OP_EXAMPLES of two numbers each.
enum { OP_EXAMPLES = 3 };
extern const double op_examples[2 * OP_EXAMPLES];

#endif
