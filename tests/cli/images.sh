#!/bin/sh
# Folders of pictures as data: trained on, drawn, by emitted programs too
. "$(dirname "$0")/common.sh"
pictures=$OLDPWD/models/pictures

mkdir -p faces/digits faces/plots
cp "$pictures/cvae_digits.png" "$pictures/cvae_styles.png" "$pictures/gan_samples.png" faces/digits/
cp "$pictures/gan_toy1d_game.png" "$pictures/vae_flower_latents.png" "$pictures/flow_matching_cloud.png" faces/plots/
cat >faces.gm <<'END'
model faces
data x[8, 6, 3] in [-1, 1], y : class(2) from images("faces", holdout: last(0.2))
net E(z | x, y) { z = concat(flatten(x), onehot(y)) |> dense(4) |> tanh }
net G(x | z) { x = z |> dense(144) |> tanh |> reshape(8, 6, 3) }
objective error { minimize sum(square(x - G(E(x, y)))) }
train { minimize error over E, G with adam(1e-2)   batch 2, epochs 3 }
show pairs { rows 1, columns 1   grid x, G(E(x, y)) }
END
says 0 '5 examples to train on, 1 to test' run faces.gm --out one --threads 1
says 0 'x: 5 + 1 examples of .8, 6, 3.; pictures, levels: 0 is -1, 255 is 1' \
  run faces.gm -v --out two --threads 2
holds 'what labels are' grep -q 'subfolders, 0 is digits, 1 is plots' said
holds 'threads' cmp one/weights.safetensors two/weights.safetensors
holds 'a picture' test -s one/shows/pairs.png

says 0 '' emit faces.gm -o faces.c
line=$(sed -n 's/^\/\/   cc .* train\.c \(.*\) -o train$/\1/p' faces.c)
holds 'the libraries are named' test "$line" = '-lpng -lturbojpeg -lm -lpthread'
# shellcheck disable=SC2086  # words
holds 'it compiles' compiled faces.c faces.run $line
holds 'it runs' ./faces.run --out three -q
holds 'to the same bits' cmp one/weights.safetensors three/weights.safetensors

# a game of pictures in colour, which are mirrored anew at every step
set -- --data 'images("faces") |> flipped' --batch 2
says 0 '' run "$pictures/../smileys.gm" "$@" --steps 5 --threads 1 --out smileys
holds 'pictures beside the nearest' test -s smileys/shows/copies.png
says 0 '' emit "$pictures/../smileys.gm" "$@" -o smileys.c
# shellcheck disable=SC2086  # words
holds 'it compiles' compiled smileys.c smileys.run $line
holds 'it runs' ./smileys.run --steps 5 --threads 2 --out smileys-emitted -q
holds 'to the same bits' cmp smileys/weights.safetensors smileys-emitted/weights.safetensors
holds 'and pictures' diff -r smileys/shows smileys-emitted/shows

# pictures that take more memory than they may
cat >large.gm <<'END2'
model large
data x[400, 400, 3] in [0, 1] from images("faces", holdout: 0)
parameter c[3] = 0
objective fit { minimize sum(square(x[0, 0] - c)) + sum(square(x[399, 200] - c)) }
train { minimize fit over c with sgd(0.1)   batch 2, epochs 3 }
END2
says 0 'of the data are kept in a file without a name' run large.gm --memory 1 --out outside
says 0 '' run large.gm -q --out inside
says 0 '' emit large.gm -o large.c
# shellcheck disable=SC2086  # words
holds 'it compiles' compiled large.c large.run $line
holds 'it runs' ./large.run --out program --memory 1 --quiet
holds 'the same bits inside' cmp outside/weights.safetensors inside/weights.safetensors
holds 'the same bits emitted' cmp outside/weights.safetensors program/weights.safetensors

says 0 '' run faces.gm --data 'images("faces", test: "faces")' -q --out four
holds 'a folder to test on' grep -q '"test_examples": 6' four/run.json
sed 's/y : class(2)/y : class(2), w/' faces.gm >bad.gm
says 65 'no more than two columns: there is nothing for w' run bad.gm -q --out bad
says 1 'E0223.*cifar10.*test' check faces.gm --data 'cifar10("faces", test: "faces")'
says 65 'pictures of CIFAR-10 are \[32, 32, 3\]' run faces.gm --data 'cifar10("faces")' -q --out bad
says 0 'pictures, levels: 0 is -1, 255 is 1' run faces.gm -v --out moved --data 'images("faces") |> flipped |> shifted(1)'
rm faces/plots/*.png
: >faces/plots/none.png
says 65 'faces/plots/none.png: is no sound picture' run faces.gm -q --out bad
finish
