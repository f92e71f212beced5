// gmc: reads the command line and does what it says.
//
// One arena for the whole; whatever fails comes back here with its exit code.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "commands.h"

#ifndef __SANITIZE_ADDRESS__
// OpenBLAS 0.3.21 maps 128 MiB for each of its threads while it is loaded, and where the address space is too short for
// that it tries for ever. So this runs before any library begins, when little of the C library is there to be used.
static void probe_address_space(int argc, char **argv, char **environment) {
  static const char name[] = "OPENBLAS_NUM_THREADS=",
                    message[] =
                        "gmc: too little address space (ulimit -v): OpenBLAS needs 128 MiB for each processor, or for "
                        "each of OPENBLAS_NUM_THREADS\n";
  (void)argc, (void)argv;
  long threads = sysconf(_SC_NPROCESSORS_ONLN), chosen = 0;
  for (char **e = environment; *e; e++) {
    if (strncmp(*e, name, sizeof name - 1) == 0) chosen = strtol(*e + sizeof name - 1, NULL, 10);
  }
  if (chosen > 0 && chosen < threads) threads = chosen;
  size_t size = (size_t)(threads < 1 ? 1 : threads) << 27;
  void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe != MAP_FAILED) {
    munmap(probe, size);
    return;
  }
  ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
  _exit(written < 0 ? EXIT_IO : EXIT_MEMORY);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **,
                                                                                       char **) = probe_address_space;
#endif

static int run_command(Arena *a, const Options *o) {
  static int (*const command[])(Arena *, const Options *) = {
#define C(ID, name, ...) command_##name,
      COMMANDS(C)
#undef C
  };
  return command[o->command](a, o);
}

int main(int argc, char **argv) {
  Arena *a = arena_open(NULL);
  if (!a) {
    fputs("gmc: out of memory\n", stderr);
    return EXIT_MEMORY;
  }
  volatile int code = EXIT_SOFTWARE;
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is a write that fails, and is told
  if (ARENA_TRY(a) == 0) {
    code = run_command(a, options_parse(a, argc, argv));
  } else {
    code = a->code;
  }
  arena_close(a);
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE) {
    fputs("gmc: cannot write to the standard output\n", stderr);
    return EXIT_IO;
  }
  return code;
}
