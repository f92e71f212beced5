#!/bin/sh
# The command line from outside: exit codes, what is said and where, and what a run's folder is good for.
# shellcheck disable=SC2016  # backquotes in patterns are meant
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

awk -v OFS=, 'BEGIN { for (i = 0; i < 200; i++) print i % 2, int(i / 2) % 2, (i * 7) % 10 / 10, 1 - i % 2 }' >tiny.csv
mkdir models
cat >models/parts.gm <<'GM'
block layer(x, units) { x |> dense(units) |> tanh }
GM
cat >models/tiny.gm <<'GM'
model tiny
use "parts.gm"
param latent = 2
data x[4] in [0, 1] from csv("../tiny.csv")
prior z[latent] ~ normal(0, 1)
encoder q(z | x) {
  h = layer(x, 8)
  z ~ normal(dense(h, latent), exp(dense(h, latent)))
}
decoder p(x | z) { x ~ bernoulli(logits: z |> layer(8) |> dense(4)) }
objective elbo {
  z ~ q(z | x)
  maximize log p(x | z) - kl(q(z | x) || prior(z))
}
train {
  maximize elbo over q, p with adam(lr: 1e-2)
  batch 16, epochs 3
}
show dreams { z ~ prior(z)   grid mean p(x | z) }
GM
printf 'model bad\nparam a = 1 +\n' >bad.gm

# commands and options
says 0 'gmc run' --help
says 0 'gmc run' help
says 0 '--resume' run --help
says 0 '^gmc [0-9]*\.[0-9]' --version
says 64 'did you mean `gmc explain`' explan x.gm
says 64 'there is no command' frobnicate
says 64 'did you mean --epochs' run models/tiny.gm --epoch 3
says 64 'has no option' check models/tiny.gm --out x
says 64 'given twice' run models/tiny.gm --seed 1 --seed 2
says 64 'whole number from 1' run models/tiny.gm --epochs 0
says 64 'whole number from 1' run models/tiny.gm --epochs=1e3
says 64 'needs a value' run models/tiny.gm --out
says 64 'needs FILE' check
says 64 'needs a FILE' run
says 64 'NAME=VALUE' run models/tiny.gm --set latent
says 64 'NAME ~ DISTRIBUTION' run models/tiny.gm --prior z
says 64 'no use for' run models/tiny.gm other.gm

# models
says 0 '' check models/tiny.gm
holds 'check is silent' test ! -s out -a ! -s err
says 66 'nothing.gm' check nothing.gm
says 1 'bad.gm:2:.*error\[E0' check models/tiny.gm bad.gm
says 65 'bad.gm:2:.*error\[E0' run bad.gm
says 65 'latnt' run models/tiny.gm --set latnt=3
says 65 'did you mean `latent`' run models/tiny.gm --set latnt=3
says 65 '--set latent:1' run models/tiny.gm --set 'latent=(3'
says 65 '--prior z' run models/tiny.gm --prior 'z ~ nrmal(0, 1)'
says 65 'no prior of `w`' run models/tiny.gm --prior 'w ~ normal(0, 1)'
says 64 'no diagnostic E9999' explain E9999
says 0 'E0001' explain E0001
says 0 'elbo' explain models/tiny.gm
says 64 'did you mean graph' run models/tiny.gm --dump=grph
says 0 'matmul' run models/tiny.gm --dump=graph
holds 'nothing was written' test ! -e runs

# run files
printf 'params: {latnt: 3}\n' >a.yaml
says 65 'a.yaml:1' run models/tiny.gm -c a.yaml
printf 'param: {latent: 3}\n' >a.yaml
says 78 'a.yaml:1.*did you mean `params`' run models/tiny.gm -c a.yaml
printf 'seed: 1\nseed: 2\n' >a.yaml
says 78 'a.yaml:2.*twice' check models/tiny.gm -c a.yaml
says 66 'b.yaml' check models/tiny.gm -c b.yaml
printf 'sweep: {latent: [1, 2]}\n' >a.yaml
says 78 'sweep' explain models/tiny.gm -c a.yaml
printf 'sweep: {latent: [1, 2 +]}\n' >a.yaml
says 65 'a.yaml:1' run models/tiny.gm -c a.yaml
holds 'a bad sweep trains nothing' test ! -e runs

