// Words that are not in the language, of which something helpful can be said: those of other languages, those that are
// planned, and what other libraries call a thing. The table is vocabulary.def.
#ifndef GMC_VOCABULARY_H
#define GMC_VOCABULARY_H

#include "text/source.h"

typedef enum { FOREIGN, LATER, ELSEWHERE } WordKind;

typedef struct {
  const char *word;
  WordKind kind;
  const char *help;  // "" where there is nothing to say
} WordEntry;

// NULL if nothing is known of it. A module's name in front, as in nn.Linear, is passed over.
const WordEntry *word_find(const char *name);
// Reports E0119, that this is not yet in the language; `what` is a phrase such as "`scan`".
void report_later(Sources *s, Span where, const char *what, const char *help);

#endif
