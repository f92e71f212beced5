// Lowering: groups become steps, kernels whose offsets count from the beginning of buffers.
//
// Stands after fusion and the choice of places, before the order and the offsets are fixed. Here are the kernels of
// single nodes; lower_region.c makes those of regions.
// Invariant: a step says of each of its operands which buffer it belongs to and whether it is written; all that follows
// rests on this and knows nothing of kernels.
#include <math.h>

#include "engine/gemm.h"
#include "engine/kernel_pieces.h"
#include "graph/half.h"
#include "plan/planner.h"

enum { MAX_PIECES = 16, MIN_WIDTH = 96 };

// Work divided by the unit, an even number unless it is one, at most the limit.
int even_pieces(double work, double unit, int64_t limit) {
  double pieces = floor(work / unit + 0.5);
  if (pieces > MAX_PIECES) pieces = MAX_PIECES;
  if (pieces > (double)limit) pieces = (double)limit;
  int n = (int)pieces;
  return n < 2 ? 1 : n - n % 2;
}

// The place in the model that a step answers for: of its last node that the user wrote, else of its last.
static void set_origin(const Layout *l, Kernel *k, Node *const *result, int results) {
  const SourceText *best = NULL;
  for (int i = results - 1; l->sources && i >= 0; i--) {
    Span s = result[i]->span;
    const SourceText *text = s.file >= 0 ? sources_text(l->sources, s.file) : NULL;
    if (!text || (best && text->library)) continue;
    if (best && !best->library) return;
    best = text;
    k->file = text->name;
    k->line = span_line(l->sources, s);
  }
}

Step *step_new(Layout *l, Node *const *result, int results) {
  GROW(l->scratch, l->step, l->steps, &l->step_room);
  Step *s = NEW(l->scratch, Step);
  s->kernel.section = result[0]->section;
  for (int i = 1; i < results; i++)
    if (section_order(result[i]->section, s->kernel.section) < 0) s->kernel.section = result[i]->section;
  set_origin(l, &s->kernel, result, results);
  return l->step[l->steps++] = s;
}

void step_kernel(const Layout *l, Step *s, Kernel k, int *buffer) {
  k.file = s->kernel.file, k.line = s->kernel.line;
  k.section = s->kernel.section;
  for (int i = 0; i < k.operands; i++) k.operand[i].name = arena_format(l->arena, "%s", l->buffer[buffer[i]].name);
  *s = (Step){.kernel = k, .buffer = buffer};
}

// The leading axis begins with the batch; an input that is reduced has its examples there too.
void step_by_example(const Layout *l, Step *s, Node *const *result, int results) {
  int64_t blocks = kernel_blocks(&s->kernel);
  if (l->examples.batch < 2 || blocks % l->examples.batch != 0) return;
  for (int i = 0; i < results; i++) {
    const Node *n = result[i];
    bool reduces = op_class(n->op) == REDUCTION;
    if (l->examples.blocks[n->id] != 1 || (reduces && l->examples.blocks[n->in[0]->id] != 1)) return;
  }
  s->kernel.per_example = blocks / l->examples.batch;
}

// ---- rows of kernels.def: a step from places and numbers by their names

#define READ(name, ...) Place name;
#define WRITE           READ
#define READ_STRIDED    READ
#define WRITE_STRIDED   READ
#define NUMBER(name)    int64_t name;
#define CHOICE          NUMBER
#define MACHINE(...)
#define KERNEL(ID, Type, name, verb, handed, operands, numbers, ...) \
  typedef struct {                                                   \
    operands numbers                                                 \
  } Type##Row;
#include "engine/kernels.def"
#undef READ
#undef NUMBER

static void set_row(Layout *l, Step *s, KernelKind kind, const Place *place, const int64_t *number) {
  const KernelRow *row = &kernel_row[kind];
  int64_t *at = NEW_ARRAY(l->scratch, int64_t, row->operands);
  int *buffer = NEW_ARRAY(l->scratch, int, row->operands);
  for (int i = 0; i < row->operands; i++) at[i] = place[i].view.at, buffer[i] = place[i].buffer;
  Kernel k = kernel_new(l->arena, kind, at, number);
  const KernelSizes size = row->sizes(number);
  k.pieces = even_pieces((double)size.work, 50e3, size.cut / size.grain);
  step_kernel(l, s, k, buffer);
}

