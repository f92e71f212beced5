// Sweeps: a run file's lists of values, taken apart into the runs they stand for.
#ifndef GMC_SWEEP_H
#define GMC_SWEEP_H

#include "command/config.h"

// How many runs: the product of the lists' lengths, 1 without a sweep. Fails with EXIT_CONFIG beyond MANY_RUNS.
enum { MANY_RUNS = 10000 };
int sweep_count(Arena *a, const Config *c);
// The settings of run i, without a sweep; the last list turns fastest. *name becomes "latent=8,hidden=100", fit for a
// folder.
Config *sweep_config(Arena *a, const Config *c, int i, const char **name);

#endif
