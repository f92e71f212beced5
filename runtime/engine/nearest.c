// The examples of the training data that lie nearest to given values: a pass over all of them.
//
// Invariant: sums are added in an order of their own, which neither threads nor pieces change, and memory does not grow
// with the number of examples.
#include <math.h>
#include <string.h>

#include "engine/kernel_pieces.h"

// Numbers compared before a look at the sum, and added side by side; values that are looked for at a time.
enum { NEAREST_PART = 128, NEAREST_LANES = 16, NEAREST_ROWS = 64 };

// Of one value the examples that are nearest so far, the nearest first, and how far the present one is.
typedef struct {
  int64_t example[MOST_NEAREST];
  float distance[MOST_NEAREST];
  float sum;
} Near;

// Numbers first .. first + count - 1 of an example.
static const float *nearest_part(const Array *array, int64_t example, int64_t first, int64_t count, float *into) {
  int64_t at = example * array->count + first;
  if (!array->byte) return array->value + at;
  for (int64_t i = 0; i < count; i++) into[i] = array->scale * (float)array->byte[at + i] + array->shift;
  return into;
}

static float nearest_square(const float *restrict a, const float *restrict b, int64_t count) {
  float lane[NEAREST_LANES] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + NEAREST_LANES <= count; i += NEAREST_LANES)
    for (int l = 0; l < NEAREST_LANES; l++) lane[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
  for (int l = 0; i + l < count; l++) lane[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
  for (int l = 0; l < NEAREST_LANES; l++) sum += lane[l];
  return sum;
}

// How far an example is from each of `rows` values; of those that are further than the place-th so far, something that
// is further too.
static void nearest_distances(const Nearest *p, const Array *array, int64_t example, const float *s, int64_t rows,
                              Near *near) {
  float room[NEAREST_PART];
  for (int64_t r = 0; r < rows; r++) near[r].sum = 0;
  bool open = true;
  for (int64_t first = 0; first < p->count && open; first += NEAREST_PART) {
    int64_t count = p->count - first < NEAREST_PART ? p->count - first : NEAREST_PART;
    const float *part = nearest_part(array, example, first, count, room);
    open = false;
    for (int64_t r = 0; r < rows; r++) {
      if (!(near[r].sum < near[r].distance[p->place - 1])) continue;
      near[r].sum += nearest_square(s + r * p->count + first, part, count);
      open = true;
    }
  }
}

// Among equally near ones the first stays before.
static void nearest_insert(Near *near, int64_t place, int64_t example) {
  int64_t at = place;
  while (at > 0 && near->sum < near->distance[at - 1]) at--;
  if (at == place) return;
  memmove(near->distance + at + 1, near->distance + at, (size_t)(place - 1 - at) * sizeof *near->distance);
  memmove(near->example + at + 1, near->example + at, (size_t)(place - 1 - at) * sizeof *near->example);
  near->distance[at] = near->sum;
  near->example[at] = example;
}

static void nearest_rows(const Run *run, const Nearest *p, int64_t begin, int64_t rows) {
  int column = (int)p->column;
  const Run *of = run_of_column(run, &column);
  const Array *array = &of->train.column[column];
  const float *s = p->s + begin * p->count;
  Near near[NEAREST_ROWS];
  for (int64_t r = 0; r < rows; r++)
    for (int64_t k = 0; k < p->place; k++) near[r].distance[k] = INFINITY, near[r].example[k] = 0;
  for (int64_t i = 0; i < of->train.examples; i++) {
    nearest_distances(p, array, i, s, rows, near);
    for (int64_t r = 0; r < rows; r++) nearest_insert(&near[r], p->place, i);
  }
  for (int64_t r = 0; r < rows; r++) {
    int64_t found = of->train.examples < p->place ? of->train.examples : p->place;
    float *out = p->out + (begin + r) * p->count;
    const float *example = nearest_part(array, near[r].example[found - 1], 0, p->count, out);
    if (example != out) memcpy(out, example, (size_t)p->count * sizeof *out);
  }
}

void nearest_piece(const Run *run, const Nearest *p, int64_t begin, int64_t end) {
  for (int64_t first = begin; first < end; first += NEAREST_ROWS)
    nearest_rows(run, p, first, end - first < NEAREST_ROWS ? end - first : NEAREST_ROWS);
}
