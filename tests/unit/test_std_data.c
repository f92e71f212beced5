// The generated sources of data, and stages: where their points lie, that they are fixed for an example, and what is
// drawn afresh.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "std_numbers.h"
#include "std_page.h"

enum { MANY = 20000 };
static const double PI = 3.14159265358979323846;

static double square(double x) { return x * x; }

// ---- where points lie: how far each is from the shape that the source describes

static double from_pinwheel(double x, double y) {  // arms: the angle is 2 pi k / 5 + exp(r) / 4, but for some noise
  double r = sqrt(x * x + y * y), turn = (atan2(y, x) - 0.25 * exp(r)) / (2 * PI / 5);
  return r * fabs(turn - round(turn)) * 2 * PI / 5;
}

static double from_moons(double x, double y) {
  double left = y + 0.25 >= -0.5 ? fabs(sqrt(square(x + 0.5) + square(y + 0.25)) - 1) : INFINITY;
  return fmin(left, fabs(sqrt(square(x - 0.5) + square(y - 0.25)) - 1));
}

static double from_rings(double x, double y) {
  double r = sqrt(x * x + y * y);
  return fmin(fabs(r - 1), fabs(r - 2));
}

static double from_eight(double x, double y) {
  double nearest = INFINITY;
  for (int k = 0; k < 8; k++)
    nearest = fmin(nearest, sqrt(square(x - 2 * cos(k * PI / 4)) + square(y - 2 * sin(k * PI / 4))));
  return nearest;
}

static double from_grid(double x, double y) {
  return sqrt(square(x - fmin(fmax(round(x), -2), 2)) + square(y - fmin(fmax(round(y), -2), 2)));
}

static double from_wide_grid(double x, double y) { return 2 * from_grid(x / 2, y / 2); }

static double from_checkerboard(double x, double y) {
  bool dark = ((int)(floor(x) + floor(y)) & 1) == 0;
  return fabs(x) <= 2 && fabs(y) <= 2 && dark ? 0 : 1;
}

static double from_swissroll(double x, double y) {
  double nearest = INFINITY;
  for (double t = 1.5 * PI; t <= 4.5 * PI; t += 0.01)
    nearest = fmin(nearest, sqrt(square(x - t * cos(t) / 7) + square(y - t * sin(t) / 7)));
  return nearest;
}

// Means and deviations follow from the formulas; the noise is at most `noise` in each direction.
static const struct {
  const char *name;
  double (*distance)(double x, double y);
  double noise, mean_x, mean_y, deviation_x, deviation_y;  // deviation 0: not known in closed form
} sources[] = {
    {"toy.pinwheel", from_pinwheel, 0.07, 0, 0, 0.7391, 0.7391},  // sqrt((1 + 0.3^2 + noise) / 2)
    {"toy.moons", from_moons, 0.1, 0, 0, 0.8718, 0.5042},         // sqrt(3/4 + noise), sqrt(9/16 - 1/pi + noise)
    {"toy.rings", from_rings, 0.05, 0, 0, 1.1187, 1.1187},        // sqrt((1 + 4) / 2 / 2 + noise)
    {"toy.eight", from_eight, 0.15, 0, 0, 1.4177, 1.4177},        // sqrt(2^2 / 2 + noise)
    {"toy.grid", from_grid, 0.08, 0, 0, 1.4151, 1.4151},          // sqrt((5^2 - 1) / 12 + noise)
    {"toy.grid(spacing: 2)", from_wide_grid, 0.08, 0, 0, 2.8289, 2.8289},
    {"toy.checkerboard", from_checkerboard, 0, 0, 0, 1.1547, 1.1547},  // 4 / sqrt(12)
    {"toy.swissroll", from_swissroll, 0.05, 0, 0, 0, 0},
};

static void check_source(Page *page, int i) {
  const char *name = sources[i].name;
  const float *x = page_metric(page, "x0"), *y = page_metric(page, "x1");
  double far = 0, mean[2] = {0}, deviation[2] = {0};
  for (int k = 0; k < MANY; k++) {
    assert_true(isfinite(x[k]) && isfinite(y[k]));
    far += square(sources[i].distance((double)x[k], (double)y[k])) / MANY;
    mean[0] += (double)x[k] / MANY, mean[1] += (double)y[k] / MANY;
    deviation[0] += square((double)x[k]) / MANY, deviation[1] += square((double)y[k]) / MANY;
  }
  page_check(sqrt(far) <= 1.02 * sources[i].noise, "distance from the shape", name, sqrt(far), sources[i].noise);
  page_check(sources[i].noise == 0 || sqrt(far) > 0.5 * sources[i].noise, "noise", name, sqrt(far), sources[i].noise);
  for (int k = 0; k < 2; k++) {
    double about = sqrt(deviation[k] - mean[k] * mean[k]), want = k ? sources[i].deviation_y : sources[i].deviation_x;
    double centre = k ? sources[i].mean_y : sources[i].mean_x;
    if (want > 0) page_near("deviation", name, about, want, 0.01);
    if (want > 0) page_check(fabs(mean[k] - centre) < 4 * about / sqrt(MANY), "mean", name, mean[k], centre);
  }
}

