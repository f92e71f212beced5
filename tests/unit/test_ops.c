// Operations one by one: shape rules, values of the reference evaluator, and the kernels' expressions, by
// tests/op_cases.c.
#include <math.h>

#include "op_cases.h"
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

static double eighths(void *self, const Node *n, int64_t row, int64_t element) {
  (void)self;
  return (double)(row * n->shape.dim[n->shape.rank - 1] + element + 1) / 8;
}

static void expect_near(const OpCase *c, int element, double value, double expected, double tolerance) {
  if (fabs(value - expected) <= tolerance * (1 + fabs(expected))) return;
  fail_msg("%s, row %d, element %d: %.9g instead of %.9g", op_name(c->op), (int)(c - op_cases), element, value,
           expected);
}

// The operation of a case, on persistent tensors 0, 1, 2.
static Node *build(const OpCase *c, Graph **graph) {
  Graph *g = *graph = graph_new(arena);
  g->tensors = 3;
  g->tensor = NEW_ARRAY(arena, TensorInfo, 3);
  g->inputs = 1;
  g->input = NEW_ARRAY(arena, InputInfo, 1);
  g->input[0] = (InputInfo){.name = "x", .shape = c->in[0], .lo = -INFINITY, .hi = INFINITY};
  Node *in[3];
  for (int i = 0; i < 3; i++) {
    g->tensor[i] = (TensorInfo){.name = "abc", .shape = c->in[i], .lo = -INFINITY, .hi = INFINITY};
  }
  for (int i = 0; i < c->arity; i++) in[i] = node_weight(g, i);
  return graph_node(g, c->op, c->arity, in, &c->attr, &c->given);
}

static void test_every_operation_has_a_case(void **state) {
  (void)state;
  bool seen[OP_COUNT] = {false};
  for (int k = 0; k < op_case_count; k++) seen[op_cases[k].op] = true;
  for (int op = 0; op < OP_COUNT; op++) {
    if (!seen[op] && op_class((Op)op) != CONTROL)
      fail_msg("operation %s has no row in tests/op_cases.c", op_name((Op)op));
  }
}

static void test_shapes_and_values(void **state) {
  (void)state;
  for (int k = 0; k < op_case_count; k++) {
    const OpCase *c = &op_cases[k];
    Graph *g;
    Node *n = build(c, &g);
    assert_int_equal(n->op, c->op);
    if (!shape_equal(n->shape, c->out)) {
      fail_msg("%s, row %d: shape %s", op_name(c->op), k, shape_text(arena, n->shape));
    }
    const double *value[3] = {c->value[0], c->value[1], c->value[2]};
    const double *column = op_examples;
    ReferenceInputs in = {.tensor = value, .input = value, .random = eighths, .column = &column};
    double *out = reference_eval(arena, g, &in, n);
    for (int e = 0; e < shape_count(n->shape); e++) expect_near(c, e, out[e], c->expect[e], 1e-13);
  }
}

// Constants are folded by the expression that the executor compiles.
static void test_expressions_of_kernels(void **state) {
  (void)state;
  Shape scalar = {0};
  for (int k = 0; k < op_case_count; k++) {
    const OpCase *c = &op_cases[k];
    if (op_class(c->op) != ELEMENTWISE) continue;
    Graph *g = graph_new(arena);
    for (int e = 0; e < shape_count(c->out); e++) {
      Node *in[3];
      for (int i = 0; i < c->arity; i++) in[i] = node_const(g, c->value[i][e], scalar);
      Node *n = graph_node(g, c->op, c->arity, in, NULL, NULL);
      assert_int_equal(n->op, OP_CONST);
      expect_near(c, e, n->attr.value, c->expect[e], 5e-7);
    }
  }
}

// ---- what the shape rules refuse

typedef struct {
  Op op;
  int arity;
  Shape in[2];
  Attr attr;
  Shape given;
} Violation;

// clang-format off
#define NONE {.value = 0}  // no attributes
#define S0 {0, {0}}

