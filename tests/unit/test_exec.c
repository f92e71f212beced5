// The executor: regions of every kind against the plainest possible evaluation, bit for bit and however they are cut;
// the other kernels; the pool of threads; and the search for what is not finite.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

static long allocations_left = -1;  // that still succeed; -1: all

static void *counted_calloc(size_t n, size_t size) {
  if (allocations_left == 0) return NULL;
  if (allocations_left > 0) allocations_left--;
  return calloc(n, size);
}

#define calloc counted_calloc
#include "core/base.c"
#undef calloc

#include "attempt.h"
#include "engine/exec.h"
#include "engine/gemm.h"
#include "engine/kernel_pieces.h"
#include "core/maths.h"
#include "core/philox.h"
#include "core/pool.h"
#include "engine/region_code.h"

// ---- chance

typedef struct {
  uint32_t state;
} Chance;

static uint32_t below(Chance *c, uint32_t n) {
  c->state = c->state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)(c->state >> 8) * n >> 24);
}

static float some_float(Chance *c) {
  uint32_t kind = below(c, 20);
  float x = ((float)below(c, 1 << 20) / (1 << 19) - 1) * 3;
  if (kind == 0) return 0;
  if (kind == 1) return -0.0f;
  return kind == 2 ? x * 1e30f : kind == 3 ? floorf(x) : x;
}

static bool same_bits(float a, float b) { return m_bits(a) == m_bits(b) || (isnan(a) && isnan(b)); }

// ---- regions by the book

#define SCALAR(ID, name, arity, expression) \
  static float apply_##ID(float a, float b, float c) { return (void)a, (void)b, (void)c, expression; }
#include "core/scalars.def"

static float apply(int op, float a, float b, float c) {
  static float (*const function[])(float, float, float) = {
#define SCALAR(ID, ...) apply_##ID,
#include "core/scalars.def"
  };
  return function[op](a, b, c);
}

static int64_t points(const Region *r) {
  int64_t n = 1;
  for (int i = 0; i < r->rank; i++) n *= r->dim[i];
  return n;
}

static void index_of(const Region *r, int64_t point, int64_t *index) {
  for (int i = r->rank - 1; i >= 0; i--) {
    index[i] = point % r->dim[i];
    point /= r->dim[i];
  }
}

static int64_t place(const Region *r, const View *v, const int64_t *index) {
  int64_t at = v->at;
  for (int i = 0; i < r->rank; i++) at += index[i] * v->stride[i];
  return at;
}

// All values at one point, from the memory as it was before.
static void values_at(const Kernel *k, const float *before, const int64_t *index, float *value) {
  const Region *r = &k->region;
  for (int i = 0; i < r->loads; i++) value[i] = before[place(r, &k->operand[i].view, index)];
  for (int i = 0; i < r->constants; i++) value[r->loads + i] = r->constant[i];
  float *result = value + r->loads + r->constants;
  for (int i = 0; i < r->instrs; i++) {
    const int16_t *in = r->instr[i].in;
    result[i] = apply(r->instr[i].op, value[in[0]], value[in[1]], value[in[2]]);
  }
}

static float joined(StoreKind kind, float a, float b) { return kind == STORE_SUM ? a + b : m_max(a, b); }

// A reduction at one place of its result: in lanes along the last axis, otherwise in order.
static float reduced(const Kernel *k, const float *before, const Store *s, int64_t *index, float *value) {
  const Region *r = &k->region;
  float lane[16], start = s->kind == STORE_SUM ? 0 : -INFINITY;
  for (int l = 0; l < 16; l++) lane[l] = start;
  int lanes = r->reduce == r->rank - 1 ? 16 : 1;
  for (int64_t j = 0; j < r->dim[r->reduce]; j++) {
    index[r->reduce] = j;
    values_at(k, before, index, value);
    lane[j % lanes] = joined(s->kind, lane[j % lanes], value[s->value]);
  }
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lane[l] = joined(s->kind, lane[l], lane[l + half]);
  return lane[0];
}

static void by_the_book(const Kernel *k, const float *before, float *after) {
  const Region *r = &k->region;
  Arena *a = arena_open(NULL);
  pool_open(a, 1);  // its arithmetic
  float *value = NEW_ARRAY(a, float, r->loads + r->constants + r->instrs + 1);
  for (int64_t p = 0; p < points(r); p++) {
    int64_t index[MAX_RANK];
    index_of(r, p, index);
    bool first = r->reduce < 0 || index[r->reduce] == 0;
    for (int i = 0; i < r->stores; i++) {
      const Store *s = &r->store[i];
      index_of(r, p, index);
      int64_t at = place(r, &k->operand[r->loads + i].view, index);
      if (s->kind == STORE_ALL) {
        values_at(k, before, index, value);
        after[at] = value[s->value];
      } else if (first) {
        after[at] = reduced(k, before, s, index, value);
      }
    }
  }
  arena_close(a);
}

