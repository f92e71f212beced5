#!/bin/sh
# What a run says of latents that carry nothing, and what it keeps of all. With noise of 5 around it the data says nothing of z, and nothing
# is what the best posterior says too: its divergence is 0.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

cat >moons.gm <<'END2'
model moons
param noise = 5
data x[2] from toy.moons(examples: 2000)
prior z[3] ~ normal(0, 1)
encoder q(z | x) { h = x |> dense(16) |> tanh   z ~ normal(dense(h, 3), exp(dense(h, 3))) }
decoder p(x | z) { x ~ normal(z |> dense(16) |> tanh |> dense(2), noise) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
metric informed = active_by_kl(each kl(q(z | x) || prior(z)))
metric rate = kl(q(z | x) || prior(z))
train { maximize elbo over q, p with adam(1e-2)   batch 100, epochs 12 }
END2
sed 's/kl(q(z | x) || prior(z)) }$/kl(q(z | x) || prior(z)) + 0 * sum(z) }/; s/maximize log p(x | z) - kl(q(z | x) || prior(z)).*/maximize logmeanexp(5) { z ~ q(z | x)   log p(x, z) - log q(z | x) } }/' moons.gm |
  sed 's/elbo { z ~ q(z | x)   /elbo { /' >weights.gm
latents() { sed -n '/"latents": \[/,$p' "$1/run.json"; }
value() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } $3 == "test" { v = $c } END { print v }' "$1/metrics.csv"; }

says 0 'collapse: of the 3 latents `z` 0 cost more than 0.01 nats' run moons.gm --out lost
holds 'with a way out' grep -q 'min(1, epoch / 10) \* kl(q(z | x) || prior(z))' said
holds 'early, and at the end' test "$(grep -c 'posterior collapse' lost/run.log)" = 2
holds 'and keeps it' grep -q '"cost": "kl(q(z | x) || prior(z))", "of": 3, "active": 0, "all": [0-9.e-]*, "nats": \[' lost/run.json
says 0 '' run moons.gm --out kept --set noise=0.1
holds 'of latents that carry something nothing is said' sh -c '! grep -q collapse said'
active() { sed -n 's/.*"active": \([0-9]*\),.*/\1/p' "$1/run.json"; }
holds 'they are counted as the library does' test "$(active kept)" = "$(value kept informed)"
holds 'their costs are those of the divergence' sh -c "sed -n 's/.*\"nats\": .\([^]]*\)].*/\1/p' kept/run.json |
  awk -v rate=$(value kept rate) -F', ' '{ for (i = 1; i <= NF; i++) s += \$i; exit !(NF == 3 && (s - rate) ^ 2 < 1e-10 * rate ^ 2) }'"

# by densities at draws too
says 0 'collapse: of the 3 latents `z` 0 cost' run weights.gm --out weights
holds 'of whom it is told which' grep -q '"cost": "log p(x, z) - log q(z | x)"' weights/run.json

# emitted, and stopped
says 0 '' emit moons.gm -o moons.c
holds 'it compiles' compiled moons.c moons.run
holds 'it runs' sh -c './moons.run --out emitted 2>told'
holds 'the program says the same' grep -q 'posterior collapse: of the 3 latents' told
holds 'and keeps the same' test "$(latents lost)" = "$(latents emitted)"
says 0 '' run moons.gm --out stopped -q --steps 30
holds 'nothing is kept before the end' test -z "$(latents stopped | grep active | grep -v '"latents"')"
says 0 '' run --resume stopped -q
holds 'a run that was stopped keeps the same' test "$(latents lost)" = "$(latents stopped)"

finish
