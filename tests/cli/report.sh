#!/bin/sh
# gmc report: the page of a run, and of several beside one another
. "$(dirname "$0")/common.sh"

cat >line.gm <<'END'
# a <script> in a text stays text: </script><b>
model line
param width = 8
data x from toy.line(examples: 400)
prior z ~ normal(0, 1)
encoder q(z | x) { z ~ normal(sum(dense([x], 1)), exp(sum(dense([x], 1)))) }
decoder p(x | z) { h = dense([z], width) |> tanh   x ~ normal(sum(dense(h, 1)), 1) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
metric far = square(x)
train { maximize elbo over q, p with adam(1e-2)   batch 50, epochs 4 }
show cloud { z ~ prior(z)   plot draw p(x | z) }
show cloud_2 { plot x }
END
awk 'BEGIN { x = 1; for (i = 0; i < 200; i++) for (k = 0; k < 8; k++) { x = (x * 16807) % 2147483647; printf "%.6f%s", x / 1073741824 - 1, k < 7 ? "," : "\n" } }' >few.csv
cat >over.gm <<'END'
model fitted
data x[8] from csv("few.csv", columns: [[0, 1, 2, 3, 4, 5, 6, 7]], header: false, holdout: last(0.7))
prior z[4] ~ normal(0, 1)
encoder q(z | x) { h = x |> dense(100) |> tanh   z ~ normal(dense(h, 4), exp(soft_clip(dense(h, 4)))) }
decoder p(x | z) { h = z |> dense(100) |> tanh   x ~ normal(dense(h, 8), exp(soft_clip(dense(h, 8), 3))) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
train { maximize elbo over q, p with adam(1e-2)   batch 20, epochs 300 }
END
says 0 '' run line.gm -q --out one
says 0 '' run line.gm -q --out two --seed 2
says 0 '' run line.gm -q --out wide --set width=16

# the object that a page carries, on lines of its own: carries FILE PATTERN
carries() { sed -n 's/.*<script type="application\/json" id="runs">\(.*\)<\/script>$/\1/p' "$1" | grep -q -e "$2"; }

says 0 '^one/report.html$' report one
holds 'an object' carries one/report.html '^\[{"folder":"one".*}\]$'
holds 'the model' carries one/report.html '"model":"line"'
holds 'its text, which ends no script' carries one/report.html '\\u003c/script>\\u003cb>\\u000amodel line\\u000aparam width'
holds 'settings' carries one/report.html '\["width","8"\].*\["epochs","4"\]'
holds 'what is followed' carries one/report.html '{"name":"elbo","kind":"maximized","text":"objective elbo {'
holds 'what it is to the likelihood' carries one/report.html '"name":"elbo",.*"is":"a lower bound of log p(x)'
holds 'what is measured' carries one/report.html '{"name":"far","kind":"metric","text":"metric far = square(x)"'
holds 'what was understood' carries one/report.html '"explained":"model line (.*line.gm)\\u000a'
holds 'training' carries one/report.html '"train":{"step":\[[0-9]*,[0-9]*,[0-9]*,[0-9]*\],"epoch":\[1,2,3,4\],"elbo":\['
holds 'held-out data' carries one/report.html '"test":{"step":.*"elbo":\[.*"elbo_se":\[.*"far":\['
holds 'pictures of every epoch, of each show its own' carries one/report.html '{"name":"cloud","text":"show cloud { z ~ prior(z) plot draw p(x | z) }","of":[0-9]*,"pictures":\[{"epoch":1,"png":"iVBORw0KGgo.*{"name":"cloud_2","text":"[^"]*","of":'
holds 'nothing is asked of the network' sh -c '! grep -q -e "https\?:" -e "<link rel=\"style" -e "<script src" one/report.html'

first=$(tail -n 1 one/metrics.jsonl | sed 's/.*"far":\([-0-9.]\{6\}\).*/\1/')
holds 'the number that was measured' carries one/report.html "\"far\":\[[^]]*$first"

says 0 '^report.html$' report one two wide
holds 'three runs' carries report.html '"folder":"one".*"folder":"two".*"folder":"wide"'
says 0 '^elsewhere.html$' report one -o elsewhere.html
says 0 '' report one

# how it went
says 0 'health: step [0-9]*: overfitting: of held-out data elbo was best after epoch [0-9]*, .*; try: keep best(elbo)' run over.gm --out over
says 0 '' report over
holds 'what was found' carries over/report.html '"health":\[.*"measure":"elbo","finding":"overfitting","evidence":"of held-out data .*","try":"keep best(elbo)"}\]'
says 0 '' run over.gm --out unasked -q --health 0
holds 'not where it is not asked for' test ! -e unasked/health.jsonl
echo '{"step":1,' >>over/health.jsonl
says 65 'over/health.jsonl:[0-9]*: ' report over

# minutes: of each line, those of sessions added up; a run that began without them has none
clocked() { awk -F, 'NR > 1 { if ($2 < before) bad = 1; before = $2; seen[$1] = 1 } END { for (i = 1; i <= lines; i++) if (!seen[i]) bad = 1; exit bad || before <= 0 }' lines="$2" "$1/times.csv"; }
says 0 '' run line.gm -q --out timed --epochs 2
holds 'a time for each line' clocked timed 4
printf '%s\n' '4,1000' '5,1001' '6,1002' >>timed/times.csv  # a checkpoint after 1000 seconds, then killed
says 0 '' run --resume timed -q --epochs 4
holds 'and when it goes on' clocked timed 8
holds 'from where it stood' sh -c 'sed -n "/^5,/p" timed/times.csv | grep -q "^5,1000\.[0-9]*$" && ! grep -q "^6,1002$" timed/times.csv'
says 0 '' report timed
holds 'minutes of both splits' carries timed/report.html '"train":{"step".*"minutes of training":\[.*,16\.6.*"test":{.*"minutes of training":\['
rm timed/times.csv
says 0 '' run --resume timed -q --epochs 6
holds 'where the beginning is not known nothing is' test ! -e timed/times.csv
says 0 '' report timed
holds 'no minutes' sh -c '! grep -q "\"minutes of training\":" timed/report.html'
says 0 '' run --from one@last -q --out branch --epochs 5
holds 'those of the run that it went on from' sh -c 'sed -n "2,5p" one/times.csv >want && sed -n "2,5p" branch/times.csv | cmp want -'
holds 'and its own' clocked branch 10

# what goes wrong
says 66 'nowhere holds no run' report nowhere
says 64 'needs DIR' report
echo 'mine' >mine.html
says 73 'mine.html: is there, and is not a page that gmc wrote' report one -o mine.html
says 0 '' report one -o mine.html --force
echo '{"step":1,' >>two/metrics.jsonl
says 65 'two/metrics.jsonl:9: ' report two
holds 'the old page stays' carries report.html '"folder":"two"'
: >two/metrics.jsonl
says 0 '' report two
holds 'a run that measured nothing' carries two/report.html '"rows":{"train":{},"test":{}}'
rm -r two/shows two/run.log
says 0 '' report two
holds 'without pictures' carries two/report.html '"log":"".*"shows":\[{"name":"cloud","text":"[^"]*","of":0,"pictures":\[\]}'
finish
