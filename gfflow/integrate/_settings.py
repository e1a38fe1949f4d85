"""What `solve` was asked for, validated and turned into arrays."""

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from .._checks import is_traced, positive
from .._errors import SolveError
from .._tolerance import default_tolerance, least_tolerance, shown_least_tolerance
from .._typing import IntScalarLike, Scalar, ScalarLike, State
from ..problem import Problem
from ..solvers import adapted, solver_by_name
from ._norms import root_mean_square

DEFAULT_SOLVER = "auto"


class Settings(eqx.Module):
    """The numbers of an integration, all arrays, so that none of them recompiles.

    `stop_gradient_norm` and `stop_loss` are `None` (a different program) or arrays.
    """

    rtol: Scalar
    atol: Scalar
    max_steps: Array
    stop_gradient_norm: Scalar | None
    stop_loss: Scalar | None


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
            f"{shown_least_tolerance(dtype)}); raise it"
            + (
                ", or use float64: jax.config.update('jax_enable_x64', True) before "
                "the model is made"
                if dtype == jnp.float32
                else ""
            ),
            argument="rtol",
        )
    if atol is None:
        size = root_mean_square(state)
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


def make_solver(
    solver: str | diffrax.AbstractSolver | None,
) -> diffrax.AbstractSolver:
    """A solver from its name; `Auto` by default.

    **Raises:** `SolveError` for what is not an adaptive solver of gfflow or Diffrax.
    """
    if solver is None or isinstance(solver, str):
        return solver_by_name(solver or DEFAULT_SOLVER)
    if not isinstance(solver, diffrax.AbstractSolver):
        raise SolveError(
            "solver is a Diffrax solver or the name of one; "
            f"got {type(solver).__name__}",
            argument="solver",
        )
    adapted(solver).properties  # refuses what is not adaptive
    return solver
