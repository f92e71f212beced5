// How late in an order values read: of every number of a graph, the last place of an input that it hangs on.
//
// Of all the places that a number hangs on the last one is enough, for they stand in one order: the number may be told
// what comes before a place exactly if its last one does. Beside that a number may be known: a constant, and what
// follows from constants alone. 0 times anything is known, -infinity plus anything, and what a known condition chooses;
// so masks are seen through, also those of a softmax. Loops are followed turn by turn.
// By the same means masks are found in the weights of convolutions, whose dead taps are left out.
// Invariants: what is known hangs on nothing. A tensor is stored without the axes along which all of it is alike, as a
// weight is along all: their stride is 0.
#include <math.h>
#include <string.h>

#include "engine/conv.h"
#include "graph/graph_rules.h"

typedef struct {
  float value;     // if it is known
  int32_t latest;  // the last place, or NONE, or KNOWN
} Seen;
enum { NONE = -1, KNOWN = -2 };

typedef struct {
  Shape shape;
  int64_t stride[MAX_RANK];
  Seen *at;
} View;

// Rows of some nodes, whose numbers count as places of their own: that of the row.
typedef struct {
  int64_t n;
  const int64_t *inner;  // of each node: it holds rows so many numbers at a time
  const bool *kept;      // of each node: is it one of these?
  bool in_order;         // does each of them hang on no row after its own?
} Kept;

typedef struct {
  Arena *arena;
  const Node *x;         // the input whose places count
  const int32_t *place;  // of each of its numbers
  Kept *rows;
} Look;

static const Seen nothing = {0, NONE};

static Seen constant(double value) { return (Seen){(float)value, KNOWN}; }

// ---- numbers

static bool known(Seen s) { return s.latest == KNOWN; }

static bool is_known(Seen s, double value) { return known(s) && (double)s.value == value; }

static Seen apply(Op op, int n, const Seen *in) {
  bool all = true, none = true;
  Seen any = nothing;
  for (int i = 0; i < n; i++) {
    all = all && known(in[i]);
    none = none && !known(in[i]);
    if (in[i].latest > any.latest) any.latest = in[i].latest;
  }
  if (none) return any;
  if (all) {
    double value[3] = {0, 0, 0};
    for (int i = 0; i < n; i++) value[i] = (double)in[i].value;
    return constant(graph_fold(op, value));
  }
  switch (op) {
    case OP_MUL: return is_known(in[0], 0) || is_known(in[1], 0) ? constant(0) : any;
    case OP_DIV: return is_known(in[0], 0) ? constant(0) : any;
    case OP_ADD:
    case OP_SUB:
      if (known(in[0]) && isinf(in[0].value)) return in[0];
      return known(in[1]) && isinf(in[1].value) ? constant((double)(op == OP_ADD ? in[1].value : -in[1].value)) : any;
    case OP_MAX:
    case OP_MIN: {
      double least = op == OP_MAX ? -INFINITY : INFINITY;
      for (int i = 0; i < 2; i++)
        if (known(in[i]) && isinf(in[i].value)) return is_known(in[i], least) ? in[1 - i] : in[i];
      return any;
    }
    case OP_POW: return is_known(in[1], 0) ? constant(1) : any;
    case OP_SELECT:
      if (known(in[0])) return in[0].value != 0 ? in[1] : in[2];
      return known(in[1]) && is_known(in[2], (double)in[1].value) ? in[1] : any;
    default: return any;
  }
}

static inline Seen later(Seen a, Seen b) { return a.latest > b.latest ? a : b; }

static inline Seen plus(Seen a, Seen b) {
  if (!known(a) && !known(b)) return later(a, b);
  return is_known(a, 0) ? b : is_known(b, 0) ? a : apply(OP_ADD, 2, (Seen[]){a, b});
}

static inline Seen times(Seen a, Seen b) {
  return known(a) || known(b) ? apply(OP_MUL, 2, (Seen[]){a, b}) : later(a, b);
}

static inline Seen greater(Seen a, Seen b) {
  return known(a) || known(b) ? apply(OP_MAX, 2, (Seen[]){a, b}) : later(a, b);
}

// ---- tensors

// All of it alike along the axes in the mask.
static View view_new(const Look *w, Shape s, unsigned alike) {
  View v = {.shape = s};
  int64_t count = 1;
  for (int i = s.rank - 1; i >= 0; i--) {
    if (alike >> i & 1 || s.dim[i] == 1) continue;
    v.stride[i] = count;
    count *= s.dim[i];
  }
  v.at = NEW_ARRAY(w->arena, Seen, count);
  return v;
}

static View view_alike(const Look *w, Shape s, Seen all) {
  View v = view_new(w, s, ~0u);
  *v.at = all;
  return v;
}

static unsigned alike_axes(const View *v) {
  unsigned axes = 0;
  for (int i = 0; i < v->shape.rank; i++) axes |= (unsigned)(v->stride[i] == 0) << i;
  return axes;
}

// Goes through the places of a shape, with the offset of each in up to four tensors; or through its lines, each the
// places along the last axis.
enum { MOST_WALKED = 4 };
typedef struct {
  Shape shape;
  int n;
  const int64_t *stride[MOST_WALKED];
  int64_t index[MAX_RANK], at[MOST_WALKED];
} Walk;

