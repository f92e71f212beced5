// Every function, density, mean, entropy, divergence, schedule and optimiser of the library against tests/std_values.c,
// over the whole range of its arguments.
#include "text/library.h"  // before cmocka.h, which has a macro fail

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elaborate/elaborate.h"
#include "std_page.h"
#include "std_values.h"

#include <cmocka.h>

// ---- a page for each item

typedef struct {
  Arena *arena;
  int n;
  char name[STD_ARGUMENTS];
  const char *list;   // "a, b, u"
  const char *files;  // "", "", ""
} Columns;

static Columns columns_of(Arena *a, const char *text) {
  Columns c = {.arena = a, .list = "", .files = ""};
  int depth = 0;
  for (const char *p = text; *p; p++) {
    depth += (*p == '[') - (*p == ']');
    if (p != text && !(depth == 0 && p[-1] == ' ' && p[-2] == ',')) continue;
    c.name[c.n] = *p;
    c.list = arena_format(a, "%s%s%c", c.list, c.n ? ", " : "", *p);
    c.files = arena_format(a, "%s%s\"\"", c.files, c.n ? ", " : "");
    c.n++;
  }
  return c;
}

static bool moves(const StdValues *v) { return v->kind == OPTIMIZER || v->kind == AVERAGE; }

static const char *metric_of(Arena *a, const StdValues *v, const Columns *c) {
  const char *point = memchr(c->name, 'g', (size_t)c->n) ? "g" : "a", *divide = strstr(v->text, " || ");
  const char *net = arena_format(a, "decoder p(w | %s) { w ~ %s }\n", c->list, v->text);
  switch (v->kind) {
    case FUNCTION: return arena_format(a, "metric y = %s\n", v->text);
    case SCHEDULE: return arena_format(a, "metric y = %s + 0 * a\n", v->text);
    case DENSITY: return arena_format(a, "%smetric y = log p(%s | %s)\n", net, point, c->list);
    case MEAN: return arena_format(a, "%smetric y = sum(mean p(w | %s))\n", net, c->list);
    case ENTROPY: return arena_format(a, "%smetric y = entropy(p(w | %s))\n", net, c->list);
    case DIVERGENCE:
      return arena_format(
          a, "decoder p(w | %s) { w ~ %.*s }\ndecoder q(w | %s) { w ~ %s }\nmetric y = kl(p(w | %s) || q(w | %s))\n",
          c->list, (int)(divide - v->text), v->text, c->list, divide + 4, c->list, c->list);
    case OPTIMIZER:
    case AVERAGE:
      return arena_format(a,
                          "parameter w = 1\nobjective o { minimize a * square(w) / 2 - c * w }\nmetric y = w + 0 * a\n"
                          "train { minimize o over w with %s %s  batch 1, epochs 1 }\n",
                          v->kind == AVERAGE ? "sgd(0.1)  average" : "", v->text);
  }
  return NULL;
}

static void fill_row(Page *page, const Columns *c, int row, const double *argument) {
  for (int i = 0; i < c->n; i++) {
    char name[] = {c->name[i], 0};
    float *to = page_column(page, name);
    bool vector = name[0] == 'u' || name[0] == 'v';
    const double *from = argument + (name[0] == 'v' ? 3 : vector ? 0 : name[0] - 'a');
    for (int k = 0; k < (vector ? 3 : 1); k++) to[row * (vector ? 3 : 1) + k] = (float)from[k];
  }
}

static double updated(Page *page, const double *argument) {
  page_init(page);
  fill_row(page, &(Columns){.n = 2, .name = "ac"}, 0, argument);
  for (page->updates = 1; (double)page->updates <= argument[1]; page->updates++) {
    page->epoch = page->updates - 1;
    for (int i = 0; i < page->plan->turns; i++) page_run(page, page->plan->turn[i].program, PURPOSE_TRAIN);
  }
  page_test(page);  // which reads the average, where there is one
  return (double)*page_metric(page, "y");
}

static double scheduled(Page *page, double step) {
  page->run.step = (uint32_t)step;
  page_test(page);
  return (double)*page_metric(page, "y");
}

// ---- how far a value is off, as a part of what is allowed

static double units(double got, double want) {
  int exponent;
  frexp(fmax(fabs(want), (double)FLT_MIN), &exponent);
  return fabs(got - want) / ldexp(1, exponent - 24);
}

static double error_of(const StdValues *v, double got, double want) {
  if (got == want || (fabs(want) > (double)FLT_MAX && isinf(got) && (got > 0) == (want > 0))) return 0;
  if (fabs(want) < (double)FLT_MIN && fabs(got) <= (double)FLT_MIN) return 0;  // what is nearer to 0 counts as 0
  if (v->measure == ULPS) return units(got, want);
  return fabs(got - want) / (v->measure == RELATIVE ? fabs(want) : 1 + fabs(want));
}

