// The training loop; see train.h. Serves `gmc run` and emitted programs alike: it reads the plan's tables and calls
// run->execute, and knows nothing of kernels.
//
// Invariant: between two steps nothing is allocated; Training and the tensors are all that the next step depends on.
#include "train.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "curves.h"
#include "data.h"
#include "diagnose.h"
#include "hash.h"
#include "progress.h"
#include "show.h"
#include "shuffle.h"

// Checkpoints and pictures may take this share of a session's time, and so many seconds besides: those of a short run
// are all made.
static const double keeping_share = 0.1;

static const double keeping_seconds = 0.25;

// The signal that asked the run to stop, or 0. A signal handler can reach nothing else: the one variable of the runtime
// that belongs to no run.
static volatile sig_atomic_t stop_signal;

static void training_on_signal(int signal) { stop_signal = signal; }

// Those that stop the run, and those that are errors of writing.
static const int training_stops[] = {SIGINT, SIGTERM, SIGHUP};

static const int training_ignored[] = {SIGXFSZ, SIGPIPE};

enum {
  TRAINING_STOPS = sizeof training_stops / sizeof *training_stops,
  TRAINING_IGNORED = sizeof training_ignored / sizeof *training_ignored
};

// What happened on them before.
typedef struct {
  struct sigaction stop[TRAINING_STOPS], ignored[TRAINING_IGNORED];
} SignalsBefore;

static void training_signals_back(void *what) {
  SignalsBefore *before = what;
  for (int i = 0; i < TRAINING_STOPS; i++) sigaction(training_stops[i], &before->stop[i], NULL);
  for (int i = 0; i < TRAINING_IGNORED; i++) sigaction(training_ignored[i], &before->ignored[i], NULL);
}

void training_signals(Arena *a) {
  SignalsBefore *before = NEW(a, SignalsBefore);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = training_on_signal;
  action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
  stop_signal = 0;
  for (int i = 0; i < TRAINING_STOPS; i++) {
    sigaction(training_stops[i], &action, &before->stop[i]);
    bool outlives = training_stops[i] == SIGHUP && before->stop[i].sa_handler == SIG_IGN;  // it was begun by nohup
    if (outlives) sigaction(SIGHUP, &before->stop[i], NULL);
  }
  action.sa_handler = SIG_IGN;
  action.sa_flags = 0;
  for (int i = 0; i < TRAINING_IGNORED; i++) sigaction(training_ignored[i], &action, &before->ignored[i]);
  arena_cleanup(a, training_signals_back, before);
}

// The output that holds the objective of line `line`, performed by the program of `turn`.
static const PlanOutput *training_output(const Training *t, const PlanTurn *turn, int line) {
  const PlanProgram *p = &t->plan->program[turn->program];
  for (int i = 0; i < p->outputs; i++)
    if (p->output[i].count == 1 && strcmp(p->output[i].name, t->plan->objective[line]) == 0) return &p->output[i];
  fail(t->run->arena, EXIT_SOFTWARE, "program `%s` has no output `%s`", p->name, t->plan->objective[line]);
}

int64_t training_epoch_steps(const Run *run) {
  const Plan *plan = run->plan;
  if (plan->data.format == DATA_NONE) return STEPS_WITHOUT_DATA;
  int64_t repetitions = training_repetitions(plan), round = plan->batch * repetitions;
  if (run->train.examples < round)
    fail(run->arena, EXIT_DATA, "a step takes %s%lld examples, but the training split has %lld (%s)",
         repetitions == 1 ? "" : arena_format(run->arena, "%lld times ", (long long)repetitions),
         (long long)plan->batch, (long long)run->train.examples, data_hint(run->arena, plan));
  return run->train.examples / round;
}

int training_repetitions(const Plan *plan) {
  int most = 0;
  for (int i = 0; i < plan->turns; i++) most = plan->turn[i].turn > most ? plan->turn[i].turn : most;
  return most + 1;
}

