// Flows: densities against closed forms and against inverses and determinants computed here in double precision,
// integrals over the plane, draws against densities, and what is remembered of a draw.
#include "text/library.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "text/embedded.h"
#include "std_numbers.h"
#include "std_page.h"

enum { MANY = 20000, SIDE = 200 };
static const double PI = 3.14159265358979323846;

static Arena *arena(void **state) { return *state; }
static int make_arena(void **state) { return *state = arena_open(NULL), 0; }
static int free_arena(void **state) { return arena_close(*state), 0; }

static double log_standard(double x) { return -x * x / 2 - log(2 * PI) / 2; }

// Points that lie in no order, within [-3.5, 3.5].
static void scatter(Page *p, const char *column, int64_t count, double scale, double shift) {
  float *x = page_column(p, column);
  for (int64_t i = 0; i < count; i++)
    x[i] = (float)(shift + scale * (3 * sin(0.37 * (double)i) + 0.5 * cos(1.7 * (double)i)));
}

// ---- closed forms

// Of each bijector of numbers the density that it gives, and independent copies with parameters of their own.
static void test_numbers(void **state) {
  Page *p = page_open(arena(state),
                      "data x[3], y[3] in positive, u[3] in [-1, 2] from npy(\"x\", \"y\", \"u\")\n"
                      "prior a[3] ~ normal(0, 1) |> affine([1, 0, -1], [2, 1, 0.5])\n"
                      "prior b[3] ~ normal([0.5, 0, 1], 0.7) |> exp_map\n"
                      "prior c[3] ~ laplace(0, 1) |> affine(scale: 0.3) |> sigmoid_map(-1, 2)\n"
                      "metric affine { a = x  log prior(a) }\n"
                      "metric each_affine { a = x  t = each log prior(a)  t[2] }\n"
                      "metric log_normal { b = y  log prior(b) }\n"
                      "metric logit { c = u  log prior(c) }\n",
                      MANY);
  scatter(p, "x", 3 * MANY, 1, 0), scatter(p, "y", 3 * MANY, 0.5, 1.8), scatter(p, "u", 3 * MANY, 0.4, 0.5);
  page_test(p);
  static const double loc[] = {1, 0, -1}, scale[] = {2, 1, 0.5}, mean[] = {0.5, 0, 1};
  for (int64_t i = 0; i < 500; i++) {
    double affine[3], log_normal = 0, logit = 0;
    for (int k = 0; k < 3; k++) {
      double x = (double)page_column(p, "x")[3 * i + k], y = (double)page_column(p, "y")[3 * i + k];
      double u = ((double)page_column(p, "u")[3 * i + k] + 1) / 3, t = log(u / (1 - u));
      affine[k] = log_standard((x - loc[k]) / scale[k]) - log(scale[k]);
      log_normal += log_standard((log(y) - mean[k]) / 0.7) - log(0.7) - log(y);
      logit += -fabs(t) / 0.3 - log(0.6) - log(3 * u * (1 - u));
    }
    page_near("density", "affine", (double)page_metric(p, "affine")[i], affine[0] + affine[1] + affine[2], 2e-6);
    page_near("density", "each affine", (double)page_metric(p, "each_affine")[i], affine[2], 2e-6);
    page_near("density", "log-normal", (double)page_metric(p, "log_normal")[i], log_normal, 2e-6);
    page_near("density", "logit-laplace", (double)page_metric(p, "logit")[i], logit, 1e-5);
  }
}

static void set_tensor(Page *p, const char *name, int n, const double *value) {
  for (int i = 0; i < n; i++) page_tensor(p, name)[i] = (float)value[i];
}

