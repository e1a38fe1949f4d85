"""Integrations of a run again, at three tolerances or more."""

from typing import NamedTuple, final

import jax.numpy as jnp
import numpy as np

from .._tolerance import least_tolerance
from ..flows import AbstractFlow
from ..integrate import Solution, solve
from ..laws import Law
from ..problem import Problem
from ..solvers import Auto, adapted, unwrapped
from ._drift import drift_of
from ._ladder import Ladder, fitted_ladder, undecided
from ._points import Points

_RATIO = 100.0
_LOOSEST_FINEST = 1e-8
_ROWS = 3
_STAGES = 5


@final
class DriftLadders(NamedTuple):
    """- `of`: law name → ladder; empty where there is none.
    - `missing`: a sentence if there is none.
    - `ends`: the states at the end of the rungs, loosest first.
    """

    of: dict[str, Ladder]
    missing: str | None = None
    ends: Points | None = None


def drift_ladder(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
    scales: dict[str, np.ndarray],
) -> DriftLadders:
    """Integrate again at three tolerances, a factor of 100 apart, over the same time.

    The third is the run's own, or 1e-8 if that is looser; while the drift of a law
    neither falls nor stays from one to the next, one or two finer ones. The solver is
    the run's, without what is wrapped around it, unless it keeps quadratic laws
    exactly: then it is `Auto`.

    **Arguments:**

    - `scales`: what the drifts are fractions of; law name → one a component.
    """
    solver = unwrapped(solution.solver)
    if "quadratic" in adapted(solver).properties.exact_degrees:
        solver = Auto(_STAGES)
    t1 = float(solution.ts[-1])
    if not t1 > float(solution.ts[0]):
        return DriftLadders({}, "there is no ladder: the run took no time")
    least = least_tolerance(problem.dtype)
    finest = min(max(float(solution.settings.rtol), least), _LOOSEST_FINEST)
    atol = float(solution.settings.atol) / float(solution.settings.rtol)
    steps = int(solution.accepted_steps + solution.rejected_steps)
    recorded = (solution.law_rates or {}).keys() == laws.keys()
    rungs: list[_Rung] = []
    for power in (2, 1, 0, -1, -2):
        tolerance = finest * _RATIO**power
        if power < 0 and (tolerance < least or not _open(rungs)):
            break
        run = solution
        if not _serves(solution, laws, solver, tolerance):
            run = solve(
                flow,
                problem,
                t0=float(solution.ts[0]),
                t1=t1,
                rtol=tolerance,
                atol=atol * tolerance,
                saveat=_rows(solution),
                solver=solver,
                laws=list(laws.values()),
                law_rates=recorded and solver is solution.solver,
                parameters_every=0,
                max_steps=10 * steps + 10_000,
            )
        if run.status_name == "successful":
            drifts = {n: drift_of(law, run, scales[n]) for n, law in laws.items()}
            rungs.append(_Rung(tolerance, run, drifts))
    if len(rungs) < 2:
        why = (
            "there is no ladder: the run could not be repeated at other tolerances "
            "within ten times its steps"
        )
        return DriftLadders({}, why)
    fitted = {name: _fitted(law, flow, rungs) for name, law in laws.items()}
    runs = [rung.run for rung in rungs]
    ends = Points.of([run.ts[-1] for run in runs], [run.state for run in runs])
    return DriftLadders(fitted, ends=ends)


class _Rung(NamedTuple):
    tolerance: float
    run: Solution
    drifts: dict[str, np.ndarray]


def _open(rungs: list[_Rung]) -> bool:
    """Whether one more rung would tell."""
    if len(rungs) < 2:
        return False
    *_, coarse, fine = rungs
    steps = [int(rung.run.accepted_steps) for rung in (coarse, fine)]
    pairs = zip(coarse.drifts.values(), fine.drifts.values())
    return any(np.any(undecided(pair, steps)) for pair in pairs)


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


def _fitted(law: Law, flow: AbstractFlow, rungs: list[_Rung]) -> Ladder:
    properties = adapted(rungs[0].run.solver).properties
    return fitted_ladder(
        [rung.drifts[law.name] for rung in rungs],
        tolerances=[rung.tolerance for rung in rungs],
        steps=[int(rung.run.accepted_steps) for rung in rungs],
        rejected=int(rungs[-1].run.rejected_steps),
        solver=properties.name,
        solver_order=properties.order,
        evidence=not (flow.shows_its_state and law.degree in properties.exact_degrees),
    )
