// Kernels: what a program does, one after another. The executor runs them; the emitter prints them as C.
//
// A kernel is a row of kernels.def with its operands, which say where in memory they lie, and its numbers. It is cut
// into `pieces` by the plan; each piece is done by one thread, whichever, and pieces of one kernel write different
// places. A barrier stands between kernels. Sums have a fixed order that does not depend on the pieces.
#ifndef GMC_KERNEL_H
#define GMC_KERNEL_H

#include "core/run.h"

// The elementwise operations, as instructions of a region.
typedef enum {
#define SCALAR(ID, ...) SCALAR_##ID,
#include "core/scalars.def"
  SCALAR_COUNT
} ScalarOp;

typedef struct {
  const char *id;  // as in SCALAR_<ID>
  const char *name;
  int arity;
  const char *expression;  // of a, b and c, in C
} ScalarRow;
extern const ScalarRow scalar_row[SCALAR_COUNT];

// Where the elements of an iteration space lie: memory[at + sum of index[i] * stride[i]]. A stride of 0 repeats.
typedef struct {
  int64_t at;
  int64_t stride[MAX_RANK];
} View;

// A stretch of memory that the plan gives to a value, or to several side by side, as they are joined in one.
typedef struct {
  const char *name;
  int rank;
  int64_t dim[MAX_RANK];
} Home;

// A value that a kernel reads or writes: its elements, and where they lie. In a loop they lie `step` further in every
// further turn; one step for each loop around the kernel, from the outermost. It is told by the name that the page has
// for it (q_h, q/dense_1/W), NULL if it is no value of the page.
typedef struct {
  View view;
  int rank;
  int64_t dim[MAX_RANK];
  int64_t step[MAX_LOOPS];
  bool write;
  const char *name;
  const char *formula;  // of what is written: "max(q_dense_1 + q/dense_1/b, 0)"
  const Home *home;     // that it begins `within`, in floats
  int64_t within;
} Operand;

typedef enum { STORE_ALL, STORE_SUM, STORE_MAXIMUM } StoreKind;
typedef struct {
  int value;       // which value is stored
  StoreKind kind;  // STORE_SUM and STORE_MAXIMUM reduce along the region's reduced axis, of which their operand has 1
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
// Its operands have the axes of the space: first what is loaded, then, in the order of the stores, where they go.
// A store may overwrite what a load of the same region reads only where both views are equal.
typedef struct {
  int rank;
  int64_t dim[MAX_RANK];
  int reduce;  // axis, or -1
  int loads;
  const float *constant;
  int constants;
  const Instr *instr;
  int instrs;
  int tiles;  // scratch tiles needed by instructions
  const Store *store;
  int stores;
  const char *const *word;  // what the page calls each value within its scope, or NULL: h; for emitted code alone
} Region;

// Kernels that run one after another in every turn. Turns are numbered from 0; reversed: they run from the last one to
// the first. The loop's operands are what its kernels touch, whole, its working memory included.
typedef struct {
  int64_t times;
  bool reversed;
  int depth;  // loops around it
  Kernel *kernel;
  int kernels;
} KernelLoop;

typedef enum {
#define MACHINE(ID, ...) KERNEL_##ID,
#define KERNEL(ID, ...)  KERNEL_##ID,
#include "engine/kernels.def"
  KERNEL_COUNT
} KernelKind;

struct Kernel {
  KernelKind kind;  // its row
  int code;         // of the plan's codes: what it computes; that of a loop is what its kernels are
  int pieces;
  bool by_blas;      // OpenBLAS does it, piece by piece: where they are cut is part of the arithmetic
  const char *file;  // source of it, or NULL
  int line;
  Section section;   // in training programs: all kernels of one line come before those of the next
  Operand *operand;  // in the order of the row: what is read, then what is written
  int operands;
  const int64_t *number;  // in the order of the row
  int64_t per_example;    // blocks of its leading axis for each example, of which only those of the run's examples are
                          // computed; 0: all are, always
  union {
    Region region;    // of a KERNEL_REGION
    KernelLoop loop;  // of a KERNEL_LOOP
  };
};

// What kernels compute, without where. Kernels of one code do the same with the same strides; they differ in their
// places, in the length of their leading axis, in how many pieces they are cut into, and in whether they work in place.
typedef enum { MEET_NEVER, MEET_SOMETIMES, MEET_ALWAYS } Meet;
struct Code {
  const Kernel *kernel;  // the one of them whose leading axis is the longest
  int kernels;           // how many they are
  int pieces;            // of the one that is cut most
  uint8_t *meeting;      // Meet, for operands i and j at i * operands + j: whether they begin at one place
};

// A kernel at work: where its operands begin, and what was made ready for it.
typedef struct KernelRun {
  Run *run;
  const Kernel *kernel;
  float **at;
  int64_t *number;      // as the kernel's, but for the run's examples
  int64_t lead, whole;  // blocks of the leading axis, for the run's examples and in all
  int counts;           // the number that counts them, or -1
  void *ready;
} KernelRun;

// What pieces divide and at which multiples, about how many elementary operations, and those of products.
typedef struct {
  int64_t cut, grain, work;
  double flops;
} KernelSizes;

// A row of kernels.def. That of a MACHINE has no fixed operands and numbers, and makes itself ready for its pieces.
typedef struct {
  const char *name, *verb;
  const char *type;            // struct of kernel_pieces.h
  bool with_run;               // is handed the run
  bool or_blas;                // there is a function that does it by OpenBLAS
  const char *const *operand;  // names
  const char *const *number;
  const bool *choice;       // of each number, whether it is one
  const char *const *lead;  // see kernel_lead
  int operands, numbers;
  bool in_place;  // may write over an operand that it reads by the same view
  bool strided;   // what it writes may lie in any way, but for its last axis; otherwise row after row
  void (*place)(const int64_t *number, Operand *operand);  // all but their offsets
  KernelSizes (*sizes)(const int64_t *number);
  void *(*ready)(Arena *a, const Kernel *k);
  void (*piece)(const KernelRun *call, int piece, int pieces);
} KernelRow;
extern const KernelRow kernel_row[KERNEL_COUNT];

// What it computes, in the names of the page: "q_h = max(q_dense_1 + q/dense_1/b, 0); ...".
const char *kernel_text(Arena *a, const Kernel *k);

KernelRun kernel_ready(Arena *a, const Kernel *k);  // for any run
// Does all of the kernel, where its operands are in the present turn of the loops around it.
void kernel_run(KernelRun *call, Run *run);

// Which number counts the blocks of the leading axis of what is written; -1: none does.
int kernel_lead(const KernelRow *row, const int64_t *number);
// How many there are when all of it is computed, or 0. A region's leading axis is that of its space.
int64_t kernel_blocks(const Kernel *k);

// A kernel of a row: its operands begin at the offsets `at`. It has one piece.
Kernel kernel_new(Arena *a, KernelKind kind, const int64_t *at, const int64_t *number);

#endif
