// The oracle's evaluator: for each operation, the definition in ops.def as nested loops over indices.
//
// Invariant: clearness before speed; one function for each operation that is not elementwise.
#include "graph/reference.h"

#include <math.h>

typedef struct {
  Arena *arena;
  const Graph *graph;
  const ReferenceInputs *inputs;
  const Node *node;
  const double *in[3];   // values of the first three inputs
  double *const *value;  // of all nodes
  double ***results;     // of all loops
  double *out;           // zero before
} Job;

// ---- indices

static void unravel(Shape s, int64_t flat, int64_t *index) {
  for (int i = s.rank - 1; i >= 0; i--) {
    index[i] = flat % s.dim[i];
    flat /= s.dim[i];
  }
}

static int64_t ravel(Shape s, const int64_t *index) {
  int64_t flat = 0;
  for (int i = 0; i < s.rank; i++) flat = flat * s.dim[i] + index[i];
  return flat;
}

// ---- sources

static void eval_const(const Job *j) {
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) j->out[e] = j->node->attr.value;
}

static void eval_weight(const Job *j) {
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) j->out[e] = j->inputs->tensor[j->node->attr.id][e];
}

static void eval_input(const Job *j) {
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) j->out[e] = j->inputs->input[j->node->attr.id][e];
}

double reference_random(void *self, const Node *n, int64_t row, int64_t element) {
  (void)self;
  uint64_t x = (uint64_t)(uint32_t)n->attr.id << 40 ^ (uint64_t)row << 24 ^ (uint64_t)element;
  for (int round = 0; round < 3; round++) x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u + 0x9e3779b97f4a7c15u;
  return ((double)(x >> 42) + 0.5) / (double)(1 << 22);
}

static void eval_random(const Job *j) {
  const ReferenceInputs *in = j->inputs;
  const Node *n = j->node;
  double (*random)(void *, const Node *, int64_t, int64_t) = in->random ? in->random : reference_random;
  int64_t rows = n->attr.flag == RANDOM_ONCE || n->shape.rank == 0 ? 1 : n->shape.dim[0];
  int64_t count = shape_count(n->shape) / rows, first = 0;
  for (int d = 0; d < in->depth; d++) first += in->turn[d] * n->attr.a[d];
  for (int64_t e = 0; e < rows * count; e++) j->out[e] = random(in->self, n, e / count, first + e % count);
}

static void eval_iota(const Job *j) {
  int64_t index[MAX_RANK];
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) {
    unravel(j->node->shape, e, index);
    j->out[e] = (double)index[j->node->attr.a[0]];
  }
}

// ---- elementwise

// The derivatives of lgamma: the recurrence upwards to x >= 15, then the asymptotic series (Abramowitz and
// Stegun 6.3.18, 6.4.12).
static double digamma(double x) {
  double below = 0;
  for (; x < 15; x++) below -= 1 / x;
  double s = 1 / (x * x);
  return below + log(x) - 0.5 / x - s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s / 132))));
}

static double trigamma(double x) {
  double below = 0;
  for (; x < 15; x++) below += 1 / (x * x);
  double s = 1 / (x * x);
  return below + 1 / x + s / 2 + s / x * (1.0 / 6 - s * (1.0 / 30 - s * (1.0 / 42 - s * (1.0 / 30 - s * 5 / 66))));
}

// The y with erf(y) = x, by halving: erfc where erf is near 1.
static double inverse_erf(double x) {
  double a = fabs(x), lo = 0, hi = 6;
  for (int i = 0; i < 200; i++) {
    double y = (lo + hi) / 2;
    bool above = a < 0.5 ? erf(y) > a : erfc(y) < 1 - a;
    if (above) hi = y;
    if (!above) lo = y;
  }
  return a < 1 ? copysign(lo, x) : a == 1 ? copysign(INFINITY, x) : NAN;
}

