// Convolutions of images with channels last, and their two adjoints.
//
// y[b][i][j][o] = sum of x[b][i * stride + p * dilation - pad][j ...][c] * w[p][q][c][o] over the taps p, q and the
// channels c, where x is 0 outside of the image. In g groups, output channel o sees the channels of its own group
// alone, of which w has the g-th part. (Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016.)
//
// An element of y depends on its own window and its own weights alone: whoever computes it, in whatever piece, on
// whatever machine, it has the same bits. Its terms are added by one chain of fused multiply-adds that begins with +0,
// in the order of the taps and then of the channels; those of the adjoint by x in the order of the source's places.
// Where a group gives at most CONV_FEW channels, and takes as many, each tap within the image has a chain of its own,
// and these are added (unless CONV_FLOATS has no room for what the rows give that one row of y or x is made of). The
// adjoint by w adds as many places as CONV_PLACES and CONV_FLOATS let it take at once by a chain, and then these sums.
//
// Taps may be dead: they are left out, as if their weights were 0, and the adjoint by w gives 0 there.
#ifndef GMC_CONV_H
#define GMC_CONV_H

#include <stdint.h>

enum {
  CONV_FLOATS = 1 << 17,  // of the source, with what is 0 around it, that is held at once: half of the second cache
  CONV_PLACES = 1024,
  CONV_FEW = 4,
  CONV_MASKED = 63
};

// x[batch][height][width][channels], w[taps_y][taps_x][channels / groups][filters],
// y[batch][out_height][out_width][filters].
typedef struct {
  int64_t batch, height, width, channels, out_height, out_width, filters, taps_y, taps_x;
  int64_t stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, groups;
  int64_t dead;  // a bit for each of the first CONV_MASKED taps, row by row; not all taps are dead
} ConvSizes;

// Rows of all y, from `begin` to `end`.
void convolve(const ConvSizes *s, const float *x, const float *w, float *y, int64_t begin, int64_t end);
// The adjoint by x: x becomes the gradient of the sum of y * d; rows of all x.
void convolve_back(const ConvSizes *s, const float *d, const float *w, float *x, int64_t begin, int64_t end);
// The adjoint by w: w becomes the gradient of the sum of y * d; taps that are not dead and channels of w, in the order
// of memory. Whoever computes the first of them writes the zeros, too.
void convolve_weights(const ConvSizes *s, const float *x, const float *d, float *w, int64_t begin, int64_t end);

#endif
