#!/bin/sh
# Checks every example of grammar/LANGUAGE.md: it holds no mistake, and nothing is said about it, not even a warning.
set -eu
gmc=${1:-./gmc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk -v out="$folder" -f tests/lang/examples.awk grammar/LANGUAGE.md
ln -s "$PWD/models/data" "$PWD/models/mnist_classifier.gm" "$folder"  # what they speak of
passed=0 failed=0
for f in "$folder"/[0-9]*.gm; do
  if "$gmc" check "$f" >"$folder/said" 2>&1 && [ ! -s "$folder/said" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1)); echo "example $(basename "$f" .gm) of grammar/LANGUAGE.md:"; cat "$folder/said"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
