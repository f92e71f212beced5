// The elementary functions of maths.h against the long double library, over a hundred thousand floats each, and a
// million if FULL is set; and the known answers, addresses and moments of the random numbers of philox.h.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail  // cmocka's; base.h has its own

#include "core/maths.h"
#include "core/philox.h"

typedef float Function(float);
typedef long double Reference(long double);

// |y - r| in units of the last place of a float near r.
static double ulps(float y, long double r) {
  if (isnan(r) || isnan(y)) return isnan(r) && isnan(y) ? 0 : INFINITY;
  if (isinf(y) || fabsl(r) >= 0x1.ffffffp127L) return (float)r == y ? 0 : INFINITY;
  int e = r == 0 ? -126 : ilogbl(r);
  return (double)(fabsl((long double)y - r) / ldexpl(1, (e < -126 ? -126 : e) - 23));
}

typedef struct {
  const char *name;
  Function *function;
  Reference *reference;
  float lo, hi;   // of |x|
  bool negative;  // also below zero
  double limit;   // ulps
} Case;

// Of how many floats of the full grid one is looked at.
static uint32_t every(void) { return getenv("FULL") ? 1 : 10; }

// The largest error over about a million floats of each sign, or a tenth of that, spread evenly over their binary form.
static double largest_error(const Case *c, float *where) {
  double worst = 0;
  uint32_t from = m_bits(c->lo), to = m_bits(c->hi), step = ((to - from) / 1000003 + 1) * every();
  for (uint64_t u = from; u <= to; u += step)
    for (int sign = 0; sign <= (c->negative ? 1 : 0); sign++) {
      float x = sign ? -m_float((uint32_t)u) : m_float((uint32_t)u);
      double e = ulps(c->function(x), c->reference((long double)x));
      if (e > worst) {
        worst = e;
        *where = x;
      }
    }
  return worst;
}

static long double digamma_reference(long double z) {
  long double sum = 0;
  for (; z < 40; z++) sum -= 1 / z;
  long double s = 1 / (z * z);
  return sum + logl(z) - 0.5L / z - s * (1 / 12.0L - s * (1 / 120.0L - s * (1 / 252.0L - s * (1 / 240.0L - s / 132))));
}

static long double trigamma_reference(long double z) {
  long double sum = 0;
  for (; z < 40; z++) sum += 1 / (z * z);
  long double s = 1 / (z * z);
  return sum + 1 / z + s / 2 + s / z * (1 / 6.0L - s * (1 / 30.0L - s * (1 / 42.0L - s * (1 / 30.0L - s * 5 / 66))));
}

static long double sigmoid_reference(long double x) { return 1 / (1 + expl(-x)); }
static long double softplus_reference(long double x) { return fmaxl(x, 0) + log1pl(expl(-fabsl(x))); }
static long double normal_cdf_reference(long double x) { return erfcl(-x * sqrtl(0.5L)) / 2; }

// Newton's steps, until the next would be below the last place: in the middle from 0, where erf is steeper than at the
// root, and in the tail, on its logarithm, from beyond the root.
static long double erfinv_reference(long double x) {
  long double a = fabsl(x), y = 0;
  if (a >= 1) return a == 1 ? copysignl(INFINITY, x) : NAN;
  if (a < 1e-6L) return x * sqrtl(acosl(-1)) / 2 * (1 + acosl(-1) * x * x / 12);
  long double step = 1;
  if (a >= 0.5L) y = sqrtl(-logl(1 - a));
  for (int i = 0; i < 100 && fabsl(step) > 1e-11L * y; i++) {
    long double rest = erfcl(y), off = a < 0.5L ? a - erfl(y) : logl(rest / (1 - a)) * rest;
    step = off * sqrtl(acosl(-1)) / 2 * expl(y * y);
    y += step;
  }
  return copysignl(y, x);
}

static long double normal_quantile_reference(long double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  long double tail = fminl(p, 1 - p), y = tail < 0.1L ? -sqrtl(-2 * logl(tail)) : (tail - 0.5L) * 2.5L;
  long double step = 1;
  for (int i = 0; i < 12 && fabsl(step) > 1e-11L * fabsl(y); i++) {
    long double below = erfcl(-y * sqrtl(0.5L)) / 2;
    step = logl(below / tail) * below * sqrtl(2 * acosl(-1)) * expl(y * y / 2);
    y -= step;
  }
  return p < 0.5L ? y : -y;
}

