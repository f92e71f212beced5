// The matrix products of runtime/engine/gemm.c as they are on x86 processors without AVX2.
#undef __AVX512F__
#define __builtin_cpu_supports(name) 0
#define gemm                         gemm_plain
#define gemm_half gemm_half_plain
#define gemm_knows_processor         gemm_plain_knows_processor
#include "engine/gemm.c"
