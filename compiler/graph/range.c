// Bounds on values by interval arithmetic: one rule for each entry of the range column of ops.def.
//
// They serve the elaborator's checks of supports (scale > 0, data in [0, 1]) and simplification. Sound in real
// arithmetic; rounding of single precision is not modelled. Never NaN: what cannot be said is -INFINITY .. INFINITY.
//
// An interval is closed, but `lo > 0` must be able to say "positive": a bound of TINY (-TINY) means no more than the
// sign. Rules therefore compute with such a bound as 0 (load), and say separately when the result is positive or
// negative.
#include "graph/graph_rules.h"
#include "graph/number.h"

#include <float.h>
#include <math.h>

static const double TINY = 1e-45;     // below every positive float
static const double NOTHING = 1e-40;  // bounds nearer to 0 say no more than the sign

typedef struct {
  double lo, hi;
} Range;
typedef Range RangeRule(const Graph *g, const Node *n);

static Range load(const Node *n) {
  return (Range){n->lo > 0 && n->lo < NOTHING ? 0 : n->lo, n->hi < 0 && n->hi > -NOTHING ? 0 : n->hi};
}

static Range everything(void) { return (Range){-INFINITY, INFINITY}; }

static Range hull(Range r, Range s) { return (Range){fmin(r.lo, s.lo), fmax(r.hi, s.hi)}; }

// r, of values known to be positive (sign > 0) or negative (sign < 0)
static Range with_sign(Range r, int sign) {
  if (sign > 0) r.lo = fmax(r.lo, TINY);
  if (sign < 0) r.hi = fmin(r.hi, -TINY);
  return r;
}

static int sign_of(const Node *n) { return n->lo > 0 ? 1 : n->hi < 0 ? -1 : 0; }

// The products of bounds; a bound at infinity stands for finite values, so that 0 times it is 0.
static double product(double x, double y) { return x == 0 || y == 0 ? 0 : x * y; }

static Range times(Range r, Range s) {
  double a = product(r.lo, s.lo), b = product(r.lo, s.hi), c = product(r.hi, s.lo), d = product(r.hi, s.hi);
  return (Range){fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d))};
}

// An increasing function of the first input; not defined at or below `from`.
static Range increasing(const Node *n, double (*f)(double), double from) {
  Range r = load(n->in[0]);
  return (Range){r.lo <= from ? -INFINITY : f(r.lo), r.hi <= from ? INFINITY : f(r.hi)};
}

static Range range_const(const Graph *g, const Node *n) {
  (void)g;
  return (Range){n->attr.value, n->attr.value};
}

static Range range_given(const Graph *g, const Node *n) {
  int id = n->attr.id;
  if (n->op == OP_WEIGHT) return (Range){g->tensor[id].lo, g->tensor[id].hi};
  return (Range){g->input[id].lo, g->input[id].hi};
}

// Random numbers are odd multiples of 2^-24 (runtime/core/philox.h).
static Range range_unit(const Graph *g, const Node *n) {
  (void)g, (void)n;
  return (Range){0x1p-24, 1 - 0x1p-24};
}

static Range range_iota(const Graph *g, const Node *n) {
  (void)g;
  return (Range){0, (double)(n->shape.dim[n->attr.a[0]] - 1)};
}

static Range range_first(const Graph *g, const Node *n) {
  (void)g;
  return (Range){n->in[0]->lo, n->in[0]->hi};
}

static Range range_any(const Graph *g, const Node *n) {
  (void)g, (void)n;
  return everything();
}

static Range range_positive(const Graph *g, const Node *n) {
  (void)g, (void)n;
  return (Range){TINY, INFINITY};
}

// Is a below b, whatever the rounding of their bounds?
static bool below(const Node *a, const Node *b) { return a->hi + 1e-6 * (fabs(a->hi) + fabs(b->lo)) < b->lo; }

// A comparison is known where the bounds do not overlap.
static Range range_truth(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0], *b = n->in[1];
  bool first = below(a, b), second = below(b, a);
  return n->op == OP_LESS ? (Range){first, !second} : (Range){0, !first && !second};
}

static Range range_circle(const Graph *g, const Node *n) {
  (void)g, (void)n;
  return (Range){-1, 1};
}

static Range range_neg(const Graph *g, const Node *n) {
  (void)g;
  return (Range){-n->in[0]->hi, -n->in[0]->lo};
}

static Range range_abs(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0];
  if (a->lo >= 0) return (Range){a->lo, a->hi};
  return (Range){a->hi < 0 ? -a->hi : 0, fmax(-a->lo, a->hi)};
}

