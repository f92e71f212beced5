// Shapes: one rule for each entry of the shape column of ops.def.
//
// A rule reads the inputs, the attributes and, where the shape is a free choice, the shape the caller asked for; it
// sets *out and returns NULL, or returns what is wrong. Every rule that returns NULL has set a shape without zero
// dimensions.
#include "engine/conv.h"
#include "graph/graph_rules.h"

typedef const char *ShapeRule(const Node *n, Shape *out);

static const char *shape_given(const Node *n, Shape *out) {
  *out = n->shape;
  if (n->op == OP_IOTA && (n->attr.a[0] < 0 || n->attr.a[0] >= out->rank)) return "no such axis";
  if (n->op == OP_RANDOM && (n->attr.flag < 0 || n->attr.flag % RANDOM_ADDRESSES > RANDOM_ONCE))
    return "unknown address";
  return NULL;
}

static const char *shape_same(const Node *n, Shape *out) {
  *out = n->in[0]->shape;
  for (int i = 1; i < n->arity; i++) {
    if (!shape_equal(*out, n->in[i]->shape)) return "the inputs' shapes differ";
  }
  return NULL;
}

static const char *shape_reshape(const Node *n, Shape *out) {
  *out = n->shape;
  return shape_count(*out) == shape_count(n->in[0]->shape) ? NULL : "the number of elements would change";
}

static const char *shape_permute(const Node *n, Shape *out) {
  const Shape *in = &n->in[0]->shape;
  uint32_t seen = 0;
  out->rank = in->rank;
  for (int i = 0; i < in->rank; i++) {
    int64_t axis = n->attr.a[i];
    if (axis < 0 || axis >= in->rank || seen >> axis & 1) return "not a permutation of the axes";
    seen |= 1u << axis;
    out->dim[i] = in->dim[axis];
  }
  return NULL;
}

static const char *shape_broadcast(const Node *n, Shape *out) {
  const Shape *in = &n->in[0]->shape;
  *out = n->shape;
  if (in->rank != out->rank) return "the rank would change";
  for (int i = 0; i < in->rank; i++) {
    if (in->dim[i] != 1 && in->dim[i] != out->dim[i]) return "only an axis of size 1 can be repeated";
  }
  return NULL;
}

static const char *shape_slice(const Node *n, Shape *out) {
  const Shape *in = &n->in[0]->shape;
  *out = n->shape;
  if (in->rank != out->rank) return "the rank would change";
  for (int i = 0; i < in->rank; i++) {
    if (n->attr.a[i] < 0 || n->attr.a[i] > in->dim[i] - out->dim[i]) return "the slice leaves the tensor";
  }
  return NULL;
}

enum { MOST = 1 << 30 };  // of zeros on one side, and rows of a table: keeps sums of sizes far from overflow

static const char *shape_pad(const Node *n, Shape *out) {
  *out = n->in[0]->shape;
  for (int i = 0; i < out->rank; i++) {
    if (n->attr.a[i] < 0 || n->attr.b[i] < 0) return "negative padding";
    if (n->attr.a[i] > MOST || n->attr.b[i] > MOST) return "too much padding";
    out->dim[i] += n->attr.a[i] + n->attr.b[i];
  }
  return NULL;
}

static const char *shape_concat(const Node *n, Shape *out) {
  int64_t axis = n->attr.a[0];
  if (n->arity == 0) return "nothing to join";
  *out = n->in[0]->shape;
  if (axis < 0 || axis >= out->rank) return "no such axis";
  for (int i = 1; i < n->arity; i++) {
    Shape s = n->in[i]->shape;
    if (s.rank != out->rank) return "the inputs' ranks differ";
    out->dim[axis] += s.dim[axis];
    s.dim[axis] = out->dim[axis];
    if (!shape_equal(s, *out)) return "the inputs differ along another axis";
  }
  return NULL;
}

static const char *shape_gather(const Node *n, Shape *out) {
  const Shape *table = &n->in[0]->shape, *index = &n->in[1]->shape;
  if (table->rank < 1) return "the table has no rows";
  if (index->rank + table->rank - 1 > MAX_RANK) return "too many axes";
  *out = *index;
  for (int i = 1; i < table->rank; i++) out->dim[out->rank++] = table->dim[i];
  return NULL;
}

