// The page grammar/LIBRARY.md: all of the library in tables, from its own texts. Printed by the build's tool (page.c)
// and held against what is checked in by the tests.
#include <string.h>

#include "elaborate/elaborate.h"
#include "text/library.h"

// Text of a table's cell: a bar would end it, and a star may begin emphasis.
static void add_cell(Text *t, const char *text, const char *escaped) {
  for (; *text; text++) text_add(t, strchr(escaped, *text) ? "\\%c" : "%c", *text);
}

static void say(Text *t, const char *text) {
  text_add(t, "| ");
  add_cell(t, text ? text : "", "|*");
  text_add(t, " ");
}

static void code(Text *t, const char *text) {
  text_add(t, text ? "| `" : "| ");
  add_cell(t, text ? text : "none", "|");
  text_add(t, text ? "` " : " ");
}

static void page_distributions(Text *t, const Library *l, int first, int end) {
  text_add(t, "\n| distribution | draws lie in | log density of x | mean | entropy |\n| --- | --- | --- | --- | --- |\n");
  for (int i = first; i < end; i++) {
    const LibraryEntry *e = &l->entry[i];
    if (e->ast->kind != AST_DISTRIBUTION) continue;
    const char *other = library_member(l, e, "=");
    if (other) {
      code(t, e->form);
      code(t, arena_format(l->arena, "= %s", other));
      text_add(t, "| | | |\n");
      continue;
    }
    const char *support = library_text(l, e->ast->b);
    code(t, arena_slice(l->arena, e->form, strlen(e->form) - strlen(support) - strlen(" on ")));
    code(t, support);
    code(t, library_member(l, e, "log"));
    code(t, library_member(l, e, "mean"));
    code(t, library_member(l, e, "entropy"));
    text_add(t, "|\n");
  }
}

// The rules, which come first in their file; what follows them.
static int page_divergences(Text *t, const Library *l, int first, int end) {
  text_add(t, "\n| kl(f \\|\\| g) of | | is | |\n| --- | --- | --- | --- |\n");
  for (; first < end && l->entry[first].ast->kind == AST_KL; first++) {
    const LibraryEntry *e = &l->entry[first];
    const char *formula = span_text(l->arena, l->sources, e->ast->c->span);
    code(t, library_text(l, e->ast->a));
    code(t, library_text(l, e->ast->b));
    code(t, formula + strspn(formula, "= "));
    say(t, e->what);
    text_add(t, "|\n");
  }
  return first;
}

static void page_entries(Text *t, const Library *l, int first, int end) {
  const char *group = NULL;
  for (int i = first; i < end; i++) {
    const LibraryEntry *e = &l->entry[i];
    bool new_group = i == first || (e->group && (!group || strcmp(group, e->group) != 0));
    if (new_group && e->group) text_add(t, "\n### %s\n", e->group);
    if (new_group) text_add(t, "\n| | what it is | example |\n| --- | --- | --- |\n");
    group = e->group;
    code(t, e->ast->kind == AST_DISTRIBUTION ? e->name : e->form);
    say(t, e->what);
    code(t, e->examples ? e->example[0] : NULL);
    text_add(t, "|\n");
  }
}

static void page_file(Text *t, const Library *l, int file) {
  int first = 0, end;
  while (first < l->entries && l->entry[first].file != file) first++;
  for (end = first; end < l->entries && l->entry[end].file == file;) end++;
  const char *name = strrchr(l->file[file].path, '/') + 1;
  text_add(t, "\n## %c%.*s\n\n%s\n", name[0] - 'a' + 'A', (int)strcspn(name, ".") - 1, name + 1, l->file[file].what);
  AstKind kind = first < end ? l->entry[first].ast->kind : AST_FUNCTION;
  if (kind == AST_KL) first = page_divergences(t, l, first, end);
  if (kind == AST_DISTRIBUTION) page_distributions(t, l, first, end);
  page_entries(t, l, first, end);
}

static void page_builtins(Text *t) {
  int n;
  const char *const *name = builtin_names(t->arena, &n);
  text_add(t, "\n## The compiler's own functions\n\n| | |\n| --- | --- |\n");
  for (int i = 0; i < n; i++) {
    Description d = builtin_describe(t->arena, name[i]);
    code(t, d.form);
    say(t, d.what);
    text_add(t, "|\n");
  }
}

void library_page(Text *t) {
  const Library *l = library_read(t->arena);
  text_add(
      t,
      "# The library\n\n"
      "What stands in `grammar/std`, by file, and the functions that the compiler knows itself. This page is made from "
      "the texts\n"
      "there: `make library-page` after a change. `gmc explain NAME` says more of each.\n"
      "[`LANGUAGE.md`](LANGUAGE.md) is the reference of the language. A parameter is written with its default, `none` "
      "where it may be\n"
      "left out, and with what it must satisfy: `scale: 1 > 0` is 1 where it is not given, and must be positive.\n");
  for (int i = 0; i < l->files; i++) page_file(t, l, i);
  page_builtins(t);
}
