// Runs regions: a small interpreter whose values are tiles that stay in the nearest cache; see region_code.h.
//
// For every tile: find or copy the loads, let each step's loop run over the tile, then store and reduce. A step costs
// some nanoseconds beside its arithmetic, which a tile of hundreds of elements makes small. Invariant: the order of
// every sum is that of kernel.h, however the space is cut into pieces and tiles.
#include "engine/region.h"

#include <string.h>

#include "engine/kernel_pieces.h"
#include "core/maths.h"
#include "engine/region_code.h"

// A piece at work, and its present tile: `rows` rows from `row`, `columns` columns from `column`.
typedef struct {
  const RegionCode *code;
  float *const *at;  // where each operand begins
  float **value;     // where each value of the tile begins
  float *slot, *tile;
  int64_t row_begin, row_end, column_begin, column_end;
  int64_t row, rows, column, columns;
  int64_t index[MAX_RANK];  // of the first row
} RegionPiece;

// ---- places

static float *scratch_tile(const RegionPiece *p, int tile) { return p->tile + tile * p->code->tile; }

static float *scratch_slot(const RegionPiece *p, int slot) { return p->slot + slot * LANES; }

static void tile_fill(float *tile, float x, int64_t n) {
  for (int64_t i = 0; i < n; i++) tile[i] = x;
}

static float *access_element(const RegionPiece *p, const Access *a) {
  float *e = p->at[a->operand] + p->column * a->column;
  for (int i = 0; i < p->code->axes; i++) e += p->index[i] * a->row[i];
  return e;
}

// Moves e from a row to the next one, whose index is kept in `index`.
static float *access_next(const RegionCode *code, const Access *a, float *e, int64_t *index) {
  for (int i = code->axes - 1; i >= 0; i--) {
    e += a->row[i];
    if (++index[i] < code->dim[i]) break;
    e -= a->row[i] * code->dim[i];
    index[i] = 0;
  }
  return e;
}

static void tile_index(RegionPiece *p) {
  int64_t row = p->row;
  for (int i = p->code->axes - 1; i > 0; i--) {
    p->index[i] = row % p->code->dim[i];
    row /= p->code->dim[i];
  }
  p->index[0] = row;
}

// ---- loads

static void tile_copy_in(float *restrict out, const float *restrict in, int64_t stride, int64_t n) {
  if (stride == 1)
    for (int64_t i = 0; i < n; i++) out[i] = in[i];
  else if (stride == 0)
    for (int64_t i = 0; i < n; i++) out[i] = in[0];
  else
    for (int64_t i = 0; i < n; i++) out[i] = in[i * stride];
}

static void tile_copy_out(float *restrict out, int64_t stride, const float *restrict in, int64_t n) {
  if (stride == 1)
    for (int64_t i = 0; i < n; i++) out[i] = in[i];
  else
    for (int64_t i = 0; i < n; i++) out[i * stride] = in[i];
}

static void load_copy(const RegionPiece *p, const Access *a, float *tile) {
  int64_t index[MAX_RANK];
  memcpy(index, p->index, sizeof index);
  float *e = access_element(p, a);
  for (int64_t r = 0; r < p->rows; r++) {
    tile_copy_in(tile + r * p->columns, e, a->column, p->columns);
    if (r + 1 < p->rows) e = access_next(p->code, a, e, index);
  }
}

static void tile_load(const RegionPiece *p) {
  for (int i = 0; i < p->code->loads; i++) {
    const LoadCode *l = &p->code->load[i];
    switch (l->way) {
      case LOAD_ROW_NUMBER: tile_fill(p->value[i], *access_element(p, &l->from), LANES); break;
      case LOAD_DIRECT: p->value[i] = access_element(p, &l->from); break;
      case LOAD_COPY: load_copy(p, &l->from, p->value[i]); break;
      case LOAD_NUMBER:
      case LOAD_REPEAT: break;
    }
  }
}

// ---- steps

