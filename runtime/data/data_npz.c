// NPZ files as data: a zip file of NPY arrays, of which each column takes the one of its name. See data.h.
//
// Members are found by the directory at the file's end, and are stored or deflated.
#include <string.h>

#include "data/data.h"
#include "formats/npy.h"

enum { ZIP_END = 22, ZIP_ENTRY = 46, ZIP_LOCAL = 30, ZIP_COMMENT = 65535, ZIP_STORED = 0, ZIP_DEFLATED = 8 };

typedef struct {
  Arena *arena;
  const char *path;
  const uint8_t *bytes;
  size_t size;
  size_t directory, end;  // where it begins and ends
} Zip;

static uint32_t zip_16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }

static uint32_t zip_32(const uint8_t *p) { return zip_16(p) | zip_16(p + 2) << 16; }

static _Noreturn void zip_refuse(const Zip *z, const char *what) {
  fail(z->arena, EXIT_DATA, "%s: %s", printable(z->arena, z->path), what);
}

static bool zip_is(const uint8_t *p, uint8_t third, uint8_t fourth) {
  return p[0] == 'P' && p[1] == 'K' && p[2] == third && p[3] == fourth;
}

// Finds the directory by the record that ends the file, but for a comment.
static Zip zip_open(Arena *a, const char *path, Bytes file) {
  Zip z = {a, path, file.data, file.size, 0, 0};
  if (file.size < ZIP_END || file.data[0] != 'P' || file.data[1] != 'K') zip_refuse(&z, "is no NPZ file");
  size_t at = file.size - ZIP_END, least = at > ZIP_COMMENT ? at - ZIP_COMMENT : 0;
  while (!zip_is(file.data + at, 5, 6) && at > least) at--;
  const uint8_t *p = file.data + at;
  if (!zip_is(p, 5, 6)) zip_refuse(&z, "is cut short: a zip file ends with its directory");
  z.directory = zip_32(p + 16);
  if (z.directory == UINT32_MAX) zip_refuse(&z, "is larger than the 4 GiB that are read of NPZ files");
  if (!size_sum(z.directory, zip_32(p + 12), &z.end) || z.end > at) zip_refuse(&z, "has a damaged directory");
  return z;
}

// The next entry of the directory at *at, moved past it; NULL after the last.
static const uint8_t *zip_next(const Zip *z, size_t *at) {
  const uint8_t *p = z->bytes + *at;
  if (*at == z->end) return NULL;
  if (z->end - *at < ZIP_ENTRY || !zip_is(p, 1, 2)) zip_refuse(z, "has a damaged directory");
  size_t length = ZIP_ENTRY + (size_t)zip_16(p + 28) + zip_16(p + 30) + zip_16(p + 32);
  if (z->end - *at < length) zip_refuse(z, "has a damaged directory");
  *at += length;
  return p;
}

// Is the entry called `name`, or `name`.npy?
static bool zip_called(const uint8_t *entry, const char *name) {
  size_t n = strlen(name), length = zip_16(entry + 28);
  const uint8_t *own = entry + ZIP_ENTRY;
  if (length < n || memcmp(own, name, n) != 0) return false;
  return length == n || (length == n + 4 && memcmp(own + n, ".npy", 4) == 0);
}

static const uint8_t *zip_find(const Zip *z, const char *name, const PlanColumn *column) {
  Text names = text_new(z->arena);
  size_t at = z->directory;
  for (const uint8_t *p; (p = zip_next(z, &at));) {
    if (zip_called(p, name)) return p;
    text_add(&names, "%s%.*s", names.length ? ", " : "", (int)zip_16(p + 28), (const char *)p + ZIP_ENTRY);
  }
  zip_refuse(
      z, arena_format(z->arena, "holds no array `%s` for the column %s; it has %s; `columns: [...]` names others", name,
                      column->name, names.length ? names.data : "none"));
}

// A member's bytes, in the arena.
static Bytes zip_member(const Zip *z, Arena *own, const DataFiles *files, const char *path, const uint8_t *entry) {
  size_t packed = zip_32(entry + 20), size = zip_32(entry + 24), local = zip_32(entry + 42), begin, end;
  if (packed == UINT32_MAX || size == UINT32_MAX) zip_refuse(z, "is larger than the 4 GiB that are read of NPZ files");
  if (zip_16(entry + 8) & 1) zip_refuse(z, "is encrypted");
  if (z->size - ZIP_LOCAL < local || !zip_is(z->bytes + local, 3, 4)) zip_refuse(z, "has a damaged directory");
  begin = local + ZIP_LOCAL + zip_16(z->bytes + local + 26) + zip_16(z->bytes + local + 28);
  if (!size_sum(begin, packed, &end) || end > z->directory) zip_refuse(z, "has a damaged directory");
  Bytes bytes = {z->bytes + begin, packed};
  uint32_t method = zip_16(entry + 10);
  if (method == ZIP_DEFLATED) {
    bytes = data_expand(own, files, path, INFLATE_RAW, bytes, size);
  } else if (method == ZIP_STORED && packed == size) {
    bytes.data = memcpy(arena_alloc(own, size + 1, 1), bytes.data, size);
  } else {
    zip_refuse(z, "is compressed in a way that is not read; numpy.savez_compressed writes one that is");
  }
  if (inflate_crc32(bytes.data, bytes.size) != zip_32(entry + 16))
    fail(z->arena, EXIT_DATA, "%s: does not have the checksum that the file gives it", printable(z->arena, path));
  return bytes;
}

void data_read_npz(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  const char *path = files->path[0];
  Arena *scratch = arena_open(a);
  Zip z = zip_open(a, path, file_read(scratch, path, SIZE_MAX / 2, data_hint(a, plan)));
  for (int k = 0; k < plan->columns; k++) {
    const PlanColumn *column = &plan->column[k];
    const char *name = column->picks ? column->pick->name : column->name;
    if (files->test && column->test_pick) name = column->test_pick;
    const uint8_t *entry = zip_find(&z, name, column);
    const char *member = arena_format(a, "%s, `%s`", path, name);
    Arena *own = arena_open(a);
    into->column[k] = data_take(a, own, column, member, zip_member(&z, own, files, member, entry), npy_header);
  }
  arena_close(scratch);
}
