// What is known of values beyond their bounds: that numbers add up to 1, that a matrix is positive definite. Part of
// the elaborator.
//
// A fact belongs to a node, and speaks of its last axes. Some follow from how the node is made; others are taken at
// their word, where a function, a parameter, a column or a distribution declares that its values lie on a support.
// Sound for what follows, not complete.
#include "elaborate/elaborate.h"
#include "graph/number.h"

#include <math.h>
#include <string.h>

// A sum is followed into both of its sides, so that each costs more of the depth than a node with one operand.
enum { DEPTH = 24, SUM_DEPTH = 4, CONSTANTS = 4096 };
static const double ROUNDING = 1e-5;

// What the compiler knows of a support of the library.
typedef struct {
  const char *name;
  FactWords words;
  bool convex;  // does the mean of what lies on it lie on it?
  bool (*made)(const Elab *e, const Node *n, int depth);  // does it follow from the operation and its operands?
  bool (*holds)(const double *value, int64_t n);          // do n numbers, or n rows of as many?
} FactRule;

static const FactRule *rule_of(const Decl *support);

const Decl *library_support(const Elab *e, const char *name) {
  const Decl *d = find_decl(e, arena_format(e->arena, "support %s", name));
  while (d && (!d->library || strcmp(d->ast->name, name) != 0)) d = d->next;
  return d;
}

void assert_fact(Elab *e, const Node *n, const Decl *support) {
  Fact *f = NEW(e->arena, Fact);
  *f = (Fact){n, support, e->facts};
  e->facts = f;
}

void assert_library_fact(Elab *e, const Node *n, const char *support) {
  assert_fact(e, n, library_support(e, support));
}

static int64_t last_dim(const Node *n) { return n->shape.rank ? n->shape.dim[n->shape.rank - 1] : 1; }

// --- constants: the element at a place of a small one, NAN where it is none

static double constant_at(const Node *n, int64_t place, int depth);

static double broadcast_at(const Node *n, int64_t place, int depth) {
  const Shape *from = &n->in[0]->shape;
  int64_t at = 0, stride = 1;
  for (int i = n->shape.rank; i--;) {
    int64_t k = place % n->shape.dim[i];
    place /= n->shape.dim[i];
    if (from->dim[i] > 1) at += k * stride;
    stride *= from->dim[i];
  }
  return constant_at(n->in[0], at, depth);
}

static double concat_at(const Node *n, int64_t place, int depth) {
  int axis = (int)n->attr.a[0];
  int64_t inner = 1;
  for (int i = axis + 1; i < n->shape.rank; i++) inner *= n->shape.dim[i];
  int64_t k = place / inner % n->shape.dim[axis], outer = place / inner / n->shape.dim[axis];
  for (int i = 0; i < n->arity; i++) {
    int64_t own = n->in[i]->shape.dim[axis];
    if (k < own) return constant_at(n->in[i], (outer * own + k) * inner + place % inner, depth);
    k -= own;
  }
  return NAN;
}

static double iota_at(const Node *n, int64_t place) {
  int axis = (int)n->attr.a[0];
  for (int i = n->shape.rank - 1; i > axis; i--) place /= n->shape.dim[i];
  return (double)(place % n->shape.dim[axis]);
}

static double constant_at(const Node *n, int64_t place, int depth) {
  if (!depth--) return NAN;
  if (n->op == OP_CONST) return n->attr.value;
  if (n->op == OP_IOTA) return iota_at(n, place);
  if (n->op == OP_RESHAPE) return constant_at(n->in[0], place, depth);
  if (n->op == OP_BROADCAST) return broadcast_at(n, place, depth);
  if (n->op == OP_CONCAT) return concat_at(n, place, depth);
  if (op_class(n->op) != ELEMENTWISE) return NAN;
  double x[3] = {0};
  for (int i = 0; i < n->arity; i++) x[i] = constant_at(n->in[i], place, depth);
  return number_fold(n->op, x);
}

