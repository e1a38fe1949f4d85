"""How much of the wall time went into compilation."""

import time

import jax

_COMPILE_EVENTS = "/jax/core/compile/"
_total = 0.0
_listening = False


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    global _total
    if event.startswith(_COMPILE_EVENTS):
        _total += duration_secs


class Clock:
    """Wall and compilation seconds of this process since the clock was made."""

    def __init__(self):
        global _listening
        if not _listening:
            jax.monitoring.register_event_duration_secs_listener(_listen)
            _listening = True
        self._start = time.perf_counter()
        self._compiled = _total

    @property
    def wall_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def compile_s(self) -> float:
        """Seconds spent on tracing, lowering and compiling."""
        return min(_total - self._compiled, self.wall_s)
