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
  const ReportItem *text, *setting;  // files of the model, its own first
  const ReportMeasure *measure;
  const char *const *show;  // names
  int texts, settings, measures, shows;
} ReportRun;

// The first bytes of every page, by which it is told from other files.
extern const char report_begins[];

// Fails with EXIT_DATA where a record cannot be read, naming file and line. Pictures are left out evenly, of each show
// at most so many that the page stays under some 15 MB, never the first and the last.
void report_page(Text *page, const ReportRun *run, int runs);

#endif
