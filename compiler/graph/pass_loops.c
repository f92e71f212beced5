// Loops: only what is read of them, and in their turns only what hangs on the turns.
//
// What is the same in every turn is computed once, before the loop. Matrix products and convolutions of slices are
// taken before it too, for all turns in one. Of what is added up from turn to turn (the gradients of weights) matrix
// products and adjoints of convolutions are taken after it, again in one: the sum over the turns is a longer inner
// axis, or more images. Then the passes run on what is left of the body. Invariant: a body's values keep their meaning;
// only sums over turns change their order.
#include "graph/passes.h"
#include "graph/view.h"

typedef enum { FIXED, SLICED, TURN } Level;  // the same in all turns; known for all before the loop; not so

// A carried value to which every turn adds products and a rest.
typedef struct {
  Node **product, **rest;
  int products, rests;
} Total;

typedef struct {
  Arena *arena;
  Graph *to;        // where the new loop stands
  Node *const *in;  // the loop's inputs there
  const GraphLoop *from;
  const bool *wanted;  // of its results
  bool *live;          // of the old body's nodes
  int *uses;
  Level *level;
  Total *total;    // of each carried input, products 0 where it is none
  bool *inside;    // is computed in the new body, or read by it
  bool *before;    // is computed before the loop
  Node **outside;  // its value there: as it is, or of all turns along a first axis
  GraphLoop *loop;
  Node **map;   // in the new body
  int *number;  // of the new loop's result that stacks a node of the old body
  Node **result;
} Lifting;

// ---- what is read of the old body

static void mark_live(const Lifting *w, Node *const *root, int roots, bool *live, int *uses) {
  const Graph *body = w->from->body;
  for (int i = 0; i < roots; i++) live[root[i]->id] = true, uses[root[i]->id]++;
  for (int id = body->count - 1; id >= 0; id--) {
    const Node *n = body->node[id];
    for (int i = 0; live[id] && i < n->arity; i++) live[n->in[i]->id] = true, uses[n->in[i]->id]++;
  }
}

// Carried values count as read when their last value is wanted, or a turn reads them for something else that is read.
static bool *find_carried(Lifting *w) {
  const GraphLoop *l = w->from;
  bool *read = NEW_ARRAY(w->arena, bool, l->inputs + 1), changed = true;
  for (int i = 0; i < l->inputs; i++) read[i] = l->next[i] && w->wanted[i];
  Node **root = NEW_ARRAY(w->arena, Node *, l->inputs + l->stacked + 1);
  while (changed) {
    int roots = 0;
    changed = false;
    w->live = NEW_ARRAY(w->arena, bool, l->body->count + 1);
    w->uses = NEW_ARRAY(w->arena, int, l->body->count + 1);
    for (int i = 0; i < l->inputs; i++)
      if (read[i]) root[roots++] = l->next[i];
    for (int k = 0; k < l->stacked; k++)
      if (w->wanted[l->inputs + k]) root[roots++] = l->each[k];
    mark_live(w, root, roots, w->live, w->uses);
    for (int i = 0; i < l->inputs; i++)
      if (l->next[i] && !read[i] && w->live[node_input(l->body, i)->id]) read[i] = changed = true;
  }
  return read;
}

// ---- levels

static bool is_convolution(const Node *n) { return n->op == OP_CONV || n->op == OP_CONV_INPUT; }

// Operations that are the same with one more axis in front, or with more images.
static bool has_turns(const Lifting *w, const Node *n) {
  if (n->shape.rank == MAX_RANK) return false;
  for (int i = 0; i < n->arity; i++)
    if (n->in[i]->shape.rank == MAX_RANK) return false;
  switch (op_class(n->op)) {
    case ELEMENTWISE:
    case REDUCTION:
    case MARK: return true;
    case MOVEMENT: return n->op != OP_SCATTER && n->op != OP_GATHER;
    case CONTRACTION:
      if (is_convolution(n)) return w->level[n->in[1]->id] == FIXED;
      return n->op == OP_MATMUL && n->shape.rank == 2;
    default: return false;
  }
}