static bool walk_from(Walk *w, int axis) {
  for (int i = axis; i >= 0; i--) {
    for (int k = 0; k < w->n; k++) w->at[k] += w->stride[k][i];
    if (++w->index[i] < w->shape.dim[i]) return true;
    for (int k = 0; k < w->n; k++) w->at[k] -= w->stride[k][i] * w->shape.dim[i];
    w->index[i] = 0;
  }
  return false;
}

static bool walk_next(Walk *w) { return walk_from(w, w->shape.rank - 1); }

static bool walk_line(Walk *w) { return walk_from(w, w->shape.rank - 2); }

// Copies all of `from` to the place `start` of `to`, which is alike along no axis along which `from` is not.
static void copy_to(View *to, const int64_t *start, const View *from) {
  Walk w = {.shape = shape_with_ones(from->shape, alike_axes(to)), .n = 2, .stride = {to->stride, from->stride}};
  for (int i = 0; i < to->shape.rank; i++) w.at[0] += start[i] * to->stride[i];
  do to->at[w.at[0]] = from->at[w.at[1]];
  while (walk_next(&w));
}

static View dense(const Look *w, const View *v) {
  View copy = view_new(w, v->shape, 0);
  copy_to(&copy, (int64_t[MAX_RANK]){0}, v);
  return copy;
}

// ---- movement

// The strides of the same numbers in another shape; false where they do not lie evenly.
static bool regrouped(const View *v, Shape out, int64_t *stride) {
  int64_t dim[MAX_RANK], old[MAX_RANK];
  int n = 0, i = 0, k = 0;
  for (int a = 0; a < v->shape.rank; a++)
    if (v->shape.dim[a] != 1) dim[n] = v->shape.dim[a], old[n++] = v->stride[a];
  for (int a = 0; a < out.rank; a++) stride[a] = 0;
  while (k < out.rank && i < n) {
    int j = i + 1, l = k + 1;
    int64_t was = dim[i], is = out.dim[k];
    while (was != is) {
      if (is < was)
        is *= out.dim[l++];
      else
        was *= dim[j++];
    }
    for (int a = i; a < j - 1; a++)
      if (old[a] != dim[a + 1] * old[a + 1]) return false;
    stride[l - 1] = old[j - 1];
    for (int a = l - 1; a > k; a--) stride[a - 1] = stride[a] * out.dim[a];
    i = j, k = l;
  }
  return true;
}

static View see_reshape(const Look *w, const Node *n, const View *in) {
  View v = {.shape = n->shape, .at = in->at}, flat;
  if (regrouped(in, n->shape, v.stride)) return v;
  flat = dense(w, in);
  regrouped(&flat, n->shape, v.stride);
  v.at = flat.at;
  return v;
}

static View see_permute(const Node *n, const View *in) {
  View v = {.shape = n->shape, .at = in->at};
  for (int i = 0; i < n->shape.rank; i++) v.stride[i] = in->stride[n->attr.a[i]];
  return v;
}

static View see_slice(const Node *n, const View *in) {
  View v = *in;
  v.shape = n->shape;
  for (int i = 0; i < n->shape.rank; i++) v.at += n->attr.a[i] * in->stride[i];
  return v;
}

static View see_broadcast(const Node *n, const View *in) {
  View v = *in;
  for (int i = 0; i < n->shape.rank; i++)
    if (in->shape.dim[i] == 1) v.stride[i] = 0;
  v.shape = n->shape;
  return v;
}

static View see_pad(const Look *w, const Node *n, const View *in) {
  unsigned padded = 0;
  for (int i = 0; i < n->shape.rank; i++) padded |= (unsigned)(n->attr.a[i] || n->attr.b[i]) << i;
  View v = view_new(w, n->shape, alike_axes(in) & ~padded), zero = view_alike(w, n->shape, constant(0));
  copy_to(&v, (int64_t[MAX_RANK]){0}, &zero);
  copy_to(&v, n->attr.a, in);
  return v;
}

// Tensors one after another along an axis.
static View joined(const Look *w, Shape s, int axis, int n, const View *part) {
  unsigned alike = ~(1u << axis);
  for (int i = 0; i < n; i++) alike &= alike_axes(&part[i]);
  View v = view_new(w, s, alike & ~(1u << axis));
  int64_t start[MAX_RANK] = {0};
  for (int i = 0; i < n; i++) {
    copy_to(&v, start, &part[i]);
    start[axis] += part[i].shape.dim[axis];
  }
  return v;
}

static int64_t row_of(float index, int64_t rows) {
  float row = floorf(index);
  return row > 0 ? row < (float)rows ? (int64_t)row : rows - 1 : 0;
}

// The same numbers, side by side.
static View packed(const Look *w, const View *v) {
  View copy = view_new(w, v->shape, alike_axes(v));
  copy_to(&copy, (int64_t[MAX_RANK]){0}, v);
  return copy;
}

static int64_t numbers_of(const View *v) { return shape_count(shape_with_ones(v->shape, alike_axes(v))); }

