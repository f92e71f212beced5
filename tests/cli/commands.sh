#!/bin/sh
# compiler/COMMANDS.md and the program say the same: commands, options of each, keys of a run file, exit codes.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
root=$OLDPWD
page=$root/compiler/COMMANDS.md

same() {  # TEXT FILE FILE: lists that are equal when sorted
  sort "$2" >one && sort "$3" >two
  holds "$1" test -s one
  holds "$1" diff one two
}

"$gmc" help | sed -n 's/^  gmc \([a-z]*\).*/\1/p' >commands
sed -n 's/^    gmc \([a-z]*\).*/\1/p' "$page" | sort -u >described
same 'the commands of the page' commands described

# a line for each pair: command, option with its value, letter
while read -r command; do
  "$gmc" help "$command" | sed -n "s/^  \(-[a-z], \|    \)\(--[a-z]* *\('[^']*'\|[A-Z][A-Z=@]*\)\{0,1\}\)  .*/$command \2 \1/p"
done <commands | sed 's/,//; s/  */ /g; s/ $//' >known
sed -n '/^## Options/,/^## Run files/s/^| `\(--[^`]*\)`\(, `\(-[a-z]\)`\)\{0,1\} | \([a-z ]*\) | .*/\4|\1 \3/p' "$page" |
  awk -F'|' '{ n = split($1, command, " "); for (i = 1; i <= n; i++) print command[i], $2 }' | sed 's/ $//' >described
same 'the options of the page, by command' known described
sed -n 's/^  O([A-Z]*, "\([a-z]*\)".*/--\1/p' "$root/compiler/command/options.h" | sort -u >known
cut -d ' ' -f 2 described | sort -u >names
same 'the options of the table' known names

sed -n '/key_table\[\] = /,/^};/s/^ *{"\([a-z]*\)".*/\1/p' "$root/compiler/command/config.c" >known
sed -n '/^## Run files/,/^## Exit codes/s/^| \(`.*`\) | .*/\1/p' "$page" | tr -d '`,' | tr ' ' '\n' >described
same 'the keys of a run file' known described
# and the example is one
sed -n '/^```yaml/,/^```/p' "$page" | grep -v '^```' >example.yaml
cat >example.gm <<'GM'
model example
param latent = 4, hidden = 8
data x[28, 28] in [0, 1] from mnist
prior z[latent] ~ normal(0, 1)
decoder p(x | z) { x ~ bernoulli(logits: z |> dense(hidden) |> dense(784) |> reshape(28, 28)) }
encoder q(z | x) { h = flatten(x) |> dense(hidden)   z ~ normal(dense(h, latent), exp(dense(h, latent))) }
objective elbo { z ~ q(z | x)   maximize log p(x | z) - kl(q(z | x) || prior(z)) }
train { maximize elbo over q, p with adam(1e-3) }
GM
says 0 '' check example.gm -c example.yaml

sed -n '/^  EXIT_/s/.*= \([0-9]*\).*/\1/p' "$root/runtime/core/base.h" >known
sed -n '/^## Exit codes/,$s/^| \([0-9][0-9]*\) | .*/\1/p' "$page" >described
same 'the exit codes' known described

finish