#define READ(name, ...) row.name,
#define NUMBER(name)    row.name,
#define MACHINE(...)
#define KERNEL(ID, Type, name, verb, handed, operands, numbers, ...)         \
  static void set_##name(Layout *l, Step *s, Type##Row row) {                \
    set_row(l, s, KERNEL_##ID, (Place[]){operands}, (int64_t[]){numbers 0}); \
  }
#include "engine/kernels.def"
#undef READ
#undef WRITE
#undef READ_STRIDED
#undef WRITE_STRIDED
#undef NUMBER

// ---- matrix products

// A matrix as gemm wants it: one of its axes dense.
typedef struct {
  Place place;
  bool transpose;
  int64_t ld, step;
} Matrix;

static bool is_dense(int64_t stride, int64_t size) { return stride == 1 || size == 1; }

static bool find_dense(Matrix *m, int64_t rows, int64_t columns, int row, int column) {
  int64_t down = m->place.view.stride[row], across = m->place.view.stride[column];
  if (is_dense(across, columns) && (down >= columns || rows == 1)) {
    m->transpose = false;
    m->ld = rows == 1 ? columns : down;
    return true;
  }
  if (!is_dense(down, rows) || (across < rows && columns > 1)) return false;
  m->transpose = true;
  m->ld = columns == 1 ? rows : across;
  return true;
}

// Operand n as a matrix of rows x columns; `flipped`: it is stored as columns x rows.
static Matrix matrix_of(Layout *l, Node *n, int64_t rows, int64_t columns, bool flipped) {
  int rank = n->shape.rank, row = rank - (flipped ? 1 : 2), column = rank - (flipped ? 2 : 1);
  Matrix m = {.place = place_of(l, n)};
  if (!find_dense(&m, rows, columns, row, column)) {
    m.place = rows_of(l, n);
    find_dense(&m, rows, columns, row, column);
  }
  m.step = rank == 3 ? m.place.view.stride[0] : 0;
  return m;
}

// A stack of products with one right factor is one product of a taller matrix.
static void flatten_batch(MatmulRow *g) {
  bool even = !g->half && g->step_b == 0 && !g->transpose_a && g->step_a == g->m * g->lda && g->step_c == g->m * g->ldc;
  if (g->batch == 1 || !even) return;
  g->m *= g->batch;
  g->batch = 1;
  g->step_a = g->step_c = 0;
}

// Pieces narrower than MIN_WIDTH spend too much on packing, two halves little: all but the smallest products are cut in
// two, larger ones into pieces of about PIECE_FLOPS.
static int cut_matmul(MatmulRow *g) {
  enum { LEAST_CUT = 128, LEAST_FLOPS = 1500000, PIECE_FLOPS = 30000000 };
  double flops = 2.0 * (double)g->batch * (double)g->m * (double)g->n * (double)g->k;
  g->cut = g->batch >= MAX_PIECES ? CUT_BATCH : g->m >= g->n ? CUT_ROWS : CUT_COLUMNS;
  bool batch = g->cut == CUT_BATCH;
  int64_t size = batch ? g->batch : g->cut == CUT_ROWS ? g->m : g->n, limit = batch ? size : size / MIN_WIDTH;
  int most = even_pieces(flops, PIECE_FLOPS, limit), pieces = flops >= LEAST_FLOPS && size >= LEAST_CUT ? 2 : 1;
  while (2 * pieces <= most) pieces *= 2;
  return pieces;
}

static GemmHalf half_of(const Node *n) {
  if (product_is_symmetric(n)) return GEMM_MIRRORED;
  bool flip = n->attr.flag & 1;
  if (is_triangle(n->in[0], flip)) return GEMM_LOWER;
  return is_triangle(n->in[0], !flip) ? GEMM_UPPER : GEMM_WHOLE;
}

