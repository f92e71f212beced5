// Passes: a program over all examples of a split, and another after it; see pass.h.
//
// Invariant: examples are added one after another, in the order of the split, so that neither threads nor batches
// change a sum.
#include "train/pass.h"

#include <string.h>

double **totals_new(Arena *a, const PlanProgram *p) {
  double **total = NEW_ARRAY(a, double *, p->outputs + 1);
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].total) total[i] = NEW_ARRAY(a, double, p->output[i].count);
  return total;
}

void totals_clear(const PlanProgram *p, double *const *total) {
  for (int i = 0; i < p->outputs; i++)
    if (total[i]) memset(total[i], 0, (size_t)p->output[i].count * sizeof(double));
}

void totals_add(const Run *run, const PlanProgram *p, int64_t rows, double *const *total) {
  for (int i = 0; i < p->outputs; i++) {
    const PlanOutput *output = &p->output[i];
    const float *value = run->memory + output->at;
    for (int64_t row = 0; total[i] && row < rows; row++)
      for (int64_t k = 0; k < output->count; k++)
        total[i][k] += (double)value[output->per_example ? row * output->count + k : k];
  }
}

int64_t pass_prepare(Run *run, const Data *data, int program, int64_t examples, int64_t first, bool whole,
                     Moment moment) {
  int64_t batch = run->plan->program[program].batch, left = examples - first, rows = left < batch ? left : batch;
  run->turn = 0;
  for (int64_t i = 0; i < batch; i++) run->example[i] = (int32_t)(first + (i < rows ? i : rows - 1));
  run->first_position = (uint32_t)first;
  feed_program(run, data, program, whole ? batch : rows, moment);
  return rows;
}

void pass_run(Run *run, const PlanTurn *turn, Moment moment, double *const *total, int32_t *rows) {
  const PlanProgram *p = &run->plan->program[turn->program];
  int64_t examples = run->train.examples > 0 ? run->train.examples : p->batch;
  int32_t *outer = run->example;
  run->example = rows;
  run->purpose = PURPOSE_PASS;
  run->step = 0;
  totals_clear(p, total);
  for (int64_t first = 0; first < examples; first += p->batch) {
    int64_t count = pass_prepare(run, &run->train, turn->program, examples, first, false, moment);
    run->execute(run, turn->program);
    totals_add(run, p, count, total);
  }
  moment.total = total;
  run->first_position = 0;
  feed_program(run, &run->train, turn->after, p->batch, moment);
  run->execute(run, turn->after);
  run->example = outer;
}