// Which row of the table each index picks is known, or it may be any.
static View see_gather(const Look *w, const Node *n, const View *in) {
  View table = packed(w, &in[0]), index = packed(w, &in[1]);
  int r = index.shape.rank;
  unsigned alike = alike_axes(&table) >> 1 << r | (alike_axes(&index) & ((1u << r) - 1));
  View v = view_new(w, n->shape, alike);
  int64_t rows = table.stride[0] ? table.shape.dim[0] : 1, width = numbers_of(&table) / rows;
  for (int64_t i = 0; i < numbers_of(&index); i++) {
    Seen which = index.at[i];
    int64_t first = rows > 1 && known(which) ? row_of(which.value, rows) : 0, last = known(which) ? first + 1 : rows;
    for (int64_t k = 0; k < width; k++) {
      Seen s = table.at[first * width + k];
      for (int64_t row = first + 1; row < last; row++)
        s = apply(OP_SELECT, 3, (Seen[]){nothing, s, table.at[row * width + k]});
      if (!known(s) && which.latest > s.latest) s = which;
      v.at[i * width + k] = s;
    }
  }
  return v;
}

static View see_scatter(const Look *w, const Node *n, const View *in) {
  View values = dense(w, &in[0]), index = dense(w, &in[1]), v = view_new(w, n->shape, 0);
  int64_t rows = n->shape.dim[0], width = shape_count(n->shape) / rows;
  for (int64_t i = 0; i < rows * width; i++) v.at[i] = constant(0);
  for (int64_t i = 0; i < shape_count(index.shape); i++) {
    Seen which = index.at[i];
    int64_t first = known(which) ? row_of(which.value, rows) : 0, last = known(which) ? first + 1 : rows;
    for (int64_t r = first; r < last; r++)
      for (int64_t k = 0; k < width; k++) {
        Seen *s = &v.at[r * width + k], *of = &values.at[i * width + k];
        *s = plus(*s, known(which) || is_known(*of, 0) ? *of : times(which, *of));
      }
  }
  return v;
}

// ---- the other operations

static View see_iota(const Look *w, const Node *n) {
  int axis = (int)n->attr.a[0];
  View v = view_new(w, n->shape, ~(1u << axis));
  for (int64_t i = 0; i < n->shape.dim[axis]; i++) v.at[i] = constant((double)i);
  return v;
}

static View see_source(const Look *w, const Node *n) {
  if (n->op == OP_CONST) return view_alike(w, n->shape, constant(n->attr.value));
  if (n->op == OP_IOTA) return see_iota(w, n);
  if (n != w->x) return view_alike(w, n->shape, nothing);
  View v = view_new(w, n->shape, 0);
  for (int64_t i = 0; i < shape_count(n->shape); i++) v.at[i] = (Seen){0, w->place[i]};
  return v;
}

// The places along the last axis of an operation number by number.
typedef struct {
  Op op;
  int n;
  int64_t length, step[MOST_WALKED];
  const Seen *from[3];
  Seen read[3], made;  // last: where the same is read again, the same is made
} Line;

static inline void see_line_of(Line *l, int n, Seen *out) {
  for (int64_t j = 0; j < l->length; j++) {
    bool same = true;
    for (int i = 0; i < n; i++) {
      const Seen *here = &l->from[i][j * l->step[i]];
      same = same && memcmp(here, &l->read[i], sizeof *here) == 0;
      l->read[i] = *here;
    }
    if (!same) l->made = apply(l->op, n, l->read);
    out[j * l->step[n]] = l->made;
  }
}

static void see_line(Line *l, Seen *out) {
  switch (l->n) {  // a constant each, so that the loop over the operands is none
    case 1: see_line_of(l, 1, out); break;
    case 2: see_line_of(l, 2, out); break;
    default: see_line_of(l, 3, out); break;
  }
}

static View see_elementwise(const Look *w, const Node *n, const View *in) {
  unsigned alike = ~0u;
  for (int i = 0; i < n->arity; i++) alike &= alike_axes(&in[i]);
  View v = view_new(w, n->shape, alike);
  Walk k = {.shape = shape_with_ones(n->shape, alike), .n = n->arity + 1};
  for (int i = 0; i < n->arity; i++) k.stride[i] = in[i].stride;
  k.stride[n->arity] = v.stride;
  int last = n->shape.rank - 1;
  Line line = {.op = n->op, .n = n->arity, .length = last < 0 ? 1 : k.shape.dim[last]};
  line.made = apply(n->op, n->arity, line.read);
  for (int i = 0; i <= n->arity && last >= 0; i++) line.step[i] = k.stride[i][last];
  do {
    for (int i = 0; i < n->arity; i++) line.from[i] = in[i].at + k.at[i];
    see_line(&line, v.at + k.at[n->arity]);
  } while (walk_line(&k));
  return v;
}

