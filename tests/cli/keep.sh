#!/bin/sh
# What a run keeps, from outside: the best epoch and the best start in the folder, used by sample, show and eval; an emitted
# program with the same files; a run that is killed anywhere goes on to them.
. "$(dirname "$0")/common.sh"

cat >kept.gm <<'END'
model kept
data x[2] from toy.moons(examples: 400)
prior z[2] ~ normal(0, 1)
encoder q(z | x) { z ~ normal(dense(x, 2), exp(dense(x, 2))) }
decoder p(x | z) { x ~ normal(z |> dense(8) |> tanh |> dense(2), 0.3) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
objective narrow { minimize sum(square(mean q(z | x))) }
metric off = sum(square(x - mean p(x | z: mean q(z | x))))
let rule = adam(1e-2)
train {
  maximize elbo over q, p with rule
  every 3 { minimize narrow over q with rule }
  average ema(q, p, 0.98)
  batch 20, epochs 4, keep best(elbo), restarts 3
}
show draws { z ~ prior(z)   plot mean p(x | z) }
END
says 0 'keep best(elbo): the weights of the epoch where elbo is largest' explain kept.gm
says 0 'shares what it keeps with line 2' explain kept.gm
says 0 'best.safetensors: best elbo' run kept.gm --out whole
holds 'three starts are told' test "$(grep -c '"split":"start"' whole/metrics.jsonl)" = 3
holds 'the record' grep -q '"keep": "elbo"' whole/run.json

# the last figure that was the best so far is the largest of all
best() { awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "elbo") o = i; if ($i == "best") b = i } next }
  $3 == "test" { if (n == 0 || $o > most) most = $o; n++; if ($b == 1) told = $o } END { exit !(n == 12 && told == most) }' whole/metrics.csv; }
holds 'the best epoch' best
figure() { grep "^elbo" out | awk '{ print $2 }'; }
says 0 'the weights of the best elbo' eval whole
holds 'it measures as it did' test "$(figure)" = "$(sed -n 's/.*best.safetensors: best elbo \([^ ]*\) .*/\1/p' whole/run.log)"
says 0 'the weights of the best elbo' sample whole -n 8 -o drawn.npy
says 0 'the weights of the best elbo' show whole draws -o drawn.png
says 0 '' sample whole@last -n 8 -o last.npy
holds 'others are drawn of the last weights' sh -c '! cmp -s drawn.npy last.npy'

# the emitted program
files='weights.safetensors best.safetensors metrics.jsonl metrics.csv shows/draws.png loss.png'
same() { for f in $files; do cmp "whole/$f" "$1/$f" || return 1; done; }
says 0 '' emit kept.gm -o kept.c
holds 'it compiles' compiled kept.c kept.run
holds 'it runs' ./kept.run --out emitted --quiet --threads 2
holds 'it leaves the same files' same emitted

# killed again and again, by the clock, by gmc and the program in turns
killed() {
  "$gmc" run kept.gm --out killed -q --steps 1 || return 1
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    "$gmc" run --resume killed -q --checkpoint 1 --threads $((1 + i % 2)) &
    run=$!
    sleep "0.0$((i % 5 + 3))"
    kill -KILL $run 2>/dev/null
    wait $run 2>/dev/null
  done
  ./kept.run --resume killed --quiet && same killed
}
holds 'killed and resumed' killed

# a new run from another's weights: at a rate of 0 it keeps them; with the first one's settings it is reproducible
cat >line.gm <<'END'
model line
param rate = 1e-2, width = 8
data x[2] from toy.moons(examples: 400)
net f(v | x) { v = x[0 .. 1] |> dense(width) |> tanh |> dense(1) |> sum }
objective fit { minimize square(f(x) - x[1]) }
train { minimize fit over f with adam(rate)   batch 20, epochs 6, keep best(fit), keep every 2 }
END
fit() { "$gmc" eval "$@" 2>eval.err | awk '$1 == "fit" { print $2 }'; }
says 0 '' run line.gm --out first -q
epoch=$(sed -n 's/.*at epoch \([0-9]*\)$/\1/p' first/run.log)
says 0 'begins with the weights of first@' run --weights first --set rate=0 --epochs 1 --out still
holds 'the same weights' test "$(fit still@last)" = "$(fit first)"
holds 'the record says so' grep -q "\"weights_of\": \"first@$epoch\"" still/run.json
says 0 '' run --weights first@last --set rate=0 --epochs 1 --out still2 -q
holds 'the last ones' test "$(fit still2@last)" = "$(fit first@last)"
epochs='0002.safetensors 0004.safetensors 0006.safetensors'
holds 'every second epoch is kept' test "$(ls first/epochs | tr '\n' ' ')" = "$epochs "
at_2=$(sed -n 's/.*"epoch":2,"split":"test","fit":\([^,]*\),.*/\1/p' first/metrics.jsonl)
same_2() { fit first@2 | awk -v want="$at_2" '{ d = $1 - want; exit !(d * d < 1e-16 * want * want) }'; }
holds 'and measures as it did' same_2
says 0 'begins with the weights of first@4' run --weights first@4 --set rate=0 --epochs 1 --out fourth
says 0 '' emit line.gm -o line.c
holds 'it compiles' compiled line.c line.run
holds 'it runs' ./line.run --out line_run --quiet
holds 'the emitted program keeps the same' diff -r first/epochs line_run/epochs
holds 'and the same best' cmp first/best.safetensors line_run/best.safetensors
says 0 '' run --weights "first@$epoch" --set rate=1e-3 --seed 5 --epochs 2 --out next -q
says 0 '' run --weights first --set rate=1e-3 --seed 5 --epochs 2 --out next2 -q --steps 17
rm -r first
says 0 '' run --resume next2 -q
holds 'stopped and resumed' cmp next/weights.safetensors next2/weights.safetensors
sed 's/toy.moons(examples: 400)/csv("x.csv", holdout: 0)/' line.gm >whole_data.gm
awk 'BEGIN { for (i = 0; i < 100; i++) print i / 100 "," i / 50 }' >x.csv
says 65 'needs held-out data, and none are held out' run whole_data.gm --out x
cp -r next torn
head -c 100 next/best.safetensors >torn/best.safetensors
says 65 'torn/best.safetensors: is cut short' eval torn
says 65 'torn/best.safetensors: is cut short' run --weights torn --out x
says 0 '' eval torn@last
says 66 'holds no run' run --weights nowhere --out x
says 66 'keeps no weights of epoch .77.; .*; the last are of epoch 2; kept are 2$' run --weights next@77 --out x
says 65 'but \[2, 9\] in the model\|in the model' run --weights next --set width=9 --out x
says 64 'it has no use for' run line.gm --weights next --out x
holds 'nothing was begun' test ! -e x
finish
