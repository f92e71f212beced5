// What the parts of the generator of random models share: random_model.c writes declarations, random_expr.c the
// expressions in them, random_odd.c what has no meaning there.
#ifndef GMC_RANDOM_WRITER_H
#define GMC_RANDOM_WRITER_H

#include "random_bits.h"
#include "random_model.h"

// Where values lie.
typedef enum { ON_REAL, ON_POSITIVE, ON_UNIT, ON_BITS, ON_CLASS } Ground;

typedef struct {
  const char *name;
  Shape shape;
  Ground ground;
  int classes;
} Variable;

enum { MOST_INPUTS = 3, MOST_NETS = 12, MOST_KNOWN = 48, MOST_WORDS = 256, DEEPEST = 5 };

typedef struct {
  const char *name;
  Variable in[MOST_INPUTS], out[MOST_INPUTS];
  int ins, outs;
  bool density;  // its outputs are written with ~
} Net;

// What an expression may speak of where it stands.
typedef enum {
  IN_NOTHING = 0,
  IN_NET = 1,        // layers, with weights of their own
  IN_OBJECTIVE = 2,  // networks, densities, draws, aggregates
  IN_BATCH = 4       // values that differ between examples
} Place;

typedef struct {
  Arena *arena;
  Text text;
  uint64_t state;
  int odds;                    // of 1000 expressions, so many are whatever comes
  int room;                    // nodes of expressions that may still be written in this body
  int place;                   // of Place
  bool joint;                  // distributions of vectors are written, and no `each`, which has no meaning for them
  int made;                    // names so far
  Variable known[MOST_KNOWN];  // in the scope
  int knowns;
  Variable param[8];  // whole numbers from 2; their value is in `classes`
  int params;
  Variable column[8], latent[8];
  int columns, latents;
  Variable missing;  // a column with holes, which no text names but to fill them; name NULL: none
  Net net[MOST_NETS];
  int nets;
  const char *function[6], *block[6], *distribution[6], *optimizer[6], *objective[8], *over[8], *metric;
  const char *bijector[2];
  int functions, blocks, distributions, bijectors, optimizers, objectives;
  bool minimized[8];
  const char *word[MOST_WORDS];  // the library's names
  int words;
} Writer;

#define WRITE(w, ...) text_add(&(w)->text, __VA_ARGS__)

static inline int below(Writer *w, int n) { return random_below(&w->state, n); }
static inline bool chance(Writer *w, int of, int n) { return below(w, n) < of; }

const char *new_name(Writer *w, const char *prefix);
void know(Writer *w, Variable v);
Variable variable_of_shape(const char *name, Shape shape);

Shape random_shape(Writer *w, int most_rank);
void write_dims(Writer *w, Shape s);  // 2, 3
void write_expression(Writer *w, Shape s, int depth);
void write_scalar(Writer *w, int depth);
void write_positive(Writer *w, Shape s, int depth);
void write_moved(Writer *w, Shape s, int depth);
void write_distribution(Writer *w, const Variable *v, int depth);
// n(ins), n(outs | ins), or with values in the places of the outputs: all seen in part, or some
typedef enum { NO_BAR, BAR_NAME, BAR_PART, BAR_POINT } Bar;
void write_application(Writer *w, const Net *n, Bar bar, int depth);
void write_odd(Writer *w, int depth);  // whatever comes

#endif
