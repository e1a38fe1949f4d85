"""Sums, products and extremes of pairs over axes."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int

from ._arithmetic import add, equal, less, multiply, select
from ._pair import Pair


def sum_over(x: Pair, axes: Sequence[int]) -> Pair:
    """The sum over some axes, to n·4e-32 of the sum of absolute values."""
    return _reduced(x, axes, add, 0.0)


def product_over(x: Pair, axes: Sequence[int]) -> Pair:
    """The product over some axes."""
    return _reduced(x, axes, multiply, 1.0)


def maximum(a: Pair, b: Pair) -> Pair:
    """The larger of two; not a number where one is not."""
    return _extreme(less(a, b), a, b)


def minimum(a: Pair, b: Pair) -> Pair:
    """The smaller of two; not a number where one is not."""
    return _extreme(less(b, a), a, b)


def maximum_over(x: Pair, axes: Sequence[int]) -> Pair:
    """The largest over some axes."""
    return _reduced(x, axes, maximum, -jnp.inf)


def minimum_over(x: Pair, axes: Sequence[int]) -> Pair:
    """The smallest over some axes."""
    return _reduced(x, axes, minimum, jnp.inf)


def first_index(x: Pair, extreme: Pair, axis: int, dtype) -> Int[Array, "..."]:
    """The first index along an axis at which x is `extreme`, of a shape without it."""
    spread = Pair(*(jnp.expand_dims(part, axis) for part in extreme))
    spread = Pair(*(jnp.broadcast_to(part, x.shape) for part in spread))
    return lax.argmax(equal(x, spread), axis, dtype)


def sum_of_products(a: Pair, b: Pair, axes: Sequence[int]) -> Pair:
    """Σ ab over some axes of two arrays of one shape."""
    return sum_over(multiply(a, b), axes)


def _reduced(
    x: Pair, axes: Sequence[int], operation: Callable[[Pair, Pair], Pair], start: float
) -> Pair:
    axes = tuple(int(axis) for axis in axes)
    starts = (jnp.asarray(start, jnp.float64), jnp.asarray(0.0, jnp.float64))
    step = lambda one, other: tuple(operation(Pair(*one), Pair(*other)))
    return Pair(*lax.reduce((x.hi, x.lo), starts, step, axes))


def _extreme(second, a: Pair, b: Pair) -> Pair:
    found = select(second, b, a)
    return select(jnp.isnan(b.hi), b, found)
