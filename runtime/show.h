// Shows: the pictures that a model asks for.
#ifndef GMC_SHOW_H
#define GMC_SHOW_H

#include "feed.h"

// Runs a show's program and draws what came out into the PNG `path`. The random numbers depend on the epoch of
// `moment`.
void show_draw(Run *run, int show, const char *path, Moment moment);

// The pictures of an epoch: folder/shows/NAME_0001.png, and the same as NAME.png.
void show_epoch(Run *run, int show, const char *folder, Moment moment);

// n examples of an output as one picture of a nearly square grid.
void show_grid(Arena *a, const char *path, const PlanOutput *output, const float *value, int64_t n, float lo, float hi);

#endif
