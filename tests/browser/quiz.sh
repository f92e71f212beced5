#!/bin/sh
# gmc quiz --browser in Chromium: answered by hand and by key, loaded again in the middle, told at the end; what a picture is cannot be read from
# the page before.
. "$(dirname "$0")/../cli/common.sh"
faces
says 0 '' run faces.gm -q --out one
serves quiz one -n 5 --seed 5 --browser
drives "$page" <<'END'
until document.querySelector('canvas') && !busy
until document.getElementById('quiz').textContent.startsWith('1 of 5')
until quiz.answers === '' && quiz.told.length === 0 && !/"made":|"truth"/.test(JSON.stringify(quiz))
until document.querySelector('canvas').getContext('2d').getImageData(0, 0, 6, 8).data.some(v => v !== 0 && v !== 255)
do document.getElementById('real').click()
until document.getElementById('quiz').textContent.startsWith('2 of 5') && !busy
until /^the last one was (real|made), and you (said so|took it for real)$/.test(document.getElementById('state').textContent)
do document.dispatchEvent(new KeyboardEvent('keydown', { key: 'm' }))
until document.getElementById('quiz').textContent.startsWith('3 of 5') && !busy
reload
until document.getElementById('quiz').textContent.startsWith('3 of 5') && !busy && quiz.answers.length === 2
do document.dispatchEvent(new KeyboardEvent('keydown', { key: 'r' }))
until quiz.answers.length === 3 && !busy
picture asked.png
do document.getElementById('stop').click()
until quiz.over && !busy
until document.querySelectorAll('canvas').length === 3
until /told apart: [0-3] of 3, [0-9]*% \(95% interval [0-9]*% to [0-9]*%\)/.test(document.getElementById('quiz').textContent)
until document.getElementById('quiz').textContent.includes('21.3%')
reload
until quiz && quiz.over && document.querySelectorAll('canvas').length === 3
END
holds 'kept' grep -q '"asked":3' one/quiz.jsonl
interrupted
finish
