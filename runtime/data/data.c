// The data of a run: splits, and batches gathered from them. See data.h.
#include "data/data.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/helper.h"
#include "core/philox.h"
#include "core/spill.h"

// Numbers as they are stored.
static void data_read(Arena *parent, const Run *run, const char *const *path, Data *into) {
  enum { SHARE_OF_TEST = 4 };
  const Plan *plan = run->plan;
  bool test = path == plan->data.test;
  Arena *a = into->arena = arena_open(parent);
  if (run->data_memory) into->spill = spill_open(a, test ? run->data_memory / SHARE_OF_TEST : run->data_memory);
  if (!run->reader) fail(a, EXIT_SOFTWARE, "internal error: the run has no reader for its data");
  into->column = NEW_ARRAY(a, Array, plan->columns);
  run->reader(a, &(DataFiles){plan, path, test, run->inflate}, into);
  spill_let_go(into->spill);
}

static void data_swap_bytes(const void *of, size_t size, int64_t i, int64_t j) {
  uint8_t *bytes = (uint8_t *)(uintptr_t)of;  // ours
  uint8_t *p = bytes + (size_t)i * size, *q = bytes + (size_t)j * size;
  for (size_t k = 0; k < size; k++) {
    uint8_t kept = p[k];
    p[k] = q[k];
    q[k] = kept;
  }
}

static void data_swap(const Array *array, int64_t i, int64_t j) {
  size_t count = (size_t)array->count;
  if (array->byte) data_swap_bytes(array->byte, count, i, j);
  if (array->value) data_swap_bytes(array->value, count * sizeof(float), i, j);
  if (array->known) data_swap_bytes(array->known, count, i, j);
}

// Puts `held` examples last, each choice of them as likely as any other (Fisher and Yates). The same ones in every run,
// whatever its seed, so that measures of two runs can be compared.
static void data_draw_held(const Data *data, int columns, int64_t held) {
  Philox at = {.counter = {0, 0, 0, 1}, .key = {0, (uint32_t)PURPOSE_SHUFFLE << 16}};
  uint32_t word[4] = {0};
  for (int64_t i = 0; i < held; i++) {
    int64_t left = data->examples - i;
    at.counter[0] = (uint32_t)(i / 4);
    if (i % 4 == 0) philox_words(&at, word);
    int64_t from = (int64_t)((uint64_t)word[i % 4] * (uint64_t)left >> 32);
    for (int c = 0; c < columns; c++) data_swap(&data->column[c], from, left - 1);
  }
}

// How many examples are held out: rounded down, but a fraction such as 0.29 is not taken for less than it says.
static int64_t data_held(const Run *run) {
  const PlanData *d = &run->plan->data;
  int64_t n = run->train.examples, held = (int64_t)floor(d->holdout * (double)n + 1e-6);
  if (held < 0 || held >= n)
    fail(run->arena, EXIT_DATA, "holding out %g of %" PRId64 " examples leaves none to learn from (%s)", d->holdout, n,
         data_hint(run->arena, run->plan));
  if (held == 0 && d->holdout > 0)
    say_line(stderr,
             "gmc: warning: %s: %g of %" PRId64 " examples is less than one: none is held out, and nothing is measured",
             d->train[0], d->holdout, n);
  return held;
}

// Takes a part of the training split as the test split, without copying it: drawn, or the last ones as they are.
static void data_hold_out(Run *run) {
  const Plan *plan = run->plan;
  Data *train = &run->train, *test = &run->test;
  test->examples = data_held(run);
  test->arena = train->arena;
  test->spill = train->spill;
  if (!plan->data.holdout_last) data_draw_held(train, plan->columns, test->examples);
  train->examples -= test->examples;
  test->column = NEW_ARRAY(run->arena, Array, plan->columns);
  for (int c = 0; c < plan->columns; c++) {
    Array *all = &train->column[c], *held = &test->column[c];
    *held = *all;
    all->examples = train->examples;
    held->examples = test->examples;
    if (held->byte) held->byte += train->examples * all->count;
    if (held->value) held->value += train->examples * all->count;
    if (held->known) held->known += train->examples * all->count;
    all->line = held->line = NULL;  // no longer of these places
  }
}

