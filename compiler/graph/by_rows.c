// A draw place by place that carries on: where the network goes along the places, as a `scan` does, a row of them is
// drawn from what the rows before it have left, and nothing is computed again.
//
// The body of the draw's loop makes all places of x anew in every turn. Here each value of it is followed along rows of
// x: in memory it holds them `inner` numbers at a time. Where every operation leaves rows apart, or passes something on
// to the next (a loop over the rows, or x moved on by one row), one turn of the new loop computes one row of
// everything; the places within a row are drawn by the old scheme. The rows that a convolution's windows reach back to
// are carried along. A product that adds up x over its places, weighed, is carried as the sum so far, if x is 0, 1 or
// -1, so that it is the same sum. What a product weighs by its rows, as attention does keys and values, is kept, and a
// row of it is added in each turn; that what is not there yet counts for nothing is proved (latest.c). Where a value
// mixes rows otherwise, there is no such loop. Invariant: each number is computed by the same operations as before, in
// the same order.
#include <string.h>

#include "graph/graph_rules.h"
#include "graph/names.h"

enum { FIXED = 0, MIXED = -1, WHOLE = -2 };  // of `inner`: the same whatever x is; rows are not apart; of sums so far

typedef struct {
  Arena *arena;
  Graph *around;
  const GraphLoop *from;
  const Node *x;
  int64_t n;       // rows
  int64_t *inner;  // of each node of the old body
  bool *needed;
  bool exact;      // numbers of x are 0, 1 or -1, and 0 until they are drawn
  bool *summed;    // what hangs on sums so far: known of its row in the row's own turn alone
  bool *kept;      // what a product reads all rows of, as far as they are computed
  Node **outside;  // what is fixed, around the loop
} Rows;

// What the body of the new loop, or of the one in it over the places of a row, reads.
typedef struct Level {
  Rows *w;
  Graph *g;
  GraphLoop *l;
  struct Level *up;      // of a row, for the places in it
  Node **part, **whole;  // of fixed nodes: a row, or all
  Node **before;         // of x moved on by a row: the row before; of a convolution: the rows that it reaches back to;
                         // of a product: the sum so far
  Node **table;          // of what is kept: its rows before this one
  Node ***state;         // of each loop over the rows: what its inputs are before the turn
  Node *turn;
} Level;

// ---- where the rows lie

static int64_t below_axis(Shape s, int axis) {
  int64_t count = 1;
  for (int i = axis + 1; i < s.rank; i++) count *= s.dim[i];
  return count;
}

// One row of it: axes that rows run along are cut; false where they do not fall on axes.
static bool row_shape(Shape s, int64_t n, int64_t inner, Shape *out) {
  *out = s;
  for (int i = 0; i < s.rank; i++) {
    int64_t lo = below_axis(s, i), hi = lo * s.dim[i];
    if (hi <= inner || lo >= inner * n || s.dim[i] == 1) continue;
    if (lo >= inner && hi <= inner * n && lo % inner == 0 && (inner * n) % hi == 0)
      out->dim[i] = 1;
    else if (inner % lo == 0 && hi % (inner * n) == 0)
      out->dim[i] /= n;
    else
      return false;
  }
  return shape_count(*out) * n == shape_count(s);
}

int graph_row_axis(Shape s, int64_t n, int64_t inner, int64_t *beside) {
  for (int i = 0; i < s.rank; i++) {
    int64_t lo = below_axis(s, i), hi = lo * s.dim[i];
    *beside = inner / lo;
    if (lo <= inner && hi >= inner * n && inner % lo == 0 && hi % (inner * n) == 0 && s.dim[i] > 1) return i;
  }
  return -1;
}

static int64_t count_of(const Node *n) { return shape_count(n->shape); }

