// What the parts of the CSV reader share: the place in the text, fields, and what a row's fields are for.
#ifndef GMC_DATA_CSV_H
#define GMC_DATA_CSV_H

#include "data/data.h"

typedef struct {
  Arena *arena;
  const char *path;
  const char *at, *end;  // what is left; a NUL follows the end
  const char *line;      // where the line began
  int64_t number;        // of the line, from 1
  char separator;
} CsvCursor;

// A field's text within the file; `doubled`: each quote of it stands twice.
typedef struct {
  const char *at;
  size_t length;
  bool doubled;
} CsvText;

// Where a field of every row goes: an element of a column, or -1: nowhere.
typedef struct {
  int column;
  int64_t element;
} CsvField;
typedef struct {
  CsvField *field;
  int64_t fields;    // of a row
  const char *note;  // something about the first line that should be said, or NULL
} CsvLayout;

// Decides, from the first line and from what was asked for, whether there is a header, what separates fields, and what
// they are for. Moves the cursor past a header.
CsvLayout csv_layout(CsvCursor *c, const Plan *plan);

// Fails with the line and the place in it.
_Noreturn void csv_refuse(const CsvCursor *c, const char *what);

// A number [+-]digits[.digits][e[+-]digits] at *p, moved past it; false if there is none.
bool csv_number(const char **p, double *value);

CsvText csv_text_field(CsvCursor *c);  // moved past, to the separator or the end of the line

const char *csv_text(Arena *a, CsvText t);  // without the quotes and blanks around it

bool csv_line_ends(const CsvCursor *c);

void csv_skip_blanks(CsvCursor *c);

void csv_next_line(CsvCursor *c);

#endif
