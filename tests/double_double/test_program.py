"""Primitives that choose and round, on pairs, against mpmath and Fractions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from gfflow.double_double import Pair, on_pairs

from .test_elementary import exact

HALVES = np.array([0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 0.0, 2.0, -7.0, 1e17])
TINY = 1e-18


def near(upper):
    """Just below each number, on it, and just above it."""
    upper = np.concatenate([upper] * 3)
    lower = np.repeat([-TINY, 0.0, TINY], upper.size // 3) * (upper != 1e17)
    return Pair(jnp.asarray(upper), jnp.asarray(lower))


def to_even(x):
    below = mpmath.floor(x)
    if x - below == 0.5:
        return below + below % 2
    return mpmath.floor(x + 0.5)


def away(x):
    return mpmath.sign(x) * mpmath.floor(abs(x) + 0.5)


@pytest.mark.parametrize(
    "function, expected",
    [
        (jnp.round, to_even),
        (lambda x: jax.lax.round(x, jax.lax.RoundingMethod.AWAY_FROM_ZERO), away),
        (jnp.floor, mpmath.floor),
        (jnp.ceil, mpmath.ceil),
    ],
    ids=["to even", "away from zero", "down", "up"],
)
def test_whole_numbers(function, expected):
    x = near(HALVES)
    with mpmath.workdps(60):
        assert exact(on_pairs(function, x)) == [expected(a) for a in exact(x)]


def test_remainders():
    x = near(np.array([7.0, -7.0, 1.0, -1.0, 0.3, 1e9, 12.0, -12.0]))
    y = near(np.array([3.0, 3.0, 1.0, 2.0, 0.1, 7.0, np.inf, -5.0]))
    y = Pair(y.hi, jnp.where(jnp.isfinite(y.hi), 0.5 * y.lo, 0.0))
    with mpmath.workdps(60):
        found = exact(on_pairs(jax.lax.rem, x, y))
        for a, b, rest in zip(exact(x), exact(y), found):
            infinite = mpmath.isinf(b)
            times = 0 if infinite else mpmath.floor(abs(a) / abs(b))
            wanted = a if infinite else mpmath.sign(a) * (abs(a) - times * abs(b))
            assert abs(rest - wanted) < 1e-31 * (abs(a) + (0 if infinite else abs(b)))


def test_the_largest_of_a_window_and_its_gradient():
    upper = np.random.default_rng(0).uniform(0, 1, (1, 6, 6))
    upper[0, 2, 2] = 2.0
    lower = np.zeros_like(upper)
    lower[0, 2, 2] = TINY
    x = Pair(jnp.asarray(upper), jnp.asarray(lower))
    pool = eqx.nn.MaxPool2d(3, 1)
    found = on_pairs(pool, x)
    assert float(found.lo[0, 0, 0]) == TINY and float(found.hi[0, 0, 0]) == 2.0
    assert np.array_equal(found.hi, pool(x.hi))

    def total(x, weights):
        return jnp.sum(weights * pool(x) ** 3)

    weights = jnp.arange(1.0, 17.0).reshape(1, 4, 4) / 3
    gradient = on_pairs(jax.grad(total), x, Pair(weights, jnp.zeros_like(weights)))
    expected = jax.grad(total)(x.hi, weights)
    np.testing.assert_allclose(gradient.hi, expected, rtol=1e-15)
    with mpmath.workdps(60):
        among = mpmath.fsum(mpmath.mpf(float(w)) for w in weights[0, :3, :3].ravel())
        wanted = 3 * (2 + mpmath.mpf(TINY)) ** 2 * among
        assert abs(exact(gradient)[14] - wanted) < 1e-29


def test_stacks():
    x = Pair(jnp.asarray([1.0, 2.0]), jnp.asarray([TINY, -TINY]))
    found = on_pairs(lambda x: jnp.stack([x, 2 * x]), x)
    assert np.array_equal(found.hi, [[1, 2], [2, 4]])
    assert np.array_equal(found.lo, [[TINY, -TINY], [2 * TINY, -2 * TINY]])