static void find_levels(Lifting *w) {
  const GraphLoop *l = w->from;
  w->level = NEW_ARRAY(w->arena, Level, l->body->count + 1);
  for (int id = 0; id < l->body->count; id++) {
    const Node *n = l->body->node[id];
    Level level = n->op == OP_RANDOM || op_class(n->op) == CONTROL ? TURN : FIXED;
    if (n->op == OP_INPUT)
      level = l->kind[n->attr.id] == OPERAND_FIXED ? FIXED : l->kind[n->attr.id] == OPERAND_SLICED ? SLICED : TURN;
    for (int i = 0; i < n->arity; i++)
      if (w->level[n->in[i]->id] > level) level = w->level[n->in[i]->id];
    w->level[id] = level == SLICED && n->arity && !has_turns(w, n) ? TURN : level;
  }
}

// ---- totals

static bool is_product(const Node *n) {
  bool product = n->op == OP_MATMUL && n->shape.rank == 2 && (n->attr.flag & 1);
  return (product || n->op == OP_CONV_WEIGHT) && n->in[0]->shape.rank < MAX_RANK;
}

// The terms of a sum of which nobody reads a part.
static void list_terms(const Lifting *w, Node *n, Node *carried, Total *t, int *found) {
  bool part = n->op == OP_ADD && w->uses[n->id] == 1;
  if (n == carried)
    ++*found;
  else if (part)
    for (int i = 0; i < 2; i++) list_terms(w, n->in[i], carried, t, found);
  else if (is_product(n) && w->uses[n->id] == 1)
    t->product[t->products++] = n;
  else
    t->rest[t->rests++] = n;
}

static void find_total(Lifting *w, int i) {
  Node *carried = node_input(w->from->body, i), *next = w->from->next[i];
  Total t = {NEW_ARRAY(w->arena, Node *, w->from->body->count + 1),
             NEW_ARRAY(w->arena, Node *, w->from->body->count + 1), 0, 0};
  int found = 0;
  if (w->uses[carried->id] != 1 || next == carried) return;
  list_terms(w, next, carried, &t, &found);
  if (found == 1 && t.products) w->total[i] = t;
}

// ---- before the loop

// Whether the body reads the value from outside; views, constants and indices it makes of what it reads.
static bool is_cut(const Lifting *w, const Node *n) {
  if (n->op == OP_INPUT || n->arity == 0) return false;
  if (w->level[n->id] == FIXED) return !is_view(n->op);
  return w->level[n->id] == SLICED && op_class(n->op) == CONTRACTION;
}

// Whether turns multiply by the transpose of what is the same in all of them: that is made before the loop too, for in
// it the factors of a term follow each other, and each product of the turns would have to bring that about.
static bool is_turned(const Lifting *w, const Node *n) {
  enum { ENOUGH = 4 };  // turns
  if (n->op != OP_MATMUL || n->shape.rank != 2 || !(n->attr.flag & 2) || w->from->times < ENOUGH) return false;
  return w->level[n->id] == TURN && w->level[n->in[1]->id] == FIXED;
}

static void mark_inside(Lifting *w, Node *n) { w->inside[n->id] = true; }
static void mark_before(Lifting *w, Node *n) { w->before[n->id] = true; }

// For all turns together, if it is known before, else stacked by the loop.
static void mark_stack(Lifting *w, Node *n) { w->level[n->id] == TURN ? mark_inside(w, n) : mark_before(w, n); }

static void mark_places(Lifting *w, const bool *read) {
  const GraphLoop *l = w->from;
  for (int i = 0; i < l->inputs; i++) {
    const Total *t = &w->total[i];
    if (read[i] && !t->products) mark_inside(w, l->next[i]), mark_inside(w, node_input(l->body, i));
    if (t->rests) mark_inside(w, node_input(l->body, i));
    for (int k = 0; k < t->rests; k++) mark_inside(w, t->rest[k]);
    for (int k = 0; k < t->products; k++) mark_stack(w, t->product[k]->in[0]), mark_stack(w, t->product[k]->in[1]);
  }
  for (int k = 0; k < l->stacked; k++)
    if (w->wanted[l->inputs + k]) mark_stack(w, l->each[k]);
  for (int id = l->body->count - 1; id >= 0; id--) {
    const Node *n = l->body->node[id];
    bool cut = w->inside[id] && is_cut(w, n);
    if (cut) w->before[id] = true;
    for (int i = 0; i < n->arity; i++) {
      if (w->inside[id] && !cut && i == 1 && is_turned(w, n))
        mark_before(w, n->in[i]);
      else if (w->inside[id] && !cut)
        mark_inside(w, n->in[i]);
      if (w->before[id]) mark_before(w, n->in[i]);
    }
  }
}

