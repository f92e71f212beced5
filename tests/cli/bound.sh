#!/bin/sh
# models/bound.gm, run: what its phases promise, by its figures; with one and two threads, stopped and resumed, and as an emitted program to
# equal bits.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

model=$root/models/bound.gm
says 0 '' run "$model" --out one -q --threads 1
says 0 '' run "$model" --out two -q --threads 2
holds 'threads change no bit' cmp one/metrics.csv two/metrics.csv
says 0 '' run "$model" --out part -q --epochs 45
says 0 '' run --resume part -q --epochs 100
holds 'stopped and resumed, no bit changes' cmp one/weights.safetensors part/weights.safetensors
says 0 '' emit "$model" -o bound.c
holds 'it compiles' compiled bound.c bound.run
holds 'it runs' ./bound.run --out emitted --quiet
holds 'an emitted program changes no bit' cmp one/weights.safetensors emitted/weights.safetensors
holds 'its story is drawn' test -s one/shows/story.png

# epoch likelihood elbo gap, of the held-out data
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
         $3 == "test" { print $at["epoch"], $at["likelihood"], $at["elbo"], $at["gap"] }' one/metrics.csv >figures
of() { awk -v epoch="$1" -v column="$2" '$1 == epoch { print $column }' figures; }
more() { awk -v a="$1" -v b="$2" -v by="$3" 'BEGIN { exit !(a > b + by) }'; }
# the covariance of the data has the eigenvalues 3.34, 3.09 and three of 0.09: the mean log density is -4.650, with an error of 0.05
holds 'the likelihood is climbed to that of the data' awk '$1 >= 10 && $1 <= 20 && !($2 > -4.85 && $2 < -4.45) { exit 1 }' figures
holds 'from below' more "$(of 20 2)" "$(of 1 2)" 1
holds 'the encoder, which stays, then is far from the posterior' more "$(of 20 4)" "$(of 1 4)" 10
holds 'by p alone the bound rises' more "$(of 40 3)" "$(of 20 3)" 10
holds 'and the likelihood falls' more "$(of 20 2)" "$(of 40 2)" 1
holds 'by q alone the likelihood stands to the bit' awk '$1 >= 40 && $1 <= 60 { seen[$2]++ } END { n = 0; for (i in seen) n++; exit n != 1 }' figures
holds 'and the gap closes' more "$(of 40 4)" "$(of 60 4)" 0.4
holds 'to nothing' more 0.02 "$(of 60 4)" 0
holds 'both in turn climb' more "$(of 100 2)" "$(of 60 2)" 1
holds 'the bound with the likelihood' more "$(of 100 3)" "$(of 60 3)" 1
holds 'the gap stays closed' awk '$1 >= 60 && !($4 >= -1e-5 && $4 < 0.1) { exit 1 }' figures
holds 'likelihood, bound and gap are one sum' awk '{ d = $2 - $3 - $4; if (d * d > 25) exit 1; s += d } END { exit !(s / NR < 0.3 && s / NR > -0.3) }' figures
finish
