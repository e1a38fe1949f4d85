"""Targets, states and parameters that do not fit: each is named, with what to do."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.problem import random_inputs

X = jax.random.normal(jax.random.key(0), (4, 2))
KEY = jax.random.key(1)


def linear(outputs=3):
    return eqx.nn.Linear(2, outputs, key=KEY)


@pytest.mark.parametrize(
    "loss, outputs, targets, words",
    [
        ("softmax_cross_entropy", 3, [0, 1, -1, 2], "sample 2 .* -1; .*3 logits"),
        (
            "softmax_cross_entropy",
            3,
            [0, 3, 1, 2],
            "sample 1 .* 3; .* 0 to 2",
        ),
        ("softmax_cross_entropy", 3, [[0], [1], [1], [2]], r"label of shape \(\)"),
        ("softmax_cross_entropy", 3, [[0, 0, 1]] * 4, "integer label"),
        ("logistic", 1, [0, 1, 2, 1], r"sample 2 .* 2; .*\{0, 1\}"),
        ("logistic", 1, [-1, 1, 1, 0], r"sample 3 .* 0; .*are -1 among"),
        ("logistic", 2, [[0.0, 1], [1, 0], [0.3, 1], [1, 1]], "sample 2 .* 0.3; "),
        ("logistic", 3, [0, 1, 1, 0], "equal"),
    ],
)
def test_labels(loss, outputs, targets, words):
    with pytest.raises(gf.ProblemError, match=words):
        gf.Problem(linear(outputs), loss, (X, jnp.asarray(targets)))


def test_labels_that_fit():
    for loss, outputs, targets in [
        ("softmax_cross_entropy", 3, [0, 1, 2, 2]),
        ("softmax_cross_entropy", 2, [[0.5, 0.5]] * 4),
        ("logistic", 1, [0, 1, 0, 1]),
        ("logistic", 1, [True, True, False, True]),
        ("logistic", 2, [[-1.0, 1.0]] * 4),
    ]:
        gf.Problem(linear(outputs), loss, (X, jnp.asarray(targets)))


def test_a_users_own_loss_is_not_guessed_at():
    def own(z, y):
        return gf.losses.softmax_cross_entropy(z, y % 3)

    problem = gf.Problem(linear(), own, (X, jnp.array([-1, 0, 1, 7])))
    assert jnp.isfinite(problem.value(problem.parameters))


def test_traced_labels():
    @jax.jit
    def value(labels):
        problem = gf.Problem(linear(), "softmax_cross_entropy", (X, labels))
        return problem.value(problem.parameters)

    assert jnp.isfinite(value(jnp.array([0, 1, 2, 0])))


class Net(eqx.Module):
    layer: eqx.nn.Linear
    norm: eqx.nn.BatchNorm

    def __init__(self):
        self.layer = linear(2)
        self.norm = eqx.nn.BatchNorm(2, axis_name="batch", mode="batch")

    def __call__(self, x, state):
        return self.norm(self.layer(x), state)


class Whole(eqx.Module):
    net: Net
    state: eqx.nn.State

    def __call__(self, x):
        return self.net(x, self.state)[0]


class Both(Whole):
    def __call__(self, x):
        return self.net(x, self.state)


def test_layers_with_a_state():
    net, state = eqx.nn.make_with_state(Net)()
    frozen = eqx.nn.inference_mode(net)
    for model in (net, Net(), Whole(net, state), Both(frozen, state)):
        with pytest.raises(gf.ProblemError, match=r"state of .*inference_mode"):
            gf.Problem(model, "mse", (X, X))
    problem = gf.Problem(Whole(frozen, state), "mse", (X, X))
    assert problem.parameter_names == [
        "net.layer.weight",
        "net.layer.bias",
        "net.norm.weight",
        "net.norm.bias",
    ]
    gradient = problem.gradient(problem.parameters)
    assert jax.tree.leaves(gradient.state) == [] and gradient.net.layer.weight.any()
    with pytest.raises(gf.ProblemError, match="there are: net.layer.weight"):
        gf.Problem(Whole(frozen, state), "mse", (X, X), trainable=["state"])


class Wave(eqx.Module):
    w: jax.Array
    v: jax.Array

    def __call__(self, x):
        return jnp.real(self.w) * x + jnp.real(self.v)


def test_dtypes_of_parameters():
    with pytest.raises(gf.ProblemError, match="v is complex128; hold its real"):
        gf.Problem(Wave(jnp.ones(2), jnp.ones(2, complex)), "mse", (X, X))
    with pytest.raises(gf.ProblemError, match="w is float64, v is float32; cast them"):
        gf.Problem(Wave(jnp.ones(2), jnp.ones(2, jnp.float32)), "mse", (X, X))
    fixed = Wave(jnp.ones(2, complex), jnp.ones(2))
    assert gf.Problem(fixed, "mse", (X, X), trainable="v").size == 2


def test_time_scale_by_path():
    model = gf.models.MLP([2, 2, 2], key=KEY)
    table = {"layers[0]": 2.0, "layers[0].bias": 3, "layers[1]['bias']": jnp.ones(2)}
    problem = gf.Problem(model, "mse", (X, X), time_scale=table)
    ones = jax.tree.map(jnp.ones_like, problem.parameters)
    layers = problem.scaled(ones).layers
    means = [float(jnp.mean(a)) for layer in layers for a in (layer.weight, layer.bias)]
    assert means == [2.0, 3.0, 1.0, 1.0]
    for wrong, words in (
        ({"layers[2]": 1.0}, "did you mean"),
        ({"": -1.0}, "positive"),
    ):
        with pytest.raises(gf.ProblemError, match=words):
            gf.Problem(model, "mse", (X, X), time_scale=wrong)


class Noisy(eqx.Module):
    w: jax.Array

    def __call__(self, x):
        key, wave = x
        noise = jax.random.normal(key, self.w.shape, self.w.dtype)
        return self.w * jnp.abs(wave) ** 2 + noise


def test_keys_and_complex_numbers_among_the_inputs():
    keys = jax.random.split(KEY, 4)
    wave = jax.lax.complex(jnp.cos(X), jnp.sin(X))
    problem = gf.Problem(Noisy(jnp.ones(2)), "mse", ((keys, wave), X))
    assert problem.gradient(problem.parameters).w.all()
    drawn, other = random_inputs(np.random.default_rng(0), problem, 3)
    assert drawn.dtype == keys.dtype and drawn.shape == (3,)
    assert other.dtype == wave.dtype and jnp.imag(other).all()
    single = Noisy(jnp.ones(2, jnp.float32))
    assert gf.Problem(single, "mse", ((keys, wave), X)).inputs[1].dtype == jnp.complex64
