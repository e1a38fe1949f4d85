"""From evidence to a verdict, component by component."""

import enum
from typing import NamedTuple

import numpy as np

from ._rate import LIMIT

_EPS = float(np.finfo(float).eps)
_UNEXPECTED = 1e3
_UNMOVED = 64 * _EPS


class Verdict(enum.StrEnum):
    """What is said of a law, mildest last."""

    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
    CONSERVED_ON_THIS_DATA = "conserved-on-this-data"
    PREDICTED_DECAY = "predicted-decay"
    CONSERVED = "conserved"

    @property
    def holds(self) -> bool:
        """Whether it says that this is a law of the model, or goes as it predicts."""
        return self in (Verdict.CONSERVED, Verdict.PREDICTED_DECAY)


_SEVERITY = list(Verdict)


class ComponentEvidence(NamedTuple):
    """What is known of one component; relative rates are |ḣ| over its terms.

    - `run`: the largest relative rate along the trajectory; `run_says` whether the
      trajectory says anything (the state moves and h depends on it), `run_noise`
      whether the rate is nothing but round-off at some of its states.
    - `falls`: the relative rate at the end of the run falls with the tolerance.
    - `near`: the same with random data, near the run's parameters; `general_says`
      whether any of these points, or of those at random parameters, says anything,
      `general_noise` whether some are nothing but round-off.
    - `still`: the field does not move it at all, but by round-off.
    - `vanishing`: its values are below what floating point resolves, everywhere.
    - `violated`, `outside`: in words, at which random points its rate is above
      round-off, and where h is not a number or wild; empty where there are none.
    - `drift`: of the run, as a fraction of the scale.
    - `expected_drift`: what the integrator and round-off account for.
    - `shrinks`: whether the drift falls with the tolerance; `None` if unknown.
    - `settled`: what the drift settles at as the tolerance falls; 0 if it does not.
    - `undecided`: the drift is above round-off, and neither settles nor falls.
    - `wild`: along the run the derivative of h changes from one unit in the last place
      of the state to the next.
    - `predicted`: whether the law states how it changes.
    - `finite`: whether h and its rate were finite along the run.
    - `wrong_derivative`: the derivative of h along the run is not that of its value;
      `moves`: the value, by differences, changes along the field all the same.
    - `jumps_elsewhere`: the derivative misses jumps between random points.
    - `precision`: the coarsest machine precision in the field and the law.
    - `discrete`: some of the inputs are whole numbers.
    """

    run: float
    run_says: bool
    run_noise: bool
    falls: bool
    near: float
    general_says: bool
    general_noise: bool
    still: bool
    vanishing: bool
    violated: str
    outside: str
    drift: float
    expected_drift: float
    shrinks: bool | None
    settled: float
    undecided: bool
    wild: bool
    predicted: bool
    finite: bool
    wrong_derivative: bool
    moves: bool
    jumps_elsewhere: bool
    precision: float
    discrete: bool


def decide(evidence: ComponentEvidence) -> tuple[Verdict, str]:
    """The verdict on one component, and why in one sentence.

    The rate decides: it needs no accuracy of the integrator. The drift decides where it
    settles at a value as the tolerance falls: the rate was then not looked at where the
    law breaks. Values decide where the derivative of h does not tell the truth about h.
    """
    e = evidence
    if not e.finite:
        return Verdict.INCONCLUSIVE, (
            "the law or its rate is not finite along the run; look at its domain"
        )
    if e.vanishing:
        return Verdict.INCONCLUSIVE, (
            "its values are so small that floating point loses them; multiply it by a "
            "constant"
        )
    if e.wrong_derivative:
        return _by_value(e)
    if e.run > LIMIT * e.precision and e.falls and not e.settled:
        return Verdict.INCONCLUSIVE, (
            "its rate along the run is above round-off, but falls with the tolerance: "
            "it may hold on the level that the exact run is on, and on no other"
        )
    if e.run > LIMIT * e.precision:
        return Verdict.BROKEN, "its rate along the run is above round-off"
    if e.settled:
        return Verdict.BROKEN, (
            f"its drift settles at {e.settled:.1e} as the tolerance falls; its rate "
            "vanishes at the states that were kept, so it breaks between them"
        )
    if e.precision > _EPS:
        return Verdict.INCONCLUSIVE, (
            "the model, the loss or the law computes in a precision of "
            f"{e.precision:.0e} by itself: a law false by less could not be told from "
            "a true one; let it compute in the dtype of its parameters"
        )
    if e.wild:
        return Verdict.INCONCLUSIVE, (
            "its derivative changes from one rounding of the state to the next, so its "
            "rate says nothing; a law that varies less fast would"
        )
    if e.undecided:
        return Verdict.INCONCLUSIVE, (
            "its rate vanishes at the states that were kept, but its drift neither "
            "falls nor settles as the tolerance falls; keep more states "
            "(parameters_every=1), or take a finer tolerance"
        )
    if e.drift > _UNEXPECTED * e.expected_drift and e.shrinks is not True:
        return Verdict.INCONCLUSIVE, (
            "its rate vanishes at the states that were kept, but it drifts more than "
            "the integrator accounts for; keep more states (parameters_every=1), or "
            "weigh it with the ladder"
        )
    if e.jumps_elsewhere:
        return Verdict.INCONCLUSIVE, (
            "constant in this run, but its value jumps elsewhere, where its derivative "
            "is silent (floor, sign, stop_gradient?)"
        )
    return _at_random_points(e)