// ---- regions by chance

typedef struct {
  Kernel kernel;
  Operand operand[11];  // loads, then stores
  float constant[3];
  Instr instr[24];
  Store store[5];
  int64_t used;  // floats of memory
} Sample;

// A view of its own memory: axes in any order, some repeated, some with gaps, beginning anywhere.
static View some_view(Chance *c, Sample *s, bool repeats, int without) {
  const Region *r = &s->kernel.region;
  View v = {.at = s->used + below(c, 3)};
  int order[MAX_RANK] = {0};
  for (int i = 0; i < r->rank; i++) {
    int j = (int)below(c, (uint32_t)i + 1);
    order[i] = order[j];
    order[j] = i;
  }
  bool shuffled = below(c, 3) == 0;
  int64_t step = below(c, 4) ? 1 : 1 + below(c, 3);
  uint32_t often = below(c, 4);
  for (int i = r->rank - 1; i >= 0; i--) {
    int axis = shuffled ? order[i] : i;
    if (axis == without || (repeats && below(c, 4) < often)) continue;
    v.stride[axis] = step;
    step *= r->dim[axis];
    if (below(c, 6) == 0) step += below(c, 4);
  }
  s->used = v.at + step;
  return v;
}

static void some_space(Chance *c, Region *r) {
  static const int64_t size[] = {1, 2, 3, 4, 5, 7, 16, 17, 33, 48, 100, 257, 1000, 1024, 2500, 5000};
  r->rank = (int)below(c, 6);
  for (int i = 0; i < r->rank; i++) r->dim[i] = size[below(c, r->rank < 2 ? 16 : r->rank == 2 ? 14 : 8)];
  while (points(r) > 20000) {
    int i = (int)below(c, (uint32_t)r->rank);
    r->dim[i] = (r->dim[i] + 1) / 2;
  }
  r->reduce = r->rank && below(c, 3) ? (int)below(c, (uint32_t)r->rank) : -1;
}

// Gives out tiles as a planner would: at once again when the value they hold is dead.
static void give_tiles(Chance *c, Region *r, Instr *instr) {
  int first = r->loads + r->constants, last[64] = {0}, owner[64];
  for (int i = 0; i < r->instrs; i++)
    for (int k = 0; k < 3; k++) last[instr[i].in[k]] = i;
  for (int i = 0; i < r->stores; i++) last[r->store[i].value] = 1000;
  for (int t = 0; t < 64; t++) owner[t] = -1;
  for (int i = 0; i < r->instrs; i++) {
    for (int t = 0; t < r->tiles; t++)
      if (owner[t] >= 0 && last[owner[t]] <= i && (last[owner[t]] < i || below(c, 2))) owner[t] = -1;
    int t = 0;
    while (owner[t] >= 0) t++;
    owner[t] = first + i;
    if (last[first + i] == 0) last[first + i] = i;
    instr[i].tile = (int16_t)t;
    if (t >= r->tiles) r->tiles = t + 1;
  }
}

static void some_stores(Chance *c, Sample *s) {
  Region *r = &s->kernel.region;
  int values = r->loads + r->constants + r->instrs;
  bool taken[6] = {false};
  for (int i = 0; i < r->stores; i++) {
    Store *t = &s->store[i];
    t->kind = r->reduce < 0 || below(c, 3) == 0 ? STORE_ALL : below(c, 3) ? STORE_SUM : STORE_MAXIMUM;
    t->value = below(c, 4) ? values - 1 - (int)below(c, 3) % values : (int)below(c, (uint32_t)values);
    int without = t->kind == STORE_ALL ? -1 : r->reduce;
    Operand *to = &s->operand[r->loads + i];
    to->write = true;
    to->view = some_view(c, s, false, without);
    int l = r->loads ? (int)below(c, (uint32_t)r->loads) : 0;
    bool fits = r->loads && !taken[l] && below(c, 2);
    for (int k = 0; k < r->rank && fits; k++)
      fits = r->dim[k] == 1 || (k == without) == (s->operand[l].view.stride[k] == 0);
    if (!fits) continue;
    to->view = s->operand[l].view;
    for (int k = 0; k < r->loads; k++) taken[k] = taken[k] || s->operand[k].view.at == to->view.at;
  }
}