static const char *shape_scatter(const Node *n, Shape *out) {
  const Shape *values = &n->in[0]->shape, *index = &n->in[1]->shape;
  if (n->attr.a[0] < 1 || n->attr.a[0] > MOST) return "bad number of rows";
  if (values->rank < index->rank) return "fewer axes than the index";
  for (int i = 0; i < index->rank; i++) {
    if (values->dim[i] != index->dim[i]) return "the values' leading axes are not the index's";
  }
  if (values->rank - index->rank + 1 > MAX_RANK) return "too many axes";
  *out = (Shape){.rank = 1, .dim = {n->attr.a[0]}};
  for (int i = index->rank; i < values->rank; i++) out->dim[out->rank++] = values->dim[i];
  return NULL;
}

static const char *shape_reduce(const Node *n, Shape *out) {
  const Shape *in = &n->in[0]->shape;
  if (n->attr.axes == 0 || n->attr.axes >> in->rank) return "no such axes";
  out->rank = 0;
  for (int i = 0; i < in->rank; i++) {
    if (!(n->attr.axes >> i & 1)) out->dim[out->rank++] = in->dim[i];
  }
  return NULL;
}

static const char *shape_cumsum(const Node *n, Shape *out) {
  *out = n->in[0]->shape;
  if (n->attr.flag & ~1) return "unknown flag";
  return n->attr.a[0] >= 0 && n->attr.a[0] < out->rank ? NULL : "no such axis";
}

static const char *shape_matmul(const Node *n, Shape *out) {
  const Shape *a = &n->in[0]->shape, *b = &n->in[1]->shape;
  int rank = a->rank;
  if (n->attr.flag & ~3) return "unknown flag";
  if (rank != b->rank || (rank != 2 && rank != 3)) return "needs two matrices, or two stacks of matrices";
  if (rank == 3 && a->dim[0] != b->dim[0]) return "the stacks' sizes differ";
  bool ta = n->attr.flag & 1, tb = n->attr.flag & 2;
  if (a->dim[rank - (ta ? 2 : 1)] != b->dim[rank - (tb ? 1 : 2)]) return "the inner sizes differ";
  *out = *a;
  out->dim[rank - 2] = a->dim[rank - (ta ? 1 : 2)];
  out->dim[rank - 1] = b->dim[rank - (tb ? 2 : 1)];
  return NULL;
}

static const char *shape_cholesky(const Node *n, Shape *out) {
  *out = n->in[0]->shape;
  if (out->rank != 2 && out->rank != 3) return "needs a matrix, or a stack of matrices";
  return out->dim[out->rank - 2] == out->dim[out->rank - 1] ? NULL : "the matrix is not square";
}

static const char *shape_nearest(const Node *n, Shape *out) {
  *out = n->in[0]->shape;
  if (out->rank != 2 || n->in[1]->shape.rank) return "needs rows, and a number";
  return n->attr.flag < 1 || n->attr.flag > MOST_NEAREST ? "no such place" : NULL;
}

static const char *shape_solve(const Node *n, Shape *out) {
  const Shape *right = &n->in[1]->shape;
  Shape square;
  const char *wrong = shape_cholesky(n, &square);
  if (wrong) return wrong;
  *out = *right;
  if (n->attr.flag & ~1) return "unknown flag";
  bool fits = right->rank == square.rank && right->dim[0] == square.dim[0] &&
              right->dim[right->rank - 2] == square.dim[square.rank - 1];
  return fits ? NULL : "the sizes differ";
}

bool conv_tap_is_dead(const Attr *attr, int64_t tap) { return tap < CONV_MASKED && attr->a[5] >> tap & 1; }

// The places of an axis that a window comes to lie at; 0 where it does not fit.
int64_t conv_places(int64_t size, int64_t taps, int64_t stride, int64_t dilation, int64_t before, int64_t after) {
  int64_t span = (taps - 1) * dilation + 1, room = before + size + after;
  return span > room ? 0 : (room - span) / stride + 1;
}

// Checks the attributes and the shapes of image and weights, and leaves the shape of what they give.
static const char *conv_shape(const Attr *attr, const Shape *x, const Shape *w, Shape *y) {
  const int64_t *a = attr->a, *b = attr->b;
  if (x->rank != 4 || w->rank != 4) return "needs images and weights of four axes";
  for (int i = 0; i < 5; i++)
    if (a[i] < 1 || a[i] > MOST) return "bad stride, dilation or groups";
  for (int i = 0; i < 4; i++)
    if (b[i] < 0 || b[i] > MOST) return "bad padding";
  if (w->dim[2] * a[4] != x->dim[3] || w->dim[3] % a[4] != 0) return "the channels differ";
  int64_t taps = w->dim[0] * w->dim[1], dead = a[5];
  if (dead < 0 || (taps <= CONV_MASKED && dead >= ((int64_t)1 << taps) - 1)) return "no tap is left";
  *y = *x;
  for (int i = 0; i < 2; i++)
    y->dim[i + 1] = conv_places(x->dim[i + 1], w->dim[i], a[i], a[i + 2], b[2 * i], b[2 * i + 1]);
  y->dim[3] = w->dim[3];
  return y->dim[1] < 1 || y->dim[2] < 1 ? "the window does not fit" : NULL;
}

