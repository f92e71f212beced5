// Regions, the fused elementwise and reduction kernels, made ready once and then run piece by piece.
//
// What the words of kernel.h leave open, and other readers of plans must do alike: every sum begins with +0, every
// maximum with -infinity, and m_max(so far, next) takes the next element in. How a region is cut into pieces changes no
// bit.
#ifndef GMC_REGION_H
#define GMC_REGION_H

#include "kernel.h"

typedef struct RegionCode RegionCode;

// Makes a region ready to be run in about `pieces` pieces. Fails with EXIT_SOFTWARE if it is too large to be run.
RegionCode *region_prepare(Arena *a, const Region *r, int pieces);

// Runs one piece of `pieces` on the memory that the views count in; it need not be as many as were foreseen. Allocates
// nothing.
void region_run(const RegionCode *code, float *memory, int piece, int pieces);

#endif
