// Bodies: loops over all the arithmetic of a region, compiled ahead.
//
// Steps carry every value through memory, which costs more than its arithmetic where that is cheap. So compiler/command/ahead.c
// looks for the regions of the shipped models and prints, when gmc is built, one C function for each of their bodies.
// A region finds its own by the text, which says all that matters; one that finds none is run step by step, to the same
// bits.
#ifndef GMC_REGION_BODY_H
#define GMC_REGION_BODY_H

#include "engine/region_code.h"

// The statements of one element. Arrays are a0, a1 ..., numbers n0, n1 ..., both in order of their first use; results
// v0, v1 ...; y0, y1 ... are what is stored. For example
//   const float v0 = op_MUL(a0, n0); const float v1 = op_ADD(v0, a1); y0[l] = v1;
typedef struct {
  const char *text;
  Loop *loop;  // its operands: the arrays, then the numbers
} RegionBody;
extern const RegionBody region_bodies[];  // ends with NULL

// The body that the results of r which are no numbers make, and in `step` what its loop works on. Sets the step's loop
// to NULL where it was not compiled ahead. Returns NULL where there is no such body, or a very large one.
const char *region_body(Arena *a, const Region *r, const RegionValue *value, Step *step);

#endif
