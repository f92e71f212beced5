// Reads the command line by the tables of options.h, and prints help from them.
#include "command/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/source.h"  // nearest_name, shipped_file

typedef struct {
  const char *name, *operands;
  int fewest, most;
  const char *help;
} CommandRow;

static const CommandRow command_row[] = {
#define C(ID, name, operands, fewest, most, help) {#name, operands, fewest, most, help},
    COMMANDS(C)
#undef C
};

typedef struct {
  const char *name;
  char letter;
  const char *value;
  OptionKind kind;
  int64_t least, most;
  unsigned commands;
  const char *help;
} OptionRow;

static const OptionRow option_row[] = {
#define O(ID, name, letter, value, kind, least, most, commands, help) \
  {name, letter, value, OPTION_##kind, least, most, commands, help},
    OPTIONS(O)
#undef O
};

typedef struct {
  Arena *arena;
  Options *options;
  char **argv;
  int argc, at;  // at: the word that is read next
} Reader;

const char *command_name(Command c) { return command_row[c].name; }

bool number_read(const char *text, int64_t least, int64_t most, int64_t *number) {
  if (*text == '\0' || strlen(text) > 18) return false;
  int64_t n = 0;
  for (const char *c = text + (*text == '-'); *c; c++) {
    if (*c < '0' || *c > '9') return false;
    n = n * 10 + (*c - '0');
  }
  *number = *text == '-' ? -n : n;
  return strcmp(text, "-") != 0 && *number >= least && *number <= most;
}

static bool takes(Command c, OptionId id) { return option_row[id].commands >> c & 1u; }

static _Noreturn void unknown_command(Arena *a, const char *name) {
  const char *names[COMMANDS_END];
  for (int c = 0; c < COMMANDS_END; c++) names[c] = command_row[c].name;
  const char *near = nearest_name(name, COMMANDS_END, names);
  const char *mend = near ? arena_format(a, "; did you mean `gmc %s`?", near) : "; see `gmc help`";
  fail(a, EXIT_USAGE, "there is no command `%s`%s", printable(a, name), mend);
}

static Command find_command(Arena *a, const char *name) {
  for (int c = 0; c < COMMANDS_END; c++) {
    if (strcmp(name, command_row[c].name) == 0) return (Command)c;
  }
  unknown_command(a, name);
}

// The first command that takes an option of this name, or COMMANDS_END.
static Command owner_of(const char *name) {
  for (int i = 0; i < OPTIONS_END; i++) {
    if (strcmp(name, option_row[i].name) != 0) continue;
    for (Command c = 0; c < COMMANDS_END; c++) {
      if (takes(c, (OptionId)i)) return c;
    }
  }
  return COMMANDS_END;
}

static const char *nearest_option(Command command, const char *name) {
  const char *names[OPTIONS_END];
  int n = 0;
  for (int i = 0; i < OPTIONS_END; i++) {
    if (takes(command, (OptionId)i)) names[n++] = option_row[i].name;
  }
  return nearest_name(name, n, names);
}

// `shown` is the option as it was typed: --epoch or -x.
static _Noreturn void unknown_option(Arena *a, Command command, const char *shown) {
  const char *name = shown[1] == '-' ? shown + 2 : "";
  Command owner = owner_of(name);
  const char *near = nearest_option(command, name);
  const char *mend = owner < COMMANDS_END ? arena_format(a, ", `gmc %s` has", command_name(owner))
                     : near               ? arena_format(a, "; did you mean --%s?", near)
                                          : arena_format(a, "; see `gmc help %s`", command_name(command));
  fail(a, EXIT_USAGE, "`gmc %s` has no option %s%s", command_name(command), printable(a, shown), mend);
}

static OptionId find_option(Arena *a, Command command, const char *name) {
  for (int i = 0; i < OPTIONS_END; i++) {
    if (takes(command, (OptionId)i) && strcmp(name, option_row[i].name) == 0) return (OptionId)i;
  }
  unknown_option(a, command, arena_format(a, "--%s", name));
}

static OptionId find_letter(Arena *a, Command command, char letter) {
  for (int i = 0; i < OPTIONS_END; i++) {
    if (takes(command, (OptionId)i) && option_row[i].letter == letter) return (OptionId)i;
  }
  unknown_option(a, command, arena_format(a, "-%c", letter));
}

static void keep_value(Reader *r, OptionId id, const char *text) {
  const OptionRow *row = &option_row[id];
  Options *o = r->options;
  if (o->value[id].count > 0 && row->kind != OPTION_LIST && row->kind != OPTION_FLAG) {
    fail(r->arena, EXIT_USAGE, "--%s is given twice", row->name);
  }
  if (row->kind == OPTION_NUMBER && !number_read(text, row->least, row->most, &o->value[id].number)) {
    fail(r->arena, EXIT_USAGE, "--%s needs a whole number from %lld to %lld, not `%s`", row->name,
         (long long)row->least, (long long)row->most, printable(r->arena, text));
  }
  if (text && *text == '\0') fail(r->arena, EXIT_USAGE, "--%s needs a value that is not empty", row->name);
  if (!text) {
    o->value[id].count = 1;  // a flag may be repeated, also within one word: it does not count
    return;
  }
  if (!o->value[id].text) o->value[id].text = NEW_ARRAY(r->arena, const char *, r->argc);
  o->value[id].text[o->value[id].count++] = text;
}

// The value in the next word. A word that looks like an option is taken for a forgotten value.
static const char *next_value(Reader *r, OptionId id) {
  const OptionRow *row = &option_row[id];
  if (r->at >= r->argc || strncmp(r->argv[r->at], "--", 2) == 0) {
    fail(r->arena, EXIT_USAGE, "--%s needs a value: --%s %s", row->name, row->name, row->value);
  }
  return r->argv[r->at++];
}

static void read_long(Reader *r, const char *word) {
  const char *equals = strchr(word, '=');
  const char *name = equals ? arena_slice(r->arena, word, (size_t)(equals - word)) : word;
  OptionId id = find_option(r->arena, r->options->command, name);
  if (option_row[id].kind != OPTION_FLAG) {
    keep_value(r, id, equals ? equals + 1 : next_value(r, id));
  } else if (equals) {
    fail(r->arena, EXIT_USAGE, "--%s takes no value", name);
  } else {
    keep_value(r, id, NULL);
  }
}

// -q, -qv, -n 100, -n100
static void read_letters(Reader *r, const char *letters) {
  for (; *letters; letters++) {
    OptionId id = find_letter(r->arena, r->options->command, *letters);
    if (option_row[id].kind != OPTION_FLAG) {
      keep_value(r, id, letters[1] ? letters + 1 : next_value(r, id));
      return;
    }
    keep_value(r, id, NULL);
  }
}

static void read_words(Reader *r) {
  Options *o = r->options;
  bool only_operands = false;
  while (r->at < r->argc) {
    const char *word = r->argv[r->at++];
    if (only_operands || word[0] != '-' || word[1] == '\0') {
      o->word[o->words++] = word;
    } else if (strcmp(word, "--") == 0) {
      only_operands = true;
    } else if (word[1] == '-') {
      read_long(r, word + 2);
    } else {
      read_letters(r, word + 1);
    }
  }
}

static void check_operands(Arena *a, const Options *o) {
  const CommandRow *row = &command_row[o->command];
  if (o->words < row->fewest) fail(a, EXIT_USAGE, "`gmc %s` needs %s", row->name, row->operands);
  if (o->words > row->most) {
    fail(a, EXIT_USAGE, "`gmc %s` has no use for `%s`", row->name, printable(a, o->word[row->most]));
  }
}

static Options *ask_help(Options *o, const char *about) {
  o->command = COMMAND_HELP;
  o->words = about ? 1 : 0;
  o->word[0] = about;
  return o;
}

static const char *typed_line(Arena *a, int argc, char **argv) {
  Text t = text_new(a);
  text_add(&t, "gmc");
  for (int i = 1; i < argc; i++) {
    text_add(&t, " %s", shell_word(a, printable(a, argv[i])));
  }
  return t.data;
}

Options *options_parse(Arena *a, int argc, char **argv) {
  Options *o = NEW(a, Options);
  o->line = typed_line(a, argc, argv);
  o->word = NEW_ARRAY(a, const char *, argc + 1);
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return ask_help(o, NULL);
  o->command = strcmp(argv[1], "--version") == 0 ? COMMAND_VERSION : find_command(a, argv[1]);
  Reader r = {.arena = a, .options = o, .argv = argv, .argc = argc, .at = 2};
  read_words(&r);
  if (option_given(o, OPTION_HELP)) return ask_help(o, command_name(o->command));
  check_operands(a, o);
  return o;
}

const char *option_text(const Options *o, OptionId id) { return o->value[id].count ? o->value[id].text[0] : NULL; }

int64_t option_number(const Options *o, OptionId id, int64_t otherwise) {
  return o->value[id].count ? o->value[id].number : otherwise;
}

bool option_given(const Options *o, OptionId id) { return o->value[id].count > 0; }

// The model to begin with, from the working folder: in a checkout as the manual names it, else as it was installed.
static const char *first_model(Arena *a) {
  const char *name = "models/cvae.gm", *shipped = shipped_file(a, name);
  return access(name, R_OK) == 0 ? name : shipped;
}

static void help_all(Text *t) {
  text_add(t, "gmc: trains generative models written as the mathematics reads\n\n");
  for (int i = 0; i < COMMANDS_END; i++) {
    text_add(t, "  gmc %-9s%-11s %s\n", command_row[i].name, command_row[i].operands, command_row[i].help);
  }
  const char *first = first_model(t->arena);
  text_add(t, "\n`gmc help COMMAND` shows its options, `gmc explain` all names of the library.");
  if (first) text_add(t, " Begin with: gmc run %s", shell_word(t->arena, first));
  text_add(t, "\n");
}

static void help_option(Text *t, const OptionRow *row) {
  char letter[] = "-x, ";
  letter[1] = row->letter;
  char left[64];
  snprintf(left, sizeof left, "%s--%s %s", row->letter ? letter : "    ", row->name, row->value ? row->value : "");
  text_add(t, "  %-24s %s\n", left, row->help);
}

void options_help(Text *t, const char *command) {
  if (!command) {
    help_all(t);
    return;
  }
  Command c = find_command(t->arena, command);
  const CommandRow *row = &command_row[c];
  text_add(t, "gmc %s %s\n%s\n\n", row->name, row->operands, row->help);
  for (int i = 0; i < OPTIONS_END; i++) {
    if (takes(c, (OptionId)i)) help_option(t, &option_row[i]);
  }
}
