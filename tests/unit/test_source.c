// Texts, places and diagnostics: what is printed, in what order, and that nothing of a text reaches the terminal raw.
#include "attempt.h"

#include "text/source.h"

typedef struct {
  Arena *arena;
  Sources *sources;
} Desk;

static Desk desk_open(void) {
  Arena *a = arena_open(NULL);
  return (Desk){a, sources_new(a)};
}

static int desk_add(Desk d, const char *name, const char *text) {
  return sources_add(d.sources, name, text, strlen(text), false);
}

static Span span(int file, uint32_t begin, uint32_t end) {
  return (Span){file, begin, end};
}

// The place of the first `part` in the text.
static Span find(Desk d, int file, const char *part) {
  const char *text = sources_text(d.sources, file)->text;
  const char *at = strstr(text, part);
  assert_non_null(at);
  return span(file, (uint32_t)(at - text), (uint32_t)(at - text + (long)strlen(part)));
}

static void assert_said(Desk d, const char *expected) {
  Text t = text_new(d.arena);
  diagnostics_text(d.sources, &t);
  assert_string_equal(t.data, expected);
}

// ---- places ----

static void test_places(void **state) {
  (void)state;
  Desk d = desk_open();
  int f = desk_add(d, "a.gm", "one\n\n  \xcf\x83 = 2 \xff!\nend");
  assert_int_equal(span_line(d.sources, span(f, 0, 1)), 1);
  assert_int_equal(span_line(d.sources, span(f, 3, 4)), 1);  // the end of the line belongs to it
  assert_int_equal(span_line(d.sources, span(f, 4, 5)), 2);
  Span two = find(d, f, "2");
  assert_int_equal(span_line(d.sources, two), 3);
  assert_int_equal(span_column(d.sources, two), 7);
  assert_int_equal(span_column(d.sources, find(d, f, "!")), 10);  // a stray byte is one column
  assert_int_equal(span_line(d.sources, span(f, 999, 999)), 4);
  assert_int_equal(span_line(d.sources, span(-1, 0, 0)), 1);
  Span joined = span_join(two, span(f, 0, 3));
  assert_int_equal(joined.begin, 0);
  assert_int_equal(joined.end, two.end);
  assert_int_equal(span_join(span(-1, 0, 0), two).file, f);
  arena_close(d.arena);
}

static void test_many_texts(void **state) {
  (void)state;
  Desk d = desk_open();
  for (int i = 0; i < 100; i++) {
    int f = sources_add(d.sources, arena_format(d.arena, "%d.gm", i), "", 0, i % 2);
    assert_int_equal(f, i);
  }
  assert_int_equal(sources_count(d.sources), 100);
  assert_string_equal(sources_text(d.sources, 7)->name, "7.gm");
  assert_true(sources_text(d.sources, 7)->library);
  arena_close(d.arena);
}

// ---- printing ----

static void test_form(void **state) {
  (void)state;
  Desk d = desk_open();
  int f = desk_add(d, "models/a.gm", "h = 1\nx = h + y\n"), g = desk_add(d, "std/b.gm", "block b(x) { x }\n");
  report(d.sources, E0101, find(d, f, "h + y"), "this", "that");
  report_note(d.sources, find(d, f, "h = 1"), "this is %s", "[16]");
  report_note(d.sources, find(d, g, "{ x }"), "from here");
  report_note(d.sources, span(-1, 0, 0), "and elsewhere");
  report_help(d.sources, "do %d things", 2);
  assert_int_equal(diagnostics_errors(d.sources), 1);
  assert_said(d,
              "models/a.gm:2:5: error[E0101]: expected this, found that\n"
              "    2 | x = h + y\n"
              "      |     ^^^^^\n"
              "    1 | h = 1\n"
              "      | ----- this is [16]\n"
              "  in std/b.gm:\n"
              "    1 | block b(x) { x }\n"
              "      |            ----- from here\n"
              "  note: and elsewhere\n"
              "  help: do 2 things\n");
  assert_said(d, "");  // printed once
  report(d.sources, E0104, span(-1, 0, 0));
  assert_said(d, "error[E0104]: nested too deeply\n");
  arena_close(d.arena);
}