static Sample *some_region(Chance *c, Arena *a) {
  Sample *s = NEW(a, Sample);
  Region *r = &s->kernel.region;
  some_space(c, r);
  r->constant = s->constant;
  r->instr = s->instr;
  r->store = s->store;
  r->loads = (int)below(c, 7);
  r->constants = (int)below(c, 4);
  if (r->loads + r->constants == 0) r->loads = 1;
  for (int i = 0; i < r->loads; i++)
    s->operand[i].view = i && below(c, 8) == 0 ? s->operand[i - 1].view : some_view(c, s, true, -1);
  for (int i = 0; i < r->constants; i++) s->constant[i] = some_float(c);
  r->instrs = (int)below(c, 25);
  for (int i = 0; i < r->instrs; i++) {
    uint32_t values = (uint32_t)(r->loads + r->constants + i);
    static const uint8_t often[] = {SCALAR_ADD, SCALAR_SUB, SCALAR_MUL, SCALAR_DIV};
    s->instr[i].op = below(c, 2) ? often[below(c, 4)] : (uint8_t)below(c, SCALAR_COUNT);
    for (int k = 0; k < 3; k++)
      s->instr[i].in[k] = (int16_t)(below(c, 2) ? values - 1 - below(c, 4) % values : below(c, values));
  }
  r->stores = 1 + (int)below(c, 5);
  some_stores(c, s);
  give_tiles(c, r, s->instr);
  s->kernel.kind = KERNEL_REGION;
  s->kernel.operand = s->operand;
  s->kernel.operands = r->loads + r->stores;
  return s;
}

#define AT(...) \
  (const int64_t[]) { __VA_ARGS__ }

static Kernel kernel_of(Arena *a, KernelKind kind, int pieces, const int64_t *at, const int64_t *number) {
  Kernel k = kernel_new(a, kind, at, number);
  k.pieces = pieces;
  return k;
}

// A plan of one program with these kernels.
static Plan *plan_of(Arena *a, const Kernel *kernel, int kernels, int64_t floats) {
  PlanProgram *p = NEW(a, PlanProgram);
  *p = (PlanProgram){.name = "test", .kernel = kernel, .kernels = kernels, .end = floats};
  Plan *plan = NEW(a, Plan);
  *plan = (Plan){.program = p, .programs = 1, .peak = floats};
  return plan;
}

// Runs kernels once on a copy of `before`, for so many examples; 0: all.
static float *run_kernels(Arena *a, const Kernel *kernel, int kernels, const float *before, int64_t floats, int threads,
                          int64_t rows) {
  float *memory = NEW_ARRAY(a, float, floats);
  memcpy(memory, before, (size_t)floats * sizeof *memory);
  int32_t example[8] = {5, 3, 77, 1, 0, 2, 9, 4};
  Run run = {.arena = a,
             .plan = plan_of(a, kernel, kernels, floats),
             .memory = memory,
             .seed = 11,
             .purpose = PURPOSE_TRAIN,
             .step = 6,
             .turn = 2,
             .first_position = 100,
             .example = example,
             .rows = rows};
  exec_open(&run, threads);
  run.execute(&run, 0);
  return memory;
}

static void compare_region(Arena *a, const Sample *s, const float *before, const float *expected, int pieces,
                           int threads) {
  Kernel k = s->kernel;
  k.pieces = pieces;
  float *after = run_kernels(a, &k, 1, before, s->used, threads, 0);
  for (int64_t i = 0; i < s->used; i++)
    if (!same_bits(after[i], expected[i])) {
      print_error("pieces %d threads %d: memory[%lld] is %a, not %a\n", pieces, threads, (long long)i, (double)after[i],
                  (double)expected[i]);
      const Region *r = &s->kernel.region;
      print_error("rank %d [%lld %lld %lld %lld %lld] reduce %d loads %d constants %d instrs %d\n", r->rank,
                  (long long)r->dim[0], (long long)r->dim[1], (long long)r->dim[2], (long long)r->dim[3],
                  (long long)r->dim[4], r->reduce, r->loads, r->constants, r->instrs);
      assert_true(false);
    }
}

// The same for fewer examples than the region is laid out for: what belongs to the others stays as it was.
static void some_examples(void **state) {
  (void)state;
  int tried = 0;
  for (uint32_t seed = 0; seed < 600; seed++) {
    Chance c = {seed * 2654435761u + 7};
    Arena *a = arena_open(NULL);
    Sample *s = some_region(&c, a);
    Region *r = &s->kernel.region;
    int64_t blocks = r->dim[0], rows = 1 + seed % 3;
    float *before = NEW_ARRAY(a, float, s->used), *expected = NEW_ARRAY(a, float, s->used);
    for (int64_t i = 0; i < s->used; i++) expected[i] = before[i] = some_float(&c);
    if (r->reduce != 0 && blocks > rows) {
      s->kernel.per_example = (blocks - 1) / rows;
      r->dim[0] = s->kernel.per_example * rows;
      by_the_book(&s->kernel, before, expected);
      r->dim[0] = blocks;
      s->kernel.pieces = 1 + (int)seed % 5;
      float *after = run_kernels(a, &s->kernel, 1, before, s->used, 1 + (int)seed % 3, rows);
      for (int64_t i = 0; i < s->used; i++) assert_true(same_bits(after[i], expected[i]));
      tried++;
    }
    arena_close(a);
  }
  assert_true(tried > 100);
}