static View see_reduction(const Look *w, const Node *n, const View *in) {
  View v = view_new(w, n->shape, 0);
  int64_t stride[MAX_RANK] = {0}, copies = 1;
  unsigned alike = alike_axes(in);
  for (int i = 0, k = 0; i < in->shape.rank; i++) {
    bool vanishes = n->attr.axes >> i & 1;
    if (vanishes && alike >> i & 1) copies *= in->shape.dim[i];
    if (!vanishes) stride[i] = v.stride[k++], alike &= ~(1u << i);
  }
  bool sum = n->op == OP_SUM;
  for (int64_t i = 0; i < shape_count(n->shape); i++) v.at[i] = constant(sum ? 0 : -INFINITY);
  Walk k = {.shape = shape_with_ones(in->shape, alike), .n = 2, .stride = {in->stride, stride}};
  int last = in->shape.rank - 1;
  do {
    const Seen *line = in->at + k.at[0];
    Seen *to = &v.at[k.at[1]], s = *to;
    for (int64_t j = 0; j < k.shape.dim[last]; j++) {
      if (stride[last]) s = to[j * stride[last]];
      s = sum ? plus(s, line[j * in->stride[last]]) : greater(s, line[j * in->stride[last]]);
      to[j * stride[last]] = s;
    }
  } while (walk_line(&k));
  for (int64_t i = 0; sum && i < shape_count(n->shape); i++) v.at[i].value *= (float)copies;
  return v;
}

static View see_cumsum(const Look *w, const Node *n, const View *in) {
  View v = dense(w, in);
  int axis = (int)n->attr.a[0];
  int64_t step = v.stride[axis], length = n->shape.dim[axis];
  Walk k = {.shape = shape_with_ones(n->shape, 1u << axis), .n = 1, .stride = {v.stride}};
  do {
    Seen *line = v.at + k.at[0];
    for (int64_t i = 1; i < length; i++) {
      int64_t here = (n->attr.flag ? length - 1 - i : i) * step, before = n->attr.flag ? here + step : here - step;
      line[here] = plus(line[here], line[before]);
    }
  } while (walk_next(&k));
  return v;
}

// Along the axis that is summed over, the two are multiplied number by number.
static View see_matmul(const Look *w, const Node *n, const View *in) {
  int r = n->shape.rank;
  View a = in[0], b = in[1];
  int64_t *sa = a.stride, *sb = b.stride;
  int ak = n->attr.flag & 1 ? r - 2 : r - 1, am = 2 * r - 3 - ak, bn = n->attr.flag & 2 ? r - 2 : r - 1,
      bk = 2 * r - 3 - bn;
  unsigned alike = (unsigned)(sa[am] == 0) << (r - 2) | (unsigned)(sb[bn] == 0) << (r - 1);
  if (r == 3) alike |= (unsigned)(sa[0] == 0 && sb[0] == 0);
  View v = view_new(w, n->shape, alike);
  Shape s = shape_with_ones(n->shape, alike);
  int64_t terms = a.shape.dim[ak], passed = sa[ak] || sb[bk] ? terms : 1;
  for (int64_t m = 0; m < s.dim[r - 2] * (r == 3 ? s.dim[0] : 1); m++) {
    int64_t outer = m / s.dim[r - 2], row = m % s.dim[r - 2];
    Seen *out = v.at + (r == 3 ? outer * v.stride[0] : 0) + row * v.stride[r - 2];
    for (int64_t i = 0; i < s.dim[r - 1]; i++) out[i] = constant(0);
    for (int64_t k = 0; k < passed; k++) {
      Seen left = a.at[(r == 3 ? outer * sa[0] : 0) + row * sa[am] + k * sa[ak]];
      const Seen *right = b.at + (r == 3 ? outer * sb[0] : 0) + k * sb[bk];
      for (int64_t i = 0; i < s.dim[r - 1] && !is_known(left, 0); i++)
        out[i] = plus(out[i], times(left, right[i * sb[bn]]));
    }
    for (int64_t i = 0; i < s.dim[r - 1]; i++) out[i].value *= (float)(terms / passed);
  }
  return v;
}

// The products of a convolution: each is of a number of the picture x, one of the filters w, and one of the result y,
// of which one is what the node gives and the other two are its inputs. Channels along which the inputs are alike are
// passed once.
enum { PICTURE, FILTERS, RESULT };
static const int c_axis[3] = {3, 2, -1}, o_axis[3] = {-1, 3, 3};  // of their channels, and those of the result

static View see_conv(const Look *w, const Node *n, const View *in) {
  const int64_t *a = n->attr.a, *pad = n->attr.b;
  int out = n->op == OP_CONV ? RESULT : n->op == OP_CONV_INPUT ? PICTURE : FILTERS;
  int of[2] = {out == PICTURE ? RESULT : PICTURE, out == FILTERS ? RESULT : FILTERS};
  bool c_alike = a[4] == 1, o_alike = c_alike;
  View view[3];
  for (int i = 0; i < 2; i++) {
    view[of[i]] = in[i];
    if (of[i] != RESULT) c_alike = c_alike && in[i].stride[c_axis[of[i]]] == 0;
    if (of[i] != PICTURE) o_alike = o_alike && in[i].stride[o_axis[of[i]]] == 0;
  }
  unsigned alike = out != RESULT && c_alike ? 1u << c_axis[out] : 0;
  view[out] = view_new(w, n->shape, alike | (out != PICTURE && o_alike ? 1u << 3 : 0));
  View zero = view_alike(w, n->shape, constant(0));
  copy_to(&view[out], (int64_t[MAX_RANK]){0}, &zero);
  Shape x = view[PICTURE].shape, f = view[FILTERS].shape, y = view[RESULT].shape;
  Walk k = {
      .shape = {7, {y.dim[0], y.dim[1], y.dim[2], f.dim[0], f.dim[1], c_alike ? 1 : f.dim[2], o_alike ? 1 : y.dim[3]}}};
  int64_t copies = out == RESULT ? f.dim[2] / k.shape.dim[5] : out == PICTURE ? y.dim[3] / k.shape.dim[6] : 1;
  do {
    const int64_t *i = k.index;
    int64_t row = i[1] * a[0] + i[3] * a[2] - pad[0], column = i[2] * a[1] + i[4] * a[3] - pad[2];
    if (row < 0 || row >= x.dim[1] || column < 0 || column >= x.dim[2]) continue;
    if (conv_tap_is_dead(&n->attr, i[3] * f.dim[1] + i[4])) continue;
    int64_t at[3][4] = {{i[0], row, column, i[6] / (y.dim[3] / a[4]) * f.dim[2] + i[5]},
                        {i[3], i[4], i[5], i[6]},
                        {i[0], i[1], i[2], i[6]}};
    Seen *s[3];
    for (int t = 0; t < 3; t++) {
      s[t] = view[t].at;
      for (int d = 0; d < 4; d++) s[t] += at[t][d] * view[t].stride[d];
    }
    Seen product = times(*s[of[0]], *s[of[1]]);
    product.value *= (float)copies;
    *s[out] = plus(*s[out], product);
  } while (walk_next(&k));
  return view[out];
}

