// Programs run for fewer examples than they are laid out for: their values must be those of the whole batch, to the
// bit, whatever lies where the other examples would.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "std_page.h"

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

enum { BATCH = 12 };

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

#define HEAD                                                                             \
  "model rows\ndata x[6], y : class(3) from npy(\"x.npy\", \"y.npy\")\nprior z[2] ~ normal(0, 1)\n" \
  "net f(v | x) { v = x |> dense(4) |> tanh }\n"
#define TAIL \
  "objective fit { minimize sum(square(f(x))) }\ntrain { minimize fit over f with sgd(0.1)  batch 12, epochs 1 }\n"

// Measures of one example: `most` kernels at least do the examples alone.
static const struct {
  const char *text;
  int most;
} page[] = {
    {"metric m = sum(f(x))", 2},
    {"metric m = mean(7) { z ~ prior(z)  sum(square(f(concat(x[0 .. 4], z)))) }", 3},
    {"metric m = logmeanexp(160) { z ~ prior(z)  sum(f(concat(x[0 .. 4], z)) * z[0]) }", 3},
    {"metric m = log D(1 | x) + log D(0 | 1 - x)\n"
     "net D(real | x) { real ~ bernoulli(logits: sum(dense(x, 4))) }",
     1},
    {"metric m = sum(fold(r in reshape(x, 3, 2), h = zeros(4)) { h <- tanh(f(concat(r, h)) + 0.5 * h)  h })", 2},
    {"metric m = sum(scan(r in reshape(x, 3, 2), h = zeros(2)) { h <- h + r * gaussian()  h })", 2},
    {"metric m = sum(table[y]) + sum(log(softmax(x)))\nparameter table[3, 4] ~ normal(0, 1)", 2},
    {"metric m = maximum(cumsum(x)) - mean(onehot(y) * x[0 .. 3])", 1},
};

static int count_by_example(const Kernel *k, int kernels) {
  int n = 0;
  for (int i = 0; i < kernels; i++)
    n += k[i].kind == KERNEL_LOOP ? count_by_example(k[i].loop.kernel, k[i].loop.kernels) : k[i].per_example > 0;
  return n;
}

static void fill_columns(Page *p) {
  for (int c = 0; c < p->plan->columns; c++)
    for (int64_t i = 0; i < BATCH * p->plan->column[c].count; i++)
      p->column[c][i] = p->plan->column[c].classes ? (float)(i * 5 % 3) : sinf((float)(i * 7 + 1));
}

// Outputs of the program for so many examples, one after another.
static float *outputs(Page *p, int program, int64_t rows) {
  const PlanProgram *q = &p->plan->program[program];
  float *all = NEW_ARRAY(arena, float, 1 << 16);
  int64_t n = 0;
  p->run.rows = rows;
  page_run(p, program, PURPOSE_TEST);
  for (int k = 0; k < q->outputs; k++) {
    const PlanOutput *o = &q->output[k];
    for (int64_t i = 0; i < (o->per_example ? rows : 1) * o->count && !o->coupled; i++)
      all[n++] = p->run.memory[o->at + i];
    n += o->per_example ? (q->batch - rows) * o->count : 0;
  }
  return all;
}

static void check_program(Page *p, int program) {
  const PlanProgram *q = &p->plan->program[program];
  const float *whole = outputs(p, program, q->batch);
  static const int64_t few[] = {1, 2, 5, 11};
  for (int i = 0; i < 4 && few[i] < q->batch; i++) {
    const float *part = outputs(p, program, few[i]);
    int64_t n = 0;
    for (int k = 0; k < q->outputs; k++) {
      const PlanOutput *o = &q->output[k];
      int64_t count = (o->per_example ? few[i] : 1) * o->count;
      if (!o->coupled && memcmp(part + n, whole + n, (size_t)count * sizeof *part) != 0) {
        print_error("%s: %s is another for %lld examples\n", q->name, o->name, (long long)few[i]);
        assert_true(false);
      }
      for (int64_t e = 0; e < count && !o->coupled; e++) assert_true(whole[n + e] == whole[n + e]);
      n += (o->per_example ? q->batch : 1) * o->count;
    }
  }
}

static void few_examples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof page / sizeof *page; i++) {
    Page *p = page_format(arena, 0, HEAD "%s\n" TAIL, page[i].text);
    fill_columns(p);
    const PlanProgram *q = &p->plan->program[p->plan->test];
    int n = count_by_example(q->kernel, q->kernels);
    if (n < page[i].most) print_error("%s: %d kernels by example\n", page[i].text, n);
    assert_true(n >= page[i].most);
    check_program(p, p->plan->test);
  }
}

// Where examples meet, only what does not hang on that is exact.
static void beside_a_meeting(void **state) {
  (void)state;
  Page *p = page_format(arena, 0, HEAD "%s\n" TAIL,
                        "metric m = sum(f(x))\nmetric spread = average(batch_mean(square(x - batch_mean(x))))");
  fill_columns(p);
  assert_true(p->plan->program[p->plan->test].output[2].coupled);
  check_program(p, p->plan->test);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(few_examples), cmocka_unit_test(beside_a_meeting)};
  return cmocka_run_group_tests(tests, open_arena, close_arena);
}