// Do constants lie on the support, value by value? False where they are no constants.
static bool constants_lie(const Node *n, const FactRule *rule, int axes, bool *constant) {
  double value[CONSTANTS];
  int64_t count = shape_count(n->shape), size = 1;
  for (int i = 0; i < axes; i++) size *= n->shape.dim[n->shape.rank - 1 - i];
  *constant = count <= CONSTANTS && !isnan(constant_at(n, 0, DEPTH));
  for (int64_t at = 0; *constant && at < count; at += size) {
    for (int64_t i = 0; i < size; i++) value[i] = constant_at(n, at + i, DEPTH);
    for (int64_t i = 0; i < size; i++) *constant = *constant && !isnan(value[i]);
    if (!*constant || !rule->holds(value, last_dim(n))) return false;
  }
  return *constant;
}

static bool adds_up(const double *value, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += value[i] < 0 ? NAN : value[i];
  return fabs(sum - 1) <= ROUNDING;
}

static bool is_unit(const double *value, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += value[i] * value[i];
  return fabs(sum - 1) <= ROUNDING;
}

static bool increases(const double *value, int64_t n) {
  bool good = true;
  for (int64_t i = 1; i < n; i++) good = good && value[i] > value[i - 1];
  return good;
}

static bool is_factor(const double *l, int64_t n) {
  bool good = true;
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = i; k < n; k++) good = good && (k == i ? l[i * n + i] > 0 : l[i * n + k] == 0);
  return good;
}

// By the pivots of its Cholesky factor, which single precision must be able to tell from 0.
static bool is_definite(const double *a, int64_t n) {
  double l[CONSTANTS];
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k <= i; k++) {
      double sum = a[i * n + k], size = sqrt(fabs(a[i * n + i] * a[k * n + k]));
      if (!(fabs(sum - a[k * n + i]) <= 1e-6 * size)) return false;
      for (int64_t j = 0; j < k; j++) sum -= l[i * n + j] * l[k * n + j];
      if (k == i && !(sum > 1e-7 * size)) return false;
      l[i * n + k] = k == i ? sqrt(sum) : sum / l[k * n + k];
    }
  return true;
}

// --- how a node is made

static const Node *without_reshapes(const Node *n) {
  while (n->op == OP_RESHAPE) n = n->in[0];
  return n;
}

// a / b, where b is the sum of a along the last axis, repeated along it.
static bool divided_by_its_sum(const Node *n) {
  const Node *a = n->in[0], *b = n->in[1];
  if (a->lo < 0 || b->op != OP_BROADCAST || last_dim(b->in[0]) != 1) return false;
  const Node *sum = without_reshapes(b->in[0]);
  if (sum->op != OP_SUM || !a->shape.rank) return false;
  const Node *of = without_reshapes(sum->in[0]);
  return of == without_reshapes(a) && last_dim(sum->in[0]) == last_dim(a) &&
         sum->attr.axes == 1u << (sum->in[0]->shape.rank - 1);
}

// [p, 1 - p] in either order, p in [0, 1].
static bool is_pair(const Node *n) {
  if (n->op != OP_CONCAT || n->arity != 2 || n->attr.a[0] != n->shape.rank - 1 || last_dim(n) != 2) return false;
  const Node *first = without_reshapes(n->in[0]), *second = without_reshapes(n->in[1]);
  for (int i = 0; i < 2; i++) {
    const Node *p = i ? second : first, *rest = i ? first : second;
    bool one = rest->op == OP_SUB && rest->in[0]->op == OP_CONST && rest->in[0]->attr.value == 1;
    if (one && without_reshapes(rest->in[1]) == p && p->lo >= 0 && p->hi <= 1) return true;
  }
  return false;
}

static bool last_axes_stay(const Node *n, int axes) {
  if (!n->arity || n->in[0]->shape.rank < axes) return false;
  for (int i = 1; i <= axes; i++)
    if (n->shape.dim[n->shape.rank - i] != n->in[0]->shape.dim[n->in[0]->shape.rank - i]) return false;
  return true;
}

