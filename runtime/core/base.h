// Memory and failure: the two things every other file needs.
//
// An Arena owns all memory of one compilation or one run, and is also the way out of it: fail() prints
// one line on stderr and returns to the place that opened the arena, which closes it. Nothing else in
// gmc calls malloc, free, exit or abort.
#ifndef GMC_BASE_H
#define GMC_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/machine.h"

// Exit codes, after sysexits.
enum {
  EXIT_DONE = 0,
  EXIT_NUMBERS = 1,      // NaN, divergence, or a check that found errors
  EXIT_USAGE = 64,       // command line
  EXIT_DATA = 65,        // bad model, data or weights
  EXIT_NOINPUT = 66,     // missing input file
  EXIT_MACHINE = 69,     // a processor that the program was not built for, or a library that is not there
  EXIT_SOFTWARE = 70,    // our own bug
  EXIT_MEMORY = 71,
  EXIT_CANTCREATE = 73,
  EXIT_IO = 74,
  EXIT_LOCKED = 75,      // another run holds the folder
  EXIT_CONFIG = 78,      // run file
  EXIT_HANGUP = 129,     // stopped, cleanly: its terminal is gone
  EXIT_INTERRUPT = 130,  // by Ctrl-C
  EXIT_TERMINATE = 143
};

#if defined(__GNUC__)
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define PRINTF_LIKE(f, a)
#endif

typedef struct Spill Spill;

typedef struct Arena {
  struct Block *block;      // memory handed out, newest first
  struct Cleanup *cleanup;  // files, threads and mappings to let go, newest first
  struct Arena *parent;     // failures of a child leave through its parent
  jmp_buf escape;           // where fail() goes; set by ARENA_TRY
  int code;                 // exit code of the failure
  Spill *spill;             // where large objects may go; its parent's, or NULL: nowhere else (spill.h)
  void *(*spill_take)(struct Arena *a, size_t size);  // takes one from there, zeroed; NULL: it is taken as ever
  bool silent;              // failures that come here print nothing: whoever catches them tries again, or tells
} Arena;

// A new arena, child of `parent` (or NULL). A child is closed with its parent at the latest.
// Returns NULL only when there is no parent and no memory.
Arena *arena_open(Arena *parent);
void arena_close(Arena *a);

// if (ARENA_TRY(a) == 0) { work } else { it failed with a->code }
#define ARENA_TRY(a) setjmp((a)->escape)

// Zeroed memory for count items of size bytes, 64-byte aligned when it is 4096 bytes or more, otherwise
// 16-byte aligned. Never NULL: fails with EXIT_MEMORY.
void *arena_alloc(Arena *a, size_t count, size_t size);
#define NEW(a, type) ((type *)arena_alloc((a), 1, sizeof(type)))
#define NEW_ARRAY(a, type, n) ((type *)arena_alloc((a), (size_t)(n), sizeof(type)))

// A list of `count` elements with room for `room`, or a copy with room for more where it is full. GROW replaces the list itself.
void *arena_grow(Arena *a, void *list, int count, int *room, size_t size);
#define GROW(a, list, count, room) ((list) = arena_grow((a), (list), (count), (room), sizeof *(list)))

char *arena_copy(Arena *a, const char *text);                       // strdup
char *arena_slice(Arena *a, const char *text, size_t length);       // strndup
char *arena_format(Arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vformat(Arena *a, const char *format, va_list list) PRINTF_LIKE(2, 0);

// Calls fn(what) when the arena closes, newest first. Returns a handle for arena_release.
struct Cleanup *arena_cleanup(Arena *a, void (*fn)(void *), void *what);
void arena_release(Arena *a, struct Cleanup *c);  // calls it now instead

// One line to a person. Whatever names are part of it, nothing but printable characters reaches the terminal: others are
// shown as \xNN.
void say_line(FILE *out, const char *format, ...) PRINTF_LIKE(2, 3);
void say_line_list(FILE *out, const char *format, va_list list) PRINTF_LIKE(2, 0);

// Prints "gmc: <message>" and leaves through the arena's escape (the nearest ancestor's with one set; prints nothing if
// that one is silent).
_Noreturn void fail(Arena *a, int code, const char *format, ...) PRINTF_LIKE(3, 4);

// Length of the well-formed UTF-8 character at `text`, or 0. Reads up to the first byte that does not belong to it, so any
// ASCII after the text, such as its NUL, is end enough.
size_t utf8_length(const char *text);

// A text with terminal escapes and control characters shown as \xNN; for names that came from a file.
const char *printable(Arena *a, const char *text);

// The text as a shell would have it typed.
const char *shell_word(Arena *a, const char *text);

// Growing text, for dumps, JSON and emitted C.
typedef struct {
  Arena *arena;
  char *data;  // always NUL-terminated, never NULL after text_new
  size_t length, room;
} Text;
Text text_new(Arena *a);
void text_add(Text *t, const char *format, ...) PRINTF_LIKE(2, 3);
void text_append(Text *t, const char *bytes, size_t length);

#endif