// x moved on by a row: what comes before the first row, and all rows but the last.
static const Node *moved_on(const Rows *w, const Node *n) {
  if (n->op != OP_CONCAT || n->arity != 2 || n->in[1]->op != OP_SLICE) return NULL;
  const Node *cut = n->in[1], *of = cut->in[0];
  int axis = (int)n->attr.a[0];
  int64_t beside;
  if (w->inner[n->in[0]->id] != FIXED || w->inner[of->id] <= 0 || !shape_equal(of->shape, n->shape)) return NULL;
  if (graph_row_axis(of->shape, w->n, w->inner[of->id], &beside) != axis || of->shape.dim[axis] != w->n) return NULL;
  for (int i = 0; i < cut->shape.rank; i++)
    if (cut->attr.a[i] || cut->shape.dim[i] != of->shape.dim[i] - (i == axis)) return NULL;
  return of;
}

// How many rows before its own the windows of a convolution reach back to, where rows are places along one axis; -1
// where they see rows that come after, or there are not as many windows as rows.
static int64_t reach_back(const Rows *w, const Node *n, int *axis) {
  const Node *x = n->in[0], *f = n->in[1];
  int64_t beside, reach = 0, taps = f->shape.dim[0] * f->shape.dim[1];
  if (n->op != OP_CONV || w->inner[x->id] <= 0 || w->inner[f->id] != FIXED) return -1;
  *axis = graph_row_axis(x->shape, w->n, w->inner[x->id], &beside);
  if (*axis < 1 || *axis > 2 || beside != 1 || x->shape.dim[*axis] != w->n || n->shape.dim[*axis] != w->n) return -1;
  int along = *axis - 1;
  for (int64_t tap = 0; tap < taps; tap++) {
    int64_t line = along ? tap % f->shape.dim[1] : tap / f->shape.dim[1];
    int64_t back = n->attr.b[2 * along] - line * n->attr.a[along + 2];
    if (conv_tap_is_dead(&n->attr, tap)) continue;
    if (back < 0 || n->attr.a[along] != 1) return -1;
    if (back > reach) reach = back;
  }
  return reach;
}

// ---- what each operation does to them

// Movements and reductions that leave the row's axis as it is, at place `to` of the result.
static int64_t kept(const Node *n, int from, int to, int64_t beside) {
  bool whole = from >= 0 && to >= 0 && n->in[0]->shape.dim[from] == n->shape.dim[to];
  return whole ? beside * below_axis(n->shape, to) : MIXED;
}

static int64_t along_axis(const Rows *w, const Node *n) {
  int64_t beside;
  int axis = graph_row_axis(n->in[0]->shape, w->n, w->inner[n->in[0]->id], &beside), to = axis;
  switch (n->op) {
    case OP_PERMUTE:
      for (to = 0; n->attr.a[to] != axis && axis >= 0;) to++;
      break;
    case OP_CUMSUM: to = n->attr.a[0] == axis ? -1 : axis; break;
    case OP_SUM:
    case OP_MAXIMUM:
      if (axis >= 0 && n->attr.axes >> axis & 1) return MIXED;
      for (int i = 0; i < axis; i++) to -= (int)(n->attr.axes >> i & 1);
      break;
    default: break;
  }
  return kept(n, axis, to, beside);
}

static int64_t of_concat(const Rows *w, const Node *n) {
  int64_t beside = 0, own;
  int axis = -1;
  if (moved_on(w, n)) return w->inner[moved_on(w, n)->id];
  for (int i = 0; i < n->arity; i++) {
    int64_t inner = w->inner[n->in[i]->id];
    if (inner == FIXED) continue;
    int at = inner == MIXED ? -1 : graph_row_axis(n->in[i]->shape, w->n, inner, &own);
    if (at < 0 || at == n->attr.a[0] || (axis >= 0 && (at != axis || own != beside))) return MIXED;
    axis = at, beside = own;
  }
  return beside * below_axis(n->shape, axis);
}

// x, all of it in a row, by a matrix that is fixed.
static bool adds_up_rows(const Rows *w, const Node *n) {
  if (!w->exact || n->op != OP_MATMUL || n->shape.rank != 2 || n->attr.flag || w->inner[n->in[1]->id] != FIXED)
    return false;
  const Node *a = n->in[0];
  if (w->inner[a->id] != 1 || a->shape.dim[1] != w->n) return false;
  while (a->op == OP_RESHAPE) a = a->in[0];
  return a == w->x;
}

