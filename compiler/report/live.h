// The page of runs while they train: `gmc watch`.
//
// The page is the report's, without its runs: it asks for them by an event stream, and gets all of them at once, and
// then what comes to their files. Nothing is kept here but how far each page has been told, so a page that is loaded
// again misses nothing. Only files are read: of the process that trains nothing is asked but, of the system, whether it
// holds its folder's lock.
//
// `/` is the page, `/picture?run=0&show=digits&epoch=12` a picture of it, and `/events` the stream (text/event-stream):
//
// - runs: the array of report_runs; when a page is opened, and when texts, settings or files are others.
// - more: {"run":0,"is":{"lines":[...],"health":[...],"log":"..."}}, what has been added to the run's files.
// - shows: {"run":0,"shows":[...]}, the pictures that there are.
// - state: {"run":0,"state":"training"}, or "still", or "gone" where the folder is not there.
#ifndef GMC_LIVE_H
#define GMC_LIVE_H

#include "report/report.h"
#include "report/server.h"

// What the command line knows of the run in a folder, as the folder is now; fails where it holds none.
typedef ReportRun LiveRead(Arena *a, const void *what, const char *folder);

// The runs are read once before this returns: fails as `read` does, or as server_open. Then server_run.
Server *live_open(Arena *a, int port, const char *const *folder, int runs, LiveRead *read, const void *what);

#endif