// A linear flow of standard normals is the normal of covariance A transpose(A), A = L U.
static void test_linear(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "decoder p(v | x) { v ~ normal(0, 1) |> linear |> act_norm |> reverse }\n"
                      "metric density = log p(v: x | x)\n",
                      MANY);
  set_tensor(p, "p/linear_1/lower", 4, (double[]){9, 9, 0.5, 9});  // what is not below the diagonal does not count
  set_tensor(p, "p/linear_1/upper", 4, (double[]){9, 9, -0.8, 9});
  set_tensor(p, "p/linear_1/stretch", 2, (double[]){0.3, -0.2});
  set_tensor(p, "p/act_norm_1/stretch", 2, (double[]){0.1, 0.4});
  set_tensor(p, "p/act_norm_1/shift", 2, (double[]){1, -2});
  scatter(p, "x", 2 * MANY, 1, 0);
  page_test(p);
  double u00 = exp(0.3), u01 = -0.8, u11 = exp(-0.2), g0 = exp(0.1), g1 = exp(0.4);
  double a[2][2] = {{g0 * u00, g0 * u01}, {g1 * 0.5 * u00, g1 * (0.5 * u01 + u11)}};  // rows stretched
  double c00 = a[0][0] * a[0][0] + a[0][1] * a[0][1], c11 = a[1][0] * a[1][0] + a[1][1] * a[1][1];
  double c01 = a[0][0] * a[1][0] + a[0][1] * a[1][1], det = c00 * c11 - c01 * c01;
  for (int64_t i = 0; i < 500; i++) {
    double v0 = (double)page_column(p, "x")[2 * i + 1] - 1, v1 = (double)page_column(p, "x")[2 * i] + 2;  // reversed
    double want = -(c11 * v0 * v0 - 2 * c01 * v0 * v1 + c00 * v1 * v1) / (2 * det) - log(det) / 2 - log(2 * PI);
    page_near("density", "a linear flow", (double)page_metric(p, "density")[i], want, 1e-5);
  }
}

#define AFFINE_COUPLING                                                        \
  "bijector fixed[n] {\n"                                                      \
  "  forward(x) { a, b = halves(x)   concat(a, b * exp(0.3) + 0.7 * a) }\n"    \
  "  inverse(y) { a, b = halves(y)   concat(a, (b - 0.7 * a) * exp(-0.3)) }\n" \
  "  logdet(x, y) = 0.3 + 0 * sum(x + y)\n"                                    \
  "}\n"

// An affine coupling is the normal with that covariance; three independent copies add up.
static void test_affine_coupling(void **state) {
  Page *p = page_open(arena(state),
                      AFFINE_COUPLING
                      "data x[3, 2] from npy(\"x\")\n"
                      "prior z[3, 2] ~ normal(0, 1) |> fixed\n"
                      "metric whole { z = x  log prior(z) }\n"
                      "metric second { z = x  t = each log prior(z)  t[1] }\n"
                      "metric often { z = x  mean(3) { log prior(z) } }\n",
                      MANY);
  scatter(p, "x", 6 * MANY, 1, 0);
  page_test(p);
  for (int64_t i = 0; i < 500; i++) {
    double term[3];
    for (int k = 0; k < 3; k++) {
      double a = (double)page_column(p, "x")[6 * i + 2 * k], b = (double)page_column(p, "x")[6 * i + 2 * k + 1];
      double c00 = 1, c01 = 0.7, c11 = 0.49 + exp(0.6), det = exp(0.6);
      term[k] = -(c11 * a * a - 2 * c01 * a * b + c00 * b * b) / (2 * det) - log(det) / 2 - log(2 * PI);
    }
    page_near("density", "copies", (double)page_metric(p, "whole")[i], term[0] + term[1] + term[2], 1e-5);
    page_near("density", "a copy", (double)page_metric(p, "second")[i], term[1], 1e-5);
    page_near("density", "often", (double)page_metric(p, "often")[i], term[0] + term[1] + term[2], 1e-5);
  }
}

