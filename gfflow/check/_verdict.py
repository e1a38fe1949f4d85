"""From evidence to a verdict, component by component."""

import enum
from typing import NamedTuple

import numpy as np

_ROUND_OFF = 1e3 * np.finfo(float).eps
_CERTAIN = 1e5 * np.finfo(float).eps
_UNEXPECTED = 1e3


class Verdict(enum.StrEnum):
    """What is said of a law, mildest last."""

    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
    CONSERVED_ON_THIS_DATA = "conserved-on-this-data"
    PREDICTED_DECAY = "predicted-decay"
    CONSERVED = "conserved"


_SEVERITY = list(Verdict)


class Evidence(NamedTuple):
    """What is known of one component; relative rates are |ḣ| over its terms.

    - `run`: the largest relative rate along the trajectory; `run_says` whether the
      trajectory says anything (the state moves and h depends on it).
    - `near`, `anywhere`: the same with random data, near the run's parameters and at
      random ones; `general_says` whether any of these points says anything.
    - `drift`: at the finest tolerance, as a fraction of the scale; `None` if unknown.
    - `expected_drift`: what the integrator and round-off account for.
    - `shrinks`: whether the drift falls with the tolerance; `None` if unknown.
    - `decays`: whether the law states a decay.
    - `finite`: whether h was finite along the run.
    """

    run: float
    run_says: bool
    near: float
    anywhere: float
    general_says: bool
    drift: float | None
    expected_drift: float
    shrinks: bool | None
    decays: bool
    finite: bool


def decide(evidence: Evidence) -> tuple[Verdict, str]:
    """The verdict on one component, and why in one sentence.

    The rate decides: it needs no accuracy of the integrator. The drift can overrule it
    only where the derivative of h does not tell the truth about h.
    """
    e = evidence
    if not e.finite:
        return Verdict.INCONCLUSIVE, (
            "the law is not finite along the run; look at its domain"
        )
    if e.run > _CERTAIN:
        return Verdict.BROKEN, "its rate along the run is far above round-off"
    if e.drift is not None and _drifts_without_rate(e):
        return Verdict.BROKEN, (
            "its rate vanishes but it drifts, and no less at finer tolerance: its "
            "derivative is not that of its value (a jump, a stop_gradient?)"
        )
    if e.run > _ROUND_OFF:
        return Verdict.INCONCLUSIVE, (
            "its rate along the run lies between round-off and a certain violation; "
            "other data or a start of larger scale would decide"
        )
    if not e.general_says:
        if not e.run_says:
            return Verdict.CONSERVED, (
                "it is constant: it depends on the state nowhere that was looked at"
            )
        return Verdict.INCONCLUSIVE, (
            "conserved in this run, but it could be evaluated at no random point; "
            "a smaller scale of parameters and data would decide"
        )
    if e.anywhere > _CERTAIN or e.near > _CERTAIN:
        where = "and other parameters" if e.near <= _CERTAIN else "near this run"
        return Verdict.CONSERVED_ON_THIS_DATA, (
            f"its rate vanishes along this run, but not for random data {where}"
            + (
                ": a law of this region of parameters only"
                if e.near <= _CERTAIN
                else ""
            )
        )
    if max(e.anywhere, e.near) > _ROUND_OFF:
        return Verdict.INCONCLUSIVE, (
            "its rate at random points lies between round-off and a certain "
            "violation; a run from another start would decide"
        )
    if e.decays:
        return Verdict.PREDICTED_DECAY, "it follows the decay that it states"
    return Verdict.CONSERVED, "its rate is round-off, here and at random points"


def worst(verdicts: list[Verdict]) -> Verdict:
    """The most severe of several; conserved if there are none."""
    return min(verdicts, key=_SEVERITY.index, default=Verdict.CONSERVED)


def _drifts_without_rate(e: Evidence) -> bool:
    assert e.drift is not None
    return e.drift > _UNEXPECTED * e.expected_drift and e.shrinks is not True
