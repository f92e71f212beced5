// Writes the page: the object that it carries, between the texts of page.html, page.css and page.js; see report.h.
#include "report/report.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "formats/json.h"
#include "text/embedded.h"

enum { RECORDS_LIMIT = 1 << 28, PICTURES_BYTES = 10 << 20 };  // base64 makes 4/3 of these

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

// The column of times. No measure can have its name.
static const char report_minutes[] = "minutes of training";

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

static void add_table(Text *t, const ReportTable *table) {
  add_name(t, table->split);
  text_add(t, "{");
  for (const ReportColumn *c = table->first; c; c = c->next) {
    text_add(t, "%s", c == table->first ? "" : ",");
    json_add_string(t, c->name);
    text_add(t, ":[");
    for (int64_t i = 0; i < table->rows; i++)
      text_add(t, isfinite(c->value[i]) ? "%s%.7g" : "%snull", i ? "," : "", c->value[i]);
    text_add(t, "]");
  }
  text_add(t, "}");
}

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

static void table_row(Arena *a, ReportTable *table, const Json *line, double minutes) {
  const Json *split = json_find(line, "split");
  ReportTable *t = NULL;
  for (int i = 0; i < 2 && split && split->kind == JSON_STRING; i++)
    if (strcmp(split->string, table[i].split) == 0) t = &table[i];
  if (!t) return;  // another start is told
  for (const Json *member = line->child; member; member = member->next) {
    if (member->kind == JSON_NUMBER) column_of(a, t, member->key)[t->rows] = member->number;
  }
  if (isfinite(minutes)) column_of(a, t, report_minutes)[t->rows] = minutes;
  t->rows++;
}

// Lines that a file of JSON Lines has from `tail` on, and who is handed them.
typedef struct {
  Arena *arena;
  const char *path;
  void (*take)(void *what, const Json *line, const char *text, size_t length);
  void *what;
  const char *problem;  // the first line that cannot be read, which is left out
} Lines;

// Whole lines only: the last one may be in the making. Moves the tail behind them.
static void read_lines(Lines *l, const char *text, size_t size, ReportTail *tail) {
  const char *end = text + size, *stop;
  for (; (stop = memchr(text, '\n', (size_t)(end - text))); text = stop + 1) {
    Arena *scratch = arena_open(l->arena);
    const char *problem = NULL;
    const Json *line = json_parse(scratch, text, (size_t)(stop - text), &problem);
    tail->lines++;
    tail->bytes += stop + 1 - text;
    if (line)
      l->take(l->what, line, text, (size_t)(stop - text));
    else if (!l->problem)
      l->problem = arena_format(l->arena, "%s:%lld: %s", l->path, (long long)tail->lines, problem);
    arena_close(scratch);
  }
}

// What a file of the folder holds, and which file it is; a file that is not there is empty.
static Bytes read_whole(Arena *a, const char *path, ReportTail *tail) {
  struct stat about;
  *tail = (ReportTail){0};
  if (stat(path, &about) != 0) return (Bytes){(const uint8_t *)"", 0};
  tail->file = about.st_ino;
  return file_read(a, path, RECORDS_LIMIT, "");
}

// What the file has beyond its tail. *anew: it is no longer that file, or is shorter.
static Bytes read_rest(Arena *a, const char *path, const ReportTail *tail, bool *anew) {
  struct stat about;
  bool there = stat(path, &about) == 0;
  *anew = *anew || (there ? about.st_ino != tail->file || about.st_size < tail->bytes : tail->file != 0);
  if (*anew || !there || about.st_size == tail->bytes) return (Bytes){(const uint8_t *)"", 0};
  return file_rest(a, path, (size_t)tail->bytes, RECORDS_LIMIT);
}

