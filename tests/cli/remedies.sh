#!/bin/sh
# What a run says is to be tried where it finds something wrong: put where it says, it makes a good text of the one it is said of, without a
# warning.
. "$(dirname "$0")/common.sh"

model() {  # model SED...: a game in game.gm, its lines marked
  sed "$@" >game.gm <<'END'
model game
let shared = adam(1e-4)                                  # optimiser
data x[2] from toy.eight(examples: 10000)
prior z[2] ~ normal(0, 1)
generator G(x | z) { x = z |> dense(8) |> relu |> dense(2) }
discriminator D(real | x) {
  h = x |> dense(8) |> relu                              # hidden
    |> dense(1)
  real ~ bernoulli(logits: sum(h))
}
objective discern { z ~ prior(z)   maximize log D(1 | x) + log D(0 | G(z)) }
objective deceive { z ~ prior(z)   maximize log D(1 | G(z)) }
train {
  maximize discern over D with adam(1e-3)                # of D
  maximize deceive over G with adam(2e-3)                # of G
  batch 128, epochs 40                                   # settings
}
END
}

# put COMMAND MARK: $remedy instead of the line with the mark (c), or behind it (a)
put() { sed "/# $2\$/$1\\
$remedy" game.gm >mended.gm; }

# tries [LINE]: all that is to be tried of the game, put there; LINE is what is said of a judge that is too strong
tries() {
  says 0 '' check game.gm
  says 0 '' emit game.gm -o game.c  # which holds them as a run does
  sed -n 's/.*remedy = {"\(.*\)"}}.*/\1/p' game.c | sed 's/", "/\n/g' >remedies
  holds 'one for each kind' test "$(wc -l <remedies)" = 6
  [ $# = 0 ] || holds "$1" test "$(sed -n 2p remedies)" = "$1"
  while read -r remedy; do
    case $remedy in
      *'# in D, be'*) put a hidden ;;
      *'# in train') put a settings ;;
      'let shared ='*) put c optimiser ;;
      *' deceive '*) put c 'of G' ;;
      *) put c 'of D' ;;
    esac
    says 0 '' check mended.gm
    holds "no warning: $remedy" test ! -s said
    holds "it is there: $remedy" sh -c '! cmp -s game.gm mended.gm'
  done <remedies
}

waits='{ maximize discern over D with adam(1e-3) }'
model ''
tries "when recent(discern) < -0.7 $waits"
model 's/maximize log D(1 | G(z))/minimize log D(0 | G(z))/; s/maximize deceive/minimize deceive/'  # G as it was first published
tries "when recent(discern) < -0.7 $waits"
model 's/maximize log D(1 | x) + log/minimize -log D(1 | x) - log/; s/maximize discern/minimize discern/'
tries 'when recent(discern) > 0.7 { minimize discern over D with adam(1e-3) }'
model 's,maximize log D(1 | x) + log D(0 | G(z)),maximize log D(1 | x) / 2 + log D(0 | G(z)) / 2,'
tries "when recent(discern) < -0.3 $waits"
model 's/maximize discern.*adam(1e-3)/every 2 { & }/'
tries "when recent(discern) < -0.7 $waits"
model 's/over D with adam(1e-3)/over D with shared/'
tries 'when recent(discern) < -0.7 { maximize discern over D with shared }'
model 's/batch 128,/average ema(G, 0.99), &/'
tries
# where it is not known what the judge's objective is at chance
faster='repeat 5 { maximize deceive over G with adam(2e-3) }'
model 's/objective discern {/objective discern(w) {/; s/+ log D(0/+ w * log D(0/; s/maximize discern/&(2)/'
tries "$faster"
model 's/log D(0 | G(z)) }/log D(0 | G(z)) - sum(square(G(z))) }/'
tries "$faster"
model 's/real ~ .*/real = sum(h)/; s/log D(1 | x) + log D(0 | G(z))/D(x) - D(G(z))/; s/log D(1 | G(z))/D(G(z))/'
tries "$faster"
finish
