// A pass over the training data; see nearest.h.
#include "data/nearest.h"

#include <math.h>
#include <string.h>

#include "data/data.h"

enum { NEAREST_LANES = 16, NEAREST_PART = 128 };  // floats added side by side; and before a look at the sum

// The squared distance, or something greater than `enough`, where it is. Sums are added in an order of their own, the
// same on every machine.
static float nearest_distance(const float *restrict a, const float *restrict b, int64_t count, float enough) {
  float sum = 0;
  for (int64_t first = 0; first < count && sum <= enough; first += NEAREST_PART) {
    float lane[NEAREST_LANES] = {0};
    int64_t end = first + NEAREST_PART < count ? first + NEAREST_PART : count, i = first;
    for (; i + NEAREST_LANES <= end; i += NEAREST_LANES)
      for (int l = 0; l < NEAREST_LANES; l++) lane[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
    for (int l = 0; i + l < end; l++) lane[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
    for (int l = 0; l < NEAREST_LANES; l++) sum += lane[l];
  }
  return sum;
}

void nearest_examples(const Run *run, int column, int64_t n, float *value) {
  Arena *scratch = arena_open(run->arena);
  PlanFeed feed = {.kind = FEED_COLUMN, .index = column, .count = run->plan->column[column].count};
  float *row = NEW_ARRAY(scratch, float, feed.count), *best = NEW_ARRAY(scratch, float, n);
  int32_t *which = NEW_ARRAY(scratch, int32_t, n);
  for (int64_t k = 0; k < n; k++) best[k] = INFINITY;
  for (int32_t i = 0; i < run->train.examples; i++) {
    data_gather(&feed, &run->train, &i, 1, row);
    for (int64_t k = 0; k < n; k++) {
      float d = nearest_distance(value + k * feed.count, row, feed.count, best[k]);
      if (d < best[k]) best[k] = d, which[k] = i;
    }
  }
  for (int64_t k = 0; k < n; k++) data_gather(&feed, &run->train, &which[k], 1, value + k * feed.count);
  arena_close(scratch);
}
