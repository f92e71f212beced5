// The parser: trees of well-formed texts, messages about others, and limits.
// The cases of tests/lang/syntax are programs with mistakes in their syntax: NAME.err is what `gmc check` must say of
// NAME.gm. PROMOTE=1 writes the .err files anew.
#include "attempt.h"

#include "text/ast.h"

static const char cases[] = "tests/lang/syntax";

// ---- trees ----

typedef struct {
  Arena *arena;
  Sources *sources;
} Desk;

static Desk desk_open(void) {
  Arena *a = arena_open(NULL);
  return (Desk){a, sources_new(a)};
}

static int desk_add(Desk d, const char *text) {
  return sources_add(d.sources, "text", text, strlen(text), false);
}

static char *tree_text(Desk d, const Ast *tree) {
  Text t = text_new(d.arena);
  ast_print(&t, tree);
  t.data[t.length - 1] = 0;  // the new line
  return t.data;
}

static char *said(Desk d) {
  Text t = text_new(d.arena);
  diagnostics_text(d.sources, &t);
  return t.data;
}

// `text` is an expression whose tree prints as `tree`.
typedef struct {
  const char *text, *tree;
} Case;

static const Case expressions[] = {
    // precedence, loosest first
    {"a |> f |> g(2)", "(|> (|> a f) (call g | 2))"},
    {"a + b |> f", "(|> (+ a b) f)"},
    {"0 .. n - 1", "(.. 0 (- n 1))"},
    {"0..14", "(.. 0 14)"},
    {"a < b |> f", "(|> (< a b) f)"},
    {"a - b - c * d @ e / f", "(- (- a b) (/ (@ (* c d) e) f))"},
    {"-x^2", "(- (^ x 2))"},
    {"2^-3", "(^ 2 (- 3))"},
    {"2^3^4", "(^ 2 (^ 3 4))"},
    {"-a * b", "(* (- a) b)"},
    {"!a * b", "(* (! a) b)"},
    {"(a + b) * c", "(* (+ a b) c)"},
    {"if a then b else c |> f", "(if a | b | (|> c f))"},
    {"if a then b else if c then d else e", "(if a | b | (if c | d | e))"},
    // log, mean, draw
    {"log p(x | z) - kl(q(z | x) || prior(z))",
     "(- (log (call #1 p | x | z)) (call #2 kl | (call #1 q | z | x) | (call prior | z)))"},
    {"log(2 * pi)", "(log (* 2 pi))"},
    {"log (a / b) ^ 2", "(^ (log (/ a b)) 2)"},
    {"log mean draw p(x)", "(log (mean (draw (call p | x))))"},
    {"-log x", "(- (log x))"},
    // calls and indices, on the same line only
    {"f(a, b, key: c)[i, j]", "(index (call f | a b (: key c)) | i j)"},
    {"f()", "(call f)"},
    {"(a)[0]", "(index a | 0)"},
    {"[[1, 2], [3, 4]][0]", "(index (list (list 1 2) (list 3 4)) | 0)"},
    {"f(a |> g, if b then c else d)", "(call f | (|> a g) (if b | c | d))"},
    {"p(x | z, y: row)", "(call #1 p | x | z (: y row))"},
    {"toy.pinwheel", "toy.pinwheel"},
    // keywords where they cannot be keywords
    {"mean[k] + weight - state", "(- (+ (index mean | k) weight) state)"},
    {"f(mean: 1, log: 2, draw)", "(call f | (: mean 1) (: log 2) draw)"},
    {"mixture(q(z | x))", "(call mixture | (call #1 q | z | x))"},
    // blocks
    {"mean(k) { z ~ q(z | x)  log p(x | z) }",
     "(aggregate \"mean\" k | | (body (draw (variable z) | (call #1 q | z | x)) | (log (call #1 p | x | z))))"},
    {"1 + logmeanexp(2 * k) { a }", "(+ 1 (aggregate \"logmeanexp\" (* 2 k) | | (body | a)))"},
    {"mixture over k in 0 .. size(b) { normal(k, 1) }",
     "(mixture (binder k \"in\" (.. 0 (call size | b))) | | (body | (call normal | k 1)))"},
    // words
    {"1e-3 + 0.5 + 12E+2", "(+ (+ 0.001 0.5) 1200)"},
    {"f(\"a \\\"b\\\" \\\\ \\n\")", "(call f | \"a \\\"b\\\" \\\\ \\x0a\")"},
    {"a # rest", "a"},
    {"\xef\xbb\xbf"
     "a\r\n  + b",
     "(+ a b)"},
};

