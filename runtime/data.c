// The data of a run: what all formats share, from the splits and the checks of values to gathering a batch. See data.h.
#include "data.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "hash.h"
#include "helper.h"
#include "pool.h"

const char *data_hint(Arena *a, const Plan *plan) {
  const PlanData *d = &plan->data;
  const char *clause = d->clause ? d->clause : "";
  if (!d->file) return arena_format(a, "wanted by `from %s`", printable(a, clause));
  return arena_format(a, "wanted by `from %s` at %s:%d", printable(a, clause), printable(a, d->file), d->line);
}

void data_enough_files(Arena *a, const Plan *plan) {
  if (plan->data.files < plan->columns)
    fail(a, EXIT_DATA, "%d files cannot be %d columns: each file holds one (%s)", plan->data.files, plan->columns,
         data_hint(a, plan));
}

static const char *data_shape_text(Arena *a, int rank, const int64_t *dim) {
  Text t = text_new(a);
  for (int i = 0; i < rank; i++) text_add(&t, "%s%" PRId64, i ? ", " : "[", dim[i]);
  text_add(&t, rank ? "]" : "[]");
  return t.data;
}

int64_t data_examples(Arena *a, const PlanColumn *column, const char *path, int rank, const int64_t *dim) {
  size_t count = 1;
  bool fits = rank > 0;
  for (int i = 1; i < rank; i++) fits = fits && size_product(count, (size_t)dim[i], &count);
  if (!fits || count != (size_t)column->count)
    fail(a, EXIT_DATA, "%s: an array of shape %s does not hold examples of %s%s, which the column %s wants",
         printable(a, path), data_shape_text(a, rank, dim), column->rank ? "shape " : "one value",
         column->rank ? data_shape_text(a, column->rank, column->dim) : "", printable(a, column->name));
  if (dim[0] > INT32_MAX) fail(a, EXIT_DATA, "%s: %" PRId64 " examples are too many", printable(a, path), dim[0]);
  return dim[0];
}

// The file that column c of a split was read from.
static const char *data_path(const Plan *plan, const char *const *files, int c) {
  return files[c < plan->data.files ? c : plan->data.files - 1];
}

static bool data_is_whole(float v, float lo, float hi) { return v >= lo && v <= hi && v == floorf(v); }

// The first value outside [lo, hi] (NaN is), or count.
static int64_t data_first_outside(const float *value, int64_t count, float lo, float hi) {
  enum { PORTION = 4096 };
  for (int64_t i = 0; i < count; i += PORTION) {
    int64_t end = count - i < PORTION ? count : i + PORTION;
    int bad = 0;
    for (int64_t j = i; j < end; j++) bad |= !(value[j] >= lo && value[j] <= hi);
    for (int64_t j = i; bad && j < end; j++)
      if (!(value[j] >= lo && value[j] <= hi)) return j;
  }
  return count;
}

static _Noreturn void data_refuse(Arena *a, const PlanColumn *c, const char *path, const Array *array, int64_t i,
                                  double v) {
  const char *place = arena_format(a, "%s: item %" PRId64 " (from 0)", printable(a, path), i / c->count);
  if (array->count > 1) place = arena_format(a, "%s, element %" PRId64, place, i % c->count);
  if (c->classes)
    fail(a, EXIT_DATA, "%s: label %g is not one of the column %s's classes 0 .. %d", place, v, printable(a, c->name),
         c->classes - 1);
  fail(a, EXIT_DATA,
       c->whole ? "%s: value %g is outside {%g, %g}, the support of the column %s"
                : "%s: value %g is outside [%g, %g], the support of the column %s",
       place, v, (double)c->lo, (double)c->hi, printable(a, c->name));
}

static void data_check_bytes(Arena *a, const PlanColumn *c, const char *path, const Array *array) {
  float scale = c->classes ? 1 : c->scale, shift = c->classes ? 0 : c->shift;
  float lo = c->classes ? 0 : c->lo, hi = c->classes ? (float)(c->classes - 1) : c->hi;
  bool good[256], all = true;
  for (int b = 0; b < 256; b++) {
    float v = scale * (float)b + shift;
    all &= good[b] = v >= lo && v <= hi;
  }
  int64_t n = all ? 0 : array->examples * array->count;
  for (int64_t i = 0; i < n; i++)
    if (!good[array->byte[i]]) data_refuse(a, c, path, array, i, (double)(scale * (float)array->byte[i] + shift));
}