static const char *shape_conv(const Node *n, Shape *out) {
  return conv_shape(&n->attr, &n->in[0]->shape, &n->in[1]->shape, out);
}

static const char *shape_conv_input(const Node *n, Shape *out) {
  Shape y;
  *out = n->shape;
  const char *wrong = conv_shape(&n->attr, out, &n->in[1]->shape, &y);
  return wrong ? wrong : shape_equal(y, n->in[0]->shape) ? NULL : "not the shape of what is convolved";
}

static const char *shape_conv_weight(const Node *n, Shape *out) {
  Shape y;
  *out = n->shape;
  const char *wrong = conv_shape(&n->attr, &n->in[0]->shape, out, &y);
  return wrong ? wrong : shape_equal(y, n->in[1]->shape) ? NULL : "not the shape of what is convolved";
}

// What the body reads must be what the loop is given; what it carries keeps its shape.
static const char *shape_loop(const Node *n, Shape *out) {
  const GraphLoop *l = n->attr.loop;
  *out = (Shape){0};
  if (!l || l->inputs != n->arity) return "not the body's inputs";
  if (l->times < 1 || l->times > MOST) return "not a number of turns";
  for (int i = 0; i < n->arity; i++) {
    Shape s = n->in[i]->shape, read = l->body->input[i].shape;
    if (l->kind[i] == OPERAND_SLICED) {
      if (s.rank < 1 || s.dim[0] != l->times) return "a sliced input has not one part for each turn";
      s = shape_of(s.rank - 1, s.dim + 1);
    }
    if (!shape_equal(s, read)) return "an input has another shape than in the body";
    bool carried = l->kind[i] == OPERAND_CARRIED;
    if (carried && (!l->next[i] || !shape_equal(l->next[i]->shape, read))) return "a carried value changes its shape";
  }
  return NULL;
}

static const char *shape_result(const Node *n, Shape *out) {
  const GraphLoop *l = n->in[0]->attr.loop;
  int k = n->attr.id;
  if (n->in[0]->op != OP_LOOP) return "only loops have results";
  if (k < 0 || k >= l->inputs + l->stacked) return "there is no such result";
  if (k < l->inputs) {
    if (l->kind[k] != OPERAND_CARRIED) return "only carried inputs have a last value";
    *out = l->body->input[k].shape;
    return NULL;
  }
  Shape s = l->each[k - l->inputs]->shape;
  if (s.rank == MAX_RANK) return "too many axes";
  out->rank = s.rank + 1;
  out->dim[0] = l->times;
  for (int i = 0; i < s.rank; i++) out->dim[i + 1] = s.dim[i];
  return NULL;
}

static ShapeRule *const shape_rule[] = {
#define OP(ID, name, arity, class, expression, shape, ...) shape_##shape,
#include "core/ops.def"
};

const char graph_too_large[] = "more than 2^40 elements";

static const char *check_sizes(const Shape *s) {
  const int64_t limit = (int64_t)1 << 40;
  int64_t count = 1;
  if (s->rank < 0 || s->rank > MAX_RANK) return "too many axes";
  for (int i = 0; i < s->rank; i++) {
    if (s->dim[i] < 1) return "an axis without elements";
    if (s->dim[i] > limit / count) return graph_too_large;
    count *= s->dim[i];
  }
  return NULL;
}

// The tables that sources refer to.
static const char *check_source(const Graph *g, const Node *n) {
  int id = n->attr.id;
  if (n->op == OP_WEIGHT) {
    if (id < 0 || id >= g->tensors) return "there is no such tensor";
    if (!shape_equal(n->shape, g->tensor[id].shape)) return "not the shape of the tensor";
  }
  if (n->op == OP_INPUT) {
    if (id < 0 || id >= g->inputs) return "there is no such input";
    if (!shape_equal(n->shape, g->input[id].shape)) return "not the shape of the input";
  }
  return NULL;
}

const char *graph_shape(const Graph *g, const Node *n, Shape *shape) {
  int arity = op_arity(n->op);
  if (arity >= 0 && n->arity != arity) return "wrong number of inputs";
  const char *wrong = check_sizes(&n->shape);  // the caller's wish first: rules may then count its elements
  if (!wrong) wrong = shape_rule[n->op](n, shape);
  if (!wrong) wrong = check_sizes(shape);
  return wrong ? wrong : check_source(g, n);
}
