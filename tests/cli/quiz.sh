#!/bin/sh
# gmc quiz: what is asked, what is counted, what is kept
. "$(dirname "$0")/common.sh"
faces
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

# in the browser: one question after another, what it was only when it is answered, the same pictures and the same counting
yes r | quiz
serves quiz one -n 12 --seed 5 --browser
asks "$page" >html
holds 'a page' grep -q '<script>' html
asks "${page}quiz" >state
holds 'which knows nothing of what is to be told' grep -q '"answers":"","height":8,"width":6,"channels":1,"questions":12,"over":false,"told":\[\]}$' state
asks "${page}picture?question=0" >pixels
holds 'a picture' test "$(wc -c <pixels)" = 48
for question in 1 -1 x 99999999999 ''; do answers 404 "${page}picture?question=$question"; done
answers 404 "${page}answer?question=0&said=real"
answers 403 -H 'Origin: http://evil.example' -d question=0 -d said=real "${page}answer"
for wrong in 'question=1&said=real' 'question=0&said=neither' 'question=0' 'said=real'; do asks -d "$wrong" "${page}answer" >state; done
holds 'what is no answer counts for nothing' grep -q '"answers":""' state
before=$(wc -l <one/quiz.jsonl)
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
  asks -d question=$i -d said=real "${page}answer" >state
  asks -d question=$i -d said=made "${page}answer" >again
  holds "answer $i counts once" cmp state again
done
holds 'what came of it, and what others came to' grep -q '"over":true,"told":\["told apart: .*% (95% interval .*","of the model.s, taken for real: .*","wrong answers: .*","beside it: .*21.3%' state
holds 'kept at once' test "$(wc -l <one/quiz.jsonl)" = $((before + 1))
holds 'as on the terminal' sh -c 'tail -n 2 one/quiz.jsonl | sed "s/\"time\":[0-9]*//" | uniq | wc -l | grep -qx 1'
asks "${page}picture?question=11" >pixels
holds 'all can be seen again' test "$(wc -c <pixels)" = 48
interrupted
holds 'told on the terminal, once' test "$(grep -c '^told apart: ' url)" = 1

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
says 64 'x is no picture' quiz line --browser
says 66 'nowhere holds no run' quiz nowhere
finish
