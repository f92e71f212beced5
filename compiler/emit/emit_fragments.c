// The choice of the definitions that a program needs, and printing them; see emit.h.
//
// A name counts as used wherever it stands in the text of a definition, other than as a member; it means what its own
// file or any header says it is. Invariant: of what is printed nothing is missing, and no function or table is left
// over.
#include <stdlib.h>
#include <string.h>

#include "emit/emit_fragments.h"

static bool fragment_same(const Fragment *a, const Fragment *b) {
  return a == b || (a->text.length == b->text.length && memcmp(a->text.at, b->text.at, a->text.length) == 0);
}

const char *fragments_clash(const Fragments *f) {
  for (int b = 0; b < BUCKETS; b++)
    for (const Name *n = f->bucket[b]; n; n = n->next)
      for (const Name *m = name_find(f, n->name, n); m; m = name_find(f, n->name, m))
        if (fragment_defines(n->fragment) && fragment_defines(m->fragment) && !fragment_same(n->fragment, m->fragment))
          return arena_format(f->arena, "%.*s (%s, %s)", (int)n->name.length, n->name.at,
                              f->file[n->fragment->file].name, f->file[m->fragment->file].name);
  return NULL;
}

// --- the choice ---

void fragments_omit(Fragments *f, const char *name) {
  for (Name *n = name_find(f, (Slice){name, strlen(name)}, NULL); n; n = name_find(f, n->name, n))
    if (fragment_defines(n->fragment)) n->fragment->omitted = true;
}

// A text in which names are looked up: of one of the files, or of none of them (-1), which sees what is shared.
static bool is_visible(const Fragment *what, int file) { return what->file == file || what->shared; }

static void want_words(Fragments *f, Slice text, int file);

static void want_name(Fragments *f, Slice name, int file) {
  for (Name *n = name_find(f, name, NULL); n; n = name_find(f, name, n)) {
    Fragment *what = n->fragment;
    if (what->wanted || what->omitted || what->kind == FRAGMENT_PROTOTYPE || !is_visible(what, file)) continue;
    what->wanted = f->file[what->file].wanted = true;
    want_words(f, what->text, what->file);
  }
}

// The word at or after p that is used otherwise than as a member or in `struct word *`; empty at the end.
static Slice next_word(const char *p, const char *end) {
  bool member = false, tag = false;
  while (p < end) {
    Token t = token_at(p);
    p = t.kind == TOKEN_DIRECTIVE ? t.text.at + 1 : after(t.text);
    bool pointed = tag && p < end && p[strspn(p, " ")] == '*';
    if (t.kind == TOKEN_SPACE || t.kind == TOKEN_COMMENT) continue;
    tag = slice_is(t.text, "struct");
    if (t.kind == TOKEN_WORD && !member && !pointed && !tag) return t.text;
    member = *t.text.at == '.' || slice_is(t.text, "->");
  }
  return (Slice){end, 0};
}

static void want_words(Fragments *f, Slice text, int file) {
  for (Slice w = next_word(text.at, after(text)); w.length; w = next_word(after(w), after(text))) want_name(f, w, file);
}

void fragments_want(Fragments *f, const char *text) { want_words(f, (Slice){text, strlen(text)}, -1); }

// --- printing ---

// Is this a system header that no file before it, of those that something was wanted of, includes?
static bool include_is_first(const Fragments *f, int file, int include) {
  Slice name = f->file[file].include[include];
  for (int i = 0; i <= file; i++)
    for (int k = 0; f->file[i].wanted && k < (i < file ? f->file[i].includes : include); k++)
      if (f->file[i].include[k].length == name.length && memcmp(f->file[i].include[k].at, name.at, name.length) == 0)
        return false;
  return *name.at == '<';
}

static int compare_slices(const void *a, const void *b) {
  const Slice *x = a, *y = b;
  int order = memcmp(x->at, y->at, x->length < y->length ? x->length : y->length);
  return order ? order : (x->length > y->length) - (x->length < y->length);
}

void fragments_includes(Text *out, const Fragments *f) {
  Slice header[MOST_INCLUDES];
  size_t headers = 0;
  for (int i = 0; i < f->files; i++)
    for (int k = 0; f->file[i].wanted && k < f->file[i].includes && headers < MOST_INCLUDES; k++)
      if (include_is_first(f, i, k)) header[headers++] = f->file[i].include[k];
  qsort(header, headers, sizeof *header, compare_slices);
  for (size_t i = 0; i < headers; i++) text_add(out, "#include %.*s\n", (int)header[i].length, header[i].at);
}

bool fragments_include(const Fragments *f, const char *header) {
  for (int i = 0; i < f->files; i++)
    for (int k = 0; f->file[i].wanted && k < f->file[i].includes; k++)
      if (slice_is(f->file[i].include[k], header)) return true;
  return false;
}

