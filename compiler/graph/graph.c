// Builds the graph: one function for each way to make a node, all of which end in graph_node.
//
// graph_node applies the shape rule of ops.def (graph_shape.c), then tries a simpler equivalent (graph_simplify.c),
// then looks for an equal node, and only then makes a new one, with bounds (range.c).
//
// Invariant: no two nodes of a graph are equal, and every node comes after its inputs.
#include "graph/graph_rules.h"
#include "graph/names.h"

#include <math.h>
#include <string.h>

static const struct {
  const char *name;
  int arity;
  OpClass class;
} op_table[] = {
#define OP(ID, name, arity, class, ...) {name, arity, class},
#include "core/ops.def"
};

const char *op_name(Op op) { return op_table[op].name; }
OpClass op_class(Op op) { return op_table[op].class; }
int op_arity(Op op) { return op_table[op].arity; }

bool op_cheap(Op op) {
  switch (op) {
    case OP_NEG:
    case OP_ABS:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_MAX:
    case OP_MIN:
    case OP_LESS:
    case OP_EQUAL:
    case OP_SELECT: return true;
    default: return false;
  }
}

int64_t shape_count(Shape s) {
  int64_t n = 1;
  for (int i = 0; i < s.rank; i++) n *= s.dim[i];
  return n;
}

bool shape_equal(Shape a, Shape b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++) {
    if (a.dim[i] != b.dim[i]) return false;
  }
  return true;
}

Shape shape_of(int rank, const int64_t *dim) {
  Shape s = {.rank = rank};
  for (int i = 0; i < rank && i < MAX_RANK; i++) s.dim[i] = dim[i];
  return s;
}

Shape shape_with_ones(Shape a, uint32_t axes) {
  for (int i = 0; i < a.rank; i++) {
    if (axes >> i & 1) a.dim[i] = 1;
  }
  return a;
}

const char *shape_text(Arena *a, Shape s) {
  Text t = text_new(a);
  text_add(&t, "[");
  for (int i = 0; i < s.rank; i++) text_add(&t, "%s%lld", i ? ", " : "", (long long)s.dim[i]);
  text_add(&t, "]");
  return t.data;
}

int section_order(Section a, Section b) {
  return a.line != b.line ? (a.line < b.line ? -1 : 1) : (int)a.phase - (int)b.phase;
}

Graph *graph_new(Arena *a) {
  Graph *g = NEW(a, Graph);
  g->arena = a;
  g->span.file = -1;
  g->slots = 256;
  g->slot = NEW_ARRAY(a, Node *, g->slots);
  return g;
}

// ---- one node for equal nodes

enum { GRAPH_LIMIT = 50000 };  // nodes

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// What is told apart by its place is added up, for no product then waits for the one before.
static uint64_t node_hash(const Node *n) {
  uint64_t h = mix((uint64_t)n->op, bits_of(n->attr.value)), sum = 0, odd = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < n->arity; i++) h = mix(h, (uint64_t)n->in[i]->id);
  for (int i = 0; i < n->shape.rank; i++) sum += (uint64_t)n->shape.dim[i] * (odd += 2);
  for (int i = 0; i < MAX_RANK; i++)
    sum += (uint64_t)n->attr.a[i] * (odd += 2), sum += (uint64_t)n->attr.b[i] * (odd += 2);
  h = mix(h, sum);
  if (n->attr.loop) h = mix(mix(h, (uint64_t)n->attr.loop->times), (uint64_t)n->attr.loop->own_nodes);
  return mix(mix(mix(h, n->attr.axes), (uint64_t)n->attr.flag), (uint64_t)n->attr.id);
}

static bool attr_equal(const Attr *x, const Attr *y) {
  return bits_of(x->value) == bits_of(y->value) && memcmp(x->a, y->a, sizeof x->a) == 0 &&
         memcmp(x->b, y->b, sizeof x->b) == 0 && x->axes == y->axes && x->flag == y->flag && x->id == y->id &&
         (x->loop == y->loop || (x->loop && y->loop && loop_equal(x->loop, y->loop)));
}

bool node_alike(const Node *x, const Node *y) {
  return x->op == y->op && x->arity == y->arity && shape_equal(x->shape, y->shape) && attr_equal(&x->attr, &y->attr);
}

// Constants for which the page has other words are kept apart, and so is a point.
static bool node_equal(const Node *x, const Node *y) {
  if (x->op == OP_CONST && y->op == OP_CONST && !said_alike(x->name, y->name)) return false;
  if (x->point != y->point) return false;
  for (int i = 0; x->arity == y->arity && i < x->arity; i++) {
    if (x->in[i] != y->in[i]) return false;
  }
  return node_alike(x, y);
}

// The slot that holds a node equal to n, or the empty one where it belongs.
static Node **find_slot(const Graph *g, const Node *n) {
  uint64_t mask = (uint64_t)g->slots - 1;
  uint64_t at = node_hash(n) & mask;
  while (g->slot[at] && !node_equal(g->slot[at], n)) at = (at + 1) & mask;
  return &g->slot[at];
}

