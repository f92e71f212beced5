// The emitter: cutting C texts, escaping, and random kernels whose emitted C must leave the same bits as the executor.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "emit/emit_kernels.h"
#include "plan/planner.h"
#include "engine/exec.h"
#include "engine/gemm.h"
#include "engine/kernel_pieces.h"
#include "op_program.h"

// --- fragments ---

static const char *print_fragments(Arena *a, const EmbeddedFile *files, const char *want) {
  Fragments *f = fragments_new(a, files);
  Text out = text_new(a);
  fragments_want(f, want);
  fragments_includes(&out, f);
  fragments_print(&out, f, FRAGMENTS_ALL);
  return out.data;
}

static const char header_text[] =
    "// The upper file.\n//\n// More of it.\n#ifndef UP_H\n#define UP_H\n#include <math.h>\n#include \"low.h\"\n"
    "typedef struct Up {\n  Low *low;  // }\n  int twice;\n} Up;\nenum { UP_ONE = 1, UP_TWO = ')' };\n\n"
    "// Twice its argument.\nint twice(int x);\nvoid never(void);  // called\n#define UP(x) \\\n  twice(x)\n\n#endif\n";
static const char source_text_[] =
    "#include \"up.h\"\n#include <stdio.h>\n\nstatic const char *const table[] = {\"a;{\", \"b\"};\n\n"
    "static int odd(int n);\n\nstatic int even(int n) { return n == 0 || odd(n - 1); }\n\n"
    "static int odd(int n) { return n != 0 && even(n - 1); }\n\n"
    "int twice(int x) {\n  Up up = {.twice = x};\n  return up.twice * UP_TWO + even(x); /* never */\n}\n\n"
    "void never(void) { puts(table[0]); }\n";
static const char low_text[] = "#ifndef LOW_H\n#define LOW_H\ntypedef struct Low Low;\nint other(void);\n#endif\n";
static const char other_text[] =
    "#include \"low.h\"\nint other(void) { int odd = 1, table = 2; return odd + table; }\n";
static const EmbeddedFile texts[] = {{"x/up.c", source_text_, sizeof source_text_ - 1},
                                     {"x/up.h", header_text, sizeof header_text - 1},
                                     {"x/low.h", low_text, sizeof low_text - 1},
                                     {"x/other.c", other_text, sizeof other_text - 1},
                                     {NULL, NULL, 0}};

static void test_fragments_choice(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *text = print_fragments(a, texts, "int y = UP(3);");
  assert_non_null(strstr(text, "#define UP(x) \\\n  twice(x)\n"));
  assert_non_null(strstr(text, "typedef struct Low Low;"));
  assert_non_null(strstr(text, "// Twice its argument.\nstatic int twice(int x) {"));
  assert_non_null(strstr(text, "static int odd(int n);\n\nstatic int even("));
  assert_null(strstr(text, "never(void)"));
  assert_null(strstr(text, "table"));
  assert_null(strstr(text, "#ifndef"));
  const char *other = print_fragments(a, texts, "x.twice, never");
  assert_null(strstr(other, "twice("));
  assert_non_null(strstr(other, "// called\nstatic void never(void)"));
  assert_true(strstr(other, "table[]") < strstr(other, "never"));
  const char *local = print_fragments(a, texts, "other()");
  assert_non_null(strstr(local, "static int other(void) {"));
  assert_null(strstr(local, "odd("));
  assert_null(strstr(local, "table[]"));
  arena_close(a);
}

static void test_runtime_has_no_clash(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const char *clash = fragments_clash(fragments_new(a, embedded_runtime));
  if (clash) print_error("two files of the runtime define %s\n", clash);
  assert_null(clash);
  arena_close(a);
}

// --- escaping ---

