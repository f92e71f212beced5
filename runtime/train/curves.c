// loss.png: every objective and metric over the epochs; see curves.h.
//
// Read back from metrics.csv rather than kept: so a resumed run draws the same curves as one that was never stopped.
#include "train/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "pictures/picture.h"

enum { CURVES_LIMIT = 1 << 28 };

// Reads the cells of a CSV line into values, NaN where one is empty.
static void curves_line(const char *text, int columns, float *values) {
  for (int i = 0; i < columns; i++) {
    bool empty = *text == ',' || *text == '\n' || *text == '\0';
    float value = empty ? NAN : (float)strtod(text, NULL);
    values[i] = isfinite(value) ? value : NAN;
    text += strcspn(text, ",\n");
    if (*text == ',') text++;
  }
}

// The epochs of one split as a table: row after row of epoch and the columns. Where another start begins, a row without
// values parts its curve from the one before. Returns the number of rows.
static int64_t curves_table(const char *text, const char *split, int columns, float *table) {
  int64_t rows = 0;
  for (text += strcspn(text, "\n"); *text; text += strcspn(text, "\n")) {
    text++;
    const char *epoch = text + strcspn(text, ",\n"), *name = epoch + (*epoch == ',');
    name += strcspn(name, ",\n");
    size_t length = strlen(split);
    if (name[0] == ',' && strncmp(name + 1, split, length) == 0 && name[1 + length] == ',') {
      float *row = table + rows++ * (columns + 1), at = (float)strtod(epoch + 1, NULL);
      if (rows > 1 && at < row[-columns - 1]) {
        curves_line("", columns + 1, row);
        row = table + rows++ * (columns + 1);
      }
      row[0] = at;
      curves_line(name + length + 2, columns, row + 1);
    }
  }
  return rows;
}

static bool curves_any(const float *table, int64_t rows, int stride) {
  for (int64_t i = 0; i < rows; i++)
    if (isfinite(table[i * stride])) return true;
  return false;
}

void curves_draw(const Records *r) {
  Arena *scratch = arena_open(r->arena);
  Bytes file = file_read(scratch, arena_format(scratch, "%s/metrics.csv", r->folder), CURVES_LIMIT, "");
  const char *text = (const char *)file.data;
  size_t lines = 1;
  for (size_t i = 0; i < file.size; i++) lines += text[i] == '\n';
  int stride = r->columns + 1, n = 0;
  PlotSeries *series = NEW_ARRAY(scratch, PlotSeries, 2 * r->columns);
  int64_t most = 0;
  for (int half = 0; half < 2; half++) {
    const char *split = half ? "test" : "train";
    float *table = NEW_ARRAY(scratch, float, 2 * lines * (size_t)stride);
    int64_t rows = curves_table(text, split, r->columns, table);
    most = rows > most ? rows : most;
    for (int c = 0; c < r->columns; c++) {
      if (r->column[c].aside || !curves_any(table + 1 + c, rows, stride)) continue;
      const char *label = arena_format(scratch, "%s %s", split, r->column[c].name);
      series[n++] = (PlotSeries){SERIES_LINE, label, rows, table, table + 1 + c, stride};
    }
  }
  Plot plot = {.title = "training", .x_label = "epoch", .series = series, .count = n};
  if (most > 1) picture_plot(scratch, arena_format(scratch, "%s/loss.png", r->folder), &plot);
  arena_close(scratch);
}
