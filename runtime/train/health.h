// How a training goes, in words: games, in which one network judges what another makes, measured at intervals on
// held-out data; and likelihoods that grow on the training data alone.
//
// Figures are those of game_health of grammar/std/health.gm. They are taken so seldom that they cost no more than the
// session's share of the time; the training's bits do not depend on them. What is found is said once when it begins and
// once when it is over.
#ifndef GMC_HEALTH_H
#define GMC_HEALTH_H

#include "train/train.h"

// Of the plan's games, in health.jsonl:
// {"step":640,"epoch":8,"judge":"D","maker":"G","ranked":...,"finding":"collapse","seconds":0.31,"of":8.2}: what all
// measuring of the session has taken of the processor until then, and what the session has. There is none where the
// held-out data or the time are too few.
void health_open(Training *t);

// Nothing is known yet: at the beginning of a start, and of a session.
void health_begin(Training *t);

// After every step: measures if it is due.
void health_step(Training *t);

// After the measuring of every epoch: what lines are to reach has grown worse on held-out data, and better on those
// trained on.
void health_epoch(Training *t, const Measure *train, int trained, const Measure *test, int tests);

// Has what was `best` on held-out data, with this standard error, become worse beyond chance, and better by more
// than that error on the training data, where it was `trained` then and is `now`? Larger is better.
bool health_parts(double best, double error, double trained, double test, double now);

// Figures of a game at so many moments, the last ones, the newest at the end; `looked_at`: that part of the training
// data is what samples are held against.
enum { HEALTH_WINDOW = 8, HEALTH_HISTORY = 24 };
typedef struct {
  double figure[HEALTH_HISTORY][HEALTH_FIGURES];
  int moments;
  double looked_at;
  Ailment seen;  // at the last moment,
  int times;     // and at so many before it
} HealthPast;

// What they tell; AILMENTS: nothing is wrong, or there are fewer than HEALTH_WINDOW. Of a game that is still getting
// better nothing is said that was not `told` before.
Ailment health_judge(const HealthPast *past, Ailment told);

// What is to be said once `seen` is what the newest moment tells: that, if so many moments one after another tell the
// same, or nothing is wrong; else what was told.
enum { HEALTH_SURE = 2 };
Ailment health_sure(HealthPast *past, Ailment seen, Ailment told);

#endif
