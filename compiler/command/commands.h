// The commands of gmc: each compiles what it needs and hands it to the runtime.
//
// One function a command, thin; all resources are the arena's, failures leave through it. Answers go to stdout,
// messages to stderr. Each returns an exit code of base.h.
#ifndef GMC_COMMANDS_H
#define GMC_COMMANDS_H

#include "command/options.h"

#define C(ID, name, ...) int command_##name(Arena *a, const Options *o);
COMMANDS(C)
#undef C

#endif
