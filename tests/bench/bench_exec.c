// How far regions are from the same arithmetic in one hand-written loop, matrix products from those of OpenBLAS, and
// what the pool costs.
//
// Prints the median of some rounds, the two taking turns. Usage: bench_exec [threads]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/blas.h"
#include "engine/exec.h"
#include "engine/gemm.h"
#include "engine/kernel_pieces.h"
#include "core/maths.h"
#include "core/pool.h"

enum { ROUNDS = 61, ROWS = 128, PIXELS = 784, HIDDEN = 400, WEIGHTS = PIXELS * HIDDEN * 2 + 8000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Builds instructions one after another; values are numbered as they come.
typedef struct {
  const char *label;
  Kernel kernel;
  Operand operand[16];  // loads, then stores
  float constant[10];
  Instr instr[40];
  Store store[6];
} Builder;

static int instr3(Builder *b, ScalarOp op, int x, int y, int z) {
  Region *r = &b->kernel.region;
  b->instr[r->instrs] = (Instr){(uint8_t)op, {(int16_t)x, (int16_t)y, (int16_t)z}, (int16_t)r->instrs};
  return r->loads + r->constants + r->instrs++;
}

static int instr2(Builder *b, ScalarOp op, int x, int y) { return instr3(b, op, x, y, x); }

static void store(Builder *b, int value, StoreKind kind, View view) {
  b->operand[b->kernel.operands++] = (Operand){.view = view, .write = true};
  b->store[b->kernel.region.stores++] = (Store){value, kind};
}

static Builder *builder(Arena *a, const char *label, int rank, int64_t d0, int64_t d1, int reduce, int loads,
                        int constants) {
  Builder *b = NEW(a, Builder);
  b->label = label;
  b->kernel = (Kernel){.kind = KERNEL_REGION, .pieces = 1, .operand = b->operand, .operands = loads};
  b->kernel.region = (Region){.rank = rank,
                              .dim = {d0, d1},
                              .reduce = reduce,
                              .loads = loads,
                              .constant = b->constant,
                              .constants = constants,
                              .instr = b->instr,
                              .store = b->store};
  return b;
}

// Gives results the lowest tiles that are free.
static void give_tiles(Region *r, Instr *instr) {
  int first = r->loads + r->constants, last[64] = {0}, owner[64];
  for (int i = 0; i < r->instrs; i++)
    for (int k = 0; k < 3; k++) last[instr[i].in[k]] = i;
  for (int i = 0; i < r->stores; i++) last[r->store[i].value] = 1000;
  for (int t = 0; t < 64; t++) owner[t] = -1;
  for (int i = 0; i < r->instrs; i++) {
    for (int t = 0; t < r->tiles; t++)
      if (owner[t] >= 0 && last[owner[t]] <= i) owner[t] = -1;
    int t = 0;
    while (owner[t] >= 0) t++;
    owner[t] = first + i;
    instr[i].tile = (int16_t)t;
    if (t >= r->tiles) r->tiles = t + 1;
  }
}

// ---- Adam: weight, both moments and gradient; the two corrections are numbers in memory

enum { W = 0, M = W + WEIGHTS, V = M + WEIGHTS, G = V + WEIGHTS, C = G + WEIGHTS, MEMORY = C + 64 };

// As grammar/std/training.gm has it, so that its loop was compiled ahead.
static Builder *adam(Arena *a) {
  Builder *b = builder(a, "Adam", 1, WEIGHTS, 1, -1, 6, 4);
  static const int64_t at[] = {W, M, V, G, C, C + 16};
  for (int i = 0; i < 6; i++) b->operand[i].view = (View){at[i], {i < 4}};
  static const float constant[] = {0.9f, 0.1f, 0.999f, 0.001f};
  memcpy(b->constant, constant, sizeof constant);
  enum { w, m, v, g, rate, eps, b1, r1, b2, r2 };
  int m1 = instr2(b, SCALAR_MUL, m, b1);
  m1 = instr2(b, SCALAR_ADD, m1, instr2(b, SCALAR_MUL, g, r1));
  int v1 = instr2(b, SCALAR_MUL, v, b2), square = instr2(b, SCALAR_MUL, g, g);
  v1 = instr2(b, SCALAR_ADD, v1, instr2(b, SCALAR_MUL, square, r2));
  int up = instr2(b, SCALAR_MUL, m1, rate), root = instr2(b, SCALAR_SQRT, v1, v1);
  int w1 = instr2(b, SCALAR_SUB, w, instr2(b, SCALAR_DIV, up, instr2(b, SCALAR_ADD, root, eps)));
  store(b, m1, STORE_ALL, b->operand[m].view);
  store(b, v1, STORE_ALL, b->operand[v].view);
  store(b, w1, STORE_ALL, b->operand[w].view);
  return b;
}

static void adam_loop(float *memory) {
  float *restrict w = memory + W, *restrict m = memory + M, *restrict v = memory + V;
  const float *restrict g = memory + G;
  const float rate = memory[C], eps = memory[C + 16];
  for (int64_t i = 0; i < WEIGHTS; i++) {
    m[i] = m[i] * 0.9f + g[i] * 0.1f;
    v[i] = v[i] * 0.999f + g[i] * g[i] * 0.001f;
    w[i] = w[i] - m[i] * rate / (sqrtf(v[i]) + eps);
  }
}

// With the corrections where Kingma and Ba have them: a text that no model has, done step by step.
static Builder *adam_by_steps(Arena *a) {
  Builder *b = builder(a, "Adam of one's own, by steps", 1, WEIGHTS, 1, -1, 6, 6);
  static const int64_t at[] = {W, M, V, G, C, C + 16};
  for (int i = 0; i < 6; i++) b->operand[i].view = (View){at[i], {i < 4}};
  static const float constant[] = {0.9f, 0.1f, 0.999f, 0.001f, 1e-3f, 1e-8f};
  memcpy(b->constant, constant, sizeof constant);
  enum { w, m, v, g, c1, c2, b1, r1, b2, r2, lr, eps };
  int m1 = instr2(b, SCALAR_ADD, instr2(b, SCALAR_MUL, m, b1), instr2(b, SCALAR_MUL, g, r1));
  int v1 = instr2(b, SCALAR_ADD, instr2(b, SCALAR_MUL, v, b2), instr2(b, SCALAR_MUL, instr2(b, SCALAR_MUL, g, g), r2));
  int root = instr2(b, SCALAR_SQRT, instr2(b, SCALAR_MUL, v1, c2), v1);
  int up = instr2(b, SCALAR_MUL, instr2(b, SCALAR_MUL, m1, c1), lr);
  int w1 = instr2(b, SCALAR_SUB, w, instr2(b, SCALAR_DIV, up, instr2(b, SCALAR_ADD, root, eps)));
  store(b, w1, STORE_ALL, b->operand[w].view);
  store(b, m1, STORE_ALL, b->operand[m].view);
  store(b, v1, STORE_ALL, b->operand[v].view);
  return b;
}

static void adam_by_steps_loop(float *memory) {
  float *restrict w = memory + W, *restrict m = memory + M, *restrict v = memory + V;
  const float *restrict g = memory + G;
  const float c1 = memory[C], c2 = memory[C + 16];
  for (int64_t i = 0; i < WEIGHTS; i++) {
    m[i] = m[i] * 0.9f + g[i] * 0.1f;
    v[i] = v[i] * 0.999f + g[i] * g[i] * 0.001f;
    w[i] = w[i] - m[i] * c1 * 1e-3f / (sqrtf(v[i] * c2) + 1e-8f);
  }
}

// ---- log-likelihood of Bernoulli logits: x*l - max(l, 0) - log1p(exp(-|l|)), summed over pixels

enum { X = 0, L = X + ROWS * PIXELS, D = L + ROWS * PIXELS, S = D + ROWS * PIXELS, BIAS = S + ROWS };

static Builder *likelihood(Arena *a) {
  Builder *b = builder(a, "log Bernoulli, rows summed", 2, ROWS, PIXELS, 1, 3, 1);
  b->operand[0].view = (View){X, {PIXELS, 1}};
  b->operand[1].view = (View){L, {PIXELS, 1}};
  b->operand[2].view = (View){BIAS, {0, 1}};
  enum { x, l0, bias, zero };
  int l = instr2(b, SCALAR_ADD, l0, bias);
  int soft =
      instr2(b, SCALAR_LOG1P, instr2(b, SCALAR_EXP, instr2(b, SCALAR_NEG, instr2(b, SCALAR_ABS, l, l), 0), 0), 0);
  int sum =
      instr2(b, SCALAR_SUB, instr2(b, SCALAR_SUB, instr2(b, SCALAR_MUL, x, l), instr2(b, SCALAR_MAX, l, zero)), soft);
  store(b, sum, STORE_SUM, (View){S, {1, 0}});
  return b;
}

static void likelihood_loop(float *memory) {
  for (int i = 0; i < ROWS; i++) {
    const float *restrict x = memory + X + i * PIXELS, *restrict logits = memory + L + i * PIXELS,
                          *restrict bias = memory + BIAS;
    float row[PIXELS], lane[LANES];
    for (int j = 0; j < PIXELS; j++) {
      float l = logits[j] + bias[j];
      row[j] = x[j] * l - m_max(l, 0.0f) - m_log1p(m_exp(-m_abs(l)));
    }
    lanes_zero(lane);
    lanes_add(lane, row, PIXELS);
    memory[S + i] = lanes_sum(lane);
  }
}

// ---- its gradient: (1 / (1 + exp(-l)) - x) / rows

static Builder *gradient(Arena *a) {
  Builder *b = builder(a, "its gradient", 2, ROWS, PIXELS, -1, 3, 2);
  b->operand[0].view = (View){X, {PIXELS, 1}};
  b->operand[1].view = (View){L, {PIXELS, 1}};
  b->operand[2].view = (View){BIAS, {0, 1}};
  b->constant[0] = 1;
  b->constant[1] = 1.0f / ROWS;
  enum { x, l0, bias, one, scale };
  int l = instr2(b, SCALAR_ADD, l0, bias);
  int sigmoid =
      instr2(b, SCALAR_DIV, one, instr2(b, SCALAR_ADD, instr2(b, SCALAR_EXP, instr2(b, SCALAR_NEG, l, l), 0), one));
  store(b, instr2(b, SCALAR_MUL, instr2(b, SCALAR_SUB, sigmoid, x), scale), STORE_ALL, (View){D, {PIXELS, 1}});
  return b;
}

static void gradient_loop(float *memory) {
  for (int i = 0; i < ROWS; i++) {
    const float *restrict x = memory + X + i * PIXELS, *restrict logits = memory + L + i * PIXELS,
                          *restrict bias = memory + BIAS;
    float *restrict d = memory + D + i * PIXELS;
    for (int j = 0; j < PIXELS; j++) d[j] = (1.0f / (m_exp(-(logits[j] + bias[j])) + 1.0f) - x[j]) * (1.0f / ROWS);
  }
}

// ---- relu backwards with the gradient of the bias: rows added up

static Builder *relu(Arena *a) {
  Builder *b = builder(a, "relu backwards, columns summed", 2, ROWS, HIDDEN, 0, 2, 1);
  b->operand[0].view = (View){X, {HIDDEN, 1}};
  b->operand[1].view = (View){L, {HIDDEN, 1}};
  int d = instr2(b, SCALAR_MUL, instr2(b, SCALAR_LESS, 2, 0), 1);
  store(b, d, STORE_ALL, (View){D, {HIDDEN, 1}});
  store(b, d, STORE_SUM, (View){S, {0, 1}});
  return b;
}

static void relu_loop(float *memory) {
  float *restrict s = memory + S;
  for (int j = 0; j < HIDDEN; j++) s[j] = 0;
  for (int i = 0; i < ROWS; i++) {
    const float *restrict h = memory + X + i * HIDDEN, *restrict g = memory + L + i * HIDDEN;
    float *restrict d = memory + D + i * HIDDEN;
    for (int j = 0; j < HIDDEN; j++) s[j] += d[j] = m_less(0, h[j]) * g[j];
  }
}

// ---- taking turns

static Run *run_of(Arena *a, Builder *b, int threads) {
  Region *r = &b->kernel.region;
  give_tiles(r, b->instr);
  b->kernel.pieces = threads;
  PlanProgram *p = NEW(a, PlanProgram);
  *p = (PlanProgram){.kernel = &b->kernel, .kernels = 1};
  Plan *plan = NEW(a, Plan);
  *plan = (Plan){.program = p, .programs = 1};
  Run *run = NEW(a, Run);
  *run = (Run){.arena = a, .plan = plan, .memory = NEW_ARRAY(a, float, MEMORY)};
  for (int64_t i = 0; i < MEMORY; i++) run->memory[i] = (float)(i % 1000) * 1e-3f + 1e-4f;
  exec_open(run, threads);
  return run;
}

static void bench(Builder *make(Arena *), void loop(float *), int threads) {
  Arena *a = arena_open(NULL);
  Builder *b = make(a);
  Run *run = run_of(a, b, threads);
  double region[ROUNDS], hand[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    double start = now();
    run->execute(run, 0);
    double middle = now();
    loop(run->memory);
    region[i] = middle - start;
    hand[i] = now() - middle;
  }
  qsort(region, ROUNDS, sizeof *region, compare);
  qsort(hand, ROUNDS, sizeof *hand, compare);
  printf("%-32s %.3f ms (best %.3f)   by hand, one thread %.3f ms (%.3f)   ratio %.2f\n", b->label,
         region[ROUNDS / 2], region[0], hand[ROUNDS / 2], hand[0], region[ROUNDS / 2] / hand[ROUNDS / 2]);
  arena_close(a);
}

static void nothing(void *arg, int piece, int pieces) { (void)arg, (void)piece, (void)pieces; }

// ---- matrix products

typedef struct {
  bool transpose_a, transpose_b;
  int m, n, k;
} Shape;

static const Blas *openblas;

static void blas(const Shape *s, const float *a, const float *b, float *c) {
  const Matmul g = {.a = a,
                    .b = b,
                    .c = c,
                    .batch = 1,
                    .m = s->m,
                    .n = s->n,
                    .k = s->k,
                    .transpose_a = s->transpose_a,
                    .transpose_b = s->transpose_b,
                    .lda = s->transpose_a ? s->m : s->k,
                    .ldb = s->transpose_b ? s->k : s->n,
                    .ldc = s->n};
  matmul_blas(openblas, &g, 0, s->m);
}

static void ours(const Shape *s, const float *a, const float *b, float *c) {
  gemm(s->transpose_a, s->transpose_b, s->m, s->n, s->k, a, s->transpose_a ? s->m : s->k, b,
       s->transpose_b ? s->k : s->n, c, s->n);
}

// Operands lie at several places in turn, so that they are as far from the processor as in a step of training.
static double gflops(void multiply(const Shape *, const float *, const float *, float *), const Shape *s,
                     float *memory) {
  enum { PLACES = 8 };
  int64_t size = (int64_t)s->m * s->k + (int64_t)s->k * s->n + (int64_t)s->m * s->n;
  double start = now();
  for (int i = 0; i < PLACES; i++) {
    float *a = memory + i * size, *b = a + (int64_t)s->m * s->k;
    multiply(s, a, b, b + (int64_t)s->k * s->n);
  }
  return 2e-6 * PLACES * (double)s->m * (double)s->n * (double)s->k / (now() - start);
}

static void bench_product(const Shape *s) {
  float *memory = malloc(sizeof(float) * 8 * (size_t)(s->m * s->k + s->k * s->n + s->m * s->n));
  for (int64_t i = 0; i < (int64_t)8 * (s->m * s->k + s->k * s->n + s->m * s->n); i++) memory[i] = (float)(i % 1000);
  double rate[2][ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    rate[0][i] = gflops(ours, s, memory);
    rate[1][i] = gflops(blas, s, memory);
  }
  for (int i = 0; i < 2; i++) qsort(rate[i], ROUNDS, sizeof *rate[i], compare);
  printf("%4d x%4d x%4d %s%s  %6.1f GFLOP/s   OpenBLAS %6.1f   ratio %.2f\n", s->m, s->n, s->k,
         s->transpose_a ? "T" : "N", s->transpose_b ? "T" : "N", rate[0][ROUNDS / 2], rate[1][ROUNDS / 2],
         rate[0][ROUNDS / 2] / rate[1][ROUNDS / 2]);
  free(memory);
}

static void bench_products(void) {
  static const Shape shape[] = {{0, 0, 128, 400, 784}, {0, 0, 128, 784, 400}, {0, 1, 128, 400, 784},
                                {1, 0, 784, 400, 128}, {0, 0, 32, 400, 784},  {0, 1, 32, 400, 784},
                                {1, 0, 784, 400, 32},  {0, 0, 8, 400, 784},   {0, 0, 256, 512, 784},
                                {0, 0, 128, 10, 512},  {0, 0, 256, 1, 256},   {0, 0, 1024, 1024, 1024}};
  Arena *a = arena_open(NULL);
  openblas = blas_open(a, 1);
  printf("products by one thread: own, %s\n", blas_about(a, openblas));
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) bench_product(&shape[i]);
  arena_close(a);
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  printf("regions by %d threads\n", threads);
  bench(adam, adam_loop, threads);
  bench(adam_by_steps, adam_by_steps_loop, threads);
  bench(likelihood, likelihood_loop, threads);
  bench(gradient, gradient_loop, threads);
  bench(relu, relu_loop, threads);
  Arena *a = arena_open(NULL);
  Pool *pool = pool_open(a, threads);
  double start = now();
  for (int i = 0; i < 10000; i++) pool_run(pool, nothing, NULL, threads);
  printf("%-32s %.3f us\n", "a kernel without work", (now() - start) / 10);
  arena_close(a);
  bench_products();
  return 0;
}
