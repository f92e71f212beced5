// PNG files: signature, header, one chunk of compressed rows, end; see png_write.h.
#include "formats/png_write.h"

#include <string.h>

#include "formats/deflate.h"
#include "core/file.h"
#include "core/hash.h"

enum { PNG_UP = 2 };  // the filter: each byte less the one above it

static void png_big_endian(uint8_t *to, uint32_t v) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void png_chunk(NewFile *f, const char *type, const uint8_t *bytes, size_t length) {
  uint8_t head[8], tail[4];
  png_big_endian(head, (uint32_t)length);
  memcpy(head + 4, type, 4);
  png_big_endian(tail, hash_crc32(hash_crc32(0, head + 4, 4), bytes, length));
  file_add(f, head, sizeof head);
  file_add(f, bytes, length);
  file_add(f, tail, sizeof tail);
}

// Each row behind its filter's number.
static void png_filter(const uint8_t *pixel, size_t rows, size_t length, uint8_t *into) {
  for (size_t y = 0; y < rows; y++, pixel += length) {
    *into++ = PNG_UP;
    for (size_t i = 0; i < length; i++)
      *into++ = (uint8_t)(pixel[i] - (y ? pixel[(ptrdiff_t)i - (ptrdiff_t)length] : 0));
  }
}

void png_write(Arena *a, const char *path, int width, int height, int channels, const uint8_t *pixel) {
  static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Arena *scratch = arena_open(a);
  size_t row = (size_t)width * (size_t)channels, size = (row + 1) * (size_t)height;
  uint8_t *rows = arena_alloc(scratch, size, 1);
  png_filter(pixel, (size_t)height, row, rows);
  if (deflate_bound(size) > INT32_MAX)
    fail(a, EXIT_CANTCREATE, "%s: the picture is too large for a PNG file", printable(a, path));
  uint8_t *packed = arena_alloc(scratch, deflate_bound(size), 1);
  size_t length = deflate_zlib(scratch, rows, size, packed);
  uint8_t header[13] = {0, 0, 0, 0, 0, 0, 0, 0, 8, channels == 1 ? 0 : 2, 0, 0, 0};
  png_big_endian(header, (uint32_t)width);
  png_big_endian(header + 4, (uint32_t)height);
  NewFile *f = file_begin(scratch, path);
  file_add(f, signature, sizeof signature);
  png_chunk(f, "IHDR", header, sizeof header);
  png_chunk(f, "IDAT", packed, length);
  png_chunk(f, "IEND", NULL, 0);
  file_commit(f);
  arena_close(scratch);
}
