#!/bin/sh
# Disks that fill up, fail or may not be written, and runs stopped at any of their system calls: one message, the last
# checkpoint stays whole, nothing half written is left, and the run goes on to the bits of one that nothing happened to.
# With SWEEP=1 every system call of a run is hurt in every way, for some minutes; without it, those that matter most.
# strace, and root for mounting, are used where they are to be had; what is left out without them is said.
# shellcheck disable=SC2016,SC2094  # what awk and sh read is not for this shell; noise is never read
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
trap 'umount disk 2>noise; rm -rf "$scratch"' EXIT

cat >t.gm <<'GM'
model t
param looks = 1, units = 8
data x[2] from toy.eight(examples: 200)
net f(v | x) { v = x |> dense(units) |> tanh |> dense(2) }
objective error { minimize sum(square(x - f(x + 0.1 * gaussian()))) }
metric far = mean(looks) { sum(square(x - f(x + gaussian()))) }
train { minimize error over f with adam(1e-2)   batch 20, epochs 2 }
show points { plot x, f(x)  points 40 }
GM
says 0 '' run t.gm --out whole -q --threads 1
halves() { find "$1" -name '*.tmp-*'; }
# goes_on TEXT: o, of a run that was hurt, ends as the whole one did; before its first checkpoint there is nothing to go on
# with, and it begins again
goes_on() {
  if [ -e o/weights.safetensors ]; then
    says 0 '' run --resume o -q --threads 1
  else
    says 66 '^gmc: o:* holds no run' run --resume o -q --threads 1
    says 0 '' run t.gm --out o -q --threads 1
  fi
  holds "$1: the same bits, and nothing else" diff -r -x run.log -x run.json -x .lock o whole
}
# told TEXT CODE PATTERN: the command before ended with one of these codes (73 or 74 in words of `case`) and one line, in err
told() {
  lines=$(grep -vc ' examples of the test split' err)
  cp err told
  holds "$1: exit code $code" expr " $2 " : ".* $code "
  holds "$1: one line" test "$lines" = 1
  holds "$1: $3" grep -q -e "^gmc: $3" told
}

# a disk too small, full still when the run is to go on, and then with room
mkdir disk
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=1m none disk 2>noise; then
  umount disk
  for size in 16 24 56 96; do
    mount -t tmpfs -o size=${size}k none disk
    "$gmc" run t.gm --out disk/o -q --threads 1 >out 2>err </dev/null
    code=$?
    told "a disk of $size KiB" 74 'disk/o/.*: No space left on device'
    holds 'nothing half written' test -z "$(halves disk)"
    holds 'a checkpoint, but where there was no room for any' test $size = 16 -o -e disk/o/weights.safetensors
    if [ $size != 16 ]; then
      cp disk/o/weights.safetensors before
      says 74 '^gmc: disk/o/.*: No space left on device' run --resume disk/o -q --threads 1
      holds 'the checkpoint stays' cmp disk/o/weights.safetensors before
      says 0 '' eval disk/o
    fi
    mount -o remount,size=2m disk
    rm -rf o && ln -s disk/o o && goes_on "a disk of $size KiB that grew" && rm o
    umount disk
  done
  # one that may not be written
  mount -t tmpfs -o size=2m none disk
  cp -r whole disk/o
  mount -o remount,ro disk
  for what in 'run --resume disk/o -q --epochs 3' 'run t.gm --out disk/new -q' 'show disk/o' 'show disk/o points -o disk/p.png' \
    'emit t.gm -o disk/t.c' 'emit t.gm -o disk/o/model.gm'; do
    # shellcheck disable=SC2086  # words are meant to be split
    says 73 '^gmc: disk/.*: Read-only file system' $what
  done
  says 0 '' eval disk/o
  holds 'nothing was touched' diff -r disk/o whole
  umount disk
else
  echo 'left out, for it needs root and a mount: disks that are full or read-only'
fi

# outputs where there can be none
mkdir taken taken.npy
cat >z.gm <<'GM'
model z
data x[2] from toy.eight(examples: 200)
prior z[2] ~ normal(0, 1)
decoder p(x | z) { x ~ normal(dense(z, 2), 1) }
objective fit { z ~ prior(z)   maximize log p(x | z) }
train { maximize fit over p with sgd(1e-3)   batch 20, epochs 1 }
show points { z ~ prior(z)   plot x, draw p(x | z) }
GM
says 0 '' run z.gm --out z -q --threads 1
for path in nowhere/a.npy t.gm/a.npy taken.npy; do
  for what in 'sample z -n 4' 'show z points' 'emit t.gm'; do
    # shellcheck disable=SC2086
    says 73 "^gmc: $path: \(cannot be written: \(No such file\|Not a\) \|is a folder\)" $what -o $path
  done
done
says 73 '^gmc: taken/: is a folder' emit t.gm -o taken/
holds 'nothing is left' test -z "$(find taken taken.npy -mindepth 1)" -a ! -e nowhere

