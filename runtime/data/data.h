// The data of a run: files to arrays, checked once as they are read, and from arrays to batches.
//
// After loading, every column has as many examples as its split, labels are whole and below `classes`, and real values
// are finite and within the column's support, holes filled with one of them: nothing downstream checks again. Bytes stay bytes in memory and are
// scaled when gathered.
#ifndef GMC_DATA_H
#define GMC_DATA_H

#include "core/file.h"
#include "core/run.h"
#include "formats/stored.h"

// The files of one split.
struct DataFiles {
  const Plan *plan;
  const char *const *path;  // plan->data.files of them
  bool test;                // of the test split
  Inflate *inflate;
};

// The readers. gmc sets run->reader to data_reader(format); an emitted program sets the one it needs, and is given that
// one's code alone.
void data_read_idx(Arena *a, const DataFiles *files, Data *into);

void data_read_npy(Arena *a, const DataFiles *files, Data *into);

void data_read_npz(Arena *a, const DataFiles *files, Data *into);

void data_read_csv(Arena *a, const DataFiles *files, Data *into);

// The path is a folder's. Pictures of other sizes are brought to the column's (picture_fit).
void data_read_images(Arena *a, const DataFiles *files, Data *into);

// The path is the folder of data_batch_1.bin to data_batch_5.bin and test_batch.bin.
void data_read_cifar10(Arena *a, const DataFiles *files, Data *into);

// A text in UTF-8: windows of it, or lines.
void data_read_text(Arena *a, const DataFiles *files, Data *into);

DataReader *data_reader(DataFormat format);  // NULL for DATA_NONE and DATA_GENERATED

// By the one that the plan's format has, which is one of files.
void data_read_any(Arena *a, const DataFiles *files, Data *into);

// Loads a split with run->reader, once: later calls return at once. Without files for the test split,
// floor(holdout * n) examples of the files are the test split, and loading either loads both. For DATA_GENERATED only
// `examples` is set. Fails with EXIT_NOINPUT for a file that is not there and EXIT_DATA for one that is not as it
// should be.
//
// How numbers become values is decided by the training split: numbers that lie in the column's interval are values;
// where they do not, and the interval is bounded, whole numbers of 0 .. 255 are levels, 0 its lower end and 255 its
// upper. All else is refused. Labels are never scaled.
void data_load_train(Run *run);

void data_load_test(Run *run);

// Begins to load the test split's files, if it has any, by a thread of its own; data_load_test waits for them. What is
// wrong with them is told there.
void data_begin_test(Run *run);

// A number that tells data apart, for the run record: of all arrays of the split, in order.
uint64_t data_hash(const Run *run, const Data *data);

// Puts the rows example[0 .. batch-1] of feed's column, or of what is known of it, into into[batch][count]. Rows may be gathered in pieces by
// several threads: pass the piece's first example and place.
void data_gather(const PlanFeed *feed, const Data *data, const int32_t *example, int64_t batch, float *restrict into);

// One line for each column, on stderr: its examples, type and shape; least, mean and greatest value; how values were
// made of what was stored.
void data_say(const Run *run);

// For run->reading: decides how numbers become values where that is not known yet, makes values of a split's arrays and
// checks them.
void data_settle(Run *run, const char *const *path, Data *data);

// Sets the tensors that hold statistics of the training split, which has been loaded: means, and deviations, of which 0
// becomes 1, both by double precision, in two passes; and principal axes.
void data_statistics(const Run *run);

// DataAxes. Principal axes of the column over the training split, if run->principal does not have them: the unit vectors
// along which its values, less their mean, vary most, the greatest of each one's numbers positive. The training split
// comes first. Fails with EXIT_DATA where it has no more examples than there are axes.
void data_axes(Run *run, int column, Data *data);

// The axes that stand in memory now are those of the run's data, which is not loaded yet.
void data_axes_take(Run *run);

// run->reading as a text to keep with the weights, and back; false if the text is none of this plan's.
const char *data_readings_text(Arena *a, const Run *run);

bool data_readings_take(Run *run, const char *text);

// --- for readers

// Understands what a format's file begins with, of which `got` bytes are there; *size: bytes the whole must have.
typedef Stored DataBegin(Arena *a, const char *path, const uint8_t *bytes, size_t got, size_t *size);

// The column's array in a file that holds one, compressed by gzip or not. Nothing is allocated for it before its
// promised size is known to be possible for a file of this size.
Array data_array(Arena *a, const DataFiles *files, const PlanColumn *column, const char *path, DataBegin *begin);

// The same from the bytes themselves, which lie in an arena of their own: it is closed if they are not needed.
Array data_take(Arena *a, Arena *own, const PlanColumn *column, const char *path, Bytes file, DataBegin *begin);

// For formats of one array a file: fails unless there is a file for each column. Files past the last column are not
// read.
void data_enough_files(Arena *a, const Plan *plan);

// For formats of pictures: which column holds them, and which their labels, -1 if none does. Fails with EXIT_DATA where
// the columns are others.
typedef struct {
  int picture, label;
  int64_t height, width, channels;
} PictureColumns;

PictureColumns data_picture_columns(Arena *a, const Plan *plan);

// What to say about a file of the data that is not there.
const char *data_hint(Arena *a, const Plan *plan);

#endif
