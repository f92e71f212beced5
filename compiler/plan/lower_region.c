// Regions: the kernel of a group of elementwise nodes and reductions, and of copies.
//
// Part of lowering. A draft collects loads, constants, instructions and stores over the group's space on demand of
// its stores; then axes are joined where every view allows it, values numbered as kernel.h wants them, and scratch
// tiles given out.
// Invariant: after joining, the reduced run is one axis, because loads that would prevent it are copied row after row
// first.
#include <string.h>

#include "plan/planner.h"

// Values of a draft: loads count from 0, the others from these.
enum { CONSTANTS = 1 << 12, RESULTS = 1 << 13 };

enum {
  WIDE = 2048,    // columns of a piece whose rows are summed
  LARGE = 16384,  // elements read of what is repeated, and how many times each, from which a copy of it is worth it
  MANY_TIMES = 4
};

typedef struct {
  Layout *l;
  int group;
  Shape space;
  int64_t length, inner;
  Place *load;
  int loads, load_room;
  float *constant;
  int constants, constant_room;
  Instr *instr;
  int instrs, instr_room;
  Store *store;
  Place *to;
  const char **formula;  // of each store
  int stores, store_room, to_room, formula_room;
  int *value;            // of each node by id: 1 + its result, 0 while not computed
  const char **word[3];  // of the loads, the constants and the instructions, or NULL
  int word_room[3];
} Draft;

// ---- values

static bool run_is_even(const Draft *d, const View *v) {
  int64_t inner = 1;
  for (int i = d->space.rank - 2; i >= 0; i--) {
    inner *= d->space.dim[i + 1];
    if (inner > d->inner && inner < d->inner * d->length && !view_joins(v, &d->space, i)) return false;
  }
  return true;
}

enum { OF_LOADS, OF_CONSTANTS, OF_INSTRS };

static void add_word(Draft *d, int of, int count, const char *word) {
  GROW(d->l->scratch, d->word[of], count, &d->word_room[of]);
  d->word[of][count] = word ? arena_format(d->l->arena, "%s", word) : NULL;
}

// What the page calls the value within its scope; of a view, if it has no name, what it shows.
static const char *word_of(const Draft *d, const Node *n) {
  const GraphProgram *p = d->l->program;
  const char *word = node_word(d->l->arena, p->graph, n);
  while (!word && (n->op == OP_RESHAPE || n->op == OP_PERMUTE || n->op == OP_BROADCAST)) {
    n = n->in[0];
    word = node_word(d->l->arena, p->graph, n);
  }
  return word;
}

// What is read again and again, and each time across its rows, is laid out in rows of its own first.
static Place place_to_load(Layout *l, Node *n) {
  Node *once = n->op == OP_BROADCAST ? n->in[0] : n;
  int last = n->shape.rank - 1;
  if (n == once || shape_count(n->shape) < LARGE || once->shape.dim[last] == 1) return place_of(l, n);
  Place p = place_of(l, once);
  if (p.view.stride[last] == 1 || shape_count(n->shape) < MANY_TIMES * shape_count(once->shape)) return place_of(l, n);
  p = rows_of(l, once);
  p.view = view_move(&p.view, n);
  return p;
}

static int load_value(Draft *d, Node *in) {
  Place p = place_to_load(d->l, in), q = p;
  if (!view_reshape(&p.view, in->shape, d->space, &q.view) || !run_is_even(d, &q.view)) {
    q = rows_of(d->l, in);
    q.view = view_rows(d->space);
  }
  for (int i = 0; i < d->loads; i++) {
    if (d->load[i].buffer == q.buffer && view_equal(&d->load[i].view, &q.view)) return i;
  }
  GROW(d->l->scratch, d->load, d->loads, &d->load_room);
  d->load[d->loads] = q;
  add_word(d, OF_LOADS, d->loads, word_of(d, in));
  return d->loads++;
}

