// What optimisers and averages keep beside the weights, and who shares it: against the recursions in double precision.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"

// A round of the page: all its turns.
static void take_round(Page *page) {
  for (int i = 0; i < page->plan->turns; i++) {
    page->run.turn = (uint32_t)page->plan->turn[i].turn;
    page_run(page, page->plan->turn[i].program, PURPOSE_TRAIN);
  }
}

typedef struct {
  double value, m, v;
  int updates;
} Moved;

// Kingma and Ba 2015, with a rate of 0.1.
static void adam(Moved *w, double gradient) {
  w->updates++;
  w->m = 0.9 * w->m + 0.1 * gradient;
  w->v = 0.999 * w->v + 0.001 * gradient * gradient;
  w->value -= 0.1 * w->m / (1 - pow(0.9, w->updates)) / (sqrt(w->v / (1 - pow(0.999, w->updates))) + 1e-8);
}

// Two lines move w by one Adam, and the first of them v besides: w's moments see both gradients and its count rises
// by two a round, v's by one. The second line may be repeated, and the lines be programs of their own.
static void lines_share_an_optimiser(void **state) {
  (void)state;
  static const char *const train[] = {
      "let d = adam(0.1)  train { minimize a over w, v with d  minimize b over w with d  batch 1 }",
      "let d = same, same = adam(0.1)  train { minimize a over w, v with d  minimize b over w with same  batch 1 }",
      "function mine(r) = adam(r)  let d = mine(0.1)\n"
      "train { minimize a over w, v with d  minimize b over w with if 1 < 2 then d else sgd(1)  batch 1 }",
      "let d = adam(0.1)  train { minimize a over w, v with d  repeat 1 { minimize b over w with d }  batch 1 }",
      "let d = adam(0.1)  train { minimize a over w, v with d  repeat 3 { minimize b over w with d }  batch 1 }"};
  for (int k = 0; k < 5; k++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(a, 0,
                             "model share  parameter w = 1, v = 1\n"
                             "objective a { minimize square(w - 3) + square(v) }\n"
                             "objective b { minimize 4 * square(w + 1) }\n%s\n",
                             train[k]);
    Moved w = {.value = 1}, v = {.value = 1};
    for (int round = 1; round <= 20; round++) {
      take_round(page);
      double slope = 2 * v.value;
      adam(&w, 2 * (w.value - 3));
      adam(&v, slope);
      for (int i = 0; i < (k == 4 ? 3 : 1); i++) adam(&w, 8 * (w.value + 1));
      page_near("w", train[k], (double)*page_tensor(page, "w"), w.value, 2e-6);
      page_near("v", train[k], (double)*page_tensor(page, "v"), v.value, 2e-6);
      const char *counts[] = {k == 1 ? "same/w/update.count" : "d/w/update.count",
                              k == 1 ? "same/v/update.count" : "d/v/update.count"};
      page_near("the count of w", train[k], (double)*page_tensor(page, counts[0]), w.updates, 0);
      page_near("the count of v", train[k], (double)*page_tensor(page, counts[1]), v.updates, 0);
    }
    arena_close(a);
  }
}

// Without a name, and with a name of its own, a line keeps its own.
static void lines_keep_their_own(void **state) {
  (void)state;
  static const char *const with[][2] = {{"adam(0.1)", "adam(0.1)"}, {"d", "adam(0.1)"}, {"d", "f"}};
  for (int k = 0; k < 3; k++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(a, 0,
                             "model own  parameter w = 1\n"
                             "objective a { minimize square(w - 3) }  objective b { minimize 4 * square(w + 1) }\n"
                             "let d = adam(0.1), f = adam(0.1)\n"
                             "train { minimize a over w with %s  minimize b over w with %s  batch 1 }\n",
                             with[k][0], with[k][1]);
    Moved first = {.value = 1}, second = {0};
    for (int round = 1; round <= 20; round++) {
      page->updates = round;
      take_round(page);
      adam(&first, 2 * (first.value - 3));
      second.value = first.value;
      adam(&second, 8 * (second.value + 1));
      first.value = second.value;
      page_near("w", with[k][0], (double)*page_tensor(page, "w"), first.value, 2e-6);
    }
    arena_close(a);
  }
}

