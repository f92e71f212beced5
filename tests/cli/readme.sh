#!/bin/sh
# README.md as written: the model it shows, the message it shows, and every command of its tour, with the models here and MNIST cut down
# to some hundred digits.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
root=$OLDPWD
readme=$root/README.md

block() { awk -v from="$1" '/^```/ { inside = !inside; n += inside; next } inside && n == from' "$readme"; }  # the n-th in ```
bare() { sed 's/ *#.*//' "$1" | grep -v '^$'; }                                                              # no comments

block 1 >cvae.gm
holds 'there is a model' grep -q '^model cvae' cvae.gm
bare cvae.gm >shown
bare "$root/models/cvae.gm" >kept
holds 'the model is models/cvae.gm' diff shown kept

block 2 >shown
cat >bad.gm <<'GM'
model bad
param latent = 16, hidden = 400
data x[28, 28] in [0, 1] from mnist
prior z[latent] ~ normal(0, 1)

encoder q(z | x) {
  h = flatten(x) |> dense(hidden) |> relu
  z ~ normal(dense(h, latent), dense(h, latent))
}
GM
says 1 'E0401' check bad.gm
grep -v '^gmc: ' err >said
holds 'the message is the one that is shown' diff shown said

block 3 | grep -v '^$' >shown
sed -n '/^distribution flower/,/^}/p' "$root/models/flower.gm" >kept
holds 'the distribution is in models/flower.gm' diff shown kept

# the first 512 digits of each split; a header's second word is their number
cut_idx() {  # FILE HEADER-BYTES BYTES-OF-ONE
  {
    zcat "$1" | head -c 4
    printf '\000\000\002\000'
    zcat "$1" | tail -c +9 | head -c $(($2 - 8 + 512 * $3))
  } | gzip -1 >"models/data/mnist/$(basename "$1")"
}
mkdir -p models/data/mnist
cp "$root"/models/*.gm "$root"/models/*.yaml models/
for part in train t10k; do
  cut_idx "$root/models/data/mnist/$part-images-idx3-ubyte.gz" 16 784
  cut_idx "$root/models/data/mnist/$part-labels-idx1-ubyte.gz" 8 1
done
ln -s "$gmc" gmc
sed -n '/^## A tour/,/^## /s/^    //p' "$readme" | sed 's/  *#.*//' >tour
holds 'there is a tour' test "$(wc -l <tour)" -gt 12
while read -r command; do
  case $command in
    ./gmc\ watch*) command="timeout -s INT --preserve-status 5 $command" ;;
    ./gmc*) ;;
    *) [ -n "${TOUR:-}" ] || continue ;;  # the compiler takes its time: TOUR=all
  esac
  holds "$command" sh -c "timeout 120 $command </dev/null"
done <tour
for file in runs/a/weights.safetensors runs/cvae/metrics.jsonl runs/cvae-2/metrics.jsonl seven.png styles.png train.c; do
  holds "$file is there" test -s "$file"
done

# files that README speaks of
grep -o '`[a-z]*/[a-zA-Z0-9_./]*`' "$readme" | tr -d '`' | sort -u | grep -v '^runs/' >named
while read -r file; do holds "$file" test -e "$root/$file"; done <named

finish
