// Games that are found in a model, whatever their networks and losses are; and what figures of them mean.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_page.h"
#include "train/health.h"

static const char nets[] =
    "model t\ndata x[3] from npy(\"\")\nprior z[2] ~ normal(0, 1)\n"
    "generator maker(x | z) { x = z |> dense(4) |> tanh |> dense(3) }\n"
    "net critic(s | x) { s = x |> dense(4) |> tanh |> dense(1) |> sum }\n"
    "discriminator judge(real | x) { real ~ bernoulli(logits: x |> dense(4) |> tanh |> dense(1)) }\n"
    "discriminator told(real, f | x) { h = x |> dense(4) |> tanh   real ~ bernoulli(dense(h, 1) |> sigmoid)   f ~ "
    "normal(dense(h, 2), 1) }\n"
    "discriminator crowd(real | x) { real ~ bernoulli(logits: x - batch_mean(x) |> dense(1)) }\n";

typedef struct {
  const char *text;          // two objectives a and b, whose lines move the judge and the maker
  const char *goal, *judge;  // NULL: no game
  bool above;                // what the judge takes for real has the larger score
} Case;

static const Case cases[] = {
    {"objective a { z ~ prior(z) maximize log judge(1 | x) + log judge(0 | maker(z)) } objective b { z ~ prior(z) "
     "maximize log judge(1 | maker(z)) }",
     "maximize", "judge", true},
    {"objective a { z ~ prior(z) maximize log judge(0 | x) + log judge(1 | maker(z)) } objective b { z ~ prior(z) "
     "maximize log judge(0 | maker(z)) }",
     "maximize", "judge", false},
    {"objective a { z ~ prior(z) minimize critic(x) - critic(maker(z)) } objective b { z ~ prior(z) minimize "
     "critic(maker(z)) }",
     "minimize", "critic", false},
    {"objective a { z ~ prior(z) minimize relu(1 - critic(x)) + relu(1 + critic(maker(z))) } objective b { z ~ "
     "prior(z) minimize -critic(maker(z)) }",
     "minimize", "critic", true},
    {"objective a { z ~ prior(z) minimize square(critic(x) - 1) + square(critic(maker(z))) } objective b { z ~ "
     "prior(z) minimize square(critic(maker(z)) - 1) }",
     "minimize", "critic", true},
    {"objective a { z ~ prior(z) maximize log told(real: 1 | x) + log told(real: 0 | maker(z)) } objective b { z ~ "
     "prior(z) maximize log told(real: 1 | maker(z)) }",
     "maximize", "told", true},
    // both larger; nothing made; where examples meet
    {"objective a { z ~ prior(z) maximize log judge(1 | x) + log judge(1 | maker(z)) } objective b { z ~ prior(z) "
     "maximize log judge(1 | maker(z)) }",
     "maximize", NULL, false},
    {"objective a { maximize log judge(1 | x) + log judge(0 | 2 * x) } objective b { z ~ prior(z) maximize "
     "-sum(square(maker(z))) }",
     "maximize", NULL, false},
    {"objective a { z ~ prior(z) maximize log crowd(1 | x) + log crowd(0 | maker(z)) } objective b { z ~ prior(z) "
     "maximize log crowd(1 | maker(z)) }",
     "maximize", NULL, false},
};

static const char *mover(const Case *c) { return c->judge ? c->judge : strstr(c->text, "crowd") ? "crowd" : "judge"; }

// The scores of the held-out program are those of the network, turned to be larger for what is taken for real.
static void check_scores(Page *page, const PlanHealth *h, const Case *c) {
  page_run(page, h->held_out, PURPOSE_TEST);
  page_test(page);
  double own = (double)*page_metric(page, "own");
  page_run(page, h->held_out, PURPOSE_TEST);
  double score = (double)*page_output(page, h->held_out, "of real");
  page_near("score", c->text, score, c->above ? own : -own, 1e-5);
}

