// Kernels: what a program does, one after another. The executor runs them; the emitter prints them as C.
//
// A kernel is cut into `pieces` by the plan; each piece is done by one thread, whichever, and pieces of one kernel write
// different places. A barrier stands between kernels. Sums have a fixed order that does not depend on the pieces.
#ifndef GMC_KERNEL_H
#define GMC_KERNEL_H

#include "plan.h"

// The elementwise operations, as instructions of a region.
typedef enum {
#define SOURCE(...)
#define MOVEMENT(...)
#define REDUCTION(...)
#define CONTRACTION(...)
#define MARK(...)
#define ELEMENTWISE(ID) SCALAR_##ID,
#define OP(ID, name, arity, class, ...) class(ID)
#include "ops.def"
#undef SOURCE
#undef MOVEMENT
#undef REDUCTION
#undef CONTRACTION
#undef MARK
#undef ELEMENTWISE
  SCALAR_COUNT
} ScalarOp;

// Where the elements of an iteration space lie: memory[at + sum of index[i] * stride[i]]. A stride of 0 repeats.
typedef struct {
  int64_t at;
  int64_t stride[MAX_RANK];
} View;

typedef enum { STORE_ALL, STORE_SUM, STORE_MAXIMUM } StoreKind;
typedef struct {
  int value;       // which value is stored
  StoreKind kind;  // STORE_SUM and STORE_MAXIMUM reduce along the region's reduced axis; the view's stride there is 0
  View view;
} Store;

// Values of a region are numbered: loads first, then constants, then the results of the instructions in order.
typedef struct {
  uint8_t op;     // ScalarOp
  int16_t in[3];  // values
  int16_t tile;   // scratch tile that holds the result: tiles are reused once their value is dead,
                  // the result may take the tile of an operand that dies in this very instruction
} Instr;

// A fused elementwise and reduction region over the iteration space dim[0..rank-1], row-major.
// Every value has one element per point. Reduced stores all reduce along axis `reduce`: the last axis
// (sums in 16 lanes: element j of the axis goes to lane j % 16 in order of j, and the lanes are then
// added by halves, 8, 4, 2, 1), or an earlier one (sums in order of the index).
// A store may overwrite what a load of the same region reads only where both views are equal.
typedef struct {
  int rank;
  int64_t dim[MAX_RANK];
  int reduce;  // axis, or -1
  const View *load;
  int loads;
  const float *constant;
  int constants;
  const Instr *instr;
  int instrs;
  int tiles;  // scratch tiles needed by instructions
  const Store *store;
  int stores;
} Region;

// C[b] (m x n) = op(A[b]) (m x k) * op(B[b]) (k x n), row-major with leading dimensions. Never accumulates.
// Pieces cut the rows of C (cut 0), its columns (cut 1) or the batch (cut 2); rows and columns in whole tiles
// (gemm_piece in runtime/gemm.h).
typedef struct {
  int64_t batch, m, n, k;
  bool transpose_a, transpose_b;
  int64_t a, b, c;                    // offsets
  int64_t lda, ldb, ldc;
  int64_t step_a, step_b, step_c;     // from one matrix of the batch to the next
  int cut;
} Gemm;

// Uniform numbers on (0, 1): out[row][element], row-major. For RANDOM_ONCE there is one row. Pieces cut the rows.
typedef struct {
  int64_t at, rows, count;
  uint32_t stream;
  RandomAddress address;
} Random;

// out[i][r] = table[index[i]][r]; the index is rounded down and clamped to the table. Pieces cut the indices.
typedef struct {
  int64_t table, index, out;
  int64_t rows, indices, width;
} Gather;

// out[index[i]][r] += values[i][r], out first zeroed; in order of i. Pieces cut the width.
typedef struct {
  int64_t values, index, out;
  int64_t rows, indices, width;
} Scatter;

// Running sums along the middle axis of [outer, length, inner]. Pieces cut the outer axis.
typedef struct {
  int64_t in, out;
  int64_t outer, length, inner;
  bool from_end;
} Cumsum;

// The index along the middle axis of [outer, length, inner]: out[o][i][r] = i. Pieces cut the outer axis.
typedef struct {
  int64_t at;
  int64_t outer, length, inner;
} Iota;

typedef enum {
  KERNEL_REGION,
  KERNEL_GEMM,
  KERNEL_RANDOM,
  KERNEL_GATHER,
  KERNEL_SCATTER,
  KERNEL_CUMSUM,
  KERNEL_IOTA
} KernelKind;

struct Kernel {
  KernelKind kind;
  int pieces;
  const char *label;  // what it computes, for dumps, NaN reports and the comments of emitted code: "h = relu(dense(...))"
  const char *file;   // source of it, or NULL
  int line;
  union {
    Region region;
    Gemm gemm;
    Random random;
    Gather gather;
    Scatter scatter;
    Cumsum cumsum;
    Iota iota;
  };
};

#endif
