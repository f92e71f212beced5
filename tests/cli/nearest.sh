#!/bin/sh
# Nearest training examples in measures, run: distances as awk finds them, copies and averages told apart; threads, emitted programs.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# 300 points that lie nowhere alike; the last 60 are held out
awk 'BEGIN { for (i = 0; i < 300; i++) printf "%.6f,%.6f,%.6f\n", sin(i * i), cos(3 * i), i % 7 }' >points.csv
# by all distances: the mean of those to the nearest and the second nearest
awk -F, '{ a[NR] = $1; b[NR] = $2; c[NR] = $3 }
  END {
    for (i = 241; i <= 300; i++) {
      first = second = 1e9
      for (k = 1; k <= 240; k++) {
        d = sqrt((a[i] - a[k]) ^ 2 + (b[i] - b[k]) ^ 2 + (c[i] - c[k]) ^ 2)
        if (d < first) { second = first; first = d } else if (d < second) second = d
      }
      one += first / 60; two += second / 60; copies += (first < second / 3) / 60
    }
    printf "one %.6f\ntwo %.6f\nself %.6f\n", one, two, copies
  }' points.csv >right

cat >points.gm <<'END2'
model points
data x[3] from csv("points.csv", holdout: last(0.2))
parameter w, table[240, 3] = sample(x, 240)
prior k : class(240) ~ categorical(ones(240) / 240)
objective idle { minimize square(w) + 0 * sum(x) }
metric one = norm(x - nearest(x, x))
metric two = norm(x - nearest(x, x, place: 2))
metric self = copied(x, x)
metric same { k ~ prior(k)   norm(table[k] - nearest(table[k], x)) }
metric copies { k ~ prior(k)   copied(table[k] + 0.0001, x) }
metric averages { k ~ prior(k)   s = (nearest(table[k], x) + nearest(table[k], x, place: 2)) / 2   copied(s, x) }
metric near { k ~ prior(k)   closeness(table[k] + 0.0001, x) }
metric all = mean(i in 0 .. 5) { norm(x - nearest(x, x)) } - norm(x - nearest(x, x))
train { minimize idle over w with sgd(0.1)   batch 16, epochs 1 }
END2
says 0 '' run points.gm --out one -q --threads 1
says 0 '' run points.gm --out two -q --threads 2
holds 'threads change no bit' cmp one/metrics.csv two/metrics.csv
says 0 '' emit points.gm -o points.c
holds 'it compiles' compiled points.c points.run
holds 'it runs' ./points.run --out emitted --quiet
holds 'an emitted program changes no bit' cmp one/metrics.csv emitted/metrics.csv

awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next } $3 == "test" { for (i = 4; i <= NF; i++) print name[i], $i }' one/metrics.csv >figures
within() { awk -v name="$1" -v to="$2" -v by="$3" '$1 == name { d = $2 - to; found = d * d <= by * by } END { exit !found }' figures; }
while read -r name figure; do holds "$name as awk has it" within "$name" "$figure" 2e-6; done <right
holds 'an example is its own nearest' within same 0 0
holds 'copies are copies' within copies 1 0
holds 'averages of two are none' within averages 0 0.1
holds 'copies lie nearer than what is held out' within near 0 0.01
holds 'inside of aggregates too' within all 0 1e-6
says 0 '^one' eval one

finish
