#!/bin/sh
# Disks that fill up, fail or may not be written, and runs stopped at any of their system calls: one message, the last
# checkpoint stays whole, nothing half written is left, and the run goes on to the bits of one that nothing happened to.
# With SWEEP=1 every system call of a run is hurt in every way, for some minutes; without it, those that matter most.
# strace, and root for mounting, are used where they are to be had; what is left out without them is said.
# shellcheck disable=SC2016,SC2086,SC2094  # what awk and sh read is not for this shell; words are meant to be split; noise is never read
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
# how runs are begun here: a checkpoint, and pictures, at the end of every epoch, however fast this machine is
each='--threads 1 --checkpoint 10'
says 0 '' run t.gm --out whole -q $each
halves() { find "$1" -name '*.tmp-*'; }
# goes_on TEXT: o, of a run that was hurt, ends as the whole one did; before its first checkpoint there is nothing to go on
# with, and it begins again
goes_on() {
  if [ -e o/weights.safetensors ]; then
    says 0 '' run --resume o -q $each
  else
    says 66 '^gmc: o:* holds no run' run --resume o -q $each
    says 0 '' run t.gm --out o -q $each
  fi
  holds "$1: the same bits, and nothing else" diff -r -x run.log -x times.csv -x run.json -x .lock o whole
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
  for size in 16 28 60 100; do
    mount -t tmpfs -o size=${size}k none disk
    "$gmc" run t.gm --out disk/o -q $each >out 2>err </dev/null
    code=$?
    told "a disk of $size KiB" 74 'disk/o/.*: No space left on device'
    holds 'nothing half written' test -z "$(halves disk)"
    holds 'a checkpoint, but where there was no room for any' test $size = 16 -o -e disk/o/weights.safetensors
    if [ $size != 16 ]; then
      cp disk/o/weights.safetensors before
      says 74 '^gmc: disk/o/.*: No space left on device' run --resume disk/o -q $each
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
    'emit t.gm -o disk/t.c' 'emit t.gm -o disk/o/model.gm --force'; do
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
says 0 '' run z.gm --out z -q $each
for path in nowhere/a.npy t.gm/a.npy taken.npy; do
  for what in 'sample z -n 4' 'show z points' 'emit t.gm'; do
    says 73 "^gmc: $path: \(cannot be written: \(No such file\|Not a\) \|is a folder\)" $what -o $path
  done
done
says 73 '^gmc: taken/: is a folder' emit t.gm -o taken/
holds 'nothing is left' test -z "$(find taken taken.npy -mindepth 1)" -a ! -e nowhere

# an answer that nobody can read
for what in 'explain t.gm' 'explain E0301' 'run t.gm --dump=plan' 'emit t.gm' 'eval z' 'show z' '--version'; do
  "$gmc" $what >/dev/full 2>err </dev/null
  code=$?
  told "$what to a full disk" 74 'cannot write to the standard output$'
  "$gmc" $what >&- 2>err </dev/null
  code=$?
  told "$what to nobody" 74 'cannot write to the standard output$'
done
rm -rf o
"$gmc" run t.gm --out o $each >/dev/full 2>err </dev/null
holds 'a run whose losses nobody can read' test $? = 74
holds '... is whole' diff -r -x run.log -x times.csv -x run.json -x .lock o whole

# nor does what is said go into a file of the run that got the number of a stream which is closed
# closed TEXT REDIRECTION: both runs' folders are alike
closed() {
  rm -rf o
  eval '"$gmc" run t.gm --out o $each </dev/null' "$2"
  code=$?
  holds "$1: exit code $code" test $code = "$3"
  holds "$1: the same bits, and nothing else" diff -r -x run.log -x times.csv -x run.json o whole
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
says_own='for f in weights.safetensors shows/points.png; do : >"o2/$f.tmp-$$"; done; exec "$0" run --resume o2 -q'
holds 'going on under an old number' sh -c "$says_own" "$gmc"
holds 'half a file of that number is cleared away' test -z "$(halves o2)"

# a folder that another run holds
exec 9<>taken/.lock
flock 9
says 75 '^gmc: taken: another run is at work' run t.gm --out taken -q
holds 'nothing is put beside it' test "$(ls -A taken)" = .lock
exec 9<&-
rm -r o2
cp -r whole o2
exec 9<>o2/.lock
flock 9
says 75 '^gmc: o2: another run is at work' run --resume o2 -q
exec 9<&-
rm -r o2

# every call
# traced OPTION...: the calls of a new run, o, in `trace`
traced() {
  rm -rf o
  ASAN_OPTIONS=detect_leaks=0 strace -y -s 200 -o trace "$gmc" run t.gm --out o $each "$@" >out 2>err </dev/null
}
# hurt CALL N WHAT OPTION...: o is a new run whose N-th such call meets this
hurt() {
  rm -rf o
  call=$1 n=$2 what=$3
  shift 3
  ASAN_OPTIONS=detect_leaks=0 strace -o noise -e "trace=$call" -e "inject=$call:$what:when=$n" \
    "$gmc" run t.gm --out o $each "$@" >out 2>err </dev/null
  code=$?
}
# nth CALL PATTERN [WHICH]: the number, among all such calls in the trace, of the first (or WHICH-th) that is like this
nth() { awk -v call="$1" -v like="$2" -v which="${3:-1}" -F'(' '$1 == call && ++n && $0 ~ like && ++seen == which { print n; exit }' trace; }
killed() {
  hurt "$1" "$2" signal=KILL -q
  holds "$1 $2: killed" test $code = 137
  goes_on "killed at $1 $2"
}
broken() {
  hurt "$1" "$2" "error=$3" -q
  told "$1 $2: $3" '73 74' '.*\(No space left on device\|Input/output error\)'
  holds "$1 $2: $3: nothing half written" test -z "$(halves .)"
  goes_on "$1 $2: $3"
}
asked() {
  hurt "$1" "$2" "signal=$3" -q
  holds "$1 $2: SIG$3" test $code = "$4"
  holds "$1 $2: SIG$3: nothing half written" test -z "$(halves o)"
  goes_on "$1 $2: SIG$3"
}
# hurt in any way, the run ends with one message, or well: some calls may fail, and some are met when all is done
any() {
  hurt "$1" "$2" "$3" -q
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
  traced -q
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
  # signals while data are loaded, in the midst of an epoch, while its end is measured, and at the end of a sweep's run
  stopped=$(nth rename 'weights\.safetensors\.tmp') measured=$(nth write 'metrics\.jsonl.*test')
  yes 0.5,0.5 | head -n 200 >t.csv
  traced -q --data 'csv("t.csv")'
  loaded=$(nth openat 't\.csv')
  for signal in INT=130 TERM=143 HUP=129; do
    hurt openat "$loaded" "signal=${signal%=*}" -q --data 'csv("t.csv")'
    holds "${signal%=*} while data are loaded" test $code = "${signal#*=}"
    holds 'nothing is made' test ! -e o
    for place in "rename $stopped 1" "write $measured 10"; do
      hurt ${place% *} "signal=${signal%=*}"
      cp err told
      holds "${signal%=*} at $place" test $code = "${signal#*=}"
      holds "${signal%=*} at $place: it says where it stopped" grep -q "^stopped after step ${place##* } of 20" told
      holds "${signal%=*} at $place: it says how to go on" grep -q -e '--resume o' told
      holds "${signal%=*} at $place: nothing half written" test -z "$(halves o)"
      goes_on "${signal%=*} at $place"
    done
  done
  printf 'sweep: {looks: [1, 2]}\n' >sweep.yaml
  traced -q -c sweep.yaml --epochs 1
  hurt rename "$(nth rename 'looks=1/weights.*tmp' 2)" signal=INT -q -c sweep.yaml --epochs 1
  holds 'a sweep is stopped' test $code = 130
  holds 'its run is whole' grep -q '"step":10,.*test' o/looks=1/metrics.jsonl
  holds 'the next run does not begin' test ! -e o/looks=2
else
  echo 'left out, for it needs strace: calls that fail, or are the last'
fi
finish
