"""Twelve models, each with its flow and, where it is not read off it, its φ."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import sympy

import gfflow as gf
from gfflow.models import MLP, DeepLinear, relu_squared

KEY = jax.random.key(7)


class Case(NamedTuple):
    """**Attributes:** `number`: of independent laws; `phi`: `True`: read off."""

    model: tuple[Any, ...]
    number: int
    phi: gf.exact.Parametrisation | bool = True
    flow: gf.flows.AbstractFlow = gf.GradientFlow()


class Written(eqx.Module):
    """A model from named arrays and a function of them and x."""

    arrays: dict
    function: Callable = eqx.field(static=True)

    def __call__(self, x):
        return self.function(x, **self.arrays)


def written(function: Callable, **shapes) -> Written:
    """Positive arrays of these shapes, in which every flow can start."""
    keys = jax.random.split(KEY, len(shapes))
    arrays = {
        name: jnp.abs(jax.random.normal(key, shape))
        for key, (name, shape) in zip(keys, shapes.items())
    }
    return Written(arrays, function)


def attention(x, Q, K, V, O):
    """softmax(xQᵀKxᵀ) x VᵀO, summed over heads."""

    def head(q, k, v, o):
        scores = jax.nn.softmax((x @ q.T) @ (x @ k.T).T, axis=-1)
        return scores @ (x @ v.T) @ o

    return jnp.sum(jax.vmap(head)(Q, K, V, O), axis=0)


def convolution(x, W1, W2):
    """Two one-dimensional convolutions, linear."""
    turn = lambda x, w: jax.lax.conv_general_dilated(x[None], w, (1,), "VALID")[0]
    return turn(turn(x, W1), W2)


def _tensor() -> gf.exact.Parametrisation:
    """Σ_r A_ir B_jr C_kr of rank 2."""
    a, b, c = map(sympy.IndexedBase, "ABC")
    cube = [(i, j, k) for i in range(3) for j in range(3) for k in range(2)]
    entries = [sum(a[i, r] * b[j, r] * c[k, r] for r in (0, 1)) for i, j, k in cube]
    shapes = {"A": (3, 2), "B": (3, 2), "C": (2, 2)}
    return gf.exact.from_sympy(entries, shapes, name="CP tensor (3, 3, 2), rank 2")


def _cases() -> dict[str, Case]:
    heads = (2, 2, 3)
    return {
        "linear": Case((DeepLinear([3, 4, 2], key=KEY), (3,)), 10),
        "deep_linear": Case((DeepLinear([3, 3, 2, 2], bias=True, key=KEY), (3,)), 9),
        "relu": Case((MLP([3, 5, 2], bias=False, key=KEY), (3,)), 5),
        "deep_relu": Case((MLP([2, 3, 3, 2], key=KEY), (2,)), 6),
        "relu_squared": Case(
            (MLP([2, 3, 2], activation=relu_squared, key=KEY), (2,)), 3
        ),
        "softmax": Case(
            (eqx.nn.Linear(4, 3, key=KEY), (4,), "softmax_cross_entropy"), 5
        ),
        "attention": Case(
            (written(attention, Q=heads, K=heads, V=heads, O=heads), (4, 3)),
            12,
            gf.exact.families.attention(2, 3, heads=2),
        ),
        "convolution": Case(
            (written(convolution, W1=(3, 1, 2), W2=(2, 3, 3)), (1, 8)),
            6,
            gf.exact.families.convolution(1, 3, 2, (2, 3)),
        ),
        "factorisation": Case(
            (written(lambda x, U, V: U @ (V.T @ x), U=(4, 3), V=(3, 3)), (3,)),
            3,
            gf.exact.families.nmf(4, 3, 3),
            gf.MirrorFlow("entropy"),
        ),
        "tensor": Case(
            (
                written(
                    lambda x, A, B, C: jnp.einsum("ir,jr,kr,ijk->", A, B, C, x),
                    A=(3, 2),
                    B=(3, 2),
                    C=(2, 2),
                ),
                (3, 3, 2),
            ),
            4,
            _tensor(),
        ),
        "heavy_ball": Case(
            (DeepLinear([2, 3, 2], key=KEY), (2,)), 3, flow=gf.MomentumFlow(0.5)
        ),
        "nesterov": Case(
            (eqx.nn.Linear(2, 3, key=KEY), (2,), "softmax_cross_entropy"),
            6,
            flow=gf.MomentumFlow(gf.nesterov),
        ),
    }


CASES = _cases()
