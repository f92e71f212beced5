// Elementary functions for single precision: what the expressions of ops.def call.
//
// The executor, the constant folder and emitted programs all compile this text and must agree to the last bit, with
// any compiler: a multiplication is fused with an addition only where m_fma says so (elsewhere -ffp-contract=off
// holds), nothing depends on a mathematics library, and bits are moved by memcpy. The functions up to m_pow have no
// branches, so that loops over them become vector code. NaN in gives NaN out (m_less, m_equal and the unchosen side of
// m_select apart); overflow gives infinity.
//
// Method: range reduction to a small interval, there a minimax polynomial, then reconstruction, as in J.-M. Muller,
// "Elementary Functions", 3rd ed. (2016). Coefficients were fitted for this file by iteratively reweighted least
// squares (Lawson) on the relative error, rounded one after another from the lowest order, the rest being refitted.
// Largest errors found by tests/unit/test_maths.c, in units of the last place, stand at each function.
#ifndef GMC_MATHS_H
#define GMC_MATHS_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float m_fma(float a, float b, float c) {
#if defined(__GNUC__)
  return __builtin_fmaf(a, b, c);
#else
  return fmaf(a, b, c);
#endif
}

static inline uint32_t m_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline float m_float(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

// 2^k for -126 <= k <= 127.
static inline float m_power_of_2(int32_t k) { return m_float((uint32_t)(k + 127) << 23); }

static inline float m_abs(float x) { return fabsf(x); }

static inline float m_sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }

static inline float m_floor(float x) { return floorf(x); }

static inline float m_sqrt(float x) { return sqrtf(x); }

// The sum makes 0 of a subnormal where those count as 0: some instructions for a maximum do it themselves, others hand
// the bits on.
static inline float m_max(float a, float b) { return (a > b || a != a ? a : b) + 0.0f; }

static inline float m_min(float a, float b) { return (a < b || a != a ? a : b) + 0.0f; }

static inline float m_less(float a, float b) { return a < b ? 1.0f : 0.0f; }

static inline float m_equal(float a, float b) { return a == b ? 1.0f : 0.0f; }

static inline float m_select(float a, float b, float c) { return a != 0.0f ? b : c; }

// x = k log 2 + r with |r| <= log(2)/2: returns exp(r) - 1. Good for |x| < 2^21.
// Adding 1.5 * 2^23 rounds to an integer, which is then the low bits of the sum.
static inline float m_exp_reduced(float x, int32_t *k) {
  float t = m_fma(x, 1.44269504f, 12582912.0f);
  float n = t - 12582912.0f;
  *k = (int32_t)(m_bits(t) - 0x4b400000u);
  float r = m_fma(n, -0.693145752f, x);
  r = m_fma(n, -1.42860677e-06f, r);
  float q = m_fma(0.001386113f, r, 0.00836654473f);
  q = m_fma(q, r, 0.0416675396f);
  q = m_fma(q, r, 0.166665435f);
  q = m_fma(q, r, 0.49999997f);
  return m_fma(r * r, q, r);
}

// 1.01 ulp. The scale 2^k goes in two halves, because it may lie beyond the range of floats where the result does not.
static inline float m_exp(float x) {
  float within = x < -110.0f ? -110.0f : x > 90.0f ? 90.0f : x;
  int32_t k;
  float p = m_exp_reduced(within, &k) + 1.0f;
  return p * m_power_of_2(k >> 1) * m_power_of_2(k - (k >> 1));
}

// 1.5 ulp. exp(x) - 1 = 2^k (exp(r) - 1) + (2^k - 1), computed at half size so that 2^k does not overflow.
static inline float m_expm1(float x) {
  float within = x < -30.0f ? -30.0f : x > 88.8f ? 88.8f : x;
  int32_t k;
  float p = m_exp_reduced(within, &k);
  float s = m_power_of_2(k - 1);
  float half = m_fma(s, p, s - 0.5f);
  return half + half;
}

