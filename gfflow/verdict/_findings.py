"""All that was found out about one law, and the report that it makes."""

from typing import NamedTuple, final

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ..integrate import Solution
from ..laws import Law
from ..problem import Problem
from ..solvers import adapted
from ._derivative import Derivative
from ._ladder import Ladder
from ._rate import Rate, at_any, largest, resolution
from ._report import LawReport
from ._verdict import ComponentEvidence, decide, worst


@final
class LawFindings(NamedTuple):
    """All that was found out about one law; arrays have one entry a component."""

    along: Rate
    near: Rate
    anywhere: Rate
    regions: list[str]
    late: np.ndarray
    derivative: Derivative
    jumps: np.ndarray
    jumps_elsewhere: np.ndarray
    falls: np.ndarray
    precision: float
    scale: np.ndarray
    drift: np.ndarray
    budget: dict[str, float]
    ladder: Ladder | None


def law_report(
    law: Law,
    found: LawFindings,
    problem: Problem,
    solution: Solution,
    no_ladder: str | None,
    predicted: bool,
) -> LawReport:
    """The verdict on a law, and what it rests on.

    **Arguments:**

    - `no_ladder`: why there is no ladder, where one was asked for.
    - `predicted`: whether the law states how it changes.
    """
    settled = [decide(e) for e in _evidence(found, problem, solution, predicted)]
    verdicts = tuple(v for v, _ in settled)
    verdict = worst(list(verdicts))
    note = next((why for v, why in settled if v == verdict), "it has no components")
    kept = "this law" if law.degree == "other" else f"{law.degree} laws"
    ladder = found.ladder
    if ladder is not None and not ladder.evidence:
        note += (
            f"; {ladder.solver} keeps {kept} by construction, so the ladder is no "
            "evidence here"
        )
    elif ladder is not None and np.any(ladder.undecided):
        note += (
            f"; its drift neither falls nor settles down to a tolerance of "
            f"{ladder.tolerances[-1]:.0e}, so the ladder says nothing"
        )
    run = adapted(solution.solver).properties
    if law.name in solution.enforced:
        note += "; the run's solver enforces it, so the run's drift is no evidence"
    elif (
        law.degree in run.exact_degrees
        and law.degree != "linear"
        and solution.flow.shows_its_state
    ):
        note += (
            f"; {run.name} keeps {kept} by construction, so the run's drift is no "
            "evidence"
        )
    if no_ladder is not None:
        note += f"; {no_ladder}"
    rates = largest([found.along])
    random = [found.near, found.anywhere]
    told = resolution([found.along, *random])
    return LawReport(
        name=law.name,
        verdict=verdict,
        note=note,
        verdicts=verdicts,
        count=found.scale.size,
        rate=float(np.max(rates, initial=0.0)),
        rates=tuple(rates.tolist()),
        general_rate=float(np.max(largest(random), initial=0.0)),
        resolution=float(np.max(told, initial=0.0)),
        max_drift=float(np.max(found.drift, initial=0.0)),
        drifts=tuple(found.drift.tolist()),
        scale=float(np.min(found.scale)) if found.scale.size else 0.0,
        scales=tuple(found.scale.tolist()),
        order=None if ladder is None else ladder.order,
        limit=None if ladder is None else ladder.limit,
        budget=found.budget,
        ladder=ladder,
        degree=law.degree,
        source=law.source,
    )


def _evidence(
    found: LawFindings, problem: Problem, solution: Solution, predicted: bool
) -> list[ComponentEvidence]:
    """What is known of each component."""
    count = found.scale.size
    random = [found.near, found.anywhere]
    run, near = largest([found.along]), largest([found.near])
    run_says = at_any([found.along.informative])
    run_noise = at_any([found.along.noise])
    general_says = at_any([rates.informative for rates in random])
    general_noise = at_any([rates.noise for rates in random])
    still = at_any([rates.still for rates in random])
    vanishing = ~at_any([~rates.vanishing for rates in (found.along, *random)])
    beyond = found.anywhere.violated.T
    outside = (found.anywhere.outside & ~found.late[:, None]).T
    finite = np.all(found.along.finite, axis=0)
    wrong = found.derivative.wrong | found.jumps
    ladder = found.ladder
    settled = np.zeros(count) if ladder is None else ladder.settled
    open_ = np.zeros(count, bool) if ladder is None else ladder.undecided
    wild = at_any([found.along.wild])
    in_double = found.precision <= np.finfo(float).eps
    steps = int(solution.accepted_steps) + 1
    inputs = jtu.tree_leaves(problem.inputs)
    return [
        ComponentEvidence(
            run=float(run[i]),
            run_says=bool(run_says[i]),
            run_noise=bool(run_noise[i]),
            falls=bool(found.falls[i]),
            near=float(near[i]),
            general_says=bool(general_says[i]),
            general_noise=bool(general_noise[i]),
            still=bool(still[i]),
            vanishing=bool(vanishing[i]),
            violated=_where(beyond[i], found.regions),
            outside=_where(outside[i], found.regions),
            drift=float(found.drift[i]),
            expected_drift=found.budget["round_off"]
            + float(solution.settings.rtol) * steps,
            shrinks=None if ladder is None else ladder.shrinks,
            settled=float(settled[i]),
            undecided=bool(open_[i]),
            wild=bool(wild[i]),
            predicted=predicted,
            finite=bool(finite[i]),
            wrong_derivative=bool(wrong[i]) and in_double,
            moves=bool(found.derivative.moves[i]),
            jumps_elsewhere=bool(found.jumps_elsewhere[i]) and in_double,
            precision=found.precision,
            discrete=any(_counts(x.dtype) for x in inputs),
        )
        for i in range(count)
    ]


def _counts(dtype) -> bool:
    """Whether of whole numbers or truth values."""
    return jnp.issubdtype(dtype, jnp.integer) or dtype == bool


def _where(flags: np.ndarray, regions: list[str]) -> str:
    """At how many of the random points, and where the first of them lies."""
    at = [region for flag, region in zip(flags, regions) if flag]
    if not at:
        return ""
    return f"at {len(at)} of {len(regions)} random points ({at[0]})"
