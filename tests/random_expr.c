// Expressions of random models: a form is picked that can give the shape wanted, and its parts are written likewise.
//
// Invariant: where the odds are 0, a form gives the shape it is asked for or writes nothing. (That the model holds no
// mistake is likely then, and not sure: bounds of values and what depends on what are the compiler's to find.)
#include <string.h>

#include "random_writer.h"

static Shape with_axis(Shape s, int axis, int64_t size) {
  for (int i = s.rank++; i > axis; i--) s.dim[i] = s.dim[i - 1];
  s.dim[axis] = size;
  return s;
}

static Shape without_last(Shape s) {
  s.dim[--s.rank] = 0;
  return s;
}

Variable variable_of_shape(const char *name, Shape shape) { return (Variable){.name = name, .shape = shape}; }

const char *new_name(Writer *w, const char *prefix) { return arena_format(w->arena, "%s%d", prefix, w->made++); }

void know(Writer *w, Variable v) { w->known[w->knowns < MOST_KNOWN ? w->knowns++ : below(w, MOST_KNOWN)] = v; }

Shape random_shape(Writer *w, int most_rank) {
  Shape s = {.rank = below(w, most_rank + 1)};
  for (int i = 0; i < s.rank; i++) s.dim[i] = 1 + below(w, 4);
  return s;
}

static void write_size(Writer *w, int64_t n) {
  for (int i = 0; i < w->params; i++) {
    if (w->param[i].classes != n || !chance(w, 1, 3)) continue;
    WRITE(w, "%s", w->param[i].name);
    return;
  }
  WRITE(w, "%lld", (long long)n);
}

void write_dims(Writer *w, Shape s) {
  for (int i = 0; i < s.rank; i++) {
    if (i) WRITE(w, ", ");
    if (chance(w, w->odds, 1000))
      write_odd(w, 1);
    else
      write_size(w, s.dim[i]);
  }
}

static void write_number(Writer *w) {
  static const char *const number[] = {"0", "1", "2", "0.5", "3", "1e-3", "0.1", "10", "-1", "0.25", "1e4", "-0.3"};
  WRITE(w, "%s", number[below(w, sizeof number / sizeof *number)]);
}

static const Variable *pick_known(Writer *w, Shape s, bool label) {
  const Variable *found = NULL;
  int n = 0;
  for (int i = 0; i < w->knowns; i++) {
    const Variable *v = &w->known[i];
    if (!shape_equal(v->shape, s) || (v->ground == ON_CLASS) != label) continue;
    if (chance(w, 1, ++n)) found = v;
  }
  return found;
}

static void write_list(Writer *w, Shape s, int depth) {
  Shape part = s;
  part.rank--;
  for (int i = 0; i < part.rank; i++) part.dim[i] = s.dim[i + 1];
  part.dim[part.rank] = 0;
  WRITE(w, "[");
  for (int i = 0; i < s.dim[0]; i++) {
    if (i) WRITE(w, ", ");
    write_expression(w, part, depth);
  }
  WRITE(w, "]");
}

static void write_leaf(Writer *w, Shape s) {
  const Variable *v = chance(w, 4, 5) ? pick_known(w, s, false) : NULL;
  if (v) {
    WRITE(w, "%s", v->name);
  } else if (s.rank == 0) {
    write_number(w);
  } else if (s.rank == 1 && chance(w, 1, 3)) {
    WRITE(w, "iota(%lld)", (long long)s.dim[0]);
  } else if (s.rank == 1 && chance(w, 1, 2)) {
    write_list(w, s, 0);
  } else {
    WRITE(w, chance(w, 1, 2) ? "zeros(" : "ones(");
    write_dims(w, s);
    WRITE(w, ")");
  }
}

void write_scalar(Writer *w, int depth) { write_expression(w, (Shape){0}, depth); }

void write_positive(Writer *w, Shape s, int depth) {
  static const char *const form[][2] = {
      {"exp(", ")"}, {"softplus(", ")"}, {"(0.1 + square(", "))"}, {"(1 + abs(", "))"}};
  if (chance(w, 1, 3)) {
    WRITE(w, "%s", chance(w, 1, 2) ? "1" : "0.3");
    return;
  }
  int k = below(w, 4);
  WRITE(w, "%s", form[k][0]);
  write_expression(w, s, depth);
  WRITE(w, "%s", form[k][1]);
}

static void write_unit(Writer *w, Shape s, int depth) {
  WRITE(w, "(");
  write_expression(w, s, depth);
  WRITE(w, " > 0)");
}

// In a network, what moves with its weights; elsewhere any value.
void write_moved(Writer *w, Shape s, int depth) {
  if (!(w->place & IN_NET)) {
    write_expression(w, s, depth);
    return;
  }
  int64_t n = shape_count(s);
  WRITE(w, s.rank ? "(0 + " : "sum(0 + ");
  write_expression(w, shape_of(1, &n), depth);
  WRITE(w, " |> dense(%lld)", (long long)n);
  if (s.rank) WRITE(w, " |> reshape("), write_dims(w, s), WRITE(w, ")");
  WRITE(w, ")");
}

// ---- forms: true if they wrote a value of the shape

