// Examples as a table that data can be read from again: names in the first line, an example in each further one.
#ifndef GMC_CSV_WRITE_H
#define GMC_CSV_WRITE_H

#include "core/run.h"

// Replaces the file by n rows of the program's outputs, value[k][n][count]: a number by its name, the elements of a
// tensor by name0, name1, ..., labels by their texts where they have any. Atomic.
void csv_write(const Run *run, const char *path, const PlanProgram *p, float *const *value, int64_t n);

#endif
