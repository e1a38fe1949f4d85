"""Three small networks, with the laws of their gradient flows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import by_hand
import equinox as eqx
import jax
import jax.numpy as jnp

import gfflow as gf


class Bottleneck(eqx.Module):
    """x ↦ W₃ tanh(W₂W₁x)."""

    first: jax.Array
    second: jax.Array
    third: jax.Array

    def __call__(self, x):
        return self.third @ jnp.tanh(self.second @ (self.first @ x))


class Attention(eqx.Module):
    """Tokens X ↦ V · mean over rows of softmax(XQᵀKXᵀ)X."""

    query: jax.Array
    key: jax.Array
    value: jax.Array

    def __call__(self, x):
        scores = (x @ self.query.T) @ (x @ self.key.T).T
        return self.value @ jnp.mean(jax.nn.softmax(scores) @ x, axis=0)


class Subject(NamedTuple):
    """**Fields:**

    - `problem`: in float64; its parameters are matrices.
    - `gradient`: that of its loss, by hand.
    - `laws`: what its gradient flow conserves.
    - `t1`: flow time.
    """

    problem: gf.Problem
    gradient: by_hand.Gradient
    laws: list[gf.Law]
    t1: float


def subject(name: str) -> Subject:
    """One of `SUBJECTS`."""
    return SUBJECTS[name]()


def _linear() -> Subject:
    weights = [_normal(12, (2, 3)), _normal(13, (2, 2))]
    given = lambda key, widths, scale: weights
    model = gf.models.DeepLinear([3, 2, 2], key=jax.random.key(0), init=given)
    x, y = _normal(1, (5, 3)), _normal(2, (5, 2))
    pair = lambda m: [layer.weight for layer in m.layers]
    return _subject(model, "mse", (x, y), by_hand.linear, pair, 4.0)


def _bottleneck() -> Subject:
    weights = _normal(3, (2, 3)), _normal(4, (3, 2)), _normal(5, (1, 3))
    x, y = _normal(6, (4, 3)), _normal(7, (4, 1))
    pair = lambda m: [m.first, m.second]
    return _subject(Bottleneck(*weights), "mse", (x, y), by_hand.bottleneck, pair, 4.0)


def _attention() -> Subject:
    weights = _normal(8, (2, 3)), _normal(9, (2, 3)), _normal(10, (2, 3))
    data = _normal(11, (3, 2, 3)), jnp.array([0, 1, 1])
    pair = lambda m: [m.key, m.query.T]
    loss = "softmax_cross_entropy"
    return _subject(Attention(*weights), loss, data, by_hand.attention, pair, 4.0)


def _subject(
    model: Any,
    loss: str,
    data: tuple[jax.Array, jax.Array],
    gradient: by_hand.Gradient,
    pair: Callable[[Any], list[jax.Array]],
    t1: float,
) -> Subject:
    """With balancedness BᵀB − AAᵀ of the pair A, B that the model has as BA."""

    def balancedness(model):
        first, second = pair(model)
        return second.T @ second - first @ first.T

    def size(model):
        first, second = pair(model)
        return second.T @ second + first @ first.T

    def false(model):
        first, second = pair(model)
        wrong = 1e-18 * jnp.sum(first**2)
        return jnp.sum(second**2) - jnp.sum(first**2) - wrong

    def false_size(model):
        return sum(jnp.sum(matrix**2) for matrix in pair(model))

    laws = [
        gf.Law(balancedness, "balancedness", degree="quadratic", absolute=size),
        gf.Law(false, "false by 1e-18", degree="quadratic", absolute=false_size),
    ]
    return Subject(gf.Problem(model, loss, data), gradient, laws, t1)


def _normal(seed: int, shape: tuple[int, ...]) -> jax.Array:
    """Rounded to twelve bits: the last bits of a draw depend on the compiler."""
    drawn = 0.7 * jax.random.normal(jax.random.key(seed), shape)
    return jnp.round(4096 * drawn) / 4096


SUBJECTS = {"linear": _linear, "bottleneck": _bottleneck, "attention": _attention}