// The loops take LANES elements at a time; the last ones, if they are fewer, go through a copy.
static void step_rest(const Step *s, float *const *out, const float *const *in, int64_t done, int64_t rest) {
  float copy[REGION_OPERANDS][LANES] = {{0}}, y[REGION_RESULTS][LANES] = {{0}};
  const float *from[REGION_OPERANDS];
  float *to[REGION_RESULTS];
  for (int k = 0; k < s->ins; k++) {
    from[k] = s->step[k] ? copy[k] : in[k];
    for (int64_t i = 0; i < rest && s->step[k]; i++) copy[k][i] = in[k][done + i];
  }
  for (int k = 0; k < s->outs; k++) to[k] = y[k];
  s->loop(to, from, s->step, LANES);
  for (int k = 0; k < s->outs; k++)
    for (int64_t i = 0; i < rest; i++) out[k][done + i] = y[k][i];
}

static void run_step(const RegionPiece *p, const Step *s, int64_t n) {
  const float *in[REGION_OPERANDS];
  float *out[REGION_RESULTS];
  for (int k = 0; k < s->ins; k++) in[k] = p->value[s->in[k]];
  for (int k = 0; k < s->outs; k++) out[k] = p->value[s->out[k]];
  int64_t rest = n % LANES;
  s->loop(out, in, s->step, n - rest);
  if (rest) step_rest(s, out, in, n - rest, rest);
}

// Asks for a part of the next tile while this one is worked on: what comes from afar arrives in the meantime.
static void fetch_ahead(const RegionPiece *p, int64_t begin, int64_t end) {
#if defined(__GNUC__)
  int64_t n = p->rows * p->columns;
  for (int i = 0; i < p->code->loads; i++)
    for (int64_t j = begin; j < end && p->code->load[i].way == LOAD_DIRECT; j += LANES)
      __builtin_prefetch(p->value[i] + n + j, 1);
#else
  (void)p, (void)begin, (void)end;
#endif
}

static void tile_steps(const RegionPiece *p) {
  const RegionCode *code = p->code;
  int64_t n = p->rows * p->columns;
  for (int i = 0; i < code->steps; i++) {
    if (code->streams && code->steps > 1)
      fetch_ahead(p, n / LANES * i / code->steps * LANES, n / LANES * (i + 1) / code->steps * LANES);
    run_step(p, &code->step[i], code->step[i].number ? LANES : n);
  }
}

// ---- stores

static void store_copy(const RegionPiece *p, const Access *to, const float *x) {
  int64_t index[MAX_RANK];
  memcpy(index, p->index, sizeof index);
  float *e = access_element(p, to);
  for (int64_t r = 0; r < p->rows; r++) {
    tile_copy_out(e, to->column, x + r * p->columns, p->columns);
    if (r + 1 < p->rows) e = access_next(p->code, to, e, index);
  }
}

typedef float Lanes[LANES][LANES];  // each lane of so many rows, side by side

static void join(float *to, const float *with, bool sum) {
  for (int r = 0; r < LANES; r++) to[r] = sum ? to[r] + with[r] : m_max(to[r], with[r]);
}

// In the order of lanes_sum and lanes_largest, but that halves of the lanes to which no column goes are left out: they
// add 0, or nothing is less than they are. What is joined is in lane 0.
static void join_lanes(Lanes lane, int64_t columns, bool sum) {
  int half = LANES / 2;
  while (half >= columns) half /= 2;
  for (; half > 0; half /= 2)
    for (int l = 0; l < half; l++) join(lane[l], lane[l + half], sum);
}

static void rows_to_lanes(Lanes lane, const float *x, int64_t rows, int64_t columns, bool sum) {
  for (int l = 0; l < LANES; l++) tile_fill(lane[l], sum ? 0.0f : -INFINITY, LANES);
  for (int64_t l = 0; l < columns; l++) {
    float column[LANES] = {0};
    for (int64_t r = 0; r < rows; r++) column[r] = x[r * columns + l];
    join(lane[l], column, sum);
  }
}

