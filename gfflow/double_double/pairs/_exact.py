"""Sums and products without rounding error (Knuth 1969; Dekker 1971).

A compiler may contract ab + c to one rounding in one kernel and not in another that
computes the same value again; XLA does. Nothing here changes by that: a product that
feeds a sum is either exact, or its last bit is cut off by an integer operation, over
which nothing is contracted. XLA also takes (b + c) − c for b where c is a constant; so
here it is c − (b + c) that is computed, and never its negative.
"""

import jax.numpy as jnp
from jax.lax import bitcast_convert_type
from jaxtyping import Array, Float

from ._pair import Pair

_LAST_BIT = -2
_HALF = 1 << 26
_UPPER = -(1 << 27)

Double = Float[Array, "..."]


def two_sum(a: Double, b: Double) -> Pair:
    """a + b as its rounded value and the exact error (Knuth)."""
    total = a + b
    rest = a - total
    return Pair(total, (a - (total + rest)) + (b + rest))


def fast_two_sum(a: Double, b: Double) -> Pair:
    """`two_sum` where |a| ≥ |b| or a = 0 (Dekker)."""
    total = a + b
    return Pair(total, b + (a - total))


def rounded_product(a: Double, b: Double) -> Double:
    """ab to 52 bits, the same wherever it is computed."""
    return cut(a * b)


def cut(a: Double) -> Double:
    """a without its last bit: what comes out is contracted with nothing."""
    return _masked(a, 0, _LAST_BIT)


def two_product(a: Double, b: Double) -> Pair:
    """ab as `rounded_product` and its error, to 2⁻¹⁰⁴ of ab or better."""
    product = rounded_product(a, b)
    a1, a2 = _split(a)
    b1, b2 = _split(b)
    error = (((a1 * b1 - product) + a1 * b2) + a2 * b1) + a2 * b2
    return Pair(product, error)


def _split(a: Double) -> tuple[Double, Double]:
    """a as the sum of two numbers of at most 26 bits: products of such are exact."""
    upper = _masked(a, _HALF, _UPPER)
    return upper, a - upper


def _masked(a: Double, added: int, mask: int) -> Double:
    bits = bitcast_convert_type(a, jnp.int64)
    return bitcast_convert_type((bits + added) & mask, jnp.float64)
