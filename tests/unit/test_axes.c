// What stands beside the rows and above the columns of grids: labels that the text of a show says.
#include "attempt.h"

#include "std_page.h"

#define MODEL                                                                               \
  "data x[4, 4] in [0, 1], y : class(3) from npy(\"x\", \"y\")\n"                           \
  "param steps = 3\n"                                                                       \
  "prior z[2] ~ normal(0, 1)\n"                                                             \
  "decoder p(x | z, y) { x ~ bernoulli(logits: concat(z, onehot(y)) |> dense(16) |> reshape(4, 4)) }\n" \
  "encoder q(z | x) { z ~ normal(flatten(x) |> dense(2), 1) }\n"                            \
  "parameter shape[3, 4, 4] in [0, 1] = 0.5\n"                                              \
  "function spun(u, turn) = u * (1 - turn)\n"

static const struct {
  const char *show;       // its body
  const char *down;       // name, and the labels of the first, second and last row; "" without any
  const char *along;      // likewise of columns
  int rows, columns;
} cases[] = {
    {"z ~ prior(z)  rows 3  grid mean p(x | z, y: row)", "y 0 1 2", "", 3, 10},
    {"z ~ q(z | x)  columns 3  grid x, mean p(x | z, y: column)", "", "y 0 1 2", 10, 3},
    {"z ~ prior(z)  rows y in 0 .. 3  columns 4  grid mean p(x | z, y)", "y 0 1 2", "", 3, 4},
    {"a ~ prior(z)  b ~ prior(z)  columns 11  grid mean p(x | slerp(a, b, column / 10), y: 1)", "", "t 0 0.1 1", 10, 11},
    {"a ~ prior(z)  b ~ prior(z)  columns s in linspace(0, 1, 5)  grid mean p(x | lerp(a, b, s), y: 1)", "",
     "s 0 0.25 1", 10, 5},
    {"rows v in [1, 0.5, -0.5], columns u in quantile(prior(z[0]), linspace(0.1, 0.9, 9))  grid mean p(x | z: [u, v], y: 0)",
     "v 1 0.5 -0.5", "u -1.3 -0.84 1.3", 3, 9},
    {"z ~ q(z | x)  rows 2, columns 5  grid mean p(x | replace(z, row, 2 * column - 4), y: 0)", "i 0 1 1", "v -4 -2 4", 2, 5},
    {"rows kind in {\"plain\", \"mirrored\", \"white\"}  columns 2  grid if kind == 0 then x else if kind == 1 then reverse(x) else 1",
     "- plain mirrored white", "", 3, 2},
    {"rows 3, columns 1  grid shape[row]", "- 0 1 2", "", 3, 1},
    {"rows 3, columns 3  grid shape[min(row + column, 2)]", "- 0 1 2", "- 0 1 2", 3, 3},
    {"rows m in shape  columns 2  grid m, x", "m 0 1 2", "", 3, 2},
    {"rows 3, columns 3  grid if column == 0 then x else 1 - x", "", "", 3, 3},
    {"rows 3, columns 3  grid (if row < 1 then x else 1 - x) |> spun(turn: column / 4)", "", "turn 0 0.25 0.5", 3, 3},
    {"rows 3, columns 3  t = column / 2  grid x * t", "", "t 0 0.5 1", 3, 3},
    {"rows 3, columns 3  grid x * exp(-row) * (column + random())", "- 1 0.37 0.14", "- 0 1 2", 3, 3},
    {"rows k in steps .. steps + 2  columns 2  grid x / k", "k 3 4 4", "", 2, 2},
    {"rows 2, columns 3  grid mean p(x | z: [column - 1, 0.3 * row], y: 1)", "z[1] 0 0.3 0.3", "z[0] -1 0 1", 2, 3},
    {"rows a in [0.1001, 0.1002, 0.1003]  columns 1  grid x * a", "a 0.1001 0.1002 0.1003", "", 3, 1},
};

static const char *axis_text(Arena *a, const PlanAxis *axis, int n) {
  if (!axis->text) return "";
  return arena_format(a, "%s %s %s %s", axis->name ? axis->name : "-", axis->text[0], axis->text[n > 1], axis->text[n - 1]);
}

static void test_labels(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, 2, MODEL "show s { %s }\n", cases[i].show);
    const PlanShow *s = &p->plan->show[0];
    const char *down = axis_text(a, &s->down, s->rows), *along = axis_text(a, &s->along, s->columns);
    if (strcmp(down, cases[i].down) != 0) complain("rows of `%s`: `%s`, not `%s`", cases[i].show, down, cases[i].down);
    if (strcmp(along, cases[i].along) != 0) complain("columns of `%s`: `%s`, not `%s`", cases[i].show, along, cases[i].along);
    assert_int_equal(s->rows, cases[i].rows);
    assert_int_equal(s->columns, cases[i].columns);
    arena_close(a);
  }
}

// A binder's name has its value in each cell, whichever way the cells are made.
static void test_values(void **state) {
  (void)state;
  static const struct {
    const char *show;
    double want[6];  // of 2 rows by 3 columns
  } of[] = {
      {"rows u in 3 .. 5, columns v in [0.5, 1, 2]  grid [u * v, u, v]", {1.5, 3, 6, 2, 4, 8}},
      {"rows u in 3 .. 5, columns 3  grid [u, u, u]", {3, 3, 3, 4, 4, 4}},
      {"rows u in {\"a\", \"b\"}, columns 3  grid [u, 0, 0]", {0, 0, 0, 1, 1, 1}},
      {"rows 2  columns v in [[1, 2], [3, 4], [5, 6]]  grid [v[1], v[0], 0]", {2, 4, 6, 2, 4, 6}},
  };
  for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, 2, MODEL "show s { %s }\n", of[i].show);
    const PlanShow *s = &p->plan->show[0];
    page_run(p, s->program, PURPOSE_SHOW);
    const PlanOutput *o = &p->plan->program[s->program].output[0];
    const float *v = p->run.memory + o->at;
    for (int cell = 0; cell < 6; cell++) {
      int row = cell / 3, column = cell % 3;
      bool wide = s->across && s->item[0].columns > 1;
      const float *got = wide ? v + row * o->count + column * o->count / 3 : v + (s->across ? row : cell) * o->count;
      page_near(of[i].show, arena_format(a, "cell %d", cell), (double)got[0], of[i].want[cell], 1e-6);
    }
    arena_close(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels), cmocka_unit_test(test_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
