"""What a run has recorded of the rate of a law."""

import math

import numpy as np

from ...integrate import Solution


def recorded_rate(solution: Solution, name: str) -> dict[str, float | None] | None:
    """Of one law over the whole run, for `metrics.json`; `None` if it was not recorded.

    Each is the largest absolute value of a component, `None` if it is not finite:
    `largest`, `at` (the time of it), `absolute` and `change` of `LawRate`, `drift`
    h(t1) − h(t0), and `integrator`, the drift less the change.
    """
    if name not in (solution.law_rates or {}):
        return None
    assert solution.law_rates is not None
    largest, at, change, absolute = (
        np.asarray(field[-1], float).ravel() for field in solution.law_rates[name]
    )
    values = np.asarray(solution.laws[name], float)
    drift = (values[-1] - values[0]).ravel()
    return {
        "largest": _largest(largest),
        "at": float(at[np.argmax(largest)]),
        "absolute": _largest(absolute),
        "change": _largest(change),
        "drift": _largest(drift),
        "integrator": _largest(drift - change),
    }


def _largest(values: np.ndarray) -> float | None:
    value = float(np.max(np.abs(values)))
    return value if math.isfinite(value) else None
