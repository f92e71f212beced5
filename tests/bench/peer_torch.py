"""A model of models/, or one beside this file, in PyTorch, at its best: fused Adam, subnormal numbers counted as 0, and with --compile the losses compiled.

peer_torch.py MODEL --threads N --batch B --seconds S prints steps a second of wall time, and milliseconds of processor time a step."""
import argparse
import gzip
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MNIST = "models/data/mnist/train-%s-ubyte.gz"

parser = argparse.ArgumentParser()
parser.add_argument("model", choices=["vae", "cvae", "gan", "dcgan", "row_lstm", "masked_cnn"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--seconds", type=float, default=4)
parser.add_argument("--compile", action="store_true")
options = parser.parse_args()
batch = options.batch
torch.set_num_threads(options.threads)
torch.manual_seed(0)
assert torch.set_flush_denormal(True)
if options.compile:
    import torch._inductor.config

    torch._inductor.config.cpp_wrapper = True


def compiled(f):
    return torch.compile(f, dynamic=False) if options.compile else f


def mnist():
    with gzip.open(MNIST % "images-idx3") as f:
        images = torch.tensor(np.frombuffer(f.read(), np.uint8, offset=16)).view(-1, 784).float() / 255
    with gzip.open(MNIST % "labels-idx1") as f:
        return images, torch.tensor(np.frombuffer(f.read(), np.uint8, offset=8)).long()


def adam(weights, rate, beta1=0.9):
    return torch.optim.Adam(weights, lr=rate, betas=(beta1, 0.999), fused=True)


def descent(optimizer, loss):
    def step(*columns):
        value = loss(*columns)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def autoencoder(latent, classes):
    hidden, code = nn.Linear(784 + classes, 400), nn.Linear(400, 2 * latent)
    back, pixels = nn.Linear(latent + classes, 400), nn.Linear(400, 784)
    optimizer = adam([w for layer in (hidden, code, back, pixels) for w in layer.parameters()], 1e-3)

    @compiled
    def loss(x, *label):
        given = [F.one_hot(y, classes).float() for y in label]
        mean, log_scale = code(F.relu(hidden(torch.cat([x] + given, 1)))).chunk(2, 1)
        z = mean + torch.exp(log_scale) * torch.randn_like(mean)
        logits = pixels(F.relu(back(torch.cat([z] + given, 1))))
        entropy = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = torch.sum(0.5 * (torch.exp(2 * log_scale) + mean * mean - 1) - log_scale)
        return (entropy + divergence) / batch

    return descent(optimizer, loss)


def dense_networks():
    def layers(sizes):
        parts = [part for n, m in zip(sizes, sizes[1:]) for part in (nn.Linear(n, m), nn.LeakyReLU(0.2))]
        return nn.Sequential(*parts[:-1])

    return nn.Sequential(layers([64, 256, 512, 784]), nn.Tanh()), layers([784, 512, 256, 1])


def convolutional_networks():
    generator = nn.Sequential(
        nn.Linear(100, 6272), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(True),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(True), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh())
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, True),
        nn.Flatten(), nn.Linear(6272, 1))
    last = dict(memory_format=torch.channels_last)
    return generator.to(**last), discriminator.to(**last)


def game(latent, shape, generator, discriminator):
    adam_g, adam_d = adam(generator.parameters(), 2e-4, 0.5), adam(discriminator.parameters(), 2e-4, 0.5)
    real, made = torch.ones(batch, 1), torch.zeros(batch, 1)
    both = torch.cat([real, made])
    entropy = F.binary_cross_entropy_with_logits
    make = compiled(lambda z: generator(z))
    # real and made images in one product: the mean over both is half of the sum of means; not where they are normalised
    discern = compiled(lambda x, fake: 2 * entropy(discriminator(torch.cat([x, fake])), both))
    if len(shape) > 1:
        discern = compiled(lambda x, fake: entropy(discriminator(x), real) + entropy(discriminator(fake), made))
    deceive = compiled(lambda fake: entropy(discriminator(fake), real))

    def step(x):
        fake = make(torch.randn(batch, latent))
        adam_d.zero_grad(set_to_none=True)
        value = discern((2 * x - 1).view(batch, *shape), fake.detach())
        value.backward()
        adam_d.step()
        discriminator.requires_grad_(False)  # no gradient by its weights
        adam_g.zero_grad(set_to_none=True)
        deceive(fake).backward()
        adam_g.step()
        discriminator.requires_grad_(True)
        return value.detach()

    return step


class MaskedConvolution(nn.Conv2d):
    """Sees what stands above and to the left, and where it is not strict the place itself: weights times a mask, as is usual."""

    def __init__(self, channels, strict):
        super().__init__(channels, 64, 7, padding=3)
        mask = torch.zeros(1, 1, 7, 7)
        mask[..., :3, :] = 1
        mask[..., 3, : 3 if strict else 4] = 1
        self.register_buffer("mask", mask)

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.mask, self.bias)


def likelihood(networks, logits):
    optimizer = adam([w for n in networks for w in n.parameters()], 1e-3)

    @compiled
    def loss(x):
        return F.binary_cross_entropy_with_logits(logits(x), x, reduction="sum") / batch

    return descent(optimizer, lambda x: loss((x > 0.5).float()))


def row_lstm():
    lstm, head = nn.LSTM(28, 256, batch_first=True), nn.Linear(256, 28)
    above = lambda x: F.pad(x.view(-1, 28, 28)[:, :-1], (0, 0, 1, 0))
    return likelihood([lstm, head], lambda x: head(lstm(above(x))[0]).flatten(1))


def masked_cnn():
    parts = [MaskedConvolution(1, True), nn.ReLU(True)]
    for _ in range(6):
        parts += [MaskedConvolution(64, False), nn.ReLU(True)]
    net = nn.Sequential(*parts, nn.Conv2d(64, 1, 1)).to(memory_format=torch.channels_last)
    return likelihood([net], lambda x: net(x.view(-1, 1, 28, 28)).flatten(1))


images, labels = mnist()
columns = [images, labels] if options.model == "cvae" else [images]
step = {
    "vae": lambda: autoencoder(20, 0),
    "cvae": lambda: autoencoder(16, 10),
    "gan": lambda: game(64, [784], *dense_networks()),
    "dcgan": lambda: game(100, [1, 28, 28], *convolutional_networks()),
    "row_lstm": row_lstm,
    "masked_cnn": masked_cnn,
}[options.model]()


def batches():
    while True:
        order = torch.randperm(60000)
        for i in range(0, 60000 - batch + 1, batch):
            at = order[i : i + batch]
            yield [c[at] for c in columns]


source = batches()
for _ in range(3 if options.model == "masked_cnn" else 20):
    value = step(*next(source))
steps, wall, cpu = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - wall < options.seconds:
    value = step(*next(source))
    steps += 1
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
assert np.isfinite(float(value))
print("%.2f %.4f" % (steps / wall, 1e3 * cpu / steps))
