// Every objective and metric over the epochs, or some of them; see curves.h.
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

// metrics.csv, of which rows of one split are taken at a time: the step, the epoch and the columns.
typedef struct {
  const char *text;
  const char **name;  // of the columns after step, epoch and split
  int columns;
  int64_t lines;
} Curves;

enum { CURVES_STEP, CURVES_EPOCH, CURVES_FIRST };

static int curves_stride(const Curves *c) { return CURVES_FIRST + c->columns; }

// Reads the file of a folder.
static Curves curves_read(Arena *a, const char *folder) {
  Bytes file = file_read(a, arena_format(a, "%s/metrics.csv", folder), CURVES_LIMIT, "");
  const char *text = arena_slice(a, (const char *)file.data, file.size), *end = text + strcspn(text, "\n");
  Curves c = {.text = text, .lines = 1};
  for (const char *p = text; *p; p++) {
    c.lines += *p == '\n';
    c.columns += *p == ',' && p < end;
  }
  c.name = NEW_ARRAY(a, const char *, c.columns + 1);
  int n = 0;
  for (const char *p = text; p < end; n++) {
    size_t length = strcspn(p, ",\n");
    if (n > CURVES_FIRST) c.name[n - CURVES_FIRST - 1] = arena_slice(a, p, length);
    p += length + 1;
  }
  c.columns = n > CURVES_FIRST ? n - CURVES_FIRST - 1 : 0;
  return c;
}

// The epochs of one split, row after row. Where another start begins, a row without values parts its curve from the one
// before. Returns the number of rows.
static int64_t curves_table(Arena *a, const Curves *c, const char *split, float **table) {
  int stride = curves_stride(c);
  size_t length = strlen(split);
  int64_t rows = 0;
  *table = NEW_ARRAY(a, float, (size_t)(2 * c->lines * stride));
  for (const char *text = c->text + strcspn(c->text, "\n"); *text; text += strcspn(text, "\n")) {
    text++;
    const char *epoch = text + strcspn(text, ",\n"), *name = epoch + (*epoch == ',');
    name += strcspn(name, ",\n");
    if (name[0] != ',' || strncmp(name + 1, split, length) != 0 || name[1 + length] != ',') continue;
    float *row = *table + rows++ * stride, at = (float)strtod(epoch + 1, NULL);
    if (rows > 1 && at < row[CURVES_EPOCH - stride]) {
      curves_line("", stride, row);
      row = *table + rows++ * stride;
    }
    row[CURVES_STEP] = (float)strtod(text, NULL);
    row[CURVES_EPOCH] = at;
    curves_line(name + length + 2, c->columns, row + CURVES_FIRST);
  }
  return rows;
}

static bool curves_any(const float *table, int64_t rows, int stride) {
  for (int64_t i = 0; i < rows; i++)
    if (isfinite(table[i * stride])) return true;
  return false;
}

// ---- shows

typedef struct {
  double lo, hi;
} CurvesRange;

static double curves_size(CurvesRange r) { return fmax(fabs(r.lo), fabs(r.hi)); }

// By comparisons, which say no of NaN: of fmin and fmax in such loops gcc 12 for aarch64 can make nothing.
static void curves_widen(CurvesRange *r, double v) {
  if (isinf(v)) return;
  if (v < r->lo) r->lo = v;
  if (v > r->hi) r->hi = v;
}

static CurvesRange curves_range(const PlotSeries *s) {
  CurvesRange r = {INFINITY, -INFINITY};
  for (int64_t i = 0; i < s->count; i++) curves_widen(&r, (double)s->y[i * s->stride]);
  return r;
}

// Can both be seen on one axis? They are of one size, and lie no further apart than half of what the wider one covers.
static bool curves_fit(CurvesRange a, CurvesRange b) {
  static const double sizes = 20, apart = 0.5;
  if (a.lo > a.hi || b.lo > b.hi) return true;  // one has no value yet
  double small = fmin(curves_size(a), curves_size(b)), large = fmax(curves_size(a), curves_size(b));
  double wide = fmax(a.hi - a.lo, b.hi - b.lo), between = fmax(a.lo, b.lo) - fmin(a.hi, b.hi);
  return small * sizes >= large && between <= apart * wide;
}

// Series that are to be drawn, one after another those of a measure.
typedef struct {
  const PlotSeries *series;
  const int *measure, *color;
  int n;
  bool apart;  // each measure has an axis of its own; else those share one that can be seen on it
} CurvesSet;

// Parts the series among plots, those of one measure into one, and returns how many there are.
static int curves_part(Arena *a, const CurvesSet *set, Plot *plot) {
  int plots = 0, last = 0, n = set->n;
  CurvesRange *range = NEW_ARRAY(a, CurvesRange, n);
  PlotSeries *room = NEW_ARRAY(a, PlotSeries, n * n);
  int *colors = NEW_ARRAY(a, int, n *n);
  for (int i = 0; i < n; i++) {
    CurvesRange own = curves_range(&set->series[i]);
    bool again = i > 0 && set->measure[i] == set->measure[i - 1];
    int k = again ? last : set->apart ? plots : 0;
    while (k < plots && !again && !curves_fit(range[k], own)) k++;
    last = k;
    if (k == plots) range[plots++] = own;
    range[k] = (CurvesRange){fmin(range[k].lo, own.lo), fmax(range[k].hi, own.hi)};
    PlotSeries *part = room + k * n;
    int *color = colors + k * n;
    part[plot[k].count] = set->series[i];
    color[plot[k].count++] = set->color[i];
    plot[k].series = part;
    plot[k].color = color;
  }
  return plots;
}

