// A batch in shards: what is added up over its examples is added up over those of each shard, and the parts in a tree
// that depends on their number alone. So the result is the same whoever computes the shards, here or elsewhere.
//
// What each example has for itself stays as it is. A sum over the batch (of reductions, of matrix products, of rows
// that are scattered into a table, of any of them from turn to turn of a loop) becomes one of each shard, side by side
// along a new first axis: its `part`. What only moves or adds such parts is done to the parts. Whatever else reads them
// reads what they add up to: an optimiser the gradient, batch_norm the statistics. Where examples meet in any other
// way, the values of all are known to all.
//
// Invariant: a part is computed as it would be if its shard were the batch. Reductions are made here as pass_reduce
// makes them, for what it decides by sizes is decided by those of a shard.
#include <math.h>

#include "graph/apart.h"
#include "graph/names.h"
#include "graph/passes.h"

typedef struct {
  Node *whole;     // NULL until the parts are added
  Node *part;      // [shards, ...], or NULL
  int64_t blocks;  // of the whole; see apart.h
  const Node *of;  // what it stands for
} Value;

typedef struct {
  Arena *arena;
  Graph *to;
  int64_t batch, shards;
} Cutting;

static Shape with_front(int64_t front, Shape s) {
  Shape out = {.rank = s.rank + 1, .dim = {front}};
  for (int i = 0; i < s.rank; i++) out.dim[i + 1] = s.dim[i];
  return out;
}

// ---- the tree: neighbours are added, then neighbours of what that gives; the last of an odd number waits

static Node *add_parts(Cutting *w, Node *part, const Node *of) {
  Node **term = NEW_ARRAY(w->arena, Node *, w->shards);
  Shape one = part->shape, rest = shape_of(one.rank - 1, one.dim + 1);
  const Node reader = {.span = w->to->span, .section = w->to->section, .scope = w->to->scope};
  graph_stand(w->to, part);
  one.dim[0] = 1;
  for (int64_t i = 0; i < w->shards; i++)
    term[i] = node_reshape(w->to, node_slice(w->to, part, (int64_t[MAX_RANK]){i}, one), rest);
  for (int64_t terms = w->shards; terms > 1; terms = (terms + 1) / 2)
    for (int64_t i = 0; i < terms; i += 2)
      term[i / 2] = i + 1 < terms ? node_binary(w->to, OP_ADD, term[i], term[i + 1]) : term[i];
  graph_stand(w->to, &reader);
  node_named_as(term[0], of);
  return term[0];
}

static Node *whole_of(Cutting *w, Value *v) {
  if (!v->whole) v->whole = add_parts(w, v->part, v->of);
  return v->whole;
}

// ---- sums over the batch

// Do the examples follow each other along the first axis, or one that is as good?
static bool leads(const Shape *s, const Blocks *b) { return count_before(s, b->axis) * b->over == 1; }

// [shards, ...]: the axis along which the examples follow each other is cut.
static Node *cut_axis(Cutting *w, Node *x, const Blocks *b) {
  const Shape *s = &x->shape;
  Shape cut = {.rank = s->rank + 2}, merged = *s;
  merged.dim[b->axis] = s->dim[b->axis] / w->shards;
  if (leads(s, b)) return node_reshape(w->to, x, with_front(w->shards, merged));
  int order[MAX_RANK] = {b->axis + 1};
  for (int i = 0; i < cut.rank; i++) cut.dim[i] = s->dim[i <= b->axis ? i : i - 2];
  cut.dim[b->axis] = b->over, cut.dim[b->axis + 1] = w->shards;
  cut.dim[b->axis + 2] = s->dim[b->axis] / b->over / w->shards;
  for (int i = 1; i < cut.rank; i++) order[i] = i <= b->axis + 1 ? i - 1 : i;
  return node_reshape(w->to, node_permute(w->to, node_reshape(w->to, x, cut), order), with_front(w->shards, merged));
}

