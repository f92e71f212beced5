// weights.safetensors of a run's folder; see checkpoint.h.
//
// Invariant: what is read is checked before anything of the run changes, so that a refused file leaves it as it was.
#include "train/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/data.h"
#include "core/file.h"
#include "core/philox.h"
#include "formats/safetensors.h"

enum { CHECKPOINT_FORMAT = 1, CHECKPOINT_METAS = 32 };  // METAS: beside those of what is expected

static const struct {
  const char *name, *what, *then;
} hashed[HASHES] = {
    {"data", "the training data are", "it will not go on to the same bits"},
    {"test_data", "the data to measure by are", "what is measured from here on cannot be compared"},
    {"texts", "the model's text and settings are", "it will not go on to the same bits"},
};

const char *checkpoint_hash_name(int hash) { return hashed[hash].name; }

struct Metas {
  Arena *arena;
  const char **key, **value;
  int count;
};

static Metas metas_new(Arena *a, const Plan *plan) {
  int room = CHECKPOINT_METAS + plan->expects;
  return (Metas){.arena = a, .key = NEW_ARRAY(a, const char *, room), .value = NEW_ARRAY(a, const char *, room)};
}

static void metas_text(Metas *m, const char *key, const char *value) {
  m->key[m->count] = key;
  m->value[m->count++] = value;
}

static void metas_integer(Metas *m, const char *key, int64_t value) {
  metas_text(m, key, arena_format(m->arena, "%lld", (long long)value));
}

const char *checkpoint_path(Arena *a, const char *folder) { return arena_format(a, "%s/weights.safetensors", folder); }

const char *checkpoint_best_path(Arena *a, const char *folder) {
  return arena_format(a, "%s/best.safetensors", folder);
}

const char *checkpoint_epoch_path(Arena *a, const char *folder, int64_t epoch) {
  return arena_format(a, "%s/epochs/%04lld.safetensors", folder, (long long)epoch);
}

static void metas_best(Metas *m, const char *key, const Best *best) {
  const char *none = "none";
  metas_text(m, key,
             best->known ? arena_format(m->arena, "%a %lu %lld %lld", best->value, (unsigned long)best->start,
                                        (long long)best->step, (long long)best->epoch)
                         : none);
}

// One line of the round after another: its sum, the number of its values and of its updates.
static void metas_lines(Metas *m, const Training *t) {
  Text all = text_new(m->arena);
  for (const Line *line = t->line; line < t->line + t->plan->lines; line++)
    text_add(&all, "%s%a %lld %lld", line > t->line ? " " : "", line->sum, (long long)line->values,
             (long long)line->updates);
  metas_text(m, "lines", all.data);
}

static Metas checkpoint_metas(Arena *scratch, const Training *t) {
  Metas m = metas_new(scratch, t->plan);
  metas_integer(&m, "gmc", CHECKPOINT_FORMAT);
  metas_text(&m, "model", t->plan->model);
  const char *readings = data_readings_text(scratch, t->run);
  if (readings) metas_text(&m, "columns", readings);
  metas_integer(&m, "step", t->step);
  metas_integer(&m, "epoch", training_epoch(t));
  metas_integer(&m, "phase", t->phase);
  metas_integer(&m, "phase_step", t->phase_step);
  metas_integer(&m, "phase_epoch", t->phase_epoch);
  metas_integer(&m, "epoch_steps", t->epoch_steps);
  metas_integer(&m, "batch", t->plan->batch);
  metas_integer(&m, "shards", t->plan->shards);
  metas_integer(&m, "seed", t->run->seed);
  metas_integer(&m, "random_streams", PHILOX_VERSION);
  metas_text(&m, "products", t->run->products);
  metas_lines(&m, t);
  metas_integer(&m, "metrics_jsonl", t->records ? t->records->length.jsonl : 0);
  metas_integer(&m, "metrics_csv", t->records ? t->records->length.csv : 0);
  for (int i = 0; i < HASHES; i++)
    metas_text(&m, hashed[i].name, arena_format(scratch, "%016llx", (unsigned long long)t->hash[i]));
  if (t->from) metas_text(&m, t->went_on ? "from" : "weights_of", t->from);
  if (t->plan->restarts > 1) {
    metas_integer(&m, "start", t->run->start);
    metas_integer(&m, "steps_before", t->before);
    metas_integer(&m, "epochs", training_asked(t));
  }
  if (t->plan->keep.measure) {
    metas_best(&m, "best", &t->best);
    metas_best(&m, "best_of_start", &t->own);
  }
  for (int i = 0; i < t->plan->expects; i++) metas_best(&m, arena_format(scratch, "expected_%d", i + 1), &t->figure[i]);
  return m;
}

