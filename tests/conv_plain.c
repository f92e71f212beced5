// The convolutions of runtime/engine/conv.c as they are on x86 processors without AVX2.
#undef __AVX512F__
#define __builtin_cpu_supports(name) 0
#define convolve                     convolve_plain
#define convolve_back                convolve_back_plain
#define convolve_weights             convolve_weights_plain
#include "engine/conv.c"
