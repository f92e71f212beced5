// Loops of graphs: what they compute, and their gradients once and twice, against the same turns written out one after
// another and against finite differences; their text; and when two are one.
#include <math.h>
#include <string.h>

#include "graph/graph_rules.h"
#include "graph/reference.h"

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

static Shape vector(int64_t n) { return shape_of(1, &n); }
static Shape matrix(int64_t m, int64_t n) { return shape_of(2, (int64_t[]){m, n}); }

// ---- a graph over tensors with values

enum { MOST_TENSORS = 8, BATCH = 2, IN = 3, UNITS = 4, TURNS = 5 };
typedef struct {
  Graph *g;
  double *value[MOST_TENSORS];
} Bench;

static Bench bench_new(void) {
  Bench b = {.g = graph_new(arena)};
  b.g->tensor = NEW_ARRAY(arena, TensorInfo, MOST_TENSORS);
  return b;
}

static Node *tensor(Bench *b, Shape shape) {
  int id = b->g->tensors++;
  assert_true(id < MOST_TENSORS);
  const char *name = arena_format(arena, "t%d", id);
  b->g->tensor[id] = (TensorInfo){.name = name, .shape = shape, .lo = -INFINITY, .hi = INFINITY, .span = {-1, 0, 0}};
  b->value[id] = NEW_ARRAY(arena, double, shape_count(shape));
  for (int64_t e = 0; e < shape_count(shape); e++) b->value[id][e] = 0.6 * sin((double)(7 * e + 3 * id + 1) * 1.7);
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

static double difference(Bench *b, Node *y, int id, int64_t e) {
  double *x = &b->value[id][e], at = *x, h = 2e-3, slope[2];
  for (int k = 0; k < 2; k++, h /= 2) {
    *x = at + h;
    double above = total(b, y);
    *x = at - h;
    slope[k] = (above - total(b, y)) / (2 * h);
  }
  *x = at;
  return (4 * slope[1] - slope[0]) / 3;
}

static void check_differences(Bench *b, Node *y, const Node *wrt, Node *gradient) {
  double *value = eval(b, gradient);
  assert_true(shape_equal(gradient->shape, wrt->shape));
  for (int64_t e = 0; e < shape_count(wrt->shape); e++) {
    double expected = difference(b, y, wrt->attr.id, e);
    if (fabs(value[e] - expected) > 1e-6 * (1 + fabs(expected)))
      fail_msg("gradient [%d] of t%d is %.9g, finite differences say %.9g", (int)e, wrt->attr.id, value[e], expected);
  }
}

static void check_equal(Bench *b, Node *x, Node *y) {
  double *p = eval(b, x), *q = eval(b, y);
  assert_true(shape_equal(x->shape, y->shape));
  for (int64_t e = 0; e < shape_count(x->shape); e++)
    if (fabs(p[e] - q[e]) > 1e-12 * (1 + fabs(q[e]))) fail_msg("element %d is %.15g and %.15g", (int)e, p[e], q[e]);
}

// Numbers that make the sum of products depend on every element in its own way.
static Node *weighed(Graph *g, Node *y) {
  int64_t n = shape_count(y->shape);
  Node *index = node_iota(g, 0, vector(n > 1 ? n : 2));
  Node *weight = node_unary(g, OP_COS, node_binary(g, OP_MUL, index, node_const(g, 1.3, index->shape)));
  if (n == 1) weight = node_slice(g, weight, (int64_t[MAX_RANK]){0}, vector(1));
  Node *product = node_binary(g, OP_MUL, y, node_reshape(g, weight, y->shape));
  return node_reduce(g, OP_SUM, product, (1u << y->shape.rank) - 1);
}

// ---- a turn, in a body or written out

typedef struct {
  Node *h, *x, *w, *u, *bias;
} Turn;

// h <- tanh(x w + h u + bias)
static Node *turn(Graph *g, Turn t) {
  Node *sum = node_binary(g, OP_ADD, node_matmul(g, t.x, t.w, false, false), node_matmul(g, t.h, t.u, false, false));
  Node *bias = node_broadcast(g, node_reshape(g, t.bias, matrix(1, UNITS)), sum->shape);
  return node_unary(g, OP_TANH, node_binary(g, OP_ADD, sum, bias));
}

// Last and stacked values.
typedef struct {
  Node *last, *each;
} Both;

static Both looped(Graph *g, Turn t, bool reversed) {
  GraphLoop *l = loop_new(arena, TURNS, reversed);
  Turn in = {.h = loop_input(l, OPERAND_CARRIED, t.h, "h"),
             .x = loop_input(l, OPERAND_SLICED, t.x, "x"),
             .w = loop_input(l, OPERAND_FIXED, t.w, "w"),
             .u = loop_input(l, OPERAND_FIXED, t.u, "u"),
             .bias = loop_input(l, OPERAND_FIXED, t.bias, "bias")};
  Node *next = turn(l->body, in);
  l->next[in.h->attr.id] = next;
  int each = loop_stack(l, next);
  Node *loop = node_loop(g, l);
  return (Both){node_result(g, loop, in.h->attr.id), node_result(g, loop, each)};
}

static Both written_out(Graph *g, Turn t, bool reversed) {
  Node *h = t.h, *each[TURNS];
  for (int i = 0; i < TURNS; i++) {
    int at = reversed ? TURNS - 1 - i : i;
    Turn in = t;
    in.h = h;
    in.x = node_reshape(g, node_slice(g, t.x, (int64_t[MAX_RANK]){at}, shape_of(3, (int64_t[]){1, BATCH, IN})),
                        matrix(BATCH, IN));
    h = turn(g, in);
    each[at] = node_reshape(g, h, shape_of(3, (int64_t[]){1, BATCH, UNITS}));
  }
  return (Both){h, node_concat(g, 0, TURNS, each)};
}

static Turn tensors(Bench *b) {
  return (Turn){.h = tensor(b, matrix(BATCH, UNITS)),
                .x = tensor(b, shape_of(3, (int64_t[]){TURNS, BATCH, IN})),
                .w = tensor(b, matrix(IN, UNITS)),
                .u = tensor(b, matrix(UNITS, UNITS)),
                .bias = tensor(b, vector(UNITS))};
}

static Node *goal(Graph *g, Both r) { return node_binary(g, OP_ADD, weighed(g, r.last), weighed(g, r.each)); }

// ---- values and gradients

static void test_recurrent(void **state) {
  (void)state;
  for (int reversed = 0; reversed < 2; reversed++) {
    Bench b = bench_new();
    Turn t = tensors(&b);
    Node *wrt[] = {t.h, t.x, t.w, t.u, t.bias}, *by_loop[5], *by_turns[5];
    Both loop = looped(b.g, t, reversed), out = written_out(b.g, t, reversed);
    check_equal(&b, loop.last, out.last);
    check_equal(&b, loop.each, out.each);
    graph_gradient(b.g, goal(b.g, loop), 5, wrt, by_loop, NULL);
    graph_gradient(b.g, goal(b.g, out), 5, wrt, by_turns, NULL);
    for (int i = 0; i < 5; i++) {
      check_equal(&b, by_loop[i], by_turns[i]);
      check_differences(&b, goal(b.g, loop), wrt[i], by_loop[i]);
    }
    graph_verify(&(GraphProgram){.name = "", .graph = b.g});
  }
}

static void test_second_derivatives(void **state) {
  (void)state;
  Bench b = bench_new();
  Turn t = tensors(&b);
  Node *wrt[] = {t.h, t.x, t.w, t.u, t.bias}, *loop[5], *out[5];
  graph_gradient(b.g, goal(b.g, looped(b.g, t, false)), 5, wrt, loop, NULL);
  graph_gradient(b.g, goal(b.g, written_out(b.g, t, false)), 5, wrt, out, NULL);
  for (int i = 0; i < 5; i++) {
    Node *by_loop[5], *by_turns[5], *first = weighed(b.g, loop[i]);
    graph_gradient(b.g, first, 5, wrt, by_loop, NULL);
    graph_gradient(b.g, weighed(b.g, out[i]), 5, wrt, by_turns, NULL);
    for (int k = 0; k < 5; k++) {
      check_equal(&b, by_loop[k], by_turns[k]);
      if (i == 3) check_differences(&b, first, wrt[k], by_loop[k]);
    }
  }
  graph_verify(&(GraphProgram){.name = "", .graph = b.g});
}

// A loop in a loop: y <- y + sin(c y) three times, twice over, c of the outer turn.
static Node *nested(Graph *g, Node *y, Node *c) {
  GraphLoop *outer = loop_new(arena, 2, false), *inner = loop_new(arena, 3, false);
  Node *at = loop_input(outer, OPERAND_CARRIED, y, "y"), *by = loop_input(outer, OPERAND_SLICED, c, "c");
  Node *in = loop_input(inner, OPERAND_CARRIED, at, "y"), *factor = loop_input(inner, OPERAND_FIXED, by, "c");
  Node *wave = node_unary(inner->body, OP_SIN, node_binary(inner->body, OP_MUL, factor, in));
  inner->next[0] = node_binary(inner->body, OP_ADD, in, wave);
  outer->next[0] = node_result(outer->body, node_loop(outer->body, inner), 0);
  return node_result(g, node_loop(g, outer), 0);
}

static Node *nested_out(Graph *g, Node *y, Node *c) {
  for (int i = 0; i < 2; i++) {
    Node *by = node_reshape(g, node_slice(g, c, (int64_t[MAX_RANK]){i}, matrix(1, 3)), vector(3));
    for (int k = 0; k < 3; k++) y = node_binary(g, OP_ADD, y, node_unary(g, OP_SIN, node_binary(g, OP_MUL, by, y)));
  }
  return y;
}

static void test_nested(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *wrt[] = {tensor(&b, vector(3)), tensor(&b, matrix(2, 3))}, *loop[2], *out[2];
  Node *by_loop = nested(b.g, wrt[0], wrt[1]), *by_turns = nested_out(b.g, wrt[0], wrt[1]);
  check_equal(&b, by_loop, by_turns);
  graph_gradient(b.g, weighed(b.g, by_loop), 2, wrt, loop, NULL);
  graph_gradient(b.g, weighed(b.g, by_turns), 2, wrt, out, NULL);
  for (int i = 0; i < 2; i++) {
    Node *second[2], *second_out[2];
    check_equal(&b, loop[i], out[i]);
    graph_gradient(b.g, weighed(b.g, loop[i]), 2, wrt, second, NULL);
    graph_gradient(b.g, weighed(b.g, out[i]), 2, wrt, second_out, NULL);
    for (int k = 0; k < 2; k++) check_equal(&b, second[k], second_out[k]);
  }
  graph_verify(&(GraphProgram){.name = "", .graph = b.g});
}

// ---- what has no gradient, or only a part

static void test_blocked(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *h = tensor(&b, vector(3)), *w = tensor(&b, vector(3)), *into[2], *blocked = NULL;
  GraphLoop *l = loop_new(arena, 4, false);
  Node *in = loop_input(l, OPERAND_CARRIED, h, "h"), *by = loop_input(l, OPERAND_FIXED, w, "w");
  Node *choice = node_unary(l->body, OP_DISCRETE, node_binary(l->body, OP_LESS, in, by));
  l->next[0] = node_binary(l->body, OP_ADD, node_unary(l->body, OP_STOP, in), node_unary(l->body, OP_DISCRETE, by));
  int each = loop_stack(l, choice);
  Node *loop = node_loop(b.g, l);
  graph_gradient(b.g, weighed(b.g, node_result(b.g, loop, 0)), 2, (Node *[]){h, w}, into, &blocked);
  assert_null(into[0]);
  assert_null(into[1]);
  assert_non_null(blocked);
  assert_int_equal(blocked->op, OP_DISCRETE);
  graph_gradient(b.g, weighed(b.g, node_result(b.g, loop, each)), 2, (Node *[]){h, w}, into, NULL);
  assert_null(into[0]);
}

// ---- random numbers: a turn's are those of its part of one draw

static void test_random(void **state) {
  (void)state;
  Bench b = bench_new();
  Graph *g = b.g;
  Node *zero = node_const(g, 0, matrix(BATCH, UNITS));
  GraphLoop *l = loop_new(arena, TURNS, true);
  Node *sum = loop_input(l, OPERAND_CARRIED, zero, "sum");
  Attr attr = {.a = {UNITS}, .id = 9, .flag = RANDOM_STEP};
  Node *u = graph_node(l->body, OP_RANDOM, 0, NULL, &attr, &zero->shape);
  l->next[0] = node_binary(l->body, OP_ADD, sum, u);
  int each = loop_stack(l, u);
  Node *whole = node_random(g, 9, RANDOM_STEP, shape_of(3, (int64_t[]){BATCH, TURNS, UNITS}));
  Node *loop = node_loop(g, l);
  check_equal(&b, node_result(g, loop, each), node_permute(g, whole, (int[]){1, 0, 2}));
  check_equal(&b, node_result(g, loop, 0), node_reduce(g, OP_SUM, whole, 2));
}

// ---- equality, simplification, text

static void test_equal_loops(void **state) {
  (void)state;
  Bench b = bench_new();
  Turn t = tensors(&b);
  Both one = looped(b.g, t, false);
  Node *into;
  assert_ptr_equal(looped(b.g, t, false).each, one.each);
  assert_ptr_not_equal(looped(b.g, t, true).each, one.each);
  graph_gradient(b.g, goal(b.g, one), 1, &t.u, &into, NULL);
  assert_ptr_equal(looped(b.g, t, false).each, one.each);  // also when its gradient has stacked more of it
}

static void test_simple_results(void **state) {
  (void)state;
  Bench b = bench_new();
  Node *h = tensor(&b, vector(3)), *x = tensor(&b, matrix(4, 3));
  GraphLoop *l = loop_new(arena, 4, false);
  Node *in = loop_input(l, OPERAND_CARRIED, h, "h"), *part = loop_input(l, OPERAND_SLICED, x, "x");
  l->next[0] = in;
  int each = loop_stack(l, part), constant = loop_stack(l, node_const(l->body, 2, vector(3)));
  Node *loop = node_loop(b.g, l);
  assert_ptr_equal(node_result(b.g, loop, 0), h);
  assert_ptr_equal(node_result(b.g, loop, each), x);
  assert_ptr_equal(node_result(b.g, loop, constant), node_const(b.g, 2, x->shape));
}

static void test_text(void **state) {
  (void)state;
  Bench b = bench_new();
  Turn t = tensors(&b);
  Node *into[2], *y = tensor(&b, vector(3)), *c = tensor(&b, matrix(2, 3));
  graph_gradient(b.g, goal(b.g, looped(b.g, t, true)), 1, &t.u, into, NULL);
  graph_gradient(b.g, weighed(b.g, nested(b.g, y, c)), 1, &y, into + 1, NULL);
  Output out[] = {{.name = "u", .value = into[0]}, {.name = "y", .value = into[1]}};
  Text first = text_new(arena), again = text_new(arena);
  graph_print(&first, &(GraphProgram){.name = "loops", .graph = b.g, .output = out, .outputs = 2});
  GraphProgram *back = graph_parse(arena, first.data);
  graph_verify(back);
  graph_print(&again, back);
  assert_string_equal(first.data, again.data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_recurrent),      cmocka_unit_test(test_second_derivatives),
      cmocka_unit_test(test_nested),         cmocka_unit_test(test_blocked),
      cmocka_unit_test(test_random),         cmocka_unit_test(test_equal_loops),
      cmocka_unit_test(test_simple_results), cmocka_unit_test(test_text),
  };
  return cmocka_run_group_tests(tests, open_arena, close_arena);
}
