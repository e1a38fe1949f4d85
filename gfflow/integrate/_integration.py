"""The integration seen from the host: row by row, with pauses."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import Scalar
from ._core import Carry, Core, Row, Settings, told_of_products, with_status
from ._status import Status

_start = told_of_products(eqx.filter_jit(Core.start))
_advance = told_of_products(eqx.filter_jit(Core.advance))
_observe = eqx.filter_jit(Core.observe)

Progress = Callable[[Carry], None]


class Integration(NamedTuple):
    """A core, the times of its rows (t0 first) and its settings.

    Each row starts from the carry of the row before and nothing else, and a pause
    changes no bit, so however it is cut into pieces, the numbers are the same.
    """

    core: Core
    grid: Float[Array, " T"]
    settings: Settings
    dt0: Scalar | None

    def start(self) -> tuple[Carry, Row]:
        """The row at t0."""
        carry = _start(self.core, self.grid[0], self.dt0, self.settings)
        return _observe(self.core, carry, self.settings)

    def rows(
        self,
        carry: Carry,
        first: int = 1,
        *,
        deadline: float | None = None,
        progress: Progress | None = None,
    ) -> Iterator[tuple[Carry, Row | None]]:
        """The rows from index `first` on, each with the carry after it.

        Ends after the last row, after a row whose status is not successful, at the
        deadline (seconds of `time.monotonic`), or where the steps are used up at a
        saved time: in the last two cases the last pair has the carry of the pause,
        with its status, and no row.
        """
        burst = 16
        for t_end in self.grid[first:]:
            if not bool(carry.status == Status.successful):
                return
            if steps_of(carry) >= int(self.settings.max_steps):
                yield with_status(carry, Status.max_steps_reached), None
                return
            paused = True
            while paused:
                began = time.monotonic()
                pause_after = steps_of(carry) + burst
                carry, flag = _advance(
                    self.core, carry, t_end, jnp.asarray(pause_after), self.settings
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
                    yield with_status(carry, Status.stopped_wall_time), None
                    return
            carry, row = _observe(self.core, carry, self.settings)
            yield carry, row
            late = deadline is not None and time.monotonic() >= deadline
            if late and float(carry.t) < float(self.grid[-1]):
                yield with_status(carry, Status.stopped_wall_time), None
                return


def steps_of(carry: Carry) -> int:
    """Accepted and rejected steps so far."""
    return int(carry.controller.accepted) + int(carry.controller.rejected)


def observed(core: Core, carry: Carry, settings: Settings) -> Row:
    """The row at a carry that stopped between two saved times."""
    return _observe(core, carry, settings)[1]
