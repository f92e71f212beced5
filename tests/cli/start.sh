#!/bin/sh
# --start: values from files of both kinds begin a run as if they stood in the model's text; what is refused of them; folders,
# resumes, starts anew and emitted programs.
. "$(dirname "$0")/common.sh"

array() {  # array NAME SHAPE NUMBER...: NAME.npy, of float32
  name=$1 shape=$2
  shift 2
  header=$(printf "%-117s" "{'descr': '<f4', 'fortran_order': False, 'shape': $shape, }")
  { printf '\223NUMPY\001\000%b' "$(bytes 2 118)"; printf '%s\n' "$header"; printf "$(floats "$@")"; } >"$name.npy"
}
archive() {  # archive FILE.npz STORED|DEFLATED NAME: of one array (APPNOTE.TXT of PKWARE, 4.3)
  size=$(wc -c <"$3.npy") kind=0
  cp "$3.npy" packed
  gzip -nc "$3.npy" >zipped
  [ "$2" = STORED ] || { tail -c +11 zipped | head -c -8 >packed; kind=8; }
  length=$(wc -c <packed)
  head=$(printf '%s' "$(bytes 2 20)$(bytes 2 0)$(bytes 2 $kind)$(bytes 4 0)$(tail -c 8 zipped | head -c 4 | od -An -b -v | sed 's/ /\\/g')$(bytes 4 "$length")$(bytes 4 "$size")$(bytes 2 $((${#3} + 4)))$(bytes 2 0)")
  {
    printf 'PK\003\004%b' "$head"; printf '%s.npy' "$3"; cat packed
    printf 'PK\001\002%b%b%b' "$(bytes 2 20)" "$head" "$(bytes 14 0)"; printf '%s.npy' "$3"
    printf 'PK\005\006%b' "$(bytes 4 0)$(bytes 2 1)$(bytes 2 1)$(bytes 4 $((46 + ${#3} + 4)))$(bytes 4 $((30 + ${#3} + 4 + length)))$(bytes 2 0)"
  } >"$1"
}

model() {  # model FILE WEIGHT CENTRE COV
  cat >"$1" <<END
model mixed
data x[2] from toy.eight(examples: 500)
parameter weight[2] on simplex$2, centre[2, 2]$3, cov[2, 2, 2] on spd$4
prior k : class(2) ~ categorical(weight)
decoder p(x | k) { x ~ normal(centre[k], cov: cov[k]) }
metric loglik = log p(x)
train { em over weight, centre, cov   batch 100, epochs 4 }
END
}
model written.gm ' = [0.25, 0.75]' ' = [[0, 1], [2, -1]]' ' = [[[1, 0.5], [0.5, 1]], [[2, 0], [0, 4]]]'
model given.gm '' ' = kmeans(x, 2)' ''
tensors all.safetensors '{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"centre":{"dtype":"F32","shape":[2,2],"data_offsets":[8,24]},"cov":{"dtype":"F32","shape":[2,2,2],"data_offsets":[24,56]}}' 0.25 0.75 0 1 2 -1 1 0.5 0.5 1 2 0 0 4
says 0 '' run written.gm --out written -q
says 0 '' run given.gm --start all.safetensors --out given -q
holds 'values of a file begin a run as those of the text do' cmp written/metrics.csv given/metrics.csv
holds 'run.json says so' grep -q '"start": "all.safetensors"' given/run.json
says 0 '' run given.gm --start given/start.safetensors --out again -q
holds 'the folder keeps them' cmp given/metrics.csv again/metrics.csv

# gone on with, before and after the first step, without the file
says 0 '' run given.gm --start all.safetensors --out stopped -q --steps 2
mv all.safetensors elsewhere.safetensors
says 0 '' run --resume stopped -q
holds 'a run that is gone on with' cmp given/weights.safetensors stopped/weights.safetensors
mv elsewhere.safetensors all.safetensors
says 64 'only --epochs, --steps' run --resume stopped --start all.safetensors
says 64 'without --resume, --config, --start and --weights' run --from stopped --start all.safetensors

# one array of an npz file; the others begin as the text says
model part.gm ' = [0.25, 0.75]' '' ' = [[[1, 0.5], [0.5, 1]], [[2, 0], [0, 4]]]'
array centre '(2, 2)' 0 1 2 -1
for method in STORED DEFLATED; do
  rm -rf part
  archive $method.npz $method centre
  says 0 '' run part.gm --start $method.npz --out part -q
  holds "$method: one of three" cmp written/metrics.csv part/metrics.csv
done

