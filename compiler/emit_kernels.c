// Kernels as functions of pointers; see emit.h and emit_kernels.h.
//
// Every kernel becomes the text of a function in which no offset stands; kernels whose texts are equal share one
// function. Invariant: the arithmetic, its order are those of runtime/exec.c.
#include "emit_kernels.h"

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

void kernel_cut(KernelText *k, int64_t size) {
  k->cut = k->pieces > 1;
  k->cut_size = size;
}

static const char *pointer_find(const KernelText *k, int64_t at) {
  for (int i = 0; i < k->pointers; i++)
    if (k->pointer[i].at == at) return k->pointer[i].name;
  return NULL;
}

static const char *pointer_add(KernelText *k, int64_t at, const char *name, const char *shape) {
  if (k->pointers == k->room) {
    k->room = 2 * k->room + 8;
    KernelPointer *more = NEW_ARRAY(k->arena, KernelPointer, k->room);
    for (int i = 0; i < k->pointers; i++) more[i] = k->pointer[i];
    k->pointer = more;
  }
  k->pointer[k->pointers++] = (KernelPointer){at, name, shape};
  return name;
}

const char *kernel_pointer(KernelText *k, int64_t at) {
  const char *name = pointer_find(k, at);
  if (name) return name;
  int n = k->pointers - k->written;
  return pointer_add(k, at, n < 8 ? arena_format(k->arena, "%c", 'a' + n) : arena_format(k->arena, "a%d", n + 1), NULL);
}

const char *kernel_shape(Arena *a, int rank, const int64_t *dim) {
  Text t = text_new(a);
  text_add(&t, "[");
  for (int i = 0; i < rank; i++) text_add(&t, "%s%lld", i ? ", " : "", (long long)dim[i]);
  text_add(&t, "]");
  return t.data;
}

const char *kernel_output(KernelText *k, int64_t at, int rank, const int64_t *dim) {
  const char *name = pointer_find(k, at);
  if (name) return name;
  k->written++;
  return pointer_add(k, at, k->pointers ? arena_format(k->arena, "y%d", k->pointers + 1) : "y",
                     kernel_shape(k->arena, rank, dim));
}

// --- the kinds ---

// "+ begin", "+ begin * LDA": how far into a matrix a piece begins, or nothing.
static const char *gemm_from(const KernelText *k, bool cut, bool by_rows, const char *stride) {
  if (!cut) return "";
  return by_rows ? arena_format(k->arena, " + begin * %s", stride) : " + begin";
}

// A leading dimension, by the name of the size that it is if it is one.
static const char *gemm_stride(const KernelText *k, int64_t stride, int64_t size, const char *name) {
  return stride == size ? name : arena_format(k->arena, "%lld", (long long)stride);
}

static void emit_gemm(KernelText *k, const Gemm *g) {
  const int64_t shape[] = {g->batch, g->m, g->n};
  const char *c = kernel_output(k, g->c, g->batch > 1 ? 3 : 2, g->batch > 1 ? shape : shape + 1);
  const char *a = kernel_pointer(k, g->a), *b = kernel_pointer(k, g->b);
  kernel_cut(k, g->cut == 0 ? g->m : g->cut == 1 ? g->n : g->batch);
  k->cut_tiles = g->cut != 2;
  if (g->batch > 1) kernel_size(k, "BATCH", g->batch);
  kernel_size(k, "M", g->m);
  kernel_size(k, "N", g->n);
  kernel_size(k, "K", g->k);
  bool rows = k->cut && g->cut == 0, columns = k->cut && g->cut == 1, batch = g->batch > 1;
  const char *lda = gemm_stride(k, g->lda, g->transpose_a ? g->m : g->k, g->transpose_a ? "M" : "K");
  const char *ldb = gemm_stride(k, g->ldb, g->transpose_b ? g->k : g->n, g->transpose_b ? "K" : "N");
  const char *ldc = gemm_stride(k, g->ldc, g->n, "N");
  const char *from_a = gemm_from(k, rows, !g->transpose_a, lda), *from_b = gemm_from(k, columns, g->transpose_b, ldb);
  const char *from_c = gemm_from(k, rows || columns, rows, ldc);
  int depth = 1;
  if (batch) {
    bool cut = k->cut && g->cut == 2;
    kernel_line(k, depth++, "for (int64_t i = %s; i < %s; i++)", cut ? "begin" : "0", cut ? "end" : "BATCH");
    from_a = arena_format(k->arena, " + i * %lld%s", (long long)g->step_a, from_a);
    from_b = arena_format(k->arena, " + i * %lld%s", (long long)g->step_b, from_b);
    from_c = arena_format(k->arena, " + i * %lld%s", (long long)g->step_c, from_c);
  }
  kernel_line(k, depth, "gemm(%s, %s, %s, %s, K, %s%s, %s, %s%s, %s, %s%s, %s);", g->transpose_a ? "true" : "false",
              g->transpose_b ? "true" : "false", rows ? "end - begin" : "M", columns ? "end - begin" : "N", a, from_a,
              lda, b, from_b, ldb, c, from_c, ldc);
}

