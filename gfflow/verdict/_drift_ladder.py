"""Integrations of a run again, at three tolerances."""

import jax.numpy as jnp
import numpy as np

from .._tolerance import least_tolerance
from ..flows import AbstractFlow
from ..integrate import Solution, solve
from ..laws import Law
from ..problem import Problem
from ..solvers import Auto, adapted, unwrapped
from ._drift import drift_of, law_scales
from ._ladder import Ladder, fitted_ladder

_RATIO = 100.0
_LOOSEST_FINEST = 1e-8
_ROWS = 3
_STAGES = 5


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
    if "quadratic" in adapted(solver).properties.exact_degrees:
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
    scales = [law_scales(laws, flow, problem, rung) for rung in rungs]
    return {
        name: _fitted(law, flow, tolerances, rungs, [each[name] for each in scales])
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


def _fitted(law, flow, tolerances, rungs, scales) -> Ladder:
    properties = adapted(rungs[0].solver).properties
    drifts = [drift_of(law, *each) for each in zip(rungs, scales)]
    return fitted_ladder(
        drifts,
        tolerances=tolerances,
        steps=[int(r.accepted_steps) for r in rungs],
        rejected=int(rungs[-1].rejected_steps),
        solver=properties.name,
        solver_order=properties.order,
        evidence=not (flow.shows_its_state and law.degree in properties.exact_degrees),
    )
