// Plots of points, lines and densities, with axes and a legend; see picture.h.
//
// First the ranges of both axes from the series, then the frame from the widths of its labels, then the drawing.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pictures/canvas.h"
#include "pictures/picture.h"

enum {
  PLOT_WIDTH = 900,
  PLOT_HEIGHT = 600,
  PLOT_PANEL = 300,   // of several
  PLOT_SQUARE = 680,  // both, where a unit is as long on both axes
  PLOT_LEAST = 120,   // of width and height
  PLOT_MOST = 4000,
  PLOT_MARGIN = 18,
  PLOT_TITLE = 12,  // heights of capitals
  PLOT_TEXT = 10,
  PLOT_TICK = 9,
  PLOT_SAMPLES = 20000,  // values looked at for percentiles
  PLOT_TICKS_MOST = 24,
  DENSITY_BINS = 512
};

typedef struct {
  double lo, hi, step;
} PlotAxis;

typedef struct {
  Arena *arena;
  const Plot *plot;
  Canvas *canvas;
  PlotAxis x, y;
  double **density;   // of each series: DENSITY_BINS values from x.lo to x.hi, or NULL
  int64_t *left_out;  // of each series: values that are no number
  int64_t *outside;   // of each cloud: points beyond the axes
  CanvasBox area;     // of the canvas
  CanvasBox frame;
  double legend_top;
  int left;           // where the frame begins at the least
} PlotFrame;

static const Color plot_ink = {40, 40, 40};

static const Color plot_faint = {228, 228, 228};

// Told apart by the colour-blind as well (after Okabe and Ito).
static const Color plot_palette[] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
                                     {230, 159, 0}, {86, 180, 233}, {90, 90, 90}};

static Color plot_color(const Plot *p, int k) {
  int series = p->color ? p->color[k] : k;
  return plot_palette[(size_t)series % (sizeof plot_palette / sizeof *plot_palette)];
}

static bool plot_has_text(const char *text) { return text && *text; }

// Values of one line.
static int64_t plot_length(const PlotSeries *s) {
  return s->curves > 1 && s->count >= s->curves ? s->count / s->curves : s->count;
}

static double plot_x_value(const Plot *p, const PlotSeries *s, int64_t i) {
  int64_t n = plot_length(s);
  if (s->x) return (double)s->x[i * (s->stride ? s->stride : 1)];
  if (s->curves > 1) i %= n;
  if (p->x_lo >= p->x_hi) return (double)i;
  return (double)p->x_lo + ((double)p->x_hi - (double)p->x_lo) * (n > 1 ? (double)i / (double)(n - 1) : 0);
}

static double plot_y_value(const PlotSeries *s, int64_t i) {
  return s->kind == SERIES_DENSITY ? 0 : (double)s->y[i * (s->stride ? s->stride : 1)];
}

static bool plot_is_there(const Plot *p, const PlotSeries *s, int64_t i) {
  return isfinite(plot_x_value(p, s, i)) && isfinite(plot_y_value(s, i));
}

// A line's point at no place parts what is before it from what comes after.
static bool plot_is_gap(const Plot *p, const PlotSeries *s, int64_t i) {
  return s->kind == SERIES_LINE && !isfinite(plot_x_value(p, s, i));
}

static int plot_compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void plot_widen(PlotAxis *axis, double lo, double hi) {
  if (lo < axis->lo) axis->lo = lo;
  if (hi > axis->hi) axis->hi = hi;
}

// Values of at most PLOT_SAMPLES points of a series along one axis, sorted; returns how many.
static size_t plot_sample(PlotFrame *f, const PlotSeries *s, bool along_x, double *into) {
  int64_t every = 1 + s->count / PLOT_SAMPLES;
  size_t n = 0;
  for (int64_t i = 0; i < s->count; i += every)
    if (plot_is_there(f->plot, s, i)) into[n++] = along_x ? plot_x_value(f->plot, s, i) : plot_y_value(s, i);
  if (n > 1) qsort(into, n, sizeof *into, plot_compare);
  return n;
}

