// Compression; see deflate.h.
//
// One block with the fixed Huffman code of RFC 1951. Repetitions are found by chains of places whose next three bytes
// have the same hash; of the nearest DEFLATE_TRIES of them the longest repetition is taken, without looking further.
#include "formats/deflate.h"

#include <string.h>

enum {
  DEFLATE_WINDOW = 32768,
  DEFLATE_LEAST = 3,
  DEFLATE_MOST = 258,
  DEFLATE_HASH_BITS = 13,
  DEFLATE_TRIES = 16,
  DEFLATE_END = 256  // the symbol
};

typedef struct {
  uint8_t *to;
  uint64_t bits;  // that wait, the first one lowest
  int waiting;
} BitWriter;

static void bits_put(BitWriter *w, uint32_t value, int bits) {
  w->bits |= (uint64_t)value << w->waiting;
  for (w->waiting += bits; w->waiting >= 8; w->waiting -= 8) {
    *w->to++ = (uint8_t)w->bits;
    w->bits >>= 8;
  }
}

// Huffman codes begin with their highest bit.
static void bits_put_code(BitWriter *w, uint32_t code, int bits) {
  uint32_t turned = 0;
  for (int i = 0; i < bits; i++) turned |= (code >> i & 1) << (bits - 1 - i);
  bits_put(w, turned, bits);
}

// A byte, the end, or the class of a length.
static void deflate_symbol(BitWriter *w, uint32_t symbol) {
  if (symbol < 144)
    bits_put_code(w, 0x30 + symbol, 8);
  else if (symbol < 256)
    bits_put_code(w, 0x190 + symbol - 144, 9);
  else if (symbol < 280)
    bits_put_code(w, symbol - 256, 7);
  else
    bits_put_code(w, 0xc0 + symbol - 280, 8);
}

static int highest_bit(uint32_t x) {
  int bit = 0;
  while (x >>= 1) bit++;
  return bit;
}

// Lengths have four classes for every power of two, distances two; what is left follows as it is.
static void deflate_repetition(BitWriter *w, uint32_t length, uint32_t distance) {
  uint32_t l = length - DEFLATE_LEAST, d = distance - 1;
  int extra = highest_bit(l >> 2);
  if (length == DEFLATE_MOST)
    deflate_symbol(w, 285);
  else if (l < 4)
    deflate_symbol(w, 257 + l);
  else
    deflate_symbol(w, 257 + 4 * (uint32_t)(extra + 1) + (l >> extra & 3));
  if (length < DEFLATE_MOST) bits_put(w, l & ((1u << extra) - 1), extra);
  extra = highest_bit(d >> 1);
  bits_put_code(w, d < 4 ? d : 2 * (uint32_t)(extra + 1) + (d >> extra & 1), 5);
  bits_put(w, d & ((1u << extra) - 1), extra);
}

static uint32_t deflate_hash(const uint8_t *p) {
  return (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16) * 2654435761u >> (32 - DEFLATE_HASH_BITS);
}

static uint32_t same_bytes(const uint8_t *a, const uint8_t *b, size_t most) {
  uint32_t n = 0;
  while (n + 8 <= most && memcmp(a + n, b + n, 8) == 0) n += 8;
  while (n < most && a[n] == b[n]) n++;
  return n;
}

// The longest repetition at `at`: its length, or 0. `near` is the nearest place with the same hash, or -1.
static uint32_t deflate_find(const uint8_t *from, size_t size, size_t at, const int32_t *before, int32_t near,
                             uint32_t *distance) {
  uint32_t longest = DEFLATE_LEAST - 1;
  size_t most = size - at < DEFLATE_MOST ? size - at : DEFLATE_MOST;
  for (int i = 0; i < DEFLATE_TRIES && near >= 0 && at - (size_t)near <= DEFLATE_WINDOW && longest < most;
       i++, near = before[near]) {
    uint32_t length = same_bytes(from + near, from + at, most);
    if (length <= longest) continue;
    longest = length;
    *distance = (uint32_t)(at - (size_t)near);
  }
  return longest < DEFLATE_LEAST ? 0 : longest;
}

static void deflate_block(Arena *a, BitWriter *w, const uint8_t *from, size_t size) {
  int32_t *nearest = NEW_ARRAY(a, int32_t, 1 << DEFLATE_HASH_BITS), *before = NEW_ARRAY(a, int32_t, size + 1);
  memset(nearest, -1, sizeof *nearest << DEFLATE_HASH_BITS);
  bits_put(w, 3, 3);  // the last block, with the fixed code
  for (size_t at = 0; at < size;) {
    uint32_t length = 0, distance = 0;
    if (size - at >= DEFLATE_LEAST)
      length = deflate_find(from, size, at, before, nearest[deflate_hash(from + at)], &distance);
    if (length)
      deflate_repetition(w, length, distance);
    else
      deflate_symbol(w, from[at]);
    for (size_t end = at + (length ? length : 1); at < end; at++) {
      if (size - at < DEFLATE_LEAST) continue;
      int32_t *same = &nearest[deflate_hash(from + at)];
      before[at] = *same;
      *same = (int32_t)at;
    }
  }
  deflate_symbol(w, DEFLATE_END);
  bits_put(w, 0, 7);  // up to a whole byte
}

// Of 5552 bytes both sums, before they are taken modulo 65521, stay below 2^32 (RFC 1950).
static uint32_t adler_32(const uint8_t *from, size_t size) {
  uint32_t low = 1, high = 0;
  for (size_t i = 0; i < size;) {
    for (size_t end = size - i < 5552 ? size : i + 5552; i < end; i++) high += low += from[i];
    low %= 65521;
    high %= 65521;
  }
  return high << 16 | low;
}

size_t deflate_bound(size_t size) { return size + size / 8 + 16; }

size_t deflate_zlib(Arena *a, const uint8_t *from, size_t size, uint8_t *into) {
  Arena *scratch = arena_open(a);
  BitWriter w = {.to = into};
  uint32_t sum = adler_32(from, size);
  bits_put(&w, 0x0178, 16);  // deflate, a window of 32 KiB
  deflate_block(scratch, &w, from, size);
  for (int i = 24; i >= 0; i -= 8) *w.to++ = (uint8_t)(sum >> i);
  arena_close(scratch);
  return (size_t)(w.to - into);
}
