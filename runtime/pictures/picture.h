// Pictures of a run: grids of images, and plots of points, lines and densities. From plain arrays to PNG.
//
// Any values will do: pixels that are no number show in red, points that are none, and those so far from the
// others that showing them would hide these, are left out and counted in the legend.
#ifndef GMC_PICTURE_H
#define GMC_PICTURE_H

#include "core/base.h"

// One image: height x width x channels values, of which lo is black and hi is white. channels is 1 or 3.
typedef struct {
  const float *pixel;  // NULL: the cell stays empty
  int height, width, channels;
  float lo, hi;
} PictureImage;

typedef struct {
  const char *title;  // or NULL
  int rows, columns;
  const PictureImage *image;        // rows * columns, row by row; sizes may differ
  const char *const *row_label;     // for each row, or NULL
  const char *const *column_label;  // for each column, or NULL; best short. An empty one is left out
  const bool *apart;                // for each column: is it set apart from the one before it? or NULL
} GridPicture;

typedef enum {
  SERIES_POINTS,  // a cloud of (x, y)
  SERIES_LINE,    // y over x, in order; where many values fall on a pixel their mean over the band of their range
  SERIES_DENSITY  // a kernel density estimate of the values x
} SeriesKind;

typedef struct {
  SeriesKind kind;
  const char *label;
  int64_t count;
  const float
      *x;  // LINE: NULL means evenly spaced from the plot's x_lo to its x_hi, or 0, 1, 2, ... if these are equal
  const float *y;
  int stride;  // floats from one value to the next; 0 means 1. Pairs [n, 2]: x = p, y = p + 1, stride = 2
  int64_t curves;  // LINE without x: so many lines, one behind another, of as many values each; 0: one
} PlotSeries;

typedef struct {
  const char *title, *x_label, *y_label;  // or NULL
  float x_lo, x_hi, y_lo, y_hi;           // the axes; each pair equal: from the data
  bool equal;                             // one unit is as long on both axes
  int width, height;                      // pixels; 0: 900 x 600
  const PlotSeries *series;               // drawn in this order, coloured by it
  int count;
  const int *color;                       // of each series, or NULL
} Plot;

void picture_grid(Arena *a, const char *path, const GridPicture *grid);

void picture_plot(Arena *a, const char *path, const Plot *plot);

// Several plots, one below the other; their frames begin at one place.
void picture_plots(Arena *a, const char *path, const Plot *plot, int count);

#endif
