// The convolutions of runtime/engine/conv.c as machines without AVX-512 have them.
#undef __AVX512F__
#define convolve         convolve_avx2
#define convolve_back    convolve_back_avx2
#define convolve_weights convolve_weights_avx2
#include "engine/conv.c"