// Column by column, as the factor is computed.
static void factor(Seen *l, const Seen *a, int64_t n) {
  for (int64_t k = 0; k < n; k++)
    for (int64_t i = 0; i < n; i++) {
      Seen s = i < k ? constant(0) : a[i * n + k];
      for (int64_t p = 0; p < k && i >= k; p++) s = plus(s, times(l[i * n + p], l[k * n + p]));
      if (i > k && !is_known(s, 0)) s = times(nothing, plus(s, l[k * n + k]));
      if (known(s) && !is_known(s, 0)) s = nothing;  // that its value is known is not made use of
      l[i * n + k] = s;
    }
}

static View see_cholesky(const Look *w, const Node *n, const View *in) {
  View a = dense(w, in), v = view_new(w, n->shape, 0);
  int64_t side = n->shape.dim[n->shape.rank - 1];
  for (int64_t m = 0; m < shape_count(n->shape); m += side * side) factor(v.at + m, a.at + m, side);
  return v;
}

static View see_solve(const Look *w, const Node *n, const View *in) {
  View all = dense(w, &in[0]), v = dense(w, &in[1]);
  int64_t side = n->shape.dim[n->shape.rank - 2], columns = n->shape.dim[n->shape.rank - 1];
  bool last = n->attr.flag & 1;
  for (int64_t m = 0; m < shape_count(n->shape) / (side * columns); m++)
    for (int64_t c = 0; c < columns; c++) {
      const Seen *l = all.at + m * side * side;
      Seen *x = v.at + m * side * columns + c;
      for (int64_t k = 0; k < side; k++) {
        int64_t i = last ? side - 1 - k : k;
        Seen s = x[i * columns];
        for (int64_t q = 0; q < k; q++) {
          int64_t p = last ? side - 1 - q : q;
          s = plus(s, times(last ? l[p * side + i] : l[i * side + p], x[p * columns]));
        }
        if (!is_known(s, 0)) s = times(nothing, plus(s, l[i * side + i]));
        x[i * columns] = s;
      }
    }
  return v;
}

// ---- graphs

static View *see_graph(const Look *w, const Graph *g, int last, const int *as, const int *until, const View *read);
static View *see_loop(const Look *w, const Node *n, const View *in);

static View see(const Look *w, const Node *n, const View *in) {
  switch (n->op) {
    case OP_RESHAPE: return see_reshape(w, n, in);
    case OP_PERMUTE: return see_permute(n, in);
    case OP_BROADCAST: return see_broadcast(n, in);
    case OP_SLICE: return see_slice(n, in);
    case OP_PAD: return see_pad(w, n, in);
    case OP_CONCAT: return joined(w, n->shape, (int)n->attr.a[0], n->arity, in);
    case OP_GATHER: return see_gather(w, n, in);
    case OP_SCATTER: return see_scatter(w, n, in);
    case OP_SUM:
    case OP_MAXIMUM: return see_reduction(w, n, in);
    case OP_CUMSUM: return see_cumsum(w, n, in);
    case OP_MATMUL: return see_matmul(w, n, in);
    case OP_CONV:
    case OP_CONV_INPUT:
    case OP_CONV_WEIGHT: return see_conv(w, n, in);
    case OP_CHOLESKY: return see_cholesky(w, n, in);
    case OP_SOLVE: return see_solve(w, n, in);
    case OP_STOP:
    case OP_DISCRETE: return *in;
    default: break;
  }
  if (op_class(n->op) == ELEMENTWISE) return see_elementwise(w, n, in);
  if (op_class(n->op) == SOURCE) return see_source(w, n);
  fail(w->arena, EXIT_SOFTWARE, "%s has no rule for what it reads", op_name(n->op));
}

