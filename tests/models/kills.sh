#!/bin/sh
# Runs that are killed go on to the same bits: tests/models/kills.sh [KILLS], 60 by default. GMC names the program.
# tests/models/schedule.gm is trained whole, and then again and again by sessions of which each is killed after a time of its
# own, on one to three threads; a run that has come to its end must have the files of the whole one.
. "$(dirname "$0")/common.sh"
wanted=${1:-60} model=tests/models/schedule.gm
kills=0 sessions=0

"$gmc" run "$model" -q --checkpoint 1 --out "$work/whole" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

session() {  # of run $work/run, which may not have begun
  threads=$((1 + sessions % 3))
  if [ -e "$work/run/weights.safetensors" ]; then
    exec "$gmc" run --resume "$work/run" -q --checkpoint 1 --threads $threads
  fi
  rm -rf "$work/run"
  exec "$gmc" run "$model" -q --checkpoint 1 --out "$work/run" --threads $threads
}

# the last session is left alone
while [ $kills -le "$wanted" ] && [ $sessions -lt $((20 * wanted)) ]; do
  sessions=$((sessions + 1))
  (session) >"$work/log" 2>&1 &
  run=$!
  if [ $kills -lt "$wanted" ]; then
    sleep "$(printf '0.%03d' $((40 + sessions * 137 % 660)))"
    kill -KILL $run 2>/dev/null
  fi
  wait $run 2>/dev/null
  case $? in
    137) kills=$((kills + 1)) ;;
    0)
      check "after $kills kills" same_run "$work/whole" "$work/run"
      rm -rf "$work/run"
      [ $kills -lt "$wanted" ] || break ;;
    *)
      failed=$((failed + 1))
      echo "FAILED: session $sessions"
      head -n 20 "$work/log"
      rm -rf "$work/run" ;;
  esac
done

[ $kills -ge "$wanted" ] || { failed=$((failed + 1)); echo "FAILED: $kills of $wanted kills"; }
[ $passed -gt 0 ] || { failed=$((failed + 1)); echo "FAILED: no run came to its end"; }
finish