// Two distributions that are sent through one map are as far from each other as before.
static void test_divergences(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "distribution doubled(m) = log_normal(m, 2) |> affine(scale: 2)\n"
                      "encoder q(z | x) { z ~ log_normal(x, 0.5) |> affine(scale: 2) }\n"
                      "prior z[2] ~ doubled(1)\n"
                      "metric known = kl(q(z | x) || prior(z))\n"
                      "metric drawn { z ~ q(z | x)  log q(z | x) - log prior(z) }\n"
                      "metric second { t = each kl(q(z | x) || prior(z))  t[1] }\n",
                      MANY);
  page_fill(p, "x", 0.25);
  page_test(p);
  double one = log(2 / 0.5) + (0.5 * 0.5 + 0.75 * 0.75) / (2 * 2 * 2) - 0.5;
  page_near("divergence", "known", page_average(p, "known"), 2 * one, 1e-5);
  page_near("divergence", "a term", page_average(p, "second"), one, 1e-5);
  page_near("divergence", "drawn", page_average(p, "drawn"), 2 * one, 0.02);
}

// ---- planar: the inverse by halving, the determinant by differences

typedef struct {
  double v[2], w[2], b;
} Bend;

static Bend bend_of(Page *p, const char *path) {
  Bend f;
  const float *u = page_tensor(p, arena_format(p->arena, "%s/u", path)),
              *w = page_tensor(p, arena_format(p->arena, "%s/w", path));
  double uw = (double)u[0] * (double)w[0] + (double)u[1] * (double)w[1],
         ww = (double)w[0] * (double)w[0] + (double)w[1] * (double)w[1];
  for (int k = 0; k < 2; k++)
    f.w[k] = (double)w[k], f.v[k] = (double)u[k] + (log1p(exp(uw)) - 1 - uw) * (double)w[k] / ww;
  f.b = (double)page_tensor(p, arena_format(p->arena, "%s/b", path))[0];
  return f;
}

static void bend(const Bend *f, const double *x, double *y) {
  double t = tanh(f->w[0] * x[0] + f->w[1] * x[1] + f->b);
  for (int k = 0; k < 2; k++) y[k] = x[k] + f->v[k] * t;
}

// The x with bend(x) = y: w x grows with w y.
static void unbend(const Bend *f, const double *y, double *x) {
  double wy = f->w[0] * y[0] + f->w[1] * y[1], wv = f->w[0] * f->v[0] + f->w[1] * f->v[1];
  double lo = wy - fabs(wv) - 1, hi = wy + fabs(wv) + 1;
  for (int i = 0; i < 200; i++) {
    double s = (lo + hi) / 2;
    if (s + wv * tanh(s + f->b) < wy)
      lo = s;
    else
      hi = s;
  }
  for (int k = 0; k < 2; k++) x[k] = y[k] - f->v[k] * tanh(lo + f->b);
}

static double log_determinant(const Bend *f, const double *x) {
  double h = 1e-6, j[2][2];
  for (int k = 0; k < 2; k++) {
    double up[2] = {x[0], x[1]}, down[2] = {x[0], x[1]}, above[2], below[2];
    up[k] += h, down[k] -= h;
    bend(f, up, above), bend(f, down, below);
    for (int i = 0; i < 2; i++) j[i][k] = (above[i] - below[i]) / (2 * h);
  }
  return log(fabs(j[0][0] * j[1][1] - j[0][1] * j[1][0]));
}

