#!/bin/sh
# Data that is not as it should be: every damage ends in one message that names the file and the place, before a folder is made.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# size N...: each as four bytes, the highest first
size() {
  for n; do
    for shift in 24 16 8 0; do printf '%b' "\\0$(printf %03o $((n >> shift & 255)))"; done
  done
}
# repeat N BYTES: the bytes, written as printf takes them, N times
repeat() { printf '%b' "$(text=$2 awk -v n="$1" 'BEGIN { while (n--) printf "%s", ENVIRON["text"] }')"; }
# idx TYPE SIZES: the header of an IDX file
# shellcheck disable=SC2086  # sizes are words
idx() { printf '%b' "\\0000\\0000\\0$1\\0$(echo $2 | wc -w)"; size $2; }
# npy TYPE FORTRAN SHAPE: the header of an NPY file
npy() {
  dict="{'descr': '$1', 'fortran_order': $2, 'shape': ($3), }"
  printf '\223NUMPY\001\000%b%s\n' "\\0$(printf %03o $((${#dict} + 1)))\\0000" "$dict"
}

cat >m.gm <<'GM'
model m
param units = 8
data x[2, 2] in [0, 1], y : class(3) from idx("x.idx", "y.idx")
prior z[2] ~ normal(0, 1)
encoder q(z | x, y) {
  h = concat(flatten(x), onehot(y)) |> dense(units) |> relu
  z ~ normal(dense(h, 2), exp(dense(h, 2)))
}
decoder p(x | z, y) { x ~ bernoulli(logits: concat(z, onehot(y)) |> dense(4) |> reshape(2, 2)) }
objective elbo { z ~ q(z | x, y)   maximize log p(x | z, y) - kl(q(z | x, y) || prior(z)) }
train { maximize elbo over q, p with adam(lr: 1e-2)   batch 16, epochs 1 }
GM
{ idx 010 '60 2 2'; repeat 60 '\0000\0100\0200\0377'; } >x.idx
{ idx 010 '60'; repeat 20 '\0000\0001\0002'; } >y.idx
gzip -k x.idx y.idx

# takes DATA: a run with it succeeds
takes() {
  rm -rf o
  says 0 '' run m.gm --out o -q --data "$1"
}
# refuses CODE PATTERN DATA: it does not, and leaves nothing behind
refuses() {
  rm -rf o
  says "$1" "$2" run m.gm --out o -q --data "$3"
  holds 'nothing is left' test ! -e o
}

takes 'idx("x.idx", "y.idx")'
takes 'idx("x.idx.gz", "y.idx.gz")'
for n in 0 1 3; do head -c $n x.idx >short && refuses 65 '^gmc: short: is no IDX file' 'idx("short", "y.idx")'; done
for n in 4 15; do head -c $n x.idx >short && refuses 65 '^gmc: short: .*within its header' 'idx("short", "y.idx")'; done
for n in 16 255; do head -c $n x.idx >short && refuses 65 "has $n bytes, but .* promises 256" 'idx("short", "y.idx")'; done
for n in 10 20 40; do head -c $n x.idx.gz >short && refuses 65 '^gmc: short: ' 'idx("short", "y.idx")'; done
{ cat x.idx; echo; } >long && refuses 65 'has 257 bytes' 'idx("long", "y.idx")'
{ cat x.idx.gz x.idx.gz; } >long && refuses 65 'expands past' 'idx("long", "y.idx")'
{ head -c 30 x.idx.gz; printf '\377\377'; tail -c +33 x.idx.gz; } >flip && refuses 65 '^gmc: flip: ' 'idx("flip", "y.idx")'
{ idx 010 '4294967295 4294967295 4294967295'; repeat 9 x; } >big && refuses 65 'any memory' 'idx("big", "y.idx")'
{ idx 010 '1000000000 2 2'; repeat 9 x; } >big && refuses 65 'promises 4000000016' 'idx("big", "y.idx")'
gzip -k big && refuses 65 'compressed ones' 'idx("big.gz", "y.idx")'
{ idx 010 '0 2 2'; } >none && refuses 65 'no examples' 'idx("none", "y.idx")'
{ idx 010 '60 3 1'; repeat 180 x; } >shape && refuses 65 'shape \[60, 3, 1\].* \[2, 2\]' 'idx("shape", "y.idx")'
{ idx 014 '60 2 2'; repeat 960 x; } >kind && refuses 65 'value 2.02116e+09 is outside' 'idx("kind", "y.idx")'
{ idx 010 '60'; repeat 59 '\0000'; repeat 1 '\0003'; } >label && refuses 65 'item 59 .*label 3' 'idx("x.idx", "label")'
{ idx 010 '59'; repeat 59 '\0000'; } >few && refuses 65 '59 examples, but x.idx holds 60' 'idx("x.idx", "few")'
{ idx 010 '9 2 2'; repeat 36 x; } >few && { idx 010 9; repeat 9 '\0000'; } >few_y
refuses 65 'takes 16 examples.* has 9' 'idx("few", "few_y")'
refuses 66 'nothing: No such file.*--data:1' 'idx("nothing", "y.idx")'
refuses 65 'is a folder' 'idx(".", "y.idx")'
refuses 65 'not a regular file' 'idx("/dev/zero", "y.idx")'
mkfifo pipe && refuses 65 'not a regular file' 'idx("pipe", "y.idx")'
refuses 65 'takes 16 examples.* has 1 ' 'idx("x.idx", "y.idx", holdout: 0.999)'
head -c 255 x.idx >short && refuses 65 'short: has 255 bytes' 'idx("x.idx", "y.idx", test: ["short", "y.idx"])'
refuses 66 'nowhere/' 'mnist("nowhere")'

