// Checkpoints: all tensors and the place in the training, in one safetensors file that is replaced at once or not at
// all.
//
// The metadata hold every number that a later step depends on, as text that reads back to the same bits.
#ifndef GMC_CHECKPOINT_H
#define GMC_CHECKPOINT_H

#include "records.h"
#include "train.h"

// Path of the weights in a run's folder.
const char *checkpoint_path(Arena *a, const char *folder);

// Replaces folder/weights.safetensors, the records synced before. Fails with EXIT_CANTCREATE or EXIT_IO; the old
// checkpoint is then still there.
void checkpoint_write(Training *t);

// Takes tensors, place, sums and (unless the session gives one) the seed from the folder's weights. With `lengths`, the
// beginning of a session: *lengths becomes where the records stood, and a warning on stderr names what differs of seed
// and data. Without, a silent return to the last checkpoint. Fails with EXIT_DATA when the file is damaged or belongs to
// another plan or batch.
void checkpoint_resume(Training *t, RecordLengths *lengths);

// Puts the weights and states of a file into memory, and sets *step and *epoch_steps to where they stand and *seed to
// the seed they were trained with (steps 0 and 1 and the plan's seed where the file, made elsewhere, does not say).
void checkpoint_weights(Run *run, const char *path, int64_t *step, int64_t *epoch_steps, uint32_t *seed);

#endif
