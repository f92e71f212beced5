// Makes regions ready to be run; see region_code.h.
//
// In order: the iteration space as rows of columns, the shape of a tile, a way of loading for every load, the steps
// with the loops that fit their inputs, and which results can be written where they are stored. Invariant: nothing
// decided here changes a bit of any result.
#include <string.h>

#include "engine/kernel_pieces.h"
#include "engine/region_code.h"

// ---- rows and columns

// Axis k of the result is axis axis[k] of the region, with its joined neighbours.
typedef struct {
  int axis[MAX_RANK], axes;
  int64_t dim[MAX_RANK];
} RegionAxes;

static bool view_joins(const View *v, int outer, int inner, int64_t dim) {
  return v->stride[outer] == v->stride[inner] * dim;
}

// Whether every view can run through axis `outer` and axis `inner` of size `dim` as through one.
static bool axes_join(const Kernel *k, int outer, int inner, int64_t dim) {
  if (outer == k->region.reduce || inner == k->region.reduce) return false;
  for (int i = 0; i < k->operands; i++)
    if (!view_joins(&k->operand[i].view, outer, inner, dim)) return false;
  return true;
}

// Drops axes of size 1 and joins the others where that is possible.
static RegionAxes axes_of(const Kernel *k) {
  const Region *r = &k->region;
  RegionAxes x = {.axes = 0};
  for (int i = 0; i < r->rank; i++) {
    if (r->dim[i] == 1 && i != r->reduce) continue;
    if (x.axes && axes_join(k, x.axis[x.axes - 1], i, r->dim[i])) {
      x.axis[x.axes - 1] = i;
      x.dim[x.axes - 1] *= r->dim[i];
    } else {
      x.axis[x.axes] = i;
      x.dim[x.axes++] = r->dim[i];
    }
  }
  return x;
}

// Puts the reduced axis, if it is not the columns, last among the rows. Returns the axis of the columns, or -1.
static int axes_split(RegionCode *code, const Region *r, RegionAxes *x) {
  code->reduce = r->reduce < 0 ? REDUCE_NONE : r->reduce == r->rank - 1 ? REDUCE_LANES : REDUCE_ROWS;
  code->columns = code->rows = code->run = 1;
  int columns = -1;
  if (x->axes && (code->reduce != REDUCE_ROWS || x->axis[x->axes - 1] != r->reduce)) {
    columns = x->axis[--x->axes];
    code->columns = x->dim[x->axes];
  }
  for (int i = 0; i < x->axes && code->reduce == REDUCE_ROWS; i++) {
    if (x->axis[i] != r->reduce) continue;
    int64_t dim = code->run = x->dim[i];
    memmove(&x->axis[i], &x->axis[i + 1], (size_t)(x->axes - 1 - i) * sizeof x->axis[0]);
    memmove(&x->dim[i], &x->dim[i + 1], (size_t)(x->axes - 1 - i) * sizeof x->dim[0]);
    x->axis[x->axes - 1] = r->reduce;
    x->dim[x->axes - 1] = dim;
    break;
  }
  code->axes = x->axes;
  for (int i = 0; i < x->axes; i++) code->rows *= code->dim[i] = x->dim[i];
  return columns;
}

// Strides along axes of size 1 count as 0, so that equal views have equal accesses.
static Access access_of(const Kernel *k, int operand, const RegionCode *code, const RegionAxes *x, int columns) {
  const View *v = &k->operand[operand].view;
  Access a = {.operand = operand, .column = code->columns > 1 ? v->stride[columns] : 0};
  for (int i = 0; i < x->axes; i++) a.row[i] = x->dim[i] > 1 ? v->stride[x->axis[i]] : 0;
  return a;
}

static bool access_equal(const Kernel *k, const Access *a, const Access *b) {
  bool together = k->operand[a->operand].view.at == k->operand[b->operand].view.at;
  return together && a->column == b->column && memcmp(a->row, b->row, sizeof a->row) == 0;
}

// ---- tiles

// Pieces take whole rows if there are enough of them; where rows are summed, whole runs of them.
static void choose_cut(RegionCode *code, int pieces) {
  code->cut_columns = pieces > 1 && code->reduce != REDUCE_LANES && code->rows / code->run < 2 * pieces;
}

// Tiles of at most `room` elements. Long rows are cut evenly, at multiples of LANES.
static void choose_tile(RegionCode *code, int64_t room) {
  code->tile_rows = 1;
  code->tile_columns = code->columns;
  if (code->columns > room) {
    int64_t parts = (code->columns + room - 1) / room;
    code->tile_columns = ((code->columns + parts - 1) / parts + LANES - 1) / LANES * LANES;
  } else if (!code->cut_columns) {
    int64_t most = code->reduce == REDUCE_ROWS ? code->run : code->rows;
    code->tile_rows = room / code->columns < most ? room / code->columns : most;
  }
  code->tile = (code->tile_rows * code->tile_columns + LANES - 1) / LANES * LANES + REGION_PAD;
}

static bool is_number(const RegionCode *code, const Access *a) {
  for (int i = 0; i < code->axes; i++)
    if (a->row[i]) return false;
  return a->column == 0;
}

// Whether the elements of every tile lie one after another.
static bool is_contiguous(const RegionCode *code, const Access *a) {
  if (code->columns > 1 && a->column != 1) return false;
  int64_t stride = code->columns;
  for (int i = code->axes - 1; i >= 0 && code->tile_rows > 1; i--) {
    if (a->row[i] != stride) return false;
    stride *= code->dim[i];
    if (code->reduce == REDUCE_ROWS) break;
  }
  return true;
}

