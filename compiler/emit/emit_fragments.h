// C texts cut into definitions: what the cutter (emit_cut.c, emit_tokens.c) hands to the chooser and printer
// (emit_fragments.c). Private to these files.
#ifndef GMC_EMIT_FRAGMENTS_H
#define GMC_EMIT_FRAGMENTS_H

#include "emit/emit.h"

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
  Slice name;      // of a function, object or typedef
  bool is_static;  // as written
  bool shared;     // can be meant in other files: stands in a header, or is declared in one
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

// ---- tokens

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

// The token at p of a text that ends with NUL. A directive is a `#` with the rest of its line.
Token token_at(const char *p);
int token_depth(Token t);  // +1, -1 or 0: how it changes the depth of brackets
bool sign_is(Token t, const char *any);

bool slice_is(Slice s, const char *text);
const char *after(Slice s);
bool is_space(char c);
bool blank_between(const char *a, const char *b);  // is there a blank line?

// ---- what the cutter found

// The first thing of that name, or the next one after `from`; NULL at the end.
Name *name_find(const Fragments *f, Slice name, const Name *from);
// Does it say what its name means, rather than only that there is such a thing?
bool fragment_defines(const Fragment *what);
int file_partner(const Fragments *f, int header);  // the .c file of a header, or -1

#endif