Training *training_new(Run *run, const Session *s) {
  const Plan *plan = run->plan;
  measure_check(run);
  Training *t = NEW(run->arena, Training);
  t->run = run;
  t->plan = plan;
  t->session = s;
  t->epoch_steps = training_epoch_steps(run);
  t->repetitions = training_repetitions(plan);
  int64_t epochs = s->epochs ? s->epochs : plan->epochs;
  t->last_step = epochs < INT64_MAX / t->epoch_steps ? epochs * t->epoch_steps : INT64_MAX;
  if (s->steps && s->steps < t->last_step) t->last_step = s->steps;
  if (t->last_step > UINT32_MAX)
    fail(run->arena, EXIT_USAGE, "%lld epochs are %lld steps or more; random numbers are addressed by at most %lld",
         (long long)epochs, (long long)t->last_step, (long long)UINT32_MAX);
  t->line = NEW_ARRAY(run->arena, Line, plan->lines);
  for (int i = 0; i < plan->lines; i++) t->line[i].name = plan->objective[i];
  for (int i = 0; i < plan->turns; i++)
    for (int k = 0; k < plan->turn[i].lines; k++) training_output(t, &plan->turn[i], plan->turn[i].first_line + k);
  t->measure = NEW_ARRAY(run->arena, Measure, plan->lines + (plan->test < 0 ? 0 : plan->program[plan->test].outputs));
  int64_t rows = run->train.examples > plan->batch ? run->train.examples : plan->batch;
  t->order = NEW_ARRAY(run->arena, int32_t, rows);
  for (int64_t i = 0; i < rows; i++) t->order[i] = (int32_t)i;
  t->ordered = t->saved_step = -1;
  t->began = t->saved_time = progress_clock();
  t->hash[HASH_DATA] = data_hash(run, &run->train);
  t->hash[HASH_TEST_DATA] = data_hash(run, &run->test);
  for (const KeptText *k = s->kept; k < s->kept + s->kepts; k++)
    t->hash[HASH_TEXTS] = hash_text(hash_text(t->hash[HASH_TEXTS], k->name), k->text);
  return t;
}

void training_begin(Training *t) {
  Run *run = t->run;
  memset(run->memory, 0, (size_t)run->plan->persistent * sizeof(float));
  run->purpose = PURPOSE_INIT;
  run->step = run->turn = run->first_position = 0;
  run->example = t->order;
  for (int i = 0; i < run->plan->lines; i++) t->line[i] = (Line){.name = t->line[i].name};
  t->step = 0;
  feed_program(run, &run->train, run->plan->init, (Moment){0, 0, t->line});
  run->execute(run, run->plan->init);
  data_statistics(run);
}

void training_prepare(Training *t, const PlanTurn *turn) {
  Run *run = t->run;
  int64_t epoch = t->step / t->epoch_steps;
  if (run->train.examples > 0 && t->ordered != epoch) {
    shuffle(run->seed, epoch, t->order, run->train.examples);
    t->ordered = epoch;
  }
  int64_t batches = t->step % t->epoch_steps * t->repetitions + turn->turn;
  run->example = t->order + (run->train.examples > 0 ? batches * t->plan->batch : 0);
  run->purpose = PURPOSE_TRAIN;
  run->step = (uint32_t)t->step;
  run->turn = (uint32_t)turn->turn;
  run->first_position = 0;
  feed_program(run, &run->train, turn->program, (Moment){t->step, epoch, t->line});
}

int training_tally(Training *t, const PlanTurn *turn) {
  int bad = -1;
  for (int i = turn->first_line; i < turn->first_line + turn->lines; i++) {
    Line *line = &t->line[i];
    line->last = output_mean(t->run, &t->plan->program[turn->program], training_output(t, turn, i));
    line->sum += line->last;
    line->values++;
    line->updates++;
    if (bad < 0 && !isfinite(line->last)) bad = i;
  }
  return bad;
}

int training_round(Training *t) {
  for (int i = 0; i < t->plan->turns; i++) {
    const PlanTurn *turn = &t->plan->turn[i];
    training_prepare(t, turn);
    t->run->execute(t->run, turn->program);
    int bad = training_tally(t, turn);
    if (bad >= 0) return bad;
  }
  t->step++;
  return -1;
}

int64_t training_epoch(const Training *t) { return t->step > 0 ? (t->step - 1) / t->epoch_steps + 1 : 0; }

// Measures the test split, and tells what there is to tell of the epoch so far: metrics and the loss line. Returns how
// many there are of the test split, in t->measure behind those of the lines.
static int training_report(Training *t) {
  Run *run = t->run;
  Moment moment = moment_after(t->step, t->epoch_steps, t->line);
  Measure *train = t->measure, *test = t->measure + t->plan->lines;
  progress_trained(t->progress);
  for (int i = 0; i < t->plan->lines; i++)
    train[i] = (Measure){.name = t->line[i].name, .mean = t->line[i].sum / (double)t->line[i].values, .error = -1};
  int tests = measure_test(run, moment, test);
  progress_report(t->progress, t, train, test, tests);
  records_add(t->records, t->step, training_epoch(t), "train", train, t->plan->lines);
  if (tests) records_add(t->records, t->step, training_epoch(t), "test", test, tests);
  return tests;
}

// The weights may be sound and what they measure is not: then they are kept, and the run ends all the same.
static void training_judge(Training *t, int tests) {
  Moment moment = moment_after(t->step, t->epoch_steps, t->line);
  progress_clear(t->progress);
  t->failed = diagnose_measures(t->run, t->session, moment, t->measure + t->plan->lines, tests);
  if (t->failed && t->session->folder)
    say_line(stderr, "  the weights of step %lld are kept in %s", (long long)t->step,
             checkpoint_path(t->run->arena, t->session->folder));
}

static bool training_finite(const Training *t, int tests) {
  for (int i = 0; i < tests; i++)
    if (!isfinite(t->measure[t->plan->lines + i].mean)) return false;
  return true;
}