// What the turns leave, each after the number of its result.
static View *see_loop(const Look *w, const Node *n, const View *in) {
  const GraphLoop *l = n->attr.loop;
  View *result = NEW_ARRAY(w->arena, View, l->inputs + l->stacked + 1),
       *read = NEW_ARRAY(w->arena, View, l->inputs + 1);
  View *turn = NEW_ARRAY(w->arena, View, l->stacked * l->times + 1);
  for (int i = 0; i < l->inputs; i++) result[i] = in[i];
  for (int64_t t = 0; t < l->times; t++) {
    int64_t number = l->reversed ? l->times - 1 - t : t;
    for (int i = 0; i < l->inputs; i++) {
      read[i] = l->next[i] ? result[i] : in[i];
      if (l->kind[i] != OPERAND_SLICED) continue;
      read[i] = (View){.shape = shape_of(in[i].shape.rank - 1, in[i].shape.dim + 1),
                       .at = in[i].at + number * in[i].stride[0]};
      memcpy(read[i].stride, in[i].stride + 1, sizeof *read[i].stride * (MAX_RANK - 1));
    }
    Look inside = {.arena = arena_open(w->arena)};
    const View *body = see_graph(&inside, l->body, l->body->count - 1, NULL, NULL, read);
    for (int i = 0; i < l->inputs + l->stacked; i++) {
      const Node *given = i < l->inputs ? l->next[i] : l->each[i - l->inputs];
      if (!given) continue;
      View copy = view_new(w, given->shape, alike_axes(&body[given->id]));
      copy_to(&copy, (int64_t[MAX_RANK]){0}, &body[given->id]);
      if (i < l->inputs) result[i] = copy;
      if (i < l->inputs) continue;
      memmove(copy.stride + 1, copy.stride, sizeof *copy.stride * (MAX_RANK - 1));
      memmove(copy.shape.dim + 1, copy.shape.dim, sizeof *copy.shape.dim * (MAX_RANK - 1));
      copy.stride[0] = 0, copy.shape.dim[0] = 1, copy.shape.rank++;
      turn[(i - l->inputs) * l->times + number] = copy;
    }
    arena_close(inside.arena);
  }
  for (int k = 0; k < l->stacked; k++) {
    Shape s = turn[k * l->times].shape;
    s.dim[0] = l->times;
    result[l->inputs + k] = joined(w, s, 0, (int)l->times, &turn[k * l->times]);
  }
  return result;
}

// May the value of a node lie where that of an input lies?
static bool shares_memory(Op op) {
  return op == OP_RESHAPE || op == OP_PERMUTE || op == OP_SLICE || op == OP_BROADCAST || op == OP_STOP ||
         op == OP_DISCRETE || op == OP_LOOP || op == OP_RESULT;
}

static bool is_kept(const Look *w, const Node *n) { return w->rows && w->rows->kept[n->id]; }

// Does each row hang on no row after its own?
static bool rows_in_order(const Kept *k, const Node *n, const View *v) {
  Walk w = {.shape = shape_with_ones(n->shape, alike_axes(v)), .n = 1, .stride = {v->stride}};
  do {
    int64_t at = 0;
    for (int i = 0; i < n->shape.rank; i++) at = at * n->shape.dim[i] + w.index[i];
    if (v->at[w.at[0]].latest > at / k->inner[n->id] % k->n) return false;
  } while (walk_next(&w));
  return true;
}

// What is read of it: a place for each row.
static View see_rows(const Look *w, const Node *n) {
  int64_t beside;
  int axis = graph_row_axis(n->shape, w->rows->n, w->rows->inner[n->id], &beside);
  View v = view_new(w, n->shape, ~(1u << axis));
  for (int64_t i = 0; i < n->shape.dim[axis]; i++) v.at[i] = (Seen){0, (int32_t)(i / beside % w->rows->n)};
  return v;
}

// Is it of sources that nothing is told of, such as weights, which hang on no place of x?
static bool tells_nothing(const Look *w, const Node *n) {
  return !is_kept(w, n) && op_class(n->op) == SOURCE && n->op != OP_CONST && n->op != OP_IOTA && n != w->x;
}

// Is neither kept, or each of them in rows that lie alike, which are read as the same then?
static bool kept_alike(const Look *w, const Node *a, const Node *b) {
  if (is_kept(w, a) != is_kept(w, b)) return false;
  return !is_kept(w, a) || w->rows->inner[a->id] == w->rows->inner[b->id];
}

// Do the two hang on the same, number by number, as what they are made of does?
static bool seen_alike(const Look *w, const Node *a, const Node *b, const int *as) {
  if (tells_nothing(w, a) && tells_nothing(w, b)) return shape_equal(a->shape, b->shape);
  bool alike = a != w->x && op_class(a->op) != CONTROL && node_alike(a, b) && kept_alike(w, a, b);
  for (int i = 0; alike && i < a->arity; i++) alike = as[a->in[i]->id] == as[b->in[i]->id];
  return alike;
}