static const Violation violations[] = {
    {OP_CONST, 0, {S0}, NONE, {1, {0}}},                                      // no elements
    {OP_CONST, 0, {S0}, NONE, {1, {-1}}},
    {OP_CONST, 0, {S0}, NONE, {MAX_RANK + 1, {1, 1, 1, 1, 1, 1}}},
    {OP_WEIGHT, 0, {S0}, {.id = 7}, {1, {2}}},                               // no such tensor
    {OP_INPUT, 0, {S0}, {.id = -1}, {1, {2}}},
    {OP_IOTA, 0, {S0}, {.a = {1}}, {1, {2}}},
    {OP_RANDOM, 0, {S0}, {.flag = 3}, {1, {2}}},
    {OP_ADD, 2, {{1, {2}}, {1, {3}}}, NONE, S0},
    {OP_ADD, 2, {{1, {2}}, {2, {1, 2}}}, NONE, S0},
    {OP_ADD, 1, {{1, {2}}}, NONE, S0},                                        // wrong arity
    {OP_RESHAPE, 1, {{1, {6}}}, NONE, {1, {5}}},
    {OP_PERMUTE, 1, {{2, {2, 3}}}, {.a = {0, 0}}, S0},
    {OP_PERMUTE, 1, {{2, {2, 3}}}, {.a = {0, 2}}, S0},
    {OP_BROADCAST, 1, {{1, {2}}}, NONE, {1, {4}}},
    {OP_BROADCAST, 1, {{1, {1}}}, NONE, {2, {1, 4}}},
    {OP_SLICE, 1, {{1, {4}}}, {.a = {3}}, {1, {2}}},
    {OP_SLICE, 1, {{1, {4}}}, {.a = {-1}}, {1, {2}}},
    {OP_PAD, 1, {{1, {4}}}, {.a = {-1}}, S0},
    {OP_PAD, 1, {{1, {4}}}, {.a = {INT64_MAX}, .b = {1}}, S0},
    {OP_CONCAT, 0, {S0}, NONE, S0},
    {OP_CONCAT, 2, {{2, {2, 2}}, {2, {3, 3}}}, NONE, S0},
    {OP_CONCAT, 2, {{1, {2}}, {1, {3}}}, {.a = {1}}, S0},
    {OP_GATHER, 2, {{0}, {1, {2}}}, NONE, S0},
    {OP_SCATTER, 2, {{1, {2}}, {1, {3}}}, {.a = {4}}, S0},
    {OP_SCATTER, 2, {{1, {2}}, {1, {2}}}, {.a = {0}}, S0},
    {OP_SUM, 1, {{1, {2}}}, {.axes = 2}, S0},
    {OP_SUM, 1, {{1, {2}}}, {.axes = 0}, S0},
    {OP_CUMSUM, 1, {{1, {2}}}, {.a = {1}}, S0},
    {OP_MATMUL, 2, {{2, {2, 3}}, {2, {2, 3}}}, NONE, S0},
    {OP_MATMUL, 2, {{1, {3}}, {2, {3, 3}}}, NONE, S0},
    {OP_MATMUL, 2, {{3, {2, 3, 3}}, {3, {4, 3, 3}}}, NONE, S0},
    {OP_CHOLESKY, 1, {{2, {2, 3}}}, NONE, S0},
    {OP_CHOLESKY, 1, {{1, {4}}}, NONE, S0},
    {OP_NEAREST, 2, {{1, {4}}, S0}, {.flag = 1}, S0},
    {OP_NEAREST, 2, {{2, {2, 4}}, {1, {1}}}, {.flag = 1}, S0},
    {OP_NEAREST, 2, {{2, {2, 4}}, S0}, NONE, S0},
    {OP_NEAREST, 2, {{2, {2, 4}}, S0}, {.flag = MOST_NEAREST + 1}, S0},
    {OP_SOLVE, 2, {{2, {2, 3}}, {2, {2, 1}}}, NONE, S0},
    {OP_SOLVE, 2, {{2, {2, 2}}, {2, {3, 1}}}, NONE, S0},
    {OP_SOLVE, 2, {{2, {2, 2}}, {1, {2}}}, NONE, S0},
    {OP_SOLVE, 2, {{3, {2, 3, 3}}, {3, {4, 3, 3}}}, NONE, S0},
    {OP_SOLVE, 2, {{2, {2, 2}}, {2, {2, 1}}}, {.flag = 2}, S0},
    {OP_CONV, 2, {{4, {1, 3, 3, 2}}, {4, {2, 2, 1, 2}}}, {.a = {1, 1, 1, 1, 1}}, S0},
    {OP_CONV, 2, {{4, {1, 3, 3, 2}}, {4, {2, 2, 1, 3}}}, {.a = {1, 1, 1, 1, 2}}, S0},
    {OP_CONV, 2, {{4, {1, 3, 3, 2}}, {4, {4, 2, 2, 2}}}, {.a = {1, 1, 1, 1, 1}}, S0},
    {OP_CONV, 2, {{4, {1, 3, 3, 2}}, {4, {2, 2, 2, 2}}}, {.a = {0, 1, 1, 1, 1}}, S0},
    {OP_CONV, 2, {{4, {1, 3, 3, 2}}, {4, {2, 2, 2, 2}}}, {.a = {1, 1, 1, 1, 1}, .b = {-1}}, S0},
    {OP_CONV, 2, {{4, {1, 3, 3, 2}}, {4, {2, 2, 2, 2}}}, {.a = {1, 1, 1, 1, 1, 15}}, S0},
    {OP_CONV, 2, {{3, {3, 3, 2}}, {4, {2, 2, 2, 2}}}, {.a = {1, 1, 1, 1, 1}}, S0},
    {OP_CONV_INPUT, 2, {{4, {1, 2, 2, 2}}, {4, {2, 2, 2, 2}}}, {.a = {1, 1, 1, 1, 1}}, {4, {1, 4, 3, 2}}},
    {OP_CONV_WEIGHT, 2, {{4, {1, 3, 3, 2}}, {4, {1, 2, 2, 2}}}, {.a = {1, 1, 1, 1, 1}}, {4, {1, 2, 2, 2}}},
};

// clang-format on

// The exit code of the violation. The message goes to stderr.
static int provoke(const Violation *v) {
  Arena *a = arena_open(NULL);
  if (ARENA_TRY(a) == 0) {
    Graph *g = graph_new(a);
    Node *in[2];
    for (int i = 0; i < v->arity; i++) in[i] = node_random(g, (uint32_t)i, RANDOM_STEP, v->in[i]);
    graph_node(g, v->op, v->arity, in, &v->attr, &v->given);
  }
  int code = a->code;
  arena_close(a);
  return code;
}

static void test_violations(void **state) {
  (void)state;
  const Violation large = {OP_CONST, 0, {S0}, NONE, {2, {1 << 30, 1 << 30}}};  // what a user may well ask for
  assert_int_equal(provoke(&large), EXIT_DATA);
  for (size_t k = 0; k < sizeof violations / sizeof *violations; k++) {
    if (provoke(&violations[k]) != EXIT_SOFTWARE) fail_msg("violation %d was not refused", (int)k);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_operation_has_a_case),
      cmocka_unit_test_setup_teardown(test_shapes_and_values, open_arena, close_arena),
      cmocka_unit_test_setup_teardown(test_expressions_of_kernels, open_arena, close_arena),
      cmocka_unit_test(test_violations),
  };
  return cmocka_run_group_tests_name("operations", tests, NULL, NULL);
}
