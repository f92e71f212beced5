// NPY: one array in a file, as NumPy writes it.
#ifndef GMC_NPY_H
#define GMC_NPY_H

#include "file.h"
#include "plan.h"

typedef enum { NPY_U8, NPY_BOOL, NPY_F4, NPY_F8, NPY_I4, NPY_I8 } NpyType;

typedef struct {
  NpyType type;
  int rank;
  int64_t dim[MAX_RANK + 1];  // examples first
  int64_t count;              // elements
  const uint8_t *data;        // little-endian, C order, within the file's bytes
} Npy;

size_t npy_element_size(NpyType type);  // bytes

// Replaces the file by an array of float32. Atomic.
void npy_write(Arena *a, const char *path, int rank, const int64_t *dim, const float *value);

// Understands a whole file in memory: fails with EXIT_DATA and what is wrong. `path` is for messages.
Npy npy_parse(Arena *a, const char *path, Bytes file);

#endif