// log(1 + f) + e log 2 for sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
static inline float m_log_reduced(float f, float e) {
  float p = m_fma(0.0873569995f, f, -0.143091395f);
  p = m_fma(p, f, 0.149179682f);
  p = m_fma(p, f, -0.165701002f);
  p = m_fma(p, f, 0.199620515f);
  p = m_fma(p, f, -0.250017852f);
  p = m_fma(p, f, 0.333339512f);
  p = m_fma(p, f, -0.499999911f);
  return m_fma(e, 0.693147182f, m_fma(f * f, p, f));
}

// The logarithm of x is y, but for the ends of its domain.
static inline float m_log_ends(float x, float y) {
  y = x > FLT_MAX ? x : y;
  y = x == 0.0f ? -INFINITY : y;
  return x >= 0.0f ? y : NAN;
}

// The e for which x * 2^-e lies between sqrt(1/2) and sqrt(2).
static inline int32_t m_exponent(float x) { return (int32_t)(m_bits(x) - 0x3f3504f3u) >> 23; }

// 1.2 ulp.
static inline float m_log(float x) {
  float normal = x < FLT_MIN ? x * 8388608.0f : x;
  int32_t e = m_exponent(normal);
  float m = m_float(m_bits(normal) - ((uint32_t)e << 23));
  float y = m_log_reduced(m - 1.0f, (float)e + (x < FLT_MIN ? -23.0f : 0.0f));
  return m_log_ends(x, y);
}

// 1.6 ulp. 1 + x = 2^e (1 + f) gives f = 2^-e x + (2^-e - 1), where the bracket is exact or negligible.
static inline float m_log1p(float x) {
  float u = 1.0f + x;
  int32_t e = m_exponent(u);
  float scaled = m_float(m_bits(x) - ((uint32_t)e << 23));
  float rest = m_power_of_2(e > 126 ? -126 : -e) - 1.0f;
  return m_log_ends(u, m_log_reduced(scaled + rest, (float)e));
}

// 1.5 ulp. Below 0.55 an odd polynomial, above it 1 - 2 / (exp(2x) + 1).
static inline float m_tanh(float x) {
  float a = fabsf(x), s = x * x;
  float t = m_fma(-0.0062602153f, s, 0.0210609175f);
  t = m_fma(t, s, -0.0538494177f);
  t = m_fma(t, s, 0.133325547f);
  t = m_fma(t, s, -0.333333164f);
  float small = m_fma(x * s, t, x);
  int32_t k;
  float p = m_exp_reduced(a > 10.0f ? 20.0f : a + a, &k) + 1.0f;
  float large = 1.0f - 2.0f / (p * m_power_of_2(k) + 1.0f);
  return a < 0.55f ? small : copysignf(large, x);
}

// 1 ulp. Below 0.92 an odd polynomial, above it 1 - exp(-a - a L(a)).
static inline float m_erf(float x) {
  float a = fabsf(x), s = x * x;
  float t = m_fma(7.99427871e-05f, s, -0.000804942858f);
  t = m_fma(t, s, 0.00519239018f);
  t = m_fma(t, s, -0.0268557295f);
  t = m_fma(t, s, 0.112836257f);
  t = m_fma(t, s, -0.376126289f);
  t = m_fma(t, s, 0.128379166f);
  float small = m_fma(x, t, x);
  float b = a > 3.95f ? 3.95f : a;
  float l = m_fma(1.10387236e-05f, b, -0.000320879626f);
  l = m_fma(l, b, 0.00363464397f);
  l = m_fma(l, b, -0.023745548f);
  l = m_fma(l, b, 0.10621772f);
  l = m_fma(l, b, 0.63516289f);
  l = m_fma(l, b, 0.128645644f);
  int32_t k;
  float p = m_exp_reduced(-m_fma(b, l, b), &k) + 1.0f;
  float large = 1.0f - p * m_power_of_2(k);
  return a < 0.92f ? small : copysignf(large, x);
}

