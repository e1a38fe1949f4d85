"""First guesses of the stage slopes."""

import jax.numpy as jnp
import numpy as np
import pytest

from gfflow.solvers.collocation._prediction import extrapolated
from gfflow.solvers.collocation._quadrature import quadrature

NODES = quadrature("radau", 5).nodes[::-1]
SIZE = lambda x: jnp.sqrt(jnp.mean(x**2))


def guess(function, ratio):
    """From slopes of a step on [0, 1] to those of the next, and what they are."""
    ahead = 1 + ratio * NODES
    row = lambda t: jnp.stack([function(t), 2 - function(t)], axis=1)
    nodes = jnp.asarray(NODES)
    found = extrapolated(row(nodes), nodes, nodes, jnp.asarray(ratio), SIZE)
    return np.asarray(found), np.asarray(row(jnp.asarray(ahead)))


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.03])
def test_polynomials_of_time_where_the_step_does_not_grow(ratio):
    found, exact = guess(lambda t: 3 - 2 * t + t**4 / 5, ratio)
    np.testing.assert_allclose(found, exact, atol=1e-12)


@pytest.mark.parametrize("ratio", [1.5, 4.0])
def test_polynomials_of_logarithmic_time_where_it_grows(ratio):
    clock = lambda t: jnp.log1p(t * (ratio - 1)) / np.log(ratio)
    found, exact = guess(lambda t: 3 - 2 * clock(t) + clock(t) ** 4 / 5, ratio)
    np.testing.assert_allclose(found, exact, atol=1e-11)


def test_a_short_step_after_a_long_one_is_near():
    found, exact = guess(lambda t: jnp.exp(-t), 0.03)
    assert np.max(np.abs(found - exact)) < 1e-5


def test_a_series_that_diverges_is_cut_off():
    """Of 1/(1 + 100 (t − 1/2)²) the terms grow; of all of them, to hundreds."""
    function = lambda t: 1 / (1 + 100 * (t - 0.5) ** 2)
    found, exact = guess(function, 1.0)
    everything = np.polynomial.Polynomial.fit(NODES, function(NODES), 4)(1 + NODES)
    assert np.max(np.abs(everything - exact[:, 0])) > 10
    assert np.max(np.abs(found - exact)) < 1