# a run, and its folder
printf 'priors:\n  z: laplace(0, 1)\ntrain: {batch: 8, epochs: 9}\nseed: 5\n' >a.yaml
says 0 'runs/tiny' run models/tiny.gm -c a.yaml --epochs 2 --set latent=3
holds 'the folder' test -f runs/tiny/weights.safetensors -a -f runs/tiny/model.gm -a -f runs/tiny/parts.gm
holds 'the settings' grep -q 'latent: 3' runs/tiny/config.yaml
holds 'the prior' grep -q 'laplace' runs/tiny/config.yaml
says 0 'runs/tiny-2' run models/tiny.gm --steps 3
says 73 'holds a run already' run models/tiny.gm --out runs/tiny
mv models/parts.gm models/parts.kept
says 0 'elbo' eval runs/tiny
says 0 '' sample runs/tiny -n 9 -o nine.png
says 0 '' sample runs/tiny -n 9 --mean -o nine.npy
holds 'an array' test "$(head -c 6 nine.npy | tail -c 5)" = NUMPY
says 64 'png, .npy or .csv' sample runs/tiny -o nine.jpg
says 65 'error\[E0623\].*`w`' sample runs/tiny --of w -o nine.png
says 65 'error\[E0624\].*`w`' sample runs/tiny --given w=1 -o nine.png
cat >models/scaled.gm <<'GM'
data x[2] from toy.moons
prior z[2] ~ normal(0, 1)
decoder p(x | z, width) { x ~ normal(z |> dense(2), exp(width)) }
objective fit { z ~ prior(z)   maximize log p(x | z, width: 1) }
train { maximize fit over p with adam(1e-3)   batch 8 }
GM
says 0 '' run models/scaled.gm --steps 2 -q --out runs/scaled
says 65 'error\[E0622\].*`width`' sample runs/scaled -o two.npy
says 0 '' sample runs/scaled --given width=0 -o two.npy
says 0 'dreams.png' show runs/tiny
says 0 'one.png' show runs/tiny dreams -o one.png
says 64 'did you mean `dreams`' show runs/tiny dream
says 66 'holds no run' eval models
says 66 'holds no run' run --resume nowhere
says 64 'with --resume only' run --resume runs/tiny --seed 4
says 0 '' run --resume runs/tiny --epochs 3

# what is measured: 1 to 21 in batches of 5, of which the last is smaller
seq 1 40 >train.csv
seq 1 21 >test.csv
cat >count.gm <<'GM'
model count
data x from csv("train.csv", test: "test.csv")
parameter w
objective fit { minimize square(w - x) }
metric own = x
metric met = sum(batch_mean([x]))
train { minimize fit over w with sgd(0.01)  batch 5, epochs 1 }
GM
for threads in 1 2; do says 0 '1 to 40, mean 20.5' run count.gm -v --out count$threads --threads $threads; done
says 0 '' run count.gm --out counted
says 0 '^own *11 +- 1.35$' eval counted
says 0 '^met *10.5 +- 3.23  over batches of 5$' eval counted
holds 'the record names the batch' grep -q '"met":10.5,"met_se":3.22[0-9]*,"met_batch":5}' counted/metrics.jsonl
holds 'so does the table' grep -q '^step,epoch,split,fit,fit_se,own,own_se,met,met_se,met_batch$' counted/metrics.csv
says 0 'coupled = true' emit count.gm
printf 'train: {batch: 22}\n' >large.yaml
says 65 'in `met` the 22 examples of a batch meet, but the test split has 21.*count.gm:2' run count.gm -c large.yaml --out large
holds 'nothing was begun' test ! -e large
mv models/parts.kept models/parts.gm

# what an output may take the place of
cp tiny.csv precious.npy
cp models/tiny.gm precious.png
: >empty.png
says 73 'precious.npy: is there, and is not an array.*--force' sample runs/tiny -n 2 -o precious.npy
says 73 'precious.png: is there, and is not a picture' sample runs/tiny -n 2 -o precious.png
says 73 'precious.png: is there' show runs/tiny dreams -o precious.png
says 73 'tiny.gm: is there, and is not a program that gmc wrote' emit models/tiny.gm -o models/tiny.gm
ln -s models/tiny.gm link.png
says 73 'link.png: is there' show runs/tiny dreams -o link.png
holds 'what is not ours stays' cmp models/tiny.gm precious.png
says 0 '' emit models/tiny.gm -o emitted.c
says 0 '' emit models/tiny.gm --seed 3 -o emitted.c
says 0 '' sample runs/tiny -n 2 -o empty.png
cp nine.npy own.npy
sed 's|csv("../tiny.csv")|npy("../own.npy")|' models/tiny.gm >models/own.gm
says 0 '' run models/own.gm --batch 4 --epochs 1 --out own
says 73 'own.npy: is data of the model' sample own -n 3 -o own.npy
says 0 '' emit models/tiny.gm -o precious.npy --force
holds 'with --force it does not' cmp -n 20 precious.npy emitted.c

