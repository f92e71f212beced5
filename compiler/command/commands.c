// The commands that train nothing and need no run; see commands.h.
#include "command/commands.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "command/compilation.h"
#include "emit/emit.h"
#include "command/explain.h"
#include "command/folder.h"
#include "command/output.h"

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
static Model *one_model(Arena *a, const Options *o, const Config *c) {
  if (c->sweeps) {
    fail(a, EXIT_CONFIG, "%s: a sweep is for `gmc run` and `gmc check`; choose one model with --set %s=...",
         option_text(o, OPTION_CONFIG), c->sweep->name);
  }
  return compile_file(a, o->word[0], c);
}

// E0403, in any case.
static const char *as_code(Arena *a, const char *word) {
  if (strlen(word) != 5 || !strchr("EeWw", *word) || strspn(word + 1, "0123456789") != 4) return NULL;
  return arena_format(a, "%c%s", toupper((unsigned char)*word), word + 1);
}

// A file is named as one: with its .gm, or with a folder.
static bool is_file(const char *word) {
  size_t n = strlen(word);
  return strchr(word, '/') || (n > 3 && strcmp(word + n - 3, ".gm") == 0);
}

static void explain_code(Text *t, const char *code) {
  const char *text = diagnostic_explain(code);
  if (!text) fail(t->arena, EXIT_USAGE, "there is no diagnostic %s", code);
  text_add(t, "%s: %s\n", code, text);
}

static void explain_word(Text *t, const char *word) {
  Arena *a = t->arena;
  if (explain_name(t, word)) return;
  const char *near = explain_nearest(a, word), *shown = printable(a, word);
  const char *mend = near                      ? arena_format(a, "did you mean `%s`?", near)
                     : access(word, F_OK) == 0 ? arena_format(a, "the file is ./%s", shown)
                                               : "`gmc explain` lists all names";
  fail(a, EXIT_USAGE, "nothing in the library or the language is called `%s`; %s", shown, mend);
}

static void refuse_options(Arena *a, const Options *o) {
  for (OptionId id = 0; id < OPTIONS_END; id++) {
    if (option_given(o, id)) fail(a, EXIT_USAGE, "options of `gmc explain` are for a model: NAME.gm or ./NAME");
  }
}

int command_explain(Arena *a, const Options *o) {
  const char *word = o->words ? o->word[0] : NULL, *code = word ? as_code(a, word) : NULL;
  Text t = text_new(a);
  if (word && is_file(word)) {
    Model *m = one_model(a, o, compile_config(a, o));
    explain_model(&t, m, plan_model(a, m));
    print_text(&t);
    return EXIT_DONE;
  }
  refuse_options(a, o);
  if (!word)
    explain_names(&t);
  else if (code)
    explain_code(&t, code);
  else
    explain_word(&t, word);
  print_text(&t);
  return EXIT_DONE;
}

int command_emit(Arena *a, const Options *o) {
  const Config *c = compile_config(a, o);
  const Model *m = one_model(a, o, c);
  const char *path = option_text(o, OPTION_OUTPUT);
  if (path) output_check(a, o, path, emit_begins, "a program that gmc wrote");
  Text t = text_new(a);
  int kepts;
  const KeptText *kept = folder_texts(a, m, c, &kepts);
  emit_program(&t, m, plan_model(a, m), kept, kepts, o->line);
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
