// From stored numbers to values: what they are taken for, whether they may be, and what is said of it. See data.h.
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/data.h"
#include "core/pool.h"

// What an array holds, as it lies there.
typedef struct {
  double least, greatest, sum;
  bool whole, finite;
} Summary;

enum { SUMMARY_LANES = 64, SUMMARY_ROWS = 256 };  // a lane's sum of so many bytes fits 16 bits

static Summary data_summary_none(void) { return (Summary){INFINITY, -INFINITY, 0, true, true}; }

static void data_summary_add(Summary *s, const Summary *part) {
  s->least = fmin(s->least, part->least);
  s->greatest = fmax(s->greatest, part->greatest);
  s->sum += part->sum;
  s->whole = s->whole && part->whole;
  s->finite = s->finite && part->finite;
}

// At most SUMMARY_LANES * SUMMARY_ROWS bytes.
static Summary data_summary_bytes(const uint8_t *byte, int64_t n) {
  uint8_t least[SUMMARY_LANES], greatest[SUMMARY_LANES] = {0};
  uint16_t sum[SUMMARY_LANES] = {0};
  memset(least, 255, sizeof least);
  for (int64_t i = 0; i < n; i += SUMMARY_LANES) {
    int lanes = n - i < SUMMARY_LANES ? (int)(n - i) : SUMMARY_LANES;
    for (int k = 0; k < lanes; k++) {
      uint8_t v = byte[i + k];
      least[k] = v < least[k] ? v : least[k];
      greatest[k] = v > greatest[k] ? v : greatest[k];
      sum[k] = (uint16_t)(sum[k] + v);
    }
  }
  Summary s = data_summary_none();
  for (int k = 0; k < SUMMARY_LANES && k < n; k++)
    data_summary_add(&s, &(Summary){least[k], greatest[k], sum[k], true, true});
  return s;
}

static Summary data_summary_floats(const float *value, int64_t n) {
  float least[SUMMARY_LANES], greatest[SUMMARY_LANES];
  double sum[SUMMARY_LANES] = {0};
  int odd[SUMMARY_LANES] = {0}, wild[SUMMARY_LANES] = {0};  // not whole, not finite
  for (int k = 0; k < SUMMARY_LANES; k++) least[k] = INFINITY, greatest[k] = -INFINITY;
  for (int64_t i = 0; i < n; i += SUMMARY_LANES) {
    int lanes = n - i < SUMMARY_LANES ? (int)(n - i) : SUMMARY_LANES;
    for (int k = 0; k < lanes; k++) {
      float v = value[i + k];
      least[k] = v < least[k] ? v : least[k];
      greatest[k] = v > greatest[k] ? v : greatest[k];
      sum[k] += (double)v;
      odd[k] |= floorf(v) != v;
      wild[k] |= !(fabsf(v) <= FLT_MAX);
    }
  }
  Summary s = data_summary_none();
  for (int k = 0; k < SUMMARY_LANES; k++)
    data_summary_add(&s, &(Summary){(double)least[k], (double)greatest[k], sum[k], !odd[k], !wild[k]});
  return s;
}

// Values first .. end - 1, as far as all are in [lo, hi] or a little further.
static Summary data_summary(const Array *array, int64_t first, int64_t end, double lo, double hi) {
  Summary s = data_summary_none();
  for (int64_t i = first; i < end && (i == first || (s.least >= lo && s.greatest <= hi));
       i += SUMMARY_LANES * SUMMARY_ROWS) {
    int64_t n = end - i < SUMMARY_LANES * SUMMARY_ROWS ? end - i : SUMMARY_LANES * SUMMARY_ROWS;
    Summary part = array->byte ? data_summary_bytes(array->byte + i, n) : data_summary_floats(array->value + i, n);
    data_summary_add(&s, &part);
  }
  return s;
}

static float data_value(const Reading *r, double number) { return r->scale * (float)number + r->shift; }

// Are numbers read as levels?
static bool data_levels(const Reading *r) { return r->scale != 1 || r->shift != 0; }

static void data_decide(const PlanColumn *c, const Summary *s, Reading *r) {
  bool inside = s->least >= (double)c->lo && s->greatest <= (double)c->hi;
  bool levels = c->levels && !inside && s->finite && s->whole && s->least >= 0 && s->greatest <= 255;
  r->scale = 1;
  if (!levels) return;
  r->scale = (float)(((double)c->hi - (double)c->lo) / 255);
  r->shift = c->lo;
  while (data_value(r, 255) > c->hi) r->scale = nextafterf(r->scale, 0);  // rounded past its end
}

static bool data_is_member(const PlanColumn *c, float v) {
  int first = 0, end = c->members;
  while (first < end) {
    int middle = (first + end) / 2;
    if (c->member[middle] < v)
      first = middle + 1;
    else
      end = middle;
  }
  return first < c->members && c->member[first] == v;
}

