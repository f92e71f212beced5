// Principal axes of a column over the training split, and the coordinates along them. See data.h.
//
// All in double precision, and in an order that threads do not change: each number of the covariance is a sum over the
// examples in turn. Its eigenvectors: Householder's tridiagonal form, and implicit QL steps of that (Golub and Van
// Loan, Matrix Computations, 8.3).
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/pool.h"
#include "data/data.h"

enum {
  AXES_ROWS = 64,
  AXES_LANES = 16,
  AXES_PIECES = 64,
  AXES_AT_ONCE = 4
};  // examples at a time; zeros fill up to these

// A column on its way to its axes.
typedef struct {
  const Array *array;
  int64_t count,
      width;  // numbers of an example; and, with zeros up to a multiple of AXES_LANES, of it, or of its coordinates
  double *centre;     // [width]
  double *row;        // [AXES_ROWS, width], examples less the centre; or sums of each piece
  double *scatter;    // [width, width]: of it, from the diagonal on
  const float *axis;  // [axes, count]
  double *across;     // [count, width], the same
  int64_t axes;
  float *coordinate;  // [examples, axes]
  const float *mean;  // [count]
} Axes;

static double axes_value(const Array *array, int64_t at) {
  return (double)(array->byte ? array->scale * (float)array->byte[at] + array->shift : array->value[at]);
}

// into[j] += v[0] row[j] + v[1] row[width + j] + ..., from the left.
static void axes_add(double *restrict into, const double *restrict row, int64_t width, const double *v, int64_t first) {
  const double *a = row, *b = a + width, *c = b + width, *d = c + width, p = v[0], q = v[1], r = v[2], s = v[3];
  for (int64_t j = first; j < width; j++) into[j] = into[j] + p * a[j] + q * b[j] + r * c[j] + s * d[j];
}

// Rows of the scatter, from the diagonal on.
static void axes_rows(void *arg, int piece, int pieces) {
  const Axes *x = arg;
  for (int64_t r = 0; r < AXES_ROWS; r += AXES_AT_ONCE)
    for (int64_t i = piece; i < x->count; i += pieces) {
      const double *row = x->row + r * x->width;
      double v[AXES_AT_ONCE];
      for (int t = 0; t < AXES_AT_ONCE; t++) v[t] = row[t * x->width + i];
      axes_add(x->scatter + i * x->width, row, x->width, v, i / AXES_LANES * AXES_LANES);
    }
}

// The mean, and the covariance times some number: its entries are at most 1.
static void axes_covariance(const Run *run, Axes *x) {
  const Array *array = x->array;
  for (int64_t i = 0; i < array->examples; i++)
    for (int64_t k = 0; k < x->count; k++) x->centre[k] += axes_value(array, i * x->count + k);
  for (int64_t k = 0; k < x->count; k++) x->centre[k] /= (double)array->examples;
  for (int64_t first = 0; first < array->examples; first += AXES_ROWS) {
    memset(x->row, 0, (size_t)(AXES_ROWS * x->width) * sizeof *x->row);
    for (int64_t r = 0; r < AXES_ROWS && first + r < array->examples; r++)
      for (int64_t k = 0; k < x->count; k++)
        x->row[r * x->width + k] = axes_value(array, (first + r) * x->count + k) - x->centre[k];
    pool_run(run->pool, axes_rows, x, AXES_PIECES);
  }
  double greatest = 0;
  for (int64_t k = 0; k < x->count; k++) greatest = fmax(greatest, x->scatter[k * x->width + k]);
  for (int64_t i = 0; i < x->count; i++)
    for (int64_t j = i; j < x->count; j++) {
      double *at = x->scatter + i * x->width + j;
      *at = greatest > 0 ? *at / greatest : 0;
      x->scatter[j * x->width + i] = *at;
    }
}

