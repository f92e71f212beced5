// NPZ files as data: a zip file of NPY arrays, of which each column takes the one of its name. See data.h.
#include <string.h>

#include "data/data.h"
#include "formats/npy.h"
#include "formats/zip.h"

static ZipMember npz_find(const Zip *z, const char *name, const PlanColumn *column) {
  Text names = text_new(z->arena);
  size_t at = z->directory;
  for (ZipMember m; zip_next(z, &at, &m);) {
    if (zip_called(&m, name)) return m;
    text_add(&names, "%s%s", names.length ? ", " : "", m.name);
  }
  zip_refuse(
      z, arena_format(z->arena, "holds no array `%s` for the column %s; it has %s; `columns: [...]` names others", name,
                      column->name, names.length ? names.data : "none"));
}

void data_read_npz(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  const char *path = files->path[0];
  Arena *scratch = arena_open(a);
  Zip z = zip_open(a, path, file_read(scratch, path, SIZE_MAX / 2, data_hint(a, plan)));
  for (int k = 0; k < plan->columns; k++) {
    const PlanColumn *column = &plan->column[k];
    const char *name = column->picks ? column->pick->name : column->name;
    if (files->test && column->test_pick) name = column->test_pick;
    const ZipMember found = npz_find(&z, name, column);
    const char *member = arena_format(a, "%s, `%s`", path, name);
    Arena *own = arena_open(a);
    into->column[k] =
        data_take(a, own, column, member, zip_member(&z, own, files->inflate, member, &found), npy_header);
  }
  arena_close(scratch);
}
