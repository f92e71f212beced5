// Finds the first number that is not finite; see nan_report.h.
//
// Invariant: the replay repeats the training, random streams and minibatches included, since all of that depends on the
// step.
#include "train/nan_report.h"

#include <math.h>
#include <string.h>

#include "train/checkpoint.h"
#include "formats/json.h"
#include "train/progress.h"

// Back to the last checkpoint of this training, or to its start.
static void diagnose_rewind(Training *t) {
  if (t->session->folder && t->saved_step >= 0 && t->saved_start == t->run->start)
    checkpoint_resume(t, NULL);
  else
    training_begin(t);
}

// To the round that comes next.
static void diagnose_enter(Training *t) {
  while (training_over(t)) training_next_phase(t);
}

// One round kernel by kernel: the first place that is not finite, or NULL.
static const char *diagnose_round(Training *t) {
  const PlanPhase *phase = training_phase(t);
  diagnose_enter(t);
  for (int i = 0; i < phase->turns; i++) {
    const PlanTurn *turn = &t->plan->turn[phase->first_turn + i];
    if (!training_due(t, turn)) continue;
    if (turn->after) {
      training_pass(t, turn);
      training_tally(t, turn);
      continue;
    }
    training_prepare(t, turn->program, turn->turn);
    const char *place = t->session->find_nan(t->run, turn->program);
    if (place) return place;
    training_tally(t, turn);
  }
  return NULL;
}

// The first step that spoils something, replayed from the last checkpoint: a bad update shows in the objective later.
static int64_t diagnose_first(Training *t, int64_t step) {
  diagnose_rewind(t);
  for (int64_t at = t->step; at < step; at++) {
    diagnose_enter(t);
    if (training_round(t) >= 0 || training_spoilt(t)) return at;
  }
  return step;
}

// `step` is the one at whose end something was not finite; -1: the start.
static const char *diagnose_search(Training *t, int64_t step) {
  if (step < 0) return t->session->find_nan(t->run, t->plan->init);
  int64_t first = diagnose_first(t, step);
  diagnose_rewind(t);
  while (t->step < first) {
    diagnose_enter(t);
    if (training_round(t) >= 0) return NULL;
  }
  return diagnose_round(t);
}

// Where it began, and what helps where that is plain.
static void diagnose_say_place(const char *place) {
  if (!place) return;
  say_line(stderr, "  first in %s", place);
  if (strstr(place, "exp("))
    say_line(
        stderr,
        "  help: exp(x) is infinite from x = 89 on; exp(soft_clip(x)) and softplus(x) are scales that stay finite");
}

bool diagnose_measures(Run *run, const Session *s, Moment moment, const Measure *measure, int n) {
  int i = 0;
  while (i < n && isfinite(measure[i].mean)) i++;
  if (i == n) return false;
  Arena *scratch = arena_open(run->arena);
  int64_t first = measure[i].spoilt - 1, rows = 0;
  const char *place = NULL;
  run->example = NEW_ARRAY(scratch, int32_t, run->plan->program[measure[i].program].batch);
  if (first >= 0) {  // else it is made of sums
    rows = measure_prepare(run, measure[i].program, moment, first, true);
    place = s->find_nan ? s->find_nan(run, measure[i].program) : NULL;
  }
  run->example = NULL;
  fflush(stdout);
  Text where = text_new(scratch);
  if (first >= 0)
    text_add(&where, ": examples %lld to %lld make it so", (long long)first, (long long)(first + rows - 1));
  say_line(stderr, "gmc: `%s` is %s on the test split, at epoch %lld%s", measure[i].name,
           json_not_finite(measure[i].mean), (long long)moment.epoch + 1, where.length ? where.data : "");
  diagnose_say_place(place);
  arena_close(scratch);
  return true;
}

void diagnose(Training *t, int64_t step, const char *what) {
  const Session *s = t->session;
  int64_t saved = t->saved_step, epoch = training_epoch(t) + (step == t->step && training_whole(t));
  const char *place = s->find_nan ? diagnose_search(t, step) : NULL;
  progress_clear(t->progress);
  fflush(stdout);
  say_line(stderr, "gmc: %s is not finite at step %lld, epoch %lld", what, (long long)step + 1, (long long)epoch);
  diagnose_say_place(place);
  if (s->folder && saved >= 0)
    say_line(stderr, "  the weights of step %lld are kept in %s", (long long)saved,
             checkpoint_path(t->run->arena, s->folder));
  t->failed = true;
}
