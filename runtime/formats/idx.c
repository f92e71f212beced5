// IDX, MNIST's format: two zero bytes, the type, the rank, big-endian sizes, then the elements. See idx.h.
#include "formats/idx.h"

Stored idx_header(Arena *a, const char *path, const uint8_t *bytes, size_t got, size_t *size) {
  if (got < 4 || bytes[0] != 0 || bytes[1] != 0) fail(a, EXIT_DATA, "%s: is no IDX file", printable(a, path));
  Stored s = {.type = stored_type_idx(bytes[2]), .big = true, .rank = bytes[3]};
  size_t head = 4 + 4 * (size_t)bytes[3];
  if (!s.type) fail(a, EXIT_DATA, "%s: type %02X is none of the IDX format", printable(a, path), bytes[2]);
  if (s.rank < 1 || s.rank > MAX_RANK + 1)
    fail(a, EXIT_DATA, "%s: has %d dimensions, not 1 to %d", printable(a, path), s.rank, MAX_RANK + 1);
  if (got < head) fail(a, EXIT_DATA, "%s: is cut short within its header", printable(a, path));
  for (int i = 0; i < s.rank; i++) {
    const uint8_t *p = bytes + 4 + 4 * i;
    s.dim[i] = (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | p[3];
  }
  s.bytes = bytes + head;
  if (!stored_size(&s, size) || !size_sum(head, *size, size))
    fail(a, EXIT_DATA, "%s: its header promises more than any memory can hold", printable(a, path));
  return s;
}
