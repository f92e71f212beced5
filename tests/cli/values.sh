#!/bin/sh
# Objectives as values, indices, outputs by name, and what is counted over a split, run: with one and two threads and as an
# emitted program to equal bits; and figures that are known.
. "$(dirname "$0")/common.sh"

cat >values.gm <<'END'
model values
data x[2] from toy.eight(examples: 2000, noise: 0.01)
prior z[3] ~ normal(0, 1)
encoder q(z | x) { h = x |> dense(16) |> tanh   z ~ normal(dense(h, 3), exp(dense(h, 3))) }
decoder p(x | z) { x ~ normal(z |> dense(16) |> tanh |> dense(2), 0.2) }
net D(side, f | x) { f = x |> dense(8) |> tanh   side ~ categorical(logits: f |> dense(4)) }
net words(w | i) { w = embed(i, 2) }
function ring(n) = array(k in 0 .. n) { [2 * cos(2 * pi * k / 8), 2 * sin(2 * pi * k / 8)] }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
objective iwae(k) { maximize logmeanexp(k) { z ~ q(z | x)   log p(x | z) + log prior(z) - log q(z | x) } }
objective sides {
  near = argmin(distances(x, ring(4)))
  pulled = x + 0.1 * words(near)[[1, 0]] + reverse(halves(concat(x, D.f(x)))[0][.. 2])
  maximize log D(side: near | x) - sum(square(mean([x, pulled], axis: 0))) + 0.1 * stop(elbo)
}
metric nll = -iwae(256)
metric gap = iwae(64) - elbo
metric modes = modes_covered(x, ring(8), within: 0.3)
metric few = modes_covered(x, concat(ring(2), [[0, 0], [9, 9]], axis: 0), within: 0.3)
metric certain = maximum(D.f(x))
metric exact = sum(x)
metric twice = 2 * exact
metric centre = total(exact) / total(1)
train { maximize elbo over q, p with adam(1e-3)   maximize sides over D, words with adam(1e-3)   batch 50, epochs 2 }
END
says 0 '' run values.gm --out one -q --threads 1
says 0 '' run values.gm --out two -q --threads 2
holds 'two threads: the same weights' cmp one/weights.safetensors two/weights.safetensors
same_emitted values
is='"is": {"elbo": "lower bound", "sides": "not known", "nll": "upper bound", "gap": "not known"},'
holds 'what each is to the likelihood is kept' grep -qF "$is" one/run.json
holds 'by the emitted program too' grep -qF "$is" emitted/run.json
holds 'and the same figures' test "$(figures one)" = "$(figures emitted)"
holds 'all eight are there' test "$(figure modes)" = 8
holds 'and two of four' test "$(figure few)" = 2
holds 'more draws are the tighter bound' test "$(figure gap | awk '{ print ($1 > 0) }')" = 1
near() { awk "BEGIN { d = $1 - ($2); print (d < 1e-6 && d > -1e-6) }"; }
holds 'a metric by its name is its value' test "$(near "$(figure twice)" "2 * $(figure exact)")" = 1
holds 'and in a sum over the split' test "$(near "$(figure centre)" "$(figure exact)")" = 1

# Weights on supports: they begin at what is written, in the support, and stay there
rm -rf one two emitted
cat >held.gm <<'END'
model held
data x[2] from toy.moons(examples: 200)
net f(p, s, u, c, l, o, h, q, g | x) {
  n = 2   none_of = 0 * sum(x)
  weight wp[3] on simplex = [2, 3, 5], ws on positive = 0.3, wu in [0, 5 * n] = 5, wc[n, n] on spd = [[2, 0.5], [0.5, 1]]
  weight wl[2, 2] on cholesky = [[2, 0], [1, 3]], wo[3] on ordered = [-1, 0, 4], wh[2] on sphere = [0.6, 0.8]
  weight wq[4] on simplex   weight wg[2] on positive ~ uniform(1, 2)
  p = wp + none_of   s = ws + none_of   u = wu + none_of   c = wc + none_of   l = wl + none_of   o = wo + none_of
  h = wh + none_of   q = wq + none_of   g = wg + none_of
}
net k(v | x) { weight a on positive = 0.3, b = 10 * a   v = b + 0 * sum(x) }      # of the value, not of the free number
net r(v | x) { v = x |> own |> own }
block own(x) { weight w on positive = 2   x * w }
function pull(p, s, u, c, l, o, h, q, g) = p[0] - 3 * s - u + c[0, 0] - l[1, 1] + o[1] - h[0] + q[3] + sum(g)
objective far { p, s, u, c, l, o, h, q, g = f(x)   maximize pull(p, s, u, c, l, o, h, q, g) - square(r(x)[0]) - square(k(x)) }
metric m = f.p(x)[0]
metric ms = f.s(x)
metric mu = f.u(x)
metric mc = f.c(x)[0, 1]
metric ml = f.l(x)[1, 1]
metric mo = f.o(x)[2]
metric mh = f.h(x)[1]
metric mq = f.q(x)[2]
metric mg = f.g(x)[0]
metric mk = k(x)
metric whole = sum(f.p(x)) + sum(f.q(x)) + sum(square(f.h(x)))
metric apart { c = f.c(x)   c[0, 0] * c[1, 1] - c[0, 1] * c[1, 0] }
metric skew { c = f.c(x)   abs(c[0, 1] - c[1, 0]) + abs(f.l(x)[0, 1]) }
metric least { o = f.o(x)   l = f.l(x)   min(min(min(o[1] - o[0], o[2] - o[1]), min(l[0, 0], l[1, 1])), min(f.s(x), min(f.u(x), 10 - f.u(x)))) }
train { maximize far over f, r, k with RATE   batch 20, epochs 5 }
END
sed 's/RATE/sgd(0)/' held.gm >still.gm
says 0 '' run still.gm --out still -q
figure() { tail -n 1 "$folder/metrics.jsonl" | sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }
folder=still
for pair in m=0.2 ms=0.3 mu=5 mc=0.5 ml=3 mo=4 mh=0.8 mq=0.25 mk=3 whole=3 apart=1.75 skew=0; do
  holds "$pair" test "$(near "$(figure "${pair%=*}")" "${pair#*=}")" = 1
done
holds 'a start that is drawn' test "$(figure mg | awk '{ print ($1 > 1 && $1 < 2) }')" = 1
sed 's/RATE/adam(0.1)/' held.gm >moved.gm
says 0 '' run moved.gm --out one -q
folder=one
holds 'they move' test "$(figure ms | awk '{ print ($1 < 0.25) }')" = 1
holds 'on the simplex and the sphere' test "$(figure whole | awk '{ print ($1 > 2.99999 && $1 < 3.00001) }')" = 1
holds 'positive definite, positive, in order, and within' \
  test "$(figure apart) $(figure least) $(figure skew)" = "$(figure apart) $(figure least) $(figure skew | awk '{ print ($1 < 1e-6) ? $1 : "far" }')"
holds 'none at the ends' test "$(echo "$(figure apart) $(figure least)" | awk '{ print ($1 > 0 && $2 > 0) }')" = 1
same_emitted moved
finish