static void regions(void **state) {
  (void)state;
  for (uint32_t seed = 0; seed < 600; seed++) {
    Chance c = {seed * 2654435761u + 1};
    Arena *a = arena_open(NULL);
    Sample *s = some_region(&c, a);
    s->used += 4;
    float *before = NEW_ARRAY(a, float, s->used), *expected = NEW_ARRAY(a, float, s->used);
    for (int64_t i = 0; i < s->used; i++) expected[i] = before[i] = some_float(&c);
    by_the_book(&s->kernel, before, expected);
    for (int pieces = 1; pieces <= 5; pieces++)
      compare_region(a, s, before, expected, pieces, pieces == 1 ? 1 : 1 + (int)seed % 3);
    arena_close(a);
  }
}

// Many values at once: smaller tiles.
static void large_regions(void **state) {
  (void)state;
  enum { LOADS = 540 };
  Arena *a = arena_open(NULL);
  Region r = {.rank = 2, .dim = {60, 17}, .reduce = -1, .loads = LOADS, .instrs = LOADS - 1, .tiles = 1, .stores = 1};
  Operand *operand = NEW_ARRAY(a, Operand, LOADS + 1);
  Instr *instr = NEW_ARRAY(a, Instr, LOADS);
  r.instr = instr;
  for (int i = 0; i < LOADS - 1; i++)
    instr[i] = (Instr){SCALAR_ADD, {(int16_t)(i ? LOADS + i - 1 : 0), (int16_t)(i + 1)}, 0};
  Kernel k = {.kind = KERNEL_REGION, .pieces = 1, .region = r, .operand = operand};
  int64_t floats = LOADS + 3 * 60 + 17 + 1020;
  float *before = NEW_ARRAY(a, float, floats), *expected = NEW_ARRAY(a, float, floats);
  for (int64_t i = 0; i < floats; i++) before[i] = expected[i] = (float)(i % 13);
  for (int n = 20; n <= LOADS; n *= 3) {
    Store store = {n + n - 2, STORE_ALL};
    for (int i = 0; i < n; i++) operand[i].view = (View){.at = i, .stride = {3, 1}};
    operand[n] = (Operand){.view = {.at = floats - 1020, .stride = {17, 1}}, .write = true};
    k.operands = n + 1;
    k.region.loads = n;
    k.region.instrs = n - 1;
    k.region.store = &store;
    for (int i = 0; i < n - 1; i++) instr[i].in[0] = (int16_t)(i ? n + i - 1 : 0);
    by_the_book(&k, before, expected);
    float *after = run_kernels(a, &k, 1, before, floats, 1, 0);
    for (int64_t i = 0; i < floats; i++) assert_true(same_bits(after[i], expected[i]));
  }
  arena_close(a);
}

static float link_by_the_book(LinkOp op, float a, float b) {
  switch (op) {
    case LINK_ADD: return a + b;
    case LINK_SUB: return a - b;
    case LINK_MUL: return a * b;
    case LINK_DIV: return a / b;
    case LINK_BUS: return b - a;
    default: return b / a;
  }
}

static void chains(void **state) {
  (void)state;
  Chance c = {5};
  float in[4][LANES], out[LANES], *to = out;
  const float *const at[] = {in[0], in[1], in[2], in[3]};
  static const int64_t step[] = {LANES, LANES, LANES, LANES};
  for (int i = 0; i < 4 * 6 * 6; i++) {
    LinkOp x = (LinkOp)(i / 36), y = (LinkOp)(i / 6 % 6), z = (LinkOp)(i % 6);
    for (int l = 0; l < 4 * LANES; l++) in[l / LANES][l % LANES] = some_float(&c);
    bool joins = y < LINK_BUS && z < LINK_BUS;
    for (int shape = 0; shape < (joins ? 3 : 2); shape++) {
      (shape == 0   ? region_pair(x, y)
       : shape == 1 ? region_chain(x, y, z)
                    : region_join(x, y, z))(&to, at, step, LANES);
      for (int l = 0; l < LANES; l++) {
        float first = link_by_the_book(x, in[0][l], in[1][l]), pair = link_by_the_book(y, first, in[2][l]);
        float chain = link_by_the_book(z, pair, in[3][l]);
        float join = link_by_the_book(z, first, link_by_the_book(y, in[2][l], in[3][l]));
        assert_true(same_bits(out[l], shape == 0 ? pair : shape == 1 ? chain : join));
      }
    }
  }
}

static void open_exec(Arena *a, void *plan) {
  Run run = {.arena = a, .plan = plan};
  exec_open(&run, 1);
}

static void refusals(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Region r = {.rank = 1, .dim = {8}, .reduce = -1, .loads = 5000};
  Operand *operand = NEW_ARRAY(a, Operand, r.loads);
  Kernel kernel = {.kind = KERNEL_REGION, .pieces = 1, .region = r, .operand = operand, .operands = r.loads};
  assert_fails(open_exec, plan_of(a, &kernel, 1, 8), EXIT_SOFTWARE, "too large");
  arena_close(a);
}

