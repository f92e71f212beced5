// Arithmetic of views. Stands beside the planner's stages, which all use it; knows nothing of them.
#include "graph/view.h"

View view_rows(Shape s) {
  View v = {0};
  int64_t step = 1;
  for (int i = s.rank - 1; i >= 0; step *= s.dim[i--]) v.stride[i] = s.dim[i] == 1 ? 0 : step;
  return v;
}

bool view_equal(const View *v, const View *w) {
  for (int i = 0; i < MAX_RANK; i++) {
    if (v->stride[i] != w->stride[i]) return false;
  }
  return v->at == w->at;
}

bool view_is_rows(const View *v, Shape s) {
  View rows = view_rows(s);
  rows.at = v->at;
  return view_equal(v, &rows);
}

// Neighbouring axes that lie evenly are one run of elements; each new axis must come out of one run.
bool view_reshape(const View *v, Shape from, Shape to, View *out) {
  *out = (View){.at = v->at};
  int64_t left = 1, stride = 0;  // of the current run
  int i = from.rank - 1;
  for (int j = to.rank - 1; j >= 0; j--) {
    if (to.dim[j] == 1) continue;
    if (left == 1) {
      while (from.dim[i] == 1) i--;
      stride = v->stride[i];
      left = from.dim[i--];
      for (int64_t span = left; i >= 0 && (from.dim[i] == 1 || v->stride[i] == stride * span); i--) {
        span *= from.dim[i];
        left = span;
      }
    }
    if (left % to.dim[j] != 0) return false;
    out->stride[j] = stride;
    stride *= to.dim[j];
    left /= to.dim[j];
  }
  return true;
}

View view_move(const View *v, const Node *n) {
  View out = {.at = v->at};
  for (int i = 0; i < n->shape.rank; i++) {
    int axis = n->op == OP_PERMUTE ? (int)n->attr.a[i] : i;
    bool repeats = n->in[0]->shape.dim[axis] == 1;
    if (n->op == OP_SLICE) out.at += n->attr.a[i] * v->stride[i];
    out.stride[i] = repeats || n->shape.dim[i] == 1 ? 0 : v->stride[axis];
  }
  return out;
}

void view_extent(const View *v, int rank, const int64_t *dim, int64_t *low, int64_t *high) {
  *low = *high = v->at;
  for (int i = 0; i < rank; i++) {
    int64_t reach = (dim[i] - 1) * v->stride[i];
    *(reach < 0 ? low : high) += reach;
  }
}

bool view_joins(const View *v, const Shape *space, int i) {
  return v->stride[i] == v->stride[i + 1] * space->dim[i + 1];
}

Shape shape_without_ones(Shape s) {
  Shape out = {0};
  for (int i = 0; i < s.rank; i++) {
    if (s.dim[i] != 1) out.dim[out.rank++] = s.dim[i];
  }
  return out;
}

bool shape_refine(Shape a, Shape b, Shape *out) {
  if (shape_count(a) != shape_count(b)) return false;
  a = shape_without_ones(a), b = shape_without_ones(b);
  int64_t reversed[2 * MAX_RANK];
  int n = 0;
  for (int i = a.rank - 1, j = b.rank - 1; i >= 0 && j >= 0; n++) {
    int64_t x = a.dim[i], y = b.dim[j], small = x < y ? x : y;
    if (x % small || y % small) return false;
    reversed[n] = small;
    a.dim[i] /= small, b.dim[j] /= small;
    if (a.dim[i] == 1) i--;
    if (b.dim[j] == 1) j--;
  }
  if (n > MAX_RANK) return false;
  *out = (Shape){.rank = n};
  for (int i = 0; i < n; i++) out->dim[i] = reversed[n - 1 - i];
  return true;
}