// An example is the same at every step, in whatever batch, and in shows; the two splits and another seed differ.
static void check_fixed(Page *page, const char *name) {
  size_t size = MANY * sizeof(float);
  float *first = NEW_ARRAY(page->arena, float, MANY);
  page_test(page);
  memcpy(first, page_metric(page, "x0"), size);
  page->run.step = 7, page->run.turn = 3, page->run.first_position = 100, page->epoch = 2;
  page_test(page);
  assert_memory_equal(first, page_metric(page, "x0"), size);
  for (int k = 0; k < MANY; k++) page->example[k] = (k * 7 + 5) % MANY;
  page_test(page);
  for (int k = 0; k < MANY; k++) assert_true(page_metric(page, "x0")[k] == first[page->example[k]]);
  for (int k = 0; k < MANY; k++) page->example[k] = k;
  page_run(page, page->plan->show[0].program, PURPOSE_SHOW);
  const PlanOutput *shown = &page->plan->program[page->plan->show[0].program].output[0];
  for (int k = 0; k < 2000; k++) assert_true(page->run.memory[shown->at + shown->count * k] == first[k]);
  int same[2] = {0};
  for (int way = 0; way < 2; way++) {
    if (way == 0)
      page_train(page);
    else
      page->run.seed++, page_test(page);
    const float *other = way ? page_metric(page, "x0") : page_output(page, page->plan->turn[0].program, "o");
    for (int k = 0; k < MANY; k++) same[way] += other[k] == first[k];
  }
  page_check(same[0] < 20, "the same in both splits", name, same[0], 0);
  page_check(same[1] < 20, "the same with another seed", name, same[1], 0);
}

static void points_of_the_plane(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    Arena *a = arena_open(NULL);
    Page *page = page_format(a, MANY,
                             "model p  data x[2] from %s  metric x0 = x[0]  metric x1 = x[1]  parameter w = 1\n"
                             "objective o { minimize w * x[0] }  train { minimize o over w with sgd(0) }\n"
                             "show s { plot x }\n",
                             sources[i].name);
    page_test(page);
    check_source(page, (int)i);
    check_fixed(page, sources[i].name);
    arena_close(a);
  }
}

static void points_of_the_line(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model l  data x from toy.line  metric x0 = x  parameter w = 1\n"
                         "objective o { minimize w * x }  train { minimize o over w with sgd(0) }  show s { plot x }\n",
                         MANY);
  page_test(page);
  Grid g = grid_new(a, LINE, 0, 1, MANY);
  float *density = NEW_ARRAY(a, float, MANY), *x = NEW_ARRAY(a, float, MANY);
  for (int i = 0; i < MANY; i++) {
    double left = exp(-square((double)g.x[i] + 1) / 0.32) / 0.4, right = exp(-square((double)g.x[i] - 1) / 0.5) / 0.5;
    density[i] = (float)log((left / 3 + right * 2 / 3) / sqrt(2 * PI));
  }
  memcpy(x, page_metric(page, "x0"), MANY * sizeof *x);
  double ks = ks_statistic(g, density, x, MANY) * sqrt(MANY);
  page_check(ks < 1.95, "Kolmogorov-Smirnov", "toy.line", ks, 1.95);  // exceeded by one in 1000
  check_fixed(page, "toy.line");
  arena_close(a);
}

// Sources take arguments.
static void more_arms(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_open(a,
                         "model p  data x[2] from toy.eight(examples: 500, radius: 5, noise: 0.01)\n"
                         "metric far = norm(x)\n",
                         500);
  assert_int_equal(page->plan->data.generated_train, 500);
  page_test(page);
  for (int i = 0; i < 500; i++) page_near("radius", "toy.eight", (double)page_metric(page, "far")[i], 5, 0.01);
  arena_close(a);
}

// ---- black or white by chance

