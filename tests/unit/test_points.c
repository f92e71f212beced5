// Gradients by points that were made of something else: nothing that is computed of a point is taken for something that
// is computed of what the point was made of, however the two come together. The slopes are calculus.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

enum { BATCH = 5, COUNT = 4 };

// u made of x[4], which lies between 0.2 and 2; y of u; and dy/du.
static const struct {
  const char *made, *y, *slope;
} cases[] = {
    {"-x", "sum(square(-u)) + sum(u)", "2 * u + 1"},
    {"x - 1", "sum(square(-u)) + sum(u)", "2 * u + 1"},
    {"2 * x", "sum(square(-u)) + sum(u)", "2 * u + 1"},
    {"x / 4", "sum(-u / 2) + sum(square(3 * u))", "18 * u - 0.5"},
    {"-x", "sum(abs(-u)) + sum(x - u)", "-2 + 0 * u"},
    {"exp(x)", "sum(log(u)) + sum(u)", "1 / u + 1"},
    {"log(x)", "sum(exp(u)) + sum(u)", "exp(u) + 1"},
    {"sigmoid(x)", "sum(log(u)) + sum(log1p(-u)) + sum(u)", "1 / u - 1 / (1 - u) + 1"},
    {"sigmoid(x)", "sum(log(1 - u)) + sum(1 - u)", "-1 / (1 - u) - 1"},
    {"max(x, 1)", "sum(max(u, 1.5)) + sum(square(u))", "2 * u + (u > 1.5) + (u == 1.5) / 2"},
    {"reshape(x, 2, 2)", "sum(square(flatten(u))) + sum(u)", "2 * u + 1"},
    {"transpose(reshape(x, 2, 2))", "sum(transpose(u) * [[1, 2], [3, 4]]) + sum(u)", "[[2, 4], [3, 5]] + 0 * u"},
    {"concat(x, x)", "sum(u[.. 4]) + sum(square(u))", "concat(ones(4), zeros(4)) + 2 * u"},
    {"concat(x, x)", "sum(concat(u, u) * iota(16)) + sum(square(u))", "2 * iota(8) + 8 + 2 * u"},
    {"x[1 ..]", "2 * u[1] + sum(square(u))", "[0, 2, 0] + 2 * u"},
    {"zeros(2, 4) + x", "sum(u * u) + sum(u)", "2 * u + 1"},
    {"if x > 1 then x else 2", "sum(if x > 1 then u else 3) + sum(u)", "(x > 1) + 1 + 0 * u"},
};

// How the point gets its name: in the text itself; in a function, which computes y; in one that is handed y; where a
// network has been applied to it before; and where that was said twice.
static const char *const forms[] = {
    "metric m { u = %s   sum(square(grad(%s, u) - (%s))) }\n",
    "function f(u, x) = sum(square(grad(%2$s, u) - (%3$s)))\nmetric m = f(%1$s, x)\n",
    "function slope(y, of) = grad(y, of)\nmetric m { u = %s   y = %s   sum(square(slope(y, u) - (%s))) }\n",
    "net D(s | u, x) { s = %2$s }\nfunction slope(v, x) = grad(D(v, x), v)\n"
    "metric m { u = %1$s   y = D(u, x)   0 * y + sum(square(slope(u, x) - (%3$s))) }\n",
    "net D(s | u, x) { s = %2$s }\nfunction slope(v, x) = grad(D(v, x), v)\n"
    "metric m { y = D(%1$s, x)   g = (%1$s) |> slope(x)   u = %1$s   0 * y + sum(square(g - (%3$s))) }\n",
    "metric m { v = %s   u = v   y = %s   sum(square(grad(y, v) - (%s))) }\n",
};

static Page *page_of(Arena *a, const char *text) {
  Page *p = page_open(a, text, BATCH);
  float *x = page_column(p, "x");
  for (int i = 0; i < BATCH * COUNT; i++) x[i] = 0.2F + (float)(i * 7 % 19) / 10;
  page_test(p);
  return p;
}

static void test_slopes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
      Arena *a = arena_open(NULL);
      const char *metric = arena_format(a, forms[k], cases[i].made, cases[i].y, cases[i].slope);
      Page *p = page_of(a, arena_format(a, "data x[4] from npy(\"x\")\n%s", metric));
      for (int example = 0; example < BATCH; example++)
        page_near("slopes", metric, (double)page_metric(p, "m")[example], 0, 1e-9);
      arena_close(a);
    }
}

// A draw that is a point is still the draw of its distribution: a divergence is taken at it.
static void test_draws(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *p = page_of(a,
                    "data x[4] from npy(\"x\")\nprior z[4] ~ mixture(k in 0 .. 2) { normal(2 * k - 1, 1) }\n"
                    "encoder q(z | x) { z ~ normal(x, 0.5) }\n"
                    "metric slope { z ~ q(z | x)   sum(square(grad(sum(square(-z)) + sum(z), z) - (2 * z + 1))) }\n"
                    "metric spare { z ~ q(z | x)   d = kl(q(z | x) || prior(z))\n"
                    "               d - (log q(z | x) - log prior(z)) + 0 * sum(grad(log prior(z), z)) }\n");
  for (int example = 0; example < BATCH; example++) {
    page_near("draws", "slope", (double)page_metric(p, "slope")[example], 0, 1e-9);
    page_near("draws", "divergence", (double)page_metric(p, "spare")[example], 0, 1e-5);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_slopes), cmocka_unit_test(test_draws)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
