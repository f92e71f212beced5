// The command line: what is understood, and what is refused with which exit code.
#include "command/options.h"  // before cmocka.h, which has a macro fail

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { MANY = 12 };

// Parses words split at '|'; NULL when it was refused, with the code in *code.
static Options *parse(Arena *a, const char *line, int *code) {
  char **argv = NEW_ARRAY(a, char *, MANY);
  int argc = 1;
  argv[0] = arena_copy(a, "gmc");
  char *rest = arena_copy(a, line);
  for (char *word; *line && (word = strsep(&rest, "|")) != NULL;) argv[argc++] = word;
  assert_true(argc <= MANY);
  if (ARENA_TRY(a) == 0) return options_parse(a, argc, argv);
  *code = a->code;
  return NULL;
}

static void reads(const char *line, Command command, int words) {
  Arena *a = arena_open(NULL);
  int code = 0;
  Options *o = parse(a, line, &code);
  assert_non_null(o);
  assert_int_equal(o->command, command);
  assert_int_equal(o->words, words);
  arena_close(a);
}

static void refuses(const char *line) {
  Arena *a = arena_open(NULL);
  int code = 0;
  assert_null(parse(a, line, &code));
  assert_int_equal(code, EXIT_USAGE);
  arena_close(a);
}

static void test_commands(void **state) {
  (void)state;
  reads("", COMMAND_HELP, 0);
  reads("--help", COMMAND_HELP, 0);
  reads("--version", COMMAND_VERSION, 0);
  reads("check|a.gm|b.gm", COMMAND_CHECK, 2);
  reads("run|a.gm", COMMAND_RUN, 1);
  reads("run|a.gm|--epochs|7|--help", COMMAND_HELP, 1);
  refuses("chekc|a.gm");
  refuses("check");
  refuses("run|a.gm|b.gm");
  refuses("eval");
}

static void test_values(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  int code = 0;
  Options *o = parse(a, "run|--set|a=1|m.gm|--set=b=2|--epochs|7|-qv|--out=x=y", &code);
  assert_non_null(o);
  assert_int_equal(o->value[OPTION_SET].count, 2);
  assert_string_equal(o->value[OPTION_SET].text[1], "b=2");
  assert_int_equal(option_number(o, OPTION_EPOCHS, 1), 7);
  assert_int_equal(option_number(o, OPTION_SEED, 5), 5);
  assert_string_equal(option_text(o, OPTION_OUT), "x=y");
  assert_true(option_given(o, OPTION_QUIET) && option_given(o, OPTION_VERBOSE));
  assert_string_equal(o->word[0], "m.gm");
  o = parse(a, "sample|-n100|-o|f.png|--|-dir", &code);
  assert_non_null(o);
  assert_int_equal(option_number(o, OPTION_COUNT, 0), 100);
  assert_string_equal(o->word[0], "-dir");
  arena_close(a);
}

static void test_refusals(void **state) {
  (void)state;
  refuses("run|a.gm|--epoch|3");
  refuses("run|a.gm|-x");
  refuses("check|a.gm|--out|d");
  refuses("run|a.gm|--out|x|--out|y");
  refuses("run|a.gm|--out|--epochs|3");
  refuses("run|a.gm|--out");
  refuses("run|a.gm|--out=");
  refuses("run|a.gm|--quiet=yes");
  refuses("sample|d|-n");
}

static void test_numbers(void **state) {
  (void)state;
  static const char *const bad[] = {"0",  "-1", "1.5",  "1e3",        "",
                                    " 1", "1 ", "0x10", "1000000001", "99999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char line[64];
    snprintf(line, sizeof line, "run|a.gm|--epochs=%s", bad[i]);
    refuses(line);
  }
  int64_t n;
  assert_true(number_read("4294967295", 0, UINT32_MAX, &n) && n == UINT32_MAX);
  assert_false(number_read("4294967296", 0, UINT32_MAX, &n));
  assert_true(number_read("-3", -5, 5, &n) && n == -3);
  assert_false(number_read("-", -5, 5, &n));
}

// Every command's help names every option that it takes, and the help of all names every command.
static void test_help(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Text all = text_new(a);
  options_help(&all, NULL);
  for (Command c = 0; c < COMMANDS_END; c++) {
    assert_non_null(strstr(all.data, command_name(c)));
    Text t = text_new(a);
    options_help(&t, command_name(c));
    assert_non_null(strstr(t.data, "--help"));
    assert_int_equal(strstr(t.data, "--epochs") != NULL,
                     c == COMMAND_RUN || c == COMMAND_CHECK || c == COMMAND_EXPLAIN || c == COMMAND_EMIT);
  }
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_commands), cmocka_unit_test(test_values), cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_numbers),  cmocka_unit_test(test_help),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