static int check_item(const StdValues *v) {
  Arena *a = arena_open(NULL);
  Columns c = columns_of(a, *v->columns ? v->columns : moves(v) ? "a, c" : "a");
  const char *columns = *v->columns ? v->columns : c.list;
  bool one_by_one = moves(v) || v->kind == SCHEDULE;
  Page *page = page_format(a, one_by_one ? 1 : v->rows, "model t\ndata %s from npy(%s)\n%s", columns, c.files,
                           metric_of(a, v, &c));
  for (int i = 0; i < v->rows && !one_by_one; i++) fill_row(page, &c, i, v->row[i].argument);
  if (!one_by_one) page_test(page);
  if (v->kind == DIVERGENCE) assert_true(page_explains(page, "closed form"));
  double worst = 0;
  int wrong = 0;
  for (int i = 0; i < v->rows; i++) {
    const double *x = v->row[i].argument, want = v->row[i].want;
    double got = moves(v)              ? updated(page, x)
                 : v->kind == SCHEDULE ? scheduled(page, x[0])
                                       : (double)page_metric(page, "y")[i];
    double error = error_of(v, got, want);
    if (!(error <= v->limit)) {
      print_error("%s at %.9g, %.9g, %.9g, %.9g, %.9g, %.9g, %.9g: %.9g instead of %.9g, off by %.3g\n", v->text, x[0],
                  x[1], x[2], x[3], x[4], x[5], x[6], got, want, error);
      wrong++;
    }
    worst = fmax(worst, error);
  }
  if (v->limit > 4 || v->reason) print_message("%-45s %.3g: %s\n", v->text, worst, v->reason);
  arena_close(a);
  return wrong;
}

static void values(void **state) {
  (void)state;
  int wrong = 0;
  for (int i = 0; i < std_values_count; i++) wrong += check_item(&std_values[i]);
  assert_int_equal(wrong, 0);
}

// The functions are NaN where an argument is, so that a NaN is seen where it comes about.
static void check_nan(const StdValues *v) {
  Arena *a = arena_open(NULL);
  Columns c = columns_of(a, v->columns);
  Page *page = page_format(a, c.n, "model n\ndata %s from npy(%s)\n%s", v->columns, c.files, metric_of(a, v, &c));
  for (int k = 0; k < c.n; k++) {
    double argument[STD_ARGUMENTS];
    memcpy(argument, v->row[1].argument, sizeof argument);
    argument[c.name[k] == 'u' ? 1 : c.name[k] == 'v' ? 4 : c.name[k] - 'a'] = NAN;
    fill_row(page, &c, k, argument);
  }
  page_test(page);
  for (int k = 0; k < c.n; k++)
    if (!isnan(page_metric(page, "y")[k]))
      fail_msg("%s of a NaN for %c is %g", v->text, c.name[k], (double)page_metric(page, "y")[k]);
  arena_close(a);
}

static void nan_in_nan_out(void **state) {
  (void)state;
  for (int i = 0; i < std_values_count; i++)
    if (std_values[i].kind == FUNCTION && std_values[i].rows > 1) check_nan(&std_values[i]);
}

static const char *number_text(Arena *a, double x) {
  return isinf(x) ? x > 0 ? "infinity" : "-infinity" : arena_format(a, "%.9g", (double)(float)x);
}

// What is computed of constants, when the model is compiled, has the bits of what kernels compute of equal data.
static void check_constants(const StdValues *v) {
  Arena *a = arena_open(NULL);
  Columns c = columns_of(a, v->columns);
  Text text = text_new(a);
  text_add(&text, "model c\ndata %s from npy(%s)\nfunction f(%s) = %s\nmetric fed = f(%s)\n", v->columns, c.files,
           c.list, v->text, c.list);
  for (int i = 0; i < v->rows; i++) {
    text_add(&text, "metric y%d = sum(f(", i);
    for (int k = 0; k < c.n; k++)
      text_add(&text, "%s%s * ones(1)", k ? ", " : "", number_text(a, v->row[i].argument[c.name[k] - 'a']));
    text_add(&text, "))\n");
  }
  Page *page = page_open(a, text.data, v->rows);
  for (int i = 0; i < v->rows; i++) fill_row(page, &c, i, v->row[i].argument);
  page_test(page);
  for (int i = 0; i < v->rows; i++) {
    float folded = *page_metric(page, arena_format(a, "y%d", i)), computed = page_metric(page, "fed")[i];
    if (folded != computed && !(isnan(folded) && isnan(computed)))
      fail_msg("%s, row %d: %.9g of a constant, %.9g of data", v->text, i, (double)folded, (double)computed);
  }
  arena_close(a);
}