static void lower_matmul(Layout *l, Step *s, Node *n) {
  int rank = n->shape.rank;
  const Shape *left = &n->in[0]->shape;
  bool flip_a = n->attr.flag & 1, flip_b = n->attr.flag & 2;
  MatmulRow g = {.c = place_of(l, n)};
  g.batch = rank == 3 ? n->shape.dim[0] : 1;
  g.m = n->shape.dim[rank - 2], g.n = n->shape.dim[rank - 1], g.k = left->dim[rank - (flip_a ? 2 : 1)];
  Matrix a = matrix_of(l, n->in[0], g.m, g.k, flip_a), b = matrix_of(l, n->in[1], g.k, g.n, flip_b);
  g.a = a.place, g.transpose_a = a.transpose, g.lda = a.ld, g.step_a = a.step;
  g.b = b.place, g.transpose_b = b.transpose, g.ldb = b.ld, g.step_b = b.step;
  g.ldc = g.m == 1 ? g.n : g.c.view.stride[rank - 2];
  g.step_c = rank == 3 ? g.c.view.stride[0] : 0;
  g.half = half_of(n);
  flatten_batch(&g);
  int pieces = cut_matmul(&g);
  set_matmul(l, s, g);
  s->kernel.pieces = pieces;
}

// ---- other kernels of single nodes

static int64_t count_from(const Shape *s, int axis) {
  int64_t n = 1;
  for (int i = axis; i < s->rank; i++) n *= s->dim[i];
  return n;
}

static void lower_random(Layout *l, Step *s, Node *n) {
  int64_t rows = n->attr.flag == RANDOM_ONCE || n->shape.rank == 0 ? 1 : n->shape.dim[0];
  int64_t step[MAX_LOOPS] = {0};
  for (int i = 0; i < l->depth; i++) step[i] = n->attr.a[l->depth - 1 - i];
  set_random(l, s,
             (RandomRow){.out = place_of(l, n),
                         .rows = rows,
                         .count = shape_count(n->shape) / rows,
                         .stream = (uint32_t)n->attr.id,
                         .address = n->attr.flag,
                         .step_0 = step[0],
                         .step_1 = step[1],
                         .step_2 = step[2],
                         .step_3 = step[3]});
}

static void lower_iota(Layout *l, Step *s, Node *n) {
  int axis = (int)n->attr.a[0];
  int64_t length = n->shape.dim[axis], inner = count_from(&n->shape, axis + 1);
  set_iota(l, s, (IotaRow){place_of(l, n), shape_count(n->shape) / (length * inner), length, inner});
}

static void lower_gather(Layout *l, Step *s, Node *n) {
  GatherRow k = {.rows = n->in[0]->shape.dim[0],
                 .indices = shape_count(n->in[1]->shape),
                 .width = count_from(&n->in[0]->shape, 1)};
  k.table = rows_of(l, n->in[0]);
  k.index = rows_of(l, n->in[1]);
  k.out = place_of(l, n);
  set_gather(l, s, k);
}

static void lower_scatter(Layout *l, Step *s, Node *n) {
  ScatterRow k = {.rows = n->attr.a[0], .indices = shape_count(n->in[1]->shape)};
  k.width = shape_count(n->in[0]->shape) / k.indices;
  k.values = rows_of(l, n->in[0]);
  k.index = rows_of(l, n->in[1]);
  k.out = place_of(l, n);
  set_scatter(l, s, k);
}

static void lower_cumsum(Layout *l, Step *s, Node *n) {
  int axis = (int)n->attr.a[0];
  CumsumRow k = {.length = n->shape.dim[axis], .inner = count_from(&n->shape, axis + 1), .from_end = n->attr.flag & 1};
  k.outer = shape_count(n->shape) / (k.length * k.inner);
  k.in = rows_of(l, n->in[0]);
  k.out = place_of(l, n);
  set_cumsum(l, s, k);
}

// Square matrices, each row after row; *step: from one to the next, 0 where one stands for all.
static Place squares_of(Layout *l, Node *n, int64_t *step) {
  int rank = n->shape.rank;
  int64_t size = n->shape.dim[rank - 1];
  Place p = place_of(l, n);
  bool rows = size == 1 || (p.view.stride[rank - 1] == 1 && p.view.stride[rank - 2] == size);
  if (!rows) p = rows_of(l, n);
  *step = rank == 3 ? p.view.stride[0] : 0;
  return p;
}

static void lower_cholesky(Layout *l, Step *s, Node *n) {
  CholeskyRow k = {.n = n->shape.dim[n->shape.rank - 1]};
  k.batch = shape_count(n->shape) / (k.n * k.n);
  k.a = squares_of(l, n->in[0], &k.step);
  k.out = place_of(l, n);
  set_cholesky(l, s, k);
}