static Shape with_turns(const Lifting *w, Shape s) {
  Shape out = {.rank = s.rank + 1, .dim = {w->from->times}};
  for (int i = 0; i < s.rank; i++) out.dim[i + 1] = s.dim[i];
  return out;
}

// The value in all turns.
static Node *stack_of(Lifting *w, const Node *n) {
  Node *v = w->outside[n->id];
  if (w->level[n->id] == SLICED) return v;
  Shape one = with_turns(w, n->shape);
  one.dim[0] = 1;
  return node_broadcast(w->to, node_reshape(w->to, v, one), with_turns(w, n->shape));
}

// The first two axes as one.
static Node *tall(Lifting *w, Node *x) {
  Shape s = {.rank = x->shape.rank - 1, .dim = {x->shape.dim[0] * x->shape.dim[1]}};
  for (int i = 1; i < s.rank; i++) s.dim[i] = x->shape.dim[i + 1];
  return node_reshape(w->to, x, s);
}

static Node *convolution_of_turns(Lifting *w, const Node *n) {
  Shape shape = n->shape;
  shape.dim[0] *= w->from->times;
  Node *in[] = {tall(w, stack_of(w, n->in[0])), w->outside[n->in[1]->id]};
  return node_reshape(w->to, graph_node(w->to, n->op, 2, in, &n->attr, &shape), with_turns(w, n->shape));
}

// A product of all turns: of taller matrices where the right factor is one, else a stack of products.
static Node *product_of_turns(Lifting *w, const Node *n) {
  bool flip_a = n->attr.flag & 1, flip_b = n->attr.flag & 2;
  Node *a = stack_of(w, n->in[0]);
  if (w->level[n->in[1]->id] != FIXED || flip_a) return node_matmul(w->to, a, stack_of(w, n->in[1]), flip_a, flip_b);
  Node *product = node_matmul(w->to, tall(w, a), w->outside[n->in[1]->id], false, flip_b);
  return node_reshape(w->to, product, with_turns(w, n->shape));
}

Attr attr_with_axis(const Node *n) {
  Attr attr = n->attr;
  bool list = n->op == OP_PERMUTE || n->op == OP_SLICE || n->op == OP_PAD;
  attr.axes <<= 1;
  if (n->op == OP_CONCAT || n->op == OP_CUMSUM) attr.a[0]++;
  for (int i = 0; list && i <= n->shape.rank; i++) {
    attr.a[i] = i ? n->attr.a[i - 1] + (n->op == OP_PERMUTE) : 0;
    attr.b[i] = i ? n->attr.b[i - 1] : 0;
  }
  return attr;
}

static Node *make_before(Lifting *w, const Node *n) {
  if (n->op == OP_INPUT) return w->in[n->attr.id];
  if (op_class(n->op) == MARK) return w->outside[n->in[0]->id];  // outside they have had their pass
  if (w->level[n->id] == SLICED && n->op == OP_MATMUL) return product_of_turns(w, n);
  if (w->level[n->id] == SLICED && is_convolution(n)) return convolution_of_turns(w, n);
  bool turns = w->level[n->id] == SLICED;
  Node **in = NEW_ARRAY(w->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) in[i] = turns ? stack_of(w, n->in[i]) : w->outside[n->in[i]->id];
  Attr attr = turns ? attr_with_axis(n) : n->attr;
  Shape shape = turns ? with_turns(w, n->shape) : n->shape;
  return graph_node(w->to, n->op, n->arity, in, &attr, &shape);
}

