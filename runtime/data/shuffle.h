// The order in which an epoch takes the examples.
#ifndef GMC_SHUFFLE_H
#define GMC_SHUFFLE_H

#include "core/run.h"

// order[0 .. n-1] becomes a permutation of 0 .. n-1 that depends on n, seed, epoch and set, 0 of the first set of data,
// only.
void shuffle(uint32_t seed, int set, int64_t epoch, int32_t *order, int64_t n);

#endif
