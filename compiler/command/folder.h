// The folder of a run, as the command line sees it: the texts kept there so that the model can be compiled again from
// the folder alone. The runtime keeps the rest (runtime/train/session.h).
//
//   model.gm     the model's text
//   NAME.gm      every file that it uses
//   config.yaml  all that was decided: a run file, with the absolute paths that the texts came from under `files`
#ifndef GMC_FOLDER_H
#define GMC_FOLDER_H

#include "train/session.h"
#include "command/config.h"

// What a run of model m keeps, but for what the session knows itself. `c` is what the model was elaborated with.
KeptText *folder_texts(Arena *a, const Model *m, const Config *c, int *count);

// Reads config.yaml of a run. Fails with EXIT_NOINPUT when `folder` holds no run.
Config *folder_config(Arena *a, const char *folder);
// Registers the texts kept in the folder under the paths they came from; returns the index of the model's.
int folder_sources(Arena *a, Sources *s, const char *folder, const Config *c);

#endif
