// The training loop; see train.h. Serves `gmc run` and emitted programs alike: it reads the plan's tables and calls
// run->execute, and knows nothing of kernels.
//
// Invariant: between two steps nothing is allocated; Training and the tensors are all that the next step depends on.
#include "train/train.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "train/checkpoint.h"
#include "train/curves.h"
#include "train/expect.h"
#include "train/health.h"
#include "data/data.h"
#include "train/latents.h"
#include "train/nan_report.h"
#include "core/hash.h"
#include "train/keep.h"
#include "train/pass.h"
#include "train/progress.h"
#include "pictures/show.h"
#include "data/sets.h"
#include "data/shuffle.h"

// Checkpoints and pictures may take this share of a session's time, and so many seconds besides: those of a short run
// are all made.
static const double keeping_share = 0.1;

static const double keeping_seconds = 0.25;

// Columns of the records beside measures: the start, and of the test split whether it is the best epoch.
enum { ASIDE_LINES = 1, ASIDE_TESTS = 2 };

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

// Minibatches of a round: 1, or as many as its longest `repeat`.
static int training_repetitions(const Plan *plan, const PlanPhase *phase) {
  int most = 0;
  for (int i = 0; i < phase->turns; i++) {
    int turn = plan->turn[phase->first_turn + i].turn;
    most = turn > most ? turn : most;
  }
  return most + 1;
}

// Is there nothing in a round but passes, whose conditions do not speak of a batch?
static bool training_only_passes(const Plan *plan, const PlanPhase *phase) {
  const PlanProgram *asked = phase->conditions < 0 ? NULL : &plan->program[phase->conditions];
  for (int i = 0; asked && i < asked->feeds; i++)
    if (asked->feed[i].kind == FEED_COLUMN) return false;
  for (int i = 0; i < phase->turns; i++)
    if (!plan->turn[phase->first_turn + i].after && plan->turn[phase->first_turn + i].lines) return false;
  return true;
}

static int64_t training_epoch_steps(const Run *run, const PlanPhase *phase) {
  const Plan *plan = run->plan;
  if (training_only_passes(plan, phase)) return 1;
  if (plan->data.format == DATA_NONE) return STEPS_WITHOUT_DATA;
  int64_t repetitions = training_repetitions(plan, phase), round = phase->batch * repetitions;
  if (run->train.examples < round)
    fail(run->arena, EXIT_DATA, "a step takes %s%lld examples, but the training split has %lld (%s)",
         repetitions == 1 ? "" : arena_format(run->arena, "%lld times ", (long long)repetitions),
         (long long)phase->batch, (long long)run->train.examples, data_hint(run->arena, plan));
  return run->train.examples / round;
}

const PlanPhase *training_phase(const Training *t) {
  return &t->plan->phase[t->phase < t->plan->phases ? t->phase : t->plan->phases - 1];
}

// Epochs of a phase. `asked` in all: more than all phases have are the last one's.
static int64_t training_epochs(const Plan *plan, int phase, int64_t asked) {
  const int64_t endless = UINT32_MAX;  // no run has as many steps
  int64_t all = 0;
  for (int i = 0; i < plan->phases; i++) all += plan->phase[i].epochs ? plan->phase[i].epochs : endless;
  int64_t own = plan->phase[phase].epochs ? plan->phase[phase].epochs : endless;
  return phase == plan->phases - 1 && asked > all ? own + asked - all : own;
}

int64_t training_asked(const Training *t) { return t->session->epochs ? t->session->epochs : t->plan->epochs; }

// Where the present start ends, if no condition ends a phase before.
static int64_t training_start_end(const Training *t) {
  const Plan *plan = t->plan;
  int64_t asked = training_asked(t), last = t->step, begun = t->phase_epoch;
  for (int i = t->phase; i < plan->phases && last <= UINT32_MAX; i++) {
    int64_t epochs = training_epochs(plan, i, asked), left = asked - begun;
    if (asked && epochs > left) epochs = left > 0 ? left : 0;
    int64_t steps = epochs * training_epoch_steps(t->run, &plan->phase[i]) - (i == t->phase ? t->phase_step : 0);
    last += steps > 0 ? steps : 0;
    begun += epochs;
  }
  if (last <= UINT32_MAX) return last;
  if (!asked) return UINT32_MAX;
  fail(t->run->arena, EXIT_USAGE, "%lld epochs are %lld steps or more; random numbers are addressed by at most %lld",
       (long long)asked, (long long)last, (long long)UINT32_MAX);
}

