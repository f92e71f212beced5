// What deflate.h compresses, expanded by zlib: noise, runs, texts, repetitions of every length and distance.
#include "formats/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { ROOM = 200000 };

static uint32_t chance = 1;

static uint32_t below(uint32_t n) {
  chance = chance * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)chance * n >> 32);
}

// Returns the length of the stream.
static size_t check(const uint8_t *from, size_t size) {
  Arena *a = arena_open(NULL);
  size_t bound = deflate_bound(size);
  uint8_t *packed = NEW_ARRAY(a, uint8_t, bound), *back = NEW_ARRAY(a, uint8_t, size + 1);
  size_t length = deflate_zlib(a, from, size, packed);
  uLongf expanded = (uLongf)size + 1;
  assert_true(length <= bound);
  assert_int_equal(uncompress(back, &expanded, packed, (uLong)length), Z_OK);
  assert_int_equal(expanded, size);
  assert_memory_equal(back, from, size);
  arena_close(a);
  return length;
}

static void noise(void **state) {
  (void)state;
  static uint8_t bytes[ROOM];
  for (uint32_t values = 1; values <= 256; values *= 2)
    for (size_t size = 0; size < 3000; size = 3 * size / 2 + 1) {
      for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(256 / values * below(values));
      check(bytes, size);
    }
  for (size_t i = 0; i < ROOM; i++) bytes[i] = 255;  // the longest codes, but for the repetitions
  assert_true(check(bytes, ROOM) < ROOM / 100);
  for (size_t i = 0; i < ROOM; i++) bytes[i] = (uint8_t)below(256);
  check(bytes, ROOM);
}

// Noise with pieces of what went before, from near and from beyond the window.
static void repetitions(void **state) {
  (void)state;
  static uint8_t bytes[ROOM];
  for (int round = 0; round < 20; round++) {
    size_t size = 0;
    while (size < ROOM - 1000) {
      size_t distance = 1 + below(round % 2 ? 60 : 40000), length = 1 + below(round % 3 ? 20 : 600);
      bool repeats = distance <= size && below(4);
      for (size_t i = 0; i < length; i++, size++) bytes[size] = repeats ? bytes[size - distance] : (uint8_t)below(256);
    }
    check(bytes, size);
  }
  for (size_t length = 3; length < 300; length++) {  // every length, and nothing else
    for (size_t i = 0; i < length; i++) bytes[i] = bytes[i + length] = (uint8_t)(i * i / 3 + i);
    bytes[2 * length] = 1;
    check(bytes, 2 * length + 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(noise), cmocka_unit_test(repetitions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
