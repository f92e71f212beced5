#!/bin/sh
# `gmc run --from`, from outside: a new run that goes on from an epoch of another, with its settings to the same bits, with
# others to other ones; by gmc and by emitted programs.
. "$(dirname "$0")/common.sh"

cat >two.gm <<'END_MODEL'
model two
param rate = 1e-2, momentum = 0.5, width = 8, phase1 = 3
data x[2] from toy.moons(examples: 400)
net f(v | x) { v = x[0 .. 1] |> dense(width) |> batch_norm |> tanh |> dense(1) |> sum }
net g(v | x) { v = x[1 .. 2] |> dense(width) |> tanh |> dense(1) |> sum }
objective fit { minimize square(f(x) - x[1] + 0.1 * gaussian()) }
objective back { minimize square(g(x) - x[0]) }
train {
  minimize back over g with sgd(rate, momentum: momentum)
  every 3 { minimize fit over f with adam(rate) }
  average ema(f, 0.98)
  batch 20, epochs phase1, keep best(fit), keep every 1
} then {
  minimize fit over f with adam(rate)
  when recent(fit) > 0.05 { minimize back over g with adam(warm_up(rate, 20)) }
  batch 40, epochs 4
}
END_MODEL
sed -i 's/  minimize back over g with sgd(rate/  minimize back over g with sgd(rate/' two.gm
# the tensors alone: what follows the header, whose length the first eight bytes tell
tensors() { tail -c +$((9 + $(od -An -tu8 -N8 "$1/weights.safetensors"))) "$1/weights.safetensors"; }
# is run $1 what whole is? Only which epoch is the best may differ, for it is sought among those of the run itself
same() {
  tensors whole >want && tensors "$1" >got && cmp want got || return 1
  sed 's/,"best":1//' whole/metrics.jsonl >want
  sed 's/,"best":1//' "$1/metrics.jsonl" | cmp want - || return 1
  sed 's/,[^,]*$//' whole/metrics.csv >want
  sed 's/,[^,]*$//' "$1/metrics.csv" | cmp want -
}
says 0 '' run two.gm --out whole -q
says 0 '' emit two.gm -o two.c
holds 'it compiles' compiled two.c two.run
for from in 1 2 3 5 6; do # in either phase, and where the first one ends
  says 0 "goes on from whole@$from, step" run --from whole@$from --out at_$from --threads 2
  holds "the same from epoch $from" same at_$from
done
holds 'the record says so' grep -q '"from": "whole@3"' at_3/run.json
holds 'the program goes on' ./two.run --from whole@4 --out program --quiet
holds 'to the same' same program
says 0 '' run --from at_2@4 --out again -q
holds 'from a run that went on' same again
best=$(sed -n 's/.*at epoch \([0-9]*\)$/\1/p' whole/run.log)
says 0 "goes on from whole@$best" run --from whole@best --out from_best
[ "$best" = 7 ] || holds 'from the best epoch' same from_best

# stopped, and gone on with
says 0 '' run --from whole@2 --out stopped -q --steps 45
says 0 '' run --resume stopped -q
holds 'stopped and resumed' same stopped
says 0 '' run two.gm --out short -q --steps 45
says 0 '' run --from short@last --out rest -q
holds 'from the middle of an epoch' same rest

# other settings
differs() { tensors whole >want && tensors "$1" >got && ! cmp -s want got; }
lines() { grep -c '"split":"train"' "$1/metrics.jsonl"; }
says 0 '' run --from whole@2 --set rate=1e-3 --out slow -q
holds 'another rate, other weights' differs slow
holds 'the epochs before are those of the other' test "$(head -n 4 slow/metrics.jsonl | sed 's/,"best":1//')" = "$(head -n 4 whole/metrics.jsonl | sed 's/,"best":1//')"
says 0 '' run --from whole@2 --batch 40 --epochs 3 --out wide -q
holds 'a batch of another size: the epochs are counted on' test "$(tail -n 1 wide/metrics.jsonl | cut -d, -f1-2)" = '{"step":50,"epoch":3'
says 0 '' run --from whole --epochs 9 --out longer -q
holds 'more epochs' test "$(lines longer)" = 9
says 0 '' run --from whole@2 --seed 9 --out seeded -q
holds 'another seed' differs seeded

# what cannot be
says 66 'keeps no weights of epoch .9.; the best are of epoch [0-9]*; the last are of epoch 7; kept are 1, 2, 3, 4, 5, 6, 7$' run --from whole@9 --out x
says 65 'g/dense_1/W. is \[1, 8\], but \[1, 9\] in the model; .*f/dense_1/b. is .*; and 7 more' run --from whole@2 --set width=9 --out x
says 65 'stands in the middle of epoch 3: there its batch of 20' run --from short@last --batch 40 --out x
says 64 'stands at step 100, and the new run is to end there' run --from whole@last --out x
says 64 'goes without --resume, --config, --start and --weights' run --from whole@2 --weights whole@2 --out x
says 64 'it has no use for' run two.gm --from whole@2 --out x
cp -r whole cut
head -n 1 whole/metrics.csv >cut/metrics.csv
says 65 'cut/metrics.csv: shorter than' run --from cut@2 --out x
holds 'nothing was begun' test ! -e x
finish
