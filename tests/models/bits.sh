#!/bin/sh
# Same seed, same bits: tests/models/bits.sh [MODEL...], all of models/ by default. GMC names the program, ./gmc by default.
# Every model is trained for a few short epochs on little data: on one, two and three threads; stopped in the middle of an
# epoch and resumed; interrupted by Ctrl-C and resumed; with another seed; and in 8 shards, on as many threads, and stopped. All
# files of a run but its log, its settings and its record of threads must be the same to the byte, and differ with the seed.
. "$(dirname "$0")/common.sh"

# The first N images or labels of an IDX file, as one of its own: cut_idx FROM TO HEADER SIZE N, N below 65536
cut_idx() {
  { gzip -dc "$1" | head -c 4
    printf '\000\000%b%b' "\\0$(printf %o $(($5 / 256)))" "\\0$(printf %o $(($5 % 256)))"
    gzip -dc "$1" | tail -c +9 | head -c $(($3 - 8 + $4 * $5)); } | gzip -1 >"$2"
}

mkdir "$work/mnist"
for split in train:500 t10k:150; do
  name=${split%:*} n=${split#*:} from=models/data/mnist to=$work/mnist
  cut_idx "$from/$name-images-idx3-ubyte.gz" "$to/$name-images-idx3-ubyte.gz" 16 784 "$n" 2>/dev/null  # gzip finds its reader gone
  cut_idx "$from/$name-labels-idx1-ubyte.gz" "$to/$name-labels-idx1-ubyte.gz" 8 1 "$n" 2>/dev/null
done

# The models, with less of the same data, which they are measured by less of
mkdir "$work/models" "$work/models/data"
cp models/data/*.safetensors "$work/models/data"
for model in models/*.gm; do
  data=$(own_data "$model")
  sed -E -e "${data:+s#from (text|images)\(.*#from $data#; t}" -e '/^data .* from /{
    s#from mnist(\([^|\#]*\))?#from mnist("'"$work"'/mnist")#
    t
    s#from ([a-z_.0-9]+)(\([^|\#]*\))?#from \1(examples: 1000)#
  }
  s#(gathered\(.*\), )[0-9]+\)#\150)#
  s#n: 2000#n: 100#' "$model" >"$work/models/$(basename "$model")"
done

# The number of the last step of a run, times a share in percent: step FOLDER SHARE
step() {
  last=$(tail -n 1 "$work/$1/metrics.jsonl" | sed 's/.*"step":\([0-9]*\).*/\1/')
  echo $((last * $2 / 100))
}

train() {  # train FOLDER ARGUMENT...: a run of the model `name`
  into=$1
  shift
  ${instead:-} "$gmc" run "$work/models/$name.gm" --batch "$batch" --epochs "$epochs" -q --seed "$seed" --checkpoint 1 --out "$work/$into" "$@"
}

resume() {  # resume FOLDER ARGUMENT...
  from=$1
  shift
  "$gmc" run --resume "$work/$from" -q --checkpoint 1 "$@"
}

same() {  # same A B: all files, both ways
  same_run "$work/$1" "$work/$2"
}

differ() {  # differ A B: what was measured
  ! cmp -s "$work/$1/metrics.jsonl" "$work/$2/metrics.jsonl"
}

# Ctrl-C once the first epoch is over: the run must end with 130 before it is complete.
interrupt() {
  instead="exec" train "$1" --threads 2 &
  run=$!
  turns=0
  while [ ! -s "$work/$1/metrics.jsonl" ] && [ $turns -lt 3000 ]; do
    sleep 0.01
    turns=$((turns + 1))
  done
  kill -INT $run
  wait $run
  code=$?
  rows=$(wc -l <"$work/$1/metrics.jsonl")
  echo "exit code $code after $rows lines of metrics.jsonl"
  [ $code = 130 ] && [ "$rows" -lt "$(wc -l <"$work/$name-1/metrics.jsonl")" ]
}

# shellcheck disable=SC2046  # names without spaces
[ $# -gt 0 ] || set -- $(grep -l '^train' models/*.gm)
for model in "$@"; do
  name=$(basename "$model" .gm) epochs=5 seed=7 batch=100
  if grep -q "^data .* from toy" "$model"; then epochs=10; fi
  if grep -q "^data .* from images" "$model"; then epochs=10 batch=32; fi
  if grep -q "repeat [0-9]" "$model"; then batch=32; fi  # a round takes so many times as much of little data
  check "$name: one thread" train "$name-1" --threads 1
  ! grep '^show' "$model" | grep -qv ' over \(epoch\|step\) ' || check "$name: pictures" test "$(find "$work/$name-1/shows" -name '*.png' | wc -l)" -gt $epochs
  for threads in 2 3; do
    check "$name: $threads threads" train "$name-$threads" --threads $threads
    check "$name: $threads threads, the same files" same "$name-1" "$name-$threads"
  done
  check "$name: stopped" train "$name-stopped" --threads 2 --steps "$(step "$name-1" 52)"
  check "$name: stopped before the end" differ "$name-1" "$name-stopped"
  check "$name: stopped again" resume "$name-stopped" --threads 1 --steps "$(step "$name-1" 76)"
  check "$name: resumed" resume "$name-stopped" --threads 3
  check "$name: resumed, the same files" same "$name-1" "$name-stopped"
  check "$name: Ctrl-C" interrupt "$name-interrupted"
  check "$name: resumed after Ctrl-C" resume "$name-interrupted" --threads 1
  check "$name: resumed after Ctrl-C, the same files" same "$name-1" "$name-interrupted"
  seed=8
  check "$name: another seed" train "$name-other"
  check "$name: another seed, other numbers" differ "$name-1" "$name-other"
  seed=7 batch=$((batch / 8 * 8))
  for threads in 1 2 3; do
    check "$name: 8 shards, $threads threads" train "$name-shards-$threads" --threads $threads --shards 8
    check "$name: 8 shards, $threads threads, the same files" same "$name-shards-1" "$name-shards-$threads"
  done
  check "$name: 8 shards, stopped" train "$name-shards-stopped" --threads 2 --shards 8 --steps "$(step "$name-shards-1" 52)"
  check "$name: 8 shards, resumed" resume "$name-shards-stopped" --threads 1
  check "$name: 8 shards, resumed, the same files" same "$name-shards-1" "$name-shards-stopped"
  check "$name: one shard" train "$name-shard"
  check "$name: one shard, to other roundings" differ "$name-shards-1" "$name-shard"
done

finish
