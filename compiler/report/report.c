// Writes the page: the object that it carries, between the texts of page.html, page.css and page.js; see report.h.
#include "report/report.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "formats/json.h"
#include "text/embedded.h"

enum { RECORDS_LIMIT = 1 << 28, PICTURE_LIMIT = 1 << 24, PICTURES_BYTES = 10 << 20 };  // base64 makes 4/3 of these

const char report_begins[] = "<!DOCTYPE html>\n<!-- gmc report -->";

// A member of the object that is being written: its name, and the comma before it.
static void add_name(Text *t, const char *name) {
  char before = t->length ? t->data[t->length - 1] : '{';
  text_add(t, "%s\"%s\":", before == '{' || before == '[' ? "" : ",", name);
}

static void add_string(Text *t, const char *name, const char *value) {
  add_name(t, name);
  json_add_string(t, value);
}

// The records of a split, column by column; NAN where a row has no number.
typedef struct ReportColumn {
  const char *name;
  double *value;
  struct ReportColumn *next;
} ReportColumn;

typedef struct {
  const char *split;
  ReportColumn *first;
  int64_t rows, room;
} ReportTable;

static double *column_of(Arena *a, ReportTable *t, const char *name) {
  ReportColumn **at = &t->first;
  while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
  if (!*at) {
    *at = NEW(a, ReportColumn);
    **at = (ReportColumn){.name = arena_copy(a, name), .value = NEW_ARRAY(a, double, (size_t)t->room)};
    for (int64_t i = 0; i < t->room; i++) (*at)->value[i] = NAN;
  }
  return (*at)->value;
}

static void table_row(Arena *a, ReportTable *table, const Json *line) {
  const Json *split = json_find(line, "split");
  ReportTable *t = NULL;
  for (int i = 0; i < 2 && split && split->kind == JSON_STRING; i++)
    if (strcmp(split->string, table[i].split) == 0) t = &table[i];
  if (!t) return;  // another start is told
  for (const Json *member = line->child; member; member = member->next) {
    if (member->kind == JSON_NUMBER) column_of(a, t, member->key)[t->rows] = member->number;
  }
  t->rows++;
}

// Reads metrics.jsonl into the tables of the two splits.
static void read_records(Arena *a, const char *folder, ReportTable table[2]) {
  const char *path = arena_format(a, "%s/metrics.jsonl", folder);
  if (!file_exists(path)) return;
  Bytes file = file_read(a, path, RECORDS_LIMIT, "");
  const char *text = (const char *)file.data, *end = text + file.size;
  for (const char *c = text; c < end; c++) table[0].room = table[1].room += *c == '\n';
  for (int64_t number = 1; text < end; number++) {
    const char *stop = memchr(text, '\n', (size_t)(end - text)), *problem = NULL;
    if (!stop) break;  // a line that is being written
    Arena *scratch = arena_open(a);
    const Json *line = json_parse(scratch, text, (size_t)(stop - text), &problem);
    if (!line) fail(a, EXIT_DATA, "%s:%lld: %s", path, (long long)number, problem);
    table_row(a, table, line);
    arena_close(scratch);
    text = stop + 1;
  }
}

static void add_rows(Text *t, Arena *a, const char *folder) {
  ReportTable table[2] = {{.split = "train"}, {.split = "test"}};
  read_records(a, folder, table);
  add_name(t, "rows");
  text_add(t, "{");
  for (int s = 0; s < 2; s++) {
    add_name(t, table[s].split);
    text_add(t, "{");
    for (const ReportColumn *c = table[s].first; c; c = c->next) {
      text_add(t, "%s", c == table[s].first ? "" : ",");
      json_add_string(t, c->name);
      text_add(t, ":[");
      for (int64_t i = 0; i < table[s].rows; i++)
        text_add(t, isfinite(c->value[i]) ? "%s%.7g" : "%snull", i ? "," : "", c->value[i]);
      text_add(t, "]");
    }
    text_add(t, "}");
  }
  text_add(t, "}");
}

