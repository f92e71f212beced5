// Figures of games, and what they mean; see health.h.
//
// Invariant: nothing of the training changes. Figures are taken between two steps, at random numbers of measuring.
#include "train/health.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "formats/json.h"
#include "train/pass.h"
#include "train/progress.h"

// Times in a run that figures are wanted, and seconds that are there whatever share of the time they are, so that short
// runs are measured as well. Nothing is said in the first quarter, in which games that will go well look like all kinds
// of others.
enum { HEALTH_TIMES = 64, HEALTH_PATIENCE = 4 };
static const double health_seconds = 0.25;

// Standard errors by which held-out data must have become worse.
enum { HEALTH_ERRORS = 3 };

typedef struct {
  HealthPast past;
  Ailment told;       // AILMENTS: none
  double **gathered;  // what the programs have gathered, of both splits
} GameHealth;

// How far a line's objective has come on data that nobody is trained on.
typedef struct {
  Best best;       // of the held-out data, larger being better
  double error;    // its standard error there
  double trained;  // of the training data in that epoch
  bool told;
} FitHealth;

struct Health {
  GameHealth *game;  // NULL where the data are too few
  FitHealth *fit;
  int64_t next, interval, patience;  // steps: until the next measuring, from one to another, until the first word
  double began, spent, last;         // seconds: when the session did, of measuring in all and the last time
  double moment;                     // when the measuring began that is going on
  int32_t *rows;
  int file;
  Text line;
};

static const char *const health_name[] = {"ranked", "told_apart", "reached", "spread", "copied", "copied_held_out"};

static const char *const health_word[] = {
    [AILMENT_COPIES] = "copying",     [AILMENT_STRONG] = "judge too strong", [AILMENT_SILENT] = "no signal",
    [AILMENT_SWINGS] = "oscillation", [AILMENT_COLLAPSE] = "collapse",       [AILMENT_WEAK] = "judge too weak"};

// Seconds that the processor has worked for this process: other programs on the machine make it neither more nor less.
static double health_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void health_close(void *health) {
  const Health *h = health;
  if (h->file >= 0) close(h->file);
}

// Does the split fill what is gathered of the held-out data? Training data may come more than once.
static bool health_enough(const Run *run, const PlanHealth *game) {
  return run->test.examples >= run->plan->program[game->held_out].output[0].gathered && run->train.examples > 1;
}

void health_open(Training *t) {
  Arena *a = t->run->arena;
  const Plan *plan = t->plan;
  int64_t most = 0;
  if (plan->healths + plan->fits == 0 || t->session->health_percent == 0) return;
  Health *h = t->health = NEW(a, Health);
  h->line = text_new(a);
  h->file = -1;
  h->fit = NEW_ARRAY(a, FitHealth, plan->fits);
  arena_cleanup(a, health_close, h);
  bool enough = plan->healths > 0;
  for (int i = 0; i < plan->healths; i++) {
    const PlanHealth *game = &plan->health[i];
    enough = enough && health_enough(t->run, game);
    most = plan->program[game->held_out].batch > most ? plan->program[game->held_out].batch : most;
  }
  if (!enough) return;
  h->game = NEW_ARRAY(a, GameHealth, plan->healths);
  h->rows = NEW_ARRAY(a, int32_t, most);
  h->began = health_clock();
  for (int i = 0; i < plan->healths; i++) {
    const PlanProgram *p[] = {&plan->program[plan->health[i].held_out], &plan->program[plan->health[i].trained]};
    double **held_out = totals_new(a, p[0]), **trained = totals_new(a, p[1]);
    h->game[i].gathered = NEW_ARRAY(a, double *, p[0]->outputs + p[1]->outputs);
    memcpy(h->game[i].gathered, held_out, (size_t)p[0]->outputs * sizeof *held_out);
    memcpy(h->game[i].gathered + p[0]->outputs, trained, (size_t)p[1]->outputs * sizeof *trained);
  }
}

