"""solve_extended: a flow integrated in double-double arithmetic."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from .._checks import is_traced, positive
from .._errors import SolveError
from .._typing import IntScalarLike, ScalarLike, Times
from ..double_double import Pair, on_pairs, pairs, require_exact_arithmetic
from ..double_double.pairs import exactly
from ..flows import AbstractFlow
from ..integrate import Status, make_grid, root_mean_square
from ..laws import Law, law_scale, named_laws
from ..problem import Problem
from ._solution import ExtendedSolution, ExtendedValues
from ._walk import (
    MAX_STEPS,
    NON_FINITE,
    RUNNING,
    STEP_TOO_SMALL,
    Tolerance,
    Walk,
    walked,
)

DEFAULT_TOLERANCE, LEAST_TOLERANCE = 1e-26, 1e-28


def solve_extended(
    flow: AbstractFlow,
    problem: Problem,
    *,
    t1: ScalarLike | None = None,
    t0: ScalarLike = 0.0,
    rtol: ScalarLike = DEFAULT_TOLERANCE,
    atol: ScalarLike | None = None,
    saveat: Times | None = None,
    laws: Sequence[Law] = (),
    max_steps: IntScalarLike = 10_000,
) -> ExtendedSolution:
    """Integrate a flow with field, state and laws in double-double arithmetic.

    Each float64 number on the way from the state to the field, the loss and the laws is
    a pair of them, some 32 digits (Dekker 1971; Hida, Li & Bailey 2001): the program
    that JAX has of them is run on pairs. A drift of 1e-26 of the scale of a law is then
    no round-off. The initial parameters, the data, the times, and every constant of the
    program are the float64 numbers that they are, taken exactly.

    The integrator is the extrapolated midpoint rule of order 24 with control of the
    error (Gragg 1965; Bulirsch & Stoer 1966). It is explicit and keeps linear laws
    only, so that the drift of any other is evidence. It is for smooth flows of some
    hundred parameters that are not stiff. Across the kink of a ReLU its estimate of the
    error is not to be trusted, and it makes hundreds of small steps or stops: take
    `gfflow.solve` there. A field costs some hundred times what it does in float64, and
    its program takes seconds to compile.

    Works inside a user's own `jit`; new times, tolerances and data of equal shape
    compile nothing.

    **Arguments:**

    - `flow`, `problem`: what to integrate, in float64.
    - `t0`, `t1`: flow time. Without t1 it ends at the last of `saveat`.
    - `rtol`, `atol`: tolerances of the error of a step, from 1e-28 up; `atol` is `rtol`
        times the root mean square of the initial state by default.
    - `saveat`: times to save at, as in `gfflow.solve`.
    - `laws`: laws to evaluate at each saved time.
    - `max_steps`: bounds accepted and rejected steps together.

    **Returns:** an `ExtendedSolution`; how it ended is in its `status`.

    **Raises:** `SolveError` where float64 is off, for a problem that is not in float64,
    a device that does not round as it must (a self-test of a second, once a process), a
    primitive that has no rule, or settings that cannot be met.
    """
    require_exact_arithmetic()
    _refuse(flow, problem)
    positive("rtol", rtol)
    positive("max_steps", max_steps)
    if not is_traced(rtol) and float(rtol) < LEAST_TOLERANCE:
        raise SolveError(
            f"rtol={float(rtol):.3g} is under the reach of double-double arithmetic "
            f"(at least {LEAST_TOLERANCE:g}); raise it",
            argument="rtol",
        )
    grid = make_grid(t0, t1, saveat, problem.dtype)
    size = root_mean_square(flow.initial_state(problem))
    if atol is None:
        atol = rtol * size
    else:
        positive("atol", atol)
    tolerance = Tolerance(
        jnp.asarray(rtol, float), jnp.asarray(atol, float), jnp.asarray(max_steps, int)
    )
    solution = _run(flow, problem, named_laws(laws), grid, tolerance)
    return solution if is_traced(solution) else _reached(solution)


def _refuse(flow: AbstractFlow, problem: Problem) -> None:
    if not isinstance(flow, AbstractFlow):
        raise SolveError(
            "solve_extended integrates a gfflow flow such as GradientFlow(); got "
            f"{type(flow).__name__}"
        )
    if not isinstance(problem, Problem):
        raise SolveError(
            "solve_extended integrates a flow of a gfflow.Problem(model, loss, data); "
            f"got {type(problem).__name__}"
        )
    if problem.dtype != np.float64:
        raise SolveError(
            f"solve_extended takes parameters in float64; these are {problem.dtype}. "
            "Cast the model, or make it after jax_enable_x64"
        )


@eqx.filter_jit
def _run(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    grid: Float[Array, " T"],
    tolerance: Tolerance,
) -> ExtendedSolution:
    start = flow.initial_state(problem)
    vector, as_state = ravel_pytree(start)

    def slope(t, y):
        return ravel_pytree(flow.vector_field(t, as_state(y), problem))[0]

    def field(t: Pair, y: Pair) -> Pair:
        return on_pairs(jax.vmap(slope), t, y)

    def seen(state):
        return flow.view(state, problem)

    def row(t: Pair, y: Pair):
        def measured(t, y):
            state = as_state(y)
            values = {name: law(t, seen(state)) for name, law in laws.items()}
            return state, problem.value(flow.parameters(state)), values

        state, loss, values = on_pairs(measured, t, y)
        upper = as_state(y.hi)
        scales = {name: law_scale(law, seen, t.hi, upper) for name, law in laws.items()}
        return state, loss, values, scales

    def to_row(walk: Walk, time):
        walk = walked(field, walk, exactly(time), tolerance)
        reached = walk.outcome == RUNNING
        kept = lambda x: jnp.where(reached, x, jnp.nan)
        return walk, jtu.tree_map(kept, (time, *row(walk.t, walk.y)))

    zero = jnp.asarray(0, int)
    step = _first_step(vector, slope(grid[0], vector), grid[-1] - grid[0])
    walk = Walk(
        exactly(grid[0]), exactly(vector), step, zero, zero, jnp.asarray(RUNNING, int)
    )
    walk, (ts, states, losses, values, scales) = lax.scan(to_row, walk, grid)
    found = {
        name: ExtendedValues(_decay_undone(law, ts, values[name]), scales[name])
        for name, law in laws.items()
    }
    return ExtendedSolution(
        ts, states, losses, found, walk.accepted, walk.rejected, _status(walk)
    )


def _first_step(y, slope, span):
    """Half the time in which the state would move by its own size; a thousandth of the
    span where that is no number."""
    ratio = 0.5 * root_mean_square(y) / root_mean_square(slope)
    usable = jnp.isfinite(ratio) & (ratio > 0)
    return jnp.where(usable, jnp.minimum(ratio, span), 1e-3 * span)


def _decay_undone(law: Law, ts: Array, values: Pair) -> Pair:
    if law.decay_rate is None:
        return values
    elapsed = pairs.subtract(exactly(ts), exactly(jnp.full_like(ts, ts[0])))
    rate = exactly(jnp.full_like(ts, law.decay_rate))
    growth = pairs.exponential(pairs.multiply(rate, elapsed))
    shape = (-1, *(1,) * (len(values.shape) - 1))
    wide = (jnp.broadcast_to(p.reshape(shape), values.shape) for p in growth)
    return pairs.multiply(values, Pair(*wide))


def _status(walk: Walk) -> Status:
    found = Status.successful
    for code, status in {
        MAX_STEPS: Status.max_steps_reached,
        STEP_TOO_SMALL: Status.dt_min_reached,
        NON_FINITE: Status.non_finite,
    }.items():
        found = Status.where(walk.outcome == code, status, found)
    return found


def _reached(solution: ExtendedSolution) -> ExtendedSolution:
    """Without the rows that were not reached."""
    count = int(np.sum(np.isfinite(np.asarray(solution.ts))))
    rows: Any = lambda s: (s.ts, s.states, s.losses, s.laws)
    cut = jtu.tree_map(lambda x: x[:count], rows(solution))
    return eqx.tree_at(rows, solution, cut)
