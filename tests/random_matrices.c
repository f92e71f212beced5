// Grows a pool of matrices whose sizes are few, so that many fit each other.
//
// Invariant: every value in the pool is a matrix of at most LARGEST x LARGEST within +-BOUND.
#include "random_matrices.h"

#include <math.h>

#include "random_bits.h"

enum { POOL = 96, WEIGHTS = 6, LARGEST = 16, TRIES = 20 };
static const double BOUND = 50;

typedef struct {
  Graph *g;
  uint64_t state;
  Node *pool[POOL];
  int pools;
} Maker;

static int below(Maker *m, int n) { return random_below(&m->state, n); }

static Node *pick(Maker *m) { return m->pool[below(m, m->pools)]; }

static Shape random_shape(Maker *m) { return shape_of(2, (int64_t[]){2 << below(m, 3), 2 << below(m, 3)}); }

static void keep(Maker *m, Node *n) {
  if (!n || m->pools == POOL || n->shape.dim[0] > LARGEST || n->shape.dim[1] > LARGEST) return;
  if (n->lo < -BOUND || n->hi > BOUND) n = node_unary(m->g, OP_TANH, n);
  m->pool[m->pools++] = n;
}

// ---- operations; NULL where nothing fits

static Node *grow_product(Maker *m) {
  bool ta = below(m, 3) == 0, tb = below(m, 3) == 0;
  for (int i = 0; i < TRIES; i++) {
    Node *x = pick(m), *y = below(m, 2) ? m->pool[below(m, WEIGHTS)] : pick(m);
    if (x->shape.dim[ta ? 0 : 1] == y->shape.dim[tb ? 1 : 0]) return node_matmul(m->g, x, y, ta, tb);
  }
  return NULL;
}

static Node *grow_sum_of_products(Maker *m) {
  Node *x = grow_product(m);
  for (int i = 0; x && i < TRIES; i++) {
    Node *y = grow_product(m);
    if (y && shape_equal(x->shape, y->shape)) return node_binary(m->g, OP_ADD, x, y);
  }
  return x;
}

static Node *grow_elementwise(Maker *m) {
  Node *x = pick(m);
  for (int i = 0; i < TRIES; i++) {
    Node *y = pick(m);
    if (shape_equal(x->shape, y->shape)) return node_binary(m->g, below(m, 2) ? OP_ADD : OP_MUL, x, y);
  }
  return node_unary(m->g, OP_TANH, x);
}

static Node *grow_concat(Maker *m) {
  int axis = below(m, 2);
  Node *x = pick(m);
  for (int i = 0; i < TRIES; i++) {
    Node *y = pick(m);
    if (x->shape.dim[1 - axis] == y->shape.dim[1 - axis]) return node_concat(m->g, axis, 2, (Node *[]){x, y});
  }
  return NULL;
}

static Node *grow_slice(Maker *m) {
  int axis = below(m, 2);
  Node *x = pick(m);
  Shape half = x->shape;
  int64_t start[MAX_RANK] = {0};
  if (half.dim[axis] < 2) return NULL;
  half.dim[axis] /= 2;
  start[axis] = below(m, 2) ? half.dim[axis] : 0;
  return node_slice(m->g, x, start, half);
}

// A matrix less the sums along one of its axes.
static Node *grow_reduction(Maker *m) {
  int axis = below(m, 2);
  Node *x = pick(m);
  Shape line = x->shape;
  line.dim[axis] = 1;
  Node *sum = node_reduce(m->g, below(m, 2) ? OP_SUM : OP_MAXIMUM, x, 1u << axis);
  return node_binary(m->g, OP_SUB, x, node_broadcast(m->g, node_reshape(m->g, sum, line), x->shape));
}

static Node *grow_turned(Maker *m) {
  Node *x = pick(m);
  Shape turned = shape_of(2, (int64_t[]){x->shape.dim[1], x->shape.dim[0]});
  return below(m, 2) ? node_permute(m->g, x, (int[]){1, 0}) : node_reshape(m->g, x, turned);
}

static Node *grow(Maker *m) {
  switch (below(m, 9)) {
    case 0:
    case 1: return grow_product(m);
    case 2: return grow_sum_of_products(m);
    case 3: return grow_elementwise(m);
    case 4: return grow_concat(m);
    case 5: return grow_slice(m);
    case 6: return grow_reduction(m);
    case 7: return grow_turned(m);
    default: return node_unary(m->g, OP_TANH, pick(m));
  }
}

// ---- the program

static void declare(Maker *m) {
  Graph *g = m->g;
  g->tensors = WEIGHTS;
  g->tensor = NEW_ARRAY(g->arena, TensorInfo, WEIGHTS);
  for (int i = 0; i < WEIGHTS; i++) {
    Shape s = i > 3 && below(m, 2) ? g->tensor[i - 1].shape : random_shape(m);
    g->tensor[i] = (TensorInfo){.name = arena_format(g->arena, "w%d", i), .owner = "f", .shape = s, .lo = -1, .hi = 1};
    g->tensor[i].span.file = -1;
  }
  g->inputs = 1;
  g->input = NEW(g->arena, InputInfo);
  *g->input = (InputInfo){.kind = INPUT_COLUMN, .name = "x", .shape = random_shape(m), .lo = 0, .hi = 1};
  for (int i = 0; i < WEIGHTS; i++) keep(m, node_weight(g, i));
  keep(m, node_input(g, 0));
}

static void assign(Maker *m, GraphProgram *p, int weight) {
  for (int i = 0; i < 3 * TRIES; i++) {
    Node *target = m->pool[weight], *value = pick(m);
    if (value == target || !shape_equal(value->shape, target->shape)) continue;
    p->assign[p->assigns++] = (Assign){target, value};
    return;
  }
}

GraphProgram *random_matrices(Arena *a, uint64_t seed) {
  Maker m = {.g = graph_new(a), .state = seed};
  GraphProgram *p = NEW(a, GraphProgram);
  *p = (GraphProgram){.name = arena_format(a, "matrices %llu", (unsigned long long)seed), .graph = m.g};
  p->output = NEW_ARRAY(a, Output, 4);
  p->assign = NEW_ARRAY(a, Assign, WEIGHTS);
  declare(&m);
  for (int steps = 6 + below(&m, 50); steps > 0; steps--) keep(&m, grow(&m));
  for (int i = 1 + below(&m, 4); i > 0; i--) {
    p->output[p->outputs++] = (Output){.name = arena_format(a, "value%d", i), .value = pick(&m)};
  }
  for (int i = 0; i < WEIGHTS; i++) {
    if (below(&m, 4)) assign(&m, p, i);
  }
  return p;
}
