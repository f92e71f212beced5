// The graph as a data structure: equal nodes are one, simplifications keep values, bounds hold, text reads back, and
// what is wrong is refused. Randomly generated programs carry most of the weight.
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "graph/names.h"
#include "graph/graph_rules.h"
#include "random_graph.h"

#include <cmocka.h>

enum { SEEDS = 150 };
static Arena *arena;

static int open_arena(void **state) {
  (void)state;
  arena = arena_open(NULL);
  return arena ? 0 : -1;
}

static int close_arena(void **state) {
  (void)state;
  arena_close(arena);
  return 0;
}

static const Shape scalar = {0};
static Shape vector(int64_t n) { return shape_of(1, &n); }
static Shape matrix(int64_t m, int64_t n) { return shape_of(2, (int64_t[]){m, n}); }

// ---- simplification, by pointer: equal nodes are one node

typedef struct {
  Graph *g;
  Node *a, *b, *c;  // [2, 3], unbounded
  Node *positive;   // [2, 3] in 0.5 .. 2
  Node *row;        // [1, 3]
} Fixture;

static Fixture fixture(void) {
  static const struct {
    const char *name;
    Shape shape;
    double lo, hi;
  } tensors[] = {{"a", {2, {2, 3}}, -INFINITY, INFINITY},
                 {"b", {2, {2, 3}}, -INFINITY, INFINITY},
                 {"c", {2, {2, 3}}, -INFINITY, INFINITY},
                 {"positive", {2, {2, 3}}, 0.5, 2},
                 {"row", {2, {1, 3}}, -INFINITY, INFINITY}};
  Graph *g = graph_new(arena);
  g->tensors = 5;
  g->tensor = NEW_ARRAY(arena, TensorInfo, 5);
  for (int i = 0; i < 5; i++) {
    g->tensor[i] =
        (TensorInfo){.name = tensors[i].name, .shape = tensors[i].shape, .lo = tensors[i].lo, .hi = tensors[i].hi};
  }
  return (Fixture){g, node_weight(g, 0), node_weight(g, 1), node_weight(g, 2), node_weight(g, 3), node_weight(g, 4)};
}

static void test_equal_nodes(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *sum = node_binary(g, OP_ADD, f.a, f.b);
  int count = g->count;
  g->span = (Span){0, 3, 7};
  assert_ptr_equal(node_binary(g, OP_ADD, f.b, f.a), sum);  // commutes
  assert_int_equal(sum->span.file, -1);                     // and the first one's place stays
  assert_ptr_equal(node_weight(g, 0), f.a);
  assert_int_equal(g->count, count);
  assert_ptr_not_equal(node_binary(g, OP_SUB, f.b, f.a), node_binary(g, OP_SUB, f.a, f.b));
  Node *u = node_random(g, 1, RANDOM_STEP, vector(3));
  assert_ptr_equal(node_random(g, 1, RANDOM_STEP, vector(3)), u);
  assert_ptr_not_equal(node_random(g, 2, RANDOM_STEP, vector(3)), u);
  assert_ptr_not_equal(node_random(g, 1, RANDOM_ONCE, vector(3)), u);
  assert_ptr_not_equal(node_random(g, 1, RANDOM_STEP, vector(4)), u);
  assert_ptr_not_equal(node_const(g, 1, vector(3)), node_const(g, 1, vector(4)));
}

// A number keeps the page's words for it, whatever its shape, and is another constant than the same number in other words.
static void test_words_of_constants(void **state) {
  (void)state;
  Graph *g = graph_new(arena);
  Node *rate = node_const_said(g, 0.5, vector(1), "lr"), *other = node_const_said(g, 0.5, vector(1), "1 - beta1");
  assert_ptr_not_equal(rate, other);
  assert_ptr_not_equal(rate, node_const(g, 0.5, vector(1)));
  assert_ptr_equal(rate, node_const_said(g, 0.5, vector(1), "lr"));
  assert_null(node_const(g, 0.5, vector(1))->name);
  assert_string_equal(node_broadcast(g, rate, vector(3))->name->word, "lr");
  assert_string_equal(node_binary(g, OP_MUL, node_const(g, 1, vector(1)), other)->name->word, "1 - beta1");
  assert_null(node_binary(g, OP_MUL, rate, other)->name);  // 0.25 is neither
}

