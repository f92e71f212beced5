// Zip files: what NPZ files are. Members are stored or deflated; nothing beyond 4 GiB, and nothing encrypted.
#ifndef GMC_ZIP_H
#define GMC_ZIP_H

#include "core/inflate.h"

typedef struct {
  Arena *arena;
  const char *path;
  const uint8_t *bytes;
  size_t size;
  size_t directory, end;  // where the directory begins and ends
} Zip;

typedef struct {
  const char *name;
  const uint8_t *entry;  // of the directory
} ZipMember;

bool zip_is_file(Bytes file);  // does it begin as a zip file does?

// Fails with EXIT_DATA, as the others, and what is wrong.
Zip zip_open(Arena *a, const char *path, Bytes file);

// The member at *at in the directory, from z->directory on, moved past it; false after the last.
bool zip_next(const Zip *z, size_t *at, ZipMember *m);

// A member's bytes, in an arena; `path` names it in messages. `inflate` may be NULL: then compressed ones are refused.
Bytes zip_member(const Zip *z, Arena *own, Inflate *inflate, const char *path, const ZipMember *m);

// Is the member the array `name`: called so, or so with `.npy` behind it?
bool zip_called(const ZipMember *m, const char *name);

_Noreturn void zip_refuse(const Zip *z, const char *what);

#endif
