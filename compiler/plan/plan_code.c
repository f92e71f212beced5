// Codes: what kernels compute, without where. Kernels that do the same to the same strides are of one code, whichever
// programs they belong to and however many rows they do.
//
// Stands between placement and the tables of the plan. A network's layer is one code, for training, measuring and shows
// alike; an optimiser's update is one for all weights of the kind. The dump prints a code where it is first used, the
// emitter one function for it.
#include <string.h>

#include "plan/planner.h"

// All that makes a code what it is, as a list of numbers.
typedef struct {
  Arena *arena;
  int64_t *number;
  int count, room;
} Key;

static void put(Key *k, int64_t number) {
  GROW(k->arena, k->number, k->count, &k->room);
  k->number[k->count++] = number;
}

static void put_instr(Key *k, const Instr *instr) {
  put(k, instr->op);
  for (int i = 0; i < scalar_row[instr->op].arity; i++) put(k, instr->in[i]);
}

// The leading axis has any number of rows, but that one row is told apart from several, for it has no stride; and that
// the length of a single row of lanes is part of the text.
static void put_region(Key *key, const Kernel *kernel) {
  const Region *r = &kernel->region;
  bool row = r->rank == 1 && r->reduce == 0;
  put(key, r->rank), put(key, r->reduce), put(key, r->loads), put(key, r->constants), put(key, r->instrs);
  put(key, row || r->dim[0] == 1 ? r->dim[0] : 0);
  for (int i = 1; i < r->rank; i++) put(key, r->dim[i]);
  for (int i = 0; i < r->constants; i++) {
    uint32_t bits;
    memcpy(&bits, &r->constant[i], sizeof bits);
    put(key, bits);
  }
  for (int i = 0; i < r->instrs; i++) put_instr(key, &r->instr[i]);
  for (int i = 0; i < r->stores; i++) put(key, r->store[i].value), put(key, (int64_t)r->store[i].kind);
  for (int i = 0; i < kernel->operands; i++)
    for (int axis = 0; axis < r->rank; axis++) put(key, kernel->operand[i].view.stride[axis]);
}

static void put_row(Key *key, const Kernel *kernel) {
  const KernelRow *row = &kernel_row[kernel->kind];
  int lead = kernel_lead(row, kernel->number);
  put(key, lead);
  for (int i = 0; i < row->numbers; i++) put(key, i == lead || row->choice[i] ? 0 : kernel->number[i]);
}

static Key key_of(Arena *a, const Kernel *k) {
  Key key = {.arena = a};
  put(&key, (int64_t)k->kind), put(&key, k->by_blas), put(&key, k->operands);
  if (k->kind == KERNEL_REGION)
    put_region(&key, k);
  else
    put_row(&key, k);
  return key;
}

static bool key_equal(const Key *x, const Key *y) {
  return x->count == y->count && memcmp(x->number, y->number, (size_t)x->count * sizeof *x->number) == 0;
}

bool code_alike(Arena *a, const Kernel *x, const Kernel *y) {
  if (x->kind == KERNEL_LOOP || y->kind == KERNEL_LOOP) return false;
  Key first = key_of(a, x), second = key_of(a, y);
  return key_equal(&first, &second);
}

static uint64_t key_hash(const Key *k) {
  uint64_t h = 0;
  for (int i = 0; i < k->count; i++) {
    h = (h ^ (uint64_t)k->number[i]) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}

// ---- the list

typedef struct Entry {
  Key key;
  int code;
  struct Entry *next;
} Entry;

enum { SLOTS = 1024 };

struct Codes {
  Arena *arena, *scratch;
  Code *code;
  int count, room;
  Entry *slot[SLOTS];
};

Codes *codes_new(Arena *a, Arena *scratch) {
  Codes *c = NEW(scratch, Codes);
  *c = (Codes){.arena = a, .scratch = scratch};
  return c;
}

static int code_of(Codes *c, const Kernel *k) {
  Key key = key_of(c->scratch, k);
  Entry **slot = &c->slot[key_hash(&key) % SLOTS];
  for (const Entry *e = *slot; e; e = e->next)
    if (key_equal(&e->key, &key)) return e->code;
  Entry *e = NEW(c->scratch, Entry);
  *e = (Entry){key, c->count, *slot};
  *slot = e;
  GROW(c->arena, c->code, c->count, &c->room);
  c->code[c->count] = (Code){.kernel = k, .meeting = NEW_ARRAY(c->arena, uint8_t, k->operands * k->operands + 1)};
  return c->count++;
}

// Takes over what the code has chosen. Pieces that become narrow by it are fewer.
static void choose_alike(Codes *c, Kernel *k, const Kernel *first) {
  enum { NARROW = 3 };  // grains
  const KernelRow *row = &kernel_row[k->kind];
  int64_t *number = NEW_ARRAY(c->arena, int64_t, row->numbers + 1);
  bool same = true;
  for (int i = 0; i < row->numbers; i++) {
    number[i] = row->choice[i] ? first->number[i] : k->number[i];
    same = same && number[i] == k->number[i];
  }
  if (same) return;
  k->number = number;
  const KernelSizes size = row->sizes(number);
  while (k->pieces > 1 && size.cut / k->pieces < NARROW * size.grain) k->pieces /= 2;
}

// Which operands of the kernel begin at one place, for all kernels of the code so far.
static void note_meetings(Code *code, const Kernel *k) {
  for (int i = 0; i < k->operands; i++)
    for (int j = 0; j < k->operands; j++) {
      const Operand *x = &k->operand[i], *y = &k->operand[j];
      bool now = x->view.at == y->view.at && memcmp(x->step, y->step, sizeof x->step) == 0;
      uint8_t *met = &code->meeting[i * k->operands + j];
      if (code->kernels == 0)
        *met = now ? MEET_ALWAYS : MEET_NEVER;
      else if ((*met == MEET_ALWAYS) != now && *met != MEET_SOMETIMES)
        *met = MEET_SOMETIMES;
    }
}

void codes_add(Codes *c, Kernel *kernel, int kernels) {
  for (int i = 0; i < kernels; i++) {
    Kernel *k = &kernel[i];
    if (k->kind == KERNEL_LOOP) {
      codes_add(c, k->loop.kernel, k->loop.kernels);
      continue;
    }
    k->code = code_of(c, k);
    Code *code = &c->code[k->code];
    choose_alike(c, k, code->kernel);
    note_meetings(code, k);
    if (kernel_blocks(k) > kernel_blocks(code->kernel)) code->kernel = k;
    if (k->pieces > code->pieces) code->pieces = k->pieces;
    code->kernels++;
  }
}

void codes_end(Codes *c, Plan *plan) {
  plan->code = c->code;
  plan->codes = c->count;
}