// Nodes that differ in one thing only, enough to collide in the tables and to make them grow.
static void make_alike(Graph *g, Node **into) {
  Shape s = {MAX_RANK, {2, 2, 2, 2, 2, 2, 2, 2}};
  Node *x = node_random(g, 0, RANDOM_STEP, s);
  int64_t zero[MAX_RANK] = {0};
  for (int i = 0; i < 1000; i++) *into++ = node_random(g, (uint32_t)i, RANDOM_ONCE, s);
  for (int i = 0; i < 1000; i++) *into++ = node_const(g, i + 1, s);
  for (int i = 0; i < 1000; i++) *into++ = node_const(g, 1, shape_of(1, (int64_t[]){i + 1}));
  for (int i = 0; i < 1000; i++) *into++ = node_pad(g, x, zero, (int64_t[MAX_RANK]){0, 0, 0, 0, 0, i + 1});
  for (int i = 0; i < 1000; i++) *into++ = node_pad(g, x, (int64_t[MAX_RANK]){0, 0, 0, 0, 0, i + 1}, zero);
  for (uint32_t axes = 1; axes < 64; axes++) *into++ = node_reduce(g, OP_SUM, x, axes);
  for (uint32_t axes = 1; axes < 64; axes++) *into++ = node_reduce(g, OP_MAXIMUM, x, axes);
  for (int axis = 0; axis < MAX_RANK; axis++) *into++ = node_cumsum(g, x, axis, false);
  for (int axis = 0; axis < MAX_RANK; axis++) *into++ = node_cumsum(g, x, axis, true);
  for (int op = OP_SIGN; op <= OP_TRIGAMMA; op++) *into++ = node_unary(g, (Op)op, x);
}

static void test_many_nodes(void **state) {
  (void)state;
  enum { ALIKE = 5000 + 2 * 63 + 2 * MAX_RANK + OP_TRIGAMMA - OP_SIGN + 1 };
  Graph *g = graph_new(arena);
  Node *first[ALIKE], *again[ALIKE];
  make_alike(g, first);
  assert_int_equal(g->count, ALIKE + 1);  // all differ
  make_alike(g, again);
  assert_int_equal(g->count, ALIKE + 1);
  assert_memory_equal(first, again, sizeof first);
}

