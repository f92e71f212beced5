// Measuring: the test program over the whole test split.
#ifndef GMC_MEASURE_H
#define GMC_MEASURE_H

#include "data/feed.h"

typedef struct {
  const char *name;
  double mean;
  double error;    // standard error of the mean; -1: none can be told
  int64_t batch;   // of a value in which examples meet: how many do; otherwise 0
  bool waits;      // of a line that does not learn in every step: how often it did is told
  int64_t learnt;  // of such a line; where it is 0 there is no mean
  int program;     // whose output it is
  int64_t spoilt;  // where the mean is not finite: 1 + the first example of the batch that made it so; otherwise 0
} Measure;

// A line that has not learnt has no mean.
static inline bool measure_told(const Measure *m) { return !m->waits || m->learnt > 0; }

// Fails with EXIT_DATA where a measure lets the examples of a batch meet and the test split does not fill one batch, or
// where the best epoch is to be kept and there is no test split.
void measure_check(const Run *run);

// Measures that a plan has at most.
int measure_count(const Plan *plan);

// Fills one Measure for each output of the test program that is one number, and for those of the program after it, and
// returns how many: none if the plan measures nothing or the split is empty. Objectives of an example are averaged over
// the examples, the last batch being a smaller one. Where examples of a batch meet, whole batches count,
// as one value each; the examples that fill no batch are left out. The random numbers depend on the epoch of `moment`,
// and not on the training's. nats[i], where it is not NULL, is filled with the means of output i (see latents.h).
int measure_test(Run *run, Moment moment, Measure *measure, double *const *nats);

// The same of those that are measured seldom, plan->seldom[which].
int measure_seldom(Run *run, Moment moment, int which, Measure *measure);

// Makes the run ready for one of its test programs, on the batch that begins with example `first`, of which
// run->example has room for a whole one. Returns how many examples there are. `whole`: copies of the last one fill up
// the batch.
int64_t measure_prepare(Run *run, int program, Moment moment, int64_t first, bool whole);

#endif
