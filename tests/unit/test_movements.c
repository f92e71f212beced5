// Movements of the language: which number of x[2, 3, 4] each number of the result is, by tables that were made with
// plain loops; the same of a table that all examples share; and that gradients go back the same way.
#include <ctype.h>
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

enum { COUNT = 24, BATCH = 3, MOST = 96 };

// The places in x, row by row, -1 for a 0; where the label y matters, for y = 0 | 1 | 2.
static const struct {
  const char *expression, *places;
} movements[] = {
    {"x[-1]", "12 13 14 15 16 17 18 19 20 21 22 23"},
    {"x[1 ..]", "12 13 14 15 16 17 18 19 20 21 22 23"},
    {"x[.. 1]", "0 1 2 3 4 5 6 7 8 9 10 11"},
    {"x[..]", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"},
    {"x[.., -2]", "4 5 6 7 16 17 18 19"},
    {"x[0, .., 1 .. -1]", "1 2 5 6 9 10"},
    {"x[.., -2 .., .. -3]", "4 8 16 20"},
    {"x[-1, 2, -4]", "20"},
    {"x[.., .., 3]", "3 7 11 15 19 23"},
    {"x[[1, 0, -1]]",
     "12 13 14 15 16 17 18 19 20 21 22 23 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"},
    {"x[.., [2, 0], 1]", "9 1 21 13"},
    {"x[.., .., [[0, -1], [1, 1]]]", "0 3 1 1 4 7 5 5 8 11 9 9 12 15 13 13 16 19 17 17 20 23 21 21"},
    {"x[1, .. 2, iota(2) * 3]", "12 15 16 19"},
    {"x[.., y]", "0 1 2 3 12 13 14 15 | 4 5 6 7 16 17 18 19 | 8 9 10 11 20 21 22 23"},
    {"x[.., y, 1 ..]", "1 2 3 13 14 15 | 5 6 7 17 18 19 | 9 10 11 21 22 23"},
    {"x[-1, y, -1]", "15 | 19 | 23"},
    {"x[.., .., y]", "0 4 8 12 16 20 | 1 5 9 13 17 21 | 2 6 10 14 18 22"},
    {"x[0, .., y]", "0 4 8 | 1 5 9 | 2 6 10"},
    {"x[.., [1, 0] * y]",
     "0 1 2 3 0 1 2 3 12 13 14 15 12 13 14 15 | 4 5 6 7 0 1 2 3 16 17 18 19 12 13 14 15 | 8 9 10 11 0 1 2 3 20 21 "
     "22 23 12 13 14 15"},
    {"x[y < 1, y]", "12 13 14 15 | 4 5 6 7 | 8 9 10 11"},
    {"x[.., y + 0.5, y - 0.25]", "0 12 | 4 16 | 9 21"},
    {"reverse(x)", "3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 19 18 17 16 23 22 21 20"},
    {"reverse(x, axis: 0)", "12 13 14 15 16 17 18 19 20 21 22 23 0 1 2 3 4 5 6 7 8 9 10 11"},
    {"reverse(x, axis: -2)", "8 9 10 11 4 5 6 7 0 1 2 3 20 21 22 23 16 17 18 19 12 13 14 15"},
    {"permute(x, 2, 0, 1)", "0 4 8 12 16 20 1 5 9 13 17 21 2 6 10 14 18 22 3 7 11 15 19 23"},
    {"permute(x, -2, 2, 0)", "0 12 1 13 2 14 3 15 4 16 5 17 6 18 7 19 8 20 9 21 10 22 11 23"},
    {"transpose(x)", "0 4 8 1 5 9 2 6 10 3 7 11 12 16 20 13 17 21 14 18 22 15 19 23"},
    {"stack(x[0], x[1])", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"},
    {"stack(x[1], x[0], axis: 1)", "12 13 14 15 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 8 9 10 11"},
    {"stack(x[1], x[0], x[1], axis: -1)",
     "12 0 12 13 1 13 14 2 14 15 3 15 16 4 16 17 5 17 18 6 18 19 7 19 20 8 20 21 9 21 22 10 22 23 11 23"},
    {"before(x)", "-1 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22"},
    {"before(x, axis: 0)", "-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0 1 2 3 4 5 6 7 8 9 10 11"},
    {"before(x[.., .., 1 ..], axis: -1)", "-1 1 2 -1 5 6 -1 9 10 -1 13 14 -1 17 18 -1 21 22"},
    {"before(x, axis: 1)", "-1 -1 -1 -1 0 1 2 3 4 5 6 7 -1 -1 -1 -1 12 13 14 15 16 17 18 19"},
    {"tile(x[0], 2)", "0 1 2 3 0 1 2 3 4 5 6 7 4 5 6 7 8 9 10 11 8 9 10 11"},
    {"tile(x[.., .., 0], 3, axis: 0)", "0 4 8 12 16 20 0 4 8 12 16 20 0 4 8 12 16 20"},
    {"repeated(x[0], 2)", "0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11"},
    {"repeated(x[.., .., 0], 3, axis: 0)", "0 4 8 0 4 8 0 4 8 12 16 20 12 16 20 12 16 20"},
    {"repeated(x[0], 2, axis: -2)", "0 1 2 3 0 1 2 3 4 5 6 7 4 5 6 7 8 9 10 11 8 9 10 11"},
    {"split([1, 2], x, axis: 1)[1]", "4 5 6 7 8 9 10 11 16 17 18 19 20 21 22 23"},
    {"split([3, 1], x)[0]", "0 1 2 4 5 6 8 9 10 12 13 14 16 17 18 20 21 22"},
    {"split(2, x, axis: 0)[1]", "12 13 14 15 16 17 18 19 20 21 22 23"},
    {"halves(x[.., .. 3, 1 ..])[0]", "1 5 9 13 17 21"},
    {"halves(x, axis: -2)[1]", "4 5 6 7 8 9 10 11 16 17 18 19 20 21 22 23"},
    {"diagonal_matrix(x[0, 1])", "4 -1 -1 -1 -1 5 -1 -1 -1 -1 6 -1 -1 -1 -1 7"},
    {"diagonal_matrix(x[.., .., 2])", "2 -1 -1 -1 6 -1 -1 -1 10 14 -1 -1 -1 18 -1 -1 -1 22"},
    {"diagonal(x[.., .., 1 ..])", "1 6 11 13 18 23"},
    {"below(x[.., .., 1 ..])", "-1 -1 -1 5 -1 -1 9 10 -1 -1 -1 -1 17 -1 -1 21 22 -1"},
    {"below(x[1])", "-1 -1 -1 -1 16 -1 -1 -1 20 21 -1 -1"},
    {"expand(x, axis: 0)[0, 1]", "12 13 14 15 16 17 18 19 20 21 22 23"},
    {"expand(x, axis: -2)[.., 1, 0]", "4 5 6 7 16 17 18 19"},
    {"expand(x[0, 0]) * ones(1, 2)", "0 0 1 1 2 2 3 3"},
    {"expand(x[0, 0], axis: 0) * ones(2, 1)", "0 1 2 3 0 1 2 3"},
    {"x[0] * quadrant(3, 4, 2)", "0 1 -1 -1 4 5 -1 -1 8 9 -1 -1"},
    {"x[0] * quadrant(3, 4, 1)", "-1 -1 -1 -1 -1 -1 -1 -1 8 9 -1 -1"},
    {"x[0] * quadrant(3, 4, 3)", "0 1 -1 -1 4 5 -1 -1 8 9 10 11"},
    {"x * above(x, 1)", "0 1 2 3 4 5 6 7 8 9 10 11 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1"},
    {"x[1] * above(x[1], 2)", "12 13 14 15 16 17 18 19 -1 -1 -1 -1"},
    {"replace(x[0, 0], y + 1, 0)", "0 -1 2 3 | 0 1 -1 3 | 0 1 2 -1"},
    {"replace(x, -1, x[0])", "0 1 2 3 4 5 6 7 8 9 10 11 0 1 2 3 4 5 6 7 8 9 10 11"},
    {"outer(x[0, 0], [1, 0])", "0 -1 1 -1 2 -1 3 -1"},
    {"outer(identity(2)[1], x[0, 0])", "-1 -1 -1 -1 0 1 2 3"},
};

// Returns how many places there are for an example whose label is y.
static int places_of(const char *text, int y, int *place) {
  const char *part = text;
  for (const char *bar = strchr(text, '|'); y && bar; bar = strchr(part, '|'), y--) part = bar + 1;
  int n = 0;
  char *end;
  for (long v = strtol(part, &end, 10); end != part; v = strtol(part, &end, 10)) {
    assert_true(n < MOST);
    place[n++] = (int)v;
    part = end;
  }
  return n;
}

// The expression of t in place of x.
static const char *of_table(Arena *a, const char *expression) {
  char *text = arena_copy(a, expression);
  for (char *c = text; *c; c++) {
    bool alone = (c == text || !isalpha((unsigned char)c[-1])) && !isalpha((unsigned char)c[1]);
    if (*c == 'x' && alone) *c = 't';
  }
  return text;
}

static Page *open_movement(Arena *a, const char *expression, int n) {
  Text text = text_new(a);
  text_add(&text, "data x[2, 3, 4], y : class(3) from npy(\"x\", \"y\")\nparameter t[2, 3, 4] = 0\n");
  for (int i = 0; i < n; i++) {
    text_add(&text, "metric v%d = flatten(%s)[%d]\n", i, expression, i);
    text_add(&text, "metric t%d = flatten(%s)[%d]\n", i, of_table(a, expression), i);
  }
  for (int i = 0; i < COUNT; i++) {
    text_add(&text, "metric g%d = flatten(grad(sum(flatten(%s) * (1 + iota(%d))), x))[%d]\n", i, expression, n, i);
    text_add(&text, "metric s%d = flatten(grad(sum(flatten(%s) * (1 + iota(%d))), t))[%d]\n", i,
             of_table(a, expression), n, i);
  }
  return page_open(a, text.data, BATCH);
}

static float metric_at(Arena *a, const Page *p, char kind, int i, int example) {
  return page_metric(p, arena_format(a, "%c%d", kind, i))[example];
}

static void check_movement(Arena *a, const char *expression, const char *places) {
  int place[MOST], n = places_of(places, 0, place);
  double shared[COUNT] = {0};                 // all examples' gradients by t
  bool labels = strchr(places, '|') != NULL;  // else one value of t for all examples
  Page *p = open_movement(a, expression, n);
  for (int i = 0; i < BATCH * COUNT; i++) page_column(p, "x")[i] = (float)(100 + i);
  for (int i = 0; i < COUNT; i++) page_tensor(p, "t")[i] = (float)(500 + i);
  for (int i = 0; i < BATCH; i++) page_column(p, "y")[i] = (float)i;
  page_test(p);
  for (int example = 0; example < BATCH; example++) {
    double gradient[COUNT] = {0};
    assert_int_equal(places_of(places, example, place), n);
    for (int i = 0; i < n; i++) {
      double want = place[i] < 0 ? 0 : 100 + COUNT * example + place[i], table = place[i] < 0 ? 0 : 500 + place[i];
      page_near("value", expression, (double)metric_at(a, p, 'v', i, example), want, 0);
      page_near("value of a table", expression, (double)metric_at(a, p, 't', i, labels ? example : 0), table, 0);
      if (place[i] >= 0) gradient[place[i]] += 1 + i, shared[place[i]] += 1 + i;
    }
    for (int i = 0; i < COUNT; i++)
      page_near("gradient", expression, (double)metric_at(a, p, 'g', i, example), gradient[i], 0);
  }
  for (int i = 0; i < COUNT; i++)
    page_near("gradient of a table", expression, (double)metric_at(a, p, 's', i, 0), shared[i] / (labels ? 1 : BATCH),
              0);
}

static void test_movements(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof movements / sizeof *movements; i++) {
    Arena *a = arena_open(NULL);
    check_movement(a, movements[i].expression, movements[i].places);
    arena_close(a);
  }
}

// ---- what is not a movement, and has the places of one

static double at(const float *x, int k, int row, int column) { return (double)x[12 * k + 4 * row + column]; }

// The greatest and the least along each axis, the first of several; labels of as many classes as there are places.
static void test_places_of_extremes(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[2, 3, 4] from npy(\"x\")\n"
                      "metric last = argmax(x)[1, 2]\nmetric middle = argmax(x, axis: 1)[0, 3]\n"
                      "metric first = argmin(x, axis: 0)[2, 1]\nmetric least = argmin(x[0], axis: -1)[1]\n"
                      "metric hot = sum(onehot(argmax(x[1, 2])) * x[1, 2]) - maximum(x[1, 2])\n"
                      "metric kinds = classes(argmax(x, axis: 1)) + 10 * classes(argmin(x))\n"
                      "metric still = sum(square(grad(sum(argmax(x)) + sum(x), x) - 1))\n",
                      BATCH);
  float *x = page_column(p, "x");
  for (int i = 0; i < BATCH * COUNT; i++) x[i] = (float)((i * i * 7 + 3 * i) % 5);  // with equal ones
  page_test(p);
  for (int example = 0; example < BATCH; example++, x += COUNT) {
    int last = 0, middle = 0, least = 0;
    for (int i = 1; i < 4; i++) last = at(x, 1, 2, i) > at(x, 1, 2, last) ? i : last;
    for (int i = 1; i < 3; i++) middle = at(x, 0, i, 3) > at(x, 0, middle, 3) ? i : middle;
    for (int i = 1; i < 4; i++) least = at(x, 0, 1, i) < at(x, 0, 1, least) ? i : least;
    page_near("place", "last", (double)page_metric(p, "last")[example], last, 0);
    page_near("place", "middle", (double)page_metric(p, "middle")[example], middle, 0);
    page_near("place", "least", (double)page_metric(p, "least")[example], least, 0);
    page_near("place", "first", (double)page_metric(p, "first")[example], at(x, 1, 2, 1) < at(x, 0, 2, 1), 0);
    page_near("difference", "hot", (double)page_metric(p, "hot")[example], 0, 0);
    page_near("gradient", "still", (double)page_metric(p, "still")[example], 0, 0);
  }
  page_near("classes", "kinds", (double)page_metric(p, "kinds")[0], 43, 0);
  arena_close(a);
}

// A row of a layer's table for each label, that of a loop's range among them.
static void test_rows_of_a_layer(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data y : class(3) from npy(\"y\")\nnet f(v | y) { v = embed(y, 4) }\n"
                      "metric row = f(y)[2]\nmetric all = sum(scan(i in 0 .. 3) { f(i) })\n",
                      BATCH);
  float *rows = page_tensor(p, "f/embed_1/rows");
  double sum = 0;
  for (int i = 0; i < BATCH; i++) page_column(p, "y")[i] = (float)(2 - i);
  for (int i = 0; i < 12; i++) sum += (double)(rows[i] = (float)(i * i));
  page_test(p);
  for (int i = 0; i < BATCH; i++)
    page_near("number", "row", (double)page_metric(p, "row")[i], (double)rows[4 * (2 - i) + 2], 0);
  page_near("sum", "all", (double)page_metric(p, "all")[0], sum, 0);
  arena_close(a);
}

// Products of as many matrices as there are, of each example's and of a table's, with their gradients.
static void test_products_of_stacks(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_open(a,
                      "data x[2, 3, 4] from npy(\"x\")\nparameter t[2, 3, 4] = 0\n"
                      "metric own = (x @ transpose(x))[1, 0, 2]\nmetric left = (x @ transpose(t))[1, 0, 2]\n"
                      "metric right = (t @ transpose(x))[0, 2, 1]\nmetric both = (t @ transpose(t))[1, 1, 2]\n"
                      "metric slope = grad((t @ transpose(x))[0, 2, 1], x)[0, 1, 3]\n"
                      "metric curve = grad(sum(square(x @ transpose(x))), x)[1, 2, 3]\n",
                      BATCH);
  float *x = page_column(p, "x"), *t = page_tensor(p, "t");
  for (int i = 0; i < BATCH * COUNT; i++) x[i] = (float)((i * 5 + 1) % 7 - 3);
  for (int i = 0; i < COUNT; i++) t[i] = (float)((i * 3 + 2) % 8 - 4);
  page_test(p);
  for (int example = 0; example < BATCH; example++, x += COUNT) {
    double own = 0, left = 0, right = 0, both = 0, curve = 0;
    for (int i = 0; i < 4; i++) {
      own += at(x, 1, 0, i) * at(x, 1, 2, i);
      left += at(x, 1, 0, i) * at(t, 1, 2, i);
      right += at(t, 0, 2, i) * at(x, 0, 1, i);
      both += at(t, 1, 1, i) * at(t, 1, 2, i);
      for (int row = 0; row < 3; row++) curve += 4 * at(x, 1, 2, i) * at(x, 1, row, i) * at(x, 1, row, 3);
    }
    page_near("product", "own", (double)page_metric(p, "own")[example], own, 0);
    page_near("product", "left", (double)page_metric(p, "left")[example], left, 0);
    page_near("product", "right", (double)page_metric(p, "right")[example], right, 0);
    page_near("product", "both", (double)page_metric(p, "both")[0], both, 0);
    page_near("gradient", "slope", (double)page_metric(p, "slope")[example], at(t, 0, 2, 3), 0);
    page_near("gradient", "curve", (double)page_metric(p, "curve")[example], curve, 0);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_movements), cmocka_unit_test(test_places_of_extremes),
                                     cmocka_unit_test(test_products_of_stacks), cmocka_unit_test(test_rows_of_a_layer)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