quarter='\0000\0000\0200\0076'
{ npy '<f4' False '40, 2, 2'; repeat 160 "$quarter"; } >x.npy
{ npy '|u1' False '40,'; repeat 40 '\0001'; } >y.npy
takes 'npy("x.npy", "y.npy")'
refuses 65 '^gmc: x.idx: is no NPY file' 'npy("x.idx", "y.npy")'
for n in 0 5 11 30 60; do head -c $n x.npy >short && refuses 65 '^gmc: short: ' 'npy("short", "y.npy")'; done
head -c 300 x.npy >short && refuses 65 'has 300 bytes' 'npy("short", "y.npy")'
# item BYTES PATTERN: the last value is these four bytes
item() {
  { npy '<f4' False '40, 2, 2'; repeat 159 "$quarter"; repeat 1 "$1"; } >bad.npy
  refuses 65 "$2" 'npy("bad.npy", "y.npy")'
}
item '\0000\0000\0300\0177' 'bad.npy: item 39 .*element 3: value nan'
item '\0000\0000\0200\0177' 'value inf is outside \[0, 1\]'
item '\0000\0000\0000\0100' 'value 2 is outside'
item '\0000\0000\0200\0276' 'value -0.25 is outside'
# header PATTERN TYPE FORTRAN SHAPE
header() {
  { npy "$2" "$3" "$4"; repeat 160 "$quarter"; } >bad.npy
  refuses 65 "$1" 'npy("bad.npy", "y.npy")'
}
header 'never read' '|O' False '40, 2, 2'
header 'the type <c8' '<c8' False '40, 2, 2'
header 'any memory' '<f4' False '4000000000000000000, 4, 4'
header 'too large' '<f4' False '99999999999999999999, 2, 2'
header 'as NumPy writes' '<f4' False '-40, 2, 2'
header 'more dimensions' '<f4' False '40, 2, 2, 1, 1, 1, 1, 1, 1, 1'

awk 'BEGIN { for (i = 0; i < 60; i++) print "0.1,0.2,0.3,0.4," i % 3 }' >t.csv
takes 'csv("t.csv")'
refuses 65 '^gmc: x.idx: ' 'csv("x.idx")'
# row PATTERN TEXT: line 31 is this
row() {
  awk -v row="$2" 'NR == 31 { print row; next } { print }' t.csv >bad.csv
  refuses 65 "$1" 'csv("bad.csv")'
}
row '31:16: the line has too few' '0.1,0.2,0.3,0.4'
row '31:18: the line goes on' '0.1,0.2,0.3,0.4,1,2'
row '31:9: a number was expected' '0.1,0.2,x,0.4,1'
row '31:9: a number was expected' '0.1,0.2,nan,0.4,1'
row '31:9: a quote that is not closed' '0.1,0.2,"0.2,0.4,1'
row '31:1: an empty cell' ',,,,'
row 'bad.csv:31.*value inf' '0.1,0.2,1e999,0.4,1'
row 'value 1.5 is outside' '0.1,0.2,1.5,0.4,1'
row 'label 3 is not' '0.1,0.2,0.3,0.4,3'
row 'label 0.5 is not' '0.1,0.2,0.3,0.4,0.5'
: >empty && refuses 65 'no examples' 'csv("empty")'
echo a,b,c,d,e >empty && refuses 65 'names no column `x`' 'csv("empty")'
echo x0,x1,x2,x3,y >empty && refuses 65 'no examples' 'csv("empty")'

