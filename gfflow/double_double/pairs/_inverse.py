"""Inverse functions, by Newton's steps from their values in float64."""

from functools import partial

import jax
import jax.numpy as jnp

from ._arithmetic import (
    add,
    add_double,
    divide,
    exactly,
    multiply,
    negative,
    select,
    subtract,
)
from ._fixed_pair import nearest
from ._pair import Pair
from ._series import full_like
from ._trigonometric import HALF_PI_DIGITS, cosine, sine

_HALF_PI = nearest(HALF_PI_DIGITS)


@partial(jax.jit, inline=True)
def cube_root(x: Pair) -> Pair:
    """x^⅓, to some 1e-31 of itself: r + (x − r³)/3r², twice, as it is known to a part
    of 1e-14 only at first."""
    first = jnp.cbrt(x.hi)
    regular = (x.hi != 0) & jnp.isfinite(first)
    root = exactly(jnp.where(regular, first, 1.0))
    for _ in range(2):
        square = multiply(root, root)
        rest = subtract(x, multiply(square, root))
        root = add_double(root, rest.hi / (3 * square.hi))
    return select(regular, root, exactly(first))


@partial(jax.jit, inline=True)
def arc_tangent(x: Pair) -> Pair:
    """arctan x, to some 1e-31 of itself; beyond 1 it is ±π/2 − arctan 1/x."""
    far = jnp.abs(x.hi) > 1
    quarter = full_like(x, _HALF_PI)
    quarter = select(x.hi < 0, negative(quarter), quarter)
    near = select(far, divide(exactly(jnp.ones_like(x.hi)), x), x)
    angle = _arc_tangent(near)
    return select(far, subtract(quarter, angle), angle)


def _arc_tangent(x: Pair) -> Pair:
    """With a = arctan x in float64 it is a + z, tan z = (x cos a − sin a)/(cos a +
    x sin a) ~ 1e-16."""
    angle = exactly(jnp.arctan(x.hi))
    down, across = sine(angle), cosine(angle)
    above = subtract(multiply(x, across), down)
    below = add(across, multiply(x, down))
    return add(angle, divide(above, below))
