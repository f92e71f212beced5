#!/bin/sh
# Products by OpenBLAS: tests/models/products.sh [MODEL...], all of models/ by default. GMC names the program, ./gmc by default.
# Every model is trained so on one, two and three threads and by its emitted program, on one and on two: the same bytes. What is
# measured after three steps is what our own products lead to, but for roundings; later Adam, which takes a whole step where a gradient
# is rounding alone, has led some games elsewhere. With kernels for another processor, where those run here too.
. "$(dirname "$0")/common.sh"
unset OPENBLAS_CORETYPE

train() {  # train FOLDER THREADS COMMAND...
  into=$1 threads=$2
  shift 2
  "$@" --out "$work/$into" --steps "${STEPS:-3}" --seed 7 --threads "$threads" --checkpoint 1 >"$work/$into.out"
}

same() {  # same A B: all files, both ways
  same_files "$work/$1" "$work/$2"
}

# Numbers of the last line, one beside the other: a few steps leave them apart by little
near() {  # near A B
  tail -n 1 "$work/$1.out" | tr -s ' ' '\n' >"$work/a"
  tail -n 1 "$work/$2.out" | tr -s ' ' '\n' >"$work/b"
  paste "$work/a" "$work/b" | awk '
    $1 == $2 { next }
    { d = $1 - $2; if (d < 0) d = -d; s = $1 < 0 ? -$1 : $1; if (!(d <= 1e-4 * s + 1e-5)) { print; bad = 1 } }
    END { exit bad || NR < 4 }'
}

differ() { ! cmp -s "$work/$1/weights.safetensors" "$work/$2/weights.safetensors"; }

# shellcheck disable=SC2046  # names without spaces
[ $# -gt 0 ] || set -- $(grep -l '^train' models/*.gm)
for model in "$@"; do
  name=$(basename "$model" .gm)
  data=$(own_data "$model")
  check "$name: own" train "$name-own" 1 "$gmc" run "$model" --products own ${data:+--data "$data"}
  for threads in 1 2 3; do
    check "$name: $threads threads" train "$name-$threads" $threads "$gmc" run "$model" --products openblas ${data:+--data "$data"}
    check "$name: $threads threads, the same files" same "$name-1" "$name-$threads"
  done
  check "$name: near our own" near "$name-own" "$name-1"
  check "$name: emit" "$gmc" emit "$model" --products openblas -o "$work/$name.c" ${data:+--data "$data"}
  libraries=$(sed -n 's/^\/\/   cc .* train\.c \(.*\) -o train$/\1/p' "$work/$name.c")
  check "$name: cc" gcc -O1 -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/$name.c" $libraries -o "$work/$name"
  for threads in 1 2; do
    check "$name: emitted, $threads threads" train "$name-emitted-$threads" $threads "$work/$name"
    check "$name: emitted, $threads threads, the same files" same "$name-1" "$name-emitted-$threads"
  done
done

record=$work/$name-1/run.json
check 'the record names the library' grep -q '"products": "openblas [0-9.]* [A-Za-z0-9]*"' "$record"
if grep -qw avx2 /proc/cpuinfo; then
  check 'kernels that fit the processor' sh -c "! grep -q Prescott '$record'"
  export OPENBLAS_CORETYPE=Haswell  # whose sums depend on how rows are cut
  for threads in 1 2; do
    check "for Haswell, $threads threads" train "$name-haswell-$threads" $threads "$gmc" run "$model" --products openblas ${data:+--data "$data"}
    check 'the record says so' grep -q '"products": "openblas .* Haswell"' "$work/$name-haswell-$threads/run.json"
  done
  check 'for Haswell: the same files' same "$name-haswell-1" "$name-haswell-2"
  check 'to other roundings' differ "$name-1" "$name-haswell-1"
fi

finish
