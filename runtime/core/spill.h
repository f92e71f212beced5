// Memory that need not stay: large objects of an arena in a file without a name, once a budget is spent.
//
// What lies there is memory like any other, and the system may take its pages back, for they can be read again. The file
// is gone with the process, however it ends.
#ifndef GMC_SPILL_H
#define GMC_SPILL_H

#include "core/base.h"

// For the large objects of an arena and its children, until it closes. `budget`: bytes of them that are memory as ever,
// and of the file that are kept at hand while they are used. Calls for one spill come from one thread at a time.
Spill *spill_open(Arena *a, size_t budget);

// `bytes` of the objects are about to be forgotten: once half the budget has been used, all pages of the file go.
void spill_used(Spill *s, size_t bytes);

// All pages of the file go, and come back as they are used.
void spill_let_go(Spill *s);

// Bytes in the file.
size_t spill_size(const Spill *s);

#endif