static void test_arithmetic(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *a = f.a, *b = f.b;
#define K(value) node_const(g, value, a->shape)
#define BOTH(op, x, y) node_binary(g, OP_##op, x, y)
#define ONE(op, x) node_unary(g, OP_##op, x)
  assert_ptr_equal(BOTH(ADD, a, K(0)), a);
  assert_ptr_equal(BOTH(ADD, K(0), a), a);
  assert_ptr_equal(BOTH(SUB, a, K(0)), a);
  assert_ptr_equal(BOTH(SUB, K(0), a), ONE(NEG, a));
  assert_int_equal(BOTH(SUB, a, a)->op, OP_SUB);  // a may be infinite, or none
  Node *one = ONE(SIGMOID, node_iota(g, 0, a->shape));
  assert_ptr_equal(BOTH(SUB, one, one), K(0));
  assert_int_equal(BOTH(SUB, ONE(SIGMOID, a), ONE(SIGMOID, a))->op, OP_SUB);
  Node *quarter = BOTH(MUL, a, K(0.25)), *huge = BOTH(MUL, a, K(3e38));
  assert_ptr_equal(BOTH(ADD, quarter, quarter), BOTH(MUL, a, K(0.5)));
  assert_int_equal(BOTH(ADD, huge, huge)->op, OP_ADD);  // twice 3e38 is no number
  assert_ptr_equal(BOTH(ADD, a, ONE(NEG, b)), BOTH(SUB, a, b));
  assert_ptr_equal(BOTH(ADD, ONE(NEG, b), a), BOTH(SUB, a, b));
  assert_ptr_equal(BOTH(SUB, a, ONE(NEG, b)), BOTH(ADD, a, b));
  assert_ptr_equal(BOTH(MUL, K(1), a), a);
  assert_ptr_equal(BOTH(MUL, a, K(0)), K(0));
  assert_ptr_equal(BOTH(MUL, a, K(-1)), ONE(NEG, a));
  assert_ptr_equal(BOTH(MUL, ONE(NEG, a), K(3)), BOTH(MUL, a, K(-3)));
  assert_ptr_equal(BOTH(MUL, ONE(NEG, a), ONE(NEG, b)), BOTH(MUL, a, b));
  assert_ptr_equal(BOTH(DIV, a, K(1)), a);
  assert_ptr_equal(BOTH(DIV, a, K(4)), BOTH(MUL, a, K(0.25)));
  assert_int_equal(BOTH(DIV, a, K(3))->op, OP_DIV);
  assert_int_equal(BOTH(DIV, a, K(0x1p-130))->op, OP_DIV);  // whose reciprocal is no float
  assert_ptr_equal(BOTH(DIV, K(0), a), K(0));
  assert_ptr_equal(ONE(NEG, ONE(NEG, a)), a);
  assert_ptr_equal(ONE(NEG, BOTH(SUB, a, b)), BOTH(SUB, b, a));
  assert_ptr_equal(ONE(NEG, BOTH(MUL, a, K(2))), BOTH(MUL, a, K(-2)));
  assert_ptr_equal(BOTH(POW, a, K(0)), K(1));
  assert_ptr_equal(BOTH(POW, a, K(1)), a);
  assert_ptr_equal(BOTH(POW, a, K(2)), BOTH(MUL, a, a));
  assert_ptr_equal(BOTH(POW, a, K(3)), BOTH(MUL, BOTH(MUL, a, a), a));
  assert_ptr_equal(BOTH(POW, a, K(4)), BOTH(POW, BOTH(POW, a, K(2)), K(2)));
  assert_ptr_equal(BOTH(POW, a, K(-2)), BOTH(DIV, K(1), BOTH(MUL, a, a)));
  assert_ptr_equal(BOTH(POW, a, K(0.5)), ONE(SQRT, a));
  assert_ptr_equal(BOTH(POW, a, K(-1)), BOTH(DIV, K(1), a));
  assert_ptr_equal(BOTH(ADD, K(2), K(0.5)), K(2.5));
  assert_ptr_equal(node_const(g, 0.1, scalar), node_const(g, (double)0.1f, scalar));
}

static void test_bounds_decide(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *a = f.a, *p = f.positive;
  assert_ptr_equal(BOTH(MAX, a, a), a);
  assert_ptr_equal(BOTH(MAX, p, K(0)), p);
  assert_ptr_equal(BOTH(MAX, K(3), p), K(3));
  assert_ptr_equal(BOTH(MIN, p, K(3)), p);
  assert_ptr_equal(BOTH(MIN, p, K(0.25)), K(0.25));
  assert_int_equal(BOTH(MAX, p, K(1))->op, OP_MAX);
  assert_ptr_equal(ONE(ABS, p), p);
  assert_ptr_equal(ONE(ABS, ONE(NEG, p)), p);
  assert_ptr_equal(ONE(ABS, ONE(NEG, a)), ONE(ABS, a));
  assert_ptr_equal(ONE(LOG, ONE(EXP, a)), a);
  assert_ptr_equal(ONE(EXP, ONE(LOG, p)), p);
  assert_int_equal(ONE(EXP, ONE(LOG, a))->op, OP_EXP);  // a may be negative
  assert_ptr_equal(BOTH(LESS, p, K(0)), K(0));
  assert_ptr_equal(BOTH(LESS, K(-1), p), K(1));
  assert_int_equal(BOTH(LESS, a, p)->op, OP_LESS);
}

// Where a sigmoid is nearly 0 or 1 its logarithm, and that of its distance from 1, would be lost.
static void test_logs_of_sigmoids(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *a = f.a, *c = f.c, *s = ONE(SIGMOID, a), *minus = ONE(NEG, ONE(SOFTPLUS, a));
  Node *plus = ONE(NEG, ONE(SOFTPLUS, ONE(NEG, a)));
  assert_ptr_equal(BOTH(SUB, K(1), s), ONE(SIGMOID, ONE(NEG, a)));
  assert_ptr_equal(ONE(LOG, s), plus);
  assert_ptr_equal(ONE(LOG1P, ONE(NEG, s)), minus);
  assert_ptr_equal(ONE(LOG, BOTH(SUB, K(1), s)), minus);
  assert_ptr_equal(ONE(LOG, node_select(g, c, K(1), s)), node_select(g, c, K(0), plus));
  assert_ptr_equal(ONE(LOG1P, node_select(g, c, K(0), ONE(NEG, s))), node_select(g, c, K(0), minus));
  assert_int_equal(ONE(LOG1P, s)->op, OP_LOG1P);
  assert_int_equal(ONE(LOG, node_select(g, c, s, K(1)))->op, OP_LOG);
}