// May this number be in the column, read so?
static bool data_allows(const PlanColumn *c, const Reading *r, double number) {
  float v = data_value(r, number);
  if (c->classes) return v >= 0 && v <= (float)(c->classes - 1) && v == floorf(v);
  if (data_levels(r) && number != floor(number)) return false;
  if (c->members) return data_is_member(c, v);
  return v >= c->lo && v <= c->hi && fabsf(v) <= FLT_MAX && (!c->whole || v == floorf(v));
}

static double data_number(const Array *array, int64_t i) {
  return array->byte ? (double)array->byte[i] : (double)array->value[i];
}

// Where value i of a column stands.
static const char *data_place(Arena *a, const PlanColumn *c, const char *path, const Array *array, int64_t i) {
  int64_t example = i / c->count;
  const char *place = array->line ? arena_format(a, "%s:%" PRId64, printable(a, path), array->line[example])
                                  : arena_format(a, "%s: item %" PRId64 " (from 0)", printable(a, path), example);
  return c->count > 1 ? arena_format(a, "%s, element %" PRId64, place, i % c->count) : place;
}

// May all numbers of the array be? `s`: what it holds.
static bool data_allows_all(const PlanColumn *c, const Reading *r, const Array *array, const Summary *s) {
  bool allowed = data_allows(c, r, s->least) && data_allows(c, r, s->greatest);
  for (int64_t i = 0; c->members && allowed && i < array->examples * array->count; i++)
    allowed = data_allows(c, r, data_number(array, i));
  return allowed;
}

// "[0, 1]", "{-1, 1}": of many members the first two and the last.
static const char *data_support(Arena *a, const PlanColumn *c) {
  enum { MANY = 8 };
  Text t = text_new(a);
  double members = c->members ? (double)c->members : (double)c->hi - (double)c->lo + 1;
  if (!c->members && !c->whole) return arena_format(a, "[%g, %g]", (double)c->lo, (double)c->hi);
  for (int i = 0; i < MANY && i < members; i++) {
    bool last = i == 3 && members > MANY;
    double member = last ? (double)c->hi : c->members ? (double)c->member[i] : (double)c->lo + i;
    if (i == 2 && members > MANY)
      text_add(&t, ", ...");
    else
      text_add(&t, "%s%g", i ? ", " : "{", member);
    if (last) break;
  }
  text_add(&t, "}");
  return t.data;
}

// What may have been meant.
static const char *data_advice(Arena *a, const PlanColumn *c, const Summary *s) {
  if (c->classes && s->whole && s->least == 1 && s->greatest == c->classes)
    return arena_format(
        a, "; labels count from 0, and these seem to count from 1: declare class(%d), or store them less 1",
        c->classes + 1);
  bool bit = c->whole && !c->members && c->lo == 0 && c->hi == 1;
  if (!c->classes && bit && s->whole && s->least >= 0 && s->greatest <= 255)
    return "; levels of grey become 0 and 1 by `|> binarize`";
  return "";
}

// Refuses the first value that the column does not allow, and counts the others.
static _Noreturn void data_refuse(Arena *a, const PlanColumn *c, const char *path, const Array *array, const Reading *r,
                                  const Summary *s) {
  int64_t n = array->examples * array->count, first = -1, count = 0;
  for (int64_t i = 0; i < n; i++) {
    if (data_allows(c, r, data_number(array, i))) continue;
    if (count++ == 0) first = i;
  }
  double v = (double)data_value(r, data_number(array, first));
  const char *place = data_place(a, c, path, array, first), *name = printable(a, c->name);
  const char *others = arena_format(a, "; so %s %" PRId64 " of %" PRId64, count > 1 ? "are" : "is", count, n);
  const char *advice = data_advice(a, c, s);
  if (c->classes)
    fail(a, EXIT_DATA, "%s: label %g is not one of the column %s's classes 0 .. %d%s%s", place, v, name, c->classes - 1,
         others, advice);
  fail(a, EXIT_DATA, "%s: value %g is outside %s, the support of the column %s%s%s", place, v, data_support(a, c), name,
       others, advice);
}

// The number of a text among those of the training split, or -1.
static int data_word(const Reading *r, const char *word) {
  for (int first = 0, end = r->words; first < end;) {
    int middle = (first + end) / 2, order = strcmp(r->word[middle], word);
    if (order == 0) return middle;
    if (order < 0)
      first = middle + 1;
    else
      end = middle;
  }
  return -1;
}