static void open_two_threads(Arena *a, void *plan) {
  Run run = {.arena = a, .plan = plan};
  exec_open(&run, 2);
}

static void memory_runs_out(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Chance c = {3};
  Sample *s = some_region(&c, a);
  Kernel kernel[2] = {s->kernel,
                      kernel_of(a, KERNEL_MATMUL, 2, AT(0, 4, 8), AT(1, 2, 2, 2, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0))};
  Plan *plan = plan_of(a, kernel, 2, 12);
  long n = 1;  // the attempt's own arena opens
  for (int code = EXIT_MEMORY; code; n++) {
    allocations_left = n;
    code = attempt(open_two_threads, plan);
    assert_true(code == 0 || code == EXIT_MEMORY);
  }
  allocations_left = -1;
  assert_true(n > 3);
  arena_close(a);
}

// ---- the other kernels

static void products(void **state) {
  (void)state;
  for (uint32_t seed = 0; seed < 200; seed++) {
    Chance c = {seed * 747796405u + 7};
    Arena *a = arena_open(NULL);
    Matmul g = {.batch = 1 + below(&c, 3), .m = 1 + below(&c, 40), .n = 1 + below(&c, 40), .k = 1 + below(&c, 40)};
    g.transpose_a = below(&c, 2), g.transpose_b = below(&c, 2), g.cut = below(&c, 3);
    g.lda = (g.transpose_a ? g.m : g.k) + below(&c, 3);
    g.ldb = (g.transpose_b ? g.k : g.n) + below(&c, 3);
    g.ldc = g.n + below(&c, 3);
    g.step_a = g.lda * (g.transpose_a ? g.k : g.m) + below(&c, 5);
    g.step_b = below(&c, 2) ? 0 : g.ldb * (g.transpose_b ? g.n : g.k) + below(&c, 5);
    g.step_c = g.ldc * g.m + below(&c, 5);
    int64_t at_b = g.step_a * g.batch, at_c = at_b + g.ldb * (g.transpose_b ? g.n : g.k) * g.batch + 20;
    int64_t floats = at_c + g.step_c * g.batch;
    float *before = NEW_ARRAY(a, float, floats);
    double *expected = NEW_ARRAY(a, double, floats);
    for (int64_t i = 0; i < floats; i++)
      expected[i] = (double)(before[i] = i < at_c ? (float)below(&c, 1000) / 500 - 1 : NAN);
    for (int64_t b = 0; b < g.batch; b++)
      for (int64_t i = 0; i < g.m; i++)
        for (int64_t j = 0; j < g.n; j++) {
          double sum = 0;
          for (int64_t k = 0; k < g.k; k++)
            sum += (double)before[b * g.step_a + (g.transpose_a ? k * g.lda + i : i * g.lda + k)] *
                   (double)before[at_b + b * g.step_b + (g.transpose_b ? j * g.ldb + k : k * g.ldb + j)];
          expected[at_c + b * g.step_c + i * g.ldc + j] = sum;
        }
    for (int pieces = 1; pieces <= 4; pieces++) {
      Kernel k = kernel_of(a, KERNEL_MATMUL, pieces, AT(0, at_b, at_c),
                           AT(g.batch, g.m, g.n, g.k, g.transpose_a, g.transpose_b, g.lda, g.ldb, g.ldc, g.step_a,
                              g.step_b, g.step_c, GEMM_WHOLE, 0, g.cut));
      float *after = run_kernels(a, &k, 1, before, floats, 1 + (int)seed % 3, 0);
      for (int64_t i = 0; i < floats; i++)
        assert_true(isnan(expected[i]) ? isnan(after[i]) : fabs((double)after[i] - expected[i]) < 1e-4);
    }
    arena_close(a);
  }
}

static void random_kernels(void **state) {
  (void)state;
  static const RandomAddress address[] = {RANDOM_STEP, RANDOM_EXAMPLE, RANDOM_ONCE};
  for (int n = 0; n < 3; n++)
    for (int pieces = 1; pieces <= 4; pieces++) {
      Arena *a = arena_open(NULL);
      int64_t rows = address[n] == RANDOM_ONCE ? 1 : 5;
      Kernel k = kernel_of(a, KERNEL_RANDOM, pieces, AT(2), AT(rows, 7, 42, address[n], 0, 0, 0, 0));
      float before[40] = {0}, *after = run_kernels(a, &k, 1, before, 40, pieces, 0);
      assert_true(after[0] == 0 && after[1] == 0 && after[2 + rows * 7] == 0);
      static const uint32_t example[] = {5, 3, 77, 1, 0};
      for (uint32_t row = 0; row < rows; row++) {
        Philox at[] = {{{0, 100 + row, 6, 42}, {11, PURPOSE_TRAIN << 16 | 2}},
                       {{0, example[row], 0, 42}, {11, PURPOSE_DATA << 16}},
                       {{0, 0, 0, 42}, {11, PURPOSE_INIT << 16}}};
        for (uint32_t e = 0; e < 7; e++) {
          uint32_t word[4];
          at[n].counter[0] = e / 4;
          philox_words(&at[n], word);
          assert_true(after[2 + row * 7 + e] == philox_uniform(word[e % 4]));
        }
      }
      arena_close(a);
    }
}