static void test_choices_and_marks(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *a = f.a, *b = f.b, *c = f.c;
  assert_ptr_equal(node_select(g, K(-2), a, b), a);
  assert_ptr_equal(node_select(g, K(0), a, b), b);
  assert_ptr_equal(node_select(g, c, a, a), a);
  assert_ptr_equal(node_select(g, c, node_select(g, c, a, b), K(0)), node_select(g, c, a, K(0)));
  assert_ptr_equal(ONE(STOP, ONE(STOP, a)), ONE(STOP, a));
  assert_ptr_equal(ONE(STOP, K(2)), K(2));
}

static void test_movements(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *a = f.a, *b = f.b;
  int swap[] = {1, 0}, stay[] = {0, 1};
  int64_t zero[] = {0, 0}, one[] = {0, 1}, two[] = {0, 2};
  assert_ptr_equal(node_reshape(g, node_reshape(g, a, vector(6)), a->shape), a);
  assert_ptr_equal(node_reshape(g, K(2), vector(6)), node_const(g, 2, vector(6)));
  assert_ptr_equal(node_permute(g, a, stay), a);
  assert_ptr_equal(node_permute(g, node_permute(g, a, swap), swap), a);
  assert_ptr_equal(node_permute(g, f.row, swap), node_reshape(g, f.row, matrix(3, 1)));
  Node *cube = node_random(g, 0, RANDOM_STEP, shape_of(3, (int64_t[]){2, 3, 4}));
  Node *twice = node_permute(g, node_permute(g, cube, (int[]){2, 0, 1}), (int[]){1, 0, 2});
  assert_ptr_equal(twice, node_permute(g, cube, (int[]){0, 2, 1}));
  Node *wide = node_broadcast(g, f.row, matrix(4, 3));
  assert_ptr_equal(node_broadcast(g, a, a->shape), a);
  assert_ptr_equal(node_broadcast(g, node_const(g, 2, matrix(1, 3)), a->shape), K(2));
  assert_ptr_equal(node_reduce(g, OP_SUM, wide, 1),
                   BOTH(MUL, node_reshape(g, f.row, vector(3)), node_const(g, 4, vector(3))));
  assert_ptr_equal(node_reduce(g, OP_MAXIMUM, wide, 1), node_reshape(g, f.row, vector(3)));
  assert_ptr_equal(node_reduce(g, OP_SUM, f.row, 1), node_reshape(g, f.row, vector(3)));
  assert_ptr_equal(node_reduce(g, OP_SUM, K(2), 3), node_const(g, 12, scalar));
  Node *joined = node_concat(g, 1, 2, (Node *[]){a, b});
  assert_ptr_equal(node_concat(g, 1, 1, &a), a);
  assert_ptr_equal(node_slice(g, joined, (int64_t[]){0, 3}, a->shape), b);
  assert_ptr_equal(node_slice(g, joined, (int64_t[]){0, 4}, matrix(2, 2)), node_slice(g, b, one, matrix(2, 2)));
  assert_int_equal(node_slice(g, joined, two, matrix(2, 2))->op, OP_SLICE);
  assert_ptr_equal(node_concat(g, 1, 2, (Node *[]){joined, a}), node_concat(g, 1, 3, (Node *[]){a, b, a}));
  assert_int_equal(node_concat(g, 0, 2, (Node *[]){joined, joined})->arity, 2);  // along another axis
  Node *padded = node_pad(g, a, one, two);
  assert_ptr_equal(node_pad(g, a, zero, zero), a);
  assert_ptr_equal(node_pad(g, padded, one, zero), node_pad(g, a, two, two));
  assert_ptr_equal(node_slice(g, padded, one, a->shape), a);
  assert_ptr_equal(node_slice(g, node_slice(g, a, one, matrix(2, 2)), one, matrix(2, 1)),
                   node_slice(g, a, two, matrix(2, 1)));
  Node *left = node_pad(g, a, zero, (int64_t[]){0, 3}), *right = node_pad(g, b, (int64_t[]){0, 3}, zero);
  assert_ptr_equal(BOTH(ADD, right, left), joined);
  assert_ptr_equal(node_iota(g, 0, f.row->shape), node_const(g, 0, f.row->shape));
}

