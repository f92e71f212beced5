// What the ledger concludes, for those who keep it beside values and say it. Private to elaborate_ledger.c and
// elaborate_claim.c.
#ifndef GMC_ELABORATE_LEDGER_H
#define GMC_ELABORATE_LEDGER_H

#include "elaborate/elaborate.h"

// What a density is of: a draw, or a value made of data.
typedef struct {
  const Node *node;
  const char *name;
  Reach from;
  bool latent;  // a draw that the mean is taken over
} Variable;

typedef struct Piece {
  double scale;
  int variables;
  Variable *variable;
  Reach given;
  const Support *grey;  // observed are numbers between those of this set
} Piece;

extern const char *const lost;  // why nothing is known where log densities are hidden

bool near(double a, double b);                          // as coefficients that are computed
bool covers(int n, const Variable *v, const Reach *r);  // does r hang on one of them?
const char *column_name(const Elab *e, const Node *n);  // NULL: it is no column
// Of a sum whose draws of set `context` and later ones are averaged; `logarithm`: in the log of a mean of exponentials;
// weights that hang on the epoch are those from `epoch` on, or 0.
Claim claim_of(Elab *e, const Terms *t, int context, bool logarithm, double epoch);

#endif
