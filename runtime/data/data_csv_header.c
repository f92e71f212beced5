// CSV: the first line, and what the fields of a row are for. See data_csv.h.
//
// A header names columns, and then a column is found by its name or not at all: nothing is taken by its place that has
// a name.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/data_csv.h"

// The first line's fields.
typedef struct {
  const char **name;
  int64_t names, numbers;  // how many there are, and how many of them are numbers
} CsvLine;

// A tab or semicolon anywhere in the first line is what separates; else a comma.
static char csv_find_separator(const char *at, const char *end) {
  bool quoted = false;
  char found = ',';
  for (; at < end && *at != '\n' && found != '\t'; at++) {
    if (*at == '"') quoted = !quoted;
    if (!quoted && (*at == ';' || *at == '\t')) found = *at;
  }
  return found;
}

static CsvLine csv_first_line(CsvCursor c) {
  CsvLine line = {0};
  int64_t room = 1;
  for (const char *p = c.at; p < c.end && *p != '\n'; p++) room += *p == c.separator;
  line.name = NEW_ARRAY(c.arena, const char *, room);
  for (bool more = c.at < c.end; more && line.names < room;) {
    const char *name = csv_text(c.arena, csv_text_field(&c)), *p = name;
    double ignored;
    line.numbers += csv_number(&p, &ignored) && !*p;
    line.name[line.names++] = name;
    more = !csv_line_ends(&c);
    c.at += more;
  }
  return line;
}

// Is it 0, 1, 2, ..., as columns without names are numbered?
static bool csv_counts(const CsvLine *line) {
  for (int64_t i = 0; i < line->names; i++) {
    char *end;
    if (!*line->name[i] || strtoll(line->name[i], &end, 10) != i || *end) return false;
  }
  return line->names > 1;
}

// Is the first line a header? Where that is not plain, *note says what was taken for what.
static bool csv_has_header(const CsvCursor *c, const Plan *plan, const CsvLine *line, const char **note) {
  if (plan->data.header != HEADER_LOOK) return plan->data.header == HEADER_YES;
  if (line->numbers == 0) return line->names > 0;
  if (!csv_counts(line)) return false;
  bool header = line->names > 2;
  *note = arena_format(c->arena,
                       header ? "%s:1: the first line counts its columns, and is taken for a header; `header: false` "
                                "makes it an example"
                              : "%s:1: the first line counts its columns, and is taken for an example; `header: true` "
                                "makes it a header",
                       c->path);
  return header;
}

// The number at the end of `name` when it begins with `stem`, as x3, x_3, x.3 or x[3] do; -1 if it does not.
static int64_t csv_numbered(const char *name, const char *stem) {
  size_t n = strlen(stem);
  if (strncasecmp(name, stem, n) != 0) return -1;
  const char *digits = name + n + (name[n] && strchr("_.[- ", name[n]) ? 1 : 0);
  char *end;
  long long number = strtoll(digits, &end, 10);
  bool closed = name[n] == '[' ? strcmp(end, "]") == 0 : *end == '\0';
  return end > digits && *digits >= '0' && *digits <= '9' && closed ? number : -1;
}

// The field called so: exactly, or but for capitals. -1 if there is none.
static int64_t csv_find(const CsvCursor *c, const CsvLine *line, const char *name) {
  int64_t found = -1;
  for (int exact = 1; exact >= 0 && found < 0; exact--)
    for (int64_t i = 0; i < line->names; i++) {
      if (exact ? strcmp(line->name[i], name) : strcasecmp(line->name[i], name)) continue;
      if (found >= 0) csv_refuse(c, arena_format(c->arena, "two columns are called `%s`", line->name[i]));
      found = i;
    }
  return found;
}

// The first of `count` fields side by side that number their names, from 0 or 1, or of which only the first has one.
static int64_t csv_find_run(const CsvLine *line, const char *name, int64_t count) {
  for (int64_t i = 0; i + count <= line->names; i++) {
    int64_t first = csv_numbered(line->name[i], name), k = 1;
    bool named = strcasecmp(line->name[i], name) == 0;
    if (!named && first != 0 && first != 1) continue;
    while (k < count && (named ? !*line->name[i + k] : csv_numbered(line->name[i + k], name) == first + k)) k++;
    if (k == count) return i;
  }
  return -1;
}