static void pieces_meet(void **state) {
  (void)state;
  for (int64_t size = 1; size < 200; size++)
    for (int64_t grain = 1; grain <= 16; grain *= 4)
      for (int n = 1; n < 9; n++) {
        assert_int_equal(piece_begin(size, grain, 0, n), 0);
        assert_int_equal(piece_begin(size, grain, n, n), size);
        for (int i = 0; i < n; i++) {
          int64_t begin = piece_begin(size, grain, i, n), end = piece_begin(size, grain, i + 1, n);
          assert_true(begin <= end && (begin % grain == 0 || begin == size));
        }
      }
}

static void indices(void **state) {
  (void)state;
  static const struct {
    float index;
    int64_t row;
  } known[] = {{0, 0},     {0.99f, 0}, {1, 1},        {2.7f, 2},      {3, 3},   {4, 3},      {-1, 0},
               {-5e9f, 0}, {1e30f, 3}, {INFINITY, 3}, {-INFINITY, 0}, {NAN, 0}, {3.9999f, 3}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_int_equal(index_row(known[i].index, 4), known[i].row);
  assert_int_equal(index_row(16777216.0f, 16777217), 16777216);
  assert_int_equal(index_row(16777216.0f, 16777216), 16777215);
}

static void gather_scatter(void **state) {
  (void)state;
  enum { ROWS = 5, WIDTH = 7, INDICES = 11, TABLE = 0, INDEX = 40, OUT = 60, BACK = 140, FLOATS = 180 };
  for (int pieces = 1; pieces <= 4; pieces++) {
    Arena *a = arena_open(NULL);
    Chance c = {99};
    float before[FLOATS], expected[FLOATS];
    for (int i = 0; i < FLOATS; i++) before[i] = some_float(&c);
    for (int i = 0; i < INDICES; i++) before[INDEX + i] = (float)below(&c, 8) - 1 + 0.5f;
    memcpy(expected, before, sizeof before);
    for (int i = 0; i < ROWS * WIDTH; i++) expected[BACK + i] = 0;
    for (int i = 0; i < INDICES; i++)
      for (int r = 0; r < WIDTH; r++) {
        int64_t row = index_row(before[INDEX + i], ROWS);
        expected[OUT + i * WIDTH + r] = before[TABLE + row * WIDTH + r];
        expected[BACK + row * WIDTH + r] += expected[OUT + i * WIDTH + r];
      }
    const int64_t *number = AT(ROWS, INDICES, WIDTH);
    Kernel k[2] = {kernel_of(a, KERNEL_GATHER, pieces, AT(TABLE, INDEX, OUT), number),
                   kernel_of(a, KERNEL_SCATTER, pieces, AT(OUT, INDEX, BACK), number)};
    float *after = run_kernels(a, k, 2, before, FLOATS, pieces, 0);
    for (int i = 0; i < FLOATS; i++) assert_true(same_bits(after[i], expected[i]));
    arena_close(a);
  }
}

static void sums_and_indices_along(void **state) {
  (void)state;
  enum { OUTER = 3, LENGTH = 5, INNER = 4, COUNT = OUTER * LENGTH * INNER };
  for (int pieces = 1; pieces <= 4; pieces++)
    for (int from_end = 0; from_end <= 1; from_end++) {
      Arena *a = arena_open(NULL);
      float before[3 * COUNT] = {0};
      for (int i = 0; i < COUNT; i++) before[i] = (float)(i * i % 17);
      const int64_t *number = AT(OUTER, LENGTH, INNER, from_end);
      Kernel k[2] = {kernel_of(a, KERNEL_CUMSUM, pieces, AT(0, COUNT), number),
                     kernel_of(a, KERNEL_IOTA, pieces, AT(2 * COUNT), number)};
      float *after = run_kernels(a, k, 2, before, 3 * COUNT, pieces, 0);
      for (int o = 0; o < OUTER; o++)
        for (int i = 0; i < LENGTH; i++)
          for (int r = 0; r < INNER; r++) {
            float sum = 0;
            for (int j = from_end ? i : 0; j < (from_end ? LENGTH : i + 1); j++)
              sum += before[(o * LENGTH + j) * INNER + r];
            assert_true(after[COUNT + (o * LENGTH + i) * INNER + r] == sum);
            assert_true(after[2 * COUNT + (o * LENGTH + i) * INNER + r] == (float)i);
          }
      arena_close(a);
    }
}

// A random lower triangle with a diagonal away from 0, and above it what must not be read.
static void some_triangle(Chance *c, float *l, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      float x = (float)below(c, 1000) / 500 - 1;
      l[i * n + j] = j > i ? NAN : j == i ? 1 + x * x : x / 2;
    }
}

