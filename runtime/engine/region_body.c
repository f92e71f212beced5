// Finds the loop of a region that was compiled ahead; see region_body.h.
#include "engine/region_body.h"

#include <string.h>

#include "engine/kernel_pieces.h"

typedef struct {
  const Region *r;
  const RegionValue *value;
  int first;                           // value of the first instruction
  int array[REGION_OPERANDS], arrays;  // values, in order of first use
  int number[REGION_OPERANDS], numbers;
  bool full;
} Body;

// The place of a value in a list, at whose end it is put if it is new there.
static int place_of(Body *b, int *list, int *length, int value) {
  int at = 0;
  while (at < *length && list[at] != value) at++;
  if (at == REGION_OPERANDS) {
    b->full = true;
    return 0;
  }
  if (at == *length) list[(*length)++] = value;
  return at;
}

static void add_operand(Text *t, Body *b, const int *result, int value) {
  if (b->value[value].number)
    text_add(t, "n%d", place_of(b, b->number, &b->numbers, value));
  else if (value < b->first)
    text_add(t, "a%d", place_of(b, b->array, &b->arrays, value));
  else
    text_add(t, "v%d", result[value - b->first]);
}

static int add_results(Text *t, Body *b, int *result) {
  int results = 0;
  for (int i = 0; i < b->r->instrs; i++) {
    const Instr *instr = &b->r->instr[i];
    if (b->value[b->first + i].number) continue;
    result[i] = results++;
    text_add(t, "const float v%d = op_%s(", result[i], scalar_row[instr->op].id);
    for (int k = 0; k < scalar_row[instr->op].arity; k++) {
      if (k) text_add(t, ", ");
      add_operand(t, b, result, instr->in[k]);
    }
    text_add(t, "); ");
  }
  return results;
}

static void add_stored(Text *t, Body *b, const int *result, Step *step) {
  for (int i = 0; i < b->r->stores && step->outs <= REGION_RESULTS; i++) {
    int value = b->r->store[i].value;
    bool known = value < b->first || b->value[value].number;
    for (int k = 0; k < step->outs; k++) known = known || step->out[k] == value;
    if (known) continue;
    if (step->outs == REGION_RESULTS) {
      b->full = true;
      return;
    }
    text_add(t, "y%d[l] = v%d; ", step->outs, result[value - b->first]);
    step->out[step->outs++] = value;
  }
}

static Loop *loop_of(const char *text) {
  for (const RegionBody *b = region_bodies; b->text; b++)
    if (strcmp(b->text, text) == 0) return b->loop;
  return NULL;
}

const char *region_body(Arena *a, const Region *r, const RegionValue *value, Step *step) {
  Body b = {.r = r, .value = value, .first = r->loads + r->constants};
  Text t = text_new(a);
  int result[REGION_BODY];
  *step = (Step){.loop = NULL};
  if (r->instrs > REGION_BODY || add_results(&t, &b, result) < 2) return NULL;
  add_stored(&t, &b, result, step);
  if (b.full || b.arrays + b.numbers > REGION_OPERANDS || step->outs == 0) return NULL;
  for (int i = 0; i < b.arrays; i++) step->in[step->ins++] = b.array[i];
  for (int i = 0; i < b.numbers; i++) step->in[step->ins++] = b.number[i];
  step->loop = loop_of(t.data);
  return t.data;
}
