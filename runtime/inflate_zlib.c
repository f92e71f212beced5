// gzip by zlib: what an emitted program expands its data with, and the look at a file's first bytes. See inflate.h.
#include "inflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

bool gunzip_is(const uint8_t *from, size_t size) { return size >= 2 && from[0] == 0x1f && from[1] == 0x8b; }

// zlib counts in unsigned int: what can be handed to it at once.
static unsigned int gunzip_portion(size_t size) { return size < UINT_MAX ? (unsigned int)size : UINT_MAX; }

static void gunzip_end(void *stream) { inflateEnd(stream); }

// Expands all members; one byte past room is taken to see that there is more. Returns what zlib said last.
static int gunzip_members(z_stream *z, const uint8_t *from, size_t size, uint8_t *into, size_t room, size_t *written) {
  size_t used = 0;
  uint8_t excess;
  int status = Z_OK;
  *written = 0;
  while (status == Z_OK || (status == Z_STREAM_END && used < size)) {
    if (status == Z_STREAM_END && (!gunzip_is(from + used, size - used) || inflateReset(z) != Z_OK))
      return Z_DATA_ERROR;
    unsigned int in = gunzip_portion(size - used);
    unsigned int out = *written < room ? gunzip_portion(room - *written) : 1;
    z->next_in = (Bytef *)(uintptr_t)(from + used);
    z->avail_in = in;
    z->next_out = *written < room ? into + *written : &excess;
    z->avail_out = out;
    status = inflate(z, Z_NO_FLUSH);
    used += in - z->avail_in;
    *written += out - z->avail_out;
    if (*written > room) return Z_OK;
  }
  return status;
}

const char *gunzip_zlib(Arena *a, const uint8_t *from, size_t size, uint8_t *into, size_t room) {
  z_stream z = {0};
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) fail(a, EXIT_MEMORY, "out of memory for expanding a gzip file");
  struct Cleanup *ending = arena_cleanup(a, gunzip_end, &z);
  size_t written = 0;
  int status = gunzip_members(&z, from, size, into, room, &written);
  arena_release(a, ending);
  if (status == Z_MEM_ERROR) fail(a, EXIT_MEMORY, "out of memory for expanding a gzip file");
  if (written > room) return "expands past the size its header promises";
  if (status != Z_STREAM_END) return "is cut short or no sound gzip file";
  return written < room ? "expands to less than its header promises" : NULL;
}

size_t gunzip_head(const uint8_t *from, size_t size, uint8_t *into, size_t room) {
  z_stream z = {0};
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return 0;
  z.next_in = (Bytef *)(uintptr_t)from;
  z.avail_in = gunzip_portion(size);
  z.next_out = into;
  z.avail_out = gunzip_portion(room);
  inflate(&z, Z_SYNC_FLUSH);  // what comes out before an error counts
  inflateEnd(&z);
  return room - z.avail_out;
}