// A header's comment on a function, which belongs to its definition here; empty if there is none.
static Slice prototype_comment(const Fragments *f, Slice name) {
  for (const Name *n = name_find(f, name, NULL); n; n = name_find(f, name, n)) {
    const Fragment *what = n->fragment;
    if (what->kind != FRAGMENT_PROTOTYPE) continue;
    if (what->comment.length) return what->comment;
    const char *end = after(what->text), *p = what->text.at;
    while (p < end && token_at(p).kind != TOKEN_COMMENT) p = after(token_at(p).text);
    if (p < end) return (Slice){p, (size_t)(end - p)};
  }
  return (Slice){0};
}

static const char *linkage(const Fragment *what) {
  bool function = what->kind == FRAGMENT_FUNCTION || what->kind == FRAGMENT_OBJECT;
  return function && !what->is_static ? "static " : "";
}

// A function's definition up to its body, as a declaration.
static void print_declaration(Text *out, Fragment *what) {
  const char *p = what->text.at;
  for (int depth = 0;;) {
    Token t = token_at(p);
    if (depth == 0 && sign_is(t, "{")) break;
    depth += token_depth(t);
    p = after(t.text);
  }
  while (is_space(p[-1])) p--;
  text_add(out, "%s%.*s;\n", linkage(what), (int)(p - what->text.at), what->text.at);
  what->declared = true;
}

// Declares the functions that the text uses and that are defined later.
static bool declare_ahead(Text *out, Fragments *f, Slice text, int file) {
  bool any = false;
  for (Slice w = next_word(text.at, after(text)); w.length; w = next_word(after(w), after(text)))
    for (Name *n = name_find(f, w, NULL); n; n = name_find(f, w, n)) {
      Fragment *what = n->fragment;
      if (what->kind != FRAGMENT_FUNCTION || !what->wanted || what->printed || what->declared) continue;
      if (!is_visible(what, file)) continue;
      if (what->text.at <= text.at && text.at < after(what->text)) continue;  // itself
      print_declaration(out, what);
      any = true;
    }
  return any;
}

bool fragments_declare(Text *out, Fragments *f, const char *text) {
  return declare_ahead(out, f, (Slice){text, strlen(text)}, -1);
}

// The heading of a file, unless its header's stands right above.
static void print_title(Text *out, Fragments *f, int file) {
  SourceFile *s = &f->file[file];
  bool below_header = f->titled >= 0 && file_partner(f, f->titled) == file;
  if (s->titled || below_header || !s->about.length) return;
  s->titled = true;
  f->titled = file;
  text_add(out, "\n// %.*s\n%.*s\n", 117,
           "----------------------------------------------------------------------------------"
           "-----------------------------------",
           (int)s->about.length, s->about.at);
}

// Has a typedef of this type, which says no more, been printed already?
static bool printed_before(const Fragments *f, const Fragment *what) {
  if (!what->name.length || what->kind != FRAGMENT_TYPE || fragment_defines(what)) return false;
  for (const Name *n = name_find(f, what->name, NULL); n; n = name_find(f, what->name, n))
    if (n->fragment->printed && n->fragment->kind == FRAGMENT_TYPE && n->fragment->name.length) return true;
  return false;
}

// Prints one definition; `previous` is the one printed before it, of the same file, or NULL.
static void print_fragment(Text *out, Fragments *f, Fragment *what, const Fragment *previous) {
  Slice comment = what->comment;
  if (!comment.length && what->kind == FRAGMENT_FUNCTION) comment = prototype_comment(f, what->name);
  const char *begin = what->comment.length ? what->comment.at : what->text.at;
  bool joined = previous && previous->next == what && !blank_between(after(previous->text), begin);
  if (!joined) text_add(out, "\n");
  if (what->kind != FRAGMENT_TYPE && declare_ahead(out, f, what->text, what->file)) text_add(out, "\n");
  if (comment.length) text_add(out, "%.*s\n", (int)comment.length, comment.at);
  text_add(out, "%s", linkage(what));
  text_append(out, what->text.at, what->text.length);
  text_add(out, "\n");
  what->printed = true;
}

void fragments_print(Text *out, Fragments *f, FragmentsPart part) {
  for (int i = 0; i < f->ordered; i++) {
    SourceFile *s = &f->file[f->order[i]];
    if (part == FRAGMENTS_HEADERS && !s->header) continue;
    const Fragment *previous = NULL;
    for (Fragment *what = s->first; what; what = what->next) {
      if (!what->wanted || what->printed || what->kind == FRAGMENT_PROTOTYPE) continue;
      if (printed_before(f, what)) continue;
      print_title(out, f, f->order[i]);
      print_fragment(out, f, what, previous);
      previous = what;
    }
  }
}
