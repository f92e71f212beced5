// Expansion of gzip files and of members of zip files: the same by libdeflate (fast: gmc itself) and by zlib
// (everywhere: emitted programs).
//
// Both expand into memory of a size promised beforehand, never past it, so that no file can ask for more.
#ifndef GMC_INFLATE_H
#define GMC_INFLATE_H

#include "core/file.h"

// GZIP: all members of a file, and after them zeros as tapes and some downloads pad them. RAW: one deflate stream.
typedef enum { INFLATE_GZIP, INFLATE_RAW } InflateKind;

// Deflate cannot make anything smaller than this part of it.
enum { INFLATE_RATIO = 1032 };

// Expands into exactly `room` bytes. NULL, or what is wrong with the file.
typedef const char *Inflate(Arena *a, InflateKind kind, const uint8_t *from, size_t size, uint8_t *into, size_t room);

const char *inflate_libdeflate(Arena *a, InflateKind kind, const uint8_t *from, size_t size, uint8_t *into,
                               size_t room);

const char *inflate_zlib(Arena *a, InflateKind kind, const uint8_t *from, size_t size, uint8_t *into, size_t room);

// Expands to exactly `size` bytes in the arena, or fails with EXIT_DATA; `path` is for messages. Nothing is allocated
// before it is known that so few bytes can hold as many.
Bytes inflate_whole(Arena *a, Inflate *inflate, const char *path, InflateKind kind, Bytes packed, size_t size);

bool gunzip_is(const uint8_t *from, size_t size);  // does it begin as a gzip file does?

// Are all of these bytes zeros?
bool gunzip_padding(const uint8_t *from, size_t size);

// The first bytes of what a gzip file holds, at most `room`; how many there are, or could be read.
size_t gunzip_head(const uint8_t *from, size_t size, uint8_t *into, size_t room);

#endif
