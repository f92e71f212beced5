// NPY: one array in a file, as NumPy writes it.
#ifndef GMC_NPY_H
#define GMC_NPY_H

#include "core/file.h"
#include "formats/stored.h"

// Replaces the file by an array of float32. Atomic.
void npy_write(Arena *a, const char *path, int rank, const int64_t *dim, const float *value);

// Understands the header in the first `got` bytes of a file; *size: bytes that the whole must have. Fails with
// EXIT_DATA and what is wrong; `path` is for messages.
Stored npy_header(Arena *a, const char *path, const uint8_t *bytes, size_t got, size_t *size);

#endif
