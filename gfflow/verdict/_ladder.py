"""The drift of laws at three tolerances, its order, and what it tends to."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._tolerance import least_tolerance
from ..flows import AbstractFlow
from ..integrate import Solution, solve
from ..laws import Law
from ..problem import Problem
from ..solvers import Auto, solver_properties, unwrapped
from ._drift import drift_of, law_scale, round_off

_RATIO = 100.0
_LOOSEST_FINEST = 1e-8
_ROWS = 3
_ROUGH = 0.3
_STAGES = 5


class Ladder(NamedTuple):
    """The drift of one law on three rungs, loosest first.

    - `tolerances`, `steps`, `drifts`: a rung each; the drift is the largest over
      components and times, as a fraction of the law's scale.
    - `order`: fitted exponent of the drift in the step; `None` where the drift is
      round-off, the steps do not change with the tolerance, or so many are rejected
      that the field cannot be smooth along the run (kinks).
    - `limit`: the drift extrapolated to tolerance 0, largest component.
    - `limits`: the same for each component.
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
    error: float
    round_off: float
    solver: str
    solver_order: int
    evidence: bool

    @property
    def shrinks(self) -> bool:
        """Whether the drift falls with the tolerance, or is round-off at the finest."""
        falls = self.drifts[-1] < 0.3 * self.drifts[0]
        return falls or self.drifts[-1] <= 10 * self.round_off


def drift_ladder(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], solution: Solution
) -> tuple[dict[str, Ladder], str | None]:
    """Integrate again at three tolerances, a factor of 100 apart, over the same time.

    The finest is the run's own, or 1e-8 if that is looser. The solver is the run's,
    without what is wrapped around it, unless it keeps quadratic laws exactly: then it
    is `Auto`.

    **Returns:** law name → ladder; and a sentence if there is none.
    """
    solver = unwrapped(solution.solver)
    if "quadratic" in solver_properties(solver).exact_degrees:
        solver = Auto(_STAGES)
    t1 = float(solution.ts[-1])
    if not t1 > float(solution.ts[0]):
        return {}, "there is no ladder: the run took no time"
    rtol = max(float(solution.settings.rtol), least_tolerance(problem.dtype))
    finest = min(rtol, _LOOSEST_FINEST)
    atol = float(solution.settings.atol) / float(solution.settings.rtol)
    steps = int(solution.accepted_steps + solution.rejected_steps)
    rungs, tolerances = [], []
    for power in (2, 1, 0):
        tolerance = finest * _RATIO**power
        if _serves(solution, laws, solver, tolerance):
            rungs.append(solution)
            tolerances.append(tolerance)
            continue
        rung = solve(
            flow,
            problem,
            t0=float(solution.ts[0]),
            t1=t1,
            rtol=tolerance,
            atol=atol * tolerance,
            saveat=_rows(solution),
            solver=solver,
            laws=list(laws.values()),
            parameters_every=0,
            max_steps=10 * steps + 10_000,
        )
        if rung.status_name == "successful":
            rungs.append(rung)
            tolerances.append(tolerance)
    if len(rungs) < 2:
        return {}, (
            "there is no ladder: the run could not be repeated at other tolerances "
            "within ten times its steps"
        )
    return {
        name: _ladder(law, flow, problem, tolerances, rungs)
        for name, law in laws.items()
    }, None


def _serves(solution, laws, solver, tolerance) -> bool:
    """Whether the run itself is the rung: its saved times do not decide its steps."""
    return (
        solver is solution.solver
        and float(solution.settings.rtol) == tolerance
        and all(name in solution.laws for name in laws)
        and int(solution.accepted_steps) >= 20 * len(solution.ts)
        and solution.finished
    )


def _rows(solution: Solution):
    """Few of the run's times, so that they do not decide the step size."""
    ts = np.asarray(solution.ts)[1:]
    index = np.linspace(0, len(ts) - 1, _ROWS + 1).round().astype(int)[1:]
    return jnp.asarray(np.unique(ts[index]))


def _ladder(law, flow, problem, tolerances, rungs) -> Ladder:
    properties = solver_properties(rungs[0].solver)
    drifts = []
    for rung in rungs:
        scale = law_scale(law, flow, problem, rung)
        drifts.append(drift_of(law, rung, scale))
    largest = np.array([np.max(np.abs(d)) if d.size else 0.0 for d in drifts])
    steps = np.array([int(r.accepted_steps) for r in rungs])
    floor = round_off(steps[-1])
    order = None
    if int(rungs[-1].rejected_steps) <= _ROUGH * steps[-1]:
        order = _order(largest, steps, np.asarray(tolerances), properties.order, floor)
    ratio = tolerances[-2] / tolerances[-1]
    if order is not None:
        ratio = ratio ** (order / properties.order)
    limits, errors = _extrapolate(drifts[-2][-1], drifts[-1][-1], order, ratio)
    limits = np.abs(limits)
    return Ladder(
        tolerances=tuple(tolerances),
        steps=tuple(int(n) for n in steps),
        drifts=tuple(float(d) for d in largest),
        order=order,
        limit=float(np.max(limits)) if limits.size else 0.0,
        limits=limits,
        error=float(np.max(errors, initial=0.0)),
        round_off=floor,
        solver=properties.name,
        solver_order=properties.order,
        evidence=not (flow.shows_its_state and law.degree in properties.exact_degrees),
    )


def _order(drifts, steps, tolerances, solver_order, floor) -> float | None:
    """p in drift ∝ hᵖ, over the rungs above round-off.

    A method of order k under error control takes h ∝ tolerance^{1/k} wherever accuracy
    decides, so p = k · d log(drift) / d log(tolerance). The mean step would mislead: it
    is dominated by the stretches where stability decides, and the drift is not.
    """
    above = drifts > 10 * floor
    if above.sum() < 2 or np.ptp(np.log(steps[above])) < np.log(1.2):
        return None
    slope = np.polyfit(np.log(tolerances[above]), np.log(drifts[above]), 1)[0]
    return float(solver_order * max(slope, 0.0))


def _extrapolate(coarse, fine, order, ratio) -> tuple[np.ndarray, np.ndarray]:
    """Richardson, d(h) = d₀ + C hᵖ through the two finest rungs: (d₀, C hᵖ).

    `ratio` is that of the two hᵖ. Without an order the finest rung stands for d₀, and
    the distance of the two rungs bounds the error.
    """
    if order is None or order < 1:
        return fine, np.abs(fine - coarse)
    error = (coarse - fine) / (ratio - 1)
    return fine - error, np.abs(error)