void training_place(Training *t, int phase, int64_t phase_step, int64_t phase_epoch) {
  t->phase = phase;
  t->phase_step = phase_step;
  t->phase_epoch = phase_epoch;
  t->epoch_steps = training_epoch_steps(t->run, training_phase(t));
  t->repetitions = training_repetitions(t->plan, training_phase(t));
  t->start_end = t->last_step = training_start_end(t);
  int64_t left = t->session->steps - t->before;  // --steps counts those of all starts
  if (t->session->steps && left < t->last_step) t->last_step = left;
}

// What the phases need room for.
static void training_room(Training *t) {
  const Plan *plan = t->plan;
  int64_t rows = t->run->train.examples;
  int said = 0;
  for (int i = 0; i < plan->phases; i++) {
    const PlanPhase *phase = &plan->phase[i];
    int outputs = phase->conditions < 0 ? 0 : plan->program[phase->conditions].outputs;
    rows = phase->batch > rows ? phase->batch : rows;
    said = outputs > said ? outputs : said;
  }
  t->said = NEW_ARRAY(t->run->arena, float, said + 1);
  t->total = NEW_ARRAY(t->run->arena, double **, plan->turns);
  for (int i = 0; i < plan->turns; i++) {
    const PlanTurn *turn = &plan->turn[i];
    if (turn->after) t->total[i] = pass_totals(t->run, turn->program);
  }
  if (plan->init_sums >= 0) t->init_total = pass_totals(t->run, plan->init_sums);
  if (plan->program[plan->init].batch > rows) rows = plan->program[plan->init].batch;
  if (rows < LEAST) rows = LEAST;
  t->order = NEW_ARRAY(t->run->arena, int32_t, rows);
  t->rows = NEW_ARRAY(t->run->arena, int32_t, rows);
  for (int64_t i = 0; i < rows; i++) t->order[i] = (int32_t)i;
}

Training *training_new(Run *run, const Session *s) {
  const Plan *plan = run->plan;
  measure_check(run);
  Training *t = NEW(run->arena, Training);
  t->run = run;
  t->plan = plan;
  t->session = s;
  training_place(t, 0, 0, 0);
  t->line = NEW_ARRAY(run->arena, Line, plan->lines);
  for (int i = 0; i < plan->lines; i++) t->line[i].name = plan->objective[i];
  for (int i = 0; i < plan->turns; i++)
    for (int k = 0; k < plan->turn[i].lines; k++) training_output(t, &plan->turn[i], plan->turn[i].first_line + k);
  t->measure = NEW_ARRAY(run->arena, Measure, plan->lines + ASIDE_LINES + measure_count(plan) + ASIDE_TESTS);
  training_room(t);
  t->figure = NEW_ARRAY(run->arena, Best, plan->expects);
  t->latents = latents_new(run->arena, plan);
  keep_open(t);
  health_open(t);
  t->ordered = t->saved_step = -1;
  t->began = t->saved_time = progress_clock();
  t->hash[HASH_DATA] = sets_hash(run, false);
  t->hash[HASH_TEST_DATA] = sets_hash(run, true);
  for (const KeptText *k = s->kept; k < s->kept + s->kepts; k++)
    t->hash[HASH_TEXTS] = hash_text(hash_text(t->hash[HASH_TEXTS], k->name), k->text);
  return t;
}

// The init program sees the first examples in an order of chance; if there are fewer, they come again.
static void training_start(Training *t) {
  Run *run = t->run;
  const Plan *plan = run->plan;
  const PlanProgram *init = &plan->program[plan->init];
  int64_t examples = run->train.examples;
  Moment moment = {.line = t->line};
  if (plan->init_sums >= 0) {
    pass_sum(run, plan->init_sums, moment, t->init_total, t->rows);
    moment.total = t->init_total;
  }
  if (examples > 0) shuffle(run_start_seed(run), 0, -1, t->order, examples);
  for (int64_t i = 0; i < init->batch; i++) t->rows[i] = t->order[examples > 0 ? i % examples : i];
  run->purpose = PURPOSE_INIT;
  run->step = run->turn = run->first_position = 0;
  run->example = t->rows;
  moment.place = -init->batch;
  moment.shuffled = true;
  feed_program(run, &run->train, plan->init, init->batch, moment);
  run->execute(run, plan->init);
}

