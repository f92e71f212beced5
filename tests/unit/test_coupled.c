// Where examples meet: what the compiler says of a measured value is held against what happens when one example
// changes.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

enum { BATCH = 6 };

// Metrics of data x[3], m[2, 3] and y of class 4: `meet` where an example's value hangs on the others'.
static const struct {
  const char *metric;
  bool meet;
} metrics[] = {
    {"sum(x)", false},
    {"sum(batch_mean(x))", true},
    {"sum(square(x - batch_mean(x)))", true},
    {"sum(x * batch_mean(w))", false},
    {"sum(w)", false},
    {"sum(transpose(m) @ x[0 .. 2])", false},
    {"sum(batch_mean(m @ v))", true},
    {"sum(m @ v)", false},
    {"sum(concat(x, batch_mean(x)))", true},
    {"sum(concat(x, m[0], m[1])[2 .. 5])", false},
    {"maximum(cumsum(m, axis: 0))", false},
    {"sum(onehot(y) @ table)", false},
    {"sum(table[y])", false},
    {"sum(batch_mean(table[y]))", true},
    {"sum(m[.., [2, 0]])", false},
    {"sum(grad(sum(square(m[.., [2, 0]])), m))", false},
    {"sum(batch_mean(m)[[1, 0]])", true},
    {"sum(m[.., y < 2])", false},
    {"x[floor(x[0])]", false},
    {"f(x)", false},
    {"f(batch_mean(x) + 0 * x)", true},
    {"n(x)", false},  // while measuring, the running statistics stand for the batch's
    {"sum(grad(f(x), x))", false},
    {"sum(grad(f(x), w))", true},  // a gradient by what all examples share adds them up
    {"sum(grad(sum(square(grad(f(x), x))), x))", false},
    {"sum(stop(batch_mean(x)))", true},
    {"if sum(batch_mean(x)) > 0 then 1 else 2", true},
    {"sum(if x > 0 then x else w)", false},
    {"mean(4) { sum(x * random(x)) }", false},
    {"logmeanexp(4) { sum(batch_mean(x) * random(x)) }", true},
    {"mean(4) { e ~ normal(sum(x), 1)  mix(e) }", false},
    {"mean(other in batch) { sum(other.x) }", true},
    {"mean(other in batch) { sum(x) }", false},
    {"sum(other in batch) { if other == self then 0 else sum(x * other.x) }", true},
    {"max(other in batch) { sum(abs(m - other.m)) }", true},
    {"sum(a in batch) { mean(b in batch) { a.x[0] * b.x[1] } }", true},
    {"logmeanexp(other in batch) { f(other.x) }", true},
    {"sum(grad(f(x), x) + mean(other in batch) { other.x })", true},
    {"mean(c ~ categorical(logits: x)) { sum(x * c) }", false},
    {"sum(mean(u in table) { u * sum(x) })", false},
    {"sum(v in x) { v * sum(w) }", false},
    {"sum(array(i in 0 .. 6) { i * x })", false},
    {"sum(array(other in batch) { other.x })", true},
    {"sum(x - neighbour(x, 2))", true},
    {"sum(neighbour(x, floor(x)))", true},
    {"sum(neighbour(m, y))", true},
};
enum { METRICS = sizeof metrics / sizeof *metrics };

static Page *page_of_metrics(Arena *a) {
  Text t = text_new(a);
  text_add(&t, "%s",
           "data x[3], m[2, 3], y : class(4) from npy(\"x\", \"m\", \"y\")\n"
           "parameter w[3] ~ normal(0, 1)  parameter v[3, 3] ~ normal(0, 1)  parameter table[4, 2] ~ normal(0, 1)\n"
           "net f(s | x) { h = x * w |> dense(8) |> tanh |> dense(4) |> tanh   s = sum(h * h) }\n"
           "net n(s | x) { s = x |> dense(4) |> batch_norm |> sum }\n"
           "function mix(e) = logmeanexp(e * [1, 2, 3])\n");
  for (int i = 0; i < METRICS; i++) text_add(&t, "metric m%d = %s\n", i, metrics[i].metric);
  text_add(&t, "%s",
           "objective o { minimize f(x) + n(x) + sum(v) + sum(table) }\n"
           "train { minimize o over f, n, w, v, table with sgd(0.1)  batch 6, epochs 1 }\n");
  return page_open(a, t.data, 0);
}

static void fill(Page *p, int first) {
  for (int i = 0; i < BATCH; i++) {
    for (int k = 0; k < 3; k++) page_column(p, "x")[3 * i + k] = (float)sin(i * 3 + k + (i == 0 ? first : 0));
    for (int k = 0; k < 6; k++) page_column(p, "m")[6 * i + k] = (float)cos(i * 6 + k + (i == 0 ? first : 0));
    page_column(p, "y")[i] = (float)((i + (i == 0 ? first : 0)) % 4);
  }
}

// The metric's value for an example other than the first.
static double other(Page *p, const PlanOutput *o, int row) {
  return (double)p->run.memory[o->at + (o->per_example ? row : 0)];
}

static void what_is_said_is_so(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_of_metrics(a);
  const PlanProgram *test = &p->plan->program[p->plan->test];
  double before[METRICS][BATCH];
  for (int turn = 0; turn < 2; turn++) {
    fill(p, turn);
    page_test(p);
    for (int i = 0; i < METRICS; i++) {
      const PlanOutput *o = &test->output[test->outputs - METRICS + i];
      bool changed = false;
      for (int row = 1; row < BATCH; row++) {
        double value = other(p, o, row);
        changed = changed || (turn && value != before[i][row]);
        before[i][row] = value;
      }
      if (!turn) continue;
      bool conditional = strncmp(metrics[i].metric, "if sum", 6) == 0;  // meets, though this change leaves it
      page_check(o->coupled == metrics[i].meet, "coupled", metrics[i].metric, o->coupled, metrics[i].meet);
      page_check(changed == metrics[i].meet || conditional, "others changed", metrics[i].metric, changed,
                 metrics[i].meet);
    }
  }
  arena_close(a);
}

// A draw of each example is its own, and a mean of them is not.
static void draws_meet_too(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[3] from npy(\"x\")  prior z[2] ~ normal(0, 1)\n"
                      "metric own { z ~ prior(z)  sum(z) }  metric all { z ~ prior(z)  sum(batch_mean(z)) }",
                      BATCH);
  const PlanProgram *test = &p->plan->program[p->plan->test];
  assert_true(!test->output[0].coupled && test->output[1].coupled);
  arena_close(a);
}

// One example meets nobody.
static void one_is_alone(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a, "data x[3] from npy(\"x\")  metric all = sum(grad(sum(batch_mean(x)), x))", 1);
  page_fill(p, "x", 2);
  page_test(p);
  assert_true(!p->plan->program[p->plan->test].output[0].coupled);
  page_near("gradient", "batch of one", page_average(p, "all"), 3, 1e-7);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_said_is_so), cmocka_unit_test(draws_meet_too),
                                     cmocka_unit_test(one_is_alone)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
