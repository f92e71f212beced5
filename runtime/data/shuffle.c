// Permutations of the training split; see shuffle.h.
//
// Invariant: addressed as random numbers are, by seed and epoch, so that any epoch's order is there without those
// before it.
#include "data/shuffle.h"

#include "core/philox.h"

void shuffle(uint32_t seed, int set, int64_t epoch, int32_t *order, int64_t n) {
  Philox at = {.counter = {0, (uint32_t)set, (uint32_t)epoch, 0}, .key = {seed, (uint32_t)PURPOSE_SHUFFLE << 16}};
  uint32_t word[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
  for (int64_t i = 0; i + 1 < n; i++) {  // Fisher and Yates: place i takes one of those not yet placed
    at.counter[0] = (uint32_t)(i / 4);
    if (i % 4 == 0) philox_words(&at, word);
    int64_t from = i + (int64_t)((uint64_t)word[i % 4] * (uint64_t)(n - i) >> 32);
    int32_t taken = order[from];
    order[from] = order[i];
    order[i] = taken;
  }
}
