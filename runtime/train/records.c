// metrics.jsonl and metrics.csv; see records.h.
//
// Invariant: a line is written whole by one call; the lengths are those of the files.
#include "train/records.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/json.h"

static void records_close(void *records) {
  const Records *r = records;
  if (r->jsonl >= 0) close(r->jsonl);
  if (r->csv >= 0) close(r->csv);
}

// Opens a file of the folder for appending, cut to `length` bytes.
static int records_file(Records *r, const char *name, int64_t length) {
  const char *path = arena_format(r->arena, "%s/%s", r->folder, name);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) fail(r->arena, EXIT_CANTCREATE, "%s: %s", path, strerror(errno));
  struct stat about;
  bool known = fstat(file, &about) == 0, holds = known && about.st_size >= length;
  if (holds && ftruncate(file, (off_t)length) == 0) return file;
  int error = errno;
  close(file);
  if (!known || holds) fail(r->arena, EXIT_IO, "%s: %s", path, strerror(error));
  fail(r->arena, EXIT_DATA, "%s: shorter than the %lld bytes it had at the last checkpoint", path, (long long)length);
}

static int64_t records_write(Records *r, int file, const char *name) {
  for (size_t done = 0; done < r->line.length;) {
    ssize_t n = write(file, r->line.data + done, r->line.length - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(r->arena, EXIT_IO, "%s/%s: %s", r->folder, name, strerror(errno));
    done += (size_t)n;
  }
  return (int64_t)r->line.length;
}

static void records_column(Records *r, const char *name, bool aside) {
  for (int i = 0; i < r->columns; i++)
    if (strcmp(r->column[i].name, name) == 0) return;
  r->column[r->columns++] = (RecordColumn){name, aside};
}

// A cell of text: quoted where it must be.
static void records_cell(Text *t, const char *cell) {
  if (!strpbrk(cell, ",\"\n\r")) {
    text_add(t, "%s", cell);
    return;
  }
  text_add(t, "\"");
  for (; *cell; cell++) text_add(t, *cell == '"' ? "\"\"" : "%c", *cell);
  text_add(t, "\"");
}

// Puts the header into r->line.
static void records_header(Records *r) {
  r->line.length = 0;
  text_add(&r->line, "step,epoch,split");
  for (int i = 0; i < r->columns; i++) {
    text_add(&r->line, ",");
    records_cell(&r->line, r->column[i].name);
  }
  text_add(&r->line, "\n");
}

static Bytes records_read(Arena *a, const char *folder, const char *name, int64_t length) {
  const char *path = arena_format(a, "%s/%s", folder, name);
  Bytes all = file_read(a, path, SIZE_MAX / 2, "");
  if (all.size < (size_t)length)
    fail(a, EXIT_DATA, "%s: shorter than the %lld bytes it had when its weights were kept", path, (long long)length);
  return (Bytes){all.data, (size_t)length};
}

RecordsEarlier *records_earlier(Arena *a, const char *folder, RecordLengths length) {
  RecordsEarlier *e = NEW(a, RecordsEarlier);
  e->jsonl = records_read(a, folder, "metrics.jsonl", length.jsonl);
  e->csv = records_read(a, folder, "metrics.csv", length.csv);
  e->times = times_read(a, folder);
  return e;
}

static void records_begin_with(Records *r, const RecordsEarlier *e) {
  const char *json = arena_format(r->arena, "%s/metrics.jsonl", r->folder);
  const char *csv = arena_format(r->arena, "%s/metrics.csv", r->folder);
  size_t header = r->line.length;
  bool columns = e->csv.size >= header && memcmp(e->csv.data, r->line.data, header) == 0;
  file_replace(r->arena, json, e->jsonl.data, e->jsonl.size);
  file_replace(r->arena, csv, e->csv.data, columns ? e->csv.size : 0);
  r->length = (RecordLengths){(int64_t)e->jsonl.size, columns ? (int64_t)e->csv.size : 0};
}

// Of a test program, and of the one that is fed its sums, if there is one.
static void records_measures(Records *r, const Plan *plan, int program, int after) {
  const PlanProgram *test = &plan->program[program];
  for (int i = 0; i < test->outputs; i++) {
    const PlanOutput *o = &test->output[i];
    if (o->count != 1 || o->total) continue;
    records_column(r, o->name, false);
    if (o->per_example || o->coupled) records_column(r, arena_format(r->arena, "%s_se", o->name), true);
    if (o->coupled) records_column(r, arena_format(r->arena, "%s_batch", o->name), true);
  }
  for (int i = 0; after && i < plan->program[after].outputs; i++)
    records_column(r, plan->program[after].output[i].name, false);
}

// Lines of metrics.jsonl, of which there is what stays.
static int64_t records_lines(const Records *r) {
  Arena *scratch = arena_open(r->arena);
  Bytes file = records_read(scratch, r->folder, "metrics.jsonl", r->length.jsonl);
  int64_t lines = 0;
  for (size_t i = 0; i < file.size; i++) lines += file.data[i] == '\n';
  arena_close(scratch);
  return lines;
}

Records *records_open(Arena *a, const char *folder, const Plan *plan, const Line *line, RecordLengths length,
                      const RecordsEarlier *earlier) {
  Records *r = NEW(a, Records);
  *r = (Records){.arena = a, .folder = folder, .jsonl = -1, .csv = -1, .length = length, .line = text_new(a)};
  r->column = NEW_ARRAY(a, RecordColumn, plan->lines + 3 * measure_count(plan) + 2);
  for (int i = 0; i < plan->lines; i++) records_column(r, line[i].name, false);
  if (plan->test >= 0) records_measures(r, plan, plan->test, plan->test_after);
  for (int i = 0; i < plan->seldoms; i++) records_measures(r, plan, plan->seldom[i].program, plan->seldom[i].after);
  if (plan->restarts > 1) records_column(r, "start", true);
  if (plan->keep.measure) records_column(r, "best", true);
  arena_cleanup(a, records_close, r);
  records_header(r);
  if (earlier) records_begin_with(r, earlier);
  r->jsonl = records_file(r, "metrics.jsonl", r->length.jsonl);
  r->csv = records_file(r, "metrics.csv", r->length.csv);
  if (r->length.csv == 0) r->length.csv += records_write(r, r->csv, "metrics.csv");
  r->lines = records_lines(r);
  r->times = times_open(a, folder, r->lines, earlier ? &earlier->times : NULL);
  return r;
}

static void records_json_member(Text *t, const char *name, const char *suffix, double value) {
  text_add(t, ",");
  json_add_string(t, name);
  t->length--;  // the closing quote
  text_add(t, "%s\":", suffix);
  json_add_number(t, value);
}

static void records_json(Records *r, const char *split, const Measure *measure, int n, int64_t step, int64_t epoch) {
  r->line.length = 0;
  text_add(&r->line, "{\"step\":%lld,\"epoch\":%lld,\"split\":\"%s\"", (long long)step, (long long)epoch, split);
  for (int i = 0; i < n; i++) {
    if (!measure_told(&measure[i])) continue;
    records_json_member(&r->line, measure[i].name, "", measure[i].mean);
    if (measure[i].error >= 0) records_json_member(&r->line, measure[i].name, "_se", measure[i].error);
    if (measure[i].batch) records_json_member(&r->line, measure[i].name, "_batch", (double)measure[i].batch);
  }
  int waiting = 0, spoilt = 0;
  for (int i = 0; i < n; i++) {
    if (!measure[i].waits) continue;
    text_add(&r->line, waiting++ ? "," : ",\"learnt\":{");
    json_add_string(&r->line, measure[i].name);
    text_add(&r->line, ":%lld", (long long)measure[i].learnt);
  }
  if (waiting) text_add(&r->line, "}");
  for (int i = 0; i < n; i++) {
    if (isfinite(measure[i].mean)) continue;
    text_add(&r->line, spoilt++ ? "," : ",\"not_finite\":{");
    json_add_string(&r->line, measure[i].name);
    text_add(&r->line, ":\"%s\"", json_not_finite(measure[i].mean));
  }
  text_add(&r->line, spoilt ? "}}\n" : "}\n");
  r->length.jsonl += records_write(r, r->jsonl, "metrics.jsonl");
}

// Does `column` hold a number of this measure: its mean, standard error or batch? Then *value is that number.
static bool records_matches(const char *column, const Measure *m, double *value) {
  size_t length = strlen(m->name);
  if (strncmp(column, m->name, length) != 0) return false;
  const char *suffix = column + length;
  bool error = m->error >= 0 && strcmp(suffix, "_se") == 0, batch = m->batch && strcmp(suffix, "_batch") == 0;
  *value = error ? m->error : batch ? (double)m->batch : m->mean;
  return error || batch || !*suffix;
}

static void records_csv(Records *r, const char *split, const Measure *measure, int n, int64_t step, int64_t epoch) {
  r->line.length = 0;
  text_add(&r->line, "%lld,%lld,%s", (long long)step, (long long)epoch, split);
  for (int c = 0; c < r->columns; c++) {
    text_add(&r->line, ",");
    for (int i = 0; i < n; i++) {
      double value;
      if (!measure_told(&measure[i]) || !records_matches(r->column[c].name, &measure[i], &value)) continue;
      if (isfinite(value))
        json_add_number(&r->line, value);
      else
        text_add(&r->line, "%s", json_not_finite(value));
      break;
    }
  }
  text_add(&r->line, "\n");
  r->length.csv += records_write(r, r->csv, "metrics.csv");
}

void records_add(Records *r, int64_t step, int64_t epoch, const char *split, const Measure *measure, int n) {
  if (!r) return;
  times_add(r->times, ++r->lines);
  records_json(r, split, measure, n, step, epoch);
  records_csv(r, split, measure, n, step, epoch);
}

void records_sync(Records *r) {
  if (fsync(r->jsonl) != 0 || fsync(r->csv) != 0)
    fail(r->arena, EXIT_IO, "%s/metrics.jsonl, metrics.csv: %s", r->folder, strerror(errno));
}

void records_stand(Records *r) {
  if (r) times_add(r->times, r->lines);
}

// Members of run.json stand on lines of their own, indented by two. What is no such file is left as it is.
void records_outcome(Arena *a, const char *folder, const char *member, const char *value) {
  enum { LIMIT = 1 << 28 };
  Arena *scratch = arena_open(a);
  const char *path = arena_format(scratch, "%s/run.json", folder),
             *begin = arena_format(scratch, ",\n  \"%s\": ", member);
  Bytes file = file_exists(path) ? file_read(scratch, path, LIMIT, "") : (Bytes){0};
  const char *text = arena_slice(scratch, (const char *)file.data, file.size), *end = strstr(text, "\n}\n");
  if (end) {
    const char *old = strstr(text, begin), *after = old ? strstr(old + 1, ",\n  \"") : text;
    Text r = text_new(scratch);
    if (old) text_append(&r, text, (size_t)(old - text));
    if (after) text_append(&r, after, (size_t)(end - after));
    text_add(&r, "%s%s\n}\n", begin, value);
    file_replace(scratch, path, r.data, r.length);
  }
  arena_close(scratch);
}