static void data_check_values(Arena *a, const PlanColumn *c, const char *path, const Array *array) {
  int64_t n = array->examples * array->count, i = 0;
  float lo = c->classes ? 0 : c->lo, hi = c->classes ? (float)(c->classes - 1) : c->hi;
  if (c->classes || c->whole)
    while (i < n && data_is_whole(array->value[i], lo, hi)) i++;
  else
    i = data_first_outside(array->value, n, fmaxf(c->lo, -FLT_MAX), fminf(c->hi, FLT_MAX));
  if (i < n) data_refuse(a, c, path, array, i, (double)array->value[i]);
}

static void data_check(Arena *a, const Plan *plan, const char *const *files, const Data *data) {
  for (int c = 0; c < plan->columns; c++) {
    const char *path = data_path(plan, files, c);
    const Array *array = &data->column[c];
    if (array->examples == 0) fail(a, EXIT_DATA, "%s: holds no examples", printable(a, path));
    if (array->examples != data->column[0].examples)
      fail(a, EXIT_DATA, "%s: holds %" PRId64 " examples, but %s holds %" PRId64, printable(a, path), array->examples,
           printable(a, data_path(plan, files, 0)), data->column[0].examples);
    if (array->byte)
      data_check_bytes(a, &plan->column[c], path, array);
    else
      data_check_values(a, &plan->column[c], path, array);
  }
}

static void data_load_files(Arena *a, const Run *run, const char *const *files, Data *into) {
  const Plan *plan = run->plan;
  if (!run->reader) fail(a, EXIT_SOFTWARE, "internal error: the run has no reader for its data");
  into->column = NEW_ARRAY(a, Array, plan->columns);
  run->reader(a, plan, files, into);
  data_check(a, plan, files, into);
  into->examples = plan->columns ? into->column[0].examples : 0;
}

// Takes the last examples of the training split as the test split, without copying them.
static void data_hold_out(Run *run) {
  Data *train = &run->train, *test = &run->test;
  test->examples = (int64_t)floor(run->plan->data.holdout * (double)train->examples);
  if (test->examples < 0 || test->examples >= train->examples)
    fail(run->arena, EXIT_DATA, "holding out %g of %" PRId64 " examples leaves none to learn from (%s)",
         run->plan->data.holdout, train->examples, data_hint(run->arena, run->plan));
  train->examples -= test->examples;
  test->column = NEW_ARRAY(run->arena, Array, run->plan->columns);
  for (int c = 0; c < run->plan->columns; c++) {
    Array *all = &train->column[c];
    int64_t at = train->examples * all->count;
    test->column[c] =
        (Array){test->examples, all->count, all->byte ? all->byte + at : NULL, all->value ? all->value + at : NULL};
    all->examples = train->examples;
  }
}

void data_load_train(Run *run) {
  const PlanData *d = &run->plan->data;
  if (run->train.column || d->format == DATA_NONE) return;
  if (d->format == DATA_GENERATED) {
    run->train.examples = d->generated_train;
    return;
  }
  data_load_files(run->arena, run, d->train, &run->train);
  if (!d->test) data_hold_out(run);
}

// The test split on its way. Its helper has an arena of its own, where failures are silent: then the split is loaded
// again by whoever waits for it, and fails where it can be told.
typedef struct DataAhead {
  const Run *run;
  Arena *arena;
  Data data;
  bool loaded;
  Helper *helper;
} DataAhead;

static void data_ahead_load(void *ahead) {
  DataAhead *d = ahead;
  if (ARENA_TRY(d->arena) != 0) return;
  data_load_files(d->arena, d->run, d->run->plan->data.test, &d->data);
  d->loaded = true;
}