// Of what is whole, by a matrix with a column for each row.
static bool has_columns(const Rows *w, const Node *n) {
  return n->op == OP_MATMUL && n->shape.rank == 2 && !n->attr.flag && w->inner[n->in[1]->id] == FIXED &&
         n->shape.dim[1] == w->n;
}

// Does each row of the result weigh all rows of the right factor, by a row of the left one?
static bool weighs_rows(const Rows *w, const Node *n) {
  if (n->op != OP_MATMUL || n->attr.flag & 1) return false;
  int64_t beside, a = w->inner[n->in[0]->id], b = w->inner[n->in[1]->id];
  int r = n->shape.rank;
  if (b <= 0 || graph_row_axis(n->in[1]->shape, w->n, b, &beside) < r - 2) return false;
  if (a == FIXED) return n->shape.dim[r - 2] == w->n;
  return a > 0 && graph_row_axis(n->in[0]->shape, w->n, a, &beside) == r - 2;
}

// Rows of the left factor, or whole matrices; or sums over the rows.
static int64_t of_matmul(const Rows *w, const Node *n) {
  if (adds_up_rows(w, n)) return has_columns(w, n) ? 1 : WHOLE;
  int64_t beside = 0, a = w->inner[n->in[0]->id], b = w->inner[n->in[1]->id];
  int r = n->shape.rank, axis = a > 0 ? graph_row_axis(n->in[0]->shape, w->n, a, &beside) : -1;
  bool rows = axis == r - 2 && !(n->attr.flag & 1), matrices = r == 3 && axis == 0;
  if (rows && b == FIXED) return beside * below_axis(n->shape, axis);
  if (weighs_rows(w, n)) return (a == FIXED ? 1 : beside) * below_axis(n->shape, r - 2);
  if (!matrices || (b != FIXED && b != beside * below_axis(n->in[1]->shape, 0))) return MIXED;
  return beside * below_axis(n->shape, 0);
}

static bool draws(const Graph *g) {
  for (int id = 0; id < g->count; id++)
    if (g->node[id]->op == OP_RANDOM || (g->node[id]->op == OP_LOOP && draws(g->node[id]->attr.loop->body)))
      return true;
  return false;
}

// A loop over the rows.
static int64_t of_loop(const Rows *w, const Node *n) {
  const GraphLoop *l = n->attr.loop;
  if (l->times != w->n || l->reversed || draws(l->body)) return MIXED;
  for (int i = 0; i < l->inputs; i++) {
    int64_t inner = w->inner[n->in[i]->id];
    if (inner != FIXED && (l->kind[i] != OPERAND_SLICED || inner != count_of(n->in[i]) / w->n)) return MIXED;
  }
  return 1;
}

static int64_t of_conv(const Rows *w, const Node *n) {
  int axis;
  return reach_back(w, n, &axis) < 0 ? MIXED : below_axis(n->shape, axis);
}

// What sums so far make, and fixed values, is whole as well; by the columns of a matrix, a row in each turn.
static int64_t of_sums(const Rows *w, const Node *n) {
  if (has_columns(w, n)) return 1;
  return n->op == OP_LOOP || n->op == OP_RESULT ? MIXED : WHOLE;
}

// Does it read rows other than its own?
static bool reads_other_rows(const Rows *w, const Node *n) {
  return n->op == OP_CONV || n->op == OP_LOOP || moved_on(w, n) || weighs_rows(w, n);
}

