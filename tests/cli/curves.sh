#!/bin/sh
# Shows of what a run has measured, from outside: on how many axes, and the same picture from an emitted program, from a run that
# was stopped, and drawn again from the folder.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# w is halved in every step, 10 an epoch; `far` lies elsewhere, `small` is of another size, `near` beside w.
cat >curves.gm <<'END2'
model curves
data x from toy.line(examples: 100)
parameter w = 3
objective height { minimize square(w) / 2 + 0 * x }
metric size = w + 0 * x
metric near every 2 = w + 0.001 + 0 * x
metric far = w + 10 + 0 * x
metric large = 1e4 * w + 0 * x
train { minimize height over w with sgd(0.01)   batch 10, epochs 4 } then { minimize height over w with sgd(0.02)   batch 10, epochs 3 }
show one { plot size, near over step }
show three { plot size, far, near, large over step }
show epochs { plot height over epoch }
END2
number() { od -An -tu1 -j "$2" -N 4 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'; }
height() { number "$1" 20; }  # of a PNG
says 0 '' run curves.gm --out whole
holds 'the run names them' grep -q 'whole/shows/three.png' said
holds 'curves of one kind have one axis' test "$(height whole/shows/one.png)" = 600
holds 'the others one each' test "$(height whole/shows/three.png)" = 900
holds 'in the picture of all each measure has its own, the two lines and the four metrics' test "$(height whole/loss.png)" = 1800
holds 'there is one picture of a show' test "$(ls whole/shows | tr '\n' ' ')" = 'epochs.png one.png three.png '
same() { for show in one three epochs; do cmp "whole/shows/$show.png" "$1/shows/$show.png" || return 1; done; }
says 0 '' run curves.gm --out stopped -q --steps 44
says 0 '' run --resume stopped -q
holds 'a run that was stopped has the same' same stopped
says 0 '' emit curves.gm -o curves.c
holds 'it compiles' compiled curves.c curves.run
holds 'it runs' ./curves.run --out emitted --quiet
holds 'an emitted program has the same' same emitted
says 0 '' show whole three -o again.png
holds 'drawn again' cmp whole/shows/three.png again.png
says 0 '' run curves.gm --out short -q --epochs 1
says 0 '' show short one
rm whole/metrics.csv
says 66 'metrics.csv' show whole one
says 0 '' explain curves.gm

# starts of one run are parted, and a model without data has its training's curves
cat >starts.gm <<'END2'
model starts
data x from toy.line(examples: 100)
parameter w ~ normal(0, 1)
objective height { minimize square(w) / 2 + 0 * x }
train { minimize height over w with sgd(0.01)   batch 10, epochs 3, keep best(height), restarts 3 }
show one { plot height over step }
END2
says 0 '' run starts.gm --out starts -q
holds 'its picture' test -s starts/shows/one.png
sed '/^data/d; s/ + 0 \* x//; s/, keep.*}/ }/; s/epochs 3/epochs 2/' starts.gm >alone.gm
says 0 '' run alone.gm --out alone -q
holds 'its picture' test -s alone/shows/one.png

finish
