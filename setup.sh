#!/bin/sh
# Installs what gmc needs and the machine lacks: ./setup.sh [--check] [build|products|test|lint|fuzz|bench|cross|browser|fmt]...
# With --check it only says what is missing. Does nothing, and quickly, when all is there.
set -u

check=
missing=
[ "${1-}" = --check ] && { check=yes; shift; }

# need PACKAGE HEADER|LIBRARY|TOOL: headers are looked for as the compiler does
need() {
  case $2 in
    *.h) echo "#include <$2>" | "${CC:-gcc}" -E -x c - >/dev/null 2>&1 ;;
    # shellcheck disable=SC2086  # a pattern
    */*) ls $2 >/dev/null 2>&1 ;;
    *) command -v "$2" >/dev/null 2>&1 ;;
  esac || missing="$missing $1"
}

needs_build() {
  need gcc gcc
  need make make
  need flex flex
  need bison bison
  need libyaml-dev yaml.h
  need zlib1g-dev zlib.h
  need libdeflate-dev libdeflate.h
  need libpng-dev png.h
  need libturbojpeg0-dev turbojpeg.h
  need libevent-dev event2/http.h
}

needs_products() { need libopenblas0 '/usr/lib/*/libopenblas.so.0'; }  # loaded when a run asks for it

needs_test() {
  need clang clang  # emitted programs are compiled by gcc and by clang
  need libcmocka-dev cmocka.h
  need curl curl  # asks the pages of gmc watch
}

needs_lint() { need clang clang; need clang-tidy clang-tidy; }
needs_fuzz() { need clang clang; need libclang-rt-14-dev '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a'; }
needs_bench() { needs_products; }  # to compare with
needs_cross() { need gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc; need libc6-dev-arm64-cross '/usr/aarch64-linux-gnu/lib/libc.a'; need qemu-user qemu-aarch64; }
needs_browser() { need chromium chromium; }
needs_fmt() { need clang-format clang-format; }

[ $# -gt 0 ] || set -- build products
for group; do
  case $group in
    build | products | test | lint | fuzz | bench | cross | browser | fmt) "needs_$group" ;;
    *) echo "setup.sh: there is no group $group" >&2; exit 64 ;;
  esac
done

[ -z "$missing" ] && exit 0
install="apt-get install -y --no-install-recommends$missing"
if [ -n "$check" ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "missing:$missing. On Debian: $install, or ./setup.sh $*" >&2
  exit 69
fi
if [ "$(id -u)" = 0 ]; then root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then root='sudo -n'
else
  echo "missing:$missing. Install them as root: $install" >&2
  exit 77
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # words are meant to be split
if ! { $root apt-get update -qq && $root $install >/dev/null; }; then
  echo "setup.sh: could not install:$missing" >&2
  exit 1
fi