// What is kept may begin with the weight's own start, whatever that is: Zhang et al. 2019, with a look ahead of one.
static void a_state_begins_as_the_weight(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model slow  parameter w[2] = [1, 2], u on positive = 3\n"
                         "optimizer ahead(lr) { state slow = 2 * value   value <- value - lr * gradient\n"
                         "  slow <- 0.5 * slow + 0.5 * value   value <- slow }\n"
                         "objective o { minimize sum(w) + 0 * u }\n"
                         "train { minimize o over w with ahead(0.5)  batch 1 }\n",
                         0);
  double value[2] = {1, 2}, slow[2] = {2, 4};
  for (int round = 0; round < 5; round++) {
    take_round(page);
    for (int i = 0; i < 2; i++) {
      value[i] = slow[i] = 0.5 * slow[i] + 0.5 * (value[i] - 0.5);
      page_near("w", "ahead", (double)page_tensor(page, "w")[i], value[i], 1e-6);
    }
  }
  arena_close(a);
}

// Along a slope that is the same everywhere descent goes from 1 in steps of 0.5, and its average with weight d for what
// was is 1 - 0.5 (n - d (1 - d^n) / (1 - d)) after n of them. Training goes on with the weights themselves, and what is
// measured reads the averages: of a network, of a parameter, and of one that has none the weight.
static void an_average_follows(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page =
      page_open(a,
                "model ema  data x from npy(\"\")  parameter w = 1, u[2] = [1, 2], v = 1\n"
                "net f(y | x) { weight W = 1   y = W + 0 * x }\n"
                "objective o { minimize w + sum(u) + v + f(x) }\n"
                "metric of_w = w + 0 * x  metric of_u = u[1] + 0 * x  metric of_f = f(x)  metric of_v = v + 0 * x\n"
                "average unbiased(d) { state sum = 0   sum <- d * sum + (1 - d) * value\n"
                "  shadow <- sum / (1 - d ^ update) }\n"
                "train { minimize o over w, u, v, f with sgd(0.5)\n"
                "  average ema(w, f, 0.75)  average unbiased(u, d: 0.5)  batch 2 }\n",
                0);
  double average = 1, sum = 0;
  for (int n = 1; n <= 12; n++) {
    take_round(page);
    page_test(page);
    double way = n - 0.75 * (1 - pow(0.75, n)) / 0.25, weight = 1 - 0.5 * n;
    average = 0.75 * average + 0.25 * weight;
    sum = 0.5 * sum + 0.5 * (2 - 0.5 * n);
    page_near("the recursion", "ema", 1 - 0.5 * way, average, 1e-12);
    page_near("of w", "ema", (double)*page_metric(page, "of_w"), average, 1e-6);
    page_near("of f", "ema", (double)*page_metric(page, "of_f"), average, 1e-6);
    page_near("of u", "unbiased", (double)*page_metric(page, "of_u"), sum / (1 - pow(0.5, n)), 1e-6);
    page_near("of v", "no average", (double)*page_metric(page, "of_v"), weight, 1e-6);
    page_near("w", "ema", (double)*page_tensor(page, "w"), weight, 1e-6);
    page_near("ema/w", "ema", (double)*page_tensor(page, "ema/w"), average, 1e-6);
    page_near("the objective", "ema", (double)*page_metric(page, "o"),
              average + 2 * sum / (1 - pow(0.5, n)) - 1 + weight + average, 1e-6);
  }
  arena_close(a);
}