static Range range_sign(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0];
  return (Range){a->lo > 0 ? 1 : a->lo >= 0 ? 0 : -1, a->hi < 0 ? -1 : a->hi <= 0 ? 0 : 1};
}

static Range range_floor(const Graph *g, const Node *n) {
  (void)g;
  return increasing(n, floor, -INFINITY);
}

static double at(Op op, double x) { return number_fold(op, (double[]){x, 0, 0}); }

// An increasing function of one input, which is positive everywhere.
static Range range_rising(const Graph *g, const Node *n) {
  (void)g;
  return with_sign((Range){at(n->op, n->in[0]->lo), at(n->op, n->in[0]->hi)}, 1);
}

static Range range_log(const Graph *g, const Node *n) {
  (void)g;
  return increasing(n, log, 0);
}

static Range range_log1p(const Graph *g, const Node *n) {
  (void)g;
  return with_sign(increasing(n, log1p, -1), sign_of(n->in[0]));
}

static Range range_expm1(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  return with_sign((Range){expm1(r.lo), expm1(r.hi)}, sign_of(n->in[0]));
}

static Range range_sqrt(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  return with_sign((Range){r.lo > 0 ? sqrt(r.lo) : 0, r.hi > 0 ? sqrt(r.hi) : INFINITY}, sign_of(n->in[0]) > 0);
}

static Range range_tanh(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  return with_sign((Range){tanh(r.lo), tanh(r.hi)}, sign_of(n->in[0]));
}

static Range range_atan(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  return with_sign((Range){atan(r.lo), atan(r.hi)}, sign_of(n->in[0]));
}

static Range range_erfinv(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  return with_sign((Range){at(OP_ERFINV, fmax(r.lo, -1)), at(OP_ERFINV, fmin(r.hi, 1))}, sign_of(n->in[0]));
}

static Range range_normal_quantile(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  return (Range){at(OP_NORMAL_QUANTILE, fmax(r.lo, 0)), at(OP_NORMAL_QUANTILE, fmin(r.hi, 1))};
}

static Range range_expm1mx(const Graph *g, const Node *n) {
  (void)g;
  Range r = load(n->in[0]);
  double lo = at(OP_EXPM1MX, r.lo), hi = at(OP_EXPM1MX, r.hi);
  return (Range){r.lo <= 0 && r.hi >= 0 ? 0 : fmin(lo, hi), fmax(lo, hi)};
}

static Range range_kl_div(const Graph *g, const Node *n) {
  (void)g, (void)n;
  return (Range){0, INFINITY};
}

static Range range_log_bernoulli(const Graph *g, const Node *n) {
  (void)g;
  bool within = n->in[0]->lo >= 0 && n->in[0]->hi <= 1;
  return (Range){-INFINITY, within ? 0 : INFINITY};
}

static Range range_residual(const Graph *g, const Node *n) {
  (void)g;
  return (Range){n->in[0]->lo - at(OP_SIGMOID, n->in[1]->hi), n->in[0]->hi - at(OP_SIGMOID, n->in[1]->lo)};
}

static Range range_add(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0], *b = n->in[1];
  Range r = load(a), s = load(b);
  bool positive = a->lo >= 0 && b->lo >= 0 && sign_of(a) + sign_of(b) > 0;
  bool negative = a->hi <= 0 && b->hi <= 0 && sign_of(a) + sign_of(b) < 0;
  Range sum = {r.lo + s.lo, r.hi + s.hi};
  if (graph_blend(n, &a, &b)) {
    Range both = hull((Range){a->lo, a->hi}, (Range){b->lo, b->hi});
    sum = (Range){fmax(sum.lo, both.lo), fmin(sum.hi, both.hi)};
  }
  return with_sign(sum, positive - negative);
}

static Range range_sub(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0], *b = n->in[1];
  Range r = load(a), s = load(b);
  bool positive = a->lo >= 0 && b->hi <= 0 && sign_of(a) - sign_of(b) > 0;
  bool negative = a->hi <= 0 && b->lo >= 0 && sign_of(a) - sign_of(b) < 0;
  return with_sign((Range){r.lo - s.hi, r.hi - s.lo}, positive - negative);
}

static Range range_mul(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0], *b = n->in[1];
  Range r = times(load(a), load(b));
  if (a == b) r.lo = fmax(r.lo, 0);  // a square
  return with_sign(r, sign_of(a) * sign_of(b));
}

