"""The three networks, on digits: what is tracked of each, and a law of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import gfflow as gf

SAMPLES = 256
BATCH = 32


class Subject(NamedTuple):
    """**Attributes:**

    - `tracked`, `law`: quadratic functions of the model.
    - `batch`: samples a step of SGD (one, where a sample is a batch itself).
    """

    name: str
    problem: gf.Problem
    tracked_name: str
    tracked: Callable[[Any], jax.Array]
    law_name: str
    law: Callable[[Any], jax.Array]
    batch: int


def _triangle(a):
    return a[jnp.triu_indices(a.shape[-1])]


def perceptron() -> Subject:
    model = gf.models.MLP([64, 16, 10], key=jax.random.key(0))
    data = gf.data.digits(samples=SAMPLES, targets="labels")
    squares = lambda m: (
        jnp.sum(m.layers[1].weight ** 2, 0) - jnp.sum(m.layers[0].weight ** 2, 1)
    )
    return Subject(
        "ReLU perceptron with biases",
        gf.Problem(model, "softmax_cross_entropy", data),
        "‖W₂[:,k]‖² − ‖W₁[k,:]‖²",
        squares,
        "‖W₂[:,k]‖² − ‖W₁[k,:]‖² − b_k²",
        lambda m: squares(m) - m.layers[0].bias ** 2,
        BATCH,
    )


def residual() -> Subject:
    model = gf.models.ResidualNet(1, 4, 10, 2, batch_norm=True, key=jax.random.key(1))
    data = gf.data.digits(
        samples=SAMPLES, targets="labels", layout="image", batch=BATCH
    )
    norm2 = lambda a, *axes: jnp.sum(a**2, axes)
    last = lambda b: norm2(b.last.weight, 0, 2, 3)
    return Subject(
        "residual network with BatchNorm",
        gf.Problem(model, "sequence_cross_entropy", data),
        "‖last[:,k]‖² − ‖first[k]‖²",
        lambda m: jnp.concatenate(
            [last(b) - norm2(b.first.weight, 1, 2, 3) for b in m.blocks]
        ),
        "γ_k² + β_k² − ‖last[:,k]‖²",
        lambda m: jnp.concatenate(
            [b.norm.scale**2 + b.norm.shift**2 - last(b) for b in m.blocks]
        ),
        1,
    )


def attention() -> Subject:
    model = gf.models.Attention(8, heads=2, causal=True, key=jax.random.key(2))
    data = gf.data.digits(samples=SAMPLES, targets="next_row")
    difference = lambda m: (
        m.query.weight @ m.query.weight.T - m.key.weight @ m.key.weight.T
    )
    return Subject(
        "attention, two heads",
        gf.Problem(model, "mse", data),
        "QQᵀ − KKᵀ, all heads at once",
        lambda m: _triangle(difference(m)),
        "Q_hQ_hᵀ − K_hK_hᵀ of each head",
        lambda m: jnp.concatenate(
            [_triangle(difference(m)[h : h + 4, h : h + 4]) for h in (0, 4)]
        ),
        BATCH,
    )


SUBJECTS = [perceptron, residual, attention]
