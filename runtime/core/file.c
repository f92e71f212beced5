// Files: read whole, and replaced at once or not at all; see file.h.
//
// Invariant: while a NewFile is open its cleanup closes and removes the temporary, so that a failure anywhere leaves
// only the old file.
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BUFFER = 64 << 10 };

static const char file_mark[] = ".tmp-";  // between a file's name and its writer's process, in the temporary's name

struct NewFile {
  Arena *arena;
  const char *path;       // as given, for messages
  const char *target;     // where it goes: path, or what it links to
  const char *temporary;  // what is being written; NULL when the target is a device or a pipe, written in place
  struct Cleanup *cleanup;
  int descriptor;
  size_t used;
  uint8_t *buffer;
};

bool size_product(size_t a, size_t b, size_t *out) {
  *out = a * b;
  return a == 0 || b <= SIZE_MAX / a;
}

bool size_sum(size_t a, size_t b, size_t *out) {
  *out = a + b;
  return *out >= a;
}

bool file_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0;
}

const char *file_absolute(Arena *a, const char *path) {
  char here[PATH_MAX];
  if (*path == '/') return path;
  if (!getcwd(here, sizeof here)) fail(a, EXIT_IO, "the working folder: %s", strerror(errno));
  return arena_format(a, "%s/%s", here, path);
}

void streams_begin(void) {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != stream) return;  // to write there fails, rightly
}

int streams_end(int code) {
  bool out = fflush(stdout) == 0 && !ferror(stdout);
  if (out || code != EXIT_DONE) return code;
  fputs("gmc: cannot write to the standard output\n", stderr);
  return EXIT_IO;
}

static void file_close_descriptor(void *descriptor) { close(*(int *)descriptor); }

// Opens a regular file of at most `limit` bytes. Never waits, as opening a pipe would.
static int file_open(Arena *a, const char *path, size_t limit, const char *hint, size_t *size) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(a, EXIT_NOINPUT, "%s: %s%s%s", printable(a, path), strerror(errno), *hint ? "; " : "", hint);
  struct stat st;
  bool known = fstat(descriptor, &st) == 0;
  int error = errno;
  if (known && S_ISREG(st.st_mode) && (uintmax_t)st.st_size <= limit) {
    *size = (size_t)st.st_size;
    return descriptor;
  }
  close(descriptor);
  if (!known) fail(a, EXIT_IO, "%s: cannot be examined: %s", printable(a, path), strerror(error));
  if (S_ISDIR(st.st_mode)) fail(a, EXIT_DATA, "%s: is a folder, not a file", printable(a, path));
  if (!S_ISREG(st.st_mode)) fail(a, EXIT_DATA, "%s: is not a regular file", printable(a, path));
  fail(a, EXIT_DATA, "%s: has %jd bytes, more than the %zu allowed", printable(a, path), (intmax_t)st.st_size, limit);
}

