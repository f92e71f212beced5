// C texts cut into definitions, and the choice of those that a program needs; see emit.h.
//
// The texts are the runtime's own sources, so the cutter knows just as much C as they use: comments, strings, brackets,
// directives, and how a declaration shows what it declares. A name counts as used wherever it stands in the text of a
// definition, other than as a member.
// Invariant: every definition keeps its text and its comment, byte for byte, but for `static` and `extern`.
#include <stdlib.h>
#include <string.h>

#include "emit.h"

typedef enum {
  FRAGMENT_TYPE,    // types, enumerators, macros
  FRAGMENT_OBJECT,  // tables
  FRAGMENT_FUNCTION,
  FRAGMENT_PROTOTYPE  // kept for its comment
} FragmentKind;

typedef struct {
  const char *at;
  size_t length;
} Slice;

typedef struct Fragment {
  FragmentKind kind;
  int file;
  Slice comment;  // above it, or after it on its line
  Slice text;
  Slice name;  // of a function, object or typedef
  bool wanted, omitted, printed, declared;
  struct Fragment *next;  // in its file
} Fragment;

typedef struct Name {
  Slice name;
  Fragment *fragment;
  struct Name *next;  // in its bucket; of several with one name, in the order of the texts
} Name;

enum { MOST_FILES = 256, MOST_INCLUDES = 64, BUCKETS = 1024 };

typedef struct {
  const char *name;  // base name
  bool header;
  Slice about;                   // first paragraph of the opening comment
  Slice include[MOST_INCLUDES];  // as written, with its quotes or angles
  int includes;
  Fragment *first, **end;
  bool wanted, titled, visited;
} SourceFile;

struct Fragments {
  Arena *arena;
  SourceFile *file;
  int files;
  Name *bucket[BUCKETS];
  int order[2 * MOST_FILES];  // files in the order of printing: a header before whoever includes it
  int ordered;
  int titled;  // the file of the last heading, or -1
};

// --- tokens ---

typedef enum {
  TOKEN_END,
  TOKEN_SPACE,
  TOKEN_COMMENT,
  TOKEN_DIRECTIVE,
  TOKEN_WORD,
  TOKEN_NUMBER,
  TOKEN_TEXT,
  TOKEN_SIGN
} TokenKind;
typedef struct {
  TokenKind kind;
  Slice text;
} Token;

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool slice_is(Slice s, const char *text) {
  return strlen(text) == s.length && memcmp(s.at, text, s.length) == 0;
}

static const char *quoted_end(const char *p) {
  char quote = *p++;
  while (*p && *p != quote) p += *p == '\\' && p[1] ? 2 : 1;
  return *p ? p + 1 : p;
}

// The end of a line that may be continued; a directive holds no comment that spans lines.
static const char *line_end(const char *p) {
  while (*p && (*p != '\n' || p[-1] == '\\')) p++;
  return p;
}

static const char *comment_end(const char *p) {
  if (p[1] == '/') return line_end(p);
  const char *close = strstr(p + 2, "*/");
  return close ? close + 2 : p + strlen(p);
}

// The token at p of a text that ends with NUL. A directive is a `#` with the rest of its line.
static Token token_at(const char *p) {
  const char *end = p + 1;
  TokenKind kind = TOKEN_SIGN;
  if (!*p) {
    kind = TOKEN_END, end = p;
  } else if (is_space(*p)) {
    kind = TOKEN_SPACE;
    while (is_space(*end)) end++;
  } else if (*p == '/' && (p[1] == '/' || p[1] == '*')) {
    kind = TOKEN_COMMENT, end = comment_end(p);
  } else if (*p == '#') {
    kind = TOKEN_DIRECTIVE, end = line_end(p);
  } else if (*p == '"' || *p == '\'') {
    kind = TOKEN_TEXT, end = quoted_end(p);
  } else if (is_word(*p)) {
    kind = is_digit(*p) ? TOKEN_NUMBER : TOKEN_WORD;
    while (is_word(*end) || (kind == TOKEN_NUMBER && *end == '.')) end++;
  } else if (*p == '-' && p[1] == '>') {
    end = p + 2;
  }
  return (Token){kind, {p, (size_t)(end - p)}};
}

static bool sign_is(Token t, const char *any) {
  return t.kind == TOKEN_SIGN && strchr(any, *t.text.at);
}

// +1, -1 or 0: how a token changes the depth of brackets.
static int token_depth(Token t) {
  return sign_is(t, "({[") ? 1 : sign_is(t, ")}]") ? -1 : 0;
}

static const char *after(Slice s) {
  return s.at + s.length;
}

// --- names ---

