#!/bin/sh
# Binders, run: trained with one and two threads and as an emitted program to equal bits; figures that are known; and a
# network that is computed once, however many see what it gave another example.
. "$(dirname "$0")/common.sh"

cat >pairs.gm <<'END'
model pairs
data x[2] from toy.moons(examples: 300)
prior z[2] ~ normal(0, 1)
parameter points[5, 2] ~ normal(0, 1)
encoder q(z | x) { h = x |> dense(16) |> tanh   z ~ normal(dense(h, 2), exp(dense(h, 2))) }
decoder p(x | z) { x ~ normal(z |> dense(16) |> tanh |> dense(2), 0.2) }
net c(y | x) { y ~ categorical(logits: x |> dense(8) |> tanh |> dense(3)) }
net spread(s | x) { h = x |> dense(4)   s = sum(mean(other in batch) { exp(-abs(h - other.h)) }) }
objective apart {
  z ~ q(z | x)
  joint = logmeanexp(other in batch) { log q(z | other.x) }
  nearest = max(u in points) { -sum(square(z - u)) }
  kernel = sum(other in batch) { if other == self then 0 else exp(-sum(square(z - other.z))) } / (batch_size - 1)
  classes = mean(y ~ c(y | x)) { log p(x | z + y / 10) }
  a, b = array(i in 0 .. 3) { sum(x) * i, neighbour(x, i) }
  maximize log p(x | z) - joint + nearest - kernel + classes + spread(x) - 0.01 * sum(square(a)) - 0.01 * sum(square(z - b))
}
metric twice_variance = mean(other in batch) { square(x[0] - other.x[0]) } - 2 * batch_mean(square(x[0 .. 1] - batch_mean(x[0 .. 1])))[0]
metric known = examples
train { maximize apart over q, p, c, spread, points with adam(1e-2)   batch 30, epochs 3 }
END
says 0 '' run pairs.gm --out one -q --threads 1
says 0 '' run pairs.gm --out two -q --threads 2
holds 'two threads: the same weights' cmp one/weights.safetensors two/weights.safetensors
same_emitted pairs
# where examples meet each shard sees the whole batch
says 0 '' run pairs.gm --out shards -q --shards 3
says 0 '' emit pairs.gm --shards 3 -o shards.c
holds 'in shards it compiles' compiled shards.c shards.run
holds 'in shards it runs' ./shards.run --out shards_emitted -q
holds 'in shards: the same weights, emitted' cmp shards/weights.safetensors shards_emitted/weights.safetensors
holds 'in shards: the same objective' test "$(echo "$(figure apart) $(figure apart shards)" | awk '{ print ($1 - $2)^2 < 1e-6 * $1 * $1 }')" = 1
holds 'the mean over pairs is twice the variance' test "$(figure twice_variance | awk '{ print ($1 * $1 < 1e-10) }')" = 1
equals() { echo "$(figure "$1") $2" | awk '{ exit !($1 == $2) }'; }
holds 'it says over how many examples' equals twice_variance_batch 30
holds 'how many examples there are to train on' equals known 300
holds 'and when the weights are evaluated' test "$("$gmc" eval one 2>/dev/null | awk '$1 == "known" { print $2 }')" = 300

# the batch of a phase is as large as the phase says
cat >phases.gm <<'END'
model phases
data x[2] from toy.moons(examples: 300)
parameter w = 1
objective first { minimize square(w) + batch_size }
objective second { minimize square(w) + batch_size }
train { minimize first over w with sgd(0.5)   batch 30 } then { minimize second over w with sgd(0.5)   batch 10 }
END
says 0 '' run phases.gm --out phases -q
trained() { sed -n "s/.*\"split\":\"train\".*\"$1\":\([^,}]*\).*/\1/p" phases/metrics.jsonl | awk -v want="$2" '{ n++; good = $1 >= want && $1 < want + 1 } END { exit !(n == 1 && good) }'; }
holds 'in the first' trained first 30
holds 'and in the second' trained second 10

# q(z | other.x) is q(z | x) for another example: not one product more
model() {
  cat >"$1.gm" <<END
model $1
data x[28, 28] in [0, 1] from mnist
prior z[10] ~ normal(0, 1)
encoder q(z | x) { h = flatten(x) |> dense(400) |> relu   z ~ normal(dense(h, 10), exp(dense(h, 10))) }
decoder p(x | z) { x ~ bernoulli(logits: z |> dense(400) |> relu |> dense(784) |> reshape(28, 28)) }
objective o { z ~ q(z | x)   maximize log p(x | z) - $2 }
train { maximize o over q, p with adam(1e-3)   batch 256, epochs 1 }
END
}
model plain 'log q(z | x) + log prior(z)'
model joint 'logmeanexp(other in batch) { log q(z | other.x) } + log prior(z)'
flops() { "$gmc" explain "$1.gm" | grep -i flop; }
holds 'the network is computed once' test -n "$(flops plain)" -a "$(flops plain)" = "$(flops joint)"
finish