// Writes the tensors, which lie in `memory` as the plan says; those of the optimiser too if `slots`.
static void checkpoint_tensors(const Metas *m, const Plan *plan, const char *path, const float *memory, bool slots) {
  TensorView *view = NEW_ARRAY(m->arena, TensorView, plan->tensors);
  int n = 0;
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *tensor = &plan->tensor[i];
    if (tensor->kind == TENSOR_SLOT && !slots) continue;
    view[n] = (TensorView){.name = tensor->name, .rank = tensor->rank, .value = memory + tensor->at};
    memcpy(view[n++].dim, tensor->dim, sizeof tensor->dim);
  }
  safetensors_write(m->arena, path, n, view, m->count, m->key, m->value);
}

void checkpoint_write(Training *t) {
  const Plan *plan = t->plan;
  if (t->records) records_sync(t->records);
  Arena *scratch = arena_open(t->run->arena);
  Metas m = checkpoint_metas(scratch, t);
  checkpoint_tensors(&m, plan, checkpoint_path(scratch, t->session->folder), t->run->memory, true);
  arena_close(scratch);
  records_stand(t->records);
}

Metas *checkpoint_place(Arena *a, const Training *t) {
  Metas *m = NEW(a, Metas);
  *m = checkpoint_metas(a, t);
  metas_text(m, "measure", t->plan->keep.measure);
  return m;
}

void checkpoint_best(const Training *t) {
  const char *path = checkpoint_best_path(t->kept_place->arena, t->session->folder);
  records_sync(t->records);
  checkpoint_tensors(t->kept_place, t->plan, path, t->kept, true);
}

void checkpoint_epoch(const Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Metas m = checkpoint_metas(scratch, t);
  records_sync(t->records);
  const char *path = checkpoint_epoch_path(scratch, t->session->folder, training_epoch(t));
  checkpoint_tensors(&m, t->plan, path, t->run->memory, true);
  arena_close(scratch);
}

// A file being taken in.
typedef struct {
  Arena *arena;
  const char *path;
  const Safetensors *file;
} Source;

_Noreturn static void source_bad(const Source *s, const char *key) {
  const char *value = safetensors_meta(s->file, key);
  fail(s->arena, EXIT_DATA, "%s: its metadata say `%s` for `%s`; this is no checkpoint to go on from", s->path,
       value ? printable(s->arena, value) : "nothing", key);
}

// An integer of the metadata between least and most.
static int64_t source_integer(const Source *s, const char *key, int64_t least, int64_t most) {
  const char *text = safetensors_meta(s->file, key);
  char *end;
  long long value = text ? strtoll(text, &end, 10) : 0;
  if (!text || end == text || *end || value < least || value > most) source_bad(s, key);
  return value;
}

static Line *source_lines(const Source *s, const Training *t) {
  Line *line = NEW_ARRAY(s->arena, Line, t->plan->lines);
  const char *text = safetensors_meta(s->file, "lines");
  for (int i = 0; i < t->plan->lines; i++) {
    char *end[3];
    line[i].name = t->line[i].name;
    if (!text) source_bad(s, "lines");
    line[i].sum = strtod(text, &end[0]);
    line[i].values = strtoll(end[0], &end[1], 10);
    line[i].updates = strtoll(end[1], &end[2], 10);
    bool read = end[0] != text && end[1] != end[0] && end[2] != end[1];
    if (!read || !isfinite(line[i].sum) || line[i].values < 0 || line[i].updates < 0) source_bad(s, "lines");
    text = end[2];
  }
  if (text && *text) source_bad(s, "lines");
  return line;
}

