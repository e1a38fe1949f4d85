"""solve: a flow of a problem, integrated."""

import time
from collections.abc import Sequence
from typing import Literal

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array

from .._checks import is_traced, positive
from .._errors import SolveError
from .._typing import IntScalarLike, ScalarLike, Times
from ..flows import AbstractFlow
from ..landscape import critical_point
from ..laws import Law
from ..problem import Problem
from ..solvers import adapted
from ._certificate import certify as make_certificate
from ._clock import Clock
from ._core import Carry, Core, Row, with_status
from ._integration import Integration, Progress, observed
from ._product_ratio import product_ratio
from ._settings import make_settings, make_solver
from ._solution import Cost, Solution
from ._status import Status
from ._stop_event import stop_event
from ._times import make_grid

_STATES = 16
_STATE_BYTES = 2**31


def solve(
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
    parameters_every: int | None = None,
    dt0: ScalarLike | None = None,
    max_steps: IntScalarLike = 1_000_000,
    stop_gradient_norm: ScalarLike | None = None,
    stop_loss: ScalarLike | None = None,
    max_wall_time: float | None = None,
    progress: Progress | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
    certify: bool = False,
    finish: Literal["critical-point"] | None = None,
) -> Solution:
    """Integrate a flow from t0 to t1. Works inside a user's own `jit` and `vmap`.

    Every saved time is the end of a step, so what is saved has the accuracy of the
    solver and not of an interpolant. Every number is an array: a new t1, tolerance,
    seed or data set of equal shape compiles nothing.

    **Arguments:**

    - `flow`, `problem`: what to integrate.
    - `t0`, `t1`: flow time. Without t1 it ends at the last of `saveat`.
    - `rtol`, `atol`: local error tolerances. `rtol` is 1e-10 by default in double
        precision and 1e-5 in single; `atol` is `rtol` times the root mean square of
        the initial state.
    - `saveat`: times to save at; 50 logarithmic ones from (t1 − t0)·10⁻⁴ by default.
        t0 and t1 are always saved.
    - `solver`: an adaptive solver or its name, `Auto` by default, which is compiled
        anew where the tolerance asks for another number of stages.
    - `laws`: laws to evaluate at each saved time.
    - `parameters_every`: keep the whole state at every n-th saved time (0: only at the
        last one); by default so that about 16 are kept.
    - `dt0`: the first step; by Hairer's rule by default.
    - `max_steps`: bounds accepted and rejected steps together.
    - `stop_gradient_norm`, `stop_loss`: stop after the first step at which ‖∇L‖₂ or L
        is at or under this.
    - `max_wall_time`: seconds; on the host only.
    - `progress`: called with the carry about twice a second; on the host only.
    - `adjoint`: how Diffrax differentiates through the solve, if you do.
    - `certify`: integrate once more, at another tolerance and order, and give the
        difference of the last states as `solution.certificate`, with its cost.
    - `finish`: `"critical-point"` goes on from the last state by second-order steps to
        a gradient norm of 1e-13 (5e-5 in single precision): `solution.critical_point`,
        apart from the flow and its time.

    **Returns:** a `Solution`; how it ended is in its `status`, and nothing that was
    computed is lost.

    **Raises:** `SolveError` for settings that cannot be met.
    """
    if not isinstance(flow, AbstractFlow):
        raise SolveError(
            "solve integrates a gfflow flow such as GradientFlow(); got "
            f"{type(flow).__name__}. gfflow.solve_stochastic takes a StochasticFlow"
        )
    solver = make_solver(solver)
    if finish not in (None, "critical-point"):
        raise SolveError(f"finish is 'critical-point' or None; got {finish!r}")
    state = flow.initial_state(problem)
    settings = make_settings(
        problem, state, rtol, atol, max_steps, stop_gradient_norm, stop_loss
    )
    solver = adapted(solver).fitted(flow, settings.rtol)
    grid = make_grid(t0, t1, saveat, problem.dtype)
    if dt0 is not None:
        positive("dt0", dt0)
        dt0 = jnp.asarray(dt0, problem.dtype)
    core = Core(
        flow,
        problem,
        solver,
        adjoint or diffrax.RecursiveCheckpointAdjoint(),
        named_laws(laws),
    )
    every = keep_every(parameters_every, len(grid), problem)
    integration = Integration(core, grid, settings, dt0)
    if is_traced(flow, problem, grid, settings, dt0, core.laws):
        if max_wall_time is not None or progress is not None:
            raise SolveError(
                "max_wall_time and progress need the host; leave them out inside jit"
            )
        solution = _solve_traced(integration, every)
        return completed(solution, flow, problem, grid[-1], certify, finish)
    if max_wall_time is not None:
        positive("max_wall_time", max_wall_time)
    clock = Clock()
    deadline = None if max_wall_time is None else time.monotonic() + max_wall_time
    carry, row = integration.start()
    rows, states = [row], [(carry.t, carry.state)]
    for carry, row in integration.rows(carry, deadline=deadline, progress=progress):
        if row is not None:
            rows.append(row)
            if every and (len(rows) - 1) % every == 0:
                states.append((carry.t, carry.state))
    if float(states[-1][0]) != float(carry.t):
        states.append((carry.t, carry.state))
    solution = assemble(integration, carry, rows, states, clock)
    return completed(solution, flow, problem, carry.t, certify, finish)


