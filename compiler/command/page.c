// Prints grammar/LIBRARY.md: a tool of the build.
#include "text/library.h"

int main(void) {
  Arena *a = arena_open(NULL);
  if (!a || ARENA_TRY(a) != 0) return EXIT_MEMORY;
  Text t = text_new(a);
  library_page(&t);
  fwrite(t.data, 1, t.length, stdout);
  arena_close(a);
  return EXIT_DONE;
}
