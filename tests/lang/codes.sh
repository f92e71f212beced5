#!/bin/sh
# Every diagnostic is expected somewhere: its code stands in a .err file of tests/lang, or in a script of tests/cli where one file
# is not enough to bring it about.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
expected=$(cat tests/lang/*/*.err; grep -hv '^ *#\| explain ' tests/cli/*.sh)
for code in $(sed -n 's/^DIAGNOSTIC(\([EW][0-9]*\),.*/\1/p' compiler/text/diagnostics*.def); do
  case $expected in
    *"$code"*) passed=$((passed + 1)) ;;
    *) failed=$((failed + 1)); echo "no test expects $code: add a text to tests/lang that brings it about" ;;
  esac
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
