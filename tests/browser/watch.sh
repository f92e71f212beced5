#!/bin/sh
# The page of gmc watch in Chromium, while a run trains: points and pictures arrive, what is looked at stays, and a page that is loaded
# again has all of it.
. "$(dirname "$0")/../cli/common.sh"

cat >page.gm <<'END'
model page
data x from toy.line(examples: 4000)
prior z ~ normal(0, 1)
encoder q(z | x) { z ~ normal(sum(dense([x], 1)), exp(sum(dense([x], 1)))) }
decoder p(x | z) { h = dense([z], 8) |> tanh   x ~ normal(sum(dense(h, 1)), 1) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
metric far = square(x - mean p(x | z: mean q(z | x)))
train { maximize elbo over q, p with adam(1e-2)   batch 50, epochs 3 }
show a { z ~ prior(z)   plot draw p(x | z) }
END
says 0 '' run page.gm -q --out one
says 0 '' run page.gm -q --out two --seed 2
serves watch one two

# the run goes on once the page has been looked at
{
  until [ -e before.png ]; do sleep 0.1; done
  "$gmc" run --resume one -q --epochs 40 >/dev/null 2>resumed </dev/null
} &
drives "$page" <<'END'
until document.documentElement.dataset.told >= 3
until runs.length === 2 && runs[0].rows.test.epoch.length === 3
until document.querySelectorAll('canvas').length === 2
until [...document.images].length === 2 && [...document.images].every(i => i.complete && i.naturalWidth > 100)
until document.getElementById('state').textContent === 'one: not training, step 240; two: not training, step 240'
do document.querySelector('#settings details').open = true
do view.smooth = 0.5
picture before.png
until runs[0].rows.test.epoch.length === 40
until runs[0].rows.test['minutes of training'].length === 40 && runs[0].rows.test['minutes of training'].every((v, i, all) => v > 0 && (i === 0 || v >= all[i - 1]))
until runs[0].state === 'still'
until document.getElementById('state').textContent.startsWith('one: not training, step 3200')
until document.querySelector('#figures').textContent.includes(shown(runs[0].rows.test.elbo[39]))
until charts[0].lines.some(line => line.x.at(-1) === 40)
until [...document.images].some(i => i.src.includes('epoch=40') && i.complete && i.naturalWidth > 100)
until document.querySelector('#settings details').open && view.smooth === 0.5
do sessionStorage.rows = JSON.stringify(runs.map(run => run.rows))
reload
until document.documentElement.dataset.told >= 3
until JSON.parse(sessionStorage.rows).every((rows, i) => ['train', 'test'].every(split => Object.entries(rows[split]).every(([name, old]) => old.every((v, k) => Math.abs(v - runs[i].rows[split][name][k]) <= 1e-6 * Math.abs(v)))))
until [...document.images].length === 2 && [...document.images].every(i => i.complete && i.naturalWidth > 100)
END
interrupted
finish
