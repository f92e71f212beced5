#!/bin/sh
# Loops of the language, run: a recurrent network against the same turns written out, with one and two threads and as an
# emitted program; draws in turns; and long loops, which take no longer to compile than short ones.
. "$(dirname "$0")/common.sh"

model() {  # model NAME STATES: a network of the states, which are given as an expression
  cat >"$1.gm" <<END
model $1
data x[2] from toy.moons(examples: 50)
net f(v | x) {
  weight W[3, 8] ~ normal(0, 0.5), U[8, 8] ~ normal(0, 0.5), b[8] = 0.1
  r = reshape(concat(x, sin(3 * x), x * x, cos(2 * x), 1 - x, exp(-x * x)), 4, 3)
  h = $2
  v = sum(h * h) / 8
}
objective o { minimize square(f(x) - 1) }
metric m = f(x)
train { minimize o over f with adam(1e-2)   batch 8, epochs 6 }
END
}
model looped 'scan(row in r, s = zeros(8)) { s <- tanh(row @ W + s @ U + b)   s }'
model written 'concat(tanh(r[0] @ W + zeros(8) @ U + b), tanh(r[1] @ W + tanh(r[0] @ W + zeros(8) @ U + b) @ U + b), tanh(r[2] @ W + tanh(r[1] @ W + tanh(r[0] @ W + zeros(8) @ U + b) @ U + b) @ U + b), tanh(r[3] @ W + tanh(r[2] @ W + tanh(r[1] @ W + tanh(r[0] @ W + zeros(8) @ U + b) @ U + b) @ U + b) @ U + b))'

for name in looped written; do says 0 '' run $name.gm --out $name -q; done
says 0 '' run looped.gm --out two -q --threads 2
holds 'two threads: the same weights' cmp looped/weights.safetensors two/weights.safetensors

# figures FOLDER: the values of the last line of the measures, o and m
figures() { tail -n 1 "$1/metrics.jsonl" | sed 's/.*"o":\([^,]*\),.*"m":\([^,]*\),.*/\1 \2/'; }
near() { echo "$(figures looped) $(figures written)" | awk '{ exit !(($1 - $3)^2 < 1e-12 && ($2 - $4)^2 < 1e-12 && $1 > 0) }'; }
holds 'the loop gives the figures of its turns written out' near

says 0 '' emit looped.gm -o looped.c
holds 'it compiles' compiled looped.c looped.run
holds 'it runs' ./looped.run --out emitted -q
holds 'the emitted program: the same weights' cmp looped/weights.safetensors emitted/weights.safetensors

# a chain a <- r a + s e has variance s^2 (1 - r^(2n)) / (1 - r^2) after n turns: fresh draws in every turn
cat >chain.gm <<'END'
model chain
data x[2] from toy.moons(examples: 20000)
parameter w
objective o { minimize square(w - 1) }
metric variance = square(fold(i in 0 .. 20, a = 0) { a <- 0.8 * a + 0.5 * gaussian()   a })
metric two = square(fold(i in 0 .. 5, a = 0) { a <- fold(j in 0 .. 4, b = a) { b <- 0.8 * b + 0.5 * gaussian()   b }   a })
train { minimize o over w with sgd(0.1)   batch 500, epochs 1 }
END
says 0 '' run chain.gm --out chain -q
expected() { tail -n 1 chain/metrics.jsonl | sed "s/.*\"$1\":\([^,]*\),\"$1_se\":\([^,}]*\).*/\1 \2/" |
  awk '{ v = 0.25 * (1 - 0.8 ^ 40) / (1 - 0.64); exit !(($1 - v)^2 < 16 * $2 * $2 && $2 < 0.05) }'; }
holds 'draws are fresh in every turn' expected variance
holds 'and in every turn of two loops' expected two

