"""Grids of saved times."""

from types import ModuleType

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._checks import is_traced
from .._errors import SolveError
from .._typing import ScalarLike, Times

DEFAULT_COUNT = 50


def log_times(first: ScalarLike, last: ScalarLike, count: int) -> Times:
    """`count` flow times from `first` to `last`, both included, in geometric steps.

    **Raises:** `SolveError` unless 0 < first <= last and count is positive.
    """
    xp = _check(first, last, count, positive=True)
    grid = xp.exp(xp.linspace(xp.log(first), xp.log(last), count))
    return _with_ends(xp, grid, first, last)


def linear_times(first: ScalarLike, last: ScalarLike, count: int) -> Times:
    """`count` equally spaced flow times from `first` to `last`, both included.

    **Raises:** `SolveError` unless first <= last and count is positive.
    """
    xp = _check(first, last, count, positive=False)
    return _with_ends(xp, xp.linspace(first, last, count), first, last)


def make_grid(
    t0: ScalarLike, t1: ScalarLike | None, saveat: Times | None, dtype
) -> Float[Array, " T"]:
    """t0, the saved times, and t1 if it is not the last of them.

    By default 50 logarithmic times from (t1 − t0)·10⁻⁴. Inside `jit` the last of
    `saveat` cannot be compared with t1, and t1 is always added.

    **Raises:** `SolveError` for times that do not increase, or lie outside of (t0, t1].
    """
    if saveat is None:
        saveat = _default_times(t0, t1, dtype)
    if jnp.ndim(saveat) != 1 or jnp.size(saveat) == 0:
        raise SolveError(
            f"saveat is a list of times; got shape {jnp.shape(saveat)}",
            argument="saveat",
        )
    start = jnp.asarray(t0, dtype)[None]
    if is_traced(saveat, t0, t1):
        end = jnp.asarray([] if t1 is None else [t1], dtype)
        return jnp.concatenate([start, jnp.asarray(saveat, dtype), end])
    times = np.asarray(saveat, dtype)
    if not np.all(np.isfinite(times)):
        raise SolveError("the saved times must be finite", argument="saveat")
    if np.any(np.diff(times) <= 0):
        i = int(np.argmax(np.diff(times) <= 0))
        raise SolveError(
            "saved times must increase; "
            f"got {times[i]:.6g} and then {times[i + 1]:.6g}",
            argument="saveat",
        )
    times = times[1:] if times[0] == float(t0) else times
    if t1 is not None and (not times.size or times[-1] < float(t1)):
        times = np.append(times, np.asarray(t1, dtype))
    last = float(t0) if not times.size else times[-1] if t1 is None else float(t1)
    if not times.size or times[0] <= float(t0) or times[-1] > np.asarray(last, dtype):
        raise SolveError(
            f"saved times must lie in (t0, t1] = ({float(t0):.6g}, {last:.6g}]; "
            f"got {np.asarray(saveat)[0]:.6g} to {np.asarray(saveat)[-1]:.6g}",
            argument="saveat",
        )
    return jnp.concatenate([start, jnp.asarray(times, dtype)])


def _default_times(t0: ScalarLike, t1: ScalarLike | None, dtype) -> Times:
    if t1 is None:
        raise SolveError(
            "solve needs t1, or the times to save at (saveat=...)", argument="t1"
        )
    if not is_traced(t0, t1) and not 0 < float(t1) - float(t0) < float("inf"):
        raise SolveError(f"t1 must lie after t0; got t0={t0}, t1={t1}", argument="t1")
    fractions = log_times(1e-4, 1.0, DEFAULT_COUNT)[:-1].astype(dtype)
    return t0 + fractions * (t1 - t0)


def _with_ends(xp: ModuleType, grid, first, last) -> Times:
    index = np.arange(len(grid))
    grid = xp.where(index == len(grid) - 1, last, grid)
    return xp.where(index == 0, first, grid)


def _check(first, last, count, positive) -> ModuleType:
    """NumPy where both ends are known, JAX where one is being traced."""
    if not isinstance(count, int | np.integer) or count < 1:
        raise SolveError(f"the number of times must be positive; got {count!r}")
    if is_traced(first, last):
        return jnp
    if positive and not 0 < first <= last < float("inf"):
        raise SolveError(
            "logarithmic times need 0 < first <= last; "
            f"got first={first!r}, last={last!r}"
        )
    if not positive and not first <= last:
        raise SolveError(f"times need first <= last; got {first!r}, {last!r}")
    return np