static void test_planar(void **state) {
  Page *p = page_open(arena(state),
                      "data x[2] from npy(\"x\")\n"
                      "prior z[2] ~ normal(0, 1)\n"
                      "encoder q(z | x) { z ~ normal(x, 0.8) |> planar |> planar }\n"
                      "metric first { z ~ q(z | x)  z[0] }\n"
                      "metric second { z ~ q(z | x)  z[1] }\n"
                      "metric density { z ~ q(z | x)  log q(z | x) }\n"
                      "metric divergence { z ~ q(z | x)  kl(q(z | x) || prior(z)) }\n"
                      "metric spread = entropy(q(z | x))\n"
                      "metric in_turns = mean(256) { z ~ q(z | x)  log q(z | x) }\n",
                      MANY);
  static const char *const path[] = {"q/planar_1", "q/planar_2"};
  set_tensor(p, "q/planar_1/u", 2, (double[]){1.5, -0.5}), set_tensor(p, "q/planar_1/w", 2, (double[]){2, 1});
  set_tensor(p, "q/planar_2/u", 2, (double[]){-0.4, 2}), set_tensor(p, "q/planar_2/w", 2, (double[]){-1, 1.5});
  page_tensor(p, "q/planar_2/b")[0] = 0.5f;
  page_fill(p, "x", 0.3);
  // each metric draws its own z, of one name and number: the same
  page_test(p);
  double spread = 0, square = 0;
  for (int64_t i = 0; i < MANY; i++) {
    double z[2] = {(double)page_metric(p, "first")[i], (double)page_metric(p, "second")[i]}, want = 0,
           prior = log_standard(z[0]) + log_standard(z[1]);
    for (int k = 1; k >= 0; k--) {
      Bend f = bend_of(p, path[k]);
      unbend(&f, z, z);
      want -= log_determinant(&f, z);
    }
    for (int k = 0; k < 2; k++) want += log_standard((z[k] - (double)0.3f) / (double)0.8f) - log(0.8);
    if (i < 500) page_near("density", "planar", (double)page_metric(p, "density")[i], want, 2e-5);
    if (i < 500) page_near("divergence", "planar", (double)page_metric(p, "divergence")[i], want - prior, 5e-5);
    spread -= want / MANY, square += want * want / MANY;
  }
  double deviation = sqrt(square - spread * spread) / sqrt(MANY);
  page_check(fabs(page_average(p, "spread") - spread) < 4.7 * deviation, "entropy", "planar", page_average(p, "spread"),
             spread);
  page_check(fabs(page_average(p, "in_turns") + spread) < 3.6 * deviation, "mean", "in turns",
             page_average(p, "in_turns"), -spread);
}

// ---- every bijector of the library, and some that are composed

typedef struct {
  const char *name, *text;
  double lo, hi;   // where its draws lie in the plane
  double weights;  // about how large they are
  bool inverse;
} Flow;

static const Flow flows[] = {
    {"affine", "normal(0, 1) |> affine(0.5, 0.8)", -6, 6, 0.8, true},
    {"exp_map", "normal(0, 0.5) |> exp_map", 0, 9, 0.8, true},
    {"sigmoid_map", "normal(0, 1) |> sigmoid_map(-1, 3)", -1, 3, 0.8, true},
    {"reverse", "normal(1, 0.5) |> reverse", -7, 7, 0.8, true},
    {"act_norm", "normal(0, 1) |> act_norm", -13, 13, 0.8, true},
    {"linear", "normal(0, 0.7) |> linear", -12, 12, 0.8, true},
    {"coupling", "normal(0, 1) |> coupling(8)", -14, 14, 0.8, true},
    {"coupling",
     "logistic(0, 0.25) |> coupling(8) |> reverse |> linear |> coupling(4) |> act_norm |> reverse |> coupling(4)", -14,
     14, 0.35, true},
    {"autoregressive_flow", "normal(0, 1) |> autoregressive_flow(8) |> reverse |> autoregressive_flow(6)", -14, 14, 0.5,
     true},
    {"inverse_autoregressive", "normal(0, 1) |> inverse_autoregressive(8)", -9, 9, 0.8, false},
    {"planar", "normal(0, 1) |> planar |> planar", -9, 9, 0.8, false},
};
enum { FLOWS = sizeof flows / sizeof *flows };

static Page *flow_page(Arena *a, const Flow *f, const char *metrics, int64_t batch) {
  Page *p = page_format(a, batch,
                        "data x[2] in [%g, %g] from npy(\"x\")\n"
                        "decoder p(v) { v[2] ~ %s }\n%s",
                        f->lo, f->hi, f->text, metrics);
  for (int t = 0; t < p->plan->tensors; t++) {  // far from where they begin
    const PlanTensor *tensor = &p->plan->tensor[t];
    float *w = page_tensor(p, tensor->name);
    for (int64_t i = 0; i < tensor->count; i++) w[i] = (float)(f->weights * sin(1.3 * (double)i + t) + 0.1);
  }
  return p;
}

