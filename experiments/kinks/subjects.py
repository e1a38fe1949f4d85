"""Networks with kinks, other than those of work_precision: float64, fixed seeds."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf
from gfflow.flows import AbstractFlow

sys.path.append(str(Path(__file__).parents[1] / "work_precision"))

from problems import relu_small


class Subject(NamedTuple):
    """A problem, its flow, and how far it is integrated.

    **Attributes:**

    - `name`, `title`.
    - `problem`: builds it.
    - `horizons`: flow times T, increasing; each is a run of its own from t = 0.
    - `flow`: `gf.GradientFlow()` by default.
    - `slides`: kinks hold the flow there: what a classical solver makes of it is not
        defined, and the reference is not checked by one.
    - `budget`: gradient equivalents after which a peer is stopped.
    """

    name: str
    title: str
    problem: Callable[[], gf.Problem]
    horizons: tuple[float, ...]
    flow: AbstractFlow = gf.GradientFlow()
    slides: bool = False
    budget: float = 6e4


def leaky_cancer() -> gf.Problem:
    """30-12-8-2, leaky ReLU, softmax cross-entropy, 100 samples of breast_cancer."""
    data = gf.data.breast_cancer(samples=100, seed=0)
    return gf.Problem(_mlp([30, 12, 8, 2], jax.nn.leaky_relu, 0), CROSS_ENTROPY, data)


def pooled_digits() -> gf.Problem:
    """Convolution 1 → 4 of 3×3, ReLU, max pooling of 2×2, linear, on 50 digits."""
    data = gf.data.digits(samples=50, layout="image", targets="labels", seed=0)
    inner, outer = jax.random.split(jax.random.key(1))
    model = eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(1, 4, 3, key=inner),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Lambda(jnp.ravel),
            eqx.nn.Linear(36, 10, key=outer),
        ]
    )
    return gf.Problem(model, CROSS_ENTROPY, data)


def absolute() -> gf.Problem:
    """3-12-1 with |x|, 60 samples of sin(2x₁)x₂ + x₃."""
    random = np.random.default_rng(11)
    x = random.standard_normal((60, 3))
    y = np.sin(2 * x[:, :1]) * x[:, 1:2] + x[:, 2:]
    return gf.Problem(_mlp([3, 12, 1], jnp.abs, 2), "mse", (x, y))


def momentum() -> gf.Problem:
    """3-16-1, ReLU, 80 samples of sin(2x₁)x₂ + x₃."""
    random = np.random.default_rng(13)
    x = random.standard_normal((80, 3))
    y = np.sin(2 * x[:, :1]) * x[:, 1:2] + x[:, 2:]
    return gf.Problem(_mlp([3, 16, 1], jax.nn.relu, 3), "mse", (x, y))


def samples(number: int, seed: int) -> Callable[[], gf.Problem]:
    """4-12-1, ReLU, the same model for all; `number` normal inputs by `seed`."""

    def problem() -> gf.Problem:
        random = np.random.default_rng(seed)
        x = random.standard_normal((number, 4))
        y = np.sin(2 * x[:, :1]) * x[:, 1:2] + x[:, 2:3] * x[:, 3:]
        return gf.Problem(_mlp([4, 12, 1], jax.nn.relu, 4), "mse", (x, y))

    return problem


def _mlp(widths, activation, seed):
    return gf.models.MLP(
        widths, activation=activation, init="he", key=jax.random.key(seed)
    )


CROSS_ENTROPY = "softmax_cross_entropy"
NUMBERS, SEEDS = (100, 1000, 10_000), (0, 1, 2)

SUBJECTS = {
    s.name: s
    for s in (
        Subject("leaky_cancer", "leaky ReLU 30-12-8-2", leaky_cancer, (10.0,)),
        Subject("pooled_digits", "convolution, max pooling", pooled_digits, (5.0,)),
        Subject("absolute", "|x| 3-12-1", absolute, (5.0,)),
        Subject(
            "sliding", "ReLU 2-20-1", relu_small, (2.0, 100.0, 1000.0), slides=True
        ),
        Subject(
            "momentum",
            "ReLU 3-16-1, momentum",
            momentum,
            (5.0,),
            gf.MomentumFlow(1.0),
        ),
    )
}
SCALING = {
    (number, seed): Subject(
        f"samples_{number}_{seed}",
        f"ReLU 4-12-1, {number} samples",
        samples(number, seed),
        (2.0,),
    )
    for number in NUMBERS
    for seed in SEEDS
}
