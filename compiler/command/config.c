// Reads run files with libyaml's events, and prints them.
//
// The shape of a run file is fixed and three levels deep, so each level is one loop over keys and whatever does not
// belong there is refused when its event arrives; depth needs no limit of its own.
#include "command/config.h"

#include <string.h>
#include <yaml.h>

#include "command/options.h"  // number_read

enum { MANY_SETTINGS = 256, MANY_SWEEPS = 16, LONG_NAME = 200 };  // YAML takes keys of up to 1024 bytes, escaped

typedef struct {
  Arena *arena;
  const char *path;
  yaml_parser_t parser;
  yaml_event_t event;  // the one that is looked at
  bool has_event;
  Config *config;
} Reader;

// A key of the file: where its value lies in Config, and how it is read and printed.
typedef struct Key {
  const char *name;
  void (*read)(Reader *r, const struct Key *key, void *field);
  void (*print)(Text *t, const struct Key *key, const Config *c, const void *field);
  size_t field;
  int64_t most;              // of a number
  const char *const *known;  // names that a mapping may hold, NULL: any; words that a value may be
  int knowns;
} Key;

void settings_put(Arena *a, Settings *s, const char *name, const char *text, const char *origin) {
  int i = 0;
  while (i < s->count && strcmp(s->item[i].name, name) != 0) i++;
  GROW(a, s->item, s->count, &s->room);
  if (i == s->count) s->count++;
  s->item[i] = (Setting){.name = name, .text = text, .origin = origin};
}

