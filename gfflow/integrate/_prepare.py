"""From the arguments of `solve` to an integration."""

from collections.abc import Sequence

import diffrax
import jax.numpy as jnp

from .._checks import positive
from .._errors import SolveError
from .._typing import IntScalarLike, ScalarLike, Times
from ..flows import AbstractFlow
from ..laws import Law, named_laws
from ..problem import Problem
from ..solvers import adapted
from ._core import Core
from ._integration import Integration
from ._settings import make_settings, make_solver
from ._times import make_grid

MAX_STEPS = 1_000_000
_STATES = 16
_STATE_BYTES = 2**31


def prepare(
    flow: AbstractFlow,
    problem: Problem,
    *,
    t1: ScalarLike | None = None,
    t0: ScalarLike = 0.0,
    rtol: ScalarLike | None = None,
    atol: ScalarLike | None = None,
    saveat: Times | None = None,
    solver: str | diffrax.AbstractSolver | None = None,
    laws: Sequence[Law] = (),
    law_rates: bool = False,
    parameters_every: int | None = None,
    dt0: ScalarLike | None = None,
    max_steps: IntScalarLike = MAX_STEPS,
    stop_gradient_norm: ScalarLike | None = None,
    stop_loss: ScalarLike | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
) -> Integration:
    """What `solve` was asked for, validated; nothing is integrated.

    The solver is made, and fitted to the flow and the tolerance.

    **Arguments:** those of `solve`.

    **Raises:** `SolveError` for settings that cannot be met, with the `argument` that
    is at fault.
    """
    if not isinstance(flow, AbstractFlow):
        raise SolveError(
            "solve integrates a gfflow flow such as GradientFlow(); got "
            f"{type(flow).__name__}. gfflow.solve_stochastic takes a StochasticFlow"
        )
    if not isinstance(problem, Problem):
        raise SolveError(
            "solve integrates a flow of a gfflow.Problem(model, loss, data); got "
            f"{type(problem).__name__}"
        )
    method = make_solver(solver)
    state = flow.initial_state(problem)
    settings = make_settings(
        problem, state, rtol, atol, max_steps, stop_gradient_norm, stop_loss
    )
    method = adapted(method).fitted(flow, problem, settings.rtol)
    grid = make_grid(t0, t1, saveat, problem.dtype)
    if dt0 is not None:
        positive("dt0", dt0)
        dt0 = jnp.asarray(dt0, problem.dtype)
    adjoint = adjoint or diffrax.RecursiveCheckpointAdjoint()
    core = Core(flow, problem, method, adjoint, named_laws(laws), bool(law_rates))
    every = _keep_every(parameters_every, len(grid), problem)
    return Integration(core, grid, settings, dt0, every)


def _keep_every(parameters_every: int | None, rows: int, problem: Problem) -> int:
    """Every how many rows the state is kept; 0 for the first and last only."""
    if parameters_every is None:
        size = problem.size * jnp.finfo(problem.dtype).bits // 8
        fits = size * _STATES <= _STATE_BYTES
        return max(1, -(-rows // _STATES)) if fits else 0
    if not isinstance(parameters_every, int) or parameters_every < 0:
        raise SolveError(
            "parameters_every is a whole number and must not be negative; "
            f"got {parameters_every!r}",
            argument="parameters_every",
        )
    return parameters_every
