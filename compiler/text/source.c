// Texts, places in them, and what is said about them. The bottom of the compiler: everything else reports through here.
//
// Diagnostics are collected and printed sorted by place. The same message about the same place is kept once, and past
// SHOWN_LIMIT errors only the count goes on. Invariant: nothing of a text reaches the terminal but printable
// characters, whatever the text holds.
#include "text/source.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

enum {
  SHOWN_LIMIT = 20,      // errors printed in one run, and warnings
  SIZE_LIMIT = 4 << 20,  // bytes of a file
  LINE_WIDTH = 120,      // longer lines are shown in part
  TAB = 4,
  MESSAGE_LIMIT = 1000,  // bytes; a name may be as long as its file
  NAME_LIMIT = 64        // longer names are not compared for "did you mean"
};

typedef struct {
  SourceText text;
  uint32_t *line;  // where each line begins
  int lines;
} Source;

typedef struct Note Note;
struct Note {
  Span where;
  const char *text;
  Note *next;
};

typedef struct {
  DiagnosticCode code;
  Span where;
  const char *message, *help;
  Note *note, **last_note;
  int order;  // of reporting
} Diagnostic;

struct Sources {
  Arena *arena;
  Source **source;
  int count, room;
  Diagnostic *diagnostic;
  int diagnostics, diagnostic_room, printed;
  int errors, warnings;
  bool muted;  // the last report is not kept, so its notes are not either
};

static const struct {
  const char *code, *severity, *format, *explanation;
} table[] = {
#define DIAGNOSTIC(CODE, SEVERITY, FORMAT, EXPLANATION) {#CODE, #SEVERITY, FORMAT, EXPLANATION},
#include "text/diagnostics.def"
};

static bool is_error(DiagnosticCode code) { return *table[code].severity == 'e'; }

// ---- texts ----

Sources *sources_new(Arena *a) {
  Sources *s = NEW(a, Sources);
  s->arena = a;
  return s;
}

static int count_lines(const char *text, size_t length) {
  int lines = 1;
  for (const char *at = text; (at = memchr(at, '\n', length - (size_t)(at - text))); at++) lines++;
  return lines;
}

static void index_lines(Arena *a, Source *source) {
  const char *text = source->text.text;
  size_t length = source->text.length;
  source->lines = count_lines(text, length);
  source->line = NEW_ARRAY(a, uint32_t, source->lines);
  int n = 1;
  for (const char *at = text; (at = memchr(at, '\n', length - (size_t)(at - text))); at++) {
    source->line[n++] = (uint32_t)(at + 1 - text);
  }
}

int sources_add(Sources *s, const char *name, const char *text, size_t length, bool library) {
  if (length > SIZE_LIMIT) fail(s->arena, EXIT_DATA, "%s: longer than 4 MiB", printable(s->arena, name));
  GROW(s->arena, s->source, s->count, &s->room);
  Source *source = NEW(s->arena, Source);
  source->text = (SourceText){arena_copy(s->arena, name), text, length, library, false};
  index_lines(s->arena, source);
  s->source[s->count] = source;
  return s->count++;
}

int sources_made(Sources *s, const char *name, const char *text) {
  int file = sources_add(s, name, text, strlen(text), false);
  s->source[file]->text.made = true;
  return file;
}

const SourceText *sources_text(const Sources *s, int file) { return &s->source[file]->text; }
int sources_count(const Sources *s) { return s->count; }

// ---- UTF-8 ----

// The character at `at`, and its length as utf8_length says.
static size_t decode(const char *at, uint32_t *character) {
  size_t n = utf8_length(at);
  uint32_t c = n > 1 ? (unsigned char)*at & (0x7fu >> n) : (unsigned char)*at;
  for (size_t i = 1; i < n; i++) c = c << 6 | ((unsigned char)at[i] & 0x3f);
  *character = c;
  return n;
}

// Characters that would move the cursor, hide or reorder text: controls and the bidirectional marks.
static bool is_hidden(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static int cells(uint32_t c) {
  static const uint32_t wide[][2] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                     {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0x1f300, 0x1faff}, {0x20000, 0x3ffff}};
  if (c >= 0x300 && c < 0x370) return 0;  // combining marks
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
    if (c >= wide[i][0] && c <= wide[i][1]) return 2;
  }
  return 1;
}

// Adds the character as it may be shown and its width to the column; returns its length in bytes.
static size_t show_character(Text *t, const char *at, int *column) {
  uint32_t c;
  size_t n = decode(at, &c), before = t->length;
  if (n == 0)
    text_add(t, "\\x%02x", c);
  else if (c == '\t')
    text_add(t, "%*s", TAB - *column % TAB, "");
  else if (n == 1 && is_hidden(c))
    text_add(t, "\\x%02x", c);
  else if (is_hidden(c))
    text_add(t, "\\u{%x}", c);
  else {
    text_append(t, at, n);
    *column += cells(c);
    return n;
  }
  *column += (int)(t->length - before);
  return n ? n : 1;
}

