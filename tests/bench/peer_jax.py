"""A model of models/ in JAX, at its best: the whole step jitted and its state donated, `SCAN` steps a call, the data on the device.

peer_jax.py MODEL --batch B --seconds S prints steps a second of wall time, and milliseconds of processor time a step. XLA takes as
many threads as the process may use processors (taskset), and counts subnormal numbers as 0."""
import argparse
import gzip
import time

import jax
import jax.numpy as jnp
import numpy as np

SCAN = 32
MNIST = "models/data/mnist/train-%s-ubyte.gz"

parser = argparse.ArgumentParser()
parser.add_argument("model", choices=["vae", "cvae", "gan"])
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--seconds", type=float, default=4)
options = parser.parse_args()
batch = options.batch


def mnist():
    with gzip.open(MNIST % "images-idx3") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
    with gzip.open(MNIST % "labels-idx1") as f:
        return images, np.frombuffer(f.read(), np.uint8, offset=8).astype(np.int32)


random = np.random.RandomState(0)


def dense_new(n, m):
    return [random.uniform(-(n**-0.5), n**-0.5, s).astype(np.float32) for s in ((n, m), (m,))]


def dense(w, x):
    return x @ w[0] + w[1]


def adam_new(weights):
    return weights, jax.tree.map(np.zeros_like, weights), jax.tree.map(np.zeros_like, weights)


def adam(state, gradient, t, rate, beta1=0.9, beta2=0.999):
    weights, m, v = state
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradient)
    c1, c2 = 1 - beta1**t, 1 - beta2**t
    return jax.tree.map(lambda w, m, v: w - rate / c1 * m / (jnp.sqrt(v) / jnp.sqrt(c2) + 1e-8), weights, m, v), m, v


def autoencoder(latent, classes):
    weights = dict(hidden=dense_new(784 + classes, 400), code=dense_new(400, 2 * latent),
                   back=dense_new(latent + classes, 400), pixels=dense_new(400, 784))

    def loss(w, key, x, *label):
        given = [jax.nn.one_hot(y, classes) for y in label]
        h = jax.nn.relu(dense(w["hidden"], jnp.concatenate([x] + given, 1)))
        mean, log_scale = jnp.split(dense(w["code"], h), 2, 1)
        z = mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
        logits = dense(w["pixels"], jax.nn.relu(dense(w["back"], jnp.concatenate([z] + given, 1))))
        likelihood = jnp.sum(x * logits - jax.nn.softplus(logits))
        divergence = jnp.sum(0.5 * (jnp.exp(2 * log_scale) + mean * mean - 1) - log_scale)
        return (divergence - likelihood) / batch

    def step(state, key, t, *columns):
        value, gradient = jax.value_and_grad(loss)(state[0], key, *columns)
        return adam(state, gradient, t, 1e-3), value

    return adam_new(weights), step


def game():
    sizes = [64, 256, 512, 784], [784, 512, 256, 1]
    state = tuple(adam_new([dense_new(n, m) for n, m in zip(s, s[1:])]) for s in sizes)

    def layers(w, x):
        for layer in w[:-1]:
            x = jax.nn.leaky_relu(dense(layer, x), 0.2)
        return dense(w[-1], x)

    def generate(w, z):
        return jnp.tanh(layers(w, z))

    def step(state, key, t, x):
        g, d = state
        fake, back = jax.vjp(lambda w: generate(w, jax.random.normal(key, (batch, 64))), g[0])

        def discern(w):  # real and made images in one product
            logits = layers(w, jnp.concatenate([2 * x - 1, fake]))
            return jnp.mean(jax.nn.softplus(-logits[:batch])) + jnp.mean(jax.nn.softplus(logits[batch:]))

        value, gradient = jax.value_and_grad(discern)(d[0])
        d = adam(d, gradient, t, 2e-4, beta1=0.5)
        by_fake = jax.grad(lambda fake: jnp.mean(jax.nn.softplus(-layers(d[0], fake))))(fake)
        return (adam(g, back(by_fake)[0], t, 2e-4, beta1=0.5), d), value

    return state, step


images, labels = mnist()
columns = [images, labels] if options.model == "cvae" else [images]
state, step = game() if options.model == "gan" else autoencoder(*((16, 10) if options.model == "cvae" else (20, 0)))


def many(state, t, places, columns, key):
    def one(carry, at):
        state, t = carry[0], carry[1] + 1
        rows = [jnp.take(c, at, 0, mode="clip") for c in columns]
        state, value = step(state, jax.random.fold_in(key, t), t.astype(jnp.float32), *rows)
        return (state, t), value

    (state, t), values = jax.lax.scan(one, (state, t), places)
    return state, t, values[-1]


many = jax.jit(many, donate_argnums=(0, 1))
state, columns, key, t = jax.device_put(state), jax.device_put(columns), jax.random.key(1), jnp.int32(0)


def places():
    while True:
        order = random.permutation(60000).astype(np.int32)
        for i in range(0, 60000 - batch * SCAN + 1, batch * SCAN):
            yield order[i : i + batch * SCAN].reshape(SCAN, batch)


source = places()
for _ in range(8):  # compiled and warm
    state, t, value = many(state, t, next(source), columns, key)
value.block_until_ready()
calls, wall, cpu = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - wall < options.seconds:
    state, t, value = many(state, t, next(source), columns, key)
    value.block_until_ready()
    calls += 1
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
assert np.isfinite(float(value))
print("%.2f %.4f" % (calls * SCAN / wall, 1e3 * cpu / (calls * SCAN)))
