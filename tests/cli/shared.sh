#!/bin/sh
# Latents that all examples share, run: a line whose posterior and evidence are known in closed form; several batches of one draw; draws that
# predict; and the weights of a small network, with threads, shards, a resume and an emitted program.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# y = w a + b and noise of 0.5, w and b of normal(0, 1): their posterior is normal, of two independent ones, for the a lie evenly about 0.
# By 30 digits: w 0.757377 +- 0.128037, b 0.436364 +- 0.174078, log p(y | a) of all eight -7.492794.
printf 'a,y\n-2,-0.9\n-1.5,-1.1\n-1,-0.2\n-0.5,0.3\n0.5,0.6\n1,1.5\n1.5,1.1\n2,2.3\n' >line.csv
cat >line.gm <<'END2'
model line
data a, y from csv("line.csv", test: "line.csv")
shared prior w ~ normal(0, 1), b ~ normal(0, 1)
net q(w, b) {
  weight m[2] = 0, s[2] = 0
  w ~ normal(m[0], exp(s[0]))
  b ~ normal(m[1], exp(s[1]))
}
decoder p(y | a, w, b) { y ~ normal(a * w + b, 0.5) }
objective path { w, b ~ q(w, b)   maximize log p(y | a, w, b) + (log prior(w, b) - log stop(q(w, b))) / examples }
metric elbo every 1000 = mean(4000) { w, b ~ q(w, b)   log p(y | a, w, b) } - kl(q(w, b) || prior(w, b)) / examples
metric of_w = mean q(w: w)
metric of_b = mean q(b: b)
metric spread_of_w = entropy(q(w: w))
metric spread_of_b = entropy(q(b: b))
train { maximize path over q with adam(cosine(0.1, 1000))   batch 8, epochs 1000 }
END2
says 0 '' run line.gm --out line -q
figure() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) k = i } $3 == "test" && $k != "" { x = $k } END { print x }' "$1/metrics.csv"; }
near() { awk -v x="$1" -v to="$2" -v by="$3" 'BEGIN { d = x - to; exit !(x != "" && d * d <= by * by) }'; }
holds 'the mean of w' near "$(figure line of_w)" 0.757377 0.0005
holds 'the mean of b' near "$(figure line of_b)" 0.436364 0.0005
holds 'the spread of w' near "$(figure line spread_of_w)" -0.636498 0.002     # log(0.128037) + log(2 pi e) / 2
holds 'the spread of b' near "$(figure line spread_of_b)" -0.329315 0.002
holds 'a draw of the posterior gives the evidence' near "$(figure line path)" -0.936599 0.0002
holds 'the bound reaches it' near "$(figure line elbo)" -0.936599 0.01

# log p(y, w, b) - log q(w, b) is the evidence at every draw, if q is the posterior: added up over batches of three, two and one, where it
# is one and the same draw.
sed 's/m\[2\] = 0, s\[2\] = 0/m[2] = [0.7573770492, 0.4363636364], s[2] = [-2.0554369, -1.7482538]/
  s/adam(cosine(0.1, 1000))   batch 8, epochs 1000/sgd(0)   batch 3, epochs 2/' line.gm >batches.gm
says 0 '' run batches.gm --out one -q --threads 1
says 0 '' run batches.gm --out two -q --threads 2
holds 'threads change no bit' cmp one/metrics.csv two/metrics.csv
holds 'one draw for all batches' near "$(figure one path)" -0.936599 0.00001
same_emitted batches
holds 'an emitted program changes no bit' cmp one/metrics.csv emitted/metrics.csv

# predictions of one draw of w and b: their mean is a line in a
says 0 '' sample one -n 2 --given a=-1 --mean -o low.csv
says 0 '' sample one -n 2 --given a=0 --mean -o at.csv
says 0 '' sample one -n 2 --given a=1 --mean -o high.csv
holds 'all that is asked for has one draw' test "$(sed 1d at.csv | sort -u | wc -l)" = 1
holds 'of the posterior' near "$(sed -n 2p at.csv)" 0.436364 0.8
holds 'and the same one' awk -v l="$(sed -n 2p low.csv)" -v m="$(sed -n 2p at.csv)" -v h="$(sed -n 2p high.csv)" \
  'BEGIN { d = l + h - 2 * m; exit !(d * d < 1e-10 && l < h) }'

cp "$root/models/bayes_regression.gm" weights.gm
sed -i 's/epochs [0-9]*/epochs 3, shards 5/' weights.gm
rm -rf one two emitted
says 0 '' run weights.gm --out one -q --threads 1
says 0 '' run weights.gm --out two -q --threads 2 --epochs 2
says 0 '' run --resume two -q --threads 2 --epochs 3
holds 'threads and a resume change no bit' cmp one/weights.safetensors two/weights.safetensors
same_emitted weights
holds 'the picture is the same' cmp one/shows/band.png emitted/shows/band.png
finish