void health_begin(Training *t) {
  Health *h = t->health;
  if (!h) return;
  int64_t steps = t->start_end < UINT32_MAX ? t->start_end : HEALTH_TIMES * t->epoch_steps;
  h->interval = (steps + HEALTH_TIMES - 1) / HEALTH_TIMES;
  h->next = t->step + h->interval;
  h->patience = steps / HEALTH_PATIENCE;
  for (int i = 0; i < t->plan->fits; i++) h->fit[i] = (FitHealth){.told = false};
  for (int i = 0; h->game && i < t->plan->healths; i++)
    h->game[i].past = (HealthPast){.seen = AILMENTS}, h->game[i].told = AILMENTS;
}

// Gathers what a program makes of the first examples of a split; where there are fewer they come again.
static void health_gather(Training *t, int program, const Data *data, Moment moment, double *const *gathered) {
  Run *run = t->run;
  const PlanProgram *p = &run->plan->program[program];
  int64_t wanted = p->output[0].gathered, have = data->examples < wanted ? data->examples : wanted;
  run->purpose = data == &run->train ? PURPOSE_PASS : PURPOSE_TEST;  // which say what split a formula's examples are of
  run->step = (uint32_t)(moment.epoch + 1);
  run->example = t->health->rows;
  for (int64_t first = 0; first < have; first += p->batch) {
    int64_t rows = pass_prepare(run, data, program, data->examples, first, false, moment);
    run->execute(run, program);
    for (int i = 0; i < p->outputs; i++) total_add(run, &p->output[i], rows, gathered[i]);
  }
  run->first_position = 0;
  for (int i = 0; i < p->outputs; i++)
    for (int64_t k = have * p->output[i].count; k < wanted * p->output[i].count; k++)
      gathered[i][k] = gathered[i][k - have * p->output[i].count];
}

static const float *health_measure(Training *t, int which) {
  Run *run = t->run;
  const PlanHealth *plan = &t->plan->health[which];
  double **gathered = t->health->game[which].gathered;
  int32_t *outer = run->example;
  Moment moment = moment_after(t->step, training_epoch(t), t->line);
  health_gather(t, plan->held_out, &run->test, moment, gathered);
  health_gather(t, plan->trained, &run->train, moment, gathered + t->plan->program[plan->held_out].outputs);
  moment.total = gathered;
  feed_program(run, &run->test, plan->figures, t->plan->program[plan->figures].batch, moment);
  run->execute(run, plan->figures);
  run->example = outer;
  return run->memory + t->plan->program[plan->figures].output[0].at;
}

// ---- what figures tell

// The mean of a figure over moments, of the last `n` the first `of`.
static double health_mean(const HealthPast *past, HealthFigure f, int n, int of) {
  double sum = 0;
  for (int i = 0; i < of; i++) sum += past->figure[past->moments - n + i][f];
  return sum / of;
}

// How far the figure has moved in the window.
static double health_range(const HealthPast *past, HealthFigure f) {
  double lo = INFINITY, hi = -INFINITY;
  for (int i = past->moments - HEALTH_WINDOW; i < past->moments; i++) {
    lo = fmin(lo, past->figure[i][f]);
    hi = fmax(hi, past->figure[i][f]);
  }
  return hi - lo;
}

// Is the maker getting on, of late or slowly?
static bool health_rises(const HealthPast *past) {
  enum { HALF = HEALTH_WINDOW / 2 };
  double spread = health_mean(past, HEALTH_SPREAD, HEALTH_WINDOW, HALF),
         later = health_mean(past, HEALTH_SPREAD, HALF, HALF),
         gain = health_mean(past, HEALTH_REACHED, HALF, HALF) - health_mean(past, HEALTH_REACHED, HEALTH_WINDOW, HALF);
  if (past->moments == HEALTH_HISTORY) spread = fmin(spread, health_mean(past, HEALTH_SPREAD, HEALTH_HISTORY, HALF));
  return gain > 0.02 || (later > 1.05 * spread && later < 1);
}

// How often the judge's ranking has gone from one side to the other.
static int health_swings(const HealthPast *past) {
  int swings = 0, side = 0;
  for (int i = 0; i < past->moments; i++) {
    double ranked = past->figure[i][HEALTH_RANKED];
    int now = ranked > 0.7 ? 1 : ranked < 0.3 ? -1 : side;
    swings += side != 0 && now != side;
    side = now;
  }
  return swings;
}