// When the lines of metrics.jsonl behind the first `before` were written, [1 .. lines - before], in minutes of
// training; NAN where that is not known (times.h). Moves the tail behind what is said of them.
static double *read_minutes(Arena *a, const char *folder, int64_t before, int64_t lines, ReportTail *tail) {
  const char *path = arena_format(a, "%s/times.csv", folder);
  double *minutes = NEW_ARRAY(a, double, lines - before + 1);
  for (int64_t i = 0; i <= lines - before; i++) minutes[i] = NAN;
  bool other = false;
  Bytes file = read_rest(a, path, tail, &other);
  if (other) file = read_whole(a, path, tail);
  const char *text = (const char *)file.data, *end = text + file.size, *stop;
  for (; (stop = memchr(text, '\n', (size_t)(end - text))); text = stop + 1) {
    char *comma;
    long long line = strtoll(text, &comma, 10);
    if (line > lines) break;
    tail->bytes += stop + 1 - text;
    if (*comma == ',' && line > before && isnan(minutes[line - before]))
      minutes[line - before] = strtod(comma + 1, NULL) / 60;
  }
  return minutes;
}

typedef struct {
  Arena *arena;
  ReportTable table[2];
  const double *minutes;
  const ReportTail *tail;
} Records;

static void take_record(void *records, const Json *line, const char *text, size_t length) {
  Records *r = records;
  (void)text, (void)length;
  table_row(r->arena, r->table, line, r->minutes[r->tail->lines]);
}

static void add_rows(Text *t, Arena *a, const char *folder, ReportPlace *place, const char **problem) {
  ReportTail *tail = &place->metrics;
  Records r = {.arena = a, .table = {{.split = "train"}, {.split = "test"}}, .tail = tail};
  Lines lines = {a, arena_format(a, "%s/metrics.jsonl", folder), take_record, &r, *problem};
  Bytes file = read_whole(a, lines.path, tail);
  for (size_t i = 0; i < file.size; i++) r.table[0].room = r.table[1].room += file.data[i] == '\n';
  r.minutes = read_minutes(a, folder, 0, r.table[0].room, &place->times);
  read_lines(&lines, (const char *)file.data, file.size, tail);
  *problem = lines.problem;
  add_name(t, "rows");
  text_add(t, "{");
  for (int s = 0; s < 2; s++) add_table(t, &r.table[s]);
  text_add(t, "}");
}

static void take_line(void *text, const Json *line, const char *bytes, size_t length) {
  Text *t = text;
  (void)line;
  text_add(t, "%s", t->data[t->length - 1] == '[' ? "" : ",");
  text_append(t, bytes, length);
}

// Lines as they are, as a member of the object.
static void add_lines(Text *t, const char *name, Lines *lines, Bytes file, ReportTail *tail) {
  add_name(t, name);
  text_add(t, "[");
  lines->take = take_line;
  lines->what = t;
  read_lines(lines, (const char *)file.data, file.size, tail);
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

static bool is_text(const char *path) { return strcmp(path + strlen(path) - 4, ".txt") == 0; }

// The pictures NAME_EPOCH.png of a show, or its texts NAME_EPOCH.txt, from the first on; an epoch has four digits or more. Returns how many there
// are.
static int find_pictures(Arena *a, const char *folder, const char *show, ReportPicture **found) {
  const char *shows = arena_format(a, "%s/shows", folder);
  int n = 0, room = 0;
  *found = NULL;
  DIR *dir = opendir(shows);
  if (!dir) return 0;
  size_t length = strlen(show);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    const char *name = entry->d_name;
    if (strncmp(name, show, length) != 0 || name[length] != '_') continue;
    char *end;
    int64_t epoch = strtoll(name + length + 1, &end, 10);
    if (end < name + length + 5 || (strcmp(end, ".png") != 0 && strcmp(end, ".txt") != 0)) continue;
    GROW(a, *found, n, &room);
    (*found)[n++] = (ReportPicture){epoch, arena_format(a, "%s/%s", shows, name)};
  }
  closedir(dir);
  if (n) qsort(*found, (size_t)n, sizeof **found, by_epoch);
  return n;
}