static int64_t of_operation(const Rows *w, const Node *n) {
  int64_t inner = FIXED;
  for (int i = 0; i < n->arity; i++) {
    int64_t in = w->inner[n->in[i]->id];
    w->summed[n->id] = w->summed[n->id] || w->summed[n->in[i]->id];
    if (in == MIXED && n->op != OP_CONCAT) return MIXED;
    if (in == FIXED) continue;
    if (inner != FIXED && in != inner && (op_class(n->op) == ELEMENTWISE || in == WHOLE || inner == WHOLE))
      return MIXED;
    inner = in;
  }
  if (inner == FIXED) return FIXED;
  if (w->summed[n->id] && reads_other_rows(w, n)) return MIXED;
  if (inner == WHOLE) return of_sums(w, n);
  switch (op_class(n->op)) {
    case ELEMENTWISE:
    case MARK: return inner;
    case REDUCTION: return along_axis(w, n);
    default: break;
  }
  switch (n->op) {
    case OP_RESHAPE: return inner;
    case OP_PERMUTE:
    case OP_BROADCAST:
    case OP_SLICE:
    case OP_PAD: return along_axis(w, n);
    case OP_CONCAT: return of_concat(w, n);
    case OP_GATHER: return w->inner[n->in[0]->id] == FIXED ? inner * below_axis(n->in[0]->shape, 0) : MIXED;
    case OP_MATMUL: return of_matmul(w, n);
    case OP_CONV: return of_conv(w, n);
    case OP_LOOP: return of_loop(w, n);
    case OP_RESULT: return n->attr.id >= n->in[0]->attr.loop->inputs ? count_of(n) / w->n : MIXED;
    default: return MIXED;
  }
}

static void need(Rows *w, const Node *n) { w->needed[n->id] = true; }

// Does no row of what is kept, or of `drawn`, hang on rows of what is kept that come after it?
static bool kept_in_order(const Rows *w, const Node *drawn) {
  bool any = false;
  for (int id = 0; id <= drawn->id; id++) {
    const Node *n = w->from->body->node[id];
    if (!w->needed[id] || !weighs_rows(w, n)) continue;
    any = w->kept[n->in[1]->id] = true;
  }
  return !any || graph_rows_in_order(w->arena, w->from->body, drawn, w->n, w->inner, w->kept);
}

// Are the rows of `drawn` apart, and those of all that it is made of?
static bool rows_apart(Rows *w, const Node *drawn, int64_t inner) {
  const Graph *body = w->from->body;
  Shape row;
  w->inner = NEW_ARRAY(w->arena, int64_t, body->count);
  w->needed = NEW_ARRAY(w->arena, bool, body->count);
  w->summed = NEW_ARRAY(w->arena, bool, body->count);
  w->kept = NEW_ARRAY(w->arena, bool, body->count);
  for (int id = 0; id <= drawn->id; id++) {
    const Node *n = body->node[id];
    w->inner[id] = n == w->x ? inner : of_operation(w, n);
    if (adds_up_rows(w, n)) w->summed[id] = true;
    bool control = op_class(n->op) == CONTROL;
    if (w->inner[id] > 0 && !control && !row_shape(n->shape, w->n, w->inner[id], &row)) w->inner[id] = MIXED;
  }
  need(w, drawn);
  for (int id = drawn->id; id >= 0; id--) {
    const Node *n = body->node[id], *of = w->needed[id] ? moved_on(w, n) : NULL;
    if (!w->needed[id] || w->inner[id] == FIXED) continue;
    if (w->inner[id] == MIXED) return false;
    if (of) need(w, of);
    for (int i = 0; i < n->arity && !of; i++) need(w, n->in[i]);
  }
  return w->inner[drawn->id] == inner && kept_in_order(w, drawn);
}

// ---- the new loops

// A fixed value around the loop.
static Node *outside(Rows *w, const Node *n) {
  if (n->op == OP_INPUT) return w->from->outside[n->attr.id];
  if (w->outside[n->id]) return w->outside[n->id];
  Node **in = NEW_ARRAY(w->arena, Node *, n->arity + 1);
  Attr attr = n->attr;
  for (int i = 0; i < n->arity; i++) in[i] = outside(w, n->in[i]);
  if (n->op == OP_RANDOM) memmove(attr.a, attr.a + 1, sizeof *attr.a * (MAX_RANK - 1));  // one loop less around it
  node_made_for(w->around, n);
  Node *made = graph_node(w->around, n->op, n->arity, in, &attr, &n->shape);
  node_named_as(made, n);
  return w->outside[n->id] = made;
}

static const char *called(const Level *v, const Node *n) { return node_called(v->w->arena, v->w->from->body, n); }

static Node *whole(Level *v, const Node *n) {
  Node **slot = &v->whole[n->id];
  if (!*slot) *slot = loop_input(v->l, OPERAND_FIXED, v->up ? whole(v->up, n) : outside(v->w, n), called(v, n));
  return *slot;
}

