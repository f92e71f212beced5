// Starts from outside; see start.h.
//
// A parameter on a support is given by its values, of which a program of the plan makes the free numbers that the
// tensor holds. Whether the values lie on the support is told by what these numbers make of themselves again.
#include "train/start.h"

#include <math.h>
#include <string.h>

#include "data/feed.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "formats/zip.h"

// What is being read.
typedef struct {
  Arena *arena;
  const Plan *plan;
  const char *path;
  Start *into;
} StartFile;

static _Noreturn void start_refuse(const StartFile *f, const char *name, const char *what) {
  fail(f->arena, EXIT_DATA, "%s: `%s` %s", printable(f->arena, f->path), printable(f->arena, name), what);
}

static bool start_takes(const PlanTensor *t) { return t->kind == TENSOR_WEIGHT || t->kind == TENSOR_STATE; }

static int start_tensor(const StartFile *f, const char *name) {
  enum { MANY = 12 };
  Text names = text_new(f->arena);
  int n = 0;
  for (int i = 0; i < f->plan->tensors; i++) {
    const PlanTensor *t = &f->plan->tensor[i];
    if (!start_takes(t)) continue;
    if (strcmp(t->name, name) == 0) return i;
    if (n++ < MANY) text_add(&names, "%s%s", n > 1 ? ", " : "", t->name);
  }
  start_refuse(f, name,
               arena_format(f->arena, "is nothing that the model begins with; it has %s%s",
                            n ? names.data : "no weights", n > MANY ? ", ..." : ""));
}

// Where the tensor's element i stands: [2, 0], or nothing of a scalar.
static const char *start_place(Arena *a, const PlanTensor *t, int64_t i) {
  int64_t at[MAX_RANK];
  for (int k = t->rank; k-- > 0; i /= t->dim[k]) at[k] = i % t->dim[k];
  return t->rank ? arena_format(a, " at %s", stored_shape_text(a, t->rank, at)) : "";
}

// What the file gives the tensor of that number, under a name.
static void start_take(const StartFile *f, int at, const char *name, const Stored *s) {
  const PlanTensor *t = &f->plan->tensor[at];
  if (s->rank != t->rank || memcmp(s->dim, t->dim, (size_t)t->rank * sizeof *t->dim) != 0)
    start_refuse(f, name,
                 arena_format(f->arena, "is %s, but %s in the model", stored_shape_text(f->arena, s->rank, s->dim),
                              stored_shape_text(f->arena, t->rank, t->dim)));
  float *value = NEW_ARRAY(f->arena, float, t->count);
  for (int64_t i = 0; i < t->count; i++) {
    value[i] = (float)stored_number(s, s->bytes + (size_t)stored_place(s, i) * s->type->size);
    if (!isfinite(value[i]))
      start_refuse(f, name, arena_format(f->arena, "is not finite%s", start_place(f->arena, t, i)));
  }
  f->into->value[at] = value;
}

static void start_read_npz(const StartFile *f, Inflate *inflate, Bytes file) {
  Zip z = zip_open(f->arena, f->path, file);
  size_t at = z.directory, size;
  for (ZipMember m; zip_next(&z, &at, &m);) {
    size_t length = strlen(m.name), ending = length > 4 && strcmp(m.name + length - 4, ".npy") == 0 ? 4 : 0;
    const char *name = arena_slice(f->arena, m.name, length - ending);
    const char *member = arena_format(f->arena, "%s, `%s`", f->path, name);
    Bytes bytes = zip_member(&z, f->arena, inflate, member, &m);
    Stored s = npy_header(f->arena, member, bytes.data, bytes.size, &size);
    if (size != bytes.size) start_refuse(f, name, "is not as long as its header promises");
    start_take(f, start_tensor(f, name), name, &s);
  }
}

static void start_take_view(const StartFile *f, int at, const TensorView *v) {
  Stored s = {.type = stored_type_safetensors(v->dtype), .rank = v->rank, .bytes = v->bytes};
  if (!s.type) start_refuse(f, v->name, arena_format(f->arena, "is of type %s", printable(f->arena, v->dtype)));
  if (v->rank > MAX_RANK) start_refuse(f, v->name, "has more axes than any tensor of a model");
  memcpy(s.dim, v->dim, sizeof v->dim);
  start_take(f, at, v->name, &s);
}

