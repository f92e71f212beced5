// A run: a plan, its memory, its data and its place in the training. What every part of the runtime is handed.
#ifndef GMC_RUN_H
#define GMC_RUN_H

#include "plan.h"

typedef struct Pool Pool;  // runtime/pool.h

// One array of the data, for all examples of a split: bytes, or floats. Exactly one of the two is set.
typedef struct {
  int64_t examples;
  int64_t count;         // elements of an example
  const uint8_t *byte;
  const float *value;
} Array;

typedef struct Data {
  int64_t examples;      // in this split
  Array *column;         // one for each column of the plan; none for DATA_GENERATED
} Data;

// Makes the arrays of one split, all columns, from its files (runtime/data.h).
typedef void DataReader(Arena *a, const Plan *plan, const char *const *files, Data *into);

typedef struct Run Run;
struct Run {
  Arena *arena;
  const Plan *plan;
  float *memory;           // plan->peak floats
  Pool *pool;
  struct Exec *exec;       // runtime/exec.c; NULL in an emitted program
  Data train, test;
  struct DataAhead *ahead; // the test split on its way (runtime/data.c), or NULL
  DataReader *reader;      // of the plan's files: data_reader(format); an emitted program names the one it needs
  void (*execute)(Run *run, int program);  // runs one program of the plan once
  // the address of random numbers; set before every execution
  uint32_t seed;
  Purpose purpose;
  uint32_t step;           // of the run, from 0; epoch for PURPOSE_TEST and PURPOSE_SHOW
  uint32_t turn;
  uint32_t first_position; // of the batch's first row among all rows drawn for this step
  int32_t *example;        // index in the split of each row of the batch
  int64_t at_turn[MAX_LOOPS];  // the present turn of each loop of the plan that is running, from the outermost
};

#endif