// Is it one row over and over?
static bool rows_alike(const Rows *w, const Node *n, int64_t inner) {
  int64_t beside;
  int axis = n->op == OP_BROADCAST ? graph_row_axis(n->shape, w->n, inner, &beside) : -1;
  return axis >= 0 && beside == 1 && n->shape.dim[axis] == w->n && n->in[0]->shape.dim[axis] == 1;
}

// A row of a fixed value, in which rows lie `inner` numbers at a time.
static Node *part(Level *v, const Node *n, int64_t inner, Shape row) {
  if (n->op == OP_CONST) return node_const_like(v->g, n, row);
  if (rows_alike(v->w, n, inner)) return node_broadcast(v->g, whole(v, n->in[0]), row);
  Node **slot = &v->part[n->id];
  if (!*slot && v->up) *slot = loop_input(v->l, OPERAND_FIXED, part(v->up, n, inner, row), called(v, n));
  if (!*slot) {
    Graph *g = v->w->around;
    Node *rows =
        node_reshape(g, outside(v->w, n), shape_of(3, (int64_t[]){count_of(n) / (v->w->n * inner), v->w->n, inner}));
    *slot = loop_input(v->l, OPERAND_SLICED, node_permute(g, rows, (int[]){1, 0, 2}), called(v, n));
  }
  return node_reshape(v->g, *slot, row);
}

// What is carried to this row, where it begins as `start` around the loop.
static Node *carried(Level *v, Node **slot, Node **above, Node *start, const char *name) {
  if (!*slot)
    *slot = v->up ? loop_input(v->l, OPERAND_FIXED, *above, name) : loop_input(v->l, OPERAND_CARRIED, start, name);
  return *slot;
}

// Which row it is.
static Node *turn_number(Level *v) {
  if (v->turn) return v->turn;
  Node *turns = v->up ? turn_number(v->up) : node_iota(v->w->around, 0, shape_of(1, &v->w->n));
  return v->turn = loop_input(v->l, v->up ? OPERAND_FIXED : OPERAND_SLICED, turns, "row");
}

// A tensor of 1 at places of this row along an axis, and 0 elsewhere.
static Node *is_own(Level *v, int axis, Shape s) {
  Shape one = s;
  for (int i = 0; i < s.rank; i++) one.dim[i] = 1;
  Node *own = node_broadcast(v->g, node_reshape(v->g, turn_number(v), one), s);
  return node_binary(v->g, OP_EQUAL, node_iota(v->g, axis, s), own);
}

// The rows of what is kept, as far as this one, which is given; those after it are 0.
static Node *rows_so_far(Level *v, const Node *n, Node *row) {
  if (v->up) rows_so_far(v->up, n, NULL);
  Node *start = v->up ? NULL : node_const(v->w->around, 0, n->shape);
  Node *before = carried(v, &v->table[n->id], v->up ? &v->up->table[n->id] : NULL, start, called(v, n));
  if (!row) return before;
  int64_t inner = v->w->inner[n->id], outer = count_of(n) / (v->w->n * inner);
  Shape flat = shape_of(3, (int64_t[]){outer, v->w->n, inner}), own = shape_of(3, (int64_t[]){outer, 1, inner});
  Node *here = node_broadcast(v->g, node_reshape(v->g, row, own), flat);
  Node *all = node_select(v->g, is_own(v, 1, flat), here, node_reshape(v->g, before, flat));
  return node_reshape(v->g, all, n->shape);
}

static Node *before_row(Level *v, const Node *n, Shape row) {
  if (v->up) before_row(v->up, n, row);
  Node *start = v->up ? NULL : node_reshape(v->w->around, outside(v->w, n->in[0]), row);
  return carried(v, &v->before[n->id], v->up ? &v->up->before[n->id] : NULL, start, called(v, n));
}

// The sum of the rows before this one.
static Node *sum_so_far(Level *v, const Node *n) {
  return carried(v, &v->before[n->id], NULL, node_const(v->w->around, 0, n->shape), called(v, n));
}

