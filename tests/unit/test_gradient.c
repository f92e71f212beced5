// Gradients against central finite differences of the reference evaluator: every operation by tests/op_cases.c, once
// and twice differentiated, then compositions as models use them, and what must have no gradient.
#include <math.h>
#include <string.h>

#include "op_cases.h"
#include "random_graph.h"

#include <cmocka.h>

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

// ---- a graph over tensors with values

enum { MOST_TENSORS = 12 };
typedef struct {
  Graph *g;
  double *value[MOST_TENSORS];
} Bench;

static Bench bench_new(void) {
  Bench b = {.g = graph_new(arena)};
  b.g->tensor = NEW_ARRAY(arena, TensorInfo, MOST_TENSORS);
  return b;
}

// A tensor; without values, with some between -1 and 1 that differ.
static Node *tensor(Bench *b, Shape shape, const double *value) {
  int id = b->g->tensors++;
  assert_true(id < MOST_TENSORS);
  b->g->tensor[id] =
      (TensorInfo){.name = arena_format(arena, "t%d", id), .shape = shape, .lo = -INFINITY, .hi = INFINITY};
  b->value[id] = NEW_ARRAY(arena, double, shape_count(shape));
  for (int64_t e = 0; e < shape_count(shape); e++) {
    b->value[id][e] = value ? value[e] : sin((double)(7 * e + 3 * id + 1) * 1.7);
  }
  return node_weight(b->g, id);
}

static double *eval(Bench *b, Node *y) {
  ReferenceInputs in = {.tensor = (const double *const *)b->value};
  return reference_eval(arena, b->g, &in, y);
}

static double total(Bench *b, Node *y) {
  double *value = eval(b, y), sum = 0;
  for (int64_t e = 0; e < shape_count(y->shape); e++) sum += value[e];
  return sum;
}

// d(sum of y) / d(element e of tensor id), with an error of order h^4
static double difference(Bench *b, Node *y, int id, int64_t e) {
  double *x = &b->value[id][e], at = *x, h = 1e-3 * fmax(0.1, fabs(at)), slope[2];
  for (int k = 0; k < 2; k++, h /= 2) {
    *x = at + h;
    double above = total(b, y);
    *x = at - h;
    slope[k] = (above - total(b, y)) / (2 * h);
  }
  *x = at;
  return (4 * slope[1] - slope[0]) / 3;
}

static void check_against_differences(Bench *b, const char *what, Node *y, Node *wrt, Node *gradient) {
  double *value = gradient ? eval(b, gradient) : NULL;
  if (gradient) assert_true(shape_equal(gradient->shape, wrt->shape));
  for (int64_t e = 0; e < shape_count(wrt->shape); e++) {
    double expected = difference(b, y, wrt->attr.id, e), got = value ? value[e] : 0;
    if (fabs(got - expected) <= 2e-7 * (1 + fabs(expected))) continue;
    fail_msg("%s: gradient [%d] of t%d is %.9g, finite differences say %.9g", what, (int)e, wrt->attr.id, got,
             expected);
  }
}

// Random-looking weights make the sum of products depend on every element in its own way.
static Node *weighed(Bench *b, Node *y) { return node_binary(b->g, OP_MUL, y, tensor(b, y->shape, NULL)); }

static void check_gradients(Bench *b, const char *what, Node *y, int n, Node *const *wrt, Node **into) {
  Node *blocked;
  graph_gradient(b->g, y, n, wrt, into, &blocked);
  assert_null(blocked);
  for (int i = 0; i < n; i++) check_against_differences(b, what, y, wrt[i], into[i]);
}

// First and second derivatives of y with respect to the tensors wrt. Returns how many of the first ones exist.
static int check_twice(Bench *b, const char *what, Node *y, int n, Node *const *wrt, int derivatives) {
  Node *first[3], *second[3];
  int exist = 0;
  check_gradients(b, what, weighed(b, y), n, wrt, first);
  for (int i = 0; i < n; i++) {
    exist += first[i] != NULL;
    if (!first[i] || derivatives < 2) continue;
    check_gradients(b, arena_format(arena, "%s, second derivative", what), weighed(b, first[i]), n, wrt, second);
  }
  return exist;
}

