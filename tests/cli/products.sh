#!/bin/sh
# Who makes the products: what is asked for, what is recorded, what a resume says, and what is said where OpenBLAS cannot be had.
# shellcheck disable=SC2016  # backquotes in patterns are meant
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
unset OPENBLAS_CORETYPE

cat >small.gm <<'GM'
model small
data x[2] from toy.moons(examples: 200)
net f(v | x) { v = x |> dense(40) |> tanh |> dense(1) }
objective fit { minimize sum(square(f(x) - 1)) }
train { minimize fit over f with sgd(0.1)   batch 50, epochs 2 }
GM

# what can be said
says 64 '^gmc: --products is own, openblas or auto, not `blas`' run small.gm --products blas
says 64 'needs a value' run small.gm --products
printf 'seed: 1\nproducts: mkl\n' >bad.yaml
says 78 '^gmc: bad.yaml:2: products is own, openblas or auto, not `mkl`' run small.gm -c bad.yaml
holds 'nothing was begun' test ! -e runs

# explain, -v, the run's settings and its record
says 0 '^  products: own$' explain small.gm --products own
says 0 '^  products: openblas [0-9.]* [A-Za-z0-9]*$' explain small.gm --products openblas
says 0 '^products: own$' run small.gm --out own -v --products own
holds 'the settings' grep -q '^products: own$' own/config.yaml
holds 'the record' grep -q '"products": "own"' own/run.json
printf 'products: openblas\n' >open.yaml
says 0 '^products: openblas [0-9.]* [A-Za-z0-9]*$' run small.gm -c open.yaml --out open -v
holds 'the settings' grep -q '^products: openblas$' open/config.yaml
holds 'the record' grep -q '"products": "openblas [0-9.]* [A-Za-z0-9]*"' open/run.json
says 0 '^products: own$' run small.gm -c open.yaml --products own --out beats -v
says 0 'fit' eval open
says 0 '' emit small.gm --products openblas -o open.c
holds 'the program says how it is linked' grep -q -e '-ldl' open.c
says 0 '' emit small.gm --products own -o own.c
holds 'a program with our own has nothing of it' sh -c '! grep -qi "sgemm\|dlopen\|-ldl" own.c'

# going on: with what the run began with, and otherwise not in silence
says 0 '^products: openblas' run --resume open --epochs 3 -v
holds 'nothing to say' sh -c '! grep -q warning err'
says 0 'warning: .*made with products `openblas [^`]*`, now `own`: the run will not go on to the same bits' run --resume open --epochs 4 \
  --products own
holds 'the settings' grep -q '^products: own$' open/config.yaml
holds 'the record, and what was before' grep -q '"before": .*' open/run.json
holds 'what was before' grep -q '"products": "openblas' open/run.json
if grep -qw avx2 /proc/cpuinfo; then
  says 0 '' run small.gm --products openblas --out core
  holds 'kernels that fit the processor' sh -c '! grep -q Prescott core/run.json'
  export OPENBLAS_CORETYPE=Sandybridge
  says 0 'products `openblas .*`, now `openblas [^ ]* Sandybridge`' run --resume core --epochs 3
  unset OPENBLAS_CORETYPE
fi

# no library, one that is none, no room
mkdir broken && echo 'no library' >broken/libopenblas.so.0
export LD_LIBRARY_PATH="$scratch/broken"
says 69 'products: openblas needs OpenBLAS, which cannot be loaded (.*libopenblas.so.0.*); install libopenblas0' run small.gm \
  --products openblas --out none
holds 'nothing was begun' test ! -e none
says 69 'install libopenblas0' explain small.gm --products openblas
says 0 '' run small.gm --products own --out plain -q
unset LD_LIBRARY_PATH
case $gmc in */asan/*) ;; *)  # which has addresses of its own
  (ulimit -v 300000 && exec "$gmc" run small.gm --products openblas --threads 2 --out narrow) >narrow 2>&1 </dev/null
  holds 'no room: the exit code' test $? = 71
  holds 'no room: what is said' grep -q 'OpenBLAS reserves 320 MiB of addresses for 2 threads' narrow ;;
esac

finish
