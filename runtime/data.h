// The data of a run: files to arrays, checked once as they are read, and from arrays to batches.
//
// After loading, every column has as many examples as its split, labels are below `classes`, and real values are finite
// and within the column's support: nothing downstream checks again. Bytes stay bytes in memory and are scaled when
// gathered.
#ifndef GMC_DATA_H
#define GMC_DATA_H

#include "file.h"
#include "inflate.h"
#include "run.h"

// The readers. gmc sets run->reader to data_reader(format); an emitted program sets the one it needs, and is given that
// one's code alone. IDX with gzip by libdeflate:
void data_read_idx(Arena *a, const Plan *plan, const char *const *files, Data *into);

// ... and by zlib:
void data_read_idx_zlib(Arena *a, const Plan *plan, const char *const *files, Data *into);

void data_read_npy(Arena *a, const Plan *plan, const char *const *files, Data *into);

void data_read_csv(Arena *a, const Plan *plan, const char *const *files, Data *into);

DataReader *data_reader(DataFormat format);  // NULL for DATA_NONE and DATA_GENERATED

// Loads a split with run->reader, once: later calls return at once. Without files for the test split the last
// floor(holdout * n) examples of the files are the test split, and loading either loads both. For DATA_GENERATED only
// `examples` is set. Fails with EXIT_NOINPUT for a file that is not there and EXIT_DATA for one that is not as it
// should be.
void data_load_train(Run *run);

void data_load_test(Run *run);

// Begins to load the test split's files, if it has any, by a thread of its own; data_load_test waits for them. What is
// wrong with them is told there.
void data_begin_test(Run *run);

// A number that tells data apart, for the run record: of all arrays of the split, in order.
uint64_t data_hash(const Run *run, const Data *data);

// Puts the rows example[0 .. batch-1] of feed's column into into[batch][count], bytes as scale * byte + shift and
// labels as they are. Rows may be gathered in pieces by several threads: pass the piece's first example and place.
void data_gather(const Run *run, const PlanFeed *feed, const Data *data, const int32_t *example, int64_t batch,
                 float *restrict into);

// For readers: how many examples of the column an array of this shape holds: the first size is the number of examples,
// the others must multiply to the column's count. Fails with the shape in the message.
int64_t data_examples(Arena *a, const PlanColumn *column, const char *path, int rank, const int64_t *dim);

// For readers of one array a file: fails unless there is a file for each column. Files past the last column are not
// read.
void data_enough_files(Arena *a, const Plan *plan);

// What to say about a file of the data that is not there.
const char *data_hint(Arena *a, const Plan *plan);

#endif
