// A number that tells bytes apart: for checksums, and for saying that something is no longer what it was.
#ifndef GMC_HASH_H
#define GMC_HASH_H

#include "core/base.h"

// Depends on all bytes, their number and the seed, and on nothing of the machine but its order of bytes. Two texts of
// one length that differ in one word of eight bytes never have the same.
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size);

uint64_t hash_text(uint64_t seed, const char *text);

#endif
