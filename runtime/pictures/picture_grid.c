// Grids of images, with labels; see picture.h. Small images are enlarged by a whole factor so that their pixels can be
// seen.
#include <math.h>

#include "pictures/canvas.h"
#include "pictures/picture.h"

enum {
  GRID_WANTED = 840,  // width and height that the images are enlarged to, at most
  GRID_MOST = 2400,   // ... and made smaller to
  GRID_SCALE_MOST = 16,
  GRID_GAP = 2,
  GRID_APART = 14,  // gap before a column set apart
  GRID_MARGIN = 16,
  GRID_TEXT = 10,  // height of capitals
  GRID_LINE = 22,  // room for a line of text
  GRID_LABEL_MOST = 260,
  GRID_LABEL_APART = 6
};

static const Color grid_ink = {40, 40, 40};

static const Color grid_wrong = {220, 40, 40};  // no number

typedef struct {
  const GridPicture *grid;
  int scale, shrink;  // pixels for a value, values for a pixel; one of them is 1
  int *left;          // of each column, and behind the last one
  int *top;           // of each row, and behind the last one
  int labels;         // width of the row labels
} GridLayout;

static bool grid_has_text(const char *text) { return text && *text; }

static int grid_pixels(const GridLayout *l, int values) { return (values * l->scale + l->shrink - 1) / l->shrink; }

static int grid_gap(const GridPicture *g, int column) {
  return column == 0 ? 0 : g->apart && g->apart[column] ? GRID_APART : GRID_GAP;
}

// The largest width (or height) of the images in a column (or row).
static int grid_extent(const GridPicture *g, int index, bool column) {
  int most = 1, n = column ? g->rows : g->columns;
  for (int i = 0; i < n; i++) {
    const PictureImage *m = &g->image[column ? i * g->columns + index : index * g->columns + i];
    int size = column ? m->width : m->height;
    if (m->pixel && size > most) most = size;
  }
  return most;
}

static void grid_choose_scale(Arena *a, const char *path, GridLayout *l) {
  const GridPicture *g = l->grid;
  double width = 0, height = 0;
  for (int j = 0; j < g->columns; j++) width += grid_extent(g, j, true);
  for (int i = 0; i < g->rows; i++) height += grid_extent(g, i, false);
  double fit = floor(GRID_WANTED / fmax(1, fmax(width, height)));
  l->scale = fit < 1 ? 1 : fit > GRID_SCALE_MOST ? GRID_SCALE_MOST : (int)fit;
  l->shrink = (int)fmin(1e6, ceil(fmax(width, height) / GRID_MOST));
  if (l->shrink < 1) l->shrink = 1;
  if (g->rows < 1 || g->columns < 1 || g->rows > GRID_MOST / GRID_GAP || g->columns > GRID_MOST / GRID_GAP)
    fail(a, EXIT_CANTCREATE, "%s: %d x %d images make no picture", printable(a, path), g->rows, g->columns);
}

// A column's label is centred over the column and those after it that have none: up to this one.
static int grid_label_end(const GridPicture *g, int column) {
  int end = column + 1;
  while (g->column_label && end < g->columns && !grid_has_text(g->column_label[end])) end++;
  return end;
}

// Where the images before column `end` end.
static int grid_right(const GridLayout *l, int end) {
  return l->left[end] - (end < l->grid->columns ? grid_gap(l->grid, end) : 0);
}

// Moves columns to the right until the labels before them have room.
static void grid_make_room(GridLayout *l) {
  const GridPicture *g = l->grid;
  for (int j = 0, end; g->column_label && j < g->columns; j = end) {
    end = grid_label_end(g, j);
    if (!grid_has_text(g->column_label[j])) continue;
    double wanted = fmin(GRID_LABEL_MOST, canvas_text_width(g->column_label[j], GRID_TEXT));
    int more = (int)ceil(wanted) + GRID_LABEL_APART - (grid_right(l, end) - l->left[j]);
    for (int k = end; more > 0 && k <= g->columns; k++) l->left[k] += more;
  }
}

static void grid_lay_out(Arena *a, const char *path, GridLayout *l) {
  const GridPicture *g = l->grid;
  grid_choose_scale(a, path, l);
  bool column_labels = false;
  for (int j = 0; g->column_label && j < g->columns; j++) column_labels |= grid_has_text(g->column_label[j]);
  for (int i = 0; g->row_label && i < g->rows; i++)
    if (grid_has_text(g->row_label[i]))
      l->labels = (int)fmax(l->labels, fmin(GRID_LABEL_MOST, ceil(canvas_text_width(g->row_label[i], GRID_TEXT)) + 10));
  l->left = NEW_ARRAY(a, int, g->columns + 1);
  l->top = NEW_ARRAY(a, int, g->rows + 1);
  l->left[0] = GRID_MARGIN + l->labels;
  for (int j = 0; j < g->columns; j++)
    l->left[j + 1] =
        l->left[j] + grid_pixels(l, grid_extent(g, j, true)) + (j + 1 < g->columns ? grid_gap(g, j + 1) : 0);
  grid_make_room(l);
  l->top[0] = GRID_MARGIN + (grid_has_text(g->title) ? GRID_LINE + 4 : 0) + (column_labels ? GRID_LINE : 0);
  for (int i = 0; i < g->rows; i++)
    l->top[i + 1] = l->top[i] + grid_pixels(l, grid_extent(g, i, false)) + (i + 1 < g->rows ? GRID_GAP : 0);
}

