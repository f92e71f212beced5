# What the scripts of this folder share: a scratch folder, and ways to ask. A script sources it first and ends with `finish`.
# GMC names the program, ./gmc by default.
# shellcheck shell=sh
set -u
cd "$(dirname "$0")/../.." || exit 1
gmc=$(realpath "${GMC:-./gmc}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
log=$work/log passed=0 failed=0

check() {  # check WHAT COMMAND...: counts whether the command succeeds
  what=$1
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
    head -n 20 "$log"
  fi
}

same_files() {  # same_files A B: both ways, so that neither folder lacks a file; but for times, and how many threads there were
  diff -r -x run.log -x times.csv -x health.jsonl -x .lock -I '^ *"*threads"*: ' "$1" "$2"
}

finish() {
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}
