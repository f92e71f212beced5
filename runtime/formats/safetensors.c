// safetensors: named tensors in one file; see safetensors.h. The file: 8 bytes of little-endian N, N bytes of JSON
// padded with spaces to a multiple of 8, then the tensors one behind the other.
//
// Reading believes nothing: every size goes through checked arithmetic and is compared with the file's own size.
#include "formats/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/hash.h"
#include "formats/json.h"

enum { SAFETENSORS_HEADER_LIMIT = 100000000, CHECKSUM_DIGITS = 16 };

// In the header, before the digits of the checksum. What it is made of has zeros there.
static const char checksum_key[] = "\"gmc_checksum\":\"";

static const char checksum_zeros[] = "0000000000000000";

typedef struct {
  TensorView view;
  size_t begin, end;  // of its bytes, relative to the data
} SafetensorsEntry;

struct Safetensors {
  Arena *arena;
  const char *path;
  const Json *meta;
  int count;
  SafetensorsEntry *entry;         // in the order of the data
  const SafetensorsEntry **named;  // in the order of names
};

static void safetensors_add_entry(Text *t, const TensorView *v, size_t begin, size_t end) {
  json_add_string(t, v->name);
  text_add(t, ":{\"dtype\":\"F32\",\"shape\":[");
  for (int i = 0; i < v->rank; i++) text_add(t, "%s%" PRId64, i ? "," : "", v->dim[i]);
  text_add(t, "],\"data_offsets\":[%zu,%zu]}", begin, end);
}

static size_t safetensors_bytes(const TensorView *v) {
  size_t bytes = sizeof(float);
  for (int i = 0; i < v->rank; i++) bytes *= (size_t)v->dim[i];
  return bytes;
}

// The header, with zeros for a checksum.
static Text safetensors_header(Arena *a, int n, const TensorView *tensor, int metas, const char *const *key,
                               const char *const *value) {
  Text header = text_new(a);
  size_t at = 0;
  text_add(&header, "{\"__metadata__\":{");
  for (int i = 0; i < metas; i++) {
    json_add_string(&header, key[i]);
    text_add(&header, ":");
    json_add_string(&header, value[i]);
    text_add(&header, ",");
  }
  text_add(&header, "%s%s\"}", checksum_key, checksum_zeros);
  for (int i = 0; i < n; i++) {
    text_add(&header, ",");
    safetensors_add_entry(&header, &tensor[i], at, at + safetensors_bytes(&tensor[i]));
    at += safetensors_bytes(&tensor[i]);
  }
  text_add(&header, "}%*s", (int)((8 - (header.length + 1) % 8) % 8), "");
  return header;
}

void safetensors_write(Arena *a, const char *path, int n, const TensorView *tensor, int metas, const char *const *key,
                       const char *const *value) {
  Text header = safetensors_header(a, n, tensor, metas, key, value);
  uint64_t sum = hash_bytes(0, header.data, header.length);
  for (int i = 0; i < n; i++) sum = hash_bytes(sum, tensor[i].value, safetensors_bytes(&tensor[i]));
  memcpy(strstr(header.data, checksum_key) + strlen(checksum_key), arena_format(a, "%016" PRIx64, sum),
         CHECKSUM_DIGITS);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.length >> 8 * i);
  NewFile *f = file_begin(a, path);
  file_add(f, length, sizeof length);
  file_add(f, header.data, header.length);
  for (int i = 0; i < n; i++) file_add(f, tensor[i].value, safetensors_bytes(&tensor[i]));
  file_commit(f);
}

static _Noreturn void safetensors_refuse(const Safetensors *s, const char *what) {
  fail(s->arena, EXIT_DATA, "%s: %s", printable(s->arena, s->path), what);
}

static _Noreturn void safetensors_refuse_entry(const Safetensors *s, const char *name, const char *what) {
  fail(s->arena, EXIT_DATA, "%s: tensor '%s' %s", printable(s->arena, s->path), printable(s->arena, name), what);
}