def completed(
    solution: Solution,
    flow: AbstractFlow,
    problem: Problem,
    t1: ScalarLike,
    certify: bool,
    finish: str | None,
) -> Solution:
    """The solution with what was asked for beyond the flow."""
    certificate = point = None
    if certify:
        certificate = make_certificate(solve, flow, problem, solution, t1)
    if finish is not None:
        point = critical_point(
            problem,
            flow.parameters(solution.state),
            weight_decay=flow.homogeneous_decay(),
        )
    return eqx.tree_at(
        lambda s: (s.certificate, s.critical_point),
        solution,
        (certificate, point),
        is_leaf=lambda x: x is None,
    )


def assemble(
    integration: Integration,
    carry: Carry,
    rows: Sequence[Row],
    states: Sequence[tuple[Array, object]],
    clock: Clock | None,
) -> Solution:
    """A solution on the host from its rows and kept states.

    Where it stopped between two saved times, the row of the stop is added.
    """
    core = integration.core
    if float(rows[-1].t) < float(carry.t):
        rows = [*rows, observed(core, carry, integration.settings)]
    stack = lambda *leaves: jnp.stack(leaves)
    table = jtu.tree_map(stack, *rows)
    events = adapted(core.solver).events(carry.solver_state)
    stop = stop_event(carry, rows[0], rows[-1])
    if stop is not None:
        events = (*events, stop)
    return Solution(
        ts=table.t,
        losses=table.loss,
        gradient_norms=table.gradient_norm,
        laws=table.laws,
        state_ts=jnp.stack([t for t, _ in states]),
        states=jtu.tree_map(stack, *[state for _, state in states]),
        state=carry.state,
        status=carry.status,
        accepted_steps=carry.controller.accepted,
        rejected_steps=carry.controller.rejected,
        cost=_cost(integration, carry, len(rows), clock),
        grid=integration.grid,
        settings=integration.settings,
        solver=core.solver,
        problem=core.problem,
        flow=core.flow,
        events=events,
    )


