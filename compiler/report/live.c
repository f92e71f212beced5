// Runs told to pages as they go on; see live.h.
#include "report/live.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/file.h"
#include "core/hash.h"

// How often files are looked at.
static const double live_seconds = 0.25;

enum { TEXTS = 2 };

static const struct timespec live_never = {.tv_sec = -1};

// Written when a run begins, goes on and ends: by these it is seen whether it must be read anew.
static const char *const live_texts[TEXTS] = {"run.json", "config.yaml"};

typedef struct {
  uint64_t file;
  struct timespec written;
} LiveText;

typedef struct {
  const char *folder;
  Arena *arena;  // of the run as it was last read
  ReportRun run;
  LiveText text[TEXTS];
  struct timespec listed;  // when the folder of pictures was written to that are in `shows`
  Text shows;
  uint64_t hash;      // of them
  const char *state;  // now
} LiveRun;

typedef struct {
  ReportPlace place;
  uint64_t shows;     // hash of the pictures told
  const char *state;  // told
} LiveTold;

typedef struct Page Page;

typedef struct {
  Arena *arena;
  LiveRun *run;
  int runs;
  int64_t version;  // of what was read of the runs
  LiveRead *read;
  const void *what;
  Page *pages;
} Live;

// A page that is open in a browser.
struct Page {
  Page *next;
  Live *live;
  Arena *arena;
  Stream *stream;
  int64_t version;  // told; 0: nothing
  LiveTold *told;
};

// ---- runs

// Does a process hold the run's lock? /proc/locks is asked, for trying the lock could keep out a run that is about to
// begin. Devices are not compared: of some file systems it gives others than stat.
static bool live_trains(const char *folder) {
  char path[4096], line[256], key[32];
  struct stat about;
  if (snprintf(path, sizeof path, "%s/.lock", folder) >= (int)sizeof path || stat(path, &about) != 0) return false;
  snprintf(key, sizeof key, ":%llu ", (unsigned long long)about.st_ino);
  FILE *locks = fopen("/proc/locks", "re");
  bool held = false;
  while (locks && !held && fgets(line, sizeof line, locks))
    held = strstr(line, "FLOCK") && strstr(line, " WRITE ") && strstr(line, key);
  if (locks) fclose(locks);
  return held;
}

static const char *live_state(const char *folder) {
  struct stat about;
  if (stat(folder, &about) != 0) return "gone";
  return live_trains(folder) ? "training" : "still";
}

static bool live_texts_now(Arena *a, const char *folder, LiveText *text) {
  for (int i = 0; i < TEXTS; i++) {
    struct stat about;
    if (stat(arena_format(a, "%s/%s", folder, live_texts[i]), &about) != 0) return false;
    text[i] = (LiveText){about.st_ino, about.st_mtim};
  }
  return true;
}

static void live_read(Live *l, LiveRun *run, Arena *into) {
  ReportRun fresh = l->read(into, l->what, run->folder);
  if (run->arena) arena_close(run->arena);
  run->arena = into;
  run->run = fresh;
  run->listed = live_never;
  l->version++;
}

// Lists the pictures anew where their folder has been written to, or so lately that more may have come in that moment.
static void live_list(LiveRun *run) {
  struct stat about;
  struct timespec now, written = {0};
  Arena *a = arena_open(run->shows.arena);
  if (stat(arena_format(a, "%s/shows", run->folder), &about) == 0) written = about.st_mtim;
  arena_close(a);
  if (written.tv_sec == run->listed.tv_sec && written.tv_nsec == run->listed.tv_nsec) return;
  clock_gettime(CLOCK_REALTIME, &now);
  run->shows.length = 0;
  report_shows(&run->shows, &run->run);
  run->hash = hash_text(0, run->shows.data);
  run->listed = now.tv_sec - written.tv_sec > 1 ? written : live_never;
}

// Reads a run anew where its texts are others than they were. What cannot be read stays as it was, and is not tried
// again until it changes.
static void live_renew(Live *l, LiveRun *run) {
  LiveText now[TEXTS];
  Arena *a = arena_open(l->arena);
  bool same = !live_texts_now(a, run->folder, now);
  for (int i = 0; i < TEXTS && !same; i++) {
    const LiveText *was = &run->text[i];
    if (now[i].file != was->file || now[i].written.tv_sec != was->written.tv_sec ||
        now[i].written.tv_nsec != was->written.tv_nsec)
      break;
    same = i == TEXTS - 1;
  }
  if (!same) memcpy(run->text, now, sizeof now);
  if (!same && ARENA_TRY(a) == 0)
    live_read(l, run, a);
  else
    arena_close(a);
}

// ---- pages

static void page_closed(void *page) {
  Page *p = page, **at = &p->live->pages;
  while (*at != p) at = &(*at)->next;
  *at = p->next;
  arena_close(p->arena);
}

