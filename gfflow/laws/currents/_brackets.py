"""Brackets of fields, by nested differentiation."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._typing import Scalar

_NOISE = 1e-10

Vector = Float[Array, " S"]


def bracket(fields: Sequence[Callable[[Vector], Vector]], z: Vector) -> Vector:
    """[X_k, [… [X_1, X_0]]] at z, over the length against which its round-off is
    read."""
    made, size = _nested(fields)(z)
    return made / jnp.where(size > 0, size, 1)


def _nested(
    fields: Sequence[Callable[[Vector], Vector]],
) -> Callable[[Vector], tuple[Vector, Scalar]]:
    """z → the bracket, and that length.

    [X, Z] = ∂Z·X − ∂X·Z. That is the sum of the lengths of the two terms, times what
    the inner bracket lost to cancellation; one that lost nearly all of it is 0.
    """
    last = fields[-1]
    if len(fields) == 1:
        return lambda z: (last(z), jnp.asarray(0.0))
    before = _nested(fields[:-1])

    def bracket(z):
        x = last(z)
        (inner, size), (gained, _) = jax.jvp(before, (z,), (x,))
        lost = jax.jvp(last, (z,), (inner,))[1]
        left = jax.lax.stop_gradient(jnp.linalg.norm(inner))
        noise = left <= _NOISE * size
        cancelled = jnp.maximum(size / jnp.where(noise, 1, left), 1)
        scale = cancelled * (jnp.linalg.norm(gained) + jnp.linalg.norm(lost))
        return jnp.where(noise, 0, gained - lost), jax.lax.stop_gradient(scale)

    return bracket
