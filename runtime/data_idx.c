// IDX files, MNIST's format: two zero bytes, the type, the rank, big-endian sizes, then the elements. See data.h.
//
// Nothing is allocated for the elements before their promised size is known to be possible for a file of this size.
#include "data.h"

#include <inttypes.h>
#include <string.h>

#include "helper.h"

enum {
  IDX_U8 = 0x08,
  IDX_F32 = 0x0d,
  IDX_HEAD = 4 + 4 * (MAX_RANK + 1),  // the longest header we take
  GZIP_RATIO = 1032                   // deflate cannot make anything smaller than this
};

typedef struct {
  int type, rank;
  int64_t dim[MAX_RANK + 1];
  size_t head, size;  // bytes of the header and of the whole
} IdxHeader;

static void idx_check_type(Arena *a, const char *path, int type) {
  static const struct {
    int type;
    const char *name;
  } other[] = {{0x09, "signed bytes"}, {0x0b, "16-bit integers"}, {0x0c, "32-bit integers"}, {0x0e, "doubles"}};
  if (type == IDX_U8 || type == IDX_F32) return;
  for (size_t i = 0; i < sizeof other / sizeof *other; i++)
    if (type == other[i].type)
      fail(a, EXIT_DATA, "%s: holds %s; only unsigned bytes (type 08) and floats (type 0D) are read",
           printable(a, path), other[i].name);
  fail(a, EXIT_DATA, "%s: type %02X is none of the IDX format", printable(a, path), (unsigned int)type);
}

// Understands the header in the first `got` bytes of the (expanded) file.
static IdxHeader idx_header(Arena *a, const char *path, const uint8_t *bytes, size_t got) {
  if (got < 4 || bytes[0] != 0 || bytes[1] != 0) fail(a, EXIT_DATA, "%s: is no IDX file", printable(a, path));
  IdxHeader h = {.type = bytes[2], .rank = bytes[3], .head = 4 + 4 * (size_t)bytes[3]};
  idx_check_type(a, path, h.type);
  if (h.rank < 1 || h.rank > MAX_RANK + 1)
    fail(a, EXIT_DATA, "%s: has %d dimensions, not 1 to %d", printable(a, path), h.rank, MAX_RANK + 1);
  if (got < h.head) fail(a, EXIT_DATA, "%s: is cut short within its header", printable(a, path));
  size_t payload = h.type == IDX_F32 ? sizeof(float) : 1;
  bool fits = true;
  for (int i = 0; i < h.rank; i++) {
    const uint8_t *p = bytes + 4 + 4 * i;
    h.dim[i] = (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | p[3];
    fits = fits && size_product(payload, (size_t)h.dim[i], &payload);
  }
  if (!fits || !size_sum(h.head, payload, &h.size))
    fail(a, EXIT_DATA, "%s: its header promises more than any memory can hold", printable(a, path));
  return h;
}

// The whole file as it is, and its header.
static const uint8_t *idx_plain(Arena *a, const char *path, Bytes file, IdxHeader *h) {
  *h = idx_header(a, path, file.data, file.size);
  if (h->size != file.size)
    fail(a, EXIT_DATA, "%s: has %zu bytes, but its header promises %zu", printable(a, path), file.size, h->size);
  return file.data;
}

// The same, expanded.
static const uint8_t *idx_expand(Arena *a, const char *path, Bytes file, IdxHeader *h, Gunzip *gunzip) {
  uint8_t head[IDX_HEAD];
  size_t got = gunzip_head(file.data, file.size, head, sizeof head);
  if (got == 0) fail(a, EXIT_DATA, "%s: is empty, cut short or no sound gzip file", printable(a, path));
  *h = idx_header(a, path, head, got);
  if (h->size / GZIP_RATIO > file.size)
    fail(a, EXIT_DATA, "%s: its header promises %zu bytes, more than %zu compressed ones can hold", printable(a, path),
         h->size, file.size);
  uint8_t *whole = arena_alloc(a, h->size, 1);
  Helper *helper = helper_pages(a, whole, h->size);
  const char *wrong = gunzip(a, file.data, file.size, whole, h->size);
  if (helper) helper_end(helper);
  if (wrong) fail(a, EXIT_DATA, "%s: %s", printable(a, path), wrong);
  return whole;
}

// Big-endian floats in place of the bytes: they are aligned, as every header is a multiple of 4 bytes.
static const float *idx_floats(const uint8_t *bytes, size_t count) {
  float *value = (float *)(uintptr_t)bytes;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *p = bytes + 4 * i;
    uint32_t bits = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    memcpy(&value[i], &bits, sizeof bits);
  }
  return value;
}

static Array idx_read(Arena *a, const Plan *plan, const PlanColumn *column, const char *path, Gunzip *gunzip) {
  Arena *scratch = arena_open(a);
  Bytes file = file_read(scratch, path, SIZE_MAX / 2, data_hint(a, plan));
  bool packed = gunzip_is(file.data, file.size);
  IdxHeader h;
  const uint8_t *whole = packed ? idx_expand(a, path, file, &h, gunzip) : idx_plain(a, path, file, &h);
  Array array = {.examples = data_examples(a, column, path, h.rank, h.dim), .count = column->count};
  if (h.type == IDX_U8)
    array.byte = whole + h.head;
  else
    array.value = idx_floats(whole + h.head, (h.size - h.head) / sizeof(float));
  if (packed) arena_close(scratch);
  return array;
}

static void idx_read_all(Arena *a, const Plan *plan, const char *const *files, Data *into, Gunzip *gunzip) {
  data_enough_files(a, plan);
  for (int c = 0; c < plan->columns; c++) into->column[c] = idx_read(a, plan, &plan->column[c], files[c], gunzip);
}

void data_read_idx(Arena *a, const Plan *plan, const char *const *files, Data *into) {
  idx_read_all(a, plan, files, into, gunzip_deflate);
}

void data_read_idx_zlib(Arena *a, const Plan *plan, const char *const *files, Data *into) {
  idx_read_all(a, plan, files, into, gunzip_zlib);
}
