#!/bin/sh
# gmc quiz: what is asked, what is counted, what is kept
. "$(dirname "$0")/common.sh"
mkdir -p faces
cp "$OLDPWD"/models/pictures/*.png faces/
cat >faces.gm <<'END'
model faces
data x[8, 6] in [0, 1] from images("faces")
prior z[2] ~ normal(0, 1)
encoder q(z | x) { z ~ normal(dense(flatten(x), 2), exp(dense(flatten(x), 2))) }
decoder p(x | z) { x ~ normal(z |> dense(48) |> sigmoid |> reshape(8, 6), 0.1) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
train { maximize elbo over q, p with adam(1e-2)   batch 2, epochs 3 }
END
says 0 '' run faces.gm -q --out one
quiz() { "$gmc" quiz one -n 12 --seed 5 "$@" >shown 2>err; }
field() { tail -n 1 one/quiz.jsonl | sed "s/.*\"$1\":\"*\([0-9a-zA-Z]*\).*/\1/"; }

yes r | quiz
holds 'twelve questions' test "$(field asked)" = 12
holds 'twelve pictures of four lines of six' test "$(grep -c '^[ .:=+*#%@-]\{6\}$' shown)" = 48
made=$(field made)
holds 'some of each' test "$made" -gt 0 -a "$made" -lt 12
holds 'all taken for real' test "$(field taken_for_real)" = "$made" -a "$(field right)" = $((12 - made))
yes m | quiz --mean
holds 'none taken for real, of the same seed' test "$(field taken_for_real)" = 0 -a "$(field right)" = "$made"
printf 'r\nwhat\nm\nr\nq\n' | quiz
holds 'until it is stopped; what is no answer is asked again' test "$(field asked)" = 3
printf 'm\nm\n' | quiz
holds 'until nothing more is said' test "$(field asked)" = 2
holds 'every quiz is kept' test "$(wc -l <one/quiz.jsonl)" = 4
: | quiz
holds 'nothing asked, nothing kept' test "$(wc -l <one/quiz.jsonl)" = 4

# Wilson's interval: 0 of 12 is 0 to 24.25%, 12 of 12 is 75.75% to 100%
"$gmc" quiz one -n 12 --seed 5 >shown 2>err <<END
$(tail -n +1 one/quiz.jsonl | head -n 1 | sed 's/.*"answers":"\([a-zA-Z]*\)".*/\1/' | tr 'rRmM' 'rrmm' | sed 's/./&\n/g')
END
holds 'all told apart' grep -q '^told apart: 12 of 12, 100% (95% interval 76% to 100%)$' shown
cat >line.gm <<'END'
model line
data x from toy.line(examples: 400)
parameter m = 0
decoder p(x) { x ~ normal(m, 1) }
objective o { maximize log p(x) }
train { maximize o over m with sgd(0.1)   batch 50, epochs 1 }
END
says 0 '' run line.gm -q --out line
says 64 'x is no picture' quiz line
says 66 'nowhere holds no run' quiz nowhere
finish