typedef bool Form(Writer *w, Shape s, int depth);

static bool form_leaf(Writer *w, Shape s, int depth) {
  (void)depth;
  return write_leaf(w, s), true;
}

static bool form_unary(Writer *w, Shape s, int depth) {
  static const char *const name[] = {"exp",
                                     "log",
                                     "log1p",
                                     "expm1",
                                     "sqrt",
                                     "sin",
                                     "cos",
                                     "tanh",
                                     "erf",
                                     "lgamma",
                                     "digamma",
                                     "abs",
                                     "sign",
                                     "floor",
                                     "square",
                                     "relu",
                                     "leaky_relu",
                                     "sigmoid",
                                     "softplus",
                                     "log_sigmoid",
                                     "atan",
                                     "tan",
                                     "round",
                                     "erfinv",
                                     "silu",
                                     "elu",
                                     "gelu",
                                     "stop",
                                     "normal_quantile",
                                     "-",
                                     "!",
                                     "tanh",
                                     "relu",
                                     "sigmoid"};
  int k = below(w, (int)(sizeof name / sizeof *name) + w->functions);
  bool own = k >= (int)(sizeof name / sizeof *name);
  const char *f = own ? w->function[k - (int)(sizeof name / sizeof *name)] : name[k];
  bool pipe = f[0] >= 'a' && chance(w, 1, 3);
  WRITE(w, pipe ? "(" : "%s(", f);
  write_expression(w, s, depth);
  if (pipe) WRITE(w, " |> %s", f);
  WRITE(w, ")");
  return true;
}

static bool form_binary(Writer *w, Shape s, int depth) {
  static const char *const sign[] = {"+", "-", "*", "/", "^", "<", "<=", ">", ">=", "==", "!=", "+", "*", "-"};
  Shape t = s;
  int k = below(w, 17), other = below(w, 3);
  if (other == 1) t = (Shape){0};
  if (other == 2 && s.rank > 1) t = shape_of(s.rank - 1, s.dim + 1);
  bool swapped = chance(w, 1, 2);
  WRITE(w, k < 14 ? "(" : k == 14 ? "max(" : k == 15 ? "min(" : "mod(");
  write_expression(w, swapped ? t : s, depth);
  if (k < 14)
    WRITE(w, " %s ", sign[k]);
  else
    WRITE(w, ", ");
  write_expression(w, swapped ? s : t, depth);
  WRITE(w, ")");
  return true;
}

static bool form_if(Writer *w, Shape s, int depth) {
  static const char *const known[] = {"training", "given(none)", "true", "rank(1) > 0", "infinity == 1", "!false"};
  WRITE(w, "(if ");
  if (chance(w, 1, 3))
    WRITE(w, "%s", known[below(w, 6)]);
  else
    write_scalar(w, depth);
  WRITE(w, " then ");
  write_expression(w, s, depth);
  WRITE(w, " else ");
  write_expression(w, s, depth);
  WRITE(w, ")");
  return true;
}

static bool form_reshape(Writer *w, Shape s, int depth) {
  if (s.rank == 0) return false;
  int64_t n = shape_count(s), d = 1 + below(w, 4);
  Shape t = n % d == 0 ? shape_of(2, (int64_t[]){d, n / d}) : shape_of(1, &n);
  bool flat = s.rank == 1 && chance(w, 2, 3), pipe = chance(w, 1, 2);
  WRITE(w, pipe ? "(" : flat ? "flatten(" : "reshape(");
  write_expression(w, t, depth);
  if (pipe) WRITE(w, flat ? " |> flatten" : " |> reshape(");
  if (!flat && !pipe) WRITE(w, ", ");
  if (!flat) write_dims(w, s);
  if (!flat && pipe) WRITE(w, ")");
  WRITE(w, ")");
  return true;
}

// A list of n places of an axis.
static void write_places(Writer *w, int64_t n, int64_t size) {
  for (int64_t i = 0; i < n; i++) {
    int place = below(w, (int)size);
    WRITE(w, "%s%lld", i ? ", " : "", (long long)(chance(w, 1, 3) ? place - size : place));
  }
}

// `from .. to` of an axis, in one of its spellings.
static void write_range(Writer *w, int64_t from, int64_t to, int64_t size) {
  if (from || chance(w, 1, 2)) WRITE(w, "%lld ", (long long)(chance(w, 1, 3) ? from - size : from));
  WRITE(w, "..");
  if (to < size) WRITE(w, " %lld", (long long)(chance(w, 1, 3) ? to - size : to));
}

static bool form_index(Writer *w, Shape s, int depth) {
  int n = 1 + below(w, 3), axis = below(w, s.rank + 1), kind = below(w, 4);
  Shape t = s;
  if (kind < 2 && axis == s.rank) return false;
  if (kind < 2)
    t.dim[axis] += n - 1;
  else if (s.rank > 2)
    return false;
  else
    t = with_axis(s, axis, n);
  WRITE(w, "(0 + ");
  write_expression(w, t, depth);
  WRITE(w, ")[");
  for (int i = 0; i < axis; i++) WRITE(w, "%s", chance(w, 1, 2) ? ".., " : "0 .., ");
  int from = below(w, n);
  if (kind == 0) write_range(w, from, from + s.dim[axis], t.dim[axis]);
  if (kind == 1) WRITE(w, "%s", "["), write_places(w, s.dim[axis], t.dim[axis]), WRITE(w, "]");
  if (kind == 2) WRITE(w, "%d", chance(w, 1, 2) ? from : from - n);
  if (kind == 3) write_scalar(w, depth);
  WRITE(w, "]");
  return true;
}