static const char *const hostile[] = {"*/ int x; /*",
                                      "a\nb",
                                      "\?\?/",
                                      "ends with \\",
                                      "ends with \\ ",
                                      "%s%n%d",
                                      "\"; exit(1);",
                                      "\x1b[31m",
                                      "\xff\xfe",
                                      ("\xe2\x80\xae"
                                       "evil"),
                                      "\?\?/\n#error",
                                      "// \?\?/ // \\",
                                      "",
                                      "#include <nothing>",
                                      "for"};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

static void run_command(const char *format, ...) PRINTF_LIKE(1, 2);
static void run_command(const char *format, ...) {
  char command[1024];
  va_list list;
  va_start(list, format);
  vsnprintf(command, sizeof command, format, list);
  va_end(list);
  if (system(command) != 0) {
    print_error("failed: %s\n", command);
    assert_true(false);
  }
}

static void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  assert_int_equal(fclose(f), 0);
}

static char folder[] = "/tmp/gmc_test_emit_XXXXXX";

#define COMPILE "cd %s && %s -std=c11 -Wall -Wextra -Wpedantic -Werror "

// A program with every hostile text as comment, string and name that compares the strings with their bytes.
static void test_hostile_texts(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Names *names = names_new(a, NULL);
  Text t = text_new(a);
  text_add(&t, "#include <string.h>\nint main(void) {\n  int wrong = 0;\n");
  for (int i = 0; i < HOSTILE; i++) {
    text_add(&t, "  // ");
    emit_comment_text(&t, hostile[i]);
    const char *name = name_unique(names, "AT_", hostile[i]);
    text_add(&t, "\n  int %s = ", name);
    text_add(&t, "memcmp(");
    emit_string(&t, hostile[i]);
    text_add(&t, ", (const char[]){");
    for (size_t k = 0; hostile[i][k]; k++) text_add(&t, "%d,", hostile[i][k]);
    text_add(&t, "0}, %zu) != 0;\n  wrong += %s;\n", strlen(hostile[i]) + 1, name);
  }
  text_add(&t, "  return wrong;\n}\n");
  write_text(arena_format(a, "%s/hostile.c", folder), t.data);
  run_command(COMPILE "hostile.c -o hostile && ./hostile", folder, "gcc");
  run_command(COMPILE "hostile.c -o hostile && ./hostile", folder, "clang");
  arena_close(a);
}

static void test_numbers(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  assert_string_equal(emit_float(a, 0.1f), "0.1f");
  assert_string_equal(emit_float(a, -1.0f), "-1.0f");
  assert_string_equal(emit_float(a, -0.0f), "-0.0f");
  assert_string_equal(emit_float(a, INFINITY), "INFINITY");
  assert_string_equal(emit_double(a, 1e300), "1e+300");
  uint32_t bits = 12345;
  for (int i = 0; i < 10000; i++) {
    bits = bits * 1664525u + 1013904223u;
    float x;
    memcpy(&x, &bits, sizeof x);
    float back = strtof(emit_float(a, x), NULL);
    assert_true(isnan(x) || memcmp(&x, &back, sizeof x) == 0);
  }
  arena_close(a);
}

// --- kernels: random ones, executed and compiled ---

// What a page may call its values that C, or the statements around them, call something else.
static const char *const words[] = {"h",   "i",     "for",   "double", "row",   "lane2", "t3",    "EOF",
                                    "out", "m_max", "linux", "exp",    "run",   "begin", "tile",  "y2",
                                    "a",   "N0",    "LANES", "errno",  "sqrtf", "bool",  "2 * pi", "d_h"};
enum { WORDS = sizeof words / sizeof *words };

enum { INPUT = 1 << 16, KERNELS = 48, ROWS = 5 };

typedef struct {
  Arena *a;
  uint64_t state;
  int64_t used;  // floats of memory given out
} Draw;

static uint32_t next(Draw *r) {
  r->state = r->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(r->state >> 33);
}
static int below(Draw *r, int n) { return (int)(next(r) % (uint32_t)n); }

