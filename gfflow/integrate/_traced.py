"""The whole integration in one traced program."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from ._integration import Integration
from ._make_solution import make_traced_solution
from ._record import Record, kept_rows
from ._solution import Solution
from ._status import Status


def integrate_traced(integration: Integration) -> Solution:
    """The solution, inside a user's own `jit`, `vmap` or `grad`."""
    core, grid, settings, dt0, every = integration
    begin = core.start(grid[0], dt0, settings)
    first, row = core.observe(begin.recording(core.no_rates(begin)), settings)
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
        carry, going = carry.with_status(status), going & ~exhausted
        dynamic, static = eqx.partition(carry, eqx.is_array)
        wrap = lambda f: lambda d: _split(f(eqx.combine(d, static)))
        dynamic, row_now = jax.lax.cond(going, wrap(go), wrap(skip), dynamic)
        carry = eqx.combine(dynamic, static)
        kept = carry.state if every else None
        return carry, (row_now, kept, carry.t)

    carry, (rows, states, state_ts) = jax.lax.scan(step, first, grid[1:])
    joined = lambda a, b: jnp.concatenate([a[None], b])
    table = jtu.tree_map(joined, row, rows)
    if every:
        index = jnp.asarray(kept_rows(len(grid), every)[1:]) - 1
        pick = lambda x: x[index]
        kept = jtu.tree_map(lambda a, b: joined(a, pick(b)), first.state, states)
        kept_ts = joined(grid[0], pick(state_ts))
    else:
        both = lambda a, b: jnp.stack([a, b])
        kept = jtu.tree_map(both, first.state, carry.state)
        kept_ts = both(grid[0], carry.t)
    return make_traced_solution(integration, carry, Record(table, kept_ts, kept))


def _split(result):
    carry, row = result
    return eqx.filter(carry, eqx.is_array), row