static const char *source_shape(Arena *a, int rank, const int64_t *dim) {
  Text t = text_new(a);
  text_add(&t, "[");
  for (int i = 0; i < rank && i < MAX_RANK; i++) text_add(&t, "%s%lld", i ? ", " : "", (long long)dim[i]);
  text_add(&t, "]");
  return t.data;
}

// Why the file's tensor is none for this one of the plan, which is F32, of its shape, all finite; NULL where it is.
static const char *source_unfit(const Source *s, const PlanTensor *tensor) {
  const TensorView *view = safetensors_find(s->file, tensor->name);
  if (!view) return arena_format(s->arena, "holds no `%s`", tensor->name);
  if (!view->value)
    return arena_format(s->arena, "`%s` is of type %s, not F32", tensor->name, printable(s->arena, view->dtype));
  if (view->rank != tensor->rank || memcmp(view->dim, tensor->dim, (size_t)tensor->rank * sizeof(int64_t)) != 0)
    return arena_format(s->arena, "`%s` is %s, but %s in the model", tensor->name,
                        source_shape(s->arena, view->rank, view->dim),
                        source_shape(s->arena, tensor->rank, tensor->dim));
  for (int64_t i = 0; i < tensor->count; i++)
    if (!isfinite(view->value[i]))
      return arena_format(s->arena, "`%s` holds a number that is not finite", tensor->name);
  return NULL;
}

// Which numbers that optimisers keep a source is asked for: none, all, or those that fit.
typedef enum { SLOTS_NONE, SLOTS_ALL, SLOTS_FITTING } Slots;

// Copies tensors, after all that are asked for have been found to fit. Returns how many of an optimiser did not.
static int source_tensors(const Source *s, Run *run, Slots slots) {
  enum { TOLD_TENSORS = 8 };
  const Plan *plan = run->plan;
  bool *fits = NEW_ARRAY(s->arena, bool, plan->tensors);
  Text why = text_new(s->arena);
  int unfit = 0, left = 0;
  for (int i = 0; i < plan->tensors; i++) {
    bool slot = plan->tensor[i].kind == TENSOR_SLOT;
    if (slot && slots == SLOTS_NONE) continue;
    const char *reason = source_unfit(s, &plan->tensor[i]);
    fits[i] = !reason;
    if (slot && slots == SLOTS_FITTING) {
      left += !fits[i];
    } else if (reason && unfit++ < TOLD_TENSORS) {
      text_add(&why, "%s%s", why.length ? "; " : "", reason);
    }
  }
  if (unfit > TOLD_TENSORS) text_add(&why, "; and %d more", unfit - TOLD_TENSORS);
  if (unfit) fail(s->arena, EXIT_DATA, "%s: %s; it belongs to another model", s->path, why.data);
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *tensor = &plan->tensor[i];
    const TensorView *view = fits[i] ? safetensors_find(s->file, tensor->name) : NULL;
    if (view) memcpy(run->memory + tensor->at, view->value, (size_t)tensor->count * sizeof(float));
  }
  return left;
}

static void source_warn(const Source *s, const char *what, const char *then, const char *now) {
  if (then && strcmp(then, now) == 0) return;
  say_line(stderr, "gmc: warning: %s: made with %s `%s`, now `%s`: the run will not go on to the same bits", s->path,
           what, then ? printable(s->arena, then) : "", now);
}

// The hash that the file has, or that of now where it has none.
static uint64_t source_hash(const Source *s, const Training *t, int i) {
  const char *text = safetensors_meta(s->file, hashed[i].name);
  if (!text) return t->hash[i];
  if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) source_bad(s, hashed[i].name);
  return strtoull(text, NULL, 16);
}

