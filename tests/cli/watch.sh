#!/bin/sh
# gmc watch: the page and its events, as they go on; who is refused, and what a run that is watched never notices
. "$(dirname "$0")/common.sh"

cat >line.gm <<'END'
model line
data x from toy.line(examples: 400)
parameter m = 0
decoder p(x) { x ~ normal(m, 1) }
objective o { maximize log p(x) }
train { maximize o over m with sgd(0.1)   batch 50, epochs 4 }
show cloud { x ~ p(x)   plot x }
END
says 0 '' run line.gm -q --out alone
says 0 '' run --resume alone -q --epochs 9
for name in one two; do says 0 '' run line.gm -q --out $name; done
reader=''

# listens: what a page is told from now on, in the file events
listens() {
  [ -z "$reader" ] || kill "$reader"
  rm -f events  # what the last one was told
  curl -sN --noproxy '*' "${page}events" >events &
  reader=$!
  trap 'kill $server $reader 2>/dev/null; rm -rf "$scratch"' EXIT
  awaits events '^event: runs'
}

serves watch one two
port=${page#http://127.0.0.1:} port=${port%/}
asks "$page" >html
holds 'a page' grep -q '<title>runs</title>' html
holds 'which carries no run' grep -q '<script type="application/json" id="runs"></script>' html
holds 'and asks nobody else' sh -c '! grep -q -e "https\?:" html'
listens
awaits events '^data: \[{"folder":"one".*"explained":"model line.*"train":{"step":.*"epoch":\[1,2,3,4\].*"folder":"two"'
awaits events '^data: {"run":1,"shows":\[{"name":"cloud","text":"show cloud { x ~ p(x) plot x }","of":[0-9]*,"pictures":\[{"epoch":1}.*{"epoch":4}\]}\]}'
awaits events '^data: {"run":0,"state":"still"}'
asks "${page}picture?run=0&show=cloud&epoch=4" >picture.png
holds 'a picture' cmp picture.png one/shows/cloud_0004.png

# refused: by other names (that of a machine which an attacker has point here, too), from other sites, from other ports
for host in evil.example "evil.example:$port" "localhost.evil.example:$port" 127.0.0.1 "127.0.0.1:${port}0" ''; do answers 403 -H "Host:$host" "$page"; done
for origin in http://evil.example null "https://127.0.0.1:$port" http://localhost; do answers 403 -H "Origin: $origin" "${page}events"; done
answers 200 -H "Host: localhost:$port" -H "Origin: http://LOCALHOST:$port" "$page"
[ ! -s /proc/net/if_inet6 ] || answers 200 -g "http://[::1]:$port/"
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | sed 's/^ *[0-9]*: //' | awk '$3 == "0A" { print $1 }' | grep "$(printf ':%04X$' "$port")" >listening
holds 'it listens on the loopback alone' sh -c '[ -s listening ] && ! grep -v -e "^0100007F:" -e "^00000000000000000000000001000000:" listening'
for path in nothing metrics.jsonl ../line.gm picture 'picture?run=9&show=cloud&epoch=4' 'picture?run=-1&show=cloud&epoch=4' \
  'picture?run=0&show=..%2Fcloud&epoch=4' 'picture?run=0&show=cloud&epoch=77'; do answers 404 --path-as-is "$page$path"; done
answers 501 -X PUT "$page"

# a run that goes on while it is watched is the run that nobody watched
says 0 '' run --resume one -q --epochs 9
awaits events '"epoch":\[1,2,3,4,5,6,7,8,9\]\|"epoch":9,"split":"test"'
awaits events '{"run":0,"shows":\[{"name":"cloud".*{"epoch":9}'
holds 'the same weights' cmp one/weights.safetensors alone/weights.safetensors
holds 'the same metrics' cmp one/metrics.jsonl alone/metrics.jsonl

# lines in the making, and lines that are none
printf '{"step":90,"epoch":10,"split":"train",' >>two/metrics.jsonl
printf '9,90\n10,' >>two/times.csv
sleep 0.6
printf '"o":-1.25}\n' >>two/metrics.jsonl
awaits events '^data: {"run":1,"is":{"lines":\[{"step":90,"epoch":10,"split":"train","o":-1.25}\],"minutes":\[1.5\],'
echo '{"step":99,"epoch":11,"split":"train","o":-1}' >>two/metrics.jsonl
awaits events '"step":99,"epoch":11,"split":"train","o":-1}\],"minutes":\[null\],'
echo 'no record' >>two/metrics.jsonl
awaits events '"lines":\[\].*"problem":"two/metrics.jsonl:11: '
echo '{"step":10,"judge":"D","maker":"G","ranked":0.5}' >>two/health.jsonl
awaits events '"health":\[{"step":10,"judge":"D","maker":"G","ranked":0.5}\]'

# whether it trains is told by its lock; a page that is opened again has all
flock two/.lock sleep 2 &
holder=$!
awaits events '^data: {"run":1,"state":"training"}'
listens
awaits events '^data: \[.*"folder":"two".*"o":\[.*,-1.25,-1\].*"health":\[{"step":10'
wait $holder

# folders that go, and come again
mv one gone
awaits events '^data: {"run":0,"state":"gone"}'
answers 200 "$page"
mv gone one
awaits events '^data: {"run":0,"state":"still"}'
holds 'what is as it was is not told again' test "$(grep -c '^event: runs' events)" = 1
rm -r one
sleep 0.6
says 0 '' run line.gm -q --out one --epochs 2
awaits events '^data: \[{"folder":"one".*\["epochs","2"\].*"folder":"two"'
awaits events '"lines":\[.*"epoch":2,"split":"test"\|"folder":"one".*"test":{"step":\[8,16\],"epoch":\[1,2\].*"folder":"two"'
holds 'nothing was complained of' test "$(wc -l <told)" = 1
says 75 "port $port: another program has it" watch one --port "$port"
interrupted
serves watch one --port "$port"
holds 'the port asked for, at once' test "$page" = "http://127.0.0.1:$port/"
asks "$page" >html
holds 'the model' grep -q '<title>line</title>' html
interrupted

says 64 'needs DIR' watch
says 66 'nowhere holds no run' watch one nowhere
mkdir empty
says 66 'empty holds no run' watch empty
says 66 'line.gm holds no run' watch line.gm
says 64 '--port needs' watch one --port 70000
finish
