#!/bin/sh
# Weights of another run, `use f from "f.gm" with "f.safetensors"`: what is computed with them, that they stay as they are or go on, and
# that a run's folder is whole without the file; emitted programs, starts anew, and files that are no longer what they were.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
cat >scorer.gm <<'END2'
net scorer(s | x) {
  weight W[2] = 0
  state seen = 0
  seen <- seen + 1
  s = dot(x, W) + seen
}
parameter level on positive = 1
END2
tensors scorer.safetensors '{"scorer/W":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"scorer/seen":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"level":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}' 2 -3 0.5 0
printf '1,1\n%.0s' 1 2 3 4 5 6 7 8 9 10 >ones.csv
model() {  # model NAME OBJECTIVE SETTING...: of ten points at [1, 1]
  name=$1 objective=$2
  shift 2
  cat >"$name.gm" <<END2
model $name
use scorer, level from "scorer.gm" with "scorer.safetensors"
data x[2] from csv("ones.csv", columns: [[0, 1]], header: false, holdout: 0.2)
parameter w = 1
objective o { minimize $objective }
metric score = scorer(x)                  # 2 - 3 + (0.5 + 1); what is seen is kept where a line moves it
metric held = level                       # log 2, for its file has free numbers
train { minimize o over $* }
END2
}
model one 'square(w - scorer(x))' 'w with sgd(0.1)   batch 4, epochs 3'
says 0 '' run one.gm --out one -q
says 0 'score *0.5 ' eval one
says 0 'held *0.693147' eval one
same_emitted one
says 0 '' run one.gm --out two --epochs 2 -q --threads 2
mv scorer.safetensors away
says 65 'cannot read `.*scorer.safetensors`' run one.gm --out three
says 0 '' run --resume two --epochs 3 -q
holds 'a run goes on without the file' cmp one/weights.safetensors two/weights.safetensors
says 0 'score *0.5 ' eval one
says 0 '' run --weights one --out other --epochs 1 -q
says 0 'score *0.5 ' eval other
./one.run --out four >told 2>&1
holds 'the program asks for the file' test $? = 66
holds 'and for nothing else' test ! -e four

# a line that moves it goes on from there; what begins by it, an average, too
mv away scorer.safetensors
model moved 'square(scorer(x) - 7)' 'scorer with sgd(0.05)   batch 4, epochs 3, average ema(scorer, 0.5)'
says 0 '' run moved.gm --out moved -q
# of (0.5 - 7)^2 the gradient is -13 in each number, of which sgd takes 0.05 and the average half: 2.325 - 2.675 + (1.5 + 1)
says 0 '' run moved.gm --out first --steps 1 -q
says 0 'score *2.1500001 ' eval first
rm -rf emitted
mv one kept && mv moved one
same_emitted moved
mv one moved && mv kept one

# several starts begin with it, each
model starts 'square(scorer(x) - w)' 'scorer, w with sgd(0.05)   batch 4, epochs 1, keep best(score), restarts 2'
says 0 '' run starts.gm --out starts -q
holds 'two starts from one point' sh -c '[ "$(grep -c "" starts/metrics.csv)" -gt 4 ]'

# a file that has changed since the program was emitted
tensors scorer.safetensors '{"scorer/W":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}' 2 -3 1
./one.run --out five >told 2>&1
holds 'its shape is looked at' sh -c 'grep -q "scorer/W. is \[3\], but \[2\] in the model" told && test ! -e five'
says 65 'E0216' run one.gm --out five
holds 'nothing is left behind' test ! -e five
tensors scorer.safetensors '{"scorer/W":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}' 2 -3
says 1 'is of 10 axes' check one.gm
finish