const char *words_text(Arena *a, int n, const char *const *word) {
  Text t = text_new(a);
  for (int i = 0; i < n; i++) text_add(&t, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", word[i]);
  return t.data;
}

const char *settings_get(const Settings *s, const char *name) {
  for (int i = 0; i < s->count; i++) {
    if (strcmp(s->item[i].name, name) == 0) return s->item[i].text;
  }
  return NULL;
}

Config *config_new(Arena *a) {
  Config *c = NEW(a, Config);
  c->seed = c->threads = -1;
  return c;
}

static Settings settings_copy(Arena *a, const Settings *s) {
  Settings copy = {0};
  for (int i = 0; i < s->count; i++) settings_put(a, &copy, s->item[i].name, s->item[i].text, s->item[i].origin);
  return copy;
}

Config *config_copy(Arena *a, const Config *c) {
  Config *copy = NEW(a, Config);
  *copy = *c;
  copy->params = settings_copy(a, &c->params);
  copy->train = settings_copy(a, &c->train);
  copy->sweeps = 0;
  return copy;
}

// events

static int event_line(const Reader *r) { return (int)r->event.start_mark.line + 1; }

static const char *event_origin(const Reader *r) { return arena_format(r->arena, "%s:%d", r->path, event_line(r)); }

static _Noreturn void refuse(const Reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
static _Noreturn void refuse(const Reader *r, const char *format, ...) {
  va_list list;
  va_start(list, format);
  const char *message = arena_vformat(r->arena, format, list);
  va_end(list);
  fail(r->arena, EXIT_CONFIG, "%s: %s", event_origin(r), message);
}

static void drop_event(Reader *r) {
  if (r->has_event) yaml_event_delete(&r->event);
  r->has_event = false;
}

static void reader_close(void *what) {
  Reader *r = what;
  drop_event(r);
  yaml_parser_delete(&r->parser);
}

static yaml_event_type_t next_event(Reader *r) {
  drop_event(r);
  if (!yaml_parser_parse(&r->parser, &r->event)) {
    if (r->parser.error == YAML_MEMORY_ERROR) fail(r->arena, EXIT_MEMORY, "out of memory reading %s", r->path);
    fail(r->arena, EXIT_CONFIG, "%s:%d: %s", r->path, (int)r->parser.problem_mark.line + 1, r->parser.problem);
  }
  r->has_event = true;
  return r->event.type;
}

static void refuse_anchor(const Reader *r, const void *anchor, const void *tag) {
  if (anchor || tag) refuse(r, "anchors and tags are not used here");
}

static const char *scalar_text(const Reader *r) {
  if (r->event.type == YAML_ALIAS_EVENT) refuse(r, "aliases are not used here");
  if (r->event.type != YAML_SCALAR_EVENT) refuse(r, "a single value belongs here");
  refuse_anchor(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
  size_t length = r->event.data.scalar.length;
  const char *text = (const char *)r->event.data.scalar.value;
  if (strlen(text) != length) refuse(r, "a value may not hold a zero byte");
  return arena_slice(r->arena, text, length);
}

// In { } a comma ends a value that is not quoted: `{z: laplace(0, 1)}` reads as `laplace(0` and `1)`.
static void check_brackets(const Reader *r, const char *text) {
  int depth = 0;
  if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return;
  for (const char *c = text; *c; c++) depth += (strchr("([{", *c) != NULL) - (strchr(")]}", *c) != NULL);
  if (depth != 0) {
    refuse(r, "`%s` has a bracket without its partner; inside { } or [ ], quote an expression that holds a comma",
           printable(r->arena, text));
  }
}

static const char *read_expression(Reader *r, const char *name) {
  next_event(r);
  const char *text = scalar_text(r);
  if (*text == '\0') refuse(r, "`%s` has no value", printable(r->arena, name));
  check_brackets(r, text);
  return text;
}

static void begin_mapping(Reader *r, const char *what) {
  if (next_event(r) != YAML_MAPPING_START_EVENT) refuse(r, "%s must be a mapping: name: value", what);
  refuse_anchor(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
}

// The next key of a mapping, or NULL at its end.
static const char *next_key(Reader *r) {
  if (next_event(r) == YAML_MAPPING_END_EVENT) return NULL;
  const char *key = scalar_text(r);
  if (strlen(key) > LONG_NAME) refuse(r, "a name has at most %d bytes", LONG_NAME);
  check_brackets(r, key);
  return key;
}

static _Noreturn void unknown_key(const Reader *r, const char *key, const char *where, int n,
                                  const char *const *known) {
  const char *near = nearest_name(key, n, known);
  refuse(r, "unknown key `%s`%s%s", printable(r->arena, key), where,
         near ? arena_format(r->arena, "; did you mean `%s`?", near) : "");
}

// reading, one function for each form of value

static int find_name(const char *name, int n, const char *const *known) {
  int i = 0;
  while (i < n && strcmp(name, known[i]) != 0) i++;
  return i;
}

static void put_new(Reader *r, Settings *into, const char *name, const char *text, const char *origin,
                    const char *what) {
  if (into->count == MANY_SETTINGS) refuse(r, "%s holds more than %d values", what, MANY_SETTINGS);
  if (settings_get(into, name)) refuse(r, "`%s` stands twice in %s", printable(r->arena, name), what);
  settings_put(r->arena, into, name, text, origin);
}

static void read_map(Reader *r, const Key *key, void *field) {
  begin_mapping(r, key->name);
  for (const char *name; (name = next_key(r)) != NULL;) {
    if (key->known && find_name(name, key->knowns, key->known) == key->knowns) {
      unknown_key(r, name, arena_format(r->arena, " in %s", key->name), key->knowns, key->known);
    }
    const char *origin = event_origin(r);
    put_new(r, field, name, read_expression(r, name), origin, key->name);
  }
}

static void read_sweep_values(Reader *r, Sweep *s) {
  if (next_event(r) != YAML_SEQUENCE_START_EVENT) refuse(r, "the values of `%s` must be a list: [1, 2, 3]", s->name);
  refuse_anchor(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag);
  while (next_event(r) != YAML_SEQUENCE_END_EVENT) {
    const char *text = scalar_text(r);
    if (*text == '\0') refuse(r, "a value of `%s` is empty", s->name);
    check_brackets(r, text);
    put_new(r, &s->value, text, text, event_origin(r), s->name);
  }
  if (s->value.count == 0) refuse(r, "the list of `%s` is empty", s->name);
  for (int i = 0; i < s->value.count; i++) s->value.item[i].name = s->name;  // until here a value stood for its name
}

static void read_sweep(Reader *r, const Key *key, void *field) {
  Config *c = r->config;
  *(Sweep **)field = NEW_ARRAY(r->arena, Sweep, MANY_SWEEPS);
  begin_mapping(r, key->name);
  for (const char *name; (name = next_key(r)) != NULL;) {
    if (c->sweeps == MANY_SWEEPS) refuse(r, "a sweep goes over at most %d params", MANY_SWEEPS);
    for (int i = 0; i < c->sweeps; i++) {
      if (strcmp(c->sweep[i].name, name) == 0) refuse(r, "`%s` stands twice in sweep", printable(r->arena, name));
    }
    Sweep *s = &c->sweep[c->sweeps++];
    s->name = printable(r->arena, name);
    read_sweep_values(r, s);
  }
}

static void read_number(Reader *r, const Key *key, void *field) {
  const char *text = read_expression(r, key->name);
  if (!number_read(text, 0, key->most, field)) {
    refuse(r, "%s needs a whole number from 0 to %lld, not `%s`", key->name, (long long)key->most,
           printable(r->arena, text));
  }
}

static void read_text(Reader *r, const Key *key, void *field) { *(const char **)field = read_expression(r, key->name); }

static void read_word(Reader *r, const Key *key, void *field) {
  const char *text = read_expression(r, key->name);
  if (find_name(text, key->knowns, key->known) == key->knowns)
    refuse(r, "%s is %s, not `%s`", key->name, words_text(r->arena, key->knowns, key->known),
           printable(r->arena, text));
  *(const char **)field = text;
}

static void read_setting(Reader *r, const Key *key, void *field) {
  const char *text = read_expression(r, key->name);
  Setting *s = NEW(r->arena, Setting);
  *s = (Setting){.name = key->name, .text = text, .origin = event_origin(r)};
  *(const Setting **)field = s;
}

// printing, the same forms

// A character between quotes; returns its length. YAML takes U+0080 to U+009f, U+2028 and U+2029 for controls and ends
// of lines. A byte that is no text becomes the character of its number.
static size_t print_character(Text *t, const char *at) {
  unsigned char byte = (unsigned char)*at, next = (unsigned char)at[1];
  size_t n = utf8_length(at);
  if (byte == '"' || byte == '\\')
    text_add(t, "\\%c", byte);
  else if (n == 0 || byte < 32 || byte == 127)
    text_add(t, "\\x%02x", byte);
  else if (byte == 0xc2 && next < 0xa0)
    text_add(t, "\\x%02x", next);
  else if (strncmp(at, "\u2028", n) == 0 || strncmp(at, "\u2029", n) == 0)
    text_add(t, "\\%c", (unsigned char)at[2] == 0xa8 ? 'L' : 'P');
  else
    text_append(t, at, n);
  return n ? n : 1;
}

// As it stands where YAML cannot take it for anything else, quoted otherwise.
static void print_scalar(Text *t, const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./";
  if (*text && text[strspn(text, plain)] == '\0') {
    text_add(t, "%s", text);
    return;
  }
  text_add(t, "\"");
  while (*text) text += print_character(t, text);
  text_add(t, "\"");
}

static void print_map(Text *t, const Key *key, const Config *c, const void *field) {
  (void)c;
  const Settings *s = field;
  if (s->count) text_add(t, "%s:\n", key->name);
  for (int i = 0; i < s->count; i++) {
    text_add(t, "  ");
    print_scalar(t, s->item[i].name);
    text_add(t, ": ");
    print_scalar(t, s->item[i].text);
    text_add(t, "\n");
  }
}

static void print_sweep(Text *t, const Key *key, const Config *c, const void *field) {
  (void)field;
  if (c->sweeps) text_add(t, "%s:\n", key->name);
  for (int i = 0; i < c->sweeps; i++) {
    text_add(t, "  ");
    print_scalar(t, c->sweep[i].name);
    text_add(t, ":\n");
    for (int k = 0; k < c->sweep[i].value.count; k++) {
      text_add(t, "    - ");
      print_scalar(t, c->sweep[i].value.item[k].text);
      text_add(t, "\n");
    }
  }
}

static void print_number(Text *t, const Key *key, const Config *c, const void *field) {
  (void)c;
  int64_t number = *(const int64_t *)field;
  if (number >= 0) text_add(t, "%s: %lld\n", key->name, (long long)number);
}

static void print_line(Text *t, const Key *key, const char *text) {
  if (!text) return;
  text_add(t, "%s: ", key->name);
  print_scalar(t, text);
  text_add(t, "\n");
}

static void print_text(Text *t, const Key *key, const Config *c, const void *field) {
  (void)c;
  print_line(t, key, *(const char *const *)field);
}

static void print_setting(Text *t, const Key *key, const Config *c, const void *field) {
  (void)c;
  const Setting *s = *(const Setting *const *)field;
  print_line(t, key, s ? s->text : NULL);
}

// the keys of a run file, in the order in which they are printed

static const char *const train_name[] = {"batch", "epochs", "shards"};
const char *const products_word[] = {"own", "openblas", "auto"};

static const Key key_table[] = {
    {"params", read_map, print_map, offsetof(Config, params), 0, NULL, 0},
    {"priors", read_map, print_map, offsetof(Config, priors), 0, NULL, 0},
    {"data", read_setting, print_setting, offsetof(Config, data), 0, NULL, 0},
    {"train", read_map, print_map, offsetof(Config, train), 0, train_name, sizeof train_name / sizeof *train_name},
    {"seed", read_number, print_number, offsetof(Config, seed), UINT32_MAX, NULL, 0},
    {"threads", read_number, print_number, offsetof(Config, threads), 1024, NULL, 0},
    {"products", read_word, print_text, offsetof(Config, products), 0, products_word, PRODUCTS_WORDS},
    {"out", read_text, print_text, offsetof(Config, out), 0, NULL, 0},
    {"sweep", read_sweep, print_sweep, offsetof(Config, sweep), 0, NULL, 0},
    {"files", read_map, print_map, offsetof(Config, files), 0, NULL, 0},
};
enum { KEYS = sizeof key_table / sizeof *key_table };

static void read_keys(Reader *r) {
  const char *name[KEYS];
  bool seen[KEYS] = {false};
  for (int i = 0; i < KEYS; i++) name[i] = key_table[i].name;
  begin_mapping(r, "a run file");
  for (const char *key; (key = next_key(r)) != NULL;) {
    int i = find_name(key, KEYS, name);
    if (i == KEYS) unknown_key(r, key, "", KEYS, name);
    if (seen[i]) refuse(r, "`%s` stands twice", key);
    seen[i] = true;
    key_table[i].read(r, &key_table[i], (char *)r->config + key_table[i].field);
  }
}

Config *config_parse(Arena *a, const char *path, const char *text, size_t length) {
  if (length > CONFIG_BYTES) fail(a, EXIT_CONFIG, "%s: a run file has at most 1 MiB", path);
  Reader *r = NEW(a, Reader);
  *r = (Reader){.arena = a, .path = path, .config = config_new(a)};
  if (!yaml_parser_initialize(&r->parser)) fail(a, EXIT_MEMORY, "out of memory reading %s", path);
  struct Cleanup *close = arena_cleanup(a, reader_close, r);
  yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, length);
  next_event(r);  // start of the stream
  if (next_event(r) != YAML_STREAM_END_EVENT) {
    read_keys(r);
    next_event(r);  // end of the document
    if (next_event(r) != YAML_STREAM_END_EVENT) refuse(r, "a run file is one document");
  }
  arena_release(a, close);
  return r->config;
}

Config *config_read(Arena *a, const char *path) {
  Sources *s = sources_new(a);
  const SourceText *text = sources_text(s, sources_read(s, path));
  return config_parse(a, printable(a, path), text->text, text->length);
}

void config_print(Text *t, const Config *c) {
  for (int i = 0; i < KEYS; i++) {
    key_table[i].print(t, &key_table[i], c, (const char *)c + key_table[i].field);
  }
}
