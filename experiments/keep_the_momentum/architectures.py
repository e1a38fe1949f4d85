"""The architectures of the table, small, with what theory says of their laws."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

KEY = jax.random.key(0)
SAMPLES = 24
ENTROPY = "entropy"


class Attention(eqx.Module):
    """x ↦ softmax(xQᵀKxᵀ) xVᵀO on four tokens; arrays (d, n)."""

    query: jax.Array
    key: jax.Array
    value: jax.Array
    out: jax.Array

    def __init__(self, d: int, n: int):
        keys = jax.random.split(KEY, 4)
        draw = lambda k: 0.5 * jax.random.normal(k, (d, n))
        self.query, self.key, self.value, self.out = map(draw, keys)

    def __call__(self, x):
        scores = jax.nn.softmax((x @ self.query.T) @ (x @ self.key.T).T, axis=-1)
        return scores @ (x @ self.value.T) @ self.out


class ConvexNetwork(eqx.Module):
    """U relu(Vx + b), U ≥ 0: convex in x."""

    up: jax.Array
    down: jax.Array
    bias: jax.Array

    def __init__(self, inputs: int, hidden: int, outputs: int):
        keys = jax.random.split(KEY, 3)
        self.up = jnp.abs(jax.random.normal(keys[0], (outputs, hidden)))
        self.down = jax.random.normal(keys[1], (hidden, inputs))
        self.bias = 0.3 * jax.random.normal(keys[2], (hidden,))

    def __call__(self, x):
        return self.up @ jax.nn.relu(self.down @ x + self.bias)


class Architecture(NamedTuple):
    """**Attributes:**

    - `gradient`, `momentum`: the number of laws under gradient flow and momentum.
    - `metric`, `mirror`: the potentials of its own mirror flow, and the number of laws
        under that, if it has one.
    """

    name: str
    problem: Callable[[], gf.Problem]
    gradient: int
    momentum: int
    metric: dict[str, str] | None = None
    mirror: int | None = None


def _regression(model, shape: tuple[int, ...]) -> gf.Problem:
    random = np.random.default_rng(0)
    x = random.standard_normal((SAMPLES, *shape))
    y = jax.eval_shape(jax.vmap(model), jnp.asarray(x))
    return gf.Problem(model, "mse", (x, random.standard_normal(y.shape)))


def _classification(model, inputs: int, classes: int) -> gf.Problem:
    random = np.random.default_rng(0)
    x = random.standard_normal((SAMPLES, inputs))
    y = random.integers(0, classes, SAMPLES)
    return gf.Problem(model, "softmax_cross_entropy", (x, y))


def _factorisation(rows: int, columns: int, rank: int) -> gf.Problem:
    model = gf.models.Factorisation(rows, columns, rank, key=KEY)
    matrix = np.abs(np.random.default_rng(0).standard_normal((rows, columns)))
    return gf.Problem(model, "mse", (np.arange(rows), matrix))


def _linear(*widths: int) -> gf.Problem:
    return _regression(gf.models.DeepLinear(widths, key=KEY), (widths[0],))


def _relu(*widths: int) -> gf.Problem:
    return _regression(gf.models.MLP(widths, key=KEY), (widths[0],))


def _attention(d: int, n: int) -> gf.Problem:
    return _regression(Attention(d, n), (4, n))


def _softmax(inputs: int, classes: int) -> gf.Problem:
    model = eqx.nn.Linear(inputs, classes, use_bias=False, key=KEY)
    return _classification(model, inputs, classes)


ARCHITECTURES = [
    Architecture("linear 3-2-4", lambda: _linear(3, 2, 4), 3, 1),
    Architecture("deep linear 2-2-2-2", lambda: _linear(2, 2, 2, 2), 6, 2),
    Architecture("ReLU 3-4-2", lambda: _relu(3, 4, 2), 4, 0),
    Architecture("deep ReLU 2-3-3-2", lambda: _relu(2, 3, 3, 2), 6, 0),
    Architecture("attention, d = n = 2", lambda: _attention(2, 2), 6, 2),
    Architecture("softmax 4-3", lambda: _softmax(4, 3), 4, 8),
    Architecture(
        "factorisation 4×3, rank 2",
        lambda: _factorisation(4, 3, 2),
        3,
        1,
        {"left": ENTROPY, "right": ENTROPY},
        2,
    ),
    Architecture(
        "convex network 3-3-2",
        lambda: _regression(ConvexNetwork(3, 3, 2), (3,)),
        3,
        0,
        {"up": ENTROPY},
        3,
    ),
]
