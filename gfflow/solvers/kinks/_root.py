"""A change of sign, located."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_MOST = 60


def last_outside(
    function: Callable[[Array], Array],
    low: Float[Array, ""],
    high: Float[Array, ""],
) -> Float[Array, ""]:
    """The end of [low, high] at which a function is below 0, after the bracket of its
    change of sign has shrunk to round-off; it is positive at `low`, or taken to be.

    By the method of Oliveira & Takahashi (ITP; ACM Trans. Math. Software 47, 2020): as
    safe as halving, and superlinear where the function is smooth.
    """
    epsilon = 2 * jnp.finfo(low.dtype).eps
    width = high - low
    factor = 0.2 / jnp.where(width > 0, width, 1)
    halvings = jnp.ceil(jnp.log2(jnp.maximum(width / (2 * epsilon), 1)))

    def step(carry):
        count, low, high, above, below = carry
        middle, width = (low + high) / 2, high - low
        slack = epsilon * 2.0 ** (halvings + 1 - count) - width / 2
        chord = (above * high - below * low) / jnp.where(
            above > below, above - below, 1
        )
        toward = jnp.sign(middle - chord)
        shift = jnp.minimum(factor * width**2, jnp.abs(middle - chord))
        truncated = chord + toward * shift
        near = jnp.abs(truncated - middle) <= slack
        at = jnp.where(near, truncated, middle - toward * slack)
        at = jnp.where((at > low) & (at < high), at, middle)
        value = function(at)
        out = value < 0
        return (
            count + 1,
            jnp.where(out, low, at),
            jnp.where(out, at, high),
            jnp.where(out, above, value),
            jnp.where(out, value, below),
        )

    def going(carry):
        count, low, high, *_ = carry
        return (high - low > 2 * epsilon) & (count < _MOST)

    above = jnp.maximum(function(low), 0)
    first = jnp.zeros((), low.dtype), low, high, above, function(high)
    return jax.lax.while_loop(going, step, first)[2]
