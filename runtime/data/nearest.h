// Of some values the nearest examples of the training data.
#ifndef GMC_NEAREST_H
#define GMC_NEAREST_H

#include "core/run.h"

// Puts in place of each of n values [n, count] the example of the column that lies nearest to it, by the sum of squared
// differences; of equally near ones the first. The training split has been loaded, from files.
void nearest_examples(const Run *run, int column, int64_t n, float *value);

#endif
