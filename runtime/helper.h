// A thread beside the calling one, for one piece of work that is known beforehand.
#ifndef GMC_HELPER_H
#define GMC_HELPER_H

#include "base.h"

typedef struct Helper Helper;

// Calls work(what) in a thread of its own, for which the arena waits before it closes; NULL if there is no thread to be
// had. The work must leave the arena alone, and catch its own failures.
Helper *helper_begin(Arena *a, void (*work)(void *), void *what);

// Has the system put pages under memory that is about to be filled: that takes half as long as expanding data into
// them. What it has not come to is done as the memory is written, as ever. NULL where it is not worth a thread.
Helper *helper_pages(Arena *a, void *at, size_t size);

// Waits until the work is done.
void helper_end(Helper *h);

#endif
