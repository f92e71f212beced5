// Numbers as files hold them; see stored.h.
#include "formats/stored.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/file.h"

static const StoredType stored_types[] = {
    {"bool", "b1", 0, "BOOL", STORED_BOOL, 1},       {"uint8", "u1", 0x08, "U8", STORED_UNSIGNED, 1},
    {"int8", "i1", 0x09, "I8", STORED_SIGNED, 1},    {"uint16", "u2", 0, "U16", STORED_UNSIGNED, 2},
    {"int16", "i2", 0x0b, "I16", STORED_SIGNED, 2},  {"uint32", "u4", 0, "U32", STORED_UNSIGNED, 4},
    {"int32", "i4", 0x0c, "I32", STORED_SIGNED, 4},  {"uint64", "u8", 0, "U64", STORED_UNSIGNED, 8},
    {"int64", "i8", 0, "I64", STORED_SIGNED, 8},     {"float16", "f2", 0, "F16", STORED_FLOAT, 2},
    {"float32", "f4", 0x0d, "F32", STORED_FLOAT, 4}, {"float64", "f8", 0x0e, "F64", STORED_FLOAT, 8},
};
enum { STORED_TYPES = sizeof stored_types / sizeof *stored_types };

const StoredType *stored_type_idx(int code) {
  for (int i = 0; code && i < STORED_TYPES; i++)
    if (stored_types[i].idx == code) return &stored_types[i];
  return NULL;
}

const StoredType *stored_type_npy(const char *code, size_t length) {
  for (int i = 0; i < STORED_TYPES; i++)
    if (strlen(stored_types[i].npy) == length && memcmp(stored_types[i].npy, code, length) == 0)
      return &stored_types[i];
  return NULL;
}

const StoredType *stored_type_safetensors(const char *dtype) {
  for (int i = 0; i < STORED_TYPES; i++)
    if (strcmp(stored_types[i].safetensors, dtype) == 0) return &stored_types[i];
  return NULL;
}

bool stored_size(const Stored *s, size_t *size) {
  size_t count = s->type->size;
  bool fits = true;
  for (int i = 0; i < s->rank; i++) fits = fits && size_product(count, (size_t)s->dim[i], &count);
  *size = count;
  return fits;
}

// IEEE 754 half precision: a sign, five bits of exponent, ten of fraction.
static double stored_half(uint64_t bits) {
  int exponent = bits >> 10 & 31;
  double fraction = (double)(bits & 1023), sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
  return sign * (exponent ? ldexp(fraction + 1024, exponent - 25) : ldexp(fraction, -24));
}

double stored_number(const Stored *s, const uint8_t *at) {
  size_t size = s->type->size;
  uint64_t bits = 0;
  for (size_t i = 0; i < size; i++) bits = bits << 8 | at[s->big ? i : size - 1 - i];
  switch (s->type->kind) {
    case STORED_BOOL: return bits != 0;
    case STORED_UNSIGNED: return (double)bits;
    case STORED_SIGNED: {
      uint64_t sign = (uint64_t)1 << (8 * size - 1);
      return (double)(int64_t)((bits ^ sign) - sign);
    }
    case STORED_FLOAT: break;
  }
  if (size == 2) return stored_half(bits);
  union {
    uint64_t bits;
    double value;
  } wide = {.bits = bits};
  union {
    uint32_t bits;
    float value;
  } narrow = {.bits = (uint32_t)bits};
  return size == 4 ? (double)narrow.value : wide.value;
}

const char *stored_shape_text(Arena *a, int rank, const int64_t *dim) {
  Text t = text_new(a);
  text_add(&t, "[");
  for (int i = 0; i < rank; i++) text_add(&t, "%s%" PRId64, i ? ", " : "", dim[i]);
  text_add(&t, "]");
  return t.data;
}

// Copies the sizes other than 1; returns how many there are.
static int stored_axes(int rank, const int64_t *dim, int64_t *into) {
  int axes = 0;
  for (int i = 0; i < rank; i++)
    if (dim[i] != 1) into[axes++] = dim[i];
  return axes;
}

// Do examples of the array have the column's shape?
static bool stored_fits(const PlanColumn *column, const Stored *s) {
  int64_t file[MAX_RANK], model[MAX_RANK];
  size_t count = 1;
  if (s->rank == 0) return false;
  for (int i = 1; i < s->rank; i++)
    if (!size_product(count, (size_t)s->dim[i], &count)) return false;
  if (count != (size_t)column->count) return false;
  int n = stored_axes(s->rank - 1, s->dim + 1, file), m = stored_axes(column->rank, column->dim, model);
  return n <= 1 || m <= 1 || (n == m && memcmp(file, model, (size_t)n * sizeof *file) == 0);
}

static void stored_check(Arena *a, const PlanColumn *column, const char *path, const Stored *s) {
  if (!stored_fits(column, s))
    fail(a, EXIT_DATA, "%s: an array of shape %s does not hold examples of %s%s, which the column %s wants",
         printable(a, path), stored_shape_text(a, s->rank, s->dim), column->rank ? "shape " : "one value",
         column->rank ? stored_shape_text(a, column->rank, column->dim) : "", printable(a, column->name));
  if (s->dim[0] > INT32_MAX) fail(a, EXIT_DATA, "%s: %" PRId64 " examples are too many", printable(a, path), s->dim[0]);
}

int64_t stored_place(const Stored *s, int64_t i) {
  int64_t place = 0, stride[MAX_RANK + 1] = {1};
  if (!s->fortran) return i;
  for (int k = 1; k < s->rank; k++) stride[k] = stride[k - 1] * s->dim[k - 1];
  for (int k = s->rank - 1; k >= 0; k--) {
    place += i % s->dim[k] * stride[k];
    i /= s->dim[k];
  }
  return place;
}

static bool stored_little_endian(void) {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 1;
}

// Is this memory what we want in ours?
static bool stored_as_is(const Stored *s) {
  bool byte = s->type->kind == STORED_UNSIGNED && s->type->size == 1;
  bool single = s->type->kind == STORED_FLOAT && s->type->size == sizeof(float) && s->big != stored_little_endian() &&
                (uintptr_t)s->bytes % sizeof(float) == 0;
  return (byte || single) && (!s->fortran || s->rank < 2);
}

Array stored_array(Arena *a, const PlanColumn *column, const char *path, const Stored *s, bool *kept) {
  stored_check(a, column, path, s);
  int64_t n = s->dim[0] * column->count;
  bool bytes = s->type->size == 1 && s->type->kind <= STORED_UNSIGNED;
  Array array = {.examples = s->dim[0], .count = column->count, .scale = 1, .stored = s->type->name};
  *kept = stored_as_is(s);
  if (*kept && bytes) {
    array.byte = s->bytes;
  } else if (*kept) {
    array.value = (const float *)(uintptr_t)s->bytes;
  } else if (bytes) {
    uint8_t *byte = NEW_ARRAY(a, uint8_t, n);
    for (int64_t i = 0; i < n; i++) byte[i] = (uint8_t)stored_number(s, s->bytes + stored_place(s, i));
    array.byte = byte;
  } else {
    float *value = NEW_ARRAY(a, float, n);
    for (int64_t i = 0; i < n; i++)
      value[i] = (float)stored_number(s, s->bytes + (size_t)stored_place(s, i) * s->type->size);
    array.value = value;
  }
  return array;
}
