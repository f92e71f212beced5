// CSV files as data: one file, one example a line. See data.h.
//
// Columns are found by the names of a header, numbers strictly read, texts taken for classes. Whatever is wrong is told
// with its line and place in the line. What a row's fields are for is decided once (data_csv_header.c).
#include "data/data_csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void csv_refuse(const CsvCursor *c, const char *what) {
  fail(c->arena, EXIT_DATA, "%s:%" PRId64 ":%td: %s", printable(c->arena, c->path), c->number, c->at - c->line + 1,
       what);
}

// --- fields ---

static bool csv_digit(const char *p) { return *p >= '0' && *p <= '9'; }

// Reads digits into *mantissa, which is right while there are at most 15; returns how many.
static int csv_digits(const char **p, uint64_t *mantissa) {
  const char *begin = *p;
  for (; csv_digit(*p); ++*p) *mantissa = 10 * *mantissa + (uint64_t)(**p - '0');
  return *p - begin < 100 ? (int)(*p - begin) : 100;
}

bool csv_number(const char **p, double *value) {
  static const double ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const char *begin = *p, *q = begin + (*begin == '-' || *begin == '+');
  uint64_t mantissa = 0;
  int whole = csv_digits(&q, &mantissa), decimals = 0;
  if (*q == '.') {
    q++;
    decimals = csv_digits(&q, &mantissa);
  }
  if (whole + decimals == 0) return false;
  const char *exponent = q;
  if (*q == 'e' || *q == 'E') {
    q += q[1] == '-' || q[1] == '+' ? 2 : 1;
    if (!csv_digit(q)) return false;
    while (csv_digit(q)) q++;
  }
  *p = q;
  if (q > exponent || whole + decimals > 15)
    *value = strtod(begin, NULL);
  else  // both are exact doubles, so the quotient is rounded once
    *value = (*begin == '-' ? -1.0 : 1.0) * ((double)mantissa / ten[decimals]);
  return true;
}

void csv_skip_blanks(CsvCursor *c) {
  while (c->at < c->end && (*c->at == ' ' || (*c->at == '\t' && c->separator != '\t'))) c->at++;
}

bool csv_line_ends(const CsvCursor *c) {
  return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && c->at[1] == '\n');
}

static bool csv_field_ends(const CsvCursor *c) { return csv_line_ends(c) || *c->at == c->separator; }

// A number, quoted or not, and the blanks around it; false if there is none.
static bool csv_number_field(CsvCursor *c, float *value) {
  double v = 0;
  csv_skip_blanks(c);
  const char *p = c->at;
  bool quoted = *p == '"';
  p += quoted;
  if (!csv_number(&p, &v) || (quoted && *p++ != '"')) return false;
  c->at = p;
  csv_skip_blanks(c);
  *value = (float)v;
  return csv_field_ends(c);
}

// The text between quotes, which may hold separators, ends of lines and, doubled, quotes.
static CsvText csv_quoted(CsvCursor *c) {
  CsvCursor begin = *c;
  CsvText t = {++c->at, 0, false};
  for (; c->at < c->end && (*c->at != '"' || c->at[1] == '"'); c->at++) {
    if (*c->at == '"') t.doubled = true, c->at++;
    if (*c->at == '\n') c->number++, c->line = c->at + 1;
  }
  if (c->at == c->end) csv_refuse(&begin, "a quote that is not closed");
  t.length = (size_t)(c->at++ - t.at);
  csv_skip_blanks(c);
  if (!csv_field_ends(c)) csv_refuse(c, "a separator was expected after the quote");
  return t;
}

CsvText csv_text_field(CsvCursor *c) {
  csv_skip_blanks(c);
  if (c->at < c->end && *c->at == '"') return csv_quoted(c);
  CsvText t = {c->at, 0, false};
  while (!csv_field_ends(c)) c->at++;
  const char *last = c->at;
  while (last > t.at && (last[-1] == ' ' || last[-1] == '\t')) last--;
  t.length = (size_t)(last - t.at);
  return t;
}

const char *csv_text(Arena *a, CsvText t) {
  char *copy = arena_slice(a, t.at, t.length), *to = copy;
  if (!t.doubled) return copy;
  for (const char *from = copy; *from; from += *from == '"' ? 2 : 1) *to++ = *from;
  *to = '\0';
  return copy;
}

void csv_next_line(CsvCursor *c) {
  const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));
  c->at = c->line = newline ? newline + 1 : c->end;
  c->number++;
}

// --- texts as classes ---

// The different texts of a column: numbered as they appear, and in the order of their bytes.
typedef struct {
  const char **word;  // sorted
  int *id;            // of each
  int words, room;    // room 0: the column holds numbers
} CsvWords;