static void test_every_operation(void **state) {
  (void)state;
  for (int k = 0; k < op_case_count; k++) {
    const OpCase *c = &op_cases[k];
    if (c->arity == 0 || c->derivatives == 0 || c->op == OP_STOP || c->op == OP_DISCRETE) continue;
    Bench b = bench_new();
    Node *in[3];
    int flows = 0;
    for (int i = 0; i < c->arity; i++) in[i] = tensor(&b, c->in[i], c->value[i]);
    for (int i = 0; i < c->arity; i++) flows += c->flow[i] == 'd';
    Node *y = graph_node(b.g, c->op, c->arity, in, &c->attr, &c->given);
    const char *what = arena_format(arena, "%s, row %d", op_name(c->op), k);
    if (strchr(c->flow, 'd')) assert_int_equal(check_twice(&b, what, y, c->arity, in, c->derivatives), flows);
    Node *into[3];
    graph_gradient(b.g, y, c->arity, in, into, NULL);
    for (int i = 0; i < c->arity; i++) {
      if ((into[i] != NULL) != (c->flow[i] == 'd')) fail_msg("%s: gradient of input %d", what, i);
    }
  }
}

// ---- compositions

static Node *constant(Bench *b, double value, Shape s) { return node_const(b->g, value, s); }

// The sum over the last axis of [rows, columns], repeated along it.
static Node *row_reduced(Bench *b, Op op, Node *x) {
  Node *reduced = node_reshape(b->g, node_reduce(b->g, op, x, 2), shape_of(2, (int64_t[]){x->shape.dim[0], 1}));
  return node_broadcast(b->g, reduced, x->shape);
}

static Node *log_softmax(Bench *b, Node *x) {
  Graph *g = b->g;
  Node *centred = node_binary(g, OP_SUB, x, node_unary(g, OP_STOP, row_reduced(b, OP_MAXIMUM, x)));
  return node_binary(g, OP_SUB, centred, node_unary(g, OP_LOG, row_reduced(b, OP_SUM, node_unary(g, OP_EXP, centred))));
}

static Node *layer_norm(Bench *b, Node *x) {
  Graph *g = b->g;
  Node *n = constant(b, (double)x->shape.dim[1], x->shape);
  Node *centred = node_binary(g, OP_SUB, x, node_binary(g, OP_DIV, row_reduced(b, OP_SUM, x), n));
  Node *squares = row_reduced(b, OP_SUM, node_binary(g, OP_MUL, centred, centred));
  Node *variance = node_binary(g, OP_ADD, node_binary(g, OP_DIV, squares, n), constant(b, 1e-5, x->shape));
  return node_binary(g, OP_DIV, centred, node_unary(g, OP_SQRT, variance));
}

static Node *dense(Bench *b, Node *x, Node *weight, Node *bias) {
  Node *product = node_matmul(b->g, x, weight, false, false);
  return node_binary(b->g, OP_ADD, product, node_broadcast(b->g, bias, product->shape));
}

static Node *softplus(Bench *b, Node *x) { return node_unary(b->g, OP_LOG1P, node_unary(b->g, OP_EXP, x)); }

static Shape matrix(int64_t rows, int64_t columns) { return shape_of(2, (int64_t[]){rows, columns}); }

static void test_softmax_and_norm(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *x = tensor(&b, matrix(3, 4), NULL);
  assert_int_equal(check_twice(&b, "log_softmax", log_softmax(&b, x), 1, &x, 2), 1);
  b = bench_new();
  x = tensor(&b, matrix(3, 4), NULL);
  assert_int_equal(check_twice(&b, "layer_norm", layer_norm(&b, x), 1, &x, 2), 1);
}

static void test_network(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *x = tensor(&b, matrix(3, 4), NULL);
  Node *wrt[3] = {tensor(&b, matrix(4, 5), NULL), tensor(&b, matrix(1, 5), NULL), tensor(&b, matrix(5, 2), NULL)};
  Node *h = node_unary(b.g, OP_TANH, dense(&b, x, wrt[0], wrt[1]));
  Node *y = softplus(&b, node_matmul(b.g, h, wrt[2], false, false));
  assert_int_equal(check_twice(&b, "network", y, 3, wrt, 2), 3);
}

// (|dD/dx| - 1)^2 of a score for each row of x, as in WGAN-GP: the gradient of a function of a gradient, by the weights
// of D.
static void check_penalty(Bench *b, const char *what, Node *score, Node *x, Node *const wrt[3]) {
  Graph *g = b->g;
  Node *slope, *into[3];
  graph_gradient(g, score, 1, &x, &slope, NULL);
  Node *norm = node_unary(g, OP_SQRT, node_reduce(g, OP_SUM, node_binary(g, OP_MUL, slope, slope), 2));
  Node *off = node_binary(g, OP_SUB, norm, constant(b, 1, norm->shape));
  check_gradients(b, what, node_reduce(g, OP_SUM, node_binary(g, OP_MUL, off, off), 1), 3, wrt, into);
  for (int i = 0; i < 3; i++) assert_non_null(into[i]);
}