def _by_value(e: ComponentEvidence) -> tuple[Verdict, str]:
    drifts = e.drift > e.expected_drift and e.shrinks is not True
    changes = e.moves or drifts or e.settled
    if changes and e.run > LIMIT * e.precision:
        return Verdict.BROKEN, (
            "its rate along the run is above round-off, and its value changes, though "
            "not by that rate (many kinks, a jump, a stop_gradient?)"
        )
    if changes:
        return Verdict.BROKEN, (
            "its value changes along the run, and its derivative is not that of its "
            "value (a jump, a stop_gradient?)"
        )
    return Verdict.INCONCLUSIVE, (
        "its derivative is not that of its value (a stop_gradient?), so its rate is no "
        "evidence; its value does not drift beyond the integrator's error"
    )


def _at_random_points(e: ComponentEvidence) -> tuple[Verdict, str]:
    near = e.near > LIMIT * e.precision
    if near or e.violated:
        if e.run_noise and not e.run_says:
            if e.drift <= _UNMOVED:
                return Verdict.CONSERVED_ON_THIS_DATA, (
                    "it stays where it is, for the field of this run is nothing but "
                    "round-off; it is not a law for random data"
                )
            return Verdict.INCONCLUSIVE, (
                "not a law for random data, and the field of this run is nothing but "
                "round-off; a start farther from a critical point would decide"
            )
        return Verdict.CONSERVED_ON_THIS_DATA, (
            "its rate vanishes along this run, but not for random data "
            + ("near this run" if near else f"elsewhere: {e.violated}")
        )
    if e.outside:
        return Verdict.CONSERVED_ON_THIS_DATA, (
            "its rate vanishes along this run, but it is a law of a region only: it is "
            f"not a number, or changes from one rounding to the next, {e.outside}"
        )
    if not e.general_says:
        return _where_nothing_is_said(e)
    if e.predicted:
        return Verdict.PREDICTED_DECAY, "it changes as it states"
    return Verdict.CONSERVED, "its rate is round-off, here and at random points"


def _where_nothing_is_said(e: ComponentEvidence) -> tuple[Verdict, str]:
    """The rate of no random point is more than round-off, or a number."""
    if e.run_says:
        return Verdict.INCONCLUSIVE, (
            "conserved in this run, but it could be evaluated at no random point; "
            "a smaller scale of parameters and data would decide"
        )
    if e.still:
        return Verdict.CONSERVED, (
            "it is a constant of the flow: no field moves it by more than round-off"
        )
    if e.run_noise or e.general_noise:
        return Verdict.INCONCLUSIVE, (
            "the field is nothing but round-off wherever the law depends on it"
        )
    if e.discrete:
        return Verdict.CONSERVED_ON_THIS_DATA, (
            "nothing that it depends on moves for the whole numbers that were "
            "tried as inputs; others may move it"
        )
    return Verdict.CONSERVED, (
        "it is constant: nothing that it depends on moves anywhere"
    )


def worst(verdicts: list[Verdict]) -> Verdict:
    """The most severe of several; conserved if there are none."""
    return min(verdicts, key=_SEVERITY.index, default=Verdict.CONSERVED)
