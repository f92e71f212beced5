// CSV files as data: one file, one example a line, the columns of the plan side by side in their order. See data.h.
//
// Numbers are separated by `,`, `;` or a tab, whichever comes first in the file, may be quoted, and are read strictly.
// A first line without a single number is a header.
#include "data.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  Arena *arena;
  const char *path;
  const char *at, *end;  // what is left; a NUL follows the end
  const char *line;      // where the line began
  int64_t number;        // of the line, from 1
  char separator;
} CsvCursor;

static _Noreturn void csv_refuse(const CsvCursor *c, const char *what) {
  fail(c->arena, EXIT_DATA, "%s:%" PRId64 ":%td: %s", printable(c->arena, c->path), c->number, c->at - c->line + 1,
       what);
}

static bool csv_digit(const char *p) { return *p >= '0' && *p <= '9'; }

// Reads digits into *mantissa, which is right while there are at most 15; returns how many.
static int csv_digits(const char **p, uint64_t *mantissa) {
  const char *begin = *p;
  for (; csv_digit(*p); ++*p) *mantissa = 10 * *mantissa + (uint64_t)(**p - '0');
  return *p - begin < 100 ? (int)(*p - begin) : 100;
}

// A number [+-]digits[.digits][e[+-]digits] at *p, moved past it; false if there is none.
static bool csv_number(const char **p, double *value) {
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

static void csv_skip_blanks(CsvCursor *c) {
  while (c->at < c->end && (*c->at == ' ' || (*c->at == '\t' && c->separator != '\t'))) c->at++;
}

static bool csv_line_ends(const CsvCursor *c) {
  return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && c->at[1] == '\n');
}

// A number, quoted or not, and the blanks around it; false if there is none.
static bool csv_field(CsvCursor *c, float *value) {
  double v = 0;
  csv_skip_blanks(c);
  const char *p = c->at;
  bool quoted = *p == '"';
  p += quoted;
  if (!csv_number(&p, &v) || (quoted && *p++ != '"')) return false;
  c->at = p;
  csv_skip_blanks(c);
  *value = (float)v;
  return csv_line_ends(c) || *c->at == c->separator;
}

static void csv_next_line(CsvCursor *c) {
  const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));
  c->at = c->line = newline ? newline + 1 : c->end;
  c->number++;
}

static char csv_find_separator(const char *at, const char *end) {
  for (; at < end && *at != '\n'; at++)
    if (*at == ',' || *at == ';' || *at == '\t') return *at;
  return ',';
}

// Skips a first line none of whose fields is a number.
static void csv_skip_header(CsvCursor *c) {
  CsvCursor look = *c;
  float ignored;
  for (bool more = true; more;) {
    if (csv_field(&look, &ignored)) return;
    while (!csv_line_ends(&look) && *look.at != c->separator) look.at++;
    more = !csv_line_ends(&look);
    look.at += more;
  }
  csv_next_line(c);
}

// One example: `count` values into *into of each column.
static void csv_example(CsvCursor *c, const Plan *plan, float *const *value, int64_t example) {
  for (int k = 0; k < plan->columns; k++) {
    int64_t count = plan->column[k].count;
    for (int64_t i = 0; i < count; i++) {
      bool last = k == plan->columns - 1 && i == count - 1;
      if (!csv_field(c, &value[k][example * count + i])) {
        if (csv_line_ends(c)) csv_refuse(c, "the line ends where a number should stand");
        csv_refuse(c, "a number was expected here");
      }
      if (last != csv_line_ends(c))
        csv_refuse(c, last ? "the line goes on after the last value" : "the line has too few values");
      if (!last) c->at++;
    }
  }
}

static bool csv_line_is_blank(CsvCursor *c) {
  csv_skip_blanks(c);
  return csv_line_ends(c);
}

// At most how many examples there can be: by lines, and by the two characters that a value takes at least.
static int64_t csv_examples_bound(const CsvCursor *c, const Plan *plan) {
  size_t lines = 1, values = 0;
  for (const char *p = c->at; (p = memchr(p, '\n', (size_t)(c->end - p))) != NULL; p++) lines++;
  for (int k = 0; k < plan->columns; k++)
    if (!size_sum(values, (size_t)plan->column[k].count, &values)) return 0;
  size_t room = ((size_t)(c->end - c->at) + 1) / 2 / (values ? values : 1) + 1;
  size_t bound = lines < room ? lines : room;
  return bound < INT32_MAX ? (int64_t)bound : INT32_MAX;
}

void data_read_csv(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  if (plan->data.files != 1)
    fail(a, EXIT_DATA, "a csv file holds all columns, so one is wanted (%s)", data_hint(a, plan));
  Arena *scratch = arena_open(a);
  Bytes file = file_read(scratch, files->path[0], SIZE_MAX / 2, data_hint(a, plan));
  const char *text = (const char *)file.data;
  if (file.size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;  // byte order mark
  CsvCursor c = {a, files->path[0], text, (const char *)file.data + file.size, text, 1, 0};
  c.separator = csv_find_separator(c.at, c.end);
  csv_skip_header(&c);
  int64_t bound = csv_examples_bound(&c, plan), examples = 0, *line = NEW_ARRAY(a, int64_t, bound);
  float **value = NEW_ARRAY(a, float *, plan->columns);
  for (int k = 0; k < plan->columns; k++) value[k] = NEW_ARRAY(a, float, (size_t)(bound * plan->column[k].count));
  for (; c.at < c.end; csv_next_line(&c)) {
    if (csv_line_is_blank(&c)) continue;
    if (examples == bound) csv_refuse(&c, "there are too many examples");
    line[examples] = c.number;
    csv_example(&c, plan, value, examples++);
  }
  for (int k = 0; k < plan->columns; k++)
    into->column[k] = (Array){.examples = examples,
                              .count = plan->column[k].count,
                              .value = value[k],
                              .scale = 1,
                              .stored = "text",
                              .line = line};
  arena_close(scratch);
}
