// Columns seen along principal axes, `|> principal(50)`. Part of the elaborator.
//
// The coordinates are no part of the graph: they are made once, as the files are read, so that a step costs what it
// would for a table of them.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

#include "core/inflate.h"
#include "formats/idx.h"
#include "formats/npy.h"

enum { MOST_VALUES = 4096, HEAD = 16384 };  // an example's, for the covariance is a square; bytes of a file's header

bool is_principal(const Elab *e, const Ast *stage) {
  const Ast *callee = stage->kind == AST_CALL ? stage->a : stage;
  return callee->kind == AST_NAME && !strcmp(callee->name, "principal") && !find_decl(e, callee->name);
}

// `principal(50)`, `principal(x, 50, of: [28, 28])`.
bool declare_principal(Elab *e, const DataSet *set, const Ast *stage) {
  bool call = stage->kind == AST_CALL && !stage->c;
  Stage s = {.callee = call ? stage->a : stage, .arguments = call ? stage->b : NULL, .span = stage->span};
  if (!aim_stage(e, set, &s)) return false;
  const Ast *number = s.arguments, *of = number ? number->next : NULL;
  bool sound = number && number->kind == AST_ARGUMENT && !number->name;
  if (of) sound = sound && of->kind == AST_ARGUMENT && of->name && !strcmp(of->name, "of") && !of->next;
  if (!sound) return complain(e, E0688, stage->span), false;
  double n = eval_number(e, e->global, number->a, "a number of axes");
  if (isnan(n)) return false;
  if (!(n >= 1 && n <= MOST_VALUES && floor(n) == n))
    return complain(e, E0689, number->span, n, "a whole number from 1 is needed"), false;
  for (int i = 0; i < e->columns; i++) {
    Column *c = &e->column[i];
    if (!(s.columns >> i & 1)) continue;
    if (c->principal || first_stage(e, i)) return complain(e, E0688, stage->span), false;
    if (c->missing) return complain(e, E0727, stage->span, c->name), false;
    c->principal = (int64_t)n;
    c->of = of ? of->a : NULL;
    c->turned = stage->span;
  }
  return true;
}

// What the header of the column's file says of an example.
static bool shape_in_file(Elab *e, const Column *c, int file) {
  const DataSource *s = e->set[c->set].source;
  bool idx = s->format == DATA_IDX, known = (idx || s->format == DATA_NPY) && file < s->files;
  if (!known) return complain(e, E0690, c->turned, c->name), false;
  Arena *scratch = arena_open(e->arena);
  const char *where = sources_text(e->sources, c->turned.file)->name, *path = s->train[file];
  Bytes bytes = file_head(
      scratch, path, 4 * HEAD,  // deflated, it may be longer
      arena_format(scratch, "whose shape `principal` asks for, %s:%d", where, span_line(e->sources, c->turned)));
  if (gunzip_is(bytes.data, bytes.size)) {
    uint8_t *head = arena_alloc(scratch, HEAD, 1);
    bytes = (Bytes){head, gunzip_head(bytes.data, bytes.size, head, HEAD)};
  }
  size_t size;
  Stored stored = (idx ? idx_header : npy_header)(scratch, path, bytes.data, bytes.size, &size);
  int rank = stored.rank > 0 ? stored.rank - 1 : 0;
  e->column[c - e->column].stored = shape_of(rank, stored.dim + 1);
  arena_close(scratch);
  return true;
}

bool principal_shape(Elab *e, int column) {
  Column *c = &e->column[column];
  const DataSet *set = &e->set[c->set];
  if (set->source->format == DATA_GENERATED) return complain(e, E0688, c->turned), false;
  if (c->of ? !eval_dims(e, e->global, c->of->kind == AST_LIST ? c->of->a : c->of, &c->stored)
            : !shape_in_file(e, c, column - set->first))
    return false;
  int64_t count = 1;
  for (int i = 0; i < c->stored.rank; i++) count *= count > MOST_VALUES ? 1 : c->stored.dim[i];
  const char *many = arena_format(e->arena, "an example of the files has %s, and axes are found of up to %d numbers",
                                  shape_text(e->arena, c->stored), MOST_VALUES),
             *few = arena_format(e->arena, "an example of the files has %lld numbers", (long long)count);
  if (count <= MOST_VALUES && c->principal <= count) return true;
  return complain(e, E0689, c->turned, (double)c->principal, count > MOST_VALUES ? many : few), false;
}

Shape input_shape(const Elab *e, int column) {
  const Column *c = &e->column[column];
  return c->principal ? shape_of(1, &c->principal) : c->shape;
}

// The mean, [count], or the axes, [principal, count].
static Node *kept(Elab *e, int column, TensorStatistic which) {
  const Column *c = &e->column[column];
  int64_t dim[] = {c->principal, shape_count(c->stored)};
  bool axes = which == STATISTIC_AXES;
  const char *path = arena_format(e->arena, "data/%s/%s", c->name, axes ? "axes" : "centre");
  Shape shape = axes ? shape_of(2, dim) : shape_of(1, dim + 1);
  int t = tensor_declare(e, path, "data", TENSOR_STATE, shape, c->span, (TensorStart){.scope = e->global});
  e->model->tensor[t].statistic = which;
  e->model->tensor[t].column = column;
  return tensor_value(e, t);
}

void keep_axes(Elab *e, int column) {
  kept(e, column, STATISTIC_CENTRE);
  kept(e, column, STATISTIC_AXES);
}

Value along_axes(Elab *e, int column, Value v, bool back, Span where) {
  const Column *c = &e->column[column];
  Shape from = back ? input_shape(e, column) : c->stored, to = back ? c->stored : input_shape(e, column),
        own = event_shape(&v);
  if (!shape_equal(own, from)) {
    complain(e, E0612, where, c->name, shape_text(e->arena, from), shape_text(e->arena, own));
    return value_error();
  }
  int64_t many = shape_count(from);
  Value mean = value_tensor(kept(e, column, STATISTIC_CENTRE), 0);
  v = widen(e, v, 1, from);
  Node *rows = node_reshape(e->graph, v.node, physical_shape(e, v.plates, shape_of(1, &many)));
  v = value_tensor(rows, v.plates);
  if (!back) v = apply2(e, OP_SUB, where, v, mean);
  Node *axes = kept(e, column, STATISTIC_AXES);
  int64_t out = shape_count(to);
  Node *flat = node_reshape(e->graph, v.node, shape_of(2, (int64_t[]){shape_count(v.node->shape) / many, many}));
  Node *product = node_matmul(e->graph, flat, axes, false, !back);
  v = value_tensor(node_reshape(e->graph, product, physical_shape(e, v.plates, shape_of(1, &out))), v.plates);
  if (back) v = apply2(e, OP_ADD, where, v, mean);
  return value_tensor(node_reshape(e->graph, v.node, physical_shape(e, v.plates, to)), v.plates);
}
