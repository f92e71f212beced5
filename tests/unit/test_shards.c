// A batch in shards: its gradients are, to the bit, those of each shard run as a batch of its own, added in the tree;
// for layers, draws, loops, tables, aggregates and shared weights. Statistics of the batch are added in the same tree.
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

enum { BATCH = 32 };

static uint32_t chance = 1;

static int below(int n) {
  chance = chance * 1664525u + 1013904223u;
  return (int)((uint64_t)(chance >> 8) * (uint64_t)n >> 24);
}

static void fill(Page *p) {
  for (int i = 0; i < p->plan->columns; i++) {
    const PlanColumn *c = &p->plan->column[i];
    for (int64_t k = 0; k < BATCH * c->count; k++)
      p->column[i][k] = c->classes ? (float)below(c->classes) : (float)(below(2001) - 1000) * 1.0123457e-3f;
  }
}

// Runs the program that trains, for the examples of `whole` from `first` on and from its weights.
static void train(Page *p, const Page *whole, int64_t first) {
  memcpy(p->run.memory, whole->run.memory, (size_t)whole->plan->persistent * sizeof(float));
  for (int i = 0; i < p->plan->columns; i++) {
    int64_t count = p->plan->column[i].count;
    if (p != whole)
      memcpy(p->column[i], whole->column[i] + first * count, (size_t)(p->plan->batch * count) * sizeof(float));
  }
  for (int64_t i = 0; i < p->plan->batch; i++) p->example[i] = (int32_t)(first + i);
  p->run.first_position = (uint32_t)first;
  page_train(p);
}

// Neighbours are added, then neighbours of what that gives; the last of an odd number waits.
static float add_up(float *term, int64_t terms) {
  for (; terms > 1; terms = (terms + 1) / 2)
    for (int64_t i = 0; i < terms; i += 2) term[i / 2] = i + 1 < terms ? term[i] + term[i + 1] : term[i];
  return term[0];
}

// `sgd` without momentum keeps the gradient as its `velocity`.
static bool is_gradient(const PlanTensor *t) {
  size_t n = strlen(t->name);
  return t->kind == TENSOR_SLOT && n > 9 && strcmp(t->name + n - 9, "/velocity") == 0;
}

static Page *open(Arena *a, const char *text, int64_t batch, int64_t shards) {
  return page_format(a, batch, "model m\n%s\ntrain { minimize loss over f with sgd(0.5)  batch %lld, shards %lld }\n",
                     text, (long long)batch, (long long)shards);
}

// The gradients of the whole and of the shards by themselves. The mean over a shard weighs each example `shards` times
// as much, which is a power of two.
static void check(const char *text, int64_t shards) {
  Arena *a = arena_open(NULL);
  Page *whole = open(a, text, BATCH, shards);
  Page *alone = open(a, text, BATCH / shards, 1);
  int64_t size = whole->plan->persistent;
  float *got = NEW_ARRAY(a, float, size), *part = NEW_ARRAY(a, float, size *shards),
        *term = NEW_ARRAY(a, float, shards);
  float *before = NEW_ARRAY(a, float, size);
  assert_int_equal(size, alone->plan->persistent);
  fill(whole);
  memcpy(before, whole->run.memory, (size_t)size * sizeof *before);
  for (int64_t s = 0; s < shards; s++) {
    train(alone, whole, s * BATCH / shards);
    memcpy(part + s * size, alone->run.memory, (size_t)size * sizeof *part);
  }
  train(whole, whole, 0);
  memcpy(got, whole->run.memory, (size_t)size * sizeof *got);
  int gradients = 0, numbers = 0;
  for (int i = 0; i < whole->plan->tensors; i++) {
    const PlanTensor *t = &whole->plan->tensor[i];
    if (!is_gradient(t)) continue;
    gradients++;
    for (int64_t k = t->at; k < t->at + t->count; k++) {
      for (int64_t s = 0; s < shards; s++) term[s] = part[s * size + k] / (float)shards;
      float want = add_up(term, shards);
      if (memcmp(&want, &got[k], sizeof want) != 0)
        print_error("%s[%lld] of %lld shards: %a, not %a\n%s\n", t->name, (long long)(k - t->at), (long long)shards,
                    (double)got[k], (double)want, text);
      assert_memory_equal(&want, &got[k], sizeof want);
      numbers += got[k] != 0;
    }
  }
  assert_true(gradients > 0 && numbers > 0);
  arena_close(a);
}

