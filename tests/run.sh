#!/bin/sh
# Runs suites one after another and adds up their results: tests/run.sh COMMAND...
# A suite ends with `N passed, N failed`, or with cmocka's own lines. One line is printed for each; all that a suite said
# is printed when something in it failed. A suite that fails or ends without a count is a failure.
set -u
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
passed=0 failed=0

for suite in "$@"; do
  begin=$(date +%s.%N)
  sh -c "$suite" >"$log" 2>&1 </dev/null
  code=$?
  good=$(sed -n -e 's/^\[  PASSED  \] \([0-9]*\) test(s)\..*/\1/p' -e 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log" | tail -n 1)
  bad=$(sed -n -e 's/^\[  FAILED  \] \([0-9]*\) test(s), .*/\1/p' -e 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | tail -n 1)
  good=${good:-0} bad=${bad:-0}
  [ $((good + bad)) = 0 ] && bad=1
  [ $code != 0 ] && [ "$bad" = 0 ] && bad=1
  passed=$((passed + good)) failed=$((failed + bad))
  mark=ok
  [ "$bad" = 0 ] || { mark=FAILED; cat "$log"; }
  printf '%-6s %4d  %6.1f s  %s\n' $mark "$good" "$(echo "$(date +%s.%N) $begin" | awk '{print $1 - $2}')" "$suite"
  [ $code -lt 128 ] || echo "       ended by signal $((code - 128))"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
