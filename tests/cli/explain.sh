#!/bin/sh
# `gmc explain` from outside: names of the library and the language, codes, files, and what is none of these.
# shellcheck disable=SC2016  # backquotes in patterns are meant
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
root=$OLDPWD

says 0 'normal(loc: 0, scale: 1 > 0, cov\[n, n\] on spd: none, factor\[n, n\] on cholesky: none)' explain normal
says 0 'grammar/std/distributions.gm:[0-9]' explain normal
says 0 'mean *loc$' explain normal
says 0 'mean *none' explain cauchy
says 0 'kl .*uniform || normal' explain normal
says 0 'kl *always by Monte Carlo' explain cauchy
says 0 'none through a draw' explain categorical
says 0 'none through a draw' explain poisson
says 0 'none through a draw' explain multinomial
says 0 'weights *W\[size(x, -1), units\], b\[units\]' explain dense
says 0 'keeps *m, v' explain adam
says 0 'noise: 0.1' explain toy.moons
says 0 'weight b\[units\]' explain dense
says 0 'reshape(x, n, m, ...)' explain reshape
says 0 'max(a, b)' explain max
says 0 'frozen' explain over
says 0 'first argument' explain '|>'
says 0 'kl(laplace(m, s) || laplace(n, t)) = ' explain kl
says 0 '^log(a)' explain log
says 0 '^log p(x | z)' explain log
says 0 '^E0403: ' explain E0403
says 0 '^E0403: ' explain e0403
says 0 'W0501: ' explain w0501
says 0 'layers' explain
says 64 'did you mean `normal`' explain nrmal
says 64 'did you mean `adam`' explain adamx
says 0 'here it is called dense' explain nn.Linear
says 0 'not yet in the language' explain attention
says 64 'lists all names' explain frobnicate
says 64 'no diagnostic E9999' explain e9999
says 64 'for a model' explain normal --set a=3
says 64 'for a model' explain E0403 --batch 3

# a file is named by its .gm or its folder; nothing else hides a name
printf 'model m\n' >normal
printf 'model m\n' >model_of_mine
says 0 'distribution' explain normal
says 0 '^model m' explain ./normal
says 64 './model_of_mine' explain model_of_mine
says 66 'dense.gm' explain dense.gm

# every keyword of the grammar can be asked for
sed -n 's/^"\([a-z]*\)"  *{ WORD.*/\1/p' "$root/grammar/gm.l" >keywords
holds 'the keywords are found' test "$(wc -l <keywords)" -gt 35
while read -r word; do says 0 "$word" explain "$word"; done <keywords

finish
