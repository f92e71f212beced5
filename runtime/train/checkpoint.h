// Checkpoints: all tensors and the place in the training, in one safetensors file that is replaced at once or not at
// all.
//
// The metadata hold every number that a later step depends on, as text that reads back to the same bits.
#ifndef GMC_CHECKPOINT_H
#define GMC_CHECKPOINT_H

#include "train/records.h"
#include "train/train.h"

// Path of the weights in a run's folder.
const char *checkpoint_path(Arena *a, const char *folder);

// Replaces folder/weights.safetensors, the records synced before. Fails with EXIT_CANTCREATE or EXIT_IO; the old
// checkpoint is then still there.
void checkpoint_write(Training *t);

// Path of the best epoch's weights there, if the plan keeps them.
const char *checkpoint_best_path(Arena *a, const char *folder);

// Path of the weights after an epoch there, if the plan keeps them.
const char *checkpoint_epoch_path(Arena *a, const char *folder, int64_t epoch);

// Writes a checkpoint of the epoch that has just ended.
void checkpoint_epoch(const Training *t);

// Where the training stands now, for the checkpoint of its best epoch.
Metas *checkpoint_place(Arena *a, const Training *t);

// Replaces folder/best.safetensors by the tensors and the place that t has kept. Fails likewise.
void checkpoint_best(const Training *t);

// Takes what the session begins with from its `weights`, and sets t->from: weights, states and averages alone, or,
// where it goes on, the whole checkpoint, and the records so far into t->earlier. Numbers of optimisers that do not fit
// begin anew. Fails with EXIT_DATA when the rest belongs to another model.
void checkpoint_from(Training *t);

// Keeps them in folder/start.safetensors; or sees that no such file is there.
void checkpoint_write_start(Training *t);

// Puts them in the place of the tensors of step 0, if the folder has any.
void checkpoint_start(Training *t);

// How a run stood that goes on.
typedef struct {
  RecordLengths length;
  uint64_t hash[HASHES];  // as they were; those of now where an older file does not say
  const char *products;   // who made them
} Resumed;

// Takes tensors, place, sums and (unless the session gives one) the seed from the folder's weights. With `resumed`, the
// beginning of a session: it is filled, and warnings on stderr name what differs of seed, data, texts and products.
// Without, a silent return to the last checkpoint. Fails with EXIT_DATA when the file is damaged or belongs to another
// plan or batch.
void checkpoint_resume(Training *t, Resumed *resumed);

// The name of a hash: `data`, `test_data`, `texts`.
const char *checkpoint_hash_name(int hash);

// Of a run that goes on: its principal axes, before its data are read. They are seen along the same ones.
void checkpoint_axes(Run *run, const char *path);

// Puts the weights and states of a file into memory, and sets *step to the steps they have made, *epoch to the epoch of
// the last one, from 1, and *seed to the seed they were trained with (0, 0 and the plan's seed where the file, made
// elsewhere, does not say), and *best to which epoch they are if they are kept as the best.
void checkpoint_weights(Run *run, const char *path, int64_t *step, int64_t *epoch, uint32_t *seed, Best *best);

#endif