// sin(x + quarter * pi/2). Reduction by pi/2 in three parts (Cody and Waite), each product exact in the fused sum.
// 1.5 ulp up to |x| = 100; absolutely 1e-7 up to 1e5, 3e-7 up to 4e6, and NaN beyond, where floats lie too far apart.
static inline float m_circle(float x, uint32_t quarter) {
  float t = m_fma(x, 0.636619772f, 12582912.0f);
  float n = t - 12582912.0f;
  uint32_t q = m_bits(t) + quarter;
  float r = m_fma(n, -1.57079637f, x);
  r = m_fma(n, 4.37113883e-08f, r);
  r = m_fma(n, 1.71512451e-15f, r);
  float s = r * r;
  float u = m_fma(-0.000195182889f, s, 0.00833218917f);
  u = m_fma(u, s, -0.166666552f);
  float sine = m_fma(r * s, u, r);
  float v = m_fma(2.44325656e-05f, s, -0.00138873106f);
  v = m_fma(v, s, 0.0416666456f);
  float cosine = m_fma(s * s, v, m_fma(s, -0.5f, 1.0f));
  float y = (q & 1u) ? cosine : sine;
  y = m_float(m_bits(y) ^ ((q & 2u) << 30));
  return fabsf(x) <= 4e6f ? y : NAN;
}

static inline float m_sin(float x) { return m_circle(x, 0); }

static inline float m_cos(float x) { return m_circle(x, 1); }

// 2.5 ulp: 1 / (1 + exp(-x)).
static inline float m_sigmoid(float x) { return 1.0f / (1.0f + m_exp(-x)); }

// 2.5 ulp: log(1 + exp(x)).
static inline float m_softplus(float x) { return m_max(x, 0.0f) + m_log1p(m_exp(-fabsf(x))); }

// x log s + (1 - x) log(1 - s) with s = sigmoid(l): for x = 0 and 1 exact to 3 ulp, however small. NaN at infinite l.
static inline float m_log_bernoulli(float x, float l) { return (x * l - m_max(l, 0.0f)) - m_log1p(m_exp(-fabsf(l))); }

// x - sigmoid(l), for x = 0 and 1 exact to 2.5 ulp, however small.
static inline float m_residual(float x, float l) {
  float e = m_exp(-fabsf(l));
  float s = e / (1.0f + e);
  return l > 0.0f ? (x - 1.0f) + s : x - s;
}