static Node *sum_parts(Cutting *w, const Node *n, Value *x) {
  const Shape *s = &n->in[0]->shape;
  Blocks b;
  if (n->op != OP_SUM || !blocks_find(s, x->blocks, w->batch, &b) || !(n->attr.axes >> b.axis & 1)) return NULL;
  if (s->rank + (leads(s, &b) ? 1 : 2) > MAX_RANK) return NULL;
  return reduce_axes(w->to, n, cut_axis(w, x->whole, &b), n->attr.axes << 1, 0, w->shards);
}

// The axis of the inner sum must be that of the examples, of both factors or of one.
static bool find_inner(const Cutting *w, const Node *n, Value *const *in, Blocks *b) {
  int rank = n->shape.rank;
  int inner[2] = {rank - (n->attr.flag & 1 ? 2 : 1), rank - (n->attr.flag & 2 ? 1 : 2)};
  bool found = false;
  for (int i = 0; i < 2; i++) {
    Blocks own;
    if (in[i]->blocks == BLOCKS_NONE) continue;
    bool here = blocks_find(&n->in[i]->shape, in[i]->blocks, w->batch, &own) && own.axis == inner[i];
    if (!here || (found && own.over != b[0].over)) return false;
    for (int k = 0; k < 2; k++) b[k] = (Blocks){inner[k], own.over, own.inner};
    found = true;
  }
  return found;
}

static Node *product_parts(Cutting *w, const Node *n, Value *const *in) {
  Blocks b[2];
  Node *x[2];
  if (n->op != OP_MATMUL || !find_inner(w, n, in, b)) return NULL;
  for (int i = 0; i < 2; i++) {
    x[i] = cut_axis(w, in[i]->whole, &b[i]);
    Shape s = x[i]->shape;
    if (s.rank == 4) s = shape_of(3, (int64_t[]){s.dim[0] * s.dim[1], s.dim[2], s.dim[3]});
    x[i] = node_reshape(w->to, x[i], s);
  }
  Node *all = node_matmul(w->to, x[0], x[1], n->attr.flag & 1, n->attr.flag & 2);
  return node_reshape(w->to, all, with_front(w->shards, n->shape));
}

// The gradient by the weights of a convolution, of the images of each shard.
static Node *weight_parts(Cutting *w, const Node *n, Value *const *in) {
  Node *x[2], **part = NEW_ARRAY(w->arena, Node *, w->shards);
  if (n->op != OP_CONV_WEIGHT) return NULL;
  Blocks b = {.axis = -1}, own;
  for (int i = 0; i < 2; i++) {
    if (in[i]->blocks == BLOCKS_NONE) continue;
    bool images = blocks_find(&n->in[i]->shape, in[i]->blocks, w->batch, &own) && own.axis == 0;
    if (!images || (b.axis == 0 && own.over != b.over)) return NULL;
    b = own;
  }
  if (b.axis < 0) return NULL;
  for (int i = 0; i < 2; i++) x[i] = cut_axis(w, in[i]->whole, &b);
  for (int64_t k = 0; k < w->shards; k++) {
    Node *of[2];
    for (int i = 0; i < 2; i++) {
      Shape one = x[i]->shape, rest = shape_of(one.rank - 1, one.dim + 1);
      one.dim[0] = 1;
      of[i] = node_reshape(w->to, node_slice(w->to, x[i], (int64_t[MAX_RANK]){k}, one), rest);
    }
    part[k] = node_reshape(w->to, node_conv_weight(w->to, of[0], of[1], &n->attr, n->shape), with_front(1, n->shape));
  }
  return node_concat(w->to, 0, (int)w->shards, part);
}

static Node *numbers_like(Graph *g, const Node *n, double value) { return node_const(g, value, n->shape); }

// The row that an index means in a table of `rows`: rounded down, and the nearest there is; of a NaN row 0.
static Node *row_meant(Graph *g, Node *index, int64_t rows) {
  Node *last = numbers_like(g, index, (double)(rows - 1));
  Node *row = node_select(g, node_binary(g, OP_LESS, last, index), last, node_unary(g, OP_FLOOR, index));
  return node_select(g, node_binary(g, OP_LESS, numbers_like(g, index, 0.5), row), row, numbers_like(g, index, 0));
}

