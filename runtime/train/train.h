// Training: rounds of the plan's turns over shuffled minibatches, measured at the end of every epoch.
//
// A step is one round. Its minibatches are cut from a permutation of the training split that depends on (seed, epoch)
// only; each repetition of a `repeat` takes one of its own, and the turns of a round that have the same repetition
// number share it. An epoch is as many steps as the split fills: examples / (batch * repetitions), rounded down. A
// model without data has epochs of STEPS_WITHOUT_DATA steps. Everything that a later step depends on is in Training and
// in the tensors, so that a checkpoint of both goes on to the same bits.
//
// Phases follow one another, each with its round, its batch and its conditions. Steps and epochs count through all of
// them; a phase begins an epoch of its own. Its conditions are asked once before every round, on the round's first
// batch, before anyone moves: what they say then holds for all turns of the round, and where the phase is over the
// round is not begun.
//
// A run may have several starts, one after another, each a training from step 0 with numbers of its own; they share
// nothing but the best epoch so far (keep.h).
//
// Checkpoints, curves and pictures take a bounded share of the time: they are made at the ends of epochs for which
// there is time, always when a session ends, by whatever, and every checkpoint_steps. Lines of metrics are written for
// every epoch.
#ifndef GMC_TRAIN_H
#define GMC_TRAIN_H

#include "data/feed.h"
#include "train/measure.h"
#include "train/session.h"
#include "train/start.h"

enum { STEPS_WITHOUT_DATA = 1000 };

// What the numbers of a run come from, each by its hash: the splits, and the texts that the run keeps.
enum { HASH_DATA, HASH_TEST_DATA, HASH_TEXTS, HASHES };

typedef struct Records Records;    // records.h
typedef struct RecordsEarlier RecordsEarlier;
typedef struct Progress Progress;  // progress.h
typedef struct Latents Latents;    // latents.h
typedef struct Health Health;      // health.h
typedef struct Metas Metas;        // checkpoint.h: metadata on their way to a file

// An epoch by what it measured, and the start that it is of.
typedef struct {
  bool known;
  uint32_t start;
  int64_t step, epoch;
  double value;
} Best;

typedef struct {
  Run *run;
  const Plan *plan;
  const Session *session;
  int64_t step;         // rounds done
  int phase;            // of the next round; plan->phases where the last one's condition has ended it
  int64_t phase_step;   // rounds done in it
  int64_t phase_epoch;  // epochs that had begun before it
  int64_t epoch_steps;  // rounds in an epoch of it
  int64_t last_step;    // where this session ends, or this start, if no condition ends a phase before
  int64_t start_end;    // the same, of this start alone
  int64_t before;       // rounds of the starts before this one
  int repetitions;      // minibatches of a round
  double ***total;      // sums of the passes: of each turn that is one
  double **init_total;  // sums that the init program is fed, or NULL
  int32_t *rows;        // of a batch of a pass, and of the init program's
  float *said;          // by the phase's conditions, before the present round
  Line *line;           // plan->lines
  int32_t *order;       // the permutation of epoch `ordered`; without data, 0, 1, ...
  int64_t ordered;      // -1: none yet
  Measure *measure;     // room for the averages of an epoch: plan->lines, then the test program's outputs
  uint64_t hash[HASHES];
  bool failed;         // a number was not finite
  int64_t saved_step;  // of the last checkpoint; -1: none
  uint32_t saved_start;
  double saved_time;
  double began;                  // by the same clock: of this session
  double keeping, keeping_last;  // seconds of it that went into checkpoints and pictures, in all and the last time
  Best best, own;                // epoch so far: of all starts, and of this one
  Best *figure;                  // plan->expects: what was measured of what is expected
  Latents *latents;              // what latents cost on held-out data
  float *kept;                   // the tensors of the best, or NULL
  Arena *kept_arena;             // of its place, while there is one
  Metas *kept_place;
  bool kept_waits;               // they are not yet in the folder
  const char *from;              // the run and epoch that it went on from, or whose weights it began with; or NULL
  bool went_on;                  // the former
  RecordsEarlier *earlier;       // what that run had recorded until then, or NULL
  const Start *start;            // or the values that it began with
  const Start *trained;          // and what begins with weights of another run; NULL: nothing
  Records *records;              // NULL without a folder
  Progress *progress;
  Health *health;                // NULL where nothing can be told
} Training;

// From here until the arena closes: Ctrl-C, SIGTERM and, unless it was ignored, SIGHUP stop a training after the
// present step, a second one at once; a file-size limit, or that nobody reads what is printed, is an error of writing
// like any other.
void training_signals(Arena *a);

// Puts a training into a phase (or, where `phase` is plan->phases, behind the last one): phase, phase_step and
// phase_epoch, and what follows from them. Fails with EXIT_DATA if the split does not fill one round.
void training_place(Training *t, int phase, int64_t phase_step, int64_t phase_epoch);

// A training at step 0, its weights not yet made; run->train has been loaded. Records and progress are the caller's to
// set.
Training *training_new(Run *run, const Session *s);

// Runs the init program: the tensors of step 0 of the present start, and empty sums.
void training_begin(Training *t);

// Before every round: asks the phase's conditions. Is the phase over?
bool training_over(Training *t);

// To the phase after it.
void training_next_phase(Training *t);

// The parts of a round, for who replays one: is the turn due? Then addresses and feeds of a program, for one of the
// round's minibatches, and after its execution the sums. Returns the line whose objective is not finite, or -1.
bool training_due(const Training *t, const PlanTurn *turn);

void training_prepare(Training *t, int program, int repetition);

int training_tally(Training *t, const PlanTurn *turn);

void training_pass(Training *t, const PlanTurn *turn);

// One round. Returns the line whose objective is not finite, at which the round was stopped, or -1.
int training_round(Training *t);

// The phase of the next round; the last one where all are over.
const PlanPhase *training_phase(const Training *t);

// Is this line one of the phase's?
bool training_has(const Training *t, int line);

// Does an epoch end after the last step?
bool training_whole(const Training *t);

// Is there nothing left for this session to do?
bool training_done(const Training *t);

// Epochs of a start, all phases counted; 0: as many as it takes.
int64_t training_asked(const Training *t);

// The first tensor with a number that is not finite, or NULL.
const PlanTensor *training_spoilt(const Training *t);

// The epoch that the last step belongs to, from 1; 0 before the first step.
int64_t training_epoch(const Training *t);

// Rounds until the last step, a signal, or an objective or tensor that is not finite. Returns the exit code.
int training_run(Training *t);

// The exit code of the signal that asked to stop, whether or not there was anything left to do; EXIT_DONE without one.
int training_stopped(void);

#endif
