"""The integration seen from the host: row by row, with pauses."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import Scalar, Times
from ._carry import Carry
from ._core import Core, told_of_products
from ._packed import Packed, packed
from ._record import Record, Recorder, Row
from ._settings import Settings
from ._status import Status
from ._times import make_grid

_start = told_of_products(packed(Core.start))
_advance = told_of_products(packed(Core.advance))
_no_rates = packed(Core.no_rates)
_observe = packed(Core.observe)

Watcher = Callable[[Carry], None]


class Integration(NamedTuple):
    """What is integrated, and what is saved on the way.

    Each row starts from the carry of the row before and nothing else, and a pause
    changes no bit, so however it is cut into pieces, the numbers are the same.

    **Attributes:**

    - `core`: the flow, its problem, solver and laws.
    - `grid`: the times of the rows, t0 first.
    - `settings`: tolerances and limits.
    - `dt0`: the first step, if it is given.
    - `every`: at which rows the whole state is kept, see `kept_rows`.
    """

    core: Core
    grid: Float[Array, " T"]
    settings: Settings
    dt0: Scalar | None
    every: int

    def at_times(self, saveat: Times) -> "Integration":
        """The same from t0 to other saved times, with the state kept at each.

        **Raises:** `SolveError` for times that do not increase, or begin before t0.
        """
        grid = make_grid(self.grid[0], None, saveat, self.grid.dtype)
        return self._replace(grid=grid, every=1)

    def start(self) -> tuple[Carry, Row]:
        """The row at t0."""
        core, steps = Packed.of(self.core), Packed.of(self.core.without_laws)
        carry = _start(steps, self.grid[0], self.dt0, self.settings)
        if self.core.records_rates:
            carry = carry.recording(_no_rates(core, carry))
        return _observe(core, carry, self.settings)

    def carry_like(self) -> Carry:
        """Shapes and dtypes of a carry."""

        def first(i: Integration) -> Carry:
            carry = i.core.start(i.grid[0], i.dt0, i.settings)
            return carry.recording(i.core.no_rates(carry))

        return eqx.filter_eval_shape(first, self)

    def recorder(self, before: Record | None = None, count: int = 0) -> Recorder:
        """A recorder of the rows; the arguments are its own."""
        return Recorder(len(self.grid), self.every, before, count)

    def rows(
        self,
        carry: Carry,
        first: int = 1,
        *,
        deadline: float | None = None,
        progress: Watcher | None = None,
    ) -> Iterator[tuple[Carry, Row | None]]:
        """The rows from index `first` on, each with the carry after it.

        Ends after the last row, or the row of a stop that is an end; or at a pause, at
        the deadline (seconds of `time.monotonic`) or where the steps are used up: the
        last pair then has the carry of the pause, with its status, and no row.
        """
        core, steps = Packed.of(self.core), Packed.of(self.core.of_the_steps)
        burst = 16
        for t_end in map(jnp.asarray, np.asarray(self.grid)[first:]):
            if not carry.going:
                return
            if carry.steps >= int(self.settings.max_steps):
                yield carry.with_status(Status.max_steps_reached), None
                return
            paused = True
            while paused:
                began = time.monotonic()
                pause_after = carry.steps + burst
                carry, flag = _advance(
                    steps, carry, t_end, jnp.asarray(pause_after), self.settings
                )
                paused = bool(flag)
                spent = time.monotonic() - began
                if paused and spent < 0.25:
                    burst *= 2
                elif spent > 1.0:
                    burst = max(16, burst // 2)
                if progress is not None:
                    progress(carry)
                if paused and deadline is not None and time.monotonic() >= deadline:
                    yield carry.with_status(Status.stopped_wall_time), None
                    return
            if carry.paused:
                yield carry, None
                return
            carry, row = _observe(core, carry, self.settings)
            yield carry, row
            late = deadline is not None and time.monotonic() >= deadline
            if late and float(carry.t) < float(self.grid[-1]):
                yield carry.with_status(Status.stopped_wall_time), None
                return

    def row_at(self, carry: Carry) -> Row:
        """The row at a pause."""
        return _observe(Packed.of(self.core), carry, self.settings)[1]