static uint8_t grid_level(const PictureImage *m, float v) {
  double part = ((double)v - (double)m->lo) / ((double)m->hi - (double)m->lo);
  return (uint8_t)(part > 0 ? part < 1 ? 255 * part + 0.5 : 255 : 0);
}

// The mean of the values that make one pixel, in channel k.
static float grid_mean(const PictureImage *m, int shrink, int x, int y, int k) {
  double sum = 0;
  int n = 0;
  for (int i = y; i < y + shrink && i < m->height; i++)
    for (int j = x; j < x + shrink && j < m->width; j++, n++)
      sum += (double)m->pixel[((int64_t)i * m->width + j) * m->channels + k];
  return (float)(sum / n);
}

static Color grid_color(const PictureImage *m, int shrink, int x, int y) {
  uint8_t level[3];
  for (int k = 0; k < 3; k++) {
    float v = grid_mean(m, shrink, x, y, m->channels == 3 ? k : 0);
    if (isnan(v)) return grid_wrong;
    level[k] = grid_level(m, v);
  }
  return (Color){level[0], level[1], level[2]};
}

static void grid_draw_image(Canvas *c, const GridLayout *l, const PictureImage *m, int left, int top) {
  int width = grid_pixels(l, m->width), height = grid_pixels(l, m->height);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      c->pixel[(size_t)(top + y) * (size_t)c->width + (size_t)(left + x)] =
          x % l->scale && x ? c->pixel[(size_t)(top + y) * (size_t)c->width + (size_t)(left + x - 1)]
                            : grid_color(m, l->shrink, x / l->scale * l->shrink, y / l->scale * l->shrink);
}

static void grid_draw_images(Canvas *c, const GridLayout *l) {
  const GridPicture *g = l->grid;
  for (int i = 0; i < g->rows; i++)
    for (int j = 0; j < g->columns; j++) {
      const PictureImage *m = &g->image[i * g->columns + j];
      int spare_x = grid_pixels(l, grid_extent(g, j, true)) - grid_pixels(l, m->width);
      int spare_y = grid_pixels(l, grid_extent(g, i, false)) - grid_pixels(l, m->height);
      if (m->pixel) grid_draw_image(c, l, m, l->left[j] + spare_x / 2, l->top[i] + spare_y / 2);
    }
}

static void grid_draw_column_labels(Canvas *c, const GridLayout *l) {
  const GridPicture *g = l->grid;
  for (int j = 0, end; j < g->columns; j = end) {
    end = grid_label_end(g, j);
    const char *text = g->column_label ? g->column_label[j] : NULL;
    if (!grid_has_text(text)) continue;
    int right = grid_right(l, end);
    text = canvas_text_fit(c->arena, text, GRID_TEXT, right - l->left[j] + (GRID_APART - GRID_GAP));
    canvas_text(c, (l->left[j] + right) / 2.0, l->top[0] - 8, GRID_TEXT, ALIGN_CENTER, false, text);
  }
}

static void grid_draw_row_labels(Canvas *c, const GridLayout *l) {
  const GridPicture *g = l->grid;
  for (int i = 0; g->row_label && i < g->rows; i++) {
    if (!grid_has_text(g->row_label[i])) continue;
    const char *text = canvas_text_fit(c->arena, g->row_label[i], GRID_TEXT, l->labels);
    double middle = l->top[i] + grid_pixels(l, grid_extent(g, i, false)) / 2.0;
    canvas_text(c, l->left[0] - 10, middle + GRID_TEXT / 2.0, GRID_TEXT, ALIGN_RIGHT, false, text);
  }
}

void picture_grid(Arena *a, const char *path, const GridPicture *grid) {
  Arena *scratch = arena_open(a);
  GridLayout l = {.grid = grid};
  grid_lay_out(scratch, path, &l);
  double title = grid_has_text(grid->title) ? l.left[0] + canvas_text_width(grid->title, GRID_TEXT + 1) : 0;
  int width = (int)fmax(l.left[grid->columns], ceil(fmin(title, GRID_WANTED))) + GRID_MARGIN;
  Canvas *c = canvas_new(scratch, width, l.top[grid->rows] + GRID_MARGIN);
  grid_draw_images(c, &l);
  if (grid_has_text(grid->title)) {
    const char *text = canvas_text_fit(scratch, grid->title, GRID_TEXT + 1, c->width - l.left[0] - GRID_MARGIN);
    canvas_text(c, l.left[0], GRID_MARGIN + GRID_TEXT + 1, GRID_TEXT + 1, ALIGN_LEFT, false, text);
  }
  grid_draw_column_labels(c, &l);
  grid_draw_row_labels(c, &l);
  canvas_paint(c, grid_ink, 1);
  canvas_save(c, path);
  arena_close(scratch);
}
