"""Logarithms, and powers of real exponent."""

from functools import partial

import jax
import jax.numpy as jnp

from ._arithmetic import (
    add,
    add_double,
    exactly,
    exponent,
    multiply,
    select,
    shifted,
)
from ._exact import rounded_product
from ._exponential import LOG_2, exponential, exponential_less_one
from ._pair import Pair
from ._series import full_like

_NEAR = 0.25
_ROOT_HALF = 0.7071067811865476


@partial(jax.jit, inline=True)
def logarithm(x: Pair) -> Pair:
    """log x, to some 1e-31 of itself; −∞ at 0, not a number below."""
    return _logarithm(x, add_double(x, -jnp.ones_like(x.hi)))


@partial(jax.jit, inline=True)
def logarithm_of_one_plus(x: Pair) -> Pair:
    """log(1 + x), to some 1e-31 of itself."""
    return _logarithm(add_double(x, jnp.ones_like(x.hi)), x)


@partial(jax.jit, inline=True)
def power(x: Pair, exponent_: Pair) -> Pair:
    """x^y for x ≥ 0, as e^(y log x): to 1e-31 + |y log x|·1e-31 of itself."""
    found = exponential(multiply(exponent_, logarithm(x)))
    zero = exactly(jnp.zeros_like(x.hi))
    one = exactly(jnp.ones_like(x.hi))
    found = select((x.hi == 0) & (exponent_.hi > 0), zero, found)
    return select(exponent_.hi == 0, one, found)


def _logarithm(x: Pair, less_one: Pair) -> Pair:
    """log x of x and x − 1: one step from the double y of log(1 + u), to second
    order: log(1 + u) = y + log(1 + z), z = u + (e⁻ʸ − 1)(1 + u) ~ 1e-16.
    Far from 1, u + 1 is x over a power of two."""
    one = exactly(jnp.ones_like(x.hi))
    near = jnp.abs(less_one.hi) < _NEAR
    regular = (x.hi > 0) & jnp.isfinite(x.hi)
    number = select(regular, x, one)
    shift = exponent(number.hi * _ROOT_HALF) + 1
    shift = jnp.where(near, 0, shift)
    far = add_double(shifted(number, -shift), -one.hi)
    u = select(near, less_one, far)
    guess = jnp.log1p(u.hi)
    change = exponential_less_one(exactly(-guess))
    z = add(u, multiply(change, add_double(u, one.hi)))
    z = add_double(z, -rounded_product(z.hi, 0.5 * z.hi))
    found = add_double(z, guess)
    whole = multiply(full_like(x, LOG_2), exactly(shift.astype(jnp.float64)))
    return select(regular, add(found, whole), exactly(jnp.log(x.hi)))
