#!/bin/sh
# Games that are made to fail, each in its own way, and healthy ones: what a run says of them, and when. SEEDS says how many of each kind are
# trained, 1 by default; with ten, at least nine of each kind are to be told before the middle of the training, and called by their names,
# and of twenty healthy ones at most one is to be told ill. They are games in the plane, with several seeds on a grid too, and with PICTURES, a
# list of `mnist` and folders of the same four files, such as Debian's /usr/share/datasets/fashion-mnist, of small networks on pictures. Limits
# were set on eight normals and on digits: the grid and the clothes judge them.
. "$(dirname "$0")/common.sh"
seeds=${SEEDS:-1}

plane() {  # plane NAME SED...: a model of the family
  model=$1
  shift
  sed "$@" >"$work/$model.gm" <<'END'
model plane
data x[2] from toy.eight(examples: 10000)
prior z[2] ~ normal(0, 1)
generator G(x | z) { x = z |> dense(64) |> relu |> dense(64) |> relu |> dense(2) }
discriminator D(real | x) { real ~ bernoulli(logits: x |> dense(64) |> relu |> dense(64) |> relu |> dense(1) |> sum) }
objective discern { z ~ prior(z)   maximize log D(1 | x) + log D(0 | G(z)) }
objective deceive { z ~ prior(z)   maximize log D(1 | G(z)) }
train {
  maximize discern over D with adam(1e-3, beta1: 0.5)
  maximize deceive over G with adam(1e-3, beta1: 0.5)
  batch 128, epochs 40
}
END
}

# normals KINDS DEVIATION X Y: examples of so many normals as a table, the k-th about (X, Y): 2574 examples to train on, and 286 held out
normals() {
  awk 'function u() { s = (s * 16807) % 2147483647; return s / 2147483647 }
       BEGIN { s = 1
               for (i = 0; i < 2860; i++) {
                 k = int('"$1"' * u()); r = '"$2"' * sqrt(-2 * log(u())); a = 6.2831853 * u()
                 printf "%.6f,%.6f\n", '"$3"' + r * cos(a), '"$4"' + r * sin(a)
               } }'
}
normals 8 0.1 '2 * cos(k * 0.78539816)' '2 * sin(k * 0.78539816)' >"$work/eight.csv"
normals 25 0.05 'k % 5 - 2' 'int(k / 5) - 2' >"$work/grid.csv"

# D ten times as fast, and ten times as often; G ten times as often; a D that sees no more than on which side of a line x lies; a G that draws
# three hundred training examples from memory
plane strong -e 's/over D with adam(1e-3/over D with adam(1e-2/; s/maximize discern over.*/repeat 10 { & }/; s/epochs 40/epochs 150/'
plane collapse -e 's/maximize deceive over.*/repeat 10 { & }/; s/epochs 40/epochs 150/'
plane weak -e 's/logits: .*)  *}/logits: x |> dense(1) |> sum) }/'
plane copies -e 's/toy.eight(examples: 10000)/csv("eight.csv", columns: [[0, 1]], header: false, holdout: last(0.1))/; s/G(z)/G(z, u)/; s/z ~ prior(z) /z ~ prior(z)   u ~ prior(u) /' \
  -e 's/^generator.*/parameter memory[300, 2] = sample(x, 300)\nprior u ~ uniform(0, 300)\ngenerator G(x | z, u) { x = memory[u] + 1e-4 * (z |> dense(16) |> tanh |> dense(2)) }/'
plane mended -e 's/over D with adam(1e-3/over D with adam(1e-2/; s/maximize discern over.*/when recent(discern) < -0.7 { & }/'  # what is said to be tried
plane eight -e ''
# with G as fast as D, two seeds of ten come to nothing on moons, which is told
plane moons -e 's/toy.eight/toy.moons/; s/over G with adam(1e-3/over G with adam(3e-4/'
for name in strong collapse weak copies mended; do sed 's/toy\.eight/toy.grid/; s/eight\.csv/grid.csv/' "$work/$name.gm" >"$work/grid_$name.gm"; done
plane grid -e 's/toy.eight/toy.grid/'

# a critic that is a plane, and a G that moves its samples: both go round the middle of the data
cat >"$work/round.gm" <<'END'
model round
source blob(examples: 10000) { gaussian(zeros(2)) }
data x[2] from blob
prior z[2] ~ normal(0, 1)
generator G(x | z) { weight t[2] = 1.5   x = z + t }
net D(s | x) { s = x |> dense(1) |> sum }
objective discern { z ~ prior(z)   maximize D(x) - D(G(z)) }
objective deceive { z ~ prior(z)   maximize D(G(z)) }
train {
  maximize discern over D with sgd(0.02)
  maximize deceive over G with sgd(0.02)
  batch 128, epochs 40
}
END
sed 's/epochs 40/average ema(G, 0.999), epochs 40/' "$work/round.gm" >"$work/averaged.gm"
# hidden units that nothing wakes: D says the same of all, and G has no gradient
plane silent -e 's/x |> dense(64) |> relu |> dense(64) |> relu/x |> dense(64) |> dead/; s/^data/function dead(h) = relu(h - 1000)\n&/; s/epochs 40/epochs 10/'

