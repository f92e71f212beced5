#!/bin/sh
# Columns seen along principal axes: what is kept of them, other stages, what cannot be had.
. "$(dirname "$0")/common.sh"

awk 'BEGIN {
  print "a0,a1,a2,a3,a4,b"
  for (i = 0; i < 40; i++) {
    u = sin(i * 1.7) * 3; v = cos(i * 2.9)
    printf "%.5f,%.5f,%.5f,%.5f,7,%.4f\n", u + 100, 2 * u + v, v - u, 0.1 * sin(i * 5.1), cos(i)
  }
}' >table.csv
cat >mixed.gm <<'END'
model mixed
data a[2], b from csv("table.csv", holdout: 0.25) |> principal(a, 2, of: 5) |> standardize(a) |> first(24)
parameter weight[2] on simplex, centre[2, 2] = kmeans(a, 2), scale[2] on positive = 1, middle = data_mean(b)
prior k : class(2) ~ categorical(weight)
decoder p(a, b | k) { a ~ normal(centre[k], scale[k])   b ~ normal(middle, 1) }
metric size = sum(square(a))
metric wide = sum(abs(a))
train { em over weight, centre, scale   batch 7, epochs 5, floor 1e-3 }
END
says 0 'along 2 principal axes of \[5\]' run mixed.gm --out one --threads 1
says 0 'a .*\[2\]' explain mixed.gm
says 0 '' run mixed.gm --out two -q --threads 2 --epochs 3
says 0 '' run --resume two -q --epochs 5
holds 'threads and a stop: the same figures' cmp one/metrics.csv two/metrics.csv
holds 'and the same weights' cmp one/weights.safetensors two/weights.safetensors
same_emitted mixed
says 0 '' eval one
says 0 '' sample one -n 2000 --seed 3 -o drawn.csv
# what is drawn is in the units of the files, in the plane of the two axes but for the little that lies beside it
holds 'samples lie where the data do' awk -F, '
  NR == 1 { next }
  { n++; if (($5 - 7) ^ 2 > 1e-6 || ($2 - $3 - 3 * ($1 - 100)) ^ 2 > 0.01) bad = 1 }
  END { exit bad || n != 2000 }' drawn.csv

# whatever has become of the training data, what is measured is seen along the axes that were kept
head -n 12 table.csv >few.csv
size() { "$gmc" eval "$1" 2>err | sed -n 's/^size *\([^ ]*\).*/\1/p'; }
cp -r one kept
sed -i 's/csv("table.csv", holdout: 0.25)/csv("table.csv", test: "table.csv")/; s/ |> first(24)//' kept/model.gm
whole=$(size kept)
sed -i 's/csv("table.csv", /csv("few.csv", /' kept/model.gm
holds 'the axes are kept' test -n "$whole" -a "$(size kept)" = "$whole"
says 0 '' run --weights kept --out on -q --epochs 1
holds 'a run that begins with these weights has them' test "$(size on)" = "$whole"

few() {  # few CLAUSE: a model of data that come from there
  cat >bad.gm <<END
model bad
data a[4] from $1
parameter m[4] = 0
decoder p(a) { a ~ normal(m, 1) }
objective l { maximize log p(a) }
train { maximize l over m with sgd(0.1)   batch 2, epochs 1 }
END
}
head -n 5 table.csv >four.csv
few 'csv("four.csv", test: "four.csv", columns: [["a0", "a1", "a2", "a3", "a4"]]) |> principal(4, of: 5)'
says 65 'a: through 4 examples there are no more than 3 principal axes, and 4 are wanted' run bad.gm --out bad -q
few 'csv("table.csv") |> principal(4, of: 3)'
says 1 'E0689.*3 numbers' check bad.gm
few 'npy("none.npy") |> principal(4)'
says 66 'none.npy.*whose shape `principal` asks for, bad.gm:2' check bad.gm
printf 'nothing' >none.npy
says 1 'none.npy: is no NPY file' check bad.gm
finish
