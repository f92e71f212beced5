// Further sets of data; see sets.h.
//
// Invariant: which examples stand beside a batch is a function of the moment alone, so that a resumed run sees the
// same.
#include "data/sets.h"

#include "core/hash.h"
#include "data/data.h"
#include "data/shuffle.h"

void sets_open(Run *run) {
  const Plan *plan = run->plan;
  int64_t rows = 1;
  for (int i = 0; i < plan->programs; i++) rows = plan->program[i].batch > rows ? plan->program[i].batch : rows;
  if (plan->others) run->other = NEW_ARRAY(run->arena, RunSet, plan->others);
  run->data_memory /= (size_t)(plan->others + 1);
  for (int i = 0; i < plan->others; i++) {
    Plan *own = NEW(run->arena, Plan);
    *own = (Plan){.model = plan->model,
                  .source = plan->source,
                  .data = plan->other[i].data,
                  .column = plan->other[i].column,
                  .columns = plan->other[i].columns};
    Run *of = NEW(run->arena, Run);
    *of = (Run){.arena = run->arena,
                .plan = own,
                .pool = run->pool,
                .reader = run->reader,
                .axes = run->axes,
                .inflate = run->inflate,
                .data_memory = run->data_memory};
    run->other[i] = (RunSet){.run = of, .example = NEW_ARRAY(run->arena, int32_t, rows)};
  }
}

int64_t set_examples(const Run *run, const Data *data, int set) {
  if (!set) return data->examples;
  const Run *of = run->other[set - 1].run;
  return (data == &run->test ? of->test : of->train).examples;
}

// The example at a place of its training split, epoch after epoch.
static int32_t set_shuffled(const Run *run, RunSet *set, int number, int64_t place) {
  int64_t n = set->data->examples, epoch = place / n - (place % n < 0);
  uint32_t seed = run_start_seed(run);
  if (!set->ordered || set->epoch != epoch || set->seed != seed) shuffle(seed, number, epoch, set->order, n);
  set->ordered = true;
  set->epoch = epoch;
  set->seed = seed;
  return set->order[place - epoch * n];
}

void sets_place(Run *run, bool test, int64_t batch, Moment moment) {
  for (int s = 0; s < run->plan->others; s++) {
    RunSet *set = &run->other[s];
    set->data = test && set->run->test.examples > 0 ? &set->run->test : &set->run->train;
    int64_t n = set->data->examples;
    for (int64_t i = 0; i < batch; i++) {
      int64_t place = moment.place + (i < run->rows ? i : run->rows - 1);
      bool shuffled = moment.shuffled && n > 0;
      set->example[i] = shuffled ? set_shuffled(run, set, s + 1, place) : (int32_t)(n > 0 ? place % n : place);
    }
  }
}

uint64_t sets_hash(const Run *run, bool test) {
  uint64_t hash = data_hash(run, test ? &run->test : &run->train);
  for (int s = 0; s < run->plan->others; s++) {
    const Run *of = run->other[s].run;
    uint64_t own = data_hash(of, test ? &of->test : &of->train);
    hash = hash_bytes(hash, &own, sizeof own);
  }
  return hash;
}
