// What the tests of files share: a folder of their own, files put there, and attempts that may fail.
#ifndef GMC_ATTEMPT_H
#define GMC_ATTEMPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "core/base.h"
#include "scratch.h"

// cmocka's fail_msg, which needs its fail.
#define complain(...) (print_error(__VA_ARGS__), print_error("\n"), assert_true(false))

static char folder[64];     // made by folder_make
static char message[4096];  // what the last attempt printed on stderr

static inline int folder_make(void **state) {
  (void)state;
  return scratch_make(folder);
}

static inline const char *path_of(Arena *a, const char *name) {
  return arena_format(a, "%s/%s", folder, name);
}

// How many files the folder holds; removes them when told to.
static inline int folder_count(bool clear) {
  int n = 0;
  DIR *d = opendir(folder);
  for (struct dirent *e; (e = readdir(d));) {
    if (e->d_name[0] == '.') continue;
    n++;
    if (clear) unlinkat(dirfd(d), e->d_name, 0);
  }
  closedir(d);
  return n;
}

static inline void put(const char *path, const void *bytes, size_t length) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, length, f), length);
  fclose(f);
}

// Where stderr really goes while an attempt catches it, and what it is caught in.
static int stderr_kept = -1;
static int stderr_caught = -1;

static inline void catch_stderr(void) {
  stderr_kept = dup(STDERR_FILENO);
  stderr_caught = memfd_create("stderr", 0);
  dup2(stderr_caught, STDERR_FILENO);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_report_fd((void *)(intptr_t)stderr_kept);
#endif
}

// Ends the catching, with what was printed in `message`.
static inline void release_stderr(void) {
  if (stderr_kept < 0) return;
  fflush(stderr);
  dup2(stderr_kept, STDERR_FILENO);
  ssize_t n = pread(stderr_caught, message, sizeof message - 1, 0);
  message[n > 0 ? n : 0] = '\0';
  close(stderr_caught);
  close(stderr_kept);
  stderr_kept = -1;
}

// After an assertion failed within an attempt: shows what it said.
static inline void show_stderr(void) {
  if (stderr_kept < 0) return;
  release_stderr();
  fputs(message, stderr);
}

// Runs fn(arena, what) and returns its exit code, 0 if it did not fail; what it printed is in `message`.
static inline int attempt(void (*fn)(Arena *, void *), void *what) {
  show_stderr();
  catch_stderr();
  Arena *a = arena_open(NULL);
  if (ARENA_TRY(a) == 0) fn(a, what);
  int code = a->code;
  arena_close(a);
  release_stderr();
  return code;
}

static inline int folder_remove(void **state) {
  (void)state;
  show_stderr();
  folder_count(true);
  return rmdir(folder);
}

// The attempt must fail with this code and one line that contains `text`.
static inline void assert_fails(void (*fn)(Arena *, void *), void *what, int code, const char *text) {
  int got = attempt(fn, what);
  if (got != code || !strstr(message, text)) complain("wanted %d and '%s', got %d and '%s'", code, text, got, message);
  assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
}

static inline void assert_works(void (*fn)(Arena *, void *), void *what) {
  int got = attempt(fn, what);
  if (got != 0) complain("failed with %d: %s", got, message);
}

// A small generator for byte flips: xorshift.
static inline uint32_t dice(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

// Every shorter file must be refused.
static inline void assert_cuts_fail(void (*fn)(Arena *, void *), void *what, const char *path, const uint8_t *bytes,
                                    size_t length) {
  for (size_t n = 0; n < length; n++) {
    put(path, bytes, n);
    if (attempt(fn, what) != EXIT_DATA) complain("%s: %zu of %zu bytes were not refused: %s", path, n, length, message);
  }
}

// Files with some bytes changed are read or refused, and nothing else.
static inline void assert_flips_hold(void (*fn)(Arena *, void *), void *what, const char *path, const uint8_t *bytes,
                                     size_t length, int rounds) {
  uint8_t *copy = malloc(length);
  uint32_t state = 12345;
  for (int i = 0; i < rounds; i++) {
    memcpy(copy, bytes, length);
    for (uint32_t flips = 1 + dice(&state) % 4; flips > 0; flips--) copy[dice(&state) % length] = (uint8_t)dice(&state);
    put(path, copy, length);
    int code = attempt(fn, what);
    if (code != 0 && code != EXIT_DATA && code != EXIT_MEMORY) complain("%s: exit code %d: %s", path, code, message);
  }
  free(copy);
}

#endif