void training_begin(Training *t) {
  Run *run = t->run;
  memset(run->memory, 0, (size_t)run->plan->persistent * sizeof(float));
  for (int i = 0; i < run->plan->lines; i++) t->line[i] = (Line){.name = t->line[i].name};
  t->step = 0;
  t->ordered = -1;
  t->own = (Best){0};
  training_place(t, 0, 0, 0);
  if (t->trained) start_put_trained(run, t->trained);
  data_statistics(run);  // before starts that see the data
  training_start(t);
  checkpoint_start(t);
  health_begin(t);
}

void training_prepare(Training *t, int program, int repetition) {
  Run *run = t->run;
  int64_t epoch = t->phase_epoch + t->phase_step / t->epoch_steps;
  if (run->train.examples > 0 && t->ordered != epoch) {
    shuffle(run_start_seed(run), 0, epoch, t->order, run->train.examples);
    t->ordered = epoch;
  }
  int64_t batches = t->phase_step % t->epoch_steps * t->repetitions + repetition;
  run->example = t->order + (run->train.examples > 0 ? batches * training_phase(t)->batch : 0);
  run->purpose = PURPOSE_TRAIN;
  run->step = (uint32_t)t->step;
  run->turn = (uint32_t)repetition;
  run->first_position = 0;
  feed_program(run, &run->train, program, t->plan->program[program].batch,
               (Moment){.step = t->step,
                        .epoch = epoch,
                        .line = t->line,
                        .place = epoch * run->train.examples + batches * training_phase(t)->batch,
                        .shuffled = true});
}

bool training_over(Training *t) {
  const PlanPhase *phase = training_phase(t);
  if (t->phase == t->plan->phases) return false;
  bool last = t->phase == t->plan->phases - 1;
  if (!last && t->phase_step >= training_epochs(t->plan, t->phase, 0) * t->epoch_steps) return true;
  if (phase->conditions < 0) return false;
  const PlanProgram *p = &t->plan->program[phase->conditions];
  training_prepare(t, phase->conditions, 0);
  t->run->execute(t->run, phase->conditions);
  for (int i = 0; i < p->outputs; i++) t->said[i] = (float)output_value(t->run, &p->output[i], 0);
  return phase->until && t->said[phase->until - 1] != 0;
}

void training_next_phase(Training *t) { training_place(t, t->phase + 1, 0, training_epoch(t)); }

bool training_due(const Training *t, const PlanTurn *turn) {
  if (turn->every == EACH_EPOCH) return (t->phase_step + 1) % t->epoch_steps == 0;
  if (turn->every && (t->phase_step + 1) % turn->every != 0) return false;
  return !turn->when || t->said[turn->when - 1] != 0;
}

// What a line's objective was: on its batch, or of all examples.
static double training_value(const Training *t, const PlanTurn *turn, const PlanOutput *output) {
  const PlanProgram *p = &t->plan->program[turn->program];
  if (!turn->after) return output_mean(t->run, p, output);
  int64_t examples = t->run->train.examples > 0 ? t->run->train.examples : p->batch;
  return t->total[turn - t->plan->turn][output - p->output][0] / (double)examples;
}

int training_tally(Training *t, const PlanTurn *turn) {
  int bad = -1;
  for (int i = turn->first_line; i < turn->first_line + turn->lines; i++) {
    Line *line = &t->line[i];
    line->last = training_value(t, turn, training_output(t, turn, i));
    line->sum += line->last;
    line->values++;
    line->round = t->step + 1;
    line->updates++;
    if (bad < 0 && !isfinite(line->last)) bad = i;
  }
  return bad;
}

void training_pass(Training *t, const PlanTurn *turn) {
  Moment moment = {.step = t->step, .epoch = t->phase_epoch + t->phase_step / t->epoch_steps, .line = t->line};
  pass_run(t->run, turn, moment, t->total[turn - t->plan->turn], t->rows);
}

