// Numerical integration and tests of fit, in double precision: what the tests of the standard library hold against it.
#ifndef GMC_STD_NUMBERS_H
#define GMC_STD_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

typedef enum {
  LINE,      // the real line: x = centre + scale * u / (1 - u^2), so that heavy tails are reached
  HALF,      // x = scale * u / (1 - u), the positive numbers
  INTERVAL,  // from centre to centre + scale
} GridKind;

// Cells of equal size in u. Cell i lies between edge[i] and edge[i + 1]; x[i] is the point that represents it.
typedef struct {
  int64_t cells;
  double *edge;   // cells + 1
  double *width;  // dx of each cell at its point: integrals are sums of f(x) * width
  float *x;
} Grid;

Grid grid_new(Arena *a, GridKind kind, double centre, double scale, int64_t cells);

// Kolmogorov and Smirnov's statistic of n samples (which are sorted in place) against the density exp(log_density) at
// the grid's points.
double ks_statistic(Grid g, const float *log_density, float *sample, int64_t n);

// Pearson's statistic of counts against expected counts, cells of less than 5 expected taken together. *freedom is the
// number of cells less one.
double chi_square(int64_t cells, const double *count, const double *expected, int *freedom);
// The value that chi square with so many degrees of freedom exceeds with probability 1e-3 (Wilson and Hilferty 1931).
double chi_square_limit(int freedom);

#endif
