"""Integrate what was prepared."""

import time

from .._checks import is_traced, positive
from .._errors import SolveError
from ._integration import Integration, Watcher
from ._make_solution import make_solution
from ._solution import Solution
from ._stopwatch import Stopwatch
from ._traced import integrate_traced


def integrate(
    integration: Integration,
    *,
    max_wall_time: float | None = None,
    progress: Watcher | None = None,
) -> Solution:
    """The solution; the arguments are those of `solve`.

    **Raises:** `SolveError` for a wall-time limit or a watcher inside `jit`.
    """
    if is_traced(integration):
        if max_wall_time is not None or progress is not None:
            raise SolveError(
                "max_wall_time and progress need the host; leave them out inside jit"
            )
        return integrate_traced(integration)
    if max_wall_time is not None:
        positive("max_wall_time", max_wall_time)
    watch = Stopwatch()
    deadline = None if max_wall_time is None else time.monotonic() + max_wall_time
    recorder = integration.recorder()
    carry, row = integration.start()
    recorder.add(carry, row)
    for carry, row in integration.rows(carry, deadline=deadline, progress=progress):
        if row is not None:
            recorder.add(carry, row)
    record = recorder.held()
    assert record is not None
    return make_solution(integration, carry, record, watch.seconds)
