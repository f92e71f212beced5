#!/bin/sh
# Models and names that mean harm: none crashes, hangs, takes all memory, reaches the terminal raw, or spoils a run.
# shellcheck disable=SC2016  # backquotes and dollars in texts are meant
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# model NAME TEXT: a file with the data of the plane
model() {
  printf 'model m\ndata x[2] from toy.eight\n%b\n' "$2" >"$1"
}
# soon CODE PATTERN FILE: checked and said within a second or so; SOON: milliseconds, more under sanitizers
soon() {
  begin=$(date +%s%N)
  says "$1" "$2" check "$3"
  holds "$3: in time" test $((($(date +%s%N) - begin) / 1000000)) -lt "${SOON:-3000}"
}
# levels NAME TEXT LAST: a text for each level 1 .. 30, where I is the level and J the one below
levels() {
  model "$1" "$2"
  for i in $(seq 30); do echo "$3" | sed "s/I/$i/g; s/J/$((i - 1))/g"; done >>"$1"
  echo "$4" >>"$1"
}

# short texts that ask for much
levels nodes.gm 'function f0(x) = x * x + 1' 'function fI(x) = fJ(fJ(x))' 'metric t = sum(f30(x))'
soon 1 'nodes.gm:3:[0-9]*: the model expands to more than' nodes.gm
levels same.gm 'function f0(x) = x + 1' 'function fI(x) = fJ(x) * fJ(x)' 'metric t = sum(f30(x))'
soon 1 'error\[E0232\]' same.gm
levels weights.gm 'block f0(x) { x |> dense(2) }' 'block fI(x) { fJ(fJ(x)) }' 'net n(v | x) { v = f30(x) }  metric t = sum(n(x))'
soon 1 'the model expands to more than' weights.gm
levels joined.gm 'function f0(x) = concat(x, x)' 'function fI(x) = f0(fJ(x))' 'metric t = sum(f30(x))'
soon 0 '' joined.gm
model endless.gm 'function f(x) = f(x)\nmetric t = f(1)' && soon 1 'error\[E0226\]' endless.gm
model twice.gm 'function f(x) = f(x) + f(x)\nmetric t = f(1)' && soon 1 'error\[E0226\]' twice.gm
model deep.gm 'function g0(x) = x'
sums=$(printf 'sum(%.0s' $(seq 190)) ends=$(printf ')%.0s' $(seq 190))
for i in $(seq 60); do echo "function g$i(x) = ${sums}g$((i - 1))(x)$ends"; done >>deep.gm
echo 'metric t = sum(g60(x))' >>deep.gm
soon 1 'error\[E0233\]' deep.gm
printf 'model m\nparam a = %s' "$(head -c 100000 /dev/zero | tr '\0' '(')" >brackets.gm && soon 1 'error\[E0104\]' brackets.gm
printf 'model m\nparam a = 1%s' "$(head -c 100000 /dev/zero | tr '\0' 0)" >digits.gm && soon 1 'error\[E0004\]' digits.gm
model sizes.gm 'metric t = sum(zeros(2147483647, 2147483647))' && soon 1 'error\[E0313\]' sizes.gm
model sizes.gm 'metric t = sum(reshape(zeros(4), 2147483647, 2147483647, 4))' && soon 1 'error\[E0313\]' sizes.gm
model sizes.gm 'net n(v | x) { v = x |> dense(10^10) }\nmetric t = sum(n(x))' && soon 1 'error\[E0306\]\|error\[E0323\]' sizes.gm
model sizes.gm 'net n(v | x) { v = x |> dense(100000) |> dense(100000) }\nmetric t = sum(n(x))' && soon 1 'error\[E0323\]' sizes.gm
model sizes.gm 'metric t = mean(1000000) { mean(1000000) { sum(x * random()) } }' && soon 1 'error\[E0326\]' sizes.gm
model sizes.gm 'metric t = sum(x) * 1e308 * 1e308 + 1 / 0' && soon 0 '' sizes.gm
model sizes.gm 'metric t = sum(x) * 1e400' && soon 1 'error\[E0004\]' sizes.gm
model sizes.gm 'param n = 0 / 0\nmetric t = sum(zeros(n)) + sum(x[n]) + mean(n) { 1 }' && soon 1 'nan' sizes.gm
model axes.gm 'prior z[1, 1, 1, 1, 1, 1, 1, 1] ~ normal(0, 1)\nobjective o { z ~ prior(z)  maximize sum(z) }' && soon 1 'error\[E0304\]' axes.gm
printf 'model m\ndata x[2, 2, 2, 2, 2, 2, 2, 2] from npy("x")\nmetric t = sum(x)\n' >axes.gm && soon 1 'error\[E0304\]' axes.gm
names=$(seq -s, -f a%g 30)
model inputs.gm "net f(v | $names) { v = a1 }\nmetric t = f($(seq -s, 30))" && soon 1 'inputs.gm:3:1: error\[E0221\]' inputs.gm
model turns.gm 'net n(v | x) { v = dense(x, 2) }\nobjective o { maximize sum(n(x)) }
train { repeat 1000 { repeat 1000 { maximize o over n with sgd(1e-3) } } }' && soon 1 'error\[E0527\]' turns.gm
model mixture.gm 'prior z ~ mixture over k in 0 .. 1000000 { normal(k, 1) }\nobjective o { z ~ prior(z)  maximize log prior(z) }'
soon 0 '' mixture.gm