// Room for what a kernel writes, so that nothing but its own loads is overwritten.
static int64_t room(Draw *r, int64_t count) {
  int64_t at = r->used;
  r->used += (count + ALIGN - 1) / ALIGN * ALIGN;
  return at;
}

// Strides of a dense tensor whose axes may be permuted and, if `repeat`, partly repeated. Returns its floats.
static int64_t random_view(Draw *r, const Region *region, Operand *o, bool repeat, int without) {
  int order[MAX_RANK];
  o->rank = region->rank;
  for (int i = 0; i < region->rank; i++) order[i] = i;
  if (below(r, 3) == 0)
    for (int i = region->rank - 1; i > 0; i--) {
      int k = below(r, i + 1), swap = order[i];
      order[i] = order[k];
      order[k] = swap;
    }
  int64_t size = 1;
  for (int i = region->rank - 1; i >= 0; i--) {
    bool repeated = order[i] == without || (repeat && below(r, 4) == 0);
    o->dim[order[i]] = order[i] == without ? 1 : region->dim[order[i]];
    o->view.stride[order[i]] = repeated ? 0 : size;
    if (!repeated) size *= region->dim[order[i]];
  }
  return size;
}

static void random_space(Draw *r, Region *g) {
  static const int64_t longest[] = {5000, 90, 20, 9};
  g->rank = 1 + below(r, 4);
  for (int i = 0; i < g->rank; i++) g->dim[i] = 1 + below(r, (int)longest[g->rank - 1]);
  if (below(r, 8) == 0) g->dim[below(r, g->rank)] = 1;
  g->reduce = below(r, 3) ? below(r, g->rank) : -1;
}

static void random_instructions(Draw *r, Region *g) {
  g->instrs = below(r, 12);
  g->tiles = g->instrs;
  Instr *instr = NEW_ARRAY(r->a, Instr, g->instrs + 1);
  for (int i = 0; i < g->instrs; i++) {
    instr[i].op = (uint8_t)below(r, SCALAR_COUNT);
    instr[i].tile = (int16_t)i;
    for (int k = 0; k < scalar_row[instr[i].op].arity; k++)
      instr[i].in[k] = (int16_t)below(r, g->loads + g->constants + i);
  }
  g->instr = instr;
}

static void random_region(Draw *r, Kernel *k) {
  Region *g = &k->region;
  random_space(r, g);
  g->loads = 1 + below(r, 4);
  g->stores = 1 + below(r, 3);
  Operand *operand = NEW_ARRAY(r->a, Operand, g->loads + g->stores), *to = operand + g->loads;
  *k = (Kernel){.region = *g, .operand = operand, .operands = g->loads + g->stores};
  for (int i = 0; i < g->loads; i++) {
    int64_t size = random_view(r, g, &operand[i], true, -1);
    operand[i].view.at = below(r, (int)(INPUT - size));
  }
  g->constants = below(r, 3);
  float *constant = NEW_ARRAY(r->a, float, g->constants + 1);
  for (int i = 0; i < g->constants; i++) constant[i] = (float)below(r, 9) / 2 - 2;
  g->constant = constant;
  random_instructions(r, g);
  Store *store = NEW_ARRAY(r->a, Store, g->stores);
  for (int i = 0; i < g->stores; i++) {
    store[i].value =
        below(r, 2) ? g->loads + g->constants + g->instrs - 1 : below(r, g->loads + g->constants + g->instrs);
    store[i].kind = g->reduce < 0 ? STORE_ALL : (StoreKind)below(r, 3);
    int64_t size = random_view(r, g, &to[i], false, store[i].kind == STORE_ALL ? -1 : g->reduce);
    to[i].view.at = room(r, size);
    to[i].write = true;
    if (i == 0 && store[i].kind == STORE_ALL && below(r, 2)) operand[0].view = to[i].view;  // in place
  }
  g->store = store;
  int values = g->loads + g->constants + g->instrs;
  const char **word = NEW_ARRAY(r->a, const char *, values);
  for (int i = 0; i < values; i++) word[i] = below(r, 3) ? words[below(r, WORDS)] : NULL;
  g->word = word;
}