// A row of a table, by a label.
static bool form_gather(Writer *w, Shape s, int depth) {
  const Variable *label = pick_known(w, (Shape){0}, true);
  if (!label || s.rank > 2) return false;
  if (chance(w, 1, 2)) {  // a table of each example's own
    WRITE(w, "(0 + ");
    write_expression(w, with_axis(s, s.rank, label->classes), depth);
    WRITE(w, ")[%s%s]", s.rank == 0 ? "" : s.rank == 1 ? ".., " : ".., .., ", label->name);
    return true;
  }
  Shape t = with_axis(s, 0, label->classes);
  WRITE(w, "reshape(iota(%lld), ", (long long)shape_count(t));
  write_dims(w, t);
  WRITE(w, ")[%s]", label->name);
  return true;
}

static bool form_reduce(Writer *w, Shape s, int depth) {
  static const char *const name[] = {"sum",     "average", "norm",     "maximum",   "mean",
                                     "product", "minimum", "variance", "logsumexp", "logmeanexp"};
  if (s.rank == 0 && chance(w, 2, 3)) {
    WRITE(w, "%s(", name[below(w, 8)]);
    write_expression(w, random_shape(w, 2), depth);
    WRITE(w, ")");
    return true;
  }
  if (s.rank > 2) return false;
  int axis = below(w, s.rank + 1);
  bool keep = axis < s.rank && s.dim[axis] == 1;
  Shape t = keep ? s : with_axis(s, axis, 1 + below(w, 3));
  if (keep) t.dim[axis] = 1 + below(w, 3);
  WRITE(w, "%s(", name[below(w, 10)]);
  write_expression(w, t, depth);
  WRITE(w, ", axis: %d%s)", chance(w, 1, 2) ? axis : axis - t.rank, keep ? ", keep: true" : "");
  return true;
}

static bool form_concat(Writer *w, Shape s, int depth) {
  int axis = s.rank ? below(w, s.rank) : 0;
  if (s.rank == 0 || s.dim[axis] < 2) return false;
  Shape first = s, rest = s;
  first.dim[axis] = 1 + below(w, (int)s.dim[axis] - 1);
  rest.dim[axis] -= first.dim[axis];
  WRITE(w, "concat(");
  write_expression(w, first, depth);
  WRITE(w, ", ");
  write_expression(w, rest, depth);
  WRITE(w, ", axis: %d)", axis - (chance(w, 1, 2) ? s.rank : 0));
  return true;
}

static bool form_split(Writer *w, Shape s, int depth) {
  if (s.rank == 0) return false;
  int n = 1 + below(w, 3), axis = below(w, s.rank);
  Shape t = s;
  t.dim[axis] *= n;
  WRITE(w, "split(%d, ", n);
  write_expression(w, t, depth);
  WRITE(w, ", axis: %d)[%d]", axis, below(w, n));
  return true;
}

static bool form_matmul(Writer *w, Shape s, int depth) {
  int64_t k = 1 + below(w, 4);
  Shape a = s, b = shape_of(1, &k);
  if (s.rank > 2 && chance(w, 1, 2)) {  // as many matrices as there are
    b = s;
    a.dim[s.rank - 1] = b.dim[s.rank - 2] = k;
  } else if (s.rank == 0 || (s.rank == 1 && chance(w, 1, 2))) {
    a = with_axis(s, s.rank, k);  // a matrix and a vector
  } else {
    b = shape_of(2, (int64_t[]){k, s.dim[s.rank - 1]});
    a.dim[s.rank - 1] = k;
  }
  WRITE(w, "(");
  write_expression(w, a, depth);
  WRITE(w, " @ ");
  write_expression(w, b, depth);
  WRITE(w, ")");
  return true;
}

static bool form_layer(Writer *w, Shape s, int depth) {
  static const char *const same[] = {"layer_norm", "batch_norm", "dropout", "dropout(0.3)"};
  if (!(w->place & IN_NET) || s.rank == 0) return false;
  Shape t = s;
  int k = below(w, 8), own = k == 7 && w->blocks ? below(w, w->blocks) : -1;
  if (k >= 4) t.dim[s.rank - 1] = 1 + below(w, 4);
  WRITE(w, chance(w, 1, 20) ? "(" : "(0 + ");
  write_expression(w, t, depth);
  WRITE(w, " |> %s", own >= 0 ? w->block[own] : k < 4 ? same[k] : k == 4 ? "linear" : "dense");
  if (k >= 4) {
    WRITE(w, "(");
    write_size(w, s.dim[s.rank - 1]);
    WRITE(w, k == 5 ? ", init: he)" : k == 6 ? ", init: glorot)" : ")");
  }
  WRITE(w, ")");
  return true;
}