static void lift(Lifting *w) {
  const Graph *body = w->from->body;
  w->outside = NEW_ARRAY(w->arena, Node *, body->count + 1);
  for (int id = 0; id < body->count; id++) {
    if (!w->before[id]) continue;
    node_made_for(w->to, body->node[id]);
    w->outside[id] = make_before(w, body->node[id]);
    node_named_as(w->outside[id], body->node[id]);
  }
}

// ---- the new loop

static Node *make_turned(Lifting *w, const Node *n) {
  const Graph *body = w->from->body;
  Node *across = node_permute(w->to, w->outside[n->in[1]->id], (int[]){1, 0});
  const char *name = arena_format(w->arena, "%s_across", node_called(w->arena, body, n->in[1]));
  Node *factor = loop_input(w->loop, OPERAND_FIXED, across, name);
  node_made_for(w->loop->body, n);
  return node_matmul(w->loop->body, w->map[n->in[0]->id], factor, n->attr.flag & 1, false);
}

static Node *make_inside(Lifting *w, const Node *n) {
  const GraphLoop *l = w->from;
  if (n->op == OP_INPUT)
    return loop_input(w->loop, l->kind[n->attr.id], w->in[n->attr.id], l->body->input[n->attr.id].name);
  if (is_cut(w, n)) {
    OperandKind kind = w->level[n->id] == FIXED ? OPERAND_FIXED : OPERAND_SLICED;
    return loop_input(w->loop, kind, w->outside[n->id], node_called(w->arena, w->from->body, n));
  }
  if (is_turned(w, n)) return make_turned(w, n);
  Node **in = NEW_ARRAY(w->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) in[i] = w->map[n->in[i]->id];
  node_made_for(w->loop->body, n);
  return graph_node(w->loop->body, n->op, n->arity, in, &n->attr, &n->shape);
}

static void make_body(Lifting *w) {
  const Graph *body = w->from->body;
  w->loop = loop_new(w->arena, w->from->times, w->from->reversed);
  w->map = NEW_ARRAY(w->arena, Node *, body->count + 1);
  for (int reads = 1; reads >= 0; reads--) {
    for (int id = 0; id < body->count; id++) {
      bool read = body->node[id]->op == OP_INPUT || is_cut(w, body->node[id]);
      if (!w->inside[id] || read != reads) continue;
      w->map[id] = make_inside(w, body->node[id]);
      node_named_as(w->map[id], body->node[id]);
    }
  }
}

static void set_next(Lifting *w) {
  const GraphLoop *l = w->from;
  for (int i = 0; i < l->inputs; i++) {
    Node *read = l->next[i] ? w->map[node_input(l->body, i)->id] : NULL;
    const Total *t = &w->total[i];
    if (!read) continue;
    Node *next = t->products ? read : w->map[l->next[i]->id];
    for (int k = 0; k < t->rests; k++) next = node_binary(w->loop->body, OP_ADD, next, w->map[t->rest[k]->id]);
    w->loop->next[read->attr.id] = next;
  }
}

static void stack_in_loop(Lifting *w, const Node *n) {
  if (w->level[n->id] == TURN) w->number[n->id] = loop_stack(w->loop, w->map[n->id]);
}

static Node *stacked(Lifting *w, Node *loop, const Node *n) {
  return w->level[n->id] == TURN ? node_result(w->to, loop, w->number[n->id]) : stack_of(w, n);
}

// The products of all turns added up: one, over all rows of all turns.
static Node *sum_of_products(Lifting *w, Node *loop, const Node *n) {
  Node *a = stacked(w, loop, n->in[0]), *b = stacked(w, loop, n->in[1]);
  bool flip_b = n->op == OP_MATMUL && (n->attr.flag & 2);
  if (flip_b) b = node_permute(w->to, b, (int[]){0, 2, 1});
  if (n->op == OP_CONV_WEIGHT) return node_conv_weight(w->to, tall(w, a), tall(w, b), &n->attr, n->shape);
  return node_matmul(w->to, tall(w, a), tall(w, b), true, false);
}

