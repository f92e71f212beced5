// Sources and diagnostics: texts of .gm files, places in them, and what is said about them.
//
// A Span is a range of bytes in one of the compilation's texts. A diagnostic has a stable code whose wording stands in
// compiler/text/diagnostics.def, a span, and optionally notes (other places that matter) and a help line (the mend).
// Diagnostics are collected, printed sorted by place when the compilation ends or fails, and count.
#ifndef GMC_SOURCE_H
#define GMC_SOURCE_H

#include "core/base.h"

typedef struct {
  int file;             // index of the text, -1 for no place
  uint32_t begin, end;  // byte offsets, end exclusive
} Span;

typedef struct {
  const char *name;  // as shown: models/cvae.gm, std/normal.gm, --prior
  const char *text;
  size_t length;
  bool library;  // part of the standard library
  bool made;     // by the compiler itself: nobody has written it
} SourceText;

typedef enum {
#define DIAGNOSTIC(CODE, ...) CODE,
#include "text/diagnostics.def"
  DIAGNOSTIC_COUNT
} DiagnosticCode;

typedef struct Sources Sources;

Sources *sources_new(Arena *a);
// Registers a text; `text` must live as long as the arena, and text[length] be 0. Returns its index.
int sources_add(Sources *s, const char *name, const char *text, size_t length, bool library);
int sources_made(Sources *s, const char *name, const char *text);  // likewise, a text that the compiler makes
// Reads a file: at most 4 MiB, valid UTF-8, no NUL. Fails with EXIT_NOINPUT or EXIT_DATA.
int sources_read(Sources *s, const char *path);
// The path of a file that came with gmc, such as models/cvae.gm: beside the program, or where it was installed. NULL when
// it is in neither place.
const char *shipped_file(Arena *a, const char *path);
const SourceText *sources_text(const Sources *s, int file);
int sources_count(const Sources *s);
Span span_join(Span a, Span b);
int span_line(const Sources *s, Span where);    // from 1
int span_column(const Sources *s, Span where);  // from 1, in code points
// What stands there, on one line with single spaces and without comments.
const char *span_text(Arena *a, const Sources *s, Span where);

// Reports diagnostic `code` at `where`; the arguments fill the format of diagnostics.def. Returns nothing:
// the caller goes on with an error value, or calls diagnostics_stop.
void report(Sources *s, DiagnosticCode code, Span where, ...);
void report_list(Sources *s, DiagnosticCode code, Span where, va_list list);
// Adds a line to the last report: another place, and a mend.
void report_note(Sources *s, Span where, const char *format, ...) PRINTF_LIKE(3, 4);
void report_help(Sources *s, const char *format, ...) PRINTF_LIKE(2, 3);

int diagnostics_errors(const Sources *s);  // warnings not counted
// Prints all that was collected and not yet printed, in this form (no colour here; `colour` asks for it):
//   models/cvae.gm:14:7: error[E0301]: shapes [16] and [784] do not fit `+`
//      14 |   x = h + y
//         |       ^^^^^
//      12 |   h = dense(z, 16)
//         |       ------------ this is [16]
//     help: ...
void diagnostics_print(Sources *s, FILE *out, bool colour);
void diagnostics_text(Sources *s, Text *out);
// Leaves the compilation with EXIT_DATA if there are errors (they have been or will be printed by the caller).
void diagnostics_stop(Sources *s);
// The long explanation of a code (`gmc explain E0107`), or NULL.
const char *diagnostic_explain(const char *code);
// The candidate nearest to `name` by edit distance, or NULL when none is near: for "did you mean".
const char *nearest_name(const char *name, int n, const char *const *candidate);

#endif
