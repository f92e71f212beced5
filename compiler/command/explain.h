// `gmc explain`: what was derived from a model, and what a name of the library or the language means, as text.
#ifndef GMC_EXPLAIN_H
#define GMC_EXPLAIN_H

#include "graph/model.h"

void explain_model(Text *t, const Model *m, const Plan *p);
// False, and nothing added, when there is no such name; then the nearest one, or NULL.
bool explain_name(Text *t, const char *name);
const char *explain_nearest(Arena *a, const char *name);
// All names that can be asked for.
void explain_names(Text *t);

#endif
