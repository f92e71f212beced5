#!/bin/sh
# Another processor: gmc's sources compile for aarch64; an emitted program does, and run under emulation leaves the bytes that
# `gmc run` leaves here; gmc itself says so where a processor is older than the one it was built for. The model has what
# processors differ in: sums, fused products, NaN, subnormal numbers.
. "$(dirname "$0")/common.sh"
if ! ./setup.sh --check cross 2>/dev/null; then
  echo 'skipped: no cross compiler and emulator here (./setup.sh cross)'
  exit 0
fi

train() {  # train FOLDER COMMAND...: ends with 1, for a metric is not a number
  folder=$1
  shift
  "$@" --out "$work/$folder" --steps 40 --seed 7 --threads 2 >"$work/$folder.out"
  [ $? = 1 ]
}

# libraries' headers are the same for all processors
sources() {
  for f in runtime/*/*.c compiler/*/*.c; do
    aarch64-linux-gnu-gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Ibuild/release \
      -Icompiler -Iruntime -idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)" "$f" || return 1
  done
}
check "gmc's sources" sources

{
  cat models/vae_toy.gm
  echo 'metric undefined = log(-1 - square(x[0]))'
  echo 'metric tiny = max(1e-40, min(x[0], -1))'
} >"$work/m.gm"
check 'gmc run' train here "$gmc" run "$work/m.gm"
check 'a NaN has no sign' grep -q 'undefined nan' "$work/here.out"
check 'a subnormal number is 0' grep -q 'tiny 0 ' "$work/here.out"
check 'gmc emit' "$gmc" emit "$work/m.gm" -o "$work/m.c"
flags='-O3 -ffp-contract=off'
check 'aarch64-linux-gnu-gcc' aarch64-linux-gnu-gcc -static -Wall -Wextra -Werror $flags "$work/m.c" -lm -lpthread -o "$work/m"
check 'the emulated run' train there qemu-aarch64 "$work/m"
check 'its output' diff "$work/here.out" "$work/there.out"
for file in weights.safetensors metrics.jsonl metrics.csv; do
  check "its $file" cmp "$work/here/$file" "$work/there/$file"
done
if [ "$(uname -m)" = x86_64 ] && strings "$gmc" | grep -q ' AVX2 '; then
  qemu-x86_64 -cpu Nehalem "$gmc" --version 2>"$work/said"
  check 'an old processor: exit code' test $? = 69
  check 'an old processor: a line' grep -q 'built for a processor with avx' "$work/said"
fi
finish
