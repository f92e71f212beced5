// Further sets of data: each a run of its own that holds splits and no more, read, settled and held out as those of the
// first set are. What stands beside the examples of a batch are their own next ones.
#ifndef GMC_SETS_H
#define GMC_SETS_H

#include "data/feed.h"

// Makes the runs of plan->other; nothing is read.
void sets_open(Run *run);

// How many examples the split of the set-th set has, from 0: of `data`, which is the run's own train or test.
int64_t set_examples(const Run *run, const Data *data, int set);

// Says which examples of each further set stand beside those of the next execution, by the moment's place: row i is
// that of the place i further on, and whatever follows the last row that counts is as that one.
void sets_place(Run *run, bool test, int64_t batch, Moment moment);

// A number that tells the data apart, of all sets.
uint64_t sets_hash(const Run *run, bool test);

#endif
