// The rows of kernels.def and scalars.def as what the executor and the compiler read; see kernel.h.
#include "engine/kernel.h"

#include <string.h>

#include "engine/blas.h"
#include "engine/kernel_pieces.h"
#include "engine/loop.h"
#include "engine/region.h"

#define COUNT(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define LIST(...)  __VA_ARGS__

// ---- operands and sizes, from the numbers

// Row after row, unless strides are given. Those of axes of size 1 count as 0, so that equal views compare equal.
static Operand operand_of(bool write, int rank, const int64_t *dim, const int64_t *stride) {
  Operand o = {.rank = rank, .write = write};
  int64_t step = 1;
  for (int i = rank - 1; i >= 0; step *= dim[i--]) {
    o.dim[i] = dim[i];
    o.view.stride[i] = dim[i] == 1 ? 0 : stride ? stride[i] : step;
  }
  return o;
}

#define PUT(write, dims, strides)          *operand++ = operand_of(write, COUNT dims, (int64_t[]){LIST dims}, strides);
#define READ(name, ...)                    PUT(false, (__VA_ARGS__), NULL)
#define WRITE(name, ...)                   PUT(true, (__VA_ARGS__), NULL)
#define READ_STRIDED(name, dims, strides)  PUT(false, dims, ((int64_t[]){LIST strides}))
#define WRITE_STRIDED(name, dims, strides) PUT(true, dims, ((int64_t[]){LIST strides}))
#define NUMBER(name)              \
  const int64_t name = *number++; \
  (void)name;
#define CHOICE NUMBER
#define MACHINE(...)
#define KERNEL(ID, Type, name, verb, handed, operands, numbers, leads, cut, grain, work, flops) \
  static void name##_operands(const int64_t *number, Operand *operand) { numbers operands }     \
  static KernelSizes name##_sizes(const int64_t *number) { numbers return (KernelSizes){cut, grain, work, flops}; }
#include "engine/kernels.def"
#undef READ
#undef WRITE
#undef READ_STRIDED
#undef WRITE_STRIDED
#undef NUMBER

// ---- a piece, by the function of kernel_pieces.h

#define READ(name, ...)  args.name = *at++;
#define WRITE(name, ...) args.name = *at++;
#define READ_STRIDED     READ
#define WRITE_STRIDED    WRITE
#define NUMBER(name)     args.name = *number++;
#define ALONE(name)      name##_piece(&args, begin, end)
#define WITH_RUN(name)   name##_piece(call->run, &args, begin, end)
#define OR_BLAS(name)                                \
  if (call->kernel->by_blas)                         \
    name##_blas(call->run->blas, &args, begin, end); \
  else                                               \
    name##_piece(&args, begin, end)
#define MACHINE(...)
#define KERNEL(ID, Type, name, verb, handed, operands, numbers, ...)      \
  static void name##_call(const KernelRun *call, int piece, int pieces) { \
    const int64_t *number = call->number;                                 \
    const KernelSizes s = name##_sizes(number);                           \
    const int64_t begin = piece_begin(s.cut, s.grain, piece, pieces);     \
    const int64_t end = piece_begin(s.cut, s.grain, piece + 1, pieces);   \
    float *const *at = call->at;                                          \
    Type args;                                                            \
    operands numbers handed(name);                                        \
  }
#include "engine/kernels.def"
#undef READ
#undef WRITE
#undef NUMBER

// ---- the rows

#define NUMBER(name) false,
#undef CHOICE
#define CHOICE(name) true,
#define MACHINE(...)
#define KERNEL(ID, Type, name, verb, handed, operands, numbers, ...) \
  static const bool name##_choice[] = {numbers false};
#include "engine/kernels.def"
#undef NUMBER
#undef CHOICE
#define CHOICE NUMBER

