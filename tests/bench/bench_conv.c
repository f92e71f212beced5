// How fast convolutions and their adjoints are on one thread, in GFLOP/s of processor time: the best of some rounds.
// Usage: bench_conv [ROUNDS [NAME]]. bench_conv.py prints the same table for oneDNN, as PyTorch calls it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engine/conv.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct {
  const char *name;
  ConvSizes sizes;
} Shape;

// batch, places, channels to filters, taps, stride, zeros around, groups, dead taps: all of them square.
#define SHAPE(name, batch, size, out, channels, filters, taps, stride, pad, groups, dead)                              \
  {                                                                                                                    \
    name, { batch, size, size, channels, out, out, filters, taps, taps, stride, stride, pad, pad, 1, 1, groups, dead } \
  }

static const Shape shapes[] = {
    SHAPE("64 to 128, 4x4, stride 2", 64, 14, 7, 64, 128, 4, 2, 1, 1, 0),
    SHAPE("1 to 64, 4x4, stride 2", 64, 28, 14, 1, 64, 4, 2, 1, 1, 0),
    SHAPE("64 to 64, 3x3", 32, 28, 28, 64, 64, 3, 1, 1, 1, 0),
    SHAPE("16 to 16, 3x3", 64, 28, 28, 16, 16, 3, 1, 1, 1, 0),
    SHAPE("64 to 256, 1x1", 32, 28, 28, 64, 256, 1, 1, 0, 1, 0),
    SHAPE("256 to 64, 1x1", 32, 28, 28, 256, 64, 1, 1, 0, 1, 0),
    SHAPE("256 to 256, 3x3", 32, 7, 7, 256, 256, 3, 1, 1, 1, 0),
    SHAPE("64 to 64, 7x7", 32, 28, 28, 64, 64, 7, 1, 3, 1, 0),
    SHAPE("the same, 25 taps of it", 32, 28, 28, 64, 64, 7, 1, 3, 1, 0x1fffffe000000),
    SHAPE("64 by 64 apart, 3x3", 32, 28, 28, 64, 64, 3, 1, 1, 64, 0),
};

enum { PLACES = 4 };  // operands lie at several places in turn, as in a step of training

static double seconds(const ConvSizes *s, int pass, float *x, float *w, float *y, int64_t floats[3]) {
  double begin = now();
  for (int i = 0; i < PLACES; i++, x += floats[0], w += floats[1], y += floats[2]) switch (pass) {
      case 0: convolve(s, x, w, y, 0, s->batch * s->out_height); break;
      case 1: convolve_back(s, y, w, x, 0, s->batch * s->height); break;
      default: convolve_weights(s, x, y, w, 0, s->taps_y * s->taps_x * s->channels / s->groups);
    }
  return (now() - begin) / PLACES;
}

// On large pages, as runs have them.
static float *numbers(int64_t n) {
  enum { LARGE = 2 << 20 };
  size_t size = ((size_t)n * sizeof(float) + LARGE - 1) / LARGE * LARGE;
  float *x = aligned_alloc(LARGE, size);
  if (!x) abort();
#if defined(MADV_HUGEPAGE)
  madvise(x, size, MADV_HUGEPAGE);
#endif
  for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 1000) * 1e-3f;
  return x;
}

static void bench(const Shape *shape, int rounds) {
  const ConvSizes *s = &shape->sizes;
  int64_t weights = s->taps_y * s->taps_x * s->channels / s->groups * s->filters;
  int64_t places = s->batch * s->out_height * s->out_width;
  int64_t floats[3] = {s->batch * s->height * s->width * s->channels, weights, places * s->filters};
  float *x = numbers(PLACES * floats[0]), *w = numbers(PLACES * floats[1]), *y = numbers(PLACES * floats[2]);
  double live = 1 - (double)__builtin_popcountll((uint64_t)s->dead) / (double)(s->taps_y * s->taps_x);
  printf("%-26s", shape->name);
  for (int pass = 0; pass < 3; pass++) {
    double best = 1e9;
    for (int i = 0; i < rounds; i++) {
      double took = seconds(s, pass, x, w, y, floats);
      if (took < best) best = took;
    }
    printf("  %6.1f", 2e-9 * live * (double)places * (double)weights / best);
  }
  printf("\n");
  free(x), free(w), free(y);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 7;
  printf("%-26s  %6s  %6s  %6s   GFLOP/s\n", "", "y", "by x", "by w");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (argc < 3 || strstr(shapes[i].name, argv[2])) bench(&shapes[i], rounds);
  return 0;
}
