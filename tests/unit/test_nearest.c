// The nearest examples of the training data, against all distances in double precision.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "engine/kernel_pieces.h"
#include "random_bits.h"

enum { EXAMPLES = 300, QUERIES = 40 };

static double distance_to(const Array *a, int64_t i, const float *value) {
  double sum = 0;
  for (int64_t k = 0; k < a->count; k++) {
    double stored =
        a->byte ? (double)a->scale * a->byte[i * a->count + k] + (double)a->shift : (double)a->value[i * a->count + k];
    sum += (stored - (double)value[k]) * (stored - (double)value[k]);
  }
  return sum;
}

// Of bytes or floats: what is found is an example, and no other is nearer but for rounding.
static void check(Arena *a, int64_t count, bool bytes, uint64_t state) {
  uint8_t *byte = NEW_ARRAY(a, uint8_t, EXAMPLES * count);
  float *number = NEW_ARRAY(a, float, EXAMPLES *count), *value = NEW_ARRAY(a, float, QUERIES *count);
  for (int64_t i = 0; i < EXAMPLES * count; i++) {
    byte[i] = (uint8_t)random_bits(&state);
    number[i] = (float)byte[i] / 255 - 0.5f;
  }
  Array array = {.examples = EXAMPLES, .count = count, .scale = 1.0f / 255, .shift = -0.5f};
  if (bytes)
    array.byte = byte;
  else
    array.value = number;
  Run run = {.train = {.examples = EXAMPLES, .column = &array}};
  for (int64_t i = 0; i < QUERIES * count; i++) value[i] = (float)(random_bits(&state) % 1000) / 1000 - 0.5f;
  for (int64_t k = 0; k < count; k++) value[k] = number[17 * count + k];  // one is an example
  float *found = NEW_ARRAY(a, float, QUERIES *count);
  Nearest p = {.s = value, .out = found, .rows = QUERIES, .count = count, .place = 1};
  nearest_piece(&run, &p, 0, 11);
  nearest_piece(&run, &p, 11, QUERIES);
  for (int64_t q = 0; q < QUERIES; q++) {
    double least = distance_to(&array, 0, value + q * count), own = 0;
    int64_t same = -1;
    for (int64_t i = 0; i < EXAMPLES; i++) {
      double d = distance_to(&array, i, value + q * count);
      if (d < least) least = d;
      if (same < 0 && distance_to(&array, i, found + q * count) < 1e-9) same = i, own = d;
    }
    assert_true(same >= 0);
    assert_true(own <= least * (1 + 1e-5) + 1e-9);
    if (q == 0 && count > 4) assert_int_equal(same, 17);
  }
}

static void examples_are_the_nearest(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  static const int64_t counts[] = {1, 3, 16, 17, 127, 128, 129, 300};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (int bytes = 0; bytes < 2; bytes++) check(a, counts[i], bytes, 5 * i + 1);
  arena_close(a);
}

// Of equally near ones the first; of places beyond the last example that one.
static void the_first_of_equals(void **state) {
  (void)state;
  float number[] = {5, 2, 4, 2, 8}, value[] = {3, 2.5f, 100, -7}, found[4];
  static const float expected[][4] = {{2, 2, 8, 2}, {4, 2, 5, 2}, {2, 4, 4, 4},
                                      {5, 5, 2, 5}, {8, 8, 2, 8}, {8, 8, 2, 8}};
  Array array = {.examples = 5, .count = 1, .value = number, .scale = 1};
  Run run = {.train = {.examples = 5, .column = &array}};
  for (int64_t place = 1; place <= 6; place++) {
    Nearest p = {.s = value, .out = found, .rows = 4, .count = 1, .place = place};
    nearest_piece(&run, &p, 0, 4);
    assert_memory_equal(found, expected[place - 1], sizeof found);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples_are_the_nearest), cmocka_unit_test(the_first_of_equals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
