// The inner loops of regions: one for each operation of ops.def and each choice of inputs that are numbers.
//
// The bodies are the expressions of ops.def, so that the executor, the constant folder and emitted programs agree.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"  // the loops over some functions stay scalar
#endif

#include "maths.h"
#include "region_code.h"

// Says that a loop's iterations do not depend on each other, although `out` may be one of the inputs.
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

// A, B and C are 1 for inputs that are numbers.
#define REGION_LOOP(name, A, B, C, expression)                                                 \
  static void name(float *out, const float *pa, const float *pb, const float *pc, int64_t n) { \
    const float a0 = pa[0], b0 = pb[0], c0 = pc[0];                                            \
    INDEPENDENT                                                                                \
    for (int64_t i = 0; i < n; i++) {                                                          \
      const float a = A ? a0 : pa[i], b = B ? b0 : pb[i], c = C ? c0 : pc[i];                  \
      (void)a, (void)b, (void)c;                                                               \
      out[i] = expression;                                                                     \
    }                                                                                          \
  }

#define LOOPS_1(ID, expression) REGION_LOOP(loop_##ID, 0, 1, 1, expression)
#define LOOPS_2(ID, expression)                    \
  REGION_LOOP(loop_##ID##_vv, 0, 0, 1, expression) \
  REGION_LOOP(loop_##ID##_nv, 1, 0, 1, expression) \
  REGION_LOOP(loop_##ID##_vn, 0, 1, 1, expression)
#define LOOPS_3(ID, expression)                     \
  REGION_LOOP(loop_##ID##_vvv, 0, 0, 0, expression) \
  REGION_LOOP(loop_##ID##_nvv, 1, 0, 0, expression) \
  REGION_LOOP(loop_##ID##_vnv, 0, 1, 0, expression) \
  REGION_LOOP(loop_##ID##_nnv, 1, 1, 0, expression) \
  REGION_LOOP(loop_##ID##_vvn, 0, 0, 1, expression) \
  REGION_LOOP(loop_##ID##_nvn, 1, 0, 1, expression) \
  REGION_LOOP(loop_##ID##_vnn, 0, 1, 1, expression)

#define LOOPS_SOURCE(...)
#define LOOPS_MOVEMENT(...)
#define LOOPS_REDUCTION(...)
#define LOOPS_CONTRACTION(...)
#define LOOPS_MARK(...)
#define LOOPS_ELEMENTWISE(ID, arity, expression) LOOPS_##arity(ID, expression)
#define OP(ID, name, arity, class, expression, ...) LOOPS_##class(ID, arity, expression)
#include "ops.def"

#define TABLE_1(ID) {loop_##ID},
#define TABLE_2(ID) {loop_##ID##_vv, loop_##ID##_nv, loop_##ID##_vn},
#define TABLE_3(ID)                                                                                       \
  {loop_##ID##_vvv, loop_##ID##_nvv, loop_##ID##_vnv, loop_##ID##_nnv, loop_##ID##_vvn, loop_##ID##_nvn, \
   loop_##ID##_vnn},

Loop *region_loop(ScalarOp op, int numbers) {
  static Loop *const loop[SCALAR_COUNT][7] = {
#undef LOOPS_ELEMENTWISE
#define LOOPS_ELEMENTWISE(ID, arity, expression) TABLE_##arity(ID)
#define OP(ID, name, arity, class, expression, ...) LOOPS_##class(ID, arity, expression)
#include "ops.def"
  };
  return loop[op][numbers];
}