static long double expm1mx_reference(long double x) {
  if (fabsl(x) > 1e-3L) return expm1l(x) - x;
  return x * x * (1 / 2.0L + x * (1 / 6.0L + x * (1 / 24.0L + x * (1 / 120.0L + x / 720))));
}

static const Case cases[] = {
    {"exp", m_exp, expl, 0, INFINITY, true, 2},
    {"exp, |x| < 1", m_exp, expl, 1e-3f, 1, true, 2},
    {"exp, |x| in 1 .. 100", m_exp, expl, 1, 100, true, 2},
    {"log", m_log, logl, 0, INFINITY, true, 2},
    {"log, x near 1", m_log, logl, 0.5f, 2, false, 2},
    {"log1p", m_log1p, log1pl, 0, INFINITY, true, 2},
    {"log1p, |x| in 1e-4 .. 4", m_log1p, log1pl, 1e-4f, 4, true, 2},
    {"expm1", m_expm1, expm1l, 0, INFINITY, true, 2},
    {"expm1, |x| in 1e-3 .. 20", m_expm1, expm1l, 1e-3f, 20, true, 2},
    {"tanh", m_tanh, tanhl, 0, INFINITY, true, 2},
    {"tanh, |x| in 0.01 .. 12", m_tanh, tanhl, 0.01f, 12, true, 2},
    {"erf", m_erf, erfl, 0, INFINITY, true, 4},
    {"erf, |x| in 0.01 .. 4", m_erf, erfl, 0.01f, 4, true, 4},
    {"sqrt", m_sqrt, sqrtl, 0, INFINITY, true, 0.5},
    {"sin, |x| < 100", m_sin, sinl, 0, 100, true, 4},
    {"cos, |x| < 100", m_cos, cosl, 0, 100, true, 4},
    {"sigmoid", m_sigmoid, sigmoid_reference, 0, 87.3f, true, 4},
    {"sigmoid, x > 0", m_sigmoid, sigmoid_reference, 0, INFINITY, false, 4},
    {"sigmoid, |x| in 0.01 .. 30", m_sigmoid, sigmoid_reference, 0.01f, 30, true, 4},
    {"softplus", m_softplus, softplus_reference, 0, INFINITY, true, 4},
    {"softplus, |x| in 0.01 .. 30", m_softplus, softplus_reference, 0.01f, 30, true, 4},
    {"normal_cdf", m_normal_cdf, normal_cdf_reference, 0, INFINITY, true, 1},
    {"normal_cdf, |x| in 0.01 .. 14", m_normal_cdf, normal_cdf_reference, 0.01f, 14, true, 1},
    {"erfinv", m_erfinv, erfinv_reference, 0, 1, true, 1},
    {"erfinv, |x| in 0.01 .. 1", m_erfinv, erfinv_reference, 0.01f, 1, true, 1},
    {"normal_quantile", m_normal_quantile, normal_quantile_reference, FLT_MIN, 1, false, 1},
    {"normal_quantile, x in 0.3 .. 1", m_normal_quantile, normal_quantile_reference, 0.3f, 1, false, 1},
    {"atan", m_atan, atanl, 0, INFINITY, true, 1},
    {"atan, |x| in 0.01 .. 100", m_atan, atanl, 0.01f, 100, true, 1},
    {"expm1mx", m_expm1mx, expm1mx_reference, 0, INFINITY, true, 1},
    {"expm1mx, |x| in 0.01 .. 100", m_expm1mx, expm1mx_reference, 0.01f, 100, true, 1},
    {"lgamma, x < 100", m_lgamma, lgammal, 1e-10f, 100, false, 4},
    {"lgamma", m_lgamma, lgammal, 0x1p-149f, INFINITY, false, 4},
    {"lgamma, x < 0", m_lgamma, lgammal, -1e-10f, -1e6f, false, 4},
    {"digamma, x < 1.4", m_digamma, digamma_reference, 1e-10f, 1.4f, false, 4},
    {"digamma, x > 1.5", m_digamma, digamma_reference, 1.5f, 1e30f, false, 4},
    {"trigamma", m_trigamma, trigamma_reference, 1e-10f, 1e30f, false, 4},
};

static void accuracy(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float where = 0;
    double worst = largest_error(&cases[i], &where);
    print_message("%-26s %.3f ulp at %.9g\n", cases[i].name, worst, (double)where);
    assert_true(worst <= cases[i].limit);
  }
}

