// The random numbers of the tests' generators: splitmix64 (Steele, Lea and Flood 2014).
#ifndef GMC_RANDOM_BITS_H
#define GMC_RANDOM_BITS_H

#include <stdint.h>

static inline uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// 0 to n-1. A call of a function has at most one argument that draws: the order of two would be the C compiler's
// choice.
static inline int random_below(uint64_t *state, int n) { return (int)(random_bits(state) % (uint64_t)n); }

#endif