// Labels that texts stand for: the same text is the same label in both splits.
static void data_words(Arena *a, const PlanColumn *c, const Reading *r, const char *path, Array *array) {
  float *value = (float *)(uintptr_t)array->value;  // ours
  const char *name = printable(a, c->name);
  if (!array->word != !r->word)
    fail(a, EXIT_DATA, "%s: labels of the column %s are %s here, and %s in the data trained on", printable(a, path),
         name, array->word ? "texts" : "numbers", array->word ? "numbers" : "texts");
  for (int64_t i = 0; array->word && i < array->examples * array->count; i++) {
    const char *word = array->word[(int)value[i]];
    int label = data_word(r, word);
    if (label < 0)
      fail(a, EXIT_DATA, "%s: `%s` is none of the %d texts that the column %s has in the data trained on",
           data_place(a, c, path, array, i), printable(a, word), r->words, name);
    value[i] = (float)label;
  }
  array->word = r->word;
  array->words = r->words;
}

// On the simplex the values along an example's last axis add up to 1, but for rounding.
static void data_check_simplex(Arena *a, const PlanColumn *c, const char *path, const Array *array) {
  int64_t along = c->rank ? c->dim[c->rank - 1] : 1;
  for (int64_t i = 0; i < array->examples * array->count; i += along) {
    double sum = 0;
    for (int64_t k = 0; k < along; k++) sum += data_number(array, i + k);
    if (fabs(sum - 1) > 1e-3)
      fail(a, EXIT_DATA, "%s: the values from here on add up to %g, not to 1, and the column %s is on the simplex",
           data_place(a, c, path, array, i), sum, printable(a, c->name));
  }
}

static void data_apply(const Reading *r, Array *array) {
  if (array->byte) {
    array->scale = r->scale;
    array->shift = r->shift;
  } else if (data_levels(r)) {
    float *value = (float *)(uintptr_t)array->value;  // ours
    for (int64_t i = 0; i < array->examples * array->count; i++) value[i] = data_value(r, (double)value[i]);
  }
}

// Is nothing to be read here?
static bool data_is_hole(const Array *array, int64_t i) { return isnan(array->value[i]); }

// Of what is known of a place in all examples, or of all places, the value that is nearest to the mean; NaN if nothing is.
static float data_middle(const Array *array, int64_t first, int64_t step) {
  int64_t n = array->examples * array->count, known = 0;
  double sum = 0;
  for (int64_t i = first; i < n; i += step)
    if (!data_is_hole(array, i)) sum += (double)array->value[i], known++;
  float found = NAN;
  for (int64_t i = first; i < n; i += step)
    if (!data_is_hole(array, i) &&
        !(fabs((double)array->value[i] - sum / (double)known) >= fabs((double)found - sum / (double)known)))
      found = array->value[i];
  return found;
}

// Into holes goes a value that the place has elsewhere, in the middle of them: whatever is made of it, and then thrown
// away, is finite.
static void data_fill(Arena *a, const PlanColumn *c, const char *path, Array *array) {
  int64_t n = array->examples * array->count;
  float *value = (float *)(uintptr_t)array->value;  // ours
  if (!value) return;
  bool any = false;
  for (int64_t i = 0; i < n; i++) any = any || data_is_hole(array, i);
  if (!any) return;
  float everywhere = data_middle(array, 0, 1);
  if (isnan(everywhere))
    fail(a, EXIT_DATA, "%s: the column %s has no value in any example", printable(a, path), printable(a, c->name));
  uint8_t *known = NEW_ARRAY(a, uint8_t, n);
  for (int64_t i = 0; i < n; i++) known[i] = !data_is_hole(array, i);
  for (int64_t k = 0; k < array->count; k++) {
    float middle = data_middle(array, k, array->count);
    for (int64_t i = k; i < n; i += array->count)
      if (!known[i]) value[i] = isnan(middle) ? everywhere : middle;
  }
  array->known = known;
}

// Bytes are looked at until it is known that they are levels; floats all, as they may be anything.
static void data_settle_column(Run *run, int column, const char *path, Array *array, bool decide) {
  const PlanColumn *c = &run->plan->column[column];
  Reading *r = &run->reading[column];
  if (decide) *r = (Reading){.word = array->word, .words = array->words};
  if (c->missing) data_fill(run->arena, c, path, array);
  if (array->word != r->word) data_words(run->arena, c, r, path, array);
  bool look = array->byte && c->levels;
  double lo = look ? (double)c->lo : -INFINITY, hi = look ? (double)c->hi : INFINITY;
  Summary s = data_summary(array, 0, array->examples * array->count, lo, hi);
  if (decide) data_decide(c, &s, r);
  bool levels = data_levels(r), whole = s.whole || !(c->whole || c->classes || levels);
  bool inside = data_allows_all(c, r, array, &s);
  if (!(levels && array->byte) && !(s.finite && whole && inside)) data_refuse(run->arena, c, path, array, r, &s);
  data_apply(r, array);
  if (c->simplex) data_check_simplex(run->arena, c, path, array);
}

