// safetensors: named tensors in one file, with a few strings about them.
#ifndef GMC_SAFETENSORS_H
#define GMC_SAFETENSORS_H

#include "core/plan.h"

typedef struct {
  const char *name;
  const char *dtype;  // as the file calls it, "F32"; ignored when writing, which is always F32
  int rank;           // when reading, dim holds the first MAX_RANK sizes; a tensor of more is seen by its rank alone
  int64_t dim[MAX_RANK];
  int64_t count;       // elements; ignored when writing
  const float *value;  // aligned; NULL when reading a dtype other than F32
  const uint8_t *bytes;  // the elements as the file has them, little-endian; ignored when writing
} TensorView;

typedef struct Safetensors Safetensors;

// Replaces the file by one that holds n tensors of F32, in this order, and metas pairs of strings. Atomic. One more
// string, `gmc_checksum`, is of all that follows the file's first 8 bytes.
void safetensors_write(Arena *a, const char *path, int n, const TensorView *tensor, int metas, const char *const *key,
                       const char *const *value);

// Reads and checks the whole file: fails with EXIT_NOINPUT or EXIT_DATA and what is wrong. A file without a checksum is
// taken as it is. Lives as long as the arena.
Safetensors *safetensors_read(Arena *a, const char *path);

const TensorView *safetensors_find(const Safetensors *s, const char *name);  // NULL if absent

int safetensors_count(const Safetensors *s);

const TensorView *safetensors_at(const Safetensors *s, int i);  // in the order of the file

const char *safetensors_meta(const Safetensors *s, const char *key);  // NULL if absent

#endif
