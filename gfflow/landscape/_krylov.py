"""The next orthonormal direction of a Krylov space."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .._typing import BoolScalar, Scalar


def next_direction(
    image: Float[Array, " D"],
    basis: Float[Array, "k D"],
    *,
    scale: Scalar,
    key: PRNGKeyArray,
    index: Int[Array, ""],
    restart: BoolScalar | bool = False,
) -> tuple[Float[Array, " D"], Scalar]:
    """A unit vector orthogonal to the basis: the rest of `image`, or a random one.

    A rest of 100 ε of `scale` or less is round-off: the space is invariant, and a
    random direction goes on in its complement (Parlett 1980, §13.3).

    **Arguments:**

    - `image`: the operator applied to the last direction.
    - `basis`: the directions so far as orthonormal rows; rows of zeros count as none.
    - `scale`: the size of an image, against which round-off is told.
    - `key`, `index`: of the random direction.
    - `restart`: take the random direction all the same.

    **Returns:** the direction, and the length of the rest, 0 where it was not taken.
    """
    rest = _orthogonal(image, basis)
    size = jnp.linalg.norm(rest)
    fresh = (size <= 100 * jnp.finfo(image.dtype).eps * scale) | restart
    drawn = _orthogonal(random_vector(key, index, image), basis)
    direction = jnp.where(fresh, drawn, rest)
    return direction / jnp.linalg.norm(direction), jnp.where(fresh, 0.0, size)


def random_vector(
    key: PRNGKeyArray, index: Int[Array, ""] | int, like: Float[Array, " D"]
) -> Float[Array, " D"]:
    """A Gaussian vector, another one for every index."""
    return jax.random.normal(jax.random.fold_in(key, index), like.shape, like.dtype)


def _orthogonal(vector, basis) -> Array:
    """What is left of a vector, orthogonalised twice (Parlett 1980, §6.9)."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector
