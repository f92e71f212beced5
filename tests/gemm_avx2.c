// The matrix products of runtime/engine/gemm.c as machines without AVX-512 have them.
#undef __AVX512F__
#define gemm                 gemm_avx2
#define gemm_half gemm_half_avx2
#define gemm_knows_processor gemm_avx2_knows_processor
#include "engine/gemm.c"