// A convolution or its adjoint that leads to an image [h, w, c], or a series [t, c]: of layers, or by weights that are
// any expression.
static bool form_convolve(Writer *w, Shape s, int depth) {
  if (s.rank != 2 && s.rank != 3) return false;
  int64_t taps = 1 + below(w, 3), stride = 1 + below(w, 2), in = 1 + below(w, 3), out = s.dim[s.rank - 1];
  bool back = chance(w, 1, 2), series = s.rank == 2;
  Shape x = s, weights = shape_of(4, (int64_t[]){taps, taps, back ? out : in, back ? in : out});
  if (series) weights = shape_of(3, weights.dim + 1);
  for (int i = 0; i < s.rank - 1; i++) {
    if (back && s.dim[i] % stride) return false;
    x.dim[i] = back ? s.dim[i] / stride : s.dim[i] * stride;
  }
  x.dim[s.rank - 1] = in;
  if (shape_count(x) > 200) return false;
  bool layer = w->place & IN_NET && chance(w, 2, 3);
  WRITE(w, layer ? "(0 + " : back ? "convolve_back(" : "convolve(");
  write_expression(w, x, depth);
  if (layer)
    WRITE(w, " |> conv%s%s(%lld, %lld", series ? "1d" : "", back ? "_transpose" : "", (long long)out, (long long)taps);
  else
    WRITE(w, ", "), write_expression(w, weights, depth);
  WRITE(w, ", stride: %lld", (long long)stride);
  if (!layer) WRITE(w, ", padding: same");
  WRITE(w, layer ? "))" : ")");
  return true;
}

// Windows, places repeated, channels that become places, and norms over an image.
static bool form_image(Writer *w, Shape s, int depth) {
  static const char *const text[] = {"max_pool(2)",      "average_pool(2)", "upsample(2)",
                                     "pixel_shuffle(2)", "instance_norm",   "group_norm(1)"};
  if (s.rank != 3 || shape_count(s) > 60) return false;
  Shape x = s;
  int k = below(w, w->place & IN_NET ? 6 : 4);
  if ((k == 2 || k == 3) && (s.dim[0] % 2 || s.dim[1] % 2)) return false;
  for (int i = 0; i < 2 && k < 4; i++) x.dim[i] = k < 2 ? s.dim[i] * 2 : s.dim[i] / 2;
  if (k == 3) x.dim[2] *= 4;
  WRITE(w, "(0 + ");
  write_expression(w, x, depth);
  WRITE(w, " |> %s)", text[k]);
  return true;
}

static bool form_last_axis(Writer *w, Shape s, int depth) {
  static const char *const name[] = {"softmax", "log_softmax", "cumsum", "reverse", "random"};
  if (s.rank == 0) return false;
  int k = below(w, 5);
  WRITE(w, "%s(", name[k]);
  write_expression(w, s, depth);
  if (k < 4 && chance(w, 1, 2)) WRITE(w, ", axis: %d", below(w, 2 * s.rank) - s.rank);
  WRITE(w, ")");
  return true;
}

// The shape's axes in another order, copies of places or of the whole, or parts laid along a new axis.
static bool form_moved(Writer *w, Shape s, int depth) {
  if (s.rank == 0) return false;
  Shape t = s;
  int axis = below(w, s.rank), kind = below(w, 4), from_end = chance(w, 1, 2) ? s.rank : 0;
  int64_t n = s.dim[axis] > 1 && s.dim[axis] % 2 == 0 ? 2 : s.dim[axis];
  if (kind == 0) {  // the axes turned round by `axis`
    for (int i = 0; i < s.rank; i++) t.dim[(i + axis) % s.rank] = s.dim[i];
    WRITE(w, "permute(");
    write_expression(w, t, depth);
    for (int i = 0; i < s.rank; i++) WRITE(w, ", %d", (i + axis) % s.rank - from_end);
  } else if (kind == 1) {
    memmove(t.dim + axis, t.dim + axis + 1, sizeof t.dim[0] * (size_t)(--t.rank - axis));
    WRITE(w, "stack(");
    for (int64_t i = 0; i < s.dim[axis]; i++) write_expression(w, t, depth), WRITE(w, ", ");
    WRITE(w, "axis: %d", axis - from_end);
  } else {
    t.dim[axis] /= n;
    WRITE(w, kind == 2 ? "tile(" : "repeated(");
    write_expression(w, t, depth);
    WRITE(w, ", %lld, axis: %d", (long long)n, axis - from_end);
  }
  WRITE(w, ")");
  return true;
}

static bool form_onehot(Writer *w, Shape s, int depth) {
  if (s.rank == 0) return false;
  const Variable *label = s.rank == 1 ? pick_known(w, (Shape){0}, true) : NULL;
  if (label && label->classes == s.dim[0]) {
    WRITE(w, "onehot(%s)", label->name);
    return true;
  }
  if (chance(w, 1, 2)) {
    WRITE(w, chance(w, 1, 2) ? "onehot(argmax(" : "onehot(argmin(");
    write_expression(w, s, depth);
    WRITE(w, "))");
    return true;
  }
  WRITE(w, "onehot(floor(");
  write_expression(w, without_last(s), depth);
  WRITE(w, "), %lld)", (long long)s.dim[s.rank - 1]);
  return true;
}

