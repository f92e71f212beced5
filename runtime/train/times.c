// Seconds beside the records; see times.h.
#include "train/times.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/progress.h"

enum { TIMES_LIMIT = 1 << 28 };

struct Times {
  Arena *arena;
  const char *path;
  FILE *file;
  double before, began;  // seconds of earlier sessions; of the clock, when this one began
};

static void times_close(void *times) { fclose(((Times *)times)->file); }

// The times of the first `lines` lines, as a file; *last is the latest of them, or negative.
static Text times_kept(Arena *a, Bytes file, int64_t lines, double *last) {
  Text kept = text_new(a);
  const char *text = (const char *)file.data, *end = text + file.size, *stop;
  text_add(&kept, "lines,seconds\n");
  *last = -1;
  for (; (stop = memchr(text, '\n', (size_t)(end - text))); text = stop + 1) {
    long long line;
    double seconds;
    if (sscanf(text, "%lld,%lf", &line, &seconds) != 2 || line > lines) continue;
    text_append(&kept, text, (size_t)(stop + 1 - text));
    if (seconds > *last) *last = seconds;
  }
  return kept;
}

static const char *times_path(Arena *a, const char *folder) { return arena_format(a, "%s/times.csv", folder); }

Bytes times_read(Arena *a, const char *folder) {
  const char *path = times_path(a, folder);
  return file_exists(path) ? file_read(a, path, TIMES_LIMIT, "") : (Bytes){(const uint8_t *)"", 0};
}

Times *times_open(Arena *a, const char *folder, int64_t lines, const Bytes *earlier) {
  Times *t = NEW(a, Times);
  *t = (Times){.arena = a, .path = times_path(a, folder)};
  double last;
  Text kept = times_kept(a, earlier ? *earlier : times_read(a, folder), lines, &last);
  if (lines && last < 0) {
    remove(t->path);
    return NULL;
  }
  file_replace(a, t->path, kept.data, kept.length);
  t->before = last > 0 ? last : 0;
  t->began = progress_clock();
  t->file = fopen(t->path, "ae");
  if (!t->file) fail(a, EXIT_CANTCREATE, "%s: cannot be written", t->path);
  arena_cleanup(a, times_close, t);
  return t;
}

void times_add(Times *t, int64_t lines) {
  if (!t) return;
  fprintf(t->file, "%lld,%.3f\n", (long long)lines, t->before + progress_clock() - t->began);
  if (fflush(t->file) != 0) fail(t->arena, EXIT_IO, "%s: cannot be written", t->path);
}