# an answer that nobody can read
for what in 'explain t.gm' 'explain E0301' 'run t.gm --dump=plan' 'emit t.gm' 'eval z' 'show z' '--version'; do
  # shellcheck disable=SC2086
  "$gmc" $what >/dev/full 2>err </dev/null
  code=$?
  told "$what to a full disk" 74 'cannot write to the standard output$'
  # shellcheck disable=SC2086
  "$gmc" $what >&- 2>err </dev/null
  code=$?
  told "$what to nobody" 74 'cannot write to the standard output$'
done
rm -rf o
"$gmc" run t.gm --out o --threads 1 >/dev/full 2>err </dev/null
holds 'a run whose losses nobody can read' test $? = 74
holds '... is whole' diff -r -x run.log -x run.json -x .lock o whole

# nor does what is said go into a file of the run that got the number of a stream which is closed
# closed TEXT REDIRECTION: both runs' folders are alike
closed() {
  rm -rf o
  eval '"$gmc" run t.gm --out o --threads 1 </dev/null' "$2"
  code=$?
  holds "$1: exit code $code" test $code = "$3"
  holds "$1: the same bits, and nothing else" diff -r -x run.log -x run.json o whole
}
closed 'stdout closed' '>&- 2>err' 74
closed 'stderr closed' '>out 2>&-' 0
closed 'all closed' '<&- >&- 2>&-' 74
cp whole/shows/points.png trained.png
cp -r whole o2
says 0 '' show o2
holds 'a picture is the same when it is drawn again' cmp o2/shows/points.png trained.png
rm -r o2

# what a killed process left, and its number is ours now
cp -r whole o2
says_own='for f in weights.safetensors shows/points.png; do : >"o2/$f.tmp-$$"; done; exec "$0" run --resume o2 -q --threads 1'
holds 'going on under an old number' sh -c "$says_own" "$gmc"
holds 'half a file of that number is cleared away' test -z "$(halves o2)"

# signals while data are loaded, in the midst of an epoch, and while its end is measured
# stopped SIGNAL CODE FROM: sends it to the run in the background, which ends with this code and says how to go on
stopped() {
  kill -"$1" $!
  kill -CONT $!
  wait $! 2>noise
  code=$?
  cp "$3" told
  holds "$1" test $code = "$2"
  holds "$1: it says how to go on" grep -q -e '--resume o' told
  holds "$1: nothing half written" test -z "$(halves o)"
}
# begin ARGUMENT...: in the background, up to the first checkpoint, and held there
begin() {
  rm -rf o
  "$gmc" run t.gm --out o --threads 1 "$@" >losses 2>words </dev/null &
  while [ ! -e o/weights.safetensors ] && kill -0 $! 2>noise; do sleep 0.01; done
  kill -STOP $!
}
yes 0.5,0.5 | head -n 2000000 >big.csv
rm -rf o
for signal in INT TERM; do
  timeout --foreground --preserve-status -s $signal 0.05 "$gmc" run t.gm --out o --data 'csv("big.csv")' -q >out 2>err </dev/null
  code=$?
  holds "$signal while data are loaded" test $code = 130 -o $code = 143
  holds 'nothing is made' test ! -e o
done
long="--data toy.eight(examples:100000) --set units=1000"
# shellcheck disable=SC2086
{
  says 0 '' run t.gm --out long -q --threads 1 $long
  begin $long
  says 75 '^gmc: o: another run is at work' run --resume o -q
  says 75 '^gmc: o: another run is at work' run t.gm --out o -q
  stopped TERM 143 words
}
holds 'in the midst of an epoch' test "$(sed -n 's/^stopped after step \([0-9]*\) of 10000$/\1 % 5000/p' told | xargs expr)" -gt 0
says 0 '' run --resume o -q --threads 1
holds 'a run stopped in the midst of an epoch' diff -r -x run.log -x run.json -x .lock o long
measuring="--data toy.eight(examples:20) --set looks=100000 --epochs 3"  # epochs of one step, which take long to measure
# shellcheck disable=SC2086
{
  says 0 '' run t.gm --out measured -q --threads 1 $measuring
  begin $measuring
}
stopped INT 130 words
holds 'while the epoch was measured' grep -q '^stopped after step [12] of 3' told
says 0 '' run --resume o -q --threads 1
holds 'a run stopped while it was measured' diff -r -x run.log -x run.json -x .lock o measured
# a sweep is asked to stop while its first run's last epoch is measured: that one is whole, and the next does not begin
printf 'sweep: {looks: [20000, 20001]}\n' >sweep.yaml
rm -rf o
"$gmc" run t.gm -c sweep.yaml --out o --threads 1 --epochs 1 >losses 2>words </dev/null &
while [ ! -e o/looks=20000/weights.safetensors ] && kill -0 $! 2>noise; do sleep 0.01; done
kill -INT $!
wait $! 2>noise
code=$?
holds 'a sweep is stopped' test $code = 130
holds 'the next run does not begin' test ! -e o/looks=20001
exec 9<>taken/.lock
flock 9
says 75 '^gmc: taken: another run is at work' run t.gm --out taken -q
holds 'nothing is put beside it' test "$(ls -A taken)" = .lock
exec 9<&-

