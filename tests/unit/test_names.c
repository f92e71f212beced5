// Names of values through every stage: for each model of tests/names what its text beside it says.
//
// A text has the names of the graphs' nodes as elaborated, then those after the passes, then what every kernel of the
// plan computes. With GMC_PROMOTE set in the environment the texts are rewritten instead.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plan/planner.h"

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "golden.h"

// ---- the texts

static void print_graph(Text *t, const Graph *g, int depth) {
  for (int id = 0; id < g->count; id++) {
    const Node *n = g->node[id];
    if (n->op == OP_LOOP) text_add(t, "%*sloop\n", 2 * depth, "");
    if (n->op == OP_LOOP) print_graph(t, n->attr.loop->body, depth + 1);
    if (n->name) text_add(t, "%*s%s = %s\n", 2 * depth, "", node_name_text(arena, g, n), op_name(n->op));
  }
}

static void print_kernels(Text *t, const Kernel *k, int kernels, int depth) {
  for (int i = 0; i < kernels; i++) {
    text_add(t, "%*s%s\n", 2 * depth, "", kernel_text(arena, &k[i]));
    if (k[i].kind == KERNEL_LOOP) print_kernels(t, k[i].loop.kernel, k[i].loop.kernels, depth + 1);
  }
}

// Programs but the last, which only starts the weights.
static const char *names_text(const Model *m) {
  Text t = text_new(arena);
  const Plan *plan = plan_model(arena, m);
  for (int i = 0; i < m->programs - 1; i++) {
    const GraphProgram *p = &m->program[i].graph;
    text_add(&t, "==> %s, elaborated\n", p->name);
    print_graph(&t, p->graph, 0);
    text_add(&t, "==> %s, after the passes\n", p->name);
    print_graph(&t, run_passes(arena, p)->graph, 0);
    text_add(&t, "==> %s, planned\n", p->name);
    print_kernels(&t, plan->program[i].kernel, plan->program[i].kernels, 0);
  }
  return t.data;
}

static Model *model_of(const char *path) {
  Sources *s = sources_new(arena);
  const char *text = read_text(path);
  Model *m = elaborate(arena, s, sources_add(s, path, text, strlen(text), false), &(Overrides){0});
  if (!m) diagnostics_print(s, stderr, false);
  assert_non_null(m);
  return m;
}

// ---- cases

static bool names_hold(const char *model) {
  const char *path = arena_format(arena, "%.*s.txt", (int)strlen(model) - 3, model);
  return golden_holds(path, read_text(path), names_text(model_of(model)));
}

static void golden(void **state) {
  (void)state;
  golden_folder("tests/names", ".gm", names_hold);
}

// ---- what must hold of every plan

static void check_operands(const Kernel *k) {
  for (int i = 0; i < k->operands; i++) {
    const Operand *o = &k->operand[i];
    assert_non_null(o->name);
    assert_non_null(o->home);
    assert_true(o->within >= 0);
    if (o->write && k->kind != KERNEL_LOOP) assert_non_null(o->formula);
  }
  for (int i = 0; k->kind == KERNEL_LOOP && i < k->loop.kernels; i++) check_operands(&k->loop.kernel[i]);
}

static void every_operand_is_told(void **state) {
  (void)state;
  static const char *const models[] = {"models/cvae.gm", "models/gan.gm", "models/row_vae.gm", "models/vae_flower.gm"};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    const Plan *plan = plan_model(arena, model_of(models[i]));
    for (int k = 0; k < plan->programs; k++)
      for (int j = 0; j < plan->program[k].kernels; j++) check_operands(&plan->program[k].kernel[j]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(golden, open_arena, close_arena),
                                     cmocka_unit_test_setup_teardown(every_operand_is_told, open_arena, close_arena)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
