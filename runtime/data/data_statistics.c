// Statistics of the training split, place by place, for the tensors that hold them. See data.h.
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "data/sets.h"

// In how many examples each place has a value.
static void data_counts(const Array *array, double *into) {
  for (int64_t i = 0; i < array->examples * array->count; i++)
    into[i % array->count] += !array->known || array->known[i];
}

// The means over all examples that have a value of (value - about) to the first or second power, at each place.
static void data_moments(const Array *array, const double *count, const double *about, bool square, double *into) {
  for (int64_t i = 0; i < array->examples; i++)
    for (int64_t k = 0; k < array->count; k++) {
      int64_t at = i * array->count + k;
      if (array->known && !array->known[at]) continue;
      float value = array->byte ? array->scale * (float)array->byte[at] + array->shift : array->value[at];
      double apart = (double)value - about[k];
      into[k] += (square ? apart * apart : apart) / count[k];
    }
}

static bool is_of_axes(const PlanTensor *tensor) {
  return tensor->statistic == STATISTIC_CENTRE || tensor->statistic == STATISTIC_AXES;
}

void data_axes_take(Run *run) {
  for (const PlanTensor *t = run->plan->tensor; t < run->plan->tensor + run->plan->tensors; t++) {
    if (!is_of_axes(t)) continue;
    int column = t->column;
    const RunSet *set = set_of_column(run, &column);
    Run *of = set ? set->run : run;
    if (!of->principal) of->principal = NEW_ARRAY(run->arena, Principal, of->plan->columns);
    const float **what = t->statistic == STATISTIC_AXES ? &of->principal[column].axis : &of->principal[column].mean;
    float *copy = NEW_ARRAY(run->arena, float, t->count);
    memcpy(copy, run->memory + t->at, (size_t)t->count * sizeof *copy);
    *what = copy;
  }
}

// How the data are seen, as long as the run is.
static void data_put_axes(const Run *run, const PlanTensor *tensor) {
  int column = tensor->column;
  const Principal *p = &run_of_column(run, &column)->principal[column];
  const float *from = tensor->statistic == STATISTIC_AXES ? p->axis : p->mean;
  memcpy(run->memory + tensor->at, from, (size_t)tensor->count * sizeof *from);
}

void data_statistics(const Run *run) {
  for (int t = 0; t < run->plan->tensors; t++) {
    const PlanTensor *tensor = &run->plan->tensor[t];
    if (is_of_axes(tensor)) data_put_axes(run, tensor);
    if (tensor->statistic == STATISTIC_NONE || is_of_axes(tensor)) continue;
    Arena *scratch = arena_open(run->arena);
    double *zero = NEW_ARRAY(scratch, double, tensor->count), *mean = NEW_ARRAY(scratch, double, tensor->count),
           *variance = NEW_ARRAY(scratch, double, tensor->count), *count = NEW_ARRAY(scratch, double, tensor->count);
    int column = tensor->column;
    const Run *of = run_of_column(run, &column);
    const Array *array = &of->train.column[column];
    bool deviation = tensor->statistic == STATISTIC_DEVIATION;
    data_counts(array, count);
    data_moments(array, count, zero, false, mean);
    if (deviation) data_moments(array, count, mean, true, variance);
    for (int64_t i = 0; i < tensor->count; i++) {
      float value = (float)(deviation ? sqrt(variance[i]) : mean[i]);
      run->memory[tensor->at + i] = deviation && value == 0 ? 1 : value;
    }
    arena_close(scratch);
  }
}
