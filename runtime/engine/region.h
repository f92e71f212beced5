// Regions, the fused elementwise and reduction kernels, made ready once and then run piece by piece.
//
// What the words of kernel.h leave open, and other readers of plans must do alike: every sum begins with +0, every
// maximum with -infinity, and m_max(so far, next) takes the next element in. How a region is cut into pieces changes no
// bit.
#ifndef GMC_REGION_H
#define GMC_REGION_H

#include "engine/kernel.h"

// Makes a region ready to be run in about as many pieces as it has. Fails with EXIT_SOFTWARE if it is too large to be
// run.
void *region_ready(Arena *a, const Kernel *k);

// Runs one piece of `pieces`; it need not be as many as were foreseen. Allocates nothing.
void region_piece(const KernelRun *call, int piece, int pieces);

#endif
