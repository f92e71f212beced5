// Records: a run's numbers, one line for each epoch and split, as JSON Lines and as CSV.
//
// The files hold no times (times.h keeps them) and nothing of the machine, and a checkpoint keeps their lengths: what was written after it
// is cut off when the run goes on, so that a resumed run's files equal those of a run that was never stopped.
#ifndef GMC_RECORDS_H
#define GMC_RECORDS_H

#include "core/file.h"
#include "train/measure.h"
#include "train/times.h"

typedef struct RecordsEarlier RecordsEarlier;

typedef struct {
  int64_t jsonl, csv;  // bytes
} RecordLengths;

typedef struct {
  const char *name;
  bool aside;  // of another column: its standard error, or the size of its batches
} RecordColumn;

typedef struct Records {
  Arena *arena;
  const char *folder;
  RecordColumn *column;  // of the CSV, after step, epoch and split
  int columns;
  int jsonl, csv;  // file descriptors
  RecordLengths length;
  int64_t lines;  // of metrics.jsonl
  Times *times;   // of these, or NULL
  Text line;      // being written
} Records;

// What another run had recorded, up to some lengths.
struct RecordsEarlier {
  Bytes jsonl, csv, times;
};

// Reads it from that run's folder. Fails with EXIT_DATA if a file is shorter than that.
RecordsEarlier *records_earlier(Arena *a, const char *folder, RecordLengths length);

// Opens metrics.jsonl and metrics.csv, cut to the given lengths (0, 0 for a new run), or begun with what is `earlier`,
// of the CSV where it has the same columns. The columns are the names of `lines` and of the test program's outputs,
// with their standard errors, and the size of the batch where examples meet. Fails with EXIT_DATA if a file is shorter
// than that.
Records *records_open(Arena *a, const char *folder, const Plan *plan, const Line *line, RecordLengths length,
                      const RecordsEarlier *earlier);

// Adds a line to both files. Of a line that does not learn in every step a member "learnt" says how often it did,
// {"discern":212}; where it did not at all it has no number here and an empty cell in the CSV. JSON has no word for a
// measure that is not finite: there it is null, and a last member, "not_finite", says what it is: {"nll":"inf"}. In the
// cell of the CSV stands that word.
void records_add(Records *r, int64_t step, int64_t epoch, const char *split, const Measure *measure, int n);

// Makes a member of the folder's run.json, which is there, the last one: `value`, as JSON, in place of what it was.
void records_outcome(Arena *a, const char *folder, const char *member, const char *value);

// What was added is on the disk when this returns.
void records_sync(Records *r);

// The run has come to where it stands now: if it goes on from here, so do its times.
void records_stand(Records *r);

#endif
