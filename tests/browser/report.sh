#!/bin/sh
# The pages of gmc report, opened in Chromium: all that is to be on them is, the console is silent, and they are there in time.
. "$(dirname "$0")/../cli/common.sh"

# opens FILE MILLISECONDS: the page as it stands once it is open, in `dom`; the console said nothing, and the processor worked no longer for it
opens() {
  drives "file://$scratch/$1" >told <<END
within $2
print document.documentElement.outerHTML
END
  grep '^FAILED' told
  echo "$1: $(wc -c <"$1") bytes, $(head -n 1 told)"
  mv told dom
}
has() { holds "$1" grep -q -e "$2" dom; }
counts() { holds "$2 of $1" test "$(grep -o -e "$1" dom | wc -l)" = "$2"; }

cat >page.gm <<'END'
model page
param width = 8
data x from toy.line(examples: 4000)
prior z ~ normal(0, 1)
encoder q(z | x) { z ~ normal(sum(dense([x], 1)), exp(sum(dense([x], 1)))) }
decoder p(x | z) { h = dense([z], width) |> tanh   x ~ normal(sum(dense(h, 1)), 1) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
metric far = square(x - mean p(x | z: mean q(z | x)))
train { maximize elbo over q, p with adam(1e-2)   batch 50, epochs 50 }
show a { z ~ prior(z)   plot draw p(x | z) }
show b { z ~ prior(z)   plot draw p(x | z) }
show c { plot x }
show d { z ~ q(z | x)   plot z }
show e { z ~ prior(z)   plot z, mean p(x | z) }
END
for seed in 1 2 3; do says 0 '' run page.gm -q --out "seed$seed" --seed $seed --checkpoint 50; done
says 0 '' run page.gm -q --out wide --set width=16 --epochs 5

says 0 '' report seed1 -o one.html
opens one.html 1000
holds 'at most 15 MB' test "$(wc -c <one.html)" -le 15000000
counts '<canvas' 2
counts '<figure>' 5
has 'a figure with its error' '<td class="number">[-0-9.]* ± [0-9.]*</td>'
has 'what it is' 'maximized, a lower bound of log p(x), in nats: <code>objective elbo {'
has 'the last pictures' '<figcaption>e, epoch 50<code>'
has 'the model' 'model page'
has 'what was understood' 'matrix products'
has 'a setting' '<td>width</td><td>8</td>'

says 0 '' report seed1 seed2 seed3 wide -o four.html
opens four.html 2000
has 'seeds together' 'mean of 3 seeds ± standard deviation'
has 'what differs' '<td>width</td><td>8</td><td>8</td><td>8</td><td>16</td>'
counts '<figure>' 20

# curves over minutes: each run over its own, seeds over the mean of theirs; what is drawn is what was measured
drives "file://$scratch/four.html" <<'END'
until [...document.querySelectorAll('#curves select option')].map(o => o.textContent).join() === 'epoch,step,minutes'
do document.querySelector('#curves select').value = 'minutes'
do document.querySelector('#curves select').dispatchEvent(new Event('change'))
until charts[0].lines.length === 4
until charts[0].lines.every(line => line.x.every((x, i) => x > 0 && (i === 0 || x >= line.x[i - 1])))
until charts[0].lines.find(line => line.label.startsWith('3 seeds') && !line.dashed).y.length === 50
until Math.abs(charts[0].lines.find(line => line.label.startsWith('3 seeds') && !line.dashed).y[49] - (runs[0].rows.test.elbo[49] + runs[1].rows.test.elbo[49] + runs[2].rows.test.elbo[49]) / 3) < 1e-6
until Math.abs(charts[0].lines.find(line => line.label === 'wide held-out').x.at(-1) - runs[3].rows.test['minutes of training'].at(-1)) < 1e-9
do view.together = false
do redraw()
until charts[0].lines.length === 8
END
drives "file://$scratch/one.html" <<'END'
until document.querySelector('#figures').textContent.includes('50 epochs in ')
until document.querySelector('.chart p').textContent === 'maximized, a lower bound of log p(x), in nats'
until document.querySelector('figcaption code').textContent === 'show a { z ~ prior(z) plot draw p(x | z) }'
do document.getElementById('epoch').value = 0
do document.getElementById('epoch').dispatchEvent(new Event('input'))
until document.querySelector('figcaption').textContent.startsWith('a, epoch 1show')
size 400 800
until document.documentElement.scrollWidth <= 400
dark
until getComputedStyle(document.body).backgroundColor === 'rgb(22, 25, 29)'
END

# how a game went
for step in 10 20 30; do
  [ $step = 30 ] && found= || found=',"finding":"collapse","evidence":"few modes","try":"repeat 5 { maximize a over D <b> }"'
  echo "{\"step\":$step,\"epoch\":1,\"judge\":\"D\",\"maker\":\"G\",\"ranked\":0.25,\"told_apart\":1,\"reached\":0.01,\"spread\":0.1,\"copied\":0,\"copied_held_out\":0$found}"
done >>seed2/health.jsonl
says 0 '' report seed2 -o game.html
opens game.html 1000
has 'what was found, and when' '<td>collapse</td><td>D and G</td><td class="number">10</td><td class="number">20</td><td>few modes</td>'
has 'what to try, as text' '<code>repeat 5 { maximize a over D &lt;b&gt; }</code>'
has 'its figures' 'figures of D and G at step 30'
has 'one of them' '<td>ranked</td><td class="number">0.25</td>'

# 100,000 points of each measure
awk 'BEGIN { for (i = 1; i <= 100000; i++) printf "{\"step\":%d,\"epoch\":%d,\"split\":\"train\",\"elbo\":%.4f}\n", i, i, sin(i / 1000) + (i * 7919 % 1000) / 1000 }' >>wide/metrics.jsonl
says 0 '' report wide -o many.html
opens many.html 2000
drives "file://$scratch/many.html" <<'END'
within 250 zoom(40000, 60000)
within 250 zoom(null, null)
within 250 view.smooth = 0.9, redraw()
within 250 charts[0].canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: 300, clientY: 300 }))
until !charts[0].tip.hidden
END
finish