static bool form_expand(Writer *w, Shape s, int depth) {
  int axis = s.rank ? below(w, s.rank) : 0;
  if (s.rank == 0 || s.dim[axis] != 1) return false;
  Shape t = s;
  memmove(t.dim + axis, t.dim + axis + 1, sizeof t.dim[0] * (size_t)(--t.rank - axis));
  WRITE(w, "expand(");
  write_expression(w, t, depth);
  WRITE(w, ", axis: %d)", axis - (chance(w, 1, 2) ? s.rank : 0));
  return true;
}

static bool form_transpose(Writer *w, Shape s, int depth) {
  if (s.rank < 2) return false;
  Shape t = s;
  t.dim[s.rank - 2] = s.dim[s.rank - 1];
  t.dim[s.rank - 1] = s.dim[s.rank - 2];
  WRITE(w, "transpose(");
  write_expression(w, t, depth);
  WRITE(w, ")");
  return true;
}

static bool form_number(Writer *w, Shape s, int depth) {
  static const char *const name[] = {"step", "epoch", "training", "random()", "gaussian()", "pi", "batch_size"};
  if (s.rank) return false;
  if (chance(w, 1, 2)) {
    WRITE(w, "%s", name[below(w, 7)]);
    return true;
  }
  WRITE(w, chance(w, 1, 2) ? "size(" : "rank(");
  write_expression(w, random_shape(w, 2), depth);
  WRITE(w, ")");
  return true;
}

static bool form_batch_mean(Writer *w, Shape s, int depth) {
  if (s.rank != 1 || !(w->place & IN_BATCH)) return false;
  WRITE(w, "batch_mean(");
  write_expression(w, chance(w, 1, 2) ? s : with_axis(s, 0, 2), depth);
  WRITE(w, ")");
  return true;
}

static bool form_neighbour(Writer *w, Shape s, int depth) {
  const Variable *v = w->columns ? &w->column[below(w, w->columns)] : NULL;
  if (!v || !(w->place & IN_OBJECTIVE) || !shape_equal(v->shape, s)) return false;
  WRITE(w, "neighbour(%s, ", v->name);
  if (chance(w, 1, 2))
    WRITE(w, "%d)", below(w, 5) - 2);
  else
    write_expression(w, chance(w, 1, 2) ? s : (Shape){0}, depth), WRITE(w, ")");
  return true;
}

static bool form_gradient(Writer *w, Shape s, int depth) {
  const Variable *v = pick_known(w, s, false);
  if (!v || s.rank == 0 || !(w->place & IN_OBJECTIVE)) return false;
  WRITE(w, "grad(sum(square(%s) + %s * ", v->name, v->name);
  write_expression(w, s, depth);
  WRITE(w, "), %s)", v->name);
  return true;
}

static bool form_list(Writer *w, Shape s, int depth) {
  if (s.rank == 0) return false;
  write_list(w, s, depth);
  return true;
}

// ---- networks and distributions

// A value for an input or output: one of the same name or shape, or any.
static void write_value(Writer *w, const Variable *v, int depth) {
  const Variable *same = pick_known(w, v->shape, v->ground == ON_CLASS);
  if (same && chance(w, 3, 4))
    WRITE(w, "%s", same->name);
  else if (v->ground == ON_CLASS)
    WRITE(w, "%d", below(w, v->classes));
  else if (v->ground == ON_POSITIVE)
    write_positive(w, v->shape, depth);
  else if (v->ground != ON_REAL)
    write_unit(w, v->shape, depth);
  else
    write_expression(w, v->shape, depth);
}

// The same, seen in part by a mask of its shape or of one number, or in its first places; what stands in an output
// without a name is the next.
static void write_observed(Writer *w, const Variable *v, int depth) {
  WRITE(w, "observed(");
  write_value(w, v, depth);
  WRITE(w, ", ");
  if (v->shape.rank && chance(w, 1, 3)) {
    WRITE(w, "above(");
    write_value(w, v, depth);
    WRITE(w, ", %d))", below(w, 3));
    return;
  }
  write_expression(w, chance(w, 2, 3) ? v->shape : (Shape){0}, depth);
  WRITE(w, ")");
}

void write_application(Writer *w, const Net *n, Bar bar, int depth) {
  WRITE(w, "%s(", n->name);
  for (int i = 0; bar && i < n->outs; i++) {
    if (i) WRITE(w, ", ");
    if (bar == BAR_PART || (bar == BAR_POINT && chance(w, 1, 6)))
      write_observed(w, &n->out[i], depth);
    else if (bar == BAR_POINT)
      write_value(w, &n->out[i], depth);
    else
      WRITE(w, "%s", n->out[i].name);
  }
  if (bar && n->ins) WRITE(w, " | ");
  for (int i = 0; i < n->ins; i++) {
    if (i) WRITE(w, ", ");
    if (chance(w, 1, 4)) WRITE(w, "%s: ", n->in[i].name);
    write_value(w, &n->in[i], depth);
  }
  WRITE(w, ")");
}

static const Net *pick_net(Writer *w, bool density) {
  const Net *found = NULL;
  int n = 0;
  for (int i = 0; i < w->nets; i++)
    if (w->net[i].density == density && chance(w, 1, ++n)) found = &w->net[i];
  return found;
}

