// Settings from run file and command line, and models elaborated with them; see compilation.h.
#include "command/compilation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/gemm.h"
#include "command/folder.h"
#include "command/sweep.h"

static size_t name_length(const char *text) {
  size_t n = 0;
  while (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", text[n]) && text[n]) n++;
  return n;
}

Setting compile_setting(Arena *a, const char *option, const char *text) {
  size_t n = name_length(text);
  if (n == 0 || text[n] != '=' || text[n + 1] == '\0') {
    fail(a, EXIT_USAGE, "--%s needs NAME=VALUE, not `%s`", option, printable(a, text));
  }
  const char *name = arena_slice(a, text, n);
  return (Setting){.name = name, .text = text + n + 1, .origin = arena_format(a, "--%s %s", option, name)};
}

// 'z ~ laplace(0, 1)'
static Setting prior_setting(Arena *a, const char *text) {
  size_t n = name_length(text), at = n;
  while (text[at] == ' ') at++;
  if (n == 0 || text[at] != '~' || text[at + 1] == '\0') {
    fail(a, EXIT_USAGE, "--prior needs 'NAME ~ DISTRIBUTION', not `%s`", printable(a, text));
  }
  const char *name = arena_slice(a, text, n);
  const char *value = text + at + 1 + strspn(text + at + 1, " ");
  return (Setting){.name = name, .text = value, .origin = arena_format(a, "--prior %s", name)};
}

static void put(Arena *a, Settings *s, Setting one) { settings_put(a, s, one.name, one.text, one.origin); }

static void put_train(Arena *a, Config *c, const Options *o, OptionId id, const char *name) {
  if (option_given(o, id)) settings_put(a, &c->train, name, option_text(o, id), arena_format(a, "--%s", name));
}

// A param that is set is not swept.
static void put_param(Arena *a, Config *c, Setting one) {
  put(a, &c->params, one);
  int kept = 0;
  for (int i = 0; i < c->sweeps; i++) {
    if (strcmp(c->sweep[i].name, one.name) != 0) c->sweep[kept++] = c->sweep[i];
  }
  c->sweeps = kept;
}

static void put_products(Arena *a, Config *c, const char *word) {
  bool known = !word;
  for (int i = 0; i < PRODUCTS_WORDS && !known; i++) known = strcmp(word, products_word[i]) == 0;
  if (!known)
    fail(a, EXIT_USAGE, "--products is %s, not `%s`", words_text(a, PRODUCTS_WORDS, products_word), printable(a, word));
  if (word) c->products = word;
}

void compile_overlay(Arena *a, Config *c, const Options *o) {
  for (int i = 0; i < o->value[OPTION_SET].count; i++) {
    put_param(a, c, compile_setting(a, "set", o->value[OPTION_SET].text[i]));
  }
  for (int i = 0; i < o->value[OPTION_PRIOR].count; i++) {
    put(a, &c->priors, prior_setting(a, o->value[OPTION_PRIOR].text[i]));
  }
  if (option_given(o, OPTION_DATA)) {
    Setting *data = NEW(a, Setting);
    *data = (Setting){.name = "data", .text = option_text(o, OPTION_DATA), .origin = "--data"};
    c->data = data;
  }
  put_train(a, c, o, OPTION_EPOCHS, "epochs");
  put_train(a, c, o, OPTION_BATCH, "batch");
  put_train(a, c, o, OPTION_SHARDS, "shards");
  c->seed = option_number(o, OPTION_SEED, c->seed);
  c->threads = option_number(o, OPTION_THREADS, c->threads);
  if (option_given(o, OPTION_OUT)) c->out = option_text(o, OPTION_OUT);
  put_products(a, c, option_text(o, OPTION_PRODUCTS));
}

Config *compile_config(Arena *a, const Options *o) {
  const char *path = option_text(o, OPTION_CONFIG);
  Config *c = path ? config_read(a, path) : config_new(a);
  compile_overlay(a, c, o);
  return c;
}

static Overrides overrides(Arena *a, const Config *c) {
  Settings *prior = NEW(a, Settings);
  for (int i = 0; i < c->priors.count; i++) {
    const Setting *p = &c->priors.item[i];
    settings_put(a, prior, p->name, arena_format(a, "%s ~ %s", p->name, p->text), p->origin);
  }
  return (Overrides){.param = c->params.item,
                     .params = c->params.count,
                     .prior = prior->item,
                     .priors = prior->count,
                     .data = c->data,
                     .train = c->train.item,
                     .trains = c->train.count};
}

bool colours_wanted(int stream) {
  const char *plain = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(stream) && !(plain && *plain) && term && strcmp(term, "dumb") != 0;
}

void compile_diagnostics(Sources *s) {
  diagnostics_print(s, stderr, colours_wanted(STDERR_FILENO));
  diagnostics_stop(s);
}

Products compile_products(const char *word, bool known) {
  if (!word || strcmp(word, "auto") == 0) return known ? PRODUCTS_OWN : PRODUCTS_OPENBLAS;
  return strcmp(word, "own") == 0 ? PRODUCTS_OWN : PRODUCTS_OPENBLAS;
}

static Model *compile(Arena *a, Sources *s, int file, const Config *c, bool kept) {
  Overrides *o = NEW(a, Overrides);
  *o = overrides(a, c);
  o->kept = kept;
  Model *m = elaborate(a, s, file, o);
  compile_diagnostics(s);
  if (!m) fail(a, EXIT_SOFTWARE, "%s was not elaborated, and nobody said why", sources_text(s, file)->name);
  if (c->seed >= 0) m->seed = (uint32_t)c->seed;
  m->products = compile_products(c->products, gemm_knows_processor());
  return m;
}

// A model that is not there may be one that came with gmc.
static void check_model(Arena *a, const char *path) {
  const char *shipped = access(path, F_OK) == 0 ? NULL : shipped_file(a, path);
  if (shipped) fail(a, EXIT_NOINPUT, "%s: there is no such file; did you mean %s?", printable(a, path), shipped);
}

Model *compile_file(Arena *a, const char *path, const Config *c) {
  Sources *s = sources_new(a);
  check_model(a, path);
  return compile(a, s, sources_read(s, path), c, false);
}

Model *compile_folder(Arena *a, const char *folder, const Config *c) {
  Sources *s = sources_new(a);
  return compile(a, s, folder_sources(a, s, folder, c), c, true);
}

void compile_all(Arena *a, const char *path, const Config *c) {
  int runs = sweep_count(a, c);
  for (int i = 0; i < runs; i++) {
    Arena *one = arena_open(a);
    const char *name;
    compile_file(one, path, sweep_config(one, c, i, &name));
    arena_close(one);
  }
}
