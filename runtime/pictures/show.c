// From a show's outputs to its picture; see show.h. Runs after every epoch and for `gmc show`.
//
// Invariant: nothing of the training changes. What a picture shows depends on the weights, the seed and the epoch only.
#include "pictures/show.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "pictures/picture.h"

enum { SHOW_LIMIT = 1 << 28 };

// Where the values of an example begin, and how many there are; those of the whole batch where examples share them.
static const float *show_values(const float *all, const PlanOutput *output, int64_t example) {
  return all + (output->per_example ? example * output->count : 0);
}

// How the values of one picture are laid out: the sizes that are left of an output's once the first `skip` are gone.
static PictureImage show_layout(const PlanOutput *output, int skip) {
  int rank = output->rank - skip;
  const int64_t *dim = output->dim + skip;
  PictureImage image = {.height = 1, .width = 1, .channels = 1};
  if (rank > 2 && (dim[rank - 1] == 3 || dim[rank - 1] == 1)) image.channels = (int)dim[--rank];
  if (rank > 0) image.width = (int)dim[--rank];
  while (rank > 0) image.height *= (int)dim[--rank];
  return image;
}

static PictureImage show_image(const PlanOutput *output, int skip, const float *pixel, float lo, float hi) {
  PictureImage image = show_layout(output, skip);
  image.pixel = pixel;
  image.lo = lo;
  image.hi = hi;
  return image;
}

// "digits: x, mean p(x | z)"
static const char *show_title(Arena *a, const PlanShow *show) {
  Text t = text_new(a);
  text_add(&t, "%s", show->name);
  for (int i = 0; i < show->items; i++) text_add(&t, "%s%s", i ? ", " : ": ", show->item[i].label);
  return t.data;
}

// A grid has show->rows rows; every item fills a block of columns of its own.
typedef struct {
  const PlanShow *show;
  GridPicture picture;
  PictureImage *image;
} Grid;

static int show_block(const PlanShow *show, const PlanItem *item) {
  return show->across ? item->columns : show->columns;
}

// The pictures of one item, from column `first` on. Across, a row is one example, which may hold several pictures.
static void show_item(const Run *run, Grid *g, const PlanItem *item, int first) {
  const PlanProgram *p = &run->plan->program[g->show->program];
  const PlanOutput *output = &p->output[item->output];
  const float *all = run->memory + output->at;
  int columns = show_block(g->show, item), skip = g->show->across && item->columns > 1;
  int64_t size = skip ? output->count / item->columns : output->count;
  for (int row = 0; row < g->show->rows; row++)
    for (int c = 0; c < columns; c++) {
      const float *value = g->show->across ? show_values(all, output, row) + c * size
                                           : show_values(all, output, (int64_t)row * columns + c);
      g->image[row * g->picture.columns + first + c] = show_image(output, skip, value, item->lo, item->hi);
    }
}

// "y = 7", or "y = cats" where the data's files have words for labels.
static const char *show_label(const Run *run, Arena *a, const PlanAxis *axis, int place) {
  const char *text = axis->text[place];
  const Reading *r = axis->words && run->reading ? &run->reading[axis->words - 1] : NULL;
  int label = r && r->words ? atoi(text) : -1;
  if (label >= 0 && label < r->words) text = r->word[label];
  return axis->name ? arena_format(a, "%s = %s", axis->name, text) : text;
}

static const char *const *show_row_labels(const Run *run, Arena *a, const PlanShow *show) {
  if (!show->down.text) return NULL;
  const char **label = NEW_ARRAY(a, const char *, show->rows);
  for (int i = 0; i < show->rows; i++) label[i] = show_label(run, a, &show->down, i);
  return label;
}

// What columns stand for; and above an item that stands for itself its text, where there are several.
static const char *const *show_column_labels(const Run *run, Arena *a, const PlanShow *show, int columns) {
  const char **label = NEW_ARRAY(a, const char *, columns);
  for (int i = 0, first = 0; i < show->items; first += show_block(show, &show->item[i++])) {
    bool many = show->across && show->item[i].columns > 1 && show->along.text;
    for (int c = 0; many && c < show->columns; c++) label[first + c] = show_label(run, a, &show->along, c);
    if (!many && show->items > 1) label[first] = show->item[i].label;
  }
  return label;
}

static void show_draw_grid(const Run *run, Arena *scratch, const PlanShow *show, const char *path) {
  int columns = 0;
  for (int i = 0; i < show->items; i++) columns += show_block(show, &show->item[i]);
  Grid g = {show, {.title = show_title(scratch, show), .rows = show->rows, .columns = columns}, NULL};
  bool *apart = NEW_ARRAY(scratch, bool, columns);
  g.image = NEW_ARRAY(scratch, PictureImage, (int64_t)show->rows * columns);
  g.picture.image = g.image;
  g.picture.apart = apart;
  g.picture.row_label = show_row_labels(run, scratch, show);
  g.picture.column_label = show_column_labels(run, scratch, show, columns);
  for (int i = 0, first = 0; i < show->items; i++) {
    show_item(run, &g, &show->item[i], first);
    apart[first] = i > 0;
    first += show_block(show, &show->item[i]);
  }
  picture_grid(scratch, path, &g.picture);
}