static void games(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const Case *c = &cases[i];
    Arena *a = arena_open(NULL);
    const char *own = !c->judge                     ? "x"
                      : !strcmp(c->judge, "critic") ? "critic(x)"
                                                    : "log(mean judge(real | x)) - log(1 - mean judge(real | x))";
    if (c->judge && !strcmp(c->judge, "told")) own = "log(mean told(real | x)) - log(1 - mean told(real | x))";
    Page *page = page_format(a, 4,
                             "%s%s metric own = sum(%s)\ntrain { %s a over %s with sgd(0.1) %s b over maker with "
                             "sgd(0.1) batch 4, epochs 1 }\n",
                             nets, c->text, own, c->goal, mover(c), c->goal);
    page_fill(page, "x", 0.7);
    page_check(page->plan->healths == (c->judge != NULL), "games", c->text, page->plan->healths, c->judge != NULL);
    if (c->judge) {
      const PlanHealth *h = page->plan->health;
      assert_string_equal(h->judge, c->judge);
      assert_string_equal(h->maker, "maker");
      for (int k = 0; k < AILMENTS; k++) assert_non_null(h->remedy[k]);
      assert_int_equal(page->plan->program[h->figures].output[0].count, HEALTH_FIGURES);
      check_scores(page, h, c);
    }
    arena_close(a);
  }
}

// A maker that both lines move is no opponent.
static void together(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, 4,
                           "%s%s train { maximize a over judge, maker with sgd(0.1) maximize b over maker, judge with "
                           "sgd(0.1) batch 4, epochs 1 }\n",
                           nets, cases[0].text);
  assert_int_equal(page->plan->healths, 0);
  arena_close(a);
}

// So many moments, each as the one before but for `step`.
static HealthPast past_of(int moments, const double *first, const double *step) {
  HealthPast past = {.moments = moments, .looked_at = 1};
  for (int k = 0; k < moments; k++)
    for (int i = 0; i < HEALTH_FIGURES; i++) past.figure[k][i] = first[i] + k * step[i];
  return past;
}

static void meanings(void **state) {
  (void)state;
  static const struct {
    double figure[HEALTH_FIGURES];  // ranked, told apart, reached, spread, copied, of held-out data
    Ailment want;
  } rows[] = {
      {{0.60, 0.75, 0.30, 1.00, 0.10, 0.10}, AILMENTS},         {{0.95, 0.90, 0.40, 1.00, 0.10, 0.10}, AILMENTS},
      {{0.95, 0.92, 0.10, 0.06, 0.10, 0.10}, AILMENT_STRONG},   {{0.95, 0.92, 0.10, 0.80, 0.10, 0.10}, AILMENT_STRONG},
      {{0.40, 0.99, 0.01, 0.10, 0.10, 0.10}, AILMENT_COLLAPSE}, {{0.40, 1.00, 0.00, 1.50, 0.00, 0.10}, AILMENT_WEAK},
      {{0.55, 0.70, 0.40, 1.00, 0.70, 0.10}, AILMENT_COPIES},   {{0.55, 0.70, 0.40, 1.00, 0.30, 0.28}, AILMENTS},
      {{0.66, 1.00, 0.01, 0.28, 0.00, 0.00}, AILMENT_WEAK},     {{0.50, 1.00, 0.05, 0.38, 0.00, 0.00}, AILMENT_SILENT},
  };
  static const double still[HEALTH_FIGURES];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    HealthPast past = past_of(HEALTH_WINDOW, rows[i].figure, still), fewer = past_of(7, rows[i].figure, still);
    assert_int_equal(health_judge(&past, AILMENTS), rows[i].want);
    assert_int_equal(health_judge(&fewer, AILMENTS), AILMENTS);
  }
}

// Samples that all lie together, here and there in turns, are a maker's fault.
static void wandering(void **state) {
  (void)state;
  static const double narrow[] = {0.45, 0.99, 0.01, 0.28, 0, 0}, still[HEALTH_FIGURES];
  HealthPast past = past_of(HEALTH_WINDOW, narrow, still);
  assert_int_equal(health_judge(&past, AILMENTS), AILMENT_WEAK);
  for (int k = 0; k < HEALTH_WINDOW; k++) past.figure[k][HEALTH_SPREAD] = k % 2 ? 0.4 : 0.16;
  assert_int_equal(health_judge(&past, AILMENTS), AILMENT_COLLAPSE);
}

// What gets better is left alone, but for what was said of it before.
static void rising(void **state) {
  (void)state;
  static const double first[] = {0.95, 1, 0.05, 0.3, 0, 0}, spread[] = {0, 0, 0, 0.01, 0, 0},
                      reached[] = {0, 0, 0.01, 0, 0, 0}, fall[] = {0, 0, 0, -0.01, 0, 0};
  HealthPast up = past_of(HEALTH_WINDOW, first, spread), on = past_of(HEALTH_WINDOW, first, reached),
             down = past_of(HEALTH_WINDOW, first, fall);
  assert_int_equal(health_judge(&up, AILMENTS), AILMENTS);
  assert_int_equal(health_judge(&on, AILMENTS), AILMENTS);
  assert_int_equal(health_judge(&up, AILMENT_STRONG), AILMENT_STRONG);
  assert_int_equal(health_judge(&down, AILMENTS), AILMENT_STRONG);
  static const double slowly[] = {0, 0, 0, 0.002, 0, 0};
  HealthPast slow = past_of(HEALTH_HISTORY, first, slowly), less = past_of(HEALTH_HISTORY - 1, first, slowly);
  assert_int_equal(health_judge(&slow, AILMENTS), AILMENTS);
  assert_int_equal(health_judge(&less, AILMENTS), AILMENT_STRONG);  // in eight moments alone it is hardly seen
}

