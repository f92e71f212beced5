// Examples as a table; see csv_write.h.
#include "formats/csv_write.h"

#include <inttypes.h>
#include <string.h>

#include "core/file.h"

// The text as a cell: between quotes where it would not be read as it stands.
static void csv_add_cell(Text *t, const char *text) {
  if (*text && !strpbrk(text, ",;\t\"\r\n") && *text != ' ' && text[strlen(text) - 1] != ' ') {
    text_add(t, "%s", text);
    return;
  }
  text_add(t, "\"");
  for (; *text; text++) text_add(t, *text == '"' ? "\"\"" : "%c", *text);
  text_add(t, "\"");
}

static void csv_add_names(Text *t, const PlanOutput *output, bool first) {
  for (int64_t i = 0; i < output->count; i++) {
    const char *name = output->rank ? arena_format(t->arena, "%s%" PRId64, output->name, i) : output->name;
    if (!first || i) text_add(t, ",");
    csv_add_cell(t, name);
  }
}

// The texts of the column's labels, if it has any.
static const Reading *csv_reading(const Run *run, const char *name) {
  for (int i = 0; run->reading && i < run->plan->columns; i++)
    if (strcmp(run->plan->column[i].name, name) == 0 && run->reading[i].words) return &run->reading[i];
  for (int i = 0; i < run->plan->others; i++) {
    const Reading *of = csv_reading(run->other[i].run, name);
    if (of) return of;
  }
  return NULL;
}

static void csv_add_value(Text *t, const Reading *texts, float value) {
  if (texts && value >= 0 && value < (float)texts->words)
    csv_add_cell(t, texts->word[(int)value]);
  else
    text_add(t, "%.9g", (double)value);
}

void csv_write(const Run *run, const char *path, const PlanProgram *p, float *const *value, int64_t n) {
  NewFile *f = file_begin(run->arena, path);
  Arena *scratch = arena_open(run->arena);
  Text names = text_new(scratch);
  for (int k = 0; k < p->outputs; k++) csv_add_names(&names, &p->output[k], k == 0);
  file_add(f, names.data, names.length);
  arena_close(scratch);
  for (int64_t row = 0; row < n; row++) {
    scratch = arena_open(run->arena);
    Text line = text_new(scratch);
    for (int k = 0; k < p->outputs; k++) {
      const Reading *texts = csv_reading(run, p->output[k].name);
      int64_t count = p->output[k].count;
      for (int64_t i = 0; i < count; i++) {
        text_add(&line, k || i ? "," : "\n");
        csv_add_value(&line, texts, value[k][row * count + i]);
      }
    }
    file_add(f, line.data, line.length);
    arena_close(scratch);
  }
  file_add(f, "\n", 1);
  file_commit(f);
}
