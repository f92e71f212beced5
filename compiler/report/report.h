// The page of a run, or of several beside one another: one HTML file that asks the network for nothing.
//
// What the command line knows of a run (its texts, what they were understood as) is handed over; its records, log and
// pictures are read from its folder. The page carries all as one object (page.js says what it makes of it).
#ifndef GMC_REPORT_H
#define GMC_REPORT_H

#include "core/base.h"

typedef struct {
  const char *name, *text;
} ReportItem;

typedef struct {
  const char *name;
  const char *kind;  // "maximized", "minimized", "metric"
  const char *text;  // how it is defined
  const char *is;    // what it is to the log density of the data, or ""
} ReportMeasure;

typedef struct {
  const char *folder, *model, *explained;
  const ReportItem *text, *setting, *show;  // files of the model, its own first
  const ReportMeasure *measure;
  int texts, settings, measures, shows;
} ReportRun;

// How far the files of a run have been read.
typedef struct {
  uint64_t file;  // which one it is, by its number in the file system; 0: there is none
  int64_t bytes, lines;
} ReportTail;

typedef struct {
  ReportTail metrics, times, health, log;
} ReportPlace;

enum { REPORT_PICTURE_LIMIT = 1 << 26 };  // bytes of a picture's file

// The first bytes of every page, by which it is told from other files.
extern const char report_begins[];

// The page carries all. Fails with EXIT_DATA where a record cannot be read, naming file and line. Pictures are left out
// evenly, of each show at most so many that the page stays under some 15 MB, never the first and the last.
void report_page(Text *page, const ReportRun *run, int runs);

// A page without runs, whose script asks for what it shows: page.js by `events` (live.h), quiz.js.
void report_shell(Text *page, const char *title, const char *script);

// The array that the page draws, as a live one gets it: pictures are named only, and a record that cannot be read is
// told in the run's "problem". place[runs] is where report_more goes on.
void report_runs(Text *t, const ReportRun *run, int runs, ReportPlace *place);

// What has come to the files since: false where there is nothing. *anew: they are others now, or shorter.
bool report_more(Text *t, const char *folder, ReportPlace *place, bool *anew);

// The pictures that there are, as the array has them under "shows".
void report_shows(Text *t, const ReportRun *run);

// The file of a picture, or NULL: the run has no such show.
const char *report_picture(Arena *a, const ReportRun *run, const char *show, int64_t epoch);

#endif