// Of weights that are applied twice: shards of a few examples by themselves take their two products as one.
enum { SUMMED = 1 };

static const char *const models[] = {
    // layers with biases
    "data x[10] from npy(\"x.npy\")\n"
    "net f(v | x) { v = x |> dense(7) |> tanh |> dense(5) |> relu |> dense(3) }\n"
    "objective loss { minimize sum(square(f(x) - 1)) }",
    // weights applied twice, to the same examples
    "data x[6] from npy(\"x.npy\")\n"
    "net f(v | x) { v = x |> dense(6) |> tanh }\n"
    "objective loss { minimize sum(square(f(f(x)) - f(2 * x))) }",
    // draws, and of each several
    "data x[4] from npy(\"x.npy\")\n"
    "net f(v | x) { v = x |> dense(4) |> tanh |> dense(4) }\n"
    "objective loss { z ~ normal(0, 1)   minimize sum(square(f(x + z))) }",
    "data x[4] from npy(\"x.npy\")\nprior z[3] ~ normal(0, 1)\n"
    "net f(v | z) { v = z |> dense(5) |> tanh |> dense(4) }\n"
    "objective loss { minimize mean(6) { z ~ prior(z)   sum(square(x - f(z))) } }",
    "data x[4] from npy(\"x.npy\")\nprior z[3] ~ normal(0, 1)\n"
    "net f(v | z) { v = z |> dense(5) |> tanh |> dense(4) }\n"
    "objective loss { minimize 0 - logmeanexp(5) { z ~ prior(z)\n  sum(-abs(x - f(z))) } }",
    // loops: weights inside, and what is read in turns
    "data x[5, 3] from npy(\"x.npy\")\n"
    "net f(v | x) { weight U[4, 4] ~ normal(0, 0.5)\n"
    "  v = sum(scan(r in x, h = zeros(4)) { h <- tanh(dense(r, 4) + h @ U)   h }) }\n"
    "objective loss { minimize square(f(x) - 1) }",
    "data x[5, 3] from npy(\"x.npy\")\n"
    "net f(v | x) { weight s ~ normal(1, 0.1)\n"
    "  v = sum(scan(r in x, h = zeros(3)) { h <- tanh(s * r + h)   z ~ normal(0, 1)   h * z }) }\n"
    "objective loss { minimize square(f(x) - 1) }",
    // rows of a table
    "data x[4], y : class(5) from npz(\"d.npz\")\n"
    "net f(v | x, y) { weight T[5, 3] ~ normal(0, 1)\n  v = sum(T[y] * dense(x, 3)) }\n"
    "objective loss { minimize square(f(x, y) - 1) }",
    // many examples' worth of one value
    "data x[3000] from npy(\"x.npy\")\n"
    "net f(v | x) { weight w ~ normal(1, 0.1)\n weight c[3000] ~ normal(1, 0.1)\n v = sum(w * x * c) }\n"
    "objective loss { minimize square(f(x) - 1) }",
};

static void shards_by_themselves(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof models / sizeof *models; i++)
    for (int64_t shards = 2; shards <= (i == SUMMED ? BATCH / 4 : BATCH); shards *= 2) check(models[i], shards);
}

// ---- where examples meet