static void emit_random(KernelText *k, const Random *r) {
  const char *y = kernel_output(k, r->at, 2, (const int64_t[]){r->rows, r->count});
  static const char *const address[] = {"RANDOM_STEP", "RANDOM_EXAMPLE", "RANDOM_ONCE"};
  k->uses_run = true;
  kernel_size(k, "ROWS", r->rows);
  kernel_size(k, "COUNT", r->count);
  kernel_cut(k, r->rows);
  kernel_line(k, 1, "random_rows(run, %s, %u, %s, COUNT, %s, %s);", address[r->address], r->stream, y,
              k->cut ? "begin" : "0", k->cut ? "end" : "ROWS");
}

// In each row of the table as many columns as the piece has, or all.
static void emit_gather(KernelText *k, const Gather *g) {
  const char *y = kernel_output(k, g->out, 2, (const int64_t[]){g->indices, g->width}),
             *table = kernel_pointer(k, g->table), *index = kernel_pointer(k, g->index);
  kernel_size(k, "ROWS", g->rows);
  kernel_size(k, "INDICES", g->indices);
  kernel_size(k, "WIDTH", g->width);
  kernel_cut(k, g->indices);
  kernel_line(k, 1, "for (int64_t i = %s; i < %s; i++) {", k->cut ? "begin" : "0", k->cut ? "end" : "INDICES");
  kernel_line(k, 2, "const int64_t row = index_row(%s[i], ROWS);", index);
  kernel_line(k, 2, "for (int64_t j = 0; j < WIDTH; j++) %s[i * WIDTH + j] = %s[row * WIDTH + j];", y, table);
  kernel_line(k, 1, "}");
}

static void emit_scatter(KernelText *k, const Scatter *s) {
  const char *y = kernel_output(k, s->out, 2, (const int64_t[]){s->rows, s->width}),
             *values = kernel_pointer(k, s->values), *index = kernel_pointer(k, s->index);
  kernel_size(k, "ROWS", s->rows);
  kernel_size(k, "INDICES", s->indices);
  kernel_size(k, "WIDTH", s->width);
  kernel_cut(k, s->width);
  const char *from = k->cut ? "begin" : "0", *to = k->cut ? "end" : "WIDTH";
  kernel_line(k, 1, "for (int64_t i = 0; i < ROWS; i++)");
  kernel_line(k, 2, "for (int64_t j = %s; j < %s; j++) %s[i * WIDTH + j] = 0.0f;", from, to, y);
  kernel_line(k, 1, "for (int64_t i = 0; i < INDICES; i++) {");
  kernel_line(k, 2, "const int64_t row = index_row(%s[i], ROWS);", index);
  kernel_line(k, 2, "for (int64_t j = %s; j < %s; j++) %s[row * WIDTH + j] += %s[i * WIDTH + j];", from, to, y, values);
  kernel_line(k, 1, "}");
}

static void emit_cumsum(KernelText *k, const Cumsum *c) {
  const char *y = kernel_output(k, c->out, 3, (const int64_t[]){c->outer, c->length, c->inner}),
             *x = kernel_pointer(k, c->in);
  kernel_size(k, "OUTER", c->outer);
  kernel_size(k, "LENGTH", c->length);
  kernel_size(k, "INNER", c->inner);
  kernel_cut(k, c->outer);
  kernel_line(k, 1, "for (int64_t i = %s; i < %s; i++)", k->cut ? "begin" : "0", k->cut ? "end" : "OUTER");
  kernel_line(k, 2, "for (int64_t j = 0; j < INNER; j++)");
  kernel_line(k, 3, "cumsum_line(%s + i * LENGTH * INNER + j, %s + i * LENGTH * INNER + j, LENGTH, INNER, %s);", y, x,
              c->from_end ? "true" : "false");
}

static void emit_iota(KernelText *k, const Iota *c) {
  const char *y = kernel_output(k, c->at, 3, (const int64_t[]){c->outer, c->length, c->inner});
  kernel_size(k, "OUTER", c->outer);
  kernel_size(k, "LENGTH", c->length);
  kernel_size(k, "INNER", c->inner);
  kernel_cut(k, c->outer);
  kernel_line(k, 1, "for (int64_t i = %s; i < %s; i++)", k->cut ? "begin" : "0", k->cut ? "end" : "OUTER");
  kernel_line(k, 2, "for (int64_t j = 0; j < LENGTH; j++)");
  kernel_line(k, 3, "for (int64_t k = 0; k < INNER; k++) %s[(i * LENGTH + j) * INNER + k] = (float)j;", y);
}

const char *kernel_verb(KernelKind kind) {
  switch (kind) {
    case KERNEL_REGION: return "compute_";
    case KERNEL_GEMM: return "multiply_";
    case KERNEL_RANDOM: return "draw_";
    case KERNEL_GATHER: return "gather_";
    case KERNEL_SCATTER: return "scatter_";
    case KERNEL_CUMSUM: return "cumsum_";
    case KERNEL_IOTA: return "index_";
  }
  return "";
}

void emit_kernel(KernelText *t, const Kernel *k) {
  switch (k->kind) {
    case KERNEL_REGION: emit_region(t, &k->region); break;
    case KERNEL_GEMM: emit_gemm(t, &k->gemm); break;
    case KERNEL_RANDOM: emit_random(t, &k->random); break;
    case KERNEL_GATHER: emit_gather(t, &k->gather); break;
    case KERNEL_SCATTER: emit_scatter(t, &k->scatter); break;
    case KERNEL_CUMSUM: emit_cumsum(t, &k->cumsum); break;
    case KERNEL_IOTA: emit_iota(t, &k->iota); break;
  }
}
