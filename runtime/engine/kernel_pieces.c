// Lanes, and the kernels of single operations; see kernel_pieces.h.
#include "engine/kernel_pieces.h"

#include "engine/conv.h"
#include "engine/gemm.h"
#include "core/maths.h"
#include "core/philox.h"

// ---- lanes

void lanes_zero(float *lane) {
  for (int l = 0; l < LANES; l++) lane[l] = 0.0f;
}

void lanes_low(float *lane) {
  for (int l = 0; l < LANES; l++) lane[l] = -INFINITY;
}

void lanes_add(float *lane, const float *x, int64_t n) {
  float s[LANES];
  for (int l = 0; l < LANES; l++) s[l] = lane[l];
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) s[l] += x[i + l];
  for (int l = 0; l < n - i; l++) s[l] += x[i + l];
  for (int l = 0; l < LANES; l++) lane[l] = s[l];
}

void lanes_maximum(float *lane, const float *x, int64_t n) {
  float s[LANES];
  for (int l = 0; l < LANES; l++) s[l] = lane[l];
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) s[l] = m_max(s[l], x[i + l]);
  for (int l = 0; l < n - i; l++) s[l] = m_max(s[l], x[i + l]);
  for (int l = 0; l < LANES; l++) lane[l] = s[l];
}

float lanes_sum(const float *lane) {
  float s[LANES / 2];
  for (int l = 0; l < LANES / 2; l++) s[l] = lane[l] + lane[l + LANES / 2];
  for (int half = LANES / 4; half > 0; half /= 2)
    for (int l = 0; l < half; l++) s[l] += s[l + half];
  return s[0];
}

float lanes_largest(const float *lane) {
  float s[LANES / 2];
  for (int l = 0; l < LANES / 2; l++) s[l] = m_max(lane[l], lane[l + LANES / 2]);
  for (int half = LANES / 4; half > 0; half /= 2)
    for (int l = 0; l < half; l++) s[l] = m_max(s[l], s[l + half]);
  return s[0];
}

// ---- pieces

int64_t piece_begin(int64_t size, int64_t grain, int piece, int pieces) {
  int64_t grains = (size + grain - 1) / grain, begin = grains * piece / pieces * grain;
  return begin < size ? begin : size;
}

// ---- products

Matmul matmul_part(const Matmul *p, int64_t begin, int64_t end) {
  Matmul part = *p;
  switch (p->cut) {
    case CUT_ROWS:
      part.m = end - begin;
      part.row += begin;
      part.a += p->transpose_a ? begin : begin * p->lda;
      part.c += begin * p->ldc;
      break;
    case CUT_COLUMNS:
      part.n = end - begin;
      part.b += p->transpose_b ? begin * p->ldb : begin;
      part.c += begin;
      break;
    default:
      part.batch = end - begin;
      part.a += begin * p->step_a;
      part.b += begin * p->step_b;
      part.c += begin * p->step_c;
  }
  return part;
}

void matmul_piece(const Matmul *whole, int64_t begin, int64_t end) {
  const Matmul p = matmul_part(whole, begin, end);
  for (int64_t i = 0; i < p.batch; i++)
    gemm_half((GemmHalf)p.half, p.row, p.transpose_a, p.transpose_b, p.m, p.n, p.k, p.a + i * p.step_a, p.lda,
              p.b + i * p.step_b, p.ldb, p.c + i * p.step_c, p.ldc);
}

// ---- triangles

// out -= x * times, for n elements
static void subtract_times(float *restrict out, const float *restrict x, float times, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] -= x[i] * times;
}

// Row by row of L' in the upper triangle, where a row of L' is one run of memory; then its transpose below.
static void cholesky_matrix(const float *a, float *out, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i; j < n; j++) out[i * n + j] = a[j * n + i];
  for (int64_t k = 0; k < n; k++) {
    float *row = out + k * n, root = row[k] > 0.0f ? m_sqrt(row[k]) : NAN;
    for (int64_t j = k; j < n; j++) row[j] /= root;
    for (int64_t i = k + 1; i < n; i++) subtract_times(out + i * n + i, row + i, row[i], n - i);
    row[k] = root;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      out[i * n + j] = out[j * n + i];
      out[j * n + i] = 0.0f;
    }
}

void cholesky_piece(const Cholesky *p, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) cholesky_matrix(p->a + i * p->step, p->out + i * p->n * p->n, p->n);
}

// Some columns of one system, `m` floats from row to row: from the first unknown on, or transposed from the last.
static void solve_columns(const Solve *p, const float *l, const float *b, float *out, int64_t columns) {
  for (int64_t k = 0; k < p->n; k++) {
    int64_t i = p->transposed ? p->n - 1 - k : k;
    float *x = out + i * p->m;
    for (int64_t c = 0; c < columns; c++) x[c] = b[i * p->m + c];
    for (int64_t done = 0; done < k; done++) {
      int64_t j = p->transposed ? p->n - 1 - done : done;
      subtract_times(x, out + j * p->m, p->transposed ? l[j * p->n + i] : l[i * p->n + j], columns);
    }
    for (int64_t c = 0; c < columns; c++) x[c] /= l[i * p->n + i];
  }
}

