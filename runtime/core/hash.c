// Hashing; see hash.h.
#include "core/hash.h"

#include <string.h>

static uint64_t hash_rotate(uint64_t v, int by) { return v << by | v >> (64 - by); }

static uint64_t hash_mix(uint64_t sum, uint64_t word) {
  return hash_rotate(sum + word * 0xc2b2ae3d27d4eb4fu, 31) * 0x9e3779b185ebca87u;
}

// Four sums side by side, each over every fourth word, joined at the end: as fast as memory is read.
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size) {
  uint64_t sum[4] = {seed, seed + 1, seed + 2, seed + 3}, word[4] = {0};
  const uint8_t *p = bytes, *end = p + size;
  for (; end - p >= (ptrdiff_t)sizeof word; p += sizeof word) {
    memcpy(word, p, sizeof word);
    for (int i = 0; i < 4; i++) sum[i] = hash_mix(sum[i], word[i]);
  }
  memset(word, 0, sizeof word);
  if (p < end) memcpy(word, p, (size_t)(end - p));
  uint64_t all = size;
  for (int i = 0; i < 4; i++) all = hash_mix(all, hash_mix(sum[i], word[i]));
  all = (all ^ all >> 33) * 0xff51afd7ed558ccdu;
  return all ^ all >> 33;
}

uint64_t hash_text(uint64_t seed, const char *text) { return hash_bytes(seed, text, strlen(text)); }

// Eight bytes at a time: of[k][b] is what a byte b makes k bytes before the end.
uint32_t hash_crc32(uint32_t before, const uint8_t *bytes, size_t size) {
  uint32_t of[8][256], crc = ~before;
  for (uint32_t b = 0; b < 256; b++) {
    of[0][b] = b;
    for (int i = 0; i < 8; i++) of[0][b] = of[0][b] >> 1 ^ (of[0][b] & 1 ? 0xedb88320u : 0);
  }
  for (int k = 1; k < 8; k++)
    for (int b = 0; b < 256; b++) of[k][b] = of[k - 1][b] >> 8 ^ of[0][of[k - 1][b] & 255];
  size_t at = 0;
  for (; size - at >= 8; at += 8) {
    uint32_t next = 0;
    for (int k = 0; k < 8; k++) next ^= of[7 - k][bytes[at + (size_t)k] ^ (k < 4 ? crc >> 8 * k & 255 : 0)];
    crc = next;
  }
  for (; at < size; at++) crc = crc >> 8 ^ of[0][(crc ^ bytes[at]) & 255];
  return ~crc;
}
