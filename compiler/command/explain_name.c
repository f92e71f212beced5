// `gmc explain NAME`: what the library, the compiler's own functions and the words of the language say of a name.
#include <string.h>

#include "elaborate/elaborate.h"
#include "command/explain.h"
#include "text/library.h"
#include "text/vocabulary.h"

enum { WIDTH = 110, LABEL = 12 };

static const Description words[] = {
#define WORD(...) {__VA_ARGS__},
#include "text/words.def"
};
enum { WORDS = sizeof words / sizeof *words };

// A paragraph whose first line begins with `head`, broken between words; further lines are indented by `indent`.
static void paragraph(Text *t, const char *head, int indent, const char *text) {
  int at = (int)strlen(head);
  text_add(t, "%s", head);
  for (bool first = true; *text; first = false) {
    int n = (int)strcspn(text, " ");
    bool fits = at + 1 + n <= WIDTH;
    if (!first) text_add(t, fits ? " " : "\n%*s", fits ? 0 : indent, "");
    at = (first ? at : fits ? at + 1 : indent) + n;
    text_append(t, text, (size_t)n);
    text += n + (text[n] == ' ');
  }
  text_add(t, "\n");
}

static void labelled(Text *t, const char *label, const char *text) {
  paragraph(t, arena_format(t->arena, "  %-*s", LABEL, label), LABEL + 2, text);
}

static void plain(Text *t, const char *text) { paragraph(t, "  ", 2, text); }

// --- entries of the library

static const char *divergences_of(const Library *l, const char *name) {
  Text t = text_new(l->arena);
  for (int i = 0; i < l->entries; i++) {
    const LibraryEntry *rule = &l->entry[i];
    if (rule->ast->kind != AST_KL) continue;
    if (strcmp(library_left(rule), name) != 0 && strcmp(library_right(rule), name) != 0) continue;
    const char *pair = arena_format(l->arena, "%s || %s, ", library_left(rule), library_right(rule));
    if (!strstr(t.length ? t.data : "", pair)) text_add(&t, "%s", pair);
  }
  text_add(&t, "%s by Monte Carlo", t.length ? "any other" : "always");
  return t.data;
}

static void explain_distribution(Text *t, const Library *l, const LibraryEntry *e) {
  static const char *const member[][2] = {
      {"sample", "drawn as"}, {"log", "log density"}, {"mean", "mean"}, {"entropy", "entropy"}};
  const char *domain = library_member(l, e, "domain"), *other = library_member(l, e, "=");
  if (other) {
    labelled(t, "is", other);
    return;
  }
  labelled(t, "support", library_text(l, e->ast->b));
  if (domain) labelled(t, "density on", domain);
  for (int i = 0; i < 4; i++) {
    const char *said = library_member(l, e, member[i][0]);
    labelled(t, member[i][1], said ? said : "none; asking for it is an error");
  }
  labelled(t, "gradients", library_discrete(e) ? "none through a draw, which is discrete" : "flow through a draw");
  labelled(t, "kl", divergences_of(l, e->name));
}

// The names of the statements of a kind in a body, with their shapes: W[n, m], b[m].
static const char *declared_in(const Library *l, const Ast *body, AstKind kind) {
  Text t = text_new(l->arena);
  for (const Ast *s = body->a; s; s = s->next) {
    if (s->kind != kind) continue;
    text_add(&t, "%s%s", t.length ? ", " : "", s->name);
    for (const Ast *dim = s->a; dim; dim = dim->next)
      text_add(&t, "%s%s%s", dim == s->a ? "[" : ", ", library_text(l, dim), dim->next ? "" : "]");
  }
  return t.data;
}

static void explain_body(Text *t, const Library *l, const LibraryEntry *e) {
  bool body = e->ast->c && e->ast->c->kind == AST_BODY;
  const char *weights = body ? declared_in(l, e->ast->c, AST_WEIGHT) : "";
  const char *states = body ? declared_in(l, e->ast->c, AST_STATE) : "";
  if (*weights) labelled(t, "weights", weights);
  if (*states)
    labelled(
        t, "keeps",
        e->ast->kind == AST_OPTIMIZER ? arena_format(l->arena, "%s, for each number of a weight", states) : states);
}

// The heading of the group it stands in, without what is said of the group; or its kind, as many.
static const char *group_of(Arena *a, const LibraryEntry *e) {
  return e->group ? arena_slice(a, e->group, strcspn(e->group, ":")) : arena_format(a, "%ss", e->kind);
}

