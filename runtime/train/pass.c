// Passes: a program over all examples of a split, and another after it; see pass.h.
//
// Invariant: examples are added one after another, in the order of the split, so that neither threads nor batches
// change a sum.
#include "train/pass.h"

#include <math.h>
#include <string.h>

#include "data/data.h"

// Numbers that are kept of an output.
static int64_t total_numbers(const PlanOutput *o) {
  return o->least ? 2 * LEAST : o->gathered ? o->gathered * o->count : o->count;
}

void pass_check(const Run *run, int program, int64_t examples, const char *split) {
  const PlanProgram *p = &run->plan->program[program];
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].gathered > examples)
      fail(run->arena, EXIT_DATA, "`%s` takes more examples than the %s split has, which are %lld (%s)",
           p->output[i].name, split, (long long)examples, data_hint(run->arena, run->plan));
}

double **totals_new(Arena *a, const PlanProgram *p) {
  double **total = NEW_ARRAY(a, double *, p->outputs + 1);
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].total) total[i] = NEW_ARRAY(a, double, total_numbers(&p->output[i]));
  return total;
}

double **pass_totals(const Run *run, int program) {
  const PlanProgram *p = &run->plan->program[program];
  pass_check(run, program, run->train.examples > 0 ? run->train.examples : p->batch, "training");
  return totals_new(run->arena, p);
}

void totals_clear(const PlanProgram *p, double *const *total) {
  for (int i = 0; i < p->outputs; i++) {
    int64_t numbers = total_numbers(&p->output[i]);
    for (int64_t k = 0; total[i] && k < numbers; k++) total[i][k] = p->output[i].least ? INFINITY : 0;
  }
}

// Keeps the examples of least value, the least first: of each its value and its index.
static void least_add(double *least, double value, double example) {
  int at = LEAST;
  while (at > 0 && value < least[2 * at - 2]) at--;
  if (at == LEAST) return;
  memmove(least + 2 * at + 2, least + 2 * at, (size_t)(LEAST - 1 - at) * 2 * sizeof *least);
  least[2 * at] = value;
  least[2 * at + 1] = example;
}

// Copies what a batch says of the examples that are gathered.
static void gather_add(const Run *run, const PlanOutput *output, const float *value, int64_t rows, double *gathered) {
  for (int64_t row = 0; row < rows && run->example[row] < output->gathered; row++)
    for (int64_t k = 0; k < output->count; k++)
      gathered[run->example[row] * output->count + k] =
          (double)value[output->per_example ? row * output->count + k : k];
}

void total_add(const Run *run, const PlanOutput *output, int64_t rows, double *total) {
  const float *value = run->memory + output->at;
  if (output->gathered) gather_add(run, output, value, rows, total);
  for (int64_t row = 0; output->least && row < rows; row++) least_add(total, (double)value[row], run->example[row]);
  if (output->gathered || output->least) return;
  for (int64_t row = 0; row < (output->summed && rows > 1 ? 1 : rows); row++)
    for (int64_t k = 0; k < output->count; k++)
      total[k] += (double)value[output->per_example ? row * output->count + k : k];
}

int64_t pass_prepare(Run *run, const Data *data, int program, int64_t examples, int64_t first, bool whole,
                     Moment moment) {
  int64_t batch = run->plan->program[program].batch, left = examples - first, rows = left < batch ? left : batch;
  run->turn = 0;
  moment.rows = rows;
  moment.place = first;
  for (int64_t i = 0; i < batch; i++) {
    int64_t example = first + (i < rows ? i : rows - 1);
    run->example[i] = (int32_t)(data->examples > 0 ? example % data->examples : example);
  }
  run->first_position = (uint32_t)first;
  feed_program(run, data, program, whole ? batch : rows, moment);
  return rows;
}

int64_t pass_needs(const PlanProgram *p, const PlanOutput *output, int64_t examples) {
  int64_t gathered = (output->gathered + p->batch - 1) / p->batch * p->batch;
  return gathered && gathered < examples ? gathered : examples;
}

// Does the program itself add up what it makes of its batch?
static bool pass_adds_up(const PlanProgram *p) {
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].summed) return true;
  return false;
}

// The program after it sees the examples of least value, as many as its batch; if there are fewer, the last one again.
static void pass_worst(Run *run, const PlanTurn *turn, double *const *total) {
  const PlanProgram *p = &run->plan->program[turn->program];
  for (int i = 0; i < p->outputs; i++)
    for (int64_t k = 0; p->output[i].least && k < run->plan->program[turn->after].batch; k++) {
      double example = total[i][2 * k + 1];
      run->example[k] = isfinite(example) ? (int32_t)example : k ? run->example[k - 1] : 0;
    }
}

void pass_sum(Run *run, int program, Moment moment, double *const *total, int32_t *rows) {
  const PlanProgram *p = &run->plan->program[program];
  int64_t examples = run->train.examples > 0 ? run->train.examples : p->batch;
  bool whole = pass_adds_up(p);
  run->example = rows;
  run->purpose = PURPOSE_PASS;
  run->step = 0;
  totals_clear(p, total);
  for (int64_t first = 0; first < examples; first += p->batch) {
    int64_t count = pass_prepare(run, &run->train, program, examples, first, whole, moment);
    run->again = first > 0;
    run->execute(run, program);
    run->again = false;
    for (int i = 0; i < p->outputs; i++)
      if (total[i]) total_add(run, &p->output[i], count, total[i]);
  }
  run->first_position = 0;
}

void pass_run(Run *run, const PlanTurn *turn, Moment moment, double *const *total, int32_t *rows) {
  int32_t *outer = run->example;
  pass_sum(run, turn->program, moment, total, rows);
  moment.total = total;
  pass_worst(run, turn, total);
  feed_program(run, &run->train, turn->after, run->plan->program[turn->after].batch, moment);
  run->execute(run, turn->after);
  run->example = outer;
}
