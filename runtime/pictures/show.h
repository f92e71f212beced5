// Shows: the pictures that a model asks for.
#ifndef GMC_SHOW_H
#define GMC_SHOW_H

#include "data/feed.h"

// Of its file's name: png, or txt where it prints.
const char *show_ending(const PlanShow *show);

// Runs a show's program and draws what came out into the PNG `path`, or writes it there as text, and then returns that;
// else NULL. The random numbers depend on the epoch of `moment`.
const char *show_draw(Run *run, Arena *a, int show, const char *path, Moment moment);

// The picture of a moment: folder/shows/NAME.png, and, `numbered`, the same as NAME_0001.png after epoch 1; a text
// likewise, which is returned.
const char *show_epoch(Run *run, Arena *a, int show, const char *folder, Moment moment, bool numbered);

// n examples of an output as one picture of a nearly square grid.
void show_grid(Arena *a, const char *path, const PlanOutput *output, const float *value, int64_t n, float lo, float hi);

#endif