// A state of a shape of its own: the first two moves, and how many there were, of a weight of three numbers.
static void a_state_has_the_shape_written(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model shaped  data x from npy(\"\")  parameter w[3] = [1, 2, 3]\n"
                         "optimizer o(r, n: 2) { state m[n] = 0, moves[1] = 10\n"
                         "  m <- m + gradient[0 .. n]   moves <- moves + 1   value <- value - r * gradient }\n"
                         "average av(n: 2) { state m[n, 2] = 1   m <- 2 * m   shadow <- value + sum(m) }\n"
                         "objective f { minimize sum(square(w)) / 2 }\n"
                         "metric of_w = w[0] + 0 * x\n"
                         "train { minimize f over w with o(0.5)  average av(w)  batch 2 }\n",
                         0);
  double value[3] = {1, 2, 3}, m[2] = {0};
  for (int round = 1; round <= 5; round++) {
    take_round(page);
    for (int i = 0; i < 3; i++) {
      if (i < 2) m[i] += value[i];
      value[i] *= 0.5;
      page_near("w", "o", (double)page_tensor(page, "w")[i], value[i], 1e-6);
    }
    for (int i = 0; i < 2; i++) page_near("m", "o", (double)page_tensor(page, "line_1/w/m")[i], m[i], 1e-6);
    page_near("moves", "o", (double)page_tensor(page, "line_1/w/moves")[0], 10 + round, 0);
    page_test(page);
    page_near("the average", "av", (double)*page_metric(page, "of_w"), value[0] + 4 * pow(2, round), 1e-5);
  }
  arena_close(a);
}

// The lines of one program, by descent in steps of 0.1 from w = v = 1: (2 w - 4)^2 moves w to 1.8, (v - 2 w)^2 then v to
// 1 + 0.2 * 2.6, and (2 w + 4)^2 w on to 1.8 - 0.4 * 7.6. However 2 w is written, it is that of the w there is.
static void a_line_sees_what_the_last_one_moved(void **state) {
  (void)state;
  static const char *const twice[] = {
      "function t() = 2 * w",
      "let t = 2 * w",
      "let t = half * 4, half = w / 2",
      "let t = f(x)",
      "let t = f(one), one = 1 + 0 * x",
      "objective t { maximize 2 * w + 0 * x }",
      "let t = o  objective o { maximize 2 * w + 0 * x }",
      "let t = fold(i in 0 .. 2, s = 0) { s <- s + w   s }",
      "let t = mean(k ~ bernoulli(0.5)) { 4 * k * w }"};
  for (size_t k = 0; k < sizeof twice / sizeof *twice; k++) {
    Arena *a = arena_open(NULL);
    const char *t = k ? "t" : "t()";
    bool net = strstr(twice[k], "f(") != NULL;
    Page *page = page_format(a, 0,
                             "model lines  data x from npy(\"\")  parameter v = 1%s\n"
                             "%s\n%s\n"
                             "objective a { minimize square(%s - 4) }  objective b { minimize square(v - %s) }\n"
                             "objective c { minimize square(%s + 4) }\n"
                             "train { minimize a over %s with sgd(0.1)  minimize b over v with sgd(0.1)\n"
                             "  minimize c over %s with sgd(0.1)  batch 2 }\n",
                             net ? "" : ", w = 1", net ? "net f(y | x) { weight W = 1   y = 2 * W + 0 * x }" : "",
                             twice[k], t, t, t, net ? "f" : "w", net ? "f" : "w");
    take_round(page);
    page_near("v", twice[k], (double)*page_tensor(page, "v"), 1.52, 1e-6);
    page_near("w", twice[k], (double)*page_tensor(page, net ? "f/W" : "w"), -1.24, 1e-6);
    arena_close(a);
  }
}

// What a let draws is drawn anew from what was moved, by the same random numbers.
static void a_draw_of_a_let_follows_its_weights(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model drawn  parameter w = 1\n"
                         "let z = draw normal(w, 1)\n"
                         "objective a { minimize z }  objective b { minimize z }\n"
                         "train { minimize a over w with sgd(0.5)  minimize b over w with sgd(0.5)  batch 1 }\n",
                         0);
  take_round(page);
  int program = page->plan->turn[0].program;
  double before = (double)*page_output(page, program, "a"), after = (double)*page_output(page, program, "b");
  page_near("z", "after a step of 0.5", after, before - 0.5, 1e-6);
  page_near("w", "after two", (double)*page_tensor(page, "w"), 0, 1e-6);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_share_an_optimiser),
      cmocka_unit_test(lines_keep_their_own),
      cmocka_unit_test(a_state_begins_as_the_weight),
      cmocka_unit_test(an_average_follows),
      cmocka_unit_test(a_state_has_the_shape_written),
      cmocka_unit_test(a_line_sees_what_the_last_one_moved),
      cmocka_unit_test(a_draw_of_a_let_follows_its_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