static void grow(Graph *g) {
  GROW(g->arena, g->node, g->count, &g->room);
  if (2 * g->count >= g->slots) {
    g->slots *= 2;
    g->slot = NEW_ARRAY(g->arena, Node *, g->slots);
    for (int i = 0; i < g->count; i++) *find_slot(g, g->node[i]) = g->node[i];
  }
}

// What no machine can hold, or no planner lay out in time, is told with its place.
_Noreturn static void refuse_size(const Graph *g, const char *what) {
  const char *place = "";
  if (g->sources && g->span.file >= 0)
    place = arena_format(g->arena, "%s:%d:%d: ", printable(g->arena, sources_text(g->sources, g->span.file)->name),
                         span_line(g->sources, g->span), span_column(g->sources, g->span));
  fail(g->arena, EXIT_DATA, "%s%s", place, what);
}

static Node *intern(Graph *g, const Node *draft) {
  grow(g);
  Node **slot = find_slot(g, draft), *n = *slot;
  if (n && section_order(g->section, n->section) < 0) n->section = g->section;
  if (n) return n;
  if (g->count == GRAPH_LIMIT)
    refuse_size(g, arena_format(g->arena, "the model expands to more than %d operations", GRAPH_LIMIT));
  n = NEW(g->arena, Node);
  *n = *draft;
  n->id = g->count;
  graph_range(g, n);
  n->name = NULL;
  if (draft->name) node_said(g, n, draft->name->word);
  g->node[g->count++] = n;
  return *slot = n;
}

Node *graph_node(Graph *g, Op op, int arity, Node *const *in, const Attr *attr, const Shape *shape) {
  Node draft = {.op = op, .id = g->count, .arity = arity, .span = g->span, .section = g->section, .scope = g->scope};
  const Name said = {.word = g->said};
  if (op == OP_CONST && g->said) draft.name = &said;
  if (attr) draft.attr = *attr;
  if (shape) draft.shape = *shape;
  if (op ==
      OP_CONST) {  // what the program will compute with; NaN is one, of whatever sign the folding machine gives it
    float value = (float)draft.attr.value;
    draft.attr.value = isnan(value) ? (double)NAN : (double)value;
  }
  if (arity) draft.in = NEW_ARRAY(g->arena, Node *, arity);
  for (int i = 0; i < arity; i++) draft.in[i] = in[i];
  Shape known;
  const char *wrong = graph_shape(g, &draft, &known);
  if (wrong == graph_too_large) refuse_size(g, arena_format(g->arena, "%s gives %s", op_name(op), wrong));
  if (wrong) {
    Text inputs = text_new(g->arena);
    for (int i = 0; i < arity; i++) text_add(&inputs, " %s", shape_text(g->arena, in[i]->shape));
    fail(g->arena, EXIT_SOFTWARE, "graph: %s of%s: %s", op_name(op), inputs.data, wrong);
  }
  draft.shape = shape_of(known.rank, known.dim);  // unused dimensions are zero
  Node *simple = graph_simplify(g, &draft);
  return simple ? simple : intern(g, &draft);
}

Node *graph_point(Graph *g, Node *n) {
  if (op_class(n->op) == SOURCE || n->point) return n;
  if (n->id == g->count - 1) {
    n->point = true;
    return n;
  }
  Node draft = *n;
  draft.point = true;
  draft.section = g->section;
  Node *point = intern(g, &draft);
  if (!point->name) point->name = n->name;
  return point;
}

// ---- constructors

Node *node_const(Graph *g, double value, Shape shape) {
  return graph_node(g, OP_CONST, 0, NULL, &(Attr){.value = value}, &shape);
}

Node *node_const_said(Graph *g, double value, Shape shape, const char *said) {
  const char *outer = g->said;
  g->said = said;
  Node *n = node_const(g, value, shape);
  g->said = outer;
  return n;
}

Node *node_const_like(Graph *g, const Node *constant, Shape shape) {
  return node_const_said(g, constant->attr.value, shape, constant->name ? constant->name->word : NULL);
}

Node *node_unary(Graph *g, Op op, Node *a) { return graph_node(g, op, 1, &a, NULL, NULL); }

Node *node_binary(Graph *g, Op op, Node *a, Node *b) { return graph_node(g, op, 2, (Node *[]){a, b}, NULL, NULL); }

Node *node_select(Graph *g, Node *c, Node *a, Node *b) {
  return graph_node(g, OP_SELECT, 3, (Node *[]){c, a, b}, NULL, NULL);
}

Node *node_weight(Graph *g, int tensor) {
  if (tensor < 0 || tensor >= g->tensors) fail(g->arena, EXIT_SOFTWARE, "graph: there is no tensor %d", tensor);
  return graph_node(g, OP_WEIGHT, 0, NULL, &(Attr){.id = tensor}, &g->tensor[tensor].shape);
}

