#!/bin/sh
# Texts as data: windows and lines, alphabets, counts of pairs that awk makes too, by emitted programs too
. "$(dirname "$0")/common.sh"

cat >names.txt <<'END1'
emma
zoë
ölrik
anna
ada
END1
cat >pairs.gm <<'END1'
model pairs
data x[6] : class missing from text("names.txt", test: "names.txt", lines: true)
decoder p(x) autoregressive { x ~ categorical(logits: embed(before(filled(x, 0)), classes(x))) }
objective likelihood { maximize log p(x) }
metric nats = total(-log p(x)) / total(sum(known(x)))
metric counted {
  pairs = total(transpose(onehot(before(filled(x, 0))) * expand(known(x))) @ onehot(filled(x, 0)))
  0 - sum(xlogy(pairs, pairs / sum(pairs, axis: -1, keep: true))) / sum(pairs)
}
metric characters = total(sum(known(x)))
train { maximize likelihood over p with adam(0.05)   batch 5, epochs 200 }
END1
says 0 'x: 5 + 5 labels of .6., 14 classes; characters, 0 is .x0a, 1 is a, 2 is d' run pairs.gm -v --out one --threads 1
says 0 '' run pairs.gm -q --out two --threads 2
holds 'threads' cmp one/weights.safetensors two/weights.safetensors
want=$(sed 's/ë/E/; s/ö/O/' names.txt | awk '{ b = "^"; for (i = 1; i <= length($0) + 1; i++) { c = i > length($0) ? "$" : substr($0, i, 1)
  pair[b, c]++; first[b]++; b = c; all++ } }
  END { for (k in pair) { split(k, p, SUBSEP); sum -= pair[k] * log(pair[k] / first[p[1]]) } printf "%.5f %d", sum / all, all }')
got=$(tail -1 one/metrics.jsonl | sed 's/.*"counted":\([0-9.]*\).*"characters":\([0-9]*\).*/\1 \2/' | awk '{ printf "%.5f %d", $1, $2 }')
holds 'pairs are those that awk counts' test "$got" = "$want"
holds 'and a network of pairs learns them' awk -v want="${want% *}" -v got="$(tail -1 one/metrics.jsonl | sed 's/.*"nats":\([0-9.]*\).*/\1/')" \
  'BEGIN { exit !(got > want - 1e-5 && got < want + 0.02) }'
says 0 '' emit pairs.gm -o pairs.c
holds 'it compiles' compiled pairs.c pairs.run -lm -lpthread
holds 'it runs' ./pairs.run --out three -q
holds 'to the same bits' cmp one/weights.safetensors three/weights.safetensors
# texts drawn are printed by their letters, a name a line, and numbers beside them: by a run, its log, its folder and an emitted program
cat >>pairs.gm <<'END1'
show names { rows 3   print draw p(x) }
show told { rows u in [0.5, 2]   k = 2 * u   print filled(x, 0), [k, 1 / 3] }
END1
sed 's/epochs 200/epochs 2/' pairs.gm >shown.gm
says 0 '' run shown.gm --out shown --threads 1
grep '^  ' err >told
says 0 '' emit shown.gm -o shown.c
holds 'it compiles' compiled shown.c shown.run -lm -lpthread
holds 'it runs' ./shown.run --out emitted -q
for file in names.txt told.txt names_0001.txt told_0002.txt; do holds "$file" cmp "shown/shows/$file" "emitted/shows/$file"; done
holds 'three names' test "$(wc -l <shown/shows/names.txt)" = 3
holds 'of the letters of the data' sh -c '! grep -v "^[aedhiklmnroxzëöl]*$" shown/shows/names.txt'
holds 'examples by their letters, to the end of the line, numbers by six digits' \
  test "$(cat shown/shows/told.txt)" = "$(printf 'u = 0.5: emma | 1 0.333333\nu = 2: zoë | 4 0.333333')"
holds 'the run says them' sh -c 'tail -2 told | cut -c3- | cmp - shown/shows/told.txt'
holds 'and its log' sh -c 'grep -A 2 "^told:" shown/run.log | tail -2 | cut -c3- | cmp - shown/shows/told.txt'
says 0 'u = 2: zo' show shown told
says 0 'texts.txt' show shown told -o texts.txt
holds 'the same' cmp texts.txt shown/shows/told.txt
says 73 'is there, and is not known to be a text' show shown told -o texts.txt
says 0 '' report shown
holds 'the page has them' grep -q '"name":"told","text":"[^"]*","of":2,"pictures":\[{"epoch":1,"lines":"u = 0.5: emma | 1 0.333333.u000au = 2: zoë | 4 0.333333.u000a"}' shown/report.html
says 0 '' eval one
printf 'emma\nquentin\n' >other.txt
says 65 'other.txt:2: more characters, with the line.s end, than the 6 of the column x' run pairs.gm -q --out bad \
  --data 'text("other.txt", lines: true)'
printf 'emma\nquin\n' >other.txt
says 65 'other.txt: item 1 (from 0), element 0: `q. is none of the 14 texts' run pairs.gm -q --out bad \
  --data 'text("names.txt", test: "other.txt", lines: true)'

printf 'to be or not to be\r\nthat is' >play.txt
sed -e 's/missing from.*/from text("play.txt", holdout: last(0.25))/' -e '/metric counted/,$d' -e 's/filled(x, 0)/x/g' \
  -e 's/ : class/ : class(20)/' -e '/metric nats/d' pairs.gm >windows.gm
echo 'train { maximize likelihood over p with adam(0.05)   batch 2, epochs 2 }' >>windows.gm
says 0 'x: 3 + 1 labels of .6., 20 classes; characters, 0 is .x0a, 1 is  , 2 is a' run windows.gm -v --out four
sed 's/class(20)/class(5)/' windows.gm >few.gm
says 65 'has 14 different characters, more than the 5 classes of the column x' run few.gm -q --out bad --data 'text("names.txt")'
says 65 'what is behind the end of a line is a hole' run windows.gm -q --out bad --data 'text("play.txt", lines: true)'
printf 'a\nb\377c\n' >bytes.txt
says 65 'bytes.txt:2: byte 3 is no text in UTF-8' run windows.gm -q --out bad --data 'text("bytes.txt")'
says 66 'none.txt: No such file' run windows.gm -q --out bad --data 'text("none.txt")'
says 66 'none.txt: No such file or directory; the characters of `x., pairs.gm:2, are counted in it' check pairs.gm --data 'text("none.txt")'
printf 'abc' >short.txt
says 65 'short.txt: holds 0 examples of 6 characters' run windows.gm -q --out bad --data 'text("short.txt")'
finish