// With this one: x is 0, 1 or -1, so that it is added as a fused addition would.
static Node *next_sum(Level *v, const Node *n, Node *x) {
  Shape row = shape_of(2, (int64_t[]){1, n->shape.dim[1]});
  Node *weight = part(v, n->in[1], n->shape.dim[1], row);
  Node *more = node_binary(v->g, OP_MUL, node_broadcast(v->g, x, n->shape), node_broadcast(v->g, weight, n->shape));
  return node_binary(v->g, OP_ADD, sum_so_far(v, n), more);
}

// Of [batch, rows] the turn's own: [batch, 1].
static Node *own_of(Level *v, Node *all) {
  Shape flat = all->shape, one = shape_of(2, (int64_t[]){flat.dim[0], 1});
  Node *own = node_select(v->g, is_own(v, 1, flat), all, node_const(v->g, 0, flat));
  return node_reshape(v->g, node_reduce(v->g, OP_SUM, own, 1u << 1), one);
}

// All of what is made of sums so far.
static Node *all_of_operation(Level *v, const Node *n, Node *const *map) {
  if (adds_up_rows(v->w, n)) return sum_so_far(v, n);
  Node **in = NEW_ARRAY(v->w->arena, Node *, n->arity + 1);
  Attr attr = n->attr;
  for (int i = 0; i < n->arity; i++) {
    const Node *of = n->in[i];
    bool fixed = v->w->inner[of->id] == FIXED;
    in[i] = !fixed ? map[of->id] : of->op == OP_CONST ? node_const_like(v->g, of, of->shape) : whole(v, of);
  }
  return graph_node(v->g, n->op, n->arity, in, &attr, &n->shape);
}

// Of what a convolution reads: the rows before this one, and this one.
static Node *window(Level *v, const Node *n, Node *row, int axis, int64_t reach) {
  Shape s = n->in[0]->shape;
  s.dim[axis] = reach;
  if (!reach) return row;
  if (v->up) window(v->up, n, NULL, axis, reach);
  Node *start = v->up ? NULL : node_const(v->w->around, 0, s);
  Node *before = carried(v, &v->before[n->id], v->up ? &v->up->before[n->id] : NULL, start, called(v, n->in[0]));
  return row ? node_concat(v->g, axis, 2, (Node *[]){before, row}) : before;
}

// The same rows for the next one.
static Node *next_window(Level *v, const Node *n, Node *row) {
  int axis;
  int64_t reach = reach_back(v->w, n, &axis), start[MAX_RANK] = {0};
  Shape s = n->in[0]->shape;
  s.dim[axis] = reach, start[axis] = 1;
  return node_slice(v->g, window(v, n, row, axis, reach), start, s);
}

static Node *row_of_conv(Level *v, const Node *n, Node *const *map, Shape row) {
  int axis;
  int64_t reach = reach_back(v->w, n, &axis);
  Attr attr = n->attr;
  attr.b[2 * (axis - 1)] -= reach;
  Node *in[] = {window(v, n, map[n->in[0]->id], axis, reach), whole(v, n->in[1])};
  return graph_node(v->g, OP_CONV, 2, in, &attr, &row);
}

static Node **states(Level *v, const Node *n) {
  const GraphLoop *l = n->attr.loop;
  Node **above = v->up ? states(v->up, n) : NULL, ***slot = &v->state[n->id];
  if (!*slot) *slot = NEW_ARRAY(v->w->arena, Node *, l->inputs + 1);
  for (int i = 0; i < l->inputs; i++) {
    Node *start = v->up || !l->next[i] ? NULL : outside(v->w, n->in[i]);
    if (l->next[i]) carried(v, &(*slot)[i], above ? &above[i] : NULL, start, l->body->input[i].name);
  }
  return *slot;
}

