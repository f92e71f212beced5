// The cutter: C texts into their top-level definitions; see emit_fragments.h.
//
// The texts are the runtime's own sources, so the cutter knows just as much C as they use: comments, strings, brackets,
// directives, and how a declaration shows what it declares.
// Invariant: every definition keeps its text and its comment, byte for byte.
#include <string.h>

#include "emit/emit_fragments.h"

// --- names ---

static uint32_t bucket_of(Slice name) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < name.length; i++) hash = (hash ^ (uint8_t)name.at[i]) * 16777619u;
  return hash % BUCKETS;
}

Name *name_find(const Fragments *f, Slice name, const Name *from) {
  Name *n = from ? from->next : f->bucket[bucket_of(name)];
  while (n && (n->name.length != name.length || memcmp(n->name.at, name.at, name.length) != 0)) n = n->next;
  return n;
}

static void name_add(Fragments *f, Fragment *what, Slice name) {
  if (!name.length) return;
  Name **link = &f->bucket[bucket_of(name)];
  while (*link) link = &(*link)->next;
  *link = NEW(f->arena, Name);
  **link = (Name){name, what, NULL};
}

bool fragments_defines(const Fragments *f, const char *name) { return name_find(f, (Slice){name, strlen(name)}, NULL); }

// --- declarations: what one declares, read off its tokens ---

// What the classifier remembers of a declaration.
typedef struct {
  bool is_typedef, is_static, is_extern, has_body, assigned;
  Slice before_call;   // word before the first round bracket
  Slice before_value;  // last word before the first = or [
  Slice last;          // last word outside of brackets
  Slice pointed;       // word after the first "(*"
} Declared;

// Words whose round brackets are not those of parameters.
static bool is_attribute(Slice word) {
  return slice_is(word, "__attribute__") || slice_is(word, "_Alignas") || slice_is(word, "PRINTF_LIKE");
}

// Reads the words outside of brackets of the declaration `text`.
static Declared declaration_shape(Slice text) {
  Declared s = {0};
  int depth = 0;
  Slice word = {0};
  for (const char *p = text.at; p < after(text);) {
    Token t = token_at(p);
    p = after(t.text);
    if (depth == 0 && t.kind == TOKEN_WORD && !slice_is(t.text, "const") && !slice_is(t.text, "restrict")) {
      word = t.text;
      s.is_typedef |= slice_is(word, "typedef");
      s.is_static |= slice_is(word, "static");
      s.is_extern |= slice_is(word, "extern");
      s.last = word;
    }
    if (depth == 0 && sign_is(t, "(") && !s.before_call.length && !is_attribute(word)) {
      s.before_call = word;
      if (*p == '*') s.pointed = token_at(p + 1).text;
    }
    if (depth == 0 && sign_is(t, "=[") && !s.before_value.length) s.before_value = word, s.assigned = true;
    if (depth == 0 && sign_is(t, "{") && !s.assigned && s.before_call.length) s.has_body = true;
    depth += token_depth(t);
    if (depth == 0 && sign_is(t, "}") && !s.has_body && !s.assigned) s.last = s.before_call = (Slice){0};
  }
  return s;
}

// Registers the tags and enumerators that the declaration `text` defines: a word between struct, union or enum and {,
// and in the braces of an enum every word after { or a comma.
static void declare_tags(Fragments *f, Fragment *what, Slice text) {
  int depth = 0, in_enum = 0;  // in_enum: the depth of the enumerators
  bool tag = false, enumeration = false, first = false;
  for (const char *p = text.at; p < after(text);) {
    Token t = token_at(p);
    p = after(t.text);
    depth += token_depth(t);
    if (t.kind == TOKEN_WORD) {
      bool defined = tag && p[strspn(p, " ")] == '{';
      if (defined || (first && depth == in_enum)) name_add(f, what, t.text);
      enumeration = slice_is(t.text, "enum") || (enumeration && tag);
      tag = slice_is(t.text, "struct") || slice_is(t.text, "union") || slice_is(t.text, "enum");
      first = false;
    } else if (t.kind == TOKEN_SIGN) {
      if (sign_is(t, "{") && enumeration) in_enum = depth;
      if (in_enum && depth < in_enum) in_enum = 0;
      first = in_enum && sign_is(t, "{,");
      enumeration = tag = false;
    }
  }
}

