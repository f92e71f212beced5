// Parameters that are held on a support begin where their text says: at that number itself, whatever the map that holds
// them. Wanted values are the numbers of the text.
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

enum { MANY = 4 };

static Page *held(Arena *a, const char *support, const char *start) {
  return page_format(a, MANY,
                     "data x from npy(\"x\")\n"
                     "parameter p %s = %s\n"
                     "metric value = p\n"
                     "objective o { minimize square(x - p) }\n"
                     "train { minimize o over p with sgd(0.1) }\n",
                     support, start);
}

static void test_numbers_begin_as_written(void **state) {
  (void)state;
  static const struct {
    const char *support;
    double lo, hi;
    double start[7];
  } held_on[] = {{"on positive", 0, INFINITY, {0.3, 1, 5, 1e-3, 1e-6, 40, 1e4}},
                 {"in [0, 10]", 0, 10, {5, 0.01, 9.99, 2.5, 7, 1e-3, 3}},
                 {"in [-3, -1]", -3, -1, {-2, -2.999, -1.001, -1.5, -2.5, -2.25, -1.1}},
                 {"", -INFINITY, INFINITY, {0.3, -5, 0, 1e4, -1e-6, 2, 3}}};
  for (size_t i = 0; i < sizeof held_on / sizeof *held_on; i++) {
    for (int k = 0; k < 7; k++) {
      Arena *a = arena_open(NULL);
      double want = held_on[i].start[k];
      char start[32];
      snprintf(start, sizeof start, "%.9g", want);
      Page *p = held(a, held_on[i].support, start);
      page_fill(p, "x", 0);
      page_test(p);
      double got = (double)page_metric(p, "value")[0];
      double scale = isinf(held_on[i].hi) ? fabs(want) : held_on[i].hi - held_on[i].lo;
      page_check(fabs(got - want) <= 1e-6 * scale, "start", arena_format(a, "%s = %s", held_on[i].support, start), got,
                 want);
      // and it moves, towards 0, within its support
      for (int step = 0; step < 3; step++) page_train(p);
      page_test(p);
      double moved = (double)page_metric(p, "value")[0];
      page_check(moved >= held_on[i].lo && moved <= held_on[i].hi && fabs(moved) <= fabs(got), "after three steps",
                 held_on[i].support, moved, 0);
      arena_close(a);
    }
  }
}

static void test_the_simplex_begins_in_proportion(void **state) {
  (void)state;
  static const struct {
    const char *start;
    double want[3];
  } cases[] = {{"[0.2, 0.3, 0.5]", {0.2, 0.3, 0.5}},
               {"0.2", {1 / 3.0, 1 / 3.0, 1 / 3.0}},
               {"[1, 2, 5]", {0.125, 0.25, 0.625}},
               {"[0, 1, 1]", {0, 0.5, 0.5}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena *a = arena_open(NULL);
    Page *p = page_format(a, MANY,
                          "data x from npy(\"x\")\n"
                          "parameter p[3] on simplex = %s\n"
                          "metric a = p[0]  metric b = p[1]  metric c = p[2]\n"
                          "objective o { minimize square(x - p[0]) }\n"
                          "train { minimize o over p with sgd(0.1) }\n",
                          cases[i].start);
    page_test(p);
    static const char *const name[] = {"a", "b", "c"};
    for (int k = 0; k < 3; k++)
      page_near("start", cases[i].start, (double)page_metric(p, name[k])[0], cases[i].want[k], 1e-6);
    arena_close(a);
  }
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

// A start that is drawn is a draw of the parameter itself: a thousand of them, against the quantiles of their
// distribution.
static void test_drawn_starts_are_values(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[1000] from npy(\"x\")\n"
                      "parameter s[1000] on positive ~ exponential(2), u[1000] in [-1, 3] ~ uniform(-1, 3)\n"
                      "metric each_s = 0 * sum(x)\n"
                      "show values { rows 1  columns 1  grid s / 20, (u + 1) / 4 }\n"
                      "objective o { minimize sum(x * s * u) }\n"
                      "train { minimize o over s, u with sgd(0) }\n",
                      MANY);
  int show = p->plan->show[0].program;
  page_run(p, show, PURPOSE_SHOW);
  float *s = NEW_ARRAY(a, float, 1000), *u = NEW_ARRAY(a, float, 1000);
  memcpy(s, page_output(p, show, "s / 20"), 1000 * sizeof *s);
  memcpy(u, page_output(p, show, "(u + 1) / 4"), 1000 * sizeof *u);
  qsort(s, 1000, sizeof *s, ascending);
  qsort(u, 1000, sizeof *u, ascending);
  double ks = 0, ku = 0;
  for (int i = 0; i < 1000; i++) {
    ks = fmax(ks, fabs((i + 0.5) / 1000 - (1 - exp(-2 * 20 * (double)s[i]))));
    ku = fmax(ku, fabs((i + 0.5) / 1000 - (double)u[i]));
  }
  page_check(ks * sqrt(1000) < 1.95, "Kolmogorov-Smirnov", "on positive", ks * sqrt(1000), 0);
  page_check(ku * sqrt(1000) < 1.95, "Kolmogorov-Smirnov", "in [-1, 3]", ku * sqrt(1000), 0);
  arena_close(a);
}

// A parameter may begin with the value of another, in whatever order they stand, and from within a loop.
static void test_starts_of_one_another(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x from npy(\"x\")\n"
                      "parameter a = fold(i in 0 .. 2, s = 0) { s <- s + b   s }, b on positive = 3 * c, c = 0.5, d[3] ~ normal(b, 1e-6)\n"
                      "metric all = a + 10 * b + 100 * c + 1000 * d[1]\n"
                      "objective o { minimize square(x - a * b * c) + sum(d) }\n"
                      "train { minimize o over a, b, c, d with sgd(0.1) }\n",
                      MANY);
  page_fill(p, "x", 0);
  page_test(p);
  page_near("start", "all", (double)page_metric(p, "all")[0], 3 + 15 + 50 + 1500, 1e-5);
  arena_close(a);
}

// Nor does it matter to a network's weights and states that what they begin with has moved on.
static void test_states_begin_with_what_is_above(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x from npy(\"x\")\n"
                      "net f(y | x) {\n"
                      "  weight a = 3, b[2] = [a, 2 * a]\n"
                      "  state n = 10, c = n + b[1], d = c / n\n"
                      "  n <- n + 1\n"
                      "  c <- 2 * c\n"
                      "  y = [a, b[0], b[1], n, c, d]\n"
                      "}\n"
                      "objective o { minimize square(x) + sum(f(x)) }\n"
                      "metric all { y = f(x)   sum(y * [100000, 10000, 1000, 0, 100, 10]) }\n"
                      "train { minimize o over f with sgd(0) }\n",
                      MANY);
  page_fill(p, "x", 0);
  page_test(p);
  page_near("start", "all", (double)page_metric(p, "all")[0], 300000 + 30000 + 6000 + 3200 + 16, 1e-6);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers_begin_as_written),
      cmocka_unit_test(test_the_simplex_begins_in_proportion),
      cmocka_unit_test(test_drawn_starts_are_values),
      cmocka_unit_test(test_starts_of_one_another),
      cmocka_unit_test(test_states_begin_with_what_is_above),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