// Into a table for each shard, one below the other.
static Node *scatter_parts(Cutting *w, const Node *n, Value *const *in) {
  enum { EXACT = 1 << 24 };  // whole numbers that a float holds
  if (n->op != OP_SCATTER || n->shape.rank == MAX_RANK || n->attr.a[0] * w->shards > EXACT) return NULL;
  const Shape *s = &n->in[1]->shape;
  int64_t rows = n->attr.a[0];
  Blocks b;
  bool values = in[1]->blocks == BLOCKS_NONE;  // the indices are the same for all
  if (!blocks_find(&n->in[values ? 0 : 1]->shape, in[values ? 0 : 1]->blocks, w->batch, &b) || b.axis >= s->rank)
    return NULL;
  int64_t before = count_before(s, b.axis) * b.over;
  Shape flat = shape_of(3, (int64_t[]){before, w->shards, shape_count(*s) / before / w->shards});
  Node *shard = node_reshape(w->to, node_iota(w->to, 1, flat), *s);
  Node *first = node_binary(w->to, OP_MUL, shard, numbers_like(w->to, shard, (double)rows));
  Node *index = node_binary(w->to, OP_ADD, row_meant(w->to, in[1]->whole, rows), first);
  Node *all = node_scatter(w->to, in[0]->whole, index, rows * w->shards);
  return node_reshape(w->to, all, with_front(w->shards, n->shape));
}

// ---- operations on parts

// Those that moves or adds do to all parts alike.
static bool keeps_parts(const Node *n, Value *const *in) {
  if (n->shape.rank == MAX_RANK) return false;
  for (int i = 0; i < n->arity; i++)
    if (!in[i]->part) return false;
  switch (n->op) {
    case OP_NEG:
    case OP_ADD:
    case OP_SUB:
    case OP_RESHAPE:
    case OP_PERMUTE:
    case OP_SLICE:
    case OP_PAD:
    case OP_CONCAT:
    case OP_SUM: return true;
    default: return false;
  }
}

static Value moved_parts(Cutting *w, const Node *n, Value *const *in) {
  Attr attr = attr_with_axis(n);
  Shape shape = with_front(w->shards, n->shape);
  Node **part = NEW_ARRAY(w->arena, Node *, n->arity);
  for (int i = 0; i < n->arity; i++) part[i] = in[i]->part;
  if (n->op == OP_SUM) return (Value){.part = reduce_axes(w->to, n, part[0], attr.axes, 0, w->shards)};
  return (Value){.part = graph_node(w->to, n->op, n->arity, part, &attr, &shape)};
}

// ---- any operation

static Node *reduced(Cutting *w, const Node *n, Node **in, int64_t blocks) {
  Blocks b;
  bool cut = blocks != BLOCKS_NONE && blocks_find(&in[0]->shape, blocks, w->batch, &b) && !(n->attr.axes >> b.axis & 1);
  return reduce_axes(w->to, n, in[0], n->attr.axes, cut ? b.axis : -1, cut ? w->shards : 1);
}

static Value cut_node(Cutting *w, const Node *n, Value *const *in) {
  if (n->arity && keeps_parts(n, in)) return moved_parts(w, n, in);
  int64_t *blocks = NEW_ARRAY(w->arena, int64_t, n->arity + 1);
  Node **whole = NEW_ARRAY(w->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) {
    whole[i] = whole_of(w, in[i]);
    blocks[i] = in[i]->blocks;
  }
  int64_t all = blocks_of(n, blocks, w->batch);
  if (all == BLOCKS_MEET) {
    Node *part = sum_parts(w, n, in[0]);
    if (!part) part = product_parts(w, n, in);
    if (!part) part = weight_parts(w, n, in);
    if (!part) part = scatter_parts(w, n, in);
    if (part) return (Value){.part = part};
    all = BLOCKS_NONE;
  }
  bool reduces = n->op == OP_SUM || n->op == OP_MAXIMUM;
  return (Value){.whole = reduces ? reduced(w, n, whole, blocks[0]) : rewrite_same(w->to, n, whole), .blocks = all};
}