static double normal_quantile(double p) {
  double lo = -40, hi = 40;
  for (int i = 0; i < 200; i++) {
    double y = (lo + hi) / 2;
    bool above = p < 0.5 ? erfc(-y / sqrt(2)) / 2 > p : erfc(y / sqrt(2)) / 2 < 1 - p;
    if (above) hi = y;
    if (!above) lo = y;
  }
  return p > 0 && p < 1 ? lo : p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double kl_div(double p, double q) {
  if (!(p >= 0 && q >= 0)) return NAN;
  return p == 0 ? q
                : (double)((long double)p * logl((long double)p / (long double)q) - (long double)p + (long double)q);
}

static double scalar(Op op, double a, double b, double c) {
  switch (op) {
    case OP_NEG: return -a;
    case OP_ABS: return fabs(a);
    case OP_SIGN: return a > 0 ? 1 : a < 0 ? -1 : a;
    case OP_FLOOR: return floor(a);
    case OP_EXP: return exp(a);
    case OP_LOG: return log(a);
    case OP_LOG1P: return log1p(a);
    case OP_EXPM1: return expm1(a);
    case OP_SQRT: return sqrt(a);
    case OP_SIN: return sin(a);
    case OP_COS: return cos(a);
    case OP_TANH: return tanh(a);
    case OP_ERF: return erf(a);
    case OP_SIGMOID: return sigmoid(a);
    case OP_SOFTPLUS: return fmax(a, 0) + log1p(exp(-fabs(a)));
    case OP_ERFINV: return inverse_erf(a);
    case OP_NORMAL_QUANTILE: return normal_quantile(a);
    case OP_ATAN: return atan(a);
    case OP_MOD: return a - b * floor(a / b);
    case OP_NORMAL_CDF: return erfc(-a / sqrt(2)) / 2;
    case OP_EXPM1MX: return (double)(expm1l((long double)a) - (long double)a);
    case OP_KL_DIV: return kl_div(a, b);
    case OP_LOG_BERNOULLI: return a * b - fmax(b, 0) - log1p(exp(-fabs(b)));
    case OP_RESIDUAL: return b > 0 ? a - 1 + sigmoid(-b) : a - sigmoid(b);
    case OP_LGAMMA: return lgamma(a);
    case OP_DIGAMMA: return a < 0 && floor(a) == a ? NAN : digamma(a);
    case OP_TRIGAMMA: return trigamma(a);
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_POW: return pow(a, b);
    case OP_MAX: return a > b || isnan(a) ? a : b;
    case OP_MIN: return a < b || isnan(a) ? a : b;
    case OP_LESS: return a < b;
    case OP_EQUAL: return a == b;
    case OP_SELECT: return a != 0 ? b : c;
    default: return NAN;  // no test can pass with it
  }
}

static void eval_elementwise(const Job *j) {
  const double *a = j->in[0], *b = j->in[1], *c = j->in[2];
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) {
    j->out[e] = scalar(j->node->op, a[e], b ? b[e] : 0, c ? c[e] : 0);
  }
}

// ---- movement

static void eval_same(const Job *j) {
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) j->out[e] = j->in[0][e];
}

static void eval_permute(const Job *j) {
  const Node *n = j->node;
  int64_t to[MAX_RANK], from[MAX_RANK];
  for (int64_t e = 0; e < shape_count(n->shape); e++) {
    unravel(n->shape, e, to);
    for (int i = 0; i < n->shape.rank; i++) from[n->attr.a[i]] = to[i];
    j->out[e] = j->in[0][ravel(n->in[0]->shape, from)];
  }
}

static void eval_broadcast(const Job *j) {
  Shape out = j->node->shape, in = j->node->in[0]->shape;
  int64_t index[MAX_RANK];
  for (int64_t e = 0; e < shape_count(out); e++) {
    unravel(out, e, index);
    for (int i = 0; i < in.rank; i++) index[i] = in.dim[i] == 1 ? 0 : index[i];
    j->out[e] = j->in[0][ravel(in, index)];
  }
}

static void eval_slice(const Job *j) {
  const Node *n = j->node;
  int64_t index[MAX_RANK];
  for (int64_t e = 0; e < shape_count(n->shape); e++) {
    unravel(n->shape, e, index);
    for (int i = 0; i < n->shape.rank; i++) index[i] += n->attr.a[i];
    j->out[e] = j->in[0][ravel(n->in[0]->shape, index)];
  }
}

static void eval_pad(const Job *j) {
  const Node *n = j->node;
  int64_t index[MAX_RANK];
  for (int64_t e = 0; e < shape_count(n->in[0]->shape); e++) {
    unravel(n->in[0]->shape, e, index);
    for (int i = 0; i < n->shape.rank; i++) index[i] += n->attr.a[i];
    j->out[ravel(n->shape, index)] = j->in[0][e];
  }
}

static void eval_concat(const Job *j) {
  const Node *n = j->node;
  int64_t axis = n->attr.a[0], begin = 0, index[MAX_RANK];
  for (int i = 0; i < n->arity; i++) {
    Shape in = n->in[i]->shape;
    for (int64_t e = 0; e < shape_count(in); e++) {
      unravel(in, e, index);
      index[axis] += begin;
      j->out[ravel(n->shape, index)] = j->value[n->in[i]->id][e];
    }
    begin += in.dim[axis];
  }
}