// Row k of the symmetric a, whose first k rows are done, becomes the vector v of I - 2 v v' / v'v, which leaves of it
// the two numbers diagonal[k] and beside[k]; what lies below goes over to the new basis.
static void axes_reflect(double *a, int64_t width, int64_t n, int64_t k, double *diagonal, double *beside,
                         double *product) {
  double *v = a + k * width, norm = 0, along = 0, scale = 0;
  diagonal[k] = v[k];
  for (int64_t j = k + 1; j < n; j++) norm += v[j] * v[j];
  norm = sqrt(norm);
  beside[k] = v[k + 1] > 0 ? -norm : norm;
  v[k + 1] -= beside[k];
  scale = norm > 0 ? 1 / (norm * fabs(v[k + 1])) : 0;  // 2 / v'v
  memset(product, 0, (size_t)n * sizeof *product);
  for (int64_t i = k + 1; i < n; i++)
    for (int64_t j = k + 1; j < n; j++) product[j] += scale * v[i] * a[i * width + j];
  for (int64_t j = k + 1; j < n; j++) along += scale / 2 * v[j] * product[j];
  for (int64_t j = k + 1; j < n; j++) product[j] -= along * v[j];
  for (int64_t i = k + 1; i < n; i++)
    for (int64_t j = k + 1; j < n; j++) a[i * width + j] -= v[i] * product[j] + product[i] * v[j];
  v[k] = scale;
}

// Rotates rows i and i + 1 of the vectors.
static void axes_rotate(double *vector, int64_t n, int64_t i, double c, double s) {
  double *restrict low = vector + i * n, *restrict high = low + n;
  for (int64_t k = 0; k < n; k++) {
    double l = low[k], h = high[k];
    high[k] = s * l + c * h;
    low[k] = c * l - s * h;
  }
}

