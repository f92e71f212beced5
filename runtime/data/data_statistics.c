// Statistics of the training split, place by place, for the tensors that hold them. See data.h.
#include <math.h>

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

void data_statistics(const Run *run) {
  for (int t = 0; t < run->plan->tensors; t++) {
    const PlanTensor *tensor = &run->plan->tensor[t];
    if (tensor->statistic == STATISTIC_NONE) continue;
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