// Bytes of an element, or 0 for a type unknown.
static size_t safetensors_element(const char *dtype) {
  static const struct {
    const char *name;
    size_t size;
  } known[] = {{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},    {"I8", 1},
               {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(dtype, known[i].name) == 0) return known[i].size;
  return 0;
}

static void safetensors_shape(const Safetensors *s, const char *name, const Json *shape, TensorView *v, size_t *bytes) {
  if (!shape || shape->kind != JSON_ARRAY) safetensors_refuse_entry(s, name, "has no shape");
  size_t count = 1;
  for (const Json *d = shape->child; d; d = d->next) {
    int64_t dim = 0;
    if (!json_integer(d, &dim) || dim < 0) safetensors_refuse_entry(s, name, "has a shape that is none");
    if (v->rank < MAX_RANK) v->dim[v->rank] = dim;
    v->rank++;
    if (!size_product(count, (size_t)dim, &count)) safetensors_refuse_entry(s, name, "is larger than any memory");
  }
  v->count = (int64_t)count;
  if (!size_product(count, *bytes, bytes)) safetensors_refuse_entry(s, name, "is larger than any memory");
}

static void safetensors_offsets(const Safetensors *s, const Json *offsets, size_t bytes, SafetensorsEntry *e) {
  const Json *first = offsets && offsets->kind == JSON_ARRAY ? offsets->child : NULL;
  int64_t begin = 0, end = 0;
  if (!first || !json_integer(first, &begin) || !json_integer(first->next, &end) || first->next->next || begin < 0 ||
      end < begin)
    safetensors_refuse_entry(s, e->view.name, "has no sound data_offsets");
  if ((size_t)(end - begin) != bytes)
    safetensors_refuse_entry(s, e->view.name, "has a shape and data_offsets that disagree");
  e->begin = (size_t)begin;
  e->end = (size_t)end;
}

static void safetensors_read_entry(const Safetensors *s, const Json *j, SafetensorsEntry *e) {
  const Json *dtype = json_find(j, "dtype");
  e->view.name = j->key;
  if (!dtype || dtype->kind != JSON_STRING) safetensors_refuse_entry(s, j->key, "has no dtype");
  e->view.dtype = dtype->string;
  size_t bytes = safetensors_element(dtype->string);
  if (bytes == 0) safetensors_refuse_entry(s, j->key, "has an unknown dtype");
  safetensors_shape(s, j->key, json_find(j, "shape"), &e->view, &bytes);
  safetensors_offsets(s, json_find(j, "data_offsets"), bytes, e);
}

static int safetensors_by_offset(const void *a, const void *b) {
  const SafetensorsEntry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

static int safetensors_by_name(const void *a, const void *b) {
  return strcmp((*(const SafetensorsEntry *const *)a)->view.name, (*(const SafetensorsEntry *const *)b)->view.name);
}

static void safetensors_read_meta(Safetensors *s, const Json *meta) {
  if (meta->kind != JSON_OBJECT) safetensors_refuse(s, "its __metadata__ is no object");
  for (const Json *m = meta->child; m; m = m->next)
    if (m->kind != JSON_STRING) safetensors_refuse(s, "its __metadata__ holds something other than strings");
  s->meta = meta;
}

// The entries of the header, in the order of the data, which they must fill without hole or overlap.
static void safetensors_read_entries(Safetensors *s, const Json *header, size_t data) {
  size_t room = 0, at = 0;
  for (const Json *j = header->child; j; j = j->next) room++;
  s->entry = NEW_ARRAY(s->arena, SafetensorsEntry, room);
  s->named = NEW_ARRAY(s->arena, const SafetensorsEntry *, room);
  for (const Json *j = header->child; j; j = j->next)
    if (strcmp(j->key, "__metadata__") == 0)
      safetensors_read_meta(s, j);
    else
      safetensors_read_entry(s, j, &s->entry[s->count++]);
  size_t n = (size_t)s->count;
  if (n > 1) qsort(s->entry, n, sizeof *s->entry, safetensors_by_offset);
  for (size_t i = 0; i < n; i++) {
    if (s->entry[i].begin != at)
      safetensors_refuse_entry(s, s->entry[i].view.name, "leaves a hole or overlaps another");
    at = s->entry[i].end;
    s->named[i] = &s->entry[i];
  }
  if (at != data)
    fail(s->arena, EXIT_DATA, "%s: has %zu bytes of data, but its header promises %zu", printable(s->arena, s->path),
         data, at);
  if (n > 1) qsort(s->named, n, sizeof *s->named, safetensors_by_name);
}

// Points the views at their values, copied where they are not aligned in the file.
static void safetensors_place(Safetensors *s, const uint8_t *data) {
  for (int i = 0; i < s->count; i++) {
    SafetensorsEntry *e = &s->entry[i];
    const uint8_t *at = e->view.bytes = data + e->begin;
    if (strcmp(e->view.dtype, "F32") != 0) continue;
    if ((uintptr_t)at % sizeof(float) == 0) {
      e->view.value = (const float *)(uintptr_t)at;
    } else {
      float *copy = NEW_ARRAY(s->arena, float, e->view.count);
      memcpy(copy, at, e->end - e->begin);
      e->view.value = copy;
    }
  }
}

// Fails unless the bytes are those that were written, where that can be told.
static void safetensors_check(const Safetensors *s, const uint8_t *header, size_t length) {
  const uint8_t *data = header + length;
  char *text = arena_slice(s->arena, (const char *)header, length), *digits = strstr(text, checksum_key);
  if (!digits || !safetensors_meta(s, "gmc_checksum")) return;
  digits += strlen(checksum_key);
  if (strspn(digits, "0123456789abcdef") != CHECKSUM_DIGITS) safetensors_refuse(s, "its checksum is none");
  const char *promised = arena_slice(s->arena, digits, CHECKSUM_DIGITS);
  memcpy(digits, checksum_zeros, CHECKSUM_DIGITS);
  uint64_t sum = hash_bytes(0, text, length);
  for (int i = 0; i < s->count; i++)
    sum = hash_bytes(sum, data + s->entry[i].begin, s->entry[i].end - s->entry[i].begin);
  if (strcmp(arena_format(s->arena, "%016" PRIx64, sum), promised) != 0)
    safetensors_refuse(s,
                       "is not as it was written: its checksum differs. A file changed on purpose has no "
                       "`gmc_checksum` in its __metadata__");
}

Safetensors *safetensors_read(Arena *a, const char *path) {
  Safetensors *s = NEW(a, Safetensors);
  s->arena = a;
  s->path = arena_copy(a, path);
  Bytes file = file_read(a, path, SIZE_MAX / 2, "");
  uint64_t length = 0;
  for (int i = 0; i < 8 && file.size >= 8; i++) length |= (uint64_t)file.data[i] << 8 * i;
  if (file.size < 8 || length < 2 || file.data[8] != '{') safetensors_refuse(s, "is no safetensors file");
  if (length > SAFETENSORS_HEADER_LIMIT) safetensors_refuse(s, "its header is longer than 100000000 bytes");
  if (length > file.size - 8) safetensors_refuse(s, "is cut short within its header");
  const char *problem = NULL;
  const Json *header = json_parse(a, (const char *)file.data + 8, (size_t)length, &problem);
  if (!header) fail(a, EXIT_DATA, "%s: its header is no sound JSON: %s", printable(a, path), problem);
  safetensors_read_entries(s, header, file.size - 8 - (size_t)length);
  safetensors_check(s, file.data + 8, (size_t)length);
  safetensors_place(s, file.data + 8 + length);
  return s;
}

const TensorView *safetensors_find(const Safetensors *s, const char *name) {
  int lo = 0, hi = s->count;
  while (lo < hi) {
    int middle = lo + (hi - lo) / 2, order = strcmp(s->named[middle]->view.name, name);
    if (order == 0) return &s->named[middle]->view;
    if (order < 0)
      lo = middle + 1;
    else
      hi = middle;
  }
  return NULL;
}

int safetensors_count(const Safetensors *s) { return s->count; }

const TensorView *safetensors_at(const Safetensors *s, int i) { return &s->entry[i].view; }

const char *safetensors_meta(const Safetensors *s, const char *key) {
  const Json *found = json_find(s->meta, key);
  return found ? found->string : NULL;
}