// Numbers that the page says in other words stand apart.
static int constant_value(Draft *d, const Node *n) {
  float x = (float)n->attr.value;
  const char *said = n->name ? n->name->word : "";
  for (int i = 0; i < d->constants; i++) {
    const char *other = d->word[OF_CONSTANTS][i];
    if (memcmp(&d->constant[i], &x, sizeof x) == 0 && !strcmp(other ? other : "", said)) return CONSTANTS + i;
  }
  add_word(d, OF_CONSTANTS, d->constants, n->name ? said : NULL);
  GROW(d->l->arena, d->constant, d->constants, &d->constant_room);
  d->constant[d->constants] = x;
  return CONSTANTS + d->constants++;
}

// The instructions of the elementwise operations.
static const ScalarOp scalar_op[OP_COUNT] = {
#define SCALAR(ID, ...) [OP_##ID] = SCALAR_##ID,
#include "core/scalars.def"
};

static int value_of(Draft *d, Node *in);

static int result_of(Draft *d, Node *n) {
  if (d->value[n->id]) return d->value[n->id] - 1;
  Instr instr = {.op = (uint8_t)scalar_op[n->op]};
  for (int i = 0; i < n->arity; i++) instr.in[i] = (int16_t)value_of(d, n->in[i]);
  GROW(d->l->arena, d->instr, d->instrs, &d->instr_room);
  d->instr[d->instrs] = instr;
  add_word(d, OF_INSTRS, d->instrs, word_of(d, n));
  int value = RESULTS + d->instrs++;
  d->value[n->id] = value + 1;
  return value;
}

static int value_of(Draft *d, Node *in) {
  const Fusion *f = d->l->fusion;
  Node *b = f->base[in->id], *owner = f->owner[in->id];
  if (owner->op == OP_CONST) return constant_value(d, owner);
  bool inside = d->group >= 0 && op_class(b->op) == ELEMENTWISE && (!f->stored[b->id] || group_of(f, b) == d->group);
  return inside ? result_of(d, b) : load_value(d, in);
}

// ---- stores

static void add_store(Draft *d, int value, StoreKind kind, int buffer, View view, const char *formula) {
  GROW(d->l->arena, d->store, d->stores, &d->store_room);
  GROW(d->l->scratch, d->to, d->stores, &d->to_room);
  GROW(d->l->scratch, d->formula, d->stores, &d->formula_room);
  d->formula[d->stores] = formula;
  d->store[d->stores] = (Store){value, kind};
  d->to[d->stores++] = (Place){buffer, view};
}

// The view of a reduction's results, repeated along the axes that it reduces.
static View unreduced(const View *v, const Node *n) {
  View out = {.at = v->at};
  for (int i = 0, k = 0; i < n->in[0]->shape.rank; i++) {
    if (!(n->attr.axes >> i & 1)) out.stride[i] = v->stride[k++];
  }
  return out;
}

static void store_node(Draft *d, Node *n) {
  bool reduces = op_class(n->op) == REDUCTION;
  int value = reduces ? value_of(d, n->in[0]) : result_of(d, n);
  const char *formula = formula_of(d->l, n);
  StoreKind kind = !reduces ? STORE_ALL : n->op == OP_SUM ? STORE_SUM : STORE_MAXIMUM;
  for (const Target *t = d->l->target[n->id]; t; t = t->next) {
    View full = reduces ? unreduced(&t->place.view, n) : t->place.view, view;
    if (!view_reshape(&full, reduces ? n->in[0]->shape : n->shape, d->space, &view)) {
      fail(d->l->arena, EXIT_SOFTWARE, "planner: a store does not fit its region");
    }
    add_store(d, value, kind, t->place.buffer, view, formula);
  }
}

// ---- joining axes