static void angles(void **state) {
  (void)state;
  double worst = 0;
  for (float x = 90; x < 4e6f; x *= 1.00001f) {
    worst = fmax(worst, fabs((double)((long double)m_sin(x) - sinl((long double)x))));
    worst = fmax(worst, fabs((double)((long double)m_cos(-x) - cosl((long double)x))));
    assert_true(worst <= (x < 1e5f ? 1e-7 : 3e-7));
  }
  print_message("sin and cos to 4e6          %.2e\n", worst);
  assert_true(isnan(m_sin(1e7f)) && isnan(m_cos(-1e30f)) && isnan(m_sin(INFINITY)) && isnan(m_cos(NAN)));
}

static void powers(void **state) {
  (void)state;
  double worst = 0;
  uint32_t u = 1;
  for (int i = 0; i < 2000000; i++) {
    u = u * 1664525u + 1013904223u;
    float a = m_float(u >> 1), b = 0;
    u = u * 1664525u + 1013904223u;
    if (isnan(a) || isinf(a)) continue;
    // exponents that keep the result within reach, and whole ones for negative bases
    b = (float)((double)(int32_t)u / 2147483648.0 * 110 / (fabs(log((double)a)) + 1e-3));
    if (i % 2) b = floorf(b), a = -a;
    worst = fmax(worst, ulps(m_pow(a, b), powl((long double)a, (long double)b)));
  }
  print_message("pow                        %.3f ulp\n", worst);
  assert_true(worst <= 4);
}

// The divergence of p from q, where nothing cancels: f - log(1 + f) with f = (q - p) / p.
static long double kl_div_reference(long double p, long double q) {
  long double f = (q - p) / p;
  if (fabsl(f) > 1e-3L) return p * logl(p / q) + (q - p);
  return p * f * f * (1 / 2.0L - f * (1 / 3.0L - f * (1 / 4.0L - f * (1 / 5.0L - f * (1 / 6.0L - f / 7)))));
}

static long double log_bernoulli_reference(long double x, long double l) {
  return -(x * softplus_reference(-l) + (1 - x) * softplus_reference(l));
}

static long double residual_reference(long double x, long double l) {
  return x * sigmoid_reference(-l) - (1 - x) * sigmoid_reference(l);
}

static float spread(uint32_t *u, float least, float most) {  // evenly over their binary form
  *u = *u * 1664525u + 1013904223u;
  return m_float(m_bits(least) + *u % (m_bits(most) - m_bits(least)));
}

static void functions_of_two(void **state) {
  (void)state;
  double divergence = 0, near = 0, label = 0, rest = 0, grey = 0;
  uint32_t u = 1;
  for (int i = 0; i < 300000; i++) {
    float p = spread(&u, 1e-30f, 1e7f), q = spread(&u, 1e-30f, 1e7f), close = p * (1 + spread(&u, 1e-7f, 0.9f));
    divergence = fmax(divergence, ulps(m_kl_div(p, q), kl_div_reference((long double)p, (long double)q)));
    near = fmax(near, ulps(m_kl_div(p, close), kl_div_reference((long double)p, (long double)close)));
    near = fmax(near, ulps(m_kl_div(close, p), kl_div_reference((long double)close, (long double)p)));
    float x = (float)(i & 1), l = spread(&u, 1e-3f, 87) * (i & 2 ? 1 : -1), half = spread(&u, 1e-3f, 1);
    label = fmax(label, ulps(m_log_bernoulli(x, l), log_bernoulli_reference((long double)x, (long double)l)));
    rest = fmax(rest, ulps(m_residual(x, l), residual_reference((long double)x, (long double)l)));
    long double between = log_bernoulli_reference((long double)half, (long double)l);
    grey = fmax(grey, (double)(fabsl((long double)m_log_bernoulli(half, l) - between) / (1 + fabsl((long double)l))));
  }
  print_message("kl_div                     %.3f ulp, of close ones %.3f\n", divergence, near);
  print_message("log_bernoulli, residual    %.3f ulp, %.3f; of grey levels %.2e of 1 + |l|\n", label, rest, grey);
  assert_true(divergence <= 1 && near <= 1 && label <= 4 && rest <= 4 && grey <= 2e-7);
  assert_true(m_kl_div(0, 0) == 0 && m_kl_div(0, 3) == 3 && m_kl_div(3, 0) == INFINITY && m_kl_div(2, 2) == 0);
  assert_true(isnan(m_kl_div(-1, 1)) && isnan(m_kl_div(1, -1)) && isnan(m_kl_div(NAN, 1)) && isnan(m_kl_div(1, NAN)));
  assert_true(isnan(m_kl_div(INFINITY, 1)) && isnan(m_kl_div(1, INFINITY)));
  assert_true(isnan(m_log_bernoulli(NAN, 1)) && isnan(m_log_bernoulli(1, NAN)) && isnan(m_residual(1, NAN)));
}

