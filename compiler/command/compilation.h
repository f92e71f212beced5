// From what the user asked for to a model: the run file, the command line laid over it, and the elaborator called with
// both.
//
// The commands stand above this, the elaborator below.
#ifndef GMC_COMPILATION_H
#define GMC_COMPILATION_H

#include "command/config.h"
#include "command/options.h"

// The run file of --config, if there is one, with the command line's settings laid over it.
Config *compile_config(Arena *a, const Options *o);
// The same over settings that were read elsewhere.
void compile_overlay(Arena *a, Config *c, const Options *o);
// Splits NAME=TEXT at the first `=`, as --set and --given have it. Fails with EXIT_USAGE.
Setting compile_setting(Arena *a, const char *option, const char *text);

// Who makes the products, by one of products_word or NULL; `known`: our own kernels know the processor.
Products compile_products(const char *word, bool known);

// Elaborates the model in a file, or the one kept in a run's folder, with the config's settings. Diagnostics go to
// stderr; fails with EXIT_DATA if there are errors.
Model *compile_file(Arena *a, const char *path, const Config *c);
Model *compile_folder(Arena *a, const char *folder, const Config *c);

// Elaborates every model of a sweep (or the one), and keeps none.
void compile_all(Arena *a, const char *path, const Config *c);

// May colours go there? A terminal that has them, and nobody who asks for none (NO_COLOR).
bool colours_wanted(int stream);

// Prints the diagnostics that wait, and fails with EXIT_DATA if there are errors.
void compile_diagnostics(Sources *s);

#endif