// Of what a maker makes, the part that is copied from training data, beyond what is like them by chance.
static double health_copied(const HealthPast *past, const double *f) {
  bool more = f[HEALTH_COPIED] > 3 * f[HEALTH_KNOWN] && f[HEALTH_COPIED] > 0.005;
  return more ? fmin((f[HEALTH_COPIED] - f[HEALTH_KNOWN]) / past->looked_at, 1) : 0;
}

// A judge at chance that does not move, and a maker whose samples do not become others either.
static bool health_silent(const HealthPast *past, const double *f) {
  return fabs(f[HEALTH_RANKED] - 0.5) < 0.02 && health_range(past, HEALTH_RANKED) < 0.04 && f[HEALTH_TOLD] >= 0.97 &&
         f[HEALTH_REACHED] < 0.15 && health_range(past, HEALTH_SPREAD) < 0.2 * f[HEALTH_SPREAD];
}

// A maker fails where its samples are the nearest to few of the data; the judge's ranking says for whose sake. One that
// outruns its judge has it rank samples first.
static Ailment health_of(const HealthPast *past, const double *f) {
  bool tells = f[HEALTH_RANKED] >= 0.85, apart = f[HEALTH_TOLD] >= 0.97 && f[HEALTH_REACHED] < 0.05;
  double spread = f[HEALTH_SPREAD];
  bool steady = spread >= 0.2 && health_range(past, HEALTH_SPREAD) < 0.5 * spread;
  if (health_copied(past, f) > 0.25) return AILMENT_COPIES;
  if (f[HEALTH_RANKED] >= 0.88 && f[HEALTH_REACHED] < 0.2 && f[HEALTH_TOLD] >= 0.8) return AILMENT_STRONG;
  if (health_silent(past, f)) return AILMENT_SILENT;
  if (!tells && apart && (spread >= 0.4 || (steady && f[HEALTH_RANKED] >= 0.33))) return AILMENT_WEAK;
  if (!tells && f[HEALTH_REACHED] < 0.15 && spread < 0.4) return AILMENT_COLLAPSE;
  return health_swings(past) >= 6 && f[HEALTH_TOLD] >= 0.6 ? AILMENT_SWINGS : AILMENTS;
}

static void health_means(const HealthPast *past, double *mean) {
  for (int i = 0; i < HEALTH_FIGURES; i++) mean[i] = health_mean(past, (HealthFigure)i, HEALTH_WINDOW, HEALTH_WINDOW);
}

// Limits were set on digits and in the plane (tests/models/health.sh).
Ailment health_judge(const HealthPast *past, Ailment told) {
  double mean[HEALTH_FIGURES];
  if (past->moments < HEALTH_WINDOW) return AILMENTS;
  health_means(past, mean);
  Ailment found = health_of(past, mean);
  bool idle = found == AILMENT_COLLAPSE || found == AILMENT_WEAK, passing = found == AILMENT_STRONG || idle;
  if (idle && (told == AILMENT_COLLAPSE || told == AILMENT_WEAK)) return told;  // they border on one another
  return passing && found != told && health_rises(past) ? AILMENTS : found;
}

Ailment health_sure(HealthPast *past, Ailment seen, Ailment told) {
  past->times = seen == past->seen ? past->times + 1 : 0;
  past->seen = seen;
  return seen == AILMENTS || past->times + 1 >= HEALTH_SURE ? seen : told;
}