static void powers_at_the_ends(void **state) {
  (void)state;
  static const float value[] = {0, 1, 2, 0.5f, 3, 1e30f, 1e-30f, 2e-45f, INFINITY, 0.25f, -1, -2, -3, -0.5f, -1e30f};
  for (size_t i = 0; i < sizeof value / sizeof *value; i++)
    for (size_t j = 0; j < sizeof value / sizeof *value; j++) {
      float y = m_pow(value[i], value[j]);
      double r = pow((double)value[i], (double)value[j]);
      if (ulps(y, (long double)r) > 1)
        print_message("pow(%g, %g) = %g\n", (double)value[i], (double)value[j], (double)y);
      assert_true(ulps(y, (long double)r) <= 1);
    }
  assert_true(isnan(m_pow(NAN, 0)) && isnan(m_pow(1, NAN)) && isnan(m_pow(-2, 0.5f)));
}

static void ends_of_domains(void **state) {
  (void)state;
  assert_true(m_exp(-200) == 0 && m_exp(100) == INFINITY && m_exp(-INFINITY) == 0 && m_exp(INFINITY) == INFINITY);
  assert_true(m_exp(0) == 1 && m_expm1(0) == 0 && m_expm1(-INFINITY) == -1 && m_expm1(INFINITY) == INFINITY);
  assert_true(m_expm1(-200) == -1 && m_expm1(89) == INFINITY && m_expm1(88.72f) < INFINITY);
  assert_true(m_log(0) == -INFINITY && m_log(-0.0f) == -INFINITY && isnan(m_log(-1)) && m_log(INFINITY) == INFINITY);
  assert_true(m_log(1) == 0 && isnan(m_log(-INFINITY)) && isnan(m_log(-1e-45f)));
  assert_true(m_log1p(-1) == -INFINITY && isnan(m_log1p(-1.5f)) && m_log1p(INFINITY) == INFINITY && m_log1p(0) == 0);
  assert_true(m_tanh(40) == 1 && m_tanh(-40) == -1 && m_tanh(INFINITY) == 1 && m_tanh(-INFINITY) == -1);
  assert_true(m_erf(10) == 1 && m_erf(-INFINITY) == -1 && m_erf(0) == 0);
  assert_true(m_sigmoid(-INFINITY) == 0 && m_sigmoid(INFINITY) == 1 && m_sigmoid(0) == 0.5f && m_sigmoid(-100) == 0);
  assert_true(m_softplus(-INFINITY) == 0 && m_softplus(INFINITY) == INFINITY && m_softplus(1e30f) == 1e30f);
  assert_true(m_normal_cdf(-INFINITY) == 0 && m_normal_cdf(INFINITY) == 1 && m_normal_cdf(0) == 0.5f);
  assert_true(m_erfinv(1) == INFINITY && m_erfinv(-1) == -INFINITY && isnan(m_erfinv(1.0000001f)) && m_erfinv(0) == 0);
  assert_true(m_normal_quantile(0) == -INFINITY && m_normal_quantile(1) == INFINITY && m_normal_quantile(0.5f) == 0);
  assert_true(isnan(m_normal_quantile(-1e-30f)) && isnan(m_normal_quantile(1.5f)));
  assert_true(m_atan(INFINITY) == 1.57079637f && m_atan(-INFINITY) == -1.57079637f && m_atan(0) == 0);
  assert_true(m_expm1mx(-INFINITY) == INFINITY && m_expm1mx(INFINITY) == INFINITY && m_expm1mx(0) == 0);
  assert_true(isnan(m_sqrt(-1)) && m_sqrt(0) == 0 && m_sign(-3) == -1 && m_sign(0) == 0 && m_sign(1e-45f) == 1);
  assert_true(m_lgamma(0) == INFINITY && m_lgamma(-1) == INFINITY && m_lgamma(INFINITY) == INFINITY);
  assert_true(m_lgamma(1) == 0 && m_lgamma(-1e9f) == INFINITY && m_lgamma(-INFINITY) == INFINITY);
  assert_true(m_digamma(0) == -INFINITY && isnan(m_digamma(-2)) && m_digamma(INFINITY) == INFINITY);
  assert_true(isnan(m_digamma(-INFINITY)) && isnan(m_lgamma(NAN)) && isnan(m_digamma(NAN)) && isnan(m_trigamma(NAN)));
  assert_true(m_trigamma(0) == INFINITY && m_trigamma(-3) == INFINITY && isnan(m_trigamma(-INFINITY)));
  assert_true(m_trigamma(INFINITY) == 0);
}