static int64_t row_of(double index, int64_t rows) {
  double row = floor(index);
  return row > 0 ? row < (double)rows ? (int64_t)row : rows - 1 : 0;
}

static void eval_gather(const Job *j) {
  Shape table = j->node->in[0]->shape;
  int64_t rows = table.dim[0], width = shape_count(table) / rows;
  for (int64_t i = 0; i < shape_count(j->node->in[1]->shape); i++) {
    for (int64_t w = 0; w < width; w++) j->out[i * width + w] = j->in[0][row_of(j->in[1][i], rows) * width + w];
  }
}

static void eval_scatter(const Job *j) {
  int64_t rows = j->node->shape.dim[0], width = shape_count(j->node->shape) / rows;
  for (int64_t i = 0; i < shape_count(j->node->in[1]->shape); i++) {
    for (int64_t w = 0; w < width; w++) j->out[row_of(j->in[1][i], rows) * width + w] += j->in[0][i * width + w];
  }
}

// ---- reductions

// The place in the output that element e of a reduced input goes to.
static int64_t reduced_place(const Node *n, int64_t e) {
  int64_t index[MAX_RANK], kept[MAX_RANK];
  int k = 0;
  unravel(n->in[0]->shape, e, index);
  for (int i = 0; i < n->in[0]->shape.rank; i++) {
    if (!(n->attr.axes >> i & 1)) kept[k++] = index[i];
  }
  return ravel(n->shape, kept);
}

static void eval_sum(const Job *j) {
  for (int64_t e = 0; e < shape_count(j->node->in[0]->shape); e++) {
    j->out[reduced_place(j->node, e)] += j->in[0][e];
  }
}

static void eval_maximum(const Job *j) {
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) j->out[e] = -INFINITY;
  for (int64_t e = 0; e < shape_count(j->node->in[0]->shape); e++) {
    double *out = &j->out[reduced_place(j->node, e)];
    *out = scalar(OP_MAX, j->in[0][e], *out, 0);
  }
}

static void eval_cumsum(const Job *j) {
  const Node *n = j->node;
  int64_t axis = n->attr.a[0], length = n->shape.dim[axis], index[MAX_RANK];
  for (int64_t e = 0; e < shape_count(n->shape); e++) {
    unravel(n->shape, e, index);
    int64_t here = index[axis];
    int64_t first = n->attr.flag ? here : 0, last = n->attr.flag ? length - 1 : here;
    for (index[axis] = first; index[axis] <= last; index[axis]++) j->out[e] += j->in[0][ravel(n->shape, index)];
  }
}

// ---- contractions

static void eval_matmul(const Job *j) {
  const Node *n = j->node;
  int rank = n->shape.rank;
  bool ta = n->attr.flag & 1, tb = n->attr.flag & 2;
  int64_t rows = n->shape.dim[rank - 2], columns = n->shape.dim[rank - 1],
          count = shape_count(n->shape) / (rows * columns);
  int64_t inner = n->in[0]->shape.dim[rank - (ta ? 2 : 1)];
  int64_t a_row = ta ? 1 : inner, a_k = ta ? rows : 1, b_k = tb ? 1 : columns, b_column = tb ? inner : 1;
  for (int64_t r = 0; r < count * rows; r++) {
    const double *a = j->in[0] + r / rows * rows * inner + r % rows * a_row, *b = j->in[1] + r / rows * inner * columns;
    for (int64_t k = 0; k < inner; k++)
      for (int64_t c = 0; c < columns; c++) j->out[r * columns + c] += a[k * a_k] * b[k * b_k + c * b_column];
  }
}

// The definition by sums (Golub and Van Loan, 4.2.5), column after column.
static void eval_cholesky(const Job *j) {
  int64_t n = j->node->shape.dim[j->node->shape.rank - 1];
  for (int64_t m = 0; m < shape_count(j->node->shape); m += n * n) {
    const double *a = j->in[0] + m;
    double *l = j->out + m;
    for (int64_t k = 0; k < n; k++) {
      for (int64_t i = k; i < n; i++) {
        double s = a[i * n + k];
        for (int64_t p = 0; p < k; p++) s -= l[i * n + p] * l[k * n + p];
        l[i * n + k] = i > k ? s / l[k * n + k] : s > 0 ? sqrt(s) : NAN;
      }
    }
  }
}