pictures() {  # pictures NAME DATA SED...: a model of the family of pictures
  model=$1 source=$2
  shift 2
  sed "$@" >"$work/$model.gm" <<END
model pictures
data x[28, 28] in [-1, 1] from $source
prior z[32] ~ normal(0, 1)
generator G(x | z) { x = z |> dense(128) |> relu |> dense(784) |> tanh |> reshape(28, 28) }
discriminator D(real | x) { real ~ bernoulli(logits: flatten(x) |> dense(128) |> leaky_relu |> dense(1) |> sum) }
objective discern { z ~ prior(z)   maximize log D(1 | x) + log D(0 | G(z)) }
objective deceive { z ~ prior(z)   maximize log D(1 | G(z)) }
train {
  maximize discern over D with adam(2e-4, beta1: 0.5)
  maximize deceive over G with adam(5e-4, beta1: 0.5)
  batch 64, epochs 3
}
END
}

family() {  # family NAME DATA: as in the plane; also D ten times as fast in the game that is one sum
  pictures "$1_strong" "$2" -e 's/over D with adam(2e-4/over D with adam(2e-3/; s/maximize discern over.*/repeat 10 { & }/'
  pictures "$1_mended" "$2" -e 's/over D with adam(2e-4/over D with adam(2e-3/; s/maximize discern over.*/when recent(discern) < -0.7 { & }/'
  pictures "$1_saturated" "$2" -e 's/over D with adam(2e-4/over D with adam(2e-3/; s/over G with adam(5e-4, beta1: 0.5)/over G with sgd(1e-2)/' \
    -e 's/maximize log D(1 | G/minimize log D(0 | G/; s/maximize deceive/minimize deceive/; s/epochs 3/epochs 1/'
  pictures "$1_collapse" "$2" -e 's/maximize deceive over.*/repeat 10 { & }/'
  pictures "$1_weak" "$2" -e 's/logits: .*)  *}/logits: flatten(x) |> dense(1) |> sum) }/; s/epochs 3/epochs 2/'
  pictures "$1_copies" "$2" -e 's/G(z)/G(z, u)/; s/z ~ prior(z) /z ~ prior(z)   u ~ prior(u) /; s/epochs 3/epochs 1/' \
    -e 's/^generator.*/parameter memory[300, 28, 28] = sample(x, 300)\nprior u ~ uniform(0, 300)\ngenerator G(x | z, u) { x = memory[u] + 1e-3 * (z |> dense(16) |> tanh |> dense(784) |> reshape(28, 28)) }/'
  pictures "$1_silent" "$2" -e 's/leaky_relu/dead/; s/epochs 3/epochs 1/; s/^data/function dead(h) = relu(h - 50)\n&/'
  pictures "$1_healthy" "$2" -e ''
}

share=5
said() {  # said NAME SEED: the words about its health
  rm -rf "$work/run"
  $gmc run "$work/$1.gm" --out "$work/run" --seed "$2" --threads 1 --health "$share" 2>"$work/told" >/dev/null || echo '0: no run'
  sed -n 's/^health: step //p' "$work/told"
}

tell() {  # tell NAME WORDS: how many of all seeds are told in time, and rightly
  right=0 latest=0
  for seed in $(seq "$seeds"); do
    words=$(said "$1" "$seed")
    first=$(echo "$words" | head -n 1)
    steps=$(tail -n 1 "$work/run/metrics.csv" | cut -d , -f 1)
    case $first in
      *": $2:"*)
        percent=$((100 * ${first%%:*} / steps))
        [ $percent -ge 50 ] || { right=$((right + 1)); [ $percent -le $latest ] || latest=$percent; continue; }
        ;;
    esac
    echo "$1, seed $seed: ${first:-nothing}, of $steps steps"
  done
  echo "$1: $right of $seeds told in time, the last after $latest% of the training"
  check "$1: $right of $seeds told in time" test $((10 * right)) -ge $((9 * seeds))
}

tell strong 'D is too strong'
tell collapse 'G has collapsed onto few modes'
tell weak 'D is too weak'
tell copies 'G copies'
tell silent 'G has no signal'
tell round 'D and G go round each other'
said averaged 1 >"$work/words"
check 'the average ends it' sh -c "! tail -n 1 '$work/words' | grep -v 'no longer: D and G go round'"