// Against fmodl, over quotients up to 2^29 of all signs.
static void remainders(void **state) {
  (void)state;
  uint64_t random = 1;
  for (int i = 0; i < 1000000; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    float b = m_float(0x3a000000u + (uint32_t)(random >> 40) * 8u), a = ldexpf(b, (int)(random >> 34 & 31) - 4) * 1.37f;
    a = (random >> 33 & 1) ? -a : a, b = (random >> 32 & 1) ? -b : b;
    long double r = fmodl(a, b);
    if (r != 0 && (r < 0) != (b < 0)) r += b;
    if (ulps(m_mod(a, b), r) > 0.5)
      fail_msg("mod(%.9g, %.9g) is %.9g, not %.9Lg", (double)a, (double)b, (double)m_mod(a, b), r);
  }
}

static void gamma_constants(void **state) {
  (void)state;
  double euler = 0.57721566490153286, pi = 3.14159265358979324;
  assert_true(ulps(m_digamma(1), (long double)-euler) < 1);
  assert_true(ulps(m_digamma(0.5f), (long double)(-euler - 2 * log(2))) < 1);
  assert_true(fabsf(m_digamma(1.46163214f)) < 1e-7f);
  assert_true(ulps(m_trigamma(1), (long double)(pi * pi / 6)) < 1);
  assert_true(ulps(m_trigamma(0.5f), (long double)(pi * pi / 2)) < 1);
}

static void nan_in_nan_out(void **state) {
  (void)state;
  static Function *const unary[] = {m_exp,  m_log,     m_log1p,    m_expm1,      m_sqrt,     m_sin,    m_cos,
                                    m_tanh, m_sigmoid, m_softplus, m_normal_cdf, m_expm1mx,  m_erf,    m_abs,
                                    m_sign, m_floor,   m_lgamma,   m_digamma,    m_trigamma, m_erfinv, m_atan,
                                    m_normal_quantile};
  for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) {
    assert_true(isnan(unary[i](NAN)));
    assert_true(isnan(unary[i](-NAN)));
    assert_true(isnan(unary[i](m_float(0x7f812345u))));
  }
  assert_true(isnan(m_max(NAN, 1)) && isnan(m_max(1, NAN)) && isnan(m_min(NAN, 1)) && isnan(m_min(1, NAN)));
  assert_true(m_max(-INFINITY, 1) == 1 && m_min(2, 1) == 1 && m_max(2, 1) == 2);
  assert_true(isnan(m_mod(NAN, 1)) && isnan(m_mod(1, NAN)) && isnan(m_mod(1, 0)) && m_mod(0, 3) == 0);
  assert_true(m_less(1, 2) == 1 && m_less(2, 2) == 0 && m_less(NAN, 1) == 0 && m_equal(2, 2) == 1);
  assert_true(m_select(0, 1, 2) == 2 && m_select(-0.0f, 1, 2) == 2 && m_select(0.1f, 1, 2) == 1);
}

// Loops over the functions become vector code: that must not change a bit.
#define VECTOR_LOOP(f)                                    \
  static void loop_##f(const float *x, float *y, int n) { \
    for (int i = 0; i < n; i++) y[i] = f(x[i]);           \
  }
VECTOR_LOOP(m_exp)
VECTOR_LOOP(m_log)
VECTOR_LOOP(m_log1p)
VECTOR_LOOP(m_expm1)
VECTOR_LOOP(m_tanh)
VECTOR_LOOP(m_erf)
VECTOR_LOOP(m_sin)
VECTOR_LOOP(m_cos)
VECTOR_LOOP(m_sigmoid)
VECTOR_LOOP(m_softplus)
VECTOR_LOOP(m_normal_cdf)
VECTOR_LOOP(m_expm1mx)
VECTOR_LOOP(m_erfinv)
VECTOR_LOOP(m_atan)
VECTOR_LOOP(m_normal_quantile)