// From known factors and solutions to matrices and right sides, and back; whatever the pieces, with the same bits.
static void triangles(void **state) {
  (void)state;
  enum { BATCH = 3, N = 19, M = 5, SQUARE = N * N, L = 0, A = 3 * SQUARE, X = 6 * SQUARE, B = X + BATCH * N * M };
  enum { OUT = B + BATCH * N * M, FLOATS = OUT + 3 * SQUARE };
  for (int transposed = 0; transposed <= 1; transposed++) {
    Arena *a = arena_open(NULL);
    Chance c = {7};
    float before[FLOATS] = {0}, *first = NULL;
    for (int b = 0; b < BATCH; b++) {
      float *l = before + L + b * SQUARE, *s = before + A + b * SQUARE, *x = before + X + b * N * M;
      some_triangle(&c, l, N);
      for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
          double sum = 0;
          for (int k = 0; k <= j && j <= i; k++) sum += (double)l[i * N + k] * (double)l[j * N + k];
          s[i * N + j] = j <= i ? (float)sum : NAN;
        }
      for (int e = 0; e < N * M; e++) x[e] = (float)below(&c, 1000) / 500 - 1;
      for (int i = 0; i < N; i++)
        for (int m = 0; m < M; m++) {
          double sum = 0;
          for (int k = transposed ? i : 0; k < (transposed ? N : i + 1); k++)
            sum += (double)(transposed ? l[k * N + i] : l[i * N + k]) * (double)x[k * M + m];
          before[B + b * N * M + i * M + m] = (float)sum;
        }
    }
    for (int pieces = 1; pieces <= 7; pieces++) {
      Kernel k[2] = {kernel_of(a, KERNEL_CHOLESKY, pieces, AT(A, OUT), AT(BATCH, N, SQUARE)),
                     kernel_of(a, KERNEL_SOLVE, pieces, AT(L, B, X), AT(BATCH, N, M, SQUARE, transposed))};
      float *after = run_kernels(a, k, 2, before, FLOATS, 1 + pieces % 3, 0);
      if (!first) first = after;
      for (int i = 0; i < FLOATS; i++) assert_true(same_bits(after[i], first[i]));
      for (int i = 0; i < BATCH * SQUARE; i++) {
        float want = i % N > i / N % N ? 0 : before[L + i];
        assert_true(fabsf(after[OUT + i] - want) < 2e-4f);
      }
      for (int i = 0; i < BATCH * N * M; i++) assert_true(fabsf(after[X + i] - before[X + i]) < 2e-3f);
    }
    arena_close(a);
  }
}

// The first column that shows a matrix not to be positive definite, and those after it, are NaN; one that is stays
// whole.
static void not_positive_definite(void **state) {
  (void)state;
  static const float before[36] = {1, 0, 0, 2, 4, 0, 0, 0, 1, 4, 0, 0, 2, 10, 0, -2, 5, 9};
  Arena *a = arena_open(NULL);
  Kernel k = kernel_of(a, KERNEL_CHOLESKY, 1, AT(0, 18), AT(2, 3, 9));
  const float *l = run_kernels(a, &k, 1, before, 36, 1, 0) + 18;
  assert_true(l[0] == 1 && l[3] == 2 && l[6] == 0 && isnan(l[4]) && isnan(l[7]) && isnan(l[8]));
  static const float whole[] = {2, 0, 0, 1, 3, 0, -1, 2, 2};
  assert_memory_equal(l + 9, whole, sizeof whole);
  arena_close(a);
}

// ---- the pool

enum { PARTS = 997 };

typedef struct {
  atomic_int done[PARTS];
} Tally;

static void count_piece(void *tally, int piece, int pieces) {
  volatile int work = piece % 7 * 50;
  while (work > 0) work--;
  for (int i = PARTS * piece / pieces; i < PARTS * (piece + 1) / pieces; i++)
    atomic_fetch_add(&((Tally *)tally)->done[i], 1);
}

static void pool_does_every_piece_once(void **state) {
  (void)state;
  static Tally tally;
  for (int threads = 1; threads <= 8; threads += threads < 4 ? 1 : 4) {
    Arena *a = arena_open(NULL);
    Pool *pool = pool_open(a, threads);
    assert_int_equal(pool_threads(pool), threads);
    for (int call = 0; call < 3000; call++) {
      int pieces = call < 2999 ? call % 23 : 70000;
      pool_run(pool, count_piece, &tally, pieces);
      for (int i = 0; i < PARTS; i++) assert_int_equal(atomic_exchange(&tally.done[i], 0), pieces > 0);
    }
    arena_close(a);
  }
}

static void pools_open_and_close(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) {
    Arena *a = arena_open(NULL);
    Pool *pool = pool_open(a, i % 5);
    assert_true(pool_threads(pool) >= 1);
    if (i % 3 == 0) pool_run(pool, count_piece, NEW(a, Tally), 9);
    arena_close(a);
  }
}

