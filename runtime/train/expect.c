// Expectations; see expect.h. Called by the training loop where it measures, and at its end.
#include "train/expect.h"

#include <math.h>
#include <string.h>

#include "formats/json.h"
#include "train/progress.h"
#include "train/records.h"

static bool expect_better(const PlanExpect *x, double value, double than) {
  return x->at_least ? value > than : value < than;
}

static bool expect_takes(const Training *t, const PlanExpect *x, const Best *now, const Best *had, bool best) {
  if (!isfinite(now->value) || (x->epoch && now->epoch > x->epoch)) return false;
  if (!had->known) return true;
  if (x->epoch) {
    bool due = now->epoch == x->epoch;
    return had->epoch < x->epoch ? due || now->start == had->start : due && expect_better(x, now->value, had->value);
  }
  bool of_best = t->best.known && had->start == t->best.start && had->epoch == t->best.epoch;
  return best || !of_best;
}

void expect_note(Training *t, const Measure *test, int tests, bool best) {
  for (int i = 0; i < t->plan->expects; i++) {
    const PlanExpect *x = &t->plan->expect[i];
    for (int k = 0; k < tests; k++) {
      Best now = {true, t->run->start, t->step, training_epoch(t), test[k].mean};
      bool same = strcmp(test[k].name, x->measure) == 0;
      if (same && expect_takes(t, x, &now, &t->figure[i], best)) t->figure[i] = now;
    }
  }
}

const char *expect_text(Arena *a, const PlanExpect *x) {
  const char *after =
      x->epoch ? arena_format(a, " after %lld epoch%s", (long long)x->epoch, x->epoch > 1 ? "s" : "") : "";
  return arena_format(a, "%s %s %.9g%s", x->measure, x->at_least ? ">=" : "<=", x->bound, after);
}

static Expected expect_outcome(const Training *t, int i) {
  const PlanExpect *x = &t->plan->expect[i];
  const Best *f = &t->figure[i];
  if (x->instead) return (Expected){.outcome = EXPECTED_OPEN};
  bool ended = t->phase == t->plan->phases;  // by its own condition
  bool reached = f->known && (!x->epoch || f->epoch == x->epoch || ended);
  bool met = reached && (x->at_least ? f->value >= x->bound : f->value <= x->bound);
  return (Expected){!reached ? EXPECTED_OPEN : met ? EXPECTED_MET : EXPECTED_MISSED, f->value, f->epoch};
}

static void expect_say(const Training *t, int i) {
  static const char *const word[] = {"not reached", "met", "missed"};
  Arena *scratch = arena_open(t->run->arena);
  Expected o = expect_outcome(t, i);
  const PlanExpect *x = &t->plan->expect[i];
  Text figure = text_new(scratch);
  const char *then = x->instead ? arena_format(scratch, "not held to it, for %s", x->instead) : word[o.outcome];
  if (o.outcome != EXPECTED_OPEN) text_add(&figure, "%.9g", o.figure);
  if (o.outcome != EXPECTED_OPEN && o.epoch != x->epoch) text_add(&figure, " at epoch %lld", (long long)o.epoch);
  progress_told(t->progress, "expected %s: %s%s%s", expect_text(scratch, x), figure.data, figure.length ? ", " : "",
                    then);
  arena_close(scratch);
}

void expect_epoch(const Training *t) {
  for (int i = 0; i < t->plan->expects; i++)
    if (t->plan->expect[i].epoch == training_epoch(t) && t->figure[i].epoch == training_epoch(t) && !training_done(t) &&
        !t->plan->expect[i].instead)
      expect_say(t, i);
}

static void expect_json(Text *r, const PlanExpect *x, const Expected *o) {
  text_add(r, "{\"measure\": ");
  json_add_string(r, x->measure);
  text_add(r, ", \"%s\": ", x->at_least ? "at_least" : "at_most");
  json_add_number(r, x->bound);
  if (x->epoch) text_add(r, ", \"after\": %lld", (long long)x->epoch);
  if (x->instead) {
    text_add(r, ", \"instead\": ");
    json_add_string(r, x->instead);
  }
  if (o->outcome != EXPECTED_OPEN) {
    text_add(r, ", \"figure\": ");
    json_add_number(r, o->figure);
    text_add(r, ", \"epoch\": %lld, \"met\": %s", (long long)o->epoch, o->outcome == EXPECTED_MET ? "true" : "false");
  }
  text_add(r, "}");
}

void expect_end(const Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Text r = text_new(scratch);
  for (int i = 0; i < t->plan->expects; i++) {
    Expected o = expect_outcome(t, i);
    expect_say(t, i);
    if (t->session->expected) t->session->expected[i] = o;
    text_add(&r, i ? ",\n    " : "\n    ");
    expect_json(&r, &t->plan->expect[i], &o);
  }
  if (t->plan->expects && t->session->folder)
    records_outcome(t->run->arena, t->session->folder, "expected", arena_format(scratch, "[%s\n  ]", r.data));
  arena_close(scratch);
}