static Node *last_value(Lifting *w, Node *loop, int i) {
  const Total *t = &w->total[i];
  const Node *read = w->map[node_input(w->from->body, i)->id];
  Node *value = read ? node_result(w->to, loop, read->attr.id) : w->in[i];
  for (int k = 0; k < t->products; k++)
    value = node_binary(w->to, OP_ADD, value, sum_of_products(w, loop, t->product[k]));
  return value;
}

// Everything that the loop stacks must be known before its node is made.
static void stack_all(Lifting *w) {
  const GraphLoop *l = w->from;
  w->number = NEW_ARRAY(w->arena, int, l->body->count + 1);
  for (int i = 0; i < l->inputs; i++)
    for (int k = 0; k < w->total[i].products; k++)
      for (int side = 0; side < 2; side++) stack_in_loop(w, w->total[i].product[k]->in[side]);
  for (int k = 0; k < l->stacked; k++)
    if (w->wanted[l->inputs + k]) stack_in_loop(w, l->each[k]);
}

void loop_take(GraphLoop *l, const GraphProgram *p) {
  int k = 0;
  l->body = p->graph;
  for (int i = 0; i < l->inputs; i++)
    if (l->next[i]) l->next[i] = p->output[k++].value;
  for (int j = 0; j < l->stacked; j++) l->each[j] = p->output[k++].value;
}

static void make_loop(Lifting *w) {
  const GraphLoop *l = w->from;
  make_body(w);
  set_next(w);
  stack_all(w);
  Node *loop = NULL;
  if (w->loop->inputs + w->loop->stacked) {
    loop_take(w->loop, run_early_passes(w->arena, loop_program(w->arena, w->loop)));
    loop = node_loop(w->to, w->loop);
  }
  w->result = NEW_ARRAY(w->arena, Node *, l->inputs + l->stacked + 1);
  for (int i = 0; i < l->inputs; i++)
    if (l->next[i] && w->wanted[i]) w->result[i] = last_value(w, loop, i);
  for (int k = 0; k < l->stacked; k++)
    if (w->wanted[l->inputs + k]) w->result[l->inputs + k] = stacked(w, loop, l->each[k]);
}

static Node **lift_loop(Arena *a, Graph *to, const Node *old, Node *const *in, const bool *wanted) {
  const GraphLoop *l = old->attr.loop;
  Lifting w = {.arena = a, .to = to, .in = in, .from = l, .wanted = wanted};
  bool *read = find_carried(&w);
  w.total = NEW_ARRAY(a, Total, l->inputs + 1);
  w.inside = NEW_ARRAY(a, bool, l->body->count + 1);
  w.before = NEW_ARRAY(a, bool, l->body->count + 1);
  find_levels(&w);
  for (int i = 0; i < l->inputs; i++)
    if (read[i]) find_total(&w, i);
  mark_places(&w, read);
  lift(&w);
  make_loop(&w);
  return w.result;
}

// Which results of each loop are live.
static bool **find_wanted(Arena *a, const GraphProgram *p, const bool *live) {
  bool **wanted = NEW_ARRAY(a, bool *, p->graph->count + 1);
  for (int id = 0; id < p->graph->count; id++) {
    const Node *n = p->graph->node[id];
    const GraphLoop *l = n->attr.loop;
    if (l) wanted[id] = NEW_ARRAY(a, bool, l->inputs + l->stacked + 1);
    if (n->op == OP_RESULT && live[id]) wanted[n->in[0]->id][n->attr.id] = true;
  }
  return wanted;
}

typedef struct {
  Arena *arena;
  bool **wanted;   // of each loop by id
  Node ***result;  // what stands for its results
} LoopResults;

static Node *lifted(void *results, Graph *g, const Node *old, Node **in) {
  const LoopResults *l = results;
  if (old->op == OP_RESULT) return l->result[old->in[0]->id][old->attr.id];
  if (old->op != OP_LOOP) return rewrite_same(g, old, in);
  l->result[old->id] = lift_loop(l->arena, g, old, in, l->wanted[old->id]);
  return NULL;
}

void pass_loops(Arena *a, GraphProgram *p) {
  LoopResults l = {a, find_wanted(a, p, live_nodes(a, p)), NEW_ARRAY(a, Node **, p->graph->count + 1)};
  rewrite_by(a, p, lifted, &l);
}