// The mean over the batch: sums of the shards, each from +0 on in the order of its examples, added in the tree.
static void statistics_in_the_tree(void **state) {
  (void)state;
  enum { SHARDS = 8, WIDTH = 3 };
  Arena *a = arena_open(NULL);
  Page *p = open(a,
                 "data x[3] from npy(\"x.npy\")\n"
                 "net f(v | x) { state seen[3] = 0\n seen <- batch_mean(x)\n v = x |> dense(2) }\n"
                 "objective loss { minimize sum(square(f(x))) }",
                 BATCH, SHARDS);
  fill(p);
  const float *x = page_column(p, "x"), *seen = page_tensor(p, "f/seen");
  train(p, p, 0);
  for (int k = 0; k < WIDTH; k++) {
    float term[SHARDS] = {0};
    for (int i = 0; i < BATCH; i++) term[i * SHARDS / BATCH] += x[i * WIDTH + k];
    float want = add_up(term, SHARDS) / BATCH;
    assert_memory_equal(&want, &seen[k], sizeof want);
  }
  arena_close(a);
}

// What is cut may not be another thing: the gradients are those of the batch in one, but for roundings.
static const char *const coupled[] = {
    "data x[6] from npy(\"x.npy\")\n"
    "net f(v | x) { v = x |> dense(5) |> batch_norm |> tanh |> dense(3) |> batch_norm }\n"
    "objective loss { minimize sum(square(f(x) - x[0])) }",
    "data x[4] from npy(\"x.npy\")\n"
    "net f(v | x) { v = x |> dense(3) |> tanh }\n"
    "objective loss { z = f(x)\n"
    "  minimize sum(other in batch) { exp(0 - sum(square(z - other.z))) } }",
    "data x[4] from npy(\"x.npy\")\n"
    "net f(v | x) { v = x |> dense(3) |> tanh }\n"
    "objective loss { z = f(x)\n  minimize sum(square(z - stop(batch_mean(z)))) + square(mean(batch_mean(z))) }",
    "data x[4] from npy(\"x.npy\")\n"
    "net f(v | x) { weight a ~ normal(0, 1)\n v = exp(a) * (x |> dense(3)) }\n"
    "objective loss { minimize sum(square(f(x))) }",
    "data x[4, 3] from npy(\"x.npy\")\n"
    "net f(v | x) { weight W[4, 4] ~ normal(0, 1)\n v = sum(cumsum(transpose(x) @ W)) }\n"
    "objective loss { minimize square(f(x)) }",
    "data x[4] from npy(\"x.npy\")\n"
    "net f(v | x) { weight A[4, 4] ~ normal(0, 0.3)\n v = sum(square(solve(exp(A), x))) }\n"
    "objective loss { minimize f(x) }",
};

static void check_coupled(const char *text, int64_t shards) {
  Arena *a = arena_open(NULL);
  Page *cut = open(a, text, BATCH, shards), *one = open(a, text, BATCH, 1);
  fill(one);
  memcpy(cut->run.memory, one->run.memory, (size_t)one->plan->persistent * sizeof(float));
  for (int i = 0; i < one->plan->columns; i++)
    memcpy(cut->column[i], one->column[i], (size_t)(BATCH * one->plan->column[i].count) * sizeof(float));
  train(cut, cut, 0);
  train(one, one, 0);
  int gradients = 0;
  double most = 0;  // roundings are of what is added, whatever it comes to
  for (int64_t k = 0; k < one->plan->persistent; k++) most = fmax(most, fabs((double)one->run.memory[k]));
  for (int i = 0; i < one->plan->tensors; i++) {
    const PlanTensor *t = &one->plan->tensor[i];
    gradients += is_gradient(t);
    for (int64_t k = t->at; k < t->at + t->count; k++)
      page_check(fabs((double)(cut->run.memory[k] - one->run.memory[k])) < 1e-5 * most, t->name, text,
                 (double)cut->run.memory[k], (double)one->run.memory[k]);
  }
  assert_true(gradients > 0);
  arena_close(a);
}

static void meeting_examples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof coupled / sizeof *coupled; i++)
    for (int64_t shards = 2; shards <= BATCH; shards *= 4) check_coupled(coupled[i], shards);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(shards_by_themselves), cmocka_unit_test(statistics_in_the_tree),
                                     cmocka_unit_test(meeting_examples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
