// The command line of an emitted program. gmc itself has its own (compiler/command/options.c).
#ifndef GMC_STANDALONE_H
#define GMC_STANDALONE_H

#include "train/session.h"

// A text for the run's folder as an emitted program holds it; see KeptText.
typedef struct {
  const char *name, *origin;
  const char *const *line;  // ends with NULL
} ProgramText;

// What main returns: reads the options, trains, and gives the exit code. `texts` ends with one without a name.
int program_main(int argc, char **argv, const Plan *plan, void (*open)(Run *run, int threads), DataReader *reader,
                 DataAxes *axes, Inflate *inflate, const ProgramText *texts);

#endif
