// Latents that carry nothing; see latents.h.
#include "train/latents.h"

#include "formats/json.h"
#include "train/progress.h"
#include "train/records.h"

enum { LATENTS_TOLD = 1000 };  // of which run.json has each one's cost

// A latent is active where it costs more than this, as active_by_kl of the library has it.
static const double latents_least = 0.01;

Latents *latents_new(Arena *a, const Plan *plan) {
  Latents *l = NEW(a, Latents);
  const PlanProgram *p = plan->test < 0 ? NULL : &plan->program[plan->test];
  int outputs = p ? p->outputs : 0;
  *l = (Latents){.nats = NEW_ARRAY(a, double *, outputs + 1), .collapsed = NEW_ARRAY(a, int, outputs + 1)};
  for (int i = 0; i < outputs; i++)
    if (p->output[i].latents) l->nats[i] = NEW_ARRAY(a, double, p->output[i].count);
  return l;
}

typedef struct {
  const PlanOutput *output;
  const double *nats;
  int64_t active;
  double all;
} Use;

static Use latents_use(const Training *t, int i) {
  Use use = {&t->plan->program[t->plan->test].output[i], t->latents->nats[i], 0, 0};
  for (int64_t k = 0; k < use.output->count; k++) {
    use.active += use.nats[k] > latents_least;
    use.all += use.nats[k];
  }
  return use;
}

// Of ten latents at most one is in use.
static bool latents_idle(const Use *use) { return 10 * use->active <= use->output->count; }

static void latents_say(const Training *t, const Use *use) {
  const char *cost = use->output->name;
  bool divergence = cost[0] == 'k' && cost[1] == 'l' && cost[2] == '(';
  progress_told(t->progress,
                "posterior collapse: of the %lld latents `%s` %lld cost more than %g nats on held-out data, all together "
                "%.3g: x is explained without them (%s)",
                (long long)use->output->count, use->output->latents, (long long)use->active, latents_least, use->all, cost);
  if (divergence)
    progress_told(t->progress,
                  "  what keeps them: `min(1, epoch / 10) * %s`, which weighs it in, or `sum(max(0.1, each %s))`, some "
                  "nats of each for nothing",
                  cost, cost);
}

void latents_epoch(Training *t) {
  Latents *l = t->latents;
  bool any = false;
  for (int i = 0; i < t->plan->program[t->plan->test].outputs; i++) {
    if (!l->nats[i]) continue;
    Use use = latents_use(t, i);
    l->collapsed[i] = latents_idle(&use) ? l->collapsed[i] + 1 : 0;
    if (l->collapsed[i] != 2 || l->told || training_done(t)) continue;
    latents_say(t, &use);
    any = true;
  }
  l->told = l->told || any;
}

static void latents_json(Text *r, const Use *use) {
  text_add(r, "{\"latents\": ");
  json_add_string(r, use->output->latents);
  text_add(r, ", \"cost\": ");
  json_add_string(r, use->output->name);
  text_add(r, ", \"of\": %lld, \"active\": %lld, \"all\": ", (long long)use->output->count, (long long)use->active);
  json_add_number(r, use->all);
  for (int64_t k = 0; k < use->output->count && use->output->count <= LATENTS_TOLD; k++) {
    text_add(r, k ? ", " : ", \"nats\": [");
    json_add_number(r, use->nats[k]);
  }
  text_add(r, use->output->count <= LATENTS_TOLD ? "]}" : "}");
}

void latents_end(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Text r = text_new(scratch);
  int outputs = t->plan->test < 0 ? 0 : t->plan->program[t->plan->test].outputs;
  for (int i = 0; i < outputs; i++) {
    if (!t->latents->nats[i]) continue;
    Use use = latents_use(t, i);
    if (latents_idle(&use)) latents_say(t, &use);
    text_add(&r, r.length ? ",\n    " : "\n    ");
    latents_json(&r, &use);
  }
  if (r.length && t->session->folder)
    records_outcome(t->run->arena, t->session->folder, "latents", arena_format(scratch, "[%s\n  ]", r.data));
  arena_close(scratch);
}
