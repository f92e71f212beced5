// Trainings of a test, run as `gmc run` runs them, in a folder of its own: sessions of runs that are numbered from 1.
#pragma once

#include <string.h>

#include "core/file.h"
#include "data/data.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "scratch.h"
#include "std_page.h"
#include "train/session.h"

static char folder[64];
static int runs;
static Arena *arena;  // of a test
static Expected *expected;  // of the next session, or NULL

static inline const char *path_of(int run, const char *file) {
  return arena_format(arena, "%s/%d/%s", folder, run, file);
}

// A session of run `run`, up to `steps` in all and over `epochs`; 0: as the plan says. Returns its exit code.
static inline int session(const Plan *plan, int run, bool resume, int64_t steps, int64_t epochs, int threads) {
  Session s = {.open = exec_open,
               .reader = data_read_npy,
               .folder = path_of(run, ""),
               .quiet = true,
               .steps = steps,
               .epochs = epochs,
               .threads = threads,
               .resume = resume,
               .expected = expected,
               .resume_by = "resume"};
  Arena *volatile a = arena_open(NULL);
  volatile int code = -1;
  if (ARENA_TRY(a) == 0)
    code = session_train(a, plan, &s);
  else
    code = a->code;
  arena_close(a);
  return code;
}

// A new run; its number.
static inline int train(const Plan *plan, int64_t steps) {
  assert_int_equal(session(plan, ++runs, false, steps, 0, 1), EXIT_DONE);
  return runs;
}

static inline const float *tensor_of(int run, const char *file, const char *tensor) {
  const TensorView *view = safetensors_find(safetensors_read(arena, path_of(run, file)), tensor);
  assert_non_null(view);
  return view->value;
}

static inline int64_t meta(int run, const char *file, const char *key) {
  const char *text = safetensors_meta(safetensors_read(arena, path_of(run, file)), key);
  assert_non_null(text);
  return atoll(text);
}

static inline bool says(int run, const char *text) {
  Bytes file = file_read(arena, path_of(run, "metrics.jsonl"), 1 << 20, "");
  bool said = memmem(file.data, file.size, text, strlen(text)) != NULL;
  if (!said) print_error("%s is not in\n%.*s\n", text, (int)file.size, (const char *)file.data);
  return said;
}

// What two runs have left is equal to the byte; a best epoch is there for both or for neither.
static inline void same_run(int a, int b) {
  static const char *const files[] = {"best.safetensors", "weights.safetensors", "metrics.jsonl", "metrics.csv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (i == 0 && !file_exists(path_of(a, files[i])) && !file_exists(path_of(b, files[i]))) continue;
    Bytes one = file_read(arena, path_of(a, files[i]), 1 << 20, "");
    Bytes two = file_read(arena, path_of(b, files[i]), 1 << 20, "");
    bool same = one.size == two.size && memcmp(one.data, two.data, one.size) == 0;
    if (!same) print_error("%s of runs %d and %d\n", files[i], a, b);
    assert_true(same);
  }
}

static inline int open_arena(void **state) {
  (void)state;
  arena = arena_open(NULL);
  return 0;
}

static inline int close_arena(void **state) {
  (void)state;
  arena_close(arena);
  return 0;
}

// x.npy of the folder: the numbers from 0.
static inline void write_numbers(int n) {
  Arena *a = arena_open(NULL);
  int64_t count = n;
  float *value = NEW_ARRAY(a, float, n);
  for (int i = 0; i < n; i++) value[i] = (float)i;
  npy_write(a, arena_format(a, "%s/x.npy", folder), 1, &count, value);
  arena_close(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

// Whether the folder is gone.
static inline bool folder_remove(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command) == 0;
}