# every call
# hurt CALL N WHAT: o is a new run whose N-th such call meets this
hurt() {
  rm -rf o
  ASAN_OPTIONS=detect_leaks=0 strace -o noise -e "trace=$1" -e "inject=$1:$3:when=$2" \
    "$gmc" run t.gm --out o -q --threads 1 >out 2>err </dev/null
  code=$?
}
killed() {
  hurt "$1" "$2" signal=KILL
  holds "$1 $2: killed" test $code = 137
  goes_on "killed at $1 $2"
}
broken() {
  hurt "$1" "$2" "error=$3"
  told "$1 $2: $3" '73 74' '.*\(No space left on device\|Input/output error\)'
  holds "$1 $2: $3: nothing half written" test -z "$(halves .)"
  goes_on "$1 $2: $3"
}
asked() {
  hurt "$1" "$2" "signal=$3"
  holds "$1 $2: SIG$3" test $code = "$4"
  holds "$1 $2: SIG$3: nothing half written" test -z "$(halves o)"
  goes_on "$1 $2: SIG$3"
}
# hurt in any way, the run ends with one message, or well: some calls may fail, and some are met when all is done
any() {
  hurt "$1" "$2" "$3"
  case $code in
    0) ;;
    137) holds "$1 $2: $3" test "$3" = signal=KILL ;;
    143) holds "$1 $2: $3" test "$3" = signal=TERM ;;
    *) told "$1 $2: $3" '66 73 74' '.*: \(.*: \)*\(No space left on device\|Input/output error\)' ;;
  esac
  holds "$1 $2: $3: nothing half written" test $code = 137 -o -z "$(halves .)"
  goes_on "$1 $2: $3"
}
sweep() {
  while read -r _ call number; do
    case $call in write | openat | mkdir) any "$call" "$number" error=ENOSPC ;; esac
    case $call in write | openat | mkdir | fsync | rename | ftruncate | flock | read) any "$call" "$number" error=EIO ;; esac
    [ "$call" != exit_group ] || continue
    any "$call" "$number" signal=KILL
    any "$call" "$number" signal=TERM
  done
}
# Calls by what they are about: `2 rename 5` when the fifth rename is of the second checkpoint, `0 write 7` outside of them.
# A checkpoint lasts from where its temporary is opened to where its folder is synced.
if strace -o noise true 2>noise; then
  rm -rf o
  ASAN_OPTIONS=detect_leaks=0 strace -y -o trace "$gmc" run t.gm --out o -q --threads 1 >out 2>err </dev/null
  awk -F'(' '/^[a-z]/ { n[$1]++ }
    /^openat.*\/\.lock/ { ours = 1 }
    /^openat.*weights\.safetensors\.tmp-/ { within = ++checkpoints }
    ours && /^[a-z]/ { print within + 0, $1, n[$1] }
    /^fsync.*\/o>/ { within = 0 }' trace >calls
  # what is renamed was synced before, and its folder is synced after
  holds 'every new file is synced, and so is its new name' awk -F'[<>]' '/^fsync/ { synced[$2] = 1; folder = $2 }
    /^rename/ { split($0, name, "\""); from = name[2]; to = name[4]; renames++
      for (f in synced) found = found || substr(f, length(f) - length(from) + 1) == from
      if (!found || owed) exit bad = 1
      found = 0; owed = 1; delete synced }
    owed && /^fsync/ { if (folder ~ /\.tmp-/) exit bad = 1
      owed = 0 }
    END { exit bad || owed || renames < 9 }' trace
  holds 'there are three checkpoints' test "$(awk '$1 > n { n = $1 } END { print n + 0 }' calls)" = 3
  # at CHECKPOINT CALL WHICH: its number among all of them in the run
  at() { awk -v c="$1" -v call="$2" -v which="$3" '$1 == c && $2 == call && ++n == which { print $3; exit }' calls; }
  for call in openat write fsync rename; do killed $call "$(at 2 $call 1)"; done
  killed fsync "$(at 2 fsync 2)"
  killed rename "$(at 1 rename 1)"
  killed fsync "$(at 1 fsync 2)"
  killed write "$(at 0 write 1)"
  broken write "$(at 2 write 1)" ENOSPC
  broken openat "$(at 2 openat 1)" ENOSPC
  broken fsync "$(at 2 fsync 1)" EIO
  broken rename "$(at 2 rename 1)" EIO
  broken fsync "$(at 2 fsync 2)" EIO
  broken rename "$(at 1 rename 1)" EIO
  broken ftruncate "$(at 0 ftruncate 1)" EIO
  asked write "$(at 2 write 1)" TERM 143
  asked rename "$(at 2 rename 1)" INT 130
  if [ "${SWEEP-}" = 1 ]; then sweep <calls; fi
else
  echo 'left out, for it needs strace: calls that fail, or are the last'
fi
finish
