"""exp and what is made of it."""

from fractions import Fraction
from functools import partial
from math import factorial

import jax
import jax.numpy as jnp

from ._arithmetic import (
    absolute,
    add,
    add_double,
    add_smaller,
    divide,
    exactly,
    multiply,
    negative,
    scaled,
    select,
    shifted,
)
from ._fixed_pair import nearest, nearest_all
from ._pair import Pair
from ._reduction import less_multiple, parts_of
from ._series import full_like, polynomial, repeated

_LOG_2_DIGITS = "0.69314718055994530941723212145817656807550013436025525412068"
LOG_2 = nearest(_LOG_2_DIGITS)
_LOG_2_PARTS = parts_of(_LOG_2_DIGITS, bits=42, count=3)
_HALVINGS = 6
_TERMS = nearest_all([Fraction(1, factorial(k + 1)) for k in range(13)])
_LARGEST, _LEAST = 710.0, -745.2


@partial(jax.jit, inline=True)
def exponential_less_one(x: Pair) -> Pair:
    """eˣ − 1, to some 1e-31 of itself."""
    power, small = _reduced(x)
    less_one = shifted(exactly(jnp.ones_like(x.hi)), power)
    found = add(shifted(small, power), add_double(less_one, -jnp.ones_like(x.hi)))
    found = select(x.hi > _LARGEST, exactly(jnp.full_like(x.hi, jnp.inf)), found)
    return select(x.hi < _LEAST, exactly(jnp.full_like(x.hi, -1.0)), found)


@partial(jax.jit, inline=True)
def exponential(x: Pair) -> Pair:
    """eˣ, to some 1e-31 of itself where it is above 1e-290; 0 from −745.2 down,
    infinite from 710 up."""
    power, small = _reduced(x)
    found = shifted(add_double(small, jnp.ones_like(x.hi)), power)
    found = select(x.hi > _LARGEST, exactly(jnp.full_like(x.hi, jnp.inf)), found)
    return select(x.hi < _LEAST, exactly(jnp.zeros_like(x.hi)), found)


@partial(jax.jit, inline=True)
def exponential_to_base_two(x: Pair) -> Pair:
    """2ˣ, to some (1 + |x|)·1e-31 of itself."""
    return exponential(multiply(x, full_like(x, LOG_2)))


@partial(jax.jit, inline=True)
def hyperbolic_tangent(x: Pair) -> Pair:
    """tanh x, to some 1e-31 of itself."""
    part = exponential_less_one(scaled(negative(absolute(x)), 2.0))
    found = divide(part, add_double(part, jnp.full_like(x.hi, 2.0)))
    return select(x.hi < 0, found, negative(found))


@partial(jax.jit, inline=True)
def logistic(x: Pair) -> Pair:
    """1/(1 + e⁻ˣ), to the accuracy of the exponential."""
    one = exactly(jnp.ones_like(x.hi))
    power = exponential(negative(absolute(x)))
    return divide(select(x.hi < 0, power, one), add_double(power, one.hi))


@partial(jax.jit, inline=True)
def hyperbolic_sine(x: Pair) -> Pair:
    """sinh x."""
    part = exponential_less_one(absolute(x))
    quotient = divide(part, add_double(part, jnp.ones_like(x.hi)))
    found = scaled(add(part, quotient), 0.5)
    return select(x.hi < 0, negative(found), found)


@partial(jax.jit, inline=True)
def hyperbolic_cosine(x: Pair) -> Pair:
    """cosh x."""
    power = exponential(absolute(x))
    return scaled(add(power, divide(exactly(jnp.ones_like(x.hi)), power)), 0.5)


def _reduced(x: Pair):
    """k and e^r − 1 with x = k log 2 + r, |r| ≤ ½ log 2: Taylor's series of
    e^(r/64) − 1, then six times (e^s − 1)(e^s + 1). Beyond the range of the
    exponential, those of 0."""
    inside = (x.hi <= _LARGEST) & (x.hi >= _LEAST)
    x = select(inside, x, exactly(jnp.zeros_like(x.hi)))
    power = jnp.round(x.hi / LOG_2.hi)
    rest = scaled(less_multiple(x, power, _LOG_2_PARTS), 0.5**_HALVINGS)
    small = multiply(polynomial(_TERMS, rest), rest)
    doubled = lambda s: add_smaller(scaled(s, 2.0), multiply(s, s))
    return power.astype(jnp.int64), repeated(_HALVINGS, doubled, small)
