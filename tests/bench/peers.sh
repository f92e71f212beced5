#!/bin/sh
# Speed beside PyTorch, in turns: tests/bench/peers.sh [ROUNDS]. The opponent is $PEERS (a folder with `tuned`, a script
# that runs a peer at its best), ../shared/peers by default; without it only our own speed is printed.
# Prints the conditions, each round, and medians: steps a second and the ratio at the same work.
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-5}
peers=${PEERS:-../shared/peers}
gmc=${GMC:-./gmc}
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

openmp=/usr/lib/x86_64-linux-gnu/openblas-openmp
[ -d "$openmp" ] && export OPENBLAS_OPENMP="$openmp"

ours() {  # MODEL THREADS STEPS OPTION...: steps a second of the second epoch, measuring and pictures not counted
  model=$1 threads=$2 steps=$3
  shift 3
  rm -rf "$scratch/run"
  "$gmc" run "models/$model.gm" --threads "$threads" --steps "$steps" --out "$scratch/run" -v "$@" 2>&1 >/dev/null |
    sed -n 's/^epoch 2: .* s of training, \([0-9.e+]*\) steps\/s.*/\1/p'
}

theirs() {  # SCRIPT THREADS OPTION...
  script=$1 threads=$2
  shift 2
  "$peers/tuned" "$threads" "$script" --seconds 3 "$@" 2>/dev/null | sed -n 's/.*"steps_per_s": \([0-9.]*\).*/\1/p'
}

median() { sort -g | awk '{ a[NR] = $1 } END { print (NR % 2) ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }

compare() {  # NAME MODEL SCRIPT THREADS STEPS OUR-OPTIONS THEIR-OPTIONS
  : >"$scratch/ours"; : >"$scratch/theirs"; : >"$scratch/ratio"
  for round in $(seq "$rounds"); do
    a=$(ours "$2" "$4" "$5" $6)
    echo "$a" >>"$scratch/ours"
    [ -x "$peers/tuned" ] || continue
    b=$(theirs "$3" "$4" $7)
    [ -n "$b" ] || continue
    echo "$b" >>"$scratch/theirs"
    echo "$a $b" | awk '{ print $1 / $2 }' >>"$scratch/ratio"
  done
  printf '%-22s %d thread(s)  gmc %8.1f steps/s' "$1" "$4" "$(median <"$scratch/ours")"
  if [ -s "$scratch/ratio" ]; then
    printf '   PyTorch %8.1f   ratio %.2f (%.2f to %.2f)' "$(median <"$scratch/theirs")" "$(median <"$scratch/ratio")" \
      "$(sort -g "$scratch/ratio" | head -1)" "$(sort -g "$scratch/ratio" | tail -1)"
  fi
  echo
}

nproc | sed 's/$/ processors/'
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1
for round in 1 2 3; do
  "$gmc" run models/vae.gm --steps 1 --out "$scratch/first$round" -v 2>&1 >/dev/null | grep "first step"
done
for threads in 1 2; do
  compare "vae, batch 128" vae vae_mlp.py $threads 936 "" ""
  compare "vae, batch 32" vae vae_mlp.py $threads 3750 "--batch 32" "--batch 32"
  compare "cvae" cvae cvae_mlp.py $threads 936 "" ""
  compare "gan" gan gan_mlp.py $threads 936 "" "--freeze-d"
done
