// The inner loops of regions: one for each operation of ops.def, and one for each chain of up to three of
// + - * /, which a square root may begin.
//
// The bodies are the expressions of ops.def, so that the executor, the constant folder and emitted programs agree. A
// loop goes over its elements LANES at a time, which compilers turn into vector code; what it computes waits in `y`
// because the result may take the place of an operand. An operand that is one number for all elements is LANES copies
// of it, and stands still.
#include "engine/kernel_pieces.h"
#include "core/maths.h"
#include "engine/region_code.h"

#define REGION_LOOP(name, expression)                                                            \
  static void name(float *const *outs, const float *const *in, const int64_t *step, int64_t n) { \
    float *out = outs[0];                                                                        \
    const float *pa = in[0], *pb = in[1], *pc = in[2], *pd = in[3];                              \
    const int64_t sa = step[0], sb = step[1], sc = step[2], sd = step[3];                        \
    for (; n > 0; n -= LANES, out += LANES, pa += sa, pb += sb, pc += sc, pd += sd) {            \
      float y[LANES];                                                                            \
      for (int l = 0; l < LANES; l++) {                                                          \
        const float a = pa[l], b = pb[l], c = pc[l], d = pd[l];                                  \
        (void)a, (void)b, (void)c, (void)d;                                                      \
        y[l] = expression;                                                                       \
      }                                                                                          \
      for (int l = 0; l < LANES; l++) out[l] = y[l];                                             \
    }                                                                                            \
  }

// ---- single operations

#define SCALAR(ID, name, arity, expression) REGION_LOOP(loop_##ID, expression)
#include "core/scalars.def"

Loop *region_loop(ScalarOp op) {
  static Loop *const loop[SCALAR_COUNT] = {
#define SCALAR(ID, ...) loop_##ID,
#include "core/scalars.def"
  };
  return loop[op];
}

// ---- chains of operations

#define APPLY_ADD(x, y)  ((x) + (y))
#define APPLY_SUB(x, y)  ((x) - (y))
#define APPLY_MUL(x, y)  ((x) * (y))
#define APPLY_DIV(x, y)  ((x) / (y))
#define APPLY_BUS(x, y)  ((y) - (x))
#define APPLY_VID(x, y)  ((y) / (x))
#define APPLY_SQRT(x, y) m_sqrt(x)

// Does M for every operation, beside x and y. Several of them, because a macro does not expand within itself.
#define EACH_FIRST(M)       M(ADD) M(SUB) M(MUL) M(DIV) M(SQRT)
#define EACH_SECOND(M, x)   M(x, ADD) M(x, SUB) M(x, MUL) M(x, DIV) M(x, BUS) M(x, VID)
#define EACH_FORWARD(M, x)  M(x, ADD) M(x, SUB) M(x, MUL) M(x, DIV)
#define EACH_THIRD(M, x, y) M(x, y, ADD) M(x, y, SUB) M(x, y, MUL) M(x, y, DIV) M(x, y, BUS) M(x, y, VID)
#define EACH_JOIN(M, x, y)  M(x, y, ADD) M(x, y, SUB) M(x, y, MUL) M(x, y, DIV)

#define PAIR(x, y)       REGION_LOOP(pair_##x##_##y, APPLY_##y(APPLY_##x(a, b), c))
#define CHAIN(x, y, z)   REGION_LOOP(chain_##x##_##y##_##z, APPLY_##z(APPLY_##y(APPLY_##x(a, b), c), d))
#define JOIN(x, y, z)    REGION_LOOP(join_##x##_##y##_##z, APPLY_##z(APPLY_##x(a, b), APPLY_##y(c, d)))
#define CHAINS_2(x, y)   EACH_THIRD(CHAIN, x, y)
#define JOINS_2(x, y)    EACH_JOIN(JOIN, x, y)
#define LINKED_LOOPS(x)  EACH_SECOND(PAIR, x) EACH_SECOND(CHAINS_2, x) EACH_FORWARD(JOINS_2, x)
#define ALL_LINKED_LOOPS EACH_FIRST(LINKED_LOOPS)

ALL_LINKED_LOOPS

#define PAIR_NAME(x, y)     pair_##x##_##y,
#define PAIR_NAMES(x)       [LINK_##x] = {EACH_SECOND(PAIR_NAME, x)},
#define CHAIN_NAME(x, y, z) chain_##x##_##y##_##z,
#define CHAIN_NAMES_2(x, y) {EACH_THIRD(CHAIN_NAME, x, y)},
#define CHAIN_NAMES(x)      [LINK_##x] = {EACH_SECOND(CHAIN_NAMES_2, x)},
#define JOIN_NAME(x, y, z)  join_##x##_##y##_##z,
#define JOIN_NAMES_2(x, y)  {EACH_JOIN(JOIN_NAME, x, y)},
#define JOIN_NAMES(x)       [LINK_##x] = {EACH_FORWARD(JOIN_NAMES_2, x)},

Loop *region_pair(LinkOp x, LinkOp y) {
  static Loop *const loop[LINK_SQRT + 1][6] = {EACH_FIRST(PAIR_NAMES)};
  return loop[x][y];
}

Loop *region_chain(LinkOp x, LinkOp y, LinkOp z) {
  static Loop *const loop[LINK_SQRT + 1][6][6] = {EACH_FIRST(CHAIN_NAMES)};
  return loop[x][y][z];
}

Loop *region_join(LinkOp x, LinkOp y, LinkOp z) {
  static Loop *const loop[LINK_SQRT + 1][4][4] = {EACH_FIRST(JOIN_NAMES)};
  return loop[x][y][z];
}
