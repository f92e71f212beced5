#!/bin/sh
# Metrics that are measured after some epochs only, from outside: which lines hold them, and that they are what they are where
# they are measured always; emitted programs; runs that are stopped, go on to more epochs, or have several starts.
. "$(dirname "$0")/common.sh"

cat >seldom.gm <<'END'
model seldom
data x[2] from toy.moons(examples: 400)
prior z[2] ~ normal(0, 1)
encoder q(z | x) { z ~ normal(dense(x, 2), exp(dense(x, 2))) }
decoder p(x | z) { x ~ normal(z |> dense(8) |> tanh |> dense(2), 0.3) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
metric nll every 3 = -logmeanexp(64) { z ~ q(z | x)   log p(x | z) + log prior(z) - log q(z | x) }
metric sums every 3 = total(-elbo) / total(1)
metric rate every 2 { kl(q(z | x) || prior(z)) }
train { maximize elbo over q, p with adam(1e-2)   batch 20, epochs 5, keep best(nll) }
show draws { z ~ prior(z)   plot mean p(x | z) }
END
sed 's/ every [23]//' seldom.gm >each.gm
says 0 'nll: measured after each epoch that 3 divides, and at the end' explain seldom.gm
says 0 'best nll .* at epoch 3' run seldom.gm --out whole
says 0 '' run each.gm --out each -q

# EPOCHS of FOLDER in whose test lines NAME is
epochs() { grep '"split":"test"' "$1/metrics.jsonl" | grep "\"$2\":" | sed 's/.*"epoch":\([0-9]*\).*/\1/' | tr '\n' ' '; }
holds 'every third, and the last' test "$(epochs whole nll)" = '3 5 '
holds 'and of sums' test "$(epochs whole sums)" = '3 5 '
holds 'every second, and the last' test "$(epochs whole rate)" = '2 4 5 '
holds 'the others in each' test "$(epochs whole elbo)" = '1 2 3 4 5 '
holds 'an empty cell' grep -q '^80,4,test,[^,]*,[^,]*,,,,[^,]*,[^,]*,$' whole/metrics.csv
# Each figure of NAME is one of those that are measured always.
among() {
  grep -o "\"$1\":[^,}]*" whole/metrics.jsonl >figures && [ "$(grep -o "\"$1\":[^,}]*" each/metrics.jsonl | grep -cxFf figures)" = "$2" ]
}
holds 'the same figures' among nll 2
holds 'the same sums' among sums 2
holds 'the same rates' among rate 3
says 0 '' eval whole@last
holds 'all are computed' test "$(awk '{ print $1 }' out | tr '\n' ' ')" = 'elbo nll sums rate '

files='weights.safetensors best.safetensors metrics.jsonl metrics.csv shows/draws.png loss.png'
same() { for f in $files; do cmp "$1/$f" "$2/$f" || return 1; done; }
says 0 '' emit seldom.gm -o seldom.c
holds 'it compiles' compiled seldom.c seldom.run
holds 'it runs' ./seldom.run --out emitted --quiet --threads 2
holds 'it leaves the same files' same whole emitted

# stopped in an epoch, of which the end's measures are told; they are gone when the run goes on
says 0 '' run seldom.gm --out stopped -q --steps 47
holds 'what was not measured is' test "$(epochs stopped nll)$(epochs stopped rate)" = '3 2 3 '
says 0 '' run --resume stopped -q --threads 1
holds 'stopped and resumed' same whole stopped
says 0 'all 100 steps are done' run --resume stopped
holds 'there was nothing to do' same whole stopped
says 0 '' run seldom.gm --out seven -q --epochs 7
says 0 '' run --resume stopped -q --epochs 7
holds 'the line of the old end is gone' same seven stopped

# a condition ends the training after an epoch, or in one
sed 's/epochs 5/epochs 9, until step > 79/' seldom.gm >until.gm
says 0 '' run until.gm --out until -q
holds 'the end is where the condition says' test "$(epochs until nll)$(epochs until rate)" = '3 4 2 4 '
sed 's/epochs 5/epochs 9, until step > 50/' seldom.gm >within.gm
says 0 '' run within.gm --out within -q
holds 'an epoch that was cut short is over' test "$(epochs within nll)$(epochs within rate)" = '3 2 3 '

# several starts: each has an end
sed 's/keep best(nll)/&, restarts 2/' seldom.gm >starts.gm
says 0 '' run starts.gm --out starts -q
holds 'each start has an end' test "$(epochs starts nll)" = '3 5 3 5 '
says 0 '' run starts.gm --out halted -q --steps 115
says 0 '' run --resume halted -q
holds 'stopped in the second start' same starts halted

# what is not finite is found in the program that measured it
sed 's/^metric rate.*/metric rate every 4 = log(sum(x) - sum(x) - 1)/' seldom.gm >spoilt.gm
says 1 '`rate` is nan on the test split, at epoch 4' run spoilt.gm --out spoilt -q
finish
