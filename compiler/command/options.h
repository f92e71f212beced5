// The command line: which commands there are, which options each takes, and reading them.
//
// First step of every command; compiler/command/commands.c reads what is kept here. One table of commands and one of options
// drive parsing, help and "did you mean". Invariant: once parsed, every kept value stands within its option's limits,
// and a command holds only options that it takes.
#ifndef GMC_OPTIONS_H
#define GMC_OPTIONS_H

#include "core/plan.h"  // MOST_SHARDS

// C(ID, name, operands, fewest, most, what it does). COMMAND_<ID>, and command_<name>() in commands.h.
#define COMMANDS(C)                                                                               \
  C(RUN, run, "FILE", 0, 1, "train a model; --resume DIR goes on with a run")                     \
  C(CHECK, check, "FILE...", 1, MANY_WORDS, "look for mistakes in models, and train nothing")     \
  C(EXPLAIN, explain, "[WHAT]", 0, 1, "say what a model, a name or a code such as E0301 means")   \
  C(SAMPLE, sample, "DIR", 1, 1, "draw from a trained model into a picture or an array")          \
  C(SHOW, show, "DIR [NAME]", 1, 2, "draw the pictures that the model asks for")                  \
  C(EVAL, eval, "DIR", 1, 1, "measure a trained model on held-out data")                          \
  C(REPORT, report, "DIR...", 1, MANY_WORDS, "write a page of a run, or of several beside one another")                  \
  C(WATCH, watch, "DIR...", 1, MANY_WORDS, "the same page in the browser, going on while they train") \
  C(VERIFY, verify, "FILE...", 1, MANY_WORDS, "train models, and hold what they expect against what came out") \
  C(QUIZ, quiz, "DIR", 1, 1, "tell the model's pictures from real ones, on the terminal or in the browser")                       \
  C(EMIT, emit, "FILE", 1, 1, "write the training as one C file")                                 \
  C(HELP, help, "[COMMAND]", 0, 1, "say how a command is used")                                   \
  C(VERSION, version, "", 0, 0, "print the version")

enum { MANY_WORDS = 1 << 20 };
typedef enum {
#define C(ID, ...) COMMAND_##ID,
  COMMANDS(C)
#undef C
      COMMANDS_END
} Command;

#define ON(ID)    (1u << COMMAND_##ID)
#define ON_MODEL  (ON(RUN) | ON(CHECK) | ON(EXPLAIN) | ON(EMIT))
#define ON_FOLDER (ON(SAMPLE) | ON(SHOW) | ON(EVAL) | ON(QUIZ))

// A flag has no value, a text or number is given once, a list any number of times.
typedef enum { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_LIST } OptionKind;