void data_begin_test(Run *run) {
  if (!run->reader || !run->plan->data.test) return;
  DataAhead *d = NEW(run->arena, DataAhead);
  d->run = run;
  d->arena = arena_open(run->arena);
  d->arena->silent = true;
  d->helper = helper_begin(run->arena, data_ahead_load, d);
  run->ahead = d;
}

// Waits for what was begun; false if nothing was, or it failed.
static bool data_take_ahead(Run *run) {
  DataAhead *d = run->ahead;
  if (!d || !d->helper) return false;
  run->ahead = NULL;
  helper_end(d->helper);
  if (d->loaded) run->test = d->data;
  return d->loaded;
}

void data_load_test(Run *run) {
  const PlanData *d = &run->plan->data;
  if (run->test.column || d->format == DATA_NONE) return;
  if (d->format == DATA_GENERATED)
    run->test.examples = d->generated_test;
  else if (!d->test)
    data_load_train(run);
  else if (!data_take_ahead(run))
    data_load_files(run->arena, run, d->test, &run->test);
}

// Bytes being hashed by the pool's threads: in portions, whose hashes are hashed.
enum { DATA_PORTIONS = 64 };
typedef struct {
  const uint8_t *bytes;
  size_t size;
  uint64_t portion[DATA_PORTIONS];
} Hashing;

static void data_hash_piece(void *hashing, int piece, int pieces) {
  Hashing *h = hashing;
  size_t each = h->size / DATA_PORTIONS;
  for (int i = DATA_PORTIONS * piece / pieces; i < DATA_PORTIONS * (piece + 1) / pieces; i++) {
    size_t first = each * (size_t)i, end = i + 1 < DATA_PORTIONS ? first + each : h->size;
    h->portion[i] = hash_bytes((uint64_t)i, h->bytes + first, end - first);
  }
}

uint64_t data_hash(const Run *run, const Data *data) {
  uint64_t hash = (uint64_t)data->examples;
  for (int c = 0; data->column && c < run->plan->columns; c++) {
    const Array *array = &data->column[c];
    size_t elements = (size_t)(array->examples * array->count);
    Hashing h = {.bytes = array->byte, .size = elements};
    if (!array->byte) h = (Hashing){.bytes = (const uint8_t *)array->value, .size = elements * sizeof *array->value};
    if (run->pool)
      pool_run(run->pool, data_hash_piece, &h, DATA_PORTIONS);
    else
      data_hash_piece(&h, 0, 1);
    hash = hash_bytes(hash + !array->byte, h.portion, sizeof h.portion);
  }
  return hash;
}

static void data_scale(const uint8_t *restrict byte, int64_t n, float scale, float shift, float *restrict into) {
  for (int64_t i = 0; i < n; i++) into[i] = scale * (float)byte[i] + shift;
}

// How many examples ahead of the one that is gathered memory is asked for the next: they lie anywhere.
enum { DATA_AHEAD = 4 };

static void data_fetch(const Array *array, int64_t example) {
  int64_t size = array->count * (array->byte ? 1 : (int64_t)sizeof(float)), most = size < 4096 ? size : 4096;
  const uint8_t *at = array->byte ? array->byte + example * size : (const uint8_t *)array->value + example * size;
#if defined(__GNUC__)
  for (int64_t i = 0; i < most; i += 64) __builtin_prefetch(at + i);
#else
  (void)at, (void)most;
#endif
}

void data_gather(const Run *run, const PlanFeed *feed, const Data *data, const int32_t *example, int64_t batch,
                 float *restrict into) {
  const PlanColumn *c = &run->plan->column[feed->index];
  const Array *array = &data->column[feed->index];
  float scale = c->classes ? 1 : c->scale, shift = c->classes ? 0 : c->shift;
  for (int64_t b = 0; b < batch; b++, into += array->count) {
    int64_t at = example[b] * array->count;
    if (b + DATA_AHEAD < batch) data_fetch(array, example[b + DATA_AHEAD]);
    if (array->byte)
      data_scale(array->byte + at, array->count, scale, shift, into);
    else
      memcpy(into, array->value + at, (size_t)array->count * sizeof *into);
  }
}
