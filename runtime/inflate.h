// Expansion of gzip files: the same by libdeflate (fast: gmc itself) and by zlib (everywhere: emitted programs).
//
// Both expand into memory of a size promised beforehand, never past it, so that no file can ask for more.
#ifndef GMC_INFLATE_H
#define GMC_INFLATE_H

#include "base.h"

// Expands all members of a gzip file into exactly `room` bytes. NULL, or what is wrong with the file.
typedef const char *Gunzip(Arena *a, const uint8_t *from, size_t size, uint8_t *into, size_t room);

const char *gunzip_deflate(Arena *a, const uint8_t *from, size_t size, uint8_t *into, size_t room);

const char *gunzip_zlib(Arena *a, const uint8_t *from, size_t size, uint8_t *into, size_t room);

bool gunzip_is(const uint8_t *from, size_t size);  // does it begin as a gzip file does?

// The first bytes of what a gzip file holds, at most `room`; how many there are, or could be read.
size_t gunzip_head(const uint8_t *from, size_t size, uint8_t *into, size_t room);

#endif