// The mean figures in words.
static const char *health_evidence(Arena *a, const PlanHealth *plan, Ailment ailment, const HealthPast *past) {
  double f[HEALTH_FIGURES];
  health_means(past, f);
  switch (ailment) {
    case AILMENT_COPIES:
      return arena_format(a,
                          "%.2g%% of what %s makes lie close to an example of the %.2g%% of the training data that "
                          "were looked at, and %.2g%% of the held-out data do",
                          100 * f[HEALTH_COPIED], plan->maker, 100 * past->looked_at, 100 * f[HEALTH_KNOWN]);
    case AILMENT_SILENT:
      return arena_format(a,
                          "%s takes data and samples for the same, and neither has changed, though by their nearest "
                          "neighbours %.0f%% of them can be told",
                          plan->judge, 100 * f[HEALTH_TOLD]);
    case AILMENT_SWINGS:
      return arena_format(a,
                          "%s has ranked data first and samples first in turns, %d times in %d moments: %s goes round "
                          "them",
                          plan->judge, health_swings(past), past->moments, plan->maker);
    case AILMENT_STRONG:
      return arena_format(a,
                          "of data and samples %s ranks %.0f%% of all pairs rightly, and samples are the nearest to "
                          "%.0f%% of the data only: %s learns nothing from it",
                          plan->judge, 100 * f[HEALTH_RANKED], 100 * f[HEALTH_REACHED], plan->maker);
    case AILMENT_COLLAPSE:
      return arena_format(a,
                          "samples of %s spread over %.0f%% of what the data do, and are the nearest to %.0f%% of them",
                          plan->maker, 100 * f[HEALTH_SPREAD], 100 * f[HEALTH_REACHED]);
    case AILMENT_WEAK:
      return arena_format(a,
                          "%s ranks %.0f%% of all pairs rightly, and by their nearest neighbours %.0f%% of data and "
                          "samples can be told",
                          plan->judge, 100 * f[HEALTH_RANKED], 100 * f[HEALTH_TOLD]);
    case AILMENTS: break;
  }
  return "";
}

static const char *health_title(Arena *a, const PlanHealth *plan, Ailment ailment) {
  switch (ailment) {
    case AILMENT_COPIES: return arena_format(a, "%s copies", plan->maker);
    case AILMENT_STRONG: return arena_format(a, "%s is too strong", plan->judge);
    case AILMENT_SILENT: return arena_format(a, "%s has no signal", plan->maker);
    case AILMENT_SWINGS: return arena_format(a, "%s and %s go round each other", plan->judge, plan->maker);
    case AILMENT_COLLAPSE: return arena_format(a, "%s has collapsed onto few modes", plan->maker);
    case AILMENT_WEAK: return arena_format(a, "%s is too weak", plan->judge);
    case AILMENTS: break;
  }
  return "";
}

// Says what begins, or is over.
static void health_tell(Training *t, int which, Ailment found) {
  GameHealth *game = &t->health->game[which];
  const PlanHealth *plan = &t->plan->health[which];
  if (found == game->told) return;
  Arena *scratch = arena_open(t->run->arena);
  if (found == AILMENTS)
    progress_told(t->progress, "health: step %lld: no longer: %s", (long long)t->step,
                  health_title(scratch, plan, game->told));
  else
    progress_told(t->progress, "health: step %lld: %s: %s; try: %s", (long long)t->step,
                  health_title(scratch, plan, found), health_evidence(scratch, plan, found, &game->past),
                  plan->remedy[found]);
  game->told = found;
  arena_close(scratch);
}

// What stands in h->line, added to the folder's file.
static void health_append(Training *t) {
  Health *h = t->health;
  if (!t->session->folder) return;
  const char *path = arena_format(t->run->arena, "%s/health.jsonl", t->session->folder);
  if (h->file < 0) h->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (h->file < 0 || write(h->file, h->line.data, h->line.length) != (ssize_t)h->line.length)
    fail(t->run->arena, EXIT_IO, "%s: %s", path, strerror(errno));
}

static void health_write(Training *t, int which, const float *figure, Ailment found) {
  Health *h = t->health;
  const PlanHealth *plan = &t->plan->health[which];
  Text *line = &h->line;
  line->length = 0;
  text_add(line, "{\"step\":%lld,\"epoch\":%lld,\"judge\":\"%s\",\"maker\":\"%s\"", (long long)t->step,
           (long long)training_epoch(t), plan->judge, plan->maker);
  for (int i = 0; i < HEALTH_FIGURES; i++) {
    text_add(line, ",\"%s\":", health_name[i]);
    json_add_number(line, (double)figure[i]);
  }
  if (found != AILMENTS) {
    Arena *scratch = arena_open(t->run->arena);
    text_add(line, ",\"finding\":\"%s\",\"evidence\":", health_word[found]);
    json_add_string(line, health_evidence(scratch, plan, found, &h->game[which].past));
    text_add(line, ",\"try\":");
    json_add_string(line, plan->remedy[found]);
    arena_close(scratch);
  }
  double now = health_clock();
  text_add(line, ",\"seconds\":%.4f,\"of\":%.4f}\n", h->spent + now - h->moment, now - h->began);
  health_append(t);
}

