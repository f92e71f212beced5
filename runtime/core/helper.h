// A thread beside the calling one, for one piece of work that is known beforehand.
#ifndef GMC_HELPER_H
#define GMC_HELPER_H

#include <pthread.h>

#include "core/base.h"

// Bytes of a thread's stack: kernels of matrix products take 0.7 MiB of it. The limit of the process (`ulimit -s`) is
// for its first thread alone, and may be anything.
enum { HELPER_STACK = 2 << 20, HELPER_MAIN_STACK = 8 << 20 };

// What work(what) returns, called with HELPER_MAIN_STACK at least, in a thread of its own if need be: what a whole
// program runs on.
int helper_main(int (*work)(void *), void *what);

typedef struct Helper Helper;

// Calls work(what) in a thread of its own, for which the arena waits before it closes; NULL if there is no thread to be
// had. The work must leave the arena alone, and catch its own failures.
Helper *helper_begin(Arena *a, void (*work)(void *), void *what);

// Has the system put pages under memory that is about to be filled, large ones if it likes: that takes half as long as
// expanding data into them. What it has not come to is done as the memory is written, as ever. NULL where it is not worth a thread.
Helper *helper_pages(Arena *a, void *at, size_t size);

// Waits until the work is done.
void helper_end(Helper *h);

// pthread_create with a stack of so many bytes. False: there is no thread to be had.
bool helper_thread(pthread_t *thread, size_t stack, void *(*work)(void *), void *what);

#endif
