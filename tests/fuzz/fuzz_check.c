// Texts as models: parsed, elaborated and, when they hold no mistake, explained and planned. What is said is printable,
// there is a message if and only if there is no model, and nothing of it is a bug of gmc's own.
//
// No file is read: a text that uses others is left out, and a data source is opened by the runtime only.
#include <stdint.h>
#include <string.h>

#include "explain.h"
#include "graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 8192 };

static bool uses_files(Arena *a, const char *text, size_t size) {
  Sources *s = sources_new(a);
  for (const Ast *i = parse_file(a, s, sources_add(s, "fuzz.gm", text, size, false))->a; i; i = i->next) {
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
  for (int i = 0; i < m->programs; i++) graph_verify(&m->program[i].graph);
  explain_model(&out, m, plan_model(a, m));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > LONGEST || memchr(data, 0, size)) return -1;
  Arena *a = arena_open(NULL);
  if (!a) return -1;
  volatile int taken = -1;
  if (ARENA_TRY(a) == 0) {
    const char *text = arena_slice(a, (const char *)data, size);
    if (!uses_files(a, text, size)) {
      check_model(a, text, size);
      taken = 0;
    }
  } else if (a->code != EXIT_DATA && a->code != EXIT_MEMORY) {
    __builtin_trap();
  } else {
    taken = 0;
  }
  arena_close(a);
  return taken;
}
