"""How far a law drifts, as a fraction of its scale."""

from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Float

from .._typing import Scalar, State
from ..flows import AbstractFlow
from ..integrate import Solution
from ..laws import Law, law_scale
from ..problem import Problem


def drift_of(law: Law, solution: Solution, scale: np.ndarray) -> np.ndarray:
    """(h(t) − h(0)) / scale at the recorded rows, `(T, components)`."""
    return relative_drift(law, solution.ts, solution.laws[law.name], scale)


def relative_drift(law: Law, ts, values, scale: np.ndarray) -> np.ndarray:
    """(h(t) − h(0)) / scale, stated decay undone; 0 where h has not changed a bit."""
    values = np.asarray(values, float)
    values = values.reshape(len(values), -1)
    rate = None if law.decay_rate is None else float(law.decay_rate)
    values = decay_undone(np.asarray(ts, float), values, rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        drift = (values - values[0]) / scale
    return np.where(values == values[0], 0.0, drift)


def decay_undone(
    ts: Float[np.ndarray, " T"],
    values: Float[np.ndarray, "T components"],
    rate: float | None,
) -> Float[np.ndarray, "T components"]:
    """The values times e^{λ(t − t₀)}; not finite where that overflows."""
    if rate is None:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        return values * np.exp(rate * (ts - ts[0]))[:, None]


def round_off(steps: int) -> float:
    """Drift from round-off alone: 4 ε √steps, additions of independent errors."""
    return float(4 * np.finfo(float).eps * np.sqrt(steps + 1))


def largest_scales(
    laws: dict[str, Law],
    flow: AbstractFlow,
    problem: Problem,
    places: Sequence[tuple[Scalar, State]],
) -> dict[str, np.ndarray]:
    """The largest scale of each component of each law at these times and states."""
    found = [_scales(laws, flow, problem, t, state) for t, state in places]
    largest = lambda *xs: np.max([np.asarray(x, float).ravel() for x in xs], axis=0)
    return {name: largest(*(scales[name] for scales in found)) for name in laws}


@eqx.filter_jit
def _scales(laws, flow, problem, t, state):
    view = lambda s: flow.view(s, problem)
    return {name: law_scale(law, view, t, state) for name, law in laws.items()}
