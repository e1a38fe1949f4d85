"""The error of a trajectory's end, by two finer runs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array

from .._checks import is_traced
from .._errors import SolveError
from .._tolerance import least_tolerance
from .._typing import Scalar, State
from ..problem import Problem
from ..solvers import adapted
from ._certificate import Certificate
from ._cost import Cost, sum_of_costs
from ._norms import global_norm
from ._prepare import prepare
from ._run import integrate
from ._solution import Solution
from ._status import Status

# One run at a thirtieth of the tolerance, one at a thirtieth of that.
_FINER = 30.0
# Of the size of the state: what is left where all runs agree to the last bit.
_ROUND_OFFS = 4.0
# Three times what a thirtieth of the tolerance leaves of the error.
_MARGIN = 1.1
# What the finer runs differ by counts more by this, where they have one tolerance.
_EQUAL_TOLERANCES = 2.0


def certify(solution: Solution) -> Certificate:
    """A bound of the error of a solution's last state θ, by two finer runs.

    Both start at t0 and end where the solution ended. The first is by the same method
    at a thirtieth of the tolerance and ends at θ', the second at a nine-hundredth, by a
    method of two stages more (Auto, Radau IIA, Gauss–Legendre) or by Auto, and ends at
    θ''; neither has less than the dtype can reach. In the second, half of the entries
    of θ(t0) and of the inputs are larger by a round-off, so that it shows what
    round-off becomes on the way.

    The bound is 1.1 max(‖θ − θ'‖, ‖θ − θ''‖) + c‖θ' − θ''‖ + 4 round-offs of ‖θ''‖,
    over ‖θ''‖, where c is one and two times the ratio of the finer tolerances: 1.07
    where they are a thirtieth apart, 3 where both are the least. Let θ* be the exact
    end. If one of the two runs, no matter which, errs by at most c/(1 + c) of what the
    other does, a half or at c = 3 three quarters, then by at most c‖θ' − θ''‖, and the
    triangle inequality gives the bound, without the tenth. That is for two runs that
    err alike, by up to three times what a thirtieth of the tolerance should leave.
    It is no proof: it can fail where both runs err as much and in the same direction.

    Form and constants were set on the problems of `experiments/certificate` that are
    marked there as tuned, and tried on the others, which its page counts.

    **Arguments:**

    - `solution`: from `gfflow.solve` or `gfflow.load`. Inside `jit`, where a solution
        does not hold its problem, take `gfflow.solve(..., certify=True)`.

    **Raises:** `SolveError` for a solution without a problem.
    """
    return certificate_of(solution, problem_of(solution, "solve(..., certify=True)"))


def certificate_of(solution: Solution, problem: Problem) -> Certificate:
    """The certificate of a solution of this problem, inside `jit` too."""
    rtol = solution.settings.rtol
    least = jnp.asarray(least_tolerance(problem.dtype), rtol.dtype)
    tolerances = [jnp.maximum(rtol / _FINER**k, least) for k in (1, 2)]
    other = adapted(solution.solver).finer()
    name = adapted(other).properties.name
    first, last = solution.grid[0], solution.state_ts[-1]
    if not is_traced(first, last) and float(first) == float(last):
        zero = jnp.zeros((), rtol.dtype)
        nothing = Cost(0, 0, 0, 0.0, 0.0, 0.0)
        return Certificate(
            zero, zero, zero, zero, tolerances[1], name, Status.successful, nothing
        )
    steps = solution.accepted_steps + solution.rejected_steps
    fine, finest = (
        integrate(
            prepare(
                solution.flow,
                given,
                t0=first,
                saveat=last[None],
                rtol=finer,
                atol=solution.settings.atol * finer / rtol,
                solver=solver,
                parameters_every=0,
                max_steps=20 * steps + 10_000,
            )
        )
        for given, finer, solver in (
            (problem, tolerances[0], solution.solver),
            (_off_by_round_off(problem), tolerances[1], other),
        )
    )
    return _compared(solution, fine, finest, name)


def _compared(
    solution: Solution, fine: Solution, finest: Solution, name: str
) -> Certificate:
    one, two, three = (run.state for run in (solution, fine, finest))
    norm = global_norm(three)
    size = jnp.where(norm > 0, norm, 1)
    apart = jtu.tree_map(jnp.subtract, one, three)
    difference = jnp.maximum(_distance(one, two), global_norm(apart)) / size
    resolution = _distance(two, three) / size
    weight = 1 + _EQUAL_TOLERANCES * finest.settings.rtol / fine.settings.rtol
    rounding = _ROUND_OFFS * float(jnp.finfo(size.dtype).eps)
    entries = [jnp.max(jnp.abs(leaf)) for leaf in jtu.tree_leaves(apart)]
    there = fine.status == Status.successful
    reached = there & (finest.status == Status.successful)
    known = lambda x: jnp.where(reached, x, jnp.nan)
    return Certificate(
        error=known(_MARGIN * difference + weight * resolution + rounding),
        difference=known(difference),
        resolution=known(resolution),
        largest=known(jnp.max(jnp.stack(entries))),
        rtol=finest.settings.rtol,
        solver=name,
        status=Status.where(there, finest.status, fine.status),
        cost=sum_of_costs(fine.cost, finest.cost),
    )


def _distance(one: State, other: State) -> Scalar:
    return global_norm(jtu.tree_map(jnp.subtract, one, other))


def _off_by_round_off(problem: Problem) -> Problem:
    """Half of the entries of the parameters and of the inputs larger by a round-off.

    Never smaller, so that whole numbers among the inputs are cut down to the same.
    """
    leaves, tree = jtu.tree_flatten((problem.parameters, problem.inputs))
    changed = [_larger(leaf, index) for index, leaf in enumerate(leaves)]
    return eqx.tree_at(
        lambda p: (p.parameters, p.inputs), problem, jtu.tree_unflatten(tree, changed)
    )


def _larger(leaf: Array, index: int) -> Array:
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        return leaf
    key = jax.random.fold_in(jax.random.key(0), index)
    half = jax.random.bernoulli(key, shape=leaf.shape)
    round_off = float(jnp.finfo(leaf.dtype).eps)
    return jnp.where(half, leaf * (1 + round_off), leaf)


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