static void test_gradient_penalty(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *x = tensor(&b, matrix(3, 4), NULL);
  Node *wrt[3] = {tensor(&b, matrix(4, 5), NULL), tensor(&b, matrix(1, 5), NULL), tensor(&b, matrix(5, 1), NULL)};
  Node *score = node_matmul(b.g, softplus(&b, dense(&b, x, wrt[0], wrt[1])), wrt[2], false, false);
  check_penalty(&b, "gradient penalty", score, x, wrt);
}

static Shape image(int64_t n, int64_t h, int64_t w, int64_t c) { return shape_of(4, (int64_t[]){n, h, w, c}); }

// The same of images of 4 x 4: two convolutions with strides, the second in two groups, and what all places say
// together.
static void test_convolutional_penalty(void **state) {
  (void)state;
  static const Attr halved = {.a = {2, 2, 1, 1, 1}, .b = {1, 1, 1, 1}},
                    grouped = {.a = {1, 1, 1, 1, 2}, .b = {0, 1, 0, 1}};
  Bench b = bench_new();
  Graph *g = b.g;
  Node *x = tensor(&b, matrix(2, 16), NULL);
  Node *wrt[3] = {tensor(&b, image(4, 4, 1, 2), NULL), tensor(&b, image(2, 2, 1, 2), NULL),
                  tensor(&b, matrix(8, 1), NULL)};
  Node *h = softplus(&b, node_conv(g, node_reshape(g, x, image(2, 4, 4, 1)), wrt[0], &halved));
  h = node_unary(g, OP_TANH, node_conv(g, h, wrt[1], &grouped));
  check_penalty(&b, "convolutional penalty", node_matmul(g, node_reshape(g, h, matrix(2, 8)), wrt[2], false, false), x,
                wrt);
}

// A value used three times, once by itself and once by its slices.
static void test_shared_values(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Node *x = tensor(&b, matrix(2, 6), NULL), *piece[3];
  for (int i = 0; i < 3; i++) piece[i] = node_slice(g, x, (int64_t[]){0, 2 * i}, matrix(2, 2));
  Node *y = node_binary(g, OP_MUL, node_unary(g, OP_TANH, piece[0]), node_binary(g, OP_MUL, piece[1], piece[2]));
  Node *all = node_concat(g, 1, 3, (Node *[]){y, piece[1], y});
  Node *z = node_binary(g, OP_MUL, all, x);
  assert_int_equal(check_twice(&b, "slices", z, 1, &x, 2), 1);
}

// The adjoints of slices that cover a tensor are joined, not padded one by one.
static void test_slices_are_joined(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *x = tensor(&b, matrix(8, 2), NULL), *sum = NULL, *into;
  for (int i = 0; i < 8; i++) {
    Node *row = node_unary(b.g, OP_EXP, node_slice(b.g, x, (int64_t[]){i, 0}, matrix(1, 2)));
    sum = sum ? node_binary(b.g, OP_ADD, sum, row) : row;
  }
  graph_gradient(b.g, sum, 1, &x, &into, NULL);
  assert_int_equal(into->op, OP_CONCAT);
  assert_int_equal(into->arity, 8);
  check_against_differences(&b, "rows", sum, x, into);
}

// ---- random programs: the gradients they compute of their losses

// The slope of the loss along one element, or NaN at a kink or a jump.
static double slope_of(Graph *g, const ReferenceInputs *in, Node *loss, double *x) {
  double at = *x, h = 1e-5, value[3];
  for (int k = 0; k < 3; k++) {
    *x = at + (k - 1) * h;
    value[k] = *reference_eval(arena, g, in, loss);
  }
  *x = at;
  double left = (value[1] - value[0]) / h, right = (value[2] - value[1]) / h;
  return fabs(left - right) <= 1e-2 * (1 + fabs(left)) ? (left + right) / 2 : NAN;
}

static bool is_marked(const Node *n) {
  bool marked = op_class(n->op) == MARK;
  for (int id = 0; n->op == OP_LOOP && id < n->attr.loop->body->count; id++)
    marked = marked || is_marked(n->attr.loop->body->node[id]);
  return marked;
}