// A node put into the graph without being simplified.
static Node *raw(Graph *g, Op op, int arity, Node *const *in, const Attr *attr, Shape shape) {
  Node *n = NEW(arena, Node);
  *n = (Node){.op = op, .id = g->count, .arity = arity, .in = NEW_ARRAY(arena, Node *, arity), .shape = shape};
  if (attr) n->attr = *attr;
  for (int i = 0; i < arity; i++) n->in[i] = in[i];
  Node **node = NEW_ARRAY(arena, Node *, g->count + 1);
  memcpy(node, g->node, sizeof *node * (size_t)g->count);
  node[g->count] = n;
  g->node = node;
  g->room = ++g->count;
  return n;
}

static void expect_same_values(const Graph *g, const ReferenceInputs *in, Node *plain, Node *simple, uint64_t seed) {
  double *value[2];
  assert_true(shape_equal(plain->shape, simple->shape));
  reference_eval_many(arena, g, in, 2, (Node *[]){plain, simple}, value);
  for (int64_t e = 0; e < shape_count(plain->shape); e++) {
    double x = value[0][e], y = value[1][e];
    if (!isfinite(x) || fabs(x) > 1e30 || fabs(x - y) <= 3e-7 * (1e-3 + fabs(x))) continue;
    fail_msg("seed %d: %s became %s: %.9g instead of %.9g", (int)seed, op_name(plain->op), op_name(simple->op), y, x);
  }
}

// Applies every elementwise operation to the nodes of random graphs, with and without simplification.
static void simplify_on_top(Graph *g, const ReferenceInputs *in, Op op, int id, uint64_t seed) {
  Node *operand[3];
  int found = 0;
  for (int k = 0; k < op_arity(op); k++) {
    for (int other = (id + (int)seed * k) % (id + 1); other >= 0; other--) {
      if (!shape_equal(g->node[other]->shape, g->node[id]->shape)) continue;
      operand[found++] = g->node[other];
      break;
    }
  }
  if (found < op_arity(op)) return;
  bool gamma = op == OP_LGAMMA || op == OP_DIGAMMA || op == OP_TRIGAMMA;
  if (gamma && operand[0]->lo <= 0) return;  // for positive numbers only
  Node *plain = raw(g, op, found, operand, NULL, g->node[id]->shape);
  expect_same_values(g, in, plain, graph_node(g, op, found, operand, NULL, NULL), seed);
}

static void test_simplification_keeps_values(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 12; seed++) {
    Graph *g = random_graph(arena, seed)->graph;
    ReferenceInputs in = random_graph_inputs(arena, g, seed);
    int count = g->count;
    for (int id = 0; id < count; id += 3) {
      if (shape_count(g->node[id]->shape) > 64) continue;
      for (int op = 0; op < OP_COUNT; op++) {
        if (op_class((Op)op) == ELEMENTWISE) simplify_on_top(g, &in, (Op)op, id, seed);
      }
    }
  }
}

// ---- bounds

static bool near(double x, double y) { return x == y || fabs(x - y) <= 1e-6 * fmin(fabs(x), fabs(y)); }

static void expect_bounds(const Node *n, double lo, double hi) {
  if (near(n->lo, lo) && near(n->hi, hi)) return;
  fail_msg("%s: bounds %g .. %g instead of %g .. %g", op_name(n->op), n->lo, n->hi, lo, hi);
}

