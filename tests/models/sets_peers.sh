#!/bin/sh
# Measures of sets of examples against scipy, scikit-learn and prdc on the same features: PEERS=PYTHON tests/models/sets_peers.sh, with a
# Python that has them. unit/test_sets.c holds what they gave for smaller sets.
. "$(dirname "$0")/common.sh"
[ -n "${PEERS-}" ] || { echo "0 passed, 0 failed: PEERS names no Python"; exit 0; }

cat >"$work/sets.gm" <<'END'
model sets
data a[64], b[64] from npy("a.npy", "b.npy", test: ["a.npy", "b.npy"])
parameter c
objective none { minimize square(c) + 0 * sum(a) }
metric frechet = frechet(gathered(a, 500), gathered(b, 500))
metric kernel = kernel_distance(gathered(a, 500), gathered(b, 500))
metric precision = precision(gathered(a, 500), gathered(b, 500), k: 5)
metric recall = recall(gathered(a, 500), gathered(b, 500), k: 5)
metric density = density_among(gathered(a, 500), gathered(b, 500), k: 5)
metric coverage = coverage(gathered(a, 500), gathered(b, 500), k: 5)
metric told = told_apart(gathered(a, 500), gathered(b, 500))
train { minimize none over c with sgd(0.1)   batch 50, epochs 1 }
END
cat >"$work/sets.py" <<'END'
import json, sys
import numpy as np
from scipy.linalg import sqrtm
from prdc import compute_prdc
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

if sys.argv[1] == 'make':  # features as a network's: one-sided, some of them rare, and some alike
    g = np.random.default_rng(1)
    mix = g.normal(size=(20, 64)) / 5
    for name, shift in ('a', 0.0), ('b', 0.15):
        np.save(name + '.npy', np.maximum(g.normal(size=(500, 20)) @ mix + g.normal(size=(500, 64)) / 5 + shift, 0).astype('f4'))
    sys.exit()
a, b = np.load('a.npy').astype(float), np.load('b.npy').astype(float)
ours = json.loads([line for line in open('run/metrics.jsonl') if '"test"' in line][-1])
s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
n = len(a)
aa, bb, ab = (polynomial_kernel(x, y, degree=3, gamma=1 / 64, coef0=1) for x, y in ((a, a), (b, b), (a, b)))
theirs = compute_prdc(a, b, 5)
theirs['frechet'] = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s + t - 2 * sqrtm(s @ t).real)
theirs['kernel'] = ((aa.sum() - np.trace(aa)) + (bb.sum() - np.trace(bb))) / (n * (n - 1)) - 2 * ab.mean()
both = np.concatenate([a, b])
nearest = NearestNeighbors(n_neighbors=2).fit(both).kneighbors(both)[1][:, 1]
theirs['told'] = np.mean((nearest < n) == (np.arange(2 * n) < n))
wrong = 0
for name, value in theirs.items():
    off = abs(ours[name] - value) / max(1e-2, abs(value))
    print('%-10s %.9g %.9g' % (name, ours[name], value))
    wrong += off > 1e-4
sys.exit(1 if wrong else 0)
END
# digits and spoilt ones in the features of models/mnist_classifier.gm: by its weights, and by numpy's own products
cat >"$work/digits.gm" <<'END'
model digits
use classifier, digit_distance from "mnist_classifier.gm" with "data/mnist_classifier.safetensors"
data x[28, 28] in [-1, 1], made[28, 28] in [-1, 1] from npy("x.npy", "made.npy", test: ["x.npy", "made.npy"])
parameter c
objective none { minimize square(c) + 0 * sum(x) }
metric frechet = digit_distance(made, x, black: -1, n: 1000)
train { minimize none over c with sgd(0.1)   batch 50, epochs 1 }
END
cat >"$work/digits.py" <<'END'
import gzip, json, struct, sys
import numpy as np
from scipy.linalg import sqrtm

models = sys.argv[2]
if sys.argv[1] == 'make':
    pixels = np.frombuffer(gzip.open(models + '/data/mnist/t10k-images-idx3-ubyte.gz').read()[16:], 'u1').reshape(-1, 28, 28)[:1000]
    g = np.random.default_rng(1)
    x = pixels / 127.5 - 1
    np.save('x.npy', x.astype('f4'))
    np.save('made.npy', np.clip(np.roll(x[::-1], 2, 2) + 0.2 * g.normal(size=x.shape), -1, 1).astype('f4'))
    sys.exit()
file = open(models + '/data/mnist_classifier.safetensors', 'rb').read()
end = 8 + struct.unpack('<Q', file[:8])[0]
weight = {k: np.frombuffer(file[end:][slice(*v['data_offsets'])], '<f4').reshape(v['shape']).astype(float)
          for k, v in json.loads(file[8:end]).items()}

def conv(h, name):  # [n, h, w, c], with two zeros around it; then the largest of each 2 x 2
    w, b = weight['classifier/%s/W' % name], weight['classifier/%s/b' % name]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(h, ((0, 0), (2, 2), (2, 2), (0, 0))), (5, 5), (1, 2))
    h = np.maximum(np.einsum('nhwcij,ijcd->nhwd', windows, w, optimize=True) + b, 0)
    return h.reshape(len(h), h.shape[1] // 2, 2, h.shape[2] // 2, 2, -1).max((2, 4))

def features(name):
    h = conv(conv((np.load(name).astype(float)[..., None] + 1) / 2, 'conv_1'), 'conv_2')
    return np.maximum(h.reshape(len(h), -1) @ weight['classifier/dense_1/W'] + weight['classifier/dense_1/b'], 0)

a, b = features('made.npy'), features('x.npy')
s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
value = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s + t - 2 * sqrtm(s @ t).real)
ours = json.loads([line for line in open('digits/metrics.jsonl') if '"test"' in line][-1])['frechet']
print('%-10s %.9g %.9g' % ('digits', ours, value))
sys.exit(1 if abs(ours - value) > 1e-4 * value else 0)
END
root=$PWD
cd "$work" || exit 1
check 'features' "$PEERS" sets.py make
check 'a run' "$gmc" run sets.gm --out run -q
check 'the same figures' "$PEERS" sets.py compare
check 'digits' "$PEERS" digits.py make "$root/models"
check 'a run on them' "$gmc" run digits.gm --out digits -q
check 'the same distance in features' "$PEERS" digits.py compare "$root/models"
cat "$log"
finish