// Finite differences see through marks.
static bool marked_between(Graph *g, const Node *loss, const Node *w) {
  for (int id = 0; id <= loss->id; id++) {
    const Node *n = g->node[id];
    if (is_marked(n) && graph_depends(g, n, w) && graph_depends(g, loss, n)) return true;
  }
  return false;
}

static void test_random_programs(void **state) {
  (void)state;
  int compared = 0, kinks = 0;
  for (uint64_t seed = 0; seed < 100; seed++) {
    GraphProgram *p = random_graph(arena, seed);
    Graph *g = p->graph;
    ReferenceInputs in = random_graph_inputs(arena, g, seed);
    Node *loss = p->output[0].value, *into;
    for (int i = 0; i < p->assigns; i++) {
      Node *w = p->assign[i].target;
      if (marked_between(g, loss, w)) continue;
      graph_gradient(g, loss, 1, &w, &into, NULL);
      double *gradient = reference_eval(arena, g, &in, into), *x = (double *)in.tensor[w->attr.id];
      for (int64_t e = 0; e < shape_count(w->shape); e++) {
        double expected = slope_of(g, &in, loss, &x[e]);
        isnan(expected) ? kinks++ : compared++;
        if (isnan(expected) || fabs(gradient[e] - expected) <= 1e-4 * (1 + fabs(expected))) continue;
        fail_msg("seed %d, %s [%d]: %.9g, finite differences say %.9g", (int)seed, g->tensor[w->attr.id].name, (int)e,
                 gradient[e], expected);
      }
    }
  }
  print_message("%d elements compared, %d at a kink or jump left out\n", compared, kinks);
  assert_true(compared > 300 && kinks < compared / 20);
}

// ---- kinks

static void expect_gradient(Bench *b, Node *y, Node *x, int n, const double *expected) {
  Node *into;
  graph_gradient(b->g, y, 1, &x, &into, NULL);
  assert_non_null(into);
  double *value = eval(b, into);
  for (int e = 0; e < n; e++) {
    if (!(fabs(value[e] - expected[e]) < 1e-12))
      fail_msg("gradient [%d] is %g instead of %g", e, value[e], expected[e]);
  }
}

static void test_kinks(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Shape three = shape_of(1, (int64_t[]){3});
  Node *x = tensor(&b, three, (double[]){-1, 0, 1}), *zero = constant(&b, 0, three);
  expect_gradient(&b, node_binary(g, OP_MAX, x, zero), x, 3, (double[]){0, 0.5, 1});
  expect_gradient(&b, node_binary(g, OP_MAX, zero, x), x, 3, (double[]){0, 0.5, 1});  // either way round
  expect_gradient(&b, node_binary(g, OP_MIN, x, zero), x, 3, (double[]){1, 0.5, 0});
  Node *y = tensor(&b, three, (double[]){-1, -1, 2}), *larger = node_binary(g, OP_MAX, x, y);  // of two that move
  expect_gradient(&b, larger, x, 3, (double[]){0.5, 1, 0});
  expect_gradient(&b, larger, y, 3, (double[]){0.5, 0, 1});
  expect_gradient(&b, node_unary(g, OP_ABS, x), x, 3, (double[]){-1, 0, 1});
  Node *power = node_binary(g, OP_POW, tensor(&b, three, (double[]){0, 1, 2}), x);  // d/db a^b is 0 at a = 0, not NaN
  expect_gradient(&b, power, x, 3, (double[]){0, 0, 2 * log(2)});
  Node *tied = tensor(&b, three, (double[]){5, 2, 5});
  expect_gradient(&b, node_reduce(g, OP_MAXIMUM, tied, 1), tied, 3, (double[]){0.5, 0, 0.5});
}

// Smooth functions that are computed in two pieces have the slope and the curvature of the whole where these meet.
static void test_no_kinks(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Shape two = shape_of(1, (int64_t[]){2});
  Node *x = tensor(&b, two, (double[]){0, 0}), *one = constant(&b, 1, two), *y, *slope;
  y = node_unary(g, OP_SOFTPLUS, x);
  graph_gradient(g, y, 1, &x, &slope, NULL);
  expect_gradient(&b, y, x, 2, (double[]){0.5, 0.5});
  expect_gradient(&b, slope, x, 2, (double[]){0.25, 0.25});
  y = node_binary(g, OP_LOG_BERNOULLI, one, x);
  graph_gradient(g, y, 1, &x, &slope, NULL);
  expect_gradient(&b, y, x, 2, (double[]){0.5, 0.5});
  expect_gradient(&b, slope, x, 2, (double[]){-0.25, -0.25});
  y = node_binary(g, OP_KL_DIV, one, node_unary(g, OP_EXP, x));  // exp(x) - 1 - x
  graph_gradient(g, y, 1, &x, &slope, NULL);
  expect_gradient(&b, y, x, 2, (double[]){0, 0});
  expect_gradient(&b, slope, x, 2, (double[]){1, 1});
}

