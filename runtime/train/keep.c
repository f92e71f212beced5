// Keeping the best; see keep.h. Called by the training loop at the ends of epochs, and before a checkpoint.
#include "train/keep.h"

#include <math.h>
#include <string.h>

#include "train/checkpoint.h"

void keep_open(Training *t) {
  if (t->plan->keep.measure && t->session->folder) t->kept = NEW_ARRAY(t->run->arena, float, t->plan->persistent);
}

static bool keep_better(const PlanKeep *keep, double value, const Best *than) {
  if (!isfinite(value)) return false;
  return !than->known || (keep->largest ? value > than->value : value < than->value);
}

bool keep_compare(Training *t, const Measure *test, int tests) {
  const PlanKeep *keep = &t->plan->keep;
  Best now = {true, t->run->start, t->step, training_epoch(t), NAN};
  for (int i = 0; i < tests && keep->measure; i++)
    if (strcmp(test[i].name, keep->measure) == 0) now.value = test[i].mean;
  if (keep_better(keep, now.value, &t->own)) t->own = now;
  if (!keep_better(keep, now.value, &t->best)) return false;
  t->best = now;
  return true;
}

// The tensors of the epoch that has just been told, and where it stands.
static void keep_best(Training *t) {
  memcpy(t->kept, t->run->memory, (size_t)t->plan->persistent * sizeof(float));
  if (t->kept_arena) arena_close(t->kept_arena);
  t->kept_arena = arena_open(t->run->arena);
  t->kept_place = checkpoint_place(t->kept_arena, t);
  t->kept_waits = true;
}

void keep_epoch(Training *t) {
  int64_t every = t->plan->keep.every;
  bool best = t->best.known && t->best.start == t->run->start && t->best.step == t->step;
  if (t->kept && best) keep_best(t);
  if (every && t->session->folder && training_epoch(t) % every == 0) checkpoint_epoch(t);
}

void keep_write(Training *t) {
  if (t->kept_waits) checkpoint_best(t);
  t->kept_waits = false;
}

const char *keep_text(Arena *a, const Plan *plan, const Best *best) {
  const char *start = plan->restarts > 1 ? arena_format(a, " of start %lu", (unsigned long)best->start + 1) : "";
  return arena_format(a, "best %s %.9g at epoch %lld%s", plan->keep.measure, best->value, (long long)best->epoch,
                      start);
}
