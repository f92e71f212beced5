// What was derived from a model, as text (`gmc explain MODEL`).
#ifndef GMC_EXPLAIN_H
#define GMC_EXPLAIN_H

#include "model.h"

void explain_model(Text *t, const Model *m, const Plan *p);

#endif
