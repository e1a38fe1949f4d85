"""The drift that each cause accounts for."""

import numpy as np

from ..integrate import Solution
from ..laws import Law
from ._drift import round_off
from ._ladder import Ladder
from ._rate import Rate


def error_budget(
    law: Law,
    ts: np.ndarray,
    rates: list[Rate],
    scale: np.ndarray,
    ladder: Ladder | None,
    solution: Solution,
) -> dict[str, float]:
    """Drift by cause, as a fraction of the law's scale, largest component.

    - `integrator`: from the ladder, brought to the run's tolerance; without one, the
      tolerance times the square root of the number of steps.
    - `round_off`: independent errors of each step added up.
    - `law`: the integral over time of |ḣ|, by the trapezoidal rule on the states.
    """
    steps = int(solution.accepted_steps)
    tolerance = float(solution.settings.rtol)
    by_integrator = tolerance * float(np.sqrt(steps + 1))
    if ladder is not None:
        by_integrator = ladder.error
        if ladder.tolerances[-1] < tolerance and ladder.order:
            by_integrator *= tolerance / ladder.tolerances[-1]
    size = np.abs(np.stack([r.rate for r in rates]))
    if law.decay_rate is not None:
        size = size * np.exp(float(law.decay_rate) * (ts - ts[0]))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        drift = np.trapezoid(size, ts, axis=0) / scale
    by_law = np.where(size.max(axis=0) == 0, 0.0, drift)
    return {
        "integrator": float(by_integrator),
        "round_off": round_off(steps),
        "law": float(np.max(by_law, initial=0.0)),
    }