#define NUMBERS(...) \
  (const int64_t[]) { __VA_ARGS__ }

static Kernel random_product(Draw *r) {
  int64_t batch = below(r, 3) ? 1 : 3, m = 1 + below(r, 60), n = 1 + below(r, 60), k = 1 + below(r, 60);
  int64_t turn_a = below(r, 2), turn_b = below(r, 2), half = below(r, 4), cut = below(r, batch > 1 ? 3 : 2);
  if (half == GEMM_MIRRORED) n = m, cut = cut == CUT_COLUMNS ? CUT_ROWS : cut;
  int64_t lda = (turn_a ? m : k) + below(r, 3), ldb = (turn_b ? k : n) + below(r, 3), ldc = n + below(r, 3);
  const int64_t at[] = {below(r, INPUT / 4), INPUT / 2 + below(r, INPUT / 4), room(r, batch * ldc * m)};
  return kernel_new(r->a, KERNEL_MATMUL, at,
                    NUMBERS(batch, m, n, k, turn_a, turn_b, lda, ldb, ldc, lda * 64, ldb * 64, ldc * m, half, 0, cut));
}

static Kernel random_other(Draw *r) {
  int64_t rows = 1 + below(r, 30), indices = 1 + below(r, 50), width = 1 + below(r, 40);
  int64_t at = below(r, INPUT / 4), index = INPUT / 2 + below(r, 99), address = below(r, 3);
  if (address == RANDOM_ONCE) rows = 1;
  int64_t turned = below(r, 2);
  switch (below(r, 7)) {
    case 0:
      return kernel_new(r->a, KERNEL_RANDOM, NUMBERS(room(r, rows * width)),
                        NUMBERS(rows, width, 7, address, 0, 0, 0, 0));
    case 1:
      return kernel_new(r->a, KERNEL_GATHER, NUMBERS(at, index, room(r, indices * width)),
                        NUMBERS(rows, indices, width));
    case 2:
      return kernel_new(r->a, KERNEL_SCATTER, NUMBERS(at, index, room(r, rows * width)), NUMBERS(rows, indices, width));
    case 3:
      return kernel_new(r->a, KERNEL_CUMSUM, NUMBERS(at, room(r, 3 * indices * width)),
                        NUMBERS(3, indices, width, below(r, 2)));
    case 4:
      return kernel_new(r->a, KERNEL_CHOLESKY, NUMBERS(at, room(r, 3 * width * width)),
                        NUMBERS(3, width, width * width));
    case 5:
      return kernel_new(r->a, KERNEL_SOLVE, NUMBERS(at, index, room(r, 3 * width * rows)),
                        NUMBERS(3, width, rows, turned * width * width, turned));
    default: return kernel_new(r->a, KERNEL_IOTA, NUMBERS(room(r, 3 * indices * width)), NUMBERS(3, indices, width));
  }
}

// Some kernels do but the blocks of ROWS examples, of which there may be more.
static void some_examples(Draw *r, Kernel *k) {
  int64_t blocks = kernel_blocks(k);
  bool summed = k->kind == KERNEL_REGION && k->region.reduce == 0;
  if (blocks >= ROWS && !summed && below(r, 2)) k->per_example = 1 + below(r, (int)(blocks / ROWS));
}

