#!/bin/sh
# The gradient of a penalty on a critic's slope, by its weights, against PyTorch's double backward: TORCH=PYTHON tests/models/penalty_peer.sh,
# with a Python that has it. The critic of models/wgan_gp.gm, and a smooth one of other layers. unit/test_gradient.c holds finite differences
# against such a gradient. A step of sgd at rate 1 moves each weight by its gradient.
. "$(dirname "$0")/common.sh"
[ -n "${TORCH-}" ] || { echo "0 passed, 0 failed: TORCH names no Python"; exit 0; }

cat >"$work/smooth.gm" <<'END'
net D(s | x) {
  h = x |> conv(4, 3) |> tanh |> conv(8, 4, stride: 2, groups: 2) |> softplus |> conv_transpose(3, 4, stride: 2) |> sigmoid
  s = h |> conv(2, 3, dilation: 2) |> tanh |> flatten |> dense(1) |> sum
}
END
cp models/wgan_gp.gm models/mnist_classifier.gm "$work"
ln -s "$PWD/models/data" "$work/data"
for critic in wgan_gp smooth; do
  cat >"$work/$critic.penalty.gm" <<END
model penalty
use D from "$critic.gm"
data x[28, 28], fake[28, 28], u from npy("x.npy", "fake.npy", "u.npy", test: ["x.npy", "fake.npy", "u.npy"])
objective slope { between = u * x + (1 - u) * fake   minimize 10 * square(norm(grad(D(between), between)) - 1) }
train { minimize slope over D with sgd(1)   batch 16, epochs 2 }
END
done
cat >"$work/penalty.py" <<'END'
import json, struct, sys
import numpy as np
import torch
import torch.nn.functional as F

if sys.argv[1] == 'make':
    g = np.random.default_rng(1)
    for name, shape in ('x', (16, 28, 28)), ('fake', (16, 28, 28)), ('u', (16,)):
        np.save(name + '.npy', g.uniform(-1 if name != 'u' else 0, 1, shape).astype('f4'))
    sys.exit()

def weights(folder):
    file = open(folder + '/weights.safetensors', 'rb').read()
    end = 8 + struct.unpack('<Q', file[:8])[0]
    return {k[2:]: torch.tensor(np.frombuffer(file[end:][slice(*v['data_offsets'])], '<f4').reshape(v['shape']).astype(float))
            for k, v in json.loads(file[8:end]).items() if k.startswith('D/') and k.count('/') == 2}

def taken(x, w, name, conv=F.conv2d, **how):  # weights [taps, taps, in / groups, out], of the adjoint [taps, taps, out, in], there as here
    return conv(x, w[name + '/W'].permute(3, 2, 0, 1), w[name + '/b'], **how)

def wgan_gp(x, w):
    h = F.leaky_relu(taken(x, w, 'conv_1', stride=2, padding=1), 0.2)
    return F.leaky_relu(taken(h, w, 'conv_2', stride=2, padding=1), 0.2)

def smooth(x, w):
    h = torch.tanh(taken(x, w, 'conv_1', padding=1))
    h = F.softplus(taken(h, w, 'conv_2', stride=2, padding=1, groups=2))
    h = torch.sigmoid(taken(h, w, 'conv_transpose_1', F.conv_transpose2d, stride=2, padding=1))
    return torch.tanh(taken(h, w, 'conv_3', padding=2, dilation=2))

critic = sys.argv[2]
x, fake, u = (torch.tensor(np.load(name + '.npy').astype(float)) for name in ('x', 'fake', 'u'))
before, after = weights(critic + '.1'), weights(critic + '.2')
w = {name: value.clone().requires_grad_() for name, value in before.items()}
between = (u[:, None, None] * x + (1 - u[:, None, None]) * fake).requires_grad_()
h = globals()[critic](between[:, None], w).permute(0, 2, 3, 1).reshape(16, -1)
score = h @ w['dense_1/W'] + w['dense_1/b']
slope, = torch.autograd.grad(score.sum(), between, create_graph=True)
(10 * (slope.flatten(1).norm(dim=1) - 1).square()).mean().backward()
wrong = 0
for name, value in w.items():
    theirs = value.grad if value.grad is not None else torch.zeros_like(value)
    ours = before[name] - after[name]
    off = (ours - theirs).abs().max() / max(theirs.abs().max(), 1e-3)
    print('%-8s %-20s largest %.6g, off by %.2g of it' % (critic, name, theirs.abs().max(), off))
    wrong += not off < 1e-4
sys.exit(1 if wrong or len(w) < 6 else 0)
END
cd "$work" || exit 1
check 'columns' "$TORCH" penalty.py make
for critic in wgan_gp smooth; do
  for steps in 1 2; do
    check "$critic: $steps steps" "$gmc" run "$critic.penalty.gm" -q --steps "$steps" --seed 1 --out "$critic.$steps"
  done
  check "$critic" "$TORCH" penalty.py hold "$critic"
  cat "$log"
done
finish
