// Plans executed, against the oracle: what the planner lays out and the executor runs must be what the graph says.
//
// Random programs and the graphs of tests/plans, with gradients and assignments among them. Memory is filled with NaN
// first, so that what is read before it is written shows, and every program is run on one thread and on three, which
// must not change a bit.
#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/exec.h"
#include "engine/kernel_pieces.h"
#include "op_cases.h"
#include "op_program.h"
#include "plan/planner.h"
#include "random_graph.h"
#include "random_matrices.h"

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#define CASES "tests/plans"
enum { SEEDS = 300, ROWS = 256 };
static const double TOLERANCE = 2e-4;  // of the largest value of a tensor, and of 1

typedef struct {
  Arena *arena;
  GraphProgram *program;
  ReferenceInputs in;
  Plan *plan;
  Run run;
} Bench;

static double drawn(void *self, const Node *n, int64_t row, int64_t element) {
  const Bench *b = self;
  float *numbers = NEW_ARRAY(b->arena, float, (row + 1) * (element + 1));
  const Random r = {
      .out = numbers, .rows = row + 1, .count = element + 1, .stream = n->attr.id, .address = n->attr.flag};
  random_piece(&b->run, &r, row, row + 1);
  return (double)numbers[row * (element + 1) + element];
}

static void feed(Bench *b) {
  const PlanProgram *p = b->plan->program;
  const Graph *g = b->program->graph;
  for (int i = 0, k = 0; i < g->inputs && k < p->feeds; i++) {
    bool fed =
        (p->feed[k].kind == FEED_COLUMN) == (g->input[i].kind == INPUT_COLUMN) && p->feed[k].index == g->input[i].index;
    if (!fed) continue;  // nothing reads it
    int64_t n = shape_count(g->input[i].shape);
    for (int64_t e = 0; e < n; e++) b->run.memory[p->feed[k].at + e] = (float)b->in.input[i][e];
    k++;
  }
}

static void execute(Bench *b, int threads) {
  const Plan *plan = b->plan;
  Run *r = &b->run;
  *r = (Run){.arena = b->arena, .plan = plan, .seed = 5, .purpose = PURPOSE_TRAIN, .step = 3, .train = op_training(b->arena)};
  r->memory = NEW_ARRAY(b->arena, float, plan->peak + 1);
  r->example = NEW_ARRAY(b->arena, int32_t, ROWS);
  for (int i = 0; i < ROWS; i++) r->example[i] = 7 * i;
  for (int64_t i = 0; i < plan->peak; i++) r->memory[i] = NAN;
  for (int i = 0; i < plan->tensors; i++) {
    for (int64_t e = 0; e < plan->tensor[i].count; e++) r->memory[plan->tensor[i].at + e] = (float)b->in.tensor[i][e];
  }
  feed(b);
  exec_open(r, threads);
  r->execute(r, 0);
}

// As the second batch of a pass: what the first steps have made is still there, whatever the others have written.
static void execute_again(Bench *b) {
  const PlanProgram *p = b->plan->program;
  if (!p->still) return;
  float *once = NEW_ARRAY(b->arena, float, b->plan->peak + 1);
  memcpy(once, b->run.memory, (size_t)b->plan->peak * sizeof *once);
  feed(b);
  b->run.again = true;
  b->run.execute(&b->run, 0);
  b->run.again = false;
  for (int i = 0; i < p->outputs; i++) {
    const PlanOutput *o = &p->output[i];
    int64_t n = o->count * (o->per_example ? p->batch : 1);
    assert_memory_equal(b->run.memory + o->at, once + o->at, (size_t)n * sizeof *once);
  }
}

static void compare(Bench *b, const char *what, const Node *n, const double *want, int64_t at) {
  double scale = 1;
  for (int64_t e = 0; e < shape_count(n->shape); e++) scale = fmax(scale, fabs(want[e]));
  for (int64_t e = 0; e < shape_count(n->shape); e++) {
    double got = (double)b->run.memory[at + e];
    if (fabs(got - want[e]) <= TOLERANCE * scale || (isnan(got) && isnan(want[e]))) continue;
    print_error("%s, %s [%lld]: got %g, wanted %g\n", b->program->name, what, (long long)e, got, want[e]);
    assert_true(false);
  }
}