static Plan *random_plan(Arena *a, uint64_t seed) {
  Draw r = {a, seed, INPUT};
  Kernel *kernel = NEW_ARRAY(a, Kernel, KERNELS);
  for (int i = 0; i < KERNELS; i++) {
    Kernel *k = &kernel[i];
    if (below(&r, 4))
      random_region(&r, k);
    else if (below(&r, 2))
      *k = random_product(&r);
    else
      *k = random_other(&r);
    k->pieces = 1 + below(&r, 5);
    some_examples(&r, k);
    for (int n = 0; n < k->operands; n++) {
      Operand *o = &k->operand[n];
      Home *home = NEW(a, Home);
      *home = (Home){.name = hostile[below(&r, HOSTILE)]};
      o->home = home;
      o->within = below(&r, 2);
      o->name = hostile[below(&r, HOSTILE)];
      o->formula = hostile[below(&r, HOSTILE)];
    }
    k->file = hostile[below(&r, HOSTILE)];
    k->line = i;
  }
  PlanProgram *program = NEW(a, PlanProgram);
  *program = (PlanProgram){.name = "*/ all\n", .batch = 64, .kernel = kernel, .kernels = KERNELS, .end = r.used};
  Plan *p = NEW(a, Plan);
  *p = (Plan){.model = "random",
              .source = "random.gm",
              .batch = 64,
              .peak = r.used,
              .program = program,
              .programs = 1,
              .test = -1};
  Codes *codes = codes_new(a, a);
  codes_add(codes, kernel, KERNELS);
  codes_end(codes, p);
  return p;
}

static const char emitted_main[] =
    "\nint main(int argc, char **argv) {\n"
    "  static _Alignas(64) float memory[SIZE];\n  static int32_t example[64];\n"
    "  (void)argv;\n"
    "  Arena *a = arena_open(NULL);\n"
    "  static float value[] = {0, 0, 4, 0, 0, 3};\n"  // op_examples
    "  Array column = {.examples = 3, .count = 2, .value = value, .scale = 1};\n"
    "  Run run = {.arena = a, .memory = memory, .seed = 11, .purpose = PURPOSE_TEST, .step = 5, .turn = 2,\n"
    "             .first_position = 9, .example = example, .rows = 5,\n"
    "             .train = {.examples = 3, .column = &column}};\n"
    "  for (int i = 0; i < 64; i++) example[i] = 7 * i + 1;\n"
    "  run.pool = pool_open(a, argc);\n"
    "  if (fread(memory, sizeof *memory, SIZE, stdin) != SIZE) return 1;\n"
    "  execute(&run, 0);\n"
    "  size_t written = fwrite(memory, sizeof *memory, SIZE, stdout);\n"
    "  arena_close(a);\n"
    "  return written != SIZE;\n}\n";

// The plan's kernels as a program that reads the memory, runs them and writes it.
static void write_program(Arena *a, const Plan *p, const char *path) {
  Fragments *f = fragments_new(a, embedded_runtime);
  fragments_omit(f, "Kernel");
  fragments_omit(f, "Code");
  Names *names = names_new(a, f);
  Offsets offsets = emit_offsets(a, p, names);
  Text places = text_new(a), kernels = text_new(a), programs = text_new(a), out = text_new(a);
  emit_offset_names(&places, p, &offsets);
  emit_programs(&kernels, &programs, p, NULL, &offsets, names);
  fragments_want(f, kernels.data);
  fragments_want(f, programs.data);
  fragments_want(f, emitted_main);
  text_add(&out, "#define _GNU_SOURCE\n#define SIZE %lld\n", (long long)p->peak);
  fragments_includes(&out, f);
  fragments_print(&out, f, FRAGMENTS_ALL);
  text_add(&out, "%s", emit_in_place);
  text_add(&out, "%s%s%s%s", places.data, kernels.data, programs.data, emitted_main);
  write_text(path, out.data);
}

// Values of every size and sign, whole numbers and zeros among them.
static float *random_memory(Arena *a, const Plan *p, uint64_t seed) {
  Draw r = {a, seed, 0};
  float *memory = NEW_ARRAY(a, float, p->peak);
  for (int64_t i = 0; i < p->peak; i++) {
    float x = (float)(int32_t)next(&r) * 0x1p-30f - 1.0f;
    memory[i] = below(&r, 4) ? x : below(&r, 4) ? (float)below(&r, 40) : below(&r, 2) ? -0.0f : x * 1e20f;
  }
  return memory;
}

