// Compression to zlib streams (RFC 1950), for pictures: so that programs which read no compressed data need no library.
#ifndef GMC_DEFLATE_H
#define GMC_DEFLATE_H

#include "core/base.h"

// The most bytes that a stream of `size` bytes can take.
size_t deflate_bound(size_t size);

// Compresses `size` bytes, less than 2 GiB of them, into a stream. Returns its length.
size_t deflate_zlib(Arena *a, const uint8_t *from, size_t size, uint8_t *into);

#endif