SolvePart solve_part(const Solve *p, int64_t begin, int64_t end) {
  int64_t i = begin / p->m, at = i * p->n * p->m + begin % p->m, last = (i + 1) * p->m;
  return (SolvePart){p->l + i * p->step, p->b + at, p->out + at, (last < end ? last : end) - begin};
}

void solve_piece(const Solve *p, int64_t begin, int64_t end) {
  for (SolvePart s; begin < end; begin += s.columns) {
    s = solve_part(p, begin, end);
    solve_columns(p, s.l, s.b, s.out, s.columns);
  }
}

// ---- convolutions

#define CONV_SIZES(p)                                                                                               \
  (ConvSizes) {                                                                                                     \
    (p)->batch, (p)->height, (p)->width, (p)->channels, (p)->out_height, (p)->out_width, (p)->filters, (p)->taps_y, \
        (p)->taps_x, (p)->stride_y, (p)->stride_x, (p)->pad_y, (p)->pad_x, (p)->dilation_y, (p)->dilation_x,        \
        (p)->groups, (p)->dead                                                                                      \
  }

void conv_piece(const Conv *p, int64_t begin, int64_t end) {
  const ConvSizes s = CONV_SIZES(p);
  convolve(&s, p->x, p->w, p->y, begin, end);
}

void conv_input_piece(const ConvInput *p, int64_t begin, int64_t end) {
  const ConvSizes s = CONV_SIZES(p);
  convolve_back(&s, p->d, p->w, p->x, begin, end);
}

void conv_weight_piece(const ConvWeight *p, int64_t begin, int64_t end) {
  const ConvSizes s = CONV_SIZES(p);
  convolve_weights(&s, p->x, p->d, p->w, begin, end);
}

// ---- indices

int64_t index_row(float index, int64_t rows) {
  if (!(index >= 1.0f)) return 0;
  return index >= (float)rows ? rows - 1 : (int64_t)index < rows ? (int64_t)index : rows - 1;
}

void gather_piece(const Gather *p, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    const float *row = p->table + index_row(p->index[i], p->rows) * p->width;
    float *out = p->out + i * p->width;
    for (int64_t r = 0; r < p->width; r++) out[r] = row[r];
  }
}

void scatter_piece(const Scatter *p, int64_t begin, int64_t end) {
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t r = begin; r < end; r++) p->out[i * p->width + r] = 0.0f;
  for (int64_t i = 0; i < p->indices; i++) {
    float *out = p->out + index_row(p->index[i], p->rows) * p->width;
    const float *value = p->values + i * p->width;
    for (int64_t r = begin; r < end; r++) out[r] += value[r];
  }
}

// ---- random numbers

// The address of a row's first number; see philox.h.
static Philox random_address(const Run *run, int64_t address, uint32_t stream, int64_t row) {
  int64_t set = address / RANDOM_ADDRESSES;
  const int32_t *example = set ? run->other[set - 1].example : run->example;
  bool trains = run->purpose != PURPOSE_TEST && run->purpose != PURPOSE_SHOW;  // starts are of the training split too
  uint32_t split = trains ? 0 : 1, position = run->first_position + (uint32_t)row;
  uint32_t seed = trains ? run_start_seed(run) : run->seed;
  switch ((RandomAddress)(address % RANDOM_ADDRESSES)) {
    case RANDOM_STEP:
      return (Philox){{0, position, run->step, stream}, {seed, (uint32_t)run->purpose << 16 | run->turn}};
    case RANDOM_EXAMPLE:
      return (Philox){{0, (uint32_t)example[row], 0, stream}, {run->seed, (uint32_t)PURPOSE_DATA << 16 | split}};
    case RANDOM_ONCE: break;
  }
  return (Philox){{0, 0, 0, stream}, {run_start_seed(run), (uint32_t)PURPOSE_INIT << 16}};
}

void random_piece(const Run *run, const Random *p, int64_t begin, int64_t end) {
  const int64_t step[MAX_LOOPS] = {p->step_0, p->step_1, p->step_2, p->step_3};
  int64_t first = 0;
  for (int i = 0; i < MAX_LOOPS; i++) first += run->at_turn[i] * step[i];
  for (int64_t row = begin; row < end; row++) {
    Philox at = random_address(run, p->address, (uint32_t)p->stream, row);
    philox_row(&at, p->out + row * p->count, first, p->count);
  }
}

// ---- along an axis

void cumsum_piece(const Cumsum *p, int64_t begin, int64_t end) {
  for (int64_t line = begin * p->inner; line < end * p->inner; line++) {
    int64_t first = line / p->inner * p->length * p->inner + line % p->inner;
    float sum = 0.0f;
    for (int64_t i = 0; i < p->length; i++) {
      int64_t at = first + (p->from_end ? p->length - 1 - i : i) * p->inner;
      p->out[at] = sum += p->in[at];
    }
  }
}

void iota_piece(const Iota *p, int64_t begin, int64_t end) {
  float *out = p->out + begin * p->length * p->inner;
  for (int64_t o = begin; o < end; o++)
    for (int64_t i = 0; i < p->length; i++)
      for (int64_t r = 0; r < p->inner; r++) *out++ = (float)i;
}
