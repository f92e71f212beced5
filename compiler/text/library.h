// What grammar/std declares, to be looked up: for `gmc explain NAME`, and for the page grammar/LIBRARY.md.
//
// A declaration is described by the comment right above it: sentences, then lines that begin with `e.g.`, each an
// example. A comment that begins with `---` heads a group of declarations, as far as the next one; the comment at the
// top of a file says what the file holds. There is no other description of the library.
#ifndef GMC_LIBRARY_H
#define GMC_LIBRARY_H

#include "text/ast.h"

typedef struct {
  const char *name;   // of a closed form of a divergence: kl
  const char *kind;   // "distribution"
  const char *group;  // "initialisers: distributions of initial weights, ...", or NULL
  const char *form;   // as it is declared, without its kind and body: normal(loc: 0, scale: 1 > 0) on real
  const char *what;   // one paragraph, or NULL
  const char *example[4];
  int examples;
  const char *text;  // the whole declaration as it stands in its file
  int file, line;
  const Ast *ast;
} LibraryEntry;

typedef struct {
  const char *path;  // grammar/std/layers.gm
  const char *what;  // one paragraph, or NULL
} LibraryFile;

typedef struct {
  Arena *arena;
  Sources *sources;
  LibraryFile *file;
  int files;
  LibraryEntry *entry;  // in the order of the files
  int entries;
} Library;

Library *library_read(Arena *a);

// The page grammar/LIBRARY.md.
void library_page(Text *t);

// A part of the library's text on one line.
const char *library_text(const Library *l, const Ast *ast);
// What stands right of the `=` of a distribution's member such as "mean", or NULL when it has none. The member "=" of one
// that is defined to be another is that one.
const char *library_member(const Library *l, const LibraryEntry *e, const char *member);
// Draws lie in a set or class, so that no gradient flows through them.
bool library_discrete(const LibraryEntry *e);
// A closed form of a divergence: the names of its distributions.
const char *library_left(const LibraryEntry *rule);
const char *library_right(const LibraryEntry *rule);

#endif
