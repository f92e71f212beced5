// The commands that train nothing and need no run; see commands.h.
#include "commands.h"

#include <string.h>

#include "../runtime/file.h"
#include "compile.h"
#include "emit.h"
#include "explain.h"

static const char gmc_version[] = "0.1.0";

static void print_text(const Text *t) { fwrite(t->data, 1, t->length, stdout); }

static int check_one(Arena *parent, const Options *o, const char *path) {
  Arena *a = arena_open(parent);
  volatile int code = EXIT_DONE;
  if (ARENA_TRY(a) == 0) {
    compile_all(a, path, compile_config(a, o));
  } else {
    code = a->code == EXIT_DATA ? EXIT_NUMBERS : a->code;
  }
  arena_close(a);
  return code;
}

// All files, whatever is wrong with some; the first failure is the answer.
int command_check(Arena *a, const Options *o) {
  int code = EXIT_DONE;
  for (int i = 0; i < o->words; i++) {
    int one = check_one(a, o, o->word[i]);
    if (code == EXIT_DONE) code = one;
  }
  return code;
}

// explain and emit are about one model.
static Model *one_model(Arena *a, const Options *o) {
  Config *c = compile_config(a, o);
  if (c->sweeps) {
    fail(a, EXIT_CONFIG, "%s: a sweep is for `gmc run` and `gmc check`; choose one model with --set %s=...",
         option_text(o, OPTION_CONFIG), c->sweep->name);
  }
  return compile_file(a, o->word[0], c);
}

static bool is_code(const char *word) {
  return strlen(word) == 5 && (*word == 'E' || *word == 'W') && strspn(word + 1, "0123456789") == 4;
}

int command_explain(Arena *a, const Options *o) {
  const char *word = o->word[0];
  if (is_code(word)) {
    const char *text = diagnostic_explain(word);
    if (!text) fail(a, EXIT_USAGE, "there is no diagnostic %s", word);
    printf("%s: %s\n", word, text);
    return EXIT_DONE;
  }
  Model *m = one_model(a, o);
  Text t = text_new(a);
  explain_model(&t, m, plan_model(a, m));
  print_text(&t);
  return EXIT_DONE;
}

int command_emit(Arena *a, const Options *o) {
  Model *m = one_model(a, o);
  const char *path = option_text(o, OPTION_OUTPUT);
  Text t = text_new(a);
  emit_program(&t, m, plan_model(a, m), o->line);
  if (path) {
    file_replace(a, path, t.data, t.length);
  } else {
    print_text(&t);
  }
  return EXIT_DONE;
}

int command_help(Arena *a, const Options *o) {
  Text t = text_new(a);
  options_help(&t, o->words ? o->word[0] : NULL);
  print_text(&t);
  return EXIT_DONE;
}

int command_version(Arena *a, const Options *o) {
  (void)a, (void)o;
  printf("gmc %s\n", gmc_version);
  return EXIT_DONE;
}