static void check_inputs(Arena *parent, GraphProgram *p, ReferenceInputs in) {
  Bench b = {.arena = arena_open(parent), .program = p};
  const Graph *g = p->graph;
  ModelProgram mp = {.graph = *p, .batch = g->inputs && g->input[0].shape.rank ? g->input[0].shape.dim[0] : 1};
  Model m = {
      .arena = b.arena, .name = "test", .program = &mp, .programs = 1, .tensor = g->tensor, .tensors = g->tensors};
  b.in = in;
  b.in.random = drawn, b.in.self = &b;
  b.plan = plan_model(b.arena, &m);
  plan_verify(b.arena, b.plan);
  execute(&b, 3);
  const float *three = b.run.memory;
  execute(&b, 1);
  assert_memory_equal(b.run.memory, three, (size_t)b.plan->peak * sizeof *three);
  execute_again(&b);
  int n = p->outputs + p->assigns;
  Node **wanted = NEW_ARRAY(b.arena, Node *, n + 1);
  double **want = NEW_ARRAY(b.arena, double *, n + 1);
  for (int i = 0; i < n; i++) wanted[i] = i < p->outputs ? p->output[i].value : p->assign[i - p->outputs].value;
  reference_eval_many(b.arena, g, &b.in, n, wanted, want);
  for (int i = 0; i < p->outputs; i++)
    compare(&b, p->output[i].name, wanted[i], want[i], b.plan->program->output[i].at);
  for (int i = 0; i < p->assigns; i++) {
    int tensor = p->assign[i].target->attr.id, k = p->outputs + i;
    compare(&b, g->tensor[tensor].name, wanted[k], want[k], b.plan->tensor[tensor].at);
  }
  arena_close(b.arena);
}

static void check_program(Arena *a, GraphProgram *p, uint64_t seed) {
  check_inputs(a, p, random_graph_inputs(a, p->graph, seed));
}

// A new operation is held against the oracle here by its rows alone.
static void every_operation(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_non_null(a);
  const double *column = op_examples;
  ReferenceInputs in = {.column = &column};
  GraphProgram *p = op_program(a, &in.tensor);
  check_inputs(a, p, in);
  arena_close(a);
}

static void random_programs(void **state) {
  (void)state;
  for (uint64_t seed = 1000; seed < 1000 + SEEDS; seed++) {
    Arena *a = arena_open(NULL);
    assert_non_null(a);
    GraphProgram *p = random_graph(a, seed);
    p->name = arena_format(a, "seed %llu", (unsigned long long)seed);
    check_program(a, p, seed);
    arena_close(a);
  }
}

static void random_updates(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    Arena *a = arena_open(NULL);
    assert_non_null(a);
    check_program(a, random_matrices(a, seed), seed);
    arena_close(a);
  }
}

static GraphProgram *read_case(Arena *a, const char *name) {
  FILE *f = fopen(arena_format(a, "%s/%s", CASES, name), "r");
  assert_non_null(f);
  Text t = text_new(a);
  char line[4096];
  while (fgets(line, sizeof line, f) && strncmp(line, "==>", 3) != 0) text_append(&t, line, strlen(line));
  fclose(f);
  return graph_parse(a, t.data);
}

static void golden_programs(void **state) {
  (void)state;
  DIR *d = opendir(CASES);
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));) {
    if (!strstr(e->d_name, ".txt")) continue;
    Arena *a = arena_open(NULL);
    assert_non_null(a);
    check_program(a, read_case(a, e->d_name), 1);
    arena_close(a);
  }
  closedir(d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operation),
      cmocka_unit_test(random_programs),
      cmocka_unit_test(random_updates),
      cmocka_unit_test(golden_programs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
