// IDX files as data: one array for each column. See data.h.
#include "data/data.h"
#include "formats/idx.h"

void data_read_idx(Arena *a, const DataFiles *files, Data *into) {
  data_enough_files(a, files->plan);
  for (int c = 0; c < files->plan->columns; c++)
    into->column[c] = data_array(a, files, &files->plan->column[c], files->path[c], idx_header);
}
