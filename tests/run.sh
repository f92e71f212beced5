#!/bin/sh
# Runs suites, as many at once as there are processors, and adds up their results: tests/run.sh COMMAND...
# A suite ends with `N passed, N failed`, or with cmocka's own lines. One line is printed for each; all that a suite said
# is printed when something in it failed. A suite that fails or ends without a count is a failure, but for one that says
# `skipped: WHY`.
set -u

# The last count that the two forms of a line, $1 and $2, give in the file $3, or 0.
count() {
  n=$(sed -n -e "s/^$1\$/\1/p" -e "s/^$2\$/\1/p" "$3" | tail -n 1)
  echo "${n:-0}"
}

run_one() {
  tally=$1 suite=$2 mark=ok
  log=$(mktemp) || exit 1
  begin=$(date +%s.%N)
  env --default-signal sh -c "$suite" >"$log" 2>&1 </dev/null  # a job in the background would ignore some
  code=$?
  end=$(date +%s.%N)
  good=$(count '\[  PASSED  \] \([0-9]*\) test(s)\.' '\([0-9]*\) passed, [0-9]* failed' "$log")
  bad=$(count '\[  FAILED  \] \([0-9]*\) test(s), .*' '[0-9]* passed, \([0-9]*\) failed' "$log")
  why=$(sed -n 's/^skipped: //p' "$log")
  if [ -n "$why" ] && [ $code = 0 ]; then mark=skip suite="$suite: $why"
  elif [ $((good + bad)) = 0 ]; then bad=1; fi
  if [ $code != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
  [ $code -lt 128 ] || echo "ended by signal $((code - 128))" >>"$log"
  [ "$bad" = 0 ] || mark=FAILED
  seconds=$(awk "BEGIN { print $end - $begin }")
  {
    [ "$bad" = 0 ] || cat "$log"
    printf '%-6s %4d  %6.1f s  %s\n' $mark "$good" "$seconds" "$suite"
  } >"$log.said"
  cat "$log.said"
  rm -f "$log" "$log.said"
  echo "$good $bad" >>"$tally"
}

if [ "${1-}" = --one ]; then
  run_one "$2" "$3"
  exit 0
fi
tally=$(mktemp) || exit 1
trap 'rm -f "$tally"' EXIT
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" "$0" --one "$tally"
awk -v suites=$# '{ good += $1; bad += $2 }
  END { bad += suites - NR; print good + 0 " passed, " bad + 0 " failed"; exit bad > 0 }' "$tally"
