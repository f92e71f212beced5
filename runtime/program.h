// The command line of an emitted program. gmc itself has its own (compiler/options.c).
#ifndef GMC_PROGRAM_H
#define GMC_PROGRAM_H

#include "session.h"

// What main returns: reads the options, trains, and gives the exit code.
int program_main(int argc, char **argv, const Plan *plan, void (*open)(Run *run, int threads), DataReader *reader);

#endif
