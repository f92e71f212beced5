// A run: a plan, its memory, its data and its place in the training. What every part of the runtime is handed.
#ifndef GMC_RUN_H
#define GMC_RUN_H

#include "core/inflate.h"
#include "core/plan.h"

typedef struct Pool Pool;  // runtime/core/pool.h

// One array of the data, for all examples of a split: bytes, or floats. Exactly one of the two is set.
typedef struct {
  int64_t examples;
  int64_t count;              // elements of an example
  const uint8_t *byte;
  const float *value;
  const uint8_t *known;       // of a column with holes, one for each value: 0 where it stands in a hole; NULL: none does
  float scale, shift;         // values are scale * byte + shift; 1 and 0 for floats, to which it has been done
  const char *stored;         // the numbers' type in the file, for people
  const int64_t *line;        // of each example in its file, from 1; NULL where files have no lines
  const char *const *word;    // texts that stand for labels: label i is word[i]; NULL if labels are numbers
  int words;
} Array;

typedef struct Data {
  int64_t examples;           // in this split
  Array *column;              // one for each column of the plan; none for DATA_GENERATED
  const char *note;           // what a reader would have said of its files, or NULL
  Arena *arena;               // where arrays of it lie
  Spill *spill;               // what of it does not fit into memory, or NULL
} Data;

// How the numbers of a column's files become values: scale * number + shift, and texts labels. Decided once, by the
// training split.
typedef struct {
  float scale, shift;
  const char *const *word;  // as those of Array
  int words;
} Reading;

// Of a column with principal axes: the mean of its training split, and the axes, [axes, count].
typedef struct {
  const float *mean, *axis;
} Principal;

typedef struct DataFiles DataFiles;  // runtime/data/data.h

// Makes the arrays of one split, all columns, from its files: numbers as they are stored (runtime/data/data.h).
typedef void DataReader(Arena *a, const DataFiles *files, Data *into);

typedef struct Run Run;

// Puts coordinates along principal axes in the place of a column's values in a split (runtime/data/data.h).
typedef void DataAxes(Run *run, int column, Data *data);

// A further set of the data: a run that holds its splits and nothing else, and which of its examples stand beside those
// of the batch.
typedef struct {
  Run *run;
  const Data *data;  // the split that is fed
  int32_t *example;  // index in it of each row of the batch
  int32_t *order;    // of the training split in one of its own epochs:
  int64_t epoch;     // this one,
  uint32_t seed;     // by this seed
  bool ordered;      // if any
} RunSet;

struct Run {
  Arena *arena;
  const Plan *plan;
  float *memory;           // plan->peak floats
  Pool *pool;
  struct Exec *exec;       // runtime/engine/exec.c; NULL in an emitted program
  struct Blas *blas;       // who makes the products of plans for it; NULL otherwise
  const char *products;    // who makes them: "own", or of which version, by kernels for which processor
  Data train, test;
  size_t data_memory;      // bytes that data may take of it, the rest lies in a file; 0: no matter how many
  RunSet *other;           // for each of plan->other (runtime/data/sets.h)
  struct DataAhead *ahead; // the test split on its way (runtime/data/data.c), or NULL
  Reading *reading;        // of each column; NULL until it is known
  Principal *principal;    // of each column; NULL until they are known
  DataReader *reader;      // of the plan's files: data_reader(format); an emitted program names the one it needs
  DataAxes *axes;          // data_axes, or NULL in an emitted program that has no such columns
  Inflate *inflate;        // what compressed files are expanded by
  void (*execute)(Run *run, int program);  // runs one program of the plan once
  int64_t rows;            // examples that the execution is for: the first ones of a batch; 0: all of it
  bool again;              // it is for further examples, and nothing else has changed since the one before: what no
                           // example changes is there
  // the address of random numbers; set before every execution
  uint32_t seed;
  uint32_t start;          // of several of the run, from 0: starts, draws and order of the training are its own
  Purpose purpose;
  uint32_t step;           // of the run, from 0; epoch for PURPOSE_TEST and PURPOSE_SHOW
  uint32_t turn;
  uint32_t first_position; // of the batch's first row among all rows drawn for this step
  int32_t *example;        // index in the split of each row of the batch
  int64_t at_turn[MAX_LOOPS];  // the present turn of each loop of the plan that is running, from the outermost
};

// The seed of what differs from start to start. Of the first it is the run's.
static inline uint32_t run_start_seed(const Run *run) { return run->seed + run->start * 0x9e3779b9u; }

// Of a column, counted through all sets of data: the set that holds it, where *column becomes its index; NULL: the first.
static inline RunSet *set_of_column(const Run *run, int *column) {
  const Plan *plan = run->plan;
  if (!run->other || *column < plan->columns) return NULL;
  int set = 0;
  for (*column -= plan->columns; *column >= plan->other[set].columns; set++) *column -= plan->other[set].columns;
  return &run->other[set];
}

// The same as a run: of the first set the run itself.
static inline const Run *run_of_column(const Run *run, int *column) {
  const RunSet *set = set_of_column(run, column);
  return set ? set->run : run;
}

#endif
