"""The drift that each cause accounts for."""

import numpy as np
from jaxtyping import Float

from ._drift import decay_undone, round_off
from ._ladder import Ladder


def error_budget(
    ts: Float[np.ndarray, " T"],
    rates: Float[np.ndarray, "T components"],
    scale: Float[np.ndarray, " components"],
    ladder: Ladder | None,
    *,
    steps: int,
    tolerance: float,
    decay_rate: float | None,
) -> dict[str, float]:
    """Drift by cause, as a fraction of the law's scale, largest component.

    - `integrator`: from the ladder, brought to the run's tolerance; without one, the
      tolerance times the square root of the number of steps.
    - `round_off`: independent errors of each step added up.
    - `law`: the integral over time of |ḣ|, by the trapezoidal rule on the states.

    **Arguments:**

    - `ts`, `rates`: times, and ḣ at each, less the decay that the law states.
    - `steps`, `tolerance`: accepted steps and relative tolerance of the run.
    """
    by_integrator = tolerance * float(np.sqrt(steps + 1))
    if ladder is not None:
        by_integrator = ladder.error
        if ladder.tolerances[-1] < tolerance and ladder.order:
            by_integrator *= tolerance / ladder.tolerances[-1]
    size = decay_undone(ts, np.abs(rates), decay_rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        drift = np.trapezoid(size, ts, axis=0) / scale
    by_law = np.where(size.max(axis=0) == 0, 0.0, drift)
    return {
        "integrator": float(by_integrator),
        "round_off": round_off(steps),
        "law": float(np.max(by_law, initial=0.0)),
    }
