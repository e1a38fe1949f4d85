"""A run on disk: rows in segments, a checkpoint after each, resumable at any moment."""

import time
from collections.abc import Callable
from typing import final

import numpy as np

from ..._errors import RunFolderError
from ...integrate import (
    Carry,
    Record,
    Recorder,
    Row,
    Seconds,
    Solution,
    Status,
    Stopwatch,
    completed,
    make_solution,
)
from ..store import RunFolder
from ._build import Experiment
from ._checkpoint import Checkpoint
from ._segments import arrays_of, record_of

Tell = Callable[[float, float, float, float, int], None]


@final
class Runner:
    """Integrates an experiment, and keeps it on disk if it has a folder.

    The rows are cut into segments of equal length. A segment is written before the
    checkpoint that counts it, so the checkpoint never claims what is not there; and a
    row depends on the carry before it and on nothing else, so a resumed run has the
    same bits as one that was never stopped. A segment that is whole is held no longer.
    """

    def __init__(self, experiment: Experiment, folder: RunFolder | None):
        self.experiment = experiment
        self.folder = folder
        self._integration = experiment.integration
        self._total = len(experiment.integration.grid)
        self._length = -(-(self._total - 1) // experiment.config.run.segments)
        self._before = Seconds()
        self._watch = Stopwatch()

    def run(self, tell: Tell) -> Solution:
        """Integrate from the last checkpoint, or from the start, to the end.

        An interrupt from the keyboard stops it like the wall clock would.

        **Arguments:**

        - `tell`: called now and then with the flow time, loss and gradient norm, the
            size of the last step and the number of steps.
        """
        point = self._checkpoint()
        if point is None:
            carry, row = self._integration.start()
            recorder = self._integration.recorder()
            recorder.add(carry, row)
        else:
            carry = point.carry
            if carry.paused:
                carry = carry.with_status(Status.successful)
            recorder = self._recorder_after(point.rows)
        carry = self._integrate(carry, recorder, tell)
        solver = self.experiment.config.solver
        return completed(
            self._solution(carry, self._record(recorder)),
            self.experiment.problem,
            certify=solver.certify,
            finish=solver.finish,
        )

    def restore(self) -> Solution:
        """What is on disk, as a solution; nothing is integrated.

        **Raises:** `RunFolderError` if there is no checkpoint.
        """
        point = self._checkpoint()
        if point is None:
            raise RunFolderError("this run was stopped before its first checkpoint")
        return self._solution(point.carry, self._read(point.rows))

    def _integrate(self, carry: Carry, recorder: Recorder, tell: Tell) -> Carry:
        limit = self.experiment.config.run.max_wall_time
        deadline = None if limit is None else time.monotonic() + limit

        def news(now: Carry) -> None:
            last = recorder.last
            t, loss, norm = float(now.t), float(last.loss), float(last.gradient_norm)
            tell(t, loss, norm, float(now.controller.dt), now.steps)

        row: Row | None = None
        try:
            for carry, row in self._integration.rows(
                carry, recorder.count, deadline=deadline, progress=news
            ):
                if row is not None:
                    recorder.add(carry, row)
                    if self._is_whole(recorder.count) and recorder.count < self._total:
                        self._save(carry, recorder)
        except KeyboardInterrupt:
            if row is not None and recorder.last is not row:
                recorder.add(carry, row)
            carry = carry.with_status(Status.stopped_wall_time)
        self._save(carry, recorder)
        return carry

    def _is_whole(self, count: int) -> bool:
        """Whether the segment that holds the last of so many rows is full."""
        return count > 1 and (count - 1) % self._length == 0

    def _save(self, carry: Carry, recorder: Recorder) -> None:
        """The segment that holds the last row, then the checkpoint."""
        if self.folder is None:
            return
        record, count = recorder.held(), recorder.count
        if record is not None:
            index = self._segment_of(count)
            self.folder.write_segment(index, arrays_of(record))
            event = {
                "segment": index,
                "rows": count,
                "t": float(carry.t),
                "loss": _number(recorder.last.loss),
                "gradient_norm": _number(recorder.last.gradient_norm),
                "steps": {
                    "accepted": int(carry.controller.accepted),
                    "rejected": int(carry.controller.rejected),
                },
                "wall_s": self._seconds.wall_s,
            }
            events = self.folder.read_events()[:index]
            self.folder.write_events([*events, event])
        Checkpoint(carry, count, self._seconds).write(self.folder)
        if self._is_whole(count):
            recorder.forget()

    def _segment_of(self, count: int) -> int:
        """The segment that holds the last of so many rows; the first has one more."""
        return max(0, (count - 2) // self._length)

    def _checkpoint(self) -> Checkpoint | None:
        point = Checkpoint.read(self.folder, self._integration)
        if point is not None:
            self._before = point.seconds
        return point

    def _recorder_after(self, count: int) -> Recorder:
        """A recorder that holds the rows of the last segment, if it is not whole."""
        assert self.folder is not None
        index = self._segment_of(count)
        earlier = 0 if index == 0 else index * self._length + 1
        record = self._converted(self.folder.read_segment(index))
        recorder = self._integration.recorder(record.first(count - earlier), count)
        if self._is_whole(count):
            recorder.forget()
        return recorder

    def _record(self, recorder: Recorder) -> Record:
        """All rows: from disk, if they are there."""
        if self.folder is not None:
            return self._read(recorder.count)
        record = recorder.held()
        assert record is not None
        return record

    def _read(self, count: int) -> Record:
        assert self.folder is not None
        return self._converted(self.folder.read_segments(count))

    def _converted(self, table) -> Record:
        like = self.experiment.flow.initial_state(self.experiment.problem)
        return record_of(table, self.experiment.laws, like)

    def _solution(self, carry: Carry, record: Record) -> Solution:
        return make_solution(self._integration, carry, record, self._seconds)

    @property
    def _seconds(self) -> Seconds:
        return self._watch.seconds.after(self._before)


def _number(value) -> float | None:
    return float(value) if np.isfinite(value) else None
