// The command line of an emitted program; see program.h.
//
// Invariant: an option that is not understood in full is refused before anything happens.
#include "train/standalone.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/helper.h"

enum { PROGRAM_CHECKPOINT_SECONDS = 300 };

static const char program_help[] =
    "Trains the model that this program was made from.\n"
    "\n"
    "  --out DIR      folder of the run (runs/MODEL, or the next free number after it)\n"
    "  --start FILE   begin with the values in FILE, .safetensors or .npz, of tensors by their names\n"
    "  --resume DIR   go on with the run in DIR\n"
    "  --from DIR@N   a new run that goes on from epoch N of the run in DIR\n"
    "  --epochs N     passes over the data\n"
    "  --steps N      stop after N steps\n"
    "  --checkpoint N a checkpoint every N steps, beside the others\n"
    "  --memory N     MiB that data may take of it; more lie in a file (half of what there is)\n"
    "  --health N     percent of the time that may go into measuring how games go (5)\n"
    "  --seed N       seed of every random number\n"
    "  --threads N    threads; the results do not depend on them\n"
    "  --quiet        say nothing but mistakes\n"
    "  --help         say this\n";

// The number in an option's text.
static int64_t program_number(Arena *a, const char *option, const char *text, int64_t least, int64_t most) {
  int64_t number = 0;
  const char *p = text;
  while (*p >= '0' && *p <= '9' && number <= most) number = 10 * number + (*p++ - '0');
  if (p == text || *p || number < least || number > most)
    fail(a, EXIT_USAGE, "%s wants a number from %lld to %lld, not `%s`", option, (long long)least, (long long)most,
         printable(a, text));
  return number;
}

// Takes one option with its value. False if there is no such option.
static bool program_option(Arena *a, Session *s, const char *option, const char *value) {
  if (strcmp(option, "--out") == 0) {
    s->folder = value;
  } else if (strcmp(option, "--resume") == 0) {
    s->folder = value;
    s->resume = true;
  } else if (strcmp(option, "--from") == 0) {
    FolderRun from = folder_run(a, value);
    s->weights = session_weights_of(a, from.folder, from.which);
    s->from = from.folder;
    s->goes_on = true;
  } else if (strcmp(option, "--start") == 0) {
    s->start = value;
  } else if (strcmp(option, "--epochs") == 0) {
    s->epochs = program_number(a, option, value, 1, 1000000000);
  } else if (strcmp(option, "--steps") == 0) {
    s->steps = program_number(a, option, value, 1, 1000000000);
  } else if (strcmp(option, "--checkpoint") == 0) {
    s->checkpoint_steps = program_number(a, option, value, 1, 1000000000);
  } else if (strcmp(option, "--memory") == 0) {
    s->data_memory = program_number(a, option, value, 1, 1 << 30) << 20;
  } else if (strcmp(option, "--health") == 0) {
    s->health_percent = program_number(a, option, value, 0, 100);
  } else if (strcmp(option, "--seed") == 0) {
    s->seed = (uint32_t)program_number(a, option, value, 0, UINT32_MAX);
    s->seed_given = true;
  } else if (strcmp(option, "--threads") == 0) {
    s->threads = (int)program_number(a, option, value, 1, 1024);
  } else {
    return false;
  }
  return true;
}

// Options are `--name value` or `--name=value`. Returns whether help was asked for.
static bool program_options(Arena *a, Session *s, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    if (strcmp(argv[i], "--quiet") == 0 || strcmp(argv[i], "-q") == 0) {
      s->quiet = true;
      continue;
    }
    char *equals = strncmp(argv[i], "--", 2) == 0 ? strchr(argv[i], '=') : NULL;
    const char *option = equals ? arena_slice(a, argv[i], (size_t)(equals - argv[i])) : argv[i];
    const char *value = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : "";
    if (!program_option(a, s, option, value))
      fail(a, EXIT_USAGE, "%s: no such option; see --help", printable(a, argv[i]));
    if (!*value) fail(a, EXIT_USAGE, "%s wants a value", option);
    i += !equals;
  }
  return false;
}

static void program_texts(Arena *a, Session *s, const ProgramText *texts) {
  while (texts[s->kepts].name) s->kepts++;
  KeptText *kept = NEW_ARRAY(a, KeptText, s->kepts);
  for (int i = 0; i < s->kepts; i++) {
    Text all = text_new(a);
    for (const char *const *line = texts[i].line; *line; line++) text_append(&all, *line, strlen(*line));
    kept[i] = (KeptText){texts[i].name, all.data, texts[i].origin};
  }
  s->kept = kept;
}

// What main has.
typedef struct {
  int argc;
  char **argv;
  const Plan *plan;
  Session session;
  const ProgramText *texts;
} Program;

static int program_train(Arena *a, const Program *p) {
  Session *s = NEW(a, Session);
  *s = p->session;
  program_texts(a, s, p->texts);
  if (program_options(a, s, p->argc, p->argv)) {
    fputs(program_help, stdout);
    return EXIT_DONE;
  }
  if (s->resume && s->goes_on) fail(a, EXIT_USAGE, "--resume and --from are two ways to go on: one of them");
  s->next_free = !s->folder;
  if (!s->folder) s->folder = arena_format(a, "runs/%s", p->plan->model);
  s->resume_by = arena_format(a, "%s --resume", p->argv[0]);
  return session_train(a, p->plan, s);
}

static int program_run(void *program) {
  Arena *a = arena_open(NULL);
  if (!a) return EXIT_MEMORY;
  volatile int code = EXIT_SOFTWARE;
  if (ARENA_TRY(a) == 0)
    code = program_train(a, program);
  else
    code = a->code;
  arena_close(a);
  return code;
}

int program_main(int argc, char **argv, const Plan *plan, void (*open)(Run *run, int threads), DataReader *reader,
                 DataAxes *axes, Inflate *inflate, const ProgramText *texts) {
  Session s = {.open = open, .reader = reader, .axes = axes, .inflate = inflate, .checkpoint_seconds = PROGRAM_CHECKPOINT_SECONDS,
               .health_percent = HEALTH_PERCENT};
  streams_begin();
  return streams_end(helper_main(program_run, &(Program){argc, argv, plan, s, texts}));
}
