// Data that do not fit into the memory they may take: the same bits, from files of every kind, and the memory measured.
#include "attempt.h"

#include <png.h>

#include "core/spill.h"
#include "data/data.h"
#include "data/feed.h"
#include "formats/npy.h"

enum { SIDE = 200, COUNT = 3 * SIDE * SIDE, PICTURES = 240, BATCH = 4, KINDS = 4, BUDGET = 4 << 20, SLACK = 3 << 20 };

// Bytes of memory that are in use.
static size_t resident(void) {
  long pages = 0, size = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  assert_non_null(f);
  assert_int_equal(fscanf(f, "%ld %ld", &size, &pages), 2);
  fclose(f);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

// A folder of pictures, a few over and over, that are larger when they have been decoded.
static const char *put_pictures(Arena *a) {
  enum { SMALL = 16 };
  uint8_t rgb[3 * SMALL * SMALL];
  for (int i = 0; i < PICTURES; i++) {
    png_image image = {.version = PNG_IMAGE_VERSION, .height = SMALL, .width = SMALL, .format = PNG_FORMAT_RGB};
    for (int k = 0; k < 3 * SMALL * SMALL; k++) rgb[k] = (uint8_t)(k * (7 + i % KINDS) + 50 * (i % KINDS));
    assert_true(png_image_write_to_file(&image, path_of(a, arena_format(a, "%04d.png", i)), 0, rgb, 0, NULL));
  }
  return folder;
}

static const char *put_npy(Arena *a) {
  const char *path = path_of(a, "x.npy");
  float *value = NEW_ARRAY(a, float, 60 * COUNT);
  for (int64_t i = 0; i < 60 * COUNT; i++) value[i] = (float)(i % 1000) / 1000;
  npy_write(a, path, 4, (int64_t[]){60, SIDE, SIDE, 3}, value);
  return path;
}

typedef struct {
  DataFormat format;
  const char *path;
  size_t memory;       // that data may take
  uint64_t hash[2];    // found: of both splits
  double sum;          // of what was gathered, in an order of chance
  size_t spilt, most;  // bytes in the file, and most of memory at a time, beyond what there was
} Load;

// Loads the data, holding a part out, and gathers all examples.
static void load(Arena *a, void *what) {
  Load *l = what;
  size_t before = resident();
  PlanColumn column = {.name = "x", .rank = 3, .dim = {SIDE, SIDE, 3}, .count = COUNT, .hi = 1, .levels = true};
  PlanFeed feed = {.kind = FEED_COLUMN, .count = COUNT};
  PlanProgram program = {.batch = BATCH, .feed = &feed, .feeds = 1};
  Plan plan = {.columns = 1, .column = &column, .program = &program, .programs = 1};
  plan.data = (PlanData){.format = l->format, .files = 1, .train = &l->path, .holdout = 0.25};
  Run run = {.arena = a, .plan = &plan, .reader = data_reader(l->format), .data_memory = l->memory};
  int32_t example[BATCH];
  run.memory = NEW_ARRAY(a, float, BATCH * COUNT);
  run.example = example;
  data_load_train(&run);
  data_load_test(&run);
  l->hash[0] = data_hash(&run, &run.train);
  l->hash[1] = data_hash(&run, &run.test);
  l->spilt = spill_size(run.train.spill);
  l->most = resident() - before;
  uint32_t chance = 9;
  for (int64_t i = 0; i < run.train.examples; i += BATCH) {
    for (int k = 0; k < BATCH; k++) example[k] = (int32_t)(dice(&chance) % (uint32_t)run.train.examples);
    feed_program(&run, &run.train, 0, BATCH, (Moment){0});
    for (int64_t k = 0; k < BATCH * COUNT; k++) l->sum += (double)run.memory[k];
    size_t now = resident() - before;
    l->most = now > l->most && now < SIZE_MAX / 2 ? now : l->most;
  }
}

static void check(Arena *a, DataFormat format, const char *path, size_t bytes) {
  Load inside = {.format = format, .path = path}, outside = {.format = format, .path = path, .memory = BUDGET};
  assert_works(load, &inside);
  assert_works(load, &outside);
  assert_int_equal(inside.spilt, 0);
  assert_true(outside.spilt >= bytes);
  assert_memory_equal(inside.hash, outside.hash, sizeof inside.hash);
  assert_true(inside.sum == outside.sum && inside.sum > 0);
#ifndef __SANITIZE_ADDRESS__
  size_t batch = BATCH * COUNT * sizeof(float);
  if (inside.most < bytes) complain("memory measured as %zu of %zu bytes", inside.most, bytes);
  if (outside.most > BUDGET / 2 + batch + SLACK) complain("%zu bytes of memory, not %d", outside.most, BUDGET);
#endif
  (void)a;
}

static void test_pictures(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  check(a, DATA_IMAGES, put_pictures(a), (size_t)PICTURES * COUNT);
  folder_count(true);
  arena_close(a);
}

static void test_arrays(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *path = put_npy(a);
  check(a, DATA_NPY, path, (size_t)60 * COUNT * sizeof(float));
  arena_close(a);
}

// A folder that takes nothing is said, and what fits is never put there.
static void test_no_room(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *path = put_npy(a), *folder_before = getenv("TMPDIR");
  setenv("TMPDIR", path_of(a, "nowhere"), 1);
  Load l = {.format = DATA_NPY, .path = path, .memory = BUDGET};
  assert_fails(load, &l, EXIT_CANTCREATE, "/nowhere: no room for 27.5 MiB of data that do not fit into memory: No such file");
  l.memory = 64 << 20;
  assert_works(load, &l);
  if (folder_before)
    setenv("TMPDIR", folder_before, 1);
  else
    unsetenv("TMPDIR");
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pictures), cmocka_unit_test(test_arrays),
                                     cmocka_unit_test(test_no_room)};
  return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