static void health_note(Training *t, int which) {
  GameHealth *game = &t->health->game[which];
  HealthPast *past = &game->past;
  const PlanHealth *plan = &t->plan->health[which];
  int64_t known = t->plan->program[plan->trained].output[0].gathered;
  const float *figure = health_measure(t, which);
  if (past->moments == HEALTH_HISTORY)
    memmove(past->figure, past->figure + 1, (size_t)--past->moments * sizeof *past->figure);
  double *kept = past->figure[past->moments++];
  for (int i = 0; i < HEALTH_FIGURES; i++) kept[i] = (double)figure[i];
  past->looked_at = fmin((double)known / (double)t->run->train.examples, 1);
  Ailment seen = t->step < t->health->patience ? AILMENTS : health_judge(past, game->told);
  Ailment found = health_sure(past, seen, game->told);
  health_write(t, which, figure, found);
  health_tell(t, which, found);
}

void health_step(Training *t) {
  Health *h = t->health;
  if (!h || !h->game || t->step < h->next) return;
  double share = (double)t->session->health_percent / 100;
  h->moment = health_clock();
  h->next = t->step + h->interval;
  if (h->spent + h->last > health_seconds + share * (h->moment - h->began)) return;
  for (int i = 0; i < t->plan->healths; i++) health_note(t, i);
  h->last = health_clock() - h->moment;
  h->spent += h->last;
}

// ---- training and held-out data

static const Measure *health_find(const Measure *measure, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(measure[i].name, name) == 0) return &measure[i];
  return NULL;
}

static void health_overfits(Training *t, const PlanFit *plan, const FitHealth *fit, double test, double trained) {
  Health *h = t->health;
  double sign = plan->larger ? 1 : -1;
  Arena *scratch = arena_open(t->run->arena);
  const char *evidence = arena_format(scratch,
                                      "of held-out data %s was best after epoch %lld, %.5g, and is %.5g, while of the "
                                      "training data it has gone from %.5g to %.5g",
                                      plan->measure, (long long)fit->best.epoch, sign * fit->best.value, sign * test,
                                      sign * fit->trained, sign * trained);
  progress_told(t->progress, "health: step %lld: overfitting: %s%s%s", (long long)t->step, evidence,
                plan->remedy ? "; try: " : "", plan->remedy ? plan->remedy : "");
  h->line.length = 0;
  text_add(&h->line, "{\"step\":%lld,\"epoch\":%lld,\"measure\":", (long long)t->step, (long long)training_epoch(t));
  json_add_string(&h->line, plan->measure);
  text_add(&h->line, ",\"finding\":\"overfitting\",\"evidence\":");
  json_add_string(&h->line, evidence);
  if (plan->remedy) {
    text_add(&h->line, ",\"try\":");
    json_add_string(&h->line, plan->remedy);
  }
  text_add(&h->line, "}\n");
  health_append(t);
  arena_close(scratch);
}

bool health_parts(double best, double error, double trained, double test, double now) {
  return best - test > HEALTH_ERRORS * error && now - trained > error;
}

void health_epoch(Training *t, const Measure *train, int trained, const Measure *test, int tests) {
  Health *h = t->health;
  for (int i = 0; h && i < t->plan->fits; i++) {
    const PlanFit *plan = &t->plan->fit[i];
    FitHealth *fit = &h->fit[i];
    const Measure *own = health_find(train, trained, plan->measure),
                  *held_out = health_find(test, tests, plan->measure);
    if (!own || !held_out || !measure_told(own) || held_out->error < 0) continue;
    double sign = plan->larger ? 1 : -1, value = sign * held_out->mean, now = sign * own->mean;
    if (!fit->best.known || value > fit->best.value) {
      fit->best = (Best){.known = true, .step = t->step, .epoch = training_epoch(t), .value = value};
      fit->error = held_out->error;
      fit->trained = now;
    } else if (!fit->told &&
               health_parts(fit->best.value, fmax(fit->error, held_out->error), fit->trained, value, now)) {
      health_overfits(t, plan, fit, value, now);
      fit->told = true;
    }
  }
}