static Range reciprocal(Range r) {
  if (r.lo < 0 && r.hi > 0) return everything();
  return (Range){r.hi == 0 ? -INFINITY : 1 / r.hi, r.lo == 0 ? INFINITY : 1 / r.lo};
}

static Range range_div(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0], *b = n->in[1];
  return with_sign(times(load(a), reciprocal(load(b))), sign_of(a) * sign_of(b));
}

static Range range_pow(const Graph *g, const Node *n) {
  (void)g;
  const Node *a = n->in[0], *b = n->in[1];
  Range r = load(a);
  if (r.lo < 0) return everything();
  if (b->op != OP_CONST) return with_sign((Range){0, INFINITY}, sign_of(a));
  double x = pow(r.lo, b->attr.value), y = pow(r.hi, b->attr.value);
  return with_sign((Range){fmin(x, y), fmax(x, y)}, sign_of(a));
}

static Range range_mod(const Graph *g, const Node *n) {
  (void)g;
  return (Range){fmin(n->in[1]->lo, 0), fmax(n->in[1]->hi, 0)};
}

static Range range_max(const Graph *g, const Node *n) {
  (void)g;
  return (Range){fmax(n->in[0]->lo, n->in[1]->lo), fmax(n->in[0]->hi, n->in[1]->hi)};
}

static Range range_min(const Graph *g, const Node *n) {
  (void)g;
  return (Range){fmin(n->in[0]->lo, n->in[1]->lo), fmin(n->in[0]->hi, n->in[1]->hi)};
}

static Range range_hull(const Graph *g, const Node *n) {
  Range r = range_first(g, n);
  for (int i = 1; i < n->arity; i++) r = hull(r, (Range){n->in[i]->lo, n->in[i]->hi});
  return r;
}

static Range range_select(const Graph *g, const Node *n) {
  (void)g;
  const Node *c = n->in[0];
  Range yes = {n->in[1]->lo, n->in[1]->hi}, no = {n->in[2]->lo, n->in[2]->hi};
  if (c->lo == 0 && c->hi == 0) return no;
  return c->lo > 0 || c->hi < 0 ? yes : hull(yes, no);
}

static Range range_pad(const Graph *g, const Node *n) { return hull(range_first(g, n), (Range){0, 0}); }

static Range range_sum(const Graph *g, const Node *n) {
  (void)g;
  double count = (double)(shape_count(n->in[0]->shape) / shape_count(n->shape));
  return with_sign(times(load(n->in[0]), (Range){count, count}), sign_of(n->in[0]));
}

static Range range_result(const Graph *g, const Node *n) {
  (void)g;
  const GraphLoop *l = n->in[0]->attr.loop;
  int k = n->attr.id;
  const Node *value = k < l->inputs ? l->next[k] : l->each[k - l->inputs];
  return (Range){value->lo, value->hi};
}

static RangeRule *const range_rule[] = {
#define OP(ID, name, arity, class, expression, shape, gradient, range) range_##range,
#include "core/ops.def"
};

void graph_range(const Graph *g, Node *n) {
  Range r = range_rule[n->op](g, n);
  if (isnan(r.lo) || r.lo < -(double)FLT_MAX) r.lo = -INFINITY;
  if (isnan(r.hi) || r.hi > (double)FLT_MAX) r.hi = INFINITY;
  n->lo = r.lo;
  n->hi = r.hi;
}

void graph_range_at(const Graph *g, const Node *y, const Node *at, double value, double *lo, double *hi) {
  Arena *scratch = arena_open(g->arena);
  Node **copy = NEW_ARRAY(scratch, Node *, y->id + 1);  // of what hangs on `at`
  for (int id = at->id; id <= y->id; id++) {
    Node *n = g->node[id], **in = NEW_ARRAY(scratch, Node *, n->arity + 1);
    bool hangs = id == at->id;
    for (int i = 0; i < n->arity; i++) {
      Node *own = n->in[i]->id >= at->id ? copy[n->in[i]->id] : NULL;
      in[i] = own ? own : n->in[i];
      hangs = hangs || own;
    }
    if (!hangs) continue;
    copy[id] = NEW(scratch, Node);
    *copy[id] = *n;
    copy[id]->in = in;
    copy[id]->lo = copy[id]->hi = value;
    if (id > at->id) graph_range(g, copy[id]);
  }
  const Node *found = y->id >= at->id && copy[y->id] ? copy[y->id] : y;
  *lo = found->lo;
  *hi = found->hi;
  arena_close(scratch);
}