# what is carried differs between examples as soon as a turn makes it so; gradients inside of turns; draws of aggregates
cat >plates.gm <<'END'
model plates
data x[2] from toy.moons(examples: 4000)
prior z[2] ~ normal(0, 1)
net q(v | x) { v = fold(i in 0 .. 3, h = zeros(2)) { h <- h + x   h } }
parameter w
objective o { minimize square(w - 1) + 0 * sum(q(x)) }
metric three = sum(square(q(x) - 3 * x))
metric descent { u = fold(i in 0 .. 5, a = x) { a <- a - 0.1 * grad(sum(square(a)), a)   a }   sum(square(u - 0.8 ^ 5 * x)) }
metric drawn = mean(4) { square(fold(i in 0 .. 4, a = 0) { e ~ normal(a, 1)   a <- e   a }) }
train { minimize o over w with sgd(0.1)   batch 500, epochs 1 }
END
says 0 '' run plates.gm --out plates -q
small() { tail -n 1 plates/metrics.jsonl | sed "s/.*\"$1\":\([^,]*\),.*/\1/" | awk '{ exit !($1 >= 0 && $1 < 1e-10) }'; }
holds 'three times x' small three
holds 'descent by the gradient of each turn' small descent
four() { tail -n 1 plates/metrics.jsonl | sed 's/.*"drawn":\([^,]*\),.*/\1/' | awk '{ exit !(($1 - 4)^2 < 0.16) }'; }
holds 'a walk of four steps has variance 4' four

# thousands of draws: a figure that is known, in memory that does not grow with their number
cat >many.gm <<'END'
model many
param k = 100
data x[2] from toy.moons(examples: 2000)
prior z[64] ~ normal(0, 1)
net f(v | z) { v = z |> dense(256) |> tanh |> dense(1) |> sum }
objective o { z ~ prior(z)   minimize square(f(z) - 1) }
metric spread = mean(k) { z ~ prior(z)   sum(square(z)) + 0 * f(z) }
train { minimize o over f with sgd(0)   batch 100, epochs 1 }
END
megabytes() { "$gmc" explain many.gm --set k="$1" | sed -n 's/.*largest program  *\([0-9]*\).*/\1/p'; }
holds 'memory for 5000 draws' test "$(megabytes 5000)" -le "$(($(megabytes 100) + 8))"
says 0 '' run many.gm --set k=960 --out many -q
spread() { tail -n 1 many/metrics.jsonl | sed 's/.*"spread":\([^,]*\),.*/\1/' | awk '{ exit !(($1 - 64)^2 < 0.01) }'; }
holds '960 draws of 64 normal numbers, squared and added' spread

cat >long.gm <<'END'
model long
data x[784] in [0, 1] from npy("none.npy")
net f(v | x) {
  weight U[16, 16] ~ normal(0, 0.1)
  v = fold(p in x, h = zeros(16)) { h <- tanh(h @ U + p)   h }
}
objective o { minimize sum(square(f(x))) }
train { minimize o over f with adam(1e-3)   batch 8, epochs 1 }
show walk { v = fold(i in 0 .. 1000, a = zeros(2)) { a <- 0.9 * a + gaussian(a)   a }   plot v }
END
says 0 '' explain long.gm
# a loop of many turns holds as much more than one of a few as was foretold
cat >long.gm <<'END'
model long
data x[2] from toy.moons(examples: 64)
net f(v | x) {
  weight U[128, 128] ~ normal(0, 0.1)
  v = sum(scan(t in 0 .. 400, h = zeros(128)) { h <- tanh(dense(x, 128) + h @ U)   square(h) })
}
objective o { minimize square(f(x) - 1) }
train { minimize o over f with adam(1e-3)   batch 64, epochs 10 }
END
sed 's/0 \.\. 400/0 .. 3/; s/epochs 10/epochs 1000/' long.gm >short.gm
peak() {  # peak COMMAND...: the most memory that it held, in KiB
  "$@" >/dev/null &
  while kill -0 $! 2>/dev/null; do
    sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$!/status 2>/dev/null
    sleep 0.02
  done | sort -n | tail -n 1
}
for name in long short; do
  says 0 'allocated for the run' explain $name.gm
  sed -n 's/.*allocated for the run *\([0-9.]*\) MiB.*/\1/p' out >$name.foretold
  says 0 '' emit $name.gm -o $name.c
  holds 'it compiles' compiled $name.c $name.run
  peak ./$name.run --out $name -q --threads 1 >$name.peak
done
holds 'memory is as foretold' awk '{ more = $1 - $2; held = ($3 - $4) / 1024; exit !(more > 30 && held > 0.93 * more && held < 1.07 * more) }' <<END
$(cat long.foretold) $(cat short.foretold) $(cat long.peak) $(cat short.peak)
END
finish