Node *node_input(Graph *g, int input) {
  if (input < 0 || input >= g->inputs) fail(g->arena, EXIT_SOFTWARE, "graph: there is no input %d", input);
  return graph_node(g, OP_INPUT, 0, NULL, &(Attr){.id = input}, &g->input[input].shape);
}

Node *node_random(Graph *g, uint32_t stream, RandomAddress address, Shape shape) {
  return graph_node(g, OP_RANDOM, 0, NULL, &(Attr){.id = (int32_t)stream, .flag = (int32_t)address}, &shape);
}

Node *node_iota(Graph *g, int axis, Shape shape) {
  return graph_node(g, OP_IOTA, 0, NULL, &(Attr){.a = {axis}}, &shape);
}

Node *node_reshape(Graph *g, Node *a, Shape shape) { return graph_node(g, OP_RESHAPE, 1, &a, NULL, &shape); }

Node *node_permute(Graph *g, Node *a, const int *axis) {
  Attr attr = {0};
  for (int i = 0; i < a->shape.rank; i++) attr.a[i] = axis[i];
  return graph_node(g, OP_PERMUTE, 1, &a, &attr, NULL);
}

Node *node_broadcast(Graph *g, Node *a, Shape shape) { return graph_node(g, OP_BROADCAST, 1, &a, NULL, &shape); }

Node *node_slice(Graph *g, Node *a, const int64_t *start, Shape shape) {
  Attr attr = {0};
  for (int i = 0; i < a->shape.rank; i++) attr.a[i] = start[i];
  return graph_node(g, OP_SLICE, 1, &a, &attr, &shape);
}

Node *node_pad(Graph *g, Node *a, const int64_t *before, const int64_t *after) {
  Attr attr = {0};
  for (int i = 0; i < a->shape.rank; i++) {
    attr.a[i] = before[i];
    attr.b[i] = after[i];
  }
  return graph_node(g, OP_PAD, 1, &a, &attr, NULL);
}

Node *node_concat(Graph *g, int axis, int n, Node *const *in) {
  return graph_node(g, OP_CONCAT, n, in, &(Attr){.a = {axis}}, NULL);
}

Node *node_gather(Graph *g, Node *table, Node *index) { return node_binary(g, OP_GATHER, table, index); }

Node *node_scatter(Graph *g, Node *values, Node *index, int64_t rows) {
  return graph_node(g, OP_SCATTER, 2, (Node *[]){values, index}, &(Attr){.a = {rows}}, NULL);
}

Node *node_reduce(Graph *g, Op op, Node *a, uint32_t axes) {
  return axes ? graph_node(g, op, 1, &a, &(Attr){.axes = axes}, NULL) : a;
}

Node *node_cumsum(Graph *g, Node *a, int axis, bool from_end) {
  return graph_node(g, OP_CUMSUM, 1, &a, &(Attr){.a = {axis}, .flag = from_end}, NULL);
}

Node *node_matmul(Graph *g, Node *a, Node *b, bool transpose_a, bool transpose_b) {
  Attr attr = {.flag = (transpose_a ? 1 : 0) | (transpose_b ? 2 : 0)};
  return graph_node(g, OP_MATMUL, 2, (Node *[]){a, b}, &attr, NULL);
}

Node *node_solve(Graph *g, Node *l, Node *b, bool transposed) {
  return graph_node(g, OP_SOLVE, 2, (Node *[]){l, b}, &(Attr){.flag = transposed}, NULL);
}

Node *node_conv(Graph *g, Node *x, Node *w, const Attr *attr) {
  return graph_node(g, OP_CONV, 2, (Node *[]){x, w}, attr, NULL);
}

Node *node_conv_input(Graph *g, Node *d, Node *w, const Attr *attr, Shape shape) {
  return graph_node(g, OP_CONV_INPUT, 2, (Node *[]){d, w}, attr, &shape);
}

Node *node_conv_weight(Graph *g, Node *x, Node *d, const Attr *attr, Shape shape) {
  return graph_node(g, OP_CONV_WEIGHT, 2, (Node *[]){x, d}, attr, &shape);
}

bool graph_owns(const Graph *g, const Node *n) { return n->id < g->count && g->node[n->id] == n; }

bool graph_depends(Graph *g, const Node *y, const Node *on) {
  if (on->id > y->id) return false;
  Arena *scratch = arena_open(g->arena);
  bool *needed = NEW_ARRAY(scratch, bool, y->id + 1);
  needed[y->id] = true;
  for (int id = y->id; id > on->id; id--) {
    for (int i = 0; needed[id] && i < g->node[id]->arity; i++) needed[g->node[id]->in[i]->id] = true;
  }
  bool depends = needed[on->id];
  arena_close(scratch);
  return depends;
}
