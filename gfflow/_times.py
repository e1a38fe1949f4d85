"""Grids of saved times."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._errors import SolveError
from ._typing import ScalarLike


def log_times(first: ScalarLike, last: ScalarLike, count: int) -> Float[Array, " n"]:
    """`count` flow times from `first` to `last`, both included, in geometric steps.

    **Raises:** `SolveError` unless 0 < first <= last and count is positive.
    """
    xp = _check(first, last, count, positive=True)
    grid = xp.exp(xp.linspace(xp.log(first), xp.log(last), count))
    return _with_ends(xp, grid, first, last)


def linear_times(first: ScalarLike, last: ScalarLike, count: int) -> Float[Array, " n"]:
    """`count` equally spaced flow times from `first` to `last`, both included.

    **Raises:** `SolveError` unless first <= last and count is positive.
    """
    xp = _check(first, last, count, positive=False)
    return _with_ends(xp, xp.linspace(first, last, count), first, last)


def _with_ends(xp, grid, first, last):
    index = np.arange(len(grid))
    grid = xp.where(index == len(grid) - 1, last, grid)
    return xp.where(index == 0, first, grid)


def _check(first, last, count, positive):
    """NumPy where both ends are known, JAX where one is being traced."""
    if not isinstance(count, int | np.integer) or count < 1:
        raise SolveError(f"the number of times must be positive; got {count!r}")
    if any(isinstance(x, jax.core.Tracer) for x in (first, last)):
        return jnp
    if positive and not 0 < first <= last < float("inf"):
        raise SolveError(
            "logarithmic times need 0 < first <= last; "
            f"got first={first!r}, last={last!r}"
        )
    if not positive and not first <= last:
        raise SolveError(f"times need first <= last; got {first!r}, {last!r}")
    return np