// Says what kind of thing a declaration is and registers the names it defines.
static void classify(Fragments *f, Fragment *what) {
  Declared s = declaration_shape(what->text);
  what->is_static = s.is_static;
  bool header = f->file[what->file].header;
  if (s.has_body) {
    what->kind = FRAGMENT_FUNCTION;
    what->name = s.before_call;
  } else if (s.is_typedef) {
    what->name = s.pointed.length ? s.pointed : s.before_call.length ? s.before_call : s.last;
    name_add(f, what, what->name);
    declare_tags(f, what, what->text);
    return;
  } else if (s.before_value.length || (!s.before_call.length && s.last.length && s.is_static)) {
    what->kind = FRAGMENT_OBJECT;
    what->name = s.before_value.length ? s.before_value : s.last;
  } else if (s.before_call.length || s.is_extern || (s.last.length && header)) {
    what->kind = FRAGMENT_PROTOTYPE;
    what->name = s.before_call.length ? s.before_call : s.last;
  } else {
    declare_tags(f, what, what->text);
    return;
  }
  name_add(f, what, what->name);
}

bool fragment_defines(const Fragment *what) {
  bool forward = what->kind == FRAGMENT_TYPE && *what->text.at != '#' && !memchr(what->text.at, '{', what->text.length);
  return what->kind != FRAGMENT_PROTOTYPE && !forward;
}

// --- cutting ---

bool blank_between(const char *a, const char *b) {
  int lines = 0;
  for (; a < b; a++) lines += *a == '\n';
  return lines > 1;
}

// The word after `word`, if that is what the directive begins with.
static Slice directive_name(const char *from, const char *word) {
  while (is_space(*from) || *from == '#') from++;
  Slice s = token_at(from).text;
  return slice_is(s, word) ? token_at(after(s) + 1).text : (Slice){0};
}

// The lines of a conditional group, from its #if to its #endif.
static Slice cut_group(Slice directive) {
  const char *p = directive.at;
  int depth = 0;
  do {
    Token t = token_at(p);
    if (t.kind == TOKEN_END) break;
    p = after(t.text);
    if (t.kind != TOKEN_DIRECTIVE) continue;
    const char *word = t.text.at + 1;
    depth += strncmp(word, "if", 2) == 0 ? 1 : strncmp(word, "endif", 5) == 0 ? -1 : 0;
  } while (depth > 0);
  return (Slice){directive.at, (size_t)(p - directive.at)};
}

// A declaration or definition, up to its semicolon or the end of its body.
static Slice cut_declaration(const char *from) {
  const char *p = from;
  int depth = 0;
  bool call = false, assigned = false;
  for (;;) {
    Token t = token_at(p);
    if (t.kind == TOKEN_END) break;
    p = after(t.text);
    if (depth == 0) call |= sign_is(t, "("), assigned |= sign_is(t, "=");
    depth += token_depth(t);
    if (depth == 0 && (sign_is(t, ";") || (sign_is(t, "}") && call && !assigned))) break;
  }
  return (Slice){from, (size_t)(p - from)};
}

static Fragment *fragment_add(Fragments *f, int file, Slice comment, Slice text) {
  Fragment *what = NEW(f->arena, Fragment);
  *what = (Fragment){.file = file, .comment = comment, .text = text};
  *f->file[file].end = what;
  f->file[file].end = &what->next;
  return what;
}

// A directive, or the group that it opens. Returns where it ends.
static const char *cut_directive(Fragments *f, int file, Slice comment, Slice line) {
  SourceFile *s = &f->file[file];
  Slice include = directive_name(line.at, "include"), macro = directive_name(line.at, "define"),
        guard = directive_name(line.at, "ifndef");
  if (include.length) {
    const char *name = strpbrk(line.at, "<\"");
    if (s->includes < MOST_INCLUDES) s->include[s->includes++] = (Slice){name, strcspn(name + 1, ">\"") + 2};
    return after(line);
  }
  if (macro.length && !s->first && s->header && line.at[line.length - 1] == 'H' && line.length < 40) return after(line);
  if (macro.length) {
    name_add(f, fragment_add(f, file, comment, line), macro);
    return after(line);
  }
  if (strncmp(line.at, "#if", 3) != 0) return after(line);
  if (guard.length && s->header && !s->first && !s->includes) return after(line);
  Slice group = cut_group(line);
  Fragment *what = fragment_add(f, file, comment, group);
  for (const char *p = group.at; p < after(group);) {
    Token t = token_at(p);
    if (t.kind == TOKEN_DIRECTIVE) name_add(f, what, directive_name(t.text.at, "define"));
    p = after(t.text);
  }
  return after(group);
}