// Rows of a few columns, LANES of them at a time.
static void store_short_rows(const RegionPiece *p, const StoreCode *s, const float *x) {
  _Alignas(64) Lanes lane;
  int64_t index[MAX_RANK], columns = p->columns;
  memcpy(index, p->index, sizeof index);
  bool sum = s->kind == STORE_SUM;
  float *e = access_element(p, &s->to);
  for (int64_t row = 0; row < p->rows; row += LANES) {
    int64_t rows = p->rows - row < LANES ? p->rows - row : LANES;
    rows_to_lanes(lane, x + row * columns, rows, columns, sum);
    join_lanes(lane, columns, sum);
    for (int64_t r = 0; r < rows; r++) {
      *e = lane[0][r];
      if (row + r + 1 < p->rows) e = access_next(p->code, &s->to, e, index);
    }
  }
}

// Every row along its columns. The lanes of a row that is longer than a tile wait in `lane`.
static void store_lanes(const RegionPiece *p, const StoreCode *s, const float *x, float *lane) {
  int64_t index[MAX_RANK];
  memcpy(index, p->index, sizeof index);
  bool sum = s->kind == STORE_SUM, begins = p->column == 0, ends = p->column + p->columns == p->code->columns;
  float *e = access_element(p, &s->to);
  for (int64_t r = 0; r < p->rows; r++) {
    if (begins) (sum ? lanes_zero : lanes_low)(lane);
    (sum ? lanes_add : lanes_maximum)(lane, x + r * p->columns, p->columns);
    if (ends) *e = sum ? lanes_sum(lane) : lanes_largest(lane);
    if (r + 1 < p->rows) e = access_next(p->code, &s->to, e, index);
  }
}

static void tile_add_row(float *restrict total, const float *restrict x, int64_t n) {
  for (int64_t i = 0; i < n; i++) total[i] += x[i];
}

static void tile_maximum_row(float *restrict total, const float *restrict x, int64_t n) {
  for (int64_t i = 0; i < n; i++) total[i] = m_max(total[i], x[i]);
}

// Row upon row into `total`, which is stored after the last row of the run.
static void store_rows(const RegionPiece *p, const StoreCode *s, const float *x, float *total) {
  bool sum = s->kind == STORE_SUM;
  int64_t within = p->row % p->code->run;
  if (within == 0) tile_fill(total, sum ? 0.0f : -INFINITY, p->columns);
  for (int64_t r = 0; r < p->rows; r++) (sum ? tile_add_row : tile_maximum_row)(total, x + r * p->columns, p->columns);
  if (within + p->rows == p->code->run) tile_copy_out(access_element(p, &s->to), s->to.column, total, p->columns);
}

static void tile_store(const RegionPiece *p) {
  for (int i = 0; i < p->code->stores; i++) {
    const StoreCode *s = &p->code->store[i];
    if (s->direct) continue;
    const float *x = p->value[s->value];
    if (s->fill >= 0) {
      tile_fill(scratch_tile(p, s->fill), *x, p->rows * p->columns);
      x = scratch_tile(p, s->fill);
    }
    if (s->kind == STORE_ALL)
      store_copy(p, &s->to, x);
    else if (p->code->reduce == REDUCE_LANES && p->code->columns <= LANES && p->rows > 1)
      store_short_rows(p, s, x);
    else if (p->code->reduce == REDUCE_LANES)
      store_lanes(p, s, x, scratch_tile(p, s->total));
    else
      store_rows(p, s, x, scratch_tile(p, s->total));
  }
}

// ---- tiles and pieces

static void tile_run(RegionPiece *p) {
  tile_index(p);
  tile_load(p);
  for (int i = 0; i < p->code->stores; i++) {
    const StoreCode *s = &p->code->store[i];
    if (s->direct) p->value[s->value] = access_element(p, &s->to);
  }
  tile_steps(p);
  tile_store(p);
}

// The rows from begin to end, for columns that fit into a tile.
static void piece_rows(RegionPiece *p, int64_t begin, int64_t end) {
  for (p->row = begin; p->row < end; p->row += p->rows) {
    p->rows = end - p->row < p->code->tile_rows ? end - p->row : p->code->tile_rows;
    tile_run(p);
  }
}

// Sets p->columns to the width of the tiles that begin at p->column.
static bool tile_columns_left(RegionPiece *p) {
  int64_t left = p->column_end - p->column;
  p->columns = left < p->code->tile_columns ? left : p->code->tile_columns;
  return left > 0;
}