// Whether it goes well, as health.jsonl has it.
static void add_health(Text *t, Arena *a, const char *folder) {
  const char *path = arena_format(a, "%s/health.jsonl", folder);
  add_name(t, "health");
  text_add(t, "[");
  Bytes file = file_exists(path) ? file_read(a, path, RECORDS_LIMIT, "") : (Bytes){(const uint8_t *)"", 0};
  const char *text = (const char *)file.data, *end = text + file.size, *stop;
  for (int64_t number = 1; (stop = memchr(text, '\n', (size_t)(end - text))); number++, text = stop + 1) {
    Arena *scratch = arena_open(a);
    const char *problem = NULL;
    if (!json_parse(scratch, text, (size_t)(stop - text), &problem))
      fail(a, EXIT_DATA, "%s:%lld: %s", path, (long long)number, problem);
    text_add(t, "%s", number > 1 ? "," : "");
    text_append(t, text, (size_t)(stop - text));
    arena_close(scratch);
  }
  text_add(t, "]");
}

static void add_base64(Text *t, Bytes b) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < b.size; i += 3) {
    unsigned more = (unsigned)(b.size - i), word = (unsigned)b.data[i] << 16;
    if (more > 1) word |= (unsigned)b.data[i + 1] << 8;
    if (more > 2) word |= b.data[i + 2];
    char four[4] = {digit[word >> 18], digit[word >> 12 & 63], more > 1 ? digit[word >> 6 & 63] : '=',
                    more > 2 ? digit[word & 63] : '='};
    text_append(t, four, 4);
  }
}

typedef struct {
  int64_t epoch;
  const char *path;
} ReportPicture;

static int by_epoch(const void *a, const void *b) {
  int64_t x = ((const ReportPicture *)a)->epoch, y = ((const ReportPicture *)b)->epoch;
  return (x > y) - (x < y);
}

// The pictures NAME_EPOCH.png of a show, from the first on; an epoch has four digits or more. Returns how many there
// are.
static int find_pictures(Arena *a, const char *folder, const char *show, ReportPicture **found) {
  const char *shows = arena_format(a, "%s/shows", folder);
  int n = 0, room = 16;
  *found = NEW_ARRAY(a, ReportPicture, room);
  DIR *dir = opendir(shows);
  if (!dir) return 0;
  size_t length = strlen(show);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    const char *name = entry->d_name;
    if (strncmp(name, show, length) != 0 || name[length] != '_') continue;
    char *end;
    int64_t epoch = strtoll(name + length + 1, &end, 10);
    if (end < name + length + 5 || strcmp(end, ".png") != 0) continue;
    if (n == room) {
      ReportPicture *more = NEW_ARRAY(a, ReportPicture, 2 * room);
      memcpy(more, *found, (size_t)n * sizeof *more);
      *found = more;
      room *= 2;
    }
    (*found)[n++] = (ReportPicture){epoch, arena_format(a, "%s/%s", shows, name)};
  }
  closedir(dir);
  qsort(*found, (size_t)n, sizeof **found, by_epoch);
  return n;
}

// As many pictures as `bytes` hold, evenly from the first to the last.
static void add_show(Text *t, Arena *a, const char *folder, const char *show, size_t bytes) {
  ReportPicture *picture;
  int n = find_pictures(a, folder, show, &picture), most = n;
  if (n > 0) {
    Arena *scratch = arena_open(a);
    size_t size = file_read(scratch, picture[n - 1].path, PICTURE_LIMIT, "").size;
    arena_close(scratch);
    most = size * (size_t)n <= bytes ? n : size * 2 <= bytes ? (int)(bytes / size) : 1;
  }
  text_add(t, "{");
  add_string(t, "name", show);
  add_name(t, "of");
  text_add(t, "%d,\"pictures\":[", n);
  for (int i = 0; i < most; i++) {
    const ReportPicture *p = &picture[most == 1 ? n - 1 : (int)((int64_t)i * (n - 1) / (most - 1))];
    Arena *scratch = arena_open(a);
    text_add(t, "%s{\"epoch\":%lld,\"png\":\"", i ? "," : "", (long long)p->epoch);
    add_base64(t, file_read(scratch, p->path, PICTURE_LIMIT, ""));
    text_add(t, "\"}");
    arena_close(scratch);
  }
  text_add(t, "]}");
}