static Value cut_source(const Cutting *w, const Graph *from, const Node *n) {
  bool column = n->op == OP_INPUT && is_of_examples(from->input[n->attr.id].kind);
  bool drawn = n->op == OP_RANDOM && n->attr.flag != RANDOM_ONCE && n->shape.rank && n->shape.dim[0] == w->batch;
  return (Value){.whole = rewrite_same(w->to, n, NULL), .blocks = column || drawn ? 1 : BLOCKS_NONE};
}

// ---- loops

static Value *cut_graph(Cutting *w, const GraphProgram *p, Value *read);

// How the body reads an input: the blocks of what it reads; parts, if a carried value adds up. A carried value is taken
// to add up if it begins with nothing, until its next value shows otherwise; `held`: its blocks are not the same in all
// turns, and count as none.
typedef struct {
  int64_t blocks;
  bool parts, held;
} Reading;

typedef struct {
  Cutting *w;
  const GraphLoop *from;
  Value *const *in;
  Reading *reading;
  GraphLoop *loop;
  Value *value;  // of the body
} LoopCut;

static void read_first(LoopCut *c) {
  for (int i = 0; i < c->from->inputs; i++) {
    const Value *in = c->in[i];
    Reading *r = &c->reading[i];
    bool nothing = in->whole && in->whole->op == OP_CONST && in->whole->attr.value == 0;
    bool fits = c->from->body->input[i].shape.rank < MAX_RANK;
    r->parts = c->from->next[i] && fits && (in->part || nothing);
    r->blocks = in->part ? BLOCKS_NONE : in->blocks;
    if (c->from->kind[i] != OPERAND_SLICED) continue;
    r->blocks = r->blocks % c->from->times == 0 ? r->blocks / c->from->times : BLOCKS_NONE;
  }
}

static void cut_body(LoopCut *c) {
  const GraphLoop *from = c->from;
  Cutting inner = *c->w;
  Value *read = NEW_ARRAY(inner.arena, Value, from->inputs + 1);
  c->loop = loop_new(inner.arena, from->times, from->reversed);
  for (int i = 0; i < from->inputs; i++) {
    const InputInfo *old = &from->body->input[i];
    bool parts = c->reading[i].parts;
    Shape s = parts ? with_front(inner.shards, old->shape) : old->shape;
    Node *n =
        loop_operand(c->loop, from->kind[i], old->name, s, parts ? -INFINITY : old->lo, parts ? INFINITY : old->hi);
    read[i] = parts ? (Value){.part = n} : (Value){.whole = n, .blocks = c->reading[i].blocks};
  }
  inner.to = c->loop->body;
  c->value = cut_graph(&inner, loop_program(inner.arena, from), read);
}

// Is what a turn makes of each carried value what the next turn was thought to read? If not, it is thought otherwise.
static bool is_settled(LoopCut *c) {
  bool settled = true;
  for (int i = 0; i < c->from->inputs; i++) {
    Reading *r = &c->reading[i];
    if (!c->from->next[i] || r->held) continue;
    const Value *next = &c->value[c->from->next[i]->id];
    if (r->parts) {
      settled = settled && next->part;
      r->parts = next->part;
    } else if (!next->part && next->blocks != BLOCKS_NONE && next->blocks != r->blocks) {
      r->held = r->blocks != BLOCKS_NONE;
      r->blocks = r->held ? BLOCKS_NONE : next->blocks;
      settled = false;
    }
  }
  return settled;
}

// What a carried value that adds up begins with.
static Node *first_parts(Cutting *w, const Value *v) {
  return v->part ? v->part : node_const(w->to, 0, with_front(w->shards, v->whole->shape));
}

// A value of all turns, and that of each.
static Value stacked_value(Cutting *w, Node *result, const Value *each, int64_t times) {
  if (!each->part) return (Value){.whole = result, .blocks = each->blocks * times};
  int order[MAX_RANK] = {1, 0};
  for (int i = 2; i < result->shape.rank; i++) order[i] = i;
  return (Value){.part = node_permute(w->to, result, order)};
}

