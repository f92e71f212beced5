// A program built for one processor and started on an older one ends with SIGILL, somewhere. This looks before anything else runs, and
// says what is missing. It is the one file that is built for every processor of its kind, see the Makefile, which also tells it what
// the others may use: BUILT_FOR is " AVX AVX2 ... ".
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"

#if defined(__x86_64__) && defined(BUILT_FOR)

// What is left out here (LZCNT, F16C, ...) came with one of these.
#define FEATURES(F)                                                                                                 \
  F("SSE4_2", "sse4.2") F("POPCNT", "popcnt") F("AVX", "avx") F("AVX2", "avx2") F("BMI", "bmi") F("BMI2", "bmi2")     \
  F("FMA", "fma") F("AVX512F", "avx512f") F("AVX512VL", "avx512vl") F("AVX512BW", "avx512bw") F("AVX512DQ", "avx512dq") \
  F("AVX512CD", "avx512cd") F("AVX512IFMA", "avx512ifma") F("AVX512VBMI", "avx512vbmi")                               \
  F("AVX512VBMI2", "avx512vbmi2") F("AVX512VNNI", "avx512vnni") F("AVX512BITALG", "avx512bitalg")                     \
  F("AVX512VPOPCNTDQ", "avx512vpopcntdq")

__attribute__((constructor)) static void processor_check(void) {
  const char *missing = NULL;
  __builtin_cpu_init();
#define F(MACRO, NAME) \
  if (!missing && strstr(BUILT_FOR, " " MACRO " ") && !__builtin_cpu_supports(NAME)) missing = NAME;
  FEATURES(F)
#undef F
  if (!missing) return;
  fprintf(stderr, "gmc: built for a processor with %s, which this one lacks; build it here: make clean all\n", missing);
  _exit(EXIT_MACHINE);
}

#endif