// O(ID, name, letter, value, kind, least, most, commands that take it, what it does)
#define OPTIONS(O)                                                                                                   \
  O(OUT, "out", 0, "DIR", TEXT, 0, 0, ON(RUN) | ON(VERIFY), "folder of the run (runs/<model>, or the next free number after it); of verify: keeps the runs there") \
  O(RESUME, "resume", 0, "DIR", TEXT, 0, 0, ON(RUN), "go on with the run in DIR, from its last checkpoint")          \
  O(FROM, "from", 0, "DIR@EPOCH", TEXT, 0, 0, ON(RUN), "a new run that goes on from an epoch kept in DIR, with other settings") \
  O(WEIGHTS, "weights", 0, "DIR@EPOCH", TEXT, 0, 0, ON(RUN), "a new run of the model in DIR, from step 0, which begins with its weights") \
  O(START, "start", 0, "FILE", TEXT, 0, 0, ON(RUN), "begin with the values in FILE, .safetensors or .npz, of tensors by their names") \
  O(CONFIG, "config", 'c', "FILE", TEXT, 0, 0, ON_MODEL, "a YAML run file: params, priors, data, train, sweep")      \
  O(SET, "set", 0, "NAME=EXPR", LIST, 0, 0, ON_MODEL, "another value for a param of the model")                      \
  O(PRIOR, "prior", 0, "'z ~ EXPR'", LIST, 0, 0, ON_MODEL, "another prior for z")                                    \
  O(DATA, "data", 0, "EXPR", TEXT, 0, 0, ON_MODEL, "other data, such as 'mnist(\"folder\")'")                        \
  O(MEMORY, "memory", 0, "N", NUMBER, 1, 1 << 30, ON(RUN), "MiB that data may take of the memory; more lie in a file (half of what there is)") \
  O(EPOCHS, "epochs", 0, "N", NUMBER, 1, 1000000000, ON_MODEL, "passes over the data, in all")                       \
  O(BATCH, "batch", 0, "N", NUMBER, 1, 1 << 20, ON_MODEL, "examples in one step")                                    \
  O(SHARDS, "shards", 0, "N", NUMBER, 1, MOST_SHARDS, ON_MODEL, "equal parts of the batch, whose gradients are added in a tree") \
  O(SEED, "seed", 0, "N", NUMBER, 0, UINT32_MAX, ON_MODEL | ON(SAMPLE) | ON(QUIZ), "seed of every random number")               \
  O(STEPS, "steps", 0, "N", NUMBER, 1, 1000000000, ON(RUN), "stop after N steps, in all")                            \
  O(CHECKPOINT, "checkpoint", 0, "N", NUMBER, 1, 1000000000, ON(RUN), "a checkpoint every N steps, beside the others") \
  O(HEALTH, "health", 0, "PERCENT", NUMBER, 0, 100, ON(RUN), "of the time that may go into measuring how games go (5)") \
  O(THREADS, "threads", 0, "N", NUMBER, 1, 1024, ON(RUN) | ON(VERIFY) | ON_FOLDER, "threads; the results do not depend on them")  \
  O(PRODUCTS, "products", 0, "WHO", TEXT, 0, 0, ON_MODEL | ON(VERIFY) | ON_FOLDER, "who makes matrix products: own, openblas, auto") \
  O(COUNT, "count", 'n', "N", NUMBER, 1, 1 << 20, ON(SAMPLE) | ON(QUIZ), "how many to draw (64), or to ask (20)")                               \
  O(GIVEN, "given", 0, "NAME=VALUE", LIST, 0, 0, ON(SAMPLE), "fix what the model is conditioned on: y=7")            \
  O(OF, "of", 0, "NAME", TEXT, 0, 0, ON(SAMPLE), "what to draw (the first thing that a network makes)")              \
  O(MEAN, "mean", 0, NULL, FLAG, 0, 0, ON(SAMPLE) | ON(QUIZ), "the mean of the last distribution, rather than a draw")          \
  O(OUTPUT, "output", 'o', "FILE", TEXT, 0, 0, ON(SAMPLE) | ON(SHOW) | ON(REPORT) | ON(EMIT), "file to write")                    \
  O(FORCE, "force", 0, NULL, FLAG, 0, 0, ON(SAMPLE) | ON(SHOW) | ON(REPORT) | ON(EMIT), "replace FILE, whatever it holds")         \
  O(PORT, "port", 0, "N", NUMBER, 1, 65535, ON(WATCH) | ON(QUIZ), "port of 127.0.0.1 that the page is at (one that is free)")   \
  O(BROWSER, "browser", 0, NULL, FLAG, 0, 0, ON(QUIZ), "ask in the browser, not on the terminal") \
  O(DUMP, "dump", 0, "STAGE", TEXT, 0, 0, ON(RUN), "print ast, graph, grad, fused or plan, and stop")                \
  O(QUIET, "quiet", 'q', NULL, FLAG, 0, 0, ON(RUN), "say nothing but mistakes")                                      \
  O(VERBOSE, "verbose", 'v', NULL, FLAG, 0, 0, ON(RUN) | ON(VERIFY), "say more: threads, times")                    \
  O(HELP, "help", 'h', NULL, FLAG, 0, 0, ~0u, "say how the command is used")

typedef enum {
#define O(ID, ...) OPTION_##ID,
  OPTIONS(O)
#undef O
      OPTIONS_END
} OptionId;

typedef struct {
  Command command;
  const char *line;   // as typed, printable
  const char **word;  // operands
  int words;
  struct {
    int count;          // times given
    const char **text;  // the values, in order
    int64_t number;     // of OPTION_NUMBER
  } value[OPTIONS_END];
} Options;

// Reads argv[1..]; fails with EXIT_USAGE. `gmc`, `gmc -h` and `gmc COMMAND --help` become COMMAND_HELP, whose operand
// is the command asked about.
Options *options_parse(Arena *a, int argc, char **argv);

// The value of a text or the first of a list, or NULL when not given; of a number, or `otherwise`; of a flag.
const char *option_text(const Options *o, OptionId id);
int64_t option_number(const Options *o, OptionId id, int64_t otherwise);
bool option_given(const Options *o, OptionId id);

const char *command_name(Command c);
// A whole decimal number between least and most and nothing else.
bool number_read(const char *text, int64_t least, int64_t most, int64_t *number);
// The help of one command, or of gmc (NULL). Fails with EXIT_USAGE when there is no such command.
void options_help(Text *t, const char *command);

#endif