// Asserted, or by a movement of whole values, or by the support's own rule.
static bool lies_on(const Elab *e, const Node *n, const Decl *support, int depth) {
  int axes = ast_length(support->ast->b), rank = n->shape.rank;
  if (depth-- <= 0 || rank < axes) return false;
  for (const Fact *f = e->facts; f; f = f->next)
    if (f->node == n && f->support == support) return true;
  bool single = axes == 2 && last_dim(n) == 1 && n->shape.dim[rank - 2] == 1;
  if (single && rule_of(support) && n->lo > 0)
    return true;  // of one number: both of spd and cholesky ask that it is positive
  bool stay = last_axes_stay(n, axes);
  const FactRule *rule = rule_of(support);
  switch (n->op) {
    case OP_STOP:
    case OP_DISCRETE:
    case OP_RESHAPE:
    case OP_BROADCAST:
    case OP_SLICE: return stay && lies_on(e, n->in[0], support, depth);
    case OP_GATHER: return n->in[0]->shape.rank > axes && stay && lies_on(e, n->in[0], support, depth);
    case OP_INPUT: return n->from && lies_on(e, n->from, support, depth);
    case OP_RESULT: return loop_value(n)->shape.rank >= axes && lies_on(e, loop_value(n), support, depth);
    case OP_PERMUTE:
      for (int i = rank - axes; i < rank; i++) stay = stay && n->attr.a[i] == i;
      return stay && lies_on(e, n->in[0], support, depth);
    case OP_CONCAT:
      if (n->attr.a[0] >= rank - axes) return rule && rule->made && rule->made(e, n, depth);
      for (int i = 0; i < n->arity; i++)
        if (!lies_on(e, n->in[i], support, depth)) return false;
      return true;
    default: return rule && rule->made && rule->made(e, n, depth);
  }
}

static bool on_library_support(const Elab *e, const Node *n, const char *name, int depth) {
  return lies_on(e, n, library_support(e, name), depth);
}

static bool on_simplex(const Elab *e, const Node *n, int depth) { return on_library_support(e, n, "simplex", depth); }

static bool simplex_made(const Elab *e, const Node *n, int depth) {
  if (n->op == OP_MATMUL) return !n->attr.flag && on_simplex(e, n->in[0], depth) && on_simplex(e, n->in[1], depth);
  return n->op == OP_DIV ? divided_by_its_sum(n) : is_pair(n);
}

// Of a sum along other axes than the last, how many rows are added up; 0 of what is no such sum.
static double rows_added(const Node *n) {
  const Shape *of = n->op == OP_SUM ? &n->in[0]->shape : NULL;
  if (!of || n->attr.axes >> (of->rank - 1) & 1 || last_dim(n) != last_dim(n->in[0])) return 0;
  return (double)(shape_count(*of) / shape_count(n->shape));
}

// What the rows add up to, where nothing in them is negative: of constants, of what lies on the simplex, and of their
// sums and multiples. NAN if it is not known.
static double row_sum(const Elab *e, const Node *n, int depth) {
  if (!depth--) return NAN;
  if (on_simplex(e, n, DEPTH)) return 1;
  if (n->lo < 0) return NAN;
  bool moved = n->op == OP_RESHAPE || n->op == OP_BROADCAST || n->op == OP_STOP;
  if (moved && n->in[0]->shape.rank && last_dim(n) == last_dim(n->in[0])) return row_sum(e, n->in[0], depth);
  if (n->op == OP_CONST) return n->attr.value * (double)last_dim(n);
  if (rows_added(n)) return rows_added(n) * row_sum(e, n->in[0], depth);
  if (n->op == OP_ADD) return row_sum(e, n->in[0], depth) + row_sum(e, n->in[1], depth);
  if (n->op != OP_MUL && n->op != OP_DIV) return NAN;
  bool second = n->in[1]->op == OP_CONST, first = n->op == OP_MUL && n->in[0]->op == OP_CONST;
  if (!second && !first) return NAN;
  double by = n->in[second]->attr.value, sum = row_sum(e, n->in[!second], depth);
  return n->op == OP_MUL ? by * sum : sum / by;
}