static _Noreturn void csv_no_column(const CsvCursor *c, const CsvLine *line, const PlanColumn *column,
                                    const char *name) {
  enum { SHOWN = 12 };
  Text t = text_new(c->arena);
  text_add(&t, "the header names no column `%s`", name);
  if (column->count > 1) text_add(&t, ", nor `%s0` and so on, %" PRId64 " of them side by side", name, column->count);
  for (int64_t i = 0; i < line->names && i < SHOWN; i++) text_add(&t, "%s%s", i ? ", " : "; it has ", line->name[i]);
  if (line->names > SHOWN) text_add(&t, ", ...");
  text_add(&t,
           "; `columns: [...]` chooses by other names or by places from 0, `header: false` reads this line as an "
           "example");
  csv_refuse(c, t.data);
}

// Gives `count` fields from `first` on to elements of a column.
static void csv_assign(const CsvCursor *c, CsvLayout *l, int column, const PlanColumn *to, int64_t element,
                       int64_t first, int64_t count) {
  if (first + count > l->fields)
    csv_refuse(
        c, arena_format(c->arena,
                        "the line has %" PRId64 " values, and the column %s wants those from %" PRId64 " to %" PRId64,
                        l->fields, to->name, first, first + count - 1));
  for (int64_t i = 0; i < count; i++) {
    CsvField *f = &l->field[first + i];
    if (f->column >= 0)
      csv_refuse(
          c, arena_format(c->arena, "value %" PRId64 " of the line is wanted twice, for %s once", first + i, to->name));
    *f = (CsvField){column, element + i};
  }
}

// One column of the model: the fields picked for it, or those of its name.
static void csv_place(const CsvCursor *c, CsvLayout *l, const CsvLine *header, const Plan *plan, int k) {
  const PlanColumn *column = &plan->column[k];
  const PlanPick own = {column->name, 0}, *pick = column->picks ? column->pick : &own;
  int picks = column->picks ? column->picks : 1;
  int64_t each = picks == 1 ? column->count : 1;
  for (int i = 0; i < picks; i++) {
    int64_t at = pick[i].place;
    if (pick[i].name && !header)
      csv_refuse(c, arena_format(c->arena, "`%s` is to be found by its name, but this line is no header of names",
                                 pick[i].name));
    if (pick[i].name) {
      at = each == 1 ? csv_find(c, header, pick[i].name) : csv_find_run(header, pick[i].name, each);
      if (at < 0) csv_no_column(c, header, column, pick[i].name);
    }
    csv_assign(c, l, k, column, i, at, each);
  }
}

static bool csv_picked(const Plan *plan) {
  for (int k = 0; k < plan->columns; k++)
    if (plan->column[k].picks) return true;
  return false;
}

CsvLayout csv_layout(CsvCursor *c, const Plan *plan) {
  CsvLayout l = {0};
  c->separator = plan->data.separator ? plan->data.separator : csv_find_separator(c->at, c->end);
  CsvLine line = csv_first_line(*c);
  bool header = csv_has_header(c, plan, &line, &l.note), names = header && !csv_counts(&line);
  int64_t wanted = 0, next = 0;
  for (int k = 0; k < plan->columns; k++) wanted += plan->column[k].count;
  bool choose = names || csv_picked(plan);
  l.fields = choose ? line.names : wanted;
  l.field = NEW_ARRAY(c->arena, CsvField, l.fields);
  for (int64_t i = 0; i < l.fields; i++) l.field[i].column = -1;
  for (int k = 0; k < plan->columns; k++) {
    if (choose)
      csv_place(c, &l, names ? &line : NULL, plan, k);
    else
      csv_assign(c, &l, k, &plan->column[k], 0, next, plan->column[k].count);
    next += plan->column[k].count;
  }
  if (header) {
    while (line.names--) csv_text_field(c), c->at += !csv_line_ends(c);
    csv_next_line(c);
  }
  return l;
}
