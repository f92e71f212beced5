// Files: read whole, and replaced at once or not at all.
//
// A file is written beside its place, synced, renamed over the old one, and its folder is synced: whoever looks, and
// whatever stops us, finds the old file or the new one, never a mixture.
#ifndef GMC_FILE_H
#define GMC_FILE_H

#include "core/base.h"

typedef struct {
  const uint8_t *data;  // 64-byte aligned when it is 4096 bytes or more; a NUL follows the last byte
  size_t size;
} Bytes;

// Reads a regular file of at most `limit` bytes. Fails with EXIT_NOINPUT if it cannot be opened, EXIT_DATA if it is
// larger or no regular file, EXIT_IO if it cannot be read. `hint` (or "") ends the message for a file that is not
// there.
Bytes file_read(Arena *a, const char *path, size_t limit, const char *hint);

// The same of what it has from the byte `from` on, nothing where it is shorter; `limit` is of the whole file.
Bytes file_rest(Arena *a, const char *path, size_t from, size_t limit);

// The same of its first bytes alone, at most `most`.
Bytes file_head(Arena *a, const char *path, size_t most, const char *hint);

bool file_exists(const char *path);

// The path from the root. Names stay apart by their text alone: nothing is looked up but the working folder.
const char *file_absolute(Arena *a, const char *path);

// To be called before any file is opened: where standard input, output or error is closed, the next file would take its
// number, and what is said would be written into it.
void streams_begin(void);

// To be called last: `code`, or EXIT_IO with a message if all was well but what went to stdout did not get there.
int streams_end(int code);

// A file on its way to replace `path`. Until file_commit the old one stays, and is there still after a failure.
typedef struct NewFile NewFile;

NewFile *file_begin(Arena *a, const char *path);              // fails with EXIT_CANTCREATE
void file_add(NewFile *f, const void *bytes, size_t length);  // fails with EXIT_IO
void file_commit(NewFile *f);                                 // fails with EXIT_IO

// All three at once.
void file_replace(Arena *a, const char *path, const void *bytes, size_t length);

// Removes what processes that were killed while they wrote have left in a folder.
void file_sweep(const char *folder);

// a * b and a + b; false if they do not fit.
bool size_product(size_t a, size_t b, size_t *out);

bool size_sum(size_t a, size_t b, size_t *out);

#endif
