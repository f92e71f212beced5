// The training curves of a run, as pictures. They are read back from metrics.csv rather than kept: so a resumed run
// draws the same curves as one that was never stopped.
#ifndef GMC_CURVES_H
#define GMC_CURVES_H

#include "train/records.h"

// Draws loss.png beside metrics.csv, from what that tells of the epochs, each measure on an axis of its own, and the
// shows that are of curves. Nothing is drawn of a run that has not come to its second epoch.
void curves_draw(const Records *r, const Plan *plan);

// The picture of one of these, from the records in `folder`. A curve is of the held-out data, or where a measure has no
// figure there, of the training. Where curves lie far apart, or are of another size, they have an axis of their own.
void curves_show(Arena *a, const char *folder, const PlanShow *show, const char *path);

#endif