static inline uint64_t m_bits64(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline double m_double(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

// Logarithm of a normal x > 0 in double precision: log m = 2 artanh(s) with s = (m - 1) / (m + 1).
static inline double m_log_double(double x) {
  uint64_t u = m_bits64(x);
  int64_t e = (int64_t)(u - 0x3fe6a09e667f3bcdu) >> 52;
  double f = m_double(u - ((uint64_t)e << 52)) - 1.0;
  double s = f / (2.0 + f), t = s * s;
  double r = 0.14797169216667083 * t + 0.15313931096788402;
  r = r * t + 0.1818356894100778;
  r = r * t + 0.2222219848419702;
  r = r * t + 0.28571428743276267;
  r = r * t + 0.39999999999410435;
  r = r * t + 0.66666666666667351;
  double n = (double)e;
  return n * 0.69314718055989033 + (2.0 * s + (s * t * r + n * 5.4979230187083712e-14));
}

// Exponential for -700 < x < 700, to 40 bits.
static inline double m_exp_double(double x) {
  double t = x * 1.4426950408889634 + 6755399441055744.0;
  double n = t - 6755399441055744.0;
  double r = (x - n * 0.69314718055989033) - n * 5.4979230187083712e-14;
  double q = 2.470799792821084e-05 * r + 0.00019909035090200815;
  q = q * r + 0.0013889198249656452;
  q = q * r + 0.0083332816584626938;
  q = q * r + 0.041666664394750086;
  q = q * r + 0.16666666784973402;
  q = q * r + 0.50000000004291367;
  double scale = m_double((m_bits64(t) - 0x4338000000000000u + 1023u) << 52);
  return (1.0 + (r + r * r * q)) * scale;
}

// 0.6 ulp: the standard normal's cumulative function. With z = |x| / sqrt(2) and t = 3 / (3 + z), the tail
// erfc(z) / 2 is exp(-z^2) t P(t).
static inline float m_normal_cdf(float x) {
  double a = fabs((double)x);
  a = a > 37.0 ? 37.0 : a;
  double t = 4.2426406871192851 / (4.2426406871192851 + a);
  double p = -6.3086850643580924e-05 * t + 0.02826929722399293;
  p = p * t - 0.14717433404177858;
  p = p * t + 0.26944840095712098;
  p = p * t - 0.22190990113193377;
  p = p * t + 0.20237262032369322;
  p = p * t - 0.0010792981662172058;
  p = p * t + 0.096048718441664915;
  p = p * t + 0.085729804217180767;
  p = p * t + 0.09433966580456379;
  p = p * t + 0.094018113615669743;
  double tail = m_exp_double(-0.5 * a * a) * t * p;
  return x != x ? x : (float)(x < 0.0f ? tail : 1.0 - tail);
}

// 0.5 ulp: exp(x) - 1 - x. Between -1/2 and 1/2 by its series.
static inline float m_expm1mx(float x) {
  double z = (double)x;
  double p = z / 3628800.0 + 1.0 / 362880.0;
  p = p * z + 1.0 / 40320.0;
  p = p * z + 1.0 / 5040.0;
  p = p * z + 1.0 / 720.0;
  p = p * z + 1.0 / 120.0;
  p = p * z + 1.0 / 24.0;
  p = p * z + 1.0 / 6.0;
  p = p * z + 0.5;
  double top = z > 100.0 ? 100.0 : z;
  double far = m_exp_double(top < -100.0 ? -100.0 : top) - 1.0 - top;
  return x != x ? x : (float)(fabs(z) < 0.5 ? z * z * p : far);
}

// 0.5 ulp. A polynomial in x^2 up to 1; beyond, the angle that 1 / x lacks to a right one.
static inline float m_atan(float x) {
  double a = fabs((double)x), r = a > 1.0 ? 1.0 / a : a, s = r * r;
  double p = 0.00041922786011272895 * s - 0.0031954252407363946;
  p = p * s + 0.011427633277375594;
  p = p * s - 0.026005995977608619;
  p = p * s + 0.043646589442816673;
  p = p * s - 0.060221963879374327;
  p = p * s + 0.074952623780996963;
  p = p * s - 0.090491790937205773;
  p = p * s + 0.11105306732424464;
  p = p * s - 0.1428522560816021;
  p = p * s + 0.19999978336217084;
  p = p * s - 0.33333332951657216;
  p = r * (p * s + 0.99999999998873813);
  p = a > 1.0 ? 1.5707963267948966 - p : p;
  return x != x ? x : copysignf((float)p, x);
}

// y / x where erf(y) = x and w = -log(1 - x^2), for w from 0 to 105: a polynomial in w up to 6, in its root beyond, by
// Chebyshev's nodes.
static inline double m_erfinv_ratio(double w) {
  double u = sqrt(w > 0.0 ? w : 0.0);
  double near = -1.4854908961637764e-11 * w + 5.5734290803925987e-10;
  near = near * w - 8.4922429016067574e-9;
  near = near * w + 6.1131555424910157e-8;
  near = near * w - 1.2203597397129163e-7;
  near = near * w - 9.4915908920394234e-7;
  near = near * w + 2.1790884142241464e-6;
  near = near * w + 4.6103491260809152e-5;
  near = near * w - 0.00012741227568066718;
  near = near * w - 0.0023354996777537209;
  near = near * w + 0.011549462396345868;
  near = near * w + 0.23201365296109508;
  near = near * w + 0.88622692569609654;
  double mid = -1.2711865607363181e-6 * u + 6.0757365425147358e-5;
  mid = mid * u - 0.0013258843583073215;
  mid = mid * u + 0.017458726411598377;
  mid = mid * u - 0.15437349129689176;
  mid = mid * u + 0.96464438936590298;
  mid = mid * u - 4.3617481627776204;
  mid = mid * u + 14.349801498808535;
  mid = mid * u - 33.989009079629087;
  mid = mid * u + 56.2632550887735;
  mid = mid * u - 61.303767678363811;
  mid = mid * u + 39.91832027768029;
  mid = mid * u - 10.741774408577349;
  double far = -8.2713296771668848e-10 * u + 6.2209989388963721e-8;
  far = far * u - 2.0859401405501338e-6;
  far = far * u + 4.1004230060395873e-5;
  far = far * u - 0.00052203684990616157;
  far = far * u + 0.0044769068292619499;
  far = far * u - 0.02592351701325024;
  far = far * u + 0.097308034219604969;
  far = far * u + 0.79774270698331703;
  far = far * u + 0.0018177270164744615;
  return w < 6.0 ? near : w < 24.0 ? mid : far;
}

// 0.51 ulp: the y with erf(y) = x. Infinite at -1 and 1, NaN beyond.
static inline float m_erfinv(float x) {
  double a = fabs((double)x), rest = (1.0 - a) * (1.0 + a);
  float y = (float)((double)x * m_erfinv_ratio(-m_log_double(rest > 1e-9 ? rest : 1e-9)));
  return a < 1.0 ? y : a == 1.0 ? copysignf(INFINITY, x) : NAN;
}

// 0.6 ulp: where the standard normal's cumulative function is p. Infinite at 0 and 1, NaN beyond.
static inline float m_normal_quantile(float p) {
  double x = 2.0 * (double)p - 1.0, rest = 4.0 * (double)p * (1.0 - (double)p);
  float y = (float)(1.4142135623730951 * x * m_erfinv_ratio(-m_log_double(rest > 1e-45 ? rest : 1e-45)));
  y = p == 0.0f ? -INFINITY : p == 1.0f ? INFINITY : y;
  return p >= 0.0f && p <= 1.0f ? y : NAN;
}

// Exact to a rounding where |a / b| < 2^29: a - b floor(a / b), of the sign of b. NaN where b is 0 or infinite.
static inline float m_mod(float a, float b) {
  double x = (double)a, y = (double)b, r = x - floor(x / y) * y;
  r = r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
  return (float)r;
}

// 0.5 ulp: p log(p / q) - p + q, never below 0; q where p is 0. With q / p = 1 + f it is p (f - log(1 + f)), and near
// f = 0, where s = f / (2 + f) and log(1 + f) = 2 artanh(s), f - 2 s = f s. NaN where p or q is negative or infinite.
static inline float m_kl_div(float p, float q) {
  double x = (double)p, y = (double)q, ratio = y / x;
  double f = (y - x) / x, s = f / (2.0 + f), t = s * s;
  double r = 0.11765 * t + 0.13333333333333333;
  r = r * t + 0.15384615384615385;
  r = r * t + 0.18181818181818182;
  r = r * t + 0.22222222222222222;
  r = r * t + 0.28571428571428571;
  r = r * t + 0.4;
  r = r * t + 0.66666666666666667;
  double near = x * (f * s - s * t * r);
  double far = (y - x) - x * m_log_double(ratio);
  double d = fabs(f) < 0.4 ? near : far;
  d = y == 0.0 ? (double)INFINITY : d;
  d = x == 0.0 ? y : d;
  return p >= 0.0f && q >= 0.0f && p <= FLT_MAX && q <= FLT_MAX ? (float)d : NAN;
}

// 0.5 ulp. In double precision, so that a large exponent does not magnify the error of the logarithm.
// As C's pow, but NaN in either argument gives NaN, and 0 counts as positive.
static inline float m_pow(float a, float b) {
  double base = fabs((double)a);
  double l = m_log_double(base);
  l = base == 0.0 ? -(double)INFINITY : base > (double)FLT_MAX ? (double)INFINITY : l;
  double t = base == 1.0 ? 0.0 : (double)b * l;
  t = t < -120.0 ? -120.0 : t > 100.0 ? 100.0 : t;
  float y = (float)m_exp_double(t);
  float odd = floorf(0.5f * b) * 2.0f != b ? -y : y;
  y = a < 0.0f ? (floorf(b) == b ? odd : NAN) : y;
  y = b == 0.0f ? 1.0f : y;
  return a != a || b != b ? NAN : y;
}

// sin(pi r) for r in 0 .. 1/2, by its series.
static inline double m_sin_pi(double r) {
  double s = 9.8696044010893586 * r * r;
  double t = 1.0 - s / 420.0;
  t = 1.0 - s / 342.0 * t;
  t = 1.0 - s / 272.0 * t;
  t = 1.0 - s / 210.0 * t;
  t = 1.0 - s / 156.0 * t;
  t = 1.0 - s / 110.0 * t;
  t = 1.0 - s / 72.0 * t;
  t = 1.0 - s / 42.0 * t;
  t = 1.0 - s / 20.0 * t;
  t = 1.0 - s / 6.0 * t;
  return 3.1415926535897932 * r * t;
}

// x less the nearest whole number.
static inline double m_beside_whole(double x) { return x - floor(x + 0.5); }

// The three below, for z > 0: recurrence up to z >= 12, there the asymptotic series (Abramowitz and Stegun 6.1.41,
// 6.3.18, 6.4.12).
static inline double m_lgamma_double(double z) {
  double product = 1.0;
  for (; z < 12.0; z += 1.0) product *= z;
  double i = 1.0 / z, s = i * i;
  double r = 1.0 / 156.0 * s - 691.0 / 360360.0;
  r = r * s + 1.0 / 1188.0;
  r = r * s - 1.0 / 1680.0;
  r = r * s + 1.0 / 1260.0;
  r = r * s - 1.0 / 360.0;
  r = r * s + 1.0 / 12.0;
  return (z - 0.5) * m_log_double(z) - z + 0.91893853320467274 + r * i - m_log_double(product);
}

static inline double m_digamma_double(double z) {
  double sum = 0.0;
  for (; z < 12.0; z += 1.0) sum += 1.0 / z;
  double i = 1.0 / z, s = i * i;
  double r = 1.0 / 12.0 * s - 691.0 / 32760.0;
  r = r * s + 1.0 / 132.0;
  r = r * s - 1.0 / 240.0;
  r = r * s + 1.0 / 252.0;
  r = r * s - 1.0 / 120.0;
  r = r * s + 1.0 / 12.0;
  return m_log_double(z) - 0.5 * i - r * s - sum;
}

static inline double m_trigamma_double(double z) {
  double sum = 0.0;
  for (; z < 12.0; z += 1.0) sum += 1.0 / (z * z);
  double i = 1.0 / z, s = i * i;
  double r = 7.0 / 6.0 * s - 691.0 / 2730.0;
  r = r * s + 5.0 / 66.0;
  r = r * s - 1.0 / 30.0;
  r = r * s + 1.0 / 42.0;
  r = r * s - 1.0 / 30.0;
  r = r * s + 1.0 / 6.0;
  return i + 0.5 * s + r * s * i + sum;
}

// log |gamma(x)|. 0.5 ulp; likewise the two below, but for digamma near its zeros, absolutely. For x < 0 by reflection
// (6.1.17, 6.3.7, 6.4.7); at the poles 0, -1, -2, ... infinite, but that of digamma below 0, which has two sides, NaN.
static inline float m_lgamma(float x) {
  double z = (double)x;
  if (x == 1.0f || x == 2.0f) return 0.0f;
  if (!(fabsf(x) <= FLT_MAX)) return x != x ? NAN : INFINITY;
  if (x > 0.0f) return (float)m_lgamma_double(z);
  double sine = m_sin_pi(fabs(m_beside_whole(z)));
  if (sine == 0.0) return INFINITY;
  return (float)(1.1447298858494002 - m_log_double(sine) - m_lgamma_double(1.0 - z));
}

static inline float m_digamma(float x) {
  double z = (double)x;
  if (x == 0.0f) return -INFINITY;
  if (!(fabsf(x) <= FLT_MAX)) return x > 0.0f ? INFINITY : NAN;
  if (x > 0.0f) return (float)m_digamma_double(z);
  double beside = m_beside_whole(z), r = fabs(beside);
  if (r == 0.0) return NAN;
  double slope = 3.1415926535897932 * m_sin_pi(0.5 - r) / m_sin_pi(r);
  return (float)(m_digamma_double(1.0 - z) - (beside < 0.0 ? -slope : slope));
}

static inline float m_trigamma(float x) {
  double z = (double)x;
  if (!(fabsf(x) <= FLT_MAX)) return x > 0.0f ? 0.0f : NAN;
  if (x > 0.0f) return (float)m_trigamma_double(z);
  double sine = m_sin_pi(fabs(m_beside_whole(z)));
  if (sine == 0.0) return INFINITY;
  return (float)(9.8696044010893586 / (sine * sine) - m_trigamma_double(1.0 - z));
}

#endif
