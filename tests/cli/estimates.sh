#!/bin/sh
# Estimates of a likelihood that is known, and latents that are in use, run: x is a linear function of two normal latents and noise, so
# that log p(x) is that of a normal distribution; with one and two threads and as an emitted program to equal bits.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

cat >linear.gm <<'END2'
model linear
param s = 0.4
source sheet(examples: 3000) {
  a = gaussian()   b = gaussian()
  [a + s * gaussian(), a + b + s * gaussian()]
}
data x[2] from sheet
prior z[2] ~ normal(0, 1)
decoder p(x | z) { x ~ normal([z[0], z[0] + z[1]], s) }
encoder q(k | x) { k ~ normal([x[0], 0.05 * x[1], 0, x[1]], 1) }
prior k[4] ~ normal(0, 1)
parameter w
objective idle { minimize square(w) + 0 * sum(x) }
function start(z, x) = log prior(z)
function joint(z, x) = log p(x, z)
# the covariance of x is [[1 + s^2, 1], [1, 2 + s^2]]
metric exact {
  v = square(s)   det = (1 + v) * (2 + v) - 1
  0 - log(2 * pi) - log(det) / 2 - ((2 + v) * square(x[0]) - 2 * x[0] * x[1] + (1 + v) * square(x[1])) / (2 * det)
}
function known(x) {
  v = square(s)   det = (1 + v) * (2 + v) - 1
  0 - log(2 * pi) - log(det) / 2 - ((2 + v) * square(x[0]) - 2 * x[0] * x[1] + (1 + v) * square(x[1])) / (2 * det)
}
metric annealing = logmeanexp(16) { z ~ prior(z)   annealed(z, x, start, joint, turns: 40, size: 0.3) } - known(x)
metric langevin = logmeanexp(16) { z ~ prior(z)   annealed(z, x, start, joint, turns: 40, size: 0.3, leaps: 1) } - known(x)
metric sampling = logmeanexp(16) { z ~ prior(z)   log p(x | z) } - known(x)
metric weight = mean(16) { z ~ prior(z)   exp(annealed(z, x, start, joint, turns: 40, size: 0.3) - known(x)) }
# moves that leave p(z | x) as it is end at its mean, wherever they began: of the first latent [1, 1] times the inverse covariance times x
metric mean_of_z {
  v = square(s)   det = (1 + v) * (2 + v) - 1
  m = ((1 + v) * x[0] + x[1] * v) / det - x[0] / det        # of the first latent: [1, 1] times the inverse covariance times x
  far = mean(16) { fold(i in 0 .. 100, z = [2, -2]) { z <- hamiltonian(z, x, start, joint, 1, 0.3, 3)   z } }
  far[0] - ((1 + v) * x[0] + v * x[1]) / det + 0 * m
}
metric units = active_units(mean q(k | x))
metric by_kl = active_by_kl(each kl(q(k | x) || prior(k)))
metric all = active_by_kl(each kl(q(k | x) || prior(k)), above: 0.001)
train { minimize idle over w with sgd(0.1)   batch 100, epochs 1 }
END2
sed -i '/^metric exact/,/^}/d; /  m = ((1/d; s/ + 0 \* m$//' linear.gm
says 0 '' run linear.gm --out one -q --threads 1
says 0 '' run linear.gm --out two -q --threads 2
holds 'threads change no bit' cmp one/metrics.csv two/metrics.csv
says 0 '' emit linear.gm -o linear.c
holds 'it compiles' compiled linear.c linear.run
holds 'it runs' ./linear.run --out emitted --quiet
holds 'an emitted program changes no bit' cmp one/metrics.csv emitted/metrics.csv

awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next } $3 == "test" { for (i = 4; i <= NF; i++) print name[i], $i }' one/metrics.csv >figures
value() { awk -v name="$1" '$1 == name { print $2 }' figures; }
between() { awk -v x="$(value "$1")" -v lo="$2" -v hi="$3" 'BEGIN { exit !(lo <= x && x <= hi) }'; }
near() { awk -v x="$(value "$1")" -v se="$(value "$1_se")" -v to="$2" 'BEGIN { d = x - to; exit !(se > 0 && d * d <= 16 * se * se) }'; }
holds 'annealed, it is the likelihood, from below' between annealing -0.05 0.005
holds 'by Langevin moves too' between langevin -0.3 0.005
holds 'by importance sampling alone it is not' between sampling -5 -0.4
holds 'the weights have the right mean' near weight 1
holds 'and are no mere noise' between weight_se 0.0001 0.03
holds 'moves end at the posterior mean' near mean_of_z 0
holds 'which is well known' between mean_of_z_se 0.0001 0.02
holds 'latents whose means vary' between units 2 2
holds 'latents that cost something' between by_kl 2 2
holds 'that cost a little' between all 3 3

finish