void data_settle(Run *run, const char *const *path, Data *data) {
  Arena *a = run->arena;
  const Plan *plan = run->plan;
  bool decide = !run->reading;
  if (data->note && (decide || strcmp(path[0], plan->data.train[0]) != 0))
    say_line(stderr, "gmc: warning: %s", data->note);
  if (decide) run->reading = NEW_ARRAY(a, Reading, plan->columns);
  for (int c = 0; c < plan->columns; c++) {
    const char *file = path[c < plan->data.files ? c : plan->data.files - 1];
    Array *array = &data->column[c];
    if (array->examples == 0) fail(a, EXIT_DATA, "%s: holds no examples", printable(a, file));
    if (array->examples != data->column[0].examples)
      fail(a, EXIT_DATA, "%s: holds %" PRId64 " examples, but %s holds %" PRId64, printable(a, file), array->examples,
           printable(a, path[0]), data->column[0].examples);
    data_settle_column(run, c, file, array, decide);
  }
  data->examples = plan->columns ? data->column[0].examples : 0;
}

// What a column's examples are.
static const char *data_kind(Arena *a, const PlanColumn *c) {
  const char *what = c->classes ? "labels" : c->rank ? "examples" : "numbers";
  Text t = text_new(a);
  text_add(&t, "%s", what);
  if (c->principal)
    text_add(&t, " of [%" PRId64 "]", c->principal);
  else if (c->rank)
    text_add(&t, " of %s", stored_shape_text(a, c->rank, c->dim));
  if (c->classes) text_add(&t, ", %d classes", c->classes);
  return t.data;
}

// A column being summed up by the pool's threads.
enum { SAY_PIECES = 16 };
typedef struct {
  const Array *array;
  Summary part[SAY_PIECES];
} Saying;

static void data_say_piece(void *saying, int piece, int pieces) {
  Saying *s = saying;
  int64_t n = s->array->examples * s->array->count;
  s->part[piece] = data_summary(s->array, n * piece / pieces, n * (piece + 1) / pieces, -INFINITY, INFINITY);
}

static Summary data_sum_up(const Run *run, const Array *array) {
  Saying s = {.array = array};
  Summary all = data_summary_none();
  pool_run_apart(run->pool, data_say_piece, &s, SAY_PIECES);
  for (int i = 0; i < SAY_PIECES; i++) data_summary_add(&all, &s.part[i]);
  return all;
}

// How the column's values were made of what is stored.
static const char *data_way(Arena *a, const PlanColumn *c, const Reading *r) {
  enum { SHOWN = 8 };
  Text t = text_new(a);
  for (int i = 0; i < r->words && i < SHOWN; i++) text_add(&t, "%s%d is %s", i ? ", " : "", i, r->word[i]);
  if (r->words > SHOWN) text_add(&t, ", ... %d is %s", r->words - 1, r->word[r->words - 1]);
  if (r->words) return t.data;
  const char *way = c->lo == 0 && c->hi == 1 ? "levels / 255"
                                            : arena_format(a, "levels: 0 is %g, 255 is %g", (double)c->lo, (double)c->hi);
  if (!data_levels(r)) way = "as stored";
  if (!c->principal) return way;
  return arena_format(a, "%s, along %" PRId64 " principal axes of %s", way, c->principal, stored_shape_text(a, c->rank, c->dim));
}

// What is said of a column's holes; what stands in them is taken off *sum.
static const char *data_holes(Arena *a, const Array *array, double *sum, int64_t *count) {
  int64_t n = *count;
  for (int64_t i = 0; array->known && i < n; i++)
    if (!array->known[i]) *sum -= (double)array->value[i], --*count;
  return *count == n ? "" : arena_format(a, ", %" PRId64 " of %" PRId64 " missing", n - *count, n);
}

void data_say(const Run *run) {
  Arena *a = arena_open(run->arena);
  for (int i = 0; run->reading && i < run->plan->columns; i++) {
    const PlanColumn *c = &run->plan->column[i];
    const Reading *r = &run->reading[i];
    const Array *array = &run->train.column[i];
    Summary s = data_sum_up(run, array);
    double shift = (double)array->shift, scale = (double)array->scale;
    int64_t count = array->examples * array->count;
    const char *holes = data_holes(a, array, &s.sum, &count);
    say_line(stderr, "gmc: %s: %" PRId64 " + %" PRId64 " %s; %s, %s%s; %.4g to %.4g, mean %.4g", c->name,
             run->train.examples, run->test.examples, data_kind(a, c), array->stored, data_way(a, c, r), holes,
             scale * s.least + shift, scale * s.greatest + shift, scale * s.sum / (double)count + shift);
  }
  arena_close(a);
  for (int i = 0; i < run->plan->others; i++) data_say(run->other[i].run);
}
