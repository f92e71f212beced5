// A session: what `gmc run`, `gmc eval`, `gmc show`, `gmc sample` and an emitted program ask of the runtime.
//
// The caller fills in a Session and hands it over with the plan; what differs between an executor that walks kernels
// and a program that has them written out is behind `open`. Everything below returns an exit code of base.h; failures
// leave through the arena. The loss lines go to stdout and hold no times, so that two programs can be compared;
// messages, speed and progress go to stderr.
//
// A run's folder holds
//   weights.safetensors   the last checkpoint: all tensors, and in its metadata where the training stands
//   best.safetensors      the same of the best epoch so far, if the plan keeps it
//   epochs/               the same after epochs, if the plan keeps those: 0005.safetensors
//   start.safetensors     weights, states and averages that the run began with, if they are another run's; or the
//                         values that it was given
//   metrics.jsonl, .csv   averages of every epoch's training, and the test split measured after it
//   times.csv             when each line of metrics.jsonl was written, in seconds of training
//   run.json              what the run was started with, or went on with, where that is not the same
//   run.log               times and speeds
//   health.jsonl          how games went, at the steps at which there was time to measure it
//   loss.png, shows/      the training curves; NAME.png the latest, NAME_0001.png after epoch 1, where there was time
//   .lock                 held by the run while it lives
#ifndef GMC_SESSION_H
#define GMC_SESSION_H

#include "core/run.h"

enum { HEALTH_PERCENT = 5 };  // where nothing else is asked for

// A text kept in the run's folder: the model's file, the settings. To settings are added what the session decides
// itself (epochs, seed, threads) and where the other texts came from.
typedef struct {
  const char *name;  // file name
  const char *text;
  const char *origin;  // the path it came from; NULL for the settings
} KeptText;

// What became of an expectation of the plan. OPEN: its epoch was not reached, or not measured.
typedef struct {
  enum { EXPECTED_OPEN, EXPECTED_MET, EXPECTED_MISSED } outcome;
  double figure;
  int64_t epoch;  // it was measured after
} Expected;

typedef struct Session Session;
struct Session {
  // Gives the run what executes it: sets run->execute and, if it uses one, run->pool. Called once, after the memory is
  // there and before the data is read. `threads` 0: as many as the machine has.
  void (*open)(Run *run, int threads);
  DataReader *reader;  // of the plan's data format (runtime/data/data.h); NULL if it needs none
  DataAxes *axes;      // data_axes; NULL if no column has principal axes
  Inflate *inflate;    // what compressed data are expanded by; NULL if none are read
  // Names the first tensor that is not finite while `program` runs kernel by kernel with the present feeds, as text
  // such as "x.gm:12: exp(...)"; NULL if there is none. May be NULL: then a run that failed names its objective and
  // step only.
  const char *(*find_nan)(Run *run, int program);

  const char *folder;  // of the run; NULL: nothing is written
  bool next_free;      // rather the first of FOLDER, FOLDER-2, FOLDER-3, ... that is not there
  bool resume;         // go on with the run in the folder
  const char *weights;  // file of the weights to use, or that a new run begins with; NULL: the folder's, or none
  const char *from;     // the folder that these are of, as it was named
  bool goes_on;         // from where that run stood, rather than from step 0
  const char *start;    // file of values that a new run begins with (start.h); NULL: none
  bool seed_given;     // otherwise the plan's, or on resuming the run's own
  uint32_t seed;
  int64_t epochs;  // in all; 0: as many as the plan says
  int64_t steps;   // stop after so many in all; 0: at the end of the epochs
  int threads;
  int64_t checkpoint_steps;   // a checkpoint every so many, whatever time it takes; 0: as train.h says
  double checkpoint_seconds;  // the same, by time
  int64_t health_percent;     // of the time may go into measuring how games go; 0: none of it
  int64_t record_steps;       // a line of metrics every so many steps, beside those of the epochs; 0: none
  int64_t data_memory;        // bytes that data may take, the rest lies in a file; 0: half of the memory there is
  bool quiet, verbose;
  const KeptText *kept;
  int kepts;
  Expected *expected;     // room for plan->expects of them, filled when the run has come to its end; or NULL
  const char *resume_by;  // told, with the folder, when a run stops early: "gmc run --resume"
};

// Makes the first of NAME, NAME-2, NAME-3, ... that is not there: of many who ask at once, each gets its own. It goes
// again when the arena closes and nothing was put there.
const char *session_new_folder(Arena *a, const char *name);

// What to type to go on with the run.
const char *session_resume_command(Arena *a, const Session *s);

// Trains. EXIT_DONE; EXIT_NUMBERS when an objective stopped being finite; EXIT_INTERRUPT, EXIT_TERMINATE or
// EXIT_HANGUP after a signal.
int session_train(Arena *a, const Plan *plan, const Session *s);

// DIR, or DIR@WHICH: its weights of an epoch, `best` or `last`. NULL where nothing is said.
typedef struct {
  const char *folder, *which;
} FolderRun;

FolderRun folder_run(Arena *a, const char *text);

// The file of a run's weights: of its best epoch, if they are kept, else its last; or as `which` says, `best`, `last` or
// an epoch. Fails with EXIT_NOINPUT where they are not kept.
const char *session_weights_of(Arena *a, const char *folder, const char *which);

// The following use s->weights, or those that session_weights_of gives for the folder, and say so where they are the best.

// Prints the objectives and metrics of the test split, with standard errors.
int session_eval(Arena *a, const Plan *plan, const Session *s);

// Draws show `show` into the PNG `path`.
int session_show(Arena *a, const Plan *plan, const Session *s, int show, const char *path);

// Runs `program` until it has made n examples, and writes them by the ending of `path`: those of its first output as
// one .npy array or one .png of n cells, lo and hi being black and white, or those of all its outputs as a .csv table.
int session_sample(Arena *a, const Plan *plan, const Session *s, int program, int64_t n, float lo, float hi,
                   const char *path);

// The same, handing over the values of the first output: [n, output's dimensions], in the arena's memory.
float *session_draw(Arena *a, const Plan *plan, const Session *s, int program, int64_t n);

#endif
