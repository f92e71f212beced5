// Why a training stopped being finite.
#ifndef GMC_DIAGNOSE_H
#define GMC_DIAGNOSE_H

#include "train.h"

// Leaves with EXIT_NUMBERS and a message: `what` is no longer finite at `step`, and where that began. The steps are replayed from
// the last checkpoint, or from the start, which gives the same bits; the last ones run kernel by kernel. Nothing is written.
_Noreturn void diagnose(Training *t, int64_t step, const char *what);

#endif