// The value of a network, or the mean or a draw of one.
static bool form_network(Writer *w, Shape s, int depth) {
  if (!(w->place & IN_OBJECTIVE)) return false;
  for (int i = 0; i < 4; i++) {
    const Net *n = pick_net(w, chance(w, 1, 2));
    if (!n || n->outs != 1 || !shape_equal(n->out[0].shape, s)) continue;
    bool mean = n->out[0].ground == ON_BITS && chance(w, 1, 2);
    if (n->density) WRITE(w, mean ? "(mean " : "(draw ");
    write_application(w, n, n->density ? (Bar)below(w, 3) : NO_BAR, depth);
    if (n->density) WRITE(w, ")");
    return true;
  }
  return false;
}

// The beginning of a density, divergence or entropy: whole, or its terms added up.
static void write_terms(Writer *w, const char *what, bool terms) {
  bool apart = terms && !w->joint && chance(w, 1, 3);
  WRITE(w, apart ? "sum(each %s" : "(%s", what);
}

// The same distribution, held still or not.
static void write_held(Writer *w, const Net *n, Bar bar, int depth) {
  bool held = chance(w, 1, 4);
  if (held) WRITE(w, "stop(");
  write_application(w, n, bar, depth);
  if (held) WRITE(w, ")");
}

static bool form_density(Writer *w, Shape s, int depth) {
  if (s.rank || !(w->place & IN_OBJECTIVE)) return false;
  const Net *n = pick_net(w, true);
  const Variable *z = w->latents ? &w->latent[below(w, w->latents)] : NULL;
  int kind = below(w, 4);
  if (kind == 0 && n) {
    write_terms(w, "log ", n->outs == 1);
    write_held(w, n, BAR_POINT, depth);
    WRITE(w, ")");
  } else if (kind == 1 && n && n->outs == 1) {
    write_terms(w, "entropy(", true);
    write_held(w, n, BAR_NAME, depth);
    WRITE(w, "))");
  } else if (kind == 2 && z && n && n->outs == 1) {
    write_terms(w, "kl(", true);
    write_held(w, n, BAR_NAME, depth);
    WRITE(w, " || ");
    if (shape_equal(z->shape, n->out[0].shape) && chance(w, 2, 3))
      WRITE(w, "prior(%s)", z->name);
    else
      write_distribution(w, &n->out[0], depth);
    WRITE(w, "))");
  } else {
    Variable x = variable_of_shape("", random_shape(w, 2));
    WRITE(w, "entropy(");
    write_distribution(w, &x, depth);
    WRITE(w, ")");
  }
  return true;
}

static bool form_objective(Writer *w, Shape s, int depth) {
  (void)depth;
  if (s.rank || !w->objectives || !(w->place & IN_OBJECTIVE)) return false;
  const char *name = w->objective[below(w, w->objectives)];
  WRITE(w, chance(w, 1, 3) ? "stop(%s)" : "%s", name);
  return true;
}

// A column for another example, or the place of the one or the other.
static bool write_others(Writer *w, const char *other) {
  if (!w->columns || !(w->place & IN_OBJECTIVE)) return false;
  WRITE(w, "%s in batch", other);
  const Variable *c = &w->column[below(w, w->columns)];
  know(w, (Variable){arena_format(w->arena, "%s.%s", other, c->name), c->shape, c->ground, c->classes});
  know(w, variable_of_shape(chance(w, 1, 2) ? "self" : other, (Shape){0}));
  return true;
}

// All values of a class or a bit.
static void write_enumerated(Writer *w, const char *name, int depth) {
  Variable v = {.name = name, .ground = chance(w, 1, 2) ? ON_BITS : ON_CLASS, .classes = 1 + below(w, 3)};
  WRITE(w, "%s ~ ", name);
  write_distribution(w, &v, depth);
  know(w, v);
}

// What an aggregate's block is evaluated for, n times if that is not 0.
static void write_binder(Writer *w, int64_t n, bool weighed, int depth) {
  const char *name = new_name(w, "i");
  int kind = below(w, 5);
  if (kind == 0 && !n && write_others(w, name)) return;
  if (kind == 1 && weighed && !n) {
    write_enumerated(w, name, depth);
    return;
  }
  if (!n) n = 1 + below(w, 3);
  Shape slice = random_shape(w, 1);
  if (kind < 3) {
    WRITE(w, "%lld", (long long)n);
  } else if (kind == 3 || !slice.rank) {
    WRITE(w, "%s in 0 .. %lld", name, (long long)n);
    know(w, variable_of_shape(name, (Shape){0}));
  } else {
    WRITE(w, "%s in ", name);
    write_expression(w, with_axis(slice, 0, n), depth);
    know(w, variable_of_shape(name, slice));
  }
}

