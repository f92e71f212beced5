#!/bin/sh
# Objectives as values, indices, outputs by name, and what is counted over a split, run: with one and two threads and as an
# emitted program to equal bits; and figures that are known.
. "$(dirname "$0")/common.sh"

cat >values.gm <<'END'
model values
data x[2] from toy.eight(examples: 2000, noise: 0.01)
prior z[3] ~ normal(0, 1)
encoder q(z | x) { h = x |> dense(16) |> tanh   z ~ normal(dense(h, 3), exp(dense(h, 3))) }
decoder p(x | z) { x ~ normal(z |> dense(16) |> tanh |> dense(2), 0.2) }
net D(side, f | x) { f = x |> dense(8) |> tanh   side ~ categorical(logits: f |> dense(4)) }
net words(w | i) { w = embed(i, 2) }
function ring(n) = array(k in 0 .. n) { [2 * cos(2 * pi * k / 8), 2 * sin(2 * pi * k / 8)] }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
objective iwae(k) { maximize logmeanexp(k) { z ~ q(z | x)   log p(x | z) + log prior(z) - log q(z | x) } }
objective sides {
  near = argmin(distances(x, ring(4)))
  pulled = x + 0.1 * words(near)[[1, 0]] + reverse(halves(concat(x, D.f(x)))[0][.. 2])
  maximize log D(side: near | x) - sum(square(mean([x, pulled], axis: 0))) + 0.1 * stop(elbo)
}
metric nll = -iwae(256)
metric gap = iwae(64) - elbo
metric modes = modes_covered(x, ring(8), within: 0.3)
metric few = modes_covered(x, concat(ring(2), [[0, 0], [9, 9]], axis: 0), within: 0.3)
metric certain = maximum(D.f(x))
metric exact = sum(x)
metric twice = 2 * exact
metric centre = total(exact) / total(1)
train { maximize elbo over q, p with adam(1e-3)   maximize sides over D, words with adam(1e-3)   batch 50, epochs 2 }
END
says 0 '' run values.gm --out one -q --threads 1
says 0 '' run values.gm --out two -q --threads 2
holds 'two threads: the same weights' cmp one/weights.safetensors two/weights.safetensors
same_emitted values
is='"is": {"elbo": "lower bound", "sides": "not known", "nll": "upper bound", "gap": "not known"},'
holds 'what each is to the likelihood is kept' grep -qF "$is" one/run.json
holds 'by the emitted program too' grep -qF "$is" emitted/run.json
holds 'and the same figures' test "$(figures one)" = "$(figures emitted)"
figure() { tail -n 1 one/metrics.jsonl | sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }
holds 'all eight are there' test "$(figure modes)" = 8
holds 'and two of four' test "$(figure few)" = 2
holds 'more draws are the tighter bound' test "$(figure gap | awk '{ print ($1 > 0) }')" = 1
near() { awk "BEGIN { d = $1 - ($2); print (d < 1e-6 && d > -1e-6) }"; }
holds 'a metric by its name is its value' test "$(near "$(figure twice)" "2 * $(figure exact)")" = 1
holds 'and in a sum over the split' test "$(near "$(figure centre)" "$(figure exact)")" = 1
finish
