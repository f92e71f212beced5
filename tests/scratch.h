// A folder of a test's own.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Makes one and writes its path to `folder`: in memory where there is such a place, for thousands of small files, written and
// synced, are quicker there than on some disks. Returns 0, or -1 where none can be made.
static inline int scratch_make(char folder[64]) {
  snprintf(folder, 64, "%s/gmc_test_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  return mkdtemp(folder) ? 0 : -1;
}
