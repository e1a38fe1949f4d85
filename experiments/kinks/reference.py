"""The reference of a subject, and what speaks for it."""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from flat import FlowField
from jax.flatten_util import ravel_pytree
from solvers import OURS, ours
from subjects import Subject

import gfflow as gf

STATES = Path(__file__).parents[1] / "work_precision" / "reference" / "relu_small.npz"
_HORIZONS = (2.0, 30.0, 100.0, 1000.0)
_RTOL = 1e-13
_CLASSICAL = (1e-11, 1e-12, 1e-13)


class Reference(NamedTuple):
    """**Attributes:**

    - `state`: y(T), shape `(D,)`.
    - `by`: where it is from.
    - `other`: what it was compared with, and `distance`, relative, of θ.
    """

    state: np.ndarray
    by: str
    other: str
    distance: float | None


def reference(
    field: FlowField, t1: float, seconds: float, states: Path = STATES
) -> Reference:
    """Ours at 1e-13, beside Dormand–Prince 8 or, where kinks hold the flow of
    `sliding`, the states in 80-bit arithmetic of work_precision, if there are any."""
    made = ours(OURS["KinkResolved"], seconds)(field, None, t1, _RTOL)
    if field.case.name == "sliding" and states.exists():
        state = _extended(states, t1)
        if made.state is None:
            return Reference(state, "80 bits", f"ours: {made.status}", None)
        distance = field.distance(made.state, state)
        return Reference(state, "80 bits", "ours at 1e-13", distance)
    if made.state is None:
        raise SystemExit(f"{field.case.name}, T = {t1:g}: {made.status}")
    if field.case.slides:
        return Reference(made.state, "ours at 1e-13", "self-reference", None)
    other, state = _classical(field.case, field.problem, t1, seconds)
    distance = None if state is None else field.distance(made.state, state)
    return Reference(made.state, "ours at 1e-13", other, distance)


def _extended(states: Path, t1: float) -> np.ndarray:
    with np.load(states) as file:
        return file["high"][_HORIZONS.index(t1)]


def _classical(case: Subject, problem: gf.Problem, t1: float, seconds: float):
    """The tightest run of Dormand–Prince 8 that ends in time."""
    best = "dopri8 out of time", None
    for rtol in _CLASSICAL:
        found = gf.solve(
            case.flow,
            problem,
            t1=t1,
            rtol=rtol,
            solver="dopri8",
            saveat=np.array([t1]),
            parameters_every=0,
            max_steps=4_000_000,
            max_wall_time=seconds,
        )
        if found.status_name != "successful":
            return best
        state = np.asarray(ravel_pytree(jax.device_get(found.state))[0])
        best = f"dopri8 at {rtol:.0e}", state
    return best
