#!/bin/sh
# Names taken from another file, run: whose names its texts mean, what can be set, and that a run's folder is whole without it.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
cat >part.gm <<'END2'
param factor = 3, hidden = 5
function times(x) = x * factor
function twice(x) = times(times(x))
function square(x) = x + 100
function odd(x) = square(x)
distribution spike(a) on real { sample = a + gaussian()   log(x) = -(x - a) ^ 2 }
bijector triple { forward(x) = factor * x   inverse(y) = y / factor   logdet(x) = log(factor) }
kl(spike(a) || spike(b)) = 1000 * (a - b)
END2
cat >whole.gm <<'END2'
model whole
use twice, odd from "part.gm"
use hidden, spike, triple from "./part.gm"
param factor = 7
function times(x) = -x
data x from toy.line(examples: 100)
parameter w
objective o { minimize square(w) + 0 * x }
metric nine = twice(1) + 0 * w           # 9: by its own factor
metric own = odd(times(factor)) + 0 * w  # 93
metric five = hidden + 0 * w             # 5
metric rule = kl(spike(w + 2) || spike(w + 1))    # 1000: the rule came along
metric moved = kl(uniform(0, 3) |> triple || uniform(0, 9))     # 0: the bijector with its own factor
train { minimize o over w with sgd(0.1)   batch 10, epochs 2 }
END2
measured() { sed -n 's/^\([a-z]*\) *\([-0-9.e+]*\).*/\1 \2/p' out | tr '\n' ' '; }
says 0 '' run whole.gm --out whole -q
says 0 '' eval whole
measured >told
holds 'its own names' grep -q 'nine 9 own 93 five 5 rule 1000 moved 0' told
says 0 '' run whole.gm --out set -q --set factor=8 --set hidden=6
holds 'the params of the run' sh -c 'grep -A3 ^params set/config.yaml | tr "\n" " " | grep -q "factor: 8 *hidden: 6"'
says 0 '' eval set
measured >told
holds 'what is named can be set' grep -q 'nine 9 own 92 five 6 rule 1000 moved 0' told
says 65 'E0210' run whole.gm --set factors=1
rm part.gm
says 0 '' run --resume set --epochs 3 -q
says 0 '' eval set
measured >told
holds 'a folder is whole without the file' grep -q 'nine 9 own 92 five 6 rule 1000 moved 0' told
says 65 'E0203' run whole.gm

# a file of bijectors is tried by itself, and where they are taken from it
for name in flows spline_flow; do says 0 '' check "$root/models/$name.gm"; done
broken() {
  sed "$1" "$root/models/flows.gm" >flows.gm
  says 1 "$2" check flows.gm
}
broken 's/inverse(y) = mirrored(y)/inverse(y) = mirrored(1.01 * y)/' 'flows.gm:[0-9]*:3: error.E0753.: .householder.: inverse does not undo forward'
broken 's/t = 2 \* c/t = 1.9 * c/' 'E0753.: .spline_coupling'
broken 's/+ 2 \* s \* u + d0/+ s * u + d0/' 'E0754.: .spline_coupling.: logdet says'
broken 's/(n - 1) \* log1p/n * log1p/' 'E0754.: .radial'
broken 's/- log1p(x \* x) \/ 2/- log1p(x * x)/' 'E0754.: .sinh_arcsinh'
sed 's/(n - 1) \* log1p/n * log1p/' "$root/models/flows.gm" >flows.gm
printf 'use radial from "flows.gm"\nprior z[3] ~ normal(0, 1) |> radial\n' >taker.gm
says 1 'flows.gm:[0-9]*:3: error.E0754.: .radial' check taker.gm
finish
