"""A run on disk: rows in segments, a checkpoint after each, resumable at any moment."""

import io
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ... import __version__
from ..._errors import RunFolderError
from ...integrate import (
    Carry,
    Clock,
    Row,
    Solution,
    Status,
    assemble,
    completed,
    status_name,
    steps_of,
    with_status,
)
from ...problem import parameter_paths
from ..store import RunFolder
from ._build import Experiment

Tell = Callable[[float, float, float, float, int], None]

_LAW = "laws/"
_STATE = "parameters/"


class Spent(NamedTuple):
    """Seconds that earlier pieces of a resumed run took."""

    wall_s: float = 0.0
    compile_s: float = 0.0


class Runner:
    """Integrates an experiment, and keeps it on disk if it has a folder.

    The rows are cut into segments of equal length. A segment is written before the
    checkpoint that counts it, so the checkpoint never claims what is not there; and a
    row depends on the carry before it and on nothing else, so a resumed run has the
    same bits as one that was never stopped.
    """

    def __init__(self, experiment: Experiment, folder: RunFolder | None):
        self.experiment = experiment
        self.folder = folder
        rows = len(experiment.integration.grid)
        self._length = -(-(rows - 1) // experiment.config.run.segments)
        self._rows: list[Row] = []
        self._states: list[tuple[Any, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._spent = Spent()

    def run(self, tell: Tell) -> Solution:
        """Integrate from the last checkpoint, or from the start, to the end.

        **Arguments:**

        - `tell`: called now and then with the flow time, loss and gradient norm, the
            size of the last step and the number of steps.

        An interrupt from the keyboard stops it like the wall clock would.
        """
        self._clock = Clock()
        carry = self._last_checkpoint()
        if carry is None:
            carry, row = self.experiment.integration.start()
            self._rows, self._states = [row], [(carry.t, carry.state)]
        carry = self._integrate(carry, tell)
        solver, experiment = self.experiment.config.solver, self.experiment
        return completed(
            self._solution(carry),
            experiment.flow,
            experiment.problem,
            carry.t,
            solver.certify,
            solver.finish,
        )

    def restore(self) -> Solution:
        """What is on disk, as a solution; nothing is integrated.

        **Raises:** `RunFolderError` if there is no checkpoint.
        """
        self._clock = Clock()
        carry = self._last_checkpoint(keep_status=True)
        if carry is None:
            raise RunFolderError("this run was stopped before its first checkpoint")
        return self._solution(carry)

    def _integrate(self, carry: Carry, tell: Tell) -> Carry:
        integration = self.experiment.integration
        limit = self.experiment.config.run.max_wall_time
        deadline = None if limit is None else time.monotonic() + limit
        total = len(integration.grid)

        def news(now: Carry) -> None:
            last = self._rows[-1]
            t, loss, norm = float(now.t), float(last.loss), float(last.gradient_norm)
            tell(t, loss, norm, float(now.controller.dt), steps_of(now))

        try:
            for carry, row in integration.rows(
                carry, len(self._rows), deadline=deadline, progress=news
            ):
                if row is not None:
                    self._keep(carry, row)
                    done = len(self._rows) - 1
                    if done % self._length == 0 and done < total - 1:
                        self._save(carry)
        except KeyboardInterrupt:
            carry = with_status(carry, Status.stopped_wall_time)
        self._save(carry)
        return carry

    def _keep(self, carry: Carry, row: Row) -> None:
        """Keep a row of the grid, or the last row of a run that is over."""
        index = len(self._rows)
        grid = self.experiment.integration.grid
        if float(row.t) != float(grid[index]) and _resumable(carry.status):
            return
        self._rows.append(row)
        every = self.experiment.every
        last = index == len(grid) - 1
        if last or (every and index % every == 0):
            self._states.append((carry.t, carry.state))

    def _save(self, carry: Carry) -> None:
        """The segment that holds the last row, then the checkpoint."""
        if self.folder is None:
            return
        index = max(0, (len(self._rows) - 2) // self._length)
        first = 0 if index == 0 else index * self._length + 1
        rows = self._rows[first:]
        begin, end = float(rows[0].t), float(rows[-1].t)
        states = [(t, s) for t, s in self._states if begin <= float(t) <= end]
        self.folder.write_segment(index, self._arrays(rows, states))
        event = {
            "segment": index,
            "rows": len(self._rows),
            "t": float(carry.t),
            "loss": _number(rows[-1].loss),
            "gradient_norm": _number(rows[-1].gradient_norm),
            "steps": _steps(carry),
            "wall_s": self._spent.wall_s + self._clock.wall_s,
        }
        self._events = [*self._events[:index], event]
        self.folder.write_events(self._events)
        body = io.BytesIO()
        eqx.tree_serialise_leaves(body, carry)
        header = {
            "rows": len(self._rows),
            "t": float(carry.t),
            "status": status_name(carry.status),
            "wall_s": self._spent.wall_s + self._clock.wall_s,
            "compile_s": self._spent.compile_s + self._clock.compile_s,
        }
        self.folder.write_checkpoint(header, body.getvalue())

    def _last_checkpoint(self, keep_status: bool = False) -> Carry | None:
        found = None if self.folder is None else self.folder.read_checkpoint()
        if found is None or self.folder is None:
            return None
        header, body = found
        integration = self.experiment.integration
        like = eqx.filter_eval_shape(
            lambda i: i.core.start(i.grid[0], i.dt0, i.settings), integration
        )
        try:
            carry = eqx.tree_deserialise_leaves(body, like)
        except Exception as error:
            raise RunFolderError(
                f"the checkpoint of {self.folder.path} is damaged, or of another "
                f"version of gfflow (this is {__version__}): {error}. "
                "The arrays in its seg-*.npz are whole; to go on, run its config.toml "
                "again in another folder"
            ) from error
        table = self.folder.read_segments(header["rows"])
        self._rows = self._read_rows(table)
        self._states = self._read_states(table, carry.state)
        self._events = self.folder.read_events()
        self._spent = Spent(header["wall_s"], header["compile_s"])
        if keep_status or not _resumable(carry.status):
            return carry
        return with_status(carry, Status.successful)

    def _arrays(self, rows, states) -> dict[str, np.ndarray]:
        table = jtu.tree_map(lambda *x: np.stack(x), *rows)
        arrays = {
            "ts": table.t,
            "loss": table.loss,
            "gradient_norm": table.gradient_norm,
            "parameters_ts": np.asarray([float(t) for t, _ in states], table.t.dtype),
        }
        arrays |= {_LAW + name: values for name, values in table.laws.items()}
        initial = self._rows_state()
        for i, (path, leaf) in enumerate(
            zip(parameter_paths(initial), jtu.tree_leaves(initial))
        ):
            kept = [np.asarray(jtu.tree_leaves(s)[i]) for _, s in states]
            empty = np.zeros((0, *leaf.shape), leaf.dtype)
            arrays[_STATE + path] = np.stack(kept) if kept else empty
        return arrays

    def _rows_state(self) -> Any:
        return self.experiment.flow.initial_state(self.experiment.problem)

    def _read_rows(self, table: Mapping[str, np.ndarray]) -> list[Row]:
        names = self.experiment.laws
        rows = []
        for i in range(len(table["ts"])):
            laws = {name: jnp.asarray(table[_LAW + name][i]) for name in names}
            fields = ("ts", "loss", "gradient_norm")
            t, loss, norm = (jnp.asarray(table[f][i]) for f in fields)
            rows.append(Row(t, loss, norm, laws))
        return rows

    def _read_states(self, table, like) -> list[tuple[Any, Any]]:
        structure = jtu.tree_structure(like)
        columns = [column for key, column in table.items() if key.startswith(_STATE)]
        return [
            (
                jnp.asarray(t),
                jtu.tree_unflatten(structure, [jnp.asarray(c[i]) for c in columns]),
            )
            for i, t in enumerate(table["parameters_ts"])
        ]

    def _solution(self, carry: Carry) -> Solution:
        integration = self.experiment.integration
        solution = assemble(integration, carry, self._rows, self._states, self._clock)
        cost = solution.cost._replace(
            wall_s=self._spent.wall_s + self._clock.wall_s,
            compile_s=self._spent.compile_s + self._clock.compile_s,
        )
        return eqx.tree_at(
            lambda s: s.cost, solution, cost, is_leaf=lambda x: x is solution.cost
        )


def _resumable(status: Status) -> bool:
    """Whether going on is possible: not at an end, and not failed."""
    pauses = (Status.stopped_wall_time, Status.max_steps_reached)
    return any(bool(status == pause) for pause in pauses)


def _steps(carry: Carry) -> dict[str, int]:
    return {
        "accepted": int(carry.controller.accepted),
        "rejected": int(carry.controller.rejected),
    }


def _number(value) -> float | None:
    return float(value) if np.isfinite(value) else None