static Name **bucket_of(Fragments *f, Slice name) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < name.length; i++) hash = (hash ^ (uint8_t)name.at[i]) * 16777619u;
  return &f->bucket[hash % BUCKETS];
}

static Name *name_find(const Fragments *f, Slice name, const Name *from) {
  Name *n = from ? from->next : *bucket_of((Fragments *)(uintptr_t)f, name);
  while (n && (n->name.length != name.length || memcmp(n->name.at, name.at, name.length) != 0)) n = n->next;
  return n;
}

static void name_add(Fragments *f, Fragment *what, Slice name) {
  if (!name.length) return;
  Name **link = bucket_of(f, name);
  while (*link) link = &(*link)->next;
  *link = NEW(f->arena, Name);
  **link = (Name){name, what, NULL};
}

bool fragments_defines(const Fragments *f, const char *name) {
  return name_find(f, (Slice){name, strlen(name)}, NULL);
}

// --- declarations: what one declares, read off its tokens ---

// What the classifier remembers of a declaration.
typedef struct {
  bool is_typedef, is_static, is_extern, has_body, assigned;
  Slice before_call;   // word before the first round bracket
  Slice before_value;  // last word before the first = or [
  Slice last;          // last word outside of brackets
  Slice pointed;       // word after the first "(*"
} Declared;

static bool is_attribute(Slice word) {
  return slice_is(word, "__attribute__") || slice_is(word, "_Alignas");
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

// --- cutting ---

// How far `p` is from the beginning of its line, in lines that are blank: is there a blank line between a and b?
static bool blank_between(const char *a, const char *b) {
  int lines = 0;
  for (; a < b; a++) lines += *a == '\n';
  return lines > 1;
}

static Slice skip_to(const char *from, const char *word) {
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
  Slice include = skip_to(line.at, "include"), macro = skip_to(line.at, "define"), guard = skip_to(line.at, "ifndef");
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
    if (t.kind == TOKEN_DIRECTIVE) name_add(f, what, skip_to(t.text.at, "define"));
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
      if (rest[0] == '/' && rest[1] == '/') p = comment_end(rest);
      Fragment *what = fragment_add(f, file, comment, (Slice){whole.at, (size_t)(p - whole.at)});
      classify(f, what);
      comment.length = 0;
    }
    before = p;
  }
}

// --- the order of files ---

static int file_find(const Fragments *f, Slice quoted) {
  for (int i = 0; i < f->files; i++)
    if (quoted.length == strlen(f->file[i].name) + 2 && memcmp(quoted.at + 1, f->file[i].name, quoted.length - 2) == 0)
      return i;
  return -1;
}

// The .c file of a header, or -1.
static int file_partner(const Fragments *f, int header) {
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
  return f;
}

// Does it say what the name means, rather than only that there is such a thing?
static bool fragment_defines(const Fragment *what) {
  bool forward = what->kind == FRAGMENT_TYPE && *what->text.at != '#' && !memchr(what->text.at, '{', what->text.length);
  return what->kind != FRAGMENT_PROTOTYPE && !forward;
}

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

static void want_words(Fragments *f, Slice text);

static void want_name(Fragments *f, Slice name) {
  for (Name *n = name_find(f, name, NULL); n; n = name_find(f, name, n)) {
    Fragment *what = n->fragment;
    if (what->wanted || what->omitted || what->kind == FRAGMENT_PROTOTYPE) continue;
    what->wanted = f->file[what->file].wanted = true;
    want_words(f, what->text);
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

static void want_words(Fragments *f, Slice text) {
  for (Slice w = next_word(text.at, after(text)); w.length; w = next_word(after(w), after(text))) want_name(f, w);
}

void fragments_want(Fragments *f, const char *text) {
  want_words(f, (Slice){text, strlen(text)});
}

// --- printing ---

// Calls fn for every system header of the files that something was wanted of, once each.
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
  return function && !declaration_shape(what->text).is_static ? "static " : "";
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
static bool declare_ahead(Text *out, Fragments *f, Slice text) {
  bool any = false;
  for (Slice w = next_word(text.at, after(text)); w.length; w = next_word(after(w), after(text)))
    for (Name *n = name_find(f, w, NULL); n; n = name_find(f, w, n)) {
      Fragment *what = n->fragment;
      if (what->kind != FRAGMENT_FUNCTION || !what->wanted || what->printed || what->declared) continue;
      if (what->text.at <= text.at && text.at < after(what->text)) continue;  // itself
      print_declaration(out, what);
      any = true;
    }
  return any;
}

bool fragments_declare(Text *out, Fragments *f, const char *text) {
  return declare_ahead(out, f, (Slice){text, strlen(text)});
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
  if (what->kind != FRAGMENT_TYPE && declare_ahead(out, f, what->text)) text_add(out, "\n");
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