static void lower_solve(Layout *l, Step *s, Node *n) {
  SolveRow k = {.n = n->shape.dim[n->shape.rank - 2], .m = n->shape.dim[n->shape.rank - 1]};
  k.batch = shape_count(n->shape) / (k.n * k.m);
  k.transposed = n->attr.flag & 1;
  k.l = squares_of(l, n->in[0], &k.step);
  k.b = rows_of(l, n->in[1]);
  k.out = place_of(l, n);
  set_solve(l, s, k);
}

static void lower_nearest(Layout *l, Step *s, Node *n) {
  NearestRow k = {.rows = n->shape.dim[0], .count = n->shape.dim[1], .column = n->attr.id, .place = n->attr.flag};
  k.s = rows_of(l, n->in[0]);
  k.examples = rows_of(l, n->in[1]);
  k.out = place_of(l, n);
  set_nearest(l, s, k);
}

// Small ones by whole rows of tiles are not worth a barrier; larger ones are cut as products are.
static int conv_pieces(const int64_t *number, KernelKind kind) {
  enum { LEAST_FLOPS = 1500000, PIECE_FLOPS = 30000000 };
  const KernelSizes size = kernel_row[kind].sizes(number);
  int most = even_pieces(size.flops, PIECE_FLOPS, size.cut), pieces = size.flops >= LEAST_FLOPS && size.cut > 1 ? 2 : 1;
  while (2 * pieces <= most) pieces *= 2;
  return pieces;
}

// The numbers of a convolution of x by w that gives y, in the terms of a row.
#define CONV_SHAPES(X, W, Y)                                                                                        \
  .batch = (X).dim[0], .height = (X).dim[1], .width = (X).dim[2], .channels = (X).dim[3], .out_height = (Y).dim[1], \
  .out_width = (Y).dim[2], .filters = (Y).dim[3], .taps_y = (W).dim[0], .taps_x = (W).dim[1],                       \
  .stride_y = n->attr.a[0], .stride_x = n->attr.a[1], .dilation_y = n->attr.a[2], .dilation_x = n->attr.a[3],       \
  .groups = n->attr.a[4], .dead = n->attr.a[5], .pad_y = n->attr.b[0], .pad_x = n->attr.b[2]

static void lower_conv(Layout *l, Step *s, Node *n) {
  ConvRow k = {CONV_SHAPES(n->in[0]->shape, n->in[1]->shape, n->shape)};
  k.x = rows_of(l, n->in[0]);
  k.w = rows_of(l, n->in[1]);
  k.y = place_of(l, n);
  set_conv(l, s, k);
  s->kernel.pieces = conv_pieces(s->kernel.number, KERNEL_CONV);
}

static void lower_conv_input(Layout *l, Step *s, Node *n) {
  ConvInputRow k = {CONV_SHAPES(n->shape, n->in[1]->shape, n->in[0]->shape)};
  k.d = rows_of(l, n->in[0]);
  k.w = rows_of(l, n->in[1]);
  k.x = place_of(l, n);
  set_conv_input(l, s, k);
  s->kernel.pieces = conv_pieces(s->kernel.number, KERNEL_CONV_INPUT);
}

static void lower_conv_weight(Layout *l, Step *s, Node *n) {
  ConvWeightRow k = {CONV_SHAPES(n->in[0]->shape, n->shape, n->in[1]->shape)};
  k.x = rows_of(l, n->in[0]);
  k.d = rows_of(l, n->in[1]);
  k.w = place_of(l, n);
  set_conv_weight(l, s, k);
  s->kernel.pieces = conv_pieces(s->kernel.number, KERNEL_CONV_WEIGHT);
}

static const struct {
  void (*lower)(Layout *l, Step *s, Node *n);
  const KernelRow *row;
} own_kernel[OP_COUNT] = {
#define MACHINE(...)
#define KERNEL(ID, Type, name, ...) [OP_##ID] = {lower_##name, &kernel_row[KERNEL_##ID]},
#include "engine/kernels.def"
};

const KernelRow *kernel_of(Op op) { return own_kernel[op].row; }