# sets: their members, and nothing between
cat >sets.gm <<'GM'
model sets
data s in {1, -1}, t in {0, 0.5, 1}, u in {0, 1}, v in {0, 2, 4, 6, 8, 10, 12, 14, 16, 18} from csv("sets.csv", holdout: 0.5)
parameter w
objective o { minimize square(w - s - t - u - v) }
train { minimize o over w with sgd(0.1)   batch 2, epochs 1 }
GM
# set PATTERN TEXT: with this in line 4
set_row() {
  printf 's,t,u,v\n-1,0.5,0,2\n1,1,1,18\n%s\n-1,0,0,4\n' "$2" >sets.csv
  rm -rf o
  if [ "$1" ]; then says 65 "$1" run sets.gm --out o -q; else says 0 '' run sets.gm --out o -q; fi
}
set_row '' '-1,0.5,1,8'
set_row 'sets.csv:4: value 0 is outside {-1, 1}, the support of the column s; so is 1 of' '0,0.5,1,8'
set_row 'sets.csv:4: value 0.25 is outside {0, 0.5, 1}' '1,0.25,1,8'
set_row 'sets.csv:4: value 2 is outside {0, 1}, .*binarize' '1,1,2,8'
set_row 'sets.csv:4: value 9 is outside {0, 2, ..., 18}' '1,1,1,9'
holds 'they are emitted' sh -c "'$gmc' emit sets.gm | grep -A2 'column_1_member' | grep -q -- '-1.0f'"

# names, separators, texts
{ echo "y,x0,x1,x2,x3"; awk 'BEGIN { for (i = 0; i < 60; i++) print substr("redsea", 1 + i % 2 * 3, 3) ",0.1,0.2,0.3,0.4" }'; } >words.csv
takes 'csv("words.csv")'
sed 's/,/;/g' words.csv >semicolon.csv && takes 'csv("semicolon.csv")' && takes 'csv("semicolon.csv", separator: ";")'
refuses 65 'semicolon.csv:1:1: the header names' 'csv("semicolon.csv", separator: ",")'
sed 's/0\.1/0,1/; 1s/,/;/g' words.csv | sed '2,$s/,/;/g; s/0;1/0,1/' >comma.csv && refuses 65 'comma.csv:2:5: .*decimal comma' 'csv("comma.csv")'
{ cat words.csv; echo blue,.1,.2,.3,.4; echo green,.1,.2,.3,.4; } >many.csv && refuses 65 'many.csv:63:1: `green` is one text too many for the 3 classes' 'csv("many.csv")'
takes 'csv("words.csv", columns: [["x3", "x1", "x0", "x2"], "y"])'
takes 'csv("words.csv", columns: [1, 0])'
refuses 65 'wants those from 2 to 5' 'csv("words.csv", columns: [2, 0])'
refuses 65 '^--data:1:27: error.*1 entries for 2 columns' 'csv("words.csv", columns: ["x"])'
refuses 65 '^--data:1:28: error.*3 names for `x`' 'csv("words.csv", columns: [["a", "b", "c"], "y"])'
refuses 65 '^--data:1:31: error.*a name in the file' 'csv("words.csv", columns: [1, -1])'
refuses 65 '^--data:1:29: error.*separator' 'csv("words.csv", separator: "ab")'
gzip -k words.csv && refuses 65 'is compressed' 'csv("words.csv.gz")'

# several arrays in a file, and compressed ones
refuses 65 '^gmc: x.npy: is no NPZ file' 'npz("x.npy")'
refuses 65 '^--data:1:1: error.*2 files where one' 'npz("a.npz", "b.npz")'
refuses 65 '^--data:1:24: error.*name of an array' 'npz("a.npz", columns: [1, 2])'
gzip -k x.npy y.npy && takes 'npy("x.npy.gz", "y.npy.gz")'
head -c 60 x.npy.gz >short && refuses 65 '^gmc: short: ' 'npy("short", "y.npy")'

