"""The error of a trajectory's end, by a second run."""

import jax.numpy as jnp
import jax.tree_util as jtu

from .._checks import is_traced
from .._errors import SolveError
from .._tolerance import least_tolerance
from ..problem import Problem
from ..solvers import adapted
from ._certificate import Certificate
from ._cost import Cost
from ._norms import global_norm
from ._prepare import prepare
from ._run import integrate
from ._solution import Solution
from ._status import Status

_FINER = 30.0


def certify(solution: Solution) -> Certificate:
    """The distance of a solution's last state to that of a finer run of another order.

    The tolerance is a thirtieth, or the least that the dtype can reach; the method has
    two stages more (Auto, Radau IIA, Gauss–Legendre), or is Auto. The finer run's own
    error is far smaller unless round-off decides, so that the distance is the error
    itself; where the tolerance was the least already, it is the error of the worse of
    two methods. Both start at t0 and end where the solution ended.

    **Arguments:**

    - `solution`: from `gfflow.solve` or `gfflow.load`. Inside `jit`, where a solution
        does not hold its problem, take `gfflow.solve(..., certify=True)`.

    **Raises:** `SolveError` for a solution without a problem.
    """
    return certificate_of(solution, problem_of(solution, "solve(..., certify=True)"))


def certificate_of(solution: Solution, problem: Problem) -> Certificate:
    """The certificate of a solution of this problem, inside `jit` too."""
    rtol, atol = solution.settings.rtol, solution.settings.atol
    least = jnp.asarray(least_tolerance(problem.dtype), rtol.dtype)
    finer = jnp.maximum(rtol / _FINER, least)
    steps = solution.accepted_steps + solution.rejected_steps
    other = adapted(solution.solver).finer()
    name = adapted(other).properties.name
    first, last = solution.grid[0], solution.state_ts[-1]
    if not is_traced(first, last) and float(first) == float(last):
        zero = jnp.zeros((), rtol.dtype)
        nothing = Cost(0, 0, 0, 0.0, 0.0, 0.0)
        return Certificate(zero, zero, finer, name, Status.successful, nothing)
    second = integrate(
        prepare(
            solution.flow,
            problem,
            t0=first,
            saveat=last[None],
            rtol=finer,
            atol=atol * finer / rtol,
            solver=other,
            parameters_every=0,
            max_steps=20 * steps + 10_000,
        )
    )
    difference = jtu.tree_map(jnp.subtract, solution.state, second.state)
    size = global_norm(second.state)
    error = global_norm(difference) / jnp.where(size > 0, size, 1)
    sizes = [jnp.max(jnp.abs(leaf)) for leaf in jtu.tree_leaves(difference)]
    reached = second.status == Status.successful
    known = lambda x: jnp.where(reached, x, jnp.nan)
    return Certificate(
        error=known(error),
        largest=known(jnp.max(jnp.stack(sizes))),
        rtol=finer,
        solver=name,
        status=second.status,
        cost=second.cost,
    )


def problem_of(solution: Solution, instead: str) -> Problem:
    """The problem of a solution.

    **Raises:** `SolveError` if it was made inside `jit`, which says what to do
    `instead`.
    """
    if not isinstance(solution, Solution):
        raise SolveError(f"wanted a gfflow.Solution; got {type(solution).__name__}")
    if solution.problem is None:
        raise SolveError(
            f"a solution made inside jit does not hold its problem; take {instead}"
        )
    return solution.problem