// What a moment alone tells is not said; what was told stays so until it is over, or something else is sure.
static void sureness(void **state) {
  (void)state;
  static const struct {
    Ailment seen, said;
  } moments[] = {{AILMENT_STRONG, AILMENTS},
                 {AILMENTS, AILMENTS},
                 {AILMENT_STRONG, AILMENTS},
                 {AILMENT_WEAK, AILMENTS},
                 {AILMENT_STRONG, AILMENTS},
                 {AILMENT_STRONG, AILMENT_STRONG},
                 {AILMENT_COLLAPSE, AILMENT_STRONG},
                 {AILMENT_STRONG, AILMENT_STRONG},
                 {AILMENT_COLLAPSE, AILMENT_STRONG},
                 {AILMENT_COLLAPSE, AILMENT_COLLAPSE},
                 {AILMENTS, AILMENTS}};
  HealthPast past = {.seen = AILMENTS};
  Ailment told = AILMENTS;
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    told = health_sure(&past, moments[i].seen, told);
    assert_int_equal(told, moments[i].said);
  }
}

// Of 60000 training examples a thirtieth is looked at: a maker that copies shows it in as many of its samples.
static void parts_of_data(void **state) {
  (void)state;
  static const double copies[] = {0.5, 0.7, 0.4, 1, 0.034, 0}, still[HEALTH_FIGURES];
  HealthPast past = past_of(HEALTH_WINDOW, copies, still);
  assert_int_equal(health_judge(&past, AILMENTS), AILMENTS);
  past.looked_at = 2048 / 60000.0;
  assert_int_equal(health_judge(&past, AILMENTS), AILMENT_COPIES);
  for (int k = 0; k < HEALTH_WINDOW; k++) past.figure[k][HEALTH_KNOWN] = 0.02;  // as many are alike by chance
  assert_int_equal(health_judge(&past, AILMENTS), AILMENTS);
}

// A game that goes round: data first, then samples, three times over.
static void round_and_round(void **state) {
  (void)state;
  static const double near[] = {0.5, 0.8, 0.2, 1, 0, 0}, still[HEALTH_FIGURES];
  HealthPast past = past_of(HEALTH_HISTORY, near, still);
  for (int k = 0; k < HEALTH_HISTORY; k++) past.figure[k][HEALTH_RANKED] = k / 3 % 2 ? 0.9 : 0.1;
  assert_int_equal(health_judge(&past, AILMENTS), AILMENT_SWINGS);
  for (int k = 0; k < HEALTH_HISTORY; k++) past.figure[k][HEALTH_RANKED] = k / 5 % 2 ? 0.9 : 0.1;
  assert_int_equal(health_judge(&past, AILMENTS), AILMENTS);  // twice: it may end
  for (int k = 0; k < HEALTH_HISTORY; k++) past.figure[k][HEALTH_RANKED] = k / 3 % 2 ? 0.68 : 0.32;
  assert_int_equal(health_judge(&past, AILMENTS), AILMENTS);
}

static void overfits(void **state) {
  (void)state;
  assert_true(health_parts(-7.2, 0.2, -6.9, -8.4, -5.7));   // six errors worse, and better where it is trained
  assert_false(health_parts(-7.2, 0.5, -6.9, -8.4, -5.7));  // chance
  assert_false(health_parts(-7.2, 0.2, -6.9, -8.4, -7.0));  // worse on both
  assert_false(health_parts(-7.2, 0.2, -6.9, -8.4, -6.8));  // no better than by chance where it is trained
  assert_false(health_parts(-7.2, 0.2, -6.9, -7.1, -5.7));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(games),           cmocka_unit_test(together),  cmocka_unit_test(meanings),
      cmocka_unit_test(rising),          cmocka_unit_test(sureness),  cmocka_unit_test(parts_of_data),
      cmocka_unit_test(round_and_round), cmocka_unit_test(wandering), cmocka_unit_test(overfits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
