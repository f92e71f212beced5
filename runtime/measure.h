// Measuring: the test program over the whole test split.
#ifndef GMC_MEASURE_H
#define GMC_MEASURE_H

#include "feed.h"

typedef struct {
  const char *name;
  double mean;
  double error;  // standard error of the mean over the examples; -1: none can be told
} Measure;

// Fills one Measure for each output of the test program that is one number, and returns how many: none if the plan
// measures nothing or the split is empty. Objectives of an example are averaged over the examples; the rows that fill
// up the last batch do not count. A number of a whole batch is averaged over the full batches. The random numbers
// depend on the epoch of `moment`, and not on the training's.
int measure_test(Run *run, Moment moment, Measure *measure);

#endif
