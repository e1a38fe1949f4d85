"""Edges of the truth corpus: tokens, few samples, few units and many."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

from .truth_cases import (
    FALSE,
    FLOW,
    HERE,
    LOOSE,
    SAMPLES,
    TRUE,
    Case,
    case,
    data,
    every,
    law,
    mlp,
    weighted,
)
from .truth_models import Embedded, normal


@case
def tokens() -> Case:
    keys = jax.random.split(jax.random.key(8), 2)
    model = Embedded(
        eqx.nn.Embedding(6, 3, key=keys[0]), mlp(3, 3, 2, bias=False, key=3)
    )
    token = jnp.arange(SAMPLES) % 4
    problem = weighted(model, "mse", (token, normal(23, SAMPLES, 2)))
    row = lambda i, kind: (
        gf.Law(lambda m: jnp.sum(m.embedding.weight[i] ** 2), f"row {i}"),
        kind,
    )
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            row(0, FALSE),
            row(4, HERE),
            row(5, HERE),
        ],
    )


@case
def one_sample() -> Case:
    problem = gf.Problem(mlp(3, 3, 2), "mse", data(samples=1))
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(W2**2)", FALSE)],
    )


@case
def weights_of_zero() -> Case:
    weights = np.zeros(SAMPLES)
    weights[[0, 7]] = 1.0, 1e-3
    problem = gf.Problem(mlp(3, 3, 2), "mse", data(), weights=weights)
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(b1)", FALSE)],
    )


@case
def wide() -> Case:
    problem = gf.Problem(mlp(3, 128, 2), "mse", data(samples=4))
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law(f"sum(W2[:,7]**2) - {LOOSE}*sum(W1[7,:]**2) - b1[7]**2", FALSE),
        ],
    )


@case
def narrow() -> Case:
    model = gf.models.DeepLinear([1, 1, 1, 1], key=jax.random.key(3), init="gaussian")
    problem = weighted(model, "mse", data(1, 1))
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law("W1[0,0]*W2[0,0]*W3[0,0]", FALSE),
        ],
    )
