// Finds the first number that is not finite; see diagnose.h.
//
// Invariant: the replay repeats the training, random streams and minibatches included, since all of that depends on the step.
#include "diagnose.h"

#include "checkpoint.h"
#include "progress.h"

enum { STEPS_SEARCHED = 2 };  // a bad update shows in the objective one step later

// Back to the last checkpoint of this training, or to its start.
static void diagnose_rewind(Training *t) {
  if (t->session->folder && t->saved_step >= 0)
    checkpoint_resume(t, NULL);
  else
    training_begin(t);
}

// One round kernel by kernel: the first place that is not finite, or NULL.
static const char *diagnose_round(Training *t) {
  for (int i = 0; i < t->plan->turns; i++) {
    const PlanTurn *turn = &t->plan->turn[i];
    training_prepare(t, turn);
    const char *place = t->session->find_nan(t->run, turn->program);
    if (place) return place;
    training_tally(t, turn);
  }
  t->step++;
  return NULL;
}

// `step` is the one at whose end something was not finite; -1: the start.
static const char *diagnose_search(Training *t, int64_t step) {
  if (step < 0) return t->session->find_nan(t->run, t->plan->init);
  diagnose_rewind(t);
  while (t->step + STEPS_SEARCHED <= step)
    if (training_round(t) >= 0) return NULL;
  while (t->step <= step) {
    const char *place = diagnose_round(t);
    if (place) return place;
  }
  return NULL;
}

_Noreturn void diagnose(Training *t, int64_t step, const char *what) {
  progress_clear(t->progress);
  const char *place = t->session->find_nan ? diagnose_search(t, step) : NULL;
  const char *kept = t->session->folder && t->saved_step >= 0
                         ? arena_format(t->run->arena, "; the weights of step %lld are kept in %s", (long long)t->saved_step,
                                        checkpoint_path(t->run->arena, t->session->folder))
                         : "";
  fail(t->run->arena, EXIT_NUMBERS, "%s is not finite at step %lld, epoch %lld%s%s%s", what, (long long)step + 1,
       (long long)(step / t->epoch_steps + 1), place ? "; first in " : "", place ? place : "", kept);
}
