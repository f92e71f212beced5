#!/bin/sh
# How many of eight and of twenty-five clusters games find, over SEEDS seeds, 10 by default: the mean, as Lin et al. 2018 tell it, with the
# least, and the share of what is made that lies near to a cluster. A plain game is to do as well as theirs, the others to leave hardly any out.
# KEEP names a folder for the runs and their pictures.
. "$(dirname "$0")/common.sh"
seeds=${SEEDS:-10} runs=${KEEP:-$work}

last() { sed -n "\$s/.*\"$2\":\([-+.e0-9]*\).*/\1/p" "$1/metrics.jsonl"; }

row() {  # row MODEL OF LEAST: a row of the table, and whether the mean is at least LEAST
  for seed in $(seq "$seeds"); do
    "$gmc" run "models/$1.gm" --out "$runs/$1-$seed" --seed "$seed" --threads 1 --health 0 -q >&2 || return 1
    echo "$(last "$runs/$1-$seed" modes) $(last "$runs/$1-$seed" near)"
  done | awk -v name="$1" -v of="$2" -v least="$3" -v seeds="$seeds" '
    { sum += $1; near += $2; if (NR == 1 || $1 < low) low = $1 }
    END { printf "| `%s.gm` | %.1f of %d | %d | %.0f%% | %s |\n", name, sum / NR, of, low, 100 * near / NR, least; exit !(NR == seeds && sum / NR >= least) }' >"$work/row"
  good=$?
  cat "$work/row"
  return $good
}

echo '| game | modes, mean | least | near | asked for |'
echo '| --- | --- | --- | --- | --- |'
for game in 'gan_ring 8 5.8' 'pacgan 8 7.8' 'r3gan_ring 8 7.8' 'gan_grid 25 16.5' 'r3gan_grid 25 24.3'; do
  # shellcheck disable=SC2086  # three words
  row $game
  check "$game" test $? = 0
done
finish