static void source_warnings(const Source *s, const Training *t, const Resumed *r) {
  for (int i = 0; i < HASHES; i++)
    if (r->hash[i] != t->hash[i])
      say_line(stderr, "gmc: warning: %s: %s not those of the run so far: %s", t->session->folder, hashed[i].what,
               hashed[i].then);
  source_warn(s, "random_streams", safetensors_meta(s->file, "random_streams"),
              arena_format(s->arena, "%d", PHILOX_VERSION));
  source_warn(s, "seed", safetensors_meta(s->file, "seed"), arena_format(s->arena, "%lu", (unsigned long)t->run->seed));
  source_warn(s, "products", r->products, t->run->products);
}

// What must be the same for steps to mean the same.
static void source_same(const Source *s, const char *key, int64_t now) {
  int64_t then = source_integer(s, key, 0, INT64_MAX);
  if (then != now)
    fail(s->arena, EXIT_DATA, "%s: made with %s %lld, which is now %lld; go on with what the run began with", s->path,
         key, (long long)then, (long long)now);
}

// An epoch as metas_best has written it.
static Best source_best(const Source *s, const char *key) {
  const char *text = safetensors_meta(s->file, key);
  char *end[4];
  if (text && strcmp(text, "none") == 0) return (Best){0};
  if (!text) source_bad(s, key);
  Best best = {.known = true, .value = strtod(text, &end[0])};
  best.start = (uint32_t)strtoul(end[0], &end[1], 10);
  best.step = strtoll(end[1], &end[2], 10);
  best.epoch = strtoll(end[2], &end[3], 10);
  bool read = end[0] != text && end[1] != end[0] && end[2] != end[1] && end[3] != end[2] && !*end[3];
  if (!read || !isfinite(best.value) || best.step < 0 || best.epoch < 0) source_bad(s, key);
  return best;
}

// Which start it is, and what the best so far was.
typedef struct {
  uint32_t start;
  int64_t before;
  Best best, own;
} Starts;

static Starts source_starts(const Source *s, const Training *t) {
  Starts r = {0};
  if (t->plan->restarts > 1) {
    r.start = (uint32_t)source_integer(s, "start", 0, t->plan->restarts - 1);
    r.before = source_integer(s, "steps_before", 0, INT64_MAX / 2);
    source_same(s, "epochs", training_asked(t));
  }
  if (t->plan->keep.measure) {
    r.best = source_best(s, "best");
    r.own = source_best(s, "best_of_start");
  }
  return r;
}

// What was measured of what is expected; of an expectation that the run did not have then, nothing.
static void source_figures(const Source *s, Training *t) {
  for (int i = 0; i < t->plan->expects; i++) {
    const char *key = arena_format(s->arena, "expected_%d", i + 1);
    t->figure[i] = safetensors_meta(s->file, key) ? source_best(s, key) : (Best){0};
  }
}

static Source source_open(Arena *scratch, const char *path) {
  return (Source){scratch, path, safetensors_read(scratch, path)};
}

// The run and epoch that a run went on from, or whose weights it began with, if any.
static void source_from(const Source *s, Training *t) {
  const char *from = safetensors_meta(s->file, "from"), *weights = safetensors_meta(s->file, "weights_of");
  t->went_on = from != NULL;
  t->from = from ? arena_copy(t->run->arena, from) : weights ? arena_copy(t->run->arena, weights) : NULL;
}

static const char *checkpoint_start_path(Arena *a, const Training *t) {
  return arena_format(a, "%s/start.safetensors", t->session->folder);
}

// Where a training stands, as a file says it.
typedef struct {
  int64_t step, phase_step, phase_epoch;
  int phase;
  Line *line;
  uint32_t seed;
  Starts starts;
  RecordLengths length;
} Place;