// One turn of a loop over the rows: all of its body.
static Node **turn_of(Level *v, const Node *n, Node *const *map) {
  const GraphLoop *l = n->attr.loop;
  Node **state = states(v, n), **value = NEW_ARRAY(v->w->arena, Node *, l->body->count + 1);
  for (int id = 0; id < l->body->count; id++) {
    const Node *b = l->body->node[id];
    Node **in = NEW_ARRAY(v->w->arena, Node *, b->arity + 1);
    for (int i = 0; i < b->arity; i++) in[i] = value[b->in[i]->id];
    int k = b->op == OP_INPUT ? b->attr.id : 0;
    node_made_for(v->g, b);
    if (b->op != OP_INPUT)
      value[id] = graph_node(v->g, b->op, b->arity, in, &b->attr, &b->shape);
    else if (l->next[k])
      value[id] = state[k];
    else if (l->kind[k] == OPERAND_FIXED)
      value[id] = whole(v, n->in[k]);
    else if (v->w->inner[n->in[k]->id] == FIXED)
      value[id] = part(v, n->in[k], count_of(n->in[k]) / v->w->n, b->shape);
    else
      value[id] = node_reshape(v->g, map[n->in[k]->id], b->shape);
    node_named_as(value[id], b);
  }
  return value;
}

static Node *row_of_operation(Level *v, const Node *n, Node *const *map, Shape row) {
  const Rows *w = v->w;
  if (n->op == OP_CONV) return row_of_conv(v, n, map, row);
  if (adds_up_rows(w, n)) return own_of(v, sum_so_far(v, n));
  if (has_columns(w, n) && w->inner[n->in[0]->id] == WHOLE) {
    Shape column = shape_of(2, (int64_t[]){n->in[1]->shape.dim[0], 1});
    return node_matmul(v->g, map[n->in[0]->id], part(v, n->in[1], 1, column), false, false);
  }
  Node **in = NEW_ARRAY(w->arena, Node *, n->arity + 1);
  Attr attr = n->attr;
  for (int i = 0; i < n->arity; i++) {
    const Node *of = n->in[i];
    bool right = n->op == OP_MATMUL && i == 1, table = n->op == OP_GATHER && i == 0, weighs = weighs_rows(w, n);
    int64_t beside = 0;
    bool matrices =
        right && n->shape.rank == 3 && graph_row_axis(n->in[0]->shape, w->n, w->inner[n->in[0]->id], &beside) == 0;
    Shape s = n->shape;
    int64_t inner = w->inner[n->id];
    if (w->inner[of->id] != FIXED) {
      in[i] = weighs && right ? rows_so_far(v, of, map[of->id]) : map[of->id];
    } else if (weighs) {  // by the same weights for all x
      inner = below_axis(of->shape, of->shape.rank - 2);
      row_shape(of->shape, w->n, inner, &s);
      in[i] = part(v, of, inner, s);
    } else if (table || (right && !matrices)) {
      in[i] = whole(v, of);
    } else {  // of an elementwise operation or a concat, or a stack of matrices
      int axis = graph_row_axis(n->shape, w->n, inner, &beside);
      if (n->op == OP_CONCAT || matrices) s = of->shape, inner = beside * below_axis(of->shape, axis);
      row_shape(s, w->n, inner, &s);
      in[i] = part(v, of, inner, s);
    }
  }
  return graph_node(v->g, n->op, n->arity, in, &attr, &row);
}

// A row of everything that is needed, where x is this row.
static Node **row_of_all(Level *v, Node *x, const Node *drawn) {
  const Rows *w = v->w;
  const Graph *body = w->from->body;
  Node **map = NEW_ARRAY(w->arena, Node *, body->count), ***turn = NEW_ARRAY(w->arena, Node **, body->count);
  for (int id = 0; id <= drawn->id; id++) {
    const Node *n = body->node[id];
    Shape row;
    if (!w->needed[id] || w->inner[id] == FIXED) continue;
    node_made_for(v->g, n);
    if (w->inner[id] == WHOLE) {
      map[id] = all_of_operation(v, n, map);
      continue;
    }
    if (n->op == OP_LOOP) {
      turn[id] = turn_of(v, n, map);
      continue;
    }
    row_shape(n->shape, w->n, w->inner[id], &row);
    if (n->op == OP_RESULT) {
      const GraphLoop *l = n->in[0]->attr.loop;
      map[id] = node_reshape(v->g, turn[n->in[0]->id][l->each[n->attr.id - l->inputs]->id], row);
    } else {
      map[id] = n == w->x ? x : moved_on(w, n) ? before_row(v, n, row) : row_of_operation(v, n, map, row);
    }
    node_named_as(map[id], n);
  }
  for (int id = 0; id <= drawn->id && !v->up; id++) {  // what the next row is to know
    const Node *n = body->node[id];
    const Node *of = v->before[id] && w->needed[id] ? moved_on(w, n) : NULL;
    if (v->before[id] && w->needed[id])
      v->l->next[v->before[id]->attr.id] = of                   ? map[of->id]
                                           : n->op == OP_MATMUL ? next_sum(v, n, map[n->in[0]->id])
                                                                : next_window(v, n, map[n->in[0]->id]);
    if (v->table[id]) v->l->next[v->table[id]->attr.id] = rows_so_far(v, n, map[id]);
    const GraphLoop *l = turn[id] ? n->attr.loop : NULL;
    for (int i = 0; l && i < l->inputs; i++)
      if (l->next[i]) v->l->next[v->state[id][i]->attr.id] = turn[id][l->next[i]->id];
  }
  return map;
}

