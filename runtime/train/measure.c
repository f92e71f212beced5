// Evaluation on held-out data; see measure.h. Runs after every epoch and for `gmc eval`.
//
// Invariant: nothing of the training changes: no persistent tensor, no sum, no random stream.
#include "train/measure.h"

#include <math.h>

#include "data/data.h"
#include "data/sets.h"
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

static Measure measure_of(const Plan *plan, int program, const PlanOutput *output, const Average *average) {
  double n = (double)average->n;
  bool told = (output->per_example || output->coupled) && average->n > 1 && !average->spoilt;
  double mean = isnan(average->mean) ? (double)NAN : average->mean;  // of either sign, and it is printed
  return (Measure){.name = output->name,
                   .mean = mean,
                   .error = told ? sqrt(average->squares / (n - 1) / n) : -1,
                   .batch = output->coupled ? plan->program[program].batch : 0,
                   .program = program,
                   .spoilt = average->spoilt};
}

static void measure_check_program(const Run *run, int program) {
  const PlanProgram *p = &run->plan->program[program];
  pass_check(run, program, run->test.examples, "test");
  for (int i = 0; i < p->outputs; i++) {
    const PlanOutput *o = &p->output[i];
    int64_t examples = set_examples(run, &run->test, o->set);
    if (o->coupled && examples < p->batch)
      fail(run->arena, EXIT_DATA,
           "in `%s` the %lld examples of a batch meet, but the test split has %lld: hold out more, or take batches of "
           "at "
           "most %lld (%s)",
           o->name, (long long)p->batch, (long long)examples, (long long)examples,
           data_hint(run->arena, o->set ? run->other[o->set - 1].run->plan : run->plan));
  }
}

void measure_check(const Run *run) {
  const Plan *plan = run->plan;
  if (plan->keep.measure && run->test.examples == 0)
    fail(run->arena, EXIT_DATA, "`keep best(%s)` needs held-out data, and none are held out (%s)", plan->keep.measure,
         data_hint(run->arena, plan));
  if (plan->test < 0 || plan->data.format == DATA_NONE || run->test.examples == 0) return;
  measure_check_program(run, plan->test);
  for (int i = 0; i < plan->seldoms; i++) measure_check_program(run, plan->seldom[i].program);
}

// Examples to measure an output by: those of its set. Where nothing is held out of the first set, nothing is measured.
static int64_t measure_examples_of(const Run *run, const PlanOutput *output) {
  const Plan *plan = run->plan;
  if (plan->data.format == DATA_NONE) return plan->program[plan->test].batch;
  return run->test.examples ? set_examples(run, &run->test, output->set) : 0;
}

// And a program's: those of the set that has most, of which it sees no more than it tells of.
static int64_t measure_examples(const Run *run, const PlanProgram *p) {
  int64_t most = 0;
  for (int i = 0; i < p->outputs; i++) {
    int64_t own = pass_needs(p, &p->output[i], measure_examples_of(run, &p->output[i]));
    most = own > most ? own : most;
  }
  return most;
}

// Which of the rows that begin with example `first` count for an output.
static int64_t measure_rows(const Run *run, const PlanOutput *output, int64_t first, int64_t rows) {
  int64_t left = measure_examples_of(run, output) - first;
  return left < 0 ? 0 : left < rows ? left : rows;
}

int64_t measure_prepare(Run *run, int program, Moment moment, int64_t first, bool whole) {
  run->purpose = PURPOSE_TEST;
  run->step = (uint32_t)(moment.epoch + 1);
  int64_t examples = measure_examples(run, &run->plan->program[program]);
  return pass_prepare(run, &run->test, program, examples, first, whole, moment);
}

// The measures made of sums over the split.
static int measure_after(Run *run, int program, Moment moment, double *const *total, Measure *measure) {
  const PlanProgram *p = &run->plan->program[program];
  moment.total = total;
  run->first_position = 0;
  feed_program(run, &run->test, program, p->batch, moment);
  run->execute(run, program);
  for (int i = 0; i < p->outputs; i++)
    measure[i] = (Measure){
        .name = p->output[i].name, .mean = output_value(run, &p->output[i], 0), .error = -1, .program = program};
  return p->outputs;
}

int measure_count(const Plan *plan) {
  if (plan->test < 0) return 0;
  int n = plan->program[plan->test].outputs + (plan->test_after ? plan->program[plan->test_after].outputs : 0);
  for (const PlanSeldom *s = plan->seldom; s < plan->seldom + plan->seldoms; s++)
    n += plan->program[s->program].outputs + (s->after ? plan->program[s->after].outputs : 0);
  return n;
}

// The measures of one pass over the split, and of the program that is fed its sums, if there is one.
static int measure_pass(Run *run, int program, int after, Moment moment, Measure *measure, double *const *nats) {
  const Plan *plan = run->plan;
  const PlanProgram *p = &plan->program[program];
  int64_t examples = measure_examples(run, p);
  if (examples == 0) return 0;
  Arena *scratch = arena_open(run->arena);
  Average *average = NEW_ARRAY(scratch, Average, p->outputs);
  double **total = totals_new(scratch, p);
  run->example = NEW_ARRAY(scratch, int32_t, p->batch);
  for (int64_t first = 0; first < examples; first += p->batch) {
    int64_t rows = measure_prepare(run, program, moment, first, false);
    run->again = first > 0;
    run->execute(run, program);
    run->again = false;
    for (int i = 0; i < p->outputs; i++) {
      int64_t own = measure_rows(run, &p->output[i], first, rows);
      if (total[i]) total_add(run, &p->output[i], own, total[i]);
      if (total[i] || own == 0) continue;
      measure_batch(run, p, &p->output[i], own, &average[i]);
      if (!isfinite(average[i].mean) && !average[i].spoilt) average[i].spoilt = first + 1;
    }
  }
  int n = 0;
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].count == 1 && !total[i]) measure[n++] = measure_of(plan, program, &p->output[i], &average[i]);
  for (int i = 0; nats && i < p->outputs; i++)
    for (int64_t k = 0; nats[i] && k < p->output[i].count; k++) nats[i][k] = total[i][k] / (double)examples;
  if (after) n += measure_after(run, after, moment, total, measure + n);
  run->example = NULL;
  arena_close(scratch);
  return n;
}

int measure_test(Run *run, Moment moment, Measure *measure, double *const *nats) {
  const Plan *plan = run->plan;
  return plan->test < 0 ? 0 : measure_pass(run, plan->test, plan->test_after, moment, measure, nats);
}

int measure_seldom(Run *run, Moment moment, int which, Measure *measure) {
  const PlanSeldom *s = &run->plan->seldom[which];
  return measure_pass(run, s->program, s->after, moment, measure, NULL);
}
