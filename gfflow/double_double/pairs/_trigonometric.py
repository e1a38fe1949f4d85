"""Sine and cosine."""

from fractions import Fraction
from functools import partial
from math import factorial

import jax
import jax.numpy as jnp

from ._arithmetic import exactly, multiply, negative, select
from ._fixed_pair import nearest_all
from ._pair import Pair
from ._reduction import less_multiple, parts_of
from ._series import polynomial

HALF_PI_DIGITS = "1.5707963267948966192313216916397514420985846996875529104874723"
_HALF_PI_PARTS = parts_of(HALF_PI_DIGITS, bits=32, count=4)
_TERMS = 15
_SINE = nearest_all([Fraction((-1) ** k, factorial(2 * k + 1)) for k in range(_TERMS)])
_COSINE = nearest_all([Fraction((-1) ** k, factorial(2 * k)) for k in range(_TERMS)])
_FARTHEST = 1e6


@partial(jax.jit, inline=True)
def sine(x: Pair) -> Pair:
    """sin x, to 1e-31 of itself or 1e-34, for |x| ≤ 1e6; not a number beyond."""
    return _turned(x, 0)


@partial(jax.jit, inline=True)
def cosine(x: Pair) -> Pair:
    """cos x, as `sine`."""
    return _turned(x, 1)


def _turned(x: Pair, quarters: int) -> Pair:
    """sin(x + quarters·π/2) by Taylor's series within π/4 of a multiple of π/2."""
    known = jnp.abs(x.hi) <= _FARTHEST
    inside = select(known, x, exactly(jnp.zeros_like(x.hi)))
    multiple = jnp.round(inside.hi / sum(_HALF_PI_PARTS))
    rest = less_multiple(inside, multiple, _HALF_PI_PARTS)
    square = multiply(rest, rest)
    quadrant = (multiple.astype(jnp.int64) + quarters) & 3
    odd = (quadrant & 1) == 1
    found = select(
        odd, polynomial(_COSINE, square), multiply(rest, polynomial(_SINE, square))
    )
    found = select(quadrant > 1, negative(found), found)
    return select(known, found, exactly(jnp.full_like(x.hi, jnp.nan)))
