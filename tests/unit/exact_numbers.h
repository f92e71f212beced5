// Numbers by chance whose products are exact, for tests of kernels: the same ones in every run.
#ifndef GMC_EXACT_NUMBERS_H
#define GMC_EXACT_NUMBERS_H

#include <stdint.h>
#include <stdlib.h>

static uint32_t chance = 1;

// One of 0 .. n - 1.
static inline int below(int n) {
  chance = chance * 1664525u + 1013904223u;
  return (int)((uint64_t)(chance >> 8) * (uint64_t)n >> 24);
}

// To be freed.
static inline float *numbers(int64_t n) {
  float *x = malloc((size_t)n * sizeof *x);
  for (int64_t i = 0; i < n; i++) x[i] = (float)(below(2001) - 1000) * 0x1p-7f;
  return x;
}

#endif