static Value *loop_results(LoopCut *c) {
  Cutting *w = c->w, inner = *w;
  const GraphLoop *from = c->from;
  Value *result = NEW_ARRAY(w->arena, Value, from->inputs + from->stacked + 1);
  int *number = NEW_ARRAY(w->arena, int, from->stacked + 1);
  inner.to = c->loop->body;
  for (int i = 0; i < from->inputs; i++) {
    bool parts = c->reading[i].parts;
    c->loop->outside[i] = parts ? first_parts(w, c->in[i]) : whole_of(w, c->in[i]);
    if (!from->next[i]) continue;
    Value *next = &c->value[from->next[i]->id];
    c->loop->next[i] = parts ? next->part : whole_of(&inner, next);
  }
  for (int k = 0; k < from->stacked; k++) {
    Value *each = &c->value[from->each[k]->id];
    if (each->part && from->each[k]->shape.rank + 2 > MAX_RANK) *each = (Value){.whole = whole_of(&inner, each)};
    number[k] = loop_stack(c->loop, each->part ? each->part : each->whole);
  }
  Node *loop = node_loop(w->to, c->loop);
  for (int i = 0; i < from->inputs; i++) {
    Node *last = from->next[i] ? node_result(w->to, loop, i) : NULL;
    result[i] = c->reading[i].parts ? (Value){.part = last} : (Value){.whole = last, .blocks = c->reading[i].blocks};
  }
  for (int k = 0; k < from->stacked; k++)
    result[from->inputs + k] =
        stacked_value(w, node_result(w->to, loop, number[k]), &c->value[from->each[k]->id], from->times);
  return result;
}

static Value *cut_loop(Cutting *w, const Node *n, Value *const *in) {
  LoopCut c = {.w = w, .from = n->attr.loop, .in = in, .reading = NEW_ARRAY(w->arena, Reading, n->arity + 1)};
  read_first(&c);
  do cut_body(&c);
  while (!is_settled(&c));
  return loop_results(&c);
}

// ---- graphs

// All live values of a graph, in w->to; `read`: what its inputs are, in the body of a loop.
static Value *cut_graph(Cutting *w, const GraphProgram *p, Value *read) {
  const Graph *from = p->graph;
  bool *live = live_nodes(w->arena, p);
  Value *value = NEW_ARRAY(w->arena, Value, from->count + 1), **result = NEW_ARRAY(w->arena, Value *, from->count + 1);
  for (int id = 0; id < from->count; id++) {
    const Node *n = from->node[id];
    if (!live[id]) continue;
    Value **in = NEW_ARRAY(w->arena, Value *, n->arity + 1);
    for (int i = 0; i < n->arity; i++) in[i] = &value[n->in[i]->id];
    graph_stand(w->to, n);
    if (n->op == OP_INPUT && read)
      value[id] = read[n->attr.id];
    else if (n->op == OP_LOOP)
      result[id] = cut_loop(w, n, in);
    else if (n->op == OP_RESULT)
      value[id] = result[n->in[0]->id][n->attr.id];
    else
      value[id] = n->arity ? cut_node(w, n, in) : cut_source(w, from, n);
    value[id].of = n;
    if (value[id].whole) node_named_as(value[id].whole, n);
    if (value[id].part) node_name_part(w->to, value[id].part, n, "shards");
  }
  return value;
}

void pass_shards(Arena *a, GraphProgram *p) {
  if (p->shards < 2) return;
  Cutting w = {a, rewrite_begin(a, p), p->batch, p->shards};
  const Graph *from = p->graph;
  Value *value = cut_graph(&w, p, NULL);
  Node **map = NEW_ARRAY(a, Node *, from->count + 1);
  for (int i = 0; i < p->outputs; i++) map[p->output[i].value->id] = whole_of(&w, &value[p->output[i].value->id]);
  for (int i = 0; i < p->assigns; i++) map[p->assign[i].value->id] = whole_of(&w, &value[p->assign[i].value->id]);
  rewrite_end(p, w.to, map);
}
