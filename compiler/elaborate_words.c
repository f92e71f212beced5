// Warnings about objectives and metrics that are not what they seem. Part of the elaborator.
#include "elaborate.h"

typedef struct Word {
  DiagnosticCode code;
  Span where;
  struct Word *next;
} Word;

bool word_is_new(Elab *e, DiagnosticCode code, Span where) {
  Span user = user_span(e, where);
  for (const Word *w = e->said; w; w = w->next)
    if (w->code == code && w->where.file == user.file && w->where.begin == user.begin) return false;
  Word *w = NEW(e->arena, Word);
  *w = (Word){code, user, e->said};
  e->said = w;
  return true;
}
