// Other files: used whole, or by chosen names. Part of the elaborator.
//
// A file that is used whole is part of the model, as if it stood there. Of one that names are taken from, all is
// declared first, in a group of its own: its texts see one another and the library, and the model sees what was chosen.
// What nothing that is seen speaks of is dropped then.
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elaborate/elaborate.h"

enum { MAX_GROUPS = 31 };  // bits of Decl.seen

typedef struct UsedFile {
  int file, group;
  struct UsedFile *next;
} UsedFile;

bool is_seen(const Decl *d, int group) { return d->library || d->seen >> group & 1; }

int group_at(const Elab *e, Span where) {
  for (const UsedFile *f = e->used_files; f; f = f->next)
    if (f->file == where.file) return f->group;
  return 0;
}

// Beside the file that uses it, or else among the models that came with gmc.
static const char *path_of(const Elab *e, const Ast *use) {
  const char *from = sources_text(e->sources, use->span.file)->name, *slash = strrchr(from, '/');
  bool absolute = use->name[0] == '/' || !slash;
  const char *name = use->name;
  while (!strncmp(name, "./", 2)) name += 2;  // one file, one name
  const char *path = absolute ? name : arena_format(e->arena, "%.*s/%s", (int)(slash - from), from, name);
  for (int i = 0; i < sources_count(e->sources); i++)
    if (!strcmp(sources_text(e->sources, i)->name, path)) return path;
  const char *shipped = access(path, F_OK) ? shipped_file(e->arena, arena_format(e->arena, "models/%s", name)) : NULL;
  return shipped ? shipped : path;
}

// The text of a file, which is read if it was not; -1 after reporting. *fresh: nothing of it was declared.
static int find_text(Elab *e, const Ast *use, int depth, bool *fresh) {
  struct stat about;
  const char *path = path_of(e, use);
  for (int i = 0; i < sources_count(e->sources); i++) {
    if (strcmp(sources_text(e->sources, i)->name, path)) continue;
    *fresh = i < e->given && !e->declared[i];
    if (*fresh) e->declared[i] = true;
    return i;
  }
  *fresh = true;
  if (depth == MAX_USES) return complain(e, E0211, use->span, MAX_USES), -1;
  if (!stat(path, &about) && S_ISREG(about.st_mode) && !access(path, R_OK)) return sources_read(e->sources, path);
  return complain(e, E0203, use->span, path), -1;
}

static void declare_in(Elab *e, int file, int group, int depth) {
  int outer = e->group;
  UsedFile *used = NEW(e->arena, UsedFile);
  *used = (UsedFile){file, group, e->used_files};
  e->used_files = used;
  e->group = group;
  declare_file(e, file, false, depth + 1);
  e->group = outer;
}

// What one name of a file may stand for: a declaration, a bijector, a support, an estimator and a prior.
static const char *const forms[] = {"", "bijector ", "support ", "estimator ", "prior "};
enum { FORM_PRIOR = 4, FORMS };

static Decl *find_form(const Elab *e, int form, const char *name, int group) {
  return find_seen(e, arena_format(e->arena, "%s%s", forms[form], name), group);
}

// Its weights are to begin with those of a file.
static void train_by(Elab *e, const Ast *use, Decl *d) {
  const Ast *before = d->trained;
  if (before && strcmp(before->text, use->text) != 0) {
    complain(e, E0217, use->span, d->name);
    report_note(e->sources, before->span, "the first file");
  }
  d->trained = use;
}

// It becomes seen by the group that is being declared.
static void choose(Elab *e, const Ast *use, const Ast *name, Decl *d) {
  const Decl *old = find_seen(e, d->name, e->group);
  if (old && old != d && !old->library) {
    complain(e, E0201, name->span, name->name);
    report_note(e->sources, old->ast->span, "first declared here");
  }
  for (Decl *each = d; each; each = each->next) {  // the factors of a model have one name
    if (strcmp(each->name, d->name) != 0 || each->group != d->group) continue;
    each->seen |= 1u << e->group;
    if (use->text && may_be_trained(each)) train_by(e, use, each);
  }
}

static void choose_names(Elab *e, const Ast *use, int group) {
  for (const Ast *n = use->a; n; n = n->next) {
    bool any = false;
    for (int form = 0; form < FORMS; form++) {
      Decl *d = find_form(e, form, n->name, group);
      if (d && !d->library) any = true, choose(e, use, n, d);
    }
    if (!any) complain(e, E0206, n->span, arena_format(e->arena, "declaration in %s", use->name), n->name);
  }
}