// As many pictures as `bytes` hold, evenly from the first to the last; 0: all of them, by their epochs alone.
static void add_show(Text *t, Arena *a, const char *folder, const ReportItem *show, size_t bytes) {
  ReportPicture *picture;
  int n = find_pictures(a, folder, show->name, &picture), most = n;
  if (n > 0 && bytes > 0) {
    Arena *scratch = arena_open(a);
    size_t size = file_read(scratch, picture[n - 1].path, REPORT_PICTURE_LIMIT, "").size;
    arena_close(scratch);
    most = size * (size_t)n <= bytes ? n : size * 2 <= bytes ? (int)(bytes / size) : 1;
  }
  text_add(t, "{");
  add_string(t, "name", show->name);
  add_string(t, "text", show->text);
  add_name(t, "of");
  text_add(t, "%d,\"pictures\":[", n);
  for (int i = 0; i < most; i++) {
    const ReportPicture *p = &picture[most == 1 ? n - 1 : (int)((int64_t)i * (n - 1) / (most - 1))];
    Arena *scratch = arena_open(a);
    text_add(t, "%s{\"epoch\":%lld", i ? "," : "", (long long)p->epoch);
    if (is_text(p->path)) {
      Bytes text = file_read(scratch, p->path, REPORT_PICTURE_LIMIT, "");
      add_name(t, "lines");
      json_add_string(t, arena_slice(scratch, (const char *)text.data, text.size));
    } else if (bytes > 0) {
      text_add(t, ",\"png\":\"");
      add_base64(t, file_read(scratch, p->path, REPORT_PICTURE_LIMIT, ""));
      text_add(t, "\"");
    }
    text_add(t, "}");
    arena_close(scratch);
  }
  text_add(t, "]}");
}

