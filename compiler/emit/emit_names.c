// Names, comments, strings and numbers of C; see emit.h.
//
// Invariant: whatever bytes come in, a name is an identifier that nothing else has, a comment ends where its line ends,
// a string holds just those bytes, and a number reads back to the same bits.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emit/emit.h"

enum { LONGEST_NAME = 40, LONGEST_STRING = 4000 };

struct Names {
  Arena *arena;
  const Fragments *taken;
  const Names *outer;  // or NULL
  char **name;
  int count, room;
};

Names *names_new(Arena *a, const Fragments *taken) {
  Names *n = NEW(a, Names);
  n->arena = a;
  n->taken = taken;
  return n;
}

Names *names_inner(Arena *a, const Names *outer) {
  Names *n = names_new(a, outer->taken);
  n->outer = outer;
  return n;
}

// What is no name in C, or none of one's own: keywords, and macros in small letters that compilers and system headers
// have.
static const char *const reserved[] = {
    "asm",    "auto",    "bool",   "break",  "case",     "char",   "const",    "continue", "default",
    "do",     "double",  "else",   "enum",   "errno",    "extern", "false",    "float",    "for",
    "goto",   "if",      "inline", "int",    "linux",    "long",   "register", "return",   "short",
    "signed", "sizeof",  "static", "stderr", "stdin",    "stdout", "struct",   "switch",   "true",
    "typeof", "typedef", "union",  "unix",   "unsigned", "void",   "while",    "volatile", "restrict"};

static bool name_taken(const Names *n, const char *name) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (strcmp(reserved[i], name) == 0) return true;
  if (n->outer && name_taken(n->outer, name)) return true;
  for (int i = 0; i < n->count; i++)
    if (strcmp(n->name[i], name) == 0) return true;
  return n->taken && fragments_defines(n->taken, name);
}

static const char *names_add(Names *n, char *name) {
  GROW(n->arena, n->name, n->count, &n->room);
  return n->name[n->count++] = name;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

const char *name_unique(Names *n, const char *prefix, const char *text) {
  Text t = text_new(n->arena);
  text_add(&t, "%s", prefix);
  size_t bare = t.length, limit = bare + LONGEST_NAME;
  for (; *text && t.length < limit; text++) {
    if (is_letter(*text))
      text_append(&t, text, 1);
    else if (t.length > 0 && t.data[t.length - 1] != '_')
      text_append(&t, "_", 1);
  }
  if (t.length == bare) text_add(&t, "value");
  while (t.length > 1 && t.data[t.length - 1] == '_') t.data[--t.length] = '\0';
  char *name = t.data;
  for (int i = 2; name_taken(n, name); i++) name = arena_format(n->arena, "%s_%d", t.data, i);
  return names_add(n, name);
}

void name_take(Names *n, const char *word, size_t length) {
  char *name = arena_slice(n->arena, word, length);
  if (!name_taken(n, name)) names_add(n, name);
}

// Bytes of a character that turns the direction of writing, 0 for all others: they could show a line other than it is.
static size_t direction_mark(const char *s) {
  const unsigned char *u = (const unsigned char *)s;
  if (u[0] == 0xd8 && u[1] == 0x9c) return 2;
  if (u[0] != 0xe2) return 0;
  bool mark = u[1] == 0x80 && (u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xaa && u[2] <= 0xae));
  return mark || (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9) ? 3 : 0;
}

void emit_comment_text(Text *out, const char *text) {
  text = printable(out->arena, text);
  for (const char *p = text; *p; p++) {
    size_t mark = direction_mark(p);
    bool question = *p == '?' && p > text && p[-1] == '?';
    bool joins_lines = *p == '\\' && p[1 + strspn(p + 1, " ")] == '\0';
    if (!mark && !question && !joins_lines) {
      text_append(out, p, 1);
      continue;
    }
    for (size_t i = 0; i < (mark ? mark : 1); i++) text_add(out, "\\x%02x", (unsigned char)p[i]);
    if (mark) p += mark - 1;
  }
}

// A string that C promises no room for as a literal.
static void emit_long_string(Text *out, const char *text) {
  text_add(out, "(const char[]){");
  for (size_t i = 0; text[i]; i++) text_add(out, "%s%d,", i % 24 ? "" : "\n  ", text[i]);
  text_add(out, "0}");
}

void emit_string(Text *out, const char *text) {
  if (!text) {
    text_add(out, "NULL");
    return;
  }
  if (strlen(text) > LONGEST_STRING) {
    emit_long_string(out, text);
    return;
  }
  text_add(out, "\"");
  for (const char *p = text; *p; p++) {
    if (*p == '"' || *p == '\\' || (*p == '?' && p > text && p[-1] == '?'))
      text_add(out, "\\%c", *p);
    else if (*p == '\n')
      text_add(out, "\\n");
    else if (*p >= 0x20 && *p < 0x7f)
      text_append(out, p, 1);
    else
      text_add(out, "\\%03o", (unsigned char)*p);
  }
  text_add(out, "\"");
}

static const char *number_text(Arena *a, double value, int digits, const char *suffix) {
  if (isnan(value)) return "NAN";
  if (isinf(value)) return value < 0 ? "-INFINITY" : "INFINITY";
  const char *text = arena_format(a, "%.*g", digits, value);
  return arena_format(a, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", suffix);
}

const char *emit_float(Arena *a, float value) {
  int digits = 1;
  while (digits < 9 && strtof(number_text(a, (double)value, digits, ""), NULL) != value) digits++;
  return number_text(a, (double)value, digits, "f");
}

const char *emit_double(Arena *a, double value) {
  int digits = 1;
  while (digits < 17 && strtod(number_text(a, value, digits, ""), NULL) != value) digits++;
  return number_text(a, value, digits, "");
}
