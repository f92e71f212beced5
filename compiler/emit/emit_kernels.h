// Kernels as C functions: what emit_kernels.c and emit_region.c share with the printer of programs. Private to the
// emitter.
#ifndef GMC_EMIT_KERNELS_H
#define GMC_EMIT_KERNELS_H

#include "emit/emit.h"

// A place in memory that kernels are handed.
typedef struct {
  int operand;        // that begins there
  const char *name;   // in the function: y, a, b
  const char *shape;  // of what is written: "[128, 400]"
} KernelPointer;

// A number for which the page says something.
typedef struct {
  const char *number, *said;
} KernelConstant;

// The kernels of a code on their way to text: the statements, in terms of pointers that the caller hands over.
typedef struct {
  Arena *arena;
  const Code *code;
  bool in_place;           // some of them write over what they read, others do not
  Text sizes;              // enumerators: "N0 = 128, N1 = 400"
  bool uses_rows;          // has the blocks of its leading axis as a parameter, `rows`
  bool cut;                // pieces do it from `begin` to `end` of
  int64_t cut_size;        // so many
  bool cut_rows;           // for each of the rows
  int64_t cut_grain;       // at multiples of this
  bool uses_run;           // has the run as its first parameter
  Text body;               // statements
  KernelPointer *pointer;  // those written come first
  int pointers, written, room;
  const char **local;  // what t1, t2 and so on are called on the page, or NULL
  int locals, local_room;
  KernelConstant *constant;  // c1, c2 and so on
  Text numbers;              // all of theirs
  int constants, constant_room;
} KernelText;

// The next of t1, t2 ..., for a value that the page has a word for, or NULL: the statements of kernels that differ in
// their words alone are the same.
const char *kernel_local(KernelText *k, const char *word);
// The number as it is written, or one of c1, c2 ... if the page says something for it.
const char *kernel_constant(KernelText *k, const char *number, const char *said);

// The name of the pointer to where the operand begins, for reading and for writing. All that is written is named before
// what is only read.
const char *kernel_pointer(KernelText *k, const Operand *o);
const char *kernel_output(KernelText *k, const Operand *o, int rank, const int64_t *dim);
// Do the two operands begin at one place, in some kernel of the code?
bool kernel_may_meet(const KernelText *k, const Operand *a, const Operand *b);
// Is it at the place of another one, in some of the kernels, and one of the two written?
bool kernel_is_shared(const KernelText *k, int operand);
void kernel_size(KernelText *k, const char *name, int64_t size);
// Says that the pieces, if there are several, divide `size`, for each of the rows or in all, at multiples of `grain`:
// then the function has the parameters `begin` and `end`.
void kernel_cut(KernelText *k, int64_t size, bool each_row, int64_t grain);
// How much the pieces divide, as C: "800", "rows * 2", where `rows` says how many rows there are.
const char *kernel_all(const KernelText *k, const char *rows);
void kernel_line(KernelText *k, int depth, const char *format, ...) PRINTF_LIKE(3, 4);
bool kernel_is_word(char c);
const char *kernel_shape(Arena *a, int rank, const int64_t *dim);

void emit_kernel(KernelText *t);  // the statements
void region_emit(KernelText *t, const Kernel *k);

// A function that does the kernels of a code.
typedef struct KernelFunction KernelFunction;

typedef struct {
  KernelFunction *of;
  const char *name, *piece;  // of the function, and of the one that does it piece by piece, or NULL
  const KernelText *text;
} KernelCall;

typedef struct {
  Arena *arena;
  const Sources *sources;  // for the lines of the model, or NULL
  Names *names;
  const Plan *plan;
  KernelFunction *first;
  KernelFunction **of;  // each of the plan's codes
  int most_pointers;    // of a kernel in pieces
} KernelTable;

KernelTable *kernel_table_new(Arena *a, const Plan *p, const Sources *sources, Names *names);
// The function that does what the kernel does.
KernelCall kernel_call(KernelTable *t, const Kernel *k);
// Tells the function what a caller calls the value it hands over.
void kernel_called(const KernelCall *call, int pointer, const char *name);
void emit_functions(Text *out, const KernelTable *t);

// Comment lines: the kernel's label; "model.gm:14: the text of that line", or nothing if the place is not known.
void kernel_label(Text *out, const Kernel *k, const char *indent);
void kernel_place(Text *out, const KernelTable *t, const Kernel *k, const char *indent);

enum { LONGEST_LINE = 118 };
// Adds an item to a list whose bracket has just been opened, or is filled already, on lines that are not too long:
// `line` is where the present one begins, `column` where the next ones do.
void emit_list_item(Text *t, size_t *line, size_t column, const char *item);

#endif
