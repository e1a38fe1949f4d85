"""A sample of weight 0 is absent, whatever the model and the loss make of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.flows import MinibatchNoise
from gfflow.flows._gauss_newton import (
    gauss_newton_product,
)
from gfflow.problem import random_inputs, random_targets

X = jax.random.normal(jax.random.key(0), (5, 2))
Y = jnp.array([[1.0, 2.0], [-1.0, 2.0], [2.0, 3.0], [4.0, 5.0], [0.5, 0.0]])
WEIGHTS = jnp.array([2.0, 0.0, 1.0, 3.0, 0.0])
COUNTS = np.flatnonzero(WEIGHTS)


def squares(z, y):
    """Of no value where a target is not positive."""
    return jnp.sum(jnp.log(y) * z**2)


class Root(eqx.Module):
    """Of no value, or of no derivative, at inputs that are not positive."""

    w: jax.Array

    def __call__(self, x):
        return jnp.sqrt(self.w * x)


def model():
    return gf.models.MLP([2, 2, 2], key=jax.random.key(1), activation="tanh")


def along(problem):
    return jtu.tree_map(jnp.cos, problem.parameters)


def everything(problem):
    """All that a problem sums over its samples."""
    at, v = problem.parameters, along(problem)
    noise = MinibatchNoise(batch=2)
    return (
        problem.value_and_gradient(at),
        problem.hvp(at, v),
        gauss_newton_product(problem, at, v),
        noise.combined(problem, at, jnp.zeros(problem.samples).at[0].set(1.0)),
    )


def close(one, two):
    for a, b in zip(*map(jtu.tree_leaves, (one, two)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


CASES = {
    "loss": (model(), squares, (X, Y)),
    "model": (Root(jnp.ones(2)), "mse", (jnp.where(Y > 0, jnp.abs(X), 0), X)),
    "data": (model(), "mse", (jnp.where(Y > 0, X, jnp.nan), X)),
    "labels": (
        model(),
        "softmax_cross_entropy",
        (X, jnp.array([0, -1, 1, 1, 7])),
    ),
}


@pytest.mark.parametrize("name, chunk", [("loss", None), *((n, 2) for n in CASES)])
def test_weight_zero_is_absence(name, chunk):
    net, loss, data = CASES[name]
    with_them = gf.Problem(net, loss, data, weights=WEIGHTS, chunk=chunk)
    left = jtu.tree_map(lambda a: a[COUNTS], data)
    without = gf.Problem(net, loss, left, weights=WEIGHTS[COUNTS])
    found, wanted = map(eqx.filter_jit(everything), (with_them, without))
    assert all(np.all(np.isfinite(a)) for a in jtu.tree_leaves(found))
    close(found, wanted)


def test_traced_weights():
    net, loss, data = CASES["loss"]

    @jax.jit
    def gradient(weights):
        problem = gf.Problem(net, loss, data, weights=weights)
        return problem.value_and_gradient(problem.parameters)

    known = gf.Problem(net, loss, data, weights=WEIGHTS)
    close(gradient(WEIGHTS), eqx.filter_jit(known.value_and_gradient)(known.parameters))


def test_no_sample_is_looked_for_where_every_one_counts():
    data = X, jnp.abs(X)
    plain = gf.Problem(model(), "mse", data, weights=WEIGHTS + 1)
    for problem in (plain, gf.Problem(model(), "mse", data)):
        assert not problem.absences and problem.present[0] is problem.inputs

    @jax.jit
    def traced(weights):
        problem = gf.Problem(model(), "mse", data, weights=weights)
        return problem.value_and_gradient(problem.parameters)

    found = traced(WEIGHTS + 1)
    of = eqx.filter_jit(lambda problem: problem.value_and_gradient(problem.parameters))
    close(found, of(plain))


def test_random_data_are_like_the_samples_that_count():
    net, loss, data = CASES["labels"]
    problem = gf.Problem(net, loss, data, weights=WEIGHTS)
    drawn = random_targets(np.random.default_rng(0), problem, 50)
    assert set(np.unique(drawn)) <= {-2, -1, 0, 1}
    net, loss, data = CASES["data"]
    problem = gf.Problem(net, loss, data, weights=WEIGHTS)
    drawn = random_inputs(np.random.default_rng(0), problem, 50)
    assert np.all(np.isfinite(drawn))


def test_what_counts_is_checked():
    net, loss, (x, y) = CASES["data"]
    with pytest.raises(gf.ProblemError, match=r"first at index \[1, 0\].*weight 0"):
        gf.Problem(net, loss, (x, y))
    net, loss, (x, y) = CASES["labels"]
    with pytest.raises(gf.ProblemError, match="sample 4 has the target 7"):
        gf.Problem(net, loss, (x, y), weights=WEIGHTS.at[4].set(1.0))


def test_batches_of_absent_samples():
    net, loss, data = CASES["loss"]
    problem = gf.Problem(net, loss, data, weights=WEIGHTS)
    flow = gf.discrete.DiscreteFlow("sgd", 1e-3, batch=1)
    run = flow.run(problem, save=[5])
    assert run.status == gf.Status.successful and np.all(np.isfinite(run.losses))
