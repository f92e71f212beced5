// Texts in UTF-8 as characters, and the alphabet of those that occur.
#ifndef GMC_CHARACTERS_H
#define GMC_CHARACTERS_H

#include "core/file.h"

enum { CHARACTER_CODES = 0x110000 };

// Code points; the end of a line is one, '\n', however it is written. There is room for one more.
typedef struct {
  int32_t *code;
  int64_t count;
} Characters;

// Fails with EXIT_DATA where the file is no text in UTF-8.
Characters characters_read(Arena *a, const char *path, Bytes file);

// The characters that occur, each as a text, in the order of their code points; number[code] is the place of each
// there, in an array of CHARACTER_CODES zeros.
const char **characters_alphabet(Arena *a, const Characters *t, int32_t *number, int *letters);

// How many characters the alphabet of a file has. Fails as file_read does, with its hint, too.
int characters_count(Arena *a, const char *path, const char *hint);

#endif
