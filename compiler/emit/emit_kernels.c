// Kernels as functions of pointers; see emit.h and emit_kernels.h.
//
// Every code becomes the text of a function in which no offset stands. Operands that all its kernels have at one place
// are one pointer; where some kernels have two at one place, and write there, neither is declared `restrict`, and its
// loops say that they go element by element (IN_PLACE). Invariant: the arithmetic and its order are those of the
// executor.
#include "emit/emit_kernels.h"

#include <string.h>

bool kernel_is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// --- statements and pointers ---

void kernel_line(KernelText *k, int depth, const char *format, ...) {
  va_list list;
  va_start(list, format);
  text_add(&k->body, "%*s%s\n", 2 * depth, "", arena_vformat(k->arena, format, list));
  va_end(list);
}

void kernel_size(KernelText *k, const char *name, int64_t size) {
  text_add(&k->sizes, "%s%s = %lld", k->sizes.length ? ", " : "", name, (long long)size);
}

void kernel_cut(KernelText *k, int64_t size, bool each_row, int64_t grain) {
  k->cut = k->code->pieces > 1;
  k->cut_size = size;
  k->cut_rows = each_row;
  k->cut_grain = grain;
}

const char *kernel_all(const KernelText *k, const char *rows) {
  if (!k->cut_rows) return arena_format(k->arena, "%lld", (long long)k->cut_size);
  return k->cut_size == 1 ? rows : arena_format(k->arena, "%s * %lld", rows, (long long)k->cut_size);
}

static int operand_of(const KernelText *k, const Operand *o) { return (int)(o - k->code->kernel->operand); }

static Meet meeting(const KernelText *k, int i, int j) {
  return (Meet)k->code->meeting[i * k->code->kernel->operands + j];
}

bool kernel_may_meet(const KernelText *k, const Operand *a, const Operand *b) {
  return meeting(k, operand_of(k, a), operand_of(k, b)) != MEET_NEVER;
}

bool kernel_is_shared(const KernelText *k, int operand) {
  const Operand *o = k->code->kernel->operand;
  for (int i = 0; i < k->code->kernel->operands; i++)
    if (meeting(k, operand, i) == MEET_SOMETIMES && (o[i].write || o[operand].write)) return true;
  return false;
}

static const char *pointer_find(const KernelText *k, const Operand *o) {
  for (int i = 0; i < k->pointers; i++)
    if (meeting(k, k->pointer[i].operand, operand_of(k, o)) == MEET_ALWAYS) return k->pointer[i].name;
  return NULL;
}

static const char *pointer_add(KernelText *k, const Operand *o, const char *name, const char *shape) {
  GROW(k->arena, k->pointer, k->pointers, &k->room);
  k->pointer[k->pointers++] = (KernelPointer){operand_of(k, o), name, shape};
  return name;
}

const char *kernel_pointer(KernelText *k, const Operand *o) {
  const char *name = pointer_find(k, o);
  if (name) return name;
  int n = k->pointers - k->written;
  return pointer_add(k, o, n < 8 ? arena_format(k->arena, "%c", 'a' + n) : arena_format(k->arena, "a%d", n + 1), NULL);
}

const char *kernel_shape(Arena *a, int rank, const int64_t *dim) {
  Text t = text_new(a);
  text_add(&t, "[");
  for (int i = 0; i < rank; i++) text_add(&t, "%s%lld", i ? ", " : "", (long long)dim[i]);
  text_add(&t, "]");
  return t.data;
}

const char *kernel_output(KernelText *k, const Operand *o, int rank, const int64_t *dim) {
  const char *name = pointer_find(k, o);
  if (name) return name;
  k->written++;
  return pointer_add(k, o, k->pointers ? arena_format(k->arena, "y%d", k->pointers + 1) : "y",
                     kernel_shape(k->arena, rank, dim));
}