// At most `most` bytes from the byte `from` on.
static Bytes file_take(Arena *a, const char *path, size_t limit, size_t from, size_t most, const char *hint) {
  size_t size = 0, got = 0;
  int *descriptor = NEW(a, int);  // for the cleanup, should memory run out below
  *descriptor = file_open(a, path, limit, hint, &size);
  if (from > size) from = size;
  size -= from;
  if (size > most) size = most;
  struct Cleanup *closing = arena_cleanup(a, file_close_descriptor, descriptor);
  if (from > 0 && lseek(*descriptor, (off_t)from, SEEK_SET) < 0)
    fail(a, EXIT_IO, "%s: cannot be read: %s", printable(a, path), strerror(errno));
  uint8_t *data = arena_alloc(a, size + 1, 1);
  while (got < size) {
    ssize_t n = read(*descriptor, data + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += (size_t)n;
  }
  int error = errno;
  arena_release(a, closing);
  if (got < size)
    fail(a, EXIT_IO, "%s: cannot be read past byte %zu of %zu: %s", printable(a, path), got, size,
         error ? strerror(error) : "it became shorter");
  return (Bytes){data, size};
}

Bytes file_read(Arena *a, const char *path, size_t limit, const char *hint) {
  return file_take(a, path, limit, 0, limit, hint);
}

Bytes file_rest(Arena *a, const char *path, size_t from, size_t limit) {
  return file_take(a, path, limit, from, limit, "");
}

Bytes file_head(Arena *a, const char *path, size_t most, const char *hint) {
  return file_take(a, path, SIZE_MAX / 2, 0, most, hint);
}

// Closes and removes the temporary.
static void file_abandon(void *file) {
  NewFile *f = file;
  close(f->descriptor);
  if (f->temporary) unlink(f->temporary);
}

static _Noreturn void file_fail(NewFile *f, int code, const char *what) {
  int error = errno;
  arena_release(f->arena, f->cleanup);
  const char *stays = f->temporary && file_exists(f->target) ? "; the old file is unchanged" : "";
  fail(f->arena, code, "%s: %s: %s%s", printable(f->arena, f->path), what, strerror(error), stays);
}

NewFile *file_begin(Arena *a, const char *path) {
  NewFile *f = NEW(a, NewFile);
  char real[PATH_MAX];
  struct stat st;
  bool exists = stat(path, &st) == 0;
  if (exists && S_ISDIR(st.st_mode)) fail(a, EXIT_CANTCREATE, "%s: is a folder", printable(a, path));
  f->arena = a;
  f->path = path;
  f->target = exists && realpath(path, real) ? arena_copy(a, real) : path;
  if (!exists || S_ISREG(st.st_mode)) f->temporary = arena_format(a, "%s%s%ld", f->target, file_mark, (long)getpid());
  f->buffer = arena_alloc(a, FILE_BUFFER, 1);
  f->descriptor = f->temporary ? open(f->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
                               : open(f->target, O_WRONLY | O_CLOEXEC);
  if (f->descriptor < 0) fail(a, EXIT_CANTCREATE, "%s: cannot be written: %s", printable(a, path), strerror(errno));
  f->cleanup = arena_cleanup(a, file_abandon, f);
  return f;
}

static void file_write_out(NewFile *f, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(f->descriptor, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) file_fail(f, EXIT_IO, "cannot be written");
    bytes += n;
    length -= (size_t)n;
  }
}

void file_add(NewFile *f, const void *bytes, size_t length) {
  if (length > FILE_BUFFER - f->used) {
    file_write_out(f, f->buffer, f->used);
    f->used = 0;
  }
  if (length > FILE_BUFFER) {
    file_write_out(f, bytes, length);
  } else if (length > 0) {
    memcpy(f->buffer + f->used, bytes, length);
    f->used += length;
  }
}

// Makes the new name last. File systems that cannot sync a folder say EINVAL.
static void file_sync_folder(NewFile *f) {
  const char *slash = strrchr(f->target, '/');
  const char *folder = !slash               ? "."
                       : slash == f->target ? "/"
                                            : arena_slice(f->arena, f->target, (size_t)(slash - f->target));
  int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error && error != EINVAL)
    fail(f->arena, EXIT_IO, "%s: its folder cannot be synced: %s", printable(f->arena, f->path), strerror(error));
}

void file_commit(NewFile *f) {
  file_write_out(f, f->buffer, f->used);
  f->used = 0;
  if (fsync(f->descriptor) != 0 && (f->temporary || errno == EIO || errno == ENOSPC))
    file_fail(f, EXIT_IO, "cannot be written");
  if (f->temporary && rename(f->temporary, f->target) != 0) file_fail(f, EXIT_CANTCREATE, "cannot be replaced");
  bool renamed = f->temporary != NULL;
  f->temporary = NULL;
  arena_release(f->arena, f->cleanup);
  if (renamed) file_sync_folder(f);
}

void file_replace(Arena *a, const char *path, const void *bytes, size_t length) {
  NewFile *f = file_begin(a, path);
  file_add(f, bytes, length);
  file_commit(f);
}

// The process whose temporary this is, or 0.
static pid_t file_writer(const char *name) {
  const char *mark = strstr(name, file_mark);
  char *end;
  long pid = mark ? strtol(mark + strlen(file_mark), &end, 10) : 0;
  return pid > 0 && *end == '\0' ? (pid_t)pid : 0;
}

// One of this process's own number was left by an earlier process, as numbers begin anew in every container: whoever
// sweeps has nothing open there yet.
void file_sweep(const char *folder) {
  DIR *entries = opendir(folder);
  for (struct dirent *e; entries && (e = readdir(entries));) {
    pid_t writer = file_writer(e->d_name);
    bool gone = writer && (writer == getpid() || (kill(writer, 0) != 0 && errno == ESRCH));
    if (gone) unlinkat(dirfd(entries), e->d_name, 0);
  }
  if (entries) closedir(entries);
}
