// Feeds and outputs of programs; see feed.h.
//
// Invariant: a feed is written as a function of the moment and the examples alone, so that a resumed run feeds the same
// bits.
#include "data/feed.h"

#include <math.h>

#include "data/data.h"
#include "data/sets.h"
#include "core/pool.h"
#include "core/spill.h"

enum { FEED_PIECES = 16, FEED_SMALL = 16384, FEED_PAGE = 4096 };  // SMALL: floats that are not worth the other threads

Moment moment_after(int64_t step, int64_t epoch, const Line *line) {
  return (Moment){.step = step > 0 ? step - 1 : 0, .epoch = epoch > 0 ? epoch - 1 : 0, .line = line};
}

static float feed_number(Run *run, const PlanFeed *feed, Moment moment) {
  switch (feed->kind) {
    case FEED_STEP: return (float)moment.step;
    case FEED_EPOCH: return (float)moment.epoch;
    case FEED_UPDATE: return (float)(moment.line[feed->index].updates + 1);
    case FEED_EXAMPLES: data_load_train(run); return (float)run->train.examples;
    case FEED_ROWS: return (float)moment.rows;
    default: return 0;
  }
}

static void feed_total(const PlanFeed *feed, const double *total, float *into) {
  for (int64_t i = 0; i < feed->count; i++) {
    float rounded = (float)total[i];
    into[i] = feed->kind == FEED_TOTAL ? rounded : isfinite(rounded) ? (float)(total[i] - (double)rounded) : 0;
  }
}

// A column being gathered by the pool's threads.
typedef struct {
  const Run *run;
  PlanFeed feed;  // its column that of the set
  const Data *data;
  const int32_t *example;
  int64_t rows;
} Gathering;

static void feed_piece(void *gathering, int piece, int pieces) {
  const Gathering *g = gathering;
  int64_t first = g->rows * piece / pieces, end = g->rows * (piece + 1) / pieces;
  float *into = g->run->memory + g->feed.at + first * g->feed.count;
  data_gather(&g->feed, g->data, g->example + first, end - first, into);
}

static void feed_column(const Run *run, const PlanFeed *feed, const Data *data) {
  Gathering gathering = {run, *feed, data, run->example, run->rows};
  const RunSet *set = set_of_column(run, &gathering.feed.index);
  if (set) gathering.data = set->data, gathering.example = set->example;
  if (run->pool && run->rows * feed->count > FEED_SMALL)
    pool_run(run->pool, feed_piece, &gathering, FEED_PIECES);
  else
    feed_piece(&gathering, 0, 1);
  size_t example = (size_t)feed->count * sizeof(float);
  spill_used(gathering.data->spill, (size_t)run->rows * (example > FEED_PAGE ? example : FEED_PAGE));
}

void feed_program(Run *run, const Data *data, int program, int64_t rows, Moment moment) {
  const PlanProgram *p = &run->plan->program[program];
  run->rows = rows;
  sets_place(run, data == &run->test, p->batch, moment);
  for (int i = 0; i < p->feeds; i++) {
    const PlanFeed *feed = &p->feed[i];
    if (feed_is_of_examples(feed))
      feed_column(run, feed, data);
    else if (feed->kind == FEED_TOTAL || feed->kind == FEED_REST)
      feed_total(feed, moment.total[feed->index], run->memory + feed->at);
    else
      run->memory[feed->at] = feed_number(run, feed, moment);
  }
}

double output_value(const Run *run, const PlanOutput *output, int64_t row) {
  return run->memory[output->at + (output->per_example ? row : 0)];
}

double output_mean(const Run *run, const PlanProgram *program, const PlanOutput *output) {
  if (!output->per_example) return output_value(run, output, 0);
  int64_t rows = run->rows ? run->rows : program->batch;
  double sum = 0;
  for (int64_t row = 0; row < rows; row++) sum += output_value(run, output, row);
  return sum / (double)rows;
}