static bool joins(const Draft *d, int i, int64_t inner) {
  if (d->length && (inner == d->inner || inner == d->inner * d->length)) return false;
  for (int k = 0; k < d->loads; k++) {
    if (!view_joins(&d->load[k].view, &d->space, i)) return false;
  }
  for (int k = 0; k < d->stores; k++) {
    if (!view_joins(&d->to[k].view, &d->space, i)) return false;
  }
  return true;
}

static void drop_axis(View *v, int i, int rank) {
  for (; i < rank - 1; i++) v->stride[i] = v->stride[i + 1];
  v->stride[rank - 1] = 0;
}

// Joins axis i to i + 1, of which every view keeps the stride.
static void join_axis(Draft *d, int i) {
  Shape *s = &d->space;
  s->dim[i + 1] *= s->dim[i];
  for (int k = 0; k < d->loads; k++) drop_axis(&d->load[k].view, i, s->rank);
  for (int k = 0; k < d->stores; k++) drop_axis(&d->to[k].view, i, s->rank);
  for (int k = i; k < s->rank - 1; k++) s->dim[k] = s->dim[k + 1];
  s->dim[--s->rank] = 0;
}

static void join_axes(Draft *d) {
  int64_t inner = 1;
  for (int i = d->space.rank - 2; i >= 0; i--) {
    inner *= d->space.dim[i + 1];
    if (!joins(d, i, inner)) continue;
    inner /= d->space.dim[i + 1];
    join_axis(d, i);
  }
  if (d->space.rank == 0) d->space = (Shape){.rank = 1, .dim = {1}};
}

static int reduced_axis(const Draft *d) {
  int64_t inner = 1;
  for (int i = d->space.rank - 1; d->length && i >= 0; inner *= d->space.dim[i--]) {
    if (inner != d->inner) continue;
    if (d->space.dim[i] != d->length) fail(d->l->arena, EXIT_SOFTWARE, "planner: a reduction is not over one axis");
    return i;
  }
  return -1;
}

// ---- from draft to kernel

static int final_value(const Draft *d, int value) {
  if (value >= RESULTS) return d->loads + d->constants + value - RESULTS;
  return value >= CONSTANTS ? d->loads + value - CONSTANTS : value;
}

// A tile is free again once the last instruction that reads its value has run; stored values stay to the end.
static int give_tiles(Draft *d) {
  int first = d->loads + d->constants, tiles = 0;
  int *last = NEW_ARRAY(d->l->scratch, int, d->instrs + 1), *spare = NEW_ARRAY(d->l->scratch, int, d->instrs + 1);
  int spares = 0;
  for (int i = 0; i < d->instrs; i++) {
    for (int k = 0; k < 3; k++) {
      if (d->instr[i].in[k] >= first) last[d->instr[i].in[k] - first] = i;
    }
  }
  for (int k = 0; k < d->stores; k++) {
    if (d->store[k].value >= first) last[d->store[k].value - first] = d->instrs;
  }
  for (int i = 0; i < d->instrs; i++) {
    for (int k = 0; k < 3; k++) {
      int in = d->instr[i].in[k] - first;
      if (in < 0 || last[in] != i) continue;
      spare[spares++] = d->instr[in].tile;
      last[in] = -1;  // an operand may be read twice
    }
    d->instr[i].tile = (int16_t)(spares ? spare[--spares] : tiles++);
  }
  return tiles;
}

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

// Pieces are whole rows, or whole runs of summed rows; columns are cut only into wide parts.
static int region_pieces(const Region *r) {
  int64_t count = 1, runs = 1;
  for (int i = 0; i < r->rank; i++) {
    count *= r->dim[i];
    if (i != r->reduce && i < r->rank - 1) runs *= r->dim[i];
  }
  int64_t work = max64(r->instrs, r->loads + r->stores), limit = count / 64;
  if (r->reduce == r->rank - 1) limit = runs;
  if (r->reduce >= 0 && r->reduce < r->rank - 1) limit = max64(runs / 2, r->dim[r->rank - 1] / WIDE);
  return even_pieces((double)count * (double)work, 100e3, limit);
}

