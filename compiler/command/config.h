// The run file: what a YAML file says of a run, and the same in a run's folder.
//
// Read before the model is elaborated; its texts are expressions of the language, which it hands on untouched. The
// command line is laid over it (settings_put), and what results is written to config.yaml in the folder of the run, in
// a form that this reader reads back to the same Config.
// Invariant: every key is known, none is repeated, and every setting knows the file and line it came from.
#ifndef GMC_CONFIG_H
#define GMC_CONFIG_H

#include "graph/model.h"  // Setting, Overrides

typedef struct {
  Setting *item;
  int count, room;
} Settings;

// One param and the values it takes in turn.
typedef struct {
  const char *name;
  Settings value;  // the name of each is the param's
} Sweep;

typedef struct {
  Settings params, priors, train;
  Settings files;         // in a run's folder: what each stored text was called: {model.gm: models/cvae.gm}
  const Setting *data;    // or NULL
  int64_t seed, threads;  // -1: not given
  const char *out;        // or NULL
  const char *products;   // one of products_word, or NULL: auto
  Sweep *sweep;
  int sweeps;
} Config;

enum { CONFIG_BYTES = 1 << 20 };

// Who makes matrix products: our own kernels, OpenBLAS, or as the processor is.
enum { PRODUCTS_WORDS = 3 };
extern const char *const products_word[PRODUCTS_WORDS];

Config *config_new(Arena *a);
// Reads a run file. Fails with EXIT_NOINPUT, or EXIT_CONFIG and file:line for whatever is not as it should be.
Config *config_read(Arena *a, const char *path);
// The same of a text that is in memory.
Config *config_parse(Arena *a, const char *path, const char *text, size_t length);
void config_print(Text *t, const Config *c);
// A copy without the sweep, whose params and train settings can be set without touching the first.
Config *config_copy(Arena *a, const Config *c);

// Sets NAME, replacing an earlier setting of that name.
void settings_put(Arena *a, Settings *s, const char *name, const char *text, const char *origin);
const char *settings_get(const Settings *s, const char *name);  // text, or NULL

const char *words_text(Arena *a, int n, const char *const *word);  // "own, openblas or auto"

#endif
