#!/bin/sh
# Columns with holes, run: what counts is what is known, by sums that awk makes of the same table; threads, resumes and emitted
# programs to equal bits; generated data; tables that are refused.
. "$(dirname "$0")/common.sh"

awk 'BEGIN {
  print "b,a0,a1,k"
  for (i = 0; i < 240; i++) {
    a = 100 + 7 * sin(i); b = i % 5 == 2 ? "" : cos(2 * i) - 3; k = substr("redblusea", 1 + 3 * (i % 3), 3)
    if (i % 4 == 1) a = i % 8 == 1 ? "nan" : ""
    if (i % 7 == 0) k = ""
    printf "%s,%s,%s,%s\n", i % 6 ? i / 240 : " ", a, b, k
  }
}' >table.csv
cat >table.gm <<'END_OF_MODEL'
model table
data a[2] missing, k : class(3) missing, b in [0, 1] missing from csv("table.csv", test: "table.csv") |> standardize(a)
prior z[2] ~ normal(0, 1)
encoder q(z | v) { h = v |> dense(8) |> tanh   z ~ normal(dense(h, 2), exp(dense(h, 2))) }
decoder p(a, k, b | z) {
  h = z |> dense(8) |> tanh
  a ~ normal(dense(h, 2), 0.1 + softplus(dense(h, 2)))
  k ~ categorical(logits: dense(h, 3))
  b ~ normal(sum(dense(h, 1)), 0.3)
}
function all(a, k, b) = concat(filled(a, 0), known(a), onehot(filled(k, 3), 4), [filled(b, 0), known(b)])
objective elbo { z ~ q(z | all(a, k, b))   maximize log p(a, k, b | z) - kl(q(z | all(a, k, b)) || prior(z)) }
net fixed(a, k, b | u) { a ~ normal([u, 1], 2)   k ~ categorical([0.5, 0.25, 0.25])   b ~ uniform(0, 2 + u) }
metric holes = total(sum(1 - known(a)) + 1000 * (1 - known(k)))
metric squares = total(square(filled(b, 0)))
metric labels = total((filled(k, 3) == 2) + 1000 * (filled(k, 3) == 3))
metric density = total(log fixed(a, k, b | 0))
train { maximize elbo over q, p with adam(1e-2)   batch 40, epochs 4 }
END_OF_MODEL
says 0 'a: 240 + 240 examples of \[2\]; text, as stored, 108 of 480 missing' run table.gm --out one --threads 1
says 0 '' run table.gm --out two -q --threads 2
holds 'two threads: the same weights' cmp one/weights.safetensors two/weights.safetensors
says 0 '' run table.gm --out stopped -q --epochs 2
says 0 '' run --resume stopped -q --epochs 4
holds 'stopped and resumed: the same weights' cmp one/weights.safetensors stopped/weights.safetensors
same_emitted table
holds 'and the same figures' test "$(figures one)" = "$(figures emitted)"
# awk, of the same cells: holes of a and k; squares of b; labels in the order of their letters, blu, red, sea; log densities of the
# standardized numbers about 0 and 1 with deviation 2, of labels, and of b on [0, 2]
awk -F, '
  function known(i) { return $i != "" && $i != " " && $i != "nan" }
  NR > 1 {
    for (i = 2; i < 4; i++) if (known(i)) { n[i]++; s[i] += $i; cell[i, n[i]] = $i }
    if (known(1)) squares += $1 * $1; if (known(1)) density -= log(2)
    if (known(4)) { labels += $4 == "sea"; density += log($4 == "blu" ? 0.5 : 0.25) } else { unknown++ }
  }
  END {
    for (i = 2; i < 4; i++) {
      for (j = 1; j <= n[i]; j++) v[i] += (cell[i, j] - s[i] / n[i]) ^ 2 / n[i]
      for (j = 1; j <= n[i]; j++)
        density -= ((cell[i, j] - s[i] / n[i]) / sqrt(v[i]) - (i - 2)) ^ 2 / 8 + log(2) + log(2 * 3.14159265358979) / 2
    }
    printf "%d %.9g %d %.9g\n", 480 - n[2] - n[3] + 1000 * unknown, squares, labels + 1000 * unknown, density
  }' table.csv >wanted
read -r holes squares labels density <wanted
is() { awk -v got="$(figure "$1")" -v want="$2" 'BEGIN { d = got - want; exit !(d * d <= 1e-10 * want * want) }'; }
holds 'the holes' is holes "$holes"
holds 'the sum of what is known' is squares "$squares"
holds 'the labels, and those that are not known' is labels "$labels"
holds 'the density of what is known' is density "$density"

# generated: y is x and noise, and seen every other time; the mean given x is x / 1.25
cat >made.gm <<'END_OF_MODEL'
model made
source pair(examples: 2000) { x = gaussian()   y = x + 0.5 * gaussian()   observed([x, y], [1, random() < 0.5]), [x, y] }
data v[2] missing, t[2] from pair
parameter slope = 0.1, spread on positive = 1
net p(y | x) { y ~ normal(slope * x, spread) }
objective likelihood { x = filled(v, 0)   maximize log p(observed(x[1], known(v)[1]) | x: x[0]) }
metric rest = total((1 - known(v)[1]) * square(mean p(y | x: filled(v, 0)[0]) - t[1])) / total(1 - known(v)[1])
metric same = maximum(abs(filled(v, t) - t))
train { maximize likelihood over slope, spread with adam(1e-2)   batch 50, epochs 20 }
END_OF_MODEL
says 0 '' run made.gm --out made -q
holds 'what is known is as it was made' test "$(figure same made)" = 0
holds 'holes are guessed to within the noise' awk -v got="$(figure rest made)" 'BEGIN { exit !(got > 0.2 && got < 0.32) }'

printf 'a\n1\nnan\ninf\n' >bad.csv
printf 'data a missing from csv("bad.csv")\nparameter m = 0\nnet p(a | u) { a ~ normal(u, 1) }\nobjective o { maximize log p(a | m) }\ntrain { maximize o over m with sgd(1)  batch 1, epochs 1 }\n' >bad.gm
says 65 'bad.csv:4:1: a number was expected here' run bad.gm --out bad
printf 'a\nnan\nNaN\nNAN\n' >bad.csv
says 65 'bad.csv: the column a has no value in any example' run bad.gm --out bad
sed -i 's/ missing//' bad.gm
says 65 'bad.csv:2:1: a number was expected here' run bad.gm --out bad
finish