static void number_values(Draft *d) {
  for (int i = 0; i < d->instrs; i++) {
    for (int k = 0; k < scalar_row[d->instr[i].op].arity; k++)
      d->instr[i].in[k] = (int16_t)final_value(d, d->instr[i].in[k]);
  }
  for (int i = 0; i < d->stores; i++) d->store[i].value = final_value(d, d->store[i].value);
}

// The loads and then the stores as operands over the region's space, in which a reduced axis has one element.
static void set_operands(const Draft *d, Step *s, Kernel k) {
  k.operands = d->loads + d->stores;
  Operand *operand = k.operand = NEW_ARRAY(d->l->arena, Operand, k.operands);
  int *buffer = NEW_ARRAY(d->l->scratch, int, k.operands);
  for (int i = 0; i < k.operands; i++) {
    const Place *p = i < d->loads ? &d->load[i] : &d->to[i - d->loads];
    operand[i] = (Operand){.view = p->view, .rank = d->space.rank, .write = i >= d->loads};
    buffer[i] = p->buffer;
    for (int axis = 0; axis < d->space.rank; axis++) operand[i].dim[axis] = d->space.dim[axis];
    if (!operand[i].write) continue;
    operand[i].formula = d->formula[i - d->loads];
    if (d->store[i - d->loads].kind != STORE_ALL) operand[i].dim[k.region.reduce] = 1;
  }
  step_kernel(d->l, s, k, buffer);
}

static const char **words_of(const Draft *d) {
  int values = d->loads + d->constants + d->instrs;
  const char **word = NEW_ARRAY(d->l->arena, const char *, values + 1);
  for (int i = 0; i < d->loads; i++) word[i] = d->word[OF_LOADS][i];
  for (int i = 0; i < d->constants; i++) word[d->loads + i] = d->word[OF_CONSTANTS][i];
  for (int i = 0; i < d->instrs; i++) word[d->loads + d->constants + i] = d->word[OF_INSTRS][i];
  return word;
}

static void finish(Draft *d, Step *s) {
  join_axes(d);
  number_values(d);
  Region r = {.rank = d->space.rank,
              .reduce = reduced_axis(d),
              .loads = d->loads,
              .constant = d->constant,
              .constants = d->constants,
              .instr = d->instr,
              .instrs = d->instrs,
              .tiles = give_tiles(d),
              .store = d->store,
              .stores = d->stores,
              .word = words_of(d)};
  for (int i = 0; i < r.rank; i++) r.dim[i] = d->space.dim[i];
  set_operands(d, s, (Kernel){.kind = KERNEL_REGION, .pieces = region_pieces(&r), .region = r});
}

void lower_region(Layout *l, const Group *g) {
  Draft d = {.l = l, .space = g->space, .length = g->length, .inner = g->inner};
  d.group = g->into;
  d.value = NEW_ARRAY(l->scratch, int, l->program->graph->count + 1);
  Node **result = NEW_ARRAY(l->scratch, Node *, g->nodes + 1);
  int results = 0;
  for (int i = 0; i < g->nodes; i++) {
    if (!l->target[g->node[i]->id]) continue;
    store_node(&d, g->node[i]);
    result[results++] = g->node[i];
  }
  if (!results) return;
  Step *s = step_new(l, result, results);
  finish(&d, s);
  step_by_example(l, s, result, results);
}

void lower_copy(Layout *l, Node *n, Place to) {
  Draft d = {.l = l, .group = -1, .space = shape_without_ones(n->shape)};
  View view;
  if (!view_reshape(&to.view, n->shape, d.space, &view)) fail(l->arena, EXIT_SOFTWARE, "planner: a copy does not fit");
  add_store(&d, value_of(&d, n), STORE_ALL, to.buffer, view, name_of(l, n));
  Step *s = step_new(l, &n, 1);
  finish(&d, s);
  step_by_example(l, s, &n, 1);
}
