#!/bin/sh
# Several sets of data, run: each is read, held out and gone through by itself, by figures that awk knows; threads, resumes and
# emitted programs to equal bits; examples that are chosen.
. "$(dirname "$0")/common.sh"

# Whole numbers, so that sums are exact: a of 40 and 7 examples; b of 9, fewer than a batch, and 23; c of 30, with classes, a
# fifth of them held out at the end.
column() { awk -v n="$1" -v by="$2" 'BEGIN { print "x"; for (i = 0; i < n; i++) print (i * by) % 11 }'; }
mean() { awk 'NR > 1 { s += $1 } END { printf "%.9g", s / (NR - 1) }' "$1"; }
sum() { awk 'NR > 1 { s += $1 } END { print s }' "$1"; }
column 40 3 >a.csv
column 7 5 >a_test.csv
column 9 7 >b.csv
column 23 4 >b_test.csv
awk 'BEGIN { print "x,k"; for (i = 0; i < 30; i++) print i "," int(i * i / 7) % 3 }' >c.csv
cat >sets.gm <<'END'
model sets
data a from csv("a.csv", test: "a_test.csv", columns: ["x"])
data b from csv("b.csv", test: "b_test.csv", columns: ["x"])
data c, k : class(3) from csv("c.csv", holdout: last(0.2), columns: ["x", "k"]) |> balanced(6, by: k)
data e[2] from toy.eight(examples: 50) |> first(10)
parameter seen_a = 0, seen_b = 0, seen_c = 0, seen_k[3] = 0, centre[2] = 0
objective all { maximize seen_a * a + seen_b * b + seen_c * c + sum(seen_k * onehot(k)) - sum(square(e - centre)) }
metric mean_a = a
metric mean_b = b
metric mean_c = c
metric total_a = total(a)
metric of_pairs = (a > 1000) + b
metric weight_a = seen_a
metric weight_b = seen_b
metric weight_c = seen_c
metric weight_k = seen_k[0] * 10000 + seen_k[1] * 100 + seen_k[2]
train { maximize all over seen_a, seen_b, seen_c, seen_k, centre with sgd(1)   batch 10, epochs 9 }
END
says 0 'b: 9 + 23 numbers' run sets.gm --out one --threads 1
holds 'all sets are told of' grep -q 'toy.eight(examples: 50) |> first(10): 10 examples to train on, 5 to test' said
holds 'and kept' grep -q '"train_examples_3": 6' one/run.json
same() { holds "$1: $2, and it is $3" awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; exit !(d < 1e-4 && d > -1e-4) }'; }
share() { awk -v s="$1" -v by="$2" 'BEGIN { print s * by }'; }
same 'held-out examples of the first set' "$(figure mean_a)" "$(mean a_test.csv)"
same 'of a larger one, all of them' "$(figure mean_b)" "$(mean b_test.csv)"
same 'the last ones of a third' "$(figure mean_c)" 26.5
same 'sums are of the first' "$(figure total_a)" "$(sum a_test.csv)"
same 'beside the first, as many as it has' "$(figure of_pairs)" "$(head -n 8 b_test.csv >some.csv && mean some.csv)"
# Nine epochs of 40 examples: so many of b are 40 of its epochs, of c, 6 examples of which two of each class, 60.
same 'the first is gone through' "$(figure weight_a)" "$(share "$(sum a.csv)" 0.9)"
same 'a set smaller than a batch, again and again' "$(figure weight_b)" "$(share "$(sum b.csv)" 4)"
chosen=$(awk -F, 'NR > 1 && NR < 26 && n[$2] < 2 { n[$2]++; s += $1 } END { print s }' c.csv)
same 'the first two of each class' "$(figure weight_c)" "$(share "$chosen" 6)"
same 'as many of each' "$(figure weight_k)" 121212
says 0 '' run sets.gm --out two -q --threads 2
holds 'two threads: the same weights' cmp one/weights.safetensors two/weights.safetensors
says 0 '' run sets.gm --out stopped -q --steps 13
says 0 '' run --resume stopped -q
holds 'stopped and resumed: the same weights' cmp one/weights.safetensors stopped/weights.safetensors
says 0 '' run sets.gm --out other -q --seed 2
holds 'another seed: other weights, for orders differ' test "$(cmp -s one/weights.safetensors other/weights.safetensors; echo $?)" = 1
same_emitted sets
says 0 '' eval one
holds 'measured later: the same' grep -q 'mean_b  *4.7826087 ' said
# starts see the training split of every set, whatever its source: all its examples have the mean of all
cat >starts.gm <<'END'
model starts
source blob(examples: 100) {
  u ~ uniform(0, 9)   v ~ uniform(0, 9)
  [u, v]
}
data x[2] from blob |> jittered
data g[2] from toy.moons(examples: 50)
function jittered(x) = x + random(x)
parameter all[100, 2] = sample(x, 100), middle[2] = data_mean(x), some[50, 2] = sample(g, 50), w = 0
metric off = maximum(abs(average(all, axis: 0) - middle)) + 0 * sum(x)
metric wide = maximum(flatten(all)) + maximum(-flatten(all)) + 0 * sum(x)
metric seen = 1 * (maximum(array(s in all) { -norm(s - x) }) > -1e-4)
metric seen_too = 1 * (maximum(array(s in some) { -norm(s - g) }) > -1e-4)
objective idle { minimize square(w) + 0 * sum(x) }
train { minimize idle over w with sgd(0.1)   batch 10, epochs 1 }
END
says 0 '' run starts.gm --out starts -q
starts() { tail -n 1 starts/metrics.jsonl | sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }
holds 'starts are made of the training examples' awk -v d="$(starts off)" 'BEGIN { exit !(d < 1e-5) }'
holds 'which differ' awk -v w="$(starts wide)" 'BEGIN { exit !(w > 8) }'
holds 'none is held out' test "$(starts seen) $(starts seen_too)" = '0 0'
says 65 'several sets of data, and' run sets.gm --data toy.eight
sed 's/balanced(6/balanced(36/' sets.gm >wanting.gm
says 65 'of k 1 there are 4 examples, and 12 are wanted' run wanting.gm -q
finish