static void explain_entry(Text *t, const Library *l, const LibraryEntry *e) {
  const char *path = l->file[e->file].path;
  if (e->ast->kind == AST_KL || e->ast->kind == AST_RULE) {
    text_add(t, "%s\n", e->text);
    if (e->what) plain(t, arena_format(l->arena, "%s %s:%d", e->what, path, e->line));
    return;
  }
  text_add(t, "%s\n  %s, %s:%d\n\n", e->form, e->kind, path, e->line);
  if (e->what) plain(t, e->what);
  text_add(t, "\n");
  if (e->ast->kind == AST_DISTRIBUTION)
    explain_distribution(t, l, e);
  else
    explain_body(t, l, e);
  for (int i = 0; i < e->examples; i++) labelled(t, "example", e->example[i]);
  if (e->ast->kind != AST_DISTRIBUTION) text_add(t, "\n%s\n", e->text);
}

// --- what is not in the library

static void explain_description(Text *t, const Description *d, const char *kind) {
  text_add(t, "%s\n  %s, grammar/LANGUAGE.md\n\n", *d->form ? d->form : d->name, kind);
  plain(t, d->what);
}

static const char **all_names(const Library *l, int *n) {
  int builtins;
  const char *const *builtin = builtin_names(l->arena, &builtins);
  const char **name = NEW_ARRAY(l->arena, const char *, l->entries + builtins + WORDS);
  *n = 0;
  for (int i = 0; i < l->entries; i++) name[(*n)++] = l->entry[i].name;
  for (int i = 0; i < builtins; i++) name[(*n)++] = builtin[i];
  for (int i = 0; i < WORDS; i++) name[(*n)++] = words[i].name;
  return name;
}

const char *explain_nearest(Arena *a, const char *name) {
  int n;
  const char **known = all_names(library_read(a), &n);
  return nearest_name(name, n, known);
}

// A word that is not in the language, of which something helpful can be said all the same.
static void explain_other(Text *t, const char *name) {
  static const char *const kind[] = {[FOREIGN] = "a word of other languages",
                                     [LATER] = "not yet in the language",
                                     [ELSEWHERE] = "a word of other libraries"};
  const WordEntry *w = word_find(name);
  if (!w) return;
  const char *shown = printable(t->arena, name), *mark = *w->help ? ": " : "";
  paragraph(t, "", 0, arena_format(t->arena, "`%s` is %s%s%s.", shown, kind[w->kind], mark, w->help));
}

bool explain_name(Text *t, const char *name) {
  const Library *l = library_read(t->arena);
  size_t before = t->length;
  for (int i = 0; i < WORDS; i++)
    if (strcmp(words[i].name, name) == 0) explain_description(t, &words[i], "word of the language");
  Description builtin = builtin_describe(t->arena, name);
  if (builtin.what) {
    if (t->length > before) text_add(t, "\n");
    explain_description(t, &builtin, "function of the compiler's own");
  }
  for (int i = 0; i < l->entries; i++) {
    if (strcmp(l->entry[i].name, name) != 0) continue;
    if (t->length > before) text_add(t, "\n");
    explain_entry(t, l, &l->entry[i]);
  }
  if (t->length == before) explain_other(t, name);
  return t->length > before;
}

// --- all names

// The names of the group that begins at entry `first`; nothing if the group was begun before.
static void explain_group(Text *t, const Library *l, int first) {
  const char *group = group_of(l->arena, &l->entry[first]);
  Text names = text_new(l->arena);
  for (int i = 0; i < l->entries; i++) {
    const LibraryEntry *e = &l->entry[i];
    if (strcmp(group, group_of(l->arena, e)) != 0) continue;
    if (i < first) return;
    if (e->ast->kind == AST_KL)
      text_add(&names, "kl(%s || %s) ", library_left(e), library_right(e));
    else
      text_add(&names, "%s ", e->name);
  }
  text_add(t, "\n%s\n", group);
  plain(t, names.data);
}

void explain_names(Text *t) {
  const Library *l = library_read(t->arena);
  Text names = text_new(t->arena);
  int builtins;
  const char *const *builtin = builtin_names(t->arena, &builtins);
  text_add(t, "`gmc explain NAME` says what a name is, `gmc explain FILE` what was derived from a model.\n");
  for (int i = 0; i < l->entries; i++) explain_group(t, l, i);
  for (int i = 0; i < builtins; i++) text_add(&names, "%s ", builtin[i]);
  text_add(t, "\nfunctions of the compiler's own\n");
  plain(t, names.data);
  names = text_new(t->arena);
  for (int i = 0; i < WORDS; i++) text_add(&names, "%s ", words[i].name);
  text_add(t, "\nwords of the language\n");
  plain(t, names.data);
}