// --- matrices

// The axis that a node counts along, from the end, -1 for the last; 0 if it does not count.
static int counts_along(const Node *n) {
  const Node *from = n->op == OP_BROADCAST ? n->in[0] : n, *iota = without_reshapes(from);
  for (int i = 0; i < from->shape.rank && iota->op == OP_IOTA; i++)
    if (from->shape.dim[i] == shape_count(iota->shape)) return i - from->shape.rank;
  return 0;
}

// identity(n), times anything positive.
static bool is_positive_diagonal(const Node *n, int depth) {
  if (depth-- <= 0) return false;
  if (n->op == OP_EQUAL) return counts_along(n->in[0]) + counts_along(n->in[1]) == -3;
  if (n->op == OP_RESHAPE || n->op == OP_BROADCAST)
    return last_axes_stay(n, 2) && is_positive_diagonal(n->in[0], depth);
  if (n->op != OP_MUL && n->op != OP_DIV) return false;
  if (n->in[1]->lo > 0 && is_positive_diagonal(n->in[0], depth)) return true;
  return n->op == OP_MUL && n->in[0]->lo > 0 && is_positive_diagonal(n->in[1], depth);
}

// below(a)
static bool is_strictly_lower(const Node *n) {
  if (n->op == OP_RESHAPE || n->op == OP_BROADCAST) return last_axes_stay(n, 2) && is_strictly_lower(n->in[0]);
  if (n->op != OP_SELECT || n->in[2]->lo != 0 || n->in[2]->hi != 0) return false;
  const Node *where = n->in[0];
  while ((where->op == OP_RESHAPE || where->op == OP_BROADCAST) && last_axes_stay(where, 2)) where = where->in[0];
  return where->op == OP_LESS && counts_along(where->in[0]) == -1 && counts_along(where->in[1]) == -2;
}

static bool factor_made(const Elab *e, const Node *n, int depth) {
  if (n->op == OP_CHOLESKY || is_positive_diagonal(n, depth)) return true;
  if (n->arity != 2) return false;
  const Node *a = n->in[0], *b = n->in[1];
  int less = depth - SUM_DEPTH;
  if (n->op == OP_MATMUL)
    return !n->attr.flag && on_library_support(e, a, "cholesky", less) && on_library_support(e, b, "cholesky", less);
  if (n->op == OP_ADD)
    return (is_strictly_lower(a) && on_library_support(e, b, "cholesky", depth)) ||
           (is_strictly_lower(b) && on_library_support(e, a, "cholesky", depth));
  if (n->op != OP_MUL && n->op != OP_DIV) return false;
  if (b->lo > 0 && on_library_support(e, a, "cholesky", less)) return true;
  return n->op == OP_MUL && a->lo > 0 && on_library_support(e, b, "cholesky", less);
}

// Matrices a and b of a product: is one the transpose of the other?
static bool is_transposed(const Node *a, const Node *b) {
  const Node *t = without_reshapes(b);
  int r = t->shape.rank, rank = a->shape.rank;
  if (t->op != OP_PERMUTE || r < 2 || rank < 2) return false;
  for (int i = 0; i < r - 2; i++)
    if (t->attr.a[i] != i) return false;
  const Node *of = t->in[0];
  bool alike = of->shape.dim[r - 2] == a->shape.dim[rank - 2] && of->shape.dim[r - 1] == a->shape.dim[rank - 1];
  return t->attr.a[r - 1] == r - 2 && alike && without_reshapes(of) == without_reshapes(a);
}