static PlotSeries show_series(const Run *run, const PlanShow *show, const PlanItem *item) {
  const PlanProgram *p = &run->plan->program[show->program];
  const PlanOutput *output = &p->output[item->output];
  const float *value = run->memory + output->at;
  int64_t all = (output->per_example ? p->batch : 1) * output->count;
  switch (item->kind) {
    case ITEM_POINTS: return (PlotSeries){SERIES_POINTS, item->label, all / 2, value, value + 1, 2, 1};
    case ITEM_CURVE: return (PlotSeries){SERIES_LINE, item->label, all, NULL, value, 0, all / item->columns};
    default: return (PlotSeries){SERIES_DENSITY, item->label, all, value, NULL, 0, 1};
  }
}

static void show_draw_plot(const Run *run, Arena *scratch, const PlanShow *show, const char *path) {
  PlotSeries *series = NEW_ARRAY(scratch, PlotSeries, show->items);
  Plot plot = {.title = show->name, .series = series, .count = show->items, .equal = show->items > 0};
  for (int i = 0; i < show->items; i++) {
    series[i] = show_series(run, show, &show->item[i]);
    plot.equal = plot.equal && show->item[i].kind == ITEM_POINTS;
    if (show->item[i].kind == ITEM_DENSITY) plot.y_label = "density";
    if (show->item[i].kind == ITEM_CURVE) {
      plot.x_lo = show->t_lo;
      plot.x_hi = show->t_hi;
      plot.x_label = "t";
    }
  }
  picture_plot(scratch, path, &plot);
}

// ---- texts

// An example's labels by their words, letters one behind another, and numbers. A line of a text ends where it says so.
static void show_add_value(Text *t, const Run *run, const PlanItem *item, const float *value, int64_t count) {
  bool known = item->words && item->words <= run->plan->columns && run->reading;
  const Reading *r = known && run->reading[item->words - 1].words ? &run->reading[item->words - 1] : NULL;
  bool letters = r && run->plan->data.format == DATA_TEXT;
  for (int64_t i = 0; i < count; i++) {
    const char *word = r && value[i] >= 0 && value[i] < (float)r->words ? r->word[(int)value[i]] : NULL;
    if (letters && run->plan->data.lines && word && strcmp(word, "\n") == 0) break;
    if (i && !letters) text_add(t, " ");
    if (word)
      text_add(t, "%s", word);
    else
      text_add(t, "%.6g", (double)value[i]);
  }
}

// An example a line; behind one that has lines of its own an empty one.
static const char *show_text(const Run *run, Arena *a, const PlanShow *show) {
  const PlanProgram *p = &run->plan->program[show->program];
  const char *const *label = show_row_labels(run, a, show);
  Text t = text_new(a);
  for (int row = 0; row < show->rows; row++) {
    size_t begin = t.length;
    if (label) text_add(&t, "%s: ", label[row]);
    for (int i = 0; i < show->items; i++) {
      const PlanOutput *output = &p->output[show->item[i].output];
      if (i) text_add(&t, " | ");
      show_add_value(&t, run, &show->item[i], show_values(run->memory + output->at, output, row), output->count);
    }
    text_add(&t, strchr(t.data + begin, '\n') ? "\n\n" : "\n");
  }
  return t.data;
}

const char *show_ending(const PlanShow *show) { return show->kind == SHOW_TEXT ? "txt" : "png"; }

const char *show_draw(Run *run, Arena *a, int show, const char *path, Moment moment) {
  const PlanShow *s = &run->plan->show[show];
  const PlanProgram *p = &run->plan->program[s->program];
  const Data *data = run->test.examples > 0 ? &run->test : &run->train;
  const char *text = NULL;
  Arena *scratch = arena_open(run->arena);
  run->example = NEW_ARRAY(scratch, int32_t, p->batch);
  for (int64_t i = 0; i < p->batch; i++) run->example[i] = (int32_t)(data->examples > 0 ? i % data->examples : i);
  run->purpose = PURPOSE_SHOW;
  run->step = (uint32_t)(moment.epoch + 1);
  run->turn = run->first_position = 0;
  feed_program(run, data, s->program, p->batch, moment);
  run->execute(run, s->program);
  if (s->kind == SHOW_GRID)
    show_draw_grid(run, scratch, s, path);
  else if (s->kind == SHOW_PLOT)
    show_draw_plot(run, scratch, s, path);
  else
    text = show_text(run, a, s), file_replace(scratch, path, text, strlen(text));
  run->example = NULL;
  arena_close(scratch);
  return text;
}

const char *show_epoch(Run *run, Arena *a, int show, const char *folder, Moment moment, bool numbered) {
  Arena *scratch = arena_open(run->arena);
  const PlanShow *s = &run->plan->show[show];
  const char *latest = arena_format(scratch, "%s/shows/%s.%s", folder, s->name, show_ending(s));
  const char *text = show_draw(run, a, show, latest, moment);
  if (numbered) {
    Bytes made = file_read(scratch, latest, SHOW_LIMIT, "");
    const char *path =
        arena_format(scratch, "%s/shows/%s_%04lld.%s", folder, s->name, (long long)moment.epoch + 1, show_ending(s));
    file_replace(scratch, path, made.data, made.size);
  }
  arena_close(scratch);
  return text;
}

void show_grid(Arena *a, const char *path, const PlanOutput *output, const float *value, int64_t n, float lo,
               float hi) {
  int columns = 1;
  while ((int64_t)columns * columns < n) columns++;
  int rows = (int)((n + columns - 1) / columns);
  PictureImage *image = NEW_ARRAY(a, PictureImage, (int64_t)rows * columns);
  for (int64_t i = 0; i < n; i++) image[i] = show_image(output, 0, value + i * output->count, lo, hi);
  GridPicture grid = {.rows = rows, .columns = columns, .image = image};
  picture_grid(a, path, &grid);
}