# each start of several, and emitted programs
cat >several.gm <<'END'
model several
data x[2] from toy.eight(examples: 500)
parameter centre[2] ~ normal(0, 1), width on positive = 1
net p(x | u) { x ~ normal(centre + u, width) }
objective likelihood { maximize log p(x | 0 * x) }
metric there = sum(square(ema_of)) + 0 * sum(x)
parameter ema_of[2]
objective still { minimize sum(square(ema_of)) + 0 * sum(x) }
metric nll = -log p(x | 0 * x)
train {
  maximize likelihood over centre, width with sgd(1e-3)
  minimize still over ema_of with sgd(0)
  average ema(ema_of, 0.5)
  batch 50, epochs 1, keep best(nll), restarts 2
}
END
tensors some.safetensors '{"ema_of":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"centre":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"width":{"dtype":"F32","shape":[],"data_offsets":[16,20]}}' 3 4 0.5 0.25 1.5
says 0 '' run several.gm --start some.safetensors --out several -q
holds 'an average begins with its weight' test "$(sed -n 's/.*"there":\([0-9.]*\).*/\1/p' several/metrics.jsonl | sort -u)" = 25
says 0 '' emit several.gm -o several.c
holds 'an emitted program' compiled several.c several.run -lm -lpthread
holds 'it takes the option' ./several.run --start some.safetensors --out emitted -q
holds 'and begins so' cmp several/weights.safetensors emitted/weights.safetensors
rm -rf emitted
array centre '(2,)' 0.5 0.25
archive centre.npz STORED centre
holds 'and npz files' ./several.run --start centre.npz --out emitted -q
archive centre.npz DEFLATED centre
./several.run --start centre.npz --out refused 2>refusal
holds 'but what is compressed only where it links what expands it' grep "centre.npz: is compressed, and this program expands nothing" refusal

# what is refused, before there is a folder
refuses() {  # refuses PATTERN TENSOR DTYPE SHAPE NUMBER...
  pattern=$1 header='{"'$2'":{"dtype":"'$3'","shape":'$4',"data_offsets":[0,'
  shift 4
  tensors bad.safetensors "$header$(($# * 4))]}}" "$@"
  says 65 "$pattern" run given.gm --start bad.safetensors --out refused
  holds 'nothing is left behind' test ! -e refused
}
refuses 'bad.safetensors: `center` is nothing that the model begins with; it has weight, centre, cov' center F32 '[2,2]' 0 1 2 -1
refuses '`centre` is \[4\], but \[2, 2\] in the model' centre F32 '[4]' 0 1 2 -1
refuses '`centre` is not finite at \[1, 0\]' centre F32 '[2,2]' 0 1 nan -1
refuses '`weight` is of type BF16' weight BF16 '[2]' 0
refuses '`weight` does not lie on its support, the simplex: 0.25 at \[0\]' weight F32 '[2]' 0.25 0.5
refuses '`weight` does not lie .*: -0.25 at \[0\]' weight F32 '[2]' -0.25 1.25
refuses '`cov` does not lie on .* symmetric positive definite matrices: 0.5 at \[0, 0, 1\]' cov F32 '[2,2,2]' 1 0.5 0.25 1 2 0 0 4
refuses '`cov` does not lie' cov F32 '[2,2,2]' 1 2 2 1 2 0 0 4
says 65 'weights.safetensors: holds what a run has trained' run given.gm --start given/weights.safetensors --out refused
says 66 'none.npz: No such file' run given.gm --start none.npz --out refused
head -c 100 STORED.npz >cut.npz
says 65 'cut.npz: is cut short' run given.gm --start cut.npz --out refused
tensors bad.safetensors '{"width":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' 0
says 65 '`width` does not lie on its support, the positive numbers: 0' run several.gm --start bad.safetensors --out refused
holds 'nothing is left behind' test ! -e refused

# Starts that are made of the data see them as the model does: two clusters far from the origin, whose centres are standardized, or along
# their axes, near (-1, -1) and (1, 1), or near (-11, 0) and (11, 0)
awk 'BEGIN { print "x0,x1"; for (i = 0; i < 400; i++) { s = i % 2; print 1000 + sin(i) + 10 * s "," cos(2 * i) - 500 + 20 * s } }' >far.csv
seen() {  # seen STAGE START LOW HIGH: the sum of the squares of the two centres
  cat >far.gm <<GM
data x[2] from csv("far.csv") |> $1
parameter centre[2, 2] = $2, height
objective fits { maximize 0 * sum(x) - square(height) }
metric size = sum(square(centre))
train { maximize fits over height with sgd(0.001)  batch 100, epochs 1 }
GM
  rm -rf far
  says 0 '' run far.gm --out far -q
  holds "$1, $2" awk -v low="$3" -v high="$4" -F '"size":' '/"test"/ { n++; good = $2 + 0 >= low && $2 + 0 <= high } END { exit !(n == 1 && good) }' far/metrics.jsonl
}
seen standardize 'kmeans(x, 2)' 3.6 4.2
seen 'principal(2, of: 2)' 'kmeans(x, 2)' 230 270
seen standardize 'sample(x, 2)' 2 8
seen standardize 'stack(data_mean(x), data_mean(square(x)))' 1.98 2.02
finish
