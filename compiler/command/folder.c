// Run folders: the texts in them; see folder.h.
#include "command/folder.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

static const char *inside(Arena *a, const char *folder, const char *name) {
  return arena_format(a, "%s/%s", folder, name);
}

static bool is_origin(const Settings *s, const char *name) {
  for (int i = 0; i < s->count; i++) {
    if (strcmp(s->item[i].origin, name) == 0) return true;
  }
  return false;
}

// Was this text read from a file, rather than given as an option or a value of a run file?
static bool is_file(const SourceText *text, const Config *c) {
  if (text->library || text->made || (c->data && strcmp(c->data->origin, text->name) == 0)) return false;
  return !is_origin(&c->params, text->name) && !is_origin(&c->priors, text->name) && !is_origin(&c->train, text->name);
}

// The last part of a path in letters that no shell and no file system minds, ending in .gm and not yet a name of
// `taken`.
static const char *kept_name(Arena *a, const char *path, const Settings *taken) {
  const char *slash = strrchr(path, '/');
  char *name = arena_copy(a, slash ? slash + 1 : path);
  for (char *c = name; *c; c++) {
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("._-", *c);
    if (!plain || (c == name && *c == '.')) *c = '_';
  }
  const char *dot = strrchr(name, '.');
  if (!dot || strcmp(dot, ".gm") != 0) name = arena_format(a, "%s.gm", name);
  const char *unique = name;
  for (int i = 2; settings_get(taken, unique); i++) unique = arena_format(a, "%d-%s", i, name);
  return unique;
}

// Params that nobody set, as the model's file has them.
static void add_params(Arena *a, const Model *m, int file, Settings *params) {
  const char *text = sources_text(m->sources, file)->text;
  for (const Ast *item = parse_file(a, m->sources, file)->a; item; item = item->next) {
    if (item->kind != AST_PARAM || settings_get(params, item->name) || !model_has_param(m, item)) continue;
    Span value = item->a->span;
    settings_put(a, params, item->name, arena_slice(a, text + value.begin, value.end - value.begin), "");
  }
}

KeptText *folder_texts(Arena *a, const Model *m, const Config *c, int *count) {
  Config *kept = config_copy(a, c);
  kept->files = kept->train = (Settings){0};
  kept->seed = kept->threads = -1;
  kept->products = NULL;
  kept->out = NULL;  // whoever repeats the run wants it elsewhere
  Settings names = {0};
  KeptText *text = NEW_ARRAY(a, KeptText, sources_count(m->sources) + 1);
  int n = 0;
  for (int i = 0; i < sources_count(m->sources); i++) {
    const SourceText *source = sources_text(m->sources, i);
    if (!is_file(source, c)) continue;
    const char *name = strcmp(source->name, m->source) == 0 ? "model.gm" : kept_name(a, source->name, &names);
    settings_put(a, &names, name, "", "");
    text[n++] = (KeptText){name, source->text, source->name};
    add_params(a, m, i, &kept->params);
  }
  Text yaml = text_new(a);
  text_add(&yaml, "# A run of %s, written by gmc; `gmc run --resume` goes on with it.\n", m->name);
  config_print(&yaml, kept);
  text[n++] = (KeptText){"config.yaml", yaml.data, NULL};
  *count = n;
  return text;
}

Config *folder_config(Arena *a, const char *folder) {
  const char *path = inside(a, folder, "config.yaml");
  if (access(path, F_OK) != 0 && errno != EACCES)
    fail(a, EXIT_NOINPUT, "%s holds no run: there is no config.yaml", printable(a, folder));
  return config_read(a, path);
}

int folder_sources(Arena *a, Sources *s, const char *folder, const Config *c) {
  int model = -1;
  for (int i = 0; i < c->files.count; i++) {
    const Setting *f = &c->files.item[i];
    if (strchr(f->name, '/'))
      fail(a, EXIT_CONFIG, "%s: `%s` is no name of a file here", f->origin, printable(a, f->name));
    Sources *apart = sources_new(a);  // reads and checks it under the name that it has here
    const SourceText *text = sources_text(apart, sources_read(apart, inside(a, folder, f->name)));
    int file = sources_add(s, f->text, text->text, text->length, false);
    if (strcmp(f->name, "model.gm") == 0) model = file;
  }
  if (model < 0) fail(a, EXIT_CONFIG, "%s/config.yaml: `files` names no model.gm", printable(a, folder));
  return model;
}
