// IDX: one array in a file, MNIST's format.
#ifndef GMC_IDX_H
#define GMC_IDX_H

#include "core/file.h"
#include "formats/stored.h"

// Understands the header in the first `got` bytes of a file; *size: bytes that the whole must have. Fails with
// EXIT_DATA and what is wrong; `path` is for messages.
Stored idx_header(Arena *a, const char *path, const uint8_t *bytes, size_t got, size_t *size);

#endif
