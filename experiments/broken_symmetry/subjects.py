"""Two networks on digits, and the laws of gradient flow that their symmetries give."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

import gfflow as gf

SAMPLES = 100


class Normalised(eqx.Module):
    """x ↦ V z/√(mean z²), z = Wx: the loss does not change with ‖W‖ (ε = 0)."""

    inner: eqx.nn.Linear
    outer: eqx.nn.Linear

    def __init__(self, inputs: int, units: int, outputs: int, key):
        first, second = jax.random.split(key)
        self.inner = eqx.nn.Linear(inputs, units, use_bias=False, key=first)
        self.outer = eqx.nn.Linear(units, outputs, use_bias=False, key=second)

    def __call__(self, x):
        z = self.inner(x)
        return self.outer(z / jnp.sqrt(jnp.mean(z * z)))


class Subject(NamedTuple):
    """- `laws`: of gradient flow without decay, homogeneous of degree 1 or 2."""

    name: str
    problem: gf.Problem
    laws: list[gf.Law]


def subjects() -> list[Subject]:
    """A ReLU network: translation and rescaling. A normalised layer: scale."""
    digits = gf.data.digits(samples=SAMPLES, targets="labels")
    key = jax.random.key(0)
    relu = gf.models.MLP([64, 6, 10], activation="relu", bias=False, key=key)
    plain = gf.Problem(relu, "softmax_cross_entropy", digits)
    model = Normalised(64, 6, 10, key)
    normalised = gf.Problem(model, "softmax_cross_entropy", digits)
    size = lambda m: jnp.sum(m.inner.weight**2)
    scale = gf.Law(
        size, "squared norm of inner.weight", degree="quadratic", absolute=size
    )
    return [
        Subject("ReLU", plain, gf.known_laws(plain, gf.GradientFlow())),
        Subject("normalised", normalised, [scale]),
    ]


def power(law: gf.Law) -> int:
    """The degree of a homogeneous law as a number."""
    return {"linear": 1, "quadratic": 2}[law.degree]


def size(law: gf.Law, problem: gf.Problem) -> jax.Array:
    """The scale of a law at the start, one number a component."""
    magnitude = jax.tree_util.tree_map(jnp.abs, problem.parameters)
    return law.absolute_value(0.0, problem.model_at(magnitude))
