// What readers of data share: files read whole and expanded, arrays taken from them. See data.h.
#include "data/data.h"

#include <string.h>


enum { DATA_HEAD = 16384 };  // no format's header is longer

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

PictureColumns data_picture_columns(Arena *a, const Plan *plan) {
  PictureColumns c = {-1, -1, 0, 0, 1};
  for (int i = 0; i < plan->columns; i++) {
    const PlanColumn *column = &plan->column[i];
    int *which = column->classes ? &c.label : &c.picture;
    if (*which >= 0 || (column->classes && column->rank))
      fail(a, EXIT_DATA, "a picture and one label are no more than two columns: there is nothing for %s (%s)",
           column->name, data_hint(a, plan));
    *which = i;
  }
  const PlanColumn *p = c.picture < 0 ? NULL : &plan->column[c.picture];
  if (!p || p->rank < 2 || p->rank > 3 || (p->rank == 3 && p->dim[2] != 1 && p->dim[2] != 3))
    fail(a, EXIT_DATA, "a picture is a column of [height, width], or [height, width, 3] in colour (%s)",
         data_hint(a, plan));
  c.height = p->dim[0];
  c.width = p->dim[1];
  c.channels = p->rank == 3 ? p->dim[2] : 1;
  return c;
}

// The file's bytes, expanded if it is compressed, in an arena of their own.
static Bytes data_bytes(Arena *a, const DataFiles *files, const char *path, DataBegin *begin, Arena **own) {
  Arena *packed = *own = arena_open(a);
  Bytes file = file_read(packed, path, SIZE_MAX / 2, data_hint(a, files->plan));
  if (!gunzip_is(file.data, file.size)) return file;
  uint8_t *head = arena_alloc(packed, DATA_HEAD, 1);
  size_t got = gunzip_head(file.data, file.size, head, DATA_HEAD), size;
  if (got == 0) fail(a, EXIT_DATA, "%s: is empty, cut short or not soundly compressed", printable(a, path));
  begin(a, path, head, got, &size);
  *own = arena_open(a);
  file = inflate_whole(*own, files->inflate, path, INFLATE_GZIP, file, size);
  arena_close(packed);
  return file;
}

Array data_array(Arena *a, const DataFiles *files, const PlanColumn *column, const char *path, DataBegin *begin) {
  Arena *own;
  Bytes file = data_bytes(a, files, path, begin, &own);
  return data_take(a, own, column, path, file, begin);
}

Array data_take(Arena *a, Arena *own, const PlanColumn *column, const char *path, Bytes file, DataBegin *begin) {
  size_t size;
  bool kept;
  Stored s = begin(a, path, file.data, file.size, &size);
  if (size != file.size)
    fail(a, EXIT_DATA, "%s: has %zu bytes, but its header promises %zu", printable(a, path), file.size, size);
  Array array = stored_array(a, column, path, &s, &kept);
  if (!kept) arena_close(own);
  return array;
}