static void test_bounds(void **state) {
  (void)state;
  Fixture f = fixture();
  Graph *g = f.g;
  Node *a = f.a, *p = f.positive;
  assert_true(ONE(EXP, a)->lo > 0);
  assert_true(BOTH(MUL, ONE(EXP, a), K(0.5))->lo > 0);
  assert_true(BOTH(ADD, ONE(EXP, a), BOTH(MUL, a, a))->lo > 0);
  assert_true(ONE(LOG1P, ONE(EXP, a))->lo > 0);  // softplus
  assert_true(BOTH(DIV, K(1), BOTH(ADD, K(1), ONE(EXP, ONE(NEG, a))))->lo > 0);
  assert_true(ONE(SQRT, ONE(EXP, a))->lo > 0);
  assert_true(node_reduce(g, OP_SUM, ONE(EXP, a), 3)->lo > 0);
  assert_true(BOTH(SUB, ONE(NEG, ONE(EXP, a)), p)->hi < 0);
  expect_bounds(ONE(LOG, BOTH(MUL, ONE(EXP, a), K(0.5))), -INFINITY, INFINITY);  // positive says no more than the sign
  expect_bounds(BOTH(DIV, K(1), BOTH(ADD, K(1), ONE(EXP, a))), 1e-45, 1);
  expect_bounds(BOTH(MUL, a, a), 0, INFINITY);
  expect_bounds(BOTH(MUL, a, f.b), -INFINITY, INFINITY);
  expect_bounds(ONE(TANH, a), -1, 1);
  expect_bounds(BOTH(LESS, a, p), 0, 1);
  expect_bounds(BOTH(SUB, p, BOTH(MUL, p, K(3))), -5.5, 0.5);
  expect_bounds(BOTH(DIV, p, ONE(NEG, p)), -4, -0.25);
  expect_bounds(BOTH(DIV, p, BOTH(SUB, p, K(1))), -INFINITY, INFINITY);
  expect_bounds(BOTH(MAX, ONE(TANH, a), K(0.5)), 0.5, 1);
  expect_bounds(BOTH(MIN, p, ONE(TANH, a)), -1, 1);
  expect_bounds(BOTH(POW, ONE(TANH, a), K(7)), -INFINITY, INFINITY);
  expect_bounds(ONE(LOG, ONE(NEG, p)), -INFINITY, INFINITY);
  expect_bounds(ONE(LOG, ONE(TANH, a)), -INFINITY, 0);
  expect_bounds(node_reduce(g, OP_SUM, p, 3), 3, 12);
  expect_bounds(node_iota(g, 1, matrix(2, 3)), 0, 2);
  expect_bounds(node_pad(g, p, (int64_t[]){0, 1}, (int64_t[]){0, 0}), 0, 2);
  expect_bounds(node_concat(g, 0, 2, (Node *[]){p, K(7)}), 0.5, 7);
  expect_bounds(node_select(g, a, p, K(7)), 0.5, 7);
  expect_bounds(ONE(LOG, p), log(0.5), log(2));
  expect_bounds(BOTH(POW, p, K(-3)), 0.125, 8);
  Node *u = node_random(g, 0, RANDOM_STEP, scalar);
  assert_true(u->lo > 0 && u->hi < 1);
}

static void expect_within_bounds(const Node *n, const double *value, uint64_t seed) {
  assert_false(isnan(n->lo) || isnan(n->hi));
  for (int64_t e = 0; e < shape_count(n->shape); e++) {
    double slack = 1e-30 + 1e-5 * fabs(value[e]);
    if (value[e] >= n->lo - slack && value[e] <= n->hi + slack) continue;
    fail_msg("seed %d: %s: %g is not within %g .. %g", (int)seed, op_name(n->op), value[e], n->lo, n->hi);
  }
}

static void test_values_within_bounds(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    Graph *g = random_graph(arena, seed)->graph;
    ReferenceInputs in = random_graph_inputs(arena, g, seed);
    double **value = NEW_ARRAY(arena, double *, g->count);
    reference_eval_many(arena, g, &in, g->count, g->node, value);
    for (int id = 0; id < g->count; id++) expect_within_bounds(g->node[id], value[id], seed);
  }
}

// ---- text

static const char *print(const GraphProgram *p) {
  Text t = text_new(arena);
  graph_print(&t, p);
  return t.data;
}

