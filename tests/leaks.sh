#!/bin/sh
# Under the sanitizers a program that ends without giving back its memory fails: shown by one that does so on purpose.
set -u
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/leak.c" <<'C'
#include <stdlib.h>
int main(void) {
  char *volatile lost = malloc(10);
  lost = NULL;
  return lost != NULL;
}
C
"${CC:-gcc}" -fsanitize=address "$scratch/leak.c" -o "$scratch/leak" || exit 1
if "$scratch/leak" 2>"$scratch/said"; then
  echo 'a leak is not noticed here: see ASAN_OPTIONS'
  echo '0 passed, 1 failed'
  exit 1
fi
grep -q 'detected memory leaks' "$scratch/said" || { cat "$scratch/said"; exit 1; }
echo '1 passed, 0 failed'
