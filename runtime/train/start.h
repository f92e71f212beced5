// Starts from outside: values of weights, parameters and states by name, from a .safetensors or .npz file.
#ifndef GMC_START_H
#define GMC_START_H

#include "core/run.h"

typedef struct {
  const char *path;
  const float **value;  // of each tensor of the plan; NULL: it begins as the model says
} Start;

// Reads the values, in the arena's memory. Fails with EXIT_NOINPUT or EXIT_DATA, naming the file and what is wrong: a
// name that the model has not, another shape, a number that is not finite.
Start *start_read(Arena *a, const Plan *plan, Inflate *inflate, const char *path);

// Puts them into memory, which holds all tensors of step 0, as what the tensors hold, with what begins by them. Fails
// with EXIT_DATA where a value does not lie on its parameter's support.
void start_put(Run *run, const Start *start);

// Keeps them in a file that start_read takes, with pairs of strings about them.
void start_write(Arena *a, const Plan *plan, const Start *start, const char *path, int metas, const char *const *key,
                 const char *const *value);

// Reads what tensors begin with that another run has trained (PlanTensor.file); NULL: there are none. Fails with
// EXIT_NOINPUT or EXIT_DATA, naming the file and what is wrong.
const Start *start_trained(Arena *a, const Plan *plan);

// Puts it into memory, for the init program, which leaves it alone.
void start_put_trained(Run *run, const Start *trained);

#endif
