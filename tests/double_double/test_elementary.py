"""Arithmetic and elementary functions on pairs, against mpmath at 60 digits."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from gfflow.double_double import Pair, pairs

RANDOM = np.random.default_rng(0)
COUNT = 40


def exact(pair):
    """As mpmath's numbers."""
    parts = (np.ravel(np.asarray(part)) for part in pair)
    return [mpmath.mpf(float(a)) + mpmath.mpf(float(b)) for a, b in zip(*parts)]


def numbers(*ranges):
    """Pairs, spread evenly over (low, high, logarithmic)."""
    found = [
        np.exp(RANDOM.uniform(np.log(low), np.log(high), COUNT))
        if logarithmic
        else RANDOM.uniform(low, high, COUNT)
        for low, high, logarithmic in ranges
    ]
    upper = np.concatenate(found)
    lower = upper * RANDOM.uniform(-1, 1, upper.shape) * 2.0**-54
    return Pair(jnp.asarray(upper), jnp.asarray(lower))


SIGNED = (-30.0, 30.0, False), (-1e-9, 1e-9, False), (-0.4, 0.4, False)
CASES = {
    "exp": (pairs.exponential, mpmath.exp, ((-640.0, 700.0, False), *SIGNED), 1e-31),
    "exp2": (
        pairs.exponential_to_base_two,
        lambda x: mpmath.power(2, x),
        ((-30.0, 30.0, False), (-1e-9, 1e-9, False)),
        2e-30,
    ),
    "atan": (
        pairs.arc_tangent,
        mpmath.atan,
        ((1e-200, 1e200, True), (0.9, 1.1, False), *SIGNED),
        2e-31,
    ),
    "cbrt": (
        pairs.cube_root,
        lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
        ((1e-200, 1e200, True), *SIGNED),
        2e-31,
    ),
    "expm1": (pairs.exponential_less_one, mpmath.expm1, SIGNED, 2e-31),
    "tanh": (pairs.hyperbolic_tangent, mpmath.tanh, SIGNED, 2e-31),
    "log": (
        pairs.logarithm,
        mpmath.log,
        ((1e-290, 1e290, True), (0.7, 1.4, False), (1 - 1e-9, 1 + 1e-9, False)),
        2e-31,
    ),
    "log1p": (
        pairs.logarithm_of_one_plus,
        mpmath.log1p,
        ((-0.999, 3.0, False), (-1e-9, 1e-9, False), (1e-30, 1e30, True)),
        2e-31,
    ),
    "sqrt": (pairs.square_root, mpmath.sqrt, ((1e-200, 1e200, True),), 2e-31),
    "sin": (pairs.sine, mpmath.sin, ((-1e3, 1e3, False), *SIGNED), 1e-30),
}


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(60):
        yield


@pytest.mark.parametrize("name", CASES)
def test_functions_over_their_ranges(name):
    function, reference, ranges, bound = CASES[name]
    x = numbers(*ranges)
    found = function(x)
    assert jnp.all(found.hi + found.lo == found.hi)
    values = exact(found)
    wanted = [reference(a) for a in exact(x)]
    assert max(abs(a / b - 1) for a, b in zip(values, wanted)) < bound


@pytest.mark.slow
def test_error_function_and_its_complement():
    """In one program, of which they share the most."""
    x = numbers((-9.0, 25.0, False), (-1.5, 1.5, False), (-1e-9, 1e-9, False))
    both = pairs.error_function, pairs.complementary_error_function
    near, far = jax.jit(lambda x: tuple(function(x) for function in both))(x)
    for value, other, a in zip(exact(near), exact(far), exact(x)):
        assert abs(value / mpmath.erf(a) - 1) < 2e-31
        assert abs(other / mpmath.erfc(a) - 1) < 2e-31 * (1 + a * a)


def test_arithmetic():
    x, y = numbers((1e-9, 1e9, True)), numbers((-3.0, 3.0, False))
    found = {
        "+": (pairs.add(x, y), [a + b for a, b in zip(exact(x), exact(y))]),
        "−": (pairs.subtract(x, x), [mpmath.mpf(0)] * COUNT),
        "·": (pairs.multiply(x, y), [a * b for a, b in zip(exact(x), exact(y))]),
        "/": (pairs.divide(x, y), [a / b for a, b in zip(exact(x), exact(y))]),
    }
    for values, wanted in found.values():
        assert all(abs(a - b) <= 2e-31 * abs(b) for a, b in zip(exact(values), wanted))


def test_products_are_the_same_in_every_kernel():
    """A kernel that contracts ab + c to one rounding sees another sum than one that
    does not."""
    a, b, c = (jnp.asarray(RANDOM.normal(size=1000)) for _ in range(3))

    def total(a, b, c):
        return pairs.two_sum(pairs.two_product(a, b).hi, c)

    as_users_do = {"xla_backend_optimization_level": 3}
    parts = (lambda *x: total(*x).hi), (lambda *x: total(*x).lo)
    upper, lower = (
        jax.jit(part).lower(a, b, c).compile(as_users_do)(a, b, c) for part in parts
    )
    with jax.disable_jit():
        alone = total(a, b, c)
    assert jnp.all(upper == alone.hi) and jnp.all(lower == alone.lo)


def test_a_constant_is_as_good_as_a_number():
    """XLA takes (x + 1) − 1 for x."""
    x = jnp.asarray(RANDOM.uniform(-1e-3, 1e-3, COUNT))
    one = lambda x: pairs.exactly(jnp.ones_like(x))
    found = jax.jit(lambda x: pairs.add(one(x), pairs.exactly(x)))(x)
    assert all(value == 1 + mpmath.mpf(float(a)) for value, a in zip(exact(found), x))
    third = jax.jit(lambda x: pairs.divide(pairs.exactly(x), full(x, 3.0)))(x)
    assert all(
        abs(3 * value / float(a) - 1) < 2e-31 for value, a in zip(exact(third), x)
    )


def full(x, value):
    return pairs.exactly(jnp.full_like(x, value))


def test_edges():
    at = lambda *values: Pair(*map(jnp.asarray, (values, [0.0] * len(values))))
    same = lambda a, b: np.testing.assert_array_equal(a.hi, np.array(b))
    inf, nan = np.inf, np.nan
    same(pairs.exponential(at(-inf, -800.0, 0.0, 800.0)), [0.0, 0.0, 1.0, inf])
    same(pairs.add(at(inf, -inf), at(1.0, 1.0)), [inf, -inf])
    same(pairs.divide(at(1.0, 1.0), at(0.0, inf)), [inf, 0.0])
    same(pairs.maximum(at(nan, 1.0), at(1.0, 2.0)), [nan, 2.0])