alarms=0 games=0
healthy() {  # healthy NAME: counts those that are told ill
  before=$alarms games=$((games + seeds))
  for seed in $(seq "$seeds"); do
    words=$(said "$1" "$seed" | head -n 1)
    [ -z "$words" ] || { alarms=$((alarms + 1)); echo "$1, seed $seed: $words"; }
  done
  echo "$1: $((alarms - before)) of $seeds told ill"
}
few_alarms() {  # few_alarms: of all games that were healthy
  check "$alarms false alarms in $games healthy games" test $((20 * alarms)) -le "$games"
  alarms=0 games=0
}
healthy eight
healthy moons
healthy mended
[ "$seeds" = 1 ] || {
  tell grid_strong 'D is too strong'
  tell grid_collapse 'G has collapsed onto few modes'
  tell grid_weak 'D is too weak'
  tell grid_copies 'G copies'
  healthy grid
  healthy grid_mended
}
few_alarms

# trainings so short that a moment is a good part of them
share=100
for data in ${PICTURES-}; do
  name=$(basename "$data") files=$data
  [ "$data" = mnist ] || files="idx(\"$data/train-images-idx3-ubyte.gz\", test: \"$data/t10k-images-idx3-ubyte.gz\")"
  family "$name" "$files"
  tell "${name}_strong" 'D is too strong'
  tell "${name}_saturated" 'D is too strong'
  tell "${name}_collapse" 'G has collapsed onto few modes'
  tell "${name}_weak" 'D is too weak'
  tell "${name}_copies" 'G copies'
  tell "${name}_silent" 'G has no signal'
  healthy "${name}_healthy"
  healthy "${name}_mended"
  few_alarms
done
# what it may cost: a moment's cost is how much longer a run takes that has them all, and that times the moments of a run is what it may cost, or
# half as much again on a machine that does other things; the last of them, which is begun within the share, may take four times as long as others
cat >"$work/dear.gm" <<'END'
model dear
source blob(examples: 3000) { gaussian(zeros(200)) }
data x[200] from blob
prior z[2] ~ normal(0, 1)
generator G(x | z) { x = z |> dense(16) |> relu |> dense(200) }
discriminator D(real | x) { real ~ bernoulli(logits: x |> dense(16) |> leaky_relu |> dense(1) |> sum) }
objective discern { z ~ prior(z)   maximize log D(1 | x) + log D(0 | G(z)) }
objective deceive { z ~ prior(z)   maximize log D(1 | G(z)) }
train {
  maximize discern over D with adam(1e-3, beta1: 0.5)
  maximize deceive over G with adam(1e-3, beta1: 0.5)
  batch 16, epochs 60
}
END
worked() {  # worked PERCENT: the seconds of the processor that the run takes
  (
    $gmc run "$work/dear.gm" --out "$work/dear$1" --threads 1 --health "$1" -q
    times
  ) | awk -F '[ms ]' 'END { print 60 * $1 + $2 }'
}
none=$(worked 0) some=$(worked 5) all=$(worked 100)
awk -v none="$none" -v some="$some" -v all="$all" '
  function field(name) { match($0, "\"" name "\":[0-9.]*"); return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) }
  FNR == 1 { run++ }
  { moments[run]++; told[run] = field("seconds"); of[run] = field("of") }
  END {
    one = (all - none) / moments[2]; limit = 0.25 + 0.05 * some
    printf "of %.2f s %d moments of %.4f s each, %.3f s as the run tells: %.3f s are allowed; all %d: %.3f s, as the run tells %.3f s\n",
      some, moments[1], one, told[1], limit, moments[2], all - none, told[2]
    exit !(moments[2] > 2 * moments[1] && moments[1] * one < 1.5 * (limit + one) && told[1] < limit + 4 * one && of[1] < some &&
           told[2] > (all - none) / 1.5 && told[2] < (all - none) * 1.5)
  }' "$work/dear5/health.jsonl" "$work/dear100/health.jsonl" >"$work/cost"
held=$?
check "its share of the time: $(cat "$work/cost")" test $held = 0
# it costs no bit, and a folder that is no run's keeps its file
$gmc run "$work/eight.gm" --out "$work/none" --epochs 4 --health 0 -q
$gmc run "$work/eight.gm" --out "$work/all" --epochs 4 --health 100 --threads 2 -q
for file in weights.safetensors metrics.jsonl; do check "its $file" cmp "$work/none/$file" "$work/all/$file"; done
check 'all moments' test "$(grep -c '"ranked"' "$work/all/health.jsonl")" = 62  # each fifth of 312 steps
check 'none' test ! -e "$work/none/health.jsonl"
check 'a program' $gmc emit "$work/eight.gm" -o "$work/eight.c"
check 'it compiles' cc -O2 -Wall -Wextra -Werror -ffp-contract=off "$work/eight.c" -lz -lm -lpthread -o "$work/eight"
check 'it runs' "$work/eight" --out "$work/emitted" --epochs 4 --health 100 -q
for run in all emitted; do sed 's/,"seconds":.*//' "$work/$run/health.jsonl" >"$work/$run.figures"; done
check 'the same figures' cmp "$work/all.figures" "$work/emitted.figures"
finish
