// Why a training stopped being finite.
#ifndef GMC_NAN_REPORT_H
#define GMC_NAN_REPORT_H

#include "train/train.h"

// Says that `what` is no longer finite at `step`, and where that began: the steps are replayed from the last
// checkpoint, or from the start, which gives the same bits, and the first that spoils something runs kernel by kernel.
// Marks the training as failed; nothing is written, and its tensors are good for nothing more.
void diagnose(Training *t, int64_t step, const char *what);

// If any of n measures of the test split, taken at `moment`, is not finite: says which and where its value began, and
// returns true.
bool diagnose_measures(Run *run, const Session *s, Moment moment, const Measure *measure, int n);

#endif
