// The planner: graphs in, text out, for each file of tests/plans; and random programs, whose plans must hold together.
//
// A case is a graph, then sections that begin with a line `==> passes`, `==> fused` or `==> plan` and hold what that
// stage must print. With GMC_PROMOTE set in the environment the sections are rewritten instead.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plan/planner.h"
#include "random_graph.h"
#include "std_page.h"

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "golden.h"

enum { SEEDS = 400 };

// A model of one program.
static Model *model_of(const GraphProgram *p) {
  Model *m = NEW(arena, Model);
  const Graph *g = p->graph;
  m->arena = arena;
  m->name = "test";
  m->program = NEW(arena, ModelProgram);
  m->program->graph = *p;
  m->program->batch = g->inputs && g->input[0].shape.rank ? g->input[0].shape.dim[0] : 1;
  m->programs = 1;
  m->tensor = g->tensor, m->tensors = g->tensors;
  return m;
}

// ---- golden text

static const char *stage_text(const GraphProgram *p, const char *stage) {
  Text t = text_new(arena);
  if (strcmp(stage, "passes") == 0) {
    graph_print(&t, run_passes(arena, p));
  } else {
    assert_true(dump_stage(&t, model_of(p), stage));
  }
  return t.data;
}

// The case as it should be: the graph as it stands, and each section as it is now.
static const char *renew(const char *text) {
  const char *section = strstr(text, "==> ");
  assert_non_null(section);
  size_t head = (size_t)(section - text);
  GraphProgram *p = graph_parse(arena, arena_slice(arena, text, head));
  Text out = text_new(arena);
  text_append(&out, text, head);
  for (; section; section = strstr(section + 1, "\n==> "), section = section ? section + 1 : NULL) {
    const char *stage = arena_slice(arena, section + 4, strcspn(section + 4, "\n"));
    text_add(&out, "==> %s\n%s", stage, stage_text(p, stage));
  }
  return out.data;
}

static bool case_holds(const char *path) {
  const char *want = read_text(path);
  return golden_holds(path, want, renew(want));
}

static void golden(void **state) {
  (void)state;
  golden_folder("tests/plans", ".txt", case_holds);
}

// ---- what must hold of every plan

static void random_plans_hold(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    Plan *plan = plan_model(arena, model_of(random_graph(arena, seed)));
    plan_verify(arena, plan);
    assert_true(plan->program[0].kernels > 0);
  }
}

static void plans_repeat(void **state) {
  (void)state;
  Text first = text_new(arena), second = text_new(arena);
  plan_print(&first, plan_model(arena, model_of(random_graph(arena, 7))));
  plan_print(&second, plan_model(arena, model_of(random_graph(arena, 7))));
  assert_string_equal(first.data, second.data);
}

// ---- lines of a round

// Whether an operand of the kernel, written or read, is a tensor whose name begins so.
static bool touches(const Plan *plan, const Kernel *k, const char *stem, bool write) {
  for (int i = 0; i < k->operands; i++)
    for (int t = 0; t < plan->tensors; t++) {
      bool same = plan->tensor[t].at == k->operand[i].view.at && k->operand[i].write == write;
      if (same && strncmp(plan->tensor[t].name, stem, strlen(stem)) == 0) return true;
    }
  return false;
}

// Two players; both lines read one draw.
static const char game[] =
    "model game\ndata x[3] from npy(\"x.npy\")\nprior z[2] ~ normal(0, 1)\n"
    "net D(v | x) { v = x |> dense(4) |> tanh |> dense(1) |> sum }\n"
    "net G(x | z) { x = z |> dense(4) |> tanh |> dense(3) }\n"
    "objective judge { z ~ prior(z)   minimize square(D(x)) - D(G(z)) }\n"
    "objective fool { z ~ prior(z)   minimize D(G(z)) }\n"
    "train { minimize judge over D with adam(0.1)   minimize fool over G with sgd(0.1)   batch 8, epochs 1 }\n";

static void lines_stand_apart(void **state) {
  (void)state;
  const Page *page = page_open(arena, game, 0);
  const PlanProgram *p = &page->plan->program[page->plan->turn[0].program];
  int phases = 0, moves[2] = {0};
  for (int i = 0; i < p->kernels; i++) {
    const Kernel *k = &p->kernel[i];
    phases += section_heading(arena, p, i) != NULL;
    assert_true(i == 0 || section_order(p->kernel[i - 1].section, k->section) <= 0);
    bool judge = touches(page->plan, k, "D/", true), fool = touches(page->plan, k, "G/", true);
    assert_false(judge && fool);
    if (judge || fool) assert_int_equal(k->section.line, fool);
    if (judge || fool) assert_int_equal(k->section.phase, PHASE_UPDATE);
    if (strncmp(kernel_text(arena, k), "fool = ", 7) == 0) assert_int_equal(k->section.line, 1);
    if (touches(page->plan, k, "G/dense_1/W", false) && !fool) assert_int_equal(k->section.phase, PHASE_FORWARD);
    moves[fool] += judge || fool;
  }
  assert_int_equal(phases, 6);
  assert_true(moves[0] >= 4 && moves[1] >= 4);
}

