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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_movements)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
