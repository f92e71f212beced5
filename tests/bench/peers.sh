#!/bin/bash
# Speed beside JAX and PyTorch at their best, in turns: tests/bench/peers.sh [ROUNDS [SECONDS]]. JAX and TORCH name the Pythons that have
# them (JAX=~/jax/bin/python, after `python3 -m venv ~/jax` and `~/jax/bin/pip install jax`; TORCH the same with torch); without
# one its column is left out, without both only our own speed is printed. peer_jax.py and peer_torch.py say what is timed.
#
# For each model, batch and number of threads: medians over the rounds, and the ratio of ours to theirs in the same round
# with its range. Of one thread also milliseconds of processor time a step, which other work on the machine disturbs less.
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-5} seconds=${2:-4}
gmc=${GMC:-./gmc}
unset OPENBLAS_CORETYPE OMP_NUM_THREADS
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
TIMEFORMAT='%R %U %S'

run_for() {  # STEPS GMC-OPTION...: wall and processor seconds of a run of that many steps
  local steps=$1
  shift
  rm -rf "$scratch/run"
  { time "$gmc" run "$@" --steps "$steps" --out "$scratch/run" -q >/dev/null; } 2>&1 | awk '{ print $1, $2 + $3 }'
}

# The difference of a long run and a short one: no start, no measuring, no pictures. Both end within the first epoch.
# shellcheck disable=SC2086  # an option, or nothing
ours() {  # MODEL BATCH THREADS
  local few=40 many=440 size=
  case $1,$2 in
    dcgan,*) few=10 many=60 size='--set width=64 --set latent=100' ;;  # as wide as theirs
    masked_cnn,*) few=4 many=44 ;;
    *,128 | row_lstm,*) ;;
    *) few=100 many=1700 ;;
  esac
  local model=models/$1.gm
  [ -f "$model" ] || model=tests/bench/$1.gm
  {
    run_for $few "$model" --batch "$2" --threads "$3" $size
    run_for $many "$model" --batch "$2" --threads "$3" $size
  } | awk -v n=$((many - few)) 'NR == 1 { wall = $1; cpu = $2 }
    NR == 2 && $1 > wall && $2 > cpu { printf "%.2f %.4f\n", n / ($1 - wall), 1e3 * ($2 - cpu) / n; told = 1 }
    END { if (!told) print "nan nan" }  # other work weighed more on the short run than on the long one'
}

with_jax() {  # MODEL BATCH THREADS
  taskset -c "0-$(($3 - 1))" "$JAX" tests/bench/peer_jax.py "$1" --batch "$2" --seconds "$seconds" 2>/dev/null
}

with_torch() {  # MODEL BATCH THREADS: memory is kept rather than given back
  MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_TOP_PAD_=67108864 OMP_NUM_THREADS=$3 \
    "$TORCH" tests/bench/peer_torch.py "$1" --batch "$2" --threads "$3" --seconds "$seconds" 2>/dev/null
}

summary() {  # median, least and most of a column of numbers
  grep -v nan | sort -g | awk '{ a[NR] = $1 } END {
    m = NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2
    print m, a[1], a[NR] }'
}

peers=
[ -z "${JAX:-}" ] || peers="$peers jax"
[ -z "${TORCH:-}" ] || peers="$peers torch"

compare() {  # MODEL BATCH THREADS; convolutions and the LSTM in JAX are too slow to be waited for
  local against=$peers
  case $1 in dcgan | row_lstm | masked_cnn) against=${peers/ jax/} ;; esac
  rm -f "$scratch"/*.turns
  for _ in $(seq "$rounds"); do
    ours "$@" >>"$scratch/gmc.turns"
    for peer in $against; do "with_$peer" "$@" >>"$scratch/$peer.turns" || echo "nan nan" >>"$scratch/$peer.turns"; done
  done
  awk '{ print $1 }' "$scratch/gmc.turns" | summary | awk -v name="$1, batch $2" -v threads="$3" \
    '{ printf "%-16s %d thread(s)  gmc %7.1f steps/s", name, threads, $1 }'
  for peer in $against; do
    paste -d ' ' "$scratch/gmc.turns" "$scratch/$peer.turns" | grep -v nan | awk '{ print $1 / $3 }' | summary |
      awk -v peer="$peer" -v theirs="$(awk '{ print $1 }' "$scratch/$peer.turns" | summary)" \
        '{ split(theirs, t); printf "   %s %7.1f ratio %.2f (%.2f to %.2f)", peer, t[1], $1, $2, $3 }'
  done
  echo
  [ "$3" = 1 ] || return 0
  awk '{ print $2 }' "$scratch/gmc.turns" | summary | awk '{ printf "%-16s processor    gmc %7.2f ms a step", "", $1 }'
  for peer in $against; do
    paste -d ' ' "$scratch/gmc.turns" "$scratch/$peer.turns" | grep -v nan | awk '{ print $4 / $2 }' | summary |
      awk -v peer="$peer" -v theirs="$(awk '{ print $2 }' "$scratch/$peer.turns" | summary)" \
        '{ split(theirs, t); printf "   %s %7.2f ratio %.2f (%.2f to %.2f)", peer, t[1], $1, $2, $3 }'
  done
  echo
}

nproc | sed 's/$/ processors/'
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1
sed 's/^\([^ ]*\) .*/load \1/' /proc/loadavg
[ -z "${JAX:-}" ] || "$JAX" -c 'import jax; print("JAX", jax.__version__)'
[ -z "${TORCH:-}" ] || "$TORCH" -c 'import torch; print("PyTorch", torch.__version__)' 2>/dev/null
for threads in 1 2; do
  compare vae 128 $threads
  compare vae 32 $threads
  compare cvae 128 $threads
  compare gan 128 $threads
  compare dcgan 64 $threads
  compare row_lstm 64 $threads
  compare masked_cnn 32 $threads
done
sed 's/^\([^ ]*\) .*/load \1/' /proc/loadavg
