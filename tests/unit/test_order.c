// Autoregressive networks: what is proved of their order is held against what changes when x does, their probabilities
// over all values against 1, and their draws against these.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "random_bits.h"
#include "random_graph.h"
#include "graph/reference.h"
#include "std_page.h"

// ---- whole models

// Right ones: x, how many numbers it has and values each, and the network. `drawn`: it is drawn from, too.
static const struct {
  const char *name, *x;
  int numbers, values;
  bool drawn;
  const char *net;
} right[] = {
    {"sigmoid belief network", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive { x ~ bernoulli(logits: 4 * masked(flatten(x), 9, strict: true) |> reshape(3, 3)) }"},
    {"masked auto-encoder", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive {\n"
     "  h = 3 * masked(flatten(x), 14) |> relu |> masked(7) |> tanh\n"
     "  x ~ bernoulli(logits: 4 * masked(h, 9, strict: true) |> reshape(3, 3))\n}"},
    {"neural autoregressive distribution", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive {\n"
     "  weight W[9, 6] ~ normal(0, 1), V[9, 6] ~ normal(0, 1), c[6] ~ normal(0, 1)\n"
     "  s = scan(w in W, v in V, pixel in flatten(x), a = c) { l = dot(v, sigmoid(a))   a <- a + pixel * w   l }\n"
     "  x ~ bernoulli(logits: reshape(s, 3, 3))\n}"},
    {"memory of rows", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive {\n"
     "  above = 3 * before(x, axis: 0) |> lstm(5)\n"
     "  h = x |> masked(4, context: 4 * above) |> tanh\n"
     "  x ~ bernoulli(logits: 4 * masked(h, 3, strict: true, context: above))\n}"},
    {"rows at once", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive over rows { x ~ bernoulli(logits: 3 * before(x, axis: 0) |> gru(5) |> dense(3)) }"},
    {"channels at once", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive over channels { x ~ bernoulli(logits: 3 * cumsum(before(x, axis: 1), axis: 1) - 1) "
     "}"},
    {"attention", "x[4] : class(3)", 4, 3, true,
     "decoder p(x) autoregressive {\n"
     "  weight place[4, 6] ~ normal(0, 1)\n"
     "  h = (onehot(before(x)) |> dense(6) |> layer_norm) + place\n"
     "  q, k, v = split(3, 3 * dense(h, 18))\n"
     "  s = if reshape(iota(4), 1, 4) <= expand(iota(4)) then q @ transpose(k) else -infinity\n"
     "  x ~ categorical(logits: softmax(s) @ v |> dense(3))\n}"},
    {"attention of pixels", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive {\n"
     "  weight place[9, 6] ~ normal(0, 1)\n"
     "  h = expand(flatten(before(x))) * (1 + place) + place\n"
     "  q, k, v = split(3, 3 * dense(h, 18))\n"
     "  s = if reshape(iota(9), 1, 9) <= expand(iota(9)) then q @ transpose(k) else -infinity\n"
     "  x ~ bernoulli(logits: 2 * (softmax(s) @ v |> dense(1)) |> reshape(3, 3))\n}"},
    {"a recurrent network of classes", "x[4] : class(3)", 4, 3, true,
     "decoder p(x) autoregressive { x ~ categorical(logits: 3 * lstm(onehot(before(x)), 5) |> dense(3)) }"},
    {"a mixture at each place", "x[4] : class(3)", 4, 3, true,
     "distribution either(a[n], b[n]) on class(n) {\n"
     "  mixture(k in 0 .. 2) { categorical(logits: if k == 0 then a else b) }\n}\n"
     "decoder p(x) autoregressive {\n"
     "  h = 3 * masked(flatten(onehot(before(x))), 24) |> tanh |> reshape(4, 6)\n"
     "  x ~ either(h[.., .. 3], h[.., 3 ..])\n}"},
    {"masked convolutions", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive {\n"
     "  a = 2 * conv_before(x, 4, 3) |> tanh\n"
     "  h = a + (2 * conv_upto(a, 4, 3) |> tanh)\n"
     "  x ~ bernoulli(logits: 4 * conv(h, 1, 1) |> reshape(3, 3))\n}"},
    {"two stacks", "x[3, 3] in {0, 1}", 9, 2, true,
     "decoder p(x) autoregressive {\n"
     "  v = 3 * conv_masked(before(x, axis: 0), 4, rows_before(3), 6) |> tanh\n"
     "  w = v + (conv_masked(v, 4, rows_before(3), 6) |> tanh)\n"
     "  h = 3 * conv_before(x, 4, 3) + conv(w, 4, 1) |> tanh\n"
     "  x ~ bernoulli(logits: 4 * conv(conv_upto(h, 4, 3) + conv(w, 4, 1), 1, 1) |> reshape(3, 3))\n}"},
    {"memory of diagonals", "x[3, 3] in {0, 1}", 9, 2, true,
     "function slanted(v) {\n"
     "  h = size(v, 0)   t = size(v, 1) + h - 1   c = size(v, -1)\n"
     "  places = concat(v, zeros(h, h, c), axis: 1) |> reshape(h * (t + 1), c)\n"
     "  places[.. h * t] |> reshape(h, t, c) |> permute(1, 0, 2)\n}\n"
     "function upright(v) {\n"
     "  h = size(v, 1)   t = size(v, 0)   c = size(v, -1)\n"
     "  rows = concat(permute(v, 1, 0, 2) |> reshape(h * t, c), zeros(h, c), axis: 0) |> reshape(h, t + 1, c)\n"
     "  rows[.., .. t + 1 - h]\n}\n"
     "block diagonals(seen) = upright(scan(d in slanted(seen), h = zeros(3, 4)) {\n"
     "  h <- tanh(3 * (d + linear(h, 4) + linear(before(h, axis: 0), 4)))\n  h\n})\n"
     "decoder p(x) autoregressive {\n"
     "  seen = x |> conv_before(4, 3)\n"
     "  h = diagonals(seen) + before(seen |> reverse(axis: 1) |> diagonals |> reverse(axis: 1), axis: 0)\n"
     "  x ~ bernoulli(logits: 4 * conv(h, 1, 1) |> reshape(3, 3))\n}"},
    {"a hidden chain", "x[3, 2] : class(2)", 6, 2, true,
     "distribution chain(start[n] on simplex, move[n, n] on simplex, emit[n, w] in [0, 1], length: 3) on "
     "binary[length, w] {\n"
     "  sample = scan(t in 0 .. length, s = draw categorical(start)) {\n"
     "    row ~ bernoulli(emit[s])   s <- draw categorical(logits: log(move[s]))   row\n  }\n"
     "  log(x) = logsumexp(fold(row in x, a = log(start), first = 1) {\n"
     "    reached = if first then a else logsumexp(transpose(expand(a) + log(move)))\n"
     "    a <- reached + sum(row * log(emit) + (1 - row) * log(1 - emit), axis: -1)\n"
     "    first <- 0\n    a\n  })\n}\n"
     "parameter start[3] on simplex = [0.5, 0.3, 0.2], move[3, 3] on simplex = [[8, 1, 1], [1, 8, 1], [3, 1, 6]],\n"
     "  emit[3, 2] in [0.001, 0.999] = [[0.9, 0.2], [0.1, 0.8], [0.6, 0.05]]\n"
     "decoder p(x) { x ~ chain(start, move, emit) }"},
    {"levels in mixtures", "x[4] : class(3)", 4, 3, true,
     "decoder p(x) autoregressive {\n"
     "  h = 3 * masked(flatten(onehot(before(x))), 24) |> tanh |> reshape(4, 6)\n"
     "  x ~ logistic_mixture(h[.., .. 2], 1 + h[.., 2 .. 4], exp(h[.., 4 ..]), levels: 3)\n}"},
    {"red, green and blue", "x[1, 2, 3] : class(2)", 6, 2, true,
     "decoder p(x) autoregressive {\n"
     "  c = onehot(x)\n"
     "  h = 3 * conv_before(reshape(c, 1, 2, 6), 5, 3) |> tanh\n"
     "  r = c[.., .., 0]   g = c[.., .., 1]\n"
     "  red = dense(h, 2)   green = dense(concat(h, 3 * r), 2)   blue = dense(concat(h, 3 * r, 3 * g), 2)\n"
     "  x ~ categorical(logits: 2 * concat(red, green, blue) |> reshape(1, 2, 3, 2))\n}"},
    {"a table", "x[4] : class(3)", 4, 3, false,
     "decoder p(x) autoregressive {\n"
     "  weight table[4, 3] ~ normal(0, 2)\n  x ~ categorical(logits: table[before(x)])\n}"},
    {"sums of what stands before", "x[3, 3] in {0, 1}", 9, 2, false,
     "decoder p(x) autoregressive { x ~ bernoulli(logits: reshape(cumsum(flatten(before(x))), 3, 3) - 1) }"},
    {"a triangular system", "x[6] in {0, 1}", 6, 2, false,
     "decoder p(x) autoregressive {\n"
     "  weight L[6, 6] ~ normal(0, 0.3)\n"
     "  x ~ bernoulli(logits: reshape(solve(L + 3 * identity(6), expand(before(x))), 6))\n}"},
    {"causal convolutions", "x[8] in {0, 1}", 8, 2, false,
     "decoder p(x) autoregressive {\n"
     "  weight W[3, 4] ~ normal(0, 1)\n"
     "  seen = concat(zeros(2), before(x))\n"
     "  h = array(i in 0 .. 3) { seen[i + iota(8)] } |> transpose\n"
     "  x ~ bernoulli(logits: tanh(h @ W) |> dense(1) |> reshape(8))\n}"},
    {"a product over the past", "x[6] in {0, 1}", 6, 2, false,
     "decoder p(x) autoregressive { x ~ bernoulli(logits: [1, 0, 0, 2, 0, 1] * x[[5, 0, 0, 2, 1, 4]] * [0, 1, 1, 1, 1, "
     "1]) }"},
};
enum { RIGHT = sizeof right / sizeof *right, DRAWS = SANITIZED ? 10000 : 100000 };

static int count_of(int i) { return (int)pow(right[i].values, right[i].numbers); }

static Page *page_of(Arena *a, int i) {
  return page_format(a, count_of(i),
                     "data %s from npy(\"x\")\n%s\n"
                     "metric chance = log p(x)\n"
                     "metric drawn { v = draw p(x)   sum(flatten(v) * %d ^ iota(%d)) }\n",
                     right[i].x, right[i].net, right[i].values, right[i].numbers);
}

// Each example is one of all values.
static void fill_all(Page *p, int i) {
  for (int e = 0; e < count_of(i); e++)
    for (int k = 0, rest = e; k < right[i].numbers; k++, rest /= right[i].values)
      page_column(p, "x")[e * right[i].numbers + k] = (float)(rest % right[i].values);
}

static void all_values_add_up_to_one(void **state) {
  (void)state;
  for (int i = 0; i < RIGHT; i++) {
    Arena *a = arena_open(NULL);
    Page *p = page_of(a, i);
    fill_all(p, i);
    page_test(p);
    double sum = 0, most = 0;
    for (int e = 0; e < count_of(i); e++) {
      double chance = exp((double)page_metric(p, "chance")[e]);
      sum += chance;
      most = fmax(most, chance * count_of(i));
    }
    page_near("sum of all probabilities", right[i].name, sum, 1, 5e-6);
    page_check(most > 1.5, "unevenness", right[i].name, most, 1.5);
    arena_close(a);
  }
}

// The chi square that one in 1000 exceeds (Wilson and Hilferty 1931).
static double chi_square_limit(int freedom) {
  double v = 2.0 / (9 * freedom);
  return freedom * pow(1 - v + 3.09 * sqrt(v), 3);
}

static void draws_follow_the_probabilities(void **state) {
  (void)state;
  for (int i = 0; i < RIGHT; i++) {
    if (!right[i].drawn) continue;
    Arena *a = arena_open(NULL);
    Page *p = page_of(a, i);
    int n = count_of(i), freedom = -1;
    double *seen = NEW_ARRAY(a, double, n), rare = 0, rarely = 0, chi = 0, all = 0;
    fill_all(p, i);
    for (uint32_t step = 0; all < DRAWS; step++, all += n) {
      p->run.step = step;
      page_test(p);
      for (int e = 0; e < n; e++) seen[(int)page_metric(p, "drawn")[e]]++;
    }
    for (int e = 0; e < n; e++) {
      double want = exp((double)page_metric(p, "chance")[e]) * all;
      if (want < 5) rare += want, rarely += seen[e];
      if (want >= 5) chi += pow(seen[e] - want, 2) / want, freedom++;
    }
    if (rare >= 5) chi += pow(rarely - rare, 2) / rare, freedom++;
    page_check(chi < chi_square_limit(freedom), "chi square", right[i].name, chi, chi_square_limit(freedom));
    arena_close(a);
  }
}

// Of what is seen first the density is the sum over all that may follow, and a draw of the rest, by the numbers of a
// draw of all that saw the same, is the same.
static void what_is_seen_first(void **state) {
  (void)state;
  for (int i = 0; i < RIGHT; i++) {
    bool ordered = strstr(right[i].net, ") autoregressive") && !strstr(right[i].net, "over channels");
    if (!right[i].drawn || !ordered) continue;
    Arena *a = arena_open(NULL);
    const char *text =
        "data %s from npy(\"x\")\n%s\nmetric chance = log p(%s)\n"
        "metric drawn { v = draw p(%s)   sum(flatten(v) * %d ^ iota(%d)) }\n";
    const char *seen = right[i].numbers == 6 ? "observed(x, [[1, 1, 1], [0, 0, 0]])" : "observed(x, above(x, 1))";
    int n = count_of(i), first = right[i].numbers == 4 ? 1 : 3, groups = (int)pow(right[i].values, first);
    Page *all = page_format(a, n, text, right[i].x, right[i].net, "x", "x", right[i].values, right[i].numbers);
    Page *part = page_format(a, n, text, right[i].x, right[i].net, seen, seen, right[i].values, right[i].numbers);
    double sum[512] = {0};
    fill_all(all, i), page_test(all);
    fill_all(part, i), page_test(part);
    for (int e = 0; e < n; e++) sum[e % groups] += exp((double)page_metric(all, "chance")[e]);
    for (int e = 0; e < n; e++)
      page_near("density of what is seen", right[i].name, exp((double)page_metric(part, "chance")[e]), sum[e % groups],
                5e-6);
    for (int e = 0; e < n; e++) {
      int drawn = (int)page_metric(all, "drawn")[e];
      page_check((int)page_metric(part, "drawn")[e] % groups == e % groups, "seen", right[i].name, e, drawn);
      for (int k = 0; k < right[i].numbers; k++, drawn /= right[i].values)
        page_column(part, "x")[e * right[i].numbers + k] = k < first ? (float)(drawn % right[i].values) : 0;
    }
    page_test(part);
    for (int e = 0; e < n; e++)
      page_check(page_metric(part, "drawn")[e] == page_metric(all, "drawn")[e], "completion", right[i].name,
                 (double)page_metric(part, "drawn")[e], (double)page_metric(all, "drawn")[e]);
    arena_close(a);
  }
}

// What goes along the rows is drawn row by row; what looks rows up, in the same order, is not, and is the same numbers.
static void rows_are_carried_on(void **state) {
  (void)state;
  static const char *const net[] = {
      "  above = before(%s, axis: 0) |> lstm(5)\n  h = masked(%s, 4, context: above) |> tanh\n"
      "  x ~ bernoulli(logits: 4 * masked(h, 3, strict: true, context: above))\n",
      "  weight W[12, 6] ~ normal(0, 1)\n"
      "  s = scan(w in W, pixel in flatten(%s), a = zeros(6)) { l = sum(tanh(a))   a <- a + pixel * w   l }\n"
      "  x ~ bernoulli(logits: reshape(s, 4, 3) + 0 * %s)\n",
      "  h = 2 * conv_before(%s, 4, 5) |> tanh\n  g = h + (2 * conv_upto(h, 4, 3, dilation: 2) |> tanh)\n"
      "  x ~ bernoulli(logits: 4 * conv(g, 1, 1) + 0 * reshape(%s, 4, 3, 1) |> reshape(4, 3))\n",
      "  h = 3 * masked(flatten(%s), 20) |> tanh |> masked(16) |> relu\n"
      "  x ~ bernoulli(logits: 4 * masked(h, 12, strict: true) + 0 * flatten(%s) |> reshape(4, 3))\n",
      "  x ~ bernoulli(logits: 4 * masked(flatten(%s), 12, strict: true) + 0 * flatten(%s) |> reshape(4, 3))\n",
      // keys and values are kept: of pixels, those that look at all before them, or before and at themselves
      "  weight place[12, 6] ~ normal(0, 1)\n  h = expand(flatten(before(%s))) * (1 + place) + place\n"
      "  a = h + heads(2 * h, iota(12)) + heads(h, max(iota(12) - 1, 0))\n"
      "  x ~ bernoulli(logits: 2 * (a + heads(a, iota(12)) |> dense(1)) + 0 * expand(flatten(%s)) |> reshape(4, 3))\n",
      // of whole rows, in which places are drawn one after another
      "  weight place[4, 6] ~ normal(0, 1)\n  h = dense(before(%s, axis: 0), 6) + place\n"
      "  x ~ bernoulli(logits: 4 * masked(%s, 3, strict: true, context: heads(h, iota(4))))\n",
      // weights that are the same for all x, by a mask
      "  weight W[12, 12] ~ normal(0, 1), W2[12, 12] ~ normal(0, 1)\n"
      "  h = tanh(below(W) @ (expand(flatten(%s)) |> dense(5)))\n"
      "  x ~ bernoulli(logits: 3 * dense((below(W2) + W2 * identity(12)) @ h, 1) + 0 * expand(flatten(%s)) |> "
      "reshape(4, 3))\n",
      // but not where rows that come later, and hang on nothing, are looked at
      "  weight place[12, 6] ~ normal(0, 1)\n  h = expand(flatten(before(%s)) * (iota(12) < 6)) * (1 + place) + place\n"
      "  at = reshape(iota(12), 1, 12)   q, k, v = split(3, dense(h, 18))\n"
      "  s = if max(at <= expand(iota(12)), at >= 6) then q @ transpose(k) else -infinity\n"
      "  x ~ bernoulli(logits: 3 * dense(softmax(s) @ v, 1) + 0 * expand(flatten(%s)) |> reshape(4, 3))\n"};
  enum { NETS = sizeof net / sizeof *net };
  for (int i = 0; i < NETS; i++) {
    Arena *a = arena_open(NULL);
    Page *page[2];
    for (int slow = 0; slow < 2; slow++) {
      const char *x = slow ? "x[[0, 1, 2, 3]]" : "x", *z = slow ? "before(x[[0, 1, 2, 3]])" : "before(x)";
      char text[1000];
      snprintf(text, sizeof text, net[i], x, i == 1 ? z : x);
      page[slow] = page_format(a, 256,
                               "data x[4, 3] in {0, 1} from npy(\"x\")\ndecoder p(x) autoregressive {\n%s}\n"
                               "block heads(h, last) {\n  n = size(h, 0)\n  q, k, v = split(3, dense(h, 18))\n"
                               "  seen = reshape(iota(n), 1, n) <= expand(last)\n"
                               "  softmax(if seen then q @ transpose(k) else -infinity) @ v\n}\n"
                               "metric drawn { v = draw p(x)   sum(flatten(v) * 2 ^ iota(12)) }\n",
                               text);
      page_test(page[slow]);
    }
    const Plan *fast = page[0]->plan, *slow = page[1]->plan;
    double flops[2] = {fast->program[fast->test].flops, slow->program[slow->test].flops};
    if (i != 1 && i != NETS - 1)  // the second has no products
      page_check(flops[0] * 2 < flops[1], "flops", net[i], flops[0], flops[1]);
    for (int e = 0; e < 256; e++)
      page_check(page_metric(page[0], "drawn")[e] == page_metric(page[1], "drawn")[e], "draw", net[i],
                 (double)page_metric(page[0], "drawn")[e], (double)page_metric(page[1], "drawn")[e]);
    arena_close(a);
  }
}

// ---- random graphs: the last place that each number hangs on, and the last that changes it

enum { ROWS = 2, PLACES = 6, SIZE = ROWS * PLACES, ROOM = 64, TRIES = 3 };

// Graphs whose numbers change whenever anything that they hang on does: no value is cut off or compared, and sums are
// of parts with weights of their own, which cannot cancel.
typedef struct {
  Arena *a;
  Graph *g;
  uint64_t state;
  Node *pool[ROOM];  // [ROWS, PLACES]
  int n;
} Maker;

static const Shape full = {2, {ROWS, PLACES}}, square = {2, {PLACES, PLACES}};

static Node *weight(Maker *m, Shape s) {
  int t = m->g->tensors++;
  if (t >= ROOM * 4) fail(m->a, EXIT_SOFTWARE, "too many weights");
  m->g->tensor[t] = (TensorInfo){
      .name = arena_format(m->a, "w%d", t), .kind = TENSOR_WEIGHT, .shape = s, .lo = -INFINITY, .hi = INFINITY};
  return node_weight(m->g, t);
}

static Node *weighed(Maker *m, Node *v) { return node_binary(m->g, OP_MUL, v, weight(m, v->shape)); }

static Node *any(Maker *m) { return m->pool[random_below(&m->state, m->n)]; }

// 0 and 1, known when it is made: rows before columns, a place, or a stretch.
static Node *mask(Maker *m, Shape s) {
  Node *row = node_iota(m->g, 0, s), *column = node_iota(m->g, 1, s);
  Node *at = node_const(m->g, random_below(&m->state, PLACES), s);
  switch (random_below(&m->state, 4)) {
    case 0: return node_binary(m->g, OP_LESS, row, column);
    case 1: return node_binary(m->g, OP_SUB, node_const(m->g, 1, s), node_binary(m->g, OP_LESS, column, row));
    case 2: return node_binary(m->g, OP_EQUAL, column, at);
    default: return node_binary(m->g, OP_LESS, column, at);
  }
}

static Node *row_of(Maker *m, Node *v, int64_t row) {
  return node_reshape(m->g, node_slice(m->g, v, (int64_t[]){row, 0}, shape_of(2, (int64_t[]){1, PLACES})),
                      shape_of(1, (int64_t[]){PLACES}));
}

// One row looks at another with a softmax in which a mask leaves nothing of some places, but more than one.
static Node *attended(Maker *m, Node *v) {
  Graph *g = m->g;
  Shape column = {2, {PLACES, 1}}, line = {2, {1, PLACES}};
  Node *score = node_binary(g, OP_MUL, node_broadcast(g, node_reshape(g, row_of(m, v, 0), column), square),
                            node_broadcast(g, node_reshape(g, weighed(m, row_of(m, v, 1)), line), square));
  Node *seen = node_binary(g, OP_LESS, node_iota(g, 1, square),
                           node_binary(g, OP_ADD, node_iota(g, 0, square), node_const(g, 2, square)));
  score = node_select(g, seen, score, node_const(g, -INFINITY, square));
  Node *top = node_broadcast(g, node_reshape(g, node_reduce(g, OP_MAXIMUM, score, 2), column), square);
  Node *e = node_unary(g, OP_EXP, node_binary(g, OP_SUB, score, top));
  Node *sum = node_broadcast(g, node_reshape(g, node_reduce(g, OP_SUM, e, 2), column), square);
  Node *values = node_binary(g, OP_MUL, node_binary(g, OP_DIV, e, sum),
                             node_broadcast(g, node_reshape(g, weighed(m, row_of(m, any(m), 0)), line), square));
  Node *out = node_reduce(g, OP_SUM, values, 2);
  return node_concat(g, 0, 2, (Node *[]){node_reshape(g, out, line), node_reshape(g, weighed(m, out), line)});
}

// Over the columns: what is carried is used before or after it has taken the turn's part.
static Node *looped(Maker *m, Node *v) {
  Graph *g = m->g;
  GraphLoop *l = loop_new(m->a, PLACES, random_below(&m->state, 2));
  Shape pair = {1, {ROWS}}, both = {2, {ROWS, ROWS}};
  Node *h = loop_input(l, OPERAND_CARRIED, weight(m, pair), "h");
  Node *x = loop_input(l, OPERAND_SLICED, node_permute(g, v, (int[]){1, 0}), "x");
  Node *w = loop_input(
      l, OPERAND_FIXED,
      random_below(&m->state, 2) ? weight(m, both) : node_binary(g, OP_MUL, weight(m, both), mask(m, both)), "w");
  Shape line = {2, {1, ROWS}};
  Node *next = node_reshape(l->body, node_matmul(l->body, node_reshape(l->body, h, line), w, false, false), pair);
  next = node_unary(l->body, OP_TANH, node_binary(l->body, OP_ADD, next, x));
  l->next[0] = next;
  int each = loop_stack(l, random_below(&m->state, 2) ? h : next);
  return node_permute(g, node_result(g, node_loop(g, l), each), (int[]){1, 0});
}

static Node *moved(Maker *m, Node *v) {
  Graph *g = m->g;
  int64_t by = 1 + random_below(&m->state, PLACES - 1);
  switch (random_below(&m->state, 5)) {
    case 0: v = node_pad(g, v, (int64_t[]){0, by}, (int64_t[]){0, 0}); return node_slice(g, v, (int64_t[]){0, 0}, full);
    case 1: return node_reshape(g, node_permute(g, v, (int[]){1, 0}), full);
    case 2: {
      Node *one = node_slice(g, v, (int64_t[]){0, by - 1}, shape_of(2, (int64_t[]){ROWS, 1}));
      return node_broadcast(g, one, full);
    }
    case 3: {
      Node *flat = node_reshape(g, v, shape_of(1, (int64_t[]){SIZE}));
      Node *turned = node_binary(g, OP_SUB, node_const(g, SIZE - 1, flat->shape), node_iota(g, 0, flat->shape));
      return node_reshape(
          g, random_below(&m->state, 2) ? node_gather(g, flat, turned) : node_scatter(g, flat, turned, SIZE), full);
    }
    default: {
      Node *top = node_slice(g, v, (int64_t[]){0, 0}, shape_of(2, (int64_t[]){1, PLACES}));
      Node *low = node_slice(g, any(m), (int64_t[]){1, 0}, shape_of(2, (int64_t[]){1, PLACES}));
      return node_concat(g, 0, 2, (Node *[]){low, top});
    }
  }
}

static Node *grown(Maker *m) {
  Graph *g = m->g;
  Node *v = any(m);
  switch (random_below(&m->state, 9)) {
    case 0: return node_binary(g, OP_ADD, weighed(m, v), weighed(m, any(m)));
    case 1:
      return node_binary(g, OP_MUL, node_binary(g, OP_ADD, v, weight(m, full)),
                         node_binary(g, OP_ADD, any(m), weight(m, full)));
    case 2: return node_binary(g, OP_ADD, node_binary(g, OP_MUL, v, mask(m, full)), weight(m, full));
    case 3: {
      Node *w = weight(m, square);
      return node_matmul(g, v, random_below(&m->state, 4) ? node_binary(g, OP_MUL, w, mask(m, square)) : w, false,
                         random_below(&m->state, 2));
    }
    case 4: return node_cumsum(g, weighed(m, v), 1, random_below(&m->state, 2));
    case 5: return attended(m, v);
    case 6: return looped(m, v);
    case 7: return node_select(g, mask(m, full), v, any(m));
    default: return moved(m, v);
  }
}

static Graph *random_net(Arena *a, uint64_t seed, Node **y) {
  Maker m = {.a = a, .g = graph_new(a), .state = seed, .n = 1};
  m.g->tensor = NEW_ARRAY(a, TensorInfo, ROOM * 4);
  m.g->input = NEW_ARRAY(a, InputInfo, 1);
  m.g->input[0] = (InputInfo){INPUT_COLUMN, 0, "x", full, -INFINITY, INFINITY, 0};
  m.g->inputs = 1;
  m.pool[0] = node_input(m.g, 0);
  for (int steps = 2 + random_below(&m.state, 8); steps; steps--) {
    Node *v = grown(&m);
    m.pool[m.n++] = random_below(&m.state, 2) ? node_unary(m.g, OP_TANH, v) : v;
  }
  *y = m.pool[m.n - 1];
  return m.g;
}

static double number(uint64_t *state) { return 0.3 + (double)(random_bits(state) >> 11) * 0x1p-53; }

static ReferenceInputs random_inputs(Arena *a, const Graph *g, uint64_t seed) {
  double **tensor = NEW_ARRAY(a, double *, g->tensors + 1), **input = NEW_ARRAY(a, double *, 1);
  for (int t = 0; t < g->tensors; t++) {
    tensor[t] = NEW_ARRAY(a, double, shape_count(g->tensor[t].shape));
    for (int64_t i = 0; i < shape_count(g->tensor[t].shape); i++) {
      tensor[t][i] = number(&seed);
      if (random_below(&seed, 2)) tensor[t][i] = -tensor[t][i];
    }
  }
  input[0] = NEW_ARRAY(a, double, SIZE);
  for (int i = 0; i < SIZE; i++) input[0][i] = number(&seed) - 0.8;
  return (ReferenceInputs){.tensor = (const double *const *)tensor, .input = (const double *const *)input};
}

// The last place by which each number of y changes.
static void find_changes(Arena *a, const Graph *g, const Node *y, uint64_t seed, int32_t *last) {
  for (int try = 0; try < TRIES; try++) {
    ReferenceInputs in = random_inputs(a, g, seed + (uint64_t)try);
    double *x = (double *)(uintptr_t)in.input[0];
    const double *before = reference_eval(a, g, &in, y);
    for (int j = 0; j < SIZE; j++) {
      double kept = x[j];
      x[j] += 0.4;
      const double *after = reference_eval(a, g, &in, y);
      for (int64_t i = 0; i < shape_count(y->shape); i++)
        if (after[i] != before[i] && last[i] < j) last[i] = j;
      x[j] = kept;
    }
  }
}

static void verdicts_are_the_jacobians(void **state) {
  (void)state;
  int nets = getenv("FULL") ? 10000 : 400, in_order = 0;
  int32_t place[SIZE];
  for (int i = 0; i < SIZE; i++) place[i] = i;
  for (int k = 0; k < nets; k++) {
    Arena *a = arena_open(NULL);
    Node *y;
    const Graph *g = random_net(a, (uint64_t)k, &y);
    if (y->op == OP_CONST) continue;
    int32_t last[SIZE];
    for (int i = 0; i < SIZE; i++) last[i] = -1;
    find_changes(a, g, y, (uint64_t)k << 8, last);
    const int32_t *latest = graph_latest(a, g, y, g->node[0], place);
    bool order = true;
    for (int i = 0; i < SIZE; i++) {
      page_check(latest[i] == last[i], "last place", arena_format(a, "number %d in net %d", i, k), latest[i], last[i]);
      order = order && latest[i] < i;
    }
    in_order += order;
    arena_close(a);
  }
  assert_in_range(in_order, nets / 50, nets);  // both verdicts are met
}

// Graphs of every operation: what changes a number comes no later than is said.
static void nothing_comes_later(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < (getenv("FULL") ? 2000 : 60); seed++) {
    Arena *a = arena_open(NULL);
    const GraphProgram *p = random_graph(a, seed);
    const Graph *g = p->graph;
    ReferenceInputs in = random_graph_inputs(a, g, seed);
    for (int id = 0; id < g->count; id++) {
      const Node *x = g->node[id];
      if (x->op != OP_INPUT || g->input[x->attr.id].kind != INPUT_COLUMN) continue;
      int n = (int)shape_count(x->shape);
      int32_t *place = NEW_ARRAY(a, int32_t, n);
      for (int i = 0; i < n; i++) place[i] = i;
      double *value = (double *)(uintptr_t)in.input[x->attr.id];
      const Node *y = p->output[0].value;
      const int32_t *latest = graph_latest(a, g, y, x, place);
      const double *before = reference_eval(a, g, &in, y);
      for (int j = n - 1; j >= 0; j -= 1 + n / 12) {
        double kept = value[j];
        value[j] = kept + 1;
        const double *after = reference_eval(a, g, &in, y);
        for (int64_t i = 0; i < shape_count(y->shape); i++)
          page_check(memcmp(&after[i], &before[i], sizeof *after) == 0 || latest[i] >= j, "last place",
                     arena_format(a, "number %lld, graph %d", (long long)i, (int)seed), latest[i], j);
        value[j] = kept;
      }
    }
    arena_close(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_values_add_up_to_one),   cmocka_unit_test(draws_follow_the_probabilities),
      cmocka_unit_test(what_is_seen_first),         cmocka_unit_test(rows_are_carried_on),
      cmocka_unit_test(verdicts_are_the_jacobians), cmocka_unit_test(nothing_comes_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
