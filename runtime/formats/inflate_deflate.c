// Expansion by libdeflate, in less than half the time zlib takes: what gmc itself expands its data with. See inflate.h.
#include <libdeflate.h>

#include "core/inflate.h"

static void inflate_free(void *decompressor) { libdeflate_free_decompressor(decompressor); }

// One member of a gzip file, or one stream.
static enum libdeflate_result inflate_one(struct libdeflate_decompressor *d, InflateKind kind, const uint8_t *from,
                                          size_t size, uint8_t *into, size_t room, size_t *in, size_t *out) {
  if (kind == INFLATE_RAW) return libdeflate_deflate_decompress_ex(d, from, size, into, room, in, out);
  return libdeflate_gzip_decompress_ex(d, from, size, into, room, in, out);
}

const char *inflate_libdeflate(Arena *a, InflateKind kind, const uint8_t *from, size_t size, uint8_t *into,
                               size_t room) {
  struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
  if (!d) fail(a, EXIT_MEMORY, "out of memory for expanding a file");
  struct Cleanup *freeing = arena_cleanup(a, inflate_free, d);
  size_t used = 0, written = 0;
  enum libdeflate_result result = LIBDEFLATE_SUCCESS;
  do {
    size_t in = 0, out = 0;
    result = inflate_one(d, kind, from + used, size - used, into + written, room - written, &in, &out);
    used += in;
    written += out;
  } while (result == LIBDEFLATE_SUCCESS && kind == INFLATE_GZIP && !gunzip_padding(from + used, size - used));
  arena_release(a, freeing);
  if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return "expands past the size its header promises";
  if (result != LIBDEFLATE_SUCCESS) return "is cut short or not soundly compressed";
  return written < room ? "expands to less than its header promises" : NULL;
}