// The same number at all places of each matrix.
static bool is_even(const Node *n) {
  if (n->op == OP_CONST) return true;
  const Node *from = n->op == OP_BROADCAST ? n->in[0] : n;
  return from->shape.rank >= 2 && last_dim(from) == 1 && from->shape.dim[from->shape.rank - 2] == 1;
}

// 2 of symmetric positive definite matrices, 1 of semidefinite ones, 0 if nothing is known: by sums, products with
// their own transpose, products place by place (Schur), and positive multiples.
static int definiteness(const Elab *e, const Node *n, int depth) {
  if (n->shape.rank < 2 || depth <= 0) return 0;
  bool constant;
  if (lies_on(e, n, library_support(e, "spd"), depth - 1) ||
      constants_lie(n, &(FactRule){.holds = is_definite}, 2, &constant))
    return 2;
  if (is_even(n) && n->lo >= 0) return 1;
  if (n->op == OP_MATMUL && !n->attr.flag && (is_transposed(n->in[0], n->in[1]) || is_transposed(n->in[1], n->in[0]))) {
    bool factor = on_library_support(e, n->in[0], "cholesky", depth - 1) ||
                  on_library_support(e, n->in[1], "cholesky", depth - 1);
    return factor ? 2 : 1;
  }
  if (n->op == OP_RESHAPE || n->op == OP_BROADCAST || n->op == OP_STOP)
    return last_axes_stay(n, 2) ? definiteness(e, n->in[0], depth - 1) : 0;
  if (n->op != OP_ADD && n->op != OP_MUL && n->op != OP_DIV) return 0;
  const Node *a = n->in[0], *b = n->in[1];
  int first = definiteness(e, a, depth - SUM_DEPTH);
  if (n->op == OP_DIV) return is_even(b) && b->lo > 0 ? first : 0;
  if (n->op == OP_MUL && is_even(b) && b->lo > 0) return first;
  int second = definiteness(e, b, depth - SUM_DEPTH);
  if (n->op == OP_MUL && is_even(a) && a->lo > 0) return second;
  if (!first || !second) return 0;
  return n->op == OP_ADD ? (first > second ? first : second) : (first < second ? first : second);
}

static bool definite_made(const Elab *e, const Node *n, int depth) {
  if (is_positive_diagonal(n, depth)) return true;
  bool follows = n->op == OP_ADD || n->op == OP_MUL || n->op == OP_DIV || n->op == OP_MATMUL;
  return follows && definiteness(e, n, depth) == 2;
}

// --- what is asked

static const FactRule rules[] = {
    {"simplex", {"the simplex", "add up to 1", "wrap it in softmax(...)"}, true, simplex_made, adds_up},
    {"spd",
     {"the symmetric positive definite matrices", "be symmetric and positive definite",
      "write a @ transpose(a) + 1e-3 * identity(n), or parameter s[n, n] on spd"},
     true,
     definite_made,
     is_definite},
    {"cholesky",
     {"the lower triangular matrices with a positive diagonal", "be lower triangular with a positive diagonal",
      "write cholesky_of(v), or parameter l[n, n] on cholesky"},
     true,
     factor_made,
     is_factor},
    {"sphere", {"the vectors of length 1", "have length 1", "write parameter v[n] on sphere"}, false, NULL, is_unit},
    {"ordered", {"the increasing vectors", "increase", "write parameter v[n] on ordered"}, true, NULL, increases},
};

static const FactRule *rule_of(const Decl *support) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules && support->library; i++)
    if (!strcmp(rules[i].name, support->ast->name)) return &rules[i];
  return NULL;
}

FactWords fact_words(Elab *e, const Support *s) {
  const char *name = s->decl->ast->name;
  if (rule_of(s->decl)) return rule_of(s->decl)->words;
  return (FactWords){arena_format(e->arena, "`%s`", name), arena_format(e->arena, "lie on `%s`", name), NULL};
}