// Plots of one axis each, one below the other, over the same steps or epochs.
static void curves_draw_parts(Arena *a, const CurvesSet *set, const char *title, const char *over, const char *path) {
  Plot *plot = NEW_ARRAY(a, Plot, set->n + 1);
  CurvesRange x = {INFINITY, -INFINITY};
  int plots = curves_part(a, set, plot);
  for (int i = 0; i < set->n; i++)
    for (int64_t k = 0; k < set->series[i].count; k++) curves_widen(&x, (double)set->series[i].x[2 * k]);
  for (int i = 0; i < plots; i++) plot[i].x_lo = (float)x.lo, plot[i].x_hi = (float)x.hi;
  plot[0].title = title;
  plot[plots - 1].x_label = over;
  picture_plots(a, path, plot, plots);
}

static int curves_column(const Curves *c, const char *name) {
  for (int i = 0; i < c->columns; i++)
    if (strcmp(c->name[i], name) == 0) return i;
  return -1;
}

// The values that a column of a table has, in pairs; a row that parts two starts stays.
static PlotSeries curves_series(Arena *a, const char *label, const float *table, int64_t rows, int stride, int at,
                                int column) {
  float *pair = NEW_ARRAY(a, float, 2 * rows + 2);
  int64_t n = 0;
  for (const float *row = table; row < table + rows * stride; row += stride) {
    if (isfinite(row[CURVES_EPOCH]) && !isfinite(row[column])) continue;
    pair[2 * n] = row[at];
    pair[2 * n++ + 1] = row[column];
  }
  return (PlotSeries){SERIES_LINE, label, n, pair, pair + 1, 2, 1};
}

static void curves_draw_show(Arena *a, const Curves *c, const PlanShow *show, const char *path) {
  int stride = curves_stride(c), at = show->epochs ? CURVES_EPOCH : CURVES_STEP;
  float *test, *train;
  int64_t tests = curves_table(a, c, "test", &test), trains = curves_table(a, c, "train", &train);
  PlotSeries *series = NEW_ARRAY(a, PlotSeries, show->items);
  int *measure = NEW_ARRAY(a, int, show->items);
  for (int i = 0; i < show->items; i++) {
    const char *name = show->item[i].label;
    int column = CURVES_FIRST + curves_column(c, name);
    bool there = column >= CURVES_FIRST, held_out = there && curves_any(test + column, tests, stride);
    const float *table = held_out ? test : train;
    measure[i] = i;
    series[i] = curves_series(a, name, table, held_out ? tests : there ? trains : 0, stride, at, column);
  }
  CurvesSet set = {series, measure, measure, show->items, false};
  curves_draw_parts(a, &set, show->name, show->epochs ? "epoch" : "step", path);
}

// ---- loss.png

// Every measure by step, on an axis of its own: the training data and the held-out data, each in the same colour in all
// plots.
static int64_t curves_draw_all(Arena *a, const Records *r, const Curves *c) {
  int stride = curves_stride(c), n = 0;
  PlotSeries *series = NEW_ARRAY(a, PlotSeries, 2 * c->columns);
  int *measure = NEW_ARRAY(a, int, 2 * c->columns), *color = NEW_ARRAY(a, int, 2 * c->columns);
  float *table[2];
  int64_t rows[2] = {curves_table(a, c, "train", &table[0]), curves_table(a, c, "test", &table[1])};
  for (int i = 0; i < c->columns && i < r->columns; i++) {
    for (int test = 0; test < 2 && !r->column[i].aside; test++) {
      const float *values = table[test] + CURVES_FIRST + i;
      const char *label = arena_format(a, "%s %s", test ? "test" : "train", c->name[i]);
      if (!curves_any(values, rows[test], stride)) continue;
      measure[n] = i;
      color[n] = !test;
      series[n++] = curves_series(a, label, table[test], rows[test], stride, CURVES_STEP, CURVES_FIRST + i);
    }
  }
  int64_t most = rows[0] > rows[1] ? rows[0] : rows[1];
  if (most > 1 && n)
    curves_draw_parts(a, &(CurvesSet){series, measure, color, n, true}, "training", "step",
                      arena_format(a, "%s/loss.png", r->folder));
  return most;
}

void curves_show(Arena *a, const char *folder, const PlanShow *show, const char *path) {
  Arena *scratch = arena_open(a);
  Curves c = curves_read(scratch, folder);
  curves_draw_show(scratch, &c, show, path);
  arena_close(scratch);
}

void curves_draw(const Records *r, const Plan *plan) {
  Arena *scratch = arena_open(r->arena);
  Curves c = curves_read(scratch, r->folder);
  bool enough = curves_draw_all(scratch, r, &c) > 1;
  for (int i = 0; i < plan->shows; i++)
    if (plan->show[i].kind == SHOW_CURVES && enough)
      curves_draw_show(scratch, &c, &plan->show[i],
                       arena_format(scratch, "%s/shows/%s.png", r->folder, plan->show[i].name));
  arena_close(scratch);
}