// Where a branch is not taken, its gradient is exactly zero even if its derivative is infinite there.
static void test_select_guards(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Shape two = shape_of(1, (int64_t[]){2});
  Node *x = tensor(&b, two, (double[]){0, 4}), *zero = constant(&b, 0, two);
  Node *positive = node_binary(g, OP_LESS, zero, x);
  Node *safe = node_select(g, positive, x, constant(&b, 1, two));
  expect_gradient(&b, node_select(g, positive, node_unary(g, OP_SQRT, safe), zero), x, 2, (double[]){0, 0.25});
}

// ---- what has no gradient

static void test_no_path(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Shape s = matrix(2, 2);
  Node *used = tensor(&b, s, NULL), *unused = tensor(&b, s, NULL), *stopped = tensor(&b, s, NULL);
  Node *y = node_binary(g, OP_MUL, used, node_unary(g, OP_STOP, stopped)), *blocked = y, *into[3];
  Node *late = node_unary(g, OP_EXP, y);  // made after y
  graph_gradient(g, y, 3, (Node *[]){unused, stopped, late}, into, &blocked);
  for (int i = 0; i < 3; i++) assert_null(into[i]);
  assert_null(blocked);
  graph_gradient(g, y, 1, &y, into, NULL);
  assert_true(into[0]->op == OP_CONST && into[0]->attr.value == 1);
  assert_true(graph_depends(g, y, used) && graph_depends(g, y, stopped));
  assert_false(graph_depends(g, y, unused) || graph_depends(g, y, late));
}

// Nothing is built for tensors that are not asked for.
static void test_frozen_costs_nothing(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Shape s = matrix(3, 3);
  Node *x = tensor(&b, matrix(2, 3), NULL), *frozen = tensor(&b, s, NULL), *moved = tensor(&b, s, NULL);
  Node *h = node_unary(g, OP_TANH, node_matmul(g, x, frozen, false, false));
  Node *y = node_matmul(g, h, moved, false, false), *into;
  int before = g->count;
  graph_gradient(g, y, 1, &moved, &into, NULL);
  assert_int_equal(g->count, before + 2);  // the adjoint of y, and a product
}

static void test_discrete_blocks(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Node *logits = tensor(&b, matrix(2, 2), NULL), *other = tensor(&b, matrix(2, 2), NULL);
  Node *draw = node_unary(g, OP_DISCRETE, node_unary(g, OP_EXP, logits));
  Node *again = node_unary(g, OP_DISCRETE, node_unary(g, OP_TANH, draw));
  Node *y = node_binary(g, OP_MUL, again, other), *into[2], *blocked;
  graph_gradient(g, y, 2, (Node *[]){logits, other}, into, &blocked);
  assert_null(into[0]);
  assert_non_null(into[1]);
  assert_ptr_equal(blocked, draw);
  graph_gradient(g, y, 1, &other, into, &blocked);  // nothing asked for lies behind the draw
  assert_null(blocked);
  graph_gradient(g, node_unary(g, OP_STOP, y), 1, &logits, into, &blocked);
  assert_null(blocked);
  graph_gradient(g, node_unary(g, OP_SIN, draw), 1, &draw, into, &blocked);  // up to the draw itself it flows
  assert_non_null(into[0]);
  assert_null(blocked);
}

static void test_missing_derivative(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  if (ARENA_TRY(a) == 0) {
    Graph *g = graph_new(a);
    Node *x = node_random(g, 1, RANDOM_STEP, (Shape){0}), *into;
    graph_gradient(g, node_unary(g, OP_TRIGAMMA, x), 1, &x, &into, NULL);
  }
  int code = a->code;
  arena_close(a);
  assert_int_equal(code, EXIT_DATA);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, open_arena, close_arena)
      TEST(every_operation),
      TEST(softmax_and_norm),
      TEST(network),
      TEST(gradient_penalty),
      TEST(convolutional_penalty),
      TEST(shared_values),
      TEST(slices_are_joined),
      TEST(kinks),
      TEST(no_kinks),
      TEST(select_guards),
      TEST(no_path),
      TEST(frozen_costs_nothing),
      TEST(discrete_blocks),
      TEST(missing_derivative),
      TEST(random_programs),
  };
  return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
