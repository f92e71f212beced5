// Feeds and outputs: what goes into a program before it runs, and the numbers that come out of it.
//
// Used by everything that runs programs: training, measuring, shows and samples.
#ifndef GMC_FEED_H
#define GMC_FEED_H

#include "core/run.h"

// A line of the round: what its objective has been in this epoch so far, and how often it has learnt.
typedef struct {
  const char *name;  // of the objective; NAME_2 for the second line of the same objective, and so on
  double sum;        // of its values, each the mean over a minibatch
  int64_t values;
  double last;      // value in the round in which it learnt last
  int64_t round;    // the number of that round, from 1; 0: none in this session
  int64_t updates;  // made by this line since the first step
} Line;

// A place in the training. Steps and epochs count from 0; FEED_STEP, FEED_EPOCH are these numbers, and FEED_UPDATE is
// the number of the update being made, from 1. FEED_EXAMPLES is how many examples the training split has.
typedef struct {
  int64_t step, epoch;
  const Line *line;
  double *const *total;  // FEED_TOTAL: of each output of the program before
  int64_t rows;          // FEED_ROWS
  int64_t place;         // of the batch's first row among all examples that pass by; those of further sets go by it,
  bool shuffled;         // each of their epochs in an order of its own, or else as the split lies, again and again
} Moment;

// Where a model stands that has made `step` steps, the last of them in epoch `epoch`, from 1: at that step. What is
// measured or drawn after the training sees the schedules as that step saw them.
Moment moment_after(int64_t step, int64_t epoch, const Line *line);

// Makes the run ready for a program and the first `rows` examples in run->example, the whole batch or fewer: fills the
// feeds. With fewer, what examples share or where they meet is computed from whatever there is of the others.
void feed_program(Run *run, const Data *data, int program, int64_t rows, Moment moment);

// Value of example `row` (or the only one) of an output of one number.
double output_value(const Run *run, const PlanOutput *output, int64_t row);

// Mean over the run's examples of an output of one number, or the only one.
double output_mean(const Run *run, const PlanProgram *program, const PlanOutput *output);

#endif
