"""The error function and its complement."""

from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial
from math import factorial
from typing import cast

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax

from ._arithmetic import (
    absolute,
    add,
    add_double,
    divide,
    exactly,
    multiply,
    negative,
    scaled,
    select,
    subtract,
)
from ._exponential import exponential
from ._fixed_pair import nearest, nearest_all
from ._pair import Pair
from ._series import full_like, polynomial

_TWO_OVER_ROOT_PI = nearest(
    "1.1283791670955125738961589031215451716881012586579977136881714"
)
_STEP = Fraction(45, 128)
_STEP_OVER_PI = nearest(
    _STEP / Fraction("3.1415926535897932384626433832795028841971693993751058209749446")
)
_TAYLOR = nearest_all(
    [Fraction((-1) ** k, factorial(k) * (2 * k + 1)) for k in range(32)]
)
_NODES = 27
with localcontext(prec=60):
    _EXACT_SQUARES = [(k * _STEP) ** 2 for k in range(_NODES)]
    _WEIGHTS = nearest_all(
        [
            Fraction(1 if k == 0 else 2)
            * Fraction((-Decimal(s.numerator) / Decimal(s.denominator)).exp())
            for k, s in enumerate(_EXACT_SQUARES)
        ]
    )
_SQUARES = nearest_all(_EXACT_SQUARES)
_CHANGE, _LARGEST = 1.0, 27.3


@partial(jax.jit, inline=True)
def error_function(x: Pair) -> Pair:
    """erf x, to some 1e-31 of itself."""
    size = absolute(x)
    one = exactly(jnp.ones_like(x.hi))
    far = subtract(one, _complement(size))
    found = select(size.hi < _CHANGE, _taylor(size), far)
    return select(x.hi < 0, negative(found), found)


@partial(jax.jit, inline=True)
def complementary_error_function(x: Pair) -> Pair:
    """1 − erf x, to (1 + x²)·1e-31 of itself where it is above 1e-290; 0
    from 27.3 up."""
    size = absolute(x)
    one = exactly(jnp.ones_like(x.hi))
    near = subtract(one, _taylor(x))
    far = _complement(size)
    far = select(x.hi < 0, subtract(scaled(one, 2.0), far), far)
    return select(size.hi < _CHANGE, near, far)


def _taylor(x: Pair) -> Pair:
    near = select(jnp.abs(x.hi) < _CHANGE, x, exactly(jnp.zeros_like(x.hi)))
    series = polynomial(_TAYLOR, multiply(near, near))
    return multiply(full_like(x, _TWO_OVER_ROOT_PI), multiply(near, series))


def _complement(x: Pair) -> Pair:
    """erfc x for x ≥ 1 by the trapezoidal rule for
    (2x/π)e^(−x²) ∫₀^∞ e^(−t²)/(t² + x²) dt, with the residue at t = ix while that is
    nearer than π/h (Chiarella & Reichel 1968): the error is e^(−π²/h²) ~ 2e-35."""
    inside = select(x.hi >= _CHANGE, x, exactly(jnp.ones_like(x.hi)))
    inside = select(inside.hi < _LARGEST, inside, exactly(jnp.ones_like(x.hi)))
    square = multiply(inside, inside)
    one = exactly(jnp.ones_like(x.hi))

    def entry(table, index):
        return Pair(*(jnp.full_like(x.hi, part[index]) for part in table))

    def node(index, total):
        weight, place = (entry(table, index) for table in nodes)
        return add(total, divide(weight, add(place, square)))

    nodes = jtu.tree_map(jnp.asarray, (_WEIGHTS, _SQUARES))
    total = cast(Pair, lax.fori_loop(0, _NODES, node, exactly(jnp.zeros_like(x.hi))))
    turn = divide(scaled(inside, 2.0), full_like(x, _STEP_OVER_PI))
    powers = exponential(
        Pair(
            -jnp.stack([square.hi, turn.hi]),
            -jnp.stack([square.lo, turn.lo]),
        )
    )
    power, turned = (Pair(powers.hi[k], powers.lo[k]) for k in range(2))
    factor = multiply(full_like(x, _STEP_OVER_PI), inside)
    found = multiply(multiply(factor, power), total)
    less = add_double(negative(turned), one.hi)
    residue = divide(scaled(turned, 2.0), less)
    near = turn.hi < 2 * float(1 / _STEP_OVER_PI.hi) ** 2
    found = select(near, subtract(found, residue), found)
    return select(x.hi < _LARGEST, found, exactly(jnp.zeros_like(x.hi)))