static double distance(const double *a, const double *b, int64_t count) {
  double sum = 0;
  for (int64_t k = 0; k < count; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

// An example has its place by how many are nearer, or as near and before it.
static void eval_nearest(const Job *j) {
  int64_t rows = j->node->shape.dim[0], count = j->node->shape.dim[1], examples = (int64_t)j->in[1][0];
  int64_t place = j->node->attr.flag < examples ? j->node->attr.flag : examples;
  const double *example = j->inputs->column[j->node->attr.id];
  for (int64_t r = 0; r < rows; r++) {
    const double *s = j->in[0] + r * count;
    for (int64_t i = 0; i < examples; i++) {
      double own = distance(s, example + i * count, count);
      int64_t before = 0;
      for (int64_t k = 0; k < examples; k++) {
        double other = distance(s, example + k * count, count);
        before += other < own || (other == own && k < i);
      }
      if (before != place - 1) continue;
      for (int64_t k = 0; k < count; k++) j->out[r * count + k] = example[i * count + k];
    }
  }
}

// Substitution, from the first unknown on or, transposed, from the last.
static void eval_solve(const Job *j) {
  const Shape *s = &j->node->shape;
  int64_t n = s->dim[s->rank - 2], m = s->dim[s->rank - 1], count = shape_count(*s) / (n * m);
  bool transposed = j->node->attr.flag & 1;
  for (int64_t b = 0; b < count; b++) {
    const double *l = j->in[0] + b * n * n;
    for (int64_t c = 0; c < m; c++) {
      double *x = j->out + b * n * m + c;
      for (int64_t k = 0; k < n; k++) {
        int64_t i = transposed ? n - 1 - k : k, first = transposed ? i + 1 : 0, last = transposed ? n : i;
        double sum = j->in[1][b * n * m + i * m + c];
        for (int64_t p = first; p < last; p++) sum -= (transposed ? l[p * n + i] : l[i * n + p]) * x[p * m];
        x[i * m] = sum / l[i * n + i];
      }
    }
  }
}

// ---- convolutions

// Every term y * d of the sum whose derivatives the three are: its places in x, w and y.
static void eval_conv(const Job *j) {
  const Node *n = j->node;
  const int64_t *a = n->attr.a, *pad = n->attr.b;
  Shape x = n->op == OP_CONV_INPUT ? n->shape : n->in[0]->shape;
  Shape w = n->op == OP_CONV_WEIGHT ? n->shape : n->in[1]->shape;
  Shape y = n->op == OP_CONV ? n->shape : n->op == OP_CONV_INPUT ? n->in[0]->shape : n->in[1]->shape;
  int64_t at_y[MAX_RANK], at_w[MAX_RANK];
  for (int64_t e = 0; e < shape_count(y); e++)
    for (int64_t t = 0; t < shape_count(w); t++) {
      unravel(y, e, at_y);
      unravel(w, t, at_w);
      if (at_w[3] != at_y[3] || conv_tap_is_dead(&n->attr, at_w[0] * w.dim[1] + at_w[1])) continue;
      int64_t at_x[MAX_RANK] = {at_y[0], at_y[1] * a[0] + at_w[0] * a[2] - pad[0],
                                at_y[2] * a[1] + at_w[1] * a[3] - pad[2],
                                at_y[3] / (y.dim[3] / a[4]) * w.dim[2] + at_w[2]};
      if (at_x[1] < 0 || at_x[1] >= x.dim[1] || at_x[2] < 0 || at_x[2] >= x.dim[2]) continue;
      int64_t f = ravel(x, at_x);
      switch (n->op) {
        case OP_CONV: j->out[e] += j->in[0][f] * j->in[1][t]; break;
        case OP_CONV_INPUT: j->out[f] += j->in[0][e] * j->in[1][t]; break;
        default: j->out[t] += j->in[0][f] * j->in[1][e];
      }
    }
}

// ---- loops

// Each result of a loop has its values at results[number].
static void eval_loop(const Job *j, double **results) {
  const GraphLoop *l = j->node->attr.loop;
  int wanted = l->inputs + l->stacked;
  ReferenceInputs in = *j->inputs;
  const double **operand = NEW_ARRAY(j->arena, const double *, l->inputs + 1);
  Node **node = NEW_ARRAY(j->arena, Node *, wanted + 1);
  double **value = NEW_ARRAY(j->arena, double *, wanted + 1);
  in.input = operand;
  in.depth++;
  for (int d = in.depth - 1; d > 0; d--) in.turn[d] = in.turn[d - 1];
  for (int k = 0; k < wanted; k++) {
    node[k] = k >= l->inputs ? l->each[k - l->inputs] : l->next[k] ? l->next[k] : l->body->node[0];
    if (k >= l->inputs) results[k] = NEW_ARRAY(j->arena, double, l->times *shape_count(node[k]->shape));
    if (k < l->inputs) operand[k] = j->value[j->node->in[k]->id];
  }
  for (int64_t i = 0; i < l->times; i++) {
    int64_t t = in.turn[0] = l->reversed ? l->times - 1 - i : i;
    for (int k = 0; k < l->inputs; k++) {
      if (l->kind[k] == OPERAND_SLICED)
        operand[k] = j->value[j->node->in[k]->id] + t * shape_count(l->body->input[k].shape);
    }
    reference_eval_many(j->arena, l->body, &in, wanted, node, value);
    for (int k = 0; k < wanted; k++) {
      int64_t count = shape_count(node[k]->shape);
      if (k < l->inputs && l->next[k]) operand[k] = results[k] = value[k];
      for (int64_t e = 0; k >= l->inputs && e < count; e++) results[k][t * count + e] = value[k][e];
    }
  }
}

static void eval_result(const Job *j) {
  const double *value = j->results[j->node->in[0]->id][j->node->attr.id];
  for (int64_t e = 0; e < shape_count(j->node->shape); e++) j->out[e] = value[e];
}

// ---- all operations

static void eval(const Job *j) {
  switch (j->node->op) {
    case OP_CONST: eval_const(j); break;
    case OP_WEIGHT: eval_weight(j); break;
    case OP_INPUT: eval_input(j); break;
    case OP_RANDOM: eval_random(j); break;
    case OP_IOTA: eval_iota(j); break;
    case OP_RESHAPE:
    case OP_STOP:
    case OP_DISCRETE: eval_same(j); break;
    case OP_PERMUTE: eval_permute(j); break;
    case OP_BROADCAST: eval_broadcast(j); break;
    case OP_SLICE: eval_slice(j); break;
    case OP_PAD: eval_pad(j); break;
    case OP_CONCAT: eval_concat(j); break;
    case OP_GATHER: eval_gather(j); break;
    case OP_SCATTER: eval_scatter(j); break;
    case OP_SUM: eval_sum(j); break;
    case OP_MAXIMUM: eval_maximum(j); break;
    case OP_CUMSUM: eval_cumsum(j); break;
    case OP_MATMUL: eval_matmul(j); break;
    case OP_CHOLESKY: eval_cholesky(j); break;
    case OP_SOLVE: eval_solve(j); break;
    case OP_NEAREST: eval_nearest(j); break;
    case OP_CONV:
    case OP_CONV_INPUT:
    case OP_CONV_WEIGHT: eval_conv(j); break;
    case OP_LOOP: eval_loop(j, j->results[j->node->id]); break;
    case OP_RESULT: eval_result(j); break;
    default: eval_elementwise(j);
  }
}

void reference_eval_many(Arena *a, const Graph *g, const ReferenceInputs *in, int n, Node *const *wanted,
                         double **into) {
  bool *needed = NEW_ARRAY(a, bool, g->count + 1);
  double **value = NEW_ARRAY(a, double *, g->count + 1), ***results = NEW_ARRAY(a, double **, g->count + 1);
  for (int i = 0; i < n; i++) needed[wanted[i]->id] = true;
  for (int id = g->count - 1; id >= 0; id--) {
    for (int i = 0; needed[id] && i < g->node[id]->arity; i++) needed[g->node[id]->in[i]->id] = true;
  }
  for (int id = 0; id < g->count; id++) {
    const Node *node = g->node[id];
    if (!needed[id]) continue;
    value[id] = NEW_ARRAY(a, double, shape_count(node->shape));
    const GraphLoop *l = node->attr.loop;
    if (l) results[id] = NEW_ARRAY(a, double *, l->inputs + l->stacked + 1);
    Job job = {
        .arena = a, .graph = g, .inputs = in, .node = node, .value = value, .results = results, .out = value[id]};
    for (int i = 0; i < node->arity && i < 3; i++) job.in[i] = value[node->in[i]->id];
    eval(&job);
  }
  for (int i = 0; i < n; i++) into[i] = value[wanted[i]->id];
}

double *reference_eval(Arena *a, const Graph *g, const ReferenceInputs *in, const Node *wanted) {
  double *value;
  Node *node = g->node[wanted->id];
  reference_eval_many(a, g, in, 1, &node, &value);
  return value;
}