const char *kernel_local(KernelText *k, const char *word) {
  GROW(k->arena, k->local, k->locals, &k->local_room);
  k->local[k->locals++] = word;
  return arena_format(k->arena, "t%d", k->locals);
}

const char *kernel_constant(KernelText *k, const char *number, const char *said) {
  if (!said) return number;
  int i = 0;
  while (i < k->constants && (strcmp(k->constant[i].number, number) || strcmp(k->constant[i].said, said))) i++;
  GROW(k->arena, k->constant, k->constants, &k->constant_room);
  if (i == k->constants) {
    k->constant[k->constants++] = (KernelConstant){number, said};
    text_add(&k->numbers, "%s ", number);
  }
  return arena_format(k->arena, "c%d", i + 1);
}

// --- rows of kernels.def ---

// The shape without the axes of size 1 in front.
static const char *emit_output(KernelText *t, const Operand *o) {
  int skip = 0;
  while (skip < o->rank - 1 && o->dim[skip] == 1) skip++;
  return kernel_output(t, o, o->rank - skip, o->dim + skip);
}

// What pieces divide, and, if the rows are among it, for each of them.
static void row_cut(KernelText *t, const Kernel *k, int lead) {
  const KernelRow *row = &kernel_row[k->kind];
  const KernelSizes size = row->sizes(k->number);
  if (lead < 0) {
    kernel_cut(t, size.cut, false, size.grain);
    return;
  }
  int64_t *twice = NEW_ARRAY(t->arena, int64_t, row->numbers);
  for (int i = 0; i < row->numbers; i++) twice[i] = k->number[i] * (i == lead ? 2 : 1);
  bool each_row = row->sizes(twice).cut == 2 * size.cut;
  kernel_cut(t, each_row ? size.cut / k->number[lead] : size.cut, each_row, size.grain);
}

// A call of the function that the executor calls, handed the operands and the numbers that are not 0.
static void row_emit(KernelText *t, const Kernel *k) {
  const KernelRow *row = &kernel_row[k->kind];
  int lead = kernel_lead(row, k->number);
  row_cut(t, k, lead);
  t->uses_rows = lead >= 0;
  t->uses_run = row->with_run || k->by_blas;
  for (int i = 0; i < k->operands; i++)
    if (k->operand[i].write) emit_output(t, &k->operand[i]);
  Text *out = &t->body;
  size_t line = out->length;
  text_add(out, "  const %s k = {", row->type);
  size_t column = out->length - line;
  for (int i = 0; i < k->operands; i++)
    emit_list_item(out, &line, column,
                   arena_format(t->arena, ".%s = %s", row->operand[i], kernel_pointer(t, &k->operand[i])));
  for (int i = 0; i < row->numbers; i++)
    if (k->number[i])
      emit_list_item(
          out, &line, column,
          arena_format(t->arena, i == lead ? ".%s = rows" : ".%s = %lld", row->number[i], (long long)k->number[i]));
  text_add(out, "};\n");
  const char *begins = k->by_blas ? "blas(run->blas, " : row->with_run ? "piece(run, " : "piece(";
  kernel_line(t, 1, "%s_%s&k, %s, %s);", row->name, begins, t->cut ? "begin" : "0",
              t->cut ? "end" : kernel_all(t, "rows"));
}

// Of loops the calls of their kernels are printed, in a loop.
static void loop_emit(KernelText *t, const Kernel *k) {
  fail(t->arena, EXIT_SOFTWARE, "emit: %s is no function", kernel_text(t->arena, k));
}

void emit_kernel(KernelText *t) {
  const Kernel *k = t->code->kernel;
  static void (*const emit[])(KernelText *, const Kernel *) = {
#define MACHINE(ID, name, ...) name##_emit,
#define KERNEL(...)            row_emit,
#include "engine/kernels.def"
  };
  for (int i = 0; i < k->operands; i++) t->in_place = t->in_place || kernel_is_shared(t, i);
  emit[k->kind](t, k);
}
