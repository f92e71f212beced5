// Sums over all examples of a split, in double precision, and values of the first ones.
#ifndef GMC_PASS_H
#define GMC_PASS_H

#include "data/feed.h"

// Fails with EXIT_DATA where a program gathers more examples than the split has, "test" or "training".
void pass_check(const Run *run, int program, int64_t examples, const char *split);

// Room for the sums of a program's outputs: an array of numbers for each output that is added up or gathered, NULL for the others.
double **totals_new(Arena *a, const PlanProgram *p);

// The same for a pass over the training split, of which it is checked that it has enough examples.
double **pass_totals(const Run *run, int program);

void totals_clear(const PlanProgram *p, double *const *total);

// Adds what a program has just made of a batch, of which the first `rows` examples count, to an output's sums. What is
// the same for all of them counts once for each.
void total_add(const Run *run, const PlanOutput *output, int64_t rows, double *total);

// Of how many of the examples of a split, in whole batches, an output tells: those that it gathers, or all.
int64_t pass_needs(const PlanProgram *p, const PlanOutput *output, int64_t examples);

// Makes the run ready for a program on the examples of a split from `first` on, of which run->example has room for a
// whole batch. Returns how many examples there are. `whole`: copies of the last one fill up the batch.
int64_t pass_prepare(Run *run, const Data *data, int program, int64_t examples, int64_t first, bool whole,
                     Moment moment);

// A pass over the training split, in its order. The random numbers are those of PURPOSE_PASS, the same in every pass.
// `total` has room for the sums and `rows` for a batch, which run->example is then.
void pass_sum(Run *run, int program, Moment moment, double *const *total, int32_t *rows);

// A pass over the training split, in its order, and the program after it, which is fed the sums. The random numbers are
// those of PURPOSE_PASS, the same in every pass, so that what differs from one to the next is the model. `moment` is
// that of the round, `total` has room for the sums and `rows` for a batch; run->example is left as it was.
void pass_run(Run *run, const PlanTurn *turn, Moment moment, double *const *total, int32_t *rows);

#endif
