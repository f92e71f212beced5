// gmc: reads the command line and does what it says.
//
// One arena for the whole; whatever fails comes back here with its exit code.
#include <signal.h>

#include "core/file.h"
#include "core/helper.h"
#include "command/commands.h"

static int run_command(Arena *a, const Options *o) {
  static int (*const command[])(Arena *, const Options *) = {
#define C(ID, name, ...) command_##name,
      COMMANDS(C)
#undef C
  };
  return command[o->command](a, o);
}

typedef struct {
  int count;
  char **word;
} Arguments;

static int gmc(void *arguments) {
  const Arguments *given = arguments;
  Arena *a = arena_open(NULL);
  if (!a) {
    fputs("gmc: out of memory\n", stderr);
    return EXIT_MEMORY;
  }
  volatile int code = EXIT_SOFTWARE;
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is a write that fails, and is told
  if (ARENA_TRY(a) == 0) {
    code = run_command(a, options_parse(a, given->count, given->word));
  } else {
    code = a->code;
  }
  arena_close(a);
  return code;
}

int main(int argc, char **argv) {
  streams_begin();
  return streams_end(helper_main(gmc, &(Arguments){argc, argv}));
}