static void test_expressions(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
    Desk d = desk_open();
    Ast *tree = parse_expression(d.arena, d.sources, desk_add(d, expressions[i].text));
    assert_string_equal(said(d), "");
    assert_string_equal(tree_text(d, tree), expressions[i].tree);
    arena_close(d.arena);
  }
}

// The items of a file; the tree is what stands inside (file ...).
static const Case files[] = {
    {"model a use \"b.gm\" let c = 1", "(model a) (use \"b.gm\") (let c 1)"},
    {"param a = 1, b = a + 1", "(param a 1) (param b (+ a 1))"},
    {"data x[28, 28] in [-1, 1], y : class(10)  from mnist |> binarize",
     "(data (variable x 28 28 | (list (- 1) 1)) (variable y #1 | (call class | 10)) | (|> mnist binarize))"},
    {"data x in {0, 1} from csv(\"a.csv\")", "(data (variable x | (set 0 1)) | (call csv | \"a.csv\"))"},
    {"parameter weight[20] on simplex, mean[20, 2] = 0, s ~ normal(0, 1)",
     "(parameter weight 20 | simplex) (parameter mean 20 2 | | 0) (parameter s #1 | | (call normal | 0 1))"},
    {"prior k : class(20) ~ categorical(weight)",
     "(prior (variable k #1 | (call class | 20)) | (call categorical | weight))"},
    {"decoder p(x) { x ~ f(x) }", "(net p \"decoder\" x | | (body (draw (variable x) | (call f | x))))"},
    {"net E(a, b | x, y) { a, b = halves(x) }", "(net E \"net\" a b | x y | (body (assign a b | (call halves | x))))"},
    {"block f(x, n: 2 * k > 0, s >= 1) { x }",
     "(function f #1 (formal x) (formal n \">\" (* 2 k) | 0) (formal s \">=\" | 1) | | (body | x))"},
    {"function f() = a where a = 1, b, c = g(2)",
     "(function f | | (body (assign a | 1) (assign b c | (call g | 2)) | a))"},
    {"distribution d(a) on real[2] { sample = u where u ~ uniform(0, 1) log(x) = a mean = a entropy { b = a b } }",
     "(distribution d (formal a) | (index real | 2) | (member sample | | (body (draw (variable u) | (call uniform | 0 "
     "1)) "
     "| u)) (member log x | | (body | a)) (member mean | | (body | a)) (member entropy | | (body (assign b | a) | "
     "b)))"},
    {"distribution d(n) on {0, 1} { mixture over k in 0 .. n { e(k) } }",
     "(distribution d (formal n) | (set 0 1) | (member mixture | | (body | (mixture (binder k \"in\" (.. 0 n)) | | "
     "(body | (call e | k))))))"},
    {"distribution d(n) on {0, 1} { mixture(k ~ f(n)) { e(k) } mean = 1 }",
     "(distribution d (formal n) | (set 0 1) | (member mixture | | (body | (mixture (binder k \"~\" (call "
     "f | n)) | | (body | (call e | k))))) (member mean | | (body | 1)))"},
    {"kl(normal(m, s) || normal(n, t)) = m - n", "(kl (call normal | m s) | (call normal | n t) | (body | (- m n)))"},
    {"optimizer sgd(lr, momentum: 0) { state v[2] = 0, w = 1  weight a[3] ~ f(1), b = 2  v <- v + 1  weight <- v }",
     "(optimizer sgd (formal lr) (formal momentum 0) | | (body (state v 2 | 0) (state w | 1) (weight a #1 3 | (call f "
     "| 1)) "
     "(weight b | 2) (update v | (+ v 1)) (update weight | v)))"},
    {"objective o(k: 5) { z ~ prior(z)   maximize log D(1 | x) minimize z }",
     "(objective o (formal k 5) | | (body (draw (variable z) | (call prior | z)) (maximize (log (call #1 D | 1 | x))) "
     "(minimize z)))"},
    {"objective o { e[16], f ~ normal(0, 1), a = 1 h = a\n(b) }",
     "(objective o | | (body (draw (variable e 16) (variable f) | (call normal | 0 1)) (assign a | 1) (assign h | a) | "
     "b))"},
    {"metric nll = -iwae(50) metric m { 1 } source s = f(1) source toy.t(a) { a }",
     "(metric nll | | (body | (- (call iwae | 50)))) (metric m | | (body | 1)) (source s | | (body | (call f | 1))) "
     "(source toy.t (formal a) | | (body | a))"},
    {"train { repeat f(2) * n { maximize o over q, prior with adam(1e-3), } minimize o(3) over p with sgd(1) batch 8, "
     "seed -1 }",
     "(train (repeat (* (call f | 2) n) | (step o | q prior | (call adam | 0.001))) "
     "(step o #1 3 | p | (call sgd | 1)) (setting batch 8) (setting seed (- 1)))"},
    {"show a { rows 8, points 2000 grid x, mean p(x | z: column) plot a, b over t in [-4, 4] }",
     "(show a | | (body (setting rows 8) (setting points 2000) (grid x (mean (call #1 p | x | (: z column)))) "
     "(plot t a b | (list (- 4) 4))))"},
};

