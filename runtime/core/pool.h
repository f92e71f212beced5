// A pool of threads: runs the pieces of one kernel, whoever gets to them, and returns when all are done.
#ifndef GMC_POOL_H
#define GMC_POOL_H

#include "core/base.h"

typedef struct Pool Pool;

// A pool of `threads` threads, the calling one among them; 0: one for each processor this process may use. Closed with
// the arena. Fewer threads than asked for are no failure, since results never depend on their number.
// Until it is closed, subnormal numbers (below 1.2e-38) are 0 in all its threads, as operands and as results.
Pool *pool_open(Arena *a, int threads);
int pool_threads(const Pool *pool);

// Calls fn(arg, piece, pieces) for every piece from 0 to pieces-1; a thread that is alone, as where pool is NULL, does
// it all as one piece, fn(arg, 0, 1). Only the thread that opened the pool may call it, and fn must not fail() and must
// not call pool_run.
void pool_run(Pool *pool, void (*fn)(void *arg, int piece, int pieces), void *arg, int pieces);

// The same, piece by piece also where a thread is alone: for results that depend on where the pieces are cut.
void pool_run_apart(Pool *pool, void (*fn)(void *arg, int piece, int pieces), void *arg, int pieces);

#endif
