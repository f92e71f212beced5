// Numbers as files hold them, and the one table of how they become ours: the same for every format.
//
// A format says what it stores as a Stored; stored_array makes values of it. Bytes and booleans stay bytes in memory;
// every other type becomes float32, rounded to nearest.
#ifndef GMC_STORED_H
#define GMC_STORED_H

#include "core/run.h"

typedef struct {
  const char *name;  // for people
  const char *npy;   // as a NumPy header writes it, without the byte order
  uint8_t idx;       // IDX's number of the type, or 0
  const char *safetensors;
  enum { STORED_BOOL, STORED_UNSIGNED, STORED_SIGNED, STORED_FLOAT } kind;
  size_t size;  // bytes
} StoredType;

// The types, by the codes of their formats; NULL if there is none.
const StoredType *stored_type_idx(int code);

const StoredType *stored_type_npy(const char *code, size_t length);

const StoredType *stored_type_safetensors(const char *dtype);

// An array as it lies in a file's bytes.
typedef struct {
  const StoredType *type;
  bool big;      // numbers begin with their highest byte
  bool fortran;  // the first axis is the one that runs fastest
  int rank;
  int64_t dim[MAX_RANK + 1];  // examples first
  const uint8_t *bytes;
} Stored;

// Bytes of all elements; false if no memory can hold them.
bool stored_size(const Stored *s, size_t *size);

// The element whose bytes begin at `at`, as a number.
double stored_number(const Stored *s, const uint8_t *at);

// Where element i, counted with the last axis fastest, lies among the stored ones.
int64_t stored_place(const Stored *s, int64_t i);

const char *stored_shape_text(Arena *a, int rank, const int64_t *dim);  // [2, 3], for people

// The column's values, from an array whose shape has been compared with it axis by axis: axes of size 1 do not count,
// and an example may lie flat. The array refers to s->bytes where it can, and is the arena's where it cannot (*kept
// tells which). Fails with EXIT_DATA, naming the file and both shapes.
Array stored_array(Arena *a, const PlanColumn *column, const char *path, const Stored *s, bool *kept);

#endif