static bool form_aggregate(Writer *w, Shape s, int depth) {
  static const char *const name[] = {"mean", "logmeanexp", "sum", "logsumexp", "max", "product", "variance"};
  if (!(w->place & (IN_OBJECTIVE | IN_NET)) || s.rank > 3) return false;
  int knowns = w->knowns, k = below(w, 7);
  bool stacked = s.rank && chance(w, 1, 3), pair = chance(w, 1, 8);
  Shape part = s;
  if (stacked) memmove(part.dim, part.dim + 1, sizeof part.dim[0] * (size_t)--part.rank);
  WRITE(w, "%s(", stacked ? "array" : name[k]);
  write_binder(w, stacked ? s.dim[0] : 0, !stacked && k < 2, depth);
  WRITE(w, ") { ");
  if (w->latents && w->place & IN_OBJECTIVE) {
    const Variable *z = &w->latent[below(w, w->latents)];
    const char *drawn = new_name(w, "d");
    WRITE(w, "%s ~ prior(%s)\n    ", drawn, z->name);
    know(w, (Variable){drawn, z->shape, z->ground, z->classes});
  }
  write_expression(w, part, depth);
  if (pair) WRITE(w, ", "), write_expression(w, part, depth);
  WRITE(w, " }");
  if (pair) WRITE(w, "[%d]", below(w, 2));
  w->knowns = knowns;
  return true;
}

// A draw whose gradient is estimated, in a block of its own. Of a relaxed label the one-hot vector alone is known.
static bool form_estimated(Writer *w, Shape s, int depth) {
  static const char *const by[] = {"gumbel(0.5)", "straight_through(2)", "score(baseline: 1)", "score", "enumeration"};
  if (!(w->place & IN_OBJECTIVE) || s.rank > 3) return false;
  int knowns = w->knowns, k = below(w, 5);
  const char *name = new_name(w, "k");
  Variable v = {.name = name, .ground = chance(w, 1, 2) ? ON_BITS : ON_CLASS, .classes = 1 + below(w, 3)};
  WRITE(w, "mean(%d) { %s ~ ", 1 + below(w, 2), name);
  write_distribution(w, &v, depth);
  WRITE(w, " by %s\n    ", by[k]);
  if (v.ground == ON_CLASS && k < 2) {
    const char *weights = new_name(w, "w");
    WRITE(w, "%s = onehot(%s)\n    ", weights, name);
    know(w, variable_of_shape(weights, (Shape){.rank = 1, .dim = {v.classes}}));
  } else {
    know(w, v);
  }
  write_expression(w, s, depth);
  WRITE(w, " }");
  w->knowns = knowns;
  return true;
}

// scan(v in ..., h = ...) { h <- ...  ... }, or fold: what runs along the turns and what is carried are known in the
// block.
static bool form_loop(Writer *w, Shape s, int depth) {
  bool stacks = s.rank && chance(w, 1, 2);
  int knowns = w->knowns;
  const char *along = new_name(w, "v"), *carried = new_name(w, "h");
  Shape part = s, slice = random_shape(w, 1);
  int64_t turns = 1 + below(w, 4);
  if (stacks) {
    turns = s.dim[0];
    for (int i = 0; i + 1 < s.rank; i++) part.dim[i] = s.dim[i + 1];
    part.dim[--part.rank] = 0;
  }
  WRITE(w, "%s(%s in ", stacks ? "scan" : "fold", along);
  if (slice.rank)
    write_expression(w, with_axis(slice, 0, turns), depth);
  else
    WRITE(w, "0 .. %lld", (long long)turns);
  WRITE(w, ", %s = ", carried);
  write_expression(w, part, depth);
  know(w, variable_of_shape(along, slice));
  know(w, variable_of_shape(carried, part));
  WRITE(w, ") { %s <- tanh(", carried);
  write_expression(w, part, depth);
  WRITE(w, ")\n    ");
  write_moved(w, part, depth);
  WRITE(w, " }");
  w->knowns = knowns;
  return true;
}

// Its components are of one number each, in all the ways in which they may be told apart.
static void write_mixture(Writer *w, int depth) {
  int kind = below(w, 5), n = 1 + below(w, 3);
  if (kind == 0) WRITE(w, "mixture over k in 0 .. %d { normal(2 * k - 1, 0.5) }", n);
  if (kind == 1) WRITE(w, "mixture(k in 0 .. %d) { normal(2 * k - 1, 0.5) }", n);
  if (kind == 2) WRITE(w, "mixture(k ~ bernoulli(0.3)) { laplace(2 * k - 1, 0.5) }");
  if (kind < 3) return;
  WRITE(w, kind == 3 ? "mixture(k ~ categorical(logits: " : "mixture(u in ");
  write_expression(w, with_axis((Shape){0}, 0, n), depth);
  WRITE(w, kind == 3 ? ")) { normal(2 * k - 1, 0.5) }" : ") { normal(u, 0.5) }");
}

