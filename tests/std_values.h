// What the library's functions, distributions, divergences, schedules and optimisers must give: values from their
// definitions, computed elsewhere with many digits. unit/test_std_values.c holds the library against them, and asks for
// a row of everything that the library declares.
#ifndef GMC_STD_VALUES_H
#define GMC_STD_VALUES_H

typedef enum {
  FUNCTION,    // an expression in a .. g
  DENSITY,     // log density of a distribution, at g if there is such a column, else at a
  MEAN,        // of a distribution
  ENTROPY,     // of a distribution
  DIVERGENCE,  // of two, which stand on both sides of ||
  SCHEDULE,    // an expression, at step a
  OPTIMIZER,   // where b updates along the gradient a w - c lead w, from 1
  AVERAGE,     // of w on that way, by sgd(0.1), each update in an epoch of its own
} StdKind;

// How far a value may be off: `limit` in this measure.
typedef enum {
  ULPS,        // units in the last place of the value wanted
  RELATIVE,    // to the value wanted
  OF_DENSITY,  // to 1 + |value|: the relative error of a density whose logarithm it is
} StdMeasure;

enum { STD_ROWS = 60, STD_ARGUMENTS = 7 };

typedef struct {
  StdKind kind;
  const char *text;
  const char *columns;  // among a .. g, u[3], which holds the same numbers as a, b, c, and v[3], as d, e, f
  StdMeasure measure;
  double limit;
  const char *reason;  // why it is wider than 4 units, or than 1e-6; or NULL
  int rows;
  struct {
    double argument[STD_ARGUMENTS];
    double want;
  } row[STD_ROWS];
} StdValues;

extern const StdValues std_values[];
extern const int std_values_count;

#endif
