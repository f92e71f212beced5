#!/bin/sh
# Mixtures by em, run: log-likelihoods of the first passes, as an independent EM in double precision has them; threads, stops
# and emitted programs to equal bits.
. "$(dirname "$0")/common.sh"

# numbers, a label, two answers and a waiting time
cat >table.csv <<'END'
x0,x1,y,b0,b1,t
0.2,1.1,0,1,0,0.5
0.5,0.7,0,1,1,0.9
-0.3,1.9,1,1,0,0.1
2.1,-0.4,2,0,1,2.5
2.6,-1.2,2,0,1,3.1
1.7,0.1,2,1,1,1.4
0.1,1.4,0,1,0,0.3
3.0,-0.6,1,0,0,4.2
0.9,0.8,0,0,1,0.8
2.2,-1.5,2,0,1,1.9
-0.8,2.2,1,1,0,0.2
END

mixture() {  # mixture NAME SHAPE SCALE: of two components, by the shape of its scales and how one stands in the normal
  cat >"$1.gm" <<END
model $1
data x[2], y : class(3), b[2] in {0, 1}, t in [0, infinity] from csv("table.csv", test: "table.csv")
parameter weight[2] on simplex = [0.4, 0.6], centre[2, 2] = [[0, 1], [1, 0]], scale$2 on positive = 1
parameter kind[2, 3] on simplex = [[0.5, 0.3, 0.2], [0.3, 0.3, 0.4]], answer[2, 2] in [0, 1] = [[0.6, 0.4], [0.3, 0.5]]
parameter rate[2] on positive = [1, 0.5]
prior k : class(2) ~ categorical(weight)
decoder p(x, y, b, t | k) {
  x ~ normal(centre[k], $3)
  y ~ categorical(kind[k])
  b ~ bernoulli(answer[k])
  t ~ exponential(rate[k])
}
train { em over weight, centre, scale, kind, answer, rate   batch 4, epochs 6 }
END
}
passes() { sed -n '/"train"/s/.*"em":\([^,}]*\).*/\1/p' "$1/metrics.jsonl"; }
near() {  # near FOLDER LIMIT FIGURE...: the passes of a run
  folder=$1 limit=$2
  shift 2
  passes "$folder" | awk -v limit="$limit" -v all="$*" '
    BEGIN { n = split(all, want) }
    { seen++; if (($1 - want[seen]) ^ 2 > limit ^ 2) bad = 1 }
    END { exit bad || seen != n }'
}
check_mixture() {  # check_mixture NAME SHAPE SCALE FIGURE...
  name=$1
  mixture "$1" "$2" "$3"
  shift 3
  says 0 '' run "$name.gm" --out "$name" -q
  holds "$name: the likelihood of each pass" near "$name" 3e-6 "$@"
}
check_mixture diagonal '[2, 2]' 'scale[k]' -6.558091 -5.136069 -5.067058 -5.066243 -5.063140 -5.047413
check_mixture spherical '[2]' 'scale[k]' -6.558091 -5.139165 -5.076149 -5.073506 -5.061854 -5.009428
check_mixture tied '[2]' 'scale' -6.558091 -5.182331 -5.064480 -4.947805 -4.901877 -4.900832
check_mixture one '' 'scale' -6.558091 -5.185595 -5.069925 -4.948846 -4.907562 -4.906771

# 8192 from the origin in both directions, where little of a square is left in single precision: the mixture is moved with its examples, all
# numbers exactly, and its likelihood is that at the origin
far() {  # far NAME SHAPE SCALE START FIGURE...
  name=$1 shape=$2 scale=$3 start=$4
  shift 4
  for from in 0 8192; do
    awk -v from=$from 'BEGIN {
      print "x0,x1"
      n = split(".25 1.125 .5 .75 -.25 1.875 2.125 -.375 2.625 -1.25 1.75 .125 .125 1.375 3 -.625 .875 .75 2.25 -1.5 -.75 2.25", v)
      for (i = 1; i < n; i += 2) printf "%.3f,%.3f\n", from + v[i], from + v[i + 1]
    }' >moved.csv
    cat >far.gm <<END
model far
data x[2] from csv("moved.csv", test: "moved.csv")
parameter weight[2] on simplex, centre[2, 2] = $from + [[0, 1], [1, 0]], scale$shape = $start
prior k : class(2) ~ categorical(weight)
decoder p(x | k) { x ~ normal(centre[k], $scale) }
train { em over weight, centre, scale   floor 1e-3, batch 4, epochs 6 }
END
    rm -rf far
    says 0 '' run far.gm --out far -q
    holds "$name at $from: the likelihood of each pass" near far 1e-3 "$@"
  done
}
far full '[2, 2, 2] on spd' 'cov: scale[k]' 'identity(2)' -3.161509 -1.665951 -1.514307 -1.426294 -1.389744 -1.384747
far tied '[2, 2] on spd' 'cov: scale' 'identity(2)' -3.161509 -1.991882 -1.950815 -1.887176 -1.829606 -1.812294
far diagonal '[2, 2] on positive' 'scale[k]' 1 -3.161509 -2.613525 -2.350361 -2.239628 -2.224177 -2.224128
far spherical '[2] on positive' 'scale[k]' 1 -3.161509 -2.613306 -2.357425 -2.260175 -2.247647 -2.247584

