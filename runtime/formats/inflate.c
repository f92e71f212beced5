// Expansion into memory of its own; see inflate.h.
#include "core/inflate.h"

#include "core/helper.h"

Bytes inflate_whole(Arena *a, Inflate *inflate, const char *path, InflateKind kind, Bytes packed, size_t size) {
  if (size / INFLATE_RATIO > packed.size)
    fail(a, EXIT_DATA, "%s: its header promises %zu bytes, more than %zu compressed ones can hold", printable(a, path),
         size, packed.size);
  uint8_t *whole = arena_alloc(a, size + 1, 1);
  Helper *helper = helper_pages(a, whole, size);
  const char *wrong = inflate(a, kind, packed.data, packed.size, whole, size);
  if (helper) helper_end(helper);
  if (wrong) fail(a, EXIT_DATA, "%s: %s", printable(a, path), wrong);
  return (Bytes){whole, size};
}