# memory is counted before it is taken
model memory.gm 'net n(v | x) { v = x |> dense(10000) |> relu |> dense(10000) }\nobjective o { maximize sum(n(x)) }
train { maximize o over n with sgd(1e-3)  batch 1000000 }'
says 71 'memory.gm: needs [0-9.]* GiB of memory.* smaller batch' run memory.gm --data 'toy.eight(examples: 1000000)' --out o
holds 'nothing is left' test ! -e o

# files used by files
uses() { printf 'model m\nuse "%b"\n' "$1" >"$2"; }
uses self.gm self.gm && soon 0 '' self.gm
uses ./././self.gm self.gm && soon 0 '' self.gm
echo 'use "b.gm"' >a.gm && echo 'use "a.gm"' >b.gm && soon 0 '' a.gm
for i in $(seq 0 30); do uses "n$((i + 1)).gm" "n$i.gm"; done && soon 1 'n16.gm:2:1: error\[E0211\]' n0.gm
mkfifo pipe && ln -s loop loop && head -c 5000000 /dev/zero | tr '\0' '#' >huge && head -c 3000 "$gmc" >binary
for f in . /dev/zero /dev/urandom pipe loop '' nothing.gm; do uses "$f" use.gm && soon 1 'use.gm:2:1: error\[E0203\]' use.gm; done
uses huge use.gm && soon 1 '^gmc: huge: has 5000000 bytes' use.gm
uses binary use.gm && soon 1 '^gmc: binary:1:[0-9]*: ' use.gm
for f in . /dev/zero pipe huge binary; do
  says 65 "^gmc: $f" run "$f"
  says 65 "^gmc: $f" run a.gm -c "$f"
done
says 66 'loop: ' check loop
says 66 '' check ''

# what a text or a name holds reaches the terminal as printable characters only
uses '\0033[31mred' use.gm && says 1 'cannot read `\\x1b\[31mred`' check use.gm
says 66 '^gmc: \\x1b\[31mred.gm: ' check "$(printf '\033[31mred.gm')"
printf 'model m\nparam a = "\033[31m\302\233" + \033\n' >escape.gm && says 1 'escape.gm:2' check escape.gm
holds 'no escapes' sh -c '! LC_ALL=C grep -q "[[:cntrl:]]" said'

# a name of a file may hold anything: its run can be read again, and its C is C
odd='a* "q" %n %s ?? \ $(touch pwned) (ü日本'$(printf '\033\377').gm
cat >"$odd" <<'GM'
model odd
data x[2] in [0, 1] from csv("%n ?\?) */ t.csv")
net f(v | x) { v = x |> dense(2) }
objective error { minimize sum(square(x - f(x))) }
train { minimize error over f with sgd(1e-3)   batch 16, epochs 2 }
GM
sed -i 's/?\\?/??/' "$odd" && mkdir -p '%n ??) *'
awk 'BEGIN { for (i = 0; i < 60; i++) print "0.1," i % 2 }' >'%n ??) */ t.csv'
says 0 '' run "$odd" --out o -q --epochs 1
says 0 'error' eval o
says 0 '' run --resume o -q --epochs 2
says 0 '' run "$odd" --out whole -q
holds 'the same bits' cmp o/weights.safetensors whole/weights.safetensors
says 0 '' emit "$odd" -o odd.c
holds 'it compiles' sh -c "${CC:-cc} -std=c17 -O1 -Wall -Wextra -Werror -ffp-contract=off odd.c -lz -lm -lpthread -o odd"
holds 'it runs' ./odd --out emitted -q
holds 'the same losses' cmp emitted/metrics.jsonl whole/metrics.jsonl
holds 'nothing was run by the way' test ! -e pwned

# numbers that fail: the first tensor and its line are named, and good weights stay
model steep.gm 'param lr = 1e-3\nnet n(v | x) { v = x |> dense(8) |> dense(2) }
objective error { minimize sum(exp(square(x - n(x)))) }
train { minimize error over n with sgd(lr)  batch 100, epochs 1 }'
says 0 '' run steep.gm --out good -q --set lr=1e-30
cp good/weights.safetensors before
sed -i 's/lr: .*/lr: 1e6/' good/config.yaml
says 1 '`error` is not finite at step [0-9]*, epoch 2' run --resume good -q --epochs 2
holds 'the tensor and its line' grep -q 'first in .*steep.gm:[45]: .* is \(nan\|inf\|-inf\)' said
holds 'good weights stay' cmp good/weights.safetensors before
says 0 'error' eval good
model narrow.gm 'net n(v | x) { h = dense(x, 4) |> reshape(2, 2)  v = logdet(h @ transpose(h) - 9 * onehot(iota(2), 2)) }
objective size { minimize n(x) }
train { minimize size over n with sgd(1)  batch 100, epochs 1 }'
says 1 '`size` is not finite at step 1, epoch 1' run narrow.gm --out o4 -q
holds 'the factor' grep -q 'first in .*: n_[a-z]* = cholesky(.*: element [0-9]* is nan' said
model turns.gm 'net n(v | x) { h = dense(x, 1)   v = sum(scan(k in 0 .. 4, c = h) { c <- c * sqrt(1.5 - k)   c }) }
objective size { minimize n(x) }
train { minimize size over n with sgd(1)  batch 100, epochs 1 }'
says 1 '`size` is not finite at step 1, epoch 1' run turns.gm --out o5 -q
holds 'the value and the turn' grep -q 'first in turns.gm:[0-9]*: n_sqrt = sqrt((1.5 - k)): element 0 of turn 2 is nan' said
model start.gm 'parameter w = infinity\nobjective o { maximize w * sum(x) }\ntrain { maximize o over w with sgd(1)  batch 100 }'
says 1 'not finite' run start.gm --out o3 -q
holds 'no weights are kept' test ! -e o3/weights.safetensors
finish