// What the program after a pass has found, told.
static void training_tell_pass(Training *t, const PlanTurn *turn) {
  const PlanProgram *p = &t->plan->program[turn->after];
  double reborn = turn->reborn ? output_value(t->run, &p->output[turn->reborn - 1], 0) : 0;
  double fell = turn->fell ? output_value(t->run, &p->output[turn->fell - 1], 0) : 0;
  int64_t pass = t->step + 1;
  if (reborn > 0 || fell > 0) progress_clear(t->progress);
  if (reborn > 0)
    say_line(stderr, "gmc: pass %lld: %g of what latents choose stood for less than one example, and began anew at those explained worst (first %d)",
             (long long)pass, reborn, (int)t->rows[0]);
  if (!(fell > 0)) return;
  const char *why = turn->own_rule ? "a rule `fit` does not maximize it (E0761)" : "single precision tells no better";
  say_line(stderr, "gmc: pass %lld: log p of the data has fallen by %g an example: %s", (long long)pass, fell, why);
  t->failed = turn->own_rule;
}

int training_round(Training *t) {
  const PlanPhase *phase = training_phase(t);
  for (int i = 0; i < phase->turns; i++) {
    const PlanTurn *turn = &t->plan->turn[phase->first_turn + i];
    if (!training_due(t, turn)) continue;
    if (turn->after) {
      training_pass(t, turn);
      training_tell_pass(t, turn);
      if (t->failed) return -1;
    } else {
      training_prepare(t, turn->program, turn->turn);
      t->run->execute(t->run, turn->program);
    }
    int bad = training_tally(t, turn);
    if (bad >= 0) return bad;
  }
  t->step++;
  t->phase_step++;
  return -1;
}

int64_t training_epoch(const Training *t) {
  return t->phase_epoch + (t->phase_step > 0 ? (t->phase_step - 1) / t->epoch_steps + 1 : 0);
}

bool training_whole(const Training *t) { return t->phase_step % t->epoch_steps == 0; }

static bool turn_has(const PlanTurn *turn, int line) {
  return turn->first_line <= line && line < turn->first_line + turn->lines;
}

// Of the phase's lines: does this one learn in every step?
static bool training_waits(const Training *t, int line) {
  const PlanPhase *phase = training_phase(t);
  for (int i = 0; i < phase->turns; i++) {
    const PlanTurn *turn = &t->plan->turn[phase->first_turn + i];
    if (turn_has(turn, line) && !turn->after && (turn->every || turn->when)) return true;
  }
  return false;
}

bool training_has(const Training *t, int line) {
  const PlanPhase *phase = training_phase(t);
  for (int i = 0; i < phase->turns; i++)
    if (turn_has(&t->plan->turn[phase->first_turn + i], line)) return true;
  return false;
}
// What a line's objective was, the mean of what it was when the line learnt.
static Measure training_measure(const Training *t, int line, double mean, int64_t learnt) {
  return (Measure){
      .name = t->line[line].name, .mean = mean, .error = -1, .waits = training_waits(t, line), .learnt = learnt};
}

// Where the measures of the test split are.
static Measure *training_tests(const Training *t) { return t->measure + t->plan->lines + ASIDE_LINES; }

// Adds a line to the records, with the start if there are several. In `measure` there is room for what stands aside.
static void training_record(Training *t, const char *split, Measure *measure, int n, bool best) {
  if (t->plan->restarts > 1) measure[n++] = (Measure){.name = "start", .mean = t->run->start + 1, .error = -1};
  if (best) measure[n++] = (Measure){.name = "best", .mean = 1, .error = -1};
  records_add(t->records, t->step, training_epoch(t), split, measure, n);
}

// Measures that are taken seldom: those that are due at the end of this epoch, or those that are not. Returns how many.
static int training_seldom(const Training *t, bool due, bool over, Measure *measure) {
  int64_t epoch = training_epoch(t);
  Moment moment = moment_after(t->step, epoch, t->line);
  int n = 0;
  for (int i = 0; i < t->plan->seldoms; i++)
    if ((over && epoch > 0 && epoch % t->plan->seldom[i].every == 0) == due)
      n += measure_seldom(t->run, moment, i, measure + n);
  return n;
}

