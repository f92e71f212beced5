// See vocabulary.h.
#include "text/vocabulary.h"

#include <string.h>

static const WordEntry words[] = {
#define WORD(TEXT, KIND, HELP) {TEXT, KIND, HELP},
#include "text/vocabulary.def"
};

static bool is_module(const char *name, size_t length) {
  static const char *const module[] = {"torch", "nn", "F", "np", "numpy", "tf", "keras", "jax", "jnp"};
  for (size_t i = 0; i < sizeof module / sizeof *module; i++)
    if (strlen(module[i]) == length && !strncmp(module[i], name, length)) return true;
  return false;
}

const WordEntry *word_find(const char *name) {
  static const WordEntry plain = {"", ELSEWHERE, "names stand alone here, without a module"};
  const char *dot = strchr(name, '.'), *last = strrchr(name, '.');
  bool module = dot && is_module(name, (size_t)(dot - name));
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(words[i].word, module ? last + 1 : name)) return &words[i];
  return module ? &plain : NULL;
}

void report_later(Sources *s, Span where, const char *what, const char *help) {
  report(s, E0119, where, what);
  if (*help) report_help(s, "%s", help);
}