// The curves and the pictures as the weights are now. Those that stay, with a number, are of whole epochs only.
static void training_draw(Training *t) {
  if (!t->session->folder) return;
  Moment moment = moment_after(t->step, t->epoch_steps, t->line);
  curves_draw(t->records);
  for (int i = 0; i < t->plan->shows; i++)
    show_epoch(t->run, i, t->session->folder, moment, t->step % t->epoch_steps == 0);
}

const PlanTensor *training_spoilt(const Training *t) {
  for (int i = 0; i < t->plan->tensors; i++) {
    const PlanTensor *tensor = &t->plan->tensor[i];
    for (int64_t k = 0; k < tensor->count; k++)
      if (!isfinite(t->run->memory[tensor->at + k])) return tensor;
  }
  return NULL;
}

// Good weights are never replaced by spoilt ones, nor are those measured.
static bool training_sound(Training *t) {
  const PlanTensor *spoilt = training_spoilt(t);
  if (spoilt) diagnose(t, t->step - 1, arena_format(t->run->arena, "tensor `%s`", spoilt->name));
  return !spoilt;
}

static void training_save(Training *t) {
  if (t->session->folder) checkpoint_write(t);
  t->saved_step = t->step;
}

// What is to be kept of this moment, as its parts say. Pictures of whole epochs come before the checkpoint, so that
// whatever it counts as done is there.
static void training_keep(Training *t, bool save, bool draw) {
  double began = progress_clock();
  bool whole = t->step % t->epoch_steps == 0;
  if (draw && whole) training_draw(t);
  if (save) training_save(t);
  if (draw && !whole) training_draw(t);
  t->saved_time = progress_clock();
  t->keeping_last = t->saved_time - began;
  t->keeping += t->keeping_last;
}

// Would one more leave the share of the time that may go into keeping?
static bool training_may_keep(const Training *t) {
  double elapsed = progress_clock() - t->began;
  return t->keeping + t->keeping_last <= keeping_seconds + keeping_share * elapsed;
}

static void training_end_epoch(Training *t, bool keep) {
  int tests = training_report(t);
  for (int i = 0; i < t->plan->lines; i++) {
    t->line[i].sum = 0;
    t->line[i].values = 0;
  }
  bool finite = training_finite(t, tests);
  if (keep || !finite || training_may_keep(t)) training_keep(t, true, true);
  if (!finite) training_judge(t, tests);
  progress_next(t->progress, t);
}

// In the middle of an epoch the checkpoint comes first: what is reported here is dropped when the run goes on, because
// a run that was never stopped has no such lines.
static void training_end_early(Training *t) {
  training_keep(t, true, false);
  int tests = training_report(t);
  training_keep(t, false, true);
  training_judge(t, tests);
}

static void training_record_step(Training *t) {
  for (int i = 0; i < t->plan->lines; i++)
    t->measure[i] = (Measure){.name = t->line[i].name, .mean = t->line[i].last, .error = -1};
  records_add(t->records, t->step, training_epoch(t), "step", t->measure, t->plan->lines);
}

static bool training_checkpoint_due(const Training *t) {
  const Session *s = t->session;
  if (t->saved_step < 0) return true;  // the first one comes early, but not before a step has shown that all is well
  if (s->checkpoint_steps && t->step % s->checkpoint_steps == 0) return true;
  return s->checkpoint_seconds > 0 && progress_clock() - t->saved_time >= s->checkpoint_seconds;
}

// What is due after a step.
static void training_after_step(Training *t) {
  const Session *s = t->session;
  bool ends_epoch = t->step % t->epoch_steps == 0, ends = t->step == t->last_step, due = training_checkpoint_due(t);
  if (s->record_steps && t->step % s->record_steps == 0) training_record_step(t);
  progress_step(t->progress, t);
  if (!(ends_epoch || ends || due) || !training_sound(t)) return;
  if (ends_epoch)
    training_end_epoch(t, ends || due);
  else if (ends)
    training_end_early(t);
  else
    training_keep(t, true, false);
}

int training_stopped(void) {
  switch (stop_signal) {
    case 0: return EXIT_DONE;
    case SIGINT: return EXIT_INTERRUPT;
    case SIGHUP: return EXIT_HANGUP;
    default: return EXIT_TERMINATE;
  }
}

int training_run(Training *t) {
  while (t->step < t->last_step && !stop_signal && !t->failed) {
    int bad = training_round(t);
    if (bad >= 0)
      diagnose(t, t->step, arena_format(t->run->arena, "objective `%s`", t->line[bad].name));
    else
      training_after_step(t);
  }
  if (!t->failed && t->saved_step != t->step && training_sound(t)) training_keep(t, true, true);  // after a signal
  if (t->failed) return EXIT_NUMBERS;
  progress_end(t->progress, t);
  return t->step >= t->last_step ? EXIT_DONE : training_stopped();
}
