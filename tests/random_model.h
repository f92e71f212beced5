// Random models: texts over the whole grammar and library, most of them with a meaning, some with mistakes; and texts
// made of others by moving their words about. The same seed gives the same text.
#ifndef GMC_RANDOM_MODEL_H
#define GMC_RANDOM_MODEL_H

#include "graph/model.h"

typedef struct {
  const char *text;           // of the model; it may use "part.gm"
  const char *part;           // text of that file
  const Overrides *settings;  // what a command line could set, or NULL
  const Setting *given;       // for a program that draws samples, or NULL
} RandomModel;

RandomModel random_model(Arena *a, uint64_t seed);

// One of the texts, mostly of the first `sound` ones, with some of its words left out, doubled, exchanged or replaced by
// words of any text.
const char *random_mutant(Arena *a, int texts, int sound, const char *const *text, uint64_t seed);

// The text with its sizes made small: numbers above 8 become some below, the same number always the same one.
const char *random_shrunk(Arena *a, const char *text);

#endif
