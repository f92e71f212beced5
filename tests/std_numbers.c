// Numerical integration and tests of fit; see std_numbers.h.
#include "std_numbers.h"

#include <math.h>
#include <stdlib.h>

static double grid_place(GridKind kind, double centre, double scale, double u) {
  switch (kind) {
    case LINE: return centre + scale * u / (1 - u * u);
    case HALF: return scale * u / (1 - u);
    case INTERVAL: break;
  }
  return centre + scale * u;
}

static double grid_slope(GridKind kind, double scale, double u) {
  switch (kind) {
    case LINE: return scale * (1 + u * u) / ((1 - u * u) * (1 - u * u));
    case HALF: return scale / ((1 - u) * (1 - u));
    case INTERVAL: break;
  }
  return scale;
}

Grid grid_new(Arena *a, GridKind kind, double centre, double scale, int64_t cells) {
  Grid g = {cells, NEW_ARRAY(a, double, cells + 1), NEW_ARRAY(a, double, cells), NEW_ARRAY(a, float, cells)};
  double from = kind == LINE ? -1 : 0, step = (1 - from) / (double)cells;
  for (int64_t i = 0; i < cells; i++) {
    double u = from + step * ((double)i + 0.5);
    g.edge[i + 1] = grid_place(kind, centre, scale, from + step * (double)(i + 1));
    g.x[i] = (float)grid_place(kind, centre, scale, u);
    g.width[i] = step * grid_slope(kind, scale, u);
  }
  g.edge[0] = kind == LINE ? -INFINITY : kind == HALF ? 0 : centre;
  if (kind != INTERVAL) g.edge[cells] = INFINITY;
  return g;
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

// The share of cell i that lies below x; cells without end are taken as half below.
static double grid_share(Grid g, int64_t i, double x) {
  double size = g.edge[i + 1] - g.edge[i];
  return isfinite(size) ? fmin(fmax((x - g.edge[i]) / size, 0), 1) : 0.5;
}

double ks_statistic(Grid g, const float *log_density, float *sample, int64_t n) {
  double below = 0, most = 0;
  int64_t cell = 0;
  qsort(sample, (size_t)n, sizeof *sample, by_size);
  for (int64_t i = 0; i < n; i++) {
    double x = (double)sample[i];
    if (isnan(x)) return 1;
    while (cell < g.cells - 1 && x >= g.edge[cell + 1]) below += exp((double)log_density[cell]) * g.width[cell], cell++;
    double share = grid_share(g, cell, x), f = below + share * exp((double)log_density[cell]) * g.width[cell];
    most = fmax(most, fmax(fabs(f - (double)i / (double)n), fabs(f - (double)(i + 1) / (double)n)));
  }
  return most;
}

double chi_square(int64_t cells, const double *count, const double *expected, int *freedom) {
  double sum = 0, few_count = 0, few_expected = 0;
  *freedom = -1;
  for (int64_t i = 0; i < cells; i++) {
    few_count += count[i];
    few_expected += expected[i];
    if (few_expected < 5) continue;
    sum += (few_count - few_expected) * (few_count - few_expected) / few_expected;
    few_count = few_expected = 0;
    ++*freedom;
  }
  // what is left over at the end is too little to be a cell of its own; it may still show what should not be there
  return few_count > 40 + 10 * few_expected ? INFINITY : sum;
}

double chi_square_limit(int freedom) {
  double k = freedom, z = 3.0902;
  if (freedom < 1) return 0;
  return k * pow(1 - 2 / (9 * k) + z * sqrt(2 / (9 * k)), 3);
}