static void add_items(Text *t, const char *name, const ReportItem *item, int n) {
  add_name(t, name);
  text_add(t, "[");
  for (int i = 0; i < n; i++) {
    text_add(t, "%s[", i ? "," : "");
    json_add_string(t, item[i].name);
    text_add(t, ",");
    json_add_string(t, item[i].text);
    text_add(t, "]");
  }
  text_add(t, "]");
}

static void add_measures(Text *t, const ReportRun *run) {
  add_name(t, "measures");
  text_add(t, "[");
  for (int i = 0; i < run->measures; i++) {
    const ReportMeasure *m = &run->measure[i];
    text_add(t, "%s{", i ? "," : "");
    add_string(t, "name", m->name);
    add_string(t, "kind", m->kind);
    add_string(t, "text", m->text);
    add_string(t, "is", m->is);
    text_add(t, "}");
  }
  text_add(t, "]");
}

static void add_run(Text *t, Arena *a, const ReportRun *run, size_t bytes) {
  const char *log = arena_format(a, "%s/run.log", run->folder);
  text_add(t, "{");
  add_string(t, "folder", run->folder);
  add_string(t, "model", run->model);
  add_items(t, "texts", run->text, run->texts);
  add_items(t, "settings", run->setting, run->settings);
  add_measures(t, run);
  add_string(t, "explained", run->explained);
  add_string(t, "log", file_exists(log) ? (const char *)file_read(a, log, RECORDS_LIMIT, "").data : "");
  add_rows(t, a, run->folder);
  add_health(t, a, run->folder);
  add_name(t, "shows");
  text_add(t, "[");
  for (int i = 0; i < run->shows; i++) {
    text_add(t, "%s", i ? "," : "");
    add_show(t, a, run->folder, run->show[i], bytes);
  }
  text_add(t, "]}");
}

// The object as a script's text, which a `<` in a string must not end.
static void add_runs(Text *page, const ReportRun *run, int runs) {
  Arena *a = page->arena;
  Text t = text_new(a);
  int shows = 0;
  for (int i = 0; i < runs; i++) shows += run[i].shows;
  text_add(&t, "[");
  for (int i = 0; i < runs; i++) {
    text_add(&t, "%s", i ? "," : "");
    add_run(&t, a, &run[i], PICTURES_BYTES / (size_t)(shows ? shows : 1));
  }
  text_add(&t, "]");
  for (const char *c = t.data, *next; *c; c = next + 1) {
    next = strchrnul(c, '<');
    text_append(page, c, (size_t)(next - c));
    if (!*next) break;
    text_add(page, "\\u003c");
  }
}

static const EmbeddedFile *part(const char *name) {
  const EmbeddedFile *f = embedded_report;
  while (strcmp(f->name, name) != 0) f++;
  return f;
}

void report_page(Text *page, const ReportRun *run, int runs) {
  const EmbeddedFile *html = part("compiler/report/page.html");
  text_add(page, "%s", report_begins);
  for (const char *c = html->text; *c;) {
    const char *at = strchrnul(c, '@');
    text_append(page, c, (size_t)(at - c));
    if (!*at) break;
    size_t length = strcspn(at + 1, "@");
    if (strncmp(at + 1, "title", length) == 0) text_add(page, "%s", runs == 1 ? run->model : "runs");
    if (strncmp(at + 1, "style", length) == 0) text_add(page, "%s", part("compiler/report/page.css")->text);
    if (strncmp(at + 1, "script", length) == 0) text_add(page, "%s", part("compiler/report/page.js")->text);
    if (strncmp(at + 1, "runs", length) == 0) add_runs(page, run, runs);
    c = at + 1 + length + 1;
  }
}
