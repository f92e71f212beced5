// Arenas, failure and growing text: the implementation of base.h, below everything else.
//
// Small objects are cut from chunks that grow with the arena; big ones are blocks of their own. All of them come from
// one call of calloc, in `memory` below, so that a test can make the n-th one fail by including this file with another
// calloc. With ARENA_EACH every object is a block of its own, so that memory checkers see an overrun of any of them.
// Invariant: whatever an arena owns is reachable from it at every moment, so that closing it after a failure frees all.
#include "core/base.h"

#include <stdlib.h>
#include <string.h>

#if defined(ARENA_EACH)
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_EACH
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_EACH
#endif
#endif

// What the memory of calloc is aligned to: 16 on most machines, 8 on some of 32 bits. A test has it be less than it is.
#ifndef CALLOC_ALIGN
#define CALLOC_ALIGN _Alignof(max_align_t)
#endif

enum { BLOCK_FIRST = 8 << 10, BLOCK_LARGEST = 1 << 20, BIG = 4096, SMALL_ALIGN = 16, BIG_ALIGN = 64 };
enum { LARGE = 8 << 20, LARGE_ALIGN = 2 << 20 };  // what begins on a large page lies on large pages but for its end

typedef struct Block {
  struct Block *next;
  size_t used, room;  // bytes after the header; a big object's block has no room left
  size_t unused;      // keeps the header a multiple of CALLOC_ALIGN
} Block;

typedef struct Cleanup {
  struct Cleanup *next;
  void (*fn)(void *);
  void *what;
} Cleanup;

// The only source of memory.
static void *memory(size_t size) { return calloc(1, size); }

_Noreturn static void out_of_memory(Arena *a, size_t size) {
  fail(a, EXIT_MEMORY, "out of memory (%zu bytes wanted)", size);
}