static void test_random_programs_read_back(void **state) {
  (void)state;
  bool seen[OP_COUNT] = {false};
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    GraphProgram *p = random_graph(arena, seed);
    graph_verify(p);
    for (int i = 0; i < p->graph->count; i++) seen[p->graph->node[i]->op] = true;
    const char *text = print(p);
    GraphProgram *again = graph_parse(arena, text);
    graph_verify(again);
    assert_string_equal(print(again), text);
    assert_string_equal(print(random_graph(arena, seed)), text);  // the seed says it all
  }
  for (int op = 0; op < OP_COUNT; op++) {
    if (!seen[op] && op != OP_NEAREST) fail_msg("random_graph never makes %s", op_name((Op)op));
  }
}

static void test_text(void **state) {
  (void)state;
  static const char text[] =
      "program \"train \\x22 1\"\n"
      "tensor weight \"q/W\" of \"q\" [3, 4]\n"
      "tensor state \"q/mean\" of \"q\" [2] in 0 .. 0.12345678901234568\n"
      "input column 0 \"x\" [5, 3] in 0 .. 1\n"
      "input step 0 \"step\" []\n"
      "%0 = input \"x\" [5, 3]\n"
      "%1 = weight \"q/W\" [3, 4]\n"
      "%2 = matmul %0 %1 [5, 4]\n"
      "%3 = const 0.12345679 [5, 4]\n"
      "%4 = max %2 %3 [5, 4]\n"
      "%5 = sum %4 {axes=2} [5]\n"
      "%6 = pad %1 {a=0,1 b=2} [5, 5]\n"
      "%7 = weight \"q/mean\" [2]\n"
      "%8 = const inf [2]\n"
      "%9 = mul %7 %8 [2]\n"
      "output \"loss\" %5 per_example\n"
      "output \"wide\" %6\n"
      "output \"far\" %9\n"
      "assign \"q/W\" %1\n";
  GraphProgram *p = graph_parse(arena, text);
  graph_verify(p);
  assert_string_equal(print(p), text);
  p->outputs = 0;  // then nobody needs more than the weight
  assert_string_equal(print(p),
                      "program \"train \\x22 1\"\n"
                      "tensor weight \"q/W\" of \"q\" [3, 4]\n"
                      "input column 0 \"x\" [5, 3] in 0 .. 1\n"
                      "input step 0 \"step\" []\n"
                      "%0 = weight \"q/W\" [3, 4]\n"
                      "assign \"q/W\" %0\n");
}

static void test_text_names_places(void **state) {
  (void)state;
  static const char source[] = "model m\nloss = exp(1)\n";
  Sources *sources = sources_new(arena);
  int file = sources_add(sources, "m.gm", source, sizeof source - 1, false);
  Graph *g = graph_new(arena);
  g->sources = sources;
  g->span = (Span){file, 15, 21};
  Output output = {.name = "loss", .value = node_random(g, 0, RANDOM_STEP, scalar)};
  GraphProgram p = {.name = "p", .graph = g, .output = &output, .outputs = 1};
  assert_string_equal(print(&p), "program \"p\"\n%0 = random []  # m.gm:2\noutput \"loss\" %0\n");
}

// Comments, blank lines and spaces mean nothing.
static void test_text_is_free(void **state) {
  (void)state;
  const char *text = "# a program\n\n%0=const 2 [ 2,3 ]  # two\n  %1 = sum  %0 { axes=3 } []\noutput \"s\" %1";
  GraphProgram *p = graph_parse(arena, text);
  assert_ptr_equal(p->output[0].value, node_const(p->graph, 12, scalar));  // reading simplifies
}

// The exit code of reading a text. What it says goes nowhere: there are thousands.
static int code_of(const char *text) {
  int messages = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDERR_FILENO);
  Arena *a = arena_open(NULL);
  if (ARENA_TRY(a) == 0) graph_parse(a, text);
  int code = a->code;
  arena_close(a);
  dup2(messages, STDERR_FILENO);
  close(messages);
  close(nowhere);
  return code;
}

