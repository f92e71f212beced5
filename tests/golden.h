// Golden texts: files of a folder that a test makes anew, and compares. With GMC_PROMOTE set in the environment they
// are rewritten instead.
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"

static Arena *arena;  // of a test

static inline int open_arena(void **state) {
  (void)state;
  arena = arena_open(NULL);
  return arena ? 0 : -1;
}

static inline int close_arena(void **state) {
  (void)state;
  arena_close(arena);
  return 0;
}

// One that is not there is empty where it may yet be written.
static inline const char *read_text(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f && getenv("GMC_PROMOTE")) return "";
  assert_non_null(f);
  Text t = text_new(arena);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) text_append(&t, part, n);
  fclose(f);
  return t.data;
}

static inline void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

// Whether the file's text is the one that was made, or is now.
static inline bool golden_holds(const char *path, const char *want, const char *got) {
  if (strcmp(want, got) == 0) return true;
  if (getenv("GMC_PROMOTE")) return write_text(path, got), true;
  int line = 1;
  while (*want && *want == *got) line += *want++ == '\n', got++;
  print_error("%s:%d: wanted `%.*s`, got `%.*s`\n", path, line, (int)strcspn(want, "\n"), want, (int)strcspn(got, "\n"),
              got);
  return false;
}

// All files of the folder whose names end so hold; there are some.
static inline void golden_folder(const char *folder, const char *ending, bool (*holds)(const char *path)) {
  struct dirent **list;
  int cases = 0, wrong = 0, n = scandir(folder, &list, NULL, alphasort);
  assert_true(n > 0);
  for (int i = 0; i < n; i++) {
    size_t length = strlen(list[i]->d_name), tail = strlen(ending);
    bool is_case = length > tail && strcmp(list[i]->d_name + length - tail, ending) == 0;
    const char *path = arena_format(arena, "%s/%s", folder, list[i]->d_name);
    free(list[i]);
    if (!is_case) continue;
    cases++;
    wrong += !holds(path);
  }
  free(list);
  assert_true(cases > 0);
  assert_int_equal(wrong, 0);
}
