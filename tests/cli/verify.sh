#!/bin/sh
# What a model expects, from outside: what a run and an emitted program say of it, and gmc verify: its table, its exit codes and
# the folders it leaves.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# Descent on w^2 / 2 from 8 at a rate of 0.5, ten steps an epoch: w is 8 / 2^10 after the first epoch and 8 / 2^20 after the second.
cat >halving.gm <<'END2'
model halving
param start = 8
data x from toy.line(examples: 100)
parameter w = start
objective height { minimize square(w) / 2 + 0 * x }
metric size every 2 = w + 0 * x
train { minimize height over w with sgd(0.5)   batch 10, epochs 2 }
expect size <= 0.0078125 / 1000
expect height <= 3.1e-5 after 1 epoch
END2
{ cat halving.gm; echo 'expect height <= 3e-5 after 1 epoch'; } | sed 's/model halving/model missing_one/' >missed.gm
grep -v expect halving.gm >nothing.gm
sed 's/sgd(0.5)/sgd(-1e30)/' halving.gm >spoilt.gm

# a run says it, and ends as it would
says 0 'expected height <= 3e-05 after 1 epoch: 3.05175781e-05, missed' run missed.gm --out run
holds 'and that the others are met' grep -q 'expected size <= 7.8125e-06: 7.62939453e-06 at epoch 2, met' said
holds 'where its epoch comes and at the end' test "$(grep -c 'after 1 epoch: .*, missed' run/run.log)" = 2
holds 'the record' grep -q '"at_most": 3e-05, "after": 1, "figure": 3.0517578125e-05, "epoch": 1, "met": false}' run/run.json
says 0 'expected height <= 3.1e-05 after 1 epoch: 3.05175781e-05, met' run missed.gm --out short --epochs 1
holds 'what was measured at the end' grep -q 'expected size <= 7.8125e-06: 0.0078125 at epoch 1, missed' said
says 0 '' run halving.gm --out stopped -q --steps 15
says 0 '' run --resume stopped -q
says 0 '' run halving.gm --out whole -q
expected() { sed -n '/"expected"/,$p' "$1/run.json"; }
holds 'a run that was stopped keeps the same' test "$(expected whole)" = "$(expected stopped)"
says 0 '' run --resume whole --epochs 3
holds 'one that goes on keeps what it said of an epoch' grep -q 'after": 1, "figure": 3.0517578125e-05, "epoch": 1, "met": true' whole/run.json
holds 'and says the end anew' grep -q '"at_most": 7.8125e-06, "figure": 7.450580596923828e-09, "epoch": 3, "met": true' whole/run.json
says 0 '' emit missed.gm -o missed.c
holds 'it compiles' compiled missed.c missed.run
holds 'it runs' sh -c './missed.run --out emitted 2>told'
holds 'the program says the same' grep -q 'expected height <= 3e-05 after 1 epoch: 3.05175781e-05, missed' told
holds 'and keeps the same' test "$(expected emitted)" = "$(expected run)"

# other numbers than the text's are another model, which is not held to them
says 0 'expected height <= 3e-05 after 1 epoch: not held to it, for start = 9' run missed.gm --out nine --set start=9
holds 'nor in the record' grep -q '"at_most": 3e-05, "after": 1, "instead": "start = 9"}' nine/run.json
says 0 'expected height <= 3e-05 after 1 epoch: 3.05175781e-05, missed' run missed.gm --out eight --set start=8
says 0 'not held to it, for data from toy.line(examples: 200)' run halving.gm --out line --data 'toy.line(examples: 200)'
says 0 '' emit missed.gm --set start=9 -o nine.c
holds 'it compiles' compiled nine.c nine.run
holds 'it runs' sh -c './nine.run --out emitted-nine 2>told'
holds 'the program says the same of them' grep -q 'expected size <= 7.8125e-06: not held to it, for start = 9' told

# verify
mkdir tmp
TMPDIR=$scratch/tmp
export TMPDIR
says 0 'halving.gm  size <= 7.8125e-06  *7.62939e-06  met  *[0-9.]* s' verify halving.gm
holds 'all is met' grep -q '^2 of 2 met in' said
says 1 '' verify halving.gm missed.gm
cp out table
holds 'one is missed' grep -q 'height <= 3e-05 after 1 epoch  *3.05176e-05  missed$' table
holds 'and the others are told' grep -q '^4 of 5 met in' table
says 65 'nothing.gm: expects nothing' verify missed.gm nothing.gm
holds 'nothing was trained' test ! -s out
says 1 'is not finite' verify spoilt.gm halving.gm
cp out table
holds 'the others are trained' grep -q '^2 of 4 met in' table
holds 'nothing is left' test -z "$(ls tmp)"
says 1 'expected height' verify -v missed.gm missed.gm --out kept
holds 'the runs are kept' cmp kept/missing_one/metrics.csv kept/missing_one-2/metrics.csv
says 64 'has no option --epochs' verify halving.gm --epochs 3
says 0 'gmc verify FILE' help verify
TMPDIR=/nowhere
says 73 '/nowhere/gmc-verify' verify halving.gm

finish
