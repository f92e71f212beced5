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

same_run() {  # same_run A B: likewise of two folders of one run, however often each was stopped
  diff -rq -x run.json -x run.log -x times.csv -x health.jsonl -x .lock -x config.yaml "$1" "$2"
}

# own_data MODEL: for a model of a text or of pictures that are not here the source of another one, of words that are made up, or of the
# pictures beside the models
own_data() {
  sed -n 's#^data .* from images("[^"]*"#images("'"$PWD"'/models/pictures"#p' "$1"
  file=$(sed -n 's/^data .* from text("\([^"]*\)".*/\1/p' "$1")
  [ -n "$file" ] && [ ! -f "$(dirname "$1")/$file" ] || return 0
  awk 'BEGIN { for (i = 1; i < 4000; i++) { w = ""; for (k = 0; k < 3 + i * 7919 % 9; k++) w = w substr("aeioubdfgklmnrst", 1 + (i * (k + 3) + k * k) % 16, 1); print w } }' \
    >"$work/$file"
  sed -n 's#^data .* from text("\(.*)\).*#text("'"$work"'/\1#p' "$1"
}

finish() {
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}