static void execute_plan(Arena *a, const Plan *p, float *memory) {
  int32_t example[64];
  Run run = {.arena = a,
             .plan = p,
             .memory = memory,
             .seed = 11,
             .purpose = PURPOSE_TEST,
             .step = 5,
             .turn = 2,
             .first_position = 9,
             .example = example,
             .rows = ROWS,
             .train = op_training(a)};
  for (int i = 0; i < 64; i++) example[i] = 7 * i + 1;
  exec_open(&run, 1);
  run.execute(&run, 0);
}

static void write_floats(const char *path, const float *value, int64_t count) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(value, sizeof *value, (size_t)count, f), count);
  assert_int_equal(fclose(f), 0);
}

static void compare_floats(const char *path, const float *expected, int64_t count, Arena *a) {
  float *value = NEW_ARRAY(a, float, count);
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  assert_int_equal(fread(value, sizeof *value, (size_t)count, f), count);
  fclose(f);
  for (int64_t i = 0; i < count; i++) {
    if (isnan(value[i]) && isnan(expected[i])) continue;  // which NaN is nobody's promise
    if (memcmp(&value[i], &expected[i], sizeof *value) == 0) continue;
    print_error("%s: memory[%lld] is %a, not %a\n", path, (long long)i, (double)value[i], (double)expected[i]);
    assert_true(false);
  }
}

// The emitted program must leave the memory as the executor does.
static void check_plan(Arena *a, const char *cc, const Plan *p, float *memory) {
  const char *name = arena_format(a, "%s/kernels", folder);
  write_program(a, p, arena_format(a, "%s.c", name));
  run_command(COMPILE "-O3 -march=native -ffp-contract=off kernels.c -lm -lpthread -o kernels", folder, cc);
  write_floats(arena_format(a, "%s.in", name), memory, p->peak);
  execute_plan(a, p, memory);
  run_command("cd %s && ./kernels <kernels.in >kernels.1 && ./kernels two <kernels.in >kernels.2", folder);
  compare_floats(arena_format(a, "%s.1", name), memory, p->peak, a);
  compare_floats(arena_format(a, "%s.2", name), memory, p->peak, a);
}

static void check_kernels(const char *cc, uint64_t seed) {
  Arena *a = arena_open(NULL);
  Plan *p = random_plan(a, seed);
  check_plan(a, cc, p, random_memory(a, p, seed + 1));
  arena_close(a);
}

// A new operation is emitted here by its rows in op_cases.c alone.
static void test_every_operation(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const double *const *value;
  ModelProgram program = {.graph = *op_program(a, &value), .batch = 1};
  const Graph *g = program.graph.graph;
  Model m = {
      .arena = a, .name = "test", .program = &program, .programs = 1, .tensor = g->tensor, .tensors = g->tensors};
  m.test = -1;
  Plan *p = plan_model(a, &m);
  float *memory = NEW_ARRAY(a, float, p->peak);
  for (int i = 0; i < p->tensors; i++)
    for (int64_t e = 0; e < p->tensor[i].count; e++) memory[p->tensor[i].at + e] = (float)value[i][e];
  check_plan(a, "gcc", p, memory);
  arena_close(a);
}

// Some seeds, and more of them if FULL is set.
static void test_kernels_gcc(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= (getenv("FULL") ? 3 : 1); seed++) check_kernels("gcc", seed);
}

static void test_kernels_clang(void **state) {
  (void)state;
  for (uint64_t seed = 4; seed <= (getenv("FULL") ? 5 : 4); seed++) check_kernels("clang", seed);
}

// --- names ---

