// Loops of kernels; see kernel.h for what a loop is.
#ifndef GMC_LOOP_H
#define GMC_LOOP_H

#include "engine/kernel.h"

void *loop_ready(Arena *a, const Kernel *k);
void loop_piece(const KernelRun *call, int piece, int pieces);  // has one piece

// The number of the turn that is run i-th.
int64_t loop_turn(const KernelLoop *l, int64_t i);

#endif