// Measures the test split, and tells what there is to tell of the epoch so far: metrics and the loss line. Returns how
// many there are of the test split. `over`: the epoch is, and may be the best.
static int training_report(Training *t, bool over) {
  Run *run = t->run;
  Moment moment = moment_after(t->step, training_epoch(t), t->line);
  Measure *train = t->measure, *test = training_tests(t);
  progress_trained(t->progress);
  int trained = 0;
  for (int i = 0; i < t->plan->lines; i++) {
    const Line *line = &t->line[i];
    if (training_has(t, i))
      train[trained++] = training_measure(t, i, line->values ? line->sum / (double)line->values : 0, line->values);
  }
  int tests = measure_test(run, moment, test, t->latents->nats);
  tests += training_seldom(t, true, over, test + tests);
  progress_report(t->progress, t, train, trained, test, tests);
  training_record(t, "train", train, trained, false);
  bool best = over && keep_compare(t, test, tests);
  if (tests) training_record(t, "test", test, tests, best);
  if (over && tests) latents_epoch(t);
  if (over) expect_note(t, test, tests, best);
  if (over) health_epoch(t, train, trained, test, tests);
  expect_epoch(t);
  return tests;
}

// The weights may be sound and what they measure is not: then they are kept, and the run ends all the same.
static void training_judge(Training *t, int tests) {
  Moment moment = moment_after(t->step, training_epoch(t), t->line);
  progress_clear(t->progress);
  t->failed = diagnose_measures(t->run, t->session, moment, training_tests(t), tests);
  if (t->failed && t->session->folder)
    say_line(stderr, "  the weights of step %lld are kept in %s", (long long)t->step,
             checkpoint_path(t->run->arena, t->session->folder));
}

static bool training_finite(const Training *t, int tests) {
  for (int i = 0; i < tests; i++)
    if (!isfinite(training_tests(t)[i].mean)) return false;
  return true;
}

// The curves and the pictures as the weights are now. Those that stay, with a number, are of whole epochs only.
static void training_draw(Training *t) {
  if (!t->session->folder) return;
  Moment moment = moment_after(t->step, training_epoch(t), t->line);
  curves_draw(t->records, t->plan);
  for (int i = 0; i < t->plan->shows; i++) {
    if (t->plan->show[i].kind == SHOW_CURVES) continue;
    Arena *scratch = arena_open(t->run->arena);
    const char *text = show_epoch(t->run, scratch, i, t->session->folder, moment, training_whole(t));
    if (text) progress_text(t->progress, t->plan->show[i].name, text);
    arena_close(scratch);
  }
}

const PlanTensor *training_spoilt(const Training *t) {
  for (int i = 0; i < t->plan->tensors; i++) {
    const PlanTensor *tensor = &t->plan->tensor[i];
    for (int64_t k = 0; k < tensor->count; k++)
      if (!isfinite(t->run->memory[tensor->at + k])) return tensor;
  }
  return NULL;
}

// What cannot be gone on with has had its best epoch.
static void training_diagnose(Training *t, int64_t step, const char *what) {
  keep_write(t);
  diagnose(t, step, what);
}

// Good weights are never replaced by spoilt ones, nor are those measured.
static bool training_sound(Training *t) {
  const PlanTensor *spoilt = training_spoilt(t);
  if (spoilt) training_diagnose(t, t->step - 1, arena_format(t->run->arena, "tensor `%s`", spoilt->name));
  return !spoilt;
}

static void training_save(Training *t) {
  keep_write(t);
  if (t->session->folder) checkpoint_write(t);
  t->saved_step = t->step;
  t->saved_start = t->run->start;
}