static int csv_compare(const char *word, const char *at, size_t length) {
  int order = strncmp(word, at, length);
  return order ? order : word[length] != '\0';
}

// The number of a text, which may be a new one.
static int csv_word(const CsvCursor *c, CsvWords *w, const PlanColumn *column, const char *at, size_t length) {
  int first = 0, end = w->words;
  while (first < end) {
    int middle = (first + end) / 2, order = csv_compare(w->word[middle], at, length);
    if (order == 0) return w->id[middle];
    if (order < 0)
      first = middle + 1;
    else
      end = middle;
  }
  const char *word = arena_slice(c->arena, at, length);
  if (w->words == w->room)
    csv_refuse(c, arena_format(c->arena, "`%s` is one text too many for the %d classes of the column %s", word,
                               column->classes, column->name));
  memmove(&w->word[first + 1], &w->word[first], (size_t)(w->words - first) * sizeof *w->word);
  memmove(&w->id[first + 1], &w->id[first], (size_t)(w->words - first) * sizeof *w->id);
  w->word[first] = word;
  w->id[first] = w->words;
  return w->words++;
}

// Classes are numbered in the order of their texts' bytes, whatever the order of the examples.
static void csv_rank_words(Arena *a, const CsvWords *w, float *value, int64_t n, Array *array) {
  float *rank = NEW_ARRAY(a, float, w->words);
  for (int i = 0; i < w->words; i++) rank[w->id[i]] = (float)i;
  for (int64_t i = 0; i < n; i++)
    if (!isnan(value[i])) value[i] = rank[(int)value[i]];
  array->word = w->word;
  array->words = w->words;
}

// --- rows ---

// Says what is in place of a number.
static _Noreturn void csv_no_number(CsvCursor *c, const PlanColumn *column) {
  CsvCursor look = *c;
  csv_skip_blanks(&look);
  if (csv_line_ends(&look)) csv_refuse(&look, "the line ends where a number should stand");
  CsvText t = csv_text_field(&look);
  const char *text = csv_text(c->arena, t), *p = text;
  double ignored;
  if (!*text) csv_refuse(c, arena_format(c->arena, "an empty cell, where the column %s wants a value", column->name));
  if (csv_number(&p, &ignored) && *p == ',')
    csv_refuse(
        c, arena_format(c->arena, "a number was expected here; `%s` has a decimal comma, and a point is read", text));
  csv_refuse(c, "a number was expected here");
}

// What is being read: the rows' fields, and where their values go.
typedef struct {
  const Plan *plan;
  CsvLayout layout;
  float **value;
  CsvWords *words;  // of each column
} CsvTable;

// An empty cell, or one that says that it is no number: then the cursor is moved past it.
static bool csv_hole(CsvCursor *c) {
  CsvCursor look = *c;
  CsvText t = csv_text_field(&look);
  bool nan = t.length == 3 && (t.at[0] | 32) == 'n' && (t.at[1] | 32) == 'a' && (t.at[2] | 32) == 'n';
  if (t.length && !nan) return false;
  *c = look;
  return true;
}

static void csv_value(CsvCursor *c, const CsvTable *t, CsvField f, int64_t example) {
  const PlanColumn *column = &t->plan->column[f.column];
  float *value = &t->value[f.column][example * column->count + f.element];
  CsvCursor here = *c;
  CsvWords *w = &t->words[f.column];
  if (column->missing && csv_hole(c)) {
    *value = NAN;
    return;
  }
  if (!w->room) {
    if (!csv_number_field(c, value)) csv_no_number(&here, column);
    return;
  }
  CsvText text = csv_text_field(c);
  if (text.length == 0) csv_no_number(&here, column);
  const char *plain = text.doubled ? csv_text(c->arena, text) : text.at;
  *value = (float)csv_word(&here, w, column, plain, text.doubled ? strlen(plain) : text.length);
}

static void csv_example(CsvCursor *c, const CsvTable *t, int64_t example) {
  int64_t fields = t->layout.fields;
  for (int64_t i = 0; i < fields; i++) {
    if (t->layout.field[i].column < 0)
      csv_text_field(c);
    else
      csv_value(c, t, t->layout.field[i], example);
    bool last = i == fields - 1;
    if (last != csv_line_ends(c))
      csv_refuse(c, last ? "the line goes on after the last value" : "the line has too few values");
    if (!last) c->at++;
  }
}

static bool csv_line_is_blank(CsvCursor *c) {
  csv_skip_blanks(c);
  return csv_line_ends(c);
}

