#!/bin/sh
# Folders include one another in one direction only: each row names a folder, and those whose headers it may include.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
while read -r folder allowed; do
  for other in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$folder"/*.[ch] | sort -u); do
    case " ${folder#*/} $allowed " in
      *" $other "*) passed=$((passed + 1)) ;;
      *) failed=$((failed + 1)); echo "$folder includes $other:"; grep -l "^#include \"$other/" "$folder"/*.[ch] ;;
    esac
  done
done <<'ROWS'
runtime/core
runtime/formats core
runtime/engine core
runtime/data core formats
runtime/pictures core formats data
runtime/train core formats engine data pictures
compiler/text core
compiler/graph core engine text
compiler/elaborate core formats text graph
compiler/plan core engine text graph
compiler/emit core engine train text graph
compiler/report core formats text
compiler/command core formats engine data pictures train text graph elaborate plan emit report
ROWS
for folder in runtime/* compiler/*; do
  [ ! -d "$folder" ] || grep -q "^$folder" "$0" && continue
  failed=$((failed + 1))
  echo "$folder has no row in $0"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
