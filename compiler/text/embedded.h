// Texts built into the program by grammar/embed.c.
#ifndef GMC_EMBEDDED_H
#define GMC_EMBEDDED_H

#include <stddef.h>

typedef struct {
  const char *name;  // path in the repository: grammar/std/normal.gm
  const char *text;  // NUL-terminated
  size_t length;
} EmbeddedFile;

extern const EmbeddedFile embedded_std[];      // the standard library; ends with a NULL name
extern const EmbeddedFile embedded_report[];   // the page of `gmc report`
extern const EmbeddedFile embedded_runtime[];  // the runtime's sources, for the emitter

#endif