// The second line reads what the first one overwrites: then that waits.
static void old_values_stay(void **state) {
  (void)state;
  GraphProgram *g = graph_parse(arena,
                                "program \"p\"\ntensor weight \"w\" of \"f\" [64]\n%0 = weight \"w\" [64]\n"
                                "%1 = const 2 [64]\n%2 = mul %0 %1 [64]\n%3 = add %0 %1 [64]\n%4 = exp %2 [64]\n"
                                "output \"y\" %4\nassign \"w\" %3\n");
  g->graph->node[4]->section.line = 1;
  const PlanProgram *p = plan_model(arena, model_of(g))->program;
  assert_int_equal(p->kernels, 3);
  assert_int_equal(p->kernel[0].section.line, 0);
  assert_true(p->kernel[0].operand[1].view.at != 0);
  assert_string_equal(kernel_text(arena, &p->kernel[1]), "y = exp((w * 2))");
  assert_true(p->kernel[2].operand[1].write && p->kernel[2].operand[1].view.at == 0);
  assert_int_equal(p->kernel[2].section.line, 1);
}

// ---- codes

// The code of the kernels of that kind which read a tensor in the forward pass, and how many more they are; -1: none.
static int code_reading(const Plan *plan, int program, KernelKind kind, const char *tensor, int *kernels) {
  const PlanProgram *p = &plan->program[program];
  int code = -1;
  for (int i = 0; i < p->kernels; i++) {
    const Kernel *k = &p->kernel[i];
    if (k->kind != kind || k->section.phase != PHASE_FORWARD || !touches(plan, k, tensor, false)) continue;
    assert_true(code < 0 || code == k->code);
    code = k->code;
    ++*kernels;
  }
  return code;
}

// The layers of a network are of one code, whoever uses them and for however many examples; an optimiser's update is of
// one for weights of any size.
static void layers_are_one_code(void **state) {
  (void)state;
  const Page *page = page_open(arena, read_text("models/cvae.gm"), 0);
  const Plan *plan = page->plan;
  static const struct {
    const char *tensor;
    KernelKind kind;
    int programs;  // beside the training
  } layer[] = {{"q/dense_1/W", KERNEL_MATMUL, 2},
               {"q/dense_1/b", KERNEL_REGION, 2},
               {"p/dense_1/W", KERNEL_MATMUL, 3},
               {"p/dense_1/b", KERNEL_REGION, 3},
               {"p/dense_2/W", KERNEL_MATMUL, 3}};
  for (size_t i = 0; i < sizeof layer / sizeof *layer; i++) {
    int kernels = 0, programs = 0;
    int code = code_reading(plan, plan->turn[0].program, layer[i].kind, layer[i].tensor, &kernels);
    assert_int_equal(kernels, 1);
    for (int p = 0; p < plan->programs; p++) {
      int other = p == plan->init ? -1 : code_reading(plan, p, layer[i].kind, layer[i].tensor, &kernels);
      if (other < 0) continue;
      assert_int_equal(other, code);
      programs++;
    }
    assert_int_equal(programs, 1 + layer[i].programs);
    assert_true(plan->code[code].kernels >= kernels - 1);
  }
  int updates[2] = {-1, -1};
  const PlanProgram *train = &plan->program[plan->turn[0].program];
  for (int i = 0; i < train->kernels; i++) {
    if (touches(plan, &train->kernel[i], "q/dense_1/W", true)) updates[0] = train->kernel[i].code;
    if (touches(plan, &train->kernel[i], "p/dense_2/W", true)) updates[1] = train->kernel[i].code;
  }
  assert_true(updates[0] >= 0 && updates[0] == updates[1]);
}

// The checker must see what it is there for.
static bool refused(const Plan *plan) {
  Arena *child = arena_open(NULL);
  assert_non_null(child);
  bool failed = true;
  if (ARENA_TRY(child) == 0) {
    plan_verify(child, plan);
    failed = false;
  }
  arena_close(child);
  return failed;
}

static void checker_sees(void **state) {
  (void)state;
  const char *text =
      "program \"p\"\ntensor weight \"w\" of \"f\" [64]\n%0 = weight \"w\" [64]\n%1 = exp %0 [64]\noutput \"y\" %1\n";
  Plan *plan = plan_model(arena, model_of(graph_parse(arena, text)));
  PlanProgram *p = NEW(arena, PlanProgram);
  *p = plan->program[0];
  Kernel *k = NEW(arena, Kernel);
  *k = p->kernel[0];
  p->kernel = k;
  plan->program = p;
  assert_false(refused(plan));
  k->pieces = 0;
  assert_true(refused(plan));
  k->pieces = 1;
  Operand far[2] = {k->operand[0], k->operand[1]};
  k->operand = far;
  assert_false(refused(plan));
  Code *code = NEW(arena, Code);
  *code = plan->code[0];
  plan->code = code;
  k->code = 1;
  assert_true(refused(plan));
  k->code = 0;
  Kernel other = *k;
  other.region.dim[0] = 32;
  code->kernel = &other;
  assert_true(refused(plan));
  code->kernel = k;
  uint8_t meeting[4] = {MEET_ALWAYS, MEET_ALWAYS, MEET_ALWAYS, MEET_ALWAYS};
  code->meeting = meeting;
  assert_true(refused(plan));
  meeting[1] = meeting[2] = MEET_SOMETIMES;
  assert_false(refused(plan));
  far[0].view.at = p->end - 63;
  assert_true(refused(plan));
  far[0] = far[1];
  assert_true(refused(plan));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden),          cmocka_unit_test(random_plans_hold),
      cmocka_unit_test(plans_repeat),    cmocka_unit_test(lines_stand_apart),
      cmocka_unit_test(old_values_stay), cmocka_unit_test(layers_are_one_code),
      cmocka_unit_test(checker_sees),
  };
  return cmocka_run_group_tests(tests, open_arena, close_arena);
}
