// Looks at what an output would replace; see output.h.
#include "command/output.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

static bool begins_with(const char *path, const char *begins) {
  char text[64];
  FILE *f = fopen(path, "re");
  if (!f) return true;  // whoever writes will say why
  size_t n = fread(text, 1, sizeof text, f);
  fclose(f);
  return n == 0 || (n >= strlen(begins) && memcmp(text, begins, strlen(begins)) == 0);
}

void output_check(Arena *a, const Options *o, const char *path, const char *begins, const char *what) {
  struct stat about;
  bool there = stat(path, &about) == 0 && S_ISREG(about.st_mode);
  if (option_given(o, OPTION_FORCE) || !there || (begins && begins_with(path, begins))) return;
  fail(a, EXIT_CANTCREATE, "%s: is there, and is not %s; choose another name, or replace it with --force",
       printable(a, path), what);
}

static void spare_set(Arena *a, const char *path, struct stat about, const PlanData *d) {
  struct stat data;
  for (int i = 0; i < 2 * d->files; i++) {
    const char *const *files = i < d->files ? d->train : d->test;
    if (!files || stat(files[i % d->files], &data) != 0) continue;
    if (about.st_dev == data.st_dev && about.st_ino == data.st_ino)
      fail(a, EXIT_CANTCREATE, "%s: is data of the model; choose another name, or replace it with --force",
           printable(a, path));
  }
}

void output_spare_data(Arena *a, const Options *o, const char *path, const Plan *plan) {
  struct stat about;
  if (option_given(o, OPTION_FORCE) || stat(path, &about) != 0) return;
  spare_set(a, path, about, &plan->data);
  for (int i = 0; i < plan->others; i++) spare_set(a, path, about, &plan->other[i].data);
}

static void bounds_of(const PlanColumn *column, int columns, const char *name, float *lo, float *hi) {
  for (const PlanColumn *c = column; c < column + columns; c++) {
    if (strcmp(c->name, name) != 0 || !isfinite(c->lo) || !isfinite(c->hi) || !(c->lo < c->hi)) continue;
    *lo = c->lo;
    *hi = c->hi;
  }
}

void output_bounds(const Plan *plan, const char *name, float *lo, float *hi) {
  *lo = 0;
  *hi = 1;
  bounds_of(plan->column, plan->columns, name, lo, hi);
  for (int i = 0; i < plan->others; i++) bounds_of(plan->other[i].column, plan->other[i].columns, name, lo, hi);
}