# columns of three kinds, with full covariances; and where cells are empty, by what is known
cat >counts.csv <<'END'
x0,x1,y,n
0.2,1.1,0,3
0.5,0.7,0,1
-0.3,1.9,1,0
2.1,-0.4,2,7
2.6,-1.2,2,9
1.7,0.1,2,5
0.1,1.4,0,2
3.0,-0.6,1,12
0.9,0.8,0,1
2.2,-1.5,2,6
-0.8,2.2,1,0
END
cat >counts.gm <<'END'
model counts
data x[2], y : class(3), n in counts from csv("counts.csv", test: "counts.csv")
parameter weight[2] on simplex = [0.4, 0.6], centre[2, 2] = [[0, 1], [1, 0]], cov[2, 2, 2] on spd = identity(2)
parameter kind[2, 3] on simplex = [[0.5, 0.3, 0.2], [0.3, 0.3, 0.4]], rate[2] on positive = [2, 4]
prior k : class(2) ~ categorical(weight)
decoder p(x, y, n | k) { x ~ normal(centre[k], cov: cov[k])   y ~ categorical(kind[k])   n ~ poisson(rate[k]) }
metric aic = 2 * 15 - 2 * total(log p(x, y, n))
metric bic = 15 * log(total(1)) - 2 * total(log p(x, y, n))
train { em over weight, centre, cov, kind, rate   floor 1e-3, batch 4, epochs 6 }
END
says 0 '' run counts.gm --out counts -q
holds 'normal, class and count' near counts 3e-6 -6.799316 -4.201464 -3.950538 -3.949746 -3.949746 -3.949746
holds 'by its 15 free numbers' test "$(figure aic counts | awk '{ print ($1 - (30 + 22 * 3.949746)) ^ 2 < 1e-8 }')" = 1
holds 'and 11 examples' test "$(figure bic counts | awk '{ print ($1 - (15 * log(11) + 22 * 3.949746)) ^ 2 < 1e-8 }')" = 1
for pass in 1 2 3 4 5; do
  rm -rf stopped
  says 0 '' run counts.gm --out stopped -q --steps $pass
  says 0 '' run --resume stopped -q
  holds "stopped after pass $pass" cmp counts/metrics.csv stopped/metrics.csv
done

cat >empty.csv <<'END'
x0,x1,y
0.2,,0
0.5,0.7,0
,1.9,
2.1,-0.4,2
2.6,-1.2,2
1.7,,2
0.1,1.4,0
3.0,-0.6,1
,,0
2.2,-1.5,2
-0.8,2.2,1
END
cat >empty.gm <<'END'
model empty
data x[2] missing, y : class(3) missing from csv("empty.csv", test: "empty.csv")
parameter weight[2] on simplex = [0.4, 0.6], centre[2, 2] = [[0, 1], [1, 0]], scale[2, 2] on positive = 1
parameter kind[2, 3] on simplex = [[0.5, 0.3, 0.2], [0.3, 0.3, 0.4]]
prior k : class(2) ~ categorical(weight)
decoder p(x, y | k) { x ~ normal(centre[k], scale[k])   y ~ categorical(kind[k]) }
train { em over weight, centre, scale, kind   batch 4, epochs 6 }
END
says 0 '' run empty.gm --out empty -q
holds 'holes count for nothing' near empty 3e-6 -3.520659 -2.748748 -2.300843 -2.211730 -2.205401 -2.204096

# the same as a mixture in the decoder, and by logits
cat >inside.gm <<'END'
model inside
data x[2], b[2] in {0, 1} from csv("table.csv", test: "table.csv", columns: [["x0", "x1"], ["b0", "b1"]])
parameter weight[2] on simplex = [0.4, 0.6], centre[2, 2] = [[0, 1], [1, 0]], scale[2, 2] on positive = 1
decoder p(x) { x ~ mixture(k ~ categorical(weight)) { normal(centre[k], scale[k]) } }
train { em over weight, centre, scale   batch 4, epochs 4 }
END
cat >outside.gm <<'END'
model outside
data x[2], b[2] in {0, 1} from csv("table.csv", test: "table.csv", columns: [["x0", "x1"], ["b0", "b1"]])
parameter weight[2] = [log(0.4), log(0.6)], centre[2, 2] = [[0, 1], [1, 0]], scale[2, 2] on positive = 1
prior k : class(2) ~ categorical(logits: weight)
decoder p(x | k) { x ~ normal(centre[k], scale[k]) }
train { em over weight, centre, scale   batch 11, epochs 4 }
END
says 0 '' run inside.gm --out inside -q
says 0 '' run outside.gm --out outside -q
# shellcheck disable=SC2046
holds 'a mixture without a name for its label' near inside 2e-6 $(passes outside)