static void lower_node(Layout *l, Node *n) {
  if (!own_kernel[n->op].row) fail(l->arena, EXIT_SOFTWARE, "planner: %s has no kernel", op_name(n->op));
  Step *s = step_new(l, &n, 1);
  own_kernel[n->op].lower(l, s, n);
  for (int i = 0; i < s->kernel.operands; i++)
    if (s->kernel.operand[i].write) s->kernel.operand[i].formula = formula_of(l, n);
  step_by_example(l, s, &n, 1);
}

// ---- all steps

static bool is_replaced(const Layout *l, int buffer) {
  for (int i = 0; i < l->program->assigns; i++) {
    if (l->buffer[buffer].tensor == l->program->assign[i].target->attr.id) return l->buffer[buffer].over < 0;
  }
  return false;
}

// A tensor's old value on its way to another tensor goes through a buffer of its own: two may change places.
static void lower_late_copy(Layout *l, const Copy *c) {
  Node *n = c->from;
  bool weight = l->fusion->owner[n->id]->op == OP_WEIGHT;
  if (weight && l->buffer[c->to.buffer].tensor >= 0 && is_replaced(l, place_of(l, n).buffer)) {
    Place between = place_rows(l, n->shape, arena_format(l->arena, "%s_before", name_of(l, n)));
    lower_copy(l, n, between);
    l->place[n->id] = between;
  }
  lower_copy(l, n, c->to);
}

// What a loop stacks lies outside: in a buffer of its own, which it fills and that nothing else has a part in.
static bool is_shared(const Layout *l, int buffer, const Node *n) {
  const Buffer *b = &l->buffer[buffer];
  return b->tensor >= 0 || b->input >= 0 || b->within >= 0 || b->over >= 0 || b->keep ||
         b->count != shape_count(n->shape);
}

static void lower_output(Layout *l, int i) {
  Node *n = l->program->output[i].value;
  Place p = place_of(l, n);
  bool own = l->depth ? !is_shared(l, p.buffer, n) : !is_replaced(l, p.buffer);
  if (!view_is_rows(&p.view, n->shape) || !own) {
    const char *stacked = arena_format(l->arena, "%s_stacked", name_of(l, n));
    p = place_rows(l, n->shape, l->depth ? stacked : l->program->output[i].name);
    lower_copy(l, n, p);
  }
  l->buffer[p.buffer].keep = true;
  l->output[i] = p;
}

static int *unknown(Arena *a, int n) {
  int *list = NEW_ARRAY(a, int, n + 1);
  for (int i = 0; i < n; i++) list[i] = -1;
  return list;
}

static Layout *layout_new(Arena *arena, Arena *scratch, const Sources *sources, const GraphProgram *p, int depth) {
  const Graph *g = p->graph;
  Layout *l = NEW(scratch, Layout);
  *l = (Layout){.depth = depth, .arena = arena, .scratch = scratch, .sources = sources, .program = p};
  l->fusion = fuse(scratch, p);
  l->name = value_names(scratch, l->fusion, depth == 0);
  l->place = NEW_ARRAY(scratch, Place, g->count + 1);
  l->rows = NEW_ARRAY(scratch, Place, g->count + 1);
  for (int i = 0; i < g->count; i++) l->place[i].buffer = l->rows[i].buffer = -1;
  l->target = NEW_ARRAY(scratch, Target *, g->count + 1);
  l->turns = NEW_ARRAY(scratch, int *, g->count + 1);
  l->tensor = unknown(scratch, g->tensors);
  l->input = unknown(scratch, g->inputs);
  l->output = NEW_ARRAY(scratch, Place, p->outputs + 1);
  return l;
}

Layout *lower(Arena *arena, Arena *scratch, const Sources *sources, const GraphProgram *p, Examples examples,
              int depth) {
  Layout *l = layout_new(arena, scratch, sources, p, depth);
  l->examples = examples;
  store_values(l);
  for (int i = 0; i < l->fusion->groups; i++) {
    const Group *g = &l->fusion->group[i];
    if (g->into != i) continue;
    if (g->kind == GROUP_REGION) lower_region(l, g);
    if (g->kind == GROUP_KERNEL && g->node[0]->op == OP_LOOP)
      lower_loop(l, g->node[0]);
    else if (g->kind == GROUP_KERNEL)
      lower_node(l, g->node[0]);
  }
  for (const Copy *c = l->copies; c; c = c->next) lower_late_copy(l, c);
  for (int i = 0; i < p->outputs; i++) lower_output(l, i);
  return l;
}
