"""Arithmetic on pairs (Hida, Li & Bailey 2001; Joldes, Muller & Popescu 2017).

Every result is normalised. With u = 2⁻⁵³ the relative error is at most 3u² for a sum,
and some 10u² for a product, 15u² for a quotient or a root: 2e-31 at worst.
"""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from jax.lax import bitcast_convert_type
from jaxtyping import Array, Bool, Int

from ._exact import Double, cut, fast_two_sum, rounded_product, two_product, two_sum
from ._pair import Pair


def exactly(a: Double) -> Pair:
    """A float64 number as a pair."""
    return Pair(a, jnp.zeros_like(a))


@partial(jax.jit, inline=True)
def add(a: Pair, b: Pair) -> Pair:
    """a + b; infinite where that is."""
    total, error = two_sum(a.hi, b.hi)
    small, rest = two_sum(a.lo, b.lo)
    upper, error = fast_two_sum(total, error + small)
    upper, error = fast_two_sum(upper, error + rest)
    finite = jnp.isfinite(total)
    return Pair(jnp.where(finite, upper, total), jnp.where(finite, error, 0.0))


@partial(jax.jit, inline=True)
def add_double(a: Pair, b: Double) -> Pair:
    """a + b for a float64 number b; 13 operations where `add` has 20."""
    total, error = two_sum(a.hi, b)
    upper, error = fast_two_sum(total, error + a.lo)
    finite = jnp.isfinite(total)
    return Pair(jnp.where(finite, upper, total), jnp.where(finite, error, 0.0))


def add_smaller(a: Pair, b: Pair) -> Pair:
    """a + b where both are finite and |a| ≥ 2|b|."""
    total, error = fast_two_sum(a.hi, b.hi)
    return fast_two_sum(total, error + (a.lo + b.lo))


@partial(jax.jit, inline=True)
def subtract(a: Pair, b: Pair) -> Pair:
    """a − b."""
    return add(a, negative(b))


@partial(jax.jit, inline=True)
def multiply(a: Pair, b: Pair) -> Pair:
    """ab."""
    product, error = two_product(a.hi, b.hi)
    cross = rounded_product(a.hi, b.lo) + rounded_product(a.lo, b.hi)
    return fast_two_sum(product, error + cross)


@partial(jax.jit, inline=True)
def divide(a: Pair, b: Pair) -> Pair:
    """a/b, by two steps of long division; where b is ±0 or infinite, that of the
    leading parts. By a constant, XLA multiplies by its inverse: hence the cuts."""
    first = cut(a.hi / b.hi)
    product, error = two_product(b.hi, first)
    product = fast_two_sum(product, error + rounded_product(b.lo, first))
    second = cut(subtract(a, product).hi / b.hi)
    regular = jnp.isfinite(first) & jnp.isfinite(b.hi)
    quotient = fast_two_sum(first, jnp.where(regular, second, 0.0))
    return select(regular, quotient, exactly(a.hi / b.hi))


@partial(jax.jit, inline=True)
def square_root(a: Pair) -> Pair:
    """√a, by one step of Newton on the leading part (Karp & Markstein 1997)."""
    first = jnp.sqrt(a.hi)
    regular = (first > 0) & jnp.isfinite(first)
    safe = jnp.where(regular, first, 1.0)
    rest = subtract(a, two_product(safe, safe)).hi
    root = fast_two_sum(safe, 0.5 * (rest / safe))
    return select(regular, root, exactly(first))


@partial(jax.jit, inline=True)
def negative(a: Pair) -> Pair:
    """−a."""
    return Pair(-a.hi, -a.lo)


@partial(jax.jit, inline=True)
def absolute(a: Pair) -> Pair:
    """|a|."""
    return select(a.hi < 0, negative(a), a)


def less(a: Pair, b: Pair) -> Bool[Array, "..."]:
    """a < b."""
    return (a.hi < b.hi) | ((a.hi == b.hi) & (a.lo < b.lo))


def equal(a: Pair, b: Pair) -> Bool[Array, "..."]:
    """a = b."""
    return (a.hi == b.hi) & (a.lo == b.lo)


def select(condition: Bool[Array, "..."], yes: Pair, no: Pair) -> Pair:
    """`yes` where the condition holds, else `no`."""
    return Pair(
        jnp.where(condition, yes.hi, no.hi), jnp.where(condition, yes.lo, no.lo)
    )


def rounded_down(a: Pair) -> Pair:
    """The largest whole number that is not above a."""
    upper = jnp.floor(a.hi)
    return two_sum(upper, jnp.where(upper == a.hi, jnp.floor(a.lo), 0.0))


def scaled(a: Pair, factor: float) -> Pair:
    """a times a power of two: exact."""
    return Pair(a.hi * factor, a.lo * factor)


def shifted(a: Pair, power: Int[Array, "..."]) -> Pair:
    """a·2^power, power an int64 array of its shape from −2000 to 2000; exact unless it
    overflows or underflows."""
    half = power // 2
    one, other = power_of_two(half), power_of_two(power - half)
    return Pair(a.hi * one * other, a.lo * one * other)


def exponent(a: Double) -> Int[Array, "..."]:
    """e of |a| = m·2^e, 1 ≤ m < 2, for normal numbers."""
    bits = cast(Array, bitcast_convert_type(a, jnp.int64))
    return ((bits >> 52) & 0x7FF) - 1023


def power_of_two(power: Int[Array, "..."]) -> Double:
    """2^power for powers from −1022 to 1023."""
    return bitcast_convert_type((power + 1023) << 52, jnp.float64)
