// Run files: what is read, what is refused and where, and that what is printed reads back the same.
#include "command/config.h"  // before cmocka.h, which has a macro fail

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "command/sweep.h"

static Config *parse(Arena *a, const char *text, int *code) {
  if (ARENA_TRY(a) == 0) return config_parse(a, "r.yaml", text, strlen(text));
  *code = a->code;
  return NULL;
}

static const char whole[] =
    "params: {latent: 32, hidden: '2 * latent'}\n"
    "priors:\n  z: laplace(0, 1)\n"
    "data: mnist(\"folder\")\n"
    "train: {batch: 64, epochs: 5}\n"
    "seed: 7\nthreads: 2\nout: runs/a\n"
    "sweep:\n  latent: [8, 16]\n  hidden:\n    - 100\n";

static void check_whole(const Config *c) {
  assert_int_equal(c->params.count, 2);
  assert_string_equal(settings_get(&c->params, "latent"), "32");
  assert_string_equal(settings_get(&c->params, "hidden"), "2 * latent");
  assert_string_equal(settings_get(&c->priors, "z"), "laplace(0, 1)");
  assert_string_equal(c->data->text, "mnist(\"folder\")");
  assert_string_equal(settings_get(&c->train, "batch"), "64");
  assert_int_equal(c->seed, 7);
  assert_int_equal(c->threads, 2);
  assert_string_equal(c->out, "runs/a");
  assert_int_equal(c->sweeps, 2);
  assert_string_equal(c->sweep[0].value.item[1].text, "16");
  assert_string_equal(c->sweep[0].value.item[1].name, "latent");
  assert_string_equal(c->sweep[1].value.item[0].text, "100");
}

static void test_read(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  int code = 0;
  Config *c = parse(a, whole, &code);
  assert_non_null(c);
  check_whole(c);
  assert_string_equal(c->priors.item[0].origin, "r.yaml:3");
  assert_string_equal(c->data->origin, "r.yaml:4");
  c = parse(a, "", &code);
  assert_non_null(c);
  assert_int_equal(c->seed, -1);
  arena_close(a);
}

static void test_round_trip(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  int code = 0;
  Config *c = parse(a, whole, &code);
  assert_non_null(c);
  settings_put(a, &c->files, "odd", "a: \"b\"\n# \\ \x01 - *x & \xc3\xa4 ~", "test");
  settings_put(a, &c->files, "- key: #", "null", "test");
  Text t = text_new(a);
  config_print(&t, c);
  Config *back = parse(a, t.data, &code);
  assert_non_null(back);
  check_whole(back);
  assert_string_equal(settings_get(&back->files, "odd"), c->files.item[0].text);
  assert_string_equal(settings_get(&back->files, "- key: #"), "null");
  Text again = text_new(a);
  config_print(&again, back);
  assert_string_equal(t.data, again.data);
  arena_close(a);
}

static void test_put(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Settings s = {0};
  for (int i = 0; i < 100; i++) {
    settings_put(a, &s, arena_format(a, "n%d", i % 50), arena_format(a, "%d", i), "test");
  }
  assert_int_equal(s.count, 50);
  assert_string_equal(settings_get(&s, "n7"), "57");
  assert_null(settings_get(&s, "n50"));
  arena_close(a);
}

static void test_sweep(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  int code = 0;
  Config *c = parse(a, "params: {b: 1, k: 3}\nsweep:\n  a: [1, 2]\n  b: ['x y', 2/3, 7]\n", &code);
  assert_non_null(c);
  assert_int_equal(sweep_count(a, c), 6);
  const char *name;
  Config *one = sweep_config(a, c, 0, &name);
  assert_string_equal(name, "a=1,b=x_y");
  assert_string_equal(settings_get(&one->params, "b"), "x y");
  assert_string_equal(settings_get(&one->params, "k"), "3");
  assert_int_equal(one->sweeps, 0);
  one = sweep_config(a, c, 4, &name);
  assert_string_equal(name, "a=2,b=2_3");
  assert_string_equal(settings_get(&one->params, "a"), "2");
  assert_string_equal(settings_get(&one->params, "b"), "2/3");
  assert_string_equal(settings_get(&c->params, "b"), "1");
  assert_int_equal(sweep_count(a, config_new(a)), 1);
  arena_close(a);
}

static void refuses_at(const char *text) {
  Arena *a = arena_open(NULL);
  int code = 0;
  assert_null(parse(a, text, &code));
  assert_int_equal(code, EXIT_CONFIG);
  arena_close(a);
}

static void test_refusals(void **state) {
  (void)state;
  static const char *const bad[] = {
      "paramz: {a: 1}\n",
      "params: {a: 1}\nparams: {b: 1}\n",
      "params: {a: 1, a: 2}\n",
      "params: [1]\n",
      "params: 3\n",
      "params: {a: {b: 1}}\n",
      "params: {a: }\n",
      "params: &x {a: 1}\n",
      "params: {a: &x 1, b: *x}\n",
      "params: {a: *x}\n",
      "params: {a: !!int 1}\n",
      "priors: {z: laplace(0, 1)}\n",
      "train: {batches: 3}\n",
      "seed: -1\n",
      "seed: 4294967296\n",
      "seed: 1.5\n",
      "threads: many\n",
      "sweep: {a: 3}\n",
      "sweep: {a: []}\n",
      "sweep: {a: [1, 1]}\n",
      "sweep: {a: [[1]]}\n",
      "sweep: {a: [1], a: [2]}\n",
      "[1, 2]\n",
      "text\n",
      "seed: 1\n---\nseed: 2\n",
      "seed: \"1\\0\"\n",
      "seed: [\n",
      "\tseed: 1\n",
      "%YAML 9.9\n---\nseed: 1\n",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refuses_at(bad[i]);
}

// Nesting and repetition beyond all measure end at once: a limit of the time of the whole test shows it.
static void test_limits(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *deep = NEW_ARRAY(a, char, 200001);
  memset(deep, '[', 200000);
  refuses_at(deep);
  memset(deep, '{', 200000);
  refuses_at(deep);
  memcpy(deep, "params: [", 9);
  refuses_at(deep);
  Text many = text_new(a);
  text_add(&many, "params:\n");
  for (int i = 0; i < 20000; i++) text_add(&many, "  p%d: 1\n", i);
  refuses_at(many.data);
  char *large = NEW_ARRAY(a, char, CONFIG_BYTES + 2);
  memset(large, '\n', CONFIG_BYTES + 1);
  refuses_at(large);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_read),  cmocka_unit_test(test_round_trip), cmocka_unit_test(test_put),
      cmocka_unit_test(test_sweep), cmocka_unit_test(test_refusals),   cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
