// A text as data: its characters are labels, whose alphabet is the characters of the training split in the order of
// their numbers. See data.h.
//
// Examples are windows of as many characters as the column holds, one after another, or lines: then each ends with the
// line's end, which is a character too, and what is left of the column is a hole.
#include <math.h>

#include "data/data.h"
#include "formats/characters.h"

// Lines from the first on, each with its end, in so many places of `value`; returns how many there are.
static int64_t text_lines(Arena *a, const char *path, const PlanColumn *c, const Characters *t, const int32_t *number,
                          float *value) {
  int64_t line = 0, at = 0;
  for (int64_t i = 0; i < t->count; i++) {
    bool ends = t->code[i] == '\n';
    if (at == c->count)
      fail(a, EXIT_DATA, "%s:%lld: more characters, with the line's end, than the %lld of the column %s",
           printable(a, path), (long long)line + 1, (long long)c->count, printable(a, c->name));
    if (value) value[line * c->count + at] = (float)number[t->code[i]];
    at = ends ? 0 : at + 1, line += ends;
  }
  return line;
}

static void text_end_line(Characters *t) {
  if (t->count && t->code[t->count - 1] != '\n') t->code[t->count++] = '\n';
}

void data_read_text(Arena *a, const DataFiles *files, Data *into) {
  const Plan *plan = files->plan;
  const PlanColumn *c = plan->column;
  const char *path = files->path[0];
  bool lines = plan->data.lines;
  if (plan->columns != 1 || !c->classes || c->missing != lines)
    fail(a, EXIT_DATA, "a text fills one column of labels, as in x[100] : class(65)%s; %s", lines ? " missing" : "",
         lines ? "what is behind the end of a line is a hole" : "windows have no holes, and lines have: lines: true");
  Arena *scratch = arena_open(a);
  Characters t = characters_read(scratch, path, file_read(scratch, path, INT32_MAX, data_hint(a, plan)));
  int32_t *number = NEW_ARRAY(scratch, int32_t, CHARACTER_CODES);
  int letters;
  if (lines) text_end_line(&t);
  const char **word = characters_alphabet(a, &t, number, &letters);
  if (letters > c->classes)
    fail(a, EXIT_DATA, "%s: has %d different characters, more than the %d classes of the column %s", printable(a, path),
         letters, c->classes, printable(a, c->name));
  int64_t n = lines ? text_lines(a, path, c, &t, number, NULL) : t.count / c->count;
  if (n == 0 || n > INT32_MAX)
    fail(a, EXIT_DATA, "%s: holds %lld examples of %lld characters", printable(a, path), (long long)n,
         (long long)c->count);
  float *value = NEW_ARRAY(a, float, n * c->count);
  for (int64_t i = 0; i < n * c->count; i++) value[i] = lines ? NAN : (float)number[t.code[i]];
  if (lines) text_lines(a, path, c, &t, number, value);
  arena_close(scratch);
  into->column[0] = (Array){.examples = n,
                            .count = c->count,
                            .value = value,
                            .scale = 1,
                            .stored = "characters",
                            .word = word,
                            .words = letters};
}
