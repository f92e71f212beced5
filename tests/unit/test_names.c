// Names of values through every stage: for each model of tests/names what its text beside it says.
//
// A text has the names of the graphs' nodes as elaborated, then those after the passes, then what every kernel of the
// plan computes. With GMC_PROMOTE set in the environment the texts are rewritten instead.
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plan/planner.h"

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#define CASES "tests/names"

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

static const char *read_text(const char *path) {
  FILE *f = fopen(path, "r");
  Text t = text_new(arena);
  char part[4096];
  for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;) text_append(&t, part, n);
  if (f) fclose(f);
  return t.data;
}

static void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

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

static int is_model(const struct dirent *e) { return strstr(e->d_name, ".gm") != NULL; }

static void show_difference(const char *path, const char *want, const char *got) {
  int line = 1;
  while (*want && *want == *got) line += *want++ == '\n', got++;
  print_error("%s:%d: wanted `%.*s`, got `%.*s`\n", path, line, (int)strcspn(want, "\n"), want, (int)strcspn(got, "\n"),
              got);
}

static void golden(void **state) {
  (void)state;
  struct dirent **list;
  int wrong = 0, n = scandir(CASES, &list, is_model, alphasort);
  assert_true(n > 0);
  for (int i = 0; i < n; i++) {
    const char *model = arena_format(arena, CASES "/%s", list[i]->d_name);
    const char *path = arena_format(arena, "%.*s.txt", (int)strlen(model) - 3, model);
    const char *want = read_text(path), *got = names_text(model_of(model));
    free(list[i]);
    if (strcmp(want, got) == 0) continue;
    if (getenv("GMC_PROMOTE")) {
      write_text(path, got);
    } else {
      show_difference(path, want, got);
      wrong++;
    }
  }
  free(list);
  assert_int_equal(wrong, 0);
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