static void start_read_safetensors(const StartFile *f) {
  const Safetensors *file = safetensors_read(f->arena, f->path);
  if (safetensors_meta(file, "gmc"))
    fail(f->arena, EXIT_DATA, "%s: holds what a run has trained, and no values to begin with; --weights begins with those",
         printable(f->arena, f->path));
  for (int i = 0; i < safetensors_count(file); i++) {
    const TensorView *v = safetensors_at(file, i);
    start_take_view(f, start_tensor(f, v->name), v);
  }
}

Start *start_read(Arena *a, const Plan *plan, Inflate *inflate, const char *path) {
  Start *start = NEW(a, Start);
  StartFile f = {a, plan, path, start};
  Bytes file = file_read(a, path, SIZE_MAX / 2, "wanted by --start");
  *start = (Start){.path = path, .value = NEW_ARRAY(a, const float *, plan->tensors + 1)};
  if (zip_is_file(file))
    start_read_npz(&f, inflate, file);
  else
    start_read_safetensors(&f);
  return start;
}

const Start *start_trained(Arena *a, const Plan *plan) {
  Start *start = NEW(a, Start);
  StartFile f = {a, plan, NULL, start};
  const Safetensors *file = NULL;
  *start = (Start){.value = NEW_ARRAY(a, const float *, plan->tensors + 1)};
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *t = &plan->tensor[i];
    if (!t->file) continue;
    if (!f.path || strcmp(f.path, t->file) != 0) file = safetensors_read(a, f.path = t->file);
    const TensorView *v = safetensors_find(file, t->name);
    if (!v) start_refuse(&f, t->name, "is not there, and the model begins with it");
    start_take_view(&f, i, v);
  }
  return f.path ? start : NULL;
}

void start_put_trained(Run *run, const Start *trained) {
  for (int i = 0; i < run->plan->tensors; i++) {
    const PlanTensor *t = &run->plan->tensor[i];
    if (trained->value[i]) memcpy(run->memory + t->at, trained->value[i], (size_t)t->count * sizeof(float));
  }
}

// Fails unless the values that came of a tensor are, but for rounding, those that were given.
static void start_check(Arena *a, const Start *start, const PlanTensor *t, const float *given, const float *made) {
  float most = 0;
  for (int64_t i = 0; i < t->count; i++) most = fmaxf(most, fabsf(given[i]));
  for (int64_t i = 0; i < t->count; i++) {
    bool same = fabsf(made[i] - given[i]) <= 1e-4f * fabsf(given[i]) + 1e-6f * most;
    if (!same)
      fail(a, EXIT_DATA, "%s: `%s` does not lie on its support, %s: %g%s", printable(a, start->path), t->name,
           t->support, (double)given[i], start_place(a, t, i));
  }
}

// Makes what the tensors hold of the values that stand in them; what no start is given for is as it was.
static void start_make(Run *run, const Start *start, const float *before) {
  const Plan *plan = run->plan;
  const PlanProgram *p = &plan->program[plan->from_values - 1];
  run->purpose = PURPOSE_INIT;
  run->step = run->turn = run->first_position = 0;
  run->execute(run, plan->from_values - 1);
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *t = &plan->tensor[i];
    const float *given = start->value[i];
    bool moved = given ? t->support != NULL : t->beside && start->value[t->beside - 1];
    if (given && !moved) continue;
    if (!moved) memcpy(run->memory + t->at, before + t->at, (size_t)t->count * sizeof(float));
    for (int k = 0; moved && given && k < p->outputs; k++)
      if (strcmp(p->output[k].name, t->name) == 0)
        start_check(run->arena, start, t, given, run->memory + p->output[k].at);
  }
}

void start_put(Run *run, const Start *start) {
  const Plan *plan = run->plan;
  Arena *scratch = arena_open(run->arena);
  float *before = NEW_ARRAY(scratch, float, plan->persistent);
  memcpy(before, run->memory, (size_t)plan->persistent * sizeof(float));
  for (int i = 0; i < plan->tensors; i++)
    if (start->value[i])
      memcpy(run->memory + plan->tensor[i].at, start->value[i], (size_t)plan->tensor[i].count * sizeof(float));
  if (plan->from_values) start_make(run, start, before);
  arena_close(scratch);
}

void start_write(Arena *a, const Plan *plan, const Start *start, const char *path, int metas, const char *const *key,
                 const char *const *value) {
  TensorView *view = NEW_ARRAY(a, TensorView, plan->tensors + 1);
  int n = 0;
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *t = &plan->tensor[i];
    if (!start->value[i]) continue;
    view[n] = (TensorView){.name = t->name, .rank = t->rank, .value = start->value[i]};
    memcpy(view[n++].dim, t->dim, sizeof t->dim);
  }
  safetensors_write(a, path, n, view, metas, key, value);
}