// Calls all cleanups, then frees the blocks and the arena.
static void arena_free(void *arena) {
  Arena *a = arena;
  while (a->cleanup) arena_release(a, a->cleanup);
  for (Block *b = a->block, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(a);
}

Arena *arena_open(Arena *parent) {
  Arena *a = memory(sizeof *a);
  if (!a) {
    if (parent) out_of_memory(parent, sizeof *a);
    return NULL;
  }
  a->parent = parent;
  if (parent) a->spill = parent->spill, a->spill_take = parent->spill_take;
  if (parent) arena_cleanup(parent, arena_free, a);
  return a;
}

void arena_close(Arena *a) {
  if (!a) return;
  if (!a->parent) {
    arena_free(a);
    return;
  }
  Cleanup *c = a->parent->cleanup;
  while (c->fn != arena_free || c->what != a) c = c->next;
  arena_release(a->parent, c);
}

// A block with room bytes after its header, put where chunks are looked for (first) or behind that.
static Block *block_new(Arena *a, size_t room, bool first) {
  Block *b = room <= SIZE_MAX - sizeof *b ? memory(sizeof *b + room) : NULL;
  if (!b) out_of_memory(a, room);
  b->room = room;
  Block **link = first || !a->block ? &a->block : &a->block->next;
  b->next = *link;
  *link = b;
  return b;
}

// Bytes to leave out so that what follows is aligned, and how many that can be in memory of calloc.
static size_t misalignment(const void *p, size_t align) { return (align - (uintptr_t)p % align) % align; }
static size_t slack_for(size_t align) { return align > CALLOC_ALIGN ? align - CALLOC_ALIGN : 0; }

// Where overruns are looked for, nothing is large: what is left of a large page would hide them.
static size_t alignment_of(size_t size) {
#ifndef ARENA_EACH
  if (size >= LARGE) return LARGE_ALIGN;
#endif
  return size >= BIG ? BIG_ALIGN : SMALL_ALIGN;
}

// An object in a block of its own, aligned as its size asks for.
static void *alloc_alone(Arena *a, size_t size) {
  size_t align = alignment_of(size), slack = slack_for(align);
  if (size > SIZE_MAX - slack) out_of_memory(a, size);
  Block *b = block_new(a, size + slack, false);
  b->used = b->room;
  return (char *)(b + 1) + misalignment(b + 1, align);
}

void *arena_alloc(Arena *a, size_t count, size_t size) {
  if (size && count > SIZE_MAX / 2 / size)
    fail(a, EXIT_MEMORY, "out of memory (%zu times %zu bytes wanted)", count, size);
  size_t bytes = count * size;
  void *spilt = a->spill ? a->spill_take(a, bytes) : NULL;
  if (spilt) return spilt;
#ifdef ARENA_EACH
  return alloc_alone(a, bytes);
#else
  if (bytes >= BIG) return alloc_alone(a, bytes);
  bytes = (bytes + SMALL_ALIGN - 1) / SMALL_ALIGN * SMALL_ALIGN;
  Block *b = a->block;
  if (!b || b->room - b->used < bytes) {
    size_t room = !b ? BLOCK_FIRST : b->room < BLOCK_LARGEST / 2 ? 2 * b->room : BLOCK_LARGEST;
    room = room < BLOCK_FIRST ? BLOCK_FIRST : room / SMALL_ALIGN * SMALL_ALIGN;
    b = block_new(a, room + slack_for(SMALL_ALIGN), true);
    b->used = misalignment(b + 1, SMALL_ALIGN);
  }
  void *object = (char *)(b + 1) + b->used;
  b->used += bytes;
  return object;
#endif
}

void *arena_grow(Arena *a, void *list, int count, int *room, size_t size) {
  if (count < *room) return list;
  *room = *room ? 2 * *room : 8;
  void *more = arena_alloc(a, (size_t)*room, size);
  if (count) memcpy(more, list, (size_t)count * size);
  return more;
}

char *arena_copy(Arena *a, const char *text) { return arena_slice(a, text, strlen(text)); }

char *arena_slice(Arena *a, const char *text, size_t length) {
  char *copy = arena_alloc(a, length + 1, 1);
  if (length) memcpy(copy, text, length);
  return copy;
}

char *arena_format(Arena *a, const char *format, ...) {
  va_list list;
  va_start(list, format);
  char *text = arena_vformat(a, format, list);
  va_end(list);
  return text;
}

char *arena_vformat(Arena *a, const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  int length = vsnprintf(NULL, 0, format, list);
  char *text = arena_alloc(a, length < 0 ? 1 : (size_t)length + 1, 1);
  if (length > 0) vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

Cleanup *arena_cleanup(Arena *a, void (*fn)(void *), void *what) {
  Cleanup *c = memory(sizeof *c);
  if (!c) {
    fn(what);
    out_of_memory(a, sizeof *c);
  }
  *c = (Cleanup){a->cleanup, fn, what};
  a->cleanup = c;
  return c;
}

void arena_release(Arena *a, Cleanup *c) {
  Cleanup **link = &a->cleanup;
  while (*link != c) link = &(*link)->next;
  *link = c->next;
  void (*fn)(void *) = c->fn;
  void *what = c->what;
  free(c);
  fn(what);
}

size_t utf8_length(const char *text) {
  const unsigned char *s = (const unsigned char *)text;
  if (s[0] < 0x80) return 1;
  size_t n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
  bool beyond = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
  return overlong || beyond ? 0 : n;
}

static bool is_control(const char *text) {
  const unsigned char *s = (const unsigned char *)text;
  return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

// Copies the text to where there is room for four times its length; returns the end.
static char *escape(char *to, const char *text) {
  for (size_t n; *text; text += n) {
    n = is_control(text) ? 0 : utf8_length(text);
    if (n) {
      memcpy(to, text, n);
      to += n;
    } else {
      to += snprintf(to, 5, "\\x%02x", (unsigned char)*text);
      n = 1;
    }
  }
  *to = '\0';
  return to;
}

// Without memory of an arena, for there may be none left; what does not fit is left out.
void say_line_list(FILE *out, const char *format, va_list list) {
  char text[4096], line[4 * sizeof text + 1];
  vsnprintf(text, sizeof text, format, list);
  strcpy(escape(line, text), "\n");
  fputs(line, out);
}

void say_line(FILE *out, const char *format, ...) {
  va_list list;
  va_start(list, format);
  say_line_list(out, format, list);
  va_end(list);
}

// An arena is zeroed when it opens, and setjmp leaves something else there.
static bool escape_is_set(const Arena *a) {
  static const jmp_buf never;
  return memcmp(&a->escape, &never, sizeof never) != 0;
}

_Noreturn void fail(Arena *a, int code, const char *format, ...) {
  va_list list;
  while (a && !escape_is_set(a)) a = a->parent;
  if (!a || !a->silent) {
    va_start(list, format);
    fflush(stdout);
    fputs("gmc: ", stderr);
    say_line_list(stderr, format, list);
    va_end(list);
  }
  if (!a) exit(code);
  a->code = code;
  longjmp(a->escape, 1);
}

const char *printable(Arena *a, const char *text) {
  char *copy = arena_alloc(a, 4 * strlen(text) + 1, 1);
  escape(copy, text);
  return copy;
}

// Makes room for `more` bytes and the NUL.
static void text_reserve(Text *t, size_t more) {
  if (t->length + more < t->room) return;
  size_t room = 2 * (t->length + more) + 64;
  char *data = arena_alloc(t->arena, room, 1);
  memcpy(data, t->data, t->length);
  t->data = data;
  t->room = room;
}

Text text_new(Arena *a) { return (Text){a, arena_alloc(a, 64, 1), 0, 64}; }

void text_add(Text *t, const char *format, ...) {
  va_list list, again;
  va_start(list, format);
  va_copy(again, list);
  int length = vsnprintf(t->data + t->length, t->room - t->length, format, list);
  if (length > 0) {
    text_reserve(t, (size_t)length);
    vsnprintf(t->data + t->length, t->room - t->length, format, again);
    t->length += (size_t)length;
  }
  va_end(again);
  va_end(list);
}

void text_append(Text *t, const char *bytes, size_t length) {
  text_reserve(t, length);
  if (length) memcpy(t->data + t->length, bytes, length);
  t->length += length;
  t->data[t->length] = '\0';
}

const char *shell_word(Arena *a, const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,=:@%+-";
  Text t = text_new(a);
  if (*text && text[strspn(text, plain)] == '\0') return text;
  text_add(&t, "'");
  for (; *text; text++) text_add(&t, *text == '\'' ? "'\\''" : "%c", *text);
  text_add(&t, "'");
  return t.data;
}
