// What is written into a random model where its author was not thinking: values of any kind, calls with any arguments,
// any name.
#include "random_writer.h"

static void write_any_call(Writer *w, int depth) {
  static const char *const builtin[] = {
      "flatten", "reshape",   "concat", "split",  "size", "rank", "sum",  "maximum",    "cumsum", "onehot",
      "expand",  "transpose", "zeros",  "ones",   "iota", "stop", "grad", "batch_mean", "random", "given",
      "entropy", "max",       "min",    "select", "idx",  "npy",  "csv",  "prior",      "kl"};
  static const char *const keyword[] = {"axis",  "keep", "fresh", "init", "logits",  "p",
                                        "scale", "loc",  "rate",  "test", "holdout", "lr"};
  int k = below(w, 2 * (int)(sizeof builtin / sizeof *builtin)), n = below(w, 5);
  bool own = k >= (int)(sizeof builtin / sizeof *builtin);
  WRITE(w, "%s(", own ? w->word[below(w, w->words)] : builtin[k]);
  for (int i = 0; i < n; i++) {
    if (i) WRITE(w, ", ");
    if (chance(w, 1, 5)) WRITE(w, "%s: ", keyword[below(w, sizeof keyword / sizeof *keyword)]);
    if (chance(w, 1, 3))
      write_odd(w, depth);
    else
      write_expression(w, random_shape(w, 3), depth);
  }
  WRITE(w, ")");
}

static const char *any_name(Writer *w) {
  int k = below(w, 6);
  if (k == 0 && w->nets) return w->net[below(w, w->nets)].name;
  if (k == 1 && w->columns) return w->column[below(w, w->columns)].name;
  if (k == 2 && w->latents) return w->latent[below(w, w->latents)].name;
  if (k == 3 && w->objectives) return w->objective[below(w, w->objectives)];
  if (k == 4 && w->knowns) return w->known[below(w, w->knowns)].name;
  return w->word[below(w, w->words)];
}

static const char *const odd[] = {"none",
                                  "\"text\"",
                                  "\"\"",
                                  "-1",
                                  "0",
                                  "1e30",
                                  "-1e-30",
                                  "2147483648",
                                  "1e6",
                                  "65536",
                                  "infinity",
                                  "-infinity",
                                  "(0 / 0)",
                                  "1.5",
                                  "[1, 2]",
                                  "[[1], 2]",
                                  "[none]",
                                  "[1, \"a\"]",
                                  "0 .. 3",
                                  "3 .. 0",
                                  "normal(0, 1)",
                                  "normal(0, -1)",
                                  "row",
                                  "column",
                                  "value",
                                  "gradient",
                                  "gradient_norm",
                                  "update",
                                  "training",
                                  "nothing",
                                  "true",
                                  "zeros(1000, 1000, 1000)",
                                  "zeros(1, 1, 1, 1, 1, 1)",
                                  "iota(1e6)",
                                  "zeros(0)",
                                  "mixture over k in 0 .. 3 { normal(k, 1) }",
                                  "mixture over k in 2 .. 2 { normal(k, 1) }",
                                  "mixture over k in 0 .. 2 { 1 }",
                                  "mixture(k in [1, 2]) { normal(k, 1) }",
                                  "mixture(k ~ categorical([0.5, 0.5])) { normal(k, 1) }",
                                  "mixture(2) { normal(0, 1) }",
                                  "mixture(2)",
                                  "toy.moons",
                                  "mnist",
                                  "mean(2) { zeros(2) }",
                                  "mean(1e6) { 1 }",
                                  "mean(0) { 1 }",
                                  "categorical([0.5, 0.5])",
                                  "bernoulli(0.5)",
                                  "uniform(1, 0)",
                                  "kl(normal(0, 1) || laplace(0, 1))",
                                  "log normal(0, 1)",
                                  "log none",
                                  "each log 2",
                                  "log p(x)",
                                  "log p(z, x)",
                                  "entropy(p(z | x))",
                                  "log prior(z, z)",
                                  "each kl(normal(0, 1) || normal(0, 2))",
                                  "stop(normal(0, 1))",
                                  "mean \"a\"",
                                  "draw 3",
                                  "zeros(2)[5]",
                                  "zeros(2)[0, 0]",
                                  "zeros(2)[0.5]",
                                  "zeros(2)[1 .. 1]",
                                  "[1, 2][7]",
                                  "zeros(2, 3) @ zeros(2, 3)",

                                  "\"a\" + \"b\"",
                                  "\"a\" == 1",
                                  "zeros(2) + zeros(3)",
                                  "split(2, zeros(3))",
                                  "step",
                                  "size(zeros(2), 5)",
                                  "entropy(cauchy(0, 1))",
                                  "mean cauchy(0, 1)"};

void write_odd(Writer *w, int depth) {
  int k = below(w, (int)(sizeof odd / sizeof *odd) + 20);
  if (depth > DEEPEST) depth = DEEPEST;
  if (k < (int)(sizeof odd / sizeof *odd))
    WRITE(w, "%s", odd[k]);
  else if (k % 2 && depth > 0)
    write_any_call(w, depth - 1);
  else
    WRITE(w, "%s", any_name(w));
}