static void page_all(Page *p, Arena *a) {
  const Live *l = p->live;
  ReportRun *run = NEW_ARRAY(a, ReportRun, l->runs);
  ReportPlace *place = NEW_ARRAY(a, ReportPlace, l->runs);
  Text t = text_new(a);
  for (int i = 0; i < l->runs; i++) run[i] = l->run[i].run;
  report_runs(&t, run, l->runs, place);
  stream_event(p->stream, "runs", &t);
  for (int i = 0; i < l->runs; i++) p->told[i] = (LiveTold){.place = place[i]};
  p->version = l->version;
}

// {"run":0,"shows":...}, where that is not what was told.
static void page_shows(Page *p, Arena *a, int i) {
  const LiveRun *run = &p->live->run[i];
  if (run->hash == p->told[i].shows) return;
  p->told[i].shows = run->hash;
  Text t = text_new(a);
  text_add(&t, "{\"run\":%d,\"shows\":%s}", i, run->shows.data);
  stream_event(p->stream, "shows", &t);
}

static void page_state(Page *p, Arena *a, int i) {
  const char *state = p->live->run[i].state;
  if (p->told[i].state == state) return;
  p->told[i].state = state;
  Text t = text_new(a);
  text_add(&t, "{\"run\":%d,\"state\":\"%s\"}", i, state);
  stream_event(p->stream, "state", &t);
}

static void page_run(Page *p, Arena *a, int i, bool *anew) {
  const LiveRun *run = &p->live->run[i];
  if (strcmp(run->state, "gone") != 0) {
    Text t = text_new(a);
    text_add(&t, "{\"run\":%d,\"is\":", i);
    bool more = report_more(&t, run->folder, &p->told[i].place, anew);
    text_add(&t, "}");
    if (more) stream_event(p->stream, "more", &t);
    if (!*anew) page_shows(p, a, i);
  }
  page_state(p, a, i);
}

// Tells a page what it has not been told. A file that goes while it is read is looked at again the next time.
static void page_tell(Page *p) {
  Arena *a = arena_open(NULL);
  if (!a || stream_full(p->stream)) {
    arena_close(a);
    return;
  }
  a->silent = true;
  if (ARENA_TRY(a) == 0) {
    bool anew = p->version != p->live->version;
    if (anew) page_all(p, a);
    anew = false;
    for (int i = 0; i < p->live->runs; i++) page_run(p, a, i, &anew);
    if (anew) p->version = 0;
  } else {
    p->version = 0;
  }
  arena_close(a);
}

static void live_tick(void *live) {
  Live *l = live;
  for (int i = 0; l->pages && i < l->runs; i++) {
    live_renew(l, &l->run[i]);
    l->run[i].state = live_state(l->run[i].folder);
    live_list(&l->run[i]);
  }
  for (Page *p = l->pages; p; p = p->next) page_tell(p);
}

// ---- answers

static void live_events(Live *l, Request *r) {
  Arena *a = arena_open(NULL);
  if (!a) fail(r->arena, EXIT_MEMORY, "out of memory");
  if (ARENA_TRY(a) != 0) {
    arena_close(a);
    fail(r->arena, EXIT_MEMORY, "out of memory");
  }
  Page *p = NEW(a, Page);
  *p = (Page){.next = l->pages, .live = l, .arena = a, .told = NEW_ARRAY(a, LiveTold, l->runs)};
  p->stream = request_stream(r, a, page_closed, p);
  l->pages = p;
  live_tick(l);
}

static void live_picture(const Live *l, Request *r) {
  const char *run = request_value(r, "run"), *show = request_value(r, "show"), *epoch = request_value(r, "epoch");
  long i = run ? strtol(run, NULL, 10) : -1;
  const char *path = show && epoch && i >= 0 && i < l->runs
                         ? report_picture(r->arena, &l->run[i].run, show, strtoll(epoch, NULL, 10))
                         : NULL;
  if (!path || !file_exists(path)) {
    request_nothing(r);
    return;
  }
  Bytes file = file_read(r->arena, path, REPORT_PICTURE_LIMIT, "");
  request_reply(r, "image/png", file.data, file.size);
}

static void live_answer(void *live, Request *r) {
  Live *l = live;
  if (strcmp(r->path, "/") == 0) {
    Text page = text_new(r->arena);
    report_shell(&page, l->runs == 1 ? l->run[0].run.model : "runs", "page.js");
    request_reply(r, "text/html; charset=utf-8", page.data, page.length);
  } else if (strcmp(r->path, "/events") == 0) {
    live_events(l, r);
  } else if (strcmp(r->path, "/picture") == 0) {
    live_picture(l, r);
  } else {
    request_nothing(r);
  }
}

Server *live_open(Arena *a, int port, const char *const *folder, int runs, LiveRead *read, const void *what) {
  Live *l = NEW(a, Live);
  *l = (Live){.arena = a, .run = NEW_ARRAY(a, LiveRun, runs), .runs = runs, .read = read, .what = what};
  for (int i = 0; i < runs; i++) {
    LiveRun *run = &l->run[i];
    run->folder = folder[i];
    run->state = live_state(folder[i]);
    run->shows = text_new(a);
    Arena *own = arena_open(a);
    live_texts_now(own, folder[i], run->text);
    live_read(l, run, own);
  }
  Server *s = server_open(a, port, live_answer, l);
  server_every(s, live_seconds, live_tick);
  return s;
}