typedef struct {
  float small, result[PARTS];
} Halves;

static void halve(void *halves, int piece, int pieces) {
  volatile Halves *h = halves;
  for (int i = PARTS * piece / pieces; i < PARTS * (piece + 1) / pieces; i++)
    h->result[i] = i % 2 ? h->small / 2 : h->small / 2 * 4;  // a subnormal result, a subnormal operand
}

// Greater and lesser of a subnormal and -1 or 1, one by one and in a loop.
static void assert_extremes_are_zero(void) {
  volatile float tiny = m_float(100000), one = 1;
  float a[PARTS], b[PARTS], greater[PARTS], lesser[PARTS];
  for (int i = 0; i < PARTS; i++) a[i] = i % 2 ? tiny : -one, b[i] = i % 2 ? -one : tiny;
  for (int i = 0; i < PARTS; i++) greater[i] = m_max(a[i], b[i]), lesser[i] = m_min(-a[i], -b[i]);
  for (int i = 0; i < PARTS; i++) assert_true(m_bits(greater[i]) == 0 && m_bits(lesser[i]) == 0);
  float single[] = {m_max(tiny, -one), m_max(-one, tiny), m_min(tiny, one), m_min(one, -tiny)};
  for (int i = 0; i < 4; i++) assert_true(m_bits(single[i]) == 0);
}

static void subnormals_are_zero(void **state) {
  (void)state;
  static Halves h = {.small = FLT_MIN};
  for (int threads = 1; threads <= 3; threads++) {
    Arena *a = arena_open(NULL);
    pool_run(pool_open(a, threads), halve, &h, 12);
    for (int i = 0; i < PARTS; i++) assert_true(h.result[i] == 0);
    assert_extremes_are_zero();
    arena_close(a);
    halve(&h, 0, 1);
    assert_true(h.result[1] == FLT_MIN / 2 && h.result[0] == 2 * FLT_MIN);
  }
}

// ---- what is not finite

static const char *found(Arena *a, float first, float second) {
  Operand operand[4];
  for (int i = 0; i < 4; i++)
    operand[i] = (Operand){.view = {i < 2 ? 4 * i : 4 * i - 4, {1}}, .rank = 1, .dim = {4}, .write = i % 2};
  operand[1].name = "y", operand[1].formula = "log(x)";
  operand[3].name = "d", operand[3].formula = "y - y";
  static const Instr log_of[] = {{SCALAR_LOG, {0}, 0}}, less[] = {{SCALAR_SUB, {0, 0}, 0}};
  static const Store out[] = {{1, STORE_ALL}};
  Region logs = {1, {4}, -1, 1, NULL, 0, log_of, 1, 1, out, 1, NULL},
         differences = {1, {4}, -1, 1, NULL, 0, less, 1, 1, out, 1, NULL};
  Kernel kernel[] = {{.kind = KERNEL_REGION, .pieces = 1, .file = "m.gm", .line = 3},
                     {.kind = KERNEL_REGION, .pieces = 2}};
  for (int i = 0; i < 2; i++) {
    kernel[i].operand = operand + 2 * i;
    kernel[i].operands = 2;
    kernel[i].region = i ? differences : logs;
  }
  float *memory = NEW_ARRAY(a, float, 12);
  for (int i = 0; i < 4; i++) memory[i] = 1;
  memory[1] = first;
  memory[2] = second;
  Run run = {.arena = a, .plan = plan_of(a, kernel, 2, 12), .memory = memory};
  exec_open(&run, 2);
  return exec_find_nan(&run, 0);
}

static void not_finite(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_null(found(a, 2, 3));
  assert_string_equal(found(a, 2, -1), "m.gm:3: y = log(x): element 2 is nan");
  assert_string_equal(found(a, 0, 1),
                      "d = y - y: element 1 is nan (the first infinity: m.gm:3: y = log(x): element 1 is -inf)");
  assert_string_equal(found(a, 0, -1), "m.gm:3: y = log(x): element 2 is nan");
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(regions),
      cmocka_unit_test(some_examples),
      cmocka_unit_test(large_regions),
      cmocka_unit_test(chains),
      cmocka_unit_test(refusals),
      cmocka_unit_test(memory_runs_out),
      cmocka_unit_test(products),
      cmocka_unit_test(random_kernels),
      cmocka_unit_test(pieces_meet),
      cmocka_unit_test(indices),
      cmocka_unit_test(gather_scatter),
      cmocka_unit_test(sums_and_indices_along),
      cmocka_unit_test(triangles),
      cmocka_unit_test(not_positive_definite),
      cmocka_unit_test(not_finite),
      cmocka_unit_test(pool_does_every_piece_once),
      cmocka_unit_test(pools_open_and_close),
      cmocka_unit_test(subnormals_are_zero),
  };
  return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
