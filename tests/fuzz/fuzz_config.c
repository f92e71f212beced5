// Run files of any bytes: read, or refused; and what was read prints to a text that reads back to the same print.
#include <stdint.h>
#include <string.h>

#include "command/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(Arena *a, const char *text, size_t size) {
  Text first = text_new(a), second = text_new(a);
  config_print(&first, config_parse(a, "fuzz.yaml", text, size));
  Arena *again = arena_open(a);
  if (ARENA_TRY(again) != 0) __builtin_trap();
  config_print(&second, config_parse(again, "again.yaml", first.data, first.length));
  if (strcmp(first.data, second.data) != 0) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Arena *a = arena_open(NULL);
  if (a && ARENA_TRY(a) == 0) round_trip(a, (const char *)data, size);
  if (a) arena_close(a);
  return 0;
}