static void test_mistakes_in_text(void **state) {
  (void)state;
  // clang-format off
  static const char *const bad[] = {
      "%1 = const 0 [2]", "%0 = const [2]", "%0 = const 0 [0]", "%0 = const 0 [2", "%0 = const 0 [1,1,1,1,1,1,1,1,1]",
      "%0 = const 0 [99999999999999999999]", "%0 = const 0 [1048576, 1048576, 2]", "%0 = nothing [2]",
      "%0 = neg %0 [2]",
      "%0 = const 1 [2]\n%1 = neg %0 [3]", "%0 = const 1 [2]\n%1 = neg %0 %0 [2]", "%0 = weight \"w\" [2]",
      "%0 = input \"x [2]", "tensor weight \"w\" of \"q\" [0]", "tensor leaf \"w\" of \"q\" [1]",
      "tensor weight \"w\" of \"q\" [2] in 1 .. 0", "tensor weight \"w\" of \"q\" [2] in nan .. 0", "output \"x\" %0",
      "%0 = const 1 []\noutput \"x\" %0 per_example", "assign \"w\" %0", "what is this", "%0 = const 0 [2] and more",
      "%0 = random {flag=7} [2]", "%0 = iota {a=1} [2]", "%0 = iota {a=1,2,3,4,5,6,7} [2]", "%0 = iota {c=1} [2]",
      "%0 = iota {", "program \"\\x00\"", "program \"\\q\"", "%", "%0", "%0 =", "%0 = const\n0 [2]",
      "%0 = const 0 [2]\n%0 = const 0 [2]",
  };
  // clang-format on
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (code_of(bad[i]) != EXIT_DATA) fail_msg("not refused: %s", bad[i]);
  }
}

// Any prefix and any single changed character of a good text is read or refused.
static void test_damaged_text(void **state) {
  (void)state;
  char *text = arena_copy(arena, print(random_graph(arena, 3)));
  size_t length = strlen(text);
  if (length > 1500) length = 1500;
  text[length] = 0;
  for (size_t i = 0; i < length; i++) {
    char was = text[i];
    for (const char *c = "%9-\"{"; *c; c++) {
      text[i] = *c;
      int code = code_of(text);
      assert_true(code == EXIT_DONE || code == EXIT_DATA);
    }
    text[i] = 0;
    int code = code_of(text);
    assert_true(code == EXIT_DONE || code == EXIT_DATA);
    text[i] = was;
  }
}

// ---- verifying

typedef void Damage(GraphProgram *p);
static void damage_id(GraphProgram *p) { p->graph->node[2]->id = 1; }
static void damage_shape(GraphProgram *p) { p->graph->node[2]->shape = scalar; }
static void damage_order(GraphProgram *p) { p->graph->node[2]->in[0] = p->graph->node[2]; }
static void damage_bounds(GraphProgram *p) { p->graph->node[2]->lo = NAN; }
static void damage_target(GraphProgram *p) { p->assign[0].target = p->graph->node[2]; }
static void damage_value(GraphProgram *p) { p->assign[0].value = p->graph->node[3]; }
static void damage_output(GraphProgram *p) { p->output[0].per_example = true; }

static int verified(Damage *damage) {
  Arena *a = arena_open(NULL);
  if (ARENA_TRY(a) == 0) {
    GraphProgram *p =
        graph_parse(a,
                    "tensor weight \"w\" of \"q\" [2]\n%0 = weight \"w\" [2]\n%1 = exp %0 [2]\n%2 = add %0 %1 [2]\n"
                    "%3 = sum %2 {axes=1} []\noutput \"s\" %3\nassign \"w\" %2\n");
    if (damage) damage(p);
    graph_verify(p);
  }
  int code = a->code;
  arena_close(a);
  return code;
}

static void test_verifier(void **state) {
  (void)state;
  static Damage *const damages[] = {damage_id,     damage_shape, damage_order, damage_bounds,
                                    damage_target, damage_value, damage_output};
  assert_int_equal(verified(NULL), EXIT_DONE);
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) assert_int_equal(verified(damages[i]), EXIT_SOFTWARE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, open_arena, close_arena)
      TEST(equal_nodes),
      TEST(many_nodes),
      TEST(arithmetic),
      TEST(bounds_decide),
      TEST(logs_of_sigmoids),
      TEST(choices_and_marks),
      TEST(movements),
      TEST(words_of_constants),
      TEST(simplification_keeps_values),
      TEST(bounds),
      TEST(values_within_bounds),
      TEST(random_programs_read_back),
      TEST(text),
      TEST(text_is_free),
      TEST(text_names_places),
      TEST(mistakes_in_text),
      TEST(damaged_text),
      TEST(verifier),
  };
  return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
