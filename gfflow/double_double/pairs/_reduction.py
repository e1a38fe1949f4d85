"""Reduction of arguments by multiples of a constant (Cody & Waite 1980)."""

from fractions import Fraction
from math import floor, frexp

import jax.numpy as jnp

from ._arithmetic import add_double
from ._exact import Double, rounded_product
from ._pair import Pair


def parts_of(digits: str, bits: int, count: int) -> tuple[float, ...]:
    """A constant as a sum of float64 numbers of so many bits each, the last of 53: a
    whole number below 2^(53 − bits) times one of the others is exact."""
    left = Fraction(digits)
    parts = []
    for _ in range(count - 1):
        unit = Fraction(2) ** (frexp(float(left))[1] - bits)
        part = floor(left / unit) * unit
        parts.append(float(part))
        left -= part
    return (*parts, float(left))


def less_multiple(x: Pair, multiple: Double, parts: tuple[float, ...]) -> Pair:
    """x − multiple·Σ parts."""
    for part in parts[:-1]:
        x = add_double(x, -multiple * part)
    return add_double(x, -rounded_product(multiple, jnp.float64(parts[-1])))
