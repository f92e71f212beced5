#!/bin/sh
# gathered(e, n): values of the first examples of the split, as one tensor: figures that are known, threads, emitted programs, a
# split that has too few; and bins of digits that tell two sets of one kind from one that lacks a digit.
. "$(dirname "$0")/common.sh"

seq 0 99 | awk '{ print $1 % 7 "," $1 / 8 }' >table.csv
cat >sets.gm <<'END'
model sets
param n = 20
data x[2] from csv("table.csv", columns: [[0, 1]], header: false, holdout: last(0.2))
parameter m[2]
objective near { minimize sum(square(x - m)) }
metric last = gathered(x, n)[19, 1]
metric sum_of_five = sum(gathered(3 * x[0], 5))
metric drawn = sum(gathered(gaussian(x), 12) != 0)
metric alike = frechet(gathered(x, n), gathered(x, n))
metric moved every 2 = frechet(gathered(x, n), gathered(x + 3, 15))
metric told = learnt_apart(gathered(x, n), gathered(x + 3, 15), turns: 20)
metric beside = sum(gathered(x[1], 4)) - total(x[1])
train { minimize near over m with sgd(1e-2)   batch 8, epochs 2 }
END
says 0 '' run sets.gm --out one -q --threads 1
says 0 '' run sets.gm --out two -q --threads 2
says 0 '' emit sets.gm -o sets.c
holds 'it compiles' compiled sets.c sets.run
holds 'it runs' ./sets.run --out emitted -q
holds 'two threads: the same figures' test "$(figures one)" = "$(figures two)"
holds 'the emitted program: the same figures' test "$(figures one)" = "$(figures emitted)"
holds 'the last example' test "$(figure last)" = 12.375
holds 'the first five' test "$(figure sum_of_five)" = 54          # 3 (80 % 7 + ... + 84 % 7)
holds 'no place is left empty' test "$(figure drawn)" = 24
holds 'a set is no way from itself' test "$(figure alike | awk '{ print ($1 < 1e-4) }')" = 1
holds 'beside sums' test "$(figure beside)" = "$(awk 'BEGIN { for (i = 84; i < 100; i++) s -= i / 8; print s }')"
says 0 '' eval one
says 65 '`gathered(x, n)` takes more examples than the test split has, which are 20' run sets.gm --set n=21 --out three -q
says 1 'not a whole number' check sets.gm --set n=0

# digits in a hundred bins, of which chance tells five apart: every other one of the test split against those between; these without their nines,
# in whose places stand examples beside them; and the first half against the last, which other people wrote
cat >bins.gm <<END
model bins
data x[28, 28] in [0, 1], y : class(10) from mnist("$root/models/data/mnist") |> first(6000)
parameter centre[100, 28, 28] = kmeans(x, 100), none
function half(a, which) = reshape(a, 5000, 2, size(a) / 10000)[.., which]
function without_nines(a, y) {
  i = iota(5000)   before = max(i - 1, 0)   behind = min(i + 1, 4999)
  a[if y != 9 then i else if y[before] != 9 then before else behind]
}
objective nothing { minimize square(none) + 0 * sum(x) }
metric halves = bins_apart(half(gathered(x, 10000), 0), half(gathered(x, 10000), 1), centre)
metric no_nines = bins_apart(half(gathered(x, 10000), 0), without_nines(half(gathered(x, 10000), 1), half(gathered(y, 10000), 1)[.., 0]), centre)
metric writers = bins_apart(gathered(x, 10000)[.. 5000], gathered(x, 10000)[5000 ..], centre)
train { minimize nothing over none with sgd(0.1)   batch 500, epochs 1 }
END
says 0 '' run bins.gm --out bins -q
# of 100 bins that differ by chance in one case of twenty more than 11 do so in one of 200
holds 'two halves are of one kind' test "$(figure halves bins)" -le 11
holds 'a set without nines is not' test "$(figure no_nines bins)" -ge 13
holds 'nor other hands' test "$(figure writers bins)" -ge 50
finish
