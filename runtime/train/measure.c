// Evaluation on held-out data; see measure.h. Runs after every epoch and for `gmc eval`.
//
// Invariant: nothing of the training changes: no persistent tensor, no sum, no random stream.
#include "train/measure.h"

#include <math.h>

#include "data/data.h"
#include "train/pass.h"

// Running mean and sum of squared deviations, after Welford (1962); once a value is infinite, the mean is, or NaN.
typedef struct {
  int64_t n;
  double mean, squares;
  int64_t spoilt;  // as in Measure
} Average;

static void average_add(Average *a, double value) {
  double before = value - a->mean;
  a->n++;
  if (!isfinite(before)) {
    a->mean += value;
    return;
  }
  a->mean += before / (double)a->n;
  a->squares += before * (value - a->mean);
}

// Adds what one batch says of an output, whose first `rows` rows count.
static void measure_batch(const Run *run, const PlanProgram *p, const PlanOutput *output, int64_t rows,
                          Average *average) {
  if (output->coupled) {
    if (rows == p->batch) average_add(average, output_mean(run, p, output));
  } else if (output->per_example) {
    for (int64_t row = 0; row < rows; row++) average_add(average, output_value(run, output, row));
  } else if (rows == p->batch || average->n == 0) {
    average_add(average, output_value(run, output, 0));
  }
}

static Measure measure_of(const PlanProgram *p, const PlanOutput *output, const Average *average) {
  double n = (double)average->n;
  bool told = (output->per_example || output->coupled) && average->n > 1 && !average->spoilt;
  double mean = isnan(average->mean) ? (double)NAN : average->mean;  // of either sign, and it is printed
  return (Measure){.name = output->name,
                   .mean = mean,
                   .error = told ? sqrt(average->squares / (n - 1) / n) : -1,
                   .batch = output->coupled ? p->batch : 0,
                   .spoilt = average->spoilt};
}

void measure_check(const Run *run) {
  const Plan *plan = run->plan;
  if (plan->keep.measure && run->test.examples == 0)
    fail(run->arena, EXIT_DATA, "`keep best(%s)` needs held-out data, and none are held out (%s)", plan->keep.measure,
         data_hint(run->arena, plan));
  if (plan->test < 0 || plan->data.format == DATA_NONE || run->test.examples == 0) return;
  const PlanProgram *p = &plan->program[plan->test];
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].coupled && run->test.examples < p->batch)
      fail(run->arena, EXIT_DATA,
           "in `%s` the %lld examples of a batch meet, but the test split has %lld: hold out more, or take batches of "
           "at "
           "most %lld (%s)",
           p->output[i].name, (long long)p->batch, (long long)run->test.examples, (long long)run->test.examples,
           data_hint(run->arena, plan));
}

// Examples to measure by.
static int64_t measure_examples(const Run *run) {
  const Plan *plan = run->plan;
  return plan->data.format == DATA_NONE ? plan->program[plan->test].batch : run->test.examples;
}

int64_t measure_prepare(Run *run, Moment moment, int64_t first, bool whole) {
  run->purpose = PURPOSE_TEST;
  run->step = (uint32_t)(moment.epoch + 1);
  return pass_prepare(run, &run->test, run->plan->test, measure_examples(run), first, whole, moment);
}

// The measures made of sums over the split.
static int measure_after(Run *run, Moment moment, double *const *total, Measure *measure) {
  const Plan *plan = run->plan;
  const PlanProgram *p = &plan->program[plan->test_after];
  moment.total = total;
  run->first_position = 0;
  feed_program(run, &run->test, plan->test_after, p->batch, moment);
  run->execute(run, plan->test_after);
  for (int i = 0; i < p->outputs; i++)
    measure[i] = (Measure){.name = p->output[i].name, .mean = output_value(run, &p->output[i], 0), .error = -1};
  return p->outputs;
}

int measure_count(const Plan *plan) {
  if (plan->test < 0) return 0;
  return plan->program[plan->test].outputs + (plan->test_after ? plan->program[plan->test_after].outputs : 0);
}

int measure_test(Run *run, Moment moment, Measure *measure) {
  const Plan *plan = run->plan;
  if (plan->test < 0) return 0;
  const PlanProgram *p = &plan->program[plan->test];
  int64_t examples = measure_examples(run);
  if (examples == 0) return 0;
  Arena *scratch = arena_open(run->arena);
  Average *average = NEW_ARRAY(scratch, Average, p->outputs);
  double **total = totals_new(scratch, p);
  run->example = NEW_ARRAY(scratch, int32_t, p->batch);
  for (int64_t first = 0; first < examples; first += p->batch) {
    int64_t rows = measure_prepare(run, moment, first, false);
    run->execute(run, plan->test);
    totals_add(run, p, rows, total);
    for (int i = 0; i < p->outputs; i++) {
      if (total[i]) continue;
      measure_batch(run, p, &p->output[i], rows, &average[i]);
      if (!isfinite(average[i].mean) && !average[i].spoilt) average[i].spoilt = first + 1;
    }
  }
  int n = 0;
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].count == 1 && !total[i]) measure[n++] = measure_of(p, &p->output[i], &average[i]);
  if (plan->test_after) n += measure_after(run, moment, total, measure + n);
  run->example = NULL;
  arena_close(scratch);
  return n;
}
