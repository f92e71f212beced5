// The matrix products of runtime/engine/gemm.c as machines have them whose vectors it does not know.
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#undef __AVX512F__
#undef __x86_64__
#undef __aarch64__
#define gemm                 gemm_portable
#define gemm_half gemm_half_portable
#define gemm_knows_processor gemm_portable_knows_processor
#include "engine/gemm.c"