# a run keeps how its data were read: without them, or after they have changed, what is drawn is in their units and texts
cat >table.gm <<'GM'
model table
data city : class(3), age, x[2] from csv("table.csv", holdout: last(0.25)) |> standardize(age, x)
prior z[2] ~ normal(0, 1)
encoder q(z | age, x, city) { h = concat([age], x, onehot(city)) |> dense(4) |> tanh   z ~ normal(dense(h, 2), exp(dense(h, 2))) }
decoder pa(age, x | z) { age ~ normal(dense(z, 1)[0], 1)   x ~ normal(dense(z, 2), 1) }
decoder pc(city | z) { city ~ categorical(logits: dense(z, 3)) }
objective elbo {
  z ~ q(z | age, x, city)
  maximize log pa(age | z) + log pa(x | z) + log pc(city | z) - kl(q(z | age, x, city) || prior(z))
}
metric age_mean = age
train { maximize elbo over q, pa, pc with adam(lr: 1e-2)   batch 4, epochs 1 }
GM
sed -i 's/log pa(age | z) + log pa(x | z)/log pa(age, x | z)/' table.gm
awk 'BEGIN { print "age,x0,x1,city"; for (i = 0; i < 16; i++) print 1000 + i * i "," i % 3 ",5," (i % 2 ? "\"Bonn, old\"" : "Aix") }' >table.csv
rm -rf o && says 0 'city: 12 + 4 labels, 3 classes; texts, 0 is Aix, 1 is Bonn, old' run table.gm --out o
says 0 '^age_mean  3.5862[0-9]* ' eval o  # (1000 + i^2 of the last four, less the mean of the others) / their deviation
mv table.csv gone.csv
says 0 '' sample o -n 200 -o drawn.csv
holds 'names, in the order of the model' grep -qx 'city,age,x0,x1' drawn.csv
holds 'texts and units of the file' awk -F, 'NR > 1 && !/^(Aix|"Bonn, old"|2),/ { exit 1 }
  NR > 1 { sum += $(NF - 2); last += $NF } END { exit !(NR == 201 && sum / 200 > 900 && sum / 200 < 1200 && last / 200 > 4 && last / 200 < 6) }' drawn.csv
says 0 '' run table.gm --out again -q --data 'csv("drawn.csv", holdout: last(0.25)) |> standardize(age, x)'
says 73 'drawn.csv: is there, and is not known to be a sample' sample o --of age -n 3 -o drawn.csv
says 0 '' sample o --of age -n 3 -o drawn.csv --force
holds 'one column' grep -qx age drawn.csv
says 65 'error\[E0624\]' sample o -n 2 --given q=1 -o none.csv
says 64 'ends in .png, .npy or .csv' sample o -n 2 -o drawn.txt
says 0 '' run m.gm --out given -q --data 'csv("t.csv")'
for y in 1.5 -1 3 0.999; do says 65 "E0636.*\`y\` is given $y, and lies on class(3)" sample given -n 2 --given y=$y -o drawn.npy; done
for y in 0 2 2.0; do says 0 '' sample given -n 2 --given y=$y -o drawn.npy; done

# the option is named as the place of what is wrong in it
refuses 65 '^--data:1:4: error' 'idx("x.idx", "y.idx"'
refuses 65 '^--data:1:10: error.*nosuch' 'mnist |> nosuch'
refuses 65 '^--data:1:1: error.*1 files for 2 columns' 'idx("x.idx")'
refuses 65 '^--data:1:14: error.*file name' 'idx("x.idx", 3)'
refuses 65 '^--data:1:1: error.*source' '1 + 2'
says 65 '^--set units:1:1: error' run m.gm --set 'units=(3'
says 65 '^--set units:1:5: error.*nosuch' run m.gm --set 'units=2 + nosuch'
says 65 '^--prior z:1:5: error.*nrmal' run m.gm --prior 'z ~ nrmal(0, 1)'
says 65 '^--prior z:1:[0-9]*: error' run m.gm --prior 'z ~ normal(0, '
says 65 '^--prior z:1:15: error.*scale' run m.gm --prior 'z ~ normal(0, -1)'

if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
  chmod 755 . && mkdir closed && cp x.idx closed && chmod 700 closed && cp "$gmc" gmc && chmod 755 gmc
  setpriv --reuid 65534 --clear-groups ./gmc run m.gm --out o -q --data 'idx("closed/x.idx", "y.idx")' >out 2>closed.err </dev/null
  holds 'a folder that may not be read' test $? = 66
  holds '... is named' grep -q 'closed/x.idx: Permission denied' closed.err
fi
finish