// A QL step with Wilkinson's shift on the places from l to m, which beside[m] does not join to what comes after.
static void axes_step(double *diagonal, double *beside, double *vector, int64_t n, int64_t l, int64_t m) {
  double g = (diagonal[l + 1] - diagonal[l]) / (2 * beside[l]), r = sqrt(g * g + 1), s = 1, c = 1, taken = 0;
  g = diagonal[m] - diagonal[l] + beside[l] / (g + (g < 0 ? -r : r));
  for (int64_t i = m - 1; i >= l; i--) {
    double f = s * beside[i], b = c * beside[i];
    r = sqrt(f * f + g * g);
    beside[i + 1] = r;
    if (r == 0) {
      diagonal[i + 1] -= taken;
      beside[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = diagonal[i + 1] - taken;
    r = (diagonal[i] - g) * s + 2 * c * b;
    taken = s * r;
    diagonal[i + 1] = g + taken;
    g = c * r - b;
    axes_rotate(vector, n, i, c, s);
  }
  diagonal[l] -= taken;
  beside[l] = g;
  beside[m] = 0;
}

// Eigenvalues into diagonal, eigenvectors of the tridiagonal matrix into the rows of vector, which is the unit matrix.
static void axes_ql(double *diagonal, double *beside, double *vector, int64_t n) {
  double least = 0;
  for (int64_t i = 0; i < n; i++) least = fmax(least, fabs(diagonal[i]) + fabs(beside[i]));
  least *= 1e-16;
  for (int64_t l = 0; l < n; l++)
    for (int64_t m = -1; m != l;) {
      for (m = l; m < n - 1 && fabs(beside[m]) > least;) m++;
      if (m != l) axes_step(diagonal, beside, vector, n, l, m);
    }
}

// Eigenvector `from` as the axis `to`: back through the reflections, of length 1, its greatest number positive.
static void axes_take(const Axes *x, double *v, float *into) {
  int64_t n = x->count, greatest = 0;
  for (int64_t k = n - 3; k >= 0; k--) {
    const double *reflection = x->scatter + k * x->width;
    double along = 0;
    for (int64_t j = k + 1; j < n; j++) along += reflection[j] * v[j];
    for (int64_t j = k + 1; j < n; j++) v[j] -= reflection[k] * along * reflection[j];
  }
  for (int64_t j = 1; j < n; j++)
    if (fabs(v[j]) > fabs(v[greatest])) greatest = j;
  for (int64_t j = 0; j < n; j++) into[j] = (float)(v[greatest] < 0 ? -v[j] : v[j]);
}

// Of eigenvalues the one that has so many greater ones, of equal ones the first.
static int64_t axes_place(const double *value, int64_t n, int64_t greater) {
  for (int64_t i = 0; i < n; i++) {
    int64_t before = 0;
    for (int64_t k = 0; k < n; k++) before += value[k] > value[i] || (value[k] == value[i] && k < i);
    if (before == greater) return i;
  }
  return 0;
}

static void axes_find(const Run *run, Axes *x, float *mean, float *axis) {
  Arena *scratch = arena_open(run->arena);
  int64_t n = x->count;
  x->width = (n + AXES_LANES - 1) / AXES_LANES * AXES_LANES;
  x->centre = NEW_ARRAY(scratch, double, x->width);
  x->row = NEW_ARRAY(scratch, double, AXES_ROWS * x->width);
  x->scatter = NEW_ARRAY(scratch, double, x->width * x->width);
  double *diagonal = NEW_ARRAY(scratch, double, n), *beside = NEW_ARRAY(scratch, double, n),
         *product = NEW_ARRAY(scratch, double, n), *vector = NEW_ARRAY(scratch, double, n *n);
  axes_covariance(run, x);
  for (int64_t k = 0; k < n - 2; k++) axes_reflect(x->scatter, x->width, n, k, diagonal, beside, product);
  for (int64_t k = n > 2 ? n - 2 : 0; k < n; k++) {
    diagonal[k] = x->scatter[k * x->width + k];
    if (k < n - 1) beside[k] = x->scatter[k * x->width + k + 1];
  }
  for (int64_t k = 0; k < n; k++) vector[k * n + k] = 1;
  axes_ql(diagonal, beside, vector, n);
  for (int64_t k = 0; k < n; k++) mean[k] = (float)x->centre[k];
  for (int64_t k = 0; k < x->axes; k++) axes_take(x, vector + axes_place(diagonal, n, k) * n, axis + k * n);
  arena_close(scratch);
}

static void axes_project(void *arg, int piece, int pieces) {
  const Axes *x = arg;
  int64_t examples = x->array->examples, first = examples * piece / pieces, end = examples * (piece + 1) / pieces;
  double *sum = x->row + piece * x->width, v[AXES_AT_ONCE];
  for (int64_t i = first; i < end; i++) {
    memset(sum, 0, (size_t)x->width * sizeof *sum);
    for (int64_t j = 0; j < x->count; j += AXES_AT_ONCE) {
      for (int64_t t = 0; t < AXES_AT_ONCE; t++)
        v[t] = j + t < x->count ? axes_value(x->array, i * x->count + j + t) - (double)x->mean[j + t] : 0;
      axes_add(sum, x->across + j * x->width, x->width, v, 0);
    }
    for (int64_t k = 0; k < x->axes; k++) x->coordinate[i * x->axes + k] = (float)sum[k];
  }
}

// The split's arrays become coordinates.
static void axes_replace(const Run *run, Data *data, int column, const Principal *p, int64_t axes) {
  Array *array = &data->column[column];
  Arena *scratch = arena_open(run->arena);
  Axes x = {.array = array, .count = array->count, .axes = axes, .mean = p->mean};
  x.width = (axes + AXES_LANES - 1) / AXES_LANES * AXES_LANES;
  x.row = NEW_ARRAY(scratch, double, AXES_PIECES *x.width);
  x.across = NEW_ARRAY(scratch, double, (array->count + AXES_AT_ONCE) * x.width);
  for (int64_t k = 0; k < axes; k++)
    for (int64_t j = 0; j < array->count; j++) x.across[j * x.width + k] = (double)p->axis[k * array->count + j];
  x.coordinate = NEW_ARRAY(data->arena, float, array->examples *axes);
  pool_run(run->pool, axes_project, &x, AXES_PIECES);
  arena_close(scratch);
  *array =
      (Array){.examples = array->examples, .count = axes, .value = x.coordinate, .scale = 1, .stored = array->stored};
}

void data_axes(Run *run, int column, Data *data) {
  const PlanColumn *c = &run->plan->column[column];
  Array *array = &data->column[column];
  if (!run->principal) run->principal = NEW_ARRAY(run->arena, Principal, run->plan->columns);
  Principal *p = &run->principal[column];
  if (!p->axis) {
    if (c->principal >= array->examples)
      fail(run->arena, EXIT_DATA,
           "%s: through %" PRId64 " examples there are no more than %" PRId64 " principal axes, and %" PRId64
           " are wanted (%s)",
           printable(run->arena, c->name), array->examples, array->examples - 1, c->principal,
           data_hint(run->arena, run->plan));
    float *mean = NEW_ARRAY(run->arena, float, c->count), *axis = NEW_ARRAY(run->arena, float, c->principal * c->count);
    Axes x = {.array = array, .count = c->count, .axes = c->principal};
    axes_find(run, &x, mean, axis);
    *p = (Principal){mean, axis};
  }
  axes_replace(run, data, column, p, c->principal);
}