static void check_binarize(bool fresh) {
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, MANY,
                           "model b  data x[2] in {0, 1} from idx(\"none\") |> binarize(fresh: %s)\n"
                           "metric x0 = x[0]  metric x1 = x[1]  parameter w = 1\n"
                           "objective o { minimize w * x[0] }  train { minimize o over w with sgd(0) }\n",
                           fresh ? "true" : "false");
  static const double grey[] = {0, 0.1, 0.5, 0.9, 1};
  int changed = 0, crossed = 0;
  float *first = NEW_ARRAY(a, float, MANY);
  for (int i = 0; i < 2 * MANY; i++) page_column(page, "x")[i] = (float)grey[i / 2 % 5];
  page_train(page);
  int program = page->plan->turn[0].program;
  memcpy(first, page_output(page, program, "o"), MANY * sizeof *first);
  page->run.step = 1;
  page_train(page);
  for (int i = 0; i < MANY; i++) changed += page_output(page, program, "o")[i] != first[i];
  page_test(page);
  double white[5] = {0}, both[5] = {0};
  for (int i = 0; i < MANY; i++) {
    double x0 = (double)page_metric(page, "x0")[i], x1 = (double)page_metric(page, "x1")[i];
    assert_true((x0 == 0 || x0 == 1) && (x1 == 0 || x1 == 1));
    white[i % 5] += (x0 + x1) / 2;
    both[i % 5] += x0 * x1;
    crossed += x0 != (double)first[i];
  }
  const char *name = fresh ? "binarize afresh" : "binarize once";
  for (int k = 0; k < 5; k++) {
    double n = MANY / 5.0, p = grey[k];
    page_check(fabs(white[k] / n - p) <= 4 * sqrt(p * (1 - p) / (2 * n)), "share of white", name, white[k] / n, p);
    page_check(fabs(both[k] / n - p * p) <= 4 * p * sqrt((1 - p * p) / n), "pixels alike", name, both[k] / n, p * p);
  }
  double differ = MANY / 5.0 * (0.5 + 4 * 0.09);  // 2 p (1 - p), summed over the levels
  page_check(fresh ? fabs(changed - differ) < 4 * sqrt(differ) : changed == 0, "changed at another step", name, changed,
             fresh ? differ : 0);
  page_check(fabs(crossed - differ) < 4 * sqrt(differ), "different in the other split", name, crossed, differ);
  arena_close(a);
}

static void binarized(void **state) {
  (void)state;
  check_binarize(false);
  check_binarize(true);
}

// ---- pictures mirrored and moved while training

// Where a place of the picture comes from: its number, of a picture whose places are numbered.
static int from_place(int i, int j, bool mirrored, int down, int right) {
  int y = i + down, x = j + right;
  y = y < 0 ? 0 : y > 2 ? 2 : y;
  x = x < 0 ? 0 : x > 3 ? 3 : x;
  return 4 * y + (mirrored ? 3 - x : x);
}

static void moved_pictures(void **state) {
  (void)state;
  Arena *a = arena_open(NULL);
  Page *page = page_format(a, MANY,
                           "model m  data x[3, 4] from idx(\"none\") |> flipped |> shifted(1)\n"
                           "metric told = x[1, 1] + 12 * x[1, 2] + 144 * x[2, 1]  parameter w = 1\n"
                           "objective o { minimize w * (x[1, 1] + 12 * x[1, 2] + 144 * x[2, 1]) }\n"
                           "train { minimize o over w with sgd(0) }\n");
  for (int i = 0; i < 12 * MANY; i++) page_column(page, "x")[i] = (float)(i % 12);
  page_train(page);
  const float *told = page_output(page, page->plan->turn[0].program, "o");
  int way[2][3][3] = {0}, found = 0;
  for (int i = 0; i < MANY; i++) {
    for (int k = 0; k < 18; k++) {
      int mirrored = k / 9, down = k / 3 % 3 - 1, right = k % 3 - 1;
      int wanted = from_place(1, 1, mirrored, down, right) + 12 * from_place(1, 2, mirrored, down, right) +
                   144 * from_place(2, 1, mirrored, down, right);
      if (told[i] != (float)wanted) continue;
      way[mirrored][down + 1][right + 1]++;
      found++;
    }
  }
  page_check(found == MANY, "one of 18 ways", "flipped and shifted", found, MANY);
  double each = MANY / 18.0;
  for (int k = 0; k < 18; k++)
    page_check(fabs(way[k / 9][k / 3 % 3][k % 3] - each) < 4 * sqrt(each), "as often as any other",
               "flipped and shifted", way[k / 9][k / 3 % 3][k % 3], each);
  page_test(page);
  for (int i = 0; i < MANY; i++)
    page_near("as it is", "held out", (double)page_metric(page, "told")[i], 5 + 12 * 6 + 144 * 9, 0);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(points_of_the_plane), cmocka_unit_test(points_of_the_line), cmocka_unit_test(more_arms),
      cmocka_unit_test(binarized),           cmocka_unit_test(moved_pictures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