// Widens an axis to hold a series: a line all of it, points and densities without what lies far outside.
static void plot_widen_to(PlotFrame *f, const PlotSeries *s, bool along_x, PlotAxis *axis, double *room) {
  double lo = INFINITY, hi = -INFINITY;
  for (int64_t i = 0; i < s->count; i++) {
    if (!plot_is_there(f->plot, s, i)) continue;
    double v = along_x ? plot_x_value(f->plot, s, i) : plot_y_value(s, i);
    lo = fmin(lo, v);
    hi = fmax(hi, v);
  }
  if (s->kind != SERIES_LINE && lo < hi) {
    size_t n = plot_sample(f, s, along_x, room);
    double first = n ? room[n / 100] : lo, last = n ? room[n - 1 - n / 100] : hi, spare = 0.3 * (last - first);
    if (spare > 0) {
      lo = fmax(lo, first - spare);
      hi = fmin(hi, last + spare);
    }
  }
  plot_widen(axis, lo, hi);
}

// 1, 2 or 5 times a power of ten, so that there are about `ticks` of them.
static double plot_nice_step(double range, int ticks) {
  double raw = range / ticks, power = pow(10, floor(log10(raw))), part = raw / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

// Makes a range that can be drawn of whatever was found, or takes the one given.
static void plot_settle(PlotAxis *axis, float lo, float hi, double spare, int ticks) {
  if (lo < hi && isfinite(lo) && isfinite(hi)) {
    axis->lo = (double)lo;
    axis->hi = (double)hi;
    spare = 0;
  }
  if (!(axis->lo <= axis->hi)) *axis = (PlotAxis){.lo = 0, .hi = 1};
  double middle = (axis->lo + axis->hi) / 2, least = fmax(fabs(middle) * 1e-6, 1e-30);
  if (axis->hi - axis->lo < least) {
    double half = middle != 0 ? fabs(middle) * 0.05 : 0.5;
    axis->lo = middle - half;
    axis->hi = middle + half;
  }
  double more = spare * (axis->hi - axis->lo);
  axis->lo -= more;
  axis->hi += more;
  axis->step = plot_nice_step(axis->hi - axis->lo, ticks);
}

// --- densities ---

// Silverman's rule of thumb (1986, eq. 3.31).
static double plot_bandwidth(const double *sorted, size_t n) {
  double mean = 0, square = 0;
  for (size_t i = 0; i < n; i++) mean += sorted[i] / (double)n;
  for (size_t i = 0; i < n; i++) square += (sorted[i] - mean) * (sorted[i] - mean) / (double)n;
  double quartiles = (sorted[3 * n / 4] - sorted[n / 4]) / 1.34, spread = sqrt(square);
  if (quartiles > 0 && quartiles < spread) spread = quartiles;
  return 0.9 * spread * pow((double)n, -0.2);
}

// A Gaussian kernel over the values counted in bins. Values outside of the axis count in the total.
static double *plot_estimate(PlotFrame *f, const PlotSeries *s, double *room) {
  double *bin = NEW_ARRAY(f->arena, double, DENSITY_BINS), *density = NEW_ARRAY(f->arena, double, DENSITY_BINS);
  size_t n = plot_sample(f, s, true, room);
  if (n == 0) return density;
  double width = (f->x.hi - f->x.lo) / DENSITY_BINS, band = fmax(plot_bandwidth(room, n) / width, 0.7);
  for (size_t i = 0; i < n; i++) {
    double at = floor((room[i] - f->x.lo) / width);
    if (at >= 0 && at < DENSITY_BINS) bin[(int)at] += 1 / ((double)n * width);
  }
  for (int i = 0; i < DENSITY_BINS; i++)
    for (int j = 0; j < DENSITY_BINS; j++) {
      double d = (i - j) / band;
      if (bin[j] > 0 && fabs(d) < 6) density[i] += bin[j] * exp(-d * d / 2) / (band * 2.5066282746310002);
    }
  return density;
}

// --- ranges ---

static void plot_find_ranges(PlotFrame *f) {
  const Plot *p = f->plot;
  double *room = NEW_ARRAY(f->arena, double, PLOT_SAMPLES + 1);
  f->x = f->y = (PlotAxis){.lo = INFINITY, .hi = -INFINITY};
  bool line = false, ground = false, whole = true;
  for (int k = 0; k < p->count; k++) {
    const PlotSeries *s = &p->series[k];
    for (int64_t i = 0; i < s->count; i++) {
      if (plot_is_gap(p, s, i)) continue;
      f->left_out[k] += !plot_is_there(p, s, i);
      whole &= plot_x_value(p, s, i) == floor(plot_x_value(p, s, i));
    }
    plot_widen_to(f, s, true, &f->x, room);
    if (s->kind != SERIES_DENSITY) plot_widen_to(f, s, false, &f->y, room);
    line |= s->kind == SERIES_LINE;
  }
  plot_settle(&f->x, p->x_lo, p->x_hi, line ? 0 : 0.04, 7);
  if (whole && f->x.step < 1) f->x.step = 1;  // epochs, steps
  for (int k = 0; k < p->count; k++) {
    if (p->series[k].kind != SERIES_DENSITY) continue;
    f->density[k] = plot_estimate(f, &p->series[k], room);
    for (int i = 0; i < DENSITY_BINS; i++) plot_widen(&f->y, 0, f->density[k][i]);
    ground = true;
  }
  bool on_ground = ground && f->y.lo == 0;  // densities stand on the axis
  plot_settle(&f->y, p->y_lo, p->y_hi, 0.05, 6);
  if (on_ground && p->y_lo >= p->y_hi) f->y.lo = 0;
}

// --- frame ---

static double plot_at_x(const PlotFrame *f, double v) {
  return f->frame.left + (v - f->x.lo) / (f->x.hi - f->x.lo) * (f->frame.right - f->frame.left);
}

static double plot_at_y(const PlotFrame *f, double v) {
  return f->frame.bottom - (v - f->y.lo) / (f->y.hi - f->y.lo) * (f->frame.bottom - f->frame.top);
}

// The i-th tick of an axis; false past the last one.
static bool plot_tick(const PlotAxis *axis, int i, double *value) {
  *value = (ceil(axis->lo / axis->step - 1e-9) + i) * axis->step;
  return i < PLOT_TICKS_MOST && *value <= axis->hi + 1e-9 * axis->step;
}

static const char *plot_tick_text(Arena *a, const PlotAxis *axis, double value) {
  double largest = fmax(fabs(axis->lo), fabs(axis->hi));
  int decimals = (int)fmax(0, ceil(-log10(axis->step) - 1e-9));
  if (fabs(value) < axis->step / 2) return "0";
  if (largest < 1e6 && decimals <= 5) return arena_format(a, "%.*f", decimals, value);
  return arena_format(a, "%.*g", (int)fmin(15, ceil(log10(largest / axis->step)) + 1), value);
}

static const char *plot_legend_text(const PlotFrame *f, int k) {
  const char *label = f->plot->series[k].label ? f->plot->series[k].label : "";
  if (f->left_out[k]) label = arena_format(f->arena, "%s (%lld not finite)", label, (long long)f->left_out[k]);
  if (f->outside[k]) label = arena_format(f->arena, "%s (%lld outside)", label, (long long)f->outside[k]);
  return label;
}

static void plot_count_outside(PlotFrame *f) {
  for (int k = 0; k < f->plot->count; k++) {
    const PlotSeries *s = &f->plot->series[k];
    for (int64_t i = 0; s->kind == SERIES_POINTS && i < s->count; i++) {
      double x = plot_x_value(f->plot, s, i), y = plot_y_value(s, i);
      f->outside[k] += plot_is_there(f->plot, s, i) && (x < f->x.lo || x > f->x.hi || y < f->y.lo || y > f->y.hi);
    }
  }
}

// Lays the legend out above the frame, drawing it or not; returns the height it takes.
static double plot_legend(PlotFrame *f, bool draw) {
  double left = f->frame.left, right = f->frame.right, x = left, y = f->legend_top;
  bool any = false;
  for (int k = 0; k < f->plot->count; k++) {
    const char *text = canvas_text_fit(f->arena, plot_legend_text(f, k), PLOT_TEXT, right - left - 30);
    if (!*text) continue;
    double width = 26 + canvas_text_width(text, PLOT_TEXT);
    if (x > left && x + width > right) {
      x = left;
      y += 20;
    }
    any = true;
    if (draw) {
      bool points = f->plot->series[k].kind == SERIES_POINTS;
      if (points)
        canvas_disc(f->canvas, x + 9, y + PLOT_TEXT / 2.0, 4);
      else
        canvas_line(f->canvas, x + 1, y + PLOT_TEXT / 2.0, x + 17, y + PLOT_TEXT / 2.0, 3);
      canvas_paint(f->canvas, plot_color(f->plot, k), 1);
      canvas_text(f->canvas, x + 25, y + PLOT_TEXT, PLOT_TEXT, ALIGN_LEFT, false, text);
      canvas_paint(f->canvas, plot_ink, 1);
    }
    x += width + 22;
  }
  return any ? y + 24 - f->legend_top : 0;
}

// Widens one axis until a unit is as long on both.
static void plot_equalise(PlotFrame *f) {
  double width = f->frame.right - f->frame.left, height = f->frame.bottom - f->frame.top;
  double x_unit = (f->x.hi - f->x.lo) / width, y_unit = (f->y.hi - f->y.lo) / height, unit = fmax(x_unit, y_unit);
  double x_more = (unit * width - (f->x.hi - f->x.lo)) / 2, y_more = (unit * height - (f->y.hi - f->y.lo)) / 2;
  f->x = (PlotAxis){f->x.lo - x_more, f->x.hi + x_more, plot_nice_step(unit * width, 7)};
  f->y = (PlotAxis){f->y.lo - y_more, f->y.hi + y_more, plot_nice_step(unit * height, 6)};
}

static void plot_lay_out(PlotFrame *f) {
  const Plot *p = f->plot;
  double widest = 0, value = 0;
  for (int i = 0; plot_tick(&f->y, i, &value); i++)
    widest = fmax(widest, canvas_text_width(plot_tick_text(f->arena, &f->y, value), PLOT_TICK));
  f->frame.left = (int)(PLOT_MARGIN + (plot_has_text(p->y_label) ? 22 : 0) + widest + 10);
  if (f->frame.left < f->left) f->frame.left = f->left;
  f->frame.right = f->area.right - PLOT_MARGIN - 8;
  f->legend_top = f->area.top + PLOT_MARGIN + (plot_has_text(p->title) ? 26 : 0);
  f->frame.top = (int)(f->legend_top + plot_legend(f, false) + 4);
  f->frame.bottom = f->area.bottom - PLOT_MARGIN - 20 - (plot_has_text(p->x_label) ? 20 : 0);
  if (f->frame.bottom - f->frame.top < PLOT_LEAST / 4) f->frame.top = f->frame.bottom - PLOT_LEAST / 4;
  if (f->frame.right - f->frame.left < PLOT_LEAST / 4) f->frame.left = f->frame.right - PLOT_LEAST / 4;
  if (p->equal) plot_equalise(f);
}

static void plot_draw_axes(PlotFrame *f) {
  Canvas *c = f->canvas;
  const CanvasBox *b = &f->frame;
  double v = 0;
  for (int i = 0; plot_tick(&f->x, i, &v); i++) {
    double at = floor(plot_at_x(f, v));
    canvas_rectangle(c, at, b->top, at + 1, b->bottom);
  }
  for (int i = 0; plot_tick(&f->y, i, &v); i++) {
    double at = floor(plot_at_y(f, v));
    canvas_rectangle(c, b->left, at, b->right, at + 1);
  }
  canvas_paint(c, plot_faint, 1);
}

static void plot_draw_labels(PlotFrame *f) {
  Canvas *c = f->canvas;
  const Plot *p = f->plot;
  const CanvasBox *b = &f->frame;
  double v = 0, center = (b->left + b->right) / 2.0, middle = (b->top + b->bottom) / 2.0;
  canvas_rectangle(c, b->left - 1, b->top, b->left, b->bottom);
  canvas_rectangle(c, b->left - 1, b->bottom, b->right, b->bottom + 1);
  for (int i = 0; plot_tick(&f->x, i, &v); i++) {
    double at = floor(plot_at_x(f, v));
    canvas_rectangle(c, at, b->bottom, at + 1, b->bottom + 5);
    canvas_text(c, at + 0.5, b->bottom + 19, PLOT_TICK, ALIGN_CENTER, false, plot_tick_text(f->arena, &f->x, v));
  }
  for (int i = 0; plot_tick(&f->y, i, &v); i++) {
    double at = floor(plot_at_y(f, v));
    canvas_rectangle(c, b->left - 5, at, b->left, at + 1);
    canvas_text(c, b->left - 9, at + 5, PLOT_TICK, ALIGN_RIGHT, false, plot_tick_text(f->arena, &f->y, v));
  }
  if (plot_has_text(p->x_label))
    canvas_text(c, center, f->area.bottom - PLOT_MARGIN + 2, PLOT_TEXT, ALIGN_CENTER, false,
                canvas_text_fit(f->arena, p->x_label, PLOT_TEXT, b->right - b->left));
  if (plot_has_text(p->y_label))
    canvas_text(c, PLOT_MARGIN + 6, middle, PLOT_TEXT, ALIGN_CENTER, true,
                canvas_text_fit(f->arena, p->y_label, PLOT_TEXT, b->bottom - b->top));
  if (plot_has_text(p->title))
    canvas_text(c, b->left, f->area.top + PLOT_MARGIN + PLOT_TITLE, PLOT_TITLE, ALIGN_LEFT, false,
                canvas_text_fit(f->arena, p->title, PLOT_TITLE, b->right - b->left));
  canvas_paint(c, plot_ink, 1);
}

// --- series ---

// Each point is painted by itself, fainter the more there are, so that crowds show darker.
static void plot_draw_points(PlotFrame *f, int k) {
  const PlotSeries *s = &f->plot->series[k];
  double opacity = fmin(0.85, fmax(0.08, 20 / sqrt((double)s->count + 1))), radius = s->count > 5000 ? 1.6 : 2.4;
  for (int64_t i = 0; i < s->count; i++) {
    if (!plot_is_there(f->plot, s, i)) continue;
    canvas_disc(f->canvas, plot_at_x(f, plot_x_value(f->plot, s, i)), plot_at_y(f, plot_y_value(s, i)), radius);
    canvas_paint(f->canvas, plot_color(f->plot, k), opacity);
  }
}

static void plot_draw_plain_line(PlotFrame *f, int k) {
  const PlotSeries *s = &f->plot->series[k];
  bool many = s->curves > 1;
  for (int64_t i = 0, last = -1; i < s->count; i++) {
    if (!plot_is_there(f->plot, s, i)) continue;
    double x = plot_at_x(f, plot_x_value(f->plot, s, i)), y = plot_at_y(f, plot_y_value(s, i));
    if (last >= 0 && last == i - 1 && i % plot_length(s))
      canvas_line(f->canvas, plot_at_x(f, plot_x_value(f->plot, s, last)), plot_at_y(f, plot_y_value(s, last)), x, y,
                  many ? 1.2 : 2);
    else
      canvas_disc(f->canvas, x, y, many ? 0.6 : 1.5);
    last = i;
    if (!many || (i + 1) % plot_length(s)) continue;
    canvas_paint(f->canvas, plot_color(f->plot, k), 0.6);  // each by itself, so that those below are seen
  }
  canvas_paint(f->canvas, plot_color(f->plot, k), 1);
}

// What falls on one pixel column of the frame.
typedef struct {
  double lo, hi, sum;
  int64_t count;
} PlotPile;

// The band from the lowest to the highest value of each pixel column, and their mean over it.
static void plot_draw_piles(PlotFrame *f, int k) {
  const PlotSeries *s = &f->plot->series[k];
  int width = f->frame.right - f->frame.left, last = -1;
  PlotPile *pile = NEW_ARRAY(f->arena, PlotPile, width);
  for (int64_t i = 0; i < s->count; i++) {
    double at = plot_is_there(f->plot, s, i) ? floor(plot_at_x(f, plot_x_value(f->plot, s, i))) - f->frame.left : -1;
    if (at < 0 || at > width) continue;
    double y = plot_at_y(f, plot_y_value(s, i));
    PlotPile *p = &pile[at < width ? (int)at : width - 1];
    p->lo = p->count ? fmin(p->lo, y) : y;
    p->hi = p->count ? fmax(p->hi, y) : y;
    p->sum += y;
    p->count++;
  }
  for (int x = 0; x < width; x++)
    if (pile[x].count) canvas_rectangle(f->canvas, f->frame.left + x, pile[x].lo, f->frame.left + x + 1, pile[x].hi);
  canvas_paint(f->canvas, plot_color(f->plot, k), 0.22);
  for (int x = 0; x < width; x++) {
    if (!pile[x].count) continue;
    if (last >= 0)
      canvas_line(f->canvas, f->frame.left + last + 0.5, pile[last].sum / (double)pile[last].count,
                  f->frame.left + x + 0.5, pile[x].sum / (double)pile[x].count, 2);
    last = x;
  }
  canvas_paint(f->canvas, plot_color(f->plot, k), 1);
}

static double plot_bin_x(const PlotFrame *f, double i) {
  return f->frame.left + (i + 0.5) / DENSITY_BINS * (f->frame.right - f->frame.left);
}

static void plot_draw_density(PlotFrame *f, int k) {
  const double *d = f->density[k];
  double ground = plot_at_y(f, 0);
  for (int x = f->frame.left; x < f->frame.right; x++) {
    double at = fmax(0, (x + 0.5 - f->frame.left) / (f->frame.right - f->frame.left) * DENSITY_BINS - 0.5);
    int i = at < DENSITY_BINS - 1 ? (int)at : DENSITY_BINS - 2;
    canvas_rectangle(f->canvas, x, plot_at_y(f, d[i] + (at - i) * (d[i + 1] - d[i])), x + 1, ground);
  }
  canvas_paint(f->canvas, plot_color(f->plot, k), 0.25);
  for (int i = 1; i < DENSITY_BINS; i++)
    canvas_line(f->canvas, plot_bin_x(f, i - 1), plot_at_y(f, d[i - 1]), plot_bin_x(f, i), plot_at_y(f, d[i]), 2);
  canvas_paint(f->canvas, plot_color(f->plot, k), 1);
}

static void plot_draw_series(PlotFrame *f) {
  Canvas *c = f->canvas;
  c->clip = f->frame;
  for (int k = 0; k < f->plot->count; k++) {
    const PlotSeries *s = &f->plot->series[k];
    if (s->kind == SERIES_POINTS)
      plot_draw_points(f, k);
    else if (s->kind == SERIES_DENSITY)
      plot_draw_density(f, k);
    else if (plot_length(s) > 2 * (f->frame.right - f->frame.left))
      plot_draw_piles(f, k);
    else
      plot_draw_plain_line(f, k);
  }
  c->clip = (CanvasBox){0, 0, c->width, c->height};
}

static int plot_size(int wanted, int usual) {
  return wanted <= 0 ? usual : wanted < PLOT_LEAST ? PLOT_LEAST : wanted > PLOT_MOST ? PLOT_MOST : wanted;
}

static void plot_prepare(PlotFrame *f) {
  f->density = NEW_ARRAY(f->arena, double *, f->plot->count);
  f->left_out = NEW_ARRAY(f->arena, int64_t, f->plot->count);
  f->outside = NEW_ARRAY(f->arena, int64_t, f->plot->count);
  plot_find_ranges(f);
  plot_lay_out(f);
  plot_count_outside(f);
  plot_lay_out(f);  // the legend may have grown
}

static void plot_draw(PlotFrame *f, int left) {
  f->left = left;
  if (left > f->frame.left) plot_lay_out(f);
  plot_draw_axes(f);
  plot_draw_series(f);
  plot_draw_labels(f);
  plot_legend(f, true);
}

void picture_plots(Arena *a, const char *path, const Plot *plot, int count) {
  Arena *scratch = arena_open(a);
  int usual = plot->equal ? PLOT_SQUARE : count > 1 ? PLOT_PANEL : PLOT_HEIGHT;
  int width = plot_size(plot->width, plot->equal ? PLOT_SQUARE : PLOT_WIDTH), height = plot_size(plot->height, usual);
  PlotFrame *frame = NEW_ARRAY(scratch, PlotFrame, count);
  Canvas *canvas = canvas_new(scratch, width, count * height);
  int left = 0;
  for (int i = 0; i < count; i++) {
    CanvasBox area = {0, i * height, width, (i + 1) * height};
    frame[i] = (PlotFrame){.arena = scratch, .plot = &plot[i], .canvas = canvas, .area = area};
    plot_prepare(&frame[i]);
    left = frame[i].frame.left > left ? frame[i].frame.left : left;
  }
  for (int i = 0; i < count; i++) plot_draw(&frame[i], left);
  canvas_save(canvas, path);
  arena_close(scratch);
}

void picture_plot(Arena *a, const char *path, const Plot *plot) { picture_plots(a, path, plot, 1); }
