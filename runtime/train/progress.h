// What a training says while it runs: the loss lines on stdout, everything else on stderr and in run.log.
//
// stdout holds numbers only, no times, so that two programs that train the same can be compared by diff. On a terminal
// one moving line on stderr shows speed and time left; elsewhere, or with NO_COLOR or TERM=dumb, a plain line every so
// often.
#ifndef GMC_PROGRESS_H
#define GMC_PROGRESS_H

#include "train/train.h"

typedef struct Progress {
  bool moving;  // the moving line is wanted
  bool shown;   // it stands on the terminal now
  bool quiet, verbose;
  double began, told;    // seconds: of the session, of the last line
  double epoch_began;    // of the epoch's first step in this session
  double epoch_trained;  // of its last step, before the measuring
  int64_t first_step, epoch_first_step;
  FILE *log;        // run.log, or NULL
  char line[1024];  // the moving line
} Progress;

// Seconds of a clock that only goes forward.
double progress_clock(void);

Progress *progress_open(Arena *a, const Session *s);

// Model, parameters, memory, data, threads; and where a resumed run stands.
void progress_begin(Progress *p, const Training *t);

// After every step: cheap unless something is due.
void progress_step(Progress *p, const Training *t);

// An epoch's steps are done, and what follows is no training; and the next epoch's steps begin.
void progress_trained(Progress *p);

void progress_next(Progress *p, const Training *t);

// A phase is over, and the next one, if there is one, begins.
void progress_phase(Progress *p, const Training *t);

// The loss line of an epoch, or of the part of it that was trained.
void progress_report(Progress *p, const Training *t, const Measure *train, int trained, const Measure *test, int tests);

// Takes the moving line off the terminal, before anything else is written there.
void progress_clear(Progress *p);

// A start of several is over: its best epoch.
void progress_start(Progress *p, const Training *t);

// What a run has found: of what is expected, of its latents, and of how it goes.
void progress_told(Progress *p, const char *format, ...) PRINTF_LIKE(2, 3);

// What a show has printed, line by line.
void progress_text(Progress *p, const char *show, const char *text);

// After the last step of a session: where its results are and, if it stopped early, how to go on.
void progress_end(Progress *p, const Training *t);

#endif
