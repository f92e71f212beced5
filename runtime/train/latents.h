// What latents cost on held-out data, and whether they carry anything.
//
// Of each latent the divergence of its posterior from its prior, the mean over the split: one that costs nothing says
// nothing of the data (posterior collapse).
#ifndef GMC_LATENTS_H
#define GMC_LATENTS_H

#include "train/train.h"

struct Latents {
  double **nats;   // of each output of the test program that is such costs, the latest ones; else NULL
  int *collapsed;  // and for how many epochs in a row nearly none has cost anything
  bool told;
};

Latents *latents_new(Arena *a, const Plan *plan);

// After an epoch has been measured: where nearly no latent has carried anything for two epochs now, that is said once.
void latents_epoch(Training *t);

// At the end of a session that has come as far as it was to: the same, and run.json's member "latents".
void latents_end(Training *t);

#endif
