"""The drift of a law on several rungs of tolerance: its order, and what it tends to."""

from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float

from ._drift import round_off

_ROUGH = 0.3
_EQUAL, _ABOVE, _FALLS, _MORE = 0.02, 1e3, 0.3, 1.2


@final
class Ladder(NamedTuple):
    """The drift of one law on two to five rungs, loosest first.

    - `tolerances`, `steps`, `drifts`: a rung each; the drift is the largest over
      components and times, as a fraction of the law's scale.
    - `order`: fitted exponent of the drift in the step; `None` where the drift is
      round-off, the steps do not change with the tolerance, or so many are rejected
      that the field cannot be smooth along the run (kinks).
    - `limit`: the drift extrapolated to tolerance 0, largest component.
    - `limits`: the same for each component.
    - `settled`: of each component, the drift that the two finest rungs agree on, to a
      fiftieth and a thousand times above round-off, where the finest took more steps; 0
      where they do not, and where the solver is no evidence. A true law's drift falls
      by the ratio of the tolerances.
    - `undecided`: of each component, whether at the finest rung its drift does neither:
      above round-off it neither falls nor is settled.
    - `error`: the part of the finest rung's drift that is the integrator's.
    - `round_off`: the least drift that can be told from round-off.
    - `solver`, `solver_order`: what integrated.
    - `evidence`: false where the solver keeps laws of this degree by construction.
    """

    tolerances: tuple[float, ...]
    steps: tuple[int, ...]
    drifts: tuple[float, ...]
    order: float | None
    limit: float
    limits: np.ndarray
    settled: np.ndarray
    undecided: np.ndarray
    error: float
    round_off: float
    solver: str
    solver_order: int
    evidence: bool

    @property
    def shrinks(self) -> bool:
        """Whether the drift falls with the tolerance, or is round-off at the finest."""
        falls = self.drifts[-1] < _FALLS * self.drifts[0]
        return falls or self.drifts[-1] <= 10 * self.round_off


def fitted_ladder(
    drifts: Sequence[Float[np.ndarray, "_ components"]],
    *,
    tolerances: Sequence[float],
    steps: Sequence[int],
    rejected: int,
    solver: str,
    solver_order: int,
    evidence: bool,
) -> Ladder:
    """The order and the limit of drifts on rungs, loosest first.

    **Arguments:**

    - `drifts`: of each rung, at its own T times, as fractions of the law's scale.
    - `steps`: accepted steps of each rung; `rejected`: rejected ones of the finest.
    """
    largest = np.array([np.max(np.abs(d)) if d.size else 0.0 for d in drifts])
    floor = round_off(steps[-1])
    order = None
    if rejected <= _ROUGH * steps[-1]:
        order = _order(
            largest, np.asarray(steps), np.asarray(tolerances), solver_order, floor
        )
    ratio = tolerances[-2] / tolerances[-1]
    if order is not None:
        ratio = ratio ** (order / solver_order)
    limits, errors = _extrapolate(drifts[-2][-1], drifts[-1][-1], order, ratio)
    limits = np.abs(limits)
    return Ladder(
        tolerances=tuple(tolerances),
        steps=tuple(steps),
        drifts=tuple(float(d) for d in largest),
        order=order,
        limit=float(np.max(limits)) if limits.size else 0.0,
        limits=limits,
        settled=_settled(drifts, steps) if evidence else np.zeros_like(limits),
        undecided=undecided(drifts, steps) & evidence,
        error=float(np.max(errors, initial=0.0)),
        round_off=floor,
        solver=solver,
        solver_order=solver_order,
        evidence=evidence,
    )


def undecided(
    drifts: Sequence[np.ndarray], steps: Sequence[int]
) -> Bool[np.ndarray, " components"]:
    """Where, at the ends of the two finest rungs, the drift of a component is above
    round-off and neither falls nor is settled: one more rung would tell.

    **Arguments:** those of `fitted_ladder`.
    """
    coarse, fine = np.abs(drifts[-2][-1]), np.abs(drifts[-1][-1])
    with np.errstate(invalid="ignore"):
        above = (fine > _ABOVE * round_off(steps[-1])) & (fine > _FALLS * coarse)
    return above & (_settled(drifts, steps) == 0)


def _settled(drifts: Sequence[np.ndarray], steps: Sequence[int]) -> np.ndarray:
    """What the ends of the two finest rungs agree on. Rungs of the same steps agree
    whatever they integrate."""
    coarse, fine = drifts[-2][-1], drifts[-1][-1]
    if steps[-1] < _MORE * steps[-2]:
        return np.zeros_like(fine)
    with np.errstate(invalid="ignore"):
        same = np.abs(fine - coarse) <= _EQUAL * np.abs(fine)
        above = np.abs(fine) > _ABOVE * round_off(steps[-1])
        return np.where(same & above, np.abs(fine), 0.0)


def _order(drifts, steps, tolerances, solver_order, floor) -> float | None:
    """p in drift ∝ hᵖ, over the rungs above round-off.

    A method of order k under error control takes h ∝ tolerance^{1/k} wherever accuracy
    decides, so p = k · d log(drift) / d log(tolerance). The mean step would mislead: it
    is dominated by the stretches where stability decides, and the drift is not.
    """
    above = (drifts > 10 * floor) & np.isfinite(drifts)
    if above.sum() < 2 or np.ptp(np.log(steps[above])) < np.log(1.2):
        return None
    slope = np.polyfit(np.log(tolerances[above]), np.log(drifts[above]), 1)[0]
    return float(solver_order * max(slope, 0.0))


def _extrapolate(coarse, fine, order, ratio) -> tuple[np.ndarray, np.ndarray]:
    """Richardson, d(h) = d₀ + C hᵖ through the two finest rungs: (d₀, C hᵖ).

    `ratio` is that of the two hᵖ. Without an order the finest rung stands for d₀, and
    the distance of the two rungs bounds the error.
    """
    with np.errstate(invalid="ignore"):
        if order is None or order < 1:
            return fine, np.abs(fine - coarse)
        error = (coarse - fine) / (ratio - 1)
        return fine - error, np.abs(error)