// Of every node that the last one is made of, the first that is seen alike: the heads of an attention are, whose
// weights differ. Of others NONE.
static int *seen_as(const Look *w, const Graph *g, int last) {
  int *as = NEW_ARRAY(w->arena, int, last + 1), slots = 16;
  for (int id = 0; id <= last; id++) as[id] = NONE;
  as[last] = last;
  for (int id = last; id >= 0; id--)
    for (int i = 0; as[id] != NONE && i < g->node[id]->arity; i++) as[g->node[id]->in[i]->id] = g->node[id]->in[i]->id;
  while (slots <= 2 * last) slots *= 2;
  int *slot = NEW_ARRAY(w->arena, int, slots);  // numbers of nodes, from 1
  for (int id = 0; id <= last; id++) {
    const Node *n = g->node[id];
    if (as[id] == NONE) continue;
    uint64_t h = tells_nothing(w, n) ? 0 : (uint64_t)n->op + 1;
    for (int i = 0; i < n->shape.rank; i++) h = h * 31 + (uint64_t)n->shape.dim[i];
    for (int i = 0; i < n->arity; i++) h = h * 1000003 + (uint64_t)as[n->in[i]->id];
    int at = (int)((h * 0x9E3779B97F4A7C15u) >> 32 & (uint64_t)(slots - 1));
    while (slot[at] && !seen_alike(w, n, g->node[slot[at] - 1], as)) at = (at + 1) & (slots - 1);
    if (!slot[at]) slot[at] = id + 1;
    as[id] = slot[at] - 1;
  }
  return as;
}

// Of every node that the last one is made of, until which one its memory is read; NONE of others, and of what is seen
// as another is. `all` stay to the end.
static int *read_until(const Look *w, const Graph *g, int last, const int *as, bool all) {
  int *until = NEW_ARRAY(w->arena, int, last + 1);
  for (int id = 0; id < last; id++) until[id] = NONE;
  until[as[last]] = last + 1;
  for (int id = last; id >= 0; id--) {
    const Node *n = g->node[id];
    int here = all ? last + 1 : shares_memory(n->op) ? until[id] : id;
    for (int i = 0; i < n->arity && until[id] != NONE; i++) {
      int of = as[n->in[i]->id];
      if (until[of] < here) until[of] = here;
    }
  }
  return until;
}

// The values of all nodes, or, with `until`, of those that last to the end; `as` which node each is seen as.
static View *see_graph(const Look *w, const Graph *g, int last, const int *as, const int *until, const View *read) {
  View *value = NEW_ARRAY(w->arena, View, last + 1), **result = NEW_ARRAY(w->arena, View *, last + 1), *in = NULL;
  Arena **own = NEW_ARRAY(w->arena, Arena *, last + 1);
  int *next = NEW_ARRAY(w->arena, int, last + 1),
      *first = NEW_ARRAY(w->arena, int, last + 2);  // lists of what is read until a node, from 1
  int room = 0;
  for (int id = 0; id <= last; id++) {
    const Node *n = g->node[id];
    if (as && as[id] != NONE) value[id] = value[as[id]];
    if (until && until[id] == NONE) continue;
    Look here = *w;
    if (until) here.arena = own[id] = arena_open(w->arena), next[id] = first[until[id]], first[until[id]] = id + 1;
    if (n->arity > room) in = NEW_ARRAY(w->arena, View, room = 2 * n->arity);
    for (int i = 0; i < n->arity; i++) in[i] = value[n->in[i]->id];
    if (n->op == OP_LOOP)
      result[id] = see_loop(&here, n, in);
    else if (n->op == OP_RESULT)
      value[id] = result[n->in[0]->id][n->attr.id];
    else if (n->op == OP_INPUT && read)
      value[id] = read[n->attr.id];
    else
      value[id] = see(&here, n, in);
    if (until && is_kept(w, n)) {
      w->rows->in_order = w->rows->in_order && rows_in_order(w->rows, n, &value[id]);
      value[id] = see_rows(&here, n);
    }
    for (int k = first[id]; k; k = next[k - 1]) arena_close(own[k - 1]);
  }
  return value;
}

// The values of all nodes that one is made of, or its own alone.
static View *see_all(const Look *w, const Graph *g, const Node *n, bool all) {
  const int *as = seen_as(w, g, n->id);
  return see_graph(w, g, n->id, as, read_until(w, g, n->id, as, all), NULL);
}

static View see_node(const Look *w, const Graph *g, const Node *n) { return see_all(w, g, n, false)[n->id]; }

int32_t *graph_latest(Arena *a, const Graph *g, const Node *y, const Node *x, const int32_t *place) {
  int64_t count = shape_count(y->shape);
  int32_t *latest = NEW_ARRAY(a, int32_t, count);
  Look w = {.arena = arena_open(a), .x = x, .place = place};
  View seen = see_node(&w, g, y), v = dense(&w, &seen);
  for (int64_t i = 0; i < count; i++) latest[i] = known(v.at[i]) ? NONE : v.at[i].latest;
  arena_close(w.arena);
  return latest;
}

bool graph_rows_in_order(Arena *a, const Graph *g, const Node *y, int64_t n, const int64_t *inner, const bool *kept) {
  Kept rows = {n, inner, kept, true};
  Look w = {.arena = arena_open(a), .rows = &rows};
  View seen = see_node(&w, g, y);
  bool in_order = rows.in_order && rows_in_order(&rows, y, &seen);
  arena_close(w.arena);
  return in_order;
}

const float *graph_known(Arena *a, const Graph *g, const Node *y) {
  int64_t count = shape_count(y->shape);
  float *number = NEW_ARRAY(a, float, count);
  Look w = {.arena = arena_open(a)};
  View seen = see_node(&w, g, y), v = dense(&w, &seen);
  bool all = true;
  for (int64_t i = 0; i < count; i++) number[i] = v.at[i].value, all = all && known(v.at[i]);
  arena_close(w.arena);
  return all ? number : NULL;
}