# a network as well, and what conditions ask for
cat >steps.gm <<'END'
model steps
data x[2], y : class(3), b[2] in {0, 1}, t in [0, infinity] from csv("table.csv", test: "table.csv")
parameter weight[2] on simplex, centre[2, 2] = [[0, 1], [1, 0]]
prior k : class(2) ~ categorical(weight)
decoder p(x | k) { x ~ normal(centre[k], exp(dense(onehot(k), 2))) }
metric loglik = log p(x)
train { em over weight, centre, p with adam(1e-2)   batch 4, until change(loglik) < 1e-3 }
END
says 0 'centre: closed form, `loc` of normal' explain steps.gm
says 0 'p: by gradient' explain steps.gm
for model in diagonal counts empty steps; do
  rm -rf one two
  says 0 '' run $model.gm --out one -q --threads 1
  says 0 '' run $model.gm --out two -q --threads 2 --epochs 3
  last=$(tail -n 1 one/metrics.jsonl | sed 's/.*"epoch":\([0-9]*\).*/\1/')
  says 0 '' run --resume two -q --epochs "$last"
  holds "$model: stopped and resumed, the same figures" cmp one/metrics.csv two/metrics.csv
  says 0 '' emit $model.gm -o $model.c
  holds "$model: it compiles" compiled $model.c $model.run
  holds "$model: it runs" ./$model.run --out "$model-emitted" -q --threads 2
  holds "$model: the emitted program: the same weights" cmp one/weights.safetensors "$model-emitted/weights.safetensors"
done
# two examples far apart, two components: nothing is left of the scales but the floor
printf 'x\n9999\n0\n' >two.csv
cat >spikes.gm <<'END'
model spikes
data x[1] from csv("two.csv", test: "two.csv")
parameter weight[2] on simplex, centre[2, 1] = kmeans(x, 2), scale[2] on positive = 1
prior k : class(2) ~ categorical(weight)
decoder p(x | k) { x ~ normal(centre[k], scale[k]) }
metric variance = square(scale[0]) + 10 * square(scale[1]) + 0 * sum(x)
metric mean = sum(data_mean_of) + 0 * sum(x)
metric upper = maximum(centre) + 0 * sum(x)
metric lower = -maximum(-centre) + 0 * sum(x)
parameter data_mean_of[1] = data_mean(x)
train { em over weight, centre, scale   floor 0.1   epochs 5 }
END
says 0 '' run spikes.gm --out spikes -q
holds 'both variances are 0.1' test "$(figure variance spikes | awk '{ print ($1 - 1.1) ^ 2 < 1e-12 }')" = 1
holds 'each example is the mean of its component' test "$(figure upper spikes) $(figure lower spikes)" = '9999 0'
holds 'the mean of the data' test "$(figure mean spikes | cut -c 1-6)" = 4999.5

# components that stand for nothing begin anew
cat >dead.gm <<'END'
model dead
data x[2] from toy.eight(examples: 1000, noise: 0.05)
parameter weight[8] on simplex, scale[8] on positive = 0.3
parameter centre[8, 2] = [[0, 2], [0, 2.1], [50, 50], [80, -80], [2, 0], [-2, 0], [0, -2], [60, 0]]
prior k : class(8) ~ categorical(weight)
decoder p(x | k) { x ~ normal(centre[k], scale[k]) }
train { em over weight, centre, scale   floor 1e-4  batch 300, epochs 20 }
END
says 0 'pass 1: 3 .* began anew at those explained worst' run dead.gm --out dead
mv dead.gm alive.gm
sed -i 's/\[\[0, 2\].*\]\]/kmeans(x, 8)/' alive.gm
says 0 '' run alive.gm --out alive -q
holds 'they come to explain as much as others' test "$(figure em dead | awk -v than="$(figure em alive)" '{ print ($1 > than - 1) }')" = 1

# a rule that does not maximize
cat >wrong.gm <<'END'
model wrong
distribution bell(centre, width > 0) on real {
  log(x) = -square((x - centre) / width) / 2 - log(width) - log(2 * pi) / 2
  fit(x) {
    centre <- centre + share(total(x - centre), total(1))
    width <- 1.5 * sqrt(share(total(square(x - centre)), total(1)))
  }
}
data x[2] from toy.eight
parameter weight[8] on simplex, middle[8, 2] = kmeans(x, 8), width[8] on positive = 1
prior k : class(8) ~ categorical(weight)
decoder p(x | k) { x ~ bell(middle[k], width[k]) }
train { em over weight, middle, width   batch 500, epochs 20 }
END
says 1 'pass [0-9]*: log p of the data has fallen by .* an example: .*E0761' run wrong.gm --out wrong
finish
