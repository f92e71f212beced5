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

// The metadata on their way to the file.
typedef struct {
  Arena *arena;
  const char **key, **value;
  int count;
} Metas;

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
  if (t->run->reading) metas_text(&m, "columns", data_readings_text(scratch, t->run));
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
  if (t->from) metas_text(&m, "from", t->from);
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
}

// Of weights that nothing goes on from but draws, measures and other runs.
static Metas weights_metas(Arena *scratch, const Training *t, const Best *at) {
  Metas m = metas_new(scratch, t->plan);
  metas_integer(&m, "gmc", CHECKPOINT_FORMAT);
  metas_text(&m, "model", t->plan->model);
  if (t->run->reading) metas_text(&m, "columns", data_readings_text(scratch, t->run));
  metas_integer(&m, "step", at->step);
  metas_integer(&m, "epoch", at->epoch);
  metas_integer(&m, "seed", t->run->seed);
  metas_integer(&m, "start", at->start);
  metas_integer(&m, "random_streams", PHILOX_VERSION);
  return m;
}

void checkpoint_best(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Metas m = weights_metas(scratch, t, &t->best);
  metas_text(&m, "measure", t->plan->keep.measure);
  metas_best(&m, "best", &t->best);
  checkpoint_tensors(&m, t->plan, checkpoint_best_path(scratch, t->session->folder), t->kept, false);
  arena_close(scratch);
}

void checkpoint_epoch(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Best now = {.start = t->run->start, .step = t->step, .epoch = training_epoch(t)};
  Metas m = weights_metas(scratch, t, &now);
  const char *path = checkpoint_epoch_path(scratch, t->session->folder, now.epoch);
  checkpoint_tensors(&m, t->plan, path, t->run->memory, false);
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

// The file's tensor for one of the plan: F32, of its shape, all finite.
static const float *source_tensor(const Source *s, const PlanTensor *tensor) {
  const TensorView *view = safetensors_find(s->file, tensor->name);
  if (!view) fail(s->arena, EXIT_DATA, "%s: holds no `%s`; it belongs to another model", s->path, tensor->name);
  if (!view->value)
    fail(s->arena, EXIT_DATA, "%s: `%s` is of type %s, not F32", s->path, tensor->name,
         printable(s->arena, view->dtype));
  if (view->rank != tensor->rank || memcmp(view->dim, tensor->dim, (size_t)tensor->rank * sizeof(int64_t)) != 0)
    fail(s->arena, EXIT_DATA, "%s: `%s` is %s, but %s in the model", s->path, tensor->name,
         source_shape(s->arena, view->rank, view->dim), source_shape(s->arena, tensor->rank, tensor->dim));
  for (int64_t i = 0; i < tensor->count; i++)
    if (!isfinite(view->value[i]))
      fail(s->arena, EXIT_DATA, "%s: `%s` holds a number that is not finite", s->path, tensor->name);
  return view->value;
}

// Copies all tensors, those of the optimiser too if `slots`, after all have been checked.
static void source_tensors(const Source *s, Run *run, bool slots) {
  const Plan *plan = run->plan;
  for (int i = 0; i < plan->tensors; i++)
    if (slots || plan->tensor[i].kind != TENSOR_SLOT) source_tensor(s, &plan->tensor[i]);
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *tensor = &plan->tensor[i];
    if (tensor->kind == TENSOR_SLOT && !slots) continue;
    memcpy(run->memory + tensor->at, safetensors_find(s->file, tensor->name)->value,
           (size_t)tensor->count * sizeof(float));
  }
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

// The run and epoch whose weights a run began with, or NULL.
static const char *source_from(const Source *s, const Training *t) {
  const char *from = safetensors_meta(s->file, "from");
  return from ? arena_copy(t->run->arena, from) : NULL;
}

static const char *checkpoint_start_path(Arena *a, const Training *t) {
  return arena_format(a, "%s/start.safetensors", t->session->folder);
}

void checkpoint_from(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  Source s = source_open(scratch, t->session->weights);
  const char *epoch = safetensors_meta(s.file, "epoch");
  source_tensors(&s, t->run, false);
  t->from = arena_format(t->run->arena, "%s@%s", t->session->from, epoch ? epoch : "last");
  arena_close(scratch);
}

void checkpoint_write_start(Training *t) {
  Arena *scratch = arena_open(t->run->arena);
  const char *path = checkpoint_start_path(scratch, t);
  Metas m = metas_new(scratch, t->plan);
  metas_text(&m, "model", t->plan->model);
  metas_text(&m, "from", t->from ? t->from : "");
  if (t->from)
    checkpoint_tensors(&m, t->plan, path, t->run->memory, false);
  else
    unlink(path);
  arena_close(scratch);
}

void checkpoint_start(Training *t) {
  if (!t->session->folder) return;
  Arena *scratch = arena_open(t->run->arena);
  const char *path = checkpoint_start_path(scratch, t);
  if (file_exists(path)) {
    Source s = source_open(scratch, path);
    source_tensors(&s, t->run, false);
    t->from = source_from(&s, t);
  }
  arena_close(scratch);
}

void checkpoint_resume(Training *t, Resumed *resumed) {
  Run *run = t->run;
  Arena *scratch = arena_open(run->arena);
  Source s = source_open(scratch, checkpoint_path(scratch, t->session->folder));
  source_same(&s, "gmc", CHECKPOINT_FORMAT);
  source_same(&s, "batch", t->plan->batch);
  if (safetensors_meta(s.file, "shards") || t->plan->shards > 1) source_same(&s, "shards", t->plan->shards);
  int64_t step = source_integer(&s, "step", 0, UINT32_MAX);
  int phase = (int)source_integer(&s, "phase", 0, t->plan->phases);
  int64_t phase_step = source_integer(&s, "phase_step", 0, step), epoch = source_integer(&s, "phase_epoch", 0, step);
  Line *line = source_lines(&s, t);
  uint32_t seed = (uint32_t)source_integer(&s, "seed", 0, UINT32_MAX);
  Starts starts = source_starts(&s, t);
  Resumed r = {
      .length = {source_integer(&s, "metrics_jsonl", 0, INT64_MAX), source_integer(&s, "metrics_csv", 0, INT64_MAX)}};
  for (int i = 0; i < HASHES; i++) r.hash[i] = source_hash(&s, t, i);
  const char *products = safetensors_meta(s.file, "products");
  r.products = products ? arena_copy(run->arena, products) : "own";
  if (safetensors_count(s.file) != t->plan->tensors)
    fail(scratch, EXIT_DATA, "%s: holds %d tensors, the model %d; it belongs to another model", s.path,
         safetensors_count(s.file), t->plan->tensors);
  source_figures(&s, t);
  source_tensors(&s, run, true);
  if (!t->session->seed_given) run->seed = seed;
  if (resumed) source_warnings(&s, t, &r);
  if (resumed) *resumed = r;
  t->step = t->saved_step = step;
  run->start = t->saved_start = starts.start;
  t->before = starts.before;
  t->best = starts.best;
  t->own = starts.own;
  t->from = source_from(&s, t);
  t->ordered = -1;
  training_place(t, phase, phase_step, epoch);
  source_same(&s, "epoch_steps", t->epoch_steps);
  memcpy(t->line, line, (size_t)t->plan->lines * sizeof *line);
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
  source_tensors(&s, run, false);
  const char *readings = safetensors_meta(s.file, "columns");
  if (readings && !data_readings_take(run, readings)) source_bad(&s, "columns");
  arena_close(scratch);
}