def keep_every(parameters_every: int | None, rows: int, problem: Problem) -> int:
    """Every how many rows the state is kept; 0 for the first and last only.

    **Raises:** `SolveError` for a negative number.
    """
    if parameters_every is not None:
        if parameters_every < 0:
            raise SolveError(
                f"parameters_every must not be negative; got {parameters_every}"
            )
        return parameters_every
    size = problem.size * jnp.finfo(problem.dtype).bits // 8
    return 0 if size * _STATES > _STATE_BYTES else max(1, -(-rows // _STATES))


def named_laws(laws: Sequence[Law]) -> dict[str, Law]:
    """Name → law.

    **Raises:** `SolveError` for what is not a law, or for two laws of one name.
    """
    table = {}
    for law in laws:
        if not isinstance(law, Law):
            raise SolveError(
                f"laws are gfflow.Law; got {type(law).__name__}. Wrap a function h "
                "with gfflow.Law(h), an expression with gfflow.symbolic"
            )
        if law.name in table:
            raise SolveError(f"two laws are named {law.name!r}; give each its own name")
        table[law.name] = law
    return table


def _solve_traced(integration: Integration, every: int) -> Solution:
    core, grid, settings, dt0 = integration
    first, row = core.observe(core.start(grid[0], dt0, settings), settings)
    never = jnp.asarray(jnp.iinfo(settings.max_steps.dtype).max)

    def step(carry, t_end):
        def go(carry):
            carry, _ = core.advance(carry, t_end, never, settings)
            return core.observe(carry, settings)

        def skip(carry):
            nan = lambda x: jnp.full_like(x, jnp.nan)
            return carry, jtu.tree_map(nan, row)

        steps = carry.controller.accepted + carry.controller.rejected
        going = carry.status == Status.successful
        exhausted = going & (steps >= settings.max_steps)
        status = Status.where(exhausted, Status.max_steps_reached, carry.status)
        carry, going = with_status(carry, status), going & ~exhausted
        dynamic, static = eqx.partition(carry, eqx.is_array)
        wrap = lambda f: lambda d: _split(f(eqx.combine(d, static)))
        dynamic, row_now = jax.lax.cond(going, wrap(go), wrap(skip), dynamic)
        carry = eqx.combine(dynamic, static)
        kept = carry.state if every else None
        return carry, (row_now, kept, carry.t)

    carry, (rows, states, state_ts) = jax.lax.scan(step, first, grid[1:])
    table = jtu.tree_map(lambda a, b: jnp.concatenate([a[None], b]), row, rows)
    if every:
        pick = lambda x: x[every - 1 :: every]
        kept = jtu.tree_map(
            lambda a, b: jnp.concatenate([a[None], pick(b)]), first.state, states
        )
        kept_ts = jnp.concatenate([grid[:1], pick(state_ts)])
    else:
        both = lambda a, b: jnp.stack([a, b])
        kept = jtu.tree_map(both, first.state, carry.state)
        kept_ts = jnp.stack([grid[0], carry.t])
    return Solution(
        ts=table.t,
        losses=table.loss,
        gradient_norms=table.gradient_norm,
        laws=table.laws,
        state_ts=kept_ts,
        states=kept,
        state=carry.state,
        status=carry.status,
        accepted_steps=carry.controller.accepted,
        rejected_steps=carry.controller.rejected,
        cost=_cost(integration, carry, jnp.sum(jnp.isfinite(table.t)), None),
        grid=grid,
        settings=settings,
        solver=core.solver,
        problem=None,
        flow=core.flow,
        events=(),
    )


def _split(result):
    carry, row = result
    return eqx.filter(carry, eqx.is_array), row


def _cost(
    integration: Integration, carry: Carry, rows: IntScalarLike, clock: Clock | None
) -> Cost:
    """A stopping rule is evaluated after each attempted step, and once a row."""
    core, _, settings, dt0 = integration
    wall = dict(
        compile_s=None if clock is None else clock.compile_s,
        wall_s=None if clock is None else clock.wall_s,
    )
    if not adapted(core.solver).properties.tells:
        return Cost(None, None, None, None, **wall)
    steps = carry.controller.accepted + carry.controller.rejected
    around = rows + 2 * (dt0 is None)
    if settings.stop_gradient_norm is not None or settings.stop_loss is not None:
        around = around + steps + rows - 1
    spent = carry.controller.spent.plus(gradients=around, sequential=around)
    if clock is None:
        return Cost(*spent, gradient_equivalents=None, **wall)
    gradients, products, chain = (int(count) for count in spent)
    ratio = product_ratio(core.problem) if products else 0.0
    return Cost(gradients, products, chain, gradients + ratio * products, **wall)
