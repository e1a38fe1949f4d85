"""From what was recorded to a solution."""

import jax.numpy as jnp
import jax.tree_util as jtu

from .._typing import IntScalarLike
from ..solvers import MetKink, adapted
from ._carry import Carry
from ._cost import cost_of
from ._integration import Integration
from ._record import Record
from ._solution import Solution
from ._stop_event import stop_event
from ._stopwatch import Seconds


def make_solution(
    integration: Integration, carry: Carry, record: Record, seconds: Seconds
) -> Solution:
    """The solution at a carry, on the host.

    **Arguments:**

    - `record`: what was kept up to the carry. Where that is a pause between two saved
        times, its row is added, and its state.
    - `seconds`: that it took.
    """
    record = _completed(integration, carry, record)
    solver = adapted(integration.core.solver)
    events, kinks = solver.events(carry.solver_state), solver.kinks(carry.solver_state)
    stop = stop_event(carry, record.rows)
    if stop is not None:
        events = (*events, stop)
    core = integration.core
    if core.law_rates and not core.records_rates and core.laws:
        name = adapted(core.solver).properties.name
        what = f"the rates of laws are not recorded: {name} does not show its stages"
        events = ((float(integration.grid[0]), what), *events)
    rows = len(record.rows.t)
    return _solution(integration, carry, record, rows, seconds, events, kinks)


def make_traced_solution(
    integration: Integration, carry: Carry, record: Record
) -> Solution:
    """The solution at a carry, in a traced program: it holds neither the problem nor
    events, and its rows after an early stop are NaN."""
    reached = jnp.sum(jnp.isfinite(record.rows.t))
    return _solution(integration, carry, record, reached, None, (), ())


def _completed(integration: Integration, carry: Carry, record: Record) -> Record:
    rows, state_ts, states = record
    append = lambda a, b: jnp.concatenate([a, b[None]])
    if float(rows.t[-1]) < float(carry.t):
        rows = jtu.tree_map(append, rows, integration.row_at(carry))
    if float(state_ts[-1]) < float(carry.t):
        state_ts = append(state_ts, carry.t)
        states = jtu.tree_map(append, states, carry.state)
    return Record(rows, state_ts, states)


def _solution(
    integration: Integration,
    carry: Carry,
    record: Record,
    rows: IntScalarLike,
    seconds: Seconds | None,
    events: tuple[tuple[float, str], ...],
    kinks: tuple[MetKink, ...],
) -> Solution:
    core, traced = integration.core, seconds is None
    return Solution(
        ts=record.rows.t,
        losses=record.rows.loss,
        gradient_norms=record.rows.gradient_norm,
        laws=record.rows.laws,
        law_rates=record.rows.rates_by_law,
        state_ts=record.state_ts,
        states=record.states,
        state=carry.state,
        status=carry.status,
        accepted_steps=carry.controller.accepted,
        rejected_steps=carry.controller.rejected,
        cost=cost_of(integration, carry, rows, seconds),
        grid=integration.grid,
        settings=integration.settings,
        solver=core.solver,
        problem=None if traced else core.problem,
        flow=core.flow,
        events=events,
        kinks=kinks,
    )
