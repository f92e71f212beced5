// What the arithmetic and the files need of the compiler and the machine. Where it is not so, nothing is compiled: a
// program that gives other numbers, or cannot see that one is none, would be worse than no program.
#ifndef GMC_MACHINE_H
#define GMC_MACHINE_H

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error \
    "compile without -ffast-math, -Ofast and -ffinite-math-only: with them NaN and infinity are not seen, and training goes on with numbers that are none"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error \
    "compile without -funsafe-math-optimizations, -fassociative-math and -freciprocal-math: with them sums and quotients are others than those of gmc"
#endif
// 16 and 32: types narrower than float are computed in float, or in themselves; that of float is not touched
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16 && __FLT_EVAL_METHOD__ != 32
#error \
    "this compiler keeps more digits of intermediate results than float has: use -msse2 -mfpmath=sse on x86, or -fexcess-precision=fast"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error \
    "weights, arrays and checksums are written in the order of the machine's bytes, which must be that of the files: the least first"
#endif

#endif