// Marks stand under what they mean: tabs, wide and combining characters, ends of lines and of the text.
static void test_carets(void **state) {
  (void)state;
  static const struct {
    const char *text, *part, *shown;
  } cases[] = {
      {"a b\nc d", "b", "    1 | a b\n      |   ^\n"},
      {"\ta\tbc", "bc", "    1 |     a   bc\n      |         ^^\n"},
      {"\xcf\x83 = x", "x", "    1 | \xcf\x83 = x\n      |     ^\n"},
      {"\xe4\xb8\xad = x", "x", "    1 | \xe4\xb8\xad = x\n      |      ^\n"},
      {"e\xcc\x81 = x", "x", "    1 | e\xcc\x81 = x\n      |     ^\n"},
      {"f(a,\n  b)", "f(a,\n  b)", "    1 | f(a,\n      | ^^^^\n"},
      {"f(a\r\n", "\r", "    1 | f(a\n      |    ^\n"},
      {"ab\n", "\n", "    1 | ab\n      |   ^\n"},
      {"x \x1b[31m y\x7f", "y", "    1 | x \\x1b[31m y\\x7f\n      |            ^\n"},
      {"x \xe2\x80\xae y", "y", "    1 | x \\u{202e} y\n      |            ^\n"},
      {"x \xff y", "y", "    1 | x \\xff y\n      |        ^\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Desk d = desk_open();
    int f = desk_add(d, "a", cases[i].text);
    report(d.sources, E0104, find(d, f, cases[i].part));
    Text t = text_new(d.arena);
    diagnostics_text(d.sources, &t);
    assert_string_equal(strchr(t.data, '\n') + 1, cases[i].shown);
    arena_close(d.arena);
  }
}

static void test_long_lines(void **state) {
  (void)state;
  Desk d = desk_open();
  Text t = text_new(d.arena);
  for (int i = 0; i < 100000; i++) text_add(&t, "\xcf\x83%d ", i);
  int f = desk_add(d, "a", t.data);
  report(d.sources, E0104, find(d, f, "50000"));
  report(d.sources, E0104, find(d, f, "99999 "));
  report(d.sources, E0104,
         find(d, f,
              "\xcf\x83"
              "0 "));
  Text out = text_new(d.arena);
  diagnostics_text(d.sources, &out);
  assert_true(out.length < 2000);
  const char *line = strstr(out.data, "50000"), *caret = strstr(line, "^");
  assert_memory_equal(caret, "^^^^^\n", 6);
  arena_close(d.arena);
}

// A message, a note and a file's name cannot carry escapes either.
static void test_escapes(void **state) {
  (void)state;
  Desk d = desk_open();
  int f = desk_add(d, "a\x1b[2J\n.gm", "x");
  report(d.sources, E0113, span(f, 0, 1), "b\x1b[2J");
  report_note(d.sources, span(f, 0, 1), "\x07%s", "c\n");
  report_help(d.sources, "\xc2\x9b");
  assert_said(d,
              "a\\x1b[2J\\x0a.gm:1:1: error[E0113]: `b\\x1b[2J`: a name that is declared holds no dot\n"
              "    1 | x\n      | ^\n      | - \\x07c\\x0a\n  help: \\u{9b}\n");
  arena_close(d.arena);
}

static void test_order_and_count(void **state) {
  (void)state;
  Desk d = desk_open();
  int f = desk_add(d, "a", "abcdefghijklmnopqrstuvwxyzABCDEF");
  for (uint32_t i = 25; i-- > 0;) {
    report(d.sources, E0104, span(f, i, i + 1));
    if (i < 10) continue;
    report(d.sources, E0104, span(f, i, i + 1));  // the same again is not kept
    report_note(d.sources, span(f, 0, 1), "never shown");
  }
  assert_int_equal(diagnostics_errors(d.sources), 25);
  Text t = text_new(d.arena);
  diagnostics_text(d.sources, &t);
  assert_null(strstr(t.data, "never shown"));
  assert_non_null(strstr(t.data, "5 more errors are not shown\n"));
  int last = 0, n = 0;
  for (const char *at = t.data; (at = strstr(at, "a:1:")); at++, n++) {
    int column = atoi(at + 4);
    assert_true(column > last);
    last = column;
  }
  assert_int_equal(n, 20);
  arena_close(d.arena);
}

static void stop(Arena *a, void *sources) {
  (void)a;
  diagnostics_stop(sources);
}

static void test_stop(void **state) {
  (void)state;
  Desk d = desk_open();
  assert_works(stop, d.sources);
  report(d.sources, E0104, span(-1, 0, 0));
  if (ARENA_TRY(d.arena) == 0) {
    catch_stderr();
    diagnostics_stop(d.sources);
    assert_true(false);
  }
  release_stderr();
  assert_int_equal(d.arena->code, EXIT_DATA);
  assert_string_equal(message, "gmc: 1 error\n");
  arena_close(d.arena);
}

// ---- explanations and near names ----

static void test_explain(void **state) {
  (void)state;
  assert_non_null(strstr(diagnostic_explain("E0104"), "200"));
  assert_null(diagnostic_explain("E9999"));
  assert_null(diagnostic_explain(""));
}

static void test_nearest(void **state) {
  (void)state;
  static const char *const names[] = {"dense", "softmax", "relu", "normal", "x", "log_normal"};
  int n = sizeof names / sizeof *names;
  assert_string_equal(nearest_name("dens", n, names), "dense");
  assert_string_equal(nearest_name("sotfmax", n, names), "softmax");  // a swap is one edit
  assert_string_equal(nearest_name("Relu", n, names), "relu");
  assert_string_equal(nearest_name("normall", n, names), "normal");
  assert_string_equal(nearest_name("lognormal", n, names), "log_normal");
  assert_null(nearest_name("convolution", n, names));
  assert_null(nearest_name("y", n, names));
  assert_null(nearest_name("", n, names));
  assert_null(nearest_name("dense", 0, NULL));
  char longer[1000];
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  assert_null(nearest_name(longer, n, names));
  assert_null(nearest_name("dense", 1, (const char *const[]){longer}));
}

// ---- files ----

static void read_path(Arena *a, void *path) {
  Sources *s = sources_new(a);
  sources_read(s, path);
}

static void test_read(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  char *path = (char *)path_of(a, "model.gm");
  assert_fails(read_path, path, EXIT_NOINPUT, "No such file");
  assert_fails(read_path, folder, EXIT_DATA, "is a folder");
  put(path, "a\nb \xff", 5);
  assert_fails(read_path, path, EXIT_DATA, "model.gm:2:3: not valid UTF-8");
  put(path, "a\0b", 3);
  assert_fails(read_path, path, EXIT_DATA, ":1:2: a zero byte");
  put(path, "\xed\xa0\x80", 3);  // a surrogate
  assert_fails(read_path, path, EXIT_DATA, "not valid UTF-8");
  put(path, "\xe2\x82", 2);  // cut short
  assert_fails(read_path, path, EXIT_DATA, "not valid UTF-8");
  char *big = calloc(1, (4 << 20) + 1);
  memset(big, ' ', (4 << 20) + 1);
  put(path, big, (4 << 20) + 1);
  assert_fails(read_path, path, EXIT_DATA, "more than the 4194304 allowed");
  put(path, big, 4 << 20);
  assert_works(read_path, path);
  free(big);
  put(path, "", 0);
  assert_works(read_path, path);
  put(path, "model \xe4\xb8\xad\n", 10);
  Sources *s = sources_new(a);
  const SourceText *text = sources_text(s, sources_read(s, path));
  assert_string_equal(text->text, "model \xe4\xb8\xad\n");
  assert_string_equal(text->name, path);
  assert_int_equal(text->length, 10);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places),          cmocka_unit_test(test_many_texts), cmocka_unit_test(test_form),
      cmocka_unit_test(test_carets),          cmocka_unit_test(test_long_lines), cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_order_and_count), cmocka_unit_test(test_stop),       cmocka_unit_test(test_explain),
      cmocka_unit_test(test_nearest),         cmocka_unit_test(test_read),
  };
  return cmocka_run_group_tests_name("source", tests, folder_make, folder_remove);
}