static void constants(void **state) {
  (void)state;
  int functions = 0;
  for (int i = 0; i < std_values_count; i++) {
    const StdValues *v = &std_values[i];
    if (v->kind != FUNCTION || strchr(v->columns, '[') || v->rows < 2) continue;
    check_constants(v);
    functions++;
  }
  assert_true(functions > 40);
}

// Wider limits have a reason.
static void limits(void **state) {
  (void)state;
  for (int i = 0; i < std_values_count; i++) {
    const StdValues *v = &std_values[i];
    double usual = v->measure == ULPS ? 4 : moves(v) ? 2e-6 : 1e-6;
    if (v->limit > usual && !v->reason) fail_msg("the limit of %s has no reason", v->text);
  }
}

// ---- that nothing is left out

static bool has_row(StdKind kind, const char *name, const char *second) {
  for (int i = 0; i < std_values_count; i++) {
    const StdValues *v = &std_values[i];
    size_t n = strlen(name);
    const char *divide = strstr(v->text, " || ");
    bool begins = v->kind == kind && strncmp(v->text, name, n) == 0 && (v->text[n] == '(' || v->text[n] == ' ');
    if (begins && (!second || strncmp(divide + 4, second, strlen(second)) == 0)) return true;
  }
  return false;
}

// Functions that draw, and what they are made of, which unit/test_std.c and test_std_data.c hold against their
// distributions, one that names a part of the data, those of a whole split (cli/values.sh, cli/estimates.sh,
// cli/nearest.sh, cli/em.sh), and those of sets and pictures (unit/test_sets.c).
static bool has_no_value(const char *name) {
  static const char *const names[] = {
      "gaussian",     "binarize",  "pick",         "last",           "modes_covered", "flipped",
      "shifted",      "slid",      "swapped",      "annealed",       "hamiltonian",   "active_units",
      "active_by_kl", "data_mean", "kmeans",       "normal_scatter", "flat_rows",     "smallest",
      "centred",      "triangle",  "nuclear_norm", "frechet",        "cubic_kernel",  "kernel_distance",
      "kernels",      "among",     "reach",        "precision",      "recall",        "density_among",
      "coverage",     "told_apart",   "learnt_apart", "tell_score", "tell_weights", "in_deviations", "bins_apart",     "binned",        "structure",
      "channelled",   "blurred",   "ms_ssim",      "alike_from",     "scale_share",   "copied",
      "closeness",    "between",   "between_few",  "between_many",   "ranked",        "reached",
      "spread",       "copied_among",    "game_health",  "few_counts",     "many_counts",
      "hits",         "few_hits",  "many_hits",    "perturbed"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

// What is missing of an entry, or NULL. Blocks and sources have tests of their own.
static const char *missing_of(const Library *l, const LibraryEntry *e) {
  switch (e->ast->kind) {
    case AST_FUNCTION:
      if (strcmp(e->kind, "function") != 0) return NULL;
      return has_row(FUNCTION, e->name, NULL) || has_row(SCHEDULE, e->name, NULL) || has_row(DENSITY, e->name, NULL) ||
                     has_no_value(e->name)
                 ? NULL
                 : "value";
    case AST_LET: return has_row(FUNCTION, e->name, NULL) ? NULL : "value";
    case AST_OPTIMIZER: return has_row(OPTIMIZER, e->name, NULL) ? NULL : "updates";
    case AST_AVERAGE: return has_row(AVERAGE, e->name, NULL) ? NULL : "averages";
    case AST_KL: return has_row(DIVERGENCE, library_left(e), library_right(e)) ? NULL : "divergence";
    case AST_DISTRIBUTION:
      if (!has_row(DENSITY, e->name, NULL)) return "density";
      if (library_member(l, e, "mean") && !has_row(MEAN, e->name, NULL)) return "mean";
      return library_member(l, e, "entropy") && !has_row(ENTROPY, e->name, NULL) ? "entropy" : NULL;
    default: return NULL;
  }
}

static void every_item(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const Library *l = library_read(a);
  for (int i = 0; i < l->entries; i++) {
    const char *missing = missing_of(l, &l->entry[i]);
    if (missing) fail_msg("tests/std_values.c has no row for the %s of `%s`", missing, l->entry[i].name);
  }
  for (Op op = 0; op < OP_COUNT; op++)
    if (op_class(op) == ELEMENTWISE && is_builtin(op_name(op)) && !has_row(FUNCTION, op_name(op), NULL))
      fail_msg("tests/std_values.c has no row for `%s`", op_name(op));
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values), cmocka_unit_test(nan_in_nan_out), cmocka_unit_test(constants),
      cmocka_unit_test(limits), cmocka_unit_test(every_item),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
