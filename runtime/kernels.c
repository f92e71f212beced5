// Lanes, indices, random rows and running sums; see kernels.h.
#include "kernels.h"

#include "maths.h"
#include "philox.h"

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

// ---- indices

int64_t index_row(float index, int64_t rows) {
  if (!(index >= 1.0f)) return 0;
  return index >= (float)rows ? rows - 1 : (int64_t)index < rows ? (int64_t)index : rows - 1;
}

// ---- random numbers

// The address of a row's first number; see philox.h.
static Philox random_address(const Run *run, RandomAddress address, uint32_t stream, int64_t row) {
  uint32_t split = run->purpose == PURPOSE_TRAIN ? 0 : 1, position = run->first_position + (uint32_t)row;
  switch (address) {
    case RANDOM_STEP:
      return (Philox){{0, position, run->step, stream}, {run->seed, (uint32_t)run->purpose << 16 | run->turn}};
    case RANDOM_EXAMPLE:
      return (Philox){{0, (uint32_t)run->example[row], 0, stream}, {run->seed, (uint32_t)PURPOSE_DATA << 16 | split}};
    case RANDOM_ONCE: break;
  }
  return (Philox){{0, 0, 0, stream}, {run->seed, (uint32_t)PURPOSE_INIT << 16}};
}

void random_rows(const Run *run, RandomAddress address, uint32_t stream, float *out, int64_t count, int64_t begin,
                 int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    Philox at = random_address(run, address, stream, row);
    philox_row(&at, out + row * count, count);
  }
}

// ---- running sums

void cumsum_line(float *out, const float *in, int64_t length, int64_t stride, bool from_end) {
  float sum = 0.0f;
  for (int64_t i = 0; i < length; i++) {
    int64_t at = (from_end ? length - 1 - i : i) * stride;
    sum += in[at];
    out[at] = sum;
  }
}