says 0 '' run models/tiny.gm -c a.yaml --epochs 3 --set latent=3 --out whole
holds 'a resumed run is the whole one' cmp runs/tiny/metrics.jsonl whole/metrics.jsonl
says 0 '' run models/tiny.gm --shards 4 --steps 5 --out sharded
says 0 '4 shards: the gradient of each' explain models/tiny.gm --shards 4
says 65 'a batch of 16 cannot be cut into 3 shards' run models/tiny.gm --shards 3 --out uneven
holds 'shards are kept' grep -q '^  shards: 4$' sharded/config.yaml
says 0 '' run --resume sharded --steps 7
sed -i 's/shards: 4/shards: 2/' sharded/config.yaml
says 65 'made with shards 4, which is now 2; go on with what the run began with' run --resume sharded --steps 9
says 0 '' run models/tiny.gm -c runs/tiny/config.yaml --out again
holds 'a run repeats from its own settings' cmp again/metrics.jsonl whole/metrics.jsonl

flock runs/tiny/.lock "$gmc" run --resume runs/tiny --epochs 9 >out 2>err
holds 'one run at a time' test $? = 75
says 73 'tiny.csv' run models/tiny.gm --out tiny.csv
"$gmc" run models/tiny.gm --epochs 100000 --out cut >out 2>stopped &
while [ ! -s cut/weights.safetensors ] && kill -0 $!; do sleep 0.05; done
kill -TERM $!
wait $!
holds 'a clean stop' test $? = 143
holds 'it says how to go on' grep -q -e '--resume cut' stopped
says 0 '' run --resume cut --epochs 1

# phases, each with a batch of its own: a run goes on in them, and epochs are counted in all
cat >models/phases.gm <<'GM'
data x[2] from toy.moons(examples: 60)
parameter c, d
objective near { minimize square(sum(x) - c) }
objective far { minimize square(sum(x) - d) }
train { minimize near over c with adam(0.1)  every 2 { minimize far over d with sgd(0.1) }  batch 10, epochs 2 }
then { minimize far over d with adam(0.1)  batch 20, epochs 2, until step > 99 }
GM
says 0 'phase 2 of 2 from step 13 on: batch 20, 3 steps an epoch' run models/phases.gm --out phases
says 0 '' run models/phases.gm --out phases-9 -q --steps 9
says 0 '' run --resume phases-9 -q --steps 14
says 0 '' run --resume phases-9 -q
holds 'it went on in its phases' cmp phases/weights.safetensors phases-9/weights.safetensors
holds 'steps of both batches' grep -q '"step":18,"epoch":4,"split":"train","far_2"' phases/metrics.jsonl
says 0 '' run models/phases.gm --out phases-1 -q --epochs 3
holds 'three epochs' test "$(grep -c train phases-1/metrics.jsonl)" = 3
says 0 '' run --resume phases-1 -q --epochs 5
holds 'two more' test "$(grep -c train phases-1/metrics.jsonl)" = 5
says 0 'phase 2: batch 20, at most 2 epochs, until step > 99' explain models/phases.gm
says 0 'taken every 2 steps' explain models/phases.gm

# lines of one objective: told apart in training, measured once
cat >lines.gm <<'GM'
model lines
data x[2] from toy.moons(examples: 400)
net f(v | x) { v = x |> dense(4) |> tanh |> dense(2) }
net g(v | x) { v = x |> dense(2) }
objective error { minimize sum(square(x - f(x) - g(x))) }
metric error_2 = 1
train {
  minimize error over f with sgd(1e-2)
  minimize error over g with sgd(1e-2)
  batch 20, epochs 1
}
GM
says 0 '' run lines.gm --out lines -q
holds 'a name for each line' grep -q '"train","error":[^,]*,"error_3":[^,]*}$' lines/metrics.jsonl
holds 'measured once' grep -q '"test","error":[^,]*,"error_se":[^,]*,"error_2":1}$' lines/metrics.jsonl

