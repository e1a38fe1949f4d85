"""How far a run has come, told on stderr: a bar on a terminal, else plain lines."""

import math
import sys
import time
from contextlib import suppress
from io import StringIO
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Column

_LOG_UNIT = 1e-4


class Progress:
    """Tells how far an integration has come, on log flow time.

    Use it as a context manager around the integration, and call `update` as often as
    there is news. Nothing is ever written to stdout, and a stream that can no longer
    be written to ends the telling, not the run.
    """

    def __init__(
        self,
        t0: float,
        t1: float,
        enabled: bool = True,
        stream: TextIO | StringIO | None = None,
        interval: float = 5.0,
    ):
        """**Arguments:**

        - `t0`, `t1`: first and last flow time.
        - `enabled`: whether to write anything at all.
        - `stream`: where to write; stderr if it is `None`.
        - `interval`: least number of seconds from one plain line to the next; the
            last update is always written.
        """
        self._t0 = t0
        self._t1 = t1
        self._enabled = enabled
        self._stream = sys.stderr if stream is None else stream
        self._interval = interval
        self._remaining = _Remaining(t1)
        self._bar: Bar | None = None
        self._last_written = -math.inf
        self._unwritten: str | None = None

    def __enter__(self) -> "Progress":
        self._remaining.start(self._t0)
        if not (self._enabled and self._stream.isatty()):
            return self
        console = Console(file=self._stream)
        if not console.is_dumb_terminal:
            self._bar = Bar(
                BarColumn(bar_width=10),
                TextColumn("{task.percentage:>3.0f}%", markup=False),
                TimeElapsedColumn(table_column=Column(min_width=7)),
                TextColumn("{task.fields[news]}", markup=False),
                console=console,
                refresh_per_second=2,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task("", total=1.0, news="compiling")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with suppress(OSError, ValueError):
                self._bar.stop()
            self._bar = None
        elif self._unwritten is not None:
            self._write(self._unwritten)

    def update(
        self,
        t: float,
        loss: float,
        gradient_norm: float,
        step_size: float,
        steps: int,
    ) -> None:
        """Tell where the integration is.

        **Arguments:**

        - `t`: flow time.
        - `loss`, `gradient_norm`: at that time.
        - `step_size`: size of the last step.
        - `steps`: number of steps since the beginning.
        """
        if not self._enabled:
            return
        remaining = self._remaining.update(t, step_size, steps)
        fraction = self._fraction(t)
        left = "" if remaining is None else f"{_duration(remaining)} left  "
        news = f"{left}t {t:.3g}  loss {loss:.2e}  gradient {gradient_norm:.1e}"
        news = f"{news}  step {step_size:.1e}"
        if self._bar is not None:
            self._bar.update(self._task, completed=fraction, news=news)
            return
        self._unwritten = f"{100 * fraction:3.0f}%  {news}  {steps} steps"
        if time.monotonic() - self._last_written >= self._interval:
            self._write(self._unwritten)

    def _fraction(self, t: float) -> float:
        whole = self._t1 - self._t0
        done = min(max((t - self._t0) / whole, 0.0), 1.0) if whole > 0 else 1.0
        return math.log1p(done / _LOG_UNIT) / math.log1p(1 / _LOG_UNIT)

    def _write(self, line: str) -> None:
        self._last_written = time.monotonic()
        self._unwritten = None
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._enabled = False


class _Remaining:
    """Estimates the wall time that is left.

    Between two updates the step size went as a power of the elapsed flow time. If it
    goes on so, the number of steps still to take is an integral with a closed form;
    each is taken to cost what a step has cost since the update before.
    """

    def __init__(self, t1: float):
        self._t1 = t1

    def start(self, t0: float) -> None:
        self._t0 = t0
        self._wall = time.monotonic()
        self._steps = 0
        self._before: tuple[float, float] | None = None

    def update(self, t: float, step_size: float, steps: int) -> float | None:
        now, elapsed = time.monotonic(), t - self._t0
        wall, new_steps = now - self._wall, steps - self._steps
        if not (elapsed > 0 and 0 < step_size < math.inf and new_steps > 0):
            return None
        before = self._before
        self._wall, self._steps, self._before = now, steps, (elapsed, step_size)
        if before is None or elapsed <= before[0]:
            return None
        power = math.log(step_size / before[1]) / math.log(elapsed / before[0])
        growth = math.log(max(self._t1 - self._t0, elapsed) / elapsed)
        exponent = (1 - min(max(power, 0.0), 1.0)) * growth
        factor = math.expm1(exponent) / exponent if exponent > 0 else 1.0
        return elapsed / step_size * growth * factor * wall / new_steps


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    if seconds < 100 * 3600:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds / 86400:.0f} days"
