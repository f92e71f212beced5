// Hands a plan to the executor: the Session that every command of gmc begins with.
#ifndef GMC_EXECUTE_H
#define GMC_EXECUTE_H

#include "train/session.h"
#include "command/options.h"

// A session in `folder` with the executor, the reader of the plan's data, and the threads and loudness asked for.
Session execute_session(const Plan *plan, const Options *o, const char *folder);

#endif
