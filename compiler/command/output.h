// Files that -o names, and what they may take the place of.
#ifndef GMC_OUTPUT_H
#define GMC_OUTPUT_H

#include "core/plan.h"
#include "command/options.h"

// Fails with EXIT_CANTCREATE if a file would be lost: one that is there, is not empty and does not begin as `what`,
// which is to be written, does (NULL: it has no beginning that tells). --force takes the place of any.
void output_check(Arena *a, const Options *o, const char *path, const char *begins, const char *what);

// Fails if `path` is one of the files that the plan's data are read from.
void output_spare_data(Arena *a, const Options *o, const char *path, const Plan *plan);

// Black and white of a drawn column: its bounds, where it has both, else 0 and 1.
void output_bounds(const Plan *plan, const char *name, float *lo, float *hi);

#endif