# the folder of an emitted program is as good as any, where its arithmetic is; elsewhere it does not compile
for flag in -Ofast -ffinite-math-only; do
  ${CC:-cc} $flag -fsyntax-only emitted.c >out 2>err
  holds "$flag is refused" test $? != 0
  ${CC:-cc} $flag -fsyntax-only emitted.c 2>said
  holds '... in words' grep -q 'NaN and infinity are not seen' said
done
says 0 '' emit models/tiny.gm --set latent=3 --prior 'z ~ laplace(0, 1)' --batch 8 --epochs 3 -o tiny.c
holds 'it compiles' "${CC:-cc}" -O1 tiny.c -lm -lpthread -o tiny
holds 'it trains' ./tiny --out emitted --epochs 2 --seed 5 --threads 1
holds 'and again, in a folder of its own' ./tiny --epochs 1 -q
holds 'the next free one' test -f runs/tiny-3/model.gm
says 0 '' run models/tiny.gm --set latent=3 --prior 'z ~ laplace(0, 1)' --batch 8 --epochs 2 --seed 5 --threads 1 --out twin -q
holds 'the same folder' diff -r -x run.log -x times.csv -x .lock emitted twin
mkdir away
mv models/*.gm away  # its texts are in the folder
says 0 'elbo' eval emitted
says 0 '' sample emitted -n 4 -o four.npy
says 0 'dreams' show emitted
says 0 '' run --resume emitted --epochs 3 -q
holds 'nothing to warn of' test ! -s err
holds 'going on by gmc' cmp emitted/metrics.jsonl whole/metrics.jsonl
holds 'a folder of gmc' ./tiny --resume twin --epochs 3 -q
holds 'nothing to warn of' test ! -s out -a ! -s err
holds 'going on by the program' cmp twin/weights.safetensors emitted/weights.safetensors
mv away/*.gm models

# many short epochs: each has its line of metrics, and those have pictures for which there is time
cat >short.gm <<'GM'
model short
data x[2] from toy.moons(examples: 400)
net f(y | x) { y = x |> dense(4) |> tanh |> dense(2) }
objective err { minimize sum(square(x - f(x))) }
train { minimize err over f with adam(1e-2)  batch 50, epochs 400 }
show points { plot x, f(x)  points 40 }
GM
says 0 '' run short.gm --out short -q
holds 'a line for each epoch and split' test "$(wc -l <short/metrics.jsonl)" = 800
holds 'a picture for some' test "$(find short/shows -name 'points_*.png' | wc -l)" -lt 300
holds 'one of the last' cmp short/shows/points_0400.png short/shows/points.png
holds 'the curves' test -s short/loss.png

# a measure that is not finite
cat >far.gm <<'GM'
model far
data x[2] from toy.moons(examples: 400)
parameter w
net f(y | x) { y = x |> dense(2) }
objective o { minimize sum(square(f(x) - x)) + square(w - 3) }
metric far = exp(100 * w * abs(x[0]))
train { minimize o over f, w with sgd(0.01)  batch 20, epochs 5 }
GM
says 1 '`far` is inf on the test split, at epoch 1: examples 0 to 19' run far.gm --out measured -q
cp err told
holds 'its place' grep -q '^  first in .*far.gm:6: ' told
holds 'what helps' grep -q 'soft_clip' told
holds 'the weights are kept' grep -q 'the weights of step 20 are kept in measured/weights.safetensors' told
holds 'JSON without infinity' grep -q '"far":null,"not_finite":{"far":"inf"}}$' measured/metrics.jsonl
holds 'CSV with a word' grep -q '^20,1,test,.*,inf,$' measured/metrics.csv
says 1 '`far` is inf' eval measured
sed '/^metric/d' far.gm >measured/model.gm
says 0 '' run --resume measured -q

# sweeps
printf 'sweep:\n  latent: [1, 2]\n' >a.yaml
says 66 'none.csv: No such file' run models/tiny.gm -c a.yaml --data 'csv("none.csv")'
holds 'nothing is left of it' test -z "$(find runs -type d -empty)"
says 0 'run 2 of 2: latent=2' run models/tiny.gm -c a.yaml --epochs 1 --out swept
holds 'a folder for each' test -f swept/latent=1/metrics.jsonl -a -f swept/latent=2/metrics.jsonl
says 0 '' run models/tiny.gm -c a.yaml --epochs 1 --set latent=4 --out one -q
holds 'a param that is set is not swept' test -f one/metrics.jsonl

# exit codes, each once (70 is a mistake of our own); those of signals are with bad_disk.sh
printf 'model far\ndata x[2] from toy.moons\nparameter w\nobjective o { maximize exp(w + 0 * sum(x)) }\n' >far.gm
echo 'train { maximize o over w with sgd(1e9)   batch 100, epochs 1 }' >>far.gm
says 0 '^gmc' version
says 1 'is not finite' run far.gm --out far -q
says 1 'error\[E' check bad.gm
says 64 '' run --epochs
says 65 'error\[E' explain bad.gm
says 66 'No such file' check none.gm
says 71 'GiB of memory' run models/tiny.gm --set latent=200000000 --out far2
says 73 '' run models/tiny.gm --out tiny.csv/a
says 74 'No space left' emit models/tiny.gm -o /dev/full
exec 9<>runs/tiny/.lock && flock 9
says 75 'another run' run --resume runs/tiny --epochs 99
exec 9<&-
printf 'seeds: 1\n' >a.yaml
says 78 'a.yaml:1' run models/tiny.gm -c a.yaml

# nobody reads what a run prints
{ "$gmc" run models/tiny.gm --out unread --epochs 2; echo $? >code; } 2>err | true
holds 'that is an error of writing' test "$(cat code)" = 74 -o "$(cat code)" = 0
says 0 '' run models/tiny.gm --out read --epochs 2 -q
holds '... and the run is whole' cmp unread/weights.safetensors read/weights.safetensors

# a stack as small as can be
if ! grep -q __asan_init "$gmc"; then
  for what in 'check models/tiny.gm' 'explain models/tiny.gm' 'run models/tiny.gm --out small --set latent=700 -q' 'eval small' \
    'show small' 'sample small -n 3 -o small.npy' 'run --resume small --epochs 4 -q' 'emit models/tiny.gm -o small.c' 'help'; do
    # shellcheck disable=SC2086,SC3045
    (ulimit -s 512; exec "$gmc" $what) >out 2>err </dev/null
    holds "$what on a stack of 512 KiB" test $? = 0
  done
fi

# what must not go unnoticed
says 74 'No space' emit models/tiny.gm -o /dev/full
"$gmc" help >/dev/full 2>err
holds 'a full disk' test $? = 74
if ! grep -q __asan_init "$gmc"; then  # which needs terabytes of address space, and memory of its own
  for latent in 10 200000; do
    "$gmc" explain models/tiny.gm --set latent=$latent | sed -n 's/.*allocated for the run *\([0-9.]*\) MiB.*/\1/p'
    "$gmc" run models/tiny.gm --set latent=$latent --steps 2 --out memory -v 2>&1 >/dev/null |
      sed -n 's/.*memory: \([0-9.]*\) MiB.*/\1/p'
    rm -rf memory
  done | tr '\n' ' ' >out
  read -r foretold small foretold_large large <out
  holds "memory as explain foretells: $(cat out)" awk "BEGIN { more = $foretold_large - $foretold; held = $large - $small
    exit !(more > 50 && held > 0.95 * more - 2 && held < 1.05 * more + 2) }"
  (ulimit -v 100000; exec timeout 10 "$gmc" check models/tiny.gm) >out 2>err
  holds 'little address space is enough' test $? = 0
fi
printf 'x' | "$gmc" check /dev/stdin >out 2>err
holds 'no regular file' test $? -ne 0
head -c 100000 /dev/urandom >noise.gm
"$gmc" check noise.gm >out 2>err
holds 'noise' test $? = 1 -o $? = 65
cp -r runs/tiny broken
head -c 100 runs/tiny/weights.safetensors >broken/weights.safetensors
says 65 'broken/weights' eval broken
printf 'model x\n' >broken/model.gm
cp runs/tiny/weights.safetensors broken/
says 65 '' eval broken
printf 'files: {"../model.gm": x}\n' >broken/config.yaml
says 78 'no name of a file' eval broken

finish