// Values that the page names are so named where they lie, and where they are computed; `rest`: how many values of
// kernels at most have no name that one would tell.
static const struct {
  const char *model;
  int rest;
  const char *places[16], *values[8];
} pages[] = {{"models/vae.gm",
              35,  // a third of them of the distance from digits
              {"q_h", "p_h", "p_logits", "z", "z_scale", "z_noise", "kl", "elbo", "d_q_h", "d_p_logits", "d_z"},
              {"scale", "noise", "loc", "d_scale"}},
             {"models/cvae.gm",
              15,
              {"q_concat", "q_h", "q_heads", "q_heads_W", "p_concat", "p_h", "p_logits", "z_scale", "z_noise", "kl",
               "elbo", "d_q_h", "d_q_heads", "d_q_heads_W", "d_p_h", "d_p_logits"},
              {"scale", "noise", "loc", "d_loc", "d_scale", "d_z", "radius", "angle"}},
             {"models/gan.gm",
              54,  // most of them of the figures of its game and of the distance from digits
              {"z", "G_dense_1", "G_leaky_relu", "D_dense_1", "D_rows", "d_G_tanh", "d_D_logits"},
              {"d_logits", "rate"}},
             {"models/row_vae.gm",
              40,
              {"q_h", "p_h", "p_logits", "z", "z_scale", "kl", "elbo", "d_p_h", "d_p_logits"},
              {"new", "scale", "d_h", "p_new"}}};

static const char *read_file(Arena *a, const char *path) {
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  Text t = text_new(a);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) text_append(&t, part, n);
  fclose(f);
  return t.data;
}

// Kernels and programs of a model as C.
static const char *emitted_model(Arena *a, const char *path) {
  Sources *s = sources_new(a);
  const char *text = read_file(a, path);
  Model *m = elaborate(a, s, sources_add(s, path, text, strlen(text), false), &(Overrides){0});
  assert_non_null(m);
  Plan *p = plan_model(a, m);
  Names *names = names_new(a, NULL);
  Offsets offsets = emit_offsets(a, p, names);
  Text kernels = text_new(a), programs = text_new(a);
  emit_programs(&kernels, &programs, p, m->sources, &offsets, names);
  return arena_format(a, "%s%s", kernels.data, programs.data);
}

// Identifiers that are the prefix and then t and a number.
static int count_numbered(const char *text, const char *prefix) {
  int count = 0;
  for (const char *p = text; (p = strstr(p, prefix)); p += strlen(prefix)) {
    const char *t = p + strlen(prefix);
    size_t digits = *t == 't' ? strspn(t + 1, "0123456789") : 0;
    count += digits && !kernel_is_word(t[1 + digits]);
  }
  return count;
}

static void assert_named(Arena *a, const char *model, const char *text, const char *format, const char *name) {
  const char *want = arena_format(a, format, name);
  if (!strstr(text, want)) print_error("%s: no `%s`\n", model, want);
  assert_non_null(strstr(text, want));
}

static void test_values_have_names(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
    Arena *a = arena_open(NULL);
    const char *text = emitted_model(a, pages[i].model);
    for (int k = 0; k < 16 && pages[i].places[k]; k++)
      assert_named(a, pages[i].model, text, " AT_%s = ", pages[i].places[k]);
    for (int k = 0; k < 8 && pages[i].values[k]; k++)
      assert_named(a, pages[i].model, text, "const float %s = ", pages[i].values[k]);
    static const char *const prefix[] = {"AT_", "out_", "in_", "compute_", "multiply_"};
    for (int k = 0; k < 5; k++) assert_int_equal(count_numbered(text, prefix[k]), 0);
    int rest = count_numbered(text, "const float ");
    if (rest > pages[i].rest) print_error("%s: %d values without a name\n", pages[i].model, rest);
    assert_true(rest <= pages[i].rest);
    arena_close(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fragments_choice), cmocka_unit_test(test_runtime_has_no_clash),
      cmocka_unit_test(test_hostile_texts),    cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_every_operation),  cmocka_unit_test(test_kernels_gcc),
      cmocka_unit_test(test_kernels_clang),    cmocka_unit_test(test_values_have_names),
  };
  if (!mkdtemp(folder)) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  run_command("rm -rf %s", folder);
  return failed;
}