static void test_files(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    Desk d = desk_open();
    Ast *file = parse_file(d.arena, d.sources, desk_add(d, files[i].text));
    assert_string_equal(said(d), "");
    Text t = text_new(d.arena);
    for (Ast *item = file->a; item; item = item->next) {
      for (const char *c = tree_text(d, item); *c; c++) {  // on one line
        if (*c == '\n') {
          while (c[1] == ' ') c++;
          text_add(&t, " ");
        } else {
          text_append(&t, c, 1);
        }
      }
      if (item->next) text_add(&t, " ");
    }
    assert_string_equal(t.data, files[i].tree);
    arena_close(d.arena);
  }
}

static void test_prior(void **state) {
  (void)state;
  Desk d = desk_open();
  Ast *tree = parse_prior(d.arena, d.sources, desk_add(d, "z[4] ~ laplace(0, 1)"));
  assert_string_equal(said(d), "");
  assert_string_equal(tree_text(d, tree), "(prior (variable z 4) | (call laplace | 0 1))");
  tree = parse_prior(d.arena, d.sources, desk_add(d, "laplace(0, 1)"));
  assert_int_equal(tree->kind, AST_ERROR);
  assert_int_equal(diagnostics_errors(d.sources), 1);
  arena_close(d.arena);
}

// A span covers what its node was written as.
static void test_spans(void **state) {
  (void)state;
  Desk d = desk_open();
  const char *text = "let a = f(x,\n  (b + c)) * 2\nlet d = 1";
  Ast *file = parse_file(d.arena, d.sources, desk_add(d, text));
  const Ast *let = file->a, *product = let->a, *sum = product->a->b->next->a;
  assert_int_equal(let->span.begin, 4);  // `let` may bind several names
  assert_int_equal(let->span.end, strstr(text, "\nlet") - text);
  assert_int_equal(product->span.begin, 8);
  assert_int_equal(sum->span.begin, strstr(text, "b + c") - text);
  assert_int_equal(sum->span.end, sum->span.begin + 5);
  assert_int_equal(let->next->a->number, 1);
  arena_close(d.arena);
}

// ---- messages ----

// What `gmc check` says of the text.
static char *check_text(Desk d, const char *name, const char *text, size_t length) {
  parse_file(d.arena, d.sources, sources_add(d.sources, name, text, length, false));
  int errors = diagnostics_errors(d.sources);
  return arena_format(d.arena, "%sgmc: %d error%s\n", said(d), errors, errors == 1 ? "" : "s");
}

static void check_case(const char *file) {
  Desk d = desk_open();
  const char *name = arena_format(d.arena, "%s/%s", cases, file);
  const char *expected = arena_format(d.arena, "%.*s.err", (int)strlen(name) - 3, name);
  const SourceText *text = sources_text(d.sources, sources_read(d.sources, name));
  char *got = check_text(d, name, text->text, text->length);
  if (getenv("PROMOTE")) put(expected, got, strlen(got));
  const SourceText *wanted = sources_text(d.sources, sources_read(d.sources, expected));
  if (strcmp(got, wanted->text) != 0) complain("%s: expected\n%sgot\n%s", name, wanted->text, got);
  assert_true(diagnostics_errors(d.sources) > 0);
  arena_close(d.arena);
}

