#!/bin/sh
# Run folders that are damaged, held, full, read-only or not a run's: one message, and what was whole stays whole.
# shellcheck disable=SC2016,SC2094  # backquotes in patterns are meant; dd changes in place
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

awk -v OFS=, 'BEGIN { for (i = 0; i < 200; i++) print i % 2, int(i / 2) % 2, (i * 7) % 10 / 10, 1 - i % 2 }' >tiny.csv
cat >tiny.gm <<'GM'
model tiny
param units = 8
data x[4] in [0, 1] from csv("tiny.csv", holdout: last)
prior z[2] ~ normal(0, 1)
encoder q(z | x) { h = x |> dense(units) |> tanh   z ~ normal(dense(h, 2), exp(dense(h, 2))) }
decoder p(x | z) { x ~ bernoulli(logits: z |> dense(units) |> tanh |> dense(4)) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
train { maximize elbo over q, p with adam(lr: 1e-2)   batch 16, epochs 2 }
show dreams { z ~ prior(z)   rows 2, columns 2   grid mean p(x | z) }
GM
says 0 '' run tiny.gm --out kept -q
says 0 '' run tiny.gm --out whole -q --epochs 3
weights=$(wc -c <kept/weights.safetensors)

fresh() { rm -rf o && cp -r kept o; }
# refused CODE PATTERN: neither read nor gone on with
refused() {
  says "$1" "$2" eval o
  says "$1" "$2" run --resume o -q --epochs 3
}
# goes_on: the folder is good to go on with, to the same bits as if nothing had happened
goes_on() {
  says 0 '' run --resume o -q --epochs 3
  for f in weights.safetensors metrics.jsonl metrics.csv loss.png shows/dreams.png; do holds "$1: $f" cmp o/$f whole/$f; done
}

# weights
for n in 0 7 9 500 $((weights - 1)); do
  fresh && head -c "$n" kept/weights.safetensors >o/weights.safetensors && refused 65 '^gmc: o/weights.safetensors: '
done
fresh && echo >>o/weights.safetensors && refused 65 'its header promises'
for n in 0 2 7 8 12 40 100 500 900; do
  fresh && printf '\377' | dd of=o/weights.safetensors bs=1 seek=$n conv=notrunc 2>noise
  refused 65 '^gmc: o/weights.safetensors: '
done
# meta SCRIPT PATTERN: the header changed by sed, to the same length
meta() {
  fresh
  LC_ALL=C sed "s/gmc_checksum/old_checksum/; $1" kept/weights.safetensors >o/weights.safetensors
  holds "the length stays: $1" test "$(wc -c <o/weights.safetensors)" = "$weights" -a "$1" != ''
  holds "it differs: $1" sh -c '! cmp -s o/weights.safetensors kept/weights.safetensors'
  refused 65 "$2"
}
meta 's|q/dense_1/W|q/dense_1/V|' 'holds no `q/dense_1/W`'
meta 's|"F32"|"F16"|' 'q/dense_1'
meta 's|\[4,8\]|[8,4]|' 'is \[8, 4\], but \[4, 8\] in the model'
meta 's|\[4,8\]|[4,9]|' 'disagree'
meta 's|"step":"|"stop":"|' '`step`'
meta 's|"step":"[0-9]|"step":"-|' '`step`'
meta 's|"seed":"1"|"seed":"x"|' '`seed`'
fresh && printf '\0\0\300\177' | dd of=o/weights.safetensors bs=1 seek=$((weights - 4)) conv=notrunc 2>noise
refused 65 'is not as it was written'
LC_ALL=C sed -i 's/gmc_checksum/old_checksum/' o/weights.safetensors
says 65 'not finite' run --resume o -q --epochs 3
fresh && LC_ALL=C sed -i 's/gmc_checksum/old_checksum/' o/weights.safetensors && goes_on 'with weights of before there were checksums'
for n in 4 400 $((weights / 2)) $((weights - 1)); do
  fresh && dd if=o/weights.safetensors of=byte bs=1 skip=$((weights - n)) count=1 2>noise
  tr '\000-\377' '\001-\377\000' <byte | dd of=o/weights.safetensors bs=1 seek=$((weights - n)) conv=notrunc 2>noise
  refused 65 '^gmc: o/weights.safetensors: '
done
fresh && sed -i 's/units: 8/units: 9/' o/config.yaml
refused 65 'is \[4, 8\], but \[4, 9\] in the model'

# settings
# settings CODE PATTERN TEXT: config.yaml is this
settings() {
  fresh && printf '%b\n' "$3" >o/config.yaml && refused "$1" "$2"
}
settings 78 '`files` names no model.gm' ''
settings 78 'config.yaml:1: a run file must be a mapping' 'x'
settings 78 'config.yaml:2: ' '{'
settings 78 'config.yaml:1: files must be' 'files: 3'
settings 78 '`model.gm` has no value' 'files: {model.gm: }'
settings 66 'o/nothing.gm: No such' 'files: {nothing.gm: x, model.gm: x}'
settings 78 'no name of a file' 'files: {../tiny.gm: x, model.gm: x}'
settings 65 'folder' 'files: {"..": x, model.gm: x}'
settings 65 'not valid UTF-8' '\0377'
settings 78 'config.yaml:1: seed needs' 'seed: -1'
settings 65 'config.yaml:1.*no param `x`' 'params: {x: 1}\nfiles: {model.gm: tiny.gm}'
fresh && rm o/config.yaml && refused 66 'holds no run'
fresh && rm o/model.gm && refused 66 'o/model.gm: No such'
fresh && echo 'model x }' >o/model.gm && refused 65 'error\[E0'
fresh && rm o/weights.safetensors && says 66 'o/weights.safetensors: No such' eval o
says 66 'holds no run to go on with' run --resume o
fresh && rm o/weights.safetensors && mkdir o/weights.safetensors && refused 65 'is a folder'

# the rest of the folder
fresh && rm o/run.json && goes_on 'without run.json'
fresh && echo '{' >o/run.json && goes_on 'with a broken run.json'
fresh && echo torn >>o/metrics.jsonl && echo 1,2 >>o/metrics.csv && goes_on 'after a torn line'
fresh && : >o/weights.safetensors.tmp-999999999 && goes_on 'beside half a file'
holds 'half a file is cleared away' test ! -e o/weights.safetensors.tmp-999999999
fresh && : >o/metrics.jsonl && says 65 'metrics.jsonl: shorter than' run --resume o -q --epochs 3
fresh && rm o/metrics.csv && says 65 'metrics.csv: shorter than' run --resume o -q --epochs 3
fresh && rm o/metrics.csv && mkdir o/metrics.csv && says 73 'metrics.csv: Is a directory' run --resume o -q --epochs 3
fresh && rm -r o/shows && echo >o/shows && says 73 'o/shows: Not a directory' run --resume o -q --epochs 3
says 73 'shows/dreams.png: ' show o
fresh && rm o/loss.png && mkdir o/loss.png && says 73 'loss.png: is a folder' run --resume o -q --epochs 3
holds 'the weights are those of before' cmp o/weights.safetensors kept/weights.safetensors
fresh
exec 9<>o/.lock
flock 9
says 75 'another run is at work' run --resume o -q --epochs 3
says 0 '' eval o
exec 9<&-
goes_on 'when it is free again'

# what a run is made from may change; that is said, and recorded
# changed WHAT PATTERN...: going on, it is said of this, and of nothing else
changed() {
  says 0 "$2" run --resume o -q --epochs 3
  cp err told
  holds "$1: one warning" test "$(wc -l <told)" = 1
  holds "$1: recorded" grep -q "\"before\": {\"until_step\": $(sed -n 's/.*"step":\([0-9]*\).*/\1/p' kept/metrics.jsonl | tail -1)," o/run.json
}
cp tiny.csv data.kept
fresh && sed -i '3s/.*/1,1,0.5,1/' tiny.csv && changed 'an example' '^gmc: warning: o: the training data are not those'
cp data.kept tiny.csv && fresh && sed -i '199s/.*/1,1,0.5,1/' tiny.csv && changed 'a test' '^gmc: warning: o: the data to measure by are not'
cp data.kept tiny.csv && fresh && sed -i 's/ tanh / relu /' o/model.gm && changed 'the text' "^gmc: warning: o: the model's text and"
holds 'the record says both' test "$(grep -c 'texts_hash' o/run.json)" = 2 -a "$(grep 'texts_hash' o/run.json | sort -u | wc -l)" = 2
says 0 '' run --resume o -q --epochs 4
holds 'what was said is not said again' test ! -s err

# where a run may go
for i in 1 2 3 4 5 6; do "$gmc" run tiny.gm -q --epochs 1 >"out$i" 2>&1 </dev/null & done
wait
holds 'six runs that begin at once have six folders' test "$(cat runs/tiny*/metrics.jsonl | wc -l)" = 12 -a "$(find runs -name 'tiny*' | wc -l)" = 6
for i in 1 2 3 4 5 6; do holds 'each is fine' test ! -s "out$i"; done
echo mine >file
says 73 'file: Not a directory' run tiny.gm --out file -q
says 73 'file/o: Not a directory\|file: Not a directory' run tiny.gm --out file/o -q
says 73 'holds a run already' run tiny.gm --out kept -q
says 73 '^gmc: /proc/o: ' run tiny.gm --out /proc/o -q
for f in config.yaml model.gm metrics.csv; do
  rm -rf other && mkdir other && echo mine >other/$f && says 73 "holds a $f already" run tiny.gm --out other -q
  holds "$f is left alone" test "$(cat other/$f)" = mine -a "$(ls -A other)" = $f
done
echo mine >other/notes && rm other/metrics.csv && says 0 '' run tiny.gm --out other -q
holds 'notes are left alone' test "$(cat other/notes)" = mine
odd="a b 'c' \"d\" \$(e) [f"
says 0 '' run tiny.gm --out "$odd" -q --steps 5
says 0 '' run --resume "$odd" -q
holds 'an odd name' cmp "$odd/weights.safetensors" kept/weights.safetensors
says 0 "gmc run --resume 'x y'\|weights.safetensors" run tiny.gm --out 'x y' --steps 5
says 0 '\\x1b\[31mred' run tiny.gm --out "$(printf '\033[31mred')" --steps 5

# files that may not grow: the old one stays, and the run goes on when they may
sed 's/param units = 8/param units = 2000/; /^show/d' tiny.gm >wide.gm
says 0 '' run wide.gm --out wide -q --epochs 1
cp wide/weights.safetensors before
(ulimit -f 200 && exec "$gmc" run --resume wide -q --epochs 3) >out 2>full </dev/null
holds 'a full disk' test $? = 74
holds '... is told' grep -q 'weights.safetensors: cannot be written: File too large; the old file is unchanged' full
holds '... and the old weights stay' cmp wide/weights.safetensors before
says 0 '' run --resume wide -q --epochs 3
fresh
(ulimit -f 2 && exec "$gmc" run --resume o -q --epochs 3) >out 2>full </dev/null
holds 'a picture that does not fit' test $? = 74
holds '... is told' grep -q 'o/.*png: cannot be written: File too large' full
goes_on 'after a full disk'
for what in 'sample o -n 9999 -o big.npy' 'sample o -n 9999 -o big.png' 'show o dreams -o big.png' 'emit tiny.gm -o big.c'; do
  # shellcheck disable=SC2086  # words are meant to be split
  (ulimit -f 1 && exec "$gmc" $what) >out 2>full </dev/null
  holds "$what" test $? = 74
  holds 'nothing half written' test "$(find . -maxdepth 1 -name 'big*' | wc -l)" = 0
done
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
  fresh && chmod -R a+rX . && cp "$gmc" gmc && chmod 755 gmc
  for what in 'run --resume o -q --epochs 3' 'run tiny.gm --out new -q' 'sample o -n 3 -o new.npy' 'emit tiny.gm -o new.c' \
    'show o' 'show o dreams -o new.png'; do
    # shellcheck disable=SC2086
    setpriv --reuid 65534 --clear-groups ./gmc $what >out 2>full </dev/null
    holds "without permission: $what" test $? = 73
    holds '... is told' grep -q 'Permission denied' full
  done
  holds 'nothing is touched' diff -r -x .lock o kept
  holds 'nothing is made' test -z "$(find . -maxdepth 1 -name 'new*')"
fi

# killed at any moment, a run goes on to the bits of one that never was
cat >killed.gm <<'GM'
model killed
data x[2] from toy.eight(examples: 2000)
net f(v | x) { v = x |> dense(16) |> tanh |> dense(2) }
objective error { minimize sum(square(x - f(x + 0.1 * gaussian()))) }
train { minimize error over f with adam(1e-3)   batch 20, epochs 10 }
show points { plot x, f(x)  points 100 }
GM
begin=$(date +%s%N)
each='-q --checkpoint 100'  # and pictures, at the end of every epoch, however fast this machine is
# shellcheck disable=SC2086
says 0 '' run killed.gm --out uninterrupted $each
took=$((($(date +%s%N) - begin) / 1000000))
kills=0 code=1
# shellcheck disable=SC2086
"$gmc" run killed.gm --out o2 $each >out 2>err </dev/null &
while [ $kills -lt 20 ]; do
  sleep "$(awk -v seed=$kills -v took=$took 'BEGIN { srand(seed); print 0.01 + rand() * took / 8000 }')"
  kill -9 $! 2>noise
  wait $! 2>noise
  code=$? kills=$((kills + 1))
  [ $code = 137 ] || break
  again='run killed.gm --out o2'
  [ -e o2/weights.safetensors ] && again='run --resume o2'
  # shellcheck disable=SC2086
  "$gmc" $again $each >out 2>err </dev/null &
done
wait
holds "it was killed, $kills times" test $kills -ge 5
# shellcheck disable=SC2086
says 0 '' run --resume o2 $each
holds 'killed again and again' diff -r -x run.log -x times.csv -x run.json -x .lock o2 uninterrupted
finish
