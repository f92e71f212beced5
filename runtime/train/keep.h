// Keeping the best: which epoch so far measured best, and its tensors.
//
// They are remembered in memory and written beside the next checkpoint, before it, so that short epochs cost nothing.
// What a checkpoint says of the best, a run that goes on from it comes to again.
#ifndef GMC_KEEP_H
#define GMC_KEEP_H

#include "train/train.h"

// Room for the tensors, where the plan keeps the best and the session has a folder.
void keep_open(Training *t);

// What was measured at the end of an epoch. Is it the best so far of all starts? A measure that is not finite never is,
// nor one that equals an earlier one.
bool keep_compare(Training *t, const Measure *test, int tests);

// An epoch is over, and told: remembers it where it is the best, and writes it if it is one of those that the plan
// keeps.
void keep_epoch(Training *t);

// Writes the best tensors where they are not yet in the folder.
void keep_write(Training *t);

// "best nll 86.2 at epoch 14", with the start where there are several.
const char *keep_text(Arena *a, const Plan *plan, const Best *best);

#endif
