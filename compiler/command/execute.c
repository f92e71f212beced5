// The one place where compiler and executor meet; see execute.h.
#include "command/execute.h"

#include "data/data.h"
#include "engine/exec.h"

Session execute_session(const Plan *plan, const Options *o, const char *folder) {
  return (Session){.open = exec_open,
                   .find_nan = exec_find_nan,
                   .reader = plan->data.format == DATA_NONE ? NULL : data_read_any,
                   .axes = data_axes,
                   .inflate = inflate_libdeflate,
                   .folder = folder,
                   .threads = (int)option_number(o, OPTION_THREADS, 0),
                   .quiet = option_given(o, OPTION_QUIET),
                   .verbose = option_given(o, OPTION_VERBOSE)};
}
