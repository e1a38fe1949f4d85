"""Losses against numpy, their derivatives at extremes, and shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow import losses
from gfflow._registry import lookup, names

Z, Y = jnp.array([0.5, -2.0, 3.0]), jnp.array([1.0, 0.0, 0.0])


def test_values_against_numpy():
    z, y = np.asarray(Z), np.asarray(Y)
    error = np.abs(z - y)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14)
    close(losses.mse(Z, Y), np.mean(error**2))
    close(losses.half_squared_error(Z, Y), np.sum(error**2) / 2)
    close(losses.huber(Z, Y), np.mean(np.where(error < 1, error**2 / 2, error - 0.5)))
    log_p = z - np.log(np.sum(np.exp(z)))
    close(losses.softmax_cross_entropy(Z, Y), -np.sum(y * log_p))
    close(losses.softmax_cross_entropy(Z, jnp.array(2)), -log_p[2])
    several = losses.sequence_cross_entropy(jnp.stack([Z, Z]), jnp.array([0, 2]))
    close(several, -(log_p[0] + log_p[2]) / 2)
    sign = np.where(y > 0, 1, -1)
    close(losses.logistic(Z, Y), np.sum(np.log1p(np.exp(-sign * z))))
    close(losses.logistic(Z, jnp.array([1, -1, -1])), losses.logistic(Z, Y))


def arguments(name, dtype=jnp.float64):
    """A prediction and a target that the loss takes."""
    if name == "sequence_cross_entropy":
        return jnp.stack([Z, -Z]).astype(dtype), jnp.array([0, 2])
    return Z.astype(dtype), Y.astype(dtype)


@pytest.mark.parametrize("name", names("losses"))
@pytest.mark.parametrize("size", [0.0, 1e-8, 1e3])
def test_derivatives_are_finite_at_extremes(name, size):
    z, y = arguments(name)
    value, slope = jax.value_and_grad(lookup("losses", name))(size * z, y)
    assert np.isfinite(value) and np.all(np.isfinite(slope))


@pytest.mark.parametrize("name", names("losses"))
def test_the_dtype_is_that_of_the_prediction(name):
    z, y = arguments(name, jnp.float32)
    assert lookup("losses", name)(z, y).dtype == jnp.float32


def test_a_scalar_and_a_vector_of_one_fit():
    assert losses.mse(jnp.array([2.0]), jnp.array(1.0)) == 1.0
    assert losses.logistic(jnp.array(0.0), jnp.array([1])) == np.log(2.0)


@pytest.mark.parametrize(
    "loss, prediction, target",
    [
        (losses.mse, Z, Y[:2]),
        (losses.mse, Z, jnp.array(1.0)),
        (losses.softmax_cross_entropy, Z, jnp.array(1.0)),
        (losses.softmax_cross_entropy, Z, jnp.array([1, 0, 0])),
        (losses.softmax_cross_entropy, Z[None], Y[None]),
        (losses.sequence_cross_entropy, Z, jnp.array(1)),
        (losses.sequence_cross_entropy, Z[None], Y[:1]),
        (losses.sequence_cross_entropy, Z[None], jnp.array([0, 1])),
    ],
)
def test_shapes_that_do_not_fit(loss, prediction, target):
    with pytest.raises(gf.ProblemError, match="shape"):
        loss(prediction, target)


def test_labels_of_sequences():
    twice = lambda p, x: jnp.stack([p * x, x])
    problem_of = lambda labels: gf.Problem.from_function(
        twice, Z, "sequence_cross_entropy", (Z[None], np.array([labels]))
    )
    problem = problem_of([0, 2])
    assert np.isfinite(problem.value(problem.parameters))
    with pytest.raises(gf.ProblemError, match="3 logits a position.*0 to 2"):
        problem_of([0, 3])
