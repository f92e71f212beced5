#!/bin/sh
# The golden tests of the language: tests/lang/run.sh [--promote] [GROUP|CASE.gm]...
# Every tests/lang/<group>/NAME.gm is given to the command that its first line names (`# run: explain`, `# run: run --dump=graph`;
# otherwise `check`). NAME.err must be what it says on stderr, NAME.out what it says on stdout; a stream without a file must be
# empty. The exit code must be 0 unless there is a NAME.err, and then not a crash's. --promote writes the files anew.
# GMC names the program, ./gmc by default.
set -u
cd "$(dirname "$0")/../.." || exit 1
gmc=${GMC:-./gmc}
promote=
[ "${1-}" = --promote ] && { promote=yes; shift; }
[ -x "$gmc" ] || { echo "there is no $gmc: run make" >&2; exit 1; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

cases() {
  if [ $# = 0 ]; then set -- tests/lang/*/; fi
  for place in "$@"; do
    case $place in
      *.gm) echo "$place" ;;
      *) ls "${place%/}"/*.gm 2>/dev/null ;;
    esac
  done
}

# expect FILE GOT: they are equal, or GOT is empty and there is no FILE
expect() {
  if [ -n "$promote" ]; then
    if [ -s "$2" ]; then cp "$2" "$1"; else rm -f "$1"; fi
  elif [ -f "$1" ]; then
    cmp -s "$1" "$2" || { diff -u "$1" "$2"; return 1; }
  elif [ -s "$2" ]; then
    echo "$1 is not there, but there is something to say:"
    cat "$2"
    return 1
  fi
}

run_case() {
  base=${1%.gm}
  IFS= read -r first <"$1"
  command=check
  case $first in '# run: '*) command=${first#\# run: } ;; esac
  # shellcheck disable=SC2086  # words are meant to be split
  timeout 20 "$gmc" $command "$1" >"$scratch/out" 2>"$scratch/err" </dev/null
  code=$?
  good=yes
  expect "$base.out" "$scratch/out" || good=
  expect "$base.err" "$scratch/err" || good=
  case $code in
    0) ;;
    1 | 64 | 65 | 66 | 78) [ -s "$scratch/err" ] || { echo "exit code $code without a word"; good=; } ;;
    *) echo "exit code $code"; good= ;;
  esac
  [ -n "$good" ]
}

for file in $(cases "$@"); do
  if run_case "$file"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED $file"
  fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