// What is to be kept of this moment, as its parts say. Pictures of whole epochs come before the checkpoint, so that
// whatever it counts as done is there.
static void training_keep(Training *t, bool save, bool draw) {
  double began = progress_clock();
  bool whole = training_whole(t);
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

// What the epoch so far was, told; the next one's sums are empty.
static int training_tell_epoch(Training *t) {
  int tests = training_report(t, true);
  for (int i = 0; i < t->plan->lines; i++) {
    t->line[i].sum = 0;
    t->line[i].values = 0;
  }
  keep_epoch(t);
  return tests;
}

static void training_end_epoch(Training *t, bool keep) {
  int tests = training_tell_epoch(t);
  bool finite = training_finite(t, tests);
  if (keep || !finite || training_may_keep(t)) training_keep(t, true, true);
  if (!finite) training_judge(t, tests);
  progress_next(t->progress, t);
}

// A phase may end in the middle of an epoch, which is then over too. The checkpoint stands in the next phase.
static void training_end_phase(Training *t) {
  bool told = training_whole(t);
  if (!training_sound(t)) return;
  int tests = told ? 0 : training_tell_epoch(t);
  training_next_phase(t);
  progress_phase(t->progress, t);
  training_keep(t, true, !told);
  training_judge(t, tests);
  progress_next(t->progress, t);
}

// In the middle of an epoch the checkpoint comes first: what is reported here is dropped when the run goes on, because
// a run that was never stopped has no such lines.
static void training_end_early(Training *t) {
  training_keep(t, true, false);
  int tests = training_report(t, false);
  training_keep(t, false, true);
  training_judge(t, tests);
}

// At the end of a start, or of all, what is measured seldom and was not now has a line of its own. The last checkpoint
// comes before it: it is dropped when the run goes on, because a run that was never stopped has no such line.
static void training_end_seldom(Training *t) {
  Measure *test = training_tests(t);
  progress_next(t->progress, t);
  progress_trained(t->progress);
  int tests = training_seldom(t, false, training_whole(t), test);
  if (!tests) return;
  progress_report(t->progress, t, NULL, 0, test, tests);
  training_record(t, "test", test, tests, false);
  expect_note(t, test, tests, false);
  if (t->session->folder) curves_draw(t->records, t->plan);
  training_judge(t, tests);
}

static void training_record_step(Training *t) {
  int n = 0;
  for (int i = 0; i < t->plan->lines; i++)
    if (training_has(t, i)) t->measure[n++] = training_measure(t, i, t->line[i].last, t->line[i].round == t->step);
  training_record(t, "step", t->measure, n, false);
}

static bool training_start_over(const Training *t) { return t->step >= t->start_end; }

// Does another start follow in this session, once this one is over?
static bool training_more_starts(const Training *t) {
  int64_t limit = t->session->steps;
  return (int)t->run->start + 1 < t->plan->restarts && (!limit || t->before + t->step < limit);
}

bool training_done(const Training *t) {
  return t->step >= t->last_step && !(training_start_over(t) && training_more_starts(t));
}

// The figure of a start that is over: its best epoch.
static void training_tell_start(Training *t) {
  Measure measure[] = {{.name = t->plan->keep.measure, .mean = t->own.value, .error = -1},
                       {.name = "start", .mean = t->run->start + 1, .error = -1}};
  if (t->own.known) records_add(t->records, t->own.step, t->own.epoch, "start", measure, 2);
  progress_start(t->progress, t);
}

// Is the present start over, and are there more? Then the next one has begun.
static bool training_next_start(Training *t) {
  if (!training_start_over(t) || !training_more_starts(t)) return false;
  training_end_seldom(t);
  if (t->failed) return false;
  training_tell_start(t);
  t->before += t->step;
  t->run->start++;
  training_begin(t);
  progress_next(t->progress, t);
  return true;
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
  bool ends_epoch = training_whole(t), due = training_checkpoint_due(t);
  bool ends = training_done(t);
  if (s->record_steps && t->step % s->record_steps == 0) training_record_step(t);
  progress_step(t->progress, t);
  health_step(t);
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
  while (!t->failed && !stop_signal && (t->step < t->last_step || training_next_start(t))) {
    if (training_over(t)) {
      training_end_phase(t);
      continue;
    }
    int bad = training_round(t);
    if (bad >= 0)
      training_diagnose(t, t->step, arena_format(t->run->arena, "objective `%s`", t->line[bad].name));
    else if (!t->failed)
      training_after_step(t);
  }
  bool saved = t->saved_step == t->step && t->saved_start == t->run->start;
  if (!t->failed && !saved && training_sound(t)) training_keep(t, true, true);  // after a signal
  if (!t->failed && training_done(t)) training_end_seldom(t);
  if (t->failed) return EXIT_NUMBERS;
  if (t->plan->restarts > 1 && training_start_over(t)) training_tell_start(t);
  if (training_done(t)) {
    latents_end(t);
    expect_end(t);
  }
  progress_end(t->progress, t);
  return training_done(t) ? EXIT_DONE : training_stopped();
}
