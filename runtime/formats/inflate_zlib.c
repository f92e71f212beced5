// Expansion by zlib: what an emitted program expands its data with, and the look at a file's first bytes. See
// inflate.h.
#include "core/inflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

bool gunzip_is(const uint8_t *from, size_t size) { return size >= 2 && from[0] == 0x1f && from[1] == 0x8b; }

bool gunzip_padding(const uint8_t *from, size_t size) {
  while (size > 0 && from[size - 1] == 0) size--;
  return size == 0;
}

// zlib counts in unsigned int: what can be handed to it at once.
static unsigned int inflate_portion(size_t size) { return size < UINT_MAX ? (unsigned int)size : UINT_MAX; }

static void inflate_end(void *stream) { inflateEnd(stream); }

// What is being expanded, and how far it is.
typedef struct {
  z_stream z;
  InflateKind kind;
  const uint8_t *from;
  size_t size, used;
} Inflating;

// After a member: is there another one to go on with? Z_STREAM_END if not.
static int inflate_next(Inflating *f) {
  const uint8_t *rest = f->from + f->used;
  size_t left = f->size - f->used;
  if (f->kind == INFLATE_RAW || gunzip_padding(rest, left)) return Z_STREAM_END;
  return gunzip_is(rest, left) && inflateReset(&f->z) == Z_OK ? Z_OK : Z_DATA_ERROR;
}

// Expands all members; one byte past room is taken to see that there is more. Returns what zlib said last.
static int inflate_members(Inflating *f, uint8_t *into, size_t room, size_t *written) {
  int status = Z_OK;
  uint8_t excess;
  for (*written = 0; status == Z_OK;) {
    unsigned int in = inflate_portion(f->size - f->used);
    unsigned int out = *written < room ? inflate_portion(room - *written) : 1;
    f->z.next_in = (Bytef *)(uintptr_t)(f->from + f->used);
    f->z.avail_in = in;
    f->z.next_out = *written < room ? into + *written : &excess;
    f->z.avail_out = out;
    status = inflate(&f->z, Z_NO_FLUSH);
    f->used += in - f->z.avail_in;
    *written += out - f->z.avail_out;
    if (*written > room) return Z_OK;
    if (status == Z_STREAM_END) status = inflate_next(f);
  }
  return status;
}

const char *inflate_zlib(Arena *a, InflateKind kind, const uint8_t *from, size_t size, uint8_t *into, size_t room) {
  Inflating f = {.kind = kind, .from = from, .size = size};
  int bits = kind == INFLATE_GZIP ? 16 + MAX_WBITS : -MAX_WBITS;
  if (inflateInit2(&f.z, bits) != Z_OK) fail(a, EXIT_MEMORY, "out of memory for expanding a file");
  struct Cleanup *ending = arena_cleanup(a, inflate_end, &f.z);
  size_t written = 0;
  int status = inflate_members(&f, into, room, &written);
  arena_release(a, ending);
  if (status == Z_MEM_ERROR) fail(a, EXIT_MEMORY, "out of memory for expanding a file");
  if (written > room) return "expands past the size its header promises";
  if (status != Z_STREAM_END) return "is cut short or not soundly compressed";
  return written < room ? "expands to less than its header promises" : NULL;
}

size_t gunzip_head(const uint8_t *from, size_t size, uint8_t *into, size_t room) {
  z_stream z = {0};
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return 0;
  z.next_in = (Bytef *)(uintptr_t)from;
  z.avail_in = inflate_portion(size);
  z.next_out = into;
  z.avail_out = inflate_portion(room);
  inflate(&z, Z_SYNC_FLUSH);  // what comes out before an error counts
  inflateEnd(&z);
  return room - z.avail_out;
}
