// The convolutions of runtime/engine/conv.c as machines have them whose vectors it does not know.
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#undef __AVX512F__
#undef __x86_64__
#undef __aarch64__
#define convolve         convolve_portable
#define convolve_back    convolve_back_portable
#define convolve_weights convolve_weights_portable
#include "engine/conv.c"
