// Weights that another run has trained, `use a from "a.gm" with "a.safetensors"`: what begins with them. Part of the
// elaborator.
//
// A tensor of what was taken so keeps the file's name; the training loop reads it before the init program runs
// (../../runtime/train/start.c), which leaves the tensor alone. Here the file is held against the model.
#include <string.h>
#include <unistd.h>

#include "elaborate/elaborate.h"
#include "formats/safetensors.h"
#include "formats/stored.h"

bool may_be_trained(const Decl *d) {
  return d->ast->kind == AST_NET || d->ast->kind == AST_PARAMETER || d->ast->kind == AST_PRIOR;
}

static bool owns(const Elab *e, const Decl *d, const char *name, const char *owner) {
  if (d->ast->kind != AST_PRIOR) return !strcmp(d->name, owner);
  const char *own = arena_format(e->arena, "prior.%s/", d->ast->a->name);
  return !strcmp(owner, "prior") && !strncmp(name, own, strlen(own));
}

// The files are looked for as data are: beside the text that names them, in the working folder, among those that came
// with gmc.
static const char *file_of(Elab *e, const Ast *use) {
  return find_beside(e, sources_text(e->sources, use->span.file)->name, use->text);
}

const char *trained_file(Elab *e, const char *name, const char *owner, TensorKind kind) {
  if (kind != TENSOR_WEIGHT && kind != TENSOR_STATE) return NULL;
  for (int i = 0; i < e->decls; i++)
    if (e->decl[i]->trained && is_seen(e->decl[i], 0) && owns(e, e->decl[i], name, owner))
      return file_of(e, e->decl[i]->trained);
  return NULL;
}

static const char *kind_text(Elab *e, const TensorView *v) {
  bool known = stored_type_safetensors(v->dtype) != NULL;
  if (v->rank > MAX_RANK) return arena_format(e->arena, "of %d axes", v->rank);
  return known ? shape_text(e->arena, shape_of(v->rank, v->dim)) : arena_format(e->arena, "of type %s", v->dtype);
}

// Does the file hold what is to begin with it?
static void check_tensor(Elab *e, const Ast *use, const Safetensors *file, const TensorInfo *t) {
  const TensorView *v = safetensors_find(file, t->name);
  if (!v) {
    complain(e, E0215, use->span, use->text, t->name);
    return;
  }
  bool fits = v->rank == t->shape.rank && !memcmp(v->dim, t->shape.dim, (size_t)v->rank * sizeof *v->dim);
  if (fits && stored_type_safetensors(v->dtype)) return;
  complain(e, E0216, use->span, t->name, kind_text(e, v), use->text, shape_text(e->arena, t->shape));
  report_note(e->sources, t->span, "declared here");
}

// Of one declaration; how many tensors begin with the file.
static int check_decl(Elab *e, const Decl *d, const Safetensors *file) {
  const char *learner = d->ast->kind == AST_PRIOR ? "prior" : d->name;
  int tensors = 0;
  bool moved = false;
  for (int t = 0; t < e->tensors; t++) {
    const TensorInfo *info = &e->model->tensor[t];
    if (!info->file || !owns(e, d, info->name, info->owner)) continue;
    tensors++;
    if (file) check_tensor(e, d->trained, file, info);
  }
  for (int i = 0; i < e->model->lines; i++) moved = moved || place_of_name(e->step[i]->b, learner) >= 0;
  if (tensors)
    finding(e, "weights", d->trained->span, "%s begins with its weights in %s%s", d->name, d->trained->text,
            moved ? "" : ", and stays so");
  return tensors;
}

// A folder that the texts come from has all weights, and does not ask for the file.
static void check_use(Elab *e, const Ast *use) {
  const char *path = file_of(e, use);
  const Safetensors *file = NULL;
  int tensors = 0;
  bool used = false;
  if (!e->overrides->kept && access(path, R_OK)) {
    complain(e, E0203, use->span, path);
    return;
  }
  if (!e->overrides->kept) file = safetensors_read(e->arena, path);
  for (int i = 0; i < e->decls; i++) {
    if (e->decl[i]->trained != use) continue;
    tensors += check_decl(e, e->decl[i], file);
    used = used || e->decl[i]->used;
  }
  if (!tensors && used) complain(e, E0214, use->span, use->text);
}

void check_trained(Elab *e) {
  for (int i = 0; i < e->decls; i++) {
    const Ast *use = e->decl[i]->trained;
    bool first = use != NULL;
    for (int k = 0; k < i && first; k++) first = e->decl[k]->trained != use;
    if (first) check_use(e, use);
  }
}