static void test_syntax_cases(void **state) {
  (void)state;
  DIR *d = opendir(cases);
  if (!d) complain("run this from the root of the repository");
  int n = 0;
  for (struct dirent *e; (e = readdir(d));) {
    if (strlen(e->d_name) < 4 || strcmp(e->d_name + strlen(e->d_name) - 3, ".gm") != 0) continue;
    check_case(e->d_name);
    n++;
  }
  closedir(d);
  assert_true(n >= 30);
}

// After a mistake in one item or statement the others are still there.
static void test_recovery(void **state) {
  (void)state;
  Desk d = desk_open();
  Ast *file = parse_file(d.arena, d.sources,
                         desk_add(d,
                                  "model a\nparam = 3\nobjective o {\n  h = ) + 1\n  b = * 2\n  c = 3\n  maximize "
                                  "c\n}\ntrain { x 1 over }\nlet d = 4\n"));
  assert_int_equal(diagnostics_errors(d.sources), 4);
  assert_string_equal(tree_text(d, file),
                      "(file\n  (model a)\n  (error)\n  (objective o | | (body (assign c | 3) (maximize c)))\n"
                      "  (train)\n  (let d 4))");
  arena_close(d.arena);
}

// ---- limits ----

static char *repeated(Arena *a, const char *before, const char *part, int times, const char *after) {
  Text t = text_new(a);
  text_add(&t, "%s", before);
  for (int i = 0; i < times; i++) text_append(&t, part, strlen(part));
  text_add(&t, "%s", after);
  return t.data;
}

static int height(const Ast *node) {
  int most = 0;
  for (; node; node = node->next) {
    int a = height(node->a), b = height(node->b), c = height(node->c);
    int here = 1 + (a > b ? (a > c ? a : c) : (b > c ? b : c));
    if (here > most) most = here;
  }
  return most;
}

static void test_depth(void **state) {
  (void)state;
  static const char *const part[] = {"(",
                                     "[",
                                     "f(",
                                     "x[",
                                     "-",
                                     "!",
                                     "2^",
                                     "log ",
                                     "1 + ",
                                     "a |> ",
                                     "if a then b else ",
                                     "mean(k) { ",
                                     "mixture over k in 0 .. 2 { ",
                                     "f(a, b: 1 + 2 * -(",
                                     "{",
                                     "}",
                                     ")"};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    for (int times = 10; times <= 100000; times *= 100) {
      Desk d = desk_open();
      int text = desk_add(d, repeated(d.arena, "let a = ", part[i], times, "f\n"));
      Ast *file = parse_file(d.arena, d.sources, text);
      assert_true(height(file) <= 510);
      if (times > 10) assert_true(diagnostics_errors(d.sources) > 0);
      arena_close(d.arena);
    }
  }
}

// Long is not deep.
static void test_length(void **state) {
  (void)state;
  Desk d = desk_open();
  Ast *file = parse_file(d.arena, d.sources, desk_add(d, repeated(d.arena, "let a = [0", ", x + 1", 100000, "]")));
  assert_int_equal(diagnostics_errors(d.sources), 0);
  assert_int_equal(ast_length(file->a->a->a), 100001);
  arena_close(d.arena);
}

// Any bytes at all: mutations of a good text.
static void test_flips(void **state) {
  (void)state;
  uint32_t seed = 2026;
  for (int round = 0; round < 3000; round++) {
    Desk d = desk_open();
    char *text = arena_copy(d.arena, files[(unsigned)round % (sizeof files / sizeof *files)].text);
    size_t length = strlen(text);
    for (uint32_t flips = 1 + dice(&seed) % 4; flips; flips--) {
      text[dice(&seed) % length] = dice(&seed) % 3 ? "(){}[]=~|\n,a1 \"#"[dice(&seed) % 16] : (char)dice(&seed);
    }
    parse_file(d.arena, d.sources, sources_add(d.sources, "flipped", text, length, false));
    said(d);
    arena_close(d.arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_expressions), cmocka_unit_test(test_files),        cmocka_unit_test(test_prior),
      cmocka_unit_test(test_spans),       cmocka_unit_test(test_syntax_cases), cmocka_unit_test(test_recovery),
      cmocka_unit_test(test_depth),       cmocka_unit_test(test_length),       cmocka_unit_test(test_flips),
  };
  return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