// A run of rows at a time, and in it some columns after others: all rows of a sum follow each other.
static void piece_by_runs(RegionPiece *p) {
  for (int64_t row = p->row_begin; row < p->row_end; row += p->code->run)
    for (p->column = p->column_begin; tile_columns_left(p); p->column += p->columns)
      piece_rows(p, row, row + p->code->run);
}

// A row at a time, or several if they are short.
static void piece_by_rows(RegionPiece *p) {
  const RegionCode *code = p->code;
  for (int64_t row = p->row_begin; row < p->row_end; row += code->tile_rows) {
    int64_t end = p->row_end - row < code->tile_rows ? p->row_end : row + code->tile_rows;
    for (p->column = p->column_begin; tile_columns_left(p); p->column += p->columns) piece_rows(p, row, end);
  }
}

// Of the leading axis, which is that of the rows unless all is one row, only the run's part is done.
static void piece_part(RegionPiece *p, const KernelRun *call, int piece, int pieces) {
  const RegionCode *code = p->code;
  int64_t rows = code->rows, columns = code->columns, *led = code->axes ? &rows : &columns;
  if (call->lead < call->whole) *led = *led / call->whole * call->lead;
  int64_t units = code->cut_columns ? (columns + LANES - 1) / LANES : rows / code->run;
  int64_t begin = units * piece / pieces, end = units * (piece + 1) / pieces;
  p->row_begin = code->cut_columns ? 0 : begin * code->run;
  p->row_end = code->cut_columns ? rows : end * code->run;
  p->column_begin = code->cut_columns ? begin * LANES : 0;
  p->column_end = code->cut_columns && end < units ? end * LANES : columns;
}

static void begin_loads(RegionPiece *p) {
  for (int i = 0; i < p->code->loads; i++) {
    const LoadCode *l = &p->code->load[i];
    bool number = l->way == LOAD_NUMBER || l->way == LOAD_ROW_NUMBER;
    p->value[i] = number ? scratch_slot(p, l->place) : scratch_tile(p, l->place);
    if (l->way == LOAD_NUMBER) tile_fill(p->value[i], *p->at[l->from.operand], LANES);
    if (l->way == LOAD_REPEAT) load_copy(p, &l->from, p->value[i]);
  }
}

static void begin_results(RegionPiece *p, const Step *step, int steps) {
  int first = p->code->loads + p->code->constants;
  for (const Step *s = step; s < step + steps; s++)
    for (int k = 0; k < s->outs; k++) {
      int place = p->code->place[s->out[k] - first];
      p->value[s->out[k]] = s->number ? scratch_slot(p, place) : scratch_tile(p, place < 0 ? 0 : place);
    }
}

// Gives every value its place, and computes what is the same for the whole piece.
static void begin_values(RegionPiece *p) {
  const RegionCode *code = p->code;
  begin_loads(p);
  for (int i = 0; i < code->constants; i++) {
    p->value[code->loads + i] = scratch_slot(p, code->slots + i);
    tile_fill(p->value[code->loads + i], code->constant[i], LANES);
  }
  begin_results(p, code->first, code->firsts);
  begin_results(p, code->step, code->steps);
  for (int i = 0; i < code->firsts; i++) run_step(p, &code->first[i], LANES);
}

void region_piece(const KernelRun *call, int piece, int pieces) {
  const RegionCode *code = call->ready;
  _Alignas(64) float scratch[REGION_SCRATCH];
  float *value[REGION_VALUES];
  RegionPiece p = {.code = code, .at = call->at, .value = value, .tile = scratch};
  p.slot = scratch + code->tiles * code->tile;
  piece_part(&p, call, piece, pieces);
  if (p.row_begin >= p.row_end || p.column_begin >= p.column_end) return;
  p.rows = code->tile_rows;
  p.columns = code->tile_columns;
  begin_values(&p);
  if (code->reduce == REDUCE_ROWS)
    piece_by_runs(&p);
  else
    piece_by_rows(&p);
}
