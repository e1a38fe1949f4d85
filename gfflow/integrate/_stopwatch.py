"""How much of the wall time went into compilation."""

import time
from typing import NamedTuple, final

import jax

_COMPILE_EVENTS = "/jax/core/compile/"
_total = 0.0
_listening = False


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    global _total
    if event.startswith(_COMPILE_EVENTS):
        _total += duration_secs


class Seconds(NamedTuple):
    """How long something took, and how much of it was compilation."""

    wall_s: float = 0.0
    compile_s: float = 0.0

    def after(self, before: "Seconds") -> "Seconds":
        """Together with what was spent before."""
        return Seconds(self.wall_s + before.wall_s, self.compile_s + before.compile_s)


@final
class Stopwatch:
    """Wall and compilation seconds of this process since it was made."""

    def __init__(self):
        global _listening
        if not _listening:
            jax.monitoring.register_event_duration_secs_listener(_listen)
            _listening = True
        self._start = time.perf_counter()
        self._compiled = _total

    @property
    def seconds(self) -> Seconds:
        """Since the start; compilation is tracing, lowering and compiling."""
        wall = time.perf_counter() - self._start
        return Seconds(wall, min(_total - self._compiled, wall))