static void add_shows(Text *t, Arena *a, const ReportRun *run, size_t bytes) {
  text_add(t, "[");
  for (int i = 0; i < run->shows; i++) {
    text_add(t, "%s", i ? "," : "");
    add_show(t, a, run->folder, &run->show[i], bytes);
  }
  text_add(t, "]");
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

// A run whole: its pictures too, in `bytes` a show, or by name.
static void add_run(Text *t, Arena *a, const ReportRun *run, size_t bytes, ReportPlace *place) {
  const char *problem = NULL;
  Lines health = {.arena = a, .path = arena_format(a, "%s/health.jsonl", run->folder)};
  Bytes log = read_whole(a, arena_format(a, "%s/run.log", run->folder), &place->log);
  place->log.bytes = (int64_t)log.size;
  text_add(t, "{");
  add_string(t, "folder", run->folder);
  add_string(t, "model", run->model);
  add_items(t, "texts", run->text, run->texts);
  add_items(t, "settings", run->setting, run->settings);
  add_measures(t, run);
  add_string(t, "explained", run->explained);
  add_string(t, "log", (const char *)log.data);
  add_rows(t, a, run->folder, place, &problem);
  health.problem = problem;
  add_lines(t, "health", &health, read_whole(a, health.path, &place->health), &place->health);
  if (health.problem && bytes > 0) fail(a, EXIT_DATA, "%s", health.problem);
  if (health.problem) add_string(t, "problem", health.problem);
  add_name(t, "shows");
  add_shows(t, a, run, bytes);
  text_add(t, "}");
}

static void add_runs(Text *t, const ReportRun *run, int runs, size_t bytes, ReportPlace *place) {
  text_add(t, "[");
  for (int i = 0; i < runs; i++) {
    Arena *a = arena_open(t->arena);
    text_add(t, "%s", i ? "," : "");
    add_run(t, a, &run[i], bytes, &place[i]);
    arena_close(a);
  }
  text_add(t, "]");
}

void report_runs(Text *t, const ReportRun *run, int runs, ReportPlace *place) { add_runs(t, run, runs, 0, place); }

void report_shows(Text *t, const ReportRun *run) {
  Arena *a = arena_open(t->arena);
  add_shows(t, a, run, 0);
  arena_close(a);
}

const char *report_picture(Arena *a, const ReportRun *run, const char *show, int64_t epoch) {
  for (int i = 0; i < run->shows; i++)
    if (strcmp(run->show[i].name, show) == 0)
      return arena_format(a, "%s/shows/%s_%04lld.png", run->folder, show, (long long)epoch);
  return NULL;
}

static void add_minutes(Text *t, const double *minutes, int64_t lines) {
  add_name(t, "minutes");
  text_add(t, "[");
  for (int64_t i = 1; i <= lines; i++)
    text_add(t, isfinite(minutes[i]) ? "%s%.7g" : "%snull", i > 1 ? "," : "", minutes[i]);
  text_add(t, "]");
}

bool report_more(Text *t, const char *folder, ReportPlace *place, bool *anew) {
  Arena *a = arena_open(t->arena);
  Lines metrics = {.arena = a, .path = arena_format(a, "%s/metrics.jsonl", folder)};
  Lines health = {.arena = a, .path = arena_format(a, "%s/health.jsonl", folder)};
  Bytes rows = read_rest(a, metrics.path, &place->metrics, anew),
        games = read_rest(a, health.path, &place->health, anew);
  Bytes log = read_rest(a, arena_format(a, "%s/run.log", folder), &place->log, anew);
  bool more = !*anew && rows.size + games.size + log.size > 0;
  if (more) {
    text_add(t, "{");
    int64_t before = place->metrics.lines, *lines = &place->metrics.lines;
    add_lines(t, "lines", &metrics, rows, &place->metrics);
    add_minutes(t, read_minutes(a, folder, before, *lines, &place->times), *lines - before);
    add_lines(t, "health", &health, games, &place->health);
    add_string(t, "log", arena_slice(a, (const char *)log.data, log.size));
    place->log.bytes += (int64_t)log.size;
    const char *problem = metrics.problem ? metrics.problem : health.problem;
    if (problem) add_string(t, "problem", problem);
    text_add(t, "}");
  }
  arena_close(a);
  return more;
}

// The object as a script's text, which a `<` in a string must not end.
static void add_script(Text *page, const ReportRun *run, int runs) {
  Arena *a = arena_open(page->arena);
  Text t = text_new(a);
  int shows = 0;
  for (int i = 0; i < runs; i++) shows += run[i].shows;
  if (runs) add_runs(&t, run, runs, PICTURES_BYTES / (size_t)(shows ? shows : 1), NEW_ARRAY(a, ReportPlace, runs));
  for (const char *c = t.data, *next; *c; c = next + 1) {
    next = strchrnul(c, '<');
    text_append(page, c, (size_t)(next - c));
    if (!*next) break;
    text_add(page, "\\u003c");
  }
  arena_close(a);
}

// A file of this folder, as it was built in.
static const EmbeddedFile *part(const char *name) {
  const EmbeddedFile *f = embedded_report;
  while (strcmp(strrchr(f->name, '/') + 1, name) != 0) f++;
  return f;
}

// Without runs, the page of a script that asks its server for what it shows.
static void add_page(Text *page, const char *title, const char *script, const ReportRun *run, int runs) {
  const char *policy = runs ? "img-src data:" : "img-src data: 'self'; connect-src 'self'";
  const EmbeddedFile *html = part("page.html");
  for (const char *c = html->text; *c;) {
    const char *at = strchrnul(c, '@');
    text_append(page, c, (size_t)(at - c));
    if (!*at) break;
    size_t length = strcspn(at + 1, "@");
    if (strncmp(at + 1, "title", length) == 0) text_add(page, "%s", title);
    if (strncmp(at + 1, "policy", length) == 0) text_add(page, "%s", policy);
    if (strncmp(at + 1, "style", length) == 0) text_add(page, "%s", part("page.css")->text);
    if (strncmp(at + 1, "script", length) == 0) text_add(page, "%s%s", part("elements.js")->text, part(script)->text);
    if (strncmp(at + 1, "runs", length) == 0) add_script(page, run, runs);
    c = at + 1 + length + 1;
  }
}

void report_page(Text *page, const ReportRun *run, int runs) {
  text_add(page, "%s", report_begins);
  add_page(page, runs == 1 ? run->model : "runs", "page.js", run, runs);
}

void report_shell(Text *page, const char *title, const char *script) {
  text_add(page, "<!DOCTYPE html>\n");
  add_page(page, title, script, NULL, 0);
}
