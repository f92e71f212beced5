// NPY files as data: one array for each column. Bytes stay bytes, everything else becomes float. See data.h.
#include "data.h"
#include "npy.h"

#include <string.h>

// Element i as a float. Booleans are 0 and 1 here, not bytes to be scaled.
static float npy_element(const Npy *npy, int64_t i) {
  union {
    double f8;
    int32_t i4;
    int64_t i8;
  } v;
  size_t size = npy_element_size(npy->type);
  const uint8_t *at = npy->data + (size_t)i * size;
  if (size == 1) return *at != 0;
  memcpy(&v, at, size);
  return npy->type == NPY_F8 ? (float)v.f8 : npy->type == NPY_I4 ? (float)v.i4 : (float)v.i8;
}

static const float *npy_floats(Arena *a, const Npy *npy) {
  if (npy->type == NPY_F4 && (uintptr_t)npy->data % sizeof(float) == 0) return (const float *)(uintptr_t)npy->data;
  float *value = NEW_ARRAY(a, float, npy->count);
  if (npy->type == NPY_F4)
    memcpy(value, npy->data, (size_t)npy->count * sizeof *value);
  else
    for (int64_t i = 0; i < npy->count; i++) value[i] = npy_element(npy, i);
  return value;
}

static Array npy_read(Arena *a, const Plan *plan, const PlanColumn *column, const char *path) {
  Npy npy = npy_parse(a, path, file_read(a, path, SIZE_MAX / 2, data_hint(a, plan)));
  Array array = {.examples = data_examples(a, column, path, npy.rank, npy.dim), .count = column->count};
  if (npy.type == NPY_U8)
    array.byte = npy.data;
  else
    array.value = npy_floats(a, &npy);
  return array;
}

void data_read_npy(Arena *a, const Plan *plan, const char *const *files, Data *into) {
  data_enough_files(a, plan);
  for (int c = 0; c < plan->columns; c++) into->column[c] = npy_read(a, plan, &plan->column[c], files[c]);
}
