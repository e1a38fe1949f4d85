"""Edges of the truth corpus: scales, critical points, saturation, few samples."""

import equinox as eqx
import jax
import jax.numpy as jnp

import gfflow as gf

from .truth_cases import (
    FALSE,
    FLOW,
    HERE,
    LOOSE,
    TRUE,
    UNCLEAR,
    Case,
    case,
    data,
    every,
    labels,
    law,
    mlp,
)
from .truth_models import Embedded, Normalised, normal


def _scaled(scale) -> Case:
    problem = gf.Problem(mlp(3, 3, 2, bias=False), "mse", data(scale=scale))
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law(f"sum(W2[:,0]**2) - {LOOSE}*sum(W1[0,:]**2)", FALSE),
        ],
        t1=0.1 / scale**2,
    )


@case
def large_data() -> Case:
    return _scaled(1e3)


@case
def small_data() -> Case:
    return _scaled(1e-3)


@case
def separable_softmax_trained_long() -> Case:
    model = eqx.nn.Linear(3, 3, key=jax.random.key(5))
    problem = gf.Problem(model, "softmax_cross_entropy", labels())
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(W1[0,:])", FALSE)],
        t1=1e5,
        rtol=1e-6,
    )


@case
def one_sample_of_softmax_at_its_fit() -> Case:
    model = eqx.nn.Linear(3, 3, key=jax.random.key(5))
    x = normal(20, 1, 3, scale=3.0)
    model = eqx.tree_at(lambda m: m.bias, model, jnp.array([33.0, 0.3, -0.2]))
    problem = gf.Problem(model, "softmax_cross_entropy", (x, jnp.array([0])))
    return Case(problem, every(gf.known_laws(problem, FLOW), TRUE), t1=1e8)


@case
def one_sample() -> Case:
    problem = gf.Problem(mlp(3, 3, 2), "mse", data(samples=1))
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(W2**2)", FALSE)],
    )


@case
def weights_of_zero() -> Case:
    weights = jnp.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-3])
    problem = gf.Problem(mlp(3, 3, 2), "mse", data(), weights=weights)
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(b1)", FALSE)],
    )


@case
def all_zero_start() -> Case:
    model = jax.tree_util.tree_map(
        lambda a: jnp.zeros_like(a) if eqx.is_array(a) else a, mlp(3, 3, 2, bias=False)
    )
    problem = gf.Problem(model, "mse", data())
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(W1**2)", HERE)],
    )


@case
def start_at_a_minimum() -> Case:
    model = mlp(3, 3, 2, bias=False)
    x, _ = data()
    problem = gf.Problem(model, "mse", (x, jax.vmap(model)(x)))
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(W1**2)", HERE)],
    )


@case
def start_near_a_minimum() -> Case:
    model = mlp(3, 3, 2, bias=False)
    x, _ = data()
    y = jax.vmap(model)(x) + 1e-9 * normal(40, 8, 2)
    problem = gf.Problem(model, "mse", (x, y))
    return Case(
        problem,
        [*every(gf.known_laws(problem, FLOW), TRUE), law("sum(W1**2)", FALSE)],
        rtol=1e-12,
    )


@case
def trained_to_round_off() -> Case:
    model = gf.models.DeepLinear([2, 3, 2], key=jax.random.key(0))
    x = normal(20, 8, 2)
    problem = gf.Problem(model, "mse", (x, x @ normal(21, 2, 2)))
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law("sum(W2[:,0]**2) - sum(W1[1,:]**2)", FALSE),
        ],
        t1=300.0,
        rtol=1e-7,
    )


@case
def tokens() -> Case:
    keys = jax.random.split(jax.random.key(8), 2)
    model = Embedded(
        eqx.nn.Embedding(6, 3, key=keys[0]), mlp(3, 3, 2, bias=False, key=2)
    )
    token = jnp.array([0, 1, 2, 1, 0, 3])
    problem = gf.Problem(model, "mse", (token, normal(23, 6, 2)))
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
    problem = gf.Problem(model, "mse", data(1, 1))
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law("W1[0,0]*W2[0,0]*W3[0,0]", FALSE),
        ],
    )


@case
def normalisation_of_two_units() -> Case:
    """LayerNorm of two units is ±1: the gradient is nothing but round-off."""
    model = Normalised(0.0, units=2)
    problem = gf.Problem(model, "mse", data(), trainable=lambda m: m.weight)
    columns = gf.Law(lambda m: jnp.sum(m.weight, axis=0), "columns", degree="linear")
    return Case(problem, [(columns, UNCLEAR)])


@case
def normalisation_far_from_the_origin() -> Case:
    """Pre-activations near 10⁶ with a spread of 1 lose six digits in the mean."""
    model = Normalised(0.0)
    weight = model.weight.at[:, 2].add(1e6)
    model = eqx.tree_at(lambda m: m.weight, model, weight)
    x, y = data()
    x = x.at[:, 2].set(1.0)
    problem = gf.Problem(model, "mse", (x, y), trainable=lambda m: m.weight)
    columns = gf.Law(lambda m: jnp.sum(m.weight, axis=0), "columns", degree="linear")
    return Case(problem, [(columns, TRUE)], rtol=1e-12)


@case
def a_unit_of_tiny_weights_and_a_loose_run() -> Case:
    model = mlp(3, 3, 2, bias=False)
    small = lambda m: (m.layers[0].weight, m.layers[1].weight)
    first, second = small(model)
    first, second = first.at[0].multiply(1e-7), second.at[:, 0].multiply(1e-7)
    model = eqx.tree_at(small, model, (first, second))
    problem = gf.Problem(model, "mse", data())
    return Case(problem, every(gf.known_laws(problem, FLOW), TRUE), t1=1.0, rtol=1e-6)


@case
def constant_that_cancels() -> Case:
    problem = gf.Problem(mlp(3, 3, 2, bias=False), "mse", data())
    return Case(
        problem,
        [
            law("(sum(W2[:,0]**2) - sum(W1[0,:]**2))/(100000000-99999999)", TRUE),
            law("(sum(W2[:,0]**2) - sum(W1[0,:]**2))*exp(-9*t)*exp(9*t)", TRUE),
            law("(sum(W2[:,0]**2) + sum(W1[0,:]**2))/(100000000-99999999)", FALSE),
        ],
    )


@case
def jump_that_the_run_does_not_cross() -> Case:
    problem = gf.Problem(mlp(3, 3, 2, bias=False), "mse", data())
    count = lambda m: jnp.floor(1e-3 * jnp.sum(m.layers[0].weight ** 2) + 0.5)
    return Case(problem, [(gf.Law(count, "floor of little"), HERE)], t1=0.01)


@case
def short_run_of_a_stopped_law() -> Case:
    problem = gf.Problem(mlp(3, 3, 2, bias=False), "mse", data())
    square = lambda m: jax.lax.stop_gradient(jnp.sum(m.layers[0].weight ** 2))
    return Case(problem, [(gf.Law(square, "stopped"), FALSE)], t1=1e-7)


@case
def epsilon_hidden_by_the_scale_of_the_data() -> Case:
    x, y = data(scale=1e5)
    problem = gf.Problem(Normalised(1e-5), "mse", (x, y), trainable=lambda m: m.weight)
    norm = gf.Law(lambda m: jnp.sum(m.weight**2), "norm", degree="quadratic")
    return Case(problem, [(norm, HERE)])
