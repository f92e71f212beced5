#!/bin/sh
# How many lines of some files the programs of build/cover have run: tests/fuzz/cover.sh LEAST FILE...
# Fails where it is less than LEAST in a hundred, all files together.
set -eu
least=$1
shift
gcov -n -o build/cover/compiler "$@" 2>/dev/null | awk -v least="$least" -v files=" $* " '
  /^File/ { file = substr($2, 2, length($2) - 2) }
  /^Lines executed/ && index(files, " " file " ") {
    split($0, part, /[:% ]+/)
    printf "%6.2f%% of %4d lines  %s\n", part[3], part[5], file
    run += part[3] / 100 * part[5]
    lines += part[5]
    file = ""
  }
  END {
    printf "%6.2f%% of %4d lines\n", 100 * run / lines, lines
    exit !(lines && 100 * run >= least * lines)
  }'