static Place source_place(const Source *s, const Training *t) {
  if (safetensors_meta(s->file, "gmc") && !safetensors_meta(s->file, "phase"))
    fail(s->arena, EXIT_DATA, "%s: holds weights, and not where their training stood; --weights begins a run with them",
         s->path);
  source_same(s, "gmc", CHECKPOINT_FORMAT);
  Place p = {.step = source_integer(s, "step", 0, UINT32_MAX)};
  p.phase = (int)source_integer(s, "phase", 0, t->plan->phases);
  p.phase_step = source_integer(s, "phase_step", 0, p.step);
  p.phase_epoch = source_integer(s, "phase_epoch", 0, p.step);
  p.line = source_lines(s, t);
  p.seed = (uint32_t)source_integer(s, "seed", 0, UINT32_MAX);
  p.starts = source_starts(s, t);
  p.length.jsonl = source_integer(s, "metrics_jsonl", 0, INT64_MAX);
  p.length.csv = source_integer(s, "metrics_csv", 0, INT64_MAX);
  return p;
}

static void place_take(const Place *p, Training *t) {
  if (!t->session->seed_given) t->run->seed = p->seed;
  t->step = p->step;
  t->run->start = p->starts.start;
  t->before = p->starts.before;
  t->ordered = -1;
  memcpy(t->line, p->line, (size_t)t->plan->lines * sizeof *p->line);
  training_place(t, p->phase, p->phase_step, p->phase_epoch);
}

static void checkpoint_from_weights(Training *t, const Source *s) {
  source_tensors(s, t->run, SLOTS_NONE);
  t->went_on = false;
}

// Other settings may make epochs of other lengths: at the end of an epoch as many have passed all the same.
static void checkpoint_go_on(Training *t, const Source *s) {
  Place p = source_place(s, t);
  int64_t batch = source_integer(s, "batch", 1, INT64_MAX), then = source_integer(s, "epoch_steps", 1, INT64_MAX);
  source_figures(s, t);
  t->earlier = records_earlier(t->run->arena, t->session->from, p.length);
  training_begin(t);  // what does not come from there begins as in any run
  int anew = source_tensors(s, t->run, SLOTS_FITTING);
  place_take(&p, t);
  if ((then != t->epoch_steps || batch != t->plan->batch) && p.phase_step % then != 0)
    fail(t->run->arena, EXIT_DATA,
         "%s: stands in the middle of epoch %lld: there its batch of %lld and its epochs of %lld steps stay", s->path,
         (long long)source_integer(s, "epoch", 0, INT64_MAX), (long long)batch, (long long)then);
  training_place(t, p.phase, p.phase_step / then * t->epoch_steps + p.phase_step % then, p.phase_epoch);
  if (anew)
    say_line(stderr, "gmc: %d of the tensors that optimisers keep are not those of %s, and begin anew", anew, s->path);
  t->went_on = true;
}

void checkpoint_from(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Source s = source_open(scratch, t->session->weights);
  const char *epoch = safetensors_meta(s.file, "epoch");
  (t->session->goes_on ? checkpoint_go_on : checkpoint_from_weights)(t, &s);
  t->from = arena_format(t->run->arena, "%s@%s", t->session->from, epoch ? epoch : "last");
  arena_close(scratch);
}

void checkpoint_write_start(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  const char *path = checkpoint_start_path(scratch, t);
  Metas m = metas_new(scratch, t->plan);
  metas_text(&m, "model", t->plan->model);
  if (t->from) metas_text(&m, "weights_of", t->from);
  if (t->start) metas_text(&m, "start", t->start->path);
  if (t->from && !t->went_on)
    checkpoint_tensors(&m, t->plan, path, t->run->memory, false);
  else if (t->start)
    start_write(scratch, t->plan, t->start, path, m.count, m.key, m.value);
  else
    unlink(path);
  arena_close(scratch);
}