static bool never_finite(const Node *n, int depth);

// Is no number of it known to be 0?
static bool never_vanishes(const Node *n, int depth) {
  const Node *held = n;
  while (held->op == OP_RESHAPE || held->op == OP_BROADCAST) held = held->in[0];
  return held->op == OP_CONST ? held->attr.value != 0 : never_finite(n, depth - 1);
}

// Is no number of the node known and finite, as its last few operations tell? So are weights, and what moves them on,
// which would else be followed through all of a gradient.
static bool never_finite(const Node *n, int depth) {
  if (depth == 0) return false;
  const Node *a = n->arity > 0 ? n->in[0] : NULL, *b = n->arity > 1 ? n->in[1] : NULL;
  switch (n->op) {
    case OP_RESHAPE:
    case OP_PERMUTE:
    case OP_SLICE:
    case OP_BROADCAST:
    case OP_STOP:
    case OP_DIV: return never_finite(a, depth - 1);
    case OP_ADD:
    case OP_SUB: return never_finite(a, depth - 1) || never_finite(b, depth - 1);
    case OP_MUL:
      return (never_finite(a, depth - 1) && never_vanishes(b, depth)) ||
             (never_finite(b, depth - 1) && never_vanishes(a, depth));
    default: return op_class(n->op) == SOURCE && n->op != OP_CONST && n->op != OP_IOTA;
  }
}

int64_t graph_dead_taps(Arena *a, const Graph *g, const Node *n) {
  enum { DEPTH = 8 };
  if (never_finite(n, DEPTH)) return 0;
  Look w = {.arena = arena_open(a)};
  View v = see_node(&w, g, n);
  Shape s = shape_with_ones(n->shape, alike_axes(&v) & ~3u);
  int64_t taps = s.dim[0] * s.dim[1], live = 0, dead = 0;
  Walk k = {.shape = s, .n = 1, .stride = {v.stride}};
  if (taps > CONV_MASKED) taps = CONV_MASKED;
  do {
    int64_t tap = k.index[0] * s.dim[1] + k.index[1];
    if (tap < taps && !is_known(v.at[k.at[0]], 0)) live |= (int64_t)1 << tap;
  } while (walk_next(&k));
  dead = (int64_t)(((uint64_t)1 << taps) - 1) & ~live;
  arena_close(w.arena);
  return live || s.dim[0] * s.dim[1] > taps ? dead : 0;
}

// ---- the way from there

// A number of an input of a node.
typedef struct {
  int input;
  int64_t at;
} Number;

// Does number `at` of the node rise where the first `n` of these rise?
static bool rises(const Look *w, const Node *n, const View *in, int64_t at, const Number *of, int64_t raised) {
  Look inside = {.arena = arena_open(w->arena), .x = w->x, .place = w->place};
  const Node *made = n->op == OP_RESULT ? n->in[0] : n;
  View *higher = NEW_ARRAY(inside.arena, View, made->arity), out;
  for (int i = 0; i < made->arity; i++) higher[i] = dense(&inside, &in[i]);
  for (int64_t i = 0; i < raised; i++) higher[of[i].input].at[of[i].at].latest = INT32_MAX;
  out = made == n ? see(&inside, n, higher) : see_loop(&inside, made, higher)[n->attr.id];
  bool rose = dense(&inside, &out).at[at].latest == INT32_MAX;
  arena_close(inside.arena);
  return rose;
}

// The number of an input that number `at` of the node has its last place from: found by halving.
static Number cause(const Look *w, const Node *n, const View *value, int64_t at, int32_t latest) {
  const Node *made = n->op == OP_RESULT ? n->in[0] : n;
  View *in = NEW_ARRAY(w->arena, View, made->arity);
  int64_t all = 0, found = 0;
  for (int i = 0; i < made->arity; i++) in[i] = dense(w, &value[made->in[i]->id]), all += shape_count(in[i].shape);
  Number *of = NEW_ARRAY(w->arena, Number, all);
  for (int i = 0; i < made->arity; i++)
    for (int64_t k = 0; k < shape_count(in[i].shape); k++)
      if (in[i].at[k].latest == latest) of[found++] = (Number){i, k};
  int64_t lo = 0, hi = found;  // raising `lo` of them is not enough, raising `hi` is
  while (hi - lo > 1) {
    int64_t half = lo + (hi - lo) / 2;
    if (rises(w, n, in, at, of, half))
      hi = half;
    else
      lo = half;
  }
  return found ? of[hi - 1] : (Number){-1, 0};
}

int graph_way(Arena *a, const Graph *g, const Node *y, int64_t at, const Node *x, const int32_t *place,
              const Node **way) {
  Look w = {.arena = arena_open(a), .x = x, .place = place};
  const View *value = see_all(&w, g, y, true);
  int32_t latest = dense(&w, &value[y->id]).at[at].latest;
  int n = 0;
  for (const Node *here = y; here; n++) {
    way[n] = here;
    if (here == x) break;
    Number from = cause(&w, here, value, at, latest);
    const Node *made = here->op == OP_RESULT ? here->in[0] : here;
    here = from.input < 0 ? NULL : made->in[from.input];
    at = from.at;
  }
  arena_close(w.arena);
  return n;
}
