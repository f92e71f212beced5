// Texts as models: parsed, elaborated and, when they hold no mistake, explained and planned. What is said is printable,
// there is a message if and only if there is no model, and nothing of it is a bug of gmc's own.
//
// Half of the mutations put a part of one syntax tree in the place of another, so that most of what is tried still
// parses. No file is read: a text that uses others is left out, and a data source is opened by the runtime only.
#include <stdint.h>
#include <string.h>

#include "command/explain.h"
#include "graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size,
                                 uint8_t *out, size_t room, unsigned int seed);

enum { LONGEST = 8192, PARTS = 2048, LARGEST = 4000 };  // bytes; nodes of a syntax tree; nodes of a graph to plan

// ---- checking

static const Ast *parse(Arena *a, const char *text, size_t size) {
  Sources *s = sources_new(a);
  return parse_file(a, s, sources_add(s, "fuzz.gm", text, size, false));
}

static bool uses_files(const Ast *file) {
  for (const Ast *i = file->a; i; i = i->next) {
    if (i->kind == AST_USE) return true;
  }
  return false;
}

static void check_text(const char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < ' ' && *text != '\n') __builtin_trap();
  }
}

static void check_model(Arena *a, const char *text, size_t size) {
  Sources *s = sources_new(a);
  const Model *m = elaborate(a, s, sources_add(s, "fuzz.gm", text, size, false), NULL);
  Text out = text_new(a);
  diagnostics_text(s, &out);
  check_text(out.data);
  if (!m != (diagnostics_errors(s) > 0)) __builtin_trap();
  if (!m) return;
  int largest = 0;
  for (int i = 0; i < m->programs; i++) {
    graph_verify(&m->program[i].graph);
    if (m->program[i].graph.graph->count > largest) largest = m->program[i].graph.graph->count;
  }
  if (largest <= LARGEST) explain_model(&out, m, plan_model(a, m));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > LONGEST || memchr(data, 0, size)) return -1;
  Arena *a = arena_open(NULL);
  volatile int kept = -1;
  if (a && ARENA_TRY(a) == 0) {
    const char *text = arena_slice(a, (const char *)data, size);
    if (!uses_files(parse(a, text, size))) {
      check_model(a, text, size);
      kept = 0;
    }
  } else if (a && a->code != EXIT_DATA) {
    __builtin_trap();
  }
  arena_close(a);
  return kept;
}

// ---- mutating

typedef struct {
  const Ast *part[PARTS];
  int count;
} Parts;

static void collect(Parts *p, const Ast *node) {
  for (; node && p->count < PARTS; node = node->next) {
    if (node->span.end > node->span.begin) p->part[p->count++] = node;
    collect(p, node->a);
    collect(p, node->b);
    collect(p, node->c);
  }
}

static Parts *parts_of(Arena *a, const uint8_t *data, size_t size) {
  Parts *p = NEW(a, Parts);
  collect(p, parse(a, arena_slice(a, (const char *)data, size), size));
  return p;
}

static uint32_t draw_number(uint64_t *state, int below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33) % (uint32_t)below;
}

// One part of `into` becomes one of `from`, mostly of its own kind. Returns the length in `out`, or 0.
static size_t transplant(const uint8_t *into, size_t size, const Parts *places, const uint8_t *from,
                         const Parts *donors, uint8_t *out, size_t room, uint64_t seed) {
  if (!places->count || !donors->count) return 0;
  const Ast *place = places->part[draw_number(&seed, places->count)];
  const Ast *donor = donors->part[draw_number(&seed, donors->count)];
  for (int i = 0; i < 20 && donor->kind != place->kind; i++) donor = donors->part[draw_number(&seed, donors->count)];
  size_t middle = donor->span.end - donor->span.begin, begin = place->span.begin, end = place->span.end;
  if (begin + middle + size - end > room) return 0;
  memcpy(out, into, begin);
  memcpy(out + begin, from + donor->span.begin, middle);
  memcpy(out + begin + middle, into + end, size - end);
  return begin + middle + size - end;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size,
                                 uint8_t *out, size_t room, unsigned int seed) {
  Arena *a = arena_open(NULL);
  size_t size = 0;
  if (a && ARENA_TRY(a) == 0)
    size = transplant(first, first_size, parts_of(a, first, first_size), second, parts_of(a, second, second_size), out,
                      room, seed);
  arena_close(a);
  return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed) {
  uint8_t mutant[LONGEST];
  if (seed % 2 || size > LONGEST) return LLVMFuzzerMutate(data, size, room);
  size_t length = LLVMFuzzerCustomCrossOver(data, size, data, size, mutant, room < LONGEST ? room : LONGEST, seed);
  if (length == 0) return LLVMFuzzerMutate(data, size, room);
  memcpy(data, mutant, length);
  return length;
}