// Labels are texts where the first line that has any shows one that is no number. Looks at one line, the n-th from 1;
// `shown` is the line that has shown a column's labels, 0 while it is not known.
static void csv_find_words(CsvCursor *c, CsvTable *t, int64_t n, int64_t *shown) {
  for (int64_t i = 0; i < t->layout.fields && c->at < c->end; i++, c->at += !csv_line_ends(c)) {
    CsvField f = t->layout.field[i];
    const PlanColumn *column = f.column < 0 ? NULL : &t->plan->column[f.column];
    bool hole = column && column->missing && csv_hole(c);
    CsvText text = hole ? (CsvText){0} : csv_text_field(c);
    if (hole || !column || !column->classes || (shown[f.column] && shown[f.column] < n)) continue;
    shown[f.column] = n;
    const char *copy = csv_text(c->arena, text), *p = copy;
    double ignored;
    int room = column->classes;
    if (text.length == 0 || csv_number(&p, &ignored) || t->words[f.column].room) continue;
    t->words[f.column] = (CsvWords){NEW_ARRAY(c->arena, const char *, room), NEW_ARRAY(c->arena, int, room), 0, room};
  }
}

static void csv_decide_words(CsvCursor c, CsvTable *t) {
  int64_t *shown = NEW_ARRAY(c.arena, int64_t, t->plan->columns), n = 0;
  for (bool all = false; !all && c.at < c.end; csv_next_line(&c)) {
    if (csv_line_is_blank(&c)) continue;
    csv_find_words(&c, t, ++n, shown);
    all = true;
    for (int k = 0; k < t->plan->columns; k++) all = all && (shown[k] || !t->plan->column[k].classes);
  }
}

// At most how many examples there can be: by lines, and by the two characters that a value takes at least.
static int64_t csv_examples_bound(const CsvCursor *c, int64_t fields) {
  size_t lines = 1;
  for (const char *p = c->at; (p = memchr(p, '\n', (size_t)(c->end - p))) != NULL; p++) lines++;
  size_t room = ((size_t)(c->end - c->at) + 1) / (size_t)fields + 1;
  size_t bound = lines < room ? lines : room;
  return bound < INT32_MAX ? (int64_t)bound : INT32_MAX;
}

static CsvCursor csv_open(Arena *a, Arena *own, const DataFiles *files) {
  const char *path = files->path[0];
  Bytes file = file_read(own, path, SIZE_MAX / 2, data_hint(a, files->plan));
  const char *text = (const char *)file.data;
  if (gunzip_is(file.data, file.size))
    fail(a, EXIT_DATA, "%s: is compressed; csv is read as plain text", printable(a, path));
  if (file.size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
    fail(a, EXIT_DATA, "%s: is UTF-16 text; save it as UTF-8", printable(a, path));
  if (memchr(text, '\0', file.size)) fail(a, EXIT_DATA, "%s: is no text file", printable(a, path));
  if (file.size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;  // byte order mark
  return (CsvCursor){a, path, text, (const char *)file.data + file.size, text, 1, 0};
}

void data_read_csv(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  if (plan->data.files != 1)
    fail(a, EXIT_DATA, "a csv file holds all columns, so one is wanted (%s)", data_hint(a, plan));
  Arena *own = arena_open(a);
  CsvCursor c = csv_open(a, own, files);
  CsvTable t = {
      .plan = plan, .value = NEW_ARRAY(a, float *, plan->columns), .words = NEW_ARRAY(a, CsvWords, plan->columns)};
  while (c.at < c.end && csv_line_is_blank(&c)) csv_next_line(&c);
  t.layout = csv_layout(&c, plan);
  into->note = t.layout.note;
  csv_decide_words(c, &t);
  int64_t bound = csv_examples_bound(&c, t.layout.fields), examples = 0, *line = NEW_ARRAY(a, int64_t, bound);
  for (int k = 0; k < plan->columns; k++) t.value[k] = NEW_ARRAY(a, float, (size_t)(bound * plan->column[k].count));
  for (; c.at < c.end; csv_next_line(&c)) {
    if (csv_line_is_blank(&c)) continue;
    if (examples == bound) csv_refuse(&c, "there are too many examples");
    line[examples] = c.number;
    csv_example(&c, &t, examples++);
  }
  for (int k = 0; k < plan->columns; k++) {
    Array *array = &into->column[k];
    int64_t n = examples * plan->column[k].count;
    *array =
        (Array){.examples = examples, .count = plan->column[k].count, .value = t.value[k], .scale = 1, .line = line};
    array->stored = t.words[k].room ? "texts" : "text";
    if (t.words[k].room) csv_rank_words(a, &t.words[k], t.value[k], n, array);
  }
  arena_close(own);
}