void use_file(Elab *e, const Ast *use, int depth) {
  bool fresh;
  int file = find_text(e, use, depth, &fresh), group = file < 0 ? 0 : group_at(e, (Span){.file = file});
  if (file < 0) return;
  if (fresh) {
    if (use->a && e->groups == MAX_GROUPS) {
      complain(e, E0211, use->span, MAX_GROUPS);
      return;
    }
    group = use->a ? ++e->groups : e->group;
    declare_in(e, file, group, depth);
  }
  if (use->a && group != e->group)
    choose_names(e, use, group);
  else if (group != e->group)
    complain(e, E0212, use->span, use->name);
}

// ---- what is spoken of

typedef struct {
  Elab *e;
  bool *kept;  // of each declaration
  Decl **by;   // who speaks of it, where that is a text that names were taken from
  bool changed;
} Spoken;

static void speak_of(Spoken *s, Decl *by, const Decl *of) {
  for (int i = 0; of && i < s->e->decls; i++) {
    if (s->e->decl[i] != of || s->kept[i]) continue;
    s->kept[i] = s->changed = true;
    s->by[i] = by;
  }
}

// `prior(z)`, `prior(z[0])`
static void speak_of_prior(Spoken *s, Decl *by, const Ast *of) {
  if (of->kind == AST_INDEX) of = of->a;
  if (of->kind == AST_NAME) speak_of(s, by, find_form(s->e, FORM_PRIOR, of->name, by->group));
}

static void speak(Spoken *s, Decl *by, const Ast *ast) {
  for (; ast; ast = ast->next) {
    const char *name = ast->kind == AST_NAME ? ast->name : NULL;
    if (ast->kind == AST_AGGREGATE) name = ast->text;
    if (name && !find_seen(s->e, name, by->group) && strchr(name, '.'))  // D.f
      name = arena_slice(s->e->arena, name, strcspn(name, "."));
    for (const Decl *d = name ? find_seen(s->e, name, by->group) : NULL; d; d = d->factor) speak_of(s, by, d);
    for (int form = 1; name && form < FORM_PRIOR; form++) speak_of(s, by, find_form(s->e, form, name, by->group));
    bool prior = ast->kind == AST_CALL && ast->a->kind == AST_NAME && !strcmp(ast->a->name, "prior");
    for (const Ast *a = prior ? ast->b : NULL; a; a = a->next)
      speak_of_prior(s, by, a->kind == AST_ARGUMENT ? a->a : a);
    speak(s, by, ast->a);
    speak(s, by, ast->b);
    speak(s, by, ast->c);
  }
}

static bool is_kept(const Spoken *s, const Decl *d) {
  for (int i = 0; i < s->e->decls; i++)
    if (s->e->decl[i] == d) return s->kept[i];
  return false;
}

// A rule goes with the two distributions that it is of.
static bool rule_is_kept(const Spoken *s, const Decl *rule) {
  const Decl *f = find_seen(s->e, rule->ast->a->a->name, rule->group),
             *g = find_seen(s->e, rule->ast->b->a->name, rule->group);
  return f && g && is_kept(s, f) && is_kept(s, g);
}

// Who learns, and what is drawn, has its name in the model.
static void check_named(Elab *e, const Decl *d, const Decl *by) {
  AstKind kind = d->ast->kind;
  if (is_seen(d, 0) || !by || (kind != AST_NET && kind != AST_PARAMETER && kind != AST_PRIOR)) return;
  const char *name = kind == AST_PRIOR ? d->ast->a->name : d->name;
  complain(e, E0213, by->ast->span, by->name, name, ast_kind_name(kind));
  report_help(e->sources, "use %s, %s from ...", by->name, name);
}

void drop_unused_names(Elab *e) {
  if (!e->groups) return;
  Spoken s = {e, NEW_ARRAY(e->arena, bool, e->decls), NEW_ARRAY(e->arena, Decl *, e->decls), true};
  for (int i = 0; i < e->decls; i++) s.kept[i] = is_seen(e->decl[i], 0);
  while (s.changed) {
    s.changed = false;
    for (int i = 0; i < e->decls; i++) {
      Decl *d = e->decl[i];
      bool rule = d->group && (d->ast->kind == AST_KL || d->ast->kind == AST_RULE) && !s.kept[i] && rule_is_kept(&s, d);
      if (rule) s.kept[i] = s.changed = true;
      if (s.kept[i] && d->group) speak(&s, d, d->ast->a), speak(&s, d, d->ast->b), speak(&s, d, d->ast->c);
    }
  }
  int n = 0;
  for (int i = 0; i < e->decls; i++) {
    if (s.kept[i]) check_named(e, e->decl[i], s.by[i]);
    if (s.kept[i]) e->decl[n++] = e->decl[i];
  }
  e->decls = n;
}