static void show_text(Text *t, const char *text) {
  int column = 0;
  while (*text) text += show_character(t, text, &column);
}

// ---- reading ----

int sources_read(Sources *s, const char *path) {
  Bytes bytes = file_read(s->arena, path, SIZE_LIMIT, "");
  const char *text = (const char *)bytes.data;
  int file = sources_add(s, path, text, bytes.size, false);
  for (size_t at = 0; at < bytes.size;) {
    size_t n = utf8_length(text + at);
    Span where = {file, (uint32_t)at, (uint32_t)at + 1};
    if (n == 0 || !text[at]) {
      fail(s->arena, EXIT_DATA, "%s:%d:%d: %s", printable(s->arena, path), span_line(s, where), span_column(s, where),
           n ? "a zero byte: this is no text" : "not valid UTF-8");
    }
    at += n;
  }
  return file;
}

const char *shipped_file(Arena *a, const char *path) {
  char self[PATH_MAX], whole[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  self[n > 0 ? n : 0] = 0;
  char *end = strrchr(self, '/');
  if (!end) return NULL;
  *end = 0;
  const char *place[] = {arena_format(a, "%s/%s", self, path), arena_format(a, "%s/../share/gmc/%s", self, path)};
  for (int i = 0; i < 2; i++)
    if (realpath(place[i], whole)) return arena_copy(a, whole);
  return NULL;
}

// ---- places ----

Span span_join(Span a, Span b) {
  if (a.file != b.file) return a.file < 0 ? b : a;
  return (Span){a.file, a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

static const Source *source_of(const Sources *s, Span where) {
  return where.file >= 0 && where.file < s->count ? s->source[where.file] : NULL;
}

const char *span_text(Arena *a, const Sources *s, Span where) {
  const SourceText *t = sources_text(s, where.file);
  char *text = arena_slice(a, t->text + where.begin, where.end - where.begin);
  char *to = text;
  bool quoted = false;
  for (const char *from = text; *from; from++) {
    if (*from == '"' && (from == text || from[-1] != '\\')) quoted = !quoted;
    if (*from == '#' && !quoted)
      from += strcspn(from, "\n") - 1;
    else if (!strchr(" \n\t\r", *from))
      *to++ = *from;
    else if (to > text && to[-1] != ' ')
      *to++ = ' ';
  }
  *to = 0;
  return text;
}

int span_line(const Sources *s, Span where) {
  const Source *source = source_of(s, where);
  int low = 0, high = source ? source->lines : 1;  // the line is in [low, high)
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (source->line[middle] <= where.begin)
      low = middle;
    else
      high = middle;
  }
  return low + 1;
}

int span_column(const Sources *s, Span where) {
  const Source *source = source_of(s, where);
  if (!source) return 1;
  uint32_t at = source->line[span_line(s, where) - 1];
  int column = 1;
  for (; at < where.begin && at < source->text.length; column++) {
    size_t n = utf8_length(source->text.text + at);
    at += n ? (uint32_t)n : 1;
  }
  return column;
}

// ---- reporting ----

static bool said_already(const Sources *s, DiagnosticCode code, Span where, const char *message) {
  for (int i = 0; i < s->diagnostics; i++) {
    const Diagnostic *d = &s->diagnostic[i];
    bool here = d->where.file == where.file && d->where.begin == where.begin && d->where.end == where.end;
    if (d->code == code && here && strcmp(d->message, message) == 0) return true;
  }
  return false;
}

static Diagnostic *diagnostic_new(Sources *s) {
  if (s->diagnostics == s->diagnostic_room) {
    int room = s->diagnostic_room ? 2 * s->diagnostic_room : 16;
    Diagnostic *grown = NEW_ARRAY(s->arena, Diagnostic, room);
    if (s->diagnostics) memcpy(grown, s->diagnostic, (size_t)s->diagnostics * sizeof *grown);
    for (int i = 0; i < s->diagnostics; i++) {
      if (!grown[i].note) grown[i].last_note = &grown[i].note;
    }
    s->diagnostic = grown;
    s->diagnostic_room = room;
  }
  return &s->diagnostic[s->diagnostics++];
}

static const char *message_text(Arena *a, const char *format, va_list list) {
  char *text = arena_vformat(a, format, list), *end = text;
  if (strlen(text) <= MESSAGE_LIMIT) return text;
  for (size_t n; end - text < MESSAGE_LIMIT; end += n) n = utf8_length(end) ? utf8_length(end) : 1;
  *end = '\0';
  return arena_format(a, "%s...", text);
}

void report(Sources *s, DiagnosticCode code, Span where, ...) {
  va_list list;
  va_start(list, where);
  report_list(s, code, where, list);
  va_end(list);
}

void report_list(Sources *s, DiagnosticCode code, Span where, va_list list) {
  const char *message = message_text(s->arena, table[code].format, list);
  s->muted = said_already(s, code, where, message);
  if (s->muted) return;
  int *count = is_error(code) ? &s->errors : &s->warnings;
  s->muted = ++*count > SHOWN_LIMIT;
  if (s->muted) return;
  Diagnostic *d = diagnostic_new(s);
  *d = (Diagnostic){.code = code, .where = where, .message = message, .order = s->diagnostics};
  d->last_note = &d->note;
}

void report_note(Sources *s, Span where, const char *format, ...) {
  if (s->muted || !s->diagnostics) return;
  va_list list;
  va_start(list, format);
  Note *note = NEW(s->arena, Note);
  *note = (Note){.where = where, .text = message_text(s->arena, format, list)};
  va_end(list);
  Diagnostic *d = &s->diagnostic[s->diagnostics - 1];
  *d->last_note = note;
  d->last_note = &note->next;
}

void report_help(Sources *s, const char *format, ...) {
  if (s->muted || !s->diagnostics) return;
  va_list list;
  va_start(list, format);
  s->diagnostic[s->diagnostics - 1].help = message_text(s->arena, format, list);
  va_end(list);
}

int diagnostics_errors(const Sources *s) { return s->errors; }

void diagnostics_stop(Sources *s) {
  if (s->errors) fail(s->arena, EXIT_DATA, "%d error%s", s->errors, s->errors == 1 ? "" : "s");
}

// ---- printing ----

typedef struct {
  const char *error, *warning, *note, *bold, *off;
} Palette;

static const Palette plain = {"", "", "", "", ""};
static const Palette coloured = {"\033[1;31m", "\033[1;35m", "\033[1;34m", "\033[1m", "\033[0m"};

// The part of a long line that is shown: whole characters around `focus`.
static void clip_line(const char *text, uint32_t *begin, uint32_t *end, uint32_t focus) {
  if (*end - *begin <= LINE_WIDTH) return;
  if (focus - *begin > LINE_WIDTH / 2) *begin = focus - LINE_WIDTH / 2;
  if (*end - *begin > LINE_WIDTH) *end = *begin + LINE_WIDTH;
  for (int i = 0; i < 3 && *begin < focus && (text[*begin] & 0xc0) == 0x80; i++) ++*begin;
  for (int i = 0; i < 3 && *end > focus && (text[*end] & 0xc0) == 0x80; i++) --*end;
}

// A mark under a part of a line, and what it says.
typedef struct {
  Span where;
  char mark;
  const char *note, *colour, *off;
  bool line_shown;  // the line was printed just before
} Mark;

// The line of the mark, if need be, and the mark under it.
static void print_line(Text *t, const Sources *s, Mark m) {
  const Source *source = source_of(s, m.where);
  if (!source) return;
  int line = span_line(s, m.where), column = 0, from = -1, to = -1;
  const char *text = source->text.text;
  uint32_t line_begin = source->line[line - 1];
  uint32_t line_end = line < source->lines ? source->line[line] - 1 : (uint32_t)source->text.length;
  if (line_end > line_begin && text[line_end - 1] == '\r') line_end--;
  uint32_t begin = line_begin, end = line_end;
  clip_line(text, &begin, &end, m.where.begin < line_end ? m.where.begin : line_end);
  Text shown = text_new(s->arena);
  if (begin > line_begin) text_add(&shown, "..."), column = 3;
  for (uint32_t at = begin; at < end;) {
    if (at >= m.where.begin && from < 0) from = column;
    if (at >= m.where.end && to < 0) to = column;
    at += (uint32_t)show_character(&shown, text + at, &column);
  }
  if (from < 0) from = column;
  if (to <= from) to = column > from && m.where.end > m.where.begin ? column : from + 1;
  bool clipped = end - begin < line_end - line_begin;
  if (!m.line_shown || clipped) text_add(t, "%5d | %s%s\n", line, shown.data, end < line_end ? "..." : "");
  text_add(t, "      | %*s%s", from, "", m.colour);
  for (int i = from; i < to; i++) text_append(t, &m.mark, 1);
  text_add(t, "%s", m.off);
  if (m.note) text_add(t, " "), show_text(t, m.note);
  text_add(t, "\n");
}

static void print_place(Text *t, const Sources *s, Span where) {
  const Source *source = source_of(s, where);
  if (!source) return;
  show_text(t, source->text.name);
  text_add(t, ":%d:%d: ", span_line(s, where), span_column(s, where));
}

// The note, below `before`, the place that was printed last.
static void print_note(Text *t, const Sources *s, const Note *note, Span before, const Palette *palette) {
  const Source *source = source_of(s, note->where);
  if (!source) {
    text_add(t, "  note: ");
    show_text(t, note->text);
    text_add(t, "\n");
    return;
  }
  bool same_file = note->where.file == before.file;
  if (!same_file) {
    text_add(t, "  in ");
    show_text(t, source->text.name);
    text_add(t, ":\n");
  }
  bool same_line = same_file && span_line(s, note->where) == span_line(s, before);
  print_line(t, s, (Mark){note->where, '-', note->text, palette->note, palette->off, same_line});
}

static void print_diagnostic(Text *t, const Sources *s, const Diagnostic *d, const Palette *palette) {
  const char *colour = is_error(d->code) ? palette->error : palette->warning;
  text_add(t, "%s", palette->bold);
  print_place(t, s, d->where);
  text_add(t, "%s%s[%s]:%s%s ", colour, table[d->code].severity, table[d->code].code, palette->off, palette->bold);
  show_text(t, d->message);
  text_add(t, "%s\n", palette->off);
  print_line(t, s, (Mark){d->where, '^', NULL, colour, palette->off, false});
  Span before = d->where;
  for (const Note *note = d->note; note; before = note->where, note = note->next)
    print_note(t, s, note, before, palette);
  if (d->help) {
    text_add(t, "  %shelp:%s ", palette->bold, palette->off);
    show_text(t, d->help);
    text_add(t, "\n");
  }
}

static int by_place(const void *left, const void *right) {
  const Diagnostic *a = left, *b = right;
  if (a->where.file != b->where.file) return a->where.file < b->where.file ? -1 : 1;
  if (a->where.begin != b->where.begin) return a->where.begin < b->where.begin ? -1 : 1;
  return a->order - b->order;
}

static void print_more(Text *t, int count, const char *what) {
  int more = count - SHOWN_LIMIT;
  if (more > 0) text_add(t, "%d more %s%s not shown\n", more, what, more == 1 ? " is" : "s are");
}

static void print_all(Sources *s, Text *t, const Palette *palette) {
  int n = s->diagnostics - s->printed;
  if (n == 0) return;
  Diagnostic *sorted = NEW_ARRAY(s->arena, Diagnostic, n);
  memcpy(sorted, s->diagnostic + s->printed, (size_t)n * sizeof *sorted);
  qsort(sorted, (size_t)n, sizeof *sorted, by_place);
  for (int i = 0; i < n; i++) print_diagnostic(t, s, &sorted[i], palette);
  s->printed = s->diagnostics;
  s->muted = true;  // notes to what is printed come too late
  print_more(t, s->errors, "error");
  print_more(t, s->warnings, "warning");
}

void diagnostics_text(Sources *s, Text *out) { print_all(s, out, &plain); }

void diagnostics_print(Sources *s, FILE *out, bool colour) {
  Text t = text_new(s->arena);
  print_all(s, &t, colour ? &coloured : &plain);
  fwrite(t.data, 1, t.length, out);
}

// ---- explanations and near names ----

const char *diagnostic_explain(const char *code) {
  for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
    if (strcmp(table[i].code, code) == 0) return table[i].explanation;
  }
  return NULL;
}

static int smaller(int a, int b) { return a < b ? a : b; }

// Edits to turn a into b: insert, delete, replace, or swap two neighbours.
static int edit_distance(const char *a, const char *b) {
  int row[3][NAME_LIMIT + 1], la = (int)strlen(a), lb = (int)strlen(b);
  int *before = row[0], *above = row[1], *now = row[2];
  for (int j = 0; j <= lb; j++) above[j] = before[j] = j;
  for (int i = 1; i <= la; i++) {
    now[0] = i;
    for (int j = 1; j <= lb; j++) {
      int replace = above[j - 1] + (a[i - 1] != b[j - 1]);
      now[j] = smaller(replace, smaller(above[j], now[j - 1]) + 1);
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = smaller(now[j], before[j - 2] + 1);
    }
    int *spare = before;
    before = above, above = now, now = spare;
  }
  return above[lb];
}

const char *nearest_name(const char *name, int n, const char *const *candidate) {
  size_t length = strlen(name);
  if (length == 0 || length > NAME_LIMIT) return NULL;
  int best = (int)length / 3 + 2;  // nearer than this: 1 edit for short names, 2 from three letters, ...
  if (length < 3) best = 2;
  const char *nearest = NULL;
  for (int i = 0; i < n; i++) {
    if (strlen(candidate[i]) > NAME_LIMIT) continue;
    int distance = edit_distance(name, candidate[i]);
    if (distance >= best || distance >= (int)length) continue;
    best = distance;
    nearest = candidate[i];
  }
  return nearest;
}
