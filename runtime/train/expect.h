// What a run was expected to measure, and what became of it.
//
// A figure is that of the epoch that the plan names; where training ends before by its own condition, the last one. At
// the end it is that of the best epoch, where the run keeps it and measured it there, or else the last. Of several
// starts the better one counts. Checkpoints keep figures, so that a run that was stopped comes to the same.
#ifndef GMC_EXPECT_H
#define GMC_EXPECT_H

#include "train/train.h"

// What was measured at the end of an epoch, or at the end of training. `best`: it is the best epoch so far.
void expect_note(Training *t, const Measure *test, int tests, bool best);

// What is expected of the epoch just measured, where it is not the last: met or missed, said.
void expect_epoch(const Training *t);

// At the end of a session that has come as far as it was to: all of it, said, and kept in run.json.
void expect_end(const Training *t);

// "nll <= 86 after 400 epochs"
const char *expect_text(Arena *a, const PlanExpect *expect);

#endif
