// The library as it is looked up: every declaration is described, and every example in a description is a model's text.
#include "text/library.h"  // before cmocka.h, which has a macro fail

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elaborate/elaborate.h"
#include "command/explain.h"
#include "core/file.h"

#include <cmocka.h>

// A model in which the example stands where it belongs: a declaration, the end of a line of training, a draw of a
// network, or an expression. h[8] is what a network has computed, z[4] a latent, y a label.
static const char *model_of(Arena *a, const char *example) {
  static const char begin[] = "model m\nprior z[4] ~ normal(0, 1)\n";
  static const char data[] = "data u[28, 28] in [0, 1], y : class(10) from mnist\n";
  size_t name = strcspn(example, " ");
  if (strncmp(example, "data ", 5) == 0) return arena_format(a, "%s%s\nnet f(v | x) { v = sum(x) }\n", begin, example);
  bool declared = strncmp(example, "metric ", 7) == 0 || strncmp(example, "function ", 9) == 0;
  if (declared || strncmp(example, "parameter ", 10) == 0) return arena_format(a, "%s%s%s\n", begin, data, example);
  bool average = strncmp(example, "average ", 8) == 0;
  if (average || strncmp(example, "with ", 5) == 0)
    return arena_format(a,
                        "%s%snet f(v | u) { v = flatten(u) |> dense(8) }\nobjective o { minimize sum(square(f(u))) }\n"
                        "train { minimize o over f %s%s  batch 10, epochs 1 }\n",
                        begin, data, average ? "with adam  " : "", example);
  if (strncmp(example + name, " ~ ", 3) == 0)
    return arena_format(a, "%s%sdecoder p(%.*s | u) {\n h = flatten(u) |> dense(8)\n %s\n}\n", begin, data, (int)name,
                        example, example);
  return arena_format(a, "%s%snet f(v | u) {\n h = flatten(u) |> dense(8)\n v = %s\n}\n", begin, data, example);
}

static bool is_accepted(Arena *a, const char *example) {
  const char *text = model_of(a, example);
  Sources *s = sources_new(a);
  elaborate(a, s, sources_add(s, "example", text, strlen(text), false), NULL);
  Text said = text_new(a);
  diagnostics_text(s, &said);
  if (said.length) print_message("%s%s", text, said.data);
  return said.length == 0;
}

static void test_examples(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const Library *l = library_read(a);
  int examples = 0;
  for (int i = 0; i < l->entries; i++)
    for (int k = 0; k < l->entry[i].examples; k++, examples++) {
      Arena *one = arena_open(a);
      if (!is_accepted(one, l->entry[i].example[k])) fail_msg("the example of `%s`", l->entry[i].name);
      arena_close(one);
    }
  assert_true(examples > 50);
  arena_close(a);
}

// That an example is wrong is seen, wherever it stands.
static void test_wrong_examples(void **state) {
  (void)state;
  static const char *const wrong[] = {"relu(h, 1)", "z ~ normal(0, h)", "with adam(rate: 1)", "data x[2] from toy.line", "average ema(g)",
                                      "h |> dense(4"};
  Arena *a = arena_open(NULL);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *text = model_of(a, wrong[i]);
    Sources *s = sources_new(a);
    elaborate(a, s, sources_add(s, "wrong", text, strlen(text), false), NULL);
    if (!diagnostics_errors(s)) fail_msg("accepted: %s", wrong[i]);
  }
  arena_close(a);
}

static void test_descriptions(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const Library *l = library_read(a);
  for (int i = 0; i < l->entries; i++) {
    const LibraryEntry *e = &l->entry[i];
    if (!e->what) fail_msg("%s:%d: no comment above `%s` says what it is", l->file[e->file].path, e->line, e->name);
    if (!e->examples && e->ast->kind != AST_KL && e->ast->kind != AST_RULE)
      fail_msg("%s:%d: the comment above `%s` ends without an example: # e.g. ...", l->file[e->file].path, e->line,
               e->name);
    Text t = text_new(a);
    assert_true(explain_name(&t, e->name));
    if (!strstr(t.data, e->form)) fail_msg("`%s` is explained without its form", e->name);
  }
  for (int i = 0; i < l->files; i++) assert_non_null(l->file[i].what);
  arena_close(a);
}

static void test_builtins(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  int n;
  const char *const *name = builtin_names(a, &n);
  for (int i = 0; i < n; i++) {
    Description d = builtin_describe(a, name[i]);
    if (!d.what) fail_msg("elaborate_builtin.c does not say what `%s` is", name[i]);
    if (strncmp(d.form, name[i], strlen(name[i])) != 0) fail_msg("the form of `%s` begins otherwise", name[i]);
  }
  const Library *l = library_read(a);
  for (int i = 0; i < l->entries; i++) {
    AstKind kind = l->entry[i].ast->kind;
    bool named = kind == AST_FUNCTION || kind == AST_DISTRIBUTION || kind == AST_LET || kind == AST_OPTIMIZER;
    if (named && is_builtin(l->entry[i].name)) fail_msg("`%s` of the library hides the compiler's own", l->entry[i].name);
  }
  assert_true(n > 30);
  assert_null(builtin_describe(a, "dense").what);
  arena_close(a);
}

static void test_parts(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  const Library *l = library_read(a);
  int seen = 0;
  for (int i = 0; i < l->entries; i++) {
    const LibraryEntry *e = &l->entry[i];
    if (strcmp(e->name, "cauchy") == 0) {
      seen++;
      assert_string_equal(e->form, "cauchy(loc: 0, scale: 1 > 0) on real");
      assert_string_equal(e->kind, "distribution");
      assert_null(library_member(l, e, "mean"));
      assert_string_equal(library_member(l, e, "entropy"), "log(4 * pi * scale)");
      assert_false(library_discrete(e));
    } else if (strcmp(e->name, "bernoulli") == 0) {
      seen++;
      assert_true(library_discrete(e));
      assert_string_equal(library_member(l, e, "domain"), "[0, 1]");
    } else if (strcmp(e->name, "he") == 0) {
      seen++;
      assert_int_equal(strncmp(e->group, "initialisers: ", 14), 0);
      assert_string_equal(e->form, "he(n, m)");
      assert_string_equal(e->example[0], "dense(h, 400, init: he)");
    }
  }
  assert_int_equal(seen, 3);
  arena_close(a);
}

static void test_unknown(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Text t = text_new(a);
  assert_false(explain_name(&t, "nrmal"));
  assert_int_equal(t.length, 0);
  assert_string_equal(explain_nearest(a, "nrmal"), "normal");
  assert_null(explain_nearest(a, "frobnicate"));
  arena_close(a);
}

static void test_page(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Text t = text_new(a);
  library_page(&t);
  Bytes kept = file_read(a, "grammar/LIBRARY.md", 1 << 20, "");
  if (kept.size != t.length || memcmp(kept.data, t.data, t.length) != 0)
    fail_msg("grammar/LIBRARY.md is not what grammar/std says: run `make library-page` and read the difference");
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples), cmocka_unit_test(test_wrong_examples), cmocka_unit_test(test_descriptions),
      cmocka_unit_test(test_builtins), cmocka_unit_test(test_parts),          cmocka_unit_test(test_unknown),
      cmocka_unit_test(test_page),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
