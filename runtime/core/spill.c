// Memory in a file without a name; see spill.h.
//
// Invariant: room for all of an object is there before it is handed out, so that writing to it cannot fail.
#include "core/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPILL_LEAST = 1 << 20 };

typedef struct Mapping {
  struct Mapping *next;
  Spill *spill;
  void *at;
  size_t size;
} Mapping;

struct Spill {
  size_t budget, left, used;
  Mapping *first;
};

static void spill_unmap(void *mapping) {
  Mapping *m = mapping;
  Mapping **link = &m->spill->first;
  while (*link != m) link = &(*link)->next;
  *link = m->next;
  if (m->at) munmap(m->at, m->size);
}

// A file of that size that no folder shows, or -1 and errno.
static int spill_file(Arena *a, const char *folder, size_t size) {
  char *path = arena_format(a, "%s/gmc-XXXXXX", folder);
  int file = mkostemp(path, O_CLOEXEC);
  if (file < 0) return -1;
  unlink(path);
  int error = posix_fallocate(file, 0, (off_t)size);
  if (error == 0) return file;
  close(file);
  errno = error;
  return -1;
}

static void *spill_take(Arena *a, size_t size) {
  Spill *s = a->spill;
  if (size < SPILL_LEAST || size <= s->left) {
    if (size >= SPILL_LEAST) s->left -= size;
    return NULL;
  }
  const char *folder = getenv("TMPDIR");
  if (!folder || !*folder) folder = "/var/tmp";
  Mapping *m = NEW(a, Mapping);
  *m = (Mapping){.next = s->first, .spill = s, .size = size};
  s->first = m;
  arena_cleanup(a, spill_unmap, m);
  int file = spill_file(a, folder, size);
  void *at = file < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  int error = errno;
  if (file >= 0) close(file);
  if (at == MAP_FAILED)
    fail(a, EXIT_CANTCREATE, "%s: no room for %.1f MiB of data that do not fit into memory: %s; TMPDIR names another folder",
         printable(a, folder), (double)size / (1 << 20), strerror(error));
  return m->at = at;
}

Spill *spill_open(Arena *a, size_t budget) {
  Spill *s = NEW(a, Spill);
  s->budget = s->left = budget;
  a->spill = s;
  a->spill_take = spill_take;
  return s;
}

void spill_let_go(Spill *s) {
  for (const Mapping *m = s ? s->first : NULL; m; m = m->next) madvise(m->at, m->size, MADV_DONTNEED);
  if (s) s->used = 0;
}

void spill_used(Spill *s, size_t bytes) {
  if (!s || !s->first) return;
  s->used += bytes;
  if (s->used > s->budget / 2) spill_let_go(s);
}

size_t spill_size(const Spill *s) {
  size_t size = 0;
  for (const Mapping *m = s ? s->first : NULL; m; m = m->next) size += m->size;
  return size;
}
