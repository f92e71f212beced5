"""Mixtures of normals by em beside scikit-learn, from the same start: the mean log-likelihood of each of the first 20
iterations, and the time of one. Optional: wants a Python with NumPy and scikit-learn.

    PYTHON tests/bench/em.py            # a table: toy sets, digits of 8 x 8, MNIST in 50 dimensions
    PYTHON tests/bench/em.py --time     # processor time of an iteration on MNIST, in turns
"""

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from sklearn import datasets
from sklearn.mixture import GaussianMixture

warnings.simplefilter("ignore")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GMC = os.environ.get("GMC", os.path.join(ROOT, "gmc"))
PASSES = 20
# the shape and support of the parameter that holds the scales, and how it stands in the normal
SHAPES = {
    "full": ("[{k}, {d}, {d}] on spd", "cov: scale[k]"),
    "tied": ("[{d}, {d}] on spd", "cov: scale"),
    "diag": ("[{k}, {d}] on positive", "scale[k]"),
    "spherical": ("[{k}] on positive", "scale[k]"),
}


def mnist():
    """MNIST along its first 50 principal axes."""
    with gzip.open(os.path.join(ROOT, "models/data/mnist/train-images-idx3-ubyte.gz")) as f:
        x = np.frombuffer(f.read()[16:], np.uint8).reshape(-1, 784) / 255.0
    axes = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:50]
    greatest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    return (x - x.mean(0)) @ (axes * np.sign(greatest)).T


def toys():
    rng = np.random.default_rng(1)
    ring = np.arange(8) * np.pi / 4
    eight = 2 * np.stack([np.cos(ring), np.sin(ring)], 1)
    yield "moons", datasets.make_moons(2000, noise=0.1, random_state=1)[0], 8, 1e-6
    yield "ring of 8", eight[rng.integers(8, size=2000)] + 0.1 * rng.normal(size=(2000, 2)), 8, 1e-6
    yield "far away", 1e4 + rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 3)), 4, 1e-6


def start_of(x, k, shape, rng):
    centre = x[rng.choice(len(x), k, replace=False)]
    cov = np.cov(x.T) + 1e-2 * np.eye(x.shape[1])
    scale = {
        "full": np.repeat(cov[None], k, 0),
        "tied": cov,
        "diag": np.repeat(np.sqrt(np.diag(cov))[None], k, 0),
        "spherical": np.full(k, np.sqrt(np.trace(cov) / x.shape[1])),
    }[shape]
    return np.full(k, 1 / k), centre, scale


def by_gmc(folder, x, k, shape, floor, start, passes, batch, source=None):
    declared, used = SHAPES[shape]
    if not source:
        np.save(f"{folder}/x.npy", x.astype(np.float32))
        np.save(f"{folder}/few.npy", x[:10].astype(np.float32))
    np.savez(f"{folder}/start.npz", weight=start[0], centre=start[1], scale=start[2])
    d = x.shape[1]
    with open(f"{folder}/m.gm", "w") as f:
        f.write(
            f"""model m
data x[{d}] from {source or 'npy("x.npy", test: "few.npy")'}
parameter weight[{k}] on simplex, centre[{k}, {d}], scale{declared.format(k=k, d=d)}
prior k : class({k}) ~ categorical(weight)
decoder p(x | k) {{ x ~ normal(centre[k], {used}) }}
train {{ em over weight, centre, scale   floor {floor}, batch {batch}, epochs {passes} }}
"""
        )
    subprocess.run(["rm", "-rf", f"{folder}/run"], check=True)
    command = [GMC, "run", "m.gm", "--start", "start.npz", "--out", "run", "--threads", "1", "-q"]
    subprocess.run(command, cwd=folder, check=True)
    with open(f"{folder}/run/metrics.jsonl") as f:
        return [line["em"] for line in map(json.loads, f) if line["split"] == "train"]


def sklearn_from(x, k, shape, floor, start):
    weight, centre, scale = start
    precision = np.linalg.inv(scale) if shape in ("full", "tied") else 1 / scale**2
    return GaussianMixture(k, covariance_type=shape, reg_covar=floor, weights_init=weight, means_init=centre,
                           precisions_init=precision, max_iter=1, tol=0, warm_start=True)


def likelihoods():
    digits, axes = datasets.load_digits().data, f'mnist("{ROOT}/models/data/mnist") |> principal(50)'
    sets = [(*toy, None) for toy in toys()] + [("digits", digits, 10, 1e-2, None), ("MNIST", mnist(), 20, 1e-4, axes)]
    rng = np.random.default_rng(0)
    worst = 0
    print(f"{'data':10} {'shape':10} {'after 20':>12} {'apart by':>10}")
    for name, x, k, floor, source in sets:
        x = x.astype(np.float32).astype(np.float64)
        for shape in SHAPES:
            start = start_of(x, k, shape, rng)
            with tempfile.TemporaryDirectory() as folder:
                ours = by_gmc(folder, x, k, shape, floor, start, PASSES, 500, source)
            model = sklearn_from(x, k, shape, floor, start)
            theirs = [model.fit(x).lower_bound_ for _ in range(PASSES)]
            apart = max(abs(a - b) for a, b in zip(ours, theirs))
            worst = max(worst, apart)
            print(f"{name:10} {shape:10} {theirs[-1]:12.5f} {apart:10.1e}", flush=True)
    return worst <= 1e-3


def spent(clock, work):
    before = clock()
    work()
    return clock() - before


def children():
    return sum(os.times()[2:4])


def times():
    x, k = mnist(), 20
    start = start_of(x, k, "full", np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:

        def run(passes):
            by_gmc(folder, x, k, "full", 1e-6, start, passes, 250)

        ours, theirs = [], {"float64": [], "float32": []}
        for _ in range(5):
            ours.append((spent(children, lambda: run(11)) - spent(children, lambda: run(1))) / 10)
            for kind in theirs:
                model = sklearn_from(x, k, "full", 1e-6, start)
                data = x.astype(kind)
                model.fit(data[:2000])
                theirs[kind].append(spent(time.process_time, lambda: model._m_step(data, model._e_step(data)[1])))
    median = statistics.median
    print(f"gmc {1e3 * median(ours):.0f} ms of processor time an iteration")
    for kind, each in theirs.items():
        ratios = [a / b for a, b in zip(each, ours)]
        print(f"scikit-learn, {kind}: {1e3 * median(each):.0f} ms, {median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})")


if sys.argv[1:] == ["--time"]:
    times()
elif sys.argv[1:]:
    sys.exit(__doc__)
elif not likelihoods():
    sys.exit("apart by more than 1e-3")