#define READ(name, ...)  #name,
#define WRITE(name, ...) #name,
#define NUMBER(name)     #name,
#define LEAD(name)       #name,
#define NAMES(list)      (sizeof(list) / sizeof *(list)-1)
#define MACHINE(...)
#define KERNEL(ID, Type, name, verb, handed, operands, numbers, leads, ...)                             \
  static const char *const name##_operand[] = {operands NULL}, *const name##_number[] = {numbers NULL}, \
                           *const name##_lead[] = {leads NULL};                                         \
  _Static_assert(sizeof(Type) == 8 * (NAMES(name##_operand) + NAMES(name##_number)), #Type " has other fields");
#include "engine/kernels.def"

#undef READ
#undef READ_STRIDED
#undef WRITE
#undef WRITE_STRIDED
#define READ(...)
#define READ_STRIDED(...)
#define WRITE(...)
#define WRITE_STRIDED(...) true ||
#undef ALONE
#undef WITH_RUN
#undef OR_BLAS
enum { ALONE, WITH_RUN, OR_BLAS };
const KernelRow kernel_row[] = {
#define MACHINE(ID, stem, begins, overwrites) \
  {.name = #stem,                             \
   .verb = begins,                            \
   .in_place = overwrites,                    \
   .strided = true,                           \
   .ready = stem##_ready,                     \
   .piece = stem##_piece},
#define KERNEL(ID, Type, stem, begins, handed, outputs, ...) \
  {.name = #stem,                                            \
   .verb = begins,                                           \
   .type = #Type,                                            \
   .with_run = handed == WITH_RUN,                           \
   .or_blas = handed == OR_BLAS,                             \
   .operand = stem##_operand,                                \
   .number = stem##_number,                                  \
   .operands = NAMES(stem##_operand),                        \
   .numbers = NAMES(stem##_number),                          \
   .choice = stem##_choice,                                  \
   .lead = stem##_lead,                                      \
   .strided = outputs false,                                 \
   .place = stem##_operands,                                 \
   .sizes = stem##_sizes,                                    \
   .piece = stem##_call},
#include "engine/kernels.def"
};

const ScalarRow scalar_row[] = {
#define SCALAR(ID, name, arity, expression) {#ID, name, arity, #expression},
#include "core/scalars.def"
};

static bool is_said(const Kernel *k, int operand) {
  const Operand *o = &k->operand[operand];
  bool said = !o->write || !o->name || !o->formula;
  for (int i = 0; i < operand && !said; i++) {
    const Operand *before = &k->operand[i];
    said = before->formula && !strcmp(before->name, o->name) && !strcmp(before->formula, o->formula);
  }
  return said;
}

const char *kernel_text(Arena *a, const Kernel *k) {
  enum { LONGEST = 110 };
  Text t = text_new(a);
  for (int i = 0; i < k->operands && t.length <= LONGEST; i++)
    if (!is_said(k, i)) text_add(&t, "%s%s = %s", t.length ? "; " : "", k->operand[i].name, k->operand[i].formula);
  if (!t.length) return "a value without a name";
  return t.length <= LONGEST ? t.data : arena_format(a, "%.*s ...", LONGEST, t.data);
}

int kernel_lead(const KernelRow *row, const int64_t *number) {
  int found = -1;
  for (const char *const *lead = row->lead; *lead; lead++)
    for (int i = 0; i < row->numbers; i++)
      if (strcmp(row->number[i], *lead) == 0 && (found < 0 || number[found] == 1)) found = i;
  return found;
}

int64_t kernel_blocks(const Kernel *k) {
  if (k->kind == KERNEL_REGION) return k->region.dim[0];
  int lead = k->kind == KERNEL_LOOP ? -1 : kernel_lead(&kernel_row[k->kind], k->number);
  return lead < 0 ? 0 : k->number[lead];
}

Kernel kernel_new(Arena *a, KernelKind kind, const int64_t *at, const int64_t *number) {
  const KernelRow *row = &kernel_row[kind];
  Operand *operand = NEW_ARRAY(a, Operand, row->operands);
  int64_t *own = NEW_ARRAY(a, int64_t, row->numbers);
  for (int i = 0; i < row->numbers; i++) own[i] = number[i];
  row->place(number, operand);
  for (int i = 0; i < row->operands; i++) operand[i].view.at = at[i];
  return (Kernel){.kind = kind, .pieces = 1, .operand = operand, .operands = row->operands, .number = own};
}