static void vector_equals_scalar(void **state) {
  (void)state;
  static const struct {
    void (*loop)(const float *, float *, int);
    Function *function;
  } both[] = {{loop_m_exp, m_exp},
              {loop_m_log, m_log},
              {loop_m_log1p, m_log1p},
              {loop_m_expm1, m_expm1},
              {loop_m_tanh, m_tanh},
              {loop_m_erf, m_erf},
              {loop_m_sin, m_sin},
              {loop_m_cos, m_cos},
              {loop_m_sigmoid, m_sigmoid},
              {loop_m_softplus, m_softplus},
              {loop_m_normal_cdf, m_normal_cdf},
              {loop_m_expm1mx, m_expm1mx},
              {loop_m_erfinv, m_erfinv},
              {loop_m_atan, m_atan},
              {loop_m_normal_quantile, m_normal_quantile}};
  enum { N = 4099 };
  static float x[N], y[N];
  for (int i = 0; i < N; i++) x[i] = m_float((uint32_t)i * 1047821u);
  for (size_t f = 0; f < sizeof both / sizeof *both; f++) {
    both[f].loop(x, y, N);
    for (int i = 0; i < N; i++) {
      volatile float alone = x[i];
      float z = both[f].function(alone);
      assert_true(m_bits(y[i]) == m_bits(z) || (isnan(z) && isnan(y[i])));
    }
  }
}

// From Random123's kat_vectors.
static void philox_known_answers(void **state) {
  (void)state;
  static const struct {
    Philox at;
    uint32_t word[4];
  } known[] = {
      {{{0, 0, 0, 0}, {0, 0}}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (int i = 0; i < 3; i++) {
    uint32_t word[4];
    philox_words(&known[i].at, word);
    assert_memory_equal(word, known[i].word, sizeof word);
  }
}

static void uniforms(void **state) {
  (void)state;
  assert_true(philox_uniform(0) == 0x1p-24f && philox_uniform(~0u) == 1 - 0x1p-24f);
  enum { N = 400003 };
  static float u[N];
  philox_row(&(Philox){{0, 7, 8, 9}, {1, 2}}, u, 0, N);
  double moment[5] = {0}, neighbours = 0;
  int cell[64] = {0};
  for (int i = 0; i < N; i++) {
    double v = (double)u[i] - 0.5, power = 1;
    for (int k = 0; k < 5; k++, power *= v) moment[k] += power / N;
    if (i) neighbours += v * ((double)u[i - 1] - 0.5) / N;
    cell[(int)(u[i] * 64)]++;
  }
  // five standard errors
  assert_true(fabs(moment[1]) < 5 * sqrt(1 / 12.0 / N));
  assert_true(fabs(moment[2] - 1 / 12.0) < 5 * sqrt(1 / 180.0 / N));
  assert_true(fabs(moment[3]) < 5 * sqrt(1 / 448.0 / N));
  assert_true(fabs(moment[4] - 1 / 80.0) < 5 * sqrt((1 / 2304.0 - 1 / 6400.0) / N));
  assert_true(fabs(neighbours) < 5 / 12.0 / sqrt(N));
  double square = 0;
  for (int i = 0; i < 64; i++) square += (cell[i] - N / 64.0) * (cell[i] - N / 64.0) / (N / 64.0);
  print_message("chi square, 63 degrees     %.1f\n", square);
  assert_true(square > 25 && square < 125);
}

static void rows_can_be_cut(void **state) {
  (void)state;
  float whole[103], part[103];
  Philox at = {{0, 1, 2, 3}, {4, 5}};
  philox_row(&at, whole, 0, 103);
  for (int64_t cut = 0; cut < 103; cut++)
    for (int64_t n = 0; n <= 103 - cut; n += 11) {
      philox_row(&at, part, cut, n);
      assert_memory_equal(part, whole + cut, (size_t)n * sizeof *part);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accuracy),
      cmocka_unit_test(angles),
      cmocka_unit_test(powers),
      cmocka_unit_test(powers_at_the_ends),
      cmocka_unit_test(functions_of_two),
      cmocka_unit_test(ends_of_domains),
      cmocka_unit_test(remainders),
      cmocka_unit_test(gamma_constants),
      cmocka_unit_test(nan_in_nan_out),
      cmocka_unit_test(vector_equals_scalar),
      cmocka_unit_test(philox_known_answers),
      cmocka_unit_test(uniforms),
      cmocka_unit_test(rows_can_be_cut),
  };
  return cmocka_run_group_tests_name("maths", tests, NULL, NULL);
}
