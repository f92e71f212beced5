# What the scripts of this folder share: a scratch folder to work in, and ways to ask. A script sources it first and ends with
# `finish`. GMC names the program, ./gmc by default.
# shellcheck shell=sh
set -u
cd "$(dirname "$0")/../.." || exit 1
gmc=$(realpath "${GMC:-./gmc}") || exit 1
root=$PWD
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
cd "$scratch" || exit 1

wrong() {
  failed=$((failed + 1))
  echo "FAILED $*"
  sed 's/^/  /' out err
}

# says CODE PATTERN ARGUMENT...: gmc ends with CODE and the pattern stands in what it says on stderr, or with code 0 on either
says() {
  code=$1 pattern=$2
  shift 2
  timeout 60 "$gmc" "$@" >out 2>err </dev/null
  got=$?
  if [ "$code" = 0 ]; then cat out err >said; else cp err said; fi
  if [ $got != "$code" ]; then wrong "gmc $*: exit code $got, not $code"
  elif [ -n "$pattern" ] && ! grep -q -e "$pattern" said; then wrong "gmc $*: nothing like '$pattern'"
  else passed=$((passed + 1)); fi
}

# holds TEXT COMMAND...: a condition of the shell
holds() {
  text=$1
  shift
  if "$@" >out 2>err; then passed=$((passed + 1)); else wrong "$text: $*"; fi
}

# floats NUMBER...: as four bytes each, the lowest first
floats() {
  echo "$@" | awk '{
    for (i = 1; i <= NF; i++) {
      v = $i < 0 ? -$i : $i; e = 0; bits = 0
      if ($i == "nan") { printf "\\000\\000\\300\\177"; continue }
      if (v > 0) {
        while (v >= 2) { v /= 2; e++ }
        while (v < 1) { v *= 2; e-- }
        bits = (e + 127) * 8388608 + int((v - 1) * 8388608 + 0.5)
      }
      printf "\\%03o\\%03o\\%03o\\%03o", bits % 256, int(bits / 256) % 256, int(bits / 65536) % 256, int(bits / 16777216) + ($i < 0 ? 128 : 0)
    } }'
}

# bytes COUNT NUMBER: a whole number in so many bytes, the lowest first
bytes() {
  awk -v n="$1" -v v="$2" 'BEGIN { while (n--) { printf "\\%03o", v % 256; v = int(v / 256) } }'
}

# tensors FILE.safetensors HEADER NUMBER...: a file of floats
tensors() {
  file=$1 header=$2
  shift 2
  { printf "$(bytes 8 ${#header})"; printf '%s' "$header"; printf "$(floats "$@")"; } >"$file"
}

# compiled SOURCE PROGRAM [LIBRARY...]: compiles an emitted program; once, however many suites ask for the same text, for make test runs scripts
# of this folder by two builds of gmc. For the processor that is here: without its fused adds a program computes each by a call, and takes up to
# fifteen times as long; that its bits are the same then too is for emit.sh.
compiled() {
  source=$1 program=$2
  shift 2
  [ $# -gt 0 ] || set -- -lz -lm -lpthread
  set -- -O1 -march=native -Wall -Wextra -Werror -ffp-contract=off "$source" "$@"
  all=$root/build/emitted
  kept=$all/$({ cc --version && echo "$*" && cat "$source"; } | sha256sum | cut -d ' ' -f 1)
  mkdir -p "$all" && find "$all" -type f -mtime +1 -delete
  if [ ! -x "$kept" ]; then
    cc "$@" -o "$program" && cp "$program" "$kept.$$" && mv "$kept.$$" "$kept"
  else
    cp "$kept" "$program"
  fi
}

# the measures of a run, without their times
figures() { sed 's/"time":[^,}]*//' "$1/metrics.jsonl"; }

# figure NAME [FOLDER]: what a run measured last, that in the folder `one` by default
figure() { tail -n 1 "${2:-one}/metrics.jsonl" | sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }

# same_emitted NAME: the program emitted of NAME.gm does what gmc did in the folder `one`
same_emitted() {
  says 0 '' emit "$1.gm" -o "$1.c"
  holds 'it compiles' compiled "$1.c" "$1.run"
  holds 'it runs' "./$1.run" --out emitted -q
  holds 'the emitted program: the same weights' cmp one/weights.safetensors emitted/weights.safetensors
}

# faces: a model of pictures, faces.gm, and the pictures in a folder
faces() {
  mkdir -p faces
  cp "$root"/models/pictures/*.png faces/
  cat >faces.gm <<'END'
model faces
data x[8, 6] in [0, 1] from images("faces")
prior z[2] ~ normal(0, 1)
encoder q(z | x) { z ~ normal(dense(flatten(x), 2), exp(dense(flatten(x), 2))) }
decoder p(x | z) { x ~ normal(z |> dense(48) |> sigmoid |> reshape(8, 6), 0.1) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
train { maximize elbo over q, p with adam(1e-2)   batch 2, epochs 3 }
END
}

# awaits FILE PATTERN: within 20 seconds
awaits() {
  for _ in $(seq 200); do
    grep -q -e "$2" "$1" 2>/dev/null && break
    sleep 0.1
  done
  holds "$1: $2" grep -q -e "$2" "$1"
}

# asks URL...: as a browser of this machine; answers CODE URL...: what it answers with
asks() { curl -s --noproxy '*' --max-time 20 "$@"; }
answers() {
  expected=$1
  shift
  holds "$expected: $*" test "$(asks -o /dev/null -w '%{http_code}' "$@")" = "$expected"
}

# serves ARGUMENT...: gmc, which serves a page until `interrupted`: its address is $page, its process $server; what it says, in `url` and `told`
serves() {
  rm -f url
  "$gmc" "$@" >url 2>told &
  server=$!
  trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
  awaits url '^http://127.0.0.1:[0-9]*/'
  page=$(head -n 1 url)
}

# drives URL: does with a page in Chromium what the script on standard input says (../browser/drive.c)
drives() {
  holds "$1: what is done to it" "$root/build/release/browser/drive" "$scratch/browser" "$1"
  cat out
}

# Ctrl-C ends what serves well
interrupted() {
  kill -INT "$server"
  wait "$server"
  holds 'Ctrl-C ends it well' test $? = 0
}

finish() {
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}