static LoadWay load_way(const RegionCode *code, const Access *a) {
  bool repeats = true;
  for (int i = 0; i < code->axes; i++) repeats = repeats && a->row[i] == 0;
  if (is_number(code, a)) return LOAD_NUMBER;
  if (code->tile_rows == 1 && a->column == 0) return LOAD_ROW_NUMBER;
  if (is_contiguous(code, a)) return LOAD_DIRECT;
  return repeats && code->tile_rows > 1 ? LOAD_REPEAT : LOAD_COPY;
}

// ---- loads and stores

static void count_uses(const Region *r, RegionValue *value) {
  for (int i = 0; i < r->instrs; i++)
    for (int k = 0; k < scalar_row[r->instr[i].op].arity; k++) value[r->instr[i].in[k]].uses++;
  for (int i = 0; i < r->stores; i++) {
    value[r->store[i].value].uses++;
    value[r->store[i].value].stored = true;
  }
}

// Gives every load its way and its place. One whose memory a store overwrites while its elements still wait to be
// stored themselves is copied first.
static void prepare_loads(RegionCode *code, const Kernel *kernel, RegionValue *value) {
  const Region *r = &kernel->region;
  int64_t direct = 0;
  for (int i = 0; i < r->loads; i++) {
    LoadCode *l = &code->load[i];
    l->way = load_way(code, &l->from);
    for (int k = 0; k < r->stores; k++)
      if (l->way == LOAD_DIRECT && value[i].stored && access_equal(kernel, &l->from, &code->store[k].to))
        l->way = LOAD_COPY;
    value[i].constant = l->way == LOAD_NUMBER;
    value[i].number = l->way == LOAD_NUMBER || l->way == LOAD_ROW_NUMBER;
    value[i].last = -1;
    if (value[i].number) l->place = code->slots++;
    if (l->way == LOAD_COPY || l->way == LOAD_REPEAT) l->place = code->tiles++;
    direct += l->way == LOAD_DIRECT;
  }
  for (int i = 0; i < r->constants; i++) value[r->loads + i].number = value[r->loads + i].constant = true;
  code->streams = direct * code->rows * code->columns > REGION_STREAM;
}

// Whether the step that computes the value of store s may write it there: no load still needs what it overwrites.
static bool can_be_direct(const RegionCode *code, const Kernel *k, const RegionValue *value, int s) {
  const Region *r = &k->region;
  const StoreCode *store = &code->store[s];
  const RegionValue *v = &value[store->value];
  if (store->kind != STORE_ALL || store->value < r->loads || v->number || !is_contiguous(code, &store->to))
    return false;
  for (int i = 0; i < s; i++)
    if (code->store[i].direct && code->store[i].value == store->value) return false;
  for (int i = 0; i < r->loads; i++)
    if (code->load[i].way == LOAD_DIRECT && value[i].last > v->step && access_equal(k, &code->load[i].from, &store->to))
      return false;
  return true;
}

static void prepare_stores(RegionCode *code, const Kernel *k, const RegionValue *value) {
  for (int i = 0; i < k->region.stores; i++) {
    StoreCode *s = &code->store[i];
    s->direct = can_be_direct(code, k, value, i);
    s->fill = value[s->value].number ? code->tiles++ : -1;
    if (s->kind != STORE_ALL) s->total = code->tiles++;
  }
}

// ---- all of it

static void prepare_with_tile(Arena *a, RegionCode *code, const Kernel *k, RegionValue *value, int64_t room) {
  const Region *r = &k->region;
  code->tiles = code->slots = 0;
  choose_tile(code, room);
  prepare_loads(code, k, value);
  region_steps(a, code, r, value);
  prepare_stores(code, k, value);
  region_tiles(code, r, value);
}

static int64_t scratch_floats(const RegionCode *code) {
  return code->tiles * code->tile + (code->slots + code->constants) * LANES;
}

void *region_ready(Arena *a, const Kernel *k) {
  const Region *r = &k->region;
  RegionCode *code = NEW(a, RegionCode);
  code->loads = r->loads;
  code->constants = r->constants;
  code->constant = r->constant;
  code->stores = r->stores;
  code->values = r->loads + r->constants + r->instrs;
  code->load = NEW_ARRAY(a, LoadCode, r->loads);
  code->store = NEW_ARRAY(a, StoreCode, r->stores);
  code->first = NEW_ARRAY(a, Step, r->instrs);
  code->step = NEW_ARRAY(a, Step, r->instrs);
  code->place = NEW_ARRAY(a, int, r->instrs);
  RegionValue *value = NEW_ARRAY(a, RegionValue, code->values);
  RegionAxes x = axes_of(k);
  int columns = axes_split(code, r, &x);
  for (int i = 0; i < r->loads; i++) code->load[i].from = access_of(k, i, code, &x, columns);
  for (int i = 0; i < r->stores; i++) {
    const Store *s = &r->store[i];
    code->store[i] =
        (StoreCode){.to = access_of(k, r->loads + i, code, &x, columns), .kind = s->kind, .value = s->value};
  }
  choose_cut(code, k->pieces);
  count_uses(r, value);
  for (int64_t room = REGION_TILE; room >= LANES && code->values <= REGION_VALUES; room /= 2) {
    prepare_with_tile(a, code, k, value, room);
    if (scratch_floats(code) <= (room > 8 * LANES ? REGION_NEAR : REGION_SCRATCH)) return code;
  }
  fail(a, EXIT_SOFTWARE, "a region of %d instructions is too large to be run", r->instrs);
}
