// Numbers that are known when the model is compiled: the expressions of ops.def in double precision.
//
// Sizes, rates and constants of formulas are such numbers. Constants of the graph are not: they are folded as kernels
// compute them (graph_simplify.c). A function of ops.def that is given no meaning here does not compile.
#include "graph/number.h"

#include <math.h>

static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
static double max_of(double a, double b) { return a > b || isnan(a) ? a : b; }
static double min_of(double a, double b) { return a < b || isnan(a) ? a : b; }
static double less(double a, double b) { return a < b; }
static double equal(double a, double b) { return a == b; }
static double select_of(double a, double b, double c) { return a != 0 ? b : c; }
// x less the nearest whole number.
static double beside_whole(double x) { return x - floor(x + 0.5); }

// The derivatives of lgamma: the recurrence up to 15, there the asymptotic series; for x < 0 the reflection (Abramowitz
// and Stegun 6.3.18, 6.4.12, 6.3.7, 6.4.7).
static double digamma(double x) {
  if (x == 0 || x == INFINITY) return x == 0 ? -INFINITY : INFINITY;
  if (x < 0 && beside_whole(x) == 0) return NAN;
  if (x < 0) return digamma(1 - x) - M_PI / tan(M_PI * beside_whole(x));
  double below = 0;
  for (; x < 15; x++) below -= 1 / x;
  double s = 1 / (x * x);
  return below + log(x) - 0.5 / x - s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s / 132))));
}

static double trigamma(double x) {
  if (x == INFINITY) return 0;
  if (x <= 0 && beside_whole(x) == 0) return INFINITY;
  if (x < 0) return pow(M_PI / sin(M_PI * beside_whole(x)), 2) - trigamma(1 - x);
  double below = 0;
  for (; x < 15; x++) below += 1 / (x * x);
  double s = 1 / (x * x);
  return below + 1 / x + s / 2 + s / x * (1.0 / 6 - s * (1.0 / 30 - s * (1.0 / 42 - s * (1.0 / 30 - s * 5 / 66))));
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return max_of(x, 0) + log1p(exp(-fabs(x))); }
static double normal_cdf(double x) { return erfc(-x * M_SQRT1_2) / 2; }
// Newton's steps from Winitzki's approximation, on the tail where erf is near 1.
static double erfinv(double x) {
  double a = fabs(x);
  if (!(a < 1)) return a == 1 ? x * INFINITY : NAN;
  double l = log1p(-a * a), b = 2 / (M_PI * 0.147) + l / 2, y = sqrt(sqrt(b * b - l / 0.147) - b);
  for (int i = 0; i < 6; i++) {
    double off = a < 0.5 ? a - erf(y) : erfc(y) - (1 - a);
    y += off / (M_2_SQRTPI * exp(-y * y));
  }
  return copysign(y, x);
}

// Newton's steps for the logarithm of the lower tail, from the tail's leading term or the slope at 0.
static double normal_quantile(double p) {
  double tail = fmin(p, 1 - p);
  if (!(tail > 0)) return p == 0 || p == 1 ? (2 * p - 1) * INFINITY : NAN;
  double y = tail < 0.1 ? -sqrt(-2 * log(tail)) : (tail - 0.5) * sqrt(2 * M_PI);
  for (int i = 0; i < 30; i++) {
    double below = normal_cdf(y);
    y -= log(below / tail) * below * sqrt(2 * M_PI) * exp(y * y / 2);
  }
  return p < 0.5 ? y : -y;
}

static double mod(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double expm1mx(double x) { return x > 1000 ? INFINITY : (double)(expm1l(x) - (long double)x); }
static double kl_div(double p, double q) {
  if (!(p >= 0 && q >= 0)) return NAN;
  return p == 0 ? q : (double)((long double)p * logl((long double)p / q) - p + q);
}
static double log_bernoulli(double x, double l) { return x * l - max_of(l, 0) - log1p(exp(-fabs(l))); }
static double residual(double x, double l) { return l > 0 ? x - 1 + sigmoid(-l) : x - sigmoid(l); }

#define m_abs           fabs
#define m_sign          sign
#define m_floor         floor
#define m_exp           exp
#define m_log           log
#define m_log1p         log1p
#define m_expm1         expm1
#define m_sqrt          sqrt
#define m_sin           sin
#define m_cos           cos
#define m_tanh          tanh
#define m_erf           erf
#define m_erfinv        erfinv
#define m_atan          atan
#define m_mod           mod
#define m_normal_quantile normal_quantile
#define m_sigmoid       sigmoid
#define m_softplus      softplus
#define m_normal_cdf    normal_cdf
#define m_expm1mx       expm1mx
#define m_lgamma        lgamma
#define m_digamma       digamma
#define m_trigamma      trigamma
#define m_pow           pow
#define m_kl_div        kl_div
#define m_log_bernoulli log_bernoulli
#define m_residual      residual
#define m_max           max_of
#define m_min           min_of
#define m_less          less
#define m_equal         equal
#define m_select        select_of

double number_fold(Op op, const double *in) {
  double a = in[0], b = in[1], c = in[2];
  // clang-format off
  switch (op) {
#define FOLD_SOURCE(expression)
#define FOLD_ELEMENTWISE(expression) return expression;
#define FOLD_MOVEMENT(expression)
#define FOLD_REDUCTION(expression)
#define FOLD_CONTRACTION(expression)
#define FOLD_MARK(expression)
#define FOLD_CONTROL(expression)
#define OP(ID, name, arity, class, expression, ...) \
  case OP_##ID: FOLD_##class(expression) break;
#include "core/ops.def"
    case OP_COUNT: break;
  }
  // clang-format on
  return NAN;
}
