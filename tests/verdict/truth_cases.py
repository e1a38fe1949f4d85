"""The truth corpus: problems, and laws of which the truth is known by proof.

Each case is a problem with laws and what must be said of them:

- TRUE: conserved for all data; FOLLOWS: decays as it states.
- FALSE: violated by this run.
- HERE: constant on this run and not for all data.
- UNCLEAR: nothing certain can be said; only `inconclusive` is right.
- VALUE: constant, but its derivative lies; anything but `broken` is right.
- ANY: weighed, for the same laws in several cases are one set of programs, but nothing
  is claimed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf
from gfflow.laws import rescaling, softmax_column_sums

from .truth_models import (
    Attention,
    CosineLoss,
    HalfPrecise,
    SwiGLU,
    Unused,
    normal,
    numbers,
)

TRUE, FOLLOWS, FALSE, HERE, UNCLEAR, VALUE, ANY = (
    "true",
    "follows its decay",
    "false",
    "true here",
    "unclear",
    "true in value",
    "not claimed",
)
SAMPLES = 16
LOOSE = 1 + 1e-5


class Case(NamedTuple):
    problem: gf.Problem
    laws: list[tuple[gf.Law, str]]
    flow: gf.GradientFlow = gf.GradientFlow()
    t1: float = 0.3
    rtol: float = 1e-8
    solver: str = "tsit5"
    options: dict[str, Any] = {}


CASES: dict[str, Callable[[], Case]] = {}


def case(function):
    CASES[function.__name__] = function
    return function


def data(outputs=2, inputs=3, samples=SAMPLES, scale=1.0):
    x = numbers(20, samples, inputs)
    y = np.sin(x @ numbers(21, inputs, outputs)) + 0.3
    return jnp.asarray(scale * x), jnp.asarray(y)


def labels(classes=3, inputs=3, samples=SAMPLES):
    x = numbers(20, samples, inputs)
    return jnp.asarray(x), jnp.asarray((x @ numbers(21, inputs, classes)).argmax(1))


def weighted(model, loss, data, **options):
    """As many samples as `check` draws, with weights: its programs serve for both."""
    return gf.Problem(model, loss, data, weights=np.ones(SAMPLES), **options)


def mlp(*widths, key=0, **options):
    model = gf.models.MLP(widths, key=jax.random.key(key), **options)
    return with_biases(model)


def with_biases(model):
    """Biases away from zero, so that a law that forgets them is seen."""
    biases = lambda m: [layer.bias for layer in m.layers if layer.bias is not None]
    if not biases(model):
        return model
    return eqx.tree_at(
        biases, model, [normal(30 + i, *b.shape) for i, b in enumerate(biases(model))]
    )


def every(laws, truth):
    return [(law, truth) for law in laws]


def law(text, truth, **options):
    return gf.symbolic(text, **options), truth


FLOW = gf.GradientFlow()


@case
def deep_linear_with_bias() -> Case:
    model = gf.models.DeepLinear([3, 3, 3, 2], key=jax.random.key(1), bias=True)
    problem = weighted(with_biases(model), "mse", data())
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law("trace(W2.T@W2) - squared_norm(W1)", FALSE),
        ],
    )


@case
def deep_relu_logistic() -> Case:
    x, y = data()
    problem = weighted(mlp(3, 4, 4, 2), "logistic", (x, jnp.sign(y)))
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            law("sum(W3[:,0]**2) - sum(W1[0,:]**2) - b1[0]**2", FALSE),
        ],
        t1=1.0,
    )


@case
def column_sums_under_another_loss() -> Case:
    model = eqx.nn.Linear(3, 2, key=jax.random.key(5))
    problem = gf.Problem(model, "mse", data())
    return Case(problem, every(softmax_column_sums(problem, FLOW), FALSE))


@case
def swiglu() -> Case:
    norm = lambda a, axis: jnp.sum(a**2, axis=axis)
    kept = gf.Law(lambda m: norm(m.outer, 0) - norm(m.linear, 1), "A - C")
    wrong = gf.Law(lambda m: norm(m.outer, 0) - norm(m.gate, 1), "A - B")
    problem = weighted(SwiGLU(), "mse", data())
    return Case(problem, [(kept, TRUE), (wrong, FALSE)])


@case
def attention() -> Case:
    x = normal(22, SAMPLES, 4, 3)
    problem = weighted(Attention(), "mse", (x, jnp.tanh(x[:, ::-1])))
    outer = lambda a: (a @ a.T)[jnp.triu_indices(2)]
    return Case(
        problem,
        [
            (gf.Law(lambda m: outer(m.query) - outer(m.key), "Q - K"), TRUE),
            (gf.Law(lambda m: outer(m.value) - outer(m.output), "V - O"), TRUE),
            (gf.Law(lambda m: outer(m.query) - outer(m.value), "Q - V"), FALSE),
        ],
    )


def stack(*activations):
    """A sequence of linear layers, three wide, with these functions between them."""
    keys = jax.random.split(jax.random.key(4), len(activations) + 1)
    layers = [eqx.nn.Linear(3, 3, key=keys[0])]
    for key, activation in zip(keys[1:], activations):
        layers += [eqx.nn.Lambda(activation), eqx.nn.Linear(3, 3, key=key)]
    return eqx.nn.Sequential(layers)


@case
def homogeneous_activations() -> Case:
    model = stack(jax.nn.relu, jax.nn.leaky_relu, gf.models.relu_squared)
    problem = weighted(model, "huber", data(3))
    laws = gf.known_laws(problem, FLOW)
    assert len(laws) == 3
    wrong = "squared_norm(W4) - squared_norm(W3) - squared_norm(b3)"
    return Case(problem, [*every(laws, TRUE), law(wrong, FALSE)], t1=1.0)


@case
def activations_that_are_not_homogeneous() -> Case:
    problem = weighted(stack(jnp.tanh, jax.nn.gelu, jax.nn.silu), "mse", data(3))
    assert not gf.known_laws(problem, FLOW)
    return Case(problem, every(rescaling(problem, FLOW), FALSE))


@case
def equinox_mlp() -> Case:
    model = eqx.nn.MLP(3, 2, 3, 1, jnp.tanh, key=jax.random.key(3))
    problem = weighted(model, "mse", data())
    return Case(problem, every(rescaling(problem, FLOW), FALSE))


@case
def rates_of_their_own() -> Case:
    model = mlp(3, 3, 2)
    plain = gf.Problem(model, "mse", data())
    rates = jax.tree_util.tree_map(lambda p: 1 + p**2, plain.parameters)
    problem = weighted(model, "mse", data(), time_scale=rates)
    unscaled = rescaling(plain, FLOW)[0]
    return Case(
        problem,
        [
            *every(gf.known_laws(problem, FLOW), TRUE),
            (gf.Law(unscaled.fn, "without the rates", degree="quadratic"), FALSE),
        ],
    )


@case
def sign_chamber() -> Case:
    model = mlp(1, 3, 2, bias=False)
    weight = jnp.array([[0.7], [1.1], [-0.8]])
    model = eqx.tree_at(lambda m: m.layers[0].weight, model, weight)
    problem = weighted(model, "mse", data(inputs=1))
    return Case(
        problem,
        [
            law("sum(W2[:,0]*W2[:,1]) - W1[0,0]*W1[1,0]", HERE),
            law("sum(W2[:,0]*W2[:,2]) - W1[0,0]*W1[2,0]", FALSE),
            *every(gf.known_laws(problem, FLOW), TRUE),
        ],
    )


@case
def relu6_from_a_small_start() -> Case:
    model = mlp(3, 3, 2, bias=False, activation="relu6", init="small")
    problem = gf.Problem(model, "mse", data())
    return Case(problem, every(rescaling(problem, FLOW), HERE), t1=0.5)


@case
def single_precision_inside_the_model() -> Case:
    problem = weighted(HalfPrecise(), "mse", data())
    norm = lambda a, axis: jnp.sum(a**2, axis=axis)
    kept = lambda m: norm(m.second, 0) - norm(m.first, 1)
    near = lambda m: norm(m.second, 0) - LOOSE * norm(m.first, 1)
    wrong = lambda m: norm(m.second, 0) + norm(m.first, 1)
    return Case(
        problem,
        [
            (gf.Law(kept, "kept"), UNCLEAR),
            (gf.Law(near, "near"), FALSE),
            (gf.Law(wrong, "wrong"), FALSE),
        ],
        rtol=1e-5,
    )


@case
def unused_parameter() -> Case:
    problem = gf.Problem(Unused(), "mse", data())
    return Case(problem, [(gf.Law(lambda m: m.spare, "spare"), TRUE)])


@case
def cosine_loss_of_a_linear_map() -> Case:
    model = eqx.nn.Linear(3, 3, use_bias=False, key=jax.random.key(7))
    x = normal(20, 3, 3)
    problem = gf.Problem(model, CosineLoss(), (x, x @ normal(21, 3, 3)))
    return Case(
        problem, [law("sum(W1**2)", TRUE), law("sum(W1[0]**2)", FALSE)], t1=50.0
    )
