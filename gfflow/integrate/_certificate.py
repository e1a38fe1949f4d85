"""The error of a trajectory's end, by a second run."""

from collections.abc import Callable

import jax.numpy as jnp
import jax.tree_util as jtu

from .._tolerance import least_tolerance
from .._typing import Scalar
from ..flows import AbstractFlow
from ..solvers import adapted
from ._core import global_norm
from ._solution import Certificate, Solution
from ._status import Status

_FINER = 30.0


def certify(
    solve: Callable[..., Solution],
    flow: AbstractFlow,
    problem,
    solution: Solution,
    t1: Scalar,
) -> Certificate:
    """The distance of a solution's last state to that of a finer run of another order.

    The tolerance is a thirtieth, or the least that the dtype can reach; the method has
    two stages more (Auto, Radau IIA, Gauss–Legendre), or is Auto. The finer run's own
    error is far smaller unless round-off decides, so that the distance is the error
    itself; where the tolerance was the least already, it is the error of the worse of
    two methods.

    **Arguments:**

    - `solve`: `gfflow.solve`.
    - `t1`: where the solution ended.
    """
    rtol, atol = solution.settings.rtol, solution.settings.atol
    least = jnp.asarray(least_tolerance(problem.dtype), rtol.dtype)
    finer = jnp.maximum(rtol / _FINER, least)
    steps = solution.accepted_steps + solution.rejected_steps
    other = adapted(solution.solver).finer()
    second = solve(
        flow,
        problem,
        t0=solution.grid[0],
        t1=t1,
        rtol=finer,
        atol=atol * finer / rtol,
        saveat=jnp.asarray(t1)[None],
        solver=other,
        parameters_every=0,
        max_steps=20 * steps + 10_000,
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
        solver=adapted(other).properties.name,
        status=second.status,
        cost=second.cost,
    )
