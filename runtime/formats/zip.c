// Zip files; see zip.h. Members are found by the directory at the file's end.
#include "formats/zip.h"

#include <string.h>

#include "core/hash.h"

enum { ZIP_END = 22, ZIP_ENTRY = 46, ZIP_LOCAL = 30, ZIP_COMMENT = 65535, ZIP_STORED = 0, ZIP_DEFLATED = 8 };

static uint32_t zip_16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }

static uint32_t zip_32(const uint8_t *p) { return zip_16(p) | zip_16(p + 2) << 16; }

_Noreturn void zip_refuse(const Zip *z, const char *what) {
  fail(z->arena, EXIT_DATA, "%s: %s", printable(z->arena, z->path), what);
}

static bool zip_is(const uint8_t *p, uint8_t third, uint8_t fourth) {
  return p[0] == 'P' && p[1] == 'K' && p[2] == third && p[3] == fourth;
}

bool zip_is_file(Bytes file) { return file.size > 1 && file.data[0] == 'P' && file.data[1] == 'K'; }

// The directory is found by the record that ends the file, but for a comment.
Zip zip_open(Arena *a, const char *path, Bytes file) {
  Zip z = {a, path, file.data, file.size, 0, 0};
  if (file.size < ZIP_END || !zip_is_file(file)) zip_refuse(&z, "is no NPZ file");
  size_t at = file.size - ZIP_END, least = at > ZIP_COMMENT ? at - ZIP_COMMENT : 0;
  while (!zip_is(file.data + at, 5, 6) && at > least) at--;
  const uint8_t *p = file.data + at;
  if (!zip_is(p, 5, 6)) zip_refuse(&z, "is cut short: a zip file ends with its directory");
  z.directory = zip_32(p + 16);
  if (z.directory == UINT32_MAX) zip_refuse(&z, "is larger than the 4 GiB that are read of NPZ files");
  if (!size_sum(z.directory, zip_32(p + 12), &z.end) || z.end > at) zip_refuse(&z, "has a damaged directory");
  return z;
}

bool zip_next(const Zip *z, size_t *at, ZipMember *m) {
  const uint8_t *p = z->bytes + *at;
  if (*at == z->end) return false;
  if (z->end - *at < ZIP_ENTRY || !zip_is(p, 1, 2)) zip_refuse(z, "has a damaged directory");
  size_t length = ZIP_ENTRY + (size_t)zip_16(p + 28) + zip_16(p + 30) + zip_16(p + 32);
  if (z->end - *at < length) zip_refuse(z, "has a damaged directory");
  *at += length;
  *m = (ZipMember){.entry = p, .name = arena_slice(z->arena, (const char *)p + ZIP_ENTRY, zip_16(p + 28))};
  return true;
}

Bytes zip_member(const Zip *z, Arena *own, Inflate *inflate, const char *path, const ZipMember *m) {
  const uint8_t *entry = m->entry;
  size_t packed = zip_32(entry + 20), size = zip_32(entry + 24), local = zip_32(entry + 42), begin, end;
  if (packed == UINT32_MAX || size == UINT32_MAX) zip_refuse(z, "is larger than the 4 GiB that are read of NPZ files");
  if (zip_16(entry + 8) & 1) zip_refuse(z, "is encrypted");
  if (z->size - ZIP_LOCAL < local || !zip_is(z->bytes + local, 3, 4)) zip_refuse(z, "has a damaged directory");
  begin = local + ZIP_LOCAL + zip_16(z->bytes + local + 26) + zip_16(z->bytes + local + 28);
  if (!size_sum(begin, packed, &end) || end > z->directory) zip_refuse(z, "has a damaged directory");
  Bytes bytes = {z->bytes + begin, packed};
  uint32_t method = zip_16(entry + 10);
  if (method == ZIP_DEFLATED) {
    if (!inflate) zip_refuse(z, "is compressed, and this program expands nothing; numpy.savez writes one that is not");
    bytes = inflate_whole(own, inflate, path, INFLATE_RAW, bytes, size);
  } else if (method == ZIP_STORED && packed == size) {
    bytes.data = memcpy(arena_alloc(own, size + 1, 1), bytes.data, size);
  } else {
    zip_refuse(z, "is compressed in a way that is not read; numpy.savez_compressed writes one that is");
  }
  if (hash_crc32(0, bytes.data, bytes.size) != zip_32(entry + 16))
    fail(z->arena, EXIT_DATA, "%s: does not have the checksum that the file gives it", printable(z->arena, path));
  return bytes;
}

bool zip_called(const ZipMember *m, const char *name) {
  size_t n = strlen(name);
  return strncmp(m->name, name, n) == 0 && (!m->name[n] || strcmp(m->name + n, ".npy") == 0);
}