bool has_fact(Elab *e, const Value *v, const Support *s) {
  if (v->kind != V_TENSOR || event_rank(v) < s->axes) return false;
  const FactRule *rule = rule_of(s->decl);
  bool simplex = rule && rule->made == simplex_made, constant;
  const Node *n = v->node;
  while (n->from) n = n->from;
  if (lies_on(e, n, s->decl, DEPTH) || (rule && constants_lie(n, rule, s->axes, &constant))) return true;
  return simplex && fabs(row_sum(e, n, DEPTH) - 1) <= ROUNDING;
}

bool constants_outside(const Node *n, const Support *s) {
  const FactRule *rule = rule_of(s->decl);
  bool constant = false;
  return rule && n->shape.rank >= s->axes && !constants_lie(n, rule, s->axes, &constant) && constant;
}

void hand_on_facts(Elab *e, const Value *from, int axis, const Node *to) {
  for (int i = 0; i < e->decls; i++) {
    const Decl *d = e->decl[i];
    if (d->ast->kind != AST_SUPPORT || !d->ast->b) continue;
    Support s = {.decl = d, .axes = ast_length(d->ast->b)};
    if (axis < event_rank(from) - s.axes && has_fact(e, from, &s)) assert_fact(e, to, d);
  }
}

void hand_on_to_mean(Elab *e, const Value *from, const Node *to) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    Support s = {.decl = library_support(e, rules[i].name)};
    s.axes = ast_length(s.decl->ast->b);
    if (rules[i].convex && event_rank(from) > s.axes && has_fact(e, from, &s)) assert_fact(e, to, s.decl);
  }
}

bool has_facts_of(Elab *e, const Value *v, const Node *of) {
  for (const Fact *f = e->facts; f; f = f->next) {
    Support s = {.decl = f->support, .axes = ast_length(f->support->ast->b)};
    if (f->node == of && !has_fact(e, v, &s)) return false;
  }
  return true;
}

// --- order

// What it is the same numbers as, also around the loops that read it whole.
static const Node *without_movement(const Node *n) {
  for (;;) {
    if (n->op == OP_RESHAPE || n->op == OP_BROADCAST)
      n = n->in[0];
    else if (n->from && n->from->shape.rank == n->shape.rank)
      n = n->from;
    else
      return n;
  }
}

// The node that n is more than, when it is a sum with something positive; otherwise NULL. `rest` is what it is more by.
static const Node *less_by_positive(const Node *n, const Node **rest) {
  if (n->op != OP_ADD) return NULL;
  for (int i = 0; i < 2; i++) {
    *rest = without_movement(n->in[i]);
    if (n->in[i]->lo > 0) return without_movement(n->in[1 - i]);
  }
  return NULL;
}

// Is a > b for sure: by their bounds, as b + positive, or as a - positive, on either side of the same middle?
bool is_greater(const Value *a, const Value *b) {
  double lo = a->kind == V_NUMBER ? a->number : a->node->lo, hi = b->kind == V_NUMBER ? b->number : b->node->hi;
  if (lo > hi) return true;
  if (a->kind != V_TENSOR || b->kind != V_TENSOR) return false;
  const Node *high = without_movement(a->node), *low = without_movement(b->node), *rest = NULL;
  const Node *base = less_by_positive(high, &rest);
  if (base == low) return true;
  if (low->op != OP_SUB || low->in[1]->lo <= 0) return false;
  const Node *middle = without_movement(low->in[0]);
  return middle == high || middle == base;
}

// --- facts that a text declares

bool assert_support(Elab *e, Value *v, const Support *s) {
  Shape numbers;
  if (!list_shape(v, &numbers) || s->kind == SUPPORT_REAL) return true;
  *v = to_tensor(e, *v);
  if (v->kind == V_ERROR) return true;
  if (v->node->lo > s->hi || v->node->hi < s->lo) return false;
  if (s->kind == SUPPORT_DECLARED) assert_fact(e, v->node, s->decl);
  if (s->computed) return true;
  v->node->lo = fmax(v->node->lo, s->lo);
  v->node->hi = fmin(v->node->hi, s->hi);
  return true;
}
