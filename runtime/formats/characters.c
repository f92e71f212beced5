// See characters.h.
#include "formats/characters.h"

enum { CHARACTER_BYTES = 4 };

static int32_t character_code(const uint8_t *at, size_t length) {
  static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  int32_t code = at[0] & lead[length];
  for (size_t i = 1; i < length; i++) code = code << 6 | (at[i] & 0x3f);
  return code;
}

Characters characters_read(Arena *a, const char *path, Bytes file) {
  Characters t = {.code = NEW_ARRAY(a, int32_t, (int64_t)file.size + 1)};
  int64_t line = 1;
  for (size_t i = 0, length; i < file.size; i += length) {
    length = utf8_length((const char *)file.data + i);
    if (!length || file.data[i] == 0)
      fail(a, EXIT_DATA, "%s:%lld: byte %zu is no text in UTF-8", printable(a, path), (long long)line, i);
    bool ends = file.data[i] == '\n';
    line += ends;
    if (file.data[i] == '\r' && file.data[i + 1] == '\n') continue;
    t.code[t.count++] = character_code(file.data + i, length);
  }
  return t;
}

static const char *character_text(Arena *a, int32_t code) {
  char *text = arena_alloc(a, CHARACTER_BYTES + 1, 1);
  int rest = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  text[0] = (char)(lead[rest] | code >> 6 * rest);
  for (int i = 1; i <= rest; i++) text[i] = (char)(0x80 | (code >> 6 * (rest - i) & 0x3f));
  text[rest + 1] = 0;
  return text;
}

const char **characters_alphabet(Arena *a, const Characters *t, int32_t *number, int *letters) {
  for (int64_t i = 0; i < t->count; i++) number[t->code[i]] = 1;
  *letters = 0;
  for (int32_t code = 0; code < CHARACTER_CODES; code++) *letters += number[code];
  const char **word = NEW_ARRAY(a, const char *, *letters + 1);
  for (int32_t code = 0, n = 0; code < CHARACTER_CODES; code++)
    if (number[code]) number[code] = n, word[n++] = character_text(a, code);
  return word;
}

int characters_count(Arena *a, const char *path, const char *hint) {
  Arena *scratch = arena_open(a);
  int letters;
  const Characters t = characters_read(scratch, path, file_read(scratch, path, INT32_MAX, hint));
  characters_alphabet(scratch, &t, NEW_ARRAY(scratch, int32_t, CHARACTER_CODES), &letters);
  arena_close(scratch);
  return letters;
}
