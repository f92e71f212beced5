// Reads grammar/std with its comments; see library.h.
#include "text/library.h"

#include <string.h>

#include "text/embedded.h"

// --- comments

// A comment: whole lines of the text.
typedef struct {
  const char *begin, *end;
} Lines;

static const char *line_before(const char *text, const char *line) {
  const char *at = line - 1;  // its new line
  while (at > text && at[-1] != '\n') at--;
  return at;
}

static const char *line_after(const char *line) {
  const char *end = strchr(line, '\n');
  return end ? end + 1 : line + strlen(line);
}

// The comment whose last line ends where `line` begins; empty if there is none.
static Lines comment_before(const char *text, const char *line) {
  Lines c = {line, line};
  while (c.begin > text && *line_before(text, c.begin) == '#') c.begin = line_before(text, c.begin);
  return c;
}

static Lines comment_at(const char *line) {
  Lines c = {line, line};
  while (*c.end == '#') c.end = line_after(c.end);
  return c;
}

// What is written in a line of a comment, without its new line.
static const char *comment_line(Arena *a, const char *line) {
  line += strspn(line, "# ");
  return arena_slice(a, line, strcspn(line, "\n"));
}

// The sentences of a comment as one paragraph; its examples go to `e`.
static const char *paragraph(Arena *a, Lines c, LibraryEntry *e) {
  Text t = text_new(a);
  for (const char *line = c.begin; line < c.end; line = line_after(line)) {
    const char *said = comment_line(a, line);
    int room = (int)(sizeof e->example / sizeof *e->example);
    if (e && strncmp(said, "e.g. ", 5) == 0 && e->examples < room)
      e->example[e->examples++] = said + 5;
    else
      text_add(&t, "%s%s", t.length ? " " : "", said);
  }
  return t.length ? t.data : NULL;
}

// The heading of the group that the line belongs to.
static const char *group_of(Arena *a, const char *text, const char *line) {
  static const char mark[] = "# --- ";
  while (line > text) {
    line = line_before(text, line);
    if (strncmp(line, mark, strlen(mark)) == 0) return paragraph(a, comment_at(line), NULL) + strlen("--- ");
  }
  return NULL;
}

// --- declarations

static const char *kind_of(const Ast *ast) {
  switch (ast->kind) {
    case AST_LET: return "constant";
    case AST_FUNCTION: return ast->flag ? "block" : "function";
    case AST_KL: return "divergence";
    case AST_RULE: return "rule";
    case AST_OPTIMIZER: return "optimiser";
    case AST_AVERAGE: return "average of weights";
    case AST_SOURCE: return "source of data";
    default: return ast_kind_name(ast->kind);
  }
}

// Where the text that says how it is used ends: before the body.
static uint32_t form_end(const Ast *ast) {
  if (ast->kind == AST_DISTRIBUTION && ast->b) return ast->b->span.end;
  return ast->c && ast->kind != AST_LET ? ast->c->span.begin : ast->span.end;
}

static const char *form_of(const Library *l, const Ast *ast) {
  Span form = {ast->span.file, ast->span.begin, form_end(ast)};
  const char *text = span_text(l->arena, l->sources, form);
  if (ast->kind != AST_KL && ast->kind != AST_RULE && ast->kind != AST_LET) text += strcspn(text, " ") + 1;
  size_t length = strlen(text);
  while (length && strchr(" ={\n", text[length - 1])) length--;
  return arena_slice(l->arena, text, length);
}

static void entry_add(Library *l, const Ast *ast) {
  const SourceText *source = sources_text(l->sources, ast->span.file);
  const char *at = source->text + ast->span.begin;
  while (at > source->text && at[-1] != '\n') at--;
  LibraryEntry *e = &l->entry[l->entries++];
  *e = (LibraryEntry){.name = ast->name ? ast->name : "kl", .kind = kind_of(ast), .form = form_of(l, ast), .ast = ast};
  e->what = paragraph(l->arena, comment_before(source->text, at), e);
  e->group = group_of(l->arena, source->text, at);
  e->text = arena_slice(l->arena, at, (size_t)(source->text + ast->span.end - at));
  e->file = ast->span.file;
  e->line = span_line(l->sources, ast->span);
}

Library *library_read(Arena *a) {
  Library *l = NEW(a, Library);
  *l = (Library){.arena = a, .sources = sources_new(a)};
  while (embedded_std[l->files].name) l->files++;
  l->file = NEW_ARRAY(a, LibraryFile, l->files);
  const Ast **tree = NEW_ARRAY(a, const Ast *, l->files);
  int items = 0;
  for (int i = 0; i < l->files; i++) {
    const EmbeddedFile *f = &embedded_std[i];
    l->file[i] = (LibraryFile){f->name, paragraph(a, comment_at(f->text), NULL)};
    tree[i] = parse_file(a, l->sources, sources_add(l->sources, f->name, f->text, f->length, true))->a;
    items += ast_length(tree[i]);
  }
  l->entry = NEW_ARRAY(a, LibraryEntry, items);
  for (int i = 0; i < l->files; i++)
    for (const Ast *item = tree[i]; item; item = item->next) entry_add(l, item);
  return l;
}

// --- parts of a declaration

const char *library_text(const Library *l, const Ast *ast) { return span_text(l->arena, l->sources, ast->span); }

const char *library_member(const Library *l, const LibraryEntry *e, const char *member) {
  const Ast *m = e->ast->kind == AST_DISTRIBUTION ? e->ast->c : NULL;
  while (m && strcmp(m->name, member) != 0) m = m->next;
  if (!m) return NULL;
  const char *text = library_text(l, m->c);
  return text + strspn(text, "= ");
}

bool library_discrete(const LibraryEntry *e) {
  const Ast *support = e->ast->b;
  if (!support) return false;
  const Ast *head = support->kind == AST_CALL || support->kind == AST_INDEX ? support->a : support;
  static const char *const discrete[] = {"class", "counts", "binary"};
  for (size_t i = 0; head->kind == AST_NAME && i < sizeof discrete / sizeof *discrete; i++)
    if (strcmp(head->name, discrete[i]) == 0) return true;
  return support->kind == AST_SET;
}

const char *library_left(const LibraryEntry *rule) { return rule->ast->a->a->name; }
const char *library_right(const LibraryEntry *rule) { return rule->ast->b->a->name; }
