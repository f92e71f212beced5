// Random numbers by address: Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
//
// A number depends on its address alone, not on how many were drawn before, so neither threads nor the order of work
// nor a resumed run can change it. Addresses of version 1, element e of a row:
//
//                    counter 0   counter 1              counter 2   counter 3   key 0   key 1
//   RANDOM_STEP      e / 4       first position + row   step        stream      seed    purpose << 16 | turn
//   RANDOM_EXAMPLE   e / 4       index in the split     0           stream      seed    PURPOSE_DATA << 16 | split
//   RANDOM_ONCE      e / 4       0                      0           stream      seed    PURPOSE_INIT << 16
//
// where seed is the run's; for PURPOSE_TRAIN and PURPOSE_INIT, if the run has several starts, seed + start * 0x9e3779b9,
// which in the first start is the run's too; and split is 0 for the training data and 1 for the test data. Word e % 4 of the result is the element's.
#ifndef GMC_PHILOX_H
#define GMC_PHILOX_H

#include <stdint.h>

enum { PHILOX_VERSION = 1 };

typedef struct {
  uint32_t counter[4], key[2];
} Philox;

// The four random words at an address.
static inline void philox_words(const Philox *at, uint32_t word[4]) {
  uint32_t c0 = at->counter[0], c1 = at->counter[1], c2 = at->counter[2], c3 = at->counter[3];
  uint32_t k0 = at->key[0], k1 = at->key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p = (uint64_t)c0 * 0xd2511f53u, q = (uint64_t)c2 * 0xcd9e8d57u;
    c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)q;
    c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  word[0] = c0;
  word[1] = c1;
  word[2] = c2;
  word[3] = c3;
}

// One of 2^23 numbers in the middle of equal parts of (0, 1); never 0 or 1, and exact.
static inline float philox_uniform(uint32_t word) { return ((float)(int32_t)(word >> 9) + 0.5f) * 0x1p-23f; }

// Elements first .. first + count - 1 of the row at an address.
static inline void philox_row(const Philox *at, float *row, int64_t first, int64_t count) {
  Philox here = *at;
  uint32_t word[4];
  int64_t e = 0;
  while (e < count) {
    int k = (int)((first + e) % 4);
    here.counter[0] = at->counter[0] + (uint32_t)((first + e) / 4);
    philox_words(&here, word);
    if (k == 0 && e + 4 <= count) {
      for (int i = 0; i < 4; i++) row[e + i] = philox_uniform(word[i]);
      e += 4;
    } else {
      for (; k < 4 && e < count; k++) row[e++] = philox_uniform(word[k]);
    }
  }
}

#endif