// The first paragraph of a comment that opens a file.
static Slice cut_about(Slice comment) {
  const char *end = strstr(comment.at, "\n//\n");
  return end && end < after(comment) ? (Slice){comment.at, (size_t)(end - comment.at)} : comment;
}

// Cuts one file.
static void cut_file(Fragments *f, int file, const char *text) {
  SourceFile *s = &f->file[file];
  Slice comment = {0};
  const char *before = text;  // the end of the last thing that was not space
  for (const char *p = text;;) {
    Token t = token_at(p);
    if (t.kind == TOKEN_END) break;
    p = after(t.text);
    if (t.kind == TOKEN_SPACE) continue;
    if (comment.length && blank_between(before, t.text.at)) comment.length = 0;
    if (t.kind == TOKEN_COMMENT) {
      if (!comment.length) comment.at = t.text.at;
      comment.length = (size_t)(p - comment.at);
      if (t.text.at == text || comment.at == text) s->about = cut_about(comment);
    } else if (t.kind == TOKEN_DIRECTIVE) {
      p = cut_directive(f, file, comment, t.text);
      comment.length = 0;
    } else {
      Slice whole = cut_declaration(t.text.at);
      p = after(whole);
      const char *rest = p + strspn(p, " ");
      if (rest[0] == '/' && rest[1] == '/') p = after(token_at(rest).text);
      Fragment *what = fragment_add(f, file, comment, (Slice){whole.at, (size_t)(p - whole.at)});
      classify(f, what);
      comment.length = 0;
    }
    before = p;
  }
}

// --- the order of files ---

static int file_find(const Fragments *f, Slice quoted) {
  const char *name = quoted.at + 1, *end = after(quoted) - 1;
  for (const char *p = name; p < end; p++)
    if (*p == '/') name = p + 1;
  for (int i = 0; i < f->files; i++)
    if ((size_t)(end - name) == strlen(f->file[i].name) && memcmp(name, f->file[i].name, (size_t)(end - name)) == 0)
      return i;
  return -1;
}

// The .c file of a header, or -1.
int file_partner(const Fragments *f, int header) {
  size_t stem = strlen(f->file[header].name) - 1;
  for (int i = 0; i < f->files; i++)
    if (!f->file[i].header && strlen(f->file[i].name) == stem + 1 &&
        memcmp(f->file[i].name, f->file[header].name, stem) == 0)
      return i;
  return -1;
}

static void order_file(Fragments *f, int file) {
  SourceFile *s = &f->file[file];
  if (s->visited) return;
  s->visited = true;
  for (int i = 0; i < s->includes; i++) {
    int included = file_find(f, s->include[i]);
    if (included >= 0) order_file(f, included);
  }
  // what a source includes is below it: the sources of those headers come first
  for (int i = 0; i < s->includes && !s->header; i++) {
    int included = file_find(f, s->include[i]), partner = included < 0 ? -1 : file_partner(f, included);
    if (partner >= 0) order_file(f, partner);
  }
  f->order[f->ordered++] = file;
}

// Marks what stands in a header, and the functions that are declared in one.
static void share_declared(Fragments *f) {
  for (int i = 0; i < f->files; i++)
    for (Fragment *what = f->file[i].first; f->file[i].header && what; what = what->next) {
      what->shared = true;
      if (what->kind != FRAGMENT_PROTOTYPE) continue;
      for (Name *n = name_find(f, what->name, NULL); n; n = name_find(f, what->name, n)) n->fragment->shared = true;
    }
}

Fragments *fragments_new(Arena *a, const EmbeddedFile *files) {
  Fragments *f = NEW(a, Fragments);
  f->arena = a;
  f->titled = -1;
  while (files[f->files].name) f->files++;
  if (f->files > MOST_FILES) fail(a, EXIT_SOFTWARE, "more than %d files of the runtime", MOST_FILES);
  f->file = NEW_ARRAY(a, SourceFile, f->files);
  for (int i = 0; i < f->files; i++) {
    const char *slash = strrchr(files[i].name, '/'), *name = slash ? slash + 1 : files[i].name;
    f->file[i] = (SourceFile){.name = name, .header = name[strlen(name) - 1] == 'h'};
    f->file[i].end = &f->file[i].first;
    if (strstr(name, ".def")) continue;
    cut_file(f, i, files[i].text);
  }
  for (int i = 0; i < f->files; i++) order_file(f, i);
  share_declared(f);
  return f;
}
