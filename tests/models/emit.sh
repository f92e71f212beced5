#!/bin/sh
# Emitted programs against `gmc run`, file by file: tests/models/emit.sh MODEL...
# Every model is trained for a few steps by gmc and by its emitted program, compiled by gcc and clang (COMPILERS names others) with warnings
# as errors; the losses printed and all files of the runs but run.log (times), and but what says how many threads there were, must be equal to
# the byte.
. "$(dirname "$0")/common.sh"
steps=${STEPS:-12}
compilers=${COMPILERS:-gcc clang}

train() {  # train FOLDER OUTPUT THREADS COMMAND...
  folder=$1 output=$2 threads=$3
  shift 3
  "$@" --out "$folder" --steps "$steps" --seed 7 --threads "$threads" --checkpoint 1 >"$output"
}

for model in "$@"; do
  name=$(basename "$model" .gm)
  data=$(own_data "$model")
  check "$name: gmc run" train "$work/$name" "$work/$name.out" 1 "$gmc" run "$model" ${data:+--data "$data"}
  check "$name: gmc emit" "$gmc" emit "$model" -o "$work/$name.c" ${data:+--data "$data"}
  flags=$(sed -n 's/^\/\/   cc \(.*\) train\.c .*/\1/p' "$work/$name.c")
  libraries=$(sed -n 's/^\/\/   cc .* train\.c \(.*\) -o train$/\1/p' "$work/$name.c")
  for cc in $compilers; do
    [ $cc = gcc ] || flags=-O2  # no flag is needed for the bits, and no kind of processor
    program=$work/$name-$cc
    check "$name: $cc as C11" $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/$name.c"
    check "$name: $cc" $cc -Wall -Wextra -Wpedantic -Werror $flags "$work/$name.c" $libraries -o "$program"
    for threads in 1 2; do
      check "$name: $cc, $threads threads" train "$program-$threads" "$program-$threads.out" $threads "$program"
      check "$name: $cc, $threads threads: losses" diff "$work/$name.out" "$program-$threads.out"
      check "$name: $cc, $threads threads: files" same_files "$work/$name" "$program-$threads"
    done
  done
done

# a batch in shards
check "$name: shards" train "$work/shards" "$work/shards.out" 1 "$gmc" run "$model" --shards 4 ${data:+--data "$data"}
check "$name: shards: gmc emit" "$gmc" emit "$model" --shards 4 -o "$work/shards.c" ${data:+--data "$data"}
check "$name: shards: cc" gcc -O1 -march=native -Wall -Wextra -Wpedantic -Werror -ffp-contract=off "$work/shards.c" $libraries -o "$work/shards-program"
check "$name: shards: emitted" train "$work/shards-emitted" "$work/shards-emitted.out" 2 "$work/shards-program"
check "$name: shards: files" same_files "$work/shards" "$work/shards-emitted"

# clang has no macro for these: the program itself sees that sums are taken in another order
refuses() { "$@" 2>"$work/err"; [ $? = 70 ] && grep -q 'compiled with' "$work/err"; }
case $compilers in
  *clang*)
    check "clang: unsafe sums" clang -O2 -funsafe-math-optimizations "$work/$name.c" $libraries -o "$work/unsafe"
    check "clang: unsafe sums are refused" refuses "$work/unsafe" --out "$work/unsafe-run"
    check "... and nothing is begun" test ! -e "$work/unsafe-run" ;;
esac

finish