// Draws against the density: the plane is cut into cells, and what falls into each is counted.
static void check_plane(Arena *a, const Flow *f) {
  Page *p = flow_page(a, f, "metric density = log p(v: x)\n", SIDE * SIDE);
  double width = (f->hi - f->lo) / SIDE, sum = 0;
  for (int i = 0; i < SIDE * SIDE; i++) {
    page_column(p, "x")[2 * i] = (float)(f->lo + (i / SIDE + 0.5) * width);
    page_column(p, "x")[2 * i + 1] = (float)(f->lo + (i % SIDE + 0.5) * width);
  }
  page_test(p);
  enum { CELLS = 20, EACH_CELL = SIDE / CELLS };
  double expected[CELLS * CELLS] = {0}, count[CELLS * CELLS] = {0};
  for (int i = 0; i < SIDE * SIDE; i++) {
    double mass = exp((double)page_metric(p, "density")[i]) * width * width;
    sum += mass;
    expected[i / SIDE / EACH_CELL * CELLS + i % SIDE / EACH_CELL] += MANY * mass;
  }
  page_near("integral", f->text, sum, 1, 3e-4);
  Page *d = flow_page(a, f, "metric first { v ~ p(v)  v[0] }\nmetric second { v ~ p(v)  v[1] }\n", MANY);
  page_test(d);
  for (int i = 0; i < MANY; i++) {
    int row = (int)floor(((double)page_metric(d, "first")[i] - f->lo) / width / EACH_CELL);
    int column = (int)floor(((double)page_metric(d, "second")[i] - f->lo) / width / EACH_CELL);
    if (row >= 0 && row < CELLS && column >= 0 && column < CELLS) count[row * CELLS + column]++;
  }
  int freedom;
  double chi = chi_square(CELLS * CELLS, count, expected, &freedom);
  page_check(freedom > 5 && chi < chi_square_limit(freedom), "chi square", f->text, chi, chi_square_limit(freedom));
}

// At its own draw the density is the one that the inverse gives at the same point.
static void check_memory(Arena *a, const Flow *f) {
  Page *p = flow_page(a, f,
                      "metric remembered { v ~ p(v)  log p(v) }\n"
                      "metric undone { v ~ p(v)  w = v * batch_mean(ones(1))[0]  log p(v: w) }\n",
                      MANY);
  page_test(p);
  for (int i = 0; i < 1000; i++)
    page_near("density", f->text, (double)page_metric(p, "undone")[i], (double)page_metric(p, "remembered")[i], 3e-4);
}

static void test_planes(void **state) {
  (void)state;
  for (int i = 0; i < FLOWS; i++) {
    Arena *a = arena_open(NULL);
    if (flows[i].inverse) check_plane(a, &flows[i]), check_memory(a, &flows[i]);
    arena_close(a);
  }
}

// The library's texts as a model's own, which are tried: each is accepted.
static void test_tried(void **state) {
  (void)state;
  const EmbeddedFile *own = embedded_std;
  while (!strstr(own->name, "flows.gm")) own++;
  for (int i = 0; i < FLOWS; i++) {
    Arena *a = arena_open(NULL);
    page_format(a, 8, "%.*s\ndecoder p(v) { v[5] ~ %s }\nmetric m { v ~ p(v)  log p(v) }\n", (int)own->length,
                own->text, flows[i].text);
    arena_close(a);
  }
}

static void test_library(void **state) {
  const Library *l = library_read(arena(state));
  for (int i = 0; i < l->entries; i++) {
    bool tried = l->entry[i].ast->kind != AST_BIJECTOR;
    for (int k = 0; k < FLOWS && !tried; k++) tried = strcmp(flows[k].name, l->entry[i].name) == 0;
    page_check(tried, "rows of `flows`", l->entry[i].name, 0, 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_numbers, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_linear, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_affine_coupling, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_divergences, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(test_planar, make_arena, free_arena),
      cmocka_unit_test(test_planes),
      cmocka_unit_test(test_tried),
      cmocka_unit_test_setup_teardown(test_library, make_arena, free_arena),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
