"""What `solve` was asked for, validated and turned into arrays."""

import diffrax
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from ._core import Settings, diffrax_norm
from ._errors import SolveError
from ._problem import Problem
from ._times import log_times
from ._typing import IntScalarLike, ScalarLike, State
from .solvers import solver_by_name

DEFAULT_SOLVER = "dopri8"
DEFAULT_COUNT = 50


def least_tolerance(dtype) -> float:
    """The smallest `rtol` that a dtype can reach: ten times its precision."""
    return 10 * float(jnp.finfo(dtype).eps)


def default_tolerance(dtype) -> float:
    """1e-10 in double precision, 1e-5 in single."""
    return 1e-10 if jnp.finfo(dtype).bits >= 64 else 1e-5


def is_traced(*trees) -> bool:
    """Whether any leaf is being traced by `jit`, `vmap` or `grad`."""
    return any(isinstance(x, jax.core.Tracer) for x in jtu.tree_leaves(trees))


def make_settings(
    problem: Problem,
    state: State,
    rtol: ScalarLike | None,
    atol: ScalarLike | None,
    max_steps: IntScalarLike,
    stop_gradient_norm: ScalarLike | None,
    stop_loss: ScalarLike | None,
) -> Settings:
    """The numbers of an integration as arrays of the problem's dtype.

    **Raises:** `SolveError` for a number out of range, or a tolerance under the dtype's
    reach.
    """
    dtype = problem.dtype
    if not jnp.finfo(dtype).bits >= 32:
        raise SolveError(
            f"parameters of {dtype} are too coarse for a flow; use float64"
        )
    rtol = default_tolerance(dtype) if rtol is None else rtol
    positive("rtol", rtol)
    least = least_tolerance(dtype)
    if not is_traced(rtol) and float(rtol) < least:
        raise SolveError(
            f"rtol={float(rtol):.3g} is under the reach of {dtype} (at least "
            f"{least:.2g}); raise it"
            + (
                ", or use float64: jax.config.update('jax_enable_x64', True) before "
                "the model is made"
                if dtype == jnp.float32
                else ""
            )
        )
    if atol is None:
        size = diffrax_norm(state)
        atol = rtol * jnp.where(size > 0, size, 1.0)
    else:
        positive("atol", atol)
    positive("max_steps", max_steps)
    number = lambda x: None if x is None else jnp.asarray(x, dtype)
    if stop_gradient_norm is not None:
        positive("stop_gradient_norm", stop_gradient_norm)
    return Settings(
        rtol=jnp.asarray(rtol, dtype),
        atol=jnp.asarray(atol, dtype),
        max_steps=jnp.asarray(max_steps, int),
        stop_gradient_norm=number(stop_gradient_norm),
        stop_loss=number(stop_loss),
    )


def make_grid(
    t0: ScalarLike, t1: ScalarLike | None, saveat: Array | None, dtype
) -> Float[Array, " T"]:
    """t0, the saved times, and t1 if it is not the last of them.

    **Raises:** `SolveError` for times that do not increase, or lie outside of (t0, t1].
    """
    if saveat is None and t1 is None:
        raise SolveError("solve needs t1, or the times to save at (saveat=...)")
    if saveat is None:
        if not is_traced(t0, t1) and not 0 < float(t1) - float(t0) < float("inf"):
            raise SolveError(f"t1 must lie after t0; got t0={t0}, t1={t1}")
        fractions = log_times(1e-4, 1.0, DEFAULT_COUNT)[:-1].astype(dtype)
        saveat = t0 + fractions * (t1 - t0)
    if jnp.ndim(saveat) != 1 or jnp.size(saveat) == 0:
        raise SolveError(f"saveat is a list of times; got shape {jnp.shape(saveat)}")
    traced = is_traced(saveat, t0, t1)
    saveat = jnp.asarray(saveat, dtype) if traced else np.asarray(saveat, dtype)
    start = jnp.asarray(t0, dtype)[None]
    if traced:
        end = jnp.asarray([] if t1 is None else [t1], dtype)
        return jnp.concatenate([start, saveat, end])
    times = saveat
    if not np.all(np.isfinite(times)):
        raise SolveError("the saved times must be finite")
    if np.any(np.diff(times) <= 0):
        i = int(np.argmax(np.diff(times) <= 0))
        raise SolveError(
            f"saved times must increase; got {times[i]:.6g} and then {times[i + 1]:.6g}"
        )
    times = times[1:] if times[0] == float(t0) else times
    last = times[-1] if t1 is None else np.asarray(t1, times.dtype)
    if times.size and (times[0] <= float(t0) or times[-1] > last):
        raise SolveError(
            f"saved times must lie in (t0, t1] = ({float(t0):.6g}, {float(last):.6g}]; "
            f"got {times[0]:.6g} to {times[-1]:.6g}"
        )
    if not times.size or times[-1] < last:
        times = np.append(times, last)
    return jnp.concatenate([start, jnp.asarray(times, dtype)])


def make_solver(
    solver: str | diffrax.AbstractSolver | None,
) -> diffrax.AbstractSolver:
    """A solver from its name; Dopri8 by default."""
    if solver is None or isinstance(solver, str):
        return solver_by_name(solver or DEFAULT_SOLVER)
    if not isinstance(solver, diffrax.AbstractSolver):
        raise SolveError(
            "solver is a Diffrax solver or the name of one; "
            f"got {type(solver).__name__}"
        )
    return solver


def positive(name: str, value: ScalarLike) -> None:
    """Refuse a concrete value that is not positive and finite."""
    if is_traced(value):
        return
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SolveError(f"{name} must be a number; got {value!r}") from None
    if not 0 < number < float("inf"):
        raise SolveError(f"{name} must be positive and finite; got {number:g}")