// Puts the examples that are trained on first, where not all are: the first ones, or as many of each class, and forgets
// the others.
static void data_choose(Run *run) {
  const PlanData *d = &run->plan->data;
  Data *train = &run->train;
  if (!d->kept || (!d->balanced_by && d->kept >= train->examples)) return;
  const PlanColumn *label = d->balanced_by ? &run->plan->column[d->balanced_by - 1] : NULL;
  int classes = label ? label->classes : 1;
  int64_t each = d->kept / classes, kept = 0, *of = NEW_ARRAY(run->arena, int64_t, classes);
  for (int64_t i = 0; i < train->examples && kept < d->kept; i++) {
    float class = 0;
    int32_t example = (int32_t)i;
    if (label) data_gather(&(PlanFeed){.index = d->balanced_by - 1}, train, &example, 1, &class);
    if (of[(int)class] == each) continue;
    of[(int)class]++;
    for (int c = 0; c < run->plan->columns; c++) data_swap(&train->column[c], kept, i);
    kept++;
  }
  for (int k = 0; k < classes; k++)
    if (of[k] < each)
      fail(run->arena, EXIT_DATA, "of %s %d there are %" PRId64 " examples, and %" PRId64 " are wanted (%s)",
           label->name, k, of[k], each, data_hint(run->arena, run->plan));
  train->examples = kept;
  for (int c = 0; c < run->plan->columns; c++) {
    train->column[c].examples = kept;
    train->column[c].line = NULL;
  }
}

// What the model sees of columns with principal axes are coordinates along them.
static void data_coordinates(Run *run, Data *data) {
  for (int c = 0; c < run->plan->columns; c++)
    if (run->plan->column[c].principal) run->axes(run, c, data);
}

static void data_load_own_train(Run *run) {
  const PlanData *d = &run->plan->data;
  if (run->train.column || d->format == DATA_NONE) return;
  if (d->format == DATA_GENERATED) {
    run->train.examples = d->generated_train;
    return;
  }
  data_read(run->arena, run, d->train, &run->train);
  data_settle(run, d->train, &run->train);
  if (!d->test) data_hold_out(run);
  data_choose(run);
  data_coordinates(run, &run->train);
  if (!d->test) data_coordinates(run, &run->test);
  spill_let_go(run->train.spill);
}

void data_load_train(Run *run) {
  data_load_own_train(run);
  for (int i = 0; i < run->plan->others; i++) {
    RunSet *set = &run->other[i];
    data_load_train(set->run);
    if (!set->order) set->order = NEW_ARRAY(run->arena, int32_t, set->run->train.examples);
  }
}

// The test split on its way, not yet settled. Its helper has an arena of its own, where failures are silent: then the
// split is loaded again by whoever waits for it, and fails where it can be told.
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
  data_read(d->arena, d->run, d->run->plan->data.test, &d->data);
  d->loaded = true;
}

void data_begin_test(Run *run) {
  for (int i = 0; i < run->plan->others; i++) data_begin_test(run->other[i].run);
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

static void data_load_own_test(Run *run) {
  const PlanData *d = &run->plan->data;
  if (run->test.column || d->format == DATA_NONE) return;
  if (d->format == DATA_GENERATED) {
    run->test.examples = d->generated_test;
    return;
  }
  if (!d->test || !run->reading) data_load_own_train(run);
  if (!d->test) return;
  if (!data_take_ahead(run)) data_read(run->arena, run, d->test, &run->test);
  data_settle(run, d->test, &run->test);
  data_coordinates(run, &run->test);
  spill_let_go(run->test.spill);
}

void data_load_test(Run *run) {
  data_load_own_test(run);
  for (int i = 0; i < run->plan->others; i++) data_load_test(run->other[i].run);
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

static void data_gather_known(const Array *array, const int32_t *example, int64_t batch, float *restrict into) {
  for (int64_t b = 0; b < batch; b++, into += array->count)
    for (int64_t k = 0; k < array->count; k++)
      into[k] = !array->known || array->known[example[b] * array->count + k] ? 1 : 0;
}

void data_gather(const PlanFeed *feed, const Data *data, const int32_t *example, int64_t batch, float *restrict into) {
  const Array *array = &data->column[feed->index];
  if (feed->kind == FEED_KNOWN) {
    data_gather_known(array, example, batch, into);
    return;
  }
  for (int64_t b = 0; b < batch; b++, into += array->count) {
    int64_t at = example[b] * array->count;
    if (b + DATA_AHEAD < batch) data_fetch(array, example[b + DATA_AHEAD]);
    if (array->byte)
      data_scale(array->byte + at, array->count, array->scale, array->shift, into);
    else
      memcpy(into, array->value + at, (size_t)array->count * sizeof *into);
  }
}
