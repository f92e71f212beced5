// Instructions as steps: several of + - * / and roots become one step where only the last result is read, which saves
// the others' way through memory; then scratch tiles are given out again, since operands now live until that last
// operation. Invariant: every operation is still done, rounded and all, so no bit changes.
#include "engine/kernel_pieces.h"
#include "engine/region_body.h"

typedef struct {
  RegionCode *code;
  const Region *r;
  RegionValue *value;
  int first;  // value of the first instruction
} Steps;

// ---- numbers

static void find_numbers(Steps *t) {
  for (int i = 0; i < t->r->instrs; i++) {
    RegionValue *v = &t->value[t->first + i];
    v->number = v->constant = true;
    for (int k = 0; k < scalar_row[t->r->instr[i].op].arity; k++) {
      v->number = v->number && t->value[t->r->instr[i].in[k]].number;
      v->constant = v->constant && t->value[t->r->instr[i].in[k]].constant;
    }
    t->code->place[i] = v->number ? t->code->slots++ : -1;
  }
}

// ---- chains

static const Instr *instr_of(const Steps *t, int value) { return &t->r->instr[value - t->first]; }

static int link_of(const Steps *t, int value) {
  switch (value < t->first ? -1 : instr_of(t, value)->op) {
    case SCALAR_ADD: return LINK_ADD;
    case SCALAR_SUB: return LINK_SUB;
    case SCALAR_MUL: return LINK_MUL;
    case SCALAR_DIV: return LINK_DIV;
    case SCALAR_SQRT: return LINK_SQRT;
    default: return -1;
  }
}

static LinkOp turned(LinkOp link) { return link == LINK_SUB ? LINK_BUS : link == LINK_DIV ? LINK_VID : link; }

// Whether the value can be computed within the step that reads it.
static bool can_join(const Steps *t, int value) {
  const RegionValue *v = &t->value[value];
  return link_of(t, value) >= 0 && !v->number && !v->stored && v->uses == 1;
}

// Whether it can, and what it is computed from can be computed within it in turn: a root begins a chain.
static bool can_hold(const Steps *t, int value) { return can_join(t, value) && link_of(t, value) != LINK_SQRT; }

// The second operand of a link, or the first again for a root, which has none.
static int second_of(const Steps *t, int value) {
  return instr_of(t, value)->in[link_of(t, value) == LINK_SQRT ? 0 : 1];
}

// The step of value `out` when one of its operands is computed within it, and perhaps one of that one's in turn. Where
// the operand comes second, the operation turns around.
static Step step_pair(const Steps *t, int out) {
  const int16_t *in = instr_of(t, out)->in;
  LinkOp z = (LinkOp)link_of(t, out);
  int inner = in[0], other = in[1];
  if (!can_join(t, inner)) inner = in[1], other = in[0], z = turned(z);
  const int16_t *two = instr_of(t, inner)->in;
  LinkOp y = (LinkOp)link_of(t, inner);
  int deep = two[0], beside = second_of(t, inner);
  if (!can_join(t, deep)) deep = beside, beside = two[0], y = turned(y);
  if (!can_hold(t, inner) || !can_join(t, deep))
    return (Step){.loop = region_pair((LinkOp)link_of(t, inner), z),
                  .outs = 1,
                  .out = {out},
                  .ins = 4,
                  .in = {two[0], second_of(t, inner), other, other}};
  Loop *loop = region_chain((LinkOp)link_of(t, deep), y, z);
  return (Step){.loop = loop,
                .outs = 1,
                .out = {out},
                .ins = 4,
                .in = {instr_of(t, deep)->in[0], second_of(t, deep), beside, other}};
}

static Step step_join(const Steps *t, int out) {
  const int16_t *in = instr_of(t, out)->in, *a = instr_of(t, in[0])->in, *b = instr_of(t, in[1])->in;
  Loop *loop = region_join((LinkOp)link_of(t, in[0]), (LinkOp)link_of(t, in[1]), (LinkOp)link_of(t, out));
  return (Step){.loop = loop, .outs = 1, .out = {out}, .ins = 4, .in = {a[0], second_of(t, in[0]), b[0], b[1]}};
}

static Step step_single(const Steps *t, int out) {
  const Instr *i = instr_of(t, out);
  Step s = {.loop = region_loop((ScalarOp)i->op), .outs = 1, .out = {out}, .ins = 4, .number = t->value[out].number};
  for (int k = 0; k < 4; k++) s.in[k] = i->in[k < scalar_row[i->op].arity ? k : 0];
  return s;
}

static Step step_of(const Steps *t, int out) {
  int link = link_of(t, out);
  if (link < 0 || link == LINK_SQRT || t->value[out].number) return step_single(t, out);
  const int16_t *in = instr_of(t, out)->in;
  if (can_join(t, in[0]) && can_hold(t, in[1])) return step_join(t, out);
  return can_join(t, in[0]) || can_join(t, in[1]) ? step_pair(t, out) : step_single(t, out);
}

// Marks what a step reads as read, so that what nobody reads by itself gets no step.
static void need_operands(const Steps *t, const Step *s, bool *needed) {
  for (int k = 0; k < s->ins; k++)
    if (s->in[k] >= t->first) needed[s->in[k] - t->first] = true;
}

static void add_step(Steps *t, Step s) {
  RegionCode *code = t->code;
  for (int k = 0; k < s.ins; k++) s.step[k] = s.number || t->value[s.in[k]].number ? 0 : LANES;
  bool first = t->value[s.out[0]].constant;
  for (int k = 0; k < s.outs; k++) t->value[s.out[k]].step = first ? -1 : code->steps;
  for (int k = 0; k < s.ins && !first; k++) t->value[s.in[k]].last = code->steps;
  if (first)
    code->first[code->firsts++] = s;
  else
    code->step[code->steps++] = s;
}

void region_steps(Arena *a, RegionCode *code, const Region *r, RegionValue *value) {
  Steps t = {code, r, value, r->loads + r->constants};
  bool needed[REGION_VALUES] = {false};
  Step body;
  code->firsts = code->steps = 0;
  find_numbers(&t);
  code->body = region_body(a, r, value, &body);
  if (body.loop) need_operands(&t, &body, needed);
  for (int i = 0; i < r->stores; i++)
    if (r->store[i].value >= t.first) needed[r->store[i].value - t.first] = true;
  for (int i = r->instrs - 1; i >= 0; i--) {
    if (!needed[i] || (body.loop && !value[t.first + i].number)) continue;
    Step s = step_of(&t, t.first + i);
    need_operands(&t, &s, needed);
  }
  for (int i = 0; i < r->instrs; i++)
    if (needed[i] && (!body.loop || value[t.first + i].number)) add_step(&t, step_of(&t, t.first + i));
  if (body.loop) add_step(&t, body);
}

// ---- tiles

static bool written_directly(const RegionCode *code, int value) {
  for (int i = 0; i < code->stores; i++)
    if (code->store[i].direct && code->store[i].value == value) return true;
  return false;
}

void region_tiles(RegionCode *code, const Region *r, const RegionValue *value) {
  int first = r->loads + r->constants, begin = code->tiles, owner[REGION_VALUES];
  for (int s = 0; s < code->steps; s++) {
    for (int k = 0; k < code->step[s].outs; k++) {
      int out = code->step[s].out[k], tile = begin;
      if (value[out].number || written_directly(code, out)) continue;
      while (tile < code->tiles && (value[owner[tile - begin]].stored || value[owner[tile - begin]].last > s)) tile++;
      if (tile == code->tiles) code->tiles++;
      owner[tile - begin] = out;
      code->place[out - first] = tile;
    }
  }
}
