// times.csv: how many seconds a run had trained when it had so many lines of metrics.jsonl, "12,34.567".
//
// Times stand in a file of their own, for the records of two runs that are the same are to be the same. Seconds are
// those of a clock on the wall, from the first step on, measuring and pictures counted; where a run goes on they go on
// from where it was stopped, or from its last checkpoint if it was killed. A line's time is there before the line is.
#ifndef GMC_TIMES_H
#define GMC_TIMES_H

#include "core/file.h"

typedef struct Times Times;

// The text of the folder's times; of none where it has none.
Bytes times_read(Arena *a, const char *folder);

// Begins the folder's times, or goes on with those of its first `lines` lines; `earlier`: rather with those of another
// run, in the text of its file. Where these say nothing of those lines no times are kept, and it is NULL.
Times *times_open(Arena *a, const char *folder, int64_t lines, const Bytes *earlier);

// The run has so many lines now, or is about to.
void times_add(Times *t, int64_t lines);

#endif