static Level level_new(Rows *w, int64_t times, Level *up) {
  int count = w->from->body->count;
  Level v = {.w = w, .l = loop_new(w->around->arena, times, false), .up = up};
  v.g = v.l->body;
  v.g->sources = w->around->sources, v.g->span = w->around->span, v.g->scope = w->around->scope;
  v.part = NEW_ARRAY(w->arena, Node *, count), v.whole = NEW_ARRAY(w->arena, Node *, count);
  v.before = NEW_ARRAY(w->arena, Node *, count), v.state = NEW_ARRAY(w->arena, Node **, count);
  v.table = NEW_ARRAY(w->arena, Node *, count);
  return v;
}

// The places of a row, of which each is `own` numbers, one after another: as the old loop draws those of all of x.
static Node *draw_row(Level *row, const Node *drawn, int64_t places, int64_t inner, Node *start) {
  Level v = level_new(row->w, places, row);
  Shape s = start->shape, flat = shape_of(3, (int64_t[]){shape_count(s) / inner, places, inner / places});
  Node *x = loop_input(v.l, OPERAND_CARRIED, start, row->w->from->body->input[row->w->x->attr.id].name);
  Node *turn = loop_input(v.l, OPERAND_SLICED, node_iota(row->g, 0, shape_of(1, &places)), "place");
  Node *now = node_broadcast(v.g, node_reshape(v.g, turn, shape_of(3, (int64_t[]){1, 1, 1})), flat);
  now = node_reshape(v.g, node_binary(v.g, OP_EQUAL, node_iota(v.g, 1, flat), now), s);
  Node *next = node_select(v.g, now, row_of_all(&v, x, drawn)[drawn->id], x);
  v.l->next[x->attr.id] = next;
  return node_result(row->g, node_loop(row->g, v.l), x->attr.id);
}

Node *graph_draw_by_rows(Graph *g, const GraphLoop *l, const Node *x, const Node *drawn, int64_t rows, int64_t places,
                         int64_t inner, bool signs) {
  Arena *scratch = arena_open(g->arena);
  Rows w = {.arena = scratch, .around = g, .from = l, .x = x, .n = rows};
  w.exact = signs && places == 1 && inner == 1 && l->outside[x->attr.id]->attr.value == 0;
  Node *all = NULL;
  Shape row;
  if (rows > 1 && row_shape(x->shape, rows, inner, &row) && rows_apart(&w, drawn, inner)) {
    w.outside = NEW_ARRAY(scratch, Node *, l->body->count);
    Level v = level_new(&w, rows, NULL);
    Node *start = node_const(v.g, l->outside[x->attr.id]->attr.value, row);
    Node *made = places > 1 ? draw_row(&v, drawn, places, inner, start) : row_of_all(&v, start, drawn)[drawn->id];
    row_of_all(&v, made, drawn);
    int64_t outer = shape_count(row) / inner;
    int number = loop_stack(v.l, node_reshape(v.g, made, shape_of(2, (int64_t[]){outer, inner})));
    all = node_permute(g, node_result(g, node_loop(g, v.l), number), (int[]){1, 0, 2});
    all = node_reshape(g, all, x->shape);
  }
  arena_close(scratch);
  return all;
}