// Of a run that goes on: the values that it began with, if they were given.
static void checkpoint_values(Training *t, Arena *scratch) {
  Run *run = t->run;
  const char *path = checkpoint_start_path(scratch, t);
  const char *given = file_exists(path) ? safetensors_meta(safetensors_read(scratch, path), "start") : NULL;
  if (!given) return;
  Start *start = start_read(run->arena, t->plan, NULL, path);
  start->path = arena_copy(run->arena, given);
  t->start = start;
}

void checkpoint_start(Training *t) {
  if (t->start) start_put(t->run, t->start);
  if (t->start || !t->session->folder || t->session->goes_on) return;
  Arena *scratch = arena_open(t->run->arena);
  const char *path = checkpoint_start_path(scratch, t);
  if (file_exists(path)) {
    Source s = source_open(scratch, path);
    source_tensors(&s, t->run, SLOTS_NONE);
    source_from(&s, t);
  }
  arena_close(scratch);
}

void checkpoint_resume(Training *t, Resumed *resumed) {
  Run *run = t->run;
  Arena *scratch = arena_open(run->arena);
  Source s = source_open(scratch, checkpoint_path(scratch, t->session->folder));
  Place p = source_place(&s, t);
  source_same(&s, "batch", t->plan->batch);
  if (safetensors_meta(s.file, "shards") || t->plan->shards > 1) source_same(&s, "shards", t->plan->shards);
  Resumed r = {.length = p.length};
  for (int i = 0; i < HASHES; i++) r.hash[i] = source_hash(&s, t, i);
  const char *products = safetensors_meta(s.file, "products");
  r.products = products ? arena_copy(run->arena, products) : "own";
  if (safetensors_count(s.file) != t->plan->tensors)
    fail(scratch, EXIT_DATA, "%s: holds %d tensors, the model %d; it belongs to another model", s.path,
         safetensors_count(s.file), t->plan->tensors);
  source_figures(&s, t);
  source_tensors(&s, run, SLOTS_ALL);
  place_take(&p, t);
  source_same(&s, "epoch_steps", t->epoch_steps);
  if (resumed) source_warnings(&s, t, &r);
  if (resumed) *resumed = r;
  t->saved_step = t->step;
  t->saved_start = run->start;
  t->best = p.starts.best;
  t->own = p.starts.own;
  source_from(&s, t);
  checkpoint_values(t, scratch);
  arena_close(scratch);
}

void checkpoint_axes(Run *run, const char *path) {
  bool any = false;
  for (int i = 0; i < run->plan->tensors; i++) any = any || run->plan->tensor[i].statistic >= STATISTIC_CENTRE;
  if (!any || !file_exists(path)) return;
  Arena *scratch = arena_open(run->arena);
  Source s = source_open(scratch, path);
  source_tensors(&s, run, SLOTS_NONE);
  data_axes_take(run);
  arena_close(scratch);
}

void checkpoint_weights(Run *run, const char *path, int64_t *step, int64_t *epoch, uint32_t *seed, Best *best) {
  Arena *scratch = arena_open(run->arena);
  Source s = source_open(scratch, path);
  bool ours = safetensors_meta(s.file, "gmc") != NULL;
  *step = ours ? source_integer(&s, "step", 0, UINT32_MAX) : 0;
  *epoch = ours ? source_integer(&s, "epoch", 0, UINT32_MAX) : 0;
  *seed = ours ? (uint32_t)source_integer(&s, "seed", 0, UINT32_MAX) : run->plan->seed;
  if (ours && safetensors_meta(s.file, "start")) run->start = (uint32_t)source_integer(&s, "start", 0, UINT32_MAX);
  if (run->plan->keep.measure && safetensors_meta(s.file, "measure")) *best = source_best(&s, "best");
  source_tensors(&s, run, SLOTS_NONE);
  data_axes_take(run);
  const char *readings = safetensors_meta(s.file, "columns");
  if (readings && !data_readings_take(run, readings)) source_bad(&s, "columns");
  arena_close(scratch);
}