// A normal distribution of vectors: by its covariance, a factor of it, or few causes.
static void write_joint(Writer *w, const Variable *v, int depth) {
  int64_t n = v->shape.dim[v->shape.rank - 1];
  int kind = below(w, 4), causes = 1 + below(w, 3);
  WRITE(w, kind == 3 ? "low_rank_normal(" : "normal(");
  write_moved(w, v->shape, depth);
  if (kind == 0) {
    WRITE(w, ", cov: (1 + square(");
    write_scalar(w, depth);
    WRITE(w, ")) * identity(%d))", (int)n);
  } else if (kind == 1) {
    WRITE(w, ", cov: diagonal_matrix(0.1 + exp(");
    write_moved(w, shape_of(1, &n), depth);
    WRITE(w, ")))");
  } else if (kind == 2) {
    WRITE(w, ", scale: 0.5, factor: cholesky_of(");
    write_moved(w, shape_of(1, (int64_t[]){n * (n + 1) / 2}), depth);
    WRITE(w, "))");
  } else {
    WRITE(w, ", ");
    write_moved(w, shape_of(2, (int64_t[]){n, causes}), depth);
    WRITE(w, ", 0.7)");
  }
}

static void write_product(Writer *w, const Variable *v, int depth) {
  for (int i = 0, n = 1 + below(w, 3); i < n; i++) {
    WRITE(w, i ? ", normal(" : "product(normal(");
    write_moved(w, v->shape, depth);
    WRITE(w, ", ");
    write_positive(w, v->shape, depth);
    WRITE(w, ")");
  }
  WRITE(w, ")");
}

static void write_real(Writer *w, const Variable *v, int depth) {
  if (chance(w, 1, 16)) {
    write_product(w, v, depth);
    return;
  }
  if (w->joint && v->shape.rank && chance(w, 1, 2)) {
    write_joint(w, v, depth);
    return;
  }
  static const char *const name[] = {"normal", "laplace", "logistic", "cauchy", "student_t"};
  int k = below(w, 7);
  if (k == 6) {
    write_mixture(w, depth);
    return;
  }
  bool own = k == 5 && w->distributions;
  WRITE(w, "%s(", own ? w->distribution[below(w, w->distributions)] : name[k % 5]);
  if (k == 4) WRITE(w, "3, ");
  write_moved(w, v->shape, depth);
  WRITE(w, chance(w, 1, 4) && !own ? ", scale: " : ", ");
  write_positive(w, v->shape, depth);
  WRITE(w, ")");
}

// What a real distribution is sent through: maps of numbers, and of vectors where there are some, and a network to own
// their weights.
static void write_flow(Writer *w, Shape s, int depth) {
  static const char *const map[] = {"reverse", "linear", "act_norm", "coupling(3)", "autoregressive_flow(4)", "planar"};
  bool vectors = s.rank && s.dim[s.rank - 1] > 1 && w->place & IN_NET;
  for (int n = 1 + below(w, 3); n; n--) {
    if (vectors && w->bijectors && chance(w, 1, 4)) {
      WRITE(w, " |> %s(by: 0.5)", w->bijector[below(w, w->bijectors)]);
    } else if (vectors && chance(w, 2, 3)) {
      WRITE(w, " |> %s", map[below(w, chance(w, 1, 8) ? 6 : 5)]);  // the last has no inverse
    } else {
      WRITE(w, " |> affine(");
      write_moved(w, s, depth);
      WRITE(w, ", ");
      write_positive(w, s, depth);
      WRITE(w, ")");
    }
  }
}

void write_distribution(Writer *w, const Variable *v, int depth) {
  if (chance(w, w->odds, 500)) {
    write_odd(w, depth);
    return;
  }
  // bernoulli's density extends to grey levels
  switch (v->ground == ON_UNIT && w->place & IN_NET ? ON_BITS : v->ground) {
    case ON_REAL:
      write_real(w, v, depth);
      if (chance(w, 1, 5)) write_flow(w, v->shape, depth);
      return;
    case ON_POSITIVE:
      WRITE(w, "exponential(exp(");
      write_moved(w, v->shape, depth);
      WRITE(w, ")");
      break;
    case ON_UNIT: WRITE(w, "uniform(0, 1"); break;
    case ON_BITS:
      WRITE(w, chance(w, 1, 4) ? "bernoulli(p: sigmoid(" : "bernoulli(logits: (");
      write_moved(w, v->shape, depth);
      WRITE(w, ")");
      break;
    case ON_CLASS:
      WRITE(w, "categorical(logits: ");
      write_moved(w, with_axis(v->shape, v->shape.rank, v->classes), depth);
      break;
  }
  WRITE(w, ")");
}

static Form *const forms[] = {
    form_leaf,    form_unary,     form_unary,     form_unary,      form_binary,    form_binary,    form_binary,
    form_if,      form_reshape,   form_index,     form_gather,     form_reduce,    form_concat,    form_split,
    form_matmul,  form_layer,     form_layer,     form_layer,      form_layer,     form_last_axis, form_onehot,
    form_expand,  form_transpose, form_number,    form_batch_mean, form_gradient,  form_list,      form_network,
    form_network, form_density,   form_aggregate, form_aggregate,  form_estimated, form_neighbour, form_loop,
    form_moved,   form_objective, form_convolve,  form_convolve,   form_image};

void write_expression(Writer *w, Shape s, int depth) {
  if (chance(w, w->odds, 1000)) {
    write_odd(w, depth);
    return;
  }
  if (depth > DEEPEST) depth = DEEPEST;
  if (depth <= 0 || --w->room <= 0) {
    write_leaf(w, s);
    return;
  }
  while (!forms[below(w, sizeof forms / sizeof *forms)](w, s, depth - 1)) continue;
}
