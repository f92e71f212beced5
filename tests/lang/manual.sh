#!/bin/sh
# Checks every example of grammar/LANGUAGE.md: blocks marked gm as they stand, gm+ after the first gm block.
set -eu
gmc=${1:-./gmc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk -v out="$folder" '
  /^```gm\+?$/ { n++; plus = ($0 ~ /\+$/); name = sprintf("%s/%02d.gm", out, n); inside = 1
                 if (plus) printf "%s", first > name; text = ""; next }
  /^```$/ && inside { inside = 0; close(name); if (n == 1) first = text; next }
  inside { print > name; text = text $0 "\n" }' grammar/LANGUAGE.md
passed=0 failed=0
for f in "$folder"/*.gm; do
  if "$gmc" check "$f" >"$folder/said" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "example $(basename "$f" .gm) of grammar/LANGUAGE.md:"; cat "$folder/said"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
