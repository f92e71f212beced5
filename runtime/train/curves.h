// The training curves of a run, as a picture.
#ifndef GMC_CURVES_H
#define GMC_CURVES_H

#include "train/records.h"

// Draws loss.png beside metrics.csv, from what that tells of the epochs. Nothing is drawn before the second.
void curves_draw(const Records *r);

#endif
